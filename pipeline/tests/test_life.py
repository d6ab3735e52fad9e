"""What holds of a submission on a day, by its events, the rules and that day alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead import governance, life, model, windows
from fairlead.evidence import load_evidence
from fairlead.life import Life, Phase, State
from fairlead.ranking import Row, build_rows
from fairlead.repository import load_repository

from . import roots

CLAIM, ROUNDS = roots.CLAIM.removeprefix("submissions/"), roots.ROUNDS.removeprefix("submissions/")
CLAIM_ROW = "llama-3-70b/chat-c2/north-1/acme/main/claim/1.0.0/2026-03-04-llama"
NEUTRAL_ROW = "llama-3-70b/chat-c2/north-1/acme/main/neutral/1.0.0"
OPENED = "2026-03-10T10:00:00Z"


@pytest.fixture(scope="module")
def rules() -> model.Rules:
    return msgspec.convert(roots.data_of(roots.FILES[f"{roots.GOVERNANCE}/rules.yaml"]), model.Rules)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def history(*events: dict[str, Any]) -> model.History:
    return msgspec.convert({"schema_version": 1, "events": list(events)}, model.History)


Lives = Callable[..., Life]


@pytest.fixture
def live(rules: model.Rules) -> Lives:
    """The life of these events on a day."""

    def make(now: str, *events: dict[str, Any], folder: str = ROUNDS, **more: Any) -> Life:
        return life.life_of(folder, history(*events), rules, now=moment(now), **more)

    return make


def disputed(**case: Any) -> dict[str, Any]:
    return roots.make_event("disputed", OPENED, case=case)


# -- how far a dispute is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (OPENED, "open: answer due in 14 days (2026-03-24)"),
        ("2026-03-21T23:00:00Z", "open: answer due in 3 days (2026-03-24)"),
        ("2026-03-23T00:00:00Z", "open: answer due tomorrow (2026-03-24)"),
        ("2026-03-24T10:00:00Z", "open: answer due today (2026-03-24)"),
        (
            "2026-03-24T10:00:01Z",
            "the answer was due today (2026-03-24); it moves no rank until panelists uphold it",
        ),
        (
            "2026-03-25T10:00:00Z",
            "the answer was due yesterday (2026-03-24); it moves no rank until panelists uphold it",
        ),
    ],
)
def test_a_deadline_runs_and_is_said_in_words(live: Lives, now: str, words: str) -> None:
    """The days are those of rules.yaml, counted from the moment the dispute was opened."""
    found = live(now, disputed())
    assert life.sentence(found.disputes[0], moment(now)) == words
    assert found.state is State.DISPUTED
    assert not found.disputes[0].is_in_effect


def test_before_it_is_opened_there_is_no_dispute(live: Lives) -> None:
    assert live("2026-03-10T09:59:59Z", disputed()).disputes == ()


def test_an_answer_in_time_stops_the_clock_and_a_late_one_does_not(live: Lives) -> None:
    """What took effect stays in effect until panelists say otherwise."""
    now = "2026-04-20T00:00:00Z"
    in_time = roots.make_event("answered", "2026-03-24T10:00:00Z")
    late = roots.make_event("answered", "2026-03-24T10:00:01Z")
    assert live(now, disputed(), in_time).disputes[0].phase is Phase.ANSWERED
    found = live(now, disputed(), late).disputes[0]
    assert (found.phase, found.answered is not None) == (Phase.UNANSWERED, True)


@pytest.mark.parametrize(("kind", "state"), [("upheld", State.UPHELD), ("dismissed", State.STANDING)])
def test_three_panelists_decide_and_two_do_not(live: Lives, kind: str, state: State) -> None:
    """One who approves twice is one."""
    now, at = "2026-03-30T00:00:00Z", "2026-03-12T00:00:00Z"
    few = live(now, disputed(), roots.make_event(kind, at, approvals=[301, 302, 302]))
    enough = live(now, disputed(), roots.make_event(kind, at, approvals=roots.PANEL))
    assert few.disputes[0].phase is Phase.UNANSWERED
    assert enough.disputes[0].phase is Phase(kind)
    assert enough.state is state
    assert life.effect_words(enough.disputes[0]) == f"{kind} on 2026-03-12 by 3 panelists"


def test_a_suspension_ends_by_itself_and_with_its_dispute(live: Lives) -> None:
    """28 days from the suspension, or the day the dispute is dismissed."""
    suspended = roots.make_event("suspended", "2026-03-12T00:00:00Z", approvals=[301, 302])
    alone = roots.make_event("suspended", "2026-03-12T00:00:00Z", approvals=[301])
    dismissed = roots.make_event("dismissed", "2026-03-20T00:00:00Z", approvals=roots.PANEL)
    events = (disputed(), suspended)
    assert live("2026-04-08T23:59:59Z", *events).disputes[0].suspended_until == moment("2026-04-09T00:00:00Z")
    assert live("2026-04-08T23:59:59Z", *events).state is State.SUSPENDED
    assert live("2026-04-09T00:00:00Z", *events).disputes[0].suspended_until is None
    assert live("2026-03-20T00:00:00Z", *events, dismissed).disputes[0].suspended_until is None
    assert live("2026-03-20T00:00:00Z", disputed(), alone).disputes[0].suspended_until is None


def test_an_end_names_what_takes_its_place(live: Lives) -> None:
    corrected = roots.make_event("corrected", OPENED, superseded_by="2026-03-20-again")
    withdrawn = roots.make_event("withdrawn", "2026-03-21T00:00:00Z")
    retracted = roots.make_event("retracted", "2026-03-22T00:00:00Z")
    found = live("2026-03-20T00:00:00Z", corrected, withdrawn, retracted, folder=CLAIM)
    assert (found.state, found.superseded_by) == (State.CORRECTED, "acme/2026-03-20-again")
    assert life.end_words(found) == "corrected by acme/2026-03-20-again on 2026-03-10"
    found = live("2026-03-21T00:00:00Z", corrected, withdrawn, retracted, folder=CLAIM)
    assert (found.state, life.end_words(found)) == (
        State.WITHDRAWN,
        "withdrawn by its provider on 2026-03-21",
    )
    assert found.superseded_by == "acme/2026-03-20-again"
    assert live("2026-03-22T00:00:00Z", corrected, withdrawn, retracted).state is State.RETRACTED


def test_what_is_retracted_leaves_nothing_to_decide(live: Lives) -> None:
    """Nothing may follow a retraction, so a dispute must not wait for ever, and its opener with it."""
    retracted = roots.make_event("retracted", "2026-03-12T00:00:00Z")
    upheld = roots.make_event("upheld", "2026-03-11T00:00:00Z", approvals=roots.PANEL)
    now = "2026-03-12T00:00:00Z"
    found = live(now, disputed(), retracted)
    assert life.sentence(found.disputes[0], moment(now)) == "settled: what it disputes was retracted"
    assert life.open_disputes([found]) == {}
    assert live(now, disputed(), upheld, retracted).disputes[0].phase is Phase.UPHELD


def test_without_rules_nothing_takes_effect(live: Lives) -> None:
    upheld = roots.make_event("upheld", "2026-03-12T00:00:00Z", approvals=roots.PANEL)
    found = life.life_of(ROUNDS, history(disputed(), upheld), None, now=moment("2027-01-01T00:00:00Z"))
    assert (found.disputes[0].phase, found.disputes[0].answer_due) == (Phase.OPEN, None)


# -- evidence that recomputes --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claimed", "said", "value", "is_borne_out"),
    [
        (80, 100, 100.0, True),
        (80, 100.25, 100.25000000000001, True),
        (80, 100.2, 100.249, True),  # said to one place
        (80, 99, 100.0, False),  # not what the windows give
        (100, 100.4, 100.4, False),  # a claim rounded to the unit is no other figure
        (100.2, 100.4, 100.4, True),
        (0.99, 0.985, 0.985, True),
        (80, 100, None, False),
    ],
)
def test_evidence_recomputes_where_the_windows_give_what_is_said_and_not_what_was_claimed(
    claimed: float, said: float, value: float | None, is_borne_out: bool
) -> None:
    figure = model.DisputedFigure("ttft_p50_ms", claimed=claimed, recomputed=said)
    assert life.bears_out(figure, value) is is_borne_out


FIGURE = {"metric": "ttft_p50_ms", "claimed": 80, "recomputed": 100}


@pytest.mark.parametrize(
    ("row", "value", "phase"),
    [
        (CLAIM_ROW, 100.0, Phase.RECOMPUTED),
        (CLAIM_ROW, 80.0, Phase.UNANSWERED),
        (NEUTRAL_ROW, 100.0, Phase.UNANSWERED),
        (None, 100.0, Phase.UNANSWERED),
    ],
)
def test_only_a_claims_own_windows_speak_for_a_dispute_that_nobody_answers(
    live: Lives, row: str | None, value: float, phase: Phase
) -> None:
    """A neutral figure is made from its windows each time: there is nothing else to hold it against."""
    events = (disputed(row=row, figure=FIGURE),)
    early = live("2026-03-24T10:00:00Z", *events, figure_of=lambda *_: value)
    late = live("2026-03-25T10:00:00Z", *events, figure_of=lambda *_: value)
    assert (early.disputes[0].phase, late.disputes[0].phase) == (Phase.OPEN, phase)


# -- rows ----------------------------------------------------------------------------------------


def rows_of(root: Path, now: str) -> dict[str, Row]:
    repository, problems = load_repository(root)
    assert problems == []
    evidence, unusable = load_evidence(repository)
    assert unusable == []
    rows = build_rows(
        evidence,
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(moment(now).timestamp()) * 1_000_000_000,
        against=life.objections(repository, moment(now)),
    )
    return {row.id: row for row in rows}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return roots.build_root(tmp_path / "root")


def test_an_open_dispute_moves_no_rank_and_an_upheld_one_unranks_its_row(root: Path) -> None:
    now = "2026-03-12T00:00:00Z"
    before = rows_of(root, now)
    roots.add_event(root, roots.ROUNDS, "disputed", OPENED, case={"row": NEUTRAL_ROW})
    assert rows_of(root, now) == before
    assert before[NEUTRAL_ROW].ranks
    roots.add_event(root, roots.ROUNDS, "upheld", "2026-03-11T00:00:00Z", approvals=roots.PANEL)
    after = rows_of(root, now)
    reason = f"dispute {ROUNDS}/1 (WIN012) is in effect: upheld on 2026-03-11 by 3 panelists"
    assert (after[NEUTRAL_ROW].unranked, after[NEUTRAL_ROW].ranks) == ((reason,), {})
    assert after[NEUTRAL_ROW].figures == before[NEUTRAL_ROW].figures
    assert after.keys() == before.keys()
    assert after[CLAIM_ROW] == before[CLAIM_ROW]


def test_a_suspension_unranks_alters_nothing_and_ends(root: Path) -> None:
    roots.add_event(root, roots.ROUNDS, "disputed", OPENED)
    roots.add_event(root, roots.ROUNDS, "suspended", "2026-03-11T00:00:00Z", approvals=[301, 302])
    during = rows_of(root, "2026-03-31T00:00:00Z")[NEUTRAL_ROW]
    assert during.unranked == (f"suspended until 2026-04-08 while dispute {ROUNDS}/1 is open",)
    after = rows_of(root, "2026-04-08T00:00:00Z")[NEUTRAL_ROW]
    assert after.ranks
    assert dataclasses.replace(during, unranked=(), ranks=after.ranks) == after


def test_a_claim_that_its_own_windows_contradict_is_marked_after_the_deadline(root: Path) -> None:
    """The figure is computed from the raw files; nobody's word is taken for it."""
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "value: 100", "value: 80")
    case = {"row": CLAIM_ROW, "figure": FIGURE}
    roots.add_event(root, roots.CLAIM, "disputed", OPENED, case=case)
    early, late = (rows_of(root, f"2026-03-{day}T10:00:00Z")[CLAIM_ROW] for day in (24, 25))
    words = "its evidence recomputes, and no answer came by 2026-03-24"
    assert late.unranked == (*early.unranked, f"dispute {CLAIM}/1 (WIN012) is in effect: {words}")


