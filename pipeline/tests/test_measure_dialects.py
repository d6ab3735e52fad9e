"""What the APIs have in common, and each of them over whole scripted answers.

``golden/dialects/<dialect>/<case>.sse`` (or ``.body``, not streamed) is what an API sends;
``<dialect>.jsonl`` holds the record that it must become, a line a case. ``FAIRLEAD_ACCEPT=1`` writes the
records.
"""

from __future__ import annotations

import functools
import json
import os
from importlib import resources
from typing import Any, NamedTuple

import msgspec
import pytest

from fairlead import metrics, windows
from fairlead.measure.dialects import DIALECTS, Fault, Usage, auth, error_body, error_of
from fairlead.measure.timeline import Ended
from fairlead.windows import Outcome

from . import dialect_streams as streams


class Tool(NamedTuple):
    name: str
    description: str
    parameters: dict[str, Any]


STREAMED = [name for name, dialect in DIALECTS.items() if dialect.streamed]
WHOLE = [name for name, dialect in DIALECTS.items() if not dialect.streamed]
APIS = ["openai-chat", "openai-completions", "openai-responses", "anthropic-messages", "gemini"]

# How every scripted answer ends. Cases of one name mean the same in each dialect.
ENDINGS = {
    "answer": Outcome.OK,
    "no-end-marker": Outcome.OK,
    "gateway-end-marker": Outcome.OK,
    "length": Outcome.OK,
    "reasoning": Outcome.OK,
    "reasoning-both-names": Outcome.OK,
    "reasoning-not-sent": Outcome.OK,
    "reasoning-typed-parts": Outcome.OK,
    "tool-call": Outcome.OK,
    "new-kinds": Outcome.OK,
    "usage-restated-at-the-end": Outcome.OK,
    "refusal": Outcome.REFUSED,
    "refusal-without-words": Outcome.REFUSED,
    "blocked-prompt": Outcome.REFUSED,
    "filtered": Outcome.REFUSED,
    "error": Outcome.IN_STREAM_ERROR,
    "error-inside": Outcome.IN_STREAM_ERROR,
    "error-named": Outcome.IN_STREAM_ERROR,
    "error-inside-nested": Outcome.IN_STREAM_ERROR,
    "failed": Outcome.IN_STREAM_ERROR,
    "cut-off": Outcome.TRUNCATED,
    "unspecified-finish": Outcome.TRUNCATED,
    "empty": Outcome.EMPTY,
    "thinking-to-the-limit": Outcome.EMPTY,
    "unfinished": Outcome.EMPTY,
    # recorded by `python pipeline/benchmarks/real_servers.py`, from the servers themselves
    "litellm-error-inside": Outcome.IN_STREAM_ERROR,
    "litellm-finish-null-until-the-end": Outcome.OK,
    "litellm-usage-beside-an-empty-choice": Outcome.OK,
    "litellm-usage-restated-as-zero": Outcome.OK,
    "llama-cpp-answer": Outcome.OK,
    "llama-cpp-no-usage": Outcome.OK,
    "transformers-answer": Outcome.OK,
    "transformers-no-end-marker": Outcome.OK,
}


def scripted(case: str) -> windows.Request:
    return streams.record(case.partition("/")[0], streams.reads_of(case))


# --- the scripted answers ---


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_scripted_answer_becomes_its_golden_record(dialect):
    names = [case for case in streams.SCRIPTS if case.startswith(f"{dialect}/")]
    lines = [
        b'{"case":"%s","record":%s}\n'
        % (name.partition("/")[2].encode(), windows.encode_line(scripted(name)))
        for name in names
    ]
    golden = streams.GOLDEN / f"{dialect}.jsonl"
    if os.environ.get("FAIRLEAD_ACCEPT"):
        golden.write_bytes(b"".join(lines))
    assert golden.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("case", streams.SCRIPTS)
def test_every_scripted_answer_ends_as_its_name_says(case):
    assert scripted(case).outcome is ENDINGS[case.partition("/")[2]]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_has_the_cases_that_can_happen_to_it(dialect):
    have = {case.partition("/")[2] for case in streams.SCRIPTS if case.startswith(f"{dialect}/")}
    wanted = {"answer", "empty", "error-inside", "cut-off"} if dialect in STREAMED else {"answer"}
    if "completions" not in dialect:
        wanted |= {"reasoning", "tool-call"}
    assert wanted <= have


