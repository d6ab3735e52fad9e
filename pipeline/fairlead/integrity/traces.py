"""One window as an auditor keeps it: what contradicts itself, and the columns that many windows need.

Knows no other window. A :class:`Trace` is small: the window's text and requests can be let go.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from fairlead.integrity.finding import Finding, IntegrityRules, counted
from fairlead.measure import workload as prompts
from fairlead.measure.certificate import Report
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.workload import Workload
from fairlead.windows import Header, Outcome, Request, Window

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_KINDS = re.compile("([rtc])([0-9]{1,7})")
_BODIES_KEPT = 16_384  # digests: `check` and the site ask for those of a claim again


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A window of a claim. All lists are over its successful requests that have chunks, in their order.

    ``gaps``: the gaps between reads (those above 0) of each. ``body``: the digest of what was asked, or one
    of its own where the record has none. ``text``: (characters, digest) of the reply. ``stamps``: every
    distinct stamp of the window. ``wire_ns``: the shortest TCP handshake and the median TTFT from ``sent``.
    ``findings``: what this window shows by itself.
    """

    path: str
    start_unix_ns: int
    plan_index: int | None
    is_whole: bool
    requests: int
    failures: int
    i: Ints
    sent_ns: Ints
    done_ns: Ints
    ttft_ns: Ints
    gaps: tuple[Ints, ...]
    body: tuple[str, ...]
    text: tuple[tuple[int, str], ...]
    stamps: Ints
    wire_ns: tuple[int, int] | None
    findings: tuple[Finding, ...]


def observe(path: str, window: Window, asked: Workload | None, rules: IntegrityRules | None) -> Trace:
    """The trace of a measured window that has passed the checks of its requests.

    ``asked``: what its scenario asks, None where that is not known. ``rules``: None where the methodology
    states no limits; then only contradictions are found.
    """
    header, requests = window.header, window.requests
    kept = [r for r in requests if r.outcome is Outcome.OK and r.chunk_ns and r.sent_ns is not None]
    sent = np.array([r.sent_ns for r in kept], dtype=np.int64)
    ttft = np.array([r.chunk_ns[0] for r in kept], dtype=np.int64) - sent
    handshakes = [r.connection.tcp_ns for r in requests if r.connection.tcp_ns]
    gaps = tuple(_read_gaps(r) for r in kept)
    limited = () if rules is None else _beyond_limits(path, window, rules)
    drawn = () if rules is None else _drawn_lines(path, kept, gaps, rules)
    return Trace(
        path=path,
        start_unix_ns=header.clock.start_unix_ns,
        plan_index=header.plan_index,
        is_whole=len(requests) == header.load.planned,
        requests=sum(r.outcome is not Outcome.CLIENT for r in requests),
        failures=sum(r.outcome not in (Outcome.OK, Outcome.CLIENT) for r in requests),
        i=np.array([r.i for r in kept], dtype=np.int64),
        sent_ns=sent,
        done_ns=np.array([r.done_ns or sum(r.chunk_ns) for r in kept], dtype=np.int64),
        ttft_ns=ttft,
        gaps=gaps,
        body=tuple(r.body_sha256 or f"{path}:{r.i}" for r in kept),
        text=tuple(_text(r) for r in kept),
        stamps=_stamps(requests),
        wire_ns=(min(handshakes), int(np.median(ttft))) if handshakes and kept else None,
        findings=(
            *_overlaps(path, window),
            *_lengths(path, requests),
            *_other_prompts(path, window, asked),
            *drawn,
            *limited,
        ),
    )


def _read_gaps(request: Request) -> Ints:
    gaps = np.array(request.chunk_ns[1:], dtype=np.int64)
    return gaps[gaps > 0]


def _text(request: Request) -> tuple[int, str]:
    said = (request.reasoning or "") + (request.text or "")
    return len(said), hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _stamps(requests: Sequence[Request]) -> Ints:
    parts = [np.cumsum(np.array(r.chunk_ns, dtype=np.int64)) for r in requests if r.chunk_ns]
    ends = [s for r in requests for s in (r.sent_ns, r.headers_ns, r.done_ns) if s is not None]
    stamps = np.sort(np.concatenate([*parts, np.array(ends, dtype=np.int64)]))
    return np.asarray(stamps[np.diff(stamps, prepend=-1) != 0])


