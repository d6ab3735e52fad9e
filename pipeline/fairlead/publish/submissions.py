"""Pages of what was measured: submissions and neutral rounds, with each of their windows. Judges nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead import ranking
from fairlead.clock import moment_of
from fairlead.metrics import WindowTable
from fairlead.model import Methodology, RawFile, Submission
from fairlead.publish import disputes, figures, integrity, markup, registrations, usage, verdicts
from fairlead.publish.archived import archived_mark
from fairlead.publish.edition import (
    Edition,
    Page,
    Searched,
    methodology_url,
    model_url,
    provider_url,
    raw_url,
    submission_url,
)
from fairlead.publish.markup import Html, disclosed, heading, join, link, number_cell, number_head, tag
from fairlead.ranking import Evidence
from fairlead.stats import IntervalRules


def submissions_page(edition: Edition) -> Page:
    """/submissions/"""
    url = "submissions/"
    lines = []
    ordered = sorted(edition.repository.submissions, key=lambda name: name)
    ordered.sort(key=lambda name: edition.repository.submissions[name].submitted, reverse=True)
    for name in ordered:
        submission = edition.repository.submissions[name]
        title = tag(
            "th",
            link(url, submission_url(name), submission.title),
            tag("small", name, class_="fl-sub"),
            scope="row",
        )
        provider = edition.provider_name(name.partition("/")[0])
        windows = number_cell(str(len(submission.windows)))
        state = disputes.state(edition, name, url)
        lines.append(
            markup.row(title, provider, markup.day(submission.submitted), submission.origin, windows, state)
        )
    names = (
        "Submission",
        "Provider",
        "Submitted",
        "Origin",
        number_head("Windows"),
        "State",
    )
    listing = (
        markup.simple_table("Submissions", names, lines)
        if lines
        else tag("p", "Nothing has been submitted yet.", class_="fl-empty")
    )
    blocks: list[str] = [
        tag(
            "p",
            "A submission is a claim: published with its raw requests, and never the source of a rank.",
        ),
        listing,
        heading(2, "Registered runs"),
        *registrations.table(edition, url),
        heading(2, "Neutral rounds"),
        _rounds_list(edition, url),
    ]
    return Page(
        url=url,
        title="Submissions",
        description="Every claim that providers have submitted, and every folder of neutral rounds.",
        blocks=blocks,
        wide=True,
    )


def _rounds_list(edition: Edition, here: str) -> Html:
    if not edition.repository.rounds:
        return tag("p", "The board has run no neutral round yet, so nothing is ranked.", class_="fl-empty")
    return markup.bullets(
        join(
            (
                link(here, submission_url(f"neutral/{name}"), name),
                f" — {edition.model_name(rounds.model)}, {figures.count(len(rounds.windows), 'window')}",
            )
        )
        for name, rounds in edition.repository.rounds.items()
    )


def submission_page(edition: Edition, name: str) -> Page:
    """/submissions/<provider>/<slug>/"""
    repository, url, provider = edition.repository, submission_url(name), name.partition("/")[0]
    submission = repository.submissions[name]
    blocks: list[str] = [_submission_facts(edition, name, url)]
    if submission.origin == "imported":
        words = (
            "Imported from another tool's results. There are no stamps, no registration and no calibration, "
            "so nothing here is ranked, and what the source did not record stays undefined."
        )
        blocks.append(tag("p", words, class_="fl-why"))
    if submission.notes:
        blocks.append(markup.paragraphs(submission.notes, "fl-note"))
    blocks += [
        heading(2, "Claims"),
        _claims(edition, submission),
        *verdicts.claims_blocks(edition, name, url),
    ]
    blocks += [heading(2, "Disclosures"), _disclosures(submission)]
    blocks += [heading(2, "Registration"), *registrations.plan(edition, name, url)]
    folder = f"submissions/{name}"
    blocks += [heading(2, "Windows"), *_windows(edition, folder, submission.windows, url)]
    blocks += integrity.submission_blocks(edition, name, url)
    for rerun_id, rerun in repository.reruns.items():
        if rerun_id.startswith(f"{name}/"):
            blocks.append(heading(2, f"Rerun {rerun_id.rpartition('/')[2]}"))
            blocks += _windows(edition, f"submissions/{rerun_id}", rerun.windows, url)
    blocks += disputes.history(edition, name, url)
    by = edition.provider_name(provider)
    return Page(
        url=url,
        title=submission.title if submission.title.startswith(by) else f"{by}: {submission.title}",
        description=f"A submission of {edition.provider_name(provider)}: claims, disclosures, raw windows.",
        blocks=blocks,
        crumbs=(("submissions/", "Submissions"), (provider_url(provider), edition.provider_name(provider))),
        wide=True,
        searched=Searched.NOT,
    )


def _submission_facts(edition: Edition, name: str, here: str) -> Html:
    submission, provider = edition.repository.submissions[name], name.partition("/")[0]
    who = submission.by.login if submission.by else figures.NOT_DISCLOSED
    return markup.definitions(
        [
            ("Folder", tag("code", f"submissions/{name}")),
            ("Provider", link(here, provider_url(provider), edition.provider_name(provider))),
            ("Origin", submission.origin),
            ("Submitted", f"{submission.submitted} by {who}"),
            ("State", disputes.state(edition, name, here)),
            ("Corrects", _corrects(edition, provider, submission.corrects, here)),
        ]
    )


def _corrects(edition: Edition, provider: str, corrected: str | None, here: str) -> Html | str:
    if corrected is None:
        return "nothing"
    name = f"{provider}/{corrected}"
    known = name in edition.repository.submissions
    return link(here, submission_url(name), name) if known else markup.escape(name)


def _claims(edition: Edition, submission: Submission) -> Html:
    if not submission.claims:
        return tag("p", "No figure is claimed.", class_="fl-empty")
    lines = []
    for claim in submission.claims:
        known = figures.FIGURE.get(claim.metric)
        is_share = known is not None and figures.unit(claim.metric) == "%"
        value = f"{claim.value * 100 if is_share else claim.value:,.10g}"  # as claimed, never rounded
        lines.append(
            markup.row(
                known.label if known else claim.metric,
                edition.model_name(claim.model),
                claim.scenario,
                claim.endpoint,
                number_cell(value, " ", tag("small", figures.unit(claim.metric) if known else "")),
                "yes" if claim.primary else "no",
            )
        )
    names = (
        "Figure",
        "Model",
        "Scenario",
        "Endpoint",
        number_head("Claimed"),
        "Primary",
    )
    return markup.simple_table("Claimed figures", names, lines)


def _disclosures(submission: Submission) -> Html:
    said = submission.disclosures
    pairs = (
        ("Accelerator", said.accelerator),
        ("Accelerator count", said.accelerator_count),
        ("Precision", said.precision),
        ("Region", said.region),
        ("Prompt cache", said.prompt_cache),
        ("Capacity", said.capacity),
    )
    return markup.definitions((name, disclosed(value)) for name, value in pairs)


# -- windows -------------------------------------------------------------------------------------

_WINDOW_FIGURES = (
    "ttft_p50_ms",
    "e2e_p50_ms",
    "output_speed_p50_tps",
    "system_throughput_tps",
    "success_rate",
)


def _windows(edition: Edition, folder: str, manifest: Sequence[RawFile], here: str) -> Iterator[str]:
    """Every window of a folder: figures recomputed from its raw requests, its digest, its validity."""
    lines = [_window_row(edition, entry, folder, here) for entry in manifest]
    if not lines:
        yield tag("p", "No window.", class_="fl-empty")
        return
    heads = [
        number_head(figures.FIGURE[name].label, tag("small", figures.unit(name), class_="fl-sub"))
        for name in _WINDOW_FIGURES
    ]
    requests = number_head("Requests")
    names = ("Window", "Start", requests, *heads, "Valid", "Raw file")
    yield markup.simple_table("Windows", names, lines, "fl-board")
    yield tag(
        "p",
        "Figures are recomputed from the raw requests when this page is built. "
        "Each raw file is named by its sha256 in the submission's manifest.",
        class_="fl-note",
    )
    yield from usage.windows_table(edition, folder, manifest, here)


def _window_row(edition: Edition, entry: RawFile, folder: str, here: str) -> Html:
    raw = join(
        (
            link(here, raw_url(f"{folder}/{entry.file}"), figures.size(entry.bytes)),
            tag("code", f"{entry.sha256[:12]}…", class_="fl-sub", title=f"sha256 {entry.sha256}"),
            archived_mark(edition, f"{folder}/{entry.file}", entry, here),
        )
    )
    item = edition.evidence.get(f"{folder}/{entry.file}")
    if item is None:
        name = entry.file.rpartition("/")[2]
        empty = tag("td", "not readable", colspan=len(_WINDOW_FIGURES) + 3)
        return markup.row(name, empty, raw)
    header, table = item.table.header, item.table
    about = (edition.model_name(header.model), item.scenario, header.endpoint, header.role)
    name_cell = tag(
        "th",
        edition.provider_name(header.provider),
        tag("small", " · ".join(about), class_="fl-sub"),
        scope="row",
    )
    methodology = _methodology(edition, item)
    given = (methodology.day_seconds, ranking.interval_rules(methodology))
    cells = []
    for name, value in edition.kept.made_of(_window_values, [item], given).items():
        below = figures.failures(table.outcomes) if name == "success_rate" else None
        shown = "–" if value is None else figures.figure_value(name, value)
        extra = tag("small", below, class_="fl-sub fl-wrap") if below else None
        cells.append(number_cell(tag("span", shown, class_="fl-value"), extra))
    start = moment_of(table.start_unix_ns)
    basis = "" if header.clock.basis == "measured" else "time of the file"
    time = join((figures.minute(start), tag("small", basis, class_="fl-sub") if basis else None))
    valid = "not judged: imported" if header.origin == "imported" else "; ".join(item.invalid) or "yes"
    requests = number_cell(recorded(table))
    return markup.row(name_cell, time, requests, *cells, tag("td", valid, class_="fl-wide"), raw)


def _window_values(windows: Sequence[Evidence], given: tuple[int, IntervalRules]) -> dict[str, float | None]:
    """The figures of a list of windows, of these windows alone."""
    day_seconds, rules = given
    found = ranking.estimate_figures([item.table for item in windows], rules, day_seconds=day_seconds)
    return {name: found[name].value for name in _WINDOW_FIGURES}


def recorded(table: WindowTable) -> str:
    """How many requests a window holds, and how many were planned where that differs."""
    held, planned = sum(table.outcomes.values()), table.header.load.planned
    return f"{held:,}" if held == planned else f"{held:,} of {planned:,} planned"


def _methodology(edition: Edition, item: Evidence) -> Methodology:
    return ranking.methodology_of(edition.repository.methodologies, item.head.methodology)


def rounds_page(edition: Edition, name: str) -> Page:
    """/submissions/neutral/<folder>/"""
    rounds, url = edition.repository.rounds[name], submission_url(f"neutral/{name}")
    version = rounds.methodology.version
    facts = markup.definitions(
        [
            ("Folder", tag("code", f"submissions/neutral/{name}")),
            ("Model", link(url, model_url(rounds.model), edition.model_name(rounds.model)))
            if rounds.model in edition.board_models
            else ("Model", edition.model_name(rounds.model)),
            ("Vantage", rounds.vantage),
            ("Methodology", link(url, methodology_url(version), version)),
            ("Windows", str(len(rounds.windows))),
            ("State", disputes.state(edition, f"neutral/{name}", url)),
        ]
    )
    blocks: list[str] = [facts]
    if rounds.notes:
        blocks.append(markup.paragraphs(rounds.notes, "fl-note"))
    blocks += [heading(2, "Windows"), *_windows(edition, f"submissions/neutral/{name}", rounds.windows, url)]
    blocks += disputes.history(edition, f"neutral/{name}", url)
    return Page(
        url=url,
        title=f"Neutral rounds {name}",
        description=f"Windows of {edition.model_name(rounds.model)} measured by the board's own runner.",
        blocks=blocks,
        crumbs=(("submissions/", "Submissions"),),
        wide=True,
        searched=Searched.NOT,
    )
