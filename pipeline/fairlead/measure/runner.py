"""Runs a window: workload x schedule x transport to a sealed file. Knows no metric, no rule, no command line.

While a window runs, every finished exchange goes to an append-only spool, written by a thread of its own;
nothing is parsed. A killed run so keeps all that finished, and :func:`~fairlead.measure.spool.seal` reads it
as it reads a whole one.

A closed loop is as many workers as its concurrency, each with one connection and one request at a time. An
open loop sends each request at its time, on an idle connection or a new one, whatever became of the others;
``scheduled_ns`` is that time and stays it, however late we are. Where as many are under way as may be, the
next waits until one of them has ended: it is late, not lost, and its latency and total limit count from its
time.

A load that one core cannot carry is shared by processes, each of which runs this module as a program: it
takes its share of the very same plan, waits for the common origin, and keeps a spool of its own.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import errno
import functools
import gc
import hashlib
import itertools
import os
import platform
import re
import signal
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import uvloop

import fairlead
from fairlead import windows
from fairlead.clock import NS_PER_S, Clock, StepWatch, SystemClock, offset_ns
from fairlead.measure.connection import Speaks
from fairlead.measure.cores import cores_apart, make_room_for_descriptors, undisturbed
from fairlead.measure.dialects import DIALECTS, auth
from fairlead.measure.pacer import Pacer
from fairlead.measure.plan import Placing, Plan, Share
from fairlead.measure.policy import Policy, Secret
from fairlead.measure.processes import Go, Orders, Progress, RunAll, Said, run_processes
from fairlead.measure.readiness import Readiness, hold_kernel_stamps
from fairlead.measure.spool import (
    Begun,
    Finished,
    Head,
    Sealed,
    SpoolExistsError,
    SpoolWriter,
    Tail,
    seal,
    spool_of,
)
from fairlead.measure.timeline import Shot
from fairlead.measure.transport import EARLY_NS, PreparedRequest, Transport, prepare
from fairlead.measure.transport1 import HTTP1
from fairlead.tokens import Pinned

MODULE = "fairlead.measure.runner"
"""This one: as a program it is one of several processes."""

_TICK_S = 0.25
_SPARE_DESCRIPTORS = 64

# Bodies are written before the window begins, for writing a long prompt takes milliseconds of the loop's
# time; what is more than this much memory waits in a file without a name. Of the requests around them, which
# take a tenth of a millisecond each, as many are made ahead as fit into as much memory again.
_AHEAD_BYTES = 64 * 1024 * 1024
_AHEAD_EACH = 12  # a stream

_T = TypeVar("_T")


def measure_window(
    plan: Plan,
    *,
    spool: Path,
    clock: Clock | None = None,
    commit: str | None = None,
    progress: Progress | None = None,
    tls: ssl.SSLContext | None = None,
    authorities: Path | None = None,
    key: Secret | None = None,
    tokenizer: Pinned | None = None,
    run_all: RunAll | None = None,
) -> Sealed:
    """Run one window and seal it. Blocks, and runs an event loop of its own.

    Meanwhile garbage is not collected, and this process keeps to the cores that a calibration keeps to,
    before the ordinary programs there if it may; all is restored. A plan of several processes is run by
    as many children, each on one of these cores in turn, by the machine's own clock; ``clock`` is that of one
    process.

    ``progress`` is called from the loop (of several processes, from a thread of each, one at a time), at most
    four times a second and once at the end; it counts the failures that the wire shows (status, broken
    connections, limits), while those inside a 200 stream are seen at sealing. ``commit``: of the tool, where
    known. ``authorities``: certificates (PEM) to trust instead of the system's. ``tls``: a context other than
    the standard library's default, which one process can be given. ``key``: sent with every request,
    under the policy that binds it, and kept out of all that is written. ``tokenizer``: the one that the plan
    names; it counts when the run is over and its loop is gone. ``run_all``: runs the processes elsewhere.

    Bodies are written first: a long plan of long prompts takes a while to begin, and ctrl-C then leaves
    nothing behind. On ctrl-C during the run the requests in flight become ``client`` failures, the others
    stay unsent, and the window is sealed with ``stopped`` set. The spool is left where it is: remove it once
    the window is safely kept.

    Raises:
        ValueError: the key is another provider's, or the tokenizer another than the plan's, or several
            processes were to share a context.
        ProcessError: one of several processes did not come up or broke down; the spools stay, to be sealed.
        SpoolExistsError: ``spool`` is there already; seal it or remove it.
        OSError: the spool cannot be written.
    """
    clock = clock or SystemClock()
    if key is not None and key.provider != plan.provider:
        raise ValueError(f"the key is that of {key.provider}, the window is of {plan.provider}")
    if (tokenizer and tokenizer.sha256) != plan.tokenizer_sha256:
        raise ValueError(f"the plan names the tokenizer {plan.tokenizer_sha256}, another one was given")
    if tls is not None and (plan.processes > 1 or authorities is not None):
        raise ValueError("a context cannot go to other processes, and has authorities of its own")
    with _quiet_memory():
        with cores_apart() as (ours, _):
            if plan.processes == 1 and run_all is None:
                tls = tls or _trust(authorities, plan.http)
                run_share(plan, Share(), spool, clock, commit=commit, progress=progress, tls=tls, key=key)
            else:
                run_all = run_all or functools.partial(run_processes, MODULE)
                run_all(_orders(plan, spool, sorted(ours), commit, authorities, key), progress)
        return seal(spool, key, {} if tokenizer is None else {tokenizer.sha256: tokenizer})


def _orders(
    plan: Plan,
    spool: Path,
    cores: list[int],
    commit: str | None,
    authorities: Path | None,
    key: Secret | None,
) -> list[Orders]:
    """The plan's shares, each for a process of its own, into spools beside each other."""
    spools = [spool_of(spool, process) for process in range(plan.processes)]
    for path in spools:
        if path.exists():
            raise SpoolExistsError(errno.EEXIST, "there is a spool of an earlier run", str(path))
    return [
        Orders(
            plan=plan,
            process=process,
            spool=str(path.absolute()),
            cores=cores,
            commit=commit,
            authorities=None if authorities is None else str(authorities.absolute()),
            key=key,
        )
        for process, path in enumerate(spools)
    ]


