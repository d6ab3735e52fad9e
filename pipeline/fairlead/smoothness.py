"""How evenly the pieces of a reply came, and what that shows. Knows no limit, no file and no provider.

:func:`observe` keeps a few numbers of each reply and no judgement. Limits arrive with the question that is
asked of them. A :class:`Statement` says what was seen, in how many replies of how many; why a provider
sends as it does is not seen from here.

A *read* is what one read of the socket brought: one content chunk, and those that follow it with a gap of 0.
A reader cannot tell the chunks of a read apart in time. The *pace* of a reply is the median gap between its
reads. Only streamed replies that ended well are looked at; a whole answer has no pace.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead import stats
from fairlead.metrics import Undefined, e2e_ns, streamed_tokens, ttft_ns
from fairlead.windows import Outcome, Request, Window

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_NS_PER_MS = 1e6
_BLANKS = frozenset("\u2800\u3164\u115f\u1160\uffa0")  # letters by their class that show nothing


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """What was seen of the streamed replies of one window: one entry a reply, NaN where undefined.

    ``tokens``: streamed. ``same_read``: gaps of 0. ``reads``: after the first one. ``spread``: of the gaps
    between reads, (p90 - p10) / p50. ``opening_reads``: what came within half a pace of the first chunk, in
    characters, over the median read after the first. ``first_gap_ms``: from the first read to the second.
    ``is_blank``: the first read shows a reader nothing. ``gap_ns``, ``gap_count``: the gaps between all
    chunks of the window, rounded to three digits, in ascending order.
    """

    i: Ints
    ttft_ms: Floats
    e2e_ms: Floats
    chunks: Ints
    tokens: Floats
    same_read: Ints
    reads: Ints
    gap_max_ms: Floats
    pace_ms: Floats
    spread: Floats
    opening_reads: Floats
    first_gap_ms: Floats
    is_blank: Mask
    gap_ns: Ints
    gap_count: Ints


# -- what is seen --------------------------------------------------------------------------------


def observe(window: Window) -> Replies:
    """The numbers of every streamed reply that ended well. A reply whose arrays disagree is left out."""
    kind, is_whole = window.header.load.kind, window.header.dialect.endswith("-whole")
    replies = [request for request in window.requests if not is_whole and _is_streamed(request)]
    n = len(replies)
    lengths = np.fromiter((len(reply.chunk_ns) for reply in replies), np.int64, n)
    owner = np.repeat(np.arange(n), lengths)
    gaps = np.fromiter(
        itertools.chain.from_iterable(reply.chunk_ns for reply in replies), np.int64, len(owner)
    )
    chars = np.fromiter(
        itertools.chain.from_iterable(reply.chunk_chars for reply in replies), np.float64, len(owner)
    )
    is_first = np.ones(len(owner), dtype=bool)
    is_first[1:] = owner[1:] != owner[:-1]
    reads = _Reads.of(np.where(is_first, 0, gaps), chars, owner, is_first)
    after = gaps[~is_first]
    gap_ns, gap_count = np.unique(_three_digits(after), return_counts=True)
    first_chars = reads.chars[reads.is_first]
    return Replies(
        i=np.fromiter((reply.i for reply in replies), np.int64, n),
        ttft_ms=_floats(replies, lambda reply: ttft_ns(reply, kind)) / _NS_PER_MS,
        e2e_ms=_floats(replies, lambda reply: e2e_ns(reply, kind)) / _NS_PER_MS,
        chunks=lengths,
        tokens=_floats(replies, streamed_tokens),
        same_read=np.bincount(owner[~is_first & (gaps == 0)], minlength=n),
        gap_max_ms=_largest(np.where(is_first, -1, gaps), is_first) / _NS_PER_MS,
        is_blank=np.array(
            [_is_blank(reply, int(size)) for reply, size in zip(replies, first_chars, strict=True)],
            dtype=bool,
        ),
        gap_ns=gap_ns,
        gap_count=gap_count,
        **reads.shape(n),
    )


def _is_streamed(request: Request) -> bool:
    gaps = request.chunk_ns
    return (
        request.outcome is Outcome.OK
        and 0 < len(gaps) == len(request.chunk_chars)
        and min(gaps[1:], default=0) >= 0
        and min(request.chunk_chars) >= 0
    )


def _floats(replies: Sequence[Request], read: Callable[[Request], float | None]) -> Floats:
    values = (read(reply) for reply in replies)
    return np.fromiter((np.nan if value is None else value for value in values), np.float64, len(replies))


def _largest(gaps: Ints, is_first: Mask) -> Floats:
    """The largest gap of each reply; NaN where only the first chunk came, whose entry is below zero."""
    if not gaps.size:
        return np.empty(0)
    largest = np.maximum.reduceat(gaps, np.flatnonzero(is_first)).astype(np.float64)
    return np.where(largest < 0, np.nan, largest)


def _three_digits(values: Ints) -> Ints:
    """Not negative integers, rounded to three significant digits, halves up."""
    step = np.ones_like(values)
    for digits in range(3, 19):
        step[values >= 10**digits] = 10 ** (digits - 2)
    return (values + step // 2) // step * step


@dataclasses.dataclass(frozen=True, slots=True)
class _Reads:
    """Reads of all replies, end to end. ``gap_ns`` of a reply's first is 0."""

    gap_ns: Ints
    chars: Floats
    owner: Ints
    is_first: Mask

    @classmethod
    def of(cls, gaps: Ints, chars: Floats, owner: Ints, is_first: Mask) -> _Reads:
        begins = is_first | (gaps > 0)
        total = int(begins.sum())
        summed = np.bincount(np.cumsum(begins) - 1, weights=chars, minlength=total).astype(np.float64)
        return cls(gaps[begins], summed[:total], owner[begins], is_first[begins])

    def shape(self, n: int) -> dict[str, Any]:
        """The pace of each reply, and how its reads depart from it."""
        later = ~self.is_first
        gaps, chars, owner = self.gap_ns[later].astype(np.float64), self.chars[later], self.owner[later]
        counts = np.bincount(owner, minlength=n)
        low, pace, high = _quantiles(gaps, counts, (0.1, 0.5, 0.9))
        (usual,) = _quantiles(chars, counts, (0.5,))
        clock = np.cumsum(self.gap_ns)
        since = clock - clock[self.is_first][self.owner]
        is_opening = since <= pace[self.owner] / 2
        opening = np.bincount(self.owner[is_opening], weights=self.chars[is_opening], minlength=n)
        first_gap = np.full(n, np.nan)
        is_second = np.zeros_like(self.is_first)
        is_second[1:] = self.is_first[:-1] & ~self.is_first[1:]
        first_gap[self.owner[is_second]] = self.gap_ns[is_second] / _NS_PER_MS
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "reads": counts,
                "pace_ms": pace / _NS_PER_MS,
                "spread": (high - low) / pace,
                "opening_reads": np.where(usual > 0, opening / usual, np.nan),
                "first_gap_ms": first_gap,
            }


