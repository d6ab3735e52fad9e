"""The figures that the board publishes, in their order. Knows no window and no row."""

from __future__ import annotations

import dataclasses
import enum

from fairlead.stats import Estimate

WIDE = "its interval is wider than it could be, by simulation"


class Better(enum.StrEnum):
    """Which way a figure improves."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A published figure: its name ends in its unit; ``metric`` and ``q`` say what it is made from.

    ``is_adjusted``: a failed request counts as infinitely slow. ``is_column``: it has a column of its own on
    a board; the others stand in the data and where a row is shown alone. ``is_wide``: in a simulation its
    interval is much wider than it could be (M-6.6), so no page shows one.
    """

    name: str
    label: str
    better: Better
    metric: str | None = None
    q: float | None = None
    is_adjusted: bool = False
    is_column: bool = True
    is_wide: bool = False


FIGURES: tuple[Figure, ...] = (
    Figure("ttft_p50_ms", "TTFT p50", Better.LOWER, "ttft_ms", 0.50),
    Figure("ttft_p90_ms", "TTFT p90", Better.LOWER, "ttft_ms", 0.90, is_column=False),
    Figure("ttft_p95_ms", "TTFT p95", Better.LOWER, "ttft_ms", 0.95),
    Figure("ttft_p99_ms", "TTFT p99", Better.LOWER, "ttft_ms", 0.99, is_column=False, is_wide=True),
    Figure(
        "ttft_adjusted_p50_ms",
        "TTFT p50, failures as infinitely slow",
        Better.LOWER,
        "ttft_ms",
        0.50,
        is_adjusted=True,
        is_column=False,
    ),
    Figure(
        "ttft_adjusted_p95_ms",
        "TTFT p95, failures as infinitely slow",
        Better.LOWER,
        "ttft_ms",
        0.95,
        is_adjusted=True,
        is_column=False,
        is_wide=True,
    ),
    Figure("e2e_p50_ms", "E2E latency p50", Better.LOWER, "e2e_ms", 0.50),
    Figure("e2e_p95_ms", "E2E latency p95", Better.LOWER, "e2e_ms", 0.95, is_column=False),
    Figure("tpot_p50_ms", "TPOT p50", Better.LOWER, "tpot_ms", 0.50),
    Figure("output_speed_p50_tps", "Output speed p50", Better.HIGHER, "output_speed_tps", 0.50),
    Figure("system_throughput_tps", "System throughput", Better.HIGHER),
    Figure("success_rate", "Success rate", Better.HIGHER),
    Figure("blended_usd_per_mtok", "Blended price", Better.LOWER),
    Figure("usd_per_success", "Cost per success", Better.LOWER, is_column=False),
)

COLUMNS = tuple(figure for figure in FIGURES if figure.is_column)


def sound(figure: Figure, estimate: Estimate) -> Estimate:
    """The same without an interval where that of the figure is known to be wide."""
    return dataclasses.replace(estimate, low=None, high=None, reason=WIDE) if figure.is_wide else estimate
