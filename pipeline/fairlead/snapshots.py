"""Frozen quarters: what the board said at the end of one, as files that are never touched again. Makes none.

A snapshot lies in ``site/snapshots/<quarter>/`` and is data: it is read within bounds, checked against its
own list of digests, and shown as text. What became of a row later stands on its page, not in it.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import itertools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from fairlead import csvtext
from fairlead.documents import Unreadable, problem_of, read_bounded
from fairlead.problems import Problem, listed, quote

FOLDER = "site/snapshots"
DATA, TABLE, SUMS = "snapshot.json", "figures.csv", "SHA256SUMS"
MAX_BYTES = 32 * 1024 * 1024
MAX_ENTRIES = 1_000

_QUARTER = re.compile(r"(20[0-9]{2})-Q([1-4])")
_FIX = "make it with `fairlead snapshot`, and commit what that wrote as it is"


class Estimate(msgspec.Struct, frozen=True):
    """A figure as it was."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class Range(msgspec.Struct, frozen=True):
    """A rank range as it was."""

    best: int
    worst: int
    of: int


class Row(msgspec.Struct, frozen=True):
    """A row as it was, as far as a page shows it. ``folders``: those below submissions/ that it rests on."""

    id: str
    model: str
    provider: str
    endpoint: str
    scenario: str
    vantage: str | None
    methodology: str | None
    origin: str
    unranked: tuple[str, ...]
    figures: dict[str, Estimate]
    ranks: dict[str, Range]
    folders: tuple[str, ...]


class Version(msgspec.Struct, frozen=True):
    """A methodology version that rows were made by: its state then, the digest of its methodology.yaml."""

    version: str
    state: str
    sha256: str


class Snapshot(msgspec.Struct, frozen=True):
    """``snapshot.json``, as of ``generated_at``, the quarter's end; made from ``commit``."""

    generated_at: dt.datetime
    commit: str | None
    quarter: str
    methodology: tuple[Version, ...]
    rows: tuple[Row, ...]


class Frozen(msgspec.Struct, frozen=True):
    """A snapshot with the bytes of its files, by their names."""

    snapshot: Snapshot
    files: Mapping[str, bytes]


def quarter_end(quarter: str) -> dt.datetime | None:
    """The first moment after a quarter (``2026-Q3``), in UTC; None for what is no quarter."""
    match = _QUARTER.fullmatch(quarter)
    if match is None:
        return None
    year, number = int(match[1]), int(match[2])
    return dt.datetime(year + number // 4, number % 4 * 3 + 1, 1, tzinfo=dt.UTC)


def last_quarter(now: dt.datetime) -> str:
    """The last quarter that is over."""
    year, number = now.year, (now.month - 1) // 3
    return f"{year}-Q{number}" if number else f"{year - 1}-Q4"


def sums_text(files: Mapping[str, bytes]) -> str:
    """The list of digests, as ``sha256sum`` writes it."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


# -- reading -------------------------------------------------------------------------------------


def paths(root: Path) -> list[str]:
    """Everything below the folder of snapshots, links as they are, relative to the root; at most so much."""
    top = root / FOLDER
    if not top.is_dir() or top.is_symlink() or top.parent.is_symlink():
        return []
    found = (
        path
        for folder, folders, files in os.walk(top)
        for path in (*(Path(folder, name) for name in files), *_links(Path(folder), folders))
    )
    return sorted(path.relative_to(root).as_posix() for path in itertools.islice(found, MAX_ENTRIES))


def _links(folder: Path, names: list[str]) -> Iterator[Path]:
    """What looks like a folder and is a link; it is not followed."""
    return (path for path in (folder / name for name in names) if path.is_symlink())


def load_snapshots(root: Path) -> tuple[dict[str, Frozen], list[Problem]]:
    """Every snapshot of a root that is whole, by its quarter, and the problems of the others."""
    found, problems = dict[str, Frozen](), list[Problem]()
    names: dict[str, list[str]] = {}
    for path in paths(root):
        quarter, _, rest = path.removeprefix(FOLDER + "/").partition("/")
        if rest or quarter != ".gitkeep":
            names.setdefault(quarter, []).append(rest)
    for quarter, inside in sorted(names.items()):
        for outcome in _load(root, quarter, inside):
            if isinstance(outcome, Frozen):
                found[quarter] = outcome
            else:
                problems.append(outcome)
    return found, problems


def _load(root: Path, quarter: str, inside: list[str]) -> Iterator[Frozen | Problem]:
    folder = f"{FOLDER}/{quarter}"
    end = quarter_end(quarter)
    if end is None or sorted(inside) != sorted((DATA, TABLE, SUMS)):
        message = f"it holds {listed(name or 'a file' for name in inside)}"
        expected = f"a quarter such as 2026-Q3 with {listed((DATA, TABLE, SUMS))}"
        yield problem_of(folder, "HIS010", message, expected=expected, fix=_FIX)
        return
    try:
        files = {name: read_bounded(root / folder / name, MAX_BYTES) for name in (DATA, TABLE, SUMS)}
        snapshot = msgspec.json.decode(files[DATA], type=Snapshot)
        table = files[TABLE].decode()
        dangerous = csvtext.formulas(table)
    except Unreadable as error:
        yield problem_of(folder, "HIS010", error.message, fix=_FIX)
        return
    except (msgspec.MsgspecError, UnicodeDecodeError, csv.Error) as error:
        yield problem_of(folder, "HIS010", f"a file of it cannot be read: {error}", fix=_FIX)
        return
    faults = {
        f"{SUMS} is not the list of the other files": files[SUMS].decode(errors="replace")
        != sums_text({DATA: files[DATA], TABLE: files[TABLE]}),
        f"{DATA} says {quote(snapshot.quarter)}, and not the end of that quarter": snapshot.quarter != quarter
        or snapshot.generated_at != end,
        f"{TABLE} holds what a spreadsheet would take for a formula": bool(dangerous),
    }
    wrong = [message for message, is_so in faults.items() if is_so]
    for message in wrong:
        yield problem_of(folder, "HIS010", message, fix=_FIX)
    if not wrong:
        yield Frozen(snapshot, files)
