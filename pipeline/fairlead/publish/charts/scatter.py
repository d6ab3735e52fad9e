"""Two figures against each other, with the front of those that none beats in both. Computes no front.

A point stands at its estimates; thin lines are its intervals. Shape and words say where it stands: filled on
the front, hollow behind it, dashed where the intervals do not bear that out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fairlead.fronts import Standing
from fairlead.publish import figures
from fairlead.publish.charts.chart import (
    PAPER,
    SOFT,
    WIDTH,
    Chart,
    Key,
    Layer,
    Spec,
    colour,
    exact,
    letter_layers,
    make_spec,
    movable,
    short,
    told,
    words_layers,
)
from fairlead.publish.charts.rows import DRAWN
from fairlead.ranking import Better
from fairlead.stats import Estimate

_STANDING = {
    Standing.FRONT: "on the front",
    Standing.FRONT_UNCERTAIN: "on the front, not borne out by the intervals",
    Standing.BEHIND_UNCERTAIN: "behind the front, not borne out by the intervals",
    Standing.BEHIND: "behind the front",
}
_MARKS = "Filled: on the front. Hollow: behind it. Dashed: not borne out by the intervals, the thin lines."
_LEVELS = " Small numbers: streams at once."


@dataclasses.dataclass(frozen=True, slots=True)
class Spot:
    """A point: its key, its two figures, where it stands, and what is written beside it. Values are there."""

    key: Key
    x: Estimate
    y: Estimate
    standing: Standing
    label: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Axis:
    """The name of a figure, by :data:`fairlead.publish.figures.FIGURE`, and whether less of it is better."""

    name: str

    @property
    def title(self) -> str:
        """The figure and its unit."""
        return f"{figures.FIGURE[self.name].label}, {figures.unit(self.name)}"

    def words(self, estimate: Estimate) -> str:
        """The value and its interval."""
        between = figures.interval(self.name, estimate) or "no interval"
        return f"{figures.number(estimate.value or 0.0)} ({between})"


def scatter_chart(
    title: str,
    axes: tuple[Axis, Axis],
    spots: Sequence[Spot],
    withheld: Sequence[tuple[str, str]],
    *,
    is_joined: bool = False,
) -> Chart | None:
    """The chart of these points; None where there is none.

    ``is_joined``: those of one key make a line, in their order.
    """
    if not spots:
        return None
    spots, left_out = _first(spots)
    more = f" {left_out} more, behind the front, stand in the table." if left_out else ""
    said = "; ".join(
        f"{spot.key.letter}{f' at {spot.label}' if spot.label else ''}: {axes[0].words(spot.x)} against "
        f"{axes[1].words(spot.y)}, {_STANDING[spot.standing]}"
        for spot in spots
    )
    keys = {spot.key.letter: spot.key for spot in spots}
    return Chart(
        title=title,
        says=f"{axes[0].title} against {axes[1].title}. {said}.",
        reading=f"Better is {_better(axes)}. {_MARKS}{_LEVELS if is_joined else ''}{more}",
        spec=_spec(axes, spots, is_joined=is_joined),
        keys=list(keys.values()),
        withheld=withheld,
    )


def _first(spots: Sequence[Spot]) -> tuple[Sequence[Spot], int]:
    """The spots of as many keys as can be told apart, the front's first; and how many keys are left."""
    in_order = sorted(spots, key=lambda spot: not spot.standing.is_on_front)
    letters = list(dict.fromkeys(spot.key.letter for spot in in_order))
    kept = set(letters[:DRAWN])
    return [spot for spot in spots if spot.key.letter in kept], len(letters[DRAWN:])


def _better(axes: tuple[Axis, Axis]) -> str:
    ways = (("left", "right"), ("down", "up"))
    more = (figures.FIGURE[axis.name].better is Better.HIGHER for axis in axes)
    return " and ".join(way[is_more] for way, is_more in zip(ways, more, strict=True))


def _spec(axes: tuple[Axis, Axis], spots: Sequence[Spot], *, is_joined: bool) -> Spec:
    values = [_value(axes, spot, place) for place, spot in enumerate(spots)]
    x = _encoding("x", axes[0], values)
    y = _encoding("y", axes[1], values)
    front = sorted(
        ({"x": item["x"], "y": item["y"]} for item in values if item["front"]),
        key=lambda item: (item["x"], -item["y"]),
    )
    bars = {"type": "rule", "strokeWidth": 1.2, "opacity": 0.8}
    say = told(
        ("name", "Provider"),
        ("label", "At"),
        ("saidX", axes[0].title),
        ("saidY", axes[1].title),
        ("stands", "Place"),
    )
    layers: list[Layer] = [
        movable(
            {
                "data": {"values": front},
                "mark": {
                    "type": "line",
                    "interpolate": "step-before",
                    "color": SOFT,
                    "strokeWidth": 1,
                    "strokeDash": [4, 3],
                },
                "encoding": {"x": x, "y": y},
            },
            "x",
            "y",
        ),
        {
            "mark": bars,
            "encoding": {
                "x": {**x, "field": "lowX"},
                "x2": {"field": "highX"},
                "y": y,
                "color": exact("colour"),
            },
        },
        {
            "mark": bars,
            "encoding": {
                "y": {**y, "field": "lowY"},
                "y2": {"field": "highY"},
                "x": x,
                "color": exact("colour"),
            },
        },
        {
            "mark": {"type": "point", "size": 90, "strokeWidth": 1.8, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y,
                "color": exact("colour"),
                "fill": exact("fill"),
                "strokeDash": exact("dash"),
                "tooltip": say if any(spot.label for spot in spots) else [say[0], *say[2:]],
            },
        },
    ]
    if is_joined:
        path = {"type": "line", "strokeWidth": 1.4, "opacity": 0.7}
        joined = {
            "x": x,
            "y": y,
            "color": exact("colour"),
            "order": {"field": "place", "type": "quantitative"},
        }
        layers.insert(
            1, {"mark": path, "encoding": {**joined, "detail": {"field": "letter", "type": "nominal"}}}
        )
    letters, levels = _labels(values, x["scale"]["domain"], y["scale"]["domain"])
    beside = {"dx": {"expr": "datum.dx"}, "dy": {"expr": "datum.dy"}}
    layers += [
        {"data": {"values": levels}, **layer}
        for layer in words_layers({"x": x, "y": y}, "label", align="center", color=SOFT, **beside)
    ]
    layers += letter_layers(x, y, letters, align="center", **beside)
    made = make_spec(layers, height=_HEIGHT, margins=_MARGINS, width=WIDTH)
    return {**made, "data": {"values": values}}


