"""What a window is to be, before its first byte is sent. Knows no socket, no clock and no result."""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from fairlead import windows
from fairlead.clock import NS_PER_S
from fairlead.measure import schedule, workload
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.workload import Workload

MAX_CONCURRENCY = 4096
OPEN_BOUND = 256
"""The most requests that an open loop has under way where its scenario does not say: what this client is
trusted at."""
STREAMS_PER_PROCESS = 256
"""Of so many requests at once one process, and so one core, can carry the load."""
MAX_PROCESSES = 64
MAX_RATE_PER_S = 10_000.0
MAX_SCHEDULE_S = 86_400

# What a request takes in the raw window, and each of its tokens: stamp, lag, length and text.
_REQUEST_BYTES = 800
_TOKEN_BYTES = 25


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Time limits of one request, in ns. They define failure, so they belong to the methodology.

    ``connect_ns``: DNS, TCP and TLS together. ``first_ns``: from the last byte sent to the first byte of the
    response's body. ``total_ns``: from the start, DNS included, to the end of the response.
    """

    connect_ns: int = 10 * NS_PER_S
    first_ns: int = 60 * NS_PER_S
    total_ns: int = 300 * NS_PER_S

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if min(self.connect_ns, self.first_ns, self.total_ns) <= 0:
            raise ValueError("time limits must be above zero")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that fixes a window before its first byte is sent.

    ``url``: the API's base, such as ``https://api.example.com/v1``. ``model``: the canonical id;
    ``api_model``: its name at this API, where that differs. ``seed``: hex, of which prompts and starts are
    made. ``kind``: of prompts.

    The load is a closed loop: ``concurrency`` workers, whose first requests are spread over ``ramp_ns``. With
    ``rate_per_s`` and ``arrivals`` it is an open loop: every request is due at a time of the schedule, which
    begins ``ramp_ns`` after the window, and ``concurrency`` is the most that may be under way. One that comes
    due beyond it is sent when another has ended: late, not lost, for its latency and its total limit count
    from its time.

    ``http``: what is spoken over a connection; HTTP/2 over TLS only, one stream at a time.

    ``processes``: so many share the load, each every so many'th request and stream; prompts and times are
    those of one.

    ``stop_ns``: no request begins so long after the window's origin, or later; those under way run to their
    end. ``tokenizer_sha256``: of the tokenizer that counts the answers after the run. The rest labels the
    window and is only copied.

    Raises:
        ValueError: a plan that cannot be run, in words for whoever typed it.
    """

    url: str
    model: str
    concurrency: int
    requests: int
    seed: str
    api_model: str | None = None
    max_tokens: int = 128
    input_words: int = 200
    kind: workload.Kind = "chat"
    ramp_ns: int = 200_000_000
    processes: int = 1
    rate_per_s: float | None = None
    arrivals: schedule.Arrivals | None = None
    stop_ns: int | None = None
    limits: Limits = Limits()
    dialect: str = "openai-chat"
    http: windows.Http = "1.1"
    provider: str = "ad-hoc"
    endpoint: str = "ad-hoc"
    vantage: str | None = None
    round: str | None = None
    role: Literal["subject", "control", "smoke"] = "smoke"
    registration_sha256: str | None = None
    plan_index: int | None = None
    methodology: windows.Methodology | None = None
    tokenizer_sha256: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect {self.dialect!r} is not one of: {', '.join(DIALECTS)}")
        self.address()
        if self.http == "2" and not self.url.lower().startswith("https:"):
            raise ValueError("HTTP/2 is spoken over TLS only: the URL must begin with https")
        _check_concurrency(self)
        if not 1 <= self.requests <= windows.MAX_REQUESTS:
            raise ValueError(f"requests: between 1 and {windows.MAX_REQUESTS}")
        if self.requests * (_REQUEST_BYTES + _TOKEN_BYTES * self.max_tokens) > windows.MAX_TEXT_BYTES:
            raise ValueError(
                "so many requests of so many tokens make a raw window too large to be read: split it"
            )
        if not re.fullmatch(r"(?:[0-9a-f]{2}){1,32}", self.seed):
            raise ValueError("seed: 1 to 32 bytes in lower-case hex")
        if self.ramp_ns < 0:
            raise ValueError("ramp: not below zero")
        if self.stop_ns is not None and self.stop_ns <= 0:
            raise ValueError("stop: above zero")
        _check_arrivals(self)
        self.workload()
        if self.kind == "probes" and not DIALECTS[self.dialect].calls:
            raise ValueError(
                f"workload kind 'probes' calls tools, which dialect {self.dialect!r} has none of"
            )

    @property
    def is_open(self) -> bool:
        """Whether requests are sent at their times, however many are under way."""
        return self.rate_per_s is not None

    def load(self) -> windows.Load:
        """The load as the window's header states it."""
        return windows.Load(
            kind="open" if self.is_open else "closed",
            concurrency=self.concurrency,
            rate_per_s=self.rate_per_s,
            arrivals=self.arrivals,
            planned=self.requests,
            ramp_ns=self.ramp_ns,
            connect_timeout_ns=self.limits.connect_ns,
            first_timeout_ns=self.limits.first_ns,
            total_timeout_ns=self.limits.total_ns,
        )

    def starts(self) -> list[int]:
        """In ns after the window's origin, never falling: when each worker of a closed loop sends its first
        request; when each request of an open loop is due."""
        rng = random.Random(self.seed)  # noqa: S311  no secret
        if self.rate_per_s is None or self.arrivals is None:
            return schedule.closed_starts(self.concurrency, self.ramp_ns, rng)
        times = schedule.open_times(self.arrivals, self.rate_per_s, self.requests, rng)
        return [self.ramp_ns + at for at in times]

    def workload(self) -> Workload:
        """The prompts of this plan, without their seed."""
        return Workload(input_words=self.input_words, max_tokens=self.max_tokens, kind=self.kind)

    def address(self) -> str:
        """Where every request goes."""
        return DIALECTS[self.dialect].url(self.url, self.api_model or self.model)

    def label(self, i: int) -> str | None:
        """What request ``i`` probes, None where it is no probe."""
        return workload.label(self.workload(), self.seed, i)

    def body(self, i: int) -> bytes:
        """The body of request ``i``, with the tools it may call: always the same bytes."""
        asked = workload.ask(self.workload(), self.seed, i)
        return DIALECTS[self.dialect].body(
            self.api_model or self.model, asked.text, self.max_tokens, asked.tools
        )


