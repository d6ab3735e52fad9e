"""Prices, bills and costs by sums that can be done in the head, and a stated reason where there is none."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from fairlead import cost, metrics
from fairlead.cost import Bill, EstimateRules, NoCost, PlannedWindow, StatedRates, TokensPerWord, WindowCost
from fairlead.model import Endpoint, Price, Provider, ServedModel
from fairlead.windows import Outcome, Request

from .examples import DAY_NS, STEADY_RULES, make_failure, make_request, make_tokens, make_window

JANUARY = dt.date(2026, 1, 1)
MARCH = dt.date(2026, 3, 1)
RATES = StatedRates(input_usd_per_mtok=2.0, output_usd_per_mtok=10.0, cached_input_usd_per_mtok=0.5)


def unix_ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def make_price(begin: dt.date = JANUARY, until: dt.date | None = None, **changes: Any) -> Price:
    fields: dict[str, Any] = {
        "from_": begin,
        "until": until,
        "input_usd_per_mtok": 2.0,
        "cached_input_usd_per_mtok": 0.5,
        "output_usd_per_mtok": 10.0,
        "source": "https://acme.example/prices",
        "retrieved": JANUARY,
    }
    return Price(**{**fields, **changes})


def success(
    usage_input: int | None = 400,
    usage_output: int | None = 100,
    usage_cached: int | None = None,
    **changes: Any,
) -> Request:
    tokens = make_tokens(usage_input=usage_input, usage_output=usage_output, usage_cached=usage_cached)
    return make_request(**{"tokens": tokens, **changes})


def cut_off(**changes: Any) -> Request:
    """A stream that brought 16 characters in four chunks and no usage."""
    return make_request(**{"tokens": make_tokens(), "outcome": Outcome.TRUNCATED, "finish": None, **changes})


def billed(*requests: Request) -> Bill:
    found = cost.bill(requests)
    assert isinstance(found, Bill)
    return found


# -- the price of a moment -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-01T00:00:00Z", 2.0),
        ("2026-02-28T23:59:59Z", 2.0),
        ("2026-03-01T00:00:00Z", 1.0),
        ("2031-01-01T00:00:00Z", 1.0),
    ],
)
def test_a_price_without_an_end_holds_until_the_next_one_begins(moment: str, expected: float) -> None:
    prices = [make_price(JANUARY), make_price(MARCH, input_usd_per_mtok=1.0)]
    found = cost.price_at(prices, unix_ns(moment))
    assert isinstance(found, Price)
    assert found.input_usd_per_mtok == expected


@pytest.mark.parametrize(
    ("prices", "moment", "reason"),
    [
        ([], "2026-01-01T00:00:00Z", "no price is recorded"),
        ([make_price()], "2025-12-31T23:59:59Z", "no price is recorded before 2026-01-01"),
        (
            [make_price(until=dt.date(2026, 1, 31)), make_price(MARCH)],
            "2026-02-01T00:00:00Z",
            "no price is recorded from 2026-02-01 until 2026-02-28",
        ),
        (
            [make_price(until=dt.date(2026, 1, 31))],
            "2026-02-01T00:00:00Z",
            "no price is recorded from 2026-02-01 on",
        ),
        ([make_price()], "1700-01-01T00:00:00Z", "no price is recorded before 2026-01-01"),
    ],
)
def test_a_day_that_no_price_covers_has_a_reason(prices: list[Price], moment: str, reason: str) -> None:
    assert cost.price_at(prices, unix_ns(moment)) == NoCost(reason)


def test_the_last_day_of_a_price_is_stated_or_the_day_before_the_next() -> None:
    prices = [
        make_price(JANUARY),
        make_price(MARCH, until=dt.date(2026, 3, 31)),
        make_price(dt.date(2026, 6, 1)),
    ]
    ends = [price.until for price in cost.held(prices)]
    assert ends == [dt.date(2026, 2, 28), dt.date(2026, 3, 31), None]


def test_the_latest_day_that_a_file_can_state_is_no_error() -> None:
    price = make_price(until=dt.date.max)
    assert cost.price_at([price], 2**63 - 1) == price
    assert cost.price_at([price], 10**30) == price
    assert cost.price_at([price], -(10**30)) == NoCost("no price is recorded before 2026-01-01")


def test_prices_belong_to_one_endpoint_and_one_model() -> None:
    served = ServedModel(
        model="fable-7b",
        api_model="fable",
        accelerator=None,
        accelerator_count=None,
        precision=None,
        context_tokens=None,
        prompt_cache=None,
        prices=(make_price(),),
    )
    endpoint = Endpoint(
        id="main", base_url=None, dialect="openai-chat", http="1.1", region=None, models=(served,)
    )
    provider = Provider(
        schema_version=1,
        name="Acme",
        status="active",
        organisation=None,
        website=None,
        contacts=(),
        benchmark_permission=None,
        endpoints=(endpoint,),
        interests=(),
        notes=None,
    )
    assert cost.prices_of(provider, "main", "fable-7b") == (make_price(),)
    assert cost.prices_of(provider, "main", "other") == ()
    assert cost.prices_of(provider, "other", "fable-7b") == ()
    assert cost.prices_of(None, "main", "fable-7b") == ()


# -- what is billed ------------------------------------------------------------------------------


def test_usage_is_what_is_billed_whatever_the_tokenizer_counted() -> None:
    """Padded or not: 100 were charged, 90 were seen."""
    request = success(tokens=make_tokens(counted=90, usage_output=100, usage_input=400))
    assert billed(request) == Bill(400, 0, 100, calls=1, estimated_calls=0, successes=1)


def test_reasoning_that_was_never_sent_is_billed() -> None:
    request = success(tokens=make_tokens(usage_output=900, usage_input=400, usage_reasoning=800))
    assert billed(request).output_tokens == 900


def test_cached_input_is_taken_off_the_input() -> None:
    found = billed(success(usage_input=400, usage_cached=300))
    assert (found.input_tokens, found.cached_tokens) == (100, 300)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.RATE_LIMITED,
        Outcome.SERVER_ERROR,
        Outcome.CONNECT,
        Outcome.TLS,
        Outcome.TIMEOUT,
        Outcome.EMPTY,
    ],
)
def test_a_failure_that_brought_nothing_is_not_billed(outcome: Outcome) -> None:
    assert billed(success(), make_failure(outcome)) == billed(success())


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK, Outcome.CLIENT}))
def test_a_failure_whose_provider_states_usage_is_billed_as_stated(outcome: Outcome) -> None:
    failed = make_failure(outcome, tokens=make_tokens(usage_input=400, usage_output=7))
    assert billed(success(), failed) == Bill(800, 0, 107, calls=2, estimated_calls=0, successes=1)


def test_our_own_fault_is_not_the_providers_bill() -> None:
    assert billed(success(), success(outcome=Outcome.CLIENT)) == billed(success())


@pytest.mark.parametrize("outcome", [Outcome.TRUNCATED, Outcome.IN_STREAM_ERROR, Outcome.TIMEOUT])
def test_a_stream_that_failed_after_content_is_billed_and_marked_as_estimated(outcome: Outcome) -> None:
    """Its input is the mean of the stated ones, its output the tokenizer's count."""
    failed = cut_off(outcome=outcome, tokens=make_tokens(counted=40))
    found = billed(success(usage_input=300), success(usage_input=500), failed)
    assert found == Bill(1200, 0, 240, calls=3, estimated_calls=1, successes=2)


