"""From a folder of Markdown to HTML: MkDocs, told what it need not do. Knows no data and no row.

Nearly all of a generated page is HTML already. Python-Markdown would read all of that to find that there is
nothing to do, and the search would read it again; so MkDocs is given a mark in place of each such block,
and the block comes back, from the file, just before the theme's template. The bytes are those of MkDocs left
alone: a reader of the folder, or another generator, needs none of this.

Every page gets a policy under which nothing runs but the theme's own scripts.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.publish.edition import Searched

_SCRIPT = re.compile(r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>", re.DOTALL)
_CHARSET = '<meta charset="utf-8">'
_SCOPE = re.compile(r'__md_scope=new URL\("[^"<>]*",location\)')
_MARK = re.compile(r'<div data-block="([0-9]+)"></div>')
_HEAD = re.compile(r"---\n.*?\n---\n", re.DOTALL)
_SEARCH = "material/search"


class SiteError(Exception):
    """The site's own half (theme, settings, hand-written pages) is at fault, or the place to build in."""


class Source(NamedTuple):
    """What is known of the text of a page: how it is searched, and where it is HTML already.

    ``html``: the begin and the end of each block, in characters before the end of the text: MkDocs takes the
    head of a page away.
    """

    searched: Searched
    html: tuple[tuple[int, int], ...]

    def blocks(self, text: str) -> list[str]:
        """The blocks that are HTML, out of the text with or without its head."""
        return [text[len(text) - begin : len(text) - end] for begin, end in self.html]


def source_of(text: str, blocks: Iterable[str], searched: Searched = Searched.WHOLE) -> Source:
    """What is known of a text that these blocks stand in, in this order; some of them are HTML."""
    head = _HEAD.match(text)
    found, place = [], head.end() if head else 0
    for block in map(str.strip, blocks):
        if not block.startswith("<"):
            continue
        begin = text.index(block, place)
        place = begin + len(block)
        found.append((len(text) - begin, len(text) - place))
    return Source(searched, tuple(found))


class Generator:
    """A MkDocs project below ``folder``, built into ``built``. ``sources``: of its pages, by their paths."""

    def __init__(self, folder: Path, built: Path, sources: Mapping[str, Source]) -> None:
        self._shortcut = _Shortcut(sources)
        from mkdocs.config import load_config

        with _as_site_errors():
            self._config: Any = load_config(str(folder / "mkdocs.yml"), site_dir=str(built), strict=True)
        self._config.plugins["fairlead"] = self._shortcut  # type: ignore[assignment]  # a base is not asked for

    def build(self) -> None:
        """Build everything.

        Raises:
            SiteError: MkDocs refuses the hand-written half, or a page holds a script that is not the theme's.
        """
        from mkdocs.commands import build as mkdocs_build

        with _as_site_errors():
            mkdocs_build.build(self._config)

    def rebuild(self, sources: Mapping[str, Source], changed: Iterable[str]) -> list[str]:
        """After :meth:`build`: build the pages of these paths again; all others stay as they are.

        ``sources`` as they are now. The names of the files that were written are returned.
        """
        from mkdocs.commands import build as mkdocs_build

        shortcut, config = self._shortcut, self._config
        shortcut.sources = sources
        files, documents = shortcut.files, shortcut.files.documentation_pages()
        wanted = [file for file in documents if file.src_uri in set(changed)]
        index = config.plugins[_SEARCH].search_index
        again = {file.page.url for file in wanted}
        index.entries = [entry for entry in index.entries if _page_of(entry) not in again]
        with _as_site_errors():
            for file in wanted:
                mkdocs_build._populate_page(file.page, config, files)
            for file in wanted:
                mkdocs_build._build_page(file.page, config, documents, shortcut.nav, shortcut.env)
            place = {file.page.url: number for number, file in enumerate(documents)}
            index.entries.sort(key=lambda entry: place[_page_of(entry)])
            config.plugins.on_post_build(config=config)
        return [*(file.dest_uri for file in wanted), "search/search_index.json"]


def _page_of(entry: Mapping[str, str]) -> str:
    return entry["location"].partition("#")[0]


class _Shortcut:
    """What MkDocs asks us on its way; the order of the methods is the order of the way.

    A plugin by its methods alone: MkDocs, which takes long to load, is not asked for a base.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self.files: Any = None
        self.nav: Any = None
        self.env: Any = None
        self._theme_scripts: frozenset[str] = frozenset()

    def on_nav(self, nav: Any, *, files: Any, **_: Any) -> None:
        self.nav, self.files = nav, files

    def on_page_markdown(self, markdown: str, *, page: Any, **_: Any) -> str:
        """The page with a mark in place of each block that is HTML."""
        source = self.sources[page.file.src_uri]
        if source.searched is not Searched.WHOLE:
            page.meta["search"] = {"exclude": True}
        written, place = [], 0
        for number, (begin, end) in enumerate(source.html):
            written += [markdown[place : len(markdown) - begin], f'<div data-block="{number}"></div>']
            place = len(markdown) - end
        return "".join((*written, markdown[place:]))

    def on_env(self, env: Any, **_: Any) -> None:
        self.env = env

    def on_page_context(self, context: Any, *, page: Any, config: Any, **_: Any) -> Any:
        """The blocks come back. Of a page that is found by its name the search gets one entry."""
        source = self.sources[page.file.src_uri]
        if source.html:
            blocks = source.blocks(page.file.content_string)
            page.content = _MARK.sub(lambda mark: blocks[int(mark[1])], page.content)
        if source.searched is Searched.BY_NAME:
            entry = {"location": page.url, "title": page.meta["title"], "text": page.meta["description"]}
            config.plugins[_SEARCH].search_index.entries.append(entry)
        return context

    on_page_context.mkdocs_priority = 100  # type: ignore[attr-defined]  # before the search reads the page

    def on_post_template(self, output_content: str, *, template_name: str, **_: Any) -> str:
        """The page for missing addresses holds nobody's data: its scripts are the theme's."""
        if template_name != "404.html":
            return output_content
        scripts = _inline_scripts(output_content)
        self._theme_scripts = frozenset(_SCOPE.sub("", script) for script in scripts)
        return output_content.replace(_CHARSET, _CHARSET + _policy(scripts), 1)

    def on_post_page(self, output: str, *, page: Any, **_: Any) -> str:
        """Elsewhere the theme's scripts differ only by the way back to the root; any other is refused."""
        scripts = _inline_scripts(output)
        strange = [script for script in scripts if _SCOPE.sub("", script) not in self._theme_scripts]
        if strange or _CHARSET not in output:
            raise SiteError(f"{page.file.dest_uri}: a script that is not the theme's: {strange[:1]}")
        page.content = None  # so that memory does not grow by a site
        return output.replace(_CHARSET, _CHARSET + _policy(scripts), 1)


def _inline_scripts(page: str) -> frozenset[str]:
    return frozenset(match[1] for match in _SCRIPT.finditer(page))


@functools.lru_cache(64)
def _policy(scripts: frozenset[str]) -> str:
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


@contextlib.contextmanager
def _as_site_errors() -> Iterator[None]:
    """What MkDocs and its theme have to complain about is kept off the terminal, and said by the error."""
    from mkdocs.exceptions import MkDocsException

    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("mkdocs")
    before = logger.propagate
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    except (MkDocsException, SystemExit) as error:
        raise SiteError("; ".join(said) or str(error)) from error
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
