"""Whether the places that our files point to are still there. Knows no rule, no page's content and no key.

A link is asked for as a stranger would, without a key, a cookie or a proxy: ``HEAD``, and ``GET`` where that
is refused. Only the head of a reply is read. One host is asked one thing at a time, few hosts at once, and
all of it within bounds. Whatever a redirect names is held to the same rules as what a file names: no link
leads us to this machine or a private network.

*Dead* is what says so itself (404, 410), and what twice gave no answer. A page that refuses us (401, 403,
429, 5xx) is there. If no host answers at all, it is our network that is down, and nothing is known of links.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import re
import ssl
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence

import fairlead
from fairlead.documents import Document, Json, locate
from fairlead.history import EnvironmentProblem
from fairlead.measure import policy
from fairlead.measure.connection import Resolve, system_resolver, tls_context
from fairlead.problems import pointer, visible
from fairlead.repository import Repository
from fairlead.upkeep import Reminder

_KEYS = frozenset({"source", "link", "website", "evidence"})
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |\r)")
_LOCATION = re.compile(rb"\r\nlocation:[ \t]*([^\r\n]*)", re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})
_PORTS = {"http": 80, "https": 443}
_UNTOUCHED = "/:@!$&'()*+,;=~%?-._"  # in a path and a query; all else is written as its escape
_SHOWN = 200


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Link:
    """A place that a file sends its reader to, and the line that does."""

    path: str
    line: int
    url: str


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much of others' time and of ours it may take. ``total_s``: for all links together."""

    reply_s: float = 20.0
    total_s: float = 30 * 60.0
    head_bytes: int = 64 * 1024
    hosts_at_once: int = 8
    hops: int = 5


def links_of(repository: Repository) -> tuple[Link, ...]:
    """Every web address that a file gives as a source, evidence, a link or a website, by path and line."""
    return tuple(sorted(link for document in repository.documents.values() for link in _links(document)))


def _links(document: Document) -> Iterator[Link]:
    waiting: list[tuple[tuple[str | int, ...], str, Json]] = [((), "", document.data)]
    while waiting:
        where, key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*where, name), name, entry) for name, entry in value.items()]
        elif isinstance(value, list):
            waiting += [((*where, place), key, entry) for place, entry in enumerate(value)]
        elif isinstance(value, str) and key in _KEYS and value.startswith(("https://", "http://")):
            yield Link(document.path, locate(document, pointer(*where)).line, value)


def link_reminders(links: Iterable[Link], faults: Mapping[str, str]) -> list[Reminder]:
    """Each line that points to something that is not there."""
    return [
        Reminder("link", f"{link.path}:{link.line}", f"{visible(link.url)}: {faults[link.url]}")
        for link in links
        if link.url in faults
    ]


def find_dead(
    urls: Iterable[str], *, resolve: Resolve = system_resolver, limits: Limits | None = None
) -> dict[str, str]:
    """What is wrong with each address with which something is, in words.

    Raises:
        EnvironmentProblem: no host answered.
    """
    wanted = sorted(set(urls))
    found = asyncio.run(_look_at_all(wanted, _Asker(resolve, limits or Limits())))
    late = _Found("was not asked for: the time was over", is_answer=False)
    outcome = {url: found.get(url, late) for url in wanted}
    asked = [each for each in outcome.values() if not each.is_refused]
    if asked and not any(each.is_answer for each in asked):
        message = f"of {len(asked)} links none was answered by anybody"
        fix = "see that this machine reaches the internet, without a proxy, and try again"
        raise EnvironmentProblem(message, fix)
    return {url: each.fault for url, each in outcome.items() if each.fault is not None}


