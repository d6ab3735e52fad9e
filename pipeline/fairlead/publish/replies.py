"""How long a whole reply of so many tokens would take, from measured requests. Ranks nothing.

An estimate for a reader's own workload, and no figure of the board: each request's TTFT + (tokens - 1) x
its own TPOT, as if it had gone on at the pace it had. Its quantiles and their intervals are made as those
of every latency are, so slow starts and slow paces that come together are counted together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairlead import ranking, stats
from fairlead.metrics import WindowTable
from fairlead.profile import hour_of_day
from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, tag
from fairlead.ranking import Evidence, Row
from fairlead.stats import Estimate, IntervalRules

TOKENS = tuple(2**power for power in range(12))  # a reader's script draws straight lines between them
SHOWN = (1, 32, 128, 512, 2048)  # in words
LEVELS = {"p50": 0.50, "p95": 0.95}


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """A reply of ``tokens`` tokens, in ms, by the names of :data:`LEVELS`."""

    tokens: int
    latency_ms: dict[str, Estimate]


def replies(edition: Edition, row: Row) -> Sequence[Reply]:
    """A reply of each length of :data:`TOKENS`; nothing where the windows do not pair TTFT with TPOT."""
    methodology = ranking.methodology_of(edition.repository.methodologies, row.family.methodology)
    given = (methodology.day_seconds, ranking.interval_rules(methodology))
    return edition.kept.made_of(_replies, row.valid, given)


def _replies(windows: Sequence[Evidence], given: tuple[int, IntervalRules]) -> list[Reply]:
    day_seconds, rules = given
    tables = [item.table for item in windows]
    pairs = [pair for table in tables if (pair := pairs_of(table)) is not None]
    if not tables or len(pairs) < len(tables):
        return []
    made = []
    for tokens in TOKENS:
        found = stats.quantile_estimates(
            [ttft + (tokens - 1) * tpot for ttft, tpot in pairs],
            list(LEVELS.values()),
            strata=[hour_of_day(table.start_unix_ns, day_seconds) for table in tables],
            rules=rules,
            attempts=[table.requests for table in tables],
        )
        made.append(Reply(tokens, dict(zip(LEVELS, found, strict=True))))
    return made


def pairs_of(table: WindowTable) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """TTFT and TPOT in ms of the requests that have both; None where it is not certain which have.

    A reply that came at once has a TTFT and no TPOT, and is known by an E2E latency that is its TTFT.
    """
    ttft, e2e, tpot = (
        np.asarray(table.values.get(name, ()), dtype=np.float64) for name in ("ttft_ms", "e2e_ms", "tpot_ms")
    )
    if len(ttft) != len(tpot) and len(ttft) == len(e2e):
        ttft = ttft[e2e > ttft]
    return (ttft, tpot) if len(ttft) == len(tpot) else None


def replies_html(edition: Edition, row: Row) -> Html | None:
    """The estimates in words, and in full for the page's script; made once an edition."""
    return edition.once("replies", row, lambda: _html(replies(edition, row)))


def _html(found: Sequence[Reply]) -> Html | None:
    if not found:
        return None
    lacking = dict.fromkeys(
        f"{level} is not given: {estimate.reason}"
        for reply in found
        for level, estimate in reply.latency_ms.items()
        if estimate.value is None and estimate.reason
    )
    note = "Whole replies, estimated: each request's TTFT + (tokens − 1) × its TPOT, in ms"
    words = tag("p", ". ".join([note, *lacking]) + ".", class_="fl-note")
    shown = [_reply(reply) for reply in found if reply.tokens in SHOWN]
    full = ";".join(" ".join((str(reply.tokens), *map(_ends, reply.latency_ms.values()))) for reply in found)
    return markup.join((words, tag("dl", *shown, class_="fl-facts", data_replies=full)))


def _reply(reply: Reply) -> Html:
    p50, p95 = (f"{level} {_words(estimate)}" for level, estimate in reply.latency_ms.items())
    return tag("div", tag("dt", figures.count(reply.tokens, "token")), tag("dd", p50, Html("<br>"), p95))


def _ends(estimate: Estimate) -> str:
    """Value, lower and upper end in ms; a hyphen for what is missing."""
    ends = (estimate.value, estimate.low, estimate.high)
    return " ".join("-" if end is None else f"{end:.4g}" for end in ends)


def _words(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    between = figures.interval("reply_ms", estimate)
    return figures.number(estimate.value) + (f" ({between})" if between else "")
