"""The stamps, lengths and outcomes of a window's requests. Knows no file, no plan and no metric.

Every test runs on whole columns, one array a field, so that a window of a hundred thousand requests
takes a moment. One problem says a rule, at the first request that breaks it, and how many more do.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fairlead.documents import problem_of
from fairlead.problems import Problem
from fairlead.windows import Header, Outcome, Request, Window

Ints: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_MISSING = -(2**63)
LIMIT = 2**53  # 104 days in ns: no window lasts as long, and sums of such numbers do not overflow
_RESTORE = "restore the file as it was sealed; raw data is never edited"
_KIND = re.compile(r"[rtc][1-9][0-9]{0,6}")


class Finding(NamedTuple):
    """A rule, the requests that break it, and what each of them did."""

    code: str
    broken: Mask
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Lists:
    """One list field of every request, end to end: its values, and how many each request has."""

    values: Ints
    lengths: Ints

    def any_of(self, wrong: Mask) -> Mask:
        """The requests that hold at least one wrong value."""
        broken = np.zeros(len(self.lengths), dtype=bool)
        if wrong.any():
            broken[np.repeat(np.arange(len(self.lengths)), self.lengths)[wrong]] = True
        return broken


def request_problems(path: str, window: Window) -> Iterator[Problem]:
    """Everything that cannot be true of the requests of one window."""
    header, requests = window.header, window.requests
    yield from _count_problems(path, header, len(requests))
    if not requests:
        return
    for code, broken, message in _findings(header, requests):
        if np.count_nonzero(broken):
            indices = np.flatnonzero(broken)
            more = f" (and {indices.size - 1:,} more requests)" if indices.size > 1 else ""
            yield problem_of(path, code, message + more, line=int(indices[0]) + 2, fix=_RESTORE)


def _count_problems(path: str, header: Header, count: int) -> Iterator[Problem]:
    planned = header.load.planned
    message = f"{count:,} requests, {planned:,} were planned"
    # An import keeps what its source holds, and says in the submission's notes what that lacks.
    if header.origin == "measured" and count > planned:
        yield problem_of(path, "WIN012", message, fix="restore the file as it was sealed")
    elif header.origin == "measured" and count < planned:
        fix = "nothing, if the run was interrupted: the window is shown and counts as missing"
        yield problem_of(path, "WIN022", message, fix=fix)


_STAMPS = ("scheduled_ns", "sent_ns", "headers_ns", "done_ns")
_NUMBERS = (
    *_STAMPS,
    *("i", "slot", "process", "status", "ttft_ns", "e2e_ns"),
    *("connection.dns_ns", "connection.tcp_ns", "connection.tls_ns"),
    *("tokens.counted", "tokens.usage_output", "tokens.usage_input", "tokens.usage_cached"),
    "tokens.usage_reasoning",
)


_read_numbers = operator.attrgetter(*_NUMBERS)


def _numbers(requests: Sequence[Request]) -> Ints:
    """(names, requests): every number, in the order of :data:`_NUMBERS`; _MISSING where there is none."""
    found: list[int | None] = list(itertools.chain.from_iterable(map(_read_numbers, requests)))
    if _MISSING in found:  # the one number that stands for none gives way to its neighbour, which is as wrong
        found = [_MISSING + 1 if number == _MISSING else number for number in found]
    filled = [_MISSING if number is None else number for number in found]
    return np.array(filled, dtype=np.int64).reshape(len(requests), len(_NUMBERS)).T.copy()


def _column(requests: Sequence[Request], read: Callable[[Request], int]) -> Ints:
    return np.array(list(map(read, requests)), dtype=np.int64)


def _lists(requests: Sequence[Request], read: Callable[[Request], Sequence[int] | None]) -> _Lists:
    found = [read(request) or () for request in requests]
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    values = np.fromiter(itertools.chain.from_iterable(found), np.int64, int(lengths.sum()))
    return _Lists(values, lengths)


def _findings(header: Header, requests: Sequence[Request]) -> Iterator[Finding]:
    every = _numbers(requests)
    numbers = dict(zip(_NUMBERS, every, strict=True))
    chunks = _lists(requests, lambda r: r.chunk_ns)
    in_order = numbers["i"] == np.arange(len(requests))
    yield Finding("WIN011", ~in_order, "`i` is not the number of the request, counted from 0")
    yield from _negative(requests, every, chunks)
    yield from _order(numbers, chunks)
    yield from _lengths(header, requests, chunks)
    yield from _outcomes(header, requests, numbers, chunks)
    if header.stamps == "durations":
        yield from _only_durations(numbers, chunks)
    else:
        yield from _only_stamps(header, requests, numbers, chunks)


def _negative(requests: Sequence[Request], every: Ints, chunks: _Lists) -> Iterator[Finding]:
    impossible = (every != _MISSING) & ((every < 0) | (every > LIMIT))
    for name, wrong in zip(_NUMBERS, impossible, strict=True):
        yield Finding("WIN014", wrong, f"`{name}` is negative, or longer than 104 days")
    gaps = (chunks.values < 0) | (chunks.values > LIMIT)
    yield Finding("WIN014", chunks.any_of(gaps), "`chunk_ns` holds a negative gap, or one of 104 days")
    for name in ("chunk_chars", "chunk_tokens"):
        counts = _lists(requests, operator.attrgetter(name))
        yield Finding("WIN014", counts.any_of(counts.values < 0), f"`{name}` holds a negative count")


def _ends(chunks: _Lists) -> tuple[Ints, Ints]:
    """The first and the last content chunk of each request, after the origin; missing where there is none."""
    has = chunks.lengths > 0
    stops = np.cumsum(chunks.lengths)
    starts = stops - chunks.lengths
    sums = np.concatenate(([0], np.cumsum(chunks.values)))
    first, last = np.full(len(has), _MISSING), np.full(len(has), _MISSING)
    first[has] = chunks.values[starts[has]]
    last[has] = (sums[stops] - sums[starts])[has]
    return first, last


def _order(numbers: dict[str, Ints], chunks: _Lists) -> Iterator[Finding]:
    first, last = _ends(chunks)
    steps = (
        ("`sent_ns` is before `scheduled_ns`", numbers["scheduled_ns"], numbers["sent_ns"]),
        ("`headers_ns` is before `sent_ns`", numbers["sent_ns"], numbers["headers_ns"]),
        ("the first chunk came before the headers", numbers["headers_ns"], first),
        ("`done_ns` is before the last chunk", last, numbers["done_ns"]),
        ("`done_ns` is before the headers", numbers["headers_ns"], numbers["done_ns"]),
        ("`e2e_ns` is shorter than `ttft_ns`", numbers["ttft_ns"], numbers["e2e_ns"]),
    )
    for message, earlier, later in steps:
        yield Finding("WIN013", (earlier != _MISSING) & (later != _MISSING) & (later < earlier), message)


def _lengths(header: Header, requests: Sequence[Request], chunks: _Lists) -> Iterator[Finding]:
    # Another tool may have kept the gaps of its chunks without their texts, or their tokens without gaps.
    is_partial = header.stamps == "durations"
    wanted = chunks.lengths
    for name in ("chunk_chars", "chunk_lag_ns", "chunk_tokens"):
        found = _column(requests, functools.partial(_length_of, name))
        absent = is_partial & ((found == 0) | ((wanted == 0) & (name == "chunk_tokens")))
        wrong = (found != _MISSING) & (found != wanted) & ~absent
        yield Finding("WIN015", wrong, f"`{name}` has another length than `chunk_ns`")
    kinds = _column(requests, lambda r: _kind_length(r.chunk_kind))
    wrong = (kinds != wanted) & ~(is_partial & (kinds == 0))
    yield Finding("WIN015", wrong, "`chunk_kind` counts other chunks than `chunk_ns`")


def _length_of(name: str, request: Request) -> int:
    found: Sequence[int] | None = getattr(request, name)
    return _MISSING if found is None else len(found)


def _kind_length(kinds: str) -> int:
    """The chunks that a run-length text such as ``r40t88`` stands for; -1 if it is none."""
    runs = _KIND.findall(kinds)
    return sum(int(run[1:]) for run in runs) if "".join(runs) == kinds else -1


def _outcomes(
    header: Header, requests: Sequence[Request], numbers: dict[str, Ints], chunks: _Lists
) -> Iterator[Finding]:
    succeeded = np.array([request.outcome is Outcome.OK for request in requests])
    status = numbers["status"]
    said = status != _MISSING
    yield Finding("WIN016", succeeded & said & (status // 100 != 2), "`ok` with a status that is no success")
    has_error = np.array([request.error is not None for request in requests])
    yield Finding("WIN016", succeeded & has_error, "`ok` with an error")
    limited = np.array([request.outcome is Outcome.RATE_LIMITED for request in requests])
    yield Finding("WIN016", limited & said & (status != 429), "`rate_limited` with a status other than 429")
    failed = np.array([request.outcome is Outcome.SERVER_ERROR for request in requests])
    yield Finding("WIN016", failed & said & (status < 500), "`server_error` with a status below 500")
    has_duration = (numbers["ttft_ns"] != _MISSING) | (numbers["e2e_ns"] != _MISSING)
    yield Finding("WIN016", ~succeeded & has_duration, "a failed request with a duration, which must be null")
    if header.stamps != "durations":
        unfinished = np.array([request.finish is None for request in requests])
        yield Finding("WIN016", succeeded & unfinished, "`ok` without a finish")
        yield Finding("WIN016", succeeded & (chunks.lengths == 0), "`ok` without content")


def _only_durations(numbers: dict[str, Ints], chunks: _Lists) -> Iterator[Finding]:
    """An imported window: another tool's durations, no stamp, and gaps that add up to the durations."""
    stamped = np.any([numbers[name] != _MISSING for name in _STAMPS], axis=0)
    yield Finding("WIN018", stamped, "a stamp in a window of durations")
    first, last = _ends(chunks)
    for name, end in (("ttft_ns", first), ("e2e_ns", last)):
        stated = numbers[name]
        apart = (chunks.lengths > 0) & (stated != _MISSING) & (end != stated)
        yield Finding("WIN018", apart, f"`chunk_ns` does not add up to `{name}` in a window of durations")


