"""Votes, recusals and seats as a terminal shows them, at 100 columns. Knows no rule, only what was found."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from fairlead.governance.conflicts import Conflict, Matter
from fairlead.governance.counting import Count, ListedBallot, Step, minute, number
from fairlead.governance.electorate import Seat, SeatState
from fairlead.governance.register import Register
from fairlead.governance.tally import Outcome, Tally
from fairlead.problems import visible

_WIDTH = 100
OUTCOME_WORDS = {
    Outcome.NOT_OPEN: "not put to the vote yet",
    Outcome.OPEN: "open",
    Outcome.ACCEPTED: "accepted",
    Outcome.REJECTED: "rejected",
    Outcome.NO_QUORUM: "no quorum, so things stay as they are",
    Outcome.AMENDED: "ended by a change of its text",
    Outcome.WITHDRAWN: "withdrawn",
    Outcome.VOID: "void: not held by the rules",
}


def outcome_words(made: Tally) -> str:
    """An outcome in words, with the end of what is open."""
    until = f" until {minute(made.until)}" if made.until is not None else ""
    return OUTCOME_WORDS[made.outcome] + until


def status_words(made: Tally) -> str:
    """Where a vote stands, on a line: how long it is open, and how many ballots of those needed there are."""
    words = outcome_words(made)
    if made.outcome is not Outcome.OPEN or made.as_known is None:
        return words
    least = {"G-4.2": ("yes", "approval"), "G-4.7": ("cast", "ballot")}
    step = next(step for step in made.as_known.steps if step.rule in least)
    key, thing = least[step.rule]
    return f"{words}, {step.numbers[key]:g} of {number(int(step.numbers['needed']), thing)}"


def tally_text(made: Tally) -> str:
    """Every step of a tally as a numbered sentence, and every ballot."""
    change = f" ({made.change} change)" if made.change else ""
    lines = [visible(f"{made.proposal}: {made.title}"), outcome_words(made) + change, ""]
    lines.append("Whether it was put to the vote by the rules")
    lines += _numbered(made.held, 1)
    if made.as_known is not None and made.at_opening is not None:
        count = made.as_known
        lines += ["", f"The count: {count.result}"]
        lines += _numbered(count.steps, 1 + len(made.held))
        lines += ["", "The ballots", *map(_ballot_line, count.ballots)]
        if not count.ballots:
            lines.append("  None has been cast.")
        lines += ["", *_compared(made, made.at_opening, count)]
    return "\n".join(lines) + "\n"


def _compared(made: Tally, at_opening: Count, as_known: Count) -> Iterator[str]:
    """How the count by the snapshot differs, and what became known in between."""
    if made.found:
        yield "What became known after the snapshot of the opening"
        yield from (line for found in made.found for line in _wrapped("  - ", found))
        yield ""
    if made.differs:
        text = f"By the snapshot of the opening it would be {at_opening.result}; by what is known now it is "
        yield from _wrapped("", text + f"{as_known.result}, and that holds (G-3.8).")
        yield "The count by the snapshot was"
        yield from _numbered(at_opening.steps, 1)
    else:
        yield f"By the snapshot of the opening the result is the same: {at_opening.result}."


def _numbered(steps: Sequence[Step], first: int) -> Iterator[str]:
    for place, step in enumerate(steps, first):
        yield from _wrapped(f"{place:>3}. {step.rule}  ", step_words(step))


def step_words(step: Step) -> str:
    """A step's sentence, and whether its condition is met."""
    return step.text + {None: "", True: " Met.", False: " NOT met."}[step.met]


def _wrapped(head: str, text: str) -> list[str]:
    indent = " " * len(head)
    shown = textwrap.wrap(
        visible(text),
        _WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return shown or [head.rstrip()]


def _ballot_line(entry: ListedBallot) -> str:
    edited = f", edited {minute(entry.vote.edited_at)}" if entry.vote.edited_at else ""
    who = f"{entry.vote.github.login} for {entry.group}" if entry.group else entry.vote.github.login
    head = f"  {minute(entry.vote.at)}  {entry.vote.vote:<7}  "
    return "\n".join(_wrapped(head, f"{who}{edited}: {ballot_words(entry)}"))


def ballot_words(entry: ListedBallot) -> str:
    """Whether a ballot counts, and if not, why."""
    return "counts" if entry.counts else f"does not count, {entry.reason} ({entry.rule})"


# -- recusal -------------------------------------------------------------------------------------


def matter_words(matter: Matter) -> str:
    """A matter in words."""
    if matter.kind == "provider":
        return f"the rows and disputes of {matter.name}"
    return f"proposal {matter.name}"


def conflicts_text(
    register: Register, found: Iterable[Conflict], seats: Iterable[Seat], about: Sequence[Matter], day: str
) -> str:
    """Who must recuse from what, and the seats that are not plainly seated."""
    found = tuple(found)
    lines = [f"Who must recuse, on {day}"]
    if not register.members:
        lines.append("  There are no members, so nobody has to.")
    elif not found:
        lines.append(f"  Nobody, of {number(len(register.members), 'member')} and {len(about)} matters.")
    last = None
    for conflict in found:
        if conflict.member != last:
            lines += ["", visible(f"{register.members[conflict.member].name} ({conflict.member})")]
            last = conflict.member
        lines.append(f"  from {matter_words(conflict.matter)}")
        for tie in conflict.ties:
            lines += _wrapped(f"    {tie.rule}  ", f"{tie.why} [{tie.source}]")
    special = [seat for seat in seats if seat.state is not SeatState.SEATED]
    if special:
        lines += ["", "Seats"]
        lines += [
            line
            for seat in special
            for line in _wrapped(f"  {seat.rule}  ", f"{seat.member}: {seat.state}, {seat.why}")
        ]
    return "\n".join(lines) + "\n"


def no_recusal_text(proposal: str, kind: str, tied: Sequence[str]) -> str:
    """What is said of a proposal that names nobody."""
    text = f"Proposal {proposal} is of the kind {kind} and names nobody, so nobody recuses (G-3.7). "
    text += f"Tied members vote under the double majority: {', '.join(tied) or 'there are none'}."
    return "\n".join(_wrapped("", text)) + "\n"
