"""Pages of the parties and their papers: providers, submissions, neutral rounds, interests. Judges nobody.

What a party did not say is shown as *not disclosed*, in the same table as what it said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from fairlead import cost, ranking
from fairlead.metrics import WindowTable
from fairlead.model import (
    Endpoint,
    Interest,
    Methodology,
    Price,
    Provider,
    RawFile,
    Submission,
)
from fairlead.publish import (
    badges,
    disputes,
    feeds,
    figures,
    integrity,
    markup,
    overview,
    registrations,
    ties,
    usage,
    verdicts,
)
from fairlead.publish.archived import archived_mark
from fairlead.publish.charts import history, prices
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
from fairlead.publish.markup import Html, heading, join, link, number_cell, number_head, tag
from fairlead.ranking import Evidence, Row
from fairlead.stats import IntervalRules

STATUS_WORDS = {
    "active": "serves today",
    "historical": "known from an old record only",
    "reference": "the board's own endpoint of known timing; not a company",
    "withdrawn": "withdrawn",
}
AMOUNT_WORDS = {"none": "none", "up-to-1000-usd": "up to 1,000 USD", "over-1000-usd": "over 1,000 USD"}
_MISSING = tag("span", figures.NOT_DISCLOSED, class_="fl-none")


def disclosed(value: object) -> Html:
    """A value as a stranger stated it, or *not disclosed*."""
    return _MISSING if value is None else markup.escape(str(value))


def _source(source: str) -> Html:
    return markup.external(source) if source.startswith("https://") else markup.escape(source)


# -- providers -----------------------------------------------------------------------------------


def providers_page(edition: Edition) -> Page:
    """/providers/"""
    url = "providers/"
    lines = []
    for name, provider in edition.repository.providers.items():
        rows = edition.rows_where(provider=name)
        models = sorted({served.model for endpoint in provider.endpoints for served in endpoint.models})
        asked, said = _disclosure_counts(provider)
        lines.append(
            markup.row(
                link(url, provider_url(name), provider.name),
                STATUS_WORDS[provider.status],
                ", ".join(edition.model_name(model) for model in models) or figures.NOT_DISCLOSED,
                number_cell(str(len(rows))),
                number_cell(f"{said} of {asked}"),
            )
        )
    right = [number_head(name) for name in ("Rows", "Disclosed")]
    listing = (
        markup.simple_table("Providers", ("Provider", "Status", "Models", *right), lines)
        if lines
        else tag("p", "No provider is listed yet.", class_="fl-empty")
    )
    note = (
        "In the order of their ids. Disclosed counts the fields about hardware, precision, region and such."
    )
    return Page(
        url=url,
        title="Providers",
        description="Every provider that is listed, and how much of its set-up it has disclosed.",
        blocks=[tag("p", note), listing],
        wide=True,
    )


_SERVED = (
    ("Name in the API", "api_model"),
    ("Accelerator", "accelerator"),
    ("Accelerator count", "accelerator_count"),
    ("Precision", "precision"),
    ("Context, tokens", "context_tokens"),
    ("Prompt cache", "prompt_cache"),
)


def _disclosure_counts(provider: Provider) -> tuple[int, int]:
    """How many disclosure fields there are, and how many are filled in."""
    values: list[object] = [endpoint.region for endpoint in provider.endpoints]
    for endpoint in provider.endpoints:
        for served in endpoint.models:
            values += [getattr(served, field) for _, field in _SERVED[1:]]
    return len(values), sum(value is not None for value in values)


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page of a provider is made from: its file, others' names for what is in it, our sections.

    ``models`` and ``parties``: names by id. ``boards``: those of its models that have a page.
    ``organisation``: a name; None where it is not known.
    """

    id: str
    provider: Provider
    organisation: str | None
    models: dict[str, str]
    parties: dict[str, str]
    boards: tuple[str, ...]
    has_rows: bool
    results: tuple[str, ...]
    price_charts: tuple[str, ...]
    others: tuple[str, ...]

    def model_name(self, model: str) -> str:
        """As :meth:`Edition.model_name`."""
        return self.models[model]

    def organisation_name(self, organisation: str) -> str:
        """As :meth:`Edition.organisation_name`."""
        return self.parties[organisation]


