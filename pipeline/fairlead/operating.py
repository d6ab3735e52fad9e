"""How often a verdict errs, and how many windows it takes: simulated submissions whose truth is known.

Knows no real provider and no file. A submission is drawn as the logarithms of what its windows give,
and judged by the bounds that judge a real one (:mod:`fairlead.stats.sequential`); a test holds the two
together. Randomness arrives as an argument.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from fairlead.model import StoppingRules
from fairlead.stats import Floats
from fairlead.stats.sequential import (
    Clustering,
    Looks,
    Usual,
    mean_of,
    share_tails,
    shorter_bounds,
)

FOUND_MIN = 0.90
_SLOT_HOURS = 5  # a rerun's next window comes so many hours later, and so goes through the day
_SWING = 0.2
_CONTROL_OWN = 0.02


@dataclasses.dataclass(frozen=True, slots=True)
class Conduct:
    """How a simulated provider came to its claim. Shares of the true figure, all of a latency.

    ``overstated``: by so much the truth is worse than stated. ``claim_windows``: from how many windows the
    figure was made, and so has an error; None: it is stated exactly. ``runs``: of so many private runs the
    best is stated. ``best_hour``: it was measured in the best hour of a day that swings by a fifth.
    """

    words: str
    overstated: float = 0.0
    claim_windows: int | None = 12
    runs: int = 1
    best_hour: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """What lies between a claim and its rerun. Standard deviations of logarithms.

    ``spread`` of a window's figure, its requests' part included; ``shared``: the share of its variance that
    the control endpoint has too; ``moved``: how far the control itself has moved since it was usual.
    ``drift`` of the truth between claim and rerun. ``slow_share`` of the windows take three times as long;
    ``memory``: correlation of neighbouring windows.
    """

    spread: float
    drift: float = 0.0
    shared: float | None = None
    slow_share: float = 0.0
    memory: float = 0.0
    moved: float = 0.0

    @property
    def words(self) -> str:
        """What sets this world apart, in plain words."""
        words = [f"{self.spread:.0%} between windows"]
        if self.drift:
            words.append(f"{self.drift:.0%} drift since the claim")
        if self.shared is not None:
            words.append(f"{self.shared:.0%} of the noise shared with the control")
        if self.moved:
            words.append(f"a control that moved by {self.moved:.0%}")
        if self.slow_share:
            words.append(f"{self.slow_share:.0%} of windows take three times as long")
        if self.memory:
            words.append(f"neighbouring windows correlate by {self.memory:g}")
        return ", ".join(words)


@dataclasses.dataclass(frozen=True, slots=True)
class RateWorld:
    """A claim on the success rate: what is stated, what is true, and how failures come.

    ``correlation`` of two outcomes of one window (beta-binomial). ``outages``: failures come as windows that
    are lost whole, and only so.
    """

    claimed: float
    true: float
    requests: int = 80
    correlation: float = 0.0
    outages: bool = False

    @property
    def words(self) -> str:
        """What sets this world apart, in plain words."""
        kind = f"clustered ({self.correlation:g})" if self.correlation else "independent"
        kind = "windows lost whole" if self.outages else kind
        return f"{self.true * 100:g} % true, {kind}, {self.requests} requests a window"


Part = Literal["exact", "real", "stress"]


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """What became of so many submissions of one conduct in one world.

    ``part``: in *exact* cells the figure is stated exactly; in *real* ones it has an error of its own, the
    truth drifts, or a trick was played; *stress* cells break an assumption. ``wrong``: the share of verdicts
    that are wrong on what is true while the rerun runs, on the side that errs more. ``windows``: on average.
    """

    conduct: str
    world: World | RateWorld
    part: Part
    submissions: int
    reproduced: float
    not_reproduced: float
    windows: float
    wrong: float
    error_share: float
    found_min: float | None = None

    @property
    def inconclusive(self) -> float:
        """The share that the last window left open."""
        return max(1 - self.reproduced - self.not_reproduced, 0.0)

    @property
    def wrong_error(self) -> float:
        """The simulation's own standard error, were the error at what is promised."""
        return math.sqrt(self.error_share * (1 - self.error_share) / self.submissions)

    @property
    def fault(self) -> Literal["too sure", "too blind"] | None:
        """Why claims must not be judged so, to three of the simulation's own standard errors; else None."""
        if self.part == "stress":
            return None
        if self.wrong > self.error_share + 3 * self.wrong_error:
            return "too sure"
        if self.found_min is not None and max(self.reproduced, self.not_reproduced) < self.found_min:
            return "too blind"
        return None


