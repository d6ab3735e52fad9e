"""One row of a leaderboard: its cells, and what stands behind it. Compares no two rows.

Words and figures are for people; beside them, attributes hold the same figures in full, which the
page's script sorts, filters and exports. So there is one source: what the page says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from fairlead import cost
from fairlead.clock import moment_of, unix_ns_of
from fairlead.life import folders_of
from fairlead.model import Endpoint, Price, ServedModel
from fairlead.publish import figures, markup
from fairlead.publish.edition import (
    Edition,
    methodology_url,
    model_url,
    provider_url,
    raw_url,
    submission_url,
)
from fairlead.publish.markup import Html, join, link, tag
from fairlead.publish.replies import replies_html
from fairlead.ranking import Figure, Row, sound, withheld_of
from fairlead.stats import Estimate

ROWS_FIRST = 15  # of a table: those that the page's script shows until a reader asks for more
_FOLDERS_SHOWN = 3  # the newest; what stands behind the row leads to the files of all
_RAW_FILES_SHOWN = 4  # the newest; the page of their folder lists them all


def when(edition: Edition, time: dt.datetime) -> Html:
    """A day, and how long ago it was."""
    return join((markup.day(time), tag("small", figures.age(time, edition.now), class_="fl-sub")))


def figure_cell(row: Row, figure: Figure, *, is_hidden: bool = False, digits: int | None = None) -> Html:
    """A figure with its interval, n and rank range; for the success rate also the failures by class.

    A hidden one holds the same lines as bare text, which the page's script makes a cell of when a reader
    asks for its column. ``digits``: how many the page's script is given, where not all of them.
    """
    lines = _figure_lines(row, figure)
    if figure.name == "success_rate":
        lines.append(("small", "fl-sub fl-wrap", figures.failures(row.outcomes) or "no failure"))
    data = figure_data(row, figure, digits)
    if is_hidden:
        return tag("td", join((text for _, _, text in lines), markup.LINE), class_="fl-n", hidden="", **data)
    return tag("td", _elements(lines), class_="fl-n", **data)


def figure_data(row: Row, figure: Figure, digits: int | None = None) -> dict[str, str | None]:
    """A figure in full, for the page's script: value, low, high and n, rank range or why there is none."""
    estimate, rank = sound(figure, row.figures[figure.name]), row.ranks.get(figure.name)
    numbers = (_written(number, digits) or "-" for number in (estimate.value, estimate.low, estimate.high))
    return {
        "data_figure": figure.name,
        "data_given": None if estimate.value is None else " ".join((*numbers, str(estimate.n))),
        "data_rank": f"{rank.best} {rank.worst} {rank.of}" if rank else None,
        "data_withheld": withheld_of(row).get(figure.name),
    }


def _written(number: float | None, digits: int | None = None) -> str | None:
    if number is None:
        return None
    return repr(number) if digits is None else f"{number:.{digits}g}"


_Lines = list[tuple[str, str, str]]  # element, class, text


def estimate_html(name: str, estimate: Estimate) -> Html:
    """A figure's value, and its interval and n in smaller lines below."""
    return _elements(_estimate_lines(name, estimate))


def _estimate_lines(name: str, estimate: Estimate) -> _Lines:
    if estimate.value is None:
        return [("span", "fl-none", "–"), ("small", "fl-sub fl-wrap", estimate.reason or "not given")]
    between = figures.interval(name, estimate)
    below = join((between or None, f"n {estimate.n:,}"), markup.LINE)
    return [("span", "fl-value", figures.figure_value(name, estimate.value)), ("small", "fl-sub", below)]


def _elements(lines: _Lines) -> Html:
    return join(tag(name, text, class_=class_) for name, class_, text in lines)


