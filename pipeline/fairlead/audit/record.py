"""What the record of 2023 can bear: which runs could be ranked, which differences stand. Knows no text.

A record is a value that says everything its page says: it is made from the imported runs by
:func:`make_record`, written as JSON, and read back where the raw requests are not. Whether a run could
be ranked is asked of the board's own code. Whether two runs of one model differ is asked under the most
generous reading (:mod:`fairlead.audit.burst`); what then still forbids the claim is said beside it.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from fairlead import ranking, stats
from fairlead.audit.burst import MedianRange, Observed, common_median_p_value, median_range
from fairlead.audit.readings import READINGS, STATISTICS, Observation
from fairlead.audit.sources import Source, imported_runs, pair_rows
from fairlead.audit.table import Published, read_table
from fairlead.clock import moment_of
from fairlead.metrics import Undefined, WindowTable
from fairlead.model import Methodology
from fairlead.problems import Problem
from fairlead.ranking import Better, Row
from fairlead.repository import Repository
from fairlead.windows import Outcome

SCHEMA_VERSION = 1
COMMAND = "fairlead import llmperf SOURCE --root ROOT; fairlead audit PUBLISHED --root ROOT --record --json"
_Key = TypeVar("_Key")
_P_DIGITS, _VALUE_DIGITS = 3, 9  # significant digits: beyond them machines may differ


class Bar(enum.StrEnum):
    """What forbids a claim that two runs differ, though they do under the most generous reading."""

    FAILURES = "failures"
    SAMPLE = "sample"
    INCOMPLETE = "incomplete"
    DAYS = "days"


@dataclasses.dataclass(frozen=True, slots=True)
class Quantity:
    """What is compared. ``metric`` is the published tables' name of it; ``of`` reads it off a request."""

    name: str
    metric: str
    better: Better
    of: Callable[[Observation], float | None]


def _ttft_ms(request: Observation) -> float | None:
    return None if request.ttft_s is None else request.ttft_s * 1_000


QUANTITIES: tuple[Quantity, ...] = (
    Quantity("ttft_ms", "ttft_s", Better.LOWER, _ttft_ms),
    # The board's own output speed leaves the first token's time out and needs stamps that 2023 has not.
    Quantity(
        "tokens_per_e2e_tps", "output_tokens_per_s", Better.HIGHER, lambda request: request.tokens_per_e2e_tps
    ),
)


@dataclasses.dataclass(frozen=True, slots=True)
class RecordRules:
    """The board's numbers that the record is held against, and the methodology they are of."""

    methodology: str
    confidence: float
    family_error: float
    success_rate_min: float
    rounds_min: int


@dataclasses.dataclass(frozen=True, slots=True)
class Failures:
    """Failed requests of one class; ``requests`` are their numbers, as `0-3, 7`."""

    outcome: Outcome
    count: int
    requests: str


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One run. ``of_form`` are the board's reasons against any run of this form, ``own`` those of this one.

    ``window`` is its file in the root, ``source`` the file that its requests are of, and
    ``source_sha256`` the digest of those requests put back as LLMPerf writes them. ``written``: when
    LLMPerf wrote its summary, UTC. ``needed``: requests that a window at its concurrency holds.
    ``published``: the tables' medians as published. Medians by the quantity's name.
    """

    provider: str
    model: str
    scenario: str
    api_model: str
    window: str
    source: str
    source_sha256: str
    written: dt.datetime
    planned: int
    requests: int
    successes: int
    needed: int
    failures: tuple[Failures, ...]
    of_form: tuple[str, ...]
    own: Mapping[Bar, str]
    medians: Mapping[str, MedianRange]
    published: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """Two runs of one model in one quantity. ``entries``: their places in the record, the better first.

    ``ratio``: larger / smaller median. ``apart_s``: between the times that their files state. ``bars`` say
    what else forbids the claim, whether it stands or not, each in words.
    """

    model: str
    scenario: str
    quantity: str
    entries: tuple[int, int]
    better: str
    worse: str
    ratio: float
    p_value: float
    stands: bool
    apart_s: int
    bars: Mapping[Bar, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Control:
    """A run held against itself: the first half of its successes, in the file's order, and the second."""

    provider: str
    model: str
    quantity: str
    first: float
    second: float
    p_value: float
    differs: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Uncarried:
    """Published figures of a quantile that needs more requests than their run holds."""

    statistic: str
    needed: int
    figures: int
    of: int


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """Every run, every pair of runs that may be compared, and the controls, in a lasting order.

    ``command`` makes it. ``published_sha256`` is None where no published table was given; ``models`` are
    names by id.
    """

    schema_version: int
    command: str
    rules: RecordRules
    published_sha256: str | None
    models: Mapping[str, str]
    entries: tuple[Entry, ...]
    pairs: tuple[Pair, ...]
    controls: tuple[Control, ...]
    uncarried: tuple[Uncarried, ...]

    @property
    def standing(self) -> tuple[Pair, ...]:
        """The pairs that differ under the most generous reading."""
        return tuple(pair for pair in self.pairs if pair.stands)

    @property
    def claimable(self) -> tuple[Pair, ...]:
        """Those of them that nothing else forbids: still of one burst each."""
        return tuple(pair for pair in self.standing if not pair.bars)

    @property
    def kept_out(self) -> tuple[Entry, ...]:
        """The runs that the board would not rank whatever their form."""
        return tuple(entry for entry in self.entries if entry.own)


