"""JSON that another tool wrote, with the place of everything in it. Knows no tool's keys and no root.

Reading is bounded, follows no link, and keeps each object's own text, so that it can be carried over
byte for byte. Numbers with a fraction stay decimal, so that nothing is rounded twice.
"""

from __future__ import annotations

import collections
import dataclasses
import decimal
import fractions
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fairlead.documents import Unreadable, read_bounded, source_line
from fairlead.problems import Problem, Span, pointer, quote

MAX_SOURCE_BYTES = 32 * 1024 * 1024
MAX_OBJECT_CHARACTERS = 1024 * 1024  # its text is carried over, so it has to fit in a line of a window
MAX_DURATION_S = 86_400


class SourceError(Exception):
    """Something in the source that cannot be imported; ``problem`` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


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
        if any("\ud800" <= character <= "\udfff" for character in value):
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
        value = self.get(name)
        expected = f"seconds, from a nanosecond up to {MAX_DURATION_S:,}"
        if isinstance(value, bool) or not isinstance(value, int | decimal.Decimal):
            raise self.fault(name, f"found {_kind(value)}", expected)
        if isinstance(value, decimal.Decimal) and not value.is_finite():
            raise self.fault(name, f"found {value}, which is no duration", expected)
        if not _NANOSECOND <= value <= MAX_DURATION_S:
            raise self.fault(name, f"found {str(value)[:40]}", expected)
        return round(fractions.Fraction(value) * 1_000_000_000)  # exact, then half-even


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


def _object(file: SourceFile, start: int, at: str) -> SourceObject:
    value, end = _decode(file, start)
    if not isinstance(value, dict):
        raise file.fault("IMP003", start, end, f"found {_kind(value)}", "an object", at)
    if end - start > MAX_OBJECT_CHARACTERS:
        expected = f"at most {MAX_OBJECT_CHARACTERS:,}"
        raise file.fault("IMP003", start, start + 1, f"an object of {end - start:,} characters", expected, at)
    return SourceObject(file, start, end, at, value)


def _skip(file: SourceFile, at: int) -> int:
    match = _SPACE.match(file.text, at)
    return match.end() if match else at


def read_object(file: SourceFile) -> SourceObject:
    """The one object of a file."""
    found = _object(file, _skip(file, 0), "")
    _end(file, found.end)
    return found


def read_list(file: SourceFile) -> Iterator[SourceObject]:
    """The objects of a list, each with its place in the text."""
    at = _skip(file, 0)
    if file.text[at : at + 1] != "[":
        raise file.fault("IMP002", at, at + 1, "no list", "a JSON list")
    at = _skip(file, at + 1)
    count = 0
    while file.text[at : at + 1] != "]":
        if count:
            if file.text[at : at + 1] != ",":
                raise file.fault("IMP002", at, at + 1, "the list is cut short", "`,` or `]`")
            at = _skip(file, at + 1)
        found = _object(file, at, pointer(count))
        yield found
        count += 1
        at = _skip(file, found.end)
    _end(file, at + 1)


def _end(file: SourceFile, at: int) -> None:
    at = _skip(file, at)
    if at < len(file.text):
        raise file.fault("IMP002", at, at + 1, "text after the end of the JSON", "nothing more")