def _only_stamps(
    header: Header, requests: Sequence[Request], numbers: dict[str, Ints], chunks: _Lists
) -> Iterator[Finding]:
    """A measured window: stamps, from which every duration follows, and none that is missing."""
    for name in ("ttft_ns", "e2e_ns"):
        message = f"`{name}` in a window of stamps, from which it follows"
        yield Finding("WIN018", numbers[name] != _MISSING, message)
    copied = np.array([request.original is not None for request in requests])
    yield Finding("WIN018", copied, "`original` in a window that was not imported")
    succeeded = np.array([request.outcome is Outcome.OK for request in requests])
    for name in ("sent_ns", "headers_ns", "done_ns"):
        yield Finding("WIN017", succeeded & (numbers[name] == _MISSING), f"`ok` without `{name}`")
    has_headers, has_sent = numbers["headers_ns"] != _MISSING, numbers["sent_ns"] != _MISSING
    yield Finding("WIN017", ~succeeded & (chunks.lengths > 0) & ~has_headers, "chunks without `headers_ns`")
    yield Finding("WIN017", ~succeeded & has_headers & ~has_sent, "`headers_ns` without `sent_ns`")
    if header.load.kind == "open":
        message = "no `scheduled_ns` in an open loop"
        yield Finding("WIN017", numbers["scheduled_ns"] == _MISSING, message)
    if header.load.concurrency is not None:
        slot = numbers["slot"]
        unknown = ~succeeded & (slot == _MISSING)  # begun before a crash, with no end on record
        wrong = ~unknown & ((slot < 0) | (slot >= header.load.concurrency))
        yield Finding("WIN019", wrong, f"`slot` is none of 0 to {header.load.concurrency - 1}")
