"""A published figure is held against the raw requests, and nobody is accused of what their data holds."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.audit import AuditReport, Figure, audit_published, render_text, report_json
from fairlead.audit.readings import CUT_OFF, NEXT_HIGHER, is_given, is_given_cut_off, statistic
from fairlead.imports.llmperf import import_llmperf
from fairlead.repository import Repository, load_repository

FIXTURE = Path(__file__).parent / "fixtures" / "llmperf" / "results"
TODAY = dt.date(2026, 3, 4)
HEADER = "metric,model_size,provider,model,statistic,value\n"
ROW = "ttft_s,7b,acme-cloud,acme/llama-2-7b-chat,{},{}\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A root with the fixture's runs."""
    root = tmp_path_factory.mktemp("audit") / "root"
    assert import_llmperf(FIXTURE, root, TODAY).problems == ()
    return load_repository(root)[0]


def audit(repository: Repository, table: str) -> AuditReport:
    return audit_published(table.encode(), repository, "published.csv")


def audit_fixture(repository: Repository) -> AuditReport:
    return audit_published((FIXTURE / "published.csv").read_bytes(), repository, "published.csv")


def key(figure: Figure) -> tuple[str, str, str, str, str | None]:
    row = figure.published
    return row.provider, row.metric, row.statistic, row.value, figure.given_by


# -- one figure ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "published", "given"),
    [
        (0.5166, "0.52", True),
        (0.5166, "0.51", False),
        (0.515, "0.51", True),  # a half may be rounded either way
        (0.515, "0.52", True),
        (0.5149, "0.52", False),
        (0.9, "0.90", True),
        (0.94, "0.9", True),  # as many digits as were published
        (0.94, "0.90", False),
        (185.4, "185", True),
        (185.6, "185", False),
        (0.0, "0", True),
        (None, "0", False),
        (100.47, "0.91", False),
    ],
)
def test_a_figure_is_given_if_the_raw_one_rounds_to_it(
    raw: float | None, published: str, given: bool
) -> None:
    assert is_given(raw, published) is given


@given(st.floats(0, 1e6), st.integers(0, 6))
def test_every_number_gives_its_own_rounding_and_its_own_cutting(raw: float, digits: int) -> None:
    assert is_given(raw, f"{raw:.{digits}f}")
    whole, _, fraction = f"{raw:.40f}".partition(".")
    assert is_given_cut_off(raw, f"{whole}.{fraction[:digits]}".rstrip("."))


@given(st.floats(0, 1e6), st.integers(0, 6), st.integers(2, 1000), st.booleans())
def test_no_number_gives_a_figure_two_units_away(raw: float, digits: int, units: int, is_above: bool) -> None:
    away = raw + units / 10**digits if is_above else raw - units / 10**digits
    if away >= 0:
        assert not is_given(raw, f"{away:.{digits}f}")


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_statistics_agree_with_numpys(sample: list[float]) -> None:
    numpy = pytest.importorskip("numpy")
    ordered = sorted(sample)
    for name, q in (("median", 0.5), ("min", 0), ("max", 1), ("p25", 0.25), ("p95", 0.95), ("p99", 0.99)):
        assert statistic(ordered, name) == pytest.approx(float(numpy.quantile(sample, q)), rel=1e-9, abs=1e-9)
        higher = float(numpy.quantile(sample, q, method="higher"))
        assert statistic(ordered, name, is_interpolated=False) in (higher, *ordered)
    assert statistic(ordered, "mean") == pytest.approx(float(numpy.mean(sample)), rel=1e-9, abs=1e-9)


def test_an_empty_sample_gives_nothing() -> None:
    assert statistic([], "median") is None
    assert statistic([], "mean") is None


# -- a table -------------------------------------------------------------------------------------


def test_exactly_the_figures_that_the_raw_requests_do_not_give_are_listed(repository: Repository) -> None:
    report = audit_fixture(repository)
    assert report.problems == ()
    assert len(report.figures) == 33
    assert [key(figure) for figure in report.differences] == [
        ("acme-cloud", "output_tokens_per_s", "median", "75", "tokens-e2e-successes"),
        ("acme-cloud", "ttft_s", "p99", "0.11", None),
        ("borealis", "ttft_s", "median", "0.20", None),
    ]


