"""The requests that a look at an endpoint takes, one after another. Knows no meaning of what comes back.

Each is sent as a measurement sends it: the same transport, policy, bodies and reading. Nothing is retried, no
redirect is followed, and a key goes only where its policy lets it.
"""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import uvloop

from fairlead import windows
from fairlead.clock import NS_PER_S, Clock
from fairlead.measure.connection import Resolve, system_resolver
from fairlead.measure.dialects import DIALECTS, auth
from fairlead.measure.plan import Limits, Plan
from fairlead.measure.policy import Policy, Secret
from fairlead.measure.runner import speaks
from fairlead.measure.timeline import Exchange, Response, Shot, read_request, read_response
from fairlead.measure.transport import Transport, prepare

LONG_TOKENS, SHORT_TOKENS = 32, 8
_INPUT_WORDS = 20
_LIMITS = Limits(connect_ns=10 * NS_PER_S, first_ns=60 * NS_PER_S, total_ns=120 * NS_PER_S)

Question = Literal["speaks", "limit", "temperature", "seed", "http2"]

_SAMPLING: tuple[Question, ...] = ("temperature", "seed")
# What a sampling option is called by each API that has it; it is laid over the body.
_OPTIONS: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "openai-chat": {"temperature": {"temperature": 0}, "seed": {"seed": 7}},
    "openai-completions": {"temperature": {"temperature": 0}, "seed": {"seed": 7}},
    "openai-responses": {"temperature": {"temperature": 0}},
    "anthropic-messages": {"temperature": {"temperature": 0}},
    "gemini": {
        "temperature": {"generationConfig": {"temperature": 0}},
        "seed": {"generationConfig": {"seed": 7}},
    },
}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what came of it. ``record`` is what a raw window would hold, times after its start.

    ``max_tokens``: the limit that was sent. ``seen_unix_ns``: the wall clock when it was over.
    """

    question: Question
    dialect: str
    max_tokens: int
    exchange: Exchange
    record: windows.Request
    response: Response
    seen_unix_ns: int

    @property
    def is_ok(self) -> bool:
        """Whether a measurement would count it as a success."""
        return self.record.outcome is windows.Outcome.OK

    @property
    def is_connected(self) -> bool:
        """Whether the request was sent at all."""
        return self.exchange.sent_ns is not None


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """Everything asked of an endpoint. ``dialect``: the one to measure by; None where none answers."""

    url: str
    model: str
    http: windows.Http
    keyed: bool
    looks: tuple[Look, ...]
    dialect: str | None

    def of(self, question: Question) -> tuple[Look, ...]:
        """The looks of one question, in their order."""
        return tuple(look for look in self.looks if look.question == question)

    @property
    def best(self) -> Look:
        """The look at the dialect to measure by; without one, the first of all."""
        return next((look for look in self.of("speaks") if look.dialect == self.dialect), self.looks[0])


def look_at(
    url: str,
    model: str,
    *,
    dialect: str | None,
    http: windows.Http,
    key: Secret | None,
    seed: str,
    clock: Clock,
    tls: ssl.SSLContext | None = None,
    resolve: Resolve = system_resolver,
) -> Looked:
    """Ask an endpoint what it speaks and does. Blocks; at most fourteen short requests, one at a time.

    ``dialect``: the only one to try; None tries the streamed ones in order until one answers, then those of
    them whole that are there. No further one is tried: a gateway may bar a model for all its users after a
    request for an API that it has not. ``seed``: hex, of which the prompts are made. ``tls``: a context
    instead of the system's.

    Raises:
        ValueError: the address, the dialect or the protocol cannot be, in words for whoever typed it.
    """
    plan = Plan(
        url=url,
        model=model,
        concurrency=1,
        requests=1,
        seed=seed,
        input_words=_INPUT_WORDS,
        dialect=dialect or "openai-chat",
        http=http,
    )
    asker = _Asker(plan, key, clock, tls, resolve)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        chosen = runner.run(_ask_all(asker, dialect))
    return Looked(
        url=url, model=model, http=http, keyed=key is not None, looks=tuple(asker.looks), dialect=chosen
    )


async def _ask_all(asker: _Asker, named: str | None) -> str | None:
    try:
        chosen = await _find_dialect(asker, named)
        if chosen is None:
            return None
        await asker.ask("limit", chosen, SHORT_TOKENS)
        options = _OPTIONS.get(chosen.removesuffix("-whole"), {})
        for question in _SAMPLING:
            if question in options:
                await asker.ask(question, chosen, SHORT_TOKENS)
        if asker.plan.http == "1.1" and asker.plan.url.lower().startswith("https:"):
            await asker.close()
            await asker.ask("http2", chosen, SHORT_TOKENS)
        return chosen
    finally:
        await asker.close()


async def _find_dialect(asker: _Asker, named: str | None) -> str | None:
    """The first that answers as a measurement needs it. Without a connection one try is enough."""
    streamed = [name for name, dialect in DIALECTS.items() if dialect.streamed]
    there: list[str] = []
    for name in [named] if named else streamed:
        look = await asker.ask("speaks", name, LONG_TOKENS)
        if not look.is_connected:
            return None
        if look.is_ok:
            return name
        if look.record.status not in (None, 401, 403, 404, 405, 429):
            there.append(name)
    if named is not None:
        return None
    for name in there:
        if (await asker.ask("speaks", f"{name}-whole", LONG_TOKENS)).is_ok:
            return f"{name}-whole"
    return None


class _Asker:
    """One connection at a time, and what was asked over it."""

    def __init__(
        self, plan: Plan, key: Secret | None, clock: Clock, tls: ssl.SSLContext | None, resolve: Resolve
    ) -> None:
        self.plan = plan
        self.looks: list[Look] = []
        self._key = key
        self._clock = clock
        self._tls = tls
        self._resolve = resolve
        self._kept: tuple[str, Transport] | None = None

    async def ask(self, question: Question, dialect: str, max_tokens: int) -> Look:
        """Send one request and keep what came back, however it ended."""
        number = len(self.looks)
        plan = msgspec.structs.replace(self.plan, dialect=dialect, max_tokens=max_tokens, requests=number + 1)
        body = plan.body(number)
        option = _OPTIONS.get(dialect.removesuffix("-whole"), {}).get(question)
        if option is not None:
            body = json.dumps(_laid_over(json.loads(body), option)).encode()
        transport = await self._transport(dialect, "2" if question == "http2" else plan.http)
        request = prepare(plan.address(), body, dict(DIALECTS[dialect].headers))
        exchange, _ = await transport.keep(request)
        shot = Shot(i=number, slot=0, scheduled_ns=None, body_sha256=None)
        look = Look(
            question=question,
            dialect=dialect,
            max_tokens=max_tokens,
            exchange=exchange,
            record=read_request(shot, exchange, DIALECTS[dialect], origin_ns=exchange.begin_ns),
            response=read_response(exchange),
            seen_unix_ns=self._clock.unix_ns() - self._clock.mono_ns() + exchange.end_ns,
        )
        self.looks.append(look)
        return look

    async def _transport(self, dialect: str, http: windows.Http) -> Transport:
        """The one of the last request where that was of the same dialect: the key stands in its header."""
        if self._kept is not None and self._kept[0] == dialect:
            return self._kept[1]
        await self.close()
        made = Transport(
            _LIMITS,
            clock=self._clock,
            tls=self._tls,
            policy=Policy(secret=self._key, auth=functools.partial(auth, DIALECTS[dialect])),
            resolve=self._resolve,
            speaks=speaks(http),
        )
        self._kept = (dialect, made)
        return made

    async def close(self) -> None:
        """Hang up."""
        if self._kept is not None:
            await self._kept[1].aclose()
            self._kept = None


def _laid_over(body: dict[str, Any], option: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the option in it, one level deep."""
    merged = dict(body)
    for name, value in option.items():
        merged[name] = {**merged.get(name, {}), **value} if isinstance(value, dict) else value
    return merged
