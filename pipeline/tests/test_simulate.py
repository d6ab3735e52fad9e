"""The statistics against the truth of simulated providers, and the simulation against its own closed forms.

Seeds are fixed: a share below moves only when a method does. The whole table, with 2,000 providers a
cell, is `fairlead simulate coverage`; here 250 a cell, whose standard error is 1.4 points at 95 %.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fairlead import ranking, report, simulate, stats
from fairlead.cli import cli
from fairlead.repository import load_schema
from fairlead.simulate import Board, Boards, Cell, FailureWorld, World

from .test_stats import RULES

CHECKOUT = Path(__file__).parents[2]

PROVIDERS = 250
# Three standard errors below 93 %: what the whole table proves is not disproved here.
LEAST = 0.93 - 3 * math.sqrt(0.93 * 0.07 / PROVIDERS)


def cells(world: World, rules: stats.IntervalRules = RULES, seed: int = 1) -> dict[str, Cell]:
    found = simulate.cover_figures(world, rules, PROVIDERS, np.random.default_rng(seed))
    return {cell.figure: cell for cell in found}


def rate(world: FailureWorld, rules: stats.IntervalRules = RULES) -> Cell:
    return simulate.cover_rate(world, rules, 2 * PROVIDERS, np.random.default_rng(2))


# -- what is published holds ---------------------------------------------------------------------


@pytest.mark.parametrize("world", simulate.WORLDS, ids=lambda world: world.words)
def test_intervals_of_published_figures_hold_the_truth_and_are_not_wide(world: World) -> None:
    for figure, cell in cells(world).items():
        assert cell.coverage is not None
        assert cell.coverage >= LEAST, figure
        if cell.is_judged_by_width:
            assert cell.width is not None
            assert cell.width <= simulate.WIDTH_MAX + 0.2, figure
        if figure != "TTFT p99":
            assert cell.withheld <= 0.02, figure


@pytest.mark.parametrize("world", simulate.FAILURE_WORLDS, ids=lambda world: world.words)
def test_intervals_of_a_success_rate_hold_the_truth(world: FailureWorld) -> None:
    cell = rate(world)
    assert cell.withheld == 0
    assert cell.coverage is not None
    assert cell.coverage >= LEAST
    assert cell.width_points is not None
    assert cell.width_points <= 8


# -- a broken method does not pass ---------------------------------------------------------------


def test_intervals_as_if_requests_were_independent_are_too_sure() -> None:
    """Each request passed off as a window of its own: the truth, 1, is missed by one in four."""
    rng, missed = np.random.default_rng(3), 0
    for _ in range(PROVIDERS):
        times = np.exp(rng.normal(0, 0.2, (24, 1)) + rng.normal(0, 0.3, (24, 30))).reshape(720, 1)
        (apart,) = stats.quantile_estimates(list(times), (0.5,), strata=[0] * 720, rules=RULES)
        assert apart.low is not None
        assert apart.high is not None
        missed += not apart.low <= 1.0 <= apart.high
    assert missed / PROVIDERS > 0.25


def test_a_rate_that_trusts_what_it_saw_is_too_sure() -> None:
    """Without the assumption that failures cluster, 98 % clustered in large windows is not held."""
    trusting = dataclasses.replace(RULES, failure_correlation=0.0)
    world = FailureWorld(0.99, 0.1, requests=320)
    assert rate(world, trusting).fault == "too sure"
    assert rate(world).fault is None


def test_hours_that_are_taken_for_noise_make_intervals_too_wide() -> None:
    """All windows in one group: the swing of the day is counted as if it were chance."""
    blind = dataclasses.replace(RULES, stratum_windows_min=24)
    assert cells(World(0.05), blind)["TTFT p50"].fault == "too wide"


def test_less_confidence_is_too_sure() -> None:
    shy = dataclasses.replace(RULES, confidence=0.8)
    assert cells(World(0.1), shy)["output speed p50"].fault == "too sure"


# -- the rule that withholds ---------------------------------------------------------------------


def test_a_p99_is_withheld_where_windows_differ_more_than_requests() -> None:
    """720 values that alike are not worth 299: nearly never given, and a p95 still is."""
    found = cells(World(0.2, within=0.15))
    assert found["TTFT p99"].withheld > 0.85
    assert found["TTFT p95"].withheld < 0.15


def test_tails_are_withheld_from_too_few_windows() -> None:
    found = cells(World(0.05, windows=6))
    assert [found[f"TTFT p{q}"].withheld for q in (50, 90, 95, 99)] == [0.0, 1.0, 1.0, 1.0]
    assert found["TTFT p95"].coverage is None
    assert found["TTFT p95"].fault is None


# -- comparisons ---------------------------------------------------------------------------------


def boards(board: Board, count: int = 400) -> Boards:
    rng = np.random.default_rng(4)
    return simulate.compare_boards(board, count, rng, rounds_min=6, family_error=0.05)


@pytest.mark.parametrize("rounds", [6, 12, 24])
def test_equal_providers_are_told_apart_in_at_most_five_boards_of_a_hundred(rounds: int) -> None:
    """Eight equal rows, 28 comparisons, one family-wise error."""
    found = boards(Board(rounds=rounds))
    assert found.fault is None
    assert found.found is None


def test_a_provider_fifteen_per_cent_faster_is_told_apart_from_a_given_rival() -> None:
    """Eight rows, 24 rounds of 30, 5 % between windows: found in at least nine boards of ten."""
    found = boards(Board(gain=0.15))
    assert found.found is not None
    assert found.found >= 0.90
    assert found.fault is None


def test_a_comparison_without_a_family_is_too_sure() -> None:
    """28 comparisons at 5 % each, judged as if there were one."""
    loose = simulate.compare_boards(
        Board(), 200, np.random.default_rng(5), rounds_min=6, family_error=0.05 * 28
    )
    assert dataclasses.replace(loose, family_error=0.05).fault == "too sure"


def test_too_few_rounds_are_too_blind() -> None:
    assert boards(Board(gain=0.15, rounds=6), 100).fault == "too blind"


# -- the simulated truth -------------------------------------------------------------------------


@pytest.mark.parametrize("world", [World(0.2), World(0.1, hours=8, slow_share=0.05, failure_rate=0.1)])
def test_the_stated_truth_is_what_very_many_windows_give(world: World) -> None:
    """48,000 windows of one provider against the integrals, to what chance allows."""
    many = dataclasses.replace(world, windows=48_000)
    waves = simulate._waves(many)
    place = np.unique(many.strata, return_inverse=True)[1]
    sample = simulate._draw(many, waves[5, place], np.random.default_rng(6))
    good, times = sample.is_good, sample.ttft
    every = np.where(good, times, np.inf).ravel()
    seen = [
        *(stats.quantile(times[good], q) for q in (0.5, 0.9, 0.95, 0.99)),
        *(stats.quantile(every, q) for q in (0.5, 0.95)),
        stats.quantile(sample.speed[good], 0.5),
        sample.usd.sum() / sample.tokens.sum(),
        sample.throughput.mean(),
    ]
    truths = simulate._truths(many, waves)[:, 5]
    for figure, one, other in zip(simulate.FIGURES, seen, truths, strict=True):
        assert one == pytest.approx(other, rel=0.01), figure


def test_windows_are_spread_over_the_sampled_hours() -> None:
    assert World(0.1).strata == list(range(24))
    assert World(0.1, hours=8).strata == [hour for hour in range(8) for _ in range(3)]
    assert World(0.1, windows=6).strata == [0, 4, 8, 12, 16, 20]


# -- the command ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_table_and_another_does_not() -> None:
    def table(seed: int) -> list[Cell]:
        small = [World(0.1)]
        return list(
            simulate.cover(
                RULES,
                20,
                np.random.default_rng(seed),
                worlds=small,
                failure_worlds=[FailureWorld(0.99)],
                stress_worlds=[],
                stress_failure_worlds=[],
            )
        )

    assert table(1) == table(1)
    assert table(1) != table(2)


def test_simulate_comparison_prints_words_and_json() -> None:
    words = CliRunner().invoke(cli, ["simulate", "comparison", "--boards", "20", "--root", str(CHECKOUT)])
    assert words.exit_code == 0, words.output
    assert len(words.stdout.splitlines()) == len(simulate.BOARDS)
    assert "8 rows, all equal in p50; 24 rounds" in words.stdout
    machine = CliRunner().invoke(
        cli, ["simulate", "comparison", "--boards", "20", "--root", str(CHECKOUT), "--json"]
    )
    document = json.loads(machine.stdout)
    assert document["command"] == "fairlead simulate comparison --boards 20 --seed 1 --json"
    assert [result["board"]["rounds"] for result in document["results"]] == [24, 6, 12, 24, 24, 24]


def test_the_committed_table_is_of_the_rules_in_force_and_nothing_published_fails() -> None:
    """A change of a rule asks for a new table; the file itself says which command makes it."""
    folder = CHECKOUT / "site" / "content" / "assets"
    table = json.loads((folder / "coverage.json").read_text("utf-8"))
    rivals = json.loads((folder / "comparison.json").read_text("utf-8"))
    rules = json.loads(json.dumps(dataclasses.asdict(ranking.INTERVALS)))
    assert table["rules"] == rivals["rules"] == rules
    published = [cell for cell in table["results"] if not cell["is_stress"]]
    assert len(published) == len(simulate.WORLDS) * len(simulate.FIGURES) + len(simulate.FAILURE_WORLDS)
    assert all(cell["providers"] == 2000 and cell["coverage"] >= 0.93 for cell in published)
    assert not any(result["fault"] for result in published + rivals["results"])


def test_what_is_too_wide_somewhere_has_no_column_and_no_rank() -> None:
    """The p99 of 720 requests, and the tail above which failures begin; everything else is narrow enough."""
    table = json.loads((CHECKOUT / "site" / "content" / "assets" / "coverage.json").read_text("utf-8"))
    named = {"TTFT p99": "ttft_p99_ms", "success-adjusted TTFT p95": "ttft_adjusted_p95_ms"}
    wide = {
        cell["figure"]
        for cell in table["results"]
        if not cell["is_stress"]
        and (cell["width"] == "infinite" or (cell["width"] or 0) > simulate.WIDTH_MAX)
    }
    assert wide == set(named)
    assert {figure.name for figure in ranking.FIGURES if figure.is_wide} == set(named.values())
    assert not {figure.name for figure in ranking.COLUMNS} & set(named.values())
    may_rank = load_schema("methodology")["properties"]["ranking"]["properties"]["metrics"]["items"]["enum"]
    assert not set(may_rank) & set(named.values())


def test_a_cell_says_in_words_what_it_found() -> None:
    cell = Cell("TTFT p99", World(0.2, within=0.15), True, 2000, 0.922, 0.8, 0.032, 0.85, None)
    line = " ".join(report.cell_line(cell).split())
    assert line == (
        "TTFT p99 20% between windows, 24 windows over 24 hours; 15% within "
        "holds 80.0% ± 3.2%, 0.85 x the oracle's width, withheld 92.2% too sure"
    )
    never = dataclasses.replace(cell, coverage=None, coverage_error=None, width=None, withheld=1.0)
    assert report.cell_line(never).endswith("withheld, always")
