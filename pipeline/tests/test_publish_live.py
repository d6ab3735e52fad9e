"""``fairlead serve``: an open page follows the files, and broken files take nothing away."""

from __future__ import annotations

import dataclasses
import http.client
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.publish import (
    Bulletin,
    LiveSite,
    SiteError,
    build_site,
    follow,
    look_at,
    running_site,
    shipped_source,
)
from fairlead.windows import decode_window, digest, encode_window

from .publish_example import COMMIT, NOW, load, tree_digest, write_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_root(tmp_path / "root")
    return tmp_path / "root"


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


# -- what is rendered ----------------------------------------------------------------------------


ROUNDS = "submissions/neutral/2026-02-harbour-fable-7b"
PROPOSAL = "methodology/proposals/0001-first/proposal.md"
FEW = 9  # pages
# What changes, and how many pages say it at most; None: each provider's page names the model.
CHANGES: tuple[tuple[str, str, str, int | None], ...] = (
    ("providers/dunlin.yaml", "name: Dunlin", "name: Dunlin & Sons", FEW),
    ("providers/acme.yaml", "region: ", "region: north-", FEW),
    ("providers/hostile.yaml", "input_usd_per_mtok: 0.2", "input_usd_per_mtok: 0.25", FEW),
    ("methodology/governance/members/bo-example.yaml", "2028-01-15", "2029-01-15", FEW),
    ("methodology/governance/charter.md", "\n", "\n\nOne more sentence.\n\n", FEW),
    ("methodology/versions/0.1.0/methodology.md", "\n\n", "\n\nOne more sentence.\n\n", FEW),
    ("methodology/versions/0.1.0/methodology.yaml", "stale_badge_days: 30", "stale_badge_days: 3", None),
    (PROPOSAL, "\n", "\n\nOne more sentence.\n\n## A heading\n\n", FEW),
    (f"{ROUNDS}/history.yaml", "kind: upheld", "kind: dismissed", None),
    ("methodology/models.yaml", "name: Fable 7B", "name: Fable Seven", None),
)


def test_only_what_changed_is_rendered_and_the_bytes_are_those_of_a_whole_build(
    root: Path, tmp_path: Path
) -> None:
    """One kind of file after the other, a raw one last; and then all as it was. Checksums included."""
    live = LiveSite(tmp_path, shipped_source())
    live.update(*load(root), now=NOW, commit=COMMIT)
    first = tree_digest(live.site)
    shutil.copytree(root, tmp_path / "before")
    for name, old, new, most in CHANGES:
        _replace(root / name, old, new)
        count, problems = live.update(*load(root), now=NOW, commit=COMMIT)
        assert problems == ()
        assert 0 < count < (most or 30), name
    _cut_short(root, min((root / ROUNDS / "windows").iterdir()))
    count, _ = live.update(*load(root), now=NOW, commit=COMMIT)
    assert 0 < count < 30
    build_site(*load(root), out=tmp_path / "whole", now=NOW, commit=COMMIT)
    assert tree_digest(live.site) == tree_digest(tmp_path / "whole")
    shutil.rmtree(root)
    (tmp_path / "before").rename(root)
    live.update(*load(root), now=NOW, commit=COMMIT)
    assert tree_digest(live.site) == first
    assert sorted(path.name for path in tmp_path.glob("build-*")) == ["build-1"]  # it was made whole once


def _cut_short(root: Path, raw: Path) -> None:
    """A window of one request less, and the manifest that says so."""
    before, window = raw.read_bytes(), decode_window(raw.read_bytes())
    after = encode_window(window.header, window.requests[:-1])
    raw.write_bytes(after)
    _replace(root / ROUNDS / "rounds.yaml", digest(before), digest(after))
    _replace(root / ROUNDS / "rounds.yaml", f"bytes: {len(before)}\n", f"bytes: {len(after)}\n")


def test_a_page_more_or_less_builds_the_site_anew(root: Path, tmp_path: Path) -> None:
    """A provider that comes and goes leaves no page, no link and no data file behind."""
    live = LiveSite(tmp_path, shipped_source())
    live.update(*load(root), now=NOW, commit=COMMIT)
    before = tree_digest(live.site)
    extra = root / "providers" / "egret.yaml"
    extra.write_text((root / "providers" / "dunlin.yaml").read_text("utf-8"), "utf-8")
    live.update(*load(root), now=NOW, commit=COMMIT)
    assert (live.site / "providers" / "egret" / "index.html").is_file()
    extra.unlink()
    live.update(*load(root), now=NOW, commit=COMMIT)
    assert tree_digest(live.site) == before


def test_an_error_in_the_prose_leaves_the_last_good_site(root: Path, tmp_path: Path) -> None:
    """A placeholder that names nothing is a problem; not one byte of the site is touched."""
    live = LiveSite(tmp_path, shipped_source())
    live.update(*load(root), now=NOW, commit=COMMIT)
    before = tree_digest(live.site)
    charter = root / "methodology" / "governance" / "charter.md"
    charter.write_text(charter.read_text("utf-8") + "\n{{ nothing.here }}\n", "utf-8")
    count, problems = live.update(*load(root), now=NOW, commit=COMMIT)
    assert (count, [problem.code for problem in problems]) == (0, ["MET008"])
    assert tree_digest(live.site) == before


