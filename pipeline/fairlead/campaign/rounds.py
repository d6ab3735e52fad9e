"""The board's own neutral rounds: every listed endpoint of a model and the control, side by side.

They are measured around the clock, and to judge a claim. Knows no verdict: whoever asks says when it is
enough.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

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
    make_plan,
    methodology_ref,
    neutral_targets,
    require_tokenizers,
    scenario_by_id,
    tokenizer_pins,
)
from fairlead.clock import NS_PER_S, moment_of
from fairlead.model import (
    Claim,
    GitHub,
    Methodology,
    MethodologyRef,
    RawFile,
    Rerun,
    Rounds,
    Scenario,
    Tokenizer,
    window_start,
)
from fairlead.profile import HOURS
from fairlead.repository import Repository, canonical_text, read_window
from fairlead.scaffold import write_whole


@dataclasses.dataclass(frozen=True, slots=True)
class _Course:
    """What the rounds of one model have in common. ``write``: keeps the list of raw files of a folder."""

    methodology: Methodology
    reference: MethodologyRef
    vantage: str
    model: str
    planned: Sequence[tuple[Target, Scenario]]
    pins: Mapping[str, Tokenizer]
    write: Callable[[Path], None]


def measure_rounds(
    repository: Repository,
    *,
    model: str,
    version: str,
    vantage: str,
    scenarios: Sequence[str],
    rounds: int,
    spacing_s: float,
    rng: random.Random,
    gear: Gear,
    jitter_s: float = 0,
) -> Iterator[Path]:
    """Measure neutral rounds: every listed endpoint of a model and the control, in random order.

    ``rng`` must be the machine's cryptographic source in a round that counts: its seeds must not be
    known beforehand. Each round begins up to ``jitter_s`` late, so that its minute cannot be known either. A
    window that does not count by the methodology's limits is kept as invalid and measured once more, in the
    same round. What a killed run left is kept.

    Raises:
        CampaignError: no endpoint, an unknown scenario or vantage, or a pinned tokenizer that the gear does
            not hold.
    """
    course = _course(
        repository,
        model=model,
        reference=methodology_ref(repository, version),
        vantage=vantage,
        scenarios=scenarios,
        gear=gear,
        write=lambda folder: _write(
            folder,
            "rounds",
            functools.partial(Rounds, methodology=course.reference, vantage=vantage, model=model),
        ),
    )
    begin_ns = gear.clock.unix_ns()
    for number in range(rounds):
        now = _wait_until(gear, begin_ns, number * spacing_s + rng.uniform(0, jitter_s))
        folder = repository.root / "submissions" / "neutral" / f"{now:%Y-%m}-{vantage}-{model}"
        yield from _measure_one(course, folder, now, number, rounds, rng, gear)


@dataclasses.dataclass(frozen=True, slots=True)
class RerunPlan:
    """What the rerun of a claim measures.

    ``rounds_most``: until no further window can change the verdict. ``spacing_s``: an hour of the
    methodology's day, so that rounds lie in hours of their own.
    """

    submission: str
    reference: MethodologyRef
    vantage: str
    scenarios: Mapping[str, Sequence[str]]
    rounds_most: int
    spacing_s: float

    @property
    def models(self) -> Sequence[str]:
        """The models that are claimed."""
        return list(self.scenarios)


def plan_rerun(repository: Repository, submission: str) -> RerunPlan:
    """What the rerun of a claim measures, by its registration and its own methodology.

    Raises:
        CampaignError: no such claim, a methodology that is not what it was or has no stopping rule, or a
            claimed endpoint that may not be measured.
    """
    registration, claim = repository.registrations.get(submission), repository.submissions.get(submission)
    if registration is None or claim is None:
        raise CampaignError(
            f"submissions/{submission} holds no claim that was registered", "see submissions/"
        )
    if not claim.claims:
        raise CampaignError(f"submissions/{submission} claims no figure", "there is nothing to judge")
    reference = registration.methodology
    version = reference.version
    if version not in repository.methodologies or methodology_ref(repository, version) != reference:
        raise CampaignError(
            f"methodology {version} is not the one that {submission} was registered under",
            "restore it: a claim is judged by the method it was made by",
        )
    stopping = repository.methodologies[version].verdict.stopping
    if stopping is None:
        raise CampaignError(
            f"methodology {version} says not when a rerun has seen enough", "register under a later version"
        )
    _require_permission(repository, submission.split("/")[0], claim.claims)
    scenarios = {
        model: list(dict.fromkeys(one.scenario for one in claim.claims if one.model == model))
        for model in dict.fromkeys(one.model for one in claim.claims)
    }
    return RerunPlan(
        submission=submission,
        reference=reference,
        vantage=registration.vantage,
        scenarios=scenarios,
        rounds_most=stopping.looks[-1],
        spacing_s=repository.methodologies[version].day_seconds / HOURS,
    )


def measure_rerun(
    repository: Repository,
    submission: str,
    *,
    started_by: GitHub,
    rounds: int,
    spacing_s: float,
    rng: random.Random,
    gear: Gear,
    is_enough: Callable[[], bool],
    vantage: str | None = None,
    jitter_s: float = 0,
) -> Iterator[Path]:
    """Measure a claim again in neutral rounds, with its own methodology, until ``is_enough`` or ``rounds``.

    The claimed endpoints stand beside the control and every rival of their models that may be measured. A
    rerun that was begun at the vantage (the registered one if not given) is gone on with, in its own folder
    and no sooner than ``spacing_s`` after its last round. ``is_enough`` is asked before each round, when all
    that was measured is listed.

    Raises:
        CampaignError: as in :func:`plan_rerun` and :func:`measure_rounds`.
    """
    plan = plan_rerun(repository, submission)
    reference, place = plan.reference, vantage or plan.vantage
    begun = _rerun_folder(repository, submission, reference, place)
    courses = {
        model: _course(
            repository,
            model=model,
            reference=reference,
            vantage=place,
            scenarios=scenarios,
            gear=gear,
            write=lambda folder: _write(
                folder,
                "rerun",
                functools.partial(
                    Rerun, methodology=reference, vantage=place, started=started, started_by=started_by
                ),
            ),
        )
        for model, scenarios in plan.scenarios.items()
    }
    folder, started = begun or (None, _now(gear))
    begin_ns = gear.clock.unix_ns()
    if folder is not None:
        begin_ns = max(begin_ns, _last_start_ns(folder) + int(spacing_s * NS_PER_S))
    for number in range(rounds):
        if is_enough():
            return
        now = _wait_until(gear, begin_ns, number * spacing_s + rng.uniform(0, jitter_s))
        if folder is None:
            started = now
            folder = repository.root / "submissions" / submission / "reruns" / f"{now:%Y%m%dt%H%M%Sz}-{place}"
        for course in courses.values():
            yield from _measure_one(course, folder, now, number, rounds, rng, gear)


def _require_permission(repository: Repository, provider: str, claims: Sequence[Claim]) -> None:
    for model, endpoint in dict.fromkeys((claim.model, claim.endpoint) for claim in claims):
        allowed = neutral_targets(repository, model)
        if not any((one.provider, one.endpoint.id) == (provider, endpoint) for one in allowed):
            raise CampaignError(
                f"the board may not measure {provider}'s endpoint {endpoint!r} for {model!r}",
                f"providers/{provider}.yaml lists it with its address, and records `benchmark_permission`",
            )


def _rerun_folder(
    repository: Repository, submission: str, reference: MethodologyRef, vantage: str
) -> tuple[Path, dt.datetime] | None:
    """The latest rerun that was begun at a vantage under a methodology, and when; one that was killed in its
    first round lists nothing yet, and its folder's name says it."""
    found = [
        (rerun.started, name)
        for name, rerun in repository.reruns.items()
        if name.startswith(f"{submission}/reruns/")
        and (rerun.methodology, rerun.vantage) == (reference, vantage)
    ]
    for spool in (repository.root / "submissions" / submission).glob("reruns/*/*.spool"):
        moment, _, place = spool.parent.name.partition("-")
        started = window_start(moment)
        if place == vantage and started is not None:
            found.append((started, f"{submission}/reruns/{spool.parent.name}"))
    if not found:
        return None
    started, name = max(found)
    return repository.root / "submissions" / name, started


