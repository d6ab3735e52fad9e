"""MLPerf Endpoints' reports: refused, and why. Knows no file.

Its public documents (github.com/mlcommons/endpoints, November 2026) describe a summary of a whole run
(``result_summary.json``, ``final_snapshot.json``) and a log of events (``events.jsonl``).
"""

from __future__ import annotations

from fairlead.imports.runs import METRICS, LeftOut, Tool

_SUMMARY = (
    "the summary holds distributions over the whole run, in which failed requests stand beside good ones, "
    "and no single request"
)
_EVENTS = "the log of events names neither its own form nor the tool's version"

MLPERF_ENDPOINTS = Tool(
    name="mlperf-endpoints",
    title="MLPerf Endpoints",
    known="none",
    files=(),
    proven="no file of the tool is read",
    lines=tuple(LeftOut(metric, f"{_SUMMARY}; {_EVENTS}") for metric in METRICS),
    refusal=(
        "its results are not imported: the summary of a run holds no single request; the log of events "
        "states no version of its form, which its own documents and source describe differently; and no "
        "release of the tool is in a package index, so that nothing could be tested on files that it wrote"
    ),
)
