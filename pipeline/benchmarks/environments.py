"""Other people's software, each piece in an environment of its own. Knows no tool and no server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ENVIRONMENTS = Path(__file__).parents[2] / "build" / "bench-envs"


class UnavailableError(Exception):
    """It cannot be had here, or did not do its work; the message says why."""


def make(
    folder: Path,
    pins: Sequence[str],
    remark: str,
    *,
    within_s: float,
    python: Callable[[], str],
    bare: Sequence[str] = (),
) -> Path:
    """An environment with these versions, made where it is not there yet; its folder.

    ``remark``: how much is fetched, for whoever waits. ``python``: the one to make it with. ``bare``:
    versions that are installed as they are, without what they ask for.

    Raises:
        UnavailableError: it cannot be had here.
    """
    marker, wanted = folder / ".ready", "\n".join([*bare, *pins])
    if not marker.exists() or marker.read_text("utf-8") != wanted:
        made_with = python()
        print(f"installing {', '.join(bare or pins)} ({remark}) into {folder} ...", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        run_quietly([made_with, "-m", "venv", str(folder)], within_s)
        install = (
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
        )
        for words in (["--no-deps", *bare] if bare else [], pins):
            if words:
                run_quietly([*install, *words], within_s)
        marker.write_text(wanted, "utf-8")
    return folder


def run_quietly(command: Sequence[str], within_s: float) -> None:
    """Run a step of an installation.

    Raises:
        UnavailableError: it failed, or did not end in time.
    """
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=within_s)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"it cannot be installed: {error}") from None
    if done.returncode != 0:
        raise UnavailableError(f"it cannot be installed: {last_line(done.stderr)}")


def last_line(text: str, error: str = r"(?i)error") -> str:
    """The last line that says an error, as this pattern finds one; else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it said nothing"]
    return ([line for line in lines if re.search(error, line)] or lines)[-1]
