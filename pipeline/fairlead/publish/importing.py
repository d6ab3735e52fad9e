"""What an import of another tool's results holds, as tables. Knows no root and no result.

The lines are those beside each importer's code, so that the page says what the code does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.imports.runs import METRICS, LeftOut, Mapped, Tool
from fairlead.imports.tools import TOOLS
from fairlead.publish import clock, markup
from fairlead.publish.markup import Html, tag

_HEADS = ("Our metric", "The tool's field", "Formula", "How the tool's own figure differs")


def tools_blocks() -> Iterator[str]:
    """A section for each tool: what is read, how it was tested, and a line for each metric of ours."""
    for tool in TOOLS.values():
        yield markup.heading(2, tool.title, anchor=tool.name)
        yield markup.definitions(_facts(tool))
        yield markup.simple_table(f"What an import from {tool.title} holds", _HEADS, map(_line, tool.lines))


def _facts(tool: Tool) -> list[tuple[Html | str, Html | str]]:
    began = "" if tool.is_dated else " --began MOMENT"
    words = f"fairlead import {tool.name} SOURCE --endpoint PROVIDER/ENDPOINT --model ID{began}"
    return [
        ("Command", tag("code", words)),
        ("What is read", markup.join((tag("code", name) for name in tool.files), ", ")),
        ("Versions whose form is known", tool.known),
        ("Tested on", tool.proven),
    ]


def _line(line: Mapped | LeftOut) -> Html:
    if isinstance(line, LeftOut):
        return markup.row(METRICS[line.metric], "–", "–", f"Left out: {line.reason}.")
    return markup.row(
        METRICS[line.metric], tag("code", line.field), tag("code", line.formula), line.difference
    )


def errors_blocks(bench: Mapping[str, Any]) -> Iterator[str]:
    """The error of each imported tool that the benchmark ran, beside our own client's; and who is missing."""
    ran = {row["client"].split()[0] for row in bench["rows"]}
    loads = {row["streams"] for row in bench["rows"] if row["client"].split()[0] in TOOLS}
    rows = [
        row
        for row in bench["rows"]
        if row["client"].split()[0] in {*TOOLS, "fairlead"} and row["streams"] in loads
    ]
    yield clock.client_error_table({**bench, "rows": rows})
    missing = [tool.title for tool in TOOLS.values() if tool.name not in ran]
    if missing:
        yield tag("p", f"Not in the run that this table is of: {', '.join(missing)}.")