@dataclass(frozen=True)
class Together:
    """What a process that is one of several waits for.

    ``origin``: says that it is ready and waits for the common origin, in ns of the monotonic clock; None:
    there will be no run. ``stop``: a descriptor whose end is the order to stop. ``affinity``: the cores of
    all that are on this machine. ``placing``: where there are other machines.
    """

    origin: Callable[[], int | None]
    stop: int
    affinity: list[int]
    placing: Placing | None = None


class _NotBegunError(Exception):
    """The order to stop came before the origin."""


def run_share(
    plan: Plan,
    share: Share,
    spool: Path,
    clock: Clock,
    *,
    commit: str | None = None,
    progress: Progress | None = None,
    tls: ssl.SSLContext | None = None,
    key: Secret | None = None,
    together: Together | None = None,
) -> None:
    """Run what one process has of a plan into its spool, in an event loop of its own. Blocks.

    ``together``: where it is one of several. One that is stopped before the origin leaves no spool. The rest
    is as in :func:`measure_window`.

    Raises:
        SpoolExistsError: ``spool`` is there already.
        OSError: it cannot be written.
    """
    make_room_for_descriptors(len(share.part(plan.concurrency)) + _SPARE_DESCRIPTORS)
    with _written(plan, share) as bodies, undisturbed():
        writer = SpoolWriter(spool)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop_runner, _quiet_memory():
                run = _Run(plan, share, bodies, writer, clock, commit, progress, tls, key, together)
                loop_runner.run(run.run())
        except _NotBegunError:
            spool.unlink()
        finally:
            writer.close()


@contextlib.contextmanager
def _written(plan: Plan, share: Share) -> Iterator[Iterator[tuple[Shot, bytes]]]:
    """Every request of a share with its body, written now and read later, once and in order."""
    with tempfile.SpooledTemporaryFile(max_size=_AHEAD_BYTES) as file:
        lengths: list[tuple[Shot, int]] = []
        for i in share.part(plan.requests):
            body = plan.body(i)
            digest = hashlib.sha256(body).hexdigest()
            shot = Shot(
                i=i,
                slot=None,
                scheduled_ns=None,
                body_sha256=digest,
                probe=plan.label(i),
                process=share.stated,
            )
            lengths.append((shot, file.write(body)))
        file.seek(0)
        yield ((shot, file.read(length)) for shot, length in lengths)