def _course(
    repository: Repository,
    *,
    model: str,
    reference: MethodologyRef,
    vantage: str,
    scenarios: Sequence[str],
    gear: Gear,
    write: Callable[[Path], None],
) -> _Course:
    targets = neutral_targets(repository, model)
    if not targets:
        raise CampaignError(
            f"no endpoint for {model!r} may be measured by the board",
            "a provider lists one with its address and a recorded `benchmark_permission`",
        )
    if vantage not in repository.vantages:
        raise CampaignError(f"unknown vantage {vantage!r}", "add it to methodology/vantages.yaml")
    require_tokenizers(repository, [model], gear.tokenizers)
    methodology = repository.methodologies[reference.version]
    planned = [(target, scenario_by_id(methodology, name)) for target in targets for name in scenarios]
    pins = tokenizer_pins(repository, [model])
    return _Course(methodology, reference, vantage, model, planned, pins, write)


def _now(gear: Gear) -> dt.datetime:
    return moment_of(gear.clock.unix_ns())


def _wait_until(gear: Gear, begin_ns: int, later_s: float) -> dt.datetime:
    """Wait until so long after a moment, and say when it is."""
    early_ns = begin_ns + int(later_s * NS_PER_S) - gear.clock.unix_ns()
    if early_ns > 0:
        gear.wait(early_ns)
    return _now(gear)


