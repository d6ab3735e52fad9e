"""What the charts hold and what they may not: their specifications, their pictures, their places."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fairlead.cache import Cache
from fairlead.problems import visible
from fairlead.publish import clock, curves
from fairlead.publish.charts import (
    certainty,
    distribution,
    drawing,
    history,
    intervals,
    model,
    prices,
    rows,
    scatter,
)
from fairlead.publish.charts.chart import Chart, canonical, figure, short
from fairlead.publish.edition import Edition
from fairlead.ranking import Origin
from fairlead.repository import Repository
from fairlead.stats import Estimate

from . import chart_example
from .chart_example import HOSTILE_NAMES, MODEL, edition_of, evidence, renamed, repository_in
from .publish_example import Outline

TITLES = {
    "TTFT p50",
    "TTFT p95",
    "Output speed p50",
    "Success rate",
    "TTFT, distribution",
    "Throughput against interactivity",
    "Cost against speed",
    "TTFT p50 by hour of the day",
    "Success by day",
    "List price",
    "TTFT p50 of Fable 7B",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return repository_in(tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="module")
def edition(repository: Repository) -> Edition:
    """The example with every page made that holds a chart."""
    made = edition_of(repository)
    all_blocks(made)
    return made


def all_blocks(edition: Edition) -> str:
    """Everything that charts stand in."""
    blocks = [
        *model.model_blocks(edition, MODEL),
        *curves.model_blocks(edition, MODEL),
        *certainty.blocks(edition),
    ]
    for provider in edition.repository.providers:
        blocks += [*history.provider_blocks(edition, provider), *prices.provider_blocks(edition, provider)]
    return "\n".join(blocks)


def charts_of(edition: Edition, title: str) -> list[Chart]:
    return [chart for chart in edition.charts.values() if chart.title == title]


def layer_values(chart: Chart, *fields: str) -> list[Mapping[str, Any]]:
    """The values, of the chart or of one of its layers, that hold these fields."""
    sources = [chart.spec, *chart.spec["layer"]]
    found = [source["data"]["values"] for source in sources if "data" in source]
    return next(values for values in found if values and set(fields) <= values[0].keys())


@pytest.fixture(scope="module")
def pictures(edition: Edition) -> dict[str, str]:
    """One picture of each kind of chart, by its title."""
    kinds = {chart.title: chart for chart in edition.charts.values()}
    return {title: drawing.render(canonical(drawing.still(chart.spec))) for title, chart in kinds.items()}


# -- specifications ------------------------------------------------------------------------------


def test_every_chart_that_is_promised_is_there(edition: Edition) -> None:
    assert {chart.title for chart in edition.charts.values()} == TITLES


def test_every_specification_fits_the_published_schema_of_vega_lite(edition: Edition) -> None:
    """The schema that Altair ships, of the major version that each specification names."""
    altair = pytest.importorskip("altair", reason="altair is not installed")
    path = Path(altair.__file__).parent / "vegalite/v6/schema/vega-lite-schema.json"
    validator = jsonschema.Draft7Validator(json.loads(path.read_text("utf-8")))
    kinds = {chart.title: chart.spec for chart in edition.charts.values()}
    for title, spec in kinds.items():
        assert [error.message[:200] for error in validator.iter_errors(spec)] == [], title


def _without_values(value: Any) -> Any:
    """A specification with nothing left of its data but how many there are, and of which fields."""
    if isinstance(value, dict):
        if set(value) == {"values"}:
            return [sorted(item) for item in value["values"]]
        return {key: _without_values(item) for key, item in value.items()}
    return [_without_values(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_a_name_is_a_value_and_never_a_part_of_a_specification(
    repository: Repository, edition: Edition, name: str
) -> None:
    """With any name the specifications differ in values alone: no key, title, expression or address."""
    hostile = edition_of(renamed(repository, name))
    page = all_blocks(hostile)
    assert [_without_values(chart.spec) for chart in hostile.charts.values()] == [
        _without_values(chart.spec) for chart in edition.charts.values()
    ]
    for spec in (chart.spec for chart in hostile.charts.values()):
        assert "<" not in canonical(spec)
        for values in _all_values(spec):
            assert all(len(item) <= 120 for item in values if isinstance(item, str))
    assert len(re.findall("<!--fl-chart", page)) == page.count("<figure ")
    assert Outline(page).names.isdisjoint({"script", "svg", "img", "style"})


def _all_values(value: Any) -> Iterator[Sequence[Any]]:
    if isinstance(value, dict):
        if set(value) == {"values"}:
            yield [item for each in value["values"] for item in each.values()]
        else:
            for item in value.values():
                yield from _all_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _all_values(item)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_a_hostile_name_is_drawn_as_text(repository: Repository, name: str) -> None:
    """The picture says the name as far as there is room, and holds shapes and words and nothing else."""
    hostile = edition_of(renamed(repository, name))
    made = next(
        intervals.interval_charts(hostile, rows.order(hostile, hostile.rows_where(provider="acme")[:1]))
    )
    drawn = drawing.embed(made, drawing.render(canonical(drawing.still(made.spec))))
    outline = Outline(drawn)
    assert outline.names <= {"svg", "g", "path", "line", "rect", "text", "title", "desc"}
    assert f"A · {short(f'{name} · api')}" in outline.words
    allowed = drawing._KEPT | {"role"}
    assert {key for _, attributes in outline.elements for key in attributes} <= allowed | {"viewbox"}


def test_a_specification_loads_nothing_and_evaluates_only_our_two_offsets(edition: Edition) -> None:
    for chart in edition.charts.values():
        text = json.dumps(chart.spec)
        assert "http" not in text.replace(chart.spec["$schema"], "")
        assert '"url"' not in text
        assert set(re.findall(r'"expr": "([^"]*)"', text)) <= {"datum.dx", "datum.dy"}
        assert "signal" not in text


# -- what is drawn and what is not ---------------------------------------------------------------


def test_intervals_are_the_published_ones_with_their_n(edition: Edition) -> None:
    drawn = layer_values(charts_of(edition, "TTFT p50")[0], "low", "high")
    family = edition.rows[0].family
    by_value = {row.figures["ttft_p50_ms"].value: row for row in edition.rows if row.family == family}
    assert len(drawn) == 5
    for item in drawn:
        estimate = by_value[item["value"]].figures["ttft_p50_ms"]
        assert (item["low"], item["high"]) == (estimate.low, estimate.high)
        assert item["said"].endswith(f", n {estimate.n:,}")


def test_a_row_without_a_rank_is_named_with_its_reason_and_not_drawn(repository: Repository) -> None:
    """No window of it counts: it has no mark in any chart that compares."""
    reasons = {"dunlin": ("its clock stepped",)}
    windows = [
        dataclasses.replace(item, invalid=reasons.get(item.table.header.provider, item.invalid))
        for item in evidence()
    ]
    made = edition_of(repository, windows)
    page = all_blocks(made)
    assert "<li>Dunlin · api: " in page
    for chart in made.charts.values():
        if chart.title in TITLES - {"TTFT p50 by hour of the day", "Success by day", "List price"}:
            assert "Dunlin" not in json.dumps(chart.spec), chart.title
            assert any("Dunlin" in name for name, _ in chart.withheld), chart.title


def test_claims_and_imports_are_never_drawn(repository: Repository) -> None:
    """One line says why there is nothing, in the place of an empty chart."""
    windows = [dataclasses.replace(item, origin=Origin.CLAIM) for item in evidence()]
    made = edition_of(repository, windows)
    text = " ".join(Outline(all_blocks(made)).text.split())
    assert {chart.title for chart in made.charts.values()} <= {"List price"}
    assert "Nothing is drawn: the board's own runner has measured no row of this model." in text
    assert "Nothing is drawn: no ranked row has windows with certificates yet." in text


def test_a_long_board_is_drawn_in_part_and_says_so(edition: Edition) -> None:
    many = [
        dataclasses.replace(row, provider=f"provider-{place:03}")
        for place, row in enumerate([edition.rows[0]] * 60)
    ]
    made = list(intervals.interval_charts(edition, many))
    assert len(layer_values(made[0], "low")) == rows.DRAWN
    assert f"The first {rows.DRAWN} by rank; {60 - rows.DRAWN} more stand in the table." in made[0].reading


def test_the_distribution_passes_through_the_published_quantiles(edition: Edition) -> None:
    """Where 50 and 95 % of all requests had an answer stand the adjusted figures; it ends at the rate."""
    methodology = edition.repository.methodologies["0.1.0"]
    for row in edition.rows[:9]:
        curve = distribution.curve_of(row, methodology)
        for name, share in (("ttft_adjusted_p50_ms", 0.5), ("ttft_adjusted_p95_ms", 0.95)):
            value = row.figures[name].value
            if value is not None:
                assert next(ms for ms, reached in curve if reached >= share - 1e-6) == value
        assert curve[-1][1] == pytest.approx(row.figures["success_rate"].value)


def test_an_hour_has_a_colour_only_where_its_interval_bears_it_and_a_sign_with_it(edition: Edition) -> None:
    """The evening that is twice as slow is told; noise is not; an invalid hour is withheld, others blank."""
    slow = charts_of(edition, "TTFT p50 by hour of the day")[0]
    cells = [item for item in layer_values(slow, "hour") if item["row"] == 0]
    assert {item["hour"] for item in cells if item["said"]} == {0, 4, 8, 12, 16, 20}
    assert {(item["hour"], item["fill"], item["sign"]) for item in cells if item["apart"] == "slower"} == {
        (20, "var(--fl-slow)", "▲")
    }
    assert all((item["fill"] == "var(--fl-slow)") == (item["sign"] == "▲") for item in cells)
    withheld = charts_of(edition, "TTFT p50 by hour of the day")[2]
    (cell,) = [item for item in layer_values(withheld, "hour") if (item["row"], item["hour"]) == (0, 8)]
    assert (cell["said"], cell["fill"]) == ("×", "transparent")


def test_intervals_that_touch_tell_nothing() -> None:
    whole = Estimate(100.0, 95.0, 105.0, 100, 8)
    assert history._apart(Estimate(110.0, 105.0, 120.0, 30, 4), whole) == ""
    assert history._apart(Estimate(110.0, 105.1, 120.0, 30, 4), whole) == "slower"
    assert history._apart(Estimate(90.0, 80.0, 94.9, 30, 4), whole) == "faster"
    assert history._apart(Estimate(500.0, None, None, 30, 1), whole) == ""


def test_success_by_day_marks_a_day_with_a_failure_by_shape(edition: Edition) -> None:
    found = [layer_values(chart, "day") for chart in charts_of(edition, "Success by day")]
    failing = next(days for days in found if any(item["mark"] != "circle" for item in days))
    assert all((item["mark"] == "circle") == (item["value"] == 100) for item in failing)
    assert all(item["low"] < item["value"] for item in failing)


def test_prices_end_on_the_last_day_they_held_and_the_kinds_are_named(edition: Edition) -> None:
    spans = layer_values(charts_of(edition, "List price")[0], "usd")
    assert [(item["kind"], item["from"], item["until"], item["usd"]) for item in spans] == [
        ("input", "2025-06-01", "2025-12-31", 0.3),
        ("output", "2025-06-01", "2025-12-31", 0.6),
        ("input", "2026-01-01", "today", 0.2),
        ("output", "2026-01-01", "today", 0.6),
    ]


def test_the_clients_error_stands_beside_the_distance_to_the_nearest_rival(edition: Edition) -> None:
    family = edition.rows[0].family
    members = [row for row in edition.rows if row.family == family]
    found = certainty.certainties(members)
    values = sorted(row.figures["ttft_p50_ms"].value or 0.0 for row in members)
    nearest = min(values[1] - values[0], values[2] - values[1])
    assert {(each.error_ms, each.tail_ms) for each in found} == {(0.05, 0.4)}
    assert min(each.effect_ms or 0.0 for each in found) <= nearest
    alone = certainty.certainties(members[:1])
    assert alone[0].effect_ms is None


def test_the_clients_error_is_that_of_every_node_and_a_certificate_is_listed_once(
    repository: Repository,
) -> None:
    """Another node's worse clock widens the error; the first node's certificates are the header's own."""
    windows = [chart_example.on_two_nodes(item, ttft_error_ns=-700_000) for item in evidence()[:40]]
    made = edition_of(repository, windows)
    found = certainty.certainties(made.rows)
    assert {(each.error_ms, each.tail_ms) for each in found} == {(0.7, 0.7)}
    page = Outline(clock.certificates_table(made))
    named = set(re.findall("-neutral, (before|after), node (first|other)", page.text))
    assert named == {("before", "first"), ("after", "first"), ("before", "other")}
    certificates = [item for window in windows for item in window.table.header.certificates()]
    assert sum(name == "tr" for name, _ in page.elements) == 1 + len(certificates) - 2 * len(windows)