def evidence_cell(edition: Edition, row: Row, here: str) -> Html:
    """When a row was measured, how many windows count, and the way to its raw requests."""
    words = _windows_words(row)
    folders = folders_of(row)[::-1]
    shown = folders[:_FOLDERS_SHOWN]
    links: list[Html | str] = [
        link(here, submission_url(folder), _folder_words(row, folder)) for folder in shown
    ]
    if len(folders) > len(shown):
        links.append(f"{len(folders) - len(shown):,} older")
    if len(row.evidence) == 1:
        links.append(link(here, raw_url(row.evidence[0].path), "raw file"))
    newest = moment_of(row.last_unix_ns)
    lines = (words, Html("<br>"), join(links, " · "))
    return tag("td", when(edition, newest), tag("small", *lines, class_="fl-sub"), class_="fl-when")


def _windows_words(row: Row) -> str:
    """How many windows there are, how many do not count, and whether requests are missing."""
    words = figures.count(len(row.evidence), "window")
    invalid = len(row.evidence) - len(row.valid)
    if invalid:
        words += f", {invalid} invalid"
    held = sum(sum(item.head.outcomes.values()) for item in row.evidence)
    planned = sum(item.table.header.load.planned for item in row.evidence)
    return words if held == planned else f"{words}, {held:,} of {planned:,} planned requests"


def _folder_words(row: Row, folder: str) -> str:
    """A claim's folder by its own name; others by the provider, too, whose rerun it was."""
    owner, _, name = folder.partition("/")
    if owner == "neutral":
        return name
    return name if row.submission == folder else f"rerun {folder}"


# -- what stands behind a row --------------------------------------------------------------------


def bodies(
    head: Html | None, rows: Sequence[Html], before: int = 0, **attributes: str | None
) -> tuple[Html, ...]:
    """A group of rows, each with all its lines, as one body of a table, or as two.

    Rows beyond the table's first :data:`ROWS_FIRST` stand in a late body, which a browser need not lay out
    before the page's script has come; the script puts a group together again. ``before``: how many rows
    of the table stand before these.
    """
    rows = [markup.tight(row) for row in rows]
    early = max(0, ROWS_FIRST - before)
    late = rows[early:]
    if not early:
        return (tag("tbody", head, *late, class_="fl-late", **attributes),)
    body = tag("tbody", head, *rows[:early], **attributes)
    return (body, tag("tbody", *late, class_="fl-late", data_continues="", **attributes)) if late else (body,)


def row_data(edition: Edition, row: Row) -> dict[str, str | None]:
    """What the page's script filters and exports a row by, and the prices it reckons with."""
    endpoint, served = _served(edition, row)
    price = _price(edition, row)
    stated = price if isinstance(price, Price) else None
    return {
        "data_row": row.id,
        "data_provider": row.provider,
        "data_name": edition.provider_name(row.provider),
        "data_endpoint": row.endpoint,
        "data_region": endpoint.region if endpoint else None,
        "data_hardware": "disclosed" if served and served.accelerator else figures.NOT_DISCLOSED,
        "data_origin": str(row.origin),
        "data_newest": figures.instant(row.last_unix_ns),
        "data_input_usd": _written(stated.input_usd_per_mtok) if stated else None,
        "data_output_usd": _written(stated.output_usd_per_mtok) if stated else None,
    }


def row_anchor(row: Row) -> str:
    """The anchor of a row on its model's page; ids only, so no stranger's text."""
    return f"row--{_anchor(row)}"


def behind_anchor(row: Row) -> str:
    """The anchor of what stands behind a row, likewise."""
    return f"behind--{_anchor(row)}"


def _anchor(row: Row) -> str:
    return "--".join(row.id.split("/")[1:]).replace(".", "-")


def row_url(row: Row) -> str:
    """Where a row stands: on its model's page, at its own anchor."""
    return f"{model_url(row.family.model)}#{row_anchor(row)}"


