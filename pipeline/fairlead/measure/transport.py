"""One streamed request over one connection. Knows no API, no workload, and nothing of what the bytes mean.

An ``httpx.AsyncBaseTransport`` to be called directly with prebuilt requests, one instance a worker. It keeps
one connection alive between requests. HTTP/1.1 is spoken over it here, HTTP/2 in
:mod:`fairlead.measure.transport2`; what may be sent, and where to, is asked in this module for both.

While a response comes in, the hot path stamps each read, keeps its bytes and lets httptools find the
message's end; all other reading happens after the run, in :mod:`fairlead.measure.timeline`.

The stamps leave as an :class:`~fairlead.measure.timeline.Exchange`, under ``exchange`` in the extensions of
the response, and of the request, where it is found after a failure too. Failures are httpx's exceptions.

No retry, no redirect, no proxy, nothing from the environment. What may be sent, and where to, is asked of a
:class:`~fairlead.measure.policy.Policy` before any connection is made, for every address before any is
connected to, and again before a kept connection is used. A key is added by the transport itself, last of all;
what came back is cleared of it before anybody sees it. A reused connection is looked at before it is
written to; one that the server closed meanwhile is replaced by a new one, stamped as such.

On Linux each read carries the kernel's receive stamp (``SO_TIMESTAMPNS``; ``recvmsg`` ancillary data), taken
when the newest of its bytes reached the machine. That is why sockets are read here and not by an asyncio
protocol, which has no ancillary data.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import os
import select
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import httptools
import httpx

import fairlead
from fairlead.clock import Clock, SystemClock
from fairlead.measure.pacer import Ticker
from fairlead.measure.plan import Limits
from fairlead.measure.policy import KEYLESS, Asked, Policy, PolicyError
from fairlead.measure.timeline import Ended, Exchange, begins_body, read_response

READ_BYTES = 64 * 1024
# What a hostile response may make us hold.
MAX_HEADER_BYTES = 64 * 1024
MAX_EXCHANGE_BYTES = 64 * 1024 * 1024
MAX_READS = 200_000

KERNEL_STAMPS = sys.platform == "linux"
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if KERNEL_STAMPS else 0

EARLY_NS = 400_000
"""How much before its time an open loop may hand over a request: what comes before a connection is made or a
byte is sent takes about as long. The rest is waited out."""

_TIGHT_NS = 5_000  # two clock readings with nothing in between take less

GATHER_NS = 250_000
_GATHER_AFTER = 8  # wakes closer to each other than that
_GATHER_UNTIL = 8  # looks that found nothing
_LAZY_BYTES = 16 * 1024
_CR_LF = frozenset(b"\r\n")

NS_PER_S = 1_000_000_000


_Place = tuple[str, str, int]  # scheme, host, port

Resolve = Callable[[str, int], list[tuple[int, tuple[Any, ...]]]]
"""A host and a port to (address family, socket address) candidates, in order; raises OSError. Blocks."""


def system_resolver(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    """What the system's resolver says."""
    name = host.encode("ascii")  # as bytes: text would load the idna codec, 10 ms in the middle of a start
    found = socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    return [(family, address) for family, _, _, _, address in found]


PreparedRequest = httpx.Request


def prepare(url: str, body: bytes, extra: Mapping[str, str] | None = None) -> PreparedRequest:
    """A request ready to be sent, without credentials. Built ahead of its time: this costs 0.1 ms.

    ``extra``: further headers that the API wants, none of them secret.
    """
    headers = {
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": f"fairlead/{fairlead.__version__}",
        **(extra or {}),
    }
    extensions = {"exchange": Exchange()}
    return httpx.Request("POST", _parsed(url), headers=headers, content=body, extensions=extensions)


_parsed = functools.lru_cache(64)(httpx.URL)  # half the cost of a request, and a window has one address


def hold_kernel_stamps() -> socket.socket | None:
    """A socket to keep open during a run: while one exists that wants stamps, the kernel stamps every packet.

    Without it the first packets after the first request of the kind come unstamped.
    """
    if not KERNEL_STAMPS:
        return None
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _want_kernel_stamps(holder)
    return holder


