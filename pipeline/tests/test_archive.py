"""Old raw files go to a store and come back by their digest; nothing is lost, and every number stays."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fairlead import archive, checks, documents, evidence, fetched, model, tables
from fairlead.archive.store import Store, object_path
from fairlead.cache import Cache
from fairlead.cli import main
from fairlead.frames import BoardError, load_board
from fairlead.history import EnvironmentProblem
from fairlead.problems import Problem
from fairlead.repository import ARCHIVE_PATH, Repository, load_repository

from . import roots
from . import store_example as example

FOLDERS = (roots.IMPORTED, roots.CLAIM, roots.RERUN, roots.ROUNDS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return roots.build_root(tmp_path / "root")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to archive in."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def load(root: Path) -> Repository:
    found, problems = load_repository(root, fetched=root.parent / "fetched")
    assert problems == []
    return found


def raw_bytes(root: Path) -> dict[str, bytes]:
    """Every raw file in the tree."""
    found = sorted((root / "submissions").rglob("*.gz"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def digests(root: Path) -> dict[str, str]:
    """The digest that a manifest states of each raw file."""
    found = {}
    for each in load(root).manifests():
        found |= {f"{each.folder}/{raw.file}": raw.sha256 for raw in (*each.windows, *each.calibrations)}
    return found


def move_all(root: Path, store: Store) -> None:
    repository = load(root)
    for manifest in archive.due(repository, roots.NOW):
        assert isinstance(archive.move(repository, manifest, store), archive.Moved)


def deep(root: Path, **options: Any) -> list[Problem]:
    """What `check --deep` says."""
    folder = root.parent / "fetched"

    def fetch(stores: Any, files: Mapping[str, model.RawFile]) -> Mapping[str, archive.Fault]:
        return archive.fetch(stores, files, folder)

    return checks.run_checks(root, now=roots.NOW, fetched=folder, fetch=fetch, **options)


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time and a cache of the test's own."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(roots.NOW.timestamp())))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def fairlead(root: Path, *arguments: str) -> Ended:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main([*arguments, "--root", str(root)])
    assert isinstance(ended.value.code, int)
    return Ended(ended.value.code, out.getvalue(), err.getvalue())


# -- moving --------------------------------------------------------------------------------------


def test_what_moved_is_in_the_store_and_said_as_before(root: Path, place: Path) -> None:
    """Each raw file leaves the tree for an object that is named by its digest; no manifest changes a byte."""
    before = raw_bytes(root)
    manifests = {manifest.path: (root / manifest.path).read_bytes() for manifest in load(root).manifests()}
    listed = digests(root)
    move_all(root, Store(place.as_uri()))
    assert raw_bytes(root) == {}
    assert not list((root / "submissions").rglob("windows"))
    for path, data in before.items():
        assert (place / object_path(listed[path])).read_bytes() == data
    assert {path: (root / path).read_bytes() for path in manifests} == manifests
    stated = load(root).archive
    assert stated is not None
    assert stated.stores == (place.as_uri(),)
    assert stated.folders == FOLDERS
    assert set(load(root).archived) == set(before)


def test_only_what_is_old_enough_moves(root: Path) -> None:
    """A folder waits for its newest window, and the days are those of the rules."""
    claimed = next(each for each in load(root).manifests() if each.folder == roots.CLAIM)
    roots.edit(root, f"{roots.GOVERNANCE}/rules.yaml", "after_days: 14", "after_days: 26")
    assert archive.free_on(claimed, 26) == moment("2026-03-31T16:00:00Z")
    repository = load(root)
    found = {each.folder for each in archive.due(repository, moment("2026-03-31T15:59:59Z"))}
    assert found == {roots.IMPORTED}
    found = {each.folder for each in archive.due(repository, moment("2026-03-31T16:00:00Z"))}
    assert found == {roots.IMPORTED, roots.CLAIM}


def test_a_file_that_is_not_as_listed_stays_with_all_of_its_folder(root: Path, place: Path) -> None:
    """What its manifest does not vouch for is not archived under anybody's digest."""
    path = roots.window_of(root, roots.CLAIM)
    (root / path).write_bytes(b"edited")
    before = raw_bytes(root)
    repository = load(root)
    (manifest,) = (each for each in repository.manifests() if each.folder == roots.CLAIM)
    found = archive.move(repository, manifest, Store(place.as_uri()))
    assert isinstance(found, list)
    assert [(problem.code, problem.path) for problem in found] == [("SUB007", path)]
    assert raw_bytes(root) == before
    assert not (root / ARCHIVE_PATH).exists()
    assert not list(place.rglob("*"))


