"""Pages of the providers: who they are, what each serves and discloses, and every result of it.

What a party did not say is shown as *not disclosed*, in the same table as what it said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from fairlead import cost
from fairlead.model import Endpoint, Price, Provider
from fairlead.publish import (
    badges,
    disputes,
    feeds,
    figures,
    interests,
    markup,
    overview,
    registrations,
)
from fairlead.publish.charts import history, prices
from fairlead.publish.edition import Edition, Page, model_url, provider_url, submission_url
from fairlead.publish.markup import (
    Html,
    disclosed,
    external,
    heading,
    join,
    link,
    number_cell,
    number_head,
    tag,
)
from fairlead.ranking import Row

STATUS_WORDS = {
    "active": "serves today",
    "historical": "known from an old record only",
    "reference": "the board's own endpoint of known timing; not a company",
    "withdrawn": "withdrawn",
}


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
    declared = interests.table(((provider.name, one) for one in provider.interests), shown.organisation_name)
    blocks += [heading(2, "Interests"), declared, *shown.others]
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
        allowed = join((f"{word} {permission.date}, ", external(permission.source)))
    contacts = ", ".join(f"{contact.name} ({contact.github.login})" for contact in provider.contacts)
    return markup.definitions(
        [
            ("Id", tag("code", shown.id)),
            ("Status", STATUS_WORDS[provider.status]),
            (
                "Organisation",
                disclosed(provider.organisation if shown.organisation is None else shown.organisation),
            ),
            ("Website", external(provider.website) if provider.website else disclosed(None)),
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
                ("Address", tag("code", endpoint.base_url) if endpoint.base_url else disclosed(None)),
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
    source = join((external(price.source), tag("small", f"looked up {price.retrieved}", class_="fl-sub")))
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
