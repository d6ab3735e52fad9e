"""How often our own statistics are wrong: simulated providers whose truth is known. Knows no real one.

The functions that publish are called as they are, on providers that are drawn from a stated world:
requests differ inside a window, windows differ from each other, hours differ from each other, and
some requests fail, more of them in slow windows. Randomness arrives as an argument.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from fairlead import stats
from fairlead.stats import Estimate, Floats, IntervalRules

COVERAGE_MIN = 0.93
WIDTH_MAX = 1.3
POWER_MIN = 0.90
_PHASES = 48


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """How simulated providers behave. Spreads are standard deviations of logarithms.

    ``hours`` of the day are sampled in turn by ``windows`` windows of ``requests`` requests. The hours
    differ by a wave of the amplitude ``swing`` whose phase is the provider's own. ``slow_share`` of
    the requests take three times as long.
    """

    between: float
    hours: int = 24
    windows: int = 24
    requests: int = 30
    within: float = 0.3
    swing: float = 0.2
    failure_rate: float = 0.02
    slow_share: float = 0.0

    @property
    def strata(self) -> list[int]:
        """The hour of each window. Fewer windows than hours are spread over the day."""
        hours = min(self.hours, self.windows)
        step = self.hours // hours
        return sorted(window % hours * step for window in range(self.windows))

    @property
    def words(self) -> str:
        """What sets this world apart, in plain words."""
        words = [f"{self.between:.0%} between windows, {_design_words(self.windows, self.hours)}"]
        plain = World(self.between)
        if self.requests != plain.requests:
            words.append(f"{self.requests} requests each")
        if self.within != plain.within:
            words.append(f"{self.within:.0%} within")
        if self.swing != plain.swing:
            words.append(f"hours swing by {self.swing:.0%}")
        if self.slow_share:
            words.append(f"{self.slow_share:.0%} take three times as long")
        return "; ".join(words)


@dataclasses.dataclass(frozen=True, slots=True)
class FailureWorld:
    """How simulated requests fail: ``success`` of them do not, over all hours.

    ``correlation`` of two outcomes of one window (beta-binomial), 0 where they are independent. The
    rate of failure swings by ``swing`` of itself over the day. ``outage``: failures come as windows
    that lose half of their requests, and only so.
    """

    success: float
    correlation: float = 0.0
    hours: int = 24
    windows: int = 24
    requests: int = 30
    swing: float = 0.5
    outage: bool = False

    @property
    def words(self) -> str:
        """What sets this world apart, in plain words."""
        kind = "independent" if not self.correlation else f"clustered ({self.correlation:g})"
        kind = "outages that take half a window" if self.outage else kind
        words = f"{self.success * 100:g} %, {kind}, {_design_words(self.windows, self.hours)}"
        return words if self.requests == 30 else f"{words}; {self.requests} requests each"


def _design_words(windows: int, hours: int) -> str:
    return f"{windows} windows over {hours} hours"


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """What became of one figure in one world.

    ``coverage`` is the share of the given intervals that hold the truth, ``coverage_error`` its
    Monte Carlo standard error; ``width`` the median width over that of the oracle, which knows the
    sampling distribution of the given estimates and takes its central part of the same confidence;
    ``width_points`` the median width itself, of a rate in percentage points. None where no interval
    was given; ``width`` also for a rate.
    """

    figure: str
    world: World | FailureWorld
    is_stress: bool
    providers: int
    withheld: float
    coverage: float | None
    coverage_error: float | None
    width: float | None
    width_points: float | None

    @property
    def fault(self) -> Literal["too sure", "too wide"] | None:
        """Why the figure must not be published in such a world; None where it may be."""
        if self.coverage is not None and self.coverage < COVERAGE_MIN:
            return "too sure"
        if self.is_judged_by_width and self.width is not None and self.width > WIDTH_MAX:
            return "too wide"
        return None

    @property
    def is_judged_by_width(self) -> bool:
        """Not a rate's interval, whose width has no oracle; nor those whose upper end is rightly far.

        The p99 of 720 requests has seven values beyond it, and above a success-adjusted tail the
        failures begin: there the interval ends at infinity. These two are too wide in some worlds, so
        they have no column on a board and no rank.
        """
        return self.figure not in ("TTFT p99", "success-adjusted TTFT p95", "success rate")


# -- latencies, speeds, costs --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Sample:
    """What one provider's windows gave: all arrays (windows, requests) but ``effects`` (windows,)."""

    ttft: Floats
    speed: Floats
    is_good: npt.NDArray[np.bool_]
    tokens: Floats
    usd: Floats
    throughput: Floats


