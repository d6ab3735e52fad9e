"""From window tables to leaderboard rows and rank ranges. Knows no clock, no page and no raw byte.

Only neutral windows, measured by the board's own runner, are ranked. Claims and imported results
are listed without a rank, each with its reason. A rank is a range: a row stands behind those that
are significantly better and ahead of those that are significantly worse, and nowhere more precisely.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from fairlead import cost, stats, usage
from fairlead.measure.certificate import beyond, refusals
from fairlead.metrics import Undefined, WindowTable
from fairlead.model import CalibrationRules, Methodology, Price, Provider
from fairlead.profile import AgeState, age_state, hour_of_day
from fairlead.usage import Usage
from fairlead.windows import Certificate, Header, NodeFault, Outcome

if TYPE_CHECKING:
    from fairlead.fidelity import Answers
    from fairlead.smoothness import Replies

REAL_DAY_SECONDS = 86_400

#: How intervals are made where nothing says it: of a window ad hoc, and under an early draft.
INTERVALS = stats.IntervalRules(
    confidence=0.95,
    stratum_windows_min=3,
    quantile_windows_min=((0.5, 2), (0.9, 12), (0.99, 24)),
    failure_correlation=0.06,
    failure_correlation_windows=4,
)


class Origin(enum.StrEnum):
    """Who measured. Only ``neutral`` is ranked."""

    NEUTRAL = "neutral"
    CLAIM = "claim"
    IMPORTED = "imported"


class Better(enum.StrEnum):
    """Which way a figure improves."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A published figure: its name ends in its unit; ``metric`` and ``q`` say what it is made from.

    ``is_adjusted``: a failed request counts as infinitely slow. ``is_column``: it has a column of its own on
    a board; the others stand in the data and where a row is shown alone.
    """

    name: str
    label: str
    better: Better
    metric: str | None = None
    q: float | None = None
    is_adjusted: bool = False
    is_column: bool = True


FIGURES: tuple[Figure, ...] = (
    Figure("ttft_p50_ms", "TTFT p50", Better.LOWER, "ttft_ms", 0.50),
    Figure("ttft_p90_ms", "TTFT p90", Better.LOWER, "ttft_ms", 0.90, is_column=False),
    Figure("ttft_p95_ms", "TTFT p95", Better.LOWER, "ttft_ms", 0.95),
    Figure("ttft_p99_ms", "TTFT p99", Better.LOWER, "ttft_ms", 0.99, is_column=False),
    Figure(
        "ttft_adjusted_p50_ms",
        "TTFT p50, failures as infinitely slow",
        Better.LOWER,
        "ttft_ms",
        0.50,
        is_adjusted=True,
        is_column=False,
    ),
    Figure(
        "ttft_adjusted_p95_ms",
        "TTFT p95, failures as infinitely slow",
        Better.LOWER,
        "ttft_ms",
        0.95,
        is_adjusted=True,
        is_column=False,
    ),
    Figure("e2e_p50_ms", "E2E latency p50", Better.LOWER, "e2e_ms", 0.50),
    Figure("e2e_p95_ms", "E2E latency p95", Better.LOWER, "e2e_ms", 0.95, is_column=False),
    Figure("tpot_p50_ms", "TPOT p50", Better.LOWER, "tpot_ms", 0.50),
    Figure("output_speed_p50_tps", "Output speed p50", Better.HIGHER, "output_speed_tps", 0.50),
    Figure("system_throughput_tps", "System throughput", Better.HIGHER),
    Figure("success_rate", "Success rate", Better.HIGHER),
    Figure("blended_usd_per_mtok", "Blended price", Better.LOWER),
    Figure("usd_per_success", "Cost per success", Better.LOWER, is_column=False),
)
COLUMNS = tuple(figure for figure in FIGURES if figure.is_column)


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What a window is of, when it was, and how its requests ended: enough to group, order and count it.

    ``methodology``: the version that it states.
    """

    model: str
    vantage: str | None
    methodology: str | None
    provider: str
    endpoint: str
    role: Literal["subject", "control", "smoke"]
    dialect: str
    is_imported: bool
    outcomes: Mapping[Outcome, int]
    start_unix_ns: int
    end_unix_ns: int

    @classmethod
    def of(cls, table: WindowTable) -> Head:
        """The head of a table."""
        header = table.header
        return cls(
            model=header.model,
            vantage=header.vantage,
            methodology=header.methodology.version if header.methodology else None,
            provider=header.provider,
            endpoint=header.endpoint,
            role=header.role,
            dialect=header.dialect,
            is_imported=header.origin == "imported",
            outcomes=table.outcomes,
            start_unix_ns=table.start_unix_ns,
            end_unix_ns=table.end_unix_ns,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """A table in memory, for :class:`Evidence` to read."""

    table: WindowTable

    def __call__(self) -> WindowTable:
        """The table."""
        return self.table


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """One window that a row rests on. ``path`` is its raw file, relative to the root.

    ``read`` gives its table, which may lie on the disk: who works with many of them asks for one at a time.
    ``made_from``: a digest of all that the table depends on but the code; None where nobody made one.
    ``usage``: of the provider against our count, None where no tokenizer counted. ``replies``, ``answers``:
    how its replies came and what they say of the model; None for an import.
    """

    path: str
    origin: Origin
    scenario: str
    head: Head
    read: Callable[[], WindowTable]
    invalid: tuple[str, ...]
    usage: Usage | None = None
    made_from: bytes | None = dataclasses.field(default=None, compare=False, repr=False)
    replies: Replies | None = dataclasses.field(default=None, compare=False, repr=False)
    answers: Answers | Undefined | None = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def folder(self) -> str:
        """Which folder below submissions/ holds it: ``<provider>/<submission>`` or ``neutral/<rounds>``."""
        return "/".join(self.path.split("/")[1:3])

    @property
    def table(self) -> WindowTable:
        """Its numbers."""
        return self.read()


@dataclasses.dataclass(frozen=True, slots=True)
class RankRange:
    """Best and worst place the data allows, of so many rows."""

    best: int
    worst: int
    of: int


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """The rows that may be compared: one model, scenario, vantage and methodology version."""

    model: str
    scenario: str
    vantage: str | None
    methodology: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """All that the numbers of a row depend on: its windows that count, in order, and what is made of them.

    ``prices``: of the model there. ``ranked``: the figures that rows are compared by.
    ``early_gap_paces_min``: from which wait on a first chunk is early.
    """

    windows: tuple[Evidence, ...]
    rules: stats.IntervalRules
    day_seconds: int
    prices: tuple[Price, ...]
    ranked: tuple[str, ...]
    early_gap_paces_min: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Numbers:
    """The figures of a row; and ``by_round[figure][round]``, the values that it is compared by.

    ``first_gaps``: replies whose first chunk came early, and those of which that can be said.
    """

    figures: dict[str, stats.Estimate]
    by_round: dict[str, dict[str, float]]
    first_gaps: tuple[int, int] = (0, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One endpoint in one role in one family; of a claim or an import, as one submission has it.

    ``submission``: ``<provider>/<submission>``; None of a neutral row. ``ranks`` is empty where ``unranked``
    gives a reason.
    ``by_round``, ``first_gaps``: as in :class:`Numbers`. ``withheld``: figures that have no rank, each with
    the reason, where the row has others.
    """

    family: Family
    provider: str
    endpoint: str
    origin: Origin
    evidence: tuple[Evidence, ...]
    figures: Mapping[str, stats.Estimate]
    outcomes: Mapping[Outcome, int]
    unranked: tuple[str, ...]
    ranks: Mapping[str, RankRange]
    by_round: Mapping[str, Mapping[str, float]] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )
    withheld: Mapping[str, str] = dataclasses.field(default_factory=dict)
    submission: str | None = None
    first_gaps: tuple[int, int] = dataclasses.field(default=(0, 0), compare=False, repr=False)

    @property
    def id(self) -> str:
        """A lasting name: model/scenario/vantage/provider/endpoint/origin/version, then the submission of a
        row that is not neutral, then a role but subject.

        What is not stated is ``-``, which no id can be.
        """
        family = self.family
        parts = (family.model, family.scenario, family.vantage, self.provider, self.endpoint, self.origin)
        submission = () if self.submission is None else (self.submission.partition("/")[2],)
        role = () if self.role == "subject" else (self.role,)
        return "/".join(part or "-" for part in (*parts, family.methodology, *submission, *role))

    @property
    def role(self) -> Literal["subject", "control", "smoke"]:
        """What the windows are for; all of a row are for the same."""
        return self.evidence[0].head.role

    @property
    def valid(self) -> tuple[Evidence, ...]:
        """The windows that count."""
        return tuple(evidence for evidence in self.evidence if not evidence.invalid)

    @property
    def usage(self) -> Usage | None:
        """The provider's usage over the windows that count; None where no tokenizer counted any of them."""
        counted = [evidence.usage for evidence in self.valid if evidence.usage is not None]
        return usage.combine(counted, counted[0].limit) if counted else None

    @property
    def last_unix_ns(self) -> int:
        """When the newest window that counts ended; the newest of all where none counts."""
        return max(evidence.head.end_unix_ns for evidence in self.valid or self.evidence)

    @property
    def first_unix_ns(self) -> int:
        """When the oldest window that counts began; the oldest of all where none counts."""
        return min(evidence.head.start_unix_ns for evidence in self.valid or self.evidence)


def invalid_reasons(table: WindowTable, methodology: Methodology) -> tuple[str, ...]:
    """Why a measured window does not count by the methodology's limits; empty if it counts."""
    limits, reasons = methodology.limits, list(_cut_off(table))
    delay = stats.quantile(table.schedule_delay_ms, 0.99) if table.schedule_delay_ms else None
    for name, found_ms, limit_ms in (
        ("scheduled to sent p99", delay, limits.schedule_delay_p99_ms),
        ("our own lag p99", table.lag_p99_ms, limits.lag_p99_ms),
    ):
        if found_ms is not None and limit_ms is not None and found_ms > limit_ms:
            reasons.append(beyond(name, found_ms, limit_ms))
    step = table.header.clock.max_step_ns
    if step is not None and abs(step) / 1e6 > limits.clock_step_ms:
        reasons.append(f"the clock stepped by {step / 1e6:.1f} ms, the limit is {limits.clock_step_ms:g} ms")
    calibration = table.header.calibration
    reasons.extend(_calibration_faults("before the round", calibration.before, methodology.calibration))
    reasons.extend(_calibration_faults("after the round", calibration.after, methodology.calibration))
    reasons.extend(_node_faults(table.header, methodology))
    return tuple(reasons)


def invalid_by_version(table: WindowTable, methodologies: Mapping[str, Methodology]) -> tuple[str, ...]:
    """Why a window does not count by its own version; an imported one is never held against a limit."""
    header = table.header
    if header.origin == "imported":
        return ()
    version = header.methodology.version if header.methodology else None
    return invalid_reasons(table, methodology_of(methodologies, version))


_NODE_FAULTS: Mapping[NodeFault, str] = {
    "lost": "was lost before it had told all",
    "unreachable": "had no way to the provider",
}


def _node_faults(header: Header, methodology: Methodology) -> Iterator[str]:
    """What is held against each node of a window; the first one's certificates are the window's own."""
    for number, node in enumerate(header.nodes):
        if node.fault is not None:
            yield f"node {node.name} {_NODE_FAULTS[node.fault]}"
        if number == 0:
            continue
        step = node.clock.max_step_ns
        if step is not None and abs(step) / 1e6 > methodology.limits.clock_step_ms:
            limit = f"the limit is {methodology.limits.clock_step_ms:g} ms"
            yield f"the clock of node {node.name} stepped by {step / 1e6:.1f} ms, {limit}"
        for when, certificate in (("before", node.calibration.before), ("after", node.calibration.after)):
            place = f"{when} the round, on node {node.name}"
            yield from _calibration_faults(place, certificate, methodology.calibration)


_SPANS_SHOWN = 5


def _cut_off(table: WindowTable) -> Iterator[str]:
    """Requests that were planned and never sent, by their numbers. Where several processes share a window
    and are stopped, those that one never began may lie below those that another sent."""
    recorded, planned = sum(table.outcomes.values()), table.header.load.planned
    sent = recorded - len(table.unsent)
    if sent >= planned:
        return
    said = f"cut off: {sent} of {planned} planned requests were sent"
    if table.header.origin == "measured":  # an import's own numbers are not known
        spans = [*joined(table.unsent), *([(recorded, planned - 1)] if recorded < planned else [])]
        words = [f"{first}" if first == last else f"{first}–{last}" for first, last in spans[:_SPANS_SHOWN]]
        more = f" and {len(spans) - _SPANS_SHOWN} more spans" if len(spans) > _SPANS_SHOWN else ""
        said += f"; missing: {', '.join(words)}{more}"
    yield said


def joined(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Rising numbers as spans (first, last) of neighbours."""
    for _, run in itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        yield found[0], found[-1]


def _calibration_faults(when: str, certificate: Certificate | None, rules: CalibrationRules) -> Iterator[str]:
    if certificate is None:
        if rules.required:
            yield f"no calibration certificate from {when}"
        return
    for reason in refusals(
        certificate,
        token_p99_ms=rules.token_error_p99_ms,
        ttft_p99_ms=rules.ttft_error_p99_ms,
        lag_p99_ms=rules.lag_p99_ms,
    ):
        yield f"calibration {when}: {reason}"


Estimator: TypeAlias = Callable[[Sequence[Sample]], Sequence[Numbers]]
Fetch: TypeAlias = Callable[[Iterable[Evidence]], None]
"""Told of the windows whose tables are about to be read, one after another."""


def estimate_each(samples: Sequence[Sample]) -> list[Numbers]:
    """The numbers of each sample, made anew; the tables of one at a time are held."""
    return [_numbers_of(sample) for sample in samples]


def _numbers_of(sample: Sample) -> Numbers:
    tables = [item.table for item in sample.windows]
    ranked = [figure for figure in FIGURES if figure.name in sample.ranked]
    return Numbers(
        estimate_figures(tables, sample.rules, day_seconds=sample.day_seconds, prices=sample.prices),
        {figure.name: _value_by_round(tables, figure) for figure in ranked},
        _first_gaps(tables, sample.early_gap_paces_min),
    )


def _first_gaps(tables: Iterable[WindowTable], early_gap_paces_min: float | None) -> tuple[int, int]:
    if early_gap_paces_min is None:
        return 0, 0
    waits = [wait for table in tables for wait in table.values["first_gap_paces"]]
    return sum(wait >= early_gap_paces_min for wait in waits), len(waits)


def build_rows(
    evidence: Iterable[Evidence],
    providers: Mapping[str, Provider],
    methodologies: Mapping[str, Methodology],
    *,
    now_unix_ns: int,
    against: Callable[[Row], Iterable[str]] | None = None,
    withheld: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    estimate: Estimator = estimate_each,
    groups: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Row, ...]:
    """Every row of the board, ranked where the rules allow; in the order of their ids.

    ``against``: why a row's history keeps it from being ranked, as :func:`fairlead.life.objections` says it.
    ``withheld``: why a provider's rows are not ranked for whose they are, by its id, as governance has it.
    ``estimate``: the numbers of many samples, all at once; it may know some of them from before.
    ``groups``: the head of each organisation's company group; one that is not in it is its own.

    Windows that state no methodology of ours, as imported ones, are summarised by the latest one.
    Without any methodology there is no number to work by, and so no row.
    """
    if not methodologies:
        return ()
    gathered: dict[tuple[Family, str, str, Origin, str | None, str], list[Evidence]] = {}
    for item in evidence:
        head = item.head
        family = Family(head.model, item.scenario, head.vantage, head.methodology)
        submission = None if item.origin is Origin.NEUTRAL else item.folder
        key = (family, head.provider, head.endpoint, item.origin, submission, head.role)
        gathered.setdefault(key, []).append(item)
    samples = []
    for (family, provider, endpoint, *_), items in gathered.items():
        items.sort(key=lambda item: (item.head.start_unix_ns, item.path))
        prices = cost.prices_of(providers.get(provider), endpoint, family.model)
        samples.append(_sample_of(items, methodology_of(methodologies, family.methodology), prices))
    families: dict[Family, list[Row]] = {}
    for (known, items), numbers in zip(gathered.items(), estimate(samples), strict=True):
        family, provider, endpoint, origin, submission, _ = known
        row = _build_row(family, provider, endpoint, origin, submission, items, numbers)
        reasons = _ineligible(row, providers.get(provider), methodologies, now_unix_ns)
        reasons += tuple(against(row)) if against is not None else ()
        reasons += withheld.get(provider, ())
        families.setdefault(family, []).append(dataclasses.replace(row, unranked=reasons))
    ranked = [
        row
        for family, rows in families.items()
        for row in _rank_family(
            _one_per_group(rows, providers, groups), methodology_of(methodologies, family.methodology)
        )
    ]
    return tuple(sorted(ranked, key=lambda row: row.id))


def methodology_of(methodologies: Mapping[str, Methodology], version: str | None) -> Methodology:
    """The stated version where it is known, else the latest. Needs at least one."""
    if version is not None and version in methodologies:
        return methodologies[version]
    return methodologies[max(methodologies, key=_version_order)]


def _version_order(version: str) -> tuple[list[int], bool, str]:
    """0.9.0 < 0.10.0-rc < 0.10.0."""
    release, _, candidate = version.partition("-")
    numbers = [int(part) if part.isdecimal() else -1 for part in release.split(".")]
    return numbers, not candidate, candidate


def _sample_of(items: Sequence[Evidence], methodology: Methodology, prices: Sequence[Price]) -> Sample:
    return Sample(
        windows=tuple(item for item in items if not item.invalid),
        rules=interval_rules(methodology),
        day_seconds=methodology.day_seconds,
        prices=tuple(prices),
        ranked=tuple(figure.name for figure in FIGURES if figure.name in methodology.ranking.metrics),
        early_gap_paces_min=methodology.smoothness.early_gap_paces_min if methodology.smoothness else None,
    )


def _build_row(
    family: Family,
    provider: str,
    endpoint: str,
    origin: Origin,
    submission: str | None,
    items: Sequence[Evidence],
    numbers: Numbers,
) -> Row:
    counted: dict[Outcome, int] = {}
    for item in items:
        if not item.invalid:
            for outcome, count in item.head.outcomes.items():
                counted[outcome] = counted.get(outcome, 0) + count
    return Row(
        family=family,
        provider=provider,
        endpoint=endpoint,
        origin=origin,
        evidence=tuple(items),
        figures=numbers.figures,
        outcomes={outcome: counted[outcome] for outcome in Outcome if outcome in counted},
        unranked=(),
        ranks={},
        by_round=numbers.by_round,
        submission=submission,
        first_gaps=numbers.first_gaps,
    )


def interval_rules(methodology: Methodology) -> stats.IntervalRules:
    """What this version says of intervals."""
    stated = methodology.statistics.intervals
    if stated is None:
        return dataclasses.replace(INTERVALS, confidence=methodology.statistics.confidence)
    return stats.IntervalRules(
        confidence=methodology.statistics.confidence,
        stratum_windows_min=stated.stratum_windows_min,
        quantile_windows_min=tuple((rule.q, rule.windows) for rule in stated.quantile_windows_min),
        failure_correlation=stated.failure_correlation,
        failure_correlation_windows=stated.failure_correlation_windows,
    )


def estimate_figures(
    tables: Sequence[WindowTable],
    rules: stats.IntervalRules,
    *,
    day_seconds: int,
    prices: Sequence[Price] = (),
) -> dict[str, stats.Estimate]:
    """Every figure over these windows, in the order of :data:`FIGURES`. ``prices``: of the model there."""
    hours = [hour_of_day(table.start_unix_ns, day_seconds) for table in tables]
    requests = [table.requests for table in tables]
    successes = [table.successes for table in tables]
    found = {
        "system_throughput_tps": _throughput(tables, hours, rules),
        "success_rate": stats.share_estimate(successes, requests, strata=hours, rules=rules),
        **_costs(tables, hours, prices, rules),
    }
    for metric, is_adjusted in {(figure.metric, figure.is_adjusted): None for figure in FIGURES}:
        if metric is not None:
            found |= _quantiles(tables, metric, hours, rules, is_adjusted=is_adjusted)
    return {figure.name: found[figure.name] for figure in FIGURES}


def _quantiles(
    tables: Sequence[WindowTable],
    metric: str,
    hours: Sequence[int],
    rules: stats.IntervalRules,
    *,
    is_adjusted: bool,
) -> dict[str, stats.Estimate]:
    """Every figure that is a quantile of this metric; of one sample, so that it is sorted once."""
    made = [figure for figure in FIGURES if (figure.metric, figure.is_adjusted) == (metric, is_adjusted)]
    levels = [figure.q for figure in made if figure.q is not None]
    values = [table.values[metric] for table in tables]
    if is_adjusted:
        failures = [table.requests - table.successes for table in tables]
        found = stats.adjusted_quantile_estimates(
            values, levels, failures=failures, strata=hours, rules=rules
        )
    else:
        requests = [table.requests for table in tables]
        found = stats.quantile_estimates(values, levels, attempts=requests, strata=hours, rules=rules)
    return {figure.name: _finite(estimate) for figure, estimate in zip(made, found, strict=True)}


def _finite(estimate: stats.Estimate) -> stats.Estimate:
    """The same where it is a number; else the reason in its place, for no page and no JSON holds infinity."""
    if estimate.value is not None and not math.isfinite(estimate.value):
        reason = "infinite: so large a share failed"
        return dataclasses.replace(estimate, value=None, low=None, high=None, reason=reason)
    if estimate.high is not None and not math.isfinite(estimate.high):
        reason = "its interval has no upper end: so large a share may fail"
        return dataclasses.replace(estimate, low=None, high=None, reason=reason)
    return estimate


def _costs(
    tables: Sequence[WindowTable], hours: Sequence[int], prices: Sequence[Price], rules: stats.IntervalRules
) -> dict[str, stats.Estimate]:
    """Every figure of cost, over the windows that have a price and a bill."""
    spent = cost.row_cost([(table.start_unix_ns, table.bill) for table in tables], prices)
    given = [place for place, window in enumerate(spent.windows) if isinstance(window, cost.WindowCost)]
    strata = [hours[place] for place in given]
    n = sum(tables[place].requests for place in given)
    found = {}
    for name, figure in spent.figures.items():
        if isinstance(figure, cost.NoCost):
            found[name] = stats.Estimate(None, None, None, 0, 0, figure.reason)
        else:
            found[name] = stats.ratio_estimate(
                figure.numerators, figure.denominators, n=n, strata=strata, rules=rules
            )
    return found


def _throughput(
    tables: Sequence[WindowTable], hours: Sequence[int], rules: stats.IntervalRules
) -> stats.Estimate:
    values, strata, n = [], [], 0
    for table, hour in zip(tables, hours, strict=True):
        if not isinstance(table.throughput_tps, Undefined):
            values.append(table.throughput_tps)
            strata.append(hour)
            n += table.requests
    if not values:
        reasons = [
            table.throughput_tps.reason for table in tables if isinstance(table.throughput_tps, Undefined)
        ]
        usual = collections.Counter(reasons).most_common(1)
        return stats.Estimate(None, None, None, 0, 0, usual[0][0] if usual else "no valid window")
    return stats.mean_estimate(values, n=n, strata=strata, rules=rules)


def _ineligible(
    row: Row, provider: Provider | None, methodologies: Mapping[str, Methodology], now_unix_ns: int
) -> tuple[str, ...]:
    """Why a row cannot be ranked whatever its figures say."""
    reasons = list(ineligible_by_origin(row))
    version = row.family.methodology
    if row.origin is not Origin.IMPORTED and (version is None or version not in methodologies):
        reasons.append(f"methodology {version} is not known here" if version else "states no methodology")
    methodology = methodology_of(methodologies, version)
    reasons.extend(_ineligible_by_provider(provider, methodology))
    if not row.valid:
        reasons.append("no valid window")
    if age_state(row.last_unix_ns, now_unix_ns, methodology.ranking) is AgeState.EXPIRED:
        reasons.append(f"older than {methodology.ranking.stale_unranked_days} days")
    return tuple(reasons)


def ineligible_by_origin(row: Row) -> Iterator[str]:
    """Why a row cannot be ranked for who measured it, how, and what for."""
    if row.origin is Origin.IMPORTED:
        yield "imported from another tool: unregistered, without stamps, never ranked"
    elif row.origin is Origin.CLAIM:
        yield "claim: measured by the provider itself, never ranked"
    if any(item.head.dialect.endswith("-whole") for item in row.evidence):
        yield "not streamed: its first token comes with its last"
    if row.role == "control":
        yield "control endpoint: it shows the noise of the rounds"
    elif row.role == "smoke":
        yield "smoke test: it shows that the endpoint answers, no more"


def _ineligible_by_provider(provider: Provider | None, methodology: Methodology) -> Iterator[str]:
    if provider is None:
        yield "no entry of this provider"
    elif provider.status == "historical":
        yield "historical: known from an old record only"
    elif provider.status == "withdrawn":
        yield "withdrawn by its provider"
    elif provider.status == "reference":
        if methodology.day_seconds == REAL_DAY_SECONDS:  # a shorter day is a demonstration's
            yield "reference endpoint: of known timing, not a company"
    elif provider.benchmark_permission is None or not provider.benchmark_permission.granted:
        yield "no recorded permission to publish benchmarks"


def _one_per_group(
    rows: Sequence[Row], providers: Mapping[str, Provider], groups: Mapping[str, str]
) -> list[Row]:
    """Of one family, let one eligible row a company group stand: the first endpoint that a provider lists.

    The choice is made before any figure is looked at: a group that could put forward whichever of
    its endpoints did well would be ranked by its luck.
    """

    def place(row: Row) -> tuple[str, int, str]:
        entry = providers.get(row.provider)
        listed = [endpoint.id for endpoint in entry.endpoints] if entry else []
        order = listed.index(row.endpoint) if row.endpoint in listed else len(listed)
        return row.provider, order, row.endpoint

    standing: set[str] = set()
    result = []
    for row in sorted(rows, key=place):
        group = group_of(providers, row.provider, groups)
        if not row.unranked and group in standing:
            row = dataclasses.replace(row, unranked=("another endpoint of the same company group stands",))
        elif not row.unranked:
            standing.add(group)
        result.append(row)
    return result


def group_of(
    providers: Mapping[str, Provider], provider: str, heads: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The company group of a provider: the head of its organisation's, by ``heads``, else that, else
    itself. What is one's is not independent."""
    entry = providers.get(provider)
    if entry is None or entry.organisation is None:
        return provider
    return f"organisation {heads.get(entry.organisation, entry.organisation)}"


def _rank_family(rows: Sequence[Row], methodology: Methodology) -> Iterator[Row]:
    judged = [
        row if row.unranked else dataclasses.replace(row, unranked=tuple(too_few_successes(row, methodology)))
        for row in rows
    ]
    candidates = [row for row in judged if not row.unranked]
    ranks: list[dict[str, RankRange]] = [{} for _ in candidates]
    withheld = [early_first_chunks(row, methodology) for row in candidates]
    for figure in FIGURES:
        if figure.name in methodology.ranking.metrics:
            given = [
                number
                for number, row in enumerate(candidates)
                if row.figures[figure.name].value is not None and figure.name not in withheld[number]
            ]
            places = _places([candidates[number] for number in given], figure, methodology)
            for number, place in zip(given, places, strict=True):
                ranks[number][figure.name] = place
    yield from (row for row in judged if row.unranked)
    for row, by_figure, without in zip(candidates, ranks, withheld, strict=True):
        yield dataclasses.replace(row, ranks=by_figure, withheld=without)


def early_first_chunks(row: Row, methodology: Methodology) -> dict[str, str]:
    """The figures of TTFT with the reason, where the first chunk comes long before the rest; else empty.

    Who could rank by a chunk that is sent before there is a token would do so. The limits are those by which
    the pattern is stated as a finding.
    """
    limits = methodology.smoothness
    if limits is None:
        return {}
    early, replies = row.first_gaps
    if replies < limits.replies_min or early < limits.replies_share_min * replies:
        return {}
    reason = f"in {early} of {replies} replies the first chunk came long before the rest"
    return {figure.name: reason for figure in FIGURES if figure.metric == "ttft_ms"}


def too_few_successes(row: Row, methodology: Methodology) -> Iterator[str]:
    """Why a row cannot be ranked for its failures; nothing where the success rate is high enough."""
    success, least = row.figures["success_rate"], methodology.ranking.success_rate_min
    if success.value is None:
        ours = ": our own client failed in all of them" if row.outcomes.get(Outcome.CLIENT) else ""
        yield f"no request that counts{ours}"
    elif success.value < least:
        good = row.outcomes.get(Outcome.OK, 0)
        yield f"{good} of {success.n} requests succeeded, fewer than {least * 100:g} %"


def _places(rows: Sequence[Row], figure: Figure, methodology: Methodology) -> list[RankRange]:
    """The rank range of each row: behind those that paired rounds show to be better, ahead of the worse."""
    rules = methodology.statistics
    family = stats.compare_family(
        _by_round(rows, figure), rounds_min=rules.rounds_min, family_error=rules.family_error
    )
    better = family.lower if figure.better is Better.LOWER else family.lower.T  # better[i, j]: i than j
    ahead, behind = better.sum(axis=1), better.sum(axis=0)
    return [
        RankRange(1 + int(behind[place]), len(rows) - int(ahead[place]), len(rows))
        for place in range(len(rows))
    ]


def _by_round(rows: Sequence[Row], figure: Figure) -> stats.Floats:
    """A figure's values, rows by rounds; NaN where a row has none."""
    found = [row.by_round[figure.name] for row in rows]
    columns = {name: column for column, name in enumerate(sorted({name for one in found for name in one}))}
    values = np.full((len(rows), len(columns)), np.nan)
    for place, by_round in enumerate(found):
        values[place, [columns[name] for name in by_round]] = list(by_round.values())
    return values


def _value_by_round(tables: Iterable[WindowTable], figure: Figure) -> dict[str, float]:
    """One value a round: the first window that counts, so that repeating a window cannot help."""
    values: dict[str, float] = {}
    for table in tables:
        value = window_value(table, figure)
        if table.header.round is not None and value is not None:
            values.setdefault(table.header.round, value)
    return values


def window_value(table: WindowTable, figure: Figure) -> float | None:
    """A figure of one window; None where it has none of its own."""
    if figure.metric is not None and figure.q is not None:
        values = table.values[figure.metric]
        return stats.quantile(values, figure.q) if values else None
    if figure.name == "system_throughput_tps" and not isinstance(table.throughput_tps, Undefined):
        return table.throughput_tps
    return None
