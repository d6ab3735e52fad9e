"""What git is asked, on real repositories: the base of a change, hostile trees, clones that cannot answer."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from fairlead import checks, history
from fairlead.history import EnvironmentProblem, blob_digest, is_under_git, open_base
from fairlead.repository import TOP_FOLDERS

from . import roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A valid root, committed on main."""
    built = roots.build_root(tmp_path / "root")
    roots.commit(built)
    return built


def base_of(root: Path, ref: str = "HEAD") -> history.Base:
    base = open_base(root, ref, TOP_FOLDERS)
    assert base is not None
    return base


def codes(root: Path, base: str = "main") -> list[str]:
    return [problem.code for problem in checks.run_checks(root, base=base, now=roots.NOW)]


# -- the base ------------------------------------------------------------------------------------


def test_the_base_holds_every_file_with_the_digest_git_gives_it(root: Path) -> None:
    """Paths are relative to the root; bytes can be compared without a checkout."""
    base = base_of(root)
    assert base.commit == roots.git(root, "rev-parse", "HEAD").strip()
    on_disk = {
        p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and ".git" not in p.parts
    }
    assert set(base.files) == on_disk
    for path in base.files:
        data = (root / path).read_bytes()
        assert base.read(path) == data
        assert not base.differs(path, data)
        assert base.differs(path, data + b"x")
    assert base.differs("providers/none.yaml", b"")


