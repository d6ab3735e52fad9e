"""When plans and results were merged, by real git: every way a file may come in, and clocks that disagree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead import checks, history
from fairlead.history import EnvironmentProblem, open_trail
from fairlead.model import GitHub

from . import roots

TOPS = ("providers", "submissions")
PLAN = f"{roots.CLAIM}/registration.yaml"
RESULTS = f"{roots.CLAIM}/submission.yaml"
STRANGER = "  - name: Cid Example\n    github:\n      login: cid-example\n      id: 999\n"


def trail_of(root: Path) -> history.Trail:
    trail = open_trail(root, None, TOPS)
    assert trail is not None
    return trail


def added(root: Path, path: str) -> str:
    change = trail_of(root).added(path)
    assert change is not None
    return change.merge.commit


def codes(root: Path, base: str | None = None, actor: GitHub | None = None) -> list[str]:
    return [problem.code for problem in checks.run_checks(root, base=base, now=roots.NOW, actor=actor)]


def merge(root: Path, *options: str) -> str:
    """Merge the branch ``change`` into main as a forge would; the commit's name."""
    roots.git(root, "switch", "--quiet", "main")
    roots.git(root, "merge", "--quiet", *options, "change", at=roots.REGISTERED)
    return roots.git(root, "rev-parse", "HEAD").strip()


def branch(root: Path) -> None:
    roots.git(root, "switch", "--quiet", "--force-create", "change")


# -- the trail -----------------------------------------------------------------------------------


def test_a_merge_commit_adds_what_its_branch_brought(tmp_path: Path) -> None:
    """What counts is the merge, its order and its time, however many commits the branch had."""
    root = tmp_path
    roots.write(root, "providers/a.yaml", "1")
    first = roots.commit(root, at="2026-03-01T00:00:00Z")
    branch(root)
    roots.write(root, "providers/b.yaml", "1")
    roots.commit(root, at="2026-03-09T00:00:00Z")
    roots.write(root, "providers/a.yaml", "2")
    roots.commit(root, at="2026-03-10T00:00:00Z")
    merged = merge(root, "--no-ff", "--no-edit")
    trail = trail_of(root)
    assert (added(root, "providers/a.yaml"), added(root, "providers/b.yaml")) == (first, merged)
    old, new = (change.merge for change in trail.changes["providers/a.yaml"])
    assert (old.commit, new.commit, old.place < new.place) == (first, merged, True)
    assert new.unix_s == roots.unix_ns(roots.REGISTERED) // roots.S
    assert trail.read(trail.blob_at("providers/a.yaml", old) or "") == b"1"
    assert trail.read(trail.blob_at("providers/a.yaml", None) or "") == b"2"
    assert trail.blob_at("providers/b.yaml", old) is None


def test_the_first_addition_counts_and_a_moved_file_is_new(tmp_path: Path) -> None:
    """Removed and added again: added when it came first. Renamed: added when it got its name."""
    roots.write(tmp_path, "providers/a.yaml", "same text, long enough to be taken for a rename\n" * 9)
    first = roots.commit(tmp_path)
    roots.git(tmp_path, "mv", "providers/a.yaml", "providers/b.yaml")
    moved = roots.commit(tmp_path)
    roots.write(tmp_path, "providers/a.yaml", "another text")
    roots.commit(tmp_path)
    assert added(tmp_path, "providers/a.yaml") == first
    assert added(tmp_path, "providers/b.yaml") == moved
    assert [change.blob is None for change in trail_of(tmp_path).changes["providers/a.yaml"]] == [
        False,
        True,
        False,
    ]


def test_paths_count_from_the_root_and_any_name_is_read_whole(tmp_path: Path) -> None:
    """A root below the top of its repository; names that look like git's own output; links are no files."""
    root = tmp_path / "board"
    names = [
        "providers/:100644 a.yaml",
        "providers/a\n\tb.yaml",
        f"providers/{'0' * 40} 17",
        "providers/日本",
    ]
    for name in names:
        roots.write(root, name, name)
    roots.write(tmp_path, "providers/outside.yaml", "x")
    (root / "providers/link").symlink_to("nowhere")
    roots.commit(tmp_path)
    trail = trail_of(root)
    assert {path for path in trail.changes if trail.added(path)} == set(names)
    assert {trail.read(trail.blob_at(name, None) or "").decode() for name in names} == set(names)


def test_what_is_not_committed_is_in_no_trail(tmp_path: Path) -> None:
    """Before the first commit there is nothing; a folder without git has no trail at all."""
    assert open_trail(tmp_path, None, TOPS) is None
    roots.git(tmp_path, "init", "--quiet")
    roots.write(tmp_path, "providers/a.yaml", "1")
    assert trail_of(tmp_path).changes == {}


