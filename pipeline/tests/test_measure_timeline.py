"""From stamped bytes to the record: stamps to the nanosecond, and every way in which a request can end."""

from __future__ import annotations

import json

import pytest

from fairlead import windows
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.timeline import (
    MESSAGE_CHARS,
    STALE_SLACK_NS,
    Ended,
    Exchange,
    Shot,
    lost_request,
    read_http,
    read_request,
)
from fairlead.windows import Outcome

CHAT = DIALECTS["openai-chat"]
SHOT = Shot(i=3, slot=1, scheduled_ns=None, body_sha256="ab")
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"


def sse(*values: object) -> bytes:
    return b"".join(
        b"data: " + (v if isinstance(v, bytes) else json.dumps(v).encode()) + b"\n\n" for v in values
    )


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text: str | None = None, finish: str | None = None, **more: object) -> dict[str, object]:
    content = {} if text is None else {"content": text}
    return {"id": "c-1", "choices": [{"index": 0, "delta": content | more, "finish_reason": finish}]}


def exchange(*pieces: bytes, ended: Ended = Ended.COMPLETE, lag: int | None = 5, **more: object) -> Exchange:
    """Pieces read at 2000, 3000, 4000 … ns, the request sent at 1500."""
    reads = [(2000 + 1000 * k, lag, piece) for k, piece in enumerate(pieces)]
    fields = {"begin_ns": 1000, "sent_ns": 1500, "reused": False, "end_ns": 2000 + 1000 * len(pieces)}
    return Exchange(**(fields | {"reads": reads, "ended": ended} | more))


def record(*pieces: bytes, origin_ns: int = 0, **more: object) -> windows.Request:
    return read_request(SHOT, exchange(*pieces, **more), CHAT, origin_ns=origin_ns)


def outcome(*pieces: bytes, **more: object) -> tuple[Outcome, str | None]:
    request = record(*pieces, **more)
    return request.outcome, None if request.error is None else request.error.code


