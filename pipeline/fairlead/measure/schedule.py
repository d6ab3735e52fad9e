"""When requests start. Knows no clock, no network and no request: numbers in, nanoseconds out.

Every function is pure: the same generator state gives the same times. Only ``Random.random()`` is drawn
from, the one method whose sequence Python promises to keep.
"""

from __future__ import annotations

import math
import random
from typing import Literal

from fairlead.clock import NS_PER_S

Arrivals = Literal["poisson", "constant"]


def closed_starts(concurrency: int, ramp_ns: int, rng: random.Random) -> list[int]:
    """When each worker of a closed loop sends its first request, in ns after the window's origin, rising.

    The ramp is cut into one slice a worker and each start is drawn inside its slice, so that starts are
    spread evenly and yet share no rhythm. A ramp of 0 starts all at once.
    """
    return [int((slot + rng.random()) * ramp_ns / concurrency) for slot in range(concurrency)]


def open_times(arrivals: Arrivals, rate_per_s: float, count: int, rng: random.Random) -> list[int]:
    """When each request of an open loop is due, in ns after the schedule begins, never falling.

    The times are fixed before the first request is sent: nothing that happens later moves one of them.
    """
    if arrivals == "poisson":
        return poisson_times(rate_per_s, count, rng)
    return constant_times(rate_per_s, count)


def poisson_times(rate_per_s: float, count: int, rng: random.Random) -> list[int]:
    """Arrival times of a Poisson process: independent exponential gaps with mean ``1 / rate_per_s``."""
    times: list[int] = []
    at = 0.0
    for _ in range(count):
        at -= math.log1p(-rng.random()) / rate_per_s
        times.append(round(at * NS_PER_S))
    return times


def constant_times(rate_per_s: float, count: int) -> list[int]:
    """Arrival times at one steady rate, the first at 0; each from its own index, so that no error adds up."""
    return [round(index * NS_PER_S / rate_per_s) for index in range(count)]
