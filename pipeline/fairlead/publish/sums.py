"""The digests of a built site: whoever builds it again can tell whether it is the same. Knows no page.

The file is what ``sha256sum`` writes and ``sha256sum --check SHA256SUMS`` reads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

NAME = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64})  ([^\r\n]+)")


def write(folder: Path) -> None:
    """Write the digest of every file below a folder into it."""
    _write(folder, _digests(folder))


def update(folder: Path, changed: Iterable[str]) -> None:
    """Bring the list up to date where only these files are new, changed or gone."""
    found = {}
    for line in (folder / NAME).read_text("utf-8").splitlines():
        digest, _, path = line.partition("  ")
        found[path] = digest
    for path in changed:
        if (folder / path).is_file():
            found[path] = hashlib.sha256((folder / path).read_bytes()).hexdigest()
        else:
            found.pop(path, None)
    _write(folder, {str(path): found[str(path)] for path in sorted(map(PurePosixPath, found))})


def _write(folder: Path, digests: dict[str, str]) -> None:
    lines = [f"{digest}  {path}\n" for path, digest in digests.items()]
    (folder / NAME).write_text("".join(lines), "utf-8")


def compare(published: bytes, folder: Path) -> list[str]:
    """What differs between a published list and the files of a folder, a sentence each."""
    stated = {}
    for number, line in enumerate(published.decode("utf-8", errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            return [f"line {number} of the published list is not `<sha256>  <path>`"]
        stated[match[2]] = match[1]
    found = _digests(folder)
    return [
        *(f"published, and not built: {path}" for path in sorted(stated.keys() - found.keys())),
        *(f"built, and not published: {path}" for path in sorted(found.keys() - stated.keys())),
        *(
            f"not the published bytes: {path}"
            for path in sorted(found)
            if stated.get(path, found[path]) != found[path]
        ),
    ]


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / NAME)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
