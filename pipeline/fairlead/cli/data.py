"""The commands that read a root's files: check and format."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.common import (
    EXIT_ENVIRONMENT,
    EXIT_PROBLEMS,
    as_json_too,
    fetched_files,
    find_root,
    github_account,
    in_root,
    now,
    tokenizer_errors,
    tokenizer_files,
    tokenizer_shelf,
)

if TYPE_CHECKING:
    from fairlead.checks.context import Recount


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--base", metavar="REF", help="Also prove against this git revision that nothing frozen changed."
)
@click.option(
    "--recount", is_flag=True, help="Also count every answer again, with the tokenizers that are at hand."
)
@click.option(
    "--deep",
    is_flag=True,
    help="Also fetch every archived raw file, compare its digest, check it, and keep it on this machine.",
)
@click.option(
    "--actor",
    metavar="LOGIN:ID",
    help="With --base: the account that opened the change, as the forge knows it.",
)
@tokenizer_files
@click.option("--github", "as_github", is_flag=True, help="Print annotations for GitHub Actions.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write what --json would print into FILE.",
)
@as_json_too
@in_root
def check(
    paths: tuple[Path, ...],
    base: str | None,
    recount: bool,
    deep: bool,
    actor: str | None,
    tokenizer_files: tuple[Path, ...],
    as_github: bool,
    report: Path | None,
    as_json: bool,
    root_option: Path | None,
) -> None:
    """Check every file: form, schema, references, raw data, and with --base what may never change.

    With PATHs only the problems of those files and folders are shown. --tokenizer implies --recount.
    Under git, results must also have been merged after their registration: into the base, else into the
    branch that is checked out. What is not committed is not merged.

    Without --deep nothing is fetched: of an archived raw file, its manifest is checked. With --deep and
    --base the stores are those that the base names.
    """
    from fairlead import checks, problems
    from fairlead.archive import fetch

    if actor is not None and base is None:
        raise click.UsageError("--actor opened a change: name what it starts from with --base REF")
    root = find_root(root_option)
    found = checks.run_checks(
        root,
        base=base,
        paths=[_below(root, path) for path in paths],
        now=now(),
        recount=_recounting(tokenizer_files) if recount or tokenizer_files else None,
        actor=github_account(actor) if actor is not None else None,
        fetched=fetched_files(),
        fetch=(lambda stores, files: fetch(stores, files, fetched_files())) if deep else None,
    )
    render = problems.render_text
    if as_json:
        render = problems.render_json
    elif as_github:
        render = problems.render_github
    click.echo(render(found), nl=not as_github)
    if report is not None:
        report.write_text(problems.render_json(found), "utf-8")
    if any(problem.code.startswith("BUG") for problem in found):
        raise click.exceptions.Exit(EXIT_ENVIRONMENT)
    if any(problem.severity is problems.Severity.ERROR for problem in found):
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _recounting(files: Sequence[Path]) -> Recount:
    """A tokenizer by its digest, loaded once."""
    from fairlead.tokens import find_tokenizer

    with tokenizer_errors():
        shelf = tokenizer_shelf(files)
    return functools.cache(lambda sha256: find_tokenizer(shelf, sha256))


def _below(root: Path, path: Path) -> str:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link out of the root
    try:
        return absolute.relative_to(root).as_posix()
    except ValueError:
        raise click.UsageError(f"{path} is not below the root {root}") from None


@click.command("format")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit 1 if a file is not canonical."
)
@as_json_too
@in_root
def format_(paths: tuple[Path, ...], only_check: bool, as_json: bool, root_option: Path | None) -> None:
    """Write every YAML file in its one canonical form. A comment is refused, never dropped."""
    from fairlead import problems
    from fairlead.repository import format_tree, unformatted

    root = find_root(root_option)
    changed, found = format_tree(root, [_below(root, path) for path in paths])
    for path, text in changed.items():
        if only_check:
            found.append(unformatted(path, (root / path).read_bytes(), text))
        else:
            (root / path).write_bytes(text.encode())
            if not as_json:
                click.echo(f"formatted: {path}")
    if as_json:
        click.echo(problems.render_json(found))
    elif found:
        click.echo(problems.render_text(found), nl=False)
    if found:
        raise click.exceptions.Exit(EXIT_PROBLEMS)
