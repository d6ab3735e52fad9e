"""JSON Schemas, and what a file breaks of its own, said where it stands. The only user of jsonschema.

Knows no path and no other file. The schemas use few keywords, each with its own code; every fault is
one problem at its exact place: a wrong value at the value, an unknown key at itself, the missing
keys of a mapping together at the mapping.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.resources
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from fairlead import documents
from fairlead.documents import Document, describe, problem_at
from fairlead.problems import Problem, listed, nearest, pointer, quote
from fairlead.repository.accepting import Accepts, accepting
from fairlead.repository.places import ID_FORM, FileKind


@functools.cache
def load_schema(kind: FileKind | str) -> Mapping[str, Any]:
    """The JSON Schema of a kind of file, with the parts that it shares with others written out."""
    return _inline_references(_read_schema(str(kind)))  # type: ignore[no-any-return]


@functools.cache
def _read_schema(name: str) -> Mapping[str, Any]:
    file = importlib.resources.files("fairlead") / "schemas" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _inline_references(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_inline_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        file, _, name = reference.partition(".json")
        whole = _read_schema(file)
        shared = _inline_references(whole["$defs"][name.removeprefix("#/$defs/")] if name else whole)
        kept = {key: value for key, value in shared.items() if key not in ("$schema", "$id")}
        return {**kept, **{key: value for key, value in schema.items() if key != "$ref"}}
    return {key: _inline_references(value) for key, value in schema.items()}


def _check_pattern(
    _validator: Any, pattern: str, instance: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    """`$` must not match before a last line feed: an id is no id with one at its end."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _is_integer(_checker: object, instance: object) -> bool:
    """1.0 is no integer here: the two are written, and mean, different things."""
    return isinstance(instance, int) and not isinstance(instance, bool)


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    validators={"pattern": _check_pattern},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


@functools.cache
def _validator(kind: FileKind | str) -> Any:
    return _Validator(load_schema(kind))


@functools.cache
def _accepts(kind: FileKind | str) -> Accepts:
    return accepting(load_schema(kind))


# The code of each keyword that our schemas may use. Of several at one value the first is said.
KEYWORD_CODES: Mapping[str, str] = {
    "type": "SCH001",
    "required": "SCH002",
    "additionalProperties": "SCH003",
    "enum": "SCH004",
    "const": "SCH005",
    "pattern": "SCH006",
    "minimum": "SCH007",
    "maximum": "SCH007",
    "exclusiveMinimum": "SCH007",
    "exclusiveMaximum": "SCH007",
    "minLength": "SCH008",
    "maxLength": "SCH008",
    "minItems": "SCH009",
    "maxItems": "SCH009",
}
_MAX_SCHEMA_ERRORS = 500


def schema_problems(document: Document, kind: FileKind | str) -> list[Problem]:
    """What a document breaks of its kind's schema: one problem a cause, each at its exact place.

    Most break nothing, and are not shown to jsonschema, which takes ten times as long to say so.
    """
    if _accepts(kind)(document.data):
        return []
    errors = itertools.islice(_validator(kind).iter_errors(document.data), _MAX_SCHEMA_ERRORS)
    by_place: dict[str, dict[str, list[jsonschema.ValidationError]]] = {}
    for error in errors:
        where = pointer(*error.absolute_path)
        by_place.setdefault(where, {}).setdefault(str(error.validator), []).append(error)
    problems: list[Problem] = []
    for where, found in by_place.items():
        keyword = min(found, key=list(KEYWORD_CODES).index)
        if keyword in ("required", "additionalProperties"):
            problems += _key_problems(document, where, next(iter(found[keyword])))
        else:
            problems.append(_value_problem(document, where, keyword, found[keyword][0]))
    return problems[: documents.MAX_PROBLEMS]


