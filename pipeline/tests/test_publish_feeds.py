"""Atom feeds: valid by RFC 4287, of the data's own times, and harmless whatever a stranger wrote."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fairlead.problems import visible
from fairlead.publish import feeds
from fairlead.publish.edition import Edition

from .publish_example import COMMIT, HOSTILE, NOW, load, write_root

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    root = tmp_path_factory.mktemp("feeds")
    write_root(root)
    repository, rows = load(root)
    return Edition(repository, rows, NOW, COMMIT, {})


def faults(text: str) -> Iterator[str]:
    """What RFC 4287 has against a feed: its elements, how often each is there, ids, times and links."""
    feed = ET.fromstring(text)
    if feed.tag != f"{ATOM}feed":
        yield f"the root is {feed.tag}"
    yield from _numbers(feed, once=("id", "title", "updated"), most_once=("rights",))
    if not feed.findall(f"{ATOM}author/{ATOM}name"):
        yield "no author of the entries"
    ids = [element.text for element in feed.iter(f"{ATOM}id")]
    if len(ids) != len(set(ids)):
        yield "an id twice"
    yield from (f"no IRI: {name}" for name in ids if not re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", name or ""))
    for entry in feed.findall(f"{ATOM}entry"):
        yield from _numbers(entry, once=("id", "title", "updated"), most_once=("content",))
        if not [link for link in entry.findall(f"{ATOM}link") if link.get("rel") == "alternate"]:
            yield "an entry without a page"
        yield from (f"markup in {part.tag}" for part in entry if len(part) and part.tag != f"{ATOM}author")
    for element in feed.iter(f"{ATOM}updated"):
        if not re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", element.text or ""):
            yield f"no date: {element.text}"
    for link in feed.iter(f"{ATOM}link"):
        if not re.fullmatch(r"[A-Za-z0-9./:#-]+", link.get("href", "")):
            yield f"no address: {link.attrib}"


def _numbers(element: ET.Element, once: tuple[str, ...], most_once: tuple[str, ...]) -> Iterator[str]:
    for name in (*once, *most_once):
        number = len(element.findall(ATOM + name))
        if number > 1 or (name in once and number == 0):
            yield f"{number} {name} in {element.tag}"


def test_every_feed_is_valid_and_links_to_pages(edition: Edition) -> None:
    """With and without the site's address; a feed of nobody's news too."""
    bare = dataclasses.replace(edition, rows=())
    for one in (edition, dataclasses.replace(edition, site_url="https://board.example/x/"), bare):
        rendered = dict(feeds.render(one))
        assert {"feeds/results.xml", "feeds/providers/hostile.xml"} <= rendered.keys()
        for path, text in rendered.items():
            assert list(faults(text)) == [], path
            hrefs = [link.get("href", "") for link in ET.fromstring(text).iter(f"{ATOM}link")]
            start = "https://board.example/x/" if one.site_url else "../"
            assert all(href.startswith(start) for href in hrefs)


def test_what_is_wrong_with_a_feed_is_found() -> None:
    """The test of validity can fail."""
    text = feeds.feed_text(feeds.Feed("feeds/x.xml", "X", "x/", ()), None)
    assert list(faults(text)) == []
    assert list(faults(text.replace("urn:uuid:", ""))) != []
    assert list(faults(re.sub("<author>.*</author>", "", text, flags=re.DOTALL))) != []
    assert list(faults(text.replace("<rights>", "<updated>x</updated><rights>"))) != []


def test_a_hostile_text_is_text_and_nothing_is_lost_of_it(edition: Edition) -> None:
    """Markup, entities, what cannot be seen: read by a parser it is what was written, made visible."""
    text = dict(feeds.render(edition))["feeds/disputes.xml"]
    contents = [element.text for element in ET.fromstring(text).iter(f"{ATOM}content")]
    assert visible(" ".join(HOSTILE.split())) in contents
    assert "<script" not in text


def test_control_characters_and_long_texts_do_not_break_a_feed() -> None:
    """XML 1.0 knows no NUL; a reason of a megabyte is cut."""
    entry = feeds.Entry("x", "a\x00b\x0b\ufffe]]>", "x/", NOW, "word " * 200_000)
    text = feeds.feed_text(feeds.Feed("feeds/x.xml", "X", "x/", (entry,)), None)
    assert list(faults(text)) == []
    assert len(text) < 2 * feeds.TEXT_MAX


def test_a_feed_depends_on_the_data_and_not_on_the_day_of_the_build(edition: Edition) -> None:
    """Three days later, when nothing has happened and no deadline has passed, it is the same bytes."""
    later = dataclasses.replace(edition, now=NOW + dt.timedelta(days=3))
    assert dict(feeds.render(later)) == dict(feeds.render(edition))


def test_what_is_still_to_come_is_not_in_a_feed(edition: Edition) -> None:
    """An edition of an earlier moment knows no later event, and no entry is after it."""
    earlier = dataclasses.replace(edition, now=dt.datetime(2026, 2, 25, 12, tzinfo=dt.UTC))
    entries = {entry.title: entry for feed in feeds.feeds(earlier) for entry in feed.entries}
    assert max(entry.updated for entry in entries.values()) <= earlier.now
    assert not any(title.endswith(": upheld") for title in entries)
    assert any(title.endswith(": upheld") for feed in feeds.feeds(edition) for title in _titles(feed))


def _titles(feed: feeds.Feed) -> list[str]:
    return [entry.title for entry in feed.entries]


def test_a_dispute_moves_only_the_rows_that_it_is_about(edition: Edition) -> None:
    """Dunlin's row changed when panelists upheld; the others last when they were measured or disputed."""
    (results,) = [feed for feed in feeds.feeds(edition) if feed.path == "feeds/results.xml"]
    days = {entry.providers[0]: entry.updated.day for entry in results.entries if "(neutral)" in entry.title}
    assert days == {"dunlin": 28, "borealis": 24, "acme": 21, "cumulus": 21, "hostile": 21}


def test_a_providers_feed_holds_what_concerns_it_and_nothing_else(edition: Edition) -> None:
    """Its rows, submissions and the disputes about its rows."""
    by_path = {feed.path: feed for feed in feeds.feeds(edition)}
    assert all("dunlin" in entry.providers for entry in by_path["feeds/providers/dunlin.xml"].entries)
    assert any("Dispute" in title for title in _titles(by_path["feeds/providers/dunlin.xml"]))
    assert not any("Dispute" in title for title in _titles(by_path["feeds/providers/acme.xml"]))


def test_a_feed_is_bounded_and_keeps_the_newest(edition: Edition) -> None:
    """Five hundred rows make no larger feed than sixty, and what happened last is in it."""
    row = edition.rows[0]
    copies = tuple(dataclasses.replace(row, endpoint=f"e{number}") for number in range(500))
    many = dataclasses.replace(edition, rows=(*edition.rows, *copies))
    (results,) = [feed for feed in feeds.feeds(many) if feed.path == "feeds/results.xml"]
    assert len(results.entries) == feeds.ENTRIES_MAX
    times = [entry.updated for entry in results.entries]
    assert times == sorted(times, reverse=True)
    assert times[0] == dt.datetime(2026, 2, 28, 10, tzinfo=dt.UTC)


def test_every_page_names_the_feeds_and_a_providers_page_its_own() -> None:
    """In the head, where a reader's program looks for them."""
    head = (Path(__file__).parents[2] / "site" / "theme" / "main.html").read_text("utf-8")
    for name in ("results", "methodology", "disputes"):
        assert f"'{feeds.feed_path(name)}' | url" in head
