"""What the raw requests of a claim show to an auditor, as problems. Knows no test and no limit of its own.

Contradictions are errors; what hardly happens in an honest run is a warning, with its numbers.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from fairlead import fidelity, integrity
from fairlead.documents import problem_of
from fairlead.integrity import Beside, Finding, IntegrityRules, Planned, Trace
from fairlead.metrics import ttft_ns
from fairlead.model import Methodology, Registration, scenario_of
from fairlead.problems import Problem, Severity
from fairlead.repository import Repository
from fairlead.rules import RULES
from fairlead.windows import Header, Outcome, Window

_SHOWN = 8

_FIXES = {
    Severity.ERROR: "restore the file as it was sealed; raw data is never edited",
    Severity.WARNING: "nothing, if the run was honest: the finding is shown beside the claim",
}


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


def trace_of(repository: Repository, path: str, window: Window) -> Trace:
    """The trace of a claim's window, by the methodology that it was measured under."""
    methodology = _methodology(repository, window.header)
    scenario = scenario_of(path, window.header.model)
    asked = fidelity.workload_of(methodology, scenario) if methodology and scenario else None
    return integrity.observe(path, window, asked, limits(methodology))


def _methodology(repository: Repository, header: Header) -> Methodology | None:
    return repository.methodologies.get(header.methodology.version) if header.methodology else None


def beside_of(window: Window) -> Beside:
    """What a neutral window says of its endpoint."""
    requests, kind = window.requests, window.header.load.kind
    ttfts = sorted(ttft for ttft in (ttft_ns(request, kind) for request in requests) if ttft is not None)
    return Beside(
        start_unix_ns=window.header.clock.start_unix_ns,
        requests=sum(request.outcome is not Outcome.CLIENT for request in requests),
        failures=sum(request.outcome not in (Outcome.OK, Outcome.CLIENT) for request in requests),
        ttft_ms=ttfts[len(ttfts) // 2] / 1e6 if ttfts else None,
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
        found += integrity.examine(
            windows_of_group,
            rules,
            groups=len(traces),
            plan=plans[group.endpoint, group.model, group.scenario],
            neutral=neutral.get(group, ()),
        )
    return found


def problems_of(found: Sequence[Finding]) -> Iterator[Problem]:
    """Findings as problems, each at its first request."""
    for finding in found:
        fix = _FIXES[RULES[finding.code].severity]
        line = finding.requests[0] + 2 if finding.requests else 1
        yield problem_of(
            finding.path, finding.code, finding.words + requests_shown(finding), line=line, fix=fix
        )


def requests_shown(finding: Finding) -> str:
    """The numbers of the requests, or of the first of them, to stand behind the words."""
    if not finding.requests:
        return ""
    shown = ", ".join(map(str, finding.requests[:_SHOWN]))
    rest = len(finding.requests) - _SHOWN
    noun = "request" if len(finding.requests) == 1 else "requests"
    return f"; {noun} {shown}" + (f" and {rest:,} more" if rest > 0 else "")
