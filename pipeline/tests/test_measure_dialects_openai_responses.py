"""OpenAI's Responses: the deltas are the answer, what repeats them is not, the ending says how it went."""

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
    ToolCall,
    Usage,
    openai_responses_body,
    openai_responses_read,
)
from fairlead.measure.sse import Event


def read(data: object, name: bytes = b"") -> Delta:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return openai_responses_read(Event(0, name, text))


def whole(**stated: object) -> Delta:
    return DIALECTS["openai-responses-whole"].read(Event(0, b"", json.dumps(stated).encode()))


def test_the_body_names_the_length_limit_asks_for_a_stream_and_leaves_nothing_behind():
    assert json.loads(openai_responses_body("m", "héllo", 7)) == {
        "model": "m",
        "input": "héllo",
        "max_output_tokens": 7,
        "store": False,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("kind", "piece"),
    [
        ("response.output_text.delta", Kind.TEXT),
        ("response.refusal.delta", Kind.TEXT),
        ("response.reasoning_text.delta", Kind.REASONING),
        ("response.reasoning_summary_text.delta", Kind.REASONING),
        ("response.function_call_arguments.delta", Kind.TOOL_CALL),
        ("response.custom_tool_call_input.delta", Kind.TOOL_CALL),
    ],
)
def test_each_delta_is_content_of_its_kind_and_an_empty_one_is_none(kind, piece):
    assert read({"type": kind, "delta": "x"}).pieces == (Piece(piece, "x"),)
    assert read({"type": kind, "delta": ""}).pieces == ()


def test_only_a_refusal_delta_is_a_refusal():
    assert read({"type": "response.refusal.delta", "delta": "no"}).refusal
    assert not read({"type": "response.output_text.delta", "delta": "no"}).refusal


@pytest.mark.parametrize(
    "data",
    [
        {"type": "response.output_text.done", "text": "x"},
        {"type": "response.content_part.done", "part": {"type": "output_text", "text": "x"}},
        {"type": "response.output_item.done", "item": {"type": "function_call", "name": "add"}},
        {"type": "response.output_item.added", "item": {"type": "message", "content": []}},
        {"type": "response.output_item.added"},
        {"type": "response.in_progress"},
        {"type": "response.novelty", "delta": "x"},
        b"[DONE]",
    ],
)
def test_what_repeats_the_answer_or_is_unknown_adds_nothing(data):
    assert read(data) == Delta()


def test_a_function_call_opens_with_its_name_and_its_arguments_follow():
    item = {"type": "function_call", "call_id": "x", "name": "add", "arguments": ""}
    opened = read({"type": "response.output_item.added", "output_index": 1, "item": item})
    assert opened.tool_calls == (ToolCall(1, "x", "add", ""),)
    assert opened.pieces == (Piece(Kind.TOOL_CALL, "add"),)
    more = read({"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"})
    assert more.tool_calls == (ToolCall(1, "", "", "{}"),)


def test_the_ending_holds_the_usage_in_its_own_words():
    stated = {
        "input_tokens": 10,
        "output_tokens": 4,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    delta = read({"type": "response.completed", "response": {"id": "r", "usage": stated}})
    assert delta == Delta(finish="completed", usage=Usage(4, 10, 8, 3), response_id="r")


@pytest.mark.parametrize(
    ("details", "finish", "refusal"),
    [
        ({"reason": "max_output_tokens"}, "max_output_tokens", False),
        ({"reason": "content_filter"}, "content_filter", True),
        ({}, "incomplete", False),
        (None, "incomplete", False),
    ],
)
def test_an_incomplete_response_finishes_for_its_reason(details, finish, refusal):
    delta = read({"type": "response.incomplete", "response": {"incomplete_details": details}})
    assert (delta.finish, delta.refusal) == (finish, refusal)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"type": "error", "code": "c", "message": "no", "sequence_number": 2}, Fault("c", "no")),
        ({"type": "error", "code": None, "message": "no"}, Fault("error", "no")),
        ({"type": "error", "error": {"type": "t", "code": "c", "message": "no"}}, Fault("c", "no")),
        ({"error": {"code": 503, "message": "no"}}, Fault("503", "no")),
        (
            {"type": "response.failed", "response": {"error": {"code": "c", "message": "no"}}},
            Fault("c", "no"),
        ),
        ({"type": "response.failed", "response": {"error": None}}, Fault("failed", "the response failed")),
        ({"type": "response.failed"}, Fault("failed", "the response failed")),
    ],
)
def test_an_error_is_read_in_the_documented_shape_and_in_the_real_one(data, fault):
    assert read(data).fault == fault


def test_the_type_may_stand_in_the_name_of_the_event_alone():
    assert read({"delta": "hi"}, b"response.output_text.delta").pieces == (Piece(Kind.TEXT, "hi"),)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"{}", b"[" * 100_000, b'{"type":1}',
        b'{"type":"response.output_text.delta"}', b'{"type":"response.output_text.delta","delta":1}',
        b'{"type":"response.completed","response":[]}', b'{"type":"response.output_item.added","item":1}',
    ],
    ids=lambda data: repr(data[:40]),
)  # fmt: skip
def test_an_event_that_is_not_of_the_format_is_malformed(data):
    with pytest.raises(EventError):
        read(data)


def test_a_whole_response_is_read_item_by_item():
    output = [
        {"type": "reasoning", "summary": [{"text": "hm"}], "content": [{"text": "2+2"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "hi"}, {"refusal": "no"}]},
        {"type": "function_call", "call_id": "x", "name": "add", "arguments": "{}"},
        {"type": "web_search_call"},
        7,
    ]
    delta = whole(status="completed", output=output)
    assert [(piece.kind, piece.text) for piece in delta.pieces] == [
        ("r", "hm"), ("r", "2+2"), ("t", "hi"), ("t", "no"), ("c", "add{}"),
    ]  # fmt: skip
    assert (delta.finish, delta.refusal, delta.tool_calls) == (
        "completed", True, (ToolCall(2, "x", "add", "{}"),),
    )  # fmt: skip


@pytest.mark.parametrize("status", ["in_progress", "queued", "cancelled", None, 7])
def test_a_whole_response_that_is_not_at_its_end_has_no_finish(status):
    assert whole(status=status, output=[]).finish is None


@pytest.mark.parametrize(
    "output", [None, {}, "x", [{"type": "message", "content": 7}], [{"type": "message"}]]
)
def test_an_output_of_another_shape_is_no_content(output):
    assert whole(status="completed", output=output).pieces == ()
