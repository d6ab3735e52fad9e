"""LLMPerf's result files as runs. Knows no root and writes nothing.

A folder of results holds ``individual/<provider>_<size>.json`` (a list, one object a request) and
``summary/<provider>_<size>.json`` (one object a run). A run with anything wrong in it is no run: with
requests missing it would be a different one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path

from fairlead.clock import NS_PER_S, moment_of
from fairlead.documents import Json
from fairlead.imports.runs import Run as Measured
from fairlead.imports.runs import (
    closed_loop,
    failure,
    imported_request,
    read_each,
    refuse_keys,
    status_outcome,
    tokens,
)
from fairlead.imports.source import SourceError, SourceFile, SourceObject, open_source, read_list, read_object
from fairlead.problems import Problem, quote
from fairlead.repository import RESERVED_PROVIDERS
from fairlead.windows import ErrorDetail, Outcome, Request

MAX_RUNS = 1_000
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\@]+")

_MODEL_NOTES = (
    "The LLMPerf leaderboard's raw results name this model by size. They pin neither its weights nor the "
    "tokenizer that its tokens were counted with."
)
MODELS: Mapping[str, dict[str, Json]] = {
    size: {
        "id": f"llama-2-{size}-chat",
        "name": f"Llama 2 {size.upper()} Chat",
        "developer": "Meta",
        "tokenizer": None,
        "notes": _MODEL_NOTES,
    }
    for size in ("7b", "13b", "70b")
}  # the models of the leaderboard, by the size in a file's name; in the form of models.yaml


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One run as its two files tell it."""

    provider: str
    size: str
    api_model: str
    address: str | None
    version: str
    written_ns: int
    concurrency: int
    input_tokens: int
    output_tokens: int
    started: int
    succeeded: int
    failed: int
    requests: tuple[Request, ...]
    digests: Mapping[str, str]

    @property
    def model(self) -> str:
        """The canonical model's id."""
        return str(MODELS[self.size]["id"])

    @property
    def scenario(self) -> str:
        """How the run was loaded, by the summary's own numbers."""
        return f"llmperf-{self.input_tokens}-{self.output_tokens}-c{self.concurrency}"

    @property
    def written(self) -> dt.datetime:
        """When LLMPerf wrote the summary: after the run."""
        return moment_of(self.written_ns)

    @property
    def failures(self) -> int:
        """The requests of the file that failed."""
        return self.measured.failures

    @property
    def measured(self) -> Measured:
        """The run without what only the leaderboard says of it."""
        return Measured(
            version=self.version,
            api_model=self.api_model,
            dialect="not-recorded",
            load=closed_loop(self.concurrency, self.started),
            start_unix_ns=self.written_ns,
            basis="file_timestamp",
            requests=self.requests,
            remarks=(),
            sources=self.digests,
        )


def read_runs(source: Path, problems: list[Problem]) -> list[Run]:
    """Every run of the folder that can be imported whole, by provider and size of the model."""
    requests, summaries = (_names(source, part, problems) for part in ("individual", "summary"))
    problems += (
        Problem("IMP001", f"{part}/{name}", message, fix=_PAIR)
        for part, alone, message in (
            ("individual", requests - summaries, "requests without their summary"),
            ("summary", summaries - requests, "a summary without its requests"),
        )
        for name in sorted(alone)
    )
    runs = [_read_run(source, name, problems) for name in sorted(requests & summaries)]
    return sorted((run for run in runs if run), key=lambda run: (run.provider, list(MODELS).index(run.size)))


_PAIR = "give individual/<name>.json and summary/<name>.json, or leave both out"


def _names(source: Path, part: str, problems: list[Problem]) -> set[str]:
    """The names of the JSON files in one of the two folders."""
    fix = "give the folder that holds individual/ and summary/"
    if (source / part).is_symlink():
        problems.append(Problem("TREE001", part, "this is a symbolic link", fix=fix))
        return set()
    try:
        names = {path.name for path in (source / part).iterdir() if path.suffix == ".json"}
    except OSError as error:
        problems.append(Problem("IMP001", part, f"cannot be listed: {error.strerror}", fix=fix))
        return set()
    if not names:
        problems.append(Problem("IMP001", part, "no JSON file in this folder", fix=fix))
    if len(names) > MAX_RUNS:
        message = f"{len(names):,} runs, more than {MAX_RUNS:,}"
        problems.append(Problem("IMP001", part, message, fix="import them in several parts"))
        return set()
    return names


def _read_run(source: Path, name: str, problems: list[Problem]) -> Run | None:
    """One run, or None and the problems that keep it from being imported."""
    try:
        provider, size = _name_parts(name)
        summary = read_object(open_source(source, f"summary/{name}"))
        individual = open_source(source, f"individual/{name}")
        return _run(summary, provider, size, read_requests(individual), individual)
    except SourceError as error:
        problems += error.problems
        return None


