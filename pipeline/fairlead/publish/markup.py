"""From a stranger's text to HTML and Markdown that say it and do nothing else. Knows no page, no data.

Everything generated is a raw HTML block inside Markdown, which every renderer passes through as it
is, so that escaping is one thing: HTML's. Only headings are Markdown, since the table of contents and
the search are made from them; their text is written in numeric entities, which no Markdown rule sees.
Characters that cannot be seen (controls, bidirectional overrides, zero-width) are written as escapes.
"""

from __future__ import annotations

import datetime as dt
import functools
import html
import itertools
import posixpath
import re
from collections.abc import Iterable, Sequence

from fairlead.problems import visible
from fairlead.publish import figures

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_EXTERNAL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][^\s<>\"'`\\]*)?")
# Line feeds around these keep their words apart for the search index; on the page they show nothing.
_APART = {"small": ("\n", "\n"), **dict.fromkeys(("td", "th", "dt", "dd", "span", "time"), ("", "\n"))}
_NEEDLESS = re.compile(r"(?<=>)\n+(?=</|<t[dhr]|<d[dt]|<div)|(?<=\n)\n")
LINES_UNFOLDED = 50  # of a table or a list that stand open on a page of many
_VOID = frozenset({"br", "img", "wbr", "meta"})
_HELD = 16_384  # results of pure functions that a site asks for again and again


class Html(str):
    """Text that is HTML already. Anything else is escaped where it is put among HTML."""

    __slots__ = ()


Child = str | None
# Between lines of one element: fewer elements make a page of many rows quicker to read in. The space parts
# them where they run on.
LINE = Html("\n\u2002")


def escape(text: str) -> Html:
    """A stranger's text as HTML text on one line; fit for an attribute between double quotes too."""
    return text if isinstance(text, Html) else _escaped(text)


@functools.lru_cache(_HELD)
def _escaped(text: str) -> Html:
    return Html(html.escape(visible(text), quote=True))


def join(children: Iterable[Child], between: str = "") -> Html:
    """Children one after another, each escaped unless it is HTML; ``None`` is left out."""
    return Html(escape(between).join([escape(child) for child in children if child is not None]))


