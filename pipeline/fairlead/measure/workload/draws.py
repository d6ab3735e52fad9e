"""Choices from a key. Knows no word, no prompt, and no source of chance but the key.

The bytes of ``shake_256`` over the key are the whole of the chance: the standard library guarantees the
function, so the same key gives the same choices on any machine and any Python.
"""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")
_BLOCK = struct.Struct(">256I")


class Draws:
    """A stream of choices. Two streams of one key are equal."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._block = 0
        self._numbers: Iterator[int] = iter(())

    def below(self, bound: int) -> int:
        """A number from 0 to ``bound`` - 1, cut from 32 bits: for the small bounds here, even."""
        number = next(self._numbers, None)
        if number is None:
            block = hashlib.shake_256(f"{self._key}/{self._block}".encode()).digest(_BLOCK.size)
            self._numbers = iter(_BLOCK.unpack(block))
            self._block += 1
            number = next(self._numbers)
        return number % bound

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of ``choices``."""
        return choices[self.below(len(choices))]

    def sample(self, choices: Sequence[_T], count: int) -> list[_T]:
        """``count`` different ones of ``choices``, in a drawn order."""
        left = list(choices)
        return [left.pop(self.below(len(left))) for _ in range(count)]


_ROUNDS = 4


def distinct_bytes(key: str, index: int) -> tuple[int, int, int]:
    """Three bytes that no two indices below 2**24 share, of which no two below 2**16 share the first two.

    The first two are a permutation of the index's low 16 bits (a Feistel network, so a bijection by its
    make), the third is the rest of the index, shifted.
    """
    table = _round_table(key)
    rest, low = divmod(index, 1 << 16)
    left, right = divmod(low, 256)
    for at in range(0, _ROUNDS * 256, 256):
        left, right = right, left ^ table[at + right]
    return left, right, (rest + table[-1]) % 256


@functools.lru_cache(maxsize=64)
def _round_table(key: str) -> bytes:
    return hashlib.shake_256(f"{key}/permutation".encode()).digest(_ROUNDS * 256 + 1)
