"""One board from nothing to a ratified method, in a scratch root under git: each step is checked as a change.

All people and companies are fictional; the dates are the steps' own.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead import governance
from fairlead.governance import Outcome

from . import governance_example as board
from .walk_example import (
    ADMISSION,
    METHOD,
    SEATED,
    TEXT,
    VERSION,
    Walk,
    reset,
    run,
    seat_everybody,
    write_version,
)


def ratify(walk: Walk) -> None:
    """A proposal that is objected to, amended in mid-vote, voted on again, and ratified."""
    walk.propose(METHOD, "methodology", methodology_version=VERSION)
    walk.step("Propose")
    walk.happen(METHOD, "comment")
    walk.step("Open for comment")
    walk.wait(13)
    code, text = run(walk, "tally", METHOD, "--open")
    assert (code, "Open for comment for 13 days before" in text) == (1, True)
    walk.wait(1)
    walk.open_vote(METHOD)
    walk.step("Put it to the vote")
    assert run(walk, "tally", METHOD, "--open")[0] == 2  # with this text it was
    walk.wait(2)
    walk.vote(METHOD, ada="yes", dan="no")
    walk.step("Record two ballots")
    (walk.root / f"methodology/proposals/{METHOD}/proposal.md").write_text(TEXT.replace("Because", "Mended"))
    assert walk.outcome(METHOD) is Outcome.AMENDED
    walk.open_vote(METHOD)
    walk.step("Amend, and put it to the vote again")
    walk.wait(3)
    walk.vote(METHOD, ada="yes", bo="yes", cy="no", dan="yes", eve="yes")
    walk.step("Record five ballots")
    assert walk.outcome(METHOD) is Outcome.OPEN
    walk.wait(11)
    walk.happen(METHOD, "accepted")
    walk.step("Accept")
    write_version(walk, METHOD)
    walk.step("Ratify")


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """The whole walk, once."""
    made = Walk(tmp_path_factory.mktemp("walk") / "root")
    assert len(governance.founding_at(_register(made), made.now).gaps) == 3
    seat_everybody(made)
    assert not governance.founding_at(_register(made), made.now).gaps
    write_version(made, ADMISSION)
    assert "GOV013" in made.problems()  # an admission ratifies nothing
    reset(made)
    ratify(made)
    return made


def _register(walk: Walk) -> governance.Register:
    register = governance.register_of(walk.load())
    assert register is not None
    return register


def test_a_board_walks_from_nothing_to_a_ratified_method(walk: Walk) -> None:
    """Every step of it is a change that checks clean against the one before, and the count says it all."""
    made = governance.tally_proposal(walk.load(), METHOD, walk.now)
    assert made is not None
    assert made.as_known is not None
    assert made.outcome is Outcome.ACCEPTED
    listed = [(entry.vote.github.login, entry.counts) for entry in made.as_known.ballots]
    assert listed[:2] == [("ada-example", False), ("dan-example", False)]
    assert len(listed) == 7
    assert [step.met for step in made.held if step.rule == "G-5.6"] == [True]
    assert walk.load().versions[VERSION].state == "ratified"


def test_after_it_nothing_of_it_can_be_changed(walk: Walk) -> None:
    """The method, the ballots, the rules and the snapshot stay, or the change is refused."""
    changes = {
        f"methodology/versions/{VERSION}/methodology.md": ("# ", "# New "),
        f"methodology/proposals/{METHOD}/ballot.yaml": ('vote: "yes"', 'vote: "no"'),
        f"methodology/proposals/{METHOD}/proposal.yaml": ("kind: amended", "kind: draft"),
        "methodology/governance/rules.yaml": ("ballots_min: 5", "ballots_min: 4"),
        "methodology/governance/charter.md": ("# ", "# New "),
    }
    expected = ("HIS003", "HIS008", "HIS004", "GOV015", "GOV015")
    for (path, (old, new)), code in zip(changes.items(), expected, strict=True):
        file = walk.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        assert code in walk.problems(), path
        file.write_text(text)
    assert walk.problems() == "no problems\n"


def test_rules_change_to_the_text_that_a_vote_accepted(walk: Walk) -> None:
    """The proposal's folder holds the new rules.yaml, byte for byte."""
    walk.propose("0003-fewer-days", "rules")
    rules = (walk.root / "methodology/governance/rules.yaml").read_text()
    new = rules.replace("cure_days: 30", "cure_days: 20")
    (walk.root / "methodology/proposals/0003-fewer-days/rules.yaml").write_text(new)
    walk.happen("0003-fewer-days", "comment")
    walk.step("Propose new rules")
    walk.wait(14)
    walk.open_vote("0003-fewer-days")
    walk.vote("0003-fewer-days", ada="yes", bo="yes", cy="yes", dan="yes", eve="yes")
    walk.step("Vote on them")
    (walk.root / "methodology/governance/rules.yaml").write_text(new)
    assert "GOV015" in walk.problems()
    reset(walk)
    walk.wait(14)
    (walk.root / "methodology/governance/rules.yaml").write_text(new)
    walk.step("Change the rules")


