"""Ratios of sums and means over windows, with their intervals. Knows no metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fairlead.stats.estimates import Estimate, IntervalRules, design_of, t_quantile


def ratio_estimate(
    numerators: Sequence[float],
    denominators: Sequence[float],
    *,
    n: int,
    strata: Sequence[int],
    rules: IntervalRules,
) -> Estimate:
    """A ratio of sums over windows, such as cost per token, every sampled hour weighing alike.

    One non-negative sum of each kind a window; ``n``: the requests behind them. A window whose
    denominator is zero still counts: what failed calls cost is paid. The interval is that of the
    ratio's logarithm: t with windows - joined hours degrees of freedom, the variance between
    windows linearised.
    """
    if not len(numerators) or not any(denominators):
        return Estimate(None, None, None, n, len(numerators), "no window gives the figure")
    design = design_of(strata, np.ones(len(numerators)), rules.stratum_windows_min)
    above = design.weights * np.asarray(numerators, dtype=np.float64)
    below = design.weights * np.asarray(denominators, dtype=np.float64)
    ratio = float(above.sum() / below.sum())
    if len(above) < 2:
        return Estimate(ratio, None, None, n, 1, "one window gives no interval")
    if not ratio:
        return Estimate(0.0, 0.0, 0.0, n, len(above))
    error = math.sqrt(design.variance((above - ratio * below) / below.sum())) / ratio
    reach = math.exp(t_quantile((1 + rules.confidence) / 2, design.degrees) * error)
    return Estimate(ratio, ratio / reach, ratio * reach, n, len(above))


def mean_estimate(
    values: Sequence[float], *, n: int, strata: Sequence[int], rules: IntervalRules
) -> Estimate:
    """The mean of one non-negative value a window, such as throughput, every sampled hour weighing alike.

    A ratio of sums whose denominators are one, with its interval. ``n``: the requests behind them.
    """
    return ratio_estimate(values, [1.0] * len(values), n=n, strata=strata, rules=rules)
