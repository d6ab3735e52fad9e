"""How long ``fairlead check`` and ``fairlead rank`` take, and how much memory, over roots of growing size.

A root of about N requests (:mod:`months`) is made below --folder, or taken from there. Each command then runs
in a fresh process: *check*; *rank* cold, with an empty cache; *again*; and *changed*, after one window was
replaced by another and listed anew. Memory is the largest of the processes', by their highest resident set.
``*_cpu_s`` is the processor time of all of them, which tells of a machine that was busy with other things.
Growth is linear where a row's ``times_*`` are at most its ``times_n``. ``--rank-only`` leaves out *check*.

Run: ``python pipeline/benchmarks/bench_scale.py [--sizes 1e4,1e5,1e6] [--rank-only] [--json FILE]``
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import months

from fairlead import windows
from fairlead.cores import permitted_cores
from fairlead.documents import parse
from fairlead.repository import canonical_text

COMMANDS = ("check", "cold", "again", "changed")


@dataclass(frozen=True)
class Run:
    """One run of a command in a fresh process."""

    seconds: float
    cpu_s: float
    mib: float
    output: str


def run_once(arguments: list[str], root: Path, cache: Path, end_unix_s: int) -> Run:
    """``fairlead`` with these arguments over a root, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run, (arguments, root, cache, end_unix_s))


def _run(arguments: list[str], root: Path, cache: Path, end_unix_s: int) -> Run:
    """In a process of its own, whose only children are the command's: so their memory can be told apart."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "SOURCE_DATE_EPOCH": str(end_unix_s)}
    command = [sys.executable, "-m", "fairlead", *arguments, "--root", str(root)]
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


def measure(folder: Path, size: int, *, rank_only: bool) -> dict[str, Any]:
    """The figures of one size: requests, windows, bytes; and seconds, processor time and memory a command."""
    count = max(1, round(size / months.WINDOWS / months.REQUESTS))
    made = months.make_root(folder, count, cores=permitted_cores())
    rank, end = ["rank", "--json"], made.end_unix_s
    with tempfile.TemporaryDirectory() as cache_folder:
        cache = Path(cache_folder)
        runs = {} if rank_only else {"check": run_once(["check"], made.root, cache, end)}
        runs |= {
            "cold": run_once(rank, made.root, cache, end),
            "again": run_once(rank, made.root, cache, end),
        }
        if runs["again"].output != runs["cold"].output:
            raise SystemExit("the cache changed a number")
        path, data, manifest, text = replace_window(made.root, turn=3)
        try:
            runs["changed"] = run_once(rank, made.root, cache, end)
        finally:
            path.write_bytes(data)
            manifest.write_bytes(text)
        if runs["changed"].output == runs["cold"].output:
            raise SystemExit("a changed window changed nothing")
        cache_bytes = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    row: dict[str, Any] = {
        "requests": count * months.WINDOWS * months.REQUESTS,
        "windows": count * months.WINDOWS,
        "provider_months": count,
        "raw_mb": round(made.bytes / 1e6, 1),
        "cache_mb": round(cache_bytes / 1e6, 1),
    }
    for name, run in runs.items():
        row |= {
            f"{name}_s": round(run.seconds, 2),
            f"{name}_cpu_s": round(run.cpu_s, 2),
            f"{name}_mib": round(run.mib),
        }
    return row


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times the row before each row has requests, and takes processor time."""
    found = rows[:1]
    for before, row in itertools.pairwise(rows):
        ratios = {
            f"times_{name}": round(row[f"{name}_cpu_s"] / before[f"{name}_cpu_s"], 2)
            for name in COMMANDS
            if f"{name}_cpu_s" in row
        }
        found.append({**row, "times_n": round(row["requests"] / before["requests"], 2), **ratios})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", default="1e4,1e5", help="comma-separated numbers of requests; 1e6, 1e7 by hand"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("build/bench-roots"), help="where roots are made and kept"
    )
    parser.add_argument("--rank-only", action="store_true", help="leave check out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    before, rows = os.getloadavg(), []
    for size in map(float, arguments.sizes.split(",")):
        print(f"{size:,.0f} requests ...", file=sys.stderr)
        rows.append(measure(arguments.folder.resolve(), int(size), rank_only=arguments.rank_only))
    rows, cores = with_ratios(rows), permitted_cores()
    print(table(rows))
    print(f"{cores} cores; load average {before[0]:.2f} before, {os.getloadavg()[0]:.2f} after")
    if arguments.json is not None:
        document = {
            "command": f"python pipeline/benchmarks/bench_scale.py --sizes {arguments.sizes}"
            f"{' --rank-only' if arguments.rank_only else ''}",
            "cores": cores,
            "load_average_before": round(before[0], 2),
            "load_average_after": round(os.getloadavg()[0], 2),
            "requests_per_window": months.REQUESTS,
            "rows": rows,
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def table(rows: list[dict[str, Any]]) -> str:
    """A line a figure, a column a size: there are more figures than sizes."""
    names = list(rows[-1])
    cells = [[name, *(str(row.get(name, "-")) for row in rows)] for name in names]
    widths = [max(len(line[k]) for line in cells) for k in range(len(rows) + 1)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells
    )


if __name__ == "__main__":
    main()
