"""From a published figure back to raw lines. Knows no rule of rank and no page.

Nothing is taken on trust: each window is read again from its file, each value is made again from its line,
and what comes out is held against what was published. A quantile is always a value that was observed, so
there is a line that holds it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import msgspec

from fairlead import metrics, stats
from fairlead.cost import COST_FIGURES
from fairlead.metrics import LoadKind, SteadyRules, Undefined
from fairlead.ranking import Figure, Row, withheld_of
from fairlead.windows import Outcome, Request, Window, digest

_LINES_SHOWN = 3
_SAME = 1e-9  # two roundings of one number


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A request that a figure rests on. ``line``: 1-based, in the unpacked file; ``how``: its arithmetic."""

    path: str
    line: int
    value: float | None
    how: str


@dataclasses.dataclass(frozen=True, slots=True)
class WindowStep:
    """What one window adds. ``invalid``: why it does not count, empty where it does.

    ``values``: how many of its requests give the figure; ``value``: the figure over this window alone, None
    where it gives none.
    """

    path: str
    sha256: str
    start_unix_ns: int
    requests: int
    successes: int
    values: int
    value: float | None
    invalid: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """A figure, taken apart. ``agrees``: what was published came out again from the files.

    ``withheld``: why it has no rank, or no sound interval, where the row has others.
    """

    row: str
    figure: str
    label: str
    formula: str
    estimate: stats.Estimate
    withheld: str | None
    windows: tuple[WindowStep, ...]
    lines: tuple[Line, ...]
    agrees: bool


Read = Callable[[str], tuple[bytes, Window]]
"""A path to the file's bytes and the window in them."""


def explain(row: Row, figure: Figure, read: Read, rules: SteadyRules) -> Explanation:
    """Every step from the raw files to one figure of a row. ``read`` is called once a window."""
    steps: list[WindowStep] = []
    lines: list[Line] = []
    agrees = True
    target = row.figures[figure.name].value
    for item in row.evidence:
        data, window = read(item.path)
        fresh = metrics.tabulate(window, rules)
        agrees = agrees and _same_table(fresh, item.table, figure)
        values = fresh.values.get(figure.metric or "", ())
        steps.append(
            WindowStep(
                path=item.path,
                sha256=digest(data),
                start_unix_ns=fresh.start_unix_ns,
                requests=fresh.requests,
                successes=fresh.successes,
                values=len(values),
                value=_window_value(fresh, figure),
                invalid=item.invalid,
            )
        )
        if not item.invalid:
            lines += _lines(item.path, window, figure, target)
    agrees = agrees and (figure.q is None or target is None or bool(lines))
    return Explanation(
        row=row.id,
        figure=figure.name,
        label=figure.label,
        formula=_formula(figure),
        estimate=row.figures[figure.name],
        withheld=withheld_of(row).get(figure.name),
        windows=tuple(steps),
        lines=tuple(lines[:_LINES_SHOWN] if figure.q is not None else lines),
        agrees=agrees,
    )


def _same_table(fresh: metrics.WindowTable, published: metrics.WindowTable, figure: Figure) -> bool:
    if figure.metric is not None:
        ours, theirs = fresh.values[figure.metric], published.values[figure.metric]
        same = len(ours) == len(theirs) and all(map(_same, ours, theirs))
        return same and (not figure.is_adjusted or fresh.outcomes == published.outcomes)
    if figure.name == "success_rate":
        return fresh.outcomes == published.outcomes
    if figure.name in COST_FIGURES:
        return fresh.bill == published.bill
    return fresh.throughput_tps == published.throughput_tps


def _same(ours: float, theirs: float) -> bool:
    return abs(ours - theirs) <= _SAME * max(abs(ours), abs(theirs))


def _window_value(table: metrics.WindowTable, figure: Figure) -> float | None:
    if figure.metric is not None and figure.q is not None:
        failed = table.requests - table.successes if figure.is_adjusted else 0
        values = [*table.values[figure.metric], *[math.inf] * failed]
        value = stats.quantile(values, figure.q) if values else math.inf
        return value if math.isfinite(value) else None
    if figure.name == "success_rate":
        return table.successes / table.requests if table.requests else None
    if figure.name in COST_FIGURES:
        return None  # a price is the provider's, not the window's
    throughput = table.throughput_tps
    return None if isinstance(throughput, Undefined) else throughput


def _lines(path: str, window: Window, figure: Figure, target: float | None) -> list[Line]:
    """The lines that the figure points at: those that hold a quantile's value; those that failed."""
    if figure.metric is not None and target is not None:
        metric, factor = metrics.REQUEST_METRICS[figure.metric]
        kind: LoadKind = window.header.load.kind
        found = []
        for place, request in enumerate(window.requests):
            value = metric(request, kind)
            if value is not None and _same(value * factor, target):
                how = _arithmetic(request, kind, figure.metric)
                found.append(Line(path, place + 2, value * factor, how))
        return found
    if figure.name == "success_rate":
        return [
            Line(path, place + 2, None, _failure(request))
            for place, request in enumerate(window.requests)
            if request.outcome not in (Outcome.OK, Outcome.CLIENT)
        ]
    return []


def _failure(request: Request) -> str:
    error = request.error
    return f"{request.outcome}: {error.message}" if error and error.message else str(request.outcome)


def _arithmetic(request: Request, kind: LoadKind, metric: str) -> str:
    """The metric of one request in the numbers of its line."""
    stated = {"ttft_ms": request.ttft_ns, "e2e_ms": request.e2e_ns}.get(metric)
    if stated is not None:
        return f"stated by its source: {stated:,} ns"
    if not request.chunk_ns:
        ends, after = (request.ttft_ns, request.e2e_ns), metrics.tokens_after_first_chunk(request)
        if metric not in ("tpot_ms", "output_speed_tps") or not after or None in ends:
            return ""
        return f"{ends[1]:,} ns - {ends[0]:,} ns, both stated by its source; {after:,} tokens after the first"
    start, first, span = metrics.start_ns(request, kind), request.chunk_ns[0], sum(request.chunk_ns[1:])
    if metric == "ttft_ms" and start is not None:
        return f"first content chunk {first:,} ns - start {start:,} ns = {first - start:,} ns"
    if metric == "e2e_ms" and start is not None:
        last = first + span
        return f"last content chunk {last:,} ns - start {start:,} ns = {last - start:,} ns"
    tokens = metrics.tokens_after_first_chunk(request)
    if metric in ("tpot_ms", "output_speed_tps") and tokens:
        return f"{span:,} ns from the first content chunk to the last, {tokens:,} tokens after the first"
    return f"the longest of {len(request.chunk_ns) - 1:,} gaps" if metric == "icl_max_ms" else ""


def _formula(figure: Figure) -> str:
    """The first sentence of the metric's own description."""
    if figure.metric is not None:
        source: Callable[..., Any] = metrics.REQUEST_METRICS[figure.metric][0]
    elif figure.name == "success_rate":
        return "Success rate: successes / requests; those that were our own fault count in neither."
    else:
        source = COST_FIGURES.get(figure.name, metrics.system_throughput_tps)
    text = " ".join((source.__doc__ or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".") + "."


def as_data(found: Explanation) -> dict[str, Any]:
    """The explanation for JSON."""
    data: dict[str, Any] = msgspec.to_builtins(found)
    return data
