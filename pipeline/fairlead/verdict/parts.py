"""What a verdict is, and its words. Decides nothing."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from fairlead.model import Claim
from fairlead.ranking import FIGURES

FIGURE_OF = {figure.name: figure for figure in FIGURES}
SUCCESS = "success_rate"


class State(enum.StrEnum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not_reproduced"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not_comparable"


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """What the neutral windows say, in the metric's unit.

    ``low`` and ``high`` hold with this ``confidence`` over all looks together; None before the first look.
    ``worse``: by how much worse than claimed, as a share of the claim (of a rate: of all requests), negative
    where it is better. ``is_adjusted``: the control's deviation from what it usually is was taken out.
    """

    value: float
    low: float | None
    high: float | None
    confidence: float
    worse: float
    is_adjusted: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class SetAside:
    """A window of a rerun that does not judge the claim, and why."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """The verdict on one claim.

    ``margin``: a share of the claimed figure, of a rate a share of all requests; ``limit``: the worst figure
    within it; both None where nothing says it. ``windows``: the raw files that decided, or all that there
    are, in order of time. ``lost``: those that count and give no figure, as in an outage. ``reason``: why
    it is not decided. A verdict that ``is_final`` is changed by no further window.
    """

    claim: Claim
    state: State
    is_final: bool
    vantage: str | None = None
    margin: float | None = None
    limit: float | None = None
    measured: Measured | None = None
    windows: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    lost: tuple[SetAside, ...] = ()
    reason: str | None = None

    @property
    def label(self) -> str:
        """The claimed metric in words."""
        return FIGURE_OF[self.claim.metric].label

    @property
    def sentence(self) -> str:
        """The verdict in words that a provider understands."""
        return _sentence(self)


RowKey = tuple[str, str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class SubmissionVerdict:
    """The verdicts on all claims of a submission, in its order."""

    submission: str
    claims: tuple[ClaimVerdict, ...]

    @property
    def rows(self) -> dict[RowKey, ClaimVerdict]:
        """What carries the state of each (endpoint, model, scenario): the verdict on its primary claim."""
        return {row_of(verdict.claim): verdict for verdict in self.claims if verdict.claim.primary}

    @property
    def is_certain(self) -> bool:
        """Whether no further window can change the state of any row: the rerun may stop."""
        return all(verdict.is_final for verdict in self.rows.values())


def row_of(claim: Claim) -> RowKey:
    """The row that a claim is about."""
    return claim.endpoint, claim.model, claim.scenario


# -- words ---------------------------------------------------------------------------------------

STATE_WORDS = {
    State.REPRODUCED: "reproduced",
    State.NOT_REPRODUCED: "not reproduced",
    State.INCONCLUSIVE: "inconclusive",
    State.NOT_COMPARABLE: "not comparable",
}


def _sentence(verdict: ClaimVerdict) -> str:
    claim, found = verdict.claim, verdict.measured
    parts = [f"Claimed: {verdict.label} {_shown(claim.metric, claim.value)}."]
    if found is not None and verdict.margin is not None:
        windows = f"{len(verdict.windows)} neutral window{'' if len(verdict.windows) == 1 else 's'}"
        text = f"Over {windows} at {verdict.vantage} it was {_shown(claim.metric, found.value)}"
        if found.low is not None and found.high is not None:
            ends = f"{_number(claim.metric, found.low)} to {_shown(claim.metric, found.high)}"
            text += f" ({found.confidence * 100:g} % interval {ends})"
        margin = f"{verdict.margin * 100:g} {'points' if claim.metric == SUCCESS else '%'}"
        margin = "one point" if margin == "1 points" else margin
        parts.append(f"{text}, {_apart(claim.metric, found.worse)}; the margin is {margin}.")
        if found.is_adjusted:
            parts.append("What the control endpoint shared of its noise is taken out.")
    if verdict.lost:
        more = "1 window gives" if len(verdict.lost) == 1 else f"{len(verdict.lost)} windows give"
        parts.append(f"{more} no figure; the last of them: {verdict.lost[-1].reason}.")
    is_decided = verdict.state in (State.REPRODUCED, State.NOT_REPRODUCED)
    words = STATE_WORDS[verdict.state]
    words = f"The claim is {words}" if is_decided else words.capitalize()
    words += f": {verdict.reason}" if verdict.reason else ""
    final = ", and that is final" if verdict.is_final and verdict.state is State.INCONCLUSIVE else ""
    return " ".join([*parts, f"{words}{final}."])


def _apart(metric: str, worse: float) -> str:
    """How far from the claim, and on which side."""
    if metric == SUCCESS:
        size, names = f"{abs(worse) * 100:.1f}", ("points fewer than claimed", "points more than claimed")
    else:
        size, names = f"{abs(worse) * 100:.0f}", ("% slower than claimed", "% faster than claimed")
    if float(size) == 0:
        return "as claimed"
    return f"{size} {names[worse < 0]}" + (", which is no failure" if worse < 0 else "")


def _shown(metric: str, value: float) -> str:
    unit = "%" if metric == SUCCESS else "ms" if metric.endswith("_ms") else "tokens/s"
    return f"{_number(metric, value)} {unit}"


def _number(metric: str, value: float) -> str:
    if metric == SUCCESS:
        return f"{value * 100:.2f}"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


# -- for machines --------------------------------------------------------------------------------


def as_data(verdict: ClaimVerdict) -> dict[str, Any]:
    """A verdict in plain values, as it is published."""
    claim, found = verdict.claim, verdict.measured
    return {
        **{key: getattr(claim, key) for key in ("endpoint", "model", "scenario", "metric", "primary")},
        "claimed": claim.value,
        "state": str(verdict.state),
        "final": verdict.is_final,
        "vantage": verdict.vantage,
        "margin": verdict.margin,
        "limit": verdict.limit,
        "measured": None if found is None else dataclasses.asdict(found),
        "windows": list(verdict.windows),
        "set_aside": [dataclasses.asdict(each) for each in verdict.set_aside],
        "lost": [dataclasses.asdict(each) for each in verdict.lost],
        "reason": verdict.reason,
        "sentence": verdict.sentence,
    }
