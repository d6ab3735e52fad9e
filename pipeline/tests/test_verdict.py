"""What becomes of a claim, on reruns whose every number is given."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from fairlead import model, verdict
from fairlead.ranking import Evidence, Origin
from fairlead.verdict import ClaimVerdict, State, SubmissionVerdict

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
