"""The leaderboard's controls, as a reader uses them: by key and by touch, under the site's own policy."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

import pytest
from bench_board import long_table

from fairlead.problems import visible
from fairlead.publish import build_site
from fairlead.publish.rows import ROWS_FIRST
from fairlead.ranking import Row

from ..publish_example import COMMIT, HOSTILE, NOW, PROVIDERS, build, load, write_root
from .conftest import serve

pytestmark = pytest.mark.browser

FORMULA = '=HYPERLINK("https://evil.example","x")'
MENTION = "@team|_x_ +1"
PAGE = "models/fable-7b/"
ROW = "fable-7b/chat-c1/harbour/{}/api/neutral/0.1.0"
ACME, BOREALIS, CUMULUS = (ROW.format(name) for name in ("acme", "borealis", "cumulus"))
NAMES = (
    "[...document.querySelectorAll('[data-board] tbody:not([hidden]) > tr[data-row]:not([hidden])')]"
    ".map(row => row.dataset.row)"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with a name that a spreadsheet would run, and one that calls people."""
    folder = tmp_path_factory.mktemp("board") / "root"
    write_root(folder)
    for provider, name in (("dunlin", FORMULA), ("cumulus", MENTION)):
        path = folder / f"providers/{provider}.yaml"
        served = f"name: {PROVIDERS[provider][0]}\n"
        assert served in path.read_text()
        path.write_text(path.read_text().replace(served, f"name: {json.dumps(name)}\n"))
    return folder


@pytest.fixture(scope="module")
def address(root: Path) -> str:
    build(root, root.parent / "site")
    return serve(root.parent / "site")


