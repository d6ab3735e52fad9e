"""What a campaign will cost is reckoned from its plan, its prices and what is there already."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead import campaign, demo
from fairlead.campaign import ESTIMATE_RULES, CampaignSpending
from fairlead.clock import SystemClock, pause
from fairlead.cost import EstimateRules, NoCost, Spending, StatedRates, TokensPerWord
from fairlead.measure.reference import start_reference
from fairlead.measure.workload import FRAME_WORDS, KINDS
from fairlead.model import Price
from fairlead.repository import Repository, load_repository

from .certificate_example import dated

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
NOW_UNIX_NS = int(NOW.timestamp()) * 10**9
RATES = StatedRates(input_usd_per_mtok=1.0, output_usd_per_mtok=5.0)
RULES = EstimateRules(
    tokens_per_word={"chat": TokensPerWord(expected=1.5, most=2.0)}, frame_words=50, overhead_tokens=100
)
# One window of the demo: 40 requests of 40 words, answered with 16 tokens.
WINDOW = Spending(
    expected_usd=32 * ((40 + 50) * 1.5 * 1 + 16 * 5) / 1e6,
    most_usd=2 * 32 * (((40 + FRAME_WORDS) * 2 + 100) * 1 + 16 * 5) / 1e6,
)


def make_price(begin: dt.date, input_usd_per_mtok: float) -> Price:
    return Price(
        from_=begin,
        until=None,
        input_usd_per_mtok=input_usd_per_mtok,
        cached_input_usd_per_mtok=None,
        output_usd_per_mtok=5.0,
        source="https://example.org/prices",
        retrieved=begin,
    )


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The demo's root with its honest provider and its control, both running; neither has a price."""
    chosen = [one for one in demo.contestants("00") if one.provider in ("demo-honest", "demo-control")]
    with start_reference(chosen[0].profile) as first, start_reference(chosen[1].profile) as second:
        folder = tmp_path / "root"
        demo.make_root(
            folder, chosen, dict(zip((one.provider for one in chosen), (first, second), strict=True))
        )
        yield folder


def load(root: Path, *prices: Price) -> Repository:
    """The root, its honest provider at these prices."""
    repository, problems = load_repository(root)
    assert not problems
    provider = repository.providers["demo-honest"]
    endpoint = provider.endpoints[0]
    served = msgspec.structs.replace(endpoint.models[0], prices=prices)
    endpoint = msgspec.structs.replace(endpoint, models=(served,))
    repository.providers["demo-honest"] = msgspec.structs.replace(provider, endpoints=(endpoint,))
    return repository


def register(repository: Repository, *, windows: int, spacing_s: float = 0) -> str:
    folder = campaign.register(
        repository,
        provider="demo-honest",
        endpoint="main",
        models=(demo.MODEL,),
        scenarios=(demo.SCENARIO,),
        version=demo.VERSION,
        vantage=demo.VANTAGE,
        windows_each=windows,
        spacing_s=spacing_s,
        slug="test",
        now=NOW,
        seed="ab" * 32,
        by=None,
    )
    return folder.relative_to(repository.root / "submissions").as_posix()


def of_claim(
    repository: Repository, submission: str, keyed: Collection[str] = ("demo-honest",)
) -> CampaignSpending:
    return campaign.claim_spending(
        repository, submission, keyed=keyed, now_unix_ns=NOW_UNIX_NS, stated=None, rules=RULES
    )


def of_rounds(
    repository: Repository, *, rounds: int, keyed: Collection[str], stated: StatedRates | None = None
) -> CampaignSpending:
    return campaign.rounds_spending(
        repository,
        version=demo.VERSION,
        scenarios={demo.MODEL: (demo.SCENARIO,)},
        rounds=rounds,
        spacing_s=3600,
        keyed=keyed,
        now_unix_ns=NOW_UNIX_NS,
        stated=stated,
        rules=RULES,
    )


def same(found: Spending, expected: Spending, times: float = 1) -> None:
    assert found.expected_usd == pytest.approx(times * expected.expected_usd)
    assert found.most_usd == pytest.approx(times * expected.most_usd)


def test_a_claim_costs_its_windows(root: Path) -> None:
    price = make_price(NOW.date(), 1.0)
    submission = register(load(root), windows=3)
    found = of_claim(load(root, price), submission)
    (item,) = found.items
    assert (item.provider, item.endpoint, item.model, item.windows) == ("demo-honest", "main", demo.MODEL, 3)
    assert found.is_known
    same(found.total, WINDOW, 3)