# The truth is averaged over what a window may be: nodes and weights of a standard normal variable.
_NODES, _RAW_WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = np.asarray(_RAW_WEIGHTS / _RAW_WEIGHTS.sum(), dtype=np.float64)

_SPEED_WITHIN = 0.15
_TOKEN_SPREAD = 0.5
_BILLED_FAILURE = 0.2  # of the mean cost of a success


def _waves(world: World) -> Floats:
    """(phases, sampled hours): how much slower each hour is, in logs."""
    hours = np.unique(world.strata)
    phases = np.arange(_PHASES)[:, None] / _PHASES
    return np.asarray(world.swing * np.sin(2 * math.pi * (hours / 24 + phases)), dtype=np.float64)


def _failing(world: World, effects: Floats) -> Floats:
    """The chance of failure of a window so many standard deviations slower than its hour."""
    return np.minimum(world.failure_rate * np.exp(0.5 * effects - 0.125), 1.0)


def _draw(world: World, waves: Floats, rng: np.random.Generator) -> _Sample:
    """One provider; ``waves`` (windows,)."""
    shape = (world.windows, world.requests)
    effects = rng.standard_normal(world.windows)
    slow = waves + world.between * effects
    noise = world.within * rng.standard_normal(shape)
    if world.slow_share:
        noise += math.log(3) * (rng.random(shape) < world.slow_share)
    is_good = rng.random(shape) >= _failing(world, effects)[:, None]
    tokens = np.exp(_TOKEN_SPREAD * rng.standard_normal(shape)) * is_good
    price = np.exp(waves / 2 + world.between * effects)
    billed = _BILLED_FAILURE * math.exp(_TOKEN_SPREAD**2 / 2)
    return _Sample(
        ttft=np.exp(slow[:, None] + noise),
        speed=np.exp(-(slow - waves / 2)[:, None] - _SPEED_WITHIN * rng.standard_normal(shape)),
        is_good=is_good,
        tokens=tokens.sum(axis=1),
        usd=price * tokens.sum(axis=1) + billed * (~is_good).sum(axis=1),
        throughput=np.exp(waves / 2 - slow),
    )


def _quantile_truths(world: World, waves: Floats, q: float, *, within: float, is_adjusted: bool) -> Floats:
    """(phases,): the log of the mixture's quantile over successes, or over all with failures infinite."""
    good = 1 - _failing(world, _NODES)
    total = 1.0 if is_adjusted else float(_WEIGHTS @ good)
    low, high = np.full(len(waves), -9.0), np.full(len(waves), 9.0)
    parts = [(1 - world.slow_share, 0.0), (world.slow_share, math.log(3))]
    for _ in range(50):
        middle = (low + high) / 2
        away = middle[:, None, None] - waves[:, :, None] - world.between * _NODES
        below = sum(share * special.ndtr((away - shift) / within) for share, shift in parts if share)
        share = (below @ (_WEIGHTS * good)).mean(axis=1) / total
        low, high = np.where(share < q, middle, low), np.where(share < q, high, middle)
    return np.where(high >= 9.0, np.inf, high)


