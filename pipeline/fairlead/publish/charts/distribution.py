"""How the TTFT of the rows of one table is distributed: one curve a ranked row. Makes no interval of its own.

The curve is that of the mixture which the published quantiles are taken from, over all requests: one that
failed was never answered, so a curve ends at the success rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead import ranking, stats
from fairlead.model import Methodology
from fairlead.profile import hour_of_day
from fairlead.publish import figures, markup, results
from fairlead.publish.charts.chart import (
    DASHES,
    Chart,
    Key,
    Layer,
    Spec,
    colour,
    exact,
    letter_layers,
    make_spec,
    movable,
    named,
    short,
    told,
)
from fairlead.publish.charts.rows import requests, row_keys, row_name, why_withheld
from fairlead.publish.edition import Edition
from fairlead.publish.markup import number_cell, number_head
from fairlead.ranking import Row

CURVES_DRAWN = 6  # more are not told apart
MARKED = (("ttft_adjusted_p50_ms", 50),)  # of the p95 no interval is shown: see M-6.6
_STEPS = 60  # of a curve
_LEAST_MS = 0.001  # what is shorter has no place on a logarithmic scale


def ttft_charts(edition: Edition, rows: Sequence[Row]) -> Iterator[Chart]:
    """The share of requests whose first token had come, over time: one curve a ranked row."""
    reasons = {row.id: why_withheld(row, "ttft_p50_ms") for row in rows}
    drawn = [row for row in rows if reasons[row.id] is None]
    if not drawn:
        return
    shown, keys = drawn[:CURVES_DRAWN], row_keys(edition, rows)
    methodology = ranking.methodology_of(edition.repository.methodologies, rows[0].family.methodology)
    curves = {row.id: curve_of(row, methodology) for row in shown}
    lines = [
        markup.row(
            named(keys[row.id].name, f"{keys[row.id].letter} in the charts"),
            *(number_cell(_time_at(curves[row.id], share)) for share in _SHARES_SHOWN),
            number_cell(f"{requests(row):,}"),
        )
        for row in shown
    ]
    heads = (*(number_head(f"{share:.0%}") for share in _SHARES_SHOWN), number_head("n"))
    label = f"TTFT in ms of so many of all requests: {results.family_words(edition, rows[0].family)}"
    left_out = len(drawn) - len(shown)
    more = f" The first {len(shown)} by rank; {left_out} more stand in the table above." if left_out else ""
    medians = "; ".join(
        f"{keys[row.id].letter}: half within {_time_at(curves[row.id], 0.5)} ms" for row in shown
    )
    yield Chart(
        title="TTFT, distribution",
        says=f"Share of requests whose first token had come within so many ms. {medians}.",
        reading="% of all requests, failed ones never answered; log scale. Bars: intervals of p50." + more,
        spec=_ttft_spec(shown, curves, keys),
        keys=[keys[row.id] for row in shown],
        withheld=[(row_name(edition, row), str(reasons[row.id])) for row in rows if reasons[row.id]],
        table=markup.simple_table(label, ("Provider", *heads), lines),
    )


_SHARES_SHOWN = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
Curve = list[tuple[float, float]]


def curve_of(row: Row, methodology: Methodology) -> Curve:
    """Pairs (ms, share) of the distribution that the quantiles of a row are taken from, failures included."""
    tables = [item.table for item in row.valid]
    values, shares = stats.distribution(
        [table.values["ttft_ms"] for table in tables],
        attempts=[table.requests for table in tables],
        strata=[hour_of_day(table.start_unix_ns, methodology.day_seconds) for table in tables],
    )
    return list(zip(values, shares, strict=True))


def _time_at(curve: Curve, share: float) -> str:
    found = next((ms for ms, reached in curve if reached >= share - 1e-9), None)
    return "never" if found is None else figures.number(found)


def _thinned(curve: Curve) -> Curve:
    """As few points as still show the curve: the first at or above each of equal steps, and the last."""
    kept, following = [], 0.0
    for ms, share in curve:
        if share >= following:
            kept.append((ms, share))
            following = share + 1 / _STEPS
    return [*kept, curve[-1]] if kept[-1] != curve[-1] else kept


def _ttft_spec(rows: Sequence[Row], curves: dict[str, Curve], keys: dict[str, Key]) -> Spec:
    lines: list[Layer] = []
    bars: list[Layer] = []
    letters: list[Layer] = []
    least = min(max(ms, _LEAST_MS) for row in rows for ms, _ in curves[row.id])
    for place, row in enumerate(rows):
        key = keys[row.id]
        base: Layer = {
            "name": f"{key.letter} · {short(key.name)}",
            "colour": colour(key.colour - 1),
            "row": place,
        }
        points = [(least, 0.0), *((max(ms, least), share) for ms, share in _thinned(curves[row.id]))]
        dash = DASHES[(key.colour - 1) % len(DASHES)]
        lines += [{**base, **_step(ms, share), "dash": dash} for ms, share in points]
        bars += [{**base, **bar} for bar in _bars(row, least)]
        height = 0.2 + 0.6 * (place + 0.5) / len(rows)  # one above the other, so that none hides another
        ms, share = next((point for point in points if point[1] >= height), points[-1])
        letters.append({**base, "letter": key.letter, "x": ms, "y": share * 100})
    margins = {"left": 34, "right": 14, "top": 10, "bottom": 40}
    return make_spec(_layers(lines, bars, letters), height=250, margins=margins)


def _step(ms: float, share: float) -> Layer:
    return {"x": ms, "y": share * 100, "shown": f"{figures.number(ms)} ms", "share": f"{share:.0%}"}


def _bars(row: Row, least: float) -> Iterator[Layer]:
    """The published quantiles with their intervals, failures counted as they are in the curve."""
    for name, level in MARKED:
        found = row.figures[name]
        if found.value is not None and found.low is not None and found.high is not None:
            low, value, high = (max(end, least) for end in (found.low, found.value, found.high))
            yield {"x": value, "low": low, "high": high, "y": level}


_X: Layer = {
    "field": "x",
    "type": "quantitative",
    "scale": {"type": "log", "nice": False},
    "axis": {"title": "ms since the start of the request", "tickCount": 5, "format": "~r", "grid": False},
}
_Y: Layer = {
    "field": "y",
    "type": "quantitative",
    "scale": {"domain": [0, 100]},
    "axis": {"title": None, "values": [0, 25, 50, 75, 95]},
}


def _layers(lines: Sequence[Layer], bars: Sequence[Layer], letters: Sequence[Layer]) -> list[Layer]:
    """The curves; marks to point at, which nobody sees; the intervals; the letters."""
    at = {"x": _X, "y": _Y}
    drawn = {**at, "detail": {"field": "row", "type": "ordinal"}, "color": exact("colour")}
    line = {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8}
    say = told(("name", "Provider"), ("share", "Share of requests"), ("shown", "within"))
    low = {"x": {**_X, "field": "low"}, "x2": {"field": "high"}, "y": _Y, "color": exact("colour")}
    point = {"type": "point", "filled": True}
    return [
        movable(
            {
                "data": {"values": lines},
                "mark": line,
                "encoding": {**drawn, "strokeDash": exact("dash")},
            },
            "x",
        ),
        {
            "data": {"values": lines},
            "mark": {**point, "size": 80, "opacity": 0},
            "encoding": {**at, "tooltip": say},
        },
        {
            "data": {"values": bars},
            "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.45},
            "encoding": low,
        },
        {
            "data": {"values": bars},
            "mark": {**point, "size": 30, "opacity": 1},
            "encoding": {**at, "color": exact("colour")},
        },
        *letter_layers(_X, _Y, letters),
    ]
