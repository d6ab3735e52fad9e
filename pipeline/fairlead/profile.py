"""From windows to hours of the day, days, coverage, drift and age. Knows no clock, no provider and no rank.

The moment that is now and every limit arrive as arguments. An hour is a 24th part of the methodology's day,
in UTC: a window belongs to the one in which it began. A window whose time is that of a file was measured at
an hour that nobody knows, and lies in none.

An hour without a window is empty, and one whose windows are all invalid is missing: neither is ever filled
from its neighbours. Windows of two methodology versions share no bin.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from fairlead import stats
from fairlead.metrics import Undefined, WindowTable
from fairlead.stats import Estimate

HOURS = 24
_NS = 1_000_000_000
_REAL_DAY_NS = 86_400 * _NS

Floats = npt.NDArray[np.float64]


class Sampled(Protocol):
    """A window's numbers, and why it does not count: no reason where it does."""

    @property
    def table(self) -> WindowTable: ...  # noqa: D102
    @property
    def invalid(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclasses.dataclass(frozen=True, slots=True)
class TimeRules:
    """The methodology's numbers for time. ``day_seconds``: how long its day is.

    A drift is judged from ``drift_days_min`` days on, over the last ``drift_days_max`` at most.
    """

    day_seconds: int
    intervals: stats.IntervalRules
    drift_days_min: int
    drift_days_max: int

    @property
    def day_ns(self) -> int:
        """The day in ns."""
        return self.day_seconds * _NS


# -- hours and days ------------------------------------------------------------------------------


class Sampling(enum.StrEnum):
    """What is known of an hour."""

    SAMPLED = "sampled"
    INVALID = "invalid"
    EMPTY = "empty"


@dataclasses.dataclass(frozen=True, slots=True)
class Bin:
    """The windows that began in one hour of the day (``place`` 0 to 23) or on one day (days since 1970).

    ``windows``, ``requests``, ``successes`` and ``figures`` are those of the windows that count; a figure
    without a value or an interval says why. ``invalid`` counts the others, ``reasons`` says why they do not
    count and in how many windows, most frequent first.
    """

    place: int
    windows: int
    requests: int
    successes: int
    figures: Mapping[str, Estimate]
    invalid: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def sampling(self) -> Sampling:
        """Sampled where a window counts; invalid where there are only others; else empty."""
        if self.windows:
            return Sampling.SAMPLED
        return Sampling.INVALID if self.invalid else Sampling.EMPTY


#: The figures of a bin: name, metric and q; and the share of successes beside them.
BIN_QUANTILES = (
    ("ttft_p50_ms", "ttft_ms", 0.50),
    ("ttft_p95_ms", "ttft_ms", 0.95),
    ("output_speed_p50_tps", "output_speed_tps", 0.50),
)


def estimate_bin(tables: Sequence[WindowTable], rules: TimeRules) -> dict[str, Estimate]:
    """The figures of one bin's windows, each with its interval or the reason why there is none."""
    hours = [hour_of(table.start_unix_ns, rules) for table in tables]
    requests = [table.requests for table in tables]
    figures: dict[str, Estimate] = {}
    for name, metric, q in BIN_QUANTILES:
        values = [table.values[metric] for table in tables]
        (figures[name],) = stats.quantile_estimates(
            values, (q,), attempts=requests, strata=hours, rules=rules.intervals
        )
    figures["success_rate"] = stats.share_estimate(
        [table.successes for table in tables], requests, strata=hours, rules=rules.intervals
    )
    return figures


@dataclasses.dataclass(frozen=True, slots=True)
class Timeline:
    """Windows of one methodology version whose time was measured, in the order in which they began.

    ``untimed``: how many were left out because their time is that of a file.
    """

    windows: tuple[Sampled, ...]
    untimed: int


def timeline(windows: Iterable[Sampled]) -> Timeline | Undefined:
    """The windows in order; the order in which they come does not matter. Undefined where none can be placed.

    Undefined too for windows of several methodology versions: what a later version measures is another thing,
    and a change of the method would be seen as a change of the provider.
    """
    given = list(windows)
    versions = {_version(window.table) for window in given}
    if len(versions) > 1:
        known = ", ".join(sorted(version or "none" for version in versions))
        return Undefined(f"windows of several methodology versions ({known}) share no profile")
    timed = [window for window in given if window.table.header.clock.basis == "measured"]
    if not timed:
        return Undefined(
            "no window states when it was measured: its time is that of a file" if given else "no window"
        )
    return Timeline(tuple(sorted(timed, key=_order)), len(given) - len(timed))


def _version(table: WindowTable) -> str | None:
    return table.header.methodology.version if table.header.methodology else None


def _order(window: Sampled) -> tuple[object, ...]:
    """By time; windows that began at once by what they hold, so that no order of files shows in a sum."""
    table = window.table
    return (table.start_unix_ns, table.end_unix_ns, table.requests, sorted(table.values.items()))


def hour_of(start_unix_ns: int, rules: TimeRules) -> int:
    """:func:`hour_of_day` by these rules."""
    return hour_of_day(start_unix_ns, rules.day_seconds)


def hour_of_day(start_unix_ns: int, day_seconds: int) -> int:
    """The hour of the day, 0 to 23: start modulo the methodology's day, in 24 equal parts."""
    day_ns = day_seconds * _NS
    return start_unix_ns % day_ns * HOURS // day_ns


def day_of(start_unix_ns: int, rules: TimeRules) -> int:
    """The day, in days of the methodology since 1970 in UTC; a calendar day where it has 86,400 seconds."""
    return start_unix_ns // rules.day_ns


def hour_bins(line: Timeline, rules: TimeRules) -> tuple[Bin, ...]:
    """The 24 hours of the day, each with what was measured in it on whatever day; an empty one is empty."""
    groups = collections.defaultdict[int, list[Sampled]](list)
    for window in line.windows:
        groups[hour_of(window.table.start_unix_ns, rules)].append(window)
    return tuple(_bin(hour, groups.get(hour, ()), rules) for hour in range(HOURS))


def day_bins(line: Timeline, rules: TimeRules, *, latest: int) -> tuple[Bin, ...]:
    """The ``latest`` days that hold a window, in order; one without is not listed, however long the gap."""
    groups = collections.defaultdict[int, list[Sampled]](list)
    for window in line.windows:
        groups[day_of(window.table.start_unix_ns, rules)].append(window)
    return tuple(_bin(day, groups[day], rules) for day in sorted(sorted(groups, reverse=True)[:latest]))


def _bin(place: int, windows: Sequence[Sampled], rules: TimeRules) -> Bin:
    tables = [window.table for window in windows if not window.invalid]
    return Bin(
        place=place,
        windows=len(tables),
        requests=sum(table.requests for table in tables),
        successes=sum(table.successes for table in tables),
        figures=estimate_bin(tables, rules),
        invalid=len(windows) - len(tables),
        reasons=_reasons(windows),
    )


def _reasons(windows: Iterable[Sampled]) -> tuple[tuple[str, int], ...]:
    found = collections.Counter(reason for window in windows for reason in set(window.invalid))
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))


