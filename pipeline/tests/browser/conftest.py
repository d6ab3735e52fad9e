"""A real browser for the tests of this folder, and a built site served to it."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.publish import running_site

from ..publish_example import build, write_root

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


_SERVERS = contextlib.ExitStack()
atexit.register(_SERVERS.close)


def serve(folder: Path) -> str:
    """The address at which a built site is served until the tests end."""
    return _SERVERS.enter_context(running_site(folder))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The example's site, as it is."""
    folder = tmp_path_factory.mktemp("example")
    write_root(folder / "root")
    build(folder / "root", folder / "site")
    return serve(folder / "site")


@contextlib.contextmanager
def silent_page(context: Any) -> Iterator[Any]:
    """A page in a context of its own, which is closed after it; nothing may be heard in the console."""
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Chromium without a window and without a network; the test is skipped where there is none.

    It is closed with its module: while it is open an event loop runs, and no other test could run its own.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no {CHROMIUM}")
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()
