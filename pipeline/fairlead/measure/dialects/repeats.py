"""Events that say what an earlier one said, but for the text. Knows no API.

Nearly all events of a stream are alike, byte for byte, around their text. Once it is shown that a text at
that place is read as it stands, those that follow need no parser: their text is what lies between the same
bytes. That takes a third of the time, and gives the same deltas. A run of such events is read at once, their
texts as one JSON list: that takes a tenth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fairlead.measure.dialects.delta import Delta, EventError, Kind, Piece
from fairlead.measure.sse import Event

_TRIES = 4  # of finding such a place; a stream whose events differ elsewhere too is parsed throughout
_MARK = "fairlead-mark"
_RUN = 256  # events at most, so that what is looked at in vain is bounded
_QUOTE = ord('"')
_TEXTS = msgspec.json.Decoder(list[str])


class Repeats:
    """Reads the events of one stream, in order, as ``read`` would."""

    def __init__(self, read: Callable[[Event], Delta]) -> None:
        self._read = read
        self._name = self._head = self._tail = b""
        self._kind = Kind.TEXT
        self._response_id: str | None = None
        self._tries = _TRIES
        self._may_run = True

    def read_run(self, data: Sequence[bytes], at: int) -> tuple[Kind, list[str]]:
        """The texts of as many events without a name, from ``at`` on, as are known to be alike, each of them
        what :meth:`read` would give as the one piece of its event, of this kind. None where the next must be
        read by itself, which is always so until one was learned from."""
        if not self._head or self._name or not self._may_run:
            return self._kind, []
        middles = self._alike(data[at : at + _RUN])
        if not middles:
            return self._kind, []
        try:
            texts = _TEXTS.decode(b'["%b"]' % b'","'.join(middles))
        except (msgspec.DecodeError, UnicodeDecodeError):
            texts = []
        # Nothing between the quotes is one. So a text that swallows the quote behind it makes the list
        # shorter, and nothing makes it longer.
        if len(texts) != len(middles):
            self._may_run = False
            return self._kind, []
        return self._kind, texts

    def _alike(self, data: Sequence[bytes]) -> list[bytes]:
        """What lies between the known bytes, up to the first event that has others, nothing or a quote."""
        head, tail = self._head, self._tail
        begin, end = len(head), -len(tail)
        middles: list[bytes] = []
        for one in data:
            if not one.startswith(head) or not one.endswith(tail):
                break
            middle = one[begin:end]
            if not middle or _QUOTE in middle:
                break
            middles.append(middle)
        return middles

    def read(self, event: Event) -> Delta:
        """What one event adds. Raises EventError as ``read`` does."""
        if self._head and event.name == self._name:
            text = _between(event.data, self._head, self._tail)
            if text:
                return Delta(pieces=(Piece(self._kind, text),), response_id=self._response_id)
        delta = self._read(event)
        if self._tries and len(delta.pieces) == 1:
            self._tries -= 1
            self._learn(event, delta)
        return delta

    def _learn(self, event: Event, delta: Delta) -> None:
        """Find the one place of the text, and show that another text there is read as it stands."""
        (piece,) = delta.pieces
        plain = Delta(pieces=delta.pieces, response_id=delta.response_id)
        quoted = b'"' + piece.text.encode("utf-8", "replace") + b'"'
        if delta != plain or event.data.count(quoted) != 1:
            return
        head, tail = event.data.split(quoted)
        head, tail = head + b'"', b'"' + tail
        marked = msgspec.structs.replace(plain, pieces=(Piece(piece.kind, _MARK),))
        try:
            is_shown = self._read(Event(event.read, event.name, head + _MARK.encode() + tail)) == marked
        except EventError:
            return
        if is_shown:
            self._name, self._head, self._tail = event.name, head, tail
            self._kind, self._response_id = piece.kind, delta.response_id


def _between(data: bytes, head: bytes, tail: bytes) -> str | None:
    """The text of a JSON string that stands between these bytes; None where it would need a parser."""
    if not (data.startswith(head) and data.endswith(tail)):
        return None
    middle = data[len(head) : len(data) - len(tail)]
    if b'"' in middle or b"\\" in middle or len(data) < len(head) + len(tail):
        return None
    try:
        text = middle.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
