"""How wrong the measuring client is, and what it costs, against the reference endpoint in another process.

All streams start at once and stay in phase, the worst case for a client on one loop. The client has one core
and the reference another, where there are two. Errors are taken against the moments at which the reference
really wrote (its own log, same monotonic clock), so its lateness is not the client's. Beside ours, in the
same run, httpx with one shared client, stamping and parsing as it reads; above 256 streams it is left out,
for its pool takes minutes.

Each figure is the median of the rounds, a ratio the median of the rounds' ratios. The machine's load average,
before and after, is part of the result: on a busy machine these figures are upper bounds.

Run: ``python pipeline/benchmarks/bench_client.py [--streams 1,64,256,1024] [--rounds 3] [--json FILE]``
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import httpx

from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, read_log

TTFT_MS = 200.0
ICL_MS = 10.0
REQUESTS_EACH = 2  # a stream
HTTPX_STREAMS = 256  # at most

# (digest of the body, sent, stamps of the content chunks), all absolute ns; an empty list: it failed
Seen = tuple[str, int, list[int]]


@dataclass(frozen=True)
class Row:
    """One client at one number of streams. Errors in ms, of the 99th percentile where not said.

    ``token``: of the stamp that is published; ``read``: of the moment the client itself read; ``gap``:
    matched gaps, either way; ``pooled_gap``: p99 of all gaps seen - p99 of all gaps written. ``cpu``: ms per
    1,000 tokens, parsing included; ``cpu_of_httpx``: as a share of httpx's.
    """

    client: str
    streams: int
    ttft_p50_ms: float
    ttft_ms: float
    token_ms: float
    token_max_ms: float
    read_ms: float
    gap_ms: float
    pooled_gap_ms: float
    cpu_ms_per_1k: float
    cpu_of_httpx: float | None
    peak_mb: float
    reference_late_ms: float
    tokens: int
    missing: int


@dataclass(frozen=True)
class Taken:
    """What one client reports of its run."""

    seen: list[Seen]
    cpu_s: float
    lag_ns: dict[str, list[int]]  # by digest of the body; none where the client has no kernel stamps
    peak_mb: float


def take_fairlead(plan: Plan, folder: str, core: int | None) -> Taken:
    """Our client, sealing included."""
    _keep_to(core)
    before = time.process_time()
    sealed = measure_window(plan, spool=Path(folder) / "spool")
    cpu_s = time.process_time() - before
    origin_ns = sealed.window.header.clock.origin_mono_ns or 0
    seen: list[Seen] = []
    lag_ns: dict[str, list[int]] = {}
    for request in sealed.window.requests:
        stamps = [origin_ns + at for at in itertools.accumulate(request.chunk_ns)]
        kept = stamps if request.outcome == "ok" else []
        seen.append((request.body_sha256 or "", origin_ns + (request.sent_ns or 0), kept))
        lag_ns[request.body_sha256 or ""] = request.chunk_lag_ns or []
    return Taken(seen, cpu_s, lag_ns, _peak_mb())


def take_httpx(plan: Plan, _folder: str, core: int | None) -> Taken:
    """Plain httpx: one shared client, its pool unlimited, a stamp and a parse for each line it yields."""
    _keep_to(core)
    before = time.process_time()
    seen = asyncio.run(_httpx_streams(plan))
    return Taken(seen, time.process_time() - before, {}, _peak_mb())


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


def _keep_to(core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(client: str, take: Callable[[Plan, str, int | None], Taken], streams: int, tokens: int) -> Row:
    """One client in a fresh process against a fresh reference."""
    profile = ReferenceProfile(ttft_median_ms=TTFT_MS, icl_median_ms=ICL_MS)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    ours, theirs = (cores[0], cores[1:]) if len(cores) > 1 else (None, None)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with start_reference(profile, log=log, cores=theirs) as reference:
            plan = Plan(
                url=reference.url,
                model=profile.model,
                concurrency=streams,
                requests=REQUESTS_EACH * streams,
                seed=os.urandom(8).hex(),
                max_tokens=tokens,
                ramp_ns=0,
            )
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                taken = pool.submit(take, plan, folder, ours).result()
        return compare(client, streams, REQUESTS_EACH * streams * tokens, taken, read_log(log))


def compare(client: str, streams: int, planned: int, taken: Taken, log: list[LoggedRequest]) -> Row:
    """What the client saw against what was written."""
    entries = {entry.body_sha256: entry for entry in log}
    ttft, token, read, gap = [], [], [], []
    seen_gaps, written_gaps = [], []
    for body_sha256, sent_ns, stamps in taken.seen:
        entry = entries[body_sha256]
        if len(stamps) != len(entry.written_ns):
            continue
        errors = [a - b for a, b in zip(stamps, entry.written_ns, strict=True)]
        token += errors
        ttft.append(errors[0] + (0 if entry.arrived_ns is None else entry.arrived_ns - sent_ns))
        lag = taken.lag_ns.get(body_sha256) or [0] * len(errors)
        read += [error + late for error, late in zip(errors, lag, strict=True)]
        seen_gaps += [b - a for a, b in itertools.pairwise(stamps)]
        written_gaps += [b - a for a, b in itertools.pairwise(entry.written_ns)]
        gap += [abs(b - a) for a, b in itertools.pairwise(errors)]
    late = [w - d for entry in log for w, d in zip(entry.written_ns, entry.due_ns, strict=False)]
    return Row(
        client=client,
        streams=streams,
        ttft_p50_ms=_quantile(ttft, 0.5),
        ttft_ms=_quantile(ttft, 0.99),
        token_ms=_quantile(token, 0.99),
        token_max_ms=_quantile(token, 1.0),
        read_ms=_quantile(read, 0.99),
        gap_ms=_quantile(gap, 0.99),
        pooled_gap_ms=round(_quantile(seen_gaps, 0.99) - _quantile(written_gaps, 0.99), 3),
        cpu_ms_per_1k=round(taken.cpu_s * 1e6 / planned, 1),
        cpu_of_httpx=None,
        peak_mb=round(taken.peak_mb, 1),
        reference_late_ms=_quantile(late, 0.99),
        tokens=len(token),
        missing=planned - len(token),
    )


def _quantile(values: list[int], share: float) -> float:
    """In ms, by the nearest rank; not a number where there is nothing."""
    ranked = sorted(values)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))] / 1e6, 3) if ranked else float("nan")


def compare_clients(streams: int, tokens: int, rounds: int) -> list[Row]:
    """Both clients by turns, so that both meet the same neighbours on the machine; medians."""
    plain: list[Row] = []
    ours: list[Row] = []
    for _ in range(rounds):
        if streams <= HTTPX_STREAMS:
            plain.append(measure("httpx, one client", take_httpx, streams, tokens))
        found = measure("fairlead", take_fairlead, streams, tokens)
        ratio = round(found.cpu_ms_per_1k / plain[-1].cpu_ms_per_1k, 3) if plain else None
        ours.append(replace(found, cpu_of_httpx=ratio))
    return [median(rows) for rows in (plain, ours) if rows]


def median(rows: list[Row]) -> Row:
    """Each figure's median over the rounds; of an even number, the lower of the two in the middle."""
    figures = {name: [getattr(row, name) for row in rows] for name in asdict(rows[0])}
    return Row(
        **{
            name: sorted(values)[(len(values) - 1) // 2] if values[0] is not None else None
            for name, values in figures.items()
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", default="1,64,256,1024", help="comma-separated numbers of streams")
    parser.add_argument("--tokens", type=int, default=100, help="tokens a request")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    arguments = parser.parse_args()
    before = os.getloadavg()
    rows: list[Row] = []
    for streams in map(int, arguments.streams.split(",")):
        print(f"{streams} streams ...", file=sys.stderr)
        rows += compare_clients(streams, arguments.tokens, arguments.rounds)
    loads = {"load_average_before": before, "load_average_after": os.getloadavg()}
    print(table(rows))
    print(f"medians of {arguments.rounds} rounds of {arguments.tokens} tokens a request; p99, in ms")
    print(f"{os.cpu_count()} cores; load average {before[0]:.2f} before, {os.getloadavg()[0]:.2f} after")
    print("aiperf, guidellm and inference-perf are not run here: each would need an environment of its own")
    if arguments.json is not None:
        found = {"rounds": arguments.rounds, "tokens": arguments.tokens, "cores": os.cpu_count(), **loads}
        text = json.dumps({**found, "rows": [asdict(row) for row in rows]}, indent=2)
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