def _quantiles(values: Floats, counts: Ints, shares: Sequence[float]) -> Floats:
    """The type 1 quantiles of runs of so many values each, one row a share; NaN for an empty run."""
    found = np.full((len(shares), len(counts)), np.nan)
    ends = np.cumsum(counts)
    for run in np.flatnonzero(counts):
        size = int(counts[run])
        ordered = np.sort(values[ends[run] - size : ends[run]])
        for row, share in enumerate(shares):
            found[row, run] = ordered[max(math.ceil(share * size - 1e-9), 1) - 1]
    return found


def _is_blank(request: Request, size: int) -> bool:
    """Whether the first characters of a reply show nothing: blanks, controls, marks of no width."""
    text = {"t": request.text, "r": request.reasoning}.get(request.chunk_kind[:1])
    if text is None:
        return False
    return all(
        mark.isspace() or mark in _BLANKS or unicodedata.category(mark) in ("Cc", "Cf", "Mn")
        for mark in text[:size]
    )


# -- figures -------------------------------------------------------------------------------------


def icl_p99_ms(windows: Sequence[Replies], *, confidence: float) -> float | Undefined:
    """ICL p99, inter-chunk latency: the 0.99 quantile of the gaps between content chunks, in ms.

    The gaps of all replies of all windows are one sample, those of 0 (chunks of one read) included, each
    rounded to three digits first. Gaps of one reply are not independent, so it is given only where there
    are as many *replies* with a gap as a p99 needs values, and without an interval. Undefined otherwise.
    """
    replies = sum(int((window.chunks > 1).sum()) for window in windows)
    needed = stats.quantile_sample_min(0.99, confidence)
    if replies < needed:
        return Undefined(f"{replies} replies with a gap, {needed} are needed")
    gaps = np.concatenate([window.gap_ns for window in windows])
    counts = np.concatenate([window.gap_count for window in windows])
    order = np.argsort(gaps, kind="stable")
    reached = np.cumsum(counts[order])
    place = int(np.searchsorted(reached, np.ceil(0.99 * reached[-1] - 1e-9)))
    return float(gaps[order][place] / _NS_PER_MS)


