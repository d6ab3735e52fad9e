"""Windows whose tables lie on the disk give the same rows, whatever happens to what is kept."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from fairlead import depot, evidence, ranking, report, tables
from fairlead.cache import Cache
from fairlead.depot import Stored
from fairlead.estimating import estimator
from fairlead.problems import Problem
from fairlead.ranking import Evidence, Held
from fairlead.repository import load_repository

SIZE = 4  # provider-months: 96 windows, the fewest that are worth other processes
NOW = dt.datetime(2027, 2, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of the benchmark's own generator, with three requests a window."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
        months = importlib.import_module("months")
        root: Path = months.make_root(tmp_path_factory.mktemp("months"), SIZE, cores=2, requests=3).root
        sys.modules.pop("months")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: what other processes give is in the tests of tables."""
    monkeypatch.setattr(tables, "permitted_cores", lambda: 1)


def briefly(root: Path, kept: Path) -> tuple[list[Evidence], list[Problem], ranking.Fetch]:
    repository, problems = load_repository(root)
    assert problems == []
    return evidence.load_briefly(repository, tables=Cache(kept / "windows"), briefs=Cache(kept / "briefs"))


def board(root: Path, kept: Path | None) -> str:
    """The whole output for machines: in little memory, or with every table in memory and nothing kept."""
    repository, _ = load_repository(root)
    if kept is None:
        (items, problems), estimate = evidence.load_evidence(repository), ranking.estimate_each
    else:
        items, problems, fetch = briefly(root, kept)
        estimate = estimator(Cache(kept / "figures"), fetch)
    assert problems == []
    rows = ranking.build_rows(
        items,
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(NOW.timestamp()) * 10**9,
        estimate=estimate,
    )
    return report.rank_json(rows, NOW)


def test_briefs_give_the_same_rows_cold_again_and_after_a_change(root: Path, tmp_path: Path) -> None:
    kept, fresh = tmp_path / "kept", board(root, None)
    assert '"best": 1' in fresh
    assert board(root, kept) == fresh
    assert board(root, kept) == fresh
    provider = root / "providers/invented-001.yaml"
    provider.write_text(provider.read_text().replace("output_usd_per_mtok: 1.5", "output_usd_per_mtok: 2.5"))
    assert board(root, kept) == board(root, None) != fresh


@pytest.mark.parametrize("lost", ["windows", "briefs", "figures"])
def test_whatever_part_of_what_is_kept_is_lost_the_rows_are_the_same(
    root: Path, tmp_path: Path, lost: str
) -> None:
    kept, fresh = tmp_path / "kept", board(root, None)
    board(root, kept)
    shutil.rmtree(kept / lost)
    shutil.rmtree(kept / "figures", ignore_errors=True)
    assert board(root, kept) == fresh


