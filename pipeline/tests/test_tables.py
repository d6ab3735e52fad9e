"""Tables are the same from this process, from others and from the cache; and no change of a file gets by."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import os
import pickle
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead import evidence, metrics, repository, tables, usage
from fairlead.cache import Cache
from fairlead.checks import run_checks
from fairlead.cost import NoCost
from fairlead.metrics import Undefined
from fairlead.problems import Problem
from fairlead.ranking import Evidence
from fairlead.repository import load_repository

from .examples import STEADY_RULES, make_failure, make_load, make_request, make_tokens, make_window

SIZE = 4  # provider-months: 96 windows, the fewest that are worth other processes
NOW = dt.datetime(2027, 2, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of the benchmark's own generator. Its processes find it by the path that they are given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
        root: Path = (
            importlib.import_module("months").make_root(tmp_path_factory.mktemp("months"), SIZE, cores=2).root
        )
        sys.modules.pop("months")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


def load(root: Path, cache: Cache | None = None) -> tuple[list[Evidence], list[Problem]]:
    found, problems = load_repository(root)
    assert problems == []
    return evidence.load_evidence(found, cache)


def test_the_root_of_the_benchmark_passes_every_check(made: Path) -> None:
    assert run_checks(made, now=NOW) == []


def test_other_processes_and_the_cache_give_the_same(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    cold, warm = load(root, cache), load(root, cache)
    monkeypatch.setattr(tables, "POOL_MIN_FILES", 1000)
    assert cold == warm == load(root)
    assert len(cold[0]) == SIZE * 24
    assert cold[1] == []


def by_others(batches: Iterable[tables.Batch], rules: tables.RulesByVersion) -> Iterator[list[tables.Made]]:
    """Other machines: nothing of the root reaches them but what is sent."""
    for batch in batches:
        sent = pickle.loads(pickle.dumps((batch, rules)))
        yield pickle.loads(pickle.dumps(tables.make_tables(*sent)))


def test_what_other_machines_make_is_the_same_and_so_is_what_is_kept(root: Path, tmp_path: Path) -> None:
    found, _ = load_repository(root)
    victim = next(iter(root.glob("submissions/**/windows/*.gz")))
    victim.write_bytes(victim.read_bytes()[:-1])
    kept: list[dict[str, bytes]] = []
    rows = []
    for name, makers in (("here", None), ("there", by_others)):
        cache = Cache(tmp_path / name)
        rows.append(evidence.load_evidence(found, cache, makers))
        folders = {"tables": Cache(tmp_path / name / "tables"), "briefs": Cache(tmp_path / name / "briefs")}
        items, problems, _ = evidence.load_briefly(found, **folders, makers=makers)
        rows.append(([dataclasses.replace(one, read=one.read()) for one in items], problems))
        kept.append(
            {
                str(path.relative_to(tmp_path / name)): path.read_bytes()
                for path in (tmp_path / name).rglob("*")
                if path.is_file()
            }
        )
    assert rows[0] == rows[2]
    assert rows[1] == rows[3]
    assert [problem.code for problem in rows[3][1]] == ["SUB007"]
    assert kept[0] == kept[1]
    assert len(kept[0]) > 10


def test_the_tables_that_wait_to_be_kept_do_not_grow_with_the_windows(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of one file of the cache, wherever they are made and whoever asks for them."""
    found, _ = load_repository(root)
    waited: list[int] = []
    keep = Cache.keep

    def counted(self: Cache, new: dict[bytes, bytes], *, used: set[bytes]) -> None:
        if self.folder.name == "tables":
            assert len({self.file_of(key) for key in new}) <= 1
            waited.append(len(new))
        keep(self, new, used=used)

    monkeypatch.setattr(Cache, "keep", counted)
    for name, makers in (("here", None), ("there", by_others)):
        evidence.load_evidence(found, Cache(tmp_path / name / "tables"), makers)
        folders = {"tables": Cache(tmp_path / f"{name} too/tables"), "briefs": Cache(tmp_path / name)}
        evidence.load_briefly(found, **folders, makers=makers)
    assert sum(waited) == 4 * sum(len(manifest.windows) for manifest in found.manifests())


