"""The reference endpoint's side of HTTP/2. Knows no socket, no clock and no script: bytes in, bytes out.

Frames, header compression and flow control are h2's. One stream at a time is served on a connection, as one
request is over HTTP/1.1. This module is imported when the first client asks for HTTP/2, and not before.
"""

from __future__ import annotations

from typing import NamedTuple

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

_WINDOW_BYTES = 1 << 24  # a prompt is never held up by us


class FramesError(Exception):
    """The client does not speak HTTP/2; what :meth:`Frames.take` gives tells it so."""


class Asked(NamedTuple):
    """A whole request. ``is_followed``: by later words in one read, whose kernel stamp is theirs."""

    method: bytes
    target: bytes
    body: bytes
    is_too_large: bool
    is_followed: bool


class Frames:
    """One connection, from its first byte. The responses are to the request that was asked last.

    ``max_body_bytes``: what is kept of a request's body.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._h2 = h2.connection.H2Connection(
            config=h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        self._h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW_BYTES,
            },
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_WINDOW_BYTES)
        self._stream_id = 0
        self._method = self._target = b""
        self._body = bytearray()
        self._body_bytes = 0
        self._held = bytearray()
        self._is_last = False

    @property
    def holds_back(self) -> bool:
        """Whether bytes of the response wait because the client does not take them."""
        return bool(self._held)

    def receive(self, data: bytes) -> list[Asked | None]:
        """The requests that ``data`` completes, in order; None where the client gives the last one up.

        Raises:
            FramesError: this is no HTTP/2, or more than one stream at a time.
        """
        asked: list[Asked | None] = []
        try:
            events = self._h2.receive_data(data)
            for event in events:
                self._hear(event, asked, is_followed=event is not events[-1])
            self._pump()
        except h2.exceptions.H2Error as error:
            raise FramesError(str(error)) from None
        return asked

    def take(self) -> bytes:
        """What is to be sent now."""
        return self._h2.data_to_send()

    def opening(self, request_id: str, data: bytes) -> bytes:
        """The head of an event stream and its first data, if any."""
        self._head(200, b"text/event-stream", request_id, (b"cache-control", b"no-cache"))
        return self.chunk(data)

    def chunk(self, data: bytes) -> bytes:
        """A piece of the stream, or as much of it as the client takes."""
        self._held += data
        self._pump()
        return self.take()

    def ending(self, data: bytes) -> bytes:
        """The last piece."""
        self._is_last = True
        return self.chunk(data)

    def whole(self, status: int, body: bytes, request_id: str) -> bytes:
        """A response with a JSON body."""
        self._head(status, b"application/json", request_id, (b"content-length", b"%d" % len(body)))
        return self.ending(body)

    def _head(self, status: int, kind: bytes, request_id: str, more: tuple[bytes, bytes]) -> None:
        headers = [
            (b":status", b"%d" % status),
            (b"content-type", kind),
            more,
            (b"x-request-id", request_id.encode()),
        ]
        self._h2.send_headers(self._stream_id, headers)

    def _hear(self, event: h2.events.Event, asked: list[Asked | None], *, is_followed: bool) -> None:
        if isinstance(event, h2.events.RequestReceived):
            pseudo = dict(event.headers)
            self._stream_id, self._is_last = event.stream_id, False
            self._method, self._target = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
            self._body, self._body_bytes = bytearray(), 0
            self._held.clear()
        elif isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self._body_bytes += len(event.data)
            if self._body_bytes <= self._max_body_bytes:
                self._body += event.data
        elif isinstance(event, h2.events.StreamEnded):
            is_too_large = self._body_bytes > self._max_body_bytes
            body = bytes(self._body)
            asked.append(Asked(self._method, self._target, body, is_too_large, is_followed))
        elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
            self._is_last = False
            self._held.clear()
            asked.append(None)

    def _pump(self) -> None:
        """Frame what waits, as far as the client has room for it."""
        while self._held or self._is_last:
            room = self._h2.local_flow_control_window(self._stream_id)
            size = min(len(self._held), room, self._h2.max_outbound_frame_size)
            if self._held and not size:
                return
            ends = self._is_last and size == len(self._held)
            self._h2.send_data(self._stream_id, bytes(self._held[:size]), end_stream=ends)
            del self._held[:size]
            if ends:
                self._is_last = False
