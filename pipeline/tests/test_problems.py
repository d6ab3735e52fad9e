"""Problems as people, GitHub and machines see them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.problems import (
    EXCERPT_CELLS,
    Problem,
    Severity,
    Span,
    is_hidden,
    nearest,
    pointer,
    quote,
    render_github,
    render_json,
    render_text,
    visible,
)

PATH = "submissions/acme/2026-03-04-llama-3-70b/submission.yaml"


def make_problem(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "code": "SUB012",
        "path": PATH,
        "message": "found a string",
        "pointer": "/sampling/temperature",
        "span": Span(14, 16, 19),
        "expected": "a number",
        "fix": "write `temperature: 0`",
        "excerpt": '  temperature: "0"',
    }
    return Problem(**{**fields, **changes})  # type: ignore[arg-type]


def caret_line(problem: Problem) -> str:
    return render_text([problem]).split("\n")[2]


def test_text_is_the_form_that_contributors_are_promised() -> None:
    """Place, code and pointer; the line; the caret; what was expected; the fix; the rule's page."""
    assert (
        render_text([make_problem()])
        == f"""\
{PATH}:14:16: error[SUB012] /sampling/temperature
14 |   temperature: "0"
   |                ^^^ found a string
   = expected: a number
   = fix: write `temperature: 0`
   = help: rules/#sub012

1 error in 1 file
"""
    )


def test_a_problem_of_a_whole_file_has_no_line_and_no_caret() -> None:
    """What has no place in a text is said beside the gutter."""
    problem = Problem("TREE001", "providers/a.yaml", "this is a symbolic link", fix="delete it")
    expected = "providers/a.yaml: error[TREE001]\n   | this is a symbolic link\n   = fix: delete it\n"
    assert render_text([problem]).startswith(expected)


def test_problems_are_sorted_by_path_and_line_and_counted() -> None:
    """The order does not depend on the order of the checks."""
    warning = make_problem(path="b.yaml", severity=Severity.WARNING)
    late, early = (
        make_problem(path="a.yaml", span=Span(10, 1, 2)),
        make_problem(path="a.yaml", span=Span(9, 1, 2)),
    )
    text = render_text([warning, late, early])
    assert text.index("a.yaml:9") < text.index("a.yaml:10") < text.index("b.yaml:14")
    assert text.endswith("\n\n2 errors, 1 warning in 2 files\n")
    assert render_text([late, early, warning]) == text


def test_no_problem_is_said_too() -> None:
    """Silence could be a crash."""
    assert render_text([]) == "no problems\n"
    assert render_github(iter([])) == "no problems\n"


@pytest.mark.parametrize(
    ("line", "column", "cells_before"),
    [
        ("ab: x", 5, 4),
        ("日本: x", 5, 6),
        ("\tx: y", 2, 2),
        ("e\u0301: x", 5, 3),
        ("a\u200b\u202eb: x", 7, 16),
        ("👍👍 x", 4, 5),
    ],
    ids=["ascii", "wide", "tab", "combining", "hidden", "emoji"],
)
def test_the_caret_stands_under_its_character(line: str, column: int, cells_before: int) -> None:
    """Wide, combining and escaped characters do not move it off its mark."""
    problem = make_problem(excerpt=line, span=Span(1, column, column + 1), message="here")
    assert caret_line(problem) == "   | " + " " * cells_before + "^ here"


def test_a_long_line_is_cut_around_the_caret() -> None:
    """A megabyte on one line does not bury the terminal, and the caret still points at its value."""
    line = "x" * 5000 + '"bad"' + "y" * 500_000
    problem = make_problem(excerpt=line, span=Span(1, 5001, 5006))
    shown, caret = render_text([problem]).split("\n")[1:3]
    assert len(shown) <= EXCERPT_CELLS + 10
    start = caret.index("^")
    assert shown[start : start + 5] == '"bad"'
    assert caret.count("^") == 5
    assert len(render_json([problem])) < 2000


