"""Valid requests, windows, tables and rules for tests, each with a way to change one thing at a time.

Knows no test. The numbers are round so that a reader can do the sums in the head.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fairlead import model
from fairlead.metrics import REQUEST_METRICS, SteadyRules, Undefined, WindowTable
from fairlead.ranking import Evidence, Head, Held, Origin
from fairlead.windows import (
    Calibration,
    Connection,
    Header,
    Load,
    Methodology,
    Outcome,
    Request,
    Tokens,
    Tool,
    Window,
    WindowClock,
)

MS = 1_000_000
S = 1_000 * MS
DAY_NS = 86_400 * S
START_UNIX_NS = 1_767_225_600 * S  # 2026-01-01T00:00:00Z
NO_CONNECTION = Connection(reused=None, dns_ns=None, tcp_ns=None, tls_ns=None)
NO_TOKENS: dict[str, int | None] = {
    "counted": None,
    "usage_output": None,
    "usage_input": None,
    "usage_cached": None,
    "usage_reasoning": None,
}
STEADY_RULES = SteadyRules(requests_min=30, requests_per_stream_min=10, steady_e2e_medians_min=3.0)


def make_tokens(**changes: int | None) -> Tokens:
    return Tokens(**{**NO_TOKENS, **changes})


def make_request(**changes: Any) -> Request:
    """A closed-loop success: sent at 0, first chunk at 200 ms, three more 10 ms apart, a token each."""
    chunks = changes.get("chunk_ns", [200 * MS, 10 * MS, 10 * MS, 10 * MS])
    fields: dict[str, Any] = {
        "i": 0,
        "slot": 0,
        "process": None,
        "body_sha256": None,
        "probe": None,
        "scheduled_ns": None,
        "sent_ns": 0,
        "headers_ns": 50 * MS,
        "done_ns": sum(chunks) or None,
        "connection": NO_CONNECTION,
        "chunk_ns": chunks,
        "chunk_lag_ns": None,
        "chunk_kind": f"t{len(chunks)}" if chunks else "",
        "chunk_chars": [4] * len(chunks),
        "chunk_tokens": [1] * len(chunks),
        "text": None,
        "reasoning": None,
        "tool_calls": None,
        "tokens": make_tokens(counted=len(chunks)),
        "status": 200,
        "finish": "stop",
        "outcome": Outcome.OK,
        "error": None,
        "provider_request_id": None,
        "ttft_ns": None,
        "e2e_ns": None,
        "original": None,
    }
    return Request(**{**fields, **changes})


def make_failure(outcome: Outcome = Outcome.SERVER_ERROR, **changes: Any) -> Request:
    """A request that was sent and answered after 5 ms with an error."""
    return make_request(
        **{
            "outcome": outcome,
            "status": 500,
            "finish": None,
            "headers_ns": 5 * MS,
            "done_ns": 5 * MS,
            "chunk_ns": [],
            "chunk_tokens": None,
            "tokens": make_tokens(),
            **changes,
        }
    )


def make_load(**changes: Any) -> Load:
    fields: dict[str, Any] = {
        "kind": "closed",
        "concurrency": 1,
        "rate_per_s": None,
        "arrivals": None,
        "planned": 30,
        "ramp_ns": 0,
        "connect_timeout_ns": None,
        "first_timeout_ns": None,
        "total_timeout_ns": None,
    }
    return Load(**{**fields, **changes})


def make_header(**changes: Any) -> Header:
    fields: dict[str, Any] = {
        "kind": "window",
        "schema_version": 1,
        "origin": "measured",
        "tool": Tool(name="fairlead", version="0", commit=None, source_sha256=None),
        "provider": "acme",
        "endpoint": "acme-api",
        "model": "fable-7b",
        "api_model": None,
        "dialect": "openai-chat",
        "http": "1.1",
        "address": None,
        "vantage": "harbour",
        "round": "r01",
        "role": "subject",
        "registration_sha256": None,
        "seed": None,
        "plan_index": None,
        "methodology": Methodology(version="1.0.0", sha256="0" * 64),
        "workload": None,
        "tokenizer_sha256": None,
        "load": make_load(),
        "clock": make_clock(),
        "machine": None,
        "stamps": "user",
        "calibration": Calibration(before=None, after=None),
    }
    return Header(**{**fields, **changes})


def make_clock(**changes: Any) -> WindowClock:
    fields: dict[str, Any] = {
        "start_unix_ns": START_UNIX_NS,
        "basis": "measured",
        "origin_mono_ns": 0,
        "duration_ns": 60 * S,
        "max_step_ns": 0,
    }
    return WindowClock(**{**fields, **changes})


def make_window(requests: Iterable[Request], **changes: Any) -> Window:
    return Window(header=make_header(**changes), requests=list(requests))


def closed_loop(
    *, streams: int, rounds: int, ttft_ns: int, gap_ns: int, tokens: int, stagger_ns: int = 0
) -> list[Request]:
    """Streams that send again the moment an answer ends; every answer takes the same time.

    The true steady rate is streams * tokens / (ttft + (tokens - 1) * gap).
    """
    service = ttft_ns + (tokens - 1) * gap_ns
    sends = sorted(
        (slot * stagger_ns + turn * service, slot) for slot in range(streams) for turn in range(rounds)
    )
    return [
        make_request(
            i=i,
            slot=slot,
            sent_ns=sent,
            headers_ns=sent,
            done_ns=sent + service,
            chunk_ns=[sent + ttft_ns, *[gap_ns] * (tokens - 1)],
        )
        for i, (sent, slot) in enumerate(sends)
    ]


def make_table(
    values: Mapping[str, Sequence[float]] | None = None,
    *,
    failures: Mapping[Outcome, int] | None = None,
    successes: int | None = None,
    throughput_tps: float | Undefined | None = None,
    schedule_delay_ms: Sequence[float] = (),
    **header: Any,
) -> WindowTable:
    """A window's numbers as given; as many successes as the longest metric has values."""
    given = {name: tuple(map(float, (values or {}).get(name, ()))) for name in REQUEST_METRICS}
    good = max(map(len, given.values())) if successes is None else successes
    outcomes = {**({Outcome.OK: good} if good else {}), **(failures or {})}
    made = make_header(**header)
    if "load" not in header:
        made = msgspec.structs.replace(
            made, load=msgspec.structs.replace(made.load, planned=sum(outcomes.values()))
        )
    return WindowTable(
        header=made,
        values=given,
        outcomes=outcomes,
        throughput_tps=Undefined("not measured") if throughput_tps is None else throughput_tps,
        schedule_delay_ms=tuple(schedule_delay_ms),
        start_unix_ns=made.clock.start_unix_ns,
        end_unix_ns=made.clock.start_unix_ns + (made.clock.duration_ns or 0),
    )


