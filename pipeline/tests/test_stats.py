"""The statistics against closed forms, against scipy, and against the truth of simulated providers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead import stats
from fairlead.stats import Estimate

LITERALS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "reference" / "statistics.json").read_text(encoding="utf-8")
)
WINDOWS, REQUESTS = 24, 30
WITHIN = 0.3  # log-sd of the requests inside a window


# -- quantile ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", LITERALS["quantiles"])
def test_a_quantile_agrees_with_scipys_inverted_distribution(case: dict[str, Any]) -> None:
    assert stats.quantile(case["values"], case["q"]) == case["value"]


@pytest.mark.parametrize(
    ("q", "value"), [(0.25, 1.0), (0.251, 2.0), (0.5, 2.0), (0.75, 3.0), (0.751, 4.0), (0.999, 4.0)]
)
def test_a_quantile_is_the_first_value_that_enough_do_not_exceed(q: float, value: float) -> None:
    assert stats.quantile([4.0, 2.0, 3.0, 1.0], q) == value


def test_a_quantile_is_not_moved_by_the_rounding_of_its_share() -> None:
    """0.28 * 25 is 7.000000000000001 in floating point; the 7th value is meant."""
    for n in range(1, 200):
        for place in range(1, n):
            assert stats.quantile(range(1, n + 1), place / n) == place
    assert stats.quantile(range(1, 26), 0.28) == 7


def test_a_quantile_of_infinities_is_a_value_and_not_a_number_made_from_them() -> None:
    """A failure as an infinitely slow request: the median of two in five is finite, of three it is not."""
    assert stats.quantile([1.0, 2.0, 3.0, math.inf, math.inf], 0.5) == 3.0
    assert stats.quantile([1.0, 2.0, math.inf, math.inf, math.inf], 0.5) == math.inf
    assert stats.quantile([math.inf, math.inf], 0.5) == math.inf


def test_a_quantile_of_nothing_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no value"):
        stats.quantile([], 0.5)


@pytest.mark.parametrize(
    ("q", "needed"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299), (0.05, 59), (0.01, 299)]
)
def test_a_tail_quantile_asks_for_a_sample_that_reaches_beyond_it(q: float, needed: int) -> None:
    """The chance that no value lies beyond is below 5 % from ``needed`` on and not before."""
    assert stats.quantile_sample_min(q, 0.95) == needed
    tail = max(q, 1 - q)
    assert tail**needed <= 0.05 < tail ** (needed - 1)


# -- quantile_estimate ---------------------------------------------------------------------------


def test_a_quantile_interval_agrees_with_woodruff_by_hand() -> None:
    """Four windows of 25, each a shuffled part of 1..100 with its own share below the median."""
    below = [5, 12, 13, 20]
    lows, highs = iter(range(1, 51)), iter(range(51, 101))
    windows = [[next(lows) for _ in range(k)] + [next(highs) for _ in range(25 - k)] for k in below]
    variance = 4 / 3 * sum((k - 12.5) ** 2 for k in below) / 100**2
    floor = 0.25 / 100
    reach = 3.182446305284263 * math.sqrt(max(variance, floor))
    expected = Estimate(
        50.0, float(math.ceil(100 * (0.5 - reach))), float(math.ceil(100 * (0.5 + reach))), 100, 4
    )
    assert stats.quantile_estimate(windows, 0.5, confidence=0.95) == expected


def test_windows_that_differ_widen_the_interval_that_requests_alone_would_give() -> None:
    """The same 720 values: dealt evenly over 24 windows, or sorted into them."""
    values = list(range(720))
    even = stats.quantile_estimate([values[i::24] for i in range(24)], 0.5, confidence=0.95)
    apart = stats.quantile_estimate([values[30 * i : 30 * i + 30] for i in range(24)], 0.5, confidence=0.95)
    assert even.value == apart.value == 359
    assert None not in (even.low, even.high, apart.low, apart.high)
    assert apart.high - apart.low > 5 * (even.high - even.low)  # type: ignore[operator]


def test_too_few_values_give_no_quantile_and_say_how_many_are_needed() -> None:
    assert stats.quantile_estimate([[1.0] * 30, [1.0] * 28], 0.95, confidence=0.95) == Estimate(
        None, None, None, 58, 2, "58 values, 59 are needed"
    )


@pytest.mark.parametrize("windows", [[], [[]], [[], []]])
def test_no_value_gives_no_quantile(windows: list[list[float]]) -> None:
    assert stats.quantile_estimate(windows, 0.5, confidence=0.95) == Estimate(
        None, None, None, 0, 0, "0 values, 5 are needed"
    )


def test_one_window_gives_a_value_and_no_interval() -> None:
    """Empty windows beside it are no second witness."""
    assert stats.quantile_estimate([[], [1.0, 2.0, 3.0, 4.0, 5.0]], 0.5, confidence=0.95) == Estimate(
        3.0, None, None, 5, 1, "one window gives no interval"
    )


def test_two_windows_are_too_few_for_the_interval_of_a_median() -> None:
    estimate = stats.quantile_estimate([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 0.5, confidence=0.95)
    assert estimate == Estimate(3.0, None, None, 6, 2, "too few windows for an interval")


def test_identical_values_give_themselves() -> None:
    """No spread at all is an answer: every request took 7 ms."""
    estimate = stats.quantile_estimate([[7.0] * 30] * 24, 0.5, confidence=0.95)
    assert estimate == Estimate(7.0, 7.0, 7.0, 720, 24)


def test_a_quantile_over_infinities_keeps_its_finite_end() -> None:
    """Half of the requests failed: the success-adjusted median is finite, its upper bound is not."""
    windows = [[*map(float, range(15)), *[math.inf] * 15]] * 24
    estimate = stats.quantile_estimate(windows, 0.5, confidence=0.95)
    assert estimate.value == 14.0
    assert estimate.low is not None
    assert math.isfinite(estimate.low)
    assert estimate.high == math.inf


# -- shares --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", LITERALS["clopper_pearson"])
def test_an_exact_interval_agrees_with_scipys_binomial_test(case: dict[str, Any]) -> None:
    low, high = stats.exact_interval(case["hits"], case["sample"], confidence=case["confidence"])
    assert low == pytest.approx(case["low"], rel=1e-9, abs=1e-15)
    assert high == pytest.approx(case["high"], rel=1e-9)


def test_an_exact_interval_of_no_hit_is_the_root_of_the_tail() -> None:
    """Closed form: 0 of n gives 1 - (alpha / 2) ** (1 / n)."""
    assert stats.exact_interval(0, 30, confidence=0.95) == (0.0, pytest.approx(1 - 0.025 ** (1 / 30)))
    assert stats.exact_interval(30, 30, confidence=0.95) == (pytest.approx(0.025 ** (1 / 30)), 1.0)


def test_a_share_of_even_windows_is_the_exact_interval_of_the_t_corrected_sample() -> None:
    """Every window lost three of thirty: no design effect but the degrees of freedom's."""
    t = LITERALS["t_975"]
    sample = 720 * (t["719"] / t["23"]) ** 2
    low, high = stats.exact_interval(0.9 * sample, sample, confidence=0.95)
    estimate = stats.share_estimate([27] * 24, [30] * 24, confidence=0.95)
    # 24 windows tell, of which one is spent on the mean.
    assert estimate == Estimate(0.9, pytest.approx(low, rel=1e-6), pytest.approx(high, rel=1e-6), 720, 24)


