"""Claims and neutral rounds over real sockets: planned, measured, cut off, gone on with, sealed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from fairlead import campaign, checks, demo, history, model, windows
from fairlead.campaign import claims
from fairlead.clock import NS_PER_S, SystemClock, pause
from fairlead.evidence import load_evidence, with_replies
from fairlead.fidelity import Answers
from fairlead.measure import connection
from fairlead.measure.calibrate import Calibrated, LoadShape
from fairlead.measure.certificate import decode_report
from fairlead.measure.reference import LOOPBACK_PEM, Reference, start_reference
from fairlead.model import window_seed
from fairlead.problems import render_text
from fairlead.repository import Repository, load_repository, read_window

from .certificate_example import dated

NOW = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)


@dataclasses.dataclass(frozen=True)
class Field:
    """A root whose providers are running."""

    root: Path
    running: dict[str, Reference]

    def load(self) -> Repository:
        repository, problems = load_repository(self.root)
        assert not [problem for problem in problems if not problem.path.endswith(".spool")]
        return repository


class LaterClock(SystemClock):
    """The machine's clocks, two hours on."""

    @staticmethod
    def unix_ns() -> int:
        return SystemClock.unix_ns() + 2 * 3600 * 10**9


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    """The demo's root with its honest provider and its control, both running."""
    chosen = [one for one in demo.contestants("00") if one.provider in ("demo-honest", "demo-control")]
    with start_reference(chosen[0].profile) as first, start_reference(chosen[1].profile) as second:
        running = dict(zip((one.provider for one in chosen), (first, second), strict=True))
        root = tmp_path / "root"
        demo.make_root(root, chosen, running)
        yield Field(root, running)


def gear(waited: list[int] | None = None) -> campaign.Gear:
    """Real clocks and dated certificates; where the test asks for it, waiting is written down and cut short.

    A second is left of it: rounds are told apart by the second in which they began.
    """

    def cut_short(ns: int) -> None:
        waited.append(ns)
        pause(min(ns, NS_PER_S))

    return campaign.Gear(
        clock=SystemClock(),
        wait=pause if waited is None else cut_short,
        report=lambda _: None,
        calibrate=dated,
    )


def register(field: Field, *, windows: int = 1, spacing_s: float = 0) -> str:
    folder = campaign.register(
        field.load(),
        provider="demo-honest",
        endpoint="main",
        models=(demo.MODEL,),
        scenarios=(demo.SCENARIO,),
        version=demo.VERSION,
        vantage=demo.VANTAGE,
        windows_each=windows,
        spacing_s=spacing_s,
        slug="test",
        now=NOW,
        seed="ab" * 32,
        by=None,
    )
    history.commit_all(field.root, "Register")
    return folder.relative_to(field.root / "submissions").as_posix()


def measure(field: Field, submission: str, waited: list[int] | None = None) -> list[Path]:
    return list(campaign.measure_claim(field.load(), submission, gear(waited)))


def submit(field: Field, submission: str, claims: Sequence[dict[str, object]] = ()) -> Path:
    return campaign.submit(
        field.load(),
        submission,
        title="A test",
        disclosures=dict.fromkeys(
            ("accelerator", "accelerator_count", "precision", "region", "prompt_cache", "capacity")
        ),
        claims=claims,
        now=NOW,
        by=None,
    )


def test_a_claim_that_is_registered_measured_and_sealed_checks_clean(field: Field) -> None:
    """What is written satisfies every rule but that of a claim's figures, of which this one has none."""
    submission = register(field, windows=2)
    assert len(measure(field, submission)) == 2
    submit(field, submission)
    found = [
        problem
        for problem in checks.run_checks(field.root, now=dt.datetime.now(dt.UTC))
        if problem.code != "SUB013"
    ]
    assert not found, render_text(found)


