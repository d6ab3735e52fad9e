"""A root is made whole, under git, and nothing that is there is ever overwritten."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from fairlead import scaffold
from fairlead.checks import run_checks
from fairlead.problems import Severity
from fairlead.repository import load_repository

from . import roots

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


def test_a_missing_root_is_made_with_all_that_a_root_needs(tmp_path: Path) -> None:
    root = tmp_path / "a" / "root"
    added = scaffold.create_root(root)
    assert added.problems == ()
    repository, problems = load_repository(root)
    assert problems == []
    assert set(repository.providers) == {"reference"}
    assert repository.methodologies
    assert repository.rules is not None
    assert [p for p in run_checks(root, now=NOW) if p.severity is Severity.ERROR] == []


def test_a_root_that_brings_its_own_method_gets_no_other(tmp_path: Path) -> None:
    scaffold.create_root(tmp_path / "root", {})
    repository, problems = load_repository(tmp_path / "root")
    assert problems == []
    assert (dict(repository.models), dict(repository.providers)) == ({}, {})
    assert dict(repository.methodologies) == {}


def test_a_new_root_is_under_git_on_main_without_hooks(tmp_path: Path) -> None:
    scaffold.create_root(tmp_path / "root")
    git = tmp_path / "root" / ".git"
    assert (git / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert not (git / "hooks").exists()


def test_a_clone_of_a_new_root_is_a_root_too(tmp_path: Path) -> None:
    root = tmp_path / "root"
    scaffold.create_root(root)
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "Found"], check=True)
    subprocess.run(["git", "clone", "-q", str(root), str(tmp_path / "clone")], check=True)
    assert load_repository(tmp_path / "clone")[1] == []


def test_files_of_the_caller_take_the_place_of_the_first_ones(tmp_path: Path) -> None:
    added = scaffold.create_root(
        tmp_path / "root", {"methodology/models.yaml": b"mine", "providers/README.md": b"x"}
    )
    assert (tmp_path / "root/methodology/models.yaml").read_bytes() == b"mine"
    assert "providers/.gitkeep" not in added.written
    assert "submissions/.gitkeep" in added.written


def test_a_root_that_is_there_is_completed_and_keeps_what_it_has(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "methodology").mkdir(parents=True)
    (root / "methodology" / "models.yaml").write_text("theirs")
    added = scaffold.create_root(root, {"methodology/models.yaml": b"mine"})
    assert added.problems == ()
    assert (root / "methodology" / "models.yaml").read_text() == "theirs"
    assert "methodology/vantages.yaml" in added.written
    assert not (root / ".git").exists()  # whoever made it chose where it lives


def test_making_a_root_twice_changes_nothing(tmp_path: Path) -> None:
    scaffold.create_root(tmp_path / "root")
    assert scaffold.create_root(tmp_path / "root") == scaffold.Added((), (), ())


def test_a_folder_that_holds_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    added = scaffold.create_root(tmp_path)
    assert [(p.code, p.path) for p in added.problems] == [("TREE005", ".")]
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_place_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    assert [p.code for p in scaffold.create_root(tmp_path / "root").problems] == ["TREE005"]
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert [p.code for p in scaffold.create_root(tmp_path / "link").problems] == ["TREE005"]


def test_a_place_where_no_folder_can_be_made_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    added = scaffold.create_root(tmp_path / "file" / "root")
    assert [(p.code, p.path) for p in added.problems] == [("TREE005", ".")]
    assert "cannot be made" in added.problems[0].message


def test_a_file_that_cannot_be_written_is_a_problem_and_what_was_written_is_said(tmp_path: Path) -> None:
    name = "x" * 300  # longer than a file system takes
    added = scaffold.add_files(tmp_path, {"a": b"1", name: b"2"})
    assert added.written == ("a",)
    assert [(p.code, p.path) for p in added.problems] == [("TREE003", name)]


def test_files_are_added_and_files_that_are_there_are_left(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    added = scaffold.add_files(tmp_path, {"a": b"1", "b/c": b"2"})
    assert added == scaffold.Added(written=("b/c",), unchanged=("a",), problems=())
    assert (tmp_path / "b/c").read_bytes() == b"2"


@pytest.mark.parametrize("there", [b"", b"other", b"1 and more"])
def test_one_file_that_differs_keeps_all_from_being_written(tmp_path: Path, there: bytes) -> None:
    (tmp_path / "z").write_bytes(there)
    added = scaffold.add_files(tmp_path, {"a": b"1", "z": b"1"})
    assert [(p.code, p.path) for p in added.problems] == [("IMP007", "z")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["z"]
    assert (tmp_path / "z").read_bytes() == there


def test_no_link_is_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "target")
    added = scaffold.add_files(root, {"folder/a": b"1", "file": b"1"})
    assert [(p.code, p.path) for p in added.problems] == [("TREE001", "file"), ("TREE001", "folder")]
    assert list(outside.iterdir()) == []


def test_a_scratch_file_planted_as_a_link_is_not_written_through(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "target"
    root.mkdir()
    target.write_bytes(b"theirs")
    (root / "a.part").symlink_to(target)
    assert scaffold.add_files(root, {"a": b"1"}).written == ("a",)
    assert (target.read_bytes(), (root / "a").read_bytes()) == (b"theirs", b"1")


def test_a_file_where_a_folder_is_needed_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    added = scaffold.add_files(tmp_path, {"a/b": b"1"})
    assert [(p.code, p.path) for p in added.problems] == [("TREE005", "a")]


EVENT = roots.make_event("disputed", "2026-03-20T10:00:00Z")
HISTORY = "submissions/neutral/x/history.yaml"


def test_an_event_is_added_to_a_history_that_is_made_at_need(tmp_path: Path) -> None:
    assert scaffold.append_event(tmp_path, "neutral/x", EVENT).written == (HISTORY,)
    first = (tmp_path / HISTORY).read_text()
    assert scaffold.append_event(tmp_path, "neutral/x", EVENT).problems == ()
    assert (tmp_path / HISTORY).read_text() == first + first.partition("events:\n")[2]


def test_a_history_that_cannot_be_read_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / HISTORY
    path.parent.mkdir(parents=True)
    assert scaffold.append_event(tmp_path, "neutral/x", EVENT).problems == ()
    path.write_text("# a remark\n" + path.read_text())
    before = path.read_bytes()
    assert [p.code for p in scaffold.append_event(tmp_path, "neutral/x", EVENT).problems] == ["DOC008"]
    assert path.read_bytes() == before
    path.write_text("schema_version: 1\nevents: []\n")
    assert [p.code for p in scaffold.append_event(tmp_path, "neutral/x", EVENT).problems] == ["SCH009"]
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert scaffold.append_event(tmp_path, "neutral/x", EVENT).problems
    (tmp_path / "linked").mkdir()
    (tmp_path / "submissions/linked").symlink_to(tmp_path / "linked")
    assert [p.code for p in scaffold.append_event(tmp_path, "linked/x", EVENT).problems] == ["TREE001"]
    assert list((tmp_path / "linked").iterdir()) == []
