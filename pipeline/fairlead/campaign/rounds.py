"""The board's own neutral rounds: every listed endpoint of a model and the control, side by side."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairlead.campaign.field import (
    RUNS_MAX,
    SECOND_NS,
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
    make_plan,
    methodology_ref,
    neutral_targets,
    require_tokenizers,
    scenario_by_id,
    tokenizer_pins,
)
from fairlead.model import MethodologyRef, RawFile, Rounds
from fairlead.repository import Repository, canonical_text, read_window
from fairlead.scaffold import write_whole


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
    window that does not count by the methodology's limits is kept as invalid and
    measured once more, in the same round. What a killed run left is kept.

    Raises:
        CampaignError: no endpoint, an unknown scenario or vantage, or a pinned tokenizer that the gear does
            not hold.
    """
    targets = neutral_targets(repository, model)
    if not targets:
        raise CampaignError(
            f"no endpoint for {model!r} may be measured by the board",
            "a provider lists one with its address and a recorded `benchmark_permission`",
        )
    if vantage not in repository.vantages:
        raise CampaignError(f"unknown vantage {vantage!r}", "add it to methodology/vantages.yaml")
    require_tokenizers(repository, [model], gear.tokenizers)
    pins = tokenizer_pins(repository, [model])
    methodology = repository.methodologies[version]
    reference = methodology_ref(repository, version)
    planned = [(target, scenario_by_id(methodology, name)) for target in targets for name in scenarios]
    begin_ns = gear.clock.unix_ns()
    for number in range(rounds):
        early = (
            begin_ns + int((number * spacing_s + rng.uniform(0, jitter_s)) * SECOND_NS) - gear.clock.unix_ns()
        )
        if early > 0:
            gear.wait(early)
        now = dt.datetime.fromtimestamp(gear.clock.unix_ns() / SECOND_NS, tz=dt.UTC)
        folder = repository.root / "submissions" / "neutral" / f"{now:%Y-%m}-{vantage}-{model}"
        keep_left_overs(folder, gear)
        jobs = [
            (target, scenario, number * len(planned) + place)
            for place, (target, scenario) in enumerate(rng.sample(planned, len(planned)))
        ]
        for _ in range(RUNS_MAX):
            plans = [
                Job(
                    make_plan(
                        target,
                        methodology,
                        reference,
                        scenario,
                        seed=rng.randbytes(32).hex(),
                        vantage=vantage,
                        round_id=f"{now:%Y%m%dt%H%M%Sz}",
                        tokenizer=pins.get(model),
                    ),
                    scenario.id,
                    place,
                )
                for target, scenario, place in jobs
            ]
            try:
                paths = list(measure_round(folder, plans, rounds * len(planned), gear))
            finally:
                _write_rounds(folder, reference, vantage, model)
            yield from paths
            jobs = [
                job
                for job, path in zip(jobs, paths, strict=True)
                if reasons_against(read_window(path), methodology)
            ]
            if not jobs:
                break


def _write_rounds(folder: Path, reference: MethodologyRef, vantage: str, model: str) -> None:
    if not raw_files(folder, "windows"):
        return
    rounds = Rounds(
        schema_version=1,
        methodology=reference,
        vantage=vantage,
        model=model,
        windows=tuple(RawFile(**raw) for raw in raw_files(folder, "windows")),
        calibrations=tuple(RawFile(**raw) for raw in raw_files(folder, "calibrations")),
        notes=None,
    )
    write_whole(folder / "rounds.yaml", canonical_text("rounds", as_data(rounds)).encode())
