"""Who is ranked, against whom and how far: on boards whose every number is given."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from fairlead import cost, model, ranking
from fairlead.metrics import Undefined, tabulate
from fairlead.ranking import FIGURES, Evidence, Origin, RankRange, Row
from fairlead.windows import Calibration, Certificate, Methodology, Outcome, Request

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
    with_table,
)

NOW = START_UNIX_NS + 10 * DAY_NS
ROUNDS = 24
# Noise that a round's rivals share; it cancels only where rounds are paired.
WEATHER = tuple(1.0 + 0.5 * (turn % 5) for turn in range(ROUNDS))
# A provider's own noise, small, without a pattern in common.
OWN = tuple(1.0 + 0.01 * ((turn * 7) % 5 - 2) for turn in range(ROUNDS))


def neutral(
    provider: str, ttft_ms: float, *, rounds: int = ROUNDS, shift: int = 0, **changes: Any
) -> list[Evidence]:
    """One window a round, 30 successes each, all at the round's value."""
    origin = changes.pop("origin", Origin.NEUTRAL)
    scenario = changes.pop("scenario", "chat-c1")
    invalid = changes.pop("invalid", ())
    failures = changes.pop("failures", None)
    fields: dict[str, Any] = {"provider": provider, "endpoint": f"{provider}-api", **changes}
    return [
        make_evidence(
            make_table(
                {"ttft_ms": [ttft_ms * WEATHER[turn] * OWN[(turn + shift) % ROUNDS]] * 30},
                failures=failures,
                **{"round": f"r{turn:02}", "clock": make_clock(start_unix_ns=START_UNIX_NS + turn * 3600 * S)}
                | fields,
            ),
            origin=origin,
            scenario=scenario,
            invalid=invalid,
        )
        for turn in range(rounds)
    ]


def board(
    *windows: Sequence[Evidence],
    providers: Mapping[str, model.Provider] | None = None,
    methodologies: Mapping[str, model.Methodology] | None = None,
    now: int = NOW,
) -> dict[str, Row]:
    """Rows by provider; every provider that a window names may be ranked unless told otherwise."""
    evidence = [item for group in windows for item in group]
    names = {item.table.header.provider for item in evidence}
    entries = {name: make_provider(f"{name}-api") for name in names} | dict(providers or {})
    rows = ranking.build_rows(
        evidence, entries, methodologies or {"1.0.0": make_methodology()}, now_unix_ns=now
    )
    return {row.provider: row for row in rows}


def ttft_rank(row: Row) -> RankRange:
    return row.ranks["ttft_p50_ms"]


# -- ranges --------------------------------------------------------------------------------------


def test_a_rank_is_a_range_between_those_told_apart() -> None:
    """Two alike and one 20 % slower: first or second, first or second, third."""
    rows = board(neutral("acme", 100.0), neutral("bolt", 100.0, shift=2), neutral("cove", 120.0, shift=3))
    assert ttft_rank(rows["acme"]) == RankRange(1, 2, 3)
    assert ttft_rank(rows["bolt"]) == RankRange(1, 2, 3)
    assert ttft_rank(rows["cove"]) == RankRange(3, 3, 3)


def test_who_sends_a_first_chunk_long_before_the_rest_is_not_ranked_by_ttft() -> None:
    """Its TTFT stands with the reason, its other figures are ranked, and its rivals are ranked without it."""
    limits = model.SmoothnessLimits(
        replies_min=20,
        replies_share_min=0.5,
        reads_min=8,
        bundle_tokens_min=2,
        same_read_share_min=0.5,
        opening_reads_min=5,
        early_gap_paces_min=20,
        steady_spread_max=0.05,
        steady_wait_share_min=0.5,
    )
    rules = ranking_rules(metrics=("ttft_p50_ms", "e2e_p50_ms"))
    method = {"1.0.0": msgspec.structs.replace(rules, smoothness=limits)}

    def windows(provider: str, ttft: float, paces: float, shift: int) -> list[Evidence]:
        return [
            make_evidence(
                make_table(
                    {
                        "ttft_ms": [ttft * (1 + (k + shift) % 5 / 100)] * 30,
                        "e2e_ms": [900.0 * (1 + (k + shift) % 5 / 100)] * 30,
                        "first_gap_paces": [paces] * 30,
                    },
                    provider=provider,
                    round=f"r{k}",
                )
            )
            for k in range(8)
        ]

    early = windows("cove", 10.0, 20.0, 3)
    rows = board(windows("acme", 100.0, 1.0, 0), windows("bolt", 150.0, 19.9, 2), early, methodologies=method)
    assert (ttft_rank(rows["acme"]), ttft_rank(rows["bolt"])) == (RankRange(1, 1, 2), RankRange(2, 2, 2))
    assert "ttft_p50_ms" not in rows["cove"].ranks
    assert rows["cove"].ranks["e2e_p50_ms"].of == 3
    assert rows["cove"].figures["ttft_p50_ms"].value is not None
    reason = "in 240 of 240 replies the first chunk came long before the rest"
    assert set(rows["cove"].withheld.values()) == {reason}
    assert rows["acme"].withheld == rows["bolt"].withheld == {}
    without = board(windows("acme", 100.0, 1.0, 0), early)  # a method that says nothing of it
    assert ttft_rank(without["cove"]).of == 2