class _Run:
    """One share of a window under way."""

    def __init__(
        self,
        plan: Plan,
        share: Share,
        bodies: Iterable[tuple[Shot, bytes]],
        writer: SpoolWriter,
        clock: Clock,
        commit: str | None,
        progress: Progress | None,
        tls: ssl.SSLContext | None,
        key: Secret | None,
        together: Together | None,
    ) -> None:
        self._plan = plan
        self._slots = share.part(plan.concurrency)
        self._numbers = share.part(plan.requests)
        self._together = together
        self._bodies = bodies
        self._policy = Policy(secret=key, auth=functools.partial(auth, DIALECTS[plan.dialect]))
        self._writer = writer
        self._clock = clock
        self._commit = commit
        self._progress = progress
        self._tls = tls
        self._speaks = speaks(plan.http)
        self._queue: asyncio.Queue[tuple[Shot, PreparedRequest] | None] = asyncio.Queue(len(self._slots))
        self._done = 0
        self._failed = 0
        self._origin_ns = 0

    async def run(self) -> None:
        """The load from its head frame to its tail. Interrupted, it still writes its tail."""
        plan = self._plan
        starts = plan.starts()
        rest = self._prepared()
        ready = _ahead(rest, _AHEAD_EACH * len(self._slots))
        prepared = itertools.chain(_taken_away(ready), rest)
        for item in itertools.islice(prepared, len(self._slots)):
            self._queue.put_nowait(item)
        about = tool(self._commit)
        here = machine_on([] if self._together is None else self._together.affinity)
        start_unix_ns, origin_mono_ns = self._begin()
        steps = StepWatch(self._clock)
        head = Head(
            plan=plan,
            tool=about,
            machine=here,
            keyed=self._policy.secret is not None,
            start_unix_ns=start_unix_ns,
            origin_mono_ns=origin_mono_ns,
            placing=None if self._together is None else self._together.placing,
        )
        self._writer.put(head)
        self._origin_ns = head.origin_mono_ns
        interrupted = False
        holder = hold_kernel_stamps()
        readiness = Readiness(self._clock)
        try:
            async with asyncio.TaskGroup() as group:
                ticker = group.create_task(self._tick(steps))
                feeder = group.create_task(self._feed(prepared))
                await (self._open if plan.is_open else self._closed)(starts, readiness)
                feeder.cancel()
                ticker.cancel()
        except asyncio.CancelledError:
            interrupted = True
        finally:
            readiness.close()
            if holder is not None:
                holder.close()
        steps.look()
        stopped = interrupted or self._done < len(self._numbers)
        self._writer.put(Tail(self._clock.mono_ns(), steps.max_step_ns, stopped))
        self._report()

    def _begin(self) -> tuple[int, int]:
        """The origin on the wall clock and on the monotonic one: now, or the one that all processes have."""
        if self._together is None:
            return self._clock.unix_ns(), self._clock.mono_ns()
        origin_ns = self._together.origin()
        if origin_ns is None:
            raise _NotBegunError
        stop, task = self._together.stop, asyncio.current_task()
        loop = asyncio.get_running_loop()
        assert task is not None

        def ordered() -> None:
            loop.remove_reader(stop)
            task.cancel()

        loop.add_reader(stop, ordered)
        return origin_ns + offset_ns(self._clock), origin_ns

    def _prepared(self) -> Iterator[tuple[Shot, PreparedRequest]]:
        """Each request around its body."""
        url, headers = self._plan.address(), dict(DIALECTS[self._plan.dialect].headers)
        for shot, body in self._bodies:
            yield shot, prepare(url, body, headers)

    async def _feed(self, prepared: Iterable[tuple[Shot, PreparedRequest]]) -> None:
        """Keep one request a worker ready, then tell each worker that there are no more."""
        for item in prepared:
            await self._queue.put(item)
            await asyncio.sleep(0)  # a burst of starts must not become a burst of building
        for _ in self._slots:
            await self._queue.put(None)

    def _is_over(self, after_ns: int) -> bool:
        """Whether no request may begin so long after the origin any more."""
        return self._plan.stop_ns is not None and after_ns >= self._plan.stop_ns

    def _transport(self, readiness: Readiness) -> Transport:
        return Transport(
            self._plan.limits,
            clock=self._clock,
            tls=self._tls,
            policy=self._policy,
            readiness=readiness,
            speaks=self._speaks,
        )

    async def _closed(self, starts: list[int], readiness: Readiness) -> None:
        """The closed loop: its workers until each is done."""
        async with asyncio.TaskGroup() as group:
            for slot in self._slots:
                group.create_task(self._work(slot, starts[slot], readiness))

    async def _work(self, slot: int, start_ns: int, readiness: Readiness) -> None:
        """One worker: its own connection, one request after another."""
        wait_ns = self._origin_ns + start_ns - self._clock.mono_ns()
        await asyncio.sleep(max(wait_ns, 0) / NS_PER_S)
        transport = self._transport(readiness)
        try:
            while not self._is_over(self._clock.mono_ns() - self._origin_ns):
                item = await self._queue.get()
                if item is None:
                    break
                shot, request = item
                shot = msgspec.structs.replace(shot, slot=slot)
                self._writer.put(Begun(shot))
                await self._fire(transport, shot, request)
        finally:
            await transport.aclose()

    async def _open(self, starts: list[int], readiness: Readiness) -> None:
        """The open loop: each request at its time, until the last of them has ended."""
        lines = _Lines(len(self._slots), lambda: self._transport(readiness))
        pacer = Pacer(asyncio.get_running_loop(), self._clock)
        try:
            async with asyncio.TaskGroup() as group:
                own = (starts[i] for i in self._numbers)
                for start_ns in itertools.takewhile(lambda at: not self._is_over(at), own):
                    item = await self._queue.get()
                    assert item is not None  # there is one for each start
                    due_ns = self._origin_ns + start_ns
                    await _until(due_ns - EARLY_NS, pacer, self._clock)
                    shot = msgspec.structs.replace(item[0], scheduled_ns=due_ns)
                    line = lines.take()
                    if line is None:
                        line = await lines.next_free()
                        if self._is_over(self._clock.mono_ns() - self._origin_ns):
                            break
                    item[1].extensions["exchange"].due_ns = due_ns
                    shot = msgspec.structs.replace(shot, slot=self._slots[line])
                    group.create_task(self._carry(lines, shot, line, item[1]))
                    try:
                        await asyncio.sleep(0)  # sent first, for the note wakes the thread that writes it
                    finally:  # a task that is cancelled before its first turn leaves no note of its own
                        self._writer.put(Begun(shot))
        finally:
            pacer.close()
            await lines.aclose()

    async def _carry(self, lines: _Lines, shot: Shot, line: int, request: PreparedRequest) -> None:
        try:
            await self._fire(lines.transports[line], shot, request)
        finally:
            lines.give_back(line)

    async def _fire(self, transport: Transport, shot: Shot, request: PreparedRequest) -> None:
        """One request, and its exchange to the spool, however it ended."""
        status = None
        try:
            _, status = await transport.keep(request)
        finally:  # interrupted, too
            self._done += 1
            self._failed += status is None or not 200 <= status < 300
            self._writer.put(Finished(shot, request.extensions["exchange"]))

    async def _tick(self, steps: StepWatch) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            steps.look()
            self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._failed)