@dataclasses.dataclass(frozen=True, slots=True)
class _Run:
    """A run's entry with the values it was made from."""

    entry: Entry
    values: Mapping[str, Sequence[float]]


def make_record(
    repository: Repository,
    rows: Iterable[Row],
    methodology: Methodology,
    published: bytes | None = None,
    name: str = "",
) -> tuple[Record, list[Problem]]:
    """What the imported LLMPerf runs of a root can bear, and the problems of those that were left out.

    Args:
        repository: the root that the raw results were imported into.
        rows: the board's rows of that root, of which only imported ones are looked at.
        methodology: the rules that the runs are held against.
        published: the published table as CSV, if it is at hand.
        name: what problems call that table.
    """
    problems: list[Problem] = []
    sources = list(imported_runs(repository, problems))
    lines = [] if published is None else read_table(published, name, problems)
    pairs = list(pair_rows(lines, sources, name, problems))
    row_of = {item.path: row for row in rows for item in row.evidence}
    runs = [
        _Run(
            _entry(source, row_of[source.path], methodology, [line for line, of in pairs if of is source]),
            {quantity.name: [one.value for one in _values(source, quantity)] for quantity in QUANTITIES},
        )
        for source in sources
        if source.path in row_of
    ]
    runs.sort(key=_order)
    family_error = methodology.statistics.family_error
    record = Record(
        schema_version=SCHEMA_VERSION,
        command=COMMAND,
        rules=_rules(methodology),
        published_sha256=None if published is None else hashlib.sha256(published).hexdigest(),
        models=_model_names(repository, runs),
        entries=tuple(run.entry for run in runs),
        pairs=tuple(_pairs(runs, family_error)),
        controls=tuple(_controls(runs, family_error)),
        uncarried=tuple(_uncarried(pairs, methodology.statistics.confidence)),
    )
    return record, problems


