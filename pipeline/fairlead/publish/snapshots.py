"""Frozen quarters: made from an edition once, published byte for byte for ever, and what happened since.

A snapshot's own files say what was said then. Its page is made anew each time, from them and from the
histories, so a row that was retracted later still stands there, with the retraction beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairlead.documents import read_bounded
from fairlead.model import Event
from fairlead.publish import api, exports, figures, markup
from fairlead.publish.edition import Edition, Page, Searched, model_url, provider_url, submission_url
from fairlead.publish.markup import Html, join, link, number_cell, number_head, tag
from fairlead.ranking import Row
from fairlead.repository import MAX_PROSE_BYTES
from fairlead.snapshots import DATA, SUMS, TABLE, Frozen, sums_text
from fairlead.snapshots import Row as FrozenRow

URL = "snapshots/"

_SHOWN = ("ttft_p50_ms", "output_speed_p50_tps", "success_rate")


# -- making --------------------------------------------------------------------------------------


def make_files(edition: Edition, quarter: str) -> dict[str, bytes]:
    """The files of a snapshot. The edition is of the quarter's end, and of windows that had ended by then."""
    body = {
        **api.envelope(edition, "snapshot", DATA),
        "$schema": f"../../{api.ROOT}schemas/snapshot.json",
        "quarter": quarter,
        "methodology": list(_versions(edition)),
        "rows": [_row(edition, row) for row in sorted(edition.rows, key=lambda row: row.id)],
    }
    table = exports.as_csv(exports.FigureRecord, exports.figure_records(edition))
    files = {DATA: api.text(body).encode(), TABLE: table.encode()}
    return {**files, SUMS: sums_text(files).encode()}


def _versions(edition: Edition) -> Iterator[dict[str, str]]:
    for name in sorted({row.family.methodology for row in edition.rows if row.family.methodology}):
        version = edition.repository.versions.get(name)
        if version is not None and name in edition.repository.methodologies:
            path = edition.repository.root / f"methodology/versions/{name}/methodology.yaml"
            digest = hashlib.sha256(read_bounded(path, MAX_PROSE_BYTES)).hexdigest()
            yield {"version": name, "state": version.state, "sha256": digest}


def _row(edition: Edition, row: Row) -> dict[str, Any]:
    """A row as the API has it, but for its windows: the commit holds them all, and there are many."""
    data = api.row_data(edition, row)
    windows = data.pop("windows")
    folders = sorted({item.folder for item in row.evidence})
    return {"id": data["id"], "model": row.family.model, **data, "folders": folders, "windows": len(windows)}


# -- publishing ----------------------------------------------------------------------------------


def copy(edition: Edition, built: Path) -> None:
    """Every snapshot's files, byte for byte, below ``snapshots/``."""
    for quarter, frozen in edition.snapshots.items():
        target = built / snapshot_url(quarter)
        target.mkdir(parents=True, exist_ok=True)
        for name, data in frozen.files.items():
            (target / name).write_bytes(data)


def snapshot_url(quarter: str) -> str:
    """The page of a snapshot."""
    return f"{URL}{quarter}/"


def pages(edition: Edition) -> Iterator[Page]:
    """/snapshots/ and a page for each quarter."""
    yield _index(edition)
    for quarter, frozen in edition.snapshots.items():
        yield _page(edition, quarter, frozen)


def _index(edition: Edition) -> Page:
    newest_first = sorted(edition.snapshots.items(), reverse=True)
    lines = [
        markup.row(
            link(URL, snapshot_url(quarter), quarter),
            markup.day(frozen.snapshot.generated_at),
            figures.count(len(frozen.snapshot.rows), "row"),
            ", ".join(version.version for version in frozen.snapshot.methodology) or "–",
            figures.count(len(list(_since(edition, frozen))), "event"),
        )
        for quarter, frozen in newest_first
    ]
    names = ("Quarter", "As of", "Rows", "Methodology", "Since then")
    note = (
        "What the board said at the end of each quarter, for whoever cites it. These files never change and "
        "never go; what happened to a row afterwards stands beside it."
    )
    return Page(
        url=URL,
        title="Snapshots",
        description="The frozen state of the board at the end of each quarter, at addresses that stay.",
        blocks=[
            tag("p", note),
            markup.simple_table("Snapshots", names, lines)
            if lines
            else tag("p", "No quarter has been frozen yet.", class_="fl-empty"),
        ],
    )


