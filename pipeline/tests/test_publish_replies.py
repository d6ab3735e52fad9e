"""The estimated latency of whole replies: the formula, and when there is none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fairlead.publish.edition import Edition
from fairlead.publish.replies import TOKENS, pairs_of, replies
from fairlead.ranking import Row

from .publish_example import COMMIT, NOW, load, write_root


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    root = tmp_path_factory.mktemp("replies")
    write_root(root)
    repository, rows = load(root)
    return Edition(repository, rows, NOW, COMMIT, {})


def _row(edition: Edition, provider: str) -> Row:
    return next(row for row in edition.rows_where(provider=provider) if row.ranks)


def test_a_reply_of_one_token_takes_as_long_as_the_first_token(edition: Edition) -> None:
    """The board's own TTFT, with its interval and n: no second way of counting."""
    row = _row(edition, "acme")
    first = replies(edition, row)[0]
    assert first.tokens == 1
    assert first.latency_ms["p50"] == row.figures["ttft_p50_ms"]


def test_a_longer_reply_pairs_the_start_and_the_pace_of_one_request(edition: Edition) -> None:
    """The median of TTFT + (tokens - 1) x TPOT, request by request; p95 only of windows enough."""
    row = _row(edition, "cumulus")
    tables = [item.table for item in row.valid]
    ttft, tpot = (np.concatenate([table.values[name] for table in tables]) for name in ("ttft_ms", "tpot_ms"))
    found = replies(edition, row)
    assert tuple(reply.tokens for reply in found) == TOKENS
    for reply in found:
        latency = ttft + (reply.tokens - 1) * tpot
        assert reply.latency_ms["p50"].value == pytest.approx(np.median(latency), rel=0.01)
        assert reply.latency_ms["p95"].value is None
        assert reply.latency_ms["p95"].reason == "8 windows, 12 are needed"


def test_replies_that_came_at_once_are_left_out_and_doubt_gives_nothing(edition: Edition) -> None:
    """A reply without a pace is known by its E2E latency; where that does not tell, there is no pair."""
    table = _row(edition, "acme").evidence[0].table
    at_once = {**table.values, "tpot_ms": table.values["tpot_ms"][1:]}
    assert pairs_of(dataclasses.replace(table, values=at_once)) is None
    ttft = table.values["ttft_ms"]
    at_once["e2e_ms"] = (ttft[0], *table.values["e2e_ms"][1:])
    pairs = pairs_of(dataclasses.replace(table, values=at_once))
    assert pairs is not None
    assert list(pairs[0]) == list(ttft[1:])
    assert list(pairs[1]) == list(table.values["tpot_ms"][1:])