def stutter_share(windows: Sequence[Replies], gap_ms: float, *, rules: stats.IntervalRules) -> stats.Estimate:
    """Stutter: the share of replies in which a reader once waits longer for the next chunk than the limit.

    Of replies with two chunks or more. The interval is that of a share over windows. A mean or a p99 over all
    gaps hides it: one gap of a second in each reply of 150 chunks is 0.7 % of the gaps. Undefined where no
    reply has a gap.
    """
    return stats.share_estimate(
        [int((window.gap_max_ms > gap_ms).sum()) for window in windows],
        [int((window.chunks > 1).sum()) for window in windows],
        strata=[0] * len(windows),
        rules=rules,
    )


def tokens_per_chunk(windows: Sequence[Replies]) -> float | Undefined:
    """Tokens per chunk: all streamed tokens over all content chunks, of replies that have a token count.

    Above 1, chunks hold several tokens: a reader gets them bundled, and a tool that counts chunks as tokens
    reports too low a speed. Undefined where no reply has a token count.
    """
    counted = [~np.isnan(window.tokens) for window in windows]
    chunks = sum(int(window.chunks[has].sum()) for window, has in zip(windows, counted, strict=True))
    tokens = sum(float(window.tokens[has].sum()) for window, has in zip(windows, counted, strict=True))
    return tokens / chunks if chunks else Undefined("no reply with a token count")


def same_read_share(windows: Sequence[Replies]) -> float | Undefined:
    """Same read: the share of gaps between chunks that are 0, since both came in one read of the socket.

    The sender, the network or a busy client can put chunks together; the certificate of the window bounds
    the client's part. Undefined where no reply has a gap.
    """
    gaps = sum(int((window.chunks - 1).sum()) for window in windows)
    zeros = sum(int(window.same_read.sum()) for window in windows)
    return zeros / gaps if gaps else Undefined("no reply with a gap")


# -- statements ----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class SmoothRules:
    """When what was seen is worth saying.

    ``replies_min``: replies that a pattern could be seen in. ``replies_share_min``: the share of them that
    shows it. ``reads_min``: reads after the first, from which on a reply has a pace.
    """

    replies_min: int
    replies_share_min: float
    reads_min: int
    bundle_tokens_min: float
    same_read_share_min: float
    opening_reads_min: float
    early_gap_paces_min: float
    steady_spread_max: float
    steady_wait_share_min: float


class Pattern(enum.StrEnum):
    """A way of sending that a reader should know of."""

    BUNDLED = "bundled"
    HELD_BACK = "held_back"
    EARLY_FIRST = "early_first"
    METRONOME = "metronome"


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """What was seen in ``shown`` of ``of`` replies, in words with its figures."""

    pattern: Pattern
    shown: int
    of: int
    words: str


def statements(windows: Sequence[Replies], rules: SmoothRules) -> tuple[Statement, ...]:
    """Every pattern that the replies of these windows show; empty where they show none, or are too few."""
    found = (look(windows, rules) for look in (bundled, held_back, early_first, metronome))
    return tuple(statement for statement in found if statement is not None)


def bundled(windows: Sequence[Replies], rules: SmoothRules) -> Statement | None:
    """Bundled: several tokens reach the reader at once.

    A reply shows it where its streamed tokens are at least so many times its chunks, or where at least such a
    share of its gaps is 0. Said where enough replies show it. It is no fault, but makes TTFT and output speed
    hold more than one token at a time.
    """
    tokens, chunks = _column(windows, "tokens"), _column(windows, "chunks")
    gaps = chunks - 1
    in_chunks = tokens >= rules.bundle_tokens_min * chunks
    in_reads = (gaps > 0) & (_column(windows, "same_read") >= rules.same_read_share_min * gaps)
    shown, of = in_chunks | in_reads, (gaps > 0) | ~np.isnan(tokens)
    per_chunk, same = tokens_per_chunk(windows), same_read_share(windows)
    figures = "" if isinstance(per_chunk, Undefined) else f"; {per_chunk:.1f} tokens per chunk overall"
    figures += "" if isinstance(same, Undefined) else f", {_percent(same)} of gaps within one read"
    return _statement(
        Pattern.BUNDLED, shown, of, rules, "several tokens came at once{figures}", figures=figures
    )


