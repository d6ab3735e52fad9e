"""What a look at an endpoint says, in plain lines. Knows no socket, no clock and no file.

Each finding has what was seen, what it means for a measurement, and the command that comes next. What the
endpoint said is quoted bounded and with nothing in it that a terminal would obey.
"""

from __future__ import annotations

import email.utils
import enum
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fairlead import windows
from fairlead.cost import NoCost, Spending
from fairlead.doctor.looking import Look, Looked
from fairlead.measure.dialects import DIALECTS, EventError
from fairlead.measure.sse import Event, read_events
from fairlead.measure.timeline import Ended
from fairlead.problems import visible

_QUOTED_CHARS = 160
_HEADERS_MAX = 12
_CLOCK_LIMIT_S = 2.0
_RATE_HEADER = re.compile(r"(?:x-|anthropic-)?ratelimit.*|retry-after(?:-ms)?")
_DONE = b"[DONE]"
_END_MARK_TOKENS = 1  # some count the mark that ends an answer


class Level(enum.StrEnum):
    """How much a finding stands in the way of a measurement."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: its name, what was seen, what that means for a measurement, and what to do next."""

    name: str
    level: Level
    seen: str
    means: str
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Costing:
    """What a run of one window of a scenario costs. ``source``: of the price, in words."""

    scenario: str
    requests: int
    spending: Spending | NoCost
    source: str


def findings(looked: Looked, *, options: str, costing: Costing | None = None) -> list[Finding]:
    """Every finding, in the order in which a person would ask.

    ``options``: what names this endpoint on a command line (``--url … --model …``), for the next commands.
    """
    found = [_reachable(looked, options)]
    if not looked.best.is_connected:
        return found
    found.append(_dialect(looked, options))
    if looked.dialect is None:
        return [*found, _rate_limits(looked, None), _clock(looked)]
    found += [*_http2(looked, options), *(each(looked, options) for each in _ANSWER)]
    found += [_rate_limits(looked, options), _clock(looked), _round_trip(looked, options)]
    return [*found, _cost(costing, options)] if costing is not None else found


# --- the connection ------------------------------------------------------------------------------------

_CURES = {
    Ended.DNS: "check the host's name in --url",
    Ended.CONNECT: "check host and port, and that it listens; to try: fairlead reference --port 8377",
    Ended.TLS: "check its certificate and the protocol: https or http, --http 1.1 or 2",
    Ended.CONNECT_TIMEOUT: "check that nothing between here and there drops packets",
    Ended.POLICY: "see what the policy refuses: a key goes over https to a public address only",
}


def _reachable(looked: Looked, options: str) -> Finding:
    look = looked.looks[0]
    exchange = look.exchange
    steps = (("DNS", exchange.dns_ns), ("TCP", exchange.tcp_ns), ("TLS", exchange.tls_ns))
    said = [f"{name} {_ms(ns)}" for name, ns in steps if ns is not None]
    if not look.is_connected:
        return Finding(
            "reachable",
            Level.PROBLEM,
            _why(look) + (f" after {', '.join(said)}" if said else ""),
            f"nothing can be measured: every request would be a failure of class `{look.record.outcome}`",
            _CURES.get(exchange.ended, "mend that, then try again") + f"; then: fairlead doctor {options}",
        )
    where = f"{exchange.address}, " if exchange.address else ""
    return Finding(
        "reachable",
        Level.OK,
        f"{where}{', '.join(said)}, HTTP/{looked.http}",
        "a cold connection costs this once a stream; it is part of the first TTFT and is recorded beside it",
    )


def _http2(looked: Looked, options: str) -> Iterator[Finding]:
    for look in looked.of("http2"):
        name = "HTTP/2"
        if look.is_ok:
            means = "either version can be measured; list the one that your users get"
            yield Finding(name, Level.OK, "spoken too", means, f"fairlead doctor {options} --http 2")
        elif not look.is_connected:
            yield Finding(name, Level.OK, "not spoken", "it is measured over HTTP/1.1, the default")
        else:
            yield Finding(
                name, Level.NOTE, f"agreed on, then {_why(look)}", "measure it over HTTP/1.1, which works"
            )


