"""Flat tables: the same numbers as the rows, the same bytes each time, and no formula in them."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.cache import Cache
from fairlead.csvtext import csv_field, csv_text, formulas
from fairlead.documents import Unreadable
from fairlead.publish import exports
from fairlead.publish.edition import Edition
from fairlead.repository import Repository

from .publish_example import COMMIT, HOSTILE, NOW, load, tree_digest, write_root


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    root = tmp_path_factory.mktemp("exports")
    write_root(root)
    repository, rows = load(root)
    return Edition(repository, rows, NOW, COMMIT, {})


@pytest.fixture(scope="module")
def folder(edition: Edition, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tables")
    exports.write(edition, out)
    return out


def test_every_published_number_is_a_line(edition: Edition, folder: Path) -> None:
    """Value, interval, n, rank range and reason, unrounded; CSV and Parquet say the same."""
    table = pq.read_table(folder / "tables" / "figures.parquet").to_pylist()
    found = {(line["row"], line["figure"]): line for line in table}
    assert len(found) == len(table) == sum(len(row.figures) for row in edition.rows)
    for row in edition.rows:
        for name, estimate in row.figures.items():
            line, rank = found[row.id, name], row.ranks.get(name)
            ends = (estimate.value, estimate.low, estimate.high, estimate.n)
            assert (line["value"], line["low"], line["high"], line["n"]) == ends
            assert line["rank_best"] == (rank.best if rank else None)
            assert line["state"].startswith("not ranked: ") == bool(row.unranked)
    with (folder / "tables" / "figures.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    shown = [None if line["value"] == "" else float(line["value"]) for line in lines]
    assert shown == [line["value"] for line in table]


def test_every_request_is_a_line_and_its_numbers_are_those_behind_the_rows(
    edition: Edition, folder: Path
) -> None:
    """From the Parquet files alone comes each window's TTFT, request by request; failures have none."""
    found: dict[str, list[dict[str, object]]] = {}
    for path in (folder / "tables" / "requests").rglob("*.parquet"):
        for line in pq.read_table(path).to_pylist():
            found.setdefault(line["path"], []).append(line)
    assert found.keys() == edition.evidence.keys()
    for path, lines in found.items():
        table = edition.evidence[path].table
        good = [line["ttft_ms"] for line in lines if line["ttft_ms"] is not None]
        assert tuple(good) == table.values["ttft_ms"]
        assert all(line["ttft_ms"] is None for line in lines if line["outcome"] != "ok")
        assert len(lines) == sum(table.outcomes.values())


def test_the_index_names_every_file_and_column_with_their_description(edition: Edition, folder: Path) -> None:
    """What tables.json says of a file is in it, also inside each Parquet file."""
    data = exports.tables_data(edition)
    listed = {entry["path"] for table in data["tables"] for entry in table["files"]}
    assert listed == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for table in data["tables"]:
        for entry in table["files"]:
            if entry["path"].endswith(".parquet"):
                schema = pq.read_schema(folder / entry["path"])
                said = {field.name: field.metadata[b"description"].decode() for field in schema}
                assert said == {column["name"]: column["description"] for column in table["columns"]}
                assert pq.read_metadata(folder / entry["path"]).num_rows == entry["lines"]


def test_names_that_end_in_a_unit_are_described_in_it() -> None:
    """ns, ms and tokens a second are said where the name promises them."""
    words = {"_ns": "ns", "_ms": "ms", "_tps": "tokens a second", "_rate": "share"}
    for record in exports.TABLES.values():
        for column in exports.columns(record):
            for ending, word in words.items():
                assert not column.name.endswith(ending) or word in column.description, column


def test_the_same_edition_gives_the_same_bytes(edition: Edition, folder: Path, tmp_path: Path) -> None:
    """Another folder and another order of the rows change nothing; no file holds the time or the place."""
    turned = dataclasses.replace(edition, rows=tuple(reversed(edition.rows)))
    exports.write(turned, tmp_path)
    assert tree_digest(tmp_path) == tree_digest(folder)
    for path in folder.rglob("*.parquet"):
        assert str(edition.repository.root).encode() not in path.read_bytes()


def test_requests_that_were_tabled_before_are_taken_from_the_cache(
    edition: Edition, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time no raw file is read, and the bytes are the same; a damaged entry is as good as none."""
    cache = Cache(tmp_path / "cache", is_large=True)
    exports.write(edition, tmp_path / "first", cache=cache)
    entries = sorted(cache.folder.iterdir())
    assert len(entries) == len(edition.folders) == 2
    read: list[str] = []

    def observed(repository: Repository, path: str) -> bytes:
        read.append(path)
        return repository.root.joinpath(path).read_bytes()

    monkeypatch.setattr(Repository, "read_raw", observed)
    exports.write(edition, tmp_path / "second", cache=cache)
    assert read == []
    data = bytearray(entries[0].read_bytes())
    data[-1] ^= 1
    entries[0].write_bytes(data)
    exports.write(edition, tmp_path / "third", cache=cache)
    assert len({path.rsplit("/", 2)[0] for path in read}) == 1
    digests = {tree_digest(tmp_path / name) for name in ("first", "second", "third")}
    assert digests == {tree_digest(folder)}
    read.clear()
    exports.write(edition, tmp_path / "fourth", cache=cache)
    assert read == []


def test_another_byte_in_a_manifest_makes_the_table_anew(edition: Edition, tmp_path: Path) -> None:
    """What the files are is in the key; who lists other bytes than are there gets no table."""
    cache = Cache(tmp_path / "cache", is_large=True)
    exports.write(edition, tmp_path / "first", cache=cache)
    name, submission = next(iter(edition.repository.submissions.items()))
    (listed,) = submission.windows
    other = msgspec.structs.replace(submission, windows=(msgspec.structs.replace(listed, sha256="0" * 64),))
    repository = dataclasses.replace(edition.repository, submissions={name: other})
    with pytest.raises(Unreadable, match=f"{name}/{listed.file}: its bytes are not those"):
        exports.write(dataclasses.replace(edition, repository=repository), tmp_path / "second", cache=cache)


def test_a_hostile_text_is_no_formula_in_any_file(folder: Path) -> None:
    """Nor in the tables that the example's hostile provider is in."""
    for path in folder.rglob("*.csv"):
        assert formulas(path.read_text("utf-8")) == []
    assert formulas(csv_text(["a"], [[HOSTILE], ["=1+1"], ["\t=1"], ["＝1"], ["-2+3"]])) == []


@given(st.lists(st.one_of(st.text(), st.none(), st.integers(), st.floats(allow_nan=False))))
def test_a_field_comes_back_and_is_never_a_formula(values: list[str | float | None]) -> None:
    """Any text, read by a program, is itself or itself behind an apostrophe; a number is a number."""
    text = csv_text(["head", *("other" for _ in values)], [["x", *values]])
    (line,) = list(csv.reader(io.StringIO(text, newline="")))[1:]
    for value, found in zip(["x", *values], line, strict=True):
        if isinstance(value, str):
            assert found in (value, f"'{value}")
            assert not found.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
        elif value is not None:
            assert json.loads(found.replace("inf", "Infinity")) == value
    assert [field for field in formulas(text) if "inf" not in field] == []


def test_what_a_spreadsheet_runs_is_found_in_a_strangers_table() -> None:
    """A number with a sign is none; a cell that begins with what begins a formula is one."""
    assert formulas('a,-1.5,-2e-05,"\'=1"\r\n') == []
    assert formulas('a,"=1",@x,"\t1", -x\r\n') == ["=1", "@x", "\t1", " -x"]
    assert csv_field(value=True) == "true"