def held_back(windows: Sequence[Replies], rules: SmoothRules) -> Statement | None:
    """Held back: the first tokens come together, as if the first had waited for the others.

    A reply shows it where what came within half of its own pace after the first chunk is at least so many
    times the characters of its median later read. A steady stream brings about one read in that time. A
    provider that gathers tokens before it sends shows it, as does a proxy that does. Said where enough
    replies with a pace show it.
    """
    opening = _column(windows, "opening_reads")
    has = _has_pace(windows, rules) & ~np.isnan(opening)
    shown = has & (opening >= rules.opening_reads_min)
    usual = _median(opening[shown])
    text = "the opening brought what otherwise takes {usual:.0f} reads (median)"
    return _statement(Pattern.HELD_BACK, shown, has, rules, text, usual=usual)


def early_first(windows: Sequence[Replies], rules: SmoothRules) -> Statement | None:
    """Early first chunk: a first chunk long before the rest, so that TTFT says little of the reply.

    A reply shows it where the gap between its first and its second read is at least so many of its own paces.
    How many of these first reads show a reader nothing (blanks, marks of no width) is said beside it. A
    scheduler that starts other requests after the first token shows it too. Said where enough replies with a
    pace show it.
    """
    gap, pace = _column(windows, "first_gap_ms"), _column(windows, "pace_ms")
    has = _has_pace(windows, rules)
    shown = has & (gap >= rules.early_gap_paces_min * pace)
    blank = int((_column(windows, "is_blank").astype(bool) & shown).sum())
    text = (
        "the second read came {gap:.0f} ms after the first and later ones {pace:.1f} ms apart (medians); "
        "in {blank} of them the first showed nothing"
    )
    return _statement(
        Pattern.EARLY_FIRST,
        shown,
        has,
        rules,
        text,
        gap=_median(gap[shown]),
        pace=_median(pace[shown]),
        blank=blank,
    )


def metronome(windows: Sequence[Replies], rules: SmoothRules) -> Statement | None:
    """Metronome: after a long wait the chunks come at a pace steadier than a machine that computes them.

    A reply shows it where TTFT is at least such a share of its E2E latency and the middle 80 % of the gaps
    between its reads lie within such a share of their median. A reply that was finished before its first
    chunk was sent, or is replayed from a cache, shows it. So would a very even server that is slow to begin.
    Said where enough replies with a pace show it.
    """
    spread, ttft, e2e = (_column(windows, name) for name in ("spread", "ttft_ms", "e2e_ms"))
    has = _has_pace(windows, rules) & (e2e > 0)
    shown = has & (spread <= rules.steady_spread_max) & (ttft >= rules.steady_wait_share_min * e2e)
    text = (
        "the gaps spread over {spread} of their median, "
        "after a first token that took {wait} of the time (medians)"
    )
    wait = _median(ttft[shown] / e2e[shown])
    return _statement(
        Pattern.METRONOME,
        shown,
        has,
        rules,
        text,
        spread=_percent(_median(spread[shown])),
        wait=_percent(wait),
    )


def _column(windows: Sequence[Replies], name: str) -> Floats:
    parts = [np.asarray(getattr(window, name), dtype=np.float64) for window in windows]
    return np.concatenate(parts) if parts else np.empty(0)


def _has_pace(windows: Sequence[Replies], rules: SmoothRules) -> Mask:
    return (_column(windows, "reads") >= rules.reads_min) & (_column(windows, "pace_ms") > 0)


def _median(values: Floats) -> float:
    return stats.quantile(values, 0.5) if values.size else float("nan")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _statement(
    pattern: Pattern, shown: Mask, of: Mask, rules: SmoothRules, text: str, **figures: float | str
) -> Statement | None:
    hits, total = int(shown.sum()), int(of.sum())
    if not hits or total < rules.replies_min or hits < rules.replies_share_min * total:
        return None
    return Statement(pattern, hits, total, f"in {hits:,} of {total:,} replies {text.format(**figures)}")
