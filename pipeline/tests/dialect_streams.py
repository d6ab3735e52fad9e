"""What the APIs send, as scripted in ``golden/dialects``, put on the wire. Shared by tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from fairlead import windows
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.timeline import Ended, Exchange, Shot, read_request

GOLDEN = Path(__file__).parent / "golden" / "dialects"
SCRIPTS = {f"{path.parent.name}/{path.stem}": path for path in sorted(GOLDEN.glob("*/*.*"))}
SHOT = Shot(i=0, slot=0, scheduled_ns=None, body_sha256=None)
READ_NS = 1000  # reads come this far apart, the first this long after the request was sent


def script(case: str) -> bytes:
    """The body of one case, named ``dialect/case``."""
    return SCRIPTS[case].read_bytes()


def events(body: bytes) -> list[bytes]:
    """An event stream in its blocks, each with the blank line that ends it."""
    return [block + b"\n\n" for block in body.split(b"\n\n") if block]


def head(dialect: str, framing: bytes = b"transfer-encoding: chunked\r\n") -> bytes:
    kind = b"text/event-stream" if DIALECTS[dialect].streamed else b"application/json; charset=UTF-8"
    return b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n" % (kind, framing)


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def reads_of(case: str) -> list[bytes]:
    """A case on the wire: the head; then each event in a read of its own, or a whole body in two; the end."""
    dialect = case.partition("/")[0]
    body = script(case)
    half = len(body) // 2
    parts = events(body) if DIALECTS[dialect].streamed else [body[:half], body[half:]]
    return [head(dialect), *map(chunked, parts), b"0\r\n\r\n"]


def record(dialect: str, reads: Sequence[bytes], *, ended: Ended = Ended.COMPLETE) -> windows.Request:
    """The record of these reads."""
    stamped = [(READ_NS * (k + 1), None, data) for k, data in enumerate(reads)]
    return read_request(
        SHOT,
        Exchange(sent_ns=0, reused=False, reads=stamped, end_ns=READ_NS * (len(stamped) + 1), ended=ended),
        DIALECTS[dialect],
        origin_ns=0,
    )


def whole_record(dialect: str, body: bytes) -> windows.Request:
    """The record of a body that came in one read, after its head."""
    return record(dialect, [head(dialect), chunked(body), b"0\r\n\r\n"])


def cases(*, streamed: bool) -> Iterable[str]:
    return [case for case in SCRIPTS if DIALECTS[case.partition("/")[0]].streamed is streamed]


def split(wire: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The same bytes in other reads."""
    edges = sorted({0, len(wire), *(cut for cut in cuts if 0 < cut < len(wire))})
    return [wire[a:b] for a, b in itertools.pairwise(edges)]
