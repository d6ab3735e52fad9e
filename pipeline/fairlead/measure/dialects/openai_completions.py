"""OpenAI's completions, the legacy API of a bare prompt. Knows of the others only chat's usage.

Source: OpenAI API reference, *Completions: the completion object*; a stream sends objects of that same shape.
The prompt is sent as it stands, without a chat template.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.measure.dialects.delta import NOTHING, Delta, Kind, Piece
from fairlead.measure.dialects.dialect import WHOLE_ACCEPT, Dialect, Function
from fairlead.measure.dialects.openai_chat import DONE, FILTERED, openai_usage
from fairlead.measure.dialects.reading import decode, named_error, stated_fault, text_or_none
from fairlead.measure.sse import Event


class _Choice(msgspec.Struct, gc=False):
    text: str | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    id: Any = None
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_COMPLETION = msgspec.json.Decoder(_Completion)


def openai_completions_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """A streamed completion of the prompt, with usage asked for. Raises ValueError if there are functions."""
    request = _request(api_model, prompt, max_tokens, functions)
    return msgspec.json.encode(request | {"stream": True, "stream_options": {"include_usage": True}})


def openai_completions_whole_body(
    api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = ()
) -> bytes:
    """A completion of the prompt, as one answer. Raises ValueError if there are functions."""
    return msgspec.json.encode(_request(api_model, prompt, max_tokens, functions) | {"stream": False})


def _request(api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function]) -> dict[str, Any]:
    if functions:
        raise ValueError("completions know no functions to call: use another dialect or workload")
    return {"model": api_model, "prompt": prompt, "max_tokens": max_tokens}


def openai_completions_read(event: Event) -> Delta:
    """What one chunk of a streamed completion adds, or what a whole completion says."""
    if event.data == DONE:
        return NOTHING
    if event.name == b"error":
        return Delta(fault=named_error(event.data))
    completion = decode(event.data, _COMPLETION)
    if completion.error is not None:
        return Delta(fault=stated_fault(completion.error, "error"), usage=openai_usage(completion.usage))
    choices = completion.choices or []
    finishes = [choice.finish_reason for choice in choices if choice.finish_reason]
    finish = finishes[-1] if finishes else None
    return Delta(
        pieces=tuple(Piece(Kind.TEXT, choice.text) for choice in choices if choice.text),
        finish=finish,
        usage=openai_usage(completion.usage),
        response_id=text_or_none(completion.id),
        refusal=finish == FILTERED,
    )


STREAMED = Dialect(
    root="/v1",
    path="/completions",
    body=openai_completions_body,
    read=openai_completions_read,
    calls=False,
)
WHOLE = Dialect(
    root="/v1",
    path="/completions",
    body=openai_completions_whole_body,
    read=openai_completions_read,
    headers=(WHOLE_ACCEPT,),
    streamed=False,
    calls=False,
)
