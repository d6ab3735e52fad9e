"""OpenAI's completions: a bare prompt, and chunks of the same shape as the whole."""

from __future__ import annotations

import json

import pytest

from fairlead.measure.dialects import (
    DIALECTS,
    Delta,
    EventError,
    Fault,
    Kind,
    Piece,
    Usage,
    openai_completions_body,
    openai_completions_read,
)
from fairlead.measure.sse import Event


def read(data: object, name: bytes = b"") -> Delta:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return openai_completions_read(Event(0, name, text))


def test_the_body_holds_the_bare_prompt_and_asks_for_usage():
    assert json.loads(openai_completions_body("m", "héllo", 7)) == {
        "model": "m",
        "prompt": "héllo",
        "max_tokens": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_text_is_content_and_may_come_with_the_finish():
    delta = read({"id": "c", "choices": [{"text": "hi", "finish_reason": "length"}]})
    assert delta == Delta(pieces=(Piece(Kind.TEXT, "hi"),), finish="length", response_id="c")


@pytest.mark.parametrize(
    "data", [{}, {"choices": None}, {"choices": [{}]}, {"choices": [{"text": ""}]}, b"[DONE]"]
)
def test_events_that_add_nothing_add_nothing(data):
    assert read(data) == Delta()


def test_the_usage_is_that_of_chat():
    stated = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
    assert read({"choices": [], "usage": stated}).usage == Usage(4, 10, 8, None)


def test_an_answer_cut_off_by_a_filter_is_a_refusal():
    assert read({"choices": [{"text": "", "finish_reason": "content_filter"}]}).refusal


def test_an_error_in_place_of_a_chunk_is_an_error():
    assert read({"error": {"message": "no", "code": 500}}).fault == Fault("500", "no")
    assert read({"message": "no"}, b"error").fault == Fault("error", "no")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"choices":[{"text":1}]}', b'{"choices":"x"}'])
def test_an_event_that_is_not_of_the_format_is_malformed(data):
    with pytest.raises(EventError):
        read(data)


def test_a_whole_completion_is_asked_for_without_stream_options():
    request = json.loads(DIALECTS["openai-completions-whole"].body("m", "p", 7))
    assert (request["stream"], "stream_options" in request) == (False, False)
