"""The imported runs of a root, and which run a published row is of. Knows no figure and no statistic."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.audit.readings import Observation
from fairlead.audit.table import Published
from fairlead.documents import Unreadable
from fairlead.problems import Problem, Span, nearest, quote, visible
from fairlead.repository import FileKind, Repository
from fairlead.windows import Header, Outcome, Request, Window, WindowError, decode_window


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """An imported run as it was read: where, what, and its requests."""

    path: str
    window: Window
    observations: tuple[Observation, ...]


_SINGLE = re.compile(r"-llmperf-[0-9a-f]{8}/windows/")  # a run by itself is named by its files' digest


def is_of_record(path: str, header: Header) -> bool:
    """Whether a window was imported from LLMPerf's leaderboard, and not from one run that somebody made."""
    is_llmperf = header.origin == "imported" and header.tool.name == "llmperf"
    return is_llmperf and _SINGLE.search(path) is None


def imported_runs(repository: Repository, problems: list[Problem]) -> Iterator[Source]:
    """Every window of the root that was imported from LLMPerf's leaderboard."""
    for name in repository.raw_paths(FileKind.WINDOW):
        try:
            window = decode_window(repository.read_raw(name))
        except (WindowError, Unreadable) as error:
            problems.append(Problem("AUD005", name, f"cannot be read: {error}", fix="import the run again"))
            continue
        if is_of_record(name, window.header):
            yield Source(name, window, tuple(_observe_all(window, name, problems)))


def _observe_all(window: Window, name: str, problems: list[Problem]) -> Iterator[Observation]:
    for line, request in enumerate(window.requests, start=2):
        try:
            yield _observe(request)
        except ValueError as error:
            fix = "import the run again from its source"
            problems.append(Problem("AUD005", name, str(error), span=Span(line, 1, 2), fix=fix))


def _observe(request: Request) -> Observation:
    """A request with what only its source record holds.

    Raises:
        ValueError: the source record is missing, cannot be read, or says something else.
    """
    record = _source_record(request)
    succeeded = request.outcome is Outcome.OK
    ttft_s, e2e_s = _seconds(record, "ttft_s"), _seconds(record, "end_to_end_latency_s")
    if succeeded:
        for name, said, kept_ns in (
            ("ttft_s", ttft_s, request.ttft_ns),
            ("end_to_end_latency_s", e2e_s, request.e2e_ns),
        ):
            if said is None or kept_ns is None or abs(said * 1e9 - kept_ns) > 1:
                raise ValueError(f"request {request.i}: its {name} is not what its source record says")
        ttft_s, e2e_s = (ns / 1e9 if ns is not None else None for ns in (request.ttft_ns, request.e2e_ns))
    return Observation(
        i=request.i,
        succeeded=succeeded,
        ttft_s=ttft_s,
        e2e_s=e2e_s,
        tokens=request.tokens.counted,
        field_tps=_seconds(record, "request_output_throughput_token_per_s"),
    )


def _source_record(request: Request) -> dict[str, Any]:
    try:
        record = json.loads(request.original or "")
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise ValueError(f"request {request.i}: its source record is not a JSON object")
    return record


def _seconds(record: Mapping[str, Any], name: str) -> float | None:
    """A positive number of a source record; None for the 0 that LLMPerf writes for *not measured*."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        return None
    return float(value)


def pair_rows(
    rows: Sequence[Published], sources: Sequence[Source], name: str, problems: list[Problem]
) -> Iterator[tuple[Published, Source]]:
    """Each row with its run; a row of which the root holds no run, or two, is a problem."""
    by_provider: dict[str, list[Source]] = collections.defaultdict(list)
    for source in sources:
        by_provider[source.window.header.provider].append(source)
    for row in rows:
        found = [source for source in by_provider.get(row.provider, []) if _is_of(source, row)]
        if len(found) == 1:
            yield row, found[0]
        else:
            problems.append(_unpaired(row, found, by_provider, name))


def _is_of(source: Source, row: Published) -> bool:
    """Whether a run is of the row's model. The table leaves out a version after `:` that the record has."""
    header = source.window.header
    named = header.api_model or ""
    return row.model in (named, named.partition(":")[0]) and row.model_size in header.model.split("-")


def _unpaired(
    row: Published, found: Sequence[Source], by_provider: Mapping[str, Sequence[Source]], name: str
) -> Problem:
    where = Span(row.line, 1, 2)
    if found:
        message = f"{len(found)} imported runs of {quote(row.model)} by {quote(row.provider)}"
        return Problem("AUD004", name, message, span=where, fix="keep one run of each model in the root")
    if row.provider not in by_provider:
        near = nearest(row.provider, by_provider)
        fix = f"write {quote(near)}" if near else "import the provider's raw results first"
        return Problem("AUD004", name, f"no imported run of {quote(row.provider)}", span=where, fix=fix)
    message = f"no imported run of {quote(row.model)} ({visible(row.model_size)}) by {quote(row.provider)}"
    return Problem("AUD004", name, message, span=where, fix="import that run first")
