"""An impact in words and as data, beside whose interests it touches. Computes none of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fairlead import governance
from fairlead.governance import CLASSES, ChangeClass, Conflict, Matter
from fairlead.impact.effects import Change, Impact, What
from fairlead.impact.fields import Json, value_words
from fairlead.model import Proposal
from fairlead.problems import visible
from fairlead.ranking import RankRange, Row
from fairlead.repository import Repository

_SHOWN_MAX = 60  # changes of one kind on a terminal; JSON has all of them
HEADINGS: Mapping[str, tuple[What, ...]] = {
    "Ranks, states and verdicts that change": (What.RANK, What.STATE, What.VERDICT),
    "Rules that change": (What.RULE,),
    "Other published figures that change": (What.FIGURE, What.REASON),
    "Other numbers of the method that change": (What.NUMBER,),
    "Words that change": (What.WORDS,),
}


def heaviest(impacts: Iterable[Impact]) -> Impact | None:
    """The one that gives the class to all of them; None of none."""
    return max(impacts, key=lambda each: CLASSES.index(each.change_class), default=None)


def class_words(impact: Impact | None) -> str:
    """The class of a change, and the first thing that makes it so."""
    if impact is None or impact.reason is None:
        return "editorial: nothing that is published changes (G-4.1)"
    first = impact.reason
    about = {
        What.RANK: f"the rank in {first.name} of {first.subject} changes",
        What.STATE: f"what is ranked changes: {first.subject}",
        What.VERDICT: f"the verdict on {first.name} of {first.subject} changes",
        What.RULE: f"the rule {first.name} changes",
        What.FIGURE: f"no rank, and the figure {first.name} of {first.subject} changes",
        What.REASON: f"no rank, and the reason at {first.subject} changes",
        What.NUMBER: f"no rank, and the published number {first.name} changes",
        What.WORDS: "nothing but words changes",
    }[first.what]
    return f"{first.change_class}: {about}, {change_words(first)} (G-4.1)"


def unscored(proposal: Proposal) -> tuple[ChangeClass, str]:
    """The class of a proposal of which no file says what it would do, and why it is that."""
    change = governance.required_class(proposal)
    if change is None:
        return "editorial", "editorial: it names no version, so there is nothing to score (G-4.1)"
    why = f"its kind is {proposal.kind}"
    if proposal.kind not in governance.CLASS_OF_KIND:
        why = "there is no version here that says what it does"
    return change, f"{change}: {why}, and no rank can be computed from it (G-4.1)"


def change_words(change: Change) -> str:
    """Before and after."""
    return " → ".join(said(change.what, value) for value in (change.before, change.after))


def said(what: What, value: Json) -> str:
    """One side of a change in words."""
    if what is What.RANK:
        return "no rank" if value is None else RankRange(**value).words
    if what is What.STATE or (what is What.REASON and value is not None):
        return "no row" if value is None else "; ".join(value) or "ranked"
    if what is What.FIGURE and isinstance(value, dict):
        return _figure_words(value)
    return value_words(value)


def _figure_words(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return f"none ({figure['reason']})"
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['value']:.6g}"
    return f"{figure['value']:.6g} [{figure['low']:.6g}–{figure['high']:.6g}]"


def row_ranks(row: Row) -> str:
    """Every rank of a row, else why it has none."""
    if row.unranked:
        return "; ".join(row.unranked)
    ranks = (f"{metric} {rank.words}" for metric, rank in row.ranks.items())
    return ", ".join(ranks) or "no figure to be ranked by"


# -- whose interests -----------------------------------------------------------------------------


def ties_of(
    repository: Repository, providers: Sequence[str], at: dt.datetime
) -> dict[str, tuple[Conflict, ...]]:
    """The members who are tied to each of these providers, and by which clauses; none of one without a group.

    They vote on a method all the same, under the double majority (G-3.7); readers are to know it.
    """
    register = governance.register_of(repository)
    if register is None:
        return dict.fromkeys(providers, ())
    found: dict[str, tuple[Conflict, ...]] = {}
    for name in providers:
        entry = repository.providers.get(name)
        organisation = entry.organisation if entry else None
        about = (Matter("provider", name, (organisation,)),) if organisation else ()
        found[name] = governance.conflicts(register, about, at)
    return found


# -- on a terminal -------------------------------------------------------------------------------


def impact_text(impacts: Sequence[Impact], ties: Mapping[str, Sequence[Conflict]]) -> str:
    """What changes, then who is tied to whom of it concerns."""
    lines = [class_words(heaviest(impacts))]
    for impact in impacts:
        lines += ["", impact.title, *_impact_lines(impact)]
    if ties:
        lines += ["", "Members who are tied to the providers concerned"]
        for provider, found in ties.items():
            lines.append(f"  {provider}: {'' if found else 'nobody'}".rstrip())
            for conflict in found:
                why = "; ".join(f"{tie.why} ({tie.rule})" for tie in conflict.ties)
                lines.append(f"    {conflict.member}: {why}")
    return "\n".join(visible(line) for line in lines) + "\n"


def _impact_lines(impact: Impact) -> Iterator[str]:
    if not impact.changes:
        yield "  Nothing changes."
    for title, kinds in HEADINGS.items():
        found = [each for each in impact.changes if each.what in kinds]
        if found:
            yield f"  {title}"
        last = None
        for each in found[:_SHOWN_MAX]:
            if each.subject != last:
                yield f"    {each.subject}"
                last = each.subject
            yield f"      {each.what:<8} {each.name}: {change_words(each)}"
        if len(found) > _SHOWN_MAX:
            yield f"    and {len(found) - _SHOWN_MAX} more, which `--json` lists"
    again = [fit for fit in impact.fits if not fit.is_same]
    if impact.fits:
        same = sum(fit.is_same for fit in impact.fits)
        yield f"  {same} of {len(impact.fits)} scenarios are the same measurement as under {impact.old}"
    for fit in again:
        yield f"    {fit.scenario} must be measured: {'; '.join(fit.reasons)}"
    if impact.again:
        yield "  Not comparable, until it is measured again"
        yield from (f"    {name}" for name in impact.again)


# -- for machines --------------------------------------------------------------------------------


def impact_data(impacts: Sequence[Impact], ties: Mapping[str, Sequence[Conflict]]) -> dict[str, Any]:
    """Impacts as plain data; numbers are unrounded."""
    first = heaviest(impacts)
    return {
        "class": first.change_class if first else "editorial",
        "reason": class_words(first),
        "impacts": [
            {
                "title": impact.title,
                "old": impact.old,
                "new": impact.new,
                "class": impact.change_class,
                "changes": [{**dataclasses.asdict(each), "what": str(each.what)} for each in impact.changes],
                "compatibility": [
                    {"scenario": fit.scenario, "same": fit.is_same, "reasons": list(fit.reasons)}
                    for fit in impact.fits
                ],
                "measure_again": list(impact.again),
                "rescored": _rescored(impact),
            }
            for impact in impacts
        ],
        "ties": {name: governance.conflicts_data(tuple(found)) for name, found in ties.items()},
    }


def _rescored(impact: Impact) -> list[dict[str, Any]]:
    """Under a new version: its record of the old windows, each row marked with where it is from."""
    if impact.new is None:
        return []
    return [
        {
            "row": row.id,
            "version": impact.new,
            "rescored_from": impact.old,
            "ranks": {metric: dataclasses.asdict(rank) for metric, rank in row.ranks.items()},
            "unranked": list(row.unranked),
            "figures": {name: dataclasses.asdict(each) for name, each in row.figures.items()},
        }
        for row in impact.after.rows
    ]
