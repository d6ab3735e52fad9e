"""The commands that a forge runs around the others: what to measure, and how it comes into the repository."""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    as_json_too,
    board_rows,
    complain,
    find_root,
    in_root,
    load,
    now,
    stop_at,
)

if TYPE_CHECKING:
    from fairlead.repository import Repository
    from fairlead.upkeep import Reminder


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


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if the file is not that.")
@in_root
def codeowners(only_check: bool, root_option: Path | None) -> None:
    """Write .github/CODEOWNERS from the members who are seated today."""
    from fairlead import upkeep

    root = find_root(root_option)
    path = root / ".github" / "CODEOWNERS"
    text = upkeep.codeowners(load(root).members, now().date())
    is_same = path.is_file() and path.read_text("utf-8") == text
    if only_check and not is_same:
        complain(f"{path} is not what the members' files give", "run `fairlead codeowners`")
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    if not only_check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        click.echo(path)


@click.command()
@click.option(
    "--links", "with_links", is_flag=True, help="Also ask, over the network, for all that the files point to."
)
@as_json_too
@in_root
def review(with_links: bool, as_json: bool, root_option: Path | None) -> None:
    """List what needs somebody's eye: stale rows, old prices, ending terms, interests to state again.

    With --links also each source, link, piece of evidence and website that is gone, with the line that names
    it. Every address is asked for without a key, one at a time a host.
    """
    import dataclasses
    import json

    from fairlead import history, upkeep
    from fairlead.ranking import methodology_of

    root, moment = find_root(root_option), now()
    repository = load(root)
    board = board_rows(repository, moment)
    rows = [
        (row.id, row.last_unix_ns, methodology_of(repository.methodologies, row.family.methodology).ranking)
        for row in board
        if row.family.methodology is not None
    ]
    trail = history.open_trail(root, None, ("providers", "methodology/governance"))
    changed = trail.last_changed() if trail is not None else {}
    found = upkeep.reminders(
        repository,
        rows=rows,
        last_changed=changed,
        now=moment,
        unfrozen=_unfrozen(root, [row.first_unix_ns for row in board if row.origin == "neutral"], moment),
    )
    if with_links:
        found = sorted(found + _dead_links(repository))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(reminder) for reminder in found], indent=2))
        return
    for reminder in found:
        click.echo(f"{reminder.kind:<10} {reminder.path}: {reminder.sentence}")
    if not found:
        click.echo("nothing needs an eye")


def _unfrozen(root: Path, begun_unix_ns: Sequence[int], moment: dt.datetime) -> str | None:
    """The last quarter that is over, where neutral rows began in it or before, and it has no snapshot."""
    from fairlead import snapshots

    quarter = snapshots.last_quarter(moment)
    end = snapshots.quarter_end(quarter)
    is_begun = end is not None and min(begun_unix_ns, default=math.inf) < end.timestamp() * 1e9
    return quarter if is_begun and quarter not in snapshots.load_snapshots(root)[0] else None


def _dead_links(repository: Repository) -> list[Reminder]:
    from fairlead import links

    pointed = links.links_of(repository)
    return links.link_reminders(pointed, links.find_dead(link.url for link in pointed))
