"""Rows, windows and figures as a terminal shows them, and the same as JSON. Knows no page of the site.

The text is for people at 100 columns; the JSON carries the same numbers unrounded.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead import ranking, stats, usage
from fairlead.metrics import SteadyRules, Undefined, WindowTable, tabulate
from fairlead.problems import visible
from fairlead.repository import Repository
from fairlead.windows import Certificate, Outcome, Window

if TYPE_CHECKING:  # each command starts with what it shows, and no more
    from rich.table import Table

    from fairlead import explain, operating, simulate, verdict
    from fairlead.forgery import trials

# An ad hoc window belongs to no methodology; these are the first draft's rules.
AD_HOC_RULES = SteadyRules(requests_min=30, requests_per_stream_min=10, steady_e2e_medians_min=3)
AD_HOC_DISAGREEMENT_SHARE = 0.05

_WIDTH = 100


def format_value(name: str, value: float) -> str:
    """A figure as people read it: three significant digits, its unit taken from its name."""
    if name.endswith("_rate"):
        return f"{value:.2%}"
    unit = {"ms": "ms", "tps": "tok/s", "mtok": "USD/Mtok", "success": "USD"}.get(name.rpartition("_")[2], "")
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{digits} {unit}".rstrip()


def format_estimate(name: str, estimate: stats.Estimate) -> str:
    """A figure with its interval, or why there is none."""
    if estimate.value is None:
        return f"— ({estimate.reason})"
    if estimate.low is None or estimate.high is None:
        return format_value(name, estimate.value)
    low, high = format_value(name, estimate.low), format_value(name, estimate.high)
    return f"{format_value(name, estimate.value)} [{low.split(' ')[0]}–{high.split(' ')[0]}]"


def outcomes_text(outcomes: Mapping[Outcome, int]) -> str:
    """Failures by class, most first; ``none`` where there is none."""
    failures = sorted(
        ((count, outcome.value) for outcome, count in outcomes.items() if outcome is not Outcome.OK),
        reverse=True,
    )
    return ", ".join(f"{count} {outcome}" for count, outcome in failures) or "none"


def _render(*parts: str | Table) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None, highlight=False, markup=False)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _table(*columns: str, right: Sequence[int] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place in right else "left", no_wrap=place == 0)
    return table


# -- one window ----------------------------------------------------------------------------------


class WindowSummary:
    """What an ad hoc window says: its table, its figures, how far the chunks were apart, and the usage beside
    the count."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.table: WindowTable = tabulate(window, AD_HOC_RULES)
        self.figures = ranking.estimate_figures(
            [self.table], ranking.INTERVALS, day_seconds=ranking.REAL_DAY_SECONDS
        )
        self.usage = usage.examine(window, AD_HOC_DISAGREEMENT_SHARE)
        gaps = [gap / 1e6 for request in window.requests for gap in request.chunk_ns[1:]]
        self.icl_ms = {q: stats.quantile(gaps, q) for q in (0.5, 0.99)} if gaps else {}
        delays = self.table.schedule_delay_ms
        self.schedule_delay_p99_ms = stats.quantile(delays, 0.99) if delays else None


def summarise_window(window: Window) -> WindowSummary:
    """All that is shown of one window."""
    return WindowSummary(window)


def window_text(summary: WindowSummary, out: Path | None) -> str:
    """The summary of one window for people."""
    header, table = summary.window.header, summary.table
    figures = _table("figure", "value", "n", right=(1, 2))
    for figure in ranking.FIGURES:
        estimate = summary.figures[figure.name]
        figures.add_row(figure.label, format_estimate(figure.name, estimate), str(estimate.n))
    for q, value in summary.icl_ms.items():
        figures.add_row(f"ICL p{q * 100:g}", format_value("icl_ms", value), "")
    load = header.load
    seconds = (header.clock.duration_ns or 0) / 1e9
    how = (
        f"{load.concurrency} at once"
        if load.kind == "closed"
        else f"{load.rate_per_s:g} a second ({load.arrivals})"
    )
    lines = [
        f"{visible(header.api_model or header.model)}: {len(summary.window.requests)} of {load.planned} "
        f"requests, {how}, {seconds:.1f} s, stamps: {header.stamps}",
        f"failures: {outcomes_text(table.outcomes)}",
        *_schedule_lines(summary),
        "",
    ]
    tail = [] if out is None else ["", f"raw window: {out}"]
    return _render("\n".join(lines), figures, *_schedule_lines(summary), *_usage_lines(summary.usage), *tail)


