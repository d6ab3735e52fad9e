"""Putting a proposal to the vote: what is written down before the first ballot. Knows no file, no clock."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from fairlead.governance.counting import ChangeClass
from fairlead.governance.electorate import electors_at
from fairlead.governance.interests import NAMING_KINDS
from fairlead.governance.register import Register
from fairlead.governance.tally import vote_length
from fairlead.model import Ballot, Proposal, ProposalEvent


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
    if earlier is not None:
        events.insert(0, ProposalEvent(kind="amended", at=at, reason="The text was changed."))
    ballot = open_vote(register, proposal, change, text_sha256=text_sha256, opens=at)
    kept = earlier.ballots if earlier is not None else ()
    return replace(proposal, events=(*proposal.events, *events)), replace(ballot, ballots=kept)
