"""From raw files to the table of each window, on every core that is permitted. Knows no manifest and no rank.

A table is made in a process of its own, or read back from a cache; it comes back as plain bytes either way,
and is decoded against its type, so that both ways give the same. Every file is read and held against its
digest, also where its table is known: a number is never given for bytes that have changed since.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import msgspec

from fairlead import documents, windows
from fairlead.cache import Cache, Waiting
from fairlead.cores import in_order, permitted_cores
from fairlead.digests import digesting
from fairlead.documents import Unreadable
from fairlead.fetched import NOT_HERE
from fairlead.metrics import SteadyRules, WindowTable, tabulate
from fairlead.usage import Usage, examine

POOL_MIN_FILES = 96  # below this a root is read sooner than a process is started
_BATCH = 32  # files a task


class TableRules(msgspec.Struct, frozen=True):
    """The numbers of a methodology that a table depends on."""

    steady: SteadyRules
    token_disagreement_share: float


class RulesByVersion(msgspec.Struct, frozen=True):
    """The rules of each methodology version; ``otherwise`` for a window that states none of them."""

    versions: dict[str, TableRules]
    otherwise: TableRules


class RawWindow(NamedTuple):
    """A raw file relative to the root, its digest, and the file that states it.

    ``fetched``: where its bytes are, if it was archived and fetched; they were held against the digest when
    they were found there. Where it is not ``is_here``, its bytes are in an archive alone, and only what is
    known already can be given for its digest.
    """

    path: str
    sha256: str
    stated_in: str
    fetched: str | None = None
    is_here: bool = True

    @property
    def is_in_tree(self) -> bool:
        """Whether nobody has looked at its bytes yet."""
        return self.is_here and self.fetched is None


class Tabulated(msgspec.Struct, frozen=True):
    """What is made of one window. ``usage``: None where no tokenizer counted."""

    table: WindowTable
    usage: Usage | None


class Refused(msgspec.Struct, frozen=True):
    """Why nothing can be made of a file: the rule that it breaks, and the words."""

    code: str
    message: str


_decoder = msgspec.msgpack.Decoder(Tabulated)
_T = TypeVar("_T")
_R = TypeVar("_R")
Made: TypeAlias = bytes | Refused  # bytes: a Tabulated
Batch: TypeAlias = Sequence[tuple[RawWindow, bytes | Refused]]
"""Raw files with their bytes, or why they could not be read."""
Makers: TypeAlias = Callable[[Iterable[Batch], RulesByVersion], Iterator[Sequence[Made]]]
"""Makes the tables of batches on other machines, as :func:`make_tables` makes them here; in their order."""
Use: TypeAlias = Callable[[int, bytes, Tabulated], _T]
"""What is made of a table: of the file at that place, and a digest of all that it depends on but the code."""


def tabulate_files(
    root: Path,
    files: Sequence[RawWindow],
    rules: RulesByVersion,
    use: Use[_T],
    cache: Cache | None = None,
    makers: Makers | None = None,
) -> list[_T | Refused]:
    """What ``use`` makes of the table of each file, in the order given.

    It is called while other processes are at work, and in no order. What it makes of a table that was read
    back is let go where the file turns out to have changed. A few files are read in this process and without
    the cache: to start another would take longer. ``makers``: those who make what is not known, where that is
    not for this machine.
    """
    keys = keys_of(files, rules)
    if len(files) < POOL_MIN_FILES and makers is None:
        made = _make_batch(root, rules, files)
        return [_used(use, place, keys[place], one) for place, one in enumerate(made)]
    with uncollected():
        found = {} if cache is None else _recall(root, files, keys, use, cache)
        missing = [place for place in range(len(files)) if place not in found]
        found |= _make(root, files, missing, rules, keys, use, cache, makers)
    return [found[place] for place in range(len(files))]


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Many tables and no cycle among them: to search them all for cycles, again and again, takes as long."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _used(use: Use[_T], place: int, key: bytes, made: Made) -> _T | Refused:
    return made if isinstance(made, Refused) else use(place, key, _decoder.decode(made))


def _batches(places: Sequence[int]) -> list[Sequence[int]]:
    return [places[start : start + _BATCH] for start in range(0, len(places), _BATCH)]


# -- tables that are known -----------------------------------------------------------------------


def keys_of(files: Sequence[RawWindow], rules: RulesByVersion) -> list[bytes]:
    """What each table depends on, as a digest: the file's bytes, and the rules."""
    context = hashlib.sha256(msgspec.json.encode(rules, order="sorted"))
    keys = []
    for file in files:
        key = context.copy()
        key.update(file.sha256.encode())
        keys.append(key.digest())
    return keys