# -- coverage ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Coverage:
    """Which part of the time was looked at.

    ``hours`` has one entry an hour. ``days`` hold a window that counts, of ``days_span`` from the first of
    them to the last. ``longest_gap_ns``: between two windows that count, from the end of one to the beginning
    of the next; None with fewer than two. ``invalid`` windows are missing coverage, with their ``reasons``;
    ``untimed`` ones are left out.
    """

    hours: tuple[Sampling, ...]
    windows: int
    days: int
    days_span: int
    longest_gap_ns: int | None
    invalid: int
    reasons: tuple[tuple[str, int], ...]
    untimed: int

    @property
    def share(self) -> float:
        """The share of the day's hours in which a window counts."""
        return self.hours.count(Sampling.SAMPLED) / HOURS

    def places(self, sampling: Sampling) -> tuple[int, ...]:
        """The hours in that state, in order; those of the three states together are the whole day."""
        return tuple(hour for hour, found in enumerate(self.hours) if found is sampling)


def coverage(line: Timeline, rules: TimeRules) -> Coverage:
    """Which hours and how many days were sampled, and for how long nobody looked."""
    tables = [window.table for window in line.windows if not window.invalid]
    sampled = {hour_of(table.start_unix_ns, rules) for table in tables}
    tried = {hour_of(window.table.start_unix_ns, rules) for window in line.windows}
    days = sorted({day_of(table.start_unix_ns, rules) for table in tables})
    return Coverage(
        hours=tuple(
            Sampling.SAMPLED if hour in sampled else Sampling.INVALID if hour in tried else Sampling.EMPTY
            for hour in range(HOURS)
        ),
        windows=len(tables),
        days=len(days),
        days_span=days[-1] - days[0] + 1 if days else 0,
        longest_gap_ns=_longest_gap_ns(tables),
        invalid=len(line.windows) - len(tables),
        reasons=_reasons(line.windows),
        untimed=line.untimed,
    )


