"""One run of LLMPerf's ``token_benchmark_ray.py``. Knows no leaderboard and no root; bytes in, a run out.

It writes two files, ``…_summary.json`` and ``…_individual_responses.json``. The records are those of the
leaderboard of 2023.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.clock import NS_PER_S
from fairlead.imports.llmperf.runs import read_requests
from fairlead.imports.runs import (
    NO_STREAM,
    LeftOut,
    Mapped,
    Run,
    Sources,
    Tool,
    closed_loop,
    counts_disagree,
    only,
)
from fairlead.imports.source import read_object

_RECORDS, _TOTALS = "*_individual_responses.json", "*_summary.json"


def _read(files: Sources) -> Sequence[Run]:
    records, totals = (only(files[name]) for name in (_RECORDS, _TOTALS))
    summary = read_object(totals, limit=None)
    requests = read_requests(records)
    started = summary.count("results_num_requests_started")
    return [
        Run(
            version=summary.line("version", 64),
            api_model=summary.line("model", 300),
            dialect="not-recorded",
            load=closed_loop(summary.integer("num_concurrent_requests", 1, 1_000_000), started),
            start_unix_ns=summary.integer("timestamp", 1, 4_102_444_799) * NS_PER_S,
            basis="file_timestamp",
            requests=requests,
            remarks=(
                "The window's start is the time at which LLMPerf wrote the summary, after the last request.",
                *counts_disagree(started, len(requests), "requests started"),
            ),
            sources={records.name: records.sha256, totals.name: totals.sha256},
        )
    ]


_NO_CHUNK = "no moment of a chunk is stored"
LLMPERF = Tool(
    name="llmperf",
    title="LLMPerf",
    known="LLMPerf from 2023-08-31 on",
    files=(_RECORDS, _TOTALS),
    proven=(
        "LLMPerf is in no package index (one of that name is another tool): the tests' files are made by "
        "hand, and its records are also tried on those that it wrote for the leaderboard of 2023"
    ),
    lines=(
        Mapped(
            "ttft_ms",
            "ttft_s",
            "ttft_s x 1000",
            "LLMPerf's clock stops at the first event with content; reasoning is not seen.",
        ),
        Mapped(
            "e2e_ms", "end_to_end_latency_s", "end_to_end_latency_s x 1000", "It ends at the response's end."
        ),
        LeftOut(
            "tpot_ms",
            f"{_NO_CHUNK}, and inter_token_latency_s divides a sum that begins with TTFT",
        ),
        LeftOut(
            "output_speed_tps", "LLMPerf divides all tokens by the whole latency, so that TTFT is mixed in"
        ),
        LeftOut("icl_max_ms", _NO_CHUNK),
        LeftOut("first_gap_paces", _NO_CHUNK),
        Mapped(
            "output_tokens",
            "number_output_tokens",
            "number_output_tokens",
            "LLMPerf's own count of the text.",
        ),
        Mapped(
            "success_rate",
            "error_code",
            "share of records whose error_code is null",
            "LLMPerf fails an answer that it finds too short (-100). An end without a finish is a success to "
            "it; an answer without a token, which is one too, is `empty` here.",
        ),
        LeftOut("throughput_tps", NO_STREAM),
    ),
    read=_read,
)
