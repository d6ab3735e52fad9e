"""HTTP/2 over a transport's connection. Knows no address, no policy, no API and no workload.

:data:`HTTP2` is what :class:`~fairlead.measure.transport.Transport` speaks where an endpoint has nothing
else. Connection, policy, limits and failures are that module's; frames, header compression and flow control
are those of httpcore, httpx's own engine, on top of h2. A connection carries one stream at a time, so that a
load has the shape that it has over HTTP/1.1: as many connections as requests under way.

Reads are stamped as they leave the socket, by the kernel too, before TLS and frames are looked at; the bytes
of one read that belong to the body are kept under its stamps. They are kept without their frames: header
compression ties each response to all that was said before it, so that one exchange alone could not be read
after the run. That reading costs the loop's time while the window runs, which HTTP/1.1 does not; the
certificate of an endpoint that is measured over HTTP/2 is therefore taken over HTTP/2.

A server that says goodbye (GOAWAY without an error) and finishes the request under way has answered it: that
frame is kept from h2, which would drop the connection, and the connection is not used again.

This module is imported only where HTTP/2 is spoken: h2 and httpcore take a tenth of a second to load.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, NoReturn

import h2.errors
import h2.events
import h2.exceptions
import httpcore
import httpx

from fairlead.clock import NS_PER_S, Clock
from fairlead.measure.connection import READ_BYTES, Connection, Speaks, said
from fairlead.measure.plan import Limits
from fairlead.measure.readiness import ANCILLARY_BYTES, Readiness
from fairlead.measure.timeline import Ended, Exchange, Unframed
from fairlead.measure.transport1 import MAX_EXCHANGE_BYTES, MAX_READS

# Both write down every header, a key among them, where somebody has asked the root logger for everything.
for _name in ("hpack", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_FRAME_HEAD_BYTES = 9
_MAX_FRAME_BYTES = 16_384  # what we let the peer send in one
_GOAWAY = 7


class _Call:
    """One request on its way, as one stream: sends it, then keeps what comes back until it has ended."""

    def __init__(
        self, connection: Connection, exchange: Exchange, limits: Limits, clock: Clock, readiness: Readiness
    ) -> None:
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.reusable = False
        if connection.session is None:
            connection.session = _Session(connection, clock)
        self._session: _Session = connection.session
        self._connection = connection
        self._exchange = exchange
        self._limits = limits
        self._clock = clock
        self._readiness = readiness
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._last_s = 0.0  # on the loop's clock: when the whole request must have ended

    async def run(self, request: httpx.Request, credential: tuple[bytes, bytes] | None) -> None:
        """Returns when the exchange has ended, however it did; ``ended`` says how."""
        wire = self._session.wire
        wire.begin(self._readiness)
        try:
            async with self._timeout:
                spent_ns = self._clock.mono_ns() - self._exchange.begin_ns
                self._last_s = self._loop.time() + max(self._limits.total_ns - spent_ns, 0) / NS_PER_S
                self._timeout.reschedule(self._last_s)
                await self._carry(request, credential)
            self._end(Ended.COMPLETE, "")
        except TimeoutError:
            self._end_at_limit()
        except _GIVEN_UP as error:
            self._end(*_meaning(error, wire))
        finally:
            wire.end()
            self.reusable = (
                self._exchange.ended is Ended.COMPLETE
                and self._exchange.sent_ns is not None
                and wire.may_go_on()
                and self._session.engine.is_available()
            )

    async def _carry(self, request: httpx.Request, credential: tuple[bytes, bytes] | None) -> None:
        headers = [*request.headers.raw, *(() if credential is None else (credential,))]
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        told = {"trace": self._on_progress}
        response = await self._session.engine.handle_async_request(
            httpcore.Request(request.method, url, headers=headers, content=request.content, extensions=told)
        )
        if not 200 <= response.status <= 599:
            raise ValueError(f"a status of {response.status}")
        self.status, self.headers = response.status, list(response.headers)
        self._exchange.unframed = Unframed(self.status, self.headers)
        self._keep(b"")
        async for piece in response.stream:  # type: ignore[union-attr]  # what came asynchronously
            if piece and self._timeout.when() != self._last_s:
                self._timeout.reschedule(self._last_s)
            self._keep(piece)
        self._keep(b"")  # the end of the stream may have come by a read of its own
        await response.aclose()

    async def _on_progress(self, event: str, _told: object) -> None:
        """httpcore's account of what it does. The request is sent when the frame that ends it is."""
        session = self._session
        is_whole = not (session.wire.is_broken or session.engine.is_turned_away)
        if event == "http2.send_request_body.complete" and is_whole:
            self._exchange.sent_ns = self._session.wire.written_ns
            first_s = self._loop.time() + self._limits.first_ns / NS_PER_S
            self._timeout.reschedule(min(first_s, self._last_s))

    def _keep(self, piece: bytes) -> None:
        """A piece of the body, under the stamps of the read that brought it."""
        reads, (read_ns, lag_ns) = self._exchange.reads, self._session.wire.stamps
        if reads and reads[-1][0] == read_ns:
            if piece:
                reads[-1] = (read_ns, lag_ns, reads[-1][2] + piece)
        else:
            reads.append((read_ns, lag_ns, piece))

    def _end_at_limit(self) -> None:
        is_total = self._timeout.when() == self._last_s
        limit_ns = self._limits.total_ns if is_total else self._limits.first_ns
        ended = Ended.TOTAL_TIMEOUT if is_total else Ended.FIRST_TIMEOUT
        self._end(ended, f"the limit of {limit_ns / NS_PER_S:g} s")

    def _end(self, ended: Ended, detail: str) -> None:
        self._exchange.end_ns = self._clock.mono_ns()
        self._exchange.ended, self._exchange.detail = ended, detail


