"""The vote in a comment's Markdown. Knows no account, no proposal and nothing of how comments are fetched.

A vote has a line to itself: ``/vote yes``, ``/vote no`` or ``/vote abstain``. Where GitHub shows the line
as something else than its author's own words, it is no vote; in doubt it is none, and the fault says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, cast

from fairlead.problems import quote

Vote = Literal["yes", "no", "abstain"]

_VOTE = re.compile(r" {0,3}/vote[ \t]+(yes|no|abstain)[ \t]*", re.IGNORECASE)
_MEANT = re.compile(r"\s*/vote", re.IGNORECASE)

_ITEMS = r"(?:\s*(?:[-*+]|[0-9]{1,9}[.)])(?=\s))*\s*"  # the marks of list items
_FENCE = re.compile(rf"({_ITEMS})(`{{3,}}(?=[^`]*$)|~{{3,}})")
_QUOTATION = re.compile(rf"{_ITEMS}>")
_PAIRED = re.compile(r"`+|~+|\$\$+")
_TAG = re.compile(r"<[a-z/]", re.IGNORECASE)
_HIDING = re.compile(r"<(?:!(?!--)|\?|(?:pre|script|style|textarea)\b)", re.IGNORECASE)
_OPEN_COMMENT = re.compile(r" {0,3}<!--[^<]*")


class Reading(NamedTuple):
    """The vote in a text, or why what looks like one is none; neither in an ordinary comment."""

    vote: Vote | None
    fault: str | None


def read_vote(body: str) -> Reading:
    """The vote that a comment casts.

    What stands in code, in a quotation or in an HTML comment is somebody else's, or is not seen. Two votes
    that differ are none.
    """
    found: set[str] = set()
    faults: list[str] = []
    for line, place in _places(body):
        if not _MEANT.match(line):
            continue
        match = _VOTE.fullmatch(line)
        if place is not None:
            faults.append(f"it stands in {place}")
        elif match is None:
            faults.append(
                f"{quote(line.strip())} is not `/vote yes`, `/vote no` or `/vote abstain` on a line"
            )
        else:
            found.add(match[1].lower())
    if len(found) > 1:
        return Reading(None, "it votes twice, and differently")
    if faults:
        return Reading(None, faults[0])
    return Reading(cast(Vote, found.pop()), None) if found else Reading(None, None)


def _places(body: str) -> Iterator[tuple[str, str | None]]:
    """Each line, and in what it stands that makes it no statement of its own, as GitHub's Markdown has it.

    Where code ends that began in a list, or indented, and where most HTML does, takes a whole parser and a
    browser to say: such a block is not left again.
    """
    inside: str | None = None
    ends: Callable[[str], object] | None = None
    paragraph = _Paragraph()
    for line in re.split(r"\r\n|\n|\r", body):
        if inside is not None:
            yield line, inside
            inside = None if ends is not None and ends(line) else inside
        elif opening := _FENCE.match(line):
            inside, ends = "a code block", _fence_end(opening[1], opening[2])
        elif _HIDING.search(line) or line.rfind("<!--") > line.rfind("-->"):
            inside = "HTML that is not shown as text"
            ends = _ends_comment if _OPEN_COMMENT.fullmatch(line) else None
        elif line.strip():
            paragraph.is_quoted |= _QUOTATION.match(line) is not None
            yield line, paragraph.place_of(line)
            paragraph.add(line)
            continue
        paragraph = _Paragraph()


class _Paragraph:
    """What the lines of a paragraph leave open for the next one."""

    def __init__(self) -> None:
        self.is_quoted = False
        self._unpaired: set[str] = set()
        self._is_tag_open = False

    def place_of(self, line: str) -> str | None:
        if self.is_quoted:
            return "a quotation, which goes on until an empty line"
        if line.startswith("    ") or "\t" in line[:4]:
            return "a code block"
        is_open = self._unpaired or self._is_tag_open
        return "what a line above leaves open: put an empty line before it" if is_open else None

    def add(self, line: str) -> None:
        for run in _PAIRED.findall(line):
            self._unpaired ^= {run}
        _, closing, rest = line.rpartition(">")
        self._is_tag_open = _TAG.search(rest) is not None or (self._is_tag_open and not closing)


def _fence_end(before: str, fence: str) -> Callable[[str], object] | None:
    is_plain = len(before) <= 3 and not before.strip(" ")
    return re.compile(rf" {{0,3}}{fence}{fence[0]}*[ \t]*").fullmatch if is_plain else None


def _ends_comment(line: str) -> bool:
    _, closing, rest = line.rpartition("-->")
    return bool(closing) and "<" not in rest
