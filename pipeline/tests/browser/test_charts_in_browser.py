"""The charts in a real browser: whole without scripts, explored under the site's own policy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from fairlead.publish import build_site, site

from ..chart_example import repository_in, rows_of
from ..publish_example import COMMIT, HOSTILE, NOW
from .conftest import serve

pytestmark = pytest.mark.browser

MODEL, PROVIDER, CLOCK = "models/fable-7b/", "providers/acme/", "clock/"
PAGES = (MODEL, PROVIDER, "providers/hostile/", CLOCK)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The example's site; the model's name, too, is a stranger's."""
    folder: Path = tmp_path_factory.mktemp("charts")
    repository = repository_in(folder / "root")
    models = {key: msgspec.structs.replace(each, name=HOSTILE) for key, each in repository.models.items()}
    repository = dataclasses.replace(repository, models=models)
    with pytest.MonkeyPatch.context() as patch:  # windows made in memory: no file to read
        patch.setattr(site.exports, "write", lambda *_: [])
        build_site(repository, rows_of(repository), out=folder / "site", now=NOW, commit=COMMIT)
    return serve(folder / "site")


def quiet_page(address: str, browser, said: list[str], **options: object):
    """A page of which everything that it says or asks of others is noted."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda ask: None if ask.url.startswith((address, "data:")) else said.append(ask.url))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', event => console.error(event.blockedURI))"
    )
    return page


def test_charts_are_whole_without_scripts(address: str, browser) -> None:
    """On a phone: every picture with its name and words, the figures behind it, no dead button."""
    said: list[str] = []
    page = quiet_page(address, browser, said, java_script_enabled=False)
    page.set_viewport_size({"width": 390, "height": 844})
    for path in PAGES:
        page.goto(address + path)
        figures = page.locator("figure.fl-chart")
        assert figures.count() > 0
        for figure in figures.all():
            picture = figure.locator("svg[role=img]")
            assert picture.locator("title").first.text_content()
            assert len(picture.locator("desc").first.text_content()) > 40
            assert picture.bounding_box()["height"] > 40
        assert page.locator("figure button").count() == 0
        tables = page.locator("figure.fl-chart details table")
        assert tables.count() > 0 or path == MODEL
    page.context.close()
    assert said == []


def test_one_picture_has_the_colours_of_both_themes(address: str, browser) -> None:
    said: list[str] = []
    seen = {}
    for scheme in ("light", "dark"):
        page = quiet_page(address, browser, said, color_scheme=scheme)
        page.goto(address + MODEL)
        picture = page.locator("figure.fl-chart svg").first
        text = picture.evaluate("svg => svg.outerHTML")
        colours = picture.evaluate(
            "svg => [...svg.querySelectorAll('text')].map(t => getComputedStyle(t).fill)"
        )
        seen[scheme] = (text, tuple(colours))
        page.context.close()
    assert seen["light"][0] == seen["dark"][0]
    assert set(seen["light"][1]).isdisjoint(seen["dark"][1])
    assert said == []


@pytest.mark.parametrize("path", PAGES)
def test_every_chart_can_be_explored_under_the_policy(address: str, browser, path: str) -> None:
    """Nothing is loaded before a reader asks; then each opens by key, and closes by Escape."""
    said: list[str] = []
    asked: list[str] = []
    page = quiet_page(address, browser, said)
    page.on("request", lambda ask: asked.append(ask.url.removeprefix(address)))
    page.goto(address + path, wait_until="networkidle")
    assert not [url for url in asked if "vega" in url or url.startswith("charts/")]
    for figure in page.locator("figure.fl-chart").all():
        button = figure.locator(".fl-explore")
        button.focus()
        page.keyboard.press("Enter")
        figure.locator(".fl-explored svg").wait_for()
        assert button.text_content() == "Close"
        assert not figure.locator(".fl-drawing").is_visible()
        drawn = figure.locator(".fl-explored svg").inner_html()
        assert "<text" in drawn
        assert "NaN" not in drawn
        page.keyboard.press("Escape")
        assert button.evaluate("button => document.activeElement === button")
        assert figure.locator(".fl-drawing svg").is_visible()
        assert figure.locator(".fl-explored svg").count() == 0
    assert asked.count("assets/vega.js") == 1
    page.context.close()
    assert said == []


def test_a_mark_tells_its_figures_as_text_and_axes_move(address: str, browser) -> None:
    said: list[str] = []
    page = quiet_page(address, browser, said)
    page.goto(address + MODEL)
    figure = page.locator("figure.fl-chart", has_text="TTFT p50").first
    figure.locator(".fl-explore").click()
    marks = figure.locator(
        ".fl-explored svg .role-mark.mark-symbol path, .fl-explored svg .mark-symbol.role-mark path"
    )
    marks.last.hover()
    tip = figure.locator(".fl-tip")
    tip.wait_for(state="visible")
    assert "<script>alert(1)" in tip.inner_text()
    assert tip.locator("script, img").count() == 0
    axis = figure.locator(".fl-explored .role-axis-label text").all_text_contents()
    marks.first.hover()
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Shift")
    page.wait_for_function(
        "before => document.querySelector('.fl-explored .role-axis-label').textContent !== before",
        arg="".join(axis),
    )
    page.context.close()
    assert said == []


def test_a_chart_that_cannot_be_explored_says_so_and_stays(address: str, browser) -> None:
    """The library is missing: the picture is still there, and a second try is possible."""
    page = quiet_page(address, browser, [])
    page.route("**/assets/vega.js", lambda route: route.abort())
    page.goto(address + PROVIDER)
    figure = page.locator("figure.fl-chart").first
    figure.locator(".fl-explore").click()
    figure.locator("text=cannot be explored now").wait_for()
    assert figure.locator(".fl-drawing svg").is_visible()
    page.unroute("**/assets/vega.js")
    figure.locator(".fl-explore").click()
    figure.locator(".fl-explored svg").wait_for()
    page.context.close()


@pytest.mark.parametrize(("path", "scheme"), [(MODEL, "light"), (PROVIDER, "dark"), (CLOCK, "light")])
def test_axe_finds_nothing_wrong_with_charts(address: str, browser, path: str, scheme: str) -> None:
    """With one explored and its figures unfolded, the others as they are."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)  # axe itself is an inline script
    page = context.new_page()
    page.goto(address + path)
    page.locator(".fl-explore").first.click()
    page.locator(".fl-explored svg").first.wait_for()
    for summary in page.locator("figure.fl-chart summary").all()[:3]:
        summary.click()
    found = axe.Axe().run(page, context="figure.fl-chart")
    context.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_with_charts_is_wider_than_its_window(address: str, browser, width: int) -> None:
    """Closed and explored; what is wider scrolls in its own frame."""
    said: list[str] = []
    page = quiet_page(address, browser, said)
    page.set_viewport_size({"width": width, "height": 844})
    for path in PAGES:
        page.goto(address + path)
        for is_open in (False, True):
            if is_open:
                page.locator(".fl-explore").first.click()
                page.locator(".fl-explored svg").first.wait_for()
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert over <= 0, (path, is_open)
    page.context.close()
    assert said == []
