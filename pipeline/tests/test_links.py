"""Links that are alive, dead, hostile or out of reach, against a server that answers at 127.0.0.2.

That address plays the public network here, as it does in the tests of the policy; 127.0.0.1 stays what it is.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fairlead import links
from fairlead.cli import cli
from fairlead.history import EnvironmentProblem
from fairlead.links import Limits, find_dead
from fairlead.measure import policy
from fairlead.repository import load_repository

from . import roots

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 answers on Linux only")

PUBLIC, TLS = "127.0.0.2", Path(__file__).parent / "tls"
SOON = Limits(reply_s=1.5, total_s=60)

# What is answered to HEAD, to GET, and where it leads.
PAGES: dict[str, tuple[int, int, str]] = {
    "/there": (200, 200, ""),
    "/missing": (404, 404, ""),
    "/gone": (410, 410, ""),
    "/no-head": (405, 200, ""),
    "/no-head-and-gone": (501, 404, ""),
    "/head-lies": (404, 200, ""),
    "/refused": (403, 403, ""),
    "/broken": (500, 503, ""),
    "/moved": (301, 301, "/there"),
    "/moved-away": (302, 302, "/missing"),
    "/round": (307, 307, "/round"),
    "/to-a-file": (302, 302, "file:///etc/passwd"),
    "/to-a-secret": (302, 302, "/there?api_key=1234"),
}


class Answers(BaseHTTPRequestHandler):
    """Answers by :data:`PAGES`, and keeps what it heard."""

    protocol_version = "HTTP/1.1"
    server: Site

    def answer(self) -> None:
        """Say what the page says; of one that is not listed, say nothing until the client is gone."""
        site = self.server
        with site.another:
            site.heard.append((self.command, self.path, dict(self.headers)))
            site.busy += 1
            site.busiest = max(site.busiest, site.busy)
            site.another.notify_all()
            site.another.wait_for(lambda: site.busy > 1, timeout=0.02)  # whoever asks beside it is seen
            site.busy -= 1
        head, get, location = PAGES.get(self.path.partition("?")[0], (0, 0, ""))
        status = head if self.command == "HEAD" else get
        if self.path == "/inside":
            status, location = 302, site.inside
        if status:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "1000000000")
            self.end_headers()
            self.wfile.flush()
        with contextlib.suppress(OSError):
            self.rfile.read(1)  # until the client is gone

    do_HEAD = do_GET = answer  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Site(ThreadingHTTPServer):
    """A server at the public address. ``inside``: where its redirect to a private address leads."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__((PUBLIC, 0), Answers)
        self.heard: list[tuple[str, str, dict[str, str]]] = []
        self.another, self.busy, self.busiest, self.inside = threading.Condition(), 0, 0, ""
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def at(self, path: str, host: str = PUBLIC) -> str:
        return f"{'https' if isinstance(self.socket, ssl.SSLSocket) else 'http'}://{host}:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        """A client that leaves in mid-handshake is what is tested."""


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    with Site(tls) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _one_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = policy.why_not_public
    monkeypatch.setattr(policy, "why_not_public", lambda one: None if one == PUBLIC else honest(one))
    for name in ("http_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def everybody_here(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    """Every name is at the public address, but for those of two that are gone."""
    if host.endswith("gone.example"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, (PUBLIC, port))]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/there", None),
        ("/missing", "answers 404"),
        ("/gone", "answers 410"),
        ("/no-head", None),
        ("/no-head-and-gone", "answers 404"),
        ("/head-lies", None),
        ("/refused", None),
        ("/broken", None),
        ("/moved", None),
        ("/moved-away", "answers 404"),
        ("/round", "leads on after 5 redirects"),
        ("/to-a-file", "was not asked for: file:///etc/passwd is no address on the web"),
        (
            "/to-a-secret",
            "was not asked for: it is refused: the URL's parameter api_key looks like a credential",
        ),
        ("/unheard-of", "gives no answer within 1.5 s"),
    ],
)
def test_a_link_is_dead_where_it_says_so_or_says_nothing(path: str, fault: str | None) -> None:
    """Whoever refuses us is there; a redirect is followed to its end; a reply's body is never read."""
    with serving() as site:
        alive = site.at("/there?and=this")
        found = find_dead([site.at(path), alive], limits=SOON)
        asked = [where for _, where, _ in site.heard]
    assert found == ({} if fault is None else {site.at(path): fault})
    assert asked.count("/unheard-of") in (0, 2)  # no answer is asked for once more


def test_nothing_is_said_but_what_is_asked_for() -> None:
    """No key, cookie or account goes along, whatever stands in the environment; and bytes are escaped."""
    with serving() as site:
        assert find_dead([site.at('/there?q=a b\u00e9"<')], limits=SOON) == {}
        ((method, path, headers),) = site.heard
    assert (method, path) == ("HEAD", "/there?q=a%20b%C3%A9%22%3C")
    assert sorted(headers) == ["Accept", "Connection", "Host", "User-Agent"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://ada:secret@127.0.0.2:{port}/",
        "http://127.0.0.2:{port}/?token=1234",
        "http://127.0.0.2:99999/",
        "http://a b/",
        "gopher://127.0.0.2:{port}/",
    ],
)
def test_no_link_leads_to_this_machine_or_carries_a_credential(url: str) -> None:
    """Not by its text, not by a name, not by a redirect: nothing is so much as connected to."""
    with serving() as site, socket.create_server(("127.0.0.1", site.server_port)) as private:
        where = url.format(port=site.server_port)
        site.inside = where
        found = find_dead([where, site.at("/inside")], limits=SOON)
        assert all(fault.startswith("was not asked for: ") for fault in found.values())
        assert len(found) == 2
        assert {path for _, path, _ in site.heard} == {"/inside"}
        private.setblocking(False)
        with pytest.raises(BlockingIOError):
            private.accept()