def _cost_truths(world: World, waves: Floats) -> Floats:
    good = 1 - _failing(world, _NODES)
    price = np.exp(waves / 2).mean(axis=1) * (_WEIGHTS @ (good * np.exp(world.between * _NODES)))
    return np.asarray((price + _BILLED_FAILURE * (1 - _WEIGHTS @ good)) / (_WEIGHTS @ good))


def _throughput_truths(world: World, waves: Floats) -> Floats:
    return np.asarray(np.exp(-waves / 2).mean(axis=1) * math.exp(world.between**2 / 2))


_TTFT_QS, _ADJUSTED_QS = (0.5, 0.9, 0.95, 0.99), (0.5, 0.95)

#: The figures of :func:`coverage`, in the order of :func:`_estimates`.
FIGURES = (
    *(f"TTFT p{q * 100:.0f}" for q in _TTFT_QS),
    *(f"success-adjusted TTFT p{q * 100:.0f}" for q in _ADJUSTED_QS),
    "output speed p50",
    "cost per million tokens",
    "system throughput",
)


def _truths(world: World, waves: Floats) -> Floats:
    """(figures, phases)."""
    quantiles = [
        *(_quantile_truths(world, waves, q, within=world.within, is_adjusted=False) for q in _TTFT_QS),
        *(_quantile_truths(world, waves, q, within=world.within, is_adjusted=True) for q in _ADJUSTED_QS),
    ]
    # Speeds fall as times rise: their median is the inverse of that of times that swing half as much.
    times = dataclasses.replace(world, slow_share=0.0)
    speeds = np.exp(-_quantile_truths(times, waves / 2, 0.5, within=_SPEED_WITHIN, is_adjusted=False))
    others = [speeds, _cost_truths(world, waves), _throughput_truths(world, waves)]
    return np.vstack([np.exp(quantiles), *others])


def _estimates(sample: _Sample, world: World, rules: IntervalRules) -> list[Estimate]:
    strata, requests = world.strata, [world.requests] * world.windows
    ttft = [times[good] for times, good in zip(sample.ttft, sample.is_good, strict=True)]
    speed = [speeds[good] for speeds, good in zip(sample.speed, sample.is_good, strict=True)]
    failures = [int(count) for count in (~sample.is_good).sum(axis=1)]
    n = world.windows * world.requests
    return [
        *stats.quantile_estimates(ttft, _TTFT_QS, attempts=requests, strata=strata, rules=rules),
        *stats.adjusted_quantile_estimates(ttft, _ADJUSTED_QS, failures=failures, strata=strata, rules=rules),
        *stats.quantile_estimates(speed, (0.5,), attempts=requests, strata=strata, rules=rules),
        stats.ratio_estimate(list(sample.usd), list(sample.tokens), n=n, strata=strata, rules=rules),
        stats.mean_estimate(list(sample.throughput), n=n, strata=strata, rules=rules),
    ]


def cover_figures(
    world: World, rules: IntervalRules, providers: int, rng: np.random.Generator, *, is_stress: bool = False
) -> Iterator[Cell]:
    """A cell for each of :data:`FIGURES` in this world."""
    waves = _waves(world)
    truths, place = _truths(world, waves), np.unique(world.strata, return_inverse=True)[1]
    phases = rng.integers(0, _PHASES, providers)
    found = np.full((len(FIGURES), providers, 3), np.nan)
    for provider, phase in enumerate(phases):
        sample = _draw(world, waves[phase, place], rng)
        found[:, provider] = [_ends(estimate) for estimate in _estimates(sample, world, rules)]
    for figure, truth, given in zip(FIGURES, truths, found, strict=True):
        yield _cell(figure, world, given, truth[phases], rules, is_stress=is_stress)


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return math.nan, math.nan, math.nan
    return estimate.value, estimate.low, estimate.high


