"""GitHub's REST API, asked with patience and within bounds. Knows no ballot, no comment and no environment.

The token goes to the API's own origin and nowhere else: over https unless that is this machine, never along a
redirect or to another host that a reply names, through no proxy. It is masked in whatever is said.

What GitHub answers is bounded in bytes, pages, time and requests before it is parsed. A read that failed on
the way is repeated, and waits longer each time; a rate limit is waited out as long as GitHub says. A write is
repeated only where GitHub says that it refused it: one that was perhaps done is never done again.
"""

from __future__ import annotations

import dataclasses
import random
import re
import urllib.parse
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from fairlead import __version__
from fairlead.clock import NS_PER_S, Clock
from fairlead.history import EnvironmentProblem
from fairlead.measure.masking import Mask
from fairlead.problems import visible

T = TypeVar("T")

_TOKEN = re.compile(r"[\x21-\x7e]{8,1024}")
_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,39}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NEXT = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="?next"?(?=\s*[,;]|\s*$)')
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_PAGE_ITEMS = 100  # the most that GitHub gives
# GitHub: where a secondary limit names no time, wait at least a minute.
_UNNAMED_PAUSE_NS = 60 * NS_PER_S
_LONGEST_BACKOFF_NS = 60 * NS_PER_S
_TEMPORARY = frozenset({500, 502, 503, 504})


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much of GitHub's we take before we say that it is too much. ``waited_ns``: for a whole client."""

    reply_bytes: int = 16 * 1024 * 1024
    reply_ns: int = 60 * NS_PER_S
    silence_s: float = 20.0
    pages: int = 100
    requests: int = 2000
    attempts: int = 6
    waited_ns: int = 20 * 60 * NS_PER_S


class GitHubProblem(EnvironmentProblem):
    """GitHub does not give what was asked for; ``fix`` says what would help. ``status``: of its answer."""

    def __init__(self, message: str, fix: str, status: int | None = None) -> None:
        super().__init__(message, fix)
        self.status = status


@dataclasses.dataclass(frozen=True, slots=True)
class _Answer:
    """A whole reply."""

    status: int
    headers: httpx.Headers
    body: bytes


