"""What stands on the pages about reading the data: files, feeds, tables, changes, and how to cite it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fairlead import documents
from fairlead.documents import Json
from fairlead.publish import api, exports, feeds, markup
from fairlead.publish.changelog import CHANGES
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, join, link, tag

_HERE = "api/"
_FILES_SHOWN = 12


def files_table(edition: Edition) -> Html:
    """Every data file and its schema."""
    lines = [
        markup.row(link(_HERE, path, "/" + path), link(_HERE, f"{api.ROOT}schemas/{kind}.json", kind))
        for path, kind in api.paths(edition)
    ]
    return markup.simple_table("Data files", ("File", "Schema"), lines)


def feeds_list(edition: Edition) -> Html:
    """Every feed."""
    return markup.bullets(link(_HERE, feed.path, feed.title) for feed in feeds.listed(edition))


def tables_blocks(edition: Edition) -> Iterator[str]:
    """Each table: what a line is, its files, its columns."""
    listed = list(exports.files(edition))
    for name, record in exports.TABLES.items():
        paths = [(path, lines) for of, path, lines in listed if of == name]
        yield markup.heading(3, name.capitalize(), f"table-{name}")
        yield tag("p", exports.title(record))
        shown = [
            join((link(_HERE, api.ROOT + path, path.removeprefix(exports.FOLDER)), f", {lines:,} lines"))
            for path, lines in paths[:_FILES_SHOWN]
        ]
        left = len(paths) - len(shown)
        if left:
            shown.append(
                join((f"{left} more, in ", link(_HERE, f"{api.ROOT}tables.json", "the list of all")))
            )
        yield markup.bullets(shown) if shown else tag("p", "There is none yet.", class_="fl-empty")
        columns = [
            markup.row(
                tag("th", tag("code", column.name), scope="row"),
                column.type + (", may be missing" if column.nullable else ""),
                column.description,
            )
            for column in exports.columns(record)
        ]
        yield markup.simple_table(f"Columns of {name}", ("Column", "Type", "What it says"), columns)


def changes_table() -> Html:
    """What was added to version 1."""
    lines = [
        markup.row(
            change.date,
            link(_HERE, f"{api.ROOT}schemas/{change.kind}.json", change.kind),
            join((change.what, " ", tag("code", ", ".join(change.fields) or "the whole file"))),
            change.words,
        )
        for change in CHANGES
    ]
    return markup.simple_table("Changes of version 1", ("Day", "Schema", "Change", "What it is"), lines)


# -- citing --------------------------------------------------------------------------------------


def citation_file() -> Path:
    """CITATION.cff: inside an installed package, or at the top of a checkout. A root's own is never read."""
    package = Path(__file__).parent.parent
    installed = package / "_site" / "CITATION.cff"
    return installed if installed.is_file() else package.parent.parent / "CITATION.cff"


def citation_blocks(edition: Edition, data: bytes) -> Iterator[str]:
    """How to cite the board: in words, as BibTeX, and the file itself."""
    document, problems = documents.parse(data, "CITATION.cff")
    if document is None or problems or not isinstance(document.data, dict):
        raise ValueError("CITATION.cff is not readable")
    stated = document.data
    yield tag("p", str(stated["message"]))
    yield tag("pre", tag("code", join(bibtex(edition, stated).splitlines(), Html("\n"))))


def bibtex(edition: Edition, stated: dict[str, Json]) -> str:
    """The entry for this edition of the board: its day and commit say which figures were read."""
    people = stated["authors"]
    names = [str(one["name"]) for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    data = f"Data of {edition.now:%Y-%m-%d}"
    fields = {
        "title": f"{{{_tex(str(stated['title']))}: {_tex(str(stated['abstract']).rstrip('.'))}}}",
        "author": " and ".join(f"{{{_tex(name)}}}" for name in names),
        "year": f"{edition.now:%Y}",
        "version": _tex(str(stated["version"])),
        "note": f"{data}, commit {edition.commit}" if edition.commit else data,
        **({"url": edition.site_url} if edition.site_url else {}),
    }
    lines = "".join(f"  {name:8}= {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{fairlead-{edition.now:%Y-%m-%d},\n{lines}}}\n"


def _tex(text: str) -> str:
    return re.sub(r"([#$%&_{}])", r"\\\1", text.replace("\\", ""))
