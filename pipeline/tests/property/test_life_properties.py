"""Laws that the life of every row obeys, whatever happened to it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis import given, settings

from fairlead import life, model, ranking
from fairlead.life import Phase, State
from fairlead.ranking import Row

from .. import roots
from ..examples import make_evidence, make_methodology, make_provider, make_table
from .test_ranking_properties import NAMES, NOW, boards, flat

FOLDER = "neutral/2026-01-north-1-fable"
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
RULES = msgspec.convert(roots.data_of(roots.FILES[f"{roots.GOVERNANCE}/rules.yaml"]), type=model.Rules)
ABOUT = ("disputed", "answered", "suspended", "upheld", "dismissed")
KINDS = (*ABOUT, *ABOUT, "corrected", "withdrawn", "retracted")
MOMENTS = st.integers(0, 80).map(lambda half_days: START + dt.timedelta(hours=12 * half_days))
NOWS = st.just(START + dt.timedelta(days=41)) | MOMENTS
many = settings(max_examples=120)


@st.composite
def histories(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> model.History:
    """Up to a dozen events in the order of their time, sensible or not."""
    events: list[dict[str, Any]] = []
    for at in sorted(draw(st.lists(MOMENTS, min_size=3, max_size=12))):
        opened = sum(event["kind"] == "disputed" for event in events)
        kind = draw(st.sampled_from(kinds if opened else ("disputed", *kinds)))
        approvals = draw(st.sampled_from([(1, 2, 3), (1, 2), (1, 2, 2), ()]))
        number = opened + 1 if kind == "disputed" else draw(st.integers(1, opened + 1))
        figure = draw(st.sampled_from([None, {"metric": "ttft_p50_ms", "claimed": 80, "recomputed": 100}]))
        row = draw(st.sampled_from([None, "a/b/c/d/e/claim/1.0.0", "a/b/c/d/e/neutral/1.0.0"]))
        events.append(
            roots.make_event(
                kind,
                f"{at:%Y-%m-%dT%H:%M:%SZ}",
                approvals=approvals,
                dispute=number if kind in ABOUT else None,
                superseded_by="2026-04-01-again" if kind == "corrected" else None,
                case={"figure": figure, "row": row},
            )
        )
    return msgspec.convert({"schema_version": 1, "events": events}, model.History)


def live(history: model.History, now: dt.datetime) -> life.Life:
    return life.life_of(FOLDER, history, RULES, now=now, figure_of=lambda *_: 100.0)


@many
@given(histories(), NOWS)
def test_what_is_added_later_changes_nothing_of_what_held_before(
    history: model.History, now: dt.datetime
) -> None:
    """The state at a moment is that of the events up to it, whatever came after."""
    until = model.History(
        schema_version=1, events=tuple(event for event in history.events if event.at <= now)
    )
    assert live(history, now) == live(until, now)


@many
@given(histories(), NOWS)
def test_a_dispute_is_decided_by_its_own_events(history: model.History, now: dt.datetime) -> None:
    """What happens to another dispute of the same history changes nothing of it; a retraction ends all."""
    for dispute in live(history, now).disputes:
        own = tuple(
            event for event in history.events if event.dispute == dispute.number or event.kind == "retracted"
        )
        alone = live(model.History(schema_version=1, events=own), now)
        assert alone.disputes == (dispute,)


@many
@given(histories(), NOWS)
def test_nothing_takes_effect_but_by_enough_people_or_by_its_own_windows(
    history: model.History, now: dt.datetime
) -> None:
    for dispute in live(history, now).disputes:
        own = [event for event in history.events if event.dispute == dispute.number and event.at <= now]
        panels = [event for event in own if event.kind == "upheld" and life.votes(event) >= 3]
        if dispute.phase is Phase.UPHELD:
            assert panels
        elif dispute.is_in_effect:
            assert dispute.case.figure is not None
            assert dispute.case.row is not None
            assert "/claim/" in dispute.case.row
            assert now > dispute.opened.at + dt.timedelta(days=14)
            assert not any(event.kind == "answered" and event.at <= dispute.answer_due for event in own)
        if dispute.suspended_until is not None:
            assert now < dispute.suspended_until <= now + dt.timedelta(days=28)


@many
@given(histories())
def test_every_event_stays_in_the_life_that_it_is_part_of(history: model.History) -> None:
    """No dispute ever vanishes, and an end is final: it only gives way to a graver one."""
    graver = list(State)
    seen = 0
    last = State.STANDING
    for event in history.events:
        found = live(history, event.at)
        assert len(found.disputes) >= seen
        seen = len(found.disputes)
        if last in (State.CORRECTED, State.WITHDRAWN, State.RETRACTED):
            assert graver.index(found.state) >= graver.index(last)
        last = found.state


# -- boards --------------------------------------------------------------------------------------


def build(board: Any, history: model.History | None, now: dt.datetime) -> tuple[Row, ...]:
    evidence = [dataclasses.replace(item, path=f"submissions/{FOLDER}/windows/x") for item in flat(board)]
    lives = {FOLDER: life.life_of(FOLDER, history, RULES, now=now)}
    return ranking.build_rows(
        evidence,
        {name: make_provider(f"{name}-api") for name in NAMES},
        {"1.0.0": make_methodology()},
        now_unix_ns=NOW,
        against=lambda row: life.reasons(lives, row),
    )


@given(boards(), histories(("disputed", "answered", "dismissed")), NOWS)
def test_open_answered_and_dismissed_disputes_move_no_rank(
    board: Any, history: model.History, now: dt.datetime
) -> None:
    assert build(board, history, now) == build(board, None, now)


@given(boards(), histories(), NOWS)
def test_whatever_happens_every_row_stays_with_its_figures(
    board: Any, history: model.History, now: dt.datetime
) -> None:
    """An event may take a rank and give a reason; it never takes a row, a window or a figure away."""
    before, after = build(board, None, now), build(board, history, now)
    assert [row.id for row in after] == [row.id for row in before]
    for old, new in zip(before, after, strict=True):
        assert (new.figures, new.evidence, new.outcomes) == (old.figures, old.evidence, old.outcomes)
        assert set(old.unranked) <= set(new.unranked) or new.unranked


def test_an_upheld_dispute_of_one_row_leaves_its_rivals_as_if_it_were_not_there() -> None:
    """The others are ranked among themselves."""
    board = {
        name: [
            make_evidence(
                make_table({"ttft_ms": [level] * 5}, provider=name, endpoint=f"{name}-api", round=f"r{turn}")
            )
            for turn in range(6)
        ]
        for name, level in (("acme", 100.0), ("bolt", 120.0), ("cove", 140.0))
    }
    rows = {row.provider: row for row in build(board, None, START)}
    opened = roots.make_event("disputed", "2026-03-01T00:00:00Z", case={"row": rows["acme"].id})
    upheld = roots.make_event("upheld", "2026-03-01T00:00:00Z", approvals=roots.PANEL)
    history = msgspec.convert({"schema_version": 1, "events": [opened, upheld]}, model.History)
    after = {row.provider: row for row in build(board, history, START)}
    assert after["acme"].unranked
    without = {name: windows for name, windows in board.items() if name != "acme"}
    alone = {row.provider: row for row in build(without, None, START)}
    assert {name: after[name].ranks for name in alone} == {name: row.ranks for name, row in alone.items()}
