"""From tokens and prices to US dollars. Knows no file, no clock, no rank and nobody's name.

A price is the provider's list price of a day in UTC. A window is charged at the price of the day on which it
began, whole: a price has a day and no hour, and one window must not have two prices.

What is billed is what the provider says it billed, its usage; where it says nothing, what was received is
estimated, and the estimate is marked. A call that fails after tokens were paid for makes each success dearer.

Every figure is a ratio of sums over windows, so that an interval can be made with the window as its unit.
What cannot be given has a reason; it is never zero.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from fairlead.model import Price, Provider
from fairlead.windows import Outcome, Request

TOKENS_PER_MTOK = 1_000_000
_EPOCH = dt.date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (dt.date.min - _EPOCH).days, (dt.date.max - _EPOCH).days
_DAY = dt.timedelta(days=1)
_DAY_NS = 86_400_000_000_000


class NoCost(msgspec.Struct, frozen=True, tag=True):
    """Why a cost cannot be given, in words for a reader."""

    reason: str


NOT_ADDED_UP = NoCost("its tokens were not added up")


# -- prices --------------------------------------------------------------------------------------


class Rates(Protocol):
    """US dollars per million tokens. A cached token without a price of its own costs as any input."""

    @property
    def input_usd_per_mtok(self) -> float: ...  # noqa: D102
    @property
    def cached_input_usd_per_mtok(self) -> float | None: ...  # noqa: D102
    @property
    def output_usd_per_mtok(self) -> float: ...  # noqa: D102


@dataclasses.dataclass(frozen=True, slots=True)
class StatedRates:
    """Rates that somebody states for a run of their own, of no recorded source."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cached_input_usd_per_mtok: float | None = None


def held(prices: Sequence[Price]) -> tuple[Price, ...]:
    """The same prices in the order given, each ``until`` the last day it held; None for one that holds still.

    A price holds until its ``until``, and never beyond the day before the next one begins. Prices that
    overlap or are out of order are a problem of their file; here the later beginning counts.
    """
    begins = sorted({price.from_ for price in prices})
    ends = {begin: following - _DAY for begin, following in itertools.pairwise(begins)}
    return tuple(
        msgspec.structs.replace(
            price, until=min(filter(None, (price.until, ends.get(price.from_))), default=None)
        )
        for price in prices
    )


