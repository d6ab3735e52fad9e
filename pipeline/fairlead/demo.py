"""The whole loop on one machine, for real, with endpoints whose timing is known. Knows no real provider.

It works in a scratch root of its own, under a methodology of its own: a day of 60 seconds, and limits
fit for a noisy laptop. Everything it does goes through the functions behind the commands of the same
names; it writes no result that was not measured.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import random
import secrets
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from fairlead import campaign, checks, history, problems, ranking, report, scaffold
from fairlead.clock import Clock, SystemClock
from fairlead.evidence import load_evidence, with_replies
from fairlead.measure.calibrate import Calibrated, LoadShape, calibrate
from fairlead.measure.reference import Reference, start_reference
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, read_log
from fairlead.publish import build_site
from fairlead.repository import Repository, canonical_text, load_repository, read_window

VERSION = "0.1.0"
MODEL = "demo-model"
VANTAGE = "this-machine"
SCENARIO = "chat-c4"
CONTROL = "demo-control"
ROUNDS = 6
_DAY_SECONDS = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Contestant:
    """A reference endpoint, and what its owner says of it (None: what it measured itself)."""

    provider: str
    name: str
    profile: ReferenceProfile
    claims_share: float | None = None


def contestants(seed: str) -> tuple[Contestant, ...]:
    """Three fictional providers and a control, each with a timing of its own."""

    def profile(**settings: Any) -> ReferenceProfile:
        return ReferenceProfile(seed=seed, model=MODEL, ttft_log_sd=0.15, icl_log_sd=0.1, **settings)

    return (
        Contestant("demo-honest", "Demo Honest", profile(ttft_median_ms=40, icl_median_ms=4)),
        Contestant(
            "demo-boastful",
            "Demo Boastful",
            profile(ttft_median_ms=55, icl_median_ms=5),
            claims_share=0.8,
        ),
        Contestant(
            "demo-flaky",
            "Demo Flaky",
            profile(
                ttft_median_ms=40,
                icl_median_ms=4,
                rate_limited_share=0.06,
                stream_error_share=0.03,
                truncated_share=0.03,
            ),
        ),
        Contestant(CONTROL, "Demo Control", profile(ttft_median_ms=40, icl_median_ms=4)),
    )


def short_certificate(shape: LoadShape) -> Calibrated:
    """A certificate from one second of a load whose chunks come as the demo's endpoints send them."""
    short = msgspec.structs.replace(shape, seconds=1.0, ttft_ms=40.0, icl_ms=4.0)
    return calibrate(short, seed=secrets.token_hex(16))


def run_demo(
    out: Path | None,
    *,
    seed: int | None,
    say: Callable[[str], None],
    report: campaign.Report,
    wait: Callable[[int], None],
) -> int:
    """Run the loop in ``out`` (a new temporary folder if None). Returns the exit code.

    Raises:
        OSError: the folder is not empty, or cannot be written.
    """
    root = Path(tempfile.mkdtemp(prefix="fairlead-demo-")) if out is None else out.resolve()
    if root.is_dir() and any(root.iterdir()):
        raise FileExistsError(17, "the folder is not empty; name a new one with --out", str(root))
    clock = SystemClock()
    run = _Run(root / "root", root, say, campaign.Gear(clock, wait, report, short_certificate), clock)
    return run.all(f"{seed:016x}" if seed is not None else secrets.token_hex(16))


