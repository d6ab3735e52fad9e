"""Quantiles of the equal-hour mixture with their intervals. Knows no unit and no metric."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import special

from fairlead.stats.estimates import Design, Estimate, Floats, IntervalRules, Ints, design_of
from fairlead.stats.rates import effective_interval

_FEW = 100  # values: so many are sorted sooner than an array is made of them


def quantile(values: Sequence[float] | Floats, q: float) -> float:
    """The smallest value that at least a share ``q`` of the sample does not exceed.

    Hyndman and Fan's type 1 (inverse of the empirical distribution function): always a value that
    was observed, and defined where some values are infinite. A share that misses a whole count by
    rounding alone is that count: of 25 values the 0.28 quantile is the 7th (numpy says the 8th).

    Raises:
        ValueError: the sample is empty.
    """
    n = len(values)
    if not n:
        raise ValueError("a quantile of no value")
    exact = n * q
    place = min(max(math.ceil(exact - 4 * math.ulp(exact)) - 1, 0), n - 1)
    if n <= _FEW:
        return float(sorted(values)[place])
    return float(np.partition(np.asarray(values, dtype=np.float64), place)[place])


def quantile_sample_min(q: float, confidence: float) -> int:
    """The smallest sample that reaches beyond the ``q`` quantile, in its thinner tail, with this confidence.

    n >= ln(1 - confidence) / ln(max(q, 1 - q)): 5 for p50, 59 for p95 and p5, 299 for p99 at 95 %.
    """
    return math.ceil(math.log(1 - confidence) / math.log(max(q, 1 - q)))


def quantile_estimates(
    windows: Sequence[Sequence[float] | Floats],
    qs: Sequence[float],
    *,
    strata: Sequence[int],
    rules: IntervalRules,
    attempts: Sequence[int] | None = None,
) -> tuple[Estimate, ...]:
    """Quantiles over all windows, every sampled hour weighing alike, each with its interval.

    ``windows`` holds the values of each window, ``attempts`` how many requests were made in it
    (those that failed give no value); without it every request gave one. The quantile is that of a
    successful request of the equal-hour mixture: an hour in which more fail weighs less.

    The interval is Woodruff's (1952): how far the share of values up to the estimate can be off,
    carried back through the quantile function. That share's interval is Korn and Graubard's (1998),
    exact on the effective sample: the independent values that would know it as well. A few windows
    show a tail too seldom to say how it clusters, so the share's variance is a mean of two, each
    weighed by its degrees of freedom: the spread between windows inside joined hours, and what the
    median's clustering says of the tail's, as if between two normal variables. It is never below
    that of independent values. The degrees are Satterthwaite's: fewer where few windows hold the tail.

    A quantile is given only with its interval, and only where the effective sample reaches beyond
    it (299 for p99) and the methodology's least count of windows is there. One window alone gives
    its own quantile and no interval.
    """
    counts = [len(window) for window in windows] if attempts is None else attempts
    made = [place for place, count in enumerate(counts) if count > 0]
    if not made:
        return tuple(_too_few(0, 0, q, rules) for q in qs)
    pool = _pool(
        [np.asarray(windows[place], dtype=np.float64) for place in made],
        np.array([counts[place] for place in made], dtype=np.float64),
        [strata[place] for place in made],
        rules,
    )
    return tuple(_estimate(pool, q, rules) for q in qs)


def adjusted_quantile_estimates(
    windows: Sequence[Sequence[float] | Floats],
    qs: Sequence[float],
    *,
    failures: Sequence[int],
    strata: Sequence[int],
    rules: IntervalRules,
) -> tuple[Estimate, ...]:
    """Success-adjusted quantiles: a failed request counts as one that was infinitely slow.

    The quantile of any request of the equal-hour mixture, made and bounded as those over successes
    are. Where so large a share failed, the quantile is infinite; its upper bound is where it may be.
    """
    whole = [
        np.concatenate([np.asarray(window, dtype=np.float64), np.full(failed, math.inf)])
        for window, failed in zip(windows, failures, strict=True)
    ]
    return quantile_estimates(whole, qs, strata=strata, rules=rules)


def distribution(
    windows: Sequence[Sequence[float] | Floats], *, attempts: Sequence[int], strata: Sequence[int]
) -> tuple[list[float], list[float]]:
    """The distribution function of the equal-hour mixture over every attempt, failed ones never answered.

    The values in rising order, and the share of attempts at or below each; the last share is the success
    rate of the mixture. Windows without an attempt say nothing. It is what success-adjusted quantiles are
    taken from, without an interval.
    """
    made = [
        (np.asarray(window, dtype=np.float64), tries, stratum)
        for window, tries, stratum in zip(windows, attempts, strata, strict=True)
        if tries
    ]
    if not made:
        return [], []
    design = design_of([each[2] for each in made], np.array([each[1] for each in made], dtype=np.float64), 1)
    values = np.concatenate([each[0] for each in made])
    weights = np.repeat(design.weights, [len(each[0]) for each in made])
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order])
    return values[order].tolist(), np.minimum(shares, 1.0).tolist()


@dataclasses.dataclass(frozen=True, eq=False)
class _Pool:
    """All values of a sample: ``values`` (n,) sorted, ``window`` (n,) where each is from.

    ``counts`` (windows,) values a window; ``cumulative`` (n,) the mixture's distribution function.
    """

    values: Floats
    window: Ints
    counts: Floats
    cumulative: Floats
    total: float
    design: Design

    def place(self, share: float) -> int:
        """The 0-based place of the first value with at least this share at or below it."""
        slack = 1e-6 / len(self.values)  # sums of weights round; a value's own weight is a million times that
        return min(int(np.searchsorted(self.cumulative, share - slack)), len(self.values) - 1)

    def hits(self, count: int) -> Floats:
        """How many of the smallest ``count`` values each window holds."""
        return np.bincount(self.window[:count], minlength=len(self.counts)).astype(np.float64)

    def variance(self, hits: Floats) -> float:
        """The variance of the share of such values: a ratio over windows, linearised."""
        scores = self.design.weights / self.total * hits
        share = float(scores.sum())
        return self.design.variance(scores - share * self.design.weights / self.total * self.counts)

    @functools.cached_property
    def clustering(self) -> float:
        """The intraclass correlation of not lying above the median, 0 to 1."""
        size = self.design.effective_size(self.counts)
        count = int(np.searchsorted(self.values, self.values[self.place(0.5)], "right"))
        share = float(self.cumulative[count - 1])
        if size <= 1 or count == len(self.values):
            return 0.0
        variance = self.variance(self.hits(count))
        effect = variance / (share * (1 - share)) * self.design.effective_sample(self.counts)
        return min(max((effect - 1) / (size - 1), 0.0), 1.0)


def _pool(windows: Sequence[Floats], attempts: Floats, strata: Sequence[int], rules: IntervalRules) -> _Pool:
    design = design_of(strata, attempts, rules.stratum_windows_min)
    counts = np.array([len(window) for window in windows])
    values, window = np.concatenate(windows), np.repeat(np.arange(len(windows)), counts)
    order = np.argsort(values, kind="stable")
    values, window = values[order], window[order]
    weights = np.cumsum(design.weights[window])
    total = float(weights[-1]) if len(weights) else 0.0
    return _Pool(values, window, counts.astype(np.float64), weights / (total or 1.0), total, design)


def _too_few(n: int, windows: int, q: float, rules: IntervalRules) -> Estimate:
    needed = quantile_sample_min(q, rules.confidence)
    return Estimate(None, None, None, n, windows, f"{n} values, {needed} are needed")


def _estimate(pool: _Pool, q: float, rules: IntervalRules) -> Estimate:
    n, windows = len(pool.values), int(np.count_nonzero(pool.counts))
    needed, windows_min = quantile_sample_min(q, rules.confidence), rules.windows_min(q)
    if n < needed:
        return _too_few(n, windows, q, rules)
    value = float(pool.values[pool.place(q)])
    if windows < 2:
        return Estimate(value, None, None, n, windows, "one window gives no interval")
    if windows < windows_min:
        return Estimate(None, None, None, n, windows, f"{windows} windows, {windows_min} are needed")
    sample, degrees = min(_effective(pool, value, q))
    if sample < needed:
        worth = f"{n} values, alike within windows, are worth {int(sample)} independent ones"
        return Estimate(None, None, None, n, windows, f"{worth}, {needed} are needed")
    shares = effective_interval(q, sample, n=n, degrees=degrees, confidence=rules.confidence)
    low, high = (float(pool.values[pool.place(share)]) for share in shares)
    return Estimate(value, low, high, n, windows)


def _effective(pool: _Pool, value: float, q: float) -> Iterator[tuple[float, float]]:
    """The effective sample and the degrees of freedom of its variance, just below and at the value.

    The two differ where many values are the same, infinite ones above all.
    """
    design, spread = pool.design, q * (1 - q)
    independent = spread / design.effective_sample(pool.counts)
    alike = _tail_clustering(pool.clustering, q)
    expected = independent * (1 + (design.effective_size(pool.counts) - 1) * alike)
    first, last = (int(np.searchsorted(pool.values, value, side)) for side in ("left", "right"))
    for count in {last, first} if last - first > 1 else {last}:
        hits = pool.hits(count)
        holding = min(_evenness(design.weights * side) for side in (hits, pool.counts - hits))
        degrees = 1 / (1 / design.degrees + max(0.0, 0.5 / holding - 0.5 / len(hits)))
        both = degrees * pool.variance(hits) + design.degrees * expected
        yield spread / max(both / (degrees + design.degrees), independent), degrees


def _evenness(shares: Floats) -> float:
    """Over how many windows something is spread: as many equal shares are as uneven. At least 1."""
    squares = float(shares @ shares)
    return float(shares.sum()) ** 2 / squares if squares else 1.0


_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)


def _tail_clustering(clustering: float, q: float) -> float:
    """The correlation of two values' lying below the ``q`` quantile, from that of lying below the median.

    Of two standard normal variables with the correlation sin(a) the chance that both lie below z
    grows with a by exp(-z² / (1 + sin a)) / 2 pi; at the median the indicators correlate by 2 a / pi.
    """
    angle, z = math.pi / 2 * clustering, float(special.ndtri(q))
    grown = np.exp(-z * z / (1 + np.sin(angle * (_NODES + 1) / 2))) / (2 * math.pi)
    return float(_NODE_WEIGHTS @ grown) * angle / 2 / (q * (1 - q))