# -- asking --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """What became of a link: ``fault`` in words, None where it is there. ``is_answer``: somebody answered.
    ``is_refused``: by us. ``may_pass``: it is asked for once more."""

    fault: str | None
    is_answer: bool
    is_refused: bool = False
    may_pass: bool = False


class _Failed(Exception):  # noqa: N818 - an outcome, not a fault of ours
    """There is no reply to be had."""

    def __init__(self, found: _Found) -> None:
        super().__init__(found.fault)
        self.found = found


async def _look_at_all(urls: Sequence[str], asker: _Asker) -> dict[str, _Found]:
    """Each link once, then once more those that gave no answer; what there was no time for is left out."""
    found: dict[str, _Found] = {}

    async def look(url: str) -> None:
        found[url] = await asker.look(url)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(asker.limits.total_s):
            for _ in range(2):
                asker.silent.clear()
                again = [url for url in urls if url not in found or found[url].may_pass]
                await asyncio.gather(*map(look, again))
    return found


class _Asker:
    """Who asks. ``silent``: the hosts that could not be reached, which are then not asked for more."""

    def __init__(self, resolve: Resolve, limits: Limits) -> None:
        self.limits = limits
        self.silent: dict[str, _Found] = {}
        self._resolve = resolve
        self._tls = tls_context()
        self._slots = asyncio.Semaphore(limits.hosts_at_once)
        self._hosts: dict[str, asyncio.Lock] = {}

    async def look(self, url: str) -> _Found:
        """Follow a link to its end."""
        try:
            for _ in range(self.limits.hops + 1):
                status, location = await self._reply("HEAD", url)
                if status >= 400:
                    status, location = await self._reply("GET", url)
                if status in _GONE:
                    return _Found(f"answers {status}", is_answer=True)
                if status not in _REDIRECTS or not location:
                    return _Found(None, is_answer=True)
                url = urllib.parse.urljoin(url, location)
        except _Failed as failed:
            return failed.found
        return _Found(f"leads on after {self.limits.hops} redirects", is_answer=True)

    async def _reply(self, method: str, url: str) -> tuple[int, str]:
        asked = _asked(url)
        place = f"{asked.host}:{asked.port}"
        async with self._hosts.setdefault(asked.host, asyncio.Lock()), self._slots:
            if place in self.silent:
                raise _Failed(self.silent[place])
            try:
                async with asyncio.timeout(self.limits.reply_s):
                    reader, writer = await self._connect(asked)
                    try:
                        writer.write(_request(method, asked))
                        return await _read_head(reader)
                    finally:
                        writer.transport.abort()
            except _Failed as failed:
                self.silent[place] = failed.found
                raise
            except TimeoutError:
                fault = f"gives no answer within {self.limits.reply_s:g} s"
                raise _Failed(_Found(fault, is_answer=False, may_pass=True)) from None
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                raise _Failed(_Found("gives no HTTP answer", is_answer=True, may_pass=True)) from None

    async def _connect(self, asked: policy.Asked) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to one of a host's addresses, all of which are public."""
        try:
            addresses = await asyncio.to_thread(self._resolve, asked.host, asked.port)
        except OSError as error:
            fault = f"its host has no address ({visible(error.strerror or 'no reason given')})"
            raise _Failed(_Found(fault, is_answer=False, may_pass=True)) from None
        for _, address in addresses:
            _refuse(policy.why_not_public(str(address[0])), str(address[0]))
        tls, name = (self._tls, asked.host) if asked.scheme == "https" else (None, None)
        limit = self.limits.head_bytes
        found = _Found("its host has no address", is_answer=False, may_pass=True)
        for _, (host, port, *_) in addresses:
            try:
                return await asyncio.open_connection(host, port, limit=limit, ssl=tls, server_hostname=name)
            except (ssl.SSLError, ConnectionError) as error:
                found = _Found(f"no connection: {_why(error)}", is_answer=True, may_pass=True)
            except OSError as error:
                found = _Found(f"no connection: {_why(error)}", is_answer=found.is_answer, may_pass=True)
        raise _Failed(found)


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'no reason given'})"
    return os.strerror(error.errno) if error.errno else type(error).__name__


def _refuse(reason: str | None, what: str) -> None:
    if reason is not None:
        fault = f"was not asked for: {visible(what[:_SHOWN])} is {reason}"
        raise _Failed(_Found(fault, is_answer=False, is_refused=True))


def _asked(url: str) -> policy.Asked:
    """What an address asks for; one that carries a credential, or is none, is refused."""
    parts = urllib.parse.SplitResult("", "", "", "", "")
    try:
        parts = urllib.parse.urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except (ValueError, KeyError):
        host, port = "", 0
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or not port:
        _refuse("no address on the web", url)
    target = urllib.parse.quote(parts.path or "/", safe=_UNTOUCHED)
    if parts.query:
        target += "?" + urllib.parse.quote(parts.query, safe=_UNTOUCHED)
    userinfo = parts.netloc.rpartition("@")[0].encode()
    asked = policy.Asked(parts.scheme, host, port, userinfo, target.encode(), ())
    try:
        policy.KEYLESS.check_request(asked)
    except policy.PolicyError as error:
        _refuse(f"refused: {error}", "it")
    return asked


def _request(method: str, asked: policy.Asked) -> bytes:
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    host += "" if asked.port == _PORTS[asked.scheme] else f":{asked.port}"
    agent = f"fairlead/{fairlead.__version__} (looks whether links are alive)"
    lines = f" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return method.encode() + b" " + asked.path + lines.encode()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, str]:
    """The status of a reply and where it leads; what is said in between (1xx) is passed over."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        status = _STATUS.match(head)
        if status is None:
            raise ValueError("no HTTP")
        if int(status[1]) >= 200:
            location = _LOCATION.search(head)
            return int(status[1]), location[1].decode("latin-1").strip() if location else ""
