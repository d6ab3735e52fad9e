"""The stamped raw exchange to the request's record. Knows no socket, no clock, no file and no metric.

An :class:`Exchange` is what the hot path kept: bytes and when they came. Everything that costs time
(HTTP, server-sent events, JSON) is read from it here, after the run.

How a request ended, first rule that holds:

1. no connection: ``connect`` (DNS, refused, unreachable), ``tls``, ``timeout``, or ``client`` where the cause
   is ours (a policy's refusal, no free descriptor, an interrupted run);
2. a keep-alive connection that the server had closed while our request was on its way: ``client``. It is a
   race that no client can win and no fault of the provider's. It counts as this race only if the end came
   before one response byte and within ``STALE_SLACK_NS`` + two round trips of the connection; later it is
   the provider's failure, so that closing on a request is no way to shed load uncounted;
3. a status: 429 ``rate_limited``; 5xx ``server_error``; any other than 2xx ``refused`` (a redirect, which is
   never followed, included);
4. bytes that are no HTTP, a body that is not of the kind asked for (an event stream, or JSON where the
   dialect is a whole answer) or is encoded: ``malformed``; an error object in place of the answer, or
   inside it: ``in_stream_error``; an event that is not the API's: ``malformed``;
5. a time limit reached: ``timeout``, even after the last content, for the limit defines failure;
6. an end without a finish reason: ``empty`` where the response was whole and brought no content, else
   ``truncated``. A finish without ``[DONE]``, or cut off after it, is a finish;
7. a finish after the model, or a filter before it, declined: ``refused``, with content or without; a finish
   without content: ``empty``; else ``ok``.

A whole answer is one chunk, stamped by the read that brought its last byte; it counts only once it is whole.
"""

from __future__ import annotations

import enum
import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field

import httptools
import msgspec

from fairlead.measure.dialects import (
    Delta,
    Dialect,
    EventError,
    Fault,
    Kind,
    Repeats,
    ToolCall,
    Usage,
    error_body,
    error_of,
)
from fairlead.measure.masking import conceal_shapes
from fairlead.measure.sse import Event, parse_events, read_plain
from fairlead.windows import Connection, ErrorDetail, Outcome, Request, Tokens

# Beyond two round trips: the time that the server, and our own loop, may take to say and to see it.
STALE_SLACK_NS = 20_000_000

MESSAGE_CHARS = 512
_CODE_CHARS = 64
_ID_CHARS = 128


class Ended(enum.StrEnum):
    """What ended the exchange, as the transport saw it."""

    COMPLETE = "complete"  # the response's framing says it is whole
    CLOSED = "closed"  # the peer closed; whole only where the framing is by closing
    RESET = "reset"
    STREAM_RESET = "stream_reset"  # HTTP/2: the request had reached the server, and it broke it off
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    FIRST_TIMEOUT = "first_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    POLICY = "policy"
    LOCAL = "local"  # this machine could not: descriptors, memory, no route of its own
    INTERRUPTED = "interrupted"


class Unframed(msgspec.Struct):
    """The head of a response whose framing is gone already."""

    status: int
    headers: list[tuple[bytes, bytes]]


