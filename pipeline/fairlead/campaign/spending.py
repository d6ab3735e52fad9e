"""What a campaign will cost, before anything of it is sent. Knows no socket and no limit: who asked decides.

Only what is sent with a key can be billed: an endpoint without one costs nothing, whatever its price. A
window is reckoned as often as it may be run; one that is there already and counts is not run again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence

from fairlead import cost
from fairlead.campaign.claims import registered, runs_left, runs_of
from fairlead.campaign.field import RUNS_MAX
from fairlead.campaign.plans import Target, find_target, neutral_targets, scenario_by_id
from fairlead.clock import NS_PER_S
from fairlead.cost import EstimateRules, NoCost, PlannedWindow, Rates, Spending, TokensPerWord
from fairlead.measure.workload import FRAME_WORDS
from fairlead.model import Methodology, Scenario
from fairlead.repository import Repository

#: By three tokenizers (128,000, 130,072 and 32,768 entries) over prompts of 400 and 4,000 words: the means by
#: kind lie around what is expected, and the most that any prompt took is at least a tenth below the most.
ESTIMATE_RULES = EstimateRules(
    tokens_per_word={
        "chat": TokensPerWord(expected=1.4, most=2.0),
        "long-context": TokensPerWord(expected=1.4, most=2.0),
        "code": TokensPerWord(expected=2.8, most=4.0),
        "extraction": TokensPerWord(expected=1.9, most=2.5),
        "probes": TokensPerWord(expected=1.4, most=2.0),
        "chat-repeats": TokensPerWord(expected=1.4, most=2.0),
    },
    frame_words=50,
    overhead_tokens=1000,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """What the windows of one endpoint will cost; a reason where a price is missing."""

    provider: str
    endpoint: str
    model: str
    windows: int
    spending: Spending | NoCost


@dataclasses.dataclass(frozen=True, slots=True)
class CampaignSpending:
    """What a campaign will cost, by endpoint; endpoints without a key are not among them."""

    items: tuple[Item, ...]

    @property
    def total(self) -> Spending:
        """All that has a price."""
        known = (item.spending for item in self.items if isinstance(item.spending, Spending))
        return sum(known, Spending(0.0, 0.0))

    @property
    def is_known(self) -> bool:
        """Whether everything that is billed has a price."""
        return not any(isinstance(item.spending, NoCost) for item in self.items)


_Window = tuple[Target, Scenario, int, int]  # what, at which load, how often at most, when in unix ns


def claim_spending(
    repository: Repository,
    submission: str,
    *,
    keyed: Collection[str],
    now_unix_ns: int,
    stated: Rates | None,
    rules: EstimateRules,
) -> CampaignSpending:
    """What the windows of a registration that are not there yet will cost.

    ``keyed``: providers whose key is at hand. ``stated``: rates where no price is recorded. A window is
    charged at the price of the day that it is planned for, or of today where that is past.

    Raises:
        CampaignError: there is no such registration, or it plans what is not listed.
    """
    registration = registered(repository, submission)
    provider = submission.split("/")[0]
    if provider not in keyed:
        return CampaignSpending(())
    methodology = repository.methodologies[registration.methodology.version]
    runs = runs_of(repository.root / "submissions" / submission, methodology)
    windows: list[_Window] = []
    for index, planned in enumerate(registration.windows):
        left = runs_left(runs.get(index, []))
        if not left:
            continue
        target = find_target(repository, provider, planned.endpoint, planned.model)
        scenario = scenario_by_id(methodology, planned.scenario)
        begin_ns = max(int(planned.not_before.timestamp() * NS_PER_S), now_unix_ns)
        windows.append((target, scenario, left, begin_ns))
    return _sum_up(windows, methodology, keyed, stated, rules)


def rounds_spending(
    repository: Repository,
    *,
    version: str,
    scenarios: Mapping[str, Sequence[str]],
    rounds: int,
    spacing_s: float,
    keyed: Collection[str],
    now_unix_ns: int,
    stated: Rates | None,
    rules: EstimateRules,
) -> CampaignSpending:
    """What rounds of models will cost, around the clock or to judge a claim: subjects and rivals alike.

    ``scenarios``: of each model. The other arguments are those of the rounds, as in a claim besides.

    Raises:
        CampaignError: an unknown scenario.
    """
    methodology = repository.methodologies[version]
    windows = (
        (target, scenario_by_id(methodology, name), RUNS_MAX, now_unix_ns + int(at * spacing_s * NS_PER_S))
        for model, names in scenarios.items()
        for at in range(rounds)
        for target in neutral_targets(repository, model)
        for name in names
    )
    return _sum_up(windows, methodology, keyed, stated, rules)


def scenario_spending(
    methodology: Methodology, scenario: str, rates: Rates, rules: EstimateRules
) -> Spending:
    """What one window of a scenario costs at these rates, run once.

    Raises:
        CampaignError: an unknown scenario.
    """
    planned = _planned(methodology, scenario_by_id(methodology, scenario), runs_most=1)
    return cost.planned_spending(planned, rates, rules)


def _sum_up(
    windows: Iterable[_Window],
    methodology: Methodology,
    keyed: Collection[str],
    stated: Rates | None,
    rules: EstimateRules,
) -> CampaignSpending:
    """One item an endpoint and model, in the order of their first windows."""
    by_place: dict[tuple[str, str, str], list[Spending | NoCost]] = {}
    for target, scenario, runs_most, unix_ns in windows:
        if target.provider in keyed:
            place = (target.provider, target.endpoint.id, target.served.model)
            price = cost.price_at(target.served.prices, unix_ns)
            rates = price if not isinstance(price, NoCost) or stated is None else stated
            planned = _planned(methodology, scenario, runs_most)
            by_place.setdefault(place, []).append(_spending(planned, rates, rules))
    items = (Item(*place, len(found), _added(found)) for place, found in by_place.items())
    return CampaignSpending(tuple(items))


def _planned(methodology: Methodology, scenario: Scenario, runs_most: int) -> PlannedWindow:
    workload = next(workload for workload in methodology.workloads if workload.id == scenario.workload)
    return PlannedWindow(
        kind=workload.kind,
        requests=scenario.requests,
        input_words=workload.input_words,
        frame_words_most=FRAME_WORDS,
        output_tokens_most=workload.output_tokens_max,
        runs_most=runs_most,
    )


def _spending(planned: PlannedWindow, rates: Rates | NoCost, rules: EstimateRules) -> Spending | NoCost:
    return rates if isinstance(rates, NoCost) else cost.planned_spending(planned, rates, rules)


def _added(found: Sequence[Spending | NoCost]) -> Spending | NoCost:
    """All of it, or why one of them has no price."""
    unpriced = next((one for one in found if isinstance(one, NoCost)), None)
    return unpriced or sum((one for one in found if isinstance(one, Spending)), Spending(0.0, 0.0))
