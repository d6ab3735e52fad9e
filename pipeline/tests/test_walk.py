"""The page "How a method is decided": its prose stands in walk.md, its blocks are what commands say here.

``FAIRLEAD_ACCEPT=1`` writes the page. All people and companies are fictional.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead import governance, model
from fairlead.repository import canonical_text
from fairlead.windows import Methodology, digest

from . import governance_example as board
from . import publish_example as results
from .walk_example import ADMISSION, METHOD, SEATED, Walk, reset, run

PAGE = Path(__file__).parents[2] / "site" / "content" / "walk.md"
VERSION = "0.1.0"
TEXT = "# The method\n\nEvery number on the board is made as this version says.\n"
ANSWER = """
## Objections

- *Dan Example:* whoever fails a few requests too many loses the rank, although failures count as
  infinitely slow already. *Answer:* he is right, and the limit is lower now.
"""


class Told(Walk):
    """A walk that keeps what commands say, by the name of a block."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.blocks: dict[str, str] = {}

    def tell(self, block: str, *arguments: str, code: int = 0) -> None:
        """Run a command, and keep it with what it says."""
        found, text = run(self, *arguments)
        assert found == code, text
        digest = r"(?<=sha256 )[0-9a-f]{12}|[0-9a-f]{12}(?= is not)|(?<=is not )[0-9a-f]{12}"
        digest += r"|(?<=those of )[0-9a-f]{12}"
        text = re.sub(digest, "…", text)
        said = f"$ fairlead {' '.join(arguments)}     # on {self.now:%Y-%m-%d}\n{text}"
        self.blocks[block] = (self.blocks.get(block, "") + "\n" + said).strip()

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert text.count(old) == 1, path
        file.write_text(text.replace(old, new))


def found_the_board(walk: Told) -> None:
    companies = model.Organisations(
        schema_version=1, organisations=tuple(board.register().organisations.values())
    )
    walk.write("methodology/governance/organisations.yaml", "organisations", companies)
    walk.step("Name the organisations")
    walk.tell("empty", "conflicts")
    named = tuple(board.PEOPLE[name] for name in SEATED)
    walk.propose(ADMISSION, "admission", named=named, title="The first members")
    walk.happen(ADMISSION, "comment")
    walk.step("Apply")
    walk.wait(13)
    walk.tell("waiting", "tally", "1")
    walk.happen(ADMISSION, "accepted")
    walk.tell("early", "check", code=1)
    reset(walk)
    walk.wait(1)
    walk.happen(ADMISSION, "accepted")
    walk.step("Admit")
    for name in SEATED:
        seated = governance.day_of(walk.now)
        file = replace(board.register().members[name], admitted_by=ADMISSION, seated=seated)
        walk.write(f"methodology/governance/members/{name}.yaml", "member", file)
    walk.step("Seat the first members")
    walk.tell("recuse", "conflicts", "--proposal", "1", "--person", "dan-example")


def decide_the_method(walk: Told) -> None:
    text = walk.root / f"methodology/proposals/{METHOD}/proposal.md"
    walk.propose(METHOD, "methodology", TEXT, methodology_version=VERSION, title="The method")
    walk.happen(METHOD, "comment")
    walk.step("Propose the method")
    walk.tell("comment", "tally", "--every")
    walk.wait(14)
    walk.tell("unanswered", "tally", "--every")
    measured(walk, "before")
    text.write_text(TEXT + ANSWER)
    walk.blocks["answer"] = ANSWER.strip()
    walk.step("Answer the objection")
    walk.tell("opened", "tally", "--every")
    walk.step("Open the vote")
    walk.wait(1)
    walk.vote(METHOD, ada="yes", dan="no")
    walk.step("Record two ballots")
    walk.edit(
        f"methodology/versions/{VERSION}/methodology.yaml", "success_rate_min: 0.95", "success_rate_min: 0.75"
    )
    walk.tell("amended", "tally", "--every")
    measured(walk, "impact", "impact", "--base", "HEAD")
    walk.step("Mend the method")
    walk.happen(METHOD, "comment")
    walk.step("Open it for comment again")
    walk.tell("again", "tally", "--every")
    walk.wait(14)
    walk.tell("again", "tally", "--every")
    walk.step("Open the vote again")
    walk.wait(3)
    walk.vote(METHOD, ada="yes", bo="yes", cy="yes")
    walk.step("Record three ballots")
    walk.tell("standing", "tally", "--every")
    walk.vote(METHOD, dan="yes", eve="no")
    walk.step("Record two more")
    walk.wait(11)
    walk.tell("closed", "tally", "--every")
    walk.step("Close the vote")
    walk.tell("counted", "tally", "2")


