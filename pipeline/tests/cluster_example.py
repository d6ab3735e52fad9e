"""Nodes that are threads of this process: each with a real worker, whose processes are real."""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator

from fairlead.clock import Clock, SystemClock
from fairlead.cluster import Crew, NodeLostError
from fairlead.cluster.worker import Worker, facts


class LocalLink:
    """A node of this machine. ``kill`` takes it away as a power cut would: nothing is told any more."""

    def __init__(self, name: str, worker: Worker | None = None) -> None:
        self.name = self.host = name
        self.asked: list[str] = []
        self.before: Callable[[str], None] = lambda what: None
        self._worker = worker or Worker()
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._is_dead = False

    def ask(self, what: str, argument: bytes) -> Callable[[float], bytes]:
        self.asked.append(what)
        self.before(what)
        future = None if self._is_dead else self._thread.submit(self._worker.ask, what, argument)

        def answer(within_s: float) -> bytes:
            if future is None:
                raise NodeLostError("it is gone")
            found = future.result(within_s)
            if self._is_dead:
                raise NodeLostError("it is gone")
            return found

        return answer

    def kill(self) -> None:
        self._is_dead = True

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed before
            self._thread.submit(self._worker.end)
            self._thread.shutdown()


@contextlib.contextmanager
def local_crew(*names: str, clock: Clock | None = None) -> Iterator[tuple[Crew, dict[str, LocalLink]]]:
    links = {name: LocalLink(name) for name in names}
    tokens = (f"{number:02x}" for number in range(256))
    try:
        yield (
            Crew(list(links.values()), facts(), clock=clock or SystemClock(), token=lambda: next(tokens)),
            links,
        )
    finally:
        for link in links.values():
            link.close()
