"""LLMPerf's results become imported submissions, whole, verbatim and without a guess."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import os
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead import scaffold
from fairlead.checks import run_checks
from fairlead.imports.llmperf import import_llmperf
from fairlead.imports.source import SourceError, SourceFile, read_list
from fairlead.imports.submissions import ImportReport
from fairlead.problems import Severity, render_text
from fairlead.repository import Repository, format_tree, load_repository, read_window
from fairlead.windows import Outcome, Request, Window

FIXTURES = Path(__file__).parent / "fixtures" / "llmperf"
RESULTS = FIXTURES / "results"
TODAY = dt.date(2026, 3, 4)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the fixture that a test may break."""
    return Path(shutil.copytree(RESULTS, tmp_path / "source"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where to import to; not there yet."""
    return tmp_path / "root"


def run(source: Path, root: Path, today: dt.date = TODAY) -> ImportReport:
    return import_llmperf(source, root, today)


def load(root: Path) -> Repository:
    repository, problems = load_repository(root)
    assert problems == []
    return repository


def windows_of(root: Path, provider: str) -> dict[str, Window]:
    """The provider's windows by model."""
    found = [read_window(path) for path in load(root).window_paths(f"submissions/{provider}")]
    return {window.header.model: window for window in found}


def files_of(root: Path) -> dict[str, bytes]:
    """Every file of a root, git's own apart."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_summary(source: Path, name: str, **changes: Any) -> None:
    path = source / "summary" / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def where(report: ImportReport) -> list[tuple[str, str, int | None]]:
    return [(p.code, p.path, p.span.line if p.span else None) for p in report.problems]


# -- what comes in -------------------------------------------------------------------------------


def test_every_run_and_request_of_the_folder_comes_in(root: Path) -> None:
    report = run(RESULTS, root)
    assert report.problems == ()
    assert (report.providers, report.runs, report.requests) == (("acme-cloud", "borealis"), 4, 21)
    assert report.failures == {
        "rate_limited": 6,
        "server_error": 2,
        "timeout": 1,
        "unknown": 3,
        "wrong_length": 1,
    }


def test_each_request_keeps_its_own_text_byte_for_byte_and_in_file_order(root: Path) -> None:
    run(RESULTS, root)
    for provider, size in (("acme-cloud", "7b"), ("acme-cloud", "70b"), ("borealis", "7b")):
        text = (RESULTS / "individual" / f"{provider}_{size}.json").read_bytes().decode()
        at = 0
        for request in windows_of(root, provider)[f"llama-2-{size}-chat"].requests:
            assert request.original is not None
            found = text.find(request.original, at)
            assert text[at:found].strip(" \n\r\t[,") == ""
            at = found + len(request.original)
        assert text[at:].strip() == "]"


def test_seconds_become_nanoseconds_rounded_half_even(root: Path) -> None:
    run(RESULTS, root)
    first, second, _ = windows_of(root, "acme-cloud")["llama-2-70b-chat"].requests
    assert (first.ttft_ns, first.e2e_ns) == (123_456_788, 2_000_000_000)  # 0.1234567885 s
    assert (second.ttft_ns, second.e2e_ns) == (123_456_790, 1_000_000_000)  # 0.1234567895 s


def test_a_failed_request_has_null_durations_whatever_the_record_holds(root: Path) -> None:
    run(RESULTS, root)
    for provider in ("acme-cloud", "borealis"):
        for window in windows_of(root, provider).values():
            for request in window.requests:
                is_ok = request.outcome is Outcome.OK
                assert (request.ttft_ns is not None, request.e2e_ns is not None) == (is_ok, is_ok)
                assert (request.error is None) == is_ok


def test_each_error_code_has_the_class_that_it_proves(root: Path) -> None:
    run(RESULTS, root)
    requests = windows_of(root, "borealis")["llama-2-7b-chat"].requests
    assert [(r.error.code if r.error else None, r.outcome.value, r.status) for r in requests] == [
        (None, "ok", None),
        ("500", "server_error", 500),
        ("503", "server_error", 503),
        ("408", "timeout", 408),
        ("401", "unknown", 401),
        ("-1", "unknown", None),
        ("-100", "unknown", None),  # LLMPerf's own code, but not for a short answer
        ("429", "rate_limited", 429),
    ]
    short = windows_of(root, "acme-cloud")["llama-2-70b-chat"].requests[2]
    assert (short.outcome, short.tokens.counted) == (Outcome.WRONG_LENGTH, 10)


def test_generated_text_is_carried_over_decoded(root: Path) -> None:
    run(RESULTS, root)
    requests = windows_of(root, "acme-cloud")["llama-2-70b-chat"].requests
    assert [r.text for r in requests] == ['Thé 😀 "ttft_s": 9', None, "Zu kurz, voilà."]


def test_what_the_record_does_not_say_is_null(root: Path) -> None:
    run(RESULTS, root)
    window = windows_of(root, "borealis")["llama-2-7b-chat"]
    header, request = window.header, window.requests[0]
    assert {header.address, header.vantage, header.round, header.machine, header.methodology} == {None}
    assert {header.seed, header.workload, header.registration_sha256, header.tokenizer_sha256} == {None}
    assert {header.clock.duration_ns, header.clock.origin_mono_ns, header.load.total_timeout_ns} == {None}
    assert {request.sent_ns, request.headers_ns, request.finish, request.tokens.usage_output} == {None}
    assert (request.chunk_ns, request.chunk_kind, header.stamps) == ([], "", "durations")
    provider = load(root).providers["borealis"]
    assert (provider.status, provider.website, provider.organisation) == ("historical", None, None)
    assert [(e.base_url, e.dialect, e.region) for e in provider.endpoints] == [(None, "not-recorded", None)]


def test_scenario_load_and_time_are_the_summarys_own(root: Path) -> None:
    run(RESULTS, root)
    folder = root / "submissions" / "acme-cloud" / "2024-02-03-llmperf-2023"
    names = sorted(path.name for path in (folder / "windows").iterdir())
    assert names == [
        "20240203t000000z-llama-2-7b-chat-llmperf-550-100-c5-subject.jsonl.gz",
        "20240205t000000z-llama-2-70b-chat-llmperf-550-100-c5-subject.jsonl.gz",
    ]
    header = windows_of(root, "acme-cloud")["llama-2-7b-chat"].header
    assert (header.load.kind, header.load.concurrency) == ("closed", 5)
    assert (header.clock.start_unix_ns, header.clock.basis) == (1_706_918_400 * 10**9, "file_timestamp")
    assert header.api_model == "acme/llama-2-7b-chat:0123abcd"


def test_each_address_of_a_provider_is_an_endpoint(source: Path, root: Path) -> None:
    for size in ("7b", "70b"):
        edit_summary(source, f"acme-cloud_{size}.json", api=f"https://{size}.acme-cloud.example/v1")
    run(source, root)
    endpoints = {e.id: e.base_url for e in load(root).providers["acme-cloud"].endpoints}
    assert endpoints == {
        "api-7b": "https://7b.acme-cloud.example/v1",
        "api-70b": "https://70b.acme-cloud.example/v1",
    }
    assert windows_of(root, "acme-cloud")["llama-2-70b-chat"].header.endpoint == "api-70b"


def test_a_count_that_disagrees_is_stated_and_the_plan_stays_what_was_started(root: Path) -> None:
    report = run(RESULTS, root)
    said = "acme-cloud, llama-2-7b-chat: the summary says 8 requests started, the file holds 7."
    assert said in report.statements
    notes = load(root).submissions["acme-cloud/2024-02-03-llmperf-2023"].notes or ""
    assert said in notes
    window = windows_of(root, "acme-cloud")["llama-2-7b-chat"]
    assert (window.header.load.planned, len(window.requests)) == (8, 7)


def test_runs_of_different_days_say_so(root: Path) -> None:
    report = run(RESULTS, root)
    notes = load(root).submissions["acme-cloud/2024-02-03-llmperf-2023"].notes or ""
    for said in (
        "acme-cloud: its runs are of 2 different days "
        "(llama-2-7b-chat 2024-02-03, llama-2-70b-chat 2024-02-05).",
        "llama-2-7b-chat was run on 2 different days, so its runs were not measured "
        "side by side: 2024-02-03 acme-cloud; 2024-02-04 borealis.",
    ):
        assert said in report.statements
        assert said in notes


def test_notes_on_very_many_providers_still_fit_the_schema(source: Path, root: Path) -> None:
    for number in range(150):
        name = f"a-provider-with-quite-a-long-name-{number}"
        for part in ("individual", "summary"):
            text = (source / part / "borealis_13b.json").read_text()
            text = text.replace('"borealis"', f'"{name}"').replace(
                "1707004900", str(1_707_004_900 + 90_000 * number)
            )
            (source / part / f"{name}_13b.json").write_text(text)
    assert run(source, root).problems == ()
    assert len(load(root).submissions) == 152


def test_a_submission_is_imported_unregistered_and_claims_nothing(root: Path) -> None:
    run(RESULTS, root)
    submission = load(root).submissions["borealis/2024-02-04-llmperf-2023"]
    assert (submission.origin, submission.by, submission.registration_sha256) == ("imported", None, None)
    assert (submission.claims, submission.calibrations, submission.submitted) == ((), (), TODAY)


def test_an_import_passes_every_check(root: Path) -> None:
    run(RESULTS, root)
    found = run_checks(root, now=dt.datetime(2026, 3, 5, tzinfo=dt.UTC))
    assert [p for p in found if p.severity is Severity.ERROR] == []


def test_what_is_written_is_canonical(root: Path) -> None:
    run(RESULTS, root)
    assert format_tree(root) == ({}, [])


def test_the_report_says_what_came_in(root: Path) -> None:
    text = run(RESULTS, root).render_text()
    assert text.startswith("4 runs of 2 providers imported: 21 requests, 13 of them failed (6 rate_limited, ")
    assert "note: acme-cloud, llama-2-7b-chat: the summary says 8 requests started" in text


# -- again, and beside what is there -------------------------------------------------------------


def test_importing_again_on_another_day_changes_no_byte(root: Path) -> None:
    run(RESULTS, root)
    before = files_of(root)
    again = run(RESULTS, root, TODAY + dt.timedelta(days=30))
    assert (again.written, again.problems) == ((), ())
    assert files_of(root) == before


def test_two_roots_get_the_same_bytes(tmp_path: Path) -> None:
    run(RESULTS, tmp_path / "a")
    run(RESULTS, tmp_path / "b")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_a_file_that_is_there_and_differs_is_a_problem_and_stays(source: Path, root: Path) -> None:
    run(RESULTS, root)
    before = files_of(root)
    edit(
        source / "individual" / "borealis_7b.json",
        '"end_to_end_latency_s": 0.5',
        '"end_to_end_latency_s": 0.6',
    )
    report = run(source, root)
    assert {p.code for p in report.problems} == {"IMP007"}
    assert all(p.path.startswith("submissions/borealis/") for p in report.problems)
    assert report.providers == ("acme-cloud",)
    assert files_of(root) == before


def test_a_provider_file_that_says_more_is_kept(root: Path) -> None:
    run(RESULTS, root)
    path = root / "providers" / "acme-cloud.yaml"
    edit(path, "website: null", "website: https://acme-cloud.example/")
    report = run(RESULTS, root)
    assert (report.runs, report.problems) == (4, ())
    assert "website: https://acme-cloud.example/" in path.read_text()


def test_a_provider_file_without_the_endpoint_is_a_located_problem(root: Path) -> None:
    run(RESULTS, root)
    edit(root / "providers" / "acme-cloud.yaml", "- id: api", "- id: other")
    report = run(RESULTS, root)
    assert [(p.code, p.path, p.pointer) for p in report.problems] == [
        ("IMP006", "providers/acme-cloud.yaml", "/endpoints")
    ]
    assert report.providers == ("borealis",)


def test_a_root_that_does_not_know_the_model_gets_none_of_its_runs(root: Path) -> None:
    scaffold.create_root(root, {})
    report = run(RESULTS, root)
    assert {(p.code, p.path) for p in report.problems} == {("IMP006", "methodology/models.yaml")}
    assert report.runs == 0


def test_a_link_in_the_root_is_not_followed(tmp_path: Path, root: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "submissions").mkdir(parents=True)
    (root / "submissions" / "acme-cloud").symlink_to(tmp_path / "elsewhere")
    report = run(RESULTS, root)
    assert [(p.code, p.path) for p in report.problems] == [("TREE001", "submissions/acme-cloud")]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert report.providers == ("borealis",)


# -- bad input -----------------------------------------------------------------------------------

BROKEN_RECORDS = [
    ('"ttft_s": 0.25', '"ttft_s": NaN', "IMP003", "NaN"),
    ('"ttft_s": 0.25', '"ttft_s": -0.25', "IMP003", "found -0.25"),
    ('"ttft_s": 0.25', '"ttft_s": 0', "IMP003", "found 0"),
    ('"ttft_s": 0.25', '"ttft_s": "0.25"', "IMP003", "found a string"),
    ('"ttft_s": 0.25', '"ttft_s": null', "IMP003", "found null"),
    ('"ttft_s": 0.25', '"ttft_s": true', "IMP003", "found true or false"),
    ('"ttft_s": 0.25', '"ttft_s": 1e999999999', "IMP003", "found 1E+999999999"),
    ('"ttft_s": 0.25', '"ttft_s": 1e-999999999', "IMP003", "found 1E-999999999"),
    ('"ttft_s": 0.25', '"ttft_s": 0.75', "IMP003", "the first token comes after the last"),
    ('"ttft_s": 0.25', '"ttft": 0.25', "IMP003", "no `ttft_s`"),
    ('"ttft_s": 0.25', '"ttft_s": 0.25, "ttft_s": 0.1', "IMP002", "the key `ttft_s` is there twice"),
    ('"ttft_s": 0.25', '"ttft_s": ' + "9" * 5000, "IMP002", "integer string conversion"),
    ('"number_output_tokens": 50', '"number_output_tokens": 50.5', "IMP003", "found `50.5`"),
    ('"number_output_tokens": 50', '"number_output_tokens": -1', "IMP003", "found -1"),
    ('"number_output_tokens": 50', '"number_output_tokens": {}', "IMP003", "found an object"),
    ('"error_code": 500', '"error_code": "500"', "IMP003", "found a string"),
    ('"error_msg": "oops"', '"error_msg": ["oops"]', "IMP003", "found a list"),
    ('"error_msg": "oops"', '"error_msg": "\\ud800"', "IMP003", "half a character"),
    ('"error_msg": "oops"', '"error_msg": "Bearer abcdefghijklmnop1234"', "IMP009", "an access key"),
    ('"error_msg": "oops"', '"error_msg": ' + "[" * 100_000, "IMP002", "recursion"),
    ('"error_msg": "oops"', '"error_msg": "' + "x" * 1_100_000 + '"', "IMP003", "characters"),
    ('"error_code": 500', "error_code: 500", "IMP002", "not JSON"),
]


@pytest.mark.parametrize(("old", "new", "code", "message"), BROKEN_RECORDS)
def test_a_broken_record_is_located_and_the_other_runs_come_in(
    source: Path, root: Path, old: str, new: str, code: str, message: str
) -> None:
    path = source / "individual" / "borealis_7b.json"
    line = path.read_text().split(old)[0].count("\n") + 1
    edit(path, old, new)
    report = run(source, root)
    problem = report.problems[0]
    assert (problem.code, problem.path) == (code, "individual/borealis_7b.json")
    assert message in problem.message
    # A record that cannot be parsed as a whole is located at its beginning.
    assert problem.span is not None
    assert line - 7 <= problem.span.line <= line
    assert report.runs == 3
    assert "llama-2-7b-chat" not in windows_of(root, "borealis")
    assert problem.message.split()[0] in render_text(report.problems)


def test_every_broken_record_of_a_file_is_reported(source: Path, root: Path) -> None:
    edit(source / "individual" / "acme-cloud_7b.json", '"ttft_s": 0.4', '"ttft_s": "0.4"')
    edit(source / "individual" / "acme-cloud_7b.json", '"ttft_s": 0.5', '"ttft_s": -1')
    assert where(run(source, root)) == [
        ("IMP003", "individual/acme-cloud_7b.json", 6),
        ("IMP003", "individual/acme-cloud_7b.json", 39),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"timestamp": "yesterday"}, "IMP003"),
        ({"timestamp": -1}, "IMP003"),
        ({"num_concurrent_requests": 0}, "IMP003"),
        ({"num_concurrent_requests": None}, "IMP003"),
        ({"results_number_errors": "many"}, "IMP003"),
        ({"model": "borealis-llama2-70b"}, "IMP004"),
        ({"model": "some-other-7b"}, "IMP004"),
        ({"model": "llama2-7b\nadmin: true"}, "IMP003"),
        ({"framework": "acme-cloud"}, "IMP004"),
        ({"model_size": "70b"}, "IMP004"),
        ({"api": "https://user@borealis.example/"}, "IMP003"),
        ({"api": "file:///etc/passwd"}, "IMP003"),
    ],
)
def test_a_summary_that_makes_no_sense_is_located(
    source: Path, root: Path, changes: dict[str, Any], code: str
) -> None:
    edit_summary(source, "borealis_7b.json", **changes)
    assert where(run(source, root)) == [(code, "summary/borealis_7b.json", 1)]
    assert len(windows_of(root, "borealis")) == 1


@pytest.mark.parametrize(
    "name", ["Borealis_7b.json", "bo..realis_7b.json", "neutral_7b.json", "borealis_8b.json"]
)
def test_a_name_that_tells_no_run_is_a_problem(source: Path, root: Path, name: str) -> None:
    for part in ("individual", "summary"):
        (source / part / "borealis_7b.json").rename(source / part / name)
    report = run(source, root)
    assert where(report) == [("IMP004", f"individual/{name}", None)]
    assert report.runs == 3


def test_a_file_without_its_twin_is_a_problem(source: Path, root: Path) -> None:
    (source / "summary" / "borealis_7b.json").unlink()
    (source / "individual" / "borealis_13b.json").unlink()
    report = run(source, root)
    assert where(report) == [
        ("IMP001", "individual/borealis_7b.json", None),
        ("IMP001", "summary/borealis_13b.json", None),
    ]
    assert report.runs == 2


def test_a_file_cut_short_is_located_at_its_end_and_no_root_is_made_for_nothing(root: Path) -> None:
    report = run(FIXTURES / "cut-short", root)
    assert where(report) == [("IMP002", "individual/borealis_70b.json", 21)]
    assert not root.exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"[] []", b"[{}{}]", b"\xff[]", b"null"])
def test_a_file_that_is_no_list_of_records_is_a_problem(source: Path, root: Path, content: bytes) -> None:
    (source / "individual" / "borealis_7b.json").write_bytes(content)
    report = run(source, root)
    assert {path for _, path, _ in where(report)} == {"individual/borealis_7b.json"}
    assert report.runs == 3


def test_a_link_a_pipe_and_a_huge_file_are_not_read(source: Path, root: Path, tmp_path: Path) -> None:
    individual = source / "individual"
    (individual / "acme-cloud_7b.json").rename(tmp_path / "real.json")
    (individual / "acme-cloud_7b.json").symlink_to(tmp_path / "real.json")
    (individual / "borealis_7b.json").unlink()
    os.mkfifo(individual / "borealis_7b.json")
    with (individual / "borealis_13b.json").open("r+b") as file:
        file.truncate(40 * 1024 * 1024)
    report = run(source, root)
    assert where(report) == [
        ("TREE001", "individual/acme-cloud_7b.json", None),
        ("TREE004", "individual/borealis_13b.json", None),
        ("TREE002", "individual/borealis_7b.json", None),
    ]
    assert report.runs == 1


def test_a_folder_that_holds_no_results_is_a_problem(tmp_path: Path, root: Path) -> None:
    report = run(tmp_path, root)
    assert [code for code, _, _ in where(report)] == ["IMP001", "IMP001"]
    assert not root.exists()


def test_a_folder_that_holds_other_things_is_not_made_a_root(root: Path) -> None:
    root.mkdir()
    (root / "thesis.tex").write_text("")
    report = run(RESULTS, root)
    assert [(p.code, p.path) for p in report.problems] == [("TREE005", ".")]
    assert [path.name for path in root.iterdir()] == ["thesis.tex"]


# -- reading a list verbatim ---------------------------------------------------------------------

_SPACES = st.text(" \t\r\n", max_size=3)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=6), _VALUES, max_size=4), max_size=6),
    st.booleans(),
    st.sampled_from([None, 0, 2]),
    _SPACES,
)
def test_a_list_is_cut_into_the_very_texts_of_its_objects(
    objects: list[dict[str, Any]], is_ascii: bool, indent: int | None, space: str
) -> None:
    texts = [json.dumps(one, ensure_ascii=is_ascii, indent=indent) for one in objects]
    text = f"{space}[{space}{f'{space},{space}'.join(texts)}{space}]{space}"
    assert [found.text for found in read_list(SourceFile("x", text, ""))] == texts


@given(st.lists(st.dictionaries(st.text(max_size=6), _VALUES, max_size=3), min_size=1, max_size=4), st.data())
def test_a_list_cut_short_anywhere_is_an_error(objects: list[dict[str, Any]], data: st.DataObject) -> None:
    text = json.dumps(objects)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(SourceError):
        list(read_list(SourceFile("x", text[:cut], "")))


@given(st.decimals("1e-9", 86_400, allow_nan=False))
def test_durations_are_rounded_exactly(seconds: decimal.Decimal) -> None:
    (record,) = read_list(SourceFile("x", f'[{{"s": {seconds}}}]', ""))
    with decimal.localcontext(prec=200):
        expected = int((seconds * 10**9).to_integral_value(decimal.ROUND_HALF_EVEN))
    assert record.duration_ns("s") == expected


# -- the real data -------------------------------------------------------------------------------


def real_results() -> Path:
    """The 2023 leaderboard's raw results, which are never part of this repository."""
    checkout = Path(__file__).resolve().parents[2]
    named = os.environ.get("FAIRLEAD_LLMPERF")
    folder = Path(named) if named else checkout.parent / "shared" / "llmperf-leaderboard"
    if not (folder / "individual").is_dir():
        pytest.skip("the 2023 results are not here; name their folder in FAIRLEAD_LLMPERF")
    return folder


@pytest.mark.llmperf
def test_the_2023_results_come_in_whole(root: Path) -> None:
    folder = real_results()
    began = time.perf_counter()
    report = run(folder, root)
    print(f"import of 19 runs: {time.perf_counter() - began:.2f} s")
    assert report.problems == ()
    found = run_checks(root, now=dt.datetime(2026, 3, 5, tzinfo=dt.UTC))
    assert [p for p in found if p.severity is Severity.ERROR] == []
    assert (len(report.providers), report.runs, report.requests) == (8, 19, 2845)
    assert report.failures == {"rate_limited": 392, "unknown": 1, "wrong_length": 146}
    counted: Counter[tuple[str, str]] = Counter()
    requests: list[Request] = []
    for path in load(root).window_paths():
        window = read_window(path)
        requests += window.requests
        counted.update(
            (window.header.provider, r.outcome.value) for r in window.requests if r.outcome is not Outcome.OK
        )
    assert len(requests) == 2845
    assert counted == {
        ("bedrock", "wrong_length"): 146,
        ("lepton", "rate_limited"): 390,
        ("perplexity", "rate_limited"): 2,
        ("together", "unknown"): 1,
    }


@pytest.mark.llmperf
def test_the_2023_records_are_kept_verbatim_and_none_is_dropped(root: Path) -> None:
    folder = real_results()
    run(folder, root)
    repository = load(root)
    kept = {
        (window.header.provider, window.header.model.split("-")[2]): [r.original for r in window.requests]
        for window in map(read_window, repository.window_paths())
    }
    files = sorted((folder / "individual").iterdir())
    assert len(files) == len(kept) == 19
    for path in files:
        text = path.read_bytes().decode()
        provider, _, size = path.stem.rpartition("_")
        joined = ",\n    ".join(original or "" for original in kept[provider, size])
        assert text.strip() == f"[\n    {joined}\n]"


@pytest.mark.llmperf
def test_the_committed_providers_are_what_the_2023_results_say(root: Path) -> None:
    folder = real_results()
    run(folder, root)
    checkout = Path(__file__).resolve().parents[2]
    made = sorted(set((root / "providers").glob("*.yaml")) - {root / "providers" / "reference.yaml"})
    assert len(made) == 8
    for path in made:
        assert (checkout / "providers" / path.name).read_text() == path.read_text()
    models = load_repository(checkout)[0].models
    assert {name: models.get(name) for name in load(root).models} == load(root).models
