"""The raw window: its shape in memory and its bytes on disk. Knows no metric, no file system, no schema.

A window is one burst of requests at one time of day. On disk it is gzip'd JSON Lines: a header
line, then one line a request, in the order of ``i``. The form is append-only: a field may be
added with a new ``schema_version``, none is ever removed or given another meaning.

The text is canonical: encoding what was decoded gives the same bytes again. So duplicate keys,
stray spaces and numbers with two spellings cannot hide in a file.

Every field ends in its unit (``_ns`` integer nanoseconds, ``_ppm`` parts per million). Times are
nanoseconds after the header's ``clock.origin_mono_ns`` unless their comment says *duration*.
"""

from __future__ import annotations

import enum
import gzip
import hashlib
import io
import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, TypeVar

import msgspec

SCHEMA_VERSION = 1
NODES_VERSION = 2
"""Of a window that several nodes shared: version 1 with ``nodes``. All others stay version 1."""

# What a hostile file may make us hold. A window of 1,024 streams x 10 requests x 2,000 tokens
# is about 130 MB of text; nothing the methodology plans comes near.
MAX_COMPRESSED_BYTES = 32 * 1024 * 1024
MAX_TEXT_BYTES = 160 * 1024 * 1024
MAX_LINE_BYTES = 8 * 1024 * 1024
MAX_REQUESTS = 100_000


Http = Literal["1.1", "2"]
"""What a window was measured over."""


class Outcome(enum.StrEnum):
    """How a request ended. Everything but ``ok`` is a failure and stays one in every figure."""

    OK = "ok"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    IN_STREAM_ERROR = "in_stream_error"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    MALFORMED = "malformed"
    WRONG_LENGTH = "wrong_length"
    REFUSED = "refused"
    CLIENT = "client"
    UNKNOWN = "unknown"


