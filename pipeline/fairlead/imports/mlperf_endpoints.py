"""MLPerf Endpoints' log of events, its settings and summary. Knows no root; bytes in, runs out.

``events.jsonl`` holds one event a line, on the tool's monotonic clock: a request issued, its first chunk (or
each chunk, where the tool was told to keep them all), an error, its end. It keeps the answer's text and no
count of its tokens. No file says when the run was by the clock on the wall. What is read here follows the
tool's public source (github.com/mlcommons/endpoints); no file of the real tool was at hand.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

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
from fairlead.imports.settings import name_of, read_settings, setting, wrong_setting
from fairlead.imports.source import (
    MAX_OBJECT_CHARACTERS,
    SourceFile,
    SourceObject,
    has_half_character,
    read_object,
    read_objects,
)
from fairlead.windows import ErrorDetail, Load, Outcome, Request

_EVENTS, _SUMMARY, _SETTINGS = "events.jsonl", "performance/result_summary.json", "config.yaml"
_ISSUED, _END = "sample.issued", "sample.complete"
_CHUNKS = ("sample.recv_first", "sample.recv_non_first")
_MOST_NS = 2**62
_DIALECTS = {"openai": "openai-chat", "openai_completions": "openai-completions"}
_ERRORS = (
    (r"Certificate|SSL", Outcome.TLS),
    (r"ClientConnector|ConnectionRefused", Outcome.CONNECT),
    (r"Timeout", Outcome.TIMEOUT),
    (r"ClientPayloadError|ServerDisconnected|IncompleteRead|ConnectionReset", Outcome.TRUNCATED),
)
_Events = Sequence[SourceObject]


def _read(files: Sources) -> Sequence[Run]:
    events, summary, settings = (files[name][0] for name in (_EVENTS, _SUMMARY, _SETTINGS))
    return [_run(events, read_object(summary, limit=None), settings)]


def _run(file: SourceFile, summary: SourceObject, settings: SourceFile) -> Run:
    if "n_samples_issued" not in summary.members or "complete" not in summary.members:
        message = "no `n_samples_issued` and `complete`"
        raise other_version(summary, "n_samples_issued", message, _KNOWN)
    config = read_settings(settings)
    found = _samples(file)
    issued = summary.integer("n_samples_issued", 0, 10**9)
    if issued != len(found) or not found:
        message = f"{len(found):,} requests in the log, the summary counts {issued:,}"
        expected = "the summary and the requests of one run"
        raise summary.fault("n_samples_issued", message, expected, "IMP005")
    load = _load(settings, config, len(found))
    is_open = load.kind == "open"
    # Else only the first chunk has a moment, however many there were.
    has_all = setting(config, "settings", "client", "stream_all_chunks") is True
    requests = read_each(
        file, found, lambda i, events: _request(i, events, is_open=is_open, has_all_chunks=has_all)
    )
    wrong = sum(request.outcome is not Outcome.OK for request in requests)
    return Run(
        version=_version(summary),
        api_model=name_of(config, "model_params", "name"),
        dialect=_DIALECTS.get(str(setting(config, "endpoint_config", "api_type")), "not-recorded"),
        load=load,
        start_unix_ns=0,
        basis="file_timestamp",
        requests=requests,
        remarks=(
            *(() if summary.get("complete") is True else (_INCOMPLETE,)),
            *counts_disagree(summary.integer("n_samples_failed", 0, 10**9), wrong, "failed requests"),
        ),
        sources={each.name: each.sha256 for each in (file, summary.file, settings)},
    )


_INCOMPLETE = "The tool says that its run or its figures are incomplete."


def _version(summary: SourceObject) -> str:
    """The version, and the commit where it is told: the tool is used from its repository."""
    version = summary.line("version", 64)
    return version if summary.members.get("git_sha") is None else f"{version} {summary.line('git_sha', 64)}"


def _samples(file: SourceFile) -> list[_Events]:
    """The events of each request that was issued in the measured phase, so neither warm-up nor accuracy."""
    samples: dict[str, list[SourceObject]] = {}
    is_measured = is_ended = False
    end = 0
    for event in read_objects(file):
        if "event_type" not in event.members or "timestamp_ns" not in event.members:
            raise other_version(event, "event_type", "no `event_type` and `timestamp_ns`", _KNOWN)
        kind, end = event.string("event_type"), event.end
        if kind.startswith("session."):
            is_ended = is_ended or kind == "session.ended"
            is_measured = {_START: True, _STOP: False}.get(kind, is_measured)
        elif kind == _ISSUED and is_measured:
            name = event.line("sample_uuid", 200)
            if name in samples:
                raise event.fault("sample_uuid", "issued a second time", "each request once")
            samples[name] = [event]
        elif str(event.members.get("sample_uuid")) in samples:
            samples[event.string("sample_uuid")].append(event)
    if not is_ended:
        message = "the log ends before the session did"
        raise file.fault("IMP005", end, end + 1, message, "every event, `session.ended` last")
    return list(samples.values())


_START, _STOP = "session.start_performance_tracking", "session.stop_performance_tracking"


def _load(file: SourceFile, config: Any, planned: int) -> Load:
    pattern = setting(config, "settings", "load_pattern")
    kind = setting(pattern, "type")
    if kind == "concurrency":
        streams = setting(pattern, "target_concurrency")
        if isinstance(streams, bool) or not isinstance(streams, int) or not 1 <= streams <= 10**6:
            place = "/settings/load_pattern/target_concurrency"
            raise wrong_setting(file, place, "no number of streams", "1 to 1,000,000")
        return closed_loop(streams, planned)
    if kind == "max_throughput":  # all at once
        return closed_loop(planned, planned)
    if kind == "poisson":
        rate = setting(pattern, "target_qps")
        is_rate = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate <= 10**6
        return open_loop(planned, float(rate) if is_rate else None, "poisson")
    known = "concurrency, max_throughput or poisson"
    message = "a pattern that an import has no word for"
    raise wrong_setting(file, "/settings/load_pattern/type", message, known)


def _request(i: int, events: _Events, *, is_open: bool, has_all_chunks: bool) -> Request:
    for event in events:
        refuse_keys(event)
    original = "[" + ",".join(event.text for event in events) + "]"
    if len(original) > MAX_OBJECT_CHARACTERS:
        message = f"{len(original):,} characters of events"
        raise events[0].fault("sample_uuid", message, f"at most {MAX_OBJECT_CHARACTERS:,}")
    by_kind = _by_kind(events)
    ends, chunks = by_kind.get(_END, []), [event for kind in _CHUNKS for event in by_kind.get(kind, [])]
    text, reasoning, calls = _answer(ends[0]) if ends else (None, None, False)
    outcome, error = _outcome(by_kind, has_content=bool(chunks or text or reasoning or calls))
    steps = _steps([events[0], *chunks, *ends]) if outcome is Outcome.OK else []
    has_gaps = bool(chunks) and has_all_chunks
    return imported_request(
        i,
        original=original,
        tokens=tokens(),
        outcome=outcome,
        error=error,
        ttft_ns=steps[0] if steps and chunks and not is_open else None,
        e2e_ns=None if is_open or not steps else sum(steps[:-1] if has_gaps else steps),
        gaps_ns=steps[1:-1] if has_gaps else None,
        text=text,
        reasoning=reasoning,
    )


def _by_kind(events: _Events) -> Mapping[str, _Events]:
    found: dict[str, list[SourceObject]] = {}
    first, later = _CHUNKS
    for event in events:
        kind = event.string("event_type")
        if kind in found and kind in (first, _END):
            raise event.fault("event_type", f"a second `{kind}` of this request", "one")
        if kind == later and first not in found:
            raise event.fault("event_type", f"a chunk before `{first}`", "the first chunk first")
        found.setdefault(kind, []).append(event)
    return found


def _steps(events: _Events) -> list[int]:
    """From each of these events to the next, in ns; the first step is one forward."""
    stamps = [event.integer("timestamp_ns", 0, _MOST_NS) for event in events]
    steps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    for step, event in zip(steps, events[1:], strict=True):
        if step < 0 or steps[0] == 0:
            raise event.fault("timestamp_ns", "not after the event that it follows", "stamps in order")
    return steps


def _answer(end: SourceObject) -> tuple[str | None, str | None, bool]:
    """Text, reasoning, and whether a tool was called: `["TextModelOutput", output, reasoning, calls]`, the
    first two whole or in pieces, defaults at the end left out.
    """
    data = end.get("data")
    if data is None:
        return None, None, False
    if not isinstance(data, list) or data[:1] != ["TextModelOutput"]:
        raise other_version(end, "data", "no answer of text", _KNOWN)
    fields = [*data[1:4], None, None, None]
    pieces = [field if isinstance(field, list) else [field] for field in fields[:2]]
    text, reasoning = ("".join(part for part in piece if isinstance(part, str)) for piece in pieces)
    if has_half_character(text + reasoning):
        raise end.fault("data", "text with half a character", "whole Unicode characters")
    return text or None, reasoning or None, bool(fields[2])


def _outcome(by_kind: Mapping[str, _Events], *, has_content: bool) -> tuple[Outcome, ErrorDetail | None]:
    """How a request ended; an error comes before the end."""
    errors = [event for kind, found in by_kind.items() if kind.startswith("error.") for event in found]
    if errors:
        return _failure(errors[0])
    if _END not in by_kind:
        return Outcome.UNKNOWN, failure("no-end", "the run ended before the request did")
    if not has_content:
        return Outcome.EMPTY, failure("no-content", "no chunk with content")
    return Outcome.OK, None


def _failure(event: SourceObject) -> tuple[Outcome, ErrorDetail]:
    """The failure class that `["ErrorData", type, message]` proves."""
    data = event.members.get("data")
    words = data[1:3] if isinstance(data, list) and data[:1] == ["ErrorData"] else ()
    said = ": ".join(word for word in words if isinstance(word, str) and word) or "error"
    if has_half_character(said):
        raise event.fault("data", "text with half a character", "whole Unicode characters")
    status = re.search(r"\bHTTP (?:Error )?([45]\d\d)\b", said)
    if status:
        return status_outcome(int(status[1])), failure(status[1], said)
    outcome = next((outcome for form, outcome in _ERRORS if re.search(form, said)), Outcome.UNKNOWN)
    return outcome, failure("error", said)


_KNOWN = "inference-endpoint 0.1.0, as its public source of November 2026 has it"
_NO_COUNT = "the log keeps the answer's text and no count of its tokens; the summary's are of the whole run"
_ALL = "where settings.client.stream_all_chunks is on (it is off by default)"
MLPERF_ENDPOINTS = Tool(
    name="mlperf-endpoints",
    title="MLPerf Endpoints",
    known=_KNOWN,
    files=(_EVENTS, _SUMMARY, _SETTINGS),
    proven=(
        "MLPerf Endpoints (inference-endpoint) is in no package index, so the tests' files are not written "
        "by the real tool: they are made by hand in the form that its public source has"
    ),
    is_dated=False,
    lines=(
        Mapped(
            "ttft_ms",
            "timestamp_ns",
            "(sample.recv_first - sample.issued) / 10^6, closed loops",
            "The tool's ttft is the same, over all requests that had a first chunk, also those that failed "
            "later. It holds the way to a worker process and back. Open loops are left out: "
            f"{NO_SCHEDULE}.",
        ),
        Mapped(
            "e2e_ms",
            "timestamp_ns",
            "(sample.complete - sample.issued) / 10^6, closed loops; from sample.issued to the last chunk, "
            f"{_ALL}",
            "The tool's latency ends at the response's end, after the usage record, and holds failed "
            "requests, so that fast errors look good.",
        ),
        LeftOut("tpot_ms", _NO_COUNT),
        LeftOut("output_speed_tps", _NO_COUNT),
        Mapped(
            "icl_max_ms",
            "timestamp_ns",
            f"the largest step from sample.recv_first over each sample.recv_non_first / 10^6, {_ALL}",
            "The tool gives no gap of a request.",
        ),
        Mapped(
            "first_gap_paces",
            "timestamp_ns",
            f"the first step of the chunks / the mean of the later ones, steps of 0 left out, {_ALL}",
            "The tool has no such figure.",
        ),
        LeftOut("output_tokens", _NO_COUNT),
        Mapped(
            "success_rate",
            "event_type",
            "share of requests issued in the measured phase that end without an error and with content",
            "A stream that ends without a finish, or with an error inside, is a success to the tool.",
        ),
        LeftOut("throughput_tps", NO_STREAM),
    ),
    read=_read,
)
