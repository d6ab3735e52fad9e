"""Votes out of reviews: what is one, whose it is, on which text, and what stays of it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead import governance
from fairlead.github import Client, Fetched, GitHubProblem, NoText, fetch_votes, merge_votes, proposal_text
from fairlead.github.ballots import MAX_READS
from fairlead.model import Ballot, BallotVote, GitHub, Proposal
from fairlead.repository import FileKind, canonical_text, load_repository, read_value

from . import fake_github as fake
from . import roots
from .fake_github import REPOSITORY, WEB, FakeGitHub, commit, user
from .github_example import talking

FOLDER = "methodology/proposals/0001-prices"
FIRST, SECOND = commit("first"), commit("second")
ANA, BO, CY = user("ana", 501), user("bo", 502), user("cy", 503)


def digest(read: Callable[[str], Mapping[str, bytes]]) -> str:
    """Of the text alone, whatever else there is."""
    return hashlib.sha256(read(FOLDER).get("proposal.md", b"")).hexdigest()


TEXTS = {
    FIRST: {f"{FOLDER}/proposal.md": b"one\n", f"{FOLDER}/proposal.yaml": b"x: 1\n", "README.md": b"no"},
    SECOND: {f"{FOLDER}/proposal.md": b"two\n", f"{FOLDER}/proposal.yaml": b"x: 1\n", "README.md": b"no"},
}
ONE, TWO = (hashlib.sha256(text).hexdigest() for text in (b"one\n", b"two\n"))


def opened(hub: FakeGitHub) -> None:
    """A pull request with a proposal of two texts."""
    hub.add_pull(SECOND)
    hub.trees.update({sha: dict(files) for sha, files in TEXTS.items()})


def fetch(client: Client) -> Fetched:
    return fetch_votes(client, REPOSITORY, 7, digest)


def at(minute: int) -> str:
    return f"2026-03-02T10:{minute:02}:00Z"


def moment(minute: int) -> dt.datetime:
    return dt.datetime(2026, 3, 2, 10, minute, tzinfo=dt.UTC)


# -- what is fetched -----------------------------------------------------------------------------------


def test_votes_are_read_from_reviews_and_from_their_comments() -> None:
    """Oldest first; each with its account, its moment, its address and the text that it was cast on."""
    with talking() as (hub, client, _):
        opened(hub)
        review = hub.add_review(ANA, "", at(5), FIRST)
        comment = hub.add_comment(ANA, "/vote no", at(5), FIRST, review=review)
        body = hub.add_review(BO, "/vote yes", at(1), SECOND)
        hub.add_review(CY, "Is this wise?", at(2), SECOND)
        fetched = fetch(client)
    assert fetched.head_sha == SECOND
    assert fetched.ignored == fetched.dismissed == ()
    assert fetched.ballots == (
        BallotVote(
            github=GitHub(login="bo", id=502),
            vote="yes",
            at=moment(1),
            edited_at=None,
            proposal_sha256=TWO,
            url=f"{WEB}/pull/7#pullrequestreview-{body}",
        ),
        BallotVote(
            github=GitHub(login="ana", id=501),
            vote="no",
            at=moment(5),
            edited_at=None,
            proposal_sha256=ONE,
            url=f"{WEB}/pull/7#discussion_r{comment}",
        ),
    )


def test_an_approval_is_no_vote_and_a_dismissed_review_keeps_its_vote() -> None:
    """A dismissal takes the approval's state away; the vote that was written stays, and is listed."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.add_review(ANA, "Good.", at(1), SECOND, state="APPROVED")
        hub.add_review(BO, "/vote no", at(2), SECOND, state="DISMISSED")
        third = hub.add_review(CY, "", at(3), SECOND, state="DISMISSED")
        hub.add_comment(CY, "/vote yes", at(3), SECOND, review=third)
        fetched = fetch(client)
    assert [(vote.github.login, vote.vote) for vote in fetched.ballots] == [("bo", "no"), ("cy", "yes")]
    assert set(fetched.dismissed) == {vote.url for vote in fetched.ballots}


def test_what_is_not_submitted_is_not_cast() -> None:
    """A pending review is seen by its author alone, whose token this may be."""
    with talking() as (hub, client, _):
        opened(hub)
        pending = hub.add_review(ANA, "/vote yes", at(1), SECOND, state="PENDING")
        hub.add_comment(ANA, "/vote yes", at(1), SECOND, review=pending)
        assert fetch(client).ballots == fetch(client).ignored == ()


