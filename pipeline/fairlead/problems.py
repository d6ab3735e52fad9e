"""What is wrong with the data, as values. Knows no file, no schema, no rule: only how to say it.

A :class:`Problem` is a fact about somebody's file: where, what was found, what was expected, how to
mend it. The renderers turn a list of them into text for people, workflow commands for GitHub, or
JSON for machines. Whatever a problem quotes was written by a stranger, so every renderer makes
control characters, terminal escapes, bidirectional overrides and zero-width characters visible, and
none prints what GitHub's runner would obey if it read it in a log: ``::name::`` where a line begins,
and ``##[name]`` anywhere.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import json
import unicodedata
from collections.abc import Iterable, Sequence

REPORT_SCHEMA_VERSION = 1
EXCERPT_CELLS = 100  # the widest piece of a source line that is shown
TEXT_CHARACTERS = 600  # the longest message, expectation or fix that is shown


class Severity(enum.StrEnum):
    """An error makes a check fail; a warning is said and counted, and nothing more."""

    ERROR = "error"
    WARNING = "warning"


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line: 1-based, in characters; ``end_column`` is the first one after it."""

    line: int
    column: int
    end_column: int


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, for the person who can mend it.

    ``path`` is posix and relative to the root; ``pointer`` is a JSON pointer into the file;
    ``excerpt`` is the whole source line that ``span`` lies in.
    """

    code: str
    path: str
    message: str
    pointer: str = ""
    span: Span | None = None
    expected: str | None = None
    fix: str | None = None
    severity: Severity = Severity.ERROR
    excerpt: str | None = None


def pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of the way ``parts`` down from the root of a file."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def quote(value: object, limit: int = 60) -> str:
    """A value between backticks, cut to ``limit`` characters, fit for a message."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"`{text if len(text) <= limit else text[: limit - 1] + '…'}`"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was most likely meant to be, or None where none is near."""
    if len(name) > 200:
        return None
    folded = {candidate.casefold(): candidate for candidate in sorted(known, reverse=True)}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def listed(names: Iterable[str]) -> str:
    """Names between backticks, joined as a sentence would: `a`, `b` and `c`."""
    quoted = [quote(name) for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


# Characters that draw nothing, although Unicode does not class them as format characters.
_BLANKS = frozenset("\ufffe\uffff\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def is_hidden(character: str) -> bool:
    """Whether a character draws nothing by itself or changes how its neighbours are drawn."""
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _BLANKS


def escape_character(character: str) -> str:
    r"""The escape that names a character, as Python, JSON and YAML write it: ``\n``, ``\u202e``."""
    short = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}.get(character)
    if short:
        return short
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def visible(text: str) -> str:
    """``text`` on one line, with every character that cannot be seen written as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    is_odd_space = character != " " and unicodedata.category(character) == "Zs"
    return escape_character(character) if is_odd_space or is_hidden(character) else character


def order_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Problems by path, line, column and code; those of a file as a whole come first."""
    return sorted(problems, key=_order)


def _order(problem: Problem) -> tuple[str, int, int, str, str, str]:
    span = problem.span or Span(0, 0, 0)
    return problem.path, span.line, span.column, problem.code, problem.pointer, problem.message


def render_text(problems: Iterable[Problem]) -> str:
    """Problems for people, each with its source line and a caret, and a closing count."""
    ordered = order_problems(problems)
    text = "\n\n".join([*map(_render_block, ordered), _count_line(ordered)]) + "\n"
    return text.replace("##[", r"##\[")


def _render_block(problem: Problem) -> str:
    span = problem.span
    place = visible(problem.path) + (f":{span.line}:{span.column}" if span else "")
    place = f"./{place}" if place.lstrip().startswith("::") else place
    title = f"{place}: {problem.severity}[{problem.code}] {visible(problem.pointer)}".rstrip()
    number = str(span.line) if span else ""
    margin = " " * max(len(number), 2)
    lines = [title]
    if span and problem.excerpt is not None:
        text, start, width = _cut_excerpt(problem.excerpt, span)
        lines.append(f"{number:>{len(margin)}} | {text}")
        lines.append(f"{margin} | {' ' * start}{'^' * width} {_short(problem.message)}")
    else:
        lines.append(f"{margin} | {_short(problem.message)}")
    lines += [f"{margin} = {line}" for line in _advice(problem)]
    lines.append(f"{margin} = help: rules/#{problem.code.lower()}")
    return "\n".join(lines)


def _advice(problem: Problem) -> list[str]:
    pairs = (("expected", problem.expected), ("fix", problem.fix))
    return [f"{name}: {_short(text)}" for name, text in pairs if text]


def _short(text: str) -> str:
    shown = visible(text[: TEXT_CHARACTERS + 1])
    return shown if len(shown) <= TEXT_CHARACTERS else shown[: TEXT_CHARACTERS - 1] + "…"


def _cells(character: str) -> int:
    """Terminal columns that one visible character takes."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _cut_excerpt(line: str, span: Span) -> tuple[str, int, int]:
    """The shown piece of a source line: its text, the caret's offset and its width, in cells."""
    start = min(span.column - 1, len(line))
    end = max(span.end_column - 1, start + 1)
    first = max(0, min(start - EXCERPT_CELLS // 3, len(line) - EXCERPT_CELLS))
    text = "…" if first else ""
    used = caret = len(text)
    width = 0
    for index, character in enumerate(line[first : first + EXCERPT_CELLS], start=first):
        piece = _visible(character)
        size = sum(map(_cells, piece))
        if used + size > EXCERPT_CELLS:
            break
        text += piece
        used += size
        caret += size if index < start else 0
        width += size if start <= index < end else 0
    else:
        index = first + EXCERPT_CELLS
    cut = "…" if index < len(line) else ""
    return text.rstrip() + cut, caret, max(width, 1)


def _counts(problems: Sequence[Problem]) -> dict[str, int]:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    files = len({problem.path for problem in problems})
    return {"errors": errors, "warnings": len(problems) - errors, "files": files}


def _count_line(problems: Sequence[Problem]) -> str:
    counts = _counts(problems)
    if not counts["files"]:
        return "no problems"
    said = [
        f"{counts[plural]} {plural[:-1] if counts[plural] == 1 else plural}"
        for plural in ("errors", "warnings")
        if counts[plural]
    ]
    return f"{', '.join(said)} in {counts['files']} file{'s' if counts['files'] != 1 else ''}"


def render_github(problems: Iterable[Problem]) -> str:
    """Problems as GitHub workflow commands, one a line, so that they appear beside the change."""
    ordered = order_problems(problems)
    return "\n".join([*map(_render_command, ordered), _count_line(ordered)]) + "\n"


def _render_command(problem: Problem) -> str:
    properties = {"file": visible(problem.path)}
    if problem.span:
        properties["line"] = str(problem.span.line)
        properties["col"] = str(problem.span.column)
        properties["endColumn"] = str(problem.span.end_column)
    properties["title"] = problem.code
    where = f"{visible(problem.pointer)}: " if problem.pointer else ""
    message = "\n".join([where + _short(problem.message), *_advice(problem)])
    listed_properties = ",".join(f"{name}={_escape_property(text)}" for name, text in properties.items())
    return f"::{problem.severity} {listed_properties}::{_escape_data(message)}"


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def render_json(problems: Iterable[Problem]) -> str:
    """Problems as one JSON object of pure ASCII: ``schema_version``, ``counts``, ``problems``.

    Strings hold what was found, character by character; ``excerpt`` is the piece that people see.
    """
    ordered = order_problems(problems)
    report = {
        "schema_version": REPORT_SCHEMA_VERSION,
        "counts": _counts(ordered),
        "problems": [_as_json(problem) for problem in ordered],
    }
    # DEL is the one control character that JSON lets pass as it is.
    text = json.dumps(report, indent=2, ensure_ascii=True) + "\n"
    return text.replace("\x7f", "\\u007f").replace("##[", "##\\u005b")


def _as_json(problem: Problem) -> dict[str, object]:
    record = dataclasses.asdict(problem)
    if problem.span and problem.excerpt is not None:
        record["excerpt"] = _cut_excerpt(problem.excerpt, problem.span)[0]
    record["help"] = f"rules/#{problem.code.lower()}"
    return record
