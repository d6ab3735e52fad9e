"""What becomes of a claim, on reruns whose every number is given."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from fairlead import model, verdict
from fairlead.ranking import Evidence, Origin
from fairlead.verdict import ClaimVerdict, State, SubmissionVerdict
from fairlead.windows import Methodology, Outcome

from .examples import START_UNIX_NS, S, make_clock, make_evidence, make_methodology, make_table

NAME = "acme/2026-01-01-fast"
STARTED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
GITHUB = model.GitHub(login="wren", id=7)
REF = model.MethodologyRef(version="1.0.0", sha256="0" * 64)
STOPPING = model.StoppingRules(
    looks=(4, 6, 8, 10, 12, 16, 20, 24),
    error_share=0.025,
    hours_min=4,
    control_rounds_min=8,
    control_windows_min=24,
    control_level_share=0.9,
)
# A provider's own noise, a few per cent, without a pattern.
OWN = tuple(1.0 + 0.01 * ((turn * 7) % 5 - 2) for turn in range(30))


def methodology(**changes: Any) -> model.Methodology:
    rules = {"latency_margin_share": 0.1, "throughput_margin_share": 0.1, "success_margin_share": 0.01}
    given = model.VerdictRules(**{**rules, "stopping": STOPPING, **changes})
    return make_methodology(verdict=given)


def claim(metric: str = "ttft_p50_ms", value: float = 200.0, **changes: Any) -> model.Claim:
    fields = {"endpoint": "acme-api", "model": "fable-7b", "scenario": "chat-c1", "primary": True}
    return model.Claim(**{**fields, "metric": metric, "value": value, **changes})


def submission(*claims: model.Claim, origin: str = "measured") -> model.Submission:
    nothing = dict.fromkeys(("accelerator", "accelerator_count", "precision", "region"))
    return model.Submission(
        schema_version=1,
        title="For tests",
        origin=origin,  # type: ignore[arg-type]
        submitted=STARTED.date(),
        by=GITHUB,
        registration_sha256=None,
        disclosures=model.Disclosures(**nothing, prompt_cache=None, capacity=None),
        claims=claims,
        windows=(),
        calibrations=(),
        corrects=None,
        notes=None,
    )


REGISTRATION = model.Registration(
    schema_version=1,
    registered=STARTED,
    by=GITHUB,
    methodology=REF,
    vantage="harbour",
    seed="0" * 64,
    deadline=STARTED.date(),
    windows=(),
    notes=None,
)


def window(turn: int, values: Mapping[str, Sequence[float]] | None, **changes: Any) -> Evidence:
    """A neutral window of hour ``turn``, in the rerun's folder."""
    scenario, invalid = changes.pop("scenario", "chat-c1"), changes.pop("invalid", ())
    header = {"round": f"r{turn:02}", "clock": make_clock(start_unix_ns=START_UNIX_NS + turn * 3600 * S)}
    folder = changes.pop("folder", f"submissions/{NAME}/reruns/20260101t000000z-harbour")
    item = make_evidence(
        make_table(values, **(header | changes)), origin=Origin.NEUTRAL, scenario=scenario, invalid=invalid
    )
    role = item.table.header.role
    return dataclasses.replace(item, path=f"{folder}/windows/{turn:02}-{scenario}-{role}.jsonl.gz")


def rerun(ttft_ms: float, windows: int, **changes: Any) -> list[Evidence]:
    """So many windows of 30 requests around a TTFT."""
    return [window(turn, {"ttft_ms": [ttft_ms * OWN[turn]] * 30}, **changes) for turn in range(windows)]


def judge(
    evidence: Sequence[Evidence],
    *claims: model.Claim,
    text: model.Methodology | None = None,
    registration: model.Registration | None = REGISTRATION,
    reruns: Mapping[str, model.Rerun] | None = None,
    origin: str = "measured",
) -> SubmissionVerdict:
    given = submission(*(claims or (claim(),)), origin=origin)
    return verdict.judge_claims(
        NAME, given, registration, reruns or {}, evidence, {"1.0.0": text or methodology()}
    )


def only(found: SubmissionVerdict) -> ClaimVerdict:
    (one,) = found.claims
    return one


# -- the three states ----------------------------------------------------------------------------


def test_a_claim_that_holds_is_reproduced_as_soon_as_it_is_sure() -> None:
    found = only(judge(rerun(202.0, 24)))
    assert (found.state, found.is_final, len(found.windows)) == (State.REPRODUCED, True, 4)
    assert found.measured is not None
    assert found.measured.high is not None
    assert found.measured.high <= found.limit == pytest.approx(220.0)


