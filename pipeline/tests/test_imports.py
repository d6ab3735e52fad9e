"""Other tools' results become imported submissions: by formula, located where they cannot, and never a guess.

The files under fixtures/imports are made by ``python pipeline/benchmarks/import_files.py``: by the tools
themselves against the reference endpoint, beside its log; LLMPerf's and MLPerf Endpoints' are made by hand,
and so is vLLM's older one.
"""

from __future__ import annotations

import collections
import copy
import datetime as dt
import decimal
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead import metrics, scaffold
from fairlead.audit.sources import imported_runs
from fairlead.checks import run_checks
from fairlead.cli import cli
from fairlead.cli.common import board_rows
from fairlead.cli.others import import_
from fairlead.imports.runs import METRICS, LeftOut, Mapped, Run, Tool
from fairlead.imports.source import SourceError, SourceFile
from fairlead.imports.submissions import ImportReport, Target, gather, import_results, submission_files
from fairlead.imports.tools import TOOLS
from fairlead.measure.truth import read_log
from fairlead.problems import Problem, Severity, render_text
from fairlead.ranking import Origin
from fairlead.repository import format_tree, load_repository, read_window
from fairlead.windows import Outcome, Request, decode_window

FIXTURES = Path(__file__).parent / "fixtures" / "imports"
TODAY = dt.date(2026, 12, 1)
NOW = dt.datetime(2026, 12, 2, tzinfo=dt.UTC)
TARGET = Target("reference", "main", "reference")
CLEAN = {
    "llmperf": FIXTURES / "llmperf",
    "vllm": FIXTURES / "vllm" / "clean" / "vllm.json",
    "guidellm": FIXTURES / "guidellm" / "clean" / "guidellm.json",
    "aiperf": FIXTURES / "aiperf" / "clean",
    "inference-perf": FIXTURES / "inference-perf" / "clean",
    "mlperf-endpoints": FIXTURES / "mlperf-endpoints" / "clean",
}
BEGAN = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)  # said only where the tool's files do not
OLDER = FIXTURES / "vllm" / "older.json"
BREAKABLE = {**CLEAN, "vllm": OLDER}
REAL = ("guidellm", "aiperf", "inference-perf", "vllm")
ONE_FILE = {"guidellm": "guidellm.json", "vllm": "vllm.json"}
FATES = {
    "ok": Outcome.OK,
    "rate_limited": Outcome.RATE_LIMITED,
    "server_error": Outcome.SERVER_ERROR,
    "stream_error": Outcome.IN_STREAM_ERROR,
    "truncated": Outcome.TRUNCATED,
}
each = pytest.mark.parametrize("name", CLEAN)
each_real = pytest.mark.parametrize("name", REAL)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that describes the reference endpoint, and nothing else that was measured."""
    assert scaffold.create_root(tmp_path / "root").problems == ()
    return tmp_path / "root"


def run(name: str, source: Path, root: Path, target: Target = TARGET) -> ImportReport:
    return import_results(TOOLS[name], source, root, target, TODAY, BEGAN)


def read(name: str, source: Path) -> Sequence[Run]:
    tool = TOOLS[name]
    return tool.read(gather(tool, source))


def requests_of(name: str, source: Path) -> list[Request]:
    (one,) = read(name, source)
    return list(one.requests)


def good(name: str, source: Path) -> list[Request]:
    return [request for request in requests_of(name, source) if request.outcome is Outcome.OK]


def failing(name: str) -> Path:
    return FIXTURES / name / "failing" / ONE_FILE.get(name, "")


def files_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def copied(name: str, tmp_path: Path) -> Path:
    """A clean source that a test may break."""
    source = BREAKABLE[name]
    place = tmp_path / source.name
    return Path(shutil.copytree(source, place) if source.is_dir() else shutil.copy(source, place))


def where(report: ImportReport) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in report.problems]


# -- the formulas --------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_every_metric_of_every_tool_is_mapped_or_left_out_with_a_reason(tool: Tool) -> None:
    assert [line.metric for line in tool.lines] == list(METRICS)
    for line in tool.lines:
        said = (line.field, line.formula) if isinstance(line, Mapped) else (line.reason,)
        assert all(said)


@each
def test_what_the_table_maps_is_there_for_every_good_request_and_what_it_leaves_out_for_none(
    name: str,
) -> None:
    requests = good(name, CLEAN[name])
    assert requests
    for line in TOOLS[name].lines:
        if line.metric in metrics.REQUEST_METRICS:
            function, _ = metrics.REQUEST_METRICS[line.metric]
            values = [function(request, "closed") for request in requests]
        elif line.metric == "output_tokens":
            values = [metrics.output_tokens(request) for request in requests]
        else:
            continue
        if line.metric == "first_gap_paces" and isinstance(line, Mapped):
            assert len(values) == len(requests)  # a request of few reads has no pace
            continue
        assert [value is None for value in values] == [isinstance(line, LeftOut)] * len(values), line.metric


def test_guidellm_has_tpot_without_a_single_gap_and_without_ttft_in_it() -> None:
    source = json.loads(CLEAN["guidellm"].read_text())
    for record, request in zip(
        source["benchmarks"][0]["requests"]["successful"], good("guidellm", CLEAN["guidellm"]), strict=True
    ):
        timings = record["info"]["timings"]
        tpot_s = (timings["last_token_iteration"] - timings["first_token_iteration"]) / 5
        assert metrics.tpot_ns(request, "closed") == pytest.approx(tpot_s * 1e9, abs=200)
        assert metrics.icl_ns(request, "closed") is None
        assert record["time_per_output_token_ms"] > 1.5 * tpot_s * 1e3  # its own holds TTFT


def test_aiperf_gaps_are_kept_to_the_nanosecond() -> None:
    lines = (CLEAN["aiperf"] / "profile_export.jsonl").read_text().splitlines()
    for line, request in zip(lines, good("aiperf", CLEAN["aiperf"]), strict=True):
        found = json.loads(line, parse_float=decimal.Decimal)["metrics"]
        ttft, gaps = found["time_to_first_token"]["value"], found["inter_chunk_latency"]["value"]
        assert request.chunk_ns == [round(value * 10**6) for value in (ttft, *gaps)]
        assert request.e2e_ns == pytest.approx(float(found["request_latency"]["value"]) * 1e6, abs=10)


@each_real
def test_latencies_are_those_that_the_reference_endpoint_kept(name: str) -> None:
    """No tool sees a first token before it was sent, nor more than the time until the answer's end later."""
    log = read_log(FIXTURES / name / "clean" / "reference.log")
    true_ms = sorted((entry.written_ns[0] - entry.received_ns) / 1e6 for entry in log)
    seen_ms = sorted((request.ttft_ns or 0) / 1e6 for request in good(name, CLEAN[name]))
    assert len(true_ms) == len(seen_ms) == 4
    assert all(true - 1 <= seen for true, seen in zip(true_ms, seen_ms, strict=True))


