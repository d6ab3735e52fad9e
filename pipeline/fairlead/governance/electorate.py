"""Who holds a seat, who may vote for whom, and whether the board is still founding. Knows no ballot.

A seat is a member's who has the role of a voter. Its state on a day is computed from the member's file, the
owners of companies and the rules; nobody is asked, and nobody is invented.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Sequence

from fairlead.governance.days import day_of, holds
from fairlead.governance.interests import (
    Tie,
    member_ties,
    provider_groups,
    recusing,
    span_before,
)
from fairlead.governance.register import Register
from fairlead.model import Elector, FoundingRules, GitHub, Member

_DAY = dt.timedelta(days=1)


class SeatState(enum.StrEnum):
    """Whether a seat counts. One in its cure period counts; what it lacks is said."""

    WAITING = "waiting"
    SEATED = "seated"
    CURE = "cure"
    RESTS = "rests"
    ENDED = "ended"


@dataclasses.dataclass(frozen=True, slots=True)
class Seat:
    """A voter's seat on a day. ``rule`` and ``why`` say what keeps it from being plainly seated."""

    member: str
    github: GitHub
    organisation: str
    group: str
    state: SeatState
    speaks: bool
    rule: str | None
    why: str | None

    @property
    def counts(self) -> bool:
        """Whether its holder belongs to the electorate."""
        return self.state in (SeatState.SEATED, SeatState.CURE)


def seats_at(register: Register, on: dt.date) -> tuple[Seat, ...]:
    """Every seat that was ever given, by the member's id, with its state on a day."""
    seats = _uncapped(register, on, register.members)
    by_group: dict[str, list[Seat]] = {}
    for seat in seats:
        if seat.counts:
            by_group.setdefault(seat.group, []).append(seat)
    changed = {seat.member: seat for held in by_group.values() for seat in _above_cap(register, on, held)}
    capped = [changed.get(seat.member, seat) for seat in seats]
    speaking = _delegates(register, capped)
    return tuple(dataclasses.replace(seat, speaks=seat.member in speaking) for seat in capped)


def _uncapped(register: Register, on: dt.date, names: Iterable[str]) -> list[Seat]:
    heads = register.heads(on)
    seats = []
    for name in sorted(names):
        member = register.members[name]
        if "voter" in member.roles:
            organisation, state, rule, why = _standing(register, member, on)
            group = heads.get(organisation, organisation)
            speaks = state is SeatState.SEATED and member.delegate_of == organisation
            seats.append(Seat(name, member.github, organisation, group, state, speaks, rule, why))
    return seats


def _standing(
    register: Register, member: Member, on: dt.date
) -> tuple[str, SeatState, str | None, str | None]:
    """The organisation of a member's seat on a day, the seat's state, and the rule and reason for it."""
    jobs = sorted(member.employment, key=lambda job: (job.from_, job.organisation))
    held = [job.organisation for job in jobs if holds(job.from_, job.until, on, on)]
    organisation = held[-1] if held else jobs[-1].organisation
    if member.delegate_of in held:
        organisation = member.delegate_of or organisation
    if on < member.seated:
        return organisation, SeatState.WAITING, "G-2.4", f"seated from {member.seated} on"
    if on > member.term_until:
        return organisation, SeatState.ENDED, "G-2.4", f"the term ended on {member.term_until}"
    if held and member.delegate_of in (None, *held):
        return organisation, SeatState.SEATED, None, None
    left = member.delegate_of
    ends = [
        job.until
        for job in jobs
        if job.until is not None and job.until < on and left in (None, job.organisation)
    ]
    named = register.name(left) if left else "the last employer"
    if not ends:
        why = f"is to vote for {named} without being employed there"
        return organisation, SeatState.RESTS, "G-2.6", why
    cure_until = max(ends) + register.rules.seats.cure_days * _DAY
    state = SeatState.CURE if on <= cure_until else SeatState.RESTS
    return organisation, state, "G-2.6", f"left {named} on {max(ends)}; to be put in order by {cure_until}"


def group_of(register: Register, name: str, on: dt.date) -> str:
    """The company group that a member speaks for on a day, or last worked in, whatever the role."""
    organisation = _standing(register, register.members[name], on)[0]
    return register.heads(on).get(organisation, organisation)


# -- the cap of a group --------------------------------------------------------------------------


def _above_cap(register: Register, on: dt.date, held: Sequence[Seat]) -> list[Seat]:
    """Those of a group's seats that are above the cap, with the state that this gives them."""
    cap = register.rules.seats.group_max
    ordered = sorted(held, key=lambda seat: (register.members[seat.member].seated, seat.member))
    if len(ordered) <= cap:
        return []
    since, by_change = _excess_since(register, on, [seat.member for seat in ordered])
    cure_until = since + register.rules.seats.cure_days * _DAY
    name, words = register.name(ordered[0].group), f"{cap} seats" if cap > 1 else "one seat"
    if by_change and on <= cure_until:
        state, rule = SeatState.CURE, "G-2.6"
        why = f"the group of {name} holds {len(ordered)} seats since {since}; it may hold {words} "
        why += f"after {cure_until}"
    else:
        state, rule = SeatState.RESTS, "G-2.5"
        why = f"the group of {name} may hold {words}, and older ones stand"
    return [dataclasses.replace(seat, state=state, rule=rule, why=why) for seat in ordered[cap:]]