def provider_page(edition: Edition, name: str) -> Page:
    """/providers/<provider>/"""
    provider, url = edition.repository.providers[name], provider_url(name)
    rows = edition.rows_where(provider=name)
    served = {served.model for endpoint in provider.endpoints for served in endpoint.models}
    organisation = edition.repository.organisations.get(provider.organisation or "")
    results: list[str] = (
        [*overview.provider_board(edition, rows, url), _reasons(rows)]
        if rows
        else [tag("p", "No result of this provider is published.", class_="fl-empty")]
    )
    shown = _Shown(
        id=name,
        provider=provider,
        organisation=organisation.name if organisation else None,
        models={model: edition.model_name(model) for model in sorted(served)},
        parties={one.party: edition.organisation_name(one.party) for one in provider.interests},
        boards=tuple(sorted(served.intersection(edition.board_models))),
        has_rows=bool(rows),
        results=(*results, *history.provider_blocks(edition, name)),
        price_charts=tuple(prices.provider_blocks(edition, name)),
        others=(
            *disputes.about_provider(edition, name, url),
            heading(2, "Submissions"),
            _submission_list(edition, name, url),
            heading(2, "Registered runs"),
            *registrations.table(edition, url, name),
            *badges.blocks(edition, name, url),
        ),
    )
    return edition.kept.made(_provider_page, shown)


def _provider_page(shown: _Shown) -> Page:
    provider, url = shown.provider, provider_url(shown.id)
    blocks: list[str] = [_identity(shown)]
    if provider.notes:
        blocks.append(markup.paragraphs(provider.notes, "fl-note"))
    blocks += [heading(2, "Results"), *shown.results]
    blocks += [heading(2, "Disclosures"), *_endpoints(shown, url)]
    blocks += [heading(2, "Prices"), *shown.price_charts, _prices(shown)]
    interests = interests_table(((provider.name, one) for one in provider.interests), shown)
    blocks += [heading(2, "Interests"), interests, *shown.others]
    return Page(
        url=url,
        title=provider.name,
        feed=feeds.feed_path(f"providers/{shown.id}"),
        description=f"What {provider.name} serves and discloses, every result of it, and its interests.",
        blocks=blocks,
        crumbs=(("providers/", "Providers"),),
        wide=True,
        scripts=(overview.SCRIPT, "assets/chart.js") if shown.has_rows else ("assets/chart.js",),
    )


def _identity(shown: _Shown) -> Html:
    provider, permission = shown.provider, shown.provider.benchmark_permission
    if permission is None:
        allowed = join(("none recorded",))
    else:
        word = "granted" if permission.granted else "refused"
        allowed = join((f"{word} {permission.date}, ", _source(permission.source)))
    contacts = ", ".join(f"{contact.name} ({contact.github.login})" for contact in provider.contacts)
    return markup.definitions(
        [
            ("Id", tag("code", shown.id)),
            ("Status", STATUS_WORDS[provider.status]),
            (
                "Organisation",
                disclosed(provider.organisation if shown.organisation is None else shown.organisation),
            ),
            ("Website", markup.external(provider.website) if provider.website else _MISSING),
            ("Permission to publish benchmarks", allowed),
            ("Contacts", contacts or "none listed"),
        ]
    )


def _reasons(rows: Sequence[Row]) -> Html:
    reasons = sorted({reason for row in rows for reason in row.unranked})
    if not reasons:
        return tag("p", "Every row is ranked.", class_="fl-note")
    return tag("p", f"Why rows are not ranked: {'; '.join(reasons)}.", class_="fl-why")


def _endpoints(shown: _Shown, here: str) -> Iterator[str]:
    if not shown.provider.endpoints:
        yield tag("p", "No endpoint is listed.", class_="fl-empty")
    for endpoint in shown.provider.endpoints:
        yield heading(3, f"Endpoint {endpoint.id}", f"endpoint-{endpoint.id}")
        yield markup.definitions(
            [
                ("Address", tag("code", endpoint.base_url) if endpoint.base_url else _MISSING),
                ("Region", disclosed(endpoint.region)),
                ("API dialect", tag("code", endpoint.dialect)),
                ("Measured over", f"HTTP/{endpoint.http}"),
            ]
        )
        if endpoint.models:
            yield _served_table(shown, endpoint, here)


