"""Which host may see which key, and what may be seen of a key. Knows no socket, no API and no environment.

A :class:`Secret` is ``{provider, hosts, key}``: the hosts are kept beside the key and not in the repository,
so that a change to a provider's file can narrow where the key goes and never widen it. A :class:`Policy`
stands in the transport. What it refuses is not sent:

- a key travels over https, to a host and port listed in the secret, at a public address. Every address that
  the name has is checked, and the connection is made to one of those checked, without a second look-up;
- no request is built with a credential in its headers or its URL: the policy alone adds the key, on a
  connection that it has approved and whose certificate was verified;
- a request without a key may use http and private addresses, but no link-local or metadata address: a
  provider's file must not make the runner read its own machine's credentials.

No argument lifts a rule.

What comes back may echo the key: :mod:`fairlead.measure.masking` hides it.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import msgspec

from fairlead import windows
from fairlead.measure.masking import Mask

HTTPS_PORT = 443
AD_HOC = "ad-hoc"

MIN_KEY_CHARS = 16
MAX_KEY_CHARS = 4096
MAX_HOSTS = 16
_KEY = re.compile(r"[A-Za-z0-9._~+/=:|@-]+")
_MIN_DISTINCT_CHARS = 8

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=[^:]{{1,253}}(?::|$))(?:{_LABEL}\.)+(?=[a-z]){_LABEL}(?::[1-9][0-9]{{0,4}})?")


class PolicyError(Exception):
    """The policy forbids this request; the message says why and holds nothing secret."""


class SecretError(Exception):
    """A secret that cannot be used. ``problems``: in words, none of which quotes the secret."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


# --- the secret ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Secret:
    """A provider's key and the only hosts that may see it.

    ``hosts``: lower-case names, with ``:port`` where that is not 443.
    """

    provider: str
    hosts: tuple[str, ...]
    key: str = field(repr=False)

    def narrowed_to(self, urls: Iterable[str | None]) -> Secret:
        """The same key for those of its hosts that ``urls`` (the provider file's base URLs) name.

        Raises:
            SecretError: none is left.
        """
        named = {host for url in urls if url is not None if (host := _https_host(url)) is not None}
        left = tuple(host for host in self.hosts if host in named)
        if not left:
            allowed = ", ".join(self.hosts)
            raise SecretError(
                [
                    f"the key of {self.provider} is bound to {allowed}, and the provider's file names none of"
                    " these in an https base_url"
                ]
            )
        return replace(self, hosts=left)

    def conceal(self, data: bytes) -> bytes:
        """``data`` with the key masked in every known form; the same bytes, and length, elsewhere."""
        return self._mask.conceal(data)

    def conceal_text(self, text: str) -> str:
        """:meth:`conceal` for text: the same number of characters."""
        return self._mask.conceal_text(text)

    def conceal_pieces(self, pieces: Sequence[bytes]) -> list[bytes]:
        """:meth:`conceal`, quickly, over bytes that came in pieces: see :meth:`Mask.conceal_pieces`."""
        return self._mask.conceal_pieces(pieces)

    def appears_in(self, data: bytes) -> bool:
        """Whether the key, or a fragment of it, stands in ``data`` in any known form."""
        return self.conceal(data) != data

    @functools.cached_property
    def _mask(self) -> Mask:
        return Mask(self.key)


KEY_RING = "FAIRLEAD_KEYS"
"""The environment variable that holds the secrets of several providers, a JSON list of them: where what runs
is written down beforehand and cannot name every provider, as in a workflow."""


def key_variable(provider: str) -> str:
    """The environment variable that holds a provider's secret: ``FAIRLEAD_KEY_ACME_CLOUD`` for acme-cloud."""
    return "FAIRLEAD_KEY_" + provider.upper().replace("-", "_")


