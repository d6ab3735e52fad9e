"""The commands that a forge runs around the others: what to measure, and how it comes into the repository."""

from __future__ import annotations

import os
from pathlib import Path

import click

from fairlead.cli.common import as_json_too, find_root, in_root, load, now, stop_at


@click.command()
@click.option("--github", "as_github", is_flag=True, help="Print `rounds=[…]`, as a workflow's output.")
@as_json_too
@in_root
def rounds(as_github: bool, as_json: bool, root_option: Path | None) -> None:
    """List what the board measures around the clock: each model and each place it is measured from."""
    import json

    from fairlead import campaign

    found = campaign.neutral_rounds(load(find_root(root_option)))
    if as_json or as_github:
        data = json.dumps([{"model": model, "vantage": vantage} for model, vantage in found])
        click.echo(f"rounds={data}" if as_github else data)
    elif found:
        for model, vantage in found:
            click.echo(f"{model} from {vantage}")
    else:
        click.echo(
            "nothing: no provider with a recorded permission serves a model, or no vantage has a region",
            err=True,
        )


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--message", required=True, help="What was done, as in `Measure neutral rounds`.")
@click.option("--remote", default="origin", show_default=True)
@click.option("--branch", default="main", show_default=True)
@in_root
def land(paths: tuple[Path, ...], message: str, remote: str, branch: str, root_option: Path | None) -> None:
    """Check what was added below PATHS, commit it and push it. What does not check out stays where it is."""
    from fairlead import checks, history

    root = find_root(root_option)
    stop_at(checks.run_checks(root, base="HEAD", now=now()))
    below = [os.path.relpath(path, root) for path in paths]
    commit = history.land(root, below, message, remote=remote, branch=branch, tries=5)
    click.echo(f"{branch} is at {commit}" if commit else "nothing to land")