# -- contradictions ------------------------------------------------------------------------------


def _finding(code: str, path: str, broken: Sequence[int], words: str) -> Iterator[Finding]:
    if broken:
        yield Finding(code, path, tuple(broken), words)


def _by_stream(window: Window) -> Iterator[tuple[Request, Request]]:
    """Each request of a stream with the one after it; they are numbered in the order of their turns."""
    last: dict[int, Request] = {}
    for request in window.requests:
        if request.slot is not None:
            if request.slot in last:
                yield last[request.slot], request
            last[request.slot] = request


def _overlaps(path: str, window: Window) -> Iterator[Finding]:
    """A stream carries one request at a time, in a closed loop and in an open one."""
    broken = [
        later.i
        for earlier, later in _by_stream(window)
        if earlier.done_ns is not None and later.sent_ns is not None and later.sent_ns < earlier.done_ns
    ]
    words = f"{counted(len(broken), 'request')} began while the one before on the same stream was under way"
    yield from _finding("INT001", path, broken, words)


def _lengths(path: str, requests: Sequence[Request]) -> Iterator[Finding]:
    """The characters of the chunks are those of the texts that they make up."""
    broken = [r.i for r in requests if not _adds_up(r)]
    words = f"the chunks of {counted(len(broken), 'request')} hold other numbers of characters than the text"
    yield from _finding("INT002", path, broken, words)


def _adds_up(request: Request) -> bool:
    found = {"r": 0, "t": 0, "c": 0}
    at = 0
    for kind, count in _KINDS.findall(request.chunk_kind):
        found[kind] += sum(request.chunk_chars[at : at + int(count)])
        at += int(count)
    pairs = ((found["t"], request.text), (found["r"], request.reasoning))
    return all(text is None or chars == len(text) for chars, text in pairs)


def _other_prompts(path: str, window: Window, asked: Workload | None) -> Iterator[Finding]:
    """What was asked follows from the seed, byte by byte, as long as the definition of the prompts stays."""
    header = window.header
    if asked is None or header.seed is None or header.workload is None or header.dialect not in DIALECTS:
        return
    if (header.workload.id, header.workload.sha256) != (prompts.ID, prompts.definition_sha256(asked)):
        return
    broken = [
        r.i
        for r in window.requests
        if r.body_sha256 is not None and r.body_sha256 != body_sha256(header, asked, header.seed, r.i)
    ]
    words = f"what {counted(len(broken), 'request')} asked does not come from the window's seed"
    yield from _finding("INT003", path, broken, words)


def body_sha256(header: Header, asked: Workload, seed: str, i: int) -> str:
    """The digest of the body of a window's request, made again."""
    return _body_sha256(header.dialect, header.api_model or header.model, asked, seed, i)


@functools.lru_cache(_BODIES_KEPT)
def _body_sha256(dialect: str, model: str, asked: Workload, seed: str, i: int) -> str:
    ask = prompts.ask(asked, seed, i)
    body = DIALECTS[dialect].body(model, ask.text, asked.max_tokens, ask.tools)
    return hashlib.sha256(body).hexdigest()


def certificate_misfits(header: Header, report: Report) -> Iterator[str]:
    """Why a certificate is not of this window's client: what differs, in words."""
    if header.tool != report.tool:
        yield "it was taken by another version of the client"
    if header.machine is not None and report.machine is not None:
        for name in ("cpu", "cores", "kernel", "python"):
            if getattr(header.machine, name) != getattr(report.machine, name):
                yield f"it was taken on another machine: its `{name}` differs"
                break
    if header.http != report.setting.http:
        yield "it was taken over another version of HTTP"
    if header.load.kind != report.load.kind:
        yield "it was taken under another kind of load"
    elif header.load.kind == "closed" and header.load.concurrency != report.load.concurrency:
        yield f"it was taken at a concurrency of {report.load.concurrency}"


