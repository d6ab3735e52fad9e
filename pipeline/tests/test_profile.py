"""Hours, days, coverage, drift and age: on windows whose every number is given, and against scipy."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead import profile, ranking
from fairlead.metrics import Undefined
from fairlead.profile import AgeState, Drift, Sampling, Timeline, TimeRules
from fairlead.ranking import INTERVALS, Evidence
from fairlead.windows import Methodology, Outcome

from .examples import DAY_NS, MS, START_UNIX_NS, S, make_clock, make_evidence, make_methodology, make_table

LITERALS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "reference" / "drift.json").read_text(encoding="utf-8")
)
HOUR_NS = DAY_NS // 24
RULES = TimeRules(day_seconds=86_400, intervals=INTERVALS, drift_days_min=5, drift_days_max=90)


def window(
    hour: float, *, ttft_ms: Sequence[float] = (100.0,) * 30, invalid: tuple[str, ...] = (), **changes: Any
) -> Evidence:
    """A window that began so many hours after midnight of the first day."""
    start = START_UNIX_NS + round(hour * HOUR_NS)
    fields = {"clock": make_clock(start_unix_ns=start, **changes.pop("clock", {})), **changes}
    return make_evidence(make_table({"ttft_ms": ttft_ms}, **fields), invalid=invalid)


def line_of(*windows: Evidence) -> Timeline:
    line = profile.timeline(windows)
    assert isinstance(line, Timeline)
    return line


# -- hours and days ------------------------------------------------------------------------------


def test_an_hour_is_a_24th_of_the_methodologys_day() -> None:
    """A real day has hours of 3,600 s, one of 60 s has hours of 2.5 s; an hour's last ns is its own."""
    short = TimeRules(day_seconds=60, intervals=INTERVALS, drift_days_min=5, drift_days_max=90)
    assert [profile.hour_of(START_UNIX_NS + hour * HOUR_NS, RULES) for hour in range(24)] == list(range(24))
    assert profile.hour_of(START_UNIX_NS + HOUR_NS - 1, RULES) == 0
    assert [profile.hour_of(START_UNIX_NS + turn * 2500 * MS, short) for turn in range(25)] == [
        *range(24),
        0,
    ]
    assert profile.day_of(START_UNIX_NS + 60 * S, short) == profile.day_of(START_UNIX_NS, short) + 1


def test_a_bin_holds_the_windows_that_began_in_it_on_whatever_day() -> None:
    bins = profile.hour_bins(line_of(window(3), window(27.5), window(4.2)), RULES)
    assert [found.place for found in bins] == list(range(24))
    assert {found.place: found.windows for found in bins if found.windows} == {3: 2, 4: 1}
    assert (bins[3].requests, bins[3].successes) == (60, 60)


def test_a_bins_figures_are_those_of_its_windows_with_an_interval_or_a_reason() -> None:
    """Two windows of 1 to 30 ms: p50 is the 30th of 60 values; one window bears no interval."""
    values = [float(value) for value in range(1, 31)]
    bins = profile.hour_bins(
        line_of(window(3, ttft_ms=values), window(27, ttft_ms=values), window(4, ttft_ms=values)), RULES
    )
    two, one, none = bins[3].figures, bins[4].figures, bins[5].figures
    assert two["ttft_p50_ms"].value == 15
    assert two["ttft_p95_ms"].reason == "2 windows, 12 are needed"
    assert two["success_rate"].low is not None
    assert one["ttft_p50_ms"].value == 15
    assert one["ttft_p50_ms"].low is None
    assert one["ttft_p50_ms"].reason == "one window gives no interval"
    assert one["ttft_p95_ms"].reason == "30 values, 59 are needed"
    assert one["output_speed_p50_tps"].value is None
    assert all(estimate.value is None and estimate.reason for estimate in none.values())


def test_failures_count_in_a_bin_and_in_no_latency() -> None:
    failed = make_evidence(
        make_table(
            {"ttft_ms": [100.0] * 27},
            failures={Outcome.TIMEOUT: 3},
            clock=make_clock(start_unix_ns=START_UNIX_NS),
        )
    )
    found = profile.hour_bins(line_of(failed), RULES)[0]
    assert (found.requests, found.successes) == (30, 27)
    assert found.figures["success_rate"].value == 0.9
    assert found.figures["ttft_p50_ms"].n == 27


