"""One streamed request over one connection. Knows no API, no workload, and nothing of what the bytes mean.

An ``httpx.AsyncBaseTransport`` to be called directly with prebuilt requests, one instance a worker. It keeps
one connection alive between requests. What is spoken over it is another module's: HTTP/1.1 in
:mod:`fairlead.measure.transport1`, HTTP/2 in :mod:`fairlead.measure.transport2`; what may be sent, and where
to, is asked here for both.

The stamps leave as an :class:`~fairlead.measure.timeline.Exchange`, under ``exchange`` in the extensions of
the response, and of the request, where it is found after a failure too. Failures are httpx's exceptions.

No retry, no redirect, no proxy, nothing from the environment. What may be sent, and where to, is asked of a
:class:`~fairlead.measure.policy.Policy` before any connection is made, for every address before any is
connected to, and again before a kept connection is used. A key is added by the transport itself, last of all;
what came back is cleared of it before anybody sees it. A reused connection is looked at before it is
written to; one that the server closed meanwhile is replaced by a new one, stamped as such.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Mapping

import httpx

import fairlead
from fairlead.clock import NS_PER_S, Clock, SystemClock
from fairlead.measure.connection import (
    Call,
    Connection,
    ExchangeError,
    Place,
    Resolve,
    Speaks,
    connect,
    look_up,
    system_resolver,
    tls_context,
    verifies,
)
from fairlead.measure.plan import Limits
from fairlead.measure.policy import KEYLESS, Asked, Policy, PolicyError
from fairlead.measure.readiness import Readiness
from fairlead.measure.timeline import Ended, Exchange, read_response
from fairlead.measure.transport1 import HTTP1

EARLY_NS = 400_000
"""How much before its time an open loop may hand over a request: what comes before a connection is made or a
byte is sent takes about as long. The rest is waited out."""


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
            if self._policy.secret is not None and not verifies(self._tls_context()):
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
        except ExchangeError as failure:
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
                candidates = await look_up(place, exchange, self._resolve, self._clock)
                for _, address in candidates:  # all of them: a name with one such address is no API's
                    self._policy.check_address(address[0])
                self._connection = await connect(place, candidates, exchange, self._clock)
                self._policy.check_address(self._connection.address)
                if place[0] == "https":
                    await self._connection.shake_hands(self._tls_context(), place[1], exchange, self._clock)
                self._connection.check_protocol(self._speaks)
        except TimeoutError:
            raise ExchangeError(Ended.CONNECT_TIMEOUT, f"no connection within {timeout:g} s") from None
        return self._connection

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = tls_context(self._speaks.alpn)
        return self._tls


# --- httpx's vocabulary --------------------------------------------------------------------------------


def _place(url: httpx.URL) -> Place:
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def _asked(request: httpx.Request) -> Asked:
    url = request.url
    return Asked(*_place(url), userinfo=url.userinfo, path=url.raw_path, headers=request.headers.raw)


def _check_lines(request: httpx.Request) -> None:
    """A header of ours must not become two. Raises ExchangeError with LOCAL."""
    for name, value in request.headers.raw:
        if b"\r" in value or b"\n" in value or b"\r" in name or b"\n" in name:
            raise ExchangeError(Ended.LOCAL, "a header of ours holds a line break")


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
