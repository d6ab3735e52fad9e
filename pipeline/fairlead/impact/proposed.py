"""Which two states of the method a change or a proposal puts beside each other. Knows no page and no command.

Two cases. A change of files against an earlier commit: each window is scored by its own version, as that was
and as it is. A new version: the windows of the version in whose place it would come are scored by its
numbers, as far as they are the same measurement.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from fairlead import governance
from fairlead.cache import Cache
from fairlead.documents import Unreadable, read_bounded
from fairlead.evidence import evidence_under, load_evidence
from fairlead.governance import CLASS_OF_KIND, CLASSES, ChangeClass, Tally
from fairlead.history import Base
from fairlead.impact.effects import (
    DECIDED,
    Change,
    Impact,
    Scored,
    What,
    claim_name,
    compare,
    ordered,
    score,
)
from fairlead.impact.fields import Part, compare_values, compatibility, differences
from fairlead.model import Methodology, Proposal, Rules
from fairlead.problems import Problem
from fairlead.ranking import Evidence, version_order
from fairlead.repository import (
    CHARTER_PATH,
    MAX_PROSE_BYTES,
    RULES_PATH,
    FileKind,
    Repository,
    kind_of,
    read_value,
)
from fairlead.verdict import SubmissionVerdict

_VERSIONS = "methodology/versions/"
_NUMBERS, _PROSE = "methodology.yaml", "methodology.md"
_WHAT_OF_PART = {
    Part.MEASURED: What.RULE,
    Part.RULE: What.RULE,
    Part.FIGURE: What.NUMBER,
    Part.WORDS: What.WORDS,
}


# -- a change against a base ---------------------------------------------------------------------


def repository_at(base: Base, repository: Repository) -> Repository:
    """The repository with the method and the rules of votes as they were; all else as it is.

    What could not be read then is as if it had not been there.
    """
    texts: dict[str, Methodology] = {}
    for path in base.files:
        if kind_of(path) is FileKind.METHODOLOGY:
            value, _ = read_value(base.read(path), path, FileKind.METHODOLOGY)
            if value is not None:
                texts[path.removeprefix(_VERSIONS).partition("/")[0]] = value
    rules = None
    if RULES_PATH in base.files:
        rules, _ = read_value(base.read(RULES_PATH), RULES_PATH, FileKind.RULES)
    return dataclasses.replace(repository, methodologies=texts, rules=rules)


def impacts_since(
    repository: Repository,
    base: Base,
    evidence: Sequence[Evidence],
    at: dt.datetime,
    cache: Cache | None = None,
) -> tuple[Impact, ...]:
    """What was changed since a base does; then what each version would do that is new or was rewritten.

    Raises:
        EnvironmentProblem: git cannot give a file.
    """
    was = repository_at(base, repository)
    # Windows of a version that there was not yet have nothing to be compared with.
    known = {None, *was.methodologies} if was.methodologies else set[str | None]()
    measured = [item for item in evidence if _version_of(item) in known]
    earlier, _ = evidence_under(repository, measured, was, cache)
    after = score(repository, measured, at)
    changes = compare(score(was, earlier, at), after)
    changes += _text_changes(was, repository)
    changes += _rule_changes(RULES_PATH, was.rules, repository.rules)
    for path in base.files:
        if path == CHARTER_PATH or (path.startswith(_VERSIONS) and kind_of(path) is FileKind.PROSE):
            changes += _prose_changes(path, base.read(path), _bytes(repository, path))
    title = f"The files as they are, beside those of {base.commit[:12]}"
    found = [Impact(title, tuple(ordered(changes)), after)]
    for version, text in repository.methodologies.items():
        old = predecessor(repository, version, at)
        if old is not None and was.methodologies.get(version) != text:
            found.append(impact_of_version(repository, old, version, evidence, at, cache))
    return tuple(found)


def _text_changes(was: Repository, now: Repository) -> Iterator[Change]:
    """What differs in the numbers of each version; a new one is a case of its own."""
    for version in sorted(was.methodologies):
        path = f"{_VERSIONS}{version}/{_NUMBERS}"
        if version in now.methodologies:
            yield from _number_changes(path, was.methodologies[version], now.methodologies[version])
        else:
            yield Change(What.RULE, path, "version", version, None)


def _number_changes(path: str, old: Methodology, new: Methodology) -> Iterator[Change]:
    for each in differences(old, new):
        if each.path != "version":
            yield Change(_WHAT_OF_PART[each.part], path, each.path, each.before, each.after)


def _rule_changes(path: str, old: Rules | None, new: Rules | None) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            yield Change(What.RULE, path, "rules", *("stated" if each else None for each in (old, new)))
        return
    for name, before, after in compare_values(old, new):
        yield Change(What.WORDS if name == "notes" else What.RULE, path, name, before, after)


def _prose_changes(path: str, old: bytes | None, new: bytes | None) -> Iterator[Change]:
    """A charter is a rule in words. The words of a method are words: its numbers stand elsewhere."""
    if old != new:
        what = What.RULE if path.endswith("charter.md") else What.WORDS
        found = [None if each is None else hashlib.sha256(each).hexdigest()[:12] for each in (old, new)]
        yield Change(what, path, "text", *found)


def _bytes(repository: Repository, path: str) -> bytes | None:
    try:
        return read_bounded(repository.root / path, MAX_PROSE_BYTES)
    except Unreadable:
        return None


# -- a new version -------------------------------------------------------------------------------


def predecessor(repository: Repository, version: str, at: dt.datetime) -> str | None:
    """The version in whose place another would come at a moment: the highest below it that was ratified by
    then, else the highest below it. None where it is the first."""
    entries, on = repository.versions, governance.day_of(at)
    below = sorted(
        (each for each in repository.methodologies if version_order(each) < version_order(version)),
        key=version_order,
    )
    days = {each: entries[each].date for each in below if each in entries}
    frozen = [each for each, day in days.items() if day is not None and day <= on]
    known = frozen or below
    return known[-1] if known else None


def impact_of_version(
    repository: Repository,
    old: str,
    new: str,
    evidence: Sequence[Evidence],
    at: dt.datetime,
    cache: Cache | None = None,
) -> Impact:
    """What a version would say of the windows of the one before, beside what that one says of them.

    Their rows keep the name that they have under the old version; the board holds no row of this.
    """
    texts = repository.methodologies
    fits = compatibility(texts[old], texts[new])
    same = {fit.scenario for fit in fits if fit.is_same}
    measured = [item for item in evidence if _version_of(item) == old]
    before = score(repository, measured, at)
    # The numbers of the new version, under the name that the windows and registrations state.
    other = dataclasses.replace(
        repository, methodologies={**texts, old: msgspec.structs.replace(texts[new], version=old)}
    )
    kept = [item for item in measured if item.scenario in same]
    rescored, _ = evidence_under(repository, kept, other, cache)
    after = score(other, rescored, at)
    comparable = Scored(
        tuple(row for row in before.rows if row.family.scenario in same),
        _verdicts_of(before, same),
    )
    after = Scored(after.rows, _verdicts_of(after, same))
    changes = compare(comparable, after)
    changes += _number_changes(f"{_VERSIONS}{new}/{_NUMBERS}", texts[old], texts[new])
    prose = [_bytes(repository, f"{_VERSIONS}{each}/{_PROSE}") for each in (old, new)]
    changes += _prose_changes(f"{_VERSIONS}{new}/{_PROSE}", *prose)
    return Impact(
        title=f"Version {new} in the place of {old}",
        changes=tuple(ordered(changes)),
        after=after,
        fits=fits,
        again=(
            *(row.id for row in before.rows if row.family.scenario not in same),
            *(
                claim_name(name, each)
                for name, found in before.verdicts.items()
                for each in found.claims
                if each.claim.scenario not in same and each.state in DECIDED
            ),
        ),
        old=old,
        new=new,
    )


def _version_of(item: Evidence) -> str | None:
    return item.head.methodology


def _verdicts_of(scored: Scored, same: set[str]) -> dict[str, SubmissionVerdict]:
    """The verdicts on claims under these scenarios."""
    return {
        name: dataclasses.replace(
            found, claims=tuple(each for each in found.claims if each.claim.scenario in same)
        )
        for name, found in scored.verdicts.items()
    }


# -- a proposal ----------------------------------------------------------------------------------


def impact_of_proposal(
    repository: Repository,
    name: str,
    evidence: Sequence[Evidence],
    now: dt.datetime,
    cache: Cache | None = None,
) -> Impact | None:
    """What a proposal would do, by the windows that were there when its vote opened, else by all.

    None where it changes no method and no rule in a way that files could say.
    """
    proposal, version = repository.proposals[name], repository.proposals[name].methodology_version
    at = moment_of(repository, name, now)
    measured = [item for item in evidence if item.head.end_unix_ns <= at.timestamp() * 1e9]
    if version is not None and version in repository.methodologies:
        old = predecessor(repository, version, at)
        if old is not None:
            return impact_of_version(repository, old, version, measured, at, cache)
        first = Change(What.RULE, f"{_VERSIONS}{version}/{_NUMBERS}", "version", None, version)
        return Impact(f"Version {version}, the first", (first,), Scored((), {}), new=version)
    return _impact_of_rules(repository, name, proposal, measured, at)


def _impact_of_rules(
    repository: Repository, name: str, proposal: Proposal, evidence: Sequence[Evidence], at: dt.datetime
) -> Impact | None:
    """What a proposal's text of the rules, or of the charter, would do in the place of today's."""
    target = {"rules": RULES_PATH, "charter": CHARTER_PATH}.get(proposal.kind)
    text = None
    if target is not None:
        path = f"methodology/proposals/{name}/{target.rpartition('/')[2]}"
        text = _bytes(repository, path)
    if target is None or text is None:
        return None
    before = after = score(repository, evidence, at)
    changes: list[Change] = []
    if target == RULES_PATH:
        rules, _ = read_value(text, path, FileKind.RULES)
        if rules is None:
            return None
        after = score(dataclasses.replace(repository, rules=rules), evidence, at)
        changes += [*compare(before, after), *_rule_changes(path, repository.rules, rules)]
    else:
        changes += _prose_changes(path, _bytes(repository, CHARTER_PATH), text)
    return Impact(f"{path} in the place of {target}", tuple(ordered(changes)), after)


def moment_of(repository: Repository, name: str, now: dt.datetime) -> dt.datetime:
    """When a proposal's impact is judged: when its vote opened, else now."""
    ballot = repository.ballots.get(name)
    return now if ballot is None else min(ballot.opens, now)


