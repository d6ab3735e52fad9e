"""A seed to prompts. Knows no API, no tokenizer, no clock and no other source of chance than the seed.

The same definition and seed give the same text on any machine and any Python. Every prompt opens with three
words of its own, the title: within a window no two prompts share all three, and up to request 65,536 no two
share the first two, so that no prefix cache helps. Material of the set length follows, then a task that asks
for a text longer than the limit of tokens, so that the answer ends at the limit and not before.

Lengths are in words, because a token is another thing for each model.

Probes are requests with a known answer. In the kinds that time is measured by, one request in ten is a
probe, at a drawn place: it has the title, material and task of its kind, its answer is asked for in the
first line of the reply, and the other nine are asked for a first line too, of which nothing is known. So a
probe is as long as its neighbours on both sides. In ``long-context`` each is one of recall.

The kind ``probes`` holds nothing else, and its replies are short. In ``chat-repeats`` one request in four
sends the text of an earlier one again, to show whether a cache helps; it is no measure of speed.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Literal, get_args

import msgspec

from fairlead.measure.workload.draws import Draws, distinct_bytes
from fairlead.measure.workload.lexicon import WORDS
from fairlead.measure.workload.material import TASKS, write_material
from fairlead.measure.workload.probes import (
    PROBE_KINDS,
    TEXT_KINDS,
    Probe,
    ProbeKind,
    Tool,
    given_answer,
    make_probe,
    score,
)

__all__ = [
    "FRAME_WORDS",
    "ID",
    "KINDS",
    "PROBE_KINDS",
    "WORDS",
    "Ask",
    "Kind",
    "Probe",
    "ProbeKind",
    "Tool",
    "Workload",
    "ask",
    "definition_sha256",
    "given_answer",
    "label",
    "probe",
    "prompt",
    "repeated",
    "score",
]

ID = "prompts-v2"

Kind = Literal["chat", "long-context", "code", "extraction", "probes", "chat-repeats"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: The most words that a prompt has beyond those of its material: title, planted sentence, question, task.
FRAME_WORDS = 160

_PROBE_EVERY = 10
_RECALL: tuple[ProbeKind, ...] = ("recall",)
_REPEAT_EVERY = 4
_MATERIAL: dict[Kind, str] = {"probes": "chat", "chat-repeats": "chat"}

_FIRST_LINE = (
    'Begin your reply with a line that starts with "Answer:" and gives {question}. After that line: '
)
_ONLY_LINE = 'Reply with one line that starts with "Answer:" and gives {question}. Write nothing else.'
_CALL = "Give {question}."
_OPEN_QUESTIONS = (
    "a title for all of the above, of at most eight words",
    "the part of the above that you would cut first",
    "the name above that you like best",
    "one word for the mood of the above",
    "the line above that surprises you most",
    "a number above that could be a slip of the pen",
)


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """Prompts of ``input_words`` words of material, answered with at most ``max_tokens`` tokens."""

    input_words: int
    max_tokens: int
    kind: Kind = "chat"

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.kind not in KINDS:
            raise ValueError(f"workload kind {self.kind!r} is not one of: {', '.join(KINDS)}")
        if not 1 <= self.input_words <= 1_000_000:
            raise ValueError("input words: between 1 and 1,000,000")
        if not 1 <= self.max_tokens <= 1_000_000:
            raise ValueError("max tokens: between 1 and 1,000,000")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """All that one request asks. ``label``: what the record's ``probe`` says; None for an ordinary one."""

    text: str
    tools: tuple[Tool, ...] = ()
    label: str | None = None


def ask(workload: Workload, seed: str, index: int) -> Ask:
    """What request ``index`` asks. ``seed``: hex digits."""
    original = repeated(workload, seed, index)
    asked = _ask(workload, seed, index if original is None else original)
    return asked if original is None else msgspec.structs.replace(asked, label=f"repeat-{original}")


def prompt(workload: Workload, seed: str, index: int) -> str:
    """The text of request ``index``: unique per request and seed, but for a declared repeat."""
    return ask(workload, seed, index).text


def label(workload: Workload, seed: str, index: int) -> str | None:
    """A probe's kind, ``repeat-<index of the original>``, or None."""
    original = repeated(workload, seed, index)
    if original is not None:
        return f"repeat-{original}"
    return _probe_kind(workload, seed, index)


def probe(workload: Workload, seed: str, index: int) -> Probe | None:
    """The probe that request ``index`` is, to score its reply by; None for any other request."""
    kind = _probe_kind(workload, seed, index)
    if kind is None:
        return None
    return make_probe(kind, Draws(f"{_key(workload, seed)}/{index}/probe"), _title(workload, seed, index))