def _usage_lines(found: usage.Usage | None) -> list[str]:
    """The usage of a window beside its count, and where its worst request stands in the raw window."""
    if found is None:
        return ["", "tokens: as the provider states them; --tokenizer FILE counts them"]
    said = usage.sentences(found)
    if found.worst is not None:
        said.append(f"furthest off is request {found.worst.i}, line {found.worst.i + 2} of the raw window")
    return ["", *(f"tokens: {sentence}" for sentence in said)]


def _schedule_lines(summary: WindowSummary) -> Iterator[str]:
    """How well an open loop kept its schedule, and what it had to wait for."""
    if summary.schedule_delay_p99_ms is None:
        return
    yield f"our own delay, scheduled to sent: p99 {summary.schedule_delay_p99_ms:.2f} ms"
    waits = summary.table.bound_wait_ms
    if waits:
        most = summary.window.header.load.concurrency
        yield (
            f"{len(waits)} requests came due while {most} were under way, and waited up to "
            f"{max(waits):,.0f} ms for one of them to end; that is in their latency"
        )


def window_json(summary: WindowSummary, out: Path | None, sha256: str) -> str:
    """The summary of one window for machines. ``sha256``: of the raw file, named only where it was kept."""
    return json.dumps({"schema_version": 1, **_window_json(summary, out, sha256)}, indent=2) + "\n"


def _window_json(summary: WindowSummary, out: Path | None, sha256: str) -> dict[str, Any]:
    header, table = summary.window.header, summary.table
    throughput = table.throughput_tps
    return {
        "api_model": header.api_model,
        "concurrency": header.load.concurrency,
        "rate_per_s": header.load.rate_per_s,
        "planned": header.load.planned,
        "requests": len(summary.window.requests),
        "outcomes": dict(table.outcomes),
        "figures": {name: _estimate_json(value) for name, value in summary.figures.items()},
        "icl_p50_ms": summary.icl_ms.get(0.5),
        "icl_p99_ms": summary.icl_ms.get(0.99),
        "throughput_undefined": throughput.reason if isinstance(throughput, Undefined) else None,
        "schedule_delay_p99_ms": summary.schedule_delay_p99_ms,
        "waited_for_the_bound": len(table.bound_wait_ms),
        "bound_wait_max_ms": max(table.bound_wait_ms, default=None),
        "lag_p99_ms": table.lag_p99_ms,
        "tokenizer_sha256": header.tokenizer_sha256,
        "usage": usage.as_data(summary.usage),
        "stamps": header.stamps,
        "start_unix_ns": header.clock.start_unix_ns,
        "duration_ns": header.clock.duration_ns,
        "raw": None if out is None else str(out),
        "raw_sha256": None if out is None else sha256,
    }


Measured = tuple[WindowSummary, Path | None, str]
"""A window's summary, where its raw file was kept, if it was, and that file's digest."""

_CURVE = ("system_throughput_tps", "output_speed_p50_tps", "ttft_p50_ms", "ttft_p95_ms", "success_rate")


