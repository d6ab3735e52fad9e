"""Markdown from the repository, made harmless and given its numbers. Knows no page and no file.

The methodology, the charter and the proposals are written by people whom nobody has to trust. Of
their Markdown only the text survives: raw HTML is shown as text, pictures become their caption, a
link goes to https or to an anchor of the same page, or it is text. A number is never typed twice:
``{{ path.to.value }}`` takes it from the YAML beside the prose.
"""

from __future__ import annotations

import functools
import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

import markdown
import markdown.treeprocessors

from fairlead.problems import Problem, Span, nearest, quote, visible
from fairlead.publish import markup

_PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")
_PATH = re.compile(r"\s*([a-z0-9_]+(?:\.[a-z0-9_]+)*)\s*")
_SHARE = re.compile(r"(^|_)(share|confidence|family_error|success_rate|ownership)(_|$)")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SPLIT = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
_TITLE = re.compile(r"\A\s*<h1>.*?</h1>", re.DOTALL)
_ANCHOR = re.compile(r"#[a-z0-9][a-z0-9-]*")
_HTTPS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][^\s<>\"'`\\]*)?")

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def said(name: str, value: Json) -> str:
    """A value of a YAML file in words: a share in per cent, a number with commas, yes and no.

    ``name`` is the value's key; it tells a share from another number.
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and _SHARE.search(name) and 0 <= value <= 1:
        return f"{round(value * 100, 6):g} %"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return str(value)


def fill(source: str, data: Mapping[str, Json], path: str) -> tuple[str, list[Problem]]:
    """Put the values of ``data`` where the Markdown of ``path`` names them; unknown names are problems."""
    problems: list[Problem] = []
    known = dict(_leaves(dict(data)))

    def put(match: re.Match[str]) -> str:
        name = _PATH.fullmatch(match[1])
        if name is not None and name[1] in known:
            return markup.inline(known[name[1]])
        problems.append(_unknown(source, match, known, path))
        return match[0]

    return _PLACEHOLDER.sub(put, source), problems


def _leaves(data: Json, prefix: str = "", name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else key, key)
    elif isinstance(data, list | tuple):
        for place, value in enumerate(data):
            yield from _leaves(value, f"{prefix}.{place}", name)
    else:
        yield prefix, said(name, data)


def _unknown(source: str, match: re.Match[str], known: Mapping[str, str], path: str) -> Problem:
    line = source.count("\n", 0, match.start()) + 1
    begin = source.rfind("\n", 0, match.start()) + 1
    end = source.find("\n", begin)
    wanted = match[1].strip()
    near = nearest(wanted, known)
    return Problem(
        code="MET008",
        path=path,
        message=f"no value is called {quote(wanted)}",
        span=Span(line, match.start() - begin + 1, match.end() - begin + 1),
        expected="the path of a value in the YAML beside the prose",
        fix=f"write `{{{{ {near} }}}}`"
        if near
        else "name a value that is there, or take the placeholder out",
        excerpt=source[begin : end if end >= 0 else len(source)],
    )


def render(source: str, *, under: int = 1) -> list[str]:
    """Blocks for a page: Markdown headings, and raw HTML between them.

    A title at the very top is left out, since the page has one; every other heading lies below the
    page's heading of level ``under``.
    """
    rendered = _TITLE.sub("", _renderer().reset().convert(_visible_lines(source)))
    blocks: list[str] = []
    place = 0
    for match in _SPLIT.finditer(rendered):
        blocks += [rendered[place : match.start()]]
        text = html.unescape(re.sub(r"<[^>]*>", "", match[2]))
        blocks += [markup.heading(min(6, max(2, int(match[1])) + under - 1), text)]
        place = match.end()
    blocks += [rendered[place:]]
    return [_as_block(block) for block in blocks if block.strip()]


def _as_block(block: str) -> str:
    block = block.strip()
    return block if block.startswith("#") else f'<div class="fl-prose">\n{block}\n</div>'


def _visible_lines(source: str) -> str:
    return "\n".join(visible(line) for line in source.replace("\r\n", "\n").expandtabs(4).split("\n"))


@functools.cache
def _renderer() -> markdown.Markdown:
    """Python-Markdown without raw HTML, with every link and picture passed through the filter."""
    renderer = markdown.Markdown(extensions=["tables", "sane_lists", "fenced_code"], output_format="html")
    renderer.preprocessors.deregister("html_block")
    renderer.inlinePatterns.deregister("html")
    renderer.treeprocessors.register(_Filter(renderer), "fairlead_filter", -100)
    return renderer


class _Filter(markdown.treeprocessors.Treeprocessor):
    """The shape of the library's own seam; the work is in the functions below."""

    def run(self, root: ET.Element) -> None:
        _filter(root, top=True)


def _filter(element: ET.Element, *, top: bool) -> None:
    for child in element:
        if child.tag in _HEADINGS and not top:
            child.tag = "p"
        if child.tag == "img":
            child.text, child.tag = child.get("alt", ""), "span"
            child.attrib.clear()
        href = child.get("href", "")
        for name in set(child.attrib) - {"start"}:
            del child.attrib[name]
        if child.tag == "a":
            _restore_link(child, href)
        if child.tag == "table":
            child.set("class", "fl-table")
        _filter(child, top=False)


def _restore_link(element: ET.Element, href: str) -> None:
    if _ANCHOR.fullmatch(href):
        element.set("href", href)
    elif _HTTPS.fullmatch(href):
        element.set("href", href)
        element.set("rel", "noopener nofollow ugc")
    else:
        element.tag = "span"