def ratify(walk: Told) -> None:
    method = walk.root / f"methodology/versions/{VERSION}/methodology.yaml"
    ratified = {
        "state": "ratified",
        "sha256": digest(method.read_bytes()),
        "ratified_by": METHOD,
        "date": governance.day_of(walk.now),
    }
    entries = tuple(
        replace(entry, **ratified) if entry.version == VERSION else entry
        for entry in walk.load().versions.values()
    )
    stated = model.Versions(schema_version=1, versions=entries)
    walk.write("methodology/versions.yaml", "versions", stated)
    walk.tell("ratified", "check")
    walk.step("Ratify the method")
    measured(walk, "after")
    path = f"methodology/proposals/{METHOD}/ballot.yaml"
    ballot = walk.load().ballots[METHOD]
    turned = tuple(replace(vote, vote="yes") for vote in ballot.ballots)
    walk.write(path, "ballot", replace(ballot, ballots=turned))
    walk.tell("frozen", "check", "--base", "HEAD", code=1)
    reset(walk)


def measured(walk: Told, block: str, *arguments: str) -> None:
    """What a command says of four providers by the text as it stands: the same requests each time."""
    copy = walk.root.with_name(block)
    shutil.copytree(walk.root, copy)
    method = (copy / f"methodology/versions/{VERSION}/methodology.yaml").read_bytes()
    reference = Methodology(version=VERSION, sha256=digest(method))
    for kind, data in (("models", [results._model()]), ("vantages", [results._vantage()])):
        text = canonical_text(kind, {"schema_version": 1, kind: data})
        (copy / f"methodology/{kind}.yaml").write_text(text)
    folder, source = "submissions/neutral/2026-02-harbour-fable-7b", random.Random(11)
    names = [name for name in results.PROVIDERS if name != "hostile"]
    for name in names:
        (copy / f"providers/{name}.yaml").write_text(canonical_text("provider", results._provider(name)))
    entries = [
        results._manifest_entry(copy, folder, *results._window(name, round_, reference, source))
        for round_ in range(results.ROUNDS)
        for name in names
    ]
    manifest = {
        "schema_version": 1,
        "methodology": {"version": reference.version, "sha256": reference.sha256},
        "vantage": "harbour",
        "model": "fable-7b",
        "windows": entries,
        "calibrations": [],
        "notes": None,
    }
    (copy / folder / "rounds.yaml").write_text(canonical_text("rounds", manifest))
    root, walk.root = walk.root, copy
    walk.tell(block, *(arguments or ("rank",)))
    walk.root = root


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Told:
    made = Told(tmp_path_factory.mktemp("told") / "root")
    found_the_board(made)
    decide_the_method(made)
    ratify(made)
    return made


def test_the_page_is_what_the_commands_said(walk: Told) -> None:
    """Every block of the page is there once, and none is made up."""
    template = Path(__file__).with_name("walk.md").read_text()
    names = re.findall(r"^@@ (\w+)$", template, re.MULTILINE)
    assert sorted(names) == sorted(walk.blocks)
    page = re.sub(
        r"^@@ (\w+)$", lambda name: f"```text\n{walk.blocks[name[1]]}\n```", template, flags=re.MULTILINE
    )
    if os.environ.get("FAIRLEAD_ACCEPT"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page


def test_the_walk_ends_with_a_ratified_method(walk: Told) -> None:
    """And every step of it was a change that checks clean."""
    assert walk.load().versions[VERSION].state == "ratified"
    assert walk.problems() == "no problems\n"
    kinds = [event.kind for event in walk.load().proposals[METHOD].events]
    assert kinds == ["draft", "comment", "voting", "amended", "comment", "voting", "accepted"]
