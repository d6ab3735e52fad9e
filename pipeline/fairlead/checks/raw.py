"""Raw files against what is said about them: manifests, digests, plans. Knows no stamp of any request.

Each window is read once, checked, and let go again, so that a tree of any size fits in memory. The
headers of one folder are then held together against its plan.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from fairlead import documents, windows
from fairlead.checks.context import Context, at
from fairlead.checks.counts import count_problems
from fairlead.checks.headers import Owner, header_problems
from fairlead.checks.integrity import integrity_problems
from fairlead.checks.requests import request_problems
from fairlead.checks.submissions import registration_digest
from fairlead.documents import Unreadable, problem_at, problem_of
from fairlead.integrity import (
    Beside,
    Group,
    Trace,
    beside_of,
    certificate_misfits,
    findings,
    group_of,
    trace_of,
)
from fairlead.measure import certificate as reports
from fairlead.measure.plan import share_of
from fairlead.model import RawFile, window_seed
from fairlead.problems import Problem, Severity, pointer, quote
from fairlead.repository import (
    MAX_CALIBRATION_BYTES,
    FileKind,
    Manifest,
    Repository,
    bug,
    is_within,
)
from fairlead.windows import Header

_RAW_KINDS = (FileKind.WINDOW, FileKind.CALIBRATION)
_WINDOW_CODES = {
    "gzip": "WIN001",
    "size": "WIN002",
    "encoding": "WIN003",
    "json": "WIN004",
    "canonical": "WIN005",
    "header": "WIN006",
    "request": "WIN007",
}


class _Listed(NamedTuple):
    """Where a manifest lists a raw file, and as what."""

    manifest: Manifest
    pointer: str
    raw: RawFile


def _listed_files(repository: Repository) -> dict[str, _Listed]:
    found: dict[str, _Listed] = {}
    for manifest in repository.manifests():
        for key, files in (("windows", manifest.windows), ("calibrations", manifest.calibrations)):
            for index, raw in enumerate(files):
                listed = _Listed(manifest, pointer(key, index), raw)
                found.setdefault(f"{manifest.folder}/{raw.file}", listed)
    return found


def _folder_of(path: str) -> str:
    """The folder whose manifest lists a raw file: the one above windows/ or calibrations/."""
    return path.rsplit("/", 2)[0]


def _readable(repository: Repository, context: Context, kind: FileKind) -> Sequence[str]:
    """The raw files of a kind that are to be read: those of the tree, and those that came from an archive."""
    if context.faults is None:
        return repository.paths_of(kind)
    return [path for path in repository.raw_paths(kind) if path not in context.faults]


def _calibration(repository: Repository, path: str) -> bytes:
    if path not in repository.archived:
        return documents.read_bounded(repository.root / path, MAX_CALIBRATION_BYTES)
    data = repository.read_raw(path)
    if len(data) > MAX_CALIBRATION_BYTES:
        raise Unreadable("TREE004", f"{len(data):,} bytes, more than {MAX_CALIBRATION_BYTES:,}")
    return data


# -- manifests -----------------------------------------------------------------------------------


def check_manifests(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A manifest names each raw file of its folder, each under its own list, and no other."""
    listed = _listed_files(repository)
    for path, entry in listed.items():
        wanted = FileKind.WINDOW if entry.pointer.startswith("/windows/") else FileKind.CALIBRATION
        if path not in repository.archived and repository.kinds.get(path) is not wanted:
            message = f"there is no {wanted} file {path}"
            fix = "add the file exactly as it was sealed; what was measured stays"
            where = f"{entry.pointer}/file"
            yield at(repository, entry.manifest.path, "SUB004", where, message, fix=fix)
    sealed = {manifest.folder: manifest.path for manifest in repository.manifests()}
    for path, kind in repository.kinds.items():
        folder = _folder_of(path)
        if kind in _RAW_KINDS and folder in sealed and path not in listed:
            fix = "list it with its digest, or delete it"
            yield problem_of(path, "SUB005", f"{sealed[folder]} does not list it", fix=fix)