@dataclasses.dataclass(slots=True)
class _Run:
    root: Path
    folder: Path
    say: Callable[[str], None]
    gear: campaign.Gear
    clock: Clock
    step: int = 0

    def all(self, seed: str) -> int:
        field = contestants(seed)
        with contextlib.ExitStack() as stack:
            self.tell(f"starting {len(field)} reference endpoints on loopback")
            running = {
                one.provider: stack.enter_context(start_reference(one.profile, log=self.log(one)))
                for one in field
            }
            self.tell(f"making a root in {self.root}")
            self.found(field, running)
            self.tell("registering claims, then measuring and submitting them")
            for one in field[:-1]:
                self.claim(one)
            self.tell(f"measuring {ROUNDS} neutral rounds of {len(field)} endpoints, in random order")
            self.rounds()
        self.tell("checking every file, and that nothing frozen changed")
        if not self.check():
            return 1
        self.tell("ranking and building the site")
        rows = self.rows()
        pages = self.build(rows)
        self.say("\nNeutral rounds beside what each endpoint wrote into its own log of the same requests:\n")
        self.say(_comparison(field, rows, {one.provider: self.known(one, rows) for one in field}))
        self.say(f"\nroot: {self.root}\nsite: {self.folder / 'site' / 'index.html'} ({pages} pages)")
        return 0

    def tell(self, text: str) -> None:
        self.step += 1
        self.say(f"{self.step}. {text}")

    def log(self, one: Contestant) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{one.provider}.log.jsonl"

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.unix_ns() / 1e9, tz=dt.UTC)

    def load(self) -> Repository:
        repository, found = load_repository(self.root)
        if found:
            raise AssertionError(problems.render_text(found))
        return repository

    def found(self, field: Sequence[Contestant], running: Mapping[str, Reference]) -> None:
        make_root(self.root, field, running)
        history.commit_all(self.root, "Found the demo's root")

    def claim(self, one: Contestant) -> None:
        folder = campaign.register(
            self.load(),
            provider=one.provider,
            endpoint="main",
            model=MODEL,
            scenarios=(SCENARIO,),
            version=VERSION,
            vantage=VANTAGE,
            windows_each=1,
            spacing_s=0,
            slug="demo",
            now=self.now(),
            seed=secrets.token_hex(32),
            by=None,
        )
        submission = folder.relative_to(self.root / "submissions").as_posix()
        history.commit_all(self.root, f"Register {submission}")
        for _ in campaign.measure_claim(self.load(), submission, self.gear):
            pass
        repository = self.load()
        figures = report.claimable_figures(repository, submission)
        if one.claims_share is not None:
            figures = [(*head, _embellished(values, one.claims_share)) for *head, values in figures]  # type: ignore[misc]
        campaign.submit(
            repository,
            submission,
            title=f"{one.name}: one window",
            disclosures=dict.fromkeys(
                ("accelerator", "accelerator_count", "precision", "region", "prompt_cache", "capacity")
            ),
            claims=campaign.figures_as_claims(figures, "ttft_p50_ms"),
            now=self.now(),
            by=None,
        )
        history.commit_all(self.root, f"Submit {submission}")

    def rounds(self) -> None:
        for _ in campaign.measure_rounds(
            self.load(),
            model=MODEL,
            version=VERSION,
            vantage=VANTAGE,
            scenarios=(SCENARIO,),
            rounds=ROUNDS,
            spacing_s=0,
            rng=random.SystemRandom(),
            gear=self.gear,
        ):
            pass

    def check(self) -> bool:
        found = checks.run_checks(self.root, base="HEAD", now=self.now())
        if found:
            self.say(problems.render_text(found))
        if any(problem.severity is problems.Severity.ERROR for problem in found):
            return False
        history.commit_all(self.root, "Add neutral rounds")
        return True

    def rows(self) -> tuple[ranking.Row, ...]:
        repository = self.load()
        evidence, found = load_evidence(repository)
        if found:
            raise AssertionError(problems.render_text(found))
        evidence = with_replies(repository, evidence)
        return ranking.build_rows(
            evidence, repository.providers, repository.methodologies, now_unix_ns=self.clock.unix_ns()
        )

    def known(self, one: Contestant, rows: Sequence[ranking.Row]) -> dict[str, float]:
        """What an endpoint did with the requests of its neutral windows, by its own log."""
        asked = {
            request.provider_request_id
            for item in _row(rows, one.provider, ranking.Origin.NEUTRAL).valid
            for request in read_window(self.root / item.path).requests
        }
        return known_figures([entry for entry in read_log(self.log(one)) if entry.id in asked])

    def build(self, rows: Sequence[ranking.Row]) -> int:
        outcome = build_site(
            self.load(), rows, out=self.folder / "site", now=self.now(), commit=history.commit_id(self.root)
        )
        return outcome.pages


