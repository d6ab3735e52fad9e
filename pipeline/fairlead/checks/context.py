"""What a check may know beside the repository, and how it says where. Knows no rule."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping

from fairlead import impact
from fairlead.archive import Fault
from fairlead.documents import problem_at
from fairlead.evidence import load_evidence
from fairlead.governance import Tally
from fairlead.history import Base, Trail
from fairlead.model import GitHub
from fairlead.problems import Problem, nearest, quote
from fairlead.repository import Repository
from fairlead.rules import RULES
from fairlead.tokens import Pinned

Recount = Callable[[str], Pinned | None]
"""A tokenizer by its digest, None where it is not at hand. May raise TokenizerError."""


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """The moment, the state that the change started from (None: not asked), the paths of interest, the
    tokenizers to count again with (None: not asked), what became of each file in the merged history (None:
    no git, or nothing there that was merged in an order), who opened the change (None: not said), and which
    archived files could not be had (None: no store was asked)."""

    now: dt.datetime
    base: Base | None
    paths: tuple[str, ...]
    recount: Recount | None = None
    trail: Trail | None = None
    actor: GitHub | None = None
    faults: Mapping[str, Fault] | None = None
    _tallies: dict[str, Tally | None] = dataclasses.field(default_factory=dict, compare=False, repr=False)
    _windows: list[impact.Windows] = dataclasses.field(default_factory=list, compare=False, repr=False)

    def tally(self, repository: Repository, proposal: str) -> Tally | None:
        """The outcome of a proposal, by the class that its change is computed to have. It is kept, and so
        are the windows, which are read where a vote was opened for less than a major change."""

        def read() -> impact.Windows:
            if not self._windows:
                self._windows.append(load_evidence(repository))
            return self._windows[0]

        if proposal not in self._tallies:
            self._tallies[proposal] = impact.tally_proposal(repository, proposal, self.now, read=read)
        return self._tallies[proposal]


def at(
    repository: Repository,
    path: str,
    code: str,
    pointer: str,
    message: str,
    *,
    key: bool = False,
    expected: str | None = None,
    fix: str | None = None,
) -> Problem:
    """A problem at a value of one of the repository's YAML files."""
    document = repository.documents[path]
    return problem_at(document, code, pointer, message, key=key, expected=expected, fix=fix)


def unknown(
    repository: Repository,
    where: tuple[str, str],
    code: str,
    name: str,
    known: Collection[str],
    home: str,
) -> Iterator[Problem]:
    """A problem if ``name``, written at ``where`` (path, pointer), is none of the ``known`` ones.

    ``home`` is the file or folder that would define it. While that is missing or broken nothing is
    said: its own problem is the cause.
    """
    if name in known or home in repository.broken or is_missing(repository, home):
        return
    meant = nearest(name, known)
    word = RULES[code].title.removeprefix("An ").removeprefix("unknown ")
    place = f"add it to {home}" if not home.endswith("/") else f"add it under {home}"
    path, pointer = where
    yield at(
        repository,
        path,
        code,
        pointer,
        f"unknown {word} {quote(name)}",
        expected=f"one of those in {home}" if known else f"an entry in {home}; there is none yet",
        fix=f"write `{meant}`" if meant else place,
    )


def is_missing(repository: Repository, home: str) -> bool:
    """Whether a file that has to be there is not; its absence is a problem of its own."""
    return home.endswith(("models.yaml", "vantages.yaml", "organisations.yaml")) and (
        home not in repository.documents
    )