def _cell(
    figure: str,
    world: World | FailureWorld,
    given: Floats,
    truths: Floats,
    rules: IntervalRules,
    *,
    is_stress: bool,
) -> Cell:
    """``given`` (providers, 3): value, low and high, NaN where withheld."""
    shown = ~np.isnan(given[:, 0])
    value, low, high = (given[shown] / truths[shown, None]).T
    withheld, n = 1 - float(shown.mean()), int(shown.sum())
    if not n:
        return Cell(figure, world, is_stress, len(given), withheld, None, None, None, None)
    slack = 1e-12
    coverage = float(((low <= 1 + slack) & (high >= 1 - slack)).mean())
    error = math.sqrt(coverage * (1 - coverage) / n)
    width = float(np.median(high - low))
    if isinstance(world, FailureWorld):
        points = float(np.median(given[shown, 2] - given[shown, 1])) * 100
        return Cell(figure, world, is_stress, len(given), withheld, coverage, error, None, points)
    tail = (1 - rules.confidence) / 2
    oracle = float(np.subtract(*np.quantile(value, [1 - tail, tail])))
    return Cell(figure, world, is_stress, len(given), withheld, coverage, error, width / oracle, None)


# -- success rates -------------------------------------------------------------------------------


def cover_rate(
    world: FailureWorld,
    rules: IntervalRules,
    providers: int,
    rng: np.random.Generator,
    *,
    is_stress: bool = False,
) -> Cell:
    """The cell of the success rate in this world."""
    shape, failing = (providers, world.windows), 1 - world.success
    strata = World(0.0, world.hours, world.windows).strata
    phases = rng.random((providers, 1))
    rates: Floats = 1 + world.swing * np.sin(2 * math.pi * (np.array(strata) / 24 + phases))
    rates *= failing / rates.mean(axis=1, keepdims=True)
    if world.outage:
        rates = np.where(rng.random(shape) < 2 * rates, 0.5, 0.0)
    elif world.correlation and failing:
        weight = (1 - world.correlation) / world.correlation
        rates = rng.beta(rates * weight, (1 - rates) * weight)
    good = world.requests - rng.binomial(world.requests, rates)
    totals = [world.requests] * world.windows
    given = [
        _ends(stats.share_estimate(counts.tolist(), totals, strata=strata, rules=rules)) for counts in good
    ]
    truths = np.full(providers, world.success)
    return _cell("success rate", world, np.array(given), truths, rules, is_stress=is_stress)


# -- the table of coverage -----------------------------------------------------------------------

BETWEEN = (0.05, 0.10, 0.20)
SUCCESS = (0.95, 0.99, 0.999, 1.0)
CLUSTERED = 0.1

#: Worlds whose figures the board publishes, and which must hold.
WORLDS = tuple(World(between, hours) for between in BETWEEN for hours in (24, 8))
FAILURE_WORLDS = tuple(
    FailureWorld(success, correlation, hours)
    for success in SUCCESS
    for correlation in (0.0, CLUSTERED)
    for hours in (24, 8)
)

#: Harsher worlds, shown so that everybody knows where the statistics end.
STRESS_WORLDS = (
    World(0.2, within=0.15),
    World(0.2, requests=320),
    World(0.1, swing=0.4),
    World(0.1, slow_share=0.05),
    World(0.1, windows=12),
    World(0.1, windows=6),
    World(0.2, windows=48),
)
STRESS_FAILURE_WORLDS = (
    FailureWorld(0.98, CLUSTERED),
    FailureWorld(0.99, 0.3),
    FailureWorld(0.99, CLUSTERED, requests=320),
    FailureWorld(0.99, CLUSTERED, windows=6),
    FailureWorld(0.99, outage=True),
    FailureWorld(0.97, outage=True),
)


