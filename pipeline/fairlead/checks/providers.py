"""What a provider's file must make sense of by itself. Knows no other file."""

from __future__ import annotations

import ipaddress
import itertools
import urllib.parse
from collections.abc import Iterator, Sequence

from fairlead.checks.context import Context, at
from fairlead.model import Price
from fairlead.problems import Problem, pointer, quote
from fairlead.repository import Repository


def check_price_history(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Prices are sorted, and no day has two. A price without an end ends where the next one begins."""
    for name, provider in repository.providers.items():
        for place, endpoint in enumerate(provider.endpoints):
            for number, served in enumerate(endpoint.models):
                where = pointer("endpoints", place, "models", number, "prices")
                yield from _price_history(repository, f"providers/{name}.yaml", where, served.prices)


def _price_history(
    repository: Repository, path: str, where: str, prices: Sequence[Price]
) -> Iterator[Problem]:
    for index, (older, newer) in enumerate(itertools.pairwise(prices), start=1):
        place = f"{where}/{index}/from"
        if newer.from_ < older.from_:
            message = f"{newer.from_} is before the price above it, {older.from_}"
            yield at(
                repository, path, "PRO002", place, message, fix="sort the prices by `from`, oldest first"
            )
        elif newer.from_ == older.from_:
            fix = "keep the one that was charged, or correct the day"
            yield at(repository, path, "PRO001", place, "the price above begins on the same day", fix=fix)
        elif older.until is not None and older.until >= newer.from_:
            fix = "let the older price end the day before, or write `until: null`: then it does by itself"
            yield at(repository, path, "PRO001", place, f"the price above holds until {older.until}", fix=fix)


def check_addresses(repository: Repository, _context: Context) -> Iterator[Problem]:
    """An address that a key may go to is https; http is for the machine's own loopback."""
    for name, provider in repository.providers.items():
        for index, endpoint in enumerate(provider.endpoints):
            path, where = f"providers/{name}.yaml", pointer("endpoints", index, "base_url")
            found = _address_fault(endpoint.base_url)
            if found:
                expected = "an https address of a named host, without user, query or fragment"
                fix = "give the address that customers use; plain http is for this machine's own loopback"
                yield at(repository, path, "PRO003", where, found, expected=expected, fix=fix)
            elif endpoint.http == "2" and (endpoint.base_url or "").startswith("http:"):
                found = "plain http, and HTTP/2 is spoken over TLS only"
                fix = 'give an https address, or write `http: "1.1"`'
                yield at(repository, path, "PRO003", where, found, expected="an https address", fix=fix)


def _address_fault(url: str | None) -> str | None:
    if url is None or is_on_loopback(url):
        return None
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"no address: {error}"
    if not host:
        return "an address without a host"
    if parts.username is not None or parts.query or parts.fragment:
        return "an address with a user, a query or a fragment"
    if parts.scheme != "https":
        return f"{quote(parts.scheme)} would send a key in the clear"
    if _is_number(host):
        return f"{quote(host)} is a number, not the name of a host"
    return None


def is_on_loopback(url: str | None) -> bool:
    """Whether an address is the measuring machine's own. No key goes there, and no company answers there."""
    try:
        host = urllib.parse.urlsplit(url or "").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or (_is_number(host) and ipaddress.ip_address(host).is_loopback)


def is_nobodys(repository: Repository, provider: str) -> bool:
    """Whether all endpoints of a provider are on loopback, so that no company is measured there."""
    entry = repository.providers.get(provider)
    return entry is not None and all(is_on_loopback(endpoint.base_url) for endpoint in entry.endpoints)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_active(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Each endpoint of an active provider has an address: there is something to measure."""
    for name, provider in repository.providers.items():
        for index, endpoint in enumerate(provider.endpoints):
            if provider.status == "active" and endpoint.base_url is None:
                where = pointer("endpoints", index, "base_url")
                fix = "give the address, or change `status`"
                message = "an endpoint of an active provider without an address"
                yield at(repository, f"providers/{name}.yaml", "PRO004", where, message, fix=fix)