# -- draws ---------------------------------------------------------------------------------------

Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Simulated reruns. ``worse`` (submissions, windows): the logarithm of each window over the claim, and
    ``truth`` (submissions,) what it is in truth; ``control`` the same of the control, ``usual`` what that is
    in the long run; None without one."""

    worse: Floats
    truth: Floats
    control: Floats | None = None
    usual: Usual | None = None


def draw(
    conduct: Conduct, world: World, stopping: StoppingRules, submissions: int, rng: np.random.Generator
) -> Draw:
    """So many submissions of one conduct, with all the windows that there may be."""
    shape = (submissions, stopping.looks[-1])
    truth = math.log1p(conduct.overstated) + world.drift * rng.standard_normal((submissions, 1))
    stated = np.zeros((submissions, 1))
    if conduct.claim_windows is not None:
        error = world.spread / math.sqrt(conduct.claim_windows)
        stated += error * rng.standard_normal((submissions, conduct.runs)).min(axis=1, keepdims=True)
    shared = math.sqrt(world.shared or 0.0) * world.spread
    own = math.sqrt(1 - (world.shared or 0.0)) * world.spread
    together = shared * rng.standard_normal(shape)
    truth -= stated
    if conduct.best_hour:
        truth += _SWING  # of all hours above the best
    worse = truth + together + own * _noise(world, shape, rng)
    if conduct.best_hour:
        hours = rng.integers(0, 24, (submissions, 1)) + _SLOT_HOURS * np.arange(shape[1])
        worse += _SWING * np.sin(2 * math.pi * hours / 24)
    if world.slow_share:
        worse += math.log(3) * (rng.random(shape) < world.slow_share)
    if world.shared is None:
        return Draw(worse, truth[:, 0])
    control = world.moved + together + _CONTROL_OWN * rng.standard_normal(shape)
    count = stopping.control_windows_min
    others = math.hypot(shared, _CONTROL_OWN) * rng.standard_normal((submissions, count))
    return Draw(worse, truth[:, 0], control, Usual(others.mean(axis=1), others.std(axis=1, ddof=1), count))


def _noise(world: World, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """(submissions, windows) standard normal; neighbours correlate by the world's memory."""
    noise = rng.standard_normal(shape)
    for window in range(1, shape[1] if world.memory else 0):
        noise[:, window] *= math.sqrt(1 - world.memory**2)
        noise[:, window] += world.memory * noise[:, window - 1]
    return noise


def decide(draws: Draw, limit: float, stopping: StoppingRules) -> tuple[Ints, Ints]:
    """(state, windows) of each submission: 1 reproduced, -1 not reproduced, 0 inconclusive."""

    def bounds(count: int, level: float) -> tuple[Floats, Floats]:
        values = draws.worse[:, :count]
        if draws.control is None or draws.usual is None or count < stopping.control_rounds_min:
            return mean_of(values).bounds(level)
        level *= stopping.control_level_share
        return shorter_bounds(values, draws.control[:, :count], draws.usual, level)[:2]

    state = np.zeros(len(draws.worse), dtype=np.intp)
    windows = np.full(len(state), stopping.looks[-1], dtype=np.intp)
    looks = Looks(stopping.looks, stopping.error_share)
    for count, level in zip(looks.windows, looks.levels, strict=True):
        low, high = bounds(count, level)
        says = np.where(high <= limit, 1, np.where(low > limit, -1, 0))
        new = (state == 0) & (says != 0)
        state[new], windows[new] = says[new], count
    return state, windows


def decide_rate(
    failures: Sequence[int], requests: int, limit: float, stopping: StoppingRules, assumed: Clustering
) -> tuple[int, int]:
    """The same of one claim on a success rate; ``limit``: the largest share of failures within its margin."""
    looks = Looks(stopping.looks, stopping.error_share)
    for count, level in zip(looks.windows, looks.levels, strict=True):
        few, many = share_tails(failures[:count], [requests] * count, limit, assumed)
        if few <= level or many < level:
            return (1 if few <= level else -1), count
    return 0, stopping.looks[-1]


# -- cells ---------------------------------------------------------------------------------------


def operate(
    conduct: Conduct,
    world: World,
    part: Part,
    margin: float,
    stopping: StoppingRules,
    submissions: int,
    rng: np.random.Generator,
    *,
    found_min: float | None = None,
) -> Cell:
    """The cell of one conduct in one world, of a claim on a latency."""
    draws, limit = draw(conduct, world, stopping, submissions, rng), math.log1p(margin)
    state, windows = decide(draws, limit, stopping)
    return _cell(
        conduct.words,
        world,
        part,
        state,
        windows,
        is_beyond=draws.truth >= limit,
        is_within=draws.truth <= limit,
        stopping=stopping,
        found_min=found_min,
    )


def _cell(
    conduct: str,
    world: World | RateWorld,
    part: Part,
    state: Ints,
    windows: Ints,
    *,
    is_beyond: Flags,
    is_within: Flags,
    stopping: StoppingRules,
    found_min: float | None = None,
) -> Cell:
    reproduced, refuted = state == 1, state == -1
    wrong = max(float((reproduced & is_beyond).mean()), float((refuted & is_within).mean()))
    return Cell(
        conduct,
        world,
        part,
        len(state),
        float(reproduced.mean()),
        float(refuted.mean()),
        float(windows.mean()),
        wrong,
        stopping.error_share,
        found_min,
    )


