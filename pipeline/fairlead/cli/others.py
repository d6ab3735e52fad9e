"""The commands for other tools' results: import them, and hold published figures against them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    Commands,
    as_json_too,
    board_rows,
    find_root,
    in_root,
    load,
    now,
)

if TYPE_CHECKING:
    from fairlead.repository import Repository


@click.group("import", cls=Commands)
def import_() -> None:
    """Turn other tools' results into submissions, marked as such and never ranked."""


@import_.command("llmperf")
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), required=True, help="Made if it is not there."
)
def import_llmperf_(source: Path, root: Path) -> None:
    """Import LLMPerf's results: SOURCE holds individual/ and summary/."""
    from fairlead.imports.llmperf import import_llmperf

    outcome = import_llmperf(source, root, now().date())
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