def test_blob_digests_are_gits_own() -> None:
    """The empty blob's names are known; sha256 repositories have their own."""
    assert blob_digest(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_digest(b"", 64) == hashlib.sha256(b"blob 0\0").hexdigest()


def test_a_root_below_the_top_of_its_repository_is_seen_by_itself(tmp_path: Path) -> None:
    """Paths count from the root; what lies outside it is elsewhere."""
    root = roots.build_root(tmp_path / "repository" / "board")
    roots.write(tmp_path, "repository/code.py", "x = 1\n")
    first = roots.commit(tmp_path / "repository")
    roots.write(tmp_path, "repository/code.py", "x = 2\n")
    roots.edit(root, "providers/acme.yaml", "region: north", "region: south")
    roots.commit(tmp_path / "repository")
    base = base_of(root, first)
    assert "providers/acme.yaml" in base.files
    assert base.elsewhere == ("code.py",)
    found = checks.run_checks(root, base=first, now=roots.NOW)
    assert [problem.code for problem in found] == ["HIS005"]


def test_the_base_is_where_the_branch_began_not_where_main_is_now(root: Path) -> None:
    """What was merged meanwhile is not taken for removed."""
    roots.git(root, "switch", "--quiet", "--create", "change")
    roots.edit(root, "providers/acme.yaml", "region: north", "region: south")
    roots.commit(root)
    roots.git(root, "switch", "--quiet", "main")
    text = (root / "providers/acme.yaml").read_text()
    roots.write(root, "providers/bolt.yaml", text)
    roots.commit(root)
    roots.git(root, "switch", "--quiet", "change")
    assert codes(root) == []


def test_work_that_is_not_committed_counts(root: Path) -> None:
    """The tree that is checked is the one on disk."""
    roots.change_request(root, roots.ROUNDS, 0, provider_request_id="edited")
    assert codes(root) == ["HIS001"]
    roots.commit(root)
    assert codes(root, "HEAD~1") == ["HIS001"]


def test_names_with_spaces_line_feeds_and_other_scripts_are_read_whole(tmp_path: Path) -> None:
    """Git's listing is split at NUL, and nothing is quoted."""
    roots.write(tmp_path, 'providers/a b\n日本"\t.yaml', "x")
    roots.commit(tmp_path)
    assert set(base_of(tmp_path).files) == {'providers/a b\n日本"\t.yaml'}


# -- additions are free, changes are not ---------------------------------------------------------


def test_new_events_windows_and_drafts_are_welcome(root: Path) -> None:
    """Append-only means that appending is free."""
    roots.add_event(root, roots.CLAIM, "disputed", "2026-03-20T10:00:00Z")
    roots.add_event(root, roots.CLAIM, "answered", "2026-03-21T10:00:00Z")
    assert codes(root) == []
    roots.git(root, "checkout", "--quiet", ".")
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z")
    assert codes(root) == []
    roots.git(root, "clean", "--quiet", "--force", "-d")
    roots.draft_version(root)
    assert codes(root) == []
    roots.git(root, "checkout", "--quiet", ".")
    roots.git(root, "clean", "--quiet", "--force", "-d")
    roots.next_registration(root)
    assert codes(root) == []


def test_a_ratified_version_may_be_superseded_and_nothing_else(root: Path) -> None:
    """The one change of a frozen entry is the next vote's."""
    roots.edit(root, "methodology/versions.yaml", "state: ratified", "state: superseded")
    assert codes(root) == []
    roots.edit(root, "methodology/versions.yaml", "date: 2026-02-02", "date: 2026-02-03")
    assert codes(root) == ["HIS003"]


def test_a_draft_may_change_until_it_is_ratified(root: Path) -> None:
    """Only what was voted on is frozen."""
    path = roots.draft_version(root)
    roots.commit(root)
    roots.edit(root, path, "day_seconds: 86400", "day_seconds: 3600")
    assert codes(root, "HEAD") == []


def test_an_event_inserted_above_others_is_found(root: Path) -> None:
    """History grows at its end only, even where its times would allow otherwise."""
    path = f"{roots.CLAIM}/history.yaml"
    first, events = (root / path).read_text().split("events:\n")
    early = events.replace("T10:00:00Z", "T09:00:00Z")
    roots.write(root, path, f"{first}events:\n{early}{events}")
    assert "HIS004" in codes(root)


def test_a_history_of_neutral_rounds_only_grows_too(root: Path) -> None:
    """What was said of the board's own rounds is kept like what was said of a claim."""
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z")
    roots.commit(root)
    roots.add_event(root, roots.ROUNDS, "answered", "2026-03-21T10:00:00Z")
    assert codes(root, "HEAD") == []
    roots.edit(root, f"{roots.ROUNDS}/history.yaml", "rule: WIN012", "rule: WIN013")
    assert codes(root, "HEAD") == ["HIS004"]
    (root / roots.ROUNDS / "history.yaml").unlink()
    assert codes(root, "HEAD") == ["HIS004"]


def test_a_window_replaced_by_a_link_is_removed(root: Path, tmp_path: Path) -> None:
    """A link to the same bytes is not the file."""
    path = root / roots.window_of(root, roots.ROUNDS)
    path.rename(tmp_path / "same-bytes")
    path.symlink_to(tmp_path / "same-bytes")
    assert {"HIS001", "TREE001"} <= set(codes(root))


# -- hostile trees -------------------------------------------------------------------------------


def test_nothing_in_the_tree_is_run(root: Path, tmp_path: Path) -> None:
    """Filters, text conversions, external diffs and hooks that a tree asks for are not started."""
    mark = tmp_path / "was-run"
    roots.write(root, ".gitattributes", "* filter=evil diff=evil\n")
    roots.commit(root)
    for setting in (
        "filter.evil.clean",
        "filter.evil.smudge",
        "diff.evil.textconv",
        "diff.external",
        "core.fsmonitor",
    ):
        roots.git(root, "config", setting, f"touch {mark}; cat")
    hook = root / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    roots.edit(root, "providers/acme.yaml", "region: north", "region: south")
    assert codes(root) == []
    assert base_of(root).read("providers/acme.yaml")
    assert not mark.exists()


def test_a_ref_that_looks_like_an_option_is_a_ref(root: Path) -> None:
    """What is typed after --base is a name and never a switch."""
    for ref in ("--upload-pack=touch x", "-h", "HEAD\nHEAD", "", "HEAD:providers"):
        with pytest.raises(EnvironmentProblem):
            open_base(root, ref, TOP_FOLDERS)


def test_gits_own_variables_are_not_passed_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The surroundings cannot point git at another repository."""
    (tmp_path / "other").mkdir()
    other = roots.commit(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.worktree")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "/")
    assert base_of(root).commit != other


def test_output_without_end_is_cut_off(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing or a blob larger than the limit is refused, not held."""
    base = base_of(root)
    monkeypatch.setattr(history, "MAX_BLOB_BYTES", 10)
    with pytest.raises(EnvironmentProblem, match="more than 10 bytes"):
        base.read("providers/acme.yaml")


# -- what cannot be answered ---------------------------------------------------------------------


def test_a_root_without_git_is_said_to_be_unproven(tmp_path: Path) -> None:
    """Nothing is claimed that was not looked at, and it is a warning, not an error."""
    root = roots.build_root(tmp_path)
    assert not is_under_git(root)
    assert open_base(root, "main", TOP_FOLDERS) is None
    (problem,) = checks.run_checks(root, base="main", now=roots.NOW)
    assert (problem.code, problem.severity) == ("HIS007", "warning")
    assert checks.run_checks(root, now=roots.NOW) == []


def test_a_shallow_clone_says_how_to_fetch_the_rest(root: Path, tmp_path: Path) -> None:
    """A past that is not there must not look like a past without faults."""
    roots.commit(root, "second")
    roots.git(tmp_path, "clone", "--quiet", "--depth", "1", root.as_uri(), "shallow")
    with pytest.raises(EnvironmentProblem) as caught:
        open_base(tmp_path / "shallow", "HEAD", TOP_FOLDERS)
    assert "shallow" in caught.value.message
    assert "fetch-depth: 0" in caught.value.fix


def test_an_unknown_base_says_so(root: Path) -> None:
    """A typing error is not a clean bill."""
    with pytest.raises(EnvironmentProblem) as caught:
        open_base(root, "origin/main", TOP_FOLDERS)
    assert "'origin/main'" in caught.value.message
    assert "fetch-depth: 0" in caught.value.fix


def test_histories_without_a_common_ancestor_say_so(root: Path) -> None:
    """Two unrelated branches have no change between them."""
    roots.git(root, "switch", "--quiet", "--orphan", "other")
    roots.write(root, "providers/acme.yaml", "x")
    roots.commit(root)
    with pytest.raises(EnvironmentProblem, match="no common ancestor"):
        open_base(root, "main", TOP_FOLDERS)


def test_a_machine_without_git_says_so(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="git is not installed"):
        open_base(root, "main", TOP_FOLDERS)


def test_a_broken_repository_is_not_taken_for_none(root: Path) -> None:
    """Only a folder without git is skipped; one that git cannot read is the machine's problem."""
    (root / ".git/config").write_text("[core\n")
    with pytest.raises(EnvironmentProblem):
        open_base(root, "main", TOP_FOLDERS)


# -- what was measured comes into the repository -------------------------------------------------


@pytest.fixture
def clones(root: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """A bare remote with a valid root on main, and two clones of it."""
    remote = tmp_path / "remote.git"
    roots.git(root, "clone", "--quiet", "--bare", ".", str(remote))
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for clone in (ours, theirs):
        roots.git(tmp_path, "clone", "--quiet", str(remote), str(clone))
    return remote, ours, theirs


def land(clone: Path, name: str, text: str = "one\n") -> str | None:
    (clone / "submissions" / name).write_text(text)
    return history.land(clone, ["submissions"], f"Add {name}", remote="origin", branch="main", tries=3)


def test_what_is_new_is_landed_and_nothing_else_of_the_folder(clones: tuple[Path, Path, Path]) -> None:
    """Only the named paths; the second time there is nothing."""
    remote, ours, _ = clones
    (ours / "elsewhere.txt").write_text("not asked for")
    commit = land(ours, "a.md")
    assert commit == roots.git(remote, "rev-parse", "main").strip()
    assert roots.git(remote, "show", "--name-only", "--format=%s", "main").split() == [
        "Add",
        "a.md",
        "submissions/a.md",
    ]
    assert history.land(ours, ["submissions"], "Again", remote="origin", branch="main", tries=3) is None


def test_what_others_landed_meanwhile_comes_first_and_stays(clones: tuple[Path, Path, Path]) -> None:
    """Two runners that finish together lose nothing, and nothing is forced."""
    remote, ours, theirs = clones
    first = land(theirs, "a.md")
    second = land(ours, "b.md")
    assert roots.git(remote, "rev-list", "-2", "main").split() == [second, first]


def test_two_that_say_different_things_of_one_file_are_not_merged(clones: tuple[Path, Path, Path]) -> None:
    """The later one is told, and its work tree is as it was."""
    remote, ours, theirs = clones
    first = land(theirs, "a.md")
    with pytest.raises(EnvironmentProblem, match="does not go with this change"):
        land(ours, "a.md", "two\n")
    assert (ours / "submissions" / "a.md").read_text() == "two\n"
    assert roots.git(ours, "status", "--porcelain").strip() == ""
    assert roots.git(remote, "rev-parse", "main").strip() == first


def test_the_day_of_the_last_change_is_that_of_its_merge(root: Path) -> None:
    """One call of git for every file; what is not committed has none."""
    roots.write(root, "providers/new.yaml", "a: 1\n")
    trail = history.open_trail(root, None, ("providers",))
    assert trail is not None
    said = roots.git(root, "log", "-1", "--format=%cs", "--", "providers/acme.yaml").strip()
    assert trail.last_changed() == {"providers/acme.yaml": dt.date.fromisoformat(said)}
