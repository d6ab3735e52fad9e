"""Look after look at the windows of one claim, until one is sure. Knows no submission and no file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from fairlead import stats
from fairlead.model import Claim, Methodology
from fairlead.profile import hour_of_day
from fairlead.ranking import Better, Evidence, Figure, interval_rules, window_value
from fairlead.stats import sequential
from fairlead.stats.sequential import Clustering, Looks, Usual
from fairlead.verdict.case import Case, Windows, round_of
from fairlead.verdict.parts import FIGURE_OF, SUCCESS, Measured, State


def limit_of(claim: Claim, methodology: Methodology) -> tuple[float, float]:
    """The margin of a claim, and the worst figure within it."""
    rules = methodology.verdict
    if claim.metric == SUCCESS:
        return rules.success_margin_share, max(claim.value - rules.success_margin_share, 0.0)
    if FIGURE_OF[claim.metric].better is Better.LOWER:
        return rules.latency_margin_share, claim.value * (1 + rules.latency_margin_share)
    return rules.throughput_margin_share, claim.value * (1 - rules.throughput_margin_share)


@dataclasses.dataclass(frozen=True, slots=True)
class _Look:
    """How much worse than claimed it is: a logarithm of a ratio, or a share of failures."""

    worse: float
    low: float
    high: float
    is_adjusted: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What the looks came to, after so many usable windows."""

    state: State
    measured: Measured | None
    windows: int


def look_until_sure(claim: Claim, usable: Sequence[Evidence], windows: Windows, case: Case) -> Outcome:
    """Look after look, until one decides."""
    looks = Looks(tuple(sorted(set(case.stopping.looks))), case.stopping.error_share)
    if not usable:
        return Outcome(State.INCONCLUSIVE, None, 0)
    if len(usable) < looks.windows[0]:
        return Outcome(State.INCONCLUSIVE, _first_sight(claim, usable, case), len(usable))
    look_at = (_look_at_rate if claim.metric == SUCCESS else _look_at_mean)(claim, usable, case)
    limit = _limit_of_look(claim, case)
    reached = [pair for pair in zip(looks.windows, looks.levels, strict=True) if pair[0] <= len(usable)]
    for count, level in reached:
        look = look_at(count, level)
        if (look.high <= limit or look.low > limit) and may_decide(usable[:count], windows, case):
            state = State.REPRODUCED if look.high <= limit else State.NOT_REPRODUCED
            return Outcome(state, _measured(claim, look, case), count)
    return Outcome(State.INCONCLUSIVE, _measured(claim, look, case), count)


def may_decide(used: Sequence[Evidence], windows: Windows, case: Case) -> bool:
    """Whether windows of enough hours are here, and not too many invalid ones among them.

    A look that may not decide is left out, which can only make errors rarer.
    """
    hours = {hour_of_day(item.head.start_unix_ns, case.methodology.day_seconds) for item in used}
    invalid = sum(start_ns <= used[-1].table.start_unix_ns for start_ns in windows.invalid_ns)
    share = invalid / (invalid + len(used))
    return len(hours) >= case.stopping.hours_min and share <= case.methodology.limits.invalid_windows_share


def _limit_of_look(claim: Claim, case: Case) -> float:
    """The limit on the scale of a look."""
    _, limit = limit_of(claim, case.methodology)
    if claim.metric == SUCCESS:
        return 1 - limit
    return abs(math.log(limit / claim.value)) if limit > 0 else math.inf


_LookAt = Callable[[int, float], _Look]


def _look_at_mean(claim: Claim, usable: Sequence[Evidence], case: Case) -> _LookAt:
    """The mean logarithm of the windows' figures over the claimed one, turned so that higher is worse."""
    values, control = _worse_logs(claim, usable), _Control.of(usable, FIGURE_OF[claim.metric], case)

    def look_at(count: int, level: float) -> _Look:
        used, beside = values[None, :count], control.beside[None, :count]
        mean, usual = sequential.mean_of(used), control.usual
        low, high = mean.bounds(level)
        if usual is None or count < case.stopping.control_rounds_min or np.isnan(beside).any():
            return _Look(float(mean.value[0]), float(low[0]), float(high[0]))
        level *= case.stopping.control_level_share
        low, high, is_adjusted = sequential.shorter_bounds(used, beside, usual, level)
        middle = (low + high) / 2 if is_adjusted[0] else mean.value
        return _Look(float(middle[0]), float(low[0]), float(high[0]), bool(is_adjusted[0]))

    return look_at