def _want_kernel_stamps(sock: socket.socket) -> None:
    if KERNEL_STAMPS:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:  # a sandboxed kernel without it: reads come without lag, the record says "user"
            return


class Readiness:
    """Which sockets can be read, asked of the kernel many at a time. Shared by the transports of a loop.

    On Linux an epoll of our own that the loop watches as one descriptor. It costs less than a watch for each
    socket, and it keeps reporting a reset until that has been read: uvloop stops watching a socket at the
    first error, and a reset that comes right behind data would never be heard of.

    While reads come thick, they are *gathered*: the kernel is asked every ``GATHER_NS`` instead of being
    waited for, as a network card moderates its interrupts. To wake up costs more than to read; and when bytes
    arrived is told by the kernel's stamps, not by when we came for them. So only where there are such
    stamps. The time that bytes were left to wait is in their lag, like all that is ours.
    """

    def __init__(self, clock: Clock) -> None:
        self.wall_offset_ns = 0
        """Wall time minus monotonic time, as of the latest look."""
        self._loop = asyncio.get_running_loop()
        self._mono_ns = clock.mono_ns
        self._unix_ns = clock.unix_ns
        self._calls: dict[int, Callable[[], None]] = {}
        self.are_stamped = KERNEL_STAMPS
        """Whether reads carry the kernel's stamps, as far as is known."""
        self._looked_ns = 0
        self._in_a_row = 0
        self._epoll = select.epoll() if sys.platform == "linux" else None
        self._ticker = Ticker(self._loop, GATHER_NS, self._on_tick)
        if self._epoll is not None:
            self._loop.add_reader(self._epoll.fileno(), self._on_ready)

    def watch(self, sock: socket.socket, call: Callable[[], None]) -> None:
        """Call ``call`` whenever ``sock`` has data, an end or an error, until it is forgotten."""
        if self._epoll is None:
            self._loop.add_reader(sock, call)
            return
        self._calls[sock.fileno()] = call
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def forget(self, sock: socket.socket) -> None:
        """Watch ``sock`` no more; harmless if it was not watched."""
        if self._epoll is None:
            self._loop.remove_reader(sock)
        elif self._calls.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock.fileno())

    def lag_ns(self, now_ns: int, ancillary: Sequence[tuple[int, int, bytes]]) -> int | None:
        """From the kernel's stamp of a read (on the wall clock) to ``now_ns`` (on the monotonic one).

        None where the read has no stamp.
        """
        if not ancillary:
            self.are_stamped = False
            return None
        seconds: int
        nanoseconds: int
        seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
        return now_ns + self.wall_offset_ns - seconds * NS_PER_S - nanoseconds

    def close(self) -> None:
        """Watch nothing more."""
        self._ticker.close()
        if self._epoll is not None and not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _on_ready(self) -> None:
        """Something came. Once it comes faster than it would be gathered, time after time: gather."""
        self._look()
        before_ns, self._looked_ns = self._looked_ns, self._mono_ns()
        close = self._looked_ns - before_ns < GATHER_NS
        self._in_a_row = self._in_a_row + 1 if close else 0
        if self._in_a_row >= _GATHER_AFTER and self._ticker.able and self.are_stamped:
            assert self._epoll is not None
            self._in_a_row = 0
            self._loop.remove_reader(self._epoll.fileno())
            self._ticker.start()

    def _on_tick(self) -> None:
        """Time to look. Where nothing came time after time, wait for the kernel again."""
        self._in_a_row = 0 if self._look() else self._in_a_row + 1
        if self._in_a_row >= _GATHER_UNTIL or not self.are_stamped:
            assert self._epoll is not None
            self._in_a_row = 0
            self._ticker.stop()
            self._loop.add_reader(self._epoll.fileno(), self._on_ready)

    def _look(self) -> bool:
        """Let everything that is ready be read. Whether anything was."""
        assert self._epoll is not None
        found = self._epoll.poll(0)
        if not found:
            return False
        self._read_offset()
        calls = self._calls
        for descriptor, _ in found:
            call = calls.get(descriptor)
            if call is not None:  # an earlier call of this round may have forgotten it
                call()
        return True

    def _read_offset(self) -> None:
        """The wall clock between two readings of the other; a pair too far apart was interrupted and is read
        again, else the interruption would pass for lag."""
        before_ns = self._mono_ns()
        while True:
            wall_ns = self._unix_ns()
            after_ns = self._mono_ns()
            if after_ns - before_ns < _TIGHT_NS:
                self.wall_offset_ns = wall_ns - after_ns
                return
            before_ns = self._mono_ns()


