"""What a client saw against what the reference wrote: the errors, and the certificate that states them.

Knows no socket, no process and no clock: a window and the reference's log go in, a :class:`Report` comes out.
The report is the whole finding and is kept as a file under its own digest; a
:class:`~fairlead.windows.Certificate` is its summary in the header of a window.

A chunk is matched by its request's id and its place in the stream, and only while the text is the very text
that the reference wrote. Every error is signed, client minus reference, so that a late stamp is positive:

- *token*: the window's stamp of the chunk - the moment of its write;
- *TTFT*: (first stamp - sent) - (first write - arrival of the request at the reference's machine); where the
  kernel did not stamp that arrival, the token error of the first chunk;
- *ICL*: a gap between two matched chunks - the same gap at the reference.

A token that was planned and cannot be matched, because it never came, was never logged, or is another, is
*missing*. One missing token is reason enough to refuse the certificate: what is not there has no error.
"""

from __future__ import annotations

import gzip
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from fairlead import windows
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, words

SCHEMA_VERSION = 1
MAX_TEXT_BYTES = 1_000_000

LEVELS = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
"""The levels of every list of quantiles in a report."""

_SUMMARY = [LEVELS.index(level) for level in (0.0, 0.5, 0.9, 0.99, 1.0)]
_P99 = LEVELS.index(0.99)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a report. Every key is required."""


class Setting(Part, frozen=True, omit_defaults=True):
    """Where and how the run took place. ``http`` is left out for HTTP/1.1 and ``processes``, how many the
    client was, for one: of these there were reports before there was anything else. ``*_cores``: the
    processor cores each side kept to, empty where unknown.

    ``shared_core``: they had one in common, or it is not known that they had none. ``siblings``: two of
    them are threads of one physical core; null where the system does not say.
    """

    client_cores: list[int]
    reference_cores: list[int]
    shared_core: bool
    siblings: bool | None
    tls: bool
    http: windows.Http = "1.1"
    processes: int = 1


class Cost(Part, frozen=True):
    """What the client's process used for the run, parsing and sealing included.

    ``waited_ns``: how long its main thread was ready to run and had no core; null where the system does not
    say. A core that is shared or stolen shows here.
    """

    cpu_ns: int
    waited_ns: int | None


class Errors(Part, frozen=True):
    """The client's errors. Each list holds the quantiles at :data:`LEVELS`, in signed ns.

    ``user_token_error_ns``: of the moment the client's own read returned, which is the stamp plus its lag.
    ``pooled_icl_p99_error_ns``: p99 of all gaps seen - p99 of all gaps written.
    """

    token_error_ns: list[int]
    user_token_error_ns: list[int]
    ttft_error_ns: list[int]
    icl_error_ns: list[int]
    lag_ns: list[int] | None
    pooled_icl_p99_error_ns: int
    throughput_error_ppm: int


class Reference(Part, frozen=True):
    """The reference's own conduct: how late it wrote (quantiles at :data:`LEVELS`), and how many of its
    responses had to wait because the client did not read."""

    late_ns: list[int]
    held_up: int


class Report(Part, frozen=True):
    """One calibration, whole. ``planned``, ``tokens``, ``missing``: tokens; ``failed``: requests."""

    kind: Literal["calibration"]
    schema_version: int
    taken_unix_ns: int
    tool: windows.Tool
    machine: windows.Machine | None
    stamps: Literal["kernel", "user", "durations"]
    load: windows.Load
    profile: ReferenceProfile
    setting: Setting
    planned: int
    tokens: int
    missing: int
    failed: int
    levels: list[float]
    errors: Errors
    reference: Reference
    cost: Cost


class UnmatchedError(Exception):
    """Nothing could be matched: there is no error to state, so there is no certificate."""


class ReportError(Exception):
    """The bytes are gzip, but no calibration report."""


# --- comparing -----------------------------------------------------------------------------------------


def compare(
    window: windows.Window,
    log: Sequence[LoggedRequest],
    *,
    profile: ReferenceProfile,
    request_tokens: int,
    setting: Setting,
    cost: Cost,
) -> Report:
    """What the client made of a run against the reference. ``request_tokens``: asked for by each request.

    Raises:
        UnmatchedError: no token, no first token or no gap could be matched.
    """
    matched = _Matched()
    by_id = {entry.id: entry for entry in log}
    origin_ns = window.header.clock.origin_mono_ns or 0
    for request in window.requests:
        entry = by_id.get(request.provider_request_id or "")
        if entry is not None:
            matched.add(request, entry, origin_ns)
    planned = window.header.load.planned * request_tokens
    return Report(
        kind="calibration",
        schema_version=SCHEMA_VERSION,
        taken_unix_ns=window.header.clock.start_unix_ns,
        tool=window.header.tool,
        machine=window.header.machine,
        stamps=window.header.stamps,
        load=window.header.load,
        profile=profile,
        setting=setting,
        planned=planned,
        tokens=matched.tokens,
        missing=planned - matched.tokens,
        failed=sum(request.outcome is not windows.Outcome.OK for request in window.requests),
        levels=list(LEVELS),
        errors=matched.errors(),
        reference=Reference(late_ns=_quantiles(matched.late), held_up=sum(entry.held_up for entry in log)),
        cost=cost,
    )


@dataclass
class _Matched:
    """The matched chunks of a run, pooled. Lists of ns."""

    tokens: int = 0
    token: list[int] = field(default_factory=list)
    user: list[int] = field(default_factory=list)
    ttft: list[int] = field(default_factory=list)
    gaps_seen: list[int] = field(default_factory=list)
    gaps_written: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    lag: list[int] = field(default_factory=list)
    all_lagged: bool = True
    seen_span: tuple[int, int] | None = None
    written_span: tuple[int, int] | None = None

    def add(self, request: windows.Request, entry: LoggedRequest, origin_ns: int) -> None:
        """Add the chunks of one request that are what was written."""
        count = _as_written(request, entry)
        if not count:
            return
        seen = [origin_ns + at for at in itertools.accumulate(request.chunk_ns[:count])]
        written = entry.written_ns[:count]
        lag = (request.chunk_lag_ns or [])[:count]
        errors = [at - was for at, was in zip(seen, written, strict=True)]
        self.tokens += sum(entry.tokens[:count])
        self.token += errors
        self.user += [error + late for error, late in zip(errors, lag or [0] * count, strict=True)]
        self.lag += lag
        self.all_lagged &= bool(lag)
        self.late += [was - due for was, due in zip(written, entry.due_ns, strict=False)]
        self.gaps_seen += [b - a for a, b in itertools.pairwise(seen)]
        self.gaps_written += [b - a for a, b in itertools.pairwise(written)]
        if request.sent_ns is not None:
            start_error = 0 if entry.arrived_ns is None else entry.arrived_ns - origin_ns - request.sent_ns
            self.ttft.append(errors[0] + start_error)
        self.seen_span = _widened(self.seen_span, seen)
        self.written_span = _widened(self.written_span, written)

    def errors(self) -> Errors:
        """The pooled errors. Raises UnmatchedError."""
        gaps = zip(self.gaps_seen, self.gaps_written, strict=True)
        icl = [seen - written for seen, written in gaps]
        return Errors(
            token_error_ns=_quantiles(self.token),
            user_token_error_ns=_quantiles(self.user),
            ttft_error_ns=_quantiles(self.ttft),
            icl_error_ns=_quantiles(icl),
            lag_ns=_quantiles(self.lag) if self.all_lagged else None,
            pooled_icl_p99_error_ns=_quantiles(self.gaps_seen)[_P99] - _quantiles(self.gaps_written)[_P99],
            throughput_error_ppm=self._throughput_error_ppm(),
        )

    def _throughput_error_ppm(self) -> int:
        """The same tokens over the time from the first to the last, by either side's stamps."""
        assert self.seen_span is not None
        assert self.written_span is not None
        seen_ns = max(self.seen_span[1] - self.seen_span[0], 1)
        written_ns = self.written_span[1] - self.written_span[0]
        return round((written_ns / seen_ns - 1) * 1e6)


