"""What stands on a node: it measures there, and tells what it has when it is asked. Knows no cluster.

Its processes are those that would share the load of one machine (:mod:`fairlead.measure.processes`). Each
writes its spool on the node's own disk; whoever asks is given what has come since, so that a slow reader
delays nobody and nothing piles up in memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import fairlead
from fairlead import windows
from fairlead.cache import code_digest
from fairlead.clock import SystemClock, pause
from fairlead.measure.calibrate import LoadShape, calibrate
from fairlead.measure.cores import client_cores, cores_apart
from fairlead.measure.processes import (
    Go,
    MeasuringProcess,
    Orders,
    ProcessError,
    measuring_process,
    run_processes,
)
from fairlead.measure.runner import MODULE, machine_on

PIECE_BYTES = 1024 * 1024  # of each spool, in one answer
_NEWS_NS = 200_000_000
_FOLDER = "fairlead-node-"

_A = TypeVar("_A")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be the same on every node; how many cores a client has there, and how it stands to others.

    ``code_sha256``: of fairlead's sources and of what it computes with. ``engine``: version of what joins the
    nodes. ``niceness``: of the process, as POSIX counts it; above 0 it gives way to whatever else runs there.
    """

    fairlead: str
    code_sha256: str
    python: str
    engine: str
    cores: int
    niceness: int = 0


class Reading(msgspec.Struct, frozen=True):
    """Both clocks of a node, read one right after the other."""

    mono_ns: int
    unix_ns: int


class Certify(msgspec.Struct, frozen=True):
    """The order to measure the node's own error at its share of a load."""

    shape: LoadShape
    seed: str


class Certified(msgspec.Struct, frozen=True):
    """The certificate and its file; ``trouble``: why there is none."""

    certificate: windows.Certificate | None
    data: bytes
    trouble: str | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """How far a node is, and what its spools have gained.

    ``pieces``: one a process, after the bytes that the asker holds. ``is_over``: every process has ended, and
    nothing is left to be told. ``trouble``: the last words of one that broke down.
    """

    are_ready: bool
    done: int
    failed: int
    pieces: list[bytes]
    is_over: bool
    trouble: str | None


def facts(engine: str = "") -> Facts:
    """Those of this machine."""
    return Facts(
        fairlead=fairlead.__version__,
        code_sha256=code_digest().hex(),
        python=platform.python_version(),
        engine=engine,
        cores=client_cores(),
        niceness=os.nice(0),
    )


class Worker:
    """A node's own. Every question is a name and bytes (msgpack), and so is every answer; one at a time."""

    def __init__(self, engine: str = "") -> None:
        self._engine = engine
        self._shift: _Shift | None = None
        self._questions: Mapping[str, Callable[[bytes], Any]] = {
            "facts": lambda _: facts(self._engine),
            "clocks": lambda _: Reading(SystemClock.mono_ns(), SystemClock.unix_ns()),
            "certify": _taking(Certify, _certify),
            "begin": _taking(list[Orders], self._begin),  # the machine, as its spools will state it
            "go": _taking(int, lambda origin_ns: self._at_work().go(origin_ns)),
            "heard": _taking(list[int], lambda held: self._at_work().heard(held)),
            "stop": lambda _: self._at_work().stop(),
            "end": lambda _: self.end(),
        }

    def ask(self, what: str, argument: bytes) -> bytes:
        """The answer to one of the questions above."""
        return msgspec.msgpack.encode(self._questions[what](argument))

    def end(self) -> None:
        """Stop whatever is under way, and remove its spools."""
        shift, self._shift = self._shift, None
        if shift is not None:
            shift.close()

    def _begin(self, orders: list[Orders]) -> windows.Machine:
        self.end()
        _remove_left_overs()
        self._shift = _Shift(orders)
        return self._shift.machine

    def _at_work(self) -> _Shift:
        assert self._shift is not None, "no window was begun"
        return self._shift


