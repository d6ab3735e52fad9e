"""The rows of one table of a board as charts: intervals of a figure, and how TTFT is distributed.

Compares nothing and ranks nothing: a row that has no rank is named with its reason and not drawn.
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
    cell,
    colour,
    exact,
    grid,
    letter_layers,
    make_key,
    make_spec,
    movable,
    named,
    right,
    short,
    told,
    words_layers,
)
from fairlead.publish.edition import Edition, families
from fairlead.publish.markup import tag
from fairlead.ranking import Figure, Origin, Row
from fairlead.stats import Estimate

DRAWN = 24  # rows of a table, the first by rank
CURVES_DRAWN = 6  # more are not told apart
_FIGURES = ("ttft_p50_ms", "ttft_p95_ms", "output_speed_p50_tps", "success_rate")
_STEP = 36  # pixels a row
_SHARES = 60  # steps of a curve


def model_blocks(edition: Edition, model: str) -> list[str]:
    """A section with the charts of each table of a model's board, or a line where none can be drawn."""
    rows = [row for row in edition.rows_where(model=model) if row.origin is Origin.NEUTRAL]
    rows = [row for row in rows if row.role == "subject"]
    blocks = [markup.heading(2, "Charts", "charts")]
    drawn = []
    for family in families(rows):
        members = order(edition, [row for row in rows if row.family == family])
        made = [*interval_charts(edition, members), *ttft_charts(edition, members)]
        if made:
            label = results.family_words(edition, family)
            drawn.append(markup.heading(3, label, f"charts--{results.family_anchor(family)}"))
            drawn += grid(edition.charts, made)
    if not drawn:
        return [*blocks, tag("p", f"Nothing is drawn: {_why_nothing(rows)}.", class_="fl-note")]
    return [*blocks, tag("p", _READING, class_="fl-note"), *drawn]


_READING = (
    "Only neutral rows that are ranked are drawn; the others are named with their reasons. A bar is the "
    "interval, the mark on it the estimate. Rows stand in the order of the table above, and a letter names "
    "the same row in every chart of a table. No eye can tell apart what the data cannot: the rank ranges of "
    "the table say what that is."
)


def _why_nothing(rows: Sequence[Row]) -> str:
    if not rows:
        return "the board's own runner has measured no row of this model"
    reasons = sorted({reason for row in rows for reason in row.unranked})
    return "; ".join(reasons[:3]) or "no row gives a figure"


def order(edition: Edition, rows: Sequence[Row]) -> list[Row]:
    """The rows of one family as the board has them: by rank, then those without one."""
    methodology = edition.repository.methodologies.get(rows[0].family.methodology or "") if rows else None
    ranked, listed = results.order_rows(rows, methodology)
    return [*ranked, *listed]


def row_name(edition: Edition, row: Row) -> str:
    """The provider and endpoint of a row."""
    return f"{edition.provider_name(row.provider)} · {row.endpoint}"


def row_keys(edition: Edition, rows: Sequence[Row]) -> dict[str, Key]:
    """A letter and colour for each row that is ranked, by its id; the same in every chart of a table."""
    ranked = [row for row in rows if not row.unranked]
    return {
        row.id: make_key(place, row_name(edition, row), requests(row)) for place, row in enumerate(ranked)
    }


def requests(row: Row) -> int:
    """The requests of the windows that count."""
    return sum(item.table.requests for item in row.valid)


def why_withheld(row: Row, figure: str, estimate: Estimate | None = None) -> str | None:
    """Why a figure of a row is not drawn; None where it is."""
    if row.unranked:
        return "; ".join(row.unranked)
    found = estimate or row.figures[figure]
    if found.value is None:
        return found.reason or "not given"
    return row.withheld.get(figure)


# -- intervals -----------------------------------------------------------------------------------


def interval_charts(edition: Edition, rows: Sequence[Row]) -> Iterator[Chart]:
    """One chart a figure: the interval and estimate of each ranked row. None where no row has it."""
    keys = row_keys(edition, rows)
    for name in _FIGURES:
        figure = figures.FIGURE[name]
        reasons = {row.id: why_withheld(row, name) for row in rows}
        drawn = [row for row in rows if reasons[row.id] is None]
        withheld = [(row_name(edition, row), str(reasons[row.id])) for row in rows if reasons[row.id]]
        if drawn:
            label = f"{figure.label} with intervals: {results.family_words(edition, drawn[0].family)}"
            left_out = len(drawn[DRAWN:])
            yield _interval_chart(figure, label, drawn[:DRAWN], keys, withheld, left_out=left_out)


