"""inference-perf's records of single requests, its summary and settings. Knows no root; bytes in, runs out.

Of a request it keeps the start and each chunk with text on one monotonic clock, and the answer as it was
sent: so an answer is read once more by our own reader, and what inference-perf took for a success without
looking (an error inside the stream, an end without a finish) is classed as we class it. When the run began by
the clock on the wall stands only in its report of a stage.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from typing import Any

from fairlead.clock import unix_ns_of
from fairlead.imports.runs import (
    NO_SCHEDULE,
    NO_STREAM,
    LeftOut,
    Mapped,
    Run,
    Sources,
    Tool,
    closed_loop,
    failure,
    imported_request,
    missing_file,
    only,
    open_loop,
    other_version,
    read_each,
    refuse_keys,
    status_outcome,
    tokens,
)
from fairlead.imports.settings import name_of, read_settings, setting, wrong_setting
from fairlead.imports.source import SourceFile, SourceObject, read_list, read_object, whole_ns
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.timeline import Ended, Exchange, Shot, Unframed, read_request
from fairlead.windows import Load, Outcome, Request, Tokens

_RECORDS, _TOTALS = "*per_request_lifecycle_metrics.json", "*summary_lifecycle_metrics.json"
_SETTINGS, _STAGE = "*config.yaml", "*.partial.stage_*.yaml"
_DIALECTS = {"chat": "openai-chat", "completion": "openai-completions"}
_ERRORS = (
    (r"ClientConnector(Certificate|SSL)Error", Outcome.TLS),
    (r"ClientConnector|ConnectionRefused", Outcome.CONNECT),
    (r"Timeout", Outcome.TIMEOUT),
    (r"ClientPayloadError|ServerDisconnected|StreamInterrupted", Outcome.TRUNCATED),
)


def _read(files: Sources) -> Sequence[Run]:
    records, totals, settings = (only(files[name]) for name in (_RECORDS, _TOTALS, _SETTINGS))
    stages = files[_STAGE]
    if len(stages) != 1:
        message = f"{len(stages)} reports of a stage, {_STAGE}: one says when the run began"
        raise missing_file(
            records.name, message, "run each stage by itself, and give every file that it wrote"
        )
    return [_run(records, read_object(totals, limit=None), settings, stages[0])]


def _run(records: SourceFile, totals: SourceObject, settings: SourceFile, stage: SourceFile) -> Run:
    config = read_settings(settings)
    dialect = _DIALECTS.get(str(setting(config, "api", "type")), "not-recorded")
    found = list(read_list(records))
    if not found:
        raise records.fault("IMP001", 0, 1, "no request", "one record a request")
    load = _load(settings, config, len(found))
    is_open = load.kind == "open"
    successes, failures = (
        int(totals.object(name).number("count", 0, 10**9)) for name in ("successes", "failures")
    )
    counted = successes + failures
    if counted != len(found):
        message = f"{len(found):,} requests, the summary counts {counted:,}"
        raise records.fault("IMP005", 0, 1, message, "the summary and the requests of one run")
    requests = read_each(records, found, lambda i, record: _request(i, record, dialect, is_open=is_open))
    more = sum(request.outcome is not Outcome.OK for request in requests) - failures
    files = (records, totals.file, settings, stage)
    return Run(
        version=None,
        api_model=name_of(config, "server", "model_name"),
        dialect=dialect,
        load=load,
        start_unix_ns=_start_ns(stage),
        basis="measured",
        requests=requests,
        remarks=(
            f"{more:,} requests that inference-perf counts as good have failed: their answers, read again, "
            "hold an error or no finish.",
        )
        if more
        else (),
        sources={file.name: file.sha256 for file in files},
    )


def _load(file: SourceFile, config: Any, planned: int) -> Load:
    """The load of the one stage: a record does not say of which stage it is."""
    stages = setting(config, "load", "stages")
    if not isinstance(stages, list) or len(stages) != 1:
        message = "no record says of which stage it is"
        raise wrong_setting(file, "/load/stages", message, "one stage; run each stage by itself")
    kind, (stage,) = setting(config, "load", "type"), stages
    if kind == "concurrent":
        streams = setting(stage, "concurrency_level")
        if isinstance(streams, bool) or not isinstance(streams, int) or not 1 <= streams <= 10**6:
            place = "/load/stages/0/concurrency_level"
            raise wrong_setting(file, place, "no number of streams", "1 to 1,000,000")
        return closed_loop(streams, planned)
    rate = setting(stage, "rate")
    is_rate = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate <= 10**6
    known = {"poisson": "poisson", "constant": "constant"}.get(str(kind))
    return open_loop(planned, float(rate) if is_rate else None, known)  # type: ignore[arg-type]


def _start_ns(stage: SourceFile) -> int:
    text = setting(read_settings(stage), "run", "time", "start")
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", text):
        try:
            found = dt.datetime.fromisoformat(text)
            return unix_ns_of(found.replace(microsecond=0)) + found.microsecond * 1000
        except ValueError:
            pass
    raise wrong_setting(stage, "/run/time/start", "no moment", "a moment such as 2026-03-04T05:06:07Z")


def _request(i: int, record: SourceObject, dialect: str, *, is_open: bool) -> Request:
    refuse_keys(record)
    if record.get("error") is not None:
        error = record.object("error")
        kind = error.string("error_type")
        outcome, status = _failure(kind)
        return imported_request(
            i,
            original=record.text,
            tokens=tokens(),
            outcome=outcome,
            status=status,
            error=failure(status or kind, error.string("error_msg")),
        )
    metrics = record.object("info").object("response_metrics")
    if "chunk_times" not in metrics.members or "server_usage" not in metrics.members:
        raise other_version(metrics, "chunk_times", "no `chunk_times` and `server_usage`", _KNOWN)
    start = record.seconds("start_time")
    stamps = [start, *(item.clock() for item in metrics.items("chunk_times"))]
    steps = [whole_ns(later - earlier) for earlier, later in itertools.pairwise(stamps)]
    if min(steps, default=0) < 0:
        raise metrics.fault("chunk_times", "a chunk before the one that it follows", "stamps in order")
    answer = _answer(record, dialect)
    if answer is not None and answer.outcome is not Outcome.OK:
        return imported_request(
            i,
            original=record.text,
            tokens=answer.tokens,
            outcome=answer.outcome,
            error=answer.error,
            text=answer.text,
            reasoning=answer.reasoning,
            request_id=answer.provider_request_id,
        )
    if not steps:
        empty = failure("no-content", "no chunk with text")
        return imported_request(i, original=record.text, tokens=tokens(), outcome=Outcome.EMPTY, error=empty)
    # Of reasoning and calls inference-perf keeps no moment: then its first chunk is not the answer's first.
    is_all = answer is not None and len(answer.chunk_chars) == len(steps)
    return imported_request(
        i,
        original=record.text,
        tokens=answer.tokens if answer is not None else _usage(metrics),
        ttft_ns=steps[0] if is_all and not is_open else None,
        e2e_ns=None if is_open else sum(steps),
        gaps_ns=steps[1:] if is_all else None,
        text=answer.text if answer is not None else None,
        reasoning=answer.reasoning if answer is not None else None,
        finish=answer.finish if answer is not None else None,
        request_id=answer.provider_request_id if answer is not None else None,
    )


def _answer(record: SourceObject, dialect: str) -> Request | None:
    """What our own reader makes of the answer's text; None where the text, or its dialect, is not known."""
    if record.members.get("response") is None or dialect not in DIALECTS:
        return None
    text = record.string("response").encode()
    exchange = Exchange(
        sent_ns=0,
        unframed=Unframed(status=200, headers=[(b"content-type", b"text/event-stream")]),
        reads=[(1, None, b""), (1, None, text)],
        end_ns=1,
        ended=Ended.COMPLETE,
    )
    shot = Shot(i=0, slot=None, scheduled_ns=None, body_sha256=None)
    return read_request(shot, exchange, DIALECTS[dialect], origin_ns=0)


