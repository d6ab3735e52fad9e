"""Comparisons paired by round, alone and in families. Knows no metric and not which way is better."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from fairlead.stats.estimates import Floats, t_quantile

Flags = npt.NDArray[np.bool_]

# Ratios that agree this closely agree: it is far below what a nanosecond is of any latency.
_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """The typical ratio of one row to another, with its interval, from so many shared rounds.

    All numbers are None where they cannot be computed; ``reason`` then says why. Only ``p_value`` is
    given where the ratio never varies: there is no spread to make an interval of.
    """

    ratio: float | None
    low: float | None
    high: float | None
    p_value: float | None
    rounds: int
    reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Every two rows of a family, compared at one family-wise error.

    ``p_values`` (rows, rows) is symmetric, NaN where two rows cannot be compared, on the diagonal
    too. ``lower[i, j]``: row i is significantly lower than row j.
    """

    p_values: Floats
    lower: Flags


def compare(first: Sequence[float], second: Sequence[float], *, confidence: float) -> Comparison:
    """Two rows paired by round: the geometric mean of their ratios, its interval and two-sided p-value.

    A t test on the logarithms of the ratios. The hour, and all that the rivals of a round share, cancels;
    windows of different rounds are taken to be independent. By simulation it errs no more often
    than it says, and a sign-flip test, which needs no shape of the noise, cannot reach Holm's first
    step among eight rows in fewer than eleven rounds.

    A constant ratio other than 1 leaves no spread to judge by and gives the least p-value that
    signs can: 2 ** (1 - rounds). Two rounds at least; values that are not positive and finite
    cannot be compared.

    Raises:
        ValueError: the two differ in length.
    """
    ours, theirs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise ValueError(f"{ours.size} values paired with {theirs.size}")
    rounds = len(ours)
    if rounds < 2:
        return Comparison(None, None, None, None, rounds, f"{rounds} shared rounds, 2 are needed")
    if not _comparable(np.concatenate([ours, theirs])).all():
        return Comparison(None, None, None, None, rounds, "a value that is zero or infinite has no ratio")
    ratios = np.log(ours) - np.log(theirs)
    mean, error = float(ratios.mean()), float(ratios.std(ddof=1) / math.sqrt(rounds))
    p_value = float(_p_values(np.array([mean]), np.array([error]), np.array([rounds]))[0])
    if error < _ROUNDING:
        return Comparison(math.exp(mean), None, None, p_value, rounds, "the ratio is the same in every round")
    reach = t_quantile((1 + confidence) / 2, rounds - 1) * error
    low, high = math.exp(mean - reach), math.exp(mean + reach)
    return Comparison(math.exp(mean), low, high, p_value, rounds)


def compare_family(values: Floats, *, rounds_min: int, family_error: float) -> Family:
    """Every two rows of ``values`` (rows, rounds) compared as :func:`compare` does, by Holm's method.

    NaN: the row was not measured in the round. Two rows are compared over the rounds that they
    share, from ``rounds_min`` (at least 2) on, and only where all values there have a ratio.
    """
    rows = len(values)
    measured, sound = ~np.isnan(values), _comparable(values)
    logs = np.log(values, where=sound, out=np.full(values.shape, np.nan))
    p_values, means = np.full((rows, rows), np.nan), np.zeros((rows, rows))
    for row in range(rows - 1):
        shared = measured[row] & measured[row + 1 :]
        count = shared.sum(axis=1)
        fit = (count >= max(rounds_min, 2)) & (shared <= (sound[row] & sound[row + 1 :])).all(axis=1)
        ratios = np.where(shared, logs[row] - logs[row + 1 :], 0.0)[fit]
        shared, count, rivals = shared[fit], count[fit], row + 1 + np.flatnonzero(fit)
        mean = ratios.sum(axis=1) / count
        apart = np.where(shared, ratios - mean[:, None], 0.0)
        error = np.sqrt((apart * apart).sum(axis=1) / (count - 1) / count)
        p_values[row, rivals] = p_values[rivals, row] = _p_values(mean, error, count)
        means[row, rivals], means[rivals, row] = mean, -mean
    upper = np.triu_indices(rows, 1)
    apart_by_holm = np.zeros((rows, rows), dtype=np.bool_)
    apart_by_holm[upper] = holm(p_values[upper], family_error=family_error)
    return Family(p_values, (apart_by_holm | apart_by_holm.T) & (means < 0))


def _comparable(values: Floats) -> Flags:
    return np.asarray(np.isfinite(values) & (values > 0), dtype=np.bool_)


def _p_values(means: Floats, errors: Floats, rounds: npt.NDArray[np.intp]) -> Floats:
    steady, equal = errors < _ROUNDING, np.abs(means) < _ROUNDING
    tests = 2 * special.stdtr(rounds - 1, -np.abs(means) / np.where(steady, 1.0, errors))
    signs = np.where(equal, 1.0, np.exp2(1.0 - rounds))
    return np.asarray(np.where(steady, signs, tests), dtype=np.float64)


def holm(p_values: Sequence[float] | Floats, *, family_error: float) -> Flags:
    """Which hypotheses Holm's step-down method (1979) rejects at this family-wise error.

    The smallest p-value is held against error / m, the next against error / (m - 1), and so on
    until one stands; it and all larger ones are kept. NaN is no hypothesis and does not count in m.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")  # NaN last
    hypotheses = np.count_nonzero(~np.isnan(values))
    steps = family_error / np.arange(hypotheses, 0, -1)
    passed = np.logical_and.accumulate(values[order[:hypotheses]] <= steps)
    rejected = np.zeros(len(values), dtype=np.bool_)
    rejected[order[:hypotheses][passed]] = True
    return rejected
