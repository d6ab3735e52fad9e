"""The end of a response is seen with the read that brings it, however the bytes are cut."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.clock import SystemClock
from fairlead.measure import transport1
from fairlead.measure.plan import Limits
from fairlead.measure.timeline import Ended, Exchange

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

contents = st.lists(
    st.sampled_from([b"data: a\n\n", b"data: a\r\n\r\n", b"0", b"\r\n0\r\n", b"x" * 9_000]), max_size=8
)


@dataclass
class Wire:
    """A socket whose reads are a list."""

    pieces: list[bytes]
    tls: None = None

    def recvmsg(self, _size: int, _ancillary: int) -> tuple[bytes, list[object], int, None]:
        return self.pieces.pop(0), [], 0, None


@dataclass
class Connection:
    sock: Wire
    tls: None = None


@dataclass
class Readiness:
    forgotten: list[Wire] = field(default_factory=list)

    def lag_ns(self, _now_ns: int, _ancillary: list[object]) -> None:
        """No stamps here."""

    def forget(self, sock: Wire) -> None:
        self.forgotten.append(sock)


async def read_all(pieces: list[bytes]) -> tuple[Exchange, int]:
    """The exchange, and how many reads it took until it had ended."""
    exchange, wire = Exchange(), Wire([*pieces, b""])
    call = transport1._Call(Connection(wire), exchange, Limits(), SystemClock(), Readiness())
    taken = 0
    while not exchange.end_ns:
        call._on_readable()
        taken += 1
    return exchange, taken


@given(
    contents=contents,
    trailer=st.sampled_from([b"", b"a: b\r\n"]),
    unasked=st.sampled_from([b"", b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    from_end=st.lists(st.integers(1, 12), max_size=6),
)
@example(contents=[b"data: a\n\n"], trailer=b"", unasked=b"", cuts=[], from_end=[1, 2, 3, 4, 5])
def test_a_body_in_chunks_ends_with_the_read_that_holds_its_last_byte(
    contents, trailer, unasked, cuts, from_end
):
    body = b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in contents)
    whole = HEAD + body + b"0\r\n" + trailer + b"\r\n"
    stream = whole + unasked
    places = {*cuts, *(len(whole) - back for back in from_end)}
    edges = sorted({0, len(stream), *(place for place in places if 0 < place < len(stream))})
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    exchange, taken = asyncio.run(read_all(pieces))
    assert exchange.ended is Ended.COMPLETE
    assert len(b"".join(pieces[: taken - 1])) < len(whole) <= len(b"".join(pieces[:taken]))


def test_framing_that_breaks_unseen_is_seen_when_the_connection_closes():
    broken = HEAD + b"5\r\nabcde\r\n"
    exchange, _ = asyncio.run(read_all([broken, b"zz no length", b"x"]))
    assert exchange.ended is Ended.NOT_HTTP