def _served_table(shown: _Shown, endpoint: Endpoint, here: str) -> Html:
    lines = []
    for served in endpoint.models:
        model: str = shown.model_name(served.model)
        if served.model in shown.boards:
            model = link(here, model_url(served.model), model)
        lines.append(markup.row(model, *(disclosed(getattr(served, field)) for _, field in _SERVED)))
    names = ("Model", *(name for name, _ in _SERVED))
    return markup.simple_table(f"Models served at {endpoint.id}", names, lines)


_PRICE_NOTE = tag(
    "p",
    "List prices, as the source stated them on the day somebody looked. A window is charged at the price of "
    "the day, in UTC, on which it began. A day that no line covers has no price, and no cost is computed for "
    "it. Where cached input has no price, it is charged as input.",
    class_="fl-note",
)


def _prices(shown: _Shown) -> Html:
    lines = [
        _price_row(shown.model_name(served.model), endpoint, price)
        for endpoint in shown.provider.endpoints
        for served in endpoint.models
        for price in cost.held(served.prices)
    ]
    if not lines:
        return tag("p", "No price is recorded.", class_="fl-empty")
    right = [
        number_head(name, tag("small", "USD per million tokens", class_="fl-sub"))
        for name in ("Input", "Cached input", "Output")
    ]
    names = ("Model", "From", "Until", *right, "Source")
    return join((markup.simple_table("Prices and the days they held", names, lines), _PRICE_NOTE))


def _price_row(model: str, endpoint: Endpoint, price: Price) -> Html:
    amounts = (price.input_usd_per_mtok, price.cached_input_usd_per_mtok, price.output_usd_per_mtok)
    source = join((_source(price.source), tag("small", f"looked up {price.retrieved}", class_="fl-sub")))
    return markup.row(
        tag(
            "th",
            model,
            tag("small", endpoint.id, class_="fl-sub"),
            scope="row",
        ),
        markup.day(price.from_),
        markup.day(price.until) if price.until else "today",
        *(number_cell("–" if amount is None else f"{amount:g}") for amount in amounts),
        source,
    )


def _submission_list(edition: Edition, provider: str, here: str) -> Html:
    found = [name for name in edition.repository.submissions if name.partition("/")[0] == provider]
    if not found:
        return tag("p", "None.", class_="fl-empty")
    items = []
    for name in found:
        submission = edition.repository.submissions[name]
        number = figures.count(len(submission.windows), "window")
        words = f" — {submission.submitted}, {number}, {submission.origin}, "
        state = disputes.state(edition, name, here)
        items.append(join((link(here, submission_url(name), submission.title), words, state)))
    return markup.bullets(items)


# -- submissions ---------------------------------------------------------------------------------


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
    start = figures.moment(table.start_unix_ns)
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


# -- interests -----------------------------------------------------------------------------------


def interests_page(edition: Edition) -> Page:
    """/interests/"""
    providers = [
        (p.name, interest) for p in edition.repository.providers.values() for interest in p.interests
    ]
    members = [(m.name, interest) for m in edition.repository.members.values() for interest in m.interests]
    return Page(
        url="interests/",
        title="Interests",
        description="Who is tied to whom: the board's own interests first, then providers and members.",
        blocks=[
            tag("p", "Who must recuse is computed from this register. The board's own interests come first."),
            heading(2, "The board"),
            heading(3, "Funding"),
            _funding(edition),
            heading(3, "Custody"),
            *_custody(edition),
            *ties.blocks(edition),
            heading(2, "Providers"),
            interests_table(providers, edition, "Interests of providers"),
            heading(2, "Members"),
            _employment(edition),
            interests_table(members, edition, "Interests of members"),
            heading(2, "Owners"),
            _owners(edition),
        ],
    )


