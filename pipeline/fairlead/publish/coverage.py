"""How often our own statistics are wrong, as tables: from the simulations that ship with the site.

Knows no provider: every row is about simulated ones, whose truth is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.publish import markup
from fairlead.publish.markup import Html, tag
from fairlead.simulate import WIDTH_MAX, Board, Boards, FailureWorld, World

_COVERAGE = ("Figure", "Simulated providers", "Interval holds", "Width", "Withheld")


def coverage_blocks(found: Mapping[str, Any]) -> list[str]:
    """Every published cell, then the cells that show where the method ends."""
    cells = found["results"]
    published = [cell for cell in cells if not cell["is_stress"]]
    stress = [cell for cell in cells if cell["is_stress"]]
    confidence = found["rules"]["confidence"]
    lowest = min(cell["coverage"] for cell in published if cell["coverage"] is not None)
    wide = sorted({cell["figure"] for cell in published if _is_wide(cell)})
    said = (
        f"{len(published)} kinds of simulated data, {published[0]['providers']:,} providers each. The "
        f"interval is to hold in {confidence:.0%}; the lowest of these holds in {lowest:.1%}."
    )
    return [
        tag("p", said),
        *([tag("p", _wide_words(wide))] if wide else []),
        markup.simple_table("Coverage of what is published", _COVERAGE, _rows(published)),
        markup.heading(2, "Where the method ends"),
        markup.simple_table("Coverage where data are worse", _COVERAGE, _rows(stress)),
        tag("p", "Made by ", tag("code", found["command"]), "."),
    ]


def _is_wide(cell: Mapping[str, Any]) -> bool:
    return cell["width"] == "infinite" or (cell["width"] or 0) > WIDTH_MAX


def _wide_words(figures: Sequence[str]) -> str:
    return (
        f"Wider than {WIDTH_MAX:g} times the least possible in one of these kinds or more: "
        f"{', '.join(figures)}. So they have no column on a board and no rank. Where a row is shown alone "
        "they stand without their interval, which is in the data for machines, marked as wide."
    )


def _rows(cells: Sequence[Mapping[str, Any]]) -> Iterator[Html]:
    for cell in cells:
        world = cell["world"]
        words = (FailureWorld(**world) if "success" in world else World(**world)).words
        holds = "never given"
        if cell["coverage"] is not None:
            holds = f"{cell['coverage']:.1%} ± {cell['coverage_error']:.1%}"
        yield markup.row(cell["figure"], words, holds, _width(cell), f"{cell['withheld']:.0%}")


def _width(cell: Mapping[str, Any]) -> str:
    if cell["width"] == "infinite":
        return "infinite"
    if cell["width"] is not None:
        return f"{cell['width']:.2f} times the least possible"
    return "" if cell["width_points"] is None else f"{cell['width_points']:.1f} points"


def comparison_blocks(found: Mapping[str, Any]) -> list[str]:
    """How often equal rows are told apart, and how often a better one is found."""
    heads = ("Simulated boards", "Equal rows told apart", "The better one found")
    return [
        markup.simple_table("Comparison", heads, _board_rows(found["results"])),
        tag("p", "Made by ", tag("code", found["command"]), "."),
    ]


def _board_rows(results: Sequence[Mapping[str, Any]]) -> Iterator[Html]:
    for result in results:
        rest = {name: value for name, value in result.items() if name not in ("board", "fault")}
        boards = Boards(board=Board(**result["board"]), **rest)
        found = "" if boards.found is None else f"{boards.found:.1%} ± {boards.found_error:.1%}"
        yield markup.row(boards.words, f"{boards.wrong:.1%} ± {boards.wrong_error:.1%}", found)
