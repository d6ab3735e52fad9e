"""How wrong the measuring client is, and what it costs, against the reference endpoint in another process.

All streams start at once and stay in phase, the worst case for a client on one loop. Errors are taken against
the moments at which the reference really wrote (its own log, same monotonic clock), so its lateness is not
the client's. Beside it, in the same run, httpx with one shared client, stamping and parsing as it reads.

Run: ``python pipeline/benchmarks/bench_client.py [--streams 1,64,256] [--tokens 100] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import hashlib
import itertools
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, read_log

TTFT_MS = 200.0
ICL_MS = 10.0
ROUNDS = 2  # requests a stream

# (digest of the body, sent, stamps of the content chunks), all absolute ns; an empty list: it failed
Seen = tuple[str, int, list[int]]


@dataclass(frozen=True)
class Row:
    """One client at one number of streams. Errors in ms; ``cpu``: ms per 1,000 tokens, parsing included."""

    client: str
    streams: int
    ttft_p50_ms: float
    ttft_p99_ms: float
    token_p99_ms: float
    token_max_ms: float
    gap_p99_ms: float
    lag_p99_ms: float | None
    cpu_ms_per_1k: float
    cpu_of_httpx: float | None
    peak_mb: float
    reference_late_p99_ms: float
    tokens: int
    missing: int


@dataclass(frozen=True)
class Taken:
    """What one client reports of its run."""

    seen: list[Seen]
    cpu_s: float
    lag_ns: list[int]
    peak_mb: float


def take_fairlead(plan: Plan, folder: str) -> Taken:
    """Our client, sealing included."""
    before = time.process_time()
    sealed = measure_window(plan, spool=Path(folder) / "spool")
    cpu_s = time.process_time() - before
    origin_ns = sealed.window.header.clock.origin_mono_ns or 0
    seen: list[Seen] = []
    lag_ns: list[int] = []
    for request in sealed.window.requests:
        stamps = [origin_ns + at for at in itertools.accumulate(request.chunk_ns)]
        kept = stamps if request.outcome == "ok" else []
        seen.append((request.body_sha256 or "", origin_ns + (request.sent_ns or 0), kept))
        lag_ns += request.chunk_lag_ns or []
    return Taken(seen, cpu_s, lag_ns, _peak_mb())


def take_httpx(plan: Plan, _folder: str) -> Taken:
    """Plain httpx: one shared client, its pool unlimited, a stamp and a parse for each line it yields."""
    before = time.process_time()
    seen = asyncio.run(_httpx_streams(plan))
    return Taken(seen, time.process_time() - before, [], _peak_mb())


async def _httpx_streams(plan: Plan) -> list[Seen]:
    bodies = [plan.body(i) for i in range(plan.requests)]
    waiting = iter(bodies)
    seen: list[Seen] = []

    async def worker(client: httpx.AsyncClient) -> None:
        for body in waiting:
            sent_ns, stamps = time.monotonic_ns(), []
            # Under load its shared pool closes connections under its own streams: those are missing.
            with contextlib.suppress(httpx.ReadError):
                async with client.stream("POST", f"{plan.url}/chat/completions", content=body) as response:
                    async for line in response.aiter_lines():
                        now_ns = time.monotonic_ns()
                        if line.startswith("data: {") and _has_content(line):
                            stamps.append(now_ns)
            seen.append((hashlib.sha256(body).hexdigest(), sent_ns, stamps))

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=None, trust_env=False) as client:
        await asyncio.gather(*(worker(client) for _ in range(plan.concurrency)))
    return seen


def _has_content(line: str) -> bool:
    choices = json.loads(line[6:])["choices"]
    return bool(choices and choices[0]["delta"].get("content"))


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(client: str, take: Callable[[Plan, str], Taken], streams: int, tokens: int) -> Row:
    """One client in a fresh process against a fresh reference."""
    profile = ReferenceProfile(ttft_median_ms=TTFT_MS, icl_median_ms=ICL_MS)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with start_reference(profile, log=log) as reference:
            plan = Plan(
                url=reference.url,
                model=profile.model,
                concurrency=streams,
                requests=ROUNDS * streams,
                seed=os.urandom(8).hex(),
                max_tokens=tokens,
                ramp_ns=0,
            )
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                taken = pool.submit(take, plan, folder).result()
        return compare(client, streams, ROUNDS * streams * tokens, taken, read_log(log))


def compare(client: str, streams: int, planned: int, taken: Taken, log: list[LoggedRequest]) -> Row:
    """What the client saw against what was written."""
    written = {entry.body_sha256: entry.written_ns for entry in log}
    ttft, token, gap = [], [], []
    for body_sha256, sent_ns, stamps in taken.seen:
        truth = written[body_sha256]
        if len(stamps) != len(truth):
            continue
        ttft.append((stamps[0] - sent_ns) - (truth[0] - sent_ns))
        token += [a - b for a, b in zip(stamps, truth, strict=True)]
        gaps = zip(itertools.pairwise(stamps), itertools.pairwise(truth), strict=True)
        gap += [abs((b - a) - (d - c)) for (a, b), (c, d) in gaps]
    late = [w - d for entry in log for w, d in zip(entry.written_ns, entry.due_ns, strict=False)]
    return Row(
        client=client,
        streams=streams,
        ttft_p50_ms=_quantile(ttft, 0.5),
        ttft_p99_ms=_quantile(ttft, 0.99),
        token_p99_ms=_quantile(token, 0.99),
        token_max_ms=_quantile(token, 1.0),
        gap_p99_ms=_quantile(gap, 0.99),
        lag_p99_ms=_quantile(taken.lag_ns, 0.99) if taken.lag_ns else None,
        cpu_ms_per_1k=round(taken.cpu_s * 1e6 / planned, 1),
        cpu_of_httpx=None,
        peak_mb=round(taken.peak_mb, 1),
        reference_late_p99_ms=_quantile(late, 0.99),
        tokens=len(token),
        missing=planned - len(token),
    )


def _quantile(values: list[int], share: float) -> float:
    """In ms, by the nearest rank; not a number where there is nothing."""
    ranked = sorted(values)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))] / 1e6, 3) if ranked else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", default="1,64,256", help="comma-separated numbers of streams")
    parser.add_argument("--tokens", type=int, default=100, help="tokens a request")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for streams in map(int, arguments.streams.split(",")):
        plain = measure("httpx, one client", take_httpx, streams, arguments.tokens)
        ours = measure("fairlead", take_fairlead, streams, arguments.tokens)
        ratio = round(ours.cpu_ms_per_1k / plain.cpu_ms_per_1k, 3)
        rows += [plain, Row(**(asdict(ours) | {"cpu_of_httpx": ratio}))]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print(table(rows))


def table(rows: list[Row]) -> str:
    names = list(asdict(rows[0]))
    cells = [names, *([("-" if v is None else str(v)) for v in asdict(row).values()] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells
    )


if __name__ == "__main__":
    main()