def _round_trip(looked: Looked, options: str) -> Finding:
    trips = [look.exchange.round_trip_ns for look in looked.looks if look.exchange.round_trip_ns]
    warm = next((look for look in looked.of("limit") if look.is_ok and look.exchange.reused), None)
    said = f"{_ms(min(trips))} by TCP" if trips else "not known here"
    if warm is not None and (ttft_ns := _ttft_ns(warm)) is not None:
        said += f"; TTFT of a warm request {_ms(ttft_ns)}"
    return Finding(
        "round trip",
        Level.OK,
        said,
        "no TTFT can be shorter than one round trip, so figures are compared at one vantage only",
        f"fairlead measure {options} --concurrency 8 --requests 80",
    )


# --- which API -----------------------------------------------------------------------------------------


def _dialect(looked: Looked, options: str) -> Finding:
    tried = looked.of("speaks")
    not_said = _failed([look for look in tried if not look.is_ok])
    if looked.dialect is None:
        return Finding(
            "dialect",
            Level.PROBLEM,
            f"none answers. {not_said}",
            "every request would be a failure, classed as above",
            _dialect_cure(looked, options),
        )
    others = [
        name
        for name, api in DIALECTS.items()
        if api.streamed and name not in {look.dialect for look in tried}
    ]
    said = f"{looked.dialect} answers" + (f"; not {not_said}" if not_said else "")
    said += f"; not tried: {', '.join(others)}" if others else ""
    means = f"it is measured as {looked.dialect}; two dialects are never compared"
    then = (
        f"fairlead doctor {options} --dialect {others[0]}" if others and "--dialect" not in options else None
    )
    return Finding("dialect", Level.OK, said, means, then)


def _failed(looks: Sequence[Look]) -> str:
    """Which dialects failed, together where they failed alike."""
    alike: dict[str, list[str]] = {}
    for look in looks:
        alike.setdefault(_why(look), []).append(look.dialect)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in alike.items())


def _dialect_cure(looked: Looked, options: str) -> str:
    statuses = {look.record.status for look in looked.of("speaks")}
    if statuses & {401, 403}:
        cure = "another key" if looked.keyed else "a key"
        return f"it wants {cure}: export KEY=…; fairlead doctor {options} --key-env KEY"
    if 429 in statuses:
        return f"wait until it takes requests again, then: fairlead doctor {options}"
    if statuses <= {404, 405}:
        return f"check the path of --url (as in …/v1) and the model's name, then: fairlead doctor {options}"
    return f"check the model's name and the path of --url, then: fairlead doctor {options}"


def _streams(looked: Looked, options: str) -> Finding:
    look, name = looked.best, "streams"
    if not DIALECTS[look.dialect].streamed:
        means = "the whole answer is one chunk: TTFT is the latency itself, and there is no TPOT"
        return Finding(name, Level.NOTE, "no: the answer comes whole", means)
    chunks = len(look.record.chunk_ns)
    arrivals = len({read for read, _ in look.response.body})
    if chunks == 1 or arrivals == 1:
        means = "something on the way gathers the stream: TTFT is the latency itself, and gaps say nothing"
        return Finding(
            name, Level.NOTE, f"in name only: {chunks} chunks in {arrivals} read", means,
            "switch off buffering in whatever stands before the server, then: fairlead doctor " + options,
        )  # fmt: skip
    return Finding(
        name, Level.OK, f"yes: {chunks} content chunks in {arrivals} reads", "TTFT and gaps can be measured"
    )


def _tokens(looked: Looked, _options: str) -> Finding:
    record, name = looked.best.record, "tokens a chunk"
    chunks, output = len(record.chunk_ns), record.tokens.usage_output
    if output is None:
        means = "chunks are never counted as tokens, so a tokenizer must count them"
        return Finding(name, Level.NOTE, "not known: no usage", means)
    if output == chunks:
        return Finding(name, Level.OK, f"1: {output} tokens in {chunks}", "a gap is the time of one token")
    means = "chunks are no tokens: gaps are what a reader sees, and speed is by the token count"
    return Finding(name, Level.NOTE, f"{output / chunks:.3g}: {output} tokens in {chunks}", means)