def test_a_claim_beyond_its_margin_is_not_reproduced() -> None:
    found = only(judge(rerun(251.0, 24)))
    assert found.state is State.NOT_REPRODUCED
    assert found.measured is not None
    assert found.measured.worse == pytest.approx(0.25, abs=0.02)
    assert "25 % slower than claimed; the margin is 10 %." in found.sentence


def test_a_claim_at_its_margin_stays_open_and_the_last_window_makes_that_final() -> None:
    for windows, is_final in ((3, False), (20, False), (24, True)):
        found = only(judge(rerun(220.0, windows)))
        assert (found.state, found.is_final) == (State.INCONCLUSIVE, is_final)
        assert ("and that is final" in found.sentence) == is_final


def test_faster_than_claimed_is_no_failure() -> None:
    found = only(judge(rerun(100.0, 6)))
    assert found.state is State.REPRODUCED
    assert "50 % faster than claimed, which is no failure" in found.sentence


def test_more_is_better_where_the_figure_says_so() -> None:
    for speed, state in ((98.0, State.REPRODUCED), (140.0, State.REPRODUCED), (70.0, State.NOT_REPRODUCED)):
        windows = [window(turn, {"output_speed_tps": [speed * OWN[turn]] * 30}) for turn in range(12)]
        assert only(judge(windows, claim("output_speed_p50_tps", 100.0))).state is state


def test_what_a_look_decided_no_later_window_undoes() -> None:
    early = rerun(202.0, 4)
    late = [window(turn, {"ttft_ms": [400.0 * OWN[turn]] * 30}) for turn in range(4, 24)]
    assert only(judge([*early, *late])).state is State.REPRODUCED
    assert only(judge([*late, *early])).windows == only(judge(early)).windows


def test_the_primary_claim_carries_the_row_and_ends_the_rerun() -> None:
    windows = [
        window(turn, {"ttft_ms": [202.0 * OWN[turn]] * 30, "e2e_ms": [1100.0 * OWN[turn]] * 30})
        for turn in range(6)
    ]
    found = judge(windows, claim(), claim("e2e_p50_ms", 1000.0, primary=False))
    assert [each.state for each in found.claims] == [State.REPRODUCED, State.INCONCLUSIVE]
    assert found.rows == {("acme-api", "fable-7b", "chat-c1"): found.claims[0]}
    assert found.is_certain
    assert not judge(rerun(220.0, 6)).is_certain


# -- which windows -------------------------------------------------------------------------------


def reasons(found: ClaimVerdict) -> set[str]:
    return {item.reason for item in found.set_aside}


def test_only_the_reruns_windows_at_the_registered_vantage_and_method_count() -> None:
    """What the provider measured, a scheduled round, another place, version, scenario or endpoint: none."""
    good = rerun(202.0, 8)
    strange = [
        *rerun(400.0, 24, folder="submissions/neutral/2026-01-harbour-fable-7b"),
        *rerun(400.0, 24, folder="submissions/acme/2026-01-01-faster/reruns/20260101t000000z-harbour"),
        *(dataclasses.replace(item, origin=Origin.CLAIM) for item in rerun(400.0, 24)),
        *rerun(400.0, 24, vantage="inland"),
        *rerun(400.0, 24, methodology=Methodology(version="0.9.0", sha256="0" * 64)),
        *rerun(400.0, 24, scenario="chat-c8"),
        *rerun(400.0, 24, endpoint="acme-batch"),
        *rerun(400.0, 24, role="smoke"),
        *rerun(400.0, 24, provider="borealis"),  # a rival in the same rounds, its endpoint named alike
    ]
    assert only(judge([*strange, *good])).windows == only(judge(good)).windows
    assert only(judge([*strange, *good])).state is State.REPRODUCED


def test_measured_elsewhere_only_a_claim_is_not_comparable() -> None:
    """40 ms of way added to an honest 200 ms would convict at 10 %."""
    found = only(judge(rerun(240.0, 24, vantage="inland")))
    assert (found.state, found.is_final) == (State.NOT_COMPARABLE, False)
    assert reasons(found) == {"measured at inland, and the claim is registered at harbour"}
    assert "Not comparable" in found.sentence


def test_a_rerun_by_another_version_of_the_method_judges_nothing() -> None:
    found = only(judge(rerun(400.0, 24, methodology=Methodology(version="0.9.0", sha256="0" * 64))))
    assert (found.state, found.is_final, found.windows) == (State.INCONCLUSIVE, False, ())
    assert "measured by methodology 0.9.0, and the claim by 1.0.0" in found.sentence


def test_a_rerun_of_another_scenario_only_has_not_measured_the_claim() -> None:
    found = only(judge(rerun(400.0, 24, scenario="chat-c8")))
    assert (found.state, found.is_final, found.set_aside) == (State.INCONCLUSIVE, False, ())
    assert found.reason == "no rerun has measured fable-7b under chat-c1 yet"


