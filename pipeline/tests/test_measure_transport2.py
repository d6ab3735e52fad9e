"""One request over HTTP/2 and a real socket: what is stamped and kept, and each way a peer can misbehave."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

import httpx
import hypothesis
import hypothesis.strategies as st
import pytest
import uvloop

from fairlead.clock import SystemClock
from fairlead.measure import transport2 as module
from fairlead.measure.connection import tls_context
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.plan import Limits
from fairlead.measure.readiness import hold_kernel_stamps
from fairlead.measure.timeline import STALE_SLACK_NS, Ended, Exchange, Shot, read_request
from fairlead.measure.transport import Transport, prepare
from fairlead.measure.transport2 import HTTP2
from fairlead.windows import Outcome
from fairlead.windows import Request as Record

from .http2_peer import STREAM, Peer, Script, Talk, answering, certificate, peer, trust
from .test_measure_transport import calls_alive

MS = 1_000_000
SECOND = 1_000_000_000
SHORT = Limits(connect_ns=5 * SECOND, first_ns=80 * MS, total_ns=160 * MS)
PATIENT = Limits(connect_ns=30 * SECOND, first_ns=30 * SECOND, total_ns=30 * SECOND)

PART = b'data: {"choices":[{"delta":{"content":"hel"}}]}\n\n'
EVENT = b'data: {"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\n'

T = TypeVar("T")
Result = tuple[Exchange, httpx.Response | httpx.TransportError]


def run(coroutine: Coroutine[None, None, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def client(limits: Limits = PATIENT, tls: ssl.SSLContext | None = None) -> Transport:
    return Transport(limits, tls=tls or trust(), speaks=HTTP2)


async def attempt(sender: Transport, request: httpx.Request) -> Result:
    try:
        result: httpx.Response | httpx.TransportError = await sender.handle_async_request(request)
    except httpx.TransportError as error:
        result = error
    return request.extensions["exchange"], result


def exchange_with(
    url: str, limits: Limits = PATIENT, body: bytes = b"{}", tls: ssl.SSLContext | None = None
) -> Result:
    """One request on a connection of its own."""

    async def once() -> Result:
        sender = client(limits, tls)
        try:
            return await attempt(sender, prepare(url, body))
        finally:
            await sender.aclose()

    return run(once())


def several(server: Peer, count: int = 2, between: Callable[[], object] = lambda: None) -> list[Result]:
    """Requests one after another through one transport."""

    async def all_of_them() -> list[Result]:
        sender = client()
        done: list[Result] = []
        try:
            for _ in range(count):
                done.append(await attempt(sender, prepare(server.url, b"{}")))
                if len(done) < count:
                    await asyncio.get_running_loop().run_in_executor(None, between)
        finally:
            await sender.aclose()
        return done

    return run(all_of_them())


def record(kept: Exchange) -> Record:
    shot = Shot(i=0, slot=0, scheduled_ns=None, body_sha256=None)
    return read_request(shot, kept, DIALECTS["openai-chat"], origin_ns=0)


def once(do: Callable[[Talk, int], None]) -> Script:
    """Take a request, do something, wait for the client to go."""

    def script(talk: Talk) -> None:
        do(talk, talk.take_request())
        talk.until_gone()

    return script


# --- a good exchange ---


def test_a_streamed_answer_becomes_a_record_with_every_token_and_stamp_in_order():
    before = SystemClock.mono_ns()
    with peer(
        answering(PART, EVENT, b"data: [DONE]\n\n", headers=[*STREAM, (b"x-request-id", b"r-1")])
    ) as it:
        kept, response = exchange_with(it.url)
    assert (kept.ended, kept.reused, kept.address) == (Ended.COMPLETE, False, "127.0.0.1")
    stamps = [before, kept.begin_ns, kept.sent_ns, *(read[0] for read in kept.reads), kept.end_ns]
    assert None not in stamps
    assert stamps == sorted(stamps)
    assert b"".join(data for _, _, data in kept.reads) == PART + EVENT + b"data: [DONE]\n\n"
    told = record(kept)
    assert (told.outcome, told.status, told.text) == (Outcome.OK, 200, "hello")
    assert (told.chunk_kind, told.chunk_chars) == ("t2", [3, 2])
    assert (told.finish, told.provider_request_id) == ("stop", "r-1")
    assert told.headers_ns is not None
    assert told.done_ns is not None
    assert told.sent_ns <= told.headers_ns <= told.chunk_ns[0] <= told.done_ns
    for duration in (kept.dns_ns, kept.tcp_ns, kept.tls_ns, kept.round_trip_ns):
        assert duration is not None
        assert duration > 0
    assert isinstance(response, httpx.Response)


@pytest.mark.skipif(sys.platform != "linux", reason="kernel stamps are Linux's")
def test_on_linux_every_read_knows_its_lag_behind_the_kernel():
    holder = hold_kernel_stamps()
    assert holder is not None
    with holder, peer(answering(PART, EVENT)) as server:
        kept, _ = exchange_with(server.url)
    for user_ns, lag_ns, _ in kept.reads:
        assert lag_ns is not None
        assert 0 <= lag_ns <= user_ns - kept.begin_ns
    assert len(record(kept).chunk_lag_ns or []) == 2


def test_the_response_speaks_httpx():
    with peer(answering(PART, EVENT)) as server:
        kept, response = exchange_with(server.url)
    assert isinstance(response, httpx.Response)
    assert (response.status_code, response.http_version) == (200, "HTTP/2")
    assert response.headers["content-type"] == "text/event-stream"
    assert asyncio.run(response.aread()) == PART + EVENT
    assert response.extensions["exchange"] is kept


def test_the_request_on_the_wire_is_the_request_that_was_built():
    with peer(answering(EVENT)) as server:
        exchange_with(server.url + "?a=b", body=b'{"x":1}')
        [(headers, body)] = server.talks[0].heard
    said = dict(headers)
    assert (said[b":method"], said[b":path"]) == (b"POST", b"/v1/chat/completions?a=b")
    assert (said[b":scheme"], said[b":authority"]) == (b"https", f"localhost:{server.port}".encode())
    assert (said[b"content-length"], said[b"accept-encoding"]) == (b"7", b"identity")
    assert body == b'{"x":1}'


def test_frames_that_come_in_one_read_bear_one_stamp():
    def script(talk: Talk, stream: int) -> None:
        talk.head(stream)
        frames = b"".join(
            len(part).to_bytes(3) + bytes((0, flags)) + stream.to_bytes(4) + part
            for part, flags in ((PART, 0), (EVENT, 1))
        )
        talk.raw(frames)

    with peer(once(script)) as server:
        kept, _ = exchange_with(server.url)
    told = record(kept)
    assert told.text == "hello"
    assert told.chunk_ns[1] == 0
    assert told.done_ns == told.chunk_ns[0]


def test_a_frame_cut_up_over_many_reads_counts_when_it_is_whole():
    def script(talk: Talk, stream: int) -> None:
        talk.head(stream)
        frame = len(EVENT).to_bytes(3) + bytes((0, 1)) + stream.to_bytes(4) + EVENT
        for at in range(len(frame)):
            talk.raw(frame[at : at + 1])

    with peer(once(script)) as server:
        kept, _ = exchange_with(server.url)
    assert (record(kept).outcome, record(kept).text) == (Outcome.OK, "lo")


def test_a_body_larger_than_the_servers_window_is_sent_whole():
    body = bytes(range(256)) * 4096
    with peer(answering(EVENT)) as server:
        kept, _ = exchange_with(server.url, body=body)
        [(_, heard)] = server.talks[0].heard
    assert hashlib.sha256(heard).digest() == hashlib.sha256(body).digest()
    assert kept.ended is Ended.COMPLETE
    assert kept.sent_ns is not None
    assert kept.sent_ns <= kept.reads[0][0]


def test_a_body_larger_than_our_window_comes_whole():
    more = b": " + b"x" * 1_000_000 + b"\n\n"

    def script(talk: Talk, stream: int) -> None:
        talk.head(stream)
        for _ in range(20):
            talk.data(stream, more)
        talk.data(stream, EVENT, end=True)

    with peer(once(script)) as server:
        kept, _ = exchange_with(server.url)
    assert record(kept).outcome is Outcome.OK
    assert sum(len(data) for _, _, data in kept.reads) == 20 * len(more) + len(EVENT)


def test_interim_responses_pushes_pings_and_trailers_end_nothing():
    def script(talk: Talk, stream: int) -> None:
        talk.frame(6, 0, b"pingpong")
        talk.head(stream, 103, [(b"link", b"x")])
        talk.head(stream)
        talk.frame(6, 0, b"pingpong")
        talk.frame(0xFA, 0, b"no such frame")
        talk.data(stream, EVENT)
        talk._h2.send_headers(stream, [(b"grpc-status", b"0")], end_stream=True)
        talk._flush()

    with peer(once(script)) as server:
        kept, response = exchange_with(server.url)
    assert isinstance(response, httpx.Response)
    assert (response.status_code, record(kept).outcome) == (200, Outcome.OK)


# --- one connection, many requests, one stream at a time ---


def test_a_connection_is_kept_and_used_again():
    with peer(answering(PART, EVENT)) as server:
        (first, _), (second, _), (third, _) = several(server, 3)
    assert len(server.talks) == 1
    assert (first.reused, second.reused, third.reused) == (False, True, True)
    assert [record(kept).text for kept in (first, second, third)] == ["hello"] * 3
    assert (second.tcp_ns, second.tls_ns, second.round_trip_ns) == (None, None, first.round_trip_ns)


def test_what_a_server_may_say_between_two_requests_does_not_cost_the_connection():
    said = threading.Event()

    def script(talk: Talk) -> None:
        talk.answer(talk.take_request(), EVENT)
        talk.frame(6, 0, b"pingpong")
        talk.frame(8, 0, (1000).to_bytes(4))
        said.set()
        talk.answer(talk.take_request(), EVENT)

    with peer(script) as server:
        _, (second, _) = several(server, between=said.wait)
    assert (second.reused, record(second).outcome) == (True, Outcome.OK)


@pytest.mark.parametrize("how", ["goodbye", "closed", "reset"])
def test_an_idle_connection_that_the_server_ended_is_replaced_and_nobody_is_charged(how):
    done = threading.Event()

    def script(talk: Talk) -> None:
        talk.answer(talk.take_request(), EVENT)
        if how == "goodbye":
            talk.goodbye(1)
            done.set()
            talk.until_gone()
        elif how == "reset":
            talk.break_off()

    with peer(script, answering(EVENT)) as server:
        wait = done.wait if how == "goodbye" else server.finished[0].wait
        _, (second, _) = several(server, between=wait)
    assert (second.reused, record(second).outcome) == (False, Outcome.OK)


def test_a_server_that_says_goodbye_and_finishes_its_answer_has_answered():
    def script(talk: Talk, stream: int) -> None:
        talk.goodbye(2**31 - 1)
        talk.head(stream)
        talk.data(stream, PART)
        talk.goodbye(stream)
        talk.data(stream, EVENT, end=True)

    with peer(once(script), answering(EVENT)) as server:
        (first, _), (second, _) = several(server)
    assert (first.ended, record(first).text, record(first).outcome) == (Ended.COMPLETE, "hello", Outcome.OK)
    assert (second.reused, record(second).outcome) == (False, Outcome.OK)


@pytest.mark.parametrize("how", ["goodbye", "closed"])
def test_a_kept_connection_that_ends_as_we_send_is_a_race_and_not_tried_again(how):
    def script(talk: Talk) -> None:
        talk.answer(talk.take_request(), EVENT)
        talk.take_request()
        if how == "goodbye":
            talk.goodbye(1)
            talk.until_gone()

    with peer(script, answering(EVENT)) as server:
        _, (second, error) = several(server)
        assert len(server.talks) == 1
    assert isinstance(error, httpx.RemoteProtocolError)
    assert (second.reused, second.reads, second.ended) == (True, [], Ended.CLOSED)
    second.end_ns = (second.sent_ns or 0) + 2 * second.round_trip_ns + STALE_SLACK_NS
    assert record(second).outcome is Outcome.CLIENT
    second.end_ns += 1
    assert record(second).outcome is Outcome.TRUNCATED


def test_a_stream_reset_on_a_kept_connection_is_no_race_for_the_request_had_reached_the_server():
    def script(talk: Talk) -> None:
        talk.answer(talk.take_request(), EVENT)
        talk.reset(talk.take_request(), 7)
        talk.until_gone()

    with peer(script) as server:
        _, (second, error) = several(server)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert (second.reused, second.ended) == (True, Ended.STREAM_RESET)
    second.end_ns = second.sent_ns or 0
    told = record(second)
    assert (told.outcome, told.error and told.error.code) == (Outcome.TRUNCATED, "stream_reset")
    assert "REFUSED_STREAM" in second.detail


# --- failures ---


def test_a_refused_connection_is_a_connect_failure():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    kept, error = exchange_with(f"https://localhost:{port}/v1")
    assert isinstance(error, httpx.ConnectError)
    assert (kept.ended, record(kept).outcome) == (Ended.CONNECT, Outcome.CONNECT)


@pytest.mark.parametrize("alpn", ["http/1.1", None])
def test_a_server_that_does_not_agree_on_http2_is_a_tls_failure_that_says_so(alpn):
    with peer(answering(EVENT), tls=certificate(alpn=alpn)) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.ConnectError)
    told = record(kept)
    assert (kept.ended, told.outcome, kept.sent_ns) == (Ended.TLS, Outcome.TLS, None)
    assert told.error is not None
    assert "h2" in told.error.message or "no application protocol" in told.error.message.lower()


def test_an_address_without_tls_is_not_spoken_to():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept, _ = exchange_with(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    assert (kept.ended, kept.sent_ns, kept.detail) == (Ended.TLS, None, "h2 is spoken over TLS only")


@pytest.mark.parametrize("fault", ["unknown-authority", "wrong-name"])
def test_a_certificate_that_does_not_hold_is_a_tls_failure(fault):
    with peer(answering(EVENT)) as server:
        url = server.url if fault == "unknown-authority" else server.url.replace("localhost", "127.0.0.1")
        kept, error = exchange_with(url, tls=tls_context("h2") if fault == "unknown-authority" else None)
    assert isinstance(error, httpx.ConnectError)
    assert (kept.ended, record(kept).outcome, kept.sent_ns) == (Ended.TLS, Outcome.TLS, None)


@pytest.mark.parametrize(
    ("code", "word"), [(2, "INTERNAL_ERROR"), (7, "REFUSED_STREAM"), (0, "NO_ERROR"), (4242, "4242")]
)
def test_a_stream_reset_in_mid_answer_keeps_what_came_before_it(code, word):
    def script(talk: Talk, stream: int) -> None:
        talk.head(stream)
        talk.data(stream, PART)
        talk.reset(stream, code)

    with peer(once(script)) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError)
    told = record(kept)
    assert (kept.ended, told.outcome, told.status, told.text) == (
        Ended.STREAM_RESET, Outcome.TRUNCATED, 200, "hel",
    )  # fmt: skip
    assert told.error is not None
    assert told.error.message == f"the server reset the stream: {word}"


def test_a_goodbye_with_an_error_breaks_the_answer_off():
    def script(talk: Talk, stream: int) -> None:
        talk.head(stream)
        talk.data(stream, PART)
        talk.goodbye(stream, 11)

    with peer(once(script)) as server:
        kept, _ = exchange_with(server.url)
    told = record(kept)
    assert (kept.ended, told.outcome, told.text) == (Ended.STREAM_RESET, Outcome.TRUNCATED, "hel")
    assert "ENHANCE_YOUR_CALM" in kept.detail


def test_a_goodbye_that_counts_the_first_request_out_is_charged():
    with peer(once(lambda talk, _: talk.goodbye(0))) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert (kept.ended, record(kept).outcome) == (Ended.CLOSED, Outcome.TRUNCATED)


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_connection_that_ends_in_mid_answer_is_truncated_and_keeps_what_came(how):
    def script(talk: Talk) -> None:
        stream = talk.take_request()
        talk.head(stream)
        talk.data(stream, PART)
        if how == "reset":
            talk.break_off()

    with peer(script) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError | httpx.ReadError)
    # A peer that closes while something of ours is unread resets the connection: the kernel does.
    assert kept.ended in (
        (Ended.CLOSED, Ended.RESET) if how == "closed" else (Ended.RESET, Ended.CLOSED, Ended.TLS)
    )
    if how == "closed" and kept.ended is Ended.CLOSED:  # a reset may take along what had come
        assert (record(kept).outcome, record(kept).text) == (Outcome.TRUNCATED, "hel")


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("pieces", "ended"),
    [
        (None, Ended.FIRST_TIMEOUT),
        ((), Ended.FIRST_TIMEOUT),
        ((b": hello\n\n",), Ended.TOTAL_TIMEOUT),
        ((EVENT,), Ended.TOTAL_TIMEOUT),
    ],
    ids=["silence", "headers-only", "comment-only", "no-end"],
)
def test_a_stall_past_its_limit_ends_the_request_and_keeps_what_came(pieces, ended):
    def script(talk: Talk, stream: int) -> None:
        if pieces is not None:
            talk.head(stream)
        for piece in pieces or ():
            talk.data(stream, piece)

    with peer(once(script)) as server:
        kept, error = exchange_with(server.url, SHORT)
    assert isinstance(error, httpx.ReadTimeout)
    assert (kept.ended, record(kept).outcome) == (ended, Outcome.TIMEOUT)
    assert b"".join(data for _, _, data in kept.reads) == b"".join(pieces or ())


def test_a_peer_that_does_not_take_the_request_is_a_timeout():
    with peer(lambda talk: talk.until_gone()) as server:
        kept, _ = exchange_with(server.url, SHORT, body=bytes(4 * 1024 * 1024))
    assert (kept.ended, kept.sent_ns) == (Ended.TOTAL_TIMEOUT, None)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (307, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (429, Outcome.RATE_LIMITED),
        (503, Outcome.SERVER_ERROR),
    ],
)
def test_a_status_is_classed_as_over_http1(status, outcome):
    body = b'{"error":{"code":"some_code","message":"no"}}'
    headers = [(b"content-type", b"application/json"), (b"location", b"https://localhost:1/")]
    with peer(answering(body, status=status, headers=headers)) as server:
        kept, response = exchange_with(server.url)
    assert isinstance(response, httpx.Response)
    told = record(kept)
    assert (told.outcome, told.status, told.error and told.error.code) == (outcome, status, "some_code")


NO = b'{"error":{"code":"some_code","message":"no"}}'


def refuse_and_reset(talk: Talk, stream: int) -> None:
    talk.head(stream, 413)
    talk.data(stream, NO, end=True)
    talk.reset(stream, 0)


def refuse_and_wait(talk: Talk, stream: int) -> None:
    talk.head(stream, 413)
    talk.data(stream, NO, end=True)


def refuse_and_say_goodbye(talk: Talk, stream: int) -> None:
    talk.head(stream, 413)
    talk.data(stream, NO, end=True)
    talk.goodbye(stream, 0)
    talk.reset(stream, 0)


def refuse_in_full_and_say_goodbye_with_an_error(talk: Talk, stream: int) -> None:
    talk.head(stream, 413)
    talk.data(stream, NO, end=True)
    talk.goodbye(stream, 11)


def refuse_without_an_end(talk: Talk, stream: int) -> None:
    talk.head(stream, 413)
    talk.data(stream, NO)
    talk.reset(stream, 8)


@pytest.mark.parametrize(
    "refuse",
    [
        refuse_and_reset,
        refuse_and_wait,
        refuse_and_say_goodbye,
        refuse_in_full_and_say_goodbye_with_an_error,
        refuse_without_an_end,
    ],
)
def test_a_refusal_counts_that_came_before_the_request_was_wholly_sent(refuse):
    """As over HTTP/1.1: status and reason are kept, and there is no moment at which the request was sent."""

    def script(talk: Talk) -> None:
        refuse(talk, talk.take_head())
        talk.until_gone()

    with peer(script) as server:
        kept, _ = exchange_with(server.url, body=bytes(4 * 1024 * 1024))
    told = record(kept)
    assert (told.outcome, told.status, told.error and told.error.code) == (Outcome.REFUSED, 413, "some_code")
    assert (kept.sent_ns, told.sent_ns) == (None, None)


def test_after_an_early_refusal_the_next_request_has_a_connection_of_its_own():
    """Half a request stands on the old one."""

    def script(talk: Talk) -> None:
        refuse_and_reset(talk, talk.take_head())
        talk.until_gone()

    async def both(url: str) -> tuple[Exchange, Exchange]:
        sender = client()
        try:
            first, _ = await attempt(sender, prepare(url, bytes(4 * 1024 * 1024)))
            second, _ = await attempt(sender, prepare(url, b"{}"))
        finally:
            await sender.aclose()
        return first, second

    with peer(script, answering(EVENT)) as server:
        first, second = run(both(server.url))
    assert (record(first).status, record(second).status) == (413, 200)
    assert (second.reused, len(server.talks)) == (False, 2)


@pytest.mark.realtime
@pytest.mark.parametrize("reset", [True, False])
def test_an_early_success_is_none_before_the_request_was_wholly_sent(reset):
    """What nobody has asked for in full cannot be a good answer: a reset ends it, as does its limit."""

    def script(talk: Talk) -> None:
        stream = talk.take_head()
        talk.head(stream)
        talk.data(stream, EVENT, end=True)
        if reset:
            talk.reset(stream, 0)
        talk.until_gone()

    with peer(script) as server:
        kept, _ = exchange_with(server.url, SHORT, body=bytes(4 * 1024 * 1024))
    assert (kept.ended, kept.sent_ns) == (Ended.STREAM_RESET if reset else Ended.TOTAL_TIMEOUT, None)
    assert record(kept).outcome is not Outcome.OK


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        b"\x00\x00\x04\x00\x00\x00\x00\x00\x00data",
        b"\x00\x00\x08\x01\x04\x00\x00\x00\x01" + b"\xff" * 8,
        b"\x00\xff\xff\x00\x00\x00\x00\x00\x01",
    ],
    ids=["http-1.1", "data-on-stream-0", "no-hpack", "frame-too-large"],
)
def test_an_answer_that_is_no_http2_is_malformed(wire):
    with peer(once(lambda talk, _: talk.raw(wire))) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError)
    told = record(kept)
    assert (kept.ended, told.outcome, told.error and told.error.code) == (
        Ended.NOT_HTTP, Outcome.MALFORMED, "not_http",
    )  # fmt: skip


@pytest.mark.parametrize("status", [b"", b"abc", b"9999"])
def test_a_status_that_is_none_is_malformed(status):
    def script(talk: Talk, stream: int) -> None:
        block = talk._h2.encoder.encode([(b":status", status)])
        talk.frame(1, stream, block, flags=4)

    with peer(once(script)) as server:
        kept, _ = exchange_with(server.url)
    assert (kept.ended, record(kept).outcome) == (Ended.NOT_HTTP, Outcome.MALFORMED)


def test_headers_without_end_are_cut_off():
    headers = [*STREAM, *((b"x-pad-%d" % number, b"y" * 1000) for number in range(100))]
    with peer(once(lambda talk, stream: talk.head(stream, headers=headers))) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert (kept.ended, record(kept).outcome) == (Ended.TOO_LARGE, Outcome.MALFORMED)


def endless(more: bytes) -> Script:
    def script(talk: Talk) -> None:
        stream = talk.take_request()
        talk.head(stream)
        frame = len(more).to_bytes(3) + bytes((0, 0)) + stream.to_bytes(4) + more
        while True:
            talk.raw(frame)

    return script


def test_an_endless_answer_is_cut_off_and_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_EXCHANGE_BYTES", 1_000_000)
    with peer(endless(b"data: " + b"x" * 16_000)) as server:
        kept, _ = exchange_with(server.url)
    assert (kept.ended, record(kept).outcome) == (Ended.TOO_LARGE, Outcome.MALFORMED)
    assert sum(len(data) for _, _, data in kept.reads) <= 1_000_000


def test_an_endless_trickle_of_reads_is_cut_off(monkeypatch):
    monkeypatch.setattr(module, "MAX_READS", 20)
    with peer(endless(b":\n")) as server:
        kept, _ = exchange_with(server.url)
    assert (kept.ended, len(kept.reads) <= 20) == (Ended.TOO_LARGE, True)


def test_endless_frames_that_are_no_answer_are_cut_off(monkeypatch):
    monkeypatch.setattr(module, "MAX_EXCHANGE_BYTES", 100_000)

    def script(talk: Talk) -> None:
        talk.take_request()
        while True:
            talk.frame(6, 0, b"pingpong")

    with peer(script) as server:
        kept, _ = exchange_with(server.url)
    assert (kept.ended, kept.reads) == (Ended.TOO_LARGE, [])


def test_a_cancelled_request_keeps_its_bytes_and_hangs_up():
    async def cancelled(url: str) -> Exchange:
        sender = client()
        request = prepare(url, b"{}")
        kept: Exchange = request.extensions["exchange"]
        task = asyncio.create_task(sender.handle_async_request(request))
        while not any(data for _, _, data in kept.reads):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return kept

    def script(talk: Talk, stream: int) -> None:
        talk.head(stream)
        talk.data(stream, PART)

    with peer(once(script)) as server:
        kept = run(cancelled(server.url))
        assert server.finished[0].wait(10)
    assert (kept.ended, record(kept).outcome) == (Ended.INTERRUPTED, Outcome.CLIENT)
    assert kept.end_ns >= kept.reads[0][0]


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.sampled_from([0, 1, 2, 3, 2**31 - 1]),
            st.integers(0, 255),
            st.binary(max_size=40),
        ),
        max_size=6,
    )
)
def test_no_frames_of_a_peer_are_more_than_a_classed_failure(frames):
    def script(talk: Talk) -> None:
        talk.take_request()
        for kind, stream, flags, payload in frames:
            talk.frame(kind, stream, payload, flags)

    with peer(script) as server:
        kept, _ = exchange_with(server.url)
    assert kept.ended in (
        Ended.CLOSED, Ended.RESET, Ended.STREAM_RESET, Ended.NOT_HTTP, Ended.TOO_LARGE, Ended.COMPLETE,
    )  # fmt: skip
    assert record(kept).outcome is not Outcome.OK


# --- memory ---


def test_nothing_of_a_finished_request_waits_for_the_garbage_collector():
    async def three(url: str) -> int:
        sender = client()
        for _ in range(3):
            await attempt(sender, prepare(url, b"{}"))
        left = calls_alive()
        await sender.aclose()
        return left

    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    before = calls_alive()
    try:
        with peer(answering(EVENT)) as server:
            assert run(three(server.url)) == before
    finally:
        if was_enabled:
            gc.enable()
