"""What one build of the site is made from, and where each thing's page is. Knows no HTML and no file.

Addresses are relative to the site's root and end with a slash; they are the paths of the repository
wherever there is one, so that whoever knows the file knows the page. They never change.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import functools
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from fairlead import impact, life
from fairlead.audit import Record, is_of_record, make_record
from fairlead.evidence import Memory, findings_of_claims
from fairlead.governance import Tally
from fairlead.integrity import Finding
from fairlead.model import RawFile, Version
from fairlead.problems import Problem
from fairlead.publish import markup
from fairlead.publish.charts.chart import Chart
from fairlead.publish.kept import Kept
from fairlead.ranking import Evidence, Family, Origin, Row, methodology_of, version_order
from fairlead.repository import Repository
from fairlead.snapshots import Frozen, load_snapshots
from fairlead.verdict import ClaimVerdict, SubmissionVerdict, judge_repository

_Made = TypeVar("_Made")
_Key = TypeVar("_Key", bound=Hashable)
_UNDECIDED = ("draft", "comment", "voting", "amended")


@dataclasses.dataclass(frozen=True)
class Edition:
    """One build. ``prose`` holds Markdown by its path in the repository; ``now`` is all the time there is.

    ``site_url``: where the site will be served from, with a slash at its end; None where nobody says it.
    ``charts``: every chart that a page made so far holds, by the digest that stands in its place.
    ``memory``: of raw files that an earlier edition of this process has read; ``kept``: what it made of the
    same values. ``by_row``: see :meth:`once`.
    """

    repository: Repository
    rows: tuple[Row, ...]
    now: dt.datetime
    commit: str | None
    prose: Mapping[str, str]
    site_url: str | None = None
    charts: dict[str, Chart] = dataclasses.field(default_factory=dict, compare=False, repr=False)
    memory: Memory = dataclasses.field(default_factory=Memory, compare=False, repr=False)
    kept: Kept = dataclasses.field(default_factory=Kept, compare=False, repr=False)
    by_row: dict[tuple[str, str], Any] = dataclasses.field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def once(self, name: str, row: Row, make: Callable[[], _Made]) -> _Made:
        """What ``make`` gives for one of this edition's rows, made when first asked for by that name."""
        key = (name, row.id)
        if key not in self.by_row:
            self.by_row[key] = make()
        made: _Made = self.by_row[key]
        return made

    @functools.cached_property
    def raw_files(self) -> Mapping[str, RawFile]:
        """Every raw file that a manifest lists, by its path in the repository."""
        found = {
            f"{manifest.folder}/{raw.file}": raw
            for manifest in self.repository.manifests()
            for raw in (*manifest.windows, *manifest.calibrations)
        }
        return dict(sorted(found.items()))

    @functools.cached_property
    def board_models(self) -> Sequence[str]:
        """The models that have a row, those with most rows first, then by id."""
        numbers = collections.Counter(row.family.model for row in self.rows)
        return sorted(numbers, key=lambda model: (-numbers[model], model))

    @functools.cached_property
    def versions(self) -> Sequence[Version]:
        """The methodology versions in the order of their numbers."""
        return sorted(self.repository.versions.values(), key=lambda version: version_order(version.version))

    @property
    def current(self) -> Version | None:
        """The methodology version in force, else the newest one."""
        ratified = [version for version in self.versions if version.state == "ratified"]
        known = ratified or self.versions
        return known[-1] if known else None

    def model_name(self, model: str) -> str:
        """A model's name, else its id."""
        entry = self.repository.models.get(model)
        return entry.name if entry else model

    def provider_name(self, provider: str) -> str:
        """A provider's name, else its id."""
        entry = self.repository.providers.get(provider)
        return entry.name if entry else provider

    def organisation_name(self, organisation: str) -> str:
        """An organisation's name, else its id."""
        entry = self.repository.organisations.get(organisation)
        return entry.name if entry else organisation

    def rows_where(self, *, model: str | None = None, provider: str | None = None) -> list[Row]:
        """The rows of a model, of a provider, or both, in their order."""
        if provider is None:
            return list(self.rows if model is None else self._by_model.get(model, ()))
        rows = self._by_provider.get(provider, ())
        return [row for row in rows if model in (None, row.family.model)]

    @functools.cached_property
    def _by_model(self) -> Mapping[str, Sequence[Row]]:
        return _grouped(self.rows, lambda row: row.family.model)

    @functools.cached_property
    def _by_provider(self) -> Mapping[str, Sequence[Row]]:
        return _grouped(self.rows, lambda row: row.provider)

    @functools.cached_property
    def evidence(self) -> Mapping[str, Evidence]:
        """Every window that a row rests on, by its path."""
        return {item.path: item for row in self.rows for item in row.evidence}

    @functools.cached_property
    def folders(self) -> Mapping[str, Sequence[Evidence]]:
        """The windows of each folder below submissions/ , in the order of their paths."""
        found = collections.defaultdict[str, list[Evidence]](list)
        for path in sorted(self.evidence):
            found[self.evidence[path].folder].append(self.evidence[path])
        return dict(sorted(found.items()))

    @functools.cached_property
    def lives(self) -> Mapping[str, life.Life]:
        """What holds, at the time of this edition, of every folder that has a history."""
        return life.lives_of(self.repository, self.now, life.figures_of(self.repository, self.rows))

    @functools.cached_property
    def verdicts(self) -> Mapping[str, SubmissionVerdict]:
        """The verdict on every submission, by its name."""
        return judge_repository(self.repository, self.evidence.values())

    def verdict_of(self, row: Row) -> ClaimVerdict | None:
        """The verdict that carries a claim's row."""
        if row.origin is not Origin.CLAIM or row.submission is None:
            return None
        judged = self.verdicts.get(row.submission)
        key = (row.endpoint, row.family.model, row.family.scenario)
        return judged.rows.get(key) if judged else None

    @functools.cached_property
    def tallies(self) -> Mapping[str, Tally]:
        """The outcome of every proposal, by the class that it is computed to have; empty without rules."""
        windows = (tuple(self.evidence.values()), ())
        found = {
            name: impact.tally_proposal(self.repository, name, self.now, read=lambda: windows)
            for name in self.repository.proposals
        }
        return {name: made for name, made in found.items() if made is not None}

    @functools.cached_property
    def impacts(self) -> Mapping[str, impact.Impact]:
        """What each proposal that is not decided yet would change, where files can say it."""
        windows = tuple(self.evidence.values())
        found = {
            name: impact.impact_of_proposal(self.repository, name, windows, self.now)
            for name, proposal in self.repository.proposals.items()
            if proposal.events[-1].kind in _UNDECIDED
        }
        return {name: made for name, made in found.items() if made is not None}

    @functools.cached_property
    def integrity(self) -> Mapping[str, Sequence[Finding]]:
        """What the raw requests of each submission that was measured show."""
        return findings_of_claims(self.repository, self.evidence.values(), self.memory)

    @functools.cached_property
    def loaded_snapshots(self) -> tuple[Mapping[str, Frozen], Sequence[Problem]]:
        """The frozen quarters of the root that are whole, and the problems of the others."""
        return load_snapshots(self.repository.root)

    @property
    def snapshots(self) -> Mapping[str, Frozen]:
        """The frozen quarters of the root, by their names."""
        return self.loaded_snapshots[0]

    @functools.cached_property
    def imported_record(self) -> tuple[Record | None, Sequence[Problem]]:
        """What the root's imported LLMPerf runs can bear, and their problems; None where there is none."""
        rows = [row for row in self.rows if row.origin is Origin.IMPORTED]
        if not any(is_of_record(item.path, item.table.header) for row in rows for item in row.evidence):
            return None, ()
        methodology = methodology_of(self.repository.methodologies, None)
        record, problems = make_record(self.repository, rows, methodology)
        return record, problems