def _taking(kind: type[_A], call: Callable[[_A], Any]) -> Callable[[bytes], Any]:
    return lambda argument: call(msgspec.msgpack.decode(argument, type=kind))


def _certify(order: Certify) -> Certified:
    """In a process of its own, as the window will be."""
    try:
        found = calibrate(order.shape, seed=order.seed, run_all=functools.partial(run_processes, MODULE))
    except (OSError, ValueError) as error:
        return Certified(None, b"", str(error))
    return Certified(found.certificate, found.data)


class _Shift:
    """The processes of one window on this node, from their orders to their end."""

    def __init__(self, orders: Sequence[Orders]) -> None:
        self._stack = contextlib.ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix=_FOLDER)))
        held = os.open(folder, os.O_RDONLY)
        self._stack.callback(os.close, held)
        fcntl.flock(held, fcntl.LOCK_EX)  # for as long as this process lives
        self._spools = [folder / str(order.process) for order in orders]
        with cores_apart() as (ours, _):
            cores = sorted(ours)[: len(orders)]
        self.machine = machine_on(cores)
        self._processes: list[MeasuringProcess] = []
        self._ready: list[MeasuringProcess] = []
        self._threads: list[threading.Thread] = []
        for order, spool in zip(orders, self._spools, strict=True):
            own = msgspec.structs.replace(order, spool=str(spool), cores=cores)
            process = self._stack.enter_context(measuring_process(MODULE, own))
            self._processes.append(process)
            self._threads.append(threading.Thread(target=self._follow, args=(process,), daemon=True))
        for thread in self._threads:
            thread.start()

    def _follow(self, process: MeasuringProcess) -> None:
        with contextlib.suppress(ProcessError):  # said when it is asked how the process ended
            process.wait_until_ready()
            self._ready.append(process)
            process.follow(lambda: None)
        process.is_sound()  # which waits for its end

    def go(self, origin_ns: int) -> None:
        """Give all of them their origin, on this machine's monotonic clock."""
        for process in self._processes:
            with contextlib.suppress(ProcessError):
                process.write(msgspec.json.encode(Go(origin_ns)) + b"\n")

    def stop(self) -> None:
        for process in self._processes:
            process.stop()

    def heard(self, held: Sequence[int]) -> Heard:
        """What there is beyond the bytes that are held, after a moment in which more may come."""
        pieces = self._pieces(held)
        have_ended = False
        if max(map(len, pieces)) < PIECE_BYTES:  # the asker keeps up
            pause(_NEWS_NS)
            have_ended = not any(thread.is_alive() for thread in self._threads)
            pieces = self._pieces(held)
        return Heard(
            are_ready=len(self._ready) == len(self._processes),
            done=sum(process.said.done for process in self._processes),
            failed=sum(process.said.failed for process in self._processes),
            pieces=pieces,
            is_over=have_ended and not any(pieces),
            trouble=next(filter(None, map(_trouble, self._processes)), None) if have_ended else None,
        )

    def _pieces(self, held: Sequence[int]) -> list[bytes]:
        return [_piece(spool, start) for spool, start in zip(self._spools, held, strict=True)]

    def close(self) -> None:
        """Stop what still runs. Whoever follows it reads to its end before its pipes are closed."""
        self.stop()
        for thread in self._threads:
            thread.join()
        self._stack.close()


def _remove_left_overs() -> None:
    """Remove the spools of workers that were killed: folders with something in them that nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with (
            contextlib.suppress(OSError),
            contextlib.ExitStack() as stack,
        ):  # held, or another user's, or gone
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            stack.callback(os.close, held)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if any(folder.iterdir()):  # else one that is just being made
                shutil.rmtree(folder)


def _trouble(process: MeasuringProcess) -> str | None:
    try:
        process.check()
    except ProcessError as error:
        return str(error)
    return None


def _piece(spool: Path, start: int) -> bytes:
    try:
        with spool.open("rb") as file:
            file.seek(start)
            return file.read(PIECE_BYTES)
    except FileNotFoundError:  # not begun yet, or never
        return b""
