"""Published rows against imported windows. Knows no text form of a report.

A row is held against the first reading of its metric, the same for all providers. Where that does not
give a figure, the other readings are tried and named, so that nobody is accused of a figure that their
data does hold.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fairlead.audit.readings import (
    CUT_OFF,
    NEXT_HIGHER,
    READINGS,
    Observation,
    Reading,
    is_given,
    is_given_cut_off,
    statistic,
)
from fairlead.audit.table import Published, read_table
from fairlead.documents import Unreadable
from fairlead.problems import Problem, Span, nearest, quote, visible
from fairlead.repository import Repository, read_window
from fairlead.windows import Outcome, Request, Window, WindowError


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A published figure and what the raw requests give. ``raw`` is None where they give nothing.

    ``given_by`` is, for a figure that is not given, the id of the other reading, or other way of
    rounding, that gives it, if one does.
    """

    published: Published
    model: str
    raw: float | None
    is_given: bool
    given_by: str | None

    @property
    def difference(self) -> float | None:
        """Published - raw, in the metric's unit."""
        return None if self.raw is None else float(self.published.value) - self.raw


@dataclasses.dataclass(frozen=True, slots=True)
class ThroughputField:
    """The raw throughput field beside tokens / E2E, over a run's successes.

    ``worst_factor`` is the largest ratio of the two, either way round, in request ``worst_i``.
    ``implied_tokens_median`` is what the field would count: field x E2E.
    """

    tokens_per_e2e_median_tps: float
    field_median_tps: float
    tokens_median: float
    implied_tokens_median: float
    worst_factor: float
    worst_i: int


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One run: what the published table left out of it, and when it was.

    ``failures`` counts by class; ``figures`` is how many figures were published of it.
    """

    provider: str
    model: str
    api_model: str
    path: str
    day: dt.date
    planned: int
    requests: int
    failures: Mapping[str, int]
    figures: int
    field: ThroughputField | None

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return sum(self.failures.values())

    @property
    def failure_share(self) -> float:
        """Failed requests / requests; 0 where there was none."""
        return self.failed / self.requests if self.requests else 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class ReadingScore:
    """How many published figures of a metric a reading gives."""

    metric: str
    reading: Reading
    given: int
    figures: int


@dataclasses.dataclass(frozen=True, slots=True)
class AuditReport:
    """Every published figure against the raw requests, in the order of the published file.

    ``problems`` are rows that could not be audited and raw requests that could not be used.
    """

    figures: tuple[Figure, ...]
    runs: tuple[Run, ...]
    readings: tuple[ReadingScore, ...]
    problems: tuple[Problem, ...]

    @property
    def differences(self) -> tuple[Figure, ...]:
        """The published figures that are not what the raw data gives."""
        return tuple(figure for figure in self.figures if not figure.is_given)


@dataclasses.dataclass(frozen=True, slots=True)
class _Source:
    """An imported run as it was read: where, what, and its requests."""

    path: str
    window: Window
    observations: tuple[Observation, ...]


def audit_published(published: bytes, repository: Repository, name: str) -> AuditReport:
    """Hold a published table against the imported LLMPerf windows of a root.

    Args:
        published: CSV with the columns of the published table, one figure a row.
        repository: the root that the raw results were imported into.
        name: what problems call the table.
    """
    problems: list[Problem] = []
    rows = read_table(published, name, problems)
    sources = list(_imported_runs(repository, problems))
    pairs = list(_pair(rows, sources, name, problems))
    published_of = collections.Counter(source.path for _, source in pairs)
    return AuditReport(
        figures=tuple(_hold(row, source) for row, source in pairs),
        runs=tuple(_summarise(source, published_of[source.path]) for source in sources),
        readings=tuple(_scores(pairs)),
        problems=tuple(problems),
    )


# -- the raw requests ----------------------------------------------------------------------------


def _imported_runs(repository: Repository, problems: list[Problem]) -> Iterator[_Source]:
    """Every window of the root that was imported from LLMPerf."""
    for path in repository.window_paths():
        name = path.relative_to(repository.root).as_posix()
        try:
            window = read_window(path)
        except (WindowError, Unreadable) as error:
            problems.append(Problem("AUD005", name, f"cannot be read: {error}", fix="import the run again"))
            continue
        if window.header.origin == "imported" and window.header.tool.name == "llmperf":
            yield _Source(name, window, tuple(_observe_all(window, name, problems)))


def _observe_all(window: Window, name: str, problems: list[Problem]) -> Iterator[Observation]:
    for line, request in enumerate(window.requests, start=2):
        try:
            yield _observe(request)
        except ValueError as error:
            fix = "import the run again from its source"
            problems.append(Problem("AUD005", name, str(error), span=Span(line, 1, 2), fix=fix))


def _observe(request: Request) -> Observation:
    """A request with what only its source record holds.

    Raises:
        ValueError: the source record is missing, cannot be read, or says something else.
    """
    record = _source_record(request)
    succeeded = request.outcome is Outcome.OK
    ttft_s, e2e_s = _seconds(record, "ttft_s"), _seconds(record, "end_to_end_latency_s")
    if succeeded:
        for name, said, kept_ns in (
            ("ttft_s", ttft_s, request.ttft_ns),
            ("end_to_end_latency_s", e2e_s, request.e2e_ns),
        ):
            if said is None or kept_ns is None or abs(said * 1e9 - kept_ns) > 1:
                raise ValueError(f"request {request.i}: its {name} is not what its source record says")
        ttft_s, e2e_s = (ns / 1e9 if ns is not None else None for ns in (request.ttft_ns, request.e2e_ns))
    return Observation(
        i=request.i,
        succeeded=succeeded,
        ttft_s=ttft_s,
        e2e_s=e2e_s,
        tokens=request.tokens.counted,
        field_tps=_seconds(record, "request_output_throughput_token_per_s"),
    )


def _source_record(request: Request) -> dict[str, Any]:
    try:
        record = json.loads(request.original or "")
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise ValueError(f"request {request.i}: its source record is not a JSON object")
    return record


def _seconds(record: Mapping[str, Any], name: str) -> float | None:
    """A positive number of a source record; None for the 0 that LLMPerf writes for *not measured*."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        return None
    return float(value)


