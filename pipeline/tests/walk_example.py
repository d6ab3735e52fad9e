"""A scratch root under git with a clock of its own, and the steps by which a board comes to be.

Knows no test.

All people and companies are fictional; the dates are the steps' own.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner
from msgspec.structs import replace

from fairlead import checks, governance, model, scaffold
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
TEXT = "# An example\n\nBecause.\n\n## Objections\n\nNone was raised.\n"
SEATED = ("ada", "bo", "cy", "dan", "eve", "fay")


class Walk:
    """A root and its clock; every step is one commit, checked against the one before."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = START
        assert not scaffold.create_root(root).problems
        self.commit("Begin")

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
        self.commit(what)

    def commit(self, what: str) -> None:
        """At the walk's time: it is when the world can see it."""
        roots.git(self.root, "add", "--all")
        roots.git(self.root, "commit", "--quiet", "--message", what, at=f"{self.now:%Y-%m-%dT%H:%M:%SZ}")

    def wait(self, days: float) -> None:
        self.now += dt.timedelta(days=days)

    # -- what people do

    def propose(self, name: str, kind: Any, text: str = TEXT, **changes: Any) -> None:
        fields = {"raised": self.now, "events": (board.event("draft", self.now),), **changes}
        self.write(f"methodology/proposals/{name}/proposal.yaml", "proposal", board.proposal(kind, **fields))
        (self.root / f"methodology/proposals/{name}/proposal.md").write_text(text)

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
    reset(walk)
    walk.wait(1)
    walk.happen(ADMISSION, "accepted")
    walk.step("Admit")
    for name in SEATED:
        file = replace(
            board.register().members[name], admitted_by=ADMISSION, seated=governance.day_of(walk.now)
        )
        walk.write(f"methodology/governance/members/{name}.yaml", "member", file)
    walk.step("Seat the first members")


def write_version(walk: Walk, by: str) -> None:
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


def reset(walk: Walk) -> None:
    """Take back what was not merged."""
    roots.git(walk.root, "checkout", "-q", ".")


def files_below(root: Path, folder: str) -> dict[str, bytes]:
    """The files of a folder by their path below the root, as a commit holds them."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (root / folder).rglob("*")
        if path.is_file()
    }


def run(walk: Walk, *arguments: str, **more: str) -> tuple[int, str]:
    """Run a command at the walk's time: its exit code, and all that it said."""
    environment = {"SOURCE_DATE_EPOCH": str(int(walk.now.timestamp())), **more}
    found = CliRunner().invoke(cli, [*arguments, "--root", str(walk.root)], env=environment)
    return found.exit_code, found.output
