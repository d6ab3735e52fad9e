"""From figures to curves over concurrency and Pareto fronts. Knows no window, no provider and no price.

A front says who is beaten in both figures at once, and weighs neither against the other. It is made from the
estimates; whether the intervals bear it is said of every point, so that noise is never shown as a winner.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fairlead.ranking import Better
from fairlead.stats import Estimate

_K = TypeVar("_K")
Floats = npt.NDArray[np.float64]


# -- the curve of one endpoint -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """One scenario of a workload: a closed loop of so many streams."""

    scenario: str
    concurrency: int


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """What one level gave: the tokens per second of all streams, of one reader, and the share of successes.

    ``missing``: why the level is no point of the curve. It is then listed, with what is known of it.
    """

    level: Level
    system_tps: Estimate | None
    user_tps: Estimate | None
    success_rate: Estimate | None
    missing: str | None


def curve(levels: Sequence[Level], figures: Mapping[str, Mapping[str, Estimate]]) -> tuple[Point, ...]:
    """Interactivity: system throughput against the output speed of one reader, over rising concurrency.

    Of one model, endpoint, vantage and methodology, over the scenarios of one workload. ``figures``: those of
    each scenario that was measured, by its id. One entry a level, by concurrency and then by id; nothing is
    drawn through a level that is missing.
    """
    ordered = sorted(set(levels), key=lambda level: (level.concurrency, level.scenario))
    return tuple(_point(level, figures.get(level.scenario)) for level in ordered)


def _point(level: Level, figures: Mapping[str, Estimate] | None) -> Point:
    if figures is None:
        return Point(level, None, None, None, "not measured")
    system, user = figures["system_throughput_tps"], figures["output_speed_p50_tps"]
    lacking = [
        f"no {name}: {estimate.reason or 'not given'}"
        for name, estimate in (("system throughput", system), ("output speed", user))
        if estimate.value is None
    ]
    return Point(level, system, user, figures["success_rate"], "; ".join(lacking) or None)


# -- fronts --------------------------------------------------------------------------------------


class Standing(enum.StrEnum):
    """Where a point stands: the first two are on the front, the last two behind it."""

    FRONT = "front"
    FRONT_UNCERTAIN = "front_uncertain"
    BEHIND_UNCERTAIN = "behind_uncertain"
    BEHIND = "behind"

    @property
    def is_on_front(self) -> bool:
        """By the estimates, whether or not the intervals bear it."""
        return self in (Standing.FRONT, Standing.FRONT_UNCERTAIN)

    @property
    def is_certain(self) -> bool:
        """At every end of the intervals."""
        return self in (Standing.FRONT, Standing.BEHIND)


def pareto_front(
    points: Mapping[_K, tuple[Estimate, Estimate]], better: tuple[Better, Better]
) -> dict[_K, Standing]:
    """Pareto front: the points that no other beats, which is to be as good in both figures and better in one.

    By the estimates a point is on the front or behind it; equal points beat each other in neither. On the
    front for certain: no other would beat it if that one were at the favourable ends of its intervals and it
    at the unfavourable ends of its own. Behind for certain: some other beats it the other way about. A figure
    without an interval may be anything, for itself and for its rivals. Each interval holds with its own
    confidence; that all hold at once is less sure.

    A point without both values has no place, and is not in the result. The order of the points plays no part;
    the work grows with the square of their number, which is endpoints times levels and does not grow in time.
    """
    given = {
        key: pair for key, pair in points.items() if pair[0].value is not None and pair[1].value is not None
    }
    best, middle, worst = (
        np.array(
            [[ends[place] for ends in map(_ends, pair, better)] for pair in given.values()], dtype=np.float64
        ).reshape(-1, 2)
        for place in range(3)
    )
    standings = {}
    for place, key in enumerate(given):
        beaten = _is_beaten(middle, place, middle[place])
        if beaten:
            certain = _is_beaten(worst, place, best[place])
            standings[key] = Standing.BEHIND if certain else Standing.BEHIND_UNCERTAIN
        else:
            certain = not _is_beaten(best, place, worst[place])
            standings[key] = Standing.FRONT if certain else Standing.FRONT_UNCERTAIN
    return standings


def _ends(estimate: Estimate, better: Better) -> tuple[float, float, float]:
    """Favourable end, value and unfavourable end, turned so that more is better."""
    value = math.nan if estimate.value is None else estimate.value
    low, high = (-math.inf, math.inf)
    if estimate.low is not None and estimate.high is not None:
        low, high = min(estimate.low, value), max(estimate.high, value)
    return (high, value, low) if better is Better.HIGHER else (-low, -value, -high)


def _is_beaten(rivals: Floats, place: int, point: Floats) -> bool:
    """Whether a rival other than the one at ``place`` is as good in both figures and better in one."""
    others = np.delete(rivals, place, axis=0)
    return bool(((others >= point).all(axis=1) & (others > point).any(axis=1)).any())
