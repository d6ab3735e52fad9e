"""Laws that every board obeys, whatever was measured."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import given

from fairlead import ranking
from fairlead.ranking import Evidence, Origin, Row
from fairlead.windows import Outcome

from ..examples import (
    DAY_NS,
    START_UNIX_NS,
    make_evidence,
    make_methodology,
    make_provider,
    make_table,
    with_table,
)

NOW = START_UNIX_NS + DAY_NS
NAMES = ("acme", "bolt", "cove", "dune", "east")
LEVELS = st.sampled_from([80.0, 100.0, 101.0, 150.0])
JITTER = st.floats(0.9, 1.1)


def windows_of(name: str, values: Sequence[float | None], **changes: object) -> list[Evidence]:
    """One window a round, five successes at its value; None: the round was missed."""
    return [
        make_evidence(
            make_table({"ttft_ms": [value] * 5}, provider=name, endpoint=f"{name}-api", round=f"r{turn}"),
            **changes,  # type: ignore[arg-type]
        )
        for turn, value in enumerate(values)
        if value is not None
    ]


@st.composite
def boards(draw: st.DrawFn) -> dict[str, list[Evidence]]:
    """Two to five providers over six to ten rounds, some rounds missed."""
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    rounds = draw(st.integers(6, 10))
    board = {}
    for name in names:
        level = draw(LEVELS)
        jitters = draw(st.lists(st.none() | JITTER, min_size=rounds, max_size=rounds))
        board[name] = windows_of(name, [None if jitter is None else level * jitter for jitter in jitters])
    return board


def build(evidence: Sequence[Evidence]) -> tuple[Row, ...]:
    providers = {name: make_provider(f"{name}-api") for name in (*NAMES, "extra")}
    return ranking.build_rows(evidence, providers, {"1.0.0": make_methodology()}, now_unix_ns=NOW)


def flat(board: dict[str, list[Evidence]]) -> list[Evidence]:
    return [item for items in board.values() for item in items]


def ranks(rows: Sequence[Row]) -> dict[str, object]:
    return {row.provider: row.ranks for row in rows if not row.unranked}


@given(boards())
def test_a_range_is_a_range_of_places_that_exist(board: dict[str, list[Evidence]]) -> None:
    """1 <= best <= worst <= of; somebody can be first and somebody last; ids are unique."""
    rows = build(flat(board))
    ranges = [row.ranks["ttft_p50_ms"] for row in rows if row.ranks]
    assert all(1 <= r.best <= r.worst <= r.of == len(ranges) for r in ranges)
    if ranges:
        assert len(ranges) == 1 or min(r.best for r in ranges) < len(ranges)
        assert sum(r.best - 1 for r in ranges) == sum(r.of - r.worst for r in ranges)
    assert len({row.id for row in rows}) == len(rows)


@given(boards(), st.integers(0, 2**32))
def test_the_order_of_the_evidence_does_not_matter(board: dict[str, list[Evidence]], seed: int) -> None:
    evidence = flat(board)
    shuffled = evidence.copy()
    random.Random(seed).shuffle(shuffled)
    assert build(shuffled) == build(evidence)


@given(
    boards(),
    st.sampled_from(
        [
            {"origin": Origin.CLAIM},
            {"origin": Origin.IMPORTED},
            {"invalid": ("the clock stepped",)},
            {"scenario": "chat-c8"},
        ]
    ),
    st.floats(1.0, 1000.0),
)
def test_what_is_not_ranked_here_changes_nobodys_range(
    board: dict[str, list[Evidence]], changes: dict[str, object], level: float
) -> None:
    """A claim, an import, a row without valid windows, a row of another scenario."""
    extra = windows_of("extra", [level + turn for turn in range(10)], **changes)
    before, after = build(flat(board)), build([*flat(board), *extra])
    added = {row.id for row in after} - {row.id for row in before}
    assert [row for row in after if row.id not in added] == list(before)
    assert len(added) == 1


@given(boards(), st.floats(1.0, 1000.0))
def test_a_row_that_failed_too_often_changes_nobodys_range(
    board: dict[str, list[Evidence]], level: float
) -> None:
    extra = [
        with_table(item, dataclasses.replace(item.table, outcomes={Outcome.OK: 5, Outcome.TIMEOUT: 5}))
        for item in windows_of("extra", [level] * 10)
    ]
    assert ranks(build([*flat(board), *extra])) == ranks(build(flat(board)))


@given(boards(), st.sampled_from([2.0**-10, 1e-3, 0.3, 7.0, 1024.0]))
def test_the_unit_of_a_figure_changes_no_range(board: dict[str, list[Evidence]], factor: float) -> None:
    def scaled(item: Evidence) -> Evidence:
        values = {name: tuple(v * factor for v in vs) for name, vs in item.table.values.items()}
        return with_table(item, dataclasses.replace(item.table, values=values))

    assert ranks(build([scaled(item) for item in flat(board)])) == ranks(build(flat(board)))


@given(boards())
def test_names_do_not_rank(board: dict[str, list[Evidence]]) -> None:
    """Providers that swap names swap ranges, and nothing else happens."""
    names = list(board)
    swapped = dict(zip(names, reversed(names), strict=True))
    renamed = [
        make_evidence(
            make_table(
                {"ttft_ms": item.table.values["ttft_ms"]},
                provider=swapped[name],
                endpoint=f"{swapped[name]}-api",
                round=item.table.header.round,
            )
        )
        for name, items in board.items()
        for item in items
    ]
    before, after = ranks(build(flat(board))), ranks(build(renamed))
    assert after == {swapped[name]: value for name, value in before.items()}
