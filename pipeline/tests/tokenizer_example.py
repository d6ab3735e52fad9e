"""Tokenizer files for tests, made here from text of our own: nothing is downloaded. Knows no test."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from fairlead.measure.truth import WORDS
from fairlead.measure.workload import Workload, prompt
from fairlead.tokens import Pinned, load_tokenizer
from fairlead.windows import Request

from .examples import MS, make_request


@functools.cache
def byte_level() -> bytes:
    """A small byte-level BPE, as most chat models use; it has a token for every byte, so for any text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=1200,
        show_progress=False,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    workload = Workload(input_words=200, max_tokens=100)
    tokenizer.train_from_iterator([prompt(workload, "00", i) for i in range(20)], trainer)
    return tokenizer.to_str().encode()


@functools.cache
def metaspace() -> bytes:
    """The other usual make: spaces turned into a mark of their own, one put in front, text normalised."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=600, show_progress=False, special_tokens=["<unk>"])
    workload = Workload(input_words=200, max_tokens=100)
    tokenizer.train_from_iterator([prompt(workload, "01", i) for i in range(20)], trainer)
    return tokenizer.to_str().encode()


@functools.cache
def words() -> bytes:
    """One token a known word, in which everything can be counted in the head."""
    vocabulary = {
        word: at for at, word in enumerate(["?", "anchor", "barley", "cedar", "dawn", ".", "<end>"])
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", vocabulary["<end>"])]
    )
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50, pad_token="?")
    return tokenizer.to_str().encode()


@functools.cache
def reference_words() -> bytes:
    """One token a word of the reference endpoint, so that a count is what the endpoint says it sent."""
    vocabulary = {"?": 0} | {f"w{number}": number + 1 for number in range(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer.to_str().encode()


def pin(data: bytes, folder: Path) -> Pinned:
    """The tokenizer, loaded from a file as it would be for a run."""
    path = folder / "tokenizer.json"
    path.write_bytes(data)
    return load_tokenizer(path, hashlib.sha256(data).hexdigest())


def reply(*chunks: tuple[str, str], **changes: object) -> Request:
    """A reply of (kind, text) chunks, in order, 10 ms apart."""
    texts = {kind: "".join(text for at, text in chunks if at == kind) for kind in "rt"}
    fields: dict[str, object] = {
        "chunk_ns": [200 * MS, *[10 * MS] * (len(chunks) - 1)] if chunks else [],
        "chunk_kind": "".join(f"{kind}1" for kind, _ in chunks),
        "chunk_chars": [len(text) for _, text in chunks],
        "chunk_tokens": None,
        "text": texts["t"] or None,
        "reasoning": texts["r"] or None,
    }
    return make_request(**{**fields, **changes})
