"""The count of one vote by one electorate. Knows no clock, no file and no interest: these are settled before.

Every number is the rules'. Each step of the count is a sentence with its clause of the charter and its
numbers, so that anybody can count again by hand. No ballot is dropped: one that does not count is listed
with the reason.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from fairlead.model import Ballot, BallotVote, Elector, Rules

ChangeClass = Literal["editorial", "minor", "major"]
Choice = Literal["yes", "no", "abstain"]


class Result(enum.StrEnum):
    """What a count comes to."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_QUORUM = "no quorum"


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One step of a count: its clause, what it found in words, whether it is met (None: it only tells), and
    the numbers that the words rest on."""

    rule: str
    text: str
    met: bool | None = None
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class ListedBallot:
    """A ballot, whose it is, and whether it counts; where it does not, by which clause and why."""

    vote: BallotVote
    member: str | None
    group: str | None
    rule: str | None
    reason: str | None

    @property
    def counts(self) -> bool:
        """Whether it is its group's vote."""
        return self.reason is None


@dataclasses.dataclass(frozen=True, slots=True)
class Count:
    """A vote counted: the steps in order, every ballot by its time, and how each group voted."""

    result: Result
    steps: tuple[Step, ...]
    ballots: tuple[ListedBallot, ...]
    votes: Mapping[str, Choice]
    eligible: tuple[str, ...]
    recused: Mapping[str, tuple[str, ...]]
    tied: frozenset[str]


def count_vote(ballot: Ballot, electorate: Iterable[Elector], change: ChangeClass) -> Count:
    """Count a vote. The order of ballots and of electors is of no consequence.

    Args:
        ballot: the window, the text's digest, the ballots and the rules of the opening.
        electorate: who could vote: the ballot's own snapshot, or what is known of the same people since.
        change: the class that says which majority is needed.
    """
    electors = _one_a_person(electorate)
    delegates = [elector for elector in electors.values() if elector.delegate]
    may = {elector.group for elector in delegates if not elector.recused}
    recused = {
        group: tuple(sorted({rule for one in delegates if one.group == group for rule in one.recused}))
        for group in sorted({elector.group for elector in delegates} - may)
    }
    listed = _list_ballots(ballot, electors)
    votes: dict[str, Choice] = {
        entry.group: entry.vote.vote for entry in listed if entry.counts and entry.group is not None
    }
    tied = frozenset(elector.group for elector in delegates if elector.tied)
    steps = [*_who(electors, delegates, may, recused), *_which(listed)]
    needed = list(_needed(votes, len(may), tied, ballot.rules, change))
    turnout = [step for step in needed if step.rule in ("G-4.7", "G-4.8")]
    if not all(step.met for step in turnout):
        result = Result.NO_QUORUM
    elif all(step.met for step in needed):
        result = Result.ACCEPTED
    else:
        result = Result.REJECTED
    return Count(
        result=result,
        steps=(*steps, *needed),
        ballots=tuple(listed),
        votes=dict(sorted(votes.items())),
        eligible=tuple(sorted(may)),
        recused=recused,
        tied=tied,
    )


def cast_at(vote: BallotVote) -> dt.datetime:
    """When a ballot was last what it is: an edited one counts from its edit."""
    return vote.at if vote.edited_at is None else max(vote.at, vote.edited_at)


def _one_a_person(electorate: Iterable[Elector]) -> dict[int, Elector]:
    """One elector a person, by the numeric id; of several entries the first delegate's, by organisation."""

    def order(one: Elector) -> tuple[bool, str, str, str, bool, tuple[str, ...]]:
        return not one.delegate, one.organisation, one.member, one.group, one.tied, one.recused

    found: dict[int, Elector] = {}
    for elector in sorted(electorate, key=order):
        found.setdefault(elector.github.id, elector)
    return found


# -- ballots -------------------------------------------------------------------------------------


def _list_ballots(ballot: Ballot, electors: Mapping[int, Elector]) -> list[ListedBallot]:
    """Every ballot in the order of its time, each counted or with its reason."""
    ordered = sorted(
        ballot.ballots, key=lambda vote: (cast_at(vote), vote.url, vote.vote, vote.github.id, vote.at)
    )
    faults = [_fault(vote, ballot, electors.get(vote.github.id)) for vote in ordered]
    latest = {
        vote.github.id: place
        for place, (vote, fault) in enumerate(zip(ordered, faults, strict=True))
        if fault is None
    }
    speaker: dict[str, int] = {}
    for person in sorted(latest, key=lambda person: _voice(electors[person])):
        speaker.setdefault(electors[person].group, person)
    listed = []
    for place, (vote, fault) in enumerate(zip(ordered, faults, strict=True)):
        elector = electors.get(vote.github.id)
        if fault is None and elector is not None:
            first = speaker[elector.group]
            if latest[vote.github.id] != place:
                fault = ("G-5.1", "a later ballot of the same person takes its place")
            elif first != vote.github.id:
                fault = ("G-2.2", f"the group of {elector.group} votes once, by {electors[first].member}")
        rule, reason = fault or (None, None)
        member, group = (elector.member, elector.group) if elector else (None, None)
        listed.append(ListedBallot(vote, member, group, rule, reason))
    return listed


def _voice(elector: Elector) -> tuple[bool, str, str]:
    """Of several delegates of one group, the head's speaks first (G-2.3)."""
    return elector.organisation != elector.group, elector.organisation, elector.member


