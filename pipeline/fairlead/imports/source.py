"""JSON that another tool wrote, with the place of everything in it. Knows no tool's keys and no root.

Reading is bounded, follows no link, and keeps each object's own text, so that it can be carried over
byte for byte. Numbers with a fraction stay decimal, so that nothing is rounded twice.
"""

from __future__ import annotations

import collections
import dataclasses
import decimal
import fractions
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from fairlead.clock import NS_PER_S
from fairlead.documents import Unreadable, read_bounded, source_line
from fairlead.problems import Problem, Span, pointer, quote

MAX_SOURCE_BYTES = 32 * 1024 * 1024
MAX_OBJECT_CHARACTERS = 1024 * 1024  # its text is carried over, so it has to fit in a line of a window
MAX_DURATION_S = 86_400
MAX_CLOCK_S = 4_102_444_799  # the end of 2099, for what counts from 1970

Number: TypeAlias = int | decimal.Decimal


class SourceError(Exception):
    """Something in the source that cannot be imported; ``problems`` say where and why."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """The text of a source file."""

    name: str
    text: str
    sha256: str

    def fault(
        self, code: str, start: int, end: int, message: str, expected: str | None = None, at: str = ""
    ) -> SourceError:
        """A problem with a piece of the text."""
        line = self.text.count("\n", 0, start) + 1
        column = start - self.text.rfind("\n", 0, start)
        span = Span(line, column, column + max(end - start, 1))
        excerpt = source_line(self.text, line)
        fix = "restore the file from where it came; nothing of this run was imported"
        return SourceError(Problem(code, self.name, message, at, span, expected, fix, excerpt=excerpt))


@dataclasses.dataclass(frozen=True, slots=True)
class SourceObject:
    """A JSON object and its place. Numbers with a fraction are Decimals, so nothing is rounded twice."""

    file: SourceFile
    start: int
    end: int
    at: str
    members: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The object as it stands in the file."""
        return self.file.text[self.start : self.end]

    def fault(self, name: str, message: str, expected: str, code: str = "IMP003") -> SourceError:
        """A problem with a member, or with the object where it has no such member."""
        found = self.file.text.find(json.dumps(name), self.start, self.end)
        start = found if found >= 0 else self.start
        end = found + len(name) + 2 if found >= 0 else self.start + 1
        return self.file.fault(code, start, end, message, expected, self.at + pointer(name))

    def get(self, name: str) -> Any:
        """A member's value; a fault where there is no such member."""
        if name not in self.members:
            raise self.fault(name, f"no {quote(name)}", "the key, with its value")
        return self.members[name]

    def string(self, name: str) -> str:
        """A member that is text without lone surrogates, which UTF-8 cannot hold."""
        value = self.get(name)
        if not isinstance(value, str):
            raise self.fault(name, f"found {_kind(value)}", "a string")
        if has_half_character(value):
            raise self.fault(name, "text with half a character", "whole Unicode characters")
        return value

    def line(self, name: str, limit: int) -> str:
        """A member that is one line of visible text, of 1 to ``limit`` characters."""
        value = self.string(name)
        if not value.isprintable() or not 0 < len(value) <= limit:
            raise self.fault(name, f"found {quote(value)}", f"a line of at most {limit} characters")
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        """A member that is a whole number, within bounds."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fault(name, f"found {_kind(value)}", "a whole number")
        if not low <= value <= high:
            raise self.fault(name, f"found {str(value)[:40]}", f"a number from {low:,} to {high:,}")
        return value

    def count(self, name: str) -> int:
        """A member that counts something; also as text, which some tools write."""
        value = self.get(name)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            return int(value)
        return self.integer(name, 0, 10**9)

    def duration_ns(self, name: str) -> int:
        """A member in seconds that was measured: rounded half-even to whole nanoseconds."""
        expected = f"seconds, from a nanosecond up to {MAX_DURATION_S:,}"
        return whole_ns(self.number(name, _NANOSECOND, MAX_DURATION_S, expected))

    def number(self, name: str, low: Number, high: Number, expected: str | None = None) -> fractions.Fraction:
        """A member that is a number within bounds, exactly."""
        return _exact(self.get(name), low, high, expected, functools.partial(self.fault, name))

    def seconds(self, name: str) -> fractions.Fraction:
        """A member in seconds on any clock, exactly."""
        return self.number(name, 0, MAX_CLOCK_S)

    def object(self, name: str) -> SourceObject:
        """A member that is an object, with its own place."""
        return _object(self.file, self._place(name), self.at + pointer(name), limit=None)

    def objects(self, name: str, limit: int | None = MAX_OBJECT_CHARACTERS) -> Iterator[SourceObject]:
        """A member that is a list of objects, each with its place in the text."""
        for item in self.items(name):
            yield item.as_object(limit)

    def items(self, name: str) -> Sequence[SourceItem]:
        """A member that is a list of anything, each item with its own text."""
        start = self._place(name)
        if not isinstance(self.members[name], list):
            raise self.fault(name, f"found {_kind(self.members[name])}", "a list")
        return list(_items(self.file, start, self.at + pointer(name)))

    def _place(self, name: str) -> int:
        """Where a member's value begins."""
        self.get(name)
        at = _skip(self.file, self.start + 1)
        while True:  # the object has been decoded, so it is well formed, and the member is in it
            key, at = _decode(self.file, at)
            at = _skip(self.file, _skip(self.file, at) + 1)
            if key == name:
                return at
            at = _skip(self.file, _skip(self.file, _decode(self.file, at)[1]) + 1)


