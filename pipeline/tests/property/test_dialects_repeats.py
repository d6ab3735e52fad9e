"""A stream read by its likeness says what it says event by event."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.measure.dialects import DIALECTS, Delta, EventError, Piece, Repeats
from fairlead.measure.dialects.openai_chat import openai_chat_read
from fairlead.measure.sse import Event, SseParser

from ..dialect_streams import cases, script

texts = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [" word", "fairlead-mark", '"', "\\", "\n", "\u2028", "\x7f", "é", "𝄞", "null", "data", "[DONE]", ""]
    ),
)
MEMBERS = st.sampled_from(
    [
        '{"choices":[{"delta":{"content":%s}}]}',
        '{"choices":[{"delta":{"content":"x","content":%s}}]}',
        '{"choices":[{"delta":{"reasoning_content":%s}}]}',
        '{"id":"word","choices":[{"delta":{"content":%s},"finish_reason":null}]}',
        '{"choices":[{"delta":{"content":%s},"finish_reason":"stop"}]}',
        '{"choices":[{"delta":{"content":%s,"reasoning":"word"}}]}',
        '{"choices":[{"delta":{"refusal":%s}}]}',
        '{"choices":[{"delta":{"content":%s}}],"usage":{"completion_tokens":3}}',
        '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":%s}}]}}]}',
        '{"error":%s}',
    ]
)


def outcome(read, event: Event) -> Delta | str:
    try:
        return read(event)
    except EventError as error:
        return str(error)


def assert_alike(read, events: list[Event]) -> None:
    alone = [outcome(read, event) for event in events]
    by_likeness = Repeats(read).read
    assert [outcome(by_likeness, event) for event in events] == alone
    unnamed = [Event(event.read, b"", event.data) for event in events]
    assert by_runs(read, unnamed) == [said(outcome(read, event)) for event in unnamed]


def said(what: Delta | str) -> Delta | str:
    """Without the id, which a run does not repeat: the event that it was learned from gave it."""
    return what if isinstance(what, str) else msgspec.structs.replace(what, response_id=None)


def by_runs(read, events: list[Event]) -> list[Delta | str]:
    """The stream read as sealing reads it: runs at once, the others one by one."""
    repeats, found = Repeats(read), []
    data = [event.data for event in events]
    while len(found) < len(events):
        kind, texts = repeats.read_run(data, len(found))
        if texts:
            found += [Delta(pieces=(Piece(kind, text),)) for text in texts]
        else:
            found.append(said(outcome(repeats.read, events[len(found)])))
    return found


@given(
    st.lists(st.tuples(MEMBERS, texts, st.booleans()), max_size=12),
    st.sampled_from([b"", b"error", b"delta"]),
)
@example([('{"choices":[{"delta":{"content":%s}}]}', text, True) for text in ("a", "a", "\ud800", "b")], b"")
def test_events_that_look_alike_say_what_they_say_alone(parts, name):
    texts_as_json = (json.dumps(text, ensure_ascii=is_ascii) for _, text, is_ascii in parts)
    events = [
        Event(place, name if place % 5 == 4 else b"", (form % text).encode("utf-8", "surrogatepass"))
        for place, ((form, _, _), text) in enumerate(zip(parts, texts_as_json, strict=True))
    ]
    assert_alike(openai_chat_read, events)


@given(st.lists(st.binary(max_size=8), max_size=6))
@example([b"x\\", b'a","b'])
@example([b"x\\", b"\xff", b"\\ud83d", b"\\u00e9\\n"])
def test_bytes_that_are_no_text_between_known_ones_are_read_by_the_parser(middles):
    known = [b'{"choices":[{"delta":{"content":"' + text + b'"}}]}' for text in (b"a", b"bc", *middles, b"d")]
    assert_alike(openai_chat_read, [Event(place, b"", data) for place, data in enumerate(known)])


@pytest.mark.parametrize("case", cases(streamed=True))
def test_every_scripted_stream_says_the_same(case):
    read = DIALECTS[case.partition("/")[0]].read
    assert_alike(read, SseParser().feed(script(case) * 2, 0))
