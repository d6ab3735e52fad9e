"""The command that moves old raw files into a store."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.common import EXIT_PROBLEMS, find_root, in_root, load, now, results_cache


@click.command()
@click.argument("store")
@click.option("--dry-run", is_flag=True, help="Only say what would move.")
@in_root
def archive(store: str, dry_run: bool, root_option: Path | None) -> None:
    """Move raw files that are old enough into STORE, each under its digest; their manifests stay.

    How old: `archive` in methodology/governance/rules.yaml. A file is removed from the tree only after the
    store gave its very bytes back. Stopped half way, nothing is lost; the same command goes on. Credentials
    come from the environment, by the store's own names for them. What moved is listed in
    submissions/archive.yaml: commit it together with the files that went.
    """
    from fairlead.archive import due, in_tree, move
    from fairlead.archive.store import Store
    from fairlead.problems import render_text
    from fairlead.repository import ARCHIVE_PATH

    address = _address(store)
    root = find_root(root_option)
    repository = load(root, results_cache(root, "documents"))
    if repository.rules is None:
        raise click.UsageError("this root has no methodology/governance/rules.yaml, which says what is old")
    manifests = due(repository, now())
    if not manifests:
        days = repository.rules.archive.after_days
        click.echo(f"nothing to move: no folder with raw files is older than {days:,} days")
        return
    if dry_run:
        for manifest in manifests:
            files = [raw for _, raw in in_tree(repository, manifest)]
            click.echo(f"{manifest.folder}: {len(files):,} files, {sum(raw.bytes for raw in files):,} bytes")
        return
    opened, problems = Store(address), []
    for manifest in manifests:
        outcome = move(repository, manifest, opened)
        if isinstance(outcome, list):
            problems += outcome
            continue
        before = f", {outcome.there_before:,} of them there before" if outcome.there_before else ""
        click.echo(f"{outcome.folder}: {outcome.files:,} files, {outcome.bytes:,} bytes{before}")
    if problems:
        click.echo(render_text(problems), nl=False, err=True)
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    click.echo(f"next: git add -A submissions; commit it alone ({ARCHIVE_PATH} and the files that went)")


def _address(store: str) -> str:
    """The store's address as it is written down; a path becomes one of a folder."""
    from fairlead.archive.store import ADDRESS

    address = store if "://" in store else Path(store).absolute().as_uri()
    address = address.rstrip("/")
    if ADDRESS.fullmatch(address) is None:
        raise click.UsageError(
            f"{store!r} is no address such as s3://bucket/board or a folder; it holds no user name, no key "
            "and no query, for it is published: credentials come from the environment"
        )
    return address
