"""The whole loop on one machine, for real, with endpoints whose timing is known. Knows no real provider.

It works in a scratch root of its own, under a methodology of its own: the board's, with a day of half a
minute, and limits fit for a noisy laptop. Everything it does goes through the functions behind the commands
of the same names; it writes no result that was not measured.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import random
import secrets
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fairlead import board, campaign, checks, history, problems, ranking, report
from fairlead.clock import Clock, SystemClock
from fairlead.demo.field import (
    CONTROL,
    DAY_SECONDS,
    LOOKS,
    MODEL,
    SCENARIO,
    VANTAGE,
    VERSION,
    Contestant,
    contestants,
    make_root,
    short_certificate,
)
from fairlead.demo.shown import comparison, known_figures, row_of, rulings
from fairlead.evidence import load_evidence, with_replies
from fairlead.measure.reference import Reference, start_reference
from fairlead.measure.truth import read_log
from fairlead.model import GitHub
from fairlead.profile import hour_of_day
from fairlead.publish import build_site
from fairlead.repository import Repository, load_repository, read_window
from fairlead.verdict import SubmissionVerdict, judge_repository, judge_submission

__all__ = [
    "CONTROL",
    "LOOKS",
    "MODEL",
    "SCENARIO",
    "VANTAGE",
    "VERSION",
    "Contestant",
    "contestants",
    "known_figures",
    "make_root",
    "run_demo",
    "short_certificate",
]

_RUNNER = GitHub(login="demo-runner", id=1)


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
                one.provider: stack.enter_context(
                    start_reference(one.profile, log=self.log(one), tricks=one.tricks)
                )
                for one in field
            }
            self.tell(f"making a root in {self.root}")
            self.found(field, running)
            self.tell("registering claims, then measuring and submitting them")
            claims = {one.provider: self.claim(one) for one in field[:-1]}
            again = [claims[one.provider] for one in field[:-1] if one.is_rerun]
            self.tell(
                f"measuring {len(again)} claims again in rounds of all {len(field)} endpoints; "
                "checking every file, and that nothing frozen changed"
            )
            for submission in again:
                self.rerun(submission)
                if not self.check(f"Measure {submission} again"):
                    return 1
        self.tell("judging, ranking and building the site")
        repository = self.load()
        rows = self.rows(repository)
        verdicts = judge_repository(repository, [item for row in rows for item in row.evidence])
        pages = self.build(rows)
        self.say("\nNeutral rounds beside what each endpoint wrote into its own log of the same requests:\n")
        self.say(comparison(field, rows, {one.provider: self.known(one, rows) for one in field}))
        self.rule(field, rows, verdicts, repository)
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

    def claim(self, one: Contestant) -> str:
        folder = campaign.register(
            self.load(),
            provider=one.provider,
            endpoint=None,
            models=(MODEL,),
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
        self.wait_for_a_good_hour(one)
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
        return submission

    def wait_for_a_good_hour(self, one: Contestant) -> None:
        """Who fails in the evening measures its claim in the morning."""
        if one.tricks is None or not one.tricks.bad_for_s:
            return
        day_ns = int(one.tricks.day_s * 1e9)
        since_ns = (self.clock.unix_ns() - int((one.tricks.bad_from_s + one.tricks.bad_for_s) * 1e9)) % day_ns
        if since_ns > day_ns // 2:
            self.gear.wait(day_ns - since_ns)

    def rerun(self, submission: str) -> None:
        def verdict() -> SubmissionVerdict:
            repository = self.load()
            return judge_submission(repository, load_evidence(repository)[0], submission)

        for _ in campaign.measure_rerun(
            self.load(),
            submission,
            started_by=_RUNNER,
            rounds=LOOKS[-1],
            spacing_s=0,
            rng=random.SystemRandom(),
            gear=self.gear,
            is_enough=lambda: verdict().is_certain,
        ):
            pass

    def check(self, message: str) -> bool:
        found = checks.run_checks(self.root, base="HEAD", now=self.now())
        if found:
            self.say(problems.render_text(found))
        if any(problem.severity is problems.Severity.ERROR for problem in found):
            return False
        history.commit_all(self.root, message)
        return True

    def rows(self, repository: Repository) -> tuple[ranking.Row, ...]:
        evidence, found = load_evidence(repository)
        if found:
            raise AssertionError(problems.render_text(found))
        return board.rows_of(repository, with_replies(repository, evidence), self.now())

    def known(self, one: Contestant, rows: Sequence[ranking.Row]) -> dict[str, float]:
        """What an endpoint did with the requests of its neutral windows, by its own log."""
        hours = {
            request.provider_request_id: hour_of_day(item.table.start_unix_ns, DAY_SECONDS)
            for item in row_of(rows, one.provider, ranking.Origin.NEUTRAL).valid
            for request in read_window(self.root / item.path).requests
        }
        return known_figures(
            [(hours[entry.id], entry) for entry in read_log(self.log(one)) if entry.id in hours]
        )

    def rule(
        self,
        field: Sequence[Contestant],
        rows: Sequence[ranking.Row],
        verdicts: Mapping[str, SubmissionVerdict],
        repository: Repository,
    ) -> None:
        for provider, is_caught, sentences in rulings(
            field, rows, verdicts, repository.methodologies[VERSION]
        ):
            self.say(f"\n{provider}: {'caught' if is_caught else 'passed'}")
            for sentence in sentences:
                self.say(textwrap.fill(sentence, 100, initial_indent="  ", subsequent_indent="  "))

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
