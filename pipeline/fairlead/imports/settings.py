"""YAML settings that another tool wrote beside its results. Knows no tool's keys and no root."""

from __future__ import annotations

from typing import Any

from fairlead import documents
from fairlead.imports.source import SourceError, SourceFile
from fairlead.problems import Problem


def read_settings(file: SourceFile) -> Any:
    """The document of a file.

    Raises:
        SourceError: it is no strict YAML.
    """
    document, problems = documents.parse(file.text.encode(), file.name)
    if document is None or problems:
        raise SourceError(*problems)
    return document.data


def setting(data: Any, *way: str) -> Any:
    """What stands under these keys; None where one of them is not there."""
    for key in way:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def name_of(data: Any, *way: str) -> str | None:
    """A name that stands under these keys: one line of at most 300 visible characters, else None."""
    found = setting(data, *way)
    return found if isinstance(found, str) and 0 < len(found) <= 300 and found.isprintable() else None


def wrong_setting(file: SourceFile, pointer: str, message: str, expected: str) -> SourceError:
    """A problem with a setting."""
    return SourceError(Problem("IMP003", file.name, message, pointer, expected=expected))
