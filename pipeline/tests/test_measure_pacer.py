"""Timers to tens of microseconds: what is called, and when no more."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from fairlead.clock import SystemClock
from fairlead.measure.pacer import Pacer, Ticker

MS = 1_000_000


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request):
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


def test_calls_come_in_the_order_of_their_times_and_never_before_them(runner):
    async def scene() -> list[tuple[int, int]]:
        loop, clock = asyncio.get_running_loop(), SystemClock()
        pacer, done = Pacer(loop, clock), loop.create_future()
        now_ns, seen = clock.mono_ns(), []
        for place in (3, 1, 2):
            pacer.at(now_ns + place * MS, lambda place=place: seen.append((place, clock.mono_ns() - now_ns)))
        pacer.at(now_ns + 4 * MS, lambda: done.set_result(None))
        await done
        pacer.close()
        return seen

    seen = runner.run(scene())
    assert [place for place, _ in seen] == [1, 2, 3]
    assert all(after_ns >= place * MS for place, after_ns in seen)


def test_a_ticker_ticks_from_start_to_stop_and_can_be_started_again(runner):
    async def scene() -> list[int]:
        loop, counts, tick = asyncio.get_running_loop(), [], 0
        reached = asyncio.Event()

        def on_tick() -> None:
            nonlocal tick
            tick += 1
            if tick % 5 == 0:
                ticker.stop()
                reached.set()

        ticker = Ticker(loop, MS // 4, on_tick)
        if not ticker.able:
            pytest.skip("no timer descriptors here")
        for _ in range(2):
            ticker.start()
            await reached.wait()
            reached.clear()
            await asyncio.sleep(0)
            counts.append(tick)
        ticker.close()
        ticker.close()
        return counts

    assert runner.run(scene()) == [5, 10]
