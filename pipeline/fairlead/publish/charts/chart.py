"""A chart: one Vega-Lite specification, the words around it and the table behind it. Draws nothing.

A specification holds numbers, our own words, and strangers' names as values of a field called ``name`` and of
no other part: no name is a key, a title, an expression or an address. Places and margins are fixed numbers,
so that no letter's width decides where anything stands. Colours are the site's custom properties, so one
picture serves both themes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairlead.problems import visible
from fairlead.publish.markup import Html, tag

Spec = dict[str, Any]
Layer = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
#: A picture is so wide, in CSS pixels: what a phone of 390 has beside the margins of its page.
WIDTH = 344
NAME_LETTERS = 30  # of 11 px, beside a value, within that width
FONT_PX = 11
INK, SOFT, LINE, PAPER = "var(--fl-ink)", "var(--fl-soft)", "var(--fl-line)", "var(--fl-paper)"

_COLOURS = 6
DASHES = ((1, 0), (6, 3), (2, 2), (9, 3, 2, 3), (4, 2), (12, 3))


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """What a mark stands for: its letter, which of the colours it has, the name, a stranger's text, and n."""

    letter: str
    colour: int
    name: str
    n: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    """``title`` names it, ``says`` is what it shows for who does not see it, ``reading`` how to read it.

    ``withheld``: what is named and not drawn, with its reason. ``table``: the figures behind it; None where
    the page holds them in a table of its own, right below.
    """

    title: str
    says: str
    reading: str
    spec: Spec
    keys: Sequence[Key] = ()
    withheld: Sequence[tuple[str, str]] = ()
    table: Html | None = None

    @property
    def digest(self) -> str:
        """What the picture is found by: its specification, title and words."""
        return hashlib.sha256(canonical([self.spec, self.title, self.says]).encode()).hexdigest()[:32]


def canonical(value: object) -> str:
    """JSON of one form; no infinite number, no ``<`` that a page could take for a tag."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c")


# -- specifications ------------------------------------------------------------------------------

_CONFIG: Mapping[str, object] = {
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": FONT_PX,
        "titleFontSize": FONT_PX,
        "titleFontWeight": "normal",
        "labelColor": SOFT,
        "titleColor": SOFT,
        "domainColor": SOFT,
        "tickColor": SOFT,
        "gridColor": LINE,
        "labelFlush": False,
        "labelOverlap": "greedy",
        "labelSeparation": 6,
    },
    "text": {"fontSize": FONT_PX, "color": INK},
    "rule": {"color": SOFT},
    "aria": False,
}


def make_spec(
    layers: Sequence[Layer], *, height: int, margins: Mapping[str, int], width: int = WIDTH
) -> Spec:
    """Layers within fixed margins, in a picture of ``width`` by ``height`` pixels in all."""
    return {
        "$schema": SCHEMA,
        "width": width - margins["left"] - margins["right"],
        "height": height - margins["top"] - margins["bottom"],
        "padding": dict(margins),
        "autosize": {"type": "none"},
        "config": dict(_CONFIG),
        "layer": list(layers),
    }


def movable(layer: Layer, *axes: str) -> Layer:
    """The layer, whose axes a reader may move where the chart is explored; on paper nothing changes."""
    select = {"type": "interval", "encodings": list(axes), "zoom": "wheel![event.shiftKey]"}
    return {**layer, "params": [{"name": "view", "select": select, "bind": "scales"}]}


def told(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """What a reader who points at a mark is told: fields of words, each with our title."""
    return [{"field": field, "title": title, "type": "nominal"} for field, title in pairs]


def words_layers(place: Layer, field: str, **mark: object) -> list[Layer]:
    """The words of a field of the chart's data, on a seam of paper that keeps lines off them."""
    text = {"type": "text", "fontSize": FONT_PX, "baseline": "middle", "color": INK, **mark}
    seam = {**text, "stroke": PAPER, "strokeWidth": 4, "color": PAPER, "strokeJoin": "round"}
    encoding = {**place, "text": {"field": field, "type": "nominal"}}
    return [{"mark": seam, "encoding": encoding}, {"mark": text, "encoding": encoding}]


