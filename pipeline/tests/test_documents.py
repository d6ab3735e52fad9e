"""Strict YAML: what is read, what is refused and where, and the one text that is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fairlead import documents
from fairlead.documents import (
    Ambiguous,
    Document,
    Unreadable,
    canonical_yaml,
    format_document,
    locate,
    parse,
    problem_at,
    read_bounded,
    resolve_plain,
)
from fairlead.problems import Problem, Span


def read(text: str) -> Document:
    document, problems = parse(text.encode(), "x.yaml")
    assert problems == []
    assert document is not None
    return document


def refused(text: str | bytes) -> list[tuple[str, Span | None]]:
    _, problems = parse(text.encode() if isinstance(text, str) else text, "x.yaml")
    return [(problem.code, problem.span) for problem in problems]


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("null", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-12", -12),
        ("1.5", 1.5),
        ("2e3", 2000.0),
        ("-0.0", -0.0),
        ("9223372036854775807", 2**63 - 1),
        ("2026-03-04", "2026-03-04"),
        ("2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z"),
        ("1.0.0", "1.0.0"),
        ("llama-3-70b", "llama-3-70b"),
        ("truth", "truth"),
        ("https://a.example/b?c=d", "https://a.example/b?c=d"),
    ],
)
def test_a_plain_scalar_has_jsons_value_or_is_text(plain: str, value: object) -> None:
    """Nobody is surprised by what an unquoted word means."""
    found = read(f"a: {plain}\n").data
    assert found == {"a": value}
    assert type(found["a"]) is type(value)  # type: ignore[index,call-overload]


AMBIGUOUS = [
    "yes", "No", "ON", "off", "y", "N", "~", "True", "FALSE", "Null", "NULL", "=", "12:30", "1:2:3",
    "0o7", "0x1F", "0b1", "007", "-01", "1_000", "+1", ".5", "5.", "-.5", "1.e3", ".inf", "-.Inf",
    ".NAN", "NaN", "Infinity", "nan",
]  # fmt: skip


@pytest.mark.parametrize("plain", AMBIGUOUS)
def test_a_scalar_that_readers_disagree_about_is_refused_with_both_ways_out(plain: str) -> None:
    """YAML 1.1 and JSON read it differently; the author says which is meant."""
    _, (problem,) = parse(f"key: {plain}\n".encode(), "x.yaml")
    assert problem.code == "DOC013"
    assert problem.span == Span(1, 6, 6 + len(plain))
    assert problem.fix is not None
    assert f'"{plain}"' in problem.fix
    assert read(f'key: "{plain}"\n').data == {"key": plain}


@pytest.mark.parametrize("plain", ["9223372036854775808", "-9223372036854775809", "1e999", "9" * 10_000])
def test_a_number_that_cannot_be_held_is_refused(plain: str) -> None:
    """Programs would silently disagree about it."""
    assert [code for code, _ in refused(f"a: {plain}\n")] == ["DOC015"]


def test_each_ambiguity_says_what_others_read() -> None:
    """The message names the other reading, so that the author learns why."""
    assert resolve_plain("no") == Ambiguous("false", 'write `false`, or `"no"` for text')
    assert resolve_plain("~") == Ambiguous("null", 'write `null`, or `"~"` for text')


# -- refusals and their places -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "span"),
    [
        ("a: 1\nb: 2\na: 3\n", "DOC007", Span(3, 1, 2)),
        ("a:\n  b: 1\n  b: 2\n", "DOC007", Span(3, 3, 4)),
        ("a: 1 # x\n", "DOC008", Span(1, 6, 9)),
        ("a: |- # x\n  b\n", "DOC008", Span(1, 7, 10)),
        ("a: |\n  b\n# x\n", "DOC008", Span(3, 1, 4)),
        ("a: [1, # x\n  2]\n", "DOC008", Span(1, 8, 11)),
        ("é: 1 # 日本\n", "DOC008", Span(1, 6, 10)),
        ("a: &x 1\n", "DOC009", Span(1, 4, 6)),
        ("a: *x\n", "DOC009", Span(1, 4, 6)),
        ("a: !!str 1\n", "DOC010", Span(1, 4, 9)),
        ("a: !<tag:x> [1]\n", "DOC010", Span(1, 4, 12)),
        ("<<: 1\n", "DOC011", Span(1, 1, 3)),
        ("1: x\n", "DOC012", Span(1, 1, 2)),
        ("? [a]\n: x\n", "DOC012", Span(1, 3, 4)),
        ("yes: x\n", "DOC013", Span(1, 1, 4)),
        ("a:\n", "DOC014", Span(1, 3, 4)),
        ("- \n", "DOC014", Span(1, 2, 3)),
        ("", "DOC005", Span(1, 1, 2)),
        ("%YAML 1.1\n---\na: 1\n", "DOC006", Span(1, 1, 10)),
        ("a: 1\n---\nb: 1\n", "DOC006", Span(2, 1, 4)),
        ("a: b: c\n", "DOC003", Span(1, 5, 6)),
        ("a:\n\tb: 1\n", "DOC003", Span(2, 1, 2)),
        ('a: "x\n', "DOC003", Span(1, 4, 5)),
        ("a: b\r\nc: no\r\n", "DOC013", Span(2, 4, 6)),
        ("a: x\u200by\n", "DOC016", Span(1, 5, 6)),
        ("\ufeffa: 1\n", "DOC016", Span(1, 1, 2)),
        ("a: x\u2028y\n", "DOC001", Span(1, 5, 6)),
        ("a: x\ry\n", "DOC001", Span(1, 5, 6)),
        ("a: x\x00y\n", "DOC001", Span(1, 5, 6)),
    ],
)
def test_what_is_refused_is_shown_where_it_stands(text: str, code: str, span: Span) -> None:
    """Line and column count from 1, in characters, whatever came before them."""
    assert refused(text) == [(code, span)]


def test_reading_goes_on_after_a_problem() -> None:
    """One run reports everything that one reading can find."""
    text = "a: no\na: 2\nb: &x 1\n1: ~\nc: # d\n  - e\n"
    found = [code for code, _ in refused(text)]
    assert found == ["DOC013", "DOC007", "DOC009", "DOC012", "DOC013", "DOC008"]


def test_a_file_of_problems_is_bounded() -> None:
    """A hostile file cannot make a report without end."""
    assert len(refused("a: no\n" * 10_000)) == documents.MAX_PROBLEMS


def test_what_stands_beside_problems_can_still_be_checked() -> None:
    """A comment or a disputed word does not hide the rest of the file."""
    document, problems = parse(b"a: yes # x\nb: [1, *z]\nb: 2\n<<: 3\n", "x.yaml")
    assert len(problems) == 5
    assert document is not None
    assert document.data == {"a": "yes", "b": [1, None]}


def test_a_hash_inside_a_value_is_no_comment() -> None:
    """Only what YAML takes for a comment is one."""
    text = "a: b#c\nd: \"e # f\"\ng: 'h # i'\nj: |-\n  # k\n\n  l # m\nn#o: p\n"
    assert read(text).data == {"a": "b#c", "d": "e # f", "g": "h # i", "j": "# k\n\nl # m", "n#o": "p"}


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "[{a: ", "!x ["])
def test_nesting_without_end_ends_at_the_limit(opening: str) -> None:
    """200,000 brackets crash a parser that looks before it counts: so this runs in a process of its own."""
    code = (
        "from fairlead.documents import parse\n"
        f"document, problems = parse(({opening!r} * 200_000)[:900_000].encode(), 'x.yaml')\n"
        "print(document, problems[-1].code)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout == "None DOC004\n"


def test_an_alias_bomb_is_never_unfolded() -> None:
    """Each alias is a problem and reads as null: nothing grows."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for old, new in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{new}: &{new} [{', '.join(['*' + old] * 9)}]")
    document, problems = parse("\n".join(lines).encode(), "x.yaml")
    assert {problem.code for problem in problems} == {"DOC009"}
    assert document is not None
    assert document.data["i"] == [None] * 9  # type: ignore[index,call-overload]