def behind(edition: Edition, row: Row, further: Sequence[Figure], here: str, columns: int) -> Html:
    """The further figures of a row, whose it is, its newest raw files and how anyone computes it again."""
    numbers = (
        tag(
            "div",
            tag("dt", figure.label, tag("small", figures.unit(figure.name), class_="fl-sub")),
            tag("dd", figure_words(row, figure)),
            **figure_data(row, figure),
        )
        for figure in further
    )
    facts = markup.definitions(_facts(edition, row, here))
    further_html = tag("dl", *numbers, class_="fl-facts") if further else None
    body = tag("div", further_html, replies_html(edition, row), facts, id=behind_anchor(row))
    fold = tag("details", tag("summary", "Behind this row"), body, class_="fl-fold")
    return tag("tr", tag("td", fold, colspan=columns), class_="fl-behind")


def figure_words(row: Row, figure: Figure) -> Html:
    """What a cell of the figure would hold."""
    return _elements(_figure_lines(row, figure))


def _figure_lines(row: Row, figure: Figure) -> _Lines:
    rank = row.ranks.get(figure.name)
    lines = _estimate_lines(figure.name, sound(figure, row.figures[figure.name]))
    if rank:
        lines.append(("span", "fl-rank", f"rank {rank.words}"))
    elif reason := withheld_of(row).get(figure.name):
        lines.append(("small", "fl-sub fl-wrap", f"no rank: {reason}"))
    return lines


def _facts(edition: Edition, row: Row, here: str) -> list[tuple[str, Html | str]]:
    _, served = _served(edition, row)
    version, price = row.family.methodology, _price(edition, row)
    methodology: Html | str = version or "none"
    if version in edition.repository.methodologies:
        methodology = link(here, methodology_url(str(version)), str(version))
    if isinstance(price, Price):
        rates = f"{price.input_usd_per_mtok:g} in, {price.output_usd_per_mtok:g} out"
    else:
        rates = price.reason
    return [
        ("Methodology", methodology),
        ("Hardware", _hardware(served)),
        ("Precision", (served and served.precision) or figures.NOT_DISCLOSED),
        ("List price, USD per million tokens", rates),
        ("Interests", _interests(edition, row, here)),
        ("Raw requests", _raw_files(row, here)),
        ("Compute it again", tag("code", f"fairlead explain {row.id}")),
    ]


def _hardware(served: ServedModel | None) -> str:
    if served is None or served.accelerator is None:
        return figures.NOT_DISCLOSED
    number = served.accelerator_count
    return served.accelerator if number is None else f"{number} × {served.accelerator}"


def _interests(edition: Edition, row: Row, here: str) -> Html | str:
    number = interests(edition, row)
    if not number:
        return "none declared"
    return link(here, f"{provider_url(row.provider)}#interests", f"{number} declared")


def interests(edition: Edition, row: Row) -> int:
    """How many interests the provider of a row declares, ended ones left out."""
    entry = edition.repository.providers.get(row.provider)
    today = edition.now.date()
    return sum(each.until is None or each.until >= today for each in entry.interests) if entry else 0


def _raw_files(row: Row, here: str) -> Html:
    newest = sorted(row.evidence, key=lambda item: (-item.head.start_unix_ns, item.path))
    links: list[Html] = []
    for item in newest[:_RAW_FILES_SHOWN]:
        start = moment_of(item.head.start_unix_ns)
        links.append(link(here, raw_url(item.path), figures.minute(start)))
    left = len(newest) - len(links)
    if left:
        folder = submission_url(newest[_RAW_FILES_SHOWN].folder)
        links.append(link(here, folder, f"{left} older"))
    return join(links, " · ")


def _served(edition: Edition, row: Row) -> tuple[Endpoint | None, ServedModel | None]:
    """The endpoint of a row, and the row's model as it is served there."""
    entry = edition.repository.providers.get(row.provider)
    endpoint = next((each for each in entry.endpoints if each.id == row.endpoint), None) if entry else None
    models = endpoint.models if endpoint else ()
    return endpoint, next((each for each in models if each.model == row.family.model), None)


def _price(edition: Edition, row: Row) -> Price | cost.NoCost:
    """The list price of the edition's day."""
    provider = edition.repository.providers.get(row.provider)
    prices = cost.prices_of(provider, row.endpoint, row.family.model)
    return cost.price_at(prices, unix_ns_of(edition.now))
