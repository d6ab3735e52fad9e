"""Days and moments: their order, and that the past lies behind. Knows no clock; now is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from fairlead.checks.context import Context, at
from fairlead.model import Price, Provider
from fairlead.problems import Problem, pointer
from fairlead.repository import CUSTODY_PATH, FUNDING_PATH, ORGANISATIONS_PATH, VERSIONS_PATH, Repository

_When = dt.date | dt.datetime
_Span = tuple[str, str, _When | None, str, _When | None]  # path, pointer and value of both ends
_Stated = tuple[str, str, _When | None]


def check_spans(repository: Repository, _context: Context) -> Iterator[Problem]:
    """No span of time ends before it begins."""
    for path, begin_at, begin, end_at, end in _spans(repository):
        if begin is not None and end is not None and end < begin:
            name = begin_at.rpartition("/")[2]
            yield at(
                repository,
                path,
                "DATE001",
                end_at,
                f"{_written(end)} is before `{name}`, {_written(begin)}",
                expected=f"{_written(begin)} or later",
                fix="correct one of the two",
            )


def check_nothing_in_the_future(repository: Repository, context: Context) -> Iterator[Problem]:
    """What is said to have happened lies in the past."""
    for path, where, when in _happened(repository):
        if when is None:
            continue
        limit = context.now if isinstance(when, dt.datetime) else context.now.astimezone(dt.UTC).date()
        if when > limit:
            yield at(
                repository,
                path,
                "DATE003",
                where,
                f"{_written(when)} is in the future",
                expected=f"{_written(limit)} or earlier",
                fix="write the day it happened, in UTC",
            )


def check_event_order(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Events stand in the order of their time."""
    streams = [
        (f"submissions/{name}/history.yaml", [event.at for event in history.events])
        for name, history in repository.histories.items()
    ]
    streams += [
        (f"methodology/proposals/{name}/proposal.yaml", [event.at for event in proposal.events])
        for name, proposal in repository.proposals.items()
    ]
    for path, moments in streams:
        for index in range(1, len(moments)):
            if moments[index] < moments[index - 1]:
                yield at(
                    repository,
                    path,
                    "DATE004",
                    pointer("events", index, "at"),
                    f"{_written(moments[index])} is before the event above it",
                    expected=f"{_written(moments[index - 1])} or later",
                    fix="put the events in the order of their time, the newest last",
                )


def _written(when: _When) -> str:
    if isinstance(when, dt.datetime):
        return f"{when.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    return when.isoformat()


def _spans(repository: Repository) -> Iterator[_Span]:
    yield from _provider_spans(repository)
    yield from _people_spans(repository)
    yield from _run_spans(repository)
    for name, history in repository.histories.items():
        path = f"submissions/{name}/history.yaml"
        for index, event in enumerate(history.events):
            for place, interest in enumerate((event.case.interests if event.case else None) or ()):
                where = pointer("events", index, "case", "interests", place)
                yield path, f"{where}/from", interest.from_, f"{where}/until", interest.until
    for name, ballot in repository.ballots.items():
        yield f"methodology/proposals/{name}/ballot.yaml", "/opens", ballot.opens, "/closes", ballot.closes


def _provider_spans(repository: Repository) -> Iterator[_Span]:
    for name, provider in repository.providers.items():
        path = f"providers/{name}.yaml"
        for where, price in _prices(provider):
            yield path, f"{where}/from", price.from_, f"{where}/until", price.until
        for index, interest in enumerate(provider.interests):
            where = pointer("interests", index)
            yield path, f"{where}/from", interest.from_, f"{where}/until", interest.until


def _prices(provider: Provider) -> Iterator[tuple[str, Price]]:
    for place, endpoint in enumerate(provider.endpoints):
        for number, served in enumerate(endpoint.models):
            for index, price in enumerate(served.prices):
                yield pointer("endpoints", place, "models", number, "prices", index), price


def _run_spans(repository: Repository) -> Iterator[_Span]:
    for name, registration in repository.registrations.items():
        path = f"submissions/{name}/registration.yaml"
        begin, last = registration.registered, max(planned.not_before for planned in registration.windows)
        yield path, "/windows/not_before", last.astimezone(dt.UTC).date(), "/deadline", registration.deadline
        for index, planned in enumerate(registration.windows):
            where = pointer("windows", index, "not_before")
            yield path, "/registered", begin, where, planned.not_before
        submission = repository.submissions.get(name)
        if submission is not None:
            path, day = f"submissions/{name}/submission.yaml", begin.astimezone(dt.UTC).date()
            yield path, "/registered", day, "/submitted", submission.submitted


def _people_spans(repository: Repository) -> Iterator[_Span]:
    for name, member in repository.members.items():
        path = f"methodology/governance/members/{name}.yaml"
        yield path, "/seated", member.seated, "/term_until", member.term_until
        for index, job in enumerate(member.employment):
            where = pointer("employment", index)
            yield path, f"{where}/from", job.from_, f"{where}/until", job.until
        for index, interest in enumerate(member.interests):
            where = pointer("interests", index)
            yield path, f"{where}/from", interest.from_, f"{where}/until", interest.until
    for index, custodian in enumerate(repository.custody):
        where = pointer("custodians", index)
        yield CUSTODY_PATH, f"{where}/from", custodian.from_, f"{where}/until", custodian.until
    for place, organisation in enumerate(repository.organisations.values()):
        for index, owner in enumerate(organisation.owners):
            where = pointer("organisations", place, "owners", index)
            yield ORGANISATIONS_PATH, f"{where}/from", owner.from_, f"{where}/until", owner.until


def _happened(repository: Repository) -> Iterator[_Stated]:
    for name, provider in repository.providers.items():
        path = f"providers/{name}.yaml"
        if provider.benchmark_permission is not None:
            yield path, "/benchmark_permission/date", provider.benchmark_permission.date
        for where, price in _prices(provider):
            yield path, f"{where}/retrieved", price.retrieved
    for name, proposal in repository.proposals.items():
        yield f"methodology/proposals/{name}/proposal.yaml", "/raised", proposal.raised
    for name, ballot in repository.ballots.items():
        for index, vote in enumerate(ballot.ballots):
            where = pointer("ballots", index)
            yield f"methodology/proposals/{name}/ballot.yaml", f"{where}/at", vote.at
            yield f"methodology/proposals/{name}/ballot.yaml", f"{where}/edited_at", vote.edited_at
    for index, version in enumerate(repository.versions.values()):
        yield VERSIONS_PATH, pointer("versions", index, "date"), version.date
    for index, entry in enumerate(repository.funding):
        yield FUNDING_PATH, pointer("entries", index, "date"), entry.date
    yield from _submitted(repository)


def _submitted(repository: Repository) -> Iterator[_Stated]:
    for name, registration in repository.registrations.items():
        yield f"submissions/{name}/registration.yaml", "/registered", registration.registered
    for name, submission in repository.submissions.items():
        yield f"submissions/{name}/submission.yaml", "/submitted", submission.submitted
    for name, rerun in repository.reruns.items():
        yield f"submissions/{name}/rerun.yaml", "/started", rerun.started
    for name, history in repository.histories.items():
        for index, event in enumerate(history.events):
            yield f"submissions/{name}/history.yaml", pointer("events", index, "at"), event.at
