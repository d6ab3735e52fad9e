"""Data to its one canonical text. Knows of a schema only the order of keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.documents.scalars import inline
from fairlead.documents.text import Json
from fairlead.problems import is_hidden

_MAX_REFERENCES = 32  # of one schema to the next; a schema that goes round in circles orders nothing


def canonical_yaml(data: Json, schema: Mapping[str, Any]) -> str:
    """The one text of ``data``: keys in the order of the schema, then others by name; two spaces; LF.

    For all that :func:`parse` can return, parsing the text gives ``data`` again. Tuples count as lists.

    Raises:
        TypeError: a value that is none of JSON's.
    """
    return "\n".join(_block(data, schema, schema, "")) + "\n"


def _block(data: Json, schema: Mapping[str, Any], root: Mapping[str, Any], indent: str) -> list[str]:
    """The lines of a value. The first stands where the caller puts it; the rest carry ``indent``."""
    schema = _resolve(schema, root)
    if isinstance(data, dict) and data:
        entries = []
        for name in _ordered(data, schema):
            entries += _entry(f"{inline(name)}:", data[name], _member_schema(schema, name), root, indent)
        return _hang(entries, indent)
    if isinstance(data, list | tuple) and data:
        items = schema.get("items")
        inner = items if isinstance(items, Mapping) else {}
        lines = []
        for item in data:
            first, *rest = _block(item, inner, root, indent + "  ")
            lines += [f"{indent}- {first}", *rest]
        return _hang(lines, indent)
    if isinstance(data, str) and _fits_literal(data):
        head = "|" if data.endswith("\n") else "|-"
        inner_indent = indent or "  "
        return [head, *((inner_indent + line).rstrip() for line in data.removesuffix("\n").split("\n"))]
    return [inline(data)]


def _hang(lines: list[str], indent: str) -> list[str]:
    return [lines[0].removeprefix(indent), *lines[1:]]


def _entry(
    head: str, value: Json, schema: Mapping[str, Any], root: Mapping[str, Any], indent: str
) -> list[str]:
    first, *rest = _block(value, schema, root, indent + "  ")
    if isinstance(value, dict | list | tuple) and value:
        return [indent + head, f"{indent}  {first}", *rest]
    return [f"{indent}{head} {first}", *rest]


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow ``$ref`` within one schema; a schema that refers elsewhere orders nothing."""
    for _ in range(_MAX_REFERENCES):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        found: Any = root
        for part in reference.split("/")[1:]:
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {})
        schema = found
    return {}


def _ordered(data: dict[str, Json], schema: Mapping[str, Any]) -> list[str]:
    known = [name for name in schema.get("properties", {}) if name in data]
    return known + sorted(data.keys() - set(known))


def _member_schema(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    return found if isinstance(found, Mapping) else {}


def _fits_literal(text: str) -> bool:
    """Whether a block literal shows every character of a text and keeps it as it is."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text.removesuffix("\n")
        and lines[0] != ""
        and lines[-1] != ""
        and lines[0][0] not in " \t"
        and all(line == line.rstrip() for line in lines)
        and not any(is_hidden(character) for character in set(text) - {"\n"})
    )
