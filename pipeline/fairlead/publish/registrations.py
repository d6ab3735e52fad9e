"""Plans and what became of them, as pages say it. Knows no submission but by its name; judges nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead.deliveries import Delivery, State, deliveries_of, missing_windows
from fairlead.model import Registration
from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition, methodology_url, provider_url, submission_url
from fairlead.publish.markup import Html, link, number_cell, number_head, tag

WHAT_IT_FIXES = (
    "A registration fixes the plan, not honesty: nobody can see whether the same run was tried in private "
    "before. So a claim never ranks; only the board's own neutral windows do."
)


def deliveries(edition: Edition, provider: str | None = None) -> Sequence[Delivery]:
    """Every registered run, or those of one provider, as they stand when the edition is made."""
    repository = edition.repository
    found = deliveries_of(repository.registrations, repository.submissions, edition.now)
    return [one for one in found if provider in (None, one.submission.partition("/")[0])]


def missing(edition: Edition, name: str) -> tuple[int, ...]:
    """The planned windows of a delivered run of which no whole one is published, by their place from 0."""
    listed_windows = edition.repository.submissions[name].windows
    found = [edition.evidence.get(f"submissions/{name}/{raw.file}") for raw in listed_windows]
    measured = [
        item.table.header.plan_index
        for item in found
        if item is not None and sum(item.head.outcomes.values()) == item.table.header.load.planned
    ]
    return missing_windows(edition.repository.registrations[name], measured)


def table(edition: Edition, here: str, provider: str | None = None) -> Iterator[Html]:
    """Registered runs and their states, the last due first."""
    found = sorted(deliveries(edition, provider), key=lambda one: one.due, reverse=True)
    if not found:
        yield tag("p", "No run is registered.", class_="fl-empty")
        return
    lines = [_row(edition, one, here, with_provider=provider is None) for one in found]
    planned = number_head("Windows planned")
    names = ("Run", *(() if provider else ("Provider",)), "Registered", "Due by", planned, "State")
    yield markup.simple_table("Registered runs", names, lines)
    yield tag("p", WHAT_IT_FIXES, class_="fl-note")


def _row(edition: Edition, one: Delivery, here: str, *, with_provider: bool) -> Html:
    owner, _, slug = one.submission.partition("/")
    is_delivered = one.state is State.DELIVERED
    run = link(here, submission_url(one.submission), slug) if is_delivered else tag("span", slug)
    cells: list[str] = [tag("th", run, scope="row")]
    if with_provider:
        known = owner in edition.repository.providers
        name = edition.provider_name(owner)
        cells.append(link(here, provider_url(owner), name) if known else name)
    registration = edition.repository.registrations[one.submission]
    state = "fl-state fl-warning" if one.state is State.NEVER_DELIVERED else "fl-state"
    return markup.row(
        *cells,
        figures.minute(registration.registered),
        markup.day(one.due),
        number_cell(f"{one.planned:,}"),
        tag("span", one.words, class_=state),
    )


def plan(edition: Edition, name: str, here: str) -> Iterator[Html]:
    """The registration of a submission, and what of it was delivered."""
    repository = edition.repository
    registration = repository.registrations.get(name)
    if registration is None:
        yield tag("p", "None: the plan was not registered before it was run.", class_="fl-empty")
        return
    (one,) = deliveries_of({name: registration}, repository.submissions, edition.now)
    yield _facts(registration, one, here)
    left_out = missing(edition, name) if one.state is State.DELIVERED else ()
    if left_out:
        number = figures.count(len(registration.windows), "planned window")
        words = f"Delivered in part: of {number}, counted from 0, these are missing or cut off: "
        words += f"{_some(left_out)}."
        yield tag("p", words, class_="fl-why")
    yield tag("p", WHAT_IT_FIXES, class_="fl-note")


_SHOWN = 20


def _some(places: Sequence[int]) -> str:
    shown = ", ".join(map(str, places[:_SHOWN]))
    return shown if len(places) <= _SHOWN else f"{shown} and {len(places) - _SHOWN:,} more"


def _facts(registration: Registration, one: Delivery, here: str) -> Html:
    version = registration.methodology.version
    return markup.definitions(
        [
            ("Registered", figures.minute(registration.registered)),
            ("By", registration.by.login if registration.by else figures.NOT_DISCLOSED),
            ("Methodology", link(here, methodology_url(version), version)),
            ("Vantage", registration.vantage),
            ("Planned", figures.count(len(registration.windows), "window")),
            ("Due by", str(registration.deadline)),
            ("State", one.words),
            ("Seed", tag("code", registration.seed)),
        ]
    )
