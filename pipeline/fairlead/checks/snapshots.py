"""Frozen quarters: whole, of a past that is there, and never touched again. Knows no page."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead import history, snapshots
from fairlead.checks.changes import unchanged
from fairlead.checks.context import Context
from fairlead.documents import problem_of
from fairlead.problems import Problem
from fairlead.repository import Repository


def check_snapshots(repository: Repository, context: Context) -> Iterator[Problem]:
    """A snapshot is what its list of digests says, of a quarter that is over and a commit that is there."""
    found, problems = snapshots.load_snapshots(repository.root)
    yield from problems
    for quarter, frozen in found.items():
        path, commit = f"{snapshots.FOLDER}/{quarter}", frozen.snapshot.commit
        if frozen.snapshot.generated_at > context.now:
            fix = "wait for its end, and make it with `fairlead snapshot`"
            yield problem_of(path, "HIS010", "this quarter is not over yet", fix=fix)
        if context.base is not None and (commit is None or not history.holds(repository.root, commit)):
            message = "the commit that it was made from is not in the history"
            fix = "make it with `fairlead snapshot` from the main branch"
            yield problem_of(path, "HIS010", message, fix=fix)


def check_snapshots_stay(repository: Repository, context: Context) -> Iterator[Problem]:
    """No file of a merged snapshot changes or goes: its addresses are cited."""
    base = context.base
    for path in sorted(base.files) if base is not None else ():
        if base is not None and path.startswith(snapshots.FOLDER + "/"):
            fix = "restore it; what became of a row later stands on the snapshot's page by itself"
            yield from unchanged(repository, base, path, "HIS009", fix)