def test_a_comment_is_cast_with_its_review() -> None:
    """Drafted and edited before, it was not said; and an answer binds to the text that its author saw."""
    with talking() as (hub, client, _):
        opened(hub)
        review = hub.add_review(ANA, "", at(9), SECOND)
        hub.add_comment(ANA, "/vote yes", at(1), FIRST, review=review, updated=at(8))
        (vote,) = fetch(client).ballots
    assert (vote.at, vote.edited_at, vote.proposal_sha256) == (moment(9), None, TWO)


def test_a_comment_that_was_edited_says_so() -> None:
    """When it was last changed is what can be known of a comment; counting decides."""
    with talking() as (hub, client, _):
        opened(hub)
        review = hub.add_review(ANA, "", at(1), FIRST)
        hub.add_comment(ANA, "/vote yes", at(1), FIRST, review=review, updated=at(30))
        (vote,) = fetch(client).ballots
    assert (vote.at, vote.edited_at) == (moment(1), moment(30))


def test_bots_and_accounts_that_are_gone_do_not_vote() -> None:
    """They are listed with the reason."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.add_review(user("helper[bot]", 900, "Bot"), "/vote yes", at(1), SECOND)
        hub.add_review(None, "/vote yes", at(2), SECOND)
        hub.add_review(user("not-a-login-", 901), "/vote yes", at(3), SECOND)
        hub.add_review(ANA, "/vote maybe", at(4), SECOND)
        fetched = fetch(client)
    assert fetched.ballots == ()
    assert [(one.login, one.reason) for one in fetched.ignored] == [
        ("helper[bot]", "a `Bot` does not vote"),
        ("ghost", "its account was deleted"),
        ("not-a-login-", "its login is none that can be recorded"),
        ("ana", "`/vote maybe` is not `/vote yes`, `/vote no` or `/vote abstain` on a line"),
    ]


def test_a_vote_in_an_ordinary_comment_is_answered() -> None:
    """It names no text, so it cannot count; but nobody is left to believe that it did."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.add_talk(ANA, "/vote yes")
        hub.add_talk(BO, "To vote, write `/vote yes` in a review:\n\n    /vote yes")
        fetched = fetch(client)
    assert fetched.ballots == ()
    assert [(one.login, one.reason) for one in fetched.ignored] == [
        ("ana", "it is an ordinary comment: vote in a review of the change")
    ]


def test_a_renamed_account_is_the_same_voter() -> None:
    """The number counts: what was recorded under the old login is not recorded again under the new."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.add_review(ANA, "/vote yes", at(1), SECOND)
        recorded = merge_votes(EMPTY, fetch(client)).ballot
        hub.reviews[0]["user"] = user("ana-of-late", 501)
        hub.add_review(user("ana-of-late", 501), "/vote no", at(2), SECOND)
        fetched = fetch(client)
    merged = merge_votes(recorded, fetched)
    assert [(vote.github.id, vote.vote) for vote in fetched.ballots] == [(501, "yes"), (501, "no")]
    assert [(vote.github.login, vote.vote) for vote in merged.ballot.ballots] == [
        ("ana", "yes"),
        ("ana-of-late", "no"),
    ]
    assert merged.differing == ()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "it has no `methodology/proposals/0001-prices`"),
        ({FOLDER: b"a file"}, "is no folder there"),
        ({f"{FOLDER}/proposal.md": b"-> /etc/passwd"}, "`proposal.md` is a `symlink`"),
        ({f"{FOLDER}/{index}.md": b"x" for index in range(101)}, "more than 100 files"),
        ({f"{FOLDER}/{'a/' * 150}x.md": b"x"}, "more than 100 files"),
        ({f"{FOLDER}/proposal.md": b"x" * 1_100_000}, "larger there than 1048576 bytes"),
    ],
    ids=["gone", "file", "link", "many", "deep", "large"],
)
def test_a_vote_on_no_text_is_ignored_and_the_others_are_not(files: dict[str, bytes], reason: str) -> None:
    """Whoever pushed such a commit spoils the votes on it, which are listed, and no others."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.trees[commit("odd")] = files
        hub.add_review(ANA, "/vote yes", at(1), commit("odd"))
        hub.add_review(BO, "/vote yes", at(2), SECOND)
        fetched = fetch(client)
    assert [vote.github.login for vote in fetched.ballots] == ["bo"]
    (ignored,) = fetched.ignored
    assert reason in ignored.reason


