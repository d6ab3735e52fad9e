"""What other load tools wrote is read right. Knows none of them: no tool is needed here.

The fixtures are files that the tools themselves wrote, beside the reference's log of the same run, made by
``python pipeline/benchmarks/other_tools.py pipeline/tests/fixtures/other_tools``.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import bench_client
import other_tools
import pytest
from bench_client import Taken
from environments import UnavailableError
from other_tools import TOOLS, Sample, Seen, Tool

from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, read_log

FIXTURES = Path(__file__).parent / "fixtures" / "other_tools"
AIPERF, GUIDELLM, INFERENCE_PERF, VLLM = TOOLS
REQUESTS, TOKENS = 2, 6  # of the recorded runs
TTFT_MS, ICL_MS = 20.0, 5.0  # of their reference

linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")


def each_tool() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def recorded(tool: Tool) -> tuple[list[Seen], list[LoggedRequest]]:
    folder = FIXTURES / tool.name
    return tool.read(folder), read_log(folder / "reference.log")


@each_tool()
def test_every_request_is_found_in_the_log_of_the_reference(tool: Tool) -> None:
    seen, log = recorded(tool)
    known = {name for entry in log for name in (entry.body_sha256, entry.id)}
    assert len({one.key for one in seen}) == len(log) == REQUESTS
    assert all(one.key in known for one in seen)
    assert [one.tokens for one in seen] == [TOKENS] * REQUESTS


@each_tool()
def test_times_are_in_nanoseconds_and_begin_where_the_request_did(tool: Tool) -> None:
    seen, _ = recorded(tool)
    for one in seen:
        assert TTFT_MS - 1 < one.ttft_ns / 1e6 < 20 * TTFT_MS
        for gap_ns in one.gaps_ns or []:
            assert 0 <= gap_ns / 1e6 < 20 * ICL_MS
        if one.gaps_ns is not None:
            assert (TOKENS - 1) * ICL_MS / 2 < sum(one.gaps_ns) / 1e6 < 20 * TOKENS * ICL_MS


@pytest.mark.parametrize("tool", [INFERENCE_PERF, VLLM], ids=lambda tool: tool.name)
def test_a_tool_that_stamps_on_the_clock_of_the_reference_reads_after_it_wrote(tool: Tool) -> None:
    seen, log = recorded(tool)
    entries = {name: entry for entry in log for name in (entry.id, entry.body_sha256)}
    for one in seen:
        assert one.first_ns is not None
        assert 0 < one.first_ns - entries[one.key].written_ns[0] < 1_000_000_000


@pytest.mark.parametrize(
    ("tool", "hidden"),
    [
        (AIPERF, {"token_ms", "token_max_ms", "read_ms"}),
        (GUIDELLM, {"token_ms", "token_max_ms", "read_ms", "gap_ms", "pooled_gap_ms"}),
        (INFERENCE_PERF, set()),
        (VLLM, set()),
    ],
    ids=lambda value: value.name if isinstance(value, Tool) else "",
)
def test_what_a_tool_does_not_store_is_hidden_and_never_zero(tool: Tool, hidden: set[str]) -> None:
    seen, log = recorded(tool)
    row = bench_client.compare(tool.name, 1, REQUESTS * TOKENS, Taken(seen, 1.0, 1.0), log)
    assert {name for name, value in dataclasses.asdict(row).items() if value is None} == {
        "cpu_of_httpx",
        "cpu_of_bare",
        "cpu_of_c",
        *hidden,
    }
    assert row.missing == 0


@each_tool()
def test_a_token_that_was_not_seen_leaves_its_request_out_and_is_missing(tool: Tool) -> None:
    seen, log = recorded(tool)
    cut = dataclasses.replace(seen[0], tokens=TOKENS - 1)
    row = bench_client.compare(tool.name, 1, REQUESTS * TOKENS, Taken([cut, seen[1]], 1.0, 1.0), log)
    assert (row.tokens, row.missing) == (TOKENS, TOKENS)


@pytest.mark.parametrize("tool", [AIPERF, INFERENCE_PERF], ids=lambda tool: tool.name)
def test_a_failed_request_has_no_token(tool: Tool, tmp_path: Path) -> None:
    for file in tool.files:
        shutil.copy(FIXTURES / tool.name / file, tmp_path)
    path = tmp_path / tool.files[-1]
    if tool is AIPERF:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        lines[0]["metrics"] = {}
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    else:
        requests = json.loads(path.read_bytes())
        requests[0]["error"] = {"error_type": "ClientError", "error_msg": "reset"}
        path.write_text(json.dumps(requests), "utf-8")
    assert sum(one.tokens for one in tool.read(tmp_path)) == TOKENS


def test_only_the_processor_time_under_load_counts() -> None:
    samples = [Sample(0, 5.0, 1.0), Sample(100, 6.0, None), Sample(200, 8.0, 3.0), Sample(300, 20.0, None)]
    log = [
        LoggedRequest(
            id=str(at), body_sha256=str(at), occurrence=0, fate="ok", received_ns=at, end_ns=at + 100
        )
        for at in (50, 100)
    ]
    assert other_tools.cpu_while_loaded(samples, log) == 8.0 - 5.5
    assert other_tools.peak_mb(samples) == 3.0


@linux
def test_a_child_of_a_child_belongs_to_the_tool() -> None:
    grandchild = "import os; print(os.getpid(), flush=True); input()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        family = {member for member, _ in other_tools._family(process.pid)}
        assert {process.pid, pid} <= family
        assert other_tools._proportional_kb(pid) > 0
        process.communicate("\n")


@linux
def test_a_tool_that_no_python_here_can_run_is_left_out_with_the_reason(tmp_path: Path) -> None:
    tool = dataclasses.replace(AIPERF, least=(3, 90))
    with pytest.raises(UnavailableError, match=r"needs Python 3\.90 or newer"):
        other_tools.install(tool, tmp_path)


def pretend(tool: Tool, environments: Path, code: str) -> None:
    """An environment that holds a program of ours in the tool's place."""
    folder = environments / tool.name
    (folder / "bin").mkdir(parents=True)
    (folder / ".ready").write_text("\n".join([f"{tool.name}=={tool.version}", *tool.imports]), "utf-8")
    program = folder / "bin" / tool.name
    program.write_text(f"#!{sys.executable}\n{code}\n", "utf-8")
    program.chmod(0o755)