OTHER = "acme/2026-03-09-second"
OTHER_ROW = CLAIM_ROW.replace("2026-03-04-llama", "2026-03-09-second")


@pytest.fixture
def two_claims(root: Path) -> Path:
    """The root with a second claim of the same endpoint, model and scenario, whose windows are slower."""
    other = root / "submissions" / OTHER
    shutil.copytree(root / roots.CLAIM, other, ignore=shutil.ignore_patterns("reruns"))
    slow = [roots.make_request(i, sent_ns=i * 200 * roots.MS - 60 * roots.MS) for i in range(4)]
    for path in sorted((other / "windows").iterdir()):
        window = windows.decode_window(path.read_bytes())
        path.write_bytes(windows.encode_window(window.header, slow))
    roots.reseal(root, f"submissions/{OTHER}")
    return root


def test_each_claim_is_a_row_of_its_own_and_answers_for_its_own_windows_alone(two_claims: Path) -> None:
    """What the one measured bears out no dispute of the other."""
    root = two_claims
    rows = rows_of(root, OPENED)
    of = life.figures_of(load_repository(root)[0], rows.values())
    assert of(CLAIM, CLAIM_ROW, "ttft_p50_ms") == rows[CLAIM_ROW].figures["ttft_p50_ms"].value == 100.0
    assert of(OTHER, OTHER_ROW, "ttft_p50_ms") == rows[OTHER_ROW].figures["ttft_p50_ms"].value == 160.0
    assert of(OTHER, CLAIM_ROW, "ttft_p50_ms") is None
    assert of(CLAIM, CLAIM_ROW, "no_such_figure") is None
    assert of(CLAIM, "no/such/row", "ttft_p50_ms") is None
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "value: 100", "value: 80")
    case = {"row": CLAIM_ROW, "figure": {**FIGURE, "recomputed": 160}}
    roots.add_event(root, roots.CLAIM, "disputed", OPENED, case=case)
    late = rows_of(root, "2026-03-30T10:00:00Z")[CLAIM_ROW]
    assert not any("is in effect" in reason for reason in late.unranked)


