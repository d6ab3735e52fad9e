"""Laws of the statistics."""

from __future__ import annotations

import itertools
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from fairlead import stats

VALUES = st.floats(1e-6, 1e6)
SHARES = st.floats(0.01, 0.99)
WINDOWS = st.lists(st.lists(VALUES, max_size=20), max_size=8)
P_VALUES = st.dictionaries(st.integers(0, 9), st.floats(0, 1), max_size=6)


@given(st.lists(VALUES | st.just(math.inf), min_size=1), SHARES)
def test_a_quantile_was_observed_and_splits_the_sample(values: list[float], q: float) -> None:
    """Hyndman and Fan's type 1: at least a share q lies at or below it, less than q lies below."""
    found = stats.quantile(values, q)
    assert found in values
    slack = 1e-9 * len(values)
    assert sum(value <= found for value in values) >= q * len(values) - slack
    assert sum(value < found for value in values) < q * len(values) + slack


@given(WINDOWS, SHARES, st.randoms(use_true_random=False))
def test_the_order_of_windows_and_of_requests_does_not_matter(
    windows: list[list[float]], q: float, random: object
) -> None:
    before = stats.quantile_estimate(windows, q, confidence=0.95)
    shuffled = [sorted(window) for window in windows]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    after = stats.quantile_estimate(shuffled, q, confidence=0.95)
    assert before == after


@given(WINDOWS, SHARES)
def test_an_interval_holds_its_value_or_says_why_there_is_none(windows: list[list[float]], q: float) -> None:
    """A value without an interval, and no value, each has a reason; an interval has none."""
    estimate = stats.quantile_estimate(windows, q, confidence=0.95)
    assert estimate.n == sum(map(len, windows))
    assert (estimate.low is None) == (estimate.high is None) == (estimate.reason is not None)
    if estimate.low is not None:
        assert estimate.value is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high


@given(WINDOWS, SHARES, st.integers(-20, 20))
def test_a_quantile_estimate_has_the_unit_of_its_values(
    windows: list[list[float]], q: float, power: int
) -> None:
    """Powers of two scale without rounding: so does the estimate."""
    factor = 2.0**power
    before = stats.quantile_estimate(windows, q, confidence=0.95)
    after = stats.quantile_estimate([[v * factor for v in w] for w in windows], q, confidence=0.95)
    scaled = [None if end is None else end * factor for end in (before.value, before.low, before.high)]
    assert [after.value, after.low, after.high] == scaled


COUNTS = st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=30)


@given(COUNTS)
def test_a_share_lies_in_its_interval_and_its_interval_between_zero_and_one(
    counts: list[tuple[int, int]],
) -> None:
    good, totals = [pair[0] for pair in counts], [pair[1] for pair in counts]
    estimate = stats.share_estimate(good, totals, confidence=0.95)
    assert estimate.n == sum(totals)
    if estimate.low is not None:
        assert estimate.value is not None
        assert estimate.high is not None
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert estimate.low < estimate.high
    else:
        assert estimate.reason


@given(COUNTS)
def test_failures_are_bounded_as_successes_are(counts: list[tuple[int, int]]) -> None:
    """Swap the two outcomes: the interval is mirrored."""
    totals = [pair[1] for pair in counts]
    up = stats.share_estimate([pair[0] for pair in counts], totals, confidence=0.95)
    down = stats.share_estimate([pair[1] - pair[0] for pair in counts], totals, confidence=0.95)
    if up.low is not None:
        assert up.high is not None
        assert down.low == pytest.approx(1 - up.high, abs=1e-9)
        assert down.high == pytest.approx(1 - up.low, abs=1e-9)


@given(COUNTS, st.sampled_from([(0.8, 0.9), (0.9, 0.99)]))
def test_more_confidence_is_a_wider_interval(
    counts: list[tuple[int, int]], levels: tuple[float, float]
) -> None:
    good, totals = [pair[0] for pair in counts], [pair[1] for pair in counts]
    narrow, wide = (stats.share_estimate(good, totals, confidence=level) for level in levels)
    if narrow.low is not None:
        assert None not in (narrow.high, wide.low, wide.high)
        assert wide.low <= narrow.low  # type: ignore[operator]
        assert narrow.high <= wide.high  # type: ignore[operator]


@given(st.lists(st.tuples(VALUES, VALUES), max_size=12), VALUES)
def test_a_comparison_is_symmetric_and_free_of_the_unit(
    pairs: list[tuple[float, float]], factor: float
) -> None:
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    p_value = stats.paired_p_value(first, second)
    assert p_value == stats.paired_p_value(second, first)
    if p_value is None:
        assert len(pairs) < 2
    else:
        assert 0 <= p_value <= 1
        scaled = stats.paired_p_value([v * factor for v in first], [v * factor for v in second])
        assert scaled == pytest.approx(p_value, rel=1e-3, abs=1e-12)


@given(P_VALUES, st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_closed_testing_rejects(p_values: dict[int, float], error: float) -> None:
    """A hypothesis falls where Bonferroni rejects every intersection that holds it, and only there."""
    keys = list(p_values)
    subsets = [s for size in range(len(keys)) for s in itertools.combinations(keys, size + 1)]
    expected = {
        key for key in keys if all(min(p_values[k] for k in s) <= error / len(s) for s in subsets if key in s)
    }
    assert stats.holm(p_values, family_error=error) == expected
