"""Archived raw files that were fetched before, each under its digest. Knows no store and no manifest.

What a file here holds is digested each time it is read: one that somebody changed, or that was written by
half, is as good as none. The folder may be deleted at any moment; then the files are fetched again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fairlead.cache import read_own, write_own

NOT_HERE = "it is archived, and not on this machine"


def place_of(folder: Path, sha256: str) -> Path:
    """Where a file of this digest is, if it is here."""
    return folder / sha256[:2] / sha256


def find(folder: Path, sha256: str) -> bytes | None:
    """The bytes of this digest; None where they are not here."""
    try:
        data = read_own(place_of(folder, sha256))
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def keep(folder: Path, sha256: str, data: bytes) -> None:
    """Write bytes whose digest was compared; the file is there whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_own(place_of(folder, sha256), data)
