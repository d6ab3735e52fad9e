"""``fairlead new dispute``: what it asks, what it refuses, and the one event that it appends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fairlead import checks
from fairlead.cli import cli, common
from fairlead.repository import format_tree, load_repository

from . import roots

NEUTRAL = "llama-3-70b/chat-c2/north-1/acme/main/neutral/1.0.0"
CLAIM = "llama-3-70b/chat-c2/north-1/acme/main/claim/1.0.0/2026-03-04-llama"
SAID = (
    *("--rule", "WIN012", "--by", "eve-example:900", "--reason", "Chunks are missing."),
    *("--evidence", "https://example.org/analysis"),
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(roots.NOW.timestamp())))
    folder = roots.build_root(tmp_path / "root")
    roots.commit(folder)
    return folder


def dispute(root: Path, *arguments: str, said: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["new", "dispute", "--root", str(root), *arguments], input=said)


def test_a_dispute_is_appended_whole_and_the_root_stays_sound(root: Path) -> None:
    """The history of the board's own rounds is made, is canonical, and passes every check against git."""
    found = dispute(root, "--row", NEUTRAL, "--no-interest", *SAID)
    assert (found.exit_code, found.stdout) == (0, f"{roots.ROUNDS}/history.yaml\n")
    assert "the answer will be due in 14 days (2026-04-15)" in found.stderr
    assert f"git add {roots.ROUNDS}/history.yaml" in found.stderr
    assert checks.run_checks(root, base="HEAD", now=roots.NOW) == []
    assert format_tree(root) == ({}, [])
    (event,) = load_repository(root)[0].histories[roots.ROUNDS.removeprefix("submissions/")].events
    assert event.case is not None
    assert event.by is not None
    assert (event.case.row, event.case.rule, event.case.interests) == (NEUTRAL, "WIN012", ())
    assert (event.dispute, event.by.id, event.at) == (1, 900, roots.NOW)


def test_what_was_there_stays_and_the_next_dispute_has_the_next_number(root: Path) -> None:
    roots.add_event(root, roots.CLAIM, "disputed", "2026-03-20T10:00:00Z")
    before = (root / roots.CLAIM / "history.yaml").read_text()
    interest = ("--interest", "employment:example-university")
    found = dispute(root, "--folder", f"{roots.CLAIM}/", *interest, *SAID)
    assert found.exit_code == 0, found.stderr
    after = (root / roots.CLAIM / "history.yaml").read_text()
    assert after.startswith(before)
    assert checks.run_checks(root, base="HEAD", now=roots.NOW) == []
    event = load_repository(root)[0].histories[roots.CLAIM.removeprefix("submissions/")].events[-1]
    assert event.case is not None
    assert event.case.interests is not None
    assert (event.dispute, event.case.row) == (2, None)
    assert [(one.kind, one.party) for one in event.case.interests] == [("employment", "example-university")]


def test_interests_that_are_not_stated_are_null(root: Path) -> None:
    assert dispute(root, "--row", NEUTRAL, *SAID).exit_code == 0
    event = load_repository(root)[0].histories[roots.ROUNDS.removeprefix("submissions/")].events[-1]
    assert event.case is not None
    assert event.case.interests is None


def test_a_fourth_open_dispute_is_refused_and_nothing_is_written(root: Path) -> None:
    for _ in range(3):
        assert dispute(root, "--row", NEUTRAL, *SAID).exit_code == 0
    before = (root / roots.ROUNDS / "history.yaml").read_bytes()
    found = dispute(root, "--row", CLAIM, *SAID)
    assert found.exit_code == 1
    assert "eve-example has 3 disputes open already" in found.stderr
    assert (root / roots.ROUNDS / "history.yaml").read_bytes() == before
    roots.seat(root)
    decided = "2026-04-01T00:00:00Z"
    roots.add_event(root, roots.ROUNDS, "dismissed", decided, dispute=2, approvals=roots.PANEL)
    assert dispute(root, "--row", CLAIM, *SAID).exit_code == 0


