"""What a single burst can say if its requests are taken for independent. Knows no provider and no hour.

They are not independent, so this is the most generous reading there is, and its ranges are a lower bound
of the uncertainty: nothing here knows how another hour would have been. The board's own intervals
(:mod:`fairlead.stats`) come from the spread between windows, of which a burst has none. So a difference
that does not stand here stands nowhere; one that does has passed the easiest of tests.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

_Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Observed:
    """A value, and the number of the request in which it was observed."""

    value: float
    i: int


@dataclasses.dataclass(frozen=True, slots=True)
class MedianRange:
    """A burst's median and the ends of its range, each an observed value.

    ``median`` is None where there is no value; ``low`` and ``high`` where ``n`` values are too few, and
    ``reason`` then says so.
    """

    n: int
    median: Observed | None
    low: Observed | None
    high: Observed | None
    reason: str | None = None


def median_range(observed: Sequence[Observed], *, confidence: float) -> MedianRange:
    """The median of independent values with its exact range between two order statistics.

    The median is the smallest value that half of the sample does not exceed (Hyndman and Fan's type 1).
    The range reaches from the k-th smallest to the k-th largest value, with the largest k for which a
    binomial count of ``n`` fair coins lies below k in at most (1 - confidence) / 2 of cases.
    """
    ordered = sorted(observed, key=lambda one: (one.value, one.i))
    n = len(ordered)
    if not n:
        return MedianRange(0, None, None, None, "no value")
    median = ordered[math.ceil(n / 2) - 1]
    counts = np.arange(n // 2 + 1)
    k = int(np.count_nonzero(special.bdtr(counts, n, 0.5) <= (1 - confidence) / 2))
    if not k:
        needed = math.ceil(1 - math.log2(1 - confidence))
        return MedianRange(n, median, None, None, f"{n} values, {needed} are needed")
    return MedianRange(n, median, ordered[k - 1], ordered[n - k])


def common_median_p_value(first: Sequence[float], second: Sequence[float]) -> float | None:
    """How well any single median fits both bursts: the p-value of *their medians are equal*.

    Empirical likelihood (Owen 2001): under a median m a share 1/2 of a burst lies below it; twice the
    log of how much likelier the observed share is, summed over both bursts and least over m, is about
    chi-squared with one degree of freedom. Nothing is assumed of the shapes, which need not be alike.
    Values equal to m count for the side that fits it. Only observed values need be tried: between two
    of them none fits better. None where a burst has no value.

    Two bursts of n values that do not overlap give the upper tail of chi-squared at 2 n ln 2. By
    simulation (10 to 150 values; spreads alike and up to 12 times apart) equal medians are told apart
    in 1 to 5 % at 0.05.
    """
    ours, theirs = (np.sort(np.asarray(values, dtype=np.float64)) for values in (first, second))
    if not ours.size or not theirs.size:
        return None
    candidates = np.union1d(ours, theirs)
    least = float(np.min(_deviance(ours, candidates) + _deviance(theirs, candidates)))
    return float(special.chdtrc(1, max(least, 0.0)))


def _deviance(ordered: _Floats, medians: _Floats) -> _Floats:
    """Twice the log likelihood ratio of the observed share below each median against 1/2."""
    n = len(ordered)
    below, up_to = (np.searchsorted(ordered, medians, side=side) / n for side in ("left", "right"))
    share = np.clip(0.5, below, up_to)
    result: _Floats = 2 * n * (special.xlogy(share, 2 * share) + special.xlogy(1 - share, 2 - 2 * share))
    return result