class Exchange(msgspec.Struct, kw_only=True):
    """One request's raw record, filled in by the transport. Stamps are absolute, on the monotonic clock.

    ``reads``: (user stamp, lag or None, bytes) in order of arrival. The user stamp is taken when the read
    returned; lag is that moment minus the kernel's receive stamp, both on the wall clock, so that the
    difference is a duration. ``sent_ns`` is taken right before the call that wrote the last byte, so
    that no answer can precede it. ``due_ns``: when an open loop wanted it sent; the total limit counts from
    there.

    ``unframed``: of HTTP/2, where what one response says can only be read after all that the connection said
    before, so that the transport reads it at once. ``reads`` then hold the body's bytes alone, and the first
    of them, perhaps without a byte, is the one that brought the head.
    """

    begin_ns: int = 0
    due_ns: int | None = None
    dns_ns: int | None = None  # durations
    tcp_ns: int | None = None
    tls_ns: int | None = None
    reused: bool | None = None
    round_trip_ns: int = 0  # of this connection when it was made
    address: str | None = None
    sent_ns: int | None = None
    reads: list[tuple[int, int | None, bytes]] = msgspec.field(default_factory=list)
    unframed: Unframed | None = None
    end_ns: int = 0
    ended: Ended = Ended.INTERRUPTED
    detail: str = ""

    @property
    def start_ns(self) -> int:
        """Where the total limit counts from."""
        return self.begin_ns if self.due_ns is None else self.due_ns


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """What the runner knows of a request: its number, its worker, its body, its time in an open loop, what it
    probes, and its process where there are several."""

    i: int
    slot: int | None
    scheduled_ns: int | None
    body_sha256: str | None
    probe: str | None = None
    process: int | None = None


# --- HTTP ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Response:
    """A response read from the kept bytes. Indices are those of ``Exchange.reads``.

    ``body``: (read, bytes) as the framing gives them. ``headers_read``, ``done_read``: the reads that
    completed the headers and the message, None where that never happened.
    """

    status: int | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[tuple[int, bytes]] = field(default_factory=list)
    headers_read: int | None = None
    done_read: int | None = None
    broken: bool = False

    def header(self, name: bytes) -> str:
        """The first header of that (lower-case) name as text, or nothing."""
        return next((v.decode("latin-1") for k, v in self.headers if k.lower() == name), "")


class _HttpReader:
    """httptools' callbacks. Interim responses (1xx) are passed over."""

    def __init__(self) -> None:
        self.response = Response()
        self.read = 0
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        if self.response.done_read is None:
            self.response.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.response.done_read is None:
            self.response.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status >= 200 and self.response.done_read is None:
            self.response.status = status
            self.response.headers_read = self.read

    def on_body(self, body: bytes) -> None:
        if self.response.done_read is None:
            self.response.body.append((self.read, body))

    def on_message_complete(self) -> None:
        if self.response.headers_read is not None and self.response.done_read is None:
            self.response.done_read = self.read


def read_http(pieces: Sequence[bytes], *, closed: bool) -> Response:
    """One HTTP/1.1 response from the bytes of its reads. ``closed``: the peer closed after the last of them.

    What follows a whole response is ignored: it is an answer to nothing that was asked.
    """
    reader = _HttpReader()
    response = reader.response
    try:
        for reader.read, piece in enumerate(pieces):
            reader.parser.feed_data(piece)
            if response.done_read is not None:
                return response
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        response.broken = response.done_read is None
        return response
    finally:
        # The parser holds our callbacks: a cycle, which keeps every response where nothing collects garbage.
        del reader.parser
    framed = response.header(b"content-length") or "chunked" in response.header(b"transfer-encoding").lower()
    if closed and response.headers_read is not None and not framed:
        response.done_read = len(pieces) - 1
    return response


def begins_body(pieces: Sequence[bytes]) -> bool:
    """Whether a byte of a response's body is among these; no more is read than it takes to tell."""
    reader = _HttpReader()
    try:
        for piece in pieces:
            reader.parser.feed_data(piece)
            if reader.response.body:
                return True
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        pass
    finally:
        del reader.parser
    return bool(reader.response.body)


def read_response(exchange: Exchange) -> Response:
    """The response that an exchange kept, whichever protocol it came by."""
    pieces = [data for _, _, data in exchange.reads]
    head = exchange.unframed
    if head is None:
        return read_http(pieces, closed=exchange.ended is Ended.CLOSED)
    return Response(
        status=head.status,
        headers=head.headers,
        body=[(read, piece) for read, piece in enumerate(pieces) if piece],
        headers_read=0,
        done_read=len(pieces) - 1 if exchange.ended is Ended.COMPLETE else None,
        broken=exchange.ended is Ended.NOT_HTTP,
    )