def _grouped(rows: Sequence[Row], key: Callable[[Row], _Key]) -> dict[_Key, list[Row]]:
    """The rows by a key of theirs, each group in their order."""
    groups = collections.defaultdict[_Key, list[Row]](list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def families(rows: Sequence[Row]) -> list[Family]:
    """The families that the rows belong to, in a lasting order."""
    return sorted(
        {row.family for row in rows},
        key=lambda family: tuple(part or "~" for part in dataclasses.astuple(family)),
    )


def by_family(rows: Sequence[Row]) -> dict[Family, list[Row]]:
    """The rows of each family in their order, the families in the order of :func:`families`."""
    groups = _grouped(rows, lambda row: row.family)
    return {family: groups[family] for family in families(rows)}


# -- addresses -----------------------------------------------------------------------------------


def model_url(model: str) -> str:
    """The page of a model's leaderboard."""
    return f"models/{model}/"


def provider_url(provider: str) -> str:
    """The page of a provider."""
    return f"providers/{provider}/"


def submission_url(submission: str) -> str:
    """The page of a submission, or of a folder of neutral rounds (``neutral/…``)."""
    return f"submissions/{submission}/"


def methodology_url(version: str) -> str:
    """The page of a methodology version."""
    return f"methodology/{version}/"


def changes_url(old: str, new: str) -> str:
    """The page of what differs between two methodology versions, the older one first."""
    return f"methodology/{new}/since-{old}/"


def proposal_url(proposal: str) -> str:
    """The page of a proposal."""
    return f"governance/{proposal}/"


DISPUTES_URL = "disputes/"


def dispute_url(dispute: str) -> str:
    """A dispute (``<folder>/<number>``) on the page of all of them."""
    return f"{DISPUTES_URL}#{dispute_anchor(dispute)}"


def dispute_anchor(dispute: str) -> str:
    """The anchor of a dispute; ids and numbers only, so no stranger's text."""
    return dispute.replace("/", "--")


def raw_url(path: str) -> str:
    """A raw file as it is published: the repository's path under ``raw/``."""
    return f"raw/{path}"


# -- pages ---------------------------------------------------------------------------------------


class Searched(enum.Enum):
    """What of a page the search knows: a reader who searches loads all of that."""

    WHOLE = "whole"  # prose
    BY_NAME = "by name"  # tables: title and description
    NOT = "not"


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """A generated page: its address, its title and description as plain text, its blocks of Markdown.

    A block is HTML or a heading. ``crumbs`` are the pages above it: address and name. ``wide`` gives the
    whole width to tables. ``scripts``: modules of ours that the page loads, by their paths; ``feed``: its
    Atom feed.
    """

    url: str
    title: str
    description: str
    blocks: Sequence[str]
    crumbs: Sequence[tuple[str, str]] = ()
    wide: bool = False
    searched: Searched = Searched.BY_NAME
    scripts: Sequence[str] = ()
    feed: str | None = None

    @property
    def path(self) -> str:
        """The Markdown file of the page."""
        return f"{self.url}index.md"

    @property
    def all_blocks(self) -> Sequence[str]:
        """The title as a heading, and the blocks."""
        return [markup.heading(1, self.title), *self.blocks]


def render_page(page: Page) -> str:
    """The Markdown text of a page. What templates print as it is, as titles, is escaped here."""
    hidden = ["navigation", "toc"] if page.wide else ["navigation"]
    meta: dict[str, object] = {
        "title": markup.escape(page.title),
        "description": markup.escape(page.description),
        "hide": hidden,
    }
    if page.searched is Searched.NOT:
        meta["search"] = {"exclude": True}
    if page.scripts:
        meta["scripts"] = list(page.scripts)
    if page.feed:
        meta["feed"] = page.feed
    trail = [["", "Fairlead"], *page.crumbs]
    meta["crumbs"] = [[markup.relative(page.url, url), markup.escape(name)] for url, name in trail]
    front = "".join(f"{key}: {json.dumps(value)}\n" for key, value in meta.items())
    return f"---\n{front}---\n\n" + "\n\n".join(page.all_blocks) + "\n"
