"""The files that runs of LLMPerf become in a root. Knows no source file and touches no disk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from fairlead.documents import Json
from fairlead.imports.llmperf.runs import Run
from fairlead.imports.submissions import Target, cut_notes, submission_files
from fairlead.problems import quote
from fairlead.repository import canonical_text


def endpoint_ids(runs: Sequence[Run]) -> dict[str | None, str]:
    """An id for each address of a provider: `api`, or `api-<size>` where the sizes have their own."""
    sizes: dict[str | None, str] = {}
    for run in runs:
        sizes.setdefault(run.address, run.size)
    return {address: "api" if len(sizes) == 1 else f"api-{size}" for address, size in sizes.items()}


def provider_text(runs: Sequence[Run]) -> bytes:
    """providers/<id>.yaml from the runs of one provider: what the record says, and null for the rest."""
    endpoints: list[Json] = []
    for address, endpoint in endpoint_ids(runs).items():
        models: list[Json] = [_served_model(run) for run in runs if run.address == address]
        endpoints.append(
            {
                "id": endpoint,
                "base_url": address,
                "dialect": "not-recorded",
                "http": "1.1",
                "region": None,
                "models": models,
            }
        )
    data: dict[str, Json] = {
        "schema_version": 1,
        "name": runs[0].provider,
        "status": "historical",
        "organisation": None,
        "website": None,
        "contacts": [],
        "benchmark_permission": None,
        "endpoints": endpoints,
        "interests": [],
        "notes": (
            "Known from the LLMPerf leaderboard's raw results only; this board has not measured it. The name "
            "is the one in that record. What the record does not say is null."
        ),
    }
    return canonical_text("provider", data).encode()


def _served_model(run: Run) -> dict[str, Json]:
    return {
        "model": run.model,
        "api_model": run.api_model,
        "accelerator": None,
        "accelerator_count": None,
        "precision": None,
        "context_tokens": None,
        "prompt_cache": None,
        "prices": [],
    }


def submission_id(runs: Sequence[Run]) -> str:
    """The folder of a provider's submission under submissions/, dated by its earliest run."""
    first = min(run.written for run in runs)
    return f"{runs[0].provider}/{first:%Y-%m-%d}-llmperf-2023"


def targets(runs: Sequence[Run]) -> list[Target]:
    """What each run of a provider measured."""
    endpoints = endpoint_ids(runs)
    return [Target(run.provider, endpoints[run.address], run.model) for run in runs]


def provider_files(runs: Sequence[Run], everyone: Sequence[Run], submitted: dt.date) -> dict[str, bytes]:
    """The submission of one provider: manifest, history and a raw window a run, by path in the root.

    Args:
        runs: the provider's runs.
        everyone: the runs of all providers, for what the notes say about days.
        submitted: the day of the import.
    """
    return submission_files(
        submission_id(runs),
        "llmperf",
        "LLMPerf leaderboard",
        [(target, run.measured) for target, run in zip(targets(runs), runs, strict=True)],
        _notes(runs, everyone),
        submitted,
        scenarios=[run.scenario for run in runs],
    )


# -- what a reader must know ---------------------------------------------------------------------

_PREAMBLE = """\
Imported from the LLMPerf leaderboard's raw results. Measured neither by this board nor on a registered
plan, without stamps and without calibration; never ranked. The record does not say who ran it, from
where, on what machine, or under which time limits.
A window's start is the time at which LLMPerf wrote the run's summary, after its last request. When the
run began, and when each request was sent, was not recorded. Requests stand in the order of the file.
A failed request has no duration here, whatever the record holds; its own text is kept in `original`.
Tokens are LLMPerf's count. The record states no HTTP version; 1.1 is what the form has for that.
"""


def _notes(runs: Sequence[Run], everyone: Sequence[Run]) -> str:
    """The submission's notes: the preamble, each run's provenance, and what does not fit together."""
    lines = [_PREAMBLE.rstrip("\n")]
    for run in runs:
        sources = ", ".join(f"{name} sha256 {digest_}" for name, digest_ in run.digests.items())
        lines.append(
            f"{run.model}, asked for as {run.api_model}: {run.started} requests started, "
            f"{len(run.requests)} in the file, {run.failures} failed; summary written "
            f"{run.written:%Y-%m-%dT%H:%M:%SZ}; {sources}."
        )
    models = {run.model for run in runs}
    lines += [*_disagreements(runs), *_variants(runs), *_days_of_provider(runs)]
    lines += _days_of_models(run for run in everyone if run.model in models)
    return cut_notes(lines)


def statements(runs: Sequence[Run]) -> Iterator[str]:
    """What a reader must know about the runs before comparing them."""
    yield from _disagreements(runs)
    yield from _variants(runs)
    for provider in sorted({run.provider for run in runs}):
        yield from _days_of_provider([run for run in runs if run.provider == provider])
    yield from _days_of_models(runs)


def _disagreements(runs: Iterable[Run]) -> Iterator[str]:
    """Each count of a summary that its own requests contradict."""
    for run in runs:
        for said, found, what in (
            (run.started, len(run.requests), "requests started"),
            (run.succeeded, len(run.requests) - run.failures, "requests completed"),
            (run.failed, run.failures, "errors"),
        ):
            if said != found:
                yield f"{run.provider}, {run.model}: the summary says {said} {what}, the file holds {found}."


def _variants(runs: Iterable[Run]) -> Iterator[str]:
    """Each name of a model that does not say that it is the chat variant, as which it was published."""
    for run in runs:
        if "chat" not in run.api_model.lower():
            yield (
                f"{run.provider}, {run.model}: asked for as {quote(run.api_model)}, which does not say "
                "whether it is the chat variant."
            )


def _days_of_provider(runs: Sequence[Run]) -> Iterator[str]:
    days = sorted({run.written.date() for run in runs})
    if len(days) > 1:
        each = ", ".join(f"{run.model} {run.written:%Y-%m-%d}" for run in runs)
        yield f"{runs[0].provider}: its runs are of {len(days)} different days ({each})."


def _days_of_models(runs: Iterable[Run]) -> Iterator[str]:
    """Each model whose providers were measured on different days."""
    by_model: dict[str, dict[dt.date, list[str]]] = {}
    for run in runs:
        by_model.setdefault(run.model, {}).setdefault(run.written.date(), []).append(run.provider)
    for model, days in sorted(by_model.items()):
        if len(days) > 1:
            each = "; ".join(f"{day} {', '.join(sorted(names))}" for day, names in sorted(days.items()))
            told = (
                f"{model} was run on {len(days)} different days, so its runs were not measured side by side"
            )
            yield f"{told}: {each}."
