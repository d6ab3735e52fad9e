"""A row of the board, and which rows may be compared. Knows no rule and makes no number."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

from fairlead import stats, usage
from fairlead.ranking.evidence import Evidence, Origin
from fairlead.ranking.figures import FIGURES, WIDE
from fairlead.ranking.numbers import Numbers
from fairlead.usage import Usage
from fairlead.windows import Outcome


@dataclasses.dataclass(frozen=True, slots=True)
class RankRange:
    """Best and worst place the data allows, of so many rows."""

    best: int
    worst: int
    of: int

    @property
    def words(self) -> str:
        """As people read it, never a bare winner: 2 of 5, 1–3 of 5."""
        place = f"{self.best}" if self.best == self.worst else f"{self.best}–{self.worst}"
        return f"{place} of {self.of}"


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """The rows that may be compared: one model, scenario, vantage and methodology version."""

    model: str
    scenario: str
    vantage: str | None
    methodology: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One endpoint in one role in one family; of a claim or an import, as one submission has it.

    ``submission``: ``<provider>/<submission>``; None of a neutral row. ``ranks`` is empty where ``unranked``
    gives a reason.
    ``by_round``, ``first_gaps``: as in :class:`Numbers`. ``withheld``: figures that have no rank, each with
    the reason, where the row has others.
    """

    family: Family
    provider: str
    endpoint: str
    origin: Origin
    evidence: tuple[Evidence, ...]
    figures: Mapping[str, stats.Estimate]
    outcomes: Mapping[Outcome, int]
    unranked: tuple[str, ...]
    ranks: Mapping[str, RankRange]
    by_round: Mapping[str, Mapping[str, float]] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )
    withheld: Mapping[str, str] = dataclasses.field(default_factory=dict)
    submission: str | None = None
    first_gaps: tuple[int, int] = dataclasses.field(default=(0, 0), compare=False, repr=False)

    @property
    def id(self) -> str:
        """A lasting name: model/scenario/vantage/provider/endpoint/origin/version, then the submission of a
        row that is not neutral, then a role but subject.

        What is not stated is ``-``, which no id can be.
        """
        family = self.family
        parts = (family.model, family.scenario, family.vantage, self.provider, self.endpoint, self.origin)
        submission = () if self.submission is None else (self.submission.partition("/")[2],)
        role = () if self.role == "subject" else (self.role,)
        return "/".join(part or "-" for part in (*parts, family.methodology, *submission, *role))

    @property
    def role(self) -> Literal["subject", "control", "smoke"]:
        """What the windows are for; all of a row are for the same."""
        return self.evidence[0].head.role

    @property
    def valid(self) -> tuple[Evidence, ...]:
        """The windows that count."""
        return tuple(evidence for evidence in self.evidence if not evidence.invalid)

    @property
    def usage(self) -> Usage | None:
        """The provider's usage over the windows that count; None where no tokenizer counted any of them."""
        counted = [evidence.usage for evidence in self.valid if evidence.usage is not None]
        return usage.combine(counted, counted[0].limit) if counted else None

    @property
    def last_unix_ns(self) -> int:
        """When the newest window that counts ended; the newest of all where none counts."""
        return max(evidence.head.end_unix_ns for evidence in self.valid or self.evidence)

    @property
    def first_unix_ns(self) -> int:
        """When the oldest window that counts began; the oldest of all where none counts."""
        return min(evidence.head.start_unix_ns for evidence in self.valid or self.evidence)


def withheld_of(row: Row) -> dict[str, str]:
    """The figures that have no rank, or no sound interval, where the row has others; each with the reason."""
    wide = {
        figure.name: WIDE
        for figure in FIGURES
        if figure.is_wide and row.figures[figure.name].value is not None
    }
    return {**wide, **row.withheld}


def build_row(
    family: Family,
    provider: str,
    endpoint: str,
    origin: Origin,
    submission: str | None,
    items: Sequence[Evidence],
    numbers: Numbers,
) -> Row:
    """A row with its numbers, before anybody has asked whether it may be ranked."""
    counted: dict[Outcome, int] = {}
    for item in items:
        if not item.invalid:
            for outcome, count in item.head.outcomes.items():
                counted[outcome] = counted.get(outcome, 0) + count
    return Row(
        family=family,
        provider=provider,
        endpoint=endpoint,
        origin=origin,
        evidence=tuple(items),
        figures=numbers.figures,
        outcomes={outcome: counted[outcome] for outcome in Outcome if outcome in counted},
        unranked=(),
        ranks={},
        by_round=numbers.by_round,
        submission=submission,
        first_gaps=numbers.first_gaps,
    )
