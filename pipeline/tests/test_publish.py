"""The built site, as a reader, a machine and an attacker find it."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import numpy as np
import pytest

from fairlead.problems import visible
from fairlead.publish import SiteError, api, build_site, replies, running_site, time
from fairlead.publish.api import KINDS, schema
from fairlead.publish.edition import Edition, families
from fairlead.publish.results import order_rows
from fairlead.publish.site import read_prose, render_files
from fairlead.ranking import Row
from fairlead.repository import Repository
from fairlead.rules import RULES
from fairlead.windows import decode_window

from .publish_example import (
    CHECKOUT,
    COMMIT,
    HOSTILE,
    NOW,
    PROVIDERS,
    Outline,
    build,
    load,
    tree_digest,
    write_root,
)

GOLDEN = Path(__file__).parent / "golden" / "site"


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    write_root(folder)
    return folder


@pytest.fixture(scope="session")
def example(root: Path) -> tuple[Repository, tuple[Row, ...]]:
    return load(root)


@pytest.fixture(scope="session")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "site"
    report = build(root, out)
    assert report.problems == ()
    assert report.raw_files == 41
    return out


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Outline]:
    return {
        str(path.relative_to(site)): Outline(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))
    }


# -- links, hosts, scripts -----------------------------------------------------------------------


def test_every_internal_link_and_anchor_resolves(site: Path, pages: dict[str, Outline]) -> None:
    """Whatever a page links to inside the site is there, and so is the anchor."""
    anchors = {name: {*outline.values("id"), *outline.values("name")} for name, outline in pages.items()}
    broken = []
    for name, outline in pages.items():
        base = "/" if name == "404.html" else f"/{name}"
        for href in (*outline.values("href"), *outline.values("src")):
            parts = urllib.parse.urlsplit(urllib.parse.urljoin(f"http://site{base}", href))
            if parts.netloc != "site" or href == "javascript:void(0)":
                continue
            target = parts.path.lstrip("/") + ("index.html" if parts.path.endswith("/") else "")
            has_anchor = not parts.fragment or parts.fragment in anchors.get(target, {parts.fragment})
            if not (site / target).is_file() or not has_anchor:
                broken.append((name, href))
    assert broken == []


def test_no_page_or_style_asks_another_host_for_anything(site: Path, pages: dict[str, Outline]) -> None:
    """Scripts, styles, pictures and fonts come from the site itself; only links lead elsewhere."""
    outside = []
    for name, outline in pages.items():
        for element, attributes in outline.elements:
            if element == "a":
                continue
            for attribute in ("src", "href", "srcset", "action", "data", "poster"):
                if re.match(r"\s*([a-z]+:)?//", attributes.get(attribute, "")):
                    outside.append((name, element, attributes[attribute]))
    for path in site.rglob("*.css"):
        text = path.read_text("utf-8")
        outside += [(path.name, url) for url in re.findall(r"url\(\s*[\"']?((?:https?:)?//[^)]*)", text)]
        outside += [(path.name, rule) for rule in re.findall(r"@import[^;]*", text)]
    assert outside == []


def test_every_page_carries_a_policy_that_allows_exactly_its_own_theme_scripts(site: Path) -> None:
    """The policy names the hash of each inline script, nothing inline beyond it, and no other host."""
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        policy = re.search(
            r'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="([^"]*)">', text
        )
        assert policy is not None, path
        scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        hashes = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
        assert set(re.findall(r"'sha256-([^']+)'", policy[1])) == hashes
        assert len(scripts) == 3
        assert "unsafe" not in policy[1]
        assert "//" not in policy[1]
        assert "default-src 'none'" in policy[1]


def test_a_script_in_a_hand_written_page_stops_the_build(root: Path, tmp_path: Path) -> None:
    """Only the theme's scripts get a hash: any other, wherever it came from, is refused."""
    source = tmp_path / "source"
    shutil.copytree(CHECKOUT / "site", source)
    (source / "content" / "about.md").write_text(
        "# About\n\n<script>var palette=__md_get(1);evil()</script>\n"
    )
    repository, rows = load(root)
    with pytest.raises(SiteError, match=r"about/index\.html: a script that is not the theme's"):
        build_site(repository, rows, out=tmp_path / "out", now=NOW, commit=None, source_folder=source)