def test_why_a_claim_was_superseded_stands_at_its_own_row_and_not_at_its_successor(two_claims: Path) -> None:
    """Neither does a dispute of the one concern the other; and the neutral row keeps its name."""
    before = rows_of(two_claims, OPENED)
    roots.add_event(two_claims, roots.CLAIM, "disputed", OPENED)
    roots.add_event(two_claims, roots.CLAIM, "corrected", OPENED, superseded_by=OTHER.partition("/")[2])
    after = rows_of(two_claims, "2026-03-12T00:00:00Z")
    assert after[CLAIM_ROW].unranked[-1] == f"{CLAIM}: corrected by {OTHER} on 2026-03-10"
    assert after[OTHER_ROW].unranked == before[OTHER_ROW].unranked
    lives = life.lives_of(load_repository(two_claims)[0], moment(OPENED))
    assert [len(life.disputes_of(lives, after[row])) for row in (CLAIM_ROW, OTHER_ROW)] == [1, 0]
    assert NEUTRAL_ROW in after


def test_who_withdraws_a_claim_does_not_take_neutral_windows_away(root: Path) -> None:
    """Neutral rows stay, also those that rest on the rerun in the withdrawn claim's folder."""
    now = "2026-03-12T00:00:00Z"
    before = rows_of(root, now)
    roots.add_event(root, roots.CLAIM, "withdrawn", OPENED)
    after = rows_of(root, now)
    assert after[NEUTRAL_ROW] == before[NEUTRAL_ROW]
    assert roots.RERUN in {item.path.partition("/windows/")[0] for item in after[NEUTRAL_ROW].evidence}
    assert after[CLAIM_ROW].unranked[-1] == f"{CLAIM}: withdrawn by its provider on 2026-03-10"


