"""Who is tied to whom, as one list and one drawing. Judges no tie; who must recuse is computed elsewhere.

The board comes first, then people, companies and providers. A tie is a fact of one file; nothing is inferred.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterator, Sequence

from fairlead.model import Interest
from fairlead.publish import arcs, figures, markup
from fairlead.publish.charts.chart import short
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, heading, tag

BOARD = "The board"
DRAWN_MAX = 60  # ties; the list has all of them


class Kind(enum.StrEnum):
    """What ties two parties, as few kinds as a drawing can bear."""

    CUSTODY = "holds rights over the board"
    MONEY = "money, credits or gifts"
    OWNER = "owns a part"
    WORK = "works for, or votes for"
    CONTRACT = "contract, or operates something"
    OTHER = "another interest"
    BELONGS = "is a service of"


#: The letter that stands on a line, since no colour or dash says it alone.
LETTERS = {
    Kind.CUSTODY: "R",
    Kind.MONEY: "M",
    Kind.OWNER: "O",
    Kind.WORK: "W",
    Kind.CONTRACT: "C",
    Kind.OTHER: "I",
    Kind.BELONGS: "S",
}
_KIND_OF_INTEREST = {
    "employment": Kind.WORK,
    "equity": Kind.OWNER,
    "ownership": Kind.OWNER,
    "contract": Kind.CONTRACT,
    "operation": Kind.CONTRACT,
    "credits": Kind.MONEY,
    "other": Kind.OTHER,
}


class Group(enum.IntEnum):
    """The order in which parties are listed."""

    BOARD = 0
    MEMBER = 1
    ORGANISATION = 2
    PROVIDER = 3


GROUP_WORDS = {
    Group.BOARD: "",  # its only party says it
    Group.MEMBER: "Members",
    Group.ORGANISATION: "Organisations",
    Group.PROVIDER: "Providers",
}


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Party:
    """Somebody: what they are, their id, their name."""

    group: Group
    id: str
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Tie:
    """Two parties and what ties the first to the second; the days are None where nobody says them."""

    who: Party
    whom: Party
    kind: Kind
    says: str
    first: dt.date | None
    last: dt.date | None

    def holds_on(self, day: dt.date) -> bool:
        """Whether it has begun and not ended; a day that is not disclosed is no end."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def ties_of(edition: Edition) -> tuple[Tie, ...]:
    """Every tie that the files of a root state: the board's own first, then in the order of the parties."""
    found = [*_of_board(edition), *_of_members(edition), *_of_owners(edition), *_of_providers(edition)]
    return tuple(sorted(found, key=lambda tie: (tie.who, tie.whom, tie.kind, tie.says, str(tie.first))))


def _organisation(edition: Edition, name: str) -> Party:
    return Party(Group.ORGANISATION, name, edition.organisation_name(name))


def _of_board(edition: Edition) -> Iterator[Tie]:
    repository, board = edition.repository, Party(Group.BOARD, "", BOARD)
    for gift in repository.funding:
        says = f"{gift.kind} of {gift.amount_usd:,.0f} USD from it"
        yield Tie(board, _organisation(edition, gift.from_), Kind.MONEY, says, gift.date, None)
    rights = {"admin": "administration", "runner": "a runner", "keys": "measuring keys"}
    for held in repository.custody:
        if held.organisation is not None:
            says = f"{rights[held.right]}, held for it"
            whom = _organisation(edition, held.organisation)
            yield Tie(board, whom, Kind.CUSTODY, says, held.from_, held.until)
    for vantage in repository.vantages.values():
        if vantage.operator is not None:
            says = f"it operates the vantage {vantage.name}"
            yield Tie(board, _organisation(edition, vantage.operator), Kind.CUSTODY, says, None, None)


def _of_members(edition: Edition) -> Iterator[Tie]:
    for name, member in edition.repository.members.items():
        who = Party(Group.MEMBER, name, member.name)
        for job in member.employment:
            whom = _organisation(edition, job.organisation)
            yield Tie(who, whom, Kind.WORK, "employed by", job.from_, job.until)
        if member.delegate_of is not None:
            whom = _organisation(edition, member.delegate_of)
            yield Tie(who, whom, Kind.WORK, "votes for", member.seated, member.term_until)
        yield from _of_interests(edition, who, member.interests)