@pytest.mark.parametrize("case", streams.cases(streamed=True))
def test_line_ends_comments_and_pings_change_no_record_but_its_stamps(case):
    dialect = case.partition("/")[0]
    body = streams.script(case)
    plain = streams.whole_record(dialect, body)
    assert streams.whole_record(dialect, body.replace(b"\n", b"\r\n")) == plain
    assert streams.whole_record(dialect, body.replace(b"\n\n", b"\n\n: keep-alive\n\n")) == plain
    assert streams.whole_record(dialect, b"\xef\xbb\xbf" + body.replace(b"data: ", b"data:")) == plain


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", streams.SCRIPTS)
def test_an_answer_that_comes_byte_by_byte_is_the_same_answer(case, line_end):
    dialect = case.partition("/")[0]
    wire = streams.head(dialect, b"") + streams.script(case).replace(b"\n", line_end)
    whole = streams.record(dialect, [wire], ended=Ended.CLOSED)
    split = streams.record(dialect, streams.split(wire, range(len(wire))), ended=Ended.CLOSED)
    assert whole.outcome is ENDINGS[case.partition("/")[2]]
    assert len(split.chunk_ns) == len(whole.chunk_ns)
    unstamped = {"chunk_ns": [], "headers_ns": None, "done_ns": None}
    assert msgspec.structs.replace(split, **unstamped) == msgspec.structs.replace(whole, **unstamped)


@pytest.mark.parametrize("dialect", STREAMED)
def test_a_stream_cut_after_any_event_keeps_what_it_brought_and_is_no_success_before_its_finish(dialect):
    blocks = streams.events(streams.script(f"{dialect}/answer"))
    complete = streams.whole_record(dialect, b"".join(blocks))
    finished = False
    for count in range(len(blocks) + 1):
        body = b"".join(blocks[:count])
        cut = streams.record(dialect, [streams.head(dialect, b""), body], ended=Ended.RESET)
        assert (complete.text or "").startswith(cut.text or "")
        finished = cut.finish is not None
        assert cut.outcome is (Outcome.OK if finished else Outcome.TRUNCATED)
    assert finished


@pytest.mark.parametrize("dialect", STREAMED)
def test_an_event_that_is_not_json_makes_any_stream_malformed(dialect):
    blocks = streams.events(streams.script(f"{dialect}/answer"))
    broken = b"".join([*blocks[:1], b"data: {broken\n\n", *blocks[1:]])
    assert streams.whole_record(dialect, broken).outcome is Outcome.MALFORMED


@pytest.mark.parametrize(
    "data", [b"overloaded", b'"overloaded"', b'{"message":"overloaded"}', b'{"x":[1]}', b"\xff"]
)
@pytest.mark.parametrize("dialect", STREAMED)
def test_an_event_named_error_is_an_error_whatever_it_holds(dialect, data):
    body = streams.events(streams.script(f"{dialect}/answer"))[0] + b"event: error\ndata: %s\n\n" % data
    assert streams.whole_record(dialect, body).outcome is Outcome.IN_STREAM_ERROR


@pytest.mark.parametrize("dialect", STREAMED)
def test_a_whole_stream_of_no_event_at_all_is_empty_and_no_success(dialect):
    """What the server of llama-cpp-python sends, with status 200, where the prompt is too long for it."""
    assert streams.whole_record(dialect, b"").outcome is Outcome.EMPTY


@pytest.mark.parametrize("dialect", STREAMED)
def test_a_whole_answer_where_a_stream_was_asked_for_is_malformed(dialect):
    body = streams.script(f"{dialect}-whole/answer")
    reads = [streams.head(f"{dialect}-whole"), streams.chunked(body), b"0\r\n\r\n"]
    assert streams.record(dialect, reads).outcome is Outcome.MALFORMED


@pytest.mark.parametrize("dialect", STREAMED)
def test_half_an_emoji_is_one_replacement_character_in_any_stream(dialect):
    body = streams.script(f"{dialect}/answer").replace(b"A fair", b"A\\ud83d")
    request = streams.whole_record(dialect, body)
    assert (request.outcome, (request.text or "")[:2]) == (Outcome.OK, "A\ufffd")


# --- whole answers ---


@pytest.mark.parametrize("case", [f"{name}/{case}" for name in WHOLE for case in ("answer", "reasoning")
                                  if f"{name}/{case}" in streams.SCRIPTS])  # fmt: skip
def test_a_whole_answer_is_one_chunk_at_the_read_of_its_last_byte(case):
    request = scripted(case)
    assert request.chunk_kind == "t1"
    assert request.chunk_ns == [3 * streams.READ_NS]
    assert request.chunk_chars == [len(request.text or "") + len(request.reasoning or "")]


@pytest.mark.parametrize("dialect", WHOLE)
def test_the_ttft_of_a_whole_answer_is_its_e2e_latency_and_it_has_no_tpot(dialect):
    request = scripted(f"{dialect}/answer")
    assert metrics.ttft_ns(request, "closed") == metrics.e2e_ns(request, "closed") == 3 * streams.READ_NS
    assert metrics.tpot_ns(request, "closed") is None