def repeated(workload: Workload, seed: str, index: int) -> int | None:
    """The earlier request whose text request ``index`` sends again; None for any that is no repeat.

    Requests are cut into runs of four, and each run but the first holds one repeat, of a request half as far
    from the start; no request is sent more than twice. Near the start, or at a high concurrency, the
    original may still be under way: whoever compares the two must look at their stamps.
    """
    if workload.kind != "chat-repeats":
        return None
    run, place = divmod(index, _REPEAT_EVERY)
    if run == 0 or place != _repeat_place(workload, seed, run):
        return None
    source, second = divmod(run - 1, 2)
    places = [at for at in range(_REPEAT_EVERY) if source == 0 or at != _repeat_place(workload, seed, source)]
    chosen = Draws(f"{_key(workload, seed)}/source/{source}").sample(places, 2)
    return source * _REPEAT_EVERY + chosen[second]


def definition_sha256(workload: Workload) -> str:
    """The digest of what fixes the prompts but for the seed.

    It covers the workload's own fields and what the writers make of it, for a fixed seed and at most 400
    words: a writer that gives other bytes has another digest.
    """
    sample = _sample_sha256(workload.kind, min(workload.input_words, 400))
    definition = [ID, workload.kind, workload.input_words, workload.max_tokens, sample]
    return hashlib.sha256(msgspec.json.encode(definition)).hexdigest()


@functools.lru_cache(maxsize=64)
def _sample_sha256(kind: Kind, words: int) -> str:
    workload = Workload(kind=kind, input_words=words, max_tokens=1000)
    asks = [ask(workload, "00", index) for index in range(64)]
    return hashlib.sha256(msgspec.json.encode(asks)).hexdigest()


# -- one prompt ----------------------------------------------------------------------------------


def _ask(workload: Workload, seed: str, index: int) -> Ask:
    known = probe(workload, seed, index)
    material = _MATERIAL.get(workload.kind, workload.kind)
    draws = Draws(f"{_key(workload, seed)}/{index}")
    head = " ".join(_title(workload, seed, index)).capitalize()
    planted = None if known is None else known.planted
    body = write_material(material, workload.input_words, draws, planted)
    task = draws.pick(TASKS[material]).format(words=2 * workload.max_tokens)
    question = draws.pick(_OPEN_QUESTIONS)
    return Ask(
        text=f"{head}\n\n{body}\n\n{_closing(workload, known, question, task)}",
        tools=() if known is None else known.tools,
        label=None if known is None else known.kind,
    )


def _closing(workload: Workload, known: Probe | None, open_question: str, task: str) -> str:
    if known is not None and known.kind == "tool-call":
        return _CALL.format(question=known.question)
    if known is not None and workload.kind == "probes":
        return _ONLY_LINE.format(question=known.question)
    return _FIRST_LINE.format(question=open_question if known is None else known.question) + task


def _title(workload: Workload, seed: str, index: int) -> tuple[str, str, str]:
    first, second, third = distinct_bytes(_key(workload, seed), index)
    return WORDS[first], WORDS[second], WORDS[third]


def _key(workload: Workload, seed: str) -> str:
    """What every choice depends on. Lengths are no part of it: they only cut the same stream elsewhere."""
    return f"{ID}/{workload.kind}/{seed}"


# -- where probes and repeats stand --------------------------------------------------------------


def _probe_kind(workload: Workload, seed: str, index: int) -> ProbeKind | None:
    """The kinds come in turn, in an order drawn anew for each turn, so that each has its even share."""
    if workload.kind == "chat-repeats":
        return None
    if workload.kind == "probes":
        return _turn(workload, seed, index, PROBE_KINDS)
    number, place = divmod(index, _PROBE_EVERY)
    if place != _probe_place(_key(workload, seed), number):
        return None
    return _turn(workload, seed, number, _RECALL if workload.kind == "long-context" else TEXT_KINDS)


@functools.lru_cache(maxsize=1024)
def _probe_place(key: str, number: int) -> int:
    return Draws(f"{key}/place/{number}").below(_PROBE_EVERY)


def _turn(workload: Workload, seed: str, number: int, kinds: tuple[ProbeKind, ...]) -> ProbeKind:
    turn, at = divmod(number, len(kinds))
    return Draws(f"{_key(workload, seed)}/turn/{turn}").sample(kinds, len(kinds))[at]


def _repeat_place(workload: Workload, seed: str, run: int) -> int:
    return Draws(f"{_key(workload, seed)}/place/{run}").below(_REPEAT_EVERY)