def _listing_problems(repository: Repository, listed: _Listed, data: bytes) -> Iterator[Problem]:
    """The size and the digest of a file against its manifest: one problem, for one change is the cause."""
    path = listed.manifest.path
    if listed.raw.bytes != len(data):
        message = f"{listed.raw.file} has {len(data):,} bytes"
        expected = f"{listed.raw.bytes:,} bytes"
        fix = "restore the file as it was sealed"
        where = f"{listed.pointer}/bytes"
        yield at(repository, path, "SUB006", where, message, expected=expected, fix=fix)
    elif (found := windows.digest(data)) != listed.raw.sha256:
        message = f"{listed.raw.file} has the digest {found[:12]}…"
        fix = "restore the file as it was sealed; raw data is never edited"
        where = f"{listed.pointer}/sha256"
        yield at(repository, path, "SUB007", where, message, fix=fix)


def check_calibrations(repository: Repository, context: Context) -> Iterator[Problem]:
    """A certificate's report is named by its digest, is listed with it, and is one that can have been."""
    listed = _listed_files(repository)
    for path in _readable(repository, context, FileKind.CALIBRATION):
        if not _is_wanted(path, context):
            continue
        try:
            data = _calibration(repository, path)
        except Unreadable as error:
            yield problem_of(path, error.code, error.message)
            continue
        if path in listed:
            yield from _listing_problems(repository, listed[path], data)
        name, found = path.rpartition("/")[2].partition(".")[0], windows.digest(data)
        if name != found:
            fix = f"rename it to `{found}.json.gz`"
            yield problem_of(path, "SUB008", f"its bytes have the digest {found[:12]}…", fix=fix)
        yield from _report_problems(path, data)


def _report_problems(path: str, data: bytes) -> Iterator[Problem]:
    fix = "restore the file as it was sealed"
    try:
        reports.decode_report(data)
    except windows.WindowError as error:
        yield problem_of(path, _WINDOW_CODES[error.rule], error.message, fix=fix)
    except reports.ReportError as error:
        yield problem_of(path, "WIN020", f"no calibration report: {error}", fix=fix)


def _summary_problems(repository: Repository, path: str, header: Header) -> Iterator[Problem]:
    """What a header says of a calibration is what the file of that digest says.

    A file that is missing or cannot be read is a problem of its own, stated elsewhere.
    """
    for where, stated in header.certificates():
        file = f"{_folder_of(path)}/calibrations/{stated.sha256}.json.gz"
        try:
            report = reports.decode_report(_calibration(repository, file))
        except (Unreadable, windows.WindowError, reports.ReportError):
            continue
        found = reports.summary(report, stated.sha256)
        differ = [key for key in found.__struct_fields__ if getattr(found, key) != getattr(stated, key)]
        document, _ = documents.parse(windows.encode_line(header), path)
        if document is None:
            continue
        for words in certificate_misfits(_client_of(header, where), report) if not differ else ():
            fix = "submit the certificates that were taken before and after the round, by the same client"
            yield problem_at(document, "INT013", f"{where}/sha256", words, fix=fix)
        name = f"calibrations/{stated.sha256[:12]}….json.gz"
        for key in differ:
            fix = "restore the window as it was sealed"
            yield problem_at(document, "WIN020", f"{where}/{key}", f"{name} says otherwise", fix=fix)


def _client_of(header: Header, where: str) -> Header:
    """The header as the client of a certificate there would have it: of a node, with its share of it all."""
    if not header.nodes:
        return header
    parts = where.split("/")
    node = header.nodes[int(parts[2]) if parts[1] == "nodes" else 0]
    shared = sum(len(other.processes) for other in header.nodes)
    load, concurrency = header.load, header.load.concurrency
    if concurrency is not None:
        load = msgspec.structs.replace(load, concurrency=share_of(concurrency, node.processes, shared))
    return msgspec.structs.replace(header, machine=node.machine, load=load)


# -- windows -------------------------------------------------------------------------------------


