"""LLMPerf's results as imported submissions. Knows no metric and no rank, and judges no provider.

Only what is written in the results is carried over: each request keeps its own text byte for byte in
``original``, a failed request keeps its class and has null durations whatever the record says, and what
the record is silent about is null.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fairlead import scaffold
from fairlead.imports.llmperf.files import (
    endpoint_ids,
    provider_text,
    statements,
    submission_files,
    submission_id,
)
from fairlead.imports.llmperf.runs import MODELS, Run, read_runs
from fairlead.problems import Problem, quote
from fairlead.problems import render_text as render_problems
from fairlead.repository import Repository, load_repository
from fairlead.windows import Outcome


@dataclasses.dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. ``statements`` are what a reader must know about the runs before comparing.

    ``written`` and ``unchanged`` are paths relative to the root; ``failures`` counts requests by class.
    """

    providers: tuple[str, ...]
    runs: int
    requests: int
    failures: Mapping[str, int]
    statements: tuple[str, ...]
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    problems: tuple[Problem, ...]

    def render_text(self) -> str:
        """The report for people: what came in, what to know about it, and what is wrong."""
        failed = sum(self.failures.values())
        classes = ", ".join(f"{count} {name}" for name, count in self.failures.items())
        lines = [
            f"{self.runs} runs of {len(self.providers)} providers imported: {self.requests:,} requests, "
            f"{failed} of them failed{f' ({classes})' if classes else ''}",
            f"{len(self.written)} files written, {len(self.unchanged)} were there already",
            *(f"note: {statement}" for statement in self.statements),
        ]
        text = "\n".join(lines) + "\n"
        return text + ("\n" + render_problems(self.problems) if self.problems else "")


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
    failures = collections.Counter(
        str(request.outcome)
        for run in imported
        for request in run.requests
        if request.outcome is not Outcome.OK
    )
    return ImportReport(
        providers=tuple(sorted({run.provider for run in imported})),
        runs=len(imported),
        requests=sum(len(run.requests) for run in imported),
        failures=dict(sorted(failures.items())),
        statements=tuple(statements(imported)),
        written=made.written + tuple(path for _, added in landed for path in added.written),
        unchanged=tuple(path for _, added in landed for path in added.unchanged),
        problems=tuple(problems),
    )


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
        files = submission_files(own, runs, earlier.submitted if earlier else today)
        if provider not in repository.providers:
            files[f"providers/{provider}.yaml"] = provider_text(own)
        added = scaffold.add_files(root, files)
        problems += added.problems
        yield own, added


def _missing_in_root(provider: str, runs: Sequence[Run], repository: Repository) -> Problem | None:
    """What the root would have to say first for these runs to fit in."""
    for run in runs:
        if run.model not in repository.models:
            fix = f"add the model to the file, as in {json.dumps(MODELS[run.size])}"
            message = f"no model {quote(run.model)}, which {quote(provider)} was measured with"
            return Problem("IMP006", "methodology/models.yaml", message, fix=fix)
    entry = repository.providers.get(provider)
    if entry is None:
        return None
    served = {(endpoint.id, model.model) for endpoint in entry.endpoints for model in endpoint.models}
    endpoints = endpoint_ids(runs)
    for run in runs:
        if (endpoints[run.address], run.model) not in served:
            message = f"no endpoint {quote(endpoints[run.address])} that serves {quote(run.model)}"
            fix = "list it, with `null` for what the LLMPerf record does not say"
            return Problem("IMP006", f"providers/{provider}.yaml", message, "/endpoints", fix=fix)
    return None