def load_secret(text: str, provider_id: str) -> Secret:
    """The secret of a provider from its text, JSON ``{"provider": ..., "hosts": [...], "key": ...}``.

    Raises:
        SecretError: it is not that, or not this provider's. No word of the secret is quoted.
    """
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != {"provider", "hosts", "key"}:
        raise SecretError(
            [
                f"{key_variable(provider_id)}: not JSON of the form "
                '{"provider": "…", "hosts": ["…"], "key": "…"}'
            ]
        )
    problems = [*_provider_problems(found["provider"], provider_id), *_host_problems(found["hosts"])]
    problems += _key_problems(found["key"])
    if problems:
        raise SecretError(f"{key_variable(provider_id)}: {problem}" for problem in problems)
    hosts = dict.fromkeys(host.removesuffix(f":{HTTPS_PORT}") for host in found["hosts"])
    return Secret(provider=provider_id, hosts=tuple(hosts), key=found["key"])


def load_secrets(
    environment: Mapping[str, str], base_urls: Mapping[str, Iterable[str | None]]
) -> dict[str, Secret]:
    """The secrets that ``environment`` holds for providers, each narrowed to its file's base URLs.

    ``base_urls``: by the provider's id. A provider without a variable of its own and without an entry in
    :data:`KEY_RING` has no secret and is left out, and so is an entry of the ring for another provider.

    Raises:
        SecretError: with the problems of all that are there.
    """
    found: dict[str, Secret] = {}
    texts, problems = _ring(environment.get(KEY_RING))
    for provider, urls in base_urls.items():
        own = environment.get(key_variable(provider))
        if own is not None and provider in texts:
            problems.append(f"{key_variable(provider)} and {KEY_RING} both hold a key of {provider}")
        text = texts.get(provider) if own is None else own
        if text is None:
            continue
        try:
            found[provider] = load_secret(text, provider).narrowed_to(urls)
        except SecretError as error:
            problems += error.problems
    if problems:
        raise SecretError(problems)
    return found


def _ring(text: str | None) -> tuple[dict[str, str], list[str]]:
    """The secret of each provider on a ring of keys, as text; and what is wrong with the ring."""
    if text is None:
        return {}, []
    try:
        entries = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        entries = None
    is_ring = isinstance(entries, list) and all(
        isinstance(entry, dict) and isinstance(entry.get("provider"), str) for entry in entries
    )
    if not is_ring:
        return {}, [f'{KEY_RING}: not a JSON list of {{"provider": "…", "hosts": ["…"], "key": "…"}}']
    texts = {entry["provider"]: json.dumps(entry) for entry in entries}
    if len(texts) != len(entries):
        return {}, [f"{KEY_RING}: a provider stands in it twice"]
    return texts, []


def secret_for_url(key: str, url: str) -> Secret:
    """A key for the one host of a URL that was typed beside it.

    Raises:
        SecretError: the URL is not https with a host name, or the key is none.
    """
    host = _https_host(url)
    problems = [] if host else ["a key goes to an https URL with a host name, without a user name"]
    problems += _key_problems(key.strip())
    if problems or host is None:
        raise SecretError(problems)
    return Secret(provider=AD_HOC, hosts=(host,), key=key.strip())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _provider_problems(provider: object, wanted: str) -> Iterator[str]:
    if provider != wanted:
        yield f"`provider` is not {wanted!r}: this is another provider's key"


def _host_problems(hosts: object) -> Iterator[str]:
    if not isinstance(hosts, list) or not 1 <= len(hosts) <= MAX_HOSTS:
        yield f"`hosts` is not a list of 1 to {MAX_HOSTS} host names"
        return
    for place, host in enumerate(hosts, start=1):
        if not isinstance(host, str) or not _is_host(host):
            yield (
                f"`hosts`, number {place}: not a lower-case host name such as `api.example.com` or"
                " `api.example.com:8443` (no address, scheme, wildcard, user name, path or final dot)"
            )


def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None and int(host.partition(":")[2] or 1) <= 65535


def _key_problems(key: object) -> Iterator[str]:
    if not isinstance(key, str) or not MIN_KEY_CHARS <= len(key) <= MAX_KEY_CHARS:
        yield f"`key` has not between {MIN_KEY_CHARS} and {MAX_KEY_CHARS} characters"
    elif not _KEY.fullmatch(key):
        yield "`key` holds characters other than ASCII letters, digits and . _ ~ + / = : | @ -"
    elif len(set(key.lower())) < _MIN_DISTINCT_CHARS:
        yield "`key` repeats few characters: it looks like a placeholder"


