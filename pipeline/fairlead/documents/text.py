"""One file's text and where each value in it is. Knows no grammar and no schema.

Files are read under bounds and without following links; a problem is made here with its line, its
rule's severity and, where it has none of its own, its rule's fix.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from fairlead.problems import Problem, Span
from fairlead.rules import RULES

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

Place: TypeAlias = tuple[int, int, int]  # line, column, end_column: a span before anybody asks for it


class Mark(NamedTuple):
    """Where a value and its key are: ``(line, column, end_column)``, from 1."""

    value: Place
    key: Place | None


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """One file's text, the data in it, and where each value is. ``marks`` is keyed by JSON pointer."""

    path: str
    text: str
    data: Json
    marks: Mapping[str, Mark]


class Unreadable(Exception):  # noqa: N818  (a state of a file, not a fault of ours)
    """A file that must not or cannot be read. ``code`` is the rule it breaks."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes; a link is never followed.

    Raises:
        Unreadable: a link (TREE001), no file (TREE002), unreadable (TREE003), too large (TREE004).
    """
    try:
        # O_NONBLOCK: opening a pipe must not wait for a writer that never comes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise Unreadable("TREE001", "this is a symbolic link") from None
        raise Unreadable("TREE003", f"cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("TREE002", "this is no regular file")
        if status.st_size > limit:
            raise Unreadable("TREE004", f"{status.st_size:,} bytes, more than {limit:,}")
        data = os.read(descriptor, status.st_size + 1)
        if len(data) != status.st_size:  # some files say that they are empty and hold more
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data += file.read(limit + 1 - len(data))
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise Unreadable("TREE004", f"more than {limit:,} bytes")
    return data


def locate(document: Document, pointer: str, *, key: bool = False) -> Span:
    """The span of the value at a JSON pointer, or of its key; of the nearest parent if it is absent."""
    while pointer not in document.marks and pointer:
        pointer = pointer.rpartition("/")[0]
    mark = document.marks.get(pointer, Mark((1, 1, 2), None))
    return Span(*(mark.key if key and mark.key else mark.value))


def problem_at(
    document: Document,
    code: str,
    pointer: str,
    message: str,
    *,
    key: bool = False,
    expected: str | None = None,
    fix: str | None = None,
) -> Problem:
    """A problem at a value (or at its key) of a document, with its source line."""
    span = locate(document, pointer, key=key)
    return located(document.path, document.text, code, span, message, pointer, expected, fix)


def problem_of(
    path: str,
    code: str,
    message: str,
    *,
    line: int = 0,
    expected: str | None = None,
    fix: str | None = None,
) -> Problem:
    """A problem of a whole file, or of a line of one whose text is not shown."""
    span = Span(line, 1, 2) if line else None
    return _made(Problem(code, path, message, span=span, expected=expected, fix=fix))


def located(
    path: str,
    text: str,
    code: str,
    span: Span,
    message: str,
    pointer: str = "",
    expected: str | None = None,
    fix: str | None = None,
) -> Problem:
    """A problem at a span of a text, with the line that it lies in."""
    excerpt = source_line(text, span.line)
    return _made(Problem(code, path, message, pointer, span, expected, fix, excerpt=excerpt))


def _made(problem: Problem) -> Problem:
    """The problem with its rule's severity, and the rule's general fix where it has none of its own."""
    rule = RULES[problem.code]
    return dataclasses.replace(problem, severity=rule.severity, fix=problem.fix or rule.fix)


def source_line(text: str, line: int) -> str:
    """Line ``line`` (from 1) of a text, without its line feed; empty where there is none."""
    lines = _lines(text)
    return lines[line - 1].rstrip("\r") if line <= len(lines) else ""


@functools.lru_cache(maxsize=4)
def _lines(text: str) -> tuple[str, ...]:
    """The lines of a text, kept a while: a file with one problem tends to have many."""
    return tuple(text.split("\n"))
