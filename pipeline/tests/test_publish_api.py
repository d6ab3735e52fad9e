"""The published schemas: what was promised stays, what is new is told, and every file keeps to it."""

from __future__ import annotations

import datetime as dt
import json
import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fairlead.evidence import load_evidence, with_replies
from fairlead.life import objections
from fairlead.publish import api
from fairlead.publish.changelog import CHANGES, Change
from fairlead.publish.edition import Edition
from fairlead.ranking import build_rows
from fairlead.repository import load_repository

from .publish_example import CHECKOUT

GOLDEN = Path(__file__).parent / "golden" / "api" / "v1.json"

Fields = dict[str, str]


def fields_of(schema: dict[str, Any]) -> Fields:
    """Every field of a schema by its path, with its types: ``rows[].figures.*.value: null number``."""
    return dict(_fields(schema, schema["$defs"], ""))


def _fields(part: dict[str, Any], shared: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if "$ref" in part:
        yield from _fields(shared[part["$ref"].removeprefix("#/$defs/")], shared, path)
        return
    if path:
        yield path, " ".join(sorted(_types(part, shared)))
    for choice in part.get("oneOf", ()):
        yield from (found for found in _fields(choice, shared, path) if found[0] != path)
    for name, below in part.get("properties", {}).items():
        yield from _fields(below, shared, f"{path}.{name}" if path else name)
    if isinstance(part.get("additionalProperties"), dict):
        yield from _fields(part["additionalProperties"], shared, f"{path}.*")
    if "items" in part:
        yield from _fields(part["items"], shared, f"{path}[]")


def _types(part: dict[str, Any], shared: dict[str, Any]) -> set[str]:
    if "$ref" in part:
        return _types(shared[part["$ref"].removeprefix("#/$defs/")], shared)
    if "oneOf" in part:
        return set().union(*(_types(choice, shared) for choice in part["oneOf"]))
    stated = part.get("type", [])
    if "enum" in part and not stated:
        return {"null" if value is None else "string" for value in part["enum"]}
    return {stated} if isinstance(stated, str) else set(stated)


def breaks(before: dict[str, Fields], after: dict[str, Fields], changes: tuple[Change, ...]) -> list[str]:
    """What was published and is gone or of another type, and what is new, without a line that says so."""
    found = []
    for kind in sorted(before.keys() | after.keys()):
        was, now = before.get(kind, {}), after.get(kind, {})
        for path in sorted(was.keys() | now.keys()):
            what = "added" if path not in was else "removed" if path not in now else "changed"
            if was.get(path) != now.get(path) and not _is_told(changes, what, kind, path):
                found.append(f"{kind} {path}: {what}: {was.get(path)} -> {now.get(path)}")
    return found


def _is_told(changes: tuple[Change, ...], what: str, kind: str, path: str) -> bool:
    return any(
        (change.what, change.kind) == (what, kind)
        and (not change.fields or path.startswith(tuple(change.fields)))
        for change in changes
    )


# -- the promise ---------------------------------------------------------------------------------


def test_within_v1_fields_are_only_added_and_each_is_in_the_changelog() -> None:
    """A field that goes or changes its type fails here, whatever is accepted; so does a new one untold.

    ``FAIRLEAD_ACCEPT=1`` takes up what the changelog tells.
    """
    now = {kind: fields_of(api.schema(kind)) for kind in api.SCHEMAS}
    before = json.loads(GOLDEN.read_text("utf-8"))
    assert breaks(before, now, CHANGES) == []
    if os.environ.get("FAIRLEAD_ACCEPT"):
        GOLDEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", "utf-8")
    assert json.loads(GOLDEN.read_text("utf-8")) == now


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ({"id": "string"}, "removed: integer -> None"),
        ({"id": "string", "n": "number"}, "changed: integer -> number"),
        ({"id": "string", "n": "integer null"}, "changed: integer -> integer null"),
        ({"id": "string", "n": "integer", "new": "string"}, "added: None -> string"),
    ],
)
def test_a_break_is_found_until_a_line_tells_of_it(after: Fields, what: str) -> None:
    """Of the very field and the very change; a line on another kind or another change does not do."""
    before = {"rows": {"id": "string", "n": "integer"}}
    (found,) = breaks(before, {"rows": after}, ())
    assert found.endswith(what)
    word: Any = what.partition(":")[0]
    field = "new" if word == "added" else "n"
    for line, is_told in (
        (Change("2026-01-01", word, "rows", (field,), "Why."), True),
        (Change("2026-01-01", word, "other", (field,), "Why."), False),
        (Change("2026-01-01", word, "rows", ("id",), "Why."), False),
    ):
        assert (breaks(before, {"rows": after}, (line,)) == []) is is_told


def test_every_line_of_the_changelog_tells_of_something_that_is_there() -> None:
    """Kinds and fields that exist, the newest first."""
    assert [change.date for change in CHANGES] == sorted((c.date for c in CHANGES), reverse=True)
    for change in CHANGES:
        known = fields_of(api.schema(change.kind))
        assert change.what == "removed" or all(field in known for field in change.fields), change


# -- the files -----------------------------------------------------------------------------------


def validate(files: dict[str, str]) -> set[str]:
    """Hold every data file, by its path, against the schema that it names; the kinds that were used."""
    used = set()
    for path, text in files.items():
        if "/schemas/" not in path and path.endswith(".json"):
            data = json.loads(text)
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), data["$schema"]))
            schema = json.loads(files[target])
            used.add(target)
            jsonschema.Draft202012Validator(schema).validate(data)
            assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    return used


def test_every_file_of_this_checkout_keeps_to_its_schema() -> None:
    """The board's own data, as it is committed."""
    repository, problems = load_repository(CHECKOUT)
    assert problems == []
    evidence, unusable = load_evidence(repository)
    assert unusable == []
    now = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    rows = build_rows(
        with_replies(repository, evidence),
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(now.timestamp()) * 1_000_000_000,
        against=objections(repository, now),
    )
    files = dict(api.render(Edition(repository, rows, now, None, {})))
    assert len(validate(files)) >= len(api.KINDS) - 6  # a board without rows has no leaderboard


def test_a_field_of_another_type_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation can fail: a number where the schema promises a text."""
    repository, _ = load_repository(CHECKOUT)
    files = dict(api.render(Edition(repository, (), dt.datetime(2026, 12, 1, tzinfo=dt.UTC), None, {})))
    path = "api/v1/providers.json"
    files[path] = files[path].replace('"status": "reference"', '"status": 1')
    with pytest.raises(jsonschema.ValidationError):
        validate(files)
