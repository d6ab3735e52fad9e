"""Strict YAML to data, on libyaml's event stream. Knows no schema and no file kind.

libyaml gives events with marks; everything that ready-made loaders guess or drop (duplicate keys,
aliases, comments, the meaning of plain scalars) is decided here. Depth is counted as events come,
so that no nesting is ever built before it is known to be bounded.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml

from fairlead.documents.scalars import JSON_NUMBER, Ambiguous, describe, quoted, resolve_plain
from fairlead.documents.text import Document, Json, Mark, Place, located, problem_of
from fairlead.problems import Problem, Span, escape_character, is_hidden, pointer, quote

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_VALUES = 50_000  # a list of 100,000 short values fits in MAX_BYTES and takes a minute to validate
MAX_KEY = 100  # characters: libyaml gives up on a key of more than 1,024, escapes included
MAX_PROBLEMS = 50  # a file: beyond these, the first ones have to be mended anyway


_EVENTS = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_ENDS_READING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")  # moves or stops libyaml's lines
_Event: TypeAlias = Any  # a yaml event: the stubs allow one without marks, a parser's always has them


class _HaltError(Exception):
    """Reading cannot go on; the problem that says why is recorded."""


def parse(data: bytes, path: str) -> tuple[Document | None, list[Problem]]:
    """Read one strict YAML document.

    The document is None where nothing can be made of the bytes; else it holds all that could be
    read, even beside problems: an alias reads as null, a disputed scalar as its own text, and of a
    key given twice the first counts.
    """
    text, problems = _decode(data, path)
    if text is None or any(problem.code == "DOC001" for problem in problems):
        return None, problems
    builder = _Builder(path, text, problems)
    try:
        root = builder.document()
    except _HaltError:
        return None, problems
    return Document(path=path, text=text, data=root, marks=builder.marks), problems


def read_plain(data: bytes, path: str) -> Document | None:
    """What :func:`parse` makes of one line of canonical JSON, without where anything is, in a hundredth of
    the time; None where only :func:`parse` can tell.

    Both read JSON of printable ASCII without escapes alike, as long as it is too short for any bound. The
    caller has it from our own encoder, so no key stands twice and no number has a spelling of its own.
    """
    if len(data) > MAX_VALUES or not data.startswith(b"{") or b"\\" in data or not data.isascii():
        return None
    text = data.decode()
    return Document(path=path, text=text, data=json.loads(text), marks={}) if text.isprintable() else None


def _decode(data: bytes, path: str) -> tuple[str | None, list[Problem]]:
    if len(data) > MAX_BYTES:
        message = f"{len(data):,} bytes of YAML, more than {MAX_BYTES:,}"
        return None, [problem_of(path, "DOC002", message)]
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return None, [_bad_byte(data, error, path)]
    problems = _hidden_characters(text, path)
    return text.removeprefix("\ufeff"), problems  # libyaml does not count the mark either


def _bad_byte(data: bytes, error: UnicodeDecodeError, path: str) -> Problem:
    message = f"byte 0x{data[error.start]:02x} is not UTF-8"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        message += "; the file looks like UTF-16"
    start = len(data[: error.start].decode())
    text = data.decode(errors="replace")
    span = _span_at(text, start, start + 1)
    return located(path, text, "DOC001", span, message, expected="UTF-8", fix="save the file as UTF-8")


def _span_at(text: str, start: int, end: int) -> Span:
    """The span of ``text[start:end]``, which lies within one line."""
    line_start = text.rfind("\n", 0, start) + 1
    return Span(text.count("\n", 0, start) + 1, start - line_start + 1, end - line_start + 1)


def _hidden_characters(text: str, path: str) -> list[Problem]:
    """Every character that a reviewer would not see. Those that end the reading are DOC001."""
    hidden = {character for character in set(text) - set("\n\t") if is_hidden(character)}
    if not hidden:
        return []
    problems: list[Problem] = []
    for match in re.finditer("[" + "".join(map(re.escape, sorted(hidden))) + "]", text):
        if match[0] == "\r" and text.startswith("\n", match.end()):
            continue
        name = escape_character(match[0])
        message, fix = f"the character {name}, which cannot be seen", f'leave it out, or write "{name}"'
        if match[0] == "\ufeff" and match.start() == 0:
            message, fix = "a byte order mark", "save the file as UTF-8 without a mark"
        code = "DOC001" if _ENDS_READING.match(match[0]) else "DOC016"
        span = _span_at(text, match.start(), match.end())
        problems.append(located(path, text, code, span, message, expected="visible text", fix=fix))
        if len(problems) >= MAX_PROBLEMS:
            break
    return problems


class _Builder:
    """Turns libyaml's events into data, marks and problems."""

    def __init__(self, path: str, text: str, problems: list[Problem]) -> None:
        self.marks: dict[str, Mark] = {}
        self._path = path
        self._text = text
        self._problems = problems
        self._lines = text.split("\n")
        self._events: Iterator[_Event] = yaml.parse(text, Loader=_EVENTS)
        self._values = 0
        self._scalars: list[tuple[int, int]] = []  # the ranges of the text where `#` is no comment

    # -- the stream

    def document(self) -> Json:
        """The one document of the text. Raises _HaltError where it cannot be read to its end."""
        read_to = len(self._text)
        try:
            return self._document()
        except yaml.YAMLError as error:
            read_to = self._scalars[-1][1] if self._scalars else 0
            self._report_syntax(error)
            raise _HaltError from None
        finally:
            self._report_comments(read_to)

    def _document(self) -> Json:
        next(self._events)  # the start of the stream
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            self._report("DOC005", (1, 1, 2), "nothing is in this file", fix="fill it or delete it")
            raise _HaltError
        if getattr(start, "version", None) or getattr(start, "tags", None):
            fix = "delete the line that starts with `%`"
            self._report("DOC006", self._place(start), "a directive", fix=fix)
        root = self._node(next(self._events), "", None, 1)
        next(self._events)  # the end of the document
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            fix = "keep one document, without `---`"
            self._report("DOC006", self._place(after), "a second document starts here", fix=fix)
            raise _HaltError
        return root

    # -- nodes

    def _node(self, event: _Event, pointer: str, key: Place | None, depth: int) -> Json:
        place = self._place(event)
        self.marks[pointer] = Mark(place, key)
        self._values += 1
        if self._values > MAX_VALUES:
            self._report("DOC002", place, f"more than {MAX_VALUES:,} values in one file", pointer)
            raise _HaltError
        if depth > MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            expected = f"at most {MAX_DEPTH} levels"
            self._report("DOC004", place, "nested too deep", pointer, expected=expected)
            raise _HaltError
        self._refuse_properties(event, pointer)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, pointer)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, pointer, key, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, pointer, key, depth)
        return None  # an alias

    def _sequence(self, start: _Event, pointer: str, key: Place | None, depth: int) -> list[Json]:
        items: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{pointer}/{len(items)}", None, depth + 1))
        self.marks[pointer] = Mark(self._place(start, event), key)
        return items

    def _mapping(self, start: _Event, pointer: str, key: Place | None, depth: int) -> dict[str, Json]:
        members: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._key(event, pointer, depth)
            if name is None:
                self._skip(next(self._events), depth)
                continue
            child = _join(pointer, name)
            if name in members:
                first = self.marks[child].key
                message = f"the key {quote(name)} is already on line {first[0] if first else '?'}"
                self._report("DOC007", self._place(event), message, child, fix="keep one of the two")
                self._skip(next(self._events), depth)
                continue
            members[name] = self._node(next(self._events), child, self._place(event), depth + 1)
        self.marks[pointer] = Mark(self._place(start, event), key)
        return members

    def _skip(self, event: _Event, depth: int) -> None:
        """Read a node that has no place in the data, for its problems only."""
        marks, self.marks = self.marks, {}
        self._node(event, "", None, depth + 1)
        self.marks = marks

    def _key(self, event: _Event, parent: str, depth: int) -> str | None:
        """The text of a key; None where its value has no place in the data."""
        if not isinstance(event, yaml.ScalarEvent):
            self._report("DOC012", self._place(event), "a key that is not text", parent, expected="text")
            self._skip(event, depth)
            return None
        self._cover(event)
        self._refuse_properties(event, parent)
        name: str = event.value
        if name == "<<" and not event.style:
            fix = "write the keys out where they belong"
            self._report("DOC011", self._place(event), "a merge key", parent, fix=fix)
            return None
        if len(name) > MAX_KEY:
            expected = f"at most {MAX_KEY} characters"
            message = f"a key of {len(name):,} characters"
            self._report("DOC017", self._place(event), message, parent, expected=expected)
            return None
        if not event.style:
            self._refuse_plain_key(event, name, _join(parent, name))
        return name

    def _refuse_plain_key(self, event: _Event, name: str, pointer: str) -> None:
        meaning = resolve_plain(name)
        if meaning == name and isinstance(meaning, str):
            return
        code, found = "DOC012", f"found {describe(meaning)} as a key"
        if isinstance(meaning, Ambiguous) and name:
            code, found = "DOC013", f"{quote(name)} is {meaning.reading} to other readers"
        fix = f"write `{quoted(name)}:`"
        self._report(code, self._place(event), found, pointer, expected="text", fix=fix)

    def _scalar(self, event: _Event, pointer: str) -> Json:
        self._cover(event)
        text: str = event.value
        if event.style:
            return text
        meaning = resolve_plain(text)
        if not isinstance(meaning, Ambiguous):
            return meaning
        place = self._place(event)
        if not text:
            self._report("DOC014", place, "found no value", pointer, expected=_EMPTY, fix=meaning.fix)
        elif JSON_NUMBER.fullmatch(text):
            self._report("DOC015", place, f"{quote(text)} is {meaning.reading}", pointer, fix=meaning.fix)
        else:
            found = f"{quote(text)} is {meaning.reading} to other readers"
            self._report("DOC013", place, found, pointer, fix=meaning.fix)
        return text

    def _refuse_properties(self, event: _Event, pointer: str) -> None:
        if not event.anchor and (isinstance(event, yaml.AliasEvent) or not event.tag):
            return
        place = self._first_word(event)
        if isinstance(event, yaml.AliasEvent):
            found, fix = f"the alias {quote(f'*{event.anchor}')}", "write the value out"
            self._report("DOC009", place, found, pointer, fix=fix)
            return
        if event.anchor:
            found = f"the anchor {quote(f'&{event.anchor}')}"
            self._report("DOC009", place, found, pointer, fix="delete the anchor")
        if event.tag:
            self._report("DOC010", place, f"the tag {quote(event.tag)}", pointer, fix="delete the tag")

    # -- places and problems

    def _place(self, start: _Event, end: _Event | None = None) -> Place:
        """From an event's start to its end (or to another event's), at most to the end of the line."""
        first, last = start.start_mark, (end or start).end_mark
        line = min(first.line, len(self._lines) - 1)  # libyaml's end of text may be a line further on
        length = len(self._lines[line].rstrip("\r"))
        column = first.column if line == first.line else length
        is_block = first.index == last.index and isinstance(start, yaml.CollectionStartEvent)
        is_open = last.line > first.line or is_block
        stop = length if is_open else last.column
        return line + 1, column + 1, max(stop, column + 1) + 1

    def _first_word(self, event: _Event) -> Place:
        """The anchor, alias or tag that a node begins with."""
        mark = event.start_mark
        word = _WORD.match(self._text, mark.index)
        return mark.line + 1, mark.column + 1, mark.column + 1 + max(1, len(word[0]) if word else 1)

    def _cover(self, event: _Event) -> None:
        """Remember where `#` belongs to a scalar. The header of a block scalar may hold a comment."""
        start, end = event.start_mark.index, event.end_mark.index
        header = _BLOCK_HEADER.match(self._text, start) if event.style in ("|", ">") else None
        if header:
            self._scalars.append((start, header.end()))
            start = self._text.find("\n", start) + 1 or end
        self._scalars.append((start, end))

    def _report_comments(self, read_to: int) -> None:
        """Report each `#` up to ``read_to`` that is in no scalar: libyaml drops comments unsaid."""
        starts = [start for start, _ in self._scalars]
        index = self._text.find("#", 0, read_to)
        while index >= 0 and len(self._problems) < MAX_PROBLEMS:
            place = bisect.bisect_right(starts, index) - 1
            if place >= 0 and index < self._scalars[place][1]:
                index = self._text.find("#", index + 1, read_to)
                continue
            line_end = self._text.find("\n", index)
            line_end = line_end if line_end >= 0 else len(self._text)
            span = _span_at(self._text, index, line_end)
            place_of = (span.line, span.column, span.end_column)
            self._report("DOC008", place_of, "found a comment", fix="say it under `notes:`, or delete it")
            index = self._text.find("#", line_end, read_to)

    def _report_syntax(self, error: yaml.YAMLError) -> None:
        said = getattr(error, "problem", None) or str(error)
        is_unfinished = "end of stream" in said or "document indicator" in said
        marks = [getattr(error, "problem_mark", None), getattr(error, "context_mark", None)]
        mark = next(filter(None, reversed(marks) if is_unfinished else marks), None)
        line = min(mark.line, len(self._lines) - 1) if mark else 0
        column = min(mark.column, len(self._lines[line])) if mark else 0
        context = getattr(error, "context", None)
        message, fix = f"{said} {context}" if context else said, _syntax_fix(said)
        if self._lines[line][column : column + 1] == "\t":
            message, fix = "a tab cannot stand here", "indent with spaces, never with tabs"
        self._report("DOC003", (line + 1, column + 1, column + 2), message, expected="YAML", fix=fix)

    def _report(
        self,
        code: str,
        place: Place,
        message: str,
        pointer: str = "",
        *,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            span = Span(*place)
            made = located(self._path, self._text, code, span, message, pointer, expected, fix)
            self._problems.append(made)


_WORD = re.compile(r"[^\s,\[\]{}]*")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]{0,2}")
_EMPTY = "a value; `null` where it is not disclosed"

_SYNTAX_FIXES = (
    ("mapping values are not allowed", "put text that holds `: ` in double quotes, and give each key a line"),
    ("cannot start any token", "put the value in double quotes"),
    ("expected key", "line this key up with the other keys of its mapping"),
    ("could not find expected ':'", "write `key: value`"),
    ("block end", "line this up with the other entries of its list or mapping"),
    ("'-' indicator", "line this `-` up with the other entries of its list"),
    ("end of stream", "close the quotes or the bracket that opens here"),
    ("',' or", "close the bracket, or put a comma between the entries"),
    ("escape character", "write a backslash as two, or put the text in single quotes"),
    ("block sequence entries are not allowed", "start the list on a line of its own"),
)


def _syntax_fix(said: str) -> str:
    return next(
        (fix for words, fix in _SYNTAX_FIXES if words in said), "see the YAML of a file beside this one"
    )


def _join(parent: str, name: str) -> str:
    return parent + pointer(name)
