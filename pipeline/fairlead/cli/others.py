"""The commands for other tools' results: import them, and hold published figures against them."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    Commands,
    as_json_too,
    find_root,
    in_root,
    load,
    now,
)


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
@as_json_too
@in_root
def audit(published: Path, as_json: bool, root_option: Path | None) -> None:
    """Recompute PUBLISHED figures (CSV) from the raw requests in the root; exit 1 if any differs."""
    import json

    from fairlead import audit as auditing
    from fairlead import documents

    repository = load(find_root(root_option))
    try:
        table = documents.read_bounded(published, 1 << 20)
    except documents.Unreadable as error:
        raise click.UsageError(f"{published}: {error.message}") from None
    result = auditing.audit_published(table, repository, str(published))
    if as_json:
        click.echo(json.dumps(auditing.report_json(result), indent=2))
    else:
        click.echo(auditing.render_text(result), nl=False)
    if result.problems or result.differences:
        raise click.exceptions.Exit(EXIT_PROBLEMS)