def sweep_text(levels: Sequence[Measured]) -> str:
    """A sweep for people: one line a concurrency; what a window could not give, and why, below."""
    table = _table("at once", *(_label(name) for name in _CURVE), "n", right=range(7))
    remarks = []
    for summary, _, _ in levels:
        concurrency = summary.window.header.load.concurrency
        cells = []
        for name in _CURVE:
            estimate = summary.figures[name]
            cells.append("—" if estimate.value is None else format_value(name, estimate.value))
            if estimate.value is None:
                remarks.append(f"{concurrency} at once, {_label(name)}: {estimate.reason}")
        table.add_row(str(concurrency), *cells, str(len(summary.window.requests)))
        if summary.table.successes < len(summary.window.requests):
            remarks.append(f"{concurrency} at once, failures: {outcomes_text(summary.table.outcomes)}")
    kept = [f"raw window: {out}" for _, out, _ in levels if out is not None]
    lines = [line for part in (remarks, kept) if part for line in ("", *part)]
    return _render(table, *(["\n".join(lines)] if lines else []))


def sweep_json(levels: Sequence[Measured]) -> str:
    """A sweep for machines: each level as a window of its own is given."""
    return (
        json.dumps({"schema_version": 1, "levels": [_window_json(*level) for level in levels]}, indent=2)
        + "\n"
    )


def _estimate_json(estimate: stats.Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "windows": estimate.windows,
        "reason": estimate.reason,
    }


# -- the client's own error ----------------------------------------------------------------------


def certificates_text(certificates: Sequence[Certificate], trusted: int | None, limit_ms: float) -> str:
    """Certificates for people: one line each, errors as p50 / p99 in ms, late ones positive."""
    table = _table(
        "streams", "tokens", "missing", "token stamp", "TTFT", "gaps", "lag p99", "CPU per 1k", right=range(8)
    )
    for certificate in sorted(certificates, key=lambda one: one.load.concurrency or 0):
        table.add_row(
            f"{certificate.load.concurrency:,}",
            f"{certificate.tokens:,}",
            str(certificate.missing),
            *(
                f"{errors_ns[1] / 1e6:+.3f} / {errors_ns[3] / 1e6:+.3f}"
                for errors_ns in (
                    certificate.token_error_ns,
                    certificate.ttft_error_ns,
                    certificate.icl_error_ns,
                )
            ),
            "-" if certificate.lag_p99_ns is None else f"{certificate.lag_p99_ns / 1e6:.3f}",
            f"{certificate.cpu_ns_per_token / 1e3:.1f}",
        )
    shared = any(certificate.shared_core for certificate in certificates)
    lines = ["", "Errors of the client in ms, p50 / p99, against what the reference endpoint really wrote."]
    lines += [
        f"Open loop, {certificate.load.rate_per_s:g}/s {certificate.load.arrivals}: so many streams at most."
        for certificate in certificates
        if certificate.load.kind == "open"
    ]
    if shared:
        lines.append("Client and reference shared a core: the errors hold both.")
    if len(certificates) > 1:
        most = "not even one stream" if trusted is None else f"{trusted} streams"
        lines.append(f"Token stamps within {limit_ms:g} ms at p99: {most}.")
    return _render(table, "\n".join(lines))


def certificates_json(certificates: Sequence[Certificate], trusted: int | None, limit_ms: float) -> str:
    """Certificates for machines."""
    return (
        json.dumps(
            {
                "schema_version": 1,
                "limit_ms": limit_ms,
                "trusted_concurrency": trusted,
                "certificates": [msgspec.to_builtins(certificate) for certificate in certificates],
            },
            indent=2,
        )
        + "\n"
    )


# -- the board -----------------------------------------------------------------------------------


def rank_text(rows: Sequence[ranking.Row]) -> str:
    """The leaderboard for people: a block a family, ranked rows first, each unranked row with its reasons."""
    parts: list[str | Table] = []
    families = sorted({row.family for row in rows}, key=str)
    for family in families:
        inside = [row for row in rows if row.family == family]
        place = f"vantage {family.vantage}" if family.vantage else "no vantage recorded"
        method = f"methodology {family.methodology}" if family.methodology else "another tool's method"
        parts.append(f"{family.model}  {family.scenario}  {place}, {method}\n")
        parts.append(_ranked_table([row for row in inside if not row.unranked]))
        parts.append(_unranked_text([row for row in inside if row.unranked]))
        parts.extend(_finding_lines(inside))
    if not parts:
        return "No row: nothing has been measured or imported yet.\n"
    return _render(*parts)


