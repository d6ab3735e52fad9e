"""Published figures against raw requests. Knows no ranking, no claim and no metric of the board's own.

The LLMPerf leaderboard published 304 figures and, later, its raw requests. The audit asks of each figure
whether the raw requests give it, to as many digits as were published.
"""

from fairlead.audit.comparison import AuditReport, Figure, Run, ThroughputField, audit_published
from fairlead.audit.render import render_text, report_json

__all__ = ["AuditReport", "Figure", "Run", "ThroughputField", "audit_published", "render_text", "report_json"]
