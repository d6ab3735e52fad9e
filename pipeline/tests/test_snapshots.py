"""Frozen quarters: made again from their commit byte for byte, and published as they are for ever."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path
from xml.etree import ElementTree as ET

import click.testing
import jsonschema
import msgspec
import pytest

from fairlead.cli import cli
from fairlead.history import is_clean
from fairlead.publish import api
from fairlead.repository import load_repository
from fairlead.snapshots import last_quarter, load_snapshots, quarter_end, sums_text

from . import publish_example, roots
from .publish_example import HOSTILE, Outline, write_root

SITE = "https://board.example/fairlead/"
ROUNDS = "submissions/neutral/2026-02-harbour-fable-7b"


def fairlead(*arguments: str, at: str = "2026-05-01") -> click.testing.Result:
    """A command on a day."""
    epoch = str(int(dt.datetime.fromisoformat(f"{at}T00:00:00+00:00").timestamp()))
    return click.testing.CliRunner(env={"SOURCE_DATE_EPOCH": epoch}).invoke(cli, arguments)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root under git with a frozen quarter; what was frozen was retracted a week later."""
    folder = tmp_path_factory.mktemp("frozen") / "root"
    folder.mkdir()
    write_root(folder)
    roots.commit(folder)
    outcome = fairlead("snapshot", "2026-Q1", "--root", str(folder))
    assert outcome.exit_code == 0, outcome.stderr
    assert "site/snapshots/2026-Q1" in outcome.stdout
    roots.commit(folder)
    retracted = publish_example._event("retracted", "2026-04-08T09:30:00Z", approvals=[])
    path = folder / ROUNDS / "history.yaml"
    history = roots.data_of(path.read_text("utf-8"))
    history["events"].append(retracted)
    publish_example._write(folder, f"{ROUNDS}/history.yaml", "history", history)
    roots.commit(folder)
    return folder


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a later day, which also holds a stranger's snapshot full of hostile text."""
    folder = tmp_path_factory.mktemp("frozen-site")
    later, out = shutil.copytree(root, folder / "root"), folder / "site"
    _write_hostile(later)
    outcome = fairlead("build", "--root", str(later), "--out", str(out), "--site-url", SITE.rstrip("/"))
    assert outcome.exit_code == 0, outcome.stderr
    return out


def _write_hostile(root: Path) -> None:
    text = dict.fromkeys(("id", "model", "provider", "endpoint", "scenario", "vantage", "origin"), HOSTILE)
    row = {**text, "methodology": HOSTILE, "unranked": [HOSTILE], "figures": {}, "ranks": {}}
    data = {
        "generated_at": "2026-01-01T00:00:00Z",
        "commit": HOSTILE,
        "quarter": "2025-Q4",
        "methodology": [{"version": HOSTILE, "state": HOSTILE, "sha256": HOSTILE}],
        "rows": [{**row, "folders": ["../../..", HOSTILE, "neutral/2026-02-harbour-fable-7b"]}],
    }
    files = {"snapshot.json": msgspec.json.encode(data), "figures.csv": b'"a"\r\n'}
    for name, content in {**files, "SHA256SUMS": sums_text(files).encode()}.items():
        roots.write(root, f"site/snapshots/2025-Q4/{name}", content)


# -- quarters ------------------------------------------------------------------------------------


def test_a_quarter_ends_when_the_next_begins() -> None:
    """In UTC; what is no quarter has no end, and on its last day it is not the last one that is over."""
    ends = {quarter: quarter_end(quarter) for quarter in ("2026-Q1", "2026-Q3", "2026-Q4")}
    assert [f"{end:%Y-%m-%d}" for end in ends.values() if end] == ["2026-04-01", "2026-10-01", "2027-01-01"]
    assert [quarter_end(text) for text in ("2026-Q5", "2026-Q0", "26-Q1", "2026-Q1/..", "")] == [None] * 5
    for quarter, end in ends.items():
        assert end is not None
        assert last_quarter(end) == quarter
        assert last_quarter(end - dt.timedelta(seconds=1)) < quarter


# -- making --------------------------------------------------------------------------------------


def test_anybody_makes_the_same_bytes_from_the_same_commit(root: Path, tmp_path: Path) -> None:
    """On another day, in another folder, and after the commit was left behind and gone back to."""
    commit = json.loads((root / "site/snapshots/2026-Q1/snapshot.json").read_text())["commit"]
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(root), str(clone)], check=True, capture_output=True)
    roots.git(clone, "checkout", "--quiet", "--detach", commit)
    outcome = fairlead(
        "snapshot", "2026-Q1", "--root", str(clone), "--out", str(tmp_path / "x"), at="2027-01-09"
    )
    assert outcome.exit_code == 0, outcome.stderr
    for path in sorted((root / "site/snapshots/2026-Q1").iterdir()):
        assert (tmp_path / "x" / path.name).read_bytes() == path.read_bytes()