def test_the_clones_own_settings_change_nothing(tmp_path: Path) -> None:
    """Renames, root commits, signatures and orders as the clone's configuration would have them."""
    roots.write(tmp_path, "providers/a.yaml", "1")
    roots.commit(tmp_path)
    known = trail_of(tmp_path).changes
    for setting in (
        *(("log.showRoot", "false"), ("log.showSignature", "true"), ("log.diffMerges", "off")),
        *(("diff.renames", "copies"), ("diff.noprefix", "true"), ("color.ui", "always"), ("log.date", "raw")),
    ):
        roots.git(tmp_path, "config", *setting)
    assert trail_of(tmp_path).changes == known


def test_a_repository_of_sha256_names_is_read_too(tmp_path: Path) -> None:
    """Digests have the length that the repository gives them."""
    root = roots.build_root(tmp_path)
    roots.found(root, "--object-format=sha256")
    roots.git(root, "add", "--all", "--", ".", *roots.RESULTS)
    assert len(roots.commit(root, "plans", at=roots.REGISTERED)) == 64
    assert codes(root) == ["SUB017"]
    roots.edit(root, PLAN, "deadline: 2026-03-12", "deadline: 2026-03-20")
    assert sorted(codes(root)) == ["HIS002", "SUB001", "SUB017"]


def test_a_shallow_clone_cannot_say_what_was_merged_when(tmp_path: Path) -> None:
    """The command ends as the machine's problem, with the fix; nothing is taken for added late."""
    root = roots.build_root(tmp_path / "root")
    roots.commit(root)
    roots.git(tmp_path, "clone", "--quiet", "--depth", "1", root.as_uri(), "shallow")
    with pytest.raises(EnvironmentProblem) as caught:
        checks.run_checks(tmp_path / "shallow", now=roots.NOW)
    assert "fetch-depth: 0" in caught.value.fix


def test_a_machine_without_git_checks_all_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a base nobody asked for the past; with one, the machine lacks what was asked for."""
    root = roots.build_root(tmp_path / "root")
    roots.found(root)
    assert sorted(codes(root)) == ["SUB011", "SUB011", "SUB017"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert codes(root) == []
    with pytest.raises(EnvironmentProblem, match="git is not installed"):
        codes(root, base="HEAD")


def test_one_call_of_git_reads_all_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many plans and windows there are, and none where nothing was put forward."""
    root = roots.build_root(tmp_path)
    roots.next_registration(root)
    roots.commit(root)
    calls: list[str] = []
    run = history._run

    def counted(root: Path, arguments: tuple[str, ...], limit: int):  # type: ignore[no-untyped-def]
        calls.append(arguments[0])
        return run(root, arguments, limit)

    monkeypatch.setattr(history, "_run", counted)
    assert codes(root) == []
    assert (calls.count("log"), len(calls)) == (1, 4)
    for name in ("registration.yaml", "submission.yaml", "proposal.yaml"):
        for path in [*root.rglob(name)]:
            path.unlink()
    calls.clear()
    codes(root)
    assert calls == []


# -- ways to merge -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [("--no-ff", "--no-edit"), ("--squash",)])
def test_a_merge_that_brings_plan_and_results_is_one_merge(tmp_path: Path, how: tuple[str, ...]) -> None:
    """Two commits in one branch look like an order only until they are merged together."""
    root = roots.build_root(tmp_path)
    results = roots.start_claim(root)
    roots.commit(root, "plan", at=roots.REGISTERED)
    roots.deliver(root, results)
    roots.commit(root, "results", at=roots.DELIVERED)
    assert codes(root) == []  # what the branch shows by itself: nobody has merged anything
    assert codes(root, base="main") == ["SUB017"]
    merge(root, *how)
    roots.commit(root)
    assert codes(root) == ["SUB017"]


@pytest.mark.parametrize("how", [("--no-ff", "--no-edit"), ("--squash",), ("--ff-only",)])
def test_two_merges_in_their_order_are_clean(tmp_path: Path, how: tuple[str, ...]) -> None:
    """A plan, and later its results: by merge commit, squash or fast-forward, each step clean at its base."""
    root = roots.build_root(tmp_path)
    results = roots.start_claim(root)
    roots.commit(root, "plan", at=roots.REGISTERED)
    assert codes(root, base="main") == []
    merge(root, *how)
    roots.commit(root, "squashed", at=roots.REGISTERED)
    branch(root)
    roots.deliver(root, results)
    assert codes(root, base="main") == []
    roots.commit(root, "results", at=roots.DELIVERED)
    assert codes(root, base="main") == []
    roots.git(root, "switch", "--quiet", "main")
    roots.git(root, "merge", "--quiet", *how, "change", at=roots.DELIVERED)
    roots.commit(root, "squashed", at=roots.DELIVERED)
    assert codes(root) == []