def test_an_endpoint_that_has_http2_only_is_measured_and_certified_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its windows say so, and so does the report under each of their certificates; the control's do not."""
    monkeypatch.setenv("SSL_CERT_FILE", str(LOOPBACK_PEM))
    connection.tls_context.cache_clear()
    chosen = [one for one in demo.contestants("00") if one.provider in ("demo-honest", "demo-control")]
    with start_reference(chosen[0].profile, tls=True) as first, start_reference(chosen[1].profile) as second:
        running = dict(zip((one.provider for one in chosen), (first, second), strict=True))
        demo.make_root(tmp_path / "root", chosen, running)
        field = Field(tmp_path / "root", running)
        path = field.root / "providers" / "demo-honest.yaml"
        path.write_text(path.read_text().replace('http: "1.1"', 'http: "2"'))
        paths = run_round(field)
    connection.tls_context.cache_clear()
    found = {window.header.provider: window for window in map(read_window, paths)}
    assert {name: window.header.http for name, window in found.items()} == {
        "demo-honest": "2",
        "demo-control": "1.1",
    }
    for window in found.values():
        assert {request.outcome for request in window.requests} == {"ok"}
        for certificate in (window.header.calibration.before, window.header.calibration.after):
            assert certificate is not None
            assert certificate.missing == 0
            kept = paths[0].parent.parent / "calibrations" / f"{certificate.sha256}.json.gz"
            setting = decode_report(kept.read_bytes()).setting
            assert (setting.http, setting.tls) == (window.header.http, window.header.http == "2")
    found_problems = checks.run_checks(field.root, now=dt.datetime.now(dt.UTC))
    assert not found_problems, render_text(found_problems)


def run_round(field: Field) -> list[Path]:
    return list(
        campaign.measure_rounds(
            field.load(),
            model=demo.MODEL,
            version=demo.VERSION,
            vantage=demo.VANTAGE,
            scenarios=(demo.SCENARIO,),
            rounds=1,
            spacing_s=0,
            rng=random.SystemRandom(),
            gear=gear(),
        )
    )


def open_the_loop(field: Field, rate_per_s: str = "80") -> None:
    """Make the demo's scenario an open one."""
    path = field.root / "methodology" / "versions" / demo.VERSION / "methodology.yaml"
    text = path.read_text()
    for closed, opened in (
        ("kind: closed", "kind: open"),
        ("concurrency: 8", "concurrency: null"),
        ("rate_per_s: null", f"rate_per_s: {rate_per_s}"),
        ("arrivals: null", "arrivals: poisson"),
    ):
        assert text.count(closed) == 1
        text = text.replace(closed, opened)
    path.write_text(text)


def test_an_open_scenario_is_measured_at_its_rate_and_checks_clean(field: Field) -> None:
    """Its window counts from the schedule, and is certified at that rate, with arrivals of that kind."""
    open_the_loop(field)
    submission = register(field)
    *_, path = measure(field, submission)  # measured once more where the machine was too busy
    window = read_window(path)
    load = window.header.load
    assert (load.kind, load.concurrency, load.rate_per_s, load.arrivals) == ("open", 32, 80.0, "poisson")
    assert len(window.requests) == 32
    assert all(request.scheduled_ns is not None for request in window.requests)
    for certificate in (window.header.calibration.before, window.header.calibration.after):
        assert certificate is not None
        certified = certificate.load
        assert (certified.kind, certified.concurrency) == ("open", 32)
        assert (certified.rate_per_s, certified.arrivals) == (80.0, "poisson")
    submit(field, submission)
    found = [
        problem
        for problem in checks.run_checks(field.root, now=dt.datetime.now(dt.UTC))
        if problem.code != "SUB013"
    ]
    assert not found, render_text(found)
    evidence, problems = load_evidence(field.load())
    assert not problems
    assert [item.invalid for item in evidence] == [()]
    answers = with_replies(field.load(), evidence)[0].answers
    assert isinstance(answers, Answers)
    assert sum(tally.asked for tally in answers.tallies.values()) == 3
    assert {wrong.i for wrong in answers.wrong} == {request.i for request in window.requests if request.probe}


def test_a_scenario_that_cannot_be_planned_says_why(field: Field) -> None:
    """A rate at which the window would last for days is refused before anything is sent."""
    open_the_loop(field, "0.0001")
    submission = register(field)
    with pytest.raises(campaign.CampaignError, match="more than a day"):
        measure(field, submission)