def _excess_since(register: Register, on: dt.date, names: Sequence[str]) -> tuple[dt.date, bool]:
    """Since when so many of these members sit for one group, and whether a change, no seating, began it."""
    members = [register.members[name] for name in names]
    begun = {member.seated for member in members}
    days = set(begun)
    for member in members:
        for job in member.employment:
            days |= {job.from_, *([job.until + _DAY] if job.until else [])}
    for organisation in register.organisations.values():
        for owner in organisation.owners:
            days |= {owner.from_, *([owner.until + _DAY] if owner.until else [])}
    since: dt.date | None = None
    for day in sorted(day for day in days if day <= on):
        counts: dict[str, int] = {}
        for seat in _uncapped(register, day, names):
            if seat.counts:
                counts[seat.group] = counts.get(seat.group, 0) + 1
        is_above = max(counts.values(), default=0) > register.rules.seats.group_max
        since = (since or day) if is_above else None
    return since or on, since not in begun


def _delegates(register: Register, seats: Sequence[Seat]) -> set[str]:
    """One member a group: the head's delegate, else by the organisation's id, the seat's age, the member's
    id (G-2.3)."""

    def order(seat: Seat) -> tuple[bool, str, dt.date, str]:
        seated = register.members[seat.member].seated
        return seat.organisation != seat.group, seat.organisation, seated, seat.member

    chosen: dict[str, str] = {}
    for seat in sorted((seat for seat in seats if seat.counts and seat.speaks), key=order):
        chosen.setdefault(seat.group, seat.member)
    return set(chosen.values())


# -- the electorate ------------------------------------------------------------------------------


def electors_at(register: Register, at: dt.datetime, named: Iterable[str] = ()) -> tuple[Elector, ...]:
    """The electorate at a moment, as a vote's snapshot states it.

    ``named``: the organisations that the proposal names, where its kind takes votes away; else none.
    """
    on = day_of(at)
    electors = []
    for seat in seats_at(register, on):
        if seat.counts:
            tied, recused = bound(register, seat.member, seat.organisation, (on, on), named)
            electors.append(
                Elector(
                    member=seat.member,
                    github=seat.github,
                    organisation=seat.organisation,
                    group=seat.group,
                    delegate=seat.speaks,
                    tied=tied,
                    recused=recused,
                )
            )
    return tuple(electors)


def bound(
    register: Register, member: str, organisation: str, days: tuple[dt.date, dt.date], named: Iterable[str]
) -> tuple[bool, tuple[str, ...]]:
    """Whether a member, who sits for an organisation, is tied to a provider in what is decided between two
    days; and the rules that take the vote away where these organisations are named."""
    ties = seat_ties(register, member, organisation, days)
    heads = register.heads(days[1])
    named_groups = frozenset(heads.get(name, name) for name in named)
    recused = {tie.rule for tie in recusing(ties, named_groups)}
    return bool(recusing(ties, provider_groups(register, heads))), tuple(sorted(recused))


def seat_ties(
    register: Register, member: str, organisation: str, days: tuple[dt.date, dt.date]
) -> tuple[Tie, ...]:
    """Every tie that counts for what is decided between two days, of a member and whom they sit for."""
    return member_ties(register, member, span_before(register, *days), organisation)


# -- the founding state --------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Founding:
    """How far an electorate is; ``gaps``: what it lacks, in words. Without any the founding has ended."""

    voters: int
    groups: int
    untied: int
    gaps: tuple[str, ...]


def founding_state(electors: Sequence[Elector], rules: FoundingRules, *, was_seated: bool) -> Founding:
    """Whether an electorate is large and independent enough to vote.

    ``was_seated``: whether a vote was opened before by one that was. Then the founding has ended (G-1.1), and
    comes back only with too few voters or organisations, or with none that is untied (G-1.4): otherwise
    hiring one delegate could stop the board.
    """
    tied: dict[str, bool] = {}
    for elector in electors:
        tied[elector.group] = tied.get(elector.group, False) or elector.tied
    voters, untied = len({elector.github.id for elector in electors}), sum(not each for each in tied.values())
    gaps = []
    if voters < rules.voters_min:
        gaps.append(f"{voters} of {rules.voters_min} voters are seated.")
    if len(tied) < rules.organisations_min:
        gaps.append(f"{len(tied)} of {rules.organisations_min} organisations have a voter.")
    if was_seated and not untied:
        gaps.append("None of them is without ties to a provider.")
    elif not was_seated and (not tied or untied < rules.untied_share_min * len(tied)):
        share = f"{rules.untied_share_min * 100:g} %"
        gaps.append(f"{untied} of them are without ties to a provider, {share} must be.")
    return Founding(voters, len(tied), untied, tuple(gaps))


def was_seated(register: Register, before: dt.datetime) -> bool:
    """Whether a vote was opened earlier by an electorate with which the founding ends."""
    return any(
        ballot.opens < before
        and not founding_state(ballot.electorate, ballot.rules.founding, was_seated=False).gaps
        for ballot in register.ballots.values()
    )


def founding_at(register: Register, at: dt.datetime) -> Founding:
    """The state at a moment."""
    electors = electors_at(register, at)
    return founding_state(electors, register.rules.founding, was_seated=was_seated(register, at))
