"""Write drift.json: what scipy says of the trend of fixed series of days.

Run by hand, never by the tests: ``python pipeline/tests/reference/make_drift.py``. It shares no code with
fairlead.profile. Scipy's p-value of Kendall's tau has no correction for continuity and none for neighbouring
days that resemble each other: its standard deviation is taken back from it, and both are put on.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy import stats


def series() -> dict[str, tuple[list[int], list[float]]]:
    """Days and natural logarithms of a figure."""
    rng = np.random.default_rng(28)
    days = np.arange(20)
    alternating = 0.01 * days + 0.05 * (-1.0) ** days + rng.normal(0, 0.01, 20)
    gaps = np.sort(rng.choice(60, 25, replace=False))
    walk = np.cumsum(rng.normal(0, 0.05, 30)) + 5
    tied = np.round(4 + 0.02 * days[:16] + rng.normal(0, 0.1, 16), 1)
    return {
        "rising, neighbours opposed": (days.tolist(), alternating.tolist()),
        "falling, days missing": (gaps.tolist(), (5 - 0.01 * gaps + rng.normal(0, 0.1, 25)).tolist()),
        "neighbours alike": (list(range(30)), walk.tolist()),
        "ties": (days[:16].tolist(), tied.tolist()),
        "noise": (days.tolist(), rng.normal(0, 1, 20).tolist()),
    }


def persistence(days: np.ndarray[Any, Any], values: np.ndarray[Any, Any], slope: float) -> float:
    """Serial correlation of detrended ranks, corrected for its bias in a short series, between 0 and 0.95."""
    n = len(values)
    ranks = stats.rankdata(np.round(values - slope * days, 12))
    centred = ranks - ranks.mean()
    correlation = sum(a * b for a, b in zip(centred[1:], centred[:-1], strict=True)) / sum(centred**2)
    return min(max((n * correlation + 2) / (n - 4), 0.0), 0.95)


def case(name: str, days: list[int], logarithms: list[float]) -> dict[str, Any]:
    x, y = np.array(days, dtype=float), np.array(logarithms)
    slope = float(stats.theilslopes(y, x).slope)
    tau = stats.kendalltau(x, y, method="asymptotic")
    pairs = [(i, j) for j in range(len(y)) for i in range(j)]
    rises = sum(int(np.sign(y[j] - y[i])) for i, j in pairs)
    deviation = abs(rises) / stats.norm.isf(tau.pvalue / 2)
    r = persistence(x, y, slope)
    deviation *= math.sqrt((1 + r) / (1 - r))
    return {
        "name": name,
        "days": days,
        "logarithms": logarithms,
        "slope": slope,
        "persistence": r,
        "p": float(2 * stats.norm.sf((abs(rises) - 1) / deviation)),
    }


def main() -> None:
    """Write the file beside this one."""
    literals = {"scipy": scipy.__version__, "cases": [case(name, *pair) for name, pair in series().items()]}
    Path(__file__).with_name("drift.json").write_text(json.dumps(literals, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