def _longest_gap_ns(tables: Sequence[WindowTable]) -> int | None:
    """Of windows in order of their beginnings; those that overlap leave no gap."""
    ends = itertools.accumulate((table.end_unix_ns for table in tables), max)
    gaps = (later.start_unix_ns - end for end, later in zip(ends, tables[1:], strict=False))
    return max((max(gap, 0) for gap in gaps), default=None)


# -- drift ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Drift:
    """A trend over days. ``share_per_day``: 0.01 is one per cent more each day, the next on top of the last.

    ``p_value``: two-sided, if there is none. ``days`` tell, within ``days_span`` from the first to the last.
    """

    share_per_day: float
    p_value: float
    days: int
    days_span: int

    @property
    def share(self) -> float:
        """The change from the first day to the last."""
        return _grown(math.log1p(self.share_per_day) * (self.days_span - 1))


def drift(line: Timeline, metric: str, rules: TimeRules) -> Drift | Undefined:
    """Drift: Theil and Sen's slope over days of a figure's logarithm, with Mann and Kendall's p-value.

    Each window gives its median, taken relative to the typical median of its hour over the days, so that
    other hours on other days are no trend; an hour that was measured on one day only says nothing. A day's
    value is the median of its windows. The slope is the median of those between all pairs of days, so a bad
    day does not make a trend, and the test asks only how many pairs rise.

    Days that resemble the day before look like a trend. The variance of the test is therefore multiplied by
    (1 + r) / (1 - r), r being the correlation of the detrended ranks of neighbouring days, corrected for its
    bias, never below 0. By simulation (14, 30 and 90 days, correlation 0 to 0.7) a trend is seen where there
    is none in 1 to 10 of 100 rows, at a p-value of 0.05; without the factor in 1 to 40.

    A rising latency and a failing provider are two things: only successes are looked at here. Undefined with
    fewer days than the methodology asks for.
    """
    days, values = _day_values(line, metric, rules)
    if len(days) < rules.drift_days_min:
        return Undefined(
            f"{len(days)} days tell of a trend (an hour counts that was measured on two of them), "
            f"{rules.drift_days_min} are needed"
        )
    slope = _theil_sen(days, values)
    return Drift(
        share_per_day=_grown(slope),
        p_value=_mann_kendall(values, _persistence(values - slope * days)),
        days=len(days),
        days_span=int(days[-1] - days[0]) + 1,
    )


def _grown(logarithm: float) -> float:
    """exp(x) - 1; infinite where no float holds it."""
    try:
        return math.expm1(logarithm)
    except OverflowError:
        return math.inf


