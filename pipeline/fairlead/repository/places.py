"""Which path is what: one table, and the walk that holds a tree against it. Knows no content."""

from __future__ import annotations

import enum
import functools
import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fairlead.documents import problem_of
from fairlead.problems import Problem, nearest, quote

MAX_ENTRIES = 1_000_000  # files and folders of a tree

TOP_FOLDERS = ("methodology", "providers", "submissions")
RESERVED_PROVIDERS = frozenset({"neutral"})  # the folder of the board's own rounds


class FileKind(enum.StrEnum):
    """What a file is. The value of a YAML kind is the name of its schema."""

    PROVIDER = "provider"
    MODELS = "models"
    VANTAGES = "vantages"
    VERSIONS = "versions"
    METHODOLOGY = "methodology"
    PROPOSAL = "proposal"
    BALLOT = "ballot"
    MEMBER = "member"
    ORGANISATIONS = "organisations"
    FUNDING = "funding"
    CUSTODY = "custody"
    RULES = "rules"
    WAIVERS = "waivers"
    ARCHIVE = "archive"
    REGISTRATION = "registration"
    SUBMISSION = "submission"
    HISTORY = "history"
    RERUN = "rerun"
    ROUNDS = "rounds"
    WINDOW = "window"
    CALIBRATION = "calibration"
    PROSE = "prose"


_SPOOL = re.compile(r"\.spool(?:\.[0-9]+)?\Z")


def is_spool(path: str) -> bool:
    """Whether it is what a run under way, or one that was killed, keeps its requests in."""
    return _SPOOL.search(path) is not None


ID_FORM = "[a-z0-9]+(?:-[a-z0-9]+)*"
_FORMS = {
    "<id>": ID_FORM,
    "<version>": r"[0-9]+\.[0-9]+\.[0-9]+(?:-[a-z0-9]+)?",
    "<number>": "[0-9]{4}",
    "<date>": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "<month>": "[0-9]{4}-[0-9]{2}",
    "<utc>": "[0-9]{8}t[0-9]{6}z",
    "<slug>": ID_FORM,
    "<vantage>": ID_FORM,
    "<model>": ID_FORM,
    "<scenario>": ID_FORM,
    "<role>": "(?:subject|control|smoke)",
    "<sha256>": "[0-9a-f]{64}",
    "<file>": r"[a-z0-9]+(?:[-_.][a-z0-9]+)*",
}
_RAW = "windows/<utc>-<model>-<scenario>-<role>.jsonl.gz"
_CERTIFICATE = "calibrations/<sha256>.json.gz"
_SUBMISSION = "submissions/<id>/<date>-<slug>"
_RERUN = f"{_SUBMISSION}/reruns/<utc>-<vantage>"
_ROUNDS = "submissions/neutral/<month>-<vantage>-<model>"

