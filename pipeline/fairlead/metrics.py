"""From a raw request to its numbers, by the published formulas. Knows no file, no rank and no limit.

Each function is one metric; its docstring (formula, unit, when undefined, how other tools differ)
is the source of the site's glossary. ``None`` is *undefined*: it is never zero, never a guess.

A window that no check has seen gives no error here: where its arrays disagree in length or a stamp
runs backwards, what rests on them is undefined. Integers are taken to fit in 64 bits.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from fairlead.cost import NOT_ADDED_UP, Bill, NoCost, bill
from fairlead.windows import Header, Outcome, Request, Window

LoadKind = Literal["closed", "open"]


def start_ns(request: Request, load: LoadKind) -> int | None:
    """Start: the moment a request's latency counts from, in ns after the window's origin.

    Open loop: ``scheduled``, so that our own delay is never hidden. Closed loop: ``sent``, and for
    a cold connection the time before its DNS look-up. Undefined where that stamp is missing.
    Other tools count open-loop latency from ``sent``, which hides their own queue.
    """
    if load == "open":
        return request.scheduled_ns
    if request.sent_ns is None:
        return None
    return request.sent_ns - _connecting_ns(request)


def _connecting_ns(request: Request) -> int:
    connection = request.connection
    return (connection.dns_ns or 0) + (connection.tcp_ns or 0) + (connection.tls_ns or 0)


def _latency_ns(request: Request, load: LoadKind, last: int, duration_ns: int | None) -> int | None:
    """From the start to the ``last``-th content chunk; the stated duration where there are no stamps.

    Own stamps win: a duration beside them is somebody's word. What is not positive comes from a
    broken stamp, as GuideLLM's negative TTFT did, and is undefined.
    """
    if request.outcome is not Outcome.OK:
        return None
    start = start_ns(request, load) if request.chunk_ns else None
    latency = duration_ns if start is None else sum(request.chunk_ns[:last]) - start
    return latency if latency is not None and latency > 0 else None


def ttft_ns(request: Request, load: LoadKind) -> int | None:
    """TTFT, time to first token: first chunk with content - start, in ns.

    Content is text, reasoning or a tool call. A role-only or empty delta is no token: vLLM's client
    counts it and so reports a TTFT that is too short; tools that ignore reasoning report one that
    is too long. An import gives the duration that its source states. Undefined for a failed request,
    for one without a content chunk, and where a missing or broken stamp gives nothing above zero.
    """
    return _latency_ns(request, load, 1, request.ttft_ns)


def e2e_ns(request: Request, load: LoadKind) -> int | None:
    """E2E latency: last content chunk - start, in ns.

    Other tools end it at the response's last byte, which holds the usage record and the
    connection's close. Undefined for a failed request, without a content chunk, and where a missing
    or broken stamp gives nothing above zero.
    """
    return _latency_ns(request, load, len(request.chunk_ns), request.e2e_ns)


def output_tokens(request: Request) -> int | None:
    """Output tokens: counted by the model's pinned tokenizer where there is one, else the provider's usage.

    Server-sent events are not tokens; LLMPerf once counted them so. Undefined without either count.
    """
    tokens = request.tokens
    return tokens.counted if tokens.counted is not None else tokens.usage_output


def streamed_tokens(request: Request) -> int | None:
    """Streamed tokens: the output tokens that a reader received.

    The provider's usage may hold reasoning that was never sent; where no reasoning chunk came, its
    stated count is taken off. A tool that leaves it in reports 929 tokens/s for a true 13.
    Undefined without a count, or where the usage contradicts itself.
    """
    tokens = request.tokens
    if tokens.counted is not None or tokens.usage_output is None:
        return tokens.counted
    hidden = 0 if "r" in request.chunk_kind else tokens.usage_reasoning or 0
    return tokens.usage_output - hidden if hidden <= tokens.usage_output else None


def tokens_after_first_chunk(request: Request) -> int | None:
    """Tokens that were streamed after the first content chunk.

    Known from the tokenizer's count of each chunk, or where the count of streamed tokens equals the
    count of chunks. Undefined otherwise: a total says nothing of how many came in the first chunk,
    and AIPerf, which takes one off, reported 231 tokens/s for a true 200. An import may know the tokens
    of each chunk and not its moment.
    """
    if request.chunk_tokens is not None:
        agree = len(request.chunk_tokens) == len(request.chunk_ns) or _has_only_durations(request)
        return sum(request.chunk_tokens[1:]) if agree else None
    if request.chunk_ns and streamed_tokens(request) == len(request.chunk_ns):
        return len(request.chunk_ns) - 1
    return None


def tpot_ns(request: Request, load: LoadKind) -> float | None:  # noqa: ARG001 - one signature for all metrics
    """TPOT, time per output token: (last - first content chunk) / tokens after the first chunk, in ns.

    GuideLLM's TPOT holds TTFT, LLMPerf's inter-token figure does too; this one does not. Undefined
    where no token follows the first chunk, where only a total is known, and where every chunk came
    in the same read: then nothing was seen of the time between tokens.
    """
    if request.outcome is not Outcome.OK:
        return None
    tokens, span = tokens_after_first_chunk(request), _streaming_ns(request)
    return span / tokens if tokens is not None and tokens > 0 and span > 0 else None


def _has_only_durations(request: Request) -> bool:
    """A request whose source keeps when it began and ended to answer, and nothing between."""
    return not request.chunk_ns and request.ttft_ns is not None and request.e2e_ns is not None


def _streaming_ns(request: Request) -> int:
    """Last - first content chunk; 0 where neither stamps nor durations tell."""
    if request.chunk_ns or request.ttft_ns is None or request.e2e_ns is None:
        return sum(request.chunk_ns[1:])
    return request.e2e_ns - request.ttft_ns


def output_speed_tps(request: Request, load: LoadKind) -> float | None:
    """Output speed: 1 / TPOT, in tokens a second for one reader.

    Tools that divide all tokens by E2E latency mix the wait for the first token in. Undefined where
    TPOT is.
    """
    tpot = tpot_ns(request, load)
    return 1e9 / tpot if tpot else None


def icl_ns(request: Request, load: LoadKind) -> int | None:  # noqa: ARG001 - one signature for all metrics
    """Longest ICL, inter-chunk latency: the longest gap between content chunks of a request, in ns.

    It is what a reader feels as stutter. It is called ITL only where a chunk is one token.
    Undefined with fewer than two chunks.
    """
    if request.outcome is not Outcome.OK or len(request.chunk_ns) < 2:
        return None
    return max(request.chunk_ns[1:])


RequestMetric = Callable[[Request, LoadKind], "float | None"]

_PACE_READS = 4


def first_gap_paces(request: Request, load: LoadKind) -> float | None:  # noqa: ARG001 - one signature for all
    """First gap: the wait from the first read of a reply to the second, over the mean of the later waits.

    In paces of the reply's own; near 1 in an even stream. A first chunk that is sent before the model has a
    token shows as a long first gap, and makes TTFT say little of the reply. Undefined with fewer than four
    reads after the first: there is no pace then.
    """
    gaps = request.chunk_ns[1:]
    reads = len(gaps) - gaps.count(0)
    if request.outcome is not Outcome.OK or reads < _PACE_READS:
        return None
    first = next(gap for gap in gaps if gap)
    later = sum(gaps) - first
    return first * (reads - 1) / later if first > 0 and later > 0 else None


#: The metrics of one request, by the name they are published under and the factor to its unit.
REQUEST_METRICS: Mapping[str, tuple[RequestMetric, float]] = {
    "ttft_ms": (ttft_ns, 1e-6),
    "e2e_ms": (e2e_ns, 1e-6),
    "tpot_ms": (tpot_ns, 1e-6),
    "output_speed_tps": (output_speed_tps, 1.0),
    "icl_max_ms": (icl_ns, 1e-6),
    "first_gap_paces": (first_gap_paces, 1.0),
}


class Undefined(msgspec.Struct, frozen=True, tag=True):
    """Why a figure cannot be given, in words for a reader."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class SteadyRules:
    """How large a window must be to give a throughput figure."""

    requests_min: int
    requests_per_stream_min: int
    steady_e2e_medians_min: float