# An integer that fits 64 bits with its sign: whoever reads a window into arrays must not be able to overflow.
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a raw line. Every key is required; null means the source did not give it."""


class Tool(_Line, frozen=True):
    """The program that measured."""

    name: str
    version: str
    commit: str | None
    source_sha256: str | None


class Methodology(_Line, frozen=True):
    """The methodology version a window was measured under, and the digest of its text."""

    version: str
    sha256: str


class Workload(_Line, frozen=True):
    """The prompts, by id and by the digest of their definition."""

    id: str
    sha256: str


class Load(_Line, frozen=True):
    """How requests were sent: a closed loop at a concurrency, or an open loop at a rate.

    ``concurrency`` of an open loop: the most requests that may be under way.
    """

    kind: Literal["closed", "open"]
    concurrency: Int64 | None
    rate_per_s: float | None
    arrivals: Literal["poisson", "constant"] | None
    planned: Int64
    ramp_ns: Int64
    connect_timeout_ns: Int64 | None
    first_timeout_ns: Int64 | None
    total_timeout_ns: Int64 | None


class WindowClock(_Line, frozen=True):
    """Where the window lies in time. ``max_step_ns``: the largest jump of wall against monotonic."""

    start_unix_ns: Int64
    basis: Literal["measured", "file_timestamp"]
    origin_mono_ns: Int64 | None
    duration_ns: Int64 | None
    max_step_ns: Int64 | None


class Machine(_Line, frozen=True):
    """The machine of the client."""

    cpu: str
    cores: Int64
    kernel: str
    python: str
    affinity: list[Int64]


class Certificate(_Line, frozen=True):
    """The client's own error at this load, against an endpoint of known timing.

    The ``*_error_ns`` lists hold five signed values: min, p50, p90, p99, max.
    """

    sha256: str
    taken_unix_ns: Int64
    load: Load
    tokens: Int64
    missing: Int64
    shared_core: bool
    reference_late_p99_ns: Int64
    token_error_ns: list[Int64]
    ttft_error_ns: list[Int64]
    icl_error_ns: list[Int64]
    lag_p99_ns: Int64 | None
    throughput_error_ppm: Int64
    cpu_ns_per_token: Int64


class Calibration(_Line, frozen=True):
    """The certificates taken before and after the round."""

    before: Certificate | None
    after: Certificate | None


class NodeClock(_Line, frozen=True):
    """The clocks of a node. Its stamps are of its own monotonic clock, after its own origin.

    ``origin_error_ns``: by how much that origin may lie before or after the common one, half of the quickest
    round trip. ``wall_offset_ns``: its wall clock less that of the machine that gave the orders, to the same
    error. ``max_step_ns``: the largest jump of wall against monotonic; null where the node was lost.
    """

    origin_mono_ns: Int64
    origin_error_ns: Int64
    wall_offset_ns: Int64
    max_step_ns: Int64 | None


NodeFault = Literal["lost", "unreachable"]


class Node(_Line, frozen=True):
    """A machine that had a share of the load: these of its processes, with certificates of its own.

    ``fault``: it was lost before it had told all; or none of its requests reached a server while those of
    another node did, so that they are our failures.
    """

    name: str
    processes: list[Int64]
    machine: Machine
    clock: NodeClock
    fault: NodeFault | None
    calibration: Calibration


class Header(_Line, frozen=True, omit_defaults=True):
    """Line 1 of a window.

    ``nodes``: the machines that shared the load, left out where there was one. ``clock``, ``machine`` and
    ``calibration`` are then those of the node with process 0.
    """

    kind: Literal["window"]
    schema_version: Int64
    origin: Literal["measured", "imported"]
    tool: Tool
    provider: str
    endpoint: str
    model: str
    api_model: str | None
    dialect: str
    http: Http
    address: str | None
    vantage: str | None
    round: str | None
    role: Literal["subject", "control", "smoke"]
    registration_sha256: str | None
    seed: str | None
    plan_index: Int64 | None
    methodology: Methodology | None
    workload: Workload | None
    tokenizer_sha256: str | None
    load: Load
    clock: WindowClock
    machine: Machine | None
    stamps: Literal["kernel", "user", "durations"]
    calibration: Calibration
    nodes: tuple[Node, ...] = ()

    def certificates(self) -> Iterator[tuple[str, Certificate]]:
        """Every certificate that is stated, with the JSON pointer to it."""
        places = [("/calibration", self.calibration)]
        places += [(f"/nodes/{at}/calibration", node.calibration) for at, node in enumerate(self.nodes)]
        for where, calibration in places:
            for when, certificate in (("before", calibration.before), ("after", calibration.after)):
                if certificate is not None:
                    yield f"{where}/{when}", certificate


class Connection(_Line, frozen=True):
    """How the request reached its host. Durations; null where the step did not happen."""

    reused: bool | None
    dns_ns: Int64 | None
    tcp_ns: Int64 | None
    tls_ns: Int64 | None


class Tokens(_Line, frozen=True):
    """Token counts: ``counted`` by the model's pinned tokenizer, ``usage_*`` as the provider says."""

    counted: Int64 | None
    usage_output: Int64 | None
    usage_input: Int64 | None
    usage_cached: Int64 | None
    usage_reasoning: Int64 | None


class ErrorDetail(_Line, frozen=True):
    """The evidence of a failure: a code and the redacted head of the message (512 characters)."""

    code: str
    message: str


class Request(_Line, frozen=True):
    """One request: its stamps, what came back, and how it ended."""

    i: Int64
    slot: Int64 | None
    process: Int64 | None
    body_sha256: str | None
    probe: str | None
    scheduled_ns: Int64 | None
    sent_ns: Int64 | None
    headers_ns: Int64 | None
    done_ns: Int64 | None
    connection: Connection
    chunk_ns: list[Int64]  # content chunks: first after origin (durations: start), then gaps; 0 = same read
    chunk_lag_ns: list[Int64] | None  # user time - kernel time of the same reads
    chunk_kind: str  # run lengths: "r40t88" = 40 reasoning chunks, then 88 of text; c = tool call
    chunk_chars: list[Int64]
    chunk_tokens: list[Int64] | None
    text: str | None
    reasoning: str | None
    tool_calls: str | None  # the concatenated deltas, as JSON text
    tokens: Tokens
    status: Int64 | None
    finish: str | None
    outcome: Outcome
    error: ErrorDetail | None
    provider_request_id: str | None
    ttft_ns: Int64 | None  # only where stamps = durations
    e2e_ns: Int64 | None  # only where stamps = durations
    original: str | None  # the source record's own text, verbatim; imports only


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A header and its requests, as read from one file."""

    header: Header
    requests: list[Request]


class WindowError(Exception):
    """The bytes are no window. ``line`` is 1-based, 0 for the file as a whole.

    ``rule`` names what is broken: ``gzip``, ``size``, ``encoding``, ``json``, ``canonical``,
    ``header`` or ``request``.
    """

    def __init__(self, rule: str, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.rule = rule
        self.line = line
        self.message = message


_L = TypeVar("_L", Header, Request)

_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(Header)
_request_decoder = msgspec.json.Decoder(Request)


def encode_line(line: Header | Request) -> bytes:
    """The canonical text of one line, without its line feed."""
    return _encoder.encode(line)


def encode_window(header: Header, requests: Iterable[Request]) -> bytes:
    """The file's bytes: :func:`pack` of canonical lines."""
    lines: Iterator[Header | Request] = itertools.chain([header], requests)
    return pack(map(encode_line, lines))


