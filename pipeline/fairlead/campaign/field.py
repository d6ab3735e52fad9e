"""One round in the field: certificates around windows, and raw files that are whole or not there.

Knows no provider and no rule of a claim. A window is measured by the runner and written once the
certificate after the round is there; until then its spool keeps every finished request, and a spool
that a killed run left is sealed by the next one: what was cut off is kept, never overwritten.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import msgspec

from fairlead import documents, windows
from fairlead.campaign.plans import CampaignError
from fairlead.clock import NS_PER_S, Clock
from fairlead.cluster.crew import Crew
from fairlead.evidence import steady_rules
from fairlead.measure.calibrate import Calibrated, LoadShape, shape_of
from fairlead.measure.plan import Plan
from fairlead.measure.policy import Secret
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Sealed, SpoolError, discard, is_blank, seal, with_calibration
from fairlead.metrics import tabulate
from fairlead.model import Methodology, window_file_name
from fairlead.ranking import invalid_reasons
from fairlead.scaffold import write_whole
from fairlead.tokens import Pinned

RUNS_MAX = 2  # a window that does not count is measured once more, never a third time
CERTIFICATE_GOOD_FOR_NS = 3600 * NS_PER_S  # the machine's own hour, whatever a methodology calls a day


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
Calibrate = Callable[[LoadShape], Calibrated]
Certificates = Mapping[str, Calibrated]
"""The certificates of one load by the name of the node; of this machine alone, under no name."""
_HERE = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One window to measure: its plan, its scenario, and its place among all of the campaign."""

    plan: Plan
    scenario: str
    place: int