def check_windows(repository: Repository, context: Context) -> Iterator[Problem]:
    """Each window is whole, possible, and what its manifest and its path say; none is left out."""
    listed = _listed_files(repository)
    folders: dict[str, list[str]] = {}
    readable = _readable(repository, context, FileKind.WINDOW)
    for path in readable:
        folders.setdefault(_folder_of(path), []).append(path)
    in_part = {_folder_of(path) for path in repository.archived.keys() - set(readable)}
    manifests = {manifest.folder: manifest for manifest in repository.manifests()}
    owners = {folder: _owner(repository, folder, manifests.get(folder)) for folder in folders}
    beside: dict[Group, list[Beside]] = {}
    # Neutral windows first: what a claim leaves out shows beside them.
    for folder in sorted(folders, key=lambda folder: not owners[folder].is_neutral):
        paths, owner = folders[folder], owners[folder]
        runs: list[_Run] = []
        for path in paths:
            if _is_wanted(path, context):
                run, problems = _check_window(repository, context, owner, path, listed.get(path))
                yield from problems
                runs += [run] if run is not None else []
        if folder in in_part:
            continue  # the others are in an archive, and nobody asked for them
        if len(runs) == len(paths):  # else a missing window may be one that cannot be read
            yield from _plan_problems(repository, folder, owner, runs)
            yield from _seed_problems(owner, runs)
        for run in runs:
            if run.beside is not None and (group := group_of(run.path, run.header)) is not None:
                beside.setdefault(group, []).append(run.beside)
        yield from _integrity_problems(repository, owner, runs, beside)


class _Run(NamedTuple):
    """What must be known of one window when the others have been read.

    ``trace``: of a claim's. ``beside``: what a neutral one says beside a claim. With an error: neither.
    """

    path: str
    header: Header
    is_complete: bool
    trace: Trace | None = None
    beside: Beside | None = None


def _is_wanted(path: str, context: Context) -> bool:
    """Raw files are large: with ``paths``, only those in one of them or beside one of them are read."""
    folder = _folder_of(path)
    return is_within(path, context.paths) or any(is_within(asked, [folder]) for asked in context.paths)


def _check_window(
    repository: Repository, context: Context, owner: Owner, path: str, listed: _Listed | None
) -> tuple[_Run | None, list[Problem]]:
    problems: list[Problem] = []
    trace, neutral = None, None
    try:
        data = repository.read_raw(path)
        problems += _listing_problems(repository, listed, data) if listed is not None else []
        if problems:
            return None, problems  # these are not the bytes that anybody stands for
        window = windows.decode_window(data)
        problems += header_problems(repository, owner, path, window.header)
        if not any(problem.code in ("WIN006", "WIN010") for problem in problems):
            if not any(problem.code == "WIN020" for problem in problems):
                problems += _summary_problems(repository, path, window.header)
            problems += request_problems(path, window)
            problems += count_problems(path, window, repository.models, context.recount)
            if window.header.origin == "measured" and not _has_error(problems):
                trace = None if owner.is_neutral else trace_of(repository.methodologies, path, window)
                neutral = beside_of(window) if owner.is_neutral else None
    except Unreadable as error:
        return None, [problem_of(path, error.code, error.message)]
    except windows.WindowError as error:
        code = _WINDOW_CODES[error.rule]
        return None, [problem_of(path, code, error.message, line=error.line)]
    except Exception as error:  # noqa: BLE001  (the last guard: one file must not hide the others)
        return None, [*problems, bug(path, "checking this window", error)]
    is_complete = len(window.requests) == window.header.load.planned
    return _Run(path, window.header, is_complete, trace, neutral), problems


