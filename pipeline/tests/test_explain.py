"""A published figure, taken apart: each step comes from the files, and one that does not is found out."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead import evidence, ranking, report
from fairlead.explain import Explanation, explain
from fairlead.ranking import FIGURES, Row, build_rows
from fairlead.repository import Repository, load_repository
from fairlead.stats import Estimate

from . import roots
from .examples import with_table

FIGURE = {figure.name: figure for figure in FIGURES}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return roots.build_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def repository(root) -> Repository:
    found, problems = load_repository(root)
    assert not problems
    return found


@pytest.fixture(scope="module")
def rows(repository) -> tuple[Row, ...]:
    items, problems = evidence.load_evidence(repository)
    assert not problems
    now_ns = int(roots.NOW.timestamp()) * roots.S
    return build_rows(items, repository.providers, repository.methodologies, now_unix_ns=now_ns)


def taken_apart(repository: Repository, row: Row, name: str) -> Explanation:
    methodology = ranking.methodology_of(repository.methodologies, row.family.methodology)
    rules = evidence.steady_rules(methodology)
    return explain(row, FIGURE[name], lambda path: evidence.read_raw(repository, path), rules)


@pytest.mark.parametrize("name", FIGURE)
def test_every_figure_of_every_row_comes_out_of_its_files_again(repository, rows, name):
    for row in rows:
        found = taken_apart(repository, row, name)
        assert found.agrees
        assert [step.path for step in found.windows] == [item.path for item in row.evidence]


def test_a_quantile_names_a_line_that_holds_it_and_its_arithmetic(repository, rows):
    for row in rows:
        value = row.figures["ttft_p50_ms"].value
        if value is None:
            continue
        line = taken_apart(repository, row, "ttft_p50_ms").lines[0]
        _, window = evidence.read_raw(repository, line.path)
        request = window.requests[line.line - 2]
        assert line.value == pytest.approx(value, rel=1e-9)
        assert f"{request.chunk_ns[0]:,}" in line.how if request.chunk_ns else "stated by" in line.how


def test_a_published_figure_that_the_files_do_not_give_is_found_out(repository, rows):
    row = next(row for row in rows if row.figures["ttft_p50_ms"].value is not None)
    first, *rest = row.evidence
    values = {name: tuple(value * 0.9 for value in of) for name, of in first.table.values.items()}
    flattered = with_table(first, dataclasses.replace(first.table, values=values))
    assert not taken_apart(
        repository, dataclasses.replace(row, evidence=(flattered, *rest)), "ttft_p50_ms"
    ).agrees


@pytest.mark.parametrize("name", FIGURE)
def test_an_interval_that_no_page_shows_is_not_shown_here(repository, rows, name):
    """M-6.6: people are told why; machines are given the interval and the reason beside it."""
    estimate = Estimate(value=0.5, low=0.40625, high=0.59375, n=720, windows=24)
    row = dataclasses.replace(rows[0], figures={**rows[0].figures, name: estimate})
    found = taken_apart(repository, row, name)
    said, data = report.explanation_text(found), json.loads(report.explanation_json(found))
    is_wide = FIGURE[name].is_wide
    assert report.format_value(name, 0.5) in said
    assert (report.format_estimate(name, estimate) in said) is not is_wide
    assert (f"no rank: {ranking.WIDE}" in said) is is_wide
    assert (data["estimate"]["low"], data["estimate"]["high"]) == (0.40625, 0.59375)
    assert data["withheld"] == (ranking.WIDE if is_wide else None)


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairlead", "explain", *arguments, "--root", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_explains_a_row_and_says_the_nearest_where_there_is_none(root, rows):
    said = run(root, rows[0].id)
    assert (said.returncode, "computed again" in said.stdout) == (0, True)
    data = json.loads(run(root, rows[0].id, "--figure", "success_rate", "--json").stdout)
    assert (data["row"], data["figure"], data["agrees"]) == (rows[0].id, "success_rate", True)
    missed = run(root, rows[0].id[:-1])
    assert (missed.returncode, rows[0].id in missed.stderr) == (2, True)
    assert "no figure 'speed'" in run(root, rows[0].id, "--figure", "speed").stderr
