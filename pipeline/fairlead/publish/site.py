"""From an edition to a folder of files: Markdown, MkDocs, the last touches, the raw files. Knows no rank.

The hand-written half of the site (prose, theme, settings) is code of ours and ships with the
package; a root's own files are data and never become a template, a setting or a script.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fairlead import audit, documents
from fairlead.cache import Cache
from fairlead.documents import Unreadable
from fairlead.evidence import Memory
from fairlead.model import RawFile
from fairlead.problems import Problem
from fairlead.publish import (
    api,
    archived,
    badges,
    board,
    clock,
    coverage,
    curves,
    disputes,
    exports,
    feeds,
    importing,
    integrity,
    interests,
    markup,
    method,
    overview,
    providers,
    reading,
    record,
    results,
    scale,
    sitemap,
    snapshots,
    submissions,
    sums,
    time,
    verdicts,
    versions,
)
from fairlead.publish.charts import certainty, drawing
from fairlead.publish.charts import model as model_charts
from fairlead.publish.edition import Edition, Page, raw_url, render_page
from fairlead.publish.generator import Generator, SiteError, Source, source_of
from fairlead.publish.kept import Kept
from fairlead.ranking import Row
from fairlead.repository import MAX_PROSE_BYTES, FileKind, Repository
from fairlead.windows import WindowError, digest

_MARK = "api/v1/index.json"  # what tells a folder that we built from one that we must not delete
_FRAGMENT = re.compile(r"<!-- fairlead:([a-z-]+) -->")


@dataclasses.dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build wrote: pages, raw files and their bytes; and the problems in what it was made from."""

    out: Path
    pages: int
    raw_files: int
    raw_bytes: int
    problems: tuple[Problem, ...]


