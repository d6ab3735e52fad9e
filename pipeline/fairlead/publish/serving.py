"""A built site over HTTP on this machine, for whoever writes it. Knows no page and builds nothing.

An open page can be told that the site has changed. For that a line is put into each page on its way out; no
file holds it. It asks this server alone, so the page's own policy allows it.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fairlead.publish import markup

CHANGES, SCRIPT = "/-/changes", "/-/reload.js"
_RELOAD = f"""\
const shown = new URL(import.meta.url).searchParams.get("shown");
new EventSource("{CHANGES}").addEventListener("message", ({{ data }}) => {{
  if (data !== shown) location.reload();
}});
"""
_END, _CONTENT = b"</head>", b'<article class="md-content__inner md-typeset">'


class Bulletin:
    """What the pages of a served site are told: how often it has changed, and what is wrong with its data."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number = 0
        self._problem = ""
        self._is_open = True

    def post(self, problem: str = "") -> None:
        """The site has changed, or its data are broken; every open page looks again."""
        with self._changed:
            self._number += 1
            self._problem = problem
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of everybody who waits."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def read(self) -> tuple[int, str]:
        """The number of the last change, and what is wrong, if anything."""
        with self._changed:
            return self._number, self._problem

    def wait_beyond(self, number: int) -> int | None:
        """The number of the last change as soon as it is another; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._number != number or not self._is_open)
            return self._number if self._is_open else None


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Static files, our own page for what is missing, no log; with a bulletin, news of changes too."""

    protocol_version = "HTTP/1.1"
    bulletin: Bulletin | None = None

    def __init__(self, *args: object, bulletin: Bulletin | None, directory: str) -> None:
        self.bulletin = bulletin
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.bulletin is not None and path == CHANGES:
            self._tell_changes(self.bulletin)
        elif self.bulletin is not None and path == SCRIPT:
            self._answer(200, "text/javascript; charset=utf-8", _RELOAD.encode())
        else:
            super().do_GET()

    def send_head(self) -> io.BytesIO | IO[bytes] | None:  # type: ignore[override]
        """A page with a bulletin is read whole, since a line is put into it; anything else is a file."""
        page = Path(self.translate_path(self.path))
        if self.bulletin is None or not (self.path.partition("?")[0].endswith("/") or page.suffix == ".html"):
            return super().send_head()
        if page.is_dir():
            page /= "index.html"
        if not page.is_file():
            self.send_error(404)
            return None
        self._answer(200, "text/html; charset=utf-8", page.read_bytes())
        return None

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with the site's own 404 page."""
        page = Path(self.directory) / "404.html"
        if code == 404 and page.is_file():
            self._answer(404, "text/html; charset=utf-8", page.read_bytes())
        else:
            super().send_error(code, message, explain)

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        if self.bulletin is not None and kind.startswith("text/html"):
            body = _with_news(body, *self.bulletin.read())
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.bulletin is not None:
            self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _tell_changes(self, bulletin: Bulletin) -> None:
        """Server-sent events: the number of the last change at once, and again at each change."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        number: int | None = bulletin.read()[0]
        with contextlib.suppress(OSError):  # the reader has left
            while number is not None:
                self.wfile.write(f"data: {number}\n\n".encode())
                self.wfile.flush()
                number = bulletin.wait_beyond(number)
        self.close_connection = True


def _with_news(page: bytes, number: int, problem: str) -> bytes:
    """A page that looks for changes; on top of it what is wrong with the data it was not made from."""
    script = f'<script type="module" src="{SCRIPT}?shown={number}"></script>'.encode()
    page = page.replace(_END, script + _END, 1)
    if not problem:
        return page
    lines = markup.join(map(markup.escape, problem.splitlines()), markup.Html("\n"))
    head = markup.tag("p", "The data are broken; this page shows them as they were before.")
    banner = markup.tag("div", head, markup.tag("pre", lines), class_="fl-why", role="alert")
    return page.replace(_CONTENT, _CONTENT + banner.encode(), 1)


@contextlib.contextmanager
def running_site(folder: Path, bulletin: Bulletin | None = None, *, port: int = 0) -> Iterator[str]:
    """Serve a site on loopback while the block runs, at the address given; port 0 takes a free one.

    Its pages follow what ``bulletin`` says.
    """
    handler = functools.partial(_Handler, bulletin=bulletin, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            if bulletin is not None:
                bulletin.close()
            server.shutdown()
