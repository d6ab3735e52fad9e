"""Every rule that spans more than one value. Knows how to run rules, and none of them.

A check is a function of the repository and its context that yields problems; it stops at nothing,
changes nothing, and reads no file but raw ones. :data:`CHECKS` is all of them, in one list.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from fairlead import history
from fairlead.archive import Fault, Fetch
from fairlead.checks import (
    archive,
    changes,
    dates,
    governance,
    life,
    merges,
    methodology,
    providers,
    raw,
    references,
    snapshots,
    submissions,
    tree,
    waivers,
)
from fairlead.checks.context import Context, Recount
from fairlead.cores import LostProcessError
from fairlead.documents import problem_of
from fairlead.history import Base
from fairlead.model import GitHub
from fairlead.problems import Problem, order_problems
from fairlead.repository import (
    ARCHIVE_PATH,
    TOP_FOLDERS,
    FileKind,
    Repository,
    bug,
    is_within,
    load_repository,
    read_value,
)
from fairlead.snapshots import FOLDER as FROZEN

MAX_PROBLEMS_PER_FILE = 100
MAX_PROBLEMS_PER_CHECK = 1000  # a hostile change must not make the machine look for names all day

Check = Callable[[Repository, Context], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    tree.check_required_files,
    tree.check_prose,
    references.check_unique_ids,
    references.check_providers,
    references.check_methodology,
    references.check_registrations,
    references.check_submissions,
    references.check_neutral_windows,
    references.check_people,
    references.check_custody,
    references.check_proposals,
    dates.check_spans,
    dates.check_nothing_in_the_future,
    dates.check_event_order,
    providers.check_price_history,
    providers.check_addresses,
    providers.check_active,
    methodology.check_versions,
    methodology.check_digests,
    methodology.check_candidates,
    methodology.check_loads,
    methodology.check_limits,
    submissions.check_registration_digest,
    submissions.check_claims,
    submissions.check_folder_names,
    submissions.check_history_begins,
    merges.check_results_after_plan,
    merges.check_windows_between_merges,
    merges.check_by_contacts,
    merges.check_opened_by,
    life.check_events_are_whole,
    life.check_event_sequence,
    life.check_disputes_are_numbered,
    life.check_disputes_exist,
    life.check_cases,
    life.check_open_disputes,
    life.check_approvals,
    life.check_corrections,
    raw.check_manifests,
    raw.check_calibrations,
    raw.check_windows,
    archive.check_archive,
    archive.check_archived,
    archive.check_archived_digests,
    governance.check_seats,
    governance.check_delegates,
    governance.check_ownership,
    governance.check_fractions,
    governance.check_ballots,
    governance.check_pulls,
    governance.check_group_seats,
    governance.check_custody,
    governance.check_rerun_starters,
    governance.check_decisions,
    governance.check_openings,
    governance.check_comment_was_public,
    changes.check_raw_files,
    changes.check_registrations,
    changes.check_ratified_versions,
    changes.check_histories,
    changes.check_votes,
    changes.check_rules,
    changes.check_ids_stay,
    changes.check_one_kind,
    snapshots.check_snapshots,
    snapshots.check_snapshots_stay,
)


def run_checks(
    root: Path,
    *,
    base: str | None = None,
    paths: Sequence[str] = (),
    now: dt.datetime,
    recount: Recount | None = None,
    actor: GitHub | None = None,
    fetched: Path | None = None,
    fetch: Fetch | None = None,
) -> list[Problem]:
    """Every problem of a tree, in the order of its paths and lines.

    Args:
        root: the folder that holds methodology/, providers/ and submissions/.
        base: a git ref; with it, what may never change is held against the merge base with HEAD.
        paths: files and folders, relative to the root, whose problems are wanted; all if empty.
        now: the moment to judge dates by, with its time zone.
        actor: the account that opened the change; what it adds to ``base`` in another's name is a problem.
        fetched: where archived raw files are that were fetched before.
        fetch: with it, archived raw files are had from their stores and checked like those of the tree. With
            ``base``, the addresses of the stores are the base's: a change names no host to talk to.
        recount: a tokenizer by its digest; with it, every count is made again where the tokenizer is at hand.

    Raises:
        EnvironmentProblem: git cannot answer for ``base``, or for when plans and results were merged; or
            a store does not answer.
        LostProcessError: a process that read raw files was killed.
    """
    repository, problems = load_repository(root, fetched=fetched)
    past = history.open_base(root, base, (*TOP_FOLDERS, FROZEN)) if base is not None else None
    if base is not None and past is None:
        problems.append(changes.not_checked())
    context = Context(
        now=now,
        base=past,
        paths=tuple(paths),
        recount=recount,
        trail=_trail(repository, base, past),
        actor=actor,
        faults=_fetched(repository, past, fetch) if fetch is not None else None,
    )
    for check in CHECKS:
        found = list(_run_guarded(check, repository, context))
        if len(found) == MAX_PROBLEMS_PER_CHECK:
            message = f"{check.__name__} stopped after {len(found):,} problems"
            problems.append(problem_of(".", "TREE009", message))
        problems += found
    problems = waivers.apply_waivers(repository, context, problems)
    # What concerns no file concerns whoever asks.
    wanted = [problem for problem in problems if problem.path == "." or is_within(problem.path, paths)]
    return _limit_per_file(order_problems(set(wanted)))


def _fetched(repository: Repository, past: Base | None, fetch: Fetch) -> Mapping[str, Fault]:
    """Have the archived files from the stores that are trusted: those of the base, where there is one."""
    trusted = repository.archive
    if past is not None:
        data = past.read(ARCHIVE_PATH) if ARCHIVE_PATH in past.files else None
        trusted = read_value(data, ARCHIVE_PATH, FileKind.ARCHIVE)[0] if data is not None else None
    return fetch(trusted.stores if trusted is not None else (), repository.archived)


_MERGED_IN_AN_ORDER = frozenset({FileKind.REGISTRATION, FileKind.SUBMISSION, FileKind.PROPOSAL})


def _trail(repository: Repository, base: str | None, past: Base | None) -> history.Trail | None:
    """What was merged when, where there is anything that has to be merged in an order.

    What is merged is what the base holds, else what is committed. A machine without git is no fault of the
    data: without a base, the order is then left unjudged, as in a folder without git.
    """
    if _MERGED_IN_AN_ORDER.isdisjoint(repository.kinds.values()):
        return None
    if base is None:
        return history.open_trail(repository.root, None, _TRAIL_TOPS) if history.is_installed() else None
    return history.open_trail(repository.root, past.commit, _TRAIL_TOPS) if past is not None else None


_TRAIL_TOPS = ("providers", "submissions", "methodology/proposals")


def _run_guarded(check: Check, repository: Repository, context: Context) -> Iterator[Problem]:
    name = f"{check.__module__.removeprefix('fairlead.')}.{check.__name__}"
    try:
        yield from itertools.islice(check(repository, context), MAX_PROBLEMS_PER_CHECK)
    except LostProcessError:
        raise  # the machine's fault, and no word on the data
    except Exception as error:  # noqa: BLE001  (the last guard: one check must not hide the others)
        yield bug(".", f"running {name}", error)


def _limit_per_file(problems: Sequence[Problem]) -> list[Problem]:
    kept: list[Problem] = []
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.path] = counts.get(problem.path, 0) + 1
        if counts[problem.path] <= MAX_PROBLEMS_PER_FILE:
            kept.append(problem)
    for path, count in counts.items():
        if count > MAX_PROBLEMS_PER_FILE:
            message = f"{count - MAX_PROBLEMS_PER_FILE:,} more problems in this file"
            kept.append(problem_of(path, "TREE009", message))
    return order_problems(kept)
