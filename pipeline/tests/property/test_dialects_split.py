"""However the network cuts a response, the record is the same but for its stamps, and those are exact."""

from __future__ import annotations

import itertools
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead import windows
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.timeline import Ended, Exchange, read_request

from .. import dialect_streams as streams

BYTE_NS = 1000  # byte k of the response arrives at (k + 1) of these

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
finishes = st.sampled_from([None, None, None, "stop", "length", "content_filter"])


def _objects(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional=fields)


def _chat(message: st.SearchStrategy[object], key: str) -> st.SearchStrategy[object]:
    return st.builds(
        lambda said, finish: {"id": "c", "choices": [{"index": 0, key: said, "finish_reason": finish}]},
        message,
        finishes,
    )


_messages = _objects(
    role=st.just("assistant"),
    content=st.none() | texts,
    reasoning_content=texts,
    refusal=texts,
    tool_calls=st.lists(
        st.fixed_dictionaries(
            {"index": st.integers(0, 2), "function": _objects(arguments=texts, name=texts)}
        ),
        max_size=2,
    ),
)
_completions = st.builds(
    lambda text, finish: {"id": "c", "choices": [{"text": text, "finish_reason": finish}]}, texts, finishes
)
_blocks = _objects(
    type=st.sampled_from(["text", "thinking", "tool_use", "novelty"]), text=texts, thinking=texts, name=texts
)
_deltas = _objects(
    type=st.sampled_from(["text_delta", "thinking_delta", "input_json_delta", "signature_delta"]),
    text=texts,
    thinking=texts,
    partial_json=texts,
    stop_reason=st.sampled_from([None, "end_turn", "refusal"]),
)
_messages_events = st.fixed_dictionaries(
    {"type": st.sampled_from(["content_block_delta", "content_block_start", "message_delta", "ping"])},
    optional={"index": st.integers(0, 2), "delta": _deltas, "content_block": _blocks},
)
_responses_events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "response.output_text.delta", "response.reasoning_text.delta", "response.refusal.delta",
                "response.function_call_arguments.delta", "response.output_text.done", "response.completed",
            ]
        ),
        "delta": texts,
    },
    optional={"output_index": st.integers(0, 2), "response": st.just({"id": "r"})},
)  # fmt: skip
_parts = _objects(text=texts, thought=st.booleans()) | st.builds(
    lambda name: {"functionCall": {"name": name, "args": {"a": name}}}, texts
)
_gemini = st.builds(
    lambda parts, finish: {"candidates": [{"content": {"parts": parts}, "finishReason": finish}]},
    st.lists(_parts, max_size=3),
    st.sampled_from([None, None, "STOP", "SAFETY"]),
)

# Answers that no script foresaw: what an event of a stream may hold, and what a whole body.
MADE_UP: dict[str, st.SearchStrategy[object]] = {
    "openai-chat": _chat(_messages, "delta"),
    "openai-completions": _completions,
    "openai-responses": _responses_events,
    "anthropic-messages": _messages_events,
    "gemini": _gemini,
    "openai-chat-whole": _chat(_messages, "message"),
    "openai-completions-whole": _completions,
    "openai-responses-whole": _objects(
        id=texts,
        status=st.sampled_from(["completed", "incomplete", "failed"]),
        output=st.lists(st.builds(lambda text: {"type": "message", "content": [{"text": text}]}, texts)),
    ),
    "anthropic-messages-whole": _objects(content=st.lists(_blocks), stop_reason=st.just("end_turn")),
    "gemini-whole": _gemini,
}

odd = st.sampled_from(
    [
        b": keep-alive\n\n", b"event: ping\ndata: {}\n\n", b"data: [DONE]\n\n", b"data: {bad\n\n", b"\n",
        b"id: 1\n",         b'data: {"error":{"message":"no"}}\n\n', b"event: error\r\ndata: {}\r\n\r\n",
        b'data: {"choices":[],"usage":{"completion_tokens":5}}\r\n\r\n', b'data: {"delta":"\xff"}\n\n',
    ]
)  # fmt: skip