@dataclasses.dataclass(frozen=True, slots=True)
class SourceItem:
    """A value of a list, and its place."""

    file: SourceFile
    start: int
    end: int
    at: str
    value: Any

    @property
    def text(self) -> str:
        """The value as it stands in the file."""
        return self.file.text[self.start : self.end]

    def as_object(self, limit: int | None = MAX_OBJECT_CHARACTERS) -> SourceObject:
        """The value, which has to be an object; with a limit, one that fits in a line of a window."""
        return _as_object(self.file, self.start, self.end, self.at, self.value, limit)

    def fault(self, message: str, expected: str, code: str = "IMP003") -> SourceError:
        """A problem with the value."""
        return self.file.fault(code, self.start, self.end, message, expected, self.at)

    def number(self, low: Number, high: Number) -> fractions.Fraction:
        """The value, which is a number within bounds, exactly."""
        return _exact(self.value, low, high, None, self.fault)

    def seconds(self) -> fractions.Fraction:
        """The value, a duration in seconds, exactly."""
        return self.number(0, MAX_DURATION_S)

    def clock(self) -> fractions.Fraction:
        """The value, in seconds on any clock, exactly."""
        return self.number(0, MAX_CLOCK_S)

    def many_seconds(self) -> list[fractions.Fraction]:
        """The value, which is a list of seconds."""
        if not isinstance(self.value, list):
            raise self.fault(f"found {_kind(self.value)}", "a list of seconds")
        return [_exact(value, 0, MAX_DURATION_S, None, self.fault) for value in self.value]


def _exact(
    value: object, low: Number, high: Number, expected: str | None, fault: Callable[[str, str], SourceError]
) -> fractions.Fraction:
    expected = expected or f"a number from {low:,} to {high:,}"
    if isinstance(value, bool) or not isinstance(value, int | decimal.Decimal):
        raise fault(f"found {_kind(value)}", expected)
    if isinstance(value, decimal.Decimal) and not value.is_finite():
        raise fault(f"found {value}, which is no duration", expected)
    if not low <= value <= high:
        raise fault(f"found {str(value)[:40]}", expected)
    if isinstance(value, decimal.Decimal) and value.adjusted() < -40:
        return fractions.Fraction(0)  # so that a hostile exponent costs nothing
    return fractions.Fraction(value)