@pytest.fixture
def page(address: str, browser):
    """The model's page at a desk; nothing it does may be heard in the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address.rstrip("/"))
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: said.append(request.url) if address not in request.url else None)
    page.goto(address + PAGE)
    yield page
    context.close()
    assert [text for text in said if not text.startswith(("data:", f"blob:{address}"))] == []


def query(page) -> str:
    return page.evaluate("location.search")


def ids(page) -> list[str]:
    return [row.split("/")[3] + ("!" if "/claim/" in row else "") for row in page.evaluate(NAMES)]


# -- order ---------------------------------------------------------------------------------------


def test_a_head_sorts_by_key_and_what_the_data_cannot_tell_apart_keeps_its_order(page) -> None:
    """Worst first turns rank ranges round, not the rows within one; the unranked stay below."""
    served = ids(page)
    assert served == ["acme", "borealis", "cumulus", "hostile", "dunlin", "hostile!"]
    head = page.locator(".fl-board th[data-figure=ttft_p50_ms]")
    page.keyboard.press("Tab")
    head.locator("button").focus()
    assert head.locator("button").evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert (query(page), head.get_attribute("aria-sort")) == ("?sort=ttft_p50_ms", "ascending")
    assert ids(page)[:4] == served[:4]
    page.keyboard.press("Space")
    assert (query(page), head.get_attribute("aria-sort")) == ("?sort=-ttft_p50_ms", "descending")
    assert ids(page) == ["hostile", "cumulus", "acme", "borealis", "hostile!", "dunlin"]
    assert "the data cannot tell them apart" in page.inner_text(".fl-said")
    page.keyboard.press("Enter")
    assert (query(page), head.get_attribute("aria-sort"), ids(page)) == ("", None, served)


def test_more_is_better_is_sorted_downwards_and_an_unranked_figure_is_said_to_be_one(page) -> None:
    """Best first is descending for a speed; a figure without ranks is ordered by value, with a warning."""
    page.click(".fl-board th[data-figure=system_throughput_tps] button")
    assert page.get_attribute(".fl-board th[data-figure=system_throughput_tps]", "aria-sort") == "descending"
    assert ids(page)[:2] == ["acme", "borealis"]
    page.click(".fl-board th[data-figure=tpot_p50_ms] button")
    values = [
        float(value)
        for value in page.eval_on_selector_all(
            ".fl-board tbody:first-of-type td[data-figure=tpot_p50_ms]",
            "cells => cells.map(cell => cell.dataset.given.split(' ')[0])",
        )
    ]
    assert values == sorted(values)
    assert "not ranked" in page.inner_text(".fl-said")


def test_the_lines_of_a_row_move_with_it(page) -> None:
    """Notes and what stands behind a row follow it; the heading of the unranked stays on top of them."""
    page.goto(page.url + "?sort=-provider")
    kinds = page.eval_on_selector_all(
        "[data-board] tbody tr", "rows => rows.map(row => row.dataset.row?.split('/')[3] ?? row.className)"
    )
    group = kinds.index("fl-group")
    assert kinds[group + 1] in ("dunlin", "hostile")
    for place, kind in enumerate(kinds):
        if kind == "borealis":
            assert kinds[place + 1 : place + 3] == ["fl-reason", "fl-behind"]
    assert kinds[-1] == "fl-behind"


# -- filters, columns, address -------------------------------------------------------------------


def test_filters_stand_in_the_address_and_back_and_forward_follow_them(page) -> None:
    """Each choice is a step that can be gone back; a reset leaves a bare address."""
    page.click("text=Filter")
    page.select_option("select[name=state]", label="no rank")
    assert (query(page), ids(page)) == ("?state=no+rank", ["dunlin", "hostile!"])
    page.select_option("select[name=hardware]", label="disclosed")
    assert (query(page), ids(page)) == ("?state=no+rank&hardware=disclosed", ["hostile!"])
    assert page.inner_text(".fl-said") == "1 of 6 rows."
    page.go_back()
    assert (query(page), ids(page)) == ("?state=no+rank", ["dunlin", "hostile!"])
    assert page.input_value("select[name=hardware]") == ""
    page.go_forward()
    assert ids(page) == ["hostile!"]
    page.reload()
    assert ids(page) == ["hostile!"]
    page.click("text=Reset")
    assert (query(page), len(ids(page))) == ("", 6)


def test_a_table_without_a_row_is_put_away_with_its_heading(page) -> None:
    """No orphaned heading, facts or notes are left where a filter leaves no row."""
    page.click("text=Filter")
    page.select_option("select[name=provider]", label="Borealis")
    page.select_option("select[name=state]", label="claim")
    assert page.locator("#chat-c1--harbour--0-1-0").is_hidden()
    assert page.locator("[data-board]").is_hidden()
    assert page.inner_text(".fl-said") == "0 of 6 rows."


@pytest.mark.parametrize(
    "bad",
    [
        "?sort=evil&state=%3Cscript%3E&provider=nobody&show=x,__proto__&hide=constructor&compare=a/b&in=-1&p95=1e9",
        "?sort=__proto__&percentile=p100&region=&vantage=%00&compare=,,,&out=9999999999",
        "?%E0%A4%A&sort&sort=&state",
    ],
)
def test_what_an_address_says_that_the_page_has_not_is_ignored(page, bad: str) -> None:
    """A strange address shows the page as it was served."""
    served = ids(page)
    page.goto(page.url + bad)
    assert ids(page) == served
    assert page.locator("[aria-sort]").count() == 0
    assert page.inner_text(".fl-said") == "6 rows."


def test_columns_and_percentile_are_chosen_and_kept_in_the_address(page) -> None:
    """A figure that stands behind the rows becomes a column in the house's order, and sorts like one."""
    shown = (
        "heads => heads.filter(head => !head.hidden).map(head => head.dataset.figure ?? head.dataset.sort)"
    )

    def heads() -> list[str]:
        return page.eval_on_selector_all(".fl-board thead th", shown)

    served = heads()
    page.click("text=Columns")
    page.check("input[name=ttft_adjusted_p50_ms]")
    assert query(page) == "?show=ttft_adjusted_p50_ms"
    assert heads() == [*served[:2], "ttft_adjusted_p50_ms", *served[2:]]
    page.uncheck("input[name=e2e_p50_ms]")
    assert query(page) == "?show=ttft_adjusted_p50_ms&hide=e2e_p50_ms"
    page.click(".fl-board th[data-figure=ttft_adjusted_p50_ms] button")
    assert ids(page)[0] == "acme"
    page.reload()
    assert "ttft_adjusted_p50_ms" in heads()
    assert "e2e_p50_ms" not in heads()
    cell = page.locator(f"tr[data-row='{ACME}'] td:not([hidden])").nth(1)
    assert re.match(r"180\s+17\d – 18\d\s+n 240$", cell.inner_text())
    page.goto(page.url.partition("?")[0] + "?percentile=p90")
    assert heads()[1] == "ttft_p90_ms"