@each_real
def test_every_failure_has_the_class_that_the_reference_endpoint_dealt(name: str) -> None:
    log = read_log(FIXTURES / name / "failing" / "reference.log")
    dealt = collections.Counter(FATES[entry.fate] for entry in log)
    if name in ("aiperf", "vllm"):  # an error inside a stream is a success to them, as their tables say
        dealt[Outcome.OK] += dealt.pop(Outcome.IN_STREAM_ERROR, 0)
    assert collections.Counter(request.outcome for request in requests_of(name, failing(name))) == dealt
    assert len({entry.fate for entry in log}) > 3


@each_real
def test_a_failed_request_keeps_its_text_and_no_duration(name: str) -> None:
    for request in requests_of(name, failing(name)):
        if request.outcome is not Outcome.OK:
            assert (request.ttft_ns, request.e2e_ns, request.chunk_ns) == (None, None, [])
            assert request.error is not None
            assert request.original


def test_an_answer_that_inference_perf_took_for_good_is_read_again() -> None:
    (found,) = read("inference-perf", failing("inference-perf"))
    taken = json.loads((failing("inference-perf") / "summary_lifecycle_metrics.json").read_text())
    more = taken["successes"]["count"] - sum(r.outcome is Outcome.OK for r in found.requests)
    assert more > 0
    assert found.remarks[0].startswith(f"{more} requests that inference-perf counts as good have failed")


def test_reasoning_that_inference_perf_does_not_see_takes_ttft_away_and_leaves_e2e() -> None:
    requests = good("inference-perf", failing("inference-perf"))
    assert requests
    for request in requests:
        assert request.reasoning
        assert (request.ttft_ns, request.chunk_ns) == (None, [])
        assert request.e2e_ns