def test_only_days_that_hold_a_window_are_listed() -> None:
    """A window now and one two hundred years on: two bins, not seventy thousand."""
    late = 24 * 365 * 200
    line, first = line_of(window(late), window(1), window(2)), profile.day_of(START_UNIX_NS, RULES)
    bins = profile.day_bins(line, RULES, latest=14)
    assert [(found.place - first, found.windows) for found in bins] == [(0, 2), (365 * 200, 1)]
    assert profile.day_bins(line, RULES, latest=1) == bins[1:]


def test_windows_of_two_methodology_versions_share_no_bin() -> None:
    """They are another measurement each; the reason names both."""
    other = window(5, methodology=Methodology(version="1.1.0", sha256="1" * 64))
    assert profile.timeline([window(4), other]) == Undefined(
        "windows of several methodology versions (1.0.0, 1.1.0) share no profile"
    )
    unstated = window(5, methodology=None)
    assert profile.timeline([window(4), unstated]) == Undefined(
        "windows of several methodology versions (1.0.0, none) share no profile"
    )


def test_the_time_of_a_file_is_no_hour() -> None:
    """Imported results say when a file was written: their windows are in no bin, and that is said."""
    imported = window(4, clock={"basis": "file_timestamp"})
    assert profile.timeline([imported]) == Undefined(
        "no window states when it was measured: its time is that of a file"
    )
    line = line_of(window(5), imported)
    assert line.untimed == 1
    assert profile.coverage(line, RULES).untimed == 1
    assert profile.hour_bins(line, RULES)[4].sampling is Sampling.EMPTY


def test_no_window_has_no_profile() -> None:
    assert profile.timeline([]) == Undefined("no window")


# -- coverage ------------------------------------------------------------------------------------


def test_an_empty_hour_is_empty_and_an_invalid_window_is_missing_coverage() -> None:
    """A window in which the clock stepped is shown in its hour with the reason, and covers nothing."""
    stepped = window(4, clock={"max_step_ns": 6 * MS}).table
    (step,) = ranking.invalid_reasons(stepped, make_methodology())
    assert step == "the clock stepped by 6.0 ms, the limit is 5 ms"
    line = line_of(window(3), window(4, invalid=(step,)), window(4.5, invalid=(step, "cut off")))
    found = profile.coverage(line, RULES)
    assert found.places(Sampling.SAMPLED) == (3,)
    assert found.places(Sampling.INVALID) == (4,)
    assert found.places(Sampling.EMPTY) == (*range(3), *range(5, 24))
    assert found.share == 1 / 24
    assert (found.windows, found.invalid) == (1, 2)
    assert found.reasons == ((step, 2), ("cut off", 1))
    bins = profile.hour_bins(line, RULES)
    assert [bins[hour].sampling for hour in (3, 4, 5)] == [Sampling.SAMPLED, Sampling.INVALID, Sampling.EMPTY]
    assert bins[4].requests == 0
    assert bins[4].reasons == ((step, 2), ("cut off", 1))


def test_a_valid_window_covers_the_hour_of_an_invalid_one() -> None:
    found = profile.coverage(line_of(window(4), window(28, invalid=("cut off",))), RULES)
    assert found.places(Sampling.SAMPLED) == (4,)
    assert found.invalid == 1


def test_days_and_the_longest_gap_are_those_of_windows_that_count() -> None:
    """Days 0, 1 and 4 of five; from 60 s after 25:00 to 100:00, whatever the invalid window at 60:00 did."""
    line = line_of(window(1), window(25), window(60, invalid=("cut off",)), window(100))
    found = profile.coverage(line, RULES)
    assert (found.days, found.days_span) == (3, 5)
    assert found.longest_gap_ns == 75 * HOUR_NS - 60 * S


def test_windows_that_overlap_leave_no_gap() -> None:
    """A long window hides the gap behind a short one that began within it."""
    hour = {"duration_ns": HOUR_NS}
    line = line_of(
        window(1, clock={"duration_ns": 3 * HOUR_NS}), window(2, clock=hour), window(3.5, clock=hour)
    )
    assert profile.coverage(line, RULES).longest_gap_ns == 0


