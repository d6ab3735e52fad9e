"""The numbers of a row, from the tables of its windows. Knows no provider, no rival and no rank."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from fairlead import cost, stats
from fairlead.metrics import Undefined, WindowTable
from fairlead.model import Methodology, Price
from fairlead.profile import hour_of_day
from fairlead.ranking.evidence import Evidence
from fairlead.ranking.figures import FIGURES, Figure

#: How intervals are made where nothing says it: of a window ad hoc, and under an early draft.
INTERVALS = stats.IntervalRules(
    confidence=0.95,
    stratum_windows_min=3,
    quantile_windows_min=((0.5, 2), (0.9, 12), (0.99, 24)),
    failure_correlation=0.06,
    failure_correlation_windows=4,
)


def interval_rules(methodology: Methodology) -> stats.IntervalRules:
    """What this version says of intervals."""
    stated = methodology.statistics.intervals
    if stated is None:
        return dataclasses.replace(INTERVALS, confidence=methodology.statistics.confidence)
    return stats.IntervalRules(
        confidence=methodology.statistics.confidence,
        stratum_windows_min=stated.stratum_windows_min,
        quantile_windows_min=tuple((rule.q, rule.windows) for rule in stated.quantile_windows_min),
        failure_correlation=stated.failure_correlation,
        failure_correlation_windows=stated.failure_correlation_windows,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """All that the numbers of a row depend on: its windows that count, in order, and what is made of them.

    ``prices``: of the model there. ``ranked``: the figures that rows are compared by.
    ``early_gap_paces_min``: from which wait on a first chunk is early.
    """

    windows: tuple[Evidence, ...]
    rules: stats.IntervalRules
    day_seconds: int
    prices: tuple[Price, ...]
    ranked: tuple[str, ...]
    early_gap_paces_min: float | None = None


def sample_of(items: Sequence[Evidence], methodology: Methodology, prices: Sequence[Price]) -> Sample:
    """What the numbers over these windows depend on, by their methodology."""
    return Sample(
        windows=tuple(item for item in items if not item.invalid),
        rules=interval_rules(methodology),
        day_seconds=methodology.day_seconds,
        prices=tuple(prices),
        ranked=tuple(figure.name for figure in FIGURES if figure.name in methodology.ranking.metrics),
        early_gap_paces_min=methodology.smoothness.early_gap_paces_min if methodology.smoothness else None,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Numbers:
    """The figures of a row; and ``by_round[figure][round]``, the values that it is compared by.

    ``first_gaps``: replies whose first chunk came early, and those of which that can be said.
    """

    figures: dict[str, stats.Estimate]
    by_round: dict[str, dict[str, float]]
    first_gaps: tuple[int, int] = (0, 0)


Estimator: TypeAlias = Callable[[Sequence[Sample]], Sequence[Numbers]]

Fetch: TypeAlias = Callable[[Iterable[Evidence]], None]
"""Told of the windows whose tables are about to be read, one after another."""


def estimate_each(samples: Sequence[Sample]) -> list[Numbers]:
    """The numbers of each sample, made anew; the tables of one at a time are held."""
    return [_numbers_of(sample) for sample in samples]


def _numbers_of(sample: Sample) -> Numbers:
    tables = [item.table for item in sample.windows]
    ranked = [figure for figure in FIGURES if figure.name in sample.ranked]
    return Numbers(
        estimate_figures(tables, sample.rules, day_seconds=sample.day_seconds, prices=sample.prices),
        {figure.name: _value_by_round(tables, figure) for figure in ranked},
        _first_gaps(tables, sample.early_gap_paces_min),
    )


def _first_gaps(tables: Iterable[WindowTable], early_gap_paces_min: float | None) -> tuple[int, int]:
    if early_gap_paces_min is None:
        return 0, 0
    waits = [wait for table in tables for wait in table.values["first_gap_paces"]]
    return sum(wait >= early_gap_paces_min for wait in waits), len(waits)


def estimate_figures(
    tables: Sequence[WindowTable],
    rules: stats.IntervalRules,
    *,
    day_seconds: int,
    prices: Sequence[Price] = (),
) -> dict[str, stats.Estimate]:
    """Every figure over these windows, in the order of :data:`FIGURES`. ``prices``: of the model there."""
    hours = [hour_of_day(table.start_unix_ns, day_seconds) for table in tables]
    requests = [table.requests for table in tables]
    successes = [table.successes for table in tables]
    found = {
        "system_throughput_tps": _throughput(tables, hours, rules),
        "success_rate": stats.share_estimate(successes, requests, strata=hours, rules=rules),
        **_costs(tables, hours, prices, rules),
    }
    for metric, is_adjusted in {(figure.metric, figure.is_adjusted): None for figure in FIGURES}:
        if metric is not None:
            found |= _quantiles(tables, metric, hours, rules, is_adjusted=is_adjusted)
    return {figure.name: found[figure.name] for figure in FIGURES}


def _quantiles(
    tables: Sequence[WindowTable],
    metric: str,
    hours: Sequence[int],
    rules: stats.IntervalRules,
    *,
    is_adjusted: bool,
) -> dict[str, stats.Estimate]:
    """Every figure that is a quantile of this metric; of one sample, so that it is sorted once."""
    made = [figure for figure in FIGURES if (figure.metric, figure.is_adjusted) == (metric, is_adjusted)]
    levels = [figure.q for figure in made if figure.q is not None]
    values = [table.values[metric] for table in tables]
    if is_adjusted:
        failures = [table.requests - table.successes for table in tables]
        found = stats.adjusted_quantile_estimates(
            values, levels, failures=failures, strata=hours, rules=rules
        )
    else:
        requests = [table.requests for table in tables]
        found = stats.quantile_estimates(values, levels, attempts=requests, strata=hours, rules=rules)
    return {figure.name: _finite(estimate) for figure, estimate in zip(made, found, strict=True)}


def _finite(estimate: stats.Estimate) -> stats.Estimate:
    """The same where it is a number; else the reason in its place, for no page and no JSON holds infinity."""
    if estimate.value is not None and not math.isfinite(estimate.value):
        reason = "infinite: so large a share failed"
        return dataclasses.replace(estimate, value=None, low=None, high=None, reason=reason)
    if estimate.high is not None and not math.isfinite(estimate.high):
        reason = "its interval has no upper end: so large a share may fail"
        return dataclasses.replace(estimate, low=None, high=None, reason=reason)
    return estimate


def _costs(
    tables: Sequence[WindowTable], hours: Sequence[int], prices: Sequence[Price], rules: stats.IntervalRules
) -> dict[str, stats.Estimate]:
    """Every figure of cost, over the windows that have a price and a bill."""
    spent = cost.row_cost([(table.start_unix_ns, table.bill) for table in tables], prices)
    given = [place for place, window in enumerate(spent.windows) if isinstance(window, cost.WindowCost)]
    strata = [hours[place] for place in given]
    n = sum(tables[place].requests for place in given)
    found = {}
    for name, figure in spent.figures.items():
        if isinstance(figure, cost.NoCost):
            found[name] = stats.Estimate(None, None, None, 0, 0, figure.reason)
        else:
            found[name] = stats.ratio_estimate(
                figure.numerators, figure.denominators, n=n, strata=strata, rules=rules
            )
    return found


def _throughput(
    tables: Sequence[WindowTable], hours: Sequence[int], rules: stats.IntervalRules
) -> stats.Estimate:
    values, strata, n = [], [], 0
    for table, hour in zip(tables, hours, strict=True):
        if not isinstance(table.throughput_tps, Undefined):
            values.append(table.throughput_tps)
            strata.append(hour)
            n += table.requests
    if not values:
        reasons = [
            table.throughput_tps.reason for table in tables if isinstance(table.throughput_tps, Undefined)
        ]
        usual = collections.Counter(reasons).most_common(1)
        return stats.Estimate(None, None, None, 0, 0, usual[0][0] if usual else "no valid window")
    return stats.mean_estimate(values, n=n, strata=strata, rules=rules)


def _value_by_round(tables: Iterable[WindowTable], figure: Figure) -> dict[str, float]:
    """One value a round: the first window that counts, so that repeating a window cannot help."""
    values: dict[str, float] = {}
    for table in tables:
        value = window_value(table, figure)
        if table.header.round is not None and value is not None:
            values.setdefault(table.header.round, value)
    return values


def window_value(table: WindowTable, figure: Figure) -> float | None:
    """A figure of one window; None where it has none of its own."""
    if figure.metric is not None and figure.q is not None:
        values = table.values[figure.metric]
        return stats.quantile(values, figure.q) if values else None
    if figure.name == "system_throughput_tps" and not isinstance(table.throughput_tps, Undefined):
        return table.throughput_tps
    return None
