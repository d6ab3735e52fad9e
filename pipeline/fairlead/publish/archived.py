"""Where the raw files are that left the repository. Knows no store: an address is shown, never asked."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.archive import link_of
from fairlead.model import RawFile
from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition, submission_url
from fairlead.publish.markup import Html, join, link, number_cell, tag

URL = "archive/"


def archived_mark(edition: Edition, path: str, raw: RawFile, here: str) -> Html:
    """Beside a raw file that is archived, its object; the page of archives where no https store has it."""
    archive = edition.repository.archive
    if archive is None or path not in edition.repository.archived:
        return join(())
    address = link_of(archive, raw.sha256)
    where = link(here, URL, "archived") if address is None else markup.external(address, "archived")
    return tag("small", where, class_="fl-sub")


def rule_blocks(edition: Edition) -> Iterator[str]:
    """After how long a raw file may leave the repository."""
    rules = edition.repository.rules
    if rules is not None:
        days = tag("strong", f"{rules.archive.after_days:,} days")
        words = ("Raw files stay in the repository for ", days, " after the newest window of their folder.")
        yield tag("p", *words)


def archive_blocks(edition: Edition) -> Iterator[str]:
    """The stores, where an object is in them, and what each folder has there."""
    repository = edition.repository
    if repository.archive is None or not repository.archive.folders:
        yield tag("p", "Nothing is archived yet: every raw file is in the repository.", class_="fl-empty")
        return
    path = tag("code", "sha256/<its first two digits>/<sha256>")
    yield tag("p", "These stores hold what is archived, each file under ", path, ":")
    yield markup.bullets(tag("code", address) for address in repository.archive.stores)
    lines = []
    for manifest in repository.manifests():
        if manifest.folder not in repository.archive.folders:
            continue
        away = [
            raw
            for raw in (*manifest.windows, *manifest.calibrations)
            if f"{manifest.folder}/{raw.file}" in repository.archived
        ]
        name = "/".join(manifest.folder.split("/")[1:3])
        lines.append(
            markup.row(
                tag("th", link(URL, submission_url(name), manifest.folder), scope="row"),
                number_cell(f"{len(away):,}"),
                number_cell(figures.size(sum(raw.bytes for raw in away))),
            )
        )
    yield markup.simple_table("Archived folders", ("Folder", "Files", "Size"), lines)
