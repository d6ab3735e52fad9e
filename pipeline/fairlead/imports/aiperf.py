"""AIPerf's ``profile_export.jsonl`` and ``profile_export_aiperf.json``. Knows no root; bytes in, runs out.

The first holds one object a request, the second the settings, the totals and whether the run came to its
end. Of a request AIPerf keeps its first token and every gap between content chunks, as durations in ms.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.imports.runs import (
    NO_SCHEDULE,
    NO_STREAM,
    LeftOut,
    Mapped,
    Run,
    Sources,
    Tool,
    closed_loop,
    counts_disagree,
    failure,
    imported_request,
    open_loop,
    other_version,
    read_each,
    refuse_keys,
    status_outcome,
    tokens,
)
from fairlead.imports.source import (
    MAX_DURATION_S,
    SourceFile,
    SourceObject,
    read_object,
    read_objects,
    whole_ns,
)
from fairlead.windows import Load, Outcome, Request

_RECORDS, _TOTALS = "profile_export.jsonl", "profile_export_aiperf.json"
_DIALECTS = {
    "chat": "openai-chat",
    "completions": "openai-completions",
    "responses": "openai-responses",
}
_ERRORS = {
    "ClientPayloadError": Outcome.TRUNCATED,
    "ClientConnectorError": Outcome.CONNECT,
    "ClientConnectorCertificateError": Outcome.TLS,
    "ClientConnectorSSLError": Outcome.TLS,
    "TimeoutError": Outcome.TIMEOUT,
    "ServerTimeoutError": Outcome.TIMEOUT,
    "ServerDisconnectedError": Outcome.TRUNCATED,
}


def _read(files: Sources) -> Sequence[Run]:
    records, totals = files[_RECORDS][0], files[_TOTALS][0]
    return [_run(records, read_object(totals, limit=None))]


def _run(file: SourceFile, totals: SourceObject) -> Run:
    if not str(totals.members.get("schema_version", "")).startswith("1."):
        form = str(totals.members.get("schema_version", "none"))[:20]
        raise other_version(totals, "schema_version", f"a summary of form {form}", _KNOWN)
    config = totals.object("input_config")
    found = [record for record in read_objects(file) if _is_profiling(record)]
    if not found:
        raise file.fault("IMP001", 0, 1, "no request of the profiling phase", "one line a request")
    done, wrong = (_total(totals, name) for name in ("request_count", "error_request_count"))
    phase = _phase(config, found)
    load = _load(phase, done + wrong)
    is_open = load.kind == "open"
    requests = read_each(file, found, lambda i, record: _request(i, record, is_open=is_open))
    if len(requests) < done + wrong:
        message = f"{len(requests):,} requests of {done + wrong:,} that the summary counts"
        raise file.fault("IMP005", len(file.text), len(file.text) + 1, message, "every request of the run")
    models = [model.line("name", 300) for model in config.object("models").objects("items")]
    is_whole = totals.members.get("is_complete") is not False
    return Run(
        version=totals.line("aiperf_version", 64),
        api_model=models[0] if len(models) == 1 else None,
        dialect=_DIALECTS.get(config.object("endpoint").string("type"), "not-recorded"),
        load=load,
        start_unix_ns=min(_began(record) for record in found),
        basis="measured",
        requests=requests,
        remarks=(
            *(() if is_whole else ("AIPerf says that the run did not come to its end.",)),
            *counts_disagree(done + wrong, len(requests), "requests"),
            *counts_disagree(wrong, sum(one.outcome is not Outcome.OK for one in requests), "errors"),
        ),
        sources={file.name: file.sha256, totals.file.name: totals.file.sha256},
    )


def _is_profiling(record: SourceObject) -> bool:
    if "metadata" not in record.members or "metrics" not in record.members:
        raise other_version(record, "metadata", "no `metadata` and `metrics`", _KNOWN)
    return record.object("metadata").members.get("benchmark_phase") == "profiling"


def _began(record: SourceObject) -> int:
    return record.object("metadata").integer("request_start_ns", 1, 4_102_444_799 * 10**9)


def _total(totals: SourceObject, name: str) -> int:
    return int(totals.object(name).number("avg", 0, 10**9)) if name in totals.members else 0


def _phase(config: SourceObject, found: Sequence[SourceObject]) -> SourceObject:
    """The one phase that the requests are of."""
    phases = [phase for phase in config.objects("phases") if phase.members.get("kind") != "warmup"]
    if len(phases) != 1:
        message = f"{len(phases)} phases, each at a load of its own"
        raise config.fault("phases", message, "one profiling phase; run each load by itself")
    first, *others = (record.object("metadata") for record in found)
    for other in others:
        if other.members.get("profiling_index") != first.members.get("profiling_index"):
            raise other.fault("profiling_index", "of another phase", "requests of one phase")
    return phases[0]


def _load(phase: SourceObject, planned: int) -> Load:
    kind = phase.string("type")
    bound = phase.integer("concurrency", 1, 10**6) if phase.members.get("concurrency") is not None else None
    if kind == "concurrency":
        return closed_loop(bound or 1, planned)
    rate = float(phase.number("rate", 0, 10**6)) if phase.members.get("rate") is not None else None
    return open_loop(planned, rate, {"poisson": "poisson", "constant": "constant"}.get(kind), bound)  # type: ignore[arg-type]


def _request(i: int, record: SourceObject, *, is_open: bool) -> Request:
    refuse_keys(record)
    metrics = record.object("metrics")
    counts = tokens(
        counted=None
        if "usage_completion_tokens" in metrics.members
        else _count(metrics, "output_sequence_length"),
        usage_output=_count(metrics, "usage_completion_tokens"),
        usage_input=_count(metrics, "usage_prompt_tokens"),
        usage_reasoning=_count(metrics, "usage_reasoning_tokens"),
    )
    if record.members.get("error") is not None:
        outcome, status, code, message = _failure(record)
        error = failure(code, message)
        return imported_request(
            i, original=record.text, tokens=counts, outcome=outcome, status=status, error=error
        )
    if "request_latency" not in metrics.members:
        error = failure("no-content", "no content response, by AIPerf's account")
        return imported_request(i, original=record.text, tokens=counts, outcome=Outcome.EMPTY, error=error)
    is_streamed = "time_to_first_token" in metrics.members
    first = _milliseconds(
        metrics.object("time_to_first_token" if is_streamed else "request_latency"), "value"
    )
    gaps_ns = _gaps(metrics)
    return imported_request(
        i,
        original=record.text,
        tokens=counts,
        ttft_ns=first if is_streamed and not is_open else None,
        e2e_ns=None if is_open else first + sum(gaps_ns),
        gaps_ns=gaps_ns if is_streamed else None,
    )


def _milliseconds(metric: SourceObject, name: str) -> int:
    if metric.string("unit") != "ms":
        raise metric.fault("unit", "another unit", "ms")
    return whole_ns(metric.number(name, 0, MAX_DURATION_S * 1000) / 1000)


def _gaps(metrics: SourceObject) -> list[int]:
    if "inter_chunk_latency" not in metrics.members:
        return []
    metric = metrics.object("inter_chunk_latency")
    if metric.string("unit") != "ms":
        raise metric.fault("unit", "another unit", "ms")
    return [whole_ns(item.number(0, MAX_DURATION_S * 1000) / 1000) for item in metric.items("value")]


def _count(metrics: SourceObject, name: str) -> int | None:
    return int(metrics.object(name).number("value", 0, 10**9)) if name in metrics.members else None


def _failure(record: SourceObject) -> tuple[Outcome, int | None, str, str]:
    error = record.object("error")
    kind = error.string("type") if error.members.get("type") is not None else ""
    message = error.string("message") if error.members.get("message") is not None else ""
    if error.members.get("code") is not None:
        code = error.integer("code", -1_000_000, 1_000_000)
        is_status = 400 <= code <= 599
        return status_outcome(code), code if is_status else None, str(code), message
    if record.object("metadata").members.get("was_cancelled") is True:
        return Outcome.CLIENT, None, kind, message
    return _ERRORS.get(kind, Outcome.UNKNOWN), None, kind or "error", message


_KNOWN = "AIPerf 0.13.0, whose summaries are of form 1"
_GAPS = "metrics.inter_chunk_latency.value"
AIPERF = Tool(
    name="aiperf",
    title="AIPerf",
    known=_KNOWN,
    files=(_RECORDS, _TOTALS),
    proven="AIPerf 0.13.0 itself wrote the tests' files, against the reference endpoint",
    lines=(
        Mapped(
            "ttft_ms",
            "metrics.time_to_first_token",
            "time_to_first_token.value, in a closed loop",
            "None in a closed loop: it ends at the first response with content or reasoning, and starts "
            f"before connecting. In an open loop it is left out: {NO_SCHEDULE}.",
        ),
        Mapped(
            "e2e_ms",
            f"metrics.time_to_first_token, {_GAPS}",
            "time_to_first_token + sum(inter_chunk_latency), in a closed loop",
            "The same as AIPerf's request_latency. Left out in an open loop, as TTFT is.",
        ),
        Mapped(
            "tpot_ms",
            f"{_GAPS}, metrics.usage_completion_tokens",
            "sum(inter_chunk_latency) / (usage_completion_tokens - 1), where a chunk is a token",
            "AIPerf's inter_token_latency takes one token off whatever the first chunk held: 231 tokens/s "
            "were reported for a true 200.",
        ),
        Mapped(
            "output_speed_tps",
            _GAPS,
            "1 / TPOT",
            "AIPerf's output_token_throughput_per_user departs as its own TPOT does.",
        ),
        Mapped(
            "icl_max_ms", _GAPS, "max(inter_chunk_latency)", "None; AIPerf gives no longest gap of a request."
        ),
        Mapped(
            "first_gap_paces",
            _GAPS,
            "inter_chunk_latency[0] / mean(inter_chunk_latency[1:]), gaps of 0 left out",
            "AIPerf's time_to_second_token is the first gap in ms.",
        ),
        Mapped(
            "output_tokens",
            "metrics.usage_completion_tokens",
            "usage_completion_tokens; output_sequence_length where no usage was sent",
            "AIPerf's own figures use output_sequence_length: its own tokenizer's count of the text.",
        ),
        Mapped(
            "success_rate",
            "error",
            "share of records without error and with a first token",
            "An error inside a stream of status 200 that came after content is a success to AIPerf, and its "
            "record does not tell.",
        ),
        LeftOut("throughput_tps", NO_STREAM),
    ),
    read=_read,
)
