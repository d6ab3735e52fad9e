"""Calls at absolute times, to tens of microseconds. Knows nothing of what is called.

An event loop's own timers round to a millisecond. On Linux one timer descriptor (``timerfd``) wakes the loop
at the next due time instead; elsewhere the loop's timer has to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import heapq
import os
import sys
from collections.abc import Callable
from typing import Any

from fairlead.clock import NS_PER_S, Clock


class Pacer:
    """Calls back at absolute times, many streams on one timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._loop = loop
        self._mono_ns = clock.mono_ns
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._timer = _Timer(loop, self._run)

    def at(self, due_ns: int, call: Callable[[], None]) -> None:
        """Call ``call`` once at ``due_ns``, or as soon after as can be."""
        self._number += 1
        heapq.heappush(self._due, (due_ns, self._number, call))
        if self._due[0][1] == self._number:
            self._timer.set(due_ns, self._mono_ns())

    def close(self) -> None:
        """Call nothing more."""
        self._timer.close()

    def _run(self) -> None:
        due = self._due
        # One look at the clock a call: what comes due while we write is written in this round too.
        while due and due[0][0] <= self._mono_ns():
            heapq.heappop(due)[2]()
        if due:
            self._timer.set(due[0][0], self._mono_ns())


class _Timer:
    """One absolute timer: a timer descriptor where the kernel has them, else the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        self._handle: asyncio.TimerHandle | None = None
        self._descriptor = _timer_descriptor()
        if self._descriptor is not None:
            loop.add_reader(self._descriptor, self._on_descriptor)

    def set(self, due_ns: int, now_ns: int) -> None:
        if self._descriptor is not None:
            _set_descriptor(self._descriptor, max(due_ns, 1))
            return
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_later(max(due_ns - now_ns, 0) / NS_PER_S, self._call)

    def close(self) -> None:
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
        if self._handle is not None:
            self._handle.cancel()

    def _on_descriptor(self) -> None:
        assert self._descriptor is not None
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, 8)
        self._call()


class Ticker:
    """Calls at a steady pace between start and stop. Where the kernel has no timer descriptors, never: ask
    :attr:`able` first."""

    def __init__(self, loop: asyncio.AbstractEventLoop, period_ns: int, call: Callable[[], None]) -> None:
        self._loop = loop
        self._period_ns = period_ns
        self._call = call
        self._descriptor = _timer_descriptor()

    @property
    def able(self) -> bool:
        """Whether it can tick at all."""
        return self._descriptor is not None

    def start(self) -> None:
        """Call from now on."""
        if self._descriptor is not None:
            _set_descriptor(self._descriptor, 1, self._period_ns)
            self._loop.add_reader(self._descriptor, self._on_descriptor)

    def stop(self) -> None:
        """Call no more; it can be started again."""
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            _set_descriptor(self._descriptor, 0)

    def close(self) -> None:
        """Call nothing more, for good."""
        if self._descriptor is not None:
            self.stop()
            os.close(self._descriptor)
            self._descriptor = None

    def _on_descriptor(self) -> None:
        assert self._descriptor is not None
        try:  # no context manager: this comes thousands of times a second
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return
        self._call()


class _ItimerSpec(ctypes.Structure):
    """struct itimerspec: an interval (0: once) and the first time (0: never)."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


_TFD_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_TFD_TIMER_ABSTIME = 1
_CLOCK_MONOTONIC = 1


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _timer_descriptor() -> int | None:
    """A timerfd on the monotonic clock, or None on a system without (os.timerfd_create comes with Python
    3.13)."""
    if sys.platform != "linux":
        return None
    descriptor: int = _libc().timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
    return None if descriptor < 0 else descriptor


def _set_descriptor(descriptor: int, due_ns: int, period_ns: int = 0) -> None:
    spec = _ItimerSpec(*divmod(period_ns, NS_PER_S), *divmod(due_ns, NS_PER_S))
    _libc().timerfd_settime(descriptor, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None)