def plain(status: str, body: bytes, content_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


GOOD = (
    HEAD + chunked(sse(delta(role="assistant"))),
    chunked(sse(delta("Hel"))),
    chunked(sse(delta("lo"), delta("!"))),
    chunked(sse(delta(None, "stop"), {"choices": [], "usage": {"completion_tokens": 3}}, b"[DONE]")),
    END,
)


# --- the stamps ---


def test_a_good_stream_becomes_the_record_of_the_raw_window_key_by_key():
    request = record(*GOOD, origin_ns=1000)
    assert request == windows.Request(
        i=3, slot=1, process=None, body_sha256="ab", probe=None,
        scheduled_ns=None, sent_ns=500, headers_ns=995, done_ns=4995,
        connection=windows.Connection(reused=False, dns_ns=None, tcp_ns=None, tls_ns=None),
        chunk_ns=[1995, 1000, 0], chunk_lag_ns=[5, 5, 5], chunk_kind="t3", chunk_chars=[3, 2, 1],
        chunk_tokens=None, text="Hello!", reasoning=None, tool_calls=None,
        tokens=windows.Tokens(
            counted=None, usage_output=3, usage_input=None, usage_cached=None, usage_reasoning=None
        ),
        status=200, finish="stop", outcome=Outcome.OK, error=None, provider_request_id="c-1",
        ttft_ns=None, e2e_ns=None, original=None,
    )  # fmt: skip


def test_the_role_chunk_is_no_token_and_does_not_start_the_clock():
    assert record(*GOOD).chunk_ns[0] == 3000 - 5


def test_chunks_of_one_read_have_a_gap_of_zero():
    assert record(
        HEAD + chunked(sse(delta("a"), delta("b"))) + chunked(sse(delta("c", "stop"))) + END
    ).chunk_ns == [
        1995,
        0,
        0,
    ]


def test_an_event_is_stamped_by_the_read_that_completed_it():
    whole = chunked(sse(delta("a", "stop")))
    assert record(HEAD + whole[:-4], whole[-4:], END).chunk_ns == [2995]


def test_without_kernel_stamps_the_users_are_taken_and_no_lag_is_given():
    request = record(*GOOD, lag=None)
    assert (request.chunk_ns, request.chunk_lag_ns, request.headers_ns) == ([3000, 1000, 0], None, 2000)


def test_one_read_without_a_kernel_stamp_makes_the_whole_request_one_of_user_stamps():
    mixed = exchange(*GOOD)
    mixed.reads[2] = (mixed.reads[2][0], None, mixed.reads[2][2])
    request = read_request(SHOT, mixed, CHAT, origin_ns=0)
    assert (request.chunk_ns, request.chunk_lag_ns) == ([3000, 1000, 0], None)


@pytest.mark.parametrize("lag", [-1, 10**12])
def test_a_kernel_stamp_that_cannot_be_falls_back_to_the_users(lag):
    stepped = exchange(*GOOD)
    stepped.reads[1] = (3000, lag, stepped.reads[1][2])
    request = read_request(SHOT, stepped, CHAT, origin_ns=0)
    assert request.chunk_ns == [3000, 995, 0]
    assert request.chunk_lag_ns == [0, 5, 5]


def test_stamps_never_fall_even_where_kernel_stamps_do():
    stepped = exchange(*GOOD)
    stepped.reads[2] = (4000, 1500, stepped.reads[2][2])
    request = read_request(SHOT, stepped, CHAT, origin_ns=0)
    assert request.chunk_ns == [2995, 0, 0]
    assert request.chunk_lag_ns == [5, 1005, 1005]


def test_user_time_is_always_stamp_plus_lag():
    request = record(*GOOD)
    assert request.chunk_lag_ns is not None
    assert request.chunk_ns[0] + request.chunk_lag_ns[0] == 3000


def test_an_open_loop_keeps_its_scheduled_time():
    shot = Shot(i=0, slot=None, scheduled_ns=1400, body_sha256=None)
    assert read_request(shot, exchange(*GOOD), CHAT, origin_ns=1000).scheduled_ns == 400


def test_connection_stamps_are_copied():
    request = record(*GOOD, dns_ns=1, tcp_ns=2, tls_ns=3)
    assert request.connection == windows.Connection(reused=False, dns_ns=1, tcp_ns=2, tls_ns=3)


# --- the content ---


def test_kinds_are_run_lengths_and_texts_are_kept_apart():
    stream = sse(
        delta(reasoning_content="th"), delta(reasoning_content="ink"), delta("answer"),
        delta(tool_calls=[{"index": 0, "id": "x", "function": {"name": "add", "arguments": '{"a"'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]), delta(None, "tool_calls"),
    )  # fmt: skip
    request = record(HEAD + chunked(stream) + END)
    assert (request.chunk_kind, request.chunk_chars) == ("r2t1c2", [2, 3, 6, 7, 3])
    assert (request.reasoning, request.text) == ("think", "answer")
    assert json.loads(request.tool_calls or "") == [
        {"index": 0, "id": "x", "name": "add", "arguments": '{"a":1}'}
    ]


def test_the_request_id_comes_from_the_header_before_the_stream():
    head = HEAD.replace(b"\r\n\r\n", b"\r\nX-Request-ID: req-9\r\n\r\n")
    stream = chunked(sse(delta("a", "stop"))) + END
    assert record(head + stream).provider_request_id == "req-9"
    assert record(HEAD + stream).provider_request_id == "c-1"


def test_interim_responses_are_passed_over():
    early = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\ncontent-type: text/html\r\n\r\n"
    request = record(b"HTTP/1.1 100 Continue\r\n\r\n", early + GOOD[0], *GOOD[1:])
    assert (request.outcome, request.headers_ns, request.chunk_ns[0]) == (Outcome.OK, 2995, 3995)


def test_what_follows_a_whole_response_is_ignored():
    assert record(*GOOD[:-1], END + b"HTTP/1.1 500 X\r\n\r\n").status == 200
    assert record(*GOOD[:-1], END + b"garbage").outcome is Outcome.OK


def test_a_body_framed_by_closing_is_whole_when_the_peer_closed():
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    body = sse(delta("a", "stop"), b"[DONE]")
    request = record(head, body, ended=Ended.CLOSED)
    assert (request.outcome, request.done_ns) == (Outcome.OK, 2995)
    assert read_http([head, body], closed=False).done_read is None


# --- how it ended ---


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (Ended.DNS, Outcome.CONNECT),
        (Ended.CONNECT, Outcome.CONNECT),
        (Ended.TLS, Outcome.TLS),
        (Ended.CONNECT_TIMEOUT, Outcome.TIMEOUT),
        (Ended.POLICY, Outcome.CLIENT),
        (Ended.LOCAL, Outcome.CLIENT),
        (Ended.FIRST_TIMEOUT, Outcome.TIMEOUT),
        (Ended.TOTAL_TIMEOUT, Outcome.TIMEOUT),
        (Ended.INTERRUPTED, Outcome.CLIENT),
        (Ended.NOT_HTTP, Outcome.MALFORMED),
        (Ended.TOO_LARGE, Outcome.MALFORMED),
        (Ended.RESET, Outcome.TRUNCATED),
        (Ended.CLOSED, Outcome.TRUNCATED),
    ],
)
def test_an_exchange_without_one_byte_is_classed_by_what_ended_it(ended, expected):
    request = record(ended=ended, detail="why")
    assert request.outcome is expected
    assert request.error is not None
    assert request.error.message == "why"
    assert (request.status, request.headers_ns, request.chunk_ns, request.chunk_lag_ns) == (
        None,
        None,
        [],
        None,
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("429 Too Many Requests", Outcome.RATE_LIMITED),
        ("500 X", Outcome.SERVER_ERROR),
        ("503 X", Outcome.SERVER_ERROR),
        ("529 X", Outcome.SERVER_ERROR),
        ("400 X", Outcome.REFUSED),
        ("401 X", Outcome.REFUSED),
        ("404 X", Outcome.REFUSED),
        ("301 X", Outcome.REFUSED),
        ("304 X", Outcome.REFUSED),
    ],
)
def test_a_status_decides_its_class(status, expected):
    request = record(plain(status, b'{"error":{"message":"no","code":"c"}}'))
    assert (request.outcome, request.status) == (expected, int(status[:3]))
    assert request.error is not None