def test_an_open_loop_counts_from_when_a_request_was_due_or_not_at_all() -> None:
    source = FIXTURES / "guidellm" / "open" / "guidellm.json"
    timings = [
        record["info"]["timings"]
        for record in json.loads(source.read_text())["benchmarks"][0]["requests"]["successful"]
    ]
    for stamps, request in zip(timings, good("guidellm", source), strict=True):
        due_s = stamps["first_token_iteration"] - stamps["targeted_start"]
        assert request.ttft_ns == pytest.approx(due_s * 1e9, abs=500)
    for name, path in (
        ("aiperf", FIXTURES / "aiperf" / "open"),
        ("vllm", FIXTURES / "vllm" / "open" / "vllm.json"),
        ("mlperf-endpoints", FIXTURES / "mlperf-endpoints" / "open"),
    ):
        (found,) = read(name, path)
        assert (found.load.kind, found.load.rate_per_s) == ("open", 20.0)
        requests = [request for request in found.requests if request.outcome is Outcome.OK]
        assert {(request.ttft_ns, request.e2e_ns) for request in requests} == {(None, None)}
        if name == "mlperf-endpoints":  # which counts no tokens
            assert all(metrics.icl_ns(request, "open") for request in requests)
        else:
            assert all(metrics.tpot_ns(request, "open") for request in requests)


def test_vllm_chats_have_neither_ttft_nor_gaps() -> None:
    """A chat's first event is a role: 22 ms were once reported for a true 200."""
    source = FIXTURES / "vllm" / "chat" / "vllm.json"
    requests = good("vllm", source)
    assert {(request.ttft_ns, tuple(request.chunk_ns)) for request in requests} == {(None, ())}
    latencies = json.loads(source.read_text())["latencies"]
    assert [request.e2e_ns for request in requests] == [round(latency * 1e9) for latency in latencies]


def test_vllm_events_are_chunks_only_where_each_is_a_token() -> None:
    # As for the second request: three events, six tokens.
    first, second = (request for request in requests_of("vllm", OLDER) if request.outcome is Outcome.OK)
    assert first.chunk_ns == [200_000_000, 10_000_000, 30_000_000, 20_000_000]
    assert second.chunk_ns == [150_300_000, *[8_000_000] * 5]


def test_vllm_failures_are_classed_by_what_vllm_wrote() -> None:
    requests = requests_of("vllm", OLDER)
    assert [str(request.outcome) for request in requests] == ["ok", "ok", "rate_limited", "timeout"]
    assert all(json.loads(request.original or "")["input_lens"] == 20 for request in requests)


def test_mlperf_endpoints_requests_are_those_of_the_measured_phase_each_from_its_events() -> None:
    requests = requests_of("mlperf-endpoints", CLEAN["mlperf-endpoints"])
    assert [str(request.outcome) for request in requests] == ["ok", "ok", "rate_limited", "empty"]
    first, second, limited, empty = requests
    assert first.chunk_ns == [200_000_000, 10_000_000, 30_000_000, 20_000_000]
    assert (second.ttft_ns, second.e2e_ns, second.text) == (150_250_000, 166_250_000, "w0 w1 w2 ")
    assert limited.error is not None
    assert limited.error.code == "429"
    assert [event["event_type"] for event in json.loads(empty.original or "")] == [
        "sample.issued",
        "sample.complete",
    ]


def test_mlperf_endpoints_without_every_chunk_ends_at_the_answers_end_and_has_no_gap(tmp_path: Path) -> None:
    source = copied("mlperf-endpoints", tmp_path)
    edit(source / "config.yaml", '"stream_all_chunks": true', '"stream_all_chunks": false')
    log = source / "events.jsonl"
    kept = [line for line in log.read_text().splitlines() if "recv_non_first" not in line]
    log.write_text("\n".join(kept) + "\n")
    first, second = good("mlperf-endpoints", source)
    assert (first.ttft_ns, first.e2e_ns, first.chunk_ns) == (200_000_000, 261_000_000, [])
    assert (second.ttft_ns, second.e2e_ns) == (150_250_000, 167_250_000)


