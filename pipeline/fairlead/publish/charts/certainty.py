"""The client's own error beside the effects that the board shows, as a chart. Judges no window.

On one logarithmic scale: how far our clock may be wrong, how wide a figure's interval is, and how far the row
is from its nearest rival. An effect means something where it stands right of both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from fairlead.publish import figures, markup, results
from fairlead.publish.charts.chart import (
    Chart,
    Layer,
    Spec,
    exact,
    grid,
    make_spec,
    movable,
    named,
    short,
    told,
    words_layers,
)
from fairlead.publish.charts.rows import DRAWN, order, row_keys, row_name, why_withheld
from fairlead.publish.edition import Edition, by_family
from fairlead.publish.markup import number_cell, number_head, tag
from fairlead.ranking import Family, Origin, Row

_FIGURE = "ttft_p50_ms"
_STEP = 36
_KINDS = (
    ("error_ms", "Client's error, p50", "cross", "var(--fl-c2)"),
    ("tail_ms", "Client's error, p99", "cross", "var(--fl-c2)"),
    ("interval_ms", "Half of the interval", "diamond", "var(--fl-c3)"),
    ("effect_ms", "Distance to the nearest rival", "circle", "var(--fl-c1)"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Certainty:
    """Of one row's TTFT p50, in ms: our error, half of the interval, the distance to the nearest rival.

    ``error_ms``: of the median and ``tail_ms`` of p99, late or early, the largest of the certificates around
    the windows that count, on every node. None where there is none: no certificate, no interval, no rival.
    """

    row: Row
    error_ms: float | None
    tail_ms: float | None
    interval_ms: float | None
    effect_ms: float | None


def certainties(rows: Sequence[Row]) -> list[Certainty]:
    """The certainty of each row, whose rivals are the others; every row has a value."""
    found = []
    for row in rows:
        estimate = row.figures[_FIGURE]
        rivals = [other.figures[_FIGURE].value for other in rows if other.id != row.id]
        distances = [abs((rival or 0.0) - (estimate.value or 0.0)) for rival in rivals]
        has_interval = estimate.low is not None and estimate.high is not None
        width = ((estimate.high or 0.0) - (estimate.low or 0.0)) / 2 if has_interval else None
        found.append(Certainty(row, *_errors_ms(row), width, min(distances, default=None)))
    return found


def _errors_ms(row: Row) -> tuple[float | None, float | None]:
    taken = [certificate for item in row.valid for _, certificate in item.table.header.certificates()]
    if not taken:
        return None, None
    middle, tail = (max(abs(each.ttft_error_ns[place]) for each in taken) / 1e6 for place in (1, 3))
    return middle, max(middle, tail)


def blocks(edition: Edition) -> list[str]:
    """A chart a table that has ranked rows with certificates; a line where there is none."""
    made = list(_charts(edition))
    if not made:
        words = "Nothing is drawn: no ranked row has windows with certificates yet."
        return [tag("p", words, class_="fl-empty")]
    return grid(edition.charts, made)


def _charts(edition: Edition) -> Iterator[Chart]:
    rows = [row for row in edition.rows if row.origin is Origin.NEUTRAL and row.role == "subject"]
    for family, of_family in by_family(rows).items():
        members = order(edition, of_family)
        reasons = {row.id: why_withheld(row, _FIGURE) for row in members}
        found = certainties([row for row in members if reasons[row.id] is None])
        found = [each for each in found if each.error_ms is not None][:DRAWN]
        withheld = [(row_name(edition, row), str(reasons[row.id])) for row in members if reasons[row.id]]
        if found:
            yield _chart(edition, family, members, found, withheld)


def _chart(
    edition: Edition,
    family: Family,
    members: Sequence[Row],
    found: Sequence[Certainty],
    withheld: Sequence[tuple[str, str]],
) -> Chart:
    keys = row_keys(edition, members)
    values: list[Layer] = []
    lines, said = [], []
    for place, each in enumerate(found):
        key = keys[each.row.id]
        name, n = f"{key.letter} · {short(key.name)}", f"{each.row.figures[_FIGURE].n:,}"
        shown = {kind: _words(getattr(each, kind)) for kind, *_ in _KINDS}
        values += _marks(each, {"row": place, "name": name, "said": f"n {n}"}, shown)
        sizes = ", ".join(f"{title} {shown[kind]}" for kind, title, *_ in _KINDS)
        said.append(f"{key.letter}: {sizes}, n {n}")
        cells = (number_cell(shown[kind]) for kind, *_ in _KINDS)
        lines.append(markup.row(named(key.name, f"{key.letter} in the chart"), *cells, number_cell(n)))
    heads = (*(number_head(title) for _, title, *_ in _KINDS), number_head("n"))
    name, label = edition.model_name(family.model), results.family_words(edition, family)
    return Chart(
        title=f"TTFT p50 of {name}",
        says=f"{label}, in ms. {'; '.join(said)}.",
        reading=f"{label}. ms, log scale; what is zero has no place on it.",
        spec=_spec(values),
        withheld=withheld,
        table=markup.simple_table(
            f"Error, interval and distance in ms: {name}, {label}", ("Provider", *heads), lines
        ),
    )


def _marks(each: Certainty, base: Layer, shown: Mapping[str, str]) -> Iterator[Layer]:
    for kind, title, shape, tint in _KINDS:
        ms = getattr(each, kind)
        if ms is not None and ms > 0:
            yield {
                **base,
                "ms": ms,
                "shape": shape,
                "colour": tint,
                "kind": title,
                "shown": f"{shown[kind]} ms",
            }


def _words(ms: float | None) -> str:
    return "none" if ms is None else figures.number(ms)


def _spec(values: Sequence[Layer]) -> Spec:
    names = list(
        {item["row"]: {key: item[key] for key in ("row", "name", "said")} for item in values}.values()
    )
    errors = [
        {"row": row, "low": min(ends), "high": max(ends)}
        for row in (item["row"] for item in names)
        if len(ends := [item["ms"] for item in values if item["row"] == row and item["shape"] == "cross"]) > 1
    ]
    least, most = min(item["ms"] for item in values), max(item["ms"] for item in values)
    x = {
        "field": "ms",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [least / 1.5, most * 1.5], "nice": False},
        "axis": {"title": None, "tickCount": 4, "format": "~r", "grid": False},
    }
    y = {"field": "row", "type": "ordinal", "axis": None, "scale": {"paddingInner": 0, "paddingOuter": 0}}
    say = told(("name", "Provider"), ("kind", "What"), ("shown", "Size"))
    drop = 8
    point = {"type": "point", "filled": True, "size": 70, "opacity": 1, "yOffset": drop}
    rule = {"type": "rule", "strokeWidth": 3, "opacity": 0.5, "yOffset": drop, "color": "var(--fl-c2)"}
    how = {"color": exact("colour"), "shape": exact("shape"), "tooltip": say}
    layers: list[Layer] = [
        {
            "data": {"values": errors},
            "mark": rule,
            "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
        },
        movable({"mark": point, "encoding": {"x": x, "y": y, **how}}, "x"),
        *(
            {"data": {"values": names}, **layer}
            for layer in (
                *words_layers({"x": {"value": 0}, "y": y}, "name", align="left", yOffset=-9),
                *words_layers({"x": {"value": "width"}, "y": y}, "said", align="right", yOffset=-9),
            )
        ),
    ]
    margins = {"left": 14, "right": 14, "top": 6, "bottom": 28}
    made = make_spec(layers, height=_STEP * len(names) + 34, margins=margins)
    return {**made, "data": {"values": list(values)}}
