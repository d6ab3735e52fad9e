"""Server-sent events, by the clauses of the WHATWG HTML standard, section 9.2.6."""

from __future__ import annotations

import pytest

from fairlead.measure.sse import MAX_EVENT_BYTES, MAX_LINE_BYTES, Event, SseParser


def events(*pieces: bytes) -> list[tuple[int, bytes, bytes]]:
    """What a parser gives for pieces that arrive as reads 0, 1, 2 …"""
    parser = SseParser()
    found: list[Event] = []
    for read, piece in enumerate(pieces):
        found += parser.feed(piece, read)
    assert parser.fault is None
    return [(event.read, event.name, event.data) for event in found]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_in_lf_crlf_or_cr(end):
    stream = b"event: a" + end + b"data: 1" + end + end + b"data: 2" + end + end
    assert events(stream) == [(0, b"a", b"1"), (0, b"", b"2")]


def test_data_lines_of_one_event_are_joined_by_line_feeds():
    assert events(b"data: a\ndata: b\ndata\ndata: c\n\n") == [(0, b"", b"a\nb\n\nc")]


def test_one_space_after_the_colon_is_dropped_and_only_one():
    assert events(b"data:a\ndata: b\ndata:  c\n\n") == [(0, b"", b"a\nb\n c")]


def test_comments_are_ignored_even_alone_in_a_read():
    assert events(b": keep-alive\n\n", b"data: a\n", b":\n", b"\n") == [(3, b"", b"a")]


def test_fields_of_no_concern_and_lines_without_colon_are_ignored():
    assert events(b"id: 7\nretry: 10\nfoo: bar\nfoo\ndatas: x\nDATA: y\ndata: a\n\n") == [(0, b"", b"a")]


def test_an_event_without_data_is_not_dispatched_and_its_name_is_forgotten():
    assert events(b"event: a\n\ndata: x\n\n") == [(0, b"", b"x")]


def test_a_later_name_replaces_an_earlier_one_and_an_empty_one_clears_it():
    assert events(b"event: a\nevent: b\ndata: 1\n\n") == [(0, b"b", b"1")]
    assert events(b"event: a\nevent\ndata: 1\n\n") == [(0, b"", b"1")]


def test_a_byte_order_mark_is_dropped_at_the_very_start_only():
    bom = b"\xef\xbb\xbf"
    assert events(bom + b"data: a\n\n" + bom + b"data: b\n\n") == [(0, b"", b"a")]
    assert events(bom[:1], bom[1:2], bom[2:] + b"data: a\n\n") == [(2, b"", b"a")]


def test_what_only_begins_like_a_byte_order_mark_is_a_line():
    assert events(b"\xef\xbb", b"data: a\n\ndata: b\n\n") == [(1, b"", b"b")]


def test_an_event_not_ended_by_a_blank_line_is_dropped():
    assert events(b"data: a\n\ndata: b\n") == [(0, b"", b"a")]


def test_events_joined_in_one_read_share_its_index_and_split_ones_take_the_last():
    assert events(b"data: a\n\ndata: b\n\nda", b"ta: c\n", b"\ndata: d\n\n") == [
        (0, b"", b"a"), (0, b"", b"b"), (2, b"", b"c"), (2, b"", b"d"),
    ]  # fmt: skip


def test_a_cr_ends_its_line_at_once_and_the_lf_of_the_next_read_belongs_to_it():
    assert events(b"data: a\r\n\r", b"\ndata: b\r", b"\n\r\n") == [(0, b"", b"a"), (2, b"", b"b")]


@pytest.mark.parametrize(
    ("under_way", "name", "data"),
    [
        (b"event: a\n", b"a", b"1"),
        (b"data: 0\n", b"", b"0\n1"),
        (b"data: 0\r", b"", b"0\n1"),
        (b"x", b"", None),
    ],
)
def test_a_read_that_looks_like_a_whole_event_still_ends_the_one_under_way(under_way, name, data):
    expected = [] if data is None else [(2, name, data)]
    assert events(b"\n", under_way, b"data: 1\n\n") == expected


def test_broken_utf_8_is_passed_on_as_it_is():
    assert events(b"data: \xff\xfe\n\n") == [(0, b"", b"\xff\xfe")]


def test_empty_reads_change_nothing():
    assert events(b"", b"data: a\r", b"", b"\n\r\n", b"") == [(3, b"", b"a")]


@pytest.mark.parametrize("size", [1, 7, 4096, MAX_LINE_BYTES])
def test_a_line_past_its_bound_stops_the_parser_with_a_stated_fault(size):
    parser = SseParser()
    stream = b"data: before\n\ndata: " + b"x" * MAX_LINE_BYTES
    found = []
    if size == 1:  # byte by byte only where it matters: the bound itself
        found += parser.feed(stream[:-8], 0)
        stream = stream[-8:]
    for at in range(0, len(stream), size):
        found += parser.feed(stream[at : at + size], 0)
    assert [event.data for event in found] == [b"before"]
    assert parser.fault == f"a line of more than {MAX_LINE_BYTES} bytes"
    assert parser.feed(b"\n\ndata: after\n\n", 1) == []


def test_a_line_of_exactly_the_bound_passes_however_it_comes():
    line = b"data: " + b"x" * (MAX_LINE_BYTES - 6)
    assert events(line + b"\n\n") == [(0, b"", line[6:])]
    assert events(b"data: a\n\n" + line + b"\n\n")[1] == (0, b"", line[6:])
    assert events(line[:9], line[9:], b"\n", b"\n") == [(3, b"", line[6:])]


def test_an_event_past_its_bound_stops_the_parser_with_a_stated_fault():
    parser = SseParser()
    line = b"data: " + b"x" * 65536 + b"\n"
    for _ in range(MAX_EVENT_BYTES // 65536 + 1):
        parser.feed(line, 0)
    assert parser.fault == f"an event of more than {MAX_EVENT_BYTES} bytes"
