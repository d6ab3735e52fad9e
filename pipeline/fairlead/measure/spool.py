"""The append-only working file of a run, and the window it becomes. Knows no socket, no loop and no schedule.

The spool is a magic line, then frames: payload length and CRC-32 (both little-endian, 4 bytes), payload
(msgpack). A head comes first, then for each request ``Begun`` when it is handed to its worker and
``Finished`` with the raw exchange, and a tail. A frame cut short, or one that fails its sum, ends the spool;
what follows is counted and ignored. It is a working file of this version, read by nobody else.

A window of several processes has a spool of each, beside each other; that of process 0 has the name of all.
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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from fairlead import windows
from fairlead.measure import workload
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.plan import MAX_PROCESSES, Plan, Share
from fairlead.measure.policy import Secret, conceal_record
from fairlead.measure.timeline import Exchange, Shot, lost_request, read_request
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
    """

    plan: Plan
    tool: windows.Tool
    machine: windows.Machine
    keyed: bool = False
    start_unix_ns: int
    origin_mono_ns: int


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
        rest = memoryview(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
        while rest:
            rest = rest[self._file.write(rest) :]


def _wait_our_turn() -> None:
    """From now on this thread takes no core from another that is at work, such as the loop that woke it."""
    if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


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
    of another process that is not there, or not of this run, is one that was torn at its start.
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
                reading.take(frame)
                good = file.tell()
            torn_bytes = file.seek(0, os.SEEK_END) - good
            for process in range(1, head.plan.processes):
                torn_bytes += _read_beside(spool_of(spool, process), reading)
            if reading.shows_key:
                raise SpoolError(f"{spool}: the key would stand in the window; nothing is written")
            header = reading.header()
            data = windows.pack(itertools.chain([windows.encode_line(header)], reading.lines()))
    return Sealed(
        header=header,
        requests=reading.count,
        data=data,
        sha256=windows.digest(data),
        stopped=reading.is_cut_off or any(tail.stopped for tail in reading.tails),
        unsent=head.plan.requests - reading.known,
        torn_bytes=torn_bytes,
    )


def _read_beside(spool: Path, reading: _Reading) -> int:
    """Add the frames of another process of the same window; returns how many bytes at its end held none."""
    try:
        file = spool.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        good = 0
        if file.read(len(_MAGIC)) == _MAGIC and reading.is_of_this_run(_read_frame(file)):
            good = file.tell()
            while (frame := _read_frame(file)) is not None:
                reading.take(frame)
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
    sealed: Sealed, before: windows.Certificate | None, after: windows.Certificate | None
) -> Sealed:
    """The same window with the certificates taken before and after its round, and its bytes anew."""
    calibration = windows.Calibration(before=before, after=after)
    header = msgspec.structs.replace(sealed.header, calibration=calibration)
    data = windows.with_header(sealed.data, header)
    return dataclasses.replace(sealed, header=header, data=data, sha256=windows.digest(data))


class _Reading:
    """What the frames of a spool add up to. ``file`` takes each request's line as soon as its frame is read:
    of a long run no more than one request is in memory."""

    def __init__(self, head: Head, key: Secret | None, tokenizer: Pinned | None, file: BinaryIO) -> None:
        self.tails: list[Tail] = []
        self.shows_key = False
        self._head = head
        self._key = key
        self._tokenizer = tokenizer
        self._file = file
        self._begun: dict[int, Shot] = {}
        self._places: dict[int, tuple[int, int]] = {}  # a request's line: where it begins, its length
        self._kernel = False
        self._address: str | None = None
        self._end_ns = head.origin_mono_ns

    @property
    def count(self) -> int:
        """Requests of the window: up to the last that was begun."""
        return 1 + max([*self._begun, *self._places], default=-1)

    @property
    def known(self) -> int:
        """Requests that were begun."""
        return len(self._begun.keys() | self._places.keys())

    @property
    def is_cut_off(self) -> bool:
        """Whether a process has not written its tail."""
        return len(self.tails) < self._head.plan.processes

    def is_of_this_run(self, head: Frame | None) -> bool:
        """Whether this is the head of another process of the same run."""
        ours = self._head
        return isinstance(head, Head) and (head.plan, head.origin_mono_ns) == (ours.plan, ours.origin_mono_ns)

    def take(self, frame: Frame) -> None:
        """Add one frame. A request is parsed here, and its bytes are let go."""
        if isinstance(frame, Begun):
            self._begun[frame.shot.i] = frame.shot
        elif isinstance(frame, Finished):
            dialect = DIALECTS[self._head.plan.dialect]
            request = read_request(frame.shot, frame.exchange, dialect, origin_ns=self._head.origin_mono_ns)
            if self._key is not None:
                request = conceal_record(request, self._key)
            if self._tokenizer is not None:  # after masking: what is counted is what anyone can read
                request = count_request(request, self._tokenizer)
            self._keep(frame.shot.i, windows.encode_line(request))
            self._kernel = self._kernel or any(lag is not None for _, lag, _ in frame.exchange.reads)
            self._address = self._address or frame.exchange.address
            self._end_ns = max(self._end_ns, frame.exchange.end_ns)
        elif isinstance(frame, Tail):
            self.tails.append(frame)

    def _keep(self, i: int, line: bytes) -> None:
        self.shows_key = self.shows_key or (self._key is not None and self._key.appears_in(line))
        self._places[i] = self._file.tell(), self._file.write(line)

    def lines(self) -> Iterator[bytes]:
        """The requests' lines in the order of their numbers, none left out that was begun."""
        for i in range(self.count):
            if i in self._places:
                at, length = self._places[i]
                self._file.seek(at)
                yield self._file.read(length)
            else:
                yield windows.encode_line(self._lost(i))

    def _lost(self, i: int) -> windows.Request:
        origin_ns, plan = self._head.origin_mono_ns, self._head.plan
        if i in self._begun:
            return lost_request(self._begun[i], origin_ns=origin_ns)
        shot = Shot(
            i=i,
            slot=None,
            scheduled_ns=origin_ns + self._starts[i] if plan.is_open else None,
            body_sha256=None,
            process=Share(i % plan.processes, plan.processes).stated,
        )
        return lost_request(shot, origin_ns=origin_ns, why="the run ended before it was sent")

    @functools.cached_property
    def _starts(self) -> list[int]:
        return self._head.plan.starts()

    def _end(self) -> tuple[int, int | None]:
        """When the last process ended, and the largest step that any saw: of a run that was cut off, when the
        last request ended, and None."""
        if self.is_cut_off:
            return self._end_ns, None
        return max(tail.end_mono_ns for tail in self.tails), max(tail.max_step_ns for tail in self.tails)

    def header(self) -> windows.Header:
        """The window's header, once all frames are taken."""
        head, plan = self._head, self._head.plan
        end_mono_ns, max_step_ns = self._end()
        definition = workload.definition_sha256(plan.workload())
        return windows.Header(
            kind="window",
            schema_version=windows.SCHEMA_VERSION,
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
                duration_ns=end_mono_ns - head.origin_mono_ns,
                max_step_ns=max_step_ns,
            ),
            machine=head.machine,
            stamps="kernel" if self._kernel else "user",
            calibration=windows.Calibration(before=None, after=None),
        )
