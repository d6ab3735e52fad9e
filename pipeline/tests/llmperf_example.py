"""Runs of an invented leaderboard, as LLMPerf would have written them. Knows no test."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DAY = dt.datetime(2024, 2, 3, 12, tzinfo=dt.UTC)


def success(ttft_s: float, e2e_s: float, tokens: int = 100) -> dict[str, Any]:
    """The record of a request that ended well."""
    return {
        "error_code": None,
        "error_msg": "",
        "inter_token_latency_s": e2e_s / tokens,
        "ttft_s": ttft_s,
        "end_to_end_latency_s": e2e_s,
        "request_output_throughput_token_per_s": tokens / e2e_s,
        "number_total_tokens": 550 + tokens,
        "number_output_tokens": tokens,
        "number_input_tokens": 550,
    }


def failure(code: int = 429) -> dict[str, Any]:
    """The record of a request that failed without any time."""
    return {**success(1, 1), "error_code": code, "error_msg": "no", "ttft_s": 0, "end_to_end_latency_s": 0}


def write_run(
    source: Path,
    provider: str,
    records: Sequence[dict[str, Any]],
    *,
    size: str = "7b",
    written: dt.datetime = DAY,
    started: int | None = None,
) -> None:
    """One run's two files under individual/ and summary/."""
    failed = sum(record["error_code"] is not None for record in records)
    summary = {
        "version": "2023-08-31",
        "model": f"{provider}/llama-2-{size}-chat",
        "mean_input_tokens": 550,
        "mean_output_tokens": 100,
        "num_concurrent_requests": 5,
        "model_size": size,
        "api": None,
        "results_num_requests_started": len(records) if started is None else started,
        "results_num_completed_requests": len(records) - failed,
        "results_number_errors": failed,
        "framework": provider,
        "timestamp": int(written.timestamp()),
    }
    for part, data in (("individual", list(records)), ("summary", summary)):
        (source / part).mkdir(parents=True, exist_ok=True)
        (source / part / f"{provider}_{size}.json").write_text(json.dumps(data, indent=4))


def burst(
    ttft_s: float, speed_tps: float, answers: int = 60, *, failures: int = 0, spread: float = 0.3
) -> list[dict[str, Any]]:
    """Answers evenly spread around two medians, in an order that neither half of the file is faster in."""
    middle = (answers - 1) / 2
    places = [place if place % 2 else answers - place - answers % 2 for place in range(answers)]
    factors = [1 + spread * (place % answers - middle) / answers for place in places]
    good = [success(ttft_s * factor, 100 / (speed_tps * factor) + ttft_s) for factor in factors]
    return [*good, *(failure() for _ in range(failures))]
