"""What an estimate is, the rules it is made by, and the design of the windows. Knows no metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval. ``n`` counts requests, ``windows`` the independent units.

    ``value`` is None where the figure cannot be given, ``low`` and ``high`` where the interval
    cannot; ``reason`` then says why. A success-adjusted quantile and its bounds may be infinite:
    then that share of the requests failed.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    windows: int
    reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class IntervalRules:
    """The methodology's numbers behind every interval.

    ``stratum_windows_min``: neighbouring hours are joined until they hold so many windows.
    ``quantile_windows_min``: pairs (q, windows), q rising from 0.5 on; the last pair that a quantile
    (or its mirror below the median) reaches says how many windows it needs.
    ``failure_correlation``: how alike two outcomes of one window are taken to be before the data
    speak; ``failure_correlation_windows``: in how many windows with both outcomes the data weigh
    as much as that assumption.
    """

    confidence: float
    stratum_windows_min: int
    quantile_windows_min: tuple[tuple[float, int], ...]
    failure_correlation: float
    failure_correlation_windows: int

    def windows_min(self, q: float) -> int:
        """How many windows the quantile needs."""
        reached = [windows for least, windows in self.quantile_windows_min if least <= max(q, 1 - q)]
        return reached[-1] if reached else 2


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Design:
    """How windows lie over the strata of the day.

    ``weights`` (windows,): the weight of one attempt of each window; those of a stratum share its
    equal part, and all of them together weigh 1. ``groups`` (windows,): strata joined with their
    neighbours. ``degrees``: windows - groups, at least 1 from two windows on.
    """

    weights: Floats
    groups: Ints
    degrees: int

    def variance(self, scores: Floats) -> float:
        """The variance of the sum of ``scores``, one a window, from their spread inside groups."""
        sizes = np.bincount(self.groups)
        apart = scores - (np.bincount(self.groups, scores) / sizes)[self.groups]
        squares = np.bincount(self.groups, apart * apart)
        return float((squares * (sizes / np.maximum(sizes - 1, 1))).sum())

    def effective_sample(self, counts: Floats) -> float:
        """Of so many independent requests a window, how many equally weighed ones say as much (Kish)."""
        weighed = self.weights * counts
        return float(weighed.sum() ** 2 / (self.weights @ weighed))

    def effective_size(self, counts: Floats) -> float:
        """Requests a window, as they count for the variance of a sum over windows."""
        weighed = self.weights * counts
        return float((weighed @ weighed) / (self.weights @ weighed))


def design_of(strata: Sequence[int], attempts: Floats, stratum_windows_min: int) -> Design:
    """The design of windows in these strata with so many attempts each, every one above zero.

    A variance needs two windows, one that is steady needs more: neighbouring strata are joined, in
    the order of the day, until each group holds enough. What is left over joins the last group.
    Joining counts differences between neighbouring hours as noise, so it can only widen.
    """
    _, place, windows = np.unique(np.asarray(strata), return_inverse=True, return_counts=True)
    hours, totals = len(windows), np.bincount(place, attempts)
    joined, group, held = np.zeros(hours, dtype=np.intp), 0, 0
    for hour, count in enumerate(windows):
        joined[hour], held = group, held + int(count)
        if held >= stratum_windows_min:
            group, held = group + 1, 0
    if held and group:
        joined[joined == group] = group - 1
    groups = joined[place]
    return Design(1 / (hours * totals[place]), groups, len(groups) - 1 - int(groups.max(initial=0)))


def t_quantile(share: float, degrees: float) -> float:
    """The quantile of Student's t distribution."""
    return float(special.stdtrit(degrees, share))