class Transport(httpx.AsyncBaseTransport):
    """One worker's transport: one connection at a time, one request at a time.

    ``readiness``: shared with the other workers of the loop; without one the transport makes its own.
    ``resolve``: looks names up, in a thread. ``policy``: may name a key, which then every request carries.
    ``speaks``: what is spoken over the connection. ``tls``: a context that offers it by ALPN; without one,
    certificates and names are verified as :func:`tls_context` says.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
        policy: Policy = KEYLESS,
        resolve: Resolve = system_resolver,
        readiness: Readiness | None = None,
        speaks: Speaks | None = None,
    ) -> None:
        self._limits = limits
        self._speaks = speaks or HTTP1
        self._readiness = readiness
        self._owns_readiness = readiness is None
        self._clock: Clock = clock or SystemClock()
        self._tls = tls
        self._policy = policy
        self._resolve = resolve
        self._connection: Connection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, keep its response, return when the response has ended.

        Raises:
            httpx.TransportError: the exchange ended otherwise than by a whole response; how is in
                ``request.extensions["exchange"]``.
        """
        exchange, call = await self._exchange(request)
        if call is None or not _is_whole(exchange):
            raise _httpx_error(exchange, request)
        return _response(request, exchange, call.status, self._policy.conceal_headers(call.headers))

    async def keep(self, request: httpx.Request) -> tuple[Exchange, int | None]:
        """The exchange of a request, however it ended, and the status of a whole response.

        What :meth:`handle_async_request` raises as httpx's errors is told by the exchange alone.
        """
        exchange, call = await self._exchange(request)
        return exchange, call.status if call is not None and _is_whole(exchange) else None

    async def _exchange(self, request: httpx.Request) -> tuple[Exchange, Call | None]:
        """Send the request and keep what comes back. No call: it did not get so far as to be sent."""
        exchange: Exchange = request.extensions.setdefault("exchange", Exchange())
        exchange.begin_ns = self._clock.mono_ns()
        call: Call | None = None
        try:
            await request.aread()
            _check_lines(request)
            self._policy.check_request(_asked(request))
            if self._policy.secret is not None and not _verifies(self._tls_context()):
                raise PolicyError(
                    "a key needs TLS that verifies certificate and name and logs no session key"
                )
            connection = await self._connected(request, exchange)
            if self._readiness is None:
                self._readiness = Readiness(self._clock)
            call = self._speaks.call(connection, exchange, self._limits, self._clock, self._readiness)
            self._wait_out(exchange)
            await call.run(request, self._policy.credential())  # there is a connection now that may see it
        except PolicyError as refusal:
            exchange.ended, exchange.detail = Ended.POLICY, str(refusal)
        except _ExchangeError as failure:
            exchange.ended, exchange.detail = failure.ended, failure.detail
        finally:
            exchange.end_ns = exchange.end_ns or self._clock.mono_ns()
            if exchange.ended is not Ended.COMPLETE or call is None or not call.reusable:
                self._drop()
            self._conceal(exchange)
        return exchange, call

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        self._drop()
        if self._owns_readiness and self._readiness is not None:
            self._readiness.close()
            self._readiness = None

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _conceal(self, exchange: Exchange) -> None:
        """Take the key out of all that is kept of an exchange."""
        if self._policy.secret is None:
            return
        exchange.detail = self._policy.secret.conceal_text(exchange.detail)
        pieces = self._policy.secret.conceal_pieces([data for _, _, data in exchange.reads])
        for at, piece in enumerate(pieces):
            user_ns, lag_ns, data = exchange.reads[at]
            if piece is not data:
                exchange.reads[at] = (user_ns, lag_ns, piece)
        if exchange.unframed is not None:
            exchange.unframed.headers = self._policy.conceal_headers(exchange.unframed.headers)

    def _wait_out(self, exchange: Exchange) -> None:
        """Return at the time of a request that came early: sooner than any timer would."""
        due_ns = exchange.due_ns
        while due_ns is not None and 0 < due_ns - self._clock.mono_ns() <= EARLY_NS:
            pass

    async def _connected(self, request: httpx.Request, exchange: Exchange) -> Connection:
        """The kept connection where it leads to the same place and still stands, else a new one."""
        place = _place(request.url)
        kept = self._connection
        if kept is not None and kept.place == place and kept.stands():
            self._policy.check_address(kept.address)
            exchange.reused = True
            exchange.round_trip_ns = kept.round_trip_ns
            exchange.address = kept.address
            return kept
        self._drop()
        self._wait_out(exchange)
        exchange.reused = False
        left_ns = self._limits.total_ns - (self._clock.mono_ns() - exchange.start_ns)
        timeout = max(min(self._limits.connect_ns, left_ns), 0) / NS_PER_S
        try:
            async with asyncio.timeout(timeout):
                candidates = await _look_up(place, exchange, self._resolve, self._clock)
                for _, address in candidates:  # all of them: a name with one such address is no API's
                    self._policy.check_address(address[0])
                self._connection = await _connect(place, candidates, exchange, self._clock)
                self._policy.check_address(self._connection.address)
                if place[0] == "https":
                    await self._connection.shake_hands(self._tls_context(), place[1], exchange, self._clock)
                self._connection.check_protocol(self._speaks)
        except TimeoutError:
            raise _ExchangeError(Ended.CONNECT_TIMEOUT, f"no connection within {timeout:g} s") from None
        return self._connection

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = tls_context(self._speaks.alpn)
        return self._tls


