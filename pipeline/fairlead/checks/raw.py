"""Raw files against what is said about them: manifests, digests, plans. Knows no stamp of any request.

Each window is read once, checked, and let go again, so that a tree of any size fits in memory. The
headers of one folder are then held together against its plan.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fairlead import windows
from fairlead.checks.context import Context, at
from fairlead.checks.headers import Owner
from fairlead.checks.integrity import integrity_problems
from fairlead.checks.looking import (
    WINDOW_CODES,
    Asked,
    Look,
    Looker,
    Run,
    calibration,
    folder_of,
    part_for_looking,
)
from fairlead.checks.submissions import registration_digest
from fairlead.cores import in_order, permitted_cores
from fairlead.documents import Unreadable, problem_of
from fairlead.integrity import Beside, Group, Trace, findings
from fairlead.measure import certificate as reports
from fairlead.model import RawFile, window_seed
from fairlead.problems import Problem, pointer, quote
from fairlead.repository import FileKind, Manifest, Repository, is_within

_RAW_KINDS = (FileKind.WINDOW, FileKind.CALIBRATION)
POOL_MIN_BYTES = 64 * 1024 * 1024  # of raw files: below this they are read sooner than processes are started
_BATCH = 16  # windows a task


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


def _readable(repository: Repository, context: Context, kind: FileKind) -> Sequence[str]:
    """The raw files of a kind that are to be read: those of the tree, and those that came from an archive."""
    if context.faults is None:
        return repository.paths_of(kind)
    return [path for path in repository.raw_paths(kind) if path not in context.faults]


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
        folder = folder_of(path)
        if kind in _RAW_KINDS and folder in sealed and path not in listed:
            fix = "list it with its digest, or delete it"
            yield problem_of(path, "SUB005", f"{sealed[folder]} does not list it", fix=fix)


def _listing_problems(repository: Repository, listed: _Listed, size: int, sha256: str) -> Iterator[Problem]:
    """The size and the digest of a file against its manifest: one problem, for one change is the cause."""
    path = listed.manifest.path
    if listed.raw.bytes != size:
        message = f"{listed.raw.file} has {size:,} bytes"
        expected = f"{listed.raw.bytes:,} bytes"
        fix = "restore the file as it was sealed"
        where = f"{listed.pointer}/bytes"
        yield at(repository, path, "SUB006", where, message, expected=expected, fix=fix)
    elif sha256 != listed.raw.sha256:
        message = f"{listed.raw.file} has the digest {sha256[:12]}…"
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
            data = calibration(repository, path)
        except Unreadable as error:
            yield problem_of(path, error.code, error.message)
            continue
        name, found = path.rpartition("/")[2].partition(".")[0], windows.digest(data)
        if path in listed:
            yield from _listing_problems(repository, listed[path], len(data), found)
        if name != found:
            fix = f"rename it to `{found}.json.gz`"
            yield problem_of(path, "SUB008", f"its bytes have the digest {found[:12]}…", fix=fix)
        yield from _report_problems(path, data)


def _report_problems(path: str, data: bytes) -> Iterator[Problem]:
    fix = "restore the file as it was sealed"
    try:
        reports.decode_report(data)
    except windows.WindowError as error:
        yield problem_of(path, WINDOW_CODES[error.rule], error.message, fix=fix)
    except reports.ReportError as error:
        yield problem_of(path, "WIN020", f"no calibration report: {error}", fix=fix)


# -- windows -------------------------------------------------------------------------------------


def check_windows(repository: Repository, context: Context) -> Iterator[Problem]:
    """Each window is whole, possible, and what its manifest and its path say; none is left out."""
    listed = _listed_files(repository)
    folders: dict[str, list[str]] = {}
    readable = _readable(repository, context, FileKind.WINDOW)
    for path in readable:
        folders.setdefault(folder_of(path), []).append(path)
    in_part = {folder_of(path) for path in repository.archived.keys() - set(readable)}
    manifests = {manifest.folder: manifest for manifest in repository.manifests()}
    owners = {folder: _owner(repository, folder, manifests.get(folder)) for folder in folders}
    # Neutral windows first: what a claim leaves out shows beside them.
    order = sorted(folders, key=lambda folder: not owners[folder].is_neutral)
    asked = {
        folder: [
            Asked(path, owners[folder], listed[path].raw if path in listed else None)
            for path in folders[folder]
            if _is_wanted(path, context)
        ]
        for folder in order
    }
    looks = _looks(repository, context, [one for folder in order for one in asked[folder]])
    beside: dict[Group, list[Beside]] = {}
    for folder in order:
        owner = owners[folder]
        runs: list[Run] = []
        for path, _, _ in asked[folder]:
            look = next(looks)
            if look.size is not None and look.sha256 is not None:
                yield from _listing_problems(repository, listed[path], look.size, look.sha256)
            yield from look.problems
            runs += [look.run] if look.run is not None else []
        if folder in in_part:
            continue  # the others are in an archive, and nobody asked for them
        if len(runs) == len(folders[folder]):  # else a missing window may be one that cannot be read
            yield from _plan_problems(repository, folder, owner, runs)
            yield from _seed_problems(owner, runs)
        for run in runs:
            if run.beside is not None and run.group is not None:
                beside.setdefault(run.group, []).append(run.beside)
        yield from _integrity_problems(repository, owner, runs, beside)


def _looks(repository: Repository, context: Context, asked: Sequence[Asked]) -> Iterator[Look]:
    """What is seen of each window, in their order; on every permitted core where there is enough to see."""
    looker = Looker(part_for_looking(repository), context.recount)
    size = sum(one.stated.bytes for one in asked if one.stated is not None)
    is_much = size >= POOL_MIN_BYTES and context.recount is None  # a tokenizer is loaded once, in one process
    batches = (asked[start : start + _BATCH] for start in range(0, len(asked), _BATCH))
    processes = min(permitted_cores(), size // (POOL_MIN_BYTES // 2)) if is_much else 1
    return itertools.chain.from_iterable(in_order(looker, batches, processes=processes))


def _is_wanted(path: str, context: Context) -> bool:
    """Raw files are large: with ``paths``, only those in one of them or beside one of them are read."""
    folder = folder_of(path)
    return is_within(path, context.paths) or any(is_within(asked, [folder]) for asked in context.paths)


def _integrity_problems(
    repository: Repository, owner: Owner, runs: Sequence[Run], beside: Mapping[Group, Sequence[Beside]]
) -> Iterator[Problem]:
    """What the windows of a claim show to an auditor, by the methodology that the claim names."""
    traces: dict[Group, list[Trace]] = {}
    for run in runs:
        if run.trace is not None and run.group is not None:
            traces.setdefault(run.group, []).append(run.trace)
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
    repository: Repository, folder: str, owner: Owner, runs: Sequence[Run]
) -> Iterator[Problem]:
    """Once a plan's results are submitted, each of its windows is there, and no more often than allowed."""
    path = f"{folder}/registration.yaml"
    if owner.registration is None or owner.origin != "measured":
        return
    complete: dict[int | None, list[str]] = {}
    for run in runs:
        if run.is_complete:
            complete.setdefault(run.plan_index, []).append(run.path)
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


def _seed_problems(owner: Owner, runs: Sequence[Run]) -> Iterator[Problem]:
    """The n-th run of a planned window has the seed of its n-th run: no prompt was chosen, no run left out.

    Or that of an earlier one: repeats were once sent with the prompts of the first.
    """
    if owner.registration is None:
        return
    seen: collections.Counter[int] = collections.Counter()
    for run in sorted(runs, key=lambda run: run.start_unix_ns):
        index = run.plan_index
        if run.origin != "measured" or index is None or index >= len(owner.registration.windows):
            continue
        known = [window_seed(owner.registration.seed, index, attempt) for attempt in range(seen[index] + 1)]
        seen[index] += 1
        if run.seed not in known:
            message = f"the registration gives run {seen[index]} of window {index} another seed"
            fix = "submit every run of a planned window, as it was sealed"
            yield problem_of(run.path, "WIN009", message, line=1, expected=known[-1], fix=fix)
