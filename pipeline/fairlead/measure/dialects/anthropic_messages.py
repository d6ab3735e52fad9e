"""Anthropic's Messages. Knows no other API.

Source: Anthropic API reference, *Messages* and *Streaming messages*. A stream is ``message_start``, blocks
of content (``content_block_start``, ``_delta``, ``_stop``), ``message_delta`` with the stop reason,
``message_stop``; ``ping`` anywhere; ``error`` instead of the rest. New event, block and delta types may
come at any time and add nothing.

Signatures and redacted thinking are ciphertext for a later request, not content.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.measure.dialects.delta import (
    NOTHING,
    Delta,
    EventError,
    Kind,
    ToolCall,
    Usage,
    called,
    joined,
    said,
)
from fairlead.measure.dialects.dialect import STREAM_ACCEPT, WHOLE_ACCEPT, Dialect, Function
from fairlead.measure.dialects.reading import (
    arguments_text,
    count,
    decode,
    named_error,
    stated_fault,
    text_or_none,
)
from fairlead.measure.sse import Event

VERSION = ("anthropic-version", "2023-06-01")
_REFUSAL = "refusal"
_READ = "cache_read_input_tokens"
_WRITTEN = "cache_creation_input_tokens"


class _Delta(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Block(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None


class _Message(msgspec.Struct):
    id: Any = None
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: Any = None
    error: Any = None


class _StreamEvent(msgspec.Struct):
    type: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | str | None = None  # a text in the errors of some gateways
    usage: Any = None
    error: Any = None


_STREAM_EVENT = msgspec.json.Decoder(_StreamEvent)
_MESSAGE = msgspec.json.Decoder(_Message)


def anthropic_messages_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """A streamed answer to one user message."""
    return msgspec.json.encode(_request(api_model, prompt, max_tokens, functions) | {"stream": True})


def anthropic_messages_whole_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """An answer to one user message, as one answer."""
    return msgspec.json.encode(_request(api_model, prompt, max_tokens, functions) | {"stream": False})


def _request(api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function]) -> dict[str, Any]:
    request = {
        "model": api_model,
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": prompt}],
    }
    tools = [
        {
            "name": function.name,
            "description": function.description,
            "input_schema": function.parameters,
        }
        for function in functions
    ]
    return request | {"tools": tools} if tools else request


def anthropic_messages_read(event: Event) -> Delta:
    """What one event of a streamed message adds."""
    if event.name == b"error":
        return Delta(fault=named_error(event.data))
    stated = decode(event.data, _STREAM_EVENT)
    kind = stated.type or event.name.decode("utf-8", "replace")
    if stated.error is not None or kind == "error":
        return Delta(fault=named_error(event.data))
    if kind == "content_block_delta":
        return _content(stated.delta or _Delta(), stated.index or 0)
    if kind == "content_block_start":
        return _block(stated.content_block or _Block(), stated.index or 0)
    if kind == "message_start":
        message = stated.message if isinstance(stated.message, _Message) else _Message()
        return Delta(usage=_usage_so_far(message.usage), response_id=text_or_none(message.id))
    if kind == "message_delta":
        finish = stated.delta.stop_reason if stated.delta is not None else None
        return Delta(finish=finish or None, usage=_usage_at_end(stated.usage), refusal=finish == _REFUSAL)
    if not kind:
        raise EventError("an event without a type")
    return NOTHING


def anthropic_messages_whole_read(event: Event) -> Delta:
    """What a whole message says."""
    message = decode(event.data, _MESSAGE)
    if message.error is not None:
        return Delta(fault=stated_fault(message.error, "error"))
    content = joined(_block(block, place) for place, block in enumerate(message.content or ()))
    return msgspec.structs.replace(
        content,
        finish=message.stop_reason or None,
        usage=_usage(message.usage),
        response_id=text_or_none(message.id),
        refusal=message.stop_reason == _REFUSAL,
    )


def _content(delta: _Delta, at: int) -> Delta:
    if delta.type == "text_delta":
        return said(Kind.TEXT, delta.text)
    if delta.type == "thinking_delta":
        return said(Kind.REASONING, delta.thinking)
    if delta.type == "input_json_delta":
        return called(ToolCall(at, "", "", delta.partial_json or ""))
    return NOTHING


def _block(block: _Block, at: int) -> Delta:
    """A block of content: in a stream its beginning, which is mostly empty, in a whole answer all of it."""
    if block.type == "text":
        return said(Kind.TEXT, block.text)
    if block.type == "thinking":
        return said(Kind.REASONING, block.thinking)
    if block.type is not None and block.type.endswith("tool_use"):
        # A stream opens a call with an empty object, a placeholder for what the deltas bring.
        arguments = arguments_text(block.input) if block.input else ""
        return called(ToolCall(at, block.id or "", block.name or "", arguments))
    return NOTHING


def _usage(stated: Any) -> Usage | None:
    """``output_tokens`` holds the thinking; what the cache gave or took stands *beside* ``input_tokens``.

    A total of no input tokens is a gateway's placeholder, for a request has a prompt.
    """
    if not isinstance(stated, dict):
        return None
    fresh = count(stated, "input_tokens")
    beside = (count(stated, _READ) or 0) + (count(stated, _WRITTEN) or 0)
    return Usage(
        output=count(stated, "output_tokens"),
        input=None if fresh is None else (fresh + beside or None),
        cached=count(stated, _READ),
        reasoning=count(stated.get("output_tokens_details"), "thinking_tokens"),
    )


def _usage_so_far(stated: Any) -> Usage | None:
    """The usage that opens a stream. Its output is what was there when the stream began, no result."""
    usage = _usage(stated)
    return None if usage is None else usage._replace(output=None, reasoning=None)


def _usage_at_end(stated: Any) -> Usage | None:
    """The usage of ``message_delta``: running totals, of the input too in newer versions. Input without
    its cached part would look like a total and be none, so it is then left as the start stated it."""
    usage = _usage(stated)
    return usage if usage is None or _READ in stated else usage._replace(input=None)


STREAMED = Dialect(
    root="/v1",
    path="/messages",
    body=anthropic_messages_body,
    read=anthropic_messages_read,
    headers=(STREAM_ACCEPT, VERSION),
    key_header="x-api-key",
    key_prefix="",
)
WHOLE = Dialect(
    root="/v1",
    path="/messages",
    body=anthropic_messages_whole_body,
    read=anthropic_messages_whole_read,
    headers=(WHOLE_ACCEPT, VERSION),
    key_header="x-api-key",
    key_prefix="",
    streamed=False,
)
