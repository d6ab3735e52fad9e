"""The commands that turn a root into a leaderboard and a site."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.common import (
    EXIT_ENVIRONMENT,
    as_json_too,
    complain,
    find_root,
    in_root,
    load,
    now,
    stop_at,
)

if TYPE_CHECKING:
    from fairlead.repository import Repository


@click.command()
@click.option("--model", help="Only this model.")
@as_json_too
@in_root
def rank(model: str | None, as_json: bool, root_option: Path | None) -> None:
    """Print the leaderboard: rank ranges of neutral rows, and every other row with its reason."""
    from fairlead import report

    repository = load(find_root(root_option))
    moment = now()
    rows = _rows(repository, moment)
    if model is not None:
        rows = [row for row in rows if row.family.model == model]
    click.echo(report.rank_json(rows, moment) if as_json else report.rank_text(rows), nl=False)


def _rows(repository: Repository, moment: dt.datetime) -> Sequence[Any]:
    from fairlead.evidence import load_evidence
    from fairlead.ranking import build_rows

    evidence, problems = load_evidence(repository)
    stop_at(problems)
    return build_rows(
        evidence,
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(moment.timestamp()) * 1_000_000_000,
    )


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("build/site"), show_default=True
)
@in_root
def build(out: Path, root_option: Path | None) -> None:
    """Build the static site."""
    _build(find_root(root_option), out)


def _build(root: Path, out: Path) -> None:
    from fairlead.publish import SiteError, build_site

    repository, moment = load(root), _build_time(root)
    try:
        outcome = build_site(repository, _rows(repository, moment), out=out, now=moment, commit=_commit(root))
    except SiteError as error:
        complain(str(error))
        raise click.exceptions.Exit(EXIT_ENVIRONMENT) from None
    stop_at(outcome.problems)
    click.echo(f"{outcome.pages} pages in {out}")


def _build_time(root: Path) -> dt.datetime:
    from fairlead import history

    if "SOURCE_DATE_EPOCH" in os.environ:
        return now()
    return history.commit_time(root) or now()


def _commit(root: Path) -> str | None:
    from fairlead import history

    return history.commit_id(root)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@in_root
def serve(port: int, root_option: Path | None) -> None:
    """Build the site and serve it on loopback."""
    import tempfile

    from fairlead.publish import serve_site

    with tempfile.TemporaryDirectory() as folder:
        _build(find_root(root_option), Path(folder))
        serve_site(
            Path(folder),
            port=port,
            ready=lambda address: click.echo(f"serving on {address} (ctrl-C stops it)"),
        )