def test_without_a_count_the_characters_received_tell_the_output() -> None:
    """50 billed tokens came in 16 characters, hidden reasoning and all; so did another 16."""
    found = billed(success(usage_output=50), cut_off())
    assert (found.output_tokens, found.estimated_calls) == (100, 1)


def test_input_that_was_stated_before_the_stream_failed_is_billed_alone() -> None:
    """An API that opens with the input's usage has charged it, though no token of output came."""
    failed = make_failure(Outcome.IN_STREAM_ERROR, tokens=make_tokens(usage_input=400))
    assert billed(failed) == Bill(400, 0, 0, calls=1, estimated_calls=1, successes=0)


def test_usage_that_contradicts_itself_is_as_if_not_stated() -> None:
    """More cached than there was, or less than nothing."""
    for wrong in (success(usage_cached=401), success(usage_input=-400)):
        assert billed(success(usage_input=600), wrong) == Bill(
            1200, 0, 200, 2, estimated_calls=1, successes=2
        )


def test_a_window_without_stated_input_has_no_bill() -> None:
    found = cost.bill([success(usage_input=None)])
    assert found == NoCost("no billed request of the window states its input tokens")


def test_a_window_whose_outputs_nobody_states_has_no_bill() -> None:
    found = cost.bill([success(usage_output=None), cut_off()])
    assert found == NoCost("the output tokens of 2 billed requests are neither stated nor counted")


