"""From a plan to sealed raw files: claims of a provider, and the board's own neutral rounds.

Knows no socket and no statistic: a window is measured by :mod:`fairlead.measure.runner`, judged
later from the committed files. Everything written here is whole or not there: a file is written
beside its place and moved into it, and a window that was cut off is kept, never overwritten.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from fairlead import documents, windows
from fairlead.clock import Clock
from fairlead.measure.plan import Limits, Plan
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Sealed, seal
from fairlead.model import (
    Endpoint,
    GitHub,
    Methodology,
    MethodologyRef,
    PlannedWindow,
    Provider,
    RawFile,
    Registration,
    Rounds,
    Scenario,
    ServedModel,
    window_file_name,
)
from fairlead.repository import Repository, canonical_text

_SECOND_NS = 1_000_000_000


class CampaignError(Exception):
    """What was asked for cannot be measured; the message says why and what would help."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A model at an endpoint, as the provider's file lists it."""

    provider: str
    entry: Provider
    endpoint: Endpoint
    served: ServedModel


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """What is being measured, and how far it is."""

    window: int
    windows: int
    name: str
    done: int
    failed: int
    planned: int


Report = Callable[[Progress], None]


# -- targets and plans ---------------------------------------------------------------------------


def targets_of(repository: Repository, model: str) -> list[Target]:
    """Every endpoint with an address that serves a model, withdrawn and historical providers apart."""
    return [
        Target(provider, entry, endpoint, served)
        for provider, entry in sorted(repository.providers.items())
        if entry.status in ("active", "reference")
        for endpoint in entry.endpoints
        if endpoint.base_url is not None
        for served in endpoint.models
        if served.model == model
    ]


def find_target(repository: Repository, provider: str, endpoint: str, model: str) -> Target:
    """The one endpoint of a provider that serves a model.

    Raises:
        CampaignError: it is not listed, or has no address.
    """
    for target in targets_of(repository, model):
        if target.provider == provider and target.endpoint.id == endpoint:
            return target
    raise CampaignError(
        f"providers/{provider}.yaml lists no endpoint {endpoint!r} with an address that serves {model!r}",
        f"add it to providers/{provider}.yaml, then run `fairlead check`",
    )


def make_plan(
    target: Target,
    methodology: Methodology,
    reference: MethodologyRef,
    scenario: Scenario,
    *,
    seed: str,
    vantage: str,
    round_id: str | None = None,
    registration_sha256: str | None = None,
    plan_index: int | None = None,
) -> Plan:
    """All that fixes one window, by the methodology's numbers.

    Raises:
        CampaignError: an open loop, which cannot be measured yet.
    """
    if scenario.kind != "closed" or scenario.concurrency is None:
        raise CampaignError(
            f"scenario {scenario.id!r} is an open loop, which this version cannot measure",
            "choose a scenario whose kind is `closed`",
        )
    workload = next(workload for workload in methodology.workloads if workload.id == scenario.workload)
    timeouts = methodology.timeouts
    role: Literal["subject", "control"] = (
        "control" if round_id and target.provider == methodology.control else "subject"
    )
    return Plan(
        url=target.endpoint.base_url or "",
        model=target.served.model,
        api_model=target.served.api_model,
        concurrency=scenario.concurrency,
        requests=scenario.requests,
        seed=seed,
        max_tokens=workload.output_tokens_max,
        input_words=workload.input_words,
        ramp_ns=scenario.ramp_ms * 1_000_000,
        limits=Limits(
            connect_ns=timeouts.connect_ms * 1_000_000,
            first_ns=timeouts.first_chunk_ms * 1_000_000,
            total_ns=timeouts.total_ms * 1_000_000,
        ),
        dialect=target.endpoint.dialect,
        provider=target.provider,
        endpoint=target.endpoint.id,
        vantage=vantage,
        round=round_id,
        role=role,
        registration_sha256=registration_sha256,
        plan_index=plan_index,
        methodology=windows.Methodology(version=reference.version, sha256=reference.sha256),
    )


def methodology_ref(repository: Repository, version: str) -> MethodologyRef:
    """A methodology version and the digest of its text."""
    path = f"methodology/versions/{version}/methodology.yaml"
    return MethodologyRef(version=version, sha256=windows.digest(repository.documents[path].text.encode()))


def scenario_by_id(methodology: Methodology, scenario: str) -> Scenario:
    """A scenario of a methodology.

    Raises:
        CampaignError: there is none of that name.
    """
    for known in methodology.scenarios:
        if known.id == scenario:
            return known
    names = ", ".join(known.id for known in methodology.scenarios)
    raise CampaignError(
        f"methodology {methodology.version} has no scenario {scenario!r}", f"choose one of: {names}"
    )


