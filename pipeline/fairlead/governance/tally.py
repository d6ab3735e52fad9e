"""A proposal's outcome: whether the vote was held by the rules, what it counted, and what holds now.

Pure: of the proposal, its ballot, what the register knows, and a moment. A vote is counted twice: by the
snapshot of its opening, and by what has become known since. What is known since can add a tie, a recusal
or a merger, and takes none away; where the two counts differ, the second holds (G-3.8).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from fairlead.governance.counting import ChangeClass, Count, Result, Step, count_vote, minute, number
from fairlead.governance.days import day_of
from fairlead.governance.electorate import (
    Founding,
    bound,
    founding_at,
    founding_state,
    seat_ties,
    was_seated,
)
from fairlead.governance.interests import NAMING_KINDS, provider_groups, recusing
from fairlead.governance.register import Register
from fairlead.model import Ballot, Elector, Proposal, Rules

#: The class of a proposal whose kind alone decides it (G-4.1). Of the others it is computed from the change.
CLASS_OF_KIND: Mapping[str, ChangeClass] = {
    "rules": "major",
    "charter": "major",
    "admission": "major",
    "removal": "major",
}
_SHOWN_DIGITS = 12  # of a digest
CLASSES: tuple[ChangeClass, ...] = ("editorial", "minor", "major")


class Outcome(enum.StrEnum):
    """What has become of a proposal."""

    NOT_OPEN = "not open"
    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_QUORUM = "no quorum"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    VOID = "void"


@dataclasses.dataclass(frozen=True, slots=True)
class Tally:
    """A proposal's outcome with every step to it.

    ``change``: the class it was counted by; None where no vote was opened. ``until``: when what is open
    closes. ``held``: whether the vote was opened by the rules. ``at_opening`` counts by the snapshot,
    ``as_known`` by what is known now and holds; ``found``: what became known in between, in words.
    """

    proposal: str
    title: str
    change: ChangeClass | None
    outcome: Outcome
    until: dt.datetime | None
    held: tuple[Step, ...]
    at_opening: Count | None
    as_known: Count | None
    found: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether what became known changes the result."""
        if self.at_opening is None or self.as_known is None:
            return False
        return self.at_opening.result != self.as_known.result


def required_class(proposal: Proposal, computed: ChangeClass | None = None) -> ChangeClass | None:
    """The least class that a proposal may be voted on as.

    Its kind's, where that decides it; else the one ``computed`` from what the change does. Until somebody
    computed it, a change of the methodology is major, and of what is called editorial nothing is known: None.
    """
    if proposal.kind in CLASS_OF_KIND:
        return CLASS_OF_KIND[proposal.kind]
    if computed is None and (proposal.kind == "methodology" or proposal.methodology_version is not None):
        return "major"
    return computed


def vote_length(change: ChangeClass, rules: Rules) -> dt.timedelta:
    """How long a vote of a class is open."""
    if change == "editorial":
        return dt.timedelta(hours=rules.editorial.hours)
    return dt.timedelta(days=rules.minor.vote_days if change == "minor" else rules.major.vote_days)


def tally(
    name: str,
    proposal: Proposal,
    ballot: Ballot | None,
    register: Register,
    *,
    text_sha256: str,
    now: dt.datetime,
    computed: ChangeClass | None = None,
) -> Tally:
    """What has become of a proposal at a moment.

    Args:
        name: the proposal's id.
        proposal: its file.
        ballot: the record of its vote; None where none was opened.
        register: what is known of people, companies and money.
        text_sha256: the digest of its text as it stands.
        now: the moment.
        computed: the class that its change was computed to have, where somebody computed it.
    """
    if ballot is None:
        return _without_ballot(name, proposal, register, now)
    change = max(ballot.class_, required_class(proposal, computed) or ballot.class_, key=CLASSES.index)
    known, found = electorate_as_known(proposal, ballot, register, now)
    at_opening = count_vote(ballot, ballot.electorate, change)
    as_known = count_vote(ballot, known, change)
    held = tuple(_held(proposal, ballot, change, text_sha256, was_seated(register, ballot.opens)))
    made = Tally(
        proposal=name,
        title=proposal.title,
        change=change,
        outcome=_outcome(proposal, ballot, held, as_known, now),
        until=ballot.closes if now < ballot.closes else None,
        held=held,
        at_opening=at_opening,
        as_known=as_known,
        found=found,
    )
    return made if made.outcome is Outcome.OPEN else dataclasses.replace(made, until=None)


