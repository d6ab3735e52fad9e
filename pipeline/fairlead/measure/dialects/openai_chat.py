"""OpenAI's chat completions, and everybody's. Knows no other API.

Source: OpenAI API reference, *Chat completions: the chat completion chunk object* and *the chat completion
object*. What servers add to it: ``reasoning_content`` (DeepSeek, SGLang), ``reasoning`` (OpenRouter,
Groq; vLLM has sent both), content as a list of typed parts (Mistral's reasoning models).

The length limit is sent as ``max_tokens``, the name that every compatible server knows. OpenAI's own
reasoning models refuse it here; they are reached by Responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.measure.dialects.delta import NOTHING, Delta, Kind, Piece, ToolCall, Usage, call_pieces
from fairlead.measure.dialects.dialect import WHOLE_ACCEPT, Dialect, Function
from fairlead.measure.dialects.reading import count, decode, named_error, stated_fault, text_or_none
from fairlead.measure.sse import Event

DONE = b"[DONE]"
FILTERED = "content_filter"  # the finish reason of an answer that a filter cut off or kept back


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    id: Any = None
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)


def openai_chat_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """A streamed chat completion of one user message, with usage asked for."""
    request = _request(api_model, prompt, max_tokens, functions)
    return msgspec.json.encode(request | {"stream": True, "stream_options": {"include_usage": True}})


def openai_chat_whole_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """A chat completion of one user message, as one answer."""
    return msgspec.json.encode(_request(api_model, prompt, max_tokens, functions) | {"stream": False})


def _request(api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function]) -> dict[str, Any]:
    request = {
        "model": api_model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": max_tokens,
    }
    tools = [{"type": "function", "function": _described(function)} for function in functions]
    return request | {"tools": tools} if tools else request


def _described(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "description": function.description,
        "parameters": function.parameters,
    }


def openai_chat_read(event: Event) -> Delta:
    """What one chunk of a streamed chat completion adds.

    Reasoning comes as ``reasoning_content`` or ``reasoning``; gateways that send both repeat the same text,
    so only the first is read. A role-only or empty delta adds nothing, and neither does the
    ``message`` that some servers repeat beside the delta. A choice other than the first is never asked for,
    and its text would be billed output all the same: it counts.
    """
    if event.data == DONE:
        return NOTHING
    if event.name == b"error":
        return Delta(fault=named_error(event.data))
    chunk = decode(event.data, _CHUNK)
    return _delta(chunk, [choice.delta for choice in chunk.choices or ()])


def openai_chat_whole_read(event: Event) -> Delta:
    """What a whole chat completion says."""
    chunk = decode(event.data, _CHUNK)
    return _delta(chunk, [choice.message for choice in chunk.choices or ()])


def _delta(chunk: _Chunk, stated: Sequence[_Message | None]) -> Delta:
    if chunk.error is not None:
        return Delta(fault=stated_fault(chunk.error, "error"), usage=openai_usage(chunk.usage))
    pieces: list[Piece] = []
    calls: tuple[ToolCall, ...] = ()
    refusal = False
    for message in stated:
        if message is not None:
            pieces += _pieces(message)
            calls += _calls(message) if message.tool_calls else ()
            refusal = refusal or bool(message.refusal)
    finish = None
    for choice in chunk.choices or ():
        finish = choice.finish_reason or finish
    return Delta(
        pieces=tuple(pieces),
        tool_calls=calls,
        finish=finish,
        usage=None if chunk.usage is None else openai_usage(chunk.usage),
        response_id=text_or_none(chunk.id),
        refusal=refusal or finish == FILTERED,
    )


def _pieces(message: _Message) -> list[Piece]:
    """The content of one message or delta, in the order in which a reader meets it."""
    pieces = []
    if thought := message.reasoning_content or message.reasoning:
        pieces.append(Piece(Kind.REASONING, thought))
    if isinstance(message.content, str):
        if message.content:
            pieces.append(Piece(Kind.TEXT, message.content))
    elif message.content:
        pieces.extend(_typed_pieces(message.content))
    if message.refusal:
        pieces.append(Piece(Kind.TEXT, message.refusal))
    if message.tool_calls:
        pieces.extend(call_pieces(_calls(message)))
    return pieces


def _typed_pieces(parts: Sequence[Any]) -> list[Piece]:
    """Content as a list: ``text`` parts, and ``thinking`` parts that hold text parts of their own."""
    pieces = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        inner = part.get("thinking")
        if isinstance(inner, list):
            texts = [thought.get("text") for thought in inner if isinstance(thought, dict)]
            pieces += [Piece(Kind.REASONING, text) for text in texts if isinstance(text, str) and text]
        elif text := text_or_none(part.get("text")):
            pieces.append(Piece(Kind.TEXT, text))
    return pieces


def _calls(message: _Message) -> tuple[ToolCall, ...]:
    return tuple(_call(call, place) for place, call in enumerate(message.tool_calls or ()))


def _call(call: _ToolCall, place: int) -> ToolCall:
    function = call.function or _Function()
    at = place if call.index is None else call.index
    return ToolCall(at, call.id or "", function.name or "", function.arguments or "")


def openai_usage(stated: Any) -> Usage | None:
    """The ``usage`` of chat completions and of completions. ``completion_tokens`` holds the reasoning,
    ``prompt_tokens`` the cached part."""
    if not isinstance(stated, dict):
        return None
    return Usage(
        output=count(stated, "completion_tokens"),
        input=count(stated, "prompt_tokens"),
        cached=count(stated.get("prompt_tokens_details"), "cached_tokens"),
        reasoning=count(stated.get("completion_tokens_details"), "reasoning_tokens"),
    )


STREAMED = Dialect(root="/v1", path="/chat/completions", body=openai_chat_body, read=openai_chat_read)
WHOLE = Dialect(
    root="/v1",
    path="/chat/completions",
    body=openai_chat_whole_body,
    read=openai_chat_whole_read,
    headers=(WHOLE_ACCEPT,),
    streamed=False,
)