def _usage(metrics: SourceObject) -> Tokens:
    if metrics.members.get("server_usage") is None:
        return tokens(counted=metrics.integer("output_tokens", 0, 10**9))
    usage = metrics.object("server_usage")
    output, prompt = (
        usage.integer(name, 0, 10**9) if usage.members.get(name) is not None else None
        for name in ("completion_tokens", "prompt_tokens")
    )
    return tokens(usage_output=output, usage_input=prompt)


def _failure(kind: str) -> tuple[Outcome, int | None]:
    status = re.fullmatch(r"HTTP Error ([45]\d\d)", kind)
    if status:
        return status_outcome(int(status[1])), int(status[1])
    return next((outcome for form, outcome in _ERRORS if re.search(form, kind)), Outcome.UNKNOWN), None


_KNOWN = "inference-perf 0.7.0"
_TIMES = "info.response_metrics.chunk_times"
_ALL = "where there are as many as chunks with content in the kept answer"
INFERENCE_PERF = Tool(
    name="inference-perf",
    title="inference-perf",
    known=_KNOWN,
    files=(_RECORDS, _TOTALS, _SETTINGS, _STAGE),
    proven=(
        "inference-perf 0.7.0 itself wrote the tests' files, against the reference endpoint; its record of "
        "single requests (report.request_lifecycle.per_request) is off by default"
    ),
    lines=(
        Mapped(
            "ttft_ms",
            f"start_time, {_TIMES}",
            f"(chunk_times[0] - start_time) x 1000, {_ALL}; closed loops",
            "inference-perf's first chunk is the first with text: reasoning before it has no moment, so such "
            f"an answer has no TTFT here. Open loops are left out: {NO_SCHEDULE}.",
        ),
        Mapped(
            "e2e_ms",
            f"start_time, {_TIMES}",
            "(chunk_times[-1] - start_time) x 1000; closed loops",
            "inference-perf's request_latency ends at the response's end, after the usage record.",
        ),
        Mapped(
            "tpot_ms",
            f"{_TIMES}, server_usage",
            f"(chunk_times[-1] - chunk_times[0]) / (tokens - 1) x 1000, {_ALL}, and as many as tokens",
            "inference-perf divides by its own count of the text's tokens, and gives each token of a chunk "
            "the chunk's moment.",
        ),
        Mapped(
            "output_speed_tps",
            f"{_TIMES}, server_usage",
            "1 / TPOT",
            "inference-perf gives none for a request.",
        ),
        Mapped(
            "icl_max_ms",
            _TIMES,
            f"the largest step of chunk_times x 1000, {_ALL}",
            "inference-perf's inter_token_latency holds a gap of 0 for each further token of a chunk.",
        ),
        Mapped(
            "first_gap_paces",
            _TIMES,
            "the first step of chunk_times / the mean of the later ones, steps of 0 left out",
            "inference-perf has no such figure.",
        ),
        Mapped(
            "output_tokens",
            "response, server_usage",
            "completion_tokens of the usage in the kept answer; output_tokens where none was sent",
            "inference-perf's own figures use its own tokenizer's count unless it is told otherwise.",
        ),
        Mapped(
            "success_rate",
            "error, response",
            "share of records without error whose kept answer has a finish and holds no error",
            "inference-perf counts every stream of status 200 that ends well as a success. Without the kept "
            "answer (per_request_fields.response) so does the import.",
        ),
        LeftOut("throughput_tps", NO_STREAM),
    ),
    read=_read,
)
