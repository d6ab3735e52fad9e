"""LLMPerf's results as imported submissions. Knows no metric and no rank, and judges no provider.

Only what is written in the results is carried over: each request keeps its own text byte for byte in
``original``, a failed request keeps its class and has null durations whatever the record says, and what
the record is silent about is null.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairlead import scaffold
from fairlead.imports.llmperf.files import (
    provider_files,
    provider_text,
    statements,
    submission_id,
    targets,
)
from fairlead.imports.llmperf.runs import MODELS, Run, read_runs
from fairlead.imports.submissions import ImportReport, Target, missing_in_root, report
from fairlead.problems import Problem
from fairlead.repository import MODELS_PATH, Repository, load_repository


def import_llmperf(source: Path, root: Path, today: dt.date) -> ImportReport:
    """Turn a folder of LLMPerf results into providers and submissions of a root.

    The root is made where it is missing. Importing again gives the same bytes; a file that is there
    and differs is a problem and is left as it is.

    Args:
        source: the folder that holds individual/ and summary/.
        root: the root to import into.
        today: the day of the import, stated in the submissions.
    """
    problems: list[Problem] = []
    runs = read_runs(source, problems)
    landed: list[tuple[Sequence[Run], scaffold.Added]] = []
    made = scaffold.Added((), (), ())
    if runs:
        made = scaffold.create_root(root)
        problems += made.problems
        if not made.problems:
            landed = list(_land_all(runs, root, today, problems))
    imported = [run for group, added in landed if not added.problems for run in group]
    pairs = [(Target(run.provider, "", run.model), run.measured) for run in imported]
    return report(pairs, [made, *(added for _, added in landed)], list(statements(imported)), problems)


def _land_all(
    runs: Sequence[Run], root: Path, today: dt.date, problems: list[Problem]
) -> Iterator[tuple[Sequence[Run], scaffold.Added]]:
    """Write provider by provider; each is written whole or not at all."""
    repository, _ = load_repository(root)
    by_provider: dict[str, list[Run]] = {}
    for run in runs:
        by_provider.setdefault(run.provider, []).append(run)
    for provider, own in by_provider.items():
        missing = _missing_in_root(provider, own, repository)
        if missing:
            problems.append(missing)
            continue
        earlier = repository.submissions.get(submission_id(own))
        files = provider_files(own, runs, earlier.submitted if earlier else today)
        if provider not in repository.providers:
            files[f"providers/{provider}.yaml"] = provider_text(own)
        added = scaffold.add_files(root, files)
        problems += added.problems
        yield own, added


def _missing_in_root(provider: str, runs: Sequence[Run], repository: Repository) -> Problem | None:
    """What the root would have to say first for these runs to fit in; their provider is made with them."""
    for run, target in zip(runs, targets(runs), strict=True):
        found = missing_in_root(
            repository, target, "list it, with `null` for what the LLMPerf record does not say"
        )
        if found is not None and found.path == MODELS_PATH:
            return dataclasses.replace(
                found, fix=f"add the model to the file, as in {json.dumps(MODELS[run.size])}"
            )
        if found is not None and provider in repository.providers:
            return found
    return None
