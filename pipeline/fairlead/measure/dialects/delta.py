"""What an answer is made of, whatever the API. Knows no API, no bytes and no time."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

import msgspec


class Kind(enum.StrEnum):
    """What a piece of content is; the letters of ``chunk_kind`` in the raw window."""

    REASONING = "r"
    TEXT = "t"
    TOOL_CALL = "c"


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A piece of content, never empty. Pieces of one event arrive at one time."""

    kind: Kind
    text: str


class ToolCall(NamedTuple):
    """A part of a tool call: what one delta adds to the call numbered ``at``.

    ``at`` is None where an API sends a call whole and unnumbered: it is then a call of its own.
    """

    at: int | None
    id: str
    name: str
    arguments: str


class Usage(NamedTuple):
    """The provider's own token counts, in one meaning for all APIs; None where it gives none.

    ``output``: everything generated, reasoning included. ``input``: the whole prompt, cached or not.
    ``cached``: the part of ``input`` read from a cache. ``reasoning``: the part of ``output`` that is
    reasoning, sent or not.
    """

    output: int | None
    input: int | None
    cached: int | None
    reasoning: int | None

    def then(self, later: Usage) -> Usage:
        """These counts, brought up to date by what a later event states. Counts of one stream are running
        totals, so they replace and never add."""
        pairs = zip(self, later, strict=True)
        return Usage(*(old if new is None else new for old, new in pairs))


class Fault(NamedTuple):
    """An error that the provider states, in its words, not yet redacted."""

    code: str
    message: str


class Delta(msgspec.Struct, frozen=True, gc=False):
    """What one event adds. ``refusal``: the model, or a filter in front of it, declined; what it said
    instead, if anything, is in the pieces."""

    pieces: tuple[Piece, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str | None = None
    usage: Usage | None = None
    fault: Fault | None = None
    response_id: str | None = None
    refusal: bool = False


class EventError(Exception):
    """An event that is not what the API's format says."""


NOTHING = Delta()


def called(*parts: ToolCall) -> Delta:
    """Parts of tool calls, each also a piece of content where it holds a name or arguments."""
    return Delta(pieces=call_pieces(parts), tool_calls=parts)


def call_pieces(parts: tuple[ToolCall, ...]) -> tuple[Piece, ...]:
    """The content in parts of tool calls: name and arguments are generated, an id is not."""
    texts = (part.name + part.arguments for part in parts)
    return tuple(Piece(Kind.TOOL_CALL, text) for text in texts if text)


def said(kind: Kind, text: str | None) -> Delta:
    """A piece of content, or nothing where it is empty."""
    return Delta(pieces=(Piece(kind, text),)) if text else NOTHING


def joined(parts: Iterable[Delta]) -> Delta:
    """The content of several deltas as one, in their order."""
    parts = tuple(parts)
    return Delta(
        pieces=tuple(piece for part in parts for piece in part.pieces),
        tool_calls=tuple(call for part in parts for call in part.tool_calls),
        refusal=any(part.refusal for part in parts),
    )