_HEIGHT, _MARGINS = 270, {"left": 52, "right": 18, "top": 16, "bottom": 40}
_OFFSETS = ((-10, -10), (10, -10), (-10, 10), (10, 10), (0, -15), (0, 15), (-16, 0), (16, 0))
_HALF_LINE, _HALF_LETTER = 6.0, 4.0  # pixels


def _labels(
    values: Sequence[Layer], x: Sequence[float], y: Sequence[float]
) -> tuple[list[Layer], list[Layer]]:
    """The letter of each key beside its last point, then what is written beside points, where there is room.

    A letter is always written; of other words those are left out that would cover something.
    """
    width = WIDTH - _MARGINS["left"] - _MARGINS["right"]
    height = _HEIGHT - _MARGINS["top"] - _MARGINS["bottom"]
    taken = [
        (width * (item["x"] - x[0]) / (x[1] - x[0]), height * (y[1] - item["y"]) / (y[1] - y[0]), 6.0)
        for item in values
    ]
    at = dict(zip((item["place"] for item in values), taken, strict=True))
    letters: list[Layer] = []
    levels: list[Layer] = []
    last = {item["letter"]: item for item in values}
    wanted = [(item, "letter", letters) for item in last.values()]
    wanted += [(item, "label", levels) for item in values if item["label"]]
    for item, field, labels in wanted:
        half = _HALF_LETTER * len(item[field])
        free = (
            offset
            for offset in _OFFSETS
            if not any(_covers(at[item["place"]], offset, half, other) for other in taken)
        )
        offset = next(free, _OFFSETS[0] if field == "letter" else None)
        if offset is not None:
            left, top, _ = at[item["place"]]
            taken.append((left + offset[0], top + offset[1], half))
            kept = {key: item[key] for key in ("x", "y", field, "colour")}
            labels.append({**kept, "dx": offset[0], "dy": offset[1]})
    return letters, levels


def _covers(
    point: tuple[float, float, float], offset: tuple[int, int], half: float, other: tuple[float, float, float]
) -> bool:
    left, top = point[0] + offset[0] - other[0], point[1] + offset[1] - other[1]
    return abs(left) < half + other[2] and abs(top) < 2 * _HALF_LINE


def _value(axes: tuple[Axis, Axis], spot: Spot, place: int) -> Layer:
    tint = colour(spot.key.colour - 1)
    made: Layer = {
        "place": place,
        "name": f"{spot.key.letter} · {short(spot.key.name)}",
        "letter": spot.key.letter,
        "colour": tint,
        "fill": tint if spot.standing.is_on_front else PAPER,
        "dash": [1, 0] if spot.standing.is_certain else [2, 2],
        "front": spot.standing.is_on_front,
        "label": spot.label,
        "stands": _STANDING[spot.standing],
    }
    for letter, axis, estimate in zip("XY", axes, (spot.x, spot.y), strict=True):
        value = estimate.value or 0.0
        has_interval = estimate.low is not None and estimate.high is not None
        made[letter.lower()] = value
        made[f"low{letter}"] = estimate.low if has_interval else value
        made[f"high{letter}"] = estimate.high if has_interval else value
        made[f"said{letter}"] = axis.words(estimate)
    return made


def _encoding(name: str, axis: Axis, values: Sequence[Layer]) -> Layer:
    ends = [
        *(item[f"low{name.upper()}"] for item in values),
        *(item[f"high{name.upper()}"] for item in values),
    ]
    low, high = min(ends), max(ends)
    slack = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    title: Layer = {"title": axis.title, "tickCount": 5, "format": "~r" if high < 1 else ",~r"}
    if name == "y":
        title |= {
            "titleAngle": 0,
            "titleAlign": "left",
            "titleAnchor": "start",
            "titleX": -48,
            "titleY": -8,
            "titleBaseline": "alphabetic",
        }
    return {
        "field": name,
        "type": "quantitative",
        "scale": {"domain": [max(low - slack, 0.0), high + slack], "nice": False, "zero": False},
        "axis": title,
    }