# -- hostile strings -----------------------------------------------------------------------------


def test_hostile_strings_come_out_as_text(pages: dict[str, Outline]) -> None:
    """No field of the data gives an element, a handler, a style or a strange address; its text is shown."""
    shown = visible(HOSTILE)
    for name, outline in pages.items():
        assert all(not key.startswith("on") for _, attributes in outline.elements for key in attributes), name
        assert "style" not in outline.names, name
        assert all("evil.example" not in src for src in outline.values("src")), name
        for href in outline.values("href"):
            assert re.match(r"(https://|[#./a-z0-9_-]|$)", href, re.IGNORECASE), (name, href)
            assert not re.match(r"(?!https:)[a-z]+:", href, re.IGNORECASE), (name, href)
    for name in (
        "models/fable-7b/index.html",
        "providers/hostile/index.html",
        "submissions/hostile/2026-02-19-first/index.html",
        "submissions/neutral/2026-02-harbour-fable-7b/index.html",
        "interests/index.html",
        "governance/index.html",
        "governance/0001-first/index.html",
    ):
        assert shown in pages[name].text, name


def test_a_hostile_title_is_text_in_the_head_and_in_the_search_index(site: Path) -> None:
    """The title element holds no markup, the search index escaped text; tables are found by their page."""
    text = (site / "providers" / "hostile" / "index.html").read_text("utf-8")
    title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    assert title is not None
    assert "&lt;script&gt;" in title[1]
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    (board,) = (entry for entry in index["docs"] if entry["location"].startswith("models/fable-7b/"))
    assert "Fable 7B" in board["title"]
    assert "Borealis" not in board["text"]
    found = [entry for entry in index["docs"] if entry["location"].startswith("providers/hostile/")]
    assert found
    for entry in found:
        assert not Outline(entry["title"]).elements
        assert Outline(entry["text"]).names <= {"p", "li", "ul", "code", "pre", "ol"}


# -- numbers -------------------------------------------------------------------------------------


def _board_cells(site: Path) -> dict[str, list[str]]:
    """The text of each cell of the leaderboard, by the provider's name."""
    text = (site / "models" / "fable-7b" / "index.html").read_text("utf-8")
    text = re.split('<h2 id="(?:findings|time)"', text)[0]
    rows = {}
    for row in re.findall(r"<tr[^>]* data-row=[^>]*>(<th scope=\"row\">.*?)</tr>", text, re.DOTALL):
        first, *cells = re.split(r"(?=<t[dh][ >])", row)[1:]
        name = " ".join(Outline(first).text.split())
        if " claim " not in name:
            rows[name.partition(" api ")[0]] = [" ".join(Outline(cell).text.split()) for cell in cells]
    return rows


def test_numbers_on_the_page_are_those_of_the_published_raw_files(site: Path) -> None:
    """From the files under /raw/ alone, without the pipeline's statistics, the same TTFT comes out."""
    cells = _board_cells(site)
    files = sorted((site / "raw").rglob("neutral/**/*.jsonl.gz"))
    for provider in ("acme", "borealis", "cumulus", "dunlin"):
        windows = [
            w for w in (decode_window(path.read_bytes()) for path in files) if w.header.provider == provider
        ]
        requests = [request for window in windows for request in window.requests]
        good = [request for request in requests if request.outcome == "ok"]
        ttft = [(request.chunk_ns[0] - (request.sent_ns or 0)) / 1e6 for request in good]
        found = cells[PROVIDERS[provider][0]]
        p50 = np.quantile(ttft, 0.5, method="inverted_cdf")
        assert found[0].split()[0] == f"{p50:.0f}"
        assert f"n {len(good)}" in found[0]
        failed = len(requests) - len(good)
        assert found[5].endswith(f" {failed} rate limited" if failed else "no failure")
        assert float(found[5].split()[0]) == pytest.approx(100 * len(good) / len(requests), abs=0.051)


