"""Quantiles, intervals and paired comparisons whose unit is the window. Knows no provider and no file.

Requests inside a window are not independent, so an interval is never made from requests alone: the
spread between windows decides. What is estimated is the *equal-hour mixture*: a request that is as
likely to be made in any of the sampled strata of the day (hours). Degenerate data has a stated
reason, never a number.

Confidence, error rates and ``q`` lie strictly between 0 and 1. Values are not NaN. ``strata`` holds
one whole number a window, in the order of the day; neighbours are neighbours in time.
"""

from fairlead.stats.estimates import Estimate, Floats, IntervalRules
from fairlead.stats.paired import Comparison, Family, compare, compare_family, holm
from fairlead.stats.quantiles import (
    adjusted_quantile_estimates,
    distribution,
    quantile,
    quantile_estimates,
    quantile_sample_min,
)
from fairlead.stats.rates import exact_interval, share_estimate
from fairlead.stats.ratios import mean_estimate, ratio_estimate

__all__ = [
    "Comparison",
    "Estimate",
    "Family",
    "Floats",
    "IntervalRules",
    "adjusted_quantile_estimates",
    "compare",
    "compare_family",
    "distribution",
    "exact_interval",
    "holm",
    "mean_estimate",
    "quantile",
    "quantile_estimates",
    "quantile_sample_min",
    "ratio_estimate",
    "share_estimate",
]
