"""Questions whose answers are known, and whether an answer is right. Knows no model, no record and no time.

The answer is made with the question, so no reader's taste comes in. A scorer forgives what a person would
(quotes round a copied text, commas in a number, an answer on the next line) and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import msgspec

from fairlead.measure.workload import lexicon as lex
from fairlead.measure.workload.draws import Draws

ProbeKind = Literal["numerals", "copy", "arithmetic", "json", "recall", "tool-call"]
PROBE_KINDS: tuple[ProbeKind, ...] = get_args(ProbeKind)

#: Those answered in the text of a reply, so that an answer of full length can follow.
TEXT_KINDS = tuple(kind for kind in PROBE_KINDS if kind != "tool-call")


class Tool(msgspec.Struct, frozen=True):
    """A function that the model may call. ``parameters``: a JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A question with a known answer.

    ``question`` completes the sentence "give …". ``planted``: a sentence that must stand in the material.
    ``expected``: the digits, the text, or the canonical JSON of the answer.
    """

    kind: ProbeKind
    question: str
    expected: str
    planted: str | None = None
    tools: tuple[Tool, ...] = ()


def make_probe(kind: ProbeKind, draws: Draws, title: tuple[str, str, str]) -> Probe:
    """A probe of ``kind``. ``title``: words no other prompt has, for names that must be its own."""
    return _MAKERS[kind](draws, title)


_Title = tuple[str, str, str]


def _numerals(draws: Draws, _: _Title) -> Probe:
    number = draws.between(1_000_000, 999_999_999)
    question = f"the number {spelled(number)}, written in digits"
    return Probe(kind="numerals", question=question, expected=str(number))


def _copy(draws: Draws, _: _Title) -> Probe:
    parts = [f"{draws.pick(lex.WORDS)}-{draws.between(10, 99)}" for _ in range(6)]
    parts.insert(3, f"{draws.pick(lex.WORDS).upper()}/{draws.pick(lex.WORDS)}")
    text = " ".join(parts)
    return Probe(kind="copy", question=f"an exact copy of this text: {text}", expected=text)


def _arithmetic(draws: Draws, _: _Title) -> Probe:
    a, b, c, d = draws.between(12, 99), draws.between(3, 9), draws.between(100, 999), draws.between(10, 99)
    question = f"the number that you get from {a} times {b}, plus {c}, minus {d}"
    return Probe(kind="arithmetic", question=question, expected=str(a * b + c - d))


def _json(draws: Draws, _: _Title) -> Probe:
    name, count, paid = draws.pick(lex.FIRST_NAMES), draws.between(2, 99), draws.pick((True, False))
    goods = draws.sample(lex.WORDS, 2)
    question = (
        'a JSON object on one line with exactly the keys "name" (a string), "crates" (an integer), "paid" (a '
        f'boolean) and "marks" (an array of two strings) for this: {name} took {count} crates marked '
        f"{goods[0]} and {goods[1]}, in that order, and has {'paid' if paid else 'not paid'}"
    )
    expected = {"name": name, "crates": count, "paid": paid, "marks": goods}
    return Probe(kind="json", question=question, expected=_canonical(expected))


def _recall(draws: Draws, _: _Title) -> Probe:
    thing, place, number = draws.pick(lex.WORDS), draws.pick(lex.PLACES), draws.between(10_000, 99_999)
    what = f"the number burnt into the lid of the {thing} chest at {place}"
    planted = f"It should be known that {what} is {number}."
    return Probe(kind="recall", question=what, expected=str(number), planted=planted)


def _tool_call(draws: Draws, title: _Title) -> Probe:
    suffix = f"{title[0]}_{title[1]}_{title[2]}"
    start, end = draws.sample(lex.PLACES, 2)
    arguments = {"from": start, "to": end, "people": draws.between(2, 40), "day": draws.between(1, 28)}
    properties = {
        "from": {"type": "string", "description": "place of departure"},
        "to": {"type": "string", "description": "place of arrival"},
        "people": {"type": "integer", "description": "how many travel"},
        "day": {"type": "integer", "description": "day of the month"},
    }
    verbs = draws.sample(("book", "cancel", "price"), 3)
    tools = tuple(
        Tool(
            f"{suffix}_{verb}",
            _TOOL_WORDS[verb].format(name=title[0].capitalize()),
            {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
        )
        for verb in verbs
    )
    question = (
        f"no text at all but one call of the right tool: a passage from {start} to {end} is to be booked for "
        f"{arguments['people']} people on day {arguments['day']}"
    )
    expected = _canonical({"name": f"{suffix}_book", "arguments": arguments})
    return Probe(kind="tool-call", question=question, expected=expected, tools=tools)


_TOOL_WORDS = {
    "book": "{name} line: books a passage.",
    "cancel": "{name} line: cancels a passage that was booked.",
    "price": "{name} line: says what a passage would cost and books nothing.",
}

_MAKERS: Mapping[ProbeKind, Callable[[Draws, _Title], Probe]] = {
    "numerals": _numerals,
    "copy": _copy,
    "arithmetic": _arithmetic,
    "json": _json,
    "recall": _recall,
    "tool-call": _tool_call,
}

# -- numbers in words ----------------------------------------------------------------------------

_SMALL_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
    """
