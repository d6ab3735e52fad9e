"""The leaderboards: one page a model, one table a family of rows that may be compared. Ranks nothing.

A place in a table never says more than the data: ranked rows come by the rank range of the
methodology's first metric, then by id; rows without a rank come below, by id, each with its reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from fairlead import ranking
from fairlead.clock import moment_of, unix_ns_of
from fairlead.model import Methodology
from fairlead.profile import AgeState, age_state
from fairlead.publish import disputes, figures, findings, markup, usage, verdicts
from fairlead.publish.edition import (
    Edition,
    Page,
    by_family,
    methodology_url,
    model_url,
    provider_url,
)
from fairlead.publish.markup import Html, join, link, number_cell, number_head, tag
from fairlead.publish.rows import (
    behind,
    bodies,
    evidence_cell,
    figure_cell,
    interests,
    row_anchor,
    row_data,
    when,
)
from fairlead.ranking import Family, Figure, Origin, Row

ORIGIN_WORDS = {Origin.NEUTRAL: "neutral", Origin.CLAIM: "claim", Origin.IMPORTED: "imported"}


# -- all models ----------------------------------------------------------------------------------


def models_table(edition: Edition, here: str) -> Html:
    """The models that have rows: how many providers, what is ranked, the newest window."""
    if not edition.board_models:
        return tag("p", "No model has a result yet.", class_="fl-empty")
    rows = [_model_row(edition, model, here) for model in edition.board_models]
    names = (
        "Model",
        number_head("Providers"),
        number_head("Ranked"),
        number_head("Unranked"),
        "Newest window",
    )
    return markup.simple_table("Models with results", names, rows)


def _model_row(edition: Edition, model: str, here: str) -> Html:
    rows = edition.rows_where(model=model)
    ranked = sum(bool(row.ranks) for row in rows)
    newest = moment_of(max(row.last_unix_ns for row in rows))
    return markup.row(
        link(here, model_url(model), edition.model_name(model)),
        number_cell(str(len({row.provider for row in rows}))),
        number_cell(str(ranked)),
        number_cell(str(len(rows) - ranked)),
        when(edition, newest),
    )


def models_page(edition: Edition) -> Page:
    """/models/"""
    return Page(
        url="models/",
        title="Models",
        description="Every model with results, and how many providers serve it.",
        blocks=[
            tag(
                "p",
                "Rows are compared only within one model, scenario, vantage and methodology.",
            ),
            models_table(edition, "models/"),
        ],
    )


def summary(edition: Edition) -> Html:
    """How much evidence there is, and how much of it is ranked, in one line of figures."""
    rows = edition.rows
    windows = sum(len(row.evidence) for row in rows)
    requests = sum(item.head.requests for row in rows for item in row.evidence)
    pairs = (
        ("Models", len(edition.board_models)),
        ("Providers", len({row.provider for row in rows})),
        ("Windows", windows),
        ("Raw requests", requests),
        ("Ranked rows", sum(bool(row.ranks) for row in rows)),
    )
    cells = (tag("div", tag("dt", name), tag("dd", f"{number:,}")) for name, number in pairs)
    return tag("dl", *cells, class_="fl-tally")


# -- one model -----------------------------------------------------------------------------------


def model_page(edition: Edition, model: str) -> Page:
    """/models/<model>/"""
    url, rows, name = model_url(model), edition.rows_where(model=model), edition.model_name(model)
    tools = tag("div", class_="fl-tools")  # filled by the page's script; without it, nothing
    blocks: list[str] = [_model_facts(edition, model, rows), reading_note(url), tools]
    for family, members in by_family(rows).items():
        blocks += _family_section(edition, family, members, url)
    blocks += findings.section(edition, rows, url)
    return Page(
        url=url,
        title=name,
        description=f"Latency, speed and success rate of providers of {name}, with intervals and raw data.",
        blocks=blocks,
        crumbs=(("models/", "Models"),),
        wide=True,
        scripts=("assets/board.js", "assets/chart.js"),
    )


def _model_facts(edition: Edition, model: str, rows: Sequence[Row]) -> Html:
    entry = edition.repository.models.get(model)
    ranked = sum(bool(row.ranks) for row in rows)
    newest = moment_of(max(row.last_unix_ns for row in rows))
    pairs: list[tuple[str, str | None]] = [
        ("Id", tag("code", model)),
        ("Developer", entry.developer if entry else figures.NOT_DISCLOSED),
        ("Providers", str(len({row.provider for row in rows}))),
        ("Rows", f"{ranked} ranked, {len(rows) - ranked} without a rank"),
        ("Newest window", when(edition, newest)),
        ("Tokenizer", entry.tokenizer.source if entry and entry.tokenizer else "none pinned"),
    ]
    facts = markup.definitions(pairs)
    return join((facts, markup.paragraphs(entry.notes, "fl-note"))) if entry and entry.notes else facts


def reading_note(here: str) -> Html:
    """How a cell is to be read."""
    return tag(
        "p",
        "Each cell: the figure, its interval, and ",
        tag("i", "n"),
        ", the requests behind it. A rank is a range: the places that the data cannot tell apart. ",
        link(here, "glossary/", "What each figure means"),
        ".",
        class_="fl-note",
    )


def _family_section(edition: Edition, family: Family, rows: Sequence[Row], here: str) -> list[str]:
    methodology = edition.repository.methodologies.get(family.methodology or "")
    ranked, listed = order_rows(rows, methodology)
    shared = _shared_reasons(ranked, listed)
    given = [figure for figure in ranking.FIGURES if any(_value(row, figure) is not None for row in rows)]
    shown = [figure for figure in given if figure.is_column]
    further = [figure for figure in given if not figure.is_column]
    blocks = [
        markup.heading(2, f"{family.scenario} · {vantage_words(edition, family)}", family_anchor(family)),
        _family_facts(edition, family, rows, methodology, here),
    ]
    if shared:
        words = f"No row of this table is ranked: {'; '.join(shared)}."
        blocks.append(tag("p", words, class_="fl-why"))
    groups: list[Html] = []
    columns = len(shown) + 2
    if ranked:
        groups += bodies(None, _lines(edition, ranked, (shown, further), shared, here))
    if listed:
        head = tag(
            "tr", tag("th", "Listed without a rank", colspan=columns, scope="rowgroup"), class_="fl-group"
        )
        lines = _lines(edition, listed, (shown, further), shared, here)
        groups += bodies(head if ranked else None, lines, len(ranked))
    label = f"{family.scenario}, {vantage_words(edition, family)}"
    blocks.append(
        markup.table(
            label,
            figure_head(shown),
            *groups,
            class_="fl-board",
            **family_data(edition, family),
            data_board=family_anchor(family),
            data_figures=" ".join(figure.name for figure in given),
        )
    )
    return [*blocks, *_missing_note(rows, shown), *usage.rows_note(edition, rows, here)]


def family_data(edition: Edition, family: Family) -> dict[str, str | None]:
    """What the page's script tells families by and filters them."""
    vantage = edition.repository.vantages.get(family.vantage or "")
    return {
        "data_model": family.model,
        "data_model_name": edition.model_name(family.model),
        "data_scenario": family.scenario,
        "data_vantage": family.vantage,
        "data_vantage_name": vantage.name if vantage else family.vantage,
        "data_methodology": family.methodology,
    }


