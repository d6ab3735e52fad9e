"""One request over a real socket: what is stamped and kept, and each way in which a peer can misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import hashlib
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
import uvloop

from fairlead.clock import SystemClock
from fairlead.measure import connection as connection_module
from fairlead.measure import transport1 as http1
from fairlead.measure.connection import READ_BYTES
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.plan import Limits
from fairlead.measure.readiness import hold_kernel_stamps
from fairlead.measure.timeline import Ended, Exchange, Shot, read_request
from fairlead.measure.transport import Transport
from fairlead.windows import Outcome
from fairlead.windows import Request as Record

TLS = Path(__file__).parent / "tls"
MS = 1_000_000
SECOND = 1_000_000_000
SHORT = Limits(connect_ns=5 * SECOND, first_ns=80 * MS, total_ns=160 * MS)
PATIENT = Limits(connect_ns=30 * SECOND, first_ns=30 * SECOND, total_ns=30 * SECOND)

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"delta":{"content":"hello"},"finish_reason":"stop"}]}\n\n'
END = b"0\r\n\r\n"


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


GOOD = HEAD + chunked(EVENT) + END

Script = Callable[[socket.socket], None]
T = TypeVar("T")


class Peer:
    """A server that plays one script a connection, then hears no more."""

    def __init__(self, scripts: tuple[Script, ...], host: str, tls: ssl.SSLContext | None) -> None:
        self.accepted = 0
        self.finished = [threading.Event() for _ in scripts]
        self.errors: list[Exception] = []
        self._scripts = scripts
        self._tls = tls
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _run(self) -> None:
        for script, finished in zip(self._scripts, self.finished, strict=True):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            with contextlib.suppress(OSError), connection:
                if self._tls is not None:
                    with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                        script(wrapped)
                else:
                    script(connection)
            finished.set()


@contextlib.contextmanager
def peer(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    server = Peer(scripts, "127.0.0.1", tls)
    try:
        yield server
    finally:
        server.close()


def take_request(connection: socket.socket) -> bytes:
    """One whole request, body included."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or _gone()
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    pieces, held = [body], len(body)
    while held < length:
        pieces.append(connection.recv(1 << 20) or _gone())
        held += len(pieces[-1])
    return head + b"\r\n\r\n" + b"".join(pieces)


def _gone() -> bytes:
    raise ConnectionError("the client has gone")


def until_gone(connection: socket.socket) -> None:
    """Say nothing until the client hangs up."""
    while connection.recv(65536):
        pass


def answer(*pieces: bytes) -> Script:
    """Take a request, send pieces, wait for the client to go."""

    def script(connection: socket.socket) -> None:
        take_request(connection)
        for piece in pieces:
            connection.sendall(piece)
        until_gone(connection)

    return script