def test_size_and_values_are_bounded_before_anything_is_built() -> None:
    """A large file, or a small one of very many values, is refused."""
    assert refused(b"a: " + b"x" * documents.MAX_BYTES) == [("DOC002", None)]
    assert [code for code, _ in refused("- 1\n" * (documents.MAX_VALUES + 1))] == ["DOC002"]


def test_bytes_that_are_not_utf_8_are_shown_where_they_stand() -> None:
    """The line before the bad byte is readable, so it is shown."""
    _, (problem,) = parse(b"a: 1\nb: caf\xe9\n", "x.yaml")
    assert (problem.code, problem.span) == ("DOC001", Span(2, 7, 8))
    assert "0xe9" in problem.message


@pytest.mark.parametrize(
    "text",
    [
        'a: |-  # c\n  x # y\n\n# d\nb: [no, "e # f", &g 1, *g]\nb: 2\n? [h]\n: i\n',
        "a:\n  - >\n    x\n    y\n  - {k: é日本, l: }\n",
        "a: b: c\n",
        'a: "x\n',
        "%YAML 1.1\n---\na: !!str 1\n---\nb\n",
        "[" * 100,
    ],
)
def test_without_libyaml_the_same_is_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C library is missing, the same data and the same problems come out, more slowly."""
    fast, fast_problems = parse(text.encode(), "x.yaml")
    monkeypatch.setattr("fairlead.documents.reading._EVENTS", yaml.SafeLoader)
    slow, slow_problems = parse(text.encode(), "x.yaml")
    assert (slow and slow.data) == (fast and fast.data)
    places = [(problem.code, problem.span and problem.span.line) for problem in fast_problems]
    assert places == [(problem.code, problem.span and problem.span.line) for problem in slow_problems]


# -- places --------------------------------------------------------------------------------------

TEXT = """\
name: Acme
endpoints:
  - id: main
    models: [a, b]
  - id: "two"
    notes: |-
      one
      two