def _usage(looked: Looked, options: str) -> Finding:
    tokens, name = looked.best.record.tokens, "usage"
    if tokens.usage_output is None:
        return Finding(
            name,
            Level.NOTE,
            "not stated, though it was asked for",
            "without a pinned tokenizer there is no token count: no TPOT, no throughput, no cost",
            f"fairlead measure {options} --tokenizer tokenizer.json",
        )
    parts = [f"{tokens.usage_output} out"]
    parts += [
        f"{count} {what}"
        for what, count in (
            ("in", tokens.usage_input),
            ("cached", tokens.usage_cached),
            ("reasoning", tokens.usage_reasoning),
        )
        if count is not None
    ]
    missing = "" if tokens.usage_input is not None else "; the input is not, so cost cannot be reckoned"
    return Finding(
        name,
        Level.OK if tokens.usage_input is not None else Level.NOTE,
        "stated: " + ", ".join(parts),
        f"tokens and bill are known{missing}; a pinned tokenizer is held against it",
    )


def _first_event(looked: Looked, _options: str) -> Finding:
    look, name = looked.best, "first event"
    events = _events(look)
    if not events:
        return Finding(name, Level.OK, "the answer itself", "it comes whole")
    empty = 0
    for event in events:
        if _has_content(look, event):
            break
        empty += 1
    if not empty:
        return Finding(name, Level.OK, "content", "TTFT is the time of the first event")
    return Finding(
        name,
        Level.OK,
        f"{empty} without content (a role or a preamble) before the first token",
        "they are no token: TTFT is the time of the first content, which other tools may get wrong",
    )


def _comments(looked: Looked, _options: str) -> Finding:
    body = b"".join(piece for _, piece in looked.best.response.body)
    lines = re.split(rb"\r\n|\n|\r", body) if DIALECTS[looked.best.dialect].streamed else []
    count = sum(line.startswith(b":") for line in lines)
    first = next((line for line in lines if line.startswith(b":")), b"")
    said = "none" if not count else f"{count}, as in {_quoted(first.decode('utf-8', 'replace'))}"
    return Finding("keep-alives", Level.OK, said, "comments in a stream are passed over: they are no token")


def _finish(looked: Looked, _options: str) -> Finding:
    look, events = looked.best, _events(looked.best)
    done = bool(events) and events[-1].data == _DONE
    wants_done = look.dialect in ("openai-chat", "openai-completions")
    said = f"reason {_quoted(look.record.finish or '')}" + (", then [DONE]" if done else "")
    if wants_done and not done:
        said += ", without [DONE]"
    means = "a stream that ends without a reason is a failure (`truncated`); [DONE] is not needed"
    return Finding("finish", Level.OK, said, means)


def _limit(looked: Looked, options: str) -> Finding:
    parts, broken, unknown = [], False, False
    for look in (looked.best, *looked.of("limit")):
        output = look.record.tokens.usage_output
        if not look.is_ok:
            parts.append(f"{look.max_tokens} asked: {_why(look)}")
            broken = True
            continue
        counted = f"{output} tokens" if output is not None else f"{len(look.record.chunk_ns)} chunks"
        parts.append(f"{look.max_tokens} asked, {counted} came ({_quoted(look.record.finish or '')})")
        unknown = unknown or output is None
        broken = broken or (output is not None and abs(output - look.max_tokens) > _END_MARK_TOKENS)
    said, then = "; ".join(parts), f"fairlead measure {options} --requests 30"
    if broken:
        means = "such a reply stays a success; the share of replies of another length stands beside the row"
        return Finding("max_tokens", Level.NOTE, said, means, then)
    if unknown:
        means = "accepted; whether the length is that asked for shows once a tokenizer counts"
        return Finding("max_tokens", Level.OK, said, means, f"{then} --tokenizer tokenizer.json")
    return Finding("max_tokens", Level.OK, f"obeyed: {said}", "answers have the length that is asked for")


def _sampling(looked: Looked, _options: str) -> Finding:
    looks = [*looked.of("temperature"), *looked.of("seed")]
    parts = [f"{look.question} {'accepted' if look.is_ok else 'not: ' + _why(look)}" for look in looks]
    means = "a measurement sends neither: your defaults are measured, and are disclosed with a submission"
    refused = any(not look.is_ok for look in looks)
    return Finding(
        "sampling",
        Level.NOTE if refused else Level.OK,
        "; ".join(parts) or "the API has no such option",
        means,
    )


_ANSWER: tuple[Callable[[Looked, str], Finding], ...] = (
    _streams,
    _usage,
    _tokens,
    _first_event,
    _comments,
    _finish,
    _limit,
    _sampling,
)


# --- headers -------------------------------------------------------------------------------------------