def _https_host(url: str) -> str | None:
    """The host of an https URL as a secret lists it; None where no key may go there anyway."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "") + ("" if port in (None, HTTPS_PORT) else f":{port}")
    if parts.scheme != "https" or "@" in parts.netloc or not _is_host(host):
        return None
    return host


# --- the policy ----------------------------------------------------------------------------------------

Auth = Callable[[str], tuple[str, str]]
"""A key to the name and value of the header that carries it."""


def bearer(key: str) -> tuple[str, str]:
    """``Authorization: Bearer …``, as most APIs want it."""
    return "authorization", f"Bearer {key}"


class Asked(NamedTuple):
    """What a request asks for, as the transport will connect to it and not as somebody wrote it.

    ``host``: lower-case ASCII. ``path``: with the query, as bytes on the wire.
    """

    scheme: str
    host: str
    port: int
    userinfo: bytes
    path: bytes
    headers: Sequence[tuple[bytes, bytes]]


_CREDENTIAL_HEADERS = frozenset(
    (
        b"authorization",
        b"proxy-authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"x-auth-token",
        b"ocp-apim-subscription-key",
        b"cookie",
    )
)
_CREDENTIAL_PARAMETERS = frozenset(
    ("key", "api_key", "api-key", "apikey", "token", "access_token", "auth", "subscription-key")
)


@dataclass(frozen=True)
class Policy:
    """What a transport may send, and where to. Without a ``secret``, requests carry no key.

    ``auth`` says which header the key stands in.
    """

    secret: Secret | None = None
    auth: Auth = field(default=bearer, repr=False)

    def check_request(self, asked: Asked) -> None:
        """Raises PolicyError if the request must not be sent, wherever its host's name may lead."""
        _check_credentials(asked)
        if self.secret is None:
            return
        if asked.scheme != "https":
            raise PolicyError(f"a key travels over https only, not over {asked.scheme}")
        name = asked.host if asked.port == HTTPS_PORT else f"{asked.host}:{asked.port}"
        if name not in self.secret.hosts:
            allowed = ", ".join(self.secret.hosts)
            raise PolicyError(f"the key of {self.secret.provider} is bound to {allowed}, not to {name[:260]}")
        for header, value in asked.headers:
            if header.lower() == b"host" and value not in (name.encode(), f"{name}:{asked.port}".encode()):
                raise PolicyError("the Host header names another host than the URL")
        if self.secret.appears_in(asked.path):
            raise PolicyError("the key stands in the URL")

    def check_address(self, address: str) -> None:
        """Raises PolicyError if no connection may be made to, or used at, this address."""
        reason = _not_for_anybody(address) if self.secret is None else why_not_public(address)
        if reason is not None:
            carrying = "" if self.secret is None else " and must not see a key"
            raise PolicyError(f"{address[:64]} is {reason}{carrying}")

    def credential(self) -> tuple[bytes, bytes] | None:
        """The header that carries the key, to be written on an approved connection and nowhere else."""
        if self.secret is None:
            return None
        name, value = self.auth(self.secret.key)
        return name.encode("ascii"), value.encode("ascii")

    def conceal_headers(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers that came back, without the key."""
        if self.secret is None:
            return list(headers)
        flat = self.secret.conceal_pieces([part for header in headers for part in header])
        return list(zip(flat[::2], flat[1::2], strict=True))


KEYLESS = Policy()


def _check_credentials(asked: Asked) -> None:
    if asked.userinfo:
        raise PolicyError("a URL must not carry a user name or password")
    for name, _ in asked.headers:
        if name.lower() in _CREDENTIAL_HEADERS:
            header = name.decode("latin-1").lower()
            raise PolicyError(f"the request was built with the header {header}: only the policy adds a key")
    query = asked.path.partition(b"?")[2].decode("latin-1")
    for name_, _ in urllib.parse.parse_qsl(query.replace(";", "&"), keep_blank_values=True):
        if name_.strip().lower() in _CREDENTIAL_PARAMETERS:
            raise PolicyError(f"the URL's parameter {name_.strip().lower()} looks like a credential")


# --- addresses -----------------------------------------------------------------------------------------

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _table(*rows: tuple[str, str]) -> tuple[tuple[_Network, str], ...]:
    return tuple((ipaddress.ip_network(network), name) for network, name in rows)


# Where clouds keep the credentials of the machine itself. The fourth is a public address in name only.
_METADATA = _table(
    ("169.254.0.0/16", "link-local, where metadata services are"),
    ("100.100.100.200/32", "a metadata service"),
    ("192.0.0.192/32", "a metadata service"),
    ("168.63.129.16/32", "a metadata service"),
    ("fe80::/10", "link-local"),
    ("fd00:ec2::/32", "a metadata service"),
    ("fd20:ce::/32", "a metadata service"),
)

# Not public, whatever this Python's ``is_global`` says: the registries' lists change from release to release.
_SPECIAL = _table(
    ("0.0.0.0/8", "this machine itself"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "a carrier's shared space"),
    ("127.0.0.0/8", "loopback"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved for protocols"),
    ("192.0.2.0/24", "for documentation"),
    ("192.31.196.0/24", "reserved"),
    ("192.52.193.0/24", "reserved"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "reserved"),
    ("198.18.0.0/15", "for benchmarks of networks"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::1/128", "loopback"),
    ("::/128", "this machine itself"),
    ("::ffff:0:0/96", "an IPv4 address in disguise"),
    ("::/96", "an IPv4 address in disguise"),
    ("64:ff9b:1::/48", "a local NAT64"),
    ("2001::/23", "reserved for protocols"),
    ("2001:db8::/32", "for documentation"),
    ("2002::/16", "6to4, an IPv4 address in disguise"),
    ("3ffe::/16", "reserved"),
    ("3fff::/20", "for documentation"),
    ("fc00::/7", "private"),
    ("ff00::/8", "multicast"),
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")


@functools.lru_cache(maxsize=1024)
def why_not_public(address: str) -> str | None:
    """What a textual IP address is instead of a public one; None where it is public.

    The NAT64 form of a public IPv4 address is public: hosts without IPv4 reach it so.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "no IP address"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.scope_id is not None:
            return "link-local"
        if parsed in _NAT64:
            return why_not_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    if (reason := _listed(parsed, (*_METADATA, *_SPECIAL))) is not None:
        return reason
    if isinstance(parsed, ipaddress.IPv6Address) and parsed not in _UNICAST:
        return "not public"
    return None if parsed.is_global and not parsed.is_multicast else "not public"


@functools.lru_cache(maxsize=1024)
def _not_for_anybody(address: str) -> str | None:
    """What an address is that not even a request without a key may be sent to; else None."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "no IP address"
    if isinstance(parsed, ipaddress.IPv6Address):
        inside = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            inside = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        parsed = inside or ipaddress.IPv6Address(int(parsed))
    return "multicast" if parsed.is_multicast else _listed(parsed, _METADATA)


def _listed(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, table: Iterable[tuple[_Network, str]]
) -> str | None:
    return next((name for network, name in table if address in network), None)


# --- the record ----------------------------------------------------------------------------------------


def conceal_record(request: windows.Request, secret: Secret) -> windows.Request:
    """The record of a request with the key masked in everything that the provider said.

    A stream can spell a key out over many events: only here, put together, is it to be seen.
    """

    def hide(text: str | None) -> str | None:
        return None if text is None else secret.conceal_text(text)

    error = request.error
    if error is not None:
        error = windows.ErrorDetail(
            code=secret.conceal_text(error.code), message=secret.conceal_text(error.message)
        )
    return msgspec.structs.replace(
        request,
        text=hide(request.text),
        reasoning=hide(request.reasoning),
        tool_calls=hide(request.tool_calls),
        finish=hide(request.finish),
        provider_request_id=hide(request.provider_request_id),
        error=error,
    )