def test_a_span_beyond_the_line_still_renders() -> None:
    """An end of file may lie after the last character."""
    assert "^ found" in render_text([make_problem(excerpt="", span=Span(1, 1, 2))])
    assert "^ found" in render_text([make_problem(excerpt="ab", span=Span(1, 9, 12))])


HOSTILE = "\x1b[31m\u202e\u200b\x00\r\n::error::\u2028\u0085\x7f\ue000\ufeff\u3164\u00a0\U000e0041"


def test_hostile_characters_are_shown_and_do_nothing() -> None:
    """Escapes, overrides, line feeds and the invisible come out as their names, in every field."""
    problem = make_problem(
        path=HOSTILE, message=HOSTILE, pointer=HOSTILE, expected=HOSTILE, fix=HOSTILE, excerpt=HOSTILE
    )
    for text in (render_text([problem]), render_github([problem])):
        assert not [c for c in text if is_hidden(c) and c != "\n"]
        assert r"\u001b[31m\u202e\u200b\u0000\r\n::error" in text.replace("%3A", ":")
        assert r"\U000e0041" in text
        assert "\n::error::" not in text.replace("\n::error file", "")
    assert render_json([problem]).isascii()
    assert "\x7f" not in render_json([problem])


def test_github_commands_are_escaped_as_github_wants() -> None:
    """A comma or a colon in a path ends no property, a percent sign starts no escape."""
    problem = make_problem(path="a,b:c%0A.yaml", message="100 % wrong", expected=None, fix=None)
    command = render_github([problem]).split("\n")[0]
    assert command == (
        "::error file=a%2Cb%3Ac%250A.yaml,line=14,col=16,endColumn=19,title=SUB012"
        "::/sampling/temperature: 100 %25 wrong"
    )
    assert render_github([make_problem(severity=Severity.WARNING)]).startswith("::warning ")