_SMALL = tuple(_SMALL_WORDS.split())
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def spelled(number: int) -> str:
    """A number from 0 to 999,999,999 in English words."""
    for size, name in ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred")):
        if number >= size:
            head, rest = divmod(number, size)
            words = f"{spelled(head)} {name}"
            return f"{words}{' and' if rest < 100 else ''} {spelled(rest)}" if rest else words
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]}-{_SMALL[ones]}" if ones else _TENS[tens]


# -- scoring -------------------------------------------------------------------------------------

_MAX_CHARS = 65_536
_MARK = re.compile(r"^[^\w\n]{0,8}answer[^\w\n]{0,8}?:", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"[0-9]{1,20}|[0-9]{1,3}(?:[,_'’ \u00a0\u202f][0-9]{3}){1,6}")
_WRAPPING = " \t*_`\"'“”‘’"


def score(probe: Probe, text: str | None, tool_calls: str | None) -> bool | None:
    """Right: whether a reply gives the probe's answer; None where there is no reply at all to judge.

    The answer is what follows the first ``Answer:`` at the start of a line, there or on the next line; where
    no line starts so, the text's own first line. Blanks, quotes and marks of emphasis around it are forgiven,
    as are commas, spaces and the like between thousands, a sum written out before its result and a full stop
    after a number, and the order and spacing of JSON. Nothing else is: a number among words, a copy with
    another character, JSON with another type, key or value, a second attempt, a second tool call.

    A text that holds its thoughts in front of ``</think>`` is judged by what comes after them; one that is
    still thinking where it ends is no reply. ``text`` and ``tool_calls`` are those of the raw record.
    """
    given = given_answer(probe, text, tool_calls)
    if given is None:
        return None
    if probe.kind == "tool-call":
        return _called(given) == probe.expected
    if probe.kind == "json":
        return _first_object(given) == probe.expected
    return (given if probe.kind == "copy" else _digits(given)) == probe.expected


def given_answer(probe: Probe, text: str | None, tool_calls: str | None) -> str | None:
    """The part of a reply that :func:`score` judges; None where there is nothing to judge.

    Of a tool call, the calls. Of JSON, all that follows the first ``Answer:`` at the start of a line, or the
    whole text where no line starts so. Of any other probe, the first line of that which is not empty,
    without the blanks, quotes and marks of emphasis around it.
    """
    if text is not None and text.lstrip().startswith("<think>") and "</think>" not in text:
        text = None
    if text is None and tool_calls is None:
        return None
    if probe.kind == "tool-call":
        return tool_calls or ""
    answer = _answer((text or "").rpartition("</think>")[2][:_MAX_CHARS])
    return (
        answer
        if probe.kind == "json"
        else answer.lstrip(_WRAPPING + "\r\n").partition("\n")[0].strip(_WRAPPING + "\r")
    )


def _answer(text: str) -> str:
    """What follows the first ``Answer:`` at the start of a line; the whole text where there is none."""
    mark = _MARK.search(text)
    return text[mark.end() :] if mark else text


def _digits(line: str) -> str:
    """The number that a line gives: after its last equals sign, without separators of thousands."""
    number = line.rpartition("=")[2].strip(_WRAPPING + ".")
    return re.sub("[^0-9]", "", number) if _NUMBER.fullmatch(number) else ""


def _first_object(text: str) -> str:
    """The first JSON object in ``text`` as canonical JSON; nothing where there is none."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
        return _canonical(value)
    except (ValueError, RecursionError):
        return ""


def _called(tool_calls: str) -> str:
    """The only call's name and arguments as canonical JSON; nothing where there is not exactly one."""
    try:
        calls = json.loads(tool_calls[:_MAX_CHARS])
        if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], dict):
            return ""
        arguments = calls[0].get("arguments")
        value = json.loads(arguments) if isinstance(arguments, str) else arguments
        return _canonical({"name": calls[0].get("name"), "arguments": value})
    except (ValueError, RecursionError):
        return ""


def _canonical(value: Any) -> str:
    """One text for equal JSON values: sorted keys; 1 and true stay different."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