def test_a_raw_file_that_changes_meanwhile_is_told_and_the_next_build_is_whole(
    root: Path, tmp_path: Path
) -> None:
    """Neither the first build nor a later one goes on; once the bytes are back, nothing is left of it."""
    live = LiveSite(tmp_path, shipped_source())
    repository, rows = load(root)
    first, second = [row for row in rows if row.ranks][:2]
    raw, other = (root / row.evidence[0].path for row in (first, second))
    bytes_then = raw.read_bytes()
    raw.write_bytes(other.read_bytes())  # a window, but not the one that is listed
    with pytest.raises(SiteError, match=f"was changed while .*{raw.name}: its bytes are not those"):
        live.update(repository, rows, now=NOW, commit=COMMIT)
    assert not live.site.exists()
    raw.write_bytes(bytes_then)
    live.update(*load(root), now=NOW, commit=COMMIT)
    before = tree_digest(live.site)
    shorter = dataclasses.replace(second, evidence=second.evidence[1:])
    fewer = tuple(shorter if row is second else row for row in rows)
    raw.unlink()
    with pytest.raises(SiteError, match=f"was changed while .*{raw.name}"):
        live.update(repository, fewer, now=NOW, commit=COMMIT)
    raw.write_bytes(bytes_then)
    live.update(*load(root), now=NOW, commit=COMMIT)
    assert tree_digest(live.site) == before


def test_following_tells_of_a_changed_a_new_and_a_lost_file(tmp_path: Path) -> None:
    """Each is told once it has come to rest; a raw file is known by its name."""
    file, raw = tmp_path / "a.yaml", tmp_path / "b.jsonl.gz"
    file.write_text("a: 1\n")
    heard, stop, told = [], threading.Event(), threading.Semaphore(0)

    def changed() -> None:
        heard.append(sorted(path.name for path in tmp_path.iterdir()))
        told.release()

    thread = threading.Thread(target=follow, args=([tmp_path], look_at([tmp_path]), stop, changed))
    thread.start()
    try:
        for act in (lambda: file.write_text("a: 22\n"), lambda: raw.write_bytes(b""), file.unlink):
            act()
            assert told.acquire(timeout=30)
    finally:
        stop.set()
        thread.join()
    assert heard == [["a.yaml"], ["a.yaml", "b.jsonl.gz"], ["b.jsonl.gz"]]


# -- what is served ------------------------------------------------------------------------------


def _events(address: str) -> Iterator[str]:
    """The numbers that a page would be told, as they come."""
    host, _, port = address.removeprefix("http://").rstrip("/").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", "/-/changes")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream"
    while line := answer.readline():
        if line.startswith(b"data: "):
            yield line.decode().strip().removeprefix("data: ")


def _page(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        text: str = answer.read().decode()
    return text


def test_a_page_is_told_of_changes_and_of_problems_and_no_file_is_touched(tmp_path: Path) -> None:
    """The line is put in on the way out; what is wrong is text and nothing else."""
    article = '<article class="md-content__inner md-typeset">'
    (tmp_path / "index.html").write_text(f"<html><head></head><body>{article}</article></body></html>")
    before, bulletin = tree_digest(tmp_path), Bulletin()
    with running_site(tmp_path, bulletin) as address:
        assert '<script type="module" src="/-/reload.js?shown=0"></script></head>' in _page(address)
        assert "EventSource" in _page(address + "-/reload.js")
        events = _events(address)
        assert next(events) == "0"
        bulletin.post("a.yaml:1:1: error\n<script>evil()</script>")
        assert next(events) == "1"
        assert "a.yaml:1:1: error\n&lt;script&gt;" in _page(address)
        bulletin.post()
        assert next(events) == "2"
        assert "error" not in _page(address)
    assert list(events) == []
    assert tree_digest(tmp_path) == before


def test_serve_shows_a_changed_file_and_stays_with_the_last_good_site(root: Path, tmp_path: Path) -> None:
    """The real command: a change is shown, a broken file is located and loses nothing, its cure is shown."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "fairlead", "serve", "--root", str(root), "--port", "0"]
    provider = root / "providers" / "acme.yaml"
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    try:
        said = [process.stdout.readline(), process.stdout.readline()]
        found = re.search(r"http://127\.0\.0\.1:\d+/", said[1])
        assert found, (said, process.stderr and process.poll() is not None and process.stderr.read())
        address = found[0]
        events = _events(address)
        number = int(next(events))
        _replace(provider, "name: Acme", "name: Acme Reborn")
        assert int(next(events)) == number + 1
        assert "Acme Reborn" in _page(address + "providers/acme/")
        _replace(provider, "name: Acme Reborn", "name: [")
        assert int(next(events)) == number + 2
        text = _page(address + "providers/acme/")
        assert "Acme Reborn" in text
        assert "providers/acme.yaml:" in text
        assert "error[DOC" in text
        _replace(provider, "name: [", "name: Acme Restored")
        assert int(next(events)) == number + 3
        text = _page(address + "providers/acme/")
        assert "Acme Restored" in text
        assert 'role="alert"' not in text
    finally:
        process.terminate()
        _, complaint = process.communicate(timeout=30)
    assert "providers/acme.yaml:" in complaint
    assert "Traceback" not in complaint
