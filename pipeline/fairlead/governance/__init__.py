"""Open governance that computes: seats, groups, recusal, votes, own house. Knows no network and no clock.

Everything here is a function of committed files and a moment: who may vote, who must recuse and by which
clause of the charter, what a vote comes to and by which steps. The clauses are those of
``methodology/governance/charter.md``, their numbers those of ``rules.yaml``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from fairlead.governance.conflicts import (
    Conflict,
    Matter,
    conflicts,
    conflicts_data,
    matters,
    rerun_refusal,
    ties_to,
)
from fairlead.governance.counting import ChangeClass, Count, ListedBallot, Result, Step, count_vote, minute
from fairlead.governance.days import day_of, holds
from fairlead.governance.electorate import (
    Founding,
    Seat,
    SeatState,
    electors_at,
    founding_at,
    founding_state,
    group_of,
    seats_at,
)
from fairlead.governance.groups import group_heads
from fairlead.governance.house import (
    Hold,
    funding_shares,
    own_house,
    withheld,
)
from fairlead.governance.interests import NAMING_KINDS, Tie
from fairlead.governance.opening import close_vote, comment_ends, open_vote, put_to_vote
from fairlead.governance.public import public_since
from fairlead.governance.register import Register, register_of
from fairlead.governance.tally import (
    CLASS_OF_KIND,
    CLASSES,
    Outcome,
    Tally,
    first_comment,
    required_class,
    tally,
    tally_data,
    vote_length,
)
from fairlead.governance.texts import answers_objections, proposal_digest, proposal_files, text_digest
from fairlead.repository import Repository

__all__ = [
    "CLASSES",
    "CLASS_OF_KIND",
    "NAMING_KINDS",
    "ChangeClass",
    "Conflict",
    "Count",
    "Founding",
    "Hold",
    "ListedBallot",
    "Matter",
    "Outcome",
    "Register",
    "Result",
    "Seat",
    "SeatState",
    "Step",
    "Tally",
    "Tie",
    "answers_objections",
    "close_vote",
    "comment_ends",
    "company_heads",
    "conflicts",
    "conflicts_data",
    "count_vote",
    "day_of",
    "electors_at",
    "first_comment",
    "founding_at",
    "founding_state",
    "funding_shares",
    "group_heads",
    "group_of",
    "holds",
    "matters",
    "minute",
    "open_vote",
    "own_house",
    "proposal_digest",
    "proposal_files",
    "public_since",
    "put_to_vote",
    "register_of",
    "required_class",
    "rerun_refusal",
    "seats_at",
    "tally",
    "tally_data",
    "tally_proposal",
    "text_digest",
    "ties_to",
    "vote_length",
    "withheld",
    "withheld_rows",
]


def tally_proposal(
    repository: Repository, name: str, now: dt.datetime, computed: ChangeClass | None = None
) -> Tally | None:
    """The outcome of a proposal of a tree; None where no rules are in force. See :func:`tally`."""
    register = register_of(repository)
    if register is None:
        return None
    return tally(
        name,
        repository.proposals[name],
        repository.ballots.get(name),
        register,
        text_sha256=text_digest(repository, name),
        now=now,
        computed=computed,
    )


def withheld_rows(repository: Repository, at: dt.datetime) -> dict[str, tuple[str, ...]]:
    """Why providers' rows are not ranked for whose they are; empty where no rules are in force."""
    register = register_of(repository)
    return {} if register is None else withheld(register, at)


def company_heads(repository: Repository, at: dt.datetime) -> Mapping[str, str]:
    """The head of each organisation's company group at a moment; empty where no rules are in force."""
    register = register_of(repository)
    return {} if register is None else register.heads(day_of(at))