def shipped_source() -> Path:
    """The hand-written half of the site: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_site"
    return installed if installed.is_dir() else package.parent.parent / "site"


def build_site(
    repository: Repository,
    rows: Sequence[Row],
    *,
    out: Path,
    now: dt.datetime,
    commit: str | None,
    source_folder: Path | None = None,
    site_url: str | None = None,
    charts: Cache | None = None,
    requests: Cache | None = None,
) -> BuildReport:
    """Write the whole site into ``out``, which is empty, missing, or an earlier build of ours.

    The bytes depend on the arguments and on nothing else. ``source_folder`` is code: its settings and
    templates are executed, so it is never taken from a root unless the caller says so. ``site_url``: where
    the site will be served from, with a slash at its end; with it there are whole addresses and a sitemap.
    ``charts`` and ``requests``: pictures, and tables of requests, that an earlier build made.

    Raises:
        SiteError: ``out`` holds something else, MkDocs refuses the hand-written half, or a raw file was
            changed meanwhile.
    """
    out = out.absolute()
    if out.is_dir() and any(out.iterdir()) and not (out / _MARK).is_file():
        raise SiteError(f"{out} holds files that no build of ours wrote; name an empty folder")
    source = source_folder or shipped_source()
    draft = draft_site(repository, rows, now=now, commit=commit, source=source, site_url=site_url)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fairlead-", dir=out.parent) as scratch:
        folder = Path(scratch)
        draft.lay_out(folder / "project")
        draft = draft.let_go()
        built = folder / "built"
        Generator(folder / "project", built, draft.sources).build()
        drawing.publish(built, built.rglob("*.html"), draft.edition.charts, drawing.Drawings(charts))
        sizes, unread = copy_raw_files(draft.edition, built)
        write_beside(draft.edition, built, requests=requests)
        sums.write(built)
        _replace(out, built, folder)
    pages = sum(1 for _ in out.rglob("*.html"))
    return BuildReport(out, pages, len(sizes), sum(sizes), (*draft.problems, *unread))


def read_prose(repository: Repository) -> tuple[dict[str, str], list[Problem]]:
    """The Markdown of a root by its path, and the problems of what cannot be read."""
    prose: dict[str, str] = {}
    problems: list[Problem] = []
    for path in repository.paths_of(FileKind.PROSE):
        if not path.endswith(".md"):
            continue
        try:
            data = documents.read_bounded(repository.root / path, MAX_PROSE_BYTES)
        except Unreadable as error:
            problems.append(Problem(error.code, path, error.message))
        else:
            prose[path] = data.decode("utf-8", errors="replace")
    return prose, problems


# -- what is generated ---------------------------------------------------------------------------


def render_files(edition: Edition) -> tuple[dict[str, str], list[Problem]]:
    """Every generated page and data file, as path and text; and the problems of the prose."""
    pages, problems = _pages(edition)
    return _texts(edition, pages), problems


def _texts(edition: Edition, pages: Sequence[Page]) -> dict[str, str]:
    texts = {page.path: render_page(page) for page in pages}
    texts.update([*api.render(edition), *feeds.render(edition), *badges.render(edition)])
    return texts


def _pages(edition: Edition) -> tuple[list[Page], list[Problem]]:
    repository = edition.repository
    governance, problems = board.governance_pages(edition)
    problems += [*edition.imported_record[1], *edition.loaded_snapshots[1]]
    pages = [
        results.models_page(edition),
        *(_model_page(edition, model) for model in edition.board_models),
        *(page for model in edition.board_models for page in time.model_pages(edition, model)),
        providers.providers_page(edition),
        *(providers.provider_page(edition, name) for name in repository.providers),
        submissions.submissions_page(edition),
        *(submissions.submission_page(edition, name) for name in repository.submissions),
        *(submissions.rounds_page(edition, name) for name in repository.rounds),
        disputes.disputes_page(edition),
        interests.interests_page(edition),
        versions.methodology_page(edition),
        *versions.changes_pages(edition),
        *governance,
        *snapshots.pages(edition),
    ]
    for version in edition.versions:
        if version.version in repository.methodologies:
            page, found = versions.version_page(edition, version)
            pages.append(page)
            problems += found
    return pages, problems


def _model_page(edition: Edition, model: str) -> Page:
    """The boards of a model, then its charts, its curves and fronts, then when it was measured."""
    page = results.model_page(edition, model)
    below = (
        *model_charts.model_blocks(edition, model),
        *curves.model_blocks(edition, model),
        *time.model_blocks(edition, model),
    )
    return dataclasses.replace(page, blocks=(*page.blocks, *below))


def _fill(edition: Edition, text: str, source: Path) -> tuple[str, Source]:
    """A hand-written page with its fragments."""
    found: list[str] = []

    def put(match: re.Match[str]) -> str:
        blocks = _fragment(edition, match[1], source)
        found.extend(blocks)
        return "\n\n".join(blocks)

    filled = _FRAGMENT.sub(put, text)
    return filled, source_of(filled, found)


def _fragment(edition: Edition, name: str, source: Path) -> Sequence[str]:
    """What a hand-written page asks for with ``<!-- fairlead:name -->``."""
    makers: dict[str, Callable[[], Sequence[str]]] = {
        "models": lambda: [results.models_table(edition, "")],
        "board": lambda: overview.front_board(edition),
        "summary": lambda: [results.summary(edition)],
        "state": lambda: list(method.state(edition)),
        "rules": method.rules_blocks,
        "glossary": method.glossary_blocks,
        "files": lambda: [reading.files_table(edition)],
        "feeds": lambda: [reading.feeds_list(edition)],
        "tables": lambda: list(reading.tables_blocks(edition)),
        "api-changes": lambda: [reading.changes_table()],
        "citation": lambda: list(reading.citation_blocks(edition, reading.citation_file().read_bytes())),
        "client-error": lambda: [clock.client_error_table(_shipped_data(source, "client-error"))],
        "client-asked": lambda: [clock.asked_table(_shipped_data(source, "client-error"))],
        "imports": lambda: list(importing.tools_blocks()),
        "import-errors": lambda: list(importing.errors_blocks(_shipped_data(source, "client-error"))),
        "certificates": lambda: [clock.certificates_table(edition)],
        "certainty": lambda: certainty.blocks(edition),
        "coverage": lambda: coverage.coverage_blocks(_shipped_data(source, "coverage")),
        "comparison": lambda: coverage.comparison_blocks(_shipped_data(source, "comparison")),
        "scale": lambda: scale.measured_blocks(_shipped_data(source, "scale")),
        "scale-large": lambda: scale.measured_blocks(
            _shipped_data(source, "scale-large"), "Time and memory of ten million requests"
        ),
        "scale-estimate": lambda: scale.estimate_blocks(
            [row for name in ("scale", "scale-large") for row in _shipped_data(source, name)["rows"]]
        ),
        "verdict": lambda: verdicts.operating_blocks(_shipped_data(source, "verdict")),
        "integrity": lambda: integrity.trial_blocks(_shipped_data(source, "integrity")),
        "archive-rule": lambda: list(archived.rule_blocks(edition)),
        "archive": lambda: list(archived.archive_blocks(edition)),
        "record-verdicts": lambda: record.verdict_blocks(_record(edition, source)),
        "record-tables": lambda: record.table_blocks(
            _record(edition, source), is_live=edition.imported_record[0] is not None
        ),
        "record-method": lambda: record.method_blocks(_record(edition, source)),
    }
    if name not in makers:
        raise SiteError(f"no fragment is called {name!r}; there are {', '.join(makers)}")
    return makers[name]()


def _record(edition: Edition, source: Path) -> audit.Record:
    """What the root's own imported runs can bear, else the record of 2023 that ships with the site."""
    imported, _ = edition.imported_record
    if imported is not None:
        return imported
    return audit.read_record((source / "content" / "assets" / "record-2023.json").read_bytes())


def _shipped_data(source: Path, name: str) -> Any:
    """Data of ours that ships with the site's hand-written half."""
    return json.loads((source / "content" / "assets" / f"{name}.json").read_text("utf-8"))


