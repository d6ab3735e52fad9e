"""Ways to read one run's requests as a published figure. Knows no file, no provider and no table.

A *reading* is a quantity a request over some of a run's requests; a *statistic* sums its sample up.
"""

from __future__ import annotations

import dataclasses
import decimal
import math
from collections.abc import Callable, Mapping, Sequence

STATISTICS: Mapping[str, float | None] = {
    "median": 0.50,
    "mean": None,
    "min": 0.0,
    "max": 1.0,
    "p25": 0.25,
    "p75": 0.75,
    "p95": 0.95,
    "p99": 0.99,
}  # the statistics of the tables, as quantiles


@dataclasses.dataclass(frozen=True, slots=True)
class Observation:
    """One request as the audit sees it. Seconds and tokens a second; None where none was recorded.

    The times of a success are the window's own; those of a failure are read from the source record,
    since a window gives a failure no duration.
    """

    i: int
    succeeded: bool
    ttft_s: float | None
    e2e_s: float | None
    tokens: int | None
    field_tps: float | None

    @property
    def is_timed(self) -> bool:
        """Whether the source recorded an E2E latency: a request may fail and still have one."""
        return self.e2e_s is not None

    @property
    def tokens_per_e2e_tps(self) -> float | None:
        """Output tokens / E2E latency."""
        return self.tokens / self.e2e_s if self.e2e_s and self.tokens is not None else None


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """One way to make a table's figure: a quantity a request, over some of a run's requests."""

    id: str
    label: str
    quantity: Callable[[Observation], float | None]
    population: Callable[[Observation], bool]

    def sample(self, run: Sequence[Observation]) -> list[float]:
        """The quantity of every request of a run that the reading counts, in ascending order."""
        values = [self.quantity(request) for request in run if self.population(request)]
        return sorted(value for value in values if value is not None)


def _succeeded(request: Observation) -> bool:
    return request.succeeded


def _timed(request: Observation) -> bool:
    return request.is_timed


def _ttft(request: Observation) -> float | None:
    return request.ttft_s


def _tokens_per_e2e(request: Observation) -> float | None:
    return request.tokens_per_e2e_tps


def _field(request: Observation) -> float | None:
    return request.field_tps


# The first reading of a metric is the one that figures are held against.
READINGS: Mapping[str, tuple[Reading, ...]] = {
    "output_tokens_per_s": (
        Reading("tokens-e2e-timed", "tokens / E2E, timed failures too", _tokens_per_e2e, _timed),
        Reading("tokens-e2e-successes", "tokens / E2E of successes", _tokens_per_e2e, _succeeded),
        Reading("field-successes", "raw throughput field of successes", _field, _succeeded),
        Reading("field-timed", "raw throughput field, timed failures too", _field, _timed),
    ),
    "ttft_s": (
        Reading("ttft-successes", "TTFT of successes", _ttft, _succeeded),
        Reading("ttft-timed", "TTFT, timed failures too", _ttft, _timed),
    ),
}
CUT_OFF = "cut-off"  # the same figure, cut off where it should be rounded
NEXT_HIGHER = "next-higher"  # the next higher request, where a quantile should be interpolated


def statistic(sample: Sequence[float], name: str, *, is_interpolated: bool = True) -> float | None:
    """A published statistic of an ascending sample; None where the sample is empty.

    Quantiles are interpolated between order statistics (Hyndman and Fan's type 7, what pandas does
    and what gives most published figures), or else the next higher observation.
    """
    if not sample:
        return None
    q = STATISTICS[name]
    if q is None:
        return math.fsum(sample) / len(sample)
    position = q * (len(sample) - 1)
    below, above = math.floor(position), math.ceil(position)
    if not is_interpolated:
        return sample[above]
    return sample[below] + (sample[above] - sample[below]) * (position - below)


def is_given(raw: float | None, published: str) -> bool:
    """Whether ``raw``, rounded to the published digits, is the published figure. A half may go either way."""
    if raw is None:
        return False
    figure, unit = _figure_and_unit(published)
    # The slack is for binary arithmetic, far below anything that is published.
    return abs(decimal.Decimal(raw) - figure) <= unit / 2 + unit * decimal.Decimal("1e-9")


def is_given_cut_off(raw: float | None, published: str) -> bool:
    """Whether ``raw``, cut off after the published digits, is the published figure."""
    if raw is None:
        return False
    figure, unit = _figure_and_unit(published)
    return figure <= decimal.Decimal(raw) < figure + unit


def _figure_and_unit(published: str) -> tuple[decimal.Decimal, decimal.Decimal]:
    """The figure, and the value of its last published digit."""
    whole, _, fraction = published.partition(".")
    return decimal.Decimal(published), decimal.Decimal(1).scaleb(-len(fraction) if whole else 0)
