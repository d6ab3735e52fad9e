"""Honest submissions of invented endpoints: window objects with records as our client writes them.

Knows no fraud and no detector. A server writes a chunk a step; the network carries it, late by a little and
never out of order; a kernel stamps what it reads, in nanoseconds. Windows differ from each other, hours
differ, some requests fail. With more than one stream the streams share the steps of one server, as a batch.
"""

from __future__ import annotations

import dataclasses
import functools
import heapq
import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead import windows
from fairlead.integrity import Beside, body_sha256
from fairlead.measure import workload as prompts
from fairlead.measure.workload import Workload
from fairlead.model import window_seed
from fairlead.windows import Header, Outcome, Request, Window

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ASKED = Workload(input_words=1, max_tokens=100)  # the shortest prompts: making them takes the most time
DAYS, HOURS = 7, (1, 7, 13, 19)  # a week's plan: four windows a day
MS, S, HOUR = 1_000_000, 1_000_000_000, 3_600_000_000_000
MONDAY_UNIX_NS = 1_800_230_400 * S
_SEEDS = 4  # registrations have: what was asked bears on no time, and making it takes long
NEUTRAL_WINDOWS = 48  # each hour of the day twice


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How an invented endpoint behaves, and how it is reached. Spreads are standard deviations of logarithms.

    ``pace_memory``: correlation of a step with the one before. ``tokens_per_read``: of a server that bundles.
    ``tick_ms``: of a server that writes only on the beat of a coarse clock. ``stalling``: share of steps that
    take twenty times as long. ``shift_sd``: of what a neighbour that comes or goes makes of the pace.
    ``failing``: share of requests, all of them in ``failing_windows`` of the windows, so that failures
    cluster.
    """

    name: str
    ttft_ms: float = 250.0
    ttft_sd: float = 0.3
    step_ms: float = 12.0
    step_sd: float = 0.2
    between_sd: float = 0.08
    swing: float = 0.2
    pace_memory: float = 0.0
    tokens_per_read: int = 1
    tick_ms: float = 0.0
    stalling: float = 0.0
    shift_sd: float = 0.0
    rtt_ms: float = 20.0
    jitter_us: float = 150.0
    failing: float = 0.01
    failing_windows: float = 1 / 3
    concurrency: int = 1
    requests: int = 30
    http: windows.Http = "1.1"

    @property
    def tokens(self) -> int:
        """Of each reply."""
        return ASKED.max_tokens


#: Endpoints on which false alarms are counted.
ENDPOINTS = (
    Endpoint(name="ordinary"),
    Endpoint(name="fast, near", ttft_ms=60, step_ms=2, rtt_ms=1.5, jitter_us=30),
    Endpoint(name="slow, far", ttft_ms=1500, ttft_sd=0.6, step_ms=45, rtt_ms=180, jitter_us=2500),
    Endpoint(name="bundled", tokens_per_read=4, step_ms=8, http="2"),
    Endpoint(name="hardly varying", ttft_sd=0.01, step_sd=0.01, between_sd=0.0, swing=0.0, jitter_us=20),
    Endpoint(name="coarse server clock", step_ms=10, step_sd=0.05, tick_ms=1.0, jitter_us=40),
    Endpoint(name="paces that persist", pace_memory=0.9, step_sd=0.4),
    Endpoint(name="stalling", stalling=0.02),
    Endpoint(name="paces that shift", shift_sd=0.5),
    Endpoint(name="eight streams of one batch", concurrency=8, requests=80),
    Endpoint(name="often failing", failing=0.1),
    Endpoint(name="rate limited", failing=0.1, failing_windows=1.0),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Submission:
    """The windows of one claim, each with its path; and the board's own of the same endpoint."""

    endpoint: Endpoint
    seed: str
    windows: tuple[tuple[str, Window], ...]
    neutral: tuple[Beside, ...]


def plan_times() -> list[int]:
    """When each window of the plan begins, Unix ns."""
    return [MONDAY_UNIX_NS + (24 * day + hour) * HOUR for day in range(DAYS) for hour in HOURS]