HTTP2 = Speaks("h2", must_agree=True, call=_Call)
"""For a :class:`~fairlead.measure.transport.Transport`: HTTP/2, where TLS has agreed on it."""


# What httpcore and h2 raise at what a peer says, and Python where they take a word of it for a number.
_GIVEN_UP = (
    httpcore.ProtocolError,
    httpcore.NetworkError,
    httpcore.ConnectionNotAvailable,
    h2.exceptions.H2Error,
    ValueError,
)


def _meaning(error: Exception, wire: _Wire) -> tuple[Ended, str]:
    """How the exchange ended that httpcore gave up with this error."""
    cause = error.args[0] if isinstance(error, httpcore.ProtocolError) and error.args else error
    if isinstance(cause, httpcore.NetworkError) and wire.ended is not None:
        return wire.ended
    if isinstance(cause, h2.events.StreamReset):
        return Ended.STREAM_RESET, f"the server reset the stream: {_code(cause.error_code)}"
    if isinstance(cause, h2.exceptions.StreamClosedError):
        return Ended.STREAM_RESET, f"the server closed stream {cause.stream_id}"
    if isinstance(cause, h2.events.ConnectionTerminated):
        reached = (cause.last_stream_id or 0) >= wire.stream_id
        detail = f"the server ended the connection: {_code(cause.error_code)}"
        return Ended.STREAM_RESET if reached else Ended.CLOSED, detail
    if isinstance(cause, httpcore.ConnectionNotAvailable):  # a goodbye that counts this request out
        return Ended.CLOSED, "the server ended the connection before it took the request"
    ended = Ended.TOO_LARGE if isinstance(cause, h2.exceptions.DenialOfServiceError) else Ended.NOT_HTTP
    return ended, str(cause) or type(cause).__name__


def _code(number: int | None) -> str:
    """An error code by its name in the standard."""
    try:
        return h2.errors.ErrorCodes(number or 0).name
    except ValueError:
        return str(number)


# --- the connection ------------------------------------------------------------------------------------


class _TurnedAwayError(Exception):
    """The whole answer is there, and the request is not wholly sent."""


