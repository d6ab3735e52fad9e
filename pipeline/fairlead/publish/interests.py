"""The page of the interests register, and its tables: who is tied to whom, who holds what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

from fairlead.model import Interest
from fairlead.publish import figures, markup, ties
from fairlead.publish.edition import Edition, Page
from fairlead.publish.markup import Html, disclosed, external, heading, join, number_cell, number_head, tag

AMOUNT_WORDS = {"none": "none", "up-to-1000-usd": "up to 1,000 USD", "over-1000-usd": "over 1,000 USD"}


def interests_page(edition: Edition) -> Page:
    """/interests/"""
    providers = [
        (p.name, interest) for p in edition.repository.providers.values() for interest in p.interests
    ]
    members = [(m.name, interest) for m in edition.repository.members.values() for interest in m.interests]
    return Page(
        url="interests/",
        title="Interests",
        description="Who is tied to whom: the board's own interests first, then providers and members.",
        blocks=[
            tag("p", "Who must recuse is computed from this register. The board's own interests come first."),
            heading(2, "The board"),
            heading(3, "Funding"),
            _funding(edition),
            heading(3, "Custody"),
            *_custody(edition),
            *ties.blocks(edition),
            heading(2, "Providers"),
            table(providers, edition.organisation_name, "Interests of providers"),
            heading(2, "Members"),
            _employment(edition),
            table(members, edition.organisation_name, "Interests of members"),
            heading(2, "Owners"),
            _owners(edition),
        ],
    )


def _funding(edition: Edition) -> Html:
    if not edition.repository.funding:
        words = "No money, credits or gifts in kind are recorded."
        return tag("p", words, class_="fl-empty")
    lines = [
        markup.row(
            edition.organisation_name(entry.from_),
            markup.day(entry.date),
            entry.kind,
            number_cell(f"{entry.amount_usd:,.0f}"),
            entry.purpose,
            external(entry.source),
        )
        for entry in edition.repository.funding
    ]
    amount = number_head("Amount", tag("small", "USD", class_="fl-sub"))
    return markup.simple_table("Funding", ("From", "Date", "Kind", amount, "Purpose", "Source"), lines)


_RIGHT_WORDS = {"admin": "administration", "runner": "a runner", "keys": "measuring keys"}


def custody_table(edition: Edition) -> Html:
    """Who holds rights over the board, and for whom."""
    lines = [
        markup.row(
            entry.holder.login if entry.holder else "a machine",
            _RIGHT_WORDS[entry.right],
            disclosed(entry.organisation and edition.organisation_name(entry.organisation)),
            _span(entry.from_, entry.until),
            join((external(entry.source), tag("small", entry.notes or "", class_="fl-sub fl-wrap"))),
        )
        for entry in edition.repository.custody
    ]
    if not lines:
        return tag("p", "Nobody is recorded to hold rights over the board.", class_="fl-empty")
    return markup.simple_table("Custody", ("Holder", "Right", "For", "When", "Source"), lines)


def _custody(edition: Edition) -> Iterator[str]:
    yield custody_table(edition)
    yield tag(
        "p", "Whoever operates a vantage holds the runner there. By the charter its group is never ranked."
    )
    lines = [
        markup.row(
            vantage.name,
            disclosed(vantage.operator and edition.organisation_name(vantage.operator)),
            disclosed(vantage.region),
            disclosed(vantage.network),
        )
        for vantage in edition.repository.vantages.values()
    ]
    if lines:
        yield markup.simple_table("Vantages", ("Vantage", "Operator", "Region", "Network"), lines)
    else:
        yield tag("p", "There is no vantage yet, and so no runner.", class_="fl-empty")


def table(
    pairs: Iterable[tuple[str, Interest]], named: Callable[[str], str], label: str = "Interests"
) -> Html:
    """Interests as they were declared, each beside its holder's name; an empty register is said plainly.

    ``named``: an organisation's name by its id.
    """
    lines = [
        markup.row(
            name,
            interest.kind,
            named(interest.party),
            disclosed(interest.amount_band and AMOUNT_WORDS[interest.amount_band]),
            _span(interest.from_, interest.until),
            join(
                (
                    external(interest.source),
                    tag("small", interest.notes or "", class_="fl-sub fl-wrap"),
                )
            ),
        )
        for name, interest in pairs
    ]
    if not lines:
        return tag("p", "No interest is declared.", class_="fl-empty")
    return markup.simple_table(label, ("Who", "Kind", "With", "Amount", "When", "Source"), lines)


def _span(first: dt.date | None, last: dt.date | None) -> Html:
    return join((markup.day(first) if first else "unknown", " to ", markup.day(last) if last else "today"))


def _employment(edition: Edition) -> Html:
    lines = [
        markup.row(member.name, edition.organisation_name(job.organisation), _span(job.from_, job.until))
        for member in edition.repository.members.values()
        for job in member.employment
    ]
    if not lines:
        return tag("p", "There are no members yet.", class_="fl-empty")
    return markup.simple_table("Employment", ("Member", "Employer", "When"), lines)


def _owners(edition: Edition) -> Html:
    lines = [
        markup.row(
            organisation.name,
            edition.organisation_name(owner.organisation),
            number_cell(f"{figures.percent(owner.share)} %"),
            _span(owner.from_, owner.until),
            external(owner.source),
        )
        for organisation in edition.repository.organisations.values()
        for owner in organisation.owners
    ]
    if not lines:
        return tag("p", "No ownership between listed organisations is recorded.", class_="fl-empty")
    share = number_head("Share")
    return markup.simple_table("Owners", ("Organisation", "Owner", share, "When", "Source"), lines)
