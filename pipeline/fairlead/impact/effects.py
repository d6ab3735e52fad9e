"""What of the board differs between two ways of scoring the same windows. Knows no file and no vote.

Pure: rows and verdicts before, rows and verdicts after. A change is a plain value, and its class follows from
what it is of: a rank is a rank whatever number moved it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fairlead import stats
from fairlead.board import rows_of
from fairlead.governance import ChangeClass
from fairlead.impact.fields import Fit, Json
from fairlead.ranking import Evidence, RankRange, Row
from fairlead.repository import Repository
from fairlead.verdict import ClaimVerdict, State, SubmissionVerdict, judge_repository

_ROUNDING = 1e-9  # two roundings of one number
DECIDED = (State.REPRODUCED, State.NOT_REPRODUCED)


class What(enum.StrEnum):
    """What a change is of, the weightiest first."""

    RANK = "rank"
    STATE = "state"
    VERDICT = "verdict"
    RULE = "rule"
    FIGURE = "figure"
    REASON = "reason"
    NUMBER = "number"
    WORDS = "words"


CLASS_OF: Mapping[What, ChangeClass] = {
    What.RANK: "major",
    What.STATE: "major",
    What.VERDICT: "major",
    What.RULE: "major",
    What.FIGURE: "minor",
    What.REASON: "minor",
    What.NUMBER: "minor",
    What.WORDS: "editorial",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. ``subject``: the row's id, the submission, or the file it is in; ``name``: of
    the metric or the value; ``before`` and ``after``: plain data, None where there is nothing."""

    what: What
    subject: str
    name: str
    before: Json
    after: Json
    provider: str | None = dataclasses.field(default=None, kw_only=True)

    @property
    def change_class(self) -> ChangeClass:
        """The class that it gives to whatever brings it about."""
        return CLASS_OF[self.what]


@dataclasses.dataclass(frozen=True, slots=True)
class Scored:
    """Windows as one state of the method scores them."""

    rows: tuple[Row, ...]
    verdicts: Mapping[str, SubmissionVerdict]


