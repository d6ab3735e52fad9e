"""The vote in a comment's Markdown. Knows no account, no proposal and nothing of how comments are fetched.

A vote has a line to itself: ``/vote yes``, ``/vote no`` or ``/vote abstain``. Where GitHub shows the line
as something else than its author's own words, it is no vote; in doubt it is none, and the fault says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from fairlead.problems import quote

Vote = Literal["yes", "no", "abstain"]

_VOTE = re.compile(r" {0,3}/vote[ \t]+(yes|no|abstain)[ \t]*", re.IGNORECASE)
_MEANT = re.compile(r"\s*/vote", re.IGNORECASE)
_FENCE = re.compile(r"((?:\s*(?:[-*+]|[0-9]{1,9}[.)])\s+)*\s*)(`{3,}(?=[^`]*$)|~{3,})")
_HIDING = re.compile(r"<(?:(!--)|(pre|script|style|textarea)\b)", re.IGNORECASE)


class Reading(NamedTuple):
    """The vote in a text, or why what looks like one is none; neither in an ordinary comment."""

    vote: Vote | None
    fault: str | None


def read_vote(body: str) -> Reading:
    """The vote that a comment casts.

    A vote has a line to itself; what stands in code, in a quotation or in an HTML comment is somebody else's,
    or is not seen. Two votes that differ are none.
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
    """Each line, and in what it stands that makes it no statement of its own, as GitHub's Markdown has it."""
    fence = hidden_until = ""
    is_after_quote = False
    for line in re.split(r"\r\n|\n|\r", body):
        if fence:
            yield line, "a code block"
            closing = line.strip()
            if len(closing) >= len(fence) and not closing.strip(fence[0]):
                fence = ""
        elif hidden_until:
            yield line, "HTML that is not shown as text"
            hidden_until = "" if hidden_until in line.lower() else hidden_until
        elif opening := _FENCE.match(line):
            fence, is_after_quote = opening[2], False
        elif line.lstrip().startswith(">"):
            is_after_quote = True
        elif hiding := _HIDING.search(line):
            until = "-->" if hiding[1] else f"</{hiding[2].lower()}"
            yield line, "HTML that is not shown as text"
            hidden_until = "" if until in line[hiding.end() :].lower() else until
        else:
            is_after_quote = is_after_quote and bool(line.strip())
            yield line, _place_of(line, is_after_quote=is_after_quote)


def _place_of(line: str, *, is_after_quote: bool) -> str | None:
    if is_after_quote:
        return "a quotation, which goes on until an empty line"
    return "a code block" if line.startswith(("    ", "\t")) else None