# Every path that may be in a tree, and what it is. The order is that of the suggestions.
PLACES: tuple[tuple[str, FileKind], ...] = (
    ("methodology/README.md", FileKind.PROSE),
    ("methodology/models.yaml", FileKind.MODELS),
    ("methodology/vantages.yaml", FileKind.VANTAGES),
    ("methodology/versions.yaml", FileKind.VERSIONS),
    ("methodology/versions/<version>/methodology.yaml", FileKind.METHODOLOGY),
    ("methodology/versions/<version>/methodology.md", FileKind.PROSE),
    ("methodology/versions/<version>/workloads/<file>", FileKind.PROSE),
    ("methodology/proposals/<number>-<slug>/proposal.yaml", FileKind.PROPOSAL),
    ("methodology/proposals/<number>-<slug>/proposal.md", FileKind.PROSE),
    ("methodology/proposals/<number>-<slug>/ballot.yaml", FileKind.BALLOT),
    ("methodology/proposals/<number>-<slug>/rules.yaml", FileKind.RULES),
    ("methodology/proposals/<number>-<slug>/charter.md", FileKind.PROSE),
    ("methodology/governance/charter.md", FileKind.PROSE),
    ("methodology/governance/rules.yaml", FileKind.RULES),
    ("methodology/governance/organisations.yaml", FileKind.ORGANISATIONS),
    ("methodology/governance/funding.yaml", FileKind.FUNDING),
    ("methodology/governance/custody.yaml", FileKind.CUSTODY),
    ("methodology/governance/waivers.yaml", FileKind.WAIVERS),
    ("methodology/governance/members/<id>.yaml", FileKind.MEMBER),
    ("providers/README.md", FileKind.PROSE),
    ("providers/<id>.yaml", FileKind.PROVIDER),
    ("submissions/README.md", FileKind.PROSE),
    ("submissions/archive.yaml", FileKind.ARCHIVE),
    (f"{_ROUNDS}/rounds.yaml", FileKind.ROUNDS),
    (f"{_ROUNDS}/history.yaml", FileKind.HISTORY),
    (f"{_ROUNDS}/{_RAW}", FileKind.WINDOW),
    (f"{_ROUNDS}/{_CERTIFICATE}", FileKind.CALIBRATION),
    (f"{_SUBMISSION}/registration.yaml", FileKind.REGISTRATION),
    (f"{_SUBMISSION}/submission.yaml", FileKind.SUBMISSION),
    (f"{_SUBMISSION}/history.yaml", FileKind.HISTORY),
    (f"{_SUBMISSION}/{_RAW}", FileKind.WINDOW),
    (f"{_SUBMISSION}/{_CERTIFICATE}", FileKind.CALIBRATION),
    (f"{_RERUN}/rerun.yaml", FileKind.RERUN),
    (f"{_RERUN}/{_RAW}", FileKind.WINDOW),
    (f"{_RERUN}/{_CERTIFICATE}", FileKind.CALIBRATION),
)

MODELS_PATH = "methodology/models.yaml"
VANTAGES_PATH = "methodology/vantages.yaml"
VERSIONS_PATH = "methodology/versions.yaml"
ORGANISATIONS_PATH = "methodology/governance/organisations.yaml"
RULES_PATH = "methodology/governance/rules.yaml"
FUNDING_PATH = "methodology/governance/funding.yaml"
CHARTER_PATH = "methodology/governance/charter.md"
CUSTODY_PATH = "methodology/governance/custody.yaml"
WAIVERS_PATH = "methodology/governance/waivers.yaml"
ARCHIVE_PATH = "submissions/archive.yaml"


def is_within(path: str, paths: Sequence[str]) -> bool:
    """Whether a path is one of ``paths`` or lies in one; an empty list holds everything."""
    return not paths or any(path == top or path.startswith(top.rstrip("/") + "/") for top in paths)


class _Place(NamedTuple):
    """What may still come below a folder: the rest of a path's form, and the kind at its end."""

    form: tuple[str, ...]
    kind: FileKind


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile("".join(_FORMS.get(part, re.escape(part)) for part in re.split("(<[a-z0-9]+>)", form)))


def kind_of(path: str) -> FileKind | None:
    """What the file at a path is, by its path alone; None where none is expected."""
    parts = path.split("/")
    for form, kind in PLACES:
        forms = form.split("/")
        is_reserved = parts[1:2] == ["neutral"] and forms[1] == "<id>"
        if len(forms) != len(parts) or is_reserved:
            continue
        if all(_pattern(form).fullmatch(part) for form, part in zip(forms, parts, strict=True)):
            return kind
    return None


def walk(root: Path) -> tuple[dict[str, FileKind], list[Problem]]:
    """Every recognised file of a tree by its path, sorted; and what should not be in it.

    No link is followed.
    """
    walker = _Walker(root)
    places = [_Place(tuple(form.split("/")), kind) for form, kind in PLACES]
    for top in TOP_FOLDERS:
        folder = root / top
        if folder.is_symlink():
            walker.report("TREE001", top, "this is a symbolic link", "replace it with the folder itself")
        elif folder.is_dir():
            below = [_Place(place.form[1:], place.kind) for place in places if place.form[0] == top]
            walker.folder(top, below)
        else:
            walker.report("TREE007", top, "this folder is missing", f"make the folder `{top}/`")
    if any(problem.code == "TREE008" for problem in walker.problems):
        return {}, walker.problems  # what is missing from half a tree, nobody knows
    return dict(sorted(walker.kinds.items())), walker.problems