def test_failures_that_cluster_widen_the_interval() -> None:
    """72 of 720 failed: spread evenly, or as an outage of two windows and a bit."""
    spread = stats.share_estimate([27] * 24, [30] * 24, confidence=0.95)
    outage = stats.share_estimate([0, 0, 18, *[30] * 21], [30] * 24, confidence=0.95)
    assert spread.value == outage.value == pytest.approx(0.9)
    assert spread.low == pytest.approx(0.87, abs=0.01)
    assert outage.low is not None
    assert outage.low < 0.6


def test_windows_without_a_failure_are_no_proof_that_none_clusters() -> None:
    """720 of 720: independent requests would bound it by 99.5 %; two degrees of freedom by 97.6 %."""
    t = LITERALS["t_975"]
    estimate = stats.share_estimate([30] * 24, [30] * 24, confidence=0.95)
    sample = 720 * (t["719"] / t["2"]) ** 2
    assert estimate == Estimate(1.0, pytest.approx(0.025 ** (1 / sample), rel=1e-6), 1.0, 720, 24)
    assert estimate.low == pytest.approx(0.976, abs=0.001)


def test_no_success_at_all_is_the_mirror_of_no_failure() -> None:
    good = stats.share_estimate([30] * 24, [30] * 24, confidence=0.95)
    bad = stats.share_estimate([0] * 24, [30] * 24, confidence=0.95)
    assert good.low is not None
    assert bad == Estimate(0.0, 0.0, pytest.approx(1 - good.low), 720, 24)


