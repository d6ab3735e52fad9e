"""One provider through time as charts: hours of the day, success by day, list prices. Compares nobody.

What was not looked at is left empty, and an hour or day whose windows are all invalid says so: neither is
filled from its neighbours. Only windows of the board's own runner are drawn.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from fairlead import cost, ranking
from fairlead.metrics import Undefined
from fairlead.model import Price
from fairlead.profile import HOURS, Bin, Sampling, TimeRules
from fairlead.publish import figures, markup, results, time
from fairlead.publish.charts.chart import (
    FONT_PX,
    INK,
    LINE,
    SOFT,
    Chart,
    Layer,
    Spec,
    cell,
    exact,
    grid,
    make_spec,
    movable,
    named,
    right,
    short,
    told,
    words_layers,
)
from fairlead.publish.edition import Edition
from fairlead.publish.markup import tag
from fairlead.publish.time import RowTime
from fairlead.ranking import Origin, Row
from fairlead.stats import Estimate

DRAWN = 6  # rows or price lists, those with the newest window or price
_HOUR_WIDTH = 30
_ROW_HEIGHT = 44


def provider_blocks(edition: Edition, provider: str) -> list[str]:
    """The section of a provider's page: its rows through hours and days. Empty without a neutral row."""
    rows = [row for row in edition.rows_where(provider=provider) if row.origin is Origin.NEUTRAL]
    if not rows:
        return []
    newest = sorted(rows, key=lambda row: (-row.last_unix_ns, row.id))[:DRAWN]
    timed, untimed = [], {}
    for row in newest:
        rules = _rules(edition, row)
        found = time.row_time(row, rules)
        if isinstance(found, Undefined):
            untimed[_name(edition, row)] = found.reason
        else:
            timed.append((found, rules))
    blocks = [markup.heading(2, "Through the day and over days", "time")]
    if len(rows) > len(newest):
        words = f"The {len(newest)} rows with the newest windows, of {len(rows)}."
        blocks.append(tag("p", words, class_="fl-note"))
    for name, reason in untimed.items():
        blocks.append(tag("p", f"{name}: no profile, {reason}.", class_="fl-note"))
    hours = [hours_chart(edition, [found for found, _ in timed])] if timed else []
    days = [success_chart(edition, found, rules) for found, rules in timed]
    return [*blocks, *grid(edition.charts, [chart for chart in (*hours, *days) if chart])]


def _rules(edition: Edition, row: Row) -> TimeRules:
    return time.time_rules(ranking.methodology_of(edition.repository.methodologies, row.family.methodology))


def _name(edition: Edition, row: Row) -> str:
    role = "" if row.role == "subject" else f" · {row.role}"
    version = f" · {row.family.methodology}" if row.family.methodology else ""
    return f"{edition.model_name(row.family.model)} · {row.family.scenario} · {row.endpoint}{role}{version}"


# -- hours of the day ----------------------------------------------------------------------------

_FILLS = {"slower": "var(--fl-slow)", "faster": "var(--fl-fast)", "": "var(--fl-faint)"}
_MARKS = {"slower": "▲", "faster": "▼", "": ""}


def hours_chart(edition: Edition, timed: Sequence[RowTime]) -> Chart:
    """TTFT p50 by hour of the day, one line a row; an hour has a colour only where its interval says it."""
    values, names, lines, said = [], [], [], []
    for place, found in enumerate(timed):
        name, whole = _name(edition, found.row), found.row.figures["ttft_p50_ms"]
        names.append({"row": place, "name": short(name)})
        cells = [_hour(each, whole) | {"row": place, "name": short(name)} for each in found.hours]
        values += cells
        lines.append(
            markup.row(
                named(name, results.vantage_words(edition, found.row.family)), *map(_hour_cell, found.hours)
            )
        )
        apart = [f"{item['hour']:02} is {item['apart']}" for item in cells if item["apart"]]
        sampled = sum(each.sampling is Sampling.SAMPLED for each in found.hours)
        said.append(
            f"{short(name)}: {sampled} of {HOURS} hours sampled, {', '.join(apart) or 'none told apart from the whole day'}"
        )
    heads = [right(f"{hour:02}") for hour in range(HOURS)]
    return Chart(
        title="TTFT p50 by hour of the day",
        says="; ".join(said) + ".",
        reading="In UTC; ms, s from 1,000 ms on. ▲ slower, ▼ faster than the row's whole day: the two intervals "
        "do not overlap. × all windows invalid, withheld. Blank: no window began then.",
        spec=_hours_spec(values, names),
        table=markup.simple_table(
            "TTFT p50 in ms by hour of the day, in UTC", ("Row", *heads), lines, "fl-board fl-hours"
        ),
    )