# -- what MkDocs is given ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Draft:
    """All that a site is made from, in memory: what two editions differ in can be told from it.

    ``texts``: every Markdown and data file below the content, hand-written pages among them. ``sources``:
    what the generator is told of each page. ``templates``: those that hold data. The rest is copied from
    ``source``.
    """

    edition: Edition
    source: Path
    texts: Mapping[str, str]
    sources: Mapping[str, Source]
    templates: Mapping[str, str]
    problems: tuple[Problem, ...]

    def lay_out(self, folder: Path) -> None:
        """Write it as a MkDocs project, into a new folder."""
        folder.mkdir()
        settings = (self.source / "mkdocs.yml").read_text("utf-8")
        if self.edition.site_url is not None:
            settings += f"\nsite_url: {json.dumps(self.edition.site_url)}\n"
        (folder / "mkdocs.yml").write_text(settings, "utf-8")
        shutil.copytree(self.source / "content", folder / "content")
        shutil.copytree(self.source / "theme", folder / "theme")
        write_texts(folder / "content", self.texts)
        write_texts(folder / "theme" / "partials", self.templates)

    def let_go(self) -> Draft:
        """Without what has been laid out, and without what another edition could use."""
        self.edition.kept.clear()
        return dataclasses.replace(self, texts={})


@contextlib.contextmanager
def raw_files_at_rest() -> Iterator[None]:
    """Who changes a raw file while a site is made of it hears of that.

    Raises:
        SiteError: a raw file is not what the rows were made from.
    """
    try:
        yield
    except (Unreadable, WindowError) as error:
        raise SiteError(f"a raw file was changed while the site was made of it: {error}") from error


@raw_files_at_rest()
def draft_site(
    repository: Repository,
    rows: Sequence[Row],
    *,
    now: dt.datetime,
    commit: str | None,
    source: Path,
    site_url: str | None = None,
    memory: Memory | None = None,
    kept: Kept | None = None,
) -> Draft:
    """Everything but the last step, which is MkDocs'. ``memory`` and ``kept``: of earlier editions.

    Raises:
        SiteError: ``source`` is no hand-written half of a site, or a raw file was changed meanwhile.
    """
    if not (source / "mkdocs.yml").is_file():
        raise SiteError(f"{source} holds no mkdocs.yml")
    prose, problems = read_prose(repository)
    edition = Edition(
        repository,
        tuple(rows),
        now.astimezone(dt.UTC),
        commit,
        prose,
        site_url,
        memory=memory or Memory(),
        kept=kept or Kept(),
    )
    pages, found = _pages(edition)
    texts = _texts(edition, pages)
    for name in texts:
        if (source / "content" / name).exists():
            raise SiteError(f"{name} is both hand-written and generated")
    sources = {page.path: source_of(texts[page.path], page.all_blocks, page.searched) for page in pages}
    for path in sorted((source / "content").rglob("*.md")):
        name = path.relative_to(source / "content").as_posix()
        texts[name], sources[name] = _fill(edition, path.read_text("utf-8"), source)
    templates = {
        "edition-state.html": _template(method.banner(edition)),
        "edition-stamp.html": _template(_stamp(edition)),
    }
    return Draft(edition, source, texts, sources, templates, (*problems, *found))


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write each text to its path below a folder."""
    for name, text in texts.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def _template(html: str) -> str:
    """A template that says ``html`` and nothing else: braces and per cent signs are entities in it."""
    return html.replace("{", "&#123;").replace("%", "&#37;")


def _stamp(edition: Edition) -> markup.Html:
    commit = markup.tag("code", edition.commit[:12]) if edition.commit else "not recorded"
    return markup.join((f"Built from the data of {edition.now:%Y-%m-%d %H:%M} UTC, commit ", commit, "."))


# -- beside the pages ----------------------------------------------------------------------------


@raw_files_at_rest()
def write_beside(
    edition: Edition, built: Path, before: Edition | None = None, requests: Cache | None = None
) -> list[str]:
    """What machines read and MkDocs is not asked for: tables, frozen quarters, the map of the site.

    The paths of what was written of tables: those that ``before`` had alike are there already, and so are its
    frozen quarters, which are the same.

    Raises:
        SiteError: a raw file was changed meanwhile.
    """
    written = exports.write(edition, built / api.ROOT, before, requests)
    if before is None:
        snapshots.copy(edition, built)
    sitemap.write(edition, built)
    return [f"{api.ROOT}{path}" for path in written]


def copy_raw_files(
    edition: Edition, built: Path, before: Mapping[str, RawFile] = MappingProxyType({})
) -> tuple[list[int], list[Problem]]:
    """Put every listed raw file under ``raw/``, byte for byte, so that each number can be recomputed.

    What ``before`` lists in the same words is there already.
    """
    sizes: list[int] = []
    problems: list[Problem] = []
    for path, raw in edition.raw_files.items():
        if before.get(path) == raw:
            continue
        try:
            data = edition.repository.read_raw(path)
        except Unreadable as error:
            problems.append(Problem(error.code, path, error.message))
            continue
        if digest(data) != raw.sha256:
            problems.append(Problem("SUB007", path, "its bytes are not those that its manifest lists"))
            continue
        target = built / raw_url(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sizes.append(len(data))
    return sizes, problems


def _replace(out: Path, built: Path, scratch: Path) -> None:
    """Put the new build where the old one was; a reader sees the one or the other."""
    if out.exists():
        out.rename(scratch / "old")
    built.rename(out)