def test_a_review_of_no_commit_is_ignored() -> None:
    """GitHub may not know it any more."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.add_review(ANA, "/vote yes", at(1), SECOND)
        hub.reviews[0]["commit_id"] = None
        assert "no commit" in fetch(client).ignored[0].reason


def test_bytes_that_are_not_those_of_their_name_are_refused() -> None:
    """Git names bytes by their digest, so a text cannot be swapped on the way."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.add_review(ANA, "/vote yes", at(1), SECOND)
        forged = fake.component("blob", content="Zm9yZ2Vk", encoding="base64", sha=fake.blob(b"two\n"))
        hub.plan("git/blobs", fake.said(msgspec.json.encode(forged)))
        with pytest.raises(GitHubProblem, match="not those of its name"):
            fetch(client)


def test_each_text_is_read_once() -> None:
    """Many votes cost no more requests than few."""
    with talking() as (hub, client, _):
        opened(hub)
        for minute in range(30):
            hub.add_review(
                user(f"u{minute}", 600 + minute), "/vote yes", at(minute), (FIRST, SECOND)[minute % 2]
            )
        assert len(fetch(client).ballots) == 30
        assert len(hub.requests("contents")) == 2
        assert len(hub.requests("git/blobs")) == 3


# -- a pull request that does not hold still -----------------------------------------------------------


def test_pages_that_shift_lose_no_vote() -> None:
    """A review that goes while pages are read moves another to a page that was read: it is read again."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.page_items = 2
        for index in range(5):
            hub.add_review(user(f"u{index}", 600 + index), "/vote yes", at(index), SECOND)
        hub.after.append(("pulls/7/reviews.per_page=100$", lambda: hub.reviews.pop(0)))
        fetched = fetch(client)
        assert [vote.github.id for vote in fetched.ballots] == [601, 602, 603, 604]
        first = [one.query.get("page", "1") for one in hub.requests("pulls/7/reviews")][:2]
        assert first == ["1", "2"]


def test_pages_that_grow_at_the_front_count_no_vote_twice() -> None:
    """The last item of a page comes again on the next one."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.page_items = 2
        for index in range(4):
            hub.add_review(user(f"u{index}", 600 + index), "/vote yes", at(index), SECOND)
        late = fake.component("pull-request-review", **{**hub.reviews[0], "id": 9, "user": CY})
        late["html_url"] = f"{WEB}/pull/7#pullrequestreview-9"
        hub.after.append(("pulls/7/reviews.per_page=100$", lambda: hub.reviews.insert(0, late)))
        assert sorted(vote.github.id for vote in fetch(client).ballots) == [503, 600, 601, 602, 603]


