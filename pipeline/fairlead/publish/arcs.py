"""Parties in one column, a line from each to those it is tied to: a picture as text. Knows no file, no page.

A pure function of its arguments: places are whole numbers, no letter's width decides one, and colours are
the site's own classes. It is as wide as a phone and may be shown larger.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from fairlead.publish.charts.chart import short
from fairlead.publish.markup import Html, join, tag

WIDTH = 344
_NAME_LETTERS = 22
_AXIS = 152  # where the points stand
_LINE = 22  # from one party to the next
_TITLE = 26  # above a group
_REACH = 230  # of a line's handles, to the right; the line itself goes three quarters as far
_APART = 18  # between two lines of one pair


@dataclasses.dataclass(frozen=True, slots=True)
class Arc:
    """A line between two names of the picture: its letter, and which of the colours it has (0 to 6)."""

    one: str
    other: str
    letter: str
    colour: int


def draw(groups: Mapping[str, Sequence[tuple[str, str]]], arcs: Sequence[Arc], says: str) -> Html:
    """The picture as SVG. ``groups``: by title, the key and the name of each party, from top to bottom;
    an empty title is not shown.

    ``says`` is what it shows, for who does not see it. Names are strangers' texts; keys are not shown.
    """
    places: dict[str, int] = {}
    shown: list[Html] = []
    y = 0
    for title, parties in groups.items():
        if title:
            y += _TITLE
            shown.append(tag("text", title, x=0, y=y - 8, class_="fl-arc-title"))
        for key, name in parties:
            y += _LINE
            places[key] = y - _LINE // 2
            shown.append(tag("text", short(name, _NAME_LETTERS), x=0, y=places[key] + 4))
            shown.append(tag("circle", cx=_AXIS, cy=places[key], r=3))
    height = y + 8
    lines = _lines(places, arcs)
    label = {"role": "img", "aria_label": says}
    return tag("svg", *lines, *shown, viewBox=f"0 0 {WIDTH} {height}", class_="fl-arcs", **label)


def _lines(places: Mapping[str, int], arcs: Sequence[Arc]) -> list[Html]:
    """The lines, then their letters on top of all of them; the longer a line, the farther it reaches."""
    longest = max((abs(places[arc.one] - places[arc.other]) for arc in arcs), default=1) or 1
    seen: Counter[frozenset[str]] = Counter()
    lines, letters = [], []
    for arc in arcs:
        top, end = sorted((places[arc.one], places[arc.other]))
        pair = frozenset((arc.one, arc.other))
        reach = 24 + (_REACH - 60) * (end - top) // longest + _APART * seen[pair]
        seen[pair] += 1
        reach = min(reach, _REACH)
        path = f"M{_AXIS} {top}C{_AXIS + reach} {top} {_AXIS + reach} {end} {_AXIS} {end}"
        lines.append(tag("path", d=path, class_=f"fl-arc fl-arc-{arc.colour}"))
        at = {"x": _AXIS + reach * 3 // 4, "y": (top + end) // 2 + 4}
        letters.append(tag("text", arc.letter, **at, class_=f"fl-arc-letter fl-arc-{arc.colour}"))
    return [join(lines), join(letters)]