def _ranked_table(rows: Sequence[ranking.Row]) -> str | Table:
    if not rows:
        return "  Nothing here is ranked.\n"
    names = max((list(row.ranks) for row in rows), key=len)
    table = _table("  provider", *(f"{_label(name)} (rank)" for name in names), "success")
    for row in sorted(rows, key=_first_rank):
        cells = [f"{format_estimate(name, row.figures[name])}\n{_rank(row, name)}" for name in names]
        success = row.figures["success_rate"]
        table.add_row(f"  {row.provider}/{row.endpoint}", *cells, format_estimate("success_rate", success))
    return table


def _finding_lines(rows: Sequence[ranking.Row]) -> list[str]:
    """Rows with figures that have no rank, or whose usage is a finding: with a raw file that shows it."""
    lines = []
    for row in rows:
        for reason, names in _withheld(row):
            lines.append(f"  {row.provider}/{row.endpoint}: no rank by {names}: {reason}")
        found = row.usage
        if found is not None and found.findings:
            shown = next(item.path for item in row.valid if item.usage and item.usage.worst == found.worst)
            lines.append(
                f"  {row.provider}/{row.endpoint} ({row.origin}): {'; '.join(usage.sentences(found))}"
            )
            lines.append(f"      evidence: {shown}")
    return [*lines, ""] if lines else []


def _withheld(row: ranking.Row) -> Iterator[tuple[str, str]]:
    """Each reason for which figures have no rank, and the figures by their labels."""
    for reason in dict.fromkeys(row.withheld.values()):
        named = [_label(name) for name, why in row.withheld.items() if why == reason]
        yield reason, named[0].split(" ")[0]


def _first_rank(row: ranking.Row) -> tuple[float, float, str]:
    rank = next(iter(row.ranks.values()), None)
    return (rank.best, rank.worst, row.id) if rank else (float("inf"), 0, row.id)


def _rank(row: ranking.Row, name: str) -> str:
    rank = row.ranks.get(name)
    return "no rank" if rank is None else rank.words


def _label(name: str) -> str:
    return _figure(name).label


def _figure(name: str) -> ranking.Figure:
    return next(figure for figure in ranking.FIGURES if figure.name == name)


def _unranked_text(rows: Sequence[ranking.Row]) -> str:
    lines = ["", "  not ranked:"] if rows else []
    reasons: dict[str, list[str]] = {}
    for row in rows:
        ttft = format_estimate("ttft_p50_ms", row.figures["ttft_p50_ms"])
        success = format_estimate("success_rate", row.figures["success_rate"])
        lines.append(f"  {row.provider}/{row.endpoint} ({row.origin}): TTFT p50 {ttft}, success {success}")
        if any(outcome is not Outcome.OK for outcome in row.outcomes):
            lines.append(f"      failures: {outcomes_text(row.outcomes)}")
        for reason in row.unranked:
            reasons.setdefault(reason, []).append(f"{row.provider}/{row.endpoint}")
    for reason, whom in reasons.items():
        who = "all of them" if len(whom) == len(rows) > 1 else ", ".join(dict.fromkeys(whom))
        lines.append(f"  because: {reason} ({who})")
    return "\n".join([*lines, ""])


def rank_json(rows: Sequence[ranking.Row], now: dt.datetime) -> str:
    """The leaderboard for machines."""
    return "".join(rank_json_parts(rows, now))


def rank_json_parts(rows: Sequence[ranking.Row], now: dt.datetime) -> Iterator[str]:
    """The same in parts, a row at a time: a large board is never in memory whole, as data and as text."""
    yield f'{{\n  "schema_version": 1,\n  "generated_at": "{now:%Y-%m-%dT%H:%M:%SZ}",\n  "rows": ['
    for place, row in enumerate(rows):
        # json's own indent takes twice as long; within a string there is no line feed
        text = msgspec.json.format(json.dumps(_row_json(row)), indent=2).replace("\n", "\n    ")
        yield f"{',' if place else ''}\n    {text}"
    yield "\n  ]\n}\n" if rows else "]\n}\n"