def _fault(vote: BallotVote, ballot: Ballot, elector: Elector | None) -> tuple[str, str] | None:
    """By which clause, and why, a ballot is not valid."""
    if elector is None:
        return "G-5.4", "no elector: not in the snapshot that was taken when the vote opened"
    if not elector.delegate:
        return "G-2.3", f"{elector.member} is not the delegate who votes for {elector.group}"
    if elector.recused:
        return elector.recused[0], "recused"
    if vote.proposal_sha256 != ballot.proposal_sha256:
        return "G-5.3", "cast on another text"
    if vote.at < ballot.opens:
        return "G-5.2", f"cast before the vote opened, {minute(ballot.opens)}"
    if vote.at >= ballot.closes:
        return "G-5.2", f"cast after the vote closed, {minute(ballot.closes)}"
    if cast_at(vote) >= ballot.closes:
        return "G-5.2", f"edited after the vote closed, {minute(ballot.closes)}"
    return None


# -- steps ---------------------------------------------------------------------------------------


def minute(moment: dt.datetime) -> str:
    """A moment as people read it, in UTC."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def number(value: int, thing: str) -> str:
    """``1 ballot``, ``2 ballots``."""
    return f"{value} {thing}" if value == 1 else f"{value} {thing}s"


def _who(
    electors: Mapping[int, Elector],
    delegates: Sequence[Elector],
    may: set[str],
    recused: Mapping[str, tuple[str, ...]],
) -> Iterator[Step]:
    groups = len({elector.group for elector in delegates})
    text = (
        f"{number(len(electors), 'elector')}; {number(groups, 'company group')} among them with a delegate."
    )
    yield Step("G-5.4", text, numbers={"electors": len(electors), "groups": groups})
    if recused:
        names = ", ".join(f"{group} ({', '.join(rules)})" for group, rules in recused.items())
        text = f"{number(len(recused), 'group')} may not vote on this: {names}. {len(may)} may."
        rule = next(iter(next(iter(recused.values()))))
        yield Step(rule, text, numbers={"recused": len(recused), "eligible": len(may)})


def _which(listed: Sequence[ListedBallot]) -> Iterator[Step]:
    counted = sum(entry.counts for entry in listed)
    text = f"{number(len(listed), 'ballot')} on record, {counted} of them counted"
    left = len(listed) - counted
    text += f"; {left} listed with the reason why not." if left else "."
    yield Step("G-5.5", text, numbers={"ballots": len(listed), "counted": counted})


def _needed(
    votes: Mapping[str, Choice], eligible: int, tied: frozenset[str], rules: Rules, change: ChangeClass
) -> Iterator[Step]:
    """What has to be met, one step a condition."""
    yes = sum(choice == "yes" for choice in votes.values())
    no = sum(choice == "no" for choice in votes.values())
    sides: dict[str, float] = {"yes": yes, "no": no, "abstain": len(votes) - yes - no}
    if change == "editorial":
        least = rules.editorial.approvals_min
        text = f"{number(yes, 'approval')}; an editorial change needs {least}."
        yield Step("G-4.2", text, yes >= least, {**sides, "needed": least})
    else:
        yield from _turnout(len(votes), eligible, rules, sides)
    if change == "minor":
        yield _share_above(yes, no, rules.minor.yes_share_above)
    if change == "major":
        yield from _double_majority(votes, tied, rules, yes, no)
    text = f"{yes} yes, {no} no, {sides['abstain']:g} abstained: " + (
        "more yes than no." if yes > no else "not more yes than no, so things stay as they are."
    )
    yield Step("G-4.9", text, yes > no, sides)


def _turnout(cast: int, eligible: int, rules: Rules, sides: Mapping[str, float]) -> Iterator[Step]:
    least = rules.ballots_min
    text = f"{number(cast, 'group')} voted; a vote needs {least}."
    yield Step("G-4.7", text, cast >= least, {**sides, "cast": cast, "needed": least})
    above, below = rules.quorum_numerator, rules.quorum_denominator
    text = f"{cast} of {eligible} eligible groups voted; the quorum is {above}/{below}."
    met = eligible > 0 and cast * below >= above * eligible
    yield Step("G-4.8", text, met, {"cast": cast, "eligible": eligible})


def _share_above(yes: int, no: int, above: float) -> Step:
    text = f"{yes} of {yes + no} yes and no votes are yes; a minor change needs more than {above * 100:g} %."
    return Step("G-4.3", text, yes > above * (yes + no), {"yes": yes, "no": no, "share_above": above})


def _double_majority(
    votes: Mapping[str, Choice], tied: frozenset[str], rules: Rules, yes: int, no: int
) -> Iterator[Step]:
    above, below = rules.major.yes_share_min_numerator, rules.major.yes_share_min_denominator
    text = f"{yes} of {yes + no} yes and no votes are yes; a major change needs {above}/{below}."
    met = yes > 0 and yes * below >= above * (yes + no)
    yield Step("G-4.4", text, met, {"yes": yes, "no": no})
    if rules.major.untied_majority:
        untied = [choice for group, choice in votes.items() if group not in tied]
        free_yes, free_no = untied.count("yes"), untied.count("no")
        text = f"Of the groups without ties to a provider {free_yes} said yes and {free_no} no; "
        text += "a majority of those that voted must say yes"
        text += "." if free_yes + free_no else ", and none voted."
        yield Step("G-4.5", text, free_yes > free_no, {"untied_yes": free_yes, "untied_no": free_no})
    least = rules.major.yes_organisations_min
    text = f"{number(yes, 'group')} said yes; at least {least} must."
    yield Step("G-4.6", text, yes >= least, {"yes": yes, "needed": least})
