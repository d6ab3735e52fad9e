"""Whatever a window holds, its file gives it back, and has one form only."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fairlead import windows
from fairlead.windows import WindowError, decode_window, encode_line, encode_window, inflate

counts = st.none() | st.integers(-(2**63), 2**63 - 1)
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
lists = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=6)

requests = st.builds(
    windows.Request,
    i=st.integers(0, 2**63 - 1),
    **dict.fromkeys(("slot", "process", "scheduled_ns", "sent_ns", "headers_ns", "done_ns"), counts),
    **dict.fromkeys(("status", "ttft_ns", "e2e_ns"), counts),
    **dict.fromkeys(("body_sha256", "probe", "text", "reasoning", "tool_calls", "finish"), texts),
    **dict.fromkeys(("provider_request_id", "original"), texts),
    connection=st.builds(
        windows.Connection,
        reused=st.none() | st.booleans(),
        **dict.fromkeys(("dns_ns", "tcp_ns", "tls_ns"), counts),
    ),
    chunk_ns=lists,
    chunk_lag_ns=st.none() | lists,
    chunk_kind=st.from_regex(r"([rtc][1-9][0-9]{0,3}){0,4}", fullmatch=True),
    chunk_chars=lists,
    chunk_tokens=st.none() | lists,
    tokens=st.builds(windows.Tokens, **dict.fromkeys(windows.Tokens.__struct_fields__, counts)),
    outcome=st.sampled_from(windows.Outcome),
    error=st.none() | st.builds(windows.ErrorDetail, code=st.text(max_size=8), message=st.text(max_size=20)),
)
loads = st.builds(
    windows.Load,
    kind=st.sampled_from(["closed", "open"]),
    concurrency=counts,
    rate_per_s=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    arrivals=st.sampled_from([None, "poisson", "constant"]),
    planned=st.integers(0, 2**40),
    ramp_ns=st.integers(0, 2**40),
    **dict.fromkeys(("connect_timeout_ns", "first_timeout_ns", "total_timeout_ns"), counts),
)


def header(load: windows.Load) -> windows.Header:
    return windows.Header(
        kind="window", schema_version=1, origin="measured",
        tool=windows.Tool(name="t", version="0", commit=None, source_sha256=None),
        provider="p", endpoint="e", model="m", api_model=None, dialect="openai-chat", http="1.1",
        address=None, vantage=None, round=None, role="smoke", registration_sha256=None, seed=None,
        plan_index=None, methodology=None, workload=None, tokenizer_sha256=None, load=load,
        clock=windows.WindowClock(
            start_unix_ns=0, basis="measured", origin_mono_ns=None, duration_ns=None, max_step_ns=None
        ),
        machine=None, stamps="user", calibration=windows.Calibration(before=None, after=None),
    )  # fmt: skip


@given(load=loads, rows=st.lists(requests, max_size=4))
def test_decoding_gives_back_what_was_encoded_and_encoding_again_the_same_bytes(load, rows):
    data = encode_window(header(load), rows)
    window = decode_window(data)
    assert (window.header, window.requests) == (header(load), rows)
    assert encode_window(window.header, window.requests) == data


@given(row=requests, at=st.integers(0, 10**6), byte=st.binary(min_size=1, max_size=2))
def test_text_that_differs_in_any_place_is_another_window_or_none(row, at, byte):
    first = header(_LOAD)
    text = inflate(encode_window(first, [row]))
    at %= len(text)
    other = text[:at] + byte + text[at + len(byte) :]
    if other == text:
        return
    try:
        window = decode_window(windows.gzip.compress(other))
    except WindowError:
        return
    assert b"".join(encode_line(x) + b"\n" for x in (window.header, *window.requests)) == other
    assert (window.header, window.requests) != (first, [row])


@given(data=st.binary(max_size=300))
def test_any_bytes_give_a_window_or_a_window_error_and_nothing_else(data):
    for candidate in (data, windows.gzip.compress(data)):
        try:
            decode_window(candidate)
        except WindowError:
            continue


_LOAD = msgspec.convert(
    dict.fromkeys(windows.Load.__struct_fields__) | {"kind": "closed", "planned": 1, "ramp_ns": 0},
    windows.Load,
)
