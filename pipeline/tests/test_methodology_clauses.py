"""Each clause of the method names the test that proves it; its numbers stand in its YAML and not in code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parents[1]
PACKAGE = CHECKOUT / "pipeline" / "fairlead"
TEXT = (CHECKOUT / "methodology" / "versions" / "1.0.0-rc" / "methodology.md").read_text()

SIMULATED = "test_simulate.py::test_the_committed_table_is_of_the_rules_in_force_and_nothing_published_fails"

PROOFS = {
    "M-1.1": "test_ranking.py::test_a_providers_claim_does_not_touch_its_neutral_row",
    "M-1.2": "test_campaign.py::test_a_round_holds_every_endpoint_and_the_control",
    "M-1.3": "test_metrics.py::test_an_import_gives_its_stated_durations_and_nothing_more",
    "M-1.4": "test_explain.py::test_every_figure_of_every_row_comes_out_of_its_files_again",
    "M-2.1": (
        "test_measure_workload.py::"
        "test_one_request_in_every_ten_of_a_timed_kind_is_a_probe_of_each_kind_in_turn"
    ),
    "M-2.2": "test_campaign.py::test_an_open_scenario_is_measured_at_its_rate_and_checks_clean",
    "M-2.3": "test_campaign.py::test_windows_of_one_plan_send_different_prompts",
    "M-2.4": "test_measure_runner.py::test_each_planted_failure_is_classed_as_what_it_was",
    "M-2.5": "test_measure_open_loop.py::test_what_comes_due_beyond_the_bound_is_sent_late_and_not_lost",
    "M-2.6": "test_campaign.py::test_an_endpoint_that_has_http2_only_is_measured_and_certified_over_it",
    "M-3.1": "test_measure_timeline.py::test_a_good_stream_becomes_the_record_of_the_raw_window_key_by_key",
    "M-3.2": "test_metrics.py::test_open_loop_latency_counts_from_the_schedule_not_from_our_late_send",
    "M-3.3": "test_measure_timeline.py::test_the_role_chunk_is_no_token_and_does_not_start_the_clock",
    "M-3.4": "test_measure_timeline.py::test_a_limit_reached_is_a_timeout_even_after_the_last_content",
    "M-3.5": "test_usage.py::test_a_usage_above_the_limit_is_a_finding_with_its_sign",
    "M-4.1": "test_campaign.py::test_every_window_stands_between_two_certificates",
    "M-4.2": "test_ranking.py::test_an_invalid_window_gives_its_round_to_its_repetition",
    "M-4.3": "test_metrics.py::test_a_window_too_small_for_its_concurrency_gives_no_figure",
    "M-4.4": "test_ranking.py::test_a_limit_of_our_lag_binds_the_certificate_and_the_window_each_by_its_own",
    "M-5.1": "test_ranking.py::test_figures_come_in_the_published_order_each_with_a_value_or_a_reason",
    "M-5.2": "test_metrics.py::test_a_failure_never_enters_a_latency",
    "M-5.3": "test_stats.py::test_a_p99_is_given_from_299_effective_values_on",
    "M-5.4": "test_simulate.py::test_intervals_of_published_figures_hold_the_truth_and_are_not_wide",
    "M-5.5": "test_stats.py::test_a_run_without_a_failure_is_bounded_between_independence_and_ignorance",
    "M-5.6": "test_cost.py::test_a_window_is_charged_whole_at_the_price_of_the_day_it_began",
    "M-5.7": "test_fidelity.py::test_honest_providers_are_hardly_ever_accused",
    "M-5.8": "test_fidelity.py::test_lengths_are_in_the_band_or_flagged_by_kind",
    "M-5.9": "test_smoothness.py::test_each_planted_behaviour_is_stated_and_nothing_else_is",
    "M-5.10": "test_profile.py::test_an_empty_hour_is_empty_and_an_invalid_window_is_missing_coverage",
    "M-5.11": "test_integrity.py::test_each_fraud_that_files_show_is_named_by_its_rule",
    "M-5.12": "test_integrity.py::test_the_committed_table_is_of_the_limits_in_force_and_holds_them",
    "M-6.1": "test_ranking.py::test_a_rank_is_a_range_between_those_told_apart",
    "M-6.2": ("test_simulate.py::test_equal_providers_are_told_apart_in_at_most_five_boards_of_a_hundred"),
    "M-6.3": "test_ranking.py::test_every_reason_is_given_and_not_only_the_first",
    "M-6.4": "test_fronts.py::test_a_point_that_another_beats_in_both_figures_is_behind",
    "M-6.5": "test_ranking.py::test_who_sends_a_first_chunk_long_before_the_rest_is_not_ranked_by_ttft",
    "M-6.6": "test_publish_words.py::test_no_page_shows_an_interval_that_is_wide_somewhere",
    "M-7.4": SIMULATED,
    "M-7.5": "test_simulate.py::test_a_p99_is_withheld_where_windows_differ_more_than_requests",
    "M-7.6": SIMULATED,
    "M-7.8": "test_integrity.py::test_what_no_file_can_show_is_not_named",
    "M-7.7": "test_ranking.py::test_pairing_sees_through_noise_that_rivals_share",
    "M-8.1": "test_verdict.py::test_only_the_reruns_windows_at_the_registered_vantage_and_method_count",
    "M-8.2": "test_verdict.py::test_a_claim_beyond_its_margin_is_not_reproduced",
    "M-8.3": "test_operating.py::test_each_wrong_verdict_is_as_rare_as_promised_whatever_the_spread",
    "M-8.4": "test_verdict.py::test_the_primary_claim_carries_the_row_and_ends_the_rerun",
    "M-8.5": "test_verdict.py::test_an_outage_counts_against_success_and_not_against_speed",
    "M-8.6": "test_operating.py::test_noise_that_the_control_shares_is_taken_out",
    "M-8.7": "test_operating.py::test_what_the_verdict_cannot_see_is_published",
}

# What the board cannot know; no program can prove it.
NOT_PROVED = {"M-7.1", "M-7.2", "M-7.3"}

CLAUSES = re.findall(r"^\*\*(M-\d+\.\d+)\*\*", TEXT, re.MULTILINE)


def test_every_clause_names_its_proof_and_no_proof_is_of_a_clause_that_is_gone():
    assert len(CLAUSES) == len(set(CLAUSES))
    assert set(CLAUSES) == PROOFS.keys() | NOT_PROVED


@pytest.mark.parametrize("clause", PROOFS)
def test_a_proof_is_a_test_that_is_there(clause):
    module, _, name = PROOFS[clause].partition("::")
    tree = ast.parse((TESTS / module).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


# --- numbers ---

# The modules that make what people dispute. What they may hold is no choice of the board's: counting, units,
# the definition of a percentile's name, and a formula's own constants.
JUDGING = (
    "metrics.py",
    "usage.py",
    "cost.py",
    "ranking",
    "smoothness.py",
    "fidelity",
    "integrity",
    "stats",
    "verdict",
    "governance",
)
PLAIN = {0, 1, 2, 3, 4, 10, 19, 24, 99, 100, 86_400, 0.1, 0.5, 0.9, 0.95, 0.99}
PLAIN |= {1e3, 1e6, 1e9, 1e-3, 1e-6, 1e-9, 1e-12}


def numbers(path: Path) -> Iterator[tuple[int, float]]:
    """(line, number) of each literal of a module that is no part of a named constant of the module."""
    tree = ast.parse(path.read_text())
    named = {
        inner
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for inner in ast.walk(node.value)
    }
    for node in ast.walk(tree):
        if node not in named and isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node.lineno, node.value


def test_no_number_of_the_method_lives_in_code():
    files = [file for name in JUDGING for file in sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / name]]
    assert len(files) > 10
    found = [
        f"{file.relative_to(PACKAGE)}:{line}: {number}"
        for file in files
        for line, number in numbers(file)
        if abs(number) not in PLAIN
    ]
    assert found == []


def test_every_number_of_the_prose_comes_from_the_yaml():
    """A digit is a placeholder's, a clause's own name, a name, or a figure that a simulation made."""
    free = re.sub(r"\{\{.*?\}\}|M-\d+(\.\d+)?|Methodology 1\.0\.0|HTTP/2|sha256", "", TEXT)
    assert set(re.findall(r"\d+(?:\.\d+)?", free)) <= {"1.1", "2", "3", "76", "99", "80", "6", "12", "2.3"}