REGISTERED = {"error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "add-matcher", "echo"}
REGISTERED |= {"set-output", "save-state", "set-env", "add-path", "stop-commands"}
ATTACKS = [
    "::error::forged",
    "  ::add-mask::a",
    "::set-env name=PATH::/tmp",
    "a::error file=x::forged",
    "x,title=forged",
    "x:y,line=1",
    "x%0A::error::forged",
    "x%250A::error::forged",
    "x\n::stop-commands::forged",
    "x\r::error::forged",
    "x\x85::error::forged\u2028::error::forged",
    "##[error]forged",
    "a ##[add-mask]e",
    "##[set-env name=PATH;]/tmp",
    "#" * 9 + "[add-mask]e",
    "%3A%2C%25%0D",
    "::",
    "::error ",
]


def obeyed(line: str) -> tuple[str, dict[str, str], str] | None:
    """The command that GitHub's runner finds in a line of a log: its name, its properties, its text.

    Either ``::name properties::text`` where the line begins, or ``##[name properties]text`` wherever it is.
    """

    def read(text: str, more: str = "") -> str:
        for code in ("%0D", "%0A", *more.split(), "%25"):
            text = text.replace(code, chr(int(code[1:], 16)))
        return text

    start = line.lstrip()
    if start.startswith("::") and (end := start.find("::", 2)) > 0:
        name, _, properties = start[2:end].partition(" ")
        if name in REGISTERED:
            pairs = [pair.split("=", 1) for pair in properties.strip().split(",") if pair.count("=")]
            return name, {key: read(value, "%3A %2C") for key, value in pairs}, read(start[end + 2 :])
    at = line.find("##[")
    if at >= 0 and (end := line.find("]", at)) > 0:
        name = line[at + 3 : end].partition(" ")[0]
        if name in REGISTERED:
            return name, {}, line[end + 1 :]
    return None


def attacked(attack: str) -> Problem:
    return make_problem(
        path=attack,
        message=attack,
        pointer=attack,
        expected=attack,
        fix=attack,
        excerpt=attack,
        span=Span(1, 1, 2),
    )


def check_annotation(attack: str) -> None:
    """One line is one command, with our properties and theirs nowhere."""
    command, count = render_github([attacked(attack)]).splitlines()
    found = obeyed(command)
    assert found is not None
    name, properties, text = found
    assert name == "error"
    expected = {"file": visible(attack), "line": "1", "col": "1", "endColumn": "2", "title": "SUB012"}
    assert properties == expected
    assert text.startswith(f"{visible(attack)}: {visible(attack)}" if attack else "")
    assert obeyed(count) is None


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_annotation_says_what_we_say_whatever_it_quotes(attack: str) -> None:
    """A stranger's text ends no property and no line, and begins no command."""
    check_annotation(attack)


@given(
    st.lists(
        st.sampled_from(["::", "error", " ", "##[", "]", "%0A", "%", "=", ",", ":", "\n", "\r", "a"]),
        max_size=12,
    )
)
def test_no_string_forges_an_annotation(pieces: list[str]) -> None:
    """However the pieces of a command are put together."""
    check_annotation("".join(pieces))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_log_that_shows_the_text_or_the_json_is_not_obeyed(attack: str) -> None:
    """Either may be printed in a workflow; and the JSON still says it character by character."""
    problems = [attacked(attack)]
    for text in (render_text(problems), render_json(problems)):
        assert [obeyed(line) for line in text.splitlines()] == [None] * len(text.splitlines())
    assert json.loads(render_json(problems))["problems"][0]["path"] == attack


def test_json_is_one_object_with_its_version_and_counts() -> None:
    """Machines get every field, character by character."""
    report = json.loads(render_json([make_problem(message="a\u202eb")]))
    assert report["schema_version"] == 1
    assert report["counts"] == {"errors": 1, "warnings": 0, "files": 1}
    (problem,) = report["problems"]
    assert problem["message"] == "a\u202eb"
    assert problem["span"] == {"line": 14, "column": 16, "end_column": 19}
    assert problem["help"] == "rules/#sub012"
    assert problem["severity"] == "error"


@given(st.text(max_size=50), st.integers(1, 60), st.integers(1, 60))
def test_no_excerpt_and_span_break_a_renderer(line: str, column: int, width: int) -> None:
    """Whatever the line holds, each problem is its own block and the caret is drawn."""
    problem = make_problem(excerpt=line, span=Span(3, column, column + width))
    text = render_text([problem])
    assert len(text.split("\n")) == 9
    assert "^" in text.split("\n")[2]
    assert len(render_github([problem]).split("\n")) == 3
    json.loads(render_json([problem]))


def test_a_pointer_escapes_what_it_is_made_of() -> None:
    """RFC 6901: a key may hold a slash or a tilde."""
    assert pointer("a/b", 0, "~") == "/a~1b/0/~0"
    assert pointer() == ""


def test_the_nearest_name_is_suggested_only_where_it_is_near() -> None:
    """A wrong guess is worse than none."""
    assert nearest("regon", ["region", "models"]) == "region"
    assert nearest("Region", ["region"]) == "region"
    assert nearest("slogan", ["models"]) is None
    assert nearest("x" * 1_000_000, ["x"]) is None


def test_quoted_values_are_bounded() -> None:
    """A value is quoted to be recognised, not to be repeated."""
    assert quote("a" * 500).endswith("…`")
    assert len(quote("a" * 500)) == 62
    assert quote(None) == "`null`"
    assert quote(1.5) == "`1.5`"


def test_visible_text_is_left_alone() -> None:
    """Names in any script stay readable."""
    for text in ("Ana Núñez", "日本語", "Влад", "👍", "a-b_c.d"):
        assert visible(text) == text


def test_the_module_starts_without_heavy_imports() -> None:
    """Every command imports it."""
    code = "import sys, fairlead.problems; print('numpy' in sys.modules, 'yaml' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False False\n"
