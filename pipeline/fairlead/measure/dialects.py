"""What an API's requests and events say. Knows no bytes on a wire, no time, and no outcome of a request.

A dialect is a pair of pure functions, one that writes a request's body and one that reads one event, and
the path they belong to. Nothing here keeps state between events: what a stream adds up to is
:mod:`fairlead.measure.timeline`'s business.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec

from fairlead.measure.sse import Event


class Kind(enum.StrEnum):
    """What a piece of content is; the letters of ``chunk_kind`` in the raw window."""

    REASONING = "r"
    TEXT = "t"
    TOOL_CALL = "c"


class Piece(NamedTuple):
    """A piece of content, never empty. Pieces of one event arrive at one time."""

    kind: Kind
    text: str


class ToolCall(NamedTuple):
    """A part of a tool call: what one delta adds to the call numbered ``at``."""

    at: int
    id: str
    name: str
    arguments: str


class Usage(NamedTuple):
    """The provider's own token counts; None where it gives none."""

    output: int | None
    input: int | None
    cached: int | None
    reasoning: int | None


class Fault(NamedTuple):
    """An error that the provider states, in its words, not yet redacted."""

    code: str
    message: str


class Delta(msgspec.Struct, frozen=True, gc=False):
    """What one event adds. ``refusal``: the model declined, in the text that the pieces hold."""

    pieces: tuple[Piece, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str | None = None
    usage: Usage | None = None
    fault: Fault | None = None
    response_id: str | None = None
    refusal: bool = False


class EventError(Exception):
    """An event that is not what the API's format says."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: the path under its base URL, a body writer and an event reader.

    ``body(api_model, prompt, max_tokens)`` gives the request's bytes. ``read(event)`` gives what an event
    adds and raises :class:`EventError`.
    """

    path: str
    body: Callable[[str, str, int], bytes]
    read: Callable[[Event], Delta]

    def url(self, base: str) -> str:
        """The address to post to: ``base`` with this dialect's path; a bare host gets ``/v1``.

        Raises:
            ValueError: ``base`` is no http or https URL with a host and without credentials.
        """
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base!r} is not a URL such as https://api.example.com/v1")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a URL must not carry a user name or password")
        path = parts.path.rstrip("/") or "/v1"
        if not path.endswith(self.path):
            path += self.path
        return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


_NOTHING = Delta()


