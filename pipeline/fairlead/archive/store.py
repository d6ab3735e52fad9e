"""Bytes by their digest in one store: a folder, S3, https, or whatever fsspec speaks. Knows no manifest.

A store is not trusted. What it answers is read up to the size that is expected and one byte more, and its
digest is compared before anybody sees it. Credentials are taken from the environment alone, by the means of
fsspec and of each store's own library; an address holds none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.history import EnvironmentProblem
from fairlead.problems import visible

ADDRESS = re.compile(
    r"([a-z][a-z0-9]*)://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?)?"
    r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*"
)
_PART = 1024 * 1024
_CONNECT_S, _READ_S = 10, 60


class Missing(NamedTuple):
    """The store holds nothing under a digest."""


class Altered(NamedTuple):
    """The store holds something else under a digest; ``found`` says what."""

    found: str


def object_path(sha256: str) -> str:
    """Where an object is, below a store's address."""
    return f"sha256/{sha256[:2]}/{sha256}"


class Store:
    """One store, by its address. Every method may raise EnvironmentProblem: it is down, or refuses."""

    def __init__(self, address: str) -> None:
        """Open nothing yet but what speaks to it.

        Raises:
            EnvironmentProblem: the library for such an address is not installed.
        """
        self.address = address
        self._protocol = address.partition("://")[0]
        self._fs = _file_system(self._protocol)
        if self._protocol == "file" and not Path(address.removeprefix("file://")).is_dir():
            raise EnvironmentProblem(f"the store {address} is not there", "mount it, or make the folder")

    def _path(self, sha256: str) -> str:
        base = self.address.removeprefix("file://") if self._protocol == "file" else self.address
        return f"{base}/{object_path(sha256)}"

    def read(self, sha256: str, size: int) -> bytes | Missing | Altered:
        """The bytes of a digest; never more than ``size`` and one are read."""
        try:
            data = _read(self._fs, self._path(sha256), size + 1)
        except FileNotFoundError as error:
            if "bucket" in str(error).lower():  # S3 says so where nothing of the store is there
                raise self._failure("reading", error) from None
            return Missing()
        except Exception as error:  # noqa: BLE001 - the libraries of stores have no error in common
            raise self._failure("reading", error) from None
        if len(data) != size:
            return Altered(f"{'more than ' if len(data) > size else ''}{min(len(data), size):,} bytes")
        digest = hashlib.sha256(data).hexdigest()
        return data if digest == sha256 else Altered(f"the digest {digest[:12]}…")

    def size(self, sha256: str) -> int | Missing | None:
        """How long the object is, by what the store says without giving it; None where it does not say."""
        try:
            found = self._fs.info(self._path(sha256)).get("size")
        except FileNotFoundError as error:
            if "bucket" in str(error).lower():
                raise self._failure("reading", error) from None
            return Missing()
        except Exception as error:  # noqa: BLE001 - as above
            raise self._failure("reading", error) from None
        return found if isinstance(found, int) else None

    def write(self, sha256: str, data: bytes) -> None:
        """Put an object, over whatever is there: under a digest, anything else is half-written."""
        if self._protocol in ("http", "https"):
            fix = "write to the store by an address that can be written, such as s3://…"
            raise EnvironmentProblem(f"{self.address} can only be read", fix)
        try:
            if self._protocol == "file":
                write_through(Path(self._path(sha256)), data)
            else:
                self._fs.pipe_file(self._path(sha256), data)
        except Exception as error:  # noqa: BLE001 - as above
            raise self._failure("writing", error) from None

    def _failure(self, doing: str, error: Exception) -> EnvironmentProblem:
        words = visible(" ".join(str(error).split()))[:300] or type(error).__name__
        if isinstance(error, PermissionError) or getattr(error, "status", None) in (401, 403):
            fix = "give the environment credentials that permit it"
            return EnvironmentProblem(f"{doing} {self.address} is not permitted: {words}", fix)
        fix = "try again when the store answers; nothing was removed that it did not give back"
        return EnvironmentProblem(f"{doing} {self.address} failed: {words}", fix)


def _file_system(protocol: str) -> Any:
    try:
        import fsspec

        fs = fsspec.filesystem(protocol, **_options(protocol))
    except ImportError as error:
        fix = "install what speaks to stores: `pip install 'fairlead[archive]'`, or `make setup-archive`"
        raise EnvironmentProblem(f"nothing here speaks to {protocol}:// ({error})", fix) from None
    except Exception as error:  # noqa: BLE001 - whatever a store's library finds wrong with the environment
        raise EnvironmentProblem(
            f"{protocol}:// cannot be used: {visible(str(error))[:300]}", "mend the environment"
        ) from None
    if protocol == "s3":
        fs.retries = 2
    return fs


def _options(protocol: str) -> dict[str, Any]:
    """No listing is kept, no wait is endless, and bytes come as they are sent."""
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if protocol in ("http", "https"):
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S)
        options["client_kwargs"] = {
            "auto_decompress": False,
            "headers": {"Accept-Encoding": "identity"},
            "timeout": timeout,
        }
    if protocol == "s3":
        options["config_kwargs"] = {
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"max_attempts": 2},
        }
    return options


def _read(fs: Any, path: str, limit: int) -> bytes:
    """At most ``limit`` bytes of an object, in parts, so that no answer is held that is longer."""
    if not fs.async_impl:
        with fs.open(path, "rb") as file:
            data: bytes = file.read(limit)
        return data
    import fsspec.asyn

    return bytes(fsspec.asyn.sync(fs.loop, _stream, fs, path, limit))


async def _stream(fs: Any, path: str, limit: int) -> bytearray:
    try:
        file = await fs.open_async(path, "rb", size=limit)
    except NotImplementedError:
        return bytearray(await fs._cat_file(path, start=0, end=limit))
    data = bytearray()
    try:
        while len(data) < limit and (part := await file.read(min(_PART, limit - len(data)))):
            data += part
    finally:
        answer = getattr(file, "r", None)
        await file.close()
        with contextlib.suppress(AttributeError):  # the rest of a longer answer is not waited for
            answer.close()  # type: ignore[union-attr]
    return data


def write_through(path: Path, data: bytes) -> None:
    """Write a file and have it on the disk before it counts as written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
