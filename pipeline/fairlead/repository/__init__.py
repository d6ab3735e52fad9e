"""The whole tree as one value. Knows no rule that spans two files, no metric, no git and no network.

One table says which path is which kind of file; everything else in the tree is unexpected. Each
YAML file is read, held against its JSON Schema and turned into the struct of its kind. What is
wrong becomes a located problem and stops nothing: the rest of the tree is read all the same.

Raw windows are listed here and read one by one with :func:`read_window`, never all at once.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from fairlead import documents, fetched, model, windows
from fairlead.cache import Cache
from fairlead.documents import Document, Json, Unreadable, problem_at, problem_of
from fairlead.problems import Problem, Severity, Span, pointer, quote
from fairlead.repository.places import (
    ARCHIVE_PATH,
    CHARTER_PATH,
    CUSTODY_PATH,
    FUNDING_PATH,
    MODELS_PATH,
    ORGANISATIONS_PATH,
    PLACES,
    RESERVED_PROVIDERS,
    RULES_PATH,
    TOP_FOLDERS,
    VANTAGES_PATH,
    VERSIONS_PATH,
    WAIVERS_PATH,
    FileKind,
    is_within,
    kind_of,
    walk,
)
from fairlead.repository.schema import KEYWORD_CODES, load_schema, schema_problems

__all__ = [
    "ARCHIVE_PATH",
    "CHARTER_PATH",
    "CUSTODY_PATH",
    "FUNDING_PATH",
    "KEYWORD_CODES",
    "MAX_CALIBRATION_BYTES",
    "MAX_PROSE_BYTES",
    "MODELS_PATH",
    "ORGANISATIONS_PATH",
    "PLACES",
    "RESERVED_PROVIDERS",
    "RULES_PATH",
    "STRUCTS",
    "TOP_FOLDERS",
    "VANTAGES_PATH",
    "VERSIONS_PATH",
    "WAIVERS_PATH",
    "FileKind",
    "Manifest",
    "Repository",
    "bug",
    "canonical_text",
    "format_tree",
    "is_within",
    "kind_of",
    "load_repository",
    "load_schema",
    "read_value",
    "read_window",
    "schema_problems",
    "unformatted",
    "walk",
]

MAX_PROSE_BYTES = 1_000_000
MAX_CALIBRATION_BYTES = 8_000_000
CACHE_MIN_BYTES = 200_000  # of YAML: below this it is validated sooner than a cache is read

STRUCTS: Mapping[FileKind, type[Any]] = {
    FileKind.PROVIDER: model.Provider,
    FileKind.MODELS: model.Models,
    FileKind.VANTAGES: model.Vantages,
    FileKind.VERSIONS: model.Versions,
    FileKind.METHODOLOGY: model.Methodology,
    FileKind.PROPOSAL: model.Proposal,
    FileKind.BALLOT: model.Ballot,
    FileKind.MEMBER: model.Member,
    FileKind.ORGANISATIONS: model.Organisations,
    FileKind.FUNDING: model.Funding,
    FileKind.CUSTODY: model.Custody,
    FileKind.RULES: model.Rules,
    FileKind.WAIVERS: model.Waivers,
    FileKind.ARCHIVE: model.Archive,
    FileKind.REGISTRATION: model.Registration,
    FileKind.SUBMISSION: model.Submission,
    FileKind.HISTORY: model.History,
    FileKind.RERUN: model.Rerun,
    FileKind.ROUNDS: model.Rounds,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Manifest:
    """The list of raw files of one folder. ``path`` is the file that holds it."""

    folder: str
    path: str
    kind: FileKind
    windows: tuple[model.RawFile, ...]
    calibrations: tuple[model.RawFile, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Repository:
    """What a tree says. A file with problems of its own is in ``broken`` and has no struct.

    Keys are the ids that paths give: ``submissions``, ``registrations`` and ``histories`` by
    ``<provider>/<submission>``, of neutral rounds by ``neutral/<rounds>``; ``reruns`` by
    ``<provider>/<submission>/reruns/<rerun>``, ``rounds`` by folder name, ``proposals`` and ``ballots`` by
    ``<number>-<slug>``. ``kinds`` holds every file that was recognised, raw ones included, by its path.

    ``archived``: the raw files that are listed by the manifest of an archived folder and are not in the tree,
    by the paths that they had. ``fetched``: the folder of those that were fetched; None: none were.
    """

    root: Path
    kinds: Mapping[str, FileKind]
    documents: Mapping[str, Document]
    broken: frozenset[str]
    providers: Mapping[str, model.Provider]
    models: Mapping[str, model.Model]
    vantages: Mapping[str, model.Vantage]
    versions: Mapping[str, model.Version]
    methodologies: Mapping[str, model.Methodology]
    proposals: Mapping[str, model.Proposal]
    ballots: Mapping[str, model.Ballot]
    members: Mapping[str, model.Member]
    organisations: Mapping[str, model.Organisation]
    funding: tuple[model.FundingEntry, ...]
    custody: tuple[model.Custodian, ...]
    rules: model.Rules | None
    waivers: tuple[model.Waiver, ...]
    registrations: Mapping[str, model.Registration]
    submissions: Mapping[str, model.Submission]
    histories: Mapping[str, model.History]
    reruns: Mapping[str, model.Rerun]
    rounds: Mapping[str, model.Rounds]
    archive: model.Archive | None = None
    archived: Mapping[str, model.RawFile] = dataclasses.field(default_factory=dict)
    fetched: Path | None = None

    def paths_of(self, kind: FileKind) -> tuple[str, ...]:
        """Every path of one kind, sorted."""
        return tuple(path for path, found in self.kinds.items() if found is kind)

    def raw_paths(self, kind: FileKind) -> tuple[str, ...]:
        """The raw files of one kind, those that are archived among them, sorted."""
        away = (path for path in self.archived if kind_of(path) is kind)
        return tuple(sorted([*self.paths_of(kind), *away]))

    def read_raw(self, path: str) -> bytes:
        """The bytes of a raw file, from the tree or as it was fetched from its archive.

        Raises:
            Unreadable: as :func:`documents.read_bounded`; or archived, and not on this machine (ARC005).
        """
        listed = self.archived.get(path)
        if listed is None:
            return documents.read_bounded(self.root / path, windows.MAX_COMPRESSED_BYTES)
        data = None if self.fetched is None else fetched.find(self.fetched, listed.sha256)
        if data is None:
            raise Unreadable("ARC005", fetched.NOT_HERE)
        return data

    def window_paths(self, folder: str = "submissions") -> tuple[Path, ...]:
        """The raw windows under a folder of the tree, sorted."""
        inside = folder.rstrip("/") + "/"
        return tuple(self.root / path for path in self.paths_of(FileKind.WINDOW) if path.startswith(inside))

    def manifests(self) -> Iterator[Manifest]:
        """Every list of raw files: of submissions, of their reruns, and of neutral rounds."""
        groups: tuple[tuple[Mapping[str, Any], FileKind, str], ...] = (
            (self.submissions, FileKind.SUBMISSION, "submissions/"),
            (self.reruns, FileKind.RERUN, "submissions/"),
            (self.rounds, FileKind.ROUNDS, "submissions/neutral/"),
        )
        for found, kind, prefix in groups:
            for name, manifest in found.items():
                folder = prefix + name
                path = f"{folder}/{kind}.yaml"
                yield Manifest(folder, path, kind, manifest.windows, manifest.calibrations)


def load_repository(
    root: Path, cache: Cache | None = None, *, fetched: Path | None = None
) -> tuple[Repository, list[Problem]]:
    """Read a whole tree. Problems are those of single files and of names; none stops the reading.

    ``cache``: of files in which nothing was found wrong; where there is much to read, they come from there.
    ``fetched``: the folder of archived raw files that were fetched before.
    """
    kinds, problems = walk(root)
    readable: dict[str, bytes] = {}
    values: dict[str, Any] = {}
    data: dict[str, bytes] = {}
    for path, kind in kinds.items():
        if kind in STRUCTS:
            try:
                data[path] = documents.read_bounded(root / path, documents.MAX_BYTES)
            except Unreadable as error:
                problems.append(problem_of(path, error.code, error.message))
    shelf = _Valid(cache if sum(map(len, data.values())) >= CACHE_MIN_BYTES else None, kinds, data)
    for path, text in data.items():
        values[path] = shelf.value(path)
        if values[path] is not None:
            readable[path] = text
            continue
        document, values[path], new = _load_guarded(text, path, kinds[path])
        problems += new
        if document is not None:
            readable[path] = text
        if values[path] is not None and not new:
            shelf.add(path, values[path])
    shelf.keep()
    values = {path: value for path, value in values.items() if value is not None}
    broken = frozenset(path for path, kind in kinds.items() if kind in STRUCTS and path not in values)
    repository = _assemble(root, kinds, _Documents(readable), broken, values)
    return dataclasses.replace(repository, archived=_archived(repository), fetched=fetched), problems


def _archived(repository: Repository) -> dict[str, model.RawFile]:
    """What the manifests of archived folders list and the tree does not hold."""
    folders = frozenset(repository.archive.folders if repository.archive is not None else ())
    return {
        f"{manifest.folder}/{raw.file}": raw
        for manifest in (repository.manifests() if folders else ())
        if manifest.folder in folders
        for raw in (*manifest.windows, *manifest.calibrations)
        if f"{manifest.folder}/{raw.file}" not in repository.kinds
    }


class _Documents(Mapping[str, Document]):
    """Documents by path. Where every value is takes far more room than the bytes, and hardly anybody asks: so
    each is parsed when somebody looks into it, and the latest few are kept."""

    def __init__(self, readable: Mapping[str, bytes]) -> None:
        self._readable = readable

    def __getitem__(self, path: str) -> Document:
        return _parsed(self._readable[path], path)

    def __contains__(self, path: object) -> bool:
        return path in self._readable

    def __iter__(self) -> Iterator[str]:
        return iter(self._readable)

    def __len__(self) -> int:
        return len(self._readable)


@functools.lru_cache(maxsize=8)  # each may take 20 MB
def _parsed(data: bytes, path: str) -> Document:
    document, _ = documents.parse(data, path)
    assert document is not None
    return document


class _Valid:
    """The structs of files that were valid before, by kind and bytes; and of those that are now."""

    def __init__(self, cache: Cache | None, kinds: Mapping[str, FileKind], data: Mapping[str, bytes]) -> None:
        self._cache = cache
        self._kinds = kinds
        self._keys = {path: _key(kinds[path], text) for path, text in data.items()} if cache else {}
        self._known = dict(cache.find(set(self._keys.values()))) if cache else {}
        self._new: dict[bytes, bytes] = {}

    def value(self, path: str) -> Any:
        """The struct of a file; None where it is not known."""
        known = self._known.get(self._keys.get(path, b""))
        try:
            return None if known is None else msgspec.msgpack.decode(known, type=STRUCTS[self._kinds[path]])
        except msgspec.MsgspecError:  # nothing that this code has kept
            return None

    def add(self, path: str, value: Any) -> None:
        if self._cache is not None:
            self._new[self._keys[path]] = msgspec.msgpack.encode(value)

    def keep(self) -> None:
        if self._cache is not None:
            self._cache.keep(self._new, used=set(self._keys.values()))


def _key(kind: FileKind, data: bytes) -> bytes:
    return hashlib.sha256(f"{kind}\n".encode() + data).digest()


def read_window(path: Path) -> windows.Window:
    """One raw window, under the bounds of :mod:`fairlead.windows`.

    Raises:
        Unreadable: a link, no regular file, or too large.
        WindowError: the bytes are no window.
    """
    return windows.decode_window(documents.read_bounded(path, windows.MAX_COMPRESSED_BYTES))


def canonical_text(kind: FileKind | str, data: Json) -> str:
    """The canonical text of a file of one kind."""
    return documents.canonical_yaml(data, load_schema(kind))


def format_tree(root: Path, paths: Sequence[str] = ()) -> tuple[dict[str, str], list[Problem]]:
    """The canonical text of each YAML file that is written otherwise, by path; and why one has none.

    ``paths`` limits it to files and folders of the tree.
    """
    kinds, _ = walk(root)
    changes: dict[str, str] = {}
    problems: list[Problem] = []
    for path, kind in kinds.items():
        if kind not in STRUCTS or not is_within(path, paths):
            continue
        try:
            data = documents.read_bounded(root / path, documents.MAX_BYTES)
        except Unreadable as error:
            problems.append(problem_of(path, error.code, error.message))
            continue
        text, found = documents.format_document(data, path, load_schema(kind))
        problems += found
        if text is not None and text.encode() != data:
            changes[path] = text
    return changes, problems


def unformatted(path: str, found: bytes, canonical: str) -> Problem:
    """The problem of a file that is not in canonical form, at the first line that differs."""
    have, want = found.decode(errors="replace").split("\n"), canonical.split("\n")
    pairs = enumerate(itertools.zip_longest(have, want), start=1)
    line, (old, new) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    return Problem(
        code="DOC018",
        path=path,
        message="this line is written otherwise",
        span=Span(line, 1, len(old or "") + 1),
        expected=quote(new, 120) if new is not None else "the end of the file",
        fix=f"run `fairlead format {path}`",
        excerpt=old or "",
    )


# -- one file ------------------------------------------------------------------------------------

_Loaded: TypeAlias = tuple[Document | None, Any, list[Problem]]


def read_value(data: bytes, path: str, kind: FileKind) -> tuple[Any, list[Problem]]:
    """The struct of one file's bytes, wherever they are from, or None; and what is wrong with them."""
    _, value, problems = _load_guarded(data, path, kind)
    return value, problems