def test_one_window_covers_one_hour_and_has_no_gap() -> None:
    found = profile.coverage(line_of(window(1)), RULES)
    assert (found.days, found.days_span, found.longest_gap_ns) == (1, 1, None)
    assert found.hours.count(Sampling.SAMPLED) == 1


def test_a_row_without_a_valid_window_covers_nothing() -> None:
    found = profile.coverage(line_of(window(1, invalid=("cut off",))), RULES)
    assert (found.share, found.days, found.days_span, found.longest_gap_ns) == (0.0, 0, 0, None)


# -- drift ---------------------------------------------------------------------------------------


def days_of(days: Sequence[int], logarithms: Sequence[float], hour: float = 0) -> list[Evidence]:
    """One window a day at the same hour, all its requests at exp(logarithm) ms."""
    return [
        window(24 * day + hour, ttft_ms=[math.exp(level)] * 5)
        for day, level in zip(days, logarithms, strict=True)
    ]


def drift_of(windows: Sequence[Evidence], rules: TimeRules = RULES) -> Drift | Undefined:
    return profile.drift(line_of(*windows), "ttft_ms", rules)


@pytest.mark.parametrize("case", LITERALS["cases"], ids=lambda case: case["name"])
def test_slope_and_p_value_agree_with_scipy(case: dict[str, Any]) -> None:
    """Theil and Sen's slope, Kendall's p-value with continuity and with the factor of alike neighbours."""
    found = drift_of(days_of(case["days"], case["logarithms"]))
    assert isinstance(found, Drift)
    assert found.share_per_day == pytest.approx(math.expm1(case["slope"]), rel=1e-9)
    assert found.p_value == pytest.approx(case["p"], rel=1e-6)
    assert found.days == len(case["days"])
    assert found.days_span == case["days"][-1] - case["days"][0] + 1


def test_the_literals_hold_series_with_and_without_alike_neighbours() -> None:
    """Else the factor would be tested by nothing."""
    found = [case["persistence"] for case in LITERALS["cases"]]
    assert min(found) == 0
    assert max(found) > 0.3


def test_a_steady_rise_is_its_rate_and_its_total() -> None:
    """One per cent a day on top of the last, 30 days: the slope is 1 %, the whole 1.01 ** 29."""
    found = drift_of(days_of(range(30), [5 + day * math.log(1.01) for day in range(30)]))
    assert isinstance(found, Drift)
    assert found.share_per_day == pytest.approx(0.01)
    assert found.share == pytest.approx(1.01**29 - 1)
    assert found.p_value < 1e-6


def test_identical_days_have_no_drift() -> None:
    assert drift_of(days_of(range(20), [5.0] * 20)) == Drift(0.0, 1.0, 20, 20)


def test_too_few_days_give_a_reason_and_no_number() -> None:
    found = drift_of(days_of(range(4), [1.0, 2.0, 3.0, 4.0]))
    assert isinstance(found, Undefined)
    assert found.reason.startswith("4 days tell of a trend")
    assert found.reason.endswith("5 are needed")


def test_one_bad_day_makes_no_drift() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0, 0.05, 20)
    values[-1] += 3
    found = drift_of(days_of(range(20), values.tolist()))
    assert isinstance(found, Drift)
    assert abs(found.share_per_day) < 0.02
    assert found.p_value > 0.05


def test_other_hours_on_other_days_are_no_drift() -> None:
    """Nights are twice as fast, and more of the late windows are at night: nothing changed over the days.

    The days' own medians halve. Relative to their hours a drift is seen in at most 3 of 20 such rows.
    """
    rng, false = np.random.default_rng(6), 0
    for _ in range(20):
        days = [_shifting_day(rng, day) for day in range(20)]
        found = drift_of([item for items in days for item in items])
        assert isinstance(found, Drift)
        assert abs(found.share) < 0.1
        false += found.p_value < 0.05
        first, last = (np.median([item.table.values["ttft_ms"] for item in days[day]]) for day in (0, -1))
        assert last < 0.6 * first
    assert false <= 3


