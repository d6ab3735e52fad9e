"""Laws of the strict YAML reader and its canonical text, for whatever data there may be."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.documents import MAX_DEPTH, Ambiguous, canonical_yaml, locate, parse, resolve_plain

# Strings that have bitten YAML writers before, beside whatever hypothesis thinks of.
NASTY = [
    "", " ", "no", "~", "12:30", "1_000", "0x1F", ".inf", "1e3", "-", "- a", "? a", "a: b", "a #b",
    "# a", "'", '"', "...", "---", "|", "&a", "*a", "!a", "%a", "@a", "`a", "\t", "a\tb", "a\n", "\na",
    "a\nb", "a\n\nb\n", " a\nb", "a \nb", "a\n\n", "\u202e", "\u2028", "\x00", "\x85", "\ufeff",
    "\ud7ff", "\U000e0041", "<<", "=", "a:", ": a", "null", "true", "2026-03-04", "2026-03-04T05:06:07Z",
    "[a]", "{a}", "a, b", "\\", "é", "日本", "👍", "# a\n# b", "a\n# b", "a\n  b", "a\n\tb", "a\r\nb",
    "a\rb", "01", "+1", "1.", "-0", "-0.0", "1e400", "y", "N",
]  # fmt: skip

texts = st.sampled_from(NASTY) | st.text(max_size=40)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=25,
)

SCHEMA = {
    "properties": {"no": {}, "b": {"$ref": "#/$defs/inner"}, "a": {"type": "string"}},
    "$defs": {"inner": {"items": {"$ref": "#"}, "properties": {"é": {}, "": {}}}},
}


def _same(left: object, right: object) -> bool:
    """Equality that tells 1 from 1.0 and from true, and 0.0 from -0.0."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@given(values)
@example({"a": [[], {}, [[1]], [{"b": "x\ny"}]], "no": "no", "b": {"": "a\n", "é": None}})
@example("x\n y\n")
def test_reading_the_canonical_text_gives_the_data_back(data):
    text = canonical_yaml(data, SCHEMA)
    document, problems = parse(text.encode(), "x.yaml")
    assert problems == []
    assert document is not None
    assert _same(data, document.data)


@given(values)
def test_the_canonical_text_is_a_fixed_point_that_does_not_depend_on_key_order(data):
    text = canonical_yaml(data, SCHEMA)
    document, _ = parse(text.encode(), "x.yaml")
    assert document is not None
    assert text == canonical_yaml(document.data, SCHEMA)
    shuffled = json.loads(json.dumps(data, sort_keys=True))
    assert text == canonical_yaml(shuffled, SCHEMA)


@given(values)
def test_json_is_read_as_json(data):
    text = json.dumps(data, ensure_ascii=False, indent=1)
    document, problems = parse(text.encode("utf-8", "replace"), "x.yaml")
    if not problems:
        assert document is not None
        assert _same(data, document.data)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_raise_and_each_problem_lies_within_the_text(data):
    document, problems = parse(data, "x.yaml")
    assert document is not None or problems
    lines = data.decode(errors="replace").split("\n")
    for problem in problems:
        assert problem.span is not None
        assert 1 <= problem.span.line <= len(lines)
        assert 1 <= problem.span.column < problem.span.end_column


PIECES = [
    "a", "b", ": ", "- ", "\n", "  ", "#", " #", "[", "]", "{", "}", ", ", "'", '"', "|", ">", "no", "1",
    "&a ", "*a", "!t ", "---\n", "\t", "\r\n", "? ", "\\", "%", "\u202e", "é",
]  # fmt: skip
yaml_like = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@given(yaml_like)
def test_no_text_that_looks_like_yaml_raises_and_every_mark_is_in_the_text(text):
    document, _ = parse(text.encode(), "x.yaml")
    if document is not None:
        lines = text.split("\n")
        for pointer in document.marks:
            span = locate(document, pointer)
            assert span.line <= len(lines)
            assert span.column <= len(lines[span.line - 1]) + 1


@given(values, st.data())
def test_a_comment_on_any_line_of_a_canonical_text_is_found_where_it_stands(data, draw):
    lines = canonical_yaml({"a": data}, {}).splitlines()
    at = draw.draw(st.integers(0, len(lines)))
    text = "\n".join([*lines[:at], "# remark", *lines[at:]]) + "\n"
    document, problems = parse(text.encode(), "x.yaml")
    found = [problem for problem in problems if problem.code == "DOC008"]
    if found:
        # It may have ended a block literal, whose own lines with a hash then follow as comments.
        assert at + 1 == found[0].span.line
        assert all(lines[problem.span.line - 2].lstrip().startswith("#") for problem in found[1:])
    else:  # the line became a part of a block literal
        assert document is None or "# remark" in json.dumps(document.data)


@given(texts)
def test_a_plain_scalar_is_itself_or_a_json_value_or_refused(text):
    meaning = resolve_plain(text)
    if isinstance(meaning, Ambiguous):
        assert meaning.fix
    elif isinstance(meaning, str):
        assert meaning == text
    else:
        assert _same(meaning, json.loads(text))


@given(st.integers(1, 60), st.sampled_from(["[", "- ", "a: {", "? "]))
def test_depth_is_bounded_whatever_opens_it(depth, opening):
    text = ("{" if opening == "a: {" else "") + opening * depth
    _, problems = parse(text.encode(), "x.yaml")
    assert problems
    assert any(problem.code == "DOC004" for problem in problems) == (depth + (opening == "a: {") > MAX_DEPTH)
