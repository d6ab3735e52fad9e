"""What happened, as Atom feeds (RFC 4287): results, methodology, disputes, and one a provider. Knows no page.

An entry is a fact of the committed files, at the time that they give it; the build's own clock only says
what is still to come. So a feed changes when the data does, and is the same bytes otherwise.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from fairlead import life
from fairlead.clock import moment_of
from fairlead.model import Event
from fairlead.problems import visible
from fairlead.publish import figures
from fairlead.publish.edition import (
    Edition,
    dispute_url,
    methodology_url,
    proposal_url,
    provider_url,
    submission_url,
)
from fairlead.publish.rows import row_url
from fairlead.ranking import Row, methodology_of

FOLDER = "feeds/"
ENTRIES_MAX = 60
TEXT_MAX = 2_000  # characters of a stranger's reason; the page has it whole

_ATOM = "http://www.w3.org/2005/Atom"
# The ids are names, not addresses, so they stay when the site moves. A tag: URI would claim a host for ever.
_NAMES = uuid.UUID("5f0a3a52-3d1c-5c8e-9a55-6c0c2c1f6a3e")
_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One fact: ``name`` is lasting, ``url`` the page that says more, ``providers`` whom it concerns."""

    name: str
    title: str
    url: str
    updated: dt.datetime
    text: str
    providers: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Feed:
    """A feed by its path, with the page that it belongs to."""

    path: str
    title: str
    page: str
    entries: tuple[Entry, ...] = ()


def listed(edition: Edition) -> list[Feed]:
    """Every feed without its entries, which are what takes time."""
    return [
        _feed("results", "Results", "models/"),
        _feed("methodology", "Methodology and votes", "methodology/"),
        _feed("disputes", "Disputes", "disputes/"),
        *(
            _feed(f"providers/{name}", edition.provider_name(name), provider_url(name))
            for name in edition.repository.providers
        ),
    ]


def feeds(edition: Edition) -> list[Feed]:
    """Every feed, each with its newest entries first."""
    results, disputes = list(_results(edition)), list(_disputes(edition))
    entries = collections.defaultdict[str, list[Entry]](list)
    entries[feed_path("results")] = results
    entries[feed_path("methodology")] = [*_versions(edition), *_proposals(edition)]
    entries[feed_path("disputes")] = disputes
    for entry in (*results, *disputes):
        for provider in dict.fromkeys(entry.providers):
            entries[feed_path(f"providers/{provider}")].append(entry)
    return [
        dataclasses.replace(feed, entries=_newest(edition, entries[feed.path])) for feed in listed(edition)
    ]


def feed_path(name: str) -> str:
    """The path of a feed: of ``results``, ``methodology``, ``disputes`` or ``providers/<provider>``."""
    return f"{FOLDER}{name}.xml"


def _feed(name: str, title: str, page: str) -> Feed:
    return Feed(feed_path(name), f"Fairlead: {title}", page)


