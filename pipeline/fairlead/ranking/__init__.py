"""From window tables to leaderboard rows and rank ranges. Knows no clock, no page and no raw byte.

Only neutral windows, measured by the board's own runner, are ranked. Claims and imported results
are listed without a rank, each with its reason. A rank is a range: a row stands behind those that
are significantly better and ahead of those that are significantly worse, and nowhere more precisely.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from fairlead import cost
from fairlead.model import Methodology, Provider
from fairlead.ranking.evidence import (
    Evidence,
    Head,
    Held,
    Origin,
    invalid_by_version,
    invalid_reasons,
    joined,
    methodology_of,
    version_order,
)
from fairlead.ranking.families import group_of, one_per_group, rank_family
from fairlead.ranking.figures import COLUMNS, FIGURES, WIDE, Better, Figure, sound
from fairlead.ranking.numbers import (
    INTERVALS,
    Estimator,
    Fetch,
    Numbers,
    Sample,
    estimate_each,
    estimate_figures,
    interval_rules,
    sample_of,
    window_value,
)
from fairlead.ranking.reasons import (
    REAL_DAY_SECONDS,
    ineligible,
    ineligible_by_origin,
    too_few_successes,
)
from fairlead.ranking.rows import Family, RankRange, Row, build_row, withheld_of

__all__ = (
    "COLUMNS",
    "FIGURES",
    "INTERVALS",
    "REAL_DAY_SECONDS",
    "WIDE",
    "Better",
    "Estimator",
    "Evidence",
    "Family",
    "Fetch",
    "Figure",
    "Head",
    "Held",
    "Numbers",
    "Origin",
    "RankRange",
    "Row",
    "Sample",
    "build_rows",
    "estimate_each",
    "estimate_figures",
    "group_of",
    "ineligible_by_origin",
    "interval_rules",
    "invalid_by_version",
    "invalid_reasons",
    "joined",
    "methodology_of",
    "sound",
    "too_few_successes",
    "version_order",
    "window_value",
    "withheld_of",
)


def build_rows(
    evidence: Iterable[Evidence],
    providers: Mapping[str, Provider],
    methodologies: Mapping[str, Methodology],
    *,
    now_unix_ns: int,
    against: Callable[[Row], Iterable[str]] | None = None,
    withheld: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    estimate: Estimator = estimate_each,
    groups: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Row, ...]:
    """Every row of the board, ranked where the rules allow; in the order of their ids.

    ``against``: why a row's history keeps it from being ranked, as :func:`fairlead.life.objections` says it.
    ``withheld``: why a provider's rows are not ranked for whose they are, by its id, as governance has it.
    ``estimate``: the numbers of many samples, all at once; it may know some of them from before.
    ``groups``: the head of each organisation's company group; one that is not in it is its own.

    Windows that state no methodology of ours, as imported ones, are summarised by the latest one.
    Without any methodology there is no number to work by, and so no row.
    """
    if not methodologies:
        return ()
    gathered: dict[tuple[Family, str, str, Origin, str | None, str], list[Evidence]] = {}
    for item in evidence:
        head = item.head
        family = Family(head.model, item.scenario, head.vantage, head.methodology)
        submission = None if item.origin is Origin.NEUTRAL else item.folder
        key = (family, head.provider, head.endpoint, item.origin, submission, head.role)
        gathered.setdefault(key, []).append(item)
    samples = []
    for (family, provider, endpoint, *_), items in gathered.items():
        items.sort(key=lambda item: (item.head.start_unix_ns, item.path))
        prices = cost.prices_of(providers.get(provider), endpoint, family.model)
        samples.append(sample_of(items, methodology_of(methodologies, family.methodology), prices))
    families: dict[Family, list[Row]] = {}
    for (known, items), numbers in zip(gathered.items(), estimate(samples), strict=True):
        family, provider, endpoint, origin, submission, _ = known
        row = build_row(family, provider, endpoint, origin, submission, items, numbers)
        reasons = ineligible(row, providers.get(provider), methodologies, now_unix_ns)
        reasons += tuple(against(row)) if against is not None else ()
        reasons += withheld.get(provider, ())
        families.setdefault(family, []).append(dataclasses.replace(row, unranked=reasons))
    ranked = [
        row
        for family, rows in families.items()
        for row in rank_family(
            one_per_group(rows, providers, groups), methodology_of(methodologies, family.methodology)
        )
    ]
    return tuple(sorted(ranked, key=lambda row: row.id))
