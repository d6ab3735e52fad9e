"""What a calibration makes of a sound client and of planted faults, and how far this machine can be trusted.

Each fault is measured beside the sound client, by turns, in the same run: what counts is the ratio. Faults:
garbage collection left on (with a program's worth of objects in memory), a core stolen by another program, a
loop blocked for 40 ms four times a second, and a parser that costs 0.2 ms a read.

Run: ``python pipeline/benchmarks/bench_calibrate.py [--streams 64] [--rounds 3] [--limit-ms 1]``
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from unittest import mock

import httptools

from fairlead.measure import runner
from fairlead.measure.calibrate import Calibrated, LoadShape, calibrate, find_trusted_concurrency

Parser = httptools.HttpResponseParser


def _spin(ns: int) -> None:
    end = time.monotonic_ns() + ns
    while time.monotonic_ns() < end:
        pass


class SlowParser(Parser):
    def feed_data(self, data: bytes) -> None:
        _spin(200_000)
        super().feed_data(data)


@contextlib.contextmanager
def collecting() -> Iterator[None]:
    """The collector on, and young objects enough for it to go through all of them now and then."""
    ballast = [[[place]] for place in range(300_000)]
    before = gc.get_threshold()
    gc.set_threshold(50, 2, 2)
    with mock.patch.object(runner, "_quiet_memory", contextlib.nullcontext):
        yield
    gc.set_threshold(*before)
    del ballast


@contextlib.contextmanager
def stolen_core() -> Iterator[None]:
    """Three programs on the core that the client is going to keep to, each busy a fifth of the time.

    Where they may, they go before the client, which else would not give way to them.
    """
    code = (
        "import contextlib, os, time\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "with contextlib.suppress(OSError): os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))\n"
        "while True:\n"
        "    end = time.monotonic() + 0.004\n"
        "    while time.monotonic() < end: pass\n"
        "    time.sleep(0.016)\n"
    )
    hogs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


FAULTS = {
    "sound": contextlib.nullcontext,
    "collector on": collecting,
    "stolen core": stolen_core,
    "blocked loop": contextlib.nullcontext,  # by its progress report
    "slow parser": lambda: mock.patch.object(httptools, "HttpResponseParser", SlowParser),
}


def taken(fault: str, streams: int, seconds: float) -> Calibrated:
    block = (lambda *_: _spin(40_000_000)) if fault == "blocked loop" else None
    with FAULTS[fault]():
        return calibrate(
            LoadShape(concurrency=streams, seconds=seconds), seed=os.urandom(8).hex(), progress=block
        )


def figures(found: Calibrated) -> dict[str, float]:
    errors = found.report.errors
    return {
        "token p99 ms": found.certificate.token_error_ns[3] / 1e6,
        "token max ms": found.certificate.token_error_ns[4] / 1e6,
        "lag p99 ms": (found.certificate.lag_p99_ns or 0) / 1e6,
        "lag max ms": (errors.lag_ns or [0])[-1] / 1e6,
        "cpu us a token": found.certificate.cpu_ns_per_token / 1e3,
        "waited ms": (found.report.cost.waited_ns or 0) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run")
    parser.add_argument("--limit-ms", type=float, default=1.0, help="token p99 of a trusted concurrency")
    arguments = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.2f} before")
    rounds = [
        {fault: figures(taken(fault, arguments.streams, arguments.seconds)) for fault in FAULTS}
        for _ in range(arguments.rounds)
    ]
    for fault in FAULTS:
        print(f"{fault:>14}", end="")
        for name in rounds[0][fault]:
            value = statistics.median(found[fault][name] for found in rounds)
            ratio = statistics.median(
                found[fault][name] / max(found["sound"][name], 1e-3) for found in rounds
            )
            print(f"  {name} {value:.3f} (x{ratio:.1f})", end="")
        print()
    trusted = find_trusted_concurrency(
        lambda concurrency: taken("sound", concurrency, arguments.seconds).certificate,
        limit_ns=int(arguments.limit_ms * 1e6),
    )
    print(f"token p99 within {arguments.limit_ms:g} ms up to {trusted or 'no'} streams")
    print(f"load average {os.getloadavg()[0]:.2f} after")


if __name__ == "__main__":
    main()