def test_pairing_sees_through_noise_that_rivals_share() -> None:
    """Rounds differ threefold and the rivals by 5 %: unpaired nothing could be said, paired it can."""
    rows = board(neutral("acme", 100.0), neutral("bolt", 105.0, shift=2))
    fast, slow = rows["acme"].figures["ttft_p50_ms"], rows["bolt"].figures["ttft_p50_ms"]
    assert fast.high is not None
    assert slow.low is not None
    assert fast.high > slow.low
    assert (ttft_rank(rows["acme"]), ttft_rank(rows["bolt"])) == (RankRange(1, 1, 2), RankRange(2, 2, 2))


def test_more_is_better_where_the_figure_says_so() -> None:
    """Output speed ranks upwards, TTFT downwards, on the same windows."""
    rules = ranking_rules(metrics=("output_speed_p50_tps", "system_throughput_tps"))

    def windows(provider: str, speed: float, shift: int) -> list[Evidence]:
        return [
            make_evidence(
                make_table(
                    {"output_speed_tps": [speed * OWN[(turn + shift) % ROUNDS]] * 30},
                    throughput_tps=speed * OWN[(turn + shift) % ROUNDS] * 8,
                    provider=provider,
                    endpoint=f"{provider}-api",
                    round=f"r{turn}",
                )
            )
            for turn in range(ROUNDS)
        ]

    rows = board(windows("acme", 90.0, 0), windows("bolt", 120.0, 3), methodologies={"1.0.0": rules})
    for name in ("output_speed_p50_tps", "system_throughput_tps"):
        assert rows["bolt"].ranks[name] == RankRange(1, 1, 2)
        assert rows["acme"].ranks[name] == RankRange(2, 2, 2)


def ranking_rules(**changes: Any) -> model.Methodology:
    fields = {
        "metrics": ("ttft_p50_ms",),
        "success_rate_min": 0.95,
        "stale_badge_days": 30,
        "stale_unranked_days": 90,
    }
    return make_methodology(ranking=model.RankingRules(**{**fields, **changes}))


def test_a_row_alone_is_first_of_one() -> None:
    assert ttft_rank(board(neutral("acme", 100.0))["acme"]) == RankRange(1, 1, 1)


def test_rows_without_shared_rounds_are_not_told_apart() -> None:
    """Ten times slower, but never in the same hour: the data cannot say why."""
    later = [
        with_table(
            item,
            dataclasses.replace(
                item.table, header=_with(item.table.header, round=f"x-{item.table.header.round}")
            ),
            path=f"later-{item.path}",
        )
        for item in neutral("bolt", 1000.0)
    ]
    rows = board(neutral("acme", 100.0), later)
    assert ttft_rank(rows["acme"]) == ttft_rank(rows["bolt"]) == RankRange(1, 2, 2)


def _with(header: Any, **changes: Any) -> Any:
    return type(header)(**{name: getattr(header, name) for name in header.__struct_fields__} | changes)


@pytest.mark.parametrize(("shared", "told_apart"), [(4, False), (24, True)])
def test_fewer_shared_rounds_than_the_methodology_asks_tell_nothing(shared: int, told_apart: bool) -> None:
    others = neutral("bolt", 200.0, shift=1, round=None)[shared:]
    rows = board(neutral("acme", 100.0), neutral("bolt", 200.0, rounds=shared, shift=1), others)
    assert (ttft_rank(rows["bolt"]) == RankRange(2, 2, 2)) is told_apart


def test_a_window_without_a_round_is_listed_and_pairs_with_nothing() -> None:
    rows = board(neutral("acme", 100.0, round=None), neutral("bolt", 200.0, round=None))
    assert ttft_rank(rows["acme"]) == ttft_rank(rows["bolt"]) == RankRange(1, 2, 2)


def test_repeating_a_window_of_a_round_does_not_help() -> None:
    """The first window that counts stands for its round; a luckier one an hour later does not."""
    lucky = [
        with_table(
            item,
            dataclasses.replace(item.table, start_unix_ns=item.table.start_unix_ns + 3600 * S),
            path=f"{item.path}.again",
        )
        for item in neutral("bolt", 50.0)
    ]
    honest = board(neutral("acme", 100.0), neutral("bolt", 120.0, shift=2))
    repeated = board(neutral("acme", 100.0), neutral("bolt", 120.0, shift=2), lucky)
    assert ttft_rank(repeated["bolt"]) == ttft_rank(honest["bolt"]) == RankRange(2, 2, 2)