def _newest(edition: Edition, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    known = sorted((entry for entry in entries if entry.updated <= edition.now), key=lambda entry: entry.name)
    known.sort(key=lambda entry: entry.updated, reverse=True)
    return tuple(known[:ENTRIES_MAX])


# -- results -------------------------------------------------------------------------------------


def _results(edition: Edition) -> Iterator[Entry]:
    """Rows, rounds, submissions and verdicts."""
    for row in edition.rows:
        yield _row(edition, row)
    for name, rounds in edition.repository.rounds.items():
        ends = [item.head.end_unix_ns for item in edition.folders.get(f"neutral/{name}", ())]
        if ends:
            words = f"{figures.count(len(rounds.windows), 'window')} from {rounds.vantage}"
            title = f"Neutral rounds of {edition.model_name(rounds.model)}: {name}"
            url = submission_url(f"neutral/{name}")
            yield Entry(f"rounds/{name}", title, url, moment_of(max(ends)), words)
    for name, submission in edition.repository.submissions.items():
        provider, url = name.partition("/")[0], submission_url(name)
        title = f"Submission of {edition.provider_name(provider)}: {submission.title}"
        handed_in = dt.datetime.combine(submission.submitted, dt.time(), dt.UTC)
        words = (
            f"{figures.count(len(submission.windows), 'window')}, {submission.origin}: a claim, not ranked."
        )
        yield Entry(f"submissions/{name}", title, url, handed_in, words, (provider,))
        yield from _verdict(edition, name, handed_in)
    for folder, history in edition.repository.histories.items():
        for place, event in enumerate(history.events):
            if event.kind in ("corrected", "withdrawn", "retracted"):
                yield _event(edition, folder, place, event, f"{folder}: {event.kind}", submission_url(folder))


def _row(edition: Edition, row: Row) -> Entry:
    """A row as of what last changed what holds of it: a window, an event, or a day that passed."""
    provider, model = edition.provider_name(row.provider), edition.model_name(row.family.model)
    disputes = life.disputes_of(edition.lives, row)
    place = f"{row.family.scenario} from {row.family.vantage or 'a place that is not recorded'}"
    ranks = [f"{figures.FIGURE[name].label}: rank {rank.words}" for name, rank in row.ranks.items()]
    words = [*ranks, *row.withheld.values(), *(f"not ranked: {reason}" for reason in row.unranked)]
    words += [f"dispute {dispute.id}: {dispute.phase}" for dispute in disputes]
    return Entry(
        name=f"rows/{row.id}",
        title=f"{provider}, {model}, {place} ({row.origin})",
        url=row_url(row),
        updated=max(time for time in _times(edition, row, disputes) if time <= edition.now),
        text="; ".join(words) + ".",
        providers=(row.provider,),
    )


def _times(edition: Edition, row: Row, disputes: Iterable[life.Dispute]) -> Iterator[dt.datetime]:
    """When what holds of a row changed, or will; the first is there whatever the moment."""
    yield _NEVER
    newest = moment_of(row.last_unix_ns)
    methodology = methodology_of(edition.repository.methodologies, row.family.methodology)
    yield newest
    yield newest + dt.timedelta(days=methodology.ranking.stale_unranked_days)
    about = {(dispute.folder, dispute.number) for dispute in disputes}
    for folder in life.folders_of(row):
        history = edition.repository.histories.get(folder)
        for event in history.events if history else ():
            if event.dispute is None or (folder, event.dispute) in about:
                yield event.at
    for dispute in disputes:
        if dispute.answer_due is not None and dispute.phase in (life.Phase.UNANSWERED, life.Phase.RECOMPUTED):
            yield dispute.answer_due


def _verdict(edition: Edition, name: str, handed_in: dt.datetime) -> Iterator[Entry]:
    """The verdict on a submission, once there is one, as of the newest window that it rests on."""
    claims = [claim for claim in edition.verdicts[name].claims if claim.windows]
    ends = [
        edition.evidence[path].head.end_unix_ns
        for claim in claims
        for path in claim.windows
        if path in edition.evidence
    ]
    if ends:
        provider = name.partition("/")[0]
        title = f"Verdict on {edition.provider_name(provider)}: {edition.repository.submissions[name].title}"
        text = " ".join(claim.sentence for claim in claims)
        updated = max(handed_in, moment_of(max(ends)))
        yield Entry(f"verdicts/{name}", title, submission_url(name), updated, text, (provider,))


# -- disputes, methodology -----------------------------------------------------------------------


def _disputes(edition: Edition) -> Iterator[Entry]:
    """Every event of every dispute."""
    for folder, history in edition.repository.histories.items():
        for place, event in enumerate(history.events):
            if event.dispute is not None:
                name = f"{folder}/{event.dispute}"
                yield _event(
                    edition, folder, place, event, f"Dispute {name}: {event.kind}", dispute_url(name)
                )


def _event(edition: Edition, folder: str, place: int, event: Event, title: str, url: str) -> Entry:
    owner = folder.partition("/")[0]
    about = {owner} if owner in edition.repository.providers else set()
    one = edition.lives.get(folder)
    for dispute in one.disputes if one else ():
        if dispute.number == event.dispute:
            about |= {row.provider for row in edition.rows if dispute.concerns(row)}
    # A history only grows, so an event's place in it is its name.
    return Entry(f"events/{folder}/{place}", title, url, event.at, event.reason, tuple(sorted(about)))


def _versions(edition: Edition) -> Iterator[Entry]:
    """Methodology versions that have a date; a draft has none."""
    for version in edition.versions:
        if version.date is not None:
            title = f"Methodology {version.version}: {version.state}"
            url = methodology_url(version.version)
            if version.version not in edition.repository.methodologies:
                url = "methodology/"
            at = dt.datetime.combine(version.date, dt.time(), dt.UTC)
            yield Entry(f"versions/{version.version}", title, url, at, version.changes)


def _proposals(edition: Edition) -> Iterator[Entry]:
    """Every event of every proposal: comment, vote, result."""
    for name, proposal in edition.repository.proposals.items():
        for place, event in enumerate(proposal.events):
            title = f"Proposal {name}, {proposal.title}: {event.kind}"
            yield Entry(f"proposals/{name}/{place}", title, proposal_url(name), event.at, event.reason)


# -- the text ------------------------------------------------------------------------------------


def render(edition: Edition) -> Iterator[tuple[str, str]]:
    """Every feed as path and text."""
    for feed in feeds(edition):
        yield feed.path, edition.kept.made(_text, (feed, edition.site_url))


def feed_text(feed: Feed, site_url: str | None) -> str:
    """A feed as XML. Without the site's address its links are relative, as Atom allows."""
    return _text((feed, site_url))


def _text(given: tuple[Feed, str | None]) -> str:
    feed, site_url = given
    up = "../" * feed.path.count("/") if site_url is None else site_url
    root = ET.Element("feed", {"xmlns": _ATOM})
    _add(root, "id", _name(feed.path))
    _add(root, "title", feed.title)
    _add(root, "updated", _instant(feed.entries[0].updated if feed.entries else _NEVER))
    _add(_add(root, "author"), "name", "Fairlead")
    _add(root, "rights", "CC BY 4.0")
    _link(root, "alternate", up + feed.page, "text/html")
    if site_url is not None:
        _link(root, "self", site_url + feed.path, "application/atom+xml")
    for entry in feed.entries:
        element = _add(root, "entry")
        _add(element, "id", _name(entry.name))
        _add(element, "title", entry.title)
        _add(element, "updated", _instant(entry.updated))
        _link(element, "alternate", up + entry.url, "text/html")
        _add(element, "content", _cut(entry.text)).set("type", "text")
    ET.indent(root)
    declaration = '<?xml version="1.0" encoding="utf-8"?>\n'
    return declaration + ET.tostring(root, encoding="unicode") + "\n"


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, name)
    child.text = None if text is None else visible(" ".join(text.split()))
    return child


def _link(parent: ET.Element, rel: str, href: str, kind: str) -> None:
    _add(parent, "link").attrib.update({"rel": rel, "type": kind, "href": href})


def _name(name: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_NAMES, name)}"


def _instant(time: dt.datetime) -> str:
    return f"{time.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
