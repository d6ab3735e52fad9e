"""Two texts beside one another: the paragraphs that differ, and the words in them that do. Knows no method.

Lines that were only wrapped otherwise are the same paragraph. What is gone and what is new is said by the
elements ``del`` and ``ins``, which readers hear, and by a line through or under it; no colour says it alone.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import re
from collections.abc import Iterator, Sequence

from fairlead.publish.markup import Html, join, tag

PARAGRAPHS_MAX = 2_000  # comparing takes the square of it; a text that is longer is not compared
_WORDS_MAX = 600  # of a paragraph; a longer one is shown as gone and new
_ALIKE_MIN = 0.35  # the share of words that makes two paragraphs one that was changed
_ITEM = re.compile(r"\s*(?:[-*+]\s|[0-9]+[.)]\s|\|)")
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A run of words of a paragraph, and whether the other text lacks it there."""

    text: str
    differs: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A paragraph that differs: the heading it stands below, how it was and how it is.

    ``before`` is empty where the paragraph is new, ``after`` where it is gone.
    """

    heading: str
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Paragraph:
    text: str
    heading: str


def paragraph_pairs(before: str, after: str) -> tuple[Pair, ...] | None:
    """The paragraphs, items, lines of tables and headings in which two Markdown texts differ, in their order.

    None where one of them has too many paragraphs to be compared.
    """
    old, new = _paragraphs(before), _paragraphs(after)
    if max(len(old), len(new)) > PARAGRAPHS_MAX:
        return None
    matcher = difflib.SequenceMatcher(None, [one.text for one in old], [one.text for one in new], False)
    pairs: list[Pair] = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind != "equal":
            pairs += _aligned(old[i:i_end], new[j:j_end])
    return tuple(pairs)


def _paragraphs(source: str) -> list[_Paragraph]:
    """The text in parts that are compared as one, each on one line, with the heading above it."""
    found: list[_Paragraph] = []
    heading, lines = "", list[str]()

    def close() -> None:
        if lines:
            found.append(_Paragraph(_plain(" ".join(lines)), heading))
            lines.clear()

    for line in source.splitlines():
        title = _HEADING.fullmatch(line)
        if title is not None or not line.strip() or _ITEM.match(line):
            close()
        if title is not None:
            heading = _plain(title[2])
            found.append(_Paragraph(heading, heading))
        elif line.strip():
            lines.append(line)
    close()
    return found


def _plain(text: str) -> str:
    """On one line, without the marks of bold and of code."""
    return " ".join(text.replace("**", "").replace("`", "").split())


def _aligned(old: Sequence[_Paragraph], new: Sequence[_Paragraph]) -> Iterator[Pair]:
    """Paragraphs that take each other's place, in order; those that are not alike stand alone."""
    for was, is_ in itertools.zip_longest(old, new):
        if was is None or is_ is None:
            one = was or is_
            whole = (Piece(one.text, differs=True),)
            yield Pair(one.heading, whole if was else (), () if was else whole)
            continue
        before, after, share = _words(was.text, is_.text)
        if share >= _ALIKE_MIN:
            yield Pair(is_.heading, before, after)
        else:
            yield Pair(was.heading, (Piece(was.text, differs=True),), ())
            yield Pair(is_.heading, (), (Piece(is_.text, differs=True),))


def _words(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...], float]:
    """Both paragraphs in runs of words that are the same and that differ, and the share that is the same."""
    old, new = before.split(" "), after.split(" ")
    if max(len(old), len(new)) > _WORDS_MAX:
        return (), (), 0.0
    matcher = difflib.SequenceMatcher(None, old, new, False)
    was, is_ = [], []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if i < i_end:
            was.append(Piece(" ".join(old[i:i_end]), differs=kind != "equal"))
        if j < j_end:
            is_.append(Piece(" ".join(new[j:j_end]), differs=kind != "equal"))
    return tuple(was), tuple(is_), matcher.ratio()


# -- on a page -----------------------------------------------------------------------------------


def render_pairs(pairs: Sequence[Pair], old: str, new: str) -> Html:
    """Each pair side by side, one below the other on a phone; ``old`` and ``new`` name the two texts.

    A paragraph that only one of them has stands alone, over the whole width.
    """
    items, above = [], None
    for pair in pairs:
        title = pair.heading or "At the top"
        where = tag("p", tag("strong", title), class_="fl-beside-where") if title != above else None
        sides = [
            _side(f"{old}, gone" if not pair.after else old, "del", pair.before) if pair.before else None,
            _side(f"{new}, new" if not pair.before else new, "ins", pair.after) if pair.after else None,
        ]
        kind = "fl-alone" if None in sides else None
        items.append(tag("li", where, *sides, class_=kind))
        above = title
    return tag("ol", *items, class_="fl-beside")


def _side(name: str, element: str, pieces: Sequence[Piece]) -> Html:
    shown = (tag(element, piece.text) if piece.differs else piece.text for piece in pieces)
    return tag("div", tag("small", name, class_="fl-sub"), tag("p", join(shown, " ")), class_=f"fl-{element}")