def _as_written(request: windows.Request, entry: LoggedRequest) -> int:
    """How many chunks, from the first on, hold exactly what the reference wrote."""
    text, at, first = request.text or "", 0, 0
    count = min(len(request.chunk_ns), len(entry.written_ns))
    for place, (chars, size) in enumerate(zip(request.chunk_chars[:count], entry.tokens, strict=False)):
        if text[at : at + chars] != words(first, size):
            return place
        at, first = at + chars, first + size
    return count


def _widened(span: tuple[int, int] | None, stamps: Sequence[int]) -> tuple[int, int]:
    first, last = span or (stamps[0], stamps[-1])
    return min(first, stamps[0]), max(last, stamps[-1])


def _quantiles(values: Sequence[int]) -> list[int]:
    """By the nearest rank: every one is a value that occurred."""
    if not values:
        raise UnmatchedError("nothing that the client saw could be matched with what the reference wrote")
    ranked = sorted(values)
    return [ranked[max(-int(-level * len(ranked) // 1), 1) - 1] for level in LEVELS]


# --- the certificate -----------------------------------------------------------------------------------


def summary(report: Report, sha256: str) -> windows.Certificate:
    """The certificate of a report kept under that digest."""
    errors = report.errors
    return windows.Certificate(
        sha256=sha256,
        taken_unix_ns=report.taken_unix_ns,
        load=report.load,
        tokens=report.tokens,
        missing=report.missing,
        shared_core=report.setting.shared_core,
        reference_late_p99_ns=report.reference.late_ns[_P99],
        token_error_ns=_five(errors.token_error_ns),
        ttft_error_ns=_five(errors.ttft_error_ns),
        icl_error_ns=_five(errors.icl_error_ns),
        lag_p99_ns=None if errors.lag_ns is None else errors.lag_ns[_P99],
        throughput_error_ppm=errors.throughput_error_ppm,
        cpu_ns_per_token=report.cost.cpu_ns // max(report.tokens, 1),
    )


def _five(quantiles: Sequence[int]) -> list[int]:
    return [quantiles[at] for at in _SUMMARY]


def refusals(
    certificate: windows.Certificate,
    *,
    token_p99_ms: float,
    ttft_p99_ms: float,
    lag_p99_ms: float | None = None,
) -> tuple[str, ...]:
    """Why results at this load are not to be trusted, in words; empty if they are.

    ``lag_p99_ms``: None sets no limit to the client's lag; nor is there one where the system does not say it.
    The certificate may be a stranger's: what it does not hold is a reason, too.
    """
    return tuple(_refusals(certificate, token_p99_ms, ttft_p99_ms, lag_p99_ms))


def _refusals(
    certificate: windows.Certificate, token_ms: float, ttft_ms: float, lag_ms: float | None
) -> Iterator[str]:
    if certificate.tokens <= 0:
        yield "no token is covered"
    if certificate.missing:
        planned = certificate.tokens + certificate.missing
        yield f"{certificate.missing:,} of {planned:,} tokens are missing"
    for name, errors_ns, limit_ms in (
        ("token stamp", certificate.token_error_ns, token_ms),
        ("TTFT", certificate.ttft_error_ns, ttft_ms),
    ):
        if len(errors_ns) != len(_SUMMARY):
            yield f"the {name} error is not stated"
        elif abs(errors_ns[3]) / 1e6 > limit_ms:
            yield beyond(f"{name} error p99", errors_ns[3] / 1e6, limit_ms)
    lag_ns = certificate.lag_p99_ns
    if lag_ms is not None and lag_ns is not None and abs(lag_ns) / 1e6 > lag_ms:
        yield beyond("lag p99", lag_ns / 1e6, lag_ms)


def beyond(name: str, found_ms: float, limit_ms: float) -> str:
    """What was found against its limit, in words."""
    return f"{name} is {found_ms:.2f} ms, the limit is {limit_ms:g} ms"


# --- its file ------------------------------------------------------------------------------------------


def encode_report(report: Report) -> bytes:
    """The file's bytes: deterministic gzip (no name, no time) over canonical JSON and a line feed."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as file:
        file.write(msgspec.json.encode(report) + b"\n")
    return buffer.getvalue()


def decode_report(data: bytes) -> Report:
    """The inverse of :func:`encode_report`, for bytes of a stranger.

    Raises:
        windows.WindowError: not gzip, cut short or too large.
        ReportError: no report of this version, or one that contradicts itself.
    """
    text = windows.inflate(data, MAX_TEXT_BYTES)
    try:
        report = msgspec.json.decode(text, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportError(str(error)) from None
    if msgspec.json.encode(report) + b"\n" != text:
        raise ReportError("not in canonical form (key order, spacing, duplicates)")
    for fault in _report_faults(report):
        raise ReportError(fault)
    return report


def _report_faults(report: Report) -> Iterator[str]:
    """What no calibration could have found."""
    if report.schema_version != SCHEMA_VERSION:
        yield f"schema_version is {report.schema_version}, expected {SCHEMA_VERSION}"
    if report.levels != list(LEVELS):
        yield "`levels` are not those of this version"
    if report.tokens < 0 or report.missing < 0 or report.tokens + report.missing != report.planned:
        yield "`tokens` and `missing` do not add up to `planned`"
    shared = not set(report.setting.client_cores).isdisjoint(report.setting.reference_cores)
    if shared and not report.setting.shared_core:
        yield "`shared_core` is false, and the two have a core in common"
    if report.setting.processes < 1:
        yield "`processes` is below 1"
    errors = report.errors
    for name, quantiles in (
        ("token_error_ns", errors.token_error_ns),
        ("user_token_error_ns", errors.user_token_error_ns),
        ("ttft_error_ns", errors.ttft_error_ns),
        ("icl_error_ns", errors.icl_error_ns),
        ("lag_ns", errors.lag_ns),
        ("late_ns", report.reference.late_ns),
    ):
        if quantiles is None:
            continue
        if len(quantiles) != len(LEVELS) or quantiles != sorted(quantiles):
            yield f"`{name}` does not hold {len(LEVELS)} ascending quantiles"
