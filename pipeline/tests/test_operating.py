"""How often verdicts err, by short simulations with binomial bounds; and that real verdicts are meant.

Seeds are fixed: a share below moves only when a method does. The whole table, with 2,000 submissions a
cell, is `fairlead simulate verdict`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from fairlead import operating, report
from fairlead.cli import cli
from fairlead.model import StoppingRules
from fairlead.operating import Cell, Conduct, Draw, RateWorld, World
from fairlead.repository import load_repository
from fairlead.stats.sequential import Clustering, Looks, Usual, mean_of, share_bounds, share_tails
from fairlead.verdict import State

from .test_verdict import claim, judge, methodology, window

CHECKOUT = Path(__file__).parents[2]
CANDIDATE = load_repository(CHECKOUT)[0].methodologies["1.0.0-rc"]
assert CANDIDATE.verdict.stopping is not None
STOPPING: StoppingRules = CANDIDATE.verdict.stopping
ASSUMED = Clustering(0.06, 4)
MARGIN = 0.10
SUBMISSIONS = 1500


def cell(conduct: Conduct, world: World, stopping: StoppingRules = STOPPING, seed: int = 1) -> Cell:
    rng = np.random.default_rng(seed)
    return operating.operate(conduct, world, "exact", MARGIN, stopping, SUBMISSIONS, rng)


def exact(overstated: float) -> Conduct:
    return Conduct("", overstated, claim_windows=None)


def at_most(share: float, of: int = SUBMISSIONS) -> float:
    """Three standard errors above a share."""
    return share + 3 * math.sqrt(share * (1 - share) / of)


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", operating.SPREADS)
def test_each_wrong_verdict_is_as_rare_as_promised_whatever_the_spread(spread: float) -> None:
    """Exactly at the margin both verdicts are wrong: the worst that a claim can be to judge."""
    found = cell(exact(MARGIN), World(spread))
    assert max(found.reproduced, found.not_reproduced) <= at_most(STOPPING.error_share)


@pytest.mark.parametrize("shared", operating.SHARED)
@pytest.mark.parametrize("moved", [0.0, 0.05])
def test_errors_hold_with_the_control_whatever_it_shares(shared: float, moved: float) -> None:
    found = cell(exact(MARGIN), World(0.1, shared=shared, moved=0.0 if shared else moved))
    assert max(found.reproduced, found.not_reproduced) <= at_most(STOPPING.error_share)


def test_a_verdict_is_right_on_the_time_of_the_rerun_though_the_truth_drifted() -> None:
    for drift in operating.DRIFTS:
        found = cell(Conduct("", MARGIN, claim_windows=12), World(0.1, drift))
        assert found.wrong <= at_most(STOPPING.error_share)


def test_looking_as_if_each_look_were_the_only_one_is_too_sure() -> None:
    """The plain 2.5 % at each of the looks: what the levels are there to stop."""
    draws = operating.draw(exact(MARGIN), World(0.1), STOPPING, SUBMISSIONS, np.random.default_rng(3))
    decided = np.zeros(SUBMISSIONS, dtype=np.bool_)
    for count in STOPPING.looks:
        _, high = mean_of(draws.worse[:, :count]).bounds(STOPPING.error_share)
        decided |= high <= math.log1p(MARGIN)
    assert decided.mean() > 2 * STOPPING.error_share


# -- what it takes -------------------------------------------------------------------------------

# What a plain group-sequential paired t design gave, looking after 4, 6, 8, 10, 12, 16, 20 and 24 windows:
# spread, overstated, share decided rightly, windows on average.
PLAIN = [
    (0.05, 0.0, 1.000, 8.1),
    (0.05, 0.15, 0.69, 17.7),
    (0.05, 0.20, 0.998, 9.0),
    (0.10, 0.0, 0.76, 16.7),
    (0.10, 0.20, 0.675, 24.0),
]


@pytest.mark.parametrize(("spread", "overstated", "decided", "windows"), PLAIN)
@pytest.mark.parametrize("claim_windows", [None, 12])
def test_it_decides_more_often_and_sooner_than_the_plain_design(
    spread: float, overstated: float, decided: float, windows: float, claim_windows: int | None
) -> None:
    """Also where the claimed figure has the error of twelve windows."""
    found = cell(Conduct("", overstated, claim_windows), World(spread))
    right = found.reproduced if overstated < MARGIN else found.not_reproduced
    assert right >= decided - 2 / SUBMISSIONS
    assert found.windows < windows


def test_noise_that_the_control_shares_is_taken_out() -> None:
    alone, half, most = (cell(exact(0.0), World(0.1, shared=shared)) for shared in operating.SHARED)
    assert most.windows < half.windows < alone.windows
    assert most.reproduced > 0.99
    moved = cell(exact(0.0), World(0.1, shared=0.0, moved=0.05))
    assert moved.windows < 13  # what the control does not share it does not spoil


def test_what_the_verdict_cannot_see_is_published() -> None:
    """Made-up raw data around a true figure pass; windows that resemble their neighbours err more often."""
    made_up = next(trick for trick in operating.TRICKS if "around the true" in trick.words)
    assert cell(made_up, World(0.05)).reproduced > 0.99
    assert cell(exact(MARGIN), World(0.1, memory=0.5)).wrong > 2 * STOPPING.error_share


def test_tricks_beyond_the_margin_are_found_out() -> None:
    found = {trick.words: cell(trick, World(0.05)) for trick in operating.TRICKS}
    caught = {words for words, each in found.items() if each.not_reproduced > 0.85}
    assert {words.split()[0] for words in caught} == {"measured", "raw"}
    assert len(caught) == 3
    assert found["best of 8 private runs"].not_reproduced == 0  # luck inside the margin is no lie


# -- rates ---------------------------------------------------------------------------------------


def rate(world: RateWorld, submissions: int = 300) -> Cell:
    rng = np.random.default_rng(5)
    return operating.operate_rate("", world, "exact", 0.01, STOPPING, ASSUMED, submissions, rng)


def test_hidden_failures_are_found_out_and_honest_rates_stand() -> None:
    hidden = rate(RateWorld(1.0, 0.95, correlation=0.06))
    assert hidden.not_reproduced > 0.95
    honest = rate(RateWorld(0.99, 0.999, correlation=0.06))
    assert honest.reproduced > 0.95
    assert honest.not_reproduced == 0


def test_a_rate_at_its_margin_is_hardly_ever_decided() -> None:
    found = rate(RateWorld(1.0, 0.99, correlation=0.06))
    assert found.wrong <= at_most(STOPPING.error_share, 300)


def test_one_window_that_was_lost_whole_convicts_nobody() -> None:
    level = Looks(STOPPING.looks, STOPPING.error_share).levels[4]
    assert share_tails([80, *[0] * 7], [80] * 8, 0.01, ASSUMED)[1] > level
    assert share_tails([10] * 8, [80] * 8, 0.01, ASSUMED)[1] < level


# -- the parts -----------------------------------------------------------------------------------


def test_levels_spend_the_error_in_proportion_to_the_windows() -> None:
    """Against very many simulated submissions, which the levels were not made from."""
    looks = Looks((4, 8, 16, 24), 0.025)
    values = np.random.default_rng(6).standard_normal((60_000, 24))
    crossed = np.zeros(len(values), dtype=np.bool_)
    for count, level in zip(looks.windows, looks.levels, strict=True):
        crossed |= mean_of(values[:, :count]).bounds(level)[1] <= 0
        due = 0.025 * count / 24
        assert float(crossed.mean()) == pytest.approx(due, abs=4 * math.sqrt(due / len(values)))


def test_a_single_look_is_the_plain_test() -> None:
    assert Looks((12,), 0.025).levels == pytest.approx((0.025,), rel=0.002)


def test_bounds_of_a_share_are_where_its_tails_are_at_the_level() -> None:
    hits, totals = [0, 2, 1, 0, 3, 0], [30] * 6
    low, high = share_bounds(hits, totals, 0.01, ASSUMED)
    assert share_tails(hits, totals, high, ASSUMED)[0] == pytest.approx(0.01, rel=0.01)
    assert share_tails(hits, totals, low, ASSUMED)[1] == pytest.approx(0.01, rel=0.01)
    assert share_bounds([0] * 6, totals, 0.01, ASSUMED)[0] == 0.0


def test_what_never_varies_is_bounded_only_by_signs() -> None:
    steady = np.zeros((1, 6))
    assert mean_of(steady).bounds(0.001)[1][0] == math.inf
    assert mean_of(steady).bounds(0.02)[1][0] == 0.0


# -- the simulation is of real verdicts ----------------------------------------------------------


@pytest.mark.parametrize("shared", [None, 0.5])
def test_a_simulated_submission_is_judged_as_a_real_one(shared: float | None) -> None:
    """The same windows as tables of a rerun, through the whole of the verdict."""
    rules = msgspec.structs.replace(STOPPING, control_windows_min=20)
    text = methodology(stopping=rules)
    rng = np.random.default_rng(7)
    codes = {State.REPRODUCED: 1, State.NOT_REPRODUCED: -1, State.INCONCLUSIVE: 0}
    for overstated in (0.0, 0.12, 0.2):
        draws = operating.draw(exact(overstated), World(0.08, shared=shared), rules, 8, rng)
        others = rng.normal(0, 0.06, (8, 20))
        if draws.control is not None:
            usual = Usual(others.mean(axis=1), others.std(axis=1, ddof=1), 20)
            draws = Draw(draws.worse, draws.truth, draws.control, usual)
        states, windows = operating.decide(draws, math.log1p(MARGIN), rules)
        for place, worse in enumerate(draws.worse):
            evidence = [
                window(turn, {"ttft_ms": [200 * math.exp(each)] * 30}) for turn, each in enumerate(worse)
            ]
            if draws.control is not None:
                beside = [*enumerate(draws.control[place]), *enumerate(others[place], start=-50)]
                evidence += [
                    window(turn, {"ttft_ms": [50 * math.exp(each)] * 30}, role="control", provider="board")
                    for turn, each in beside
                ]
            (found,) = judge(evidence, claim(), text=text).claims
            assert (codes[found.state], len(found.windows)) == (states[place], windows[place])


def test_a_simulated_rate_is_judged_as_a_real_one() -> None:
    rng = np.random.default_rng(8)
    text = methodology(stopping=STOPPING)
    for true in (0.999, 0.97, 0.9):
        failures = rng.binomial(80, 1 - true, 24).tolist()
        state, windows = operating.decide_rate(failures, 80, 0.02, STOPPING, ASSUMED)
        evidence = [failing_window(turn, failed) for turn, failed in enumerate(failures)]
        (found,) = judge(evidence, claim("success_rate", 0.99), text=text).claims
        codes = {State.REPRODUCED: 1, State.NOT_REPRODUCED: -1, State.INCONCLUSIVE: 0}
        assert (codes[found.state], len(found.windows)) == (state, windows)


def failing_window(turn: int, failed: int, requests: int = 80):  # type: ignore[no-untyped-def]
    from fairlead.windows import Outcome

    return window(turn, {"ttft_ms": [200.0] * (requests - failed)}, failures={Outcome.TIMEOUT: failed})


# -- the command ---------------------------------------------------------------------------------


def test_simulate_verdict_prints_words_and_json() -> None:
    run = CliRunner().invoke(
        cli, ["simulate", "verdict", "--submissions", "2", "--root", str(CHECKOUT), "--json"]
    )
    document = json.loads(run.stdout)
    assert document["command"] == "fairlead simulate verdict --submissions 2 --seed 1 --json"
    assert document["rules"] == json.loads(json.dumps(msgspec.to_builtins(CANDIDATE.verdict)))
    assert len(document["results"]) == len(list(operating.speeds())) + len(operating.RATES)
    assert "honest" in run.stderr


def test_the_committed_table_is_of_the_rules_in_force_and_no_error_is_above_what_is_promised() -> None:
    table = json.loads((CHECKOUT / "site/content/assets/verdict.json").read_text("utf-8"))
    assert table["rules"] == json.loads(json.dumps(msgspec.to_builtins(CANDIDATE.verdict)))
    assert all(result["submissions"] == 2000 and not result["fault"] for result in table["results"])
    assert {(each["conduct"], each["part"]) for each in table["results"]} == {
        *((conduct.words, part) for conduct, _, part, _ in operating.speeds()),
        *((words, part) for words, _, part in operating.RATES),
    }


def test_a_cell_says_in_words_what_it_found() -> None:
    each = Cell("honest", World(0.1, 0.05), "exact", 2000, 0.9, 0.06, 7.25, 0.06, 0.025)
    assert " ".join(report.operating_line(each).split()) == (
        "honest 10% between windows, 5% drift since the claim "
        "reproduced 90.0%, not 6.0%, 7.2 windows, wrong 6.0% too sure"
    )
