"""A provider's claim: registered before it is measured, measured as registered, sealed. Judges nothing."""

from __future__ import annotations

import datetime as dt
import enum
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairlead import documents, windows
from fairlead.campaign.field import (
    RUNS_MAX,
    Gear,
    Job,
    as_data,
    keep_left_overs,
    measure_round,
    raw_files,
    reasons_against,
)
from fairlead.campaign.plans import (
    CampaignError,
    Target,
    find_target,
    make_plan,
    methodology_ref,
    require_tokenizers,
    scenario_by_id,
    targets_of,
    tokenizer_pins,
)
from fairlead.checks.providers import is_nobodys
from fairlead.clock import NS_PER_S
from fairlead.model import GitHub, Methodology, PlannedWindow, Registration, window_seed
from fairlead.repository import Repository, canonical_text, read_window
from fairlead.scaffold import write_whole


def register(
    repository: Repository,
    *,
    provider: str,
    endpoint: str | None,
    models: Sequence[str],
    scenarios: Sequence[str],
    version: str,
    vantage: str,
    windows_each: int,
    spacing_s: float,
    slug: str,
    now: dt.datetime,
    seed: str,
    by: GitHub | None,
    notes: str | None = None,
) -> Path:
    """Write what will be run, each model at ``endpoint`` (None: the first that serves it); the folder.

    It fixes the plan from the moment it is merged, and says nothing of runs in private before.

    Raises:
        CampaignError: an unknown endpoint, scenario, vantage, an account that is no contact of the provider,
            or a folder that is there already.
    """
    targets = [_target(repository, provider, endpoint, model) for model in dict.fromkeys(models)]
    _require_contact(repository, provider, by)
    methodology = repository.methodologies[version]
    for scenario in scenarios:
        scenario_by_id(methodology, scenario)
    if vantage not in repository.vantages:
        raise CampaignError(f"unknown vantage {vantage!r}", "add it to methodology/vantages.yaml")
    starts = [now + dt.timedelta(seconds=spacing_s * place) for place in range(windows_each)]
    plan = tuple(
        PlannedWindow(
            endpoint=target.endpoint.id,
            model=target.served.model,
            scenario=scenario,
            not_before=_whole_seconds(start),
        )
        for start in starts
        for target in targets
        for scenario in scenarios
    )
    registration = Registration(
        schema_version=1,
        registered=_whole_seconds(now),
        by=by,
        methodology=methodology_ref(repository, version),
        vantage=vantage,
        seed=seed,
        deadline=(starts[-1] + dt.timedelta(days=7)).date(),
        windows=plan,
        notes=notes,
    )
    folder = repository.root / "submissions" / provider / f"{now:%Y-%m-%d}-{slug}"
    path = folder / "registration.yaml"
    if path.exists():
        raise CampaignError(
            f"{path} is there already", "choose another --slug; a registration is never edited"
        )
    write_whole(path, canonical_text("registration", as_data(registration)).encode())
    return folder


def _target(repository: Repository, provider: str, endpoint: str | None, model: str) -> Target:
    if endpoint is None:
        serving = [target for target in targets_of(repository, model) if target.provider == provider]
        endpoint = serving[0].endpoint.id if serving else "main"
    return find_target(repository, provider, endpoint, model)


def _require_contact(repository: Repository, provider: str, by: GitHub | None) -> None:
    """Only a contact registers, so that no plan is merged that the check refuses; anybody may on loopback."""
    contacts = [contact.github for contact in repository.providers[provider].contacts]
    if is_nobodys(repository, provider) or (by is not None and by.id in {one.id for one in contacts}):
        return
    who = "nobody is named" if by is None else f"account {by.id} is none"
    listed = ", ".join(f"{one.login}:{one.id}" for one in contacts) or "none is listed"
    raise CampaignError(
        f"only a contact in providers/{provider}.yaml registers for it, and {who}",
        f"name one with --github LOGIN:ID ({listed}), or merge an entry in `contacts` first",
    )


def registered(repository: Repository, submission: str) -> Registration:
    """The plan of a submission.

    Raises:
        CampaignError: there is none, or it is not valid.
    """
    registration = repository.registrations.get(submission)
    if registration is None:
        raise CampaignError(
            f"submissions/{submission} holds no valid registration.yaml", "write one with `fairlead register`"
        )
    return registration


def measure_claim(repository: Repository, submission: str, gear: Gear) -> Iterator[Path]:
    """Run the windows of a registration that are not there yet; yields each raw file when it is whole.

    Each window stands between two certificates. One that does not count by the methodology's limits is
    kept as invalid and measured once more. What a killed run left is sealed first: if its window is
    complete it counts, else it is kept as it is and the window is measured again. Every run has prompts of
    its own.

    Raises:
        CampaignError: there is no such registration, or it plans what cannot be measured, or what is counted
            with a tokenizer that the gear does not hold; or a window that is there was measured for another.
    """
    folder = repository.root / "submissions" / submission
    registration = registered(repository, submission)
    methodology = repository.methodologies[registration.methodology.version]
    registration_sha256 = windows.digest(documents.read_bounded(folder / "registration.yaml", 1 << 20))
    models = {planned.model for planned in registration.windows}
    require_tokenizers(repository, models, gear.tokenizers)
    pins = tokenizer_pins(repository, models)
    keep_left_overs(folder, gear)
    check = functools.partial(_require_own, submission, registration, registration_sha256)
    runs = runs_of(folder, methodology, check)
    for index, planned in enumerate(registration.windows):
        own = runs.setdefault(index, [])
        while runs_left(own):
            plan = make_plan(
                find_target(repository, submission.split("/")[0], planned.endpoint, planned.model),
                methodology,
                registration.methodology,
                scenario_by_id(methodology, planned.scenario),
                seed=window_seed(registration.seed, index, len(own)),
                vantage=registration.vantage,
                registration_sha256=registration_sha256,
                plan_index=index,
                tokenizer=pins.get(planned.model),
            )
            early = int(planned.not_before.timestamp() * NS_PER_S) - gear.clock.unix_ns()
            if early > 0:
                gear.wait(early)
            job = Job(plan, planned.scenario, index)
            for path in measure_round(folder, [job], len(registration.windows), gear):
                own.append(_run_of(read_window(path), methodology))
                yield path