def write_record(record: Record) -> bytes:
    """The record as JSON, the same bytes for the same record."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def read_record(data: bytes) -> Record:
    """A record from its JSON.

    Raises:
        ValueError: it is none, or of another schema version.
    """
    record = msgspec.json.decode(data, type=Record)  # its errors are ValueErrors
    if record.schema_version != SCHEMA_VERSION:
        raise ValueError(f"schema_version {record.schema_version}, {SCHEMA_VERSION} is expected")
    return record


def _rules(methodology: Methodology) -> RecordRules:
    return RecordRules(
        methodology=methodology.version,
        confidence=methodology.statistics.confidence,
        family_error=methodology.statistics.family_error,
        success_rate_min=methodology.ranking.success_rate_min,
        rounds_min=methodology.statistics.rounds_min,
    )


def _order(run: _Run) -> tuple[list[str | int], str, str, dt.datetime]:
    """By model, 7b before 13b; then scenario, provider and time."""
    entry = run.entry
    parts = re.split(r"(\d+)", entry.model)  # text and number by turns
    model = [int(part) if place % 2 else part for place, part in enumerate(parts)]
    return model, entry.scenario, entry.provider, entry.written


def _model_names(repository: Repository, runs: Iterable[_Run]) -> dict[str, str]:
    models = dict.fromkeys(run.entry.model for run in runs)
    known = repository.models
    return {model: known[model].name if model in known else model for model in models}


# -- one run -------------------------------------------------------------------------------------


def _entry(source: Source, row: Row, methodology: Methodology, lines: Sequence[Published]) -> Entry:
    header = source.window.header
    item = next(item for item in row.evidence if item.path == source.path)
    size = re.search(r"-(\d+b)(-|$)", header.model)
    successes = item.table.successes
    needed = max(
        methodology.window.requests_min,
        methodology.window.requests_per_stream_min * (header.load.concurrency or 0),
    )
    return Entry(
        provider=header.provider,
        model=header.model,
        scenario=item.scenario,
        api_model=header.api_model or "",
        window=source.path,
        source=f"individual/{header.provider}_{size[1] if size else header.model}.json",
        source_sha256=_source_sha256(source),
        written=moment_of(header.clock.start_unix_ns),
        planned=header.load.planned,
        requests=len(source.window.requests),
        successes=successes,
        needed=needed,
        failures=tuple(_failures(source)),
        of_form=tuple(_reasons_of_form(row, item.table, methodology)),
        own=dict(_own_reasons(row, item.table, needed, methodology)),
        medians={
            quantity.name: median_range(
                list(_values(source, quantity)), confidence=methodology.statistics.confidence
            )
            for quantity in QUANTITIES
        },
        published={
            quantity.name: line.value
            for quantity in QUANTITIES
            for line in lines
            if (line.metric, line.statistic) == (quantity.metric, "median")
        },
    )


def _source_sha256(source: Source) -> str:
    """The digest of a run's records put back as LLMPerf writes a list of them."""
    records = ",\n    ".join(request.original or "" for request in source.window.requests)
    return hashlib.sha256(f"[\n    {records}\n]".encode()).hexdigest()


def _values(source: Source, quantity: Quantity) -> Iterator[Observed]:
    """The quantity of each success, in the order of the file; a failure has none."""
    for request in source.observations:
        value = quantity.of(request) if request.succeeded else None
        if value is not None:
            yield Observed(_significant(value, _VALUE_DIGITS), request.i)


def _failures(source: Source) -> Iterator[Failures]:
    numbers: dict[Outcome, list[int]] = collections.defaultdict(list)
    for request in source.window.requests:
        if request.outcome is not Outcome.OK:
            numbers[request.outcome].append(request.i)
    for outcome, found in sorted(numbers.items(), key=lambda item: (-len(item[1]), item[0])):
        yield Failures(outcome, len(found), _ranges(found))


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers with their runs drawn together: 0-3, 7."""
    parts = []
    for _, group in itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        parts.append(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}")
    return ", ".join(parts)


def _reasons_of_form(row: Row, table: WindowTable, methodology: Methodology) -> Iterator[str]:
    """Why the board would rank no run of this form, in the board's own words."""
    yield from ranking.ineligible_by_origin(row)
    own = ranking.invalid_reasons(table, _without_certificates(methodology))
    yield from (reason for reason in ranking.invalid_reasons(table, methodology) if reason not in own)
    yield from sorted(
        {
            one.reason
            for one in row.figures.values()
            if one.value is not None and one.low is None and one.reason
        }
    )
    if isinstance(table.throughput_tps, Undefined):
        yield f"no system throughput: {table.throughput_tps.reason}"


def _without_certificates(methodology: Methodology) -> Methodology:
    calibration = msgspec.structs.replace(methodology.calibration, required=False)
    return msgspec.structs.replace(methodology, calibration=calibration)


def _own_reasons(
    row: Row, table: WindowTable, needed: int, methodology: Methodology
) -> Iterator[tuple[Bar, str]]:
    """Why the board would not rank this run even if it were of the right form."""
    for reason in ranking.too_few_successes(row, methodology):
        yield Bar.FAILURES, reason
    if table.successes < needed:
        yield Bar.SAMPLE, f"{table.successes} answers to measure, a window needs {needed} requests"
    void = ranking.invalid_reasons(table, _without_certificates(methodology))
    if void:
        yield Bar.INCOMPLETE, "; ".join(void)


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


