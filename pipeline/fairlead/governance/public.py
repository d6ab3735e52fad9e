"""Since when the world could object to a proposal, as git remembers it. Counts no vote, and runs no git.

An event says when it happened, and its author writes it. The tally counts by what the files say, so that the
same files give the same result for ever; whether they say it truly is asked here, of the merge that brought
the event. Days in which nobody could see a proposal are no days of comment.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from fairlead import documents
from fairlead.governance.register import PROPOSALS
from fairlead.history import Trail, blob_digest
from fairlead.repository import Repository


def public_since(
    repository: Repository, trail: Trail, name: str, place: int, now: dt.datetime
) -> dt.datetime:
    """The later of when an event is said to have happened, and when it was merged; ``now`` while it is not.

    Args:
        repository: the tree.
        trail: what became of the proposals in the merged history.
        name: the proposal's id.
        place: which of its events, from 0.
        now: the moment.
    """
    event = repository.proposals[name].events[place]
    path = f"{PROPOSALS}{name}/proposal.yaml"
    text = repository.documents[path].text.encode()
    for change in trail.changes.get(path, ()):
        if change.blob is None:
            continue
        is_todays = change.blob == blob_digest(text, len(change.blob))
        if is_todays or _kind_at(trail.read(change.blob), path, place) == event.kind:
            return max(event.at, dt.datetime.fromtimestamp(change.merge.unix_s, tz=dt.UTC))
    return max(event.at, now)


def _kind_at(data: bytes, path: str, place: int) -> str | None:
    """The kind of an event in a text; None where it has no such event, or another shape."""
    document, _ = documents.parse(data, path)
    found: Any = document.data if document is not None else None
    events = found.get("events") if isinstance(found, dict) else None
    event = events[place] if isinstance(events, list) and place < len(events) else None
    return event.get("kind") if isinstance(event, dict) else None