@functools.cache
def tls_context(alpn: str = "http/1.1") -> ssl.SSLContext:
    """Certificates and host names are verified, as by the standard library's default. Offers one protocol.

    Unlike that default it does not heed ``SSLKEYLOGFILE``, which would write the session's keys to a file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    context.set_alpn_protocols([alpn])
    return context


def _verifies(context: ssl.SSLContext) -> bool:
    verifies = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    return verifies and not context.keylog_filename


# --- the connection ------------------------------------------------------------------------------------


class _ExchangeError(Exception):
    """Carries how an exchange ended up to where it becomes httpx's error."""

    def __init__(self, ended: Ended, detail: str) -> None:
        super().__init__(detail)
        self.ended = ended
        self.detail = detail


def _nothing_may_be_heard(_said: bytes) -> bool:
    return False


class Connection:
    """A connected, non-blocking socket, with TLS over it or not.

    ``session``: what a protocol keeps between requests. ``heard``: told what an idle peer says, answers
    whether the connection may still be used; by default it may not, for nothing was asked.
    """

    def __init__(self, sock: socket.socket, place: _Place, round_trip_ns: int) -> None:
        self.sock = sock
        self.place = place
        self.round_trip_ns = round_trip_ns
        self.address: str = sock.getpeername()[0]
        self.tls: ssl.SSLObject | None = None
        self.session: Any = None
        self.heard: Callable[[bytes], bool] = _nothing_may_be_heard
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    def close(self) -> None:
        """Hang up, and let go of what holds this: nothing collects cycles during a run."""
        self.sock.close()
        self.session = None
        self.heard = _nothing_may_be_heard

    def stands(self) -> bool:
        """Whether an idle connection may be written to: the peer neither ended it nor said what bars it."""
        try:
            data = self.sock.recv(READ_BYTES)
            if not data or self.tls is None:
                return False
            plain, closed = self.decrypt(data)  # session tickets come late and are no word
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return not closed and (not plain or self.heard(plain))

    async def shake_hands(self, context: ssl.SSLContext, host: str, exchange: Exchange, clock: Clock) -> None:
        """The TLS handshake. Raises _ExchangeError with TLS if it fails for any reason."""
        started_ns = clock.mono_ns()
        loop = asyncio.get_running_loop()
        try:
            self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
            while True:
                try:
                    self.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await loop.sock_sendall(self.sock, self._outgoing.read())
                data = await loop.sock_recv(self.sock, READ_BYTES)
                if not data:
                    raise _ExchangeError(Ended.TLS, "the connection was closed during the handshake")
                self._incoming.write(data)
            await loop.sock_sendall(self.sock, self._outgoing.read())
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: no valid host name
            raise _ExchangeError(Ended.TLS, str(error)) from None
        exchange.tls_ns = clock.mono_ns() - started_ns

    def check_protocol(self, speaks: Speaks) -> None:
        """Raises _ExchangeError with TLS where a protocol that must be agreed on was not."""
        if not speaks.must_agree:
            return
        if self.tls is None:
            raise _ExchangeError(Ended.TLS, f"{speaks.alpn} is spoken over TLS only")
        agreed = self.tls.selected_alpn_protocol()
        if agreed != speaks.alpn:
            found = f"TLS agreed on {agreed}" if agreed else "TLS agreed on no protocol"
            raise _ExchangeError(Ended.TLS, f"the server does not speak {speaks.alpn}: {found}")

    def encrypt(self, payload: bytes) -> bytes:
        """The bytes to put on the wire."""
        if self.tls is None:
            return payload
        self.tls.write(payload)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """What ``data`` lets be read, and whether the peer ended TLS. Answers what TLS itself must answer."""
        assert self.tls is not None
        self._incoming.write(data)
        plain: list[bytes] = []
        closed = False
        while True:
            try:
                part = self.tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                closed = True
                break
            plain.append(part)
        if self._outgoing.pending:
            self.sock.send(self._outgoing.read())  # a key update: a few bytes, once in many gigabytes
        return b"".join(plain), closed