def _embellished(values: Mapping[str, float], share: float) -> dict[str, float]:
    """Figures as a boaster states them: latencies cut to a share, speeds raised by it."""
    return {
        name: round(value * share if name.endswith("_ms") else value / share, 4)
        if name != "success_rate"
        else value
        for name, value in values.items()
    }


# -- the demo's own files ------------------------------------------------------------------------


def make_root(root: Path, field: Sequence[Contestant], running: Mapping[str, Reference]) -> None:
    """Make the demo's root, for endpoints that are running: its own method under the board's own rules."""
    files = {
        path: data
        for path, data in scaffold.shipped_files().items()
        if path.startswith("methodology/governance/")
    }
    files |= {path: text.encode() for path, text in _documents(field, running).items()}
    added = scaffold.create_root(root, files)
    if added.problems:
        raise AssertionError(problems.render_text(added.problems))


def _documents(field: Sequence[Contestant], running: Mapping[str, Reference]) -> dict[str, str]:
    texts = {
        "methodology/models.yaml": canonical_text("models", _models()),
        "methodology/vantages.yaml": canonical_text("vantages", _vantages()),
        "methodology/versions.yaml": canonical_text("versions", _versions()),
        f"methodology/versions/{VERSION}/methodology.yaml": canonical_text("methodology", _methodology()),
        f"methodology/versions/{VERSION}/methodology.md": _PROSE,
    }
    for one in field:
        texts[f"providers/{one.provider}.yaml"] = canonical_text(
            "provider", _provider(one, running[one.provider].url)
        )
    return texts


_PROSE = """# The demo's methodology

It exists to run the whole loop in under a minute on one machine. Its day lasts {{ day_seconds }}
seconds, its limits are fit for a noisy laptop, and its figures say nothing about any real provider.
"""


def _models() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "models": [
            {
                "id": MODEL,
                "name": "Demo model",
                "developer": "nobody",
                "tokenizer": None,
                "notes": "Not a language model: reference endpoints stream made-up words on a schedule.",
            }
        ],
    }


def _vantages() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "vantages": [
            {
                "id": VANTAGE,
                "name": "The machine the demo ran on",
                "region": None,
                "network": "loopback interface",
                "operator": None,
                "notes": None,
            }
        ],
    }


def _versions() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "versions": [
            {
                "version": VERSION,
                "state": "draft",
                "sha256": None,
                "ratified_by": None,
                "date": None,
                "changes": "Made by the demo.",
            }
        ],
    }


def _methodology() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "version": VERSION,
        "title": "Demo",
        "day_seconds": _DAY_SECONDS,
        "workloads": [{"id": "chat-demo", "kind": "chat", "input_words": 40, "output_tokens_max": 16}],
        "scenarios": [
            {
                "id": SCENARIO,
                "workload": "chat-demo",
                "kind": "closed",
                "concurrency": 4,
                "rate_per_s": None,
                "arrivals": None,
                "requests": 40,
                "ramp_ms": 50,
            }
        ],
        "control": CONTROL,
        "window": {"requests_min": 30, "requests_per_stream_min": 10, "steady_e2e_medians_min": 3},
        "timeouts": {"connect_ms": 5000, "first_chunk_ms": 10000, "total_ms": 30000},
        "limits": {
            "schedule_delay_p99_ms": 50,
            "clock_step_ms": 100,
            "token_disagreement_share": 0.05,
            "output_length_min_share": 0.9,
            "stutter_gap_ms": 100,
            "invalid_windows_share": 0.1,
        },
        "calibration": {"required": True, "token_error_p99_ms": 200, "ttft_error_p99_ms": 200},
        "statistics": {"confidence": 0.95, "family_error": 0.05, "rounds_min": 4},
        "ranking": {
            "metrics": ["ttft_p50_ms", "output_speed_p50_tps", "e2e_p50_ms", "system_throughput_tps"],
            "success_rate_min": 0.95,
            "stale_badge_days": 30,
            "stale_unranked_days": 90,
        },
        "verdict": {
            "latency_margin_share": 0.1,
            "throughput_margin_share": 0.1,
            "success_margin_share": 0.01,
        },
        "notes": "Made by the demo.",
    }


