"""From the windows of a submission to its findings, by its methodology. Knows no file and no page."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from fairlead import fidelity
from fairlead.integrity import clocks, copies, series
from fairlead.integrity.finding import TESTS, Finding, IntegrityRules
from fairlead.integrity.series import Beside, Planned
from fairlead.integrity.traces import Trace, observe
from fairlead.metrics import ttft_ns
from fairlead.model import Methodology, Registration, scenario_of
from fairlead.windows import Header, Window


class Group(NamedTuple):
    """Windows that are looked at together."""

    provider: str
    endpoint: str
    model: str
    scenario: str


def group_of(path: str, header: Header) -> Group | None:
    """The group of a window; None where its name does not state its scenario."""
    scenario = scenario_of(path, header.model)
    return None if scenario is None else Group(header.provider, header.endpoint, header.model, scenario)


def limits(methodology: Methodology | None) -> IntegrityRules | None:
    """What a methodology version says of findings; None for an early draft that says nothing."""
    if methodology is None or methodology.integrity is None:
        return None
    return IntegrityRules(**msgspec.structs.asdict(methodology.integrity))


def trace_of(methodologies: Mapping[str, Methodology], path: str, window: Window) -> Trace:
    """The trace of a claim's window, by the methodology that it was measured under."""
    named = window.header.methodology
    methodology = methodologies.get(named.version) if named is not None else None
    scenario = scenario_of(path, window.header.model)
    asked = fidelity.workload_of(methodology, scenario) if methodology and scenario else None
    return observe(path, window, asked, limits(methodology))


def beside_of(window: Window) -> Beside:
    """What a neutral window says of its endpoint."""
    header, requests = window.header, window.requests
    ttfts = [ttft_ns(request, header.load.kind) for request in requests]
    return Beside.of(
        header.clock.start_unix_ns,
        collections.Counter(request.outcome for request in requests),
        [ttft / 1e6 for ttft in ttfts if ttft is not None],
    )


def findings(
    traces: Mapping[Group, Sequence[Trace]],
    registration: Registration | None,
    methodology: Methodology | None,
    neutral: Mapping[Group, Sequence[Beside]],
) -> list[Finding]:
    """Everything that the windows of one submission show, each by itself and together."""
    found = [finding for group in traces.values() for trace in group for finding in trace.findings]
    rules = limits(methodology)
    if rules is None:
        return found
    plans: dict[tuple[str, str, str], list[Planned]] = collections.defaultdict(list)
    for index, planned in enumerate(registration.windows if registration else ()):
        key = (planned.endpoint, planned.model, planned.scenario)
        plans[key].append(Planned(index, planned.not_before))
    for group, windows_of_group in traces.items():
        found += examine(
            windows_of_group,
            rules,
            groups=len(traces),
            plan=plans[group.endpoint, group.model, group.scenario],
            neutral=neutral.get(group, ()),
        )
    return found


def examine(
    traces: Sequence[Trace],
    rules: IntegrityRules,
    *,
    groups: int = 1,
    plan: Sequence[Planned] = (),
    neutral: Sequence[Beside] = (),
) -> tuple[Finding, ...]:
    """What the windows of one endpoint, model and scenario of a submission show together.

    Args:
        traces: of its measured windows.
        rules: of their methodology.
        groups: endpoints x models x scenarios of the submission, which share its false alarms.
        plan: the registered windows of this group.
        neutral: the board's own windows of the same endpoint, model and scenario; without them failures are
            not judged, and hours by the claim's own other days.
    """
    traces = sorted(traces, key=lambda trace: (trace.start_unix_ns, trace.path))
    if not traces:
        return ()
    limit = rules.false_alarm_share / (len(TESTS) * max(groups, 1))
    return (
        *copies.copied(traces, rules),
        *copies.similar(traces, rules, limit),
        *copies.repeated_texts(traces, rules),
        *clocks.grid(traces, rules, limit),
        *clocks.digits(traces, rules, limit),
        *clocks.wire(traces, rules, limit),
        *series.spread(traces, limit),
        *series.hours(traces, plan, neutral, limit),
        *series.failures(traces, neutral, limit),
    )
