"""Figures of the rows of one table with their intervals, one chart a figure. Ranks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead.publish import figures, markup, results
from fairlead.publish.charts.chart import (
    Chart,
    Key,
    Layer,
    Spec,
    colour,
    exact,
    make_spec,
    movable,
    named,
    short,
    told,
    words_layers,
)
from fairlead.publish.charts.rows import DRAWN, row_keys, row_name, why_withheld
from fairlead.publish.edition import Edition
from fairlead.publish.markup import number_cell, number_head
from fairlead.ranking import Figure, Row
from fairlead.stats import Estimate

DRAWN_FIGURES = ("ttft_p50_ms", "ttft_p95_ms", "output_speed_p50_tps", "success_rate")
_STEP = 36  # pixels a row


def interval_charts(edition: Edition, rows: Sequence[Row]) -> Iterator[Chart]:
    """One chart a figure: the interval and estimate of each ranked row. None where no row has it."""
    keys = row_keys(edition, rows)
    for name in DRAWN_FIGURES:
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
            number_cell(figures.figure_value(name, row.figures[name].value or 0.0)),
            number_cell(figures.interval(name, row.figures[name]) or "none"),
            number_cell(f"{row.figures[name].n:,}"),
            number_cell(f"{row.figures[name].windows:,}"),
        )
        for row in rows
    ]
    heads = (number_head(unit), number_head("Interval"), number_head("n"), number_head("Windows"))
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
