"""Curves over concurrency and Pareto fronts, on points whose every end is given."""

from __future__ import annotations

import math

import pytest

from fairlead import fronts
from fairlead.fronts import Level, Standing, pareto_front
from fairlead.ranking import Better
from fairlead.stats import Estimate

UP = (Better.HIGHER, Better.HIGHER)
MISSING = Estimate(None, None, None, 0, 0, "no valid window")


def sure(value: float, reach: float = 0.0) -> Estimate:
    """A value whose interval reaches so far to both sides."""
    return Estimate(value, value - reach, value + reach, 720, 24)


def bare(value: float) -> Estimate:
    """A value without an interval."""
    return Estimate(value, None, None, 30, 1, "one window gives no interval")


# -- the curve -----------------------------------------------------------------------------------


def figures(system: Estimate, user: Estimate) -> dict[str, Estimate]:
    return {"system_throughput_tps": system, "output_speed_p50_tps": user, "success_rate": sure(1.0)}


def test_a_curve_rises_in_concurrency_and_lists_every_level() -> None:
    """Levels come in any order and leave by their streams; what was not measured is said to be missing."""
    levels = [Level("c32", 32), Level("c1", 1), Level("c8", 8)]
    given = {"c1": figures(sure(90), sure(95)), "c32": figures(sure(900), sure(40))}
    points = fronts.curve(levels, given)
    assert [point.level.concurrency for point in points] == [1, 8, 32]
    assert [point.missing for point in points] == [None, "not measured", None]
    assert points[0].system_tps == sure(90)
    assert points[0].user_tps == sure(95)
    assert points[1].success_rate is None


def test_a_level_without_a_figure_is_missing_for_its_reason() -> None:
    """The figure that there is stays beside it."""
    small = Estimate(None, None, None, 0, 0, "20 requests, 80 are needed at this concurrency")
    (point,) = fronts.curve([Level("c8", 8)], {"c8": figures(small, sure(70))})
    assert point.missing == "no system throughput: 20 requests, 80 are needed at this concurrency"
    assert point.user_tps == sure(70)
    (point,) = fronts.curve([Level("c8", 8)], {"c8": figures(MISSING, MISSING)})
    assert point.missing == "no system throughput: no valid window; no output speed: no valid window"


def test_levels_of_equal_concurrency_come_by_id_and_once() -> None:
    levels = [Level("b", 8), Level("a", 8), Level("b", 8)]
    assert [point.level.scenario for point in fronts.curve(levels, {})] == ["a", "b"]


# -- fronts --------------------------------------------------------------------------------------


def test_a_point_that_another_beats_in_both_figures_is_behind() -> None:
    points = {
        "wide": (sure(900), sure(20)),
        "fast": (sure(100), sure(90)),
        "worse": (sure(90), sure(80)),
        "between": (sure(400), sure(50)),
    }
    assert pareto_front(points, UP) == {
        "wide": Standing.FRONT,
        "fast": Standing.FRONT,
        "worse": Standing.BEHIND,
        "between": Standing.FRONT,
    }


def test_less_is_better_where_the_axis_says_so() -> None:
    """Cheap and slow, dear and fast are both on the front; dear and slow is behind."""
    points = {"cheap": (sure(0.2), sure(40)), "dear": (sure(0.9), sure(90)), "bad": (sure(0.9), sure(40))}
    assert pareto_front(points, (Better.LOWER, Better.HIGHER)) == {
        "cheap": Standing.FRONT,
        "dear": Standing.FRONT,
        "bad": Standing.BEHIND,
    }


def test_equal_points_beat_each_other_in_neither_figure() -> None:
    """A tie is no win: both are on the front, whichever is named first."""
    points = {"acme": (sure(10), sure(10)), "bolt": (sure(10), sure(10))}
    assert set(pareto_front(points, UP).values()) == {Standing.FRONT}
    beside = {"acme": (sure(10), sure(10)), "bolt": (sure(10), sure(9))}
    assert pareto_front(beside, UP) == {"acme": Standing.FRONT, "bolt": Standing.BEHIND}


@pytest.mark.parametrize(
    ("reach", "standings"),
    [
        (0.4, (Standing.FRONT, Standing.BEHIND)),
        (0.6, (Standing.FRONT_UNCERTAIN, Standing.BEHIND_UNCERTAIN)),
    ],
)
def test_noise_is_no_winner(reach: float, standings: tuple[Standing, Standing]) -> None:
    """101 against 100: with 0.4 to each side they are told apart, with 0.6 nothing is certain of either."""
    points = {"first": (sure(101, reach), sure(101, reach)), "second": (sure(100, reach), sure(100, reach))}
    assert tuple(pareto_front(points, UP).values()) == standings


def test_one_figure_told_apart_is_enough_for_the_front_and_not_for_being_behind() -> None:
    """The faster row is safe whatever its throughput; the slower one may yet have the larger throughput."""
    points = {"fast": (sure(101, 5), sure(90, 1)), "slow": (sure(100, 5), sure(50, 1))}
    assert pareto_front(points, UP) == {"fast": Standing.FRONT, "slow": Standing.BEHIND_UNCERTAIN}


def test_a_figure_without_an_interval_may_be_anything() -> None:
    """It makes neither itself nor a rival certain."""
    points = {"one window": (bare(100), bare(100)), "many": (sure(50, 1), sure(50, 1))}
    assert pareto_front(points, UP) == {
        "one window": Standing.FRONT_UNCERTAIN,
        "many": Standing.BEHIND_UNCERTAIN,
    }


def test_a_point_without_a_value_has_no_place_and_beats_nobody() -> None:
    points = {"acme": (sure(10, 1), sure(10, 1)), "none": (MISSING, sure(99, 1))}
    assert pareto_front(points, UP) == {"acme": Standing.FRONT}
    assert pareto_front({"none": (MISSING, MISSING)}, UP) == {}
    assert pareto_front({}, UP) == {}


def test_a_point_alone_is_the_front() -> None:
    assert pareto_front({"acme": (bare(10), bare(10))}, UP) == {"acme": Standing.FRONT}


def test_infinite_figures_are_ordered_like_any() -> None:
    points = {"never": (sure(1), Estimate(math.inf, math.inf, math.inf, 60, 2)), "ten": (sure(1), sure(10))}
    assert pareto_front(points, (Better.HIGHER, Better.LOWER)) == {
        "never": Standing.BEHIND,
        "ten": Standing.FRONT,
    }