def _rate_limits(looked: Looked, options: str | None) -> Finding:
    stated: dict[str, str] = {}
    for look in looked.looks:
        for header, value in look.response.headers:
            text = header.decode("latin-1").lower()
            if _RATE_HEADER.fullmatch(text) and len(stated) < _HEADERS_MAX:
                stated.setdefault(text, value.decode("latin-1"))
    name = "rate limits"
    if not stated:
        means = "a limit shows only as 429: raise the load in steps, and find where it begins"
        then = None if options is None else f"fairlead measure {options} --sweep 1,4,16"
        return Finding(name, Level.OK, "no header states one", means, then)
    said = ", ".join(f"{_quoted(key)}: {_quoted(value)}" for key, value in stated.items())
    means = (
        "requests beyond it are failures of class `rate_limited`, which count: have it raised before a run"
    )
    return Finding(name, Level.NOTE, said, means)


def _clock(looked: Looked) -> Finding:
    name = "clock"
    for look in looked.looks:
        stated = _date_unix_s(look.response.header(b"date"))
        if stated is None or look.exchange.sent_ns is None:
            continue
        # The header was written between our sending and the end, and states whole seconds, cut off.
        took_s = (look.exchange.end_ns - look.exchange.sent_ns) / 1e9
        seen_s = look.seen_unix_ns / 1e9
        low, high = stated - seen_s, stated + 1 - (seen_s - took_s)
        apart = max(low, -high, 0.0)
        said = f"its Date is {low:+.1f} to {high:+.1f} s from ours"
        if apart <= _CLOCK_LIMIT_S:
            return Finding(name, Level.OK, said, "the two agree as far as whole seconds tell")
        means = (
            "one of the two is wrong; windows are dated by ours, and one before its registration is refused"
        )
        return Finding(name, Level.NOTE, said, means, "timedatectl status")
    return Finding(name, Level.OK, "no Date header", "windows are dated by our own clock: keep it set")


def _date_unix_s(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text[:64]).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


# --- cost ----------------------------------------------------------------------------------------------


def _cost(costing: Costing, options: str) -> Finding:
    name = "cost"
    if isinstance(costing.spending, NoCost):
        return Finding(
            name,
            Level.NOTE,
            f"not known: {costing.spending.reason}",
            f"a run of {costing.scenario} sends {costing.requests} requests; with a key it needs a price",
            f"fairlead doctor {options} --usd-per-mtok-in 0.50 --usd-per-mtok-out 1.50, with your prices",
        )
    spending = costing.spending
    return Finding(
        name,
        Level.OK,
        f"a window of {costing.scenario} ({costing.requests} requests): "
        f"{spending.expected_usd:.4f} USD expected, {spending.most_usd:.4f} at most, by {costing.source}",
        "each planned window costs this; one whose own error is too large is run once more",
    )


# --- words ---------------------------------------------------------------------------------------------


def endpoint_options(
    url: str, model: str, *, dialect: str | None, http: windows.Http, key_env: str | None
) -> str:
    """What names an endpoint on a command line, quoted for a shell."""
    parts = ["--url", url, "--model", model]
    parts += ["--dialect", dialect] if dialect else []
    parts += ["--http", http] if http != "1.1" else []
    parts += ["--key-env", key_env] if key_env else []
    return shlex.join(parts)


def _why(look: Look) -> str:
    """How a request failed, in a measurement's own classes and the endpoint's own words."""
    record = look.record
    status = f" (status {record.status})" if record.status is not None and record.status >= 300 else ""
    said = f": {_quoted(record.error.message)}" if record.error and record.error.message else ""
    return f"{record.outcome}{status}{said}"


def _quoted(text: str) -> str:
    """Bounded, on one line, with nothing that a terminal would obey."""
    line = " ".join(visible(text[: 4 * _QUOTED_CHARS]).split())
    return line if len(line) <= _QUOTED_CHARS else line[: _QUOTED_CHARS - 1] + "…"


def _ms(ns: int) -> str:
    return f"{ns / 1e6:.3g} ms"


def _events(look: Look) -> list[Event]:
    return read_events(look.response.body)[0] if DIALECTS[look.dialect].streamed else []


def _has_content(look: Look, event: Event) -> bool:
    try:
        return bool(DIALECTS[look.dialect].read(event).pieces)
    except EventError:
        return False


def _ttft_ns(look: Look) -> int | None:
    """From sending to the first content; the record's times count from the start of the exchange."""
    record = look.record
    if not record.chunk_ns or record.sent_ns is None:
        return None
    return record.chunk_ns[0] - record.sent_ns