class _Walker:
    """One walk down a tree: what it recognised, what it did not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kinds: dict[str, FileKind] = {}
        self.problems: list[Problem] = []
        self._entries = 0

    def report(self, code: str, path: str, message: str, fix: str, expected: str | None = None) -> None:
        self.problems.append(problem_of(path, code, message, expected=expected, fix=fix))

    def folder(self, path: str, places: Sequence[_Place]) -> None:
        """Look at everything in a folder, given what may be below it."""
        try:
            with os.scandir(self.root / path) as found:
                entries = sorted(itertools.islice(found, MAX_ENTRIES + 1), key=lambda entry: entry.name)
        except OSError as error:
            self.report(
                "TREE003", path, f"cannot be read: {error.strerror}", "make it readable (`chmod a+rX`)"
            )
            return
        for entry in entries:
            self._entries += 1
            if self._entries > MAX_ENTRIES:
                if self._entries == MAX_ENTRIES + 1:
                    fix = "split the change"
                    self.report("TREE008", path, f"more than {MAX_ENTRIES:,} files and folders", fix)
                return
            self._entry(f"{path}/{entry.name}", entry, places)

    def _entry(self, path: str, entry: os.DirEntry[str], places: Sequence[_Place]) -> None:
        if entry.is_symlink():
            self.report("TREE001", path, "this is a symbolic link", "replace it with the file itself")
        elif entry.is_dir(follow_symlinks=False):
            deeper = [place for place in places if len(place.form) > 1]
            below = [place for place in deeper if _pattern(place.form[0]).fullmatch(entry.name)]
            if below:
                # A name that stands as it is in the table is that folder, never an id.
                literal = [place for place in below if place.form[0] == entry.name]
                self.folder(path, [_Place(place.form[1:], place.kind) for place in literal or below])
            else:
                self._unexpected(path, entry.name, "folder", [place.form[0] + "/" for place in deeper])
        elif not entry.is_file(follow_symlinks=False):
            self.report("TREE002", path, "this is no regular file", "delete it")
        else:
            self._file(path, entry.name, [place for place in places if len(place.form) == 1])

    def _file(self, path: str, name: str, places: Sequence[_Place]) -> None:
        kind = next((place.kind for place in places if _pattern(place.form[0]).fullmatch(name)), None)
        if kind is FileKind.PROVIDER and name.removesuffix(".yaml") in RESERVED_PROVIDERS:
            self.report("TREE006", path, f"{quote(name)} is a reserved name", "choose another id")
        elif kind is not None:
            self.kinds[path] = kind
        elif name != ".gitkeep":
            self._unexpected(path, name, "file", [place.form[0] for place in places])

    def _unexpected(self, path: str, name: str, what: str, forms: Sequence[str]) -> None:
        forms = list(dict.fromkeys(forms))
        expected = " or ".join(quote(form, 80) for form in forms) if forms else "nothing here"
        if is_spool(name):
            fix = "finish the run with `fairlead measure`, which seals it, or delete the file"
            self.report("TREE005", path, "an unfinished run", fix, expected)
            return
        literals = [form.rstrip("/") for form in forms if "<" not in form]
        meant = nearest(name, literals) or _mended(name, forms)
        code = "TREE006" if meant and meant not in literals else "TREE005"
        message = "this name has the wrong form" if code == "TREE006" else f"an unexpected {what}"
        fix = f"rename it to {quote(meant)}" if meant else "move it where it belongs, or delete it"
        self.report(code, path, message, fix, expected)


def _mended(name: str, forms: Sequence[str]) -> str | None:
    """The name in lower case with single hyphens, where that has one of the forms."""
    suffixes = (".jsonl.gz", ".json.gz", ".yaml", ".yml", ".md", "")
    suffix = next(suffix for suffix in suffixes if name.lower().endswith(suffix))
    slug = re.sub("[^a-z0-9]+", "-", name.lower().removesuffix(suffix)).strip("-")
    candidate = slug + (".yaml" if suffix == ".yml" else suffix)
    return candidate if any(_pattern(form.rstrip("/")).fullmatch(candidate) for form in forms) else None
