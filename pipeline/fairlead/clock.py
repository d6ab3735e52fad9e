"""The only place that reads clocks; everything else is handed a :class:`Clock`. Knows nothing of what is
timed."""

from __future__ import annotations

import datetime as dt
import time
from typing import Protocol

NS_PER_S = 1_000_000_000


def moment_of(unix_ns: int) -> dt.datetime:
    """The second in which it lies, in UTC."""
    return dt.datetime.fromtimestamp(unix_ns // NS_PER_S, tz=dt.UTC)


def unix_ns_of(moment: dt.datetime) -> int:
    """The second in which it lies, in nanoseconds since 1970-01-01T00:00:00Z."""
    return int(moment.timestamp()) * NS_PER_S


class Clock(Protocol):
    """Two clocks: one that never steps, to measure with; one that people agree on, to date with."""

    def mono_ns(self) -> int:
        """Nanoseconds on a clock that never steps; its origin means nothing. One for all processes of a
        machine."""

    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z; may step."""


class SystemClock:
    """The machine's own clocks."""

    mono_ns = staticmethod(time.monotonic_ns)
    unix_ns = staticmethod(time.time_ns)


def offset_ns(clock: Clock) -> int:
    """Wall time minus monotonic time, from the tightest of three pairs of readings.

    The two clocks cannot be read at once. A pair counts from the middle of the monotonic readings around it,
    and the tightest pair is the one that was least likely interrupted.
    """
    best: tuple[int, int] | None = None
    for _ in range(3):
        before = clock.mono_ns()
        wall = clock.unix_ns()
        after = clock.mono_ns()
        pair = (after - before, wall - (before + after) // 2)
        best = pair if best is None else min(best, pair)
    assert best is not None
    return best[1]


class StepWatch:
    """The largest jump of wall time against monotonic time between one look and the next, in ns.

    A clock that is slewed by NTP (at most 0.5 ms a second) shows as a small step; one that was set shows as
    what it is.
    """

    def __init__(self, clock: Clock) -> None:
        self.max_step_ns = 0
        self._clock = clock
        self._offset_ns = offset_ns(clock)

    def look(self) -> None:
        """Compare with the last look."""
        now_ns = offset_ns(self._clock)
        self.max_step_ns = max(self.max_step_ns, abs(now_ns - self._offset_ns))
        self._offset_ns = now_ns


def pause(ns: int) -> None:
    """Let so many nanoseconds pass; ctrl-C ends it."""
    time.sleep(ns / 1e9)