def test_mlperf_endpoints_is_dated_by_whoever_imports_it(root: Path) -> None:
    source = CLEAN["mlperf-endpoints"]
    undated = import_results(TOOLS["mlperf-endpoints"], source, root, TARGET, TODAY)
    assert where(undated) == [("IMP001", "events.jsonl")]
    assert "--began" in render_text(undated.problems)
    dated = run("mlperf-endpoints", source, root)
    assert dated.problems == ()
    assert any("what whoever imported it said" in statement for statement in dated.statements)
    assert read_window(load_repository(root)[0].window_paths()[0]).header.clock.start_unix_ns == int(
        BEGAN.timestamp() * 1e9
    )


def test_several_runs_that_vllm_appended_to_one_file_are_several_windows(tmp_path: Path, root: Path) -> None:
    one = json.loads(CLEAN["vllm"].read_text())
    other = {**one, "date": "20260304-060000"}
    (tmp_path / "both.json").write_text(json.dumps(one) + "\n" + json.dumps(other))
    assert run("vllm", tmp_path / "both.json", root).runs == 2


# -- a submission --------------------------------------------------------------------------------


@each
def test_an_import_passes_every_check_and_is_canonical(name: str, root: Path) -> None:
    report = run(name, CLEAN[name], root)
    assert (report.problems, report.runs) == ((), 1)
    found = run_checks(root, now=NOW)
    assert [problem for problem in found if problem.severity is Severity.ERROR] == []
    assert format_tree(root) == ({}, [])


@each_real
def test_an_import_of_failures_passes_every_check(name: str, root: Path) -> None:
    assert run(name, failing(name), root).problems == ()
    assert [problem for problem in run_checks(root, now=NOW) if problem.severity is Severity.ERROR] == []


@each
def test_a_window_names_the_tool_and_its_version_where_its_files_do(name: str, root: Path) -> None:
    run(name, CLEAN[name], root)
    (path,) = load_repository(root)[0].window_paths()
    header = read_window(path).header
    versions = {
        "guidellm": "0.8.1",
        "aiperf": "0.13.0",
        "llmperf": "2023-08-31",
        "mlperf-endpoints": "0.1.0 0123456",
    }
    assert (header.origin, header.stamps, header.tool.name) == ("imported", "durations", name)
    assert header.tool.version == versions.get(name, "not-recorded")
    assert (header.load.kind, header.load.concurrency, header.api_model) == ("closed", 2, "reference")


@each
def test_importing_again_on_another_day_changes_no_byte(name: str, root: Path) -> None:
    run(name, CLEAN[name], root)
    before = files_of(root)
    again = import_results(TOOLS[name], CLEAN[name], root, TARGET, TODAY + dt.timedelta(days=30), BEGAN)
    assert (again.written, again.problems) == ((), ())
    assert files_of(root) == before


def test_imports_of_all_tools_stand_side_by_side_and_none_is_ranked(root: Path) -> None:
    for name, source in CLEAN.items():
        assert run(name, source, root).problems == ()
    rows = board_rows(load_repository(root)[0], NOW, with_cache=False)
    assert {row.origin for row in rows} == {Origin.IMPORTED}
    assert len({row.family.scenario for row in rows}) == len(CLEAN)
    assert [row.ranks for row in rows] == [{}] * len(rows)


@each
def test_the_notes_say_what_is_left_out_and_why(name: str, root: Path) -> None:
    run(name, CLEAN[name], root)
    (submission,) = load_repository(root)[0].submissions.values()
    reasons = [line.reason for line in TOOLS[name].lines if isinstance(line, LeftOut)]
    assert reasons
    assert all(reason in (submission.notes or "") for reason in reasons)


@each
def test_each_request_carries_its_own_text_through_the_windows_form(name: str) -> None:
    (found,) = read(name, CLEAN[name])
    assert all(request.original and json.loads(request.original) for request in found.requests)
    texts = [file.text for files in gather(TOOLS[name], CLEAN[name]).values() for file in files]
    if name not in ("vllm", "mlperf-endpoints"):  # which are put together, from columns or from events
        assert all(any(str(request.original) in text for text in texts) for request in found.requests)


