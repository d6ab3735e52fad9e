"""CSV that a spreadsheet takes for data and nothing else. Knows no record and no file."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Sequence

Field = str | float | None

_FORMULA = re.compile(r"\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n]")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


def csv_field(value: Field) -> str:
    """A field by RFC 4180, as the board's own export writes it.

    A text that a spreadsheet would take for a formula is given an apostrophe before it.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    text = f"'{value}" if _FORMULA.match(value) else value
    return '"' + text.replace('"', '""') + '"'


def csv_text(names: Sequence[str], lines: Iterable[Sequence[Field]]) -> str:
    """A table: a line of names, then the others."""
    return "".join(",".join(map(csv_field, line)) + "\r\n" for line in itertools.chain([names], lines))


def formulas(text: str) -> list[str]:
    """The fields of a stranger's CSV that a spreadsheet would take for a formula.

    Raises:
        csv.Error: it is no CSV.
    """
    fields = itertools.chain.from_iterable(csv.reader(io.StringIO(text, newline=""), strict=True))
    return [field for field in fields if _FORMULA.match(field) and not _NUMBER.fullmatch(field)]
