"""vLLM's ``vllm bench serve --save-result --save-detailed``. Knows no root; bytes in, runs out.

The file holds one object a run (several with ``--append-result``), and in it a list a field with one entry a
request. It names no version of vLLM, and its date has no time zone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence

from fairlead.clock import unix_ns_of
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
    missing_file,
    open_loop,
    other_version,
    read_each,
    refuse_keys,
    tokens,
)
from fairlead.imports.source import (
    SourceFile,
    SourceItem,
    SourceObject,
    has_half_character,
    read_objects,
    whole_ns,
)
from fairlead.windows import Load, Outcome, Request

_COLUMNS = ("input_lens", "output_lens", "ttfts", "itls", "generated_texts", "errors")
_LATER = ("latencies", "start_times", "queue_times")  # not in the files of older versions
_DIALECTS = {"openai-chat": "openai-chat", "openai": "openai-completions", "vllm": "openai-completions"}
_ERRORS = (
    (r"ClientConnectorCertificateError|ClientConnectorSSLError", Outcome.TLS),
    (r"ClientConnectorError|ConnectionRefusedError", Outcome.CONNECT),
    (r"TimeoutError", Outcome.TIMEOUT),
    (r"ClientPayloadError", Outcome.TRUNCATED),
    (r"Too Many Requests", Outcome.RATE_LIMITED),
    (r"Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out", Outcome.SERVER_ERROR),
    (r"Never received a valid chunk", Outcome.EMPTY),
)
_Row = Mapping[str, SourceItem]


def _read(files: Sources) -> Sequence[Run]:
    return [run for found in files.values() for file in found for run in _read_file(file)]


def _read_file(file: SourceFile) -> Iterator[Run]:
    records = list(read_objects(file, limit=None))
    if not records:
        raise file.fault("IMP001", 0, 1, "an empty file", "the result of a run")
    for record in records:
        yield _run(file, record)


def _run(file: SourceFile, record: SourceObject) -> Run:
    if "ttfts" not in record.members:
        if "completed" not in record.members:
            raise other_version(record, "completed", "no result of `vllm bench serve`", _KNOWN)
        raise missing_file(
            file.name, "totals of a run without its requests", "run it with --save-result --save-detailed"
        )
    rows = _rows(record)
    backend = record.string("backend" if "backend" in record.members else "endpoint_type")
    load = _load(record)
    requests = read_each(
        file, rows, lambda i, row: _request(i, row, is_open=load.kind == "open", backend=backend)
    )
    done = sum(request.outcome is Outcome.OK for request in requests)
    return Run(
        version=None,
        api_model=record.line("model_id", 300),
        dialect=_DIALECTS.get(backend, "not-recorded"),
        load=load,
        start_unix_ns=_written_ns(record),
        basis="file_timestamp",
        requests=requests,
        remarks=(
            "A window's start is the date in vLLM's file, which is taken after the run and has no time zone; "
            "it is read as UTC.",
            *counts_disagree(record.integer("completed", 0, 10**9), done, "completed requests"),
        ),
        sources={file.name: file.sha256},
    )


def _rows(record: SourceObject) -> list[_Row]:
    """The entries of each request, from the lists of all fields."""
    names = [*_COLUMNS, *(name for name in _LATER if name in record.members)]
    columns = {name: record.items(name) for name in names}
    count = len(columns["ttfts"])
    for name, column in columns.items():
        if len(column) != count:
            raise record.fault(name, f"{len(column):,} entries, `ttfts` has {count:,}", "one a request")
    return [{name: column[i] for name, column in columns.items()} for i in range(count)]


def _load(record: SourceObject) -> Load:
    planned = record.integer("num_prompts", 1, 10**9)
    bound = record.members.get("max_concurrency")
    if bound is not None:
        bound = record.integer("max_concurrency", 1, 1_000_000)
    if record.members.get("request_rate") == "inf":
        return closed_loop(bound or planned, planned)
    rate = float(record.number("request_rate", 0, 1_000_000))
    is_poisson = record.members.get("burstiness", 1) == 1 and "ramp_up_strategy" not in record.members
    return open_loop(planned, rate, "poisson" if is_poisson else None, bound)


def _written_ns(record: SourceObject) -> int:
    text = record.string("date")
    try:
        if re.fullmatch(r"\d{8}-\d{6}", text):
            found = dt.datetime.strptime(text, "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)
            return unix_ns_of(found)
    except ValueError:
        pass
    raise record.fault("date", f"found {text[:40]!r}", "a date such as 20260304-050607")


def _request(i: int, row: _Row, *, is_open: bool, backend: str) -> Request:
    for item in row.values():
        refuse_keys(item)
        if isinstance(item.value, str) and has_half_character(item.value):
            raise item.fault("text with half a character", "whole Unicode characters")
    error = row["errors"].value
    if not isinstance(error, str):
        raise row["errors"].fault("no text", "the error's text, empty for a success")
    ttft, gaps = row["ttfts"].seconds(), row["itls"].many_seconds()
    counted = row["output_lens"].value
    if isinstance(counted, bool) or not isinstance(counted, int) or not 0 <= counted < 10**9:
        raise row["output_lens"].fault("no count of tokens", "a whole number")
    # A failure has a text that says so, or neither a first token nor an answer.
    outcome = _outcome(error) if error else Outcome.OK if ttft > 0 else Outcome.UNKNOWN
    # Every event with a choice is a chunk to vLLM; only where their number is that of the tokens, and no
    # message begins with a role, is each proven to be content.
    is_content = backend in ("openai", "vllm") and len(gaps) + 1 == counted
    end_ns = whole_ns(row["latencies"].seconds() if "latencies" in row else ttft + sum(gaps))
    ttft_ns = whole_ns(ttft) if is_content and not is_open else None
    gaps_ns = [whole_ns(gap) for gap in gaps]
    if ttft_ns is not None:
        end_ns = ttft_ns + sum(gaps_ns)
    text = row["generated_texts"].value
    return imported_request(
        i,
        original="{" + ",".join(f'"{name}":{item.text}' for name, item in row.items()) + "}",
        tokens=tokens(counted=counted),
        outcome=outcome,
        error=None if outcome is Outcome.OK else failure("vllm", error.strip()[-512:] or "no first token"),
        ttft_ns=ttft_ns,
        e2e_ns=end_ns if end_ns > 0 and not is_open else None,
        gaps_ns=gaps_ns if is_content else None,
        text=text if isinstance(text, str) and text else None,
    )


def _outcome(error: str) -> Outcome:
    """The failure class that vLLM's text of an error proves: a reason phrase, or a traceback's last line."""
    last = error.strip().rpartition("\n")[2]
    return next((outcome for form, outcome in _ERRORS if re.search(form, last)), Outcome.UNKNOWN)


_KNOWN = "vLLM 0.33.0; older ones without latencies too"
VLLM = Tool(
    name="vllm",
    title="vLLM bench serve",
    known=_KNOWN,
    files=("*.json",),
    proven=(
        "vLLM 0.33.0 itself wrote the tests' files, against the reference endpoint: completions, chats and "
        "an open loop; one of an older form is made by hand"
    ),
    lines=(
        Mapped(
            "ttft_ms",
            "ttfts[i]",
            "ttfts[i] x 1000, of completions in a closed loop, where len(itls[i]) + 1 = output_lens[i]",
            "vLLM's TTFT ends at the first event with a choice. In a chat that is a delta with a role and "
            "without a token in older versions (22 ms were once reported for a true 200), and the file "
            "does not name its version, so a chat's is left out. In an open "
            "loop it counts from the send, which hides vLLM's own queue: left out.",
        ),
        Mapped(
            "e2e_ms",
            "latencies[i]",
            "(ttfts[i] + sum(itls[i])) x 1000; latencies[i] x 1000 where TTFT is left out; closed loops",
            "It ends at the last event with a choice, which may be an empty closing delta: then it is long.",
        ),
        Mapped(
            "tpot_ms",
            "itls[i]",
            "sum(itls[i]) / (output_lens[i] - 1) x 1000, where len(itls[i]) + 1 = output_lens[i]",
            "vLLM divides (latency - TTFT) by output tokens - 1 whatever the number of events, also where "
            "the first one held several tokens or none.",
        ),
        Mapped("output_speed_tps", "itls[i]", "1 / TPOT", "vLLM gives none for a request."),
        Mapped(
            "icl_max_ms",
            "itls[i]",
            "max(itls[i]) x 1000, where len(itls[i]) + 1 = output_lens[i], of completions",
            "vLLM calls the gaps between events inter-token latencies. In a chat they hold the wait from the "
            "role to the first token: left out.",
        ),
        Mapped(
            "first_gap_paces",
            "itls[i]",
            "itls[i][0] / mean(itls[i][1:]), gaps of 0 left out",
            "vLLM has no such figure.",
        ),
        Mapped(
            "output_tokens",
            "output_lens[i]",
            "output_lens[i]",
            "The provider's usage where it was sent, else vLLM's own count of the text; the file does not "
            "say which.",
        ),
        Mapped(
            "success_rate",
            "errors[i]",
            "share of requests with an empty errors[i] and a TTFT above 0",
            "vLLM counts an answer as good once one event came: an error inside the stream, or an end "
            "without a finish, is a success to it and cannot be told.",
        ),
        LeftOut("throughput_tps", NO_STREAM),
    ),
    read=_read,
)
