"""People, seats, shares of votes and of companies. Knows no vote count."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.checks.context import Context, at
from fairlead.model import Owner
from fairlead.problems import Problem, pointer, quote
from fairlead.repository import ORGANISATIONS_PATH, RULES_PATH, Repository

_FRACTIONS = (
    ("quorum_numerator", "quorum_denominator"),
    ("major/yes_share_min_numerator", "major/yes_share_min_denominator"),
)


def _member_path(name: str) -> str:
    return f"methodology/governance/members/{name}.yaml"


def check_seats(repository: Repository, _context: Context) -> Iterator[Problem]:
    """One person, known by the numeric GitHub id, has one seat. An empty roster is no fault."""
    first: dict[int, str] = {}
    for name, member in repository.members.items():
        holder = first.setdefault(member.github.id, name)
        if holder != name:
            message = f"{_member_path(holder)} is the same person"
            fix = "keep one of the two files"
            yield at(repository, _member_path(name), "GOV001", "/github/id", message, fix=fix)


def check_delegates(repository: Repository, _context: Context) -> Iterator[Problem]:
    """An organisation has one delegate, who works there."""
    first: dict[str, str] = {}
    for name, member in repository.members.items():
        organisation = member.delegate_of
        if organisation is None:
            continue
        holder = first.setdefault(organisation, name)
        if holder != name:
            message = f"{_member_path(holder)} is its delegate already"
            fix = "write `delegate_of: null` for one of the two"
            yield at(repository, _member_path(name), "GOV002", "/delegate_of", message, fix=fix)
        if not any(job.organisation == organisation and job.until is None for job in member.employment):
            message = f"`employment` does not say that this person works for {quote(organisation)}"
            fix = "correct `employment`, or write `delegate_of: null`"
            yield at(repository, _member_path(name), "GOV003", "/delegate_of", message, fix=fix)


def check_ownership(repository: Repository, _context: Context) -> Iterator[Problem]:
    """On no day do the shares of a company add up to more than the whole."""
    for place, organisation in enumerate(repository.organisations.values()):
        for index, owner in enumerate(organisation.owners):
            held = sum(other.share for other in organisation.owners if _holds_when_begins(other, owner))
            if held > 1 + 1e-9:
                where = pointer("organisations", place, "owners", index, "share")
                message = f"on {owner.from_} the shares add up to {held:g}"
                fix = "correct the shares, or end an older one with `until`"
                yield at(
                    repository, ORGANISATIONS_PATH, "GOV004", where, message, expected="at most 1", fix=fix
                )
                break


def _holds_when_begins(other: Owner, owner: Owner) -> bool:
    return other.from_ <= owner.from_ and (other.until is None or other.until >= owner.from_)


def check_fractions(repository: Repository, _context: Context) -> Iterator[Problem]:
    """No share of votes that is asked for exceeds all votes."""
    rules = repository.rules
    if rules is None:
        return
    shares = (
        (rules.quorum_numerator, rules.quorum_denominator),
        (rules.major.yes_share_min_numerator, rules.major.yes_share_min_denominator),
    )
    for (above, below), (numerator, denominator) in zip(_FRACTIONS, shares, strict=True):
        if numerator > denominator:
            message = f"{numerator} of {denominator} can never be reached"
            fix = f"make it at most `{below.rpartition('/')[2]}`, {denominator}"
            yield at(repository, RULES_PATH, "GOV005", f"/{above}", message, fix=fix)


def check_ballots(repository: Repository, _context: Context) -> Iterator[Problem]:
    """One person is one elector in the snapshot of a vote."""
    for name, ballot in repository.ballots.items():
        path = f"methodology/proposals/{name}/ballot.yaml"
        seen: dict[int, int] = {}
        for index, elector in enumerate(ballot.electorate):
            first = seen.setdefault(elector.github.id, index)
            if first != index:
                where = pointer("electorate", index, "github", "id")
                message = f"entry {first + 1} is the same person"
                fix = "take the snapshot again with `fairlead tally --fetch`"
                yield at(repository, path, "GOV009", where, message, fix=fix)
