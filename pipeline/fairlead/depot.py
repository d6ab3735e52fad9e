"""Many windows in little memory: a brief of each, and its table on the disk. Knows no manifest and no figure.

A brief is what a row needs of a window besides its numbers, some hundred bytes. A table is read when somebody
works with it, and let go. Both are kept from run to run; and each raw file is digested in every run, as
:mod:`fairlead.tables` does it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairlead.cache import Cache, Waiting
from fairlead.documents import Unreadable
from fairlead.metrics import WindowTable
from fairlead.model import Methodology
from fairlead.ranking import Head, invalid_by_version
from fairlead.tables import (
    Makers,
    RawWindow,
    Refused,
    RulesByVersion,
    Tabulated,
    digested,
    keys_of,
    made_by,
    refused_of,
    tabulate_file,
    uncollected,
    worked,
)
from fairlead.usage import Usage


class Brief(msgspec.Struct, frozen=True, array_like=True):
    """What a row needs of a window besides its numbers: its head, why it does not count, and its usage."""

    head: Head
    invalid: tuple[str, ...]
    usage: Usage | None


_briefs = msgspec.msgpack.Decoder(Brief)
_tables = msgspec.msgpack.Decoder(Tabulated)


@dataclass(frozen=True, slots=True)
class Stored:
    """The table of one file of a depot, for :class:`fairlead.ranking.Evidence` to read."""

    depot: Depot
    place: int

    def __call__(self) -> WindowTable:
        """The table, from the disk."""
        return self.depot.table(self.place)


class Depot:
    """The windows of raw files: their briefs in memory, their tables on the disk."""

    def __init__(
        self,
        root: Path,
        files: Sequence[RawWindow],
        rules: RulesByVersion,
        methodologies: Mapping[str, Methodology],
        *,
        tables: Cache,
        briefs: Cache,
        held: int = 0,
        makers: Makers | None = None,
    ) -> None:
        """``tables``, ``briefs``: what earlier runs kept. ``held``: of how many tables that were read last
        the numbers stay in memory."""
        self._root, self._files, self._rules, self._methodologies = root, files, rules, methodologies
        self._tables, self._briefs, self._makers = tables, briefs, makers
        self.keys = keys_of(files, rules)  # of each file: what its table depends on but the code, as a digest
        self._spool = _Spool(tables.folder)
        self._decoded = functools.lru_cache(maxsize=held)(self._read)

    def briefs(self) -> list[Brief | Refused]:
        """The brief of each file, in the order given; or why nothing can be made of it."""
        keys = _judged(self.keys, self._methodologies)
        with uncollected():
            found = self._recall(keys)
            missing = [place for place, brief in enumerate(found) if brief is None]
            self._make(found, missing, keys)
        return [brief for brief in found if brief is not None]

    def _recall(self, keys: Sequence[bytes]) -> list[Brief | Refused | None]:
        """Those that are known, and whose files have not changed."""
        found: list[Brief | Refused | None] = [None] * len(keys)
        if not (self._briefs.folder.is_dir() or self._tables.folder.is_dir()):
            return found
        places: dict[bytes, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        shared = _Shared()
        away = [place for place, file in enumerate(self._files) if not file.is_here]
        self.fetch(away)  # nobody could make their tables anew
        for place in away:
            if place not in self._spool:
                places[keys[place]].remove(place)
        with digested(self._root, self._files) as is_whole:
            for key, value in self._briefs.find(places):
                with contextlib.suppress(msgspec.MsgspecError):  # nothing that this code has kept: made anew
                    brief = shared.brief(value)
                    for place in places[key]:
                        found[place] = brief
            self._judge(found, keys, shared)
            known = [brief is not None for brief in found]
            for place, refused in refused_of(self._root, self._files, known, is_whole()).items():
                found[place] = refused
        return found

    def _judge(self, found: list[Brief | Refused | None], keys: Sequence[bytes], shared: _Shared) -> None:
        """Briefs of known tables that have none, as after a change of a limit; they are kept."""
        wanted, briefs = dict[bytes, list[int]](), dict[bytes, bytes]()
        for place, file in enumerate(self._files):
            if found[place] is None and (file.is_here or place in self._spool):
                wanted.setdefault(self.keys[place], []).append(place)
        for key, value in self._tables.find(wanted):
            with contextlib.suppress(msgspec.MsgspecError):  # as above
                brief = _as_bytes(_tables.decode(value), self._methodologies)
                for place in wanted[key]:
                    if place not in self._spool:
                        self._spool.put(place, value)
                    found[place] = shared.brief(brief)
                    briefs[keys[place]] = brief
        self._briefs.keep(briefs, used=frozenset(keys))

    def _make(
        self, found: list[Brief | Refused | None], places: Sequence[int], keys: Sequence[bytes]
    ) -> None:
        """The briefs of some files, made anew and kept, as their tables are."""
        tables, briefs = Waiting(self._tables, frozenset(self.keys)), dict[bytes, bytes]()
        judged, shared = frozenset(keys), _Shared()
        in_order = sorted(places, key=lambda place: self._tables.order_of(self.keys[place]))
        for place, made in self._made(in_order):
            if isinstance(made, Refused):
                found[place] = made
                continue
            table, briefs[keys[place]] = made
            tables.add(self.keys[place], table)
            self._spool.put(place, table)
            found[place] = shared.brief(made[1])
        tables.write()
        self._briefs.keep(briefs, used=judged)

    def _made(self, places: Sequence[int]) -> Iterator[tuple[int, tuple[bytes, bytes] | Refused]]:
        """The table of each file and its brief, as bytes, by its place."""
        if self._makers is None:
            work = functools.partial(_make_batch, self._root, self._rules, self._methodologies)
            yield from worked(work, self._files, places)
            return
        for place, made in made_by(self._makers, self._root, self._rules, self._files, places):
            if isinstance(made, Refused):
                yield place, made
            else:
                yield place, (made, _as_bytes(_tables.decode(made), self._methodologies))

    def fetch(self, places: Iterable[int]) -> None:
        """Bring many tables near, all at once; those that no cache has are made when they are asked for."""
        wanted: dict[bytes, list[int]] = {}
        for place in places:
            if place not in self._spool:
                wanted.setdefault(self.keys[place], []).append(place)
        for key, value in self._tables.find(wanted):
            for place in wanted[key]:
                self._spool.put(place, value)

    def table(self, place: int) -> WindowTable:
        """The table of one file that has a brief.

        Raises:
            Unreadable: the file was changed since its brief was made.
        """
        return self._decoded(place)

    def _read(self, place: int) -> WindowTable:
        with contextlib.suppress(msgspec.MsgspecError, KeyError):
            return _tables.decode(self._spool.get(place)).table
        made = tabulate_file(self._root, self._files[place], self._rules)
        if isinstance(made, Refused):
            raise Unreadable(made.code, f"{self._files[place].path}: {made.message}")
        return made.table


def _judged(keys: Sequence[bytes], methodologies: Mapping[str, Methodology]) -> list[bytes]:
    """The keys of briefs: those of tables, with the limits that a window is held against."""
    stated = {name: (each.limits, each.calibration) for name, each in methodologies.items()}
    context = hashlib.sha256(msgspec.msgpack.encode(stated, order="sorted"))
    found = []
    for key in keys:
        judged = context.copy()
        judged.update(key)
        found.append(judged.digest())
    return found


def _make_batch(
    root: Path,
    rules: RulesByVersion,
    methodologies: Mapping[str, Methodology],
    files: Sequence[RawWindow],
) -> list[tuple[bytes, bytes] | Refused]:
    """The table of each file and its brief, as bytes."""
    with uncollected():
        return [_make_one(root, rules, methodologies, file) for file in files]


def _make_one(
    root: Path, rules: RulesByVersion, methodologies: Mapping[str, Methodology], file: RawWindow
) -> tuple[bytes, bytes] | Refused:
    made = tabulate_file(root, file, rules)
    if isinstance(made, Refused):
        return made
    return msgspec.msgpack.encode(made), _as_bytes(made, methodologies)


def brief_of(made: Tabulated, methodologies: Mapping[str, Methodology]) -> Brief:
    """The brief of a table, held against the limits of its own version."""
    return Brief(Head.of(made.table), invalid_by_version(made.table, methodologies), made.usage)


def _as_bytes(made: Tabulated, methodologies: Mapping[str, Methodology]) -> bytes:
    return msgspec.msgpack.encode(brief_of(made, methodologies))


class _Shared:
    """Briefs of many windows say the same names: each is in memory once."""

    def __init__(self) -> None:
        self._alike: dict[object, Head] = {}
        self._reasons: dict[tuple[str, ...], tuple[str, ...]] = {}

    def brief(self, data: bytes) -> Brief:
        found = _briefs.decode(data)
        head = found.head
        names = (head.model, head.vantage, head.methodology, head.provider, head.endpoint, head.role)
        alike = self._alike.setdefault((names, head.dialect, tuple(head.outcomes.items())), head)
        shared = Head(
            model=alike.model,
            vantage=alike.vantage,
            methodology=alike.methodology,
            provider=alike.provider,
            endpoint=alike.endpoint,
            role=alike.role,
            dialect=alike.dialect,
            is_imported=head.is_imported,
            outcomes=alike.outcomes,
            start_unix_ns=head.start_unix_ns,
            end_unix_ns=head.end_unix_ns,
        )
        return Brief(shared, self._reasons.setdefault(found.invalid, found.invalid), found.usage)


class _Spool:
    """Tables of this run, one after another in a file without a name. What cannot be written is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None
        self._spans: dict[int, tuple[int, int]] = {}
        self._end = 0

    def __contains__(self, place: int) -> bool:
        return place in self._spans

    def put(self, place: int, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._descriptor is None:
                self._descriptor = self._open()
            if os.pwrite(self._descriptor, data, self._end) == len(data):
                self._spans[place] = (self._end, len(data))
                self._end += len(data)

    def _open(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._folder)
        weakref.finalize(self, os.close, descriptor)
        Path(name).unlink()
        return descriptor

    def get(self, place: int) -> bytes:
        """What was put there.

        Raises:
            KeyError: nothing was.
        """
        start, length = self._spans[place]
        assert self._descriptor is not None
        return os.pread(self._descriptor, length, start)