def test_a_status_decides_even_if_its_body_never_ended():
    pieces = plain("500 X", b'{"error":{"message":"no"}}')[:-3]
    for ended in (Ended.TOTAL_TIMEOUT, Ended.CLOSED, Ended.RESET):
        assert outcome(pieces, ended=ended)[0] is Outcome.SERVER_ERROR


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([delta("a"), delta(None, "stop"), b"[DONE]"], (Outcome.OK, None)),
        ([delta("a"), delta(None, "stop")], (Outcome.OK, None)),
        ([delta("a", "stop")], (Outcome.OK, None)),
        ([delta("a"), b"[DONE]"], (Outcome.TRUNCATED, "complete")),
        ([delta("a")], (Outcome.TRUNCATED, "complete")),
        ([], (Outcome.EMPTY, "empty")),
        ([b"[DONE]"], (Outcome.EMPTY, "empty")),
        ([delta(role="assistant", content="")], (Outcome.EMPTY, "empty")),
        ([delta(role="assistant"), delta(None, "stop"), b"[DONE]"], (Outcome.EMPTY, "empty")),
        ([delta("a"), {"error": {"message": "no", "code": "c"}}], (Outcome.IN_STREAM_ERROR, "c")),
        ([{"error": {"message": "no", "code": "c"}}, delta("a", "stop")], (Outcome.IN_STREAM_ERROR, "c")),
        ([delta("a"), b"{broken", delta("b", "stop")], (Outcome.MALFORMED, "event")),
        ([delta("a"), b'{"choices":[{"delta":{"content":"\xf0\x9f"}}]}'], (Outcome.MALFORMED, "event")),
        ([delta(refusal="I will not", finish=None), delta(None, "stop")], (Outcome.REFUSED, "model_refusal")),
    ],
)
def test_a_whole_stream_is_classed_by_what_it_held(events, expected):
    assert outcome(HEAD + (chunked(sse(*events)) if events else b"") + END) == expected


def test_content_before_a_failure_is_kept_as_evidence():
    request = record(HEAD + chunked(sse(delta("kept"), {"error": "no"}, delta("lost"))) + END)
    assert (request.text, request.chunk_chars) == ("kept", [4])


@pytest.mark.parametrize("ended", [Ended.CLOSED, Ended.RESET])
def test_a_stream_cut_off_is_truncated_before_its_finish_and_ok_after_it(ended):
    cut = HEAD + chunked(sse(delta("a")))
    assert outcome(cut, ended=ended) == (Outcome.TRUNCATED, str(ended))
    assert outcome(cut + chunked(sse(delta(None, "stop"))), ended=ended) == (Outcome.OK, None)


def test_a_limit_reached_is_a_timeout_even_after_the_last_content():
    finished = HEAD + chunked(sse(delta("a", "stop")))
    assert outcome(finished, ended=Ended.TOTAL_TIMEOUT, detail="the limit of 5 s") == (
        Outcome.TIMEOUT,
        "total_timeout",
    )


def test_a_request_in_flight_when_the_run_was_stopped_is_our_failure():
    assert outcome(*GOOD[:2], ended=Ended.INTERRUPTED)[0] is Outcome.CLIENT


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/html", b"<html>", (Outcome.MALFORMED, "content_type")),
        ("application/json", b'{"choices":[]}', (Outcome.MALFORMED, "content_type")),
        ("application/json", b'{"error":{"message":"no","code":"c"}}', (Outcome.IN_STREAM_ERROR, "c")),
        ("text/plain", sse(delta("a", "stop")), (Outcome.MALFORMED, "content_type")),
        ("text/event-stream", b"<html>", (Outcome.EMPTY, "empty")),
        ("TEXT/Event-Stream ;x=y", sse(delta("a", "stop")), (Outcome.OK, None)),
    ],
)
def test_a_200_that_is_no_event_stream_is_malformed_unless_it_states_an_error(content_type, body, expected):
    assert outcome(plain("200 OK", body, content_type)) == expected


