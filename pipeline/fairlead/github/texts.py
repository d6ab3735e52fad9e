"""What a commit puts to the vote: files read from GitHub at that commit. Knows no vote and no digest.

Whoever pushed the commit wrote the files: they are bounded in number and size, and only plain files are read.
Their bytes are checked against the names that git gives them, whoever sent them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

import msgspec

from fairlead.github.client import Client, GitHubProblem, is_commit
from fairlead.history import blob_digest
from fairlead.model import Proposal
from fairlead.problems import quote
from fairlead.repository import FileKind, read_value

ReadFolder = Callable[[str], Mapping[str, bytes]]
Digest = Callable[[ReadFolder], str]

MAX_FILES = 100  # below one folder, the folders counted
MAX_FILE_BYTES = 1024 * 1024

_FOLDER = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)*")


class _Entry(msgspec.Struct):
    type: str
    name: str
    sha: str
    size: int


class _Blob(msgspec.Struct):
    content: str
    encoding: str


class NoText(Exception):  # noqa: N818 - a fact about the change, for the list of what is ignored
    """A commit holds no text that could be voted on; the message says why, without a full stop."""


def proposal_text(read: ReadFolder, name: str, digest: Callable[[Proposal, Mapping[str, bytes]], str]) -> str:
    """The digest of a proposal as it stands at a commit, by ``digest`` over its facts and its files.

    The files are those of its folder, by name, but for proposal.yaml and ballot.yaml; and those of the
    methodology version that it would ratify, by path.

    Raises:
        NoText: there is no such proposal, or its proposal.yaml is not valid.
    """
    folder = f"methodology/proposals/{name}"
    files = dict(read(folder))
    facts = files.pop("proposal.yaml", b"")
    files.pop("ballot.yaml", None)
    proposal, _ = read_value(facts, f"{folder}/proposal.yaml", FileKind.PROPOSAL)
    if proposal is None:
        raise NoText("its proposal.yaml is not valid")
    if proposal.methodology_version is not None:
        version = f"methodology/versions/{proposal.methodology_version}"
        files |= {f"{version}/{path}": data for path, data in read(version).items()}
    return digest(proposal, files)


class Texts:
    """The digest of what each commit puts to the vote; each commit and each file is read once."""

    def __init__(self, client: Client, base: str, digest: Digest) -> None:
        self._client, self._base, self._digest = client, base, digest
        self._known: dict[str, tuple[str | None, str | None]] = {}
        self._blobs: dict[str, bytes] = {}

    def digest_at(self, commit: str) -> tuple[str | None, str | None]:
        """The digest, or None and why there is none."""
        if commit not in self._known:
            try:
                if not is_commit(commit):
                    raise NoText("that is no commit")
                self._known[commit] = self._digest(lambda folder: self._files(commit, folder)), None
            except NoText as reason:
                self._known[commit] = None, str(reason)
        return self._known[commit]

    def _files(self, commit: str, folder: str) -> dict[str, bytes]:
        """Every file below a folder."""
        if not _FOLDER.fullmatch(folder):
            raise NoText(f"{quote(folder)} is no folder's name")
        found: dict[str, bytes] = {}
        ahead, seen = [folder], 0
        while ahead:
            inside = ahead.pop()
            entries = self._list(commit, inside)
            seen += len(entries)
            if seen > MAX_FILES:
                raise NoText(f"{quote(folder)} has more than {MAX_FILES} files there")
            ahead += [f"{inside}/{entry.name}" for entry in entries if entry.type == "dir"]
            files = ((f"{inside}/{entry.name}", entry) for entry in entries if entry.type != "dir")
            found |= {path.removeprefix(f"{folder}/"): self._bytes(entry) for path, entry in files}
        return found

    def _list(self, commit: str, folder: str) -> list[_Entry]:
        try:
            found = self._client.get(
                f"{self._base}/contents/{folder}",
                list[_Entry] | _Entry,  # type: ignore[arg-type]
                ref=commit,
            )
        except GitHubProblem as problem:
            if problem.status != 404:
                raise
            raise NoText(f"it has no {quote(folder)}") from None
        if isinstance(found, _Entry):
            raise NoText(f"{quote(folder)} is no folder there")
        if any("/" in entry.name or entry.name in ("", ".", "..") for entry in found):
            raise NoText(f"{quote(folder)} has a file whose name is none")
        return found

    def _bytes(self, entry: _Entry) -> bytes:
        if entry.type != "file":
            raise NoText(f"{quote(entry.name)} is a {quote(entry.type)} there")
        if entry.size > MAX_FILE_BYTES:
            raise NoText(f"{quote(entry.name)} is larger there than {MAX_FILE_BYTES} bytes")
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