def test_a_store_that_lies_costs_nothing(root: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes everything and gives something else back ends the move before a file is removed."""
    before = raw_bytes(root)
    monkeypatch.setattr("fairlead.archive.store.write_through", lambda path, data: None)
    with pytest.raises(EnvironmentProblem, match="does not give back what was written"):
        move_all(root, Store(place.as_uri()))
    assert raw_bytes(root) == before
    assert not (root / ARCHIVE_PATH).exists()


# -- interrupted ---------------------------------------------------------------------------------


class Stop(BaseException):
    """The moment at which the machine goes down."""


def interrupted(root: Path, store: Store, after: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Move everything, and stop before the step of that number; whether it came so far.

    A step is a write to the store, a reading from it, a writing of the list, or the removal of a file.
    """
    left = [after]

    def counted(real: Any) -> Any:
        def step(*arguments: Any, **options: Any) -> Any:
            if left[0] == 0:
                raise Stop
            left[0] -= 1
            return real(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", counted(Store.write))
        patch.setattr(Store, "read", counted(Store.read))
        patch.setattr(archive, "_note", counted(archive._note))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        try:
            move_all(root, store)
        except Stop:
            return True
    return False


def test_stopped_anywhere_nothing_is_lost_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every single step: each file is whole in the tree or in the store, `check` says nothing worse
    than before, and the same command ends in the same state."""
    whole = roots.build_root(tmp_path / "whole")
    shutil.rmtree(whole / roots.IMPORTED)
    shutil.rmtree(whole / roots.RERUN)
    before = raw_bytes(whole)
    names = digests(whole)
    steps = 0
    while True:
        folder = tmp_path / str(steps)
        root, place = folder / "root", folder / "archive"
        shutil.copytree(whole, root)
        place.mkdir()
        store = Store(place.as_uri())
        if not interrupted(root, store, steps, monkeypatch):
            break
        here = raw_bytes(root)
        for path, data in before.items():
            there = place / object_path(names[path])
            assert here.get(path, data) == data
            assert path in here or there.read_bytes() == data
        assert checks.run_checks(root, now=roots.NOW) == []
        move_all(root, store)
        assert raw_bytes(root) == {}
        assert deep(root) == []
        steps += 1
    assert steps > 3 * len(before)


_DIES = """
import os, signal, sys
from pathlib import Path
from fairlead import archive
from fairlead.archive import store
from fairlead.cli import main

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def half(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[: len(data) // 2])
    die()

real = Path.unlink
def remove_one_and_die(path, *arguments, **options):
    real(path, *arguments, **options)
    if path.suffix == ".gz":
        die()

if sys.argv[1] == "writing":
    store.write_through = half
elif sys.argv[1] == "removing":
    Path.unlink = remove_one_and_die
else:
    archive._note = die
main(sys.argv[2:])
"""


@pytest.mark.parametrize("moment", ["writing", "before the list", "removing"])
def test_a_killed_run_is_gone_on_with(moment: str, root: Path, place: Path) -> None:
    """kill -9 with an object half-written, before the list is written, or among the removals."""
    before = raw_bytes(root)
    arguments = [sys.executable, "-c", _DIES, moment, "archive", str(place), "--root", str(root)]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    here = raw_bytes(root)
    assert len(here) == len(before) - (moment == "removing")
    assert fairlead(root, "check").returncode == 0
    again = fairlead(root, "archive", str(place))
    assert again.returncode == 0, again.stderr
    assert raw_bytes(root) == {}
    assert deep(root) == []
    for data in before.values():
        assert fetched.find(root.parent / "fetched", hashlib.sha256(data).hexdigest()) == data


# -- and back ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with example.s3_server() as address:
        yield address


def test_every_number_stays_and_comes_back_over_s3(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a real S3 server: ranks, explanations and the site's raw files are byte for byte as before.

    Only `check --deep` asks the store; without what it fetched, every other command says what is missing.
    """
    example.lead_to_s3(monkeypatch, server)
    example.empty_bucket()
    shutil.rmtree(root / roots.IMPORTED)  # the audit has something to say of it
    raw = raw_bytes(root)
    ranked = fairlead(root, "rank", "--json").stdout
    row = next(row["id"] for row in json.loads(ranked)["rows"] if "/neutral/" in row["id"])
    explained = fairlead(root, "explain", row).stdout
    moved = fairlead(root, "archive", f"s3://{example.BUCKET}/raw")
    assert moved.returncode == 0, moved.stderr
    assert raw_bytes(root) == {}
    monkeypatch.setenv("AWS_ENDPOINT_URL", example.nobody_listens())
    assert fairlead(root, "check").returncode == 0
    missed = fairlead(root, "rank")
    assert missed.returncode == 1
    assert "error[ARC005]" in missed.stderr
    assert "fairlead check --deep" in missed.stderr
    asked = fairlead(root, "check", "--deep")
    assert asked.returncode == 3
    assert f"reading s3://{example.BUCKET}/raw failed" in asked.stderr
    assert "Traceback" not in asked.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    checked = fairlead(root, "check", "--deep")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", example.nobody_listens())
    assert fairlead(root, "rank", "--json").stdout == ranked
    assert fairlead(root, "explain", row).stdout == explained
    site = root.parent / "site"
    built = fairlead(root, "build", "--out", str(site))
    assert built.returncode == 0, built.stderr
    assert {path: (site / "raw" / path).read_bytes() for path in raw} == raw
    page = (site / roots.ROUNDS / "index.html").read_text()
    assert f"s3://{example.BUCKET}/raw" in (site / "archive" / "index.html").read_text()
    assert "../archive/" in page


def test_readers_of_a_web_server_need_no_key(root: Path, place: Path) -> None:
    """What a maintainer put in a folder, anybody has over http."""
    move_all(root, Store(place.as_uri()))
    with example.web_server(place) as address:
        roots.edit(root, ARCHIVE_PATH, place.as_uri(), address)
        assert deep(root) == []
        assert not archive.fetch([address], load(root).archived, root.parent / "fetched")  # asked again
        path = next(iter(load(root).archived))
        (place / object_path(load(root).archived[path].sha256)).unlink()
        assert [problem.code for problem in deep(root)] == ["ARC003"]


def test_the_next_store_is_asked_where_one_has_it_not(root: Path, place: Path, tmp_path: Path) -> None:
    """A store that holds nothing, another thing, or is down hides nothing that another one holds."""
    files = dict(list(load(root).archived.items()))
    move_all(root, Store(place.as_uri()))
    files = dict(load(root).archived)
    empty, wrong = tmp_path / "empty", tmp_path / "wrong"
    empty.mkdir()
    for raw in files.values():
        path = wrong / object_path(raw.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * raw.bytes)
    down = example.nobody_listens()
    stores = [empty.as_uri(), wrong.as_uri(), down, place.as_uri()]
    assert archive.fetch(stores, files, tmp_path / "fetched") == {}
    codes = {fault.code for fault in archive.fetch(stores[:2], files, tmp_path / "none").values()}
    assert codes == {"ARC004"}
    with pytest.raises(EnvironmentProblem, match="failed"):
        archive.fetch([empty.as_uri(), down], files, tmp_path / "none")


def test_what_was_fetched_is_digested_each_time(root: Path, place: Path) -> None:
    """A cache that somebody changed is as good as none, and is mended by the next `check --deep`."""
    move_all(root, Store(place.as_uri()))
    assert deep(root) == []
    path = next(iter(load(root).archived))
    kept = next(path for path in (root.parent / "fetched").rglob("*") if path.is_file())
    for cached in (root.parent / "fetched").rglob("*"):
        if cached.is_file():
            cached.write_bytes(b"changed")
    with pytest.raises(documents.Unreadable) as caught:
        load(root).read_raw(path)
    assert caught.value.code == "ARC005"
    assert deep(root) == []
    assert kept.read_bytes() != b"changed"
    load(root).read_raw(path)


def test_a_manifest_that_lists_too_much_is_not_asked_for(tmp_path: Path, place: Path) -> None:
    """What no raw file may be is not fetched, whatever a manifest says."""
    raw = model.RawFile(file="windows/x", sha256="0" * 64, bytes=2**40)
    found = archive.fetch([place.as_uri()], {"x": raw}, tmp_path / "fetched")
    assert found["x"].code == "ARC004"


def test_in_python_the_fetched_files_are_named(root: Path, place: Path) -> None:
    """`fairlead.load` gives the same frames once it is told where archived files were fetched to."""
    before = load_board(root, roots.NOW).windows
    move_all(root, Store(place.as_uri()))
    with pytest.raises(BoardError, match="archived, and not on this machine"):
        load_board(root, roots.NOW)
    assert deep(root) == []
    assert load_board(root, roots.NOW, root.parent / "fetched").windows.equals(before)


def test_a_table_that_is_known_serves_without_its_bytes(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A number was made from a digest once: while its table is kept, nobody has to fetch the file for it."""
    for module in (evidence, tables):
        monkeypatch.setattr(module, "POOL_MIN_FILES", 1)
    monkeypatch.setattr(tables, "permitted_cores", lambda: 1)  # no process is worth its start here
    caches = {"tables": Cache(tmp_path / "tables"), "briefs": Cache(tmp_path / "briefs")}
    before, problems, _ = evidence.load_briefly(load(root), **caches)
    assert problems == []
    known = {item.path: item.table for item in before}
    move_all(root, Store(place.as_uri()))
    after, problems, _ = evidence.load_briefly(load(root), **caches)
    assert problems == []
    assert {item.path: item.table for item in after} == known
    whole, problems = evidence.load_evidence(load(root), caches["tables"])
    assert problems == []
    assert {item.path: item.table for item in whole} == known
    shutil.rmtree(tmp_path / "briefs")
    again, problems, _ = evidence.load_briefly(load(root), **caches)
    assert problems == []
    assert {item.path: item.table for item in again} == known
    shutil.rmtree(tmp_path / "tables")
    nothing, problems, _ = evidence.load_briefly(load(root), **caches)
    assert nothing == []
    assert {problem.code for problem in problems} == {"ARC005"}


@pytest.mark.parametrize("cores", [1, 2])
def test_a_fetched_file_is_not_read_again_for_a_table_that_is_known(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: int
) -> None:
    """It was held against its digest when it was looked for."""
    for module in (evidence, tables):
        monkeypatch.setattr(module, "POOL_MIN_FILES", 1)
    monkeypatch.setattr(tables, "permitted_cores", lambda: 1)
    caches = {"tables": Cache(tmp_path / "tables"), "briefs": Cache(tmp_path / "briefs")}
    before, _, _ = evidence.load_briefly(load(root), **caches)
    move_all(root, Store(place.as_uri()))
    assert deep(root) == []
    asked: list[str] = []
    real = tables.digesting

    def digesting(paths: Sequence[str], limit: int) -> Any:
        asked.extend(paths)
        return real(paths, limit)

    def read(*_: object) -> bytes:
        raise AssertionError("nothing asks for it")

    monkeypatch.setattr(tables, "permitted_cores", lambda: cores)
    monkeypatch.setattr(tables, "digesting", digesting)
    monkeypatch.setattr(tables, "_read", read)
    after, problems, fetch = evidence.load_briefly(load(root), **caches)
    fetch(after)
    assert (problems, asked) == ([], [])
    assert [item.table for item in after] == [item.table for item in before]


# -- whose address -------------------------------------------------------------------------------


def test_a_change_names_no_store_to_talk_to(root: Path, place: Path, tmp_path: Path) -> None:
    """With a base, the stores are those of the base; without --deep none is asked at all."""
    move_all(root, Store(place.as_uri()))
    roots.commit(root)
    hostile = tmp_path / "hostile"
    roots.edit(root, ARCHIVE_PATH, place.as_uri(), hostile.as_uri())
    asked = []

    def fetch(stores: Any, files: Any) -> Mapping[str, archive.Fault]:
        asked.append(list(stores))
        return {}

    checks.run_checks(root, base="HEAD", now=roots.NOW, fetch=fetch)
    checks.run_checks(root, base="HEAD", now=roots.NOW)
    assert asked == [[place.as_uri()]]


@pytest.mark.parametrize(
    "address",
    [
        "https://alice:secret@raw.example.org",
        "https://raw.example.org/?key=secret",
        "simplecache::s3://bucket/x",
        "s3://bucket/../other",
        "s3://bucket/",
        "/mnt/archive",
        "https://raw.example.org#x",
        "https://raw.example.org:99999999",
    ],
)
def test_an_address_holds_no_secret_and_no_trick(root: Path, place: Path, address: str) -> None:
    """The list is published: no place for a key, for a chain of fsspec's or for a way up."""
    move_all(root, Store(place.as_uri()))
    roots.edit(root, ARCHIVE_PATH, place.as_uri(), f"'{address}'" if ": " in address else address)
    found = checks.run_checks(root, now=roots.NOW)
    assert "SCH006" in {problem.code for problem in found if problem.path == ARCHIVE_PATH}
    if address not in ("/mnt/archive", "s3://bucket/"):  # a command's argument may say these
        assert fairlead(root, "archive", address).returncode == 2


# -- the whole change ----------------------------------------------------------------------------


def test_the_change_that_archives_passes_the_check(root: Path, place: Path) -> None:
    """To move many folders at once is one kind of thing; to take a file away without the list is not."""
    roots.commit(root)
    move_all(root, Store(place.as_uri()))
    assert checks.run_checks(root, base="HEAD", now=roots.NOW) == []
    (root / ARCHIVE_PATH).unlink()
    codes = {problem.code for problem in checks.run_checks(root, base="HEAD", now=roots.NOW)}
    assert {"HIS001", "SUB004"} <= codes


def test_deep_finds_in_an_archived_window_what_check_finds_in_the_tree(root: Path, place: Path) -> None:
    """An archived window is checked like any other once it was fetched: here one that cannot have been."""
    roots.change_request(root, roots.ROUNDS, 2, sent_ns=-1)
    before = checks.run_checks(root, now=roots.NOW)
    assert [problem.code for problem in before] == ["WIN014"]
    move_all(root, Store(place.as_uri()))
    assert checks.run_checks(root, now=roots.NOW) == []
    assert deep(root) == before


# -- the command ---------------------------------------------------------------------------------


def test_the_command_says_what_it_does(root: Path, place: Path) -> None:
    """What would move, what moved, what to do next, and that there is nothing more."""
    dry = fairlead(root, "archive", str(place), "--dry-run")
    assert f"{roots.ROUNDS}: 1 files, " in dry.stdout
    assert len(raw_bytes(root)) == 6
    moved = fairlead(root, "archive", str(place))
    assert moved.returncode == 0
    assert moved.stdout.splitlines()[-1].startswith("next: git add -A submissions")
    assert fairlead(root, "archive", str(place)).stdout.startswith("nothing to move")
    shutil.rmtree(place)
    assert fairlead(root, "check", "--deep").returncode == 3


def test_a_dry_run_counts_what_is_still_to_be_moved(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what a run that was interrupted among the removals has moved already."""
    real = Path.unlink

    def remove_one_and_stop(path: Path, missing_ok: bool = False) -> None:
        real(path, missing_ok=missing_ok)
        if path.is_relative_to(root / roots.CLAIM):
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", remove_one_and_stop)
        with pytest.raises(Stop):
            move_all(root, Store(place.as_uri()))
    left = raw_bytes(root)
    assert any(path.startswith(roots.CLAIM) for path in left)
    dry = fairlead(root, "archive", str(place), "--dry-run").stdout
    counts = re.findall(r": ([0-9]+) files, ([0-9,]+) bytes$", dry, re.MULTILINE)
    assert sum(int(files) for files, _ in counts) == len(left)
    assert sum(int(size.replace(",", "")) for _, size in counts) == sum(map(len, left.values()))


def test_a_store_that_is_not_there_ends_the_command(root: Path) -> None:
    """A folder that is not mounted is never made, and a store that is down is the environment's fault."""
    before = raw_bytes(root)
    for store in (str(root.parent / "unmounted"), example.nobody_listens(), "teapot://kitchen"):
        ended = fairlead(root, "archive", store)
        assert ended.returncode == 3, ended.stderr
        assert "= fix:" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert raw_bytes(root) == before
