"""A client of the fake GitHub whose time is a number: waiting is written down and takes none."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from fairlead.github import Client, Limits

from .fake_github import TOKEN, FakeGitHub, serving

S = 1_000_000_000
NOW_S = 1_772_366_400  # 2026-03-01T12:00:00Z


@dataclass
class Time:
    """A clock that waiting moves, and each look at it by ``step_ns``."""

    step_ns: int = 0
    now_ns: int = 0
    waits: list[int] = field(default_factory=list)

    def mono_ns(self) -> int:
        self.now_ns += self.step_ns
        return self.now_ns

    def unix_ns(self) -> int:
        return NOW_S * S + self.now_ns

    def wait(self, ns: int) -> None:
        self.waits.append(ns)
        self.now_ns += ns


@contextlib.contextmanager
def talking(
    *, limits: Limits | None = None, step_ns: int = 0, token: str | None = TOKEN
) -> Iterator[tuple[FakeGitHub, Client, Time]]:
    """The fake, a client of it and its time."""
    time = Time(step_ns)
    with serving() as hub, make_client(hub.url, time, limits=limits, token=token) as client:
        yield hub, client, time


def make_client(
    url: str, time: Time | None = None, *, limits: Limits | None = None, token: str | None = TOKEN
) -> Client:
    """A client with a seed of its own."""
    time = time or Time()
    return Client(url, token, clock=time, wait=time.wait, jitter=random.Random(7), limits=limits)
