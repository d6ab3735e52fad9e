"""Disputes and the life of a submission as the site shows them: at once, in words, and nothing is gone."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fairlead.life import objections
from fairlead.publish.edition import Edition
from fairlead.publish.site import read_prose, render_files
from fairlead.ranking import Row, build_rows
from fairlead.repository import Repository, load_repository

from . import roots
from .publish_example import COMMIT, NOW, ROW, Outline, load, write_root

ROUNDS = "submissions/neutral/2026-02-harbour-fable-7b"
CLAIM = "submissions/hostile/2026-02-19-first"
BOARD = "api/v1/leaderboards/fable-7b.json"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example root without any dispute."""
    folder = tmp_path_factory.mktemp("root")
    write_root(folder)
    (folder / ROUNDS / "history.yaml").unlink()
    (folder / CLAIM / "history.yaml").unlink()
    roots.add_event(folder, CLAIM, "submitted", "2026-02-20T10:00:00Z")
    return folder


@pytest.fixture
def root(plain: Path, tmp_path: Path) -> Path:
    return shutil.copytree(plain, tmp_path / "root")


@pytest.fixture(scope="module")
def loaded(plain: Path) -> tuple[Repository, tuple[Row, ...]]:
    return load(plain)


@pytest.fixture(scope="module")
def before(loaded: tuple[Repository, tuple[Row, ...]]) -> dict[str, str]:
    return files_of(loaded[0], loaded[1], NOW)


def files_of(repository: Repository, rows: tuple[Row, ...], now: dt.datetime) -> dict[str, str]:
    prose, _ = read_prose(repository)
    return render_files(Edition(repository, rows, now, COMMIT, prose))[0]


def render(root: Path, loaded: tuple[Repository, tuple[Row, ...]], now: dt.datetime = NOW) -> dict[str, str]:
    """The pages of a root whose histories alone have changed, at a time."""
    repository, problems = load_repository(root)
    assert problems == []
    rows = build_rows(
        [item for row in loaded[1] for item in row.evidence],
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(NOW.timestamp()) * 1_000_000_000,
        against=objections(repository, now),
    )
    return files_of(repository, rows, now)


def text_of(markdown: str) -> str:
    return " ".join(Outline(markdown).text.split())


def without(board: str, *keys: str) -> Any:
    data = json.loads(board)
    for row in data["rows"]:
        for key in keys:
            del row[key]
    return data


def test_an_open_dispute_is_shown_everywhere_at_once_and_moves_nothing(
    root: Path, loaded: tuple[Repository, tuple[Row, ...]], before: dict[str, str]
) -> None:
    """On the board, the provider's and the rounds' page, among all disputes, in the data; with its day."""
    roots.add_event(root, ROUNDS, "disputed", "2026-03-01T10:00:00Z", case={"row": ROW.format("acme")})
    after = render(root, loaded)
    dispute = "neutral/2026-02-harbour-fable-7b/1"
    said = f"Dispute {dispute} ( WIN012 ) open: answer due in 14 days (2026-03-15)."
    for page in ("models/fable-7b", "providers/acme", ROUNDS):
        assert said.replace(" ", "") in text_of(after[f"{page}/index.md"]).replace(" ", "")
        assert "/disputes/#neutral--2026-02-harbour-fable-7b--1" in after[f"{page}/index.md"]
    assert 'id="neutral--2026-02-harbour-fable-7b--1"' in after["disputes/index.md"]
    assert "open answer due in 14 days (2026-03-15)" in text_of(after["disputes/index.md"])
    assert "Nothing of this provider is disputed." in text_of(after["providers/borealis/index.md"])
    assert without(after[BOARD], "disputes") == without(before[BOARD], "disputes")
    (data,) = json.loads(after["api/v1/disputes.json"])["disputes"]
    assert (data["id"], data["state"], data["in_effect"]) == (dispute, "open", False)
    assert (data["answer_due"], data["page"]) == (
        "2026-03-15T10:00:00Z",
        "disputes/#neutral--2026-02-harbour-fable-7b--1",
    )


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-03-12", "answer due in 3 days (2026-03-15)"),
        ("2026-03-18", "the answer was due 3 days ago (2026-03-15); it moves no rank until panelists"),
    ],
)
def test_a_deadline_runs_from_edition_to_edition(
    root: Path, loaded: tuple[Repository, tuple[Row, ...]], day: str, words: str
) -> None:
    """The same events, another day."""
    roots.add_event(root, ROUNDS, "disputed", "2026-03-01T10:00:00Z", case={"row": ROW.format("acme")})
    now = dt.datetime.fromisoformat(f"{day}T12:00:00Z")
    assert words in text_of(render(root, loaded, now)["disputes/index.md"])


