"""Plans before results, by the right people, as git remembers their merges. Knows no raw byte; runs no git.

A file counts from the first-parent commit that first added it. What is not in that history is not merged
yet, and is judged against what is. Three clocks meet here: the forge's dates the merges, the provider's
dates the windows, ours is not asked. None of them proves honesty: whoever measured in private before he
registered looks like whoever did not, which is why only neutral windows rank.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fairlead import documents
from fairlead.checks.context import Context, at
from fairlead.checks.providers import is_nobodys
from fairlead.documents import problem_of
from fairlead.history import Change, Trail, blob_digest
from fairlead.model import GitHub, window_start
from fairlead.problems import Problem
from fairlead.repository import FileKind, Repository

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _folder(name: str) -> str:
    return f"submissions/{name}"


def _windows_of(repository: Repository) -> dict[str, list[str]]:
    """The paths of each claim's own windows, by the submission's name; without rounds and reruns."""
    found: dict[str, list[str]] = {}
    for path in repository.paths_of(FileKind.WINDOW):
        parts = path.split("/")
        if len(parts) == 5 and parts[1] != "neutral":
            found.setdefault("/".join(parts[1:3]), []).append(path)
    return found


def _is_imported(repository: Repository, name: str) -> bool:
    submission = repository.submissions.get(name)
    return submission is not None and submission.origin == "imported"


# -- the order of merges -------------------------------------------------------------------------


def check_results_after_plan(repository: Repository, context: Context) -> Iterator[Problem]:
    """Results are merged later than their registration, never with it and never before it."""
    trail = context.trail
    if trail is None:
        return
    windows = _windows_of(repository)
    for path in repository.paths_of(FileKind.REGISTRATION):
        folder = path.rpartition("/")[0]
        name = folder.removeprefix("submissions/")
        manifest = f"{folder}/submission.yaml"
        results = [manifest] if manifest in repository.kinds else []
        results += windows.get(name, [])
        if not _is_imported(repository, name):
            yield from _order_problems(trail, path, results)


def _order_problems(trail: Trail, path: str, results: Iterable[str]) -> Iterator[Problem]:
    """One problem a submission: the first of its results that did not come after the plan."""
    plan = trail.added(path)
    for result in results:
        found = trail.added(result)
        if plan is not None and (found is None or found.merge.place > plan.merge.place):
            continue
        if plan is None:
            message = "its registration is not merged yet"
        elif found is not None and found.merge.place == plan.merge.place:
            message = f"it came with its registration, in {_named(found)}"
        else:
            message = f"it came before its registration, which {_named(plan)} merged"
        fix = "merge the registration by itself first, and measure after that"
        expected = "results in a later merge than their registration"
        yield problem_of(result, "SUB017", message, expected=expected, fix=fix)
        return


def _named(change: Change) -> str:
    return change.merge.commit[:12]


# -- the times of merges -------------------------------------------------------------------------


def check_windows_between_merges(repository: Repository, context: Context) -> Iterator[Problem]:
    """A window starts after its plan was merged and before it was merged itself, in whole seconds.

    There is no tolerance: a merge waits for people, so an honest window is minutes away from either end.
    Endpoints on loopback are nobody's, and are left out.
    """
    trail = context.trail
    if trail is None:
        return
    for name, paths in _windows_of(repository).items():
        plan = trail.added(f"{_folder(name)}/registration.yaml")
        if plan is None or _is_imported(repository, name) or is_nobodys(repository, name.partition("/")[0]):
            continue
        for path in paths:
            own = trail.added(path)
            if own is None or own.merge.place > plan.merge.place:  # else its order is wrong, which is said
                yield from _time_problems(path, plan, own)


def _time_problems(path: str, plan: Change, own: Change | None) -> Iterator[Problem]:
    start = window_start(path)
    if start is None:
        return  # the name is no moment: a problem of its own
    planned = _moment(plan)
    if start < planned:
        message = f"it began at {start:{_TIME}}, before its registration was merged in {_named(plan)}"
        fix = "measure it again; if it was measured later, set the clock of the measuring machine first"
        yield problem_of(path, "SUB018", message, expected=f"{planned:{_TIME}} or later", fix=fix)
    elif own is not None and start > (merged := _moment(own)):
        message = f"it began at {start:{_TIME}}, after it was merged in {_named(own)}: the clocks disagree"
        fix = "set the clock of the measuring machine, and measure again"
        yield problem_of(path, "SUB018", message, expected=f"{merged:{_TIME}} or earlier", fix=fix)


def _moment(change: Change) -> dt.datetime:
    return dt.datetime.fromtimestamp(change.merge.unix_s, tz=dt.UTC)


# -- people --------------------------------------------------------------------------------------

_Signed = tuple[str, str, GitHub | None]  # path, what its author did, the author


def _signed(repository: Repository) -> Iterator[_Signed]:
    for name, registration in repository.registrations.items():
        yield f"{_folder(name)}/registration.yaml", "registered", registration.by
    for name, submission in repository.submissions.items():
        if submission.origin == "measured":
            yield f"{_folder(name)}/submission.yaml", "submitted", submission.by


def check_by_contacts(repository: Repository, context: Context) -> Iterator[Problem]:
    """Who registers or submits was a contact when it was merged; anybody may, for endpoints on loopback."""
    known: dict[str, frozenset[int]] = {}
    for path, done, by in _signed(repository):
        provider = path.split("/")[1]
        if provider not in repository.providers or is_nobodys(repository, provider):
            continue
        if by is None or by.id not in _contacts_then(repository, context.trail, provider, path, known):
            who = "nobody" if by is None else f"account {by.id}"
            message = f"{done} by {who}, who is no contact of the provider"
            if by is not None and by.id in _contacts_now(repository, provider):
                message = f"{done} by account {by.id}, who was no contact of the provider when it was merged"
                if context.trail is not None and context.trail.added(path) is None:
                    message = f"{done} by account {by.id}, whose place in `contacts` is not merged yet"
            yield at(
                repository,
                path,
                "SUB011",
                "/by" if by is None else "/by/id",
                message,
                expected="the account of a contact in the provider's file, as merged",
                fix="let a contact do it, or merge the person's entry in `contacts` first, and register anew",
            )


def _contacts_now(repository: Repository, provider: str) -> frozenset[int]:
    return frozenset(contact.github.id for contact in repository.providers[provider].contacts)


def _contacts_then(
    repository: Repository, trail: Trail | None, provider: str, path: str, known: dict[str, frozenset[int]]
) -> frozenset[int]:
    """The contacts in the merge that added ``path``, or in the last one before it is merged.

    ``known`` keeps those of each text, by its digest.
    """
    home = f"providers/{provider}.yaml"
    if trail is None:
        return _contacts_now(repository, provider)
    added = trail.added(path)
    blob = trail.blob_at(home, added.merge if added is not None else None)
    if blob is None:
        return frozenset()
    if blob not in known:
        if blob == blob_digest(repository.documents[home].text.encode(), len(blob)):
            known[blob] = _contacts_now(repository, provider)
        else:
            document, _ = documents.parse(trail.read(blob), home)
            known[blob] = frozenset(_ids(document.data if document is not None else None))
    return known[blob]


def _ids(data: Any) -> Iterator[int]:
    """The accounts in the text of a provider's file; whatever has another shape names nobody."""
    contacts = data.get("contacts") if isinstance(data, Mapping) else None
    for contact in contacts if isinstance(contacts, list) else ():
        account = contact.get("github") if isinstance(contact, Mapping) else None
        number = account.get("id") if isinstance(account, Mapping) else None
        if isinstance(number, int):
            yield number


def check_opened_by(repository: Repository, context: Context) -> Iterator[Problem]:
    """What a change adds in somebody's name was opened from that account."""
    if context.base is None or context.actor is None:
        return
    for path, done, by in _signed(repository):
        if path in context.base.files or by is None or by.id == context.actor.id:
            continue
        yield at(
            repository,
            path,
            "SUB019",
            "/by/id",
            f"{done} by account {by.id}, and opened by account {context.actor.id}",
            expected=f"a change that account {by.id} opens",
            fix="let the person that `by` names open the pull request",
        )
