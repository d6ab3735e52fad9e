"""What the site says of a provider's usage beside our own count of tokens. Computes and judges nothing.

A finding stands where its row or its window stands, with its figures and the raw file that shows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.clock import moment_of
from fairlead.model import RawFile
from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition, raw_url, submission_url
from fairlead.publish.markup import Html, join, link, number_cell, number_head, tag
from fairlead.ranking import Evidence, Row
from fairlead.usage import Usage, sentences

# -- rows ----------------------------------------------------------------------------------------


def rows_note(edition: Edition, rows: Sequence[Row], here: str) -> list[str]:
    """The rows whose tokens were counted: each with its figures, and its evidence where it has a finding."""
    counted = [row for row in rows if row.usage is not None]
    if not counted:
        return []
    found = any(row.usage is not None and row.usage.findings for row in counted)
    intro = "Tokens were counted by the model's pinned tokenizer. Beside the usage that each provider states:"
    return [
        tag("p", intro, class_="fl-why" if found else "fl-note"),
        markup.bullets(_row_line(edition, row, here) for row in counted),
    ]


def _row_line(edition: Edition, row: Row, here: str) -> Html:
    total = row.usage
    assert total is not None
    who = (
        f"{edition.provider_name(row.provider)}, {row.endpoint}, {row.origin}: {'; '.join(sentences(total))}."
    )
    uncounted = sum(item.usage is None for item in row.valid)
    if uncounted:
        who += f" {figures.count(uncounted, 'window')} without a count."
    shown = next((item for item in row.valid if item.usage and item.usage.worst == total.worst), None)
    if total.worst is None or shown is None:
        return join((who,))
    folder = submission_url(shown.folder)
    links = (
        link(here, folder, "every window"),
        " · ",
        link(here, raw_url(shown.path), "raw file of the worst"),
    )
    return join((who, " Evidence: ", *links))


# -- windows -------------------------------------------------------------------------------------


def windows_table(edition: Edition, folder: str, manifest: Sequence[RawFile], here: str) -> list[str]:
    """Usage beside count for every counted window of a folder, or that none of them was counted."""
    items = [edition.evidence.get(f"{folder}/{entry.file}") for entry in manifest]
    measured = [item for item in items if item is not None and not item.head.is_imported]
    counted = [(item, item.usage) for item in measured if item.usage is not None]
    if measured and not counted:
        words = "No tokenizer counted these windows: tokens are as the provider states them."
        return [tag("p", words, class_="fl-note")]
    if not counted:
        return []
    right = [number_head(name) for name in ("Compared", "Counted", "Stated", "Difference")]
    names = ("Window", *right, "Finding", "Not compared", "Raw file")
    rows = [_window_row(edition, item, found, here) for item, found in counted]
    return [
        markup.simple_table("Tokens: usage beside count", names, rows, "fl-board"),
        tag("p", _note([found for _, found in counted], len(measured) - len(counted)), class_="fl-note"),
    ]


def _window_row(edition: Edition, item: Evidence, found: Usage, here: str) -> Html:
    name = tag(
        "th",
        figures.minute(moment_of(item.head.start_unix_ns)),
        tag("small", f"{item.scenario} · {edition.provider_name(item.head.provider)}", class_="fl-sub"),
        scope="row",
    )
    share = "–" if found.share is None else f"{found.share:+.1%}"
    numbers = (f"{found.compared:,}", f"{found.counted_tokens:,}", f"{found.usage_tokens:,}", share)
    cells = (number_cell(number) for number in numbers)
    raw = link(here, raw_url(item.path), item.path.rpartition("/")[2])
    return markup.row(name, *cells, tag("td", _finding(found), class_="fl-wide"), _not_compared(found), raw)


def _finding(found: Usage) -> str:
    if found.worst is None:
        return "none"
    worst = found.worst
    where = f"request {worst.i} (line {worst.i + 2}): {worst.usage:,} stated for {worst.counted:,}"
    return f"{figures.count(found.findings, 'request')}, most {where}"


def _not_compared(found: Usage) -> str:
    parts = []
    if found.without_usage:
        parts.append(f"{found.without_usage:,} without usage")
    if found.uncounted:
        parts.append(f"{found.uncounted:,} uncounted")
    if found.unsent_reasoning:
        parts.append(f"{found.unsent_reasoning:,} tokens of reasoning not sent")
    return ", ".join(parts) or "nothing"


def _note(found: Sequence[Usage], uncounted: int) -> str:
    words = (
        "Counted by the tokenizer that each header names, over successful requests; stated: the provider's "
        "usage, without reasoning that it says it did not send. A finding: a request off by more than "
        f"{found[0].limit:.3g} of its count. Anyone with the tokenizer's file can count again: "
        "fairlead check --recount."
    )
    return f"{words} {figures.count(uncounted, 'window')} here without a count." if uncounted else words