def test_a_row_whose_dispute_was_upheld_is_listed_with_the_reason(
    root: Path, loaded: tuple[Repository, tuple[Row, ...]], before: dict[str, str]
) -> None:
    """Its figures stand; the others are ranked among themselves."""
    roots.add_event(root, ROUNDS, "disputed", "2026-02-24T10:00:00Z", case={"row": ROW.format("acme")})
    roots.add_event(root, ROUNDS, "upheld", "2026-02-26T10:00:00Z", approvals=roots.PANEL)
    after = render(root, loaded)
    rows, old = ({row["id"]: row for row in json.loads(files[BOARD])["rows"]} for files in (after, before))
    acme = rows[ROW.format("acme")]
    assert (acme["ranked"], acme["figures"]) == (False, old[ROW.format("acme")]["figures"])
    assert acme["unranked"] == [
        "dispute neutral/2026-02-harbour-fable-7b/1 (WIN012) is in effect: "
        "upheld on 2026-02-26 by 3 panelists"
    ]
    assert rows[ROW.format("borealis")]["ranks"]["ttft_p50_ms"]["of"] == 3
    assert old[ROW.format("borealis")]["ranks"]["ttft_p50_ms"]["of"] == 4
    page = text_of(after["models/fable-7b/index.md"])
    assert f"Not ranked: {acme['unranked'][0]}." in page
    assert "dispute in effect" in page


def test_what_is_corrected_or_withdrawn_stays_with_a_link_to_what_supersedes_it(
    root: Path, loaded: tuple[Repository, tuple[Row, ...]], before: dict[str, str]
) -> None:
    """Every page, row and link that was there is there still."""
    again = "submissions/hostile/2026-02-28-again"
    shutil.copytree(root / CLAIM, root / again)
    roots.edit(root, f"{again}/submission.yaml", "corrects: null", "corrects: 2026-02-19-first")
    roots.add_event(root, CLAIM, "corrected", "2026-02-28T10:00:00Z", superseded_by="2026-02-28-again")
    after = render(root, loaded)
    assert before.keys() <= after.keys()
    page = after[f"{CLAIM}/index.md"]
    assert "corrected by hostile/2026-02-28-again on 2026-02-28" in text_of(page)
    assert 'href="../2026-02-28-again/"' in page
    assert 'href="../2026-02-19-first/"' in after[f"{again}/index.md"]
    listed = text_of(after["submissions/index.md"])
    assert "corrected by hostile/2026-02-28-again on 2026-02-28" in listed
    data = {one["id"]: one for one in json.loads(after["api/v1/submissions.json"])["submissions"]}
    first = data["hostile/2026-02-19-first"]
    assert (first["state"], first["superseded_by"]) == ("corrected", "hostile/2026-02-28-again")
    assert [event["kind"] for event in first["events"]] == ["submitted", "corrected"]


@pytest.mark.parametrize("kind", ["disputed", "withdrawn", "retracted"])
@pytest.mark.parametrize("folder", [CLAIM, ROUNDS])
def test_no_event_takes_a_page_a_row_or_a_raw_file_away(
    root: Path,
    loaded: tuple[Repository, tuple[Row, ...]],
    before: dict[str, str],
    kind: str,
    folder: str,
) -> None:
    """Nothing is deleted: what was linked before is linked after, from the same page."""
    roots.add_event(root, folder, kind, "2026-02-28T10:00:00Z")
    after = render(root, loaded)
    assert after.keys() == before.keys()
    for name, text in before.items():
        if name.endswith(".md"):
            assert set(Outline(text).values("href")) <= set(Outline(after[name]).values("href")), name
    rows, old = ({row["id"]: row for row in json.loads(files[BOARD])["rows"]} for files in (after, before))
    assert rows.keys() == old.keys()
    for key, row in rows.items():
        assert (row["figures"], row["windows"]) == (old[key]["figures"], old[key]["windows"])
