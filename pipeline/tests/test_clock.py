"""The clocks: pairs of readings, and the watch for steps."""

from __future__ import annotations

from fairlead.clock import StepWatch, SystemClock, offset_ns


class ScriptedClock:
    """Gives the readings of two lists, in turn."""

    def __init__(self, mono: list[int], unix: list[int]) -> None:
        self._mono = iter(mono)
        self._unix = iter(unix)

    def mono_ns(self) -> int:
        return next(self._mono)

    def unix_ns(self) -> int:
        return next(self._unix)


class SteppedClock:
    """A wall clock that stands ``offset`` ahead of a monotonic one that advances at every reading."""

    def __init__(self) -> None:
        self.now = 0
        self.offset = 1_000_000

    def mono_ns(self) -> int:
        self.now += 10
        return self.now

    def unix_ns(self) -> int:
        self.now += 10
        return self.now + self.offset


def test_the_system_clock_measures_forwards_and_dates_this_century():
    clock = SystemClock()
    assert clock.mono_ns() <= clock.mono_ns()
    assert clock.unix_ns() > 1_600_000_000 * 10**9


def test_the_offset_comes_from_the_tightest_pair():
    clock = ScriptedClock(mono=[0, 1000, 2000, 2010, 3000, 4000], unix=[99_999, 7_005, 55_555])
    assert offset_ns(clock) == 7_005 - 2_005


def test_a_wall_clock_that_keeps_pace_has_no_step():
    clock = SteppedClock()
    watch = StepWatch(clock)
    watch.look()
    watch.look()
    assert watch.max_step_ns == 0


def test_the_largest_step_is_kept_in_either_direction():
    clock = SteppedClock()
    watch = StepWatch(clock)
    clock.offset += 500
    watch.look()
    clock.offset -= 3_000_000
    watch.look()
    clock.offset += 7
    watch.look()
    assert watch.max_step_ns == 3_000_000