def pack(lines: Iterable[bytes]) -> bytes:
    """Deterministic gzip (no name, no time, level 6) over lines, each of which gets its line feed."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as file:
        for line in lines:
            file.write(line + b"\n")
    return buffer.getvalue()


def with_header(data: bytes, header: Header) -> bytes:
    """A window's bytes with another header and the very same requests, which are not read.

    Raises:
        WindowError: not gzip, cut short, or too large.
    """
    _, _, rest = inflate(data).partition(b"\n")
    return pack([encode_line(header), *([rest.removesuffix(b"\n")] if rest else [])])


def digest(data: bytes) -> str:
    """The sha256 of ``data`` in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def inflate(data: bytes, limit: int = MAX_TEXT_BYTES) -> bytes:
    """The text inside one gzip member, at most ``limit`` bytes of it.

    Raises:
        WindowError: not gzip, cut short, bytes after the end, or larger than ``limit``.
    """
    if len(data) > MAX_COMPRESSED_BYTES:
        raise WindowError("size", 0, f"{len(data)} bytes of gzip, more than {MAX_COMPRESSED_BYTES}")
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        text = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise WindowError("gzip", 0, f"not a gzip file ({error})") from None
    if len(text) > limit:
        raise WindowError("size", 0, f"unpacks to more than {limit} bytes")
    if not inflater.eof:
        raise WindowError("gzip", 0, "the gzip stream is cut short")
    if inflater.unused_data:
        raise WindowError("gzip", 0, f"{len(inflater.unused_data)} bytes after the gzip stream")
    return text


def decode_window(data: bytes) -> Window:
    """Read a window from its file's bytes. The inverse of :func:`encode_window`.

    Raises:
        WindowError: the first thing that is wrong, with its line.
    """
    lines = inflate(data).split(b"\n")
    if lines[-1] != b"":
        raise WindowError("canonical", len(lines), "the last line does not end with a line feed")
    lines.pop()
    if not lines:
        raise WindowError("header", 0, "the file is empty")
    if len(lines) - 1 > MAX_REQUESTS:
        raise WindowError("size", 0, f"{len(lines) - 1} requests, more than {MAX_REQUESTS}")
    header = _decode_line(_header_decoder, lines[0], 1, "header")
    requests = [
        _decode_line(_request_decoder, line, number, "request")
        for number, line in enumerate(lines[1:], start=2)
    ]
    return Window(header=header, requests=requests)


def _decode_line(decoder: msgspec.json.Decoder[_L], line: bytes, number: int, rule: str) -> _L:
    if len(line) > MAX_LINE_BYTES:
        raise WindowError("size", number, f"a line of {len(line)} bytes, more than {MAX_LINE_BYTES}")
    try:
        value = decoder.decode(line)
    except UnicodeDecodeError:
        raise WindowError("encoding", number, "the line is not UTF-8") from None
    except msgspec.ValidationError as error:
        raise WindowError(rule, number, str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise WindowError("json", number, str(error)) from None
    if encode_line(value) != line:
        raise WindowError(
            "canonical", number, "the line is not in canonical form (key order, spacing, duplicates)"
        )
    return value
