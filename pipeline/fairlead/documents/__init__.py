"""Strict YAML: text in, located data out, and one canonical text back. Knows no schema's meaning,
no file kind and no folder.

The YAML read here has JSON's values only. It is built on libyaml's event stream with our own node
builder, because every ready-made loader guesses. What a plain (unquoted) scalar means:

==========================================  =================================================
``null`` ``true`` ``false``                 as in JSON
JSON numbers: ``0`` ``-12`` ``1.5`` ``2e3``  integer without ``.`` and exponent, else float;
                                            beyond 2**63 or a double's range: DOC015
nothing at all (``key:``)                   DOC014, since nobody knows if it was meant
YAML 1.1 words: ``yes no on off y n ~``,    DOC013: other readers take them for booleans and
``True``, ``NULL``, …                       nulls, ours would not; write the JSON word or quote
other numbers: ``0o7 0x1F 007 1_000 +1      DOC013, for the same reason
.5 5. 12:30 .inf NaN Infinity``
``2026-03-04``, ``2026-03-04T05:06:07Z``    a string: the schema's pattern checks it, and every
                                            reader that takes it for a date prints the same day
``1.2.3``, ``llama-3-70b``, other text      a string
==========================================  =================================================

Duplicate keys, comments, anchors, aliases, tags, merge keys, directives, several documents, keys
that are not text, and characters that cannot be seen are problems. Reading goes on after each of
them, so that one run reports all; only broken syntax, encoding, depth and size end it.

Lines and columns count from 1, in characters; a line ends with LF or CR LF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.documents.canonical import canonical_yaml
from fairlead.documents.reading import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, MAX_VALUES, parse, read_plain
from fairlead.documents.scalars import Ambiguous, describe, resolve_plain
from fairlead.documents.text import (
    Document,
    Json,
    Mark,
    Unreadable,
    locate,
    problem_at,
    problem_of,
    read_bounded,
    source_line,
)
from fairlead.problems import Problem

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_PROBLEMS",
    "MAX_VALUES",
    "Ambiguous",
    "Document",
    "Json",
    "Mark",
    "Unreadable",
    "canonical_yaml",
    "describe",
    "format_document",
    "locate",
    "parse",
    "problem_at",
    "problem_of",
    "read_bounded",
    "read_plain",
    "resolve_plain",
    "source_line",
]


def format_document(data: bytes, path: str, schema: Mapping[str, Any]) -> tuple[str | None, list[Problem]]:
    """The canonical text of a file; None, with the problems, where it has any.

    A comment is such a problem: nothing that was written is ever dropped.
    """
    document, problems = parse(data, path)
    if document is None or problems:
        return None, problems
    return canonical_yaml(document.data, schema), []