def answer_and_close(*pieces: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        take_request(connection)
        for piece in pieces:
            connection.sendall(piece)

    return script


def answer_and_reset(*pieces: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        take_request(connection)
        for piece in pieces:
            connection.sendall(piece)
        reset(connection)

    return script


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def run(coroutine: Coroutine[None, None, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def request_to(url: str, body: bytes = b"{}", **headers: str) -> httpx.Request:
    return httpx.Request("POST", url, content=body, headers=headers, extensions={"exchange": Exchange()})


async def attempt(client: Transport, request: httpx.Request) -> httpx.Response | httpx.TransportError:
    try:
        return await client.handle_async_request(request)
    except httpx.TransportError as error:
        return error


def exchange_with(
    url: str, limits: Limits = PATIENT, body: bytes = b"{}", tls: ssl.SSLContext | None = None, **headers: str
) -> tuple[Exchange, httpx.Response | httpx.TransportError]:
    """One request on a connection of its own."""

    async def once() -> tuple[Exchange, httpx.Response | httpx.TransportError]:
        client = Transport(limits, tls=tls)
        request = request_to(url, body, **headers)
        try:
            result = await attempt(client, request)
        finally:
            await client.aclose()
        return request.extensions["exchange"], result

    return run(once())


def record(kept: Exchange) -> Record:
    shot = Shot(i=0, slot=0, scheduled_ns=None, body_sha256=None)
    return read_request(shot, kept, DIALECTS["openai-chat"], origin_ns=0)


# --- a good exchange ---


def test_every_byte_is_kept_and_every_stamp_is_in_its_order():
    before = SystemClock.mono_ns()
    with peer(answer(HEAD, chunked(EVENT), END)) as server:
        kept, response = exchange_with(server.url)
    assert b"".join(data for _, _, data in kept.reads) == GOOD
    stamps = [before, kept.begin_ns, kept.sent_ns, *(read[0] for read in kept.reads), kept.end_ns]
    assert None not in stamps
    assert stamps == sorted(stamps)
    assert (kept.ended, kept.reused, kept.address) == (Ended.COMPLETE, False, "127.0.0.1")
    assert kept.tcp_ns is not None
    assert (kept.dns_ns, kept.tls_ns) == (None, None)
    assert isinstance(response, httpx.Response)
    assert response.extensions["exchange"] is kept


def test_the_response_speaks_httpx():
    with peer(answer(GOOD)) as server:
        _, response = exchange_with(server.url)
    assert isinstance(response, httpx.Response)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert asyncio.run(response.aread()) == EVENT


def test_the_request_on_the_wire_is_the_request_that_was_built():
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(take_request(connection))
        connection.sendall(GOOD)
        until_gone(connection)

    with peer(script) as server:
        exchange_with(server.url + "?a=b", body=b'{"x":1}', accept="text/event-stream")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/chat/completions?a=b HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}".encode() in lines
    assert b"Content-Length: 7" in lines
    assert b"accept: text/event-stream" in lines
    assert body == b'{"x":1}'


@pytest.mark.skipif(sys.platform != "linux", reason="kernel stamps are Linux's")
def test_on_linux_every_read_knows_its_lag_behind_the_kernel():
    holder = hold_kernel_stamps()
    assert holder is not None
    with holder, peer(answer(HEAD, chunked(EVENT), END)) as server:
        kept, _ = exchange_with(server.url)
    assert kept.sent_ns is not None
    for user_ns, lag_ns, _ in kept.reads:
        assert lag_ns is not None
        assert 0 <= lag_ns <= user_ns - kept.begin_ns


def test_a_name_is_looked_up_and_the_look_up_is_stamped():
    with peer(answer(GOOD)) as server:
        kept, _ = exchange_with(server.url.replace("127.0.0.1", "localhost"))
    assert kept.ended is Ended.COMPLETE
    assert kept.dns_ns is not None
    assert kept.dns_ns > 0


def test_a_body_larger_than_the_sockets_buffers_is_sent_whole():
    body = bytes(range(256)) * 65536
    digests: list[str] = []

    def script(connection: socket.socket) -> None:
        digests.append(hashlib.sha256(take_request(connection).partition(b"\r\n\r\n")[2]).hexdigest())
        connection.sendall(GOOD)
        until_gone(connection)

    with peer(script) as server:
        kept, _ = exchange_with(server.url, body=body)
    assert digests == [hashlib.sha256(body).hexdigest()]
    assert kept.ended is Ended.COMPLETE
    assert kept.sent_ns is not None


def test_an_answer_given_before_the_request_was_read_is_the_answer():
    early = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno"

    def script(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(early)
        connection.shutdown(socket.SHUT_WR)
        until_gone(connection)

    with peer(script) as server:
        kept, _ = exchange_with(server.url, body=bytes(64 * 1024 * 1024))
    assert record(kept).outcome is Outcome.REFUSED
    assert record(kept).status == 413


def test_interim_responses_end_nothing():
    with peer(answer(b"HTTP/1.1 100 Continue\r\n\r\n", GOOD)) as server:
        kept, response = exchange_with(server.url)
    assert isinstance(response, httpx.Response)
    assert (response.status_code, record(kept).outcome) == (200, Outcome.OK)


def test_a_body_framed_by_closing_is_a_whole_response():
    with peer(
        answer_and_close(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", EVENT)
    ) as server:
        kept, response = exchange_with(server.url)
    assert isinstance(response, httpx.Response)
    assert record(kept).outcome is Outcome.OK


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with peer(answer(GOOD)) as server:
        kept, _ = exchange_with(server.url)
    assert kept.ended is Ended.COMPLETE


# --- one connection, many requests ---


def two_requests(
    server: Peer, between: Callable[[], None] = lambda: None
) -> list[tuple[Exchange, httpx.Response | httpx.TransportError]]:
    async def both() -> list[tuple[Exchange, httpx.Response | httpx.TransportError]]:
        client = Transport(PATIENT)
        requests = [request_to(server.url), request_to(server.url)]
        try:
            first = await attempt(client, requests[0])
            await asyncio.get_running_loop().run_in_executor(None, between)
            second = await attempt(client, requests[1])
        finally:
            await client.aclose()
        return [(requests[0].extensions["exchange"], first), (requests[1].extensions["exchange"], second)]

    return run(both())


def test_a_connection_is_kept_and_used_again():
    def script(connection: socket.socket) -> None:
        for _ in range(2):
            take_request(connection)
            connection.sendall(GOOD)
        until_gone(connection)

    with peer(script) as server:
        (first, _), (second, response) = two_requests(server)
    assert server.accepted == 1
    assert isinstance(response, httpx.Response)
    assert (first.reused, second.reused) == (False, True)
    assert (second.tcp_ns, second.round_trip_ns) == (None, first.round_trip_ns)
    assert first.tcp_ns is not None
    assert 0 < first.round_trip_ns <= first.tcp_ns
    assert second.address == "127.0.0.1"


def test_an_idle_connection_that_the_server_closed_is_replaced_and_nobody_is_charged():
    with peer(answer_and_close(GOOD), answer(GOOD)) as server:
        (_, _), (second, _) = two_requests(server, between=server.finished[0].wait)
    assert (second.reused, record(second).outcome) == (False, Outcome.OK)
    assert second.tcp_ns is not None


def test_an_idle_connection_that_the_server_reset_is_replaced_and_nobody_is_charged():
    with peer(answer_and_reset(GOOD), answer(GOOD)) as server:
        (_, _), (second, _) = two_requests(server, between=server.finished[0].wait)
    assert (second.reused, record(second).outcome) == (False, Outcome.OK)


def test_a_kept_connection_that_ends_without_one_byte_says_so_and_is_not_tried_again():
    def script(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(GOOD)
        take_request(connection)
        reset(connection)

    with peer(script, answer(GOOD)) as server:
        _, (second, error) = two_requests(server)
    assert isinstance(error, httpx.TransportError)
    assert (second.reused, second.reads) == (True, [])
    assert second.ended in (Ended.RESET, Ended.CLOSED)
    assert server.accepted == 1


@pytest.mark.parametrize(
    "first",
    [
        GOOD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1),
        GOOD + b"HTTP/1.1 200 OK\r\n",
        GOOD + b"\r\ngarbage",
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    ],
    ids=["connection-close", "unasked-response", "garbage-after", "http-1.0"],
)
def test_a_connection_that_cannot_be_trusted_with_another_request_is_not_kept(first):
    with peer(answer(first), answer(GOOD)) as server:
        (one, _), (second, _) = two_requests(server)
    assert one.ended is Ended.COMPLETE
    assert (second.reused, record(second).outcome) == (False, Outcome.OK)


def test_words_unasked_between_requests_end_the_connection():
    sent = threading.Event()

    def script(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(GOOD)
        connection.sendall(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        sent.set()
        until_gone(connection)

    with peer(script, answer(GOOD)) as server:
        _, (second, _) = two_requests(server, between=sent.wait)
    assert (second.reused, record(second).outcome) == (False, Outcome.OK)


# --- failures ---


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_refused_connection_is_a_connect_failure():
    kept, error = exchange_with(f"http://127.0.0.1:{free_port()}/v1")
    assert isinstance(error, httpx.ConnectError)
    assert (kept.ended, record(kept).outcome) == (Ended.CONNECT, Outcome.CONNECT)
    assert (kept.sent_ns, kept.reads) == (None, [])
    assert "refused" in kept.detail.lower()


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "no-such-host.invalid"])
def test_a_name_that_does_not_resolve_is_a_connect_failure(name):
    kept, error = exchange_with(f"http://{name}/v1")
    assert isinstance(error, httpx.ConnectError)
    assert (kept.ended, record(kept).outcome) == (Ended.DNS, Outcome.CONNECT)


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog drops connections on Linux")
def test_a_connection_that_never_comes_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        limits = Limits(connect_ns=60 * MS, first_ns=SECOND, total_ns=SECOND)
        kept, error = exchange_with(f"http://127.0.0.1:{listener.getsockname()[1]}/", limits)
    assert isinstance(error, httpx.ConnectTimeout)
    assert (kept.ended, record(kept).outcome) == (Ended.CONNECT_TIMEOUT, Outcome.TIMEOUT)


def test_a_reset_in_mid_stream_keeps_what_came_before_it():
    with peer(answer_and_reset(HEAD + chunked(EVENT.replace(b'"stop"', b"null")))) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.ReadError | httpx.RemoteProtocolError)
    request = record(kept)
    assert (request.outcome, request.status, request.text) == (Outcome.TRUNCATED, 200, "hello")


def test_a_close_in_mid_stream_is_truncated():
    with peer(answer_and_close(HEAD + chunked(EVENT.replace(b'"stop"', b"null"))[:-9])) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert (kept.ended, record(kept).outcome) == (Ended.CLOSED, Outcome.TRUNCATED)


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("pieces", "ended"),
    [
        ((), Ended.FIRST_TIMEOUT),
        ((HEAD,), Ended.FIRST_TIMEOUT),
        ((HEAD, chunked(b": hello\n\n")), Ended.TOTAL_TIMEOUT),
        ((HEAD, chunked(EVENT)), Ended.TOTAL_TIMEOUT),
    ],
    ids=["silence", "headers-only", "comment-only", "no-end"],
)
def test_a_stall_past_its_limit_ends_the_request_and_keeps_what_came(pieces, ended):
    with peer(answer(*pieces)) as server:
        kept, error = exchange_with(server.url, SHORT)
    assert isinstance(error, httpx.ReadTimeout)
    assert (kept.ended, record(kept).outcome) == (ended, Outcome.TIMEOUT)
    assert b"".join(data for _, _, data in kept.reads) == b"".join(pieces)


def test_a_peer_that_does_not_read_the_request_is_a_timeout():
    over = threading.Event()
    with peer(lambda _: over.wait(30) and None) as server:
        kept, _ = exchange_with(server.url, SHORT, body=bytes(64 * 1024 * 1024))
        over.set()
    assert (kept.ended, kept.sent_ns) == (Ended.TOTAL_TIMEOUT, None)


def test_a_redirect_is_a_refusal_and_is_not_followed():
    with peer(answer(GOOD)) as other:
        moved = f"HTTP/1.1 307 Temporary Redirect\r\nlocation: {other.url}\r\ncontent-length: 0\r\n\r\n"
        with peer(answer(moved.encode())) as server:
            kept, response = exchange_with(server.url)
        assert other.accepted == 0
    assert isinstance(response, httpx.Response)
    assert (record(kept).outcome, record(kept).status) == (Outcome.REFUSED, 307)


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
        HEAD.replace(b"event-stream", b"plain") + chunked(EVENT) + END,
        HEAD + chunked(EVENT.replace(b"hello", b"he\xf0\x9fo")) + END,
        HEAD + chunked(b"data: hello\n\n") + END,
    ],
    ids=["web-page", "wrong-type", "invalid-utf-8", "no-json"],
)
def test_an_answer_that_is_no_event_stream_of_the_api_is_malformed(wire):
    with peer(answer(wire)) as server:
        kept, _ = exchange_with(server.url)
    assert (kept.ended, record(kept).outcome) == (Ended.COMPLETE, Outcome.MALFORMED)


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        HEAD + b"zz\r\n",
    ],
    ids=["ssh", "switching-protocols", "bad-chunk"],
)
def test_an_answer_that_is_no_http_is_malformed(wire):
    with peer(answer(wire)) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert (kept.ended, record(kept).outcome) == (Ended.NOT_HTTP, Outcome.MALFORMED)


