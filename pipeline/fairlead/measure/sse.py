"""Bytes to server-sent events. Knows no socket, no clock, no HTTP, and nothing of what an event says.

The rules are those of the WHATWG HTML standard, section 9.2.6 (interpreting an event stream): lines
end in CRLF, CR or LF; one byte order mark may stand at the start; a line that begins with a colon is
a comment; ``data`` lines of one event are joined by line feeds; a blank line dispatches; what is left
without a blank line at the end of the stream is dropped. ``id`` and ``retry`` concern reconnecting,
which a measuring client never does, so they are ignored like any unknown field.

One departure: data stay bytes. The standard decodes with replacement characters; we leave the text to
the reader of the event, so that broken UTF-8 is seen as broken.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

MAX_LINE_BYTES = 1024 * 1024
MAX_EVENT_BYTES = 4 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_FIELD, _END = b"data: ", b"\n\n"  # of an event of one line


class Event(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event. ``read`` is the index of the read whose bytes completed it."""

    read: int
    name: bytes
    data: bytes


def read_events(body: Sequence[tuple[int, bytes]]) -> tuple[list[Event], str | None]:
    """Every event of a stream that is over, and what was wrong with it; ``body``: (read, bytes) in order."""
    plain = read_plain(body)
    if plain is not None:
        return [Event(read, b"", data) for read, data in zip(*plain, strict=True)], None
    return parse_events(body)


def parse_events(body: Sequence[tuple[int, bytes]]) -> tuple[list[Event], str | None]:
    """What :func:`read_events` gives, of any stream, line by line."""
    parser = SseParser()
    return [event for read, piece in body for event in parser.feed(piece, read)], parser.fault


def read_plain(body: Sequence[tuple[int, bytes]]) -> tuple[list[int], list[bytes]] | None:
    """The events of a stream that is ``data: ...``, line feed, line feed, over and over, as nearly all are;
    else None. In two lists that run in step: the read that completed each event, and its data.

    Such a stream is cut at once, in a quarter of the time.
    """
    stream = b"".join([piece for _, piece in body])
    if not stream:
        return [], []
    if not stream.startswith(_FIELD) or not stream.endswith(_END) or 13 in stream:  # 13: a carriage return
        return None
    data = stream[len(_FIELD) : -len(_END)].split(_END + _FIELD)
    if stream.count(b"\n") != 2 * len(data) or max(map(len, data)) > MAX_LINE_BYTES - len(_FIELD):
        return None
    return _completed(body, [len(_FIELD) + len(one) + len(_END) for one in data]), data


def _completed(body: Sequence[tuple[int, bytes]], lengths: Sequence[int]) -> list[int]:
    """The reads that completed events of these lengths."""
    if [len(piece) for _, piece in body] == lengths:  # one brought one, as nearly always
        return [read for read, _ in body]
    completed: list[int] = []
    ends = itertools.accumulate(len(piece) for _, piece in body)
    reads = zip(ends, (read for read, _ in body), strict=True)
    end, read = 0, 0
    for at in itertools.accumulate(lengths):
        while end < at:
            end, read = next(reads)
        completed.append(read)
    return completed


class SseParser:
    """Takes a stream in pieces of any size, gives the events each piece completes.

    Time is linear in the bytes fed, however they are split. When a line or an event grows past its bound
    the parser stops for good: events before that point were given, ``fault`` says what happened.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._line: list[bytes] = []  # the pieces of a line that has not ended yet
        self._line_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name = b""
        self._after_cr = False
        self._start = b""
        self._started = False

    def feed(self, data: bytes, read: int) -> list[Event]:
        """The events completed by ``data``, which arrived with the read of that index."""
        if not self._started:
            data = self._strip_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._normalise(data)
        if not data or self.fault is not None:
            return []
        events: list[Event] = []
        *lines, rest = data.split(b"\n")
        for line in lines:
            if self._line:
                line = b"".join((*self._line, line))
                self._line.clear()
                self._line_bytes = 0
            self._take(line, read, events)
            if self.fault is not None:
                return events
        if rest:
            self._line.append(rest)
            self._line_bytes += len(rest)
            if self._line_bytes > MAX_LINE_BYTES:
                self.fault = f"a line of more than {MAX_LINE_BYTES} bytes"
        return events

    def _strip_bom(self, data: bytes) -> bytes:
        """Hold back the first bytes while they may still turn out to be a byte order mark."""
        data = self._start + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._start = data
            return b""
        self._started = True
        return data.removeprefix(_BOM)

    def _normalise(self, data: bytes) -> bytes:
        """Every line end as LF. A CR ends its line at once; an LF right after it belongs to it."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if data.endswith(b"\r"):
            self._after_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes, read: int, events: list[Event]) -> None:
        if len(line) > MAX_LINE_BYTES:
            self.fault = f"a line of more than {MAX_LINE_BYTES} bytes"
        elif not line:
            if self._data:
                events.append(Event(read, self._name, b"\n".join(self._data)))
                self._data = []
                self._data_bytes = 0
            self._name = b""
        elif line.startswith(b"data:"):
            self._add_data(line[6:] if line.startswith(b"data: ") else line[5:])
        elif line.startswith(b"event:"):
            self._name = line[6:].removeprefix(b" ")
        elif line == b"data":
            self._add_data(b"")
        elif line == b"event":
            self._name = b""

    def _add_data(self, value: bytes) -> None:
        self._data.append(value)
        self._data_bytes += len(value) + 1
        if self._data_bytes > MAX_EVENT_BYTES:
            self.fault = f"an event of more than {MAX_EVENT_BYTES} bytes"