# --- what the stream adds up to ------------------------------------------------------------------------


@dataclass(slots=True)
class _Stream:
    """A stream's content, summed over its events. The lists run in step, one entry a content chunk."""

    read: list[int] = field(default_factory=list)
    kind: list[Kind] = field(default_factory=list)
    chars: list[int] = field(default_factory=list)
    text: dict[Kind, list[str]] = field(default_factory=lambda: {Kind.TEXT: [], Kind.REASONING: []})
    calls: dict[int, tuple[list[str], list[str], list[str]]] = field(default_factory=dict)
    finish: str | None = None
    usage: Usage | None = None
    fault: Fault | None = None
    response_id: str | None = None
    refusal: bool = False
    malformed: str | None = None

    def take(self, event: Event, repeats: Repeats) -> bool:
        """Add an event. False: it states or is a fault."""
        try:
            self.add(event.read, repeats.read(event))
        except EventError as error:
            self.malformed = str(error)
        return self.fault is None and self.malformed is None

    def add_run(self, reads: Sequence[int], kind: Kind, texts: Sequence[str]) -> None:
        """Events of one piece each, that say nothing besides."""
        self.read += reads
        self.kind += [kind] * len(texts)
        self.chars += map(len, texts)
        if kind in self.text:
            self.text[kind] += texts

    def add(self, read: int, delta: Delta) -> None:
        """An event: each of its pieces is a chunk."""
        for piece in delta.pieces:
            self.read.append(read)
            self.kind.append(piece.kind)
            self.chars.append(len(piece.text))
        self._add_content(delta)

    def add_whole(self, read: int, delta: Delta) -> None:
        """A whole answer: all of it is one chunk, of the kind of the answer proper, which comes last."""
        if delta.pieces:
            self.read.append(read)
            self.kind.append(delta.pieces[-1].kind)
            self.chars.append(sum(len(piece.text) for piece in delta.pieces))
        self._add_content(delta)

    def _add_content(self, delta: Delta) -> None:
        for piece in delta.pieces:
            parts = self.text.get(piece.kind)
            if parts is not None:
                parts.append(piece.text)
        for call in delta.tool_calls:
            self._add_call(call)
        if delta.finish:
            self.finish = delta.finish
        if delta.usage is not None:
            self.usage = delta.usage if self.usage is None else self.usage.then(delta.usage)
        if delta.fault is not None:
            self.fault = delta.fault
        if self.response_id is None:
            self.response_id = delta.response_id
        if delta.refusal:
            self.refusal = True

    def _add_call(self, call: ToolCall) -> None:
        at = len(self.calls) if call.at is None else call.at
        for parts, part in zip(self.calls.setdefault(at, ([], [], [])), call[1:], strict=True):
            if part:
                parts.append(part)

    def calls_text(self) -> str | None:
        """The tool calls, put together from their deltas, as JSON text."""
        if not self.calls:
            return None
        calls = [
            {"index": index, "id": "".join(ids), "name": "".join(names), "arguments": "".join(arguments)}
            for index, (ids, names, arguments) in sorted(self.calls.items())
        ]
        return msgspec.json.encode(calls).decode()


def _read_answer(response: Response, dialect: Dialect) -> _Stream:
    return _read_stream(response.body, dialect) if dialect.streamed else _read_whole(response, dialect)


def _read_stream(body: Sequence[tuple[int, bytes]], dialect: Dialect) -> _Stream:
    """Every event of the body. Reading stops at an event that states or is a fault: nothing after it
    counts."""
    stream = _Stream()
    repeats = Repeats(dialect.read)
    plain = read_plain(body)
    if plain is not None:
        _read_plain_events(stream, repeats, *plain)
        return stream
    events, fault = parse_events(body)
    for event in events:
        if not stream.take(event, repeats):
            return stream
    stream.malformed = fault
    return stream