def test_the_row_that_an_address_points_at_is_marked_and_in_sight(page) -> None:
    """Though a filter had hidden it; no other row looks like it."""
    page.click("text=Filter")
    page.select_option("select[name=state]", label="claim")
    row = page.locator("#row--chat-c1--harbour--dunlin--api--neutral--0-1-0")
    assert row.is_hidden()
    page.evaluate("id => { location.hash = id; }", row.get_attribute("id"))
    row.wait_for()
    assert row.get_attribute("data-row") == ROW.format("dunlin")
    assert row.evaluate(
        "row => { const at = row.getBoundingClientRect(); return at.top > 0 && at.bottom < innerHeight; }"
    )
    ground = "row => [...row.cells].map(cell => getComputedStyle(cell).backgroundColor)"
    others = page.locator("[data-board] tr[data-row]:not(:target)").evaluate_all(
        f"rows => rows.flatMap({ground})"
    )
    assert len(set(row.evaluate(ground))) == 1
    assert not {*row.evaluate(ground)} & {*others}


# -- side by side --------------------------------------------------------------------------------


def test_compared_rows_differ_only_where_their_rank_ranges_lie_apart(page) -> None:
    """Acme and Borealis share a range: not told apart. Cumulus is behind. A claim is never compared."""
    page.click("text=Compare")
    claim = next(row for row in page.evaluate(NAMES) if "/claim/" in row)
    for row in (ACME, BOREALIS, CUMULUS, claim):
        page.check(f"tr[data-row='{row}'] .fl-pick input")
    assert query(page) == f"?compare={ACME},{BOREALIS},{CUMULUS},{claim}"
    assert page.is_disabled(f"tr[data-row='{ROW.format('dunlin')}'] .fl-pick input")
    told = page.eval_on_selector_all(
        ".fl-panel tbody tr:first-child td",
        "cells => cells.map(cell => cell.querySelector('.fl-told')?.textContent)",
    )
    assert told == [None, "not told apart", "differs: behind", "not compared: one has no rank"]
    tpot = page.locator(".fl-panel tbody tr", has_text="TPOT p50").locator(".fl-told")
    assert tpot.all_inner_texts()[:2] == ["not told apart: intervals overlap"] * 2
    page.reload()
    assert page.locator(".fl-panel tbody tr").count() > 3
    page.click("[aria-label='Remove Borealis']")
    assert page.locator(".fl-panel thead th").count() == 4


# -- what is taken away --------------------------------------------------------------------------