def cover(
    rules: IntervalRules,
    providers: int,
    rng: np.random.Generator,
    *,
    worlds: Sequence[World] = WORLDS,
    failure_worlds: Sequence[FailureWorld] = FAILURE_WORLDS,
    stress_worlds: Sequence[World] = STRESS_WORLDS,
    stress_failure_worlds: Sequence[FailureWorld] = STRESS_FAILURE_WORLDS,
) -> Iterator[Cell]:
    """Every cell of the table, each world from a stream of random numbers of its own."""
    kinds = ((worlds, failure_worlds, False), (stress_worlds, stress_failure_worlds, True))
    for some_worlds, some_failure_worlds, is_stress in kinds:
        for world, own in zip(some_worlds, rng.spawn(len(some_worlds)), strict=True):
            yield from cover_figures(world, rules, providers, own, is_stress=is_stress)
        for failures, own in zip(some_failure_worlds, rng.spawn(len(some_failure_worlds)), strict=True):
            yield cover_rate(failures, rules, providers, own, is_stress=is_stress)


# -- comparisons ---------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Board:
    """A family of simulated rows in shared rounds. Row 0 is lower by ``gain``, the others are equal.

    A window's value is the ``q`` quantile of its requests. Rivals of a round share its hour.
    """

    gain: float = 0.0
    q: float = 0.5
    rows: int = 8
    rounds: int = 24
    requests: int = 30
    within: float = 0.3
    between: float = 0.05
    hour: float = 0.3


@dataclasses.dataclass(frozen=True, slots=True)
class Boards:
    """What became of so many boards.

    ``wrong``: the share of boards in which two equal rows were told apart; ``found``: in which row 0
    was found lower than row 1, a given rival; None where it is not lower. Each with its standard error.
    """

    board: Board
    boards: int
    family_error: float
    wrong: float
    wrong_error: float
    found: float | None
    found_error: float | None

    @property
    def words(self) -> str:
        """What sets this board apart, in plain words."""
        board = self.board
        gain = f"one {board.gain:.0%} lower, the others" if board.gain else "all"
        noise = f"{board.between:.0%} between windows"
        return f"{board.rows} rows, {gain} equal in p{board.q * 100:.0f}; {board.rounds} rounds, {noise}"

    @property
    def fault(self) -> Literal["too sure", "too blind"] | None:
        """Why rows must not be compared so, judged to twice the simulation's own error; else None."""
        if self.wrong > self.family_error + 2 * self.wrong_error:
            return "too sure"
        return "too blind" if self.found is not None and self.found < POWER_MIN else None


BOARDS = (
    Board(),
    Board(rounds=6),
    Board(rounds=12),
    Board(between=0.2),
    Board(q=0.95),
    Board(gain=0.15),
)


def compare_boards(
    board: Board, boards: int, rng: np.random.Generator, *, rounds_min: int, family_error: float
) -> Boards:
    """Simulate boards and compare all of their rows."""
    wrong = found = 0
    for _ in range(boards):
        family = stats.compare_family(
            _board_values(board, rng), rounds_min=rounds_min, family_error=family_error
        )
        first_equal = 1 if board.gain else 0
        wrong += bool(family.lower[first_equal:, first_equal:].any())
        found += bool(family.lower[0, 1])
    share, power = wrong / boards, found / boards
    is_lower = board.gain > 0
    return Boards(
        board,
        boards,
        family_error,
        share,
        math.sqrt(share * (1 - share) / boards),
        power if is_lower else None,
        math.sqrt(power * (1 - power) / boards) if is_lower else None,
    )


def _board_values(board: Board, rng: np.random.Generator) -> Floats:
    """(rows, rounds)."""
    requests = rng.normal(0, board.within, (board.rows, board.rounds, board.requests))
    place = math.ceil(board.q * board.requests) - 1
    logs = np.partition(requests, place, axis=2)[:, :, place]
    logs += rng.normal(0, board.between, logs.shape) + rng.normal(0, board.hour, board.rounds)
    logs[0] += math.log(1 - board.gain)
    return np.asarray(np.exp(logs), dtype=np.float64)
