"""From an edition to a folder of files: Markdown, MkDocs, the last touches, the raw files. Knows no rank.

The hand-written half of the site (prose, theme, settings) is code of ours and ships with the
package; a root's own files are data and never become a template, a setting or a script.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime as dt
import functools
import hashlib
import http.server
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fairlead import audit, documents
from fairlead.cache import Cache
from fairlead.documents import Unreadable
from fairlead.problems import Problem
from fairlead.publish import (
    api,
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
    markup,
    method,
    parties,
    reading,
    record,
    results,
    scale,
    sitemap,
    snapshots,
    sums,
    time,
    verdicts,
)
from fairlead.publish.charts import certainty, drawing
from fairlead.publish.charts import model as model_charts
from fairlead.publish.edition import Edition, Page, raw_url, render_page
from fairlead.ranking import Row
from fairlead.repository import MAX_PROSE_BYTES, FileKind, Repository
from fairlead.windows import MAX_COMPRESSED_BYTES

_MARK = "api/v1/index.json"  # what tells a folder that we built from one that we must not delete
_FRAGMENT = re.compile(r"<!-- fairlead:([a-z-]+) -->")
_SCRIPT = re.compile(r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>", re.DOTALL)
_CHARSET = '<meta charset="utf-8">'
_SCOPE = re.compile(r'__md_scope=new URL\("[^"<>]*",location\)')


class SiteError(Exception):
    """The site's own half (theme, settings, hand-written pages) is at fault, or the place to build in."""


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
    cache: Cache | None = None,
) -> BuildReport:
    """Write the whole site into ``out``, which is empty, missing, or an earlier build of ours.

    The bytes depend on the arguments and on nothing else. ``source_folder`` is code: its settings and
    templates are executed, so it is never taken from a root unless the caller says so. ``site_url``: where
    the site will be served from, with a slash at its end; with it there are whole addresses and a sitemap.
    ``cache``: charts that an earlier build drew.

    Raises:
        SiteError: ``out`` holds something else, or MkDocs refuses the hand-written half.
    """
    out = out.absolute()
    if out.is_dir() and any(out.iterdir()) and not (out / _MARK).is_file():
        raise SiteError(f"{out} holds files that no build of ours wrote; name an empty folder")
    prose, problems = read_prose(repository)
    edition = Edition(repository, tuple(rows), now.astimezone(dt.UTC), commit, prose, site_url)
    files, found = render_files(edition)
    problems += found
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fairlead-", dir=out.parent) as scratch:
        folder = Path(scratch)
        _lay_out(folder, source_folder or shipped_source(), files, edition)
        built = folder / "built"
        _run_mkdocs(folder / "mkdocs.yml", built)
        drawing.publish(built, edition.charts, cache)
        _guard_scripts(built)
        sizes, unread = _copy_raw_files(edition, built)
        exports.write(edition, built / api.ROOT)
        snapshots.copy(edition, built)
        sitemap.write(edition, built)
        sums.write(built)
        _replace(out, built, folder)
    pages = sum(1 for _ in out.rglob("*.html"))
    return BuildReport(out, pages, len(sizes), sum(sizes), (*problems, *unread))


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
    files = {page.path: render_page(page) for page in pages}
    files.update([*api.render(edition), *feeds.render(edition), *badges.render(edition)])
    return files, problems


def _pages(edition: Edition) -> tuple[list[Page], list[Problem]]:
    repository = edition.repository
    governance, problems = board.governance_pages(edition)
    problems += [*edition.imported_record[1], *edition.loaded_snapshots[1]]
    pages = [
        results.models_page(edition),
        *(_model_page(edition, model) for model in edition.board_models),
        parties.providers_page(edition),
        *(parties.provider_page(edition, name) for name in repository.providers),
        parties.submissions_page(edition),
        *(parties.submission_page(edition, name) for name in repository.submissions),
        *(parties.rounds_page(edition, name) for name in repository.rounds),
        disputes.disputes_page(edition),
        parties.interests_page(edition),
        method.methodology_page(edition),
        *governance,
        *snapshots.pages(edition),
    ]
    for version in edition.versions:
        if version.version in repository.methodologies:
            page, found = method.version_page(edition, version)
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


def _fragment(edition: Edition, name: str, source: Path) -> str:
    """What a hand-written page asks for with ``<!-- fairlead:name -->``."""
    makers: dict[str, Callable[[], Sequence[str]]] = {
        "models": lambda: [results.models_table(edition, "")],
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
        "imports": lambda: list(importing.tools_blocks()),
        "import-errors": lambda: list(importing.errors_blocks(_shipped_data(source, "client-error"))),
        "certificates": lambda: [clock.certificates_table(edition)],
        "certainty": lambda: certainty.blocks(edition),
        "coverage": lambda: coverage.coverage_blocks(_shipped_data(source, "coverage")),
        "comparison": lambda: coverage.comparison_blocks(_shipped_data(source, "comparison")),
        "scale": lambda: scale.measured_blocks(_shipped_data(source, "scale")),
        "scale-estimate": lambda: scale.estimate_blocks(_shipped_data(source, "scale")),
        "verdict": lambda: verdicts.operating_blocks(_shipped_data(source, "verdict")),
        "integrity": lambda: integrity.trial_blocks(_shipped_data(source, "integrity")),
        "record-verdicts": lambda: record.verdict_blocks(_record(edition, source)),
        "record-tables": lambda: record.table_blocks(
            _record(edition, source), is_live=edition.imported_record[0] is not None
        ),
        "record-method": lambda: record.method_blocks(_record(edition, source)),
    }
    if name not in makers:
        raise SiteError(f"no fragment is called {name!r}; there are {', '.join(makers)}")
    return "\n\n".join(makers[name]())