def family_anchor(family: Family) -> str:
    """The anchor of a family's table on its model's page; ids only, so no stranger's text."""
    parts = (family.scenario, family.vantage, family.methodology)
    return "--".join((part or "none").replace(".", "-") for part in parts)


def vantage_words(edition: Edition, family: Family) -> str:
    """Where a family was measured from."""
    if family.vantage is None:
        return "vantage not disclosed"
    vantage = edition.repository.vantages.get(family.vantage)
    return f"from {vantage.name}" if vantage else f"from {family.vantage}"


def family_words(edition: Edition, family: Family) -> str:
    """A family in words, unlike any other of its model."""
    version = f"methodology {family.methodology}" if family.methodology else "no methodology"
    return f"{family.scenario}, {vantage_words(edition, family)}, {version}"


def order_rows(rows: Iterable[Row], methodology: Methodology | None) -> tuple[list[Row], list[Row]]:
    """Ranked rows by the rank range of the first metric they have, then by id; the others by id."""
    metrics = methodology.ranking.metrics if methodology else ()

    def place(row: Row) -> tuple[int, int, str]:
        rank = next((row.ranks[metric] for metric in metrics if metric in row.ranks), None)
        return (rank.best, rank.worst, row.id) if rank else (len(row.id), len(row.id), row.id)

    ordered = sorted(rows, key=lambda row: row.id)
    return sorted((row for row in ordered if row.ranks), key=place), [row for row in ordered if not row.ranks]


