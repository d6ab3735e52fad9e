"""The votes in a pull request's reviews, as a snapshot to be committed. Knows no rule of counting.

A ballot is a line ``/vote yes``, ``/vote no`` or ``/vote abstain`` in the body of a review or in a comment
of one. It binds to the text of the proposal at the commit that the review was made on. The approval itself is
no vote: an author cannot approve their own pull request, and whoever may dismiss an approval would dismiss
votes.

Whoever may write to a repository may also edit and delete what others wrote there, and GitHub's REST API
tells of a review when it was submitted, not whether its body was edited since. So a ballot that is recorded
stays as it was recorded, whatever becomes of its comment: what differs is listed, and changing one's mind
takes a new comment.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from fairlead.github.client import Client, GitHubProblem, is_commit, repository_path
from fairlead.github.lines import read_vote
from fairlead.github.texts import Digest, Texts
from fairlead.model import Ballot, BallotVote, GitHub
from fairlead.problems import quote

T = TypeVar("T")

MAX_READS = 6

_LOGIN = re.compile(r"(?=.{1,39}$)[A-Za-z0-9](-?[A-Za-z0-9])*")
_URL = re.compile(r"(?=.{1,500}$)https://[^\s<>\"'`\\#]+#[A-Za-z0-9_-]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Ignored:
    """Something that was meant as a vote, or was one, and is not taken as it stands; ``reason`` in words."""

    url: str
    login: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Fetched:
    """What a pull request says at one moment.

    ``ballots``: every vote, oldest first. ``dismissed``: the addresses of those whose review somebody
    dismissed; they count like any other. ``head_sha``: the commit that the pull request stood at.
    """

    ballots: tuple[BallotVote, ...]
    ignored: tuple[Ignored, ...]
    dismissed: tuple[str, ...]
    head_sha: str


# -- what the pull request holds -----------------------------------------------------------------------


class _User(msgspec.Struct):
    login: str
    id: int
    type: str


class _Review(msgspec.Struct):
    id: int
    user: _User | None
    state: str
    html_url: str
    body: str | None = None
    submitted_at: dt.datetime | None = None
    commit_id: str | None = None


class _Comment(msgspec.Struct):
    id: int
    user: _User | None
    html_url: str
    body: str
    created_at: dt.datetime
    updated_at: dt.datetime
    original_commit_id: str
    pull_request_review_id: int | None = None


class _Talk(msgspec.Struct):
    user: _User | None
    html_url: str
    body: str = ""


class _Commit(msgspec.Struct):
    sha: str


class _Pull(msgspec.Struct):
    head: _Commit


class _Snapshot(NamedTuple):
    head_sha: str
    reviews: Mapping[int, _Review]
    comments: Mapping[int, _Comment]


class _Cast(NamedTuple):
    """A text that may be a vote."""

    user: _User | None
    url: str
    body: str
    at: dt.datetime
    edited_at: dt.datetime | None
    commit: str
    is_dismissed: bool


def fetch_votes(client: Client, repository: str, pull: int, digest: Digest) -> Fetched:
    """The votes on a proposal, from the reviews of its pull request.

    ``digest`` names the text that a commit puts to the vote. It is given a function that reads a folder at
    that commit, path below the folder to bytes, and raises :class:`.NoText` where there is none.

    The pull request is read until two readings agree: while pages are read, an item that is deleted moves
    another one from a page not yet read to one that was.

    Raises:
        GitHubProblem: GitHub does not answer, or the pull request does not hold still.
    """
    base = repository_path(repository)
    ignored = [*_misplaced(client, f"{base}/issues/{pull}/comments")]
    snapshot = _settled(lambda: _read_snapshot(client, f"{base}/pulls/{pull}"))
    texts = Texts(client, base, digest)
    ballots: list[BallotVote] = []
    dismissed: list[str] = []
    for item in _casts(snapshot):
        vote = _ballot(item, texts)
        if isinstance(vote, Ignored):
            ignored.append(vote)
        elif vote is not None:
            ballots.append(vote)
            if item.is_dismissed:
                dismissed.append(vote.url)
    return Fetched(_ordered(ballots), tuple(ignored), tuple(sorted(dismissed)), snapshot.head_sha)


def _misplaced(client: Client, path: str) -> Iterator[Ignored]:
    """Votes in ordinary comments, which belong to no commit and so to no text."""
    for talk in client.get_all(path, _Talk):
        if read_vote(talk.body).vote is not None:
            login = talk.user.login if talk.user is not None else "ghost"
            yield Ignored(talk.html_url, login, "it is an ordinary comment: vote in a review of the change")


def _settled(read: Callable[[], T]) -> T:
    before = read()
    for _ in range(MAX_READS - 1):
        after = read()
        if after == before:
            return after
        before = after
    raise GitHubProblem(
        f"the pull request changed whenever it was read, {MAX_READS} times",
        "run the same command again when fewer people are writing",
    )


def _read_snapshot(client: Client, path: str) -> _Snapshot:
    head_sha = client.get(path, _Pull).head.sha
    if not is_commit(head_sha):
        raise GitHubProblem(f"the head of {path} is {quote(head_sha)}, which is no commit", "try again later")
    reviews = client.get_all(f"{path}/reviews", _Review)
    comments = client.get_all(f"{path}/comments", _Comment)
    return _Snapshot(head_sha, {one.id: one for one in reviews}, {one.id: one for one in comments})


def _casts(snapshot: _Snapshot) -> Iterator[_Cast]:
    """Reviews, then comments. What is not submitted is not said yet.

    A comment is cast when its review is submitted, on the commit of that review: in an answer,
    ``original_commit_id`` is the one that the thread began on.
    """
    for review in snapshot.reviews.values():
        if review.state.upper() != "PENDING" and review.submitted_at is not None:
            is_dismissed = review.state.upper() == "DISMISSED"
            commit = review.commit_id or ""
            at = _second(review.submitted_at)
            yield _Cast(review.user, review.html_url, review.body or "", at, None, commit, is_dismissed)
    for comment in snapshot.comments.values():
        its = snapshot.reviews.get(comment.pull_request_review_id or 0)
        if its is not None and (its.state.upper() == "PENDING" or its.submitted_at is None):
            continue
        at, updated = _second(comment.created_at), _second(comment.updated_at)
        commit, is_dismissed = comment.original_commit_id, False
        if its is not None and its.submitted_at is not None:
            at = max(at, _second(its.submitted_at))
            commit, is_dismissed = its.commit_id or commit, its.state.upper() == "DISMISSED"
        edited_at = updated if updated > at else None
        yield _Cast(comment.user, comment.html_url, comment.body, at, edited_at, commit, is_dismissed)


def _second(moment: dt.datetime) -> dt.datetime:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return aware.astimezone(dt.UTC).replace(microsecond=0)


def _ballot(item: _Cast, texts: Texts) -> BallotVote | Ignored | None:
    reading = read_vote(item.body)
    if reading.vote is None and reading.fault is None:
        return None
    login = item.user.login if item.user is not None else "ghost"
    if not _URL.fullmatch(item.url):
        raise GitHubProblem(f"a comment's address is {quote(item.url)}", "try again later")
    if (reason := _not_a_voter(item.user) or reading.fault) is not None:
        return Ignored(item.url, login, reason)
    assert item.user is not None
    assert reading.vote is not None
    sha256, reason = texts.digest_at(item.commit)
    if sha256 is None:
        return Ignored(item.url, login, f"it was made on {quote(item.commit)}, and {reason}")
    return BallotVote(
        github=GitHub(login=login, id=item.user.id),
        vote=reading.vote,
        at=item.at,
        edited_at=item.edited_at,
        proposal_sha256=sha256,
        url=item.url,
    )


def _not_a_voter(user: _User | None) -> str | None:
    if user is None:
        return "its account was deleted"
    if user.type != "User":
        return f"a {quote(user.type)} does not vote"
    return None if _LOGIN.fullmatch(user.login) and user.id > 0 else "its login is none that can be recorded"


# -- what is recorded ----------------------------------------------------------------------------------


class Merged(NamedTuple):
    """A ballot file with the new votes; ``differing``: recorded ones that the forge now shows otherwise;
    ``strangers``: new ones of accounts that are no electors."""

    ballot: Ballot
    differing: tuple[Ignored, ...]
    strangers: tuple[Ignored, ...]


def merge_votes(ballot: Ballot, fetched: Fetched) -> Merged:
    """The recorded votes as they are, and the new ones, oldest first.

    A vote is known by the last part of its address, which outlives a renamed repository. Of an account that
    is not in the snapshot of the electorate nothing is recorded: anybody may write anything, and what is
    recorded stays for ever and makes the file grow. Should the account be an elector when the vote is opened
    anew, what it wrote is still where it stands.
    """
    recorded = {_key(vote): vote for vote in ballot.ballots}
    shown = {_key(vote): vote for vote in fetched.ballots}
    differing = [
        Ignored(vote.url, vote.github.login, f"{reason}; it counts as it was recorded")
        for key, vote in recorded.items()
        if (reason := _difference(vote, shown.get(key))) is not None
    ]
    electors = {elector.github.id for elector in ballot.electorate}
    added = [vote for key, vote in shown.items() if key not in recorded]
    votes = _ordered([*ballot.ballots, *(vote for vote in added if vote.github.id in electors)])
    strangers = [
        Ignored(vote.url, vote.github.login, "its account may not vote on this: it is no elector")
        for vote in added
        if vote.github.id not in electors
    ]
    return Merged(msgspec.structs.replace(ballot, ballots=votes), tuple(differing), tuple(strangers))


def _difference(recorded: BallotVote, shown: BallotVote | None) -> str | None:
    if shown is None:
        return "it was deleted, or is no vote any more"
    if shown.vote != recorded.vote:
        return f"it was edited to say {shown.vote}"
    if shown.github.id != recorded.github.id:
        return "it is another account's now"
    if shown.edited_at != recorded.edited_at:
        return "it was edited"
    return "its text is another one now" if shown.proposal_sha256 != recorded.proposal_sha256 else None


def _key(vote: BallotVote) -> str:
    return vote.url.rpartition("#")[2]


def _ordered(votes: Iterable[BallotVote]) -> tuple[BallotVote, ...]:
    ordered: Sequence[BallotVote] = sorted(votes, key=lambda vote: (vote.at, vote.github.id, vote.url))
    return tuple(ordered)
