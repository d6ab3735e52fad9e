"""What submissions/archive.yaml says, and what the stores gave. Knows no store: what was fetched is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fairlead import documents, windows
from fairlead.archive import free_on
from fairlead.checks.context import Context, at
from fairlead.governance import minute
from fairlead.history import Base
from fairlead.problems import Problem, pointer, quote
from fairlead.repository import ARCHIVE_PATH, FileKind, Manifest, Repository, kind_of

_RAW = (FileKind.WINDOW, FileKind.CALIBRATION)


def check_archive(repository: Repository, context: Context) -> Iterator[Problem]:
    """Each archived folder is sealed, and is old enough by the rules."""
    manifests = {manifest.folder: manifest for manifest in repository.manifests()}
    for index, folder in enumerate(repository.archive.folders if repository.archive is not None else ()):
        where = pointer("folders", index)
        if folder in manifests:
            yield from _too_young(repository, context, manifests[folder], where)
        elif not any(path.rpartition("/")[0] == folder for path in repository.broken):
            message = f"no manifest lists raw files of {quote(folder)}"
            fix = "write the folder of a submission, a rerun or neutral rounds, or leave the entry out"
            yield at(repository, ARCHIVE_PATH, "ARC001", where, message, fix=fix)


def _too_young(repository: Repository, context: Context, manifest: Manifest, where: str) -> Iterator[Problem]:
    if repository.rules is None:
        return
    days = repository.rules.archive.after_days
    free = free_on(manifest, days)
    if free is None or free > context.now:
        day = "never: a window's name tells no time" if free is None else f"from {minute(free)} on"
        fix = "restore its raw files and leave the entry out until then"
        message = f"raw files stay for {days:,} days after the newest window"
        yield at(repository, ARCHIVE_PATH, "ARC002", where, message, expected=day, fix=fix)


def check_archived(repository: Repository, context: Context) -> Iterator[Problem]:
    """What was asked of the stores came, and was what the manifest says."""
    for manifest in repository.manifests() if context.faults else ():
        for key, files in (("windows", manifest.windows), ("calibrations", manifest.calibrations)):
            for index, raw in enumerate(files):
                fault = (context.faults or {}).get(f"{manifest.folder}/{raw.file}")
                if fault is not None:
                    fix = "bring the object back from a copy, or from the commit that archived it"
                    where = pointer(key, index, "sha256")
                    yield at(repository, manifest.path, fault.code, where, fault.message, fix=fix)


def check_archived_digests(repository: Repository, context: Context) -> Iterator[Problem]:
    """A file that leaves the tree for an archive was what its manifest says, which goes on saying it."""
    base = context.base
    if base is None or repository.archive is None:
        return
    for path in sorted(path for path in base.files if kind_of(path) in _RAW):
        listed = repository.archived.get(path)
        if listed is not None and windows.digest(base.read(path)) != listed.sha256:
            message = f"its manifest lists another digest than it had at {base.commit[:12]}"
            yield documents.problem_of(path, "HIS001", message, fix="restore it, and mend the manifest")
    folders = frozenset(repository.archive.folders)
    for manifest in repository.manifests():
        if manifest.folder in folders and manifest.path in base.files:
            yield from _manifest_kept(repository, base, manifest)


def _manifest_kept(repository: Repository, base: Base, manifest: Manifest) -> Iterator[Problem]:
    before, _ = documents.parse(base.read(manifest.path), manifest.path)
    now: Any = repository.documents[manifest.path].data
    was: Any = before.data if before is not None and isinstance(before.data, dict) else {}
    for key in ("windows", "calibrations"):
        if was.get(key) != now.get(key):
            message = f"the files are archived, and it lists others than at {base.commit[:12]}"
            fix = "restore the list; what was measured stays"
            yield at(repository, manifest.path, "HIS001", f"/{key}", message, key=True, fix=fix)
