"""Old raw files: out of the repository into a store, and back by digest. Knows no figure and no protocol.

A folder moves as a whole: its manifest stays and says what it said. A file is removed only after the store
gave its bytes back; a run that is interrupted leaves every file in one place at least, and the next run goes
on from there.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fairlead import fetched, windows
from fairlead.archive.store import Altered, Store, object_path, write_through
from fairlead.documents import Json, Unreadable, problem_of
from fairlead.history import EnvironmentProblem
from fairlead.model import Archive, RawFile, window_start
from fairlead.problems import Problem
from fairlead.repository import ARCHIVE_PATH, FileKind, Manifest, Repository, canonical_text, read_value

__all__ = ["Fault", "Fetch", "Moved", "due", "fetch", "free_on", "in_tree", "link_of", "move", "object_path"]

_AT_ONCE = 8  # files on their way from a store


# -- when ----------------------------------------------------------------------------------------


def free_on(manifest: Manifest, after_days: int) -> dt.datetime | None:
    """The moment from which on a folder's raw files may move; None where no window tells its age."""
    starts = [window_start(raw.file) for raw in manifest.windows]
    known = [start for start in starts if start is not None]
    return max(known) + dt.timedelta(days=after_days) if known and len(known) == len(starts) else None


def due(repository: Repository, now: dt.datetime) -> list[Manifest]:
    """The folders that are old enough and still have raw files in the tree."""
    if repository.rules is None:
        return []
    found = []
    for manifest in repository.manifests():
        free = free_on(manifest, repository.rules.archive.after_days)
        if free is not None and free <= now and any(in_tree(repository, manifest)):
            found.append(manifest)
    return found


def in_tree(repository: Repository, manifest: Manifest) -> Iterator[tuple[str, RawFile]]:
    """The raw files of a folder that are in the tree, by their paths."""
    for raw in (*manifest.windows, *manifest.calibrations):
        path = f"{manifest.folder}/{raw.file}"
        if path in repository.kinds:
            yield path, raw


# -- out of the repository -----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Moved:
    """A folder that moved: how many files, how many bytes, and how many of them were in the store before."""

    folder: str
    files: int
    bytes: int
    there_before: int


def move(repository: Repository, manifest: Manifest, store: Store) -> Moved | list[Problem]:
    """Bring a folder's raw files into a store, write that they are there, and remove them.

    Problems: files that are not what the manifest says; then nothing of the folder moves.

    Raises:
        EnvironmentProblem: the store fails, or does not give back what it was given. Nothing is removed.
    """
    files = list(in_tree(repository, manifest))
    problems: list[Problem] = []
    there_before = total = 0
    for path, raw in files:
        try:
            found = repository.read_raw(path)
        except Unreadable as error:
            problems.append(problem_of(path, error.code, error.message, fix="mend it, then archive"))
            continue
        if (len(found), windows.digest(found)) != (raw.bytes, raw.sha256):
            message = f"its bytes are not those that {manifest.path} lists"
            problems.append(problem_of(path, "SUB007", message, fix="restore the file as it was sealed"))
    if problems:
        return problems
    for path, raw in files:
        found = repository.read_raw(path)
        there_before += _put(store, raw, found)
        total += len(found)
    _note(repository, store.address, manifest.folder)
    for path, _ in files:
        (repository.root / path).unlink()
    for folder in ("windows", "calibrations"):
        with contextlib.suppress(OSError):  # it is not there, or holds something that no manifest lists
            (repository.root / manifest.folder / folder).rmdir()
    return Moved(manifest.folder, len(files), total, there_before)


def _put(store: Store, raw: RawFile, data: bytes) -> bool:
    """Have the store give back these very bytes; whether it could before anything was written."""
    if store.read(raw.sha256, raw.bytes) == data:
        return True
    store.write(raw.sha256, data)
    if store.read(raw.sha256, raw.bytes) != data:
        message = f"{store.address} does not give back what was written: {object_path(raw.sha256)}"
        raise EnvironmentProblem(message, "nothing of this folder was removed; find out what the store does")
    return False


def _note(repository: Repository, address: str, folder: str) -> None:
    """Add a folder, and a store, to submissions/archive.yaml, which is replaced whole."""
    path = repository.root / ARCHIVE_PATH
    known = _read_note(repository)
    stores = known.stores if address in known.stores else (*known.stores, address)
    data: dict[str, Json] = {
        "schema_version": 1,
        "stores": [*stores],
        "folders": [*sorted({*known.folders, folder})],
        "notes": known.notes,
    }
    write_through(path, canonical_text(FileKind.ARCHIVE, data).encode())


def _read_note(repository: Repository) -> Archive:
    """The list as it stands now: an earlier folder of the same run is in it."""
    path = repository.root / ARCHIVE_PATH
    value, _ = read_value(path.read_bytes(), ARCHIVE_PATH, FileKind.ARCHIVE) if path.exists() else (None, [])
    return value if isinstance(value, Archive) else Archive(1, (), (), None)


# -- and back ------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """Why an archived file could not be had: the rule that is broken, and the words."""

    code: str
    message: str


Fetch = Callable[[Sequence[str], Mapping[str, RawFile]], Mapping[str, Fault]]
"""Have files on this machine, from stores by their addresses; what could not be had, by its path."""


def fetch(stores: Sequence[str], files: Mapping[str, RawFile], folder: Path) -> dict[str, Fault]:
    """Have every file in ``folder``, verified; those that are there already are asked for in the store too.

    Each store is asked in turn, and the first that has the bytes will do.

    Raises:
        EnvironmentProblem: a file could be in a store that does not answer; or ``folder`` cannot be written.
    """
    if not files:
        return {}
    opened = [Store(address) for address in stores]
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        made = pool.map(lambda raw: _fetch_one(opened, raw, folder), files.values())
        return {path: fault for path, fault in zip(files, made, strict=True) if fault is not None}


def _fetch_one(stores: Sequence[Store], raw: RawFile, folder: Path) -> Fault | None:
    if raw.bytes > windows.MAX_COMPRESSED_BYTES:
        return Fault("ARC004", f"{raw.bytes:,} bytes are listed, more than a raw file may have")
    known = fetched.find(folder, raw.sha256) is not None
    altered: list[str] = []
    down: EnvironmentProblem | None = None
    for store in stores:
        try:
            if known and store.size(raw.sha256) == raw.bytes:
                return None
            found = store.read(raw.sha256, raw.bytes)
        except EnvironmentProblem as error:
            down = down or error
            continue
        if isinstance(found, bytes):
            _keep(folder, raw.sha256, found)
            return None
        if isinstance(found, Altered):
            altered.append(f"{store.address} holds {found.found}")
    if altered:
        return Fault("ARC004", "; ".join(altered))
    if down is not None:
        raise down
    return Fault("ARC003", f"none of the stores holds it ({', '.join(store.address for store in stores)})")


def _keep(folder: Path, sha256: str, data: bytes) -> None:
    try:
        fetched.keep(folder, sha256, data)
    except OSError as error:
        fix = "make room there, or name another cache folder with XDG_CACHE_HOME"
        raise EnvironmentProblem(f"{folder} cannot be written: {error.strerror}", fix) from None


def link_of(archive: Archive, sha256: str) -> str | None:
    """Where a reader without credentials gets an archived file: the first https store's object; else None."""
    for address in archive.stores:
        if address.startswith("https://"):
            return f"{address}/{object_path(sha256)}"
    return None
