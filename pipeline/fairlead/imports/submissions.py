"""Runs of another tool, written into a root as one imported submission. Knows no tool's keys.

Whoever imports says which provider, endpoint and model of the root the files are of; a tool's own names are
never guessed from. Importing the same files again gives the same bytes, and nothing is ever overwritten.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import fnmatch
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fairlead import scaffold
from fairlead.clock import moment_of, unix_ns_of
from fairlead.documents import Json, problem_of
from fairlead.imports.runs import NO_SCHEDULE, LeftOut, Run, Tool, missing_file, scenario_name
from fairlead.imports.source import SourceError, SourceFile, open_source
from fairlead.model import window_file_name
from fairlead.problems import Problem, quote
from fairlead.problems import render_text as render_problems
from fairlead.repository import Repository, canonical_text, load_repository
from fairlead.windows import Calibration, Header, Outcome, WindowClock, digest, encode_window
from fairlead.windows import Tool as ToolLine

NOTES_CHARACTERS = 4_000  # what a submission's notes may hold
NO_VERSION = "not-recorded"
_MAX_FILES = 1_000


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What was measured, by the root's own ids."""

    provider: str
    endpoint: str
    model: str


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
        runs, providers = _several(self.runs, "run"), _several(len(self.providers), "provider")
        lines = [
            f"{runs} of {providers} imported: {self.requests:,} requests, "
            f"{failed} of them failed{f' ({classes})' if classes else ''}",
            f"{len(self.written)} files written, {len(self.unchanged)} were there already",
            *(f"note: {statement}" for statement in self.statements),
        ]
        text = "\n".join(lines) + "\n"
        return text + ("\n" + render_problems(self.problems) if self.problems else "")