def _shared_reasons(ranked: Sequence[Row], listed: Sequence[Row]) -> tuple[str, ...]:
    """The reasons that hold for every row of a table without a ranked row; said once, above it."""
    if ranked or len(listed) < 2:
        return ()
    return tuple(reason for reason in listed[0].unranked if all(reason in row.unranked for row in listed))


def _value(row: Row, figure: Figure) -> float | None:
    return row.figures[figure.name].value


def _family_facts(
    edition: Edition, family: Family, rows: Sequence[Row], methodology: Methodology | None, here: str
) -> Html:
    version: Html | str = "none: measured by another tool"
    if family.methodology is not None:
        version = link(here, methodology_url(family.methodology), family.methodology)
        if family.methodology not in edition.repository.methodologies:
            version = markup.escape(family.methodology)
    first = min(row.first_unix_ns for row in rows)
    last = max(row.last_unix_ns for row in rows)
    days = sorted({f"{moment_of(time):%Y-%m-%d}" for time in (first, last)})
    pairs: list[tuple[str, str | None]] = [
        ("Load", load_words(family, rows, methodology)),
        ("Methodology", version),
        ("Measured", " to ".join(days)),
        ("Windows", str(sum(len(row.evidence) for row in rows))),
    ]
    return markup.definitions(pairs)


def load_words(family: Family, rows: Sequence[Row], methodology: Methodology | None) -> str:
    """How the requests of a family were sent, in words."""
    load = rows[0].evidence[0].table.header.load
    words = "closed loop" if load.kind == "closed" else "open loop"
    if load.kind == "closed" and load.concurrency is not None:
        words += f", {figures.count(load.concurrency, 'stream')}"
    if load.rate_per_s is not None:
        words += f", {load.rate_per_s:g} requests/s ({load.arrivals or 'arrivals not disclosed'})"
    if load.kind == "open" and load.concurrency is not None:
        words += f", at most {figures.count(load.concurrency, 'request')} under way"
    scenario = (
        next((s for s in methodology.scenarios if s.id == family.scenario), None) if methodology else None
    )
    workloads = {workload.id: workload for workload in methodology.workloads} if methodology else {}
    workload = workloads.get(scenario.workload) if scenario else None
    if workload:
        words += f", {workload.input_words:,} words in, up to {workload.output_tokens_max:,} tokens out"
    return words


def figure_head(
    shown: Sequence[Figure], first: str = "Provider", hidden: Collection[str] = frozenset()
) -> Html:
    """The head of a board; ``hidden`` figures are there for whoever asks for them."""
    cells = [tag("th", first, scope="col")]
    for figure in shown:
        unit = tag("small", figures.unit(figure.name), class_="fl-sub")
        cells.append(
            tag(
                "th",
                figure.label,
                unit,
                scope="col",
                class_="fl-n",
                title=figures.better_words(figure),
                data_figure=figure.name,
                hidden="" if figure.name in hidden else None,
            )
        )
    return tag("tr", *cells, tag("th", "Evidence", scope="col", class_="fl-when"))