def test_each_load_of_a_sweep_is_a_window(tmp_path: Path, root: Path) -> None:
    source = json.loads(CLEAN["guidellm"].read_text())
    (one,) = source["benchmarks"]
    later = copy.deepcopy(one)
    later["config"]["strategy"] = {"type_": "poisson", "rate": 2.5, "max_concurrency": 512}
    source["benchmarks"].append({**later, "start_time": one["start_time"] + 60})
    (tmp_path / "sweep.json").write_text(json.dumps(source))
    assert run("guidellm", tmp_path / "sweep.json", root).runs == 2
    names = [path.name for path in load_repository(root)[0].window_paths()]
    assert ["-guidellm-c2-" in name for name in names] == [True, False]
    assert "-guidellm-r2-5-" in names[1]


def test_two_runs_that_cannot_be_told_apart_are_not_written_over_each_other(
    tmp_path: Path, root: Path
) -> None:
    text = CLEAN["vllm"].read_text()
    (tmp_path / "twice.json").write_text(text + text)
    assert where(run("vllm", tmp_path / "twice.json", root)) == [("IMP001", "twice.json")]


def test_an_answer_of_llmperf_without_a_token_is_empty_and_no_success(tmp_path: Path) -> None:
    source = copied("llmperf", tmp_path)
    path = source / "reference_200_36_individual_responses.json"
    edit(path, '"ttft_s": 0.25', '"ttft_s": 0')
    edit(path, '"number_output_tokens": 36', '"number_output_tokens": 0')
    assert [str(request.outcome) for request in requests_of("llmperf", source)] == ["empty", "rate_limited"]


def test_a_run_of_llmperf_is_not_taken_for_one_of_the_leaderboard(root: Path) -> None:
    run("llmperf", CLEAN["llmperf"], root)
    problems: list[Problem] = []
    assert list(imported_runs(load_repository(root)[0], problems)) == problems == []


# -- bad input -----------------------------------------------------------------------------------


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))


TOTALS, RECORDS = "profile_export_aiperf.json", "profile_export.jsonl"
EVENTS, SUMMARY = "events.jsonl", "performance/result_summary.json"
EACH, STAGE = "per_request_lifecycle_metrics.json", "inference-perf.partial.stage_0.yaml"
BROKEN = [
    ("guidellm", "", '"version": 2', '"version": 1', "IMP008", "form 1, 2 is known"),
    ("guidellm", "", '"metadata"', '"metadat"', "IMP008", "no `metadata` and `benchmarks`"),
    ("guidellm", "", '"token_iterations": 6', '"token_iterations": "6"', "IMP003", "found a string"),
    ("guidellm", "", '"first_token_iteration": 1', '"first_token_iteration": 2', "IMP003", "not between"),
    ("guidellm", "", '"first_token_iteration": 1', '"first_token_iteration": -1', "IMP003", "found -1"),
    ("guidellm", "", '"output": "w0', '"output": "sk-abcdefghijklmnop1234', "IMP009", "an access key"),
    ("guidellm", "", '"guidellm_version": "0.8.1"', '"guidellm_version": "0\\n8"', "IMP003", "found"),
    ("guidellm", "", '"output_tokens": 6', '"output_tokens": 6, "output_tokens": 7', "IMP002", "twice"),
    ("aiperf", TOTALS, '"schema_version": "1.4"', '"schema_version": "2.0"', "IMP008", "2.0"),
    ("aiperf", TOTALS, '  "schema_version": "1.4",', "", "IMP008", "form none"),
    ("aiperf", TOTALS, '"kind": "profiling"', '"kind": "warmup"', "IMP003", "0 phases"),
    ("aiperf", RECORDS, '"metadata"', '"meta"', "IMP008", "no `metadata`"),
    ("aiperf", RECORDS, '"profiling_index":0', '"profiling_index":1', "IMP003", "another phase"),
    ("inference-perf", EACH, '"chunk_times"', '"times"', "IMP008", "chunk_times"),
    ("inference-perf", EACH, '"error": null', '"eror": null', "IMP003", "no `error`"),
    ("inference-perf", EACH, "[\n  {", "[[\n  {", "IMP003", "found a list"),
    ("inference-perf", "config.yaml", "concurrency_level: 2", "concurrency_level: none", "IMP003", "streams"),
    ("inference-perf", "config.yaml", "api:\n", "api: &a\n", "DOC009", "anchor"),
    ("inference-perf", STAGE, "    start: '2", "    start: 'x2", "IMP003", "moment"),
    ("vllm", "", '"ttfts"', '"tfts"', "IMP001", "without its requests"),
    ("vllm", "", '"completed"', '"complete"', "IMP003", "no `completed`"),
    ("vllm", "", '"20260304-050607"', '"2026-03-04"', "IMP003", "found"),
    ("vllm", "", '"20260304-050607"', '"20260399-050607"', "IMP003", "found"),
    ("vllm", "", "0.1503", "NaN", "IMP003", "NaN"),
    ("vllm", "", "0.1503", "1e999999999", "IMP003", "1E+999999999"),
    ("vllm", "", "0.1503,", "", "IMP003", "entries"),
    ("vllm", "", '"Too Many Requests"', '"Bearer abcdefghijklmnop1234"', "IMP009", "an access key"),
    ("mlperf-endpoints", EVENTS, '"event_type": "session.started"', '"type": "x"', "IMP008", "`event_type`"),
    ("mlperf-endpoints", EVENTS, "session.ended", "session.end", "IMP005", "before the session did"),
    ("mlperf-endpoints", EVENTS, '"sample.recv_first"', '"sample.recv_non_first"', "IMP003", "first chunk"),
    ("mlperf-endpoints", EVENTS, '"sample.recv_non_first"', '"sample.recv_first"', "IMP003", "a second"),
    ("mlperf-endpoints", EVENTS, "7000310000000", "7000299999999", "IMP003", "not after"),
    ("mlperf-endpoints", EVENTS, '"TextModelOutput"', '"VideoOutput"', "IMP008", "no answer of text"),
    ("mlperf-endpoints", EVENTS, "too many", "sk-abcdefghijklmnop1234", "IMP009", "an access key"),
    ("mlperf-endpoints", SUMMARY, '"n_samples_issued": 4', '"n_samples_issued": 5', "IMP005", "counts 5"),
    ("mlperf-endpoints", SUMMARY, '"complete": true', '"compete": true', "IMP008", "and `complete`"),
    ("mlperf-endpoints", "config.yaml", '"concurrency"', '"step"', "IMP003", "no word for"),
    ("mlperf-endpoints", "config.yaml", '"target_concurrency": 2', '"target": 2', "IMP003", "streams"),
    ("llmperf", "reference_200_36_summary.json", '"2023-08-31"', "20230831", "IMP003", "found a number"),
]