def test_a_difference_says_what_the_raw_requests_give_instead(repository: Repository) -> None:
    speed, ttft, nothing = audit_fixture(repository).differences
    assert (speed.raw, speed.difference) == (50.0, 25.0)
    assert ttft.raw == pytest.approx(0.12345679, abs=1e-8)
    assert (nothing.raw, nothing.difference) == (None, None)  # every request of that run failed


@pytest.mark.parametrize(
    ("metric", "statistic_", "value", "given_by"),
    [
        ("output_tokens_per_s", "mean", "33", "field-successes"),  # 100, 10, 25, 20, 10
        ("output_tokens_per_s", "mean", "46", None),
        ("ttft_s", "p95", "0.5", None),  # 0.48 rounds to it: it is given
        ("ttft_s", "p95", "0.50", NEXT_HIGHER),
        ("ttft_s", "p99", "0.49", CUT_OFF),  # 0.496
    ],
)
def test_another_way_to_a_figure_is_named(
    repository: Repository, metric: str, statistic_: str, value: str, given_by: str | None
) -> None:
    row = f"{metric},7b,acme-cloud,acme/llama-2-7b-chat,{statistic_},{value}\n"
    (figure,) = audit(repository, HEADER + row).figures
    assert figure.given_by == given_by


def test_each_reading_is_scored_over_the_whole_table(repository: Repository) -> None:
    scores = {score.reading.id: (score.given, score.figures) for score in audit_fixture(repository).readings}
    assert scores["tokens-e2e-timed"] == (15, 16)
    assert scores["ttft-successes"] == (15, 17)
    assert scores["tokens-e2e-successes"][0] < 15  # the timed failure is in the table's throughput


def test_each_run_says_what_the_table_left_out(repository: Repository) -> None:
    runs = {(run.provider, run.model): run for run in audit_fixture(repository).runs}
    lost = runs["borealis", "llama-2-13b-chat"]
    assert (lost.requests, lost.failed, lost.failure_share, lost.field) == (3, 3, 1.0, None)
    cut = runs["acme-cloud", "llama-2-7b-chat"]
    assert (cut.planned, cut.requests, dict(cut.failures)) == (8, 7, {"rate_limited": 2})
    assert (cut.day, cut.figures) == (dt.date(2024, 2, 3), 16)
    assert runs["borealis", "llama-2-7b-chat"].figures == 0  # a run that the table does not show at all


def test_the_raw_field_is_shown_beside_tokens_over_e2e(repository: Repository) -> None:
    (run,) = (r for r in audit_fixture(repository).runs if r.figures and r.model == "llama-2-7b-chat")
    assert run.field is not None
    assert (run.field.tokens_per_e2e_median_tps, run.field.field_median_tps) == (25.0, 20.0)
    # 2 s with a field of 10 tokens/s: 20 tokens, of which the record counts 100
    assert (run.field.worst_factor, run.field.worst_i) == (pytest.approx(5.0), 4)


# -- rendering -----------------------------------------------------------------------------------


def test_the_text_groups_differences_by_run_and_ends_with_the_count(repository: Repository) -> None:
    lines = render_text(audit_fixture(repository)).splitlines()
    at = lines.index("acme-cloud · llama-2-70b-chat")
    assert lines[at + 2].split() == [
        "output_tokens_per_s", "median", "75", "50.00", "+25.00", "(+50%)", "tokens-e2e-successes",
    ]  # fmt: skip
    assert lines[-1] == "3 of 33 published figures are not what the raw data gives."
    assert lines[-2] == "1 of these 3 come out in another way, 2 in none."
    left_out = next(line for line in lines if "llama-2-13b-chat" in line and "100.0%" in line)
    assert left_out.split()[-2:] == ["3", "rate_limited"]


def test_a_table_that_the_raw_requests_give_says_so(repository: Repository) -> None:
    report = audit(repository, HEADER + ROW.format("median", "0.30"))
    assert report.differences == ()
    assert render_text(report).endswith("0 of 1 published figures are not what the raw data gives.\n")


