"""Requests that repeat one another: to the nanosecond, or as far as chance never does. Knows no file.

A pair that asked the very same may look alike, and so may two requests under way together, whose chunks come
out of the same steps of one server. Neither is held against anybody.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from fairlead.integrity.finding import Finding, IntegrityRules, counted
from fairlead.integrity.traces import Floats, Ints, Trace

_COMPARED_MOST = 4096  # requests, evenly over the claim: pairs grow with the square
_BLOCK = 512
_NEIGHBOURS = 3
_QUARTILE = 0.6744897501960817  # of the normal distribution: what its median deviation is


def copied(traces: Sequence[Trace], rules: IntegrityRules) -> Iterator[Finding]:
    """Requests whose gaps are another's, times a constant and plus one, to the nanosecond.

    Two free numbers and ``copied_gaps_min`` gaps: chance has no way to do it. Each request is brought to mean
    0 and length 1 and laid on one direction; copies fall on one place and are then compared gap by gap.
    """
    gaps, owner, place = _first_gaps(traces, rules.copied_gaps_min)
    if len(gaps) < 2:
        return
    centred = gaps - gaps.mean(axis=1, keepdims=True)
    size = np.sqrt(np.square(centred).sum(axis=1))
    varied = np.flatnonzero(size > rules.copied_gap_ns * rules.copied_gaps_min)
    unit = centred[varied] / size[varied, None]
    direction = np.cos(np.arange(rules.copied_gaps_min) ** 2 + 1.0)
    order = np.argsort(unit @ direction)
    pairs: list[tuple[int, int]] = []
    for step in range(1, _NEIGHBOURS + 1):
        one, other = order[:-step], order[step:]
        off = np.abs(unit[one] - unit[other]).max(axis=1) * np.minimum(size[varied[one]], size[varied[other]])
        same = np.flatnonzero(off <= rules.copied_gap_ns)
        pairs += [(int(varied[one[at]]), int(varied[other[at]])) for at in same]
    copies: dict[int, int] = {}
    for first, second in pairs:
        early, late = sorted((first, second))
        if not _asked_the_same(traces, owner, place, early, late):
            copies.setdefault(late, early)
    yield from _copies(traces, owner, place, copies, rules)


def _first_gaps(traces: Sequence[Trace], count: int, most: int | None = None) -> tuple[Floats, Ints, Ints]:
    """(requests, count): the first gaps of each that has as many; whose trace it is, and its place there."""
    rows = [
        (row[:count], number, at)
        for number, trace in enumerate(traces)
        for at, row in enumerate(trace.gaps)
        if len(row) >= count
    ]
    if most is not None:
        rows = rows[:: math.ceil(len(rows) / most) or 1]
    gaps = np.array([row for row, _, _ in rows], dtype=np.float64).reshape(len(rows), count)
    return (
        gaps,
        np.array([number for _, number, _ in rows], dtype=np.int64),
        np.array([at for _, _, at in rows], dtype=np.int64),
    )


def _asked_the_same(traces: Sequence[Trace], owner: Ints, place: Ints, one: int, other: int) -> bool:
    return bool(traces[owner[one]].body[place[one]] == traces[owner[other]].body[place[other]])


def _copies(
    traces: Sequence[Trace], owner: Ints, place: Ints, copies: dict[int, int], rules: IntegrityRules
) -> Iterator[Finding]:
    """One finding a window, with the first pair as the evidence."""
    by_window: dict[int, list[int]] = {}
    for late in sorted(copies):
        by_window.setdefault(int(owner[late]), []).append(late)
    for number, afters in by_window.items():
        trace, early = traces[number], copies[afters[0]]
        source = traces[owner[early]]
        words = (
            f"the first {rules.copied_gaps_min} gaps of {counted(len(afters), 'request')} are those of "
            f"another one, times a constant, to {rules.copied_gap_ns} ns: request "
            f"{trace.i[place[afters[0]]]} is request {source.i[place[early]]} of "
            f"{source.path.rpartition('/')[2]}"
        )
        requests = tuple(int(trace.i[place[late]]) for late in afters)
        yield Finding("INT004", trace.path, requests, words)


# -- alike beyond chance -------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Scores:
    """The gaps of each request as normal scores: mean 0, length 1, so that a product is a correlation."""

    rows: npt.NDArray[np.float32]
    owner: Ints
    place: Ints
    prompt: Ints
    sent_ns: Ints
    done_ns: Ints
    gaps: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Pairs:
    """Each request's nearest one before it, how alike they are, of how many pairs.

    ``usual``: how far the usual pair is from nothing, or from the middle where that lies below, as it does
    for few requests once what they share is taken off.
    """

    one: Ints
    other: Ints
    correlation: Floats
    compared: int
    usual: float


def similar(traces: Sequence[Trace], rules: IntegrityRules, limit: float) -> Iterator[Finding]:
    """Two requests whose gaps rise and fall together as chance never lets them, over all pairs at once.

    Spearman's correlation by normal scores of gaps, what all requests share at a place being taken off, held
    against Student's t. Gaps of one stream may hang together, and then they are worth fewer: as few as the
    usual pair tells, or as the two requests themselves. ``limit``: over all pairs (Bonferroni).
    """
    scores = _scores(traces, rules)
    pairs = None if scores is None else _nearest(scores)
    if scores is None or pairs is None:
        return
    p_values = np.minimum(_tails(pairs, scores) * pairs.compared, 1.0)
    p_values[pairs.correlation < rules.similar_correlation_min] = 1.0
    at = int(np.argmin(p_values))
    p_value, late, early = float(p_values[at]), pairs.one[at], pairs.other[at]
    if p_value >= limit:
        return
    trace, source = traces[scores.owner[late]], traces[scores.owner[early]]
    words = (
        f"the gaps of request {trace.i[scores.place[late]]} correlate by {pairs.correlation[at]:.3f} over "
        f"{scores.gaps} chunks with those of request {source.i[scores.place[early]]} of "
        f"{source.path.rpartition('/')[2]}, the most of {pairs.compared:,} pairs (p = {p_value:.1g})"
    )
    yield Finding("INT006", trace.path, (int(trace.i[scores.place[late]]),), words, p_value)


def _scores(traces: Sequence[Trace], rules: IntegrityRules) -> _Scores | None:
    lengths = np.array([len(row) for trace in traces for row in trace.gaps])
    if not lengths.size:
        return None
    count = int(np.clip(np.quantile(lengths, 0.1), rules.similar_gaps_min, rules.similar_gaps_max))
    gaps, owner, place = _first_gaps(traces, count, _COMPARED_MOST)
    distinct = 1 + (np.diff(np.sort(gaps, axis=1), axis=1) > 0).sum(axis=1)
    kept = distinct >= rules.similar_gaps_min  # of a few lengths, many a sequence comes twice by chance
    gaps, owner, place = gaps[kept], owner[kept], place[kept]
    if len(gaps) < 4:
        return None
    logs = np.log(gaps)
    logs -= np.median(logs, axis=0)
    rows = special.ndtri((_mid_ranks(logs) + 0.5) / count)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    where = list(zip(owner.tolist(), place.tolist(), strict=True))
    numbers: dict[str, int] = {}
    return _Scores(
        rows.astype(np.float32),
        owner,
        place,
        np.array([numbers.setdefault(traces[o].body[p], len(numbers)) for o, p in where], dtype=np.int64),
        np.array([traces[o].sent_ns[p] for o, p in where], dtype=np.int64),
        np.array([traces[o].done_ns[p] for o, p in where], dtype=np.int64),
        count,
    )


def _mid_ranks(values: Floats) -> Floats:
    """The rank of each value in its row, from 0; equal ones share the middle of theirs."""
    order = np.argsort(values, axis=1)
    rising = np.take_along_axis(values, order, axis=1)
    places = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    begins = np.diff(rising, axis=1, prepend=-np.inf) > 0
    ends = np.diff(rising, axis=1, append=np.inf) > 0
    first = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, places, values.shape[1])[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty_like(values)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=1)
    return ranks


def _nearest(scores: _Scores) -> _Pairs | None:
    """Every request that has any to be compared with, beside the one before it that is most like it."""
    rows, compared, sampled = scores.rows, 0, []
    ones, others, correlations = [], [], []
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        products = rows[start:stop] @ rows[:stop].T
        excluded = _excluded(scores, start, stop)
        sampled.append(products[~excluded][:: max(len(rows) // _BLOCK, 1)])
        compared += excluded.size - int(excluded.sum())
        products[excluded] = -np.inf
        nearest = products.argmax(axis=1)
        best = products[np.arange(stop - start), nearest]
        found = np.flatnonzero(best > -np.inf)
        ones.append(start + found)
        others.append(nearest[found])
        correlations.append(best[found])
    if not compared:
        return None
    most = 1 - 1e-9
    correlation = np.clip(np.concatenate(correlations).astype(np.float64), -most, most)
    every = np.concatenate(sampled)
    usual = float(np.median(np.abs(every - min(float(np.median(every)), 0.0))))
    return _Pairs(np.concatenate(ones), np.concatenate(others), correlation, compared, usual)


def _tails(pairs: _Pairs, scores: _Scores) -> Floats:
    """How often chance brings a pair so near. With n independent gaps the correlation of normal scores over
    all orders has the tail of Student's t with n - 2 degrees of freedom, but for few gaps and far out, where
    it is heavier: with n - 4 it is bounded (decision 0040). Fisher's z has a tail that is far too light."""
    n = np.minimum(min(scores.gaps, 1 + (_QUARTILE / pairs.usual) ** 2), _worth(pairs, scores))
    freedom = np.maximum(n - 4, 1.0)
    t = pairs.correlation * np.sqrt(freedom / (1 - np.square(pairs.correlation)))
    return np.asarray(special.stdtr(freedom, -t))