def test_one_window_gives_a_share_and_no_interval() -> None:
    assert stats.share_estimate([29, 0], [30, 0], confidence=0.95) == Estimate(
        29 / 30, None, None, 30, 1, "one window gives no interval"
    )


@pytest.mark.parametrize("totals", [[], [0], [0, 0]])
def test_no_request_gives_no_share(totals: list[int]) -> None:
    assert stats.share_estimate([0] * len(totals), totals, confidence=0.95) == Estimate(
        None, None, None, 0, 0, "no request"
    )


# -- means ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", LITERALS["t_intervals"])
def test_a_mean_agrees_with_scipys_t_interval(case: dict[str, Any]) -> None:
    estimate = stats.mean_estimate(case["values"], n=99, confidence=0.95)
    windows = len(case["values"])
    bounds = [pytest.approx(case[end], rel=1e-9) for end in ("mean", "low", "high")]
    assert estimate == Estimate(*bounds, 99, windows)


def test_degenerate_means_say_why() -> None:
    assert stats.mean_estimate([], n=9, confidence=0.95) == Estimate(
        None, None, None, 9, 0, "no window gives the figure"
    )
    assert stats.mean_estimate([4.0], n=9, confidence=0.95) == Estimate(
        4.0, None, None, 9, 1, "one window gives no interval"
    )
    assert stats.mean_estimate([4.0, 4.0], n=9, confidence=0.95) == Estimate(4.0, 4.0, 4.0, 9, 2)


def test_a_geometric_mean_is_the_root_of_the_product() -> None:
    assert stats.geometric_mean([1.0, 10.0, 100.0]) == pytest.approx(10.0)


# -- comparisons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", LITERALS["paired"], ids=lambda case: case["name"])
def test_a_paired_comparison_agrees_with_scipys_t_test_of_logarithms(case: dict[str, Any]) -> None:
    assert stats.paired_p_value(case["first"], case["second"]) == pytest.approx(case["p"], rel=1e-9)
    assert stats.paired_p_value(case["second"], case["first"]) == pytest.approx(case["p"], rel=1e-9)


def test_equal_pairs_are_no_difference() -> None:
    assert stats.paired_p_value([3.0, 4.0, 5.0], [3.0, 4.0, 5.0]) == 1.0


def test_a_constant_ratio_is_judged_as_signs_are_and_not_as_certainty() -> None:
    """No spread is no estimate of an error: five rounds give 2 / 2**5, however large the ratio."""
    assert stats.paired_p_value([1.0, 2.0, 3.0, 5.0, 7.0], [1.1, 2.2, 3.3, 5.5, 7.7]) == 2.0**-4
    assert stats.paired_p_value([1.0] * 10, [100.0] * 10) == 2.0**-9


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([0.0, 1.0], [1.0, 2.0]),
        ([0.0, 1.0], [0.0, 2.0]),
        ([-1.0, 1.0], [1.0, 2.0]),
        ([math.inf, 1.0], [math.inf, 2.0]),
        ([math.nan, 1.0], [1.0, 2.0]),
    ],
)
def test_what_cannot_be_compared_is_no_verdict(first: list[float], second: list[float]) -> None:
    """One pair, zero, infinity: neither significant nor equal, and no warning on the way."""
    assert stats.paired_p_value(first, second) is None


def test_pairs_of_different_length_are_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="3 values paired with 2"):
        stats.paired_p_value([1.0, 2.0, 3.0], [1.0, 2.0])


@pytest.mark.parametrize("case", LITERALS["holm"])
def test_holm_rejects_what_closed_testing_rejects(case: dict[str, Any]) -> None:
    p_values = dict(enumerate(case["p_values"]))
    assert stats.holm(p_values, family_error=case["family_error"]) == frozenset(case["rejected"])


def test_holm_of_no_hypothesis_rejects_none() -> None:
    assert stats.holm({}, family_error=0.05) == frozenset()


# -- coverage and error rates, by simulation -----------------------------------------------------
# Seeds are fixed: a figure below moves only when the method does. The standard error of a coverage
# from 1,500 runs is 0.6 %.