def _pair(
    rows: Sequence[Published], sources: Sequence[_Source], name: str, problems: list[Problem]
) -> Iterator[tuple[Published, _Source]]:
    """Each row with its run; a row of which the root holds no run, or two, is a problem."""
    by_provider: dict[str, list[_Source]] = collections.defaultdict(list)
    for source in sources:
        by_provider[source.window.header.provider].append(source)
    for row in rows:
        found = [source for source in by_provider.get(row.provider, []) if _is_of(source, row)]
        if len(found) == 1:
            yield row, found[0]
        else:
            problems.append(_unpaired(row, found, by_provider, name))


def _is_of(source: _Source, row: Published) -> bool:
    """Whether a run is of the row's model. The table leaves out a version after `:` that the record has."""
    header = source.window.header
    named = header.api_model or ""
    return row.model in (named, named.partition(":")[0]) and row.model_size in header.model.split("-")


def _unpaired(
    row: Published, found: Sequence[_Source], by_provider: Mapping[str, Sequence[_Source]], name: str
) -> Problem:
    where = Span(row.line, 1, 2)
    if found:
        message = f"{len(found)} imported runs of {quote(row.model)} by {quote(row.provider)}"
        return Problem("AUD004", name, message, span=where, fix="keep one run of each model in the root")
    if row.provider not in by_provider:
        near = nearest(row.provider, by_provider)
        fix = f"write {quote(near)}" if near else "import the provider's raw results first"
        return Problem("AUD004", name, f"no imported run of {quote(row.provider)}", span=where, fix=fix)
    message = f"no imported run of {quote(row.model)} ({visible(row.model_size)}) by {quote(row.provider)}"
    return Problem("AUD004", name, message, span=where, fix="import that run first")


# -- the comparison ------------------------------------------------------------------------------


def _hold(row: Published, source: _Source) -> Figure:
    reference, *others = READINGS[row.metric]
    sample = reference.sample(source.observations)
    raw = statistic(sample, row.statistic)
    given = is_given(raw, row.value)
    return Figure(
        published=row,
        model=source.window.header.model,
        raw=raw,
        is_given=given,
        given_by=None if given else _other_way(row, source, sample, raw, others),
    )


def _other_way(
    row: Published, source: _Source, sample: Sequence[float], raw: float | None, others: Sequence[Reading]
) -> str | None:
    """The first other reading, or other way of rounding, that gives a figure."""
    for reading in others:
        if is_given(statistic(reading.sample(source.observations), row.statistic), row.value):
            return reading.id
    if is_given_cut_off(raw, row.value):
        return CUT_OFF
    if is_given(statistic(sample, row.statistic, is_interpolated=False), row.value):
        return NEXT_HIGHER
    return None


def _scores(pairs: Sequence[tuple[Published, _Source]]) -> Iterator[ReadingScore]:
    for metric, readings in READINGS.items():
        of_metric = [(row, source) for row, source in pairs if row.metric == metric]
        for reading in readings:
            given = sum(
                is_given(statistic(reading.sample(source.observations), row.statistic), row.value)
                for row, source in of_metric
            )
            yield ReadingScore(metric, reading, given, len(of_metric))


def _summarise(source: _Source, figures: int) -> Run:
    header, requests = source.window.header, source.window.requests
    start_s = header.clock.start_unix_ns // 1_000_000_000
    failed = collections.Counter(str(r.outcome) for r in requests if r.outcome is not Outcome.OK)
    return Run(
        provider=header.provider,
        model=header.model,
        api_model=header.api_model or "",
        path=source.path,
        day=dt.datetime.fromtimestamp(start_s, tz=dt.UTC).date(),
        planned=header.load.planned,
        requests=len(requests),
        failures=dict(sorted(failed.items())),
        figures=figures,
        field=_throughput_field(source.observations),
    )


def _throughput_field(run: Sequence[Observation]) -> ThroughputField | None:
    both = list(_both_counts(run))
    if not both:
        return None
    factors = {i: max(tokens / implied, implied / tokens) for i, _, tokens, implied in both}
    worst_i = max(factors, key=factors.__getitem__)
    return ThroughputField(
        tokens_per_e2e_median_tps=_median(tokens / e2e_s for _, e2e_s, tokens, _ in both),
        field_median_tps=_median(implied / e2e_s for _, e2e_s, _, implied in both),
        tokens_median=_median(tokens for _, _, tokens, _ in both),
        implied_tokens_median=_median(implied for _, _, _, implied in both),
        worst_factor=factors[worst_i],
        worst_i=worst_i,
    )


def _both_counts(run: Sequence[Observation]) -> Iterator[tuple[int, float, int, float]]:
    """Of each success: its number, E2E in s, the tokens counted, and those that the raw field implies."""
    for request in run:
        if request.succeeded and request.e2e_s and request.tokens and request.field_tps:
            yield request.i, request.e2e_s, request.tokens, request.field_tps * request.e2e_s


def _median(values: Iterable[float]) -> float:
    return statistic(sorted(values), "median") or 0.0