def test_an_invalid_window_gives_its_round_to_its_repetition() -> None:
    spoilt = neutral("bolt", 10.0, invalid=("the clock stepped",))
    again = [dataclasses.replace(item, path=f"{item.path}.again") for item in neutral("bolt", 120.0, shift=2)]
    rows = board(neutral("acme", 100.0), spoilt, again)
    assert ttft_rank(rows["bolt"]) == RankRange(2, 2, 2)
    assert rows["bolt"].figures["ttft_p50_ms"].windows == ROUNDS


def test_a_row_without_the_figure_is_not_counted_among_its_rivals() -> None:
    """No throughput figure, no place in the throughput ranking, and the others' ``of`` says so."""
    rules = ranking_rules(metrics=("ttft_p50_ms", "system_throughput_tps"))
    with_figure = [
        with_table(item, dataclasses.replace(item.table, throughput_tps=500.0))
        for item in neutral("acme", 100.0)
    ]
    rows = board(with_figure, neutral("bolt", 100.0, shift=2), methodologies={"1.0.0": rules})
    assert rows["acme"].ranks["system_throughput_tps"] == RankRange(1, 1, 1)
    assert "system_throughput_tps" not in rows["bolt"].ranks
    assert ttft_rank(rows["bolt"]).of == 2


# -- who is ranked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (Origin.IMPORTED, "imported from another tool: unregistered, without stamps, never ranked"),
        (Origin.CLAIM, "claim: measured by the provider itself, never ranked"),
    ],
)
def test_only_neutral_windows_are_ranked(origin: Origin, reason: str) -> None:
    """A boast of 1 ms stands in its own row, without a rank, and moves nobody."""
    rows = board(neutral("acme", 100.0), neutral("bolt", 1.0, origin=origin))
    assert rows["bolt"].unranked == (reason,)
    assert rows["bolt"].ranks == {}
    assert ttft_rank(rows["acme"]) == RankRange(1, 1, 1)


def test_the_boards_own_house_is_listed_with_its_reason_and_moves_nobody() -> None:
    """What governance withholds has figures and no rank; others are ranked as if it were not there."""
    rows = ranking.build_rows(
        [*neutral("acme", 100.0), *neutral("bolt", 50.0)],
        {name: make_provider(f"{name}-api") for name in ("acme", "bolt")},
        {"1.0.0": make_methodology()},
        now_unix_ns=NOW,
        withheld={"bolt": ("the board's own house",)},
    )
    acme, bolt = rows
    assert bolt.unranked == ("the board's own house",)
    assert bolt.ranks == {}
    assert bolt.figures["ttft_p50_ms"].value is not None
    assert ttft_rank(acme) == RankRange(1, 1, 1)


def test_a_providers_claim_does_not_touch_its_neutral_row() -> None:
    evidence = [*neutral("acme", 100.0), *neutral("acme", 1.0, origin=Origin.CLAIM)]
    rows = ranking.build_rows(
        evidence, {"acme": make_provider("acme-api")}, {"1.0.0": make_methodology()}, now_unix_ns=NOW
    )
    medians = {row.origin: row.figures["ttft_p50_ms"].value for row in rows}
    assert medians[Origin.NEUTRAL] == pytest.approx(200.0, rel=0.05)
    assert medians[Origin.CLAIM] == pytest.approx(2.0, rel=0.05)
    claim, own = (row.id for row in rows)
    assert claim == own.replace("/neutral/1.0.0", "/claim/1.0.0/2026-03-04-claim")


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("control", "control endpoint: it shows the noise of the rounds"),
        ("smoke", "smoke test: it shows that the endpoint answers, no more"),
    ],
)
def test_windows_of_another_role_are_a_row_of_their_own(role: str, reason: str) -> None:
    """A smoke test of an endpoint neither ranks nor spoils the endpoint's own row."""
    evidence = [*neutral("acme", 100.0), *neutral("acme", 1.0, role=role)]
    rows = ranking.build_rows(
        evidence, {"acme": make_provider("acme-api")}, {"1.0.0": make_methodology()}, now_unix_ns=NOW
    )
    by_role = {row.role: row for row in rows}
    assert by_role["subject"].unranked == ()
    assert by_role["subject"].figures["ttft_p50_ms"].n == ROUNDS * 30
    assert by_role[role].unranked == (reason,)  # type: ignore[index]
    assert by_role[role].id == f"{by_role['subject'].id}/{role}"  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "historical"}, "historical: known from an old record only"),
        ({"status": "withdrawn"}, "withdrawn by its provider"),
        ({"status": "reference"}, "reference endpoint: of known timing, not a company"),
        ({"benchmark_permission": None}, "no recorded permission to publish benchmarks"),
        (
            {
                "benchmark_permission": model.Permission(
                    granted=False, source="https://example.org/terms", date=model.Date(2026, 1, 1)
                )
            },
            "no recorded permission to publish benchmarks",
        ),
    ],
)
def test_a_provider_that_may_not_be_ranked_is_listed_with_the_reason(
    changes: dict[str, Any], reason: str
) -> None:
    rows = board(
        neutral("acme", 100.0),
        neutral("bolt", 50.0),
        providers={"bolt": make_provider("bolt-api", **changes)},
    )
    assert rows["bolt"].unranked == (reason,)
    assert ttft_rank(rows["acme"]) == RankRange(1, 1, 1)