class _Engine(httpcore.AsyncHTTP2Connection):
    """httpcore's, but that a refusal counts which comes before the request was wholly sent.

    A server may answer 413 or 401 to the headers alone and reset the stream, or take no more of the body.
    httpcore waits to send the rest, and so loses the answer, or waits until a limit ends it.
    ``is_turned_away``: that has happened; the connection carries no other request.
    """

    is_turned_away = False

    async def _send_request_body(self, request: httpcore.Request, stream_id: int) -> None:
        try:
            await super()._send_request_body(request, stream_id)
        except (_TurnedAwayError, *_GIVEN_UP):
            if not self._refusal(stream_id):
                raise
            self.is_turned_away = True

    async def _receive_events(self, request: httpcore.Request, stream_id: int | None = None) -> None:
        """``stream_id`` is None where httpcore waits to be allowed to send more."""
        await super()._receive_events(request, stream_id)
        for own, events in self._events.items() if stream_id is None else ():
            for event in events:
                if isinstance(event, h2.events.StreamReset):
                    raise httpcore.RemoteProtocolError(event)
                if isinstance(event, h2.events.StreamEnded) and self._refusal(own):
                    raise _TurnedAwayError

    def _refusal(self, stream_id: int) -> bool:
        """Whether an answer that is no success waits to be read."""
        return any(
            isinstance(event, h2.events.ResponseReceived)
            and any(name == b":status" and not value.startswith(b"2") for name, value in event.headers or ())
            for event in self._events.get(stream_id, ())
        )