def test_windows_from_before_their_rerun_show_that_clocks_disagree() -> None:
    started = STARTED + dt.timedelta(hours=2)
    name = f"{NAME}/reruns/20260101t000000z-harbour"
    given = model.Rerun(
        schema_version=1,
        methodology=REF,
        vantage="harbour",
        started=started,
        started_by=GITHUB,
        windows=(),
        calibrations=(),
        notes=None,
    )
    found = only(judge(rerun(202.0, 24), reruns={name: given}))
    assert len(found.set_aside) == 2
    assert reasons(found) == {"it began before its rerun did, so their clocks disagree"}
    assert found.windows[0].endswith("/02-chat-c1-subject.jsonl.gz")


def test_the_providers_clock_does_not_enter() -> None:
    """Claim windows that say they end next year neither hide the rerun nor judge anything."""
    late = [dataclasses.replace(item, origin=Origin.CLAIM) for item in rerun(100.0, 24)]
    assert only(judge([*late, *rerun(251.0, 24)])).state is State.NOT_REPRODUCED


def test_invalid_windows_are_set_aside_and_too_many_of_them_hold_a_look_back() -> None:
    good, invalid = rerun(202.0, 8), [window(9, None, invalid=("cut off: 3 of 30",))]
    assert only(judge([*good, *invalid])).state is State.REPRODUCED  # it came after the look that decided
    early = [window(0, None, round=f"x{turn}", invalid=("cut off: 3 of 30",)) for turn in range(2)]
    found = only(judge([*early, *good]))
    assert (found.state, found.is_final) == (State.INCONCLUSIVE, False)
    assert reasons(found) == {"invalid: cut off: 3 of 30"}
    assert only(judge([*early, *rerun(202.0, 24)])).state is State.REPRODUCED  # 2 of 20 are a tenth


def test_the_first_window_of_a_round_counts_and_its_repetition_does_not() -> None:
    good = rerun(202.0, 8)
    again = dataclasses.replace(window(8, {"ttft_ms": [400.0] * 30}, round="r00"), path="z")
    again = dataclasses.replace(again, path=good[0].path.replace("/00-", "/99-"))
    assert reasons(only(judge([*good, again]))) == {"a second window of its round"}


def test_rounds_of_two_reruns_are_not_taken_for_each_other() -> None:
    first, second = (
        rerun(202.0, 3),
        rerun(202.0, 24, folder=f"submissions/{NAME}/reruns/20260102t000000z-harbour"),
    )
    found = only(judge([*first, *second]))
    assert found.set_aside == ()
    assert len([path for path in found.windows if "20260101t" in path]) >= 2


def test_windows_of_one_hour_decide_nothing_by_themselves() -> None:
    """Twelve windows of the best hour of the day, then the rest of the day."""
    clocks = [make_clock(start_unix_ns=START_UNIX_NS + turn * 60 * S) for turn in range(12)]
    night = [
        window(turn, {"ttft_ms": [150.0 * OWN[turn]] * 30}, clock=clock) for turn, clock in enumerate(clocks)
    ]
    found = only(judge(night))
    assert (found.state, found.is_final) == (State.INCONCLUSIVE, False)
    assert "windows of 4 hours of the day are needed" in found.sentence


# -- what cannot be judged -----------------------------------------------------------------------


def test_an_outage_counts_against_success_and_not_against_speed() -> None:
    up = rerun(202.0, 8)
    down = [window(turn, None, failures={Outcome.CONNECT: 30}) for turn in range(8, 24)]
    speed, success = judge([*down, *up], claim(), claim("success_rate", 0.999, primary=False)).claims
    assert speed.state is State.REPRODUCED
    assert success.state is State.NOT_REPRODUCED
    dark = only(judge(down))
    assert (dark.state, dark.is_final, len(dark.lost)) == (State.INCONCLUSIVE, False, 16)
    assert "16 windows give no figure; the last of them: 0 of 30 requests succeeded." in dark.sentence
    whole = [window(turn, None, failures={Outcome.CONNECT: 30}) for turn in range(24)]
    assert only(judge(whole)).is_final


def test_a_failure_of_our_own_client_is_not_charged() -> None:
    ours = [window(turn, {"ttft_ms": [202.0] * 29}, failures={Outcome.CLIENT: 1}) for turn in range(24)]
    found = only(judge(ours, claim("success_rate", 1.0)))
    assert found.measured is not None
    assert found.measured.value == 1.0


def test_a_figure_that_cannot_be_computed_is_never_a_verdict() -> None:
    found = only(judge(rerun(202.0, 24), claim("system_throughput_tps", 900.0)))
    assert (found.state, found.is_final, found.measured) == (State.INCONCLUSIVE, True, None)
    assert found.reason == "no window gives the figure"
    assert "24 windows give no figure; the last of them: not measured." in found.sentence


