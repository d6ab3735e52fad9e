"""People, seats, shares of votes and of companies, and decisions that no vote bears. Counts no vote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from fairlead import governance
from fairlead.checks.context import Context, at
from fairlead.checks.methodology import text_digest
from fairlead.checks.providers import is_nobodys
from fairlead.governance import Outcome, SeatState, Tally
from fairlead.model import GitHub, Member, Owner
from fairlead.problems import Problem, pointer, quote
from fairlead.repository import (
    CUSTODY_PATH,
    ORGANISATIONS_PATH,
    RULES_PATH,
    VERSIONS_PATH,
    Repository,
)

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


def check_delegates(repository: Repository, context: Context) -> Iterator[Problem]:
    """An organisation has one delegate, whose term runs, and who works there or left a short while ago."""
    today = governance.day_of(context.now)
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
        if member.seated <= member.term_until < today:
            message = f"the term ended on {member.term_until}"
            fix = "write `delegate_of: null`, or extend the term by a vote"
            yield at(repository, _member_path(name), "GOV012", "/delegate_of", message, fix=fix)
        elif not _works_there(repository, member, organisation, today):
            message = f"`employment` does not say that this person works for {quote(organisation)}"
            fix = "correct `employment`, or write `delegate_of: null`"
            yield at(repository, _member_path(name), "GOV003", "/delegate_of", message, fix=fix)


def _works_there(repository: Repository, member: Member, organisation: str, today: dt.date) -> bool:
    rules = repository.rules
    since = today - dt.timedelta(days=rules.seats.cure_days) if rules is not None else today
    jobs = (job for job in member.employment if job.organisation == organisation)
    return any(governance.holds(job.from_, job.until, since, today) for job in jobs)


def check_group_seats(repository: Repository, context: Context) -> Iterator[Problem]:
    """No company group holds more seats than the cap, but for the cure period after a change."""
    register = governance.register_of(repository)
    if register is None:
        return
    for seat in governance.seats_at(register, governance.day_of(context.now)):
        if seat.rule == "G-2.5" and seat.state is SeatState.RESTS:
            fix = "end the term of one of the group's members with `term_until`"
            yield at(
                repository, _member_path(seat.member), "GOV010", "", f"{seat.why}; this one rests", fix=fix
            )


def check_custody(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Whoever holds a right over the board holds it for an organisation."""
    for index, entry in enumerate(repository.custody):
        if entry.organisation is None:
            where = pointer("custodians", index, "organisation")
            message = f"{entry.right} without an organisation: nobody can say whose rows may be ranked"
            fix = "name the employer of whoever holds it, or whom the machine belongs to"
            yield at(repository, CUSTODY_PATH, "GOV011", where, message, fix=fix)


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
                fix = "take the snapshot again with `fairlead tally --open`"
                yield at(repository, path, "GOV009", where, message, fix=fix)