def _has_error(problems: Sequence[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _integrity_problems(
    repository: Repository, owner: Owner, runs: Sequence[_Run], beside: Mapping[Group, Sequence[Beside]]
) -> Iterator[Problem]:
    """What the windows of a claim show to an auditor, by the methodology that the claim names."""
    traces: dict[Group, list[Trace]] = {}
    for run in runs:
        if run.trace is not None and (group := group_of(run.path, run.header)) is not None:
            traces.setdefault(group, []).append(run.trace)
    named = owner.methodology
    methodology = repository.methodologies.get(named.version) if named is not None else None
    yield from integrity_problems(findings(traces, owner.registration, methodology, beside))


def _owner(repository: Repository, folder: str, manifest: Manifest | None) -> Owner:
    """What the YAML around a folder of windows says about all of them."""
    name = folder.removeprefix("submissions/")
    certificates = None if manifest is None else frozenset(raw.sha256 for raw in manifest.calibrations)
    if name.startswith("neutral/"):
        rounds = repository.rounds.get(name.removeprefix("neutral/"))
        return Owner(
            is_neutral=True,
            model=rounds.model if rounds else None,
            vantage=rounds.vantage if rounds else None,
            methodology=rounds.methodology if rounds else None,
            certificates=certificates,
        )
    if "/reruns/" in name:
        rerun = repository.reruns.get(name)
        return Owner(
            is_neutral=True,
            vantage=rerun.vantage if rerun else None,
            methodology=rerun.methodology if rerun else None,
            certificates=certificates,
        )
    submission, registration = repository.submissions.get(name), repository.registrations.get(name)
    return Owner(
        is_neutral=False,
        provider=name.partition("/")[0],
        origin=submission.origin if submission else None,
        vantage=registration.vantage if registration else None,
        methodology=registration.methodology if registration else None,
        registration=registration,
        registration_sha256=_registered_digest(repository, name),
        certificates=certificates,
    )


def _registered_digest(repository: Repository, name: str) -> str | None:
    """The registration's digest as the submission states it; before there is one, as the file has it."""
    submission = repository.submissions.get(name)
    if submission is not None:
        return submission.registration_sha256
    return registration_digest(repository, name) if name in repository.registrations else None


# A window that the methodology finds invalid is repeated once; both are shown.
_RUNS_PER_PLANNED_WINDOW = 2


def _plan_problems(
    repository: Repository, folder: str, owner: Owner, runs: Sequence[_Run]
) -> Iterator[Problem]:
    """Once a plan's results are submitted, each of its windows is there, and no more often than allowed."""
    path = f"{folder}/registration.yaml"
    if owner.registration is None or owner.origin != "measured":
        return
    complete: dict[int | None, list[str]] = {}
    for run in runs:
        if run.is_complete:
            complete.setdefault(run.header.plan_index, []).append(run.path)
    for index, planned in enumerate(owner.registration.windows):
        found = complete.get(index, [])
        for extra in found[_RUNS_PER_PLANNED_WINDOW:]:
            message = f"planned window {index} was measured {len(found)} times"
            fix = "a window is repeated once, where the first is invalid; leave out the rest"
            yield problem_of(extra, "SUB010", message, line=1, fix=fix)
        if not found:
            message = (
                f"no whole window of {quote(planned.model)} under {quote(planned.scenario)} is there for this"
            )
            fix = "measure it (`fairlead measure` resumes) and submit again"
            yield at(repository, path, "SUB009", pointer("windows", index), message, fix=fix)


def _seed_problems(owner: Owner, runs: Sequence[_Run]) -> Iterator[Problem]:
    """The n-th run of a planned window has the seed of its n-th run: no prompt was chosen, no run left out.

    Or that of an earlier one: repeats were once sent with the prompts of the first.
    """
    if owner.registration is None:
        return
    seen: collections.Counter[int] = collections.Counter()
    for run in sorted(runs, key=lambda run: run.header.clock.start_unix_ns):
        index = run.header.plan_index
        if run.header.origin != "measured" or index is None or index >= len(owner.registration.windows):
            continue
        known = [window_seed(owner.registration.seed, index, attempt) for attempt in range(seen[index] + 1)]
        seen[index] += 1
        if run.header.seed not in known:
            message = f"the registration gives run {seen[index]} of window {index} another seed"
            fix = "submit every run of a planned window, as it was sealed"
            yield problem_of(run.path, "WIN009", message, line=1, expected=known[-1], fix=fix)
