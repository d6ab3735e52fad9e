"""The life of what was published: from events, rules and a moment to what holds then. Knows no file, no page.

A history only grows, and nothing that can be computed is stored in it: whether a dispute is open, late or in
effect, whether a suspension has run out, and why a row is not ranked any more, all follow from the events up
to the moment that is given. So an event that is added changes nothing of what held before it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from fairlead import cost, ranking
from fairlead.model import Case, DisputedFigure, Event, History, Rules
from fairlead.ranking import Origin, Row
from fairlead.repository import Repository

_SAME = 1e-9  # two roundings of one number

FigureOf = Callable[[str, str, str], float | None]
"""A folder, a row's id and a figure's name to what the row's windows in that folder give; else None."""


class Phase(enum.StrEnum):
    """How far a dispute is. Only ``upheld`` and ``recomputed`` take anything from a row.

    ``settled``: what it disputes was retracted before anybody decided, so there is nothing left to decide.
    """

    OPEN = "open"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    RECOMPUTED = "recomputed"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    SETTLED = "settled"


class State(enum.StrEnum):
    """What holds of a submission or of neutral rounds; of several, the last one of this list."""

    STANDING = "standing"
    DISPUTED = "disputed"
    SUSPENDED = "suspended"
    UPHELD = "dispute upheld"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    RETRACTED = "retracted"


_ENDS = {kind: State(kind) for kind in ("corrected", "withdrawn", "retracted")}


