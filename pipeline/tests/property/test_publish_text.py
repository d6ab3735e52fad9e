"""Whatever a stranger writes, a page says it and does nothing else."""

from __future__ import annotations

import functools
import html

import markdown
from hypothesis import given
from hypothesis import strategies as st
from mkdocs.config import load_config

from fairlead.problems import visible
from fairlead.publish import markup, prose

from ..publish_example import CHECKOUT, HOSTILE, Outline

_CHARACTERS = "<>&\"'`*_[](){}|#!\\~^:;.,-+=/$%@ \t\nab1 é\u202e\u200b\x00\x02\x03\u2028"
_PIECES = (
    HOSTILE,
    "<script>",
    "</div>",
    "<!--",
    "&#60;",
    "&lt;",
    "[a](javascript:x)",
    "![a](http://b/c)",
    "https://a.b/c",
    "{{ 1 }}",
    "{: #x onclick=y }",
    "\x02wzxhzdk:0\x03",
    "\x02amp\x03",
    "!!! note",
    "[TOC]",
    "1. ",
    "    ",
    "***",
    "```",
    "a" * 2000,
)
texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=_CHARACTERS, max_size=60),
    st.lists(st.sampled_from(_PIECES), max_size=4).map("".join),
)


@functools.cache
def _settings() -> tuple[list[str], dict[str, object]]:
    config = load_config(str(CHECKOUT / "site" / "mkdocs.yml"))
    return config.markdown_extensions, config.mdx_configs


def _render(source: str) -> Outline:
    """The site's own renderer, with the extensions that its settings name."""
    extensions, configs = _settings()
    return Outline(markdown.markdown(source, extensions=extensions, extension_configs=configs))


@given(texts)
def test_a_heading_says_the_text_and_holds_no_other_element(text: str) -> None:
    """Rendered as the site renders it, a heading's text is the cleaned text, plus our own link mark."""
    outline = _render(f"before\n\n{markup.heading(2, 'x' + text)}\n\nafter")
    assert outline.names == {"p", "h2", "a"}
    assert outline.text.split("\n", 1)[1].rsplit("\n", 1)[0] == visible("x" + text).strip() + "#"


@given(texts)
def test_block_html_passes_through_the_renderer_unchanged(text: str) -> None:
    """Text inside generated HTML comes out of the renderer as it went in, with no new element."""
    block = markup.tag("div", markup.tag("p", text), title=text)
    outline = _render(f"# t\n\n{block}\n\nafter *x*")
    assert outline.elements[2:] == [("div", {"title": visible(text)}), ("p", {}), ("p", {}), ("em", {})]
    assert visible(text) in outline.text


@given(texts)
def test_paragraphs_keep_every_word_and_add_nothing_but_breaks(text: str) -> None:
    """A longer text becomes paragraphs and line breaks only."""
    outline = Outline(markup.paragraphs(text))
    assert outline.names <= {"p", "br"}
    said = "".join(visible(line.strip(" \t")) for line in text.replace("\r\n", "\n").split("\n"))
    assert outline.text == said


@given(st.one_of(texts, texts.map(lambda text: "https://example.org/" + text)))
def test_a_link_leads_to_https_or_nowhere(url: str) -> None:
    """An address becomes a link only if it is plain https; the shown text is the address itself."""
    outline = Outline(markup.external(url))
    assert outline.names <= {"a"}
    assert all(href == url and href.startswith("https://") for href in outline.values("href"))


_TEXT = {
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "div",
    "span",
    "a",
    "em",
    "strong",
    "code",
    "pre",
    "br",
    "hr",
}
_PROSE_ELEMENTS = _TEXT | {"ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td"}


@given(st.one_of(texts, st.lists(texts, max_size=5).map("\n\n".join)))
def test_prose_keeps_to_harmless_elements(text: str) -> None:
    """No Markdown from the repository gives a script, a picture, a handler or a link but to https."""
    outline = Outline(markdown.markdown("\n\n".join(prose.render(text)), extensions=["attr_list"]))
    assert outline.names <= _PROSE_ELEMENTS
    assert {name for _, attributes in outline.elements for name in attributes} <= {
        "class",
        "href",
        "rel",
        "start",
    }
    assert all(href.startswith(("https://", "#")) for href in outline.values("href"))


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), texts, min_size=1, max_size=3))
def test_a_filled_value_is_said_as_it_is(data: dict[str, str]) -> None:
    """A placeholder's value appears in the prose letter by letter, whatever it holds."""
    name, value = next(iter(data.items()))
    filled, problems = prose.fill(f"so: {{{{ {name} }}}} end", dict(data), "x.md")
    assert problems == []
    outline = Outline("".join(prose.render(filled)))
    assert f"so: {visible(value).strip()} end".split() == outline.text.split()
    assert html.unescape(markup.inline(value)) == visible(value).strip()
