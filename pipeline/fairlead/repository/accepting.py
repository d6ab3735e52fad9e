"""Whether a value is certainly what a schema asks for, yes or no. Knows no file, no place and no reason.

A schema becomes a tree of small functions, once. They say no as soon as anything is not in order, and know
nothing to say about it: who gets a no asks :mod:`fairlead.repository.schema` for the reason. A keyword that
is not known here is never in order, so that a yes is always one that jsonschema would give, too.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Accepts: TypeAlias = Callable[[Any], bool]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_EVERY = frozenset(found for types in _TYPES.values() for found in types)
_REMARKS = frozenset({"$schema", "$id", "$defs", "title", "description", "x-expected"})
_OF_MAPPINGS = frozenset({"required", "additionalProperties"})  # looked at with the properties


def _is_long_enough(value: Any, wanted: int) -> bool:
    return len(value) >= wanted


def _is_short_enough(value: Any, wanted: int) -> bool:
    return len(value) <= wanted


_BOUNDS: Mapping[str, tuple[tuple[type, ...], Callable[[Any, Any], bool]]] = {
    "minimum": ((int, float), operator.ge),
    "maximum": ((int, float), operator.le),
    "exclusiveMinimum": ((int, float), operator.gt),
    "exclusiveMaximum": ((int, float), operator.lt),
    "minLength": ((str,), _is_long_enough),
    "maxLength": ((str,), _is_short_enough),
    "minItems": ((list,), _is_long_enough),
    "maxItems": ((list,), _is_short_enough),
}


def accepting(schema: Mapping[str, Any]) -> Accepts:
    """The function that says whether a value read from a file is in order by a schema without references."""
    stated = schema.get("type", list(_TYPES))
    kinds = [stated] if isinstance(stated, str) else stated
    by_type: dict[type, tuple[Accepts, ...]] = {found: () for kind in kinds for found in _TYPES[kind]}
    for keyword, wanted in schema.items():
        if keyword == "type" or keyword in _REMARKS or (keyword in _OF_MAPPINGS and "properties" in schema):
            continue
        for found, accepts in _tests(keyword, wanted, schema).items():
            if found in by_type:
                by_type[found] += (accepts,)

    def accepts_all(value: Any) -> bool:
        for accepts in by_type.get(type(value), (_never,)):  # noqa: SIM110 - twice as fast as all() of it
            if not accepts(value):
                return False
        return True

    return accepts_all


def _never(_: Any) -> bool:
    return False


def _tests(keyword: str, wanted: Any, schema: Mapping[str, Any]) -> Mapping[type, Accepts]:
    """What a keyword asks of each type of value; it asks nothing of one that is not there."""
    if keyword in _BOUNDS:
        types, compare = _BOUNDS[keyword]
        return dict.fromkeys(types, lambda value: compare(value, wanted))
    if keyword == "properties":
        return {dict: _mapping(wanted, schema)}
    if keyword == "items":
        each = accepting(wanted)
        return {list: lambda value: all(map(each, value))}
    if keyword == "pattern":
        search = re.compile(re.sub(r"\$$", r"\\Z", wanted)).search  # `$` is the end, as where it is explained
        return {str: lambda value: search(value) is not None}
    if keyword in ("enum", "const"):
        choice = [(type(one), one) for one in (wanted if keyword == "enum" else [wanted])]
        return dict.fromkeys(_EVERY, lambda value: (type(value), value) in choice)
    return dict.fromkeys(_EVERY, _never)


def _mapping(properties: Mapping[str, Any], schema: Mapping[str, Any]) -> Accepts:
    members = {name: accepting(wanted) for name, wanted in properties.items()}
    required = frozenset(schema.get("required", ()))
    if schema.get("additionalProperties") is not False:
        return _never  # ours name every key

    def accepts(value: dict[str, Any]) -> bool:
        if not required <= value.keys():
            return False
        for name, one in value.items():
            test = members.get(name)
            if test is None or not test(one):
                return False
        return True

    return accepts