def _interval_chart(
    figure: Figure,
    label: str,
    rows: Sequence[Row],
    keys: dict[str, Key],
    withheld: Sequence[tuple[str, str]],
    *,
    left_out: int,
) -> Chart:
    name, unit = figure.name, figures.unit(figure.name)
    reading = f"{unit}, {figures.better_words(figure)}."
    if left_out:
        reading += f" The first {len(rows)} by rank; {left_out} more stand in the table."
    says = "; ".join(f"{keys[row.id].letter}: {_words(name, row.figures[name])}" for row in rows)
    lines = [
        markup.row(
            named(keys[row.id].name, f"{keys[row.id].letter} in the charts"),
            cell(figures.figure_value(name, row.figures[name].value or 0.0)),
            cell(figures.interval(name, row.figures[name]) or "none"),
            cell(f"{row.figures[name].n:,}"),
            cell(f"{row.figures[name].windows:,}"),
        )
        for row in rows
    ]
    heads = (right(unit), right("Interval"), right("n"), right("Windows"))
    return Chart(
        title=figure.label,
        says=f"{figure.label} in {unit}, {figures.better_words(figure)}. {says}.",
        reading=reading,
        spec=_interval_spec(figure, rows, keys),
        withheld=withheld,
        table=markup.simple_table(label, ("Provider", *heads), lines),
    )


def _words(name: str, estimate: Estimate) -> str:
    """182 ms (179 – 185), n 240."""
    value = figures.figure_value(name, estimate.value or 0.0)
    between = figures.interval(name, estimate) or "no interval"
    return f"{value} {figures.unit(name)} ({between}), n {estimate.n:,}"


def _interval_spec(figure: Figure, rows: Sequence[Row], keys: dict[str, Key]) -> Spec:
    values: list[Layer] = []
    scale = 100.0 if figures.unit(figure.name) == "%" else 1.0
    for place, row in enumerate(rows):
        estimate, key = row.figures[figure.name], keys[row.id]
        value = (estimate.value or 0.0) * scale
        has_interval = estimate.low is not None and estimate.high is not None
        values.append(
            {
                "row": place,
                "name": f"{key.letter} · {short(key.name)}",
                "colour": colour(key.colour - 1),
                "value": value,
                "low": (estimate.low or 0.0) * scale if has_interval else value,
                "high": (estimate.high or 0.0) * scale if has_interval else value,
                "said": f"{figures.figure_value(figure.name, estimate.value or 0.0)}, n {estimate.n:,}",
                "shown": figures.figure_value(figure.name, estimate.value or 0.0),
                "interval": figures.interval(figure.name, estimate) or "none",
                "n": f"{estimate.n:,}",
            }
        )
    low, high = min(item["low"] for item in values), max(item["high"] for item in values)
    domain = _domain(low, high, is_share=scale > 1)
    x = {"field": "value", "type": "quantitative", "scale": {"domain": domain, "nice": False, "zero": False}}
    x["axis"] = {"title": None, "tickCount": 4, "orient": "bottom"}
    y = {"field": "row", "type": "ordinal", "axis": None, "scale": {"paddingInner": 0, "paddingOuter": 0}}
    say = told(("name", "Provider"), ("shown", figure.label), ("interval", "Interval"), ("n", "n"))
    drop = 8
    layers: list[Layer] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "yOffset": drop, "opacity": 0.55},
            "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": exact("colour")},
        },
        *(
            {
                "mark": {"type": "tick", "thickness": 2, "size": 9, "yOffset": drop},
                "encoding": {"x": {**x, "field": end}, "color": exact("colour")},
            }
            for end in ("low", "high")
        ),
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "yOffset": drop},
            "encoding": {"x": x, "color": exact("colour"), "tooltip": say},
        },
        *words_layers({"x": {"value": 0}}, "name", align="left", yOffset=-9),
        *words_layers({"x": {"value": "width"}}, "said", align="right", yOffset=-9),
    ]
    layers = [{**layer, "encoding": {"y": y, **layer["encoding"]}} for layer in layers]
    layers[3] = movable(layers[3], "x")
    made = make_spec(
        layers,
        height=_STEP * len(rows) + 34,
        margins={"left": 14, "right": 14, "top": 6, "bottom": 28},
    )
    return {**made, "data": {"values": values}}


