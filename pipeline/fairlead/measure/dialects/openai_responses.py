"""OpenAI's Responses. Knows no other API.

Source: OpenAI API reference, *Responses: streaming events* and *the response object*. Two things differ
from that page in the field and are read both ways: an ``error`` event holds its code and message in an
object of its own (openai/openai-dotnet issue 881), and gateways end the stream with ``[DONE]``.

The answer is in the ``.delta`` events. The ``.done`` events and the response at the end repeat it whole,
and to read them too would count it twice. A function call's name comes with the item that opens it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from fairlead.measure.dialects.dialect import WHOLE_ACCEPT, Dialect, Function
from fairlead.measure.dialects.openai_chat import DONE, FILTERED
from fairlead.measure.dialects.reading import count, decode, named_error, stated_fault, text_or_none
from fairlead.measure.sse import Event

_REFUSAL = "response.refusal.delta"
_TEXTS = {
    "response.output_text.delta": Kind.TEXT,
    _REFUSAL: Kind.TEXT,
    "response.reasoning_text.delta": Kind.REASONING,
    "response.reasoning_summary_text.delta": Kind.REASONING,
}
_ARGUMENTS = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")
_CALLS = ("function_call", "custom_tool_call")
_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
_ENDINGS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}


class _StreamEvent(msgspec.Struct):
    type: str | None = None
    delta: Any = None
    output_index: int | None = None
    item: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    error: Any = None


_STREAM_EVENT = msgspec.json.Decoder(_StreamEvent)
_RESPONSE = msgspec.json.Decoder(dict[str, Any])


def openai_responses_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """A streamed response to one input text. It is not stored, so that no later one can build on it."""
    return msgspec.json.encode(_request(api_model, prompt, max_tokens, functions) | {"stream": True})


def openai_responses_whole_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """A response to one input text, as one answer."""
    return msgspec.json.encode(_request(api_model, prompt, max_tokens, functions) | {"stream": False})


def _request(api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function]) -> dict[str, Any]:
    request = {"model": api_model, "input": prompt, "max_output_tokens": max_tokens, "store": False}
    tools = [
        {
            "type": "function",
            "name": function.name,
            "description": function.description,
            "parameters": function.parameters,
            "strict": False,  # as in the other APIs, where it is not the default
        }
        for function in functions
    ]
    return request | {"tools": tools} if tools else request


def openai_responses_read(event: Event) -> Delta:
    """What one event of a streamed response adds. Events of kinds not named here add nothing."""
    if event.data == DONE:
        return NOTHING
    if event.name == b"error":
        return Delta(fault=named_error(event.data))
    stated = decode(event.data, _STREAM_EVENT)
    kind = stated.type or event.name.decode("utf-8", "replace")
    if stated.error is not None or kind == "error":
        return Delta(fault=named_error(event.data))
    if kind in _TEXTS:
        said_here = said(_TEXTS[kind], _delta_text(stated))
        return msgspec.structs.replace(said_here, refusal=True) if kind == _REFUSAL else said_here
    if kind in _ARGUMENTS:
        return called(ToolCall(stated.output_index or 0, "", "", _delta_text(stated)))
    if kind == "response.output_item.added" and stated.item is not None:
        return _call(stated.item, stated.output_index or 0)
    if kind in _ENDINGS:
        return _ending(stated.response or {}, _ENDINGS[kind])
    if not kind:
        raise EventError("an event without a type")
    began = stated.response if kind in _BEGINNINGS else None
    return Delta(response_id=text_or_none(began.get("id"))) if began is not None else NOTHING


def openai_responses_whole_read(event: Event) -> Delta:
    """What a whole response says."""
    response = decode(event.data, _RESPONSE)
    output = response.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    content = joined(_item(item, place) for place, item in enumerate(items))
    ending = _ending(response, text_or_none(response.get("status")))
    return msgspec.structs.replace(
        ending,
        pieces=content.pieces,
        tool_calls=content.tool_calls,
        refusal=ending.refusal or content.refusal,
    )


def _delta_text(stated: _StreamEvent) -> str:
    if not isinstance(stated.delta, str):
        raise EventError(f"{stated.type}: its delta is no text")
    return stated.delta


def _ending(response: Mapping[str, Any], status: str | None) -> Delta:
    """How a response ended, by its status. The finish of an incomplete one is the reason, which says more."""
    ended = Delta(usage=_usage(response.get("usage")), response_id=text_or_none(response.get("id")))
    error = response.get("error")
    if error is not None or status == "failed":
        fault = stated_fault("the response failed" if error is None else error, "failed")
        return msgspec.structs.replace(ended, fault=fault)
    if status == "completed":
        return msgspec.structs.replace(ended, finish=status)
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = text_or_none(details.get("reason")) if isinstance(details, dict) else None
        return msgspec.structs.replace(ended, finish=reason or status, refusal=reason == FILTERED)
    return ended


def _item(item: Mapping[str, Any], place: int) -> Delta:
    """One item of a whole response's output."""
    if item.get("type") in _CALLS:
        return _call(item, place)
    if item.get("type") == "reasoning":
        parts = [*_parts(item, "summary"), *_parts(item, "content")]
        return joined(said(Kind.REASONING, text_or_none(part.get("text"))) for part in parts)
    return joined(_part(part) for part in _parts(item, "content"))


def _parts(item: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    parts = item.get(key)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _part(part: Mapping[str, Any]) -> Delta:
    refused = text_or_none(part.get("refusal"))
    if refused is not None:
        return msgspec.structs.replace(said(Kind.TEXT, refused), refusal=True)
    return said(Kind.TEXT, text_or_none(part.get("text")))


def _call(item: Mapping[str, Any], at: int) -> Delta:
    """A tool call as an item: in a stream its beginning, in a whole answer all of it."""
    if item.get("type") not in _CALLS:
        return NOTHING
    texts = {key: text_or_none(item.get(key)) or "" for key in ("call_id", "name", "arguments", "input")}
    return called(ToolCall(at, texts["call_id"], texts["name"], texts["arguments"] or texts["input"]))


def _usage(stated: Any) -> Usage | None:
    """``output_tokens`` holds the reasoning, ``input_tokens`` the cached part."""
    if not isinstance(stated, dict):
        return None
    return Usage(
        output=count(stated, "output_tokens"),
        input=count(stated, "input_tokens"),
        cached=count(stated.get("input_tokens_details"), "cached_tokens"),
        reasoning=count(stated.get("output_tokens_details"), "reasoning_tokens"),
    )


STREAMED = Dialect(root="/v1", path="/responses", body=openai_responses_body, read=openai_responses_read)
WHOLE = Dialect(
    root="/v1",
    path="/responses",
    body=openai_responses_whole_body,
    read=openai_responses_whole_read,
    headers=(WHOLE_ACCEPT,),
    streamed=False,
)