def letter_layers(x: Layer, y: Layer, values: Sequence[Layer], **mark: object) -> list[Layer]:
    """The letter of each value, in the colour of its field ``colour``, on a seam of paper."""
    seam, text = words_layers({"x": x, "y": y}, "letter", fontSize=12, fontWeight="bold", **mark)
    del text["mark"]["color"]
    text["encoding"] = {**text["encoding"], "color": exact("colour")}
    return [{"data": {"values": list(values)}, **layer} for layer in (seam, text)]


def exact(field: str) -> Layer:
    """A field whose values are used as they are."""
    return {"field": field, "type": "nominal", "scale": None, "legend": None}


def colour(place: int) -> str:
    """The colour of the mark at this place; after the last they begin anew, the letters do not."""
    return f"var(--fl-c{place % _COLOURS + 1})"


def make_key(place: int, name: str, n: int) -> Key:
    """The key of the mark at this place: A to Z, then AA; ``n``: the requests behind it."""
    letter = chr(65 + place % 26)
    return Key(letter if place < 26 else chr(64 + place // 26) + letter, place % _COLOURS + 1, name, n)


def short(name: str, letters: int = NAME_LETTERS) -> str:
    """A stranger's name as it fits beside a mark: on one line, nothing hidden in it, not too long."""
    shown = visible(name[: letters + 1]).strip()
    return shown if len(shown) <= letters and len(name) <= letters else shown[: letters - 1] + "…"


# -- on a page -----------------------------------------------------------------------------------


def placeholder(digest: str) -> Html:
    """Where a picture is put when the pages are there."""
    return Html(f"<!--fl-chart {digest}-->")


def figure(charts: dict[str, Chart], chart: Chart) -> Html:
    """The chart as an element of a page; it is noted in ``charts``, by whose digest its picture is drawn."""
    digest = chart.digest
    charts[digest] = chart
    is_wide = chart.spec["width"] > WIDTH
    reading = tag("span", chart.reading, class_="fl-chart-reading")
    scrolls = {"role": "region", "aria_label": f"Chart: {chart.title}", "tabindex": "0"} if is_wide else {}
    return tag(
        "figure",
        tag("figcaption", tag("strong", chart.title), " ", reading),
        tag("div", placeholder(digest), class_="fl-drawing", **scrolls),
        _keys(chart.keys),
        _withheld(chart.withheld),
        _behind(chart.table),
        class_="fl-chart fl-chart-wide" if is_wide else "fl-chart",
        data_chart=digest,
        data_search_exclude="",
    )


def grid(charts: dict[str, Chart], made: Iterable[Chart]) -> list[str]:
    """Charts side by side where there is room; nothing where there is none."""
    figures = [figure(charts, chart) for chart in made]
    return [tag("div", *figures, class_="fl-charts")] if figures else []


def _keys(keys: Sequence[Key]) -> Html | None:
    items = (
        tag(
            "li",
            tag("b", key.letter, class_=f"fl-key fl-key-{key.colour}"),
            tag("span", key.name),
            tag("small", f"n {key.n:,}"),
        )
        for key in keys
    )
    return tag("ul", *items, class_="fl-keys") if keys else None


def _withheld(withheld: Sequence[tuple[str, str]]) -> Html | None:
    if not withheld:
        return None
    items = (tag("li", f"{name}: {reason}") for name, reason in withheld)
    words = f"Not drawn: {len(withheld)}, each with its reason"
    return tag("details", tag("summary", words), tag("ul", *items, class_="fl-note"), class_="fl-fold")


def _behind(table: Html | None) -> Html | None:
    if table is None:
        return None
    return tag("details", tag("summary", "The figures behind it"), table, class_="fl-fold")


def named(name: str, below: str) -> Html:
    """The first cell of a line of a table."""
    return tag("th", tag("span", name), tag("small", below, class_="fl-sub"), scope="row")
