"""Work spread over the processor cores that are permitted, its results in order. Knows not what the work is.

Processes are started anew and not forked: a fork would copy whatever threads the caller has. They leave
ctrl-C to whoever started them, and end when that process does.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")
_AHEAD = 4  # tasks a process that are given out and not yet asked for: results that wait are bounded

_work: Callable[[Any], Any]  # of a process that was started here


class LostProcessError(Exception):
    """A process ended in the middle of its work; ``fix`` says what would help."""

    def __init__(self) -> None:
        self.message = "a process that read files was killed before it was done"
        self.fix = "run it again; where memory is short, end other programs first, or permit one core only"
        super().__init__(self.message)


def permitted_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(work: Callable[[_T], _R], tasks: Iterable[_T], *, processes: int) -> Iterator[_R]:
    """``work`` of each task, in the order of the tasks; here, where fewer than two processes are asked for.

    ``work`` is brought to each process once, so it may carry what all tasks need. Tasks are taken as they are
    worked on, a few ahead.

    Raises:
        LostProcessError: a process was killed.
    """
    if processes < 2:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(
        processes, mp_context=context, initializer=_begin, initargs=(work,)
    )
    waiting: collections.deque[concurrent.futures.Future[_R]] = collections.deque()
    try:
        for task in tasks:
            with _interrupts_held():  # the first starts the processes
                waiting.append(pool.submit(_do, task))
            if len(waiting) >= processes * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise LostProcessError from None
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until this is over; a process that is started in it never hears of one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End with the process that started this one, however it ended: its tasks would be waited for forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _do(task: Any) -> Any:
    return _work(task)
