"""How long a leaderboard of 500 rows takes to sort in a real browser, and what its page weighs.

The rows are those of a small root (:mod:`months`), repeated under invented providers with invented rank
ranges. A turn is one click on a head, up to the end of the layout that follows it.

Run: ``python pipeline/benchmarks/bench_board.py [--rows 500] [--chromium /usr/bin/chromium]``
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import gzip
import os
import random
import statistics
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

import months

from fairlead.evidence import load_evidence
from fairlead.publish import build_site, serve_site
from fairlead.ranking import RankRange, Row, build_rows
from fairlead.repository import load_repository

TURNS = 15
SORT = """turns => {
  const button = document.querySelector("th[data-figure=ttft_p50_ms] button");
  return Array.from({ length: turns }, () => {
    const from = performance.now();
    button.click();
    document.body.offsetHeight;
    return performance.now() - from;
  });
}"""


def long_table(rows: Iterable[Row], number: int) -> list[Row]:
    """So many rows of invented providers, each a ranked row's figures with ranks of its own."""
    chance, ranked = random.Random(5), [row for row in rows if row.ranks]
    many = []
    for place in range(number):
        row, best = ranked[place % len(ranked)], chance.randint(1, number - number // 10)
        ranks = dict.fromkeys(row.ranks, RankRange(best, best + chance.randint(0, number // 10), number))
        many.append(dataclasses.replace(row, provider=f"provider-{place:03d}", ranks=ranks))
    return many


def build(folder: Path, number: int) -> Path:
    """The site of so many rows; the path of its one leaderboard."""
    made = months.make_root(folder, 4, cores=months.permitted_cores())
    repository, problems = load_repository(made.root)
    evidence, unusable = load_evidence(repository)
    assert not problems
    assert not unusable
    rows = build_rows(
        evidence,
        repository.providers,
        repository.methodologies,
        now_unix_ns=made.end_unix_s * 1_000_000_000,
    )
    now = dt.datetime.fromtimestamp(made.end_unix_s, tz=dt.UTC)
    build_site(repository, long_table(rows, number), out=folder / "site", now=now, commit=None)
    (page,) = (path for path in (folder / "site/models").glob("*/index.html"))
    return page


def sort_times_ms(address: str, chromium: str) -> list[float]:
    """The time of each turn."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        browser = engine.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.wait_for_timeout(1000)
        found: list[float] = page.evaluate(SORT, TURNS)
        browser.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = build(Path(folder), arguments.rows)
        raw = page.read_bytes()
        addresses: list[str] = []
        is_ready = threading.Event()

        def ready(found: str) -> None:
            addresses.append(found)
            is_ready.set()

        site = Path(folder) / "site"
        threading.Thread(target=serve_site, args=(site,), kwargs={"ready": ready}, daemon=True).start()
        is_ready.wait()
        times = sort_times_ms(f"{addresses[0]}{page.parent.relative_to(site)}/", arguments.chromium)
    print(
        f"{arguments.rows} rows: {len(raw) / 1e6:.2f} MB, {len(gzip.compress(raw)) / 1e3:.0f} kB compressed"
    )
    print(
        f"sorted and laid out in {statistics.median(times):.0f} ms "
        f"(median of {TURNS}, {min(times):.0f} to {max(times):.0f}); load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