def _provider(one: Contestant, url: str) -> dict[str, Any]:
    served: dict[str, Any] = {
        "model": MODEL,
        "api_model": MODEL,
        "accelerator": None,
        "accelerator_count": None,
        "precision": None,
        "context_tokens": None,
        "prompt_cache": "none",
        "prices": [],
    }
    return {
        "schema_version": 1,
        "name": one.name,
        "status": "reference",
        "organisation": None,
        "website": None,
        "contacts": [],
        "benchmark_permission": None,
        "endpoints": [
            {
                "id": "main",
                "base_url": url,
                "dialect": "openai-chat",
                "http": "1.1",
                "region": None,
                "models": [served],
            }
        ],
        "interests": [],
        "notes": "Fictional. It exists only in this demo.",
    }


# -- what was measured against what is known -----------------------------------------------------


def _comparison(
    field: Sequence[Contestant], rows: Sequence[ranking.Row], known: Mapping[str, Mapping[str, float]]
) -> str:
    """A table: each endpoint's figures as measured in neutral rounds, beside what it is known to do."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("endpoint", "figure", "known", "measured", "95 % interval", "error", "claimed", "rank"):
        table.add_column(column, justify="left" if column in ("endpoint", "figure") else "right")
    for one in field:
        neutral = _row(rows, one.provider, ranking.Origin.NEUTRAL)
        claim = _row(rows, one.provider, ranking.Origin.CLAIM)
        for place, (name, truth) in enumerate(known[one.provider].items()):
            measured = neutral.figures[name]
            rank = neutral.ranks.get(name)
            table.add_row(
                "" if place else one.provider,
                next(figure.label for figure in ranking.FIGURES if figure.name == name),
                report.format_value(name, truth),
                report.format_value(name, measured.value),
                f"{report.format_value(name, measured.low)} – {report.format_value(name, measured.high)}",
                _difference(name, measured.value, truth),
                "" if claim is None else _claimed(one, name, claim),
                report.rank_range(rank) if rank else "",
            )
    console = Console(width=118, color_system=None, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table)
        for one in field:
            for reason in _row(rows, one.provider, ranking.Origin.NEUTRAL).unranked:
                console.print(f"{one.provider} is not ranked: {reason}")
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def known_figures(log: Sequence[LoggedRequest]) -> dict[str, float]:
    """What an endpoint did, by its own log: TTFT p50 and TPOT p50 in ms, success rate.

    TTFT runs from a request's arrival to the first chunk that was written, TPOT over the chunks after it.
    """
    whole = [entry for entry in log if entry.fate == "ok" and entry.written_ns]
    return {
        "ttft_p50_ms": statistics.median(entry.written_ns[0] - entry.received_ns for entry in whole) / 1e6,
        "tpot_p50_ms": statistics.median(
            (entry.written_ns[-1] - entry.written_ns[0]) / sum(entry.tokens[1:])
            for entry in whole
            if sum(entry.tokens[1:])
        )
        / 1e6,
        "success_rate": len(whole) / len(log),
    }


def _row(rows: Sequence[ranking.Row], provider: str, origin: ranking.Origin) -> Any:
    return next((row for row in rows if row.provider == provider and row.origin is origin), None)


def _difference(name: str, measured: float, known: float) -> str:
    if name == "success_rate":
        points = round((measured - known) * 100, 1) + 0.0  # no minus before a difference of nothing
        return f"{points:+.1f} pt"
    return f"{measured - known:+.2f} ms"


def _claimed(one: Contestant, name: str, claim: ranking.Row) -> str:
    value = claim.figures[name].value
    if value is None:
        return ""
    if one.claims_share is not None and name.endswith("_ms"):
        value *= one.claims_share
    return report.format_value(name, value)