def test_a_success_of_unknown_length_is_not_taken_for_free() -> None:
    silent = success(usage_output=None, chunk_ns=[])
    assert isinstance(cost.bill([success(), silent]), NoCost)


@pytest.mark.parametrize("requests", [[], [make_failure(Outcome.CONNECT)] * 3])
def test_a_window_in_which_nothing_was_billed_costs_nothing(requests: list[Request]) -> None:
    assert billed(*requests) == Bill(0, 0, 0, calls=0, estimated_calls=0, successes=0)


def test_a_table_holds_its_windows_bill() -> None:
    requests = [success(), make_failure()]
    assert metrics.tabulate(make_window(requests), STEADY_RULES).bill == billed(*requests)


# -- money ---------------------------------------------------------------------------------------


def test_a_window_costs_its_tokens_at_their_rates() -> None:
    """A million of each: 2 + 0.5 + 10 USD."""
    found = cost.window_cost(Bill(1e6, 1e6, 1e6, calls=1, estimated_calls=0, successes=1), RATES)
    assert found == WindowCost(2.0, 0.5, 10.0, 1.0, 1.0, 1.0, successes=1)
    assert (found.usd, found.mtok) == (12.5, 3.0)


def test_cached_input_without_a_price_costs_as_input_and_is_noted() -> None:
    of = Bill(0, 1e6, 0, calls=1, estimated_calls=0, successes=1)
    found = cost.row_cost(
        [(unix_ns("2026-01-02T00:00:00Z"), of)], [make_price(cached_input_usd_per_mtok=None)]
    )
    assert isinstance(found.windows[0], WindowCost)
    assert found.windows[0].usd == 2.0
    assert found.notes == ("no price of cached tokens is recorded: they are charged as input",)


def figures(found: cost.RowCost) -> dict[str, float | str]:
    return {
        name: ratio.value if isinstance(ratio, cost.Ratio) else ratio.reason
        for name, ratio in found.figures.items()
    }


def test_figures_are_ratios_of_sums_over_windows() -> None:
    """3 and 1 million of input, 1 million of output each: 28 USD for 6 million tokens and 40 successes."""
    windows = [
        (unix_ns("2026-01-02T00:00:00Z"), Bill(3e6, 0, 1e6, calls=30, estimated_calls=0, successes=30)),
        (unix_ns("2026-01-03T00:00:00Z"), Bill(1e6, 0, 1e6, calls=30, estimated_calls=0, successes=10)),
    ]
    found = cost.row_cost(windows, [make_price()])
    assert figures(found) == {
        "input_usd_per_mtok": 2.0,
        "cached_input_usd_per_mtok": "no token was billed as cached",
        "output_usd_per_mtok": 10.0,
        "blended_usd_per_mtok": pytest.approx(28 / 6),
        "usd_per_success": pytest.approx(0.7),
    }
    assert found.figures["blended_usd_per_mtok"] == cost.Ratio((16.0, 12.0), (4.0, 2.0))
    assert found.notes == ()


def test_failed_calls_that_were_billed_make_a_success_dearer() -> None:
    """Two calls were paid for, one succeeded: it costs twice as much as where both did."""
    one, failed = success(), success(outcome=Outcome.TRUNCATED)
    moment = unix_ns("2026-01-02T00:00:00Z")
    flaky = figures(cost.row_cost([(moment, billed(one, failed))], [make_price()]))
    sound = figures(cost.row_cost([(moment, billed(one, one))], [make_price()]))
    assert flaky["usd_per_success"] == pytest.approx(2 * float(sound["usd_per_success"]))
    assert flaky["blended_usd_per_mtok"] == sound["blended_usd_per_mtok"]


def test_a_window_is_charged_whole_at_the_price_of_the_day_it_began() -> None:
    """It began a second before the price halved; the window a second later pays the new one."""
    of = Bill(1e6, 0, 0, calls=1, estimated_calls=0, successes=1)
    prices = [make_price(), make_price(MARCH, input_usd_per_mtok=1.0)]
    midnight = unix_ns("2026-03-01T00:00:00Z")
    found = cost.row_cost([(midnight - 1, of), (midnight, of)], prices)
    assert found.figures["input_usd_per_mtok"] == cost.Ratio((2.0, 1.0), (1.0, 1.0))