def _domain(low: float, high: float, *, is_share: bool) -> list[float]:
    """A little more than what is drawn; a share never beyond 0 and 100."""
    slack = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    first, last = low - slack, high + slack
    return [max(first, 0.0), min(last, 100.0 + slack / 4) if is_share else last]


# -- the distribution of TTFT --------------------------------------------------------------------

_MARKED = ("ttft_adjusted_p50_ms", "ttft_adjusted_p95_ms")


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
            *(cell(_time_at(curves[row.id], share)) for share in _SHARES_SHOWN),
            cell(f"{requests(row):,}"),
        )
        for row in shown
    ]
    heads = (*(right(f"{share:.0%}") for share in _SHARES_SHOWN), right("n"))
    label = f"TTFT in ms of so many of all requests: {results.family_words(edition, rows[0].family)}"
    left_out = len(drawn) - len(shown)
    more = f" The first {len(shown)} by rank; {left_out} more stand in the table above." if left_out else ""
    medians = "; ".join(
        f"{keys[row.id].letter}: half within {_time_at(curves[row.id], 0.5)} ms" for row in shown
    )
    yield Chart(
        title="TTFT, distribution",
        says=f"Share of requests whose first token had come within so many ms. {medians}.",
        reading="% of all requests, failed ones never answered; log scale. Bars: intervals of p50 and p95."
        + more,
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
            following = share + 1 / _SHARES
    return [*kept, curve[-1]] if kept[-1] != curve[-1] else kept


def _ttft_spec(rows: Sequence[Row], curves: dict[str, Curve], keys: dict[str, Key]) -> Spec:
    lines, bars, letters = [], [], []
    least = min(max(ms, 0.001) for row in rows for ms, _ in curves[row.id])
    for place, row in enumerate(rows):
        key, curve = keys[row.id], _thinned(curves[row.id])
        tint = colour(key.colour - 1)
        dash = list(DASHES[(key.colour - 1) % len(DASHES)])
        points = [(least, 0.0), *((max(ms, least), share) for ms, share in curve)]
        base: Layer = {
            "name": f"{key.letter} · {short(key.name)}",
            "colour": tint,
            "letter": key.letter,
            "row": place,
        }
        for ms, share in points:
            told_ms = f"{figures.number(ms)} ms"
            lines.append(
                {**base, "x": ms, "y": share * 100, "dash": dash, "shown": told_ms, "share": f"{share:.0%}"}
            )
        for name, level in zip(_MARKED, (50, 95), strict=True):
            estimate = row.figures[name]
            if estimate.value is not None and estimate.low is not None and estimate.high is not None:
                ends: Layer = {"low": max(estimate.low, least), "high": max(estimate.high, least)}
                bars.append({**base, **ends, "x": max(estimate.value, least), "y": level})
        height = 0.2 + 0.6 * (place + 0.5) / len(
            rows
        )  # letters one above the other, so that none hides another
        at = next(((ms, share) for ms, share in points if share >= height), points[-1])
        letters.append({**base, "x": at[0], "y": at[1] * 100})
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "axis": {"title": "ms since the start of the request", "tickCount": 5, "format": "~r", "grid": False},
    }
    y = {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": [0, 100]},
        "axis": {"title": None, "values": [0, 25, 50, 75, 95]},
    }
    say = told(("name", "Provider"), ("share", "Share of requests"), ("shown", "within"))
    detail = {"field": "row", "type": "ordinal"}
    layers: list[Layer] = [
        movable(
            {
                "data": {"values": lines},
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8, "clip": False},
                "encoding": {
                    "x": x,
                    "y": y,
                    "detail": detail,
                    "color": exact("colour"),
                    "strokeDash": exact("dash"),
                },
            },
            "x",
        ),
        {
            "data": {"values": lines},
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 0},
            "encoding": {"x": x, "y": y, "tooltip": say},
        },
        {
            "data": {"values": bars},
            "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.45},
            "encoding": {
                "x": {**x, "field": "low"},
                "x2": {"field": "high"},
                "y": y,
                "color": exact("colour"),
            },
        },
        {
            "data": {"values": bars},
            "mark": {"type": "point", "filled": True, "size": 30, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": exact("colour")},
        },
        *letter_layers(x, y, letters),
    ]
    return make_spec(layers, height=250, margins={"left": 34, "right": 14, "top": 10, "bottom": 40})
