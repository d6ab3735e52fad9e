"""The quick way to look at a window or a schema says what the thorough way says, to the letter."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from fairlead import documents, windows
from fairlead.checks import raw
from fairlead.checks.looking import Asked, Look, Looker, part_for_looking
from fairlead.repository import STRUCTS, FileKind, Repository, load_repository, schema
from fairlead.repository.schema import schema_problems

from .. import roots

odd_texts = st.text(max_size=12) | st.sampled_from(
    ["no", "12:30", "a\\b", "tab\there", "\x7f", "\u202e", "\u2028", "# no comment", "x" * 2000, "é"]
)
of_type: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-3, 10**12) | st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: odd_texts,
    type(None): st.integers(0, 9) | st.text("abc", max_size=3),
}
odd_values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) - 1, 2**63)
    | st.sampled_from([0, -1, 1, 5, -(2**63), 2**53, 1.0, -0.5, 1e300, 1e-7])
    | odd_texts
    | st.sampled_from([[], {}, [1], {"a": 1}, [0] * 60_000])
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return roots.build_root(tmp_path_factory.mktemp("looking") / "root")


@pytest.fixture(scope="module")
def repository(root: Path) -> Repository:
    found, problems = load_repository(root)
    assert not problems
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value where another could stand, as (container, key)."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        yield value, key
        yield from places(one)


def change(draw: st.DrawFn, value: Any) -> Any:
    """A copy of a value with one thing in it changed, left out, renamed or added."""
    value = copy.deepcopy(value)
    found = list(places(value))
    if not found:
        return draw(odd_values)
    where, key = draw(st.sampled_from(found))
    how = draw(st.sampled_from(["like", "like", "like", "replace", "remove", "add"]))
    if how == "like":
        where[key] = draw(of_type.get(type(where[key]), odd_values))
    elif how == "replace":
        where[key] = draw(odd_values)
    elif how == "remove":
        del where[key]
    elif isinstance(where, dict):
        where[draw(st.sampled_from(["extra", "Kind"]))] = draw(odd_values)
    else:
        where.append(draw(odd_values))
    return value


@contextlib.contextmanager
def thoroughly() -> Iterator[None]:
    """Without any of the quick ways."""
    with (
        mock.patch.object(documents, "read_plain", return_value=None),
        mock.patch.object(schema, "_accepts", return_value=lambda _: False),
    ):
        yield


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_schema_accepts_just_what_breaks_none_of_it(repository: Repository, data: st.DataObject) -> None:
    """Yes and no are those of jsonschema, for every kind of file and whatever is changed in it."""
    paths = sorted(path for path, kind in repository.kinds.items() if kind in STRUCTS)
    path = data.draw(st.sampled_from(paths))
    kind, document = repository.kinds[path], repository.documents[path]
    value = change(data.draw, document.data) if data.draw(st.booleans()) else document.data
    with thoroughly():
        broken = schema_problems(documents.Document(path, document.text, value, document.marks), kind)
    event(f"{'broken' if broken else 'in order'}")
    assert schema._accepts(kind)(value) is not bool(broken)


def test_what_is_in_order_is_looked_at_in_the_quick_way(repository: Repository) -> None:
    """Nothing that breaks no rule is parsed for its places, or shown to jsonschema."""
    with mock.patch.object(schema, "_validator") as validator:
        for path, kind in repository.kinds.items():
            if kind in STRUCTS:
                assert schema_problems(repository.documents[path], kind) == []
        part = part_for_looking(repository)
        with mock.patch.object(documents, "parse") as parse:
            looker = Looker(part)
            looks = looker([asked_for(repository, path) for path in repository.raw_paths(FileKind.WINDOW)])
    assert [problem for look in looks for problem in look.problems] == []
    assert not validator.called
    assert not parse.called


def with_line(data: bytes, number: int, line: bytes | None) -> bytes:
    lines = windows.inflate(data).split(b"\n")
    lines[number : number + 1] = [] if line is None else [line]
    return windows.pack([b"\n".join(lines).removesuffix(b"\n")])


@st.composite
def changed_file(draw: st.DrawFn, data: bytes) -> bytes:
    """A window's bytes with something changed: mostly a value of a line, else the line or the bytes."""
    lines = windows.inflate(data).split(b"\n")[:-1]
    number = draw(st.sampled_from([0, 0, 1]) if len(lines) > 1 else st.just(0))
    how = draw(st.sampled_from(["value"] * 6 + ["nothing", "line", "bytes"]))
    if how == "nothing":
        return data
    if how == "bytes":
        at = draw(st.integers(0, len(data) - 1))
        return data[:at] + draw(st.binary(max_size=3)) + data[at + 1 :]
    if how == "line":
        other = st.none() | st.binary(max_size=9) | st.sampled_from([*lines, b"[" * 5000, b"9" * 5000])
        return with_line(data, number, draw(other))
    try:
        value = change(draw, json.loads(lines[number]))
        decoder = windows._request_decoder if number else windows._header_decoder
        line = windows.encode_line(decoder.decode(json.dumps(value)))  # canonical again, where it can be
    except (windows.msgspec.MsgspecError, UnicodeEncodeError):
        line = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    return with_line(data, number, line)


def asked_for(repository: Repository, path: str) -> Asked:
    manifest = next(each for each in repository.manifests() if path.startswith(f"{each.folder}/windows/"))
    return Asked(path, raw._owner(repository, manifest.folder, manifest), None)


def sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def comparable(look: Look) -> Any:
    run = look.run
    return look._replace(run=None), run and (run._replace(trace=None, beside=None), repr(run[-2:]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_changed_window_is_seen_alike_by_every_way_of_looking(
    repository: Repository, data: st.DataObject
) -> None:
    """Quick and thorough, here and in another process: the same problems at the same places."""
    path = data.draw(st.sampled_from(repository.raw_paths(FileKind.WINDOW)))
    file = repository.root / path
    before = file.read_bytes()
    asked, looker = [asked_for(repository, path)], Looker(part_for_looking(repository))
    try:
        file.write_bytes(data.draw(changed_file(before)))
        [quick] = looker(asked)
        [elsewhere] = sent(sent(looker)(sent(asked)))
        with thoroughly():
            [thorough] = Looker(repository)(asked)
    finally:
        file.write_bytes(before)
    event(f"{len(thorough.problems)} problems, first {[p.code for p in thorough.problems][:1]}")
    assert comparable(quick) == comparable(thorough)
    assert comparable(elsewhere) == comparable(thorough)


@given(text=odd_texts | st.text(st.characters(min_codepoint=32, max_codepoint=126)), rate=st.floats(0, 1e308))
def test_a_plain_line_reads_as_yaml_reads_it(text: str, rate: float) -> None:
    """Where the short way reads a header at all."""
    header = roots.make_header(api_model=text)
    header = windows.msgspec.structs.replace(
        header, load=windows.msgspec.structs.replace(header.load, rate_per_s=rate)
    )
    line = windows.encode_line(header)
    plain, (whole, problems) = documents.read_plain(line, "a"), documents.parse(line, "a")
    event("plain" if plain else "not plain")
    if plain is not None:
        assert whole is not None
        assert (plain.data, plain.text, problems) == (whole.data, whole.text, [])
