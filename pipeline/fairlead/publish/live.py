"""A site that follows its root: what changed is rendered again, the rest is left. Knows no socket.

An edition is drafted whole, since any number may depend on any file; that is quick, as numbers are kept by
what they are made from. Then only pages whose Markdown differs go through MkDocs. What is there afterwards
is, byte for byte, what a build from nothing would have made.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from fairlead.cache import Cache
from fairlead.evidence import Memory
from fairlead.problems import Problem, Severity
from fairlead.publish import api, exports, sums
from fairlead.publish.charts import drawing
from fairlead.publish.edition import raw_url
from fairlead.publish.generator import Generator
from fairlead.publish.kept import Kept
from fairlead.publish.site import Draft, copy_raw_files, draft_site, write_beside, write_texts
from fairlead.ranking import Row
from fairlead.repository import Repository

POLL_S = 0.2
_NAMED_BY_CONTENT = (".gz",)  # raw files: a new one has a new name, none is ever changed


class LiveSite:
    """The site of a root at ``site``, a link to its newest whole build; its project lies beside it."""

    def __init__(
        self, folder: Path, source: Path, charts: Cache | None = None, requests: Cache | None = None
    ) -> None:
        """``charts`` and ``requests``: as for :func:`fairlead.publish.site.build_site`."""
        self.site = folder / "site"
        self._folder = folder
        self._source = source
        self._drawings, self._requests = drawing.Drawings(charts), requests
        self._builds = 0
        self.memory, self._kept = Memory(), Kept()
        self._draft: Draft | None = None
        self._look: Look = {}
        self._generator: Generator | None = None

    def update(
        self, repository: Repository, rows: Sequence[Row], *, now: dt.datetime, commit: str | None
    ) -> tuple[int, Sequence[Problem]]:
        """Make the site that of these data; how many pages were rendered, and the problems.

        With an error among the problems nothing is touched: the last good site stays.

        Raises:
            SiteError: the hand-written half is at fault, and the last good site stays; or a raw file was
                changed meanwhile, and the next update builds the site anew.
        """
        look = look_at([self._source])
        draft = draft_site(
            repository,
            rows,
            now=now,
            commit=commit,
            source=self._source,
            memory=self.memory,
            kept=self._kept,
        )
        self._kept.turn()
        if any(problem.severity is Severity.ERROR for problem in draft.problems):
            return 0, draft.problems
        before, generator = self._draft, self._generator
        self._draft = None  # what ends on the way leaves a site that no draft describes
        if before is None or generator is None or look != self._look or not _is_like(before, draft):
            count, unread = self._build(draft)
        else:
            count, unread = self._refresh(before, draft, generator)
        self._draft, self._look = draft, look
        return count, (*draft.problems, *unread)

    def _build(self, draft: Draft) -> tuple[int, Sequence[Problem]]:
        old, new = (self._folder / f"build-{number}" for number in (self._builds, self._builds + 1))
        shutil.rmtree(new, ignore_errors=True)  # of a build that failed
        new.mkdir()
        draft.lay_out(new / "project")
        generator = Generator(new / "project", new / "site", draft.sources)
        generator.build()
        drawing.publish(new / "site", (new / "site").rglob("*.html"), draft.edition.charts, self._drawings)
        _, unread = copy_raw_files(draft.edition, new / "site")
        write_beside(draft.edition, new / "site", requests=self._requests)
        sums.write(new / "site")
        link = new / "link"
        link.symlink_to(Path(new.name, "site"))
        link.replace(self.site)
        shutil.rmtree(old, ignore_errors=True)
        self._generator, self._builds = generator, self._builds + 1
        return len(_pages_of(draft)), unread

    def _refresh(self, before: Draft, draft: Draft, generator: Generator) -> tuple[int, Sequence[Problem]]:
        changed = {name: text for name, text in draft.texts.items() if before.texts.get(name) != text}
        pages = {name for name in changed if name.endswith(".md")}
        data = {name: text for name, text in changed.items() if name not in pages}
        content = self._folder / f"build-{self._builds}" / "project" / "content"
        write_texts(content, changed)
        write_texts(self.site, data)
        touched = generator.rebuild(draft.sources, pages) if pages else []
        rendered = [self.site / name for name in touched if name.endswith(".html")]
        explored = drawing.publish(self.site, rendered, draft.edition.charts, self._drawings)
        charts, drawn = (set(map(drawing.spec_path, each.edition.charts)) for each in (draft, before))
        listed, known = draft.edition.raw_files, before.edition.raw_files
        _, unread = copy_raw_files(draft.edition, self.site, known)
        tables, known_tables = (
            {path for _, path, _ in exports.files(each.edition)} for each in (draft, before)
        )
        gone = [
            *(f"{api.ROOT}{path}" for path in known_tables - tables),
            *(before.texts.keys() - draft.texts.keys()),
            *(drawn - charts),
            *map(raw_url, known.keys() - listed.keys()),
        ]
        for name in gone:
            (content / name).unlink(missing_ok=True)
            (self.site / name).unlink(missing_ok=True)
        beside = write_beside(draft.edition, self.site, before.edition, self._requests)
        new = (raw_url(path) for path, raw in listed.items() if known.get(path) != raw)
        sums.update(self.site, [*data, *touched, *gone, *new, *explored, *beside])
        return len(pages), unread


def _is_like(before: Draft, draft: Draft) -> bool:
    """Whether the same pages stand in the same frame, so that each can be rendered by itself."""
    frozen = before.edition.snapshots == draft.edition.snapshots
    charted = bool(before.edition.charts) == bool(draft.edition.charts)
    return (
        frozen and charted and _pages_of(before) == _pages_of(draft) and before.templates == draft.templates
    )


def _pages_of(draft: Draft) -> set[str]:
    return {name for name in draft.texts if name.endswith(".md")}


# -- watching ------------------------------------------------------------------------------------

Look = dict[str, tuple[int, int] | None]


def look_at(folders: Iterable[Path]) -> Look:
    """Every file below the folders, with its time and size; of a raw file the name says as much."""
    return {path: state for folder in folders for path, state in _look(str(folder))}


def _look(folder: str) -> Iterator[tuple[str, tuple[int, int] | None]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # it went away meanwhile
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _look(entry.path)
        elif entry.name.endswith(_NAMED_BY_CONTENT):
            yield entry.path, None
        else:
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield entry.path, (found.st_mtime_ns, found.st_size)


def follow(folders: Sequence[Path], seen: Look, stop: threading.Event, changed: Callable[[], None]) -> None:
    """Call ``changed`` whenever something below the folders differs from what was seen, and has come to rest.

    Looking is cheaper than being told: it works on every file system, and nothing is missed.
    """
    while not stop.wait(POLL_S):
        now = look_at(folders)
        if now == seen:
            continue
        while now != seen and not stop.wait(POLL_S / 4):
            seen, now = now, look_at(folders)
        changed()