def test_csv_holds_the_view_and_no_spreadsheet_runs_it(page) -> None:
    """RFC 4180, every figure with interval, n and rank; a name that begins like a formula is a text."""
    page.goto(page.url + "?sort=-ttft_p50_ms&hide=e2e_p50_ms")
    page.click("text=Take away")
    with page.expect_download() as waiting:
        page.click("button:text-is('CSV')")
    assert waiting.value.suggested_filename == "fable-7b.csv"
    text = Path(waiting.value.path()).read_bytes().decode()
    assert text.count("\r\n") == text.count("\n") == 7
    head, *lines = csv.reader(io.StringIO(text, newline=""))
    found = [dict(zip(head, line, strict=True)) for line in lines]
    assert [line["provider"] for line in found] == [row.rstrip("!") for row in ids(page)]
    names = {line["provider"]: line["name"] for line in found}
    assert names["dunlin"] == f"'{FORMULA}"
    assert names["cumulus"] == f"'{MENTION}"
    assert names["hostile"] == visible(HOSTILE)
    assert all(not re.match(r"[=+\-@\t\r\n]", field) for line in found for field in line.values())
    cumulus = next(line for line in found if line["provider"] == "cumulus")
    assert (
        float(cumulus["ttft_p50_ms_low"]) < float(cumulus["ttft_p50_ms"]) < float(cumulus["ttft_p50_ms_high"])
    )
    assert (cumulus["ttft_p50_ms_n"], cumulus["ttft_p50_ms_rank_best"]) == ("240", "3")
    assert "e2e_p50_ms" not in head


def test_json_holds_the_same_figures_as_the_data_files(page, address: str) -> None:
    """Value, interval, n and rank of each row are those of the published leaderboard."""
    page.click("text=Take away")
    with page.expect_download() as waiting:
        page.click("button:text-is('JSON')")
    view = json.loads(Path(waiting.value.path()).read_text("utf-8"))
    with urlopen(f"{address}api/v1/leaderboards/fable-7b.json") as answer:
        published = {row["id"]: row for row in json.load(answer)["rows"]}
    assert [row["id"] for row in view["rows"]] == page.evaluate(NAMES)
    for row in view["rows"]:
        for name, figure in row["figures"].items():
            known = published[row["id"]]["figures"][name]
            assert [figure[key] for key in ("value", "low", "high")] == [
                known[key] for key in ("value", "low", "high")
            ]
            assert figure["rank"] == published[row["id"]]["ranks"].get(name)


def test_markdown_is_copied_as_the_text_and_nothing_else(page) -> None:
    """No stranger's name makes a column, a link, an emphasis or a mention."""
    page.click("text=Take away")
    page.click("text=Copy as Markdown")
    page.get_by_text("Copied.", exact=True).wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines[:8]]
    assert len(set(bars)) == 1
    assert "180 \\(176 – 184\\; n 240\\; rank 1–2 of 4\\)" in lines[2]
    assert any("\\@\u2060team\\|\\_x\\_ \\+1" in line for line in lines)
    assert all(not re.search(r"(?<!\\)[<\[`*_]", line) for line in lines[:8])


# -- a reader's own workload ---------------------------------------------------------------------


def test_a_workload_is_reckoned_by_the_stated_formula(page) -> None:
    """Cost from tokens and list prices; latency of one token is the TTFT itself; all of it in the address."""
    page.click("text=My workload")
    for name, value in (("in", "1000"), ("out", "1"), ("day", "10000"), ("p95", "500")):
        page.fill(f".fl-panel input[name={name}]", value)
        page.press(f".fl-panel input[name={name}]", "Enter")
    assert query(page) == "?in=1000&out=1&day=10000&p95=500"
    cells = page.locator(".fl-worked tbody tr").first.locator("td").all_inner_texts()
    assert cells[0] == f"{10000 * (1000 * 0.2 + 1 * 0.6) / 1e6:.2f}"
    assert " ".join(cells[1].split()) == "180 176 – 184"
    assert "Estimates, not measurements." in page.inner_text(".fl-worked")
    page.fill(".fl-panel input[name=out]", "99999")
    page.press(".fl-panel input[name=out]", "Enter")
    assert "–" in page.locator(".fl-worked tbody tr").first.locator("td").nth(1).inner_text()


# -- with nothing, on everything -----------------------------------------------------------------


