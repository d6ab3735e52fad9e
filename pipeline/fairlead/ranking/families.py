"""Ranks within a family of rows: one row a company group, each with its range. Knows no clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from fairlead import stats
from fairlead.model import Methodology, Provider
from fairlead.ranking.figures import FIGURES, Better, Figure
from fairlead.ranking.reasons import early_first_chunks, too_few_successes
from fairlead.ranking.rows import RankRange, Row


def one_per_group(
    rows: Sequence[Row], providers: Mapping[str, Provider], groups: Mapping[str, str]
) -> list[Row]:
    """Of one family, let one eligible row a company group stand: the first endpoint that a provider lists.

    The choice is made before any figure is looked at: a group that could put forward whichever of
    its endpoints did well would be ranked by its luck.
    """

    def place(row: Row) -> tuple[str, int, str]:
        entry = providers.get(row.provider)
        listed = [endpoint.id for endpoint in entry.endpoints] if entry else []
        order = listed.index(row.endpoint) if row.endpoint in listed else len(listed)
        return row.provider, order, row.endpoint

    standing: set[str] = set()
    result = []
    for row in sorted(rows, key=place):
        group = group_of(providers, row.provider, groups)
        if not row.unranked and group in standing:
            row = dataclasses.replace(row, unranked=("another endpoint of the same company group stands",))
        elif not row.unranked:
            standing.add(group)
        result.append(row)
    return result


def group_of(
    providers: Mapping[str, Provider], provider: str, heads: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The company group of a provider: the head of its organisation's, by ``heads``, else that, else
    itself. What is one's is not independent."""
    entry = providers.get(provider)
    if entry is None or entry.organisation is None:
        return provider
    return f"organisation {heads.get(entry.organisation, entry.organisation)}"


def rank_family(rows: Sequence[Row], methodology: Methodology) -> Iterator[Row]:
    """The rows of one family, those that may be ranked with their ranges, the others with their reasons."""
    judged = [
        row if row.unranked else dataclasses.replace(row, unranked=tuple(too_few_successes(row, methodology)))
        for row in rows
    ]
    candidates = [row for row in judged if not row.unranked]
    ranks: list[dict[str, RankRange]] = [{} for _ in candidates]
    withheld = [early_first_chunks(row, methodology) for row in candidates]
    for figure in FIGURES:
        if figure.name in methodology.ranking.metrics:
            given = [
                number
                for number, row in enumerate(candidates)
                if row.figures[figure.name].value is not None and figure.name not in withheld[number]
            ]
            places = _places([candidates[number] for number in given], figure, methodology)
            for number, place in zip(given, places, strict=True):
                ranks[number][figure.name] = place
    yield from (row for row in judged if row.unranked)
    for row, by_figure, without in zip(candidates, ranks, withheld, strict=True):
        yield dataclasses.replace(row, ranks=by_figure, withheld=without)


def _places(rows: Sequence[Row], figure: Figure, methodology: Methodology) -> list[RankRange]:
    """The rank range of each row: behind those that paired rounds show to be better, ahead of the worse."""
    rules = methodology.statistics
    family = stats.compare_family(
        _by_round(rows, figure), rounds_min=rules.rounds_min, family_error=rules.family_error
    )
    better = family.lower if figure.better is Better.LOWER else family.lower.T  # better[i, j]: i than j
    ahead, behind = better.sum(axis=1), better.sum(axis=0)
    return [
        RankRange(1 + int(behind[place]), len(rows) - int(ahead[place]), len(rows))
        for place in range(len(rows))
    ]


def _by_round(rows: Sequence[Row], figure: Figure) -> stats.Floats:
    """A figure's values, rows by rounds; NaN where a row has none."""
    found = [row.by_round[figure.name] for row in rows]
    columns = {name: column for column, name in enumerate(sorted({name for one in found for name in one}))}
    values = np.full((len(rows), len(columns)), np.nan)
    for place, by_round in enumerate(found):
        values[place, [columns[name] for name in by_round]] = list(by_round.values())
    return values