# -- limits --------------------------------------------------------------------------------------


def _beyond_limits(path: str, window: Window, rules: IntegrityRules) -> Iterator[Finding]:
    yield from _idle(path, window, rules)
    yield from _cached(path, window.requests, rules)
    yield from _overworked(path, window, rules)


def _drawn_lines(
    path: str, requests: Sequence[Request], gaps: Sequence[Ints], rules: IntegrityRules
) -> Iterator[Finding]:
    """Gaps that lie on a line: times drawn between two ends and not read from a clock."""
    broken = [
        request.i
        for request, row in zip(requests, gaps, strict=True)
        if len(row) >= rules.copied_gaps_min and _is_drawn(row, rules)
    ]
    words = (
        f"the gaps of {counted(len(broken), 'request')} lie on a straight line to {rules.copied_gap_ns} ns "
        f"over {rules.copied_gaps_min} chunks or more, as interpolated times do and a clock's never"
    )
    yield from _finding("INT005", path, broken, words)


def _is_drawn(gaps: Ints, rules: IntegrityRules) -> bool:
    """Whether so many gaps in a row change by the same amount, to the tolerance."""
    bent = np.flatnonzero(np.abs(gaps[2:] - 2 * gaps[1:-1] + gaps[:-2]) > rules.copied_gap_ns)
    edges = np.concatenate(([-1], bent, [max(len(gaps) - 2, 0)]))
    return bool((edges[1:] - edges[:-1]).max() - 1 >= rules.copied_gaps_min - 2)


def _idle(path: str, window: Window, rules: IntegrityRules) -> Iterator[Finding]:
    """A stream of a closed loop sends as soon as it may; a hole is where a request was taken out."""
    if window.header.load.kind != "closed":
        return
    holes = {
        later.i: later.sent_ns - _connecting_ns(later) - earlier.done_ns
        for earlier, later in _by_stream(window)
        if earlier.done_ns is not None and later.sent_ns is not None
    }
    broken = [i for i, hole in holes.items() if hole > rules.idle_ms * 1e6]
    longest = max(holes.values(), default=0) / 1e9
    words = (
        f"{counted(len(broken), 'time')} a stream stood idle for more than {rules.idle_ms:g} ms before its "
        f"next request, {longest:.1f} s at most: a closed loop never waits"
    )
    yield from _finding("INT009", path, broken, words)


def _connecting_ns(request: Request) -> int:
    connection = request.connection
    return sum(step or 0 for step in (connection.dns_ns, connection.tcp_ns, connection.tls_ns))


def _cached(path: str, requests: Sequence[Request], rules: IntegrityRules) -> Iterator[Finding]:
    """No two prompts begin alike, so a prompt that is mostly cached was sent before the window."""
    shares = {
        r.i: r.tokens.usage_cached / r.tokens.usage_input
        for r in requests
        if r.tokens.usage_cached and r.tokens.usage_input and not (r.probe or "").startswith("repeat-")
    }
    broken = [i for i, share in shares.items() if share > rules.cached_share_max]
    words = (
        f"the provider states more than {rules.cached_share_max:.0%} of the prompt of "
        f"{counted(len(broken), 'request')} as cached, and no prompt of a window begins like another"
    )
    yield from _finding("INT015", path, broken, words)


def _overworked(path: str, window: Window, rules: IntegrityRules) -> Iterator[Finding]:
    """The client's cost of a token, times the tokens it read a second, fits on the machine."""
    header = window.header
    duration, machine, stated = header.clock.duration_ns, header.machine, header.calibration.before
    if not duration or machine is None or stated is None:
        return
    tokens = sum(r.tokens.counted or r.tokens.usage_output or 0 for r in window.requests)
    load = tokens * stated.cpu_ns_per_token / duration / max(machine.cores, 1)
    if load > rules.client_load_max:
        words = (
            f"at {stated.cpu_ns_per_token / 1e3:,.0f} us a token, as its certificate says, the client would "
            f"have kept its {counted(machine.cores, 'core')} busy {load:.1f} times over"
        )
        yield Finding("INT014", path, (), words)