"""


@pytest.mark.parametrize(
    ("pointer", "key", "span"),
    [
        ("/name", False, Span(1, 7, 11)),
        ("/name", True, Span(1, 1, 5)),
        ("/endpoints", False, Span(3, 3, 13)),
        ("/endpoints", True, Span(2, 1, 10)),
        ("/endpoints/0/id", False, Span(3, 9, 13)),
        ("/endpoints/0/models", False, Span(4, 13, 19)),
        ("/endpoints/0/models/1", False, Span(4, 17, 18)),
        ("/endpoints/1", False, Span(5, 5, 14)),
        ("/endpoints/1", True, Span(5, 5, 14)),
        ("/endpoints/1/id", False, Span(5, 9, 14)),
        ("/endpoints/1/notes", False, Span(6, 12, 14)),
        ("/endpoints/1/absent/deep", False, Span(5, 5, 14)),
        ("", False, Span(1, 1, 11)),
        ("", True, Span(1, 1, 11)),
    ],
)
def test_every_value_and_key_can_be_located(pointer: str, key: bool, span: Span) -> None:
    """A pointer leads to the value's first line; one that leads nowhere, to the nearest parent."""
    assert locate(read(TEXT), pointer, key=key) == span


def test_a_problem_at_a_value_shows_its_line() -> None:
    """The excerpt is the whole source line, and the rule's own fix stands in for a missing one."""
    problem = problem_at(read(TEXT), "SCH006", "/endpoints/1/id", "found it")
    assert isinstance(problem, Problem)
    assert problem.excerpt == '  - id: "two"'
    assert problem.fix


# -- writing -------------------------------------------------------------------------------------

SCHEMA = {
    "properties": {
        "schema_version": {},
        "name": {},
        "items": {"items": {"$ref": "#/$defs/item"}},
        "free": {"additionalProperties": {"$ref": "#/$defs/item"}},
        "notes": {},
    },
    "$defs": {"item": {"properties": {"id": {}, "from": {}, "tags": {}}}},
}


def test_the_canonical_text_is_this() -> None:
    """Keys in the schema's order, free ones by name, two spaces, quotes only where needed."""
    data = {
        "notes": "First line.\nSecond # line.",
        "items": [{"tags": ["x", "no", "12:30"], "from": "2026-03-04", "id": "a"}, {"id": "b", "from": None}],
        "zebra": 1,
        "free": {"b": {"from": 1, "id": 2}, "a": {}},
        "aardvark": [[1, 2], []],
        "name": "Acme: the first",
        "schema_version": 1,
    }
    assert (
        canonical_yaml(data, SCHEMA)
        == """\
schema_version: 1
name: "Acme: the first"
items:
  - id: a
    from: 2026-03-04
    tags:
      - x
      - "no"
      - "12:30"
  - id: b
    from: null
free:
  a: {}
  b:
    id: 2
    from: 1
notes: |-
  First line.
  Second # line.
aardvark:
  - - 1
    - 2
  - []
zebra: 1
"""
    )


def test_hidden_characters_are_written_so_that_they_are_seen() -> None:
    """A name may need a joiner; a reviewer must see that it is there."""
    text = canonical_yaml({"a": "\u202eb\u200d\U000e0041\n\tc"}, {})
    assert text == 'a: "\\u202eb\\u200d\\U000e0041\\n\\tc"\n'
    assert read(text).data == {"a": "\u202eb\u200d\U000e0041\n\tc"}


def test_format_refuses_a_comment_and_never_drops_one() -> None:
    """What cannot be kept is not rewritten."""
    text, problems = format_document(b"b: 1\na: 2 # why\n", "x.yaml", {})
    assert text is None
    assert [problem.code for problem in problems] == ["DOC008"]
    assert problems[0].fix is not None
    assert "notes:" in problems[0].fix
    assert format_document(b"b: 1\r\na: 2\r\n", "x.yaml", {}) == ("a: 2\nb: 1\n", [])


def test_what_json_does_not_know_is_not_written() -> None:
    """A number that is none, or an object of ours, never reaches a file."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_yaml({"a": float("nan")}, {})
    with pytest.raises(TypeError):
        canonical_yaml({"a": object()}, {})  # type: ignore[dict-item]


# -- files ---------------------------------------------------------------------------------------


def test_only_regular_files_of_bounded_size_are_read(tmp_path: Path) -> None:
    """A link is not followed, a pipe is not waited for, a large file is not held."""
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_bounded(file, 5) == b"12345"
    link, pipe, folder = tmp_path / "link", tmp_path / "pipe", tmp_path / "folder"
    link.symlink_to(file)
    os.mkfifo(pipe)
    folder.mkdir()
    cases = ((file, 4, "TREE004"), (link, 5, "TREE001"), (pipe, 5, "TREE002"), (folder, 5, "TREE002"))
    for path, limit, code in (*cases, (tmp_path / "none", 5, "TREE003")):
        with pytest.raises(Unreadable) as caught:
            read_bounded(path, limit)
        assert caught.value.code == code


def test_a_file_that_grows_while_it_is_read_is_still_bounded(tmp_path: Path) -> None:
    """Files under /proc say that they are empty and hold more."""
    with pytest.raises(Unreadable) as caught:
        read_bounded(Path("/proc/self/status"), 10)
    assert caught.value.code == "TREE004"