@pytest.mark.parametrize(("name", "file", "old", "new", "code", "said"), BROKEN)
def test_a_broken_file_is_located_and_nothing_is_written(
    name: str, file: str, old: str, new: str, code: str, said: str, tmp_path: Path, root: Path
) -> None:
    source = copied(name, tmp_path)
    edit(source / file if file else source, old, new)
    before = files_of(root)
    report = run(name, source, root)
    assert (report.problems[0].code, report.runs, files_of(root)) == (code, 0, before), report.problems
    assert said in render_text(report.problems)
    assert report.problems[0].path == (file or source.name)


@each
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_file_cut_short_anywhere_is_a_located_problem(name: str, data: st.DataObject) -> None:
    tool = TOOLS[name]
    files = gather(tool, CLEAN[name])
    pattern = data.draw(st.sampled_from([each for each in files if not each.endswith("yaml")]))
    (whole,) = files[pattern]
    cut = data.draw(st.integers(0, len(whole.text.rstrip()) - 1))
    with pytest.raises(SourceError) as caught:
        tool.read({**files, pattern: [SourceFile(whole.name, whole.text[:cut], whole.sha256)]})
    assert caught.value.problems[0].path == whole.name


HOSTILE = [
    *(None, True, -1, 0, 2**70, 1e308, "", "x", "9" * 40, "\ud800"),
    *([], {}, [None], {"a": 1}, [[[]]], float("nan")),
]  # fmt: skip