def endless(first: bytes, more: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(first)
        while True:
            connection.sendall(more)

    return script


def test_endless_headers_are_cut_off():
    with peer(endless(b"HTTP/1.1 200 OK\r\n", b"x-pad: " + b"y" * 1000 + b"\r\n")) as server:
        kept, error = exchange_with(server.url)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert (kept.ended, record(kept).outcome) == (Ended.TOO_LARGE, Outcome.MALFORMED)
    held = sum(len(data) for _, _, data in kept.reads)
    assert held <= http1.MAX_HEADER_BYTES + READ_BYTES


def test_an_endless_stream_is_cut_off_and_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(http1, "MAX_EXCHANGE_BYTES", 1_000_000)
    with peer(endless(HEAD, chunked(b"data: " + b"x" * 60_000))) as server:
        kept, _ = exchange_with(server.url)
    assert (kept.ended, record(kept).outcome) == (Ended.TOO_LARGE, Outcome.MALFORMED)
    assert sum(len(data) for _, _, data in kept.reads) <= 1_000_000 + READ_BYTES


def test_an_endless_trickle_of_reads_is_cut_off(monkeypatch):
    monkeypatch.setattr(http1, "MAX_READS", 20)
    with peer(endless(HEAD, chunked(b":\n"))) as server:
        kept, _ = exchange_with(server.url)
    assert (kept.ended, len(kept.reads) <= 21) == (Ended.TOO_LARGE, True)


def test_a_cancelled_request_keeps_its_bytes_and_hangs_up():
    held = threading.Event()

    def script(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(HEAD + chunked(EVENT))
        until_gone(connection)
        held.set()

    async def cancelled(url: str) -> Exchange:
        client = Transport(PATIENT)
        request = request_to(url)
        kept: Exchange = request.extensions["exchange"]
        task = asyncio.create_task(client.handle_async_request(request))
        while not kept.reads:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return kept

    with peer(script) as server:
        kept = run(cancelled(server.url))
        assert held.wait(10)
    assert (kept.ended, record(kept).outcome) == (Ended.INTERRUPTED, Outcome.CLIENT)
    assert kept.end_ns >= kept.reads[0][0]


class Exhausted:
    """The socket module on a machine that has no descriptor left."""

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name)

    def socket(self, *_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")


def test_a_machine_out_of_descriptors_is_our_own_failure(monkeypatch):
    monkeypatch.setattr(connection_module, "socket", Exhausted())
    kept, error = exchange_with("http://127.0.0.1:9/")
    assert isinstance(error, httpx.ConnectError)
    assert (kept.ended, record(kept).outcome) == (Ended.LOCAL, Outcome.CLIENT)


# --- policy ---


@pytest.mark.parametrize(
    "name", ["authorization", "Authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"]
)
def test_without_a_policy_no_request_that_carries_a_credential_leaves(name):
    with peer(answer(GOOD)) as server:
        kept, error = exchange_with(server.url, **{name: "secret"})
        assert server.accepted == 0
    assert isinstance(error, httpx.LocalProtocolError)
    assert (kept.ended, record(kept).outcome) == (Ended.POLICY, Outcome.CLIENT)
    assert "secret" not in kept.detail


def test_a_header_with_a_line_break_is_not_sent():
    with peer(answer(GOOD)) as server:
        kept, error = exchange_with(server.url, note="a\r\nx-evil: 1")
        assert server.accepted == 0
    assert isinstance(error, httpx.TransportError)
    assert record(kept).outcome is Outcome.CLIENT


# --- TLS ---


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
    return context


def trusting_context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(TLS / "authority.pem"))


def secure(server: Peer, host: str = "localhost") -> str:
    return server.url.replace("http://127.0.0.1", f"https://{host}")


def test_tls_is_stamped_and_gives_the_same_bytes():
    with peer(answer(HEAD, chunked(EVENT), END), tls=server_context()) as server:
        kept, response = exchange_with(secure(server), tls=trusting_context())
    assert isinstance(response, httpx.Response)
    assert b"".join(data for _, _, data in kept.reads) == GOOD
    assert kept.tls_ns is not None
    assert kept.tls_ns > 0
    assert record(kept).outcome is Outcome.OK


def test_tls_connections_are_kept_too_late_session_tickets_or_not():
    def script(connection: socket.socket) -> None:
        for _ in range(2):
            take_request(connection)
            connection.sendall(GOOD)
        until_gone(connection)

    async def both(url: str) -> list[Exchange]:
        client = Transport(PATIENT, tls=trusting_context())
        requests = [request_to(url, b"x" * 5_000_000), request_to(url)]
        for request in requests:
            assert isinstance(await attempt(client, request), httpx.Response)
        await client.aclose()
        return [request.extensions["exchange"] for request in requests]

    with peer(script, tls=server_context()) as server:
        first, second = run(both(secure(server)))
    assert (first.reused, second.reused) == (False, True)


@pytest.mark.parametrize("fault", ["unknown-authority", "wrong-name", "no-tls"])
def test_a_tls_failure_is_a_tls_failure(fault):
    tls = None if fault == "no-tls" else server_context()
    trust = ssl.create_default_context() if fault == "unknown-authority" else trusting_context()
    host = "127.0.0.1" if fault == "wrong-name" else "localhost"
    speak: Script = answer(GOOD)
    if fault == "no-tls":
        speak = lambda connection: connection.sendall(b"HTTP/1.1 400 no TLS here\r\n\r\n")  # noqa: E731
    with peer(speak, tls=tls) as server:
        kept, error = exchange_with(secure(server, host), tls=trust)
    assert isinstance(error, httpx.ConnectError)
    assert (kept.ended, record(kept).outcome) == (Ended.TLS, Outcome.TLS)
    assert kept.sent_ns is None


def test_a_handshake_that_never_ends_is_a_timeout():
    limits = Limits(connect_ns=80 * MS, first_ns=SECOND, total_ns=SECOND)
    with peer(until_gone) as server:
        kept, error = exchange_with(secure(server), limits)
    assert isinstance(error, httpx.ConnectTimeout)
    assert kept.ended is Ended.CONNECT_TIMEOUT


# --- memory ---


def calls_alive() -> int:
    return sum(type(thing).__name__ == "_Call" for thing in gc.get_objects())


def test_nothing_of_a_finished_request_waits_for_the_garbage_collector():
    def script(connection: socket.socket) -> None:
        for _ in range(3):
            take_request(connection)
            connection.sendall(GOOD)
        until_gone(connection)

    async def three(url: str) -> int:
        client = Transport(PATIENT)
        for _ in range(3):
            await attempt(client, request_to(url))
        left = calls_alive()
        await client.aclose()
        return left

    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    before = calls_alive()  # an earlier test's may be held by the error that it ended with
    try:
        with peer(script) as server:
            assert run(three(server.url)) == before
    finally:
        if was_enabled:
            gc.enable()
