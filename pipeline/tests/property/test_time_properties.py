"""Laws of hours, days and fronts, whatever was measured and whenever."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from fairlead import profile
from fairlead.fronts import Standing, pareto_front
from fairlead.metrics import Undefined
from fairlead.profile import HOURS, Sampling, Timeline, TimeRules
from fairlead.ranking import INTERVALS, Better, Evidence
from fairlead.stats import Estimate

from ..examples import make_clock, make_evidence, make_table

MOMENTS = st.integers(-(2**61), 2**61) | st.integers(0, 400 * 3_600_000_000_000)
VALUES = st.lists(st.floats(0.001, 1e6), max_size=8)
DAYS = st.sampled_from([60, 86_400])


@st.composite
def windows(draw: st.DrawFn) -> list[Evidence]:
    """Up to 30 windows at any moment, some of them invalid, some empty, some that began at once."""
    return [
        make_evidence(
            make_table(
                {"ttft_ms": draw(VALUES)},
                clock=make_clock(
                    start_unix_ns=draw(MOMENTS), duration_ns=draw(st.integers(0, 10**13) | st.none())
                ),
            ),
            invalid=draw(st.sampled_from([(), (), ("cut off",), ("cut off", "the clock stepped")])),
        )
        for _ in range(draw(st.integers(0, 30)))
    ]


def rules_of(day_seconds: int) -> TimeRules:
    return TimeRules(day_seconds=day_seconds, intervals=INTERVALS, drift_days_min=3, drift_days_max=90)


def everything(given_: list[Evidence], rules: TimeRules) -> object:
    line = profile.timeline(given_)
    if isinstance(line, Undefined):
        return line
    return (
        profile.hour_bins(line, rules),
        profile.day_bins(line, rules, latest=100),
        profile.coverage(line, rules),
        profile.drift(line, "ttft_ms", rules),
    )


@given(windows(), DAYS, st.integers(0, 2**32))
def test_the_order_of_the_windows_does_not_matter(
    given_: list[Evidence], day_seconds: int, seed: int
) -> None:
    shuffled = given_.copy()
    random.Random(seed).shuffle(shuffled)
    assert everything(shuffled, rules_of(day_seconds)) == everything(given_, rules_of(day_seconds))


@given(windows(), DAYS)
def test_sampled_missing_and_empty_hours_are_the_whole_day(given_: list[Evidence], day_seconds: int) -> None:
    """Each hour is in one of the three states, and bins and coverage agree on which."""
    line, rules = profile.timeline(given_), rules_of(day_seconds)
    if isinstance(line, Undefined):
        assert not given_
        return
    found = profile.coverage(line, rules)
    parts = [found.places(state) for state in Sampling]
    assert sorted(hour for part in parts for hour in part) == list(range(HOURS))
    assert [each.sampling for each in profile.hour_bins(line, rules)] == list(found.hours)
    assert found.share == len(found.places(Sampling.SAMPLED)) / HOURS


@given(windows(), DAYS)
def test_bins_of_hours_and_of_days_hold_each_window_once(given_: list[Evidence], day_seconds: int) -> None:
    line, rules = profile.timeline(given_), rules_of(day_seconds)
    if isinstance(line, Undefined):
        return
    assert isinstance(line, Timeline)
    valid = [item for item in given_ if not item.invalid]
    for bins in (profile.hour_bins(line, rules), profile.day_bins(line, rules, latest=100)):
        assert sum(found.windows for found in bins) == len(valid)
        assert sum(found.invalid for found in bins) == len(given_) - len(valid)
        assert sum(found.requests for found in bins) == sum(item.table.requests for item in valid)
        assert all(
            estimate.value is not None or estimate.reason for b in bins for estimate in b.figures.values()
        )
    found = profile.coverage(line, rules)
    assert found.days <= min(found.days_span, len(valid))
    assert found.longest_gap_ns is None or found.longest_gap_ns >= 0


# -- fronts --------------------------------------------------------------------------------------

GRID = st.integers(0, 6).map(float)


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    """A value on a coarse grid, so that ties are common; with an interval or without; or no value."""
    value = draw(GRID)
    kind = draw(st.sampled_from(["interval", "interval", "interval", "bare", "missing"]))
    if kind == "missing":
        return Estimate(None, None, None, 0, 0, "no valid window")
    if kind == "bare":
        return Estimate(value, None, None, 30, 1, "one window gives no interval")
    return Estimate(value, value - draw(GRID) / 2, value + draw(GRID) / 2, 60, 2)


POINTS = st.lists(st.tuples(estimates(), estimates()), max_size=12)
AXES = st.tuples(st.sampled_from(Better), st.sampled_from(Better))


def beats(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Written the long way: as good in both, better in one; more is better."""
    as_good = first[0] >= second[0] and first[1] >= second[1]
    return as_good and (first[0] > second[0] or first[1] > second[1])


def turned(estimate: Estimate, better: Better, end: str) -> float:
    assert estimate.value is not None
    sign = 1 if better is Better.HIGHER else -1
    if end == "value":
        return sign * estimate.value
    if estimate.low is None or estimate.high is None:
        return np.inf if end == "best" else -np.inf
    ends = (sign * estimate.low, sign * estimate.high)
    return max(ends) if end == "best" else min(ends)


def at(pair: tuple[Estimate, Estimate], better: tuple[Better, Better], end: str) -> tuple[float, float]:
    return turned(pair[0], better[0], end), turned(pair[1], better[1], end)


@given(POINTS, AXES)
def test_no_point_on_the_front_is_beaten_and_every_beaten_point_is_off_it(
    pairs: list[tuple[Estimate, Estimate]], better: tuple[Better, Better]
) -> None:
    """By the estimates; and certain exactly where the ends of all intervals say the same."""
    found = pareto_front(dict(enumerate(pairs)), better)
    whole = {key: pair for key, pair in enumerate(pairs) if all(each.value is not None for each in pair)}
    assert found.keys() == whole.keys()
    for key, standing in found.items():
        others = [pair for other, pair in whole.items() if other != key]
        own = whole[key]

        def beaten(theirs: str, ours: str, others: list = others, own: tuple = own) -> bool:  # type: ignore[type-arg]
            return any(beats(at(pair, better, theirs), at(own, better, ours)) for pair in others)

        assert standing.is_on_front is not beaten("value", "value")
        if standing.is_on_front:
            assert (standing is Standing.FRONT) is not beaten("best", "worst")
        else:
            assert (standing is Standing.BEHIND) is beaten("worst", "best")


@given(POINTS.filter(bool), AXES)
def test_there_is_a_front_wherever_there_is_a_point(
    pairs: list[tuple[Estimate, Estimate]], better: tuple[Better, Better]
) -> None:
    found = pareto_front(dict(enumerate(pairs)), better)
    assert not found or any(standing.is_on_front for standing in found.values())


@given(POINTS, AXES, st.integers(0, 2**32))
def test_the_order_of_the_points_does_not_matter(
    pairs: list[tuple[Estimate, Estimate]], better: tuple[Better, Better], seed: int
) -> None:
    named = list(enumerate(pairs))
    random.Random(seed).shuffle(named)
    assert pareto_front(dict(named), better) == pareto_front(dict(enumerate(pairs)), better)
