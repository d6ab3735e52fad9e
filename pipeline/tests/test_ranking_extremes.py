"""Windows that nobody hopes for, on a board: each has a stated outcome, never a crash and never a number."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest

from fairlead import metrics, model, profile, ranking
from fairlead.metrics import tabulate
from fairlead.publish import time
from fairlead.ranking import Evidence, RankRange, Row
from fairlead.windows import Methodology, Outcome, Request

from .examples import (
    DAY_NS,
    MS,
    START_UNIX_NS,
    STEADY_RULES,
    S,
    make_clock,
    make_evidence,
    make_failure,
    make_load,
    make_methodology,
    make_provider,
    make_request,
    make_table,
    make_tokens,
    make_window,
)

NOW = START_UNIX_NS + 10 * DAY_NS
ROUNDS = 24
RULES = make_methodology()


def measured(
    requests: Iterable[Request], turn: int = 0, *, provider: str = "acme", **header: Any
) -> Evidence:
    """A window of these requests, from its records to whether it counts, in the hour of its turn."""
    made = list(requests)
    clock = {"start_unix_ns": START_UNIX_NS + turn * 3600 * S, **header.pop("clock", {})}
    fields = {"round": f"r{turn:02}", "load": make_load(planned=len(made)), **header}
    window = make_window(
        made, provider=provider, endpoint=f"{provider}-api", clock=make_clock(**clock), **fields
    )
    table = tabulate(window, STEADY_RULES)
    return make_evidence(table, invalid=ranking.invalid_reasons(table, RULES))


def successes(count: int = 30, **changes: Any) -> list[Request]:
    return [make_request(i=i, **changes) for i in range(count)]


def rows_of(
    evidence: Sequence[Evidence], *, now: int = NOW, versions: Sequence[str] = ("1.0.0",), **provider: Any
) -> list[Row]:
    names = sorted({item.table.header.provider for item in evidence})
    return list(
        ranking.build_rows(
            evidence,
            {name: make_provider(f"{name}-api", **provider) for name in names},
            {version: make_methodology(version=version) for version in versions},
            now_unix_ns=now,
        )
    )


def row_of(evidence: Sequence[Evidence], **options: Any) -> Row:
    (row,) = rows_of(evidence, **options)
    return row


def has_no_number(row: Row) -> bool:
    return all(found.value is None and found.reason for found in row.figures.values())


# -- windows of little or nothing ----------------------------------------------------------------


def test_empty_windows_give_no_number_and_blame_nobody() -> None:
    row = row_of([measured([], turn) for turn in range(ROUNDS)])
    assert row.unranked == ("no request that counts",)
    assert row.outcomes == {}
    assert has_no_number(row)


def test_an_empty_window_among_others_takes_nothing_from_them() -> None:
    full = [measured(successes(), turn) for turn in range(1, ROUNDS)]
    without, with_empty = row_of(full), row_of([measured([], 0), *full])
    assert with_empty.figures == without.figures
    assert with_empty.ranks == without.ranks != {}


def test_one_request_is_a_row_without_a_rank() -> None:
    """One success is listed; there is no interval, no quantile and no place."""
    row = row_of([measured(successes(1))])
    success = row.figures["success_rate"]
    assert (success.value, success.low, success.high) == (1.0, None, None)
    assert success.reason == "one window gives no interval"
    assert row.figures["ttft_p50_ms"].value is None
    assert row.ranks == {}


def test_a_provider_whose_every_request_failed_is_listed_with_its_count() -> None:
    row = row_of([measured([make_failure(i=i) for i in range(30)], turn) for turn in range(ROUNDS)])
    assert row.unranked == ("0 of 720 requests succeeded, fewer than 95 %",)
    assert row.outcomes == {Outcome.SERVER_ERROR: 720}
    success = row.figures["success_rate"]
    assert (success.value, success.low) == (0.0, 0.0)
    assert success.high is not None
    assert 0 < success.high < 0.05
    others = {name: found for name, found in row.figures.items() if name != "success_rate"}
    assert all(found.value is None and found.reason for found in others.values())


def test_a_failed_rival_takes_no_place() -> None:
    failed = [
        measured([make_failure(i=i) for i in range(30)], turn, provider="bolt") for turn in range(ROUNDS)
    ]
    acme, bolt = rows_of([*(measured(successes(), turn) for turn in range(ROUNDS)), *failed])
    assert acme.ranks["ttft_p50_ms"] == RankRange(1, 1, 1)
    assert bolt.ranks == {}


# -- values of which nothing follows -------------------------------------------------------------


def test_identical_values_have_an_interval_of_no_width_and_tell_nobody_apart() -> None:
    """Two providers whose every request took as long: the intervals are points, the ranks are shared."""
    windows = [
        measured(successes(), turn, provider=name)
        for turn, name in itertools.product(range(ROUNDS), ("acme", "bolt"))
    ]
    for row in rows_of(windows):
        ttft = row.figures["ttft_p50_ms"]
        assert (ttft.value, ttft.low, ttft.high) == (200.0, 200.0, 200.0)
        assert row.ranks["ttft_p50_ms"] == RankRange(1, 2, 2)
        assert row.figures["success_rate"].low != 1.0  # that none failed proves no certainty


def test_no_token_at_all_is_no_speed_and_no_price_of_one() -> None:
    """Chunks came and were counted as nothing: latency is known, speed and cost per token are not."""
    none = make_tokens(counted=0, usage_output=0, usage_input=0)
    row = row_of(
        [measured(successes(tokens=none, chunk_tokens=[0] * 4), turn) for turn in range(ROUNDS)],
        endpoints=priced(("2026-01-01", None)),
    )
    assert row.figures["ttft_p50_ms"].value == 200.0
    for name in ("tpot_p50_ms", "output_speed_p50_tps", "system_throughput_tps", "blended_usd_per_mtok"):
        assert row.figures[name].value is None
        assert row.figures[name].reason


def test_a_clock_that_stepped_inside_a_window_takes_that_window_out() -> None:
    """Its numbers stand in no figure; it is listed with the reason, and its round tells nothing."""
    windows = [
        measured(successes(), turn, clock={"max_step_ns": -6 * MS if turn == 3 else 0})
        for turn in range(ROUNDS)
    ]
    row = row_of(windows)
    (stepped,) = [item for item in row.evidence if item.invalid]
    assert stepped.invalid == ("the clock stepped by -6.0 ms, the limit is 5 ms",)
    assert row.figures["ttft_p50_ms"].windows == ROUNDS - 1
    assert set(row.by_round["ttft_p50_ms"]) == {f"r{turn:02}" for turn in range(ROUNDS)} - {"r03"}


# -- prices and versions that change -------------------------------------------------------------


def priced(*spans: tuple[str, str | None]) -> tuple[model.Endpoint, ...]:
    """The one endpoint of acme, with a price of 1 and 4 USD for these spans of days."""
    prices = tuple(
        model.Price(
            from_=dt.date.fromisoformat(begin),
            until=None if end is None else dt.date.fromisoformat(end),
            input_usd_per_mtok=1.0,
            cached_input_usd_per_mtok=None,
            output_usd_per_mtok=4.0,
            source="https://acme.example/prices",
            retrieved=dt.date(2026, 1, 1),
        )
        for begin, end in spans
    )
    unknown = dict.fromkeys(
        ("accelerator", "accelerator_count", "precision", "context_tokens", "prompt_cache")
    )
    served = model.ServedModel(model="fable-7b", api_model="fable-7b", prices=prices, **unknown)
    (endpoint,) = make_provider("acme-api").endpoints
    return (msgspec.structs.replace(endpoint, models=(served,)),)


def test_windows_without_a_price_are_left_out_of_the_cost_and_of_nothing_else() -> None:
    """A price holds for two of four days and none follows: half the windows have a cost."""
    tokens = make_tokens(counted=4, usage_input=100, usage_output=4)
    windows = [measured(successes(tokens=tokens), turn * 4) for turn in range(ROUNDS)]  # six a day
    row = row_of(windows, endpoints=priced(("2026-01-01", "2026-01-02")))
    cost = row.figures["blended_usd_per_mtok"]
    assert cost.value == pytest.approx((100 * 1 + 4 * 4) / 104)
    assert (cost.windows, cost.n) == (12, 360)
    assert row.figures["ttft_p50_ms"].windows == ROUNDS
    unpriced = row_of(windows, endpoints=priced(("2025-01-01", "2025-12-31")))
    assert unpriced.figures["blended_usd_per_mtok"].value is None
    assert unpriced.figures["blended_usd_per_mtok"].reason
    assert unpriced.ranks == row.ranks != {}


def test_windows_of_two_methodology_versions_are_two_rows_and_share_no_rank() -> None:
    versions = ("1.0.0", "1.1.0")
    windows = [
        dataclasses.replace(found, path=f"{version}/{found.path}")
        for turn, version in itertools.product(range(ROUNDS), versions)
        for found in [measured(successes(), turn, methodology=Methodology(version=version, sha256="0" * 64))]
    ]
    rows = rows_of(windows, versions=versions)
    assert [row.family.methodology for row in rows] == list(versions)
    assert [row.figures["ttft_p50_ms"].windows for row in rows] == [ROUNDS, ROUNDS]
    assert [row.ranks["ttft_p50_ms"] for row in rows] == [RankRange(1, 1, 1)] * 2
    assert isinstance(profile.timeline(windows), metrics.Undefined)  # and no profile of both


# -- ten years -----------------------------------------------------------------------------------

DAYS = 3653
TEN_YEARS_NS = DAYS * DAY_NS


def years(provider: str, *, growth: float = 0.0, until_day: int = DAYS) -> list[Evidence]:
    """A window a day at a fixed hour; in the last year TTFT grows by so much a day."""
    made = []
    for day in range(until_day):
        level = 200.0 * (1 + growth) ** max(day - (DAYS - 365), 0) * (1 + 0.01 * ((day * 7) % 5 - 2))
        start = START_UNIX_NS + day * DAY_NS
        table = make_table(
            {"ttft_ms": [level] * 30, "output_speed_tps": [90.0] * 30},
            provider=provider,
            endpoint=f"{provider}-api",
            round=f"d{day}",
            clock=make_clock(start_unix_ns=start),
        )
        made.append(dataclasses.replace(make_evidence(table), path=f"{provider}/{day}"))
    return made


def test_ten_years_of_windows_are_a_row_of_all_of_them_and_a_profile_of_bounded_size() -> None:
    """Every window stands in the figures; a trend is judged over the last days alone, as the rules say."""
    steady, slowing = rows_of(
        [*years("acme"), *years("bolt", growth=0.002)], now=START_UNIX_NS + TEN_YEARS_NS
    )
    assert (steady.figures["ttft_p50_ms"].n, steady.figures["ttft_p50_ms"].windows) == (30 * DAYS, DAYS)
    assert steady.ranks["ttft_p50_ms"] == RankRange(1, 1, 2)  # by pairs of ten years
    assert slowing.ranks["ttft_p50_ms"] == RankRange(2, 2, 2)
    rules = dataclasses.replace(time.time_rules(RULES), drift_days_max=60)
    for row, drifts in ((steady, False), (slowing, True)):
        found = time.row_time(row, rules)
        assert isinstance(found, time.RowTime)
        assert len(found.hours) == profile.HOURS
        assert len(found.days) == time.DAYS_SHOWN
        assert found.coverage.days == found.coverage.days_span == DAYS
        trend = found.drifts["ttft_ms"]
        assert isinstance(trend, profile.Drift)
        assert (trend.days, trend.days_span) == (60, 60)
        assert (trend.p_value < 0.01) is drifts


def test_a_provider_that_was_last_measured_years_ago_is_listed_and_holds_no_place() -> None:
    (fresh, gone) = rows_of(
        [*years("acme"), *years("bolt", until_day=DAYS // 2)], now=START_UNIX_NS + TEN_YEARS_NS
    )
    assert fresh.ranks["ttft_p50_ms"] == RankRange(1, 1, 1)
    assert gone.unranked == ("older than 90 days",)
    assert gone.ranks == {}
    assert gone.figures["ttft_p50_ms"].windows == DAYS // 2
    assert profile.age_state(gone.last_unix_ns, START_UNIX_NS + TEN_YEARS_NS, RULES.ranking) == "expired"
