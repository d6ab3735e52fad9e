"""Neutral rounds and the weekly rebuild, run in order on this machine, for a board that is measured for real.

A round is measured on a forge's runner, lands on main, and is published; a week later everything is made
again from the raw files and held against what a server says.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fairlead import demo, history
from fairlead.measure.reference import start_reference

from . import roots
from .workflow_runner import SHORT_CERTIFICATES, Machine, Ran

PLACE = f"neutral-{demo.MODEL}-{demo.VANTAGE}"
PERMISSION = "\n  granted: true\n  source: A letter of the board's own.\n  date: 2026-01-05"
TLS = Path(__file__).parent / "tls"
# Nobody waits up to forty minutes here.
HURRY = SHORT_CERTIFICATES + "from fairlead import clock; clock.pause = lambda ns: None"


class Quiet(SimpleHTTPRequestHandler):
    """A folder, served without a word on standard error."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Board:
    """A board on a forge, and a clone of somebody who works on it too; ``site``: what the world is shown."""

    remote: Path
    clone: Path
    machine: Machine
    site: Path
    address: str

    def names(self) -> list[str]:
        """The files of neutral rounds on main."""
        listing = roots.git(self.remote, "ls-tree", "-r", "--name-only", "main", "submissions/neutral")
        return listing.splitlines()

    def move_on(self, path: str, text: str) -> None:
        """Somebody else's change is merged."""
        roots.git(self.clone, "pull", "--quiet", "--ff-only", "forge", "main")
        roots.write(self.clone, path, text)
        roots.git(self.clone, "add", "--all")
        roots.git(self.clone, "commit", "--quiet", "-m", "Something else")
        roots.git(self.clone, "push", "--quiet", "forge", "main")

    def publish(self) -> None:
        """Build the site as the forge does, and show it."""
        shutil.rmtree(self.machine.folder / "artifacts", ignore_errors=True)
        built = self.machine.run("publish", "build", vars={"SITE": self.address})
        assert built.succeeded, built.text
        shutil.rmtree(self.site, ignore_errors=True)
        shutil.copytree(self.machine.folder / "artifacts" / "github-pages", self.site)

    def rebuild(self) -> Ran:
        """Make everything again, and hold it against what is shown."""
        return self.machine.run("rebuild", "rebuild", vars={"SITE": self.address})


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """The demo's honest endpoint as a company's that permits it, from a region; a clone has two remotes."""
    folder = tmp_path_factory.mktemp("board")
    chosen = [one for one in demo.contestants("00") if one.provider in ("demo-honest", "demo-control")]
    root, remote, clone, site = (folder / name for name in ("root", "remote.git", "clone", "site"))
    site.mkdir()
    with start_reference(chosen[0].profile) as first, start_reference(chosen[1].profile) as second:
        demo.make_root(root, chosen, {chosen[0].provider: first, chosen[1].provider: second})
        roots.edit(root, "providers/demo-honest.yaml", "status: reference", "status: active")
        roots.edit(root, "providers/demo-honest.yaml", "permission: null", f"permission:{PERMISSION}")
        roots.edit(root, "methodology/vantages.yaml", "region: null", "region: north")
        history.commit_all(root, "Found the root")
        roots.git(root, "clone", "--quiet", "--bare", ".", str(remote))
        roots.git(root, "clone", "--quiet", ".", str(clone))
        roots.git(clone, "remote", "add", "forge", str(remote))
        for name, value in (("user.name", "Dana"), ("user.email", "dana@example.org")):
            roots.git(clone, "config", name, value)
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        trusting = {"CURL_CA_BUNDLE": str(TLS / "authority.pem")}
        contexts = {"github.repository": "fairlead-example/board", "github.ref": "refs/heads/main"}
        machine = Machine(remote, folder / "machine", contexts, trusting)
        yield Board(remote, clone, machine, site, f"https://localhost:{server.server_port}")
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def landed(board: Board) -> list[str]:
    """A round, measured and committed on a main that has moved: the subjects of the commits that it adds."""
    listed = board.machine.run("schedule", "models")
    assert listed.succeeded, listed.text
    matrix = json.loads(listed.outputs["rounds.rounds"])
    assert matrix == [{"model": demo.MODEL, "vantage": demo.VANTAGE}]
    board.machine.preface = HURRY
    hidden = {"vars": {"MAX_USD": "1"}, "secrets": {"FAIRLEAD_KEYS": "[]"}}
    for entry in matrix:
        ran = board.machine.run("schedule", "measure", matrix=entry, **hidden)
        assert ran.succeeded, ran.text
        assert "waiting until " in ran.text
    board.machine.preface = ""
    assert board.names() == []
    board.move_on("README.md", "Something else.\n")
    before = roots.git(board.remote, "rev-parse", "main").strip()
    done = board.machine.run("schedule", "commit")
    assert done.succeeded, done.text
    return roots.git(board.remote, "log", "--format=%s", f"{before}..main").splitlines()


