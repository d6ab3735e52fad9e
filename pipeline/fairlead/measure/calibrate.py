"""The measuring client judged by the reference endpoint. Knows no provider, no rule and no command line.

The reference runs in another process, on another core where there are two, under the load of the window to
come; the client is the one that measures, with nothing taken away and nothing added. What the two then say of
every chunk is compared in :mod:`fairlead.measure.certificate`.
"""

from __future__ import annotations

import math
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairlead import windows
from fairlead.clock import Clock
from fairlead.measure import runner
from fairlead.measure.certificate import Cost, Report, Setting, compare, encode_report, summary
from fairlead.measure.cores import cores_apart
from fairlead.measure.plan import Limits, Plan
from fairlead.measure.processes import Progress, RunAll
from fairlead.measure.reference import LOOPBACK_PEM, Reference, start_reference
from fairlead.measure.schedule import Arrivals
from fairlead.measure.spool import Sealed
from fairlead.measure.truth import DEFAULT_MAX_TOKENS, ReferenceProfile, read_log

_MIN_TOKENS = 8
_MAX_TOKENS = 2_000
_MIN_REQUESTS = 32  # fewer say little of TTFT; at a low concurrency each stream sends several, shorter ones
_MIN_ARRIVALS = 8  # of an open loop
_ASKED = 2  # calibrations at most before a concurrency is held not to be trusted
_ROUNDS = (2, 8)  # requests a stream, at least and at most: a second one begins amid the others' chunks


class LoadShape(msgspec.Struct, frozen=True, kw_only=True):
    """The load at which the client is judged, against known chunks at known times.

    A closed loop at a concurrency. With ``rate_per_s`` and ``arrivals`` an open loop: ``concurrency`` is then
    the most requests under way, and each asks for ``max_tokens`` as far as ``seconds`` allow. ``seconds``:
    about how long the run lasts, an open loop at a low rate longer. ``ttft_ms``, ``icl_ms``,
    ``tokens_per_chunk``: of each stream. ``ramp_ns``: over which the streams start; with 0 all of a closed
    loop stay in phase, the worst case for one loop. ``processes``: that share the load.

    Raises:
        ValueError: a load that cannot be run, in words for whoever typed it.
    """

    concurrency: int
    seconds: float = 5.0
    ttft_ms: float = 200.0
    icl_ms: float = 10.0
    tokens_per_chunk: int = 1
    input_words: int = 200
    ramp_ns: int = 0
    tls: bool = False
    http: windows.Http = "1.1"
    limits: Limits = Limits()
    rate_per_s: float | None = None
    arrivals: Arrivals | None = None
    max_tokens: int = DEFAULT_MAX_TOKENS
    processes: int = 1

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 0.1 <= self.seconds <= 600:
            raise ValueError("seconds: between 0.1 and 600")
        if not 0 < self.icl_ms <= 10_000:
            raise ValueError("icl: above 0 and at most 10,000 ms")
        self.profile()
        self.plan(f"http{'s' * self.tls}://127.0.0.1/v1", "00")

    def profile(self) -> ReferenceProfile:
        """What the reference is to do: constant times, no failure."""
        return ReferenceProfile(
            ttft_median_ms=float(self.ttft_ms),
            icl_median_ms=float(self.icl_ms),
            tokens_per_chunk=self.tokens_per_chunk,
        )

    def plan(self, url: str, seed: str) -> Plan:
        """The window to run against the reference at ``url``."""
        requests, each_s, most = self._closed() if self.rate_per_s is None else self._open(self.rate_per_s)
        chunks = (each_s * 1000 - self.ttft_ms) / self.icl_ms
        tokens = int(min(max(chunks * self.tokens_per_chunk, _MIN_TOKENS), most))
        return Plan(
            url=url,
            model="reference",
            concurrency=self.concurrency,
            requests=requests,
            seed=seed,
            max_tokens=max(tokens, 2 * self.tokens_per_chunk),
            rate_per_s=self.rate_per_s,
            arrivals=self.arrivals,
            input_words=self.input_words,
            ramp_ns=self.ramp_ns,
            processes=self.processes,
            http=self.http,
            limits=self.limits,
            provider="reference",
            endpoint="reference",
        )

    def _closed(self) -> tuple[int, float, int]:
        """(requests, about how many seconds each, the most tokens of each)."""
        rounds = min(max(math.ceil(_MIN_REQUESTS / max(self.concurrency, 1)), _ROUNDS[0]), _ROUNDS[1])
        return rounds * self.concurrency, self.seconds / rounds, _MAX_TOKENS

    def _open(self, rate_per_s: float) -> tuple[int, float, int]:
        return max(math.ceil(self.seconds * rate_per_s), _MIN_ARRIVALS), self.seconds, self.max_tokens


def shape_of(plan: Plan, *, seconds: float = 5.0) -> LoadShape:
    """The load of a window to come: its concurrency or rate, ramp, limits, length of prompts, what it speaks.

    Of an open loop the length of answers too: with the rate, it makes the tokens a second.
    """
    return LoadShape(
        concurrency=plan.concurrency,
        seconds=seconds,
        input_words=plan.input_words,
        ramp_ns=plan.ramp_ns,
        tls=plan.url.startswith("https:"),
        http=plan.http,
        limits=plan.limits,
        rate_per_s=plan.rate_per_s,
        arrivals=plan.arrivals,
        max_tokens=plan.max_tokens if plan.is_open else DEFAULT_MAX_TOKENS,
        processes=plan.processes,
    )