def test_the_text_fits_in_100_columns_whatever_the_names(tmp_path: Path) -> None:
    long = "a" * 60
    for part in ("individual", "summary"):
        (tmp_path / part).mkdir()
        text = (FIXTURE / part / "acme-cloud_70b.json").read_text().replace('"acme-cloud"', f'"{long}"')
        (tmp_path / part / f"{long}_70b.json").write_text(text)
    assert import_llmperf(tmp_path, tmp_path / "root", TODAY).problems == ()
    table = HEADER + f"ttft_s,70b,{long},acme/llama-2-70b-chat,max,{'9' * 9}.999\n"
    text = render_text(audit(load_repository(tmp_path / "root")[0], table))
    assert max(map(len, text.splitlines())) <= 100


def test_the_json_holds_every_figure_with_what_the_raw_requests_give(repository: Repository) -> None:
    document = json.loads(json.dumps(report_json(audit_fixture(repository)), allow_nan=False))
    assert document["schema_version"] == 1
    assert document["counts"] == {
        "figures": 33,
        "differences": 3,
        "differences_given_another_way": 1,
        "problems": 0,
    }
    assert document["figures"][0] == {
        "line": 2,
        "provider": "acme-cloud",
        "model": "llama-2-7b-chat",
        "metric": "output_tokens_per_s",
        "statistic": "median",
        "published": "25",
        "raw": 25.0,
        "difference": 0.0,
        "is_given": True,
        "given_by": None,
    }
    assert len(document["runs"]) == 4


# -- bad input -----------------------------------------------------------------------------------

GOOD = ROW.format("median", "0.30")


@pytest.mark.parametrize(
    ("table", "code", "line", "message"),
    [
        ("", "AUD001", 1, "no column `metric`"),
        (HEADER.replace("statistic", "statistics") + GOOD, "AUD001", 1, "no column `statistic`"),
        (HEADER + GOOD.replace(",0.30", ""), "AUD001", 2, "5 cells under 6 columns"),
        (HEADER + '"ttft_s', "AUD001", 2, "not CSV"),
        (HEADER + ROW.format("p90", "0.30"), "AUD002", 2, "the statistic `p90` is not known"),
        (HEADER + GOOD.replace("ttft_s", "ttft"), "AUD002", 2, "the metric `ttft` is not known"),
        (HEADER + ROW.format("mean", "fast"), "AUD002", 2, "the value `fast` is no figure"),
        (HEADER + ROW.format("mean", "NaN"), "AUD002", 2, "the value `NaN` is no figure"),
        (HEADER + ROW.format("mean", "1e999999999"), "AUD002", 2, "is no figure"),
        (HEADER + ROW.format("mean", "-0.3"), "AUD002", 2, "the value `-0.3` is no figure"),
        (HEADER + GOOD + GOOD.replace("0.30", "0.40"), "AUD003", 3, "the same figure as on line 2"),
        (HEADER + GOOD.replace("acme-cloud", "acme-clout"), "AUD004", 2, "no imported run of `acme-clout`"),
        (HEADER + GOOD.replace("acme/llama", "acme/alpaca"), "AUD004", 2, "no imported run of `acme/alpaca"),
        (HEADER + GOOD.replace(",7b,", ",13b,"), "AUD004", 2, "(13b) by `acme-cloud`"),
    ],
)
def test_a_bad_table_is_located(
    repository: Repository, table: str, code: str, line: int, message: str
) -> None:
    report = audit(repository, table)
    (problem,) = report.problems
    assert problem.span is not None
    assert (problem.code, problem.path, problem.span.line) == (code, "published.csv", line)
    assert message in problem.message
    assert problem.fix


def test_a_bad_row_does_not_hide_the_others(repository: Repository) -> None:
    report = audit(repository, HEADER + ROW.format("p90", "1") + GOOD + ROW.format("mean", "x"))
    assert (len(report.figures), len(report.problems)) == (1, 2)
    assert "2 problems: the rows and requests they name were left out." in render_text(report)


def test_bytes_that_are_no_text_are_a_problem(repository: Repository) -> None:
    report = audit_published(b"\xff\xfe", repository, "x.csv")
    assert [(p.code, p.path) for p in report.problems] == [("AUD001", "x.csv")]


def test_a_byte_order_mark_and_other_columns_are_no_matter(repository: Repository) -> None:
    table = "\ufeff" + HEADER.replace("\n", ",remark\n") + GOOD.replace("\n", ",x\n")
    report = audit(repository, table)
    assert (len(report.figures), report.problems) == (1, ())


