"""Laws of the sequential statistics that hold for any looks, any windows and any share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.stats.sequential import Clustering, Looks, Usual, adjusted_mean_of, mean_of, share_tails

looks = st.lists(st.integers(3, 30), min_size=1, max_size=8, unique=True).map(
    lambda found: tuple(sorted(found))
)
samples = st.lists(st.floats(-1, 1), min_size=5, max_size=24).filter(lambda found: np.std(found) > 1e-6)


@settings(max_examples=20)
@given(looks, st.sampled_from([0.005, 0.025, 0.1]))
def test_every_look_may_err_a_little_and_none_more_than_all_of_them(
    windows: tuple[int, ...], error: float
) -> None:
    levels = Looks(windows, error).levels
    assert len(levels) == len(windows)
    assert all(0 < level <= error * 1.01 for level in levels)
    assert sum(levels) >= error * 0.98  # looks resemble each other, so their levels add up to more


@given(samples, st.floats(0.1, 10), st.floats(-5, 5))
def test_an_interval_goes_along_with_its_values(values: list[float], scale: float, shift: float) -> None:
    sample = np.array([values])
    low, high = mean_of(sample).bounds(0.01)
    moved_low, moved_high = mean_of(sample * scale + shift).bounds(0.01)
    assert moved_low[0] == pytest.approx(low[0] * scale + shift, abs=1e-6)
    assert moved_high[0] == pytest.approx(high[0] * scale + shift, abs=1e-6)


@given(samples)
def test_both_sides_of_an_interval_are_alike(values: list[float]) -> None:
    low, high = mean_of(np.array([values])).bounds(0.01)
    turned_low, turned_high = mean_of(-np.array([values])).bounds(0.01)
    assert (turned_low[0], turned_high[0]) == (pytest.approx(-high[0]), pytest.approx(-low[0]))


@given(samples, st.floats(-2, 2))
def test_a_control_that_never_varies_takes_nothing_out(values: list[float], level: float) -> None:
    sample = np.array([values])
    adjusted = adjusted_mean_of(sample, np.full_like(sample, level), Usual(0.0, 1.0, 100))
    assert adjusted.value[0] == pytest.approx(sample.mean())


@given(samples, st.floats(-1, 1), st.floats(0.5, 2))
def test_what_is_all_the_controls_noise_is_taken_out_whole(
    values: list[float], truth: float, slope: float
) -> None:
    """Where every deviation is the control's, the mean is the truth at its usual level."""
    control = np.array([values])
    adjusted = adjusted_mean_of(truth + slope * control, control, Usual(0.0, 0.0, 100))
    assert adjusted.value[0] == pytest.approx(truth, abs=1e-6)
    assert adjusted.error[0] == pytest.approx(0, abs=1e-6)


@given(
    st.lists(st.integers(0, 10), min_size=2, max_size=12),
    st.floats(0.01, 0.5),
    st.floats(0.51, 0.99),
)
def test_more_failures_are_expected_of_a_larger_share(hits: list[int], small: float, large: float) -> None:
    totals, assumed = [10] * len(hits), Clustering(0.06, 4)
    few, many = share_tails(hits, totals, small, assumed)
    fewer, more = share_tails(hits, totals, large, assumed)
    assert few >= fewer - 1e-9
    assert many <= more + 1e-9
    assert few + many >= 1 - 1e-9  # the count that was seen is in both