def _check_concurrency(plan: Plan) -> None:
    if not 1 <= plan.concurrency <= MAX_CONCURRENCY:
        raise ValueError(f"concurrency: between 1 and {MAX_CONCURRENCY}")
    if not 1 <= plan.processes <= min(MAX_PROCESSES, plan.concurrency):
        raise ValueError(f"processes: between 1 and {MAX_PROCESSES}, and no more than the concurrency")


def _check_arrivals(plan: Plan) -> None:
    if (plan.rate_per_s is None) != (plan.arrivals is None):
        raise ValueError("an open loop has a rate and arrivals, a closed loop has neither")
    if plan.rate_per_s is None:
        return
    if not 0 < plan.rate_per_s <= MAX_RATE_PER_S:
        raise ValueError(f"rate: above 0 and at most {MAX_RATE_PER_S:,.0f} a second")
    if plan.requests / plan.rate_per_s > MAX_SCHEDULE_S:
        raise ValueError("rate: so low that the window would last more than a day")


@dataclass(frozen=True, slots=True)
class Share:
    """What one process has of a plan: every ``of``-th of its requests and of its streams, from number
    ``process`` on."""

    process: int = 0
    of: int = 1

    def part(self, count: int) -> range:
        """Which of so many are this process's, rising."""
        return range(self.process, count, self.of)

    @property
    def stated(self) -> int | None:
        """The process as a request's record states it: None where there is but one."""
        return self.process if self.of > 1 else None


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """The machine of a process, as whoever gave the orders sees it.

    ``run``: of all processes of the window, on whatever machine; their origins are numbers of different
    clocks. ``origin_error_ns`` and ``wall_offset_ns``: see :class:`fairlead.windows.NodeClock`.
    """

    run: str
    node: str
    origin_error_ns: int
    wall_offset_ns: int


def share_of(count: int, processes: Iterable[int], of: int) -> int:
    """How many of so many requests or streams these processes have, of so many processes."""
    return sum(len(Share(process, of).part(count)) for process in processes)


def processes_for(concurrency: int, cores: int) -> int:
    """How many processes carry so many requests at once, on a client's so many cores."""
    return max(min(math.ceil(concurrency / STREAMS_PER_PROCESS), cores, MAX_PROCESSES), 1)


def open_bound(requests: int) -> int:
    """How many requests of an open loop may be under way where its scenario does not say."""
    return min(OPEN_BOUND, requests)


_REQUESTS_PER_STREAM = 10


def sweep(plan: Plan, concurrencies: Sequence[int]) -> list[Plan]:
    """The same closed loop at each of these concurrencies, in their order.

    Each level has requests enough for a throughput figure (ten a stream, or the plan's own number where that
    is more) and a seed of its own: a level that sent the prompts of another would find them cached.

    Raises:
        ValueError: the plan is an open loop, or a concurrency comes twice or is out of range.
    """
    if plan.is_open:
        raise ValueError("a sweep is over the concurrencies of a closed loop")
    if len(set(concurrencies)) != len(concurrencies):
        raise ValueError("a sweep takes each concurrency once")
    return [
        msgspec.structs.replace(
            plan,
            concurrency=concurrency,
            requests=max(plan.requests, _REQUESTS_PER_STREAM * concurrency),
            seed=hashlib.sha256(f"{plan.seed}/{concurrency}".encode()).hexdigest(),
        )
        for concurrency in concurrencies
    ]
