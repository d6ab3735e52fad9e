"""A mean or a share held against a limit, window after window, with errors that hold over all looks.

Knows no metric, no claim and no direction: the caller turns values so that higher is worse.

The data are looked at after fixed numbers of windows. Each look makes an interval, and the first that
lies wholly on one side of the limit ends the matter. Jennison and Turnbull's (1989) repeated confidence
intervals: all of them together miss the truth, on either side, with at most ``error``. A look spends of
that error in proportion to its windows (Lan and DeMets 1983). The bounds are those of Student's t itself,
exact for any spread, and not a normal bound carried over: at four windows that would err by a seventh more.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from fairlead.stats.estimates import Floats, t_quantile


@dataclasses.dataclass(frozen=True, slots=True)
class Looks:
    """After how many windows the data are looked at, rising from 2 on, and what each side may err in all."""

    windows: tuple[int, ...]
    error: float

    @property
    def levels(self) -> tuple[float, ...]:
        """The one-sided significance level of each look."""
        return _levels(self.windows, self.error)


_CELLS = 400
_ROUNDING = 1e-12  # logarithms that agree this closely agree
_FINE = np.linspace(-math.pi / 2, math.pi / 2, 4001)


@functools.lru_cache
def _levels(windows: tuple[int, ...], error: float) -> tuple[float, ...]:
    """The level of each look at which a t test of a mean that is at its limit crosses as often as is due.

    Of n independent normal values with mean 0 let v be their sum over the root of their sum of squares. It is
    independent of that sum of squares (Basu), so v is a Markov chain in which the spread drops out: the next
    value over that root is t / sqrt(n) whatever v was. With v = sqrt(n) cos(angle) the t statistic is
    sqrt(n - 1) / tan(angle). The chain, where no bound was crossed, is carried on in cells of angle.
    """
    edges = np.linspace(0, math.pi, _CELLS + 1)[1:-1]
    above = special.stdtr(windows[0] - 1, -math.sqrt(windows[0] - 1) / np.tan(edges))
    levels, spent = list[float](), 0.0
    for count in range(windows[0], windows[-1] + 1):
        bound, alive = 0.0, 1 - spent
        if count in windows:
            due = error * count / windows[-1]
            bound, spent = float(np.interp(due - spent, above, edges)), due
            levels.append(float(special.stdtr(count - 1, -math.sqrt(count - 1) / math.tan(bound))))
        cells = np.linspace(bound, math.pi, _CELLS + 1)
        whole = np.concatenate([[0.0], above, [alive]])
        mass = np.diff(np.interp(cells, np.concatenate([[0.0], edges, [math.pi]]), whole))
        middles = math.sqrt(count) * np.cos((cells[1:] + cells[:-1]) / 2)
        above = _chances_above(math.sqrt(count + 1) * np.cos(edges), middles, count) @ mass
    return tuple(levels)


def _chances_above(bounds: Floats, sums: Floats, count: int) -> Floats:
    """(bounds, sums): how likely v is above a bound one window after it was so after ``count`` windows.

    With the next value over the root = tan(x) the new v is R cos(x - atan2(1, v)), R = sqrt(1 + v²).
    """
    reach = np.arccos(np.clip(bounds[:, None] / np.sqrt(1 + sums * sums), -1, 1))
    middle = np.arctan2(1.0, sums)

    known = special.stdtr(count, math.sqrt(count) * np.tan(_FINE))

    def below(x: Floats) -> Floats:
        return np.asarray(np.interp(x, _FINE, known), dtype=np.float64)

    wrapped = below(middle + reach - 2 * math.pi)  # reach may go round the circle
    return np.asarray(below(middle + reach) - below(middle - reach) + wrapped)


# -- means ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """Means with their standard errors, (samples,) each, and the degrees of freedom of the errors."""

    value: Floats
    error: Floats
    degrees: int

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """The lower and the upper bound, each wrong with this chance.

        Values that never vary leave no spread to judge by: they are bounded only where the signs of so many
        values are as rare as that, and infinitely wide before.
        """
        steady = 0.0 if 0.5 ** (self.degrees + 1) <= level else math.inf
        reach = np.where(self.error > _ROUNDING, t_quantile(1 - level, self.degrees) * self.error, steady)
        return self.value - reach, self.value + reach


@dataclasses.dataclass(frozen=True, slots=True)
class Usual:
    """What a covariate is in the long run: its mean over so many windows and their standard deviation, of all
    samples or (samples,) of each."""

    mean: float | Floats
    spread: float | Floats
    windows: int


def mean_of(values: Floats) -> Mean:
    """The mean of each sample; ``values`` (samples, windows), at least two windows."""
    count = values.shape[1]
    error = np.std(values, axis=1, ddof=1) / math.sqrt(count)
    return Mean(values.mean(axis=1), error, count - 1)


def adjusted_mean_of(values: Floats, covariate: Floats, usual: Usual) -> Mean:
    """The mean that the values would have where the covariate is as usual; both (samples, windows).

    The regression estimator of double sampling (Cochran 1977, 12.3): the covariate's own long-run
    mean comes from ``usual``, other windows by and large. Its error is part of the mean's error. Four
    windows at least.
    """
    count = values.shape[1]
    apart = covariate - covariate.mean(axis=1, keepdims=True)
    squares = (apart * apart).sum(axis=1)
    steady = squares <= count * _ROUNDING**2  # a covariate that never varies says nothing
    slope = np.where(steady, 0.0, (apart * values).sum(axis=1) / np.where(steady, 1.0, squares))
    away = np.where(steady, 0.0, covariate.mean(axis=1) - usual.mean)
    rest = values - values.mean(axis=1, keepdims=True) - slope[:, None] * apart
    noise = (rest * rest).sum(axis=1) / (count - 2)
    variance = noise * (1 / count + away * away / np.where(steady, 1.0, squares))
    variance += (slope * usual.spread) ** 2 / usual.windows
    return Mean(values.mean(axis=1) - slope * away, np.sqrt(variance), count - 2)


def shorter_bounds(
    values: Floats, covariate: Floats, usual: Usual, level: float
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """The bounds of the mean or of the adjusted mean, whichever are closer; and whether it is the adjusted.

    A covariate that has nothing in common with the values, or is far from what is usual and hardly varies,
    makes bounds wide; then it is left alone. Choosing errs more often than ``level``, by up to a fifth.
    """
    low, high = mean_of(values).bounds(level)
    adjusted_low, adjusted_high = adjusted_mean_of(values, covariate, usual).bounds(level)
    closer = np.asarray(adjusted_high - adjusted_low < high - low, dtype=np.bool_)
    return np.where(closer, adjusted_low, low), np.where(closer, adjusted_high, high), closer


# -- shares --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Clustering:
    """How alike outcomes of one window are taken to be until windows say more; it weighs as so many."""

    correlation: float
    windows: int


def share_tails(
    hits: Sequence[int], totals: Sequence[int], share: float, assumed: Clustering
) -> tuple[float, float]:
    """The chance of so few hits or fewer, and of so many or more, were ``share`` the true one.

    Hits of one window are alike: beta-binomial, with what is assumed until windows with hits say more. The
    chances are exact for the sum over windows at that correlation.
    """
    alike = _correlation(np.asarray(hits, np.float64), np.asarray(totals, np.float64), assumed)
    chances = _sum_distribution(share, totals, alike)
    seen = sum(hits)
    return float(chances[: seen + 1].sum()), float(chances[seen:].sum())


def share_bounds(
    hits: Sequence[int], totals: Sequence[int], level: float, assumed: Clustering
) -> tuple[float, float]:
    """The lower and the upper bound of a share, each wrong with the chance ``level``: :func:`share_tails`
    turned round."""
    from scipy import optimize  # it takes a quarter of a second to import, and few commands come here

    tiny, low, high = 1e-9, 0.0, 1.0
    if sum(hits) > 0:
        low = optimize.brentq(
            lambda share: share_tails(hits, totals, share, assumed)[1] - level, tiny, 1 - tiny, xtol=1e-6
        )
    if sum(hits) < sum(totals):
        high = optimize.brentq(
            lambda share: share_tails(hits, totals, share, assumed)[0] - level, tiny, 1 - tiny, xtol=1e-6
        )
    return float(low), float(high)


def _correlation(hits: Floats, totals: Floats, assumed: Clustering) -> float:
    share = float(hits.sum() / totals.sum())
    telling = min(int((hits > 0).sum()), int((hits < totals).sum()))
    if not 0 < share < 1 or len(hits) < 2:
        return assumed.correlation
    size = float((totals * totals).sum() / totals.sum())
    effect = float(((hits - share * totals) ** 2).sum() / totals.sum() / (share * (1 - share)))
    effect *= len(hits) / (len(hits) - 1)
    seen = min(max((effect - 1) / max(size - 1, 1.0), 0.0), 0.99)
    mixed = (assumed.windows * assumed.correlation + telling * seen) / (assumed.windows + telling)
    return max(mixed, seen)  # one window that was lost whole is one event, and no proof of a rate


def _sum_distribution(share: float, totals: Sequence[int], correlation: float) -> Floats:
    """The chance of 0, 1, 2 ... hits in all windows together."""
    length = sum(totals) + 1
    transform = np.ones(length // 2 + 1, dtype=np.complex128)
    for total, count in collections.Counter(totals).items():
        transform *= np.fft.rfft(_window_distribution(share, total, correlation), length) ** count
    return np.asarray(np.clip(np.fft.irfft(transform, length), 0.0, 1.0), dtype=np.float64)


def _window_distribution(share: float, total: int, correlation: float) -> Floats:
    count = np.arange(total + 1)
    ways = -special.betaln(count + 1, total - count + 1) - math.log(total + 1)
    if correlation <= 0:
        return np.asarray(np.exp(ways + special.xlogy(count, share) + special.xlog1py(total - count, -share)))
    scale = (1 - correlation) / correlation
    a, b = share * scale, (1 - share) * scale
    return np.asarray(np.exp(ways + special.betaln(count + a, total - count + b) - special.betaln(a, b)))