def test_measuring_again_measures_nothing_that_is_there(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complete plan has nothing left to run, which one look at each of its windows shows."""
    submission = register(field)
    paths = measure(field, submission)
    seen: list[Path] = []

    def read(path: Path) -> windows.Window:
        seen.append(path)
        return read_window(path)

    monkeypatch.setattr(claims, "read_window", read)
    assert measure(field, submission) == []
    assert seen == paths


def test_a_window_of_another_plan_is_not_taken_for_one_of_this(field: Field) -> None:
    """A folder that holds a window of another registration, or endpoint, is refused; nothing is measured."""
    submission = register(field)
    (path,) = measure(field, submission)
    data = path.read_bytes()
    header = windows.decode_window(data).header
    for changes, said in (
        ({"registration_sha256": "0" * 64}, "measured for another registration"),
        ({"endpoint": "other"}, "measured for demo-honest/other/"),
        ({"plan_index": 7}, "measured for another registration"),
    ):
        path.write_bytes(windows.with_header(data, msgspec.structs.replace(header, **changes)))
        with pytest.raises(campaign.CampaignError) as refusal:
            measure(field, submission)
        assert path.name in refusal.value.message
        assert said in refusal.value.message
        assert "move it out of this folder" in refusal.value.fix
        assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_window_does_not_start_before_its_time(field: Field) -> None:
    """The wait until ``not_before`` is asked for, in nanoseconds."""
    folder = field.root / "submissions" / register(field)
    path = folder / "registration.yaml"
    path.write_text(path.read_text().replace("2026-03-04T05:06:07Z", "2999-03-04T05:06:07Z"))
    waited: list[int] = []
    measure(field, folder.relative_to(field.root / "submissions").as_posix(), waited)
    assert len(waited) == 1
    assert waited[0] > 900 * 365 * 86400 * 10**9


def test_windows_of_one_plan_send_different_prompts(field: Field) -> None:
    """Each window has a seed of its own, derived from the registered one."""
    submission = register(field, windows=2)
    first, second = (read_window(path) for path in measure(field, submission))
    assert first.header.seed == window_seed("ab" * 32, 0, 0)
    assert not {r.body_sha256 for r in first.requests} & {r.body_sha256 for r in second.requests}


def test_a_killed_run_keeps_its_finished_requests_and_goes_on(field: Field) -> None:
    """kill -9 in mid-window: what had finished is kept as a window, and the plan is completed."""
    path = field.root / "methodology" / "versions" / demo.VERSION / "methodology.yaml"
    path.write_text(path.read_text().replace("requests: 32\n", "requests: 240\n"))
    submission = register(field)
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from fairlead import campaign, demo\n"
        "from fairlead.clock import NS_PER_S, SystemClock\n"
        "from fairlead.repository import load_repository\n"
        "repository, _ = load_repository(Path(sys.argv[1]))\n"
        "def report(progress):\n"
        "    if progress.done >= 8: os.kill(os.getpid(), signal.SIGKILL)\n"
        "gear = campaign.Gear(SystemClock(), print, report, demo.short_certificate)\n"
        "list(campaign.measure_claim(repository, sys.argv[2], gear))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(field.root), submission], check=False)
    assert killed.returncode == -signal.SIGKILL
    measured = measure(field, submission)
    paths = field.load().window_paths(f"submissions/{submission}")
    windows = [read_window(path) for path in paths]
    assert len(measured) == 1
    assert len(windows) == 2
    assert 8 <= len(windows[0].requests) < 240
    assert [window.header.seed for window in windows] == [window_seed("ab" * 32, 0, run) for run in (0, 1)]
    assert not list((field.root / "submissions" / submission).glob("*.spool"))
    submit(field, submission)
    evidence, problems = load_evidence(field.load())
    assert not problems
    assert [bool(item.invalid) for item in evidence] == [True, False]
    assert "of 240 planned requests" in evidence[0].invalid[0]


def test_every_window_stands_between_two_certificates(field: Field) -> None:
    """The header carries what was certified before and after the round, and the files are beside it."""
    submission = register(field)
    used = dataclasses.replace(gear(), calibrate=demo.short_certificate)
    (path,) = campaign.measure_claim(field.load(), submission, used)
    calibration = read_window(path).header.calibration
    assert calibration.before is not None
    assert calibration.after is not None
    assert calibration.before.taken_unix_ns < calibration.after.taken_unix_ns
    assert calibration.before.load.concurrency == 8
    kept = {file.name for file in (path.parents[1] / "calibrations").iterdir()}
    assert kept == {f"{one.sha256}.json.gz" for one in (calibration.before, calibration.after)}


def test_a_certificate_is_used_again_within_its_hour(field: Field) -> None:
    """What was certified after one window stands before the next; an old one is taken anew."""
    taken: list[object] = []

    def counted(shape: LoadShape) -> Calibrated:
        taken.append(shape)
        return dated(shape)

    submission = register(field, windows=2)
    used = dataclasses.replace(gear(), calibrate=counted)
    first, second = (
        read_window(path).header.calibration
        for path in campaign.measure_claim(field.load(), submission, used)
    )
    assert len(taken) == 3
    assert first.after == second.before
    used.clock = LaterClock()
    used.certificates_before(taken[0])  # type: ignore[arg-type]
    assert len(taken) == 4


def wrong_certificate(shape: LoadShape) -> Calibrated:
    """A certificate of a client whose stamps are ten seconds late."""
    taken = dated(shape)
    errors = [0, 0, 0, 10 * 10**9, 10 * 10**9]
    return dataclasses.replace(
        taken, certificate=msgspec.structs.replace(taken.certificate, token_error_ns=errors)
    )


def test_a_window_that_does_not_count_is_measured_once_more_and_kept(field: Field) -> None:
    """An invalid window stays, is repeated once with the same plan and other prompts, never a third time."""
    submission = register(field)
    used = dataclasses.replace(gear(), calibrate=wrong_certificate)
    paths = list(campaign.measure_claim(field.load(), submission, used))
    assert len(paths) == 2
    first, again = (read_window(path) for path in paths)
    assert [first.header.plan_index, again.header.plan_index] == [0, 0]
    assert [first.header.seed, again.header.seed] == [window_seed("ab" * 32, 0, run) for run in (0, 1)]
    assert not {r.body_sha256 for r in first.requests} & {r.body_sha256 for r in again.requests}
    assert list(campaign.measure_claim(field.load(), submission, used)) == []


def test_a_round_repeats_what_does_not_count_in_the_same_round(field: Field) -> None:
    """Invalid windows of a round are measured once more in it, with other prompts; all are listed."""
    used = dataclasses.replace(gear(), calibrate=wrong_certificate)
    paths = list(
        campaign.measure_rounds(
            field.load(),
            model=demo.MODEL,
            version=demo.VERSION,
            vantage=demo.VANTAGE,
            scenarios=(demo.SCENARIO,),
            rounds=1,
            spacing_s=0,
            rng=random.Random(1),
            gear=used,
        )
    )
    headers = [read_window(path).header for path in paths]
    assert len(headers) == 4
    assert len({header.round for header in headers}) == 1
    assert len({header.seed for header in headers}) == 4
    (manifest,) = field.load().rounds.values()
    assert len(manifest.windows) == 4


def test_a_sealed_submission_is_not_sealed_twice(field: Field) -> None:
    """Sealing again is refused with the way to correct a submission."""
    submission = register(field)
    measure(field, submission)
    submit(field, submission)
    with pytest.raises(campaign.CampaignError, match="there already"):
        submit(field, submission)


def test_an_unmeasured_plan_cannot_be_sealed(field: Field) -> None:
    """Nothing measured, nothing to seal."""
    with pytest.raises(campaign.CampaignError, match="holds no window"):
        submit(field, register(field))


def test_a_round_holds_every_endpoint_and_the_control(field: Field) -> None:
    """Each round measures all endpoints of the model once, with prompts that nobody could know."""
    rng = random.Random(1)
    paths = list(
        campaign.measure_rounds(
            field.load(),
            model=demo.MODEL,
            version=demo.VERSION,
            vantage=demo.VANTAGE,
            scenarios=(demo.SCENARIO,),
            rounds=1,
            spacing_s=0,
            rng=rng,
            gear=gear(),
        )
    )
    headers = [read_window(path).header for path in paths]
    assert sorted((header.provider, header.role) for header in headers) == [
        ("demo-control", "control"),
        ("demo-honest", "subject"),
    ]
    assert len({header.round for header in headers}) == 1
    assert len({header.seed for header in headers}) == 2
    found = checks.run_checks(field.root, now=dt.datetime.now(dt.UTC))
    assert not found, render_text(found)


def test_the_order_inside_a_round_is_random(field: Field) -> None:
    """Two sources of randomness give two orders: no endpoint always comes first."""
    targets = campaign.targets_of(field.load(), demo.MODEL)
    orders = {tuple(t.provider for t in random.Random(seed).sample(targets, 2)) for seed in range(20)}
    assert len(orders) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scenarios": ("none",)}, "has no scenario"),
        ({"vantage": "nowhere"}, "unknown vantage"),
        ({"endpoint": "other"}, "lists no endpoint"),
    ],
)
def test_a_plan_for_what_is_not_there_is_refused(field: Field, change: dict[str, object], said: str) -> None:
    """Unknown scenario, vantage and endpoint are refused by name before anything is written."""
    arguments: dict[str, object] = {
        "provider": "demo-honest",
        "endpoint": "main",
        "models": (demo.MODEL,),
        "scenarios": (demo.SCENARIO,),
        "version": demo.VERSION,
        "vantage": demo.VANTAGE,
        "windows_each": 1,
        "spacing_s": 0,
        "slug": "test",
        "now": NOW,
        "seed": "ab" * 32,
        "by": None,
    }
    with pytest.raises(campaign.CampaignError, match=said):
        campaign.register(field.load(), **{**arguments, **change})  # type: ignore[arg-type]
    assert not (field.root / "submissions" / "demo-honest").exists()


# -- reruns ------------------------------------------------------------------------------------


RUNNER = model.GitHub(login="rika", id=900)


def rerun(field: Field, submission: str, **more: object) -> list[Path]:
    options: dict[str, object] = {"rounds": 2, "spacing_s": 0, "rng": random.Random(3), "gear": gear()}
    options |= {"is_enough": lambda: False, "started_by": RUNNER}
    return list(campaign.measure_rerun(field.load(), submission, **(options | more)))  # type: ignore[arg-type]


def claim(field: Field) -> str:
    """A claim of the honest provider on its one scenario, sealed."""
    submission = register(field)
    measure(field, submission)
    figure = {
        "endpoint": "main",
        "model": demo.MODEL,
        "scenario": demo.SCENARIO,
        "metric": "ttft_p50_ms",
        "value": 40,
        "primary": True,
    }
    submit(field, submission, claims=[figure])
    return submission


@pytest.fixture
def claimed(field: Field) -> str:
    return claim(field)


def test_a_rerun_stands_beside_the_control_and_is_gone_on_with_in_its_own_folder(
    field: Field, claimed: str
) -> None:
    """Subject and control in each round, fresh seeds; a later job goes on after the spacing."""
    first = rerun(field, claimed, rounds=1)
    waited: list[int] = []
    second = rerun(field, claimed, rounds=1, spacing_s=3600, gear=gear(waited), rng=random.Random(4))
    headers = [read_window(path).header for path in (*first, *second)]
    assert sorted((header.provider, header.role) for header in headers) == [
        ("demo-control", "control"),
        ("demo-control", "control"),
        ("demo-honest", "subject"),
        ("demo-honest", "subject"),
    ]
    assert len({header.seed for header in headers}) == 4
    assert len({header.round for header in headers}) == 2
    assert 3500 < waited[0] / 1e9 <= 3600
    ((name, manifest),) = field.load().reruns.items()
    assert name.startswith(f"{claimed}/reruns/")
    assert (len(manifest.windows), manifest.started_by) == (4, RUNNER)
    assert not checks.run_checks(field.root, now=dt.datetime.now(dt.UTC))


@pytest.mark.parametrize("whole", [0, 1])
def test_a_rerun_that_was_cut_off_half_way_goes_on_in_its_own_folder(field: Field, whole: int) -> None:
    """kill -9 in the middle of a round, the first or a later one: what had finished is kept, as a window that
    does not count, and the next job makes the rounds that are missing."""
    path = field.root / "methodology" / "versions" / demo.VERSION / "methodology.yaml"
    path.write_text(path.read_text().replace("requests: 32\n", "requests: 160\n"))
    claimed = claim(field)
    code = (
        "import os, random, signal, sys; from pathlib import Path\n"
        "from fairlead import campaign, demo, model\n"
        "from fairlead.clock import SystemClock\n"
        "from fairlead.repository import load_repository\n"
        "repository, _ = load_repository(Path(sys.argv[1]))\n"
        "def report(progress):\n"
        "    is_there = progress.window == int(sys.argv[3]) and progress.done >= 8\n"
        "    if is_there: os.kill(os.getpid(), signal.SIGKILL)\n"
        "gear = campaign.Gear(SystemClock(), lambda ns: None, report, demo.short_certificate)\n"
        "options = {'rounds': 2, 'spacing_s': 0, 'rng': random.Random(3), 'is_enough': lambda: False}\n"
        "by = model.GitHub(login='rika', id=900)\n"
        "list(campaign.measure_rerun(repository, sys.argv[2], started_by=by, gear=gear, **options))\n"
    )
    place = str(2 * whole + 2)  # the second window of a round
    killed = subprocess.run([sys.executable, "-c", code, str(field.root), claimed, place], check=False)
    assert killed.returncode == -signal.SIGKILL
    rerun(field, claimed, rounds=2 - whole)
    ((name, manifest),) = field.load().reruns.items()
    made = [read_window(field.root / "submissions" / name / raw.file) for raw in manifest.windows]
    cut = [window for window in made if len(window.requests) < window.header.load.planned]
    assert [len(cut), len(made) - len(cut)] == [1, 5]
    assert 8 <= len(cut[0].requests) < 160
    evidence, _ = load_evidence(field.load())
    assert sum(not item.invalid for item in evidence if "/reruns/" in item.path) == 4
    assert not list((field.root / "submissions" / name).glob("*.spool"))
    found = checks.run_checks(field.root, now=dt.datetime.now(dt.UTC))
    assert [problem.code for problem in found] == ["WIN022"]  # a warning: shown, and counts as missing


def test_a_rerun_stops_as_soon_as_it_is_enough(field: Field, claimed: str) -> None:
    """It is asked before each round, and sees all that was measured."""
    seen: list[int] = []

    def is_enough() -> bool:
        seen.append(sum(len(manifest.windows) for manifest in field.load().reruns.values()))
        return len(seen) == 2

    assert len(rerun(field, claimed, rounds=9, is_enough=is_enough)) == 2
    assert seen == [0, 2]


def test_a_claim_is_not_measured_by_another_method_than_its_own(field: Field, claimed: str) -> None:
    """Neither a version that was changed nor a claim that nobody registered."""
    path = field.root / "methodology" / "versions" / demo.VERSION / "methodology.yaml"
    path.write_text(path.read_text().replace("rounds_min: ", "rounds_min: 1"))
    with pytest.raises(campaign.CampaignError, match="is not the one"):
        rerun(field, claimed)
    with pytest.raises(campaign.CampaignError, match="holds no claim"):
        rerun(field, "demo-honest/2026-01-01-none")


def test_a_claim_is_not_measured_again_from_a_place_that_nobody_knows(field: Field, claimed: str) -> None:
    with pytest.raises(campaign.CampaignError, match="unknown vantage 'nowhere'"):
        rerun(field, claimed, vantage="nowhere")
    assert not (field.root / "submissions" / claimed / "reruns").exists()


def test_the_first_figure_with_a_value_is_claimed_first_where_the_methods_own_has_none() -> None:
    """Else what `submit` writes would have no primary claim, and `check` would refuse it."""
    rows = [
        ("main", "m", "chat-c1", {"ttft_p50_ms": 40.0, "success_rate": 1.0}),
        ("main", "m", "chat-c8", {"output_speed_p50_tps": 90.0, "success_rate": 1.0}),
        ("main", "m", "chat-c16", {}),
    ]
    claims = campaign.figures_as_claims(rows, "ttft_p50_ms")
    assert [(claim["scenario"], claim["metric"]) for claim in claims if claim["primary"]] == [
        ("chat-c1", "ttft_p50_ms"),
        ("chat-c8", "output_speed_p50_tps"),
    ]