def test_a_provider_without_an_entry_is_not_ranked() -> None:
    """No file, no recorded permission."""
    (row,) = ranking.build_rows(neutral("acme", 100.0), {}, {"1.0.0": make_methodology()}, now_unix_ns=NOW)
    assert row.unranked == ("no entry of this provider",)


def test_a_row_whose_windows_are_all_invalid_is_listed_with_the_reason() -> None:
    row = board(neutral("acme", 100.0, invalid=("the clock stepped",)))["acme"]
    assert row.unranked == ("no valid window",)
    assert row.ranks == {}
    assert row.valid == ()
    assert len(row.evidence) == ROUNDS
    assert all(estimate.value is None and estimate.reason for estimate in row.figures.values())


def test_a_row_in_which_only_our_own_client_failed_says_so() -> None:
    evidence = [
        make_evidence(make_table(successes=0, failures={Outcome.CLIENT: 30}, round=f"r{turn}"))
        for turn in range(ROUNDS)
    ]
    row = board(evidence)["acme"]
    assert row.unranked == ("no request that counts: our own client failed in all of them",)
    assert row.outcomes == {Outcome.CLIENT: 30 * ROUNDS}


@pytest.mark.parametrize(
    ("failures", "ranked"), [({Outcome.TIMEOUT: 1}, True), ({Outcome.TIMEOUT: 1, Outcome.CONNECT: 1}, False)]
)
def test_too_few_successes_are_listed_with_their_count(failures: dict[Outcome, int], ranked: bool) -> None:
    """30 of 31 is above 95 %, 30 of 32 below."""
    row = board(neutral("acme", 100.0, failures=failures))["acme"]
    if ranked:
        assert row.unranked == ()
    else:
        assert row.unranked == ("720 of 768 requests succeeded, fewer than 95 %",)


def test_our_own_faults_cost_a_provider_nothing() -> None:
    row = board(neutral("acme", 100.0, failures={Outcome.CLIENT: 30}))["acme"]
    assert row.unranked == ()
    assert row.figures["success_rate"].value == 1.0


@pytest.mark.parametrize(("days", "ranked"), [(90, True), (91, False)])
def test_a_row_older_than_the_limit_is_listed_as_stale(days: int, ranked: bool) -> None:
    newest = START_UNIX_NS + (ROUNDS - 1) * 3600 * S + 60 * S
    row = board(neutral("acme", 100.0), now=newest + days * DAY_NS)["acme"]
    assert row.last_unix_ns == newest
    assert row.unranked == (() if ranked else ("older than 90 days",))


def test_an_invalid_window_does_not_refresh_a_stale_row() -> None:
    fresh = [
        with_table(
            item,
            dataclasses.replace(item.table, end_unix_ns=START_UNIX_NS + 200 * DAY_NS),
            path=f"{item.path}.fresh",
        )
        for item in neutral("acme", 100.0, invalid=("the clock stepped",))
    ]
    row = board(neutral("acme", 100.0), fresh, now=START_UNIX_NS + 200 * DAY_NS)["acme"]
    assert row.unranked == ("older than 90 days",)


def test_every_reason_is_given_and_not_only_the_first() -> None:
    row = board(
        neutral("acme", 100.0, origin=Origin.CLAIM, role="smoke"),
        providers={"acme": make_provider("acme-api", benchmark_permission=None)},
        now=START_UNIX_NS + 200 * DAY_NS,
    )["acme"]
    assert len(row.unranked) == 4


# -- one row a company group ---------------------------------------------------------------------


def group_board(
    *windows: Sequence[Evidence], heads: Mapping[str, str] | None = None, **organisations: str | None
) -> dict[str, Row]:
    """Rows by endpoint, of the providers given with their organisation."""
    providers = {
        name: make_provider(f"{name}-one", f"{name}-two", organisation=organisation)
        for name, organisation in organisations.items()
    }
    rows = ranking.build_rows(
        [item for group in windows for item in group],
        providers,
        {"1.0.0": make_methodology()},
        now_unix_ns=NOW,
        groups=heads or {},
    )
    return {row.endpoint: row for row in rows}


