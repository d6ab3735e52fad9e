"""OpenAI chat completions: one case for each thing that providers send, and for each that they should not."""

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
    openai_chat_body,
    openai_chat_read,
)
from fairlead.measure.sse import Event


def read(data: object, name: bytes = b"") -> Delta:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return openai_chat_read(Event(0, name, text))


def chunk(delta: object, finish: str | None = None, **more: object) -> dict[str, object]:
    return {"id": "c-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def test_the_body_asks_for_a_stream_with_usage_and_is_the_same_bytes_every_time():
    body = openai_chat_body("m", "héllo", 7)
    assert body == openai_chat_body("m", "héllo", 7)
    assert json.loads(body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "héllo"}],
        "max_tokens": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_content_is_text():
    assert read(chunk({"content": "hi"})).pieces == (Piece(Kind.TEXT, "hi"),)


@pytest.mark.parametrize(
    "delta",
    [
        {"role": "assistant"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None, "tool_calls": None},
        {"reasoning_content": "", "reasoning": None},
        {"tool_calls": []},
        {},
        None,
    ],
)
def test_a_role_only_or_empty_delta_is_no_content(delta):
    assert read(chunk(delta)).pieces == ()


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_is_content_of_its_kind(key):
    assert read(chunk({key: "hm"})).pieces == (Piece(Kind.REASONING, "hm"),)


def test_reasoning_sent_under_both_names_counts_once():
    delta = read(chunk({"reasoning_content": "hm", "reasoning": "hm"}))
    assert delta.pieces == (Piece(Kind.REASONING, "hm"),)


def test_reasoning_and_text_in_one_delta_are_two_pieces():
    delta = read(chunk({"reasoning_content": "hm", "content": "hi"}))
    assert [piece.kind for piece in delta.pieces] == ["r", "t"]


def test_a_tool_call_delta_is_content_of_its_kind():
    call = {"index": 1, "id": "x", "function": {"name": "add", "arguments": '{"a"'}}
    delta = read(chunk({"tool_calls": [call, {"index": 1}]}))
    assert delta.pieces == (Piece(Kind.TOOL_CALL, 'add{"a"'),)
    assert delta.tool_calls == (ToolCall(1, "x", "add", '{"a"'), ToolCall(1, "", "", ""))


def test_a_refusal_is_text_and_says_that_it_is_one():
    delta = read(chunk({"refusal": "I cannot"}))
    assert (delta.pieces, delta.refusal) == ((Piece(Kind.TEXT, "I cannot"),), True)


def test_the_finish_reason_may_come_with_content_or_without():
    assert read(chunk({"content": "hi"}, "stop")).finish == "stop"
    assert read(chunk({}, "length")).finish == "length"
    assert read(chunk({}, "")).finish is None


def test_the_usage_chunk_has_no_choices():
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    delta = read({"choices": [], "usage": usage})
    assert (delta.pieces, delta.usage) == ((), Usage(output=4, input=10, cached=8, reasoning=3))


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "4", None, 2**60, [4]])
def test_a_usage_count_that_is_no_sane_number_is_not_given(wrong):
    usage = read({"choices": [], "usage": {"completion_tokens": wrong, "prompt_tokens_details": wrong}}).usage
    assert usage == Usage(None, None, None, None)


@pytest.mark.parametrize("data", [{"choices": None}, {}, {"choices": [{}]}, {"x": 1}, b"[DONE]"])
def test_events_that_add_nothing_add_nothing(data):
    assert read(data) in (Delta(), Delta(response_id=None))


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"message": "no", "code": "overloaded", "type": "t"}, Fault("overloaded", "no")),
        ({"message": "no", "code": None, "type": "server_error"}, Fault("server_error", "no")),
        ({"message": "no", "code": 503}, Fault("503", "no")),
        ({"detail": "no"}, Fault("error", "no")),
        ("no", Fault("error", "no")),
        ({"other": 1}, Fault("error", '{"other": 1}')),
        (["no"], Fault("error", '["no"]')),
        ({"error": {"message": "inner", "type": "t"}}, Fault("t", "inner")),
    ],
)
def test_an_error_inside_the_stream_is_read_in_every_usual_shape(stated, fault):
    assert read({"error": stated}).fault == fault


def test_an_event_named_error_is_an_error_whatever_it_holds():
    assert read({"message": "no", "code": "c"}, b"error").fault == Fault("c", "no")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff", b'{"choices": 1}', b'{"choices": [1]}',
        b'{"choices":[{"delta":{"content":1}}]}', b'{"choices":[{"delta":{"content":"\xf0\x9f"}}]}',
        b'{"choices":[{"delta":[]}]}', b'{"choices":[{"delta":{"tool_calls":{}}}]}', b"[DONE", b"[" * 100_000,
        b'{"x":' + b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:40]),
)  # fmt: skip
def test_an_event_that_is_not_of_the_format_is_malformed(data):
    with pytest.raises(EventError):
        read(data)


def test_half_an_emoji_is_one_replacement_character_not_a_malformed_event():
    delta = read(b'{"id":"c","choices":[{"delta":{"content":"a\\ud83d"}}]}')
    assert delta.pieces == (Piece(Kind.TEXT, "a\ufffd"),)
    assert read(chunk({"content": "\U0001f600"})).pieces == (Piece(Kind.TEXT, "\U0001f600"),)


def test_a_deep_error_object_is_quoted_or_not_but_never_a_crash():
    deep = b'{"error":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}"
    fault = read(deep).fault
    assert fault is not None
    assert fault.code == "error"


def test_content_as_a_list_of_typed_parts_is_read_part_by_part():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}, {"type": "text"}, 1]}
    parts = [thought, {"type": "text", "text": "hi"}, {"type": "reference", "reference_ids": [1]}, "x", {}]
    assert read(chunk({"content": parts})).pieces == (Piece(Kind.REASONING, "hm"), Piece(Kind.TEXT, "hi"))
    assert read(chunk({"content": []})).pieces == ()


def test_tool_calls_without_an_index_are_told_apart_by_their_place():
    calls = [{"id": "x", "function": {"name": "a"}}, {"id": "y", "function": {"name": "b"}}]
    assert [call.at for call in read(chunk({"tool_calls": calls})).tool_calls] == [0, 1]


def test_a_message_repeated_beside_the_delta_is_not_read_twice():
    choice = {"delta": {"content": "lo"}, "message": {"content": "hello"}, "finish_reason": None}
    assert read({"choices": [choice]}).pieces == (Piece(Kind.TEXT, "lo"),)


def test_an_answer_cut_off_by_a_filter_is_a_refusal():
    assert read(chunk({}, "content_filter")).refusal
    assert not read(chunk({}, "length")).refusal


def test_a_whole_completion_is_asked_for_without_stream_options_and_read_from_its_message():
    whole = DIALECTS["openai-chat-whole"]
    request = json.loads(whole.body("m", "p", 7))
    assert (request["stream"], "stream_options" in request) == (False, False)
    message = {"role": "assistant", "reasoning": "hm", "content": "hi"}
    answer = {"id": "c", "choices": [{"message": message, "finish_reason": "stop"}]}
    delta = whole.read(Event(0, b"", json.dumps(answer).encode()))
    assert ([piece.text for piece in delta.pieces], delta.finish) == (["hm", "hi"], "stop")
