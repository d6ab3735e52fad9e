"""The data files under /api/v1/: the same facts as the pages, for machines. Knows no HTML.

Published types are written out here, apart from the source types, so that a source file may change
its shape while the files that others read do not. Fields are only ever added within ``v1``.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import msgspec

from fairlead import cost, governance, impact, life, ranking, usage, verdict
from fairlead.deliveries import Delivery, State
from fairlead.model import Endpoint, GitHub, Version
from fairlead.publish import badges, changelog, exports, feeds, figures, observed, registrations
from fairlead.publish.edition import (
    Edition,
    dispute_url,
    methodology_url,
    model_url,
    proposal_url,
    provider_url,
    raw_url,
    submission_url,
)
from fairlead.publish.rows import row_url
from fairlead.ranking import Evidence, Row, withheld_of
from fairlead.rules import RULES

SCHEMA_VERSION = 1
ROOT = "api/v1/"
KINDS = (
    "index",
    "models",
    "leaderboard",
    "profiles",
    "findings",
    "providers",
    "submissions",
    "registrations",
    "disputes",
    "methodology",
    "governance",
    "tally",
    "impact",
    "rules",
    "tables",
    "snapshots",
    "changelog",
)
SCHEMAS = (*KINDS, "snapshot")  # a snapshot's own file lies below snapshots/

Object = dict[str, Any]
Maker = Callable[[], Object]


def render(edition: Edition) -> Iterator[tuple[str, str]]:
    """Every data file and every schema as path and text."""
    made = edition.kept.made
    yield f"{ROOT}index.json", made(text, {**envelope(edition, "index", "index.json"), **_index(edition)})
    for path, kind, make in _files(edition):
        yield ROOT + path, made(text, {**envelope(edition, kind, path), **make()})
    for kind in SCHEMAS:
        yield f"{ROOT}schemas/{kind}.json", made(_schema_text, kind)


def paths(edition: Edition) -> Iterator[tuple[str, str]]:
    """Every data file's path, and the kind that names its schema."""
    yield f"{ROOT}index.json", "index"
    for path, kind, _ in _files(edition):
        yield ROOT + path, kind


