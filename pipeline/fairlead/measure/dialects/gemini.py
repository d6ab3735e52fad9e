"""Gemini's ``streamGenerateContent`` and ``generateContent``. Knows no other API.

Source: Gemini API reference, *Generating content* (GenerateContentResponse, FinishReason, BlockReason,
UsageMetadata) and Gemini API documentation, *Thinking*. A stream (``alt=sse``) sends responses of one and
the same shape, has no end marker and no named events. Numbers that are zero are left out, as protocol
buffers have it.

Thought signatures are ciphertext for a later request, not content. Parts of kinds that are never asked for
(code, images) add nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.measure.dialects.delta import NOTHING, Delta, Kind, ToolCall, Usage, called, joined, said
from fairlead.measure.dialects.dialect import STREAM_ACCEPT, WHOLE_ACCEPT, Dialect, Function
from fairlead.measure.dialects.openai_chat import DONE
from fairlead.measure.dialects.reading import (
    arguments_text,
    count,
    decode,
    named_error,
    stated_fault,
    text_or_none,
)
from fairlead.measure.sse import Event

# The reasons to finish by which content was cut off or kept back.
_DECLINED = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"}
)


class _FunctionCall(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None


class _Part(msgspec.Struct):
    text: str | None = None
    thought: bool | None = None
    function_call: _FunctionCall | None = msgspec.field(name="functionCall", default=None)


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct):
    content: _Content | None = None
    finish: str | None = msgspec.field(name="finishReason", default=None)


class _Feedback(msgspec.Struct):
    block: str | None = msgspec.field(name="blockReason", default=None)


class _Response(msgspec.Struct):
    candidates: list[_Candidate] | None = None
    feedback: _Feedback | None = msgspec.field(name="promptFeedback", default=None)
    usage: Any = msgspec.field(name="usageMetadata", default=None)
    id: Any = msgspec.field(name="responseId", default=None)
    error: Any = None


_RESPONSE = msgspec.json.Decoder(_Response)


def gemini_body(_api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()) -> bytes:
    """One user message. The model and whether to stream are in the address, not here."""
    request: dict[str, Any] = {
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": {"maxOutputTokens": max_tokens},
    }
    if functions:
        request["tools"] = [{"functionDeclarations": [_declared(function) for function in functions]}]
    return msgspec.json.encode(request)


def _declared(function: Function) -> dict[str, Any]:
    """``parameters`` is a dialect of its own that refuses much of JSON Schema; this field takes it."""
    return {
        "name": function.name,
        "description": function.description,
        "parametersJsonSchema": function.parameters,
    }


def gemini_read(event: Event) -> Delta:
    """What one response of a stream adds, or what a whole one says.

    A blocked prompt has no candidate; the reason is then how it finished.
    """
    if event.data == DONE:
        return NOTHING
    if event.name == b"error":
        return Delta(fault=named_error(event.data))
    response = decode(event.data, _RESPONSE)
    if response.error is not None:
        return Delta(fault=stated_fault(response.error, "error"), usage=_usage(response.usage))
    candidates = response.candidates or []
    parts = [part for one in candidates if one.content is not None for part in one.content.parts or ()]
    finishes = [one.finish for one in candidates if _is_reason(one.finish)]
    blocked = response.feedback.block if response.feedback is not None else None
    if _is_reason(blocked):
        finishes.append(blocked)
    finish = finishes[-1] if finishes else None
    return msgspec.structs.replace(
        joined(_part(part) for part in parts),
        finish=finish,
        usage=_usage(response.usage),
        response_id=text_or_none(response.id),
        refusal=finish in _DECLINED or _is_reason(blocked),
    )


def _part(part: _Part) -> Delta:
    if part.function_call is not None:
        call = part.function_call
        arguments = arguments_text(call.args) if call.args is not None else ""
        return called(ToolCall(None, call.id or "", call.name or "", arguments))
    return said(Kind.REASONING if part.thought else Kind.TEXT, part.text)


def _is_reason(stated: str | None) -> bool:
    """Whether a reason is one; the unspecified value of either enumeration says that there is none."""
    return bool(stated) and not str(stated).endswith("_UNSPECIFIED")


def _usage(stated: Any) -> Usage | None:
    """Thoughts stand *beside* the candidates' tokens; ``promptTokenCount`` holds the cached part."""
    if not isinstance(stated, dict):
        return None
    answer, thoughts = count(stated, "candidatesTokenCount"), count(stated, "thoughtsTokenCount")
    return Usage(
        output=None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0),
        input=count(stated, "promptTokenCount"),
        cached=count(stated, "cachedContentTokenCount"),
        reasoning=thoughts,
    )


STREAMED = Dialect(
    root="/v1beta",
    path="/models/{model}:streamGenerateContent",
    query="alt=sse",
    body=gemini_body,
    read=gemini_read,
    headers=(STREAM_ACCEPT,),
    key_header="x-goog-api-key",
    key_prefix="",
)
WHOLE = Dialect(
    root="/v1beta",
    path="/models/{model}:generateContent",
    body=gemini_body,
    read=gemini_read,
    headers=(WHOLE_ACCEPT,),
    key_header="x-goog-api-key",
    key_prefix="",
    streamed=False,
)