@pytest.mark.parametrize(
    ("metric", "value"),
    [("ttft_p50_ms", 0.0), ("ttft_p50_ms", 1e-320), ("e2e_p50_ms", 1e308), ("success_rate", 1.2)],
)
def test_a_value_that_cannot_be_is_inconclusive_for_good(metric: str, value: float) -> None:
    found = only(judge(rerun(202.0, 24), claim(metric, value)))
    assert (found.state, found.is_final) == (State.INCONCLUSIVE, True)
    assert "is no value that" in found.sentence


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": "imported"}, "imported from another tool"),
        ({"registration": None}, "there is no registration"),
        ({"text": methodology(stopping=None)}, "methodology 1.0.0 has no stopping rule"),
    ],
)
def test_what_no_window_could_judge_is_final_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    found = only(judge(rerun(202.0, 24), **changes))
    assert (found.state, found.is_final) == (State.INCONCLUSIVE, True)
    assert found.reason is not None
    assert found.reason.startswith(reason)


def test_an_unknown_methodology_is_inconclusive() -> None:
    found = verdict.judge_claims(NAME, submission(claim()), REGISTRATION, {}, rerun(202.0, 24), {})
    assert found.claims[0].reason == "methodology 1.0.0 is not known here"


def test_a_round_without_a_control_window_counts_and_nothing_is_taken_out() -> None:
    control = [
        window(turn, {"ttft_ms": [50.0 * OWN[turn]] * 30}, role="control", provider="board")
        for turn in range(30)
    ]
    others = [
        window(turn - 40, {"ttft_ms": [50.0 * OWN[turn]] * 30}, role="control", provider="board")
        for turn in range(30)
    ]
    slow = rerun(218.0, 10)
    with_all = only(judge([*slow, *control, *others])).measured
    assert with_all is not None
    assert with_all.is_adjusted
    without = only(judge([*slow, *control[1:], *others])).measured
    assert without is not None
    assert not without.is_adjusted
    few = only(judge([*slow, *control, *others[:20]])).measured
    assert few is not None
    assert not few.is_adjusted


def test_a_control_that_moved_and_hardly_varies_is_left_alone() -> None:
    """To reach from it to what is usual would blind every verdict."""
    before = [
        window(
            turn - 40, {"ttft_ms": [50.0 * (1 + (OWN[turn] - 1) / 9)] * 30}, role="control", provider="board"
        )
        for turn in range(30)
    ]
    moved = [
        window(turn, {"ttft_ms": [51.0 * (1 + (OWN[(turn * 3) % 29] - 1) / 9)] * 30}, role="control")
        for turn in range(24)
    ]
    slow = rerun(214.0, 24)
    found, alone = only(judge([*slow, *before, *moved])), only(judge(slow))
    assert found.measured is not None
    assert (found.measured.is_adjusted, found.state) == (False, alone.state)


def test_figures_that_never_vary_decide_only_once_signs_would() -> None:
    same = [window(turn, {"ttft_ms": [202.0] * 30}) for turn in range(24)]
    found = only(judge(same))
    assert found.state is State.REPRODUCED
    assert len(found.windows) > 4
    open_ = only(judge(same[:4]))
    assert open_.measured is not None
    assert (open_.measured.low, open_.measured.high) == (None, None)


# -- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_slower_windows_never_turn_a_failed_claim_into_a_good_one(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.05, 0.05, 24)
    states = []
    for shift in (-0.3, -0.1, 0.0, 0.1, 0.3):
        windows = [
            window(turn, {"ttft_ms": [200 * float(np.exp(value + shift))] * 30})
            for turn, value in enumerate(values)
        ]
        states.append(only(judge(windows)).state)
    order = [State.REPRODUCED, State.INCONCLUSIVE, State.NOT_REPRODUCED]
    places = [order.index(state) for state in states]
    assert places == sorted(places)
    assert (states[0], states[-1]) == (State.REPRODUCED, State.NOT_REPRODUCED)


def test_the_order_in_which_evidence_comes_changes_nothing() -> None:
    windows = rerun(215.0, 24)
    assert judge(windows) == judge(windows[::-1])


def test_the_interval_excludes_the_limit_exactly_where_the_claim_is_decided() -> None:
    for ttft in range(180, 260, 4):
        found = only(judge(rerun(float(ttft), 24)))
        assert found.measured is not None
        assert found.limit is not None
        assert found.measured.low is not None
        assert found.measured.high is not None
        is_open = found.measured.low <= found.limit < found.measured.high
        assert is_open == (found.state is State.INCONCLUSIVE)
