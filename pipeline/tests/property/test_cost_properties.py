"""Laws of cost: linear in tokens and in price, never less for more, and no error whatever a file holds."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from fairlead import cost
from fairlead.cost import Bill, NoCost, StatedRates
from fairlead.model import Price
from fairlead.windows import Outcome

from ..examples import make_request, make_tokens

TOKENS = st.integers(0, 10**9)
USD = st.floats(0, 100_000)
RATES = st.builds(StatedRates, USD, USD, st.none() | USD)
INT64 = st.integers(-(2**63), 2**63 - 1)
OPTIONAL = st.none() | INT64


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    calls = draw(st.integers(0, 1000))
    return Bill(draw(TOKENS), draw(TOKENS), draw(TOKENS), calls, 0, draw(st.integers(0, calls)))


@st.composite
def histories(draw: st.DrawFn) -> list[Price]:
    """Prices in any order, that may overlap, end before they begin, or leave gaps."""
    days = st.dates()
    return [
        Price(
            from_=draw(days),
            until=draw(st.none() | days),
            input_usd_per_mtok=draw(USD),
            cached_input_usd_per_mtok=draw(st.none() | USD),
            output_usd_per_mtok=draw(USD),
            source="a list",
            retrieved=dt.date(2026, 1, 1),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]


@given(histories(), INT64)
def test_a_moment_has_a_price_of_the_list_that_covers_it_or_a_reason(
    prices: list[Price], unix_ns: int
) -> None:
    found = cost.price_at(prices, unix_ns)
    day = dt.date(1970, 1, 1) + dt.timedelta(days=unix_ns // 86_400_000_000_000)
    if isinstance(found, NoCost):
        assert found.reason
    else:
        assert found.from_ <= day
        assert found.until is None or day <= found.until
        assert not [price for price in prices if found.from_ < price.from_ <= day]


@given(bills(), RATES, st.integers(0, 1000))
def test_cost_is_linear_in_tokens_and_in_price(of: Bill, rates: StatedRates, times: int) -> None:
    once = cost.window_cost(of, rates).usd
    more = msgspec.structs.replace(
        of,
        input_tokens=times * of.input_tokens,
        cached_tokens=times * of.cached_tokens,
        output_tokens=times * of.output_tokens,
    )
    cached = rates.cached_input_usd_per_mtok
    dearer = StatedRates(
        times * rates.input_usd_per_mtok,
        times * rates.output_usd_per_mtok,
        None if cached is None else times * cached,
    )
    assert cost.window_cost(more, rates).usd == pytest.approx(times * once)
    assert cost.window_cost(of, dearer).usd == pytest.approx(times * once)


@given(bills(), RATES, USD, USD)
def test_a_higher_price_never_costs_less(
    of: Bill, rates: StatedRates, on_input: float, on_output: float
) -> None:
    cached = rates.cached_input_usd_per_mtok
    dearer = StatedRates(
        rates.input_usd_per_mtok + on_input,
        rates.output_usd_per_mtok + on_output,
        None if cached is None else cached + on_input,
    )
    assert cost.window_cost(of, dearer).usd >= cost.window_cost(of, rates).usd


@given(st.lists(bills(), max_size=6), RATES)
def test_the_blend_lies_between_the_prices_it_is_made_of(found: list[Bill], rates: StatedRates) -> None:
    price = Price(
        from_=dt.date(1970, 1, 1),
        until=None,
        input_usd_per_mtok=rates.input_usd_per_mtok,
        cached_input_usd_per_mtok=rates.cached_input_usd_per_mtok,
        output_usd_per_mtok=rates.output_usd_per_mtok,
        source="a list",
        retrieved=dt.date(1970, 1, 1),
    )
    ratio = cost.row_cost([(0, of) for of in found], [price]).figures["blended_usd_per_mtok"]
    if isinstance(ratio, NoCost):
        assert not sum(of.input_tokens + of.cached_tokens + of.output_tokens for of in found)
        return
    used = [rates.input_usd_per_mtok, rates.output_usd_per_mtok]
    if rates.cached_input_usd_per_mtok is not None:
        used.append(rates.cached_input_usd_per_mtok)
    slack = 1e-9 * (1 + max(used))
    assert min(used) - slack <= ratio.value <= max(used) + slack


@st.composite
def hostile_requests(draw: st.DrawFn) -> Any:
    return make_request(
        chunk_ns=draw(st.lists(INT64, max_size=3)),
        chunk_chars=draw(st.lists(INT64, max_size=3)),
        outcome=draw(st.sampled_from(Outcome)),
        tokens=make_tokens(
            counted=draw(OPTIONAL),
            usage_output=draw(OPTIONAL),
            usage_input=draw(OPTIONAL),
            usage_cached=draw(OPTIONAL),
        ),
    )


@given(st.lists(hostile_requests(), max_size=6), RATES)
def test_no_window_that_decodes_breaks_its_bill(requests: list[Any], rates: StatedRates) -> None:
    """Whatever was committed, a bill is finite and not below zero, or has a reason."""
    found = cost.bill(requests)
    if isinstance(found, NoCost):
        assert found.reason
        return
    assert found.estimated_calls <= found.calls <= len(requests)
    for tokens in (found.input_tokens, found.cached_tokens, found.output_tokens):
        assert math.isfinite(tokens)
        assert tokens >= 0
    assert math.isfinite(cost.window_cost(found, rates).usd)


@given(st.lists(hostile_requests(), max_size=6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_bill_of_stated_usage_is_its_sum(requests: list[Any], usage_input: int, usage_output: int) -> None:
    """Of every request but those that were our own fault, however it ended."""
    stated = [
        make_request(
            tokens=make_tokens(usage_input=usage_input, usage_output=usage_output), outcome=one.outcome
        )
        for one in requests
    ]
    found = cost.bill(stated)
    own_faults = sum(request.outcome is Outcome.CLIENT for request in stated)
    assert isinstance(found, Bill)
    assert found.input_tokens == usage_input * (len(stated) - own_faults)
    assert found.output_tokens == usage_output * (len(stated) - own_faults)
    assert found.estimated_calls == 0