async def _connect(
    place: _Place, candidates: list[tuple[int, tuple[Any, ...]]], exchange: Exchange, clock: Clock
) -> Connection:
    """A TCP connection to the first of these addresses that takes one.

    ``tcp_ns`` covers every address tried: it is what the user waited.
    """
    loop = asyncio.get_running_loop()
    started_ns = clock.mono_ns()
    failure = _ExchangeError(Ended.DNS, "the name has no address")
    for family, address in candidates:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise _ExchangeError(Ended.LOCAL, str(error)) from None
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _want_kernel_stamps(sock)
            await loop.sock_connect(sock, address)
            exchange.tcp_ns = clock.mono_ns() - started_ns
            exchange.round_trip_ns = min(exchange.tcp_ns, _round_trip_ns(sock) or exchange.tcp_ns)
            connection = Connection(sock, place, exchange.round_trip_ns)
            exchange.address = connection.address
            return connection
        except OSError as error:
            sock.close()
            failure = _ExchangeError(Ended.LOCAL if error.errno in _OUR_FAULT else Ended.CONNECT, said(error))
        except BaseException:
            sock.close()
            raise
    raise failure


_TCPI_RTT_AT = 68  # struct tcp_info: the round-trip time, microseconds in a 32-bit integer


def _round_trip_ns(sock: socket.socket) -> int | None:
    """From the kernel's SYN to its answer, free of our own lag; None where the kernel does not say."""
    if sys.platform != "linux":
        return None
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCPI_RTT_AT + 4)
    return (
        None if len(info) < _TCPI_RTT_AT + 4 else 1000 * int(struct.unpack_from("=I", info, _TCPI_RTT_AT)[0])
    )


_OUR_FAULT = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOBUFS,
    errno.EADDRNOTAVAIL,
    errno.ENETUNREACH,
    errno.ENETDOWN,
}


async def _look_up(
    place: _Place, exchange: Exchange, resolve: Resolve, clock: Clock
) -> list[tuple[int, tuple[Any, ...]]]:
    """(family, socket address) candidates, in the resolver's order. A literal address needs no look-up."""
    _, host, port = place
    try:
        if _is_literal(host):
            return system_resolver(host, port)
        started_ns = clock.mono_ns()
        found = await asyncio.get_running_loop().run_in_executor(None, resolve, host, port)
    except (OSError, UnicodeError) as error:
        raise _ExchangeError(Ended.DNS, str(error)) from None
    exchange.dns_ns = clock.mono_ns() - started_ns
    return found


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def said(error: OSError) -> str:
    """What the system calls the error, without our own words around it."""
    return os.strerror(error.errno) if error.errno else str(error)


