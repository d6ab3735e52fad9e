"""Which sockets can be read, and when the kernel says that bytes reached the machine. Knows no protocol.

On Linux each read carries the kernel's receive stamp (``SO_TIMESTAMPNS``; ``recvmsg`` ancillary data), taken
when the newest of its bytes reached the machine. That is why sockets are read by whoever asked, and not by an
asyncio protocol, which has no ancillary data.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import sys
from collections.abc import Callable, Sequence

from fairlead.clock import NS_PER_S, Clock
from fairlead.measure.pacer import Ticker

KERNEL_STAMPS = sys.platform == "linux"
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) if KERNEL_STAMPS else 0

GATHER_NS = 250_000
_GATHER_AFTER = 8  # wakes closer to each other than that
_GATHER_UNTIL = 8  # looks that found nothing
_TIGHT_NS = 5_000  # two clock readings with nothing in between take less


def hold_kernel_stamps() -> socket.socket | None:
    """A socket to keep open during a run: while one exists that wants stamps, the kernel stamps every packet.

    Without it the first packets after the first request of the kind come unstamped.
    """
    if not KERNEL_STAMPS:
        return None
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    want_kernel_stamps(holder)
    return holder


def want_kernel_stamps(sock: socket.socket) -> None:
    """Ask for a stamp with each read of this socket."""
    if KERNEL_STAMPS:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:  # a sandboxed kernel without it: reads come without lag, the record says "user"
            return


class Readiness:
    """Which sockets can be read, asked of the kernel many at a time. Shared by the transports of a loop.

    On Linux an epoll of our own that the loop watches as one descriptor. It costs less than a watch for each
    socket, and it keeps reporting a reset until that has been read: uvloop stops watching a socket at the
    first error, and a reset that comes right behind data would never be heard of.

    While reads come thick, they are *gathered*: the kernel is asked every ``GATHER_NS`` instead of being
    waited for, as a network card moderates its interrupts. To wake up costs more than to read; and when bytes
    arrived is told by the kernel's stamps, not by when we came for them. So only where there are such
    stamps. The time that bytes were left to wait is in their lag, like all that is ours.
    """

    def __init__(self, clock: Clock) -> None:
        self.wall_offset_ns = 0
        """Wall time minus monotonic time, as of the latest look."""
        self._loop = asyncio.get_running_loop()
        self._mono_ns = clock.mono_ns
        self._unix_ns = clock.unix_ns
        self._calls: dict[int, Callable[[], None]] = {}
        self.are_stamped = KERNEL_STAMPS
        """Whether reads carry the kernel's stamps, as far as is known."""
        self._looked_ns = 0
        self._in_a_row = 0
        self._epoll = select.epoll() if sys.platform == "linux" else None
        self._ticker = Ticker(self._loop, GATHER_NS, self._on_tick)
        if self._epoll is not None:
            self._loop.add_reader(self._epoll.fileno(), self._on_ready)

    def watch(self, sock: socket.socket, call: Callable[[], None]) -> None:
        """Call ``call`` whenever ``sock`` has data, an end or an error, until it is forgotten."""
        if self._epoll is None:
            self._loop.add_reader(sock, call)
            return
        self._calls[sock.fileno()] = call
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def forget(self, sock: socket.socket) -> None:
        """Watch ``sock`` no more; harmless if it was not watched."""
        if self._epoll is None:
            self._loop.remove_reader(sock)
        elif self._calls.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock.fileno())

    def lag_ns(self, now_ns: int, ancillary: Sequence[tuple[int, int, bytes]]) -> int | None:
        """From the kernel's stamp of a read (on the wall clock) to ``now_ns`` (on the monotonic one).

        None where the read has no stamp.
        """
        if not ancillary:
            self.are_stamped = False
            return None
        seconds: int
        nanoseconds: int
        seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
        return now_ns + self.wall_offset_ns - seconds * NS_PER_S - nanoseconds

    def close(self) -> None:
        """Watch nothing more."""
        self._ticker.close()
        if self._epoll is not None and not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _on_ready(self) -> None:
        """Something came. Once it comes faster than it would be gathered, time after time: gather."""
        self._look()
        before_ns, self._looked_ns = self._looked_ns, self._mono_ns()
        close = self._looked_ns - before_ns < GATHER_NS
        self._in_a_row = self._in_a_row + 1 if close else 0
        if self._in_a_row >= _GATHER_AFTER and self._ticker.able and self.are_stamped:
            assert self._epoll is not None
            self._in_a_row = 0
            self._loop.remove_reader(self._epoll.fileno())
            self._ticker.start()

    def _on_tick(self) -> None:
        """Time to look. Where nothing came time after time, wait for the kernel again."""
        self._in_a_row = 0 if self._look() else self._in_a_row + 1
        if self._in_a_row >= _GATHER_UNTIL or not self.are_stamped:
            assert self._epoll is not None
            self._in_a_row = 0
            self._ticker.stop()
            self._loop.add_reader(self._epoll.fileno(), self._on_ready)

    def _look(self) -> bool:
        """Let everything that is ready be read. Whether anything was."""
        assert self._epoll is not None
        found = self._epoll.poll(0)
        if not found:
            return False
        self._read_offset()
        calls = self._calls
        for descriptor, _ in found:
            call = calls.get(descriptor)
            if call is not None:  # an earlier call of this round may have forgotten it
                call()
        return True

    def _read_offset(self) -> None:
        """The wall clock between two readings of the other; a pair too far apart was interrupted and is read
        again, else the interruption would pass for lag."""
        before_ns = self._mono_ns()
        while True:
            wall_ns = self._unix_ns()
            after_ns = self._mono_ns()
            if after_ns - before_ns < _TIGHT_NS:
                self.wall_offset_ns = wall_ns - after_ns
                return
            before_ns = self._mono_ns()
