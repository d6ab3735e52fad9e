"""A board of plainly fictional people and companies, and ways to change one thing in it. Knows no test.

Three groups without ties (two universities and a user), five providers; one member each, who is the
delegate. The rules are those of this repository.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from fairlead import documents, governance, model
from fairlead.governance import Register

OPENS = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
CLOSES = OPENS + dt.timedelta(days=14)
AFTER = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
TEXT = "ab" * 32
NAME = "0007-an-example"

UNTIED = {"ada": "fjord-university", "bo": "hill-university", "cy": "lake-archive"}
VENDORS = {
    "dan": "acme-cloud",
    "eve": "bolt-inference",
    "fay": "cirrus-ai",
    "gus": "dune-compute",
    "hal": "ember-labs",
}
PEOPLE = {**UNTIED, **VENDORS}
NUMBERS = {name: 100 + place for place, name in enumerate(PEOPLE)}


@functools.cache
def rules() -> model.Rules:
    """The rules of this repository."""
    path = Path(__file__).parents[2] / "methodology" / "governance" / "rules.yaml"
    document, _ = documents.parse(path.read_bytes(), path.name)
    assert document is not None
    return msgspec.convert(document.data, model.Rules)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def organisation(name: str, kind: Any, *owners: model.Owner) -> model.Organisation:
    title = name.replace("-", " ").title()
    return model.Organisation(id=name, name=title, kind=kind, owners=owners, notes=None)


def owner(name: str, share: float, from_: str = "2020-01-01", until: str | None = None) -> model.Owner:
    end = day(until) if until else None
    return model.Owner(organisation=name, share=share, from_=day(from_), until=end, source="A register.")


def job(name: str, from_: str = "2020-01-01", until: str | None = None) -> model.Employment:
    return model.Employment(organisation=name, from_=day(from_), until=day(until) if until else None)


def interest(kind: Any, party: str, **changes: Any) -> model.Interest:
    fields: dict[str, Any] = {
        "kind": kind,
        "party": party,
        "amount_band": "none",
        "from_": day("2025-06-01"),
        "until": None,
        "source": "A statement.",
        "notes": None,
    }
    return model.Interest(**{**fields, **changes})


def member(name: str, employer: str, number: int, **changes: Any) -> model.Member:
    fields: dict[str, Any] = {
        "schema_version": 1,
        "name": f"{name.title()} Example",
        "github": model.GitHub(login=f"{name}-example", id=number),
        "roles": ("voter",),
        "admitted_by": "0001-members",
        "seated": day("2026-01-01"),
        "term_until": day("2028-01-01"),
        "employment": (job(employer),),
        "delegate_of": employer,
        "interests": (),
        "notes": None,
    }
    return model.Member(**{**fields, **changes})


def provider(name: str, **changes: Any) -> model.Provider:
    fields: dict[str, Any] = {
        "schema_version": 1,
        "name": name.title(),
        "status": "active",
        "organisation": name,
        "website": None,
        "contacts": (),
        "benchmark_permission": None,
        "endpoints": (),
        "interests": (),
        "notes": None,
    }
    return model.Provider(**{**fields, **changes})


def register(names: Sequence[str] = tuple(PEOPLE), **changes: Any) -> Register:
    """The board with these members; further fields of the register may be given."""
    organisations = {
        name: organisation(name, "provider" if name in VENDORS.values() else "academic")
        for name in PEOPLE.values()
    }
    fields: dict[str, Any] = {
        "members": {name: member(name, PEOPLE[name], NUMBERS[name]) for name in names},
        "organisations": organisations,
        "providers": {name: provider(name) for name in VENDORS.values()},
        "vantages": {},
        "funding": (),
        "custody": (),
        "ballots": {},
        "rules": rules(),
    }
    return Register(**{**fields, **changes})


def seated() -> Register:
    """The board with every member, after a first vote that ended its founding."""
    first = register(("ada", "bo", "cy", "dan", "eve", "fay"))
    vote = governance.open_vote(
        first, proposal(), "major", text_sha256="ef" * 32, opens=OPENS - dt.timedelta(days=30)
    )
    return register(ballots={"0002-a-first-vote": vote})


def with_member(board: Register, name: str, **changes: Any) -> Register:
    """The board with one member's file changed, or a member added under an employer."""
    old = board.members.get(name)
    if old is None:
        employer = changes.pop("employer")
        old = member(name, employer, 300 + sum(map(ord, name)) % 100)
    members = {**board.members, name: replace(old, **changes)}
    return Register(**{**_fields(board), "members": members})


def with_organisation(board: Register, entry: model.Organisation) -> Register:
    """The board with one organisation changed or added."""
    return Register(**{**_fields(board), "organisations": {**board.organisations, entry.id: entry}})


def _fields(board: Register) -> dict[str, Any]:
    return {field.name: getattr(board, field.name) for field in dataclasses.fields(board) if field.init}


def event(kind: Any, at: dt.datetime) -> model.ProposalEvent:
    return model.ProposalEvent(kind=kind, at=at, reason="An example.")


def proposal(kind: Any = "methodology", **changes: Any) -> model.Proposal:
    """A proposal that was open for comment for 14 days and then put to the vote."""
    fields: dict[str, Any] = {
        "schema_version": 1,
        "title": "An example",
        "kind": kind,
        "proposer": model.GitHub(login="ada-example", id=NUMBERS["ada"]),
        "raised": OPENS - dt.timedelta(days=14),
        "methodology_version": None,
        "named": (),
        "pull": None,
        "events": (event("comment", OPENS - dt.timedelta(days=14)), event("voting", OPENS)),
        "notes": None,
    }
    return model.Proposal(**{**fields, **changes})


def vote(name: str, choice: Any, days: float = 3, **changes: Any) -> model.BallotVote:
    """A ballot of a member, or of a stranger, so many days after the opening."""
    fields: dict[str, Any] = {
        "github": model.GitHub(
            login=f"{name}-example", id=NUMBERS.get(name, 300 + sum(map(ord, name)) % 100)
        ),
        "vote": choice,
        "at": OPENS + dt.timedelta(days=days),
        "edited_at": None,
        "proposal_sha256": TEXT,
        "url": f"https://forge.example/reviews/{name}-{days:g}",
    }
    return model.BallotVote(**{**fields, **changes})


def votes(**choices: Any) -> tuple[model.BallotVote, ...]:
    return tuple(vote(name, choice) for name, choice in choices.items())


def opened(
    board: Register, stated: model.Proposal, ballots: Sequence[model.BallotVote], change: Any = "major"
) -> model.Ballot:
    """The vote as the board opened it, with these ballots."""
    ballot = governance.open_vote(board, stated, change, text_sha256=TEXT, opens=OPENS)
    return replace(ballot, ballots=tuple(ballots))


def tallied(
    board: Register,
    ballot: model.Ballot | None,
    stated: model.Proposal | None = None,
    *,
    now: dt.datetime = AFTER,
    text: str = TEXT,
    computed: Any = None,
) -> governance.Tally:
    """What a vote comes to by what this board knows. Of a methodology the class of the vote is taken as
    computed, unless another is given."""
    stated = stated or proposal()
    computed = computed or (ballot.class_ if ballot else None)
    return governance.tally(NAME, stated, ballot, board, text_sha256=text, now=now, computed=computed)
