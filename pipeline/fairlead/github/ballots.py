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

import base64
import binascii
import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar, cast

import msgspec

from fairlead.github.client import Client, GitHubProblem, is_commit, repository_path
from fairlead.history import blob_digest
from fairlead.model import Ballot, BallotVote, GitHub
from fairlead.problems import quote

T = TypeVar("T")

Vote = Literal["yes", "no", "abstain"]
Digest = Callable[[Mapping[str, bytes]], str]

MAX_READS = 6
MAX_FILES = 32
MAX_FILE_BYTES = 1024 * 1024

_PROPOSAL = re.compile(r"[0-9]{4}-[a-z0-9]+(-[a-z0-9]+)*")
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


# -- what a text says ----------------------------------------------------------------------------------

_VOTE = re.compile(r" {0,3}/vote[ \t]+(yes|no|abstain)[ \t]*", re.IGNORECASE)
_MEANT = re.compile(r"\s*/vote", re.IGNORECASE)
_FENCE = re.compile(r"((?:\s*(?:[-*+]|[0-9]{1,9}[.)])\s+)*\s*)(`{3,}(?=[^`]*$)|~{3,})")
_HIDING = re.compile(r"<(?:(!--)|(pre|script|style|textarea)\b)", re.IGNORECASE)


class Reading(NamedTuple):
    """The vote in a text, or why what looks like one is none; neither in an ordinary comment."""

    vote: Vote | None
    fault: str | None


def read_vote(body: str) -> Reading:
    """The vote that a comment casts.

    A vote has a line to itself; what stands in code, in a quotation or in an HTML comment is somebody else's,
    or is not seen. Two votes that differ are none.
    """
    found: set[str] = set()
    faults: list[str] = []
    for line, place in _places(body):
        if not _MEANT.match(line):
            continue
        match = _VOTE.fullmatch(line)
        if place is not None:
            faults.append(f"it stands in {place}")
        elif match is None:
            faults.append(
                f"{quote(line.strip())} is not `/vote yes`, `/vote no` or `/vote abstain` on a line"
            )
        else:
            found.add(match[1].lower())
    if len(found) > 1:
        return Reading(None, "it votes twice, and differently")
    if faults:
        return Reading(None, faults[0])
    return Reading(cast(Vote, found.pop()), None) if found else Reading(None, None)


def _places(body: str) -> Iterator[tuple[str, str | None]]:
    """Each line, and in what it stands that makes it no statement of its own, as GitHub's Markdown has it."""
    fence = hidden_until = ""
    is_after_quote = False
    for line in re.split(r"\r\n|\n|\r", body):
        if fence:
            yield line, "a code block"
            closing = line.strip()
            if len(closing) >= len(fence) and not closing.strip(fence[0]):
                fence = ""
        elif hidden_until:
            yield line, "HTML that is not shown as text"
            hidden_until = "" if hidden_until in line.lower() else hidden_until
        elif opening := _FENCE.match(line):
            fence, is_after_quote = opening[2], False
        elif line.lstrip().startswith(">"):
            is_after_quote = True
        elif hiding := _HIDING.search(line):
            until = "-->" if hiding[1] else f"</{hiding[2].lower()}"
            yield line, "HTML that is not shown as text"
            hidden_until = "" if until in line[hiding.end() :].lower() else until
        else:
            is_after_quote = is_after_quote and bool(line.strip())
            yield line, _place_of(line, is_after_quote=is_after_quote)


def _place_of(line: str, *, is_after_quote: bool) -> str | None:
    if is_after_quote:
        return "a quotation, which goes on until an empty line"
    return "a code block" if line.startswith(("    ", "\t")) else None


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


def fetch_votes(client: Client, repository: str, pull: int, *, proposal: str, digest: Digest) -> Fetched:
    """The votes on a proposal, from the reviews of its pull request.

    ``proposal``: the name of its folder. ``digest``: names a text by the proposal's files, name to bytes.

    The pull request is read until two readings agree: while pages are read, an item that is deleted moves
    another one from a page not yet read to one that was.

    Raises:
        GitHubProblem: GitHub does not answer, or the pull request does not hold still.
    """
    if not _PROPOSAL.fullmatch(proposal):
        raise GitHubProblem(f"{quote(proposal)} is no proposal", "write it as 0001-its-name")
    base = repository_path(repository)
    ignored = [*_misplaced(client, f"{base}/issues/{pull}/comments")]
    snapshot = _settled(lambda: _read_snapshot(client, f"{base}/pulls/{pull}"))
    texts = _Texts(client, base, proposal, digest)
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


