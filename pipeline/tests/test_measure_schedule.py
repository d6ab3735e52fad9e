"""When requests start: pure functions of a seeded generator."""

from __future__ import annotations

import random

import pytest

from fairlead.measure.schedule import NS_PER_S, closed_starts, constant_times, poisson_times

CLOSED = [38290044, 54393368, 130428609, 179661207]


def test_the_same_seed_gives_the_same_times_and_another_seed_others():
    assert closed_starts(8, NS_PER_S, random.Random("s")) == closed_starts(8, NS_PER_S, random.Random("s"))
    assert poisson_times(5.0, 50, random.Random("s")) == poisson_times(5.0, 50, random.Random("s"))
    assert poisson_times(5.0, 50, random.Random("s")) != poisson_times(5.0, 50, random.Random("t"))


def test_closed_starts_are_literal_for_a_given_seed():
    assert closed_starts(4, 200_000_000, random.Random("00")) == CLOSED


@pytest.mark.parametrize("concurrency", [1, 2, 7, 256])
def test_each_worker_of_a_closed_loop_starts_inside_its_own_slice_of_the_ramp(concurrency):
    starts = closed_starts(concurrency, NS_PER_S, random.Random(1))
    slice_ns = NS_PER_S / concurrency
    assert len(starts) == concurrency
    for slot, start in enumerate(starts):
        assert slot * slice_ns - 1 <= start < (slot + 1) * slice_ns


def test_without_a_ramp_all_start_at_once():
    assert closed_starts(5, 0, random.Random(1)) == [0] * 5


def test_poisson_times_rise_and_have_the_mean_and_the_spread_of_exponential_gaps():
    times = poisson_times(10.0, 20_000, random.Random(7))
    gaps = [b - a for a, b in zip([0, *times], times, strict=False)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert times == sorted(times)
    assert mean == pytest.approx(0.1 * NS_PER_S, rel=0.03)
    assert deviation == pytest.approx(mean, rel=0.03)


def test_constant_times_do_not_drift():
    times = constant_times(3.0, 3_000_001)
    assert times[:4] == [0, 333_333_333, 666_666_667, NS_PER_S]
    assert times[-1] == 1_000_000 * NS_PER_S