def submit(endpoint: Endpoint, rng: np.random.Generator) -> Submission:
    """An honest submission."""
    seed, phase = f"{int(rng.integers(_SEEDS)):02x}" * 32, float(rng.random())
    made = tuple(
        measure(endpoint, seed, index, start, phase, rng) for index, start in enumerate(plan_times())
    )
    return Submission(endpoint, seed, made, neutral(endpoint, phase, rng))


def neutral(endpoint: Endpoint, phase: float, rng: np.random.Generator) -> tuple[Beside, ...]:
    """What the board's own windows of the endpoint say, over all hours of the day."""
    found = []
    for number in range(NEUTRAL_WINDOWS):
        start = MONDAY_UNIX_NS - (NEUTRAL_WINDOWS - number) * HOUR
        ttft = endpoint.ttft_ms * level(endpoint, start, phase, rng)
        ttft *= math.exp(rng.normal(0, 1.25 * endpoint.ttft_sd / math.sqrt(endpoint.requests)))
        failed = int(rng.binomial(endpoint.requests, failing_share(endpoint, rng)))
        found.append(Beside(start, endpoint.requests, failed, ttft))
    return tuple(found)


def level(endpoint: Endpoint, start_unix_ns: int, phase: float, rng: np.random.Generator) -> float:
    """How slow a window is, 1 for the usual: the hour's part and its own."""
    wave = endpoint.swing * math.sin(2 * math.pi * (start_unix_ns / (24 * HOUR) + phase))
    return math.exp(wave + rng.normal(0, endpoint.between_sd))


def failing_share(endpoint: Endpoint, rng: np.random.Generator) -> float:
    """Of one window's requests."""
    some = endpoint.failing_windows
    return endpoint.failing / some if rng.random() < some else 0.0


