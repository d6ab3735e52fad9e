"""Pages of the board itself: seats, recusals, own house, proposals and their votes. Counts nothing itself.

What is said here is what :mod:`fairlead.governance` computes from the committed files at the moment of the
edition; ``fairlead tally`` and ``fairlead conflicts`` say the same in a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from fairlead import governance
from fairlead.governance import Count, Register, Step, Tally, words
from fairlead.model import Ballot, Proposal
from fairlead.problems import Problem
from fairlead.publish import figures, impacts, interests, markup, method, prose
from fairlead.publish.edition import Edition, Page, Searched, proposal_url
from fairlead.publish.markup import Child, Html, heading, join, link, number_cell, number_head, tag

_URL = "governance/"
_PULL = re.compile(
    r"(https://github\.com/[A-Za-z0-9-]{1,39}/(?!\.{1,2}/)[A-Za-z0-9._-]{1,100}/pull/)([0-9]{1,10})(?:[/#].*)?"
)


def governance_pages(edition: Edition) -> tuple[list[Page], list[Problem]]:
    """/governance/ and a page for each proposal."""
    problems: list[Problem] = []
    blocks: list[str] = [heading(2, "State"), *method.state(edition)]
    register = governance.register_of(edition.repository)
    if register is not None:
        blocks += [heading(2, "Members"), _members(edition, register)]
        blocks += [heading(2, "Proposals"), _proposals(edition)]
        blocks += [heading(2, "Recusals"), *_recusals(edition, register)]
        blocks += [heading(2, "The own house"), *_own_house(edition, register)]
        path = "methodology/governance/charter.md"
        data = msgspec.to_builtins(register.rules)
        text, found = prose.fill(edition.prose.get(path, ""), data, path)
        problems += found
        if text:
            blocks += [heading(2, "Charter"), *prose.render(text, under=2)]
        blocks += [heading(2, "Every number of the rules"), *method.rule_numbers(register.rules)]
    page = Page(
        url=_URL,
        title="Governance",
        description="Who decides and by which rules: members, proposals, the charter and its numbers.",
        searched=Searched.WHOLE,
        blocks=blocks,
    )
    return [page, *(proposal_page(edition, name) for name in edition.repository.proposals)], problems


def _members(edition: Edition, register: Register) -> Html:
    if not register.members:
        return tag("p", "The roster is empty.", class_="fl-empty")
    on = governance.day_of(edition.now)
    seats = {seat.member: seat for seat in governance.seats_at(register, on)}
    tied = {elector.member: elector.tied for elector in governance.electors_at(register, edition.now)}
    lines = []
    for name, member in register.members.items():
        seat = seats.get(name)
        place: str = "no vote"
        for_whom = "–"
        if seat is not None:
            why = f"{seat.why} ({seat.rule})" if seat.why else ""
            place = join((str(seat.state), tag("small", why, class_="fl-sub fl-wrap") if why else None))
            speaks = "votes for the group of" if seat.speaks else "sits in the group of"
            for_whom = f"{speaks} {edition.organisation_name(seat.group)}"
        ties = {True: "tied to a provider", False: "untied", None: "–"}[tied.get(name)]
        roles, until = ", ".join(member.roles), markup.day(member.term_until)
        lines.append(markup.row(member.name, roles, for_whom, ties, place, markup.day(member.seated), until))
    names = ("Name", "Roles", "Group", "Ties", "Seat", "Seated", "Until")
    return markup.simple_table("Members", names, lines)


def _proposals(edition: Edition) -> Html:
    if not edition.repository.proposals:
        return tag("p", "No proposal has been made.", class_="fl-empty")
    lines = []
    for name, proposal in edition.repository.proposals.items():
        title = link(_URL, proposal_url(name), proposal.title)
        made = edition.tallies.get(name)
        outcome = words.outcome_words(made) if made is not None else "–"
        raised = figures.minute(proposal.raised)
        would = impacts.in_a_line(edition, name)
        lines.append(markup.row(title, proposal.kind, raised, _state(proposal), outcome, would))
    names = ("Proposal", "Kind", "Raised", "State", "By the count", "What it would change")
    return markup.simple_table("Proposals", names, lines)


def _state(proposal: Proposal) -> str:
    return proposal.events[-1].kind


def _recusals(edition: Edition, register: Register) -> Iterator[str]:
    yield tag("p", "Computed from the register of interests; nobody declares a recusal or grants one.")
    about = governance.matters(register, edition.repository.proposals)
    undecided = tuple(matter for matter in about if not matter.is_decided)
    lines = [
        markup.row(
            register.members[conflict.member].name,
            words.matter_words(conflict.matter),
            join((f"{tie.why} ({tie.rule})" for tie in conflict.ties), "; "),
        )
        for conflict in governance.conflicts(register, undecided, edition.now)
    ]
    if lines:
        yield markup.simple_table("Recusals", ("Member", "No vote and no review on", "Because"), lines)
    else:
        yield tag("p", "Nobody has to recuse from anything.", class_="fl-empty")


def _own_house(edition: Edition, register: Register) -> Iterator[str]:
    lines = [
        markup.row(edition.organisation_name(hold.group), f"{hold.why} ({hold.rule})")
        for hold in governance.own_house(register, edition.now)
    ]
    if lines:
        yield tag("p", "No row of these groups is ranked.")
        yield markup.simple_table("The own house", ("Group", "Because"), lines)
    else:
        words_ = "No group holds rights over the board or gave much of its money."
        yield tag("p", words_, class_="fl-empty")
    yield heading(3, "Custody")
    yield interests.custody_table(edition)
    shares = governance.funding_shares(register, governance.day_of(edition.now))
    if shares:
        months = register.rules.own_house.funding_months
        given = (
            markup.row(edition.organisation_name(group), number_cell(f"{figures.percent(share)} %"))
            for group, share in shares.items()
        )
        share_head = number_head("Share")
        yield heading(3, f"Funding of {months} months")
        yield markup.simple_table("Funding by group", ("Group", share_head), given)


# -- one proposal --------------------------------------------------------------------------------


def proposal_page(edition: Edition, name: str) -> Page:
    """/governance/<proposal>/: its text, its events, every step of the count, and every ballot."""
    proposal = edition.repository.proposals[name]
    made = edition.tallies.get(name)
    text = edition.prose.get(f"methodology/proposals/{name}/proposal.md", "")
    facts = markup.definitions(
        [
            ("Number", name),
            ("Kind", proposal.kind),
            ("Class", (made.change if made else None) or "no vote was opened"),
            ("Proposer", proposal.proposer.login),
            ("Raised", figures.minute(proposal.raised)),
            ("State", _state(proposal)),
            ("Pull request", _pull(edition, name)),
            ("By the count", words.outcome_words(made) if made else "–"),
            ("Names", ", ".join(proposal.named) or "nobody"),
            ("Digest of the text", tag("code", governance.text_digest(edition.repository, name))),
        ]
    )
    events = [markup.row(event.kind, figures.minute(event.at), event.reason) for event in proposal.events]
    blocks: list[str] = [facts, *prose.render(text), heading(2, "Events")]
    blocks.append(markup.simple_table("Events", ("Event", "At", "Reason"), events))
    blocks += impacts.proposal_blocks(edition, name)
    if made is not None:
        blocks += [heading(2, "The vote"), *_vote(made)]
    return Page(
        url=proposal_url(name),
        title=proposal.title,
        description=f"Proposal {name}: its text, its events, every step of the count and every ballot.",
        searched=Searched.WHOLE,
        blocks=blocks,
        crumbs=((_URL, "Governance"),),
    )


def _pull(edition: Edition, name: str) -> Child:
    """Where a proposal is discussed and voted on: linked as soon as ballots say which repository that is."""
    repository = edition.repository
    number = repository.proposals[name].pull
    if number is None:
        return "none is named"
    own = [repository.ballots[name]] if name in repository.ballots else []
    for ballots in (own, repository.ballots.values()):
        homes = _homes(ballots)
        if len(homes) == 1:
            return markup.external(f"{homes.pop()}{number}", f"number {number}")
    return f"number {number}"


def _homes(ballots: Iterable[Ballot]) -> set[str]:
    """The pull requests of each GitHub repository that recorded ballots were cast in, by address."""
    found = (_PULL.fullmatch(vote.url) for ballot in ballots for vote in ballot.ballots)
    return {match[1] for match in found if match is not None}


def _vote(made: Tally) -> Iterator[str]:
    yield tag("p", "Whether it was put to the vote by the rules:")
    yield _steps(made.held)
    if made.as_known is None or made.at_opening is None:
        return
    yield heading(3, f"The count: {made.as_known.result}")
    yield _steps(made.as_known.steps)
    if made.found:
        yield tag("p", "What became known after the snapshot of the opening:")
        yield markup.bullets(made.found)
    if made.differs:
        text = (
            f"By the snapshot of the opening it would be {made.at_opening.result}; what is known now holds."
        )
        yield tag("p", tag("strong", text))
        yield _steps(made.at_opening.steps)
    else:
        yield tag("p", f"By the snapshot of the opening the result is the same: {made.at_opening.result}.")
    yield heading(3, "Ballots")
    yield _ballots(made.as_known)


def _steps(steps: Sequence[Step]) -> Html:
    return tag("ol", *(tag("li", f"{words.step_words(step)} ({step.rule})") for step in steps))


def _ballots(count: Count) -> Html:
    if not count.ballots:
        return tag("p", "No ballot has been cast.", class_="fl-empty")
    lines = []
    for entry in count.ballots:
        vote = entry.vote
        edited = figures.minute(vote.edited_at) if vote.edited_at else "no"
        place = markup.external(vote.url, "comment")
        status, at = words.ballot_words(entry), figures.minute(vote.at)
        lines.append(markup.row(vote.github.login, entry.group or "–", vote.vote, at, edited, status, place))
    names = ("Who", "Group", "Vote", "At", "Edited", "Counted", "Where")
    return markup.simple_table("Ballots", names, lines)