def test_what_is_measured_without_a_key_costs_nothing(root: Path) -> None:
    """Nobody is there to send the bill to; so the control costs nothing either."""
    price = make_price(NOW.date(), 1.0)
    submission = register(load(root), windows=3)
    assert of_claim(load(root, price), submission, keyed=()).items == ()
    assert of_rounds(load(root, price), rounds=2, keyed=()).total == Spending(0.0, 0.0)
    (item,) = of_rounds(load(root, price), rounds=2, keyed=("demo-honest",)).items
    assert (item.provider, item.windows) == ("demo-honest", 2)


def test_a_window_that_is_there_is_not_paid_for_again(root: Path) -> None:
    """Two windows over real sockets, the second after the first was reckoned and measured."""
    price = make_price(NOW.date(), 1.0)
    submission = register(load(root), windows=2)
    gear = campaign.Gear(clock=SystemClock(), wait=pause, report=lambda _: None, calibrate=dated)
    measuring = campaign.measure_claim(load(root), submission, gear)
    next(measuring)
    measuring.close()
    same(of_claim(load(root, price), submission).total, WINDOW, 1)
    assert list(campaign.measure_claim(load(root), submission, gear))
    assert of_claim(load(root, price), submission).items == ()


def test_a_planned_window_costs_what_is_charged_on_its_day(root: Path) -> None:
    """Two windows a day apart, and the price of input doubles in between."""
    submission = register(load(root), windows=2, spacing_s=DAY.total_seconds())
    constant = of_claim(load(root, make_price(NOW.date(), 1.0)), submission).total
    doubled = load(root, make_price(NOW.date(), 1.0), make_price((NOW + DAY).date(), 2.0))
    extra = 32 * (40 + 50) * 1.5 / 1e6
    assert of_claim(doubled, submission).total.expected_usd == pytest.approx(constant.expected_usd + extra)


def test_a_missing_price_is_a_reason_and_never_zero(root: Path) -> None:
    """One window of two has a price: the cost of both is not known."""
    submission = register(load(root), windows=2, spacing_s=DAY.total_seconds())
    found = of_claim(load(root, make_price((NOW + DAY).date(), 1.0)), submission)
    assert not found.is_known
    assert found.items[0].spending == NoCost("no price is recorded before 2026-03-05")


def test_stated_rates_stand_in_where_no_price_is_recorded_and_nowhere_else(root: Path) -> None:
    stated = of_rounds(load(root), rounds=2, keyed=("demo-honest",), stated=RATES)
    same(stated.total, WINDOW, 2)
    recorded = load(root, make_price(NOW.date(), 0.0))
    assert of_rounds(recorded, rounds=1, keyed=("demo-honest",), stated=RATES).total.expected_usd == (
        pytest.approx(32 * 16 * 5 / 1e6)
    )


def test_a_claim_that_is_not_registered_is_refused(root: Path) -> None:
    with pytest.raises(campaign.CampaignError, match="no valid registration"):
        of_claim(load(root), "demo-honest/2026-03-04-none")


def test_every_kind_of_workload_has_its_factors() -> None:
    """A kind without one could not be reckoned, and a bound below the expectation is none."""
    assert set(ESTIMATE_RULES.tokens_per_word) == set(KINDS)
    assert all(factor.expected < factor.most for factor in ESTIMATE_RULES.tokens_per_word.values())


def test_the_bound_holds_what_the_reference_bills(root: Path) -> None:
    """A real window's usage, at the estimate's own rates, lies below the most of one run."""
    gear = campaign.Gear(clock=SystemClock(), wait=pause, report=lambda _: None, calibrate=dated)
    repository = load(root, make_price(dt.date(2026, 1, 1), 1.0))
    estimated = campaign.rounds_spending(
        repository,
        version=demo.VERSION,
        scenarios={demo.MODEL: (demo.SCENARIO,)},
        rounds=1,
        spacing_s=0,
        keyed=("demo-honest",),
        now_unix_ns=gear.clock.unix_ns(),
        stated=None,
        rules=ESTIMATE_RULES,
    )
    list(
        campaign.measure_rounds(
            repository,
            model=demo.MODEL,
            version=demo.VERSION,
            vantage=demo.VANTAGE,
            scenarios=(demo.SCENARIO,),
            rounds=1,
            spacing_s=0,
            rng=random.Random(1),
            gear=gear,
        )
    )
    assert 0 < _billed_usd(root) < estimated.total.most_usd


def _billed_usd(root: Path) -> float:
    from fairlead import cost
    from fairlead.evidence import load_evidence

    evidence, problems = load_evidence(load(root))
    assert not problems
    found = cost.row_cost(
        [
            (item.table.start_unix_ns, item.table.bill)
            for item in evidence
            if item.table.header.provider == "demo-honest"
        ],
        [make_price(dt.date(2026, 1, 1), 1.0)],
    )
    assert found.notes == ()
    return sum(window.usd for window in found.windows if isinstance(window, cost.WindowCost))
