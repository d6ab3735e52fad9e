"""The body of a prompt: notes, entries, code, orders, of a set number of words. Knows no seed and no probe.

A word is what stands between white space. Each kind has a writer of pieces; pieces are added until the next
one would be too long, and what is then missing is filled word by word, so that the length is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fairlead.measure.workload import lexicon as lex
from fairlead.measure.workload.draws import Draws

_SENTENCES_PER_PARAGRAPH = 5
_SENTENCES_PER_ENTRY = 4


def write_material(kind: str, words: int, draws: Draws, planted: str | None) -> str:
    """``words`` words of ``kind``, and ``planted`` besides, at a drawn place among them."""
    write, plant, join, fill = _KINDS[kind]
    pieces: list[str] = []
    left = words
    while (size := len((piece := write(draws)).split())) <= left:
        pieces.append(piece)
        left -= size
    if left:
        pieces.append(fill(left, draws))
    if planted is not None:
        pieces.insert(draws.below(len(pieces) + 1), plant(planted))
    return join(pieces)


# -- notes and entries ---------------------------------------------------------------------------


def _person(draws: Draws) -> str:
    return f"{draws.pick(lex.FIRST_NAMES)} {draws.pick(lex.LAST_NAMES)}"


def _a(draws: Draws) -> str:
    word = draws.pick(lex.WORDS)
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _sentence(draws: Draws) -> str:
    return draws.pick(_SENTENCES)(draws)


_SENTENCES: tuple[Callable[[Draws], str], ...] = (
    lambda d: (
        f"{_person(d)}, the {d.pick(lex.TRADES)} of {d.pick(lex.PLACES)}, sent {d.between(3, 90)} "
        f"{d.pick(lex.GOODS)} to {d.pick(lex.PLACES)} {d.pick(lex.TIMES)}."
    ),
    lambda d: (
        f"Nobody in {d.pick(lex.PLACES)} could say why the {d.pick(lex.WORDS)} by the {d.pick(lex.WORDS)} "
        f"had been moved {d.pick(lex.TIMES)}."
    ),
    lambda d: (
        f"The {d.pick(lex.WEATHER)} lasted {d.between(2, 19)} days, and the {d.pick(lex.TRADES)} lost "
        f"{d.between(3, 90)} {d.pick(lex.GOODS)} to it."
    ),
    lambda d: (
        f"{d.pick(lex.FIRST_NAMES)} wrote that the {d.pick(lex.WORDS)} was worth more than the "
        f"{d.pick(lex.WORDS)}, though {_person(d)} never agreed."
    ),
    lambda d: (
        f"{d.pick(lex.TIMES).capitalize()}, a {d.pick(lex.TRADES)} traded {_a(d)} and {_a(d)} for "
        f"{d.between(3, 90)} {d.pick(lex.GOODS)}."
    ),
    lambda d: (
        f"From {d.pick(lex.PLACES)} the road to {d.pick(lex.PLACES)} runs past {_a(d)}, {_a(d)} "
        f"and an old {d.pick(lex.WORDS)}."
    ),
    lambda d: (
        f"The {d.pick(lex.TRADES)} asked {_person(d)} to mend the {d.pick(lex.WORDS)}, and was told to come "
        f"back {d.pick(lex.TIMES)}."
    ),
    lambda d: (
        f"It was the {d.pick(lex.WEATHER)} of {d.pick(lex.MONTHS)} that taught {d.pick(lex.FIRST_NAMES)} to "
        f"keep the {d.pick(lex.WORDS)} indoors."
    ),
)


def _paragraphs(sentences: list[str]) -> str:
    step = _SENTENCES_PER_PARAGRAPH
    return "\n\n".join(" ".join(sentences[at : at + step]) for at in range(0, len(sentences), step))


def _entry(draws: Draws) -> str:
    head = f"{draws.pick(lex.MONTHS)} {draws.between(1, 28)}, {draws.pick(lex.PLACES)}."
    return " ".join([head, *(_sentence(draws) for _ in range(_SENTENCES_PER_ENTRY))])


def _words(count: int, draws: Draws) -> str:
    return " ".join(draws.pick(lex.WORDS) for _ in range(count))


def _fill_sentences(count: int, draws: Draws) -> str:
    sentences = []
    while (size := len((sentence := _sentence(draws)).split())) <= count:
        sentences.append(sentence)
        count -= size
    if count:
        sentences.append(_words(count, draws).capitalize() + ".")
    return " ".join(sentences)


def _as_it_is(planted: str) -> str:
    return planted


# -- code ----------------------------------------------------------------------------------------


def _loop(draws: Draws) -> str:
    item, field, source, out = draws.sample(lex.WORDS, 4)
    verb, low = draws.pick(lex.VERBS), draws.between(2, 999)
    return (
        f"def {verb}_{source}({source}, {out}, limit={low}):\n"
        f"    total = {draws.between(0, 9)}\n"
        f"    for {item} in {source}:\n"
        f'        if {item}["{field}"] > limit:\n'
        f'            total += {item}["{field}"] * {draws.between(2, 99)}\n'
        f"        else:\n"
        f"            {out}.append({item})\n"
        f"    return total, {out}"
    )


def _class(draws: Draws) -> str:
    name, first, second, third = draws.sample(lex.WORDS, 4)
    return (
        f"class {name.capitalize()}{third.capitalize()}:\n"
        f"    def __init__(self, {first}, {second}):\n"
        f"        self.{first} = {first}\n"
        f"        self.{second} = {second}\n\n"
        f"    def {draws.pick(lex.VERBS)}(self, {third}):\n"
        f"        if self.{first} is None:\n"
        f'            raise ValueError("no {first} for this {name}")\n'
        f"        return [{third}[{draws.between(0, 9)}], self.{second} + {draws.between(2, 999)}]"
    )


def _table(draws: Draws) -> str:
    names = draws.sample(lex.WORDS, 5)
    rows = "".join(f'    "{name}": {draws.between(1, 9999)},\n' for name in names[1:])
    return f"{names[0].upper()}_{draws.pick(lex.VERBS).upper()} = {{\n{rows}}}"


def _code_piece(draws: Draws) -> str:
    return draws.pick((_loop, _class, _table))(draws)


def _fill_comment(count: int, draws: Draws) -> str:
    return "#" if count == 1 else f"# {_words(count - 1, draws)}"


def _as_comment(planted: str) -> str:
    return f"# {planted}"


def _module(pieces: list[str]) -> str:
    return "```python\n" + "\n\n\n".join(pieces) + "\n```"


# -- orders --------------------------------------------------------------------------------------


def _order(draws: Draws) -> str:
    number, person = draws.between(10_000, 99_999), _person(draws)
    day, month = draws.between(1, 28), draws.pick(lex.MONTHS)
    goods, count = draws.pick(lex.GOODS), draws.between(2, 400)
    price = f"{draws.between(0, 40)}.{draws.between(0, 99):02}"
    paid = draws.pick(("paid on the spot", "still to be paid", "half paid"))
    return draws.pick(
        (
            f"On {day} {month} {person} of {draws.pick(lex.PLACES)} ordered {count} {goods} at {price} each "
            f"under number {number}, {paid}.",
            f"Number {number}: {count} {goods} for {person}, {draws.pick(lex.PLACES)}, {price} apiece, taken "
            f"down on {day} {month} and {paid}.",
            f"{person} came in from {draws.pick(lex.PLACES)} on {day} {month} for {count} {goods}; they "
            f"cost {price} each, and the slip, number {number}, says {paid}.",
        )
    )


# -- a writer a kind -----------------------------------------------------------------------------


class _Writer(NamedTuple):
    write: Callable[[Draws], str]
    plant: Callable[[str], str]
    join: Callable[[list[str]], str]
    fill: Callable[[int, Draws], str]


_KINDS: Mapping[str, _Writer] = {
    "chat": _Writer(_sentence, _as_it_is, _paragraphs, _fill_sentences),
    "long-context": _Writer(_entry, _as_it_is, "\n\n".join, _fill_sentences),
    "code": _Writer(_code_piece, _as_comment, _module, _fill_comment),
    "extraction": _Writer(_order, _as_it_is, "\n".join, _fill_sentences),
}

#: What to do with the material. Each asks for ``{words}`` words, more than the limit of tokens lets through.
TASKS: Mapping[str, tuple[str, ...]] = {
    "chat": (
        "Turn these notes into one continuous story of at least {words} words. Leave nobody out.",
        "Write a long letter to a friend who was away, telling all of this in at least {words} words.",
        "Explain to a newcomer how these people and places hang together, in at least {words} words.",
        "Retell the notes as a play for radio with many voices, at least {words} words long.",
        "Write the chronicle of that year from these notes, month by month, in at least {words} words.",
        "Argue at length, in at least {words} words, who of these people should keep the town's books.",
    ),
    "long-context": (
        "Go through the entries in order and say what each adds to those before, in {words} words or more.",
        "Write a report of at least {words} words on everything these entries say, place by place.",
        "Compare the people of these entries with each other, in at least {words} words of prose.",
        "Write the history that these entries tell, quoting from many of them, in at least {words} words.",
    ),
    "code": (
        "Rewrite this module with type hints and docstrings and add a test for every part: code and comments "
        "of at least {words} words.",
        "Review this module line by line, then write a better one: at least {words} words in all.",
        "Translate this module into another language and explain every choice, in at least {words} words.",
        "Write the manual of this module with an example for each part, at least {words} words long.",
    ),
    "extraction": (
        "Write each order as a JSON object on a line of its own with the keys number, name, place, day, "
        "month, goods, count, price and payment; then the same by place, then by name, and then in prose, "
        "at least {words} words in all.",
        "Make a table of all orders, sorted by number, then one sorted by month, then say in full sentences "
        "what each customer owes: at least {words} words in all.",
        "List every customer with all that was ordered and what it costs together, then write each a "
        "reminder: at least {words} words in all.",
    ),
}