def _record(edition: Edition, source: Path) -> audit.Record:
    """What the root's own imported runs can bear, else the record of 2023 that ships with the site."""
    imported, _ = edition.imported_record
    if imported is not None:
        return imported
    return audit.read_record((source / "content" / "assets" / "record-2023.json").read_bytes())


def _shipped_data(source: Path, name: str) -> Any:
    """Data of ours that ships with the site's hand-written half."""
    return json.loads((source / "content" / "assets" / f"{name}.json").read_text("utf-8"))


# -- the scratch folder and MkDocs ---------------------------------------------------------------


def _lay_out(folder: Path, source: Path, files: dict[str, str], edition: Edition) -> None:
    """Hand-written and generated files side by side, as one MkDocs project."""
    if not (source / "mkdocs.yml").is_file():
        raise SiteError(f"{source} holds no mkdocs.yml")
    settings = (source / "mkdocs.yml").read_text("utf-8")
    if edition.site_url is not None:
        settings += f"\nsite_url: {json.dumps(edition.site_url)}\n"
    (folder / "mkdocs.yml").write_text(settings, "utf-8")
    shutil.copytree(source / "content", folder / "content")
    shutil.copytree(source / "theme", folder / "theme")
    for path in sorted((folder / "content").rglob("*.md")):
        text = path.read_text("utf-8")
        path.write_text(_FRAGMENT.sub(lambda match: _fragment(edition, match[1], source), text), "utf-8")
    for name, text in files.items():
        target = folder / "content" / name
        if target.exists():
            raise SiteError(f"{name} is both hand-written and generated")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    partials = folder / "theme" / "partials"
    _write_template(partials / "edition-state.html", method.banner(edition))
    _write_template(partials / "edition-stamp.html", _stamp(edition))


def _write_template(path: Path, html: str) -> None:
    """A template that says ``html`` and nothing else: braces and per cent signs are entities in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html.replace("{", "&#123;").replace("%", "&#37;"), "utf-8")


def _stamp(edition: Edition) -> markup.Html:
    commit = markup.tag("code", edition.commit[:12]) if edition.commit else "not recorded"
    return markup.join((f"Built from the data of {edition.now:%Y-%m-%d %H:%M} UTC, commit ", commit, "."))


def _run_mkdocs(config_file: Path, built: Path) -> None:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    with _collected_log() as said:
        try:
            build(load_config(str(config_file), site_dir=str(built), strict=True))
        except (MkDocsException, SystemExit) as error:
            raise SiteError("; ".join(said) or str(error)) from error


@contextlib.contextmanager
def _collected_log() -> Iterator[list[str]]:
    """What MkDocs and its theme have to complain about, kept off the terminal."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("mkdocs")
    before = logger.propagate
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


# -- last touches --------------------------------------------------------------------------------


def _guard_scripts(built: Path) -> None:
    """Give every page a policy under which nothing runs but the theme's own scripts.

    Those are the ones on the page for missing addresses, which holds nobody's data; on other pages
    they differ only by the way back to the site's root. Any other script is refused.
    """
    theme = {_SCOPE.sub("", script) for script in _inline_scripts((built / "404.html").read_text("utf-8"))}
    for path in sorted(built.rglob("*.html")):
        text = path.read_text("utf-8")
        scripts = _inline_scripts(text)
        strange = [script for script in scripts if _SCOPE.sub("", script) not in theme]
        if strange or _CHARSET not in text:
            raise SiteError(f"{path.relative_to(built)}: a script that is not the theme's: {strange[:1]}")
        path.write_text(text.replace(_CHARSET, _CHARSET + _policy(scripts), 1), "utf-8")


def _inline_scripts(page: str) -> set[str]:
    return {match[1] for match in _SCRIPT.finditer(page)}


def _policy(scripts: set[str]) -> str:
    hashes = sorted(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in hashes)])
    rules = (
        "default-src 'none'",
        f"script-src {allowed}",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def _copy_raw_files(edition: Edition, built: Path) -> tuple[list[int], list[Problem]]:
    """Put every listed raw file under ``raw/``, byte for byte, so that each number can be recomputed."""
    sizes: list[int] = []
    problems: list[Problem] = []
    for path in edition.raw_files:
        try:
            data = documents.read_bounded(edition.repository.root / path, MAX_COMPRESSED_BYTES)
        except Unreadable as error:
            problems.append(Problem(error.code, path, error.message))
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


# -- serving -------------------------------------------------------------------------------------


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Static files, our own page for what is missing, no log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with the site's own 404 page."""
        page = Path(self.directory) / "404.html"
        if code != 404 or not page.is_file():
            super().send_error(code, message, explain)
            return
        body = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def serve_site(
    folder: Path, *, host: str = "127.0.0.1", port: int = 0, ready: Callable[[str], None] | None = None
) -> None:
    """Serve a built site until interrupted. ``ready`` is told the address; port 0 takes a free one."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer((host, port), handler) as server:
        if ready is not None:
            ready(f"http://{host}:{server.server_address[1]}/")
        server.serve_forever()
