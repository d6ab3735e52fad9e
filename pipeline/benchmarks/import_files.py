"""Result files for the tests of `fairlead import`, made anew. Knows nothing of how they are read.

The tools themselves write theirs, against the reference endpoint on this machine: a clean run, a run in which
the reference fails in every way it can and reasons before it answers, and, where the tool says when a request
was due, an open loop. Two things are changed: paths of this machine are cut, and GuideLLM's own statistics
(``metrics``), longer than all else, are left out.

LLMPerf and MLPerf Endpoints (``inference-endpoint``) are in no package index: what is called llmperf there
greets the world, and what is named after MLPerf's endpoints checks and draws submissions. Theirs are made by
hand, in the form that their public sources have, and so is one of vLLM's, in the form of versions that kept
fewer fields. LLMPerf's records are tried on real ones as well: those it wrote for the leaderboard of 2023,
where they lie beside the clone (``tests/test_imports_llmperf.py``).

Run: ``python pipeline/benchmarks/import_files.py pipeline/tests/fixtures/imports``
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import other_tools
from other_tools import Load, Tool

from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.truth import ReferenceProfile

CLEAN = ReferenceProfile(ttft_median_ms=20.0, icl_median_ms=5.0, output_tokens=6)
FAILING = ReferenceProfile(
    ttft_median_ms=20.0,
    icl_median_ms=5.0,
    output_tokens=6,
    reasoning_tokens=2,
    rate_limited_share=0.2,
    server_error_share=0.15,
    stream_error_share=0.15,
    truncated_share=0.15,
)
FILES = {
    "aiperf": ("profile_export.jsonl", "profile_export_aiperf.json"),
    "guidellm": ("guidellm.json",),
    "inference-perf": (
        "per_request_lifecycle_metrics.json",
        "summary_lifecycle_metrics.json",
        "config.yaml",
        "inference-perf.partial.stage_0.yaml",
    ),
    "vllm": ("vllm.json",),
}
OPEN = {
    "aiperf": (["--concurrency", "2"], ["--request-rate", "20", "--arrival-pattern", "constant"]),
    "guidellm": (["--profile", "kind=concurrent,streams=2"], ["--profile", "kind=constant,rate=20"]),
    "vllm": (["--request-rate", "inf"], ["--request-rate", "20"]),
}
CHAT = ["--backend", "openai-chat", "--endpoint", "/v1/chat/completions"]


def opened(tool: Tool) -> Tool:
    """The tool in an open loop: the flags of its closed one, replaced."""
    (closed, flags) = OPEN[tool.name]

    def command(load: Load) -> list[str]:
        words = tool.command(load)
        place = next(i for i in range(len(words)) if words[i : i + len(closed)] == closed)
        return [*words[:place], *flags, *words[place + len(closed) :]]

    return dataclasses.replace(tool, command=command)


def chatting(tool: Tool) -> Tool:
    """vLLM, whose default are completions, with chats."""
    return dataclasses.replace(tool, command=lambda load: [*tool.command(load), *CHAT])


def record(tool: Tool, profile: ReferenceProfile, requests: int, target: Path) -> None:
    """One run of a tool, and what it wrote."""
    target.mkdir(parents=True, exist_ok=True)
    log = target / "reference.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as name:
        with start_reference(profile, log=log) as reference:
            plan = Plan(
                url=reference.url,
                model=profile.model,
                concurrency=2,
                requests=requests,
                seed="00",
                max_tokens=6,
                input_words=20,
            )
            other_tools.run(tool, plan, Path(name), None)
        for file in FILES[tool.name]:
            text = cut((Path(name) / file).read_text("utf-8"), name)
            (target / file).write_text(text, "utf-8")


def cut(text: str, folder: str) -> str:
    """What a tool wrote, without this machine's paths and without GuideLLM's statistics."""
    text = text.replace(folder, "/results")
    text = re.sub(r"(?:/[\w.+-]+)+/lib/python3\.\d+/(?:site-packages/)?", "/python/", text)
    if '"guidellm_version"' in text:
        report = json.loads(text)
        for benchmark in report["benchmarks"]:
            del benchmark["metrics"]
        text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    return text


# -- made by hand --------------------------------------------------------------------------------


def vllm() -> dict[str, Any]:
    """A run of an older ``vllm bench serve --save-detailed``: four requests, of which two failed."""
    trace = 'Traceback (most recent call last):\n  File "client.py", line 1\nTimeoutError\n'
    return {
        "date": "20260304-050607",
        "endpoint_type": "openai",
        "label": "openai",
        "model_id": "reference",
        "tokenizer_id": "reference",
        "num_prompts": 4,
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": 2,
        "duration": 0.25,
        "completed": 2,
        "failed": 2,
        "total_input_tokens": 40,
        "total_output_tokens": 10,
        "request_throughput": 8.0,
        "request_goodput": None,
        "output_throughput": 40.0,
        "total_token_throughput": 200.0,
        "input_lens": [20, 20, 20, 20],
        "output_lens": [4, 6, 0, 0],
        "ttfts": [0.2, 0.1503, 0.0, 0.0],
        "itls": [[0.01, 0.03, 0.0200000005], [0.008, 0.008, 0.008, 0.008, 0.008], [], []],
        "generated_texts": ["w0 w1 w2 w3 ", "w0 w1 w2 w3 w4 w5 ", "", ""],
        "errors": ["", "", "Too Many Requests", trace],
        "max_output_tokens_per_s": 10.0,
        "max_concurrent_requests": 2,
        "rtfx": 0.0,
        "mean_ttft_ms": 175.15,
    }


def llmperf() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A run of LLMPerf: its records and its summary."""
    good = {
        "error_code": None,
        "error_msg": "",
        "inter_token_latency_s": 0.0208,
        "ttft_s": 0.25,
        "end_to_end_latency_s": 0.75,
        "request_output_throughput_token_per_s": 48.0,
        "number_total_tokens": 236,
        "number_output_tokens": 36,
        "number_input_tokens": 200,
    }
    limited = {
        **good,
        "error_code": 429,
        "error_msg": "too many requests",
        "ttft_s": 0,
        "end_to_end_latency_s": 0,
    }
    summary = {
        "version": "2023-08-31",
        "name": "reference_200_36_summary",
        "model": "reference",
        "mean_input_tokens": 200,
        "mean_output_tokens": 36,
        "num_concurrent_requests": 2,
        "results_num_requests_started": 2,
        "results_number_errors": 1,
        "results_num_completed_requests": 1,
        "timestamp": 1772600767,
    }
    return [good, limited], summary