@dataclasses.dataclass(slots=True)
class Gear:
    """What a campaign works with: clocks, ways to wait and to report, keys, and the certificates at hand.

    ``calibrate`` measures the client's own error under the shape of a load; a certificate is used again
    for as long as it is good. ``keys``: by provider; a provider without one is measured without.
    ``tokenizers``: by digest; a model that pins one is not measured without it. ``crew``: the nodes that
    share every window, each with certificates of its own; without one, this machine measures.
    """

    clock: Clock
    wait: Callable[[int], None]
    report: Report
    calibrate: Calibrate
    keys: Mapping[str, Secret] = dataclasses.field(default_factory=dict)
    tokenizers: Mapping[str, Pinned] = dataclasses.field(default_factory=dict)
    crew: Crew | None = None
    _latest: dict[LoadShape, Certificates] = dataclasses.field(default_factory=dict)

    def certificates_before(self, shape: LoadShape) -> Certificates:
        """The latest certificates of this shape if they are good still, else new ones."""
        latest = self._latest.get(shape)
        if latest is not None and latest.keys() == self._nodes(shape):
            taken = [self.clock.unix_ns() - one.certificate.taken_unix_ns for one in latest.values()]
            if all(0 <= age_ns < CERTIFICATE_GOOD_FOR_NS for age_ns in taken):
                return latest
        return self.certificates_after(shape)

    def certificates_after(self, shape: LoadShape) -> Certificates:
        """New certificates of this shape."""
        self._latest[shape] = (
            {_HERE: self.calibrate(shape)} if self.crew is None else self.crew.certify(shape)
        )
        return self._latest[shape]

    def _nodes(self, shape: LoadShape) -> Set[str]:
        return {_HERE} if self.crew is None else self.crew.shares(shape.processes).keys()

    def _shared_out(self, job: Job) -> Job:
        """The job, over as many processes as the crew carries it with."""
        if self.crew is None:
            return job
        processes = self.crew.processes_for(job.plan.concurrency)
        return dataclasses.replace(job, plan=msgspec.structs.replace(job.plan, processes=processes))

    def begin_round(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs as they will be measured, by the nodes that are there now."""
        if self.crew is not None:
            self.crew.mend()
        return [self._shared_out(job) for job in jobs]

    @property
    def is_short_handed(self) -> bool:
        """Whether a node was lost since the round began: what is left of it waits for the next."""
        return self.crew is not None and bool(self.crew.lost)


def measure_round(folder: Path, jobs: Sequence[Job], count: int, gear: Gear) -> Iterator[Path]:
    """Measure windows one after another between two certificates of each load; yields each raw file.

    ``count`` is the number of windows of the whole campaign, for the report. A node that is lost ends the
    round: fewer files are yielded than there are jobs.

    Raises:
        KeyboardInterrupt: after everything that was measured is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = gear.begin_round(jobs)
    shapes = {job.place: shape_of(job.plan) for job in jobs}
    before = {shape: gear.certificates_before(shape) for shape in dict.fromkeys(shapes.values())}
    sealed: list[tuple[Job, Sealed, Path]] = []
    after: dict[LoadShape, Certificates] = {}
    try:
        for job in jobs:
            _wait_for_a_name(folder, job, sealed, gear)
            spool = folder / f"{job.place}.{job.plan.provider}.{job.scenario}.spool"
            window = measure_window(
                job.plan,
                spool=spool,
                clock=gear.clock,
                progress=_reporter(gear.report, job, count),
                key=gear.keys.get(job.plan.provider),
                tokenizer=gear.tokenizers.get(job.plan.tokenizer_sha256 or ""),
                run_all=None if gear.crew is None else gear.crew.run,
            )
            sealed.append((job, window, spool))
            if window.stopped:
                raise KeyboardInterrupt
            if gear.is_short_handed:
                break
        after = {shape: gear.certificates_after(shape) for shape in before}
    finally:
        paths = [
            _write_window(
                folder, job, window, spool, before[shapes[job.place]], after.get(shapes[job.place], {})
            )
            for job, window, spool in sealed
        ]
    yield from paths


def reasons_against(window: windows.Window, methodology: Methodology) -> tuple[str, ...]:
    """Why a window does not count by the methodology's limits; empty if it counts."""
    return invalid_reasons(tabulate(window, steady_rules(methodology)), methodology)


def keep_left_overs(folder: Path, gear: Gear) -> list[Path]:
    """Seal what a killed run left in a folder: what had finished is kept, as a window that was cut off.

    Raises:
        CampaignError: a spool that cannot be sealed: no spool, or its key or its tokenizer is not here.
    """
    kept = []
    for spool in sorted(folder.glob("*.*.*.spool")):
        if is_blank(spool):
            discard(spool)
            continue
        _, provider, scenario, _ = spool.name.split(".")
        try:
            window = seal(spool, gear.keys.get(provider), gear.tokenizers)
        except SpoolError as error:
            raise CampaignError(
                str(error), f"give what it asks for, or delete {spool} to give its requests up"
            ) from None
        if window.requests:
            kept.append(_write(folder, scenario, window))
        discard(spool)
    return kept


def _wait_for_a_name(folder: Path, job: Job, sealed: Sequence[tuple[Job, Sealed, Path]], gear: Gear) -> None:
    """A name holds whole seconds: two windows never share one."""
    now_ns = gear.clock.unix_ns()
    taken = {_file_name(other.scenario, window) for other, window, _ in sealed}
    name = window_file_name(now_ns, job.plan.model, job.scenario, job.plan.role)
    if name in taken or (folder / "windows" / name).exists():
        gear.wait(NS_PER_S - now_ns % NS_PER_S)


def _file_name(scenario: str, sealed: Sealed) -> str:
    header = sealed.header
    return window_file_name(header.clock.start_unix_ns, header.model, scenario, header.role)


def _write_window(
    folder: Path, job: Job, sealed: Sealed, spool: Path, before: Certificates, after: Certificates
) -> Path:
    for calibrated in (*before.values(), *after.values()):
        name = f"{calibrated.certificate.sha256}.json.gz"
        write_whole(folder / "calibrations" / name, calibrated.data)
    stated = {
        name: windows.Calibration(before=_certificate(before.get(name)), after=_certificate(after.get(name)))
        for name in before
    }
    own = stated.get(_HERE, windows.Calibration(before=None, after=None))
    path = _write(folder, job.scenario, with_calibration(sealed, own.before, own.after, stated))
    discard(spool)
    return path


def _certificate(calibrated: Calibrated | None) -> windows.Certificate | None:
    return None if calibrated is None else calibrated.certificate


def _write(folder: Path, scenario: str, sealed: Sealed) -> Path:
    path = folder / "windows" / _file_name(scenario, sealed)
    if path.exists() and path.read_bytes() != sealed.data:
        fix = "move it away; a raw file is never replaced"
        raise CampaignError(f"{path} is there already with other bytes", fix)
    write_whole(path, sealed.data)
    return path


def raw_files(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The manifest entries of a folder's raw files, by name."""
    entries = []
    for path in sorted((folder / kind).glob("*.gz")):
        data = documents.read_bounded(path, windows.MAX_COMPRESSED_BYTES)
        entries.append({"file": f"{kind}/{path.name}", "sha256": windows.digest(data), "bytes": len(data)})
    return entries


def as_data(value: msgspec.Struct) -> Any:
    """A struct as the data of its file."""
    return msgspec.to_builtins(value)


def _reporter(report: Report, job: Job, count: int) -> Callable[[int, int], None]:
    name = f"{job.plan.provider}/{job.plan.endpoint}"

    def progress(done: int, failed: int) -> None:
        report(Progress(job.place + 1, count, name, done, failed, job.plan.requests))

    progress(0, 0)
    return progress