def test_a_push_while_reading_is_seen() -> None:
    """The head belongs to the same moment as the votes."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.after.append(("pulls/7$", lambda: hub.pulls[0]["head"].update(sha=FIRST)))
        assert fetch(client).head_sha == FIRST


def test_a_pull_request_that_never_holds_still_gives_no_snapshot() -> None:
    """A count of half of it would be worse than none."""
    with talking() as (hub, client, _):
        opened(hub)
        for _ in range(MAX_READS + 1):
            hub.after.append(("pulls/7/comments", lambda: hub.add_review(BO, "/vote no", at(1), SECOND)))
        with pytest.raises(GitHubProblem, match="changed whenever it was read") as caught:
            fetch(client)
        assert "fewer people" in caught.value.fix


def test_faults_on_the_way_change_no_result() -> None:
    """With every kind of fault that passes, the votes are those without any."""

    def fill(hub: FakeGitHub) -> None:
        opened(hub)
        hub.page_items = 2
        for index in range(5):
            review = hub.add_review(user(f"u{index}", 600 + index), "", at(index), (FIRST, SECOND)[index % 2])
            hub.add_comment(hub.reviews[-1]["user"], "/vote yes", at(index), FIRST, review=review)

    with talking() as (hub, client, _):
        fill(hub)
        expected = fetch(client)
    with talking() as (hub, client, time):
        fill(hub)
        hub.plan("pulls/7$", fake.status(502, "Bad Gateway"))
        hub.plan("reviews.*page=2", fake.cut_json)
        hub.plan("reviews.*page=3", fake.status(403, "secondary rate limit", retry_after="9"))
        hub.plan("comments", fake.cut_connection)
        hub.plan("contents", fake.status(429, "slow", retry_after="2"))
        hub.plan("blobs", fake.status(503, "x"), times=2)
        assert fetch(client) == expected
        assert len(time.waits) == 7


def test_a_text_may_be_in_several_folders() -> None:
    """A proposal that ratifies a version puts that version to the vote too, with the folders below it."""
    seen: dict[str, bytes] = {}

    def both(read: Callable[[str], Mapping[str, bytes]]) -> str:
        seen.update(read(FOLDER))
        seen.update(read("methodology/versions/1.0.0-rc"))
        return ONE

    with talking() as (hub, client, _):
        opened(hub)
        hub.trees[SECOND] |= {
            "methodology/versions/1.0.0-rc/methodology.md": b"m",
            "methodology/versions/1.0.0-rc/workloads/chat/a.yaml": b"w",
            "methodology/versions/1.0.0/methodology.md": b"another",
        }
        hub.add_review(ANA, "/vote yes", at(1), SECOND)
        (vote,) = fetch_votes(client, REPOSITORY, 7, both).ballots
    assert vote.proposal_sha256 == ONE
    assert seen == {
        "proposal.md": b"two\n",
        "proposal.yaml": b"x: 1\n",
        "methodology.md": b"m",
        "workloads/chat/a.yaml": b"w",
    }


def test_a_digest_may_find_no_text() -> None:
    """What it says of a commit is the reason why the votes on it are not counted."""

    def none(read: Callable[[str], Mapping[str, bytes]]) -> str:
        raise NoText("its proposal.yaml cannot be read")

    with talking() as (hub, client, _):
        opened(hub)
        hub.add_review(ANA, "/vote yes", at(1), SECOND)
        (ignored,) = fetch_votes(client, REPOSITORY, 7, none).ignored
    assert ignored.reason == f"it was made on `{SECOND}`, and its proposal.yaml cannot be read"


def test_a_proposals_text_is_its_facts_its_files_and_the_version_it_would_ratify() -> None:
    """Its ballot is no part of it; what is no proposal has no text."""
    seen: list[tuple[Proposal, Mapping[str, bytes]]] = []

    def digest_of(proposal: Proposal, files: Mapping[str, bytes]) -> str:
        seen.append((proposal, files))
        return ONE

    with talking() as (hub, client, _):
        opened(hub)
        hub.trees[FIRST] = {path: text.encode() for path, text in roots.FILES.items()}
        hub.trees[SECOND] = {**hub.trees[FIRST], f"{roots.PROPOSAL}/proposal.yaml": b"schema_version: 1\n"}
        hub.add_review(ANA, "/vote yes", at(1), FIRST)
        hub.add_review(BO, "/vote yes", at(2), SECOND)
        name = roots.PROPOSAL.rpartition("/")[2]
        fetched = fetch_votes(client, REPOSITORY, 7, lambda read: proposal_text(read, name, digest_of))
    ((proposal, files),) = seen
    assert proposal.title == "The first method"
    version = "methodology/versions/1.0.0/"
    expected = {"proposal.md"} | {path for path in roots.FILES if path.startswith(version)}
    assert set(files) == expected
    assert files["proposal.md"] == b"# The first method\n"
    assert [one.github.login for one in fetched.ballots] == ["ana"]
    assert [one.reason for one in fetched.ignored] == [
        f"it was made on `{SECOND}`, and its proposal.yaml is not valid"
    ]


def test_the_digest_at_a_commit_is_the_one_that_the_tally_takes_of_the_tree(tmp_path: Path) -> None:
    """A ballot that was cast on a commit binds to what the count finds in the same files."""
    root = roots.build_root(tmp_path)

    def read(folder: str) -> dict[str, bytes]:
        top = root / folder
        return {
            path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()
        }

    name = roots.PROPOSAL.rpartition("/")[2]
    of_tree = governance.text_digest(load_repository(root)[0], name)
    assert proposal_text(read, name, governance.proposal_digest) == of_tree


@pytest.mark.parametrize("folder", ["../x", "a/../b", "/a", "a/", "", "a?ref=main", "a#b", "a b", "a\n"])
def test_a_folder_is_a_path_and_nothing_else(folder: str) -> None:
    """Its name may come from a stranger's file; it becomes part of an address."""
    with talking() as (hub, client, _):
        opened(hub)
        hub.add_review(ANA, "/vote yes", at(1), SECOND)
        (ignored,) = fetch_votes(client, REPOSITORY, 7, lambda read: str(read(folder))).ignored
        assert "no folder's name" in ignored.reason
        assert hub.requests("contents") == []


# -- what is recorded ----------------------------------------------------------------------------------


def read_ballot(text: str) -> Ballot:
    value, problems = read_value(text.encode(), f"{roots.PROPOSAL}/ballot.yaml", FileKind.BALLOT)
    assert problems == []
    assert isinstance(value, Ballot)
    return value


