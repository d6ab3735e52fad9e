"""How numbers, times, states and values are said on the pages."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pytest

from fairlead.publish import figures, markup, prose, rows
from fairlead.publish.charts import distribution, intervals
from fairlead.publish.clock import client_error_table
from fairlead.publish.edition import Edition
from fairlead.publish.method import founding_gaps
from fairlead.ranking import FIGURES, WIDE, Family, Figure, Origin, RankRange, Row, withheld_of
from fairlead.repository import Repository, load_repository
from fairlead.stats import Estimate
from fairlead.windows import Outcome

from .publish_example import CHECKOUT, NOW


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (0.012345, "0.0123"),
        (0.9996, "1.00"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (99.96, "100"),
        (123.4, "123"),
        (1234.0, "1,230"),
        (24_349.0, "24,300"),
        (-1.5, "-1.50"),
        (float("inf"), "∞"),
    ],
)
def test_a_number_has_three_significant_digits(value: float, said: str) -> None:
    """Also where rounding carries over into another digit."""
    assert figures.number(value) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0"),
        (1.0, "100"),
        (0.133, "13.3"),
        (0.9958, "99.58"),
        (0.99999, "> 99.99"),
        (0.00001, "< 0.01"),
        (0.0049, "0.49"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float, said: str) -> None:
    """Only every request is 100 %, and only none is 0 %."""
    assert figures.percent(share) == said


def test_an_interval_that_is_missing_is_not_invented() -> None:
    """Without both ends there is no interval."""
    estimate = Estimate(200.0, None, None, 30, 1, "one window gives no interval")
    assert figures.interval("ttft_p50_ms", estimate) is None
    given = dataclasses.replace(estimate, low=190.0, high=210.4)
    assert figures.interval("ttft_p50_ms", given) == "190 – 210"
    share = Estimate(0.9, 0.85, 1.0, 30, 2)
    assert figures.interval("success_rate", share) == "85.0 – 100"


def test_a_rank_is_said_as_a_range_of_so_many() -> None:
    """Never a place without the number of rows."""
    assert RankRange(1, 2, 3).words == "1–2 of 3"
    assert RankRange(4, 4, 4).words == "4 of 4"


def test_failures_are_named_most_frequent_first() -> None:
    """Every class is said; successes are not."""
    outcomes = {Outcome.OK: 5, Outcome.TIMEOUT: 2, Outcome.RATE_LIMITED: 130, Outcome.TLS: 0}
    assert figures.failures(outcomes) == "130 rate limited, 2 timed out"
    assert figures.failures({Outcome.OK: 5}) is None


def test_every_class_of_failure_has_words() -> None:
    """A class that is added to the raw form cannot be forgotten on the pages."""
    assert set(figures.OUTCOME_WORDS) == set(Outcome) - {Outcome.OK}


@pytest.mark.parametrize(
    ("hours", "said"), [(0, "0 hours old"), (1, "1 hour old"), (47, "47 hours old"), (48, "2 days old")]
)
def test_age_is_said_in_hours_then_days(hours: int, said: str) -> None:
    """And a time that lies ahead is said to."""
    assert figures.age(NOW - dt.timedelta(hours=hours), NOW) == said
    assert figures.age(NOW + dt.timedelta(hours=1), NOW) == "in the future"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("success_rate_min", 0.95, "95 %"),
        ("family_error", 0.05, "5 %"),
        ("latency_margin_share", 0.125, "12.5 %"),
        ("total_ms", 300_000, "300,000"),
        ("ttft_error_p99_ms", 1, "1"),
        ("rate_per_s", 0.5, "0.5"),
        ("required", False, "no"),
        ("concurrency", None, "none"),
    ],
)
def test_a_value_of_the_yaml_is_said_in_its_unit(name: str, value: prose.Json, said: str) -> None:
    """Shares in per cent, whole numbers with commas, booleans and null in words."""
    assert prose.said(name, value) == said


@pytest.mark.parametrize(
    ("here", "target", "address"),
    [
        ("", "models/", "models/"),
        ("models/a/", "", "../../"),
        ("models/a/", "models/a/", "./"),
        ("models/a/", "providers/b/#x", "../../providers/b/#x"),
        ("models/a/", "raw/f.gz", "../../raw/f.gz"),
    ],
)
def test_an_address_leads_from_page_to_page(here: str, target: str, address: str) -> None:
    """Relative, so that the site works under any path of any host."""
    assert markup.relative(here, target) == address


@pytest.fixture(scope="module")
def checkout() -> Repository:
    return load_repository(CHECKOUT)[0]


def test_the_founding_state_says_what_is_missing(checkout: Repository) -> None:
    """With an empty roster every condition of the rules is named, with the rules' own numbers."""
    edition = Edition(dataclasses.replace(checkout, members={}), (), NOW, None, {})
    assert checkout.rules is not None
    founding = checkout.rules.founding
    assert founding_gaps(edition)[0] == f"0 of {founding.voters_min} voters are seated."
    assert len(founding_gaps(edition)) == 3
    without_rules = Edition(dataclasses.replace(checkout, rules=None), (), NOW, None, {})
    assert founding_gaps(without_rules) == ["No rules are in force."]


def test_the_prose_of_the_checkout_names_only_values_that_are_there(checkout: Repository) -> None:
    """The methodology and the charter of this very repository have no unknown placeholder."""
    from fairlead.publish.site import read_prose, render_files

    text, problems = read_prose(checkout)
    assert problems == []
    assert render_files(Edition(checkout, (), NOW, None, text))[1] == []


def test_what_a_client_hides_is_said_and_is_no_zero() -> None:
    """A null of the benchmark's file is a word in its table."""
    figures = {"ttft_p50_ms": 1.0, "ttft_ms": 2.0, "token_ms": None, "gap_ms": None, "pooled_gap_ms": None}
    row = {"client": "x", "streams": 64, **figures, "cpu_ms_per_1k": 1234.0, "peak_mb": 5.0, "missing": 0}
    loads = {"load_average_before": [0.1], "load_average_after": [0.2]}
    table = client_error_table({"cores": 2, **loads, "rounds": 3, "tokens": 100, "rows": [row]})
    assert re.findall(r"<td[^>]*>(.*?)</td>", str(table)) == [
        *("x", "1.000", "2.000", "hidden", "hidden", "hidden", "1,234", "5", "0"),
    ]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_no_page_shows_an_interval_that_is_wide_somewhere(figure: Figure) -> None:
    """M-6.6: its value and the reason stand there; scripts and charts are given no interval of it."""
    estimate = Estimate(value=0.5, low=0.40625, high=0.59375, n=720, windows=24)
    row = Row(
        family=Family("fable-7b", "chat-c1", "harbour", "1.0.0"),
        provider="acme",
        endpoint="main",
        origin=Origin.NEUTRAL,
        evidence=(),
        figures={each.name: estimate for each in FIGURES},
        outcomes={},
        unranked=(),
        ranks={},
    )
    shown, data = rows.figure_words(row, figure), rows.figure_data(row, figure)
    between = figures.interval(figure.name, estimate)
    assert between is not None
    given = ["0.5", "-", "-", "720"] if figure.is_wide else ["0.5", "0.40625", "0.59375", "720"]
    assert (between in shown, (data["data_given"] or "").split()) == (not figure.is_wide, given)
    assert (WIDE in shown) is (withheld_of(row).get(figure.name) == WIDE) is figure.is_wide
    assert figures.figure_value(figure.name, 0.5) in shown
    drawn = {name for name, _ in distribution.MARKED} | set(intervals.DRAWN_FIGURES)
    assert not (figure.is_wide and figure.name in drawn)