def test_a_missing_content_type_is_malformed():
    assert outcome(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") == (Outcome.MALFORMED, "content_type")


def test_an_encoding_that_was_not_asked_for_is_malformed():
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    assert outcome(head + chunked(b"\x1f\x8b") + END) == (Outcome.MALFORMED, "content_encoding")


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        HEAD + b"zz\r\nxx\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ],
    ids=["ssh", "tls-alert", "bad-chunk", "bad-length"],
)
def test_bytes_that_are_no_http_are_malformed(wire):
    assert outcome(wire, ended=Ended.NOT_HTTP)[0] is Outcome.MALFORMED


def test_a_line_past_its_bound_is_malformed():
    body = b"data: " + b"x" * (1024 * 1024 + 1)
    assert outcome(HEAD + chunked(body) + END) == (Outcome.MALFORMED, "event")


# --- a connection that the server had closed ---


def stale(**more: object) -> Outcome:
    fields = {
        "reused": True,
        "round_trip_ns": 1000,
        "ended": Ended.RESET,
        "end_ns": 1500 + 2000 + STALE_SLACK_NS,
    }
    return record(**(fields | more)).outcome


@pytest.mark.parametrize("ended", [Ended.RESET, Ended.CLOSED])
def test_an_end_within_two_round_trips_on_a_kept_connection_is_not_charged_to_the_provider(ended):
    assert stale(ended=ended) is Outcome.CLIENT


def test_a_later_end_is_charged_to_the_provider():
    assert stale(end_ns=1500 + 2000 + STALE_SLACK_NS + 1) is Outcome.TRUNCATED


def test_an_end_on_a_fresh_connection_is_charged_to_the_provider():
    assert stale(reused=False) is Outcome.TRUNCATED


def test_an_end_after_one_byte_is_charged_to_the_provider():
    assert stale(reads=[(1600, 5, b"H")]) is Outcome.TRUNCATED


# --- evidence ---


def test_a_message_is_cut_and_cleaned_of_control_characters_and_broken_surrogates():
    body = json.dumps(
        {"error": {"message": "a\x1b[31m\n" + "x" * 2000, "code": "c\ud800" + "y" * 100}}
    ).encode()
    error = record(plain("400 X", body)).error
    assert error is not None
    assert error.message.startswith("a [31m xxx")
    assert len(error.message) == MESSAGE_CHARS
    assert error.code == ("c?" + "y" * 100)[:64]


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abcdefghijklmnop", "bearer  abc.def-ghi_jkl", "sk-proj-abcdefghijkl", "gsk_abcdefghijkl",
        "AIzaSyA1234567890abcdefghij", "Basic dXNlcjpwYXNz",
    ],
)  # fmt: skip
def test_what_looks_like_a_credential_is_redacted(secret):
    body = json.dumps({"error": {"message": f"wrong key {secret} given", "code": secret}}).encode()
    request = record(plain("401 X", body))
    assert request.error is not None
    assert request.error.message == "wrong key [redacted] given"
    assert secret not in windows.encode_line(request).decode()


def test_a_credential_is_redacted_even_where_the_cut_would_split_it():
    body = json.dumps({"error": {"message": "x" * (MESSAGE_CHARS - 5) + " sk-abcdefghijklmnop"}}).encode()
    error = record(plain("401 X", body)).error
    assert error is not None
    assert "sk-" not in error.message


def test_a_record_can_always_be_written():
    body = b'{"error":{"message":"\\ud800","code":"\\udfff"}}'
    for status in ("200 OK", "400 X"):
        assert windows.encode_line(record(plain(status, body)))
    half = b'{"id":"\\ud800","choices":[{"delta":{"content":"\\ud800"},"finish_reason":"\\ud800"}]}'
    assert windows.encode_line(record(HEAD + chunked(sse(half)) + END))


def test_a_request_lost_with_its_run_is_our_failure_with_nothing_known():
    request = lost_request(SHOT, origin_ns=0)
    assert (request.i, request.outcome, request.sent_ns, request.done_ns) == (3, Outcome.CLIENT, None, None)
    assert request.error == windows.ErrorDetail(code="interrupted", message="the run was killed")