def _load_guarded(data: bytes, path: str, kind: FileKind) -> _Loaded:
    try:
        return _load(data, path, kind)
    except Exception as error:  # noqa: BLE001  (the last guard: one file must not hide the others)
        return None, None, [bug(path, f"reading this {kind} file", error)]


def bug(path: str, doing: str, error: Exception) -> Problem:
    """An exception of ours as a problem: it names the file, and says whose fault it is."""
    message = f"our own code failed while {doing}: {type(error).__name__}: {error}"
    return problem_of(path, "BUG001", message, fix="report it, with the file; this is not your mistake")


def _load(data: bytes, path: str, kind: FileKind) -> _Loaded:
    document, problems = documents.parse(data, path)
    if document is None:
        return None, None, problems
    said = {problem.pointer for problem in problems}
    problems += [problem for problem in schema_problems(document, kind) if problem.pointer not in said]
    if any(problem.severity is Severity.ERROR for problem in problems):
        return document, None, problems
    try:
        return document, msgspec.convert(document.data, STRUCTS[kind]), problems
    except msgspec.ValidationError as error:
        return document, None, [*problems, _conversion_problem(document, str(error))]


def _conversion_problem(document: Document, said: str) -> Problem:
    """A value that has the right form and cannot be: a day that no calendar has."""
    message, _, place = said.partition(" - at `$")
    steps = re.findall(r"\.([A-Za-z0-9_]+)|\[([0-9]+)\]", place)
    where = pointer(*(name or index for name, index in steps))
    if "date" in message:
        value = _value_at(document.data, where)
        return problem_at(
            document, "DATE002", where, f"no calendar has {quote(value)}", fix="correct the date"
        )
    # A schema and its struct that disagree are our mistake; the guard above says so.
    raise msgspec.ValidationError(said)


