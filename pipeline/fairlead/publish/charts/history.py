"""One provider through time as charts: hours of the day, success by day. Compares nobody.

What was not looked at is left empty, and an hour or day whose windows are all invalid says so: neither is
filled from its neighbours. Only windows of the board's own runner are drawn.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

from fairlead import ranking
from fairlead.clock import moment_of
from fairlead.metrics import Undefined
from fairlead.profile import HOURS, Bin, Sampling, TimeRules
from fairlead.publish import figures, markup, time
from fairlead.publish.charts.chart import (
    FONT_PX,
    INK,
    LINE,
    Chart,
    Layer,
    Spec,
    exact,
    grid,
    make_spec,
    movable,
    short,
    told,
    words_layers,
)
from fairlead.publish.edition import Edition
from fairlead.publish.markup import number_cell, number_head, tag
from fairlead.publish.time import RowTime
from fairlead.ranking import Origin, Row
from fairlead.stats import Estimate

DRAWN = 6  # rows, those with the newest windows
_HOUR_WIDTH = 30
_ROW_HEIGHT = 56
_HOURS_NAME_LETTERS = 90


def provider_blocks(edition: Edition, provider: str) -> list[str]:
    """The section of a provider's page: its rows through hours and days. Empty without a neutral row."""
    rows = [row for row in edition.rows_where(provider=provider) if row.origin is Origin.NEUTRAL]
    if not rows:
        return []
    newest = sorted(rows, key=lambda row: (-row.last_unix_ns, row.id))[:DRAWN]
    timed, untimed = [], {}
    for row, name in zip(newest, _names(edition, newest), strict=True):
        found = time.time_of(edition, row)
        if isinstance(found, Undefined):
            untimed[name] = found.reason
        else:
            timed.append((name, found, _rules(edition, row)))
    blocks = [markup.heading(2, "Through the day and over days", "time")]
    if len(rows) > len(newest):
        words = f"The {len(newest)} rows with the newest windows, of {len(rows)}."
        blocks.append(tag("p", words, class_="fl-note"))
    for name, reason in untimed.items():
        blocks.append(tag("p", f"{name}: no profile, {reason}.", class_="fl-note"))
    hours = [hours_chart([(name, found) for name, found, _ in timed])] if timed else []
    days = [success_chart(name, found, rules) for name, found, rules in timed]
    return [*blocks, *grid(edition.charts, [chart for chart in (*hours, *days) if chart])]


def _rules(edition: Edition, row: Row) -> TimeRules:
    return time.time_rules(ranking.methodology_of(edition.repository.methodologies, row.family.methodology))


def _names(edition: Edition, rows: Sequence[Row]) -> list[str]:
    """A name for each row, of the parts in which they differ; always the model and the scenario."""
    parts = [
        (
            edition.model_name(row.family.model),
            row.family.scenario,
            row.endpoint,
            row.family.vantage or "no vantage",
            row.family.methodology or "no methodology",
            row.role,
        )
        for row in rows
    ]
    differs = [place < 2 or len(set(column)) > 1 for place, column in enumerate(zip(*parts, strict=True))]
    return [" · ".join(itertools.compress(each, differs)) for each in parts]


# -- hours of the day ----------------------------------------------------------------------------

_FILLS = {"slower": "var(--fl-slow)", "faster": "var(--fl-fast)", "": "var(--fl-faint)"}
_MARKS = {"slower": "▲", "faster": "▼", "": ""}


def hours_chart(timed: Sequence[tuple[str, RowTime]]) -> Chart:
    """TTFT p50 by hour of the day, one line a row; an hour has a colour only where its interval says it."""
    values: list[Layer] = []
    names, lines, said = [], [], []
    for place, (name, found) in enumerate(timed):
        whole, shown = found.row.figures["ttft_p50_ms"], short(name, _HOURS_NAME_LETTERS)
        n = sum(each.figures["ttft_p50_ms"].n for each in found.hours)
        names.append({"row": place, "name": f"{shown}, n {n:,}"})
        cells = [_hour(each, whole) | {"row": place, "name": shown} for each in found.hours]
        values += cells
        lines.append(markup.row(tag("th", name, scope="row"), *map(_hour_cell, found.hours)))
        said.append(f"{shown}, n {n:,}: {_hours_words(found.hours, cells)}")
    heads = [number_head(f"{hour:02}") for hour in range(HOURS)]
    label = "TTFT p50 in ms by hour of the day, in UTC"
    return Chart(
        title="TTFT p50 by hour of the day",
        says="; ".join(said) + ".",
        reading="UTC; ms, from a second on s. ▲ slower, ▼ faster than the row's whole day: the intervals do "
        "not overlap. ×: all windows invalid, withheld. –: too few values. Blank: no window began then.",
        spec=_hours_spec(values, names),
        table=markup.simple_table(label, ("Row", *heads), lines, "fl-board fl-hours"),
    )


def _hours_words(hours: Sequence[Bin], cells: Sequence[Layer]) -> str:
    sampled = sum(each.sampling is Sampling.SAMPLED for each in hours)
    apart = [f"{item['hour']:02} is {item['apart']}" for item in cells if item["apart"]]
    return f"{sampled} of {HOURS} hours sampled, " + (
        ", ".join(apart) or "none told apart from the whole day"
    )


