"""The board as frames and as files: what the site publishes, in the same columns, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import fairlead
from fairlead import metrics, scaffold
from fairlead.cli import cli
from fairlead.cli.common import board_rows
from fairlead.frames import Board, BoardError
from fairlead.publish import exports
from fairlead.repository import load_repository

from . import roots

CHECKOUT = Path(__file__).parents[2]
NOW = roots.NOW


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a claim, its rerun, neutral rounds and an import."""
    return roots.build_root(tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="module")
def board(root: Path) -> Board:
    return fairlead.load(root, now=NOW)


def test_importing_the_package_loads_neither_pandas_nor_the_board() -> None:
    code = (
        "import fairlead, sys; print([m for m in ('pandas', 'numpy', 'fairlead.frames') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_rows_are_those_of_the_board_with_every_figure_in_a_column(board: Board, root: Path) -> None:
    rows = board_rows(load_repository(root)[0], NOW, with_cache=False)
    assert list(board.rows["row"]) == sorted(row.id for row in rows)
    by_id = board.rows.set_index("row")
    for row in rows:
        for name, estimate in row.figures.items():
            value = by_id.loc[row.id, name]
            assert (None if pd.isna(value) else value) == estimate.value


def test_frames_have_the_columns_of_the_published_tables_and_say_what_they_are(board: Board) -> None:
    for frame, record in (
        (board.figures, exports.FigureRecord),
        (board.windows, exports.WindowRecord),
        (board.requests(), exports.RequestRecord),
    ):
        columns = exports.columns(record)
        assert list(frame.columns) == [column.name for column in columns]
        assert frame.attrs["columns"] == {column.name: column.description for column in columns}


def test_requests_are_read_for_the_windows_that_are_chosen(board: Board) -> None:
    chosen = board.windows.head(1)
    requests = board.requests(chosen)
    window = board.raw(str(chosen.iloc[0]["path"]))
    assert list(requests["i"]) == [request.i for request in window.requests]
    assert set(requests["path"]) == set(chosen["path"])
    for request, ttft_ms in zip(window.requests, requests["ttft_ms"], strict=True):
        value = metrics.ttft_ns(request, window.header.load.kind)
        assert (None if pd.isna(ttft_ms) else ttft_ms) == (None if value is None else value * 1e-6)
    assert (
        len(board.requests())
        == board.windows.drop_duplicates("path")["path"].map(lambda path: len(board.raw(path).requests)).sum()
    )


def test_whole_numbers_with_gaps_stay_whole(board: Board) -> None:
    requests = board.requests()
    assert str(requests["sent_ns"].dtype) == "Int64"
    assert requests["sent_ns"].isna().any()  # imported requests have no stamp, and no zero instead


def test_a_root_without_a_row_has_every_column_and_no_line(tmp_path: Path, board: Board) -> None:
    assert scaffold.create_root(tmp_path / "new").problems == ()
    empty = fairlead.load(tmp_path / "new", now=NOW)
    for name in ("rows", "figures", "windows"):
        assert list(getattr(empty, name).columns) == list(getattr(board, name).columns)
        assert len(getattr(empty, name)) == 0
    assert len(empty.requests()) == 0


def test_a_path_that_is_no_window_is_a_key_error(board: Board) -> None:
    with pytest.raises(KeyError):
        board.raw("submissions/../../etc/passwd")
    with pytest.raises(KeyError):
        board.requests(pd.DataFrame({"path": ["nowhere"]}))


def test_a_folder_that_is_no_root_and_data_that_is_broken_are_said(tmp_path: Path, root: Path) -> None:
    with pytest.raises(BoardError, match="is no root"):
        fairlead.load(tmp_path)
    broken = Path(shutil.copytree(root, tmp_path / "broken"))
    (broken / "methodology" / "models.yaml").write_text("schema_version: yes\n")
    with pytest.raises(BoardError, match=r"models\.yaml") as caught:
        fairlead.load(broken)
    assert caught.value.problems


def test_a_raw_file_that_changed_since_is_never_read_as_if_it_had_not(tmp_path: Path, root: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    board = fairlead.load(copy, now=NOW)
    path = str(board.windows.iloc[0]["path"])
    (copy / path).write_bytes(b"")
    with pytest.raises(BoardError, match="was changed"):
        board.raw(path)


# -- files ---------------------------------------------------------------------------------------


def export(out: Path, root: Path, *words: str) -> Any:
    os.environ["SOURCE_DATE_EPOCH"] = str(int(NOW.timestamp()))
    try:
        return CliRunner().invoke(cli, ["export", str(out), "--root", str(root), *words])
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]


def test_parquet_and_csv_hold_what_the_frames_hold(tmp_path: Path, root: Path, board: Board) -> None:
    assert export(tmp_path / "parquet", root).exit_code == 0
    assert export(tmp_path / "csv", root, "--format", "csv").exit_code == 0
    for name in ("figures", "windows"):
        frame: pd.DataFrame = getattr(board, name)
        stored = pd.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        text = pd.read_csv(tmp_path / "csv" / f"{name}.csv", keep_default_na=False, na_values=[""])
        assert list(stored.columns) == list(text.columns) == list(frame.columns)
        assert len(stored) == len(text) == len(frame)
        for column in frame.select_dtypes("number"):
            assert stored[column].isna().tolist() == frame[column].isna().tolist()
            assert stored[column].dropna().tolist() == frame[column].dropna().tolist()
    files = sorted((tmp_path / "parquet" / "requests").rglob("*.parquet"))
    assert sum(len(pd.read_parquet(file)) for file in files) == len(board.requests())


def test_an_export_is_the_same_bytes_each_time(tmp_path: Path, root: Path) -> None:
    for name in ("a", "b"):
        export(tmp_path / name, root)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert files
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_one_model_is_exported_alone_and_an_unknown_one_is_named(tmp_path: Path, root: Path) -> None:
    model = pd.read_csv(_csv(tmp_path / "all", root))["model"].iloc[0]
    export(tmp_path / "one", root, "--format", "csv", "--model", model)
    assert set(pd.read_csv(tmp_path / "one" / "figures.csv")["model"]) == {model}
    refused = export(tmp_path / "none", root, "--model", "no-such-model")
    assert (refused.exit_code, (tmp_path / "none").exists()) == (2, False)
    assert model in refused.output


def _csv(out: Path, root: Path) -> Path:
    export(out, root, "--format", "csv")
    return out / "figures.csv"


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path, root: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    assert export(tmp_path, root).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


# -- the walk-through ----------------------------------------------------------------------------


def test_the_walk_through_of_the_page_runs_as_it_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every Python block of the page, one after another, in a clone of the board."""
    page = (CHECKOUT / "site" / "content" / "python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 7
    monkeypatch.chdir(CHECKOUT)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "python.md", "exec"), names)
    assert len(names["requests"]) > 0 < len(names["gaps_ms"])
    assert len(names["width"]) > 0
    assert "neutral rows of" in capsys.readouterr().out