# -- claims --------------------------------------------------------------------------------------


def register(
    repository: Repository,
    *,
    provider: str,
    endpoint: str,
    model: str,
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
    """Write what will be run. Returns the new submission's folder.

    Raises:
        CampaignError: an unknown endpoint, scenario, vantage, or a folder that is there already.
    """
    find_target(repository, provider, endpoint, model)
    methodology = repository.methodologies[version]
    for scenario in scenarios:
        scenario_by_id(methodology, scenario)
    if vantage not in repository.vantages:
        raise CampaignError(f"unknown vantage {vantage!r}", "add it to methodology/vantages.yaml")
    starts = [now + dt.timedelta(seconds=spacing_s * place) for place in range(windows_each)]
    plan = tuple(
        PlannedWindow(endpoint=endpoint, model=model, scenario=scenario, not_before=_whole_seconds(start))
        for start in starts
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
    write_whole(path, canonical_text("registration", _as_data(registration)).encode())
    return folder


def window_seed(registration_seed: str, plan_index: int) -> str:
    """The seed of one window of a claim: sha256 of the registered seed and the window's index."""
    return hashlib.sha256(f"{registration_seed}/{plan_index}".encode()).hexdigest()


def measure_claim(
    repository: Repository, submission: str, *, clock: Clock, wait: Callable[[int], None], report: Report
) -> Iterator[Path]:
    """Run the windows of a registration that are not there yet; yields each raw file when it is whole.

    ``wait(ns)`` is called until a window may start. What a killed run left is sealed first: if its
    window is complete it counts, else it is kept as it is and the window is measured again.

    Raises:
        CampaignError: there is no such registration, or it plans what cannot be measured.
    """
    folder = repository.root / "submissions" / submission
    registration = repository.registrations.get(submission)
    if registration is None:
        raise CampaignError(
            f"submissions/{submission} holds no valid registration.yaml", "write one with `fairlead register`"
        )
    methodology = repository.methodologies[registration.methodology.version]
    registration_sha256 = windows.digest(documents.read_bounded(folder / "registration.yaml", 1 << 20))
    for left in sorted(folder.glob("*.spool")):
        _keep_left_over(folder, left, registration.windows)
    complete = _complete_indices(folder)
    for index, planned in enumerate(registration.windows):
        if index in complete:
            continue
        target = find_target(repository, submission.split("/")[0], planned.endpoint, planned.model)
        plan = make_plan(
            target,
            methodology,
            registration.methodology,
            scenario_by_id(methodology, planned.scenario),
            seed=window_seed(registration.seed, index),
            vantage=registration.vantage,
            registration_sha256=registration_sha256,
            plan_index=index,
        )
        early = int(planned.not_before.timestamp() * _SECOND_NS) - clock.unix_ns()
        if early > 0:
            wait(early)
        progress = _reporter(report, index, len(registration.windows), plan)
        yield _measure(folder, plan, planned.scenario, clock, wait, progress)


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
    }
    write_whole(
        folder / "history.yaml",
        canonical_text("history", {"schema_version": 1, "events": [event]}).encode(),
    )
    return path


def _complete_indices(folder: Path) -> set[int]:
    complete = set()
    for path in sorted((folder / "windows").glob("*.jsonl.gz")):
        window = windows.decode_window(documents.read_bounded(path, windows.MAX_COMPRESSED_BYTES))
        if window.header.plan_index is not None and len(window.requests) == window.header.load.planned:
            complete.add(window.header.plan_index)
    return complete


def _keep_left_over(folder: Path, spool: Path, plan: Sequence[PlannedWindow]) -> Path | None:
    sealed = seal(spool)
    header = sealed.window.header
    if not sealed.window.requests or header.plan_index is None:
        spool.unlink()
        return None
    return _write_window(folder, sealed, plan[header.plan_index].scenario, spool)


# -- neutral rounds ------------------------------------------------------------------------------


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
    clock: Clock,
    wait: Callable[[int], None],
    report: Report,
) -> Iterator[Path]:
    """Measure neutral rounds: every listed endpoint of a model and the control, in random order.

    ``rng`` must be the machine's cryptographic source in a round that counts: its seeds must not
    be known beforehand. The manifest is written anew after each window, so a cut-off run keeps all.

    Raises:
        CampaignError: no endpoint, or an unknown scenario or vantage.
    """
    targets = targets_of(repository, model)
    if not targets:
        raise CampaignError(f"no provider lists an endpoint with an address for {model!r}", "see providers/")
    if vantage not in repository.vantages:
        raise CampaignError(f"unknown vantage {vantage!r}", "add it to methodology/vantages.yaml")
    methodology = repository.methodologies[version]
    reference = methodology_ref(repository, version)
    planned = [(target, scenario_by_id(methodology, name)) for target in targets for name in scenarios]
    begin = clock.unix_ns()
    for number in range(rounds):
        early = begin + int(number * spacing_s * _SECOND_NS) - clock.unix_ns()
        if early > 0:
            wait(early)
        now = dt.datetime.fromtimestamp(clock.unix_ns() / _SECOND_NS, tz=dt.UTC)
        folder = repository.root / "submissions" / "neutral" / f"{now:%Y-%m}-{vantage}-{model}"
        for place, (target, scenario) in enumerate(rng.sample(planned, len(planned))):
            plan = make_plan(
                target,
                methodology,
                reference,
                scenario,
                seed=rng.randbytes(32).hex(),
                vantage=vantage,
                round_id=f"{now:%Y%m%dt%H%M%Sz}",
            )
            index = number * len(planned) + place
            progress = _reporter(report, index, rounds * len(planned), plan)
            path = _measure(folder, plan, scenario.id, clock, wait, progress)
            _write_rounds(folder, reference, vantage, model)
            yield path


