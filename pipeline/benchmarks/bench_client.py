"""How wrong the measuring client is, and what it costs, against the reference endpoint in another process.

All streams start at once and stay in phase, the worst case for a client on one loop. The client has one core
and the reference another, where there are two. Errors are taken against the moments at which the reference
really wrote (its own log, same monotonic clock), so its lateness is not the client's.

Beside ours, in the same run and by turns: the floor, a loop of :mod:`bare_loop` that only reads and stamps,
in Python and, where there is a compiler, in C; httpx with one shared client, stamping and parsing as it
reads; and the tools of :mod:`other_tools`, which says what each of them hides. Above 256 streams they are
left out, for httpx's pool takes minutes and the tools have had their say by then.

What is asked of ours is printed beside what was found (:data:`ASKED`). ``scheduled to sent`` is of an open
loop of Poisson arrivals that keeps about as many streams under way, after its ramp, connecting not counted.

Each figure is the median of the rounds, a ratio the median of the rounds' ratios. The machine's load average,
before and after, is part of the result: on a busy machine these figures are upper bounds. At the end: the
highest concurrency at which the p99 of our token stamps holds a limit, the median of as many searches.

Run: ``python pipeline/benchmarks/bench_client.py [--streams 1,64,256,1024] [--rounds 3] [--alone]
[--json FILE] [--keep]``
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
import select
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import bare_loop
import httpx
import other_tools
from environments import UnavailableError
from other_tools import Sample, Seen, Tool

from fairlead import metrics
from fairlead.measure.calibrate import LoadShape, calibrate, find_trusted_concurrency
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.timeline import Ended, Exchange, Shot, read_request
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, read_log
from fairlead.windows import Certificate

TTFT_MS = 200.0
ICL_MS = 10.0
REQUESTS_EACH = 2  # a stream
OTHERS_STREAMS = 256  # at most
OURS, PLAIN = "fairlead", "httpx, one client"
BARE, BARE_C = "bare loop, nothing parsed", "bare loop in C, nothing parsed"
LIMIT_MS = 1.0  # of a trusted concurrency
BARE_ABLE = hasattr(select, "epoll")
OPEN_S = 4.0  # of an open loop's schedule
OPEN_RAMP_NS = 200_000_000
README_RULE = "|---:|---|---:|---:|---:|---:|---:|"
README, ASSET = "README.md", "site/content/assets/client-error.json"
_SHARES = ((PLAIN, "cpu_of_httpx", 3), (BARE, "cpu_of_bare", 2), (BARE_C, "cpu_of_c", 2))
COMPARED = (
    *("ttft_p50_ms", "ttft_ms", "token_ms", "gap_ms", "pooled_gap_ms"),
    *("cpu_ms_per_1k", "peak_mb", "missing"),
)
HIDDEN = ("token_ms", "token_max_ms", "read_ms", "gap_ms", "pooled_gap_ms")  # by some clients


@dataclass(frozen=True)
class Asked:
    """What is asked of ours at one number of streams: a figure of :class:`Row`, or ``own_ms``, at most."""

    streams: int
    figure: str
    most: float


ASKED = (
    *(
        Asked(streams, figure, round(most * share, 3))
        for streams, share in ((64, 1 / 3), (256, 1.0))
        for figure, most in (
            ("token_ms", 1.0),
            ("ttft_ms", 1.0),
            ("own_ms", 2.0),
            ("pooled_gap_ms", 0.2),
            ("gap_ms", 1.5),
        )
    ),
    Asked(256, "cpu_ms_per_1k", 15.0),
    Asked(256, "cpu_of_c", 2.1),  # the same: the loop in C took 7.1 ms where 15 was written down
    Asked(256, "peak_mb", 300.0),
    *(Asked(streams, "missing", 0) for streams in (64, 256, 1024)),
)
_CALLED = {
    "token_ms": "token stamp, p99, ms",
    "ttft_ms": "TTFT, p99, ms",
    "own_ms": "scheduled to sent, p99, ms",
    "pooled_gap_ms": "difference of pooled gaps' p99s, ms",
    "gap_ms": "matched gaps, p99, ms",
    "cpu_ms_per_1k": "CPU, ms per 1,000 tokens",
    "cpu_of_c": "CPU, times that of the loop in C",
    "peak_mb": "memory, MB",
    "missing": "missing tokens",
}


@dataclass(frozen=True)
class Row:
    """One client at one number of streams. Errors in ms, of the 99th percentile where not said; None where
    the client keeps nothing that tells.

    ``ttft``: what the client says less what was so, from the request's arrival. ``token``: of the stamp that
    is published; ``read``: of the moment the client itself read; ``gap``: matched gaps, either way;
    ``pooled_gap``: p99 of all gaps seen - p99 of all gaps written. ``cpu``: ms per 1,000 tokens, of ours and
    httpx's with parsing, of the floor's without, of the tools' under load only; ``cpu_of_httpx``: as a share
    of httpx's; ``cpu_of_bare``, ``cpu_of_c``: as so many times the floor's. ``peak``: of memory, with every
    child. ``missing``: tokens of requests that failed or were counted otherwise.
    """

    client: str
    streams: int
    ttft_p50_ms: float
    ttft_ms: float
    token_ms: float | None
    token_max_ms: float | None
    read_ms: float | None
    gap_ms: float | None
    pooled_gap_ms: float | None
    cpu_ms_per_1k: float
    cpu_of_httpx: float | None
    cpu_of_bare: float | None
    cpu_of_c: float | None
    peak_mb: float
    reference_late_ms: float
    tokens: int
    missing: int


@dataclass(frozen=True)
class Taken:
    """What one client reports of its run. ``samples``: of a tool that runs in processes of its own; what it
    used under load is known once the log is."""

    seen: list[Seen]
    cpu_s: float
    peak_mb: float
    lag_ns: dict[str, list[int]] = field(default_factory=dict)  # by key; none without kernel stamps
    samples: list[Sample] = field(default_factory=list)


Take = Callable[[Plan, Path, int | None], Taken]
_T = TypeVar("_T")
Cores = tuple[int, list[int]]  # the client's, the reference's


def take_fairlead(plan: Plan, folder: Path, core: int | None) -> Taken:
    """Our client, sealing included."""
    return _in_fresh_process(_fairlead, plan, folder, core)


def take_httpx(plan: Plan, folder: Path, core: int | None) -> Taken:
    """Plain httpx: one shared client, its pool unlimited, a stamp and a parse for each line it yields."""
    return _in_fresh_process(_httpx, plan, folder, core)


def take_bare(plan: Plan, folder: Path, core: int | None) -> Taken:
    """The floor: its processor time is that of reading alone; what it read is parsed later, uncounted."""
    return _in_fresh_process(_bare, plan, folder, core)


def take_bare_c(plan: Plan, folder: Path, core: int | None) -> Taken:
    """The floor in C. Its memory is that of the Python that reads what it kept."""
    return _in_fresh_process(_bare_c, plan, folder, core)


def take_tool(tool: Tool) -> Take:
    """A tool, in processes of its own."""

    def take(plan: Plan, folder: Path, core: int | None) -> Taken:
        seen, samples = other_tools.run(tool, plan, folder, core)
        return Taken(seen, 0.0, other_tools.peak_mb(samples), samples=samples)

    return take


def _in_fresh_process(
    take: Callable[[Plan, Path, int | None], _T], plan: Plan, folder: Path, core: int | None
) -> _T:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(take, plan, folder, core).result()


def _fairlead(plan: Plan, folder: Path, core: int | None) -> Taken:
    _keep_to(core)
    before = time.process_time()
    sealed = measure_window(plan, spool=folder / "spool")
    cpu_s = time.process_time() - before
    origin_ns = sealed.window.header.clock.origin_mono_ns or 0
    seen: list[Seen] = []
    lag_ns: dict[str, list[int]] = {}
    for request in sealed.window.requests:
        stamps = [origin_ns + at for at in itertools.accumulate(request.chunk_ns)]
        kept = stamps if request.outcome == "ok" else []
        seen.append(_stamped(request.body_sha256 or "", origin_ns + (request.sent_ns or 0), kept))
        lag_ns[request.body_sha256 or ""] = request.chunk_lag_ns or []
    return Taken(seen, cpu_s, _peak_mb(), lag_ns)


def _bare(plan: Plan, _folder: Path, core: int | None) -> Taken:
    _keep_to(core)
    return _read_bare(plan, *bare_loop.run(plan))


def _bare_c(plan: Plan, folder: Path, core: int | None) -> Taken:
    _keep_to(core)
    return _read_bare(plan, *bare_loop.run_in_c(plan, folder))


def _read_bare(plan: Plan, requests: list[bare_loop.Kept], cpu_s: float) -> Taken:
    peak_mb, seen = _peak_mb(), []
    for kept in requests:
        reads = [(at_ns, None, data) for at_ns, _, data in kept.reads]
        exchange = Exchange(
            begin_ns=kept.sent_ns,
            sent_ns=kept.sent_ns,
            reads=reads,
            end_ns=reads[-1][0],
            ended=Ended.COMPLETE,
        )
        shot = Shot(i=0, slot=None, scheduled_ns=None, body_sha256=kept.key)
        request = read_request(shot, exchange, DIALECTS[plan.dialect], origin_ns=0)
        seen.append(_stamped(kept.key, kept.sent_ns, list(itertools.accumulate(request.chunk_ns))))
    return Taken(seen, cpu_s, peak_mb)


def _httpx(plan: Plan, _folder: Path, core: int | None) -> Taken:
    _keep_to(core)
    before = time.process_time()
    seen = asyncio.run(_httpx_streams(plan))
    return Taken(seen, time.process_time() - before, _peak_mb())


def _stamped(key: str, sent_ns: int, stamps: list[int]) -> Seen:
    """A request all of whose moments are known; no stamp: it failed."""
    gaps = [b - a for a, b in itertools.pairwise(stamps)]
    first_ns = stamps[0] if stamps else sent_ns
    return Seen(key, first_ns - sent_ns, len(stamps), gaps, first_ns)


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
            seen.append(_stamped(hashlib.sha256(body).hexdigest(), sent_ns, stamps))

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
    """Of this process alone: what the kernel hands down from the parent as ``ru_maxrss`` is not."""
    if Path("/proc/self/status").exists():
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(client: str, take: Take, streams: int, tokens: int, cores: Cores | None) -> Row:
    """One client in fresh processes against a fresh reference."""
    profile = ReferenceProfile(ttft_median_ms=TTFT_MS, icl_median_ms=ICL_MS, output_tokens=tokens)
    ours, theirs = cores or (None, None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "log"
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
            taken = take(plan, folder, ours)
        return compare(client, streams, REQUESTS_EACH * streams * tokens, taken, read_log(log))


def compare(client: str, streams: int, planned: int, taken: Taken, log: list[LoggedRequest]) -> Row:
    """What the client saw against what was written."""
    entries = {key: entry for entry in log for key in (entry.body_sha256, entry.id)}
    matched = [(one, entries[one.key]) for one in taken.seen if one.key in entries]
    pairs = [(one, entry) for one, entry in matched if one.tokens == len(entry.written_ns) > 0]
    ttft, token, read, gap = [], [], [], []
    seen_gaps, written_gaps = [], []
    for one, entry in pairs:
        ttft.append(one.ttft_ns - (entry.written_ns[0] - (entry.arrived_ns or entry.received_ns)))
        if one.gaps_ns is None:
            continue
        written = [b - a for a, b in itertools.pairwise(entry.written_ns)]
        seen_gaps += one.gaps_ns
        written_gaps += written
        gap += [abs(a - b) for a, b in zip(one.gaps_ns, written, strict=True)]
        if one.first_ns is None:
            continue
        stamps = itertools.accumulate(one.gaps_ns, initial=one.first_ns)
        errors = [a - b for a, b in zip(stamps, entry.written_ns, strict=True)]
        token += errors
        lag = taken.lag_ns.get(one.key) or [0] * len(errors)
        read += [error + late for error, late in zip(errors, lag, strict=True)]
    late = [w - d for entry in log for w, d in zip(entry.written_ns, entry.due_ns, strict=False)]
    tokens = sum(one.tokens for one, _ in pairs)
    cpu_s = other_tools.cpu_while_loaded(taken.samples, log) if taken.samples else taken.cpu_s
    pooled = round(_quantile(seen_gaps, 0.99) - _quantile(written_gaps, 0.99), 3)
    return Row(
        client=client,
        streams=streams,
        ttft_p50_ms=_quantile(ttft, 0.5),
        ttft_ms=_quantile(ttft, 0.99),
        token_ms=_quantile(token, 0.99) if token else None,
        token_max_ms=_quantile(token, 1.0) if token else None,
        read_ms=_quantile(read, 0.99) if read else None,
        gap_ms=_quantile(gap, 0.99) if gap else None,
        pooled_gap_ms=pooled if gap else None,
        cpu_ms_per_1k=round(cpu_s * 1e6 / planned, 1),
        cpu_of_httpx=None,
        cpu_of_bare=None,
        cpu_of_c=None,
        peak_mb=round(taken.peak_mb, 1),
        reference_late_ms=_quantile(late, 0.99),
        tokens=tokens,
        missing=planned - tokens,
    )


def _quantile(values: list[int], share: float) -> float:
    """In ms, by the nearest rank; not a number where there is nothing."""
    ranked = sorted(values)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))] / 1e6, 3) if ranked else float("nan")


def compare_clients(
    streams: int, tokens: int, rounds: int, others: dict[str, Take], cores: Cores | None
) -> tuple[list[Row], dict[str, str]]:
    """All clients by turns, so that all meet the same neighbours on the machine; medians. And why those that
    are not among them could not be measured."""
    takes: dict[str, Take] = {PLAIN: take_httpx, **others} if streams <= OTHERS_STREAMS else {}
    takes |= {BARE: take_bare, BARE_C: take_bare_c} if takes and BARE_ABLE else {}
    takes[OURS] = take_fairlead
    rows: dict[str, list[Row]] = {client: [] for client in takes}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        for client, take in takes.items():
            if client in failed:
                continue
            try:
                rows[client].append(measure(client, take, streams, tokens, cores))
            except UnavailableError as error:
                failed[client] = str(error)
                print(f"{client} left out: {error}", file=sys.stderr)
    for other, figure, digits in _SHARES:
        for round_, row in enumerate(rows.get(other, [])):
            ours = rows[OURS][round_]
            ratio = round(ours.cpu_ms_per_1k / row.cpu_ms_per_1k, digits)
            rows[OURS][round_] = replace(ours, **{figure: ratio})
    return [median(found) for client, found in rows.items() if client not in failed], failed


def own_delay_ms(streams: int, tokens: int, rounds: int, cores: Cores | None) -> float:
    """Ours in an open loop: p99 of scheduled to sent, connecting not counted; the median of the rounds."""
    ours, theirs = cores or (None, None)
    profile = ReferenceProfile(ttft_median_ms=TTFT_MS, icl_median_ms=ICL_MS, output_tokens=tokens)
    rate_per_s = streams / ((TTFT_MS + ICL_MS * tokens) / 1e3)
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name, start_reference(profile, cores=theirs) as reference:
            plan = Plan(
                url=reference.url,
                model=profile.model,
                concurrency=2 * streams,
                requests=round(rate_per_s * OPEN_S),
                rate_per_s=rate_per_s,
                arrivals="poisson",
                seed=os.urandom(8).hex(),
                max_tokens=tokens,
                ramp_ns=OPEN_RAMP_NS,
            )
            found.append(_quantile(_in_fresh_process(_own_delays_ns, plan, Path(name), ours), 0.99))
    return sorted(found)[(rounds - 1) // 2]


def _own_delays_ns(plan: Plan, folder: Path, core: int | None) -> list[int]:
    _keep_to(core)
    window = measure_window(plan, spool=folder / "spool").window
    return [delay for delay, _ in metrics.schedule_delays_ns(window)]


def held(rows: list[Row], own_ms: dict[int, float]) -> list[dict[str, object]]:
    """What is asked of ours beside what was found, where it was measured."""
    ours = {row.streams: asdict(row) for row in rows if row.client == OURS}
    found = []
    for asked in ASKED:
        figures = ours.get(asked.streams, {}) | {"own_ms": own_ms.get(asked.streams)}
        value = figures.get(asked.figure)
        if value is not None:
            line = {**asdict(asked), "what": _CALLED[asked.figure], "found": value}
            found.append({**line, "held": value <= asked.most})
    return found


def behind(rows: list[Row]) -> list[dict[str, object]]:
    """Each figure of another client that is better than ours at as many streams; a bare loop is no client."""
    ours = {row.streams: asdict(row) for row in rows if row.client == OURS}
    return [
        {"client": row.client, "streams": row.streams, "figure": name, "theirs": theirs, "ours": mine}
        for row in rows
        if row.client not in (OURS, BARE, BARE_C)
        for name in COMPARED
        if (mine := ours[row.streams][name]) is not None
        if (theirs := getattr(row, name)) is not None and abs(theirs) < abs(mine)
    ]


def trusted_concurrency(rounds: int) -> int | None:
    """The highest number of our own streams that holds the limit: the median of the searches."""

    def certify(streams: int) -> Certificate:
        shape = LoadShape(concurrency=streams, seconds=3.0)
        return calibrate(shape, seed=os.urandom(8).hex()).certificate

    limit_ns = int(LIMIT_MS * 1e6)
    found = [find_trusted_concurrency(certify, limit_ns=limit_ns) or 0 for _ in range(rounds)]
    return sorted(found)[(rounds - 1) // 2] or None


def median(rows: list[Row]) -> Row:
    """Each figure's median over the rounds; of an even number, the lower of the two in the middle. None where
    one round has none."""
    figures = {name: [getattr(row, name) for row in rows] for name in asdict(rows[0])}
    return Row(
        **{
            name: None if None in values else sorted(values)[(len(values) - 1) // 2]
            for name, values in figures.items()
        }
    )


def split_cores() -> Cores | None:
    """One core for the client, the rest for the reference and for this process, which only looks on. None
    where there is only one, or no choice."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        return None
    os.sched_setaffinity(0, cores[1:])
    return cores[0], cores[1:]


