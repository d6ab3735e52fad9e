"""Gemini: one shape for every event, thoughts beside the answer, and prompts that are turned away."""

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
    gemini_body,
    gemini_read,
)
from fairlead.measure.sse import Event


def read(data: object, name: bytes = b"") -> Delta:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return gemini_read(Event(0, name, text))


def parts(*stated: object, finish: str | None = None) -> Delta:
    return read({"candidates": [{"content": {"parts": stated, "role": "model"}, "finishReason": finish}]})


def test_the_body_holds_the_prompt_and_the_length_limit_and_not_the_model():
    assert json.loads(gemini_body("m", "héllo", 7)) == {
        "contents": [{"role": "user", "parts": [{"text": "héllo"}]}],
        "generationConfig": {"maxOutputTokens": 7},
    }


def test_a_part_marked_as_thought_is_reasoning():
    both = parts({"text": "hm", "thought": True}, {"text": "hi"})
    assert both.pieces == (Piece(Kind.REASONING, "hm"), Piece(Kind.TEXT, "hi"))


@pytest.mark.parametrize(
    "part", [{"text": ""}, {"thoughtSignature": "Cp"}, {"inlineData": {"data": "aGk="}}, {}]
)
def test_empty_parts_and_signatures_and_unasked_kinds_are_no_content(part):
    assert parts(part) == Delta()


def test_function_calls_come_whole_and_each_is_a_call_of_its_own():
    delta = parts({"functionCall": {"name": "add", "args": {"a": 1}}}, {"functionCall": {"name": "now"}})
    assert delta.tool_calls == (ToolCall(None, "", "add", '{"a":1}'), ToolCall(None, "", "now", ""))
    assert [piece.kind for piece in delta.pieces] == ["c", "c"]


def test_thoughts_are_counted_beside_the_answer_and_the_output_is_both():
    stated = {"promptTokenCount": 21, "candidatesTokenCount": 5, "thoughtsTokenCount": 4}
    assert read({"usageMetadata": stated}).usage == Usage(output=9, input=21, cached=None, reasoning=4)


def test_the_cached_part_of_the_prompt_is_within_its_count():
    stated = {"promptTokenCount": 21, "candidatesTokenCount": 5, "cachedContentTokenCount": 16}
    assert read({"usageMetadata": stated}).usage == Usage(output=5, input=21, cached=16, reasoning=None)


def test_a_count_that_is_left_out_is_not_given():
    assert read({"usageMetadata": {"promptTokenCount": 21}}).usage == Usage(None, 21, None, None)
    assert read({"usageMetadata": {"thoughtsTokenCount": 4}}).usage == Usage(4, None, None, 4)


@pytest.mark.parametrize("reason", ["STOP", "MAX_TOKENS", "MALFORMED_FUNCTION_CALL", "SOMETHING_NEW"])
def test_the_finish_reason_is_kept_as_it_is(reason):
    delta = parts({"text": "hi"}, finish=reason)
    assert (delta.finish, delta.refusal) == (reason, False)


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"])
def test_an_answer_cut_off_by_a_filter_is_a_refusal(reason):
    delta = parts({"text": "hi"}, finish=reason)
    assert (delta.finish, delta.refusal) == (reason, True)


@pytest.mark.parametrize("reason", ["FINISH_REASON_UNSPECIFIED", "", None])
def test_an_unspecified_finish_is_none(reason):
    assert parts({"text": "hi"}, finish=reason).finish is None


def test_a_blocked_prompt_is_a_refusal_that_finished_for_that_reason():
    blocked = read({"promptFeedback": {"blockReason": "OTHER"}})
    assert (blocked.finish, blocked.refusal) == ("OTHER", True)
    unspecified = read({"promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED", "safetyRatings": []}})
    assert (unspecified.finish, unspecified.refusal) == (None, False)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"candidates": []},
        {"candidates": [{}]},
        {"candidates": [{"content": {"role": "model"}}]},
        b"[DONE]",
    ],
)
def test_events_that_add_nothing_add_nothing(data):
    assert read(data) == Delta()


def test_an_error_in_place_of_a_response_is_an_error():
    stated = {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}
    assert read({"error": stated}).fault == Fault("503", "overloaded")
    assert read({"message": "no"}, b"error").fault == Fault("error", "no")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"candidates":{}}',
        b'{"candidates":[{"content":{"parts":[{"text":1}]}}]}', b'{"candidates":[{"content":{"parts":"x"}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"args":[]}}]}}]}',
        b'{"candidates":[{"finishReason":1}]}', b'{"promptFeedback":"no"}',
    ],
    ids=lambda data: repr(data[:40]),
)  # fmt: skip
def test_an_event_that_is_not_of_the_format_is_malformed(data):
    with pytest.raises(EventError):
        read(data)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://h", "https://h/v1beta/models/m-1:streamGenerateContent?alt=sse"),
        ("https://h/v1beta/", "https://h/v1beta/models/m-1:streamGenerateContent?alt=sse"),
        ("https://h/v1beta?x=1", "https://h/v1beta/models/m-1:streamGenerateContent?x=1&alt=sse"),
        (
            "https://h/v1/projects/p/locations/l/publishers/google",
            "https://h/v1/projects/p/locations/l/publishers/google/models/m-1:streamGenerateContent?alt=sse",
        ),
        (
            "https://h/v1beta/models/m-1:streamGenerateContent?alt=sse",
            "https://h/v1beta/models/m-1:streamGenerateContent?alt=sse",
        ),
    ],
)
def test_the_address_names_the_model_and_asks_for_events(base, url):
    assert DIALECTS["gemini"].url(base, "m-1") == url


def test_a_whole_answer_has_an_address_of_its_own():
    assert DIALECTS["gemini-whole"].url("https://h", "m") == "https://h/v1beta/models/m:generateContent"


def test_what_is_no_plain_model_name_cannot_change_the_address():
    url = DIALECTS["gemini"].url("https://h", "a?key=b#c d%2e\u00e9")
    assert url == "https://h/v1beta/models/a%3Fkey%3Db%23c%20d%252e%C3%A9:streamGenerateContent?alt=sse"
    for name in (None, "", "../../x", "a//b", ".", "a/.."):
        with pytest.raises(ValueError):
            DIALECTS["gemini"].url("https://h", name)
