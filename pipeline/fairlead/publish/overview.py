"""Rows of many families in one table: on the front page, and on a provider's. Compares no two families.

Each row says whose it is, what it measured and where the rest of it stands: on the board of its model, where
everything behind it is one click away. The page's script treats these tables as any other board.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from fairlead import ranking
from fairlead.clock import moment_of
from fairlead.publish import figures, markup, results
from fairlead.publish.edition import Edition, by_family, model_url
from fairlead.publish.markup import Html, join, link, tag
from fairlead.publish.rows import (
    behind,
    behind_anchor,
    bodies,
    evidence_cell,
    figure_cell,
    row_data,
    when,
)
from fairlead.ranking import Family, Figure, Row

SCRIPT = "assets/board.js"
FRONT_ROWS_MAX = 500  # a page that everybody loads; the rest is on the pages of the models
_FRONT = ("ttft_p50_ms", "output_speed_p50_tps", "success_rate", "blended_usd_per_mtok")
_FRONT_FURTHER = ("ttft_p95_ms", "e2e_p50_ms")
_FRONT_DIGITS = 5  # all of them would weigh as much as the rest of the page; a model's page has them


# -- the front page ------------------------------------------------------------------------------


def front_board(edition: Edition) -> list[str]:
    """Every row of the board, family by family, those of the models with most rows first."""
    if not edition.board_models:
        return [tag("p", "No model has a result yet.", class_="fl-empty")]
    shown = _models_shown(edition)
    rows = [row for model in shown for row in edition.rows_where(model=model)]
    given = [figure for figure in ranking.FIGURES if _is_given(rows, figure)]
    columns = [figure for figure in given if figure.name in (*_FRONT, *_FRONT_FURTHER)]
    hidden = {figure.name for figure in columns if figure.name not in _FRONT}
    groups: list[Html] = []
    place = 0
    for model in shown:
        for family, of_family in by_family(edition.rows_where(model=model)).items():
            groups += _family_bodies(edition, family, of_family, columns, hidden, before=place)
            place += len(of_family)
    head = results.figure_head(columns, hidden=hidden)
    table = markup.table(
        "Every row, by model, scenario, vantage and methodology",
        head,
        *groups,
        class_="fl-board",
        data_board="rows",
        data_figures=" ".join(figure.name for figure in columns),
    )
    tools = tag("div", class_="fl-tools")  # filled by the page's script; without it, nothing
    left = len(edition.board_models) - len(shown)
    more = [tag("p", f"{figures.count(left, 'more model')} on pages of their own.")] if left else []
    return [results.reading_note(""), tools, table, *more]


def _models_shown(edition: Edition) -> Sequence[str]:
    """The first models, as long as their rows fit on the page; one at least."""
    sizes = itertools.accumulate(len(edition.rows_where(model=model)) for model in edition.board_models)
    fitting = sum(size <= FRONT_ROWS_MAX for size in sizes)
    return edition.board_models[: max(1, fitting)]


def _is_given(rows: Sequence[Row], figure: Figure) -> bool:
    return any(row.figures[figure.name].value is not None for row in rows)


def _family_bodies(
    edition: Edition,
    family: Family,
    rows: Sequence[Row],
    columns: Sequence[Figure],
    hidden: set[str],
    *,
    before: int,
) -> tuple[Html, ...]:
    methodology = edition.repository.methodologies.get(family.methodology or "")
    ranked, listed = results.order_rows(rows, methodology)
    anchor = f"{model_url(family.model)}#{results.family_anchor(family)}"
    name = edition.model_name(family.model)
    words = join((link("", anchor, name), " · ", results.family_words(edition, family)))
    width = len(columns) - len(hidden) + 2
    head = tag("tr", tag("th", words, colspan=width, scope="rowgroup"), class_="fl-group")
    lines = [_front_row(edition, row, columns, hidden) for row in (*ranked, *listed)]
    return bodies(head, lines, before, **results.family_data(edition, family))


def _front_row(edition: Edition, row: Row, columns: Sequence[Figure], hidden: set[str]) -> Html:
    name = results.row_name(edition, row, "")
    cells = (
        figure_cell(row, figure, is_hidden=figure.name in hidden, digits=_FRONT_DIGITS) for figure in columns
    )
    behind_it = link("", f"{model_url(row.family.model)}#{behind_anchor(row)}", "behind this row")
    newest = when(edition, moment_of(row.last_unix_ns))
    evidence = tag("td", newest, tag("small", behind_it, class_="fl-sub"), class_="fl-when")
    return tag("tr", name, *cells, evidence, **row_data(edition, row))


# -- the rows of one provider --------------------------------------------------------------------


def provider_board(edition: Edition, rows: Sequence[Row], here: str) -> list[str]:
    """Every row of a provider, the old ones too: the family names the row; nothing here is compared."""
    given = [figure for figure in ranking.FIGURES if _is_given(rows, figure)]
    shown = [figure for figure in given if figure.is_column]
    further = [figure for figure in given if not figure.is_column]
    lines: list[Html] = []
    for row in sorted(rows, key=lambda row: row.id):
        cells = (figure_cell(row, figure) for figure in shown)
        data = row_data(edition, row) | results.family_data(edition, row.family)
        name, evidence = _family_name(edition, row, here), evidence_cell(edition, row, here)
        line = tag("tr", name, *cells, evidence, class_="fl-has-note", **data)
        lines.append(join((line, behind(edition, row, further, here, len(shown) + 2))))
    table = markup.table(
        "Rows of this provider",
        results.figure_head(shown, "Model and scenario"),
        *bodies(None, lines),
        class_="fl-board",
        data_board="results",
        data_figures=" ".join(figure.name for figure in given),
    )
    return [tag("div", class_="fl-tools"), table]


def _family_name(edition: Edition, row: Row, here: str) -> Html:
    anchor = f"{model_url(row.family.model)}#{results.family_anchor(row.family)}"
    where = f"{row.family.scenario} · {results.vantage_words(edition, row.family)}"
    return tag(
        "th",
        link(here, anchor, edition.model_name(row.family.model)),
        tag("small", where, class_="fl-sub"),
        results.state_words(edition, row),
        scope="row",
    )