def _read_plain_events(
    stream: _Stream, repeats: Repeats, reads: Sequence[int], data: Sequence[bytes]
) -> None:
    """As many at once as are alike, the others one by one."""
    at = 0
    while at < len(data):
        kind, texts = repeats.read_run(data, at)
        if texts:
            stream.add_run(reads[at : at + len(texts)], kind, texts)
            at += len(texts)
        elif stream.take(Event(reads[at], b"", data[at]), repeats):
            at += 1
        else:
            return


def _read_whole(response: Response, dialect: Dialect) -> _Stream:
    """The one JSON body of an answer that is not streamed. Cut short it says nothing."""
    stream = _Stream()
    body = b"".join(piece for _, piece in response.body)
    if response.done_read is None or not body:
        return stream
    last = max(read for read, piece in response.body if piece)
    try:
        stream.add_whole(last, dialect.read(Event(last, b"", body)))
    except EventError as error:
        stream.fault = error_of(body)  # some state an error in a shape of its own
        stream.malformed = None if stream.fault is not None else str(error)
    return stream


# --- how it ended --------------------------------------------------------------------------------------

_NEVER_CONNECTED = {
    Ended.DNS: Outcome.CONNECT,
    Ended.CONNECT: Outcome.CONNECT,
    Ended.TLS: Outcome.TLS,
    Ended.CONNECT_TIMEOUT: Outcome.TIMEOUT,
    Ended.POLICY: Outcome.CLIENT,
    Ended.LOCAL: Outcome.CLIENT,
}
_STOPPED = {
    Ended.FIRST_TIMEOUT: Outcome.TIMEOUT,
    Ended.TOTAL_TIMEOUT: Outcome.TIMEOUT,
    Ended.INTERRUPTED: Outcome.CLIENT,
}


_Verdict = tuple[Outcome, Fault | None]


_NO_SERVER = {ended for ended, outcome in _NEVER_CONNECTED.items() if outcome is not Outcome.CLIENT}


def never_connected(exchange: Exchange) -> bool:
    """Whether it ended before there was a connection to any server, for a reason outside this client."""
    return exchange.ended in _NO_SERVER


def not_connected_by_us(request: Request) -> Request:
    """The record of a request without a connection, once it is known that the client's own way was at fault:
    our failure."""
    was = request.error
    said = f"{was.code}: {was.message}" if was is not None else ""
    error = ErrorDetail(code="unreachable", message=_clean(f"no way from this node; {said}", MESSAGE_CHARS))
    return msgspec.structs.replace(request, outcome=Outcome.CLIENT, error=error)


def _judge(exchange: Exchange, response: Response, stream: _Stream, trouble: _Verdict | None) -> _Verdict:
    """The rules of this module's head, in their order."""
    if exchange.ended in _NEVER_CONNECTED:
        return _NEVER_CONNECTED[exchange.ended], Fault(exchange.ended, exchange.detail)
    if _stale(exchange):
        return Outcome.CLIENT, Fault("stale_connection", "closed by the server before our request reached it")
    if response.status is not None and not 200 <= response.status < 300:
        fault = error_body(b"".join(piece for _, piece in response.body), response.status)
        return _status_class(response.status), fault
    if trouble is not None and not response.broken:
        return trouble
    return _judge_stream(exchange, response, stream)