def _name_parts(name: str) -> tuple[str, str]:
    """Provider and model size of a file's name."""
    provider, _, size = name.removesuffix(".json").rpartition("_")
    is_id = _ID.fullmatch(provider) is not None and len(provider) <= 64
    if not is_id or provider in RESERVED_PROVIDERS or size not in MODELS:
        expected = f"<provider>_<size>.json: an id in lower case, and a size of {', '.join(MODELS)}"
        fix = "rename the two files, if they are of such a run"
        raise SourceError(
            Problem("IMP004", f"individual/{name}", "the name tells no run", expected=expected, fix=fix)
        )
    return provider, size


def _run(
    summary: SourceObject, provider: str, size: str, requests: tuple[Request, ...], individual: SourceFile
) -> Run:
    for member, said in (("framework", provider), ("model_size", size)):
        if member in summary.members and summary.string(member) != said:
            raise summary.fault(member, f"the file's name says {quote(said)}", quote(said), "IMP004")
    api_model = summary.line("model", 300)
    if not _names_model(api_model, size):
        expected = f"a name of Llama 2 {size}"
        raise summary.fault("model", "not the model that the file's name tells", expected, "IMP004")
    address = summary.string("api") if summary.members.get("api") is not None else None
    if address is not None and not (_ADDRESS.fullmatch(address) and len(address) <= 300):
        raise summary.fault("api", "no address", "an http or https address without a user name")
    return Run(
        provider=provider,
        size=size,
        api_model=api_model,
        address=address,
        version=summary.line("version", 64),
        written_ns=summary.integer("timestamp", 1, 4_102_444_799) * NS_PER_S,
        concurrency=summary.integer("num_concurrent_requests", 1, 1_000_000),
        input_tokens=summary.integer("mean_input_tokens", 0, 10**9),
        output_tokens=summary.integer("mean_output_tokens", 0, 10**9),
        started=summary.count("results_num_requests_started"),
        succeeded=summary.count("results_num_completed_requests"),
        failed=summary.count("results_number_errors"),
        requests=requests,
        digests={file.name: file.sha256 for file in (individual, summary.file)},
    )


def _names_model(api_model: str, size: str) -> bool:
    """Whether a provider's name of a model is one of Llama 2 in this size."""
    return re.search(rf"llama-?v?2-{size}(?![0-9a-z])", api_model.lower()) is not None


def read_requests(file: SourceFile) -> tuple[Request, ...]:
    """All requests of a file in its order.

    Raises:
        SourceError: one of them, or the file, cannot be imported.
    """
    return read_each(file, list(read_list(file)), _request)


def _request(i: int, record: SourceObject) -> Request:
    refuse_keys(record)
    error = _error(record)
    outcome = _outcome(error)
    counted = record.integer("number_output_tokens", 0, 10**9)
    ttft_ns = e2e_ns = None
    if error is None and counted == 0 and record.get("ttft_s") == 0:
        error, outcome = failure("no-content", "no token, by LLMPerf's own account"), Outcome.EMPTY
    elif error is None:
        ttft_ns, e2e_ns = record.duration_ns("ttft_s"), record.duration_ns("end_to_end_latency_s")
        if ttft_ns > e2e_ns:
            raise record.fault(
                "ttft_s", "the first token comes after the last", "at most end_to_end_latency_s"
            )
    code = int(error.code) if error and outcome is not Outcome.EMPTY else 0
    return imported_request(
        i,
        original=record.text,
        tokens=tokens(counted=counted),
        outcome=outcome,
        error=error,
        status=code if 100 <= code <= 599 else None,
        ttft_ns=ttft_ns,
        e2e_ns=e2e_ns,
        text=record.string("GEN_TEXT") if record.members.get("GEN_TEXT") is not None else None,
    )


def _error(record: SourceObject) -> ErrorDetail | None:
    """The record's error, or None for a success: LLMPerf writes `"error_code": null` for one."""
    if record.get("error_code") is None:
        return None
    code = record.integer("error_code", -1_000_000, 1_000_000)
    message = record.string("error_msg") if record.members.get("error_msg") is not None else ""
    return failure(code, message)


def _outcome(error: ErrorDetail | None) -> Outcome:
    """The failure class that a record's error code proves; ``unknown`` where it proves none.

    -100 is LLMPerf's own code for an answer that it found too short. A 4xx other than 429 and 408
    does not say whose fault it was, nor does -1, LLMPerf's code for any exception of its client.
    """
    if error is None:
        return Outcome.OK
    code = int(error.code)
    if code == -100 and error.message.startswith("Output too few tokens"):
        return Outcome.WRONG_LENGTH
    return status_outcome(code)
