"""Claims whose files are in order and that do not hold, over real sockets, by the commands of both sides.

Registered, measured, submitted and checked as any claim; what tells is the rerun alone.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from fairlead import demo, history, windows
from fairlead.cli import cli
from fairlead.demo import Contestant
from fairlead.forgery.frauds import draw_anew
from fairlead.measure import calibrate
from fairlead.measure.reference import start_reference
from fairlead.measure.truth import Tricks
from fairlead.repository import load_repository

pytestmark = pytest.mark.realtime

SEED = "00"
WINDOWS = 2

Prepare = Callable[[Path, str], None]


@contextlib.contextmanager
def running(root: Path, tricks: Tricks | None) -> Iterator[None]:
    """The demo's root with one provider, which has these tricks, and its control, both serving."""
    provider, control = (
        one for one in demo.contestants(SEED) if one.provider in ("demo-honest", demo.CONTROL)
    )
    with (
        start_reference(provider.profile, tricks=tricks) as first,
        start_reference(control.profile) as second,
    ):
        field: Sequence[Contestant] = (provider, control)
        demo.make_root(root, field, {provider.provider: first, control.provider: second})
        history.commit_all(root, "Found it")
        yield


def run(root: Path, *arguments: str) -> str:
    found = CliRunner().invoke(cli, [*arguments, "--root", str(root)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


def verdict_on(root: Path, before: Prepare | None = None, after: Prepare | None = None) -> dict[str, Any]:
    """The claim's way from its plan to its verdict: what was claimed and what was measured of TTFT p50.

    ``before``: what the provider does between registering and measuring; ``after``: and before it submits.
    """
    plan = ("--model", demo.MODEL, "--vantage", demo.VANTAGE, "--slug", "fast", "--spacing", "0s")
    said = run(root, "register", "demo-honest", *plan, "--windows", str(WINDOWS))
    submission = said.removeprefix("submissions/").rpartition("/")[0]
    history.commit_all(root, "Register")
    if before is not None:
        before(root, submission)
    run(root, "measure", submission)
    if after is not None:
        after(root, submission)
    run(root, "submit", submission)
    assert "no problems" in run(root, "check", "--base", "HEAD")
    history.commit_all(root, "Submit")
    run(root, "rerun", submission, "--by", "runner:1", "--spacing", "0s")
    assert "no problems" in run(root, "check", "--base", "HEAD")
    found = json.loads(run(root, "verdict", submission, "--json"))
    (primary,) = (one for one in found["claims"] if one["primary"])
    assert primary["metric"] == "ttft_p50_ms"
    return {"state": primary["state"], "claimed": primary["claimed"], "value": primary["measured"]["value"]}


@pytest.fixture(autouse=True)
def short_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "calibrate", lambda shape, seed: demo.short_certificate(shape))


def run_it_in_private(root: Path, submission: str) -> None:
    """The plan's own prompts are known to who made the plan: run it once where nobody looks."""
    private = root.parent / "private"
    shutil.copytree(root, private)
    run(private, "measure", submission)


def write_it_from_a_fit(root: Path, submission: str) -> None:
    """Every time of the raw files drawn from what was fitted to them, a half faster."""
    paths = sorted((root / "submissions" / submission / "windows").iterdir())
    measured = [windows.decode_window(path.read_bytes()) for path in paths]
    for path, window in zip(paths, draw_anew(measured, 1.5, np.random.default_rng(1)), strict=True):
        path.write_bytes(windows.encode_window(window.header, window.requests))


def test_a_cache_that_knows_the_claims_prompts_does_not_know_the_reruns(tmp_path: Path) -> None:
    """Nothing of its files is made up: the endpoint is as fast as claimed, for prompts that it has seen."""
    for turn in ("first", "second"):  # a window that this machine disturbed is repeated with other prompts
        root = tmp_path / turn / "root"
        root.parent.mkdir()
        with running(root, Tricks(known_first_ms=10)):
            found = verdict_on(root, before=run_it_in_private)
        if len(list(root.glob("submissions/demo-honest/*/windows/*"))) == WINDOWS:
            break
    assert found["state"] == "not_reproduced"
    assert found["claimed"] < 20
    assert found["value"] > 35


def test_raw_files_drawn_from_a_fit_pass_every_check_and_fail_the_rerun(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with running(root, None):
        found = verdict_on(root, after=write_it_from_a_fit)
    assert found["state"] == "not_reproduced"
    assert found["value"] > 1.3 * found["claimed"]
    repository, problems = load_repository(root)
    assert problems == []
    assert [len(rerun.windows) // 2 <= demo.LOOKS[-1] for rerun in repository.reruns.values()] == [True]
