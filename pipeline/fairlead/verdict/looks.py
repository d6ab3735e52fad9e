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
from fairlead.stats.sequential import Looks, Usual
from fairlead.verdict.case import Case, Windows
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
    looks = Looks(case.stopping.looks, case.stopping.error_share)
    if not usable:
        return Outcome(State.INCONCLUSIVE, None, 0)
    if len(usable) < looks.windows[0]:
        return Outcome(State.INCONCLUSIVE, _first_sight(claim, usable, case), len(usable))
    look_at = (_look_at_rate if claim.metric == SUCCESS else _look_at_mean)(claim, usable, case)
    limit = _limit_of_look(claim, case)
    for count, level in zip(looks.windows, looks.levels, strict=True):
        if count > len(usable):
            break
        look = look_at(count, level)
        if (look.high <= limit or look.low > limit) and may_decide(usable[:count], windows, case):
            state = State.REPRODUCED if look.high <= limit else State.NOT_REPRODUCED
            return Outcome(state, _measured(claim, look, case), count)
    return Outcome(State.INCONCLUSIVE, _measured(claim, look, case), len(usable))


def may_decide(used: Sequence[Evidence], windows: Windows, case: Case) -> bool:
    """Whether windows of enough hours are here, and not too many invalid ones among them.

    A look that may not decide is left out, which can only make errors rarer.
    """
    hours = {hour_of_day(item.table.start_unix_ns, case.methodology.day_seconds) for item in used}
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
    figure = FIGURE_OF[claim.metric]
    values = _worse_logs(claim, usable)
    control, usual = _control(usable, figure, case)

    def look_at(count: int, level: float) -> _Look:
        is_adjusted = usual is not None and count >= case.stopping.control_rounds_min
        mean = sequential.mean_of(values[None, :count])
        if is_adjusted and usual is not None:
            mean = sequential.adjusted_mean_of(values[None, :count], control[None, :count], usual)
        low, high = mean.bounds(level)
        return _Look(float(mean.value[0]), float(low[0]), float(high[0]), is_adjusted)

    return look_at


def _look_at_rate(claim: Claim, usable: Sequence[Evidence], case: Case) -> _LookAt:  # noqa: ARG001 - as above
    """The share of requests that failed."""
    failures = [item.table.requests - item.table.successes for item in usable]
    totals, rules = [item.table.requests for item in usable], interval_rules(case.methodology)

    def look_at(count: int, level: float) -> _Look:
        low, high = sequential.share_bounds(
            failures[:count],
            totals[:count],
            level,
            correlation=rules.failure_correlation,
            weight=rules.failure_correlation_windows,
        )
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
        return claim.value * math.exp(worse if is_lower_better else -worse)

    value, low, high = figure(look.worse), figure(look.low), figure(look.high)
    worse = (value - claim.value) * (1 if is_lower_better else -1)
    return Measured(
        value=value,
        low=_finite(min(low, high)),
        high=_finite(max(low, high)),
        confidence=1 - 2 * case.stopping.error_share,
        worse=worse if claim.metric == SUCCESS else worse / claim.value,
        is_adjusted=look.is_adjusted,
    )


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _worse_logs(claim: Claim, windows: Iterable[Evidence]) -> stats.Floats:
    figure = FIGURE_OF[claim.metric]
    logs = _logs(windows, figure) - math.log(claim.value)
    return logs if figure.better is Better.LOWER else -logs


def _logs(windows: Iterable[Evidence], figure: Figure) -> stats.Floats:
    return np.log(np.array([window_value(item.table, figure) for item in windows], dtype=np.float64))


def _control(usable: Sequence[Evidence], figure: Figure, case: Case) -> tuple[stats.Floats, Usual | None]:
    """The control's logarithm in each of the rounds, and what it usually is there, from all other rounds.

    None where a round has no control window that counts, or where too few others do: nothing is taken out.
    """
    first = usable[0].table.header
    alike = [
        item
        for item in case.neutral
        if item.table.header.role == "control"
        and not item.invalid
        and (item.table.header.vantage, item.table.header.model) == (first.vantage, first.model)
        and (item.scenario, item.table.header.methodology) == (usable[0].scenario, first.methodology)
        and (window_value(item.table, figure) or 0) > 0
    ]
    by_round: dict[str | None, Evidence] = {}
    for item in alike:
        by_round.setdefault(item.table.header.round, item)
    rounds = [item.table.header.round for item in usable]
    others = [item for item in alike if item.table.header.round not in rounds]
    is_whole = None not in rounds and all(name in by_round for name in rounds)
    if not is_whole or len(others) < case.stopping.control_windows_min:
        return np.empty(0), None
    logs = _logs(others, figure)
    usual = Usual(float(logs.mean()), float(logs.std(ddof=1)), len(others))
    return _logs((by_round[name] for name in rounds), figure), usual
