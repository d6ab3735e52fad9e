"""Who must recuse from what, and by which rule. Knows no ballot."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.governance.days import day_of
from fairlead.governance.electorate import Seat, seat_ties, seats_at
from fairlead.governance.interests import (
    NAMING_KINDS,
    Tie,
    member_ties,
    provider_groups,
    recusing,
    span_before,
)
from fairlead.governance.register import Register
from fairlead.model import GitHub, Proposal

_DECIDED = frozenset({"accepted", "rejected", "withdrawn", "superseded"})


@dataclasses.dataclass(frozen=True, slots=True)
class Matter:
    """What is judged, and the organisations that it names: the rows and disputes of a provider, or a
    proposal. ``is_decided``: nobody can vote on it any more."""

    kind: str
    name: str
    named: tuple[str, ...]
    is_decided: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Conflict:
    """A member who has no vote and no review in a matter, with every tie that says so."""

    member: str
    matter: Matter
    ties: tuple[Tie, ...]


def matters(register: Register, proposals: Mapping[str, Proposal]) -> tuple[Matter, ...]:
    """Everything that names an organisation: each provider, each admission and removal."""
    found = [
        Matter("provider", name, (provider.organisation,))
        for name, provider in register.providers.items()
        if provider.organisation is not None
    ]
    found += [
        Matter("proposal", name, proposal.named, proposal.events[-1].kind in _DECIDED)
        for name, proposal in proposals.items()
        if proposal.kind in NAMING_KINDS
    ]
    return tuple(found)


def conflicts(register: Register, about: tuple[Matter, ...], at: dt.datetime) -> tuple[Conflict, ...]:
    """Who must recuse from which matter at a moment: by member, in the order of the matters."""
    on = day_of(at)
    heads = register.heads(on)
    seated = _seats_that_count(register, on)
    found = []
    for name, member in sorted(register.members.items()):
        if not member.seated <= on <= member.term_until:
            continue
        ties = _ties_on(register, name, on, seated.get(name))
        for matter in about:
            groups = frozenset(heads.get(named, named) for named in matter.named)
            against = recusing(ties, groups)
            if against:
                found.append(Conflict(name, matter, against))
    return tuple(found)


def _seats_that_count(register: Register, on: dt.date) -> dict[str, Seat]:
    return {seat.member: seat for seat in seats_at(register, on) if seat.counts}


def _ties_on(register: Register, name: str, on: dt.date, seat: Seat | None) -> tuple[Tie, ...]:
    """Every tie of a member that counts on a day; of one who holds a seat, the organisation's too."""
    if seat is not None:
        return seat_ties(register, name, seat.organisation, (on, on))
    return member_ties(register, name, span_before(register, on, on), None)


def ties_to(
    register: Register, name: str, organisations: Iterable[str], on: dt.date, *, to_any_provider: bool = False
) -> tuple[Tie, ...]:
    """A member's ties on a day to the groups of these organisations; where asked, to any provider's too."""
    heads = register.heads(on)
    groups = frozenset(heads.get(organisation, organisation) for organisation in organisations)
    if to_any_provider:
        groups |= provider_groups(register, heads)
    seat = _seats_that_count(register, on).get(name)
    return recusing(_ties_on(register, name, on, seat), groups)


def rerun_refusal(
    register: Register, person: GitHub, provider: str, at: dt.datetime
) -> tuple[str, str] | None:
    """Why somebody may not start the rerun of a provider's claim, by clause and in words; None if they may.

    Whose interests are not known is nobody's to judge: a provider whose organisation is not disclosed is
    measured again once it is.
    """
    on = day_of(at)
    seats = {name: member for name, member in register.members.items() if member.github.id == person.id}
    if not seats:
        return "G-8.2", "is no member"
    if not any(member.seated <= on <= member.term_until for member in seats.values()):
        return "G-8.2", f"has no seat on {on}"
    if not any("maintainer" in member.roles for member in seats.values()):
        return "G-8.2", "is no maintainer"
    organisation = register.providers[provider].organisation
    if organisation is None:
        return "G-3.6", f"may have an interest: the organisation of {provider} is not disclosed"
    for conflict in conflicts(register, (Matter("provider", provider, (organisation,)),), at):
        if conflict.member in seats:
            tie = conflict.ties[0]
            return tie.rule, f"has an interest in {register.name(organisation)}: {tie.why} [{tie.source}]"
    return None


def conflicts_data(found: tuple[Conflict, ...]) -> list[dict[str, Any]]:
    """Conflicts as plain data."""
    return [
        {
            "member": conflict.member,
            "matter": {"kind": conflict.matter.kind, "name": conflict.matter.name},
            "ties": [dataclasses.asdict(tie) for tie in conflict.ties],
        }
        for conflict in found
    ]
