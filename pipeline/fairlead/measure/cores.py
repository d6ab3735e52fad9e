"""Which processor cores a client keeps to, and who may take them from it. Knows no loop and no endpoint.

All of it holds for the thread that asks and for those that it starts meanwhile, and ends when it says so.
Where the system lets nobody choose, nothing changes, and what is stated is what is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


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