def _funding(edition: Edition) -> Html:
    if not edition.repository.funding:
        words = "No money, credits or gifts in kind are recorded."
        return tag("p", words, class_="fl-empty")
    lines = [
        markup.row(
            edition.organisation_name(entry.from_),
            markup.day(entry.date),
            entry.kind,
            number_cell(f"{entry.amount_usd:,.0f}"),
            entry.purpose,
            _source(entry.source),
        )
        for entry in edition.repository.funding
    ]
    amount = number_head("Amount", tag("small", "USD", class_="fl-sub"))
    return markup.simple_table("Funding", ("From", "Date", "Kind", amount, "Purpose", "Source"), lines)


_RIGHT_WORDS = {"admin": "administration", "runner": "a runner", "keys": "measuring keys"}


def custody_table(edition: Edition) -> Html:
    """Who holds rights over the board, and for whom."""
    lines = [
        markup.row(
            entry.holder.login if entry.holder else "a machine",
            _RIGHT_WORDS[entry.right],
            disclosed(entry.organisation and edition.organisation_name(entry.organisation)),
            _span(entry.from_, entry.until),
            join((_source(entry.source), tag("small", entry.notes or "", class_="fl-sub fl-wrap"))),
        )
        for entry in edition.repository.custody
    ]
    if not lines:
        return tag("p", "Nobody is recorded to hold rights over the board.", class_="fl-empty")
    return markup.simple_table("Custody", ("Holder", "Right", "For", "When", "Source"), lines)


def _custody(edition: Edition) -> Iterator[str]:
    yield custody_table(edition)
    yield tag(
        "p", "Whoever operates a vantage holds the runner there. By the charter its group is never ranked."
    )
    lines = [
        markup.row(
            vantage.name,
            disclosed(vantage.operator and edition.organisation_name(vantage.operator)),
            disclosed(vantage.region),
            disclosed(vantage.network),
        )
        for vantage in edition.repository.vantages.values()
    ]
    if lines:
        yield markup.simple_table("Vantages", ("Vantage", "Operator", "Region", "Network"), lines)
    else:
        yield tag("p", "There is no vantage yet, and so no runner.", class_="fl-empty")


def interests_table(
    pairs: Iterable[tuple[str, Interest]], named: Edition | _Shown, label: str = "Interests"
) -> Html:
    """Interests as they were declared; an empty register is said plainly."""
    lines = [
        markup.row(
            name,
            interest.kind,
            named.organisation_name(interest.party),
            disclosed(interest.amount_band and AMOUNT_WORDS[interest.amount_band]),
            _span(interest.from_, interest.until),
            join((_source(interest.source), tag("small", interest.notes or "", class_="fl-sub fl-wrap"))),
        )
        for name, interest in pairs
    ]
    if not lines:
        return tag("p", "No interest is declared.", class_="fl-empty")
    return markup.simple_table(label, ("Who", "Kind", "With", "Amount", "When", "Source"), lines)


def _span(first: dt.date | None, last: dt.date | None) -> Html:
    return join((markup.day(first) if first else "unknown", " to ", markup.day(last) if last else "today"))


def _employment(edition: Edition) -> Html:
    lines = [
        markup.row(member.name, edition.organisation_name(job.organisation), _span(job.from_, job.until))
        for member in edition.repository.members.values()
        for job in member.employment
    ]
    if not lines:
        return tag("p", "There are no members yet.", class_="fl-empty")
    return markup.simple_table("Employment", ("Member", "Employer", "When"), lines)


def _owners(edition: Edition) -> Html:
    lines = [
        markup.row(
            organisation.name,
            edition.organisation_name(owner.organisation),
            number_cell(f"{figures.percent(owner.share)} %"),
            _span(owner.from_, owner.until),
            _source(owner.source),
        )
        for organisation in edition.repository.organisations.values()
        for owner in organisation.owners
    ]
    if not lines:
        return tag("p", "No ownership between listed organisations is recorded.", class_="fl-empty")
    share = number_head("Share")
    return markup.simple_table("Owners", ("Organisation", "Owner", share, "When", "Source"), lines)