@dataclasses.dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute at a moment. ``answer_due``, and what hangs on it, is None where no rules are known.

    ``answered``, ``decided``: the first event that did it; ``suspended_until``: while that lasts.
    """

    folder: str
    opened: Event
    case: Case
    phase: Phase
    answer_due: dt.datetime | None
    answered: Event | None
    decided: Event | None
    suspended_until: dt.datetime | None

    @property
    def number(self) -> int:
        """Its number within the history."""
        return self.opened.dispute or 0

    @property
    def id(self) -> str:
        """A lasting name: the folder below submissions/, then the number."""
        return f"{self.folder}/{self.number}"

    @property
    def is_open(self) -> bool:
        """It waits for an answer or for somebody to decide it."""
        return self.phase not in (Phase.UPHELD, Phase.DISMISSED, Phase.SETTLED)

    @property
    def is_in_effect(self) -> bool:
        """What it disputes is not ranked any more."""
        return self.phase in (Phase.UPHELD, Phase.RECOMPUTED)

    def concerns(self, row: Row) -> bool:
        """Whether it is about this row. One without a row is about all that was handed in, or measured in the
        rounds; neutral windows that were made to judge a claim are not part of the claim."""
        if self.folder not in folders_of(row):
            return False
        return self.case.row == row.id if self.case.row is not None else _holds(self.folder, row)


@dataclasses.dataclass(frozen=True, slots=True)
class Life:
    """What holds of one folder: its state, the event that ended it, if one did, and every dispute."""

    folder: str
    state: State
    ended: Event | None
    superseded_by: str | None
    disputes: tuple[Dispute, ...]


def _nothing(_folder: str, _row: str, _figure: str) -> float | None:
    return None


def life_of(
    folder: str,
    history: History | None,
    rules: Rules | None,
    *,
    now: dt.datetime,
    figure_of: FigureOf = _nothing,
) -> Life:
    """What the events up to ``now`` make of a folder: ``<provider>/<submission>`` or ``neutral/<rounds>``."""
    events = [event for event in history.events if event.at <= now] if history else []
    about: dict[int | None, list[Event]] = {}
    for event in events:
        about.setdefault(event.dispute, []).append(event)
    disputes = tuple(
        _dispute(folder, event, event.case, about[event.dispute], rules, now, figure_of)
        for event in events
        if event.kind == "disputed" and event.case is not None
    )
    ends = [event for event in events if event.kind in _ENDS]
    ended = max(ends, key=lambda event: list(_ENDS).index(event.kind), default=None)
    superseded_by = next((event.superseded_by for event in ends if event.superseded_by), None)
    if superseded_by is not None:
        superseded_by = f"{folder.partition('/')[0]}/{superseded_by}"
    if ended is not None and ended.kind == "retracted":
        disputes = tuple(_settled(dispute) for dispute in disputes)
    state = _ENDS[ended.kind] if ended else _disputed_state(disputes)
    return Life(folder, state, ended, superseded_by, disputes)


def _settled(dispute: Dispute) -> Dispute:
    """Nothing may follow a retraction, so a dispute that is undecided then would wait for ever."""
    if not dispute.is_open:
        return dispute
    return dataclasses.replace(dispute, phase=Phase.SETTLED, suspended_until=None)


def _disputed_state(disputes: Collection[Dispute]) -> State:
    if any(dispute.is_in_effect for dispute in disputes):
        return State.UPHELD
    if any(dispute.suspended_until for dispute in disputes):
        return State.SUSPENDED
    return State.DISPUTED if any(dispute.is_open for dispute in disputes) else State.STANDING


def _dispute(
    folder: str,
    opened: Event,
    case: Case,
    own: Sequence[Event],
    rules: Rules | None,
    now: dt.datetime,
    figure_of: FigureOf,
) -> Dispute:
    """``own``: every event about the dispute."""
    answered = next((event for event in own if event.kind == "answered"), None)
    if rules is None:  # there is no day on which anything would be due
        phase = Phase.ANSWERED if answered else Phase.OPEN
        return Dispute(folder, opened, case, phase, None, answered, None, None)
    enough = rules.disputes.panelists_min
    decided = next(
        (event for event in own if event.kind in ("upheld", "dismissed") and votes(event) >= enough), None
    )
    due = opened.at + dt.timedelta(days=rules.disputes.answer_days)
    if decided is not None:
        phase = Phase(decided.kind)
    elif answered is not None and answered.at <= due:
        phase = Phase.ANSWERED
    elif now <= due:
        phase = Phase.OPEN
    else:
        phase = Phase.RECOMPUTED if _recomputes(folder, case, figure_of) else Phase.UNANSWERED
    until = _suspended_until(own, rules) if phase is not Phase.DISMISSED else None
    return Dispute(
        folder, opened, case, phase, due, answered, decided, until if until and now < until else None
    )


def votes(event: Event) -> int:
    """How many people approved: each counts once."""
    return len({person.id for person in event.approvals})


def _suspended_until(own: Iterable[Event], rules: Rules) -> dt.datetime | None:
    """When the one suspension that a dispute may have ends."""
    least = rules.suspension.approvals_min
    first = next((event for event in own if event.kind == "suspended" and votes(event) >= least), None)
    return first.at + dt.timedelta(days=rules.suspension.days_max) if first else None


# -- evidence that recomputes --------------------------------------------------------------------


def _recomputes(folder: str, case: Case, figure_of: FigureOf) -> bool:
    """Only a claim can be held against raw windows that way: what the board publishes of its own is made from
    them each time, so there is nothing else to hold it against."""
    if case.figure is None or case.row is None or not is_claim(case.row):
        return False
    return bears_out(case.figure, figure_of(folder, case.row, case.figure.metric))


def figures_of(repository: Repository, rows: Iterable[Row]) -> FigureOf:
    """What these rows' windows give; a row of one folder says nothing of another's."""
    by_id = {row.id: row for row in rows}

    def figure_of(folder: str, name: str, figure: str) -> float | None:
        row = by_id.get(name)
        if row is None or figure not in row.figures:
            return None
        own = [item.table for item in row.valid if item.folder == folder]
        methodology = ranking.methodology_of(repository.methodologies, row.family.methodology)
        prices = cost.prices_of(repository.providers.get(row.provider), row.endpoint, row.family.model)
        rules, day_seconds = ranking.interval_rules(methodology), methodology.day_seconds
        estimates = ranking.estimate_figures(own, rules, day_seconds=day_seconds, prices=prices)
        return estimates[figure].value

    return figure_of


def is_claim(row: str) -> bool:
    """Whether the row of this id is a provider's own claim."""
    return row.split("/")[5:6] == ["claim"]


def bears_out(figure: DisputedFigure, value: float | None) -> bool:
    """Whether ``value``, made from the raw windows, is what the dispute says, and is not what was claimed.

    A claim rounded to the digits it is written with is no other figure.
    """
    if value is None:
        return False
    is_as_said = abs(value - figure.recomputed) <= _SAME * abs(value) or _rounds_to(value, figure.recomputed)
    return is_as_said and not _rounds_to(value, figure.claimed)


def _rounds_to(value: float, stated: float) -> bool:
    exponent = decimal.Decimal(repr(stated)).normalize().as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    return round(value, decimals) == stated


# -- rows ----------------------------------------------------------------------------------------


def folders_of(row: Row) -> list[str]:
    """The folders below submissions/ that a row rests on, the one with the newest window last."""
    newest: dict[str, int] = {}
    for item in row.evidence:
        newest[item.folder] = max(item.head.start_unix_ns, newest.get(item.folder, 0))
    return sorted(newest, key=lambda folder: (newest[folder], folder))


def _holds(folder: str, row: Row) -> bool:
    """Whether a row rests on what a folder itself holds, and not only on reruns beside a claim."""
    return is_neutral(folder) == (row.origin is Origin.NEUTRAL)