def installed_tools() -> tuple[dict[str, Take], dict[str, str]]:
    """The tools that can be run here, and why the rest cannot."""
    takes: dict[str, Take] = {}
    missing: dict[str, str] = {}
    for tool in other_tools.TOOLS:
        name = f"{tool.name} {tool.version}"
        try:
            other_tools.install(tool)
            takes[name] = take_tool(tool)
        except UnavailableError as error:
            missing[name] = str(error)
            print(f"{name} left out: {error}", file=sys.stderr)
    return takes, missing


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", default="1,64,256,1024", help="comma-separated numbers of streams")
    parser.add_argument("--tokens", type=int, default=100, help="tokens a request")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are given")
    parser.add_argument(
        "--alone",
        action="store_true",
        help="ours and httpx only; the other tools take about ten minutes, and gigabytes at first",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--keep", action="store_true", help=f"write them to {ASSET} and {README}, too")
    arguments = parser.parse_args()
    others, left_out = ({}, {}) if arguments.alone else installed_tools()
    cores = split_cores()
    before = os.getloadavg()
    rows: list[Row] = []
    own_ms: dict[int, float] = {}
    for streams in map(int, arguments.streams.split(",")):
        print(f"{streams} streams ...", file=sys.stderr)
        found, failed = compare_clients(streams, arguments.tokens, arguments.rounds, others, cores)
        rows += found
        if any(asked.streams == streams and asked.figure == "own_ms" for asked in ASKED):
            own_ms[streams] = own_delay_ms(streams, arguments.tokens, arguments.rounds, cores)
        left_out |= {f"{client} at {streams} streams": why for client, why in failed.items()}
    print("trusted concurrency ...", file=sys.stderr)
    trusted = trusted_concurrency(arguments.rounds)
    after = os.getloadavg()
    print(table(rows))
    asked = held(rows, own_ms)
    if asked:
        print("\n" + asked_table(asked) + "\n")
    worse = behind(rows)
    for line in worse:
        print("{client} is ahead at {streams} streams in {figure}: {theirs} against {ours}".format(**line))
    if not worse:
        print("ours is ahead of each other client in every column")
    print(f"medians of {arguments.rounds} rounds of {arguments.tokens} tokens a request; p99, in ms")
    print("hidden: the client stores nothing that tells; processor time of the tools: under load only")
    print(f"{os.cpu_count()} cores; load average {before[0]:.2f} before, {after[0]:.2f} after")
    print(f"fairlead's token stamps hold {LIMIT_MS:g} ms at p99 up to {trusted or 'no'} streams")
    for client, why in left_out.items():
        print(f"left out: {client}: {why}")
    result = {
        "rounds": arguments.rounds,
        "tokens": arguments.tokens,
        "cores": os.cpu_count(),
        "load_average_before": before,
        "load_average_after": after,
        "trusted_concurrency": {"streams": trusted, "token_p99_limit_ms": LIMIT_MS},
        "left_out": left_out,
        "rows": [asdict(row) for row in rows],
        "asked": asked,
        "behind": worse,
    }
    text = json.dumps(result, indent=2) + "\n"
    if arguments.json is not None:
        arguments.json.write_text(text, "utf-8")
    if arguments.keep:
        checkout = Path(__file__).parents[2]
        (checkout / ASSET).write_text(text, "utf-8")
        readme = (checkout / README).read_text("utf-8")
        (checkout / README).write_text(with_table(readme, result), "utf-8")


def table(rows: list[Row]) -> str:
    names = list(asdict(rows[0]))
    cells = [names, *([_cell(name, v) for name, v in asdict(row).items()] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells
    )


def asked_table(asked: list[dict[str, object]]) -> str:
    """Of ours alone: each figure, what is asked of it, what was found, and whether it is held."""
    lines = [
        f"{line['streams']:>7}  {line['what']:<36}{line['most']:>9}{line['found']:>10}  "
        f"{'held' if line['held'] else 'NOT HELD'}"
        for line in asked
    ]
    return "\n".join((f"{'streams':>7}  {'of ours':<36}{'asked':>9}{'found':>10}", *lines))


def with_table(readme: str, result: dict[str, Any]) -> str:
    """The README with the rows of its table of errors made anew: those of clients."""
    before, line, rest = readme.partition(README_RULE + "\n")
    assert line, "the README has no table of errors"
    lines = rest.splitlines(keepends=True)
    after = itertools.dropwhile(lambda one: one.startswith("|"), lines)
    rows = [_readme_row(row) + "\n" for row in result["rows"] if row["client"] not in (BARE, BARE_C)]
    return before + line + "".join(rows) + "".join(after)


def _readme_row(row: dict[str, Any]) -> str:
    errors = (row[name] for name in ("ttft_ms", "token_ms", "gap_ms"))
    figures = " | ".join("hidden" if error is None else f"{error:,.3f}" for error in errors)
    cells = f"{row['streams']:,} | {row['client']} | {figures} | {row['cpu_ms_per_1k']:,.0f}"
    return f"| {cells} | {row['missing']:,} |"


def _cell(name: str, value: object) -> str:
    return str(value) if value is not None else "hidden" if name in HIDDEN else "-"


if __name__ == "__main__":
    main()
