"""The vote on a proposal from its opening to its close: what is written down. Knows no file, no clock."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Literal

from msgspec.structs import replace

from fairlead.governance.counting import ChangeClass
from fairlead.governance.electorate import electors_at
from fairlead.governance.interests import NAMING_KINDS
from fairlead.governance.register import Register
from fairlead.governance.tally import Outcome, Tally, vote_length
from fairlead.model import Ballot, Proposal, ProposalEvent, Rules


def open_vote(
    register: Register, proposal: Proposal, change: ChangeClass, *, text_sha256: str, opens: dt.datetime
) -> Ballot:
    """The record that opens a vote: its window, who may vote, and the rules that it will be counted by."""
    named = proposal.named if proposal.kind in NAMING_KINDS else ()
    return Ballot(
        schema_version=1,
        proposal_sha256=text_sha256,
        class_=change,
        opens=opens,
        closes=opens + vote_length(change, register.rules),
        electorate=electors_at(register, opens, named),
        ballots=(),
        rules=register.rules,
        notes=None,
    )


def put_to_vote(
    register: Register,
    proposal: Proposal,
    earlier: Ballot | None,
    change: ChangeClass,
    *,
    text_sha256: str,
    opens: dt.datetime,
) -> tuple[Proposal, Ballot]:
    """A proposal with the events of the opening, and the record of its vote.

    ``earlier``: the vote on a text that was amended since; its ballots stay on record, and count for nothing.
    """
    at = opens.astimezone(dt.UTC)
    events = [ProposalEvent(kind="voting", at=at, reason="Put to the vote.")]
    if earlier is not None and not _is_amended(proposal):
        events.insert(0, _amended(at))
    ballot = open_vote(register, proposal, change, text_sha256=text_sha256, opens=at)
    kept = earlier.ballots if earlier is not None else ()
    return replace(proposal, events=(*proposal.events, *events)), replace(ballot, ballots=kept)


def comment_ends(
    proposal: Proposal, change: ChangeClass, rules: Rules, since: dt.datetime | None = None
) -> dt.datetime | None:
    """When the days of comment are over that its class prescribes; None where it is not open for comment.

    ``since``: when it was made public, where a history says it; else when the event says.
    """
    last = proposal.events[-1]
    if last.kind != "comment":
        return None
    return (since or last.at) + dt.timedelta(days=rules.major.comment_days if change == "major" else 0)


def close_vote(proposal: Proposal, ballot: Ballot, made: Tally, at: dt.datetime) -> Proposal | None:
    """A proposal with the event that the count of its vote gives it; None while there is nothing to say.

    A change of the text ends a vote at once, everything else at its close. Without a quorum, or by a vote
    that was not held by the rules, things stay as they are: it is rejected.
    """
    if proposal.events[-1].kind != "voting":
        return None
    if made.outcome is Outcome.AMENDED:
        return replace(proposal, events=(*proposal.events, _amended(at)))
    if at < ballot.closes or made.outcome is Outcome.WITHDRAWN:
        return None
    kind: Literal["accepted", "rejected"] = "accepted" if made.outcome is Outcome.ACCEPTED else "rejected"
    event = ProposalEvent(kind=kind, at=at, reason=f"By the count of its vote: {made.outcome}.")
    return replace(proposal, events=(*proposal.events, event))


def _amended(at: dt.datetime) -> ProposalEvent:
    return ProposalEvent(kind="amended", at=at, reason="The text was changed.")


def _is_amended(proposal: Proposal) -> bool:
    """Whether the change of its text since it was last put to the vote is on record."""
    kinds = [event.kind for event in proposal.events]
    return "amended" in itertools.takewhile(lambda kind: kind != "voting", reversed(kinds))