def _trust(authorities: Path | None, http: windows.Http) -> ssl.SSLContext | None:
    """A context that trusts these authorities; None leaves it to the transport."""
    if authorities is None:
        return None
    context = ssl.create_default_context(cafile=str(authorities))
    context.set_alpn_protocols([speaks(http).alpn])
    return context


def speaks(http: windows.Http) -> Speaks:
    """What a window speaks. HTTP/2 is loaded for those that need it, and before their time begins."""
    if http == "1.1":
        return HTTP1
    from fairlead.measure.transport2 import HTTP2

    return HTTP2


class _Lines:
    """The connections of an open loop: at most so many, and of those that are idle the one used last is taken
    first, for its server is the least likely to have closed it."""

    def __init__(self, most: int, make: Callable[[], Transport]) -> None:
        self.transports: list[Transport] = []
        self._most = most
        self._make = make
        self._idle: list[int] = []
        self._freed: asyncio.Future[None] | None = None

    def take(self) -> int | None:
        """The number of a transport that is free; None where all that may be are under way."""
        if self._idle:
            return self._idle.pop()
        if len(self.transports) == self._most:
            return None
        self.transports.append(self._make())
        return len(self.transports) - 1

    async def next_free(self) -> int:
        """The number of the transport that is given back next. One at a time waits: requests go out in their
        order."""
        self._freed = asyncio.get_running_loop().create_future()
        await self._freed
        return self._idle.pop()

    def give_back(self, slot: int) -> None:
        self._idle.append(slot)
        if self._freed is not None and not self._freed.done():
            self._freed.set_result(None)

    async def aclose(self) -> None:
        for transport in self.transports:
            await transport.aclose()


