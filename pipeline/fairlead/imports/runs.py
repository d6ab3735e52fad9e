"""What every importer makes of a tool's files: runs, and what its figures are made from. Knows no tool.

A tool is a value: the files that it writes, a pure function from them to runs, and for each of our metrics
either the tool's field with its formula, or the reason why the metric is left out.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, TypeVar

from fairlead.documents import problem_of
from fairlead.imports.source import SourceError, SourceFile, SourceItem, SourceObject
from fairlead.problems import Problem
from fairlead.windows import MAX_REQUESTS, Connection, ErrorDetail, Load, Outcome, Request, Tokens

MAX_PROBLEMS = 20  # a file
MESSAGE_CHARACTERS = 512
# What an access key looks like. A record is kept verbatim, so one that holds a key is refused.
_KEY = re.compile(
    r"(?i:bearer)\s+[\w.~+/-]{16,}|\b(sk|pk|esecret|r8|fw|gsk|pplx|hf)[-_][A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{16}\b"
)

#: What an import may hold, by the name that a page shows it under; the first are those of a request.
METRICS: Mapping[str, str] = {
    "ttft_ms": "TTFT",
    "e2e_ms": "E2E latency",
    "tpot_ms": "TPOT",
    "output_speed_tps": "Output speed",
    "icl_max_ms": "Longest ICL",
    "first_gap_paces": "First gap",
    "output_tokens": "Output tokens",
    "success_rate": "Success rate",
    "throughput_tps": "System throughput",
}

NO_STREAM = (
    "no record says which stream sent the request, so the part of the run in which every stream was busy "
    "cannot be cut out"
)
NO_SCHEDULE = "the file does not hold the moment at which a request was due, from which an open loop counts"


@dataclasses.dataclass(frozen=True, slots=True)
class Mapped:
    """A metric of ours that a tool's file holds. ``formula``: over the tool's own fields.

    ``difference``: how the tool's own figure of that name, or the field, departs from our definition.
    """

    metric: str
    field: str
    formula: str
    difference: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """A metric of ours that a tool's file does not hold, and why."""

    metric: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One run at one load, as a tool's files tell it.

    ``version``: None where the files do not say. ``basis``: whether the start is a stamp of the run, or the
    time at which a file was written. ``remarks``: what a reader must know of this very run. ``sources``: the
    sha256 of each file that it was read from.
    """

    version: str | None
    api_model: str | None
    dialect: str
    load: Load
    start_unix_ns: int
    basis: Literal["measured", "file_timestamp"]
    requests: tuple[Request, ...]
    remarks: tuple[str, ...]
    sources: Mapping[str, str]

    @property
    def failures(self) -> int:
        """The requests that failed."""
        return sum(request.outcome is not Outcome.OK for request in self.requests)


_R = TypeVar("_R")
Sources: TypeAlias = Mapping[str, Sequence[SourceFile]]
"""A tool's files by the pattern that each was found by; of a pattern that need not be there, perhaps none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """A tool whose results can be imported.

    ``name``: in the command and in a window's header. ``known``: the versions whose form is read.
    ``files``: patterns of what it writes, by their way from its folder. ``proven``: how the tests' files
    were made. ``read``: raises :class:`SourceError` for anything else. ``is_dated``: whether a file says when
    the run was; else whoever imports says it, and a run's own start means nothing.
    """

    name: str
    title: str
    known: str
    files: tuple[str, ...]
    proven: str
    lines: tuple[Mapped | LeftOut, ...]
    read: Callable[[Sources], Sequence[Run]]
    is_dated: bool = True


# -- requests ------------------------------------------------------------------------------------


def imported_request(
    i: int,
    *,
    original: str | None,
    tokens: Tokens,
    outcome: Outcome = Outcome.OK,
    error: ErrorDetail | None = None,
    status: int | None = None,
    ttft_ns: int | None = None,
    e2e_ns: int | None = None,
    gaps_ns: Sequence[int] | None = None,
    chunk_tokens: list[int] | None = None,
    text: str | None = None,
    reasoning: str | None = None,
    finish: str | None = None,
    request_id: str | None = None,
) -> Request:
    """A request of another tool: durations, perhaps the gaps between its chunks, and no stamp.

    ``gaps_ns``: between content chunks, in order. ``chunk_tokens``: the tokens of each content chunk, also
    where the gaps are hidden. Of a failure neither a duration nor a gap is kept.
    """
    is_ok = outcome is Outcome.OK
    has_chunks = is_ok and gaps_ns is not None
    return Request(
        i=i,
        slot=None,
        process=None,
        body_sha256=None,
        probe=None,
        scheduled_ns=None,
        sent_ns=None,
        headers_ns=None,
        done_ns=None,
        connection=Connection(reused=None, dns_ns=None, tcp_ns=None, tls_ns=None),
        chunk_ns=[ttft_ns or 0, *(gaps_ns or ())] if has_chunks else [],
        chunk_lag_ns=None,
        chunk_kind="",
        chunk_chars=[],
        chunk_tokens=chunk_tokens if is_ok else None,
        text=text,
        reasoning=reasoning,
        tool_calls=None,
        tokens=tokens,
        status=status,
        finish=finish,
        outcome=outcome,
        error=error,
        provider_request_id=request_id,
        ttft_ns=ttft_ns if is_ok else None,
        e2e_ns=e2e_ns if is_ok else None,
        original=original,
    )


def tokens(
    *,
    counted: int | None = None,
    usage_output: int | None = None,
    usage_input: int | None = None,
    usage_reasoning: int | None = None,
) -> Tokens:
    """Counts of a request; ``counted`` is the tool's own count, ``usage_*`` the provider's."""
    return Tokens(
        counted=counted,
        usage_output=usage_output,
        usage_input=usage_input,
        usage_cached=None,
        usage_reasoning=usage_reasoning,
    )


def failure(code: object, message: str) -> ErrorDetail:
    """The evidence of a failure, cut to the size that a window keeps."""
    return ErrorDetail(code=str(code)[:64], message=message[:MESSAGE_CHARACTERS])


def status_outcome(status: int) -> Outcome:
    """The failure class that an HTTP status proves; ``unknown`` where it does not say whose fault it was."""
    if 500 <= status <= 599:
        return Outcome.SERVER_ERROR
    return {429: Outcome.RATE_LIMITED, 408: Outcome.TIMEOUT}.get(status, Outcome.UNKNOWN)


def refuse_keys(record: SourceObject | SourceItem) -> None:
    """Refuse a record that would publish an access key.

    Raises:
        SourceError: it holds what looks like one.
    """
    key = _KEY.search(record.text)
    if key:
        start, end = record.start + key.start(), record.start + key.end()
        message = "this looks like an access key; the record would be published as it is"
        raise record.file.fault("IMP009", start, end, message, "no key", record.at)


def read_each(
    file: SourceFile, records: Sequence[_R], read: Callable[[int, _R], Request]
) -> tuple[Request, ...]:
    """Every record as a request, numbered from 0.

    Raises:
        SourceError: the first records that are wrong, each with its problem; or too many records.
    """
    if len(records) > MAX_REQUESTS:
        message = f"{len(records):,} requests, more than {MAX_REQUESTS:,}"
        raise file.fault("IMP003", 0, 1, message, f"at most {MAX_REQUESTS:,} requests")
    requests: list[Request] = []
    faults: list[Problem] = []
    for i, record in enumerate(records):
        try:
            requests.append(read(i, record))
        except SourceError as error:
            faults += error.problems
            if len(faults) >= MAX_PROBLEMS:
                break
    if faults:
        raise SourceError(*faults[:MAX_PROBLEMS])
    return tuple(requests)


# -- loads and versions --------------------------------------------------------------------------


def closed_loop(concurrency: int | None, planned: int) -> Load:
    """So many requests under way at once."""
    return _load("closed", planned, concurrency)


def open_loop(
    planned: int,
    rate_per_s: float | None = None,
    arrivals: Literal["poisson", "constant"] | None = None,
    bound: int | None = None,
) -> Load:
    """So many requests a second. Null: the tool has a pattern that we have no word for."""
    return _load("open", planned, bound, rate_per_s, arrivals)


def _load(
    kind: Literal["closed", "open"],
    planned: int,
    concurrency: int | None,
    rate_per_s: float | None = None,
    arrivals: Literal["poisson", "constant"] | None = None,
) -> Load:
    return Load(
        kind=kind,
        concurrency=concurrency,
        rate_per_s=rate_per_s,
        arrivals=arrivals,
        planned=planned,
        ramp_ns=0,
        connect_timeout_ns=None,
        first_timeout_ns=None,
        total_timeout_ns=None,
    )


def scenario_name(tool: str, load: Load) -> str:
    """A window's scenario by its load: ``guidellm-c8``, ``vllm-r2-5``, ``aiperf-open``."""
    if load.kind == "closed":
        return f"{tool}-c{load.concurrency}" if load.concurrency else f"{tool}-closed"
    if load.rate_per_s is None:
        return f"{tool}-open"
    return f"{tool}-r" + re.sub(r"[^0-9]+", "-", f"{load.rate_per_s:.6g}").strip("-")


def other_version(record: SourceObject, name: str, message: str, known: str) -> SourceError:
    """A problem with files whose form another version of the tool wrote."""
    return record.fault(name, message, f"the form of {known}", "IMP008")


def missing_file(name: str, message: str, fix: str) -> SourceError:
    """A run of which a file is not there."""
    return SourceError(problem_of(name, "IMP001", message, fix=fix))


def only(found: Sequence[SourceFile]) -> SourceFile:
    """The one file of its kind in a folder that holds one run.

    Raises:
        SourceError: there are several.
    """
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise missing_file(found[0].name, f"several runs in one folder: {names}", "give each its own folder")
    return found[0]


def counts_disagree(made: int, held: int, what: str) -> tuple[str, ...]:
    """A remark where the tool's own count is not that of its records."""
    return () if made == held else (f"The tool counts {made:,} {what}; its records hold {held:,}.",)