def test_windows_without_a_price_are_left_out_and_counted() -> None:
    of = Bill(1e6, 0, 1e6, calls=1, estimated_calls=0, successes=1)
    begin = unix_ns("2026-01-01T00:00:00Z")
    unstated = NoCost("no billed request of the window states its input tokens")
    windows = [(begin - DAY_NS, of), (begin - 1, of), (begin, of), (begin, unstated)]
    found = cost.row_cost(windows, [make_price()])
    assert [isinstance(window, WindowCost) for window in found.windows] == [False, False, True, False]
    assert figures(found)["blended_usd_per_mtok"] == 6.0
    assert found.notes == (
        "1 of 4 windows: no billed request of the window states its input tokens",
        "2 of 4 windows: no price is recorded before 2026-01-01",
    )


def test_estimated_calls_are_noted() -> None:
    of = Bill(1e6, 0, 1e6, calls=40, estimated_calls=3, successes=37)
    found = cost.row_cost([(unix_ns("2026-01-02T00:00:00Z"), of)], [make_price()])
    assert found.notes == ("3 of 40 billed requests state no whole usage: their tokens are estimated",)


@pytest.mark.parametrize(
    ("windows", "prices", "reason"),
    [
        ([], [make_price()], "no valid window"),
        ([(0, Bill(1, 0, 1, 1, 0, 1))], [], "no price is recorded"),
        ([(unix_ns("2026-01-02T00:00:00Z"), Bill(0, 0, 0, 0, 0, 0))], [make_price()], "no token was billed"),
    ],
)
def test_a_row_without_cost_says_why(
    windows: list[tuple[int, Bill | NoCost]], prices: list[Price], reason: str
) -> None:
    assert figures(cost.row_cost(windows, prices))["blended_usd_per_mtok"] == reason


def test_all_failed_gives_no_cost_per_success_and_keeps_the_blend() -> None:
    of = Bill(1e6, 0, 1e6, calls=2, estimated_calls=0, successes=0)
    found = figures(cost.row_cost([(unix_ns("2026-01-02T00:00:00Z"), of)], [make_price()]))
    assert found["usd_per_success"] == "no request succeeded"
    assert found["blended_usd_per_mtok"] == 6.0


def test_a_free_model_costs_zero_which_is_a_number() -> None:
    free = make_price(input_usd_per_mtok=0.0, output_usd_per_mtok=0.0)
    of = Bill(1e6, 0, 1e6, calls=1, estimated_calls=0, successes=1)
    found = figures(cost.row_cost([(unix_ns("2026-01-02T00:00:00Z"), of)], [free]))
    assert (found["blended_usd_per_mtok"], found["usd_per_success"]) == (0.0, 0.0)


def test_every_figure_of_cost_says_in_words_what_it_is() -> None:
    for function in (*cost.COST_FIGURES.values(), cost.billed_input, cost.billed_output, cost.is_billed):
        assert (function.__doc__ or "").strip()


# -- a run that is planned -----------------------------------------------------------------------

RULES = EstimateRules(
    tokens_per_word={"chat": TokensPerWord(expected=1.5, most=2.0)}, frame_words=50, overhead_tokens=1000
)
PLANNED = PlannedWindow(
    kind="chat", requests=100, input_words=350, frame_words_most=150, output_tokens_most=200, runs_most=2
)


def test_a_planned_run_is_reckoned_as_expected_and_at_most() -> None:
    """100 x (400 x 1.5 in, 200 out), or 2 x 100 x (500 x 2 + 1000 in, 200 out), at 2 and 10 USD."""
    found = cost.planned_spending(PLANNED, RATES, RULES)
    assert found.expected_usd == pytest.approx(100 * (600 * 2 + 200 * 10) / 1e6)
    assert found.most_usd == pytest.approx(200 * (2000 * 2 + 200 * 10) / 1e6)


def test_a_cache_that_costs_more_is_in_the_bound() -> None:
    dear = StatedRates(input_usd_per_mtok=2.0, output_usd_per_mtok=10.0, cached_input_usd_per_mtok=4.0)
    assert cost.planned_spending(PLANNED, dear, RULES).most_usd == pytest.approx(
        200 * (2000 * 4 + 200 * 10) / 1e6
    )