SIBLING = ("another endpoint of the same company group stands",)


def test_a_provider_is_ranked_once_by_the_endpoint_that_it_lists_first() -> None:
    """The second endpoint is faster; it is listed beside the first and takes no place from a rival."""
    rows = group_board(
        neutral("acme", 90.0, endpoint="acme-two"),
        neutral("acme", 100.0, endpoint="acme-one"),
        neutral("bolt", 95.0, endpoint="bolt-one", shift=2),
        acme=None,
        bolt=None,
    )
    assert rows["acme-two"].unranked == SIBLING
    assert ttft_rank(rows["bolt-one"]) == RankRange(1, 1, 2)
    assert ttft_rank(rows["acme-one"]) == RankRange(2, 2, 2)


def test_two_providers_of_one_company_are_ranked_once() -> None:
    rows = group_board(
        neutral("acme", 100.0, endpoint="acme-one"),
        neutral("bolt", 90.0, endpoint="bolt-one"),
        acme="holding",
        bolt="holding",
    )
    assert rows["acme-one"].unranked == ()
    assert rows["bolt-one"].unranked == SIBLING


def test_two_subsidiaries_are_ranked_once() -> None:
    """Two companies of one owner are one group: by the heads that the register of owners gives."""
    windows = neutral("acme", 100.0, endpoint="acme-one"), neutral("bolt", 90.0, endpoint="bolt-one")
    companies = {"acme": "acme-corporation", "bolt": "bolt-limited"}
    rows = group_board(*windows, **companies)
    assert rows["acme-one"].unranked == rows["bolt-one"].unranked == ()
    heads = {"acme-corporation": "holding", "bolt-limited": "holding", "holding": "holding"}
    rows = group_board(*windows, heads=heads, **companies)
    assert (rows["acme-one"].unranked, rows["bolt-one"].unranked) == ((), SIBLING)


def test_a_group_does_not_choose_its_endpoint_by_how_it_did() -> None:
    """The first endpoint failed too often: its group has no rank, rather than its luckier sibling's."""
    rows = group_board(
        neutral("acme", 100.0, endpoint="acme-one", failures={Outcome.TIMEOUT: 10}),
        neutral("acme", 100.0, endpoint="acme-two"),
        acme=None,
    )
    assert rows["acme-one"].unranked == ("720 of 960 requests succeeded, fewer than 95 %",)
    assert rows["acme-two"].unranked == SIBLING


def test_an_endpoint_that_may_not_be_ranked_does_not_stand_for_its_group() -> None:
    """A claim of the first endpoint takes nothing from the second's neutral row."""
    rows = group_board(
        neutral("acme", 1.0, endpoint="acme-one", origin=Origin.CLAIM),
        neutral("acme", 100.0, endpoint="acme-two"),
        acme=None,
    )
    assert rows["acme-two"].unranked == ()


# -- families ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "fable-70b"},
        {"scenario": "chat-c8"},
        {"vantage": "island"},
        {"methodology": Methodology(version="1.1.0", sha256="1" * 64)},
    ],
)
def test_rows_of_different_families_are_never_compared(changes: dict[str, Any]) -> None:
    rows = board(
        neutral("acme", 100.0),
        neutral("bolt", 1000.0, **changes),
        methodologies={version: make_methodology(version=version) for version in ("1.0.0", "1.1.0")},
    )
    assert ttft_rank(rows["acme"]) == ttft_rank(rows["bolt"]) == RankRange(1, 1, 1)


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (None, "states no methodology"),
        (Methodology(version="9.9.9", sha256="9" * 64), "methodology 9.9.9 is not known here"),
    ],
)
def test_a_window_without_a_methodology_of_ours_is_not_ranked(
    stated: Methodology | None, reason: str
) -> None:
    assert board(neutral("acme", 100.0, methodology=stated))["acme"].unranked == (reason,)


def test_imports_are_summarised_by_the_latest_methodology() -> None:
    """0.10.0 is later than 0.9.0, and than its own candidate."""
    methodologies = {
        version: make_methodology(
            version=version,
            statistics=model.StatisticsRules(confidence=confidence, family_error=0.05, rounds_min=5),
        )
        for version, confidence in (("0.9.0", 0.8), ("0.10.0", 0.95), ("0.10.0-rc1", 0.9))
    }
    assert ranking.methodology_of(methodologies, None).version == "0.10.0"
    assert ranking.methodology_of(methodologies, "0.9.0").version == "0.9.0"
    row = board(
        neutral("acme", 100.0, origin=Origin.IMPORTED, methodology=None), methodologies=methodologies
    )["acme"]
    assert row.figures == ranking.estimate_figures(
        [item.table for item in row.evidence], ranking.INTERVALS, day_seconds=ranking.REAL_DAY_SECONDS
    )