def _ballot(item: _Cast, texts: _Texts) -> BallotVote | Ignored | None:
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


# -- which text was voted on ---------------------------------------------------------------------------


class _Entry(msgspec.Struct):
    type: str
    name: str
    sha: str
    size: int


class _Blob(msgspec.Struct):
    content: str
    encoding: str


class _Unusable(Exception):  # noqa: N818 - a fact about the change, for the list of what is ignored
    """Why a commit holds no text that could be voted on."""


class _Texts:
    """The digest of a proposal at each commit that was voted on; each commit and each file is read once."""

    def __init__(self, client: Client, base: str, proposal: str, digest: Digest) -> None:
        self._client, self._base, self._digest = client, base, digest
        self._folder = f"methodology/proposals/{proposal}"
        self._known: dict[str, tuple[str | None, str | None]] = {}
        self._blobs: dict[str, bytes] = {}

    def digest_at(self, commit: str) -> tuple[str | None, str | None]:
        """The digest, or None and why there is none."""
        if commit not in self._known:
            try:
                self._known[commit] = self._digest(self._files(commit)), None
            except _Unusable as reason:
                self._known[commit] = None, str(reason)
        return self._known[commit]

    def _files(self, commit: str) -> dict[str, bytes]:
        if not is_commit(commit):
            raise _Unusable("that is no commit")
        path = f"{self._base}/contents/{self._folder}"
        try:
            entries = self._client.get(path, list[_Entry] | _Entry, ref=commit)  # type: ignore[arg-type]
        except GitHubProblem as problem:
            if problem.status != 404:
                raise
            raise _Unusable("that commit does not have the proposal") from None
        if isinstance(entries, _Entry):
            raise _Unusable("the proposal is no folder there")
        if len(entries) > MAX_FILES:
            raise _Unusable(f"the proposal has more than {MAX_FILES} files there")
        return {entry.name: self._bytes(entry) for entry in entries}

    def _bytes(self, entry: _Entry) -> bytes:
        if entry.type != "file":
            raise _Unusable(f"{quote(entry.name)} is a {quote(entry.type)} there")
        if entry.size > MAX_FILE_BYTES:
            raise _Unusable(f"{quote(entry.name)} is larger there than {MAX_FILE_BYTES} bytes")
        if entry.sha not in self._blobs:
            self._blobs[entry.sha] = self._blob(entry.sha)
        return self._blobs[entry.sha]

    def _blob(self, sha: str) -> bytes:
        """The bytes that git gives this name, whoever sent them."""
        if not is_commit(sha):
            raise GitHubProblem(f"{quote(sha)} is no git object", "try again later")
        blob = self._client.get(f"{self._base}/git/blobs/{sha}", _Blob)
        try:
            data = base64.b64decode("".join(blob.content.split()), validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if blob.encoding != "base64" or blob_digest(data, len(sha)) != sha:
            raise GitHubProblem(
                f"the bytes of the git object {sha} are not those of its name", "try again later"
            )
        return data


# -- what is recorded ----------------------------------------------------------------------------------


class Merged(NamedTuple):
    """A ballot file with the new votes; ``differing``: recorded ones that the forge now shows otherwise."""

    ballot: Ballot
    differing: tuple[Ignored, ...]


def merge_votes(ballot: Ballot, fetched: Fetched) -> Merged:
    """The recorded votes as they are, and the new ones, oldest first.

    A vote is known by the last part of its address, which outlives a renamed repository.
    """
    recorded = {_key(vote): vote for vote in ballot.ballots}
    shown = {_key(vote): vote for vote in fetched.ballots}
    differing = [
        Ignored(vote.url, vote.github.login, f"{reason}; it counts as it was recorded")
        for key, vote in recorded.items()
        if (reason := _difference(vote, shown.get(key))) is not None
    ]
    added = [vote for key, vote in shown.items() if key not in recorded]
    votes = _ordered([*ballot.ballots, *added])
    return Merged(msgspec.structs.replace(ballot, ballots=votes), tuple(differing))


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