def test_an_interest_that_was_hidden_undoes_the_ratification(walk: Walk) -> None:
    """Once it is in the member's file, the check refuses what the vote no longer bears."""
    path = "methodology/governance/members/ada.yaml"
    member = walk.load().members["ada"]
    tie = board.interest("equity", "acme-cloud")
    walk.write(path, "member", replace(member, interests=(tie,)))
    assert walk.outcome(METHOD) is Outcome.REJECTED
    assert "GOV013" in walk.problems()
    reset(walk)


# -- the commands --------------------------------------------------------------------------------


def test_the_command_counts_a_vote_in_numbered_sentences(walk: Walk) -> None:
    """By number or by name, for people and for machines."""
    code, text = run(walk, "tally", "2")
    assert code == 0
    assert text.startswith(f"{METHOD}: An example\naccepted (major change)\n")
    assert "  1. G-1.2  The board was seated when the vote opened. Met." in text
    assert run(walk, "tally", METHOD) == (0, text)
    code, data = run(walk, "tally", "2", "--json")
    assert (code, json.loads(data)["outcome"]) == (0, "accepted")
    code, text = run(walk, "tally", "2", "--class", "major")
    assert code == 0


def test_a_proposal_that_is_not_there_is_a_mistake_of_usage(walk: Walk) -> None:
    """With the nearest name that is there."""
    code, text = run(walk, "tally", "0002-a-method")
    assert code == 2
    assert f"did you mean {METHOD}?" in text


def test_the_command_says_who_must_recuse(walk: Walk) -> None:
    """From what, why, and by which clause; a method names nobody."""
    code, text = run(walk, "conflicts", "--proposal", "1", "--person", "dan-example")
    assert code == 0
    assert "Dan Example (dan)\n  from proposal 0001-first-members\n    G-3.1  employed by Acme Cloud" in text
    code, text = run(walk, "conflicts", "--proposal", METHOD)
    assert (code, "nobody recuses (G-3.7)" in text, "dan, eve, fay" in text) == (0, True, True)
    code, text = run(walk, "conflicts")
    assert (code, "Nobody, of 6 members" in text) == (0, True)
    code, data = run(walk, "conflicts", "--proposal", "1", "--json")
    assert {found["member"] for found in json.loads(data)["conflicts"]} == set(SEATED)
    assert run(walk, "conflicts", "--provider", "nobody")[0] == 2
    assert run(walk, "conflicts", "--person", "nobody")[0] == 2


def test_a_backdated_opening_takes_no_day_of_comment_away(tmp_path: Path) -> None:
    """Days count from the merge that showed it to the world, at the opening and whenever it is checked."""
    walk = Walk(tmp_path / "root")
    seat_everybody(walk)
    walk.wait(20)
    early = walk.now - dt.timedelta(days=15)
    events = (board.event("draft", early), board.event("comment", early))
    walk.propose(METHOD, "methodology", methodology_version=VERSION, raised=early, events=events)
    code, text = run(walk, "tally", METHOD, "--open")
    assert (code, f"was not merged before {governance.minute(walk.now)}" in text) == (1, True), text
    walk.step("Open it for comment, fifteen days ago as they say")
    walk.wait(13)
    ends = governance.minute(walk.now + dt.timedelta(days=1))
    assert f"open for comment until {ends}" in run(walk, "tally", "--every")[1]
    code, text = run(walk, "tally", METHOD, "--open")
    assert (code, "was not merged before" in text) == (1, True), text
    opened, ballot = governance.put_to_vote(
        governance.register_of(walk.load()),  # type: ignore[arg-type]
        walk.load().proposals[METHOD],
        None,
        "major",
        text_sha256=governance.text_digest(walk.load(), METHOD),
        opens=walk.now,
    )
    walk.write(f"methodology/proposals/{METHOD}/proposal.yaml", "proposal", opened)
    walk.write(f"methodology/proposals/{METHOD}/ballot.yaml", "ballot", ballot)
    assert walk.problems().count("error[") == 1
    assert "error[GOV018]" in walk.problems()
    reset(walk)
    (walk.root / f"methodology/proposals/{METHOD}/ballot.yaml").unlink()
    walk.wait(1)
    walk.open_vote(METHOD)
    walk.step("Put it to the vote")