def test_without_a_methodology_there_is_no_row() -> None:
    assert ranking.build_rows(neutral("acme", 100.0), {}, {}, now_unix_ns=NOW) == ()


def test_no_evidence_is_an_empty_board() -> None:
    assert ranking.build_rows([], {}, {"1.0.0": make_methodology()}, now_unix_ns=NOW) == ()


# -- rows ----------------------------------------------------------------------------------------


def test_a_rows_id_is_what_it_is_of() -> None:
    (row,) = board(neutral("acme", 100.0)).values()
    assert row.id == "fable-7b/chat-c1/harbour/acme/acme-api/neutral/1.0.0"


def test_a_rows_id_tells_an_unstated_vantage_from_one_called_none() -> None:
    unstated = board(neutral("acme", 100.0, vantage=None))["acme"]
    called_none = board(neutral("acme", 100.0, vantage="none"))["acme"]
    assert unstated.id == "fable-7b/chat-c1/-/acme/acme-api/neutral/1.0.0"
    assert unstated.id != called_none.id


def test_a_row_counts_outcomes_of_the_windows_that_count() -> None:
    row = board(
        neutral("acme", 100.0, rounds=2, failures={Outcome.TIMEOUT: 1}),
        [dataclasses.replace(e, invalid=("late",), path="x") for e in neutral("acme", 1.0, rounds=1)],
    )["acme"]
    assert row.outcomes == {Outcome.OK: 60, Outcome.TIMEOUT: 2}
    assert len(row.evidence) == 3


def test_figures_come_in_the_published_order_each_with_a_value_or_a_reason() -> None:
    figures = ranking.estimate_figures([], ranking.INTERVALS, day_seconds=ranking.REAL_DAY_SECONDS)
    assert list(figures) == [figure.name for figure in FIGURES]
    assert all(estimate.value is None and estimate.reason for estimate in figures.values())


def test_throughput_counts_only_the_windows_that_give_it() -> None:
    """Two windows of 30 give 400 and 600, one is too small: 500 from 60 requests, and above zero."""
    tables = [
        make_table({"ttft_ms": [1.0] * 30}, throughput_tps=400.0),
        make_table({"ttft_ms": [1.0] * 30}, throughput_tps=600.0),
        make_table({"ttft_ms": [1.0] * 10}, throughput_tps=Undefined("10 requests, 30 are needed")),
    ]
    estimate = ranking.estimate_figures(tables, ranking.INTERVALS, day_seconds=60)["system_throughput_tps"]
    assert (estimate.value, estimate.n, estimate.windows) == (500.0, 60, 2)
    assert estimate.low is not None
    assert 0.0 < estimate.low < 400.0
    alone = ranking.estimate_figures(tables[2:], ranking.INTERVALS, day_seconds=60)["system_throughput_tps"]
    assert (alone.value, alone.n, alone.reason) == (None, 0, "10 requests, 30 are needed")


def test_a_failure_counts_as_infinitely_slow_beside_the_quantile_over_successes() -> None:
    """A tenth of the requests failed: the adjusted median moves up, the adjusted p95 is no number."""
    values = [float(value) for value in range(1, 28)]
    tables = [make_table({"ttft_ms": values}, failures={Outcome.TIMEOUT: 3}) for _ in range(12)]
    figures = ranking.estimate_figures(tables, ranking.INTERVALS, day_seconds=60)
    assert (figures["ttft_p50_ms"].value, figures["ttft_adjusted_p50_ms"].value) == (14.0, 15.0)
    assert figures["ttft_p95_ms"].value == 26.0
    assert figures["ttft_adjusted_p95_ms"].value is None
    assert "infinite" in (figures["ttft_adjusted_p95_ms"].reason or "")


def test_a_row_costs_what_its_windows_were_billed_at_the_price_of_their_day() -> None:
    price = model.Price(
        from_=dt.date(1970, 1, 1),
        until=None,
        input_usd_per_mtok=1.0,
        cached_input_usd_per_mtok=None,
        output_usd_per_mtok=4.0,
        source="https://acme.example/prices",
        retrieved=dt.date(2026, 1, 1),
    )
    bill = cost.bill(
        [make_request(i=i, tokens=make_tokens(usage_input=100, usage_output=50)) for i in range(10)]
    )
    tables = [dataclasses.replace(make_table({"ttft_ms": [1.0] * 10}), bill=bill) for _ in range(4)]
    priced = ranking.estimate_figures(tables, ranking.INTERVALS, day_seconds=60, prices=(price,))
    assert priced["blended_usd_per_mtok"].value == pytest.approx((100 * 1 + 50 * 4) / 150)
    assert priced["usd_per_success"].value == pytest.approx((100 * 1 + 50 * 4) / 1e6)
    assert priced["usd_per_success"].n == 40
    unpriced = ranking.estimate_figures(tables, ranking.INTERVALS, day_seconds=60)
    assert (unpriced["usd_per_success"].value, bool(unpriced["usd_per_success"].reason)) == (None, True)


