"""GuideLLM's benchmark report (JSON). Knows no root; bytes in, runs out.

The report holds one benchmark a load (a sweep has several), each with its requests: good ones, errored ones,
and those that GuideLLM itself cut off at the end. Of a request it keeps when it was due, began, and got its
first and last token, on the wall clock, and how many tokens' events came; no gap between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fairlead.imports.runs import (
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
from fairlead.imports.source import SourceFile, SourceObject, read_object, whole_ns
from fairlead.windows import Load, Outcome, Request

_FORM = 2
_DIALECTS = {
    "/v1/chat/completions": "openai-chat",
    "/v1/completions": "openai-completions",
    "/v1/responses": "openai-responses",
}
_ERRORS = (
    (r"ConnectError|ConnectionRefused", Outcome.CONNECT),
    (r"Timeout", Outcome.TIMEOUT),
    (r"Streaming response returned an error", Outcome.IN_STREAM_ERROR),
    (r"RemoteProtocolError|ReadError|incomplete", Outcome.TRUNCATED),
)


def _read(files: Sources) -> Sequence[Run]:
    return [run for found in files.values() for file in found for run in _read_file(file)]


def _read_file(file: SourceFile) -> Iterator[Run]:
    report = read_object(file, limit=None)
    if "metadata" not in report.members or "benchmarks" not in report.members:
        raise other_version(report, "metadata", "no `metadata` and `benchmarks`", _KNOWN)
    metadata = report.object("metadata")
    if metadata.get("version") != _FORM or isinstance(metadata.get("version"), bool):
        found = str(metadata.get("version"))[:20]
        raise other_version(metadata, "version", f"a report of form {found}, {_FORM} is known", _KNOWN)
    version = metadata.line("guidellm_version", 64)
    for benchmark in report.objects("benchmarks", limit=None):
        yield _run(file, benchmark, version)


def _run(file: SourceFile, benchmark: SourceObject, version: str) -> Run:
    config = benchmark.object("config")
    backend = config.object("backend")
    records = benchmark.object("requests")
    groups = [
        (record, name)
        for name in ("successful", "errored", "incomplete")
        if records.get(name) is not None
        for record in records.objects(name)
    ]
    made = benchmark.object("scheduler_metrics").object("requests_made").integer("total", 0, 10**9)
    load = _load(config.object("strategy"), made)
    is_open = load.kind == "open"
    requests = read_each(file, groups, lambda i, found: _request(i, *found, is_open=is_open))
    return Run(
        version=version,
        api_model=backend.line("model", 300) if backend.get("model") is not None else None,
        dialect=_DIALECTS.get(str(backend.members.get("request_format")), "not-recorded"),
        load=load,
        start_unix_ns=whole_ns(benchmark.seconds("start_time")),
        basis="measured",
        requests=requests,
        remarks=(
            "Requests stand in GuideLLM's order: good ones, then failed ones, then those it cut off itself.",
            *counts_disagree(made, len(requests), "requests made"),
        ),
        sources={file.name: file.sha256},
    )


def _load(strategy: SourceObject, planned: int) -> Load:
    kind = strategy.string("type_")
    if kind == "synchronous":
        return closed_loop(1, planned)
    if kind == "concurrent":
        return closed_loop(strategy.integer("streams", 1, 1_000_000), planned)
    if kind == "throughput":  # as many at once as its workers take
        bound = strategy.members.get("max_concurrency")
        return closed_loop(strategy.integer("max_concurrency", 1, 1_000_000) if bound else None, planned)
    rate = float(strategy.number("rate", 0, 1_000_000)) if "rate" in strategy.members else None
    arrivals = {"constant": "constant", "poisson": "poisson"}.get(kind)
    return open_loop(planned, rate, arrivals)  # type: ignore[arg-type]


def _request(i: int, record: SourceObject, group: str, *, is_open: bool) -> Request:
    refuse_keys(record)
    info = record.object("info")
    counts = tokens(
        usage_output=_count(record, "output_tokens"),
        usage_input=_count(record, "prompt_tokens"),
    )
    text = record.string("output") if record.members.get("output") else None
    request_id = record.line("response_id", 300) if record.members.get("response_id") else None
    if group != "successful":
        said = info.string("error") if info.members.get("error") is not None else "cut off by GuideLLM"
        outcome, status = _failure(said) if group == "errored" else (Outcome.CLIENT, None)
        return imported_request(
            i,
            original=record.text,
            tokens=counts,
            outcome=outcome,
            status=status,
            error=failure(status or group, said),
            text=text,
            request_id=request_id,
        )
    timings = info.object("timings")
    start = timings.seconds("targeted_start" if is_open else "request_start")
    is_streamed = timings.get("first_token_iteration") is not None
    names = (
        ("first_token_iteration", "last_token_iteration") if is_streamed else ("request_end", "request_end")
    )
    first, last = map(timings.seconds, names)
    if not start < first <= last:
        message, expected = "the first token is not between the start and the last one", "stamps in order"
        raise timings.fault("first_token_iteration", message, expected)
    events = timings.integer("token_iterations", 0, 10**9)
    return imported_request(
        i,
        original=record.text,
        tokens=counts,
        ttft_ns=whole_ns(first - start) if is_streamed else None,
        e2e_ns=whole_ns(last - start),
        chunk_tokens=[1] * events if 0 < events <= _MOST_TOKENS and events == counts.usage_output else None,
        text=text,
        reasoning=record.string("reasoning_output") if record.members.get("reasoning_output") else None,
        request_id=request_id,
    )


_MOST_TOKENS = 1_000_000


def _count(record: SourceObject, name: str) -> int | None:
    return None if record.get(name) is None else record.integer(name, 0, 10**9)


def _failure(said: str) -> tuple[Outcome, int | None]:
    """The failure class that GuideLLM's text of an error proves, and the status that it tells."""
    status = re.search(r"error '([45]\d\d) ", said)
    if status:
        return status_outcome(int(status[1])), int(status[1])
    return next((outcome for form, outcome in _ERRORS if re.search(form, said)), Outcome.UNKNOWN), None