@pytest.mark.parametrize("seed", range(20))
def test_words_beside_points_cover_no_point_and_no_other_word(seed: int) -> None:
    """Of the small words those are left out that have no room; each key has its letter, once."""
    source = random.Random(seed)
    values = [
        {"place": place, "letter": "ABCDE"[place // 3], "label": "1832"[place % 3 :], "colour": "c"}
        | {"x": source.random() ** 2, "y": source.random()}
        for place in range(15)
    ]
    letters, levels = scatter._labels(values, (0.0, 1.0), (0.0, 1.0))
    assert [item["letter"] for item in letters] == list("ABCDE")
    points = [(274 * item["x"], 214 * (1 - item["y"])) for item in values]
    boxes = [
        (274 * item["x"] + item["dx"], 214 * (1 - item["y"]) + item["dy"], 4 * len(item["label"]))
        for item in levels
    ]
    assert boxes
    for place, (left, top, half) in enumerate(boxes):
        assert all(abs(left - x) >= half + 6 or abs(top - y) >= 12 for x, y in points)
        others = boxes[:place]
        assert all(abs(left - x) >= half + other or abs(top - y) >= 12 for x, y, other in others)


# -- pictures ------------------------------------------------------------------------------------


def test_a_picture_has_no_colour_of_its_own_no_small_word_and_no_font(pictures: dict[str, str]) -> None:
    """One file for both themes: every colour is a custom property; nothing is smaller than 11 px."""
    assert set(pictures) == TITLES
    for title, picture in pictures.items():
        for colour in re.findall(r' (?:fill|stroke)="([^"]*)"', picture):
            assert colour in ("none", "transparent") or re.fullmatch(r"var\(--fl-[a-z0-9]+\)", colour), (
                title,
                colour,
            )
        assert min(int(size) for size in re.findall(r'font-size="(\d+)px"', picture)) >= 11, title
        assert "font-family" not in picture
        assert "id=" not in picture
        assert len(picture) < 25_000, title


def test_every_colour_of_a_picture_is_given_by_both_themes(pictures: dict[str, str]) -> None:
    style = (Path(__file__).parents[2] / "site/content/assets/fairlead.css").read_text("utf-8")
    wanted = set(re.findall(r"var\((--fl-[a-z0-9]+)\)", "".join(pictures.values())))
    assert wanted
    assert wanted <= set(re.findall(r"(--fl-[a-z0-9]+): light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\);", style))


def test_every_name_and_number_in_a_picture_stays_inside_it(pictures: dict[str, str]) -> None:
    """No picture is wider than a phone, but for the one that scrolls in its own frame."""
    widths = {title: int(re.search(r'<svg width="(\d+)"', picture)[1]) for title, picture in pictures.items()}
    assert {title for title, width in widths.items() if width > 344} == {"TTFT p50 by hour of the day"}


NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
SVG = f'<svg {NAMESPACES} width="1" height="1">{{}}</svg>'


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<style>x</style>",
        "<image href='x'/>",
        "<a xlink:href='javascript:alert(1)'><text>x</text></a>",
        "<foreignObject/>",
        "<use href='#x'/>",
        "<g onclick='alert(1)'><text>x</text></g>",
        "<g style='color:red'><text>x</text></g>",
        "<g id='x'><text>x</text></g>",
        "<rect fill='url(#a)'/>",
        "<rect fill='url(http://evil.example)'/>",
        "<g clip-path='url(#a)'><text>x</text></g>",
        "<rect fill='red\" onload=\"x'/>",
        "<text>x</textt>",
    ],
)
def test_a_picture_that_holds_anything_else_is_refused(inside: str) -> None:
    with pytest.raises(drawing.DrawingError):
        drawing.clean(SVG.format(inside))