def _bodies(dialect: str) -> st.SearchStrategy[bytes]:
    """A scripted answer, whole; or, of a stream, events in any order, scripted, made up and odd."""
    scripts = [streams.script(case) for case in streams.SCRIPTS if case.startswith(f"{dialect}/")]
    made_up = MADE_UP[dialect]
    if not DIALECTS[dialect].streamed:
        return st.sampled_from(scripts) | made_up.map(lambda body: json.dumps(body).encode())
    loose = st.one_of(
        st.sampled_from(sorted({event for script in scripts for event in streams.events(script)})),
        made_up.map(lambda value: b"data: %s\n\n" % json.dumps(value, ensure_ascii=False).encode()),
        made_up.map(lambda value: b"data:%s\r\n\r\n" % json.dumps(value).encode()),
        odd,
    )
    bodies = st.sampled_from(scripts) | st.lists(loose, max_size=8).map(b"".join)
    return bodies | bodies.map(lambda body: body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


BODIES = {dialect: _bodies(dialect) for dialect in DIALECTS}


@st.composite
def responses(draw: st.DrawFn) -> tuple[str, bytes]:
    """A dialect, and a response in any framing, of any content, whole or cut short."""
    dialect = draw(st.sampled_from(sorted(DIALECTS)))
    whole = draw(BODIES[dialect])
    framing = draw(st.sampled_from(["chunked", "length", "close"]))
    if framing == "chunked":
        edges = sorted({0, len(whole), *draw(st.lists(st.integers(0, len(whole)), max_size=6))})
        parts = [whole[a:b] for a, b in itertools.pairwise(edges)]
        wire = b"".join(map(streams.chunked, parts)) + b"0\r\n\r\n"
        wire = streams.head(dialect) + wire
    elif framing == "length":
        wire = streams.head(dialect, b"content-length: %d\r\n" % len(whole)) + whole
    else:
        wire = streams.head(dialect, b"") + whole
    return dialect, wire[: draw(st.none() | st.integers(0, len(wire)))]


def record(dialect: str, wire: bytes, cuts: list[int]) -> windows.Request:
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    reads = [(b * BYTE_NS, None, wire[a:b]) for a, b in itertools.pairwise(edges)]
    kept = Exchange(
        sent_ns=0, reused=False, reads=reads, end_ns=(len(wire) + 1) * BYTE_NS, ended=Ended.CLOSED
    )
    return read_request(streams.SHOT, kept, DIALECTS[dialect], origin_ns=0)


def without_stamps(request: windows.Request) -> windows.Request:
    return msgspec.structs.replace(request, headers_ns=None, done_ns=None, chunk_ns=[])


cut_places = st.lists(st.integers(1, 4000), max_size=20)


@given(response=responses(), cuts=cut_places)
def test_any_split_of_the_bytes_gives_the_same_record_apart_from_stamps(response, cuts):
    whole, split = record(*response, []), record(*response, cuts)
    assert without_stamps(split) == without_stamps(whole)
    assert len(split.chunk_ns) == len(whole.chunk_ns) == len(split.chunk_chars)


@given(response=responses(), cuts=cut_places)
def test_a_chunk_is_stamped_by_the_first_read_that_holds_all_of_it(response, cuts):
    """Cut at every byte, a stamp names the byte that completed the chunk; a coarser split rounds it up."""
    wire = response[1]
    exact, split = record(*response, list(range(len(wire)))), record(*response, cuts)
    ends = sorted({len(wire), *(cut for cut in cuts if cut < len(wire))})
    for fine_ns, coarse_ns in zip(
        itertools.accumulate(exact.chunk_ns), itertools.accumulate(split.chunk_ns), strict=True
    ):
        assert coarse_ns == next(end for end in ends if end * BYTE_NS >= fine_ns) * BYTE_NS


@given(response=responses(), cuts=cut_places)
def test_the_stamps_of_a_record_never_fall(response, cuts):
    request = record(*response, cuts)
    stamps = [request.sent_ns, request.headers_ns, *itertools.accumulate(request.chunk_ns), request.done_ns]
    known = [stamp for stamp in stamps if stamp is not None]
    assert known == sorted(known)


@given(
    dialect=st.sampled_from(sorted(DIALECTS)),
    wire=st.binary(max_size=400),
    prefix=st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n"]),
)
def test_any_bytes_at_all_give_a_record_that_can_be_written(dialect, wire, prefix):
    request = record(dialect, prefix + wire, [5, 50])
    assert windows.encode_line(request)
    assert request.outcome is not windows.Outcome.OK


@given(
    dialect=st.sampled_from(sorted(DIALECTS)),
    body=st.binary(max_size=200),
    cuts=st.lists(st.integers(1, 300)),
)
def test_any_body_at_all_gives_a_record_that_can_be_written(dialect, body, cuts):
    stated = b"data: " + body + b"\n\n" if DIALECTS[dialect].streamed else body
    request = record(dialect, streams.head(dialect, b"") + stated, cuts)
    assert windows.encode_line(request)
    assert request.outcome is not windows.Outcome.OK


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("case", [f"{name}/answer" for name in DIALECTS if "completions" not in name])
def test_a_multi_byte_character_cut_anywhere_arrives_whole(case, size):
    dialect = case.partition("/")[0]
    wire = streams.head(dialect, b"") + streams.script(case).replace("日".encode(), "né日😀".encode())
    request = record(dialect, wire, list(range(0, len(wire), size)))
    assert request.outcome is windows.Outcome.OK
    assert request.text == record(dialect, wire, []).text
