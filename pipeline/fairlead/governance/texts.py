"""The text that a vote binds to, and its digest. The only module here that reads files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import msgspec

from fairlead.documents import Unreadable, read_bounded
from fairlead.governance.register import PROPOSALS
from fairlead.model import Proposal
from fairlead.repository import MAX_PROSE_BYTES, Repository

_OBJECTIONS = re.compile(rb"^## Objections[ \t]*\r?\n\s*[^\s#]", re.MULTILINE)


def proposal_digest(proposal: Proposal, files: Mapping[str, bytes]) -> str:
    """The digest that a ballot binds to: sha256, as 64 hex digits.

    It is the sha256 of lines as ``sha256sum`` prints them, sorted by path: one for each of ``files``, and one
    named ``proposal.yaml`` of that file's data without its events and its pull request, as JSON with sorted
    keys and no spaces. Events say what became of a proposal, the pull request where it is voted on, and
    ballots how it was; none of them is its text.
    """
    stated = msgspec.to_builtins(proposal)
    del stated["events"], stated["pull"]
    texts = {**files, "proposal.yaml": msgspec.json.encode(stated, order="sorted")}
    lines = (f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(texts.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def proposal_files(repository: Repository, name: str) -> dict[str, bytes]:
    """What a proposal puts to the vote beside its proposal.yaml: the other files of its folder, by name, and
    those of the methodology version that it would ratify, by path. One that cannot be read is left out."""
    folder = f"{PROPOSALS}{name}/"
    version = repository.proposals[name].methodology_version
    found: dict[str, bytes] = {}
    for path in repository.kinds:
        if path.startswith(folder) and path not in (f"{folder}proposal.yaml", f"{folder}ballot.yaml"):
            label = path.removeprefix(folder)
        elif version is not None and path.startswith(f"methodology/versions/{version}/"):
            label = path
        else:
            continue
        try:
            found[label] = read_bounded(repository.root / path, MAX_PROSE_BYTES)
        except Unreadable:
            continue
    return found


def text_digest(repository: Repository, name: str) -> str:
    """The digest of a proposal's text as it stands in the tree."""
    return proposal_digest(repository.proposals[name], proposal_files(repository, name))


def answers_objections(repository: Repository, name: str) -> bool:
    """Whether a proposal's text has the section *Objections*, and something stands in it (G-4.10)."""
    text = proposal_files(repository, name).get("proposal.md", b"")
    return _OBJECTIONS.search(text) is not None
