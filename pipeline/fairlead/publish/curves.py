"""Curves over concurrency, and cost against speed, as tables with their fronts. Ranks nothing.

Only neutral rows are shown. Those that may not be ranked are listed, and beat nobody.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator, Sequence

from fairlead import cost, fronts
from fairlead.fronts import Level, Point, Standing
from fairlead.model import Methodology, Workload
from fairlead.publish import markup, results
from fairlead.publish.charts.chart import Key, grid, make_key
from fairlead.publish.charts.rows import order, requests, row_keys, row_name
from fairlead.publish.charts.scatter import Axis, Spot, scatter_chart
from fairlead.publish.edition import Edition, by_family
from fairlead.publish.markup import Html, number_cell, number_head, tag
from fairlead.publish.rows import estimate_html
from fairlead.ranking import Better, Family, Origin, Row
from fairlead.stats import Estimate

STANDING_WORDS = {
    Standing.FRONT: "on the front",
    Standing.FRONT_UNCERTAIN: "on the front by its estimates, which the intervals do not bear out",
    Standing.BEHIND_UNCERTAIN: "behind by its estimates, which the intervals do not bear out",
    Standing.BEHIND: "behind the front",
}


def model_blocks(edition: Edition, model: str) -> list[str]:
    """The curves of each workload with two measured levels, then cost against speed by family."""
    rows = [
        row
        for row in edition.rows_where(model=model)
        if row.origin is Origin.NEUTRAL and row.role == "subject"
    ]
    curves, costs = list(_curves(edition, rows)), list(_costs(edition, rows))
    blocks: list[str] = []
    if curves:
        blocks += [markup.heading(2, "Over concurrency", "curve"), tag("p", _CURVE_NOTE, class_="fl-note")]
    blocks += curves
    if costs:
        blocks += [markup.heading(2, "Cost against speed", "cost"), tag("p", _COST_NOTE, class_="fl-note")]
    return [*blocks, *costs]


_FRONT_NOTE = (
    "A row is on the front if no other is as good in both figures and better in one; the two are never "
    "weighed against each other. Where the intervals do not bear that out, it is said."
)
_CURVE_NOTE = (
    "More streams give more tokens a second in all and fewer to each reader. The front is that of all rows "
    f"and levels of a table: system throughput against output speed, more is better in both. {_FRONT_NOTE}"
)
_COST_NOTE = (
    "Blended price at the mix of tokens that the workload was billed, less is better, against output speed, "
    f"more is better. {_FRONT_NOTE}"
)


# -- over concurrency ----------------------------------------------------------------------------


def _curves(edition: Edition, rows: Sequence[Row]) -> Iterator[str]:
    def shares(row: Row) -> tuple[str, str]:
        return row.family.vantage or "", row.family.methodology or ""

    for (_, version), group in itertools.groupby(sorted(rows, key=shares), shares):
        methodology, members = edition.repository.methodologies.get(version), list(group)
        for workload in methodology.workloads if methodology else ():
            assert methodology is not None
            yield from _curve_table(edition, methodology, workload, members)


def _curve_table(
    edition: Edition, methodology: Methodology, workload: Workload, rows: Sequence[Row]
) -> Iterator[str]:
    levels = [
        Level(scenario.id, scenario.concurrency)
        for scenario in methodology.scenarios
        if scenario.workload == workload.id and scenario.kind == "closed" and scenario.concurrency is not None
    ]
    names = {level.scenario for level in levels}
    rows = [row for row in rows if row.family.scenario in names]
    if len({row.family.scenario for row in rows}) < 2:
        return
    standings = _standings(rows)
    lines = [
        line
        for _, group in itertools.groupby(sorted(rows, key=_endpoint), _endpoint)
        for line in _curve_lines(edition, levels, list(group), standings)
    ]
    label = (
        f"{workload.id}, {results.vantage_words(edition, rows[0].family)}, methodology {methodology.version}"
    )
    heads = [
        number_head(name) for name in ("Streams", "System throughput", "Output speed p50", "Success rate")
    ]
    yield markup.heading(3, label)
    yield from _curve_chart(edition, levels, rows, standings)
    yield markup.fold_table(f"Over concurrency: {label}", ("Provider", *heads, "Front"), lines, "fl-board")


_SPEED = Axis("output_speed_p50_tps")
_CURVE_AXES = (_SPEED, Axis("system_throughput_tps"))


def _curve_chart(
    edition: Edition, levels: Sequence[Level], rows: Sequence[Row], standings: dict[str, Standing]
) -> Iterator[str]:
    """System throughput against output speed: one line an endpoint, over its levels that may be compared."""
    at = {level.scenario: level.concurrency for level in levels}
    ordered = sorted(rows, key=lambda row: (_endpoint(row), at[row.family.scenario]))
    drawn = [row for row in ordered if row.id in standings]
    keys = _endpoint_keys(edition, drawn)
    spots = [
        Spot(
            keys[_endpoint(row)],
            row.figures["output_speed_p50_tps"],
            row.figures["system_throughput_tps"],
            standings[row.id],
            f"{at[row.family.scenario]:,}",
        )
        for row in drawn
    ]
    withheld = [
        (f"{row_name(edition, row)}, {row.family.scenario}", _why_not(row, _CURVE_AXES))
        for row in ordered
        if row.id not in standings
    ]
    made = scatter_chart("Throughput against interactivity", _CURVE_AXES, spots, withheld, is_joined=True)
    yield from grid(edition.charts, [made] if made else [])


def _endpoint_keys(edition: Edition, rows: Iterable[Row]) -> dict[tuple[str, str], Key]:
    counts = collections.Counter[tuple[str, str]]()
    names = {}
    for row in rows:
        counts[_endpoint(row)] += requests(row)
        names[_endpoint(row)] = row_name(edition, row)
    return {
        endpoint: make_key(place, name, counts[endpoint])
        for place, (endpoint, name) in enumerate(names.items())
    }


def _why_not(row: Row, axes: Iterable[Axis]) -> str:
    lacking = [
        row.figures[axis.name].reason or "not given" for axis in axes if row.figures[axis.name].value is None
    ]
    return "; ".join(row.unranked or lacking)


def _endpoint(row: Row) -> tuple[str, str]:
    return row.provider, row.endpoint


def _standings(rows: Iterable[Row]) -> dict[str, Standing]:
    """The front of system throughput and output speed, by the ids of the rows that may be ranked."""
    points = {
        row.id: (row.figures["system_throughput_tps"], row.figures["output_speed_p50_tps"])
        for row in rows
        if not row.unranked
    }
    return fronts.pareto_front(points, (Better.HIGHER, Better.HIGHER))


def _curve_lines(
    edition: Edition, levels: Sequence[Level], rows: Sequence[Row], standings: dict[str, Standing]
) -> Iterator[Html]:
    by_scenario = {row.family.scenario: row for row in rows}
    curve = fronts.curve(levels, {scenario: row.figures for scenario, row in by_scenario.items()})
    for point in curve:
        cells = (
            _figure(name, estimate)
            for name, estimate in (
                ("system_throughput_tps", point.system_tps),
                ("output_speed_p50_tps", point.user_tps),
                ("success_rate", point.success_rate),
            )
        )
        words = _standing(point, by_scenario.get(point.level.scenario), standings)
        streams = number_cell(f"{point.level.concurrency:,}")
        yield markup.row(_name(edition, rows[0]), streams, *cells, tag("td", words, class_="fl-wide"))


def _figure(name: str, estimate: Estimate | None, notes: Sequence[str] = ()) -> Html:
    shown = tag("span", "–", class_="fl-none") if estimate is None else estimate_html(name, estimate)
    return number_cell(shown, *(tag("small", note, class_="fl-sub fl-wrap") for note in notes))


def _standing(point: Point, row: Row | None, standings: dict[str, Standing]) -> str:
    if row is None or point.missing is not None:
        return f"missing: {point.missing or 'not measured'}"
    if row.unranked:
        return f"not compared: {'; '.join(row.unranked)}"
    return STANDING_WORDS[standings[row.id]]


def _name(edition: Edition, row: Row) -> Html:
    name = tag("span", edition.provider_name(row.provider))
    return tag("th", name, tag("small", row.endpoint, class_="fl-sub"), scope="row")


# -- cost against speed --------------------------------------------------------------------------


def _costs(edition: Edition, rows: Sequence[Row]) -> Iterator[str]:
    for family, members in by_family(rows).items():
        if sum(not row.unranked for row in members) > 1:
            yield from _cost_table(edition, family, members)


def _cost_table(edition: Edition, family: Family, members: Sequence[Row]) -> Iterator[str]:
    """One table of the members that may be ranked, or one sentence where none of them has a cost."""
    rows = [row for row in members if not row.unranked]
    costs = {row.id: blended_price(edition, row) for row in rows}
    prices = {row_id: price for row_id, (price, _) in costs.items()}
    speeds = {row.id: row.figures["output_speed_p50_tps"] for row in rows}
    label = results.family_words(edition, family)
    yield markup.heading(3, label, f"cost--{results.family_anchor(family)}")
    if all(price.value is None for price in prices.values()):
        reasons = "; ".join(sorted({price.reason or "not given" for price in prices.values()}))
        yield tag("p", f"No row of this table has a cost: {reasons}.", class_="fl-note")
        return
    standings = fronts.pareto_front(
        {row.id: (prices[row.id], speeds[row.id]) for row in rows}, (Better.LOWER, Better.HIGHER)
    )
    lines = [
        markup.row(
            _name(edition, row),
            _figure("blended_usd_per_mtok", *costs[row.id]),
            _figure("output_speed_p50_tps", speeds[row.id]),
            tag("td", STANDING_WORDS[standings[row.id]] if row.id in standings else "missing"),
        )
        for row in rows
    ]
    yield from _cost_chart(edition, members, standings)
    heads = (number_head("Blended price, US$ per million tokens"), number_head("Output speed p50, tokens/s"))
    yield markup.fold_table(f"Cost against speed: {label}", ("Provider", *heads, "Front"), lines, "fl-board")


_COST_AXES = (_SPEED, Axis("blended_usd_per_mtok"))


def _cost_chart(edition: Edition, members: Sequence[Row], standings: dict[str, Standing]) -> Iterator[str]:
    """Blended price against output speed: one point a row, with the letters of the family's other charts."""
    rows = order(edition, members)
    keys = row_keys(edition, rows)
    speed, price = (axis.name for axis in _COST_AXES)
    spots = [
        Spot(keys[row.id], row.figures[speed], row.figures[price], standings[row.id])
        for row in rows
        if row.id in standings
    ]
    withheld = [
        (row_name(edition, row), _why_not(row, _COST_AXES)) for row in rows if row.id not in standings
    ]
    made = scatter_chart("Cost against speed", _COST_AXES, spots, withheld)
    yield from grid(edition.charts, [made] if made else [])


def blended_price(edition: Edition, row: Row) -> tuple[Estimate, tuple[str, ...]]:
    """The blended price of a row, and what must be said beside it."""
    prices = cost.prices_of(edition.repository.providers.get(row.provider), row.endpoint, row.family.model)
    found = cost.row_cost([(item.table.start_unix_ns, item.table.bill) for item in row.valid], prices)
    estimate = row.figures["blended_usd_per_mtok"]
    return estimate, () if estimate.value is None else found.notes
