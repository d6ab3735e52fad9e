"""The demo, whole: every step for real, and what it measured beside what is known."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead import demo
from fairlead.measure.truth import LoggedRequest
from fairlead.repository import load_repository

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


def test_the_demo_tells_the_boastful_provider_from_the_honest_one(finished: tuple[Path, str]) -> None:
    """Neutral rounds rank the honest provider first, the boastful one second, whatever it claims."""
    _, text = finished
    ranks = dict(re.findall(r"^(demo-\w+)\s+TTFT p50 .*?(\d of \d)$", text, flags=re.MULTILINE))
    assert ranks == {"demo-honest": "1 of 2", "demo-boastful": "2 of 2"}
    assert re.search(r"demo-flaky is not ranked: \d+ of 240 requests succeeded", text)


def test_the_demo_measures_success_exactly(finished: tuple[Path, str]) -> None:
    """Of the same requests, the client and the endpoint count the same failures."""
    _, text = finished
    assert re.findall(r"Success rate .*?([+-]\d\.\d) pt", text) == ["+0.0"] * 4


def test_the_demo_leaves_a_root_with_its_history(finished: tuple[Path, str]) -> None:
    """Founding, three registrations, three submissions and the rounds are commits of their own."""
    out, _ = finished
    root = out / "root"
    log = subprocess.run(["git", "log", "--format=%s"], cwd=root, capture_output=True, text=True, check=True)
    assert len(log.stdout.splitlines()) == 8
    repository, problems = load_repository(root)
    assert not problems
    assert len(repository.submissions) == 3
    assert len(repository.window_paths("submissions/neutral")) == demo.ROUNDS * 4


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
    assert demo.known_figures([whole, refused]) == {
        "ttft_p50_ms": 5.0,
        "tpot_p50_ms": 2.0,
        "success_rate": 0.5,
    }
