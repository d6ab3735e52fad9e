"""Raw requests as an auditor looks at them: what cannot be, and what hardly can. Knows no file and no page.

:func:`observe` looks at one window and keeps its trace; :func:`examine` looks at all windows of one endpoint,
model and scenario of a submission. A finding says what was seen, with its numbers. It is no verdict: honest
runs cause one now and then, as often as the methodology allows, and data drawn from a fitted distribution
cause none.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.integrity import clocks, copies, series
from fairlead.integrity.finding import TESTS, Finding, IntegrityRules
from fairlead.integrity.series import Beside, Planned
from fairlead.integrity.traces import Trace, body_sha256, certificate_misfits, observe

__all__ = [
    "TESTS",
    "Beside",
    "Finding",
    "IntegrityRules",
    "Planned",
    "Trace",
    "body_sha256",
    "certificate_misfits",
    "examine",
    "observe",
]


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