def empty() -> Ballot:
    """A vote that ana, bo, cy and a fourth may take part in, before its first ballot."""
    opened = read_ballot(roots.vote_text())
    electorate = tuple(
        msgspec.structs.replace(opened.electorate[0], github=GitHub(login=f"u{number}", id=number))
        for number in range(501, 505)
    )
    return msgspec.structs.replace(opened, electorate=electorate, ballots=())


EMPTY = empty()


def vote(number: int, said: str = "yes", *, minute: int = 1, account: int = 501) -> BallotVote:
    return BallotVote(
        github=GitHub(login="ana", id=account),
        vote=said,  # type: ignore[arg-type]
        at=moment(minute),
        edited_at=None,
        proposal_sha256=TWO,
        url=f"{WEB}/pull/7#discussion_r{number}",
    )


def fetched_of(*votes: BallotVote) -> Fetched:
    return Fetched(votes, (), (), SECOND)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (None, "was deleted"),
        (vote(1, "no"), "edited to say no"),
        (vote(1, account=502), "another account's"),
        (msgspec.structs.replace(vote(1), edited_at=moment(9)), "it was edited"),
        (msgspec.structs.replace(vote(1), proposal_sha256=ONE), "its text"),
    ],
    ids=["deleted", "turned", "moved", "edited", "text"],
)
def test_a_recorded_vote_stays_as_it_was_recorded(now: BallotVote | None, reason: str) -> None:
    """Whoever may edit a comment does not thereby edit a vote; what differs is listed."""
    recorded = merge_votes(EMPTY, fetched_of(vote(1))).ballot
    merged = merge_votes(recorded, fetched_of(*([now] if now else [])))
    assert merged.ballot == recorded
    (differing,) = merged.differing
    assert reason in differing.reason
    assert differing.reason.endswith("it counts as it was recorded")


def test_what_was_fetched_can_be_committed() -> None:
    """A file with every kind of vote passes its schema, and says the same when it is read again."""
    with talking() as (hub, client, _):
        opened(hub)
        review = hub.add_review(ANA, "", at(1), FIRST)
        hub.add_comment(ANA, "/vote abstain", at(1), FIRST, review=review, updated=at(3))
        hub.add_review(BO, "/vote no", at(2), SECOND, state="DISMISSED")
        merged = merge_votes(EMPTY, fetch(client)).ballot
    text = canonical_text(FileKind.BALLOT, msgspec.to_builtins(merged))
    assert read_ballot(text) == merged
    assert [one.vote for one in merged.ballots] == ["abstain", "no"]


def test_a_renamed_repository_records_no_vote_again() -> None:
    """The number in the address outlives the name in it."""
    moved = msgspec.structs.replace(vote(1), url="https://github.com/new-owner/new/pull/7#discussion_r1")
    recorded = merge_votes(EMPTY, fetched_of(vote(1))).ballot
    assert merge_votes(recorded, fetched_of(moved)) == (recorded, (), ())


def test_of_a_stranger_nothing_is_recorded_and_it_is_said() -> None:
    """Anybody may write anything there; a file that only grows is no place for all of it."""
    merged = merge_votes(EMPTY, fetched_of(vote(1), vote(2, account=666)))
    assert [one.github.id for one in merged.ballot.ballots] == [501]
    (stranger,) = merged.strangers
    assert (stranger.url, "no elector" in stranger.reason) == (vote(2).url, True)


_VOTES = st.lists(
    st.builds(
        vote,
        st.integers(1, 12),
        st.sampled_from(["yes", "no", "abstain"]),
        minute=st.integers(0, 59),
        account=st.integers(501, 504),
    ),
    max_size=12,
    unique_by=lambda one: one.url,
)


@given(_VOTES, _VOTES)
def test_merging_adds_and_never_takes_away(first: list[BallotVote], second: list[BallotVote]) -> None:
    """The file only grows, is in one order, and merging the same again changes nothing."""
    recorded = merge_votes(EMPTY, fetched_of(*first)).ballot
    merged = merge_votes(recorded, fetched_of(*second)).ballot
    assert set(recorded.ballots) <= set(merged.ballots)
    assert {one.url for one in merged.ballots} == {one.url for one in [*first, *second]}
    assert list(merged.ballots) == sorted(merged.ballots, key=lambda one: (one.at, one.github.id, one.url))
    assert merge_votes(merged, fetched_of(*second)).ballot == merged
    assert msgspec.structs.replace(merged, ballots=()) == EMPTY