Windows: TypeAlias = tuple[Sequence[Evidence], Sequence[Problem]]
"""Every window of a repository that can be used, and the problems of the others."""


def computed_class(
    repository: Repository,
    name: str,
    now: dt.datetime,
    *,
    read: Callable[[], Windows] | None = None,
    cache: Cache | None = None,
) -> ChangeClass | None:
    """The class of a proposal by what it does; None where its kind decides it, or nothing can be computed.

    ``read``: how the windows are had, where somebody has them; else from their files, and ``cache``.
    """
    if not _is_scored(repository, repository.proposals[name]):
        return None
    evidence, problems = read() if read is not None else load_evidence(repository, cache)
    if problems:
        return None
    found = impact_of_proposal(repository, name, evidence, now, cache)
    return None if found is None else found.change_class


def tally_proposal(
    repository: Repository,
    name: str,
    now: dt.datetime,
    *,
    least: ChangeClass | None = None,
    read: Callable[[], Windows] | None = None,
    cache: Cache | None = None,
) -> Tally | None:
    """A proposal's outcome, a vote below its computed class being void; None where no rules are in force.

    A vote that was opened for a major change can be void for no class, so nothing is computed for it. Where
    windows are in a store, and not at hand, the class counts that the vote was opened for: that they were
    moved makes no vote void. ``least``: the least class to count it as, where more is known than the files
    say. ``read``, ``cache``: as in :func:`computed_class`.
    """
    ballot, computed = repository.ballots.get(name), least
    if ballot is not None and ballot.class_ != "major":
        once = functools.cache(read or functools.partial(load_evidence, repository, cache))
        found = computed_class(repository, name, now, read=once, cache=cache)
        if found is None and _is_scored(repository, repository.proposals[name]) and _are_away(once()[1]):
            found = ballot.class_
        known = [each for each in (found, least) if each is not None]
        computed = max(known, key=CLASSES.index, default=None)
    return governance.tally_proposal(repository, name, now, computed)


def _is_scored(repository: Repository, proposal: Proposal) -> bool:
    """Whether what it does decides its class, and a version that is here says what that is."""
    return proposal.kind not in CLASS_OF_KIND and proposal.methodology_version in repository.methodologies


def _are_away(problems: Sequence[Problem]) -> bool:
    """Whether nothing is wrong with the windows but that a store holds some of them."""
    return bool(problems) and all(problem.code == "ARC005" for problem in problems)
