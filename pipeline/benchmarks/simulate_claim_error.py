"""What a verdict would come to if the error of the claim's own windows entered it.

A claim of 12 windows is held against its rerun in three ways: its figure taken *as stated* (as it is
done); its standard error added to *both* ends of the rerun's interval; added to the end *against* the claim
alone, at which it is reproduced. ``true``: the provider stated what it had measured, times a constant.
``calm`` and ``wild``: the raw windows were made up with no spread, or with one of 30 %.

Run: ``python pipeline/benchmarks/simulate_claim_error.py [--submissions 20000] [--seed 40]``
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from scipy import special

from fairlead.model import StoppingRules
from fairlead.repository import load_repository
from fairlead.stats.sequential import Looks, mean_of

CLAIM_WINDOWS = 12
SPREADS = (0.05, 0.10)
CLAIMS = (
    (0.0, None),
    (0.05, None),
    (0.10, None),
    (0.15, None),
    (0.20, None),
    (0.20, 0.0),
    (0.20, 0.3),
    (0.30, 0.3),
)  # overstated by, and the spread of raw windows that were made up
WAYS = ("stated", "both", "against")


def decide(worse: np.ndarray, error: np.ndarray, way: str, limit: float, stopping: StoppingRules) -> tuple:
    """(state, windows) of each submission: 1 reproduced, -1 not, 0 open."""
    state = np.zeros(len(worse), dtype=int)
    windows = np.full(len(worse), stopping.looks[-1])
    looks = Looks(stopping.looks, stopping.error_share)
    for count, level in zip(looks.windows, looks.levels, strict=True):
        low, high = mean_of(worse[:, :count]).bounds(level)
        middle, half = (low + high) / 2, (high - low) / 2
        wider = np.hypot(half, special.stdtrit(CLAIM_WINDOWS - 1, 1 - level) * error)
        top = middle + (half if way == "stated" else wider)
        bottom = middle - (wider if way == "both" else half)
        says = np.where(top <= limit, 1, np.where(bottom > limit, -1, 0))
        new = (state == 0) & (says != 0)
        state[new], windows[new] = says[new], count
    return state, windows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=40)
    options = parser.parse_args()
    many, rng = options.submissions, np.random.default_rng(options.seed)
    repository, _ = load_repository(Path(__file__).parents[2])
    rules = repository.methodologies["1.0.0-rc"].verdict
    assert rules.stopping is not None
    limit = math.log1p(rules.latency_margin_share)
    print("spread  overstated  raw windows  way      reproduced  not  windows  wrong")
    for spread in SPREADS:
        for overstated, made_up in CLAIMS:
            own = spread * rng.standard_normal((many, CLAIM_WINDOWS))
            luck, error = own.mean(axis=1), own.std(axis=1, ddof=1) / math.sqrt(CLAIM_WINDOWS)
            if made_up is not None:
                luck, error = np.zeros(many), np.full(many, made_up / math.sqrt(CLAIM_WINDOWS))
            truth = math.log1p(overstated) - luck
            noise = spread * rng.standard_normal((many, rules.stopping.looks[-1]))
            for way in WAYS:
                state, windows = decide(truth[:, None] + noise, error, way, limit, rules.stopping)
                good, bad = state == 1, state == -1
                wrong = max((good & (truth >= limit)).mean(), (bad & (truth <= limit)).mean())
                raw = "true" if made_up is None else "wild" if made_up else "calm"
                print(
                    f"{spread:6.0%}  {overstated:10.0%}  {raw:11}  {way:7}  {good.mean():10.3f}  "
                    f"{bad.mean():.3f}  {windows.mean():7.1f}  {wrong:.4f}"
                )


if __name__ == "__main__":
    main()