def has_half_character(text: str) -> bool:
    """Whether there is a lone surrogate in it, which JSON can hold and UTF-8 cannot."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def whole_ns(seconds: fractions.Fraction) -> int:
    """Seconds as whole nanoseconds: exact, then rounded half-even."""
    return round(seconds * NS_PER_S)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, decimal.Decimal):
        return quote(str(value), 40)
    names = {bool: "true or false", int: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "another value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for name, count in collections.Counter(n for n, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {quote(twice)} is there twice")
    return members


# NaN and Infinity are no JSON, but Python writes them for what it could not compute.
_DECODER = json.JSONDecoder(
    parse_float=decimal.Decimal, parse_constant=decimal.Decimal, object_pairs_hook=_unique
)
_SPACE = re.compile(r"[ \t\r\n]*")
_NANOSECOND = decimal.Decimal("1e-9")


def open_source(folder: Path, name: str) -> SourceFile:
    """A file of the source, read whole. ``name`` is its path in the folder, and what problems call it."""
    try:
        data = read_bounded(folder / name, MAX_SOURCE_BYTES)
        return SourceFile(name, data.decode(), hashlib.sha256(data).hexdigest())
    except Unreadable as error:
        raise SourceError(Problem(error.code, name, error.message)) from None
    except UnicodeDecodeError:
        raise SourceError(Problem("DOC001", name, "not UTF-8", fix="save the file as UTF-8")) from None


def _decode(file: SourceFile, start: int) -> tuple[Any, int]:
    try:
        value, end = _DECODER.raw_decode(file.text, start)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg}"
        raise file.fault("IMP002", error.pos, error.pos + 1, message, "JSON, as the tool wrote it") from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        message = f"cannot be read: {str(error)[:200] or 'nested too deep'}"
        raise file.fault("IMP002", start, start + 1, message, "JSON, as the tool wrote it") from None
    return value, end


def _object(file: SourceFile, start: int, at: str, limit: int | None = MAX_OBJECT_CHARACTERS) -> SourceObject:
    value, end = _decode(file, start)
    return _as_object(file, start, end, at, value, limit)


def _as_object(
    file: SourceFile, start: int, end: int, at: str, value: object, limit: int | None
) -> SourceObject:
    if not isinstance(value, dict):
        raise file.fault("IMP003", start, end, f"found {_kind(value)}", "an object", at)
    if limit is not None and end - start > limit:
        expected = f"at most {limit:,}"
        raise file.fault("IMP003", start, start + 1, f"an object of {end - start:,} characters", expected, at)
    return SourceObject(file, start, end, at, value)


def _skip(file: SourceFile, at: int) -> int:
    match = _SPACE.match(file.text, at)
    return match.end() if match else at


def read_object(file: SourceFile, limit: int | None = MAX_OBJECT_CHARACTERS) -> SourceObject:
    """The one object of a file. ``limit``: None where it is not carried over whole."""
    found = _object(file, _skip(file, 0), "", limit)
    _end(file, found.end)
    return found


def read_objects(file: SourceFile, limit: int | None = MAX_OBJECT_CHARACTERS) -> Iterator[SourceObject]:
    """The objects of a file, one after another, as in JSON Lines."""
    at, count = _skip(file, 0), 0
    while at < len(file.text):
        found = _object(file, at, pointer(count), limit)
        yield found
        at, count = _skip(file, found.end), count + 1


def read_list(file: SourceFile) -> Iterator[SourceObject]:
    """The objects of a file that is a list, each with its place in the text."""
    at = _skip(file, 0)
    if file.text[at : at + 1] != "[":
        raise file.fault("IMP002", at, at + 1, "no list", "a JSON list")
    end = at
    for item in _items(file, at, ""):
        yield item.as_object()
        end = item.end
    _end(file, file.text.index("]", max(end, at + 1)) + 1)


def _items(file: SourceFile, start: int, at: str) -> Iterator[SourceItem]:
    """The values of the list that begins at ``start``, each with its place in the text."""
    place = _skip(file, start + 1)
    count = 0
    while file.text[place : place + 1] != "]":
        if count:
            if file.text[place : place + 1] != ",":
                raise file.fault("IMP002", place, place + 1, "the list is cut short", "`,` or `]`")
            place = _skip(file, place + 1)
        value, end = _decode(file, place)
        yield SourceItem(file, place, end, at + pointer(count), value)
        count += 1
        place = _skip(file, end)


def _end(file: SourceFile, at: int) -> None:
    at = _skip(file, at)
    if at < len(file.text):
        raise file.fault("IMP002", at, at + 1, "text after the end of the JSON", "nothing more")