def is_neutral(folder: str) -> bool:
    """Whether a folder holds the board's own rounds."""
    return folder.startswith("neutral/")


def lives_of(repository: Repository, now: dt.datetime, figure_of: FigureOf = _nothing) -> dict[str, Life]:
    """The life of every folder that has a history."""
    return {
        folder: life_of(folder, history, repository.rules, now=now, figure_of=figure_of)
        for folder, history in repository.histories.items()
    }


def objections(repository: Repository, now: dt.datetime) -> Callable[[Row], tuple[str, ...]]:
    """What :func:`fairlead.ranking.build_rows` asks of each row: why its life keeps it from being ranked."""

    def against(row: Row) -> tuple[str, ...]:
        found = [folder for folder in folders_of(row) if folder in repository.histories]
        if not found:
            return ()
        figure_of = figures_of(repository, [row])
        lives = {
            folder: life_of(
                folder, repository.histories[folder], repository.rules, now=now, figure_of=figure_of
            )
            for folder in found
        }
        return tuple(reasons(lives, row))

    return against


def reasons(lives: Mapping[str, Life], row: Row) -> Iterator[str]:
    """Why a row's life keeps it from being ranked. An open dispute is no reason."""
    for folder in folders_of(row):
        life = lives.get(folder)
        if life is None:
            continue
        if life.ended is not None and _holds(folder, row):
            yield f"{folder}: {end_words(life)}"
        for dispute in life.disputes:
            if dispute.concerns(row) and dispute.is_in_effect:
                yield f"dispute {dispute.id} ({dispute.case.rule}) is in effect: {effect_words(dispute)}"
            elif dispute.concerns(row) and dispute.suspended_until is not None:
                yield f"suspended until {_day(dispute.suspended_until)} while dispute {dispute.id} is open"


def disputes_of(lives: Mapping[str, Life], row: Row) -> list[Dispute]:
    """Every dispute about a row, decided ones too."""
    return [
        dispute
        for folder in folders_of(row)
        if folder in lives
        for dispute in lives[folder].disputes
        if dispute.concerns(row)
    ]


def open_disputes(lives: Iterable[Life]) -> dict[int, list[Dispute]]:
    """The undecided disputes by the numeric id of whoever opened them, the oldest first."""
    found: dict[int, list[Dispute]] = {}
    for life in lives:
        for dispute in life.disputes:
            if dispute.is_open and dispute.opened.by is not None:
                found.setdefault(dispute.opened.by.id, []).append(dispute)
    for disputes in found.values():
        disputes.sort(key=lambda dispute: (dispute.opened.at, dispute.id))
    return found


# -- words ---------------------------------------------------------------------------------------


def _day(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d}"


def end_words(life: Life) -> str:
    """How a folder ended; nothing is deleted, so it stands where it stood."""
    if life.ended is None:
        return ""
    words = {
        "corrected": f"corrected by {life.superseded_by}",
        "withdrawn": "withdrawn by its provider",
        "retracted": "retracted",
    }
    return f"{words[life.ended.kind]} on {_day(life.ended.at)}"


def effect_words(dispute: Dispute) -> str:
    """Why a dispute is in effect, or what became of it, in words."""
    if dispute.decided is not None:
        return f"{dispute.phase} on {_day(dispute.decided.at)} by {votes(dispute.decided)} panelists"
    return f"its evidence recomputes, and no answer came by {_day(dispute.answer_due or dispute.opened.at)}"


def deadline_words(due: dt.datetime, now: dt.datetime) -> str:
    """A deadline as it is told on a day: in 3 days (2026-03-18)."""
    days = (due.astimezone(dt.UTC).date() - now.astimezone(dt.UTC).date()).days
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}
    words = near.get(days) or (f"in {days} days" if days > 0 else f"{-days} days ago")
    return f"{words} ({_day(due)})"


def sentence(dispute: Dispute, now: dt.datetime) -> str:
    """Where a dispute stands, and what comes next."""
    due = deadline_words(dispute.answer_due, now) if dispute.answer_due else "on a day that no rules set"
    words = {
        Phase.OPEN: f"open: answer due {due}",
        Phase.ANSWERED: "answered, and not yet decided by panelists",
        Phase.UNANSWERED: f"the answer was due {due}; it moves no rank until panelists uphold it",
        Phase.RECOMPUTED: f"in effect: its evidence recomputes, and the answer was due {due}",
        Phase.UPHELD: f"in effect: {effect_words(dispute)}",
        Phase.DISMISSED: effect_words(dispute),
        Phase.SETTLED: "settled: what it disputes was retracted",
    }[dispute.phase]
    if dispute.suspended_until is not None:
        words += f"; suspended until {_day(dispute.suspended_until)}"
    return words
