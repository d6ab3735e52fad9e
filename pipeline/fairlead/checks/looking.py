"""One raw window against what the files around it say. Knows no other window, and no process.

A look is a pure function of a window's bytes and of the few values that it is held against, so that windows
may be looked at anywhere and in any order. What concerns several of them is left to who asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from fairlead import documents, windows
from fairlead.checks.context import Recount
from fairlead.checks.counts import count_problems
from fairlead.checks.headers import Owner, header_problems
from fairlead.checks.requests import request_problems
from fairlead.documents import Unreadable, problem_at, problem_of
from fairlead.integrity import Beside, Group, Trace, beside_of, certificate_misfits, group_of, trace_of
from fairlead.measure import certificate as reports
from fairlead.measure.plan import share_of
from fairlead.model import RawFile
from fairlead.problems import Problem, Severity
from fairlead.repository import MAX_CALIBRATION_BYTES, MODELS_PATH, Repository, bug
from fairlead.tables import uncollected
from fairlead.windows import Header, Window

WINDOW_CODES: Mapping[str, str] = {
    "gzip": "WIN001",
    "size": "WIN002",
    "encoding": "WIN003",
    "json": "WIN004",
    "canonical": "WIN005",
    "header": "WIN006",
    "request": "WIN007",
}
_REPORTS_KEPT = 16  # the windows of a round follow each other and share two; a hostile one takes some MB


class Asked(NamedTuple):
    """A window that is to be looked at. ``stated``: its size and digest, if a manifest lists it."""

    path: str
    owner: Owner
    stated: RawFile | None


class Run(NamedTuple):
    """What must be known of one window when the others have been read.

    ``trace``: of a claim's. ``beside``: what a neutral one says beside a claim. With an error: neither.
    """

    path: str
    group: Group | None
    origin: Literal["measured", "imported"]
    start_unix_ns: int
    plan_index: int | None
    seed: str | None
    is_complete: bool
    trace: Trace | None = None
    beside: Beside | None = None


class Look(NamedTuple):
    """What was seen. ``size`` and ``sha256``: of the bytes, where they are not those that are stated."""

    run: Run | None
    problems: Sequence[Problem]
    size: int | None = None
    sha256: str | None = None


_Reports: TypeAlias = dict[str, reports.Report | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Looker:
    """Looks at windows. ``recount``: as of the context."""

    repository: Repository
    recount: Recount | None = None
    _reports: _Reports = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def __call__(self, batch: Sequence[Asked]) -> list[Look]:
        """What is seen of each."""
        with uncollected():
            return [_look(self, asked) for asked in batch]

    def report(self, path: str) -> reports.Report | None:
        """A calibration report; None where there is none that can be read, which is a problem of its own."""
        if path not in self._reports:
            if len(self._reports) >= _REPORTS_KEPT:
                del self._reports[next(iter(self._reports))]
            try:
                found = reports.decode_report(calibration(self.repository, path))
            except (Unreadable, windows.WindowError, reports.ReportError):
                found = None
            self._reports[path] = found
        return self._reports[path]


def part_for_looking(repository: Repository) -> Repository:
    """The part of a repository that a window is held against: small enough to be sent to a process."""
    known = repository.documents
    return dataclasses.replace(
        repository,
        kinds={},
        documents={MODELS_PATH: known[MODELS_PATH]} if MODELS_PATH in known else {},
        proposals={},
        ballots={},
        members={},
        organisations={},
        registrations={},
        submissions={},
        histories={},
        reruns={},
        rounds={},
    )


def folder_of(path: str) -> str:
    """The folder whose manifest lists a raw file: the one above windows/ or calibrations/."""
    return path.rsplit("/", 2)[0]


def calibration(repository: Repository, path: str) -> bytes:
    """The bytes of a certificate's file.

    Raises:
        Unreadable: as :meth:`Repository.read_raw`.
    """
    if path not in repository.archived:
        return documents.read_bounded(repository.root / path, MAX_CALIBRATION_BYTES)
    data = repository.read_raw(path)
    if len(data) > MAX_CALIBRATION_BYTES:
        raise Unreadable("TREE004", f"{len(data):,} bytes, more than {MAX_CALIBRATION_BYTES:,}")
    return data


def _look(looker: Looker, asked: Asked) -> Look:
    repository, path, stated = looker.repository, asked.path, asked.stated
    problems: list[Problem] = []
    try:
        data = repository.read_raw(path)
        if stated is not None:
            sha256 = windows.digest(data)
            if (stated.bytes, stated.sha256) != (len(data), sha256):
                return Look(None, (), len(data), sha256)  # not the bytes that anybody stands for
        window = windows.decode_window(data)
        return Look(_run(looker, asked, window, problems), problems)
    except Unreadable as error:
        return Look(None, [problem_of(path, error.code, error.message)])
    except windows.WindowError as error:
        return Look(None, [problem_of(path, WINDOW_CODES[error.rule], error.message, line=error.line)])
    except Exception as error:  # noqa: BLE001  (the last guard: one file must not hide the others)
        return Look(None, [*problems, bug(path, "checking this window", error)])


def _run(looker: Looker, asked: Asked, window: Window, problems: list[Problem]) -> Run:
    """What is to be known of a window; its problems are added to the list as they are found."""
    path, owner, header, repository = asked.path, asked.owner, window.header, looker.repository
    trace, neutral = None, None
    problems += header_problems(repository, owner, path, header)
    if not any(problem.code in ("WIN006", "WIN010") for problem in problems):
        if not any(problem.code == "WIN020" for problem in problems):
            problems += _summary_problems(looker, path, header)
        problems += request_problems(path, window)
        problems += count_problems(path, window, repository.models, looker.recount)
        if header.origin == "measured" and not _has_error(problems):
            trace = None if owner.is_neutral else trace_of(repository.methodologies, path, window)
            neutral = beside_of(window) if owner.is_neutral else None
    return Run(
        path=path,
        group=group_of(path, header),
        origin=header.origin,
        start_unix_ns=header.clock.start_unix_ns,
        plan_index=header.plan_index,
        seed=header.seed,
        is_complete=len(window.requests) == header.load.planned,
        trace=trace,
        beside=neutral,
    )


def _has_error(problems: Sequence[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _summary_problems(looker: Looker, path: str, header: Header) -> Iterator[Problem]:
    """What a header says of a calibration is what the file of that digest says.

    A file that is missing or cannot be read is a problem of its own, stated elsewhere.
    """
    for where, stated in header.certificates():
        report = looker.report(f"{folder_of(path)}/calibrations/{stated.sha256}.json.gz")
        if report is None:
            continue
        found = reports.summary(report, stated.sha256)
        differ = [key for key in found.__struct_fields__ if getattr(found, key) != getattr(stated, key)]
        misfits = [] if differ else list(certificate_misfits(_client_of(header, where), report))
        if not differ and not misfits:
            continue
        document, _ = documents.parse(windows.encode_line(header), path)
        if document is None:
            continue
        for words in misfits:
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
