"""What raw requests show, on the pages: each finding with its numbers and its file, and how often it errs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy import stats as scipy_stats

from fairlead.forgery.frauds import FRAUDS
from fairlead.integrity import Finding
from fairlead.publish import findings, integrity, submissions
from fairlead.publish.edition import Edition
from fairlead.ranking import Origin, Row
from fairlead.repository import Repository
from fairlead.rules import RULES

from .publish_example import COMMIT, HOSTILE, NOW, Outline, load, write_root

CHECKOUT = Path(__file__).parents[2]
CLAIM = "hostile/2026-02-19-first"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, tuple[Row, ...]]:
    root: Path = tmp_path_factory.mktemp("integrity")
    write_root(root)
    return load(root)


def edition(example: tuple[Repository, tuple[Row, ...]], *found: Finding) -> Edition:
    """An edition whose one claim shows these findings, whatever its files hold."""
    repository, rows = example
    made = Edition(repository, rows, NOW, COMMIT, {})
    made.__dict__["integrity"] = {CLAIM: found}
    return made


def a_finding(repository: Repository, code: str = "INT006") -> Finding:
    path = f"submissions/{CLAIM}/{repository.submissions[CLAIM].windows[0].file}"
    return Finding(code, path, tuple(range(10)), f"the gaps of {HOSTILE} correlate by 0.912", 1e-9)


def test_a_submission_shows_each_finding_with_its_rule_its_requests_and_its_file(
    example: tuple[Repository, tuple[Row, ...]],
) -> None:
    found = a_finding(example[0])
    page = "\n".join(submissions.submission_page(edition(example, found), CLAIM).blocks)
    assert "correlate by 0.912; requests 0, 1, 2, 3, 4, 5, 6, 7 and 2 more" in Outline(page).text
    assert 'rules/#int006"' in page
    assert f"{found.path.rpartition('/')[2]}</a>" in page
    assert "<script>" not in page


def test_a_submission_without_a_finding_says_so_and_an_import_says_nothing(
    example: tuple[Repository, tuple[Row, ...]],
) -> None:
    clean = edition(example)
    assert "Nothing was found." in "".join(integrity.submission_blocks(clean, CLAIM, "x/"))
    assert integrity.submission_blocks(clean, "hostile/an-import", "x/") == []


def test_the_page_of_a_model_names_the_claim_and_leads_to_its_evidence(
    example: tuple[Repository, tuple[Row, ...]],
) -> None:
    repository, rows = example
    found = edition(example, a_finding(repository))
    lines = [str(line) for line in integrity.row_lines(found, rows, "models/fable-7b/")]
    assert len(lines) == sum(row.origin is Origin.CLAIM for row in rows) == 1
    assert RULES["INT006"].title.lower() in lines[0]
    assert f"submissions/{CLAIM}/#raw-requests" in lines[0]
    section = "".join(findings.section(found, rows, "models/fable-7b/"))
    assert f"submissions/{CLAIM}/#raw-requests" in section


def test_the_table_states_every_trial_with_its_interval() -> None:
    found = json.loads((CHECKOUT / "site/content/assets/integrity.json").read_text("utf-8"))
    page = "\n".join(integrity.trial_blocks(found))
    for fraud in FRAUDS:
        assert fraud.name in page
    total = sum(trial["submissions"] for trial in found["results"] if trial["is_honest"])
    assert f"Of {total:,} honest submissions" in page
    assert "The methodology allows its statistical tests 0.1%" in page
    named = sum(trial["named"] for trial in found["results"] if trial["is_honest"])
    most = scipy_stats.beta.ppf(0.95, named + 1, total - named)  # Clopper and Pearson, one-sided
    assert f"no more than {most:.2%} are, at 95%" in page
    assert found["command"] in page
