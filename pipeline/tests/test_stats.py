"""The statistics against closed forms and against scipy; test_simulate.py holds them against the truth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead import stats
from fairlead.stats import Comparison, Estimate, IntervalRules
from fairlead.stats.estimates import design_of
from fairlead.stats.quantiles import _tail_clustering

LITERALS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "reference" / "statistics.json").read_text(encoding="utf-8")
)
RULES = IntervalRules(
    confidence=0.95,
    stratum_windows_min=3,
    quantile_windows_min=((0.5, 2), (0.9, 12), (0.99, 24)),
    failure_correlation=0.06,
    failure_correlation_windows=4,
)
DAY = range(24)


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


def test_the_distribution_is_the_one_that_adjusted_quantiles_are_taken_from() -> None:
    """The first value with a share of q is that quantile; the last share is the success rate."""
    source = np.random.default_rng(3)
    for windows in (8, 13, 24):
        values = [source.lognormal(5, 0.3, size=source.integers(20, 40)) for _ in range(windows)]
        failures = [int(number) for number in source.integers(0, 3, size=windows)]
        strata = [int(hour) for hour in source.integers(0, 6, size=windows)]
        attempts = [len(given) + failed for given, failed in zip(values, failures, strict=True)]
        found, shares = stats.distribution(values, attempts=attempts, strata=strata)
        (median,) = stats.adjusted_quantile_estimates(
            values, (0.5,), failures=failures, strata=strata, rules=RULES
        )
        assert (
            next(ms for ms, share in zip(found, shares, strict=True) if share >= 0.5 - 1e-9) == median.value
        )
        good = [len(given) for given in values]
        rate = stats.share_estimate(good, attempts, strata=strata, rules=RULES)
        assert shares[-1] == pytest.approx(rate.value)
        assert found == sorted(found)


def test_a_distribution_of_nothing_is_empty() -> None:
    assert stats.distribution([[], []], attempts=[0, 0], strata=[1, 2]) == ([], [])
    assert stats.distribution([[]], attempts=[3], strata=[1]) == ([], [])


# -- the design of windows -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strata", "groups"),
    [
        ([0], [0]),
        ([0, 12], [0, 0]),
        ([5, 5, 5], [0, 0, 0]),
        ([0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1]),
        ([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1]),
        ([0, 0, 0, 1, 1], [0, 0, 0, 0, 0]),  # what is left over joins the last group
        ([0, 0, 1, 2, 2, 3, 4], [0, 0, 0, 1, 1, 1, 1]),
        ([9, 3, 9, 3, 9, 3], [1, 0, 1, 0, 1, 0]),  # neighbours in time, not in the list
        ([2, 2, 2, 2, 7, 8, 9], [0, 0, 0, 0, 1, 1, 1]),
    ],
)
def test_neighbouring_hours_are_joined_until_three_windows_are_in_each(
    strata: list[int], groups: list[int]
) -> None:
    design = design_of(strata, np.full(len(strata), 30.0), 3)
    assert design.groups.tolist() == groups
    assert design.degrees == len(strata) - len(set(groups))


def test_every_sampled_hour_weighs_alike_whatever_was_sent_in_it() -> None:
    """Three windows in one hour and one in another: each hour holds half of the weight."""
    attempts = np.array([30.0, 20.0, 10.0, 5.0])
    weights = design_of([4, 4, 4, 9], attempts, 3).weights
    assert weights[:3] == pytest.approx([1 / 120] * 3)
    assert weights[3] == pytest.approx(1 / 10)
    assert weights @ attempts == pytest.approx(1.0)


def test_the_variance_of_a_sum_is_that_inside_groups() -> None:
    """Closed form: two groups of three, (n / (n - 1)) times the squares about each group's own mean."""
    design = design_of([0, 0, 0, 1, 1, 1], np.ones(6), 3)
    assert design.variance(np.array([1.0, 2.0, 3.0, 100.0, 100.0, 103.0])) == pytest.approx(1.5 * (2 + 6))


def test_an_effective_sample_of_even_weights_is_the_sample() -> None:
    design, counts = design_of(list(DAY), np.full(24, 30.0), 3), np.full(24, 30.0)
    assert design.effective_sample(counts) == pytest.approx(720)
    assert design.effective_size(counts) == pytest.approx(30)