def _outcome(
    proposal: Proposal, ballot: Ballot, held: Iterable[Step], count: Count, now: dt.datetime
) -> Outcome:
    unmet = [step.rule for step in held if step.met is False]
    ended = [event.at for event in proposal.events if event.kind == "withdrawn"]
    if any(at < ballot.closes and at <= now for at in ended):
        return Outcome.WITHDRAWN
    if "G-5.3" in unmet:
        return Outcome.AMENDED
    if unmet:
        return Outcome.VOID
    if now < ballot.closes:
        return Outcome.OPEN if now >= ballot.opens else Outcome.NOT_OPEN
    return {
        Result.ACCEPTED: Outcome.ACCEPTED,
        Result.REJECTED: Outcome.REJECTED,
        Result.NO_QUORUM: Outcome.NO_QUORUM,
    }[count.result]


# -- whether the vote was held by the rules ------------------------------------------------------


def _held(
    proposal: Proposal, ballot: Ballot, change: ChangeClass, text_sha256: str, seated: bool
) -> Iterator[Step]:
    """What a vote must be to be one at all."""
    founding = founding_state(ballot.electorate, ballot.rules.founding, was_seated=seated)
    text = "The board was seated when the vote opened."
    if founding.gaps:
        text = "The board was founding when the vote opened, and no vote can be held: "
        text += " ".join(founding.gaps)
    yield Step("G-1.2", text, not founding.gaps)
    text = f"A {change} change, by its kind."
    if proposal.kind not in CLASS_OF_KIND:
        text = f"Voted on as {'an' if change == 'editorial' else 'a'} {change} change."
    if CLASSES.index(ballot.class_) < CLASSES.index(change):
        text = f"The vote was opened for a change that is {ballot.class_}; this one is {change}."
    yield Step("G-4.1", text, ballot.class_ == change)
    yield from _window_steps(proposal, ballot, change)
    same = text_sha256 == ballot.proposal_sha256
    stands, put = text_sha256[:_SHOWN_DIGITS], ballot.proposal_sha256[:_SHOWN_DIGITS]
    text = f"The text is the one that was put to the vote, sha256 {stands}."
    if not same:
        text = f"The text was changed: {stands} is not {put}, which was put to the vote, and that ended it."
    yield Step("G-5.3", text, same)


def _window_steps(proposal: Proposal, ballot: Ballot, change: ChangeClass) -> Iterator[Step]:
    rules, clause = ballot.rules, {"editorial": "G-4.2", "minor": "G-4.3", "major": "G-4.4"}[change]
    length, needed = ballot.closes - ballot.opens, vote_length(change, rules)
    text = f"Open from {minute(ballot.opens)} to {minute(ballot.closes)}: {_long(length)}; "
    text += f"{_long(needed)} are prescribed."
    yield Step("G-5.2", text, length == needed)
    if change == "major":
        opened = [event.at for event in proposal.events if event.kind == "comment"]
        days = rules.major.comment_days
        waited = ballot.opens - min(opened) if opened else dt.timedelta(0)
        text = f"Open for comment for {_long(waited)} before; {number(days, 'day')} are prescribed."
        yield Step(clause, text, waited >= dt.timedelta(days=days))
    votings = sum(event.kind == "voting" and event.at <= ballot.opens for event in proposal.events)
    if votings > 1:
        most = rules.reopened_max
        text = f"Reopened {number(votings - 1, 'time')}, of {most} that are allowed."
        yield Step("G-5.6", text, votings - 1 <= most, {"reopened": votings - 1, "allowed": most})


