"""Laws of the statistics."""

from __future__ import annotations

import dataclasses
import itertools
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from fairlead import stats

VALUES = st.floats(1e-6, 1e6)
SHARES = st.floats(0.01, 0.99)
WINDOWS = st.lists(st.lists(VALUES, max_size=20), max_size=8)


@given(st.lists(VALUES | st.just(math.inf), min_size=1), SHARES)
def test_a_quantile_was_observed_and_splits_the_sample(values: list[float], q: float) -> None:
    """Hyndman and Fan's type 1: at least a share q lies at or below it, less than q lies below."""
    found = stats.quantile(values, q)
    assert found in values
    slack = 1e-9 * len(values)
    assert sum(value <= found for value in values) >= q * len(values) - slack
    assert sum(value < found for value in values) < q * len(values) + slack


RULES = stats.IntervalRules(0.95, 3, ((0.5, 2), (0.9, 3), (0.99, 4)), 0.06, 4)


def estimate(windows: list[list[float]], q: float) -> stats.Estimate:
    """Three windows an hour."""
    strata = [place // 3 for place in range(len(windows))]
    (found,) = stats.quantile_estimates(windows, (q,), strata=strata, rules=RULES)
    return found


@given(WINDOWS, SHARES, st.randoms(use_true_random=False))
def test_the_order_of_windows_and_of_requests_does_not_matter(
    windows: list[list[float]], q: float, random: object
) -> None:
    places = list(range(len(windows)))
    random.shuffle(places)  # type: ignore[attr-defined]
    shuffled = [sorted(windows[place]) for place in places]
    (after,) = stats.quantile_estimates(shuffled, (q,), strata=[place // 3 for place in places], rules=RULES)
    before = estimate(windows, q)
    assert (before.n, before.windows, before.reason) == (after.n, after.windows, after.reason)
    for one, other in ((before.value, after.value), (before.low, after.low), (before.high, after.high)):
        assert one == other


@given(WINDOWS, SHARES)
def test_an_interval_holds_its_value_or_says_why_there_is_none(windows: list[list[float]], q: float) -> None:
    """No value without an interval, but from one window; what is missing has a reason."""
    found = estimate(windows, q)
    assert found.n == sum(map(len, windows))
    assert (found.low is None) == (found.high is None) == (found.reason is not None)
    if found.low is not None:
        assert found.value is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
    else:
        assert found.value is None or found.windows == 1


@given(st.lists(st.lists(VALUES, min_size=1, max_size=20), min_size=1, max_size=1), SHARES)
def test_of_equal_weights_the_mixtures_quantile_is_the_samples(windows: list[list[float]], q: float) -> None:
    found = estimate(windows, q)
    assert found.value is None or found.value == stats.quantile(windows[0], q)


@given(WINDOWS, SHARES, st.integers(-20, 20))
def test_a_quantile_estimate_has_the_unit_of_its_values(
    windows: list[list[float]], q: float, power: int
) -> None:
    """Powers of two scale without rounding: so does the estimate."""
    factor = 2.0**power
    before, after = estimate(windows, q), estimate([[v * factor for v in w] for w in windows], q)
    scaled = [None if end is None else end * factor for end in (before.value, before.low, before.high)]
    assert [after.value, after.low, after.high] == scaled


@given(WINDOWS, st.lists(st.integers(0, 9), min_size=8, max_size=8), SHARES)
def test_failures_only_raise_a_success_adjusted_quantile(
    windows: list[list[float]], failures: list[int], q: float
) -> None:
    """Beside the same values without a failure, where both are given."""
    strata, none = [0] * len(windows), [0] * len(windows)
    failures = failures[: len(windows)]
    (with_,), (without,) = (
        stats.adjusted_quantile_estimates(windows, (q,), failures=some, strata=strata, rules=RULES)
        for some in (failures, none)
    )
    if with_.value is not None and without.value is not None:
        assert with_.value >= without.value


COUNTS = st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=30)


def share(good: list[int], totals: list[int], rules: stats.IntervalRules = RULES) -> stats.Estimate:
    """Three windows an hour."""
    strata = [place // 3 for place in range(len(good))]
    return stats.share_estimate(good, totals, strata=strata, rules=rules)


@given(COUNTS)
def test_a_share_lies_in_its_interval_and_its_interval_between_zero_and_one(
    counts: list[tuple[int, int]],
) -> None:
    good, totals = [pair[0] for pair in counts], [pair[1] for pair in counts]
    estimate = share(good, totals)
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
    up = share([pair[0] for pair in counts], totals)
    down = share([pair[1] - pair[0] for pair in counts], totals)
    if up.low is not None:
        assert up.high is not None
        assert down.low == pytest.approx(1 - up.high, abs=1e-9)
        assert down.high == pytest.approx(1 - up.low, abs=1e-9)


@given(COUNTS, st.sampled_from([(0.8, 0.9), (0.9, 0.99)]))
def test_more_confidence_is_a_wider_interval(
    counts: list[tuple[int, int]], levels: tuple[float, float]
) -> None:
    good, totals = [pair[0] for pair in counts], [pair[1] for pair in counts]
    narrow, wide = (share(good, totals, dataclasses.replace(RULES, confidence=level)) for level in levels)
    if narrow.low is not None:
        assert None not in (narrow.high, wide.low, wide.high)
        assert wide.low <= narrow.low  # type: ignore[operator]
        assert narrow.high <= wide.high  # type: ignore[operator]


@given(st.lists(st.tuples(VALUES, VALUES), max_size=12), VALUES)
def test_a_comparison_is_symmetric_and_free_of_the_unit(
    pairs: list[tuple[float, float]], factor: float
) -> None:
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    there = stats.compare(first, second, confidence=0.95)
    back = stats.compare(second, first, confidence=0.95)
    assert there.p_value == back.p_value
    if there.p_value is None:
        assert len(pairs) < 2
        assert there.reason
    else:
        assert 0 <= there.p_value <= 1
        scaled = stats.compare([v * factor for v in first], [v * factor for v in second], confidence=0.95)
        assert scaled.p_value == pytest.approx(there.p_value, rel=1e-3, abs=1e-12)
    if there.ratio is not None and there.low is not None:
        assert there.high is not None
        assert there.low <= there.ratio <= there.high
        assert (there.low > 1 or there.high < 1) == (there.p_value is not None and there.p_value < 0.05)


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=6), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_closed_testing_rejects(p_values: list[float], error: float) -> None:
    """A hypothesis falls where Bonferroni rejects every intersection that holds it, and only there."""
    keys = [place for place, p_value in enumerate(p_values) if not math.isnan(p_value)]
    subsets = [s for size in range(len(keys)) for s in itertools.combinations(keys, size + 1)]
    expected = [
        key for key in keys if all(min(p_values[k] for k in s) <= error / len(s) for s in subsets if key in s)
    ]
    rejected = stats.holm(p_values, family_error=error)
    assert [place for place, falls in enumerate(rejected) if falls] == expected
