"""Numbers made before are the same numbers, and are made anew where anything they rest on differs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fairlead import estimating, model, ranking, report
from fairlead.cache import Cache
from fairlead.estimating import estimator
from fairlead.ranking import Evidence, Numbers, Sample
from fairlead.windows import Outcome

from .examples import (
    DAY_NS,
    START_UNIX_NS,
    S,
    make_clock,
    make_evidence,
    make_methodology,
    make_provider,
    make_table,
)

NOW = dt.datetime.fromtimestamp(START_UNIX_NS // S, tz=dt.UTC) + dt.timedelta(days=10)
ROUNDS, PROVIDERS = 24, 5  # more windows together than are worth a cache
METHODOLOGY = make_methodology(
    ranking=model.RankingRules(
        metrics=("ttft_p50_ms", "output_speed_p50_tps", "system_throughput_tps"),
        success_rate_min=0.95,
        stale_badge_days=30,
        stale_unranked_days=90,
    )
)
PRICE = {
    "from": "2025-01-01",
    "until": None,
    "input_usd_per_mtok": 0.5,
    "cached_input_usd_per_mtok": None,
    "output_usd_per_mtok": 1.5,
    "source": "https://invented.example/prices",
    "retrieved": "2025-01-01",
}


def windows_of(provider: str, *, seed: int) -> list[Evidence]:
    """A day of rounds, some with failures, each made from a file of its own."""
    rng = np.random.default_rng(seed)
    made = []
    for turn in range(ROUNDS):
        values = rng.lognormal(5, 0.3, 30).tolist()
        table = make_table(
            {"ttft_ms": values, "output_speed_tps": values, "e2e_ms": values},
            failures={Outcome.SERVER_ERROR: 1} if turn % 7 == 3 else None,
            throughput_tps=float(rng.lognormal(6, 0.1)),
            provider=provider,
            endpoint=f"{provider}-api",
            round=f"r{turn:02}",
            clock=make_clock(start_unix_ns=START_UNIX_NS + turn * 3600 * S),
        )
        made_from = hashlib.sha256(f"{provider} {turn}".encode()).digest()
        made.append(dataclasses.replace(make_evidence(table), made_from=made_from))
    return made


NAMES = tuple(f"invented-{number}" for number in range(PROVIDERS))
EVIDENCE = [item for seed, name in enumerate(NAMES) for item in windows_of(name, seed=seed)]


def board(cache: Cache | None, evidence: Sequence[Evidence] = EVIDENCE) -> str:
    """The whole output for machines."""
    rows = ranking.build_rows(
        evidence,
        {name: make_provider(f"{name}-api") for name in NAMES},
        {"1.0.0": METHODOLOGY},
        now_unix_ns=START_UNIX_NS + 10 * DAY_NS,
        estimate=ranking.estimate_each if cache is None else estimator(cache),
    )
    return report.rank_json(rows, NOW)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """The samples whose numbers are made while the test runs."""
    seen: list[Sample] = []

    def watched(samples: Sequence[Sample]) -> list[Numbers]:
        seen.extend(samples)
        return ranking.estimate_each(samples)

    monkeypatch.setattr(estimating, "estimate_each", watched)
    return seen


def test_the_cache_changes_no_byte_of_the_output(tmp_path: Path, made: list[Sample]) -> None:
    cache = Cache(tmp_path)
    fresh = board(None)
    assert '"best": 1' in fresh
    assert board(cache) == fresh
    assert len(made) == PROVIDERS
    assert board(cache) == fresh
    assert len(made) == PROVIDERS  # the second time nothing was


def test_one_other_window_makes_one_row_anew(tmp_path: Path, made: list[Sample]) -> None:
    cache = Cache(tmp_path)
    board(cache)
    made.clear()
    other = windows_of(NAMES[2], seed=99)[5]
    changed = [
        dataclasses.replace(other, made_from=b"other" * 6) if item.path == other.path else item
        for item in EVIDENCE
    ]
    assert board(cache, changed) == board(None, changed) != board(None)
    (sample,) = made
    assert other.table in [item.table for item in sample.windows]


def test_a_window_that_no_longer_counts_makes_its_row_anew(tmp_path: Path, made: list[Sample]) -> None:
    cache = Cache(tmp_path)
    board(cache)
    made.clear()
    changed = [dataclasses.replace(EVIDENCE[0], invalid=("cut off",)), *EVIDENCE[1:]]
    assert board(cache, changed) == board(None, changed)
    assert len(made) == 1


def samples_of(rounds: int = ROUNDS) -> list[Sample]:
    prices = (msgspec.convert(PRICE, model.Price),)
    windows = [tuple(windows_of(name, seed=seed)[:rounds]) for seed, name in enumerate(NAMES)]
    return [Sample(each, ranking.INTERVALS, 86_400, prices, ("ttft_p50_ms",)) for each in windows]


@pytest.mark.parametrize(
    "changes",
    [
        {"prices": ()},
        {"day_seconds": 60},
        {"ranked": ("ttft_p50_ms", "e2e_p50_ms")},
        {"rules": dataclasses.replace(ranking.INTERVALS, confidence=0.9)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_else_a_number_depends_on_makes_it_anew(
    changes: dict[str, object], tmp_path: Path, made: list[Sample]
) -> None:
    estimate = estimator(Cache(tmp_path))
    estimate(samples_of())
    made.clear()
    changed = [dataclasses.replace(sample, **changes) for sample in samples_of()]  # type: ignore[arg-type]
    assert repr(estimate(changed)) == repr(ranking.estimate_each(changed))
    assert len(made) == PROVIDERS


def test_a_window_of_unknown_making_is_never_remembered(tmp_path: Path, made: list[Sample]) -> None:
    cache = Cache(tmp_path)
    unknown = [dataclasses.replace(item, made_from=None) for item in EVIDENCE]
    assert board(cache, unknown) == board(cache, unknown) == board(None)
    assert len(made) == 2 * PROVIDERS


def test_a_few_windows_are_not_worth_a_cache(tmp_path: Path) -> None:
    few = samples_of(rounds=2)
    assert estimator(Cache(tmp_path / "cache"))(few) == ranking.estimate_each(few)
    assert not (tmp_path / "cache").exists()


def test_an_entry_that_is_no_number_is_made_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    fresh = board(cache)
    keys = {key for path in cache.folder.iterdir() for key in cache._read(path.name)}
    assert len(keys) == PROVIDERS
    cache.keep(dict.fromkeys(keys, b"\x80"), used=keys)
    assert board(cache) == fresh
