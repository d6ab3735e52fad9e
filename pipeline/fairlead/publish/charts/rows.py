"""The rows of one table as charts know them: their order, letters, names, and why one is not drawn.

Draws nothing. Only who is ranked is compared: every other row is named with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.publish import results
from fairlead.publish.charts.chart import Key, make_key
from fairlead.publish.edition import Edition
from fairlead.ranking import Row

DRAWN = 24  # rows of a chart, the first by rank


def order(edition: Edition, rows: Sequence[Row]) -> list[Row]:
    """The rows of one family as the board has them: by rank, then those without one."""
    methodology = edition.repository.methodologies.get(rows[0].family.methodology or "") if rows else None
    ranked, listed = results.order_rows(rows, methodology)
    return [*ranked, *listed]


def row_name(edition: Edition, row: Row) -> str:
    """The provider and endpoint of a row."""
    return f"{edition.provider_name(row.provider)} · {row.endpoint}"


def row_keys(edition: Edition, rows: Sequence[Row]) -> dict[str, Key]:
    """A letter and colour for each row that is ranked, by its id; the same in every chart of a table."""
    ranked = [row for row in rows if not row.unranked]
    return {
        row.id: make_key(place, row_name(edition, row), requests(row)) for place, row in enumerate(ranked)
    }


def requests(row: Row) -> int:
    """The requests of the windows that count."""
    return sum(item.head.requests for item in row.valid)


def why_withheld(row: Row, figure: str) -> str | None:
    """Why a figure of a row is not drawn; None where it is."""
    if row.unranked:
        return "; ".join(row.unranked)
    found = row.figures[figure]
    if found.value is None:
        return found.reason or "not given"
    return row.withheld.get(figure)
