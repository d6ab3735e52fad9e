"""Raw requests as an auditor looks at them: what cannot be, and what hardly can. Knows no file and no page.

:func:`observe` looks at one window and keeps its trace; :func:`examine` looks at all windows of one endpoint,
model and scenario of a submission. A finding says what was seen, with its numbers. It is no verdict: honest
runs cause one now and then, as often as the methodology allows, and data drawn from a fitted distribution
cause none.
"""

from __future__ import annotations

from fairlead.integrity.claims import Group, beside_of, examine, findings, group_of, limits, trace_of
from fairlead.integrity.finding import TESTS, Finding, IntegrityRules
from fairlead.integrity.series import Beside, Planned
from fairlead.integrity.traces import Trace, body_sha256, certificate_misfits, observe

__all__ = [
    "TESTS",
    "Beside",
    "Finding",
    "Group",
    "IntegrityRules",
    "Planned",
    "Trace",
    "beside_of",
    "body_sha256",
    "certificate_misfits",
    "examine",
    "findings",
    "group_of",
    "limits",
    "observe",
    "trace_of",
]
