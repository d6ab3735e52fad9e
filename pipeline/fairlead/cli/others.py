"""The commands for other tools: import their results, audit published figures, export tables to them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    Commands,
    as_json_too,
    board_rows,
    complain,
    find_root,
    in_root,
    load,
    now,
)

if TYPE_CHECKING:
    from fairlead.imports.submissions import ImportReport
    from fairlead.repository import Repository


@click.group("import", cls=Commands)
def import_() -> None:
    """Turn other tools' results into submissions, marked as such and never ranked."""


# A tool by its name in the command, and what SOURCE is. They are those of fairlead.imports.tools.
_SOURCES = {
    "vllm": "Import what vLLM measured: the file of `vllm bench serve --save-result --save-detailed`.",
    "guidellm": "Import what GuideLLM measured: its report as JSON, such as benchmarks.json.",
    "aiperf": "Import what AIPerf measured: its folder, with profile_export.jsonl and its summary.",
    "inference-perf": "Import what inference-perf measured: its folder, with the record of single requests.",
}
_source = click.argument("source", type=click.Path(path_type=Path, exists=True))
_endpoint = click.option(
    "--endpoint", metavar="PROVIDER/ENDPOINT", help="What was measured, by its ids in the root."
)
_model = click.option("--model", metavar="ID", help="The model that was measured, by its id in the root.")


@import_.command("llmperf")
@_source
@_endpoint
@_model
@in_root
def import_llmperf_(source: Path, endpoint: str | None, model: str | None, root_option: Path | None) -> None:
    """Import LLMPerf's results: SOURCE holds individual/ and summary/ of the leaderboard of 2023.

    With --endpoint and --model: one run's folder, with the two files that LLMPerf writes. Without them --root
    is needed, and made where it is not there.
    """
    if endpoint is not None or model is not None:
        _import("llmperf", source, endpoint, model, root_option)
        return
    if root_option is None or not source.is_dir():
        raise click.UsageError("the leaderboard of 2023 is a folder, and --root names where it goes")
    from fairlead.imports.llmperf import import_llmperf

    _end(import_llmperf(source, root_option, now().date()))


def _import_command(name: str, what: str) -> click.Command:
    @click.command(name, help=what)
    @_source
    @_endpoint
    @_model
    @in_root
    def command(source: Path, endpoint: str | None, model: str | None, root_option: Path | None) -> None:
        _import(name, source, endpoint, model, root_option)

    return command


for _name, _what in _SOURCES.items():
    import_.add_command(_import_command(_name, _what))


@import_.command("mlperf-endpoints")
@_source
@_endpoint
@_model
@click.option(
    "--began",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]),
    required=True,
    help="When the run began, in UTC: no file of the tool says it.",
)
@in_root
def import_mlperf_endpoints(
    source: Path, endpoint: str | None, model: str | None, began: dt.datetime, root_option: Path | None
) -> None:
    """Import what MLPerf Endpoints measured: its report folder, with events.jsonl."""
    _import("mlperf-endpoints", source, endpoint, model, root_option, began.replace(tzinfo=dt.UTC))


def _import(
    name: str,
    source: Path,
    endpoint: str | None,
    model: str | None,
    root: Path | None,
    began: dt.datetime | None = None,
) -> None:
    from fairlead.imports.submissions import Target, import_results
    from fairlead.imports.tools import TOOLS

    provider, _, rest = (endpoint or "").partition("/")
    if not (provider and rest and model):
        raise click.UsageError("name what was measured: --endpoint PROVIDER/ENDPOINT --model ID")
    target = Target(provider, rest, model)
    _end(import_results(TOOLS[name], source, find_root(root), target, now().date(), began))


def _end(outcome: ImportReport) -> None:
    click.echo(outcome.render_text(), nl=False)
    if outcome.problems:
        raise click.exceptions.Exit(EXIT_PROBLEMS)


@click.command()
@click.argument("published", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--record", "of_record", is_flag=True, help="Say which runs and differences the raw data bears."
)
@as_json_too
@in_root
def audit(published: Path, of_record: bool, as_json: bool, root_option: Path | None) -> None:
    """Recompute PUBLISHED figures (CSV) from the raw requests in the root; exit 1 if any differs."""
    import json

    from fairlead import audit as auditing
    from fairlead import documents

    repository = load(find_root(root_option))
    try:
        table = documents.read_bounded(published, 1 << 20)
    except documents.Unreadable as error:
        raise click.UsageError(f"{published}: {error.message}") from None
    if of_record:
        _record(repository, table, str(published), as_json=as_json)
        return
    result = auditing.audit_published(table, repository, str(published))
    if as_json:
        click.echo(json.dumps(auditing.report_json(result), indent=2))
    else:
        click.echo(auditing.render_text(result), nl=False)
    if result.problems or result.differences:
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _record(repository: Repository, table: bytes, name: str, *, as_json: bool) -> None:
    """Print what the imported runs can bear; the end with their problems where some were left out."""
    from fairlead import audit as auditing
    from fairlead.problems import render_text
    from fairlead.ranking import methodology_of

    if not repository.methodologies:
        raise click.UsageError(f"{repository.root} holds no methodology version")
    rows = board_rows(repository, now())
    methodology = methodology_of(repository.methodologies, None)
    record, problems = auditing.make_record(repository, rows, methodology, table, name)
    said = auditing.write_record(record).decode() if as_json else auditing.render_record(record)
    click.echo(said, nl=False)
    if problems:
        click.echo(render_text(problems), nl=False, err=True)
        raise click.exceptions.Exit(EXIT_PROBLEMS)


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Parquet says of each column what it is; CSV opens everywhere.",
)
@click.option("--model", help="Only this model.")
@in_root
def export(out: Path, form: str, model: str | None, root_option: Path | None) -> None:
    """Write the board's flat tables into the folder OUT: figures, windows, and requests by submission.

    They are those of the site's API, with the same columns. In Python fairlead.load(root) gives them as
    frames.
    """
    from fairlead.frames import Board, BoardError, write_tables
    from fairlead.history import commit_id
    from fairlead.publish.edition import Edition

    if out.is_dir() and any(out.iterdir()):
        raise click.UsageError(f"{out} holds other things: name a new or an empty folder")
    root, moment = find_root(root_option), now()
    repository = load(root)
    rows = board_rows(repository, moment)
    known = sorted({row.family.model for row in rows})
    if model is not None and model not in known:
        raise click.UsageError(f"no row of the model {model!r}; there are {', '.join(known) or 'none'}")
    chosen = tuple(row for row in rows if model is None or row.family.model == model)
    board = Board(Edition(repository, chosen, moment, commit_id(root), {}))
    try:
        for path, lines in write_tables(board, out, form):
            click.echo(f"{path}: {lines:,} lines")
    except BoardError as error:
        complain(str(error), "let the root be while it is exported, then do the same again")
        raise click.exceptions.Exit(EXIT_PROBLEMS) from None
