"""What was added to version 1 of the data files, and the promise behind it. Knows no data.

Within ``v1`` fields are only added: a test holds every published schema against the fields that were
published before, and each new one against a line here.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple


class Change(NamedTuple):
    """A change of the files of one schema. ``fields``: what it is about, with all below it; none: the file.

    ``what`` is ``added``. The other words are for a fault that could not be left as it was: they break the
    promise, and say so.
    """

    date: str
    what: Literal["added", "changed", "removed"]
    kind: str
    fields: tuple[str, ...]
    words: str


CHANGES: tuple[Change, ...] = (  # the newest first
    Change("2026-11-28", "added", "leaderboard", ("rows[].page",), "Where the row stands: its own anchor."),
    Change("2026-11-27", "added", "snapshot", ("rows[].submission",), "As in leaderboards."),
    Change(
        "2026-11-27",
        "added",
        "leaderboard",
        ("rows[].submission",),
        "Which claim or import a row is. Each has a row of its own, whose id ends in the submission's name.",
    ),
    Change("2026-11-27", "added", "providers", ("providers[].badges",), "The badges of each provider."),
    Change("2026-11-27", "added", "index", ("feeds",), "The Atom feeds."),
    Change("2026-11-27", "added", "snapshots", (), "The frozen states of each quarter."),
    Change("2026-11-27", "added", "snapshot", (), "One such state, under /snapshots/."),
    Change("2026-11-27", "added", "tables", (), "The flat tables, their columns and files."),
    Change("2026-11-27", "added", "changelog", (), "This list."),
    Change(
        "2026-11-27", "added", "findings", (), "What the replies of each row show, and in which requests."
    ),
    Change("2026-11-27", "added", "profiles", (), "Hours of the day, coverage and drift of each row."),
)


def changelog_data() -> dict[str, Any]:
    """The changes as they are published."""
    return {"changes": [{**change._asdict(), "fields": list(change.fields)} for change in CHANGES]}