# -- two runs, and a run against itself ----------------------------------------------------------


def _pairs(runs: Sequence[_Run], family_error: float) -> Iterator[Pair]:
    """Every pair of providers of a model, Holm's method within each model, scenario and quantity."""
    places = range(len(runs))
    for _, members in itertools.groupby(places, key=lambda i: (runs[i].entry.model, runs[i].entry.scenario)):
        couples = list(itertools.combinations(members, 2))
        for quantity in QUANTITIES:
            values = [run.values[quantity.name] for run in runs]
            found = {
                (first, second): p_value
                for first, second in couples
                if runs[first].entry.provider != runs[second].entry.provider
                and (p_value := _p_value(values[first], values[second])) is not None
            }
            standing = _standing(found, family_error)
            for key, p_value in found.items():
                yield _pair(runs, key, quantity, p_value, stands=key in standing)


def _p_value(first: Sequence[float], second: Sequence[float]) -> float | None:
    p_value = common_median_p_value(first, second)
    return None if p_value is None else _significant(p_value, _P_DIGITS)


def _standing(p_values: Mapping[_Key, float], family_error: float) -> frozenset[_Key]:
    """The keys whose p-values Holm's method rejects."""
    rejected = stats.holm(list(p_values.values()), family_error=family_error)
    return frozenset(itertools.compress(p_values, rejected))


def _pair(
    runs: Sequence[_Run], key: tuple[int, int], quantity: Quantity, p_value: float, *, stands: bool
) -> Pair:
    medians = {place: stats.quantile(runs[place].values[quantity.name], 0.5) for place in key}
    first, second = sorted(key, key=medians.__getitem__, reverse=quantity.better is Better.HIGHER)
    better, worse = runs[first].entry, runs[second].entry
    return Pair(
        model=better.model,
        scenario=better.scenario,
        quantity=quantity.name,
        entries=(first, second),
        better=better.provider,
        worse=worse.provider,
        ratio=_significant(max(medians.values()) / min(medians.values()), _VALUE_DIGITS),
        p_value=p_value,
        stands=stands,
        apart_s=abs(round((better.written - worse.written).total_seconds())),
        bars=dict(_bars(better, worse)),
    )


def _bars(better: Entry, worse: Entry) -> Iterator[tuple[Bar, str]]:
    for bar in (Bar.FAILURES, Bar.SAMPLE, Bar.INCOMPLETE):
        said = [f"{entry.provider}: {entry.own[bar]}" for entry in (better, worse) if bar in entry.own]
        if said:
            yield bar, "; ".join(said)
    days = [entry.written.date() for entry in (better, worse)]
    if days[0] != days[1]:
        yield Bar.DAYS, f"{better.provider} on {days[0]}, {worse.provider} on {days[1]}"


def _controls(runs: Sequence[_Run], family_error: float) -> Iterator[Control]:
    """Each run's first half against its second, Holm's method over all of them."""
    halves = {
        (place, quantity.name): (values[: len(values) // 2], values[len(values) // 2 :])
        for place, run in enumerate(runs)
        for quantity in QUANTITIES
        if len(values := run.values[quantity.name]) > 1
    }
    p_values = {
        key: p for key, (first, second) in halves.items() if (p := _p_value(first, second)) is not None
    }
    differing = _standing(p_values, family_error)
    for (place, name), p_value in p_values.items():
        first, second = (stats.quantile(half, 0.5) for half in halves[place, name])
        entry = runs[place].entry
        yield Control(
            entry.provider, entry.model, name, first, second, p_value, differs=(place, name) in differing
        )


# -- the published table -------------------------------------------------------------------------


def _uncarried(pairs: Sequence[tuple[Published, Source]], confidence: float) -> Iterator[Uncarried]:
    """The table's tail quantiles whose sample, by the reading that gives most figures, is too small."""
    for statistic, q in STATISTICS.items():
        if q is None or not 0 < q < 1:
            continue
        needed = stats.quantile_sample_min(q, confidence)
        sizes = [
            len(READINGS[line.metric][0].sample(source.observations))
            for line, source in pairs
            if line.statistic == statistic
        ]
        short = sum(size < needed for size in sizes)
        if short:
            yield Uncarried(statistic, needed, short, len(sizes))