def _last_start_ns(folder: Path) -> int:
    """When the last window in a folder began."""
    starts = [
        read_window(path).header.clock.start_unix_ns for path in (folder / "windows").glob("*.jsonl.gz")
    ]
    return max(starts, default=0)


def _measure_one(
    course: _Course,
    folder: Path,
    now: dt.datetime,
    number: int,
    rounds: int,
    rng: random.Random,
    gear: Gear,
) -> Iterator[Path]:
    """One round: every endpoint once, and once more what does not count."""
    keep_left_overs(folder, gear)
    count = len(course.planned)
    jobs = [
        (target, scenario, number * count + place)
        for place, (target, scenario) in enumerate(rng.sample(course.planned, count))
    ]
    for _ in range(RUNS_MAX):
        plans = [
            Job(
                make_plan(
                    target,
                    course.methodology,
                    course.reference,
                    scenario,
                    seed=rng.randbytes(32).hex(),
                    vantage=course.vantage,
                    round_id=f"{now:%Y%m%dt%H%M%Sz}",
                    tokenizer=course.pins.get(course.model),
                ),
                scenario.id,
                place,
            )
            for target, scenario, place in jobs
        ]
        try:
            paths = list(measure_round(folder, plans, rounds * count, gear))
        finally:
            course.write(folder)
        yield from paths
        jobs = [
            job
            for job, path in itertools.zip_longest(jobs, paths)
            if path is None or reasons_against(read_window(path), course.methodology)
        ]
        if not jobs:
            break


def _write(folder: Path, kind: Literal["rounds", "rerun"], made: Callable[..., Rounds | Rerun]) -> None:
    """Write the manifest of a folder that holds a window; ``made``: lacks nothing but the raw files."""
    windows, calibrations = (
        tuple(RawFile(**raw) for raw in raw_files(folder, name)) for name in ("windows", "calibrations")
    )
    if windows:
        manifest = made(schema_version=1, windows=windows, calibrations=calibrations, notes=None)
        write_whole(folder / f"{kind}.yaml", canonical_text(kind, as_data(manifest)).encode())
