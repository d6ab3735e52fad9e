"""The pages of the board: what they say is what the package computes, and a stranger's text is only text."""

from __future__ import annotations

import dataclasses
import html
import json
import re

import jsonschema
import pytest
from msgspec.structs import replace

from fairlead import governance
from fairlead.publish import api, board
from fairlead.publish.edition import Edition, Page, render_page
from fairlead.publish.site import read_prose
from fairlead.repository import load_repository

from . import governance_example as people
from . import roots

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """The valid root; in its vote also a ballot of a stranger with a hostile address."""
    root = roots.build_root(tmp_path_factory.mktemp("board") / "root")
    repository, _ = load_repository(root)
    name = roots.PROPOSAL.rpartition("/")[2]
    ballot = repository.ballots[name]
    strange = people.vote("mallory", "no", at=ballot.opens, proposal_sha256=ballot.proposal_sha256)
    strange = replace(strange, url=f"https://forge.example/{HOSTILE}")
    ballots = {name: replace(ballot, ballots=(*ballot.ballots, strange))}
    changed = {
        **{key: getattr(repository, key) for key in repository.__dataclass_fields__},
        "ballots": ballots,
    }
    repository = type(repository)(**changed)
    prose, problems = read_prose(repository)
    assert problems == []
    return Edition(repository, (), roots.NOW, None, prose)


@pytest.fixture(scope="module")
def pages(edition: Edition) -> dict[str, Page]:
    made, problems = board.governance_pages(edition)
    assert problems == []
    return {page.url: page for page in made}


def text(page: Page) -> str:
    plain = re.sub(r"<[^>]+>", " ", render_page(page))
    return re.sub(r"\s+", " ", html.unescape(html.unescape(plain)))


def test_the_page_of_the_board_says_who_sits_who_recuses_and_whose_house_it_is(
    pages: dict[str, Page],
) -> None:
    """Seats with their group and ties, recusals with their clauses, custody and funding."""
    shown = text(pages["governance/"])
    for said in (
        "The board is seated: votes can be held.",
        "Ada Example voter, maintainer votes for the group of Example University untied seated",
        "Ben Example voter votes for the group of Acme Corporation tied to a provider seated",
        "the rows and disputes of acme employed by Acme Corporation since 2021-01-01 (G-3.1)",
        "Example University holds administration rights since 2025-11-01 (G-6.1)",
        "gave 100% of the funding of 24 months (G-6.2)",
        "The first method methodology 2026-01-02 00:00 UTC accepted accepted",
    ):
        assert said in shown, said


def test_a_proposals_page_counts_its_vote_in_sentences(edition: Edition, pages: dict[str, Page]) -> None:
    """Every step of both counts, every ballot with its reason, and the digest that it binds to."""
    name = roots.PROPOSAL.rpartition("/")[2]
    shown = text(pages[f"governance/{name}/"])
    made = governance.tally_proposal(edition.repository, name, edition.now)
    assert made is not None
    assert made.as_known is not None
    for step in (*made.held, *made.as_known.steps):
        assert f"{step.text} " in shown
    assert "does not count, no elector" in shown
    assert governance.text_digest(edition.repository, name) in shown
    assert HOSTILE not in render_page(pages[f"governance/{name}/"])


HOME = "https://github.com/fairlead-example/board/pull/"


@pytest.mark.parametrize(
    ("pull", "urls", "shown"),
    [
        (None, [f"{HOME}7#pullrequestreview-1"], "none is named"),
        (7, [], "number 7"),
        (7, [f"{HOME}7#pullrequestreview-1", "https://forge.example/1"], f'href="{HOME}7"'),
        (8, [f"{HOME}7#pullrequestreview-1"], f'href="{HOME}8"'),
        (7, [f"{HOME}7", HOME.replace("board", "other") + "7"], "number 7"),
        (7, ["https://github.com.evil.example/a/b/pull/7"], "number 7"),
        (7, ["https://github.com/a/../pull/7/pull/7"], "number 7"),
        (7, ["https://github.com/a/<b>/pull/7"], "number 7"),
        (7, ["http://github.com/a/b/pull/7"], "number 7"),
    ],
)
def test_a_proposals_page_leads_to_its_pull_request(
    edition: Edition, pull: int | None, urls: list[str], shown: str
) -> None:
    """By its number, and by a link once ballots were cast in one repository of GitHub's, and nowhere else."""
    name, repository = "0001-first-method", edition.repository
    ballot = repository.ballots[name]
    cast = tuple(replace(vote, url=url) for url, vote in zip(urls, ballot.ballots, strict=False))
    changed = dataclasses.replace(
        repository,
        proposals={**repository.proposals, name: replace(repository.proposals[name], pull=pull)},
        ballots={name: replace(ballot, ballots=cast)},
    )
    fact = board._pull(dataclasses.replace(edition, repository=changed), name)
    assert shown in fact
    assert ("href" in fact) == ("href" in shown)


def test_the_data_files_of_governance_fit_their_schemas(edition: Edition) -> None:
    """A file of the board, and one for each tally."""
    files = {path: json.loads(body) for path, body in api.render(edition)}
    names = {path.removeprefix(api.ROOT) for path in files}
    assert {"governance.json", "tallies/0000-first-members.json", "tallies/0001-first-method.json"} <= names
    for path, data in files.items():
        kind = "tally" if "/tallies/" in path else "governance"
        if path in (f"{api.ROOT}governance.json", *(name for name in files if "/tallies/" in name)):
            jsonschema.Draft202012Validator(api.schema(kind)).validate(data)
    stated = files[f"{api.ROOT}governance.json"]
    assert stated["founding"] == []
    assert stated["members"][1]["seat"]["speaks"] is True
    assert [hold["rule"] for hold in stated["own_house"]] == ["G-6.1", "G-6.1", "G-6.2"]