def price_at(prices: Sequence[Price], unix_ns: int) -> Price | NoCost:
    """The price of the day, in UTC, of a moment; its ``until`` is the last day it held."""
    day = _EPOCH + dt.timedelta(days=min(max(unix_ns // _DAY_NS, _FIRST_DAY), _LAST_DAY))
    if not prices:
        return NoCost("no price is recorded")
    begun = [price for price in held(prices) if price.from_ <= day]
    if not begun:
        return NoCost(f"no price is recorded before {min(price.from_ for price in prices)}")
    latest = max(begun, key=lambda price: price.from_)
    if latest.until is None or latest.until >= day:
        return latest
    following = min((price.from_ for price in prices if price.from_ > day), default=None)
    until = f"until {following - _DAY}" if following else "on"
    return NoCost(f"no price is recorded from {latest.until + _DAY} {until}")


def prices_of(provider: Provider | None, endpoint: str, model: str) -> tuple[Price, ...]:
    """The price history of a model at one endpoint of a provider; empty where there is none."""
    return next(
        (
            served.prices
            for listed in (provider.endpoints if provider else ())
            if listed.id == endpoint
            for served in listed.models
            if served.model == model
        ),
        (),
    )


# -- what a window was billed --------------------------------------------------------------------


class Bill(msgspec.Struct, frozen=True, tag=True):
    """The billed tokens of one window. ``input_tokens`` holds those that no cache gave.

    ``output_tokens`` holds reasoning, sent or not. ``calls``: billed requests; ``estimated_calls``: those of
    them of which a part was estimated. ``successes``: requests that ended well.
    """

    input_tokens: float
    cached_tokens: float
    output_tokens: float
    calls: int
    estimated_calls: int
    successes: int


def is_billed(request: Request) -> bool:
    """Billed requests: those with stated usage, the successes, and the failures that brought content.

    A stream that was cut off or failed after its first token was paid for; a request that was turned away was
    not. One that was our own fault (``client``) is left out, as it is of every figure of the provider.
    """
    if request.outcome is Outcome.CLIENT:
        return False
    tokens = request.tokens
    return (
        request.outcome is Outcome.OK
        or _stated(tokens.usage_input) is not None
        or _stated(tokens.usage_output) is not None
        or bool(request.chunk_ns)
    )


def billed_input(request: Request) -> tuple[int, int] | None:
    """Billed input: (tokens that no cache gave, tokens that a cache gave), as the provider's usage states it.

    The usage's input is the whole prompt. None where it is not stated, or less than its own cached part.
    """
    whole, cached = _stated(request.tokens.usage_input), _stated(request.tokens.usage_cached) or 0
    return None if whole is None or cached > whole else (whole - cached, cached)


def billed_output(request: Request) -> int | None:
    """Billed output: the tokens that the provider's usage states, reasoning included. None where it does not.

    Latencies and speeds take the tokenizer's count first; a bill does not: what was charged is what was
    stated, padded or not, and a difference of the two is a finding.
    """
    return _stated(request.tokens.usage_output)


def _stated(count: int | None) -> int | None:
    return count if count is not None and count >= 0 else None


def bill(requests: Iterable[Request]) -> Bill | NoCost:
    """What the requests of one window were billed.

    An input that is not stated is the mean of those that are: the prompts of a window are of one length. An
    output that is not stated is the tokenizer's count; without one, the characters received times the billed
    tokens per character of the requests that state theirs. Undefined where there is nothing to estimate by.
    """
    requests = list(requests)
    billed = [request for request in requests if is_billed(request)]
    inputs, output_tokens = _sum_inputs(billed), _sum_outputs(billed)
    if isinstance(inputs, NoCost):
        return inputs
    if isinstance(output_tokens, NoCost):
        return output_tokens
    return Bill(
        input_tokens=inputs[0],
        cached_tokens=inputs[1],
        output_tokens=output_tokens,
        calls=len(billed),
        estimated_calls=sum(
            billed_input(request) is None or billed_output(request) is None for request in billed
        ),
        successes=sum(request.outcome is Outcome.OK for request in requests),
    )


def _sum_inputs(billed: Sequence[Request]) -> tuple[float, float] | NoCost:
    """Input tokens (fresh, cached) of billed requests; what is not stated, at the mean of what is."""
    known = [pair for pair in map(billed_input, billed) if pair is not None]
    if billed and not known:
        return NoCost("no billed request of the window states its input tokens")
    scale = len(billed) / len(known) if known else 0
    return scale * sum(fresh for fresh, _ in known), scale * sum(cached for _, cached in known)


def _sum_outputs(billed: Sequence[Request]) -> float | NoCost:
    """Output tokens of billed requests: as stated, else as counted, else by the characters received."""
    known, unknown = 0, list[Request]()
    for request in billed:
        output = billed_output(request)
        if output is None:
            output = _stated(request.tokens.counted)
        if output is not None:
            known += output
        elif request.chunk_ns or request.outcome is Outcome.OK:
            unknown.append(request)
    if not unknown:
        return known
    per_character = _tokens_per_character(billed)
    if per_character is None or not all(map(_characters, unknown)):
        return NoCost(f"the output tokens of {len(unknown)} billed requests are neither stated nor counted")
    return known + per_character * sum(map(_characters, unknown))


def _tokens_per_character(billed: Sequence[Request]) -> float | None:
    tokens = characters = 0
    for request in billed:
        output, length = billed_output(request), _characters(request)
        if output is not None and length:
            tokens, characters = tokens + output, characters + length
    return tokens / characters if characters else None


def _characters(request: Request) -> int:
    return sum(length for length in request.chunk_chars if length > 0)


# -- from a bill to money ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class WindowCost:
    """What one window cost, at the rates of the day it began; in US dollars and millions of tokens."""

    input_usd: float
    cached_usd: float
    output_usd: float
    input_mtok: float
    cached_mtok: float
    output_mtok: float
    successes: int

    @property
    def usd(self) -> float:
        """All of it."""
        return self.input_usd + self.cached_usd + self.output_usd

    @property
    def mtok(self) -> float:
        """All tokens, of whatever price."""
        return self.input_mtok + self.cached_mtok + self.output_mtok


def window_cost(of: Bill, rates: Rates) -> WindowCost:
    """A bill at these rates."""
    cached_rate = rates.cached_input_usd_per_mtok
    if cached_rate is None:
        cached_rate = rates.input_usd_per_mtok
    fresh, cached, output = (
        tokens / TOKENS_PER_MTOK for tokens in (of.input_tokens, of.cached_tokens, of.output_tokens)
    )
    return WindowCost(
        input_usd=fresh * rates.input_usd_per_mtok,
        cached_usd=cached * cached_rate,
        output_usd=output * rates.output_usd_per_mtok,
        input_mtok=fresh,
        cached_mtok=cached,
        output_mtok=output,
        successes=of.successes,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Ratio:
    """A figure as a ratio of sums over windows: what an interval is made of. Both have one entry a window."""

    numerators: tuple[float, ...]
    denominators: tuple[float, ...]

    @property
    def value(self) -> float:
        """The sum of the numerators over that of the denominators, which is above zero."""
        return math.fsum(self.numerators) / math.fsum(self.denominators)


def input_usd_per_mtok(cost: WindowCost) -> tuple[float, float]:
    """Input price: US dollars over millions of input tokens that no cache gave.

    The list price; where it changed between windows, its mean by tokens.
    """
    return cost.input_usd, cost.input_mtok


def cached_input_usd_per_mtok(cost: WindowCost) -> tuple[float, float]:
    """Cached input price: US dollars over millions of input tokens that a cache gave.

    The list price, which is that of input where no other is recorded. Undefined where no token was cached,
    which is what the board's prompts are made for.
    """
    return cost.cached_usd, cost.cached_mtok


def output_usd_per_mtok(cost: WindowCost) -> tuple[float, float]:
    """Output price: US dollars over millions of output tokens, reasoning included.

    The list price; where it changed between windows, its mean by tokens.
    """
    return cost.output_usd, cost.output_mtok


def blended_usd_per_mtok(cost: WindowCost) -> tuple[float, float]:
    """Blended price: all US dollars over all millions of tokens, at the mix that the workload was billed.

    Other boards blend at a fixed mix, such as three input tokens to one of output, which is nobody's own. It
    moves with the mix, so it is compared within one workload; a provider that bills more tokens for the same
    answers has no higher price by it, but a higher cost per success.
    """
    return cost.usd, cost.mtok


def usd_per_success(cost: WindowCost) -> tuple[float, float]:
    """Cost per success: US dollars of all billed requests, failed ones too, over the successful ones."""
    return cost.usd, float(cost.successes)


#: The figures of cost by the name they are published under: each gives a window's numerator and denominator.
COST_FIGURES = {
    "input_usd_per_mtok": input_usd_per_mtok,
    "cached_input_usd_per_mtok": cached_input_usd_per_mtok,
    "output_usd_per_mtok": output_usd_per_mtok,
    "blended_usd_per_mtok": blended_usd_per_mtok,
    "usd_per_success": usd_per_success,
}
_EMPTY = {
    "input_usd_per_mtok": "no input token was billed",
    "cached_input_usd_per_mtok": "no token was billed as cached",
    "output_usd_per_mtok": "no output token was billed",
    "blended_usd_per_mtok": "no token was billed",
    "usd_per_success": "no request succeeded",
}


@dataclasses.dataclass(frozen=True, slots=True)
class RowCost:
    """What a row's windows cost.

    ``windows``: one a window, in the order given; a reason where it has no cost. ``figures``: by the names of
    :data:`COST_FIGURES`, over the windows that have one. ``notes``: what a reader must know beside them, such
    as which windows are missing and why, and what was estimated.
    """

    windows: tuple[WindowCost | NoCost, ...]
    figures: Mapping[str, Ratio | NoCost]
    notes: tuple[str, ...]


def row_cost(windows: Sequence[tuple[int, Bill | NoCost]], prices: Sequence[Price]) -> RowCost:
    """The cost of windows, from their (start in unix ns, bill) and the prices of their endpoint and model.

    For a leaderboard row: ``row_cost([(table.start_unix_ns, table.bill) for table in tables],
    prices_of(provider, endpoint, model))``. The interval of a figure is that of its ratio over windows.
    """
    costs: list[WindowCost | NoCost] = []
    estimated = calls = unpriced_cached = 0
    for start_unix_ns, billed in windows:
        price = price_at(prices, start_unix_ns)
        if isinstance(price, NoCost):
            costs.append(price)
            continue
        if isinstance(billed, NoCost):
            costs.append(billed)
            continue
        costs.append(window_cost(billed, price))
        calls, estimated = calls + billed.calls, estimated + billed.estimated_calls
        unpriced_cached += price.cached_input_usd_per_mtok is None and billed.cached_tokens > 0
    notes = _missing(costs)
    if estimated:
        notes.append(
            f"{estimated} of {calls} billed requests state no whole usage: their tokens are estimated"
        )
    if unpriced_cached:
        notes.append("no price of cached tokens is recorded: they are charged as input")
    given = [cost for cost in costs if isinstance(cost, WindowCost)]
    figures = {name: _figure(name, given, costs) for name in COST_FIGURES}
    return RowCost(windows=tuple(costs), figures=figures, notes=tuple(notes))


def _missing(costs: Sequence[WindowCost | NoCost]) -> list[str]:
    reasons = Counter(cost.reason for cost in costs if isinstance(cost, NoCost))
    return [f"{count} of {len(costs)} windows: {reason}" for reason, count in sorted(reasons.items())]


def _figure(name: str, given: Sequence[WindowCost], costs: Sequence[WindowCost | NoCost]) -> Ratio | NoCost:
    if not given:
        reasons = [cost.reason for cost in costs if isinstance(cost, NoCost)]
        return NoCost(reasons[0] if reasons else "no valid window")
    pairs = [COST_FIGURES[name](cost) for cost in given]
    numerators, denominators = zip(*pairs, strict=True)
    return Ratio(numerators, denominators) if any(denominators) else NoCost(_EMPTY[name])


# -- what a run will cost ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class TokensPerWord:
    """How many tokens a word of a prompt becomes: what is expected, and the most that is reckoned with."""

    expected: float
    most: float


@dataclasses.dataclass(frozen=True, slots=True)
class EstimateRules:
    """How a prompt in words is reckoned in tokens before any tokenizer has seen it.

    ``tokens_per_word``: by kind of workload. ``frame_words``: what a prompt has beyond its material, as
    expected; the most is the workload's own. ``overhead_tokens``: the most that an API adds to a prompt,
    tools and chat template.
    """

    tokens_per_word: Mapping[str, TokensPerWord]
    frame_words: int
    overhead_tokens: int


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedWindow:
    """A window that will be measured: ``kind`` and lengths are its workload's; it is run ``runs_most`` times
    at most."""

    kind: str
    requests: int
    input_words: int
    frame_words_most: int
    output_tokens_most: int
    runs_most: int


@dataclasses.dataclass(frozen=True, slots=True)
class Spending:
    """What a run will cost in US dollars: as expected, and at most."""

    expected_usd: float
    most_usd: float

    def __add__(self, other: Spending) -> Spending:
        """Both together."""
        return Spending(self.expected_usd + other.expected_usd, self.most_usd + other.most_usd)


def planned_spending(window: PlannedWindow, rates: Rates, rules: EstimateRules) -> Spending:
    """What a planned window will cost.

    Expected: each request once, its words at the expected factor, an answer that runs to its limit, nothing
    cached. At most: as often as the window may be run, with the longest frame, the highest factor and all
    overhead, at the dearer of the two input prices. An API that ignores the limit of tokens breaks the bound.
    """
    factor = rules.tokens_per_word[window.kind]
    input_expected = (window.input_words + rules.frame_words) * factor.expected
    input_most = (window.input_words + window.frame_words_most) * factor.most + rules.overhead_tokens
    input_rate = rates.input_usd_per_mtok
    dearer = max(input_rate, rates.cached_input_usd_per_mtok or 0.0)
    output_usd = window.output_tokens_most * rates.output_usd_per_mtok
    requests_mtok = window.requests / TOKENS_PER_MTOK
    return Spending(
        expected_usd=requests_mtok * (input_expected * input_rate + output_usd),
        most_usd=requests_mtok * window.runs_most * (input_most * dearer + output_usd),
    )
