"""What pure functions made of values, kept from one edition to the next. Knows no page and no data.

A result is found by the function and a digest of all that it was given; it is asked for nothing else, so a
value that differs in one bit is made anew, and nobody has to say what "can" have changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from fairlead.ranking import Evidence

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Kept:
    """Results of functions that read their one argument and nothing else, and change nothing."""

    def __init__(self) -> None:
        self._before: dict[tuple[Callable[..., Any], bytes], Any] = {}
        self._now: dict[tuple[Callable[..., Any], bytes], Any] = {}

    def made(self, make: Callable[[_Given], _Made], given: _Given) -> _Made:
        """What ``make``, a function of a module, gives for ``given``. It is shared: leave it as it is.

        ``given``: plain data, in structs, dataclasses and containers. What their types cannot tell apart, the
        digest cannot: a day or a member of an enumeration is its text, a moment one in any time zone.

        Raises:
            TypeError: ``given`` holds what no digest can be taken of.
        """
        return self._found((make, hashlib.sha256(_encoder.encode(given)).digest()), lambda: make(given))

    def made_of(
        self,
        make: Callable[[Sequence[Evidence], _Given], _Made],
        windows: Sequence[Evidence],
        given: _Given,
    ) -> _Made:
        """The same of windows too, of which ``make`` reads the tables and why they do not count, no more.

        A window whose table nobody made a digest for is read each time.
        """
        if any(item.made_from is None for item in windows):
            return make(windows, given)
        known = [(item.made_from, item.invalid) for item in windows]
        digest = hashlib.sha256(_encoder.encode((known, given))).digest()
        return self._found((make, digest), lambda: make(windows, given))

    def _found(self, key: tuple[Callable[..., Any], bytes], make: Callable[[], _Made]) -> _Made:
        if key not in self._now:
            self._now[key] = self._before[key] if key in self._before else make()
        found: _Made = self._now[key]
        return found

    def clear(self) -> None:
        """Let everything go."""
        self._before, self._now = {}, {}

    def turn(self) -> None:
        """An edition is done: what it did not ask for is let go."""
        self._before, self._now = self._now, {}


def _as_plain(value: object) -> msgspec.msgpack.Ext:
    """A text or number of a class of its own, which counts: HTML is not the text that looks like it."""
    if not isinstance(value, str | float):
        raise TypeError(f"no digest can be taken of a {type(value).__name__}")
    said = str.__str__(value) if isinstance(value, str) else float.__repr__(value)
    return msgspec.msgpack.Ext(1, f"{type(value).__name__} {said}".encode())


_encoder = msgspec.msgpack.Encoder(enc_hook=_as_plain)
