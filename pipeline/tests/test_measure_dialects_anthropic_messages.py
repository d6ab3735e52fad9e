"""Anthropic's Messages: what each event adds, and the counts that stand beside each other."""

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
    anthropic_messages_body,
    anthropic_messages_read,
)
from fairlead.measure.sse import Event


def read(data: object, name: bytes = b"") -> Delta:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return anthropic_messages_read(Event(0, name, text))


def delta(**fields: object) -> Delta:
    return read({"type": "content_block_delta", "index": 2, "delta": fields})


def block(**fields: object) -> Delta:
    return read({"type": "content_block_start", "index": 2, "content_block": fields})


def usage_at_end(**stated: object) -> Usage | None:
    return read({"type": "message_delta", "delta": {}, "usage": stated}).usage


def test_the_body_names_the_length_limit_and_asks_for_a_stream():
    assert json.loads(anthropic_messages_body("m", "héllo", 7)) == {
        "model": "m",
        "max_tokens": 7,
        "messages": [{"role": "user", "content": "héllo"}],
        "stream": True,
    }


def test_text_thinking_and_arguments_are_content_of_their_kinds():
    assert delta(type="text_delta", text="hi").pieces == (Piece(Kind.TEXT, "hi"),)
    assert delta(type="thinking_delta", thinking="hm").pieces == (Piece(Kind.REASONING, "hm"),)
    called = delta(type="input_json_delta", partial_json='{"a"')
    assert called.pieces == (Piece(Kind.TOOL_CALL, '{"a"'),)
    assert called.tool_calls == (ToolCall(2, "", "", '{"a"'),)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "text_delta", "text": ""},
        {"type": "thinking_delta", "thinking": ""},
        {"type": "signature_delta", "signature": "EqQBCg"},
        {"type": "citations_delta", "citation": {}},
        {"type": "novelty_delta", "text": "x"},
        {},
    ],
)
def test_empty_deltas_and_signatures_and_unknown_kinds_are_no_content(fields):
    assert delta(**fields).pieces == ()


def test_a_block_opens_empty_but_what_a_gateway_puts_there_counts():
    assert block(type="text", text="").pieces == ()
    assert block(type="text", text="hi").pieces == (Piece(Kind.TEXT, "hi"),)
    assert block(type="thinking", thinking="hm").pieces == (Piece(Kind.REASONING, "hm"),)
    assert block(type="redacted_thinking", data="EmwKAh").pieces == ()


def test_a_tool_call_opens_with_its_name_and_a_placeholder_for_its_arguments():
    assert block(type="tool_use", id="t", name="add", input={}).tool_calls == (ToolCall(2, "t", "add", ""),)
    assert block(type="server_tool_use", id="t", name="add", input={"a": 1}).pieces == (
        Piece(Kind.TOOL_CALL, 'add{"a":1}'),
    )


def test_the_input_is_what_was_fresh_and_what_the_cache_gave_and_took_together():
    stated = {"input_tokens": 5, "cache_read_input_tokens": 16, "cache_creation_input_tokens": 2}
    start = read({"type": "message_start", "message": {"id": "m-1", "usage": stated | {"output_tokens": 1}}})
    assert start.usage == Usage(output=None, input=23, cached=16, reasoning=None)
    assert start.response_id == "m-1"


def test_the_output_of_the_last_event_is_the_total_and_holds_the_thinking():
    usage = usage_at_end(output_tokens=9, output_tokens_details={"thinking_tokens": 6})
    assert usage == Usage(output=9, input=None, cached=None, reasoning=6)


def test_input_restated_at_the_end_counts_only_with_its_cached_part_beside_it():
    assert usage_at_end(output_tokens=9, input_tokens=5) == Usage(9, None, None, None)
    restated = usage_at_end(output_tokens=9, input_tokens=5, cache_read_input_tokens=16)
    assert restated == Usage(9, 21, 16, None)


def test_an_input_of_no_tokens_is_a_placeholder():
    start = read({"type": "message_start", "message": {"usage": {"input_tokens": 0, "output_tokens": 0}}})
    assert start.usage == Usage(None, None, None, None)


def test_the_stop_reason_is_the_finish_and_a_refusal_is_one_of_them():
    finish = read({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}})
    assert (finish.finish, finish.refusal) == ("max_tokens", False)
    declined = read({"type": "message_delta", "delta": {"stop_reason": "refusal"}})
    assert (declined.finish, declined.refusal) == ("refusal", True)


@pytest.mark.parametrize(
    "data",
    [
        {"type": "ping"},
        {"type": "message_stop"},
        {"type": "content_block_stop", "index": 0},
        {"type": "novelty", "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta"},
        {"type": "content_block_start"},
        {"type": "message_delta"},
    ],
)
def test_events_that_add_nothing_add_nothing(data):
    assert read(data) == Delta()


def test_the_type_may_stand_in_the_name_of_the_event_alone():
    assert read({"delta": {"type": "text_delta", "text": "hi"}}, b"content_block_delta").pieces
    with pytest.raises(EventError):
        read({"delta": {"type": "text_delta", "text": "hi"}})


def test_an_error_event_is_an_error_in_either_shape():
    assert read({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}).fault == Fault(
        "overloaded_error", "no"
    )
    assert read({"message": "no"}, b"error").fault == Fault("error", "no")
    assert read({"type": "error", "message": "no"}).fault == Fault("error", "no")
    assert read({"error": {"message": "no", "code": 503}}).fault == Fault("503", "no")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"[DONE]", b"[" * 100_000,
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":1}}',
        b'{"type":"content_block_delta","delta":[]}', b'{"type":"content_block_delta","index":"x"}',
        b'{"type":"message_start","message":7}', b'{"type":7}',
    ],
    ids=lambda data: repr(data[:40]),
)  # fmt: skip
def test_an_event_that_is_not_of_the_format_is_malformed(data):
    with pytest.raises(EventError):
        read(data)


def test_a_whole_message_is_asked_for_without_a_stream_and_read_block_by_block():
    whole = DIALECTS["anthropic-messages-whole"]
    assert json.loads(whole.body("m", "p", 7))["stream"] is False
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}]
    stated = {"content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 5, "output_tokens": 9}}
    answer = whole.read(Event(0, b"", json.dumps(stated).encode()))
    assert [piece.text for piece in answer.pieces] == ["hm", "hi"]
    assert (answer.finish, answer.usage) == ("end_turn", Usage(9, 5, None, None))