def test_a_dispute_is_about_the_row_it_names_or_about_what_the_folder_holds(root: Path) -> None:
    """One without a row, beside a claim, is about the claim and not about the rerun that judges it."""
    roots.add_event(root, roots.CLAIM, "disputed", OPENED)
    roots.add_event(root, roots.CLAIM, "disputed", OPENED, dispute=2, case={"row": NEUTRAL_ROW})
    roots.add_event(root, roots.ROUNDS, "disputed", OPENED)
    rows = rows_of(root, OPENED)
    repository, _ = load_repository(root)
    lives = life.lives_of(repository, moment(OPENED))
    found = {name: [dispute.id for dispute in life.disputes_of(lives, row)] for name, row in rows.items()}
    assert found[CLAIM_ROW] == [f"{CLAIM}/1"]
    assert found[NEUTRAL_ROW] == [f"{ROUNDS}/1", f"{CLAIM}/2"]
    assert [one.id for one in life.open_disputes(lives.values())[201]] == [
        f"{CLAIM}/1",
        f"{CLAIM}/2",
        f"{ROUNDS}/1",
    ]


# -- who may decide ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job_until", "interest", "is_tied"),
    [
        (None, None, True),
        ("2024-04-15", None, True),
        ("2024-03-31", None, False),
        ("2020-01-01", {"kind": "credits", "amount_band": "over-1000-usd"}, True),
        ("2020-01-01", {"kind": "credits", "amount_band": "up-to-1000-usd"}, False),
        ("2020-01-01", {"kind": "credits", "amount_band": None}, True),
        ("2020-01-01", {"kind": "equity", "amount_band": "none"}, True),
        ("2020-01-01", {"kind": "equity", "amount_band": None, "until": "2021-01-01"}, False),
    ],
)
def test_a_tie_lasts_for_the_months_of_the_rules(
    root: Path, job_until: str | None, interest: dict[str, Any] | None, is_tied: bool
) -> None:
    repository, _ = load_repository(root)
    data = msgspec.to_builtins(repository.members["ben"])
    data["employment"] = [{**data["employment"][0], "from": "2019-01-01", "until": job_until}]
    tie = {"party": "acme-corporation", "from": None, "until": None, "source": "said", "notes": None}
    data["interests"] = [tie | interest] if interest else []
    member = msgspec.convert(data, model.Member)
    on = dt.date(2026, 4, 15)
    register = governance.register_of(repository)
    assert register is not None
    register = dataclasses.replace(register, members={**register.members, "ben": member})
    assert bool(governance.ties_to(register, "ben", {"acme-corporation"}, on)) is is_tied
    assert governance.ties_to(register, "ben", {"example-university"}, on) == ()
