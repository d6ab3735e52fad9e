"""A connection: looked up, connected, encrypted, and what is spoken over it. Knows no policy and no message.

Each step stamps what it took on the :class:`~fairlead.measure.timeline.Exchange` that waits for it.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import os
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import httpx

from fairlead.clock import Clock
from fairlead.measure.plan import Limits
from fairlead.measure.readiness import Readiness, want_kernel_stamps
from fairlead.measure.timeline import Ended, Exchange

READ_BYTES = 64 * 1024

Place = tuple[str, str, int]
"""Scheme, host and port."""

Resolve = Callable[[str, int], list[tuple[int, tuple[Any, ...]]]]
"""A host and a port to (address family, socket address) candidates, in order; raises OSError. Blocks."""


def system_resolver(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    """What the system's resolver says."""
    name = host.encode("ascii")  # as bytes: text would load the idna codec, 10 ms in the middle of a start
    found = socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    return [(family, address) for family, _, _, _, address in found]


class ExchangeError(Exception):
    """Carries how an exchange ended up to where it becomes httpx's error."""

    def __init__(self, ended: Ended, detail: str) -> None:
        super().__init__(detail)
        self.ended = ended
        self.detail = detail


def _nothing_may_be_heard(_said: bytes) -> bool:
    return False


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


class Connection:
    """A connected, non-blocking socket, with TLS over it or not.

    ``session``: what a protocol keeps between requests. ``heard``: told what an idle peer says, answers
    whether the connection may still be used; by default it may not, for nothing was asked.
    """

    def __init__(self, sock: socket.socket, place: Place, round_trip_ns: int) -> None:
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
        """The TLS handshake. Raises ExchangeError with TLS if it fails for any reason."""
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
                    raise ExchangeError(Ended.TLS, "the connection was closed during the handshake")
                self._incoming.write(data)
            await loop.sock_sendall(self.sock, self._outgoing.read())
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: no valid host name
            raise ExchangeError(Ended.TLS, str(error)) from None
        exchange.tls_ns = clock.mono_ns() - started_ns

    def check_protocol(self, speaks: Speaks) -> None:
        """Raises ExchangeError with TLS where a protocol that must be agreed on was not."""
        if not speaks.must_agree:
            return
        if self.tls is None:
            raise ExchangeError(Ended.TLS, f"{speaks.alpn} is spoken over TLS only")
        agreed = self.tls.selected_alpn_protocol()
        if agreed != speaks.alpn:
            found = f"TLS agreed on {agreed}" if agreed else "TLS agreed on no protocol"
            raise ExchangeError(Ended.TLS, f"the server does not speak {speaks.alpn}: {found}")

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


async def connect(
    place: Place, candidates: list[tuple[int, tuple[Any, ...]]], exchange: Exchange, clock: Clock
) -> Connection:
    """A TCP connection to the first of these addresses that takes one.

    ``tcp_ns`` covers every address tried: it is what the user waited.
    """
    loop = asyncio.get_running_loop()
    started_ns = clock.mono_ns()
    failure = ExchangeError(Ended.DNS, "the name has no address")
    for family, address in candidates:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise ExchangeError(Ended.LOCAL, str(error)) from None
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            want_kernel_stamps(sock)
            await loop.sock_connect(sock, address)
            exchange.tcp_ns = clock.mono_ns() - started_ns
            exchange.round_trip_ns = min(exchange.tcp_ns, _round_trip_ns(sock) or exchange.tcp_ns)
            connection = Connection(sock, place, exchange.round_trip_ns)
            exchange.address = connection.address
            return connection
        except OSError as error:
            sock.close()
            failure = ExchangeError(Ended.LOCAL if error.errno in _OUR_FAULT else Ended.CONNECT, said(error))
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


async def look_up(
    place: Place, exchange: Exchange, resolve: Resolve, clock: Clock
) -> list[tuple[int, tuple[Any, ...]]]:
    """(family, socket address) candidates, in the resolver's order. A literal address needs no look-up."""
    _, host, port = place
    try:
        if _is_literal(host):
            return system_resolver(host, port)
        started_ns = clock.mono_ns()
        found = await asyncio.get_running_loop().run_in_executor(None, resolve, host, port)
    except (OSError, UnicodeError) as error:
        raise ExchangeError(Ended.DNS, str(error)) from None
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


def verifies(context: ssl.SSLContext) -> bool:
    """Whether a key may go through it: the peer is verified, and no session key is logged."""
    is_verifying = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    return is_verifying and not context.keylog_filename
