"""The windows that a row rests on, and whether each of them counts. Knows no figure and no rank."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead import stats
from fairlead.measure.certificate import beyond, refusals
from fairlead.metrics import Undefined, WindowTable, charged, succeeded
from fairlead.model import CalibrationRules, Methodology
from fairlead.usage import Usage
from fairlead.windows import Certificate, Header, NodeFault, Outcome

if TYPE_CHECKING:
    from fairlead.fidelity import Answers
    from fairlead.smoothness import Replies


class Origin(enum.StrEnum):
    """Who measured. Only ``neutral`` is ranked."""

    NEUTRAL = "neutral"
    CLAIM = "claim"
    IMPORTED = "imported"


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

    @property
    def requests(self) -> int:
        """See :func:`fairlead.metrics.charged`."""
        return charged(self.outcomes)

    @property
    def successes(self) -> int:
        """See :func:`fairlead.metrics.succeeded`."""
        return succeeded(self.outcomes)

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


def methodology_of(methodologies: Mapping[str, Methodology], version: str | None) -> Methodology:
    """The stated version where it is known, else the latest. Needs at least one."""
    if version is not None and version in methodologies:
        return methodologies[version]
    return methodologies[max(methodologies, key=version_order)]


def version_order(version: str) -> tuple[tuple[int, ...], bool, str, int]:
    """0.9.0 < 0.10.0-rc < 0.10.0-rc2 < 0.10.0-rc10 < 0.10.0."""
    release, _, candidate = version.partition("-")
    numbers = tuple(int(part) if part.isdecimal() else -1 for part in release.split("."))
    name = candidate.rstrip("0123456789")
    return numbers, not candidate, name, int(candidate[len(name) :] or 0)