def check_pulls(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A pull request is the vote on one proposal: one line in it must not be two ballots."""
    first: dict[int, str] = {}
    for name, proposal in repository.proposals.items():
        if proposal.pull is not None and (other := first.setdefault(proposal.pull, name)) != name:
            path, message = f"methodology/proposals/{name}/proposal.yaml", f"{other} is voted on there"
            fix = "open a pull request for each of the two"
            yield at(repository, path, "GOV016", "/pull", message, fix=fix)


# -- reruns --------------------------------------------------------------------------------------


def check_rerun_starters(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Who started a rerun had a seat as a maintainer then, and no interest in the provider."""
    if any(path.startswith("methodology/governance/") for path in repository.broken):
        return
    for name, rerun in repository.reruns.items():
        refusal = rerun_refusal(repository, rerun.started_by, name.partition("/")[0], rerun.started)
        if refusal is not None:
            clause, reason = refusal
            yield at(
                repository,
                f"submissions/{name}/rerun.yaml",
                "SUB020",
                "/started_by/id",
                f"{clause}: account {rerun.started_by.id} {reason}",
                expected="a maintainer without an interest in the provider",
                fix="let one measure it again: see `fairlead conflicts --provider`",
            )


def rerun_refusal(
    repository: Repository, person: GitHub, provider: str, when: dt.datetime
) -> tuple[str, str] | None:
    """Why somebody may not start the rerun of a provider's claim, by clause and in words; None if they may.

    Asked before a key is read, and again of what was committed. Endpoints on loopback are nobody's, and cost
    nobody anything: whoever likes may measure there. Nor is anything known where no rules are in force.
    """
    register = governance.register_of(repository)
    if register is None or provider not in repository.providers or is_nobodys(repository, provider):
        return None
    return governance.rerun_refusal(register, person, provider, when)


# -- decisions -----------------------------------------------------------------------------------


def check_decisions(repository: Repository, context: Context) -> Iterator[Problem]:
    """What is said to be decided was: ratified versions, accepted proposals, admitted members."""
    if any(
        path.startswith(("methodology/governance/", "methodology/proposals/")) for path in repository.broken
    ):
        return
    tallies = _tallies(repository, context)
    for index, (version, entry) in enumerate(repository.versions.items()):
        made = tallies.get(entry.ratified_by or "")
        if entry.state != "ratified" or made is None or _is_changed(repository, version):
            continue
        where, stated = pointer("versions", index, "ratified_by"), repository.proposals[made.proposal]
        if stated.methodology_version != version:
            message = f"that proposal is about {stated.methodology_version or 'no version'}"
            fix = "name the proposal whose vote was about this version"
            yield at(repository, VERSIONS_PATH, "GOV013", where, message, expected=quote(version), fix=fix)
        else:
            yield from _undecided(repository, VERSIONS_PATH, where, made, "write `state: superseded`")
    for name, proposal in repository.proposals.items():
        is_said = _is_changed(repository, proposal.methodology_version)
        if proposal.events[-1].kind == "accepted" and name in tallies and not is_said:
            path = f"methodology/proposals/{name}/proposal.yaml"
            where = pointer("events", len(proposal.events) - 1)
            yield from _undecided(repository, path, where, tallies[name], "add the event `rejected` below it")
    for name, member in repository.members.items():
        if member.term_until >= governance.day_of(context.now):
            yield from _unadmitted(repository, name, member, tallies)


def _unadmitted(
    repository: Repository, name: str, member: Member, tallies: dict[str, Tally]
) -> Iterator[Problem]:
    path, where = _member_path(name), "/admitted_by"
    if member.admitted_by is None:
        fix = "name the admission's proposal"
        yield at(repository, path, "GOV013", where, "a member whom no proposal admitted", fix=fix)
    elif member.admitted_by in tallies:
        made, kind = tallies[member.admitted_by], repository.proposals[member.admitted_by].kind
        if kind != "admission":
            message = f"that proposal is of the kind {quote(kind)}"
            fix = "name the admission's proposal"
            yield at(repository, path, "GOV013", where, message, expected="`admission`", fix=fix)
        else:
            yield from _undecided(repository, path, where, made, "end the seat with `term_until`")
            events = repository.proposals[member.admitted_by].events
            days = [governance.day_of(event.at) for event in events if event.kind == "accepted"]
            if days and member.seated < min(days):
                message = f"before the admission was decided, on {min(days)}"
                fix = f"write {min(days)} or a later day"
                yield at(repository, path, "GOV013", "/seated", message, fix=fix)


def _tallies(repository: Repository, context: Context) -> dict[str, Tally]:
    made = {name: context.tally(repository, name) for name in repository.proposals}
    return {name: found for name, found in made.items() if found is not None}


def _is_changed(repository: Repository, version: str | None) -> bool:
    """Whether a version's text is not the one of its digest, which is a problem of its own."""
    entry = repository.versions.get(version or "")
    if entry is None or version is None or entry.sha256 is None:
        return False
    return text_digest(repository, version) != entry.sha256


def _undecided(
    repository: Repository, path: str, where: str, made: Tally, otherwise: str
) -> Iterator[Problem]:
    if made.outcome is not Outcome.ACCEPTED:
        message = f"proposal {made.proposal} tallies to {quote(str(made.outcome))}"
        fix = f"see `fairlead tally {made.proposal}`; {otherwise}, and vote again if it is still wanted"
        yield at(repository, path, "GOV013", where, message, expected="`accepted`", fix=fix)


def check_openings(repository: Repository, context: Context) -> Iterator[Problem]:
    """A vote that is open was opened by the rules, with the electorate of its first moment."""
    register = governance.register_of(repository)
    for name, ballot in repository.ballots.items():
        if register is None or name not in repository.proposals or context.now >= ballot.closes:
            continue
        path, proposal = f"methodology/proposals/{name}/ballot.yaml", repository.proposals[name]
        made = context.tally(repository, name)
        fix = "close this vote as `withdrawn`, and open it again by the rules"
        if not governance.answers_objections(repository, name):
            text, message = path.replace("ballot.yaml", "proposal.md"), "no section says what was objected to"
            mend = "write `## Objections`: each one and its answer, or that there was none; then vote anew"
            yield Problem("GOV017", text, message, expected="`## Objections`", fix=mend)
        for step in made.held if made is not None else ():
            if step.met is False and step.rule != "G-5.3":
                yield at(repository, path, "GOV014", "", f"{step.rule}: {step.text}", fix=fix)
        if context.base is not None and path not in context.base.files:
            new = governance.open_vote(
                register, proposal, ballot.class_, text_sha256=ballot.proposal_sha256, opens=ballot.opens
            )
            for key in ("electorate", "rules"):
                if getattr(new, key) != getattr(ballot, key):
                    message = f"not what the files say at {governance.minute(ballot.opens)}"
                    fix = "take the snapshot again with `fairlead tally --open`"
                    yield at(repository, path, "GOV014", f"/{key}", message, fix=fix)


_ENDED = frozenset({"rejected", "withdrawn", "superseded"})


def check_comment_was_public(repository: Repository, context: Context) -> Iterator[Problem]:
    """The days of comment were days in which anybody could: they count from the merge of the event.

    Too few days by the event's own date are said elsewhere, by the tally.
    """
    trail, rules = context.trail, repository.rules
    if trail is None or rules is None:
        return
    for name, proposal in repository.proposals.items():
        place, ballot = governance.first_comment(proposal), repository.ballots.get(name)
        if place is None or proposal.events[-1].kind in _ENDED:
            continue
        accepted = [event.at for event in proposal.events if event.kind == "accepted"]
        if ballot is not None and ballot.class_ == "major":
            days, done, at_end = ballot.rules.major.comment_days, "its vote opened", ballot.opens
        elif ballot is None and proposal.kind == "admission" and accepted:
            days, done, at_end = rules.founding.admission_days, "it was accepted", min(accepted)
        else:
            continue
        needed = dt.timedelta(days=days)
        since = governance.public_since(repository, trail, name, place, context.now)
        if proposal.events[place].at + needed <= at_end < since + needed:
            yield at(
                repository,
                f"methodology/proposals/{name}/proposal.yaml",
                "GOV018",
                pointer("events", place, "at"),
                f"not merged before {governance.minute(since)}, and {done} on {governance.minute(at_end)}",
                expected=f"{days} days in between",
                fix="add the event `withdrawn` and open it again by the rules; if it was decided, `rejected`",
            )
