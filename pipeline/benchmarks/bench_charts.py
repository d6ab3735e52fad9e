"""How long a chart takes to draw, cold and from the cache, and what its picture and the bundle weigh.

The charts are those of a small root (:mod:`months`). *First* is the first chart of a process, which starts
the engine; the others are drawn ``TURNS`` times each. Processor time counts every thread of this process.

Run: ``python pipeline/benchmarks/bench_charts.py``
"""

from __future__ import annotations

import gzip
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import months

from fairlead.cache import Cache
from fairlead.publish.charts import drawing
from fairlead.publish.charts.chart import Chart, canonical, placeholder
from fairlead.publish.edition import Edition
from fairlead.publish.site import render_files

TURNS = 7


def charts_of(folder: Path) -> dict[str, Chart]:
    """Every chart of the site of a small root, by its digest."""
    repository, rows, now = months.small_board(folder)
    edition = Edition(repository, rows, now, None, {})
    render_files(edition)
    return edition.charts


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall clock and processor time in ms."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - processor) * 1e3


def main() -> None:
    """Print one line a figure."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        charts = charts_of(folder / "root")
        texts = [canonical(drawing.still(chart.spec)) for chart in charts.values()]
        first, _ = timed(lambda: drawing.render(texts[0]))
        cold = [timed(lambda text=text: drawing.render(text)) for _ in range(TURNS) for text in texts]
        sizes = [len(gzip.compress(drawing.render(text).encode())) for text in texts]
        bundling, _ = timed(drawing.bundle)
        cache = Cache(folder / "cache")
        for site in (folder / "first", folder / "second"):
            (site / "assets").mkdir(parents=True)
            (site / "index.html").write_text("".join(map(placeholder, charts)))
            cached, _ = timed(
                lambda site=site: drawing.publish(
                    site, [site / "index.html"], charts, drawing.Drawings(cache)
                )
            )
    walls, processors = zip(*cold, strict=True)
    print(f"{len(charts)} charts, {TURNS} turns, load average {load:.1f} before")
    print(f"first chart of a process: {first:.0f} ms; the bundle, once: {bundling:.0f} ms")
    print(f"cold: median {statistics.median(walls):.1f} ms a chart, {max(walls):.0f} at most")
    print(f"cold, processor time: median {statistics.median(processors):.1f} ms a chart")
    print(f"cached: {cached / len(charts):.2f} ms a chart, writing its files included")
    print(f"a picture: median {statistics.median(sizes):.0f} bytes compressed, {max(sizes)} at most")


if __name__ == "__main__":
    main()
