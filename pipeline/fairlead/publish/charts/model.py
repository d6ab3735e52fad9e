"""The section of charts on a model's page: what each table of its board gives. Draws nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.publish import markup, results
from fairlead.publish.charts.chart import grid
from fairlead.publish.charts.distribution import ttft_charts
from fairlead.publish.charts.intervals import interval_charts
from fairlead.publish.charts.rows import order
from fairlead.publish.edition import Edition, by_family
from fairlead.publish.markup import tag
from fairlead.ranking import Origin, Row


def model_blocks(edition: Edition, model: str) -> list[str]:
    """A section with the charts of each table of a model's board, or a line where none can be drawn."""
    rows = [row for row in edition.rows_where(model=model) if row.origin is Origin.NEUTRAL]
    rows = [row for row in rows if row.role == "subject"]
    blocks = [markup.heading(2, "Charts", "charts")]
    drawn = []
    for family, of_family in by_family(rows).items():
        members = order(edition, of_family)
        made = [*interval_charts(edition, members), *ttft_charts(edition, members)]
        if made:
            label = results.family_words(edition, family)
            drawn.append(markup.heading(3, label, f"charts--{results.family_anchor(family)}"))
            drawn += grid(edition.charts, made)
    if not drawn:
        return [*blocks, tag("p", f"Nothing is drawn: {_why_nothing(rows)}.", class_="fl-note")]
    return [*blocks, tag("p", _READING, class_="fl-note"), *drawn]


_READING = (
    "Only neutral rows that are ranked are drawn; the others are named with their reasons. A bar is the "
    "interval, the mark on it the estimate. Rows stand in the order of the table above, and a letter names "
    "the same row in every chart of a table. No eye can tell apart what the data cannot: the rank ranges of "
    "the table say what that is."
)


def _why_nothing(rows: Sequence[Row]) -> str:
    if not rows:
        return "the board's own runner has measured no row of this model"
    reasons = sorted({reason for row in rows for reason in row.unranked})
    return "; ".join(reasons[:3]) or "no row gives a figure"