def _page(edition: Edition, quarter: str, frozen: Frozen) -> Page:
    url, snapshot = snapshot_url(quarter), frozen.snapshot
    versions = (
        join((f"{one.version} ({one.state}), sha256 ", tag("code", one.sha256)))
        for one in snapshot.methodology
    )
    facts = markup.definitions(
        [
            ("As of", figures.minute(snapshot.generated_at)),
            ("Commit", tag("code", snapshot.commit) if snapshot.commit else "not recorded"),
            ("Methodology", join(versions, "; ") or "none"),
            ("Files", join((_file(url, name, frozen) for name in (DATA, TABLE, SUMS)), " · ")),
            ("Make it again", tag("code", f"fairlead snapshot {quarter} --out folder")),
        ]
    )
    events = [_event(edition, folder, event, url) for folder, event in _since(edition, frozen)]
    blocks: list[str] = [
        facts,
        tag("p", "At that commit, the command makes the same bytes again.", class_="fl-note"),
        markup.heading(2, "What happened since", "since"),
        markup.simple_table("Events since then", ("Concerns", "Event", "At", "Reason"), events)
        if events
        else tag("p", "Nothing that concerns a row of this snapshot.", class_="fl-empty"),
    ]
    for model in sorted({row.model for row in snapshot.rows}):
        rows = [row for row in snapshot.rows if row.model == model]
        blocks += [markup.heading(2, edition.model_name(model)), _table(edition, rows, url)]
    return Page(
        url=url,
        title=f"Snapshot {quarter}",
        description=f"What the board said at the end of {quarter}, and what happened since.",
        blocks=blocks,
        crumbs=((URL, "Snapshots"),),
        wide=True,
        searched=Searched.NOT,
    )


def _file(here: str, name: str, frozen: Frozen) -> Html:
    return join((link(here, here + name, name), f" ({figures.size(len(frozen.files[name]))})"))


def _since(edition: Edition, frozen: Frozen) -> Iterator[tuple[str, Event]]:
    """Every later event of a folder that a row of the snapshot rests on, the oldest first."""
    then = frozen.snapshot.generated_at
    folders = {folder for row in frozen.snapshot.rows for folder in row.folders}
    found = [
        (folder, event)
        for folder in sorted(folders & edition.repository.histories.keys())
        for event in edition.repository.histories[folder].events
        if then < event.at <= edition.now
    ]
    yield from sorted(found, key=lambda pair: (pair[1].at, pair[0]))


def _event(edition: Edition, folder: str, event: Event, here: str) -> Html:
    kind = event.kind if event.dispute is None else f"{event.kind} (dispute {event.dispute})"
    # A stranger's snapshot may name a folder that has a history and no page.
    neutral = folder.removeprefix("neutral/")
    is_shown = folder in edition.repository.submissions or neutral in edition.repository.rounds
    name = link(here, submission_url(folder), folder) if is_shown else folder
    return markup.row(name, kind, figures.minute(event.at), event.reason)


def _table(edition: Edition, rows: list[FrozenRow], here: str) -> Html:
    now = {row.id: row for row in edition.rows}
    heads = (number_head(figures.FIGURE[name].label) for name in _SHOWN)
    lines = []
    for row in rows:
        place = (
            f"{row.endpoint}, {row.scenario}, {row.vantage or '–'}, {row.methodology or '–'}, {row.origin}"
        )
        provider: Html | str = edition.provider_name(row.provider)
        if row.provider in edition.repository.providers:
            provider = link(here, provider_url(row.provider), provider)
        name = tag("th", provider, tag("small", place, class_="fl-sub"), scope="row")
        then = "; ".join(row.unranked) or "ranked"
        cells = (_cell(row, figure) for figure in _SHOWN)
        lines.append(markup.row(name, then, *cells, _today(row, now.get(row.id), here)))
    return markup.simple_table("Rows then", ("Row", "State then", *heads, "Today"), lines)


def _cell(row: FrozenRow, name: str) -> Html:
    estimate, rank = row.figures.get(name), row.ranks.get(name)
    if estimate is None or estimate.value is None:
        return number_cell("–")
    words = [figures.figure_value(name, estimate.value)]
    parts = [
        figures.interval(name, estimate),
        f"n {estimate.n:,}",
        f"rank {rank.best}–{rank.worst} of {rank.of}" if rank else None,
    ]
    small = tag("small", ", ".join(part for part in parts if part), class_="fl-sub")
    return number_cell(*words, small)


def _today(then: FrozenRow, row: Row | None, here: str) -> Html | str:
    """What the board says of the row today."""
    if row is None:
        return "not on the board"
    words = f"not ranked: {'; '.join(row.unranked)}" if row.unranked else "ranked"
    return link(here, model_url(row.family.model), words) if then.model == row.family.model else words
