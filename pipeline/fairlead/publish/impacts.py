"""What a proposal would change, and how a version goes with the one before. Scores nothing itself.

Both come from :mod:`fairlead.impact`; ``fairlead impact`` says the same in a terminal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from fairlead import impact
from fairlead.governance import Conflict
from fairlead.impact import Change, Difference, Fit, Impact, What
from fairlead.model import Methodology, Version
from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition, changes_url, methodology_url, proposal_url
from fairlead.publish.markup import Html, heading, join, link, tag

_SHOWN_MAX = 200  # rows of a table; `fairlead impact --json` has all of them


def proposal_blocks(edition: Edition, name: str) -> Iterator[str]:
    """While a proposal is open: each rank, verdict and number that it would change, and who is tied."""
    found = edition.impacts.get(name)
    if found is None:
        return
    yield heading(2, "What it would change")
    yield tag("p", tag("strong", found.title), ". Its class is computed from it. ", impact.class_words(found))
    ties = impact.ties_of(edition.repository, found.providers, edition.now)
    for title, kinds in impact.HEADINGS.items():
        changes = [each for each in found.changes if each.what in kinds]
        if changes:
            yield heading(3, title)
            yield from _changes(edition, title, changes, ties)
    if found.fits and found.old is not None:
        yield heading(3, "Compatibility")
        yield _fits(found.fits, found.old)
    yield from _rescored(found)


def in_a_line(edition: Edition, name: str) -> str:
    """How many ranks, states, verdicts and numbers an open proposal would change; a dash if it is decided."""
    found = edition.impacts.get(name)
    if found is None:
        return "–"
    counted = {
        noun: sum(each.what in kinds for each in found.changes)
        for noun, kinds in (
            ("rank", {What.RANK}),
            ("state", {What.STATE}),
            ("verdict", {What.VERDICT}),
            ("number", {What.RULE, What.NUMBER}),
        )
    }
    said = [figures.count(number, noun) for noun, number in counted.items() if number]
    return ", ".join(said) or "no rank, no number"


def version_blocks(edition: Edition, version: Version) -> Iterator[str]:
    """How a version goes with the one in whose place it comes; nothing of the first one."""
    repository = edition.repository
    at = edition.now
    if version.date is not None:
        at = dt.datetime.combine(version.date, dt.time(), tzinfo=dt.UTC)
    old, texts = impact.predecessor(repository, version.version, at), repository.methodologies
    if old is None:
        return
    here = methodology_url(version.version)
    yield heading(2, f"Beside version {old}")
    for name, proposal in repository.proposals.items():
        if proposal.methodology_version == version.version:
            about = link(here, proposal_url(name), proposal.title)
            yield tag("p", "What it does to ranks and verdicts is on the page of its proposal, ", about, ".")
    told = link(here, changes_url(old, version.version), f"Every change since {old}, side by side")
    count = len(number_changes(texts[old], texts[version.version]))
    number = f"{figures.count(count, 'number')} {'differs' if count == 1 else 'differ'}"
    yield tag("p", told, f". {number}.")
    yield _fits(impact.compatibility(texts[old], texts[version.version]), old)
    if version == edition.current and any(row.family.methodology == old for row in edition.rows):
        windows = tuple(edition.evidence.values())
        yield from _rescored(impact.impact_of_version(repository, old, version.version, windows, edition.now))


def number_changes(old: Methodology, new: Methodology) -> Sequence[Difference]:
    """Every value in which two versions differ, apart from their own numbers."""
    return [each for each in impact.differences(old, new) if each.path != "version"]


def _fits(fits: Sequence[Fit], old: str) -> Html:
    lines = [
        markup.row(
            fit.scenario,
            "the same measurement: only scoring differs, if anything"
            if fit.is_same
            else "to be measured again",
            tag("td", "; ".join(fit.reasons) or "–", class_="fl-wide"),
        )
        for fit in fits
    ]
    return markup.simple_table(f"Compatibility with {old}", ("Scenario", f"Beside {old}", "Because"), lines)


def _changes(
    edition: Edition, label: str, changes: Sequence[Change], ties: Mapping[str, Sequence[Conflict]]
) -> Iterator[str]:
    lines = []
    for each in changes[:_SHOWN_MAX]:
        before, after = (impact.said(each.what, value) for value in (each.before, each.after))
        who = [_tied(edition, ties[each.provider])] if each.provider is not None else []
        lines.append(markup.row(each.subject, each.name, before, after, *who))
    names = ["Where", "What", "Before", "After"]
    if changes[0].provider is not None:
        names.append("Members tied to the provider")
    yield markup.simple_table(label, names, lines)
    if len(changes) > _SHOWN_MAX:
        yield tag(
            "p", f"And {len(changes) - _SHOWN_MAX} more, which ", tag("code", "fairlead impact"), " lists."
        )


def _tied(edition: Edition, found: Sequence[Conflict]) -> Html:
    members = edition.repository.members
    shown = (
        tag(
            "span", members[each.member].name, title="; ".join(f"{tie.why} ({tie.rule})" for tie in each.ties)
        )
        for each in found
    )
    return tag("td", join(shown, ", ") or "–")


def _rescored(found: Impact) -> Iterator[str]:
    """A record of its own: what a version says of windows that an older one measured. No row of the board."""
    if found.new is None or not found.after.rows:
        return
    yield heading(3, f"Rescored from {found.old}")
    yield tag(
        "p",
        f"What version {found.new} says of windows that were measured under {found.old}. The rows of "
        f"{found.old} stay as they are; none of these is a row of the board, which holds only what was "
        f"measured under {found.new} itself.",
    )
    lines = [
        markup.row(
            row.id,
            f"{found.new}, rescored from {found.old}",
            tag("td", impact.row_ranks(row), class_="fl-wide"),
        )
        for row in found.after.rows[:_SHOWN_MAX]
    ]
    yield markup.simple_table("Rescored rows", ("Row that it was", "Version", "Ranks"), lines)
