"""Counts tokens with a model's pinned tokenizer. Knows no network, no repository and no metric's formula.

A tokenizer is a ``tokenizer.json`` as the ``tokenizers`` library reads it, named by the sha256 of its bytes.
Nothing is downloaded: the file is given, or lies in a folder under its digest, and what was read is what was
digested.

What is counted is what a reader received: the text and the reasoning of the record, each tokenised whole and
its tokens dealt out to the chunks, so that no chunk border adds a token. The model's own end mark, and the
frame it puts round a tool call, are never streamed; so a reply with a tool call is not counted at all, and
the provider's usage is all there is. Counting is deterministic: whoever has the file gets the same numbers.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fairlead.model import Tokenizer as Pin
from fairlead.problems import quote, visible
from fairlead.windows import Request, Window

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

MAX_FILE_BYTES = 64 * 1024 * 1024
# Far more than any answer a methodology asks for; the worst text tried takes a tokenizer 150 MB.
MAX_TEXT_CHARS = 500_000
_RUN = re.compile("([rtc])([0-9]{1,9})")


class TokenizerError(Exception):
    """There is no such tokenizer, or it is not the pinned one, or the library is missing; ``fix`` says what
    whoever runs this can do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True)
class Pinned:
    """A loaded tokenizer and the digest of the bytes that it was loaded from."""

    tokenizer: Tokenizer
    sha256: str


# -- finding one ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shelf:
    """Where tokenizers are looked for: the files that were given, by digest, then a folder that names each by
    its own."""

    given: Mapping[str, Path]
    cache: Path


def open_shelf(files: Iterable[Path], cache: Path) -> Shelf:
    """A shelf of these files, digested now, and of a folder, which need not be there.

    Raises:
        TokenizerError: a file cannot be read, or is too large.
    """
    return Shelf({hashlib.sha256(_read(path)).hexdigest(): path for path in files}, cache)


def cached_path(cache: Path, sha256: str) -> Path:
    """Where a folder of tokenizers keeps the one with this digest."""
    return cache / f"{sha256}.json"


def find_tokenizer(shelf: Shelf, sha256: str) -> Pinned | None:
    """The tokenizer with this digest, None where the shelf has none.

    Raises:
        TokenizerError: what lies there under this digest is another file, or no tokenizer.
    """
    path = shelf.given.get(sha256)
    if path is None:
        path = cached_path(shelf.cache, sha256)
        if not path.exists():
            return None
    return load_tokenizer(path, sha256)


def load_pins(shelf: Shelf, pins: Mapping[str, Pin]) -> dict[str, Pinned]:
    """The tokenizer of each model that pins one, by its digest.

    A given file that no model pins is refused, so that nobody measures in the belief that it counts.

    Raises:
        TokenizerError: one is missing, or is another than pinned.
    """
    wanted = {pin.sha256 for pin in pins.values()}
    for sha256, path in shelf.given.items():
        if sha256 not in wanted:
            expected = " and ".join(f"{pin.sha256} for {model}" for model, pin in sorted(pins.items()))
            raise TokenizerError(
                f"{path}: its sha256 is {sha256}, pinned is {expected or 'none'}",
                "give the file that methodology/models.yaml pins, or leave the option out",
            )
    found = {}
    for model, pin in sorted(pins.items()):
        tokenizer = find_tokenizer(shelf, pin.sha256)
        if tokenizer is None:
            raise TokenizerError(
                f"{model} is counted with a tokenizer that is not here, sha256 {pin.sha256}",
                f"get it from {visible(pin.source)}, then name it with --tokenizer FILE or put it at "
                f"{cached_path(shelf.cache, pin.sha256)}",
            )
        found[pin.sha256] = tokenizer
    return found


def load_tokenizer(path: Path, sha256: str | None = None) -> Pinned:
    """The tokenizer in a file, if its bytes are those that ``sha256`` (lower-case hex) pins; None: any.

    Raises:
        TokenizerError: the file is missing, too large, another one than pinned, or no tokenizer; or the
            library is not installed.
    """
    data = _read(path)
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise TokenizerError(
            f"{path}: its sha256 is {found}, pinned is {sha256}", "put the pinned file there"
        )
    return Pinned(_parse(data, path), found)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TokenizerError(f"{path}: {reason}", "name a tokenizer.json that can be read") from None
    if len(data) > MAX_FILE_BYTES:
        raise TokenizerError(f"{path}: larger than {MAX_FILE_BYTES} bytes", "name a tokenizer.json")
    return data


