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
from fairlead.measure.timeline import Ended, Exchange, Shot, read_request

CHAT = DIALECTS["openai-chat"]
SHOT = Shot(i=0, slot=0, scheduled_ns=None, body_sha256=None)
BYTE_NS = 1000  # byte k of the response arrives at (k + 1) of these

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
deltas = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": st.none() | texts,
        "reasoning_content": texts,
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {"index": st.integers(0, 2), "function": st.fixed_dictionaries({"arguments": texts})}
            ),
            max_size=2,
        ),
    },
)
chunks = st.builds(
    lambda delta, finish: {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]},
    deltas,
    st.sampled_from([None, None, None, "stop", "length"]),
)
odd = st.sampled_from(
    [
        b": keep-alive\n\n", b"event: ping\ndata: {}\n\n", b"data: [DONE]\n\n", b"data: {bad\n\n", b"\n",
        b"id: 1\n",         b'data: {"error":{"message":"no"}}\n\n',
        b'data: {"choices":[],"usage":{"completion_tokens":5}}\r\n\r\n',
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
    ]
)  # fmt: skip
events = st.one_of(
    st.builds(lambda chunk: b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n", chunks),
    st.builds(lambda chunk: b"data:" + json.dumps(chunk).encode() + b"\r\n\r\n", chunks),
    odd,
)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A response in any framing, of any content, whole or cut short."""
    body = draw(st.lists(events, max_size=8))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    framing = draw(st.sampled_from(["chunked", "length", "close"]))
    whole = b"".join(body)
    if framing == "chunked":
        edges = sorted({0, len(whole), *draw(st.lists(st.integers(0, len(whole)), max_size=6))})
        parts = [whole[a:b] for a, b in itertools.pairwise(edges)]
        wire = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        wire = head + b"transfer-encoding: chunked\r\n\r\n" + wire
    elif framing == "length":
        wire = head + b"content-length: %d\r\n\r\n" % len(whole) + whole
    else:
        wire = head + b"\r\n" + whole
    return wire[: draw(st.none() | st.integers(0, len(wire)))]


def record(wire: bytes, cuts: list[int]) -> windows.Request:
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    reads = [(b * BYTE_NS, None, wire[a:b]) for a, b in itertools.pairwise(edges)]
    kept = Exchange(
        sent_ns=0, reused=False, reads=reads, end_ns=(len(wire) + 1) * BYTE_NS, ended=Ended.CLOSED
    )
    return read_request(SHOT, kept, CHAT, origin_ns=0)


def without_stamps(request: windows.Request) -> windows.Request:
    return msgspec.structs.replace(request, headers_ns=None, done_ns=None, chunk_ns=[])


@given(wire=responses(), cuts=st.lists(st.integers(1, 1500), max_size=20))
def test_any_split_of_the_bytes_gives_the_same_record_apart_from_stamps(wire, cuts):
    whole, split = record(wire, []), record(wire, cuts)
    assert without_stamps(split) == without_stamps(whole)
    assert len(split.chunk_ns) == len(whole.chunk_ns) == len(split.chunk_chars)


@given(wire=responses(), cuts=st.lists(st.integers(1, 1500), max_size=20))
def test_a_chunk_is_stamped_by_the_first_read_that_holds_all_of_it(wire, cuts):
    """Cut at every byte, a stamp names the byte that completed the chunk; a coarser split rounds it up."""
    exact, split = record(wire, list(range(len(wire)))), record(wire, cuts)
    ends = sorted({len(wire), *(cut for cut in cuts if cut < len(wire))})
    for fine_ns, coarse_ns in zip(
        itertools.accumulate(exact.chunk_ns), itertools.accumulate(split.chunk_ns), strict=True
    ):
        assert coarse_ns == next(end for end in ends if end * BYTE_NS >= fine_ns) * BYTE_NS


@given(wire=responses(), cuts=st.lists(st.integers(1, 1500), max_size=20))
def test_the_stamps_of_a_record_never_fall(wire, cuts):
    request = record(wire, cuts)
    stamps = [request.sent_ns, request.headers_ns, *itertools.accumulate(request.chunk_ns), request.done_ns]
    known = [stamp for stamp in stamps if stamp is not None]
    assert known == sorted(known)


@given(wire=st.binary(max_size=400), prefix=st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n"]))
def test_any_bytes_at_all_give_a_record_that_can_be_written(wire, prefix):
    request = record(prefix + wire, [5, 50])
    assert windows.encode_line(request)
    assert request.outcome is not windows.Outcome.OK


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_multi_byte_character_cut_anywhere_arrives_whole(size):
    body = 'data: {"choices":[{"delta":{"content":"né日😀"},"finish_reason":"stop"}]}\n\n'.encode()
    wire = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + body
    assert record(wire, list(range(0, len(wire), size))).text == "né日😀"