# -- quantile_estimates --------------------------------------------------------------------------


def estimate(windows: Any, q: float, **changes: Any) -> Estimate:
    """One quantile; windows in hours of their own unless told otherwise."""
    options = {"strata": [place % 24 for place in range(len(windows))], "rules": RULES} | changes
    (found,) = stats.quantile_estimates(windows, (q,), **options)
    return found


@pytest.mark.parametrize("case", LITERALS["quantile_intervals"][0]["cases"], ids=lambda case: case["q"])
def test_a_quantile_interval_agrees_with_the_long_way_over_scipy(case: dict[str, Any]) -> None:
    """24 windows in eight hours, unequal and with failures; scipy's beta, t and bivariate normal."""
    fixed = LITERALS["quantile_intervals"][0]
    found = estimate(fixed["windows"], case["q"], strata=fixed["strata"], attempts=[30] * 24)
    assert (found.value, found.low, found.high) == (case["value"], case["low"], case["high"])
    assert (found.n, found.windows, found.reason) == (sum(map(len, fixed["windows"])), 24, None)


@pytest.mark.parametrize("case", LITERALS["tail_clustering"])
def test_how_a_tail_clusters_agrees_with_scipys_bivariate_normal(case: dict[str, float]) -> None:
    assert _tail_clustering(case["median"], case["q"]) == pytest.approx(case["tail"], abs=2e-5)


def test_even_windows_give_the_exact_interval_of_independent_values() -> None:
    """1 to 720 dealt evenly: Clopper and Pearson's shares of 720, but for the t of 16 degrees."""
    found = estimate([list(range(1 + i, 721, 24)) for i in range(24)], 0.5)
    sample = 720 * (stats.estimates.t_quantile(0.975, 719) / stats.estimates.t_quantile(0.975, 16)) ** 2
    low, high = stats.exact_interval(sample / 2, sample, confidence=0.95)
    assert found == Estimate(360.0, math.ceil(720 * low), math.ceil(720 * high), 720, 24)


def test_windows_that_differ_widen_the_interval_that_requests_alone_would_give() -> None:
    """The same 720 values: dealt evenly over 24 windows of an hour, or sorted into them."""
    values = list(range(720))
    even = estimate([values[i::24] for i in range(24)], 0.5, strata=[0] * 24)
    apart = estimate([values[30 * i : 30 * i + 30] for i in range(24)], 0.5, strata=[0] * 24)
    assert even.value == apart.value == 359
    assert None not in (even.low, even.high, apart.low, apart.high)
    assert apart.high - apart.low > 5 * (even.high - even.low)  # type: ignore[operator]