@dataclasses.dataclass(frozen=True, slots=True)
class Impact:
    """What a change of the method does. ``title``: which change, in words.

    ``changes``: everything that differs, the weightiest first. ``fits``: of a new version, how its scenarios
    go with those of the one before, in whose place it would come; else empty. ``again``: rows and claims
    that it says nothing of until they are measured again. ``after``: the windows as they would be scored;
    under a new version they are a new record, marked with the version that they were measured under.
    """

    title: str
    changes: tuple[Change, ...]
    after: Scored
    fits: tuple[Fit, ...] = ()
    again: tuple[str, ...] = ()
    old: str | None = None
    new: str | None = None

    @property
    def change_class(self) -> ChangeClass:
        """The class of the change (G-4.1)."""
        return self.changes[0].change_class if self.changes else "editorial"

    @property
    def reason(self) -> Change | None:
        """The first thing that gives it this class; None where nothing differs."""
        return self.changes[0] if self.changes else None

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers of whom something differs, sorted."""
        return tuple(sorted({each.provider for each in self.changes if each.provider is not None}))


def score(repository: Repository, evidence: Sequence[Evidence], at: dt.datetime) -> Scored:
    """The board of these windows at a moment, by the method and the rules that the repository states."""
    return Scored(rows_of(repository, evidence, at), judge_repository(repository, evidence))


def compare(before: Scored, after: Scored) -> list[Change]:
    """Every rank, state, verdict and figure in which two boards differ."""
    old, new = ({row.id: row for row in board.rows} for board in (before, after))
    changes = [
        change
        for name in sorted(old.keys() | new.keys())
        for change in _compare_rows(name, old.get(name), new.get(name))
    ]
    for name in sorted(before.verdicts.keys() & after.verdicts.keys()):
        pairs = zip(before.verdicts[name].claims, after.verdicts[name].claims, strict=True)
        changes += [change for pair in pairs for change in _compare_verdicts(name, *pair)]
    return ordered(changes)


def ordered(changes: Iterable[Change]) -> list[Change]:
    """The weightiest first; what weighs the same stays in its order."""
    weights = {what: place for place, what in enumerate(What)}
    return sorted(changes, key=lambda change: weights[change.what])


def _compare_rows(name: str, old: Row | None, new: Row | None) -> Iterator[Change]:
    row = old or new
    assert row is not None
    ranks: list[Mapping[str, RankRange]] = [each.ranks if each else {} for each in (old, new)]
    for metric in dict.fromkeys((*ranks[0], *ranks[1])):
        if ranks[0].get(metric) != ranks[1].get(metric):
            found = [dataclasses.asdict(each[metric]) if metric in each else None for each in ranks]
            yield Change(What.RANK, name, metric, *found, provider=row.provider)
    states = [_state(old), _state(new)]
    if states[0] != states[1]:
        was_ranked, is_ranked = (each == [] for each in states)
        what = What.STATE if was_ranked or is_ranked or None in states else What.REASON
        yield Change(what, name, "unranked", *states, provider=row.provider)
    if old is None or new is None:
        return
    for metric in dict.fromkeys((*old.withheld, *new.withheld)):
        reasons = [each.withheld.get(metric) for each in (old, new)]
        if reasons[0] != reasons[1]:
            said: list[Json] = [None if each is None else [each] for each in reasons]
            yield Change(What.REASON, name, metric, *said, provider=row.provider)
    for metric in old.figures:
        if not _is_same(old.figures[metric], new.figures[metric]):
            found = [_figure(each.figures[metric]) for each in (old, new)]
            yield Change(What.FIGURE, name, metric, *found, provider=row.provider)
    counts = [len(each.valid) for each in (old, new)]
    if counts[0] != counts[1]:
        yield Change(What.FIGURE, name, "valid_windows", *counts, provider=row.provider)


def _state(row: Row | None) -> list[str] | None:
    """Why a row is not ranked; empty where it is, None where there is no row."""
    return None if row is None else list(row.unranked)


def _figure(estimate: stats.Estimate) -> Json:
    return {key: getattr(estimate, key) for key in ("value", "low", "high", "reason")}


def _is_same(old: stats.Estimate, new: stats.Estimate) -> bool:
    """Whether two estimates say the same but for rounding."""
    pairs = ((old.value, new.value), (old.low, new.low), (old.high, new.high))
    return old.reason == new.reason and all(_is_close(*pair) for pair in pairs)


def _is_close(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return math.isclose(old, new, rel_tol=_ROUNDING, abs_tol=_ROUNDING)


def _compare_verdicts(submission: str, old: ClaimVerdict, new: ClaimVerdict) -> Iterator[Change]:
    claim, provider, subject = old.claim, submission.partition("/")[0], claim_name(submission, old)
    what, name = What.FIGURE, claim.metric
    found: list[Json] = [_verdict_words(each) for each in (old, new)]
    if found[0] != found[1]:
        what = What.VERDICT
    elif not _is_close(old.limit, new.limit):
        name, found = f"{claim.metric} limit", [old.limit, new.limit]
    elif not all(map(_is_close, _bounds(old), _bounds(new))):
        name, found = f"{claim.metric} interval", [_bounds(old), _bounds(new)]
    else:
        return
    yield Change(what, subject, name, *found, provider=provider)


def claim_name(submission: str, verdict: ClaimVerdict) -> str:
    """What a claim is about, on one line."""
    claim = verdict.claim
    return f"{submission}: {claim.model}/{claim.scenario}/{claim.endpoint}"


def _verdict_words(verdict: ClaimVerdict) -> str:
    return f"{verdict.state}, final" if verdict.is_final else str(verdict.state)


def _bounds(verdict: ClaimVerdict) -> list[float | None]:
    return [None, None] if verdict.measured is None else [verdict.measured.low, verdict.measured.high]
