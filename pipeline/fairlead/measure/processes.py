"""The processes that share a load, seen from who starts them. Knows no socket, no schedule and no spool.

Orders go to a process over its standard input, a key among them, so that it is in no argument and in no
environment. When all are ready they are given one origin, for a machine has one monotonic clock. The end of
that input is the order to stop: so no process outlives the one that started it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import msgspec

from fairlead.clock import SystemClock
from fairlead.measure.plan import Placing, Plan
from fairlead.measure.policy import Secret

_AHEAD_NS = 50_000_000  # from the moment when all are ready to the common origin

Progress = Callable[[int, int], None]
"""Called with the numbers of done and, among them, visibly failed requests."""


class ProcessError(OSError):
    """A measuring process did not come up or broke down; the message holds the last that it said."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The first line to a process: its number, its spool, and what all have in common.

    ``cores``: the client's; each process keeps to one of them, in turn. ``authorities``: a PEM file to trust
    instead of the system's. ``placing``: where it is one process of a window that several machines share.
    """

    plan: Plan
    process: int
    spool: str
    cores: list[int]
    commit: str | None
    authorities: str | None
    key: Secret | None
    placing: Placing | None = None

    def used_cores(self) -> list[int]:
        """The cores that the processes are on, all together."""
        return self.cores[: self.plan.processes]


class Go(msgspec.Struct, frozen=True):
    """The second line, once every process is ready: the origin on the clock that all share."""

    origin_mono_ns: int


class Said(msgspec.Struct, frozen=True):
    """A line from a process: how much of its share is done. The first says that it is ready."""

    done: int
    failed: int


RunAll = Callable[[Sequence[Orders], Progress | None], None]
"""Carries out the orders of a window, a process each, all from one origin, and leaves their spools."""


def run_processes(module: str, orders: Sequence[Orders], progress: Progress | None) -> None:
    """Run ``module`` once for each of the orders, all from one origin. Blocks until each has ended.

    On ctrl-C, or where one breaks down, the others are ordered to stop, and write what they have.

    Raises:
        ProcessError: a process did not come up or broke down.
        KeyboardInterrupt: the run was stopped before it began.
    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(measuring_process(module, order)) for order in orders]
        for process in processes:
            process.wait_until_ready()
        go = msgspec.json.encode(Go(SystemClock.mono_ns() + _AHEAD_NS)) + b"\n"
        for process in processes:
            process.write(go)
        _follow(processes, progress)
        for process in processes:
            process.check()


def _follow(processes: Sequence[MeasuringProcess], progress: Progress | None) -> None:
    """Until all have ended: their numbers, added up."""
    one_at_a_time = threading.Lock()

    def report() -> None:
        with one_at_a_time:
            if progress is not None:
                progress(sum(one.said.done for one in processes), sum(one.said.failed for one in processes))

    def follow(process: MeasuringProcess) -> None:
        process.follow(report)
        if not process.is_sound():
            _stop(processes)

    threads = [threading.Thread(target=follow, args=(one,), daemon=True) for one in processes]
    for thread in threads:
        thread.start()
    try:
        _join(threads)
    except KeyboardInterrupt:
        _stop(processes)  # the spools say so, and whoever reads them goes on from there
        _join(threads)


def _join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


def _stop(processes: Sequence[MeasuringProcess]) -> None:
    for process in processes:
        process.stop()


class MeasuringProcess:
    """One process: what it was told and what it said last."""

    def __init__(self, running: subprocess.Popen[bytes], complaints: BinaryIO) -> None:
        assert running.stdin is not None
        assert running.stdout is not None
        self.said = Said(0, 0)
        self._running = running
        self._orders, self._answers = running.stdin, running.stdout
        self._complaints = complaints

    def write(self, line: bytes) -> None:
        """Order something."""
        try:
            self._orders.write(line)
            self._orders.flush()
        except BrokenPipeError:
            raise self._broken() from None

    def stop(self) -> None:
        """Order it to stop. It still writes what it has."""
        with contextlib.suppress(BrokenPipeError):
            self._orders.close()

    def wait_until_ready(self) -> None:
        """Raises ProcessError if it never is."""
        if not self._answers.readline():
            raise self._broken()

    def follow(self, call: Callable[[], None]) -> None:
        """Read what it says until it has ended."""
        for line in self._answers:
            if line.endswith(b"\n"):  # not one that was cut off with it
                self.said = msgspec.json.decode(line, type=Said)
                call()

    def check(self) -> None:
        """Raise ProcessError if it broke down."""
        if not self.is_sound():
            raise self._broken()

    def is_sound(self) -> bool:
        """Whether it ended as it should; waits for its end."""
        return self._running.wait() == 0

    def _broken(self) -> ProcessError:
        status = self._running.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return ProcessError(f"a measuring process broke down ({status}){': ' + lines[-1] if lines else ''}")


@contextlib.contextmanager
def measuring_process(module: str, orders: Orders) -> Iterator[MeasuringProcess]:
    """A process under way; whatever happens, it is ordered to stop and waited for on leaving."""
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603  a module of our own
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,  # ctrl-C reaches it as an order, not from the terminal
        ) as running,
    ):
        process = MeasuringProcess(running, complaints)
        try:
            process.write(msgspec.json.encode(orders) + b"\n")
            yield process
        finally:
            process.stop()