def test_a_plan_that_moves_or_returns_does_not_become_older(tmp_path: Path) -> None:
    """Results wait for the plan's own name; one that was removed and returns is the one first merged."""
    root = roots.build_root(tmp_path)
    roots.commit(root)
    text = (root / PLAN).read_text()
    (root / PLAN).unlink()
    roots.commit(root)
    assert "HIS002" in codes(root)
    roots.write(root, PLAN, text.replace("deadline: 2026-03-12", "deadline: 2026-03-20"))
    roots.commit(root)
    assert codes(root) == ["HIS002", "SUB001"]
    roots.write(root, PLAN, text)
    roots.commit(root)
    assert codes(root) == []
    roots.git(root, "mv", roots.CLAIM, "submissions/acme/2026-03-04-other")
    roots.commit(root)
    moved = checks.run_checks(root, now=roots.NOW)
    assert {(problem.code, problem.path.split("/")[2]) for problem in moved} == {
        ("HIS002", "2026-03-04-llama"),
        ("SUB017", "2026-03-04-other"),
    }


# -- clocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("planned", "delivered", "expected"),
    [
        ("2026-03-05T10:00:00Z", "2026-03-05T16:00:00Z", []),  # to the second, at either end
        ("2026-03-05T10:00:01Z", "2026-03-05T16:00:00Z", ["SUB018"]),  # a window before its plan
        ("2026-03-05T10:00:00Z", "2026-03-05T15:59:59Z", ["SUB018"]),  # a window after its own merge
        ("2026-03-05T18:00:00+02:00", "2026-03-05T16:00:00Z", ["SUB018"]),  # a merge in another time zone
        ("2026-03-07T00:00:00Z", "2026-03-01T00:00:00Z", ["SUB018", "SUB018"]),  # merges dated backwards
    ],
)
def test_windows_begin_between_the_two_merges_or_the_clocks_disagree(
    tmp_path: Path, planned: str, delivered: str, expected: list[str]
) -> None:
    """No tolerance, whole seconds, each window that does not fit by itself."""
    root = roots.build_root(tmp_path)
    results = roots.start_claim(root)
    roots.commit(root, "plan", at=planned)
    roots.deliver(root, results)
    roots.commit(root, "results", at=delivered)
    assert codes(root) == expected


def test_nobody_is_measured_on_loopback(tmp_path: Path) -> None:
    """The time between merges and the contacts are not asked there; the order of merges is."""
    root = roots.build_root(tmp_path)
    roots.edit(root, "providers/acme.yaml", "https://api.acme.example/v1", "http://127.0.0.1:8377/v1")
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "id: 202", "id: 999")
    results = roots.start_claim(root)
    roots.commit(root, "plan", at="2026-03-07T00:00:00Z")
    roots.deliver(root, results)
    assert codes(root, base="main") == ["SUB017"]
    roots.commit(root, "results", at=roots.DELIVERED)
    assert codes(root) == []


# -- people --------------------------------------------------------------------------------------


def test_a_contact_who_leaves_leaves_the_plan_valid(tmp_path: Path) -> None:
    """Who was listed when it was merged was entitled, whatever the list says today."""
    root = roots.build_root(tmp_path)
    roots.commit(root)
    text = (root / "providers/acme.yaml").read_text()
    gone = re.sub("contacts:\n(  .*\n)+", f"contacts:\n{STRANGER}", text)
    roots.write(root, "providers/acme.yaml", gone)
    roots.commit(root)
    assert codes(root) == []
    roots.next_registration(root)
    (problem,) = checks.run_checks(root, now=roots.NOW)
    assert problem.code == "SUB011"


def test_a_provider_file_that_was_broken_then_named_nobody(tmp_path: Path) -> None:
    """An old text of any shape is data: it entitles nobody, and stops nothing."""
    for text in (
        "x",
        "[",
        "contacts: 7\n",
        "contacts:\n  - github: 202\n",
        "contacts:\n  - github:\n      id: a\n",
    ):
        root = roots.build_root(tmp_path / str(len(text)))
        provider = (root / "providers/acme.yaml").read_text()
        roots.write(root, "providers/acme.yaml", text)
        roots.commit(root)
        roots.write(root, "providers/acme.yaml", provider)
        assert codes(root) == ["SUB011", "SUB011"]


def test_the_account_that_opened_a_change_is_held_against_what_it_adds(tmp_path: Path) -> None:
    """The number counts and not the login; what was merged before is not asked about."""
    root = roots.build_root(tmp_path)
    roots.commit(root)
    eve = GitHub(login="ben-example", id=999)
    assert codes(root, base="HEAD", actor=eve) == []
    roots.next_registration(root)
    assert codes(root, base="HEAD", actor=eve) == ["SUB019"]
    assert codes(root, base="HEAD", actor=GitHub(login="renamed", id=202)) == []