def _row_json(row: ranking.Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "model": row.family.model,
        "scenario": row.family.scenario,
        "vantage": row.family.vantage,
        "methodology": row.family.methodology,
        "provider": row.provider,
        "endpoint": row.endpoint,
        "origin": row.origin.value,
        "submission": row.submission,
        "figures": {name: _estimate_json(estimate) for name, estimate in row.figures.items()},
        "ranks": {
            name: {"best": rank.best, "worst": rank.worst, "of": rank.of} for name, rank in row.ranks.items()
        },
        "unranked": list(row.unranked),
        "withheld": ranking.withheld_of(row),
        "usage": usage.as_data(row.usage),
        "outcomes": {outcome.value: count for outcome, count in row.outcomes.items()},
        "windows": [
            {"path": item.path, "invalid": list(item.invalid), "usage": usage.as_data(item.usage)}
            for item in row.evidence
        ],
    }


# -- claims --------------------------------------------------------------------------------------


def claimable_figures(
    repository: Repository, submission: str
) -> list[tuple[str, str, str, dict[str, float]]]:
    """What a registered run measured, as (endpoint, model, scenario, {metric: value}).

    The metrics are those the methodology ranks by, and the success rate; an undefined one is left out.
    """
    from fairlead.evidence import measured_tables

    registration = repository.registrations[submission]
    methodology = repository.methodologies[registration.methodology.version]
    names = (*methodology.ranking.metrics, "success_rate")
    groups: dict[tuple[str, str, str], list[WindowTable]] = {}
    for scenario, table in measured_tables(repository, submission, methodology):
        key = (table.header.endpoint, table.header.model, scenario)
        groups.setdefault(key, []).append(table)
    result = []
    for (endpoint, model, scenario), tables in sorted(groups.items()):
        figures = ranking.estimate_figures(
            tables, ranking.interval_rules(methodology), day_seconds=methodology.day_seconds
        )
        values = {name: round(value, 4) for name in names if (value := figures[name].value) is not None}
        result.append((endpoint, model, scenario, values))
    return result


# -- one figure, taken apart -----------------------------------------------------------------------


def explanation_text(found: explain.Explanation) -> str:
    """The steps from raw files to a figure, for people."""
    estimate = ranking.sound(_figure(found.figure), found.estimate)
    parts = [
        f"{found.label} of {visible(found.row)}: {format_estimate(found.figure, estimate)}",
        *([] if found.withheld is None else [f"no rank: {found.withheld}"]),
        found.formula,
        "",
        f"{len(found.windows)} windows:",
    ]
    for step in found.windows:
        parts.append(f"  {step.path}")
        alone = "" if step.value is None else f", {format_value(found.figure, step.value)} by itself"
        parts.append(f"    {step.requests} requests, {step.successes} succeeded, {step.values} values{alone}")
        parts += [f"    not counted: {why}" for why in step.invalid]
    if found.lines:
        parts += ["", "lines behind it (of the unpacked file):"]
    for line in found.lines:
        value = "" if line.value is None else f"{format_value(found.figure, line.value)}: "
        parts.append(f"  {line.path}:{line.line}  {value}{visible(line.how)}")
    said = "agrees with" if found.agrees else "DIFFERS from"
    parts += ["", f"Every value was computed again from these files and {said} what is published."]
    return _render(*parts)


def explanation_json(found: explain.Explanation) -> str:
    """The steps from raw files to a figure, for machines."""
    from fairlead import explain

    return json.dumps({"schema_version": 1, **explain.as_data(found)}, indent=2) + "\n"


# -- verdicts ------------------------------------------------------------------------------------


