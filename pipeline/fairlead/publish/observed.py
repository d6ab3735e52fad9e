"""Time profiles and findings of a model's rows, as data files hold them. Knows no HTML and judges nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from fairlead import profile, ranking, smoothness
from fairlead.fidelity import Caching, Finding
from fairlead.metrics import Undefined
from fairlead.profile import Bin, Coverage, Drift, Sampling
from fairlead.publish import findings, time
from fairlead.publish.edition import Edition, by_family, raw_url
from fairlead.publish.findings import ModelFindings, RowFindings
from fairlead.publish.time import RowTime
from fairlead.ranking import Row

Object = dict[str, Any]


# -- time ----------------------------------------------------------------------------------------


def profiles(edition: Edition, model: str) -> Object:
    """Hours of the day, coverage and drift of each row; a row without a time of its own says why."""
    rows = edition.rows_where(model=model)
    found = []
    for family, members in by_family(rows).items():
        methodology = ranking.methodology_of(edition.repository.methodologies, family.methodology)
        of_family = time.family_time(edition, members)
        found += [
            {"day_seconds": methodology.day_seconds, **_row_time(row, item, of_family.told)}
            for row, item in of_family.rows
        ]
    return {"model": model, "rows": sorted(found, key=lambda row: str(row["id"]))}


def _row_time(row: Row, item: RowTime | Undefined, told: frozenset[tuple[str, str]]) -> Object:
    if isinstance(item, Undefined):
        return {"id": row.id, "reason": item.reason, "coverage": None, "hours": [], "drift": []}
    return {
        "id": row.id,
        "reason": None,
        "coverage": _coverage(item.coverage),
        "hours": [_hour(found) for found in item.hours if found.sampling is not Sampling.EMPTY],
        "drift": [
            _drift(metric, found, stands=(row.id, metric) in told) for metric, found in item.drifts.items()
        ],
    }


def _coverage(found: Coverage) -> Object:
    gap_ns = found.longest_gap_ns
    return {
        "hours_sampled": found.hours.count(Sampling.SAMPLED),
        "hours_invalid": found.hours.count(Sampling.INVALID),
        "hours_of": profile.HOURS,
        "days": found.days,
        "days_span": found.days_span,
        "longest_gap_s": None if gap_ns is None else gap_ns / 1e9,
        "windows": found.windows,
        "invalid": found.invalid,
        "untimed": found.untimed,
    }


def _hour(found: Bin) -> Object:
    return {
        "hour": found.place,
        "windows": found.windows,
        "invalid": found.invalid,
        "requests": found.requests,
        "successes": found.successes,
        "figures": {name: msgspec.to_builtins(estimate) for name, estimate in found.figures.items()}
        if found.windows
        else {},
    }


def _drift(metric: str, found: Drift | Undefined, *, stands: bool) -> Object:
    """``share`` is null where no number holds it."""
    if isinstance(found, Undefined):
        numbers = dict.fromkeys(("share_per_day", "share", "p_value", "days", "days_span"))
        return {"metric": metric, "stands": False, **numbers, "reason": found.reason}
    return {
        "metric": metric,
        "stands": stands,
        "share_per_day": _finite(found.share_per_day),
        "share": _finite(found.share),
        "p_value": found.p_value,
        "days": found.days,
        "days_span": found.days_span,
        "reason": None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# -- findings ------------------------------------------------------------------------------------


def model_findings(edition: Edition, model: str) -> Object:
    """What the replies of each row show, by each methodology version that says what a finding is."""
    rows = findings.measured(edition.rows_where(model=model))
    return {
        "model": model,
        "versions": [_version(version, found) for version, found in findings.by_version(edition, rows)],
    }


def _version(version: str, found: ModelFindings) -> Object:
    return {
        "methodology": version,
        "rows": [_row(each, found) for each in sorted(found.rows, key=lambda each: each.row.id)],
        "not_judged": [
            {"question": question, "reason": reason} for question, reason in found.judgement.reasons.items()
        ],
    }


def _row(each: RowFindings, found: ModelFindings) -> Object:
    return {
        "id": each.row.id,
        "statements": [_statement(statement) for statement in each.statements],
        "caching": None if each.caching is None else _caching(each.caching),
        "fidelity": list(_fidelity(each.row, found)),
    }


def _statement(statement: smoothness.Statement) -> Object:
    return {
        "pattern": str(statement.pattern),
        "shown": statement.shown,
        "of": statement.of,
        "words": statement.words,
    }


def _caching(found: Caching) -> Object:
    return {
        "ratio": msgspec.to_builtins(found.ratio),
        "first_ms": found.first_ms,
        "again_ms": found.again_ms,
        "said_cached": found.said_cached,
        "said": found.said,
        "words": found.words,
    }


def _fidelity(row: Row, found: ModelFindings) -> Iterator[Object]:
    """The findings of the row's company group, with the requests of this row's own windows."""
    own = {item.path for item in row.valid}
    for finding in found.judgement.findings:
        providers = found.members[finding.provider]
        requests = [(path, numbers) for path, numbers in finding.requests if path in own]
        if row.provider in providers and requests:
            yield {**_judged(finding), "providers": list(providers), "requests": _requests(requests)}


def _judged(finding: Finding) -> Object:
    score = finding.score
    return {
        "question": finding.question,
        "answered": score.answered,
        "right": score.right,
        "expected": score.expected,
        "bound": score.bound,
        "p_value": score.p_value,
    }


def _requests(requests: list[tuple[str, tuple[int, ...]]]) -> list[Object]:
    return [
        {"path": path, "raw": raw_url(path), "requests": list(numbers)} for path, numbers in sorted(requests)
    ]
