"""Badges: what the row says, no more flattering, and safe to show on anybody's page."""

from __future__ import annotations

import dataclasses
import datetime as dt
from xml.etree import ElementTree as ET

import msgspec
import pytest

from fairlead.problems import visible
from fairlead.publish import badges
from fairlead.publish.edition import Edition
from fairlead.ranking import RankRange, Row

from .publish_example import COMMIT, HOSTILE, NOW, Outline, load, write_root

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    root = tmp_path_factory.mktemp("badges")
    write_root(root)
    repository, rows = load(root)
    return Edition(repository, rows, NOW, COMMIT, {})


def _words(edition: Edition, provider: str) -> str:
    (badge,) = badges.badges(edition, provider)
    assert badge.words.split(" · ")[1:] == badge.sentence.split(" · ")[-len(badge.words.split(" · ")) + 1 :]
    return badge.words


def _with(edition: Edition, provider: str, **changes: object) -> Edition:
    """The edition with another neutral row of a provider."""
    rows = tuple(
        dataclasses.replace(row, **changes) if row.provider == provider and row.ranks else row  # type: ignore[arg-type]
        for row in edition.rows
    )
    return dataclasses.replace(edition, rows=rows)


def test_a_badge_says_the_rank_range_of_the_row_where_and_as_of_when(edition: Edition) -> None:
    """Never a bare place: the range, the figure, the scenario, the month, and that nobody ratified it."""
    place = "TTFT p50 · chat-c1 from harbour"
    assert _words(edition, "acme") == f"rank 1–2 of 4 · {place} · unratified · as of 2026-02"
    ranks = {"ttft_p50_ms": RankRange(1, 1, 4)}
    assert _words(_with(edition, "acme", ranks=ranks), "acme").startswith(f"rank 1 of 4 · {place}")


def test_what_weakens_a_row_is_on_its_badge(edition: Edition) -> None:
    """An open dispute, one in effect, age, a claim, a figure withheld: each in words, in the title too."""
    assert "· disputed ·" in _words(edition, "borealis")
    assert _words(edition, "dunlin").startswith("not ranked · chat-c1 from harbour · dispute in effect ·")
    aged = dataclasses.replace(edition, now=NOW + dt.timedelta(days=25))
    assert "· stale ·" in _words(aged, "acme")
    only_claim = tuple(row for row in edition.rows if row.provider != "hostile" or row.origin == "claim")
    claimed = _words(dataclasses.replace(edition, rows=only_claim), "hostile")
    assert claimed.startswith("not ranked: claim: measured by the provider itself")
    withheld = {"ttft_p50_ms": "in 30 of 30 replies the first chunk came long before the rest"}
    early = _words(
        _with(edition, "acme", ranks={"e2e_p50_ms": RankRange(1, 1, 4)}, withheld=withheld), "acme"
    )
    assert early.startswith("no rank by TTFT p50: in 30 of 30 replies")
    assert "rank 1" not in early


def test_a_method_that_was_ratified_says_nothing_and_one_that_is_past_says_so(edition: Edition) -> None:
    """By the state of the row's own version."""
    stated = edition.repository.versions["0.1.0"]
    for state, word in (("ratified", None), ("superseded", "by a superseded methodology")):
        version = msgspec.structs.replace(stated, state=state)
        repository = dataclasses.replace(
            edition.repository, versions={**edition.repository.versions, "0.1.0": version}
        )
        words = _words(dataclasses.replace(edition, repository=repository), "acme").split(" · ")
        assert "unratified" not in words
        assert (word in words) is (word is not None)


def test_nobody_can_choose_the_row_where_they_did_best(edition: Edition) -> None:
    """A better place in a later scenario, elsewhere or at another endpoint does not come on the badge."""
    (acme,) = [row for row in edition.rows_where(provider="acme") if row.ranks]
    best = {"ttft_p50_ms": RankRange(1, 1, 9)}

    def like(**family: str) -> Row:
        return dataclasses.replace(
            acme, family=dataclasses.replace(acme.family, **family), ranks=best, withheld={}
        )

    for other in (
        like(scenario="chat-c16"),
        like(vantage="a"),
        like(methodology="0.0.1"),
        like(scenario="a"),
    ):
        more = dataclasses.replace(edition, rows=(other, *edition.rows, other))
        assert badges.row_of(more, "acme", "fable-7b") == acme


def test_a_badge_is_a_picture_without_anything_that_runs_or_loads(edition: Edition) -> None:
    """Well-formed, titled, of a few plain elements; a hostile name is text in it."""
    for provider in edition.repository.providers:
        for badge in badges.badges(edition, provider):
            picture = ET.fromstring(badges.svg(badge))
            assert {element.tag for element in picture.iter()} == {
                f"{SVG}{name}" for name in ("svg", "title", "rect", "text")
            }
            names = {name for element in picture.iter() for name in element.attrib}
            assert not any(name.startswith("on") or "href" in name or name == "style" for name in names)
            assert picture.get("aria-label") == picture.findtext(f"{SVG}title") == badge.sentence
            assert picture.get("width") == str(badge.width)
    (hostile,) = badges.badges(edition, "hostile")
    assert visible(HOSTILE) in hostile.sentence


def test_a_name_of_ten_kilobytes_makes_no_endless_badge(edition: Edition) -> None:
    """The picture is bounded; the title says it whole."""
    name = "Ω" * 10_000
    model = msgspec.structs.replace(edition.repository.models["fable-7b"], name=name)
    repository = dataclasses.replace(edition.repository, models={"fable-7b": model})
    (badge,) = badges.badges(dataclasses.replace(edition, repository=repository), "acme")
    assert badge.width < 1_000
    assert name in badge.sentence


def test_a_text_is_as_wide_as_its_letters() -> None:
    """By the metrics of the font: an i is narrow, a W wide, a wide character as wide as it is high."""
    assert badges.text_width("") == 0
    assert badges.text_width("i") == pytest.approx(2.442)
    assert badges.text_width("W") == pytest.approx(10.384)
    assert badges.text_width("~") == pytest.approx(6.424)
    assert badges.text_width("漢") == 11
    assert badges.text_width("ab") == badges.text_width("a") + badges.text_width("b")


def test_what_to_paste_is_whole_and_harmless(edition: Edition) -> None:
    """Markdown and HTML with the site's address; pasted, the hostile name is an alternative text."""
    stated = dataclasses.replace(edition, site_url="https://board.example/")
    text = Outline("".join(badges.blocks(stated, "hostile", "providers/hostile/"))).text
    snippet = text[text.index("<a href=") : text.rindex("</a>") + 4]
    pasted = Outline(snippet)
    assert [name for name, _ in pasted.elements] == ["a", "img"]
    assert pasted.values("src") == ["https://board.example/badges/hostile/fable-7b.svg"]
    anchor = "row--chat-c1--harbour--hostile--api--neutral--0-1-0"
    assert pasted.values("href") == [f"https://board.example/models/fable-7b/#{anchor}"]
    assert "rank" not in snippet  # what was pasted a year ago must not say what held then
    markdown = text[text.index("[![") : text.index("HTML")]
    assert not set(markdown.partition("![")[2].partition("](")[0]) & set("[]()<>`*_\\\"'!#{}|")