def endpoints(load: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A run of MLPerf Endpoints: its log of events, its summary and its settings.

    Four measured requests, one of them failed and one without an answer; and one of the warm-up, and one
    whose accuracy was judged, which are none of them. Every chunk was logged.
    """
    events: list[dict[str, Any]] = []

    def event(kind: str, at_ms: float, sample: str = "", data: object = None, **more: Any) -> None:
        stamp = 7_000_000_000_000 + round(at_ms * 1e6)
        known = {"event_type": kind, "timestamp_ns": stamp, "sample_uuid": sample, "conversation_id": ""}
        events.append({**known, "turn": None, "data": data, **more})

    def answered(sample: str, at_ms: float, chunks_ms: list[float]) -> None:
        event("sample.issued", at_ms, sample, ["PromptData", "Say something."])
        words = [f"w{i} " for i in range(len(chunks_ms))]
        for i, chunk_ms in enumerate(chunks_ms):
            event("sample.recv_non_first" if i else "sample.recv_first", chunk_ms, sample)
        data = ["TextModelOutput", [words[0], "".join(words[1:])]]
        event("sample.complete", chunks_ms[-1] + 1, sample, data, finish_reason="stop", worker_id=0)

    event("session.started", 0)
    event("sample.issued", 1, "warm", ["PromptData", "Say something."])
    event("session.start_performance_tracking", 100)
    answered("a" * 32, 100, [300, 310, 340, 360])
    answered("b" * 32, 100.25, [250.5, 258.5, 266.5])
    event("sample.issued", 300, "c" * 32, ["PromptData", "Say something."])
    event("error.generic", 320, "c" * 32, ["ErrorData", "HTTPError", "HTTP 429: too many requests"])
    event("sample.complete", 320, "c" * 32, worker_id=0)
    event("sample.issued", 320, "d" * 32, ["PromptData", "Say something."])
    event("sample.complete", 340, "d" * 32, ["TextModelOutput", []], finish_reason="stop", worker_id=0)
    event("session.stop_performance_tracking", 400)
    answered("e" * 32, 401, [420, 430])
    event("session.ended", 500)
    summary = {
        "version": "0.1.0",
        "git_sha": "0123456",
        "test_started_at": 0,
        "n_samples_issued": 4,
        "n_samples_completed": 4,
        "n_samples_failed": 1,
        "duration_ns": 300_000_000,
        "state": "complete",
        "complete": True,
        "ttft": {"total": 350_250_000, "min": 150_250_000, "max": 200_000_000},
        "run_config": {"load_pattern": load},
    }
    settings = {
        "name": "reference",
        "version": "1.0",
        "type": "online",
        "model_params": {"name": "reference", "streaming": "on"},
        "settings": {"load_pattern": load, "client": {"stream_all_chunks": True}},
        "endpoint_config": {"endpoints": ["http://127.0.0.1:8000"], "api_type": "openai"},
    }
    return "".join(json.dumps(each) + "\n" for each in events), summary, settings


def write_endpoints(target: Path, load: dict[str, Any]) -> None:
    events, summary, settings = endpoints(load)
    write(target / "performance" / "result_summary.json", summary)
    write(target / "config.yaml", settings)  # JSON is YAML
    (target / "events.jsonl").write_text(events, "utf-8")


def write(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def main(target: Path) -> None:
    write(target / "vllm" / "older.json", vllm())
    records, summary = llmperf()
    write(target / "llmperf" / "reference_200_36_individual_responses.json", records)
    write(target / "llmperf" / "reference_200_36_summary.json", summary)
    streams = {"type": "concurrency", "target_qps": None, "target_concurrency": 2}
    write_endpoints(target / "mlperf-endpoints" / "clean", streams)
    write_endpoints(target / "mlperf-endpoints" / "open", {"type": "poisson", "target_qps": 20.0})
    for tool in other_tools.TOOLS:
        record(tool, CLEAN, 4, target / tool.name / "clean")
        record(tool, FAILING, 24 if tool.name == "vllm" else 12, target / tool.name / "failing")
        if tool.name in OPEN:
            record(opened(tool), CLEAN, 4, target / tool.name / "open")
        if tool.name == "vllm":
            record(chatting(tool), CLEAN, 4, target / tool.name / "chat")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