def _long(length: dt.timedelta) -> str:
    hours = length / dt.timedelta(hours=1)
    return f"{hours / 24:g} days" if hours % 24 == 0 and hours >= 24 else f"{hours:.4g} hours"


# -- what is known since -------------------------------------------------------------------------


def electorate_as_known(
    proposal: Proposal, ballot: Ballot, register: Register, now: dt.datetime
) -> tuple[tuple[Elector, ...], tuple[str, ...]]:
    """The electorate of the opening with what is known since, and that in words.

    Who sat, and who spoke for whom, stays as the snapshot has it. Ties and recusals count from before the
    opening until the close, and groups that became one by the close are one.
    """
    by_then = dataclasses.replace(register, rules=ballot.rules)
    days = day_of(ballot.opens), day_of(min(ballot.closes, max(now, ballot.opens)))
    heads = by_then.heads(days[1])
    merged = _merged(ballot.electorate, heads)
    named = proposal.named if proposal.kind in NAMING_KINDS else ()
    known, found = [], list[str]()
    for elector in ballot.electorate:
        tied, recused = False, tuple[str, ...]()
        if elector.member in register.members:
            tied, recused = bound(by_then, elector.member, elector.organisation, days, named)
        joined = msgspec.structs.replace(
            elector,
            group=merged[elector.group],
            tied=elector.tied or tied,
            recused=tuple(sorted({*elector.recused, *recused})),
        )
        known.append(joined)
        found += _news(by_then, elector, joined, days, named, heads)
    return tuple(known), tuple(found)


def _merged(electorate: Iterable[Elector], heads: Mapping[str, str]) -> dict[str, str]:
    """Groups of the snapshot that are one by the close get one name, the later head's."""
    links: dict[str, set[str]] = {}
    for elector in electorate:
        now_head = heads.get(elector.organisation, elector.organisation)
        links.setdefault(elector.group, set()).add(now_head)
    names: dict[str, str] = {}
    for group in sorted(links):
        together, waiting = {group}, [group]
        while waiting:
            shared = links[waiting.pop()]
            new = {other for other in links if other not in together and links[other] & shared}
            together |= new
            waiting += sorted(new)
        if len(together) == 1:
            names[group] = group
        else:
            names[group] = min(head for one in together for head in links[one])
    return names


def _news(
    register: Register,
    before: Elector,
    after: Elector,
    days: tuple[dt.date, dt.date],
    named: Iterable[str],
    heads: Mapping[str, str],
) -> Iterator[str]:
    if before.group != after.group:
        yield f"{before.group} and {after.group} were one group by the close (G-2.2)."
    new = set(after.recused) - set(before.recused)
    ties = seat_ties(register, after.member, after.organisation, days) if new or after.tied else ()
    if new:
        groups = frozenset(heads.get(name, name) for name in named)
        reasons = {f"{tie.rule}: {tie.why}" for tie in recusing(ties, groups) if tie.rule in new}
        yield f"{after.member} is recused, {'; '.join(sorted(reasons))}."
    if after.tied and not before.tied:
        reasons = {f"{tie.rule}: {tie.why}" for tie in recusing(ties, provider_groups(register, heads))}
        yield f"{after.member} is tied to a provider, {'; '.join(sorted(reasons))}."


# -- without a vote ------------------------------------------------------------------------------


