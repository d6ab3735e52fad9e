"""The workflows: valid, clean under an auditor, and bound to the house rules for what may see a secret."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from fairlead.cli import cli

FORGE = Path(__file__).parents[2] / ".github"
WORKFLOWS = {path.stem: path for path in sorted((FORGE / "workflows").glob("*.yml"))}
NAMES = ["comment", "publish", "rebuild", "rerun", "schedule", "test", "validate", "vote"]

PINNED = re.compile(r"[a-z0-9-]+/[a-z0-9-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+")
PRIVILEGED = re.compile(r"\$\{\{ *secrets\.")


def workflow(name: str) -> dict[str, Any]:
    """A workflow as data; YAML 1.1 reads its key ``on`` as true."""
    found: dict[str, Any] = yaml.safe_load(WORKFLOWS[name].read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of a workflow with its job."""
    for job, body in workflow(name)["jobs"].items():
        yield from ((job, step) for step in body["steps"])


def commands(name: str) -> Iterator[list[str]]:
    """The words of every line that a workflow runs."""
    for _, step in steps(name):
        for line in step.get("run", "").splitlines():
            yield shlex.split(line)


def test_these_are_all_workflows() -> None:
    """One file for each thing that the forge does."""
    assert sorted(WORKFLOWS) == NAMES


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", "workflows/*.yml"),
        ("vendor.dependabot", "dependabot.yml"),
        ("vendor.github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
    ],
)
def test_every_file_is_valid_by_the_forges_own_schema(schema: str, files: str) -> None:
    """As bundled with the checker; nothing is fetched."""
    found = sorted(map(str, FORGE.glob(files)))
    assert found
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *found]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_an_auditor_finds_nothing() -> None:
    """Every finding that is set aside says why, on its line."""
    zizmor = Path(sys.executable).parent / "zizmor"
    outcome = subprocess.run(
        [zizmor, "--offline", "--persona=auditor", "--no-progress", "--strict-collection", FORGE],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    for path in WORKFLOWS.values():
        for line in path.read_text().splitlines():
            _, found, reason = line.partition("zizmor: ignore[")
            assert not found or len(reason.partition("]")[2].strip()) >= 20, line


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_by_its_commit_and_says_its_version(name: str) -> None:
    """A tag can be moved, a commit cannot."""
    used = re.findall(r"^(?:      -|       ) uses: (.*)", WORKFLOWS[name].read_text(), re.MULTILINE)
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


def test_one_action_has_one_version_everywhere() -> None:
    """What was looked up once is used everywhere."""
    used = {
        line
        for path in WORKFLOWS.values()
        for line in re.findall(r"^(?:      -|       ) uses: (.*)", path.read_text(), re.MULTILINE)
    }
    actions = [line.partition("@")[0] for line in used]
    assert len(actions) == len(set(actions))


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_starts_from_no_permission_and_a_job_says_what_it_needs(name: str) -> None:
    """Each permission of a job has its reason beside it; each job ends by itself."""
    found = workflow(name)
    assert found["permissions"] == {}
    assert "concurrency" in found
    for job in found["jobs"].values():
        assert isinstance(job["permissions"], dict)
        assert 0 < job["timeout-minutes"] <= 360
    for line in WORKFLOWS[name].read_text().splitlines():
        if re.fullmatch(r"\s+[a-z-]+: (?:read|write)\b.*", line):
            assert " # to " in line, line


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_is_seen_only_in_a_job_with_an_environment(name: str) -> None:
    """And only in the environment of a step, never in what it runs."""
    for body in workflow(name)["jobs"].values():
        if PRIVILEGED.search(str(body)):
            assert body["environment"].startswith("neutral-")
            assert set(body["permissions"].values()) == {"read"}
    for _, step in steps(name):
        assert not PRIVILEGED.search(str({key: value for key, value in step.items() if key != "env"}))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_stranger_writes_becomes_a_script(name: str) -> None:
    """No expression inside ``run``: values arrive as environment variables, and are quoted."""
    for _, step in steps(name):
        assert "${{" not in step.get("run", "")
        assert "$" not in re.sub(r"'[^']*'|\"[^\"]*\"", "", step.get("run", "").replace("=$(", "=(")), step


@pytest.mark.parametrize("name", NAMES)
def test_no_strangers_code_runs_where_something_can_be_written(name: str) -> None:
    """Nothing is cached, and only a plain pull request, which sees nothing, checks out a change."""
    text, found = WORKFLOWS[name].read_text(), workflow(name)
    assert "pull_request_target" not in text
    assert "actions/cache" not in text
    for _, step in steps(name):
        assert not {"cache", "cache-dependency-path"} & set(step.get("with", {}))
        if step.get("uses", "").startswith("actions/checkout@"):
            assert isinstance(step["with"]["persist-credentials"], bool)
            is_ours = step["with"].get("ref") in ("main", "${{ inputs.commit }}") or "push" in found["on"]
            assert is_ours or "pull_request" in found["on"] or name == "rerun"
    if "pull_request" in found["on"]:
        for body in found["jobs"].values():
            assert body["permissions"] == {"contents": "read"}
            assert "environment" not in body


def test_a_job_that_may_write_to_main_sees_no_key() -> None:
    """What measures cannot push, what pushes cannot measure."""
    for name in NAMES:
        for body in workflow(name)["jobs"].values():
            writes = body["permissions"].get("contents") == "write"
            assert not (writes and "secrets." in str(body))
            assert not (writes and "self-hosted" in str(body["runs-on"]))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_ours_that_a_workflow_runs_is_there_with_its_options(name: str) -> None:
    """So that all of it runs without the forge too."""
    for words in commands(name):
        if not words[0].endswith("fairlead"):
            continue
        arguments = words[1 : words.index(">>")] if ">>" in words else words[1:]
        command = cli.commands[arguments[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        stated = {word for word in arguments if word.startswith("--")}
        assert isinstance(command, click.Command)
        assert stated <= known, (words, stated - known)
