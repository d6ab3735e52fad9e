"""Write statistics.json: what scipy, and the published formulas by the long way, say of fixed data.

Run by hand, never by the tests: ``python pipeline/tests/reference/make_statistics.py``. It shares no
code with fairlead.stats, whose functions are built on scipy.special alone.
"""

from __future__ import annotations

import itertools
import json
import math
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


def stratified(scores: list[float], groups: list[int]) -> tuple[float, int]:
    """The variance of a sum over windows from the spread inside groups, and windows - groups."""
    variance = 0.0
    for group in set(groups):
        held = [score for score, other in zip(scores, groups, strict=True) if other == group]
        mean = sum(held) / len(held)
        variance += len(held) / (len(held) - 1) * sum((score - mean) ** 2 for score in held)
    return variance, len(groups) - len(set(groups))


def weights_of(strata: list[int], attempts: list[int]) -> list[float]:
    """Of one attempt of each window: its stratum's equal part, shared by the stratum's attempts."""
    return [
        1 / len(set(strata)) / sum(a for a, other in zip(attempts, strata, strict=True) if other == stratum)
        for stratum in strata
    ]


RATIOS = [
    {"above": [410.0, 395.0, 402.5, 388.0, 415.5], "below": [1.0] * 5, "strata": [0] * 5, "groups": [0] * 5},
    {"above": [1.0, 2.0], "below": [1.0, 1.0], "strata": [3, 9], "groups": [0, 0]},
    {
        "above": [5.0, 5.5, 9.0, 4.5, 6.0, 7.5, 2.0],
        "below": [1.0, 1.1, 1.5, 0.0, 1.2, 1.4, 0.5],
        "strata": [0, 0, 1, 2, 2, 3, 4],
        "groups": [0, 0, 0, 1, 1, 1, 1],
    },
]


def ratios() -> list[dict[str, object]]:
    cases = []
    for case in RATIOS:
        strata, groups = case["strata"], case["groups"]
        weights = weights_of(strata, [1] * len(strata))
        above = sum(w * a for w, a in zip(weights, case["above"], strict=True))
        below = sum(w * b for w, b in zip(weights, case["below"], strict=True))
        ratio = above / below
        scores = [
            w * (a - ratio * b) / below for w, a, b in zip(weights, case["above"], case["below"], strict=True)
        ]
        variance, degrees = stratified(scores, groups)
        reach = float(stats.t.ppf(0.975, degrees)) * math.sqrt(variance) / ratio
        cases.append(
            {**case, "ratio": ratio, "low": ratio * math.exp(-reach), "high": ratio * math.exp(reach)}
        )
    return cases


