"""The built site in a real browser: phone and desk, light and dark, with its policy in force."""

from __future__ import annotations

import pytest

from ..publish_example import build, write_root
from .conftest import serve

pytestmark = pytest.mark.browser

PAGES = (
    "",
    "models/",
    "models/fable-7b/",
    "providers/",
    "providers/acme/",
    "providers/hostile/",
    "submissions/",
    "submissions/hostile/2026-02-19-first/",
    "submissions/neutral/2026-02-harbour-fable-7b/",
    "methodology/",
    "methodology/0.1.0/",
    "governance/",
    "governance/0001-first/",
    "interests/",
    "rules/",
    "glossary/",
    "api/",
    "submit/",
    "about/",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("browser")
    write_root(folder / "root")
    build(folder / "root", folder / "site")
    return serve(folder / "site")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_quiet_self_contained_and_fits(address: str, browser, width: int, scheme: str) -> None:
    """No console message, no request to another host, no page wider than the window."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("dialog", lambda dialog: said.append(f"{page.url}: dialog {dialog.message}"))
    page.on("request", lambda request: asked.append(request.url))
    too_wide = []
    for path in PAGES:
        answer = page.goto(address + path, wait_until="load")
        assert answer is not None
        assert answer.status == 200
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if overflow > 0:
            too_wide.append((path, overflow))
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert too_wide == []


def test_search_finds_a_hostile_page_and_runs_nothing(address: str, browser) -> None:
    """The search works under the policy, and a hostile title is text in its results."""
    page = browser.new_page(viewport={"width": 1280, "height": 844})
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto(address + "search/?q=onerror")  # the theme asks its search for it as soon as that is ready
    page.wait_for_selector(".md-search-result__item", state="attached")
    assert page.locator(".md-search-result__item").count() > 0
    assert page.locator(".md-search-result img, .md-search-result script").count() == 0
    page.close()
    assert dialogs == []


def test_the_first_column_stays_in_sight_on_a_phone(address: str, browser) -> None:
    """Scrolled to its end, a leaderboard still shows which provider a number belongs to."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address + "models/fable-7b/")
    board = page.locator(".fl-scroll").first
    board.evaluate("element => element.scrollLeft = element.scrollWidth")
    assert board.evaluate("element => element.scrollLeft") > 0
    first, around = board.locator("tbody th").first.bounding_box(), board.bounding_box()
    assert first["x"] == pytest.approx(around["x"], abs=1)
    page.close()


def test_a_page_is_readable_without_scripts(address: str, browser) -> None:
    """The leaderboard, its ranks and its links are there with JavaScript switched off."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(address + "models/fable-7b/")
    assert "rank 1–2 of 4" in page.inner_text(".fl-board")
    page.click("text=Acme Inference")
    assert page.inner_text("h1").startswith("Acme Inference")
    context.close()