def _shifting_day(rng: np.random.Generator, day: int) -> list[Evidence]:
    """Six windows: from one at night on the first days to five on the last."""
    nights = day // 4 + 1
    return [
        window(
            24 * day + (turn if turn < nights else 12 + turn),
            ttft_ms=[math.exp((5.0 if turn < nights else 5.7) + rng.normal(0, 0.05))] * 5,
        )
        for turn in range(6)
    ]


def test_an_hour_that_was_measured_on_one_day_only_says_nothing() -> None:
    """Twenty days, each at another hour: no two windows can be held against each other."""
    windows = [window(24 * day + day, ttft_ms=[100.0 + day] * 5) for day in range(20)]
    found = drift_of(windows)
    assert isinstance(found, Undefined)
    assert found.reason.startswith("0 days tell")


def test_invalid_windows_make_no_drift() -> None:
    steady = days_of(range(20), [5.0] * 20)
    spoilt = [window(24 * day + 1, ttft_ms=[2.0**day] * 5, invalid=("cut off",)) for day in range(20)]
    assert drift_of([*steady, *spoilt]) == drift_of(steady)


def test_only_the_last_days_are_looked_at() -> None:
    """A rise that ended a year ago is no drift now."""
    rise = days_of(range(100), [5 + 0.01 * day for day in range(100)])
    flat = days_of(range(400, 420), [6.0] * 20)
    assert drift_of([*rise, *flat]) == Drift(0.0, 1.0, 20, 20)


def test_a_drift_is_seen_where_it_is_and_seldom_where_it_is_not() -> None:
    """30 days, each like the one before by 0.5: false in at most 12 of 100, a doubling found in 95."""
    rng = np.random.default_rng(7)
    false = found = 0
    for _ in range(100):
        noise = [rng.normal(0, 0.05)]
        for _ in range(29):
            noise.append(0.5 * noise[-1] + rng.normal(0, 0.05 * math.sqrt(0.75)))
        flat = drift_of(days_of(range(30), noise))
        risen = drift_of(
            days_of(range(30), [value + day * math.log(2) / 29 for day, value in enumerate(noise)])
        )
        assert isinstance(flat, Drift)
        assert isinstance(risen, Drift)
        false += flat.p_value < 0.05
        found += risen.p_value < 0.05
    assert false <= 12
    assert found >= 95


def test_ten_years_stay_small() -> None:
    """A window an hour for ten years: 24 bins, days as many as there were, a drift of the last 90 of them."""
    shared = make_table({"ttft_ms": [100.0 + value for value in range(5)]})
    years = [
        make_evidence(_moved(shared, START_UNIX_NS + turn * 24 * HOUR_NS // 8)) for turn in range(3653 * 8)
    ]
    line = line_of(*years)
    found = profile.drift(line, "ttft_ms", RULES)
    assert isinstance(found, Drift)
    assert found.days == 90
    coverage = profile.coverage(line, RULES)
    assert (coverage.days, coverage.share) == (3653, 8 / 24)
    assert len(profile.hour_bins(line, RULES)) == 24
    assert len(profile.day_bins(line, RULES, latest=14)) == 14
    assert len(profile.day_bins(line, RULES, latest=4000)) == 3653


def _moved(table: Any, start_unix_ns: int) -> Any:
    return type(table)(
        **{name: getattr(table, name) for name in table.__dataclass_fields__}
        | {"start_unix_ns": start_unix_ns, "end_unix_ns": start_unix_ns + 60 * S}
    )


# -- age -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_ns", "state"),
    [
        (-1, AgeState.FUTURE),
        (0, AgeState.FRESH),
        (30 * DAY_NS, AgeState.FRESH),
        (30 * DAY_NS + 1, AgeState.STALE),
        (90 * DAY_NS, AgeState.STALE),
        (90 * DAY_NS + 1, AgeState.EXPIRED),
        (4000 * DAY_NS, AgeState.EXPIRED),
    ],
)
def test_a_row_is_marked_after_30_days_and_not_ranked_after_90(age_ns: int, state: AgeState) -> None:
    rules = make_methodology().ranking
    assert (rules.stale_badge_days, rules.stale_unranked_days) == (30, 90)
    assert profile.age_state(START_UNIX_NS, START_UNIX_NS + age_ns, rules) is state