def _hour(found: Bin, whole: Estimate) -> Layer:
    ttft = found.figures["ttft_p50_ms"]
    apart = ""
    if found.sampling is Sampling.SAMPLED and None not in (ttft.low, ttft.high, whole.low, whole.high):
        assert (
            ttft.low is not None
            and ttft.high is not None
            and whole.low is not None
            and whole.high is not None
        )
        apart = "slower" if ttft.low > whole.high else "faster" if ttft.high < whole.low else ""
    value = "" if ttft.value is None else _brief(ttft.value)
    if found.sampling is Sampling.INVALID:
        value = "×"
    return {
        "hour": found.place,
        "apart": apart,
        "fill": _FILLS[apart] if found.sampling is Sampling.SAMPLED else "transparent",
        "edge": LINE if found.sampling is not Sampling.EMPTY else "transparent",
        "said": value,
        "sign": _MARKS[apart],
        "when": f"{found.place:02} h UTC",
        "shown": "withheld: all windows invalid" if value == "×" else f"{value or 'too few values'}",
        "interval": figures.interval("ttft_p50_ms", ttft) or "none",
        "n": f"{ttft.n:,}",
    }


def _brief(ms: float) -> str:
    """At most four characters: 8.1, 41, 850, 1.2s, 35s."""
    if ms >= 9_950:
        return f"{ms / 1000:,.0f}s"
    if ms >= 999.5:
        return f"{ms / 1000:.1f}s"
    return f"{ms:.0f}" if ms >= 9.95 else f"{ms:.1f}"


def _hour_cell(found: Bin) -> markup.Html:
    ttft = found.figures["ttft_p50_ms"]
    if found.sampling is Sampling.EMPTY:
        return cell("empty")
    if found.sampling is Sampling.INVALID:
        return cell("withheld")
    shown = "–" if ttft.value is None else figures.number(ttft.value)
    below = tag(
        "small", f"{figures.interval('ttft_p50_ms', ttft) or 'no interval'}, n {ttft.n:,}", class_="fl-sub"
    )
    return tag("td", shown, below, class_="fl-n")


def _hours_spec(values: Sequence[Layer], names: Sequence[Layer]) -> Spec:
    width = _HOUR_WIDTH * HOURS + 20
    height = _ROW_HEIGHT * len(names) + 30
    x = {"field": "hour", "type": "ordinal", "scale": {"paddingInner": 0, "paddingOuter": 0}}
    x["axis"] = {
        "title": None,
        "labelAngle": 0,
        "format": "02d",
        "domain": False,
        "ticks": False,
        "orient": "bottom",
    }
    y = {"field": "row", "type": "ordinal", "axis": None, "scale": {"paddingInner": 0, "paddingOuter": 0}}
    say = told(
        ("name", "Row"), ("when", "Hour"), ("shown", "TTFT p50"), ("interval", "Interval, ms"), ("n", "n")
    )
    drop = 9
    text = {"type": "text", "baseline": "middle", "fontSize": FONT_PX, "color": INK}
    layers: list[Layer] = [
        {
            "mark": {
                "type": "rect",
                "height": 26,
                "width": _HOUR_WIDTH - 2,
                "yOffset": drop,
                "strokeWidth": 1,
            },
            "encoding": {"x": x, "y": y, "fill": exact("fill"), "stroke": exact("edge"), "tooltip": say},
        },
        {
            "mark": {**text, "yOffset": drop + 1},
            "encoding": {"x": x, "y": y, "text": {"field": "said", "type": "nominal"}},
        },
        {
            "mark": {**text, "yOffset": drop - 13, "fontSize": FONT_PX},
            "encoding": {"x": x, "y": y, "text": {"field": "sign", "type": "nominal"}},
        },
        *(
            {"data": {"values": list(names)}, **layer}
            for layer in words_layers({"x": {"value": 1}, "y": y}, "name", align="left", yOffset=-14)
        ),
    ]
    margins = {"left": 10, "right": 10, "top": 4, "bottom": 26}
    return {
        **make_spec(layers, height=height, margins=margins, width=width),
        "data": {"values": list(values)},
    }


# -- success by day ------------------------------------------------------------------------------


