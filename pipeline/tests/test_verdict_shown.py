"""A verdict from committed files to the terminal, the page and the data: on a root of raw windows."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from fairlead.cli import cli
from fairlead.evidence import load_evidence
from fairlead.publish import verdicts
from fairlead.publish.api import _files as data_files
from fairlead.publish.edition import Edition
from fairlead.publish.results import model_page
from fairlead.publish.submissions import submission_page
from fairlead.ranking import build_rows
from fairlead.repository import load_repository
from fairlead.verdict import judge_repository, judge_submission
from fairlead.windows import Methodology

from . import roots
from .roots import CLAIM, METHODOLOGY, MS, RERUN

CHECKOUT = Path(__file__).parents[2]
NAME = CLAIM.removeprefix("submissions/")
STOPPING = """  success_margin_share: 0.01
  stopping:
    looks:
      - 4
      - 6
      - 8
    error_share: 0.025
    hours_min: 4
    control_rounds_min: 8
    control_windows_min: 96
    control_level_share: 0.9
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A claim of 100 ms, and a rerun of eight hourly windows around 130 ms."""
    text = roots.FILES[METHODOLOGY].replace("  success_margin_share: 0.01\n", STOPPING)
    monkeypatch.setitem(roots.FILES, METHODOLOGY, text)
    roots.build_root(tmp_path)
    method = Methodology(version="1.0.0", sha256=roots.digest_of(tmp_path, METHODOLOGY))
    for turn in range(8):
        made = roots.make_header(methodology=method, round=f"r-{turn + 2}")
        load = msgspec.structs.replace(made.load, planned=6)
        header = roots.at_time(made, f"2026-03-10T{13 + turn}:00:00Z", load=load)
        requests = [roots.make_request(i) for i in range(6)]
        for request in requests:
            request.chunk_ns[0] += (30 + turn % 3) * MS
        roots.put_window(tmp_path, RERUN, header, requests)
    roots.reseal(tmp_path, RERUN)
    return tmp_path


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["verdict", *arguments, "--root", str(root)])


SENTENCE = "Claimed: TTFT p50 100 ms. Over 4 neutral windows at north-1 it was 131 ms (95 % interval "


def test_a_provider_reads_its_verdict_and_why(root: Path) -> None:
    found = run(root, NAME)
    assert found.exit_code == 0, found.output
    assert "not reproduced: main / llama-3-70b / chat-c2" in found.output
    assert SENTENCE in found.output
    assert "31 % slower than claimed; the margin is 10 %." in found.output
    assert "The claim is not reproduced." in found.output
    assert "No further window can change the state of a row." in found.output
    assert run(root, f"submissions/{NAME}/").output == found.output


def test_machines_read_the_same_verdict(root: Path) -> None:
    document = json.loads(run(root, NAME, "--json").output)
    assert (document["submission"], document["certain"]) == (NAME, True)
    (claim,) = document["claims"]
    assert (claim["state"], claim["final"], claim["limit"]) == ("not_reproduced", True, pytest.approx(110))
    assert len(claim["windows"]) == 4
    assert all((root / path).is_file() for path in claim["windows"])


def test_a_first_window_of_four_requests_gives_no_median_and_says_so(root: Path) -> None:
    (claim,) = json.loads(run(root, NAME, "--json").output)["claims"]
    assert [each["reason"] for each in claim["lost"]] == ["4 of 4 requests succeeded"]
    assert "1 window gives no figure; the last of them: 4 of 4 requests succeeded." in claim["sentence"]


def test_an_unknown_submission_is_named_with_those_that_are_there(root: Path) -> None:
    found = run(root, "acme/2026-03-04-lama")
    assert found.exit_code == 2
    assert NAME in found.output


def test_a_raw_file_that_was_changed_gives_a_problem_and_no_verdict(root: Path) -> None:
    path = root / roots.window_of(root, RERUN, 3)
    path.write_bytes(path.read_bytes()[:-9])
    found = run(root, NAME)
    assert found.exit_code == 1
    assert "reproduced" not in found.stdout


def test_the_verdict_is_a_function_of_the_files_alone(root: Path) -> None:
    repository, _ = load_repository(root)
    evidence, problems = load_evidence(repository)
    assert problems == []
    once, again = (judge_submission(repository, order, NAME) for order in (evidence, evidence[::-1]))
    assert once == again == judge_repository(repository, evidence)[NAME]


def edition_of(root: Path) -> Edition:
    repository, _ = load_repository(root)
    now = dt.datetime(2026, 3, 12, tzinfo=dt.UTC)
    rows = build_rows(
        load_evidence(repository)[0],
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(now.timestamp()) * 10**9,
    )
    return Edition(repository, rows, now, None, {})


def test_the_verdict_stands_on_the_claims_row_and_its_page(root: Path) -> None:
    edition = edition_of(root)
    board = "\n".join(model_page(edition, "llama-3-70b").blocks)
    assert board.count(">not reproduced<") == 1  # on the claim's row, and not on the neutral one
    assert SENTENCE in board
    page = "\n".join(submission_page(edition, NAME).blocks)
    assert ">not reproduced<" in page
    assert SENTENCE in page


def test_the_verdict_stands_in_the_published_data(root: Path) -> None:
    makers = {path: make for path, _, make in data_files(edition_of(root))}
    submissions = makers["submissions.json"]()["submissions"]
    (claim,) = next(each["verdicts"] for each in submissions if each["id"] == NAME)
    rows = makers["leaderboards/llama-3-70b.json"]()["rows"]
    (shown,) = (verdict for row in rows for verdict in row["verdicts"])
    assert shown == {"state": "not_reproduced", "final": True, "sentence": claim["sentence"]}


def test_the_page_of_error_rates_is_made_from_the_committed_table() -> None:
    table = json.loads((CHECKOUT / "site/content/assets/verdict.json").read_text("utf-8"))
    page = "\n".join(verdicts.operating_blocks(table))
    assert page.count("<tr>") == len(table["results"]) + 3
    assert "Each wrong verdict is to come in at most 2.5% of reruns" in page
    assert table["command"] in page
