"""The reference endpoint: known chunks at known times. Knows no client, and nothing of the measuring code.

An OpenAI-compatible server (``/v1/chat/completions`` and ``/v1/completions``, streamed or not, and
``/v1/models``) to run in a process of its own. What it does with a request is written in
:mod:`fairlead.measure.truth`. Over TLS it speaks HTTP/2 with clients that offer it.

Every chunk has an absolute due time, counted from the moment the request had been read whole, so that
lateness never adds up. The log says when each was really written: stamped right before the system call (with
TLS, after encrypting), on the machine's monotonic clock, which a client on the same machine shares; and when
the request's last byte had reached the machine, by the kernel's receive stamp. It is that log, not the plan,
against which a client is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import hashlib
import os
import queue
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httptools
import msgspec
import uvloop

from fairlead.clock import NS_PER_S, Clock, SystemClock, offset_ns
from fairlead.measure.cores import make_room_for_descriptors
from fairlead.measure.pacer import Pacer
from fairlead.measure.truth import WORDS, LoggedRequest, ReferenceProfile, Script, Tricks, script, words

if TYPE_CHECKING:
    from fairlead.measure.reference2 import Frames

MAX_BODY_BYTES = 32 * 1024 * 1024
LOOPBACK_PEM = Path(__file__).with_name("loopback.pem")
"""Certificate and key of :func:`loopback_tls`; whoever trusts it reaches the reference on the loopback."""

_READ_BYTES = 64 * 1024
_STOP_SECONDS = 5.0
_DESCRIPTORS = 4096  # beyond that, connections wait to be taken
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if sys.platform == "linux" else 0


def loopback_tls() -> ssl.SSLContext:
    """The server's side of TLS with the certificate that comes with this package.

    HTTP/2 is agreed on with a client that offers it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LOOPBACK_PEM)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class _Log:
    """Writes entries from a thread of its own, one line and one system call each."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("ab", buffering=0)
        self._queue: queue.SimpleQueue[LoggedRequest | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        if self._file is not None:
            self._thread.start()

    def put(self, entry: LoggedRequest) -> None:
        if self._file is not None:
            self._queue.put(entry)

    def close(self) -> None:
        if self._file is not None:
            self._queue.put(None)
            self._thread.join()
            self._file.close()

    def _write_all(self) -> None:
        assert self._file is not None
        while (entry := self._queue.get()) is not None:
            self._file.write(msgspec.json.encode(entry) + b"\n")


# --- the wire ------------------------------------------------------------------------------------------


@dataclass
class _Server:
    """What all connections share."""

    profile: ReferenceProfile
    clock: Clock
    loop: asyncio.AbstractEventLoop
    pacer: Pacer
    log: _Log
    tls: ssl.SSLContext | None
    tricks: Tricks | None
    seen: dict[str, int] = field(default_factory=dict)
    open: set[_Connection] = field(default_factory=set)

    def occurrence(self, body_sha256: str) -> int:
        """How often this body came before."""
        count = self.seen.get(body_sha256, 0)
        self.seen[body_sha256] = count + 1
        return count

    def play(self, body_sha256: str, occurrence: int, max_tokens: int | None) -> Script:
        """What a request gets that has just arrived."""
        honest = script(self.profile, body_sha256, occurrence, max_tokens)
        return honest if self.tricks is None else self.tricks.play(honest, self.clock.unix_ns(), occurrence)


class _Tls:
    """TLS on bytes that somebody else reads and writes."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_up = False
        self.agreed: str | None = None

    def decrypt(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """(what was said, what TLS itself must answer, the peer ended TLS). Raises ssl.SSLError."""
        self._incoming.write(data)
        plain: list[bytes] = []
        ended = False
        try:
            if not self._is_up:
                self._object.do_handshake()
                self._is_up = True
                self.agreed = self._object.selected_alpn_protocol()
            while part := self._object.read(_READ_BYTES):
                plain.append(part)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        return b"".join(plain), self._outgoing.read(), ended

    def encrypt(self, data: bytes) -> bytes:
        self._object.write(data)
        return self._outgoing.read()


class _Connection:
    """One client's connection: requests in, one response at a time out."""

    def __init__(self, server: _Server, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._out = bytearray()
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._target = b""
        self._parser = httptools.HttpRequestParser(self)
        self._stream: _Stream | None = None
        self._closing = False
        self._arrived_ns: int | None = None
        self._tls = None if server.tls is None else _Tls(server.tls)
        self._frames: Frames | None = None
        server.open.add(self)
        server.loop.add_reader(sock, self._on_readable)

    def close(self) -> None:
        """Hang up."""
        if self in self._server.open:
            self._server.open.discard(self)
            self._server.loop.remove_reader(self._sock)
            self._server.loop.remove_writer(self._sock)
            self._sock.close()
            if self._stream is not None:
                self._stream.finish()

    @property
    def is_held_up(self) -> bool:
        """Whether bytes wait because the client does not read."""
        return bool(self._out) or (self._frames is not None and self._frames.holds_back)

    def send(self, data: bytes) -> int:
        """Write now what the socket takes, the rest when it can. The moment right before the attempt."""
        wire = data if self._tls is None else self._tls.encrypt(data)
        now_ns = self._server.clock.mono_ns()
        self._put(wire)
        return now_ns

    def send_opening(self, request_id: str, data: bytes) -> int:
        """:meth:`send` the head of an event stream, and its first data."""
        if self._frames is not None:
            return self.send(self._frames.opening(request_id, data))
        return self.send(_HEAD % request_id.encode() + (_chunked(data) if data else b""))

    def send_chunk(self, data: bytes) -> int:
        """:meth:`send` a piece of the stream."""
        return self.send(_chunked(data) if self._frames is None else self._frames.chunk(data))

    def send_ending(self, data: bytes) -> int:
        """:meth:`send` the last piece."""
        return self.send(_chunked(data) + b"0\r\n\r\n" if self._frames is None else self._frames.ending(data))

    def send_whole(self, status: int, value: object, request_id: str) -> int:
        """:meth:`send` a response with a JSON body."""
        body = msgspec.json.encode(value)
        if self._frames is not None:
            return self.send(self._frames.whole(status, body, request_id))
        return self.send(_whole(status, body, request_id, close=self._closing))

    def _put(self, wire: bytes) -> None:
        if self._out:
            self._out += wire
            return
        try:
            written = self._sock.send(wire)
        except (BlockingIOError, InterruptedError):
            written = 0
        except OSError:
            self.close()
            return
        if written < len(wire):
            self._out += wire[written:]
            self._server.loop.add_writer(self._sock, self._flush)

    def end_response(self, *, close: bool) -> None:
        """The response is whole; ``close``: and the connection ends with it."""
        self._stream = None
        if close or self._closing:
            self._closing = True
            if not self._out:
                self.close()

    def _flush(self) -> None:
        try:
            written = self._sock.send(self._out)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        del self._out[:written]
        if not self._out:
            self._server.loop.remove_writer(self._sock)
            if self._closing:
                self.close()

    def _on_readable(self) -> None:
        try:
            data, ancillary, _, _ = self._sock.recvmsg(_READ_BYTES, _ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self.close()
            return
        self._arrived_ns = _arrival_ns(ancillary, self._server.clock)
        if self._tls is not None:
            self._feed_encrypted(self._tls, data)
        else:
            self._feed(data)

    def _feed_encrypted(self, tls: _Tls, data: bytes) -> None:
        try:
            plain, answer, ended = tls.decrypt(data)
        except ssl.SSLError:
            self.close()
            return
        if answer:
            self._put(answer)
        if tls.agreed == "h2" and self._frames is None:
            from fairlead.measure.reference2 import Frames

            self._frames = Frames(MAX_BODY_BYTES)
        if plain:
            self._feed(plain) if self._frames is None else self._feed_frames(self._frames, plain)
        if ended:
            self.close()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(400, "not an HTTP/1.1 request")

    def _feed_frames(self, frames: Frames, data: bytes) -> None:
        from fairlead.measure.reference2 import FramesError

        try:
            asked = frames.receive(data)
        except FramesError:
            self._closing = True
            self.send(frames.take())
            self.end_response(close=True)
            return
        if answer := frames.take():
            self.send(answer)
        for one in asked:
            if one is not None:
                if one.is_followed:  # by the client's word on our settings, perhaps: the stamp is that one's
                    self._arrived_ns = None
                self._serve(one.method, one.target, one.body, is_too_large=one.is_too_large)
            elif self._stream is not None:
                self._stream.finish()
                self._stream = None

    # httptools' callbacks

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes <= MAX_BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        target, too_large = self._target, self._body_bytes > MAX_BODY_BYTES
        self._target, self._body, self._body_bytes = b"", [], 0
        self._closing = not self._parser.should_keep_alive()
        self._serve(self._parser.get_method(), target, body, is_too_large=too_large)

    def _serve(self, method: bytes, target: bytes, body: bytes, *, is_too_large: bool) -> None:
        received_ns = self._server.clock.mono_ns()
        if self._stream is not None:
            self._refuse(400, "one request at a time: pipelining is not served")
        elif is_too_large:
            self._refuse(413, f"a body of more than {MAX_BODY_BYTES} bytes")
        elif method == b"GET" and target == b"/v1/models":
            self._answer(200, _models(self._server.profile))
        elif method == b"POST" and target in (b"/v1/chat/completions", b"/v1/completions"):
            self._complete(body, received_ns, is_chat=target == b"/v1/chat/completions")
        else:
            self._answer(404, _error("not_found", "no such path here"))

    def _complete(self, body: bytes, received_ns: int, *, is_chat: bool) -> None:
        try:
            asked = _read_asked(body)
        except ValueError as error:
            self._answer(400, _error("invalid_request_error", str(error)))
            return
        body_sha256 = hashlib.sha256(body).hexdigest()
        occurrence = self._server.occurrence(body_sha256)
        played = self._server.play(body_sha256, occurrence, asked.max_tokens)
        entry = LoggedRequest(
            id=f"ref-{body_sha256[:16]}-{occurrence}",
            body_sha256=body_sha256,
            occurrence=occurrence,
            fate=played.fate,
            received_ns=received_ns,
            arrived_ns=self._arrived_ns,
            due_ns=[received_ns + due for due in played.due_ns],
            tokens=list(played.tokens),
        )
        self._stream = _Stream(self._server, self, entry, asked, is_chat=is_chat)
        self._stream.start()

    def _refuse(self, status: int, message: str) -> None:
        self._closing = True
        self._answer(status, _error("invalid_request_error", message))

    def _answer(self, status: int, value: object) -> None:
        self.send_whole(status, value, "-")
        self.end_response(close=self._closing)


class _Asked(msgspec.Struct):
    """What of a request matters here."""

    model: str = ""
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool = False
    stream_options: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.max_tokens is None:
            self.max_tokens = self.max_completion_tokens
        if self.max_tokens is not None and not 1 <= self.max_tokens <= 1_000_000:
            raise ValueError("max_tokens: between 1 and 1,000,000")


_decode_asked = msgspec.json.Decoder(_Asked).decode


def _read_asked(body: bytes) -> _Asked:
    try:
        return _decode_asked(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body is not a request for a completion: {error}") from None


class _Stream:
    """One response on its way: each chunk at its due time, each write stamped."""

    def __init__(
        self,
        server: _Server,
        connection: _Connection,
        entry: LoggedRequest,
        asked: _Asked,
        *,
        is_chat: bool,
    ) -> None:
        self._server = server
        self._is_chat = is_chat
        self._connection = connection
        self._entry = entry
        self._asked = asked
        self._next = 0
        self._tokens_sent = 0
        self._payload = b""
        self._stopped = False
        opening = {
            "id": entry.id,
            "object": "chat.completion.chunk" if is_chat else "text_completion",
            "created": 0,
            "model": server.profile.model,
        }
        self._opening = msgspec.json.encode(opening)[:-1]

    def start(self) -> None:
        """Answer a failure at once, else send the head and wait for the first chunk's time."""
        fate = self._entry.fate
        if fate == "rate_limited":
            self._end_whole(429, _error("rate_limit_exceeded", "too many requests"))
        elif fate == "server_error":
            self._end_whole(500, _error("internal_error", "the reference was told to fail"))
        elif not self._asked.stream:
            due_ns = self._entry.due_ns
            self._server.pacer.at(due_ns[-1] if due_ns else self._entry.received_ns, self._end_unstreamed)
        else:
            self._send_head()
            self._prepare()

    def finish(self) -> None:
        """Log the request; nothing more is sent."""
        if not self._stopped:
            self._stopped = True
            self._entry.end_ns = self._server.clock.mono_ns()
            self._server.log.put(self._entry)

    def _send_head(self) -> None:
        role = b""
        has_role = self._server.profile.role_chunk and self._is_chat
        if has_role:
            role = self._event('"delta":{"role":"assistant","content":""}', None)
        sent_ns = self._stamped(self._connection.send_opening(self._entry.id, role))
        if has_role:
            self._entry.role_ns = sent_ns

    def _prepare(self) -> None:
        """Build the next chunk ahead of its time; after the last one, end."""
        if self._stopped:
            return
        if self._next == len(self._entry.due_ns):
            self._end_stream()
            return
        count = self._entry.tokens[self._next]
        thinking = self._tokens_sent < self._server.profile.reasoning_tokens
        key = "text" if not self._is_chat else "reasoning_content" if thinking else "content"
        ending = _content_ending(key, self._tokens_sent % WORDS, count)
        if self._is_last_of_text():
            text = words(self._tokens_sent % WORDS, count)
            ending = _event_ending(f'"text":"{text}"', self._finish_reason())
        self._payload = b"data: " + self._opening + ending
        self._server.pacer.at(self._entry.due_ns[self._next], self._write)

    def _is_last_of_text(self) -> bool:
        """Whether the next chunk bears the finish: a completion has no chunk for that alone."""
        if self._is_chat or self._entry.fate in ("truncated", "stream_error"):
            return False
        return self._next + 1 == len(self._entry.due_ns)

    def _write(self) -> None:
        if self._stopped:
            return
        written_ns = self._stamped(self._connection.send_chunk(self._payload))
        if self._stopped:  # the client had gone: this chunk was not written
            return
        self._entry.written_ns.append(written_ns)
        self._tokens_sent += self._entry.tokens[self._next]
        self._next += 1
        self._prepare()

    def _end_stream(self) -> None:
        fate = self._entry.fate
        if fate == "truncated":
            self.finish()
            self._connection.end_response(close=True)
            return
        if fate == "stream_error":
            tail = b"data: " + msgspec.json.encode(_error("internal_error", "the reference was told to fail"))
            tail += b"\n\n"
        else:
            tail = b""
            if self._is_chat or not self._entry.due_ns:
                tail = self._event('"delta":{}' if self._is_chat else '"text":""', self._finish_reason())
            options = self._asked.stream_options or {}
            if self._server.profile.usage and options.get("include_usage"):
                usage = msgspec.json.encode(self._usage())
                tail += b"data: " + self._opening + b',"choices":[],"usage":' + usage + b"}\n\n"
            tail += b"data: [DONE]\n\n"
        self._stamped(self._connection.send_ending(tail))
        self.finish()
        self._connection.end_response(close=False)

    def _end_unstreamed(self) -> None:
        if self._stopped:
            return
        if self._entry.fate in ("stream_error", "truncated"):
            self._end_whole(500, _error("internal_error", "the reference was told to fail"))
            return
        text = words(0, sum(self._entry.tokens))
        choice = {
            "index": 0,
            **({"message": {"role": "assistant", "content": text}} if self._is_chat else {"text": text}),
            "finish_reason": self._finish_reason(),
        }
        self._end_whole(
            200,
            {
                "id": self._entry.id,
                "object": "chat.completion" if self._is_chat else "text_completion",
                "created": 0,
                "model": self._server.profile.model,
                "choices": [choice],
                "usage": self._usage(),
            },
        )

    def _end_whole(self, status: int, value: object) -> None:
        self._stamped(self._connection.send_whole(status, value, self._entry.id))
        self.finish()
        self._connection.end_response(close=False)

    def _stamped(self, sent_ns: int) -> int:
        self._entry.held_up |= self._connection.is_held_up
        return sent_ns

    def _event(self, said: str, finish: str | None) -> bytes:
        return b"data: " + self._opening + _event_ending(said, finish)

    def _finish_reason(self) -> str:
        limit = self._asked.max_tokens
        return "length" if limit is not None and sum(self._entry.tokens) >= limit else "stop"

    def _usage(self) -> dict[str, Any]:
        total = sum(self._entry.tokens)
        return {
            "prompt_tokens": 0,
            "completion_tokens": total,
            "total_tokens": total,
            "completion_tokens_details": {
                "reasoning_tokens": min(self._server.profile.reasoning_tokens, total)
            },
        }


def _arrival_ns(ancillary: list[tuple[int, int, bytes]], clock: Clock) -> int | None:
    """The kernel's receive stamp (it is on the wall clock) on the monotonic clock; None where there is
    none."""
    if not ancillary:
        return None
    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
    return int(seconds) * NS_PER_S + int(nanoseconds) - offset_ns(clock)


_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 413: "Content Too Large"} | {
    429: "Too Many Requests",
    500: "Internal Server Error",
}


def _event_ending(said: str, finish: str | None) -> bytes:
    """An event from its choices on: what does not depend on the request."""
    reason = "null" if finish is None else f'"{finish}"'
    return f',"choices":[{{"index":0,{said},"finish_reason":{reason}}}]}}\n\n'.encode()


@functools.lru_cache(4 * WORDS)  # built anew for every token, these took a third of our own time
def _content_ending(key: str, first: int, count: int) -> bytes:
    said = f'"{key}":"{words(first, count)}"'
    return _event_ending(said if key == "text" else f'"delta":{{{said}}}', None)


_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\nx-request-id: %s\r\n\r\n"
)


def _whole(status: int, body: bytes, request_id: str, *, close: bool) -> bytes:
    """A response with a JSON body."""
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
        f"connection: {'close' if close else 'keep-alive'}\r\n\r\n"
    )
    return head.encode() + body


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": code}}


def _models(profile: ReferenceProfile) -> dict[str, Any]:
    model = {"id": profile.model, "object": "model", "created": 0, "owned_by": "fairlead"}
    return {"object": "list", "data": [model]}


# --- running -------------------------------------------------------------------------------------------


def serve(
    profile: ReferenceProfile,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    log: Path | None = None,
    ready: Callable[[str, int], None],
    until_eof: int | None = None,
    tls: ssl.SSLContext | None = None,
    tricks: Tricks | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, or until the descriptor ``until_eof`` has nothing more to read.

    ``ready(host, port)`` is called once it listens. ``log``: JSON Lines, see :class:`LoggedRequest`,
    appended. ``tls``: serve https with it, such as :func:`loopback_tls`.

    Raises:
        OSError: the address cannot be listened on, or the log cannot be written.
    """
    make_room_for_descriptors(_DESCRIPTORS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(profile, host, port, log, ready, until_eof, tls, tricks))


async def _serve(
    profile: ReferenceProfile,
    host: str,
    port: int,
    log_path: Path | None,
    ready: Callable[[str, int], None],
    until_eof: int | None,
    tls: ssl.SSLContext | None,
    tricks: Tricks | None,
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    listener = _listen(host, port)
    gc.freeze()  # what is loaded by now is never garbage, and need not be looked through again
    clock = SystemClock()
    log = _Log(log_path)
    pacer = Pacer(loop, clock)
    server = _Server(profile, clock, loop, pacer, log, tls, tricks)
    loop.add_reader(listener, _accept, server, listener)
    if until_eof is not None:
        loop.add_reader(until_eof, _stop_at_eof, until_eof, stop)
    try:
        ready(*listener.getsockname()[:2])
        await stop.wait()
    finally:
        if until_eof is not None:
            loop.remove_reader(until_eof)
        loop.remove_reader(listener)
        listener.close()
        for connection in list(server.open):
            connection.close()
        pacer.close()
        log.close()


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(4096)
        listener.setblocking(False)
        _want_kernel_stamps(
            listener
        )  # a socket that wants them, open all the time, keeps the kernel stamping
    except OSError:
        listener.close()
        raise
    return listener


def _want_kernel_stamps(sock: socket.socket) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandboxed kernel without it: the log says null
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def _accept(server: _Server, listener: socket.socket) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:  # nobody there, or gone again, or no descriptor left: the loop will ask again
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _want_kernel_stamps(sock)
        _Connection(server, sock)


def _stop_at_eof(descriptor: int, stop: asyncio.Event) -> None:
    if not os.read(descriptor, 4096):
        stop.set()


# --- in a process of its own ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Reference:
    """A running reference: the base URL of its API, its process, and the processor cores it may use (none
    listed where the system does not say)."""

    url: str
    pid: int
    cores: tuple[int, ...]


class ReferenceStartError(Exception):
    """The reference's process did not come up; the message holds what it said."""


class _Orders(msgspec.Struct, frozen=True):
    """The line on standard input by which :func:`start_reference` tells its process what to do."""

    profile: ReferenceProfile
    log: str | None
    cores: list[int] | None
    tls: bool
    tricks: Tricks | None


class _Announcement(msgspec.Struct, frozen=True):
    """The line on standard output by which that process says that it listens."""

    url: str
    cores: list[int]


@contextlib.contextmanager
def start_reference(
    profile: ReferenceProfile,
    *,
    log: Path | None = None,
    cores: Collection[int] | None = None,
    tls: bool = False,
    tricks: Tricks | None = None,
) -> Iterator[Reference]:
    """The reference in a process of its own on a free port of the loopback, stopped on leaving.

    ``cores``: the processor cores that it is to keep to; None: all that the system lets it have, whatever
    this process is held to. ``tls``: https, see :func:`loopback_tls`.

    It also stops when this process dies, however it dies: it holds the other end of a pipe. The log is whole
    once the context has been left.

    Raises:
        ReferenceStartError: it did not come up.
    """
    orders = _Orders(
        profile=profile,
        log=None if log is None else str(log.absolute()),
        cores=None if cores is None else sorted(cores),
        tls=tls,
        tricks=tricks,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "fairlead.measure.reference"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            process.stdin.write(msgspec.json.encode(orders) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise ReferenceStartError(process.communicate()[1].decode("utf-8", "replace").strip())
            said = msgspec.json.decode(line, type=_Announcement)
            yield Reference(url=said.url, pid=process.pid, cores=tuple(said.cores))
        except BrokenPipeError:
            raise ReferenceStartError(process.communicate()[1].decode("utf-8", "replace").strip()) from None
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End its standard input, which it takes as the order to stop; after five seconds, kill it."""
    if process.poll() is None:
        try:
            process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _settle(cores: list[int] | None) -> list[int]:
    """Keep to ``cores`` as far as the system allows. Which it came to be."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    with contextlib.suppress(OSError, ValueError):  # not ours to choose: the caller sees what it came to be
        os.sched_setaffinity(0, range(os.cpu_count() or 1) if cores is None else cores)
    return sorted(os.sched_getaffinity(0))


def _main() -> None:
    """The other side of :func:`start_reference`: orders from standard input, its end means stop."""
    line = bytearray()
    while not line.endswith(b"\n"):  # byte by byte: nothing may be read beyond the line
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    orders = msgspec.json.decode(bytes(line), type=_Orders)
    settled = _settle(orders.cores)

    def announce(host: str, port: int) -> None:
        url = f"{'https' if orders.tls else 'http'}://{host}:{port}/v1"
        os.write(1, msgspec.json.encode(_Announcement(url, settled)) + b"\n")

    log = None if orders.log is None else Path(orders.log)
    tls = loopback_tls() if orders.tls else None
    serve(orders.profile, log=log, ready=announce, until_eof=0, tls=tls, tricks=orders.tricks)


if __name__ == "__main__":
    _main()