# --- OpenAI chat completions ---------------------------------------------------------------------------


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _ChatDelta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _ChatDelta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    id: Any = None
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def openai_chat_body(api_model: str, prompt: str, max_tokens: int) -> bytes:
    """A streamed chat completion of one user message, with usage asked for."""
    return msgspec.json.encode(
        {
            "model": api_model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    )


def openai_chat_read(event: Event) -> Delta:
    """What one chunk of a streamed chat completion adds.

    Reasoning comes as ``reasoning_content`` or ``reasoning``; gateways that send both repeat the same text,
    so only the first is read. A role-only or empty delta adds nothing. A choice other than the
    first is never asked for, and its text would be billed output all the same: it counts.
    """
    if event.data == b"[DONE]":
        return _NOTHING
    chunk = _chat_chunk(event.data)
    if chunk.error is not None or event.name == b"error":
        stated = chunk.error if chunk.error is not None else _loads(event.data)
        return Delta(fault=stated_fault(stated, "error"), usage=_usage(chunk.usage))
    choices = chunk.choices or []
    deltas = [choice.delta for choice in choices if choice.delta is not None]
    calls = tuple(_tool_call(call) for delta in deltas if delta.tool_calls for call in delta.tool_calls)
    finishes = [choice.finish_reason for choice in choices if choice.finish_reason]
    return Delta(
        pieces=tuple(piece for delta in deltas for piece in _pieces(delta)),
        tool_calls=calls,
        finish=finishes[-1] if finishes else None,
        usage=_usage(chunk.usage),
        response_id=chunk.id if isinstance(chunk.id, str) else None,
        refusal=any(delta.refusal for delta in deltas),
    )


def _pieces(delta: _ChatDelta) -> list[Piece]:
    """The content of one delta, in the order in which a reader meets it."""
    pieces = []
    if thought := delta.reasoning_content or delta.reasoning:
        pieces.append(Piece(Kind.REASONING, thought))
    if delta.content:
        pieces.append(Piece(Kind.TEXT, delta.content))
    if delta.refusal:
        pieces.append(Piece(Kind.TEXT, delta.refusal))
    calls = (call.name + call.arguments for call in map(_tool_call, delta.tool_calls or ()))
    pieces.extend(Piece(Kind.TOOL_CALL, text) for text in calls if text)
    return pieces


def _chat_chunk(data: bytes) -> _Chunk:
    try:
        return _decode_chunk(data)
    except msgspec.ValidationError as error:
        raise EventError(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Some servers split an emoji into two escaped halves, one a chunk, which msgspec refuses and every
    # other client takes. Take it too, each half as a replacement character.
    try:
        return msgspec.convert(_whole_characters(_loads(data)), _Chunk)
    except (msgspec.ValidationError, RecursionError) as error:
        raise EventError(str(error)) from None


def _tool_call(call: _ToolCall) -> ToolCall:
    function = call.function or _Function()
    return ToolCall(call.index or 0, call.id or "", function.name or "", function.arguments or "")


def _usage(stated: Any) -> Usage | None:
    if not isinstance(stated, dict):
        return None
    return Usage(
        output=_count(stated, "completion_tokens"),
        input=_count(stated, "prompt_tokens"),
        cached=_count(stated.get("prompt_tokens_details"), "cached_tokens"),
        reasoning=_count(stated.get("completion_tokens_details"), "reasoning_tokens"),
    )


DIALECTS: Mapping[str, Dialect] = {
    "openai-chat": Dialect("/chat/completions", openai_chat_body, openai_chat_read),
}


# --- what all of them share ----------------------------------------------------------------------------


def error_body(body: bytes, status: int) -> Fault:
    """The error in the body of a response that is none: JSON of the usual shapes, else the text itself."""
    code = f"http_{status}"
    try:
        stated = _loads(body)
    except EventError:
        return Fault(code, body[:4096].decode("utf-8", "replace"))
    return stated_fault(_inside(stated), code)


def error_of(body: bytes) -> Fault | None:
    """The error object in a whole JSON body, or None where there is none."""
    try:
        stated = _loads(body)
    except EventError:
        return None
    if not isinstance(stated, dict) or stated.get("error") is None:
        return None
    return stated_fault(stated["error"], "error")


def stated_fault(stated: Any, default_code: str) -> Fault:
    """An error value, which may be an object, a text or anything else, as code and message."""
    if not isinstance(stated, dict):
        return Fault(default_code, stated if isinstance(stated, str) else _dumps(stated))
    stated = _inside(stated)
    code = next((stated[k] for k in ("code", "type", "status") if isinstance(stated.get(k), str | int)), None)
    message = next(
        (stated[k] for k in ("message", "detail", "error") if isinstance(stated.get(k), str)), None
    )
    return Fault(
        default_code if code is None or code == "" else str(code),
        _dumps(stated) if message is None else message,
    )


def _inside(stated: Any) -> Any:
    """The value under ``error``, where an error came wrapped in one."""
    if isinstance(stated, dict) and isinstance(stated.get("error"), dict):
        return stated["error"]
    return stated


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise EventError(f"not JSON ({type(error).__name__})") from None


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deep to quote)"


def _whole_characters(value: Any) -> Any:
    """The same JSON value with every lone surrogate replaced."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return value


def _count(stated: Any, key: str) -> int | None:
    """A token count, where the provider gave a sane one: a whole number from 0 to 2**53."""
    value = stated.get(key) if isinstance(stated, dict) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**53:
        return None
    return value
