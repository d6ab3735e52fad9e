"""A key, out of what a stranger sent back. Knows no provider, host or file; of HTTP only the chunks' framing.

The key is masked, and fragments of it too, as it stands and in the forms of base64, URLs, JSON and hex, by as
many characters as it had: lengths and framing stay true. Upper and lower case are not told apart.
"""

from __future__ import annotations

import base64
import bisect
import functools
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

# A key is looked for by blocks. A fragment that holds a block is followed both ways and masked if it is at
# least this long; shorter ones are such public prefixes as all keys of a provider begin with.
MIN_FRAGMENT = 12
_FINE_BLOCK = 8
# A response made to be slow to mask: after so many blocks the rest of it is masked whole, as is a response of
# so many lines, each of which may be the framing of a chunk.
_MAX_HITS = 1000
_MAX_LINES = 200_000

_FRAMING = re.compile(rb"\r\n[0-9A-Fa-f]{1,8}(?:;[^\r\n]{0,256})?\r\n")


class Mask:
    """Finds one key wherever it is echoed."""

    def __init__(self, key: str) -> None:
        self._key = key

    def conceal(self, data: bytes) -> bytes:
        """``data`` with the key masked in every known form; the same bytes, and length, elsewhere."""
        return self._masked([data])[0] if _holds(data.lower(), self._fine) else data

    def conceal_text(self, text: str) -> str:
        """:meth:`conceal` for text: the same number of characters."""
        raw = text.encode("utf-8", "surrogatepass")
        hidden = self.conceal(raw)
        return text if hidden is raw else hidden.decode("utf-8", "surrogatepass")

    def conceal_pieces(self, pieces: Sequence[bytes]) -> list[bytes]:
        """:meth:`conceal` over bytes that came in pieces, wherever these split the key.

        The framing of HTTP's chunks is looked through: it may split the key too. This runs between requests
        and must be quick (0.2 ms for 128 tokens): a fragment of less than half the key, with nothing else of
        it in the same response, may pass. A response of more lines than any honest one is masked whole.
        """
        whole = b"".join(pieces)
        if whole.count(b"\r\n") > _MAX_LINES:
            return [b"*" * len(piece) for piece in pieces]
        bare = _FRAMING.sub(b"", whole).lower()
        return self._masked(pieces) if _holds(bare, self._coarse) else list(pieces)

    @functools.cached_property
    def _coarse(self) -> tuple[_Form, ...]:
        raw, *others = _spellings(self._key)
        size = max(_FINE_BLOCK, -(-len(raw) // 4))
        return (_Form.of(raw, size), *(_Form.of(text, len(text) // 2) for text in others))

    @functools.cached_property
    def _fine(self) -> tuple[_Form, ...]:
        return tuple(_Form.of(text, _FINE_BLOCK) for text in _spellings(self._key))

    def _masked(self, pieces: Sequence[bytes]) -> list[bytes]:
        """The pieces, masked wherever the fine forms are found. A piece without any of them is the same."""
        whole = b"".join(pieces)
        bare = bytearray(_FRAMING.sub(b"", whole).lower())
        masked = bytearray(whole)
        for start, end in _in_whole(whole, _found(bare, self._fine)):
            masked[start:end] = b"*" * (end - start)
        hidden: list[bytes] = []
        at = 0
        for piece in pieces:
            part = bytes(masked[at : at + len(piece)])
            hidden.append(piece if part == piece else part)
            at += len(piece)
        return hidden


class _Form(NamedTuple):
    """One spelling of the key in lower case, and the blocks it is looked for by, with their places."""

    text: bytes
    blocks: tuple[tuple[int, bytes], ...]

    @classmethod
    def of(cls, text: bytes, size: int) -> _Form:
        """The form, looked for by whole blocks of ``size`` bytes; a rest behind the last is not one."""
        return cls(text, tuple((at, text[at : at + size]) for at in range(0, len(text) - size + 1, size)))


def _spellings(key: str) -> list[bytes]:
    """The forms in which an echo of the key is looked for, in lower case, as it stands first."""
    raw = key.encode("ascii")
    forms = [
        raw,
        key.replace("/", r"\/").encode(),
        urllib.parse.quote(key, safe="").encode(),
        b"".join(b"%%%02x" % byte for byte in raw),
        b"".join(b"\\u%04x" % byte for byte in raw),
        raw.hex().encode(),
    ]
    for lead in range(3):
        # What stands before and behind the key changes the outermost characters: they are left off.
        encoded = base64.b64encode(b"\0" * lead + raw).rstrip(b"=")
        inner = encoded[(0, 2, 3)[lead] : len(encoded) if (lead + len(raw)) % 3 == 0 else -1]
        escaped = urllib.parse.quote(inner.decode(), safe="").encode()
        forms += [inner, inner.replace(b"+", b"-").replace(b"/", b"_"), escaped]
    return list(dict.fromkeys(form.lower() for form in forms))


def _holds(lowered: bytes, forms: Iterable[_Form]) -> bool:
    return any(block in lowered for form in forms for _, block in form.blocks)


def _found(data: bytearray, forms: Iterable[_Form]) -> list[tuple[int, int]]:
    """Where fragments of the forms stand in (lower-case) ``data``. What is found is blanked there."""
    found: list[tuple[int, int]] = []
    hits = 0
    for form in forms:
        for place, block in form.blocks:
            end = 0
            while (at := data.find(block, end)) >= 0:
                hits += 1
                if hits > _MAX_HITS:
                    return [(min([at, *(start for start, _ in found)]), len(data))]
                start, end = _followed(data, at, form.text, place, len(block))
                if end - start >= MIN_FRAGMENT:
                    found.append((start, end))
                    data[start:end] = bytes(end - start)
    return found


def _followed(data: bytearray, at: int, form: bytes, place: int, size: int) -> tuple[int, int]:
    """The longest stretch around a block at which ``data`` agrees with the form."""
    before = 0
    while before < min(at, place) and data[at - before - 1] == form[place - before - 1]:
        before += 1
    end, rest = at + size, place + size
    while end < len(data) and rest < len(form) and data[end] == form[rest]:
        end, rest = end + 1, rest + 1
    return at - before, end


def _in_whole(whole: bytes, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans of the text without framing as spans of the whole, the framing itself spared."""
    stretches: list[tuple[int, int, int]] = []  # start and end without framing, start in the whole
    at = bare = 0
    for gap in _FRAMING.finditer(whole):
        stretches.append((bare, bare + gap.start() - at, at))
        bare += gap.start() - at
        at = gap.end()
    stretches.append((bare, bare + len(whole) - at, at))
    for start, end in spans:
        for first, last, origin in stretches[bisect.bisect_right(stretches, (start, len(whole), 0)) - 1 :]:
            if first >= end:
                break
            yield origin + max(start, first) - first, origin + min(end, last) - first


# What looks like a credential: a bearer token, or a key with one of the usual prefixes.
_SHAPES = re.compile(
    r"(?i:bearer|basic)\s+[\w.~+/=-]{8,}|\b(?:sk|pk|rk|gsk|xai|key|api|tok|hf|fw)[-_][\w-]{8,}|\bAIza[\w-]{20,}"
)


def conceal_shapes(text: str) -> str:
    """``text`` without what looks like anybody's credential."""
    return _SHAPES.sub("[redacted]", text)
