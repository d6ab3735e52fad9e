"""The front page's table and a provider's: the same controls, and no order across families."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from bench_board import long_table

from fairlead.publish import Bulletin, build_site, running_site

from ..publish_example import COMMIT, NOW, load, write_root
from .conftest import serve, silent_page

pytestmark = pytest.mark.browser

NAMES = (
    "[...document.querySelectorAll('[data-board] tr[data-row]:not([hidden])')].map(row => row.dataset.row)"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The example's own rows, and twelve of three invented models with ranks of their own."""
    folder = tmp_path_factory.mktemp("overview")
    write_root(folder / "root")
    repository, rows = load(folder / "root")
    build_site(repository, (*rows, *long_table(rows, 12, 3)), out=folder / "site", now=NOW, commit=COMMIT)
    return serve(folder / "site")


@pytest.fixture
def page(address: str, browser):
    """The front page; nothing it does may be heard in the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    with silent_page(context) as page:
        page.goto(address)
        yield page


def _models(page) -> list[str]:
    return list(dict.fromkeys(row.split("/")[0] for row in page.evaluate(NAMES)))


def test_the_front_page_sorts_within_families_and_filters_by_model(page) -> None:
    """A model's rows stay together and are ordered by their own ranks; the address says what is shown."""
    served = _models(page)
    assert served[0] == "fable-7b"
    assert len(served) == 4
    page.focus("th[data-figure=ttft_p50_ms] button")
    page.keyboard.press("Enter")
    assert _models(page) == served
    assert "Each group is ordered by itself." in page.inner_text(".fl-said")
    ranks = page.eval_on_selector_all(
        "tr[data-row^='fable-1b/'] td[data-figure=ttft_p50_ms]",
        "cells => cells.map(cell => cell.dataset.rank.split(' ').map(Number))",
    )
    assert ranks == sorted(ranks)
    page.click("text=Filter")
    page.select_option("select[name=model]", label="fable-1b")
    assert page.evaluate("location.search") == "?sort=ttft_p50_ms&model=fable-1b"
    assert _models(page) == ["fable-1b"]
    assert page.locator("tr.fl-group:visible").count() == 1


def test_rows_of_two_models_are_never_told_apart(page) -> None:
    """Side by side they may stand, and each says that it is not compared with the other."""
    page.click("text=Compare")
    one, other = (next(row for row in page.evaluate(NAMES) if row.startswith(f"fable-{n}b/")) for n in (1, 2))
    for row in (one, other):
        page.check(f"tr[data-row='{row}'] .fl-pick input")
    told = page.locator(".fl-panel .fl-told").all_inner_texts()
    assert set(told) == {"not compared: another model, scenario, vantage or methodology"}


def test_a_column_that_was_not_shown_is_a_choice_away_and_is_taken_along(page) -> None:
    """Further figures are there, hidden; the table that is taken away has them, and the model."""
    assert page.locator("th[data-figure=e2e_p50_ms]").is_hidden()
    page.click("text=Columns")
    page.check("input[name=e2e_p50_ms]")
    assert page.locator("th[data-figure=e2e_p50_ms]").is_visible()
    page.click("text=Take away")
    with page.expect_download() as waiting:
        page.click("button:text-is('CSV')")
    assert waiting.value.suggested_filename == "fairlead.csv"
    head, *lines = csv.reader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"), newline=""))
    assert {"model", "e2e_p50_ms", "e2e_p50_ms_low", "e2e_p50_ms_n"} <= set(head)
    assert len(lines) == 18


def test_what_stands_behind_a_row_is_one_click_away(page) -> None:
    """Raw files, methodology, interests and the command that computes it again, unfolded and in sight."""
    page.locator("text=behind this row").first.click()
    behind = page.locator(".fl-behind details[open]")
    behind.wait_for()  # the one that is aimed at
    assert "fairlead explain fable-7b/" in behind.inner_text()
    assert page.evaluate(
        "() => { const at = document.querySelector(':target').getBoundingClientRect();"
        " return at.top > 0 && at.top < innerHeight; }"
    )


def test_the_front_page_is_whole_without_scripts(address: str, browser) -> None:
    """Every row stands there with its figures; no control does."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(address)
    assert page.locator("[data-board] tr[data-row]:visible").count() == 18
    assert page.locator("article button, article select, article input").count() == 0
    page.locator("text=behind this row").first.click()
    page.locator(".fl-behind details[open]").wait_for()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_front_page_moves_nothing_fits_and_can_be_touched(
    address: str, browser, width: int, scheme: str
) -> None:
    """No shift before a reader acts, no page wider than the window, nothing to press below 24 px."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => {"
        "window.shift += entry.value;})).observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(address, wait_until="load")
    page.screenshot()  # so that it has been painted
    assert page.evaluate("window.shift") < 0.001
    for name in ("Filter", "Columns", "Compare", "Take away"):
        page.click(f".fl-bar button:text-is('{name}')")
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0, name
        small = page.eval_on_selector_all(
            "article button, article select, article label.fl-check, .fl-when a, .fl-search",
            "all => all.filter(each => each.offsetParent && each.getBoundingClientRect().height < 24)"
            ".map(each => each.textContent)",
        )
        assert small == [], name
    context.close()


def test_a_providers_rows_have_the_same_controls(page, address: str) -> None:
    """Rows of several models are ordered by value, and the page says that this is no ranking."""
    page.goto(address + "providers/acme/")
    assert page.locator(".fl-bar button").all_inner_texts()[:2] == ["Filter", "Columns"]
    page.click(".fl-board th[data-figure=ttft_p50_ms] button")
    assert page.evaluate("location.search") == "?sort=ttft_p50_ms"
    page.locator(".fl-behind summary").first.click()
    assert "fairlead explain" in page.locator(".fl-behind details[open]").inner_text()


def test_the_search_has_a_page_of_its_own(page) -> None:
    """Only there are the words of the site loaded; a key stroke finds a provider by its name."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload(wait_until="networkidle")
    assert not any("search" in url for url in asked)
    page.click(".fl-search")
    page.locator("[data-md-component=search-query]:focus").wait_for()
    page.keyboard.type("borealis")
    page.locator(".md-search-result__item", has_text="Borealis").first.wait_for()
    assert any(url.endswith("search/search_index.json") for url in asked)


def test_an_open_page_reloads_when_the_site_has_changed(browser, tmp_path: Path) -> None:
    """Under the page's own policy, and without a word in the console."""
    write_root(tmp_path / "root")
    build_site(*load(tmp_path / "root"), out=tmp_path / "site", now=NOW, commit=COMMIT)
    bulletin, said = Bulletin(), []
    with running_site(tmp_path / "site", bulletin) as address:
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.goto(address + "about/")
        file = tmp_path / "site" / "about" / "index.html"
        file.write_text(file.read_text("utf-8").replace("<h1", "<h1 data-new", 1), "utf-8")
        bulletin.post("a.yaml:1:1: error[DOC003] broken")
        page.locator("h1[data-new]").wait_for(state="attached")
        assert "error[DOC003]" in page.inner_text("[role=alert]")
        page.close()
    assert said == []