def leaves(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [leaf for key, one in inner for leaf in leaves(one, (*way, key))]


def with_value(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = new
    return changed


@each
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_value_anywhere_in_a_file_breaks_the_reader(name: str, data: st.DataObject) -> None:
    """A hostile value is a problem or is not read; what comes in all the same fits in a window."""
    tool = TOOLS[name]
    files = gather(tool, CLEAN[name])
    pattern = data.draw(st.sampled_from([each for each in files if not each.endswith("yaml")]))
    (whole,) = files[pattern]
    records = [json.loads(line) for line in whole.text.splitlines()] if pattern.endswith("l") else [
        json.loads(whole.text)
    ]  # fmt: skip
    place = data.draw(st.integers(0, len(records) - 1))
    way = data.draw(st.sampled_from(leaves(records[place])))
    records[place] = with_value(records[place], way, data.draw(st.sampled_from(HOSTILE)))
    text = "\n".join(json.dumps(record) for record in records)
    try:
        found = tool.read({**files, pattern: [SourceFile(whole.name, text, whole.sha256)]})
    except SourceError as error:
        codes = {problem.code for problem in error.problems}
    else:
        codes = set()
        for made in submission_files("x", name, "x", [(TARGET, one) for one in found], "", TODAY).items():
            if made[0].endswith(".gz"):
                decode_window(made[1])
    assert all(code.startswith(("IMP", "DOC")) for code in codes)


def test_a_folder_with_a_file_missing_is_no_run(tmp_path: Path, root: Path) -> None:
    for name, file in (
        ("aiperf", "profile_export_aiperf.json"),
        ("inference-perf", "config.yaml"),
        ("mlperf-endpoints", "performance/result_summary.json"),
    ):
        source = copied(name, tmp_path / name) if (tmp_path / name).mkdir() is None else tmp_path
        (source / file).unlink()
        assert where(run(name, source, root)) == [("IMP001", source.name)]


def test_half_of_the_requests_is_no_run(tmp_path: Path, root: Path) -> None:
    source = copied("aiperf", tmp_path)
    lines = (source / "profile_export.jsonl").read_text().splitlines(keepends=True)
    (source / "profile_export.jsonl").write_text("".join(lines[:2]))
    report = run("aiperf", source, root)
    assert where(report) == [("IMP005", "profile_export.jsonl")]
    assert "2 requests of 4 that the summary counts" in report.problems[0].message


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (Target("nobody", "main", "reference"), "providers/nobody.yaml"),
        (Target("reference", "other", "reference"), "providers/reference.yaml"),
        (Target("reference", "main", "llama"), "methodology/models.yaml"),
        (Target("../x", "main", "reference"), "providers/../x.yaml"),
    ],
)
def test_what_the_root_does_not_describe_is_named_and_not_made(target: Target, path: str, root: Path) -> None:
    before = files_of(root)
    assert where(run("aiperf", CLEAN["aiperf"], root, target)) == [("IMP006", path)]
    assert files_of(root) == before


def test_another_model_than_the_endpoint_serves_is_a_problem(tmp_path: Path, root: Path) -> None:
    source = copied("vllm", tmp_path)
    edit(source, '"model_id": "reference"', '"model_id": "another"')
    assert where(run("vllm", source, root)) == [("IMP004", "older.json")]


def test_a_link_and_a_pipe_are_not_read(tmp_path: Path, root: Path) -> None:
    (tmp_path / "link.json").symlink_to(CLEAN["vllm"])
    os.mkfifo(tmp_path / "pipe.json")
    assert where(run("vllm", tmp_path / "link.json", root)) == [("TREE001", "link.json")]
    assert where(run("vllm", tmp_path / "pipe.json", root)) == [("TREE002", "pipe.json")]


# -- the command ---------------------------------------------------------------------------------


def test_there_is_a_command_for_every_tool() -> None:
    assert set(import_.commands) == set(TOOLS)


def test_the_command_imports_and_says_what_came_in(root: Path) -> None:
    words = ["--endpoint", "reference/main", "--model", "reference", "--root", str(root)]
    made = CliRunner().invoke(cli, ["import", "vllm", str(OLDER), *words])
    assert made.exit_code == 0, made.output
    assert made.output.startswith(
        "1 run of 1 provider imported: 4 requests, 2 of them failed (1 rate_limited, 1 timeout)\n3 files"
    )
    assert CliRunner().invoke(cli, ["import", "vllm", str(CLEAN["vllm"])]).exit_code == 2
    bad = CliRunner().invoke(
        cli, ["import", "vllm", str(CLEAN["aiperf"] / "profile_export_aiperf.json"), *words]
    )
    assert bad.exit_code == 1
    assert "IMP008" in bad.output
