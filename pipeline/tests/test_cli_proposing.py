"""``fairlead new proposal``: a folder that passes every check, or none."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fairlead import checks, governance
from fairlead.cli import cli, common
from fairlead.publish.site import read_prose
from fairlead.repository import format_tree, load_repository

from . import roots

SAID = ("--title", "A lower limit", "--by", "ada-example:201")
METHOD = ("--kind", "methodology", "--methodology-version", "1.1.0")
NAME = "0002-lower-limit"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example root, with a draft of a version that differs in one number."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(roots.NOW.timestamp())))
    made = roots.build_root(tmp_path / "root")
    roots.draft_version(made)
    return made


def new_proposal(root: Path, *arguments: str, said: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["new", "proposal", "--root", str(root), *arguments], input=said)


def test_a_proposal_has_the_next_number_and_the_exact_difference_of_the_method(root: Path) -> None:
    """It checks clean and is canonical; it is a draft, and what comes next is printed."""
    found = new_proposal(root, "lower-limit", *SAID, *METHOD)
    folder = f"methodology/proposals/{NAME}"
    assert (found.exit_code, found.stdout) == (0, f"{folder}/proposal.md\n{folder}/proposal.yaml\n"), found
    for step in (f"fairlead check {folder}", "fairlead impact 0002", "fairlead tally 0002 --open"):
        assert step in found.stderr
    assert checks.run_checks(root, now=roots.NOW) == []
    assert format_tree(root) == ({}, [])
    repository = load_repository(root)[0]
    proposal = repository.proposals[NAME]
    assert (proposal.kind, proposal.methodology_version, proposal.pull) == ("methodology", "1.1.0", None)
    assert [(event.kind, event.at) for event in proposal.events] == [("draft", roots.NOW)]
    assert (proposal.proposer.login, proposal.proposer.id) == ("ada-example", 201)
    text = (root / folder / "proposal.md").read_text()
    old, new = (
        (root / f"methodology/versions/{version}/methodology.yaml").read_text().splitlines()
        for version in ("1.0.0", "1.1.0")
    )
    changed = [line for line in difflib.ndiff(old, new) if line.startswith(("+", "-"))]
    assert changed
    assert all(f"\n{line[0]}{line[2:]}\n" in text for line in changed)
    assert f"methodology/proposals/{NAME}/proposal.md" in read_prose(repository)[0]
    assert read_prose(repository)[1] == []
    assert not governance.answers_objections(repository, NAME)  # so it cannot be put to the vote as it is


def test_numbers_go_on_and_nothing_is_overwritten(root: Path) -> None:
    """The same words again make another proposal."""
    assert new_proposal(root, "lower-limit", *SAID, *METHOD).exit_code == 0
    again = new_proposal(root, "lower-limit", *SAID, *METHOD)
    assert again.stdout.startswith("methodology/proposals/0003-lower-limit/")


def test_an_admission_names_whose_people_recuse(root: Path) -> None:
    """And its text has a place for the change instead of a difference."""
    named = ("--kind", "admission", "--names", "acme-corporation")
    found = new_proposal(root, "a-member", *SAID, *named, "--motivation", "A seat is empty.")
    assert found.exit_code == 0, found.stderr
    assert "fairlead impact" not in found.stderr
    assert checks.run_checks(root, now=roots.NOW) == []
    assert load_repository(root)[0].proposals["0002-a-member"].named == ("acme-corporation",)
    text = (root / "methodology/proposals/0002-a-member/proposal.md").read_text()
    assert "A seat is empty." in text
    assert "~~~" not in text


def test_a_fence_holds_what_it_is_put_around(root: Path) -> None:
    """A method whose own text has fences cannot end the difference, and say something else below."""
    path = "methodology/versions/1.1.0/methodology.md"
    roots.write(root, path, "# The method\n\n~~~\nx\n~~~~\n\n```\ny\n```\n\n## Objections\n\nNone.\n")
    assert new_proposal(root, "fences", *SAID, *METHOD).exit_code == 0
    text = (root / "methodology/proposals/0002-fences/proposal.md").read_text()
    assert text.count("\n~~~~~") == 2
    assert not governance.answers_objections(load_repository(root)[0], "0002-fences")


def test_at_a_terminal_it_asks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed and was not said."""
    monkeypatch.setattr(common, "is_at_a_terminal", lambda: True)
    found = new_proposal(root, "charter", said="charter\nA clearer charter\nada-example:201\n")
    assert found.exit_code == 0, found.stderr
    assert load_repository(root)[0].proposals["0002-charter"].title == "A clearer charter"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("x", *SAID, "--kind", "methodology", "--methodology-version", "9.0.0"),
            2,
            "there are: 1.0.0, 1.1.0",
        ),
        (("x", *SAID, "--kind", "methodology", "--methodology-version", "1.0.0"), 2, "is ratified already"),
        (
            ("x", *SAID, "--kind", "rules", "--methodology-version", "1.1.0"),
            2,
            "goes with --kind methodology",
        ),
        (("x", *SAID, "--kind", "admission"), 2, "--names goes with admission or removal"),
        (("x", *SAID, "--kind", "rules", "--names", "acme-corporation"), 2, "--names goes with"),
        (("x", *SAID, "--kind", "removal", "--names", "acme-corp"), 2, "did you mean acme-corporation?"),
        (("x", "--kind", "rules", "--title", "x", "--by", "ada"), 2, "write LOGIN:ID"),
        (("x", "--kind", "rules", "--by", "ada:1", "--title", "x" * 301), 1, "at most 300 characters"),
        (("x", "--kind", "rules", "--by", "ada:1"), 2, "missing --title"),
        (("../evil", *SAID, *METHOD), 2, "is no slug"),
        (("Lower Limit", *SAID, *METHOD), 2, "is no slug"),
    ],
)
def test_what_cannot_be_proposed_is_refused_and_nothing_is_written(
    root: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """A version that is not there or is decided, people whom nobody named, a name that is none."""
    found = new_proposal(root, *arguments)
    assert (found.exit_code, said in found.stderr) == (code, True), found.stderr
    assert sorted(path.name for path in (root / "methodology/proposals").iterdir()) == [
        "0000-first-members",
        "0001-first-method",
    ]