@pytest.mark.parametrize("dialect", WHOLE)
def test_a_whole_answer_cut_short_is_truncated_and_says_nothing(dialect):
    body = streams.script(f"{dialect}/answer")
    wire = streams.head(dialect, b"content-length: %d\r\n" % len(body)) + body
    for at in (len(wire) - len(body), len(wire) - 1):
        cut = streams.record(dialect, [wire[:at]], ended=Ended.CLOSED)
        assert (cut.outcome, cut.text, cut.chunk_ns) == (Outcome.TRUNCATED, None, [])


@pytest.mark.parametrize("dialect", WHOLE)
def test_a_whole_answer_stopped_by_a_limit_is_a_timeout(dialect):
    reads = streams.reads_of(f"{dialect}/answer")[:-1]
    assert streams.record(dialect, reads, ended=Ended.TOTAL_TIMEOUT).outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("dialect", WHOLE)
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"[DONE", b"[" * 100_000])
def test_a_body_that_is_not_of_the_format_is_malformed(dialect, body):
    assert streams.whole_record(dialect, body).outcome is Outcome.MALFORMED


@pytest.mark.parametrize("dialect", WHOLE)
def test_a_whole_response_without_a_body_is_empty(dialect):
    reads = [streams.head(dialect, b"content-length: 0\r\n")]
    assert streams.record(dialect, reads).outcome is Outcome.EMPTY


@pytest.mark.parametrize("dialect", WHOLE)
def test_a_stream_where_a_whole_answer_was_asked_for_is_malformed(dialect):
    api = dialect.removesuffix("-whole")
    reads = [streams.head(api), streams.chunked(streams.script(f"{api}/answer")), b"0\r\n\r\n"]
    request = streams.record(dialect, reads)
    assert request.outcome is Outcome.MALFORMED
    assert request.error is not None
    assert request.error.code == "content_type"


# --- how an API is addressed ---


def test_the_names_are_the_apis_and_each_of_them_whole():
    assert list(DIALECTS) == [*APIS, *(f"{api}-whole" for api in APIS)]
    assert all(name.endswith("-whole") is not dialect.streamed for name, dialect in DIALECTS.items())


