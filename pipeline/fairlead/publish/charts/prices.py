"""List prices over time as charts. Knows no row, and computes no cost.

A price is drawn over the days it held, and nothing over days that no price covers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from fairlead import cost
from fairlead.model import Price
from fairlead.publish import figures
from fairlead.publish.charts.chart import (
    SOFT,
    Chart,
    Layer,
    Spec,
    exact,
    grid,
    make_spec,
    movable,
    told,
    words_layers,
)
from fairlead.publish.edition import Edition
from fairlead.publish.markup import tag

DRAWN = 6  # price lists, those that changed last
_KINDS = (
    ("input", "input_usd_per_mtok", [1, 0], "var(--fl-c1)"),
    ("cached input", "cached_input_usd_per_mtok", [2, 2], "var(--fl-c3)"),
    ("output", "output_usd_per_mtok", [6, 3], "var(--fl-c2)"),
)


def provider_blocks(edition: Edition, provider: str) -> list[str]:
    """List prices over time of each model whose price changed; a line for those that kept theirs."""
    entry = edition.repository.providers[provider]
    lists = [
        (f"{edition.model_name(served.model)} · {endpoint.id}", cost.held(served.prices))
        for endpoint in entry.endpoints
        for served in endpoint.models
        if served.prices
    ]
    changed = [(name, prices) for name, prices in lists if len(prices) > 1]
    newest = sorted(changed, key=lambda pair: max(price.from_ for price in pair[1]), reverse=True)[:DRAWN]
    blocks = grid(edition.charts, (price_chart(name, prices, edition.now.date()) for name, prices in newest))
    steady = len(lists) - len(changed)
    if steady:
        words = f"{figures.count(steady, 'price list')} held one entry only: no change to draw."
        blocks.append(tag("p", words, class_="fl-note"))
    return blocks


def price_chart(name: str, prices: Sequence[Price], today: dt.date) -> Chart:
    """The prices of one model at one endpoint over the days they held."""
    spans = list(_spans(prices, today))
    last = max(prices, key=lambda price: price.from_)
    words = (f"{item['kind']} {item['shown']} from {item['from']} until {item['until']}" for item in spans)
    return Chart(
        title="List price",
        says=f"{name}, USD per million tokens. {'; '.join(words)}.",
        reading=f"{name}. USD per million tokens, last {last.input_usd_per_mtok:g} in and "
        f"{last.output_usd_per_mtok:g} out; n {len(prices)}, as the sources stated them, so no interval. A "
        "gap: no price is recorded.",
        spec=_price_spec(spans),
    )


def _spans(prices: Sequence[Price], today: dt.date) -> Iterator[Layer]:
    for price in sorted(prices, key=lambda each: each.from_):
        end = (price.until or max(today, price.from_)) + dt.timedelta(days=1)
        for kind, field, dash, tint in _KINDS:
            amount = getattr(price, field)
            if amount is not None:
                yield {
                    "from": f"{price.from_}",
                    "to": f"{end}",
                    "until": f"{price.until}" if price.until else "today",
                    "kind": kind,
                    "usd": amount,
                    "dash": dash,
                    "colour": tint,
                    "shown": f"{amount:g}",
                }


def _price_spec(spans: Sequence[Layer]) -> Spec:
    labels = list({item["kind"]: item for item in spans}.values())
    x: Layer = {
        "field": "from",
        "type": "temporal",
        "scale": {"type": "utc", "padding": 4},
        "axis": {"title": None, "format": "%b %Y", "tickCount": 4, "grid": False},
    }
    top = max(float(item["usd"]) for item in spans) * 1.15 or 1.0
    y = {
        "field": "usd",
        "type": "quantitative",
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"title": None, "tickCount": 4, "format": "~r"},
    }
    say = told(("kind", "Tokens"), ("shown", "USD per million"), ("from", "From"), ("until", "Until"))
    first = {"type": "point", "filled": True, "size": 26, "opacity": 1}
    layers: list[Layer] = [
        movable(
            {
                "mark": {"type": "rule", "strokeWidth": 2.2},
                "encoding": {
                    "x": x,
                    "x2": {"field": "to"},
                    "y": y,
                    "color": exact("colour"),
                    "strokeDash": exact("dash"),
                    "tooltip": say,
                },
            },
            "x",
        ),
        {"mark": first, "encoding": {"x": x, "y": y, "color": exact("colour"), "tooltip": say}},
        *(
            {"data": {"values": labels}, **layer}
            for layer in words_layers(
                {"x": {**x, "field": "to"}, "y": y}, "kind", align="right", dy=-8, color=SOFT
            )
        ),
    ]
    made = make_spec(layers, height=150, margins={"left": 34, "right": 14, "top": 8, "bottom": 26})
    return {**made, "data": {"values": list(spans)}}