def make_evidence(
    table: WindowTable,
    *,
    origin: Origin = Origin.NEUTRAL,
    scenario: str = "chat-c1",
    invalid: tuple[str, ...] = (),
) -> Evidence:
    header = table.header
    path = f"{header.provider}/{header.endpoint}/{header.round}-{scenario}-{header.role}-{origin}.jsonl.gz"
    if origin is not Origin.NEUTRAL:
        path = f"submissions/{header.provider}/2026-03-04-{origin}/windows/{path.replace('/', '-')}"
    return Evidence(
        path=path, origin=origin, scenario=scenario, head=Head.of(table), read=Held(table), invalid=invalid
    )


def with_table(item: Evidence, table: WindowTable, **changes: Any) -> Evidence:
    """The same window with another table."""
    return dataclasses.replace(item, head=Head.of(table), read=Held(table), **changes)


def make_methodology(**changes: Any) -> model.Methodology:
    """Version 1.0.0, ranking TTFT p50 at the design's numbers, from five paired rounds on."""
    fields: dict[str, Any] = {
        "schema_version": 1,
        "version": "1.0.0",
        "title": "For tests",
        "day_seconds": 86_400,
        "workloads": (),
        "scenarios": (),
        "control": None,
        "window": model.WindowRules(requests_min=30, requests_per_stream_min=10, steady_e2e_medians_min=3.0),
        "timeouts": model.Timeouts(connect_ms=10_000, first_chunk_ms=60_000, total_ms=300_000),
        "limits": model.Limits(
            schedule_delay_p99_ms=10.0,
            clock_step_ms=5.0,
            token_disagreement_share=0.05,
            output_length_min_share=0.9,
            stutter_gap_ms=500.0,
            invalid_windows_share=0.1,
        ),
        "calibration": model.CalibrationRules(required=False, token_error_p99_ms=2.0, ttft_error_p99_ms=5.0),
        "statistics": model.StatisticsRules(confidence=0.95, family_error=0.05, rounds_min=5),
        "ranking": model.RankingRules(
            metrics=("ttft_p50_ms",), success_rate_min=0.95, stale_badge_days=30, stale_unranked_days=90
        ),
        "verdict": model.VerdictRules(
            latency_margin_share=0.1, throughput_margin_share=0.1, success_margin_share=0.02
        ),
        "notes": None,
    }
    return model.Methodology(**{**fields, **changes})


def make_provider(*endpoints: str, **changes: Any) -> model.Provider:
    """A plainly fictional provider that may be ranked; its endpoints in the order given."""
    fields: dict[str, Any] = {
        "schema_version": 1,
        "name": "Acme",
        "status": "active",
        "organisation": None,
        "website": None,
        "contacts": (),
        "benchmark_permission": model.Permission(
            granted=True, source="https://example.org/terms", date=model.Date(2026, 1, 1)
        ),
        "endpoints": tuple(
            model.Endpoint(
                id=endpoint, base_url=None, dialect="openai-chat", http="1.1", region=None, models=()
            )
            for endpoint in endpoints
        ),
        "interests": (),
        "notes": None,
    }
    return model.Provider(**{**fields, **changes})
