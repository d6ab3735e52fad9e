"""Laws that every request and every window obeys."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from fairlead import metrics
from fairlead.metrics import Undefined
from fairlead.windows import Connection, Outcome

from ..examples import STEADY_RULES, closed_loop, make_load, make_request, make_tokens, make_window

INT64 = st.integers(-(2**63), 2**63 - 1)
NS = st.integers(0, 10**12)
GAPS = st.lists(NS, min_size=1, max_size=12)
LOADS = st.sampled_from(["closed", "open"])


@st.composite
def hostile_fields(draw: st.DrawFn) -> dict[str, Any]:
    """What a stranger's file can hold that still decodes: any 64-bit integer, arrays of any length."""
    array = st.lists(INT64, max_size=6)
    optional = st.none() | INT64
    return {
        "slot": draw(st.none() | st.integers(-1, 2)),
        "scheduled_ns": draw(optional),
        "sent_ns": draw(optional),
        "done_ns": draw(optional),
        "connection": Connection(
            reused=draw(st.none() | st.booleans()),
            dns_ns=draw(optional),
            tcp_ns=draw(optional),
            tls_ns=draw(optional),
        ),
        "chunk_ns": draw(array),
        "chunk_kind": draw(st.sampled_from(["", "t3", "r1t2", "zz"])),
        "chunk_chars": draw(array),
        "chunk_tokens": draw(st.none() | array),
        "tokens": make_tokens(
            counted=draw(optional), usage_output=draw(optional), usage_reasoning=draw(optional)
        ),
        "outcome": draw(st.sampled_from(Outcome)),
        "ttft_ns": draw(optional),
        "e2e_ns": draw(optional),
    }


@given(st.lists(hostile_fields(), max_size=6), LOADS, st.integers(-1, 3))
def test_no_window_that_decodes_breaks_a_metric(
    fields: list[dict[str, Any]], kind: metrics.LoadKind, streams: int
) -> None:
    """Whatever was committed, a value is finite and above zero, or undefined; never an error."""
    rules = dataclasses.replace(STEADY_RULES, requests_min=1, requests_per_stream_min=1)
    window = make_window(
        [make_request(i=i, **changes) for i, changes in enumerate(fields)],
        load=make_load(kind=kind, concurrency=streams),
    )
    table = metrics.tabulate(window, rules)
    assert sum(table.outcomes.values()) == len(fields)
    for name, values in table.values.items():
        assert len(values) <= table.successes
        lowest_is_zero = name == "icl_max_ms"
        assert all(math.isfinite(value) and (value > 0 or lowest_is_zero) for value in values)
    if not isinstance(table.throughput_tps, Undefined):
        assert math.isfinite(table.throughput_tps)
        assert table.throughput_tps >= 0


@given(GAPS, NS, NS, LOADS)
def test_when_a_request_happened_does_not_matter(
    gaps: list[int], start: int, shift: int, load: metrics.LoadKind
) -> None:
    """All stamps later by the same: every metric stays."""

    def at(begin: int) -> Any:
        return make_request(scheduled_ns=begin, sent_ns=begin, chunk_ns=[begin + gaps[0], *gaps[1:]])

    for metric, _ in metrics.REQUEST_METRICS.values():
        assert metric(at(start), load) == metric(at(start + shift), load)


@given(GAPS, st.integers(2, 1000), LOADS)
def test_a_slower_clock_scales_every_latency(gaps: list[int], factor: int, load: metrics.LoadKind) -> None:
    """All times longer by a factor: latencies grow by it, speed falls by it, a share of them stays."""

    def slowed(by: int) -> Any:
        return make_request(scheduled_ns=0, sent_ns=0, chunk_ns=[gap * by for gap in gaps])

    for name, (metric, _) in metrics.REQUEST_METRICS.items():
        before, after = metric(slowed(1), load), metric(slowed(factor), load)
        if before is None:
            assert after is None
        else:
            scale = {"output_speed_tps": 1 / factor, "first_gap_paces": 1}.get(name, factor)
            assert after == pytest.approx(before * scale)


@given(GAPS, LOADS)
def test_latencies_are_ordered(gaps: list[int], load: metrics.LoadKind) -> None:
    """The first chunk is not after the last, and no gap is longer than the stream."""
    request = make_request(scheduled_ns=0, sent_ns=0, chunk_ns=gaps)
    ttft, e2e, longest = (f(request, load) for f in (metrics.ttft_ns, metrics.e2e_ns, metrics.icl_ns))
    if ttft is not None:
        assert e2e is not None
        assert ttft <= e2e
        assert longest is None or longest <= e2e - ttft


@given(GAPS, st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.OK]), LOADS)
def test_no_failure_has_a_metric(gaps: list[int], outcome: Outcome, load: metrics.LoadKind) -> None:
    request = make_request(chunk_ns=gaps, outcome=outcome, scheduled_ns=0, ttft_ns=1, e2e_ns=1)
    assert all(metric(request, load) is None for metric, _ in metrics.REQUEST_METRICS.values())


@given(
    streams=st.integers(1, 6),
    rounds=st.integers(30, 34),
    ttft_ms=st.integers(1, 2000),
    gap_ms=st.integers(1, 50),
    tokens=st.integers(1, 20),
)
def test_streams_in_step_give_exactly_their_rate(
    streams: int, rounds: int, ttft_ms: int, gap_ms: int, tokens: int
) -> None:
    """Whole cycles: streams * tokens / service time, to rounding."""
    requests = closed_loop(
        streams=streams, rounds=rounds, ttft_ns=ttft_ms * 10**6, gap_ns=gap_ms * 10**6, tokens=tokens
    )
    window = make_window(requests, load=make_load(concurrency=streams))
    service_s = (ttft_ms + (tokens - 1) * gap_ms) / 1e3
    found = metrics.system_throughput_tps(window, STEADY_RULES)
    assert found == pytest.approx(streams * tokens / service_s)


@given(
    streams=st.integers(2, 6),
    ttft_ms=st.integers(1, 2000),
    gap_ms=st.integers(1, 50),
    tokens=st.integers(2, 20),
    stagger=st.floats(0, 3),
)
def test_a_ramp_moves_throughput_by_less_than_a_cycle(
    streams: int, ttft_ms: int, gap_ms: int, tokens: int, stagger: float
) -> None:
    """However the streams are staggered, the steady part is off by less than one answer a stream."""
    service_ns = (ttft_ms + (tokens - 1) * gap_ms) * 10**6
    requests = closed_loop(
        streams=streams,
        rounds=30,
        ttft_ns=ttft_ms * 10**6,
        gap_ns=gap_ms * 10**6,
        tokens=tokens,
        stagger_ns=int(stagger * service_ns),
    )
    steady = metrics.steady_interval_ns(requests, streams)
    assert not isinstance(steady, Undefined)
    length_ns = steady[1] - steady[0]
    window = make_window(requests, load=make_load(concurrency=streams))
    found = metrics.system_throughput_tps(window, STEADY_RULES)
    assert not isinstance(found, Undefined)
    true_tps = streams * tokens / (service_ns / 1e9)
    assert abs(found - true_tps) <= streams * tokens / (length_ns / 1e9) * (1 + 1e-9)