# -- validity ------------------------------------------------------------------------------------


def certificate(**changes: Any) -> Certificate:
    fields: dict[str, Any] = {
        "sha256": "0" * 64,
        "taken_unix_ns": START_UNIX_NS,
        "load": make_load(),
        "tokens": 1000,
        "missing": 0,
        "shared_core": False,
        "reference_late_p99_ns": 0,
        "token_error_ns": [0, 0, 0, 0, 0],
        "ttft_error_ns": [0, 0, 0, 0, 0],
        "icl_error_ns": [0, 0, 0, 0, 0],
        "lag_p99_ns": None,
        "throughput_error_ppm": 0,
        "cpu_ns_per_token": 0,
    }
    return Certificate(**{**fields, **changes})


def reasons(**changes: Any) -> tuple[str, ...]:
    return ranking.invalid_reasons(make_table(**changes), make_methodology())


def test_a_window_within_every_limit_counts() -> None:
    good = certificate(token_error_ns=[0, 0, 0, 2 * MS, 90 * MS], ttft_error_ns=[0, 0, 0, -5 * MS, 0])
    assert reasons(schedule_delay_ms=[10.0] * 100, calibration=Calibration(before=good, after=good)) == ()


def test_a_client_behind_its_schedule_makes_the_window_invalid() -> None:
    """Two of a hundred late by 11 ms are the p99; one is not."""
    assert reasons(schedule_delay_ms=[1.0] * 99 + [11.0]) == ()
    assert reasons(schedule_delay_ms=[1.0] * 98 + [11.0] * 2) == (
        "scheduled to sent p99 is 11.00 ms, the limit is 10 ms",
    )


@pytest.mark.parametrize("step", [6 * MS, -6 * MS])
def test_a_clock_that_stepped_either_way_makes_the_window_invalid(step: int) -> None:
    (reason,) = reasons(clock=make_clock(max_step_ns=step))
    assert reason == f"the clock stepped by {step / MS:.1f} ms, the limit is 5 ms"


