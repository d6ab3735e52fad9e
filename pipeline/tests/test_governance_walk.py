"""One board from nothing to a ratified method, in a scratch root under git: each step is checked as a change.

All people and companies are fictional; the dates are the steps' own.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from fairlead import checks, governance, history, model, scaffold
from fairlead.cli import cli
from fairlead.governance import Outcome
from fairlead.problems import Severity, render_text
from fairlead.repository import Repository, canonical_text, load_repository
from fairlead.windows import digest

from . import governance_example as board
from . import roots

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
VERSION = "1.0.0-rc"
ADMISSION, METHOD = "0001-first-members", "0002-the-method"
SEATED = ("ada", "bo", "cy", "dan", "eve", "fay")


class Walk:
    """A root and its clock; every step is one commit, checked against the one before."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = START
        assert not scaffold.create_root(root).problems
        history.commit_all(root, "Begin")

    def load(self) -> Repository:
        found, problems = load_repository(self.root)
        assert problems == []
        return found

    def write(self, path: str, kind: str, data: Any) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(canonical_text(kind, msgspec.to_builtins(data)))

    def problems(self) -> str:
        found = checks.run_checks(self.root, base="HEAD", now=self.now)
        return render_text([problem for problem in found if problem.severity is Severity.ERROR])

    def step(self, what: str) -> None:
        """Check the change, and merge it."""
        assert self.problems() == "no problems\n", what
        history.commit_all(self.root, what)

    def wait(self, days: float) -> None:
        self.now += dt.timedelta(days=days)

    # -- what people do

    def propose(self, name: str, kind: Any, **changes: Any) -> None:
        fields = {"raised": self.now, "events": (board.event("draft", self.now),), **changes}
        self.write(f"methodology/proposals/{name}/proposal.yaml", "proposal", board.proposal(kind, **fields))
        (self.root / f"methodology/proposals/{name}/proposal.md").write_text("# An example\n\nBecause.\n")

    def happen(self, name: str, *kinds: str) -> None:
        proposal = self.load().proposals[name]
        events = (*proposal.events, *(board.event(kind, self.now) for kind in kinds))
        self.write(
            f"methodology/proposals/{name}/proposal.yaml", "proposal", replace(proposal, events=events)
        )

    def open_vote(self, name: str) -> None:
        """By the command; ballots that were cast on an earlier text stay on record."""
        code, text = run(self, "tally", name, "--open")
        assert code == 0, text
        assert "\nopen until " in text

    def vote(self, name: str, **choices: str) -> None:
        ballot = self.load().ballots[name]
        cast = tuple(
            board.vote(who, choice, at=self.now, proposal_sha256=ballot.proposal_sha256)
            for who, choice in choices.items()
        )
        changed = replace(ballot, ballots=(*ballot.ballots, *cast))
        self.write(f"methodology/proposals/{name}/ballot.yaml", "ballot", changed)

    def outcome(self, name: str) -> Outcome:
        made = governance.tally_proposal(self.load(), name, self.now)
        assert made is not None
        return made.outcome


def seat_everybody(walk: Walk) -> None:
    """From the empty roster to a board that can vote."""
    companies = model.Organisations(
        schema_version=1, organisations=tuple(board.register().organisations.values())
    )
    walk.write("methodology/governance/organisations.yaml", "organisations", companies)
    walk.step("Name the organisations")
    walk.propose(ADMISSION, "admission", named=tuple(board.PEOPLE[name] for name in SEATED))
    walk.happen(ADMISSION, "comment")
    walk.step("Apply")
    assert walk.outcome(ADMISSION) is Outcome.OPEN
    walk.wait(13)
    walk.happen(ADMISSION, "accepted")
    assert "GOV013" in walk.problems()
    _reset(walk)
    walk.wait(1)
    walk.happen(ADMISSION, "accepted")
    walk.step("Admit")
    for name in SEATED:
        file = replace(
            board.register().members[name], admitted_by=ADMISSION, seated=governance.day_of(walk.now)
        )
        walk.write(f"methodology/governance/members/{name}.yaml", "member", file)
    walk.step("Seat the first members")


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
    (walk.root / f"methodology/proposals/{METHOD}/proposal.md").write_text("# An example\n\nMended.\n")
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
    _write_version(walk, METHOD)
    walk.step("Ratify")


def _write_version(walk: Walk, by: str) -> None:
    versions = walk.load().versions
    text = (walk.root / f"methodology/versions/{VERSION}/methodology.yaml").read_bytes()
    changed = [
        replace(
            entry, state="ratified", sha256=digest(text), ratified_by=by, date=governance.day_of(walk.now)
        )
        if entry.version == VERSION
        else entry
        for entry in versions.values()
    ]
    stated = model.Versions(schema_version=1, versions=tuple(changed))
    walk.write("methodology/versions.yaml", "versions", stated)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """The whole walk, once."""
    made = Walk(tmp_path_factory.mktemp("walk") / "root")
    assert len(governance.founding_at(_register(made), made.now).gaps) == 3
    seat_everybody(made)
    assert not governance.founding_at(_register(made), made.now).gaps
    _write_version(made, ADMISSION)
    assert "GOV013" in made.problems()  # an admission ratifies nothing
    _reset(made)
    ratify(made)
    return made


def _register(walk: Walk) -> governance.Register:
    register = governance.register_of(walk.load())
    assert register is not None
    return register


def _reset(walk: Walk) -> None:
    """Take back what was not merged."""
    roots.git(walk.root, "checkout", "-q", ".")


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
    _reset(walk)
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
    _reset(walk)


# -- the commands --------------------------------------------------------------------------------


def run(walk: Walk, *arguments: str) -> tuple[int, str]:
    environment = {"SOURCE_DATE_EPOCH": str(int(walk.now.timestamp()))}
    found = CliRunner().invoke(cli, [*arguments, "--root", str(walk.root)], env=environment)
    return found.exit_code, found.output


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
