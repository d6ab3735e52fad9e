"""When requests start: pure functions of a seeded generator."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest

from fairlead.clock import NS_PER_S
from fairlead.measure.schedule import closed_starts, constant_times, open_times, poisson_times

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


def exponential_distance(gaps: list[int], mean_ns: float) -> float:
    """Kolmogorov and Smirnov's: the farthest that the gaps' distribution lies from the exponential."""
    law = [1 - math.exp(-gap / mean_ns) for gap in sorted(gaps)]
    count = len(law)
    return max(max((at + 1) / count - value, value - at / count) for at, value in enumerate(law))


@pytest.mark.parametrize("seed", ["00", "01", "ff"])
def test_poisson_gaps_follow_the_exponential_law_and_even_ones_do_not(seed):
    """At 20,000 gaps a distance above 1.95 / sqrt(n) has a chance of one in a thousand."""
    times = poisson_times(10.0, 20_000, random.Random(seed))
    gaps = [b - a for a, b in itertools.pairwise([0, *times])]
    assert exponential_distance(gaps, 0.1 * NS_PER_S) < 1.95 / math.sqrt(20_000)
    even = [b - a for a, b in itertools.pairwise(constant_times(10.0, 20_000))]
    assert exponential_distance(even, 0.1 * NS_PER_S) > 0.5


def test_poisson_arrivals_a_second_scatter_as_much_as_their_mean():
    times = poisson_times(10.0, 20_000, random.Random("00"))
    whole = times[-1] // NS_PER_S
    a_second = Counter(at // NS_PER_S for at in times)
    counts = [a_second[second] for second in range(whole)]
    mean = sum(counts) / whole
    assert mean == pytest.approx(10, rel=0.05)
    assert sum((count - mean) ** 2 for count in counts) / whole == pytest.approx(mean, rel=0.15)


def test_a_gap_of_poisson_arrivals_says_nothing_of_the_next():
    times = poisson_times(10.0, 20_000, random.Random("00"))
    gaps = [b - a for a, b in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = sum((gap - mean) ** 2 for gap in gaps)
    together = sum((a - mean) * (b - mean) for a, b in itertools.pairwise(gaps))
    assert abs(together / spread) < 0.03


def test_an_open_schedule_is_that_of_its_arrivals():
    assert open_times("constant", 4.0, 3, random.Random(1)) == constant_times(4.0, 3)
    assert open_times("poisson", 4.0, 3, random.Random(1)) == poisson_times(4.0, 3, random.Random(1))
