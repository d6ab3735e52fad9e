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
)
from fairlead.stats import Estimate

_STANDING = {
    Standing.FRONT: "on the front",
    Standing.FRONT_UNCERTAIN: "on the front, not borne out by the intervals",
    Standing.BEHIND_UNCERTAIN: "behind the front, not borne out by the intervals",
    Standing.BEHIND: "behind the front",
}
_MARKS = "Filled: on the front. Hollow: behind it. Dashed: the intervals do not bear that out. Thin lines: intervals."


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
    """The chart of these points; None where there is none. ``is_joined``: those of one key make a line, in order."""
    if not spots:
        return None
    said = "; ".join(
        f"{spot.key.letter}{f' at {spot.label}' if spot.label else ''}: {axes[0].words(spot.x)} against "
        f"{axes[1].words(spot.y)}, {_STANDING[spot.standing]}"
        for spot in spots
    )
    wanted = " and ".join(
        f"{figures.better_words(figures.FIGURE[axis.name])} in {place}"
        for axis, place in zip(axes, ("x", "y"), strict=True)
    )
    keys = {spot.key.letter: spot.key for spot in spots}
    return Chart(
        title=title,
        says=f"{axes[0].title} against {axes[1].title}. {said}.",
        reading=f"{wanted[0].upper()}{wanted[1:]}. {_MARKS}",
        spec=_spec(axes, spots, is_joined=is_joined),
        keys=list(keys.values()),
        withheld=withheld,
    )


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
        text = {"type": "text", "dx": 8, "dy": 9, "align": "left", "color": SOFT}
        layers.append(
            {"mark": text, "encoding": {"x": x, "y": y, "text": {"field": "label", "type": "nominal"}}}
        )
    named = [
        next(item for item in reversed(values) if item["letter"] == letter)
        for letter in dict.fromkeys(item["letter"] for item in values)
    ]
    layers += letter_layers(
        x, y, [{key: item[key] for key in ("x", "y", "letter", "colour")} for item in named], dx=-9, dy=-9
    )
    made = make_spec(
        layers, height=270, margins={"left": 52, "right": 18, "top": 16, "bottom": 40}, width=WIDTH
    )
    return {**made, "data": {"values": values}}


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
