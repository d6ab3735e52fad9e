"""The append-only working file of a run, and the window it becomes. Knows no socket, no loop and no schedule.

The spool is a magic line, then frames: payload length and CRC-32 (both little-endian, 4 bytes), payload
(msgpack). A head comes first, then for each request ``Begun`` when it is handed to its worker and
``Finished`` with the raw exchange, and a tail. A frame cut short, or one that fails its sum, ends the spool;
what follows is counted and ignored. It is a working file of this version, read by nobody else.

A window of several processes has a spool of each, beside each other; that of process 0 has the name of all.
Where they are on several machines, each spool counts from the origin of its own machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import os
import queue
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from fairlead import windows
from fairlead.measure import workload
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.plan import MAX_PROCESSES, Placing, Plan, Share
from fairlead.measure.policy import Secret, conceal_record
from fairlead.measure.timeline import (
    Exchange,
    Shot,
    lost_request,
    never_connected,
    not_connected_by_us,
    read_request,
)
from fairlead.tokens import Pinned, count_request

# --- the spool -----------------------------------------------------------------------------------------

_MAGIC = b"fairlead spool 1\n"
_FRAME = struct.Struct("<II")
_MAX_FRAME_BYTES = 256 * 1024 * 1024


class SpoolExistsError(FileExistsError):
    """There is a spool already: an earlier run that was neither sealed nor discarded."""


class SpoolError(Exception):
    """The file is no spool, or one without even a head."""


class Head(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The first frame: all that the header of the window needs and the requests do not tell.

    ``keyed``: the requests carried a key, so that sealing needs it, to keep it out of the window.
    ``placing``: the machine, where there are several.
    """

    plan: Plan
    tool: windows.Tool
    machine: windows.Machine
    keyed: bool = False
    start_unix_ns: int
    origin_mono_ns: int
    placing: Placing | None = None


class Begun(msgspec.Struct, frozen=True, tag=True):
    """A request was handed to its worker."""

    shot: Shot


class Finished(msgspec.Struct, frozen=True, tag=True):
    """A request has ended, and this is what was kept of it."""

    shot: Shot
    exchange: Exchange


class Tail(msgspec.Struct, frozen=True, tag=True):
    """The last frame. ``stopped``: the run ended before its plan did."""

    end_mono_ns: int
    max_step_ns: int
    stopped: bool


Frame = Head | Begun | Finished | Tail
_encode_frame = msgspec.msgpack.Encoder().encode
_decode_frame = msgspec.msgpack.Decoder(Frame).decode


def spool_of(spool: Path, process: int) -> Path:
    """The spool of one process of a window."""
    return spool.with_name(f"{spool.name}.{process}") if process else spool


def discard(spool: Path) -> None:
    """Remove a window's spool, with those of its other processes."""
    for process in range(1, MAX_PROCESSES):
        spool_of(spool, process).unlink(missing_ok=True)
    spool.unlink()  # last: as long as it is there, the others are known to be its own


def is_blank(spool: Path) -> bool:
    """Whether a window's spool and those of its other processes hold no byte: they were begun, no more."""
    return not any(
        path.stat().st_size for process in range(MAX_PROCESSES) if (path := spool_of(spool, process)).exists()
    )


