"""The published table: CSV bytes in, rows and located problems out. Knows no raw request and no root."""

from __future__ import annotations

import csv
import dataclasses
import re

from fairlead.audit.readings import READINGS, STATISTICS
from fairlead.problems import Problem, Span, nearest, quote

COLUMNS = ("metric", "model_size", "provider", "model", "statistic", "value")
_VALUE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


@dataclasses.dataclass(frozen=True, slots=True)
class Published:
    """One row of the published table, and its line in the file."""

    line: int
    metric: str
    model_size: str
    provider: str
    model: str
    statistic: str
    value: str


def read_table(data: bytes, name: str, problems: list[Problem]) -> list[Published]:
    """The rows of the table that can be read; each of the others adds to ``problems``."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        problems.append(Problem("AUD001", name, "not UTF-8", fix="save the table as UTF-8"))
        return []
    lines = text.splitlines()
    reader = csv.reader(lines, strict=True)
    rows: list[Published] = []
    try:
        header = next(reader, [])
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            problems.append(_missing_columns(name, header, missing, lines))
            return []
        for cells in reader:
            if cells:
                problem = _row(name, reader.line_num, header, cells, lines, rows)
                problems.extend([problem] if problem else [])
    except csv.Error as error:
        problems.append(_at("AUD001", name, reader.line_num, lines, f"not CSV: {error}", "quote the cell"))
    return _without_duplicates(rows, name, lines, problems)


def _missing_columns(name: str, header: list[str], missing: list[str], lines: list[str]) -> Problem:
    near = nearest(missing[0], header)
    fix = f"rename {quote(near)}" if near else f"write the columns {', '.join(COLUMNS)}"
    message = f"no column {', '.join(map(quote, missing))}"
    return _at("AUD001", name, 1, lines, message, fix)


def _row(
    name: str, line: int, header: list[str], cells: list[str], lines: list[str], rows: list[Published]
) -> Problem | None:
    """Add a row to ``rows``, or say why it cannot be one."""
    if len(cells) != len(header):
        message = f"{len(cells)} cells under {len(header)} columns"
        return _at("AUD001", name, line, lines, message, "give the row as many cells as the header")
    row = Published(line=line, **{k: v for k, v in zip(header, cells, strict=True) if k in COLUMNS})
    for column, known in (("metric", READINGS), ("statistic", STATISTICS)):
        found = getattr(row, column)
        if found not in known:
            near = nearest(found, known)
            fix = f"write {quote(near)}" if near else f"one of {', '.join(known)}"
            return _at("AUD002", name, line, lines, f"the {column} {quote(found)} is not known", fix, found)
    if not _VALUE.fullmatch(row.value):
        fix = "write a figure as it was published, as in `0.94`"
        return _at("AUD002", name, line, lines, f"the value {quote(row.value)} is no figure", fix, row.value)
    rows.append(row)
    return None


def _without_duplicates(
    rows: list[Published], name: str, lines: list[str], problems: list[Problem]
) -> list[Published]:
    """The rows, the first of each figure; every later one is a problem."""
    first: dict[tuple[str, ...], Published] = {}
    for row in rows:
        key = (row.metric, row.model_size, row.provider, row.model, row.statistic)
        if key in first:
            message = f"the same figure as on line {first[key].line}"
            problems.append(_at("AUD003", name, row.line, lines, message, "keep one of the two rows"))
        first.setdefault(key, row)
    return list(first.values())


def _at(code: str, path: str, line: int, lines: list[str], message: str, fix: str, cell: str = "") -> Problem:
    excerpt = lines[line - 1] if 0 < line <= len(lines) else ""
    column = max(excerpt.rfind(cell), 0) if cell else 0
    span = Span(line, column + 1, column + 1 + max(len(cell) or len(excerpt), 1))
    return Problem(code, path, message, span=span, fix=fix, excerpt=excerpt)
