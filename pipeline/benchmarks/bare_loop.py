"""The least that a client in Python can cost: epoll, recvmsg, a stamp, an append. Knows no failure, no limit.

What is left out of it is what makes a client: no event loop, no TLS, no time limit, no policy, no HTTP but
for the five bytes that end a response in chunks, no spool, and no reading of what came. It asks for the
kernel's stamps and keeps them unread. So its processor time is the floor under any client that stamps each
read on this machine, and what ours takes beyond it is what ours can be blamed for.

The same in C (``bare_loop.c``) tells how fast the machine is, whatever the language: what is asked of ours in
milliseconds was written down where that loop took so many itself.
"""

from __future__ import annotations

import gc
import hashlib
import select
import shutil
import socket
import struct
import subprocess
import time
import urllib.parse
from pathlib import Path
from typing import Any

from environments import UnavailableError

from fairlead.measure.connection import READ_BYTES
from fairlead.measure.plan import Plan
from fairlead.measure.readiness import ANCILLARY_BYTES

_SO_TIMESTAMPNS = 35
_END = b"0\r\n\r\n"
_LENGTH = struct.Struct("=I")
_READ = struct.Struct("=IQI")  # as bare_loop.c writes it

Read = tuple[int, Any, bytes]  # the user stamp, the ancillary data as they came, the bytes


class Kept:
    """One request: the digest of its body, when it was sent, and what was read of its response."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.sent_ns = 0
        self.reads: list[Read] = []


def run(plan: Plan) -> tuple[list[Kept], float]:
    """The load of a plan, as a closed loop without a ramp; what was kept, and the processor time of it in s.

    Raises:
        OSError: a connection broke.
    """
    address, asked = _asked(plan)
    gc.collect()
    gc.disable()
    before_s = time.process_time()
    sockets = [_connected(address) for _ in range(plan.concurrency)]
    _loop(sockets, asked)
    used_s = time.process_time() - before_s
    gc.enable()
    for sock in sockets:
        sock.close()
    return [kept for kept, _ in asked], used_s


def run_in_c(plan: Plan, folder: Path) -> tuple[list[Kept], float]:
    """The same load by the loop in C; its processor time is that of its process, from its first connection.

    Raises:
        UnavailableError: it cannot be compiled or run here.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise UnavailableError("there is no C compiler (cc)")
    program, requests, reads = folder / "bare_loop", folder / "requests", folder / "reads"
    (_, port), asked = _asked(plan)
    requests.write_bytes(b"".join(_LENGTH.pack(len(text)) + text for _, text in asked))
    source = Path(__file__).with_suffix(".c")
    order = [program, str(port), str(plan.concurrency), requests, reads]
    try:
        subprocess.run([compiler, "-O2", "-o", program, source], check=True, capture_output=True)
        said = subprocess.run(order, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise UnavailableError(f"{error}: {error.stderr!r}") from None
    _take_reads(reads.read_bytes(), [kept for kept, _ in asked])
    return [kept for kept, _ in asked], int(said) / 1e9


def _take_reads(written: bytes, requests: list[Kept]) -> None:
    at = 0
    while at < len(written):
        number, at_ns, length = _READ.unpack_from(written, at)
        at += _READ.size + length
        if length:
            requests[number].reads.append((at_ns, None, written[at - length : at]))
        else:
            requests[number].sent_ns = at_ns


def _asked(plan: Plan) -> tuple[tuple[str, int | None], list[tuple[Kept, bytes]]]:
    """Where a plan's requests go, and each as its text."""
    target = urllib.parse.urlsplit(plan.address())
    assert target.hostname is not None
    asked = []
    for i in range(plan.requests):
        body = plan.body(i)
        head = f"POST {target.path} HTTP/1.1\r\nhost: {target.netloc}\r\ncontent-length: {len(body)}\r\n\r\n"
        asked.append((Kept(hashlib.sha256(body).hexdigest()), head.encode() + body))
    return (target.hostname, target.port), asked


def _connected(address: tuple[str, int | None]) -> socket.socket:
    sock = socket.create_connection(address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if ANCILLARY_BYTES:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    sock.setblocking(False)
    return sock


def _loop(sockets: list[socket.socket], asked: list[tuple[Kept, bytes]]) -> None:
    mono_ns = time.monotonic_ns
    waiting = iter(asked)
    under_way: dict[int, tuple[Any, Any, list[Read]]] = {}
    poll = select.epoll()

    def send(sock: socket.socket) -> None:
        kept, text = next(waiting)
        kept.sent_ns = mono_ns()
        under_way[sock.fileno()] = sock, sock.recvmsg, kept.reads
        assert sock.send(text) == len(text)

    for sock in sockets:
        poll.register(sock.fileno(), select.EPOLLIN)
        send(sock)
    left = len(asked)
    while left:
        for descriptor, _ in poll.poll():
            sock, recvmsg, reads = under_way[descriptor]
            data, ancillary, _, _ = recvmsg(READ_BYTES, ANCILLARY_BYTES)
            reads.append((mono_ns(), ancillary, data))
            if data.endswith(_END):
                left -= 1
                if left >= len(sockets):
                    send(sock)
            elif not data:
                raise ConnectionError("the reference hung up")
    poll.close()