def _look_at_rate(claim: Claim, usable: Sequence[Evidence], case: Case) -> _LookAt:  # noqa: ARG001 - as above
    """The share of requests that failed."""
    failures = [item.table.requests - item.table.successes for item in usable]
    totals, rules = [item.table.requests for item in usable], interval_rules(case.methodology)
    assumed = Clustering(rules.failure_correlation, rules.failure_correlation_windows)

    def look_at(count: int, level: float) -> _Look:
        low, high = sequential.share_bounds(failures[:count], totals[:count], level, assumed)
        return _Look(sum(failures[:count]) / sum(totals[:count]), low, high)

    return look_at


def _first_sight(claim: Claim, usable: Sequence[Evidence], case: Case) -> Measured:
    """What there is before the first look: no interval yet."""
    worse = float(_worse_logs(claim, usable).mean()) if claim.metric != SUCCESS else 0.0
    if claim.metric == SUCCESS:
        requests = sum(item.table.requests for item in usable)
        worse = 1 - sum(item.table.successes for item in usable) / requests
    found = _measured(claim, _Look(worse, worse, worse), case)
    return dataclasses.replace(found, low=None, high=None)


def _measured(claim: Claim, look: _Look, case: Case) -> Measured:
    """A look in the metric's unit."""
    is_lower_better = FIGURE_OF[claim.metric].better is Better.LOWER

    def figure(worse: float) -> float:
        if claim.metric == SUCCESS:
            return 1 - worse
        if math.isinf(worse):
            return worse
        return math.exp(math.log(claim.value) + (worse if is_lower_better else -worse))

    value, low, high = figure(look.worse), figure(look.low), figure(look.high)
    is_bounded = math.isfinite(look.low) and math.isfinite(look.high)
    worse = (value - claim.value) * (1 if is_lower_better else -1)
    return Measured(
        value=value,
        low=min(low, high) if is_bounded else None,
        high=max(low, high) if is_bounded else None,
        confidence=1 - 2 * case.stopping.error_share,
        worse=worse if claim.metric == SUCCESS else worse / claim.value,
        is_adjusted=look.is_adjusted,
    )


def _worse_logs(claim: Claim, windows: Iterable[Evidence]) -> stats.Floats:
    figure = FIGURE_OF[claim.metric]
    logs = _logs(windows, figure) - math.log(claim.value)
    return logs if figure.better is Better.LOWER else -logs


def _logs(windows: Iterable[Evidence], figure: Figure) -> stats.Floats:
    return np.log(np.array([window_value(item.table, figure) for item in windows], dtype=np.float64))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Control:
    """The control's logarithm in each round of a rerun, NaN where it has none, and what it usually is.

    What is usual comes from the windows before the rerun, so that none which comes later undoes a look; it is
    None where they are too few.
    """

    beside: stats.Floats
    usual: Usual | None

    @classmethod
    def of(cls, usable: Sequence[Evidence], figure: Figure, case: Case) -> _Control:
        """The control of these windows' model, scenario, vantage and methodology."""
        first = usable[0]
        alike = [item for item in case.neutral if _is_control_of(first, item, figure)]
        by_round = {round_of(item): item for item in reversed(alike)}  # the first of each round
        beside = [by_round.get(round_of(item)) for item in usable]
        logs = [math.nan if item is None else _logs([item], figure)[0] for item in beside]
        before = _logs((item for item in alike if _start_ns(item) < _start_ns(first)), figure)
        usual = None
        if len(before) >= case.stopping.control_windows_min:
            usual = Usual(float(before.mean()), float(before.std(ddof=1)), len(before))
        return cls(np.array(logs), usual)


def _is_control_of(subject: Evidence, item: Evidence, figure: Figure) -> bool:
    ours, its = subject.table.header, item.table.header
    return (
        its.role == "control"
        and not item.invalid
        and (its.vantage, its.model, its.methodology) == (ours.vantage, ours.model, ours.methodology)
        and item.scenario == subject.scenario
        and (window_value(item.table, figure) or 0) > 0
    )


def _start_ns(item: Evidence) -> int:
    return item.head.start_unix_ns
