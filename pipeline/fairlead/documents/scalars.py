"""What a plain scalar means, and which text may be one. Knows no file and no event.

The table is in :mod:`fairlead.documents`.
"""

from __future__ import annotations

import json
import math
import re
from typing import NamedTuple

from fairlead.documents.text import Json
from fairlead.problems import escape_character, is_hidden

JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_JSON_WORDS: dict[str, Json] = {"null": None, "true": True, "false": False}
_YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<"}  # in any case
_OTHER_NUMBER = re.compile(
    r"""[-+]?(?: 0[xob][0-9a-f_]+                                  # 0x1F 0o7 0b1
               | [0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?            # 12:30
               | (?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:e[-+]?[0-9_]+)?   # 007 1_000 .5 5. +1
               | \.?(?:inf|infinity|nan) )""",
    re.VERBOSE | re.IGNORECASE,
)


class Ambiguous(NamedTuple):
    """A plain scalar that readers disagree about: what others take it for, and what to write."""

    reading: str
    fix: str


def resolve_plain(text: str) -> Json | Ambiguous:
    """What a plain scalar means here (see the module), or why it may not be left plain."""
    if text in _JSON_WORDS:
        return _JSON_WORDS[text]
    if not text:
        return Ambiguous("null", "write `null`")
    match = JSON_NUMBER.fullmatch(text)
    if match:
        return _number(text, is_integer=match[1] is None and match[2] is None)
    if text.lower() in _YAML_WORDS:
        return _word(text)
    if _OTHER_NUMBER.fullmatch(text):
        return Ambiguous("a number", f"write `{quoted(text)}` for text, or the number as JSON does")
    return text


def _word(text: str) -> Ambiguous:
    lower = text.lower()
    if lower in ("~", "null"):
        return Ambiguous("null", f"write `null`, or `{quoted(text)}` for text")
    if lower in ("=", "<<"):
        return Ambiguous("an instruction", f"write `{quoted(text)}`")
    value = "true" if lower in ("y", "yes", "on", "true") else "false"
    return Ambiguous(value, f"write `{value}`, or `{quoted(text)}` for text")


def _number(text: str, *, is_integer: bool) -> Json | Ambiguous:
    fix = f"write a smaller number, or `{quoted(text[:60])}` for text"
    if is_integer:
        # Length first: Python refuses to read integers of thousands of digits.
        number = int(text) if len(text) <= 20 else 1 << 64
        return number if -(2**63) <= number < 2**63 else Ambiguous("beyond 64 bits", fix)
    value = float(text)
    return value if math.isfinite(value) else Ambiguous("beyond the range of a number", fix)


_NAMES = {bool: "a truth value", int: "a number", float: "a number", str: "a string", list: "a list"}


def describe(value: object) -> str:
    """What a value is, in a word that a reader of YAML knows."""
    if value is None:
        return "null"
    return _NAMES.get(type(value), "a mapping" if isinstance(value, dict) else "no value")


# Letters, digits and a few signs that no YAML reader takes for syntax at the start of a scalar.
_PLAIN = re.compile(r"[\w/+(][^\x00-\x1f\"]*")


def inline(value: Json) -> str:
    """A value on one line: JSON's own text, but a string without quotes where nobody could misread it."""
    if isinstance(value, str):
        return value if _reads_as_itself(value) else quoted(value)
    return json.dumps(value, allow_nan=False)  # an empty list or mapping, a number or a word


def _reads_as_itself(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and not any(sign in text for sign in (": ", " #", "\t"))
        and not text.endswith((":", " "))
        and not any(is_hidden(character) for character in text)
        and resolve_plain(text) == text
    )


def quoted(text: str) -> str:
    """A string in double quotes, with what cannot be seen as escapes that YAML knows."""
    body = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(escape_character(c) if is_hidden(c) else c for c in body) + '"'
