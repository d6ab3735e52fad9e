"""A seed to prompts. Knows no API, no tokenizer, no clock and no other source of chance than the seed.

The same definition and seed give the same text on any machine and any Python: every choice is one byte of
a sha256 stream, and every word comes from the list below, 256 short words of our own choosing.

Each prompt opens with a reference of its own, so that no two share a beginning and no prefix cache helps,
then gives notes of the set length, then asks for a text long enough that the answer ends at the limit of
its tokens and not before.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

import msgspec

ID = "notes-to-chronicle-v1"

# 256 words, so that one byte of the stream is one word. Frozen: another list is another id.
_WORD_LIST = """
    anchor apple april arrow autumn badge baker barley barn basin basket beacon bell bench berry birch
    blanket boat bolt border bottle boulder bracket branch bread breeze brick bridge brook broom bucket bundle
    butter cabin cable candle canvas canyon carpet castle cedar cellar chain chalk chapel cherry chimney
    circle clay cliff clock cloth cloud clover coast cobble coffee collar comet compass copper coral cord
    corner cotton cradle crane creek crown crystal current curtain dairy dawn delta desert dock donkey door
    dove drum dune dust eagle echo elbow ember engine evening fabric falcon farmer feather fence fern ferry
    fiddle field finch fire flag flax fleet flint flour flute foam fog forest forge fountain fox frame frost
    fruit garden garlic gate ginger glacier glass globe glove goat grain granite grape grass gravel grove gull
    hammer harbour harvest hatch hazel hearth hedge helmet herb heron hill hinge honey hook horn island ivory
    ivy jacket jar jetty journal kettle kiln kite ladder lagoon lake lamp lantern larch lark lattice laurel
    leather ledge lemon lens letter lever lichen lily linen lock loom magnet mallet maple marble market marsh
    mast meadow melon mill mint mirror mist moon morning mortar moss moth mountain needle nest net north nut
    oak oar ocean olive orchard otter oven owl paddle paper parcel path pearl pebble pepper pier pigeon pine
    pipe planet plank plough plum pocket pond poplar porch prairie pulley quarry quill rabbit raft rail rain
    raven reed ribbon ridge river robin rope saddle sail salt sand saw shell shore silver slate sparrow spring
    stone stream summit
    """
WORDS = tuple(_WORD_LIST.split())

_SENTENCE_WORDS = 12
_OPENING = "Reference {reference}. The notes below were taken in no order.\n\n"
_TASK = (
    "\n\nUsing every word of the notes, write one continuous chronicle of at least {words} words in plain "
    "English. Do not list, do not summarise, do not stop early, and do not comment on the task."
)


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """Prompts of ``input_words`` words of notes, answered with at most ``max_tokens`` tokens."""

    input_words: int
    max_tokens: int

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 1 <= self.input_words <= 1_000_000:
            raise ValueError("input words: between 1 and 1,000,000")
        if not 1 <= self.max_tokens <= 1_000_000:
            raise ValueError("max tokens: between 1 and 1,000,000")


def prompt(workload: Workload, seed: str, index: int) -> str:
    """The prompt of request ``index``. ``seed``: hex digits. Unique per request and seed."""
    choices = _byte_stream(f"{ID}/{seed}/{index}")
    reference = bytes(itertools.islice(choices, 12)).hex()
    words = [WORDS[choice] for choice in itertools.islice(choices, workload.input_words)]
    sentences = (
        " ".join(words[at : at + _SENTENCE_WORDS]).capitalize() + "."
        for at in range(0, len(words), _SENTENCE_WORDS)
    )
    return (
        _OPENING.format(reference=reference)
        + " ".join(sentences)
        + _TASK.format(words=2 * workload.max_tokens)
    )


def definition_sha256(workload: Workload) -> str:
    """The digest of everything that fixes the prompts but the seed: words, frame and lengths."""
    definition = [
        ID,
        list(WORDS),
        _SENTENCE_WORDS,
        _OPENING,
        _TASK,
        workload.input_words,
        workload.max_tokens,
    ]
    return hashlib.sha256(msgspec.json.encode(definition)).hexdigest()


def _byte_stream(key: str) -> Iterator[int]:
    for block in itertools.count():
        yield from hashlib.sha256(f"{key}/{block}".encode()).digest()