@linux
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit('no such option')", "it failed: no such option"),
        ("pass", "its files cannot be read: FileNotFoundError"),
    ],
    ids=["fails", "writes nothing"],
)
@each_tool()
def test_a_tool_that_does_not_do_its_work_is_left_out_with_the_reason(
    tool: Tool, code: str, reason: str, tmp_path: Path
) -> None:
    pretend(tool, tmp_path / "envs", code)
    folder = tmp_path / "run"
    folder.mkdir()
    plan = Plan(url="http://127.0.0.1:9/v1", model="reference", concurrency=1, requests=2, seed="00")
    with pytest.raises(UnavailableError, match=reason):
        other_tools.run(tool, plan, folder, None, tmp_path / "envs")


def test_the_floor_keeps_every_token_of_the_same_load(tmp_path: Path) -> None:
    """The bare loop sends what ours would, on as many connections, and reads every response to its end."""
    profile = ReferenceProfile(ttft_median_ms=TTFT_MS, icl_median_ms=ICL_MS, output_tokens=TOKENS)
    with start_reference(profile, log=tmp_path / "log") as reference:
        plan = Plan(
            url=reference.url, model=profile.model, concurrency=2, requests=5, seed="00", max_tokens=TOKENS
        )
        taken = bench_client.take_bare(plan, tmp_path, None)
    row = bench_client.compare(bench_client.BARE, 2, 5 * TOKENS, taken, read_log(tmp_path / "log"))
    assert (row.tokens, row.missing) == (5 * TOKENS, 0)
    assert row.token_ms is not None
    assert row.token_ms > 0


def test_what_is_asked_stands_beside_what_was_found(tmp_path: Path) -> None:
    """Ours alone is judged, each figure by its own limit; what was not measured is not said to be held."""
    row = bench_client.compare("x", 256, 1, Taken([], 0.0, 0.0), [])
    ours = dataclasses.replace(
        row, client=bench_client.OURS, token_ms=0.9, ttft_ms=1.1, cpu_ms_per_1k=15.0, peak_mb=60.0, missing=0
    )
    other = dataclasses.replace(ours, client="x", token_ms=9.0)
    found = {line["figure"]: line["held"] for line in bench_client.held([other, ours], {256: 2.5})}
    assert found == {
        "token_ms": True,
        "ttft_ms": False,
        "own_ms": False,
        "cpu_ms_per_1k": True,
        "peak_mb": True,
        "missing": True,
    }
    assert bench_client.held([other], {}) == []


def test_the_readme_takes_its_table_from_the_benchmarks_file() -> None:
    """Rows are put in place of those that stand there, and nothing else is touched."""
    checkout = Path(__file__).parents[2]
    readme = (checkout / bench_client.README).read_text("utf-8")
    result = json.loads((checkout / bench_client.ASSET).read_text("utf-8"))
    assert bench_client.with_table(readme, result) == readme
    fewer = bench_client.with_table(readme, result | {"rows": result["rows"][:1]})
    clients = [row for row in result["rows"] if row["client"] not in (bench_client.BARE, bench_client.BARE_C)]
    assert fewer.count("\n") == readme.count("\n") - len(clients) + 1


def test_a_client_that_is_better_at_anything_is_named() -> None:
    """Either way of being wrong counts alike; a bare loop is no client, and what is hidden is no figure."""
    row = bench_client.Row(
        client=bench_client.OURS,
        streams=64,
        ttft_p50_ms=0.01,
        ttft_ms=-0.5,
        token_ms=0.02,
        token_max_ms=0.1,
        read_ms=0.3,
        gap_ms=0.02,
        pooled_gap_ms=0.005,
        cpu_ms_per_1k=46.0,
        cpu_of_httpx=None,
        cpu_of_bare=None,
        cpu_of_c=None,
        peak_mb=60.0,
        reference_late_ms=0.2,
        tokens=12_800,
        missing=0,
    )
    other = dataclasses.replace(row, client="x", ttft_ms=0.4, token_ms=None, gap_ms=2.0, cpu_ms_per_1k=90.0)
    floor = dataclasses.replace(row, client=bench_client.BARE_C, cpu_ms_per_1k=18.0)
    assert bench_client.behind([other, floor, row]) == [
        {"client": "x", "streams": 64, "figure": "ttft_ms", "theirs": 0.4, "ours": -0.5}
    ]
    assert bench_client.behind([dataclasses.replace(other, ttft_ms=-0.6), row]) == []