@pytest.fixture(scope="module")
def published(board: Board, landed: list[str]) -> Board:
    """The board once its round is shown, and main has moved on since."""
    board.publish()
    board.move_on("README.md", "Something else again.\n")
    return board


def test_a_round_is_measured_and_lands_on_main(board: Board, landed: list[str]) -> None:
    """What there is to measure, each of it in a job of its own, and one commit on top of all others."""
    assert landed == ["Measure neutral rounds"]
    kinds = [name.split("/")[3] for name in board.names()]
    assert kinds.count("rounds.yaml") == 1
    assert kinds.count("windows") >= 2  # what does not count on a busy machine is measured once more
    assert kinds.count("calibrations") >= 1


@pytest.mark.usefixtures("landed")
def test_a_round_that_does_not_check_out_stays_off_main(board: Board) -> None:
    """A window whose bytes are not those of its digest: the job fails, and main is what it was."""
    kept = board.machine.folder / "artifacts" / PLACE
    window = next(kept.glob("*/windows/*"))
    whole, before = window.read_bytes(), roots.git(board.remote, "rev-parse", "main")
    window.write_bytes(whole[:-1])
    done = board.machine.run("schedule", "commit")
    assert not done.succeeded
    assert "error[" in done.text
    assert roots.git(board.remote, "rev-parse", "main") == before
    window.write_bytes(whole)


def test_what_is_published_is_made_again_byte_for_byte(published: Board) -> None:
    """From the commit that is published, wherever main is since; and what needs an eye is listed."""
    assert f"{demo.MODEL}/index.html" in (published.site / "SHA256SUMS").read_text()
    ran = published.rebuild()
    assert ran.succeeded, ran.text
    assert "every file is what " in ran.text
    review = published.machine.run("rebuild", "review")
    assert review.succeeded, review.text
    assert review.summary.startswith("price ")


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ("a page", "index.html: FAILED"),
        ("a page and its digest", "not the published bytes: index.html"),
        ("a page that is gone", "index.html: FAILED open or read"),
    ],
)
def test_what_was_altered_after_it_was_published_is_found(published: Board, altered: str, said: str) -> None:
    """Whoever did it: with the list of digests left as it was, or made to fit."""
    page, sums = published.site / "index.html", published.site / "SHA256SUMS"
    text, listed = page.read_bytes(), sums.read_text()
    changed = text.replace(b"</body>", b" </body>")
    page.write_bytes(changed)
    if altered.endswith("digest"):
        sums.write_text(listed.replace(hashlib.sha256(text).hexdigest(), hashlib.sha256(changed).hexdigest()))
    if altered.endswith("gone"):
        page.unlink()
    ran = published.rebuild()
    page.write_bytes(text)
    sums.write_text(listed)
    assert not ran.succeeded
    assert said in ran.text