def measure(
    endpoint: Endpoint, seed: str, index: int, start_unix_ns: int, phase: float, rng: np.random.Generator
) -> tuple[str, Window]:
    """One window of the plan, with its path."""
    start = start_unix_ns + int(rng.integers(1, 40 * S))
    slow, failing = level(endpoint, start_unix_ns, phase, rng), failing_share(endpoint, rng)
    count, streams = endpoint.requests, endpoint.concurrency
    server = _Server(endpoint, slow, rng)
    ttfts = endpoint.ttft_ms * slow * np.exp(rng.normal(0, endpoint.ttft_sd, count)) * MS
    fails = rng.random(count) < failing
    free = [(int(rng.integers(MS, 4 * MS) + slot * 500 * MS // streams), slot) for slot in range(streams)]
    met: set[int] = set()
    requests = []
    for i in range(count):
        at, slot = heapq.heappop(free)
        connection, at = _connect(endpoint, at, is_new=slot not in met, rng=rng)
        met.add(slot)
        record = _request(server, i, slot, at, float(ttfts[i]), connection, is_failed=bool(fails[i]))
        requests.append(record)
        heapq.heappush(free, ((record.done_ns or at) + int(rng.integers(150_000, 1_200_000)), slot))
    duration = max(request.done_ns or 0 for request in requests)
    header = make_header(endpoint, window_seed(seed, index, 0), index, start, duration)
    return f"windows/{index:03}.jsonl.gz", Window(header=header, requests=with_prompts(header, requests))


def with_prompts(header: Header, requests: Sequence[Request]) -> list[Request]:
    """The requests, numbered in their order, with the digests of the prompts that the window's seed gives."""
    seed = header.seed or "00"
    return [
        msgspec.structs.replace(request, i=i, body_sha256=_asked_by(seed, i))
        for i, request in enumerate(requests)
    ]


@functools.cache
def _asked_by(seed: str, i: int) -> str:
    return body_sha256(make_header(ENDPOINTS[0], seed, 0, 0, 0), ASKED, seed, i)


class _Server:
    """The steps of one server during a window, which all streams share, and the way to its reader."""

    def __init__(self, endpoint: Endpoint, slow: float, rng: np.random.Generator) -> None:
        self.endpoint, self.slow, self.rng = endpoint, slow, rng
        self._steps = np.empty(0)

    def steps(self, begin_ns: float, count: int) -> Floats:
        """The moments of the next steps from a moment on, ns. One stream has the server for itself."""
        if self.endpoint.concurrency == 1:
            return begin_ns + np.concatenate(([0.0], np.cumsum(self._durations(count - 1))))
        while (
            not self._steps.size
            or self._steps[-1] < begin_ns
            or (len(self._steps) - np.searchsorted(self._steps, begin_ns) < count)
        ):
            last = self._steps[-1] if self._steps.size else 0.0
            self._steps = np.concatenate((self._steps, last + np.cumsum(self._durations(4096))))
        first = int(np.searchsorted(self._steps, begin_ns))
        return np.asarray(self._steps[first : first + count])

    def _durations(self, count: int) -> Floats:
        endpoint = self.endpoint
        noise = self.rng.normal(0, endpoint.step_sd, count)
        if endpoint.pace_memory:
            keep, fresh = endpoint.pace_memory, math.sqrt(1 - endpoint.pace_memory**2)
            value = float(noise[0]) if count else 0.0
            for at, step in enumerate(noise.tolist()):
                value = keep * value + fresh * step
                noise[at] = value
        if endpoint.stalling:
            noise += math.log(20) * (self.rng.random(count) < endpoint.stalling)
        if endpoint.shift_sd and count:
            noise[int(self.rng.integers(count)) :] += self.rng.normal(0, endpoint.shift_sd)
        return np.asarray(endpoint.step_ms * self.slow * MS * np.exp(noise))

    def arrivals(self, begin_ns: float) -> Ints:
        """When the reply's tokens are read, ns; those of one read have one stamp."""
        endpoint = self.endpoint
        written = self.steps(begin_ns, endpoint.tokens)
        if endpoint.tokens_per_read > 1:  # a bundle is written with its last token
            ends = np.arange(endpoint.tokens_per_read - 1, len(written), endpoint.tokens_per_read)
            written = np.repeat(written[ends], endpoint.tokens_per_read)[: len(written)]
        if endpoint.tick_ms:
            tick = endpoint.tick_ms * MS
            written = np.ceil(written / tick) * tick
        late = self.rng.exponential(endpoint.jitter_us * 1000, len(written)) + endpoint.rtt_ms / 2 * MS
        late[1:][written[1:] == written[:-1]] = 0.0
        return np.maximum.accumulate((written + late).astype(np.int64))


def _connect(
    endpoint: Endpoint, at_ns: int, *, is_new: bool, rng: np.random.Generator
) -> tuple[windows.Connection, int]:
    if not is_new:
        return windows.Connection(reused=True, dns_ns=None, tcp_ns=None, tls_ns=None), at_ns
    extra = rng.exponential(endpoint.jitter_us * 1000, 3) + 300_000
    tcp = int(endpoint.rtt_ms * MS + extra[0])
    tls, dns = int(endpoint.rtt_ms * MS + 2_000_000 + extra[1]), int(extra[2] * 3)
    connection = windows.Connection(reused=False, dns_ns=dns, tcp_ns=tcp, tls_ns=tls)
    return connection, at_ns + dns + tcp + tls + 40_000


def _request(
    server: _Server,
    i: int,
    slot: int,
    sent_ns: int,
    ttft_ns: float,
    connection: windows.Connection,
    *,
    is_failed: bool,
) -> Request:
    rng, endpoint = server.rng, server.endpoint
    if is_failed:
        headers = sent_ns + int(endpoint.rtt_ms * MS + rng.exponential(5 * MS))
        return _record(i, slot, sent_ns, headers, [], connection, [], "")
    arrivals = server.arrivals(sent_ns + endpoint.rtt_ms / 2 * MS + ttft_ns)
    headers = int(arrivals[0]) - int(rng.integers(20_000, 400_000))
    chunks = [int(arrivals[0]), *(arrivals[1:] - arrivals[:-1]).tolist()]
    sizes = rng.integers(2, 9, len(chunks)).tolist()
    begin = int(rng.integers(0, len(_prose()) - 9 * len(chunks)))
    text = rng.bytes(8).hex() + _prose()[begin : begin + sum(sizes)]  # no two replies are the same
    return _record(i, slot, sent_ns, headers, chunks, connection, sizes, text[: sum(sizes)])


@functools.cache
def _prose() -> str:
    letters = np.random.default_rng(0).integers(0, 27, 1_000_000)
    return "".join(" abcdefghijklmnopqrstuvwxyz"[letter] for letter in letters.tolist())


def _record(
    i: int,
    slot: int,
    sent_ns: int,
    headers_ns: int,
    chunks: list[int],
    connection: windows.Connection,
    sizes: list[int],
    text: str,
) -> Request:
    count, is_ok = len(chunks), bool(chunks)
    return Request(
        i=i,
        slot=slot,
        process=None,
        body_sha256=None,
        probe=None,
        scheduled_ns=None,
        sent_ns=sent_ns,
        headers_ns=headers_ns,
        done_ns=sum(chunks) + 137_331 + 17 * i if is_ok else headers_ns,
        connection=connection,
        chunk_ns=chunks,
        chunk_lag_ns=[90_000] * count,
        chunk_kind=f"t{count}" if is_ok else "",
        chunk_chars=sizes,
        chunk_tokens=None,
        text=text if is_ok else None,
        reasoning=None,
        tool_calls=None,
        tokens=windows.Tokens(
            counted=None,
            usage_output=count if is_ok else None,
            usage_input=560 if is_ok else None,
            usage_cached=64 if is_ok else None,
            usage_reasoning=None,
        ),
        status=200 if is_ok else 429,
        finish="length" if is_ok else None,
        outcome=Outcome.OK if is_ok else Outcome.RATE_LIMITED,
        error=None if is_ok else windows.ErrorDetail(code="429", message="too many requests"),
        provider_request_id=None,
        ttft_ns=None,
        e2e_ns=None,
        original=None,
    )


# -- the header ----------------------------------------------------------------------------------


def make_header(endpoint: Endpoint, seed: str, index: int, start_unix_ns: int, duration_ns: int) -> Header:
    """Of a window at the place ``index`` of the plan."""
    load = windows.Load(
        kind="closed",
        concurrency=endpoint.concurrency,
        rate_per_s=None,
        arrivals=None,
        planned=endpoint.requests,
        ramp_ns=500 * MS if endpoint.concurrency > 1 else 0,
        connect_timeout_ns=10 * S,
        first_timeout_ns=60 * S,
        total_timeout_ns=300 * S,
    )
    certificate = windows.Certificate(
        sha256="0" * 64,
        taken_unix_ns=start_unix_ns - 60 * S,
        load=load,
        tokens=4500,
        missing=0,
        shared_core=False,
        reference_late_p99_ns=300_000,
        token_error_ns=[12_000, 31_000, 42_000, 160_000, 184_000],
        ttft_error_ns=[38_000, 43_000, 55_000, 56_000, 57_000],
        icl_error_ns=[-25_000, 300, 8500, 125_000, 152_000],
        lag_p99_ns=340_000,
        throughput_error_ppm=-31,
        cpu_ns_per_token=120_000,
    )
    return Header(
        kind="window",
        schema_version=windows.SCHEMA_VERSION,
        origin="measured",
        tool=windows.Tool(name="fairlead", version="0", commit=None, source_sha256=None),
        provider="invented",
        endpoint="main",
        model="fable-7b",
        api_model="fable-7b",
        dialect="openai-chat",
        http=endpoint.http,
        address=None,
        vantage="harbour",
        round=None,
        role="subject",
        registration_sha256="0" * 64,
        seed=seed,
        plan_index=index,
        methodology=None,
        workload=windows.Workload(id=prompts.ID, sha256=_asked_sha256()),
        tokenizer_sha256=None,
        load=load,
        clock=windows.WindowClock(
            start_unix_ns=start_unix_ns,
            basis="measured",
            origin_mono_ns=1,
            duration_ns=duration_ns,
            max_step_ns=0,
        ),
        machine=windows.Machine(cpu="Invented", cores=2, kernel="Linux 6", python="3", affinity=[0, 1]),
        stamps="kernel",
        calibration=windows.Calibration(before=certificate, after=certificate),
    )


@functools.cache
def _asked_sha256() -> str:
    return prompts.definition_sha256(ASKED)
