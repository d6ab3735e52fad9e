"""Files that must be there, and text that people read. Knows no YAML."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.checks.context import Context
from fairlead.documents import Unreadable, problem_of, read_bounded
from fairlead.problems import Problem, quote
from fairlead.repository import (
    MAX_PROSE_BYTES,
    MODELS_PATH,
    ORGANISATIONS_PATH,
    RULES_PATH,
    VANTAGES_PATH,
    VERSIONS_PATH,
    FileKind,
    Repository,
)

_ALWAYS = (MODELS_PATH, VANTAGES_PATH, VERSIONS_PATH, ORGANISATIONS_PATH, RULES_PATH)

# Where a folder holds a file of the first kind, it must hold these files too.
_BESIDE: dict[FileKind, tuple[str, ...]] = {
    FileKind.METHODOLOGY: ("methodology.md",),
    FileKind.PROPOSAL: ("proposal.md",),
    FileKind.BALLOT: ("proposal.yaml",),
    FileKind.SUBMISSION: ("history.yaml",),
}
# Where a folder holds raw files, it must hold the file that speaks of them.
_NEUTRAL = "submissions/neutral/"
_ABOVE_RAW = (
    (_NEUTRAL, ("rounds.yaml",)),
    ("/reruns/", ("rerun.yaml",)),
    ("submissions/", ("registration.yaml", "submission.yaml")),
)


def check_required_files(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A file without which others have no meaning is there."""
    kinds = repository.kinds
    for path in _ALWAYS if kinds else ():
        if path not in kinds and (repository.root / path.partition("/")[0]).is_dir():
            yield _missing(path)
    needed = {
        f"{path.rpartition('/')[0]}/{name}" for path, kind in kinds.items() for name in _BESIDE.get(kind, ())
    }
    needed |= {
        f"{path.rpartition('/')[0]}/{'rounds' if path.startswith(_NEUTRAL) else 'submission'}.yaml"
        for path in repository.paths_of(FileKind.HISTORY)
    }
    yield from (_missing(path) for path in sorted(needed - kinds.keys()))
    raw = {
        path.rsplit("/", 2)[0]
        for path, kind in kinds.items()
        if kind in (FileKind.WINDOW, FileKind.CALIBRATION)
    }
    for folder in sorted(raw):
        names = next(names for part, names in _ABOVE_RAW if part in folder + "/")
        if not any(f"{folder}/{name}" in kinds for name in names):
            yield _missing(f"{folder}/{names[0]}")


def _missing(path: str) -> Problem:
    name = path.rpartition("/")[2]
    return problem_of(
        path, "TREE007", "this file is missing", fix=f"add {quote(name)}; `fairlead new` writes skeletons"
    )


def check_prose(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Every text that people read is UTF-8, and small enough to be read."""
    for path in repository.paths_of(FileKind.PROSE):
        try:
            data = read_bounded(repository.root / path, MAX_PROSE_BYTES)
        except Unreadable as error:
            yield problem_of(path, error.code, error.message)
            continue
        try:
            data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            found = f"byte 0x{data[error.start]:02x} is not UTF-8"
            yield problem_of(path, "DOC001", found, line=line, expected="UTF-8", fix="save the file as UTF-8")