_KNOWN = "GuideLLM 0.8.1, whose reports are of form 2"
_SAME_EVENTS = "where token_iterations = output_tokens, so that each event was one token"
GUIDELLM = Tool(
    name="guidellm",
    title="GuideLLM",
    known=_KNOWN,
    files=("*.json",),
    proven="GuideLLM 0.8.1 itself wrote the tests' file, against the reference endpoint",
    lines=(
        Mapped(
            "ttft_ms",
            "info.timings",
            "(first_token_iteration - request_start) x 1000; in an open loop from targeted_start",
            "GuideLLM counts from request_start in open loops too, which hides how late it was itself. Its "
            "stamps are of the wall clock: a step of it enters them.",
        ),
        Mapped(
            "e2e_ms",
            "info.timings",
            "(last_token_iteration - request_start) x 1000; in an open loop from targeted_start",
            "GuideLLM's request_latency ends at the response's end, after the usage record.",
        ),
        Mapped(
            "tpot_ms",
            "info.timings, output_tokens",
            "(last_token_iteration - first_token_iteration) / (output_tokens - 1) x 1000, " + _SAME_EVENTS,
            "GuideLLM's time_per_output_token_ms divides the whole latency by all tokens: it holds TTFT. Its "
            "inter_token_latency_ms takes one token off, also where the first event held several.",
        ),
        Mapped(
            "output_speed_tps",
            "info.timings, output_tokens",
            "1 / TPOT",
            "GuideLLM's output_tokens_per_second divides by the whole latency: it holds TTFT.",
        ),
        LeftOut("icl_max_ms", "no gap between tokens is stored: only the first and the last one's moment"),
        LeftOut(
            "first_gap_paces", "no gap between tokens is stored: only the first and the last one's moment"
        ),
        Mapped(
            "output_tokens",
            "output_tokens",
            "output_tokens",
            "The provider's usage where it was sent (prefer_response_metrics), else GuideLLM's own count.",
        ),
        Mapped(
            "success_rate",
            "requests.successful, requests.errored",
            "successful / (successful + errored)",
            "A stream that ends without a finish, on a connection that ends well, is a success to GuideLLM. "
            "Requests that it cut off at the end (incomplete) are our kind of `client`: charged to nobody.",
        ),
        LeftOut("throughput_tps", NO_STREAM),
    ),
    read=_read,
)