def test_words_in_a_picture_are_escaped_again() -> None:
    assert drawing.clean(SVG.format("<text>a &lt;b&gt; &amp;amp; \u202e</text>")) == (
        '<svg width="1" height="1"><text>a &lt;b&gt; &amp;amp; \\u202e</text></svg>'
    )


def test_a_specification_that_asks_for_a_file_gets_nothing(tmp_path: Path) -> None:
    """Even if one came to be: other hosts are refused, and of a file nothing is read."""
    (tmp_path / "data.json").write_text('[{"a": 1}, {"a": 2}]')
    spec = {"mark": "point", "encoding": {"x": {"field": "a", "type": "quantitative"}}}
    for url in ("https://example.org/x.json", "http://127.0.0.1:1/x.json", f"{tmp_path}/data.json"):
        with pytest.raises(drawing.DrawingError, match="not allowed"):
            drawing.render(canonical({**spec, "data": {"url": url}}))
    nothing = drawing.render(canonical({**spec, "data": {"values": []}}))
    assert drawing.render(canonical({**spec, "data": {"url": f"file://{tmp_path}/data.json"}})) == nothing


# -- in a built site -----------------------------------------------------------------------------


def _publish(folder: Path, edition: Edition, cache: Cache | None) -> dict[str, str]:
    digest, chart = next(iter(edition.charts.items()))
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(str(figure({}, chart)) + "<!--fl-chart " + "0" * 32 + "-->", "utf-8")
    made = drawing.publish(folder, [folder / "index.html"], {digest: chart}, drawing.Drawings(cache))
    assert made == [drawing.spec_path(digest), drawing.BUNDLE]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.*")}


