"""What a window is to be, before its first byte is sent. Knows no socket, no clock and no result."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from fairlead import windows
from fairlead.measure import workload
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.workload import Workload

MAX_CONCURRENCY = 4096
NS_PER_S = 1_000_000_000


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
    made. ``kind``: of prompts. ``ramp_ns``: the time over which the workers' first requests are spread. The
    rest labels the window and is only copied.

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
    limits: Limits = Limits()
    dialect: str = "openai-chat"
    provider: str = "ad-hoc"
    endpoint: str = "ad-hoc"
    vantage: str | None = None
    round: str | None = None
    role: Literal["subject", "control", "smoke"] = "smoke"
    registration_sha256: str | None = None
    plan_index: int | None = None
    methodology: windows.Methodology | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect {self.dialect!r} is not one of: {', '.join(DIALECTS)}")
        self.address()
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise ValueError(f"concurrency: between 1 and {MAX_CONCURRENCY}")
        if not 1 <= self.requests <= windows.MAX_REQUESTS:
            raise ValueError(f"requests: between 1 and {windows.MAX_REQUESTS}")
        if not re.fullmatch(r"(?:[0-9a-f]{2}){1,32}", self.seed):
            raise ValueError("seed: 1 to 32 bytes in lower-case hex")
        if self.ramp_ns < 0:
            raise ValueError("ramp: not below zero")
        self.workload()

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
        """The body of request ``i``: always the same bytes."""
        prompt = workload.prompt(self.workload(), self.seed, i)
        return DIALECTS[self.dialect].body(self.api_model or self.model, prompt, self.max_tokens)