@dataclass(frozen=True)
class Calibrated:
    """The report of a calibration, its summary, and its file's bytes, of which ``certificate.sha256`` is the
    digest: they belong in ``calibrations/<sha256>.json.gz``."""

    report: Report
    certificate: windows.Certificate
    data: bytes


def calibrate(
    shape: LoadShape,
    *,
    seed: str,
    clock: Clock | None = None,
    commit: str | None = None,
    progress: Progress | None = None,
    run_all: RunAll | None = None,
) -> Calibrated:
    """Run the shape against the reference and compare. Blocks; ``clock``, ``commit``, ``progress`` and
    ``run_all`` are those of :func:`~fairlead.measure.runner.measure_window`.

    Meanwhile this process keeps to cores that are not the reference's, where there are two. ``seed``: hex, of
    which the prompts are made.

    Raises:
        ReferenceStartError: the reference did not come up.
        UnmatchedError: nothing that came back could be matched.
        KeyboardInterrupt: the run was stopped; there is no certificate of half a run.
    """
    profile = shape.profile()
    with tempfile.TemporaryDirectory(prefix="fairlead-") as folder, cores_apart() as (ours, theirs):
        log = Path(folder) / "log"
        with start_reference(profile, log=log, cores=theirs, tls=shape.tls) as reference:
            plan = shape.plan(reference.url, seed)
            setting = _setting(ours, reference, shape)
            sealed, cost = _costed(
                lambda: runner.measure_window(
                    plan,
                    spool=Path(folder) / "spool",
                    clock=clock,
                    commit=commit,
                    progress=progress,
                    authorities=LOOPBACK_PEM if shape.tls else None,
                    run_all=run_all,
                )
            )
        if shape.processes > 1 or run_all is not None:  # whoever waited is not this process
            cost = msgspec.structs.replace(cost, waited_ns=None)
        if sealed.stopped:
            raise KeyboardInterrupt
        entries = read_log(log)
    report = compare(
        sealed.window,
        entries,
        profile=profile,
        request_tokens=plan.max_tokens,
        setting=setting,
        cost=cost,
    )
    data = encode_report(report)
    return Calibrated(report, summary(report, windows.digest(data)), data)


def find_trusted_concurrency(
    certify: Callable[[int], windows.Certificate], *, limit_ns: int, most: int = 1024
) -> int | None:
    """The highest concurrency whose token stamp error is at most ``limit_ns`` at p99, with no token missing.

    ``certify(concurrency)`` is a calibration. Concurrencies are doubled while they hold, then the gap to the
    first that does not is halved until it is an eighth: the answer is one that held, never a guess between.
    One that does not hold is asked once more: whatever else the machine did meanwhile is not its limit, and
    a search that believed it would end there. None: not even one stream holds.
    """

    def holds(concurrency: int) -> bool:
        certificates = (certify(concurrency) for _ in range(_ASKED))
        return any(one.missing == 0 and abs(one.token_error_ns[3]) <= limit_ns for one in certificates)

    good, bad = 0, most + 1
    while good < most and bad > most:
        tried = min(max(2 * good, 1), most)
        good, bad = (tried, bad) if holds(tried) else (good, tried)
    while good and bad <= most and bad - good > max(good // 8, 1):
        tried = (good + bad) // 2
        good, bad = (tried, bad) if holds(tried) else (good, tried)
    return good or None


# --- the machine ---------------------------------------------------------------------------------------


def _setting(ours: set[int], reference: Reference, shape: LoadShape) -> Setting:
    theirs = set(reference.cores)
    return Setting(
        client_cores=sorted(ours),
        reference_cores=sorted(theirs),
        shared_core=not (ours and theirs and ours.isdisjoint(theirs)),
        siblings=_are_siblings(ours, theirs),
        tls=shape.tls,
        http=shape.http,
        processes=shape.processes,
    )


def _are_siblings(ours: set[int], theirs: set[int]) -> bool | None:
    """Whether a core of each are threads of one physical core; None where the system does not say."""
    topology = "/sys/devices/system/cpu/cpu{}/topology/{}"
    try:
        physical = {
            core: tuple(
                Path(topology.format(core, name)).read_text("ascii")
                for name in ("physical_package_id", "core_id")
            )
            for core in ours | theirs
        }
    except (OSError, ValueError):
        return None
    return not {physical[core] for core in ours}.isdisjoint(physical[core] for core in theirs)


def _costed(work: Callable[[], Sealed]) -> tuple[Sealed, Cost]:
    waited_ns, used_ns = _waited_ns(), _used_ns()
    sealed = work()
    cpu_ns = _used_ns() - used_ns
    after_ns = _waited_ns()
    waited = None if waited_ns is None or after_ns is None else after_ns - waited_ns
    return sealed, Cost(cpu_ns=cpu_ns, waited_ns=waited)


def _used_ns() -> int:
    """The processor time of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time_ns() + round((children.ru_utime + children.ru_stime) * 1e9)


def _waited_ns() -> int | None:
    """How long this process's main thread was ready to run without a core; None where it is not told."""
    try:
        fields = Path("/proc/self/schedstat").read_text("ascii").split()
        return int(fields[1])
    except (OSError, ValueError, IndexError):
        return None
