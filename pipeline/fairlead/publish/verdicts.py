"""Verdicts on claims as a reader sees them, and how often verdicts err. Judges nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead import operating
from fairlead.publish import markup
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, link, number_cell, tag
from fairlead.verdict import STATE_WORDS, ClaimVerdict, State


def badge(verdict: ClaimVerdict) -> Html:
    """A verdict's state as a mark, with its sentence behind it."""
    is_bad = verdict.state is State.NOT_REPRODUCED
    words = STATE_WORDS[verdict.state]
    return tag("span", words, class_=f"fl-state{' fl-warning' if is_bad else ''}", title=verdict.sentence)


def row_badge(verdict: ClaimVerdict | None) -> Html | None:
    """The mark of a claim's row."""
    return markup.join((" ", badge(verdict))) if verdict else None


def claims_blocks(edition: Edition, submission: str, here: str) -> Iterator[str]:
    """What became of each claim of a submission."""
    found = edition.verdicts[submission].claims
    if not found:
        return
    yield markup.heading(2, "Verdict")
    lines = [
        markup.row(
            verdict.label,
            verdict.claim.scenario,
            badge(verdict),
            tag("td", verdict.sentence, class_="fl-wide"),
        )
        for verdict in found
    ]
    yield markup.simple_table("Verdict on each claim", ("Figure", "Scenario", "State", "Why"), lines)
    aside = dict.fromkeys(f"{item.path}: {item.reason}" for verdict in found for item in verdict.set_aside)
    if aside:
        yield tag("p", "Windows of a rerun that were set aside:")
        yield markup.bullets(aside)
    yield tag(
        "p",
        "The primary claim carries the state of its row. ",
        link(here, "verdict/", "How a claim is judged, and how often that errs"),
        ".",
        class_="fl-note",
    )


# -- operating characteristics -------------------------------------------------------------------

_HEADS = ("Claim", "World", "Reproduced", "Not", "Open", "Windows", "Wrong")


def operating_blocks(found: Mapping[str, Any]) -> list[str]:
    """Every cell: where the figure is stated exactly, where it is not, and where the method ends."""
    cells, rules = found["results"], found["rules"]
    stopping = rules["stopping"]
    held = [cell for cell in cells if cell["part"] != "stress"]
    worst, submissions = max(cell["wrong"] for cell in held), held[0]["submissions"]
    promised, looks = stopping["error_share"], ", ".join(map(str, stopping["looks"]))
    said = (
        f"{len(held)} kinds of claim and world, {submissions:,} simulated submissions each. A rerun is "
        f"looked at after {looks} windows. Each wrong verdict is to come in at most {promised:.1%} of "
        f"reruns; the most seen in any of these is {worst:.1%}, and so many simulations scatter by "
        f"{math.sqrt(promised * (1 - promised) / submissions):.1%}."
    )
    return [
        tag("p", said),
        *_part("Where the figure is stated exactly", cells, "exact"),
        *_part(
            "Where claims have an error of their own, providers change, and tricks are played", cells, "real"
        ),
        *_part("Where the method ends", cells, "stress"),
        tag("p", "Made by ", tag("code", found["command"]), "."),
    ]


def _part(title: str, cells: Sequence[Mapping[str, Any]], part: str) -> Iterator[str]:
    yield markup.heading(3, title)
    yield markup.simple_table(title, _HEADS, (_cell_row(cell) for cell in cells if cell["part"] == part))


def _cell_row(cell: Mapping[str, Any]) -> Html:
    world = cell["world"]
    words = (operating.RateWorld(**world) if "claimed" in world else operating.World(**world)).words
    shares = (
        cell["reproduced"],
        cell["not_reproduced"],
        max(1 - cell["reproduced"] - cell["not_reproduced"], 0),
    )
    numbers = [*(f"{share:.1%}" for share in shares), f"{cell['windows']:.1f}", f"{cell['wrong']:.1%}"]
    return markup.row(cell["conduct"], words, *(number_cell(number) for number in numbers))
