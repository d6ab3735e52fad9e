"""HTTP/1.1 over a connection: one request on its way. Knows no policy, and nothing of what the bytes mean.

While a response comes in, the hot path stamps each read, keeps its bytes and lets httptools find the
message's end; all other reading happens after the run, in :mod:`fairlead.measure.timeline`.
"""

from __future__ import annotations

import asyncio

import httptools
import httpx

from fairlead.clock import NS_PER_S, Clock
from fairlead.measure.connection import READ_BYTES, Connection, Speaks, said
from fairlead.measure.plan import Limits
from fairlead.measure.readiness import ANCILLARY_BYTES, Readiness
from fairlead.measure.timeline import Ended, Exchange, begins_body

# What a hostile response may make us hold.
MAX_HEADER_BYTES = 64 * 1024
MAX_EXCHANGE_BYTES = 64 * 1024 * 1024
MAX_READS = 200_000

_LAZY_BYTES = 16 * 1024
_CR_LF = frozenset(b"\r\n")


class _Call:
    """One request on its way: sends it, then stamps and keeps what comes back until it has ended."""

    __slots__ = (
        "__weakref__",
        "_complete",
        "_connection",
        "_ended",
        "_exchange",
        "_fed",
        "_keep_alive",
        "_kept_bytes",
        "_lazy_bytes",
        "_limits",
        "_loop",
        "_mono_ns",
        "_out",
        "_parser",
        "_readiness",
        "_reads",
        "_recvmsg",
        "_timers",
        "_unasked",
        "_unfed_bytes",
        "headers",
        "reusable",
        "status",
    )

    def __init__(
        self, connection: Connection, exchange: Exchange, limits: Limits, clock: Clock, readiness: Readiness
    ) -> None:
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self._connection = connection
        self._exchange = exchange
        self._limits = limits
        self._readiness = readiness
        self._mono_ns = clock.mono_ns
        self._recvmsg = connection.sock.recvmsg
        self._reads = exchange.reads
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._out = memoryview(b"")
        self._kept_bytes = 0
        self._unfed_bytes = 0
        self._fed = 0  # reads that the parser has seen
        self._lazy_bytes = 0  # what may wait; nothing before it is known that there are chunks
        self._complete = False
        self._keep_alive = False
        self._unasked = False
        self._timers: list[asyncio.TimerHandle] = []
        self.reusable = False

    async def run(self, request: httpx.Request, credential: tuple[bytes, bytes] | None) -> None:
        """Returns when the exchange has ended, however it did; ``ended`` says how."""
        sock = self._connection.sock
        spent_ns = self._mono_ns() - self._exchange.start_ns
        self._limit(self._limits.total_ns - spent_ns, Ended.TOTAL_TIMEOUT)
        self._readiness.watch(sock, self._on_readable)
        try:
            self._out = memoryview(self._connection.encrypt(_request_text(request, credential)))
            self._flush()
            await self._ended
        finally:
            self._readiness.forget(sock)
            self._loop.remove_writer(sock)
            for timer in self._timers:
                timer.cancel()
            self.reusable = self._may_be_reused()
            # The parser holds our callbacks: a cycle that would keep every response in memory, for nothing
            # collects garbage during a run.
            del self._parser

    def _may_be_reused(self) -> bool:
        """Whether the connection is in a state to take another request."""
        return (
            self._exchange.ended is Ended.COMPLETE
            and not self._unasked
            and self._exchange.sent_ns is not None
            and self._keep_alive
        )

    def _flush(self) -> None:
        """Write what the socket takes. ``sent_ns`` is the moment before the call that took the last byte."""
        while self._out:
            now_ns = self._mono_ns()
            try:
                written = self._connection.sock.send(self._out)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._connection.sock, self._flush)
                return
            except OSError:
                # The peer hung up on the request. It may have answered first: the reader will tell.
                self._loop.remove_writer(self._connection.sock)
                return
            self._out = self._out[written:]
            if not self._out:
                self._exchange.sent_ns = now_ns
                self._loop.remove_writer(self._connection.sock)
                self._limit(self._limits.first_ns, Ended.FIRST_TIMEOUT)

    def _on_readable(self) -> None:
        try:
            data, ancillary, _, _ = self._recvmsg(READ_BYTES, ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(Ended.RESET, said(error))
            return
        now_ns = self._mono_ns()
        if not data:
            self._end(Ended.CLOSED, "the connection was closed")
            return
        lag_ns = self._readiness.lag_ns(now_ns, ancillary)
        if self._connection.tls is None:
            self._keep(now_ns, lag_ns, data)
        else:
            self._keep_encrypted(now_ns, lag_ns, data)

    def _keep_encrypted(self, now_ns: int, lag_ns: int | None, data: bytes) -> None:
        try:
            plain, closed = self._connection.decrypt(data)
        except OSError as error:
            self._end(Ended.TLS, str(error))
            return
        if plain:
            self._keep(now_ns, lag_ns, plain)
        if closed:
            self._end(Ended.CLOSED, "the peer ended TLS")

    def _keep(self, now_ns: int, lag_ns: int | None, data: bytes) -> None:
        """Keep a read. The parser sees it at once only where it may end the message.

        A body in chunks ends with an empty line (RFC 9112, 7.1). That is in ``data`` whole, or ``data``
        begins with what is left of it; every other piece can wait until there are many.
        """
        self._reads.append((now_ns, lag_ns, data))
        self._unfed_bytes += len(data)
        if (
            self._unfed_bytes > self._lazy_bytes
            or data.rfind(b"\r\n\r\n") >= 0  # half the time of ``in``
            or data[0] in _CR_LF
            or len(self._reads) > MAX_READS
        ):
            self._feed()

    def _feed(self) -> None:
        """Let the parser see what is kept, and end where that says so."""
        reads = self._reads
        self._kept_bytes += self._unfed_bytes
        self._unfed_bytes = 0
        try:
            self._parser.feed_data(b"".join([data for _, _, data in reads[self._fed :]]))
        except httptools.HttpParserError as error:
            if self._complete:
                self._unasked = True
            else:
                self._finish(Ended.NOT_HTTP, str(error))
                return
        except httptools.HttpParserUpgrade:
            self._finish(Ended.NOT_HTTP, "an answer that switches protocols")
            return
        self._fed = len(reads)
        if self._complete:
            self._finish(Ended.COMPLETE, "")
        elif self._kept_bytes > MAX_EXCHANGE_BYTES or len(reads) > MAX_READS:
            self._finish(Ended.TOO_LARGE, f"more than {MAX_EXCHANGE_BYTES} bytes or {MAX_READS} reads")
        elif self.status is None and self._kept_bytes > MAX_HEADER_BYTES:
            self._finish(Ended.TOO_LARGE, f"headers of more than {MAX_HEADER_BYTES} bytes")

    # httptools' callbacks; an interim response (1xx) is a message of its own and is passed over

    def on_message_begin(self) -> None:
        self._unasked = self._complete
        if not self._complete:
            self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._complete:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and not self._complete:
            self.status = status
            if any(
                name.lower() == b"transfer-encoding" and b"chunked" in value.lower()
                for name, value in self.headers
            ):
                self._lazy_bytes = _LAZY_BYTES

    def on_message_complete(self) -> None:
        if self.status is not None and not self._complete:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()  # known only now: the parser forgets it

    def _limit(self, limit_ns: int, ended: Ended) -> None:
        self._timers.append(self._loop.call_later(max(limit_ns, 0) / NS_PER_S, self._on_limit, ended))

    def _on_limit(self, ended: Ended) -> None:
        self._feed()
        if ended is Ended.FIRST_TIMEOUT and begins_body([data for _, _, data in self._reads]):
            return
        limit_ns = self._limits.first_ns if ended is Ended.FIRST_TIMEOUT else self._limits.total_ns
        self._end(ended, f"the limit of {limit_ns / NS_PER_S:g} s")

    def _end(self, ended: Ended, detail: str) -> None:
        """The exchange has ended, unless what is kept and was not looked at yet says otherwise."""
        if not self._ended.done():
            self._feed()
            self._finish(ended, detail)

    def _finish(self, ended: Ended, detail: str) -> None:
        if self._ended.done():
            return
        self._exchange.end_ns = self._mono_ns()
        self._exchange.ended = ended
        self._exchange.detail = detail
        self._readiness.forget(self._connection.sock)
        self._ended.set_result(None)


def _request_text(request: httpx.Request, credential: tuple[bytes, bytes] | None) -> bytes:
    """The request as HTTP/1.1 text. httpx has set Host and Content-Length."""
    lines = [b"%s %s HTTP/1.1\r\n" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s\r\n" % header for header in request.headers.raw]
    if credential is not None:
        lines.append(b"%s: %s\r\n" % credential)
    return b"".join((*lines, b"\r\n", request.content))


HTTP1 = Speaks("http/1.1", must_agree=False, call=_Call)