def _hour(found: Bin, whole: Estimate) -> Layer:
    ttft = found.figures["ttft_p50_ms"]
    apart = _apart(ttft, whole) if found.sampling is Sampling.SAMPLED else ""
    shown = {
        Sampling.SAMPLED: "–" if ttft.value is None else _brief(ttft.value),
        Sampling.INVALID: "×",
        Sampling.EMPTY: "",
    }[found.sampling]
    told_of = {"–": "too few values", "×": "withheld: all windows invalid", "": "no window began then"}
    return {
        "hour": found.place,
        "apart": apart,
        "fill": _FILLS[apart] if found.sampling is Sampling.SAMPLED else "transparent",
        "edge": LINE if found.sampling is not Sampling.EMPTY else "transparent",
        "said": shown,
        "sign": _MARKS[apart],
        "when": f"{found.place:02} h UTC",
        "shown": told_of.get(shown) or f"{figures.number(ttft.value or 0.0)} ms",
        "interval": figures.interval("ttft_p50_ms", ttft) or "none",
        "n": f"{ttft.n:,}",
    }


def _apart(hour: Estimate, whole: Estimate) -> str:
    """Whether the hour's interval lies wholly on one side of the whole day's; else nothing is told."""
    if hour.low is None or hour.high is None or whole.low is None or whole.high is None:
        return ""
    return "slower" if hour.low > whole.high else "faster" if hour.high < whole.low else ""


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
        return number_cell("empty")
    if found.sampling is Sampling.INVALID:
        return number_cell("withheld")
    shown = "–" if ttft.value is None else figures.number(ttft.value)
    below = tag(
        "small", f"{figures.interval('ttft_p50_ms', ttft) or 'no interval'}, n {ttft.n:,}", class_="fl-sub"
    )
    return number_cell(shown, below)


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
                "height": 32,
                "width": _HOUR_WIDTH - 2,
                "yOffset": drop,
                "strokeWidth": 1,
            },
            "encoding": {"x": x, "y": y, "fill": exact("fill"), "stroke": exact("edge"), "tooltip": say},
        },
        {
            "mark": {**text, "yOffset": drop + 6},
            "encoding": {"x": x, "y": y, "text": {"field": "said", "type": "nominal"}},
        },
        {
            "mark": {**text, "yOffset": drop - 8},
            "encoding": {"x": x, "y": y, "text": {"field": "sign", "type": "nominal"}},
        },
        *(
            {"data": {"values": list(names)}, **layer}
            for layer in words_layers({"x": {"value": 1}, "y": y}, "name", align="left", yOffset=-17)
        ),
    ]
    margins = {"left": 10, "right": 10, "top": 4, "bottom": 26}
    return {
        **make_spec(layers, height=height, margins=margins, width=width),
        "data": {"values": list(values)},
    }


# -- success by day ------------------------------------------------------------------------------


def success_chart(name: str, found: RowTime, rules: TimeRules) -> Chart | None:
    """The success rate of each of a row's last days with its interval; None where no window counts."""
    is_real = rules.day_seconds == ranking.REAL_DAY_SECONDS
    form = "%Y-%m-%d" if is_real else "%Y-%m-%d %H:%M:%S"
    starts = {day.place: moment_of(day.place * rules.day_ns) for day in found.days}
    days = [day for day in found.days if day.sampling is Sampling.SAMPLED]
    if not days:
        return None
    values = [_success_value(day, starts[day.place], form) for day in days]
    lines = [
        markup.row(
            tag("th", item["when"], scope="row"),
            number_cell(item["shown"]),
            number_cell(item["interval"]),
            number_cell(item["n"]),
            number_cell(f"{day.invalid:,}"),
        )
        for day, item in zip(days, values, strict=True)
    ]
    worst, n = min(values, key=lambda item: float(item["value"])), sum(day.requests for day in days)
    heads = (
        number_head("% succeeded"),
        number_head("Interval"),
        number_head("n"),
        number_head("Invalid windows"),
    )
    return Chart(
        title="Success by day",
        says=f"{name}: {figures.count(len(days), 'day')}, n {n:,}. Lowest: {worst['shown']} % on "
        f"{worst['when']}, n {worst['n']}.",
        reading=f"{name}. % of requests, n {n:,}; bars: intervals; ▼: a day with a failure. The last "
        f"{figures.count(len(found.days), 'day')} with a window.",
        spec=_success_spec(values, is_real=is_real),
        withheld=[
            (f"{starts[day.place]:{form}}", "all windows invalid")
            for day in found.days
            if day.sampling is Sampling.INVALID
        ],
        table=markup.simple_table(f"Success by day: {name}", ("Day", *heads), lines),
    )


def _success_value(day: Bin, start: dt.datetime, form: str) -> Layer:
    rate = day.figures["success_rate"]
    value = (rate.value or 0.0) * 100
    return {
        "day": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "value": value,
        "low": value if rate.low is None else rate.low * 100,
        "high": value if rate.high is None else rate.high * 100,
        "mark": "circle" if day.successes == day.requests else "triangle-down",
        "when": f"{start:{form}}",
        "shown": figures.percent(rate.value or 0.0),
        "interval": figures.interval("success_rate", rate) or "none",
        "n": f"{day.requests:,}",
    }


def _success_spec(values: Sequence[Layer], *, is_real: bool) -> Spec:
    least = min(float(item["low"]) for item in values)
    floor = max(0.0, 10.0 * int(max(0.0, least - 2.0) / 10))
    x: Layer = {
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
    say = told(("when", "Day"), ("shown", "% succeeded"), ("interval", "Interval, %"), ("n", "n"))
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