def _of_owners(edition: Edition) -> Iterator[Tie]:
    for name, entry in edition.repository.organisations.items():
        for owner in entry.owners:
            who = _organisation(edition, owner.organisation)
            says = f"owns {figures.percent(owner.share)} %"
            yield Tie(who, _organisation(edition, name), Kind.OWNER, says, owner.from_, owner.until)


def _of_providers(edition: Edition) -> Iterator[Tie]:
    for name, provider in edition.repository.providers.items():
        who = Party(Group.PROVIDER, name, provider.name)
        if provider.organisation is not None:
            whom = _organisation(edition, provider.organisation)
            yield Tie(who, whom, Kind.BELONGS, "is a service of", None, None)
        yield from _of_interests(edition, who, provider.interests)


def _of_interests(edition: Edition, who: Party, interests: Sequence[Interest]) -> Iterator[Tie]:
    for interest in interests:
        whom, kind = _organisation(edition, interest.party), _KIND_OF_INTEREST[interest.kind]
        says = interest.kind + ("" if interest.amount_band in (None, "none") else f", {_band(interest)}")
        yield Tie(who, whom, kind, says, interest.from_, interest.until)


def _band(interest: Interest) -> str:
    return {"up-to-1000-usd": "up to 1,000 USD", "over-1000-usd": "over 1,000 USD"}[str(interest.amount_band)]


# -- on a page -----------------------------------------------------------------------------------


def blocks(edition: Edition) -> Iterator[str]:
    """The drawing of the ties that hold today, and every tie on record behind it."""
    found, today = ties_of(edition), edition.now.date()
    yield heading(2, "Who is tied to whom", "ties")
    if not found:
        yield tag("p", "No tie is on record.", class_="fl-empty")
        return
    standing = [tie for tie in found if tie.holds_on(today)]
    drawn = standing[:DRAWN_MAX]
    ended = len(found) - len(standing)
    title = f"{figures.count(len(standing), 'tie')} today"
    reading = "A line joins two parties; its letter says what ties them. Nothing is drawn that has ended."
    if len(drawn) < len(standing):
        reading = f"The first {len(drawn)}, the board's own before all others. {reading}"
    summary = f"Each of {figures.count(len(found), 'tie')} in words" + (f", {ended} ended" if ended else "")
    yield tag(
        "figure",
        tag("figcaption", tag("strong", title), " ", tag("span", reading, class_="fl-chart-reading")),
        tag("div", picture(drawn), class_="fl-drawing") if drawn else None,
        _keys(drawn),
        tag("details", tag("summary", summary), _table(found, today), class_="fl-fold"),
        class_="fl-chart fl-ties",
        data_search_exclude="",
    )


def picture(ties: Sequence[Tie]) -> Html:
    """The ties as one column of parties and lines between them; several of one kind are one line."""
    parties = sorted({party for tie in ties for party in (tie.who, tie.whom)})
    groups = {
        GROUP_WORDS[group]: [(_key(party), party.name) for party in parties if party.group is group]
        for group in Group
        if any(party.group is group for party in parties)
    }
    lines = dict.fromkeys((tie.who, tie.whom, tie.kind) for tie in ties if tie.who != tie.whom)
    kinds = list(Kind)
    arcs_ = [arcs.Arc(_key(who), _key(whom), LETTERS[kind], kinds.index(kind)) for who, whom, kind in lines]
    says = "; ".join(f"{short(who.name)}, {kind}, {short(whom.name)}" for who, whom, kind in lines)
    return arcs.draw(groups, arcs_, f"{says}.")


def _key(party: Party) -> str:
    return f"{party.group}/{party.id}"


def _keys(ties: Sequence[Tie]) -> Html | None:
    kinds = {tie.kind for tie in ties}
    items = (
        tag("li", tag("b", LETTERS[kind], class_=f"fl-key fl-arc-{place}"), tag("span", str(kind)))
        for place, kind in enumerate(Kind)
        if kind in kinds
    )
    return tag("ul", *items, class_="fl-keys") if kinds else None


def _table(found: Sequence[Tie], today: dt.date) -> Html:
    lines = [
        markup.row(
            tie.who.name,
            tie.says,
            tie.whom.name,
            markup.day(tie.first) if tie.first else "not stated",
            markup.day(tie.last) if tie.last else "–",
            "yes" if tie.holds_on(today) else "no",
        )
        for tie in found
    ]
    return markup.simple_table("Ties", ("Who", "Tie", "With", "From", "Until", "Today"), lines)