def tag(name: str, *children: Child, **attributes: str | int | None) -> Html:
    """An element. ``class_`` and ``for_`` lose their underscore, other underscores are hyphens.

    An attribute that is ``None`` is left out.
    """
    written = "".join(
        [
            f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
            for key, value in attributes.items()
            if value is not None
        ]
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    before, after = _APART.get(name, ("", ""))
    return Html(f"{before}<{name}{written}>{join(children)}</{name}>{after}")


def tight(written: Html) -> Html:
    """The same without line feeds that part no words: before cells, rows and ends, and second ones."""
    return Html(_NEEDLESS.sub("", written))


@functools.lru_cache(_HELD)
def inline(text: str) -> str:
    """A stranger's text as Markdown within one line: rendered, it is the text and nothing else."""
    shown = visible(text).strip()
    return "".join(_markdown_character(character, place, shown) for place, character in enumerate(shown))


def _markdown_character(character: str, place: int, text: str) -> str:
    if character in _PLAIN or (character == " " and text[place - 1] != " "):
        return character
    return f"&#{ord(character)};" if character.isascii() else character


def heading(level: int, text: str, anchor: str | None = None) -> str:
    """A Markdown heading; ``anchor`` is ours, never a stranger's."""
    return f"{'#' * level} {inline(text)}" + (f" {{ #{anchor} }}" if anchor else "")


def external(url: str, text: str | None = None) -> Html:
    """A link to another site: https and nothing else. Any other address is shown, not linked."""
    if _EXTERNAL.fullmatch(url) is None or visible(url) != url:
        return escape(url) if text is None else join((text, " (", url, ")"))
    shown = text if text is not None else url.removeprefix("https://").removesuffix("/")
    return tag("a", shown, href=url, rel="noopener nofollow ugc")


def disclosed(value: object) -> Html:
    """A value as a stranger stated it, or *not disclosed*."""
    return tag("span", figures.NOT_DISCLOSED, class_="fl-none") if value is None else escape(str(value))


@functools.lru_cache(_HELD)
def relative(here: str, target: str) -> str:
    """The address of ``target`` as seen from the page ``here``; both relative to the site's root.

    A page's address ends with a slash; ``target`` may carry ``#anchor``.
    """
    path, mark, anchor = target.partition("#")
    base = here.rpartition("/")[0] or "."
    address = posixpath.relpath(path or ".", base)
    if not path or path.endswith("/"):
        address += "/"
    return address + mark + anchor


def link(here: str, target: str, text: str, **attributes: str | None) -> Html:
    """A link inside the site."""
    return tag("a", text, href=relative(here, target), **attributes)


def paragraphs(text: str, class_: str | None = None) -> Html:
    """A stranger's longer text: empty lines part paragraphs, single ones stay line breaks."""
    lines = (line.strip(" \t") for line in text.replace("\r\n", "\n").split("\n"))
    blocks = (list(group) for is_filled, group in itertools.groupby(lines, bool) if is_filled)
    return join(tag("p", join(block, Html("<br>")), class_=class_) for block in blocks)


def day(date: dt.date) -> Html:
    """A day, which never breaks over two lines."""
    shown = f"{date:%Y-%m-%d}"
    return tag("time", shown, datetime=shown)


def bullets(items: Iterable[Child]) -> Html:
    """A list of items."""
    return tag("ul", *(tag("li", item) for item in items))


def definitions(pairs: Iterable[tuple[Child, Child]]) -> Html:
    """A list of names and what they stand for."""
    rows = (join((tag("dt", name), tag("dd", value))) for name, value in pairs)
    return tag("dl", *(tag("div", row) for row in rows), class_="fl-facts")


def table(label: str, head: Html, *bodies: Html, class_: str = "", **attributes: str | None) -> Html:
    """A table in a container of its own that scrolls sideways; ``label`` names it for a screen reader."""
    inner = tag("table", tag("thead", head), *bodies, class_=f"fl-table {class_}".strip(), **attributes)
    return tag("div", inner, class_="fl-scroll", role="region", aria_label=label, tabindex=0)


def head_row(*names: Child) -> Html:
    """The head of a table; a name that is HTML may hold its own ``th``."""
    return tag("tr", *(name if _is_cell(name) else tag("th", name, scope="col") for name in names))


def row(first: Child, *cells: Child, class_: str | None = None) -> Html:
    """A row whose first cell names it; a cell that is HTML may hold its own ``td``."""
    rest = (cell if _is_cell(cell) else tag("td", cell) for cell in cells)
    return tag("tr", first if _is_cell(first) else tag("th", first, scope="row"), *rest, class_=class_)


def _is_cell(child: Child) -> bool:
    return isinstance(child, Html) and child.startswith(("<td", "<th"))


def number_head(*words: Child) -> Html:
    """The head of a column of numbers."""
    return tag("th", *words, scope="col", class_="fl-n")


def number_cell(*shown: Child) -> Html:
    """A number in a table, and what is said of it."""
    return tag("td", *shown, class_="fl-n")


def simple_table(label: str, names: Iterable[Child], rows: Iterable[Html], class_: str = "") -> Html:
    """A table of one head row and one body."""
    return table(label, head_row(*names), tag("tbody", *rows), class_=class_)


def fold_table(label: str, names: Iterable[Child], rows: Sequence[Html], class_: str = "") -> Html:
    """The same, folded up where it is long."""
    return fold_long(simple_table(label, names, rows, class_), len(rows), label)


def fold_long(whole: Html, lines: int, label: str) -> Html:
    """What has many lines is folded up: until a reader unfolds it, no browser lays it out."""
    if lines <= LINES_UNFOLDED:
        return whole
    return tag("details", tag("summary", f"{label}: {lines:,} lines"), whole, class_="fl-fold")
