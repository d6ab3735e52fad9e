"""Ten years of windows: the site stays readable, and no step looks at all windows for each of them."""

from __future__ import annotations

import datetime as dt
import html
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fairlead import depot, evidence, tables
from fairlead.board import rows_of
from fairlead.cache import Cache
from fairlead.publish import clock, time
from fairlead.publish.edition import Edition
from fairlead.publish.site import render_files
from fairlead.ranking import Row
from fairlead.repository import Repository, canonical_text, load_repository

MONTHS, TURNS = 120, 3
PAGE_BYTES_MAX = 2_000_000  # beyond it a page is slow to open on a telephone
STALE, CHANGING = "invented-001", "invented-000"


class Made(NamedTuple):
    root: Path
    now: dt.datetime


class Drafted(NamedTuple):
    repository: Repository
    rows: tuple[Row, ...]
    pages: dict[str, str]
    clock: str
    asked: int
    windows: int


@pytest.fixture(scope="module")
def months() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
        yield importlib.import_module("months")
        sys.modules.pop("months")


def write(months: Any, root: Path, count: int) -> Made:
    """Two providers to the end, and one that is measured no more after half of the time."""
    listed = [
        months.Month(month, 0, provider)
        for month in range(count)
        for provider in range(3)
        if provider != 1 or month < count // 2
    ]
    months.write_root(root, listed, cores=2, requests=1, turns=TURNS)
    _unprice(root, months, count)
    end_s = months._start_unix_ns(listed[-1], TURNS) // 10**9
    return Made(root, dt.datetime.fromtimestamp(end_s, tz=dt.UTC))


def _unprice(root: Path, months: Any, count: int) -> None:
    """Nobody recorded what one provider asked for in a fifth of the time."""
    stated = months.provider(0, [months._model_name(0)])
    (price,) = stated["endpoints"][0]["models"][0]["prices"]
    start, end = (2027 + count * share // 12 // 10 for share in (4, 6))
    stated["endpoints"][0]["models"][0]["prices"] = [
        {**price, "until": f"{start}-12-31"},
        {**price, "from": f"{end + 1}-01-01"},
    ]
    (root / "providers" / f"{CHANGING}.yaml").write_text(canonical_text("provider", stated))


def draft(made: Made, kept: Path) -> Drafted:
    """Every generated page, from tables on the disk; and how often one of them was asked for."""
    asked = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "permitted_cores", lambda: 1)
        table = depot.Depot.table

        def count(self: depot.Depot, place: int) -> Any:
            nonlocal asked
            asked += 1
            return table(self, place)

        patch.setattr(depot.Depot, "table", count)
        repository, problems = load_repository(made.root)
        items, refused, fetch = evidence.load_briefly(
            repository, tables=Cache(kept / "windows"), briefs=Cache(kept / "briefs"), held=4096
        )
        assert (problems, refused) == ([], [])
        fetch(items)
        rows = rows_of(repository, evidence.with_replies(repository, items), made.now)
        edition = Edition(repository, rows, made.now, None, {})
        texts, problems = render_files(edition)
        certificates = str(clock.certificates_table(edition))
    assert problems == []
    return Drafted(repository, rows, texts, certificates, asked, len(items))


@pytest.fixture(scope="module")
def ten(months: Any, tmp_path_factory: pytest.TempPathFactory) -> Drafted:
    folder = tmp_path_factory.mktemp("ten-years")
    return draft(write(months, folder / "root", MONTHS), folder)


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", text)).split())


def test_every_page_of_ten_years_can_be_opened(ten: Drafted) -> None:
    sizes = {name: len(text.encode()) for name, text in ten.pages.items() if name.endswith(".md")}
    assert ten.windows == MONTHS * TURNS * 5 // 2
    assert sizes[f"models/{ten.rows[0].family.model}/index.md"] > 0
    assert max(sizes.values()) < PAGE_BYTES_MAX
    assert len(ten.clock.encode()) < PAGE_BYTES_MAX


def test_the_table_of_days_holds_the_newest_and_says_where_the_others_are(ten: Drafted) -> None:
    page = ten.pages["models/fable-0b/index.md"]
    (days,) = re.findall(r'aria-label="By day: .*?</table>', page, re.DOTALL)
    (head,) = re.findall(r"<thead>.*?</thead>", days, re.DOTALL)
    assert len(re.findall(r"\d{4}-\d\d-\d\d", head)) == time.DAYS_SHOWN
    assert "../../api/v1/tables/windows.csv" in page
    assert f"the newest {time.DAYS_SHOWN} days" in words(page)


def test_certificates_of_old_windows_are_summed_up_by_month(ten: Drafted) -> None:
    newest, older = ten.clock.split("Older certificates")
    assert newest.count("<tr") == 1 + 2 * clock.WINDOWS_SHOWN
    assert 0 < older.count("<tr") - 1 <= MONTHS
    assert "800 older windows" in words(ten.clock)


def test_who_was_measured_years_ago_is_listed_and_holds_no_place(ten: Drafted) -> None:
    by_provider = {row.provider: row for row in ten.rows}
    assert by_provider[STALE].unranked == ("older than 90 days",)
    assert by_provider[STALE].ranks == {}
    assert {rank.of for name in (CHANGING, "invented-002") for rank in by_provider[name].ranks.values()} == {
        2
    }
    assert "older than 90 days" in words(ten.pages["models/fable-0b/index.md"])


def test_years_without_a_price_are_said_and_cost_nothing(ten: Drafted) -> None:
    row = next(row for row in ten.rows if row.provider == CHANGING)
    priced = row.figures["blended_usd_per_mtok"].windows
    assert 0 < priced < len(row.valid)
    unpriced = f"{len(row.valid) - priced} of {len(row.valid)} windows: no price is recorded from"
    assert unpriced in words(ten.pages["models/fable-0b/index.md"])


def test_twice_the_time_asks_for_twice_the_tables(
    months: Any, ten: Drafted, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("five-years")
    five = draft(write(months, folder / "root", MONTHS // 2), folder)
    assert five.windows * 2 == ten.windows
    assert ten.asked <= 2.05 * five.asked


def test_the_leaderboard_for_machines_names_every_window(ten: Drafted) -> None:
    data = json.loads(ten.pages["api/v1/leaderboards/fable-0b.json"])
    assert sum(len(row["windows"]) for row in data["rows"]) == ten.windows