def _day_values(line: Timeline, metric: str, rules: TimeRules) -> tuple[Floats, Floats]:
    """Days and their values, in order: relative to the hour, as logarithms. Only the last days that count."""
    tables = [window.table for window in line.windows if not window.invalid and window.table.values[metric]]
    last = day_of(tables[-1].start_unix_ns, rules) if tables else 0
    by_hour = collections.defaultdict[int, list[tuple[int, float]]](list)
    for table in tables:
        day, hour = day_of(table.start_unix_ns, rules), hour_of(table.start_unix_ns, rules)
        if day > last - rules.drift_days_max:
            median = stats.quantile(table.values[metric], 0.5)
            if 0 < median < math.inf:
                by_hour[hour].append((day, math.log(median)))
    by_day = collections.defaultdict[int, list[float]](list)
    for pairs in by_hour.values():
        if len({day for day, _ in pairs}) > 1:
            typical = float(np.median([level for _, level in pairs]))
            for day, level in pairs:
                by_day[day].append(level - typical)
    days = sorted(by_day)
    first = days[0] if days else 0
    return (
        np.array([day - first for day in days], dtype=np.float64),
        np.array([np.median(by_day[day]) for day in days], dtype=np.float64),
    )


def _theil_sen(days: Floats, values: Floats) -> float:
    """The median slope of all pairs; the pairs are bounded by the square of ``drift_days_max``."""
    earlier, later = np.triu_indices(len(days), 1)
    return float(np.median((values[later] - values[earlier]) / (days[later] - days[earlier])))


def _mann_kendall(values: Floats, persistence: float) -> float:
    """Two-sided p-value by the normal approximation with Kendall's correction for ties and continuity."""
    n = len(values)
    earlier, later = np.triu_indices(n, 1)
    rises = float(np.sign(values[later] - values[earlier]).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    variance *= (1 + persistence) / (1 - persistence)
    if variance <= 0 or abs(rises) <= 1:
        return 1.0
    return float(2 * special.ndtr(-(abs(rises) - 1) / math.sqrt(variance)))


#: What a correlation of neighbouring days is never taken above: at 1 nothing could ever be told.
_PERSISTENCE_MAX = 0.95


def _persistence(residuals: Floats) -> float:
    """Correlation of the ranks of neighbouring days, without the bias that it has in a short series.

    Kendall's (1954) correction: (n r + 2) / (n - 4), the mean and a slope being estimated from the same days.
    """
    n = len(residuals)
    _, place, equal = np.unique(residuals.round(_DECIMALS), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(equal) - (equal - 1) / 2)[place]
    ranks -= ranks.mean()
    squares = float(ranks @ ranks)
    if n <= 4 or not squares:
        return 0.0
    correlation = float(ranks[1:] @ ranks[:-1]) / squares
    return min(max((n * correlation + 2) / (n - 4), 0.0), _PERSISTENCE_MAX)


# Logarithms that agree this closely agree: residuals of a straight line are rounding, not days.
_DECIMALS = 12


# -- age -----------------------------------------------------------------------------------------


class StaleRules(Protocol):
    """From how many days on a row is marked as stale, and from how many on it is not ranked."""

    @property
    def stale_badge_days(self) -> int: ...  # noqa: D102
    @property
    def stale_unranked_days(self) -> int: ...  # noqa: D102


class AgeState(enum.StrEnum):
    """``stale`` is marked; ``expired`` is not ranked; ``future`` contradicts the moment that is now."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"
    FUTURE = "future"


def age_state(last_unix_ns: int, now_unix_ns: int, rules: StaleRules) -> AgeState:
    """How old evidence is that ended at ``last_unix_ns``. A state begins when its days are over.

    The days are real ones of 86,400 seconds, in every methodology: readers live in them.
    """
    age_ns = now_unix_ns - last_unix_ns
    if age_ns < 0:
        return AgeState.FUTURE
    if age_ns > rules.stale_unranked_days * _REAL_DAY_NS:
        return AgeState.EXPIRED
    return AgeState.STALE if age_ns > rules.stale_badge_days * _REAL_DAY_NS else AgeState.FRESH