def _parse(data: bytes, path: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise TokenizerError(
            "the tokenizers library is not installed",
            "run `make setup-tokens` in the checkout, or `python -m pip install 'tokenizers>=0.23'`",
        ) from None
    try:
        tokenizer = Tokenizer.from_buffer(data)
    except ValueError as error:
        raise TokenizerError(
            f"{path}: not a tokenizer ({quote(str(error), 200)})",
            "name the tokenizer.json that the tokenizers library wrote",
        ) from None
    # A file may carry the settings it was trained with, and these would change the count.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


# -- counting ------------------------------------------------------------------------------------


def count(window: Window, pinned: Pinned) -> Window:
    """The window with every request counted anew and its tokenizer named.

    An imported window has no chunks and is returned as it is.
    """
    if window.header.origin == "imported":
        return window
    requests = [count_request(request, pinned) for request in window.requests]
    header = msgspec.structs.replace(window.header, tokenizer_sha256=pinned.sha256)
    return Window(header=header, requests=requests)


def count_request(request: Request, pinned: Pinned) -> Request:
    """The request with ``tokens.counted`` and ``chunk_tokens`` filled in; an earlier count is replaced.

    ``chunk_tokens`` has one count a content chunk and adds up to ``counted``. A token that several chunks
    make together belongs to the one that completes it. A request stays uncounted (both null) where it brought
    no content or a tool call, where its chunks do not add up to its text, where that is longer than
    ``MAX_TEXT_CHARS``, or where the tokenizer has no token for it.
    """
    chunk_tokens = _chunk_tokens(request, pinned.tokenizer)
    counted = None if chunk_tokens is None else sum(chunk_tokens)
    tokens = msgspec.structs.replace(request.tokens, counted=counted)
    return msgspec.structs.replace(request, tokens=tokens, chunk_tokens=chunk_tokens)


def _chunk_tokens(request: Request, tokenizer: Tokenizer) -> list[int] | None:
    streams = _streams(request)
    if streams is None:
        return None
    chunk_tokens = [0] * len(request.chunk_chars)
    for stream in streams:
        try:
            encoding = tokenizer.encode(stream.text, add_special_tokens=False)
        except Exception:  # noqa: BLE001 - the library has no class of its own for a text it cannot encode
            return None
        _deal_out(encoding, stream, chunk_tokens)
    return chunk_tokens


@dataclass(frozen=True)
class _Stream:
    """The text or the reasoning of one reply: which chunks it came in, where each ends, in characters."""

    text: str
    chunks: list[int]
    ends: list[int]


def _streams(request: Request) -> list[_Stream] | None:
    """What there is to tokenise; None where the request cannot be counted."""
    runs = [(letter, int(size)) for letter, size in _RUN.findall(request.chunk_kind)]
    if not runs or sum(size for _, size in runs) != len(request.chunk_chars):
        return None
    kinds = "".join(letter * size for letter, size in runs)
    if not kinds or "c" in kinds or min(request.chunk_chars) < 0:
        return None
    streams = []
    for letter, text in (("r", request.reasoning or ""), ("t", request.text or "")):
        chunks = [at for at, kind in enumerate(kinds) if kind == letter]
        ends = list(itertools.accumulate(request.chunk_chars[at] for at in chunks))
        if (ends[-1] if ends else 0) != len(text) or len(text) > MAX_TEXT_CHARS:
            return None
        if chunks:
            streams.append(_Stream(text, chunks, ends))
    return streams


def _deal_out(encoding: Encoding, stream: _Stream, chunk_tokens: list[int]) -> None:
    """Add each token to the chunk that holds its last character."""
    last = len(stream.chunks) - 1
    for _, end in encoding.offsets:
        at = min(bisect.bisect_left(stream.ends, end), last)
        chunk_tokens[stream.chunks[at]] += 1