SHARES = [
    {"good": [27] * 24, "sizes": [30] * 24, "strata": [0] * 24, "groups": [0] * 24},
    {"good": [30] * 24, "sizes": [30] * 24, "strata": list(range(24)), "groups": [h // 3 for h in range(24)]},
    {"good": [30, 30], "sizes": [30, 30], "strata": [0, 12], "groups": [0, 0]},
    {
        "good": [0, 0, 18, *[30] * 21],
        "sizes": [30] * 24,
        "strata": [h // 3 for h in range(24)],
        "groups": [h // 3 for h in range(24)],
    },
    {
        "good": [28, 10, 30, 25, 30, 29, 12],
        "sizes": [30, 10, 30, 30, 30, 30, 20],
        "strata": [0, 0, 1, 2, 2, 3, 4],
        "groups": [0, 0, 0, 1, 1, 1, 1],
    },
]
CORRELATION, CORRELATION_WINDOWS = 0.06, 4


def effective(share: float, sample: float, n: int, degrees: float) -> tuple[float, float]:
    """Korn and Graubard: Clopper and Pearson on the effective sample, shrunk for its degrees of freedom."""
    shrink = min(1.0, float(stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, degrees))) ** 2
    hits, misses = share * sample * shrink, (1 - share) * sample * shrink
    low = float(stats.beta.ppf(0.025, hits, misses + 1)) if hits else 0.0
    high = float(stats.beta.ppf(0.975, hits + 1, misses)) if misses else 1.0
    return low, high


def shares() -> list[dict[str, object]]:
    cases = []
    for case in SHARES:
        good, sizes, groups = case["good"], case["sizes"], case["groups"]
        weights = weights_of(case["strata"], sizes)
        share = sum(w * g for w, g in zip(weights, good, strict=True))
        share = 1.0 if good == sizes else share
        scores = [w * (g - share * n) for w, g, n in zip(weights, good, sizes, strict=True)]
        variance, degrees = stratified(scores, groups)
        squares = sum(w * w * n for w, n in zip(weights, sizes, strict=True))
        size = sum(w * w * n * n for w, n in zip(weights, sizes, strict=True)) / squares
        seen = variance / (share * (1 - share) * squares) if 0 < share < 1 else 1.0
        telling = min(sum(g < n for g, n in zip(good, sizes, strict=True)), sum(g > 0 for g in good), degrees)
        assumed = 1 + (size - 1) * CORRELATION
        effect = (CORRELATION_WINDOWS * assumed + telling * seen) / (CORRELATION_WINDOWS + telling)
        sample = 1 / squares / max(effect, seen, 1.0)
        low, high = effective(share, sample, sum(sizes), CORRELATION_WINDOWS + degrees)
        cases.append({**case, "share": share, "low": low, "high": high})
    return cases


def tail_clustering() -> list[dict[str, float]]:
    """Correlations of lying below a quantile, from scipy's bivariate normal distribution."""
    cases = []
    for rho, q in itertools.product((0.0, 0.1, 0.4, 0.9), (0.5, 0.9, 0.95, 0.99)):
        z = stats.norm.ppf(q)
        both = stats.multivariate_normal.cdf([z, z], cov=[[1, rho], [rho, 1]], abseps=1e-12, releps=1e-12)
        median = 2 / math.pi * math.asin(rho)
        cases.append({"q": q, "median": median, "tail": float((both - q * q) / (q * (1 - q)))})
    return cases


def window_values(window: int) -> list[float]:
    """Fixed values without a pattern in common; every fifth window is slower."""
    return [
        round(
            100 * (1.3 if window % 5 == 0 else 1.0) * math.exp(0.3 * math.sin(7.1 * window + 2.3 * place)), 6
        )
        for place in range(30 - window % 3)
    ]


def quantile_intervals() -> list[dict[str, object]]:
    """24 windows in eight hours, 30 attempts each, some failed: Woodruff's interval by the long way."""
    windows, strata = [window_values(window) for window in range(24)], [window // 3 for window in range(24)]
    weights, counts = weights_of(strata, [30] * 24), [len(window) for window in windows]
    total = sum(w * m for w, m in zip(weights, counts, strict=True))
    order = sorted((value, window) for window, values in enumerate(windows) for value in values)

    def at(share: float) -> float:
        reached = 0.0
        for value, window in order:
            reached += weights[window] / total
            if reached >= share - 1e-9:
                return value
        return order[-1][0]

    squares = sum(w * w * m for w, m in zip(weights, counts, strict=True)) / total**2
    size = sum((w * m) ** 2 for w, m in zip(weights, counts, strict=True)) / total**2 / squares

    def spread(value: float) -> tuple[float, list[int]]:
        hits = [sum(one <= value for one in window) for window in windows]
        share = sum(w * h for w, h in zip(weights, hits, strict=True)) / total
        scores = [w * (h - share * m) / total for w, h, m in zip(weights, hits, counts, strict=True)]
        return stratified(scores, strata)[0], hits

    def evenness(shares: list[float]) -> float:
        return sum(shares) ** 2 / sum(share * share for share in shares)

    below = sum(w * sum(v <= at(0.5) for v in vs) for w, vs in zip(weights, windows, strict=True)) / total
    median = (spread(at(0.5))[0] / (below * (1 - below)) / squares - 1) / (size - 1)
    rho = math.sin(math.pi / 2 * min(max(median, 0.0), 1.0))
    cases = []
    for q in (0.05, 0.5, 0.9, 0.95):
        value, z = at(q), stats.norm.ppf(q)
        both = stats.multivariate_normal.cdf([z, z], cov=[[1, rho], [rho, 1]], abseps=1e-12, releps=1e-12)
        expected = q * (1 - q) * squares * (1 + (size - 1) * float(both - q * q) / (q * (1 - q)))
        seen, hits = spread(value)
        above = [w * (m - h) for w, h, m in zip(weights, hits, counts, strict=True)]
        holding = min(evenness([w * h for w, h in zip(weights, hits, strict=True)]), evenness(above))
        degrees = 1 / (1 / 16 + 0.5 / holding - 0.5 / 24)
        variance = max((degrees * seen + 16 * expected) / (degrees + 16), q * (1 - q) * squares)
        low, high = effective(q, q * (1 - q) / variance, sum(counts), degrees)
        cases.append({"q": q, "value": value, "low": at(low), "high": at(high)})
    return [{"windows": windows, "strata": strata, "cases": cases}]


def paired() -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "first": first,
            "second": second,
            "p": float(test.pvalue),
            "low": float(np.exp(test.confidence_interval(0.95).low)),
            "high": float(np.exp(test.confidence_interval(0.95).high)),
        }
        for name, (first, second) in PAIRS.items()
        for test in [stats.ttest_rel(np.log(first), np.log(second))]
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
        "ratios": ratios(),
        "shares": shares(),
        "tail_clustering": tail_clustering(),
        "quantile_intervals": quantile_intervals(),
        "paired": paired(),
        "holm": [
            {"p_values": values, "family_error": error, "rejected": closed_testing(values, error)}
            for values in P_VALUES
            for error in (0.05, 0.1)
        ],
        "quantiles": quantiles(),
    }
    Path(__file__).with_name("statistics.json").write_text(
        json.dumps(literals, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
