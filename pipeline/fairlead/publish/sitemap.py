"""The list of pages for search engines, with the day on which the data behind each last changed.

It needs whole addresses, so there is none where nobody says where the site will be served from. The days are
those of the data; a page that no date belongs to has none, and the build's clock is not asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

from fairlead.clock import moment_of
from fairlead.publish import markup
from fairlead.publish.edition import (
    DISPUTES_URL,
    Edition,
    methodology_url,
    model_url,
    proposal_url,
    provider_url,
    submission_url,
)

NAME, ROBOTS = "sitemap.xml", "robots.txt"


def write(edition: Edition, built: Path) -> None:
    """Write the list, and where robots find it; nothing where the site's address is not known."""
    if edition.site_url is None:
        return
    urls = sorted(
        path.relative_to(built).as_posix().removesuffix("index.html") for path in built.rglob("index.html")
    )
    (built / NAME).write_text(sitemap(edition.site_url, urls, last_changed(edition)), "utf-8")
    (built / ROBOTS).write_text(f"User-agent: *\nAllow: /\nSitemap: {edition.site_url}{NAME}\n", "utf-8")


def sitemap(site_url: str, urls: list[str], changed: Mapping[str, dt.date]) -> str:
    """The XML of it."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">')
    for url in urls:
        day = f"<lastmod>{changed[url]:%Y-%m-%d}</lastmod>" if url in changed else ""
        lines.append(f"<url><loc>{markup.escape(site_url + url)}</loc>{day}</url>")
    return "\n".join([*lines, "</urlset>", ""])


def last_changed(edition: Edition) -> dict[str, dt.date]:
    """The day of the newest fact behind each page that has one, none of them after the edition."""
    newest: dict[str, dt.datetime] = {}
    for url, time in _facts(edition):
        if time <= edition.now:
            newest[url] = max(time, newest.get(url, time))
    return {url: time.date() for url, time in newest.items()}


def _facts(edition: Edition) -> Iterator[tuple[str, dt.datetime]]:
    """Pages and the times of what stands on them."""
    yield from _measured(edition)
    for version in edition.versions:
        if version.date is not None:
            yield methodology_url(version.version), dt.datetime.combine(version.date, dt.time(), dt.UTC)
    for name, proposal in edition.repository.proposals.items():
        yield from ((proposal_url(name), step.at) for step in proposal.events)
    for quarter, frozen in edition.snapshots.items():
        yield f"snapshots/{quarter}/", frozen.snapshot.generated_at


def _measured(edition: Edition) -> Iterator[tuple[str, dt.datetime]]:
    for row in edition.rows:
        ended = moment_of(row.last_unix_ns)
        for url in ("", "models/", model_url(row.family.model), provider_url(row.provider)):
            yield url, ended
    for item in edition.evidence.values():
        yield submission_url(item.folder), moment_of(item.head.end_unix_ns)
    for folder, history in edition.repository.histories.items():
        for event in history.events:
            yield submission_url(folder), event.at
            if event.dispute is not None:
                yield DISPUTES_URL, event.at
