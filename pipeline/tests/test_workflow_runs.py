"""The workflows, run in order on this machine: from a fork to the published site, for a good and a hostile
change."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead import demo, history
from fairlead.measure.reference import start_reference

from . import governance_example as board
from . import roots
from .fake_github import NAME, OWNER, FakeGitHub, serving, user
from .walk_example import METHOD, VERSION, Walk, files_below, seat_everybody
from .workflow_runner import SHORT_CERTIFICATES, Machine, Ran

DANA = "dana:7"


@dataclasses.dataclass
class Forge:
    """A repository with its machine, and a stranger's fork of it."""

    remote: Path
    fork: Path
    machine: Machine
    hub: FakeGitHub
    pulls: int = 0

    def fairlead(self, *arguments: str) -> None:
        """What the stranger runs in the fork."""
        outcome = subprocess.run(
            [sys.executable, "-c", f"{SHORT_CERTIFICATES}from fairlead.cli import main; main()", *arguments],
            cwd=self.fork,
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    def open_pull(self) -> int:
        """Commit what stands in the fork, and open a pull request with it. Its number."""
        self.pulls += 1
        number, git = self.pulls, roots.git
        git(self.fork, "checkout", "--quiet", "-b", f"change-{number}")
        git(self.fork, "add", "--all", "--force", ".")
        git(self.fork, "commit", "--quiet", "-m", f"Change {number}")
        git(self.fork, "push", "--quiet", "origin", f"HEAD:refs/pull/{number}/head")
        git(self.fork, "checkout", "--quiet", "--detach", "origin/main")
        git(self.fork, "merge", "--quiet", "--no-ff", "-m", f"Merge {number}", f"change-{number}")
        git(self.fork, "push", "--quiet", "origin", f"HEAD:refs/pull/{number}/merge")
        self.hub.add_pull(self.head(number), number)
        return number

    def head(self, number: int) -> str:
        return roots.git(self.remote, "rev-parse", f"refs/pull/{number}/head").strip()

    def validate(self, number: int, actor: str = DANA) -> Ran:
        """Run the check of a pull request, as opened by an account."""
        login, _, account = actor.partition(":")
        pull = {"number": number, "base": {"sha": roots.git(self.remote, "rev-parse", "main").strip()}}
        pull["user"] = {"login": login, "id": account}
        report = self.machine.folder / "artifacts" / "report"
        if report.exists():
            (report / "report.json").unlink()
            report.rmdir()
        return self.machine.run(
            "validate",
            "check",
            github={"event": {"pull_request": pull}},
            checkout={"ref": f"refs/pull/{number}/merge"},
        )

    def comment(self, number: int) -> Ran:
        """Run the comment on what the check found."""
        run = {"id": 1, "head_sha": self.head(number), "event": "pull_request"}
        return self.machine.run("comment", "comment", github={"event": {"workflow_run": run}, "token": TOKEN})

    def merge(self, number: int) -> None:
        """Merge a pull request as the forge would."""
        roots.git(self.fork, "push", "--quiet", "origin", f"change-{number}:refs/heads/unused-{number}")
        roots.git(self.fork, "checkout", "--quiet", "-B", "main", "origin/main")
        roots.git(self.fork, "merge", "--quiet", "--no-ff", "-m", f"Merge {number}", f"change-{number}")
        roots.git(self.fork, "push", "--quiet", "origin", "main")
        roots.git(self.fork, "fetch", "--quiet", "origin")

    def rerun(self, submission: str, parts: int) -> dict[str, Any]:
        """Run the workflow of a rerun: who may, so many rounds, what is committed."""
        inputs = {"submission": submission, "commit": roots.git(self.remote, "rev-parse", "main").strip()}
        given = {"inputs": inputs, "github": {"actor": "rika", "actor_id": "900"}}
        allowed = self.machine.run("rerun", "allow", **given)
        assert allowed.succeeded, allowed.text
        outputs = {key.partition(".")[2]: value for key, value in allowed.outputs.items()}
        needs = {"needs": {"allow": {"outputs": outputs}}}
        hidden = {"vars": {"MAX_USD": "1"}, "secrets": {"FAIRLEAD_KEYS": "[]"}}
        self.machine.preface = SHORT_CERTIFICATES
        for part in range(1, parts + 1):
            ran = self.machine.run("rerun", "measure", **given, **needs, **hidden, matrix={"part": part})
            assert ran.succeeded, ran.text
        self.machine.preface = ""
        done = self.machine.run("rerun", "commit", **given, **needs)
        assert done.succeeded, done.text
        return {"outputs": allowed.outputs, "summary": done.summary}


TOKEN = "ghs_" + "0" * 36


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """The demo's root with its honest provider and its control, running, behind a forge."""
    folder = tmp_path_factory.mktemp("forge")
    chosen = [one for one in demo.contestants("00") if one.provider in ("demo-honest", "demo-control")]
    with (
        start_reference(chosen[0].profile) as first,
        start_reference(chosen[1].profile) as second,
        serving() as hub,
    ):
        root = folder / "root"
        demo.make_root(root, chosen, {chosen[0].provider: first, chosen[1].provider: second})
        history.commit_all(root, "Found the root")
        remote, fork = folder / "remote.git", folder / "fork"
        roots.git(root, "clone", "--quiet", "--bare", ".", str(remote))
        roots.git(folder, "clone", "--quiet", str(remote), str(fork))
        for name, value in (("user.name", "Dana"), ("user.email", "dana@example.org")):
            roots.git(fork, "config", name, value)
        contexts = {"github.repository": f"{OWNER}/{NAME}", "github.ref": "refs/heads/main"}
        machine = Machine(remote, folder / "machine", contexts, {"GITHUB_API_URL": hub.url})
        yield Forge(remote, fork, machine, hub)


def test_a_good_change_goes_from_the_fork_to_the_site(forge: Forge) -> None:
    """Registered, measured, submitted, each checked; measured again by the board, judged, published."""
    forge.fairlead(
        "register", "demo-honest", "--model", demo.MODEL, "--vantage", demo.VANTAGE, "--windows", "1",
        "--slug", "walk", "--github", DANA,
    )  # fmt: skip
    number = forge.open_pull()
    checked = forge.validate(number)
    assert checked.succeeded, checked.text
    assert "no problems" in checked.text
    commented = forge.comment(number)
    assert commented.succeeded, commented.text
    assert "found no problem in this change" in forge.hub.talk[-1]["body"]
    forge.merge(number)

    (name,) = [path.parent.name for path in forge.fork.glob("submissions/demo-honest/*/registration.yaml")]
    submission = f"demo-honest/{name}"
    forge.fairlead("measure", submission)
    forge.fairlead("submit", submission, "--github", DANA)
    number = forge.open_pull()
    stranger = forge.validate(number, "mallory:666")
    assert not stranger.succeeded
    assert "SUB019" in stranger.text
    checked = forge.validate(number)
    assert checked.succeeded, checked.text
    forge.merge(number)

    done = forge.rerun(submission, parts=2)
    assert done["outputs"]["plan.model"] == demo.MODEL
    assert json.loads(done["outputs"]["plan.parts"]) == list(range(1, demo.LOOKS[-1] + 1))
    assert "Over 2 neutral windows" in done["summary"]
    folder = f"submissions/{submission}/reruns"
    landed = roots.git(forge.remote, "ls-tree", "-r", "--name-only", "main", folder)
    assert len([path for path in landed.splitlines() if "/windows/" in path]) == 4

    built = forge.machine.run("publish", "build", vars={"SITE": "https://board.example"})
    assert built.succeeded, built.text
    site = forge.machine.folder / "artifacts" / "github-pages"
    assert (site / "submissions" / "demo-honest" / name / "index.html").is_file()
    assert (forge.machine.folder / "artifacts" / "sums" / "SHA256SUMS").read_bytes() == (
        site / "SHA256SUMS"
    ).read_bytes()


def test_a_hostile_change_runs_nothing_and_says_nothing_in_our_name(forge: Forge, tmp_path: Path) -> None:
    """Its code is not run, its names are no commands, its words are no mention, link or markup."""
    roots.git(forge.fork, "checkout", "--quiet", "-B", "main", "origin/main")
    trap = tmp_path / "sprung"
    code = f"import pathlib\npathlib.Path({str(trap)!r}).touch()\n"
    for path in ("fairlead.py", "sitecustomize.py", "conftest.py", "pipeline/fairlead/__init__.py"):
        roots.write(forge.fork, path, code)
    roots.write(forge.fork, "Makefile", f"setup:\n\ttouch {trap}\n")
    roots.write(forge.fork, "make", f"#!/bin/sh\ntouch {trap}\n")
    roots.write(forge.fork, "providers/::add-mask::x.yaml", "a: 1\n")
    hostile = "@everyone <img src=x onerror=alert(1)> [x](javascript:alert(1)) #1 ::error::mine"
    evil = f'schema_version: 1\nname: "{hostile}"\n{json.dumps(hostile)}: 1\n'
    roots.write(forge.fork, "providers/evil.yaml", evil)
    number = forge.open_pull()
    checked = forge.validate(number)
    assert not checked.succeeded
    assert not trap.exists()
    orders = [line for line in checked.text.splitlines() if line.startswith("::")]
    assert orders
    assert all(line.startswith(("::error file=", "::warning file=")) for line in orders)
    commented = forge.comment(number)
    assert commented.succeeded, commented.text
    body = forge.hub.talk[-1]["body"]
    assert "evil.yaml" in body
    outside = "".join(body.split("```")[::2])
    assert "@everyone" not in outside
    assert "<img" not in outside
    assert forge.hub.violations == []


def test_a_report_that_is_none_is_said_to_be_none(forge: Forge) -> None:
    """Whatever stands where the report should be, nothing of it is repeated."""
    roots.git(forge.fork, "checkout", "--quiet", "-B", "main", "origin/main")
    roots.write(forge.fork, "README.md", "A change.\n")
    number = forge.open_pull()
    report = forge.machine.folder / "artifacts" / "report" / "report.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text('{"schema_version": 1, "problems": "@everyone"}')
    commented = forge.comment(number)
    assert commented.succeeded, commented.text
    assert "@everyone" not in forge.hub.talk[-1]["body"]


def test_a_commit_that_is_not_on_main_is_not_rerun(forge: Forge) -> None:
    """The job that would see a key is not reached."""
    stray = roots.git(forge.fork, "commit-tree", "origin/main^{tree}", "-m", "Stray").strip()
    roots.git(forge.fork, "push", "--quiet", "origin", f"{stray}:refs/pull/99/head")
    inputs = {"submission": "demo-honest/none", "commit": stray}
    given = {"inputs": inputs, "github": {"actor": "rika", "actor_id": "900"}}
    allowed = forge.machine.run("rerun", "allow", **given)
    assert not allowed.succeeded
    assert "holds no commit" in allowed.text


# -- votes ---------------------------------------------------------------------------------------


def test_a_vote_is_opened_counted_and_closed_on_main(tmp_path: Path) -> None:
    """By the hour of the runs alone; each commits what it recorded, and says so beside the change."""
    walk = Walk(tmp_path / "root")
    seat_everybody(walk)
    walk.propose(METHOD, "methodology", methodology_version=VERSION, pull=7)
    walk.happen(METHOD, "comment")
    walk.step("Open for comment")
    remote = tmp_path / "remote.git"
    roots.git(walk.root, "clone", "--quiet", "--bare", ".", str(remote))
    head = roots.git(remote, "rev-parse", "main").strip()
    with serving() as hub:
        hub.add_pull(head, 7)
        hub.trees[head] = files_below(walk.root, "methodology")
        contexts = {"github.repository": f"{OWNER}/{NAME}", "github.token": TOKEN}
        machine = Machine(remote, tmp_path / "machine", contexts, {"GITHUB_API_URL": hub.url})

        def count() -> tuple[str, list[str], int]:
            """Run it at the walk's time: its summary, the events then on main, and how many ballots."""
            machine.environment["SOURCE_DATE_EPOCH"] = str(int(walk.now.timestamp()))
            ran = machine.run("vote", "count")
            assert ran.succeeded, ran.text
            roots.git(walk.root, "pull", "--quiet", str(remote), "main")
            ballot = walk.load().ballots.get(METHOD)
            kinds = [event.kind for event in walk.load().proposals[METHOD].events]
            return ran.summary, kinds[2:], len(ballot.ballots) if ballot else 0

        def cast(**choices: str) -> None:
            for who, choice in choices.items():
                voter = user(f"{who}-example", board.NUMBERS[who])
                hub.add_review(voter, f"/vote {choice}", f"{walk.now:%Y-%m-%dT%H:%M:%SZ}", head)

        walk.wait(13)
        assert count() == (f"{METHOD}: open for comment until 2026-02-02 00:00 UTC\n", [], 0)
        assert roots.git(remote, "rev-parse", "main").strip() == head
        walk.wait(1.02)
        summary, events, ballots = count()
        assert summary.startswith(f"{METHOD}: open until 2026-02-16 00:28 UTC, 0 of 5 ballots")
        assert (events, ballots) == (["voting"], 0)
        cast(ada="yes", bo="yes", dan="yes")
        walk.wait(2)
        summary, events, ballots = count()
        assert "3 of 5 ballots" in summary
        assert (events, ballots) == (["voting"], 3)
        cast(cy="no", eve="yes")
        walk.wait(13)
        assert count() == (f"{METHOD}: accepted\n", ["voting", "accepted"], 5)
        assert [one["state"] for one in hub.statuses] == ["pending", "pending", "success"]
        assert {one["sha"] for one in hub.statuses} == {head}
        subjects = roots.git(remote, "log", "--format=%s", f"{head}..main").splitlines()
        assert subjects == ["Take the snapshot of the open votes"] * 3
