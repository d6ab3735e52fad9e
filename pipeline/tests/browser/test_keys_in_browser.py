"""A reader's tasks by the keyboard alone: nothing here is clicked, focused or filled by a program."""

from __future__ import annotations

import pytest

from .conftest import silent_page

pytestmark = pytest.mark.browser

NAMES = (
    "[...document.querySelectorAll('[data-board] tr[data-row]:not([hidden])')].map(row => row.dataset.row)"
)
FOCUSED = "document.activeElement"
TABS_MAX = 400


@pytest.fixture
def page(address: str, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address.rstrip("/"))
    with silent_page(context) as page:
        page.goto(address + "models/fable-7b/")
        yield page


def tab_to(page, selector: str) -> None:
    """Press Tab until an element that fits has the focus, and see that its focus can be seen."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if page.evaluate(f"selector => {FOCUSED}.matches(selector)", selector):
            style = page.evaluate(
                f"[getComputedStyle({FOCUSED})].map(one => one.outlineStyle + one.boxShadow)"
            )
            assert style != ["nonenone"], f"nobody sees that {selector} has the focus"
            return
    pytest.fail(f"{TABS_MAX} times Tab do not lead to {selector}")


def open_panel(page, name: str) -> None:
    for _ in range(10):
        tab_to(page, ".fl-bar button")
        if page.evaluate(f"{FOCUSED}.textContent") == name:
            page.keyboard.press("Enter")
            return
    pytest.fail(f"no button says {name}")


def query(page) -> str:
    return page.evaluate("location.search")


def test_sort_by_a_column(page) -> None:
    tab_to(page, ".fl-board th[data-figure=ttft_p50_ms] button")
    page.keyboard.press("Enter")
    assert query(page) == "?sort=ttft_p50_ms"
    page.keyboard.press("Space")
    assert query(page) == "?sort=-ttft_p50_ms"


def test_filter_the_rows(page) -> None:
    open_panel(page, "Filter")
    tab_to(page, "select[name=provider]")
    page.keyboard.type("Cum")
    page.keyboard.press("Enter")
    assert [row.split("/")[3] for row in page.evaluate(NAMES)] == ["cumulus"]
    assert query(page) == "?provider=cumulus"


def test_compare_two_rows(page) -> None:
    open_panel(page, "Compare")
    for _ in range(2):
        tab_to(page, ".fl-pick input")
        page.keyboard.press("Space")
    told = page.locator(".fl-panel tbody tr:first-child .fl-told").all_inner_texts()
    assert told == ["not told apart"]


def test_open_the_trail_of_a_number(page, address: str) -> None:
    tab_to(page, ".fl-behind summary")
    page.keyboard.press("Enter")
    assert "fairlead explain fable-7b/" in page.inner_text(".fl-behind details[open]")
    tab_to(page, ".fl-behind details[open] a[href*='raw/']")
    assert page.evaluate(f"{FOCUSED}.href").startswith(f"{address}raw/submissions/neutral/")


def test_copy_the_view_as_markdown(page) -> None:
    open_panel(page, "Take away")
    for _ in range(10):
        tab_to(page, ".fl-panel button")
        if page.evaluate(f"{FOCUSED}.textContent") == "Copy as Markdown":
            break
    page.keyboard.press("Enter")
    page.get_by_text("Copied.", exact=True).wait_for()
    assert "| Acme Inference" in page.evaluate("navigator.clipboard.readText()")


def test_read_a_wide_table_and_each_tie_in_words(page, address: str) -> None:
    """A table that is wider than a phone scrolls by arrow keys, and a fold opens by Enter."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address + "interests/")
    tab_to(page, ".fl-ties summary")
    page.keyboard.press("Enter")
    tab_to(page, ".fl-ties .fl-scroll")
    page.evaluate(f"{FOCUSED}.addEventListener('scroll', () => document.body.dataset.scrolled = 1)")
    page.keyboard.press("ArrowRight")
    page.locator("body[data-scrolled]").wait_for(state="attached")
