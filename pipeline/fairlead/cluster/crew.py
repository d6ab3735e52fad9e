"""The nodes that share a load, seen from who gives the orders. Knows no engine and no socket.

A node is a process far away. Its processes take their shares of the very plan that one machine would run, and
their spools are told to this machine while they grow: here they lie beside each other as if all had been
written here, and are sealed in the same way. A node that is lost so costs what it had not told yet.

The nodes have clocks of their own. Each is read across a round trip, as NTP reads one, and the quickest of
several says where the common origin lies on the node's monotonic clock, to half of that round trip.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from fairlead import windows
from fairlead.clock import Clock, offset_ns
from fairlead.cluster.worker import Certified, Certify, Facts, Heard, Reading
from fairlead.history import EnvironmentProblem
from fairlead.measure.calibrate import Calibrated, LoadShape
from fairlead.measure.certificate import decode_report
from fairlead.measure.plan import Placing, processes_for, share_of
from fairlead.measure.processes import Orders, Progress
from fairlead.measure.runner import tool
from fairlead.measure.spool import Head, give_head

_READINGS = 9  # of a node's clocks, of which the quickest counts
_AHEAD_NS = 500_000_000  # from the moment when all are ready to the common origin
_SILENT_S = 20.0  # who answers nothing for so long is lost
_CERTIFY_S = 900.0  # a calibration lasts as long as it must; a node that is gone is known to be sooner

SAME = "install the same versions on every node, from the same lock"

_A = TypeVar("_A")


class NodeLostError(Exception):
    """A node that does not answer, or never will; the message says what is known of it."""


class ClusterError(EnvironmentProblem):
    """The cluster cannot do what was asked: in words, with what helps."""


class Link(Protocol):
    """The way to the worker of one node. ``name``: an id that says nothing of the machine; ``host``: for
    people."""

    name: str
    host: str

    def ask(self, what: str, argument: bytes) -> Callable[[float], bytes]:
        """Ask without waiting; what it gives waits for the answer, at most so many seconds.

        Raises (the latter): NodeLostError.
        """

    def close(self) -> None:
        """Let the worker go."""


class Crew:
    """The nodes of one place, which share every window: see :class:`fairlead.campaign.Gear`.

    ``token``: makes hex that nobody knows beforehand. ``yielding``: of each node whose worker gives way to
    whatever else runs there, its niceness.

    Raises:
        ClusterError: a node runs other versions than this machine, or was lost while it was asked.
    """

    def __init__(self, links: Sequence[Link], ours: Facts, *, clock: Clock, token: Callable[[], str]) -> None:
        self._links = {link.name: link for link in links}
        self._lost: dict[str, str] = {}
        self._clock = clock
        self._token = token
        told = self._all_of(self._links, "facts", Facts)
        named = {f"{name} ({self._links[name].host})": found for name, found in told.items()}
        require_same(ours, named)
        self.yielding = {node: found.niceness for node, found in named.items() if found.niceness > 0}
        self._cores = min(found.cores for found in told.values())

    @property
    def lost(self) -> Mapping[str, str]:
        """The nodes that were lost since the crew was last mended, and what is known of it."""
        return self._lost

    def mend(self) -> None:
        """Go on without the nodes that were lost.

        Raises:
            ClusterError: none is left.
        """
        for name in self._lost:
            self._links.pop(name).close()
        if self._lost and not self._links:
            raise ClusterError(f"every node was lost; {_told(self._lost)}", "see to the nodes, then go on")
        self._lost = {}

    def close(self) -> None:
        """Let every worker go."""
        for link in self._links.values():
            link.close()

    def processes_for(self, concurrency: int) -> int:
        """How many processes carry so many requests at once: as many on each node as its share needs."""
        nodes = min(len(self._links), concurrency)
        return min(nodes * processes_for(math.ceil(concurrency / nodes), self._cores), concurrency)

    def shares(self, processes: int) -> dict[str, range]:
        """Each node's processes of so many, in blocks; a node that has none is left out."""
        each = math.ceil(processes / len(self._links))
        blocks = (range(k * each, min((k + 1) * each, processes)) for k in range(len(self._links)))
        return {name: block for name, block in zip(self._links, blocks, strict=True) if block}

    # --- certificates ---

    def certify(self, shape: LoadShape) -> dict[str, Calibrated]:
        """Each node's own error at its share of a load, measured on all at once; lost ones are left out.

        Raises:
            ClusterError: a node cannot be calibrated.
        """
        orders = {
            name: Certify(share_of_shape(shape, block), self._token())
            for name, block in self.shares(shape.processes).items()
            if name not in self._lost
        }
        told = self._ask(orders, "certify", Certified, _CERTIFY_S)
        found = {}
        for name, one in told.items():
            if one.certificate is None:
                host = self._links[name].host
                raise ClusterError(f"node {name} ({host}) cannot be calibrated: {one.trouble}", "look there")
            found[name] = Calibrated(decode_report(one.data), one.certificate, one.data)
        return found

    # --- windows ---

    def run(self, orders: Sequence[Orders], progress: Progress | None) -> None:
        """Carry out the orders of one window on all nodes, as
        :func:`~fairlead.measure.processes.run_processes` does on one.

        A node that is lost meanwhile is kept in ``lost``; the others go on. On ctrl-C all are ordered to
        stop, and what they have is kept.

        Raises:
            ClusterError: a node was lost before the window began, or all were.
        """
        shares = {name: [orders[p] for p in block] for name, block in self.shares(len(orders)).items()}
        offsets = self._offsets(shares)
        run = self._token()
        placed = {
            name: [msgspec.structs.replace(one, placing=offsets[name].placing(run, name)) for one in own]
            for name, own in shares.items()
        }
        try:
            machines = self._all(placed, "begin", windows.Machine)
            self._wait_until_ready(shares)
            with contextlib.ExitStack() as stack:
                told = {name: _Told(own, stack) for name, own in placed.items()}
                origin_ns = self._clock.mono_ns() + _AHEAD_NS
                start_unix_ns = origin_ns + offset_ns(self._clock)
                for name, own in placed.items():
                    for order in own:  # who is lost before it has told even its head is named all the same
                        head = offsets[name].head(order, machines[name], origin_ns, start_unix_ns)
                        stack.callback(give_head, Path(order.spool), head)
                self._ask({name: origin_ns + offsets[name].mono_ns for name in told}, "go", object)
                self._follow(told, progress)
        finally:
            self._ask(dict.fromkeys(shares.keys() - self._lost.keys(), 0), "end", object)
        if len(self._lost) == len(shares):
            raise ClusterError(f"every node was lost; {_told(self._lost)}", "see to the nodes, then go on")

    def _offsets(self, names: Iterable[str]) -> dict[str, _Offset]:
        """How the clocks of each node differ from ours."""
        return {name: min(self._offset(name) for _ in range(_READINGS)) for name in names}

    def _offset(self, name: str) -> _Offset:
        before_ns, wall_ns = self._clock.mono_ns(), self._clock.unix_ns()
        (found,) = self._all_of([name], "clocks", Reading).values()
        half_ns = (self._clock.mono_ns() - before_ns + 1) // 2
        return _Offset(half_ns, found.mono_ns - before_ns - half_ns, found.unix_ns - wall_ns - half_ns)

    def _wait_until_ready(self, shares: Mapping[str, Sequence[Orders]]) -> None:
        """Until every process is. No spool is begun here before, so that whoever goes on later finds none."""
        waiting = set(shares)
        while waiting:
            heard = self._all({name: [0] * len(shares[name]) for name in waiting}, "heard", Heard)
            for name, found in heard.items():
                if found.is_over:
                    words = found.trouble or "it ended"
                    raise ClusterError(f"node {name} did not begin: {words}", "look there")
            waiting -= {name for name, found in heard.items() if found.are_ready}

    def _follow(self, told: Mapping[str, _Told], progress: Progress | None) -> None:
        """Until every node is over or lost: what they tell, kept; their numbers, added up."""
        is_stopping = False
        while under_way := {
            name: one.held for name, one in told.items() if not one.is_over and name not in self._lost
        }:
            try:
                for name, heard in self._ask(under_way, "heard", Heard).items():
                    told[name].keep(heard)
                    if heard.is_over and heard.trouble is not None:
                        self._lost[name] = heard.trouble
                if progress is not None:
                    progress(sum(one.done for one in told.values()), sum(one.failed for one in told.values()))
            except KeyboardInterrupt:
                if is_stopping:
                    raise
                is_stopping = True
                self._ask(dict.fromkeys(under_way, 0), "stop", object)

    # --- questions ---

    def _ask(
        self, arguments: Mapping[str, Any], what: str, kind: type[_A], within_s: float = _SILENT_S
    ) -> dict[str, _A]:
        """The answers of several nodes, asked all at once. Who does not answer is lost and left out."""
        pending = {
            name: self._links[name].ask(what, msgspec.msgpack.encode(argument))
            for name, argument in arguments.items()
        }
        found = {}
        for name, answer in pending.items():
            try:
                found[name] = msgspec.msgpack.decode(answer(within_s), type=kind)
            except NodeLostError as error:
                self._lost[name] = str(error)
        return found

    def _all(self, arguments: Mapping[str, Any], what: str, kind: type[_A]) -> dict[str, _A]:
        """As :meth:`_ask`, where nobody may be missing."""
        found = self._ask(arguments, what, kind)
        if len(found) < len(arguments):
            message = f"the window was not begun: {_told(self._lost)}"
            raise ClusterError(message, "see to the node, or leave it out, and run the same command again")
        return found

    def _all_of(self, names: Iterable[str], what: str, kind: type[_A]) -> dict[str, _A]:
        return self._all(dict.fromkeys(names, 0), what, kind)


