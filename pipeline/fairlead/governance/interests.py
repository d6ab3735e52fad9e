"""Ties between a member and an organisation, and the rule by which each takes a vote away. Knows no vote.

A tie is computed from what members, providers and owners have stated; nobody declares a recusal. What is
not disclosed, a day or an amount, counts as if it reached the limit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping

from fairlead.governance.days import holds, months_before
from fairlead.governance.register import MEMBERS, Register
from fairlead.model import Interest, Member
from fairlead.repository import ORGANISATIONS_PATH

_BAND_MAX_USD: Mapping[str | None, float] = {
    "none": 0,
    "up-to-1000-usd": 1000,
    "over-1000-usd": float("inf"),
    None: float("inf"),
}
_RULE_OF_KIND = {
    "employment": "G-3.1",
    "equity": "G-3.2",
    "ownership": "G-3.2",
    "contract": "G-3.3",
    "operation": "G-3.3",
    "credits": "G-3.4",
    "other": "G-3.4",
}
_WORDS = {
    "employment": "employed by",
    "equity": "holds equity in",
    "ownership": "owns a part of",
    "contract": "has a contract with",
    "operation": "operates something for",
    "credits": "took money or credits from",
    "other": "has another interest in",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Tie:
    """Why somebody may not judge a company group: the rule, in words, and the file that says it."""

    rule: str
    group: str
    why: str
    source: str


Span = tuple[dt.date, dt.date]


def span_before(register: Register, first: dt.date, last: dt.date) -> Span:
    """The days on which a tie counts for what is decided between two days (G-3.6)."""
    return months_before(first, register.rules.recusal.months), last


def member_ties(register: Register, name: str, span: Span, voting_for: str | None) -> tuple[Tie, ...]:
    """Every tie of a member to a company group within a span of days, the group they vote for included.

    Groups are those of the span's last day. ``voting_for``: the organisation whose vote they cast, whose
    own ties then count as theirs.
    """
    heads = register.heads(span[1])
    member = register.members[name]
    found = [*_of_person(register, name, member, span, heads)]
    if voting_for is not None:
        found += _of_organisation(register, voting_for, span, heads)
    return tuple(sorted(set(found), key=lambda tie: (tie.group, tie.rule, tie.why, tie.source)))


def provider_groups(register: Register, heads: Mapping[str, str]) -> frozenset[str]:
    """The groups that hold a provider; the board's own endpoint of known timing is none."""
    listed = {
        heads.get(provider.organisation, provider.organisation)
        for provider in register.providers.values()
        if provider.organisation is not None and provider.status != "reference"
    }
    of_kind = {heads[name] for name, entry in register.organisations.items() if entry.kind == "provider"}
    return frozenset(listed | of_kind)


def _of_person(
    register: Register, name: str, member: Member, span: Span, heads: Mapping[str, str]
) -> Iterator[Tie]:
    source = f"{MEMBERS}{name}.yaml"
    for job in member.employment:
        if holds(job.from_, job.until, *span):
            why = f"employed by {register.name(job.organisation)} {_when(job.from_, job.until)}"
            yield Tie("G-3.1", heads.get(job.organisation, job.organisation), why, source)
    for interest in member.interests:
        yield from _of_interest(register, interest, interest.party, span, heads, source)


def _of_organisation(
    register: Register, organisation: str, span: Span, heads: Mapping[str, str]
) -> Iterator[Tie]:
    """What ties the organisation whose vote is cast: its group, shares of others, what providers state."""
    own = heads.get(organisation, organisation)
    yield Tie("G-3.5", own, f"votes for {register.name(organisation)}", ORGANISATIONS_PATH)
    for company, entry in register.organisations.items():
        for owner in entry.owners:
            pair = {heads[company], heads.get(owner.organisation, owner.organisation)}
            if own in pair and len(pair) == 2 and owner.share > 0 and holds(owner.from_, owner.until, *span):
                when = _when(owner.from_, owner.until)
                why = f"{register.name(owner.organisation)} owns {owner.share:.0%} of {entry.name} {when}"
                yield Tie("G-3.5", (pair - {own}).pop(), why, ORGANISATIONS_PATH)
    for name, provider in register.providers.items():
        if provider.organisation is None:
            continue
        other = heads.get(provider.organisation, provider.organisation)
        for interest in provider.interests:
            parties = {other, heads.get(interest.party, interest.party)}
            if own in parties and len(parties) == 2:
                source = f"providers/{name}.yaml"
                for tie in _of_interest(register, interest, interest.party, span, heads, source):
                    why = f"votes for {register.name(organisation)}: {provider.name} {tie.why}"
                    yield Tie("G-3.5", (parties - {own}).pop(), why, source)


def _of_interest(
    register: Register, interest: Interest, party: str, span: Span, heads: Mapping[str, str], source: str
) -> Iterator[Tie]:
    rule = _RULE_OF_KIND[interest.kind]
    limit_usd = register.rules.recusal.amount_usd_above
    if not holds(interest.from_, interest.until, *span):
        return
    if rule == "G-3.4" and _BAND_MAX_USD[interest.amount_band] <= limit_usd:
        return
    amount = ", an amount not disclosed" if rule == "G-3.4" and interest.amount_band is None else ""
    when = _when(interest.from_, interest.until)
    why = f"{_WORDS[interest.kind]} {register.name(party)}{amount} {when}"
    yield Tie(rule, heads.get(party, party), why, source)


def _when(from_: dt.date | None, until: dt.date | None) -> str:
    if until is None:
        return f"since {from_}" if from_ else "(since when is not disclosed)"
    return f"from {from_} to {until}" if from_ else f"until {until}"


NAMING_KINDS: frozenset[str] = frozenset({"admission", "removal"})


def recusing(ties: tuple[Tie, ...], named: frozenset[str]) -> tuple[Tie, ...]:
    """Those of the ties that take the vote away where these groups are named."""
    return tuple(tie for tie in ties if tie.group in named)