@pytest.mark.parametrize(
    ("field", "name", "limit"), [("token_error_ns", "token stamp", 2), ("ttft_error_ns", "TTFT", 5)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_calibration_error_either_way_makes_the_window_invalid(
    field: str, name: str, limit: int, sign: int
) -> None:
    bad = certificate(**{field: [0, 0, 0, sign * 6 * MS, 0]})
    assert reasons(calibration=Calibration(before=None, after=bad)) == (
        f"calibration after the round: {name} error p99 is {sign * 6:.2f} ms, the limit is {limit} ms",
    )


def test_a_limit_of_our_lag_binds_the_certificate_and_the_window_each_by_its_own() -> None:
    """A client that stood still is seen by its lag where its stamps hide it. Without a limit, or where the
    system does not tell, lag is no reason."""
    made = make_methodology()
    rules = msgspec.structs.replace(
        made,
        limits=msgspec.structs.replace(made.limits, lag_p99_ms=3.0),
        calibration=msgspec.structs.replace(made.calibration, lag_p99_ms=2.0),
    )
    slow = Calibration(before=certificate(lag_p99_ns=int(2.5 * MS)), after=certificate(lag_p99_ns=2 * MS))
    table = dataclasses.replace(make_table(calibration=slow), lag_p99_ms=3.5)
    assert ranking.invalid_reasons(table, rules) == (
        "our own lag p99 is 3.50 ms, the limit is 3 ms",
        "calibration before the round: lag p99 is 2.50 ms, the limit is 2 ms",
    )
    assert ranking.invalid_reasons(table, made) == ()
    untold = Calibration(before=certificate(lag_p99_ns=None), after=None)
    assert ranking.invalid_reasons(make_table(calibration=untold), rules) == ()


def test_an_answer_that_was_not_streamed_is_not_ranked() -> None:
    """Where nothing is streamed, TTFT is end-to-end latency, which is no rival of a streamed one."""
    whole = make_evidence(make_table({"ttft_ms": [100.0] * 30}, dialect="openai-chat-whole"))
    (row,) = ranking.build_rows(
        [whole], {"acme": make_provider()}, {"1.0.0": make_methodology()}, now_unix_ns=NOW
    )
    assert "not streamed: its first token comes with its last" in row.unranked


def test_a_window_that_was_cut_off_does_not_count() -> None:
    """A window with fewer requests than planned is kept, shown and not counted."""
    table = make_table({"ttft_ms": [100.0] * 30})
    cut = dataclasses.replace(table, outcomes={Outcome.OK: 12})
    assert ranking.invalid_reasons(table, make_methodology()) == ()
    assert ranking.invalid_reasons(cut, make_methodology()) == (
        "cut off: 12 of 30 planned requests were sent; missing: 12–29",
    )


def never_begun(i: int) -> Request:
    """As sealing records a request that a process never began while another went beyond its number."""
    return make_failure(Outcome.CLIENT, i=i, status=None, sent_ns=None, headers_ns=None, done_ns=None)


def test_requests_that_one_of_several_processes_never_began_are_a_window_cut_off() -> None:
    """As many records as were planned, and the last of them was sent: still three were not, and are named."""
    requests = [never_begun(i) if i in (0, 2, 4) else make_request(i=i) for i in range(30)]
    table = tabulate(make_window(requests, load=make_load(planned=30)), STEADY_RULES)
    assert table.unsent == (0, 2, 4)
    assert ranking.invalid_reasons(table, make_methodology()) == (
        "cut off: 27 of 30 planned requests were sent; missing: 0, 2, 4",
    )


def test_of_many_requests_that_were_never_begun_the_first_are_named() -> None:
    requests = [never_begun(i) if i % 2 else make_request(i=i) for i in range(30)]
    table = tabulate(make_window(requests, load=make_load(planned=40)), STEADY_RULES)
    assert ranking.invalid_reasons(table, make_methodology()) == (
        "cut off: 15 of 40 planned requests were sent; missing: 1, 3, 5, 7, 9 and 11 more spans",
    )


@pytest.mark.parametrize(
    "request_",
    [
        make_failure(Outcome.CONNECT, status=None, sent_ns=None, headers_ns=None),
        make_failure(Outcome.CLIENT, status=None, sent_ns=None, headers_ns=None),
        make_failure(Outcome.CLIENT, status=None, sent_ns=5, headers_ns=None, done_ns=None),
    ],
    ids=["never connected", "our own fault", "stopped under way"],
)
def test_a_request_that_was_tried_and_failed_cuts_nothing_off(request_: Request) -> None:
    requests = [request_, *(make_request(i=i) for i in range(1, 30))]
    table = tabulate(make_window(requests, load=make_load(planned=30)), STEADY_RULES)
    assert ranking.invalid_reasons(table, make_methodology()) == ()


def test_a_missing_certificate_counts_where_it_is_required() -> None:
    rules = make_methodology(
        calibration=model.CalibrationRules(required=True, token_error_p99_ms=2.0, ttft_error_p99_ms=5.0)
    )
    table = make_table(calibration=Calibration(before=certificate(), after=None))
    assert ranking.invalid_reasons(table, rules) == ("no calibration certificate from after the round",)
    assert ranking.invalid_reasons(table, make_methodology()) == ()


def test_a_certificate_that_certifies_nothing_makes_the_window_invalid() -> None:
    empty = certificate(tokens=0, token_error_ns=[])
    assert reasons(calibration=Calibration(before=empty, after=None)) == (
        "calibration before the round: no token is covered",
        "calibration before the round: the token stamp error is not stated",
    )


# -- error rates of the whole board, by simulation -----------------------------------------------


def simulated(rng: np.random.Generator, factors: Sequence[float]) -> dict[str, Row]:
    """A board of 24 rounds of 30 requests: shared rounds, 5 % between windows, log-sd 0.3 within."""
    shared = rng.normal(0, 0.3, ROUNDS)
    windows = []
    for place, factor in enumerate(factors):
        name = f"p{place}"
        own = rng.normal(0, 0.05, ROUNDS)
        requests = 200 * factor * np.exp(shared[:, None] + own[:, None] + rng.normal(0, 0.3, (ROUNDS, 30)))
        windows.append(
            [
                make_evidence(
                    make_table(
                        {"ttft_ms": requests[turn].tolist()},
                        provider=name,
                        endpoint=f"{name}-api",
                        round=f"r{turn}",
                    )
                )
                for turn in range(ROUNDS)
            ]
        )
    return board(*windows)


def test_a_board_of_equals_names_no_winner() -> None:
    """Eight equal providers: a false difference in about one board of twenty (here at most 8 of 100)."""
    rng, boards = np.random.default_rng(20260105), 100
    false = sum(
        any(ttft_rank(row) != RankRange(1, 8, 8) for row in simulated(rng, [1.0] * 8).values())
        for _ in range(boards)
    )
    assert false <= 8


def test_a_board_finds_the_one_that_is_fifteen_per_cent_faster() -> None:
    """Ahead of a given rival, as its range says it, in at least nine boards of ten."""
    rng, boards = np.random.default_rng(20260106), 50
    found = 0
    for _ in range(boards):
        rows = simulated(rng, [0.85, *[1.0] * 7])
        found += ttft_rank(rows["p0"]) == RankRange(1, 1, 8)
        assert all(ttft_rank(row).best <= ttft_rank(row).worst for row in rows.values())
    assert found >= 0.9 * boards
