"""What the demo measured, beside what each endpoint is known to have done. Measures and ranks nothing."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from fairlead import ranking, report
from fairlead.demo.field import MODEL, SCENARIO, Contestant
from fairlead.measure.truth import LoggedRequest
from fairlead.metrics import WindowTable
from fairlead.model import Methodology
from fairlead.profile import hour_of_day
from fairlead.publish.findings import finding_rules, findings
from fairlead.verdict import State, SubmissionVerdict


def comparison(
    field: Sequence[Contestant], rows: Sequence[ranking.Row], known: Mapping[str, Mapping[str, float]]
) -> str:
    """A table: each endpoint's figures as measured in neutral rounds, beside what it is known to do."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("endpoint", "figure", "known", "measured", "95 % interval", "error", "claimed", "rank"):
        table.add_column(column, justify="left" if column in ("endpoint", "figure") else "right")
    for one in field:
        neutral = row_of(rows, one.provider, ranking.Origin.NEUTRAL)
        claim = row_of(rows, one.provider, ranking.Origin.CLAIM)
        for place, (name, truth) in enumerate(known[one.provider].items()):
            measured = neutral.figures[name]
            rank = neutral.ranks.get(name)
            table.add_row(
                "" if place else one.provider,
                next(figure.label for figure in ranking.FIGURES if figure.name == name),
                report.format_value(name, truth),
                report.format_value(name, measured.value),
                f"{report.format_value(name, measured.low)} – {report.format_value(name, measured.high)}",
                _difference(name, measured.value, truth),
                "" if claim is None else _claimed(one, name, claim),
                rank.words if rank else "",
            )
    console = Console(width=118, color_system=None, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def known_figures(log: Sequence[tuple[int, LoggedRequest]]) -> dict[str, float]:
    """What an endpoint did, by its own log: TTFT p50 and TPOT p50 in ms, success rate. ``log``: with hours.

    TTFT runs from a request's arrival to the first chunk that was written, TPOT over the chunks after it. The
    success rate is that of the mean hour, as the board gives it.
    """
    whole = [entry for _, entry in log if entry.fate == "ok" and entry.written_ns]
    hours = sorted({hour for hour, _ in log})
    fates = [[entry.fate == "ok" for hour, entry in log if hour == one] for one in hours]
    return {
        "ttft_p50_ms": statistics.median(entry.written_ns[0] - entry.received_ns for entry in whole) / 1e6,
        "tpot_p50_ms": statistics.median(
            (entry.written_ns[-1] - entry.written_ns[0]) / sum(entry.tokens[1:])
            for entry in whole
            if sum(entry.tokens[1:])
        )
        / 1e6,
        "success_rate": statistics.fmean(sum(fate) / len(fate) for fate in fates),
    }


def row_of(rows: Sequence[ranking.Row], provider: str, origin: ranking.Origin) -> Any:
    """The row of a provider; None where it has none."""
    return next((row for row in rows if row.provider == provider and row.origin is origin), None)


def _difference(name: str, measured: float, known: float) -> str:
    if name == "success_rate":
        points = round((measured - known) * 100, 1) + 0.0  # no minus before a difference of nothing
        return f"{points:+.1f} pt"
    return f"{measured - known:+.2f} ms"


def _claimed(one: Contestant, name: str, claim: ranking.Row) -> str:
    value = claim.figures[name].value
    if value is None:
        return ""
    if one.claims_share is not None and name.endswith("_ms"):
        value *= one.claims_share
    return report.format_value(name, value)


def rulings(
    field: Sequence[Contestant],
    rows: Sequence[ranking.Row],
    verdicts: Mapping[str, SubmissionVerdict],
    methodology: Methodology,
) -> Iterator[tuple[str, bool, list[str]]]:
    """Each provider, whether anything was found against it, and every sentence of the evidence."""
    rules = finding_rules(methodology)
    neutral = [row for row in rows if row.origin is ranking.Origin.NEUTRAL]
    found = findings(neutral, rules, intervals=ranking.interval_rules(methodology)) if rules else None
    for one in field:
        verdict = next((v for name, v in verdicts.items() if name.startswith(f"{one.provider}/")), None)
        row = row_of(rows, one.provider, ranking.Origin.NEUTRAL)
        if verdict is None or row is None:
            continue
        judged = verdict.rows["main", MODEL, SCENARIO]
        against = list(_failing(row, methodology))
        for each in found.rows if found else ():
            if each.row.provider == one.provider:
                against += [
                    f"{statement.words[0].upper()}{statement.words[1:]}." for statement in each.statements
                ]
        for finding in found.judgement.findings if found else ():
            if finding.provider == one.provider:
                score = finding.score
                what = finding.question.capitalize()
                against.append(f"{what}: {score.right} of {score.answered} replies are in order.")
        is_caught = judged.state is State.NOT_REPRODUCED or bool(against)
        yield one.provider, is_caught, [*([judged.sentence] if one.is_rerun else []), *against]


def _failing(row: ranking.Row, methodology: Methodology) -> Iterator[str]:
    """Why a row is not ranked, and in which hours of the day its requests failed."""
    yield from (f"Not ranked: {reason}." for reason in row.unranked)
    bad: dict[int, list[WindowTable]] = {}
    for item in row.valid:
        if item.table.successes < item.table.requests:
            hour = hour_of_day(item.table.start_unix_ns, methodology.day_seconds)
            bad.setdefault(hour, []).append(item.table)
    if bad:
        hours = ", ".join(map(str, sorted(bad)))
        failed = sum(table.requests - table.successes for tables in bad.values() for table in tables)
        windows = sum(map(len, bad.values()))
        yield f"{failed} requests failed, in {windows} windows, in these hours of the day: {hours}."