class _Passing(Exception):  # noqa: N818 - no error yet: it may pass
    """Something that may pass. ``pause_ns``: as GitHub asks. ``is_refused``: nothing was done."""

    def __init__(self, message: str, pause_ns: int | None = None, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.pause_ns = pause_ns
        self.is_refused = is_refused


class _Said(msgspec.Struct):
    message: str = ""


class Client:
    """One conversation with GitHub.

    ``wait`` is called with nanoseconds; ``jitter`` spreads repeats, so that many clients do not come back at
    once. Every method raises :class:`GitHubProblem`.
    """

    def __init__(
        self,
        api_url: str,
        token: str | None,
        *,
        clock: Clock,
        wait: Callable[[int], None],
        jitter: random.Random,
        limits: Limits | None = None,
    ) -> None:
        self._base = _checked_base(api_url)
        self._token = _checked_token(token)
        self._mask = Mask(token) if token else None
        self._clock, self._wait, self._jitter = clock, wait, jitter
        self._limits = limits or Limits()
        self._requests = self._waited_ns = 0
        self._http = httpx.Client(
            trust_env=False, follow_redirects=False, timeout=self._limits.silence_s, headers=_HEADERS
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, kind: type[T], **query: str | int) -> T:
        """What a path answers, as a ``kind``."""
        return self._ask("GET", self._url(path, query), kind)[0]

    def get_all(self, path: str, kind: type[T], **query: str | int) -> list[T]:
        """All items of a list, page after page, as they came: one may be there twice if the list shifted."""
        url = self._url(path, {**query, "per_page": _PAGE_ITEMS})
        found: list[T] = []
        for _ in range(self._limits.pages):
            page, headers = self._ask("GET", url, list[kind])  # type: ignore[valid-type]
            found += page
            following = _NEXT.search(headers.get("link", "")[:8000])
            if following is None:
                return found
            url = self._own(following[1])
        raise GitHubProblem(
            f"{_shown(path)} has more than {self._limits.pages} pages",
            "nothing was taken from it; ask a maintainer to look at why it is so long",
        )

    def write(self, method: str, path: str, body: Mapping[str, Any], kind: type[T]) -> T:
        """What GitHub answers to a POST or PATCH."""
        return self._ask(method, self._url(path, {}), kind, msgspec.json.encode(body))[0]

    # -- addresses -----------------------------------------------------------------------------------

    def _url(self, path: str, query: Mapping[str, str | int]) -> httpx.URL:
        return httpx.URL(str(self._base) + urllib.parse.quote(path), params=dict(query) or None)

    def _own(self, url: str) -> httpx.URL:
        """An address that a reply named, if it is the API's own."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if (
            _origin(parsed) != _origin(self._base)
            or parsed.userinfo
            or not parsed.path.startswith(self._base.path)
        ):
            raise GitHubProblem(
                f"a reply sends us on to {self._safe(url)}, which is not {self._base}",
                "nothing was asked there; check GITHUB_API_URL",
            )
        return parsed

    # -- one question --------------------------------------------------------------------------------

    def _ask(
        self, method: str, url: httpx.URL, kind: type[T], body: bytes | None = None
    ) -> tuple[T, httpx.Headers]:
        what = f"{method} {_shown(url.path)}"
        for attempt in range(1, self._limits.attempts + 1):
            try:
                answer = self._send(method, url, body)
                return self._read(answer, kind, what), answer.headers
            except _Passing as passing:
                if method != "GET" and not passing.is_refused:
                    raise GitHubProblem(
                        f"{what}: {passing}; it may or may not be done",
                        "run the same command again: it looks first at what is there",
                    ) from None
                if attempt == self._limits.attempts:
                    raise GitHubProblem(
                        f"{what}: {passing}, {attempt} times", "try again later; see www.githubstatus.com"
                    ) from None
                self._pause(what, passing, attempt)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, what: str, passing: _Passing, attempt: int) -> None:
        """Wait as long as GitHub asks, else longer each time; not beyond what we have patience for."""
        if passing.pause_ns is None:
            longest_ns = min(NS_PER_S << (attempt - 1), _LONGEST_BACKOFF_NS)
            pause_ns = int(longest_ns * self._jitter.uniform(0.5, 1.0))
        else:
            pause_ns = passing.pause_ns + int(NS_PER_S * self._jitter.random())
        if self._waited_ns + pause_ns > self._limits.waited_ns:
            seconds = -(-pause_ns // NS_PER_S)
            raise GitHubProblem(
                f"{what}: {passing}; it may be asked again in {seconds} s, longer than we wait",
                f"run the same command again in {-(-seconds // 60)} min",
            ) from None
        self._waited_ns += pause_ns
        self._wait(pause_ns)

    def _send(self, method: str, url: httpx.URL, body: bytes | None) -> _Answer:
        self._requests += 1
        if self._requests > self._limits.requests:
            raise GitHubProblem(
                f"more than {self._limits.requests} requests",
                "ask a maintainer to look at why it takes so many",
            )
        headers = {} if self._token is None else {"authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["content-type"] = "application/json"
        request = self._http.build_request(method, url, headers=headers, content=body)
        until_ns = self._clock.mono_ns() + self._limits.reply_ns
        try:
            response = self._http.send(request, stream=True)
            try:
                return _Answer(response.status_code, response.headers, self._body(response, until_ns))
            finally:
                response.close()
        except httpx.TransportError as error:
            raise _Passing(
                self._safe(f"{_FAILURES.get(type(error), 'the connection failed')} ({error})")
            ) from None

    def _body(self, response: httpx.Response, until_ns: int) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise GitHubProblem("a reply is compressed, though we asked for a plain one", _REPORT)
        data = bytearray()
        for piece in response.iter_raw():
            data += piece
            if len(data) > self._limits.reply_bytes:
                raise GitHubProblem(f"a reply is longer than {self._limits.reply_bytes} bytes", _REPORT)
            if self._clock.mono_ns() > until_ns:
                raise _Passing(f"the reply was not whole after {self._limits.reply_ns // NS_PER_S} s")
        return bytes(data)

    # -- one answer ----------------------------------------------------------------------------------

    def _read(self, answer: _Answer, kind: type[T], what: str) -> T:
        if answer.status not in (200, 201):
            raise self._failure(answer, what)
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.ValidationError as error:
            raise GitHubProblem(
                f"{what}: not what GitHub's API describes ({self._safe(str(error))})", _REPORT
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _Passing("the reply is not whole JSON") from None

    def _failure(self, answer: _Answer, what: str) -> Exception:
        status, said = answer.status, self._said(answer)
        if status in (403, 429) and (pause_ns := self._asked_pause_ns(answer, said)) is not None:
            return _Passing(f"GitHub's rate limit is reached{said}", pause_ns, is_refused=True)
        if status in _TEMPORARY:
            return _Passing(f"GitHub answers {status}{said}")
        if 300 <= status < 400:
            where = self._safe(answer.headers.get("location", "nowhere"))
            fix = "name the repository as it is called now; a redirect is never followed"
            return GitHubProblem(f"{what}: GitHub redirects to {where}", fix, status)
        fix = _FIXES.get(status, _REPORT)
        return GitHubProblem(f"{what}: GitHub answers {status}{said}", fix, status)

    def _said(self, answer: _Answer) -> str:
        try:
            text = msgspec.json.decode(answer.body[:100_000], type=_Said).message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            text = ""
        return f" ({self._safe(text)})" if text else ""

    def _asked_pause_ns(self, answer: _Answer, said: str) -> int | None:
        """How long a refusal asks us to wait; None where it is no rate limit."""
        headers = answer.headers
        if "retry-after" in headers:
            seconds = _whole(headers["retry-after"])
            return _UNNAMED_PAUSE_NS if seconds is None else seconds * NS_PER_S
        if headers.get("x-ratelimit-remaining") == "0":
            reset_s = _whole(headers.get("x-ratelimit-reset", ""))
            if reset_s is None:
                return _UNNAMED_PAUSE_NS
            return max(reset_s * NS_PER_S - self._clock.unix_ns(), 0) + NS_PER_S
        return _UNNAMED_PAUSE_NS if answer.status == 429 or "rate limit" in said.lower() else None

    def _safe(self, text: str) -> str:
        """A stranger's words, short, on one line, without the token."""
        hidden = self._mask.conceal_text(text[:2000]) if self._mask else text[:2000]
        return visible(hidden[:300])


_HEADERS = {
    "accept": "application/vnd.github+json",
    "accept-encoding": "identity",
    "user-agent": f"fairlead/{__version__}",
    "x-github-api-version": "2022-11-28",
}
_REPORT = "try again later; if it stays so, please report it"
_FIXES = {
    401: "set GITHUB_TOKEN to a token that is valid",
    403: "give the token the permission that this needs (pull requests, issues or statuses: write)",
    404: "check the name of the repository, and that the token may see it",
    410: "it was deleted, or its conversation is switched off",
}
_FAILURES: Mapping[type[Exception], str] = {
    httpx.ConnectTimeout: "GitHub could not be reached in time",
    httpx.ReadTimeout: "GitHub fell silent",
    httpx.ConnectError: "GitHub cannot be reached",
    httpx.RemoteProtocolError: "the reply broke off",
}


def repository_path(repository: str) -> str:
    """``/repos/OWNER/NAME``.

    Raises:
        GitHubProblem: that is no repository's name.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise GitHubProblem(f"{visible(repository[:150])} is no repository", "write it as OWNER/NAME")
    return f"/repos/{repository}"


def is_commit(text: str) -> bool:
    """Whether this is the whole name of a commit, in lower case."""
    return _COMMIT.fullmatch(text) is not None


def _checked_base(api_url: str) -> httpx.URL:
    fix = "write it as https://api.github.com"
    try:
        url = httpx.URL(api_url.rstrip("/"))
    except httpx.InvalidURL:
        raise GitHubProblem("the API's address is none", fix) from None
    if url.userinfo or url.query or url.fragment or not url.host:
        raise GitHubProblem("the API's address holds more, or less, than a host and a path", fix)
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
        raise GitHubProblem(
            f"the API's address begins with {visible(url.scheme[:20])}:, not with https:", fix
        )
    return url


def _checked_token(token: str | None) -> str | None:
    if token is not None and not _TOKEN.fullmatch(token):
        raise GitHubProblem("the token holds characters that none has, or too few", "set GITHUB_TOKEN anew")
    return token


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme, 0)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def _shown(path: str) -> str:
    return visible(path[:200])