def test_a_snapshot_keeps_to_its_published_schema(root: Path) -> None:
    """It names the schema, and holds every row of the quarter with its figures and folders."""
    data = json.loads((root / "site/snapshots/2026-Q1/snapshot.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(api.schema("snapshot")).validate(data)
    assert data["$schema"] == "../../api/v1/schemas/snapshot.json"
    assert data["generated_at"] == "2026-04-01T00:00:00Z"
    assert len(data["rows"]) == 6
    assert all(row["folders"] and row["figures"]["ttft_p50_ms"]["n"] for row in data["rows"])


def test_it_holds_nothing_of_after_its_quarter(root: Path, tmp_path: Path) -> None:
    """The windows of February are in no snapshot of the year before."""
    outcome = fairlead("snapshot", "2025-Q4", "--root", str(root), "--out", str(tmp_path / "x"))
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads((tmp_path / "x" / "snapshot.json").read_text())["rows"] == []
    outcome = fairlead("snapshot", "2026-Q1", "--root", str(root), "--out", str(tmp_path / "y"))
    rows = json.loads((tmp_path / "y" / "snapshot.json").read_text())["rows"]
    assert any(row["ranked"] for row in rows)  # the retraction came a week after the quarter


@pytest.mark.parametrize(
    ("quarter", "at", "said"),
    [
        ("2026-Q9", "2026-05-01", "is no quarter"),
        ("../2026-Q1", "2026-05-01", "is no quarter"),
        ("2026-Q2", "2026-05-01", "ends on 2026-06-30; freeze it afterwards"),
        ("2026-Q1", "2026-05-01", "is never made anew"),
    ],
)
def test_what_cannot_be_frozen_is_refused_in_words(root: Path, quarter: str, at: str, said: str) -> None:
    """No quarter, one that goes on, one that is frozen already."""
    outcome = fairlead("snapshot", quarter, "--root", str(root), at=at)
    assert outcome.exit_code == 2
    assert said in outcome.stderr


def test_data_that_is_not_committed_is_not_frozen(tmp_path: Path) -> None:
    """The snapshot would name a commit that it was not made from."""
    root = roots.build_root(tmp_path / "root")
    roots.commit(root)
    assert is_clean(root, ("providers",))
    roots.edit(root, "providers/acme.yaml", "region: north", "region: south")
    outcome = fairlead("snapshot", "2026-Q1", "--root", str(root), at="2026-04-02")
    assert outcome.exit_code == 1
    assert "differs from the commit" in outcome.stderr
    assert not (root / "site").exists()


def test_a_quarter_that_is_over_comes_up_in_the_review_until_it_is_frozen(root: Path, tmp_path: Path) -> None:
    """Where it is frozen nobody is reminded; on its last day nobody is either."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(root), str(clone)], check=True, capture_output=True)
    reminder = "site/snapshots/2026-Q1: 2026-Q1 is over and not frozen: `fairlead snapshot 2026-Q1`"
    assert reminder not in fairlead("review", "--root", str(clone), at="2026-04-01").output
    shutil.rmtree(clone / "site/snapshots/2026-Q1")
    assert reminder in fairlead("review", "--root", str(clone), at="2026-04-01").output
    assert "is over" not in fairlead("review", "--root", str(clone), at="2026-03-31").output


# -- publishing ----------------------------------------------------------------------------------


def test_a_frozen_quarter_is_published_byte_for_byte(root: Path, site: Path) -> None:
    """At the address of its quarter, whatever happened since; the API lists it."""
    for path in (root / "site/snapshots/2026-Q1").iterdir():
        assert (site / "snapshots/2026-Q1" / path.name).read_bytes() == path.read_bytes()
    listed = json.loads((site / "api/v1/snapshots.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(api.schema("snapshots")).validate(listed)
    assert [entry["quarter"] for entry in listed["snapshots"]] == ["2025-Q4", "2026-Q1"]
    assert all((site / name).is_file() for entry in listed["snapshots"] for name in entry["files"])


def test_the_page_of_a_frozen_quarter_tells_what_became_of_its_rows(site: Path) -> None:
    """Then ranked, today retracted: the event with its day, and today's state of each row."""
    text = " ".join(Outline((site / "snapshots/2026-Q1/index.html").read_text("utf-8")).text.split())
    since = text[text.index("What happened since") :]
    assert "neutral/2026-02-harbour-fable-7b retracted 2026-04-08 09:30 UTC" in since
    assert "rank 1–2 of 4" in since
    assert "retracted on 2026-04-08" in since  # why the row is not ranked today
    assert "upheld" not in since.partition("Fable 7B")[0]  # that was before


def test_a_strangers_snapshot_is_text_on_its_page(site: Path) -> None:
    """No element, handler, style or address comes out of it."""
    for name in ("snapshots/2025-Q4/index.html", "snapshots/index.html"):
        page = Outline((site / name).read_text("utf-8"))
        assert "style" not in page.names
        assert "img" not in page.names
        assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
        for href in page.values("href"):
            assert re.match(r"(https://|[#./a-z0-9_-]|$)", href, re.IGNORECASE)
            assert not re.match(r"(?!https:)[a-z]+:", href, re.IGNORECASE)
    assert "alert(1)" in Outline((site / "snapshots/2025-Q4/index.html").read_text("utf-8")).text


def test_a_snapshot_that_is_not_whole_is_a_problem_and_is_not_published(tmp_path: Path) -> None:
    """Nothing is skipped in silence: the build says what is wrong with it."""
    root = roots.build_root(tmp_path)
    roots.put_snapshot(root, commit="0" * 40, sums=b"x")
    found, problems = load_snapshots(root)
    assert (found, [problem.code for problem in problems]) == ({}, ["HIS010"])


def test_a_linked_folder_of_snapshots_is_not_followed(tmp_path: Path) -> None:
    """Neither the folder, nor the one above it."""
    roots.put_snapshot(tmp_path / "elsewhere", commit="0" * 40)
    for place in ("a/site/snapshots", "b/site"):
        link = tmp_path / place
        link.parent.mkdir(parents=True)
        link.symlink_to(tmp_path / "elsewhere" / "site" / ("snapshots" if place.startswith("a") else ""))
        assert load_snapshots(tmp_path / place[0]) == ({}, [])


# -- whole addresses -----------------------------------------------------------------------------


def test_the_sitemap_lists_every_page_once_with_the_day_of_its_data(site: Path) -> None:
    """Whole addresses that lead to pages; a day where the data gives one, never that of the build."""
    tree = ET.fromstring((site / "sitemap.xml").read_text("utf-8"))
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    found = {url.findtext(f"{space}loc"): url.findtext(f"{space}lastmod") for url in tree}
    pages = {
        path.relative_to(site).as_posix().removesuffix("index.html") for path in site.rglob("index.html")
    }
    assert found.keys() == {SITE + page for page in pages}
    assert found[f"{SITE}models/fable-7b/"] == "2026-02-21"
    assert found[f"{SITE}submissions/neutral/2026-02-harbour-fable-7b/"] == "2026-04-08"
    assert found[f"{SITE}snapshots/2026-Q1/"] == "2026-04-01"
    assert found[f"{SITE}about/"] is None
    assert "2026-05-01" not in found.values()
    assert f"Sitemap: {SITE}sitemap.xml" in (site / "robots.txt").read_text("utf-8")


def test_with_an_address_pages_have_a_canonical_one(site: Path) -> None:
    """Their own, and the feeds name themselves."""
    for path in site.rglob("index.html"):
        page = Outline(path.read_text("utf-8"))
        links = [attributes for name, attributes in page.elements if name == "link"]
        url = path.relative_to(site).as_posix().removesuffix("index.html")
        assert [one["href"] for one in links if one.get("rel") == "canonical"] == [SITE + url]
        alternates = [one["href"] for one in links if "alternate" in one.get("rel", "").split()]
        assert len(alternates) >= 3
        for href in alternates:
            target = urllib.parse.urljoin(f"http://site/{url}", href).removeprefix("http://site/")
            assert (site / target).is_file(), (url, href)
    assert f'rel="self" type="application/atom+xml" href="{SITE}feeds/results.xml"' in (
        site / "feeds/results.xml"
    ).read_text("utf-8")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://x.example/?a", "board", "https://x/\n"])
def test_what_is_no_address_is_refused(address: str) -> None:
    outcome = fairlead("build", "--site-url", address, "--root", ".")
    assert outcome.exit_code == 2
    assert "is no address" in outcome.stderr


def test_the_about_page_says_how_to_cite_as_the_citation_file_does(site: Path) -> None:
    """The title, the authors and the version are those of CITATION.cff; the day is that of the data."""
    page = (site / "about" / "index.html").read_text("utf-8")
    entry = Outline(re.findall(r'<pre><code tabindex="0">(@misc.*?)</code></pre>', page, re.DOTALL)[0]).text
    stated = roots.data_of((publish_example.CHECKOUT / "CITATION.cff").read_text("utf-8"))
    assert f"title   = {{{{{stated['title']}: {stated['abstract'].rstrip('.')}}}}}" in entry
    assert f"author  = {{{{{stated['authors'][0]['name']}}}}}" in entry
    assert f"version = {{{stated['version']}}}" in entry
    assert "note    = {Data of 2026-05-01, commit " in entry
    assert f"url     = {{{SITE}}}" in entry
    assert entry.startswith("@misc{fairlead-2026-05-01,\n")


def test_a_repository_of_old_has_no_snapshot(tmp_path: Path) -> None:
    """A root without the folder is whole."""
    root = roots.build_root(tmp_path)
    assert load_snapshots(root) == ({}, [])
    assert load_repository(root)[1] == []