def _without_ballot(name: str, proposal: Proposal, register: Register, now: dt.datetime) -> Tally:
    """A proposal before its vote; an admission while the board is founding needs none (G-1.2)."""
    last = proposal.events[-1]
    held: tuple[Step, ...] = (Step("G-5.4", "No vote has been opened."),)
    outcome, until = Outcome.NOT_OPEN, None
    if proposal.kind == "admission":
        accepted = [event.at for event in proposal.events if event.kind == "accepted" and event.at <= now]
        decided = min(accepted) if accepted else now
        founding = _before(name, register, decided)
        if founding.gaps:
            held = tuple(_founding_admission(proposal, register.rules, founding.gaps, decided))
            opened, days = _public_since(proposal), register.rules.founding.admission_days
            until = opened + dt.timedelta(days=days) if opened else None
            if until is not None and now < until:
                outcome = Outcome.OPEN
            elif until is not None and accepted:
                outcome = Outcome.ACCEPTED if decided >= until else Outcome.VOID
    if last.kind in ("withdrawn", "rejected") and last.at <= now:
        outcome = Outcome.WITHDRAWN if last.kind == "withdrawn" else Outcome.REJECTED
    until = until if outcome is Outcome.OPEN else None
    return Tally(name, proposal.title, None, outcome, until, held, None, None, ())


def _before(name: str, register: Register, decided: dt.datetime) -> Founding:
    """The state on the day before an admission was decided, which its own members are no part of."""
    others = {key: one for key, one in register.members.items() if one.admitted_by != name}
    return founding_at(dataclasses.replace(register, members=others), decided - dt.timedelta(days=1))


def _public_since(proposal: Proposal) -> dt.datetime | None:
    place = first_comment(proposal)
    return None if place is None else proposal.events[place].at


def first_comment(proposal: Proposal) -> int | None:
    """The place of the event that opened a proposal for comment first; None where none did."""
    places = [place for place, event in enumerate(proposal.events) if event.kind == "comment"]
    return min(places, key=lambda place: proposal.events[place].at, default=None)


def _founding_admission(
    proposal: Proposal, rules: Rules, gaps: tuple[str, ...], decided: dt.datetime
) -> Iterator[Step]:
    yield Step("G-1.1", "The board is founding: " + " ".join(gaps))
    yield Step("G-1.2", "So its stewards admit members without a vote, after the public days.")
    opened, days = _public_since(proposal), rules.founding.admission_days
    if opened is None:
        yield Step("G-1.2", "It has not been opened for comment yet.", met=False)
        return
    waited = decided - opened
    text = f"Public since {minute(opened)}: {_long(waited)} by {minute(decided)}; {days} days are prescribed."
    yield Step("G-1.2", text, waited >= dt.timedelta(days=days), {"days": days})


# -- as data -------------------------------------------------------------------------------------


def tally_data(made: Tally) -> dict[str, Any]:
    """A tally as plain data, in the form of the public schema ``tally``."""
    return {
        "proposal": made.proposal,
        "title": made.title,
        "class": made.change,
        "outcome": str(made.outcome),
        "open_until": None if made.until is None else f"{made.until:%Y-%m-%dT%H:%M:%SZ}",
        "held": [_step_data(step) for step in made.held],
        "at_opening": _count_data(made.at_opening),
        "as_known": _count_data(made.as_known),
        "found_since": list(made.found),
        "differs": made.differs,
    }


def _step_data(step: Step) -> dict[str, Any]:
    return {"rule": step.rule, "text": step.text, "met": step.met, "numbers": dict(step.numbers)}


def _count_data(count: Count | None) -> dict[str, Any] | None:
    if count is None:
        return None
    return {
        "result": str(count.result),
        "steps": [_step_data(step) for step in count.steps],
        "votes": dict(count.votes),
        "eligible": list(count.eligible),
        "recused": {group: list(rules) for group, rules in count.recused.items()},
        "untied": sorted(set(count.eligible) - count.tied),
        "ballots": [
            {
                "github": msgspec.to_builtins(entry.vote.github),
                "member": entry.member,
                "group": entry.group,
                "vote": entry.vote.vote,
                "at": f"{entry.vote.at:%Y-%m-%dT%H:%M:%SZ}",
                "edited": entry.vote.edited_at is not None,
                "url": entry.vote.url,
                "counted": entry.counts,
                "rule": entry.rule,
                "reason": entry.reason,
            }
            for entry in count.ballots
        ],
    }
