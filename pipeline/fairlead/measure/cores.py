"""What a client needs of its machine: cores, who may take them from it, room for descriptors. Knows no loop
and no endpoint.

Cores hold for the thread that asks and for those that it starts meanwhile, until it says so; descriptors for
the process. Where the system lets nobody choose, nothing changes, and what is stated is what is.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
from collections.abc import Iterator
from pathlib import Path


def split_cores(ours: set[int], permitted: set[int]) -> tuple[set[int], set[int]]:
    """(the client's cores, the reference's): apart where they can be, else the same.

    A client that is held to some cores stays there; one that has them all gives the last one up.
    """
    others = permitted - ours
    if others:
        return ours, others
    if len(ours) > 1:
        return ours - {max(ours)}, {max(ours)}
    return ours, ours


@contextlib.contextmanager
def cores_apart() -> Iterator[tuple[set[int], set[int] | None]]:
    """This thread on the client's cores; yields them, and those beside them for an endpoint on this machine.

    A client is measured and measures on the same ones. Where the system lets nobody choose: no cores, and
    None.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield set(), None
        return
    before = os.sched_getaffinity(0)
    try:
        # Only the system knows which cores a container has: ask for all, look what was given.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        ours, theirs = split_cores(before, os.sched_getaffinity(0))
        os.sched_setaffinity(0, ours)
        yield ours, theirs
    finally:
        os.sched_setaffinity(0, before)


def client_cores() -> int:
    """How many cores a client has here, at least 1."""
    with cores_apart() as (ours, _):
        return max(len(ours), 1)


@contextlib.contextmanager
def undisturbed() -> Iterator[bool]:
    """This thread before every ordinary one of its core, where we may ask for that; yields whether it is so.

    Another program on the core else takes it for 3 to 4 ms at a time, whatever comes in or is due. Linux
    gives it to root and to whom ``CAP_SYS_NICE`` was given, and keeps a twentieth of the core for the others.
    """
    asked = False
    if hasattr(os, "sched_setscheduler"):
        before, param = os.sched_getscheduler(0), os.sched_getparam(0)
        if before == os.SCHED_OTHER:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
                asked = True
    try:
        yield asked
    finally:
        if asked:
            os.sched_setscheduler(0, before, param)


def make_room_for_descriptors(needed: int) -> None:
    """Raise our own soft limit of open files as far as needed and allowed; past that, connects fail as ours.

    And have the kernel's table of them made as large now. In a process of several threads it grows at the
    256th descriptor, the 512th and so on, and whoever opens that one waits for every core (a grace period of
    RCU): 5 to 25 ms in which nothing is sent and nothing read.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    last = needed - 1 if soft == resource.RLIM_INFINITY else min(needed, soft) - 1
    with contextlib.suppress(OSError), Path(os.devnull).open("rb") as file:
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, last))
