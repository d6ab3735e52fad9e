"""Published figures against raw requests. Measures nothing, and ranks nobody.

The LLMPerf leaderboard published 304 figures and, later, its raw requests. The audit asks of each figure
whether the raw requests give it, to as many digits as were published; the record, what those requests can
bear at all: which runs could be ranked by the board's rules, and which differences stand.
"""

from fairlead.audit.comparison import AuditReport, Figure, Run, ThroughputField, audit_published
from fairlead.audit.record import Record, make_record, read_record, write_record
from fairlead.audit.render import render_text, report_json
from fairlead.audit.sources import is_of_record
from fairlead.audit.verdicts import render_record

__all__ = [
    "AuditReport",
    "Figure",
    "Record",
    "Run",
    "ThroughputField",
    "audit_published",
    "is_of_record",
    "make_record",
    "read_record",
    "render_record",
    "render_text",
    "report_json",
    "write_record",
]