def test_a_known_table_is_not_made_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache")
    cold = load(root, cache)
    monkeypatch.delattr(tables, "tabulate")
    assert load(root, cache) == cold


@pytest.mark.parametrize("cores", [1, 2])
def test_a_window_that_changed_is_refused_although_its_table_is_known(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    """Same size, same time stamp, one bit: only the bytes themselves tell, whoever reads them."""
    monkeypatch.setattr(tables, "permitted_cores", lambda: cores)
    cache = Cache(tmp_path / "cache")
    load(root, cache)
    path = sorted(root.glob("submissions/neutral/*/windows/*"))[7]
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    os_times = (before.st_atime_ns, before.st_mtime_ns)
    os.utime(path, ns=os_times)
    found, problems = load(root, cache)
    assert len(found) == SIZE * 24 - 1
    assert [(problem.code, problem.path) for problem in problems] == [("SUB007", str(path.relative_to(root)))]


def test_a_poisoned_entry_is_made_anew(root: Path, tmp_path: Path) -> None:
    """Its file is whole and says that this code made it; its bytes are no table."""
    cache = Cache(tmp_path / "cache")
    cold = load(root, cache)
    kept = list(cache.folder.iterdir())
    keys = {key for path in kept for key in cache._read(path.name)}
    cache.keep(dict.fromkeys(keys, b"\x80"), used=keys)
    assert load(root, cache) == cold
    assert load(root, cache) == cold


def test_other_rules_make_other_tables(root: Path, tmp_path: Path) -> None:
    """A figure that a limit decides is never read back from under another limit."""
    cache = Cache(tmp_path / "cache")
    load(root, cache)
    found, _ = load_repository(root)
    stricter = {
        version: msgspec.structs.replace(
            methodology, window=msgspec.structs.replace(methodology.window, requests_min=31)
        )
        for version, methodology in found.methodologies.items()
    }
    again, _ = evidence.load_evidence(dataclasses.replace(found, methodologies=stricter), cache)
    assert all(isinstance(item.table.throughput_tps, Undefined) for item in again)


def test_whatever_a_table_holds_comes_back() -> None:
    """Each kind of value, undefined ones too, is the same after it was bytes."""
    counted = make_request(tokens=make_tokens(counted=4, usage_output=9, usage_input=5))
    open_load = make_load(kind="open", concurrency=None, rate_per_s=2.0, arrivals="poisson")
    for window in (
        make_window([counted] * 30, tokenizer_sha256="0" * 64),
        make_window([counted, make_failure(i=1)]),
        make_window([make_request(scheduled_ns=1, sent_ns=2)], load=open_load),
        make_window([]),
    ):
        made = tables.Tabulated(metrics.tabulate(window, STEADY_RULES), usage.examine(window, 0.05))
        back = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=tables.Tabulated)
        assert back == made
        assert repr(back.table.values) == repr(made.table.values)
    assert isinstance(made.table.throughput_tps, Undefined)
    assert not isinstance(made.table.bill, NoCost)


# -- validated YAML ------------------------------------------------------------------------------


def test_yaml_that_was_valid_is_not_validated_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "CACHE_MIN_BYTES", 0)
    cache = Cache(tmp_path / "cache")
    fresh = load_repository(root)
    assert load_repository(root, cache) == fresh
    with monkeypatch.context() as patch:
        patch.delattr(repository, "schema_problems")
        known = load_repository(root, cache)
    assert known[0].rounds == fresh[0].rounds
    assert known == fresh  # documents too: they are read when somebody looks


def test_yaml_with_a_fault_is_read_anew_each_time(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "CACHE_MIN_BYTES", 0)
    cache = Cache(tmp_path / "cache")
    load_repository(root, cache)
    path = root / "providers/invented-001.yaml"
    path.write_text(path.read_text().replace("status: active", "status: live"))
    expected = load_repository(root)
    assert [problem.code for problem in expected[1]] == ["SCH004"]
    assert load_repository(root, cache) == load_repository(root, cache) == expected
