"""How long ``fairlead rank --json`` takes, and how much memory, over roots of growing size.

A root of N provider-months (:mod:`months`) is made below --folder, or taken from there. The command then runs
in a fresh process: *cold* with an empty cache, *warm* again, and *changed* after one window was replaced by
another and listed anew. Memory is the largest of the processes', by their highest resident set. ``*_cpu_s``
is the processor time of all of them, which tells of a machine that was busy with other things. Linear growth
shows in the ratios: times N, how many times the time of the row before.

Run: ``python pipeline/benchmarks/bench_rank.py [--sizes 10,40] [--requests 30] [--folder DIR] [--json FILE]``
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import months

from fairlead import windows
from fairlead.documents import parse
from fairlead.repository import canonical_text


@dataclass(frozen=True)
class Row:
    """One size. ``times_n``, ``times_cold``, ``times_warm``: how many times the row before."""

    provider_months: int
    windows: int
    requests: int
    raw_mb: float
    cold_s: float
    cold_mib: float
    warm_s: float
    changed_s: float
    cold_cpu_s: float
    warm_cpu_s: float
    changed_cpu_s: float
    cache_mb: float
    times_n: float | None = None
    times_cold: float | None = None
    times_warm: float | None = None


@dataclass(frozen=True)
class Run:
    """One run in a fresh process."""

    seconds: float
    cpu_s: float
    mib: float
    output: str


def rank_once(root: Path, cache: Path, end_unix_s: int) -> Run:
    """``fairlead rank --json`` in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run, (root, cache, end_unix_s))


def _run(root: Path, cache: Path, end_unix_s: int) -> Run:
    """In a process of its own, whose only children are the command's: so their memory can be told apart."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "SOURCE_DATE_EPOCH": str(end_unix_s)}
    command = [sys.executable, "-m", "fairlead", "rank", "--json", "--root", str(root)]
    before = time.perf_counter()
    found = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - before
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, found.stdout)


def replace_window(root: Path, turn: int) -> tuple[Path, bytes, Path, bytes]:
    """Take the last request off a window and list it anew; the two files, each with its bytes from before."""
    manifest = min(root.glob("submissions/neutral/*/rounds.yaml"))
    document, _ = parse(manifest.read_bytes(), "rounds.yaml")
    assert document is not None
    listed = document.data["windows"][turn]  # type: ignore[index, call-overload]
    path = manifest.parent / listed["file"]
    before = path, path.read_bytes(), manifest, manifest.read_bytes()
    window = windows.decode_window(before[1])
    data = windows.encode_window(window.header, window.requests[:-1])
    path.write_bytes(data)
    listed |= {"sha256": windows.digest(data), "bytes": len(data)}
    manifest.write_text(canonical_text("rounds", document.data), "utf-8")
    return before


def measure(folder: Path, count: int, requests: int) -> Row:
    made = months.make_root(folder, count, cores=months.permitted_cores(), requests=requests)
    with tempfile.TemporaryDirectory() as cache_folder:
        cache = Path(cache_folder)
        cold = rank_once(made.root, cache, made.end_unix_s)
        warm = rank_once(made.root, cache, made.end_unix_s)
        if warm.output != cold.output:
            raise SystemExit("the cache changed a number")
        path, data, manifest, text = replace_window(made.root, turn=3)
        try:
            changed = rank_once(made.root, cache, made.end_unix_s)
        finally:
            path.write_bytes(data)
            manifest.write_bytes(text)
        if changed.output == cold.output:
            raise SystemExit("a changed window changed nothing")
        cache_bytes = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    return Row(
        provider_months=count,
        windows=count * months.WINDOWS,
        requests=count * months.WINDOWS * requests,
        raw_mb=round(made.bytes / 1e6, 1),
        cold_s=round(cold.seconds, 2),
        cold_mib=round(cold.mib),
        warm_s=round(warm.seconds, 2),
        changed_s=round(changed.seconds, 2),
        cold_cpu_s=round(cold.cpu_s, 2),
        warm_cpu_s=round(warm.cpu_s, 2),
        changed_cpu_s=round(changed.cpu_s, 2),
        cache_mb=round(cache_bytes / 1e6, 1),
    )


def with_ratios(rows: list[Row]) -> list[Row]:
    found = rows[:1]
    for before, row in itertools.pairwise(rows):
        ratios = {
            "times_n": round(row.provider_months / before.provider_months, 2),
            "times_cold": round(row.cold_s / before.cold_s, 2),
            "times_warm": round(row.warm_s / before.warm_s, 2),
        }
        found.append(Row(**{**asdict(row), **ratios}))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10,40", help="comma-separated numbers of provider-months")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/bench-roots"), help="where roots are made and kept"
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=months.REQUESTS,
        help="in each window; fewer show at less cost how time grows with the number of windows",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    before, rows = os.getloadavg(), []
    for count in map(int, arguments.sizes.split(",")):
        print(f"{count} provider-months ...", file=sys.stderr)
        rows.append(measure(arguments.folder.resolve(), count, arguments.requests))
    rows = with_ratios(rows)
    print(table(rows))
    loads = {"load_average_before": before, "load_average_after": os.getloadavg()}
    cores = months.permitted_cores()
    print(f"{cores} cores; load average {before[0]:.2f} before, {os.getloadavg()[0]:.2f} after")
    if arguments.json is not None:
        text = json.dumps({"cores": cores, **loads, "rows": [asdict(row) for row in rows]}, indent=2)
        arguments.json.write_text(text + "\n", "utf-8")


def table(rows: list[Row]) -> str:
    names = list(asdict(rows[0]))
    cells = [names, *([("-" if v is None else str(v)) for v in asdict(row).values()] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells
    )


if __name__ == "__main__":
    main()