def test_hours_that_differ_do_not_widen_the_interval_where_each_holds_three_windows() -> None:
    """Eight hours, each a level of its own: a difference between hours is no noise."""
    levels = [[100.0 * (1 + window // 3) + place for place in range(30)] for window in range(24)]
    known = estimate(levels, 0.5, strata=[window // 3 for window in range(24)])
    unknown = estimate(levels, 0.5, strata=[0] * 24)
    assert None not in (known.low, known.high, unknown.low, unknown.high)
    assert known.high - known.low < 150  # type: ignore[operator]
    assert unknown.high - unknown.low > 300  # type: ignore[operator]


def test_every_hour_weighs_alike_in_a_quantile() -> None:
    """Nine windows at 1 in one hour and three at 9 in another: half of the mixture is at 9."""
    windows, strata = [[1.0] * 30] * 9 + [[9.0] * 30] * 3, [0] * 9 + [5] * 3
    assert [estimate(windows, q, strata=strata).value for q in (0.49, 0.51)] == [1.0, 9.0]
    assert stats.quantile([value for window in windows for value in window], 0.51) == 1.0


def test_an_hour_in_which_requests_fail_weighs_less_in_what_succeeded() -> None:
    """Hour 5 lost two of three: a success of the mixture is three times as likely to be from hour 0."""
    windows, strata = [[1.0] * 30] * 3 + [[9.0] * 10] * 9, [0] * 3 + [5] * 9
    given = [estimate(windows, q, strata=strata, attempts=[30] * 12) for q in (0.7, 0.74, 0.76, 0.8)]
    assert [found.value for found in given] == [1.0, 1.0, 9.0, 9.0]


def test_too_few_values_give_no_quantile_and_say_how_many_are_needed() -> None:
    assert estimate([[1.0] * 30, [1.0] * 28], 0.95) == Estimate(
        None, None, None, 58, 2, "58 values, 59 are needed"
    )


def test_too_few_windows_give_no_tail_and_say_how_many_are_needed() -> None:
    windows = [list(range(30))] * 11
    assert estimate(windows, 0.95) == Estimate(None, None, None, 330, 11, "11 windows, 12 are needed")
    assert estimate(windows, 0.05) == Estimate(None, None, None, 330, 11, "11 windows, 12 are needed")
    assert estimate(windows, 0.99).reason == "11 windows, 24 are needed"
    assert estimate(windows, 0.5).reason is None


def test_values_that_repeat_their_window_are_worth_one_each() -> None:
    """720 values, but each window says one thing: a p95 needs 59, and there are 24 or so."""
    found = estimate([[float(i)] * 30 for i in range(24)], 0.95, strata=[0] * 24)
    assert found.value is None
    assert found.reason is not None
    assert found.reason.startswith("720 values, alike within windows, are worth 2")
    assert found.reason.endswith("independent ones, 59 are needed")


def test_a_p99_is_given_from_299_effective_values_on() -> None:
    """Independent values: 24 windows of 13 carry it, of 12 do not."""
    rng = np.random.default_rng(1)
    few, enough = (rng.normal(size=(24, size)).tolist() for size in (12, 13))
    assert estimate(few, 0.99).reason == "288 values, 299 are needed"
    assert estimate(enough, 0.5).reason is None
    worth = estimate(rng.normal(size=(24, 40)).tolist(), 0.99)
    assert worth.low is not None


@pytest.mark.parametrize("windows", [[], [[]], [[], []], [[]] * 24])
@pytest.mark.parametrize("attempts", [0, 30])
def test_no_value_gives_no_quantile(windows: list[list[float]], attempts: int) -> None:
    """Nothing was asked, or all of it failed."""
    found = estimate(windows, 0.5, attempts=[attempts] * len(windows))
    assert found == Estimate(None, None, None, 0, 0, "0 values, 5 are needed")


@pytest.mark.parametrize("attempts", [None, [30, 30]])
def test_one_window_gives_a_value_and_no_interval(attempts: list[int] | None) -> None:
    """A window beside it that is empty, or failed altogether, is no second witness."""
    assert estimate([[], [1.0, 2.0, 3.0, 4.0, 5.0]], 0.5, attempts=attempts) == Estimate(
        3.0, None, None, 5, 1, "one window gives no interval"
    )


def test_one_request_a_window_is_as_good_as_its_windows() -> None:
    found = estimate([[float(i)] for i in range(24)], 0.5, strata=[0] * 24)
    assert found.value == 11.0
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 7
    assert found.high >= 15
    assert estimate([[1.0]], 0.5) == Estimate(None, None, None, 1, 1, "1 values, 5 are needed")


def test_two_windows_bound_a_median_by_all_that_was_seen() -> None:
    found = estimate([[1.0, 2.0, 3.0, 4.0], [1.5, 2.5, 3.5, 4.5]], 0.5)
    assert (found.low, found.high) == (1.0, 4.5)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_identical_values_give_themselves(q: float) -> None:
    """No spread at all is an answer: every request took 7 ms."""
    assert estimate([[7.0] * 30] * 24, q) == Estimate(7.0, 7.0, 7.0, 720, 24)


# -- success-adjusted ----------------------------------------------------------------------------


def adjusted(windows: Any, failures: list[int], q: float, **changes: Any) -> Estimate:
    options = {"strata": [place % 24 for place in range(len(windows))], "rules": RULES} | changes
    (found,) = stats.adjusted_quantile_estimates(windows, (q,), failures=failures, **options)
    return found


def test_a_success_adjusted_quantile_counts_a_failure_as_infinitely_slow() -> None:
    """Of 25 requests a window 5 failed: the median of all is the 13th of 20."""
    windows = [list(range(1, 21))] * 24
    assert adjusted(windows, [5] * 24, 0.5).value == 13.0
    assert estimate(windows, 0.5, attempts=[25] * 24).value == 10.0
    assert adjusted(windows, [0] * 24, 0.5) == estimate(windows, 0.5)


def test_a_success_adjusted_quantile_beyond_the_successes_is_infinite() -> None:
    """One in five failed: p95 is infinite, and surely so; p50 is finite, and surely so."""
    windows = [list(map(float, range(24)))] * 24
    high, middle = adjusted(windows, [6] * 24, 0.95), adjusted(windows, [6] * 24, 0.5)
    assert (high.value, high.low, high.high, high.reason) == (math.inf, math.inf, math.inf, None)
    assert middle.high is not None
    assert math.isfinite(middle.high)


def test_a_success_adjusted_quantile_at_the_edge_keeps_its_finite_end() -> None:
    """Half of the requests failed: the median is finite, its upper bound is not."""
    found = adjusted([list(map(float, range(15)))] * 24, [15] * 24, 0.5)
    assert found.value == 14.0
    assert found.low is not None
    assert math.isfinite(found.low)
    assert found.high == math.inf


def test_failures_that_cluster_widen_a_success_adjusted_quantile() -> None:
    """A tenth failed, evenly or as an outage: only then may p85 have been infinite."""
    rng = np.random.default_rng(2)
    spread = adjusted(rng.normal(9, 1, (24, 27)).tolist(), [3] * 24, 0.85, strata=[0] * 24)
    lengths = [6, 6, 6, *[30] * 21]
    windows = [rng.normal(9, 1, length).tolist() for length in lengths]
    outage = adjusted(windows, [30 - length for length in lengths], 0.85, strata=[0] * 24)
    assert spread.high is not None
    assert math.isfinite(spread.high)
    assert outage.high == math.inf


def test_all_failed_is_infinite_and_no_number_is_made_of_it() -> None:
    found = adjusted([[]] * 24, [30] * 24, 0.5)
    assert found == Estimate(math.inf, math.inf, math.inf, 720, 24)
    assert adjusted([[]], [30], 0.5).reason == "one window gives no interval"
    assert adjusted([[]], [0], 0.5) == Estimate(None, None, None, 0, 0, "0 values, 5 are needed")


# -- shares --------------------------------------------------------------------------------------


def share(good: list[int], sizes: list[int], **changes: Any) -> Estimate:
    options = {"strata": [place % 24 for place in range(len(good))], "rules": RULES} | changes
    return stats.share_estimate(good, sizes, **options)


@pytest.mark.parametrize("case", LITERALS["clopper_pearson"])
def test_an_exact_interval_agrees_with_scipys_binomial_test(case: dict[str, Any]) -> None:
    low, high = stats.exact_interval(case["hits"], case["sample"], confidence=case["confidence"])
    assert low == pytest.approx(case["low"], rel=1e-9, abs=1e-15)
    assert high == pytest.approx(case["high"], rel=1e-9)


def test_an_exact_interval_of_no_hit_is_the_root_of_the_tail() -> None:
    """Closed form: 0 of n gives 1 - (alpha / 2) ** (1 / n)."""
    assert stats.exact_interval(0, 30, confidence=0.95) == (0.0, pytest.approx(1 - 0.025 ** (1 / 30)))
    assert stats.exact_interval(30, 30, confidence=0.95) == (pytest.approx(0.025 ** (1 / 30)), 1.0)


@pytest.mark.parametrize("case", LITERALS["shares"])
def test_a_share_agrees_with_the_long_way_over_scipy(case: dict[str, Any]) -> None:
    found = share(case["good"], case["sizes"], strata=case["strata"])
    ends = [pytest.approx(case[end], rel=1e-9) for end in ("share", "low", "high")]
    assert found == Estimate(*ends, sum(case["sizes"]), len(case["sizes"]))


def test_failures_that_cluster_widen_the_interval() -> None:
    """72 of 720 failed: spread evenly, or as an outage of two windows and a bit."""
    spread = share([27] * 24, [30] * 24, strata=[0] * 24)
    outage = share([0, 0, 18, *[30] * 21], [30] * 24, strata=[0] * 24)
    assert spread.value == outage.value == pytest.approx(0.9)
    assert spread.low == pytest.approx(0.87, abs=0.01)
    assert outage.low is not None
    assert outage.low < 0.75


def test_a_run_without_a_failure_is_bounded_between_independence_and_ignorance() -> None:
    """720 of 720: independent requests would bound it by 99.49 %, 24 outcomes by 85.8 %."""
    found = share([30] * 24, [30] * 24)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.984, abs=0.0005)
    few = share([30, 30], [30, 30])
    assert few.low == pytest.approx(0.757, abs=0.0005)


def test_one_failure_does_not_move_the_bound_by_a_jump() -> None:
    """719 of 720 is bounded a little lower than 720 of 720."""
    none, one = share([30] * 24, [30] * 24), share([29, *[30] * 23], [30] * 24)
    assert none.low is not None
    assert one.low is not None
    assert 0 < none.low - one.low < 0.01


def test_no_success_at_all_is_the_mirror_of_no_failure() -> None:
    good, bad = share([30] * 24, [30] * 24), share([0] * 24, [30] * 24)
    assert good.low is not None
    assert bad == Estimate(0.0, 0.0, pytest.approx(1 - good.low), 720, 24)


def test_one_window_gives_a_share_and_no_interval() -> None:
    assert share([29, 0], [30, 0]) == Estimate(29 / 30, None, None, 30, 1, "one window gives no interval")


def test_one_request_a_window_is_a_share_of_windows() -> None:
    found = share([1, 0, 1, 1], [1, 1, 1, 1])
    assert found.value == 0.75
    assert found.low is not None
    assert found.low < 0.3


@pytest.mark.parametrize("totals", [[], [0], [0, 0]])
def test_no_request_gives_no_share(totals: list[int]) -> None:
    assert share([0] * len(totals), totals) == Estimate(None, None, None, 0, 0, "no request")


# -- ratios and means ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", LITERALS["ratios"])
def test_a_ratio_of_sums_agrees_with_the_long_way_over_scipy(case: dict[str, Any]) -> None:
    """One of them is a mean, one has a window whose denominator is zero."""
    found = stats.ratio_estimate(case["above"], case["below"], n=99, strata=case["strata"], rules=RULES)
    ends = [pytest.approx(case[end], rel=1e-9) for end in ("ratio", "low", "high")]
    assert found == Estimate(*ends, 99, len(case["above"]))


def test_a_mean_is_a_ratio_whose_denominators_are_one() -> None:
    case = LITERALS["ratios"][0]
    assert stats.mean_estimate(case["above"], n=9, strata=case["strata"], rules=RULES) == (
        stats.ratio_estimate(case["above"], case["below"], n=9, strata=case["strata"], rules=RULES)
    )


def test_degenerate_ratios_say_why() -> None:
    def ratio(above: list[float], below: list[float]) -> Estimate:
        return stats.ratio_estimate(above, below, n=9, strata=range(len(above)), rules=RULES)

    none = "no window gives the figure"
    assert ratio([], []) == Estimate(None, None, None, 9, 0, none)
    assert ratio([1.0, 2.0], [0.0, 0.0]) == Estimate(None, None, None, 9, 2, none)
    assert ratio([4.0], [2.0]) == Estimate(2.0, None, None, 9, 1, "one window gives no interval")
    assert ratio([4.0, 4.0], [2.0, 2.0]) == Estimate(2.0, 2.0, 2.0, 9, 2)
    assert ratio([0.0, 0.0], [2.0, 3.0]) == Estimate(0.0, 0.0, 0.0, 9, 2)


def test_the_cost_of_a_window_that_gave_no_token_is_paid() -> None:
    """Two windows, one failed and billed: 3 for 2 tokens, not 2 for 2."""
    found = stats.ratio_estimate([2.0, 1.0], [2.0, 0.0], n=60, strata=[0, 0], rules=RULES)
    assert found.value == pytest.approx(1.5)


# -- comparisons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", LITERALS["paired"], ids=lambda case: case["name"])
def test_a_paired_comparison_agrees_with_scipys_t_test_of_logarithms(case: dict[str, Any]) -> None:
    found = stats.compare(case["first"], case["second"], confidence=0.95)
    back = stats.compare(case["second"], case["first"], confidence=0.95)
    assert found.p_value == back.p_value == pytest.approx(case["p"], rel=1e-9)
    assert (found.low, found.high) == (pytest.approx(case["low"]), pytest.approx(case["high"]))
    assert (back.low, back.high) == (pytest.approx(1 / case["high"]), pytest.approx(1 / case["low"]))


def test_equal_pairs_are_no_difference() -> None:
    found = stats.compare([3.0, 4.0, 5.0], [3.0, 4.0, 5.0], confidence=0.95)
    assert found == Comparison(1.0, None, None, 1.0, 3, "the ratio is the same in every round")


def test_a_constant_ratio_is_judged_as_signs_are_and_not_as_certainty() -> None:
    """No spread is no estimate of an error: five rounds give 2 / 2**5, however large the ratio."""
    found = stats.compare([1.0, 2.0, 3.0, 5.0, 7.0], [1.1, 2.2, 3.3, 5.5, 7.7], confidence=0.95)
    assert found.p_value == 2.0**-4
    assert stats.compare([1.0] * 10, [100.0] * 10, confidence=0.95).p_value == 2.0**-9


NO_RATIO = "a value that is zero or infinite has no ratio"


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([], [], "0 shared rounds, 2 are needed"),
        ([1.0], [2.0], "1 shared rounds, 2 are needed"),
        ([0.0, 1.0], [1.0, 2.0], NO_RATIO),
        ([0.0, 1.0], [0.0, 2.0], NO_RATIO),
        ([-1.0, 1.0], [1.0, 2.0], NO_RATIO),
        ([math.inf, 1.0], [math.inf, 2.0], NO_RATIO),
        ([math.nan, 1.0], [1.0, 2.0], NO_RATIO),
    ],
)
def test_what_cannot_be_compared_is_no_verdict(first: list[float], second: list[float], reason: str) -> None:
    """One pair, zero, infinity: neither significant nor equal, and no warning on the way."""
    found = stats.compare(first, second, confidence=0.95)
    assert found == Comparison(None, None, None, None, len(first), reason)


def test_pairs_of_different_length_are_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="3 values paired with 2"):
        stats.compare([1.0, 2.0, 3.0], [1.0, 2.0], confidence=0.95)


def test_a_family_is_compared_as_its_pairs_are() -> None:
    """Rows that missed rounds, one that never varies, one that failed in a round, one measured once."""
    rng = np.random.default_rng(3)
    values = np.exp(0.1 * rng.normal(size=(7, 12)))
    values[1] *= 0.5
    values[2, ::3] = math.nan
    values[3] = 2 * values[0]
    values[4, 5] = math.inf
    values[5, 1:] = math.nan
    family = stats.compare_family(values, rounds_min=6, family_error=0.05)
    for one in range(7):
        for other in range(7):
            shared = ~np.isnan(values[one]) & ~np.isnan(values[other])
            alone = stats.compare(values[one, shared], values[other, shared], confidence=0.95)
            if one == other or alone.p_value is None or shared.sum() < 6:
                assert math.isnan(family.p_values[one, other])
            else:
                assert family.p_values[one, other] == pytest.approx(alone.p_value, rel=1e-9)
                assert alone.ratio is not None
                assert not family.lower[one, other] or alone.ratio < 1
    assert family.lower[1, [0, 2, 3, 6]].all()
    assert not family.lower[:, 1].any()
    assert not family.lower[4:6].any()
    assert not family.lower[:, 4:6].any()


@pytest.mark.parametrize("shape", [(0, 0), (1, 5), (3, 0), (2, 1)])
def test_a_family_without_pairs_or_rounds_tells_nothing_apart(shape: tuple[int, int]) -> None:
    family = stats.compare_family(np.ones(shape), rounds_min=6, family_error=0.05)
    assert family.lower.shape == family.p_values.shape == (shape[0], shape[0])
    assert not family.lower.any()


@pytest.mark.parametrize("case", LITERALS["holm"])
def test_holm_rejects_what_closed_testing_rejects(case: dict[str, Any]) -> None:
    rejected = stats.holm(case["p_values"], family_error=case["family_error"])
    assert np.flatnonzero(rejected).tolist() == case["rejected"]


def test_holm_counts_no_hypothesis_that_has_no_p_value() -> None:
    """0.02 falls at 0.05 / 2 beside one other, and would not at 0.05 / 3."""
    assert stats.holm([0.02, math.nan, 0.9], family_error=0.05).tolist() == [True, False, False]
    assert stats.holm([], family_error=0.05).tolist() == []