async def _until(due_ns: int, pacer: Pacer, clock: Clock) -> None:
    """Return at a time, or after one turn of the loop where it has passed: who is behind must not hold up the
    requests under way."""
    if due_ns <= clock.mono_ns():
        await asyncio.sleep(0)
        return
    reached = asyncio.get_running_loop().create_future()
    pacer.at(due_ns, lambda: None if reached.done() else reached.set_result(None))
    await reached


def _ahead(
    prepared: Iterator[tuple[Shot, PreparedRequest]], most: int
) -> collections.deque[tuple[Shot, PreparedRequest]]:
    """The first of the requests: at most so many, and hardly more than the bytes allowed."""
    taken = collections.deque[tuple[Shot, PreparedRequest]]()
    held_bytes = 0
    for item in itertools.islice(prepared, most):
        taken.append(item)
        held_bytes += len(item[1].content)
        if held_bytes > _AHEAD_BYTES:
            break
    return taken


def _taken_away(ready: collections.deque[_T]) -> Iterator[_T]:
    """Each item, gone from the queue when it is taken.

    A list would hold every request, and the response that was read into it, until the last item is taken,
    and then let go of all of them at once: 10 ms in which nothing is sent and nothing read.
    """
    while ready:
        yield ready.popleft()


@contextlib.contextmanager
def _quiet_memory() -> Iterator[None]:
    """No garbage collection inside: a full one stops the loop for tens of milliseconds, and sealing makes
    many lists and no cycle. Inside another one, or where there is none anyhow, it changes nothing."""
    if not gc.isenabled():
        yield
        return
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def machine() -> windows.Machine:
    """This machine, as a window's header describes it."""
    affinity = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return windows.Machine(
        cpu=_cpu_name(),
        cores=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        affinity=affinity,
    )


def machine_on(cores: list[int]) -> windows.Machine:
    """The same with the cores that its measuring processes are on together, where they are known."""
    return msgspec.structs.replace(machine(), affinity=cores) if cores else machine()


def _cpu_name() -> str:
    try:
        listing = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        listing = ""
    found = re.search(r"^model name\s*:\s*(.+)$", listing, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def tool(commit: str | None) -> windows.Tool:
    """This program: its version, and the digest of the modules that measure and count."""
    return windows.Tool(
        name="fairlead", version=fairlead.__version__, commit=commit, source_sha256=_source_sha256()
    )


@functools.cache
def _source_sha256() -> str:
    package = Path(__file__).parent.parent
    others = (package / name for name in ("clock.py", "tokens.py", "windows.py"))
    sources = sorted([*package.glob("measure/**/*.py"), *others])
    total = hashlib.sha256()
    for source in sources:
        total.update(f"{source.relative_to(package).as_posix()}\n".encode())
        total.update(hashlib.sha256(source.read_bytes()).digest())
    return total.hexdigest()


# --- one of several processes --------------------------------------------------------------------------


def _main() -> None:
    """Orders from standard input, its end means stop; what is done goes to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    orders = msgspec.json.decode(line, type=Orders)
    if orders.cores:
        with contextlib.suppress(OSError):  # not ours to choose
            os.sched_setaffinity(0, {orders.cores[orders.process % len(orders.cores)]})

    def say(done: int, failed: int) -> None:
        with contextlib.suppress(BrokenPipeError):  # whoever listened is gone: the order to stop comes, too
            os.write(1, msgspec.json.encode(Said(done, failed)) + b"\n")

    def origin() -> int | None:
        say(0, 0)
        line = sys.stdin.buffer.readline()
        return msgspec.json.decode(line, type=Go).origin_mono_ns if line else None

    plan = orders.plan
    run_share(
        plan,
        Share(orders.process, plan.processes),
        Path(orders.spool),
        SystemClock(),
        commit=orders.commit,
        progress=say,
        tls=None if orders.authorities is None else _trust(Path(orders.authorities), plan.http),
        key=orders.key,
        together=Together(origin, stop=0, affinity=orders.used_cores(), placing=orders.placing),
    )


if __name__ == "__main__":
    _main()
