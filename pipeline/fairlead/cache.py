"""Results kept between runs, each under a digest of what it was made from. Knows not what it keeps.

An entry is trusted only where this very code, on these versions, made it: one digest of all of them stands
in every file. A file that is missing, broken, from another version or from another user holds nothing; what
cannot be written is not kept. So the folder may be deleted at any moment, and nothing changes but the time.

Files are only ever replaced whole, so two processes at once each read a whole file, the old or the new. They
hold lengths and bytes and nothing that could run; what the bytes mean is for the caller to check.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import msgspec

MAX_FILE_BYTES = 256 * 1024 * 1024
_SHARDS = 64  # files: one changed entry rewrites one of them
_WAITING_MOST = 2048
_MAGIC = b"fairlead cache 1\n"
_DIGEST_BYTES = 32
_LARGE = re.compile(r"[0-9a-f]{64}")  # the name of a file with one entry
_LIBRARIES = ("jsonschema", "msgspec", "numpy", "pyarrow", "pyyaml", "vl-convert-python")


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one file holds: the digest of the code that made it, and the entries by their keys."""

    made_by: bytes
    entries: dict[bytes, bytes]


_decoder = msgspec.msgpack.Decoder(_Content)


@dataclass(frozen=True, slots=True)
class Cache:
    """Entries in files of one folder, which is made when it is first needed. Keys are digests of 32 bytes.

    ``is_large``: an entry is, so each has a file of its own; else many share one.
    """

    folder: Path
    is_large: bool = False

    def find(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The entries that are there, as (key, value); one file in memory at a time."""
        for name, wanted in self._by_file(keys).items():
            entries = self._read(name)
            yield from ((key, entries[key]) for key in wanted if key in entries)

    def keep(self, new: Mapping[bytes, bytes], *, used: Set[bytes]) -> None:
        """Add entries. In each file that is rewritten for them, keys that are not in ``used`` are let go.

        Large entries that are not in ``used`` are let go with the first that is added.
        """
        for name, keys in self._by_file(new).items():
            kept = {key: value for key, value in self._read(name).items() if key in used}
            self._write(name, kept | {key: new[key] for key in keys})
        if self.is_large and new:
            self._let_go(self._by_file({*new, *used}).keys())

    def _by_file(self, keys: Iterable[bytes]) -> dict[str, list[bytes]]:
        """Keys by the name of the file that they belong in."""
        found: dict[str, list[bytes]] = {}
        for key in sorted(keys):
            found.setdefault(self.file_of(key), []).append(key)
        return found

    def file_of(self, key: bytes) -> str:
        """The name of the file that a key's entry belongs in."""
        return key.hex() if self.is_large else f"{key[0] % _SHARDS:02x}"

    def order_of(self, key: bytes) -> tuple[str, bytes]:
        """Its place in the order in which each file is written once: see :class:`Waiting`."""
        return self.file_of(key), key

    def _let_go(self, names: Set[str]) -> None:
        """Remove every other large entry; files that are being written have names of another kind."""
        with contextlib.suppress(OSError):
            for path in list(self.folder.iterdir()):
                if _LARGE.fullmatch(path.name) and path.name not in names:
                    path.unlink(missing_ok=True)

    def _read(self, name: str) -> dict[bytes, bytes]:
        try:
            data = read_own(self.folder / name)
            head = len(_MAGIC) + _DIGEST_BYTES
            if data[:head] != _MAGIC + hashlib.sha256(memoryview(data)[head:]).digest():
                return {}
            content = _decoder.decode(memoryview(data)[head:])
        except (OSError, msgspec.MsgspecError):
            return {}
        return content.entries if content.made_by == code_digest() else {}

    def _write(self, name: str, entries: dict[bytes, bytes]) -> None:
        body = msgspec.msgpack.encode(_Content(code_digest(), entries))
        with contextlib.suppress(OSError):
            write_own(self.folder / name, _MAGIC + hashlib.sha256(body).digest() + body)


class Waiting:
    """New entries that wait to be kept: those of one file at a time, where they come in the cache's order.

    So few are in memory, however many are made; and an interrupted run goes on from the last file.
    """

    def __init__(self, cache: Cache, used: Set[bytes]) -> None:
        """``used``: as :meth:`Cache.keep` takes it."""
        self._cache, self._used = cache, used
        self._new: dict[bytes, bytes] = {}
        self._file = ""

    def add(self, key: bytes, value: bytes) -> None:
        """One more; those of the file before it are kept."""
        file = self._cache.file_of(key)
        if file != self._file or len(self._new) >= _WAITING_MOST:
            self.write()
        self._file = file
        self._new[key] = value

    def write(self) -> None:
        """Keep those that wait."""
        self._cache.keep(self._new, used=self._used)
        self._new = {}


def read_own(path: Path) -> bytes:
    """The bytes of a regular file that belongs to this user.

    Raises:
        OSError: it is none, or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        if not is_own or status.st_size > MAX_FILE_BYTES:
            raise OSError("not a file of ours")
        return file.read()


def write_own(path: Path, data: bytes) -> None:
    """Write a file that is this user's alone; it is there whole or as it was before.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@functools.cache
def code_digest() -> bytes:
    """The sha256 of every file of this package, and of the versions of what it computes with."""
    package = Path(__file__).parent
    found = hashlib.sha256(f"{sys.version} {sys.byteorder}".encode())
    for library in _LIBRARIES:
        found.update(f"{library} {importlib.metadata.version(library)}\n".encode())
    for path in sorted(path for kind in ("py", "json") for path in package.rglob(f"*.{kind}")):
        data = path.read_bytes()
        found.update(f"{path.relative_to(package)} {len(data)}\n".encode() + data)
    return found.digest()