def test_what_was_drawn_before_is_not_drawn_again(
    edition: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes with a cache and without; the second time neither Vega nor the bundler is asked."""
    cache = Cache(tmp_path / "cache")
    first = _publish(tmp_path / "first", edition, cache)

    def never(*_: object) -> str:
        raise AssertionError("drawn again")

    monkeypatch.setattr(drawing, "render", never)
    monkeypatch.setattr(drawing, "bundle", never)
    assert _publish(tmp_path / "second", edition, cache) == first


def test_a_file_that_is_there_is_left_and_the_other_pages_are_not_read(
    edition: Edition, tmp_path: Path
) -> None:
    """Once a site is there, only the pages that were made again get their pictures."""
    _publish(tmp_path, edition, None)
    digest, chart = next(iter(edition.charts.items()))
    place = str(figure({}, chart))
    for name in ("again.html", "other.html"):
        (tmp_path / name).write_text(place, "utf-8")
    assert drawing.publish(tmp_path, [tmp_path / "again.html"], {digest: chart}, drawing.Drawings()) == []
    assert "<svg" in (tmp_path / "again.html").read_text("utf-8")
    assert (tmp_path / "other.html").read_text("utf-8") == place


def test_a_picture_stands_in_its_place_with_its_name_and_words(edition: Edition, tmp_path: Path) -> None:
    """The picture has a title and a description; a place that names no chart of ours stays a remark."""
    files = _publish(tmp_path / "site", edition, None)
    chart = next(iter(edition.charts.values()))
    page = files["index.html"]
    assert f'role="img"><title>{chart.title}</title><desc>{visible(chart.says)[:20]}' in page
    assert page.endswith("<!--fl-chart " + "0" * 32 + "-->")
    assert json.loads(files[f"charts/{chart.digest}.json"]) == chart.spec
    assert files["assets/vega.js"].startswith("/*! Vega")
    assert "vega-notices.txt" in files["assets/vega.js"][:120]


def test_every_library_of_the_bundle_has_its_notice() -> None:
    notices = (Path(__file__).parents[2] / "site/content/assets/vega-notices.txt").read_text("utf-8")
    for library in (
        "vega",
        "vega-lite",
        "vega-embed",
        "vega-interpreter",
        "d3-scale",
        "fast-json-patch",
        "semver",
    ):
        assert re.search(rf"(^|, ){library}(,|$)", notices, re.MULTILINE), library


def test_the_example_is_the_same_each_time() -> None:
    assert chart_example.evidence() == chart_example.evidence()
