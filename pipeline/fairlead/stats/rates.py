"""Shares over windows, such as the success rate, with their intervals. Knows no metric."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from fairlead.stats.estimates import Estimate, IntervalRules, design_of, t_quantile


def share_estimate(
    successes: Sequence[int], totals: Sequence[int], *, strata: Sequence[int], rules: IntervalRules
) -> Estimate:
    """A share over windows, every sampled hour weighing alike, with an exact interval.

    Clopper and Pearson's interval on the effective sample of Korn and Graubard (1998): n / design
    effect, which is the variance between windows over that of independent requests, at least 1.

    Only windows that hold the rarer outcome show how it clusters, and near 100 % there are few or
    none. So the design effect is the one seen, but at least a mean of two: the one seen, weighing as
    many windows as hold that outcome (at most windows - joined hours), and the one that the
    methodology assumes. A run without
    a failure is thus not taken for proof that none ever clusters, nor for a sign that all do.
    What no window saw is not in the interval: an outage that comes seldom and takes whole windows.
    """
    good, sizes = np.array(successes, dtype=np.float64), np.array(totals, dtype=np.float64)
    made = sizes > 0
    good, sizes, windows = good[made], sizes[made], int(made.sum())
    if not windows:
        return Estimate(None, None, None, 0, 0, "no request")
    places = [stratum for stratum, is_made in zip(strata, made, strict=True) if is_made]
    design, n = design_of(places, sizes, rules.stratum_windows_min), int(sizes.sum())
    share, rest = float(design.weights @ good), float(design.weights @ (sizes - good))
    value = share if share < rest else 1 - rest
    if windows < 2:
        return Estimate(value, None, None, n, 1, "one window gives no interval")
    independent, spread = design.effective_sample(sizes), value * (1 - value)
    variance = design.variance(design.weights * (good - value * sizes))
    seen = variance / spread * independent if spread > 0 else 1.0
    assumed = 1 + (design.effective_size(sizes) - 1) * rules.failure_correlation
    prior = rules.failure_correlation_windows
    telling = min(int((good < sizes).sum()), int((good > 0).sum()), design.degrees)
    effect = max(1.0, seen, (prior * assumed + telling * seen) / (prior + telling))
    low, high = effective_interval(
        value, independent / effect, n=n, degrees=prior + design.degrees, confidence=rules.confidence
    )
    return Estimate(value, low, high, n, windows)


def effective_interval(
    share: float, sample: float, *, n: int, degrees: float, confidence: float
) -> tuple[float, float]:
    """Korn and Graubard's (1998) interval of a share: exact on an effective sample.

    The sample is shrunk once more by the squared ratio of the t quantiles of n - 1 and of the
    ``degrees`` that the design effect is known with.
    """
    upper = (1 + confidence) / 2
    narrow = t_quantile(upper, max(n - 1, 1))
    sample *= min(1.0, narrow / t_quantile(upper, degrees)) ** 2
    return exact_interval(share * sample, sample, confidence=confidence)


def exact_interval(hits: float, sample: float, *, confidence: float) -> tuple[float, float]:
    """Clopper and Pearson's (1934) interval of a share; ``hits`` of ``sample`` need not be whole."""
    tail, misses = (1 - confidence) / 2, sample - hits
    low = float(special.betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high
