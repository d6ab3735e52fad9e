"""Who is tied to whom: the list, the drawing, and what a stranger's name does in it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from fairlead.problems import visible
from fairlead.publish import arcs, ties
from fairlead.publish.edition import Edition
from fairlead.repository import load_repository

from . import publish_example, roots
from .publish_example import HOSTILE, Outline


def edition(root: Path, now: dt.datetime = roots.NOW) -> Edition:
    repository, _ = load_repository(root)
    return Edition(repository, (), now, None, {})


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    return edition(roots.build_root(tmp_path_factory.mktemp("ties") / "root"))


def test_every_tie_of_the_files_is_listed_the_boards_own_first(board: Edition) -> None:
    """Custody, money, a vantage, employment, votes, ownership, and whose service a provider is."""
    found = [(tie.who.name, tie.says, tie.whom.name) for tie in ties.ties_of(board)]
    assert found[:3] == [
        ("The board", "administration, held for it", "Example University"),
        ("The board", "it operates the vantage North, room 1", "Example University"),
        ("The board", "in-kind of 500 USD from it", "Example University"),
    ]
    assert set(found[3:]) == {
        ("Ada Example", "employed by", "Example University"),
        ("Ada Example", "votes for", "Example University"),
        ("Ben Example", "employed by", "Acme Corporation"),
        ("Ben Example", "employment, over 1,000 USD", "Acme Corporation"),
        ("Ben Example", "votes for", "Acme Corporation"),
        ("Example Fund", "owns 40.0 %", "Acme Corporation"),
        ("Acme", "is a service of", "Acme Corporation"),
    }


def test_what_has_ended_or_not_begun_is_listed_and_not_drawn(board: Edition) -> None:
    """A term that is over ties nobody; a day that nobody states is no end."""
    votes = next(tie for tie in ties.ties_of(board) if tie.says == "votes for")
    assert votes.first is not None
    assert votes.last is not None
    assert votes.holds_on(votes.first)
    assert votes.holds_on(votes.last)
    assert not votes.holds_on(votes.first - dt.timedelta(1))
    assert not votes.holds_on(votes.last + dt.timedelta(1))
    assert next(tie for tie in ties.ties_of(board) if tie.says == "is a service of").holds_on(dt.date.min)


def test_each_line_joins_the_points_of_its_two_parties(board: Edition) -> None:
    """Ends on the points of both, its letter on it, and the whole said in words for who does not see it."""
    picture = ties.picture(ties.ties_of(board))
    points = {int(y) for y in re.findall(r'<circle cx="152" cy="(\d+)"', picture)}
    ends = [(int(a), int(b)) for a, b in re.findall(r'd="M152 (\d+)C[^"]* 152 (\d+)"', picture)]
    assert len(points) == 7
    assert len(ends) == 6
    assert {y for pair in ends for y in pair} == points
    assert picture.count("fl-arc-letter") == len(ends)
    assert "Ben Example, works for, or votes for, Acme Corporation" in picture


def test_hostile_names_are_text_in_the_drawing_and_in_its_table(tmp_path: Path) -> None:
    """No element but ours, no handler; a long name is cut in the drawing and whole in the table."""
    publish_example.write_root(tmp_path)
    made = edition(tmp_path, publish_example.NOW)
    outline = Outline("".join(ties.blocks(made)))
    assert outline.names <= {
        *("figure", "figcaption", "strong", "span", "div", "svg", "path", "text", "circle", "ul", "li", "b"),
        *("details", "summary", "table", "thead", "tbody", "tr", "th", "td", "time"),
    }
    assert all(not key.startswith("on") for _, attributes in outline.elements for key in attributes)
    assert visible(HOSTILE) in outline.text


def test_a_drawing_of_many_ties_stays_within_its_frame() -> None:
    """However many lines join one pair, none leaves the picture; the same arguments give the same bytes."""
    groups = {"": [("a", "A")], "Others": [(str(n), f"Name {n}") for n in range(40)]}
    lines = [arcs.Arc("a", str(n % 40), "W", n % 7) for n in range(400)]
    picture = arcs.draw(groups, lines, "says")
    assert picture == arcs.draw(groups, lines, "says")
    assert max(int(x) for x in re.findall(r"C(\d+) ", picture)) <= 152 + 230
    width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', picture)[0])
    places = [(int(x), int(y)) for x, y in re.findall(r'<text x="(\d+)" y="(\d+)"', picture)]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)