def test_a_name_that_is_gone_and_a_certificate_that_is_not_valid_are_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over TLS, by the authorities that are trusted; each of them is tried twice, and said as it is."""
    authority = str(TLS / "authority.pem")
    monkeypatch.setattr(links, "tls_context", lambda: ssl.create_default_context(cafile=authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
    with serving(context) as site, serving() as plain:
        good, other = site.at("/there", "localhost"), site.at("/there", "other.example")
        gone, bare = "https://gone.example/", plain.at("/there", "localhost").replace("http:", "https:")
        with socket.create_server((PUBLIC, 0)) as closed:
            port = closed.getsockname()[1]
        shut = f"http://{PUBLIC}:{port}/"
        found = find_dead([good, other, gone, bare, shut], resolve=everybody_here, limits=SOON)
    assert sorted(found) == sorted([other, gone, bare, shut]), found
    assert found[other].startswith("no connection: its certificate is not valid (Hostname mismatch")
    assert found[gone] == "its host has no address (Name or service not known)"
    assert found[bare].startswith("no connection: TLS failed")
    assert found[shut] == "no connection: Connection refused"


def test_a_host_is_asked_one_thing_at_a_time() -> None:
    """However many links lead to it, by whatever way."""
    with serving() as site:
        urls = [site.at(f"{path}?{number}") for number in range(15) for path in ("/there", "/moved")]
        assert find_dead(urls, limits=SOON) == {}
        assert len(site.heard) == 45
        assert site.busiest == 1


def test_a_host_that_cannot_be_reached_is_not_asked_for_each_of_its_links() -> None:
    """Twice in all: a thousand links to it cost no more than one."""
    asked = []

    def resolve(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
        asked.append(host)
        return everybody_here(host, port)

    with serving() as site:
        urls = [site.at("/there"), *(f"http://gone.example/{number}" for number in range(50))]
        assert len(find_dead(urls, resolve=resolve, limits=SOON)) == 50
    assert asked.count("gone.example") == 2


def test_without_a_network_nothing_is_known_of_any_link() -> None:
    """No thousand dead links, but one thing to mend: the machine."""
    urls = [f"https://{number}.gone.example/" for number in range(20)]
    with pytest.raises(EnvironmentProblem, match="of 20 links none was answered by anybody"):
        find_dead(urls, resolve=everybody_here)
    assert find_dead([]) == {}


def test_what_there_was_no_time_for_is_said() -> None:
    """The time of all links together is bounded, and none is passed over in silence."""
    with serving() as site:
        urls = [site.at("/there"), *(site.at(f"/unheard-of?{number}") for number in range(9))]
        found = find_dead(urls, limits=Limits(reply_s=30, total_s=0.5))
    assert found.pop(site.at("/unheard-of?8")) == "was not asked for: the time was over"
    assert len(found) == 8


def test_a_source_a_piece_of_evidence_a_link_and_a_website_are_places_to_look_at(tmp_path: Path) -> None:
    """An API's address is none; nor is what is named without an address."""
    root = roots.build_root(tmp_path / "root")
    case = roots.make_case(evidence=["https://example.org/analysis", "https://example.org/table"])
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-25T10:00:00Z", case=case)
    found = {(link.path.rpartition("/")[2], link.line): link.url for link in every_link(root)}
    assert found["acme.yaml", 5] == "https://acme.example/"
    assert found["acme.yaml", 35] == found["acme.yaml", 42] == "https://acme.example/prices"
    evidence = [url for (name, _), url in found.items() if name == "history.yaml"]
    assert {"https://example.org/analysis", "https://example.org/table"} <= set(evidence)
    assert all("api." not in url for url in found.values())
    text = (root / "providers/acme.yaml").read_text().splitlines()
    assert "https://acme.example/prices" in text[34]


def every_link(root: Path) -> tuple[links.Link, ...]:
    return links.links_of(load_repository(root)[0])


# -- the command ---------------------------------------------------------------------------------


def test_review_lists_dead_links_by_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each line that names it; with a network that is down it says so, and exits 3."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(roots.NOW.timestamp())))
    root = roots.build_root(tmp_path / "root")

    def review(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["review", "--root", str(root), *arguments])

    with serving() as site:
        where = site.at("/missing")
        roots.edit(root, "methodology/governance/funding.yaml", "https://university.example/gifts", where)
        every = links.links_of
        monkeypatch.setattr(
            links, "links_of", lambda of: [one for one in every(of) if one.url.startswith("http:")]
        )
        assert "link " not in review().output
        assert site.heard == []
        found = review("--links")
    assert found.exit_code == 0, found.output
    assert f"link       methodology/governance/funding.yaml:8: {where}: answers 404\n" in found.output