def operate_rate(
    words: str,
    world: RateWorld,
    part: Part,
    margin: float,
    stopping: StoppingRules,
    assumed: Clustering,
    submissions: int,
    rng: np.random.Generator,
) -> Cell:
    """The cell of a claim on a success rate."""
    shape, failing = (submissions, stopping.looks[-1]), 1 - world.true
    rates: Floats = np.full(shape, failing)
    if world.outages:
        rates = (rng.random(shape) < failing).astype(np.float64)
    elif world.correlation and failing:
        weight = (1 - world.correlation) / world.correlation
        rates = rng.beta(failing * weight, (1 - failing) * weight, shape)
    failures = rng.binomial(world.requests, rates)
    limit = 1 - world.claimed + margin
    found = np.array(
        [decide_rate(row.tolist(), world.requests, limit, stopping, assumed) for row in failures]
    )
    apart = np.full(submissions, failing - limit)
    slack = 1e-9
    return _cell(
        words,
        world,
        part,
        found[:, 0],
        found[:, 1],
        is_beyond=apart >= -slack,
        is_within=apart <= slack,
        stopping=stopping,
    )


# -- the table -----------------------------------------------------------------------------------

SPREADS, DRIFTS, SHARED = (0.05, 0.10, 0.20), (0.0, 0.05, 0.10), (0.0, 0.5, 0.8)
OVERSTATED = (0.0, 0.05, 0.10, 0.15, 0.20, 0.30)


def _named(overstated: float, claim_windows: int | None) -> Conduct:
    words = f"{overstated:.0%} overstated" if overstated else "honest"
    return Conduct(words, overstated, claim_windows)


TRICKS = (
    Conduct("best of 8 private runs", runs=8),
    Conduct("measured with cached prompts, which halve it", overstated=1.0),
    Conduct("measured in the best hour of the day", best_hour=True),
    Conduct("raw data fabricated around the true figure", claim_windows=None),
    Conduct("raw data fabricated 20 % below the truth", overstated=0.25, claim_windows=None),
)

RATES: tuple[tuple[str, RateWorld, Part], ...] = (
    ("honest", RateWorld(0.99, 0.999), "exact"),
    ("honest", RateWorld(0.99, 0.999, correlation=0.06), "exact"),
    ("honest", RateWorld(0.999, 0.999, requests=320), "exact"),
    ("at the margin", RateWorld(1.0, 0.99), "exact"),
    ("at the margin", RateWorld(1.0, 0.99, correlation=0.06), "exact"),
    ("at the margin", RateWorld(0.99, 0.98, requests=30, correlation=0.06), "exact"),
    ("failures hidden: 100 % claimed", RateWorld(1.0, 0.97), "exact"),
    ("failures hidden: 100 % claimed", RateWorld(1.0, 0.95, correlation=0.06), "exact"),
    ("failures hidden: 100 % claimed", RateWorld(1.0, 0.90, requests=30, correlation=0.06), "exact"),
    ("at the margin", RateWorld(1.0, 0.99, correlation=0.3), "stress"),
    ("at the margin", RateWorld(1.0, 0.99, outages=True), "stress"),
    ("failures hidden: 100 % claimed", RateWorld(1.0, 0.90, outages=True), "stress"),
)


def speeds() -> Iterator[tuple[Conduct, World, Part, float | None]]:
    """Each conduct and world of a claim on a latency, its part, and how often it must be decided at least."""
    for spread, overstated in itertools.product(SPREADS, OVERSTATED):
        is_told = spread == SPREADS[0] and overstated in (0.0, 0.20, 0.30)
        yield _named(overstated, None), World(spread), "exact", FOUND_MIN if is_told else None
    for shared, overstated in itertools.product(SHARED, (0.0, 0.10, 0.15, 0.20)):
        yield _named(overstated, None), World(0.10, shared=shared), "exact", None
    for overstated in (0.0, 0.10, 0.20):
        yield _named(overstated, None), World(0.10, shared=0.0, moved=0.05), "exact", None
    for spread, drift, overstated in itertools.product(SPREADS, DRIFTS, OVERSTATED):
        yield _named(overstated, 12), World(spread, drift), "real", None
    for trick, spread in itertools.product(TRICKS, SPREADS[:2]):
        yield trick, World(spread), "real", None
    worlds = (World(0.05, slow_share=0.05), World(0.10, slow_share=0.05), World(0.10, memory=0.5))
    for world, overstated in itertools.product(worlds, (0.0, 0.10, 0.20)):
        yield _named(overstated, None), world, "stress", None


def operating_characteristics(
    margins: tuple[float, float],
    stopping: StoppingRules,
    assumed: Clustering,
    submissions: int,
    rng: np.random.Generator,
) -> Iterator[Cell]:
    """Every cell of the table, each from a stream of random numbers of its own.

    ``margins``: of a latency as a share of the claim, of a success rate as a share of all requests.
    """
    of_speeds, latency, success = tuple(speeds()), *margins
    streams = iter(rng.spawn(len(of_speeds) + len(RATES)))
    for conduct, world, part, found_min in of_speeds:
        own = next(streams)
        yield operate(conduct, world, part, latency, stopping, submissions, own, found_min=found_min)
    for words, rate_world, part in RATES:
        yield operate_rate(words, rate_world, part, success, stopping, assumed, submissions, next(streams))