def verdict_text(found: verdict.SubmissionVerdict) -> str:
    """The verdict on each claim of a submission, in sentences."""
    from fairlead import verdict

    parts = [f"{found.submission}", ""]
    if not found.claims:
        parts.append("No figure is claimed, so there is nothing to judge.")
    for each in found.claims:
        claim = each.claim
        row = f"{claim.endpoint} / {claim.model} / {claim.scenario}"
        kind = "" if claim.primary else ", beside the row's primary claim"
        parts += [f"{verdict.STATE_WORDS[each.state]}: {visible(row)}{kind}", f"  {visible(each.sentence)}"]
        parts += [f"  set aside: {visible(item.path)}: {visible(item.reason)}" for item in each.set_aside]
        parts += [f"  no figure: {visible(item.path)}: {visible(item.reason)}" for item in each.lost]
    if found.claims:
        sure = "No further window can change the state of a row."
        parts += ["", sure if found.is_certain else "More windows may decide what is open."]
    return _render(*parts)


def verdict_json(found: verdict.SubmissionVerdict) -> str:
    """The same for machines."""
    from fairlead import verdict

    document = {
        "schema_version": 1,
        "submission": found.submission,
        "certain": found.is_certain,
        "claims": [verdict.as_data(each) for each in found.claims],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


# -- simulations ---------------------------------------------------------------------------------


def cell_line(cell: simulate.Cell) -> str:
    """One cell of the table of coverage on a line for people."""
    if cell.coverage is None or cell.coverage_error is None:
        said = "withheld, always"
    else:
        said = f"holds {cell.coverage:6.1%} ± {cell.coverage_error:.1%}"
        if cell.width is not None:
            said += f", {cell.width:.2f} x the oracle's width"
        elif cell.width_points is not None:
            said += f", {cell.width_points:.2f} points wide"
        if cell.withheld:
            said += f", withheld {cell.withheld:.1%}"
    verdict = f"  {cell.fault}" if cell.fault else ""
    return f"{cell.figure:<26} {cell.world.words:<50} {said}{verdict}"


def boards_line(boards: simulate.Boards) -> str:
    """One kind of board on a line for people."""
    said = f"equal rows told apart in {boards.wrong:.1%} ± {boards.wrong_error:.1%}"
    if boards.found is not None:
        said += f", the lower one found in {boards.found:.1%} ± {boards.found_error:.1%}"
    return f"{boards.words:<66} {said}{f'  {boards.fault}' if boards.fault else ''}"


def operating_line(cell: operating.Cell) -> str:
    """One cell of the verdict's operating characteristics on a line for people."""
    said = f"reproduced {cell.reproduced:6.1%}, not {cell.not_reproduced:6.1%}, {cell.windows:4.1f} windows"
    fault = f"  {cell.fault}" if cell.fault else ""
    return f"{cell.conduct:<44} {cell.world.words:<66} {said}, wrong {cell.wrong:.1%}{fault}"


def trial_line(trial: trials.Trial) -> str:
    """What became of the submissions of one kind, on a line for people."""
    codes = ", ".join(f"{code} {count}" for code, count in trial.by_code.items())
    said = f"named {trial.named:,} of {trial.submissions:,} ({trial.low:.1%} to {trial.high:.1%})"
    wanted = "" if trial.is_honest else f"  by {trial.code}" if trial.code else "  no file is sure to show it"
    fault = f"  {trial.fault}" if trial.fault else ""
    return f"{trial.kind:<28} {said:<40} {codes}{wanted}{fault}"


def simulation_json(command: str, methodology: str, rules: Mapping[str, Any], results: Sequence[Any]) -> str:
    """Cells, boards or trials with the command that makes them anew; shares to four digits."""
    document = {
        "schema_version": 1,
        "command": command,
        "methodology": methodology,
        "rules": rules,
        "results": [_rounded(dataclasses.asdict(result)) | {"fault": result.fault} for result in results],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    """Infinity, which JSON lacks, as a word."""
    return {
        name: "infinite" if value == math.inf else round(value, 4) if isinstance(value, float) else value
        for name, value in fields.items()
    }