@pytest.mark.parametrize("between", [0.05, 0.10, 0.20])
@pytest.mark.parametrize("q", [0.5, 0.95])
def test_quantile_intervals_hold_the_truth(between: float, q: float) -> None:
    """24 windows of 30, lognormal: at least 93 % hold the mixture's quantile; p50 is not wastefully wide."""
    rng, runs = np.random.default_rng(20260101), 1500
    effects = rng.normal(0, between, (runs, WINDOWS, 1))
    samples = np.exp(effects + rng.normal(0, WITHIN, (runs, WINDOWS, REQUESTS)))
    normal = {0.5: 0.0, 0.95: 1.6448536269514722}[q]
    truth = math.exp(math.hypot(between, WITHIN) * normal)
    missed, widths = 0, []
    for sample in samples:
        estimate = stats.quantile_estimate(list(sample), q, confidence=0.95)
        if estimate.low is None or estimate.high is None:
            assert estimate.reason == "too few windows for an interval"
            continue
        missed += not estimate.low <= truth <= estimate.high
        widths.append(math.log(estimate.high / estimate.low))
    assert missed / len(widths) <= 0.07
    assert len(widths) >= 0.95 * runs
    if q == 0.5:
        assert len(widths) == runs
        oracle = 2 * 1.96 * math.sqrt((between**2 + math.pi / 2 * WITHIN**2 / REQUESTS) / WINDOWS)
        assert float(np.median(widths)) <= 1.3 * oracle


@pytest.mark.parametrize("windows", [8, 24])
@pytest.mark.parametrize("truth", [0.95, 0.99, 0.999])
@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.1, 0.3])
def test_success_intervals_hold_the_truth(windows: int, truth: float, correlation: float) -> None:
    """Independent failures and clustered ones (beta-binomial): at least 93 % hold the true rate."""
    rng, runs = np.random.default_rng(20260102), 1500
    rates = np.full((runs, windows), truth)
    if correlation:
        weight = (1 - correlation) / correlation
        rates = rng.beta(truth * weight, (1 - truth) * weight, (runs, windows))
    held = 0
    for good in rng.binomial(REQUESTS, rates):
        estimate = stats.share_estimate(good.tolist(), [REQUESTS] * windows, confidence=0.95)
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= truth <= estimate.high
    assert held / runs >= 0.93


def _window_medians(rng: np.random.Generator, shape: tuple[int, ...], between: float) -> stats.Floats:
    """p50 of windows of 30: a shock that a round's rivals share, one of the window, and the requests'."""
    shared = rng.normal(0, 0.3, (shape[0], 1, *shape[2:]))
    own = rng.normal(0, between, shape)
    requests = np.sort(rng.normal(0, WITHIN, (*shape, REQUESTS)), axis=-1)[..., REQUESTS // 2 - 1]
    return np.asarray(np.exp(shared + own + requests), dtype=np.float64)


def _told_apart(medians: stats.Floats) -> frozenset[tuple[int, int]]:
    p_values = {}
    for first in range(len(medians)):
        for second in range(first + 1, len(medians)):
            p_value = stats.paired_p_value(medians[first].tolist(), medians[second].tolist())
            assert p_value is not None
            p_values[first, second] = p_value
    return stats.holm(p_values, family_error=0.05)


@pytest.mark.parametrize("rounds", [6, 24])
def test_equal_providers_are_told_apart_in_at_most_five_boards_of_a_hundred(rounds: int) -> None:
    """Eight equal providers in shared rounds, 28 comparisons, one family-wise error."""
    rng, boards = np.random.default_rng(20260103), 1000
    medians = _window_medians(rng, (boards, 8, rounds), between=0.05)
    false = sum(bool(_told_apart(board)) for board in medians)
    assert false / boards <= 0.05


def test_a_provider_fifteen_per_cent_faster_is_told_apart_from_a_given_rival() -> None:
    """Eight providers, 24 rounds of 30, 5 % between windows: found in at least nine boards of ten."""
    rng, boards = np.random.default_rng(20260104), 300
    medians = _window_medians(rng, (boards, 8, WINDOWS), between=0.05)
    medians[:, 0] *= 0.85
    found = sum((0, 1) in _told_apart(board) for board in medians)
    assert found / boards >= 0.90
