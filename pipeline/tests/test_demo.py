"""The demo, whole: every step for real, and what it measured beside what is known."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead import demo
from fairlead.measure.truth import LoggedRequest
from fairlead.repository import load_repository

from .test_publish_api import validate

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's folder after one run of the command, and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "out"
    outcome = subprocess.run(
        [sys.executable, "-m", "fairlead", "demo", "--out", str(out), "--seed", "7"],
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return out, outcome.stdout


def test_the_demo_prints_where_its_site_is_and_it_is_there(finished: tuple[Path, str]) -> None:
    """The last lines name the root and the site."""
    out, text = finished
    assert f"site: {out / 'site' / 'index.html'}" in text
    assert (out / "site" / "index.html").is_file()
    assert (out / "site" / "models" / "demo-model" / "index.html").is_file()


def test_every_data_file_of_the_demo_keeps_to_its_schema(finished: tuple[Path, str]) -> None:
    """Rows, verdicts, findings and profiles of a whole loop, and no table without its lines."""
    site = finished[0] / "site"
    files = {path.relative_to(site).as_posix(): path.read_text("utf-8") for path in site.rglob("*.json")}
    used = validate({path: text for path, text in files.items() if path.startswith("api/v1/")})
    assert {"api/v1/schemas/leaderboard.json", "api/v1/schemas/tables.json"} <= used
    tables = json.loads(files["api/v1/tables.json"])["tables"]
    assert all(entry["lines"] > 0 for table in tables for entry in table["files"])


def test_the_demo_ranks_by_neutral_rounds_whatever_was_claimed(finished: tuple[Path, str]) -> None:
    """The boastful provider claims the honest one's figures, and stands behind it."""
    _, text = finished
    ranks = dict(re.findall(r"^(demo-\w+)\s+TTFT p50 .*?(\d of \d)$", text, flags=re.MULTILINE))
    assert ranks == {"demo-honest": "1 of 2", "demo-boastful": "2 of 2"}  # the faker has no rank by TTFT


def test_the_demo_catches_whom_it_should_and_passes_whom_it_should(finished: tuple[Path, str]) -> None:
    """Each with its evidence: the verdict of a rerun, the hours of the failures, the way the chunks came."""
    _, text = finished
    found = re.findall(r"^(demo-\w+): (caught|passed)\n((?:  .*\n)+)", text, flags=re.MULTILINE)
    rulings = {name: (word, " ".join(evidence.split())) for name, word, evidence in found}
    assert {name: word for name, (word, _) in rulings.items()} == {
        "demo-honest": "passed",
        "demo-boastful": "caught",
        "demo-flaky": "caught",
        "demo-faker": "caught",
    }
    assert "The claim is reproduced." in rulings["demo-honest"][1]
    assert "The claim is not reproduced." in rulings["demo-boastful"][1]
    assert "in these hours of the day" in rulings["demo-flaky"][1]
    assert "the second read came" in rulings["demo-faker"][1]
    assert "Output length: 0 of" in rulings["demo-faker"][1]


def test_the_demo_measures_success_exactly(finished: tuple[Path, str]) -> None:
    """Of the same requests, the client and the endpoint count the same failures."""
    _, text = finished
    assert re.findall(r"Success rate .*?([+-]\d\.\d) pt", text) == ["+0.0"] * 5


def test_the_demo_leaves_a_root_with_its_history(finished: tuple[Path, str]) -> None:
    """Founding, four registrations, four submissions and two reruns are commits of their own."""
    out, _ = finished
    root = out / "root"
    log = subprocess.run(["git", "log", "--format=%s"], cwd=root, capture_output=True, text=True, check=True)
    assert len(log.stdout.splitlines()) == 1 + 4 + 4 + 2
    repository, problems = load_repository(root)
    assert not problems
    assert len(repository.submissions) == 4
    assert len(repository.reruns) == 2
    assert {len(rerun.windows) // 5 for rerun in repository.reruns.values()} <= set(demo.LOOKS)


def test_the_demo_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    """Nothing of anybody's is overwritten."""
    (tmp_path / "thesis.tex").write_text("mine")
    outcome = subprocess.run(
        [sys.executable, "-m", "fairlead", "demo", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 3
    assert "not empty" in outcome.stderr
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_what_an_endpoint_did_is_read_from_its_log() -> None:
    """TTFT counts from arrival, TPOT from the first chunk, success over everything that was asked."""
    whole = LoggedRequest(
        id="a",
        body_sha256="",
        occurrence=0,
        fate="ok",
        received_ns=0,
        written_ns=[5_000_000, 7_000_000, 9_000_000],
        tokens=[1, 1, 1],
    )
    refused = LoggedRequest(id="b", body_sha256="", occurrence=0, fate="rate_limited", received_ns=0)
    assert demo.known_figures([(0, whole), (0, refused)]) == {
        "ttft_p50_ms": 5.0,
        "tpot_p50_ms": 2.0,
        "success_rate": 0.5,
    }
    assert demo.known_figures([(0, whole), (0, refused), (1, whole)])["success_rate"] == 0.75
