"""Work over processes: its order, its bounds, and how it ends."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead import cores
from fairlead.cli import main
from fairlead.cores import LostProcessError, in_order

_PACKAGE = str(Path(cores.__file__).parents[1])


def _plus(add: int, number: int) -> int:
    return number + add


def _whose(_: int) -> int:
    return os.getpid()


def _die_at(which: int, number: int) -> int:
    if number == which:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _divide(number: int) -> float:
    return 1 / number


def test_results_come_in_the_order_of_the_tasks() -> None:
    """Whatever process is done first."""
    numbers = list(range(50))
    expected = [number + 7 for number in numbers]
    assert list(in_order(functools.partial(_plus, 7), numbers, processes=1)) == expected
    assert list(in_order(functools.partial(_plus, 7), numbers, processes=2)) == expected


def test_one_process_is_this_one() -> None:
    """A small root pays for no start of another."""
    assert set(in_order(_whose, range(3), processes=1)) == {os.getpid()}
    assert os.getpid() not in set(in_order(_whose, range(3), processes=2))


def test_tasks_are_taken_a_few_ahead() -> None:
    """However many tasks there are, few of their results wait at once."""
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(_whose, tasks(), processes=2)
    for _ in range(5):
        next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(taken) < 20


def test_a_killed_process_is_the_machines_fault() -> None:
    """Out of memory, say: it is told in words, with what would help."""
    with pytest.raises(LostProcessError, match="killed") as raised:
        list(in_order(functools.partial(_die_at, 3), range(10), processes=2))
    assert raised.value.fix


def test_a_lost_process_ends_a_command_with_its_fix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The environment's fault, so exit code 3, and no traceback."""

    def lost(*_: object, **__: object) -> None:
        raise LostProcessError

    monkeypatch.setattr("fairlead.checks.run_checks", lost)
    with pytest.raises(SystemExit) as stopped:
        main(["check", "--root", str(tmp_path)])
    assert stopped.value.code == 3
    said = capsys.readouterr().err
    assert "killed" in said
    assert "fix: run it again" in said
    assert "Traceback" not in said


def test_an_exception_of_the_work_is_its_own() -> None:
    """It arrives where the result would have."""
    with pytest.raises(ZeroDivisionError):
        list(in_order(_divide, [1, 0], processes=2))


_SCRIPT = f"""
import os, signal, sys
sys.path[:0] = [{_PACKAGE!r}]
from fairlead.cores import in_order

def work(number):
    if number == 2:
        print(os.getpid(), os.getppid(), flush=True)
        signal.pause()
    return number

if __name__ == "__main__":
    try:
        for result in in_order(work, range(4), processes=2):
            pass
    except KeyboardInterrupt:
        sys.exit(130)
"""


def _started(tmp_path: Path) -> tuple[subprocess.Popen[str], int]:
    """A script whose third task never ends, in a group of its own; and the process that has that task."""
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    running = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    worker, parent = map(int, running.stdout.readline().split())
    assert parent == running.pid
    return running, worker


def test_processes_leave_an_interrupt_to_who_started_them(tmp_path: Path) -> None:
    """Ctrl-C goes to all of them at once; one says that it was stopped, and none shows a traceback."""
    running, worker = _started(tmp_path)
    os.killpg(running.pid, signal.SIGINT)
    os.kill(worker, signal.SIGTERM)  # its task would never end by itself
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, "")


def test_processes_end_with_who_started_them(tmp_path: Path) -> None:
    """A parent that was killed leaves nobody behind: its pipes close only once all of them are gone."""
    running, _ = _started(tmp_path)
    running.kill()
    running.communicate(timeout=30)
    assert running.returncode == -signal.SIGKILL
