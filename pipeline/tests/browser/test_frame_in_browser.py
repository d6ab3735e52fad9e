"""What surrounds a page, in a real browser, without the theme's script: colours, folds, contents, drawer."""

from __future__ import annotations

import pytest

from .conftest import silent_page

pytestmark = pytest.mark.browser

SCHEME = "document.body.dataset.mdColorScheme"
SHOWN = (
    "[...document.querySelectorAll('[data-md-component=palette] label')].findIndex(label => !label.hidden)"
)


@pytest.fixture
def page(address: str, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 700}, color_scheme="dark")
    with silent_page(context) as page:
        page.goto(address + "rules/")
        yield page


def test_colours_follow_the_system_until_a_reader_chooses(page, address: str) -> None:
    """The choice goes round by mouse and by Enter, and the next page has it before it is drawn."""
    assert (page.evaluate(SCHEME), page.evaluate(SHOWN)) == ("slate", 0)
    page.emulate_media(color_scheme="light")
    page.locator("body[data-md-color-scheme=default]").wait_for()
    page.click("[data-md-component=palette] label:not([hidden])")
    assert (page.evaluate(SCHEME), page.evaluate(SHOWN)) == ("default", 1)
    page.keyboard.press("Enter")
    assert (page.evaluate(SCHEME), page.evaluate(SHOWN)) == ("slate", 2)
    assert page.get_attribute("meta[name=color-scheme]", "content") == "dark"
    page.goto(address + "search/")
    assert (page.evaluate(SCHEME), page.evaluate(SHOWN)) == ("slate", 2)
    page.emulate_media(color_scheme="dark")
    page.goto(address + "glossary/")
    page.focus(".md-option >> nth=0")
    page.keyboard.press("Enter")
    assert (page.evaluate(SCHEME), page.evaluate(SHOWN)) == ("slate", 0)


def test_paper_is_light_whatever_the_screen_is(page) -> None:
    """Nobody wants to print a black page."""
    ink = "getComputedStyle(document.querySelector('h1')).color"
    assert page.evaluate(SCHEME) == "slate"
    on_screen = page.evaluate(ink)
    page.emulate_media(media="print")
    assert page.evaluate(ink) != on_screen
    page.emulate_media(media="screen", color_scheme="light")
    page.locator("body[data-md-color-scheme=default]").wait_for()
    light = page.evaluate(ink)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(ink) == light


def test_the_frame_needs_no_script_of_the_theme(page, address: str) -> None:
    """Only the page that searches loads it."""
    loaded = (
        "performance.getEntriesByType('resource').map(each => each.name).filter(name => /bundle/.test(name))"
    )
    assert page.evaluate(loaded) == []
    page.goto(address + "search/")
    assert len(page.evaluate(loaded)) == 1


def test_contents_title_and_the_way_up_say_where_a_reader_is(page) -> None:
    """The section that is read is marked; the title comes into the head; turning back offers the way up."""
    assert page.locator(".md-top").is_hidden() or page.get_attribute(".md-top", "hidden") is not None
    page.mouse.move(600, 400)
    page.mouse.wheel(0, 3000)
    page.locator(".md-header__title--active").wait_for()
    page.locator(".md-nav__link--passed >> nth=2").wait_for(state="attached")
    assert page.locator(".md-nav--secondary .md-nav__link--active").count() == 1
    page.mouse.wheel(0, -300)
    page.locator(".md-top:not([hidden])").click()
    page.locator(".md-header__title:not(.md-header__title--active)").wait_for()


def test_an_address_into_a_fold_opens_it(page, address: str) -> None:
    """At once, and when the address of an open page changes."""
    page.goto(address + "models/fable-7b/")
    first, second = page.eval_on_selector_all(
        ".fl-behind [id]", "found => found.slice(0, 2).map(each => each.id)"
    )
    page.goto(f"{address}models/fable-7b/#{first}")
    page.locator(f".fl-behind details[open] #{first}").wait_for()
    page.evaluate(f"location.hash = '{second}'")
    page.locator(f".fl-behind details[open] #{second}").wait_for()


def test_on_a_phone_the_drawer_opens_by_touch_and_a_way_within_the_page_closes_it(page, address: str) -> None:
    """The list of a section opens by Enter, and says so."""
    page.set_viewport_size({"width": 390, "height": 700})
    page.goto(address + "rules/")
    page.click(".md-header label[for=__drawer]")
    page.locator("#__drawer:checked").wait_for(state="attached")
    label = page.locator(".md-nav label[tabindex]").first
    label.focus()
    opened = f"document.querySelector('[aria-labelledby=\"{label.get_attribute('id')}\"]').ariaExpanded"
    before = page.evaluate(opened)
    page.keyboard.press("Enter")
    assert {before, page.evaluate(opened)} == {"true", "false"}
    page.evaluate("location.hash = 'doc001'")
    page.locator("#__drawer:not(:checked)").wait_for(state="attached")


def test_folds_are_open_on_paper(page, address: str) -> None:
    """All of them while it is printed, none of them after that."""
    page.goto(address + "models/fable-7b/")
    closed = "document.querySelectorAll('.md-content details:not([open])').length"
    before = page.evaluate(closed)
    assert before > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(closed) == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(closed) == before


def test_code_wider_than_the_window_is_reached_without_scripts(address: str, browser) -> None:
    """Arrow keys scroll what has the focus."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    with silent_page(context) as page:
        page.goto(address + "api/")
        codes = page.locator("pre > code")
        assert codes.count() > 0
        assert codes.evaluate_all("codes => codes.map(code => code.getAttribute('tabindex'))") == (
            ["0"] * codes.count()
        )


def test_code_that_fits_is_no_stop_on_the_way(page, address: str) -> None:
    """A script takes it out, and puts it back where the window becomes too narrow."""
    page.goto(address + "api/")
    code = page.locator("pre > code").first
    page.locator("pre > code:not([tabindex])").first.wait_for()
    page.set_viewport_size({"width": 390, "height": 700})
    page.locator("pre > code[tabindex='0']").first.wait_for()
    code.focus()
    assert page.evaluate("document.activeElement.tagName") == "CODE"