def success_chart(edition: Edition, found: RowTime, rules: TimeRules) -> Chart | None:
    """The success rate of each of a row's last days with its interval; None where no window counts."""
    days = [day for day in found.days if day.sampling is Sampling.SAMPLED]
    if not days:
        return None
    form = "%Y-%m-%d" if rules.day_seconds == ranking.REAL_DAY_SECONDS else "%Y-%m-%d %H:%M:%S"
    values, lines = [], []
    for day in days:
        rate = day.figures["success_rate"]
        start = figures.moment(day.place * rules.day_ns)
        value = (rate.value or 0.0) * 100
        values.append(
            {
                "day": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                "value": value,
                "low": value if rate.low is None else rate.low * 100,
                "high": value if rate.high is None else rate.high * 100,
                "mark": "circle" if day.successes == day.requests else "triangle-down",
                "when": f"{start:{form}}",
                "shown": f"{figures.percent(rate.value or 0.0)} %",
                "interval": figures.interval("success_rate", rate) or "none",
                "n": f"{day.requests:,}",
            }
        )
        lines.append(
            markup.row(
                tag("th", f"{start:{form}}", scope="row"),
                cell(figures.percent(rate.value or 0.0)),
                cell(figures.interval("success_rate", rate) or "none"),
                cell(f"{day.requests:,}"),
                cell(f"{day.invalid:,}"),
            )
        )
    invalid = [
        figures.moment(day.place * rules.day_ns) for day in found.days if day.sampling is Sampling.INVALID
    ]
    name = _name(edition, found.row)
    worst = min(values, key=lambda item: float(item["value"]))
    heads = (right("% succeeded"), right("Interval"), right("n"), right("Invalid windows"))
    return Chart(
        title=f"Success by day: {name}",
        says=f"{len(days)} days, {days_n(days):,} requests. Lowest: {worst['shown']} on {worst['when']}, n {worst['n']}.",
        reading=f"% of requests, n {days_n(days):,}; bars: intervals; ▼ a day with a failure. The last {len(found.days)} days with a window.",
        spec=_success_spec(values, is_real=rules.day_seconds == ranking.REAL_DAY_SECONDS),
        withheld=[(f"{start:{form}}", "all windows invalid") for start in invalid],
        table=markup.simple_table("Success by day", ("Day", *heads), lines),
    )


def days_n(days: Sequence[Bin]) -> int:
    """The requests of these days."""
    return sum(day.requests for day in days)


def _success_spec(values: Sequence[Layer], *, is_real: bool) -> Spec:
    least = min(float(item["low"]) for item in values)
    floor = max(0.0, 10.0 * int(max(0.0, least - 2.0) / 10))
    x = {
        "field": "day",
        "type": "temporal",
        "scale": {"type": "utc", "padding": 12},
        "axis": {"title": None, "format": "%b %d" if is_real else "%H:%M:%S", "tickCount": 4, "grid": False},
    }
    if len(values) == 1:
        x["axis"] = {**x["axis"], "values": [values[0]["day"]]}
    y = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": [floor, 100 + (100 - floor) * 0.04], "nice": False, "zero": False},
        "axis": {"title": None, "values": [floor, (floor + 100) / 2, 100]},
    }
    say = told(("when", "Day"), ("shown", "Succeeded"), ("interval", "Interval, %"), ("n", "n"))
    tint = "var(--fl-c1)"
    layers: list[Layer] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.5, "color": tint},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        movable(
            {
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1, "color": tint},
                "encoding": {"x": x, "y": y, "shape": exact("mark"), "tooltip": say},
            },
            "x",
        ),
    ]
    made = make_spec(layers, height=150, margins={"left": 34, "right": 14, "top": 8, "bottom": 26})
    return {**made, "data": {"values": list(values)}}


# -- prices --------------------------------------------------------------------------------------

_KINDS = (
    ("input", "input_usd_per_mtok", [1, 0], "var(--fl-c1)"),
    ("cached input", "cached_input_usd_per_mtok", [2, 2], "var(--fl-c3)"),
    ("output", "output_usd_per_mtok", [6, 3], "var(--fl-c2)"),
)


def price_blocks(edition: Edition, provider: str) -> list[str]:
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
    words = "; ".join(
        f"{item['kind']} {item['shown']} from {item['from']} until {item['until']}" for item in spans
    )
    now_words = f"now {last.input_usd_per_mtok:g} in, {last.output_usd_per_mtok:g} out"
    return Chart(
        title=f"List price: {name}",
        says=f"USD per million tokens. {words}.",
        reading=f"USD per million tokens, {now_words}. n {len(prices)} entries, as their sources stated them; no interval. "
        "A gap: no price is recorded. The table has each source.",
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
    x = {
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