def _write_rounds(folder: Path, reference: MethodologyRef, vantage: str, model: str) -> None:
    rounds = Rounds(
        schema_version=1,
        methodology=reference,
        vantage=vantage,
        model=model,
        windows=tuple(RawFile(**raw) for raw in raw_files(folder, "windows")),
        calibrations=tuple(RawFile(**raw) for raw in raw_files(folder, "calibrations")),
        notes=None,
    )
    write_whole(folder / "rounds.yaml", canonical_text("rounds", _as_data(rounds)).encode())


# -- windows on disk -----------------------------------------------------------------------------


def _measure(
    folder: Path,
    plan: Plan,
    scenario: str,
    clock: Clock,
    wait: Callable[[int], None],
    progress: Callable[[int, int], None],
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    now_ns = clock.unix_ns()
    if (folder / "windows" / window_file_name(now_ns, plan.model, scenario, plan.role)).exists():
        wait(_SECOND_NS - now_ns % _SECOND_NS)  # a name holds whole seconds: two windows never share one
    spool = folder / "running.spool"
    sealed = measure_window(plan, spool=spool, clock=clock, progress=progress)
    path = _write_window(folder, sealed, scenario, spool)
    if sealed.stopped:
        raise KeyboardInterrupt
    return path


def _write_window(folder: Path, sealed: Sealed, scenario: str, spool: Path) -> Path:
    header = sealed.window.header
    name = window_file_name(header.clock.start_unix_ns, header.model, scenario, header.role)
    path = folder / "windows" / name
    if path.exists() and path.read_bytes() != sealed.data:
        raise CampaignError(
            f"{path} is there already with other bytes", "move it away; a raw file is never replaced"
        )
    write_whole(path, sealed.data)
    spool.unlink()
    return path


def raw_files(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The manifest entries of a folder's raw files, by name."""
    entries = []
    for path in sorted((folder / kind).glob("*.gz")):
        data = documents.read_bounded(path, windows.MAX_COMPRESSED_BYTES)
        entries.append({"file": f"{kind}/{path.name}", "sha256": windows.digest(data), "bytes": len(data)})
    return entries


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".part")
    scratch.write_bytes(data)
    scratch.replace(path)


def _reporter(report: Report, index: int, count: int, plan: Plan) -> Callable[[int, int], None]:
    name = f"{plan.provider}/{plan.endpoint}"

    def progress(done: int, failed: int) -> None:
        report(Progress(index + 1, count, name, done, failed, plan.requests))

    progress(0, 0)
    return progress


def _whole_seconds(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC).replace(microsecond=0)


def _as_data(value: msgspec.Struct) -> Any:
    return msgspec.to_builtins(value)


def figures_as_claims(
    rows: Iterable[tuple[str, str, str, Mapping[str, float]]], primary: str
) -> list[dict[str, Any]]:
    """Claims from measured figures: (endpoint, model, scenario, {metric: value})."""
    return [
        {
            "endpoint": endpoint,
            "model": model,
            "scenario": scenario,
            "metric": metric,
            "value": value,
            "primary": metric == primary,
        }
        for endpoint, model, scenario, values in rows
        for metric, value in values.items()
    ]