def test_a_provider_may_state_every_dialect_or_that_none_was_recorded():
    text = resources.files("fairlead").joinpath("schemas/provider.json").read_text("utf-8")
    endpoint = json.loads(text)["properties"]["endpoints"]["items"]["properties"]
    assert endpoint["dialect"]["enum"] == [*DIALECTS, "not-recorded"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_body_is_the_same_bytes_every_time_and_holds_the_prompt_as_it_is(dialect):
    body = DIALECTS[dialect].body("m", "h\u00e9llo \U0001f600", 7)
    assert body == DIALECTS[dialect].body("m", "h\u00e9llo \U0001f600", 7)
    assert "h\u00e9llo \U0001f600".encode() in body
    assert b"7" in body


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
NAMED = {"name": "add", "description": "adds"}


@pytest.mark.parametrize(
    ("api", "tools"),
    [
        ("openai-chat", [{"type": "function", "function": NAMED | {"parameters": SCHEMA}}]),
        ("openai-responses", [{"type": "function", "strict": False} | NAMED | {"parameters": SCHEMA}]),
        ("anthropic-messages", [NAMED | {"input_schema": SCHEMA}]),
        ("gemini", [{"functionDeclarations": [NAMED | {"parametersJsonSchema": SCHEMA}]}]),
    ],
)
def test_functions_are_offered_in_the_words_of_the_api_and_not_named_where_there_are_none(api, tools):
    for name in (api, f"{api}-whole"):
        dialect = DIALECTS[name]
        plain = json.loads(dialect.body("m", "p", 7))
        offered = json.loads(dialect.body("m", "p", 7, (Tool("add", "adds", SCHEMA),)))
        assert dialect.calls
        assert offered == plain | {"tools": tools}


@pytest.mark.parametrize("dialect", ["openai-completions", "openai-completions-whole"])
def test_an_api_without_functions_says_so_and_refuses_them(dialect):
    assert not DIALECTS[dialect].calls
    with pytest.raises(ValueError, match="no functions"):
        DIALECTS[dialect].body("m", "p", 7, (Tool("add", "adds", SCHEMA),))


@pytest.mark.parametrize(
    ("dialect", "url"),
    [
        ("openai-chat", "https://h/v1/chat/completions"),
        ("openai-completions", "https://h/v1/completions"),
        ("openai-responses", "https://h/v1/responses"),
        ("anthropic-messages", "https://h/v1/messages"),
        ("gemini", "https://h/v1beta/models/m:streamGenerateContent?alt=sse"),
        ("openai-chat-whole", "https://h/v1/chat/completions"),
        ("openai-completions-whole", "https://h/v1/completions"),
        ("openai-responses-whole", "https://h/v1/responses"),
        ("anthropic-messages-whole", "https://h/v1/messages"),
        ("gemini-whole", "https://h/v1beta/models/m:generateContent"),
    ],
)
def test_a_bare_host_gets_the_path_of_its_api(dialect, url):
    assert DIALECTS[dialect].url("https://h", "m") == url


@pytest.mark.parametrize("name", ["key", "KEY", "api_key", "api-key", "access_token", "token", "auth"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_in_an_address_is_refused_without_being_quoted(dialect, name):
    with pytest.raises(ValueError) as refused:
        DIALECTS[dialect].url(f"https://h/v1?x=1&{name}=s3cret", "m")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_request_says_what_it_accepts_and_carries_no_secret(dialect):
    headers = dict(DIALECTS[dialect].headers)
    expected = "text/event-stream" if dialect in STREAMED else "application/json"
    assert headers.pop("accept") == expected
    assert headers == ({"anthropic-version": "2023-06-01"} if "anthropic" in dialect else {})


@pytest.mark.parametrize(
    ("api", "header"),
    [
        ("openai-chat", ("authorization", "Bearer k-1")),
        ("openai-completions", ("authorization", "Bearer k-1")),
        ("openai-responses", ("authorization", "Bearer k-1")),
        ("anthropic-messages", ("x-api-key", "k-1")),
        ("gemini", ("x-goog-api-key", "k-1")),
    ],
)
def test_a_key_goes_in_the_header_of_its_api(api, header):
    assert auth(DIALECTS[api], "k-1") == auth(DIALECTS[f"{api}-whole"], "k-1") == header
    bound = functools.partial(auth, DIALECTS[api])
    assert bound("k-1") == header


@pytest.mark.parametrize("key", ["", "a b", "k\r\nx-evil: 1", "k\n", "cl\u00e9", "\x7f"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_being_quoted(key):
    with pytest.raises(ValueError) as refused:
        auth(DIALECTS["openai-chat"], key)
    assert not key or key not in str(refused.value)


# --- what a stream adds up to ---


def test_a_later_count_replaces_an_earlier_one_and_a_missing_one_does_not():
    begun = Usage(output=None, input=21, cached=16, reasoning=None)
    assert begun.then(Usage(9, None, None, 4)) == Usage(9, 21, 16, 4)
    assert begun.then(Usage(9, 23, None, None)).then(Usage(10, None, 0, None)) == Usage(10, 23, 0, None)


@pytest.mark.parametrize("number", [-1, 2**63, 2**64, 10**30])
def test_a_call_numbered_beyond_all_reason_still_gives_a_record(number):
    calls = [{"index": number, "function": {"name": "add"}}]
    event = {"choices": [{"delta": {"tool_calls": calls}, "finish_reason": "stop"}]}
    request = streams.whole_record("openai-chat", b"data: %s\n\n" % json.dumps(event).encode())
    assert request.outcome is Outcome.OK
    assert windows.encode_line(request)


# --- errors ---


def test_an_error_that_came_in_a_list_is_an_error():
    body = b'[{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}]'
    assert error_body(body, 429) == Fault("429", "quota")
    assert error_of(body) == Fault("429", "quota")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"error":{"message":"slow down","code":"rate"}}', Fault("rate", "slow down")),
        (b'{"error":"slow down"}', Fault("http_429", "slow down")),
        (b'{"detail":"slow down"}', Fault("http_429", "slow down")),
        (b'{"message":"slow down"}', Fault("http_429", "slow down")),
        (b"slow down", Fault("http_429", "slow down")),
        (b"\xff", Fault("http_429", "\ufffd")),
        (b"", Fault("http_429", "")),
    ],
)
def test_the_body_of_an_error_is_read_in_every_usual_shape(body, fault):
    assert error_body(body, 429) == fault


def test_only_a_body_with_an_error_object_is_an_error():
    assert error_of(b'{"error":{"message":"no","code":"c"}}') == Fault("c", "no")
    for body in (b'{"error":null}', b"{}", b"[]", b"<html>", b"\xff"):
        assert error_of(body) is None


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://h", "http://h/v1/chat/completions"),
        ("http://h/", "http://h/v1/chat/completions"),
        ("http://h:80/v1", "http://h:80/v1/chat/completions"),
        ("https://h/openai/v1/", "https://h/openai/v1/chat/completions"),
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/v1?api-version=1", "https://h/v1/chat/completions?api-version=1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_the_address_is_the_base_with_the_dialects_path(base, url):
    assert DIALECTS["openai-chat"].url(base) == url


@pytest.mark.parametrize(
    "base",
    [
        "h",
        "ftp://h",
        "http://",
        "https:///v1",
        "http://u:p@h/v1",
        "http://u@h",
        "",
        "http://h:0",
        "http://h:99999",
    ],
)
def test_a_base_that_is_no_plain_web_address_is_refused(base):
    with pytest.raises(ValueError):
        DIALECTS["openai-chat"].url(base)