class SpoolWriter:
    """Appends frames from a thread of its own, so that a slow disk delays no read.

    One system call a frame, straight to the kernel: what ``put`` was given a moment ago survives kill -9.
    """

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError as error:
            raise SpoolExistsError(error.errno, "there is a spool of an earlier run", str(path)) from None
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._queue: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._write_all, name="spool", daemon=True)
        self._file.write(_MAGIC)
        self._thread.start()

    def put(self, frame: Frame) -> None:
        """Queue a frame. Raises the OSError that an earlier one met."""
        if self._error is not None:
            raise self._error
        self._queue.put(frame)

    def close(self) -> None:
        """Write what is queued, force it to the disk. Raises the OSError that a frame met."""
        self._queue.put(None)
        self._thread.join()
        with self._file:
            if self._error is not None:
                raise self._error
            os.fsync(self._file.fileno())

    def _write_all(self) -> None:
        _wait_our_turn()
        while (frame := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(_encode_frame(frame))
                except OSError as error:
                    self._error = error

    def _write(self, payload: bytes) -> None:
        rest = memoryview(_framed(payload))
        while rest:
            rest = rest[self._file.write(rest) :]


def _wait_our_turn() -> None:
    """From now on this thread takes no core from another that is at work, such as the loop that woke it."""
    if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _framed(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def give_head(spool: Path, head: Head) -> None:
    """Begin a spool that was cut off before its own head; one that has a head stays as it is."""
    with spool.open("r+b") as file:
        if file.read(len(_MAGIC)) == _MAGIC and isinstance(_read_frame(file), Head):
            return
        file.seek(0)
        file.truncate()
        file.write(_MAGIC + _framed(_encode_frame(head)))


def _read_frame(file: BinaryIO) -> Frame | None:
    """The next whole frame, None at the end or where the rest is torn."""
    lead = file.read(_FRAME.size)
    if len(lead) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(lead)
    if length > _MAX_FRAME_BYTES:
        return None
    payload = file.read(length)
    if len(payload) < length or zlib.crc32(payload) != checksum:
        return None
    frame: Frame = _decode_frame(payload)
    return frame


# --- sealing -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sealed:
    """A window ready to be kept: of so many ``requests``, with ``sha256`` the digest of the file's bytes.

    ``stopped``: the run ended before its plan did, by a limit or from outside. ``unsent``: planned requests
    that were never begun. ``torn_bytes``: bytes at the end of a spool that held no whole frame and were
    ignored.
    """

    header: windows.Header
    requests: int
    data: bytes
    sha256: str
    stopped: bool
    unsent: int
    torn_bytes: int

    @functools.cached_property
    def window(self) -> windows.Window:
        """The window, read from its bytes when it is asked for: it takes many times their memory."""
        return windows.decode_window(self.data)


def seal(
    spool: Path, key: Secret | None = None, tokenizers: Mapping[str, Pinned] = MappingProxyType({})
) -> Sealed:
    """The window that a spool holds, whole or torn: the same spool always gives the same bytes.

    A request that was begun and has no end on record, for the run was killed, is a ``client`` failure. So is
    one that a process never began while another went beyond its number, for numbers have no gaps. The spool
    of another process that is not there, or not of this run, is one that was torn at its start. Of a window
    that several machines shared, one that was lost does not make it a run that was stopped; one none of whose
    requests reached a server, while those of another did, had no network: its failures are ours.
    ``key``: the one that the requests carried; what a provider said of it is masked. ``tokenizers``: by
    digest; the plan names the one that counts, request by request.

    Raises:
        SpoolError: the file is no spool, or holds not even the plan, or was measured with a key, or is to be
            counted with a tokenizer, that is not given here.
        OSError: it cannot be read.
    """
    with spool.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise SpoolError(f"{spool} is not a spool of this version")
        head = _read_frame(file)
        if not isinstance(head, Head):
            raise SpoolError(f"{spool} was cut off before the first request")
        if head.keyed and key is None:
            raise SpoolError(f"{spool} was measured with a key: set the key of {head.plan.provider} again")
        with tempfile.TemporaryFile() as lines:
            reading = _Reading(head, key, _tokenizer(spool, head.plan, tokenizers), lines)
            good = file.tell()
            while (frame := _read_frame(file)) is not None:
                reading.take(frame, 0)
                good = file.tell()
            torn_bytes = file.seek(0, os.SEEK_END) - good
            for process in range(1, head.plan.processes):
                torn_bytes += _read_beside(spool_of(spool, process), reading, process)
            if reading.shows_key:
                raise SpoolError(f"{spool}: the key would stand in the window; nothing is written")
            header = reading.header()
            data = windows.pack(itertools.chain([windows.encode_line(header)], reading.lines()))
    return Sealed(
        header=header,
        requests=reading.count,
        data=data,
        sha256=windows.digest(data),
        stopped=reading.is_stopped,
        unsent=head.plan.requests - reading.known,
        torn_bytes=torn_bytes,
    )


def _read_beside(spool: Path, reading: _Reading, process: int) -> int:
    """Add the frames of another process of the same window; returns how many bytes at its end held none."""
    try:
        file = spool.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        good = 0
        if file.read(len(_MAGIC)) == _MAGIC and reading.joins(_read_frame(file), process):
            good = file.tell()
            while (frame := _read_frame(file)) is not None:
                reading.take(frame, process)
                good = file.tell()
        return file.seek(0, os.SEEK_END) - good


def _tokenizer(spool: Path, plan: Plan, tokenizers: Mapping[str, Pinned]) -> Pinned | None:
    if plan.tokenizer_sha256 is None:
        return None
    pinned = tokenizers.get(plan.tokenizer_sha256)
    if pinned is None:
        raise SpoolError(
            f"{spool} is to be counted with the tokenizer with sha256 {plan.tokenizer_sha256}: give it"
        )
    return pinned


def with_calibration(
    sealed: Sealed,
    before: windows.Certificate | None,
    after: windows.Certificate | None,
    nodes: Mapping[str, windows.Calibration] = MappingProxyType({}),
) -> Sealed:
    """The same window with the certificates taken before and after its round, and its bytes anew.

    ``nodes``: by name, where several machines shared it; those of the first are the window's own.
    """
    own = windows.Calibration(before=before, after=after)
    placed = tuple(
        msgspec.structs.replace(node, calibration=nodes.get(node.name, node.calibration))
        for node in sealed.header.nodes
    )
    header = msgspec.structs.replace(
        sealed.header, calibration=placed[0].calibration if placed else own, nodes=placed
    )
    data = windows.with_header(sealed.data, header)
    return dataclasses.replace(sealed, header=header, data=data, sha256=windows.digest(data))


def _without_network(line: bytes) -> bytes:
    return windows.encode_line(not_connected_by_us(msgspec.json.decode(line, type=windows.Request)))


class _Reading:
    """What the frames of a spool add up to. ``file`` takes each request's line as soon as its frame is read:
    of a long run no more than one request is in memory."""

    def __init__(self, head: Head, key: Secret | None, tokenizer: Pinned | None, file: BinaryIO) -> None:
        self.tails: dict[int, Tail] = {}
        self.shows_key = False
        self._head = head
        self._heads = {0: head}
        self._key = key
        self._tokenizer = tokenizer
        self._file = file
        self._begun: dict[int, tuple[Shot, int]] = {}  # with the process that said so
        self._places: dict[int, tuple[int, int]] = {}  # a request's line: where it begins, its length
        self._cut: dict[int, list[int]] = {}  # by process: requests that reached no server
        self._reached: set[int] = set()  # processes one of whose requests did
        self._kernel = False
        self._address: str | None = None
        self._last_ns = 0

    @property
    def count(self) -> int:
        """Requests of the window: up to the last that was begun."""
        return 1 + max([*self._begun, *self._places], default=-1)

    @property
    def known(self) -> int:
        """Requests that were begun."""
        return len(self._begun.keys() | self._places.keys())

    @property
    def _is_cut_off(self) -> bool:
        """Whether a process has not written its tail."""
        return len(self.tails) < self._head.plan.processes

    @property
    def is_stopped(self) -> bool:
        """Whether the run ended before its plan did; one that lost a machine went on to its end."""
        is_lost = self._head.placing is not None and bool(self.tails)
        return (self._is_cut_off and not is_lost) or any(tail.stopped for tail in self.tails.values())

    def joins(self, head: Frame | None, process: int) -> bool:
        """Whether this is the head of another process of the same run; it is kept."""
        ours = self._head
        if not isinstance(head, Head) or head.plan != ours.plan:
            return False
        if ours.placing is None or head.placing is None:
            is_ours = (head.origin_mono_ns, head.placing) == (ours.origin_mono_ns, ours.placing)
        else:
            is_ours = head.placing.run == ours.placing.run
        if is_ours:
            self._heads[process] = head
        return is_ours

    def take(self, frame: Frame, process: int) -> None:
        """Add one frame of a process. A request is parsed here, and its bytes are let go."""
        origin_ns = self._heads[process].origin_mono_ns
        if isinstance(frame, Begun):
            self._begun[frame.shot.i] = frame.shot, process
        elif isinstance(frame, Finished):
            dialect = DIALECTS[self._head.plan.dialect]
            request = read_request(frame.shot, frame.exchange, dialect, origin_ns=origin_ns)
            if self._key is not None:
                request = conceal_record(request, self._key)
            if self._tokenizer is not None:  # after masking: what is counted is what anyone can read
                request = count_request(request, self._tokenizer)
            self._keep(frame.shot.i, windows.encode_line(request))
            self._kernel = self._kernel or any(lag is not None for _, lag, _ in frame.exchange.reads)
            self._address = self._address or frame.exchange.address
            self._last_ns = max(self._last_ns, frame.exchange.end_ns - origin_ns)
            if never_connected(frame.exchange):
                self._cut.setdefault(process, []).append(frame.shot.i)
            elif frame.exchange.sent_ns is not None:
                self._reached.add(process)
        elif isinstance(frame, Tail):
            self.tails[process] = frame

    def _keep(self, i: int, line: bytes) -> None:
        self.shows_key = self.shows_key or (self._key is not None and self._key.appears_in(line))
        self._places[i] = self._file.tell(), self._file.write(line)

    def lines(self) -> Iterator[bytes]:
        """The requests' lines in the order of their numbers, none left out that was begun."""
        ours = {i for process in self._unreachable for i in self._cut[process]}
        for i in range(self.count):
            if i in self._places:
                at, length = self._places[i]
                self._file.seek(at)
                line = self._file.read(length)
                yield _without_network(line) if i in ours else line
            else:
                yield windows.encode_line(self._lost(i))

    @functools.cached_property
    def _unreachable(self) -> frozenset[int]:
        """The processes of machines without a way to the provider, where another machine had one."""
        if self._head.placing is None or not self._reached:
            return frozenset()
        nodes = self._processes_by_node().values()
        cut = [p for p in nodes if not self._reached.intersection(p) and any(one in self._cut for one in p)]
        return frozenset(one for processes in cut for one in processes if one in self._cut)

    def _processes_by_node(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for process, head in self._heads.items():
            if head.placing is not None:
                found.setdefault(head.placing.node, []).append(process)
        return found

    def _lost(self, i: int) -> windows.Request:
        plan, is_shared = self._head.plan, self._head.placing is not None
        if i in self._begun:
            shot, process = self._begun[i]
            why = "its node was lost" if is_shared else "the run was killed"
            return lost_request(shot, origin_ns=self._heads[process].origin_mono_ns, why=why)
        origin_ns = self._head.origin_mono_ns
        shot = Shot(
            i=i,
            slot=None,
            scheduled_ns=origin_ns + self._starts[i] if plan.is_open else None,
            body_sha256=None,
            process=Share(i % plan.processes, plan.processes).stated,
        )
        why = f"{'its node was lost' if is_shared else 'the run ended'} before it was sent"
        return lost_request(shot, origin_ns=origin_ns, why=why)

    @functools.cached_property
    def _starts(self) -> list[int]:
        return self._head.plan.starts()

    def _duration_ns(self) -> int:
        """Until the last process ended: of a run that was cut off, until the last request or process did."""
        ends = [tail.end_mono_ns - self._heads[p].origin_mono_ns for p, tail in self.tails.items()]
        if self._is_cut_off:
            return max([self._last_ns, *(ends if self._head.placing is not None else [])])
        return max(ends)

    def _max_step_ns(self, processes: Iterable[int]) -> int | None:
        """The largest step that any of these saw; None where one of them was cut off."""
        tails = [self.tails.get(process) for process in processes]
        return None if None in tails else max(tail.max_step_ns for tail in tails if tail is not None)

    def _node(self, name: str, processes: list[int]) -> windows.Node:
        head = self._heads[processes[0]]
        assert head.placing is not None
        fault: windows.NodeFault | None = "unreachable" if self._unreachable.intersection(processes) else None
        return windows.Node(
            name=name,
            processes=processes,
            machine=head.machine,
            clock=windows.NodeClock(
                origin_mono_ns=head.origin_mono_ns,
                origin_error_ns=head.placing.origin_error_ns,
                wall_offset_ns=head.placing.wall_offset_ns,
                max_step_ns=self._max_step_ns(processes),
            ),
            fault="lost" if any(one not in self.tails for one in processes) else fault,
            calibration=windows.Calibration(before=None, after=None),
        )

    def header(self) -> windows.Header:
        """The window's header, once all frames are taken."""
        head, plan = self._head, self._head.plan
        definition = workload.definition_sha256(plan.workload())
        nodes = tuple(self._node(*node) for node in self._processes_by_node().items())
        step = self._max_step_ns(nodes[0].processes if nodes else range(plan.processes))
        return windows.Header(
            kind="window",
            schema_version=windows.NODES_VERSION if nodes else windows.SCHEMA_VERSION,
            origin="measured",
            tool=head.tool,
            provider=plan.provider,
            endpoint=plan.endpoint,
            model=plan.model,
            api_model=plan.api_model or plan.model,
            dialect=plan.dialect,
            http=plan.http,
            address=self._address,
            vantage=plan.vantage,
            round=plan.round,
            role=plan.role,
            registration_sha256=plan.registration_sha256,
            seed=plan.seed,
            plan_index=plan.plan_index,
            methodology=plan.methodology,
            workload=windows.Workload(id=workload.ID, sha256=definition),
            tokenizer_sha256=plan.tokenizer_sha256,
            load=plan.load(),
            clock=windows.WindowClock(
                start_unix_ns=head.start_unix_ns,
                basis="measured",
                origin_mono_ns=head.origin_mono_ns,
                duration_ns=self._duration_ns(),
                max_step_ns=step,
            ),
            machine=head.machine,
            stamps="kernel" if self._kernel else "user",
            calibration=windows.Calibration(before=None, after=None),
            nodes=nodes,
        )
