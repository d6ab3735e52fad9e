"""How long a large site takes to build, a page, beside bare MkDocs; and how soon a changed file is shown.

The root is :mod:`months`' smallest, with as many small invented providers as make the pages asked for; each
size runs in a fresh process. Bare MkDocs is given the very folder that we give it, with the same theme and
settings, after us and in the same process: what we take beyond it, or less, is ours. Times are processor
time, for a machine may be busy with other things. *memory* is the highest resident set before and after our
build. *changed* is the time from a changed name in one provider's YAML to the site that shows it, every file
read anew, in a process that already serves it and knows what it made before.

Run: ``python pipeline/benchmarks/bench_site.py [--pages 500 2000] [--json FILE] [--profile]``
"""

from __future__ import annotations

import argparse
import concurrent.futures
import cProfile
import dataclasses
import datetime as dt
import json
import logging
import multiprocessing
import os
import pstats
import resource
import shutil
import tempfile
import time
from pathlib import Path

import months
from mkdocs.commands.build import build as mkdocs_build
from mkdocs.config import load_config

from fairlead.cache import Cache
from fairlead.cores import permitted_cores
from fairlead.evidence import load_evidence, with_replies
from fairlead.publish import LiveSite, build_site, shipped_source
from fairlead.publish.live import look_at
from fairlead.publish.site import draft_site
from fairlead.ranking import Row, build_rows
from fairlead.repository import Repository, canonical_text, load_repository

ASKED_MS_A_PAGE, ASKED_CHANGED_S = 9.0, 2.0


@dataclasses.dataclass(frozen=True)
class Found:
    """One size; times in processor seconds, ``changed_s`` of a clock."""

    pages: int
    ours_s: float
    bare_s: float
    before_mib: float
    after_mib: float
    changed_s: float
    changed_cpu_s: float
    look_s: float

    @property
    def ours_ms(self) -> float:
        """A page."""
        return self.ours_s / self.pages * 1000


def make_root(folder: Path, pages: int) -> tuple[Path, int]:
    """A root whose site has about so many pages, and the second just after its last window."""
    made = months.make_root(folder / "months", 4, cores=permitted_cores())
    root = folder / f"root-{pages}"
    shutil.copytree(made.root, root)
    for number in range(pages - 35):
        data = {**months.provider(number, ["fable-0b"]), "name": f"Small {number}"}
        path = root / "providers" / f"small-{number:05}.yaml"
        path.write_text(canonical_text("provider", data), "utf-8")
    return root, made.end_unix_s


def load(root: Path, end_unix_s: int, live: LiveSite | None = None) -> tuple[Repository, tuple[Row, ...]]:
    """What a site is made from, with what earlier turns found."""
    cache = root.with_name(f"{root.name}-cache")
    repository, problems = load_repository(root, Cache(cache / "documents"))
    assert not problems, problems[:3]
    evidence, unusable = load_evidence(repository, Cache(cache / "windows"))
    assert not unusable
    evidence = with_replies(repository, evidence, live.memory if live else None)
    end_ns = end_unix_s * 1_000_000_000
    rows = build_rows(evidence, repository.providers, repository.methodologies, now_unix_ns=end_ns)
    return repository, rows


def measure(folder: Path, pages: int, *, is_profiled: bool) -> Found:
    """One size."""
    root, end_unix_s = make_root(folder, pages)
    now = dt.datetime.fromtimestamp(end_unix_s, tz=dt.UTC)
    repository, rows = load(root, end_unix_s)
    before = _memory_mib()
    profiler = cProfile.Profile()
    begin = time.process_time()
    if is_profiled:
        profiler.enable()
    made = build_site(repository, rows, out=folder / "ours", now=now, commit=None)
    profiler.disable()
    ours, after = time.process_time() - begin, _memory_mib()
    if is_profiled:
        pstats.Stats(profiler).sort_stats("cumtime").print_stats(60)
    draft = draft_site(repository, rows, now=now, commit=None, source=shipped_source())
    draft.lay_out(folder / "project")
    logging.getLogger("mkdocs").setLevel(logging.ERROR)
    begin = time.process_time()
    mkdocs_build(load_config(str(folder / "project" / "mkdocs.yml"), site_dir=str(folder / "bare")))
    bare = time.process_time() - begin
    del draft, repository, rows
    (folder / "live").mkdir()
    live = LiveSite(folder / "live", shipped_source())
    live.update(*load(root, end_unix_s, live), now=now, commit=None)
    path = max((root / "providers").iterdir())
    path.write_text(path.read_text("utf-8").replace("name: ", "name: Changed ", 1), "utf-8")
    begin, begin_cpu = time.perf_counter(), time.process_time()
    look_at([root])
    look = time.perf_counter() - begin
    live.update(*load(root, end_unix_s, live), now=now, commit=None)
    changed, changed_cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    assert "Changed" in (live.site / "providers" / path.stem / "index.html").read_text("utf-8")
    return Found(made.pages, ours, bare, before, after, changed, changed_cpu, look)


def _memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    found = []
    for pages in arguments.pages:
        with (
            tempfile.TemporaryDirectory() as folder,
            concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
        ):
            job = pool.submit(measure, Path(folder), pages, is_profiled=arguments.profile).result()
        found.append(job)
        print(
            f"{job.pages} pages: {job.ours_ms:.1f} ms of CPU a page (asked <= {ASKED_MS_A_PAGE:.0f}), "
            f"bare MkDocs {job.bare_s / job.pages * 1000:.1f}, ratio {job.ours_s / job.bare_s:.2f}; "
            f"memory {job.before_mib:.0f} -> {job.after_mib:.0f} MiB; "
            f"a changed file in {job.changed_s:.2f} s, {job.changed_cpu_s:.2f} s of CPU "
            f"(asked < {ASKED_CHANGED_S:.0f}), {job.look_s * 1000:.0f} ms of it to see it; "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    if arguments.json:
        text = json.dumps([dataclasses.asdict(each) for each in found], indent=1)
        arguments.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
