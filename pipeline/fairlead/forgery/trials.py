"""How often honest submissions are named, and how often forged ones are. Knows no endpoint that exists.

The examination is called as it is, with the limits of a methodology. Randomness arrives as an argument.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fairlead import integrity
from fairlead.forgery import honest
from fairlead.forgery.frauds import FRAUDS, Fraud
from fairlead.forgery.honest import ASKED, ENDPOINTS, Endpoint, Submission
from fairlead.integrity import Finding, IntegrityRules, Planned
from fairlead.stats import exact_interval

POWER_MIN = 0.95
"""What a fraud with a code must be found with; what has none is shown with what chance finds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """What became of so many submissions of one kind.

    ``kind``: an honest endpoint's name, or a fraud's. ``code``: of the finding that is to name it. ``named``:
    submissions with any finding; ``low`` and ``high`` bound its share, exactly, at 95 %. ``by_code``:
    submissions with a finding of that code.
    """

    kind: str
    words: str
    is_honest: bool
    code: str | None
    submissions: int
    named: int
    low: float
    high: float
    by_code: Mapping[str, int]

    @property
    def share(self) -> float:
        """Of the submissions that were named."""
        return self.named / self.submissions

    @property
    def fault(self) -> str | None:
        """Why the detectors must not be trusted so: honest ones named beyond doubt too often, or a fraud that
        is to be found and is not."""
        if self.is_honest:
            return None
        found = self.by_code.get(self.code or "", 0) / self.submissions
        return "too blind" if self.code is not None and found < POWER_MIN else None


def examine(submission: Submission, rules: IntegrityRules) -> list[Finding]:
    """Every finding of an invented submission."""
    traces = [integrity.observe(path, window, ASKED, rules) for path, window in submission.windows]
    plan = [
        Planned(index, dt.datetime.fromtimestamp(start / 1e9, tz=dt.UTC))
        for index, start in enumerate(honest.plan_times())
    ]
    together = integrity.examine(traces, rules, plan=plan, neutral=submission.neutral)
    return [*(finding for trace in traces for finding in trace.findings), *together]


def try_honest(endpoint: Endpoint, count: int, rules: IntegrityRules, rng: np.random.Generator) -> Trial:
    """False alarms on submissions of one endpoint."""
    found = [examine(honest.submit(endpoint, own), rules) for own in rng.spawn(count)]
    return _trial(endpoint.name, "honest", None, found, is_honest=True)


def try_fraud(fraud: Fraud, count: int, rules: IntegrityRules, rng: np.random.Generator) -> Trial:
    """Power on submissions forged in one way."""
    found = [examine(fraud.forge(fraud.endpoint, own), rules) for own in rng.spawn(count)]
    return _trial(fraud.name, fraud.words, fraud.code, found, is_honest=False)


def _trial(
    kind: str, words: str, code: str | None, found: Sequence[Sequence[Finding]], *, is_honest: bool
) -> Trial:
    codes = collections.Counter(code for findings in found for code in {each.code for each in findings})
    named = sum(1 for findings in found if findings)
    low, high = exact_interval(named, len(found), confidence=0.95)
    by_code = dict(sorted(codes.items()))
    return Trial(kind, words, is_honest, code, len(found), named, low, high, by_code)


def trials(
    rules: IntegrityRules,
    honest_count: int,
    forged_count: int,
    rng: np.random.Generator,
    *,
    endpoints: Sequence[Endpoint] = ENDPOINTS,
    frauds: Sequence[Fraud] = FRAUDS,
) -> Iterator[Trial]:
    """Every honest endpoint, then every fraud, each from a stream of random numbers of its own."""
    for endpoint, own in zip(endpoints, rng.spawn(len(endpoints)), strict=True):
        yield try_honest(endpoint, honest_count, rules, own)
    for fraud, own in zip(frauds, rng.spawn(len(frauds)), strict=True):
        yield try_fraud(fraud, forged_count, rules, own)