def text(data: Object) -> str:
    """Deterministic JSON of pure ASCII, with the keys in the order they were written."""
    return json.dumps(data, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _schema_text(kind: str) -> str:
    return text(schema(kind))


def schema(kind: str) -> Object:
    """The published JSON Schema of one kind of file, with the parts it shares put inside."""
    folder = resources.files("fairlead") / "schemas" / "public"
    found: Object = json.loads((folder / f"{kind}.json").read_text("utf-8"))
    common: Object = json.loads((folder / "common.json").read_text("utf-8"))
    found["properties"] = {**common["envelope"], **found["properties"]}
    found["required"] = [*common["envelope"], *found["required"]]
    found["$defs"] = common["$defs"]
    return found


def envelope(edition: Edition, kind: str, path: str) -> Object:
    """What every file begins with. ``path``: relative to :data:`ROOT`."""
    return {
        "$schema": "../" * path.count("/") + f"schemas/{kind}.json",
        "schema_version": SCHEMA_VERSION,
        "generated_at": f"{edition.now:%Y-%m-%dT%H:%M:%SZ}",
        "commit": edition.commit,
    }


def _files(edition: Edition) -> Iterator[tuple[str, str, Maker]]:
    """Every file but the index: its path below :data:`ROOT`, its kind, and what makes its body."""

    def of(make: Callable[..., Object], *about: Any) -> Maker:
        return functools.partial(make, edition, *about)

    yield "models.json", "models", of(_models)
    for model in sorted(edition.board_models):
        yield f"leaderboards/{model}.json", "leaderboard", of(_leaderboard, model)
        yield f"profiles/{model}.json", "profiles", of(observed.profiles, model)
        yield f"findings/{model}.json", "findings", of(observed.model_findings, model)
    yield "providers.json", "providers", of(_providers)
    yield "submissions.json", "submissions", of(_submissions)
    yield "registrations.json", "registrations", of(_registrations)
    yield "disputes.json", "disputes", of(_disputes)
    yield "methodology.json", "methodology", of(_versions)
    yield from _governance(edition)
    yield "rules.json", "rules", _rules
    yield "tables.json", "tables", of(exports.tables_data)
    yield "snapshots.json", "snapshots", of(_snapshots)
    yield "changelog.json", "changelog", changelog.changelog_data


def _index(edition: Edition) -> Object:
    return {
        "files": [{"path": path, "schema": f"schemas/{kind}.json"} for path, kind, _ in _files(edition)],
        "feeds": [{"path": feed.path, "title": feed.title} for feed in feeds.listed(edition)],
    }


def _models(edition: Edition) -> Object:
    return {"models": [_model(edition, name) for name in sorted(edition.repository.models)]}


def _leaderboard(edition: Edition, model: str) -> Object:
    rows = [{**row_data(edition, row), "page": row_url(row)} for row in edition.rows_where(model=model)]
    return {"model": model, "rows": rows}


def _model(edition: Edition, name: str) -> Object:
    model = edition.repository.models[name]
    rows = edition.rows_where(model=name)
    return {
        "id": name,
        "name": model.name,
        "developer": model.developer,
        "tokenizer_sha256": model.tokenizer.sha256 if model.tokenizer else None,
        "providers": sorted({row.provider for row in rows}),
        "leaderboard": f"leaderboards/{name}.json" if rows else None,
        "page": model_url(name) if rows else None,
    }


def row_data(edition: Edition, row: Row) -> Object:
    """A row as it is published, with every window that it rests on."""
    return {
        "id": row.id,
        "provider": row.provider,
        "endpoint": row.endpoint,
        "scenario": row.family.scenario,
        "vantage": row.family.vantage,
        "methodology": row.family.methodology,
        "origin": str(row.origin),
        "submission": row.submission,
        "role": row.role,
        "ranked": bool(row.ranks),
        "unranked": list(row.unranked),
        "disputes": [dispute.id for dispute in life.disputes_of(edition.lives, row)],
        "first": figures.instant(row.first_unix_ns),
        "last": figures.instant(row.last_unix_ns),
        "figures": {figure.name: msgspec.to_builtins(row.figures[figure.name]) for figure in ranking.FIGURES},
        "verdicts": [
            {"state": str(each.state), "final": each.is_final, "sentence": each.sentence}
            for each in filter(None, [edition.verdict_of(row)])
        ],
        "ranks": {name: msgspec.to_builtins(rank) for name, rank in row.ranks.items()},
        "withheld": withheld_of(row),
        "usage": usage.as_data(row.usage),
        "outcomes": {str(outcome): number for outcome, number in sorted(row.outcomes.items())},
        "windows": [_window(edition, item) for item in row.evidence],
    }


def _window(edition: Edition, item: Evidence) -> Object:
    listed = edition.raw_files.get(item.path)
    return {
        "path": item.path,
        "raw": raw_url(item.path),
        "sha256": listed.sha256 if listed else None,
        "page": submission_url(item.folder),
        "start": figures.instant(item.head.start_unix_ns),
        "requests": item.head.requests,
        "successes": item.head.successes,
        "invalid": list(item.invalid),
        "tokenizer_sha256": item.table.header.tokenizer_sha256,
        "usage": usage.as_data(item.usage),
    }


def _providers(edition: Edition) -> Object:
    return {"providers": [_provider(edition, name) for name in edition.repository.providers]}


def _provider(edition: Edition, name: str) -> Object:
    provider = edition.repository.providers[name]
    return {
        "id": name,
        "name": provider.name,
        "status": provider.status,
        "organisation": provider.organisation,
        "website": provider.website,
        "endpoints": [_endpoint(endpoint) for endpoint in provider.endpoints],
        "interests": [msgspec.to_builtins(interest) for interest in provider.interests],
        "rows": [row.id for row in edition.rows_where(provider=name)],
        "badges": [
            {"model": model, "path": badges.badge_path(name, model)} for model in badges.models(edition, name)
        ],
        "page": provider_url(name),
    }


def _endpoint(endpoint: Endpoint) -> Object:
    """An endpoint as its file states it, but for the last day of each price, which the next one may set."""
    models = tuple(
        msgspec.structs.replace(served, prices=cost.held(served.prices)) for served in endpoint.models
    )
    stated: Object = msgspec.to_builtins(msgspec.structs.replace(endpoint, models=models))
    return stated


def _submissions(edition: Edition) -> Object:
    return {"submissions": [_submission(edition, name) for name in edition.repository.submissions]}


def _submission(edition: Edition, name: str) -> Object:
    submission, one = edition.repository.submissions[name], edition.lives.get(name)
    folder = f"submissions/{name}"
    windows: Sequence[Mapping[str, Any]] = [
        {
            "path": f"{folder}/{entry.file}",
            "raw": raw_url(f"{folder}/{entry.file}"),
            "sha256": entry.sha256,
            "bytes": entry.bytes,
        }
        for entry in submission.windows
    ]
    return {
        "id": name,
        "provider": name.partition("/")[0],
        "title": submission.title,
        "origin": submission.origin,
        "submitted": str(submission.submitted),
        "registered": name in edition.repository.registrations,
        "claims": [msgspec.to_builtins(claim) for claim in submission.claims],
        "verdicts": [verdict.as_data(each) for each in edition.verdicts[name].claims],
        "disclosures": msgspec.to_builtins(submission.disclosures),
        "windows": windows,
        "state": str(one.state) if one else str(life.State.STANDING),
        "superseded_by": one.superseded_by if one else None,
        "events": _events(edition, name),
        "reruns": sorted(rerun for rerun in edition.repository.reruns if rerun.startswith(f"{name}/")),
        "page": submission_url(name),
    }


def _registrations(edition: Edition) -> Object:
    plans = registrations.deliveries(edition)
    return {"registrations": [_registration(edition, one) for one in plans]}


def _registration(edition: Edition, one: Delivery) -> Object:
    registration = edition.repository.registrations[one.submission]
    is_delivered = one.state is State.DELIVERED
    return {
        "id": one.submission,
        "provider": one.submission.partition("/")[0],
        "registered": f"{registration.registered:%Y-%m-%dT%H:%M:%SZ}",
        "by": msgspec.to_builtins(registration.by),
        "methodology": msgspec.to_builtins(registration.methodology),
        "vantage": registration.vantage,
        "seed": registration.seed,
        "deadline": str(one.due),
        "windows": [
            {
                "endpoint": planned.endpoint,
                "model": planned.model,
                "scenario": planned.scenario,
                "not_before": f"{planned.not_before:%Y-%m-%dT%H:%M:%SZ}",
            }
            for planned in registration.windows
        ],
        "state": str(one.state),
        "submitted": str(one.submitted) if one.submitted else None,
        "missing": list(registrations.missing(edition, one.submission)) if is_delivered else None,
        "page": submission_url(one.submission) if is_delivered else None,
    }


def _events(edition: Edition, folder: str) -> list[Object]:
    """Every event of a history, as it was recorded."""
    found = edition.repository.histories.get(folder)
    return [
        {
            "kind": event.kind,
            "at": _second(event.at),
            "by": _account(event.by),
            "reason": event.reason,
            "link": event.link,
            "dispute": event.dispute,
            "approvals": [_account(person) for person in event.approvals],
            "superseded_by": event.superseded_by,
        }
        for event in (found.events if found else ())
    ]


def _disputes(edition: Edition) -> Object:
    found = (dispute for one in edition.lives.values() for dispute in one.disputes)
    return {"disputes": [_dispute(edition, dispute) for dispute in found]}


def _dispute(edition: Edition, dispute: life.Dispute) -> Object:
    case = dispute.case
    events = _events(edition, dispute.folder)
    return {
        "id": dispute.id,
        "folder": dispute.folder,
        "number": dispute.number,
        "state": str(dispute.phase),
        "in_effect": dispute.is_in_effect,
        "sentence": life.sentence(dispute, edition.now),
        "opened": _second(dispute.opened.at),
        "by": _account(dispute.opened.by),
        "rule": case.rule,
        "row": case.row,
        "reason": dispute.opened.reason,
        "evidence": list(case.evidence),
        "figure": msgspec.to_builtins(case.figure),
        "interests": None if case.interests is None else msgspec.to_builtins(list(case.interests)),
        "answer_due": _second(dispute.answer_due),
        "suspended_until": _second(dispute.suspended_until),
        "events": [event for event in events if event["dispute"] == dispute.number],
        "page": dispute_url(dispute.id),
    }


def _account(person: GitHub | None) -> Object | None:
    return None if person is None else {"login": person.login, "id": person.id}


def _second(time: dt.datetime | None) -> str | None:
    return None if time is None else f"{time.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _versions(edition: Edition) -> Object:
    return {"versions": [_version(edition, version) for version in edition.versions]}


def _version(edition: Edition, version: Version) -> Object:
    values = edition.repository.methodologies.get(version.version)
    return {
        "version": version.version,
        "state": version.state,
        "sha256": version.sha256,
        "ratified_by": version.ratified_by,
        "date": str(version.date) if version.date else None,
        "changes": version.changes,
        "page": methodology_url(version.version) if values else None,
        "values": msgspec.to_builtins(values) if values else None,
    }


def _governance(edition: Edition) -> Iterator[tuple[str, str, Maker]]:
    """Who decides, and each proposal's tally; nothing where no rules are in force."""
    repository = edition.repository
    register = governance.register_of(repository)
    if register is None:
        return
    for name in repository.proposals:
        yield _tally_path(name), "tally", functools.partial(governance.tally_data, edition.tallies[name])
        if name in edition.impacts:
            yield f"impacts/{name}.json", "impact", functools.partial(_impact, edition, name)
    yield "governance.json", "governance", functools.partial(_board, edition, register)


def _tally_path(proposal: str) -> str:
    return f"tallies/{proposal}.json"


def _impact(edition: Edition, proposal: str) -> Object:
    found = edition.impacts[proposal]
    ties = impact.ties_of(edition.repository, found.providers, edition.now)
    return impact.impact_data([found], ties)


def _board(edition: Edition, register: governance.Register) -> Object:
    repository = edition.repository
    about = governance.matters(register, repository.proposals)
    recusals = governance.conflicts(register, about, edition.now)
    return {
        "founding": list(governance.founding_at(register, edition.now).gaps),
        "members": _members(edition, register),
        "conflicts": governance.conflicts_data(recusals),
        "own_house": [
            {"group": hold.group, "rule": hold.rule, "why": hold.why}
            for hold in governance.own_house(register, edition.now)
        ],
        "custody": [msgspec.to_builtins(entry) for entry in repository.custody],
        "funding": [msgspec.to_builtins(entry) for entry in repository.funding],
        "withheld": {name: list(why) for name, why in governance.withheld(register, edition.now).items()},
        "proposals": [
            {
                "id": name,
                "title": proposal.title,
                "kind": proposal.kind,
                "outcome": str(edition.tallies[name].outcome),
                "tally": _tally_path(name),
                "page": proposal_url(name),
            }
            for name, proposal in repository.proposals.items()
        ],
    }


def _members(edition: Edition, register: governance.Register) -> list[Object]:
    seats = governance.seats_at(register, governance.day_of(edition.now))
    by_member = {
        seat.member: {
            "state": str(seat.state),
            "organisation": seat.organisation,
            "group": seat.group,
            "speaks": seat.speaks,
            "rule": seat.rule,
            "why": seat.why,
        }
        for seat in seats
    }
    return [
        {
            "id": name,
            "name": member.name,
            "github": msgspec.to_builtins(member.github),
            "roles": list(member.roles),
            "seated": str(member.seated),
            "term_until": str(member.term_until),
            "seat": by_member.get(name),
        }
        for name, member in register.members.items()
    ]


def _snapshots(edition: Edition) -> Object:
    found = [
        {
            "quarter": quarter,
            "as_of": _second(frozen.snapshot.generated_at),
            "commit": frozen.snapshot.commit,
            "rows": len(frozen.snapshot.rows),
            "page": f"snapshots/{quarter}/",
            "files": [f"snapshots/{quarter}/{name}" for name in frozen.files],
        }
        for quarter, frozen in edition.snapshots.items()
    ]
    return {"snapshots": found}


def _rules() -> Object:
    return {"rules": [_rule(code) for code in RULES]}


def _rule(code: str) -> Object:
    rule = RULES[code]
    return {
        "code": code,
        "title": rule.title,
        "severity": str(rule.severity),
        "why": rule.why,
        "fix": rule.fix,
        "page": f"rules/#{code.lower()}",
    }
