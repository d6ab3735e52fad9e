"""Frauds planted in submissions of invented endpoints. Knows no detector.

Each forger knows the rules: stamps ascend, numbers add up, prompts come from the seed. What is forged is what
makes the endpoint look better, or stands in for a measurement that was never made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from fairlead.forgery import honest
from fairlead.forgery.honest import ENDPOINTS, MS, Endpoint, Ints, Submission
from fairlead.windows import Header, Outcome, Request, Window

Rng = np.random.Generator
Forge = Callable[[Endpoint, Rng], Submission]
Rewrite = Callable[[Request, Rng], Request]

ORDINARY, FAILING, LIMITED = ENDPOINTS[0], ENDPOINTS[-2], ENDPOINTS[-1]
FAR = dataclasses.replace(ENDPOINTS[2], ttft_ms=400.0, ttft_sd=0.3)


@dataclasses.dataclass(frozen=True, slots=True)
class Fraud:
    """A forgery: in words, of which endpoint, and what makes it. ``code``: of the finding that is to name it;
    None where no file is sure to show it."""

    name: str
    words: str
    endpoint: Endpoint
    forge: Forge
    code: str | None


# -- what every forger does ----------------------------------------------------------------------


def _with_windows(submission: Submission, made: Sequence[tuple[str, Window]]) -> Submission:
    return dataclasses.replace(submission, windows=tuple(made))


def _in_sequence(window: Window, requests: Sequence[Request], rng: Rng) -> Window:
    """The window with these requests, one after another on each stream, asking what the seed gives."""
    moved = _one_by_one(window, requests, rng)
    return Window(header=moved.header, requests=honest.with_prompts(moved.header, moved.requests))


def _one_by_one(window: Window, requests: Sequence[Request], rng: Rng) -> Window:
    """The window with these requests, as if each had been sent when the one before on its stream was done."""
    moved, free = [], dict[int | None, int]()
    for request in requests:
        begin = free.get(request.slot, 2 * MS) + int(rng.integers(150_000, 1_200_000))
        moved.append(_moved(request, begin - (request.sent_ns or 0)))
        free[request.slot] = moved[-1].done_ns or begin
    return Window(header=_lasting(window, max(free.values(), default=2 * MS)), requests=moved)


def _lasting(window: Window, duration_ns: int) -> Header:
    clock = msgspec.structs.replace(window.header.clock, duration_ns=duration_ns)
    return msgspec.structs.replace(window.header, clock=clock)


def _moved(request: Request, by: int) -> Request:
    chunks = request.chunk_ns
    return msgspec.structs.replace(
        request,
        sent_ns=(request.sent_ns or 0) + by,
        headers_ns=(request.headers_ns or 0) + by,
        done_ns=(request.done_ns or 0) + by,
        chunk_ns=[chunks[0] + by, *chunks[1:]] if chunks else [],
    )


def _with_gaps(request: Request, gaps: Sequence[int]) -> Request:
    """The request with other gaps after its first chunk, and done as long after the last."""
    if not request.chunk_ns:
        return request
    after = (request.done_ns or 0) - sum(request.chunk_ns)
    chunks = [request.chunk_ns[0], *(max(int(gap), 0) for gap in gaps)]
    return msgspec.structs.replace(request, chunk_ns=chunks, done_ns=sum(chunks) + after)


def _with_ttft(request: Request, ttft_ns: int) -> Request:
    """The request with its answer at another time after it was sent."""
    if not request.chunk_ns:
        return request
    by = (request.sent_ns or 0) + ttft_ns - request.chunk_ns[0]
    moved = _moved(request, by)
    return msgspec.structs.replace(
        moved,
        sent_ns=request.sent_ns,
        headers_ns=max((moved.headers_ns or 0), (request.sent_ns or 0) + 1),
    )


def _each(rewrite: Rewrite) -> Forge:
    """Measure honestly, then rewrite every request."""

    def forge(endpoint: Endpoint, rng: Rng) -> Submission:
        submission = honest.submit(endpoint, rng)
        made = [
            (path, _in_sequence(window, [rewrite(r, rng) for r in window.requests], rng))
            for path, window in submission.windows
        ]
        return _with_windows(submission, made)

    return forge


# -- what never was measured ---------------------------------------------------------------------


def _copies(rewrite: Rewrite) -> Forge:
    """Measure a day, then fill the week with it, each request rewritten."""

    def forge(endpoint: Endpoint, rng: Rng) -> Submission:
        submission = honest.submit(endpoint, rng)
        day = [window for _, window in submission.windows[: len(honest.HOURS)]]
        made = list(submission.windows[: len(day)])
        for number, (path, window) in enumerate(submission.windows[len(day) :]):
            source = day[number % len(day)].requests
            order = rng.permutation(len(source))
            requests = [_as_at(rewrite(source[at], rng), window.requests[i]) for i, at in enumerate(order)]
            made.append((path, _in_sequence(window, requests, rng)))
        return _with_windows(submission, made)

    return forge


def _as_at(request: Request, other: Request) -> Request:
    """The request over the connection that the other one had, so that the first of a window connects."""
    return msgspec.structs.replace(request, connection=other.connection)


def _unchanged(request: Request, _rng: Rng) -> Request:
    return request


def _faster(request: Request, _rng: Rng) -> Request:
    return _with_gaps(request, [round(0.9 * gap) for gap in request.chunk_ns[1:]])


def _jittered(times: float) -> Rewrite:
    """Each gap moved by as much, in terms of how much gaps vary by themselves."""

    def rewrite(request: Request, rng: Rng) -> Request:
        noise = np.exp(rng.normal(0, times * ORDINARY.step_sd, len(request.chunk_ns)))
        return _with_gaps(request, (np.array(request.chunk_ns) * noise)[1:].astype(np.int64).tolist())

    return rewrite


def _straight(request: Request, _rng: Rng) -> Request:
    """First and last chunk as they came, the others drawn on the line between."""
    count = len(request.chunk_ns) - 1
    if count < 1:
        return request
    marks = np.linspace(0, sum(request.chunk_ns[1:]), count + 1).round().astype(np.int64)
    return _with_gaps(request, np.diff(marks).tolist())


def _blended(endpoint: Endpoint, rng: Rng) -> Submission:
    """Measure a day; every later request lies half way between two of it."""
    submission = honest.submit(endpoint, rng)
    day = len(honest.HOURS)
    pool = [r for _, window in submission.windows[:day] for r in window.requests if r.chunk_ns]
    made = list(submission.windows[:day])
    for path, window in submission.windows[day:]:
        requests = []
        for request in window.requests:
            one, other = (pool[at] for at in rng.integers(0, len(pool), 2))
            gaps = [(a + b) // 2 for a, b in zip(one.chunk_ns[1:], other.chunk_ns[1:], strict=True)]
            requests.append(_with_gaps(request, gaps))
        made.append((path, _in_sequence(window, requests, rng)))
    return _with_windows(submission, made)


def _drawn(endpoint: Endpoint, rng: Rng) -> Submission:
    """Measure honestly, and write everything from what was fitted to it, a fifth faster."""
    submission = honest.submit(endpoint, rng)
    paths, measured = zip(*submission.windows, strict=True)
    made = draw_anew(measured, 1.2, rng)
    return _with_windows(submission, list(zip(paths, made, strict=True)))


def draw_anew(measured: Sequence[Window], faster: float, rng: Rng) -> list[Window]:
    """The windows with every time drawn from a fit to all of them (mean and spread of the logarithms of TTFT,
    between windows and within, and of gaps), so many times faster. What was asked and said stays."""
    ttfts = [
        [math.log(r.chunk_ns[0] - (r.sent_ns or 0)) for r in window.requests if r.chunk_ns]
        for window in measured
    ]
    gaps = np.log([gap for window in measured for r in window.requests for gap in r.chunk_ns[1:] if gap])
    means = np.array([np.mean(row) for row in ttfts])
    within = math.sqrt(float(np.mean([np.var(row) for row in ttfts])))
    made = []
    for window in measured:
        slow = rng.normal(0, means.std())
        requests = []
        for request in window.requests:
            ttft = math.exp(means.mean() + slow + rng.normal(0, within)) / faster
            count = len(request.chunk_ns)
            new = np.exp(gaps.mean() + slow + rng.normal(0, gaps.std(), count)) / faster
            requests.append(_with_gaps(_with_ttft(request, int(ttft)), new[1:].astype(np.int64).tolist()))
        made.append(_one_by_one(window, requests, rng))
    return made


# -- stamps that were edited ---------------------------------------------------------------------


def _rounded(to_ns: int) -> Rewrite:
    def rewrite(request: Request, _rng: Rng) -> Request:
        return _stamped(request, np.cumsum(request.chunk_ns) // to_ns * to_ns)

    return rewrite


def _stamped(request: Request, stamps: Ints) -> Request:
    """The request with its chunks at these moments, each near its own, and nothing else moved."""
    if not len(stamps):
        return request
    chunks = [int(stamps[0]), *np.diff(stamps).tolist()]
    return msgspec.structs.replace(
        request, chunk_ns=chunks, headers_ns=min(request.headers_ns or 0, chunks[0])
    )


def _in_place(rewrite: Rewrite) -> Forge:
    """Measure honestly, and rewrite every request where it stands."""

    def forge(endpoint: Endpoint, rng: Rng) -> Submission:
        submission = honest.submit(endpoint, rng)
        made = [
            (path, Window(header=window.header, requests=[rewrite(r, rng) for r in window.requests]))
            for path, window in submission.windows
        ]
        return _with_windows(submission, made)

    return forge


def _favourite(request: Request, rng: Rng) -> Request:
    """One stamp in ten ends on a digit that somebody likes."""
    stamps = np.cumsum(request.chunk_ns)
    liked = rng.random(len(stamps)) < 0.1
    stamps[liked] = stamps[liked] // 1000 * 1000 + 500 + rng.integers(0, 100, int(liked.sum()))
    return _stamped(request, np.maximum.accumulate(stamps))


def _pressed_together(endpoint: Endpoint, rng: Rng) -> Submission:
    """Each request begins a tenth of its time sooner, for more throughput."""
    submission = honest.submit(endpoint, rng)
    made = []
    for path, window in submission.windows:
        ends = window.requests[-1].done_ns or 0
        requests = [_moved(r, -(r.sent_ns or 0) // 10) for r in window.requests]
        made.append((path, Window(header=_lasting(window, ends), requests=requests)))
    return _with_windows(submission, made)


def _too_soon(request: Request, _rng: Rng) -> Request:
    """Three quarters of the wait for the first token taken off."""
    ttft = (request.chunk_ns[0] if request.chunk_ns else 0) - (request.sent_ns or 0)
    return _with_ttft(request, ttft // 4)


def _evened(endpoint: Endpoint, rng: Rng) -> Submission:
    """Every window brought to the same mean TTFT, that of the best."""
    submission = honest.submit(endpoint, rng)
    logs = [
        [math.log(r.chunk_ns[0] - (r.sent_ns or 0)) for r in window.requests if r.chunk_ns]
        for _, window in submission.windows
    ]
    best = min(float(np.mean(row)) for row in logs)
    made = []
    for (path, window), row in zip(submission.windows, logs, strict=True):
        share = math.exp(best - float(np.mean(row)) + rng.normal(0, 0.005))
        requests = [
            _with_ttft(r, int(share * (r.chunk_ns[0] - (r.sent_ns or 0)))) if r.chunk_ns else r
            for r in window.requests
        ]
        made.append((path, _in_sequence(window, requests, rng)))
    return _with_windows(submission, made)


# -- what was left out, or chosen ----------------------------------------------------------------


def _replaced(endpoint: Endpoint, rng: Rng) -> Submission:
    """Every failure gives way to a success of another run."""
    submission = honest.submit(endpoint, rng)
    spare = honest.submit(dataclasses.replace(endpoint, failing=0.0), rng)
    made = []
    for (path, window), (_, other) in zip(submission.windows, spare.windows, strict=True):
        requests = [
            mine if mine.outcome is Outcome.OK else _as_at(theirs, mine)
            for mine, theirs in zip(window.requests, other.requests, strict=True)
        ]
        made.append((path, _in_sequence(window, requests, rng)))
    return _with_windows(submission, made)


def _cut_out(endpoint: Endpoint, rng: Rng) -> Submission:
    """One request in thirty took 20 s and failed; it is taken out, its hole stays, and one more was sent."""
    submission = honest.submit(dataclasses.replace(endpoint, failing=0.0), rng)
    made = []
    for path, window in submission.windows:
        hole = int(rng.integers(1, len(window.requests)))
        requests = [_moved(r, 20_000 * MS if r.i >= hole else 0) for r in window.requests]
        made.append((path, Window(header=window.header, requests=requests)))
    return _with_windows(submission, made)


def _best_of_eight(endpoint: Endpoint, rng: Rng) -> Submission:
    """Each window was run eight times in private, and the one with the lowest mean TTFT is submitted."""
    submission = honest.submit(endpoint, rng)
    made = []
    for path, window in submission.windows:
        runs = [window]
        index, phase = window.header.plan_index or 0, float(rng.random())
        start = honest.plan_times()[index]
        runs += [honest.measure(endpoint, submission.seed, index, start, phase, rng)[1] for _ in range(7)]
        made.append((path, min(runs, key=_mean_ttft)))
    return _with_windows(submission, made)


def _mean_ttft(window: Window) -> float:
    return float(np.mean([r.chunk_ns[0] - (r.sent_ns or 0) for r in window.requests if r.chunk_ns]))


def _cached(*, stated: bool) -> Rewrite:
    """The prompts were sent before, so that the server has them; the usage says so, or was edited."""

    def rewrite(request: Request, _rng: Rng) -> Request:
        if not request.chunk_ns:
            return request
        quick = _with_ttft(request, int(0.4 * (request.chunk_ns[0] - (request.sent_ns or 0))))
        tokens = msgspec.structs.replace(quick.tokens, usage_cached=512 if stated else 64)
        return msgspec.structs.replace(quick, tokens=tokens)

    return rewrite


def _slow_left_out(endpoint: Endpoint, rng: Rng) -> Submission:
    """Of each day the window of the slowest hour is not submitted, as the board's own windows tell it."""
    submission = honest.submit(endpoint, rng)
    levels: dict[int, list[float]] = {}
    for beside in submission.neutral:
        levels.setdefault(beside.start_unix_ns // honest.HOUR % 24, []).append(beside.ttft_ms or 0.0)
    slowest = max(honest.HOURS, key=lambda hour: float(np.mean(levels[hour])))
    kept = [
        (path, window)
        for path, window in submission.windows
        if window.header.clock.start_unix_ns // honest.HOUR % 24 != slowest
    ]
    return _with_windows(submission, kept)


def _fast_hours_planned(endpoint: Endpoint, rng: Rng) -> Submission:
    """The plan itself names only the hours in which the endpoint is fast: no swing is left to be seen."""
    calm = dataclasses.replace(endpoint, swing=0.0, ttft_ms=endpoint.ttft_ms * math.exp(-endpoint.swing))
    submission = honest.submit(calm, rng)
    return dataclasses.replace(submission, neutral=honest.neutral(endpoint, float(rng.random()), rng))


# -- what answers what was not asked -------------------------------------------------------------


def _chosen_prompts(endpoint: Endpoint, rng: Rng) -> Submission:
    """Prompts that suit the server, and not those of the seed."""
    submission = honest.submit(endpoint, rng)
    made = []
    for path, window in submission.windows:
        requests = [
            msgspec.structs.replace(r, body_sha256=hashlib.sha256(rng.bytes(8)).hexdigest())
            for r in window.requests
        ]
        made.append((path, Window(header=window.header, requests=requests)))
    return _with_windows(submission, made)


def _padded_text(request: Request, _rng: Rng) -> Request:
    """The reply is longer than its chunks."""
    return msgspec.structs.replace(request, text=(request.text or "") + "and so on, and so on")


def _reused_texts(endpoint: Endpoint, rng: Rng) -> Submission:
    """Times as measured; one reply in ten is written off an earlier one, chunk by chunk."""
    submission = honest.submit(endpoint, rng)
    pool = [r for r in submission.windows[0][1].requests if r.text]
    made = []
    for path, window in submission.windows:
        requests = []
        for request in window.requests:
            source = pool[int(rng.integers(len(pool)))]
            if request.text and rng.random() < 0.1:
                request = msgspec.structs.replace(request, text=source.text, chunk_chars=source.chunk_chars)
            requests.append(request)
        made.append((path, Window(header=window.header, requests=requests)))
    return _with_windows(submission, made)


def _overworked(endpoint: Endpoint, rng: Rng) -> Submission:
    """A window is stated as lasting a hundredth of its time."""
    submission = honest.submit(dataclasses.replace(endpoint, step_ms=1.0), rng)
    made = []
    for path, window in submission.windows:
        short = max((window.header.clock.duration_ns or 0) // 100, 1)
        made.append((path, Window(header=_lasting(window, short), requests=window.requests)))
    return _with_windows(submission, made)


FRAUDS = (
    Fraud("streams overlap", "requests begin too soon", ORDINARY, _pressed_together, "INT001"),
    Fraud("text padded", "replies longer than their chunks", ORDINARY, _in_place(_padded_text), "INT002"),
    Fraud("prompts chosen", "they are not the seed's", ORDINARY, _chosen_prompts, "INT003"),
    Fraud("copied", "a day's requests fill the week", ORDINARY, _copies(_unchanged), "INT004"),
    Fraud("copied, scaled", "the same, a tenth faster", ORDINARY, _copies(_faster), "INT004"),
    Fraud("interpolated", "chunks on a line between two stamps", ORDINARY, _each(_straight), "INT005"),
    Fraud("copied, jittered", "half as much noise as there is", ORDINARY, _copies(_jittered(0.5)), "INT006"),
    Fraud("copied, much jittered", "as much noise as there is", ORDINARY, _copies(_jittered(1.0)), "INT006"),
    Fraud("copied, drowned", "six times as much noise as there is", ORDINARY, _copies(_jittered(6.0)), None),
    Fraud("blended", "each request half way between two others", ORDINARY, _blended, "INT006"),
    Fraud("rounded to ms", "chunks on whole milliseconds", ORDINARY, _in_place(_rounded(MS)), "INT007"),
    Fraud("rounded to us", "chunks on whole microseconds", ORDINARY, _in_place(_rounded(1000)), "INT007"),
    Fraud("a favourite digit", "one stamp in ten ends alike", ORDINARY, _in_place(_favourite), "INT007"),
    Fraud("sooner than the wire", "far away, TTFT quartered", FAR, _each(_too_soon), "INT008"),
    Fraud("time-outs cut out", "one of 20 s a window taken out", ORDINARY, _cut_out, "INT009"),
    Fraud("slow hours left out", "each day's slowest window", ORDINARY, _slow_left_out, "INT010"),
    Fraud("fast hours planned", "the plan names fast hours only", ORDINARY, _fast_hours_planned, None),
    Fraud("failures hidden", "all those of a rate limit", LIMITED, _replaced, "INT011"),
    Fraud("outages hidden", "of 10 %, in a third of windows", FAILING, _replaced, None),
    Fraud("few failures hidden", "of 1 %, in a third of windows", ORDINARY, _replaced, None),
    Fraud("windows evened", "every one brought to one mean", ORDINARY, _evened, "INT012"),
    Fraud("client overworked", "durations cut to a hundredth", ORDINARY, _overworked, "INT014"),
    Fraud("prompts cached, stated", "the usage says so", ORDINARY, _each(_cached(stated=True)), "INT015"),
    Fraud("prompts cached, hidden", "the usage was edited", ORDINARY, _each(_cached(stated=False)), None),
    Fraud("texts reused", "one reply in ten is an earlier one's", ORDINARY, _reused_texts, "INT016"),
    Fraud("best of eight", "of private runs, each window", ORDINARY, _best_of_eight, None),
    Fraud("drawn from a fit", "every time drawn anew, a fifth faster", ORDINARY, _drawn, None),
)  # fmt: skip
