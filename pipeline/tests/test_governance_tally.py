"""Worked cases of the count, one a rule: each is a vote, and the whole of what is then said of it.

What is said stands in ``golden/tally/<case>.txt``; ``FAIRLEAD_ACCEPT=1`` writes it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from fairlead import governance
from fairlead.governance import Outcome, Tally, words
from fairlead.publish import api

from . import governance_example as board
from .governance_example import event, opened, proposal, register, seated, tallied, vote, votes

GOLDEN = Path(__file__).parent / "golden" / "tally"
ALL_YES = dict.fromkeys(board.PEOPLE, "yes")
ACCEPTED, REJECTED, VOID = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.VOID
ACME = "acme-cloud"


def editorial(**choices: str) -> Tally:
    ballots = tuple(vote(name, choice, 2) for name, choice in choices.items())
    return tallied(seated(), opened(seated(), proposal(), ballots, "editorial"))


def minor(**choices: str) -> Tally:
    return tallied(seated(), opened(seated(), proposal(), votes(**choices), "minor"))


def major(**choices: str) -> Tally:
    return tallied(seated(), opened(seated(), proposal(), votes(**choices)))


def removal(**choices: str) -> Tally:
    """A vote on removing Acme, which names it."""
    stated = proposal("removal", named=(ACME,))
    return tallied(seated(), opened(seated(), stated, votes(**choices)), stated)


def listed_ballots() -> Tally:
    """Five good ballots, and one of each kind that does not count."""
    seats = board.with_member(seated(), "ivy", employer="fjord-university", delegate_of=None)
    late, early = vote("fay", "no", 14), vote("gus", "no", -1)
    edited = vote("hal", "no", 3, edited_at=board.CLOSES)
    other_text = vote("eve", "no", 4, proposal_sha256="cd" * 32)
    given = votes(ada="yes", bo="yes", cy="yes", dan="yes", eve="yes")
    changed = (vote("dan", "no", 1), vote("ivy", "no"), vote("stranger", "no"))
    return tallied(seats, opened(seats, proposal(), (*given, *changed, late, early, edited, other_text)))


def a_subsidiary() -> Tally:
    """Bolt belongs to Acme, and both of them have a delegate."""
    bolt = board.organisation("bolt-inference", "provider", board.owner(ACME, 0.6))
    held = board.with_organisation(seated(), bolt)
    ballot = opened(held, proposal(), votes(**ALL_YES))
    both = tuple(replace(elector, delegate=True) for elector in ballot.electorate)
    return tallied(held, replace(ballot, electorate=both))


def merger(choice_of_acme: str | None) -> Tally:
    """Acme buys Bolt on the fifth day of a vote in which Bolt says yes; without it there are too few."""
    ballots = (*votes(ada="yes", bo="yes", fay="no", gus="yes", hal="abstain"), vote("eve", "yes", 1))
    if choice_of_acme:
        ballots += votes(dan=choice_of_acme)
    bolt = board.organisation("bolt-inference", "provider", board.owner(ACME, 0.9, "2026-03-05"))
    return tallied(board.with_organisation(seated(), bolt), opened(seated(), proposal(), ballots))


def hidden_interest() -> Tally:
    """Two untied organisations carried the vote; one of the delegates held shares of Acme all along."""
    ballots = votes(ada="yes", bo="yes", cy="no", dan="yes", eve="yes", fay="yes")
    ballot = opened(seated(), proposal(), ballots)
    known = board.with_member(seated(), "bo", interests=(board.interest("equity", ACME),))
    return tallied(known, ballot)


def hidden_recusal() -> Tally:
    """A removal fails by one vote, of a member who took credits from the named company."""
    stated = proposal("removal", named=(ACME,))
    ballots = votes(ada="yes", bo="no", cy="yes", eve="no", fay="yes", gus="yes", hal="no")
    ballot = opened(seated(), stated, ballots)
    gift = board.interest("credits", ACME, amount_band="over-1000-usd")
    return tallied(board.with_member(seated(), "hal", interests=(gift,)), ballot, stated)


def job_change() -> Tally:
    """On the fourth day the delegate of an untied university begins to work for Acme as well."""
    ballots = votes(ada="yes", bo="abstain", dan="yes", eve="yes", fay="yes", gus="yes")
    ballot = opened(seated(), proposal(), ballots)
    jobs = (board.job("fjord-university"), board.job(ACME, "2026-03-04"))
    return tallied(board.with_member(seated(), "ada", employment=jobs), ballot)


def reopened(times: int) -> Tally:
    earlier = [board.OPENS - dt.timedelta(days=3 * n) for n in range(times, 0, -1)]
    events = [event("comment", board.OPENS - dt.timedelta(days=40))]
    for at in earlier:
        events += [event("voting", at), event("amended", at + dt.timedelta(days=1))]
    stated = proposal(events=(*events, event("voting", board.OPENS)))
    return tallied(seated(), opened(seated(), stated, votes(**ALL_YES)), stated)


def founding() -> Tally:
    few = register(("ada", "bo", "dan", "eve"))
    return tallied(few, opened(few, proposal(), votes(ada="yes", bo="yes", dan="yes", eve="yes")))


def admission(*events: tuple[str, int], now_days: int = 90) -> Tally:
    """An admission to an empty board, with events so many days after it was raised."""
    raised = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = tuple(event(kind, raised + dt.timedelta(days=days)) for kind, days in events)
    stated = proposal("admission", named=("fjord-university",), raised=raised, events=made)
    return tallied(register(()), None, stated, now=raised + dt.timedelta(days=now_days))


def too_short() -> Tally:
    ballot = opened(seated(), proposal(), votes(**ALL_YES))
    return tallied(seated(), replace(ballot, closes=board.OPENS + dt.timedelta(days=7)))


def too_long() -> Tally:
    ballot = opened(seated(), proposal(), votes(**ALL_YES))
    return tallied(seated(), replace(ballot, closes=board.OPENS + dt.timedelta(days=15)))


def without_comment() -> Tally:
    stated = proposal(
        events=(event("comment", board.OPENS - dt.timedelta(days=2)), event("voting", board.OPENS))
    )
    return tallied(seated(), opened(seated(), stated, votes(**ALL_YES)), stated)


def too_low_a_class() -> Tally:
    return tallied(seated(), opened(seated(), proposal(), votes(**ALL_YES), "minor"), computed="major")


def amended() -> Tally:
    return tallied(seated(), opened(seated(), proposal(), votes(**ALL_YES)), text="cd" * 32)


def withdrawn() -> Tally:
    middle = board.OPENS + dt.timedelta(days=5)
    stated = proposal(events=(*proposal().events, event("withdrawn", middle)))
    return tallied(seated(), opened(seated(), stated, votes(**ALL_YES)), stated)


def still_open() -> Tally:
    ballot = opened(seated(), proposal(), votes(ada="yes", dan="no"))
    return tallied(seated(), ballot, now=board.OPENS + dt.timedelta(days=4))


def capture() -> Tally:
    """Eight vendors say yes and every other group no: more than two thirds, and not enough."""
    held = seated()
    for name, employer in (("ivo", "gale-gpu"), ("jan", "harbour-ai"), ("kim", "iris-inference")):
        held = board.with_organisation(held, board.organisation(employer, "provider"))
        held = board.with_member(held, name, employer=employer)
    choices = {
        **dict.fromkeys((*board.VENDORS, "ivo", "jan", "kim"), "yes"),
        **dict.fromkeys(board.UNTIED, "no"),
    }
    return tallied(held, opened(held, proposal(), votes(**choices)))


CASES: dict[str, tuple[Outcome, Callable[[], Tally]]] = {
    "editorial-two-approvals": (ACCEPTED, lambda: editorial(ada="yes", dan="yes")),
    "editorial-one-approval": (REJECTED, lambda: editorial(ada="yes")),
    "editorial-a-tie": (REJECTED, lambda: editorial(ada="yes", dan="yes", bo="no", eve="no")),
    "minor-more-yes": (ACCEPTED, lambda: minor(ada="yes", bo="yes", cy="no", dan="yes", eve="no", fay="yes")),
    "minor-a-tie": (REJECTED, lambda: minor(ada="yes", bo="yes", cy="no", dan="yes", eve="no", fay="no")),
    "major-both-majorities": (
        ACCEPTED,
        lambda: major(ada="yes", bo="yes", cy="no", dan="yes", eve="yes", fay="yes"),
    ),
    "major-two-thirds-missed": (
        REJECTED,
        lambda: major(ada="yes", bo="yes", cy="yes", dan="no", eve="no", fay="yes", gus="no"),
    ),
    "capture-vendors-outnumber-the-others": (REJECTED, capture),
    "capture-the-others-stay-away": (
        REJECTED,
        lambda: major(**dict.fromkeys(board.VENDORS, "yes"), ada="abstain"),
    ),
    "yes-of-two-groups": (
        REJECTED,
        lambda: major(ada="yes", bo="yes", dan="abstain", eve="abstain", fay="abstain", gus="abstain"),
    ),
    "four-ballots": (Outcome.NO_QUORUM, lambda: major(ada="yes", bo="yes", cy="yes", dan="yes")),
    "five-of-eight": (Outcome.NO_QUORUM, lambda: major(ada="yes", bo="yes", cy="yes", dan="yes", eve="yes")),
    "an-abstention-makes-the-quorum": (
        ACCEPTED,
        lambda: major(ada="yes", bo="yes", cy="yes", dan="yes", eve="yes", fay="abstain"),
    ),
    "recused-in-a-removal": (
        ACCEPTED,
        lambda: removal(ada="yes", bo="yes", cy="yes", eve="yes", fay="yes", dan="no"),
    ),
    "ballots-that-do-not-count": (Outcome.NO_QUORUM, listed_ballots),
    "a-subsidiary-has-no-vote-of-its-own": (ACCEPTED, a_subsidiary),
    "merger-in-mid-vote": (REJECTED, lambda: merger("no")),
    "merger-in-mid-vote-the-buyer-is-silent": (ACCEPTED, lambda: merger(None)),
    "a-hidden-interest-is-found": (REJECTED, hidden_interest),
    "a-hidden-recusal-is-found": (ACCEPTED, hidden_recusal),
    "job-change-in-mid-vote": (REJECTED, job_change),
    "reopened-twice": (ACCEPTED, lambda: reopened(2)),
    "reopened-three-times": (VOID, lambda: reopened(3)),
    "while-founding": (VOID, founding),
    "too-short": (VOID, too_short),
    "too-long": (VOID, too_long),
    "without-comment": (VOID, without_comment),
    "too-low-a-class": (VOID, too_low_a_class),
    "text-changed": (Outcome.AMENDED, amended),
    "withdrawn": (Outcome.WITHDRAWN, withdrawn),
    "still-open": (Outcome.OPEN, still_open),
    "first-member": (ACCEPTED, lambda: admission(("comment", 0), ("accepted", 14))),
    "first-member-too-soon": (VOID, lambda: admission(("comment", 0), ("accepted", 13))),
    "first-member-in-public": (Outcome.OPEN, lambda: admission(("comment", 0), now_days=3)),
    "first-member-awaits-a-steward": (Outcome.NOT_OPEN, lambda: admission(("comment", 0))),
}


@pytest.mark.parametrize("case", CASES)
def test_a_worked_case_says_exactly_this(case: str) -> None:
    """Each rule of the count has a vote that turns on it, and every step of it in plain words."""
    outcome, make = CASES[case]
    made = make()
    text = words.tally_text(made)
    file = GOLDEN / f"{case}.txt"
    if os.environ.get("FAIRLEAD_ACCEPT"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert file.read_text() == text
    assert made.outcome is outcome


def test_every_golden_file_is_of_a_case() -> None:
    """A case that is gone takes its file with it."""
    assert {file.stem for file in GOLDEN.iterdir()} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_a_tally_fits_its_public_schema(case: str) -> None:
    """What the command prints and the site publishes has the published form."""
    data = {
        "$schema": "x",
        "schema_version": 1,
        "generated_at": "2026-06-01T00:00:00Z",
        "commit": None,
        **governance.tally_data(CASES[case][1]()),
    }
    jsonschema.Draft202012Validator(api.schema("tally")).validate(json.loads(json.dumps(data)))


def test_what_becomes_known_says_who_and_why() -> None:
    """A count that was overturned names the member, the tie and the clause."""
    made = CASES["a-hidden-recusal-is-found"][1]()
    assert made.differs
    assert made.found == ("hal is recused, G-3.4: took money or credits from Acme Cloud since 2025-06-01.",)
    assert CASES["a-hidden-interest-is-found"][1]().differs


def test_after_the_close_the_moment_of_counting_does_not_matter() -> None:
    """The same files give the same result for ever: later mergers, jobs and interests change nothing."""
    ballot = opened(seated(), proposal(), votes(**ALL_YES))
    later = board.with_member(
        seated(), "bo", interests=(board.interest("equity", ACME, from_=board.day("2026-04-01")),)
    )
    bolt = board.organisation("bolt-inference", "provider", board.owner(ACME, 0.9, "2026-04-01"))
    later = board.with_organisation(later, bolt)
    at_close = tallied(seated(), ballot, now=board.CLOSES)
    assert tallied(later, ballot, now=board.CLOSES + dt.timedelta(days=3650)) == at_close


def test_an_interest_that_is_taken_out_of_the_file_again_still_binds() -> None:
    """What the snapshot saw stands: erasing an interest after the opening gives no vote back."""
    gift = board.interest("credits", ACME, amount_band="over-1000-usd")
    stated = proposal("removal", named=(ACME,))
    ballot = opened(board.with_member(seated(), "hal", interests=(gift,)), stated, votes(**ALL_YES))
    made = tallied(seated(), ballot, stated)
    assert made.as_known is not None
    assert "ember-labs" in made.as_known.recused
    assert not made.differs
    tie = board.with_member(seated(), "bo", interests=(board.interest("equity", ACME),))
    erased = tallied(seated(), opened(tie, proposal(), votes(**ALL_YES)))
    assert erased.as_known is not None
    assert "hill-university" in erased.as_known.tied


def test_the_rules_of_the_opening_count_for_ever() -> None:
    """A quorum that is raised later does not undo what was accepted."""
    ballot = opened(seated(), proposal(), votes(**ALL_YES))
    stricter = board.Register(**{**board._fields(seated()), "rules": replace(board.rules(), ballots_min=99)})
    assert tallied(stricter, ballot).outcome is ACCEPTED