class _Offset(msgspec.Struct, frozen=True, order=True):
    """A node's clocks less ours, to an error of ``error_ns``; the smallest is the surest."""

    error_ns: int
    mono_ns: int
    wall_ns: int

    def placing(self, run: str, node: str) -> Placing:
        return Placing(run=run, node=node, origin_error_ns=self.error_ns, wall_offset_ns=self.wall_ns)

    def head(self, order: Orders, machine: windows.Machine, origin_ns: int, start_unix_ns: int) -> Head:
        """How the spool of a process begins on that node. ``origin_ns``, ``start_unix_ns``: by our clocks."""
        return Head(
            plan=order.plan,
            tool=tool(order.commit),
            machine=machine,
            keyed=order.key is not None,
            start_unix_ns=start_unix_ns + self.wall_ns,
            origin_mono_ns=origin_ns + self.mono_ns,
            placing=order.placing,
        )


class _Told:
    """What a node has told of one window: its spools, kept as they came."""

    def __init__(self, orders: Sequence[Orders], stack: contextlib.ExitStack) -> None:
        opened = (Path(order.spool).open("xb", buffering=0) for order in orders)  # noqa: SIM115 - by the stack
        self._files = [stack.enter_context(file) for file in opened]
        self.held = [0] * len(orders)
        self.done = self.failed = 0
        self.is_over = False

    def keep(self, heard: Heard) -> None:
        """Write what is new, and let it go."""
        for at, (file, piece) in enumerate(zip(self._files, heard.pieces, strict=True)):
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
            self.held[at] += len(piece)
        self.done, self.failed, self.is_over = heard.done, heard.failed, heard.is_over


def share_of_shape(shape: LoadShape, processes: range) -> LoadShape:
    """The load of a node that has these processes: its streams, and its part of the rate."""
    rate = shape.rate_per_s
    return msgspec.structs.replace(
        shape,
        concurrency=share_of(shape.concurrency, processes, shape.processes),
        rate_per_s=None if rate is None else rate * len(processes) / shape.processes,
        processes=len(processes),
    )


def require_same(ours: Facts, theirs: Mapping[str, Facts]) -> None:
    """See that every node runs what this machine runs.

    Raises:
        ClusterError: naming each node that does not, and what differs.
    """
    names = {"engine": "Ray", "python": "Python", "fairlead": "fairlead", "code_sha256": "fairlead's code"}
    wrong = []
    for node, found in theirs.items():
        for key, name in names.items():
            here, there = getattr(ours, key), getattr(found, key)
            if here != there:
                length = 12 if key == "code_sha256" else None
                shown, own = there[:length] or "none", here[:length] or "none"
                wrong.append(f"node {node} has {name} {shown}, this machine {own}")
                break
    if wrong:
        raise ClusterError("; ".join(wrong), SAME)


def _told(lost: Mapping[str, str]) -> str:
    return "; ".join(f"node {name}: {words}" for name, words in lost.items())
