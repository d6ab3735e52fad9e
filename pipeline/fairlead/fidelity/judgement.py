"""Providers of one model against each other. Knows no prompt, no reply and no clock: counts come in.

A finding says that a provider's answers differ from those of the others beyond noise, with every answer that
it rests on. It never says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from fairlead import stats
from fairlead.fidelity.answers import Answers, Tally, Wrong, length_shares, out_of_band
from fairlead.measure.workload import PROBE_KINDS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Every probe kind taken together.
ALL = "all probes"
#: Replies in the band of :func:`length_shares`.
LENGTH = "output length"
QUESTIONS = (*PROBE_KINDS, ALL, LENGTH)

_PROVIDERS_LEAST = 3  # one to judge, one to leave out, one to hold it against


@dataclasses.dataclass(frozen=True, slots=True)
class FidelityRules:
    """How sure a finding must be. ``windows_min``: of a provider, each with an answer to the question."""

    providers_min: int
    windows_min: int
    family_error: float
    length_min_share: float


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One window of a provider. Only windows of one ``stratum`` (scenario and vantage) are compared.

    ``provider``: whose windows stand together; a caller that knows of company groups gives the group.
    """

    provider: str
    stratum: str
    path: str
    answers: Answers


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """A provider's answers to one question: how many, how many right, how many at the pooled rate of all.

    ``bound``: the number of right answers below which even a first look at all questions and providers would
    call it a finding. ``p_value``: of as few or fewer, were the provider like the others.
    """

    answered: int
    right: int
    expected: float
    bound: float
    p_value: float


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A provider that scores below what the pooled providers of the model bound, and the answers at fault.

    ``requests``: path of a window and the numbers of its requests that were not right. ``wrong``: path of the
    window and the answer, with what was asked, expected and said; none for the output length.
    """

    provider: str
    question: str
    score: Score
    requests: tuple[tuple[str, tuple[int, ...]], ...]
    wrong: tuple[tuple[str, Wrong], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """``scores`` by provider and question; ``reasons`` by question, where it could not be judged."""

    scores: Mapping[tuple[str, str], Score]
    findings: tuple[Finding, ...]
    reasons: Mapping[str, str]


def judge(samples: Sequence[Sample], rules: FidelityRules) -> Judgement:
    """Fidelity: whether a provider answers worse than the pooled providers of the same model.

    For each provider and question (each kind of probe, all kinds together, the output length), one-sided.
    The number of right answers is compared with its distribution when windows are dealt out anew among the
    providers, inside each stratum; so windows are the unit, and answers that fail together are no surprise.
    That distribution is taken by its exact first three moments (Pearson's type III), with half an answer for
    continuity. A finding must hold also when the best of the other providers is left out, so that no single
    rival can cause it; then Holm over providers x questions. A question with too few providers or windows
    has a stated reason. It says that answers differ, not why: another model, a coarser number format, another
    template and a limit on thinking look alike from here.
    """
    scores: dict[tuple[str, str], Score] = {}
    reasons: dict[str, str] = {}
    table = _Table.of(samples, rules.length_min_share)
    pools = {question: _pool(table, question, rules) for question in QUESTIONS}
    tests = sum(0 if isinstance(pool, str) else len(pool[1]) for pool in pools.values())
    for question, pool in pools.items():
        if isinstance(pool, str):
            reasons[question] = pool
        else:
            scores.update(_scores(table, question, *pool, error=rules.family_error / tests))
    rejected = stats.holm([score.p_value for score in scores.values()], family_error=rules.family_error)
    found = sorted(key for key, is_rejected in zip(scores, rejected, strict=True) if is_rejected)
    findings = tuple(
        _finding(samples, provider, question, scores[provider, question], rules.length_min_share)
        for provider, question in found
    )
    return Judgement(scores=scores, findings=findings, reasons=reasons)


def _finding(
    samples: Sequence[Sample], provider: str, question: str, score: Score, length_min_share: float
) -> Finding:
    """A finding with every answer of the provider that was not right."""
    wrong: list[tuple[str, Wrong]] = []
    requests: list[tuple[str, tuple[int, ...]]] = []
    for sample in (sample for sample in samples if sample.provider == provider):
        if question == LENGTH:
            numbers = out_of_band(sample.answers.lengths, length_min_share) if sample.answers.lengths else []
        else:
            found = [each for each in sample.answers.wrong if question in (ALL, each.kind)]
            wrong += [(sample.path, each) for each in found]
            numbers = [each.i for each in found]
        if numbers:
            requests.append((sample.path, tuple(numbers)))
    return Finding(provider, question, score, tuple(requests), tuple(wrong))


@dataclasses.dataclass(frozen=True, slots=True)
class _Table:
    """One row a window: whose, of which stratum, and a column a probe kind, then one for the length."""

    providers: tuple[str, ...]
    owner: Ints
    stratum: Ints
    right: Floats
    answered: Floats

    @classmethod
    def of(cls, samples: Sequence[Sample], length_min_share: float) -> _Table:
        names = sorted({sample.provider for sample in samples})
        strata = sorted({sample.stratum for sample in samples})
        places, layers = ({name: at for at, name in enumerate(of)} for of in (names, strata))
        rows = [_row(sample.answers, length_min_share) for sample in samples]
        counts = np.array(rows, dtype=np.float64).reshape(len(rows), len(PROBE_KINDS) + 1, 2)
        return cls(
            providers=tuple(names),
            owner=np.array([places[sample.provider] for sample in samples], dtype=np.int64),
            stratum=np.array([layers[sample.stratum] for sample in samples], dtype=np.int64),
            right=counts[:, :, 0],
            answered=counts[:, :, 1],
        )

    def columns(self, question: str) -> slice:
        """The columns that a question is about."""
        if question == ALL:
            return slice(0, len(PROBE_KINDS))
        at = len(PROBE_KINDS) if question == LENGTH else PROBE_KINDS.index(question)
        return slice(at, at + 1)


def _row(answers: Answers, length_min_share: float) -> list[tuple[int, int]]:
    none = Tally(0, 0, 0)
    kinds = [answers.tallies.get(kind, none) for kind in PROBE_KINDS]
    shares = length_shares([answers.lengths] if answers.lengths else [], length_min_share)
    return [*((tally.right, tally.answered) for tally in kinds), (shares.in_band, shares.counted)]


def _pool(table: _Table, question: str, rules: FidelityRules) -> tuple[Mask, Ints] | str:
    """The windows that bear on a question and the providers that have enough of them; or why not."""
    bears = table.answered[:, table.columns(question)].sum(axis=1) > 0
    counts = np.bincount(table.owner[bears], minlength=len(table.providers))
    enough = np.flatnonzero(counts >= rules.windows_min)
    needed = max(rules.providers_min, _PROVIDERS_LEAST)
    if len(enough) < needed:
        return (
            f"{len(enough)} of {len(table.providers)} providers have {rules.windows_min} windows with an "
            f"answer, {needed} are needed"
        )
    return bears & np.isin(table.owner, enough), enough


def _scores(
    table: _Table, question: str, rows: Mask, providers: Ints, *, error: float
) -> dict[tuple[str, str], Score]:
    columns = table.columns(question)
    right, answered = table.right[rows][:, columns], table.answered[rows][:, columns]
    owner, stratum, n = table.owner[rows], table.stratum[rows], len(table.providers)
    hits, totals = (np.bincount(owner, weights=of.sum(axis=1), minlength=n) for of in (right, answered))
    null = _Null.of(owner, stratum, right, answered, n)
    p_values = null.lower_tail(null.surplus + 0.5)
    best = providers[int(np.argmax(hits[providers] / totals[providers]))]
    kept = owner != best
    without = _Null.of(owner[kept], stratum[kept], right[kept], answered[kept], n)
    is_other = np.arange(n) != best
    p_values[is_other] = np.maximum(p_values, without.lower_tail(without.surplus + 0.5))[is_other]
    bounds = hits - null.surplus + null.lower_quantile(error) - 0.5
    return {
        (table.providers[at], question): Score(
            answered=int(totals[at]),
            right=int(hits[at]),
            expected=float(hits[at] - null.surplus[at]),
            bound=max(float(bounds[at]), 0.0),
            p_value=float(p_values[at]),
        )
        for at in providers
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Null:
    """Right answers beyond the pooled rate, by provider, and how they vary when windows are dealt out anew.

    Dealing out is drawing without replacement: of N windows whose surpluses z sum to 0 a provider gets m,
    and their sum has variance m (N - m) / (N - 1) mean(z^2) and third moment
    m (N - m) (N - 2 m) / ((N - 1) (N - 2)) mean(z^3). Strata are independent, so their moments add up.
    """

    surplus: Floats
    sd: Floats
    skew: Floats

    @classmethod
    def of(cls, owner: Ints, stratum: Ints, right: Floats, answered: Floats, n: int) -> _Null:
        surplus, variance, third = np.zeros(n), np.zeros(n), np.zeros(n)
        for layer in np.unique(stratum):
            inside = stratum == layer
            totals = answered[inside].sum(axis=0)
            rates = right[inside].sum(axis=0) / np.where(totals > 0, totals, 1)
            z = (right[inside] - answered[inside] * rates).sum(axis=1)
            size = len(z)
            m = np.bincount(owner[inside], minlength=n).astype(np.float64)
            surplus += np.bincount(owner[inside], weights=z, minlength=n)
            if size > 1:
                variance += m * (size - m) / (size - 1) * np.mean(z**2)
            if size > 2:
                third += m * (size - m) * (size - 2 * m) / ((size - 1) * (size - 2)) * np.mean(z**3)
        sd = np.sqrt(variance)
        skew = np.divide(third, sd**3, out=np.zeros(n), where=sd > 0)
        return cls(surplus, sd, skew)

    def lower_tail(self, at: Floats) -> Floats:
        """The probability of a surplus of at most ``at``; 1 where nothing varies."""
        x = np.divide(at, self.sd, out=np.full_like(at, np.inf), where=self.sd > 0)
        return _pearson_tail(x, self.skew)

    def lower_quantile(self, share: float) -> Floats:
        """The surplus that is undercut with this probability."""
        return self.sd * _pearson_quantile(share, self.skew)


_FLAT = 1e-4  # below this skewness Pearson's type III is the normal distribution to eight digits


def _pearson_tail(x: Floats, skew: Floats) -> Floats:
    """The distribution function of Pearson's type III with mean 0, sd 1 and this skewness."""
    bent = np.abs(skew) > _FLAT
    g = np.where(bent, skew, 1.0)
    shape = 4 / g**2
    place = np.clip(shape + 2 * np.where(np.isinf(x), 0.0, x) / g, 0, None)
    tail = np.where(g > 0, special.gammainc(shape, place), special.gammaincc(shape, place))
    found = np.where(bent, tail, special.ndtr(x))
    return np.where(np.isinf(x), 1.0, found)


def _pearson_quantile(share: float, skew: Floats) -> Floats:
    bent = np.abs(skew) > _FLAT
    g = np.where(bent, skew, 1.0)
    shape = 4 / g**2
    place = np.where(g > 0, special.gammaincinv(shape, share), special.gammainccinv(shape, share))
    return np.where(bent, (place - shape) * g / 2, special.ndtri(share))