def _lines(
    edition: Edition,
    rows: Sequence[Row],
    columns: tuple[Sequence[Figure], Sequence[Figure]],
    shared: tuple[str, ...],
    here: str,
) -> list[Html]:
    """Each row with its lines. ``columns``: the figures with a column, and those that stand behind a row."""
    made = []
    shown, further = columns
    for row in rows:
        own = [reason for reason in row.unranked if reason not in shared]
        cells = (figure_cell(row, figure) for figure in shown)
        name = row_name(edition, row, here)
        disputed = disputes.row_note(edition, row, here)
        verdict = edition.verdict_of(row)
        judged = [verdict.sentence] if verdict else []
        data = row_data(edition, row)
        evidence = evidence_cell(edition, row, here)
        lines = [tag("tr", name, *cells, evidence, class_="fl-has-note", id=row_anchor(row), **data)]
        said = " ".join([*([f"Not ranked: {'; '.join(own)}."] if own else []), *judged])
        notes = [markup.escape(said)] if said else []
        for note in (*notes, *([disputed] if disputed else [])):
            words = tag("td", tag("span", note), colspan=len(shown) + 2)
            lines.append(tag("tr", words, class_="fl-reason"))
        lines.append(behind(edition, row, further, here, len(shown) + 2))
        made.append(join(lines))
    return made


def row_name(edition: Edition, row: Row, here: str) -> Html:
    """Whose row it is, and its states in words."""
    entry = edition.repository.providers.get(row.provider)
    name = edition.provider_name(row.provider)
    linked = link(here, provider_url(row.provider), name) if entry else markup.escape(name)
    endpoint = next((e for e in entry.endpoints if e.id == row.endpoint), None) if entry else None
    where = f" · {endpoint.region}" if endpoint and endpoint.region else ""
    place = tag("small", row.endpoint + where, class_="fl-sub")
    return tag("th", linked, place, state_words(edition, row), scope="row")


def state_words(edition: Edition, row: Row) -> Html:
    """The states of a row, each a word of its own."""
    return join(
        (
            tag("span", ORIGIN_WORDS[row.origin], class_=f"fl-state fl-{row.origin}"),
            " ",
            tag("span", "ranked" if row.ranks else "no rank", class_="fl-state"),
            verdicts.row_badge(edition.verdict_of(row)),
            age_badge(edition, row),
            disputes.row_mark(edition, row),
            interest_badge(edition, row),
        )
    )


def interest_badge(edition: Edition, row: Row) -> Html | None:
    """A mark on a row whose provider declares an interest."""
    return join((" ", tag("span", "interest", class_="fl-state"))) if interests(edition, row) else None


def age_badge(edition: Edition, row: Row) -> Html | None:
    """A mark on a row whose newest window is old, or lies ahead of this edition; none on a fresh one."""
    rules = ranking.methodology_of(edition.repository.methodologies, row.family.methodology).ranking
    now_unix_ns = unix_ns_of(edition.now)
    words = {
        AgeState.STALE: f"older than {rules.stale_badge_days} days",
        AgeState.EXPIRED: f"older than {rules.stale_unranked_days} days",
        AgeState.FUTURE: "dated in the future",
    }.get(age_state(row.last_unix_ns, now_unix_ns, rules))
    return join((" ", tag("span", words, class_="fl-state fl-warning"))) if words else None


def _missing_note(rows: Sequence[Row], shown: Sequence[Figure]) -> list[str]:
    """Why figures are left out of the table, and why some have no interval."""
    parts = []
    for figure in ranking.COLUMNS:
        if figure not in shown:
            reasons = sorted({row.figures[figure.name].reason or "not given" for row in rows})
            parts.append(f"{figure.label}: {'; '.join(reasons[:2])}")
    notes = [f"Left out, because no row gives it — {' · '.join(parts)}."] if parts else []
    lacking = {
        row.figures[figure.name].reason
        for row in rows
        for figure in shown
        if row.figures[figure.name].value is not None and row.figures[figure.name].low is None
    }
    reasons = sorted(reason for reason in lacking if reason)
    if reasons:
        notes.append(f"Where a figure has no interval: {'; '.join(reasons)}.")
    return [tag("p", " ".join(notes), class_="fl-note")] if notes else []