def test_ranked_rows_come_by_rank_range_and_ranges_are_shown(site: Path) -> None:
    """Rows that the data cannot tell apart share a range; the unranked stand below, with a reason."""
    cells = _board_cells(site)
    names = list(cells)
    assert names[:3] == ["Acme Inference", "Borealis", "Cumulus Cloud Works"]
    assert names[-1] == "Dunlin"
    assert "rank 1–2 of 4" in cells["Acme Inference"][0]
    assert "rank 1–2 of 4" in cells["Borealis"][0]
    assert "rank 3 of 4" in cells["Cumulus Cloud Works"][0]
    assert not any("rank " in cell for cell in cells["Dunlin"])
    page = Outline((site / "models" / "fable-7b" / "index.html").read_text("utf-8")).text
    assert "Not ranked: claim: measured by the provider itself, never ranked." in page


def test_order_does_not_depend_on_names(example: tuple[Repository, tuple[Row, ...]]) -> None:
    """Rows are ordered by their rank range first; an id only breaks a tie."""
    repository, rows = example
    family = families(rows)[0]
    methodology = repository.methodologies["0.1.0"]
    ranked, listed = order_rows(reversed([row for row in rows if row.family == family]), methodology)
    places = [(row.ranks["ttft_p50_ms"].best, row.ranks["ttft_p50_ms"].worst) for row in ranked]
    assert places == sorted(places)
    assert all(not row.ranks for row in listed)


def test_every_page_says_that_nothing_is_ratified(pages: dict[str, Outline]) -> None:
    """While the methodology is a draft and the board is founding, every page says so on top."""
    for name, outline in pages.items():
        assert re.search(r"Unratified\. Methodology 1\.0\.0-rc is a release candidate", outline.text), name
        assert "the board is still being founded" in outline.text, name


def test_raw_files_are_published_byte_for_byte(root: Path, site: Path) -> None:
    """Each file that a manifest lists is under /raw/ at its own path, and nothing else is."""
    published = {str(path.relative_to(site / "raw")): path for path in (site / "raw").rglob("*.gz")}
    committed = {str(path.relative_to(root)): path for path in root.rglob("*.gz")}
    assert sorted(published) == sorted(committed)
    assert all(published[name].read_bytes() == path.read_bytes() for name, path in committed.items())


def test_prices_are_published_with_source_day_and_the_last_day_they_held(site: Path) -> None:
    """Without a stated end a price ended the day before the next one began: on the page and in the data."""
    page = Outline((site / "providers" / "acme" / "index.html").read_text("utf-8")).text
    (table,) = re.findall("Source (Fable 7B.*?)List prices", " ".join(page.split()))
    source = "example.org/prices looked up 2026-02-01"
    assert table.split(source)[:2] == [
        "Fable 7B api 2025-06-01 2025-12-31 0.3 – 0.6 ",
        " Fable 7B api 2026-01-01 today 0.2 – 0.6 ",
    ]
    published = json.loads((site / "api/v1/providers.json").read_text("utf-8"))
    (acme,) = [entry for entry in published["providers"] if entry["id"] == "acme"]
    prices = acme["endpoints"][0]["models"][0]["prices"]
    assert [(price["from"], price["until"]) for price in prices] == [
        ("2025-06-01", "2025-12-31"),
        ("2026-01-01", None),
    ]


# -- the same bytes ------------------------------------------------------------------------------

