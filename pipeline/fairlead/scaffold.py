"""Making a root, and adding files to one. Knows no provider, no measurement and no method.

Nothing is ever overwritten but a history, which only grows: a file that is there stays as it is. Where it
differs from what was to be written, that is a problem, and of the files that belong together none is
written. No link is followed, so a root that a stranger made cannot send a file elsewhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from fairlead import history
from fairlead.documents import MAX_BYTES, Json, Unreadable, parse, read_bounded
from fairlead.problems import Problem
from fairlead.repository import TOP_FOLDERS, FileKind, canonical_text, schema_problems

FOLDERS = (
    "methodology/governance",
    "methodology/versions",
    "methodology/proposals",
    "providers",
    "submissions",
)
# What every root says, even one that brings its own method: by path, the file's kind and its data.
_EMPTY: Mapping[str, tuple[str, dict[str, Json]]] = {
    "methodology/models.yaml": ("models", {"schema_version": 1, "models": []}),
    "methodology/vantages.yaml": ("vantages", {"schema_version": 1, "vantages": []}),
    "methodology/versions.yaml": ("versions", {"schema_version": 1, "versions": []}),
    "methodology/governance/organisations.yaml": (
        "organisations",
        {"schema_version": 1, "organisations": []},
    ),
}
# What the board itself starts with, and any root that brings nothing: patterns of files of ours.
_SHIPPED = (
    "methodology/models.yaml",
    "methodology/vantages.yaml",
    "methodology/versions.yaml",
    "methodology/versions/*/methodology.*",
    "methodology/governance/charter.md",
    "methodology/governance/rules.yaml",
    "providers/reference.yaml",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Added:
    """What was done with a set of files: paths relative to the root, in order.

    With a problem nothing was written, unless the disk gave way half-way.
    """

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    problems: tuple[Problem, ...]


def create_root(root: Path, files: Mapping[str, bytes] | None = None) -> Added:
    """Make a root, under git, with these files; without any, with the method that the board starts with.

    A root that is there is completed: what it has is kept, also where a file says something else.
    A folder that holds other things is refused.

    Raises:
        history.EnvironmentProblem: git is needed and not there.
    """
    try:
        found = {path.name for path in root.iterdir()} if root.is_dir() else set()
        if os.path.lexists(root) and not root.is_dir():
            return _refused("the root is no folder", "name a folder")
        if found and found.isdisjoint(TOP_FOLDERS):
            message = f"the folder holds other things, and none of {', '.join(TOP_FOLDERS)}"
            return _refused(message, "name a new or an empty folder, or a root")
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _refused(f"cannot be made: {error.strerror}", "name a folder that you may write to")
    if not found:
        history.initialise(root)
    empty = {path: canonical_text(kind, data).encode() for path, (kind, data) in _EMPTY.items()}
    start = {**empty, **(shipped_files() if files is None else files)}
    # Git keeps no empty folder, and a root without one of its folders is broken.
    filled = {path.partition("/")[0] for path in start}
    kept = {
        f"{top}/.gitkeep": b"" for top in TOP_FOLDERS if top not in filled and not _has_entries(root / top)
    }
    wanted = {**start, **kept}
    return add_files(root, {path: wanted[path] for path in wanted if not os.path.lexists(root / path)})


def shipped_files() -> dict[str, bytes]:
    """The board's own method and its reference provider, as they ship with this program."""
    package = Path(__file__).parent
    installed = package / "_start"
    source = installed if installed.is_dir() else package.parent.parent
    return {
        path.relative_to(source).as_posix(): path.read_bytes()
        for pattern in _SHIPPED
        for path in sorted(source.glob(pattern))
    }


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:  # something else stands there, which is for adding files to find out
        return True


def add_files(root: Path, files: Mapping[str, bytes]) -> Added:
    """Add files to a root, all of them or, where one of them cannot be, none.

    Args:
        root: a folder that is there.
        files: what each file holds, by its path relative to the root.
    """
    missing: list[str] = []
    unchanged: list[str] = []
    problems: list[Problem] = []
    for name, data in sorted(files.items()):
        problem = _obstacle(root, name)
        if problem is None and os.path.lexists(root / name):
            problem = _difference(root, name, data)
            unchanged.append(name)
        elif problem is None:
            missing.append(name)
        if problem and problem not in problems:  # one obstacle may stand before many files
            problems.append(problem)
    if problems:
        return Added((), (), tuple(problems))
    written: list[str] = []
    for name in missing:
        try:
            write_whole(root / name, files[name])
        except OSError as error:
            fix = "free the disk or the folder, then do the same again"
            failed = Problem("TREE003", name, f"cannot be written: {error.strerror}", fix=fix)
            return Added(tuple(written), tuple(unchanged), (failed,))
        written.append(name)
    return Added(tuple(written), tuple(unchanged), ())


def append_event(root: Path, folder: str, event: Mapping[str, Json]) -> Added:
    """Add an event at the end of the history of a folder below submissions/, which is made at need.

    The file is written anew, whole, with every event that was there as it was; or it stays as it is.
    """
    name = f"submissions/{folder}/history.yaml"
    problem = _obstacle(root, name)
    events: list[Json] = []
    if problem is None and os.path.lexists(root / name):
        try:
            document, problems = parse(read_bounded(root / name, MAX_BYTES), name)
        except Unreadable as error:
            return Added((), (), (Problem(error.code, name, error.message),))
        problems += schema_problems(document, FileKind.HISTORY) if document is not None else []
        if document is None or problems:
            return Added((), (), tuple(problems))
        data: Any = document.data
        events = list(data["events"])
    if problem is not None:
        return Added((), (), (problem,))
    text = canonical_text("history", {"schema_version": 1, "events": [*events, dict(event)]})
    try:
        write_whole(root / name, text.encode())
    except OSError as error:
        fix = "free the disk or the folder, then do the same again"
        failed = Problem("TREE003", name, f"cannot be written: {error.strerror}", fix=fix)
        return Added((), (), (failed,))
    return Added((name,), (), ())


def _obstacle(root: Path, name: str) -> Problem | None:
    """The nearest thing above a file, within the root, that is no plain folder."""
    for parent in reversed(PurePosixPath(name).parents[:-1]):
        with contextlib.suppress(FileNotFoundError):
            mode = (root / parent).lstat().st_mode
            if stat.S_ISLNK(mode):
                return Problem(
                    "TREE001", str(parent), "this is a symbolic link", fix="replace it with a folder"
                )
            if not stat.S_ISDIR(mode):
                return Problem("TREE005", str(parent), "a file where a folder is needed", fix="move the file")
    return None


def _difference(root: Path, name: str, data: bytes) -> Problem | None:
    try:
        found = read_bounded(root / name, len(data))
    except Unreadable as error:
        if error.code != "TREE004":  # larger than what was to be written, so another text
            return Problem(error.code, name, error.message, fix="move it away, then try again")
        found = b""
    if found == data:
        return None
    message = "this file is there already and says something else; it was left as it is"
    return Problem("IMP007", name, message, fix="compare the two, then delete the file or leave it out")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".part")
    scratch.unlink(missing_ok=True)
    with scratch.open("xb") as file:
        file.write(data)
    scratch.replace(path)


def _refused(message: str, fix: str) -> Added:
    return Added((), (), (Problem("TREE005", ".", message, fix=fix),))
