"""The provider's usage against our own count of tokens. Knows no tokenizer, no file and no methodology.

Only windows whose requests were counted by a named tokenizer can be examined: there the usage is a second
figure for the same text. Elsewhere it is all there is, and nothing can be held against it. A surplus is a
finding and no verdict: it says how far apart two numbers are, and in which requests.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from fairlead.metrics import streamed_tokens
from fairlead.windows import Outcome, Request, Window

#: A provider may count the mark that ends an answer, which no reader sees.
END_TOKENS = 1

_RUN = re.compile("([rtc])([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request whose provider states another number of streamed tokens than its text has.

    ``share``: (usage - counted) / counted; above zero where more was stated, and billed, than was sent.
    """

    i: int
    counted: int
    usage: int
    share: float


def disagreement(requests: Iterable[Request], limit: float) -> list[Disagreement]:
    """The successful requests whose usage is off by more than ``limit``, a share of the count.

    Reasoning that was billed and never sent is taken off first, where the provider states how much it was. A
    difference of ``END_TOKENS`` is none. A request without both figures cannot disagree.
    """
    return [
        found for request in requests if (found := _compare(request)) is not None and _is_off(found, limit)
    ]


def _compare(request: Request) -> Disagreement | None:
    counted = request.tokens.counted
    bare = msgspec.structs.replace(request, tokens=msgspec.structs.replace(request.tokens, counted=None))
    usage = streamed_tokens(bare)
    if request.outcome is not Outcome.OK or not counted or usage is None:
        return None
    return Disagreement(i=request.i, counted=counted, usage=usage, share=(usage - counted) / counted)


def _is_off(found: Disagreement, limit: float) -> bool:
    return abs(found.usage - found.counted) > max(limit * found.counted, END_TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How the usage of some successful requests stands to their count. Token totals are over ``compared``.

    ``compared``: requests with both figures. ``without_usage``: counted, and the provider states no usage, or
    one that contradicts itself. ``uncounted``: replies that cannot be counted, such as those with tool calls.
    ``unsent_reasoning``: tokens that were stated, so billed, as reasoning, beyond the reasoning that came.
    ``findings``: requests off by more than ``limit``, a share of the count; ``worst``: the one furthest off.
    """

    limit: float
    compared: int = 0
    without_usage: int = 0
    uncounted: int = 0
    counted_tokens: int = 0
    usage_tokens: int = 0
    unsent_reasoning: int = 0
    findings: int = 0
    worst: Disagreement | None = None

    @property
    def share(self) -> float | None:
        """(usage - counted) / counted over all compared requests; None where none was compared."""
        if not self.counted_tokens:
            return None
        return (self.usage_tokens - self.counted_tokens) / self.counted_tokens


def examine(window: Window, limit: float) -> Usage | None:
    """What the usage of a window says beside its count; None where no tokenizer counted it.

    ``limit``: the share of the count above which a difference is a finding.
    """
    if window.header.tokenizer_sha256 is None:
        return None
    return combine(
        (_examine(request, limit) for request in window.requests if request.outcome is Outcome.OK), limit
    )


def _examine(request: Request, limit: float) -> Usage:
    """The usage of one successful request."""
    if request.tokens.counted is None:
        return Usage(limit=limit, uncounted=1)
    found = _compare(request)
    if found is None:
        return Usage(limit=limit, without_usage=int(request.tokens.counted > 0))
    is_off = _is_off(found, limit)
    return Usage(
        limit=limit,
        compared=1,
        counted_tokens=found.counted,
        usage_tokens=found.usage,
        unsent_reasoning=_unsent_reasoning(request),
        findings=int(is_off),
        worst=found if is_off else None,
    )


def _unsent_reasoning(request: Request) -> int:
    """Stated reasoning tokens beyond those of the reasoning chunks.

    A provider that streams a summary of the reasoning, or none of it, bills what nobody can count. It cannot
    be told from padding on the wire, so it is shown as a figure of its own.
    """
    sent = at = 0
    for kind, size in _RUN.findall(request.chunk_kind):
        end = at + int(size)
        sent += sum((request.chunk_tokens or [])[at:end]) if kind == "r" else 0
        at = end
    return max((request.tokens.usage_reasoning or 0) - sent, 0)


def combine(parts: Iterable[Usage], limit: float) -> Usage:
    """The same figures over all parts, which were examined with this limit."""
    total = Usage(limit=limit)
    for part in parts:
        sums = {name: getattr(total, name) + getattr(part, name) for name in _SUMS}
        worst = max(filter(None, (total.worst, part.worst)), key=lambda found: abs(found.share), default=None)
        total = Usage(limit=limit, worst=worst, **sums)
    return total


_SUMS = tuple(field.name for field in dataclasses.fields(Usage) if field.name not in ("limit", "worst"))


def as_data(found: Usage | None) -> dict[str, Any] | None:
    """The figures for machines, with the share over all; None where no tokenizer counted."""
    return None if found is None else {"share": found.share, **msgspec.to_builtins(found)}


def sentences(usage: Usage) -> list[str]:
    """What there is to say of a window or a row, for a reader, without a full stop; the figures first."""
    said = [*_difference_words(usage)]
    if usage.without_usage:
        said.append(f"no usage is stated for {_requests(usage.without_usage)}, so nothing checks their count")
    if usage.uncounted:
        said.append(f"{_requests(usage.uncounted)} could not be counted, so their usage stands alone")
    if usage.unsent_reasoning:
        said.append(f"{usage.unsent_reasoning:,} tokens were stated as reasoning that was not sent")
    return said


def _difference_words(usage: Usage) -> Iterator[str]:
    if usage.share is None:
        yield "no request has both a count and a usage figure"
        return
    figures = f"{usage.usage_tokens:,} tokens stated, {usage.counted_tokens:,} counted"
    yield f"{figures} ({usage.share:+.1%}) over {_requests(usage.compared)}"
    if usage.worst is None:
        yield f"none is off by more than {usage.limit:.3g} of its count"
        return
    worst = f"at worst {usage.worst.usage:,} stated for {usage.worst.counted:,} ({usage.worst.share:+.1%})"
    yield f"finding: {_requests(usage.findings)} off by more than {usage.limit:.3g} of the count, {worst}"


def _requests(number: int) -> str:
    return f"{number:,} request" if number == 1 else f"{number:,} requests"
