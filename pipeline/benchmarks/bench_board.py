"""How quickly a leaderboard of 500 rows can be read and sorted in a real browser, and what its page weighs.

The rows are those of a small root (:mod:`months`), repeated under invented providers with invented rank
ranges: once as rows of ten models, for the front page, once of one, for the page of that model. Measured:

- over the wire: everything that the page asks for until it is quiet, compressed as a host sends it;
- layout shift: the sum of all shifts until the page is quiet (CLS with nothing left out);
- interactive: from the start of the navigation until the controls are there and the last task of 50 ms or
  more that loading takes has ended; the processor is slowed down fourfold by the browser itself. Nothing is
  asked of the page before that: a question is a script, and at this speed a long task of its own;
- sorted: one click on a head, up to the end of the layout that follows it, not slowed down.

Run: ``python pipeline/benchmarks/bench_board.py [--rows 500] [--json FILE] [--chromium /usr/bin/chromium]``
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
import os
import random
import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import months

from fairlead.publish import build_site, running_site
from fairlead.ranking import RankRange, Row
from fairlead.stats import Estimate

TURNS, LOADS, SLOWED = 15, 5, 4
SETTLED_MS = 3000  # after all has come, so that what that sets off has ended
FRONT = "front page"
ASKED = {"wire_kb": 200.0, "shift": 0.0, "interactive_ms": 1000.0, "sorted_ms": 100.0}
WATCH = """
window.seen = { shift: 0, busy: 0 };
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  window.seen.shift += entry.value;
})).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  window.seen.busy = Math.max(window.seen.busy, entry.startTime + entry.duration);
})).observe({ type: "longtask", buffered: true });
"""
SORT = """turns => {
  const button = document.querySelector("th[data-figure=ttft_p50_ms] button");
  return Array.from({ length: turns }, () => {
    const from = performance.now();
    button.click();
    document.body.offsetHeight;
    return performance.now() - from;
  });
}"""
LOADED = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const controls = performance.getEntriesByName("fl-controls")[0];  // set by the page's own script
  const parsed = performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
  return Math.max(window.seen.busy, parsed, controls.startTime, paint ? paint.startTime : 0);
}"""


def long_table(rows: Iterable[Row], number: int, models: int = 1) -> list[Row]:
    """So many rows of invented providers, each a ranked row's figures with ranks of its own."""
    chance, ranked = random.Random(5), [row for row in rows if row.ranks]
    many, of_model = [], number // models
    for place in range(number):
        row, best = ranked[place % len(ranked)], chance.randint(1, of_model - of_model // 10)
        ranks = dict.fromkeys(row.ranks, RankRange(best, best + chance.randint(0, of_model // 10), of_model))
        family = row.family
        if models > 1:
            family = dataclasses.replace(family, model=f"fable-{place // of_model}b")
        named = f"provider-{place % of_model if models > 1 else place:03d}"
        varied = {name: _times(found, chance.lognormvariate(0, 0.3)) for name, found in row.figures.items()}
        many.append(dataclasses.replace(row, provider=named, family=family, ranks=ranks, figures=varied))
    return many


def _times(estimate: Estimate, factor: float) -> Estimate:
    """Figures that are like no other row's, for a page of equal ones would weigh next to nothing."""
    ends = {
        name: end * factor
        for name in ("value", "low", "high")
        if (end := getattr(estimate, name)) is not None
    }
    return dataclasses.replace(estimate, **ends)


def build(folder: Path, number: int) -> dict[str, tuple[Path, str]]:
    """Two sites of so many rows: the folder of each, and the page to look at."""
    repository, rows, now = months.small_board(folder)
    for name, models in (("front", 10), ("model", 1)):
        build_site(repository, long_table(rows, number, models), out=folder / name, now=now, commit=None)
    (page,) = (path for path in (folder / "model/models").glob("*/index.html"))
    return {
        FRONT: (folder / "front", ""),
        "page of one model": (folder / "model", f"models/{page.parent.name}/"),
    }


def measure(engine: Any, address: str, chromium: str) -> dict[str, float]:
    """One page, in fresh contexts of one browser."""
    browser = engine.chromium.launch(
        executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
    )
    interactive, shifts = [], []
    asked: list[str] = []
    for _ in range(LOADS):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.add_init_script(WATCH)
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
        page.goto(address, wait_until="load")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(SETTLED_MS)
        interactive.append(page.evaluate(LOADED))
        shifts.append(page.evaluate("window.seen.shift"))
        page.context.close()
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address, wait_until="networkidle")
    page.wait_for_selector(".fl-bar button")
    times: list[float] = page.evaluate(SORT, TURNS)
    browser.close()
    wire = 0
    for url in dict.fromkeys(asked):
        with urlopen(url) as answer:
            wire += len(gzip.compress(answer.read(), 6))
    return {
        "wire_kb": wire / 1000,
        "shift": max(shifts),
        "interactive_ms": statistics.median(interactive),
        "sorted_ms": statistics.median(times),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    found = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engine:
        for name, (site, page) in build(Path(folder), arguments.rows).items():
            with running_site(site) as address:
                found[name] = measure(engine, address + page, arguments.chromium)
    for name, measured in found.items():
        print(f"{name}, {arguments.rows} rows; load {os.getloadavg()[0]:.1f}")
        for key, value in measured.items():
            asked = ASKED.get(key) if name == FRONT else None
            held = "held" if asked is not None and value <= asked else "NOT HELD"
            print(
                f"  {key:16} {value:8.1f}"
                + (f"   asked <= {asked:6.1f}   {held}" if asked is not None else "")
            )
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": arguments.rows, "pages": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