def _judge_stream(exchange: Exchange, response: Response, stream: _Stream) -> _Verdict:
    if response.broken or exchange.ended is Ended.NOT_HTTP:
        return Outcome.MALFORMED, Fault("not_http", exchange.detail)
    if exchange.ended is Ended.TOO_LARGE:
        return Outcome.MALFORMED, Fault("too_large", exchange.detail)
    if stream.fault is not None:
        return Outcome.IN_STREAM_ERROR, stream.fault
    if stream.malformed is not None:
        return Outcome.MALFORMED, Fault("event", stream.malformed)
    if exchange.ended in _STOPPED:
        return _STOPPED[exchange.ended], Fault(exchange.ended, exchange.detail)
    if stream.finish is None:
        if response.done_read is not None and not stream.read:
            return Outcome.EMPTY, Fault("empty", "a whole response without content or finish reason")
        return Outcome.TRUNCATED, Fault(exchange.ended, exchange.detail or "no finish reason")
    if stream.refusal:
        return Outcome.REFUSED, Fault("model_refusal", "".join(stream.text[Kind.TEXT]) or stream.finish)
    if not stream.read:
        return Outcome.EMPTY, Fault("empty", f"finished ({stream.finish}) without content")
    return Outcome.OK, None


def _stale(exchange: Exchange) -> bool:
    return (
        exchange.reused is True
        and not exchange.reads
        and exchange.ended in (Ended.CLOSED, Ended.RESET)
        and exchange.end_ns - (exchange.sent_ns or exchange.begin_ns)
        <= 2 * exchange.round_trip_ns + STALE_SLACK_NS
    )


def _status_class(status: int) -> Outcome:
    if status == 429:
        return Outcome.RATE_LIMITED
    return Outcome.SERVER_ERROR if status >= 500 else Outcome.REFUSED


def _not_as_asked(response: Response, dialect: Dialect) -> _Verdict | None:
    """What is wrong with a 2xx response that is not, unencoded, what the dialect reads; else None."""
    encoding = response.header(b"content-encoding").strip().lower()
    if encoding not in ("", "identity"):
        return Outcome.MALFORMED, Fault("content_encoding", f"sent as {encoding}, which was not asked for")
    content_type = response.header(b"content-type")
    expected = "text/event-stream" if dialect.streamed else "application/json"
    if content_type.partition(";")[0].strip().lower() == expected:
        return None
    body = b"".join(piece for _, piece in response.body)
    if (stated := error_of(body)) is not None:
        return Outcome.IN_STREAM_ERROR, stated
    found = body[:200].decode("utf-8", "replace")
    return Outcome.MALFORMED, Fault("content_type", f"{content_type or 'no content type'}: {found}")


# --- the record ----------------------------------------------------------------------------------------


def read_request(shot: Shot, exchange: Exchange, dialect: Dialect, *, origin_ns: int) -> Request:
    """The record of one exchange, in the raw window's form. Times become nanoseconds after ``origin_ns``.

    Receive stamps are the kernel's where every read that matters to the record has one (``chunk_lag_ns`` then
    gives the way back to user time), else the user's and ``chunk_lag_ns`` is null.
    """
    response = read_response(exchange)
    success = response.status is not None and 200 <= response.status < 300
    trouble = _not_as_asked(response, dialect) if success else None
    stream = _read_answer(response, dialect) if success and trouble is None else _Stream()
    outcome, fault = _judge(exchange, response, stream, trouble)
    reads = exchange.reads
    used = [*stream.read, *(read for read in (response.headers_read, response.done_read) if read is not None)]
    kernel = bool(used) and None not in [reads[read][1] for read in used]
    stamps = _stamps(exchange, kernel=kernel)
    arrivals = [stamps[read] for read in stream.read]
    usage = stream.usage or Usage(None, None, None, None)
    return Request(
        i=shot.i,
        slot=shot.slot,
        process=shot.process,
        body_sha256=shot.body_sha256,
        probe=shot.probe,
        scheduled_ns=_after(shot.scheduled_ns, origin_ns),
        sent_ns=_after(exchange.sent_ns, origin_ns),
        headers_ns=_after(_at(stamps, response.headers_read), origin_ns),
        done_ns=_after(_done(exchange, response, stamps), origin_ns),
        connection=Connection(
            reused=exchange.reused, dns_ns=exchange.dns_ns, tcp_ns=exchange.tcp_ns, tls_ns=exchange.tls_ns
        ),
        chunk_ns=_first_then_gaps(arrivals, origin_ns),
        chunk_lag_ns=[reads[r][0] - stamps[r] for r in stream.read] if kernel else None,
        chunk_kind=_run_lengths(stream.kind),
        chunk_chars=stream.chars,
        chunk_tokens=None,
        text="".join(stream.text[Kind.TEXT]) or None,
        reasoning="".join(stream.text[Kind.REASONING]) or None,
        tool_calls=stream.calls_text(),
        tokens=Tokens(
            counted=None,
            usage_output=usage.output,
            usage_input=usage.input,
            usage_cached=usage.cached,
            usage_reasoning=usage.reasoning,
        ),
        status=response.status,
        finish=None if stream.finish is None else _clean(stream.finish, _CODE_CHARS),
        outcome=outcome,
        error=None if fault is None else _detail(fault),
        provider_request_id=_request_id(response, stream),
        ttft_ns=None,
        e2e_ns=None,
        original=None,
    )


