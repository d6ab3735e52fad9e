"""Whose results are not ranked: those of the board's own house. Knows no figure and no rank.

Whoever holds administration rights, runners or measuring keys, or gives much of the money, is never ranked
(G-6).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator

from fairlead.governance.days import day_of, holds, months_before
from fairlead.governance.register import Register
from fairlead.model import GitHub

_RIGHTS = {"admin": "administration rights", "runner": "a runner", "keys": "measuring keys"}


_UNDISCLOSED = "may be the board's own house (G-6.1): its organisation is not disclosed"


@dataclasses.dataclass(frozen=True, slots=True)
class Hold:
    """What makes a company group the board's own house: the clause, and in words."""

    group: str
    rule: str
    why: str


def own_house(register: Register, at: dt.datetime) -> tuple[Hold, ...]:
    """Every reason for which a company group belongs to the board's own house at a moment.

    A right that has ended counts on for the rules' days of cooling, so that nobody holds the keys on the day
    of a window and is ranked by it. A holder who is a member counts for whom they work for, too.
    """
    on = day_of(at)
    heads = register.heads(on)
    found = {
        Hold(heads.get(organisation, organisation), rule, why)
        for organisation, rule, why in (*_custody(register, on), *_funding(register, on))
    }
    return tuple(sorted(found, key=lambda hold: (hold.group, hold.rule, hold.why)))


_Reason = tuple[str, str, str]  # organisation, clause, words


def _custody(register: Register, on: dt.date) -> Iterator[_Reason]:
    since = on - dt.timedelta(days=register.rules.own_house.cooling_days)
    for entry in register.custody:
        if holds(entry.from_, entry.until, since, on):
            until = f" until {entry.until}" if entry.until else ""
            right = f"{_RIGHTS[entry.right]} since {entry.from_}{until}"
            if entry.organisation is not None:
                yield entry.organisation, "G-6.1", f"{register.name(entry.organisation)} holds {right}"
            if entry.holder is not None:
                for organisation, why in _employers(register, entry.holder, right, (since, on)):
                    if organisation != entry.organisation:
                        yield organisation, "G-6.1", why
    for vantage in register.vantages.values():
        if vantage.operator is not None:
            why = f"{register.name(vantage.operator)} operates the vantage {vantage.name}"
            yield vantage.operator, "G-6.1", why


def _employers(
    register: Register, holder: GitHub, right: str, span: tuple[dt.date, dt.date]
) -> Iterator[tuple[str, str]]:
    for member in register.members.values():
        if member.github.id == holder.id:
            for job in member.employment:
                if holds(job.from_, job.until, *span):
                    why = f"{member.name}, who holds {right}, works for {register.name(job.organisation)}"
                    yield job.organisation, why


def _funding(register: Register, on: dt.date) -> Iterator[_Reason]:
    rules = register.rules.own_house
    for group, share in funding_shares(register, on).items():
        if share > rules.funding_share_above:
            why = f"{register.name(group)} and its group gave {share:.0%} of the funding "
            yield group, "G-6.2", why + f"of {rules.funding_months} months"


def funding_shares(register: Register, on: dt.date) -> dict[str, float]:
    """The share of the funding within the rules' months that each company group gave, largest first."""
    heads = register.heads(on)
    first = months_before(on, register.rules.own_house.funding_months)
    given: dict[str, float] = {}
    for entry in register.funding:
        if first <= entry.date <= on:
            group = heads.get(entry.from_, entry.from_)
            given[group] = given.get(group, 0.0) + entry.amount_usd
    total = sum(given.values())
    shares = {group: amount / total for group, amount in given.items()} if total else {}
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def withheld(register: Register, at: dt.datetime) -> dict[str, tuple[str, ...]]:
    """Why a provider's rows are not ranked for whose they are, by its id; providers without a reason are left
    out."""
    heads = register.heads(day_of(at))
    reasons: dict[str, list[str]] = {}
    holds_by_group: dict[str, list[str]] = {}
    for hold in own_house(register, at):
        holds_by_group.setdefault(hold.group, []).append(f"the board's own house ({hold.rule}): {hold.why}")
    for name, provider in register.providers.items():
        if provider.organisation is not None:
            group = heads.get(provider.organisation, provider.organisation)
            reasons[name] = list(holds_by_group.get(group, ()))
        else:
            reasons[name] = [_UNDISCLOSED] if holds_by_group else []
    return {name: tuple(found) for name, found in reasons.items() if found}
