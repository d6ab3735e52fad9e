"""Published rows against imported windows. Knows no text form of a report.

A row is held against the first reading of its metric, the same for all providers. Where that does not
give a figure, the other readings are tried and named, so that nobody is accused of a figure that their
data does hold.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
from fairlead.audit.sources import Source, imported_runs, pair_rows
from fairlead.audit.table import Published, read_table
from fairlead.clock import moment_of
from fairlead.problems import Problem
from fairlead.repository import Repository
from fairlead.windows import Outcome


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


def audit_published(published: bytes, repository: Repository, name: str) -> AuditReport:
    """Hold a published table against the imported LLMPerf windows of a root.

    Args:
        published: CSV with the columns of the published table, one figure a row.
        repository: the root that the raw results were imported into.
        name: what problems call the table.
    """
    problems: list[Problem] = []
    rows = read_table(published, name, problems)
    sources = list(imported_runs(repository, problems))
    pairs = list(pair_rows(rows, sources, name, problems))
    published_of = collections.Counter(source.path for _, source in pairs)
    return AuditReport(
        figures=tuple(_hold(row, source) for row, source in pairs),
        runs=tuple(_summarise(source, published_of[source.path]) for source in sources),
        readings=tuple(_scores(pairs)),
        problems=tuple(problems),
    )


# -- the comparison ------------------------------------------------------------------------------


def _hold(row: Published, source: Source) -> Figure:
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
    row: Published, source: Source, sample: Sequence[float], raw: float | None, others: Sequence[Reading]
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


def _scores(pairs: Sequence[tuple[Published, Source]]) -> Iterator[ReadingScore]:
    for metric, readings in READINGS.items():
        of_metric = [(row, source) for row, source in pairs if row.metric == metric]
        for reading in readings:
            given = sum(
                is_given(statistic(reading.sample(source.observations), row.statistic), row.value)
                for row, source in of_metric
            )
            yield ReadingScore(metric, reading, given, len(of_metric))


def _summarise(source: Source, figures: int) -> Run:
    header, requests = source.window.header, source.window.requests
    failed = collections.Counter(str(r.outcome) for r in requests if r.outcome is not Outcome.OK)
    return Run(
        provider=header.provider,
        model=header.model,
        api_model=header.api_model or "",
        path=source.path,
        day=moment_of(header.clock.start_unix_ns).date(),
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
