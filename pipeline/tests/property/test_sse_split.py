"""However a stream is cut into reads, it holds the same events, each completed where its end is."""

from __future__ import annotations

import itertools
import re

from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.measure.sse import Event, SseParser, read_events

ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
lines = st.one_of(
    st.sampled_from([b"", b"", b"data", b"data:", b"data: x", b": note", b"event: e", b"event", b"id: 1"]),
    st.just(b"\xef\xbb\xbf"),
    st.binary(max_size=12),
    st.binary(max_size=12).map(lambda data: b"data: " + data),
)  # fmt: skip
streams = st.lists(st.tuples(lines, ends), max_size=25).map(
    lambda parts: b"".join(line + end for line, end in parts)
)


def parse(pieces: list[bytes]) -> list[tuple[int, bytes, bytes]]:
    parser = SseParser()
    found = [event for read, piece in enumerate(pieces) for event in parser.feed(piece, read)]
    return [(event.read, event.name, event.data) for event in found]


def plain(stream: bytes) -> list[tuple[bytes, bytes]]:
    """The standard, read naively: the whole text at once, line by line."""
    found, data, name = [], [], b""
    whole = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))[:-1]
    for line in whole:
        key, _, value = line.partition(b":")
        if line == b"":
            if data:
                found.append((name, b"\n".join(data)))
            data, name = [], b""
        elif key == b"data":
            data.append(value.removeprefix(b" "))
        elif key == b"event":
            name = value.removeprefix(b" ")
    return found


@given(stream=streams, cuts=st.lists(st.integers(0, 400), max_size=12))
@example(stream=b"data: a\r\n\r\ndata: b\n\n", cuts=[8, 9, 10])
@example(stream=b"data: a\n\ndata: b\n\n", cuts=[9])
@example(stream=b"data: 0\r\n\r\n", cuts=[7, 8, 9])
def test_any_split_gives_the_events_that_the_standard_gives_for_the_whole(stream, cuts):
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert [(name, data) for _, name, data in parse(pieces)] == plain(stream)


@given(stream=streams)
def test_an_event_carries_the_read_in_which_its_blank_line_ended(stream):
    pieces = [bytes([byte]) for byte in stream]
    for read, name, data in parse(pieces):
        upto = plain(stream[: read + 1])
        assert upto[-1] == (name, data)
        # A CR ends its line at once, so the event was not there one byte before.
        assert len(plain(stream[:read])) == len(upto) - 1


plain_events = st.lists(st.binary(max_size=9).map(lambda data: b"data: " + data + b"\n\n"), max_size=20)


@given(
    stream=st.one_of(streams, plain_events.map(b"".join)),
    cuts=st.lists(st.integers(0, 200), max_size=25),
)
@example(stream=b"data: a\n\n\ndata: b\n\n", cuts=[])
@example(stream=b"data: a\n\ndata: b\n\n", cuts=[8, 9, 9, 10])
def test_a_stream_that_is_over_gives_what_it_gave_piece_by_piece(stream, cuts):
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    body = [(2 * read, stream[a:b]) for read, (a, b) in enumerate(itertools.pairwise(edges))]
    parser = SseParser()
    one_by_one: list[Event] = [event for read, piece in body for event in parser.feed(piece, read)]
    assert read_events(body) == (one_by_one, parser.fault)
