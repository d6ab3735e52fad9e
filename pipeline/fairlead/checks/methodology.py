"""Versions of the method: their names, states, digests and limits. Knows no result."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

from fairlead.checks.context import Context, at
from fairlead.model import Methodology, MethodologyRef, Scenario
from fairlead.problems import Problem, pointer, quote
from fairlead.repository import VERSIONS_PATH, Repository
from fairlead.windows import digest


def text_path(version: str) -> str:
    """Where the numbers of a version are."""
    return f"methodology/versions/{version}/methodology.yaml"


def text_digest(repository: Repository, version: str) -> str | None:
    """The sha256 of a version's methodology.yaml; None where there is no such file."""
    document = repository.documents.get(text_path(version))
    return None if document is None else digest(document.text.encode())


def check_versions(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A folder and its file name one version; each version is listed, and each listed one has a folder."""
    for version, text in repository.methodologies.items():
        path = text_path(version)
        if text.version != version:
            message = f"the folder says {quote(version)}"
            fix = f"write `version: {version}`, or rename the folder"
            yield at(repository, path, "MET001", "/version", message, expected=quote(version), fix=fix)
        if (
            version not in repository.versions
            and VERSIONS_PATH in repository.documents.keys() - repository.broken
        ):
            fix = f"add an entry `version: {version}` with `state: draft` to {VERSIONS_PATH}"
            yield at(
                repository, path, "MET002", "/version", f"{VERSIONS_PATH} does not list it", key=True, fix=fix
            )
    for index, version in enumerate(repository.versions):
        if text_path(version) not in repository.kinds:
            where = pointer("versions", index, "version")
            fix = "add the folder, or remove the entry of a draft that was dropped"
            yield at(repository, VERSIONS_PATH, "MET002", where, f"there is no {text_path(version)}", fix=fix)


def check_digests(repository: Repository, context: Context) -> Iterator[Problem]:
    """A ratified version has its vote and its digest; whoever names a version names the text it has."""
    for index, (version, entry) in enumerate(repository.versions.items()):
        found = text_digest(repository, version)
        if entry.sha256 is not None and found is not None and found != entry.sha256:
            where = pointer("versions", index, "sha256")
            fix = f"restore {text_path(version)}; a new text is a new version"
            message = f"{text_path(version)} has another digest"
            yield at(repository, VERSIONS_PATH, "MET003", where, message, expected=quote(found, 80), fix=fix)
        if entry.state in ("ratified", "superseded"):
            for key in ("sha256", "ratified_by", "date"):
                if getattr(entry, key) is None:
                    message = f"{entry.state} without `{key}`"
                    fix = f"give `{key}`, or write `state: candidate`"
                    where = pointer("versions", index, key)
                    yield at(repository, VERSIONS_PATH, "MET004", where, message, fix=fix)
    for path, reference in _references(repository):
        found = text_digest(repository, reference.version)
        if found is not None and found != reference.sha256:
            message = f"methodology {reference.version} has another digest"
            fix = "use a version whose text it is"
            if context.trail is not None and context.trail.added(path) is not None:
                fix = (
                    f"restore {text_path(reference.version)}: a plan rests on it; a new text is a new version"
                )
            yield at(
                repository, path, "MET006", "/methodology/sha256", message, expected=quote(found, 80), fix=fix
            )


def _references(repository: Repository) -> Iterator[tuple[str, MethodologyRef]]:
    for name, registration in repository.registrations.items():
        yield f"submissions/{name}/registration.yaml", registration.methodology
    for name, rounds in repository.rounds.items():
        yield f"submissions/neutral/{name}/rounds.yaml", rounds.methodology
    for name, rerun in repository.reruns.items():
        yield f"submissions/{name}/rerun.yaml", rerun.methodology


def check_candidates(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A version that is to be voted on states every number."""
    for version, text in repository.methodologies.items():
        entry = repository.versions.get(version)
        if entry is None or entry.state != "candidate":
            continue
        for name in _LEFT_OUT_BY_DRAFTS:
            if functools.reduce(getattr, name.split("."), text) is None:
                *above, key = name.split(".")
                message = f"a candidate without `{name}`"
                fix = f"add `{key}`, or write `state: draft` in {VERSIONS_PATH}"
                yield at(repository, text_path(version), "MET009", pointer(*above), message, fix=fix)


_LEFT_OUT_BY_DRAFTS = (
    "limits.lag_p99_ms",
    "calibration.lag_p99_ms",
    "statistics.intervals",
    "time",
    "fidelity",
    "smoothness",
    "integrity",
    "verdict.stopping",
)


def check_loads(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A scenario is a closed loop or an open one, with what that needs and nothing else."""
    for version, text in repository.methodologies.items():
        for index, scenario in enumerate(text.scenarios):
            for key, message in _load_faults(scenario):
                where = pointer("scenarios", index, key)
                fix = f"write `{key}: null`" if getattr(scenario, key) is not None else f"give `{key}`"
                yield at(repository, text_path(version), "MET005", where, message, fix=fix)


def _load_faults(scenario: Scenario) -> Iterator[tuple[str, str]]:
    # An open loop may state its bound: the most requests under way.
    needed = ("concurrency",) if scenario.kind == "closed" else ("rate_per_s", "arrivals")
    for key in ("concurrency", "rate_per_s", "arrivals") if scenario.kind == "closed" else needed:
        if (getattr(scenario, key) is not None) != (key in needed):
            has = "without" if key in needed else "with"
            article = "a closed" if scenario.kind == "closed" else "an open"
            yield key, f"{article} loop {has} `{key}`"


def check_limits(repository: Repository, _context: Context) -> Iterator[Problem]:
    """The limits of one version do not exclude each other."""
    for version, text in repository.methodologies.items():
        for smaller, larger in _ORDERED_LIMITS:
            if _limit(text, smaller) > _limit(text, larger):
                where = pointer(*smaller.split("."))
                message = f"more than `{larger}`, {_limit(text, larger):g}"
                expected = f"at most {_limit(text, larger):g}"
                fix = f"lower it, or raise `{larger}`"
                yield at(repository, text_path(version), "MET007", where, message, expected=expected, fix=fix)
        looks = text.verdict.stopping.looks if text.verdict.stopping else ()
        for place, (before, after) in enumerate(itertools.pairwise(looks), start=1):
            if after <= before:
                where = pointer("verdict", "stopping", "looks", place)
                message, expected = f"not after the look before it, {before}", f"more than {before}"
                fix = "write the looks in rising order, each once"
                yield at(repository, text_path(version), "MET007", where, message, expected=expected, fix=fix)


_ORDERED_LIMITS = (
    ("timeouts.connect_ms", "timeouts.total_ms"),
    ("timeouts.first_chunk_ms", "timeouts.total_ms"),
    ("ranking.stale_badge_days", "ranking.stale_unranked_days"),
)


def _limit(text: Methodology, name: str) -> float:
    part, _, key = name.partition(".")
    return float(getattr(getattr(text, part), key))