# --- the hot path --------------------------------------------------------------------------------------


class Call(Protocol):
    """One request on its way over a connection.

    ``status``, ``headers``: of the response, once they came. ``reusable``: after the run, whether the
    connection may carry another.
    """

    status: int | None
    headers: list[tuple[bytes, bytes]]
    reusable: bool

    async def run(self, request: httpx.Request, credential: tuple[bytes, bytes] | None) -> None:
        """Send the request, its key last of all, and keep what comes back in the exchange until it has
        ended."""


class Speaks(NamedTuple):
    """What is spoken over a connection: its name in TLS (ALPN), and who carries a request in it.

    ``must_agree``: whether a server that does not name it in its answer is taken not to speak it.
    """

    alpn: str
    must_agree: bool
    call: Callable[[Connection, Exchange, Limits, Clock, Readiness], Call]


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


HTTP1 = Speaks("http/1.1", must_agree=False, call=_Call)


# --- httpx's vocabulary --------------------------------------------------------------------------------


def _place(url: httpx.URL) -> _Place:
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def _asked(request: httpx.Request) -> Asked:
    url = request.url
    return Asked(*_place(url), userinfo=url.userinfo, path=url.raw_path, headers=request.headers.raw)


def _check_lines(request: httpx.Request) -> None:
    """A header of ours must not become two. Raises _ExchangeError with LOCAL."""
    for name, value in request.headers.raw:
        if b"\r" in value or b"\n" in value or b"\r" in name or b"\n" in name:
            raise _ExchangeError(Ended.LOCAL, "a header of ours holds a line break")


def _request_text(request: httpx.Request, credential: tuple[bytes, bytes] | None) -> bytes:
    """The request as HTTP/1.1 text. httpx has set Host and Content-Length."""
    lines = [b"%s %s HTTP/1.1\r\n" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s\r\n" % header for header in request.headers.raw]
    if credential is not None:
        lines.append(b"%s: %s\r\n" % credential)
    return b"".join((*lines, b"\r\n", request.content))


class _KeptBody(httpx.AsyncByteStream):
    """The body out of the kept bytes, unframed only if somebody reads it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _, piece in read_response(self._exchange).body:
            yield piece


def _is_whole(exchange: Exchange) -> bool:
    """Whether what is kept is a whole response: its framing says so, by closing, too."""
    if exchange.ended is not Ended.CLOSED:
        return exchange.ended is Ended.COMPLETE
    return read_response(exchange).done_read is not None


def _response(
    request: httpx.Request, exchange: Exchange, status: int | None, headers: list[tuple[bytes, bytes]]
) -> httpx.Response:
    assert status is not None
    return httpx.Response(
        status,
        headers=headers,
        stream=_KeptBody(exchange),
        request=request,
        extensions={
            "http_version": b"HTTP/1.1" if exchange.unframed is None else b"HTTP/2",
            "exchange": exchange,
        },
    )


_ERRORS: dict[Ended, type[httpx.TransportError]] = {
    Ended.CLOSED: httpx.RemoteProtocolError,
    Ended.RESET: httpx.ReadError,
    Ended.STREAM_RESET: httpx.RemoteProtocolError,
    Ended.NOT_HTTP: httpx.RemoteProtocolError,
    Ended.TOO_LARGE: httpx.RemoteProtocolError,
    Ended.DNS: httpx.ConnectError,
    Ended.CONNECT: httpx.ConnectError,
    Ended.TLS: httpx.ConnectError,
    Ended.LOCAL: httpx.ConnectError,
    Ended.CONNECT_TIMEOUT: httpx.ConnectTimeout,
    Ended.FIRST_TIMEOUT: httpx.ReadTimeout,
    Ended.TOTAL_TIMEOUT: httpx.ReadTimeout,
    Ended.POLICY: httpx.LocalProtocolError,
}


def _httpx_error(exchange: Exchange, request: httpx.Request) -> httpx.TransportError:
    return _ERRORS[exchange.ended](exchange.detail or str(exchange.ended), request=request)