def _worth(pairs: _Pairs, scores: _Scores) -> Floats:
    """How many independent gaps those of each pair are worth, as both of its requests hang together within
    themselves (Bartlett), summed up to the first lag at which that drowns in chance."""
    n = scores.gaps
    size = 2 * n
    power = np.square(np.abs(np.fft.rfft(scores.rows, size, axis=1)))
    own = np.fft.irfft(power, size, axis=1)[:, 1 : n // 2]
    both = own[pairs.one] * own[pairs.other]
    lasts = np.logical_and.accumulate(both > 2 / n, axis=1)
    return np.asarray(n / (1 + 2 * np.where(lasts, both, 0.0).sum(axis=1)))


def _excluded(scores: _Scores, start: int, stop: int) -> npt.NDArray[np.bool_]:
    """Of a block of rows against all before: itself and later ones, the same prompt, and those under way
    together."""
    mine, all_before = slice(start, stop), slice(0, stop)
    later = np.arange(stop)[None, :] >= np.arange(start, stop)[:, None]
    same = scores.prompt[mine, None] == scores.prompt[None, all_before]
    together = (
        (scores.owner[mine, None] == scores.owner[None, all_before])
        & (scores.sent_ns[mine, None] <= scores.done_ns[None, all_before])
        & (scores.sent_ns[None, all_before] <= scores.done_ns[mine, None])
    )
    return np.asarray(later | same | together)


def repeated_texts(traces: Sequence[Trace], rules: IntegrityRules) -> Iterator[Finding]:
    """Long replies that are the same although their prompts differ, where most are not.

    An endpoint that says the same whatever it is asked, as the reference does, says it every time.
    """
    first: dict[str, tuple[Trace, int]] = {}
    again: list[tuple[Trace, int, Trace, int]] = []
    total = 0
    for trace in traces:
        for at, (chars, text) in enumerate(trace.text):
            if chars < rules.repeated_chars_min:
                continue
            total += 1
            known = first.setdefault(text, (trace, at))
            if known[0].body[known[1]] != trace.body[at]:
                again.append((trace, at, *known))
    if not again or 2 * len(again) >= total:
        return
    trace, at, source, there = again[0]
    words = (
        f"{len(again):,} of {total:,} long replies repeat one to another prompt, letter by letter: request"
        f" {trace.i[at]} says what request {source.i[there]} of {source.path.rpartition('/')[2]} said"
    )
    mine = tuple(int(one.i[place]) for one, place, _, _ in again if one is trace)
    yield Finding("INT016", trace.path, mine, words)