def _recall(
    root: Path, files: Sequence[RawWindow], keys: Sequence[bytes], use: Use[_T], cache: Cache
) -> dict[int, _T | Refused]:
    """What the cache holds of files whose bytes are those of their digest; and why others are refused."""
    if not cache.folder.is_dir():
        return {}
    places: dict[bytes, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    with digested(root, files) as is_whole:
        found: dict[int, _T | Refused] = {}
        for key, value in cache.find(places):
            try:
                table = _decoder.decode(value)
            except msgspec.MsgspecError:  # nothing that this code has kept: made anew
                continue
            for place in places[key]:
                found[place] = use(place, key, table)
        return found | refused_of(root, files, [place in found for place in range(len(files))], is_whole())


def refused_of(
    root: Path, files: Sequence[RawWindow], known: Sequence[bool], whole: Sequence[bool]
) -> dict[int, Refused]:
    """Why files that are known are refused after all, by their places: their bytes are no longer the same."""
    found = {}
    for place, file in enumerate(files):
        if known[place] and not whole[place]:
            data = _read(root, file)
            if isinstance(data, Refused):
                found[place] = data
    return found


@contextlib.contextmanager
def digested(root: Path, files: Sequence[RawWindow]) -> Iterator[Callable[[], list[bool]]]:
    """Digest the files of the tree on another core; what is given says, when called, which of all have their
    bytes for sure."""
    if permitted_cores() < 2:
        yield lambda: [not file.is_in_tree for file in files]
        return
    folder = str(root)
    paths = [f"{folder}/{file.path}" for file in files if file.is_in_tree]
    with digesting(paths, windows.MAX_COMPRESSED_BYTES) as under_way:

        def whole() -> list[bool]:
            found = iter(under_way.digests())
            return [not file.is_in_tree or next(found).hex() == file.sha256 for file in files]

        yield whole


# -- tables that are made ------------------------------------------------------------------------


def _make(
    root: Path,
    files: Sequence[RawWindow],
    places: Sequence[int],
    rules: RulesByVersion,
    keys: Sequence[bytes],
    use: Use[_T],
    cache: Cache | None,
    makers: Makers | None,
) -> dict[int, _T | Refused]:
    """The tables of some files, made anew and kept."""
    found: dict[int, _T | Refused] = {}
    waiting = None
    if cache is not None:
        waiting = Waiting(cache, frozenset(keys))
        places = sorted(places, key=lambda place: cache.order_of(keys[place]))
    work = functools.partial(_make_batch, root, rules)
    for place, made in (
        worked(work, files, places) if makers is None else made_by(makers, root, rules, files, places)
    ):
        found[place] = _used(use, place, keys[place], made)
        if waiting is not None and isinstance(made, bytes):
            waiting.add(keys[place], made)
    if waiting is not None:
        waiting.write()
    return found


def worked(
    work: Callable[[Sequence[RawWindow]], Sequence[_R]], files: Sequence[RawWindow], places: Sequence[int]
) -> Iterator[tuple[int, _R]]:
    """What ``work`` makes of each file, by its place; in processes of their own where there are enough."""
    batches = _batches(places)
    tasks = ([files[place] for place in batch] for batch in batches)
    results = in_order(work, tasks, processes=min(permitted_cores(), 2 * len(places) // POOL_MIN_FILES))
    for batch, made in zip(batches, results, strict=True):
        yield from zip(batch, made, strict=True)


def made_by(
    makers: Makers, root: Path, rules: RulesByVersion, files: Sequence[RawWindow], places: Sequence[int]
) -> Iterator[tuple[int, Made]]:
    """What others make of each file, by its place. The bytes are read here: no other machine has the root."""
    batches = _batches(places)
    read = ([(files[place], _read_raw(root, files[place])) for place in batch] for batch in batches)
    for batch, made in zip(batches, makers(read, rules), strict=True):
        yield from zip(batch, made, strict=True)


def make_tables(batch: Batch, rules: RulesByVersion) -> list[Made]:
    """The table of each raw file, from its bytes alone."""
    with uncollected():
        return [_as_bytes(_tabulated(_as_stated(file, data), rules)) for file, data in batch]


def _as_bytes(made: Tabulated | Refused) -> Made:
    return made if isinstance(made, Refused) else msgspec.msgpack.encode(made)


def _make_batch(root: Path, rules: RulesByVersion, files: Sequence[RawWindow]) -> list[Made]:
    with uncollected():
        return [_as_bytes(tabulate_file(root, file, rules)) for file in files]


def tabulate_file(root: Path, file: RawWindow, rules: RulesByVersion) -> Tabulated | Refused:
    """The table of one file, from its bytes."""
    return _tabulated(_read(root, file), rules)


def _tabulated(data: bytes | Refused, rules: RulesByVersion) -> Tabulated | Refused:
    if isinstance(data, Refused):
        return data
    try:
        window = windows.decode_window(data)
    except windows.WindowError as error:
        return Refused("WIN006", str(error))
    version = window.header.methodology.version if window.header.methodology else ""
    chosen = rules.versions.get(version, rules.otherwise)
    return Tabulated(tabulate(window, chosen.steady), examine(window, chosen.token_disagreement_share))


def _read(root: Path, file: RawWindow) -> bytes | Refused:
    """The bytes that the manifest's digest stands for."""
    return _as_stated(file, _read_raw(root, file))


def _read_raw(root: Path, file: RawWindow) -> bytes | Refused:
    if not file.is_here:
        return Refused("ARC005", NOT_HERE)
    try:
        return documents.read_bounded(Path(file.fetched or root / file.path), windows.MAX_COMPRESSED_BYTES)
    except Unreadable as error:
        return Refused(error.code, error.message)


def _as_stated(file: RawWindow, data: bytes | Refused) -> bytes | Refused:
    if isinstance(data, bytes) and windows.digest(data) != file.sha256:
        return Refused("SUB007", f"its bytes are not those that {file.stated_in} lists")
    return data
