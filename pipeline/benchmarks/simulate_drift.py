"""How often the test of drift sees a trend that is not there, and how often one that is.

``python pipeline/benchmarks/simulate_drift.py``: a table of shares of simulated rows, at a p-value of 0.05.
Days are normal with standard deviation 1; each resembles the one before by the correlation given. *week*:
two days of seven lie two deviations higher. *rise*: three deviations from the first day to the last.
"""

from __future__ import annotations

import numpy as np

from fairlead import profile

ROWS = 2_000
P = 0.05


def simulate(
    rng: np.random.Generator, days: int, correlation: float, *, week: float, rise: float
) -> np.ndarray:
    values = np.empty(days)
    values[0] = rng.normal()
    for day in range(1, days):
        values[day] = correlation * values[day - 1] + np.sqrt(1 - correlation**2) * rng.normal()
    place = np.arange(days)
    return values + rise * place / days + week * (place % 7 > 4)


def told(values: np.ndarray) -> tuple[bool, bool]:
    """With the factor of days that resemble each other, and without."""
    days = np.arange(len(values), dtype=float)
    slope = profile._theil_sen(days, values)
    persistence = profile._persistence(values - slope * days)
    return profile._mann_kendall(values, persistence) < P, profile._mann_kendall(values, 0.0) < P


def main() -> None:
    rng = np.random.default_rng(28)
    print("| days | correlation | week | false | false without the factor | rise found | without |")
    print("|---|---|---|---|---|---|---|")
    for days in (14, 30, 90):
        for correlation, week in ((0.0, 0.0), (0.0, 2.0), (0.3, 0.0), (0.5, 0.0), (0.7, 0.0)):
            shares = [
                np.mean(
                    [told(simulate(rng, days, correlation, week=week, rise=rise)) for _ in range(ROWS)],
                    axis=0,
                )
                for rise in (0.0, 3.0)
            ]
            cells = " | ".join(f"{share:.3f}" for pair in shares for share in pair)
            print(f"| {days} | {correlation} | {'yes' if week else 'no'} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
