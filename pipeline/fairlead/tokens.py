"""Counts tokens with a model's pinned tokenizer. Knows no network, no repository and no metric's formula.

A tokenizer is a ``tokenizer.json`` as the ``tokenizers`` library reads it, named by the sha256 of its bytes.
Nothing is downloaded: the file is given, or lies in a folder under its digest.

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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fairlead.metrics import streamed_tokens
from fairlead.windows import Outcome, Request, Window

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

MAX_FILE_BYTES = 64 * 1024 * 1024
_BATCH = 64
_RUN = re.compile("([rtc])([0-9]{1,9})")

#: A provider may count the mark that ends an answer, which no reader sees.
END_TOKENS = 1


class TokenizerError(Exception):
    """There is no such tokenizer, or it is not the pinned one; in words for whoever runs this."""


@dataclass(frozen=True)
class Pinned:
    """A loaded tokenizer and the digest of the bytes that it was loaded from."""

    tokenizer: Tokenizer
    sha256: str


def cached_path(cache: Path, sha256: str) -> Path:
    """Where a folder of tokenizers keeps the one with this digest."""
    return cache / f"{sha256}.json"


def load_tokenizer(path: Path, sha256: str) -> Pinned:
    """The tokenizer in a file, if its bytes are those that ``sha256`` (lower-case hex) pins.

    Raises:
        TokenizerError: the file is missing, too large, another one than pinned, or no tokenizer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TokenizerError(f"{path}: {reason}; put the tokenizer with sha256 {sha256} there") from None
    if len(data) > MAX_FILE_BYTES:
        raise TokenizerError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise TokenizerError(f"{path}: its sha256 is {found}, pinned is {sha256}")
    return Pinned(_parse(data, path), sha256)


def _parse(data: bytes, path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(data)
    except ValueError as error:
        raise TokenizerError(f"{path}: not a tokenizer ({str(error)[:200]})") from None
    # A file may carry the settings it was trained with, and these would change the count.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


# -- counting ------------------------------------------------------------------------------------


def count(window: Window, pinned: Pinned) -> Window:
    """The window with ``tokens.counted`` and ``chunk_tokens`` filled in and its tokenizer named.

    ``chunk_tokens`` has one count a content chunk and adds up to ``counted``. A token that several chunks
    make together belongs to the one that completes it. A request stays uncounted (both null) where it brought
    no content or a tool call, or where its chunks do not add up to its text. Earlier counts are
    replaced. An imported window has no chunks and is returned as it is.
    """
    if window.header.origin == "imported":
        return window
    requests = [
        request for batch in _batches(window.requests, _BATCH) for request in _count_batch(batch, pinned)
    ]
    header = msgspec.structs.replace(window.header, tokenizer_sha256=pinned.sha256)
    return Window(header=header, requests=requests)


def _batches(requests: Sequence[Request], size: int) -> Iterator[Sequence[Request]]:
    for at in range(0, len(requests), size):
        yield requests[at : at + size]


def _count_batch(requests: Sequence[Request], pinned: Pinned) -> Iterator[Request]:
    """The requests of one batch with their counts: one call to the tokenizer, which uses every core."""
    streams = [_streams(request) for request in requests]
    texts = [stream.text for of_request in streams for stream in of_request or ()]
    encodings = iter(pinned.tokenizer.encode_batch(texts, add_special_tokens=False))
    for request, of_request in zip(requests, streams, strict=True):
        chunk_tokens = None
        if of_request is not None:
            chunk_tokens = [0] * len(request.chunk_chars)
            for stream in of_request:
                _deal_out(next(encodings), stream, chunk_tokens)
        counted = None if chunk_tokens is None else sum(chunk_tokens)
        tokens = msgspec.structs.replace(request.tokens, counted=counted)
        yield msgspec.structs.replace(request, tokens=tokens, chunk_tokens=chunk_tokens)


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
        if (ends[-1] if ends else 0) != len(text):
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


# -- usage against count -------------------------------------------------------------------------


@dataclass(frozen=True)
class Disagreement:
    """A request whose provider states another number of streamed tokens than its text has.

    ``share``: (usage - counted) / counted; above zero where more was stated, and billed, than was sent.
    """

    i: int
    counted: int
    usage: int
    share: float


def disagreement(requests: Iterable[Request], limit: float) -> list[Disagreement]:
    """The successful requests whose usage is off by more than ``limit``, a share of the count.

    Reasoning that was billed and never sent is taken off first, where the provider states how much it was. A
    difference of ``END_TOKENS`` is none. A request without both figures cannot disagree.
    """
    return [
        found
        for request in requests
        if (found := _disagreement(request)) is not None
        and abs(found.usage - found.counted) > max(limit * found.counted, END_TOKENS)
    ]


def _disagreement(request: Request) -> Disagreement | None:
    counted = request.tokens.counted
    bare = msgspec.structs.replace(request, tokens=msgspec.structs.replace(request.tokens, counted=None))
    usage = streamed_tokens(bare)
    if request.outcome is not Outcome.OK or not counted or usage is None:
        return None
    return Disagreement(i=request.i, counted=counted, usage=usage, share=(usage - counted) / counted)
