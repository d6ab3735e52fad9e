"""The least that a client in Python can cost: epoll, recvmsg, a stamp, an append. Knows no failure, no limit.

What is left out of it is what makes a client: no event loop, no TLS, no time limit, no policy, no HTTP but
for the five bytes that end a response in chunks, no spool, and no reading of what came. It asks for the
kernel's stamps and keeps them unread. So its processor time is the floor under any client that stamps each
read on this machine, and what ours takes beyond it is what ours can be blamed for.
"""

from __future__ import annotations

import gc
import hashlib
import select
import socket
import time
import urllib.parse
from typing import Any

from fairlead.measure.plan import Plan
from fairlead.measure.transport import ANCILLARY_BYTES, READ_BYTES

_SO_TIMESTAMPNS = 35
_END = b"0\r\n\r\n"

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
    target = urllib.parse.urlsplit(plan.address())
    assert target.hostname is not None
    address = target.hostname, target.port
    asked = []
    for i in range(plan.requests):
        body = plan.body(i)
        head = f"POST {target.path} HTTP/1.1\r\nhost: {target.netloc}\r\ncontent-length: {len(body)}\r\n\r\n"
        asked.append((Kept(hashlib.sha256(body).hexdigest()), head.encode() + body))
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