def _value_at(data: Any, where: str) -> Any:
    for part in where.split("/")[1:]:
        data = data[int(part)] if isinstance(data, list) else data[part.replace("~1", "/").replace("~0", "~")]
    return data


def _assemble(
    root: Path,
    kinds: dict[str, FileKind],
    read: Mapping[str, Document],
    broken: frozenset[str],
    values: dict[str, Any],
) -> Repository:
    def one(path: str) -> Any:
        return values.get(path)

    def folders(kind: FileKind, above: str) -> dict[str, Any]:
        """Files of a kind by the folder that they are in, below ``above``."""
        return {
            path.removeprefix(above).rpartition("/")[0]: values[path]
            for path, found in kinds.items()
            if found is kind and path in values
        }

    def named(kind: FileKind) -> dict[str, Any]:
        return {
            path.rpartition("/")[2].removesuffix(".yaml"): values[path]
            for path, found in kinds.items()
            if found is kind and path in values
        }

    models, vantages = one(MODELS_PATH), one(VANTAGES_PATH)
    versions, organisations = one(VERSIONS_PATH), one(ORGANISATIONS_PATH)
    funding, waivers = one(FUNDING_PATH), one(WAIVERS_PATH)
    custody = one(CUSTODY_PATH)
    return Repository(
        root=root,
        kinds=kinds,
        documents=read,
        broken=broken,
        providers=named(FileKind.PROVIDER),
        models={entry.id: entry for entry in models.models} if models else {},
        vantages={entry.id: entry for entry in vantages.vantages} if vantages else {},
        versions={entry.version: entry for entry in versions.versions} if versions else {},
        methodologies=folders(FileKind.METHODOLOGY, "methodology/versions/"),
        proposals=folders(FileKind.PROPOSAL, "methodology/proposals/"),
        ballots=folders(FileKind.BALLOT, "methodology/proposals/"),
        members=named(FileKind.MEMBER),
        organisations={entry.id: entry for entry in organisations.organisations} if organisations else {},
        funding=funding.entries if funding else (),
        custody=custody.custodians if custody else (),
        rules=one(RULES_PATH),
        waivers=waivers.waivers if waivers else (),
        registrations=folders(FileKind.REGISTRATION, "submissions/"),
        submissions=folders(FileKind.SUBMISSION, "submissions/"),
        histories=folders(FileKind.HISTORY, "submissions/"),
        reruns=folders(FileKind.RERUN, "submissions/"),
        rounds=folders(FileKind.ROUNDS, "submissions/neutral/"),
        archive=one(ARCHIVE_PATH),
    )