def test_without_scripts_the_board_is_whole_and_nothing_dead_stands_on_it(address: str, browser) -> None:
    """Every figure, the raw files and the way to compute it again can be reached; there is no control."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(address + PAGE)
    assert page.locator("article button, article select, article input").count() == 0
    assert page.locator(".fl-tools").bounding_box()["height"] == 0
    page.locator(".fl-behind summary").first.click()
    behind = page.locator(".fl-behind details").first
    assert f"fairlead explain {ACME}" in behind.inner_text()
    assert "TTFT p50, failures as infinitely slow" in behind.inner_text()
    raw = behind.locator("a[href*='/raw/'], a[href*='raw/submissions']").first.get_attribute("href")
    with urlopen(address + PAGE + str(raw)) as answer:
        assert answer.status == 200
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_panel_fits_can_be_touched_and_moves_nothing_on_loading(
    address: str, browser, width: int, scheme: str
) -> None:
    """No page wider than the window with any panel open, no small target, no shift before a reader acts."""
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, has_touch=width < 500
    )
    page = context.new_page()
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => {"
        "if (!entry.hadRecentInput) window.shift += entry.value;"
        "})).observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(address + PAGE + "?sort=-ttft_p50_ms&show=ttft_adjusted_p50_ms", wait_until="load")
    page.screenshot()  # so that it has been painted
    assert page.evaluate("window.shift") < 0.001
    for name in ("Filter", "Columns", "Compare", "My workload", "Take away"):
        button = page.locator(f".fl-bar button:text-is('{name}')")
        button.tap() if width < 500 else button.click()
        assert button.get_attribute("aria-expanded") == "true"
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 24
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0, name
    unnamed = page.eval_on_selector_all(
        ".fl-tools input, .fl-tools select, .fl-tools textarea",
        "fields => fields.filter(field => !field.labels.length && !field.ariaLabel).length",
    )
    assert unnamed == 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("panel", ["Filter", "Columns", "Compare", "My workload", "Take away"])
def test_axe_finds_nothing_wrong_with_any_panel(address: str, browser, panel: str, scheme: str) -> None:
    """Names, contrast, roles and states of the board and its controls, as axe-core judges them."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)  # axe itself is an inline script
    page = context.new_page()
    page.goto(address + PAGE + f"?in=1000&out=300&day=10000&p95=3000&compare={ACME},{CUMULUS}")
    page.locator(".fl-behind summary").first.click()
    button = page.locator(f".fl-bar button:text-is('{panel}')")
    if button.get_attribute("aria-expanded") == "false":
        button.click()
    found = axe.Axe().run(page)
    context.close()
    assert found.violations_count == 0, found.generate_report()


def test_the_front_page_is_light(address: str, browser) -> None:
    """All that the front page asks for, compressed as a host sends it, is at most 200 kB."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, wait_until="networkidle")
    page.close()
    sizes = {}
    for url in dict.fromkeys(url for url in asked if url.startswith(address)):
        with urlopen(url) as answer:
            sizes[url.removeprefix(address)] = len(gzip.compress(answer.read(), 6))
    print(f"front page: {sum(sizes.values()) / 1000:.1f} kB over the wire")
    assert sum(sizes.values()) <= 200_000, sizes


# -- a long table --------------------------------------------------------------------------------

LONG = 120  # rows
SHOWN = (
    "() => [...document.querySelectorAll('tr[data-row]')].filter(row => row.getClientRects().length).length"
)


@pytest.fixture(scope="module")
def many(root: Path) -> tuple[Row, ...]:
    return tuple(long_table(load(root)[1], LONG))


@pytest.fixture(scope="module")
def long_site(root: Path, many: tuple[Row, ...]) -> str:
    out = root.parent / "many"
    build_site(load(root)[0], many, out=out, now=NOW, commit=COMMIT)
    return serve(out)


def test_a_long_table_is_sorted_over_all_its_rows_and_shown_in_part(
    long_site: str, many: tuple[Row, ...], browser
) -> None:
    """The first are the first of all, and all of them are a click away."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(long_site + PAGE)
    page.click("th[data-figure=ttft_p50_ms] button")
    by_id = {row.id: row.ranks["ttft_p50_ms"] for row in many}
    shown = [by_id[row] for row in page.evaluate(NAMES)]
    assert len(shown) == ROWS_FIRST
    best = sorted((rank.best, rank.worst) for rank in by_id.values())
    assert [(rank.best, rank.worst) for rank in shown] == best[:ROWS_FIRST]
    page.click(f"text=Show all {LONG} rows")
    assert len(page.evaluate(NAMES)) == LONG
    page.close()


