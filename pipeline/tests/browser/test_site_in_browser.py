"""The built site in a real browser: phone and desk, light and dark, with its policy in force."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

#: A page of each kind; links and anchors of all pages are followed in test_publish.py.
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
    "methodology/1.0.0-rc/",
    "methodology/1.0.0-rc/since-0.1.0/",
    "governance/",
    "governance/0001-first/",
    "interests/",
    "disputes/",
    "snapshots/",
    "record-2023/",
    "clock/",
    "rules/",
    "glossary/",
    "api/",
    "submit/",
    "walk/",
    "search/",
    "404.html",
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"

AT_ONCE = """() => document.head.append(
  Object.assign(document.createElement("style"), {textContent: "* { transition: none !important }"}))"""
AXE = "axe.run(document, {resultTypes: ['violations'], preload: false})"
#: Without scripts no timer ever fires and nobody waits for a promise: axe's timers are called at once.
AXE_AT_ONCE = f"""() => {{
  window.setTimeout = call => {{ call(); return 0; }};
  window.found = null;
  {AXE}.then(found => {{ window.found = found; }});
}}"""


def found_by_axe(page, *, scripts: bool) -> list[dict]:
    """What axe finds wrong with a page that it was given to."""
    if scripts:
        return page.evaluate(AXE)["violations"]
    page.evaluate(AXE_AT_ONCE)
    return page.evaluate("window.found")["violations"]


class Visit:
    """A browser's window in which all that a page says, asks for and is refused is kept."""

    def __init__(self, browser, address: str, **context: object) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.address = address
        self.said: list[str] = []
        page, said = self.page, self.said
        page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: said.append(f"{page.url}: dialog {dialog.message}"))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", lambda answer: self._answered(answer.url, answer.status))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.said.append(f"{self.page.url}: asked {url}")

    def _failed(self, request) -> None:
        if request.failure != "net::ERR_ABORTED":  # which is how a page that is left ends its requests
            self.said.append(f"{self.page.url}: {request.failure} of {request.url}")

    def _answered(self, url: str, status: int) -> None:
        if status >= 400:
            self.said.append(f"{self.page.url}: {status} of {url}")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_quiet_self_contained_and_fits(
    address: str, browser, width: int, scheme: str, scripts: bool
) -> None:
    """Nothing in the console, nothing refused, no request to another host, no page wider than the window."""
    viewport = {"width": width, "height": 844}
    visit = Visit(browser, address, viewport=viewport, color_scheme=scheme, java_script_enabled=scripts)
    wrong = []
    for path in PAGES:
        visit.page.goto(address + path, wait_until="load")
        overflow = visit.page.evaluate(OVERFLOW)
        if overflow > 0:
            wrong.append((path, f"{overflow} px too wide"))
        background = visit.page.evaluate(BACKGROUND)
        if (background == "rgb(255, 255, 255)") != (scheme == "light"):
            wrong.append((path, f"{background} in the {scheme} scheme"))
    visit.context.close()
    assert visit.said == []
    assert wrong == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_wrong_with_any_page(address: str, browser, width: int, scripts: bool) -> None:
    """Names, roles, order, targets of every kind of page, and contrast in the light and in the dark."""
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe is not installed")
    script = axe.AXE_FILE_PATH.read_text("utf-8")
    viewport = {"width": width, "height": 844}
    context = browser.new_context(viewport=viewport, bypass_csp=True, java_script_enabled=scripts)
    page = context.new_page()
    wrong, backgrounds = [], set()
    for path in PAGES:
        page.emulate_media(color_scheme="light")
        page.goto(address + path, wait_until="load")
        page.evaluate(script)
        page.evaluate(AT_ONCE)
        found = [("light", each) for each in found_by_axe(page, scripts=scripts)]
        backgrounds.add(page.evaluate(BACKGROUND))
        page.emulate_media(color_scheme="dark")
        if scripts:
            page.locator("body[data-md-color-scheme=slate]").wait_for()
        found += [("dark", each) for each in found_by_axe(page, scripts=scripts)]
        backgrounds.add(page.evaluate(BACKGROUND))
        wrong += [
            (path, scheme, each["id"], [node["html"] for node in each["nodes"]]) for scheme, each in found
        ]
    context.close()
    assert wrong == []
    assert len(backgrounds) == 2


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