_BUILD = """
import importlib, sys, types
from pathlib import Path
package = types.ModuleType("suite")
package.__path__ = [sys.argv[1]]
sys.modules["suite"] = package
example = importlib.import_module("suite.publish_example")
example.build(Path(sys.argv[2]), Path(sys.argv[3]))
print(example.tree_digest(Path(sys.argv[3])))
"""


def test_two_builds_of_one_edition_are_byte_identical(root: Path, site: Path, tmp_path: Path) -> None:
    """Another process, hash seed, folder, locale, time zone and day on the clock: the same bytes."""
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "SOURCE_DATE_EPOCH": "86400",
        "PYTHONPATH": str(CHECKOUT / "pipeline"),
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    }
    arguments = [str(Path(__file__).parent), str(root), str(tmp_path / "elsewhere" / "site")]
    result = subprocess.run(
        [sys.executable, "-c", _BUILD, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == tree_digest(site)
    assert result.stderr == ""


@pytest.mark.parametrize("name", ["models/fable-7b/index.md", "providers/acme/index.md"])
def test_generated_pages_are_the_accepted_ones(
    name: str, example: tuple[Repository, tuple[Row, ...]]
) -> None:
    """A change of a page is seen and accepted by a person (``FAIRLEAD_ACCEPT=1``), never by accident."""
    repository, rows = example
    prose, _ = read_prose(repository)
    files, _ = render_files(Edition(repository, rows, NOW, COMMIT, prose))
    golden = GOLDEN / name.replace("/", "-")
    if os.environ.get("FAIRLEAD_ACCEPT"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(files[name], "utf-8")
    assert files[name] == golden.read_text("utf-8")


# -- data for machines ---------------------------------------------------------------------------


def test_every_data_file_fits_its_published_schema(site: Path) -> None:
    """Each file of the API names a schema that is published beside it, and is valid under it."""
    index = json.loads((site / "api" / "v1" / "index.json").read_text("utf-8"))
    listed = {entry["path"] for entry in index["files"]}
    files = {path for path in (site / "api" / "v1").rglob("*.json") if "schemas" not in path.parts}
    assert listed == {str(path.relative_to(site / "api" / "v1")) for path in files} - {"index.json"}
    used = set()
    for path in files:
        data = json.loads(path.read_text("utf-8"))
        target = (path.parent / data["$schema"]).resolve()
        used.add(target.stem)
        jsonschema.Draft202012Validator(json.loads(target.read_text("utf-8"))).validate(data)
        assert data["generated_at"] == "2026-03-01T12:00:00Z"
        assert data["commit"] == COMMIT
    assert used == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_published_schema_is_a_schema_and_strict(kind: str) -> None:
    """A published schema is valid, and refuses a key it does not name."""
    found = schema(kind)
    jsonschema.Draft202012Validator.check_schema(found)
    errors = jsonschema.Draft202012Validator(found).iter_errors({"strange": 1})
    assert {error.validator for error in errors} == {"additionalProperties", "required"}


def test_the_leaderboard_file_says_what_the_page_says(
    site: Path, example: tuple[Repository, tuple[Row, ...]]
) -> None:
    """Figures, ranks, failures and digests in the file are those of the rows, unrounded."""
    data = json.loads((site / "api" / "v1" / "leaderboards" / "fable-7b.json").read_text("utf-8"))
    by_id = {row["id"]: row for row in data["rows"]}
    for row in example[1]:
        found = by_id[row.id]
        assert found["figures"]["ttft_p50_ms"]["value"] == row.figures["ttft_p50_ms"].value
        assert found["ranked"] == bool(row.ranks)
        assert found["unranked"] == list(row.unranked)
        for window in found["windows"]:
            digest = hashlib.sha256((site / window["raw"]).read_bytes()).hexdigest()
            assert digest == window["sha256"]


def test_a_badge_a_feed_and_the_api_lead_to_the_row_itself(
    site: Path, pages: dict[str, Outline], example: tuple[Repository, tuple[Row, ...]]
) -> None:
    """Each row has an anchor of its own on its model's page, and nothing that speaks of one row misses it."""
    anchors = {
        f"{name.removesuffix('index.html')}#{attributes['id']}": attributes["data-row"]
        for name, outline in pages.items()
        for element, attributes in outline.elements
        if element == "tr" and {"id", "data-row"} <= attributes.keys()
    }
    assert sorted(anchors.values()) == sorted(row.id for row in example[1])
    for path in (site / "api/v1/leaderboards").iterdir():
        for row in json.loads(path.read_text("utf-8"))["rows"]:
            assert anchors[row["page"]] == row["id"]
    for provider in PROVIDERS:
        text = pages[f"providers/{provider}/index.html"].text
        pasted = set(re.findall(r"https://<this site>/(models/[^)\"]+)", text))
        assert [anchors[url].split("/")[3] for url in pasted] == [provider]
    told = set()
    for path in (site / "feeds").rglob("*.xml"):
        for entry in ET.parse(path).getroot().iter("{http://www.w3.org/2005/Atom}entry"):
            link, title = entry.find("{*}link"), entry.findtext("{*}title", "")
            if link is not None and title.endswith(("(neutral)", "(claim)")):
                told.add(anchors[link.get("href", "").replace("../", "")])
    assert told == set(anchors.values())


# -- what is made once ---------------------------------------------------------------------------


def test_what_an_edition_keeps_is_of_one_row_and_of_no_other_edition(
    example: tuple[Repository, tuple[Row, ...]],
) -> None:
    """By name and row; an edition that differs in anything begins with nothing."""
    edition = Edition(*example, NOW, COMMIT, {})
    first, second = edition.rows[:2]
    asked = (("a", first, 1), ("a", first, 2), ("a", second, 3), ("b", first, 4))
    assert [edition.once(name, row, lambda made=made: made) for name, row, made in asked] == [1, 1, 3, 4]
    later = dataclasses.replace(edition, now=NOW + dt.timedelta(days=1))
    assert later.once("a", first, lambda: 5) == 5


def test_a_build_makes_the_time_and_the_replies_of_a_row_once(
    example: tuple[Repository, tuple[Row, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages and files ask; the list of files asks for none of it."""
    made: list[tuple[str, str]] = []

    def observed(name: str, make: Callable[..., Any], row: int) -> Callable[..., Any]:
        def observing(*given: Any) -> Any:
            made.append((name, given[row].id))
            return make(*given)

        return observing

    monkeypatch.setattr(time, "row_time", observed("time", time.row_time, 0))
    monkeypatch.setattr(replies, "replies", observed("replies", replies.replies, 1))
    edition = Edition(*example, NOW, COMMIT, {})
    assert list(api.paths(edition))
    assert made == []
    render_files(edition)
    assert {name for name, _ in made} == {"time", "replies"}
    assert len(made) == len(set(made))


# -- pages from the code -------------------------------------------------------------------------


def test_every_rule_has_its_anchor(pages: dict[str, Outline]) -> None:
    """Whatever code a problem carries, rules/#code leads to its entry."""
    ids = set(pages["rules/index.html"].values("id"))
    assert {code.lower() for code in RULES} <= ids
    assert "`" not in pages["rules/index.html"].text.replace(HOSTILE, "")


def test_the_numbers_of_the_charter_are_those_of_the_rules(
    pages: dict[str, Outline], example: tuple[Repository, tuple[Row, ...]]
) -> None:
    """No placeholder is left on a page, and the charter says the number that the YAML holds."""
    rules = example[0].rules
    assert rules is not None
    text = " ".join(pages["governance/index.html"].text.split())
    assert f"Until {rules.founding.voters_min} voters" in text
    for name in ("governance/index.html", "methodology/0.1.0/index.html"):
        article = re.sub(r"\{\{ 7\*7 \}\}", "", pages[name].text)
        assert "{{" not in article


def test_an_unknown_placeholder_is_a_located_problem(root: Path, tmp_path: Path) -> None:
    """A name that the YAML does not hold is reported with line, column and the nearest name."""
    copy = tmp_path / "root"
    shutil.copytree(root, copy)
    path = "methodology/governance/charter.md"
    (copy / path).write_text("# Charter\n\nUntil {{ founding.voters_mim }} voters {{ }} are seated.\n")
    problems = build(copy, tmp_path / "out").problems
    assert [(p.path, p.span and (p.span.line, p.span.column)) for p in problems] == [
        (path, (3, 7)),
        (path, (3, 40)),
    ]
    assert problems[0].fix == "write `{{ founding.voters_min }}`"


# -- where it is built ---------------------------------------------------------------------------


def test_a_folder_with_other_files_is_never_replaced(root: Path, tmp_path: Path) -> None:
    """An earlier build is replaced; a folder that holds anything else is left alone."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SiteError, match="no build of ours"):
        build(root, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert list(tmp_path.iterdir()) == [tmp_path / "thesis.txt"]


def test_an_earlier_build_is_replaced_whole(root: Path, site: Path, tmp_path: Path) -> None:
    """What an earlier build left behind is gone, and nothing is left beside the new one."""
    out = tmp_path / "site"
    shutil.copytree(site, out)
    (out / "models" / "gone").mkdir()
    build(root, out)
    assert tree_digest(out) == tree_digest(site)
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_root_gives_a_whole_site(tmp_path: Path) -> None:
    """Before the first provider, the site says plainly that there is nothing."""
    for folder in ("methodology", "providers", "submissions"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    report = build(tmp_path / "root", tmp_path / "site")
    assert report.problems == ()
    text = Outline((tmp_path / "site" / "index.html").read_text("utf-8")).text
    assert "No model has a result yet." in text
    assert "There is no methodology yet." in text


# -- serving -------------------------------------------------------------------------------------


def test_serving_gives_pages_raw_files_and_our_own_404(site: Path) -> None:
    """A missing address answers 404 with the site's page; a folder above the site is out of reach."""
    with running_site(site) as address:
        with urllib.request.urlopen(address + "models/fable-7b/") as answer:
            assert b"Fable 7B" in answer.read()
        raw = next((site / "raw").rglob("*.gz"))
        with urllib.request.urlopen(address + str(raw.relative_to(site))) as answer:
            assert answer.read() == raw.read_bytes()
        for missing in ("nothing/here/", "..%2f..%2fetc%2fpasswd"):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(address + missing)
            with caught.value as error:
                assert error.code == 404
                assert b"There is no such page" in error.read()


# -- real input ----------------------------------------------------------------------------------


@pytest.mark.llmperf
def test_the_2023_record_is_shown_whole_and_unranked(tmp_path: Path) -> None:
    """Every imported row is marked and unranked, with its reasons and its failures beside its figures."""
    from fairlead.imports.llmperf import import_llmperf

    source = Path(os.environ.get("FAIRLEAD_LLMPERF") or CHECKOUT.parent / "shared" / "llmperf-leaderboard")
    if not source.is_dir():
        pytest.skip("the 2023 raw results are not beside the checkout")
    root = tmp_path / "root"
    import_llmperf(source, root, today=dt.date(2026, 2, 1))
    shutil.rmtree(root / "methodology" / "versions", ignore_errors=True)
    shutil.copytree(CHECKOUT / "methodology" / "versions", root / "methodology" / "versions")
    shutil.copyfile(CHECKOUT / "methodology" / "versions.yaml", root / "methodology" / "versions.yaml")
    build(root, tmp_path / "site")
    page = (tmp_path / "site" / "models" / "llama-2-70b-chat" / "index.html").read_text("utf-8")
    text = " ".join(Outline(page).text.split())
    assert page.count('<span class="fl-state fl-imported">imported</span>') == 8
    assert "No row of this table is ranked: imported from another tool" in text
    assert "130 rate limited" in text
    assert "fl-rank" not in page
