"""What the replies of one window say of the model behind them. Knows no other window and no provider.

:func:`observe` says what counts as an answer, :func:`fairlead.measure.workload.score` what counts as right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fairlead import stats
from fairlead.measure import workload as prompts
from fairlead.measure.workload import PROBE_KINDS, Probe, ProbeKind, Workload
from fairlead.metrics import Undefined, output_tokens, start_ns, ttft_ns
from fairlead.model import Methodology
from fairlead.windows import Outcome, Request, Window

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SAID_CHARS = 160

#: How the APIs say that a reply ended because its tokens ran out.
LIMIT_FINISHES = frozenset({"length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"})


def workload_of(methodology: Methodology, scenario: str) -> Workload | None:
    """The prompts of a scenario; None where the methodology does not have it."""
    names = [known.workload for known in methodology.scenarios if known.id == scenario]
    for entry in methodology.workloads:
        if entry.id in names:
            return Workload(
                kind=entry.kind, input_words=entry.input_words, max_tokens=entry.output_tokens_max
            )
    return None


# -- what a window's replies say -----------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Tally:
    """Probes of one kind: asked, answered (see the module's head), answered right."""

    asked: int
    answered: int
    right: int


@dataclasses.dataclass(frozen=True, slots=True)
class Wrong:
    """A probe that was answered wrong: what was asked, what was expected, what was said (its beginning)."""

    i: int
    kind: str
    asked: str
    expected: str
    said: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Lengths:
    """The replies that were asked for more than ``limit`` tokens and ended well, by the number of tokens.

    ``tokens``: output tokens. ``at_limit``: ended, as the provider says, because the tokens ran out.
    ``uncounted``: further replies, without a token count.
    """

    limit: int
    i: Ints
    tokens: Ints
    at_limit: Mask
    uncounted: int


class Repeat(NamedTuple):
    """A text that was sent twice: both requests, their TTFT, and the input tokens said to be cached."""

    first: int
    again: int
    first_ns: int
    again_ns: int
    first_cached: int | None
    again_cached: int | None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the replies of one window say of the model. ``lengths`` is None where short replies are asked."""

    tallies: Mapping[ProbeKind, Tally]
    wrong: tuple[Wrong, ...]
    lengths: Lengths | None
    repeats: tuple[Repeat, ...]


def observe(window: Window, workload: Workload) -> Answers | Undefined:
    """Answers: what the replies of a window, measured with ``workload``, say of the model.

    A probe is answered where the request ended well and its reply holds something besides thoughts. A failed
    request, one that the provider refused included, is no answer and no wrong one: the success rate charges
    it. A reply that is nothing but thoughts when its tokens run out is asked and not answered. A reply in
    which the model declines in words is an answer, and a wrong one.

    Undefined without a seed, and where the header names another workload: then nobody knows what was asked.
    """
    header = window.header
    if header.seed is None or header.workload is None:
        return Undefined("the window does not say what was asked")
    stated = (header.workload.id, header.workload.sha256)
    if stated != (prompts.ID, prompts.definition_sha256(workload)):
        return Undefined("the window was measured with other prompts")
    asked = [
        (request, probe)
        for request in window.requests
        if (probe := prompts.probe(workload, header.seed, request.i)) is not None
    ]
    scored = [(request, probe, _score(request, probe)) for request, probe in asked]
    tallies = {
        kind: Tally(
            asked=len(of_kind),
            answered=sum(is_right is not None for is_right in of_kind),
            right=sum(is_right is True for is_right in of_kind),
        )
        for kind in PROBE_KINDS
        if (of_kind := [is_right for _, probe, is_right in scored if probe.kind == kind])
    }
    return Answers(
        tallies=tallies,
        wrong=tuple(_wrong(request, probe) for request, probe, is_right in scored if is_right is False),
        lengths=None if workload.kind == "probes" else _lengths(window.requests, workload.max_tokens),
        repeats=tuple(_repeats(window, workload, header.seed)),
    )


def _score(request: Request, probe: Probe) -> bool | None:
    if request.outcome is not Outcome.OK:
        return None
    return prompts.score(probe, request.text, request.tool_calls)


def _wrong(request: Request, probe: Probe) -> Wrong:
    said = prompts.given_answer(probe, request.text, request.tool_calls) or request.text or ""
    return Wrong(request.i, probe.kind, probe.question, probe.expected, said[:_SAID_CHARS])


def _lengths(requests: Sequence[Request], limit: int) -> Lengths:
    replies = [request for request in requests if request.outcome is Outcome.OK]
    counted = [(reply, tokens) for reply in replies if (tokens := output_tokens(reply)) is not None]
    n = len(counted)
    return Lengths(
        limit=limit,
        i=np.fromiter((reply.i for reply, _ in counted), np.int64, n),
        tokens=np.fromiter((tokens for _, tokens in counted), np.int64, n),
        at_limit=np.fromiter((reply.finish in LIMIT_FINISHES for reply, _ in counted), np.bool_, n),
        uncounted=len(replies) - n,
    )


def _repeats(window: Window, workload: Workload, seed: str) -> list[Repeat]:
    """The pairs of which both ended well, the second was sent after the first had ended, and neither had to
    connect: a new connection would be taken for a slow first."""
    by_number = {request.i: request for request in window.requests}
    kind = window.header.load.kind
    pairs = []
    for again in window.requests:
        number = prompts.repeated(workload, seed, again.i)
        first = None if number is None else by_number.get(number)
        if first is None or first.connection.reused is False or again.connection.reused is False:
            continue
        first_ns, again_ns = ttft_ns(first, kind), ttft_ns(again, kind)
        begun = start_ns(again, kind)
        if first_ns is None or again_ns is None or first.done_ns is None or begun is None:
            continue
        if first.done_ns <= begun:
            cached = (first.tokens.usage_cached, again.tokens.usage_cached)
            pairs.append(Repeat(first.i, again.i, first_ns, again_ns, *cached))
    return pairs


# -- length --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class LengthShares:
    """Replies by their length: in the band, ended early, stopped short of the limit, beyond it, uncounted."""

    in_band: int
    early_stop: int
    short_at_limit: int
    beyond: int
    uncounted: int

    @property
    def counted(self) -> int:
        """Replies with a token count."""
        return self.in_band + self.early_stop + self.short_at_limit + self.beyond


def length_shares(windows: Sequence[Lengths], min_share: float) -> LengthShares:
    """Output length: how many replies have the length that was asked for.

    The tasks ask for more words than the limit of tokens lets through, so that a reply ends at the limit. The
    band is from ``min_share`` of the limit to the limit / ``min_share``. Below it a reply *ended early* (its
    finish says that the model stopped) or is *short at the limit* (its finish says that the tokens ran out,
    and they had not). A reply outside the band stays a success and its times stay in every figure: they are
    what a reader saw. So its share stands beside them, for a shorter reply has a shorter E2E latency.
    ``wrong_length`` is an outcome of imports alone, where the source classed its requests so.
    """
    parts = [_bands(window, min_share) for window in windows]
    return LengthShares(
        in_band=sum(int(band.sum()) for band, _, _ in parts),
        early_stop=sum(
            int((short & ~w.at_limit).sum()) for w, (_, short, _) in zip(windows, parts, strict=True)
        ),
        short_at_limit=sum(
            int((short & w.at_limit).sum()) for w, (_, short, _) in zip(windows, parts, strict=True)
        ),
        beyond=sum(int(beyond.sum()) for _, _, beyond in parts),
        uncounted=sum(window.uncounted for window in windows),
    )


def out_of_band(window: Lengths, min_share: float) -> list[int]:
    """The numbers of the requests whose replies lie outside the band of :func:`length_shares`."""
    in_band, _, _ = _bands(window, min_share)
    return [int(i) for i in window.i[~in_band]]


def _bands(window: Lengths, min_share: float) -> tuple[Mask, Mask, Mask]:
    short = window.tokens < min_share * window.limit
    beyond = window.tokens * min_share > window.limit
    return ~short & ~beyond, short, beyond


# -- repeats -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Caching:
    """What the repeats of a row's windows show.

    ``ratio``: TTFT of the repeat over that of the first, the typical one over windows (geometric mean), with
    its interval. ``first_ms``, ``again_ms``: medians over pairs. ``said_cached``: pairs of which the provider
    states more cached input tokens at the repeat than at the first; ``said``: pairs for which it states both.
    """

    ratio: stats.Estimate
    first_ms: float
    again_ms: float
    said_cached: int
    said: int

    @property
    def is_shown(self) -> bool:
        """Whether a repeat is answered sooner, beyond the noise between windows."""
        return self.ratio.high is not None and self.ratio.high < 1

    @property
    def words(self) -> str:
        """The finding in words with its figures."""
        head = f"over {self.ratio.n:,} repeats in {self.ratio.windows:,} windows, TTFT was "
        head += f"{self.first_ms:.0f} ms at the first time and {self.again_ms:.0f} ms at the second (medians)"
        if self.ratio.low is None or self.ratio.high is None:
            return f"{head}; whether that is a cache cannot be told: {self.ratio.reason}"
        between = f"the second took {self.ratio.low:.2f} to {self.ratio.high:.2f} times the first"
        verdict = "so repeats are served from a cache" if self.is_shown else "so no cache is seen"
        return f"{head}; {between}, {verdict}"


def caching(windows: Sequence[Answers], *, rules: stats.IntervalRules) -> Caching | Undefined:
    """Caching: TTFT of a text that is sent again against TTFT of its first time, in ``chat-repeats`` windows.

    The window is the unit: the geometric mean of its pairs' ratios, then the mean over windows. Undefined
    where no window holds a pair of which both requests ended well, one after the other, on open connections.
    """
    filled = [window.repeats for window in windows if window.repeats]
    pairs = [pair for window in filled for pair in window]
    if not pairs:
        return Undefined("no text was sent twice, one time after the other had ended")
    ratios = [
        float(np.exp(np.mean([np.log(pair.again_ns / pair.first_ns) for pair in window])))
        for window in filled
    ]
    ratio = stats.mean_estimate(ratios, n=len(pairs), strata=[0] * len(ratios), rules=rules)
    said = [
        (pair.first_cached, pair.again_cached)
        for pair in pairs
        if pair.first_cached is not None and pair.again_cached is not None
    ]
    return Caching(
        ratio=ratio,
        first_ms=stats.quantile([pair.first_ns / 1e6 for pair in pairs], 0.5),
        again_ms=stats.quantile([pair.again_ns / 1e6 for pair in pairs], 0.5),
        said_cached=sum(again > first for first, again in said),
        said=len(said),
    )
