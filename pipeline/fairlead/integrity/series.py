"""The windows of a claim against each other and against neutral ones. Knows no request and no stamp."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from fairlead.integrity.finding import Finding, counted
from fairlead.integrity.traces import Floats, Trace
from fairlead.metrics import charged, succeeded
from fairlead.windows import Outcome

_HOUR_NS = 3_600_000_000_000
_HOURS = 24
_PARTS = 4  # of a window: the outer against the inner two, which a steady drift leaves alike
_SIGNS = np.array([1.0, -1.0, -1.0, 1.0])
_BINS = 16_384  # of the exact distribution of a sum


@dataclasses.dataclass(frozen=True, slots=True)
class Beside:
    """A neutral window of the same endpoint, model and scenario. ``ttft_ms``: its median, None without."""

    start_unix_ns: int
    requests: int
    failures: int
    ttft_ms: float | None

    @classmethod
    def of(cls, start_unix_ns: int, outcomes: Mapping[Outcome, int], ttfts_ms: Sequence[float]) -> Beside:
        """From what a window holds. A failure of our own is no failure, and no request."""
        requests = charged(outcomes)
        failed = requests - succeeded(outcomes)
        return cls(start_unix_ns, requests, failed, float(np.median(ttfts_ms)) if len(ttfts_ms) else None)


@dataclasses.dataclass(frozen=True, slots=True)
class Planned:
    """A planned window of a claim, by its place in the plan and its earliest time."""

    index: int
    not_before: dt.datetime


# -- too little spread ---------------------------------------------------------------------------


def spread(traces: Sequence[Trace], limit: float) -> Iterator[Finding]:
    """Windows that differ less than the requests inside them allow.

    A window's mean log is the mean of its four parts in order of time; the outer two against the inner two
    say how far such a mean must vary by chance. Whatever makes windows differ adds to the first variance and
    not to the second, so their ratio is F or larger, and only its lower tail is a finding.
    """
    sides = (("TTFT", [_ttfts(trace) for trace in traces]), ("pace", [_paces(trace) for trace in traces]))
    for name, values in sides:
        parts = np.array([_part_means(row) for row in values if len(row) >= _PARTS])
        if len(parts) < 3:
            continue
        means, contrasts = parts.mean(axis=1), parts @ _SIGNS / _PARTS
        between, within = float(np.var(means, ddof=1)), float(np.var(contrasts, ddof=1))
        if within <= 0:
            continue
        p_value = float(special.fdtr(len(parts) - 1, len(parts) - 1, between / within)) * len(sides)
        if p_value < limit:
            words = (
                f"the mean {name} of {counted(len(parts), 'window')} varies by {math.sqrt(between):.2%}, the "
                f"requests inside them make {math.sqrt(within):.2%} of it unavoidable (p = {p_value:.1g})"
            )
            yield Finding("INT012", traces[0].path, (), words, p_value)


def _ttfts(trace: Trace) -> Floats:
    return np.log(np.maximum(trace.ttft_ns, 1)).astype(np.float64)


def _paces(trace: Trace) -> Floats:
    return np.array([math.log(gaps.mean()) for gaps in trace.gaps if len(gaps)])


def _part_means(row: Floats) -> list[float]:
    return [float(part.mean()) for part in np.array_split(row, _PARTS)]


# -- windows that are missing --------------------------------------------------------------------


def hours(
    traces: Sequence[Trace], plan: Sequence[Planned], neutral: Sequence[Beside], limit: float
) -> Iterator[Finding]:
    """Whether the windows that are missing are those of the slow hours.

    How slow an hour is, neutral windows say; where they leave a planned hour out, the claim's own windows.
    Each day's gaps are turned around that day's plan, so that a night without power is one event: exact, over
    all ways to turn them.
    """
    levels = _levels(traces, neutral, {_hour(one) for one in plan})
    whole = {trace.plan_index for trace in traces if trace.is_whole}
    days: dict[dt.date, list[Planned]] = {}
    for planned in sorted(plan, key=lambda one: one.not_before):
        days.setdefault(planned.not_before.astimezone(dt.UTC).date(), []).append(planned)
    turned: list[Floats] = []
    missing: list[Planned] = []
    for planned_of_day in days.values():
        gone = np.array([one.index not in whole for one in planned_of_day])
        slow = [levels.get(_hour(one)) for one in planned_of_day]
        known = [level for level in slow if level is not None]
        if gone.any() and not gone.all() and len(known) == len(slow):
            level = np.array(known)
            turned.append(np.array([level[np.roll(gone, by)].sum() for by in range(len(level))]))
            missing += [one for one, is_gone in zip(planned_of_day, gone, strict=True) if is_gone]
    if not turned:
        return
    p_value = _sum_tail(turned)
    if p_value < limit:
        mean = sum(float(way[0]) for way in turned) / len(missing)
        usual = sum(float(way.mean()) for way in turned) / len(missing)
        words = (
            f"{counted(len(missing), 'planned window')} of {counted(len(turned), 'day')} "
            f"{'is' if len(missing) == 1 else 'are'} missing at hours whose TTFT is "
            f"{math.exp(mean - usual):.2f} times that of the others (p = {p_value:.1g})"
        )
        yield Finding("INT010", traces[0].path, (), words, p_value)


def _hour(planned: Planned) -> int:
    return planned.not_before.astimezone(dt.UTC).hour


def _levels(
    traces: Sequence[Trace], neutral: Sequence[Beside], planned: Collection[int]
) -> Mapping[int, float]:
    """Hour of the day in UTC to its mean log TTFT."""
    theirs: dict[int, list[float]] = {}
    for beside in neutral:
        if beside.ttft_ms is not None and beside.ttft_ms > 0:
            hour = beside.start_unix_ns // _HOUR_NS % _HOURS
            theirs.setdefault(hour, []).append(math.log(beside.ttft_ms))
    own: dict[int, list[float]] = {}
    for trace in traces:
        if trace.is_whole and len(trace.ttft_ns):
            own.setdefault(trace.start_unix_ns // _HOUR_NS % _HOURS, []).append(
                float(np.median(_ttfts(trace)))
            )
    of_hours = theirs if theirs.keys() >= set(planned) else own
    return {hour: float(np.mean(levels)) for hour, levels in of_hours.items()}


def _sum_tail(turned: Sequence[Floats]) -> float:
    """The probability that a sum, one value of each list and all equally likely, reaches the sum of firsts.

    On a grid, by convolution; values are rounded up and the sum of firsts down, so never too small.
    """
    reach = sum(float(way.max() - way.min()) for way in turned)
    if reach <= 0:
        return 1.0
    unit = reach / _BINS
    total = np.ones(1)
    seen = 0
    for way in turned:
        bins = np.ceil((way - way.min()) / unit - 1e-9).astype(np.int64)
        seen += int(bins[0])
        total = np.convolve(total, np.bincount(bins) / len(bins))
    return float(total[max(seen - len(turned), 0) :].sum())


# -- failures that are missing -------------------------------------------------------------------


def failures(traces: Sequence[Trace], neutral: Sequence[Beside], limit: float) -> Iterator[Finding]:
    """Fewer windows with failures than neutral ones of the same endpoint and scenario; exact, by windows.

    Failures of one window hang together, so a window either has some or has none.
    """
    mine, theirs = len(traces), len(neutral)
    with_mine = sum(trace.failures > 0 for trace in traces)
    with_theirs = sum(beside.failures > 0 for beside in neutral)
    if not mine or not theirs:
        return
    p_value = _hypergeometric_lower(with_mine, mine, with_mine + with_theirs, mine + theirs)
    if p_value < limit:
        failed, asked = sum(one.failures for one in neutral), sum(one.requests for one in neutral)
        words = (
            f"{with_mine} of {counted(mine, 'window')} hold a failure, {with_theirs} of {theirs:,} neutral "
            f"ones do, in which {failed:,} of {asked:,} requests failed (p = {p_value:.1g})"
        )
        yield Finding("INT011", traces[0].path, (), words, p_value)


def _hypergeometric_lower(count: int, drawn: int, marked: int, of: int) -> float:
    """The probability of ``count`` or fewer marked ones among so many drawn without replacement."""
    some = np.arange(max(drawn + marked - of, 0), min(count, drawn, marked) + 1)
    ways = _log_ways(marked, some) + _log_ways(of - marked, drawn - some)
    return min(float(np.exp(ways - _log_ways(of, np.array(drawn))).sum()), 1.0)


def _log_ways(of: int, drawn: npt.NDArray[np.int64]) -> Floats:
    """The logarithm of the ways to draw so many."""
    found = special.gammaln(of + 1) - special.gammaln(drawn + 1) - special.gammaln(of - drawn + 1)
    return np.asarray(found, dtype=np.float64)
