"""The board as pandas frames: the public Python API. Computes nothing that the site does not publish.

The frames are the flat tables of the site, from the same functions and with the same columns: a name ends in
its unit (``_ms``, ``_tps`` tokens a second, ``_ns``, ``_rate`` a share from 0 to 1), and what is not known is
missing, never zero. ``frame.attrs["columns"]`` says of each column what it is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pandas as pd

from fairlead import evidence as evidences
from fairlead import history
from fairlead.board import rows_of
from fairlead.clock import SystemClock
from fairlead.documents import Unreadable
from fairlead.problems import Problem, Severity, render_text
from fairlead.publish import exports
from fairlead.publish.edition import Edition
from fairlead.ranking import FIGURES
from fairlead.repository import TOP_FOLDERS, load_repository
from fairlead.windows import Window, WindowError

if TYPE_CHECKING:
    from fairlead.publish.exports import Record

_DTYPES = {"text": "string", "integer": "Int64", "number": "float64", "boolean": "boolean"}


class BoardError(ValueError):
    """The folder is no root, or its data has problems; ``problems`` holds them."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclasses.dataclass(frozen=True)
class Board:
    """The board of one root at one time. Frames are made when they are first asked for, and kept."""

    edition: Edition

    @functools.cached_property
    def figures(self) -> pd.DataFrame:
        """Every published number: a line for each figure of each row.

        ``value`` with ``low`` and ``high``, its interval, in ``unit``; ``n`` requests and ``windows`` behind
        it; ``rank_best``, ``rank_worst`` and ``rank_of`` where it has a rank; else ``reason`` says why not.
        """
        return _frame(exports.FigureRecord, exports.figure_records(self.edition))

    @functools.cached_property
    def rows(self) -> pd.DataFrame:
        """Every row of the board: what it is of, and each figure's value in a column of the figure's name.

        ``origin``: ``neutral`` (the board measured), ``claim`` or ``imported``; only the first is ranked.
        """
        names = [figure.name for figure in FIGURES]
        whose = [*_WHOSE, "state", "disputes", "first", "last"]
        lines = self.figures.drop_duplicates("row")[whose].set_index("row")
        values = self.figures.pivot(index="row", columns="figure", values="value").reindex(columns=names)
        return lines.join(values).reset_index()

    @functools.cached_property
    def windows(self) -> pd.DataFrame:
        """Every window that a row rests on, with figures of that window alone, which have no interval."""
        return _frame(exports.WindowRecord, exports.window_records(self.edition))

    def requests(self, windows: pd.DataFrame | None = None) -> pd.DataFrame:
        """The requests of some windows: stamps in ns, durations in ms, tokens and outcomes; without texts.

        Args:
            windows: lines of :attr:`windows`; without them, all. Each raw file is read when this is called.

        Raises:
            KeyError: a path that is no window of this board.
            BoardError: a raw file was changed meanwhile.
        """
        paths = self.windows["path"] if windows is None else windows["path"]
        items = [self.edition.evidence[str(path)] for path in dict.fromkeys(paths)]
        with _raw_files_as_loaded():
            return _frame(exports.RequestRecord, exports.request_records(self.edition, items))

    def raw(self, path: str) -> Window:
        """A raw window as it was recorded: its header, and each request with its chunks.

        Raises:
            KeyError: a path that is no window of this board.
            BoardError: the raw file was changed meanwhile.
        """
        with _raw_files_as_loaded():
            return evidences.read_raw(self.edition.repository, self.edition.evidence[path].path)[1]


@contextlib.contextmanager
def _raw_files_as_loaded() -> Iterator[None]:
    """A raw file that is no longer what it was is said of the board, which was loaded from it."""
    try:
        yield
    except (Unreadable, WindowError) as error:
        raise BoardError(f"a raw file was changed since the board was loaded: {error}") from None


def write_tables(board: Board, out: Path, form: str) -> Iterator[tuple[str, int]]:
    """Write the board's tables below a folder; each as it is done, by its path there and its lines.

    Args:
        board: whose.
        out: the folder, which is made.
        form: ``parquet`` or ``csv``.

    Raises:
        BoardError: a raw file was changed meanwhile.
    """
    for name, record, found in exports.tables(board.edition):
        path = out / f"{name}.{form}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with _raw_files_as_loaded():
            lines = list(found)
        if form == "csv":
            path.write_bytes(exports.as_csv(record, lines).encode())
        else:
            exports.write_parquet(path, record, lines)
        yield f"{name}.{form}", len(lines)


_WHOSE = ("row", "model", "scenario", "vantage", "methodology", "provider", "endpoint", "origin", "role")


def load_board(
    root: str | os.PathLike[str],
    now: dt.datetime | None = None,
    fetched: str | os.PathLike[str] | None = None,
) -> Board:
    """The board of a root; see :func:`fairlead.load`."""
    folder = Path(root).resolve()
    if not all((folder / name).is_dir() for name in TOP_FOLDERS):
        names = ", ".join(f"{name}/" for name in TOP_FOLDERS)
        raise BoardError(f"{root} is no root: it does not hold {names}")
    moment = now or dt.datetime.fromtimestamp(SystemClock().unix_ns() / 1e9, tz=dt.UTC)
    repository, problems = load_repository(folder, fetched=Path(fetched) if fetched is not None else None)
    _stop_at(problems)
    if not repository.methodologies:
        raise BoardError(f"{root} holds no methodology version")
    evidence, problems = evidences.load_evidence(repository)
    _stop_at(problems)
    rows = rows_of(repository, evidence, moment)
    return Board(Edition(repository, rows, moment, history.commit_id(folder), {}))


def _stop_at(problems: Sequence[Problem]) -> None:
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise BoardError(render_text(errors), errors)


def _frame(record: Record, lines: Iterable[msgspec.Struct]) -> pd.DataFrame:
    columns, held = exports.columns(record), list(lines)
    cells = {column.name: [getattr(line, column.name) for line in held] for column in columns}
    # As objects first: of integers with gaps pandas would make floats, which do not hold a time in ns.
    frame = pd.DataFrame(cells, dtype=object).astype({one.name: _DTYPES[one.type] for one in columns})
    frame.attrs["columns"] = {column.name: column.description for column in columns}
    return frame
