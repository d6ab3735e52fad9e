"""An audit as text for people and as JSON for machines. Computes nothing but widths."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from fairlead.audit.comparison import AuditReport, Figure, Run
from fairlead.audit.readings import CUT_OFF, NEXT_HIGHER, READINGS
from fairlead.problems import visible

REPORT_SCHEMA_VERSION = 1
WIDTH = 100  # columns


def render_text(report: AuditReport) -> str:
    """The report for people, at most 100 columns wide."""
    parts = [
        _render_readings(report),
        _render_differences(report),
        _render_runs(report),
        _render_field(report),
    ]
    return "\n\n".join(part for part in [*parts, _closing(report)] if part) + "\n"


def _render_readings(report: AuditReport) -> str:
    lines = ["Readings of the raw requests, and how many published figures each gives", ""]
    for score in report.readings:
        mark = "*" if score.reading is READINGS[score.metric][0] else " "
        reading = f"{score.reading.id:<20}  {score.reading.label:<40}"
        lines.append(f"{mark} {score.metric:<19}  {reading}  {score.given} of {score.figures}")
    return "\n".join([*lines, "", "* gives most of its metric: every figure is held against this one"])


def _render_differences(report: AuditReport) -> str:
    if not report.differences:
        return ""
    lines = ["Published figures that the raw data does not give"]
    for (provider, model), figures in _by_run(report.differences).items():
        lines += ["", f"{_cut(provider, 40)} · {_cut(model, 50)}"]
        lines.append(
            f"  {'metric':<19}  {'':<6}  {'published':>9}  {'raw gives':>9}  {'difference':>17}  given by"
        )
        lines += map(_render_figure, figures)
    legend = f"given by: another reading; {CUT_OFF}: not rounded; {NEXT_HIGHER}: a quantile not interpolated"
    return "\n".join([*lines, "", legend])


def _render_figure(figure: Figure) -> str:
    row = figure.published
    digits = len(row.value.partition(".")[2]) + 2
    raw = "nothing" if figure.raw is None else f"{figure.raw:.{digits}f}"
    difference = "" if figure.difference is None else _difference(figure.difference, figure.raw, digits)
    numbers = f"{row.value:>9}  {raw:>9}  {difference:>17}"
    return f"  {row.metric:<19}  {row.statistic:<6}  {numbers}  {figure.given_by or '-'}"


def _difference(difference: float, raw: float | None, digits: int) -> str:
    share = f" ({difference / raw:+.0%})" if raw else ""
    return f"{difference:+.{digits}f}{share}"


def _render_runs(report: AuditReport) -> str:
    lines = ["What the published table left out", ""]
    lines.append(
        f"  {'run':<32}  {'day':<10}  {'requests':>8}  {'failed':>6}  {'share':>6}  {'left':>5}  classes"
    )
    for run in report.runs:
        counts = (
            f"{run.requests:>8}  {run.failed:>6}  {run.failure_share:>6.1%}  {run.requests - run.failed:>5}"
        )
        notes = [f"{count} {name}" for name, count in run.failures.items()]
        if run.planned != run.requests:
            notes.append(f"{run.planned} started")
        if not run.figures:
            notes.append("not in the table")
        line = f"  {_run_name(run)}  {run.day}  {counts}  "
        first, *rest = notes or [""]
        lines += [(line + first).rstrip(), *(" " * len(line) + more for more in rest)]
    days = sorted({run.day for run in report.runs})
    if len(days) > 1:
        lines += [
            "",
            f"The runs are of {len(days)} different days, {days[0]} to {days[-1]}, not side by side.",
        ]
    return "\n".join(lines)


def _render_field(report: AuditReport) -> str:
    fields = [(run, run.field) for run in report.runs if run.field]
    if not fields:
        return ""
    lines = [
        "The raw throughput field beside tokens / E2E, as medians of successes in tokens/s: two readings",
        "of one record. `implied`: the tokens an answer would have by the field, against those recorded",
        "",
        f"  {'run':<32}  {'tokens/E2E':>10}  {'field':>7}  {'recorded':>8}  {'implied':>7}  {'worst':>16}",
    ]
    for run, field in fields:
        worst = f"{field.worst_factor:.2f}x (i {field.worst_i})"
        lines.append(
            f"  {_run_name(run)}  {field.tokens_per_e2e_median_tps:>10.2f}  {field.field_median_tps:>7.2f}"
            f"  {field.tokens_median:>8.0f}  {field.implied_tokens_median:>7.0f}  {worst:>16}"
        )
    return "\n".join(lines)


def _closing(report: AuditReport) -> str:
    off, total = report.differences, len(report.figures)
    explained = sum(figure.given_by is not None for figure in off)
    lines = []
    if report.problems:
        lines.append(f"{len(report.problems)} problems: the rows and requests they name were left out.")
    if off:
        lines.append(
            f"{explained} of these {len(off)} come out in another way, {len(off) - explained} in none."
        )
    lines.append(f"{len(off)} of {total} published figures are not what the raw data gives.")
    return "\n".join(lines)


def _by_run(figures: Iterable[Figure]) -> dict[tuple[str, str], list[Figure]]:
    groups: dict[tuple[str, str], list[Figure]] = {}
    for figure in figures:
        groups.setdefault((figure.published.provider, figure.model), []).append(figure)
    return dict(sorted(groups.items()))


def _run_name(run: Run) -> str:
    return f"{_cut(f'{run.provider} · {run.model}', 32):<32}"


def _cut(text: str, width: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def report_json(report: AuditReport) -> dict[str, Any]:
    """The report for machines: every figure, given or not, with what the raw requests give."""
    explained = sum(figure.given_by is not None for figure in report.differences)
    return {
        "schema_version": REPORT_SCHEMA_VERSION,
        "counts": {
            "figures": len(report.figures),
            "differences": len(report.differences),
            "differences_given_another_way": explained,
            "problems": len(report.problems),
        },
        "readings": [
            {"metric": score.metric, "id": score.reading.id, "label": score.reading.label,
             "given": score.given, "figures": score.figures}
            for score in report.readings
        ],
        "figures": [_figure_json(figure) for figure in report.figures],
        "runs": [_run_json(run) for run in report.runs],
        "problems": [dataclasses.asdict(problem) for problem in report.problems],
    }  # fmt: skip


def _figure_json(figure: Figure) -> dict[str, Any]:
    row = figure.published
    return {
        "line": row.line,
        "provider": row.provider,
        "model": figure.model,
        "metric": row.metric,
        "statistic": row.statistic,
        "published": row.value,
        "raw": figure.raw,
        "difference": figure.difference,
        "is_given": figure.is_given,
        "given_by": figure.given_by,
    }


def _run_json(run: Run) -> dict[str, Any]:
    return {
        "provider": run.provider,
        "model": run.model,
        "api_model": run.api_model,
        "window": run.path,
        "day": run.day.isoformat(),
        "planned": run.planned,
        "requests": run.requests,
        "failed": run.failed,
        "failure_share": run.failure_share,
        "failures": dict(run.failures),
        "figures": run.figures,
        "throughput_field": dataclasses.asdict(run.field) if run.field else None,
    }