class _Session:
    """What a connection keeps from one request to the next: httpcore's state, and the wire below it."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        scheme, host, port = connection.place
        self.wire = _Wire(connection, clock)
        origin = httpcore.Origin(scheme.encode("ascii"), host.encode("ascii"), port)
        self.engine = _Engine(origin, self.wire)
        connection.heard = self.wire.on_idle_word


_Stamps = tuple[int, int | None]  # as in Exchange.reads: when the read returned, and how late that was


class _Wire(httpcore.AsyncNetworkStream):
    """A connection as httpcore reads and writes it. It stamps, decrypts, and bounds what a peer may send.

    ``stamps``: user time and lag of the read that brought what was last handed over. ``written_ns``: right
    before the call that wrote the last byte. ``ended``: how the connection ended, None while it stands.
    """

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.stamps: _Stamps = (0, None)
        self.written_ns = 0
        self.stream_id = -1
        self.is_broken = False
        self.ended: tuple[Ended, str] | None = None
        self._connection = connection
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._readiness: Readiness | None = None
        self._pieces: deque[tuple[_Stamps, bytes]] = deque()
        self._plain: deque[tuple[_Stamps, bytes]] = deque()
        self._held = bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self._taken_bytes = 0
        self._taken_reads = 0
        self._is_leaving = False

    def begin(self, readiness: Readiness) -> None:
        """A request begins: listen."""
        self.stream_id += 2  # as h2 counts them; a connection whose request failed is never used again
        self._taken_bytes = self._taken_reads = 0
        self._readiness = readiness
        readiness.watch(self._connection.sock, self._on_readable)

    def end(self) -> None:
        """The request has ended: listen no more."""
        assert self._readiness is not None
        self._readiness.forget(self._connection.sock)
        self._loop.remove_writer(self._connection.sock)

    def may_go_on(self) -> bool:
        """Whether the connection may carry another request."""
        return self.ended is None and not self.is_broken and not self._is_leaving

    def on_idle_word(self, plain: bytes) -> bool:
        """What the server says between two requests; whether the connection may carry another."""
        self._plain.append(((self._clock.mono_ns(), None), self._without_farewell(plain)))
        return self.may_go_on()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  limits are ours
        """The next whole frames. Raises httpcore.ReadError once the connection has ended."""
        while True:
            while self._plain:
                self.stamps, plain = self._plain.popleft()
                if plain:
                    return plain
            if self._pieces:
                self._decrypt(*self._pieces.popleft())
            elif self.ended is not None:
                raise httpcore.ReadError(self.ended[1])
            else:
                self._waiting = self._loop.create_future()
                await self._waiting

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  limits are ours
        """Write all of it. A peer that hung up may have answered first: reading will tell."""
        rest = memoryview(self._connection.encrypt(buffer)) if buffer else memoryview(b"")
        while rest and not self.is_broken:
            now_ns = self._clock.mono_ns()
            try:
                rest = rest[self._connection.sock.send(rest) :]
                self.written_ns = now_ns
            except (BlockingIOError, InterruptedError):
                await self._writable()
            except OSError:
                self.is_broken = True

    async def aclose(self) -> None:
        """httpcore wants no more of the connection: its owner will close it."""
        self._is_leaving = True

    async def start_tls(self, *_: Any, **__: Any) -> NoReturn:
        """TLS is there before httpcore is."""
        raise NotImplementedError

    async def _writable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(self._connection.sock, lambda: None if ready.done() else ready.set_result(None))
        try:
            await ready
        finally:
            self._loop.remove_writer(self._connection.sock)

    def _on_readable(self) -> None:
        """Stamp and keep; whoever waits in :meth:`read` looks at it later."""
        try:
            data, ancillary, _, _ = self._connection.sock.recvmsg(READ_BYTES, ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._stop(Ended.RESET, said(error))
            return
        now_ns = self._clock.mono_ns()
        lag_ns = self._readiness.lag_ns(now_ns, ancillary) if data and self._readiness else None
        self._taken_bytes += len(data)
        self._taken_reads += 1
        if not data:
            self._stop(Ended.CLOSED, "the connection was closed")
        elif self._taken_bytes > MAX_EXCHANGE_BYTES or self._taken_reads > MAX_READS:
            self._stop(Ended.TOO_LARGE, f"more than {MAX_EXCHANGE_BYTES} bytes or {MAX_READS} reads")
        else:
            self._pieces.append(((now_ns, lag_ns), data))
            self._wake()

    def _stop(self, ended: Ended, detail: str) -> None:
        """Nothing more will come; what came is still handed over."""
        self.ended = self.ended or (ended, detail)
        if self._readiness is not None:
            self._readiness.forget(self._connection.sock)
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _decrypt(self, stamps: _Stamps, data: bytes) -> None:
        try:
            plain, closed = self._connection.decrypt(data)
        except OSError as error:
            self._stop(Ended.TLS, str(error))
            return
        self._plain.append((stamps, self._without_farewell(plain)))
        if closed:
            self._stop(Ended.CLOSED, "the peer ended TLS")

    def _without_farewell(self, plain: bytes) -> bytes:
        """The whole frames that there are now, but for a goodbye that lets the request under way finish.

        h2 takes any GOAWAY for the end of the connection.
        """
        self._held += plain
        at, kept = 0, bytearray()
        while len(self._held) - at >= _FRAME_HEAD_BYTES:
            length = int.from_bytes(self._held[at : at + 3])
            if length > _MAX_FRAME_BYTES:  # h2 would wait for all of it
                self._stop(Ended.NOT_HTTP, f"no HTTP/2: a frame of {length} bytes")
                break
            frame = self._held[at : at + _FRAME_HEAD_BYTES + length]
            if len(frame) < _FRAME_HEAD_BYTES + length:
                break
            at += len(frame)
            self._is_leaving |= frame[3] == _GOAWAY
            if frame[3] != _GOAWAY or not self._is_gentle(frame):
                kept += frame
        del self._held[:at]
        return bytes(kept)

    def _is_gentle(self, frame: bytearray) -> bool:
        """Whether a GOAWAY is without an error and counts the request under way in."""
        last, code = int.from_bytes(frame[9:13]) & 0x7FFFFFFF, int.from_bytes(frame[13:17])
        return len(frame) >= 17 and code == 0 and last >= self.stream_id