def _require_own(
    submission: str, registration: Registration, registration_sha256: str, path: Path, header: windows.Header
) -> None:
    """Only windows of this very registration count as done: its digest binds seeds, scenarios and method."""
    provider = submission.split("/")[0]
    index = header.plan_index
    is_planned = index is not None and 0 <= index < len(registration.windows)
    planned = registration.windows[index] if index is not None and is_planned else None
    wanted = None if planned is None else (planned.endpoint, planned.model)
    found = header.provider, header.endpoint, header.model
    if header.registration_sha256 == registration_sha256 and wanted and found == (provider, *wanted):
        return
    what = "another registration" if wanted is None or found == (provider, *wanted) else "/".join(found)
    raise CampaignError(
        f"{path} was measured for {what}, not for what submissions/{submission} plans now",
        "move it out of this folder, or restore the registration.yaml that it was measured by",
    )


def submit(
    repository: Repository,
    submission: str,
    *,
    title: str,
    disclosures: Mapping[str, Any],
    claims: Sequence[Mapping[str, Any]],
    now: dt.datetime,
    by: GitHub | None,
    notes: str | None = None,
) -> Path:
    """Seal a claim: the digest of every raw file, the claimed figures, and the first event of its history.

    Raises:
        CampaignError: nothing was measured, or it is sealed already.
    """
    folder = repository.root / "submissions" / submission
    path = folder / "submission.yaml"
    if path.exists():
        raise CampaignError(
            f"{path} is there already", "a submission is corrected by a new one that names it"
        )
    raw = raw_files(folder, "windows")
    if not raw:
        raise CampaignError(f"{folder} holds no window", f"run `fairlead measure {submission}` first")
    github = None if by is None else {"login": by.login, "id": by.id}
    data: dict[str, Any] = {
        "schema_version": 1,
        "title": title,
        "origin": "measured",
        "submitted": f"{now:%Y-%m-%d}",
        "by": github,
        "registration_sha256": windows.digest(documents.read_bounded(folder / "registration.yaml", 1 << 20)),
        "disclosures": dict(disclosures),
        "claims": [dict(claim) for claim in claims],
        "windows": raw,
        "calibrations": raw_files(folder, "calibrations"),
        "corrects": None,
        "notes": notes,
    }
    write_whole(path, canonical_text("submission", data).encode())
    event: dict[str, Any] = {
        "kind": "submitted",
        "at": f"{_whole_seconds(now):%Y-%m-%dT%H:%M:%SZ}",
        "by": github,
        "reason": "Measured as registered.",
        "link": None,
        "dispute": None,
        "approvals": [],
        "superseded_by": None,
        "case": None,
    }
    write_whole(
        folder / "history.yaml",
        canonical_text("history", {"schema_version": 1, "events": [event]}).encode(),
    )
    return path


class Run(enum.Enum):
    """What became of a planned window when it was measured."""

    CUT_OFF = "cut off"
    INVALID = "invalid"
    COUNTS = "counts"


def runs_of(
    folder: Path, methodology: Methodology, check: Callable[[Path, windows.Header], None] | None = None
) -> dict[int | None, list[Run]]:
    """The runs of each planned window that are there. ``check``: is shown each file and its header."""
    runs: dict[int | None, list[Run]] = {}
    for path in sorted((folder / "windows").glob("*.jsonl.gz")):
        window = read_window(path)
        if check is not None:
            check(path, window.header)
        runs.setdefault(window.header.plan_index, []).append(_run_of(window, methodology))
    return runs


def _run_of(window: windows.Window, methodology: Methodology) -> Run:
    if len(window.requests) < window.header.load.planned:
        return Run.CUT_OFF
    return Run.INVALID if reasons_against(window, methodology) else Run.COUNTS


def runs_left(runs: Sequence[Run]) -> int:
    """How many more runs a planned window may have: none once one counts, or as many as may be do not."""
    return 0 if Run.COUNTS in runs else max(RUNS_MAX - runs.count(Run.INVALID), 0)


def figures_as_claims(
    rows: Iterable[tuple[str, str, str, Mapping[str, float]]], primary: str
) -> list[dict[str, Any]]:
    """Claims from measured figures: (endpoint, model, scenario, {metric: value}).

    Where the ``primary`` metric has no value, the first that has one is the primary claim of its scenario.
    """
    return [
        {
            "endpoint": endpoint,
            "model": model,
            "scenario": scenario,
            "metric": metric,
            "value": value,
            "primary": metric == (primary if primary in values else next(iter(values))),
        }
        for endpoint, model, scenario, values in rows
        for metric, value in values.items()
    ]


def _whole_seconds(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC).replace(microsecond=0)