def lost_request(shot: Shot, *, origin_ns: int, why: str = "the run was killed") -> Request:
    """The record of a request that was begun when the run was killed: our failure, with nothing known of
    it but when it was due."""
    return read_request(shot, Exchange(detail=why), _NO_DIALECT, origin_ns=origin_ns)


_NO_DIALECT = Dialect(root="", path="", body=lambda *_: b"", read=lambda _: Delta())


def _stamps(exchange: Exchange, *, kernel: bool) -> list[int]:
    """One stamp a read, never falling, never before the request was sent.

    A kernel stamp outside what is possible, after its read or before the request was sent (the wall clock
    stepped between arrival and read), gives way to the user's own.
    """
    earliest = exchange.sent_ns or exchange.begin_ns
    stamps = [user_ns for user_ns, _, _ in exchange.reads]
    if kernel:
        stamps = [
            user_ns - lag_ns if lag_ns is not None and 0 <= lag_ns <= user_ns - earliest else user_ns
            for user_ns, lag_ns, _ in exchange.reads
        ]
    return list(itertools.accumulate(stamps, max, initial=earliest))[1:]


def _done(exchange: Exchange, response: Response, stamps: Sequence[int]) -> int | None:
    """When the response was whole; else when the exchange ended; None where it never began."""
    return _at(stamps, response.done_read) or exchange.end_ns or None


def _at(stamps: Sequence[int], read: int | None) -> int | None:
    return None if read is None else stamps[read]


def _after(stamp_ns: int | None, origin_ns: int) -> int | None:
    return None if stamp_ns is None else stamp_ns - origin_ns


def _first_then_gaps(arrivals: Sequence[int], origin_ns: int) -> list[int]:
    if not arrivals:
        return []
    return [arrivals[0] - origin_ns, *map(operator.sub, arrivals[1:], arrivals)]


def _run_lengths(kinds: Sequence[Kind]) -> str:
    return "".join(f"{kind}{len(list(run))}" for kind, run in itertools.groupby(kinds))


def _request_id(response: Response, stream: _Stream) -> str | None:
    """The id by which the provider can find the request: its header, else the id in the stream."""
    for name in (b"x-request-id", b"request-id", b"x-amzn-requestid", b"cf-ray"):
        if found := response.header(name):
            return _clean(found, _ID_CHARS)
    return None if stream.response_id is None else _clean(stream.response_id, _ID_CHARS)


def _detail(fault: Fault) -> ErrorDetail:
    return ErrorDetail(code=_clean(fault.code, _CODE_CHARS), message=_clean(fault.message, MESSAGE_CHARS))


def _clean(text: str, limit: int) -> str:
    """At most ``limit`` characters, without credentials, control characters or broken surrogates."""
    head = text[: 8 * limit].encode("utf-8", "replace").decode()
    head = "".join(c if c.isprintable() else " " for c in head)
    return conceal_shapes(head)[:limit]
