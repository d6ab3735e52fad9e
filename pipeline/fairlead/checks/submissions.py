"""Registrations, claims and their folders, by what the YAML says. Knows no raw byte."""

from __future__ import annotations

import collections
from collections.abc import Iterator

from fairlead.checks.context import Context, at
from fairlead.documents import problem_of
from fairlead.life import is_neutral
from fairlead.model import scenario_of
from fairlead.problems import Problem, pointer, quote
from fairlead.repository import FileKind, Repository
from fairlead.windows import digest


def registration_digest(repository: Repository, name: str) -> str | None:
    """The sha256 of a submission's registration.yaml; None where there is none."""
    document = repository.documents.get(f"submissions/{name}/registration.yaml")
    return None if document is None else digest(document.text.encode())


def check_registration_digest(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A measured submission names the registration beside it; an imported one has none."""
    for name, submission in repository.submissions.items():
        path = f"submissions/{name}/submission.yaml"
        beside = f"submissions/{name}/registration.yaml"
        found, stated, where = (
            registration_digest(repository, name),
            submission.registration_sha256,
            "/registration_sha256",
        )
        if submission.origin == "imported":
            if stated is not None or found is not None:
                message = "imported results were registered nowhere"
                fix = f"write `registration_sha256: null`, and remove {beside} if it is there"
                yield at(repository, path, "SUB003", where, message, fix=fix)
        elif found is None or stated is None:
            if beside not in repository.kinds:
                yield problem_of(
                    beside, "SUB002", "a measured submission without its registration", fix=_REGISTER
                )
            elif found is not None:
                fix = f"write `registration_sha256: {found}`"
                yield at(repository, path, "SUB002", where, "it names no registration", fix=fix)
        elif found != stated and beside not in repository.broken:
            message = "registration.yaml beside it has another digest"
            fix = "restore the registration as it was merged"
            yield at(repository, path, "SUB001", where, message, expected=quote(found, 80), fix=fix)


_REGISTER = "restore the registration, or mark the results as `origin: imported`"


def check_claims(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Each claim has a window that could give it; each endpoint, model and scenario one primary claim."""
    for name, submission in repository.submissions.items():
        path = f"submissions/{name}/submission.yaml"
        files = [raw.file for raw in submission.windows]
        primaries: dict[tuple[str, str, str], list[int]] = collections.defaultdict(list)
        for index, claim in enumerate(submission.claims):
            where = pointer("claims", index)
            primaries[claim.endpoint, claim.model, claim.scenario] += [index] if claim.primary else []
            if not any(scenario_of(file, claim.model) == claim.scenario for file in files):
                message = f"no window of {quote(claim.model)} under {quote(claim.scenario)} is listed"
                fix = "submit the windows that give the figure, or remove the claim"
                yield at(repository, path, "SUB012", where, message, fix=fix)
        for row, chosen in primaries.items():
            if len(chosen) != 1:
                last = (
                    chosen[-1]
                    if chosen
                    else next(
                        index
                        for index, claim in enumerate(submission.claims)
                        if (claim.endpoint, claim.model, claim.scenario) == row
                    )
                )
                message = f"{len(chosen)} primary claims for {' / '.join(row)}"
                fix = "mark one of them with `primary: true`, the others with `primary: false`"
                yield at(repository, path, "SUB013", pointer("claims", last, "primary"), message, fix=fix)


def check_folder_names(repository: Repository, _context: Context) -> Iterator[Problem]:
    """The folder of neutral rounds or of a rerun is named after what its file says."""
    for name, rounds in repository.rounds.items():
        path = f"submissions/neutral/{name}/rounds.yaml"
        expected = f"{name[:7]}-{rounds.vantage}-{rounds.model}"
        if name != expected:
            fix = f"rename the folder to {quote(expected)}, or correct the file"
            yield at(repository, path, "SUB015", "/vantage", f"the folder is {quote(name)}", fix=fix)
    for name, rerun in repository.reruns.items():
        path = f"submissions/{name}/rerun.yaml"
        folder = name.rpartition("/")[2]
        expected = f"{rerun.started:%Y%m%dt%H%M%Sz}-{rerun.vantage}"
        if folder != expected:
            fix = f"rename the folder to {quote(expected)}, or correct the file"
            yield at(repository, path, "SUB015", "/started", f"the folder is {quote(folder)}", fix=fix)


def check_history_begins(repository: Repository, _context: Context) -> Iterator[Problem]:
    """The first event of a submission's history, and only the first, says that it was submitted."""
    for path in repository.paths_of(FileKind.HISTORY):
        name = path.removeprefix("submissions/").rpartition("/")[0]
        history = None if is_neutral(name) else repository.histories.get(name)
        for index, event in enumerate(history.events if history else ()):
            if (event.kind == "submitted") != (index == 0):
                message = "it begins otherwise" if index == 0 else "it was submitted above already"
                fix = "begin `events` with one of kind `submitted`"
                yield at(repository, path, "SUB016", pointer("events", index, "kind"), message, fix=fix)