def _key_problems(document: Document, where: str, error: jsonschema.ValidationError) -> Iterator[Problem]:
    """Unknown keys, each at itself; and all missing ones together, at the mapping they are missing from."""
    schema: Mapping[str, Any] = error.schema  # type: ignore[assignment]
    present: dict[str, Any] = error.instance  # type: ignore[assignment]
    properties = schema["properties"]
    missing = [name for name in schema.get("required", ()) if name not in present]
    free = [name for name in properties if name not in present]
    for name in present:
        if name in properties:
            continue
        meant = nearest(name, free)
        if meant in missing:
            missing.remove(meant)  # misspelt, not missing
        fix = f"write `{meant}`" if meant else "delete it, or say it under `notes:`"
        choice = f"one of {listed(free)}" if free else "no other key"
        message = f"unknown key {quote(name)}"
        place = where + pointer(name)
        yield problem_at(document, "SCH003", place, message, key=True, expected=choice, fix=fix)
    if missing:
        first = properties[missing[0]]
        expected = expectation(first) if len(missing) == 1 else None
        filler = "null" if "null" in _types(first) else "…"
        message = f"missing {listed(missing)}"
        fix = f"add `{missing[0]}: {filler}`" + (" and the others" if len(missing) > 1 else "")
        yield problem_at(document, "SCH002", where, message, key=True, expected=expected, fix=fix)


def _value_problem(
    document: Document, where: str, keyword: str, error: jsonschema.ValidationError
) -> Problem:
    schema: Mapping[str, Any] = error.schema  # type: ignore[assignment]
    value, name = error.instance, where.rpartition("/")[2]
    name = name if not name.isdecimal() else ""
    return problem_at(
        document,
        KEYWORD_CODES[keyword],
        where,
        _found(keyword, value),
        expected=expectation(schema, keyword),
        fix=_value_fix(keyword, value, schema, name),
    )


def _found(keyword: str, value: object) -> str:
    if keyword == "type":
        return f"found {describe(value)}"
    if isinstance(value, list):
        return f"found {len(value):,} entr{'y' if len(value) == 1 else 'ies'}"
    if keyword in ("minLength", "maxLength"):
        return f"found {len(str(value)):,} characters"
    return f"found {quote(value)}" if value != "" else "found an empty string"


_TYPE_WORDS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_BOUND_WORDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}


def _types(schema: Mapping[str, Any]) -> list[str]:
    stated = schema.get("type", [])
    return [stated] if isinstance(stated, str) else list(stated)


def expectation(schema: Mapping[str, Any], keyword: str = "type") -> str:
    """What a schema asks for, in words: its own ``x-expected``, its values, or its types.

    The bounds are added where ``keyword`` says that one of them was broken.
    """
    words: str | None = schema.get("x-expected")
    if words is None and "enum" in schema:
        words = "one of " + ", ".join(quote(value) for value in schema["enum"])
    kinds = " or ".join(_TYPE_WORDS[name] for name in _types(schema))
    stated = [name for name in _BOUND_WORDS if name in schema] if keyword in _BOUND_WORDS else []
    bounds = [_BOUND_WORDS[name].format(schema[name]) for name in stated]
    return ", ".join([words or kinds, *bounds])


def _value_fix(keyword: str, value: Any, schema: Mapping[str, Any], name: str) -> str | None:
    head = f"{name}: " if name else ""
    if keyword == "type":
        return _type_fix(value, schema, head)
    if keyword == "enum" and isinstance(value, str):
        meant = nearest(value, [known for known in schema["enum"] if isinstance(known, str)])
        return f"write `{head}{meant}`" if meant else None
    if keyword == "const":
        return f"write `{head}{json.dumps(schema['const'])}`"
    if keyword == "pattern" and isinstance(value, str):
        slug = _as_id(value, schema)
        return f"write `{head}{slug}`" if slug else None
    return None


def _as_id(text: str, schema: Mapping[str, Any]) -> str | None:
    """The id that a name was meant to be; None for what looks like no name, such as a path."""
    slug = re.sub("[^a-z0-9]+", "-", text[:200].lower()).strip("-")
    is_name = re.fullmatch(r"[\w .-]+\n?", text) and ".." not in text and "an id" in expectation(schema)
    return slug if is_name and re.fullmatch(ID_FORM, slug) and re.search(schema["pattern"], slug) else None


def _type_fix(value: Any, schema: Mapping[str, Any], head: str) -> str | None:
    """What the author most likely meant: the number without its quotes, the text with them."""
    types = _types(schema)
    if isinstance(value, str):
        meant = documents.resolve_plain(value)
        with contextlib.suppress(jsonschema.ValidationError):
            if not isinstance(meant, str | documents.Ambiguous):
                _Validator(schema).validate(meant)
                return f"write `{head}{json.dumps(meant)}`"
    if "string" in types and isinstance(value, bool | int | float):
        return f'write `{head}"{json.dumps(value)}"`'
    if "array" in types:
        return f"write `{head}[]` for none; else start each entry with `- ` on a line of its own"
    return None