def test_a_figure_is_read_from_the_claims_own_windows(root: Path) -> None:
    """It is refused where the windows bear the claim out."""
    found = dispute(root, "--row", CLAIM, "--figure", "ttft_p50_ms", *SAID)
    assert found.exit_code == 2
    assert "claimed 100, and the raw windows give 100" in found.stderr
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "value: 100", "value: 80")
    found = dispute(root, "--row", CLAIM, "--figure", "ttft_p50_ms", *SAID)
    assert found.exit_code == 0, found.stderr
    event = load_repository(root)[0].histories[roots.CLAIM.removeprefix("submissions/")].events[-1]
    assert event.case is not None
    assert event.case.figure is not None
    assert (event.case.figure.claimed, event.case.figure.recomputed) == (80, 100)
    assert checks.run_checks(root, now=roots.NOW) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "missing --row or --folder"),
        (("--row", NEUTRAL.replace("acme", "acne")), f"did you mean: {NEUTRAL}"),
        (("--folder", "acme/2026-03-04-lama"), "did you mean: acme/2026-03-04-llama"),
        (("--row", CLAIM, "--folder", roots.ROUNDS), "the row rests on no folder"),
        (("--row", NEUTRAL, "--rule", "WIN12"), "did you mean WIN012?"),
        (("--row", NEUTRAL, "--by", "eve"), "'eve' is no account: write LOGIN:ID"),
        (("--row", NEUTRAL, "--interest", "friendship:acme"), "write KIND:ORGANISATION"),
        (
            ("--row", NEUTRAL, "--interest", "equity:acme-corp"),
            "did you mean acme-corporation?",
        ),
        (("--row", NEUTRAL, "--interest", "equity:acme-corporation", "--no-interest"), "contradict"),
        (("--row", NEUTRAL, "--figure", "ttft_p50_ms"), "--figure needs the --row of a claim"),
        (("--row", CLAIM, "--figure", "ttft_p95_ms"), "there are: ttft_p50_ms"),
    ],
)
def test_what_cannot_be_is_a_usage_error_in_words(root: Path, arguments: tuple[str, ...], said: str) -> None:
    found = dispute(root, *SAID, *arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert roots.git(root, "status", "--porcelain") == ""


def test_a_text_that_no_history_may_hold_is_a_problem_and_is_not_written(root: Path) -> None:
    found = dispute(root, "--row", NEUTRAL, *SAID, "--evidence", "two\nlines")
    assert found.exit_code == 1
    assert "error[SCH006] /events/0/case/evidence/1" in found.stderr
    assert roots.git(root, "status", "--porcelain") == ""


def test_what_was_withdrawn_is_not_disputed_anew(root: Path) -> None:
    roots.add_event(root, roots.CLAIM, "withdrawn", "2026-03-20T10:00:00Z")
    found = dispute(root, "--row", CLAIM, *SAID)
    assert found.exit_code == 1
    assert "withdrawn by its provider on 2026-03-20" in found.stderr


def test_the_terminals_board_gives_the_reason_of_a_dispute_in_effect(root: Path) -> None:
    """`rank` computes from the same events as the site."""
    board = ["rank", "--json", "--root", str(root)]
    assert dispute(root, "--row", NEUTRAL, *SAID).exit_code == 0
    before = json.loads(CliRunner().invoke(cli, board).stdout)
    roots.add_event(root, roots.ROUNDS, "upheld", "2026-04-01T00:00:00Z", approvals=roots.PANEL)
    after = json.loads(CliRunner().invoke(cli, board).stdout)
    (old,), (new,) = ([row for row in found["rows"] if row["id"] == NEUTRAL] for found in (before, after))
    reason = f"dispute {roots.ROUNDS.removeprefix('submissions/')}/1 (WIN012) is in effect: "
    assert new["unranked"] == [*old["unranked"], f"{reason}upheld on 2026-04-01 by 3 panelists"]


def test_what_is_not_given_is_asked_at_a_terminal_and_missed_elsewhere(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dispute(root, "--row", NEUTRAL)
    assert found.exit_code == 2
    assert "missing --by: who disputes (LOGIN:ID)?" in found.stderr
    monkeypatch.setattr(common, "is_at_a_terminal", lambda: True)
    found = dispute(root, "--row", NEUTRAL, said="eve-example:900\nWIN012\nmy notebook\nToo fast.\n")
    assert found.exit_code == 0, found.stderr
    event = load_repository(root)[0].histories[roots.ROUNDS.removeprefix("submissions/")].events[-1]
    assert event.case is not None
    assert (event.reason, event.case.evidence) == ("Too fast.", ("my notebook",))
