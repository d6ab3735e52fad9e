"""Write statistics.json: what scipy, and brute force where scipy has no answer, say of fixed data.

Run by hand, never by the tests: ``python pipeline/tests/reference/make_statistics.py``. It shares no
code with fairlead.stats, whose functions are built on scipy.special alone.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

PAIRS = {
    "shifted": ([101.0, 98.5, 110.2, 95.1, 104.4, 99.9], [108.0, 103.5, 112.2, 101.1, 109.4, 107.3]),
    "alike": ([101.0, 98.5, 110.2, 95.1], [100.2, 99.5, 108.9, 96.0]),
    "two pairs": ([1.0, 2.0], [1.5, 2.5]),
}
P_VALUES = [
    [0.01, 0.02, 0.03, 0.04, 0.05],
    [0.001, 0.011, 0.02, 0.04],
    [0.01, 0.01, 0.03],
    [0.2, 0.5, 0.9],
    [0.0125, 0.0166, 0.0251, 0.04],
]


def clopper_pearson() -> list[dict[str, float]]:
    cases = []
    for hits, sample, confidence in itertools.product((0, 1, 15, 29, 30), (30,), (0.9, 0.95, 0.99)):
        low, high = stats.binomtest(hits, sample).proportion_ci(confidence, "exact")
        cases.append({"hits": hits, "sample": sample, "confidence": confidence, "low": low, "high": high})
    return cases


def t_intervals() -> list[dict[str, object]]:
    cases = []
    for values in ([410.0, 395.0, 402.5, 388.0, 415.5], [1.0, 2.0], [5.0, 5.5, 9.0, 4.5]):
        mean, error = np.mean(values), stats.sem(values)
        low, high = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error)
        cases.append({"values": values, "mean": float(mean), "low": float(low), "high": float(high)})
    return cases


def paired() -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "first": first,
            "second": second,
            "p": float(stats.ttest_rel(np.log(first), np.log(second)).pvalue),
        }
        for name, (first, second) in PAIRS.items()
    ]


def closed_testing(p_values: list[float], family_error: float) -> list[int]:
    """Reject what every intersection that holds it rejects by Bonferroni: Holm's method, the long way."""
    places = range(len(p_values))
    subsets = [subset for size in places for subset in itertools.combinations(places, size + 1)]
    return [
        place
        for place in places
        if all(
            min(p_values[i] for i in subset) <= family_error / len(subset)
            for subset in subsets
            if place in subset
        )
    ]


def quantiles() -> list[dict[str, object]]:
    sample = [3.2, 1.1, 9.9, 4.4, 4.4, 7.0, 0.3, 12.5, 6.1, 2.8]
    return [
        {
            "values": sample[:n],
            "q": q,
            "value": float(stats.quantile(np.array(sample[:n]), q, method="inverted_cdf")),
        }
        for n in (1, 3, 10)
        for q in (0.05, 0.5, 0.55, 0.95)
    ]


def main() -> None:
    """Write the file beside this one."""
    literals = {
        "scipy": scipy.__version__,
        "clopper_pearson": clopper_pearson(),
        "t_intervals": t_intervals(),
        "paired": paired(),
        "holm": [
            {"p_values": values, "family_error": error, "rejected": closed_testing(values, error)}
            for values in P_VALUES
            for error in (0.05, 0.1)
        ],
        "quantiles": quantiles(),
        "t_975": {str(df): float(stats.t.ppf(0.975, df)) for df in (1, 2, 7, 23, 719)},
    }
    Path(__file__).with_name("statistics.json").write_text(
        json.dumps(literals, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