def steady_interval_ns(requests: Sequence[Request], streams: int) -> tuple[int, int] | Undefined:
    """The part of a closed-loop window in which every stream was busy, in ns after the origin.

    From the last stream's first send to the first stream's last end, failed requests included: they
    keep a stream busy. A request that never got as far as being sent counts from its end. Undefined
    where a stream left no stamp, or where the last began after the first had ended.
    """
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    for request in requests:
        slot, done = request.slot, request.done_ns
        if slot is None or done is None:
            continue
        begin = done if request.sent_ns is None else request.sent_ns
        begins[slot] = min(begins.get(slot, begin), begin)
        ends[slot] = max(ends.get(slot, done), done)
    if not begins or len(begins) < streams:
        return Undefined(f"only {len(begins)} of {streams} streams were ever busy")
    begin, end = max(begins.values()), min(ends.values())
    if end <= begin:
        return Undefined("no part of the window in which every stream was busy")
    return begin, end


def system_throughput_tps(window: Window, rules: SteadyRules) -> float | Undefined:
    """System throughput: output tokens a second over the window's steady part.

    Ramp and drain are cut away in tokens and in time alike; genai-bench once cut the tokens only.
    A chunk's tokens are the tokenizer's count, else its share by characters of the streamed total.
    Failed requests give no tokens and keep their time. Undefined for a window with fewer requests
    than the methodology asks for at its concurrency, with too short a steady part, without a
    success, or in which our own client failed.
    """
    concurrency = window.header.load.concurrency
    if window.header.load.kind != "closed" or concurrency is None:
        return Undefined("not a closed loop")
    latencies = sorted(
        latency
        for latency in (e2e_ns(request, "closed") for request in window.requests)
        if latency is not None
    )
    needed = max(rules.requests_min, rules.requests_per_stream_min * concurrency)
    small = _unfit(window, needed, successes=len(latencies))
    if small is not None:
        return small
    steady = steady_interval_ns(window.requests, concurrency)
    if isinstance(steady, Undefined):
        return steady
    begin, end = steady
    if end - begin < rules.steady_e2e_medians_min * latencies[(len(latencies) - 1) // 2]:
        return Undefined(
            f"the steady part is shorter than {rules.steady_e2e_medians_min:g} median end-to-end latencies"
        )
    tokens = 0.0
    for request in window.requests:
        within = _tokens_within(request, begin, end)
        if within is None:
            return Undefined("a successful request without a token count")
        tokens += within
    return tokens / ((end - begin) / 1e9)


def _unfit(window: Window, needed: int, *, successes: int) -> Undefined | None:
    """Why a window gives no throughput figure whatever its steady part is."""
    requests = window.requests
    if window.header.stamps == "durations":
        return Undefined("durations only: the source gives no stamps")
    if len(requests) < needed:
        return Undefined(f"{len(requests)} requests, {needed} are needed at this concurrency")
    if any(request.outcome is Outcome.CLIENT for request in requests):
        return Undefined("our own client failed within the window")
    if not successes:
        return Undefined("no request succeeded")
    return None


def _tokens_within(request: Request, begin: int, end: int) -> float | None:
    """The tokens of a request's chunks after ``begin`` and up to ``end``; None where nobody knows.

    The end counts and the begin does not: a cycle runs from a send to the last token of its answer.
    """
    if request.outcome is not Outcome.OK:
        return 0.0
    shares, tokens, of = _chunk_shares(request)
    if tokens is None or tokens < 0 or of <= 0 or len(shares) != len(request.chunk_ns):
        return None
    if tokens * min(shares, default=0) < 0:
        return None
    backwards = min(request.chunk_ns[1:], default=0) < 0
    if not backwards and request.chunk_ns and begin < request.chunk_ns[0] and sum(request.chunk_ns) <= end:
        return sum(shares) * tokens / of  # as most are, whole
    stamps = list(itertools.accumulate(request.chunk_ns))
    if backwards:  # stamps that run backwards cannot be searched
        within = sum(share for share, stamp in zip(shares, stamps, strict=True) if begin < stamp <= end)
    else:
        within = sum(shares[bisect.bisect_right(stamps, begin) : bisect.bisect_right(stamps, end)])
    return within * tokens / of


def _chunk_shares(request: Request) -> tuple[Sequence[int], int | None, int]:
    """Each chunk's share, and how many tokens so many shares are: counted ones, else by characters."""
    if request.chunk_tokens is not None:
        return request.chunk_tokens, 1, 1
    return request.chunk_chars, streamed_tokens(request), sum(request.chunk_chars)


def schedule_delays_ns(window: Window) -> list[tuple[int, int]]:
    """Schedule delay: (our own, the wait for the bound) of each request of an open loop that was sent, in ns.

    Both lie between ``scheduled`` and ``sent``; what connecting took is the provider's and in neither. A
    request that comes due while as many are under way as may be waits until one of them has ended, by the
    stamp of its last byte: that is the provider's time, it stays in the latency, and it is no delay of ours.
    """
    load = window.header.load
    bound = load.concurrency if load.kind == "open" and (load.concurrency or 0) > 0 else None
    under_way: list[int] = []  # the latest ends so far, at most as many as the bound; a heap
    delays = []
    for request in window.requests:
        if request.scheduled_ns is None or request.sent_ns is None:
            continue
        free_ns = under_way[0] if bound is not None and len(under_way) == bound else 0
        wait_ns = max(free_ns - request.scheduled_ns, 0)
        sent_ns = request.sent_ns - _connecting_ns(request)
        delays.append((sent_ns - request.scheduled_ns - wait_ns, wait_ns))
        if bound is not None and request.done_ns is not None:
            push = heapq.heappush if len(under_way) < bound else heapq.heappushpop
            push(under_way, request.done_ns)
    return delays


def charged(outcomes: Mapping[Outcome, int]) -> int:
    """All requests, failed ones too; those that were our own fault are not charged."""
    return sum(outcomes.values()) - outcomes.get(Outcome.CLIENT, 0)


def succeeded(outcomes: Mapping[Outcome, int]) -> int:
    """Requests that ended well."""
    return outcomes.get(Outcome.OK, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class WindowTable:
    """The numbers of one window: what every later step works from.

    ``values[metric]`` holds one value a successful request for which the metric is defined, in the
    unit of the metric's name and the order of the requests. ``outcomes`` counts every request.
    ``schedule_delay_ms`` and ``bound_wait_ms``: see :func:`schedule_delays_ns`. ``lag_p99_ms``: our own,
    over every content chunk that the kernel stamped; None where it stamped none. ``bill``: the tokens that
    were charged, for :func:`fairlead.cost.row_cost`. ``unsent``: the numbers of the requests that have a
    record and were never begun, for the run ended first.
    """

    header: Header
    values: Mapping[str, tuple[float, ...]]
    outcomes: Mapping[Outcome, int]
    throughput_tps: float | Undefined
    schedule_delay_ms: tuple[float, ...]
    start_unix_ns: int
    end_unix_ns: int
    bound_wait_ms: tuple[float, ...] = ()
    lag_p99_ms: float | None = None
    bill: Bill | NoCost = NOT_ADDED_UP
    unsent: tuple[int, ...] = ()

    @property
    def requests(self) -> int:
        """See :func:`charged`."""
        return charged(self.outcomes)

    @property
    def successes(self) -> int:
        """See :func:`succeeded`."""
        return succeeded(self.outcomes)


def tabulate(window: Window, rules: SteadyRules) -> WindowTable:
    """All numbers of a window."""
    header, requests = window.header, window.requests
    kind: LoadKind = header.load.kind
    values = {
        name: tuple(
            value * factor for value in (metric(request, kind) for request in requests) if value is not None
        )
        for name, (metric, factor) in REQUEST_METRICS.items()
    }
    duration = header.clock.duration_ns or 0
    delays = schedule_delays_ns(window)
    return WindowTable(
        header=header,
        values=values,
        outcomes=dict(collections.Counter(request.outcome for request in requests)),
        throughput_tps=system_throughput_tps(window, rules),
        schedule_delay_ms=tuple(delay / 1e6 for delay, _ in delays),
        start_unix_ns=header.clock.start_unix_ns,
        end_unix_ns=header.clock.start_unix_ns + duration,
        bound_wait_ms=tuple(wait / 1e6 for _, wait in delays if wait),
        lag_p99_ms=_lag_p99_ms(requests),
        bill=bill(requests),
        unsent=tuple(request.i for request in requests if _was_never_begun(request)),
    )


def _was_never_begun(request: Request) -> bool:
    """Our own failure that has neither a beginning nor an end: what fails otherwise has at least an end."""
    return request.outcome is Outcome.CLIENT and request.sent_ns is None and request.done_ns is None


def _lag_p99_ms(requests: Sequence[Request]) -> float | None:
    """By the nearest rank, as in a certificate: a lag that occurred."""
    lags = [lag for request in requests for lag in request.chunk_lag_ns or ()]
    if not lags:
        return None
    place = -(-len(lags) * 99 // 100) - 1
    return int(np.partition(np.array(lags, np.int64), place)[place]) / 1e6
