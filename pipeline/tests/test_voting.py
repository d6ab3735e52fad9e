"""Votes that a command opens, counts and closes: over the fake GitHub, and without any."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead import governance

from . import fake_github as fake
from . import governance_example as board
from .fake_github import REPOSITORY, TOKEN, FakeGitHub, commit, serving, user
from .walk_example import METHOD, TEXT, VERSION, Walk, files_below, run, seat_everybody

HEAD = commit("the change")
PULL = 7
VOTERS = {name: user(f"{name}-example", board.NUMBERS[name]) for name in board.PEOPLE}
OVER = ("--fetch", "--repository", REPOSITORY)


@pytest.fixture(scope="module")
def seated(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """A board that can vote, with a method proposed and open for comment."""
    made = Walk(tmp_path_factory.mktemp("voting") / "root")
    seat_everybody(made)
    made.propose(METHOD, "methodology", methodology_version=VERSION, pull=PULL)
    made.happen(METHOD, "comment")
    made.step("Open for comment")
    return made


@pytest.fixture
def walk(seated: Walk, tmp_path: Path) -> Walk:
    """A copy of it, which a test may go on with."""
    copy = object.__new__(Walk)
    copy.root, copy.now = tmp_path / "root", seated.now
    shutil.copytree(seated.root, copy.root)
    return copy


@pytest.fixture
def hub(walk: Walk) -> Iterator[FakeGitHub]:
    """The pull request of the method, at a commit that holds its text."""
    with serving() as found:
        found.add_pull(HEAD, PULL)
        found.trees[HEAD] = files_below(walk.root, "methodology")
        yield found


def tally(walk: Walk, hub: FakeGitHub | None, *arguments: str) -> tuple[int, str]:
    more = {"GITHUB_API_URL": hub.url, "GITHUB_TOKEN": TOKEN} if hub else {}
    return run(walk, "tally", *arguments, **more)


def cast(walk: Walk, hub: FakeGitHub, **choices: str) -> None:
    """Ballots in reviews of the pull request, now."""
    for who, choice in choices.items():
        hub.add_review(VOTERS[who], f"/vote {choice}", f"{walk.now:%Y-%m-%dT%H:%M:%SZ}", HEAD)


def kinds(walk: Walk, name: str = METHOD) -> list[str]:
    return [event.kind for event in walk.load().proposals[name].events]


def opened(walk: Walk) -> Walk:
    walk.wait(14)
    walk.open_vote(METHOD)
    walk.step("Put it to the vote")
    return walk


# -- one proposal --------------------------------------------------------------------------------


def test_a_snapshot_is_recorded_and_counted(walk: Walk, hub: FakeGitHub) -> None:
    """What is no ballot is said, and whose; what is recorded counts, whatever becomes of the comment."""
    opened(walk).wait(1)
    cast(walk, hub, ada="yes", dan="no")
    hub.add_review(user("mallory", 666), "/vote no\n\n##[set-output]", f"{walk.now:%Y-%m-%dT%H:%M:%SZ}", HEAD)
    hub.add_talk(VOTERS["bo"], "/vote yes")
    code, text = tally(walk, hub, METHOD, *OVER)
    assert code == 0, text
    assert f"{METHOD}: pull request 7 at {HEAD[:12]}, 2 new on record" in text
    assert "by mallory: its account may not vote on this" in text
    assert "by bo-example: it is an ordinary comment" in text
    assert "2 ballots on record, 2 of them counted." in text
    walk.step("Record the snapshot")
    hub.reviews[1]["body"] = "/vote yes"
    code, text = tally(walk, hub, METHOD, *OVER)
    assert "differs from what was recorded" in text
    assert "it was edited to say yes; it counts as it was recorded" in text
    assert [vote.vote for vote in walk.load().ballots[METHOD].ballots] == ["yes", "no"]


def test_a_snapshot_is_whole_or_there_is_none(walk: Walk, hub: FakeGitHub) -> None:
    """A list that breaks off half-way is no list."""
    opened(walk)
    cast(walk, hub, ada="yes", dan="no")
    hub.plan("pulls/7/comments", fake.status(404, "Not Found"))
    before = (walk.root / f"methodology/proposals/{METHOD}/ballot.yaml").read_bytes()
    code, _ = tally(walk, hub, METHOD, *OVER)
    assert code == 1
    assert (walk.root / f"methodology/proposals/{METHOD}/ballot.yaml").read_bytes() == before


def test_a_ballot_on_another_text_is_recorded_and_does_not_count(walk: Walk, hub: FakeGitHub) -> None:
    """It binds to the text at the commit of its review."""
    opened(walk)
    older = commit("an older text")
    hub.trees[older] = dict(hub.trees[HEAD])
    hub.trees[older][f"methodology/proposals/{METHOD}/proposal.md"] = b"# Another\n"
    hub.add_review(VOTERS["ada"], "/vote yes", f"{walk.now:%Y-%m-%dT%H:%M:%SZ}", older)
    _, text = tally(walk, hub, METHOD, *OVER)
    assert "ada-example for fjord-university: does not count, cast on another" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a proposal, or --every"),
        ((METHOD, "--every"), "name a proposal, or --every"),
        (("--every", "--open"), "go without --every"),
        ((METHOD, "--fetch"), "--fetch needs --repository"),
        ((METHOD, "--status"), "--status needs --fetch"),
        ((METHOD, *OVER), "was not put to the vote yet"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(walk: Walk, arguments: tuple[str, ...], said: str) -> None:
    """With what would make one."""
    code, text = tally(walk, None, *arguments)
    assert (code, said in text) == (2, True), text


def test_a_pull_request_is_named_once(walk: Walk, hub: FakeGitHub) -> None:
    """In proposal.yaml, else on the command line; never two different ones."""
    opened(walk)
    assert tally(walk, hub, METHOD, *OVER, "--pull", "8")[0] == 2
    path = f"methodology/proposals/{METHOD}/proposal.yaml"
    walk.write(path, "proposal", replace(walk.load().proposals[METHOD], pull=None))
    code, text = tally(walk, hub, METHOD, *OVER)
    assert (code, "names no pull request" in text) == (2, True)
    cast(walk, hub, ada="yes")
    code, text = tally(walk, hub, METHOD, *OVER, "--pull", "7")
    assert (code, "1 new on record" in text) == (0, True)


# -- every proposal ------------------------------------------------------------------------------


def test_votes_open_and_close_by_their_dates(walk: Walk, hub: FakeGitHub) -> None:
    """Open when its days of comment are over; counted while it is; closed with the last ballots in it."""
    every = ("--every", *OVER, "--status")
    walk.wait(13.9)
    code, text = tally(walk, hub, *every)
    assert (code, text) == (0, f"{METHOD}: open for comment until 2026-02-02 00:00 UTC\n")
    assert hub.asked == []
    walk.wait(0.1)
    code, text = tally(walk, hub, *every)
    assert f"{METHOD}: open until 2026-02-16 00:00 UTC, 0 of 5 ballots\n" in text
    walk.step("Open the vote")
    walk.wait(3)
    cast(walk, hub, ada="yes", bo="yes", dan="yes")
    code, text = tally(walk, hub, *every)
    assert f"{METHOD}: open until 2026-02-16 00:00 UTC, 3 of 5 ballots\n" in text
    walk.step("Take the snapshot")
    walk.wait(10.9)
    cast(walk, hub, cy="no", eve="yes")
    walk.wait(1)
    code, text = tally(walk, hub, *every)
    assert (code, f"{METHOD}: accepted\n" in text) == (0, True), text
    walk.step("Close the vote")
    assert kinds(walk)[-3:] == ["comment", "voting", "accepted"]
    states = [(one["state"], one["description"], one["context"]) for one in hub.statuses]
    assert states == [
        ("pending", "open until 2026-02-16 00:00 UTC, 0 of 5 ballots", "fairlead/vote"),
        ("pending", "open until 2026-02-16 00:00 UTC, 3 of 5 ballots", "fairlead/vote"),
        ("success", "accepted", "fairlead/vote"),
    ]
    assert {one["sha"] for one in hub.statuses} == {HEAD}
    assert tally(walk, hub, *every) == (0, "no proposal is open for comment or for votes\n")


def test_all_of_it_goes_without_github(walk: Walk) -> None:
    """By the ballots that stand in the file; a vote without enough of them leaves things as they are."""
    walk.wait(14)
    assert tally(walk, None, "--every") == (
        0,
        f"{METHOD}: open until 2026-02-16 00:00 UTC, 0 of 5 ballots\n",
    )
    walk.step("Open the vote")
    walk.vote(METHOD, ada="yes", bo="yes")
    walk.step("Record two ballots")
    walk.wait(14)
    code, data = tally(walk, None, "--every", "--json")
    assert (code, [one["outcome"] for one in json.loads(data)["proposals"]]) == (0, ["no quorum"])
    walk.step("Close the vote")
    assert kinds(walk)[-1] == "rejected"
    assert walk.load().proposals[METHOD].events[-1].reason == "By the count of its vote: no quorum."


def test_a_changed_text_ends_a_vote_and_opens_none(walk: Walk) -> None:
    """Whether it is put to the vote again is for people to say; then its days of comment begin anew."""
    opened(walk).wait(2)
    (walk.root / f"methodology/proposals/{METHOD}/proposal.md").write_text(TEXT.replace("Because", "Mended"))
    walk.step("Mend the text")
    code, text = tally(walk, None, "--every")
    assert (code, text) == (0, f"{METHOD}: ended by a change of its text\n")
    assert kinds(walk)[-2:] == ["voting", "amended"]
    walk.step("End the vote")
    assert tally(walk, None, "--every")[1] == "no proposal is open for comment or for votes\n"
    walk.happen(METHOD, "comment")
    walk.step("Discuss it again")
    walk.wait(13)
    assert "open for comment until" in tally(walk, None, "--every")[1]
    walk.wait(1)
    assert "open until" in tally(walk, None, "--every")[1]
    assert kinds(walk)[-4:] == ["voting", "amended", "comment", "voting"]
    walk.step("Open it again")


def test_one_pull_request_that_cannot_be_read_holds_up_no_other(walk: Walk, hub: FakeGitHub) -> None:
    """Its proposal stays as it is, and the command says so at its end."""
    other = "0003-another"
    walk.propose(other, "charter", pull=9)
    walk.happen(other, "comment")
    walk.step("Propose another")
    hub.add_pull(HEAD, 9)
    walk.wait(14)
    assert tally(walk, hub, "--every", *OVER)[0] == 0
    walk.step("Open both")
    walk.wait(14)
    hub.plan("pulls/7/reviews", fake.status(404, "Not Found"))
    code, text = tally(walk, hub, "--every", *OVER)
    assert code == 3
    assert f"error: {METHOD}: " in text
    assert f"{other}: no quorum" in text
    assert (kinds(walk)[-1], kinds(walk, other)[-1]) == ("voting", "rejected")


def test_a_text_that_answers_no_objection_is_not_put_to_the_vote(walk: Walk) -> None:
    """An empty section is none; once it says something, the vote opens."""
    path = walk.root / f"methodology/proposals/{METHOD}/proposal.md"
    for text in ("# An example\n", "# An example\n\n## Objections\n\n", "# A\n\n## Objections\n\n## More\n"):
        path.write_text(text)
        walk.wait(14)
        code, said = tally(walk, None, "--every")
        assert (code, f"{METHOD}: not put to the vote: G-4.10: " in said) == (0, True), said
        assert tally(walk, None, METHOD, "--open")[0] == 1
    path.write_text("# An example\n\n## Objections\r\n\nNone was raised.\n")
    assert "open until" in tally(walk, None, "--every")[1]


def test_a_board_that_is_founding_opens_no_vote(tmp_path: Path) -> None:
    """It says what is lacking, and that is no failure."""
    walk = Walk(tmp_path / "root")
    walk.propose(METHOD, "methodology", methodology_version=VERSION)
    walk.happen(METHOD, "comment")
    walk.step("Open for comment")
    walk.wait(20)
    code, text = tally(walk, None, "--every")
    assert (code, text.startswith(f"{METHOD}: not put to the vote: G-1.2: ")) == (0, True)
    assert kinds(walk)[-1] == "comment"


def test_a_withdrawn_proposal_is_left_alone(walk: Walk) -> None:
    """It is decided."""
    opened(walk).happen(METHOD, "withdrawn")
    walk.step("Withdraw")
    walk.wait(20)
    assert tally(walk, None, "--every")[1] == "no proposal is open for comment or for votes\n"
    assert kinds(walk)[-1] == "withdrawn"


def test_the_pull_request_is_no_part_of_the_text(walk: Walk) -> None:
    """So that it can be named once there is one, and the branch need not name it."""
    before = governance.text_digest(walk.load(), METHOD)
    path = f"methodology/proposals/{METHOD}/proposal.yaml"
    walk.write(path, "proposal", replace(walk.load().proposals[METHOD], pull=8))
    assert governance.text_digest(walk.load(), METHOD) == before
    walk.step("Name another pull request, before there is a vote")
