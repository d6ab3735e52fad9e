"""Runs the jobs of a workflow on this machine: its ``run`` steps for real, its actions by what they do.

A checkout is a clone, an artifact a folder, and ``make setup`` a command ``fairlead`` that is this checkout's
own. Whatever else a workflow asks for is an error here, so that nothing is passed over.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FORGE = Path(__file__).parents[2] / ".github"
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")

_MAKE = """#!/bin/bash
# make [-C FOLDER] setup [setup-archive]: the command, and nothing that stands in FOLDER is run.
set -e
folder=.
if [ "$1" = -C ]; then folder=$2; shift 2; fi
[ "$*" = setup ] || [ "$*" = "setup setup-archive" ]
mkdir -p "$folder/.venv/bin"
cp "$(dirname "$0")/fairlead" "$folder/.venv/bin/fairlead"
"""
_FAIRLEAD = f"""#!{sys.executable} -P
{{preface}}
from fairlead.cli import main
main()
"""

# A preface that makes a certificate one of half a second, as in the demo.
SHORT_CERTIFICATES = """
from fairlead.demo import field
from fairlead.measure import calibrate
calibrate.calibrate = lambda shape, seed: field.short_certificate(shape)
"""


@dataclass
class Ran:
    """What a job left: whether it succeeded, its outputs by ``step.name``, what it printed, its summary."""

    succeeded: bool
    outputs: dict[str, str]
    text: str
    summary: str


@dataclass
class Machine:
    """A forge's runner: ``remote`` is the repository, ``contexts`` say what expressions mean.

    ``preface`` is Python that runs before each command of ours: what is otherwise on this machine than on a
    forge's, such as how long an hour lasts.
    """

    remote: Path
    folder: Path
    contexts: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    preface: str = ""
    jobs: int = 0

    def run(self, workflow: str, job: str, **more: Any) -> Ran:
        """Run a job in a fresh workspace, with more contexts such as ``matrix`` and ``needs``."""
        body = yaml.safe_load((FORGE / "workflows" / f"{workflow}.yml").read_text())["jobs"][job]
        self.jobs += 1
        place = self.folder / f"{self.jobs}-{workflow}-{job}"
        work, temp, tools = place / "work", place / "temp", place / "bin"
        for made in (work, temp, tools):
            made.mkdir(parents=True)
        for name, text in (("make", _MAKE), ("fairlead", _FAIRLEAD.format(preface=self.preface))):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        contexts = {**self.contexts, "runner.temp": str(temp), **_flat(more)}
        ran = Ran(True, {}, "", "")
        for step in body["steps"]:
            if not ran.succeeded and "cancelled()" not in str(step.get("if", "")):
                continue
            self._step(step, work, temp, tools, contexts, ran)
        return ran

    def _step(
        self, step: dict[str, Any], work: Path, temp: Path, tools: Path, contexts: dict[str, Any], ran: Ran
    ) -> None:
        inputs = {key: _said(value, contexts) for key, value in step.get("with", {}).items()}
        if "uses" in step:
            action = step["uses"].partition("@")[0]
            getattr(self, "_" + action.partition("/")[2].replace("-", "_"))(inputs, work, contexts)
            return
        outputs, summary = temp / "output", temp / "summary"
        outputs.write_text("")
        environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(temp),
            "XDG_CACHE_HOME": str(temp / "cache"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_REPOSITORY": contexts["github.repository"],
            "RUNNER_TEMP": str(temp),
            **self.environment,
            **{name: _said(value, contexts) for name, value in step.get("env", {}).items()},
        }
        outcome = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]],
            cwd=work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        ran.text += f"$ {step['run']}\n{outcome.stdout}"
        ran.succeeded = ran.succeeded and outcome.returncode == 0
        ran.summary = summary.read_text() if summary.exists() else ""
        for line in outputs.read_text().splitlines():
            name, _, value = line.partition("=")
            ran.outputs[f"{step['id']}.{name}"] = value

    # -- the actions -----------------------------------------------------------------------------

    def _checkout(self, inputs: dict[str, str], work: Path, contexts: dict[str, Any]) -> None:
        target = work / inputs.get("path", ".")
        ref = inputs.get("ref", contexts.get("checkout.ref", "main"))
        _git(work, "clone", "--quiet", "--no-checkout", str(self.remote), str(target))
        _git(target, "fetch", "--quiet", "origin", ref)
        _git(
            target,
            "checkout",
            "--quiet",
            *(["-B", "main", "FETCH_HEAD"] if ref == "main" else ["FETCH_HEAD"]),
        )

    def _setup_python(self, inputs: dict[str, str], _work: Path, _contexts: dict[str, Any]) -> None:
        assert set(inputs) == {"python-version"}

    def _upload_artifact(self, inputs: dict[str, str], work: Path, _contexts: dict[str, Any]) -> None:
        target = self.folder / "artifacts" / inputs["name"]
        if target.exists():
            assert inputs.get("overwrite") == "true", f"two artifacts are called {target.name}"
            shutil.rmtree(target)
        found = [path for path in sorted(work.glob(inputs["path"])) if path.exists()]
        assert found or inputs["if-no-files-found"] == "ignore", inputs
        stem = work / inputs["path"].partition("*")[0].rpartition("/")[0]
        for path in found:
            place = target / (path.relative_to(stem) if "*" in inputs["path"] else path.name)
            if path.is_dir():
                shutil.copytree(path, place)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)

    def _upload_pages_artifact(self, inputs: dict[str, str], work: Path, contexts: dict[str, Any]) -> None:
        target = self.folder / "artifacts" / "github-pages"
        shutil.copytree(work / inputs["path"], target)

    def _download_artifact(self, inputs: dict[str, str], work: Path, _contexts: dict[str, Any]) -> None:
        kept = self.folder / "artifacts"
        names = (
            [inputs["name"]]
            if "name" in inputs
            else [path.name for path in sorted(kept.glob(inputs["pattern"]))]
        )
        for name in names:
            shutil.copytree(kept / name, work / inputs.get("path", "."), dirs_exist_ok=True)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return found


def _said(value: object, contexts: dict[str, Any]) -> str:
    """A value with its expressions replaced; one that nobody gave is an error."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _EXPRESSION.sub(lambda match: str(contexts[match[1]]), text)