def test_a_table_is_read_only_where_a_number_is_made(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    fresh = board(root, kept)
    monkeypatch.setattr(depot.Depot, "table", _never)
    monkeypatch.setattr(depot, "tabulate_file", _never)
    assert board(root, kept) == fresh


def _never(*_: object) -> object:
    raise AssertionError("nothing asks for it")


def test_few_windows_are_held_in_memory(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "POOL_MIN_FILES", 1000)
    items, _, _ = briefly(root, tmp_path / "kept")
    assert all(isinstance(item.read, Held) for item in items)
    assert not (tmp_path / "kept").exists()


def test_a_table_on_the_disk_is_the_one_in_memory(root: Path, tmp_path: Path) -> None:
    """From this run, from an earlier one, and where nothing of it is kept."""
    repository, _ = load_repository(root)
    held, _ = evidence.load_evidence(repository)
    for prepare in (_nothing, _nothing, lambda kept: shutil.rmtree(kept / "windows")):
        prepare(tmp_path / "kept")
        items, _, fetch = briefly(root, tmp_path / "kept")
        fetch(items[::2])
        assert all(isinstance(item.read, Stored) for item in items)
        assert [item.table for item in items] == [item.table for item in held]
        assert [item.head for item in items] == [item.head for item in held]


_nothing: Callable[[Path], None] = lambda _: None  # noqa: E731


def test_a_window_that_changed_is_refused_although_its_brief_is_known(root: Path, tmp_path: Path) -> None:
    briefly(root, tmp_path)
    path = sorted(root.glob("submissions/neutral/*/windows/*"))[7]
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    items, problems, _ = briefly(root, tmp_path)
    assert len(items) == SIZE * 24 - 1
    assert [(problem.code, problem.path) for problem in problems] == [("SUB007", str(path.relative_to(root)))]


@pytest.mark.parametrize("what", ["windows", "briefs"])
def test_a_poisoned_entry_is_made_anew(root: Path, tmp_path: Path, what: str) -> None:
    fresh = board(root, tmp_path)
    cache = Cache(tmp_path / what)
    keys = {key for path in cache.folder.iterdir() for key in cache._read(path.name)}
    cache.keep(dict.fromkeys(keys, b"\x80"), used=keys)
    shutil.rmtree(tmp_path / "figures")
    assert board(root, tmp_path) == fresh


def test_another_limit_makes_other_briefs_and_no_table(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a window is held against is part of what its brief is made from."""
    briefly(root, tmp_path)
    repository, _ = load_repository(root)
    stricter = {
        version: msgspec.structs.replace(each, limits=msgspec.structs.replace(each.limits, lag_p99_ms=0.001))
        for version, each in repository.methodologies.items()
    }
    monkeypatch.setattr(depot, "tabulate_file", _never)  # a table depends on no limit
    items, _, _ = evidence.load_briefly(
        dataclasses.replace(repository, methodologies=stricter),
        tables=Cache(tmp_path / "windows"),
        briefs=Cache(tmp_path / "briefs"),
    )
    assert all(any("our own lag" in reason for reason in item.invalid) for item in items)


def test_a_table_that_is_known_is_not_made_again_for_its_brief(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made it: a run that holds every table in memory keeps them for one that does not."""
    repository, _ = load_repository(root)
    held, _ = evidence.load_evidence(repository, Cache(tmp_path / "windows"))
    monkeypatch.setattr(depot, "tabulate_file", _never)
    for _ in range(2):
        items, problems, fetch = briefly(root, tmp_path)
        assert problems == []
        fetch(items)
        assert [(item.head, item.invalid, item.usage, item.table) for item in items] == [
            (item.head, item.invalid, item.usage, item.table) for item in held
        ]
        monkeypatch.setattr(depot.Depot, "_judge", lambda *_: None)  # the briefs are kept


def test_a_changed_window_is_refused_although_its_table_is_known(root: Path, tmp_path: Path) -> None:
    """Also where no brief of it is."""
    briefly(root, tmp_path)
    shutil.rmtree(tmp_path / "briefs")
    path = sorted(root.glob("submissions/neutral/*/windows/*"))[7]
    path.write_bytes(path.read_bytes()[:-1])
    items, problems, _ = briefly(root, tmp_path)
    assert len(items) == SIZE * 24 - 1
    assert [(problem.code, problem.path) for problem in problems] == [("SUB007", str(path.relative_to(root)))]


def test_other_machines_have_nothing_to_make_without_a_methodology(root: Path, tmp_path: Path) -> None:
    """The root lacks what every number is made by, whoever makes it."""
    repository, _ = load_repository(root)
    items, problems, _ = evidence.load_briefly(
        dataclasses.replace(repository, methodologies={}),
        tables=Cache(tmp_path / "windows"),
        briefs=Cache(tmp_path / "briefs"),
        makers=lambda batches, rules: iter(()),
    )
    assert items == []
    assert [problem.code for problem in problems] == ["TREE007"]


def test_a_folder_that_cannot_be_written_costs_time_and_no_number(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("a file where a folder should be")
    assert board(root, kept) == board(root, None)
