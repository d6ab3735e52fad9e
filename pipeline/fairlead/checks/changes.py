"""What a change may not do to what was there before. Knows no git: the base state is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from fairlead import documents, governance, snapshots
from fairlead.checks.context import Context, at
from fairlead.documents import Unreadable, problem_of
from fairlead.history import Base, Trail, blob_digest
from fairlead.problems import Problem, listed, pointer, quote
from fairlead.repository import (
    ARCHIVE_PATH,
    CHARTER_PATH,
    MODELS_PATH,
    ORGANISATIONS_PATH,
    RULES_PATH,
    VANTAGES_PATH,
    VERSIONS_PATH,
    FileKind,
    Repository,
    kind_of,
)
from fairlead.windows import MAX_COMPRESSED_BYTES

_RAW = (FileKind.WINDOW, FileKind.CALIBRATION)
_FROZEN_STATES = ("ratified", "superseded")


def not_checked() -> Problem:
    """The notice that nothing could be proven."""
    message = "this folder is not under git, so the append-only rules were skipped"
    return problem_of(".", "HIS007", message, fix="run the check in a git checkout")


def check_raw_files(repository: Repository, context: Context) -> Iterator[Problem]:
    """No published window or certificate changes or goes, but into an archive."""
    yield from _kept(repository, context, _RAW, "HIS001", "restore it; a correction is a new submission")


def check_registrations(repository: Repository, context: Context) -> Iterator[Problem]:
    """No merged registration changes or goes."""
    fix = "restore it; to plan something else, register again"
    yield from _kept(repository, context, (FileKind.REGISTRATION,), "HIS002", fix)
    for path in sorted(context.trail.changes) if context.trail is not None else ():
        if context.trail is not None and kind_of(path) is FileKind.REGISTRATION:
            yield from _as_first_merged(repository, context.base, context.trail, path, fix)


def _as_first_merged(
    repository: Repository, base: Base | None, trail: Trail, path: str, fix: str
) -> Iterator[Problem]:
    """What was done to a registration by earlier merges; what this change does to it is said by the base."""
    merged, found = trail.added(path), _bytes(repository, path)
    is_said = base is not None and path in base.files and (found is None or base.differs(path, found))
    if merged is None or merged.blob is None or is_said:
        return
    since = merged.merge.commit[:12]
    if found is None:
        yield problem_of(path, "HIS002", f"it was removed since {since}, which merged it", fix=fix)
    elif blob_digest(found, len(merged.blob)) != merged.blob:
        yield problem_of(path, "HIS002", f"it was changed since {since}, which merged it", fix=fix)


def _kept(
    repository: Repository, context: Context, kinds: tuple[FileKind, ...], code: str, fix: str
) -> Iterator[Problem]:
    if context.base is None:
        return
    for path in sorted(context.base.files):
        if kind_of(path) in kinds and path not in repository.archived:
            yield from unchanged(repository, context.base, path, code, fix)


def unchanged(repository: Repository, base: Base, path: str, code: str, fix: str) -> Iterator[Problem]:
    """A problem if a file is gone, or has other bytes than at the base."""
    found = _bytes(repository, path)
    if found is None:
        yield problem_of(path, code, f"it was removed since {base.commit[:12]}", fix=fix)
    elif base.differs(path, found):
        yield problem_of(path, code, f"it was changed since {base.commit[:12]}", fix=fix)


def _bytes(repository: Repository, path: str) -> bytes | None:
    try:
        return documents.read_bounded(repository.root / path, MAX_COMPRESSED_BYTES)
    except Unreadable:
        return None


def _base_data(base: Base, path: str) -> Mapping[str, Any]:
    """What a YAML file said; empty where there was none, or nobody could read it."""
    if path not in base.files:
        return {}
    document, _ = documents.parse(base.read(path), path)
    return document.data if document is not None and isinstance(document.data, dict) else {}


def _entries(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    entries = data.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


# -- methodology ---------------------------------------------------------------------------------


def check_ratified_versions(repository: Repository, context: Context) -> Iterator[Problem]:
    """The files of a ratified version, and its entry, stay what the vote ratified."""
    base = context.base
    if base is None:
        return
    for entry in _entries(_base_data(base, VERSIONS_PATH), "versions"):
        version = entry.get("version")
        if entry.get("state") not in _FROZEN_STATES or not isinstance(version, str):
            continue
        fix = "restore it; to change the method, propose a new version"
        folder = f"methodology/versions/{version}/"
        for path in sorted(path for path in base.files if path.startswith(folder)):
            yield from unchanged(repository, base, path, "HIS003", fix)
        for path in repository.kinds:
            if path.startswith(folder) and path not in base.files:
                yield problem_of(path, "HIS003", f"it was added to the frozen version {version}", fix=fix)
        yield from _entry_kept(repository, entry, version)


def _entry_kept(repository: Repository, entry: Mapping[str, Any], version: str) -> Iterator[Problem]:
    document = repository.documents.get(VERSIONS_PATH)
    if document is None or not isinstance(document.data, dict):
        return
    now = _entries(document.data, "versions")
    index = next((i for i, found in enumerate(now) if found.get("version") == version), None)
    if index is None:
        message = f"the entry of the frozen version {version} was removed"
        yield at(repository, VERSIONS_PATH, "HIS003", "/versions", message, key=True, fix="restore the entry")
        return
    for key in ("state", "sha256", "ratified_by", "date"):
        was, found = entry.get(key), now[index].get(key)
        is_next = key == "state" and (was, found) == ("ratified", "superseded")
        if found != was and not is_next:
            where = pointer("versions", index, key)
            message = f"the frozen version {version} had {quote(was, 80)}"
            yield at(repository, VERSIONS_PATH, "HIS003", where, message, fix="restore it")


# -- histories and ids ---------------------------------------------------------------------------


def check_histories(repository: Repository, context: Context) -> Iterator[Problem]:
    """Events are added at the end; none that was merged is edited, moved or removed."""
    base = context.base
    for path in sorted(base.files) if base is not None else ():
        if base is None or kind_of(path) not in (FileKind.HISTORY, FileKind.PROPOSAL):
            continue
        document = repository.documents.get(path)
        if document is None:
            if path not in repository.kinds and kind_of(path) is FileKind.HISTORY:
                yield problem_of(path, "HIS004", "the history was removed", fix="restore the file")
            continue
        before = _entries(_base_data(base, path), "events")
        after = _entries(document.data, "events") if isinstance(document.data, dict) else []
        for index, event in enumerate(before):
            if index >= len(after) or after[index] != event:
                where = pointer("events", min(index, max(len(after) - 1, 0)))
                message = f"event {index + 1} is not the one that was merged"
                fix = "restore the events that were there, and add a new one below them"
                yield at(repository, path, "HIS004", where, message, fix=fix)
                break


def check_votes(repository: Repository, context: Context) -> Iterator[Problem]:
    """Ballots are only ever added; who may vote on what, where and until when, stays as at the opening.

    But for an amended text that is put to the vote anew.
    """
    base = context.base
    for path in sorted(base.files) if base is not None else ():
        document = repository.documents.get(path)
        if base is None or kind_of(path) is not FileKind.BALLOT or document is None:
            continue
        before, after = _base_data(base, path), document.data if isinstance(document.data, dict) else {}
        fix = "restore it; a ballot that was edited or corrected is one more entry"
        found = _entries(after, "ballots")
        for index, entry in enumerate(_entries(before, "ballots")):
            if entry not in found:
                message = f"ballot {index + 1} of those that were merged is gone or was changed"
                yield at(repository, path, "HIS008", "/ballots", message, key=True, fix=fix)
        if _votings(_base_data(base, _proposal_of(path))) < _votings(_data(repository, _proposal_of(path))):
            continue
        for key in ("proposal_sha256", "class", "opens", "closes", "electorate", "rules"):
            if before and before.get(key) != after.get(key):
                message = "it is not what it was when the vote opened"
                fix = "restore it; to vote on another text, add the events `amended` and `voting`"
                yield at(repository, path, "HIS008", f"/{key}", message, key=True, fix=fix)
        stated = _proposal_of(path)
        was, now = _base_data(base, stated).get("pull"), _data(repository, stated).get("pull")
        if was not in (None, now) and stated in repository.documents:
            message = f"the ballots were cast in pull request {was}"
            fix = "restore it; another pull request takes another vote"
            yield at(repository, stated, "HIS008", "/pull", message, key=True, fix=fix)


def _proposal_of(ballot_path: str) -> str:
    return ballot_path.replace("/ballot.yaml", "/proposal.yaml")


def _data(repository: Repository, path: str) -> Mapping[str, Any]:
    document = repository.documents.get(path)
    return document.data if document is not None and isinstance(document.data, dict) else {}


def _votings(proposal: Mapping[str, Any]) -> int:
    return sum(event.get("kind") == "voting" for event in _entries(proposal, "events"))


def check_rules(repository: Repository, context: Context) -> Iterator[Problem]:
    """Once votes can be held, the rules and the charter change to a text that a vote accepted."""
    base, register = context.base, governance.register_of(repository)
    if base is None or register is None or governance.founding_at(register, context.now).gaps:
        return
    for path, kind in ((RULES_PATH, "rules"), (CHARTER_PATH, "charter")):
        found = _bytes(repository, path)
        if path not in base.files or found is None or not base.differs(path, found):
            continue
        name = path.rpartition("/")[2]
        accepted = (
            _bytes(repository, f"methodology/proposals/{proposal}/{name}")
            for proposal, stated in repository.proposals.items()
            if stated.kind == kind and _is_accepted(repository, proposal, context)
        )
        if found not in accepted:
            message = f"no accepted proposal of the kind {quote(kind)} holds this text"
            fix = f"restore it; to change it, propose: the new text is `{name}` in the proposal's folder"
            yield problem_of(path, "GOV015", message, fix=fix)


def _is_accepted(repository: Repository, proposal: str, context: Context) -> bool:
    made = context.tally(repository, proposal)
    return made is not None and made.outcome is governance.Outcome.ACCEPTED


_LASTING = (
    FileKind.PROVIDER,
    FileKind.SUBMISSION,
    FileKind.ROUNDS,
    FileKind.RERUN,
    FileKind.PROPOSAL,
    FileKind.BALLOT,
    FileKind.MEMBER,
)
_LASTING_IDS = ((MODELS_PATH, "models"), (VANTAGES_PATH, "vantages"), (ORGANISATIONS_PATH, "organisations"))


def check_ids_stay(repository: Repository, context: Context) -> Iterator[Problem]:
    """Nothing that has an id is removed or renamed."""
    base = context.base
    if base is None:
        return
    for path in sorted(base.files):
        if kind_of(path) in _LASTING and path not in repository.kinds:
            fix = "restore the file; what ends gets a status, an event or a last day"
            yield problem_of(path, "HIS006", "it was removed or renamed, and its id with it", fix=fix)
    for path, key in _LASTING_IDS:
        document = repository.documents.get(path)
        if document is None or not isinstance(document.data, dict):
            continue
        now = {entry.get("id") for entry in _entries(document.data, key)}
        gone = [entry["id"] for entry in _entries(_base_data(base, path), key) if entry.get("id") not in now]
        if gone:
            message = f"removed or renamed: {listed(map(str, gone))}"
            yield at(repository, path, "HIS006", f"/{key}", message, key=True, fix="restore the entries")


# -- one kind of thing ---------------------------------------------------------------------------


def check_one_kind(repository: Repository, context: Context) -> Iterator[Problem]:
    """A change touches one thing: a provider, a submission, the method, its governance, or the code."""
    base = context.base
    if base is None:
        return
    groups: dict[str, str] = {}
    for path in sorted(_changed(repository, base)):
        is_archive = path == ARCHIVE_PATH or path in repository.archived
        groups.setdefault("the archive" if is_archive else _group(path), path)
    for path in base.elsewhere:
        groups.setdefault("the code", path)
    if len(groups) > 1:
        (kind, first), *others = groups.items()
        for other, path in others:
            message = f"this change also touches {kind} ({first}), and this is {other}"
            yield problem_of(path, "HIS005", message, fix="make one pull request for each")


def _changed(repository: Repository, base: Base) -> Iterator[str]:
    for path in base.files.keys() | repository.kinds.keys() | set(snapshots.paths(repository.root)):
        found = _bytes(repository, path)
        if found is None or base.differs(path, found):
            yield path


def _group(path: str) -> str:
    parts = PurePosixPath(path).parts
    if parts[0] == "providers":
        return f"the provider {parts[-1].removesuffix('.yaml')}"
    if parts[:2] == ("submissions", "neutral"):
        return "neutral rounds"
    if parts[0] == "submissions":
        kind = "the rerun of " if "reruns" in parts else "the submission "
        return kind + "/".join(parts[1:3])
    if path.startswith(snapshots.FOLDER + "/"):
        return f"the snapshot {parts[2]}"
    return "governance" if parts[:2] == ("methodology", "governance") else "the methodology"