@pytest.mark.parametrize("path", ["", PAGE])
def test_late_rows_cost_no_layout_until_the_script_has_come_and_are_shown_if_it_never_does(
    long_site: str, browser, path: str
) -> None:
    """Before it the first rows alone have a place on the page; once the wait for it is over, all have."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.route("**/board-rows.js", lambda route: route.abort())
    page.goto(long_site + path, wait_until="load")
    wait = "() => document.querySelector('[data-board]').getAnimations()"
    assert page.evaluate(
        f"({wait})().map(each => (each.pause(), each.currentTime = 0, each.animationName))"
    ) == ["fl-unread"]
    assert page.evaluate(SHOWN) == ROWS_FIRST
    assert page.locator(".fl-bar").count() == 0
    page.evaluate(f"({wait})().forEach(each => each.finish())")
    assert page.evaluate(SHOWN) == LONG
    page.close()


@pytest.mark.parametrize("path", ["", PAGE])
def test_the_script_shows_the_rows_that_were_there_before_it(long_site: str, browser, path: str) -> None:
    """So that nothing moves; a group of ranks that the server parted is one again once it is put in order."""
    before = browser.new_context(java_script_enabled=False).new_page()
    before.goto(long_site + path)
    assert before.locator("tr[data-row]:visible").count() == LONG
    early = before.locator("tbody:not(.fl-late) tr[data-row]")
    served = [early.nth(place).get_attribute("data-row") for place in range(early.count())]
    before.context.close()
    page = browser.new_page()
    page.goto(long_site + path)
    assert page.evaluate(NAMES) == served
    assert page.locator("[data-board].fl-read").count() == 1
    assert page.locator("[data-board] tbody").count() == 2
    page.click("th[data-figure=ttft_p50_ms] button")
    assert page.locator("[data-board] tbody").count() == 1
    assert len(page.evaluate(NAMES)) == len(served)
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hours_and_days_of_a_long_table_are_on_a_page_of_their_own(
    long_site: str, browser, width: int, scheme: str
) -> None:
    """A link on the model's page leads there; axe finds nothing wrong, and nothing scrolls sideways."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 844}
    )
    page = context.new_page()
    page.goto(long_site + PAGE)
    page.click("text=Hours and days of every row")
    page.wait_for_url("**/time/")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".md-content details summary").first.click()
    found = axe.Axe().run(page, context=".md-content")
    context.close()
    assert [violation["id"] for violation in found.response["violations"]] == []


def test_rows_are_read_when_asked_for_or_a_few_at_a_time(long_site: str, browser) -> None:
    """Loading reads no figure; each idle moment reads a few rows, until all are read."""
    page = browser.new_page()
    page.add_init_script("""
      window.idle = [];
      window.read = new Set();
      window.requestIdleCallback = act => window.idle.push(act);
      const { get } = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "dataset");
      Object.defineProperty(HTMLElement.prototype, "dataset", { get() {
        if (this.matches("tbody td[data-figure]")) window.read.add(this.closest("tr"));
        return get.call(this);
      } });
    """)
    page.goto(long_site + PAGE)
    assert page.evaluate("[window.read.size, window.idle.length]") == [0, 1]
    sizes = page.evaluate("""async () => {
      const sizes = [];
      while (window.idle.length) {
        window.idle.shift()();
        await new Promise(resolve => setTimeout(resolve));
        sizes.push(window.read.size);
      }
      return sizes;
    }""")
    assert sizes[-1] == LONG
    assert max(after - before for before, after in pairwise([0, *sizes])) <= 20
    page.close()
