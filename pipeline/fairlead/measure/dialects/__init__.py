"""What an API's requests and events say. Knows no bytes on a wire, no time, and no outcome of a request.

A dialect is an address, a function that writes a request's body and one that reads one event. Nothing here
keeps state between events: what a stream adds up to is :mod:`fairlead.measure.timeline`'s business.

Each API comes twice, streamed and whole (``…-whole``). A whole answer is one chunk at the time of its last
byte, so its TTFT *is* its E2E latency and it has no TPOT; the dialect's name in the window's header says
so, and the two are never to be compared by TTFT. Other clouds are reached through a gateway that speaks one
of these, under that name.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.measure.dialects import (
    anthropic_messages,
    gemini,
    openai_chat,
    openai_completions,
    openai_responses,
)
from fairlead.measure.dialects.anthropic_messages import anthropic_messages_body, anthropic_messages_read
from fairlead.measure.dialects.delta import Delta, EventError, Fault, Kind, Piece, ToolCall, Usage
from fairlead.measure.dialects.dialect import Dialect, Function, auth
from fairlead.measure.dialects.gemini import gemini_body, gemini_read
from fairlead.measure.dialects.openai_chat import openai_chat_body, openai_chat_read
from fairlead.measure.dialects.openai_completions import openai_completions_body, openai_completions_read
from fairlead.measure.dialects.openai_responses import openai_responses_body, openai_responses_read
from fairlead.measure.dialects.reading import error_body, error_of, stated_fault
from fairlead.measure.dialects.repeats import Repeats

DIALECTS: Mapping[str, Dialect] = {
    "openai-chat": openai_chat.STREAMED,
    "openai-completions": openai_completions.STREAMED,
    "openai-responses": openai_responses.STREAMED,
    "anthropic-messages": anthropic_messages.STREAMED,
    "gemini": gemini.STREAMED,
    "openai-chat-whole": openai_chat.WHOLE,
    "openai-completions-whole": openai_completions.WHOLE,
    "openai-responses-whole": openai_responses.WHOLE,
    "anthropic-messages-whole": anthropic_messages.WHOLE,
    "gemini-whole": gemini.WHOLE,
}

__all__ = [
    "DIALECTS",
    "Delta",
    "Dialect",
    "EventError",
    "Fault",
    "Function",
    "Kind",
    "Piece",
    "Repeats",
    "ToolCall",
    "Usage",
    "anthropic_messages_body",
    "anthropic_messages_read",
    "auth",
    "error_body",
    "error_of",
    "gemini_body",
    "gemini_read",
    "openai_chat_body",
    "openai_chat_read",
    "openai_completions_body",
    "openai_completions_read",
    "openai_responses_body",
    "openai_responses_read",
    "stated_fault",
]