def test_a_window_that_contradicts_its_own_source_record_is_a_problem(tmp_path: Path) -> None:
    root = tmp_path / "root"
    import_llmperf(FIXTURE, root, TODAY)
    (path,) = root.glob("submissions/acme-cloud/*/windows/*-7b-*")
    text = gzip.decompress(path.read_bytes()).replace(b'"ttft_ns":400000000', b'"ttft_ns":4000000')
    path.write_bytes(gzip.compress(text))
    report = audit(load_repository(root)[0], HEADER + GOOD)
    (problem,) = report.problems
    assert problem.code == "AUD005"
    assert problem.path == path.relative_to(root).as_posix()
    assert problem.span is not None
    assert problem.span.line == 2
    assert "ttft_s is not what its source record says" in problem.message


def test_a_row_of_which_the_root_holds_two_runs_is_a_problem(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    for part in ("individual", "summary"):
        (source / part).mkdir(parents=True)
        shutil.copy(FIXTURE / part / "acme-cloud_7b.json", source / part)
    import_llmperf(source, root, TODAY)
    path = source / "summary" / "acme-cloud_7b.json"
    path.write_text(path.read_text().replace('"timestamp": 1706918400', '"timestamp": 1706000000'))
    assert import_llmperf(source, root, TODAY).problems == ()
    report = audit(load_repository(root)[0], HEADER + GOOD)
    assert [(p.code, p.message.split()[0]) for p in report.problems] == [("AUD004", "2")]
    assert report.figures == ()


def test_a_window_that_cannot_be_read_is_a_problem_and_its_rows_too(tmp_path: Path) -> None:
    root = tmp_path / "root"
    import_llmperf(FIXTURE, root, TODAY)
    (path,) = root.glob("submissions/acme-cloud/*/windows/*-7b-*")
    path.write_bytes(path.read_bytes()[:-9])
    report = audit(load_repository(root)[0], HEADER + GOOD)
    assert [p.code for p in report.problems] == ["AUD005", "AUD004"]


# -- the real data -------------------------------------------------------------------------------


@pytest.mark.llmperf
def test_of_the_304_figures_of_2023_the_raw_data_does_not_give_19(tmp_path: Path) -> None:
    checkout = Path(__file__).resolve().parents[2]
    named = os.environ.get("FAIRLEAD_LLMPERF")
    folder = Path(named) if named else checkout.parent / "shared" / "llmperf-leaderboard"
    if not (folder / "published.csv").is_file():
        pytest.skip("the 2023 results are not here; name their folder in FAIRLEAD_LLMPERF")
    import_llmperf(folder, tmp_path / "root", TODAY)
    repository = load_repository(tmp_path / "root")[0]
    began = time.perf_counter()
    report = audit_published((folder / "published.csv").read_bytes(), repository, "published.csv")
    text = render_text(report)
    print(f"audit of 304 figures: {time.perf_counter() - began:.2f} s")
    assert report.problems == ()
    assert (len(report.figures), len(report.differences), len(report.runs)) == (304, 19, 19)
    assert {score.reading.id: score.given for score in report.readings} == {
        "tokens-e2e-timed": 141,
        "tokens-e2e-successes": 135,
        "field-successes": 20,
        "field-timed": 20,
        "ttft-successes": 144,
        "ttft-timed": 135,
    }
    assert [key(figure)[:4] for figure in report.differences if figure.given_by is None] == [
        ("perplexity", "ttft_s", "max", "0.70"),
        ("together", "ttft_s", "mean", "0.89"),
        ("together", "ttft_s", "max", "0.91"),
        ("together", "ttft_s", "p99", "0.81"),
    ]
    shares = {run.provider: run.failure_share for run in report.runs if run.failed > 90}
    assert shares == {"bedrock": pytest.approx(97 / 150), "lepton": pytest.approx(130 / 150)}
    assert max(run.field.worst_factor for run in report.runs if run.field) == pytest.approx(123, abs=0.5)
    assert text.endswith("19 of 304 published figures are not what the raw data gives.\n")
    assert max(map(len, text.splitlines())) <= 100