def _several(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def failed(*problems: Problem) -> ImportReport:
    """The report of an import that wrote nothing."""
    return ImportReport((), 0, 0, {}, (), (), (), problems)


def report(
    imported: Sequence[tuple[Target, Run]],
    added: Sequence[scaffold.Added],
    statements: Sequence[str],
    problems: Sequence[Problem],
) -> ImportReport:
    """What was done with these runs."""
    failures = collections.Counter(
        str(request.outcome)
        for _, run in imported
        for request in run.requests
        if request.outcome is not Outcome.OK
    )
    return ImportReport(
        providers=tuple(sorted({target.provider for target, _ in imported})),
        runs=len(imported),
        requests=sum(len(run.requests) for _, run in imported),
        failures=dict(sorted(failures.items())),
        statements=tuple(statements),
        written=tuple(path for one in added for path in one.written),
        unchanged=tuple(path for one in added for path in one.unchanged),
        problems=tuple(problems),
    )


# -- from a tool's files to a root ---------------------------------------------------------------


def import_results(
    tool: Tool,
    source: Path,
    root: Path,
    target: Target,
    today: dt.date,
    began: dt.datetime | None = None,
) -> ImportReport:
    """Turn a tool's result files into one submission of a root, whole or not at all.

    Args:
        tool: whose files they are.
        source: the file, or the folder that the tool wrote.
        root: a root that describes the provider, its endpoint and the model.
        target: what was measured.
        today: the day of the import, stated in the submission.
        began: when the run began, for a tool whose files do not say.
    """
    try:
        runs = _dated(tool, tool.read(gather(tool, source)), began)
    except SourceError as error:
        return failed(*error.problems)
    repository, _ = load_repository(root)
    problems = list(_misfits(repository, target, runs))
    if problems:
        return failed(*problems)
    sources = {name: sha256 for run in runs for name, sha256 in run.sources.items()}
    folder = _folder(tool, target, runs, sources)
    earlier = repository.submissions.get(folder)
    submitted = earlier.submitted if earlier else today
    pairs = [(target, run) for run in runs]
    notes = _notes(tool, runs, sources)
    try:
        files = submission_files(folder, tool.name, tool.title, pairs, notes, submitted)
    except SourceError as error:
        return failed(*error.problems)
    added = scaffold.add_files(root, files)
    landed = [] if added.problems else pairs
    remarks = [remark for _, run in landed for remark in run.remarks]
    return report(landed, [added], list(dict.fromkeys(remarks)), added.problems)


def _dated(tool: Tool, runs: Sequence[Run], began: dt.datetime | None) -> Sequence[Run]:
    """The runs with their start, which whoever imports says where the tool's files do not.

    Raises:
        SourceError: nobody says it.
    """
    if tool.is_dated:
        return runs
    if began is None:
        message = f"no file of {tool.title} says when the run was"
        fix = "say it: --began, with a moment such as 2026-03-04T05:06:07Z"
        raise missing_file(next(iter(runs[0].sources)), message, fix)
    remark = (
        f"No file of {tool.title} says when the run was: a window's start is what whoever imported it said."
    )
    start_ns = unix_ns_of(began)
    return [dataclasses.replace(run, start_unix_ns=start_ns, remarks=(*run.remarks, remark)) for run in runs]


def gather(tool: Tool, source: Path) -> dict[str, list[SourceFile]]:
    """The tool's files by pattern, in the order of their names.

    Raises:
        SourceError: one that is needed is not there, or one cannot be read.
    """
    if not source.is_dir():
        if len(tool.files) > 1:
            needed = " and ".join(quote(name) for name in tool.files)
            fix = f"name the folder that {tool.title} wrote, which holds {needed}"
            raise missing_file(source.name, "one file of several that belong together", fix)
        return {tool.files[0]: [open_source(source.parent, source.name)]}
    folders = {pattern.rpartition("/")[0] for pattern in tool.files}
    names = [name for folder in sorted(folders) for name in _names(source, folder)]
    found: dict[str, list[SourceFile]] = {}
    for pattern in tool.files:
        matched = fnmatch.filter(names, pattern)
        if not matched:
            fix = f"name the folder as {tool.title} wrote it, with every file"
            raise missing_file(source.name, f"no file {quote(pattern)} in this folder", fix)
        if len(matched) > _MAX_FILES:
            message = f"{len(matched):,} files {quote(pattern)}, more than {_MAX_FILES:,}"
            raise missing_file(source.name, message, "import them in several parts")
        found[pattern] = [open_source(source, name) for name in matched]
    return found


def _names(source: Path, folder: str) -> list[str]:
    """What lies in the source, or in a folder of it, by its way from the source; nothing behind a link."""
    place = source / folder
    if folder and (place.is_symlink() or not place.is_dir()):
        return []
    try:
        return sorted(path.relative_to(source).as_posix() for path in place.iterdir())
    except OSError as error:
        fix = "name a folder that you may read"
        raise missing_file(source.name, f"cannot be listed: {error.strerror}", fix) from None


def _misfits(repository: Repository, target: Target, runs: Sequence[Run]) -> Iterator[Problem]:
    """What the root does not describe, or describes under another name."""
    missing = missing_in_root(repository, target, "list it first; `null` stands for what is not known")
    if missing is not None:
        yield missing
        return
    endpoint = next(
        one for one in repository.providers[target.provider].endpoints if one.id == target.endpoint
    )
    served = next(one.api_model for one in endpoint.models if one.model == target.model)
    for run in runs:
        if run.api_model is not None and run.api_model != served:
            message = f"the tool asked for {quote(run.api_model)}, the endpoint serves it as {quote(served)}"
            fix = "name the endpoint and the model that were measured"
            yield problem_of(next(iter(run.sources)), "IMP004", message, fix=fix)
            return


def missing_in_root(repository: Repository, target: Target, fix: str) -> Problem | None:
    """The first of provider, model and endpoint that the root does not describe, or None."""
    if target.model not in repository.models:
        message = f"no model {quote(target.model)}, which {quote(target.provider)} was measured with"
        return Problem("IMP006", "methodology/models.yaml", message, fix=fix)
    entry = repository.providers.get(target.provider)
    path = f"providers/{target.provider}.yaml"
    if entry is None:
        return Problem("IMP006", path, f"no provider {quote(target.provider)}", fix=fix)
    served = {(endpoint.id, model.model) for endpoint in entry.endpoints for model in endpoint.models}
    if (target.endpoint, target.model) not in served:
        message = f"no endpoint {quote(target.endpoint)} that serves {quote(target.model)}"
        return Problem("IMP006", path, message, "/endpoints", fix=fix)
    return None


def _folder(tool: Tool, target: Target, runs: Sequence[Run], sources: Mapping[str, str]) -> str:
    """The submission's folder: dated by its earliest run, and told from others by what it was read from."""
    day = moment_of(min(run.start_unix_ns for run in runs))
    said = "\n".join([target.endpoint, target.model, *sorted(sources.values())])
    return f"{target.provider}/{day:%Y-%m-%d}-{tool.name}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def _notes(tool: Tool, runs: Sequence[Run], sources: Mapping[str, str]) -> str:
    """The submission's notes: what it is, what is left out and why, what each file is."""
    versions = sorted({run.version or "" for run in runs})
    version = ", ".join(filter(None, versions)) or "in a version that its files do not name"
    without = [f"{line.metric}: {line.reason}." for line in tool.lines if isinstance(line, LeftOut)]
    is_open = any(run.load.kind == "open" and all(one.e2e_ns is None for one in run.requests) for run in runs)
    lines = [
        f"Imported from the result files of {tool.title} ({version}). Measured neither by this board nor on "
        "a registered plan, without stamps and without calibration; never ranked. The site's page on imports "
        "says from which field and by which formula each figure was made.",
        "A failed request has no duration here, whatever the record holds; its text is kept in `original`.",
        *(["Left out. " + " ".join(without)] if without else []),
        *([f"No latency of the open loop: {NO_SCHEDULE}."] if is_open else []),
        *dict.fromkeys(remark for run in runs for remark in run.remarks),
        *(f"{name} sha256 {sha256}" for name, sha256 in sources.items()),
    ]
    return cut_notes(lines)


def cut_notes(lines: Sequence[str]) -> str:
    """Notes of at most what a submission may hold."""
    text = "\n".join(lines)
    return text if len(text) <= NOTES_CHARACTERS else text[: NOTES_CHARACTERS - 1] + "…"


# -- the files -----------------------------------------------------------------------------------


def submission_files(
    folder: str,
    tool: str,
    title: str,
    runs: Sequence[tuple[Target, Run]],
    notes: str,
    submitted: dt.date,
    scenarios: Sequence[str] | None = None,
) -> dict[str, bytes]:
    """A submission of imported runs: manifest, history and a raw window a run, by path in the root.

    Args:
        folder: the submission's, below submissions/.
        tool: the tool's name in the windows' headers.
        title: whose results they are.
        runs: of one provider.
        notes: what a reader must know.
        submitted: the day of the import.
        scenarios: the name of each run's load, where it is not told by the load alone.

    Raises:
        SourceError: two runs cannot be told apart by model, load and second.
    """
    windows: dict[str, bytes] = {}
    for place, (target, run) in enumerate(runs):
        scenario = scenarios[place] if scenarios else scenario_name(tool, run.load)
        name = "windows/" + window_file_name(run.start_unix_ns, target.model, scenario, "subject")
        if name in windows:
            message = "two runs at the same load begin in the same second"
            raise missing_file(next(iter(run.sources)), message, "import one of them by itself")
        windows[name] = encode_window(_header(tool, target, run), run.requests)
    manifest: dict[str, Json] = {
        "schema_version": 1,
        "title": f"{title}: raw results, imported",
        "origin": "imported",
        "submitted": submitted.isoformat(),
        "by": None,
        "registration_sha256": None,
        "disclosures": dict.fromkeys(
            ("accelerator", "accelerator_count", "precision", "region", "prompt_cache", "capacity")
        ),
        "claims": [],
        "windows": [
            {"file": name, "sha256": digest(data), "bytes": len(data)}
            for name, data in sorted(windows.items())
        ],
        "calibrations": [],
        "corrects": None,
        "notes": notes,
    }
    event: Json = {
        "kind": "submitted",
        "at": f"{submitted}T00:00:00Z",
        "by": None,
        "reason": f"Imported on this day from {title}'s raw results; not by the provider.",
        "link": None,
        "dispute": None,
        "approvals": [],
        "superseded_by": None,
        "case": None,
    }
    files = {
        "submission.yaml": canonical_text("submission", manifest).encode(),
        "history.yaml": canonical_text("history", {"schema_version": 1, "events": [event]}).encode(),
        **windows,
    }
    return {f"submissions/{folder}/{name}": data for name, data in files.items()}


def _header(tool: str, target: Target, run: Run) -> Header:
    return Header(
        kind="window",
        schema_version=1,
        origin="imported",
        tool=ToolLine(name=tool, version=run.version or NO_VERSION, commit=None, source_sha256=None),
        provider=target.provider,
        endpoint=target.endpoint,
        model=target.model,
        api_model=run.api_model,
        dialect=run.dialect,
        http="1.1",
        address=None,
        vantage=None,
        round=None,
        role="subject",
        registration_sha256=None,
        seed=None,
        plan_index=None,
        methodology=None,
        workload=None,
        tokenizer_sha256=None,
        load=run.load,
        clock=WindowClock(
            start_unix_ns=run.start_unix_ns,
            basis=run.basis,
            origin_mono_ns=None,
            duration_ns=None,
            max_step_ns=None,
        ),
        machine=None,
        stamps="durations",
        calibration=Calibration(before=None, after=None),
    )
