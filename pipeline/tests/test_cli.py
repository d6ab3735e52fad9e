"""The command line: what it says, what it costs to start, and how it ends."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead import scaffold, windows
from fairlead.cli.common import latest_version
from fairlead.cli.sweeps import endpoint_at
from fairlead.measure.plan import Plan
from fairlead.measure.reference import LOOPBACK_PEM, start_reference
from fairlead.measure.truth import ReferenceProfile
from fairlead.measure.workload import definition_sha256
from fairlead.ranking import methodology_of
from fairlead.repository import load_repository
from fairlead.windows import decode_window

from . import roots
from .examples import make_header, make_methodology, make_request

CHECKOUT = Path(__file__).parents[2]


def fairlead(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fairlead", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty root."""
    folder = tmp_path / "root"
    assert not scaffold.create_root(folder).problems
    return folder


@pytest.mark.parametrize(
    ("versions", "latest"),
    [
        (("0.9.0", "0.10.0", "0.10.0-rc1"), "0.10.0"),
        (("0.9.0", "0.10.0-rc1", "0.10.0-rc2"), "0.10.0-rc2"),
        (("0.10.0-rc9", "0.10.0-rc10", "0.10.0-alpha11"), "0.10.0-rc10"),
    ],
)
def test_the_latest_version_is_the_one_that_ranking_takes(
    root: Path, versions: tuple[str, ...], latest: str
) -> None:
    """A release comes after its candidates, in whatever order the files are read."""
    repository, _ = load_repository(root)
    for order in itertools.permutations(versions):
        methodologies = {version: make_methodology(version=version) for version in order}
        assert latest_version(dataclasses.replace(repository, methodologies=methodologies)) == latest
        assert methodology_of(methodologies, None).version == latest


def test_help_starts_without_heavy_imports() -> None:
    """``--help`` loads none of the libraries that take longer to import than a person waits."""
    heavy = (
        "numpy",
        "pandas",
        "pyarrow",
        "scipy",
        "httpx",
        "jsonschema",
        "mkdocs",
        "rich",
        "yaml",
        "uvloop",
        "msgspec",
        "fsspec",
        "h2",
        "httpcore",
    )
    code = f"import fairlead.cli, sys; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_command_has_help() -> None:
    """Each command says in one line what it does."""
    listed = fairlead("--help").stdout
    for name in (
        "demo",
        "check",
        "format",
        "new",
        "reference",
        "calibrate",
        "measure",
        "register",
        "submit",
        "import",
        "audit",
        "rank",
        "build",
        "serve",
        "snapshot",
    ):
        assert f"\n  {name} " in listed
        help_text = fairlead(name, "--help")
        assert help_text.returncode == 0
        assert help_text.stdout.startswith("Usage: fairlead ")


def test_no_root_is_a_usage_error_that_says_how_to_name_one(tmp_path: Path) -> None:
    """Outside a root, a command that needs one exits with 2 and names --root."""
    outcome = fairlead("check", cwd=tmp_path)
    assert outcome.returncode == 2
    assert "--root" in outcome.stderr


def test_check_of_a_clean_root_exits_0(root: Path) -> None:
    """Nothing to complain about is exit code 0."""
    outcome = fairlead("check", cwd=root)
    assert outcome.returncode == 0, outcome.stdout


def test_check_finds_its_root_from_a_folder_below(root: Path) -> None:
    """The root is the nearest folder above that is one."""
    assert fairlead("check", cwd=root / "methodology" / "governance").returncode == 0


def test_a_problem_exits_1_in_three_forms(root: Path) -> None:
    """A problem is printed for people, for GitHub and for machines, each with exit code 1."""
    (root / "methodology" / "models.yaml").write_text("schema_version: 1\nmodel: []\n")
    text = fairlead("check", cwd=root)
    github = fairlead("check", "--github", cwd=root)
    machine = fairlead("check", "--json", cwd=root)
    assert (text.returncode, github.returncode, machine.returncode) == (1, 1, 1)
    assert "methodology/models.yaml:2:1: error[SCH" in text.stdout
    assert "::error file=methodology/models.yaml,line=2" in github.stdout
    assert json.loads(machine.stdout)["problems"]


def test_an_unknown_base_exits_3_and_says_fetch_depth(root: Path) -> None:
    """A missing base is the environment's fault, and the message says how to get it."""
    (root / "README.md").write_text("x\n")
    for command in (
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    outcome = fairlead("check", "--base", "no-such-ref", cwd=root)
    assert outcome.returncode == 3
    assert "fetch-depth: 0" in outcome.stderr


def test_format_mends_what_format_check_reports(root: Path) -> None:
    """``format --check`` exits 1 and changes nothing; ``format`` mends; then both are content."""
    path = root / "methodology" / "models.yaml"
    path.write_text("models:   []\nschema_version: 1\n")
    reported = fairlead("format", "--check", cwd=root)
    assert reported.returncode == 1
    assert "methodology/models.yaml" in reported.stdout
    listed = fairlead("format", "--check", "--json", cwd=root)
    assert [problem["code"] for problem in json.loads(listed.stdout)["problems"]] == ["DOC018"]
    assert path.read_text() == "models:   []\nschema_version: 1\n"
    assert fairlead("format", cwd=root).returncode == 0
    assert path.read_text() == "schema_version: 1\nmodels: []\n"
    assert fairlead("format", "--check", cwd=root).returncode == 0


def test_format_refuses_to_drop_a_comment(root: Path) -> None:
    """A comment is a located problem, and the file keeps it."""
    path = root / "methodology" / "models.yaml"
    path.write_text("schema_version: 1 # why\nmodels: []\n")
    outcome = fairlead("format", cwd=root)
    assert outcome.returncode == 1
    assert "notes:" in outcome.stdout
    assert "# why" in path.read_text()


def test_measure_needs_exactly_one_target() -> None:
    """Neither nothing nor two things at once."""
    assert fairlead("measure").returncode == 2
    assert fairlead("measure", "a/b", "--url", "http://127.0.0.1:1/v1").returncode == 2


def test_measure_url_prints_figures_and_keeps_the_raw_window(tmp_path: Path) -> None:
    """Any endpoint is measured ad hoc, without a repository; the raw window is what it says."""
    out = tmp_path / "window.jsonl.gz"
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1)) as reference:
        options = (
            "--url",
            reference.url,
            "--model",
            "reference",
            "--concurrency",
            "2",
            "--requests",
            "6",
            "--max-tokens",
            "5",
        )
        text = fairlead("measure", *options, "--out", str(out), cwd=tmp_path)
        kept = tmp_path / "kept.jsonl.gz"
        machine = fairlead("measure", *options, "--json", "--out", str(kept), cwd=tmp_path)
        again = fairlead("measure", *options, "--out", str(out), cwd=tmp_path)
    assert text.returncode == 0, text.stderr
    assert "TTFT p50" in text.stdout
    assert str(out) in text.stdout
    summary = json.loads(machine.stdout)
    assert summary["outcomes"] == {"ok": 6}
    assert summary["raw_sha256"] == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert summary["figures"]["ttft_p50_ms"]["value"] > 4
    assert again.returncode == 2
    assert "never overwritten" in again.stderr
    assert not list(tmp_path.glob("*.spool"))


def test_http2_is_spoken_where_it_is_asked_for_and_the_window_says_so(tmp_path: Path) -> None:
    """An endpoint is measured over HTTP/2; one without TLS is refused in words, and nothing is sent."""
    out = tmp_path / "window.jsonl.gz"
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1), tls=True) as reference:
        options = ("--model", "reference", "--http", "2", "--requests", "4", "--max-tokens", "5", "--json")
        done = fairlead(
            "measure", "--url", reference.url, *options, "--out", str(out), SSL_CERT_FILE=str(LOOPBACK_PEM)
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"] == {"ok": 4}
    assert windows.decode_window(out.read_bytes()).header.http == "2"
    bare = fairlead("measure", "--url", "http://127.0.0.1:1/v1", *options)
    assert (bare.returncode, "over TLS only" in bare.stderr) == (2, True)


KEY = "sk-test-0123456789abcdef0123456789"


@pytest.mark.parametrize(
    ("url", "name", "said"),
    [
        ("http://127.0.0.1:8000/v1", "MY_KEY", "https"),
        ("https://api.example.com/v1", "NO_SUCH_KEY", "no such environment variable"),
    ],
)
def test_a_key_goes_nowhere_but_over_https(url: str, name: str, said: str) -> None:
    """``--key-env`` refuses plain http and a missing variable, before anything is sent."""
    outcome = fairlead("measure", "--url", url, "--model", "m", "--key-env", name, MY_KEY=KEY)
    assert outcome.returncode == 2
    assert said in outcome.stderr
    assert KEY not in outcome.stdout + outcome.stderr


def test_a_broken_secret_is_the_environments_fault_and_is_not_quoted(root: Path) -> None:
    """A key that is no secret of this provider ends with 3, in words that do not hold it."""
    outcome = fairlead(
        "measure", "--neutral", "reference", "--vantage", "loopback", cwd=root, FAIRLEAD_KEY_REFERENCE=KEY
    )
    assert outcome.returncode == 3, outcome.stderr
    assert KEY not in outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_calibrate_states_the_clients_own_error() -> None:
    """One load, in words for people and unrounded for machines."""
    text = fairlead("calibrate", "--concurrency", "2", "--seconds", "0.5")
    machine = fairlead("calibrate", "--concurrency", "2", "--seconds", "0.5", "--json")
    assert text.returncode == 0, text.stderr
    assert "token stamp" in text.stdout
    (certificate,) = json.loads(machine.stdout)["certificates"]
    assert certificate["missing"] == 0
    assert certificate["load"]["concurrency"] == 2
    assert len(certificate["token_error_ns"]) == 5


def test_calibrate_speaks_http2_over_tls() -> None:
    """The client's error over HTTP/2, with no token missing; without TLS there is none to speak of."""
    done = fairlead("calibrate", "--concurrency", "2", "--seconds", "0.5", "--http", "2", "--tls", "--json")
    assert done.returncode == 0, done.stderr
    (certificate,) = json.loads(done.stdout)["certificates"]
    assert (certificate["missing"], certificate["tokens"] > 0) == (0, True)
    bare = fairlead("calibrate", "--concurrency", "2", "--http", "2")
    assert (bare.returncode, "--tls" in bare.stderr) == (2, True)


def test_measure_at_a_rate_is_an_open_loop(tmp_path: Path) -> None:
    """``--rate`` sends on schedule, whatever comes back."""
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1)) as reference:
        options = ("--url", reference.url, "--model", "reference", "--rate", "50", "--requests", "10")
        text = fairlead("measure", *options, "--max-tokens", "5", cwd=tmp_path)
        machine = fairlead("measure", *options, "--max-tokens", "5", "--json", cwd=tmp_path)
    assert text.returncode == 0, text.stderr
    assert "50 a second (poisson)" in text.stdout
    assert json.loads(machine.stdout)["rate_per_s"] == 50
    assert json.loads(machine.stdout)["outcomes"] == {"ok": 10}


def test_measure_of_a_closed_port_gives_failures_not_a_traceback() -> None:
    """What cannot be reached is a window of failures, classed and counted."""
    outcome = fairlead(
        "measure", "--url", "http://127.0.0.1:9/v1", "--model", "m", "--requests", "3", "--json"
    )
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout)["outcomes"] == {"connect": 3}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("measure", "--url", "ftp://x", "--model", "m"), "http"),
        (("measure", "--url", "http://127.0.0.1:1/v1"), "--model"),
        (("measure", "--neutral", "m"), "--vantage"),
    ],
)
def test_a_wrong_option_is_a_usage_error_in_words(root: Path, arguments: tuple[str, ...], said: str) -> None:
    """What was typed wrong is said in one line, with exit code 2."""
    outcome = fairlead(*arguments, cwd=root)
    assert outcome.returncode == 2
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


# -- what a run costs, before it ------------------------------------------------------------------

PRICES = ("--usd-per-mtok-in", "1", "--usd-per-mtok-out", "1000")


@pytest.fixture
def keyed(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A root with a provider at an address that nobody answers, and the environment with its key."""
    folder = roots.build_root(tmp_path / "root")
    secret = {"provider": "acme", "hosts": ["api.acme.example"], "key": KEY}
    return folder, {"FAIRLEAD_KEY_ACME": json.dumps(secret)}


def raw_files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.suffix in (".gz", ".spool"))


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ((), "this run is billed; allow it with --max-usd 0.02"),
        (("--max-usd", "0"), "0.02 USD is above --max-usd 0"),
        (("--max-usd", "0.009"), "0.02 USD is above --max-usd 0.009"),
        (("--max-usd", "nan"), "0.02 USD is above --max-usd nan"),
    ],
)
def test_a_keyed_run_is_estimated_and_refused_above_its_limit(
    keyed: tuple[Path, dict[str, str]], limit: tuple[str, ...], said: str
) -> None:
    """Four requests, at most twice: 1,520 tokens in and 50 out, at 0.5 and 1.5 USD. Nothing is measured."""
    root, environment = keyed
    before = raw_files(root)
    arguments = ("measure", "--neutral", "llama-3-70b", "--vantage", "north-1", "--rounds", "2", *limit)
    outcome = fairlead(*arguments, cwd=root, **environment)
    assert outcome.returncode == 2, outcome.stderr
    assert "acme/main, 2 windows: 0.01 USD expected, 0.02 USD at most" in outcome.stderr
    assert said in outcome.stderr
    assert raw_files(root) == before
    assert KEY not in outcome.stdout + outcome.stderr


def test_a_keyed_run_without_a_price_is_refused_whatever_the_limit(
    keyed: tuple[Path, dict[str, str]],
) -> None:
    """What it would cost is not known: the data lacks it, and a typed price stands in."""
    root, environment = keyed
    before = raw_files(root)
    roots.edit(root, "providers/acme.yaml", "until: null", "until: 2026-01-31")
    arguments = ("measure", "--neutral", "llama-3-70b", "--vantage", "north-1", "--max-usd", "0.4")
    unknown = fairlead(*arguments, cwd=root, **environment)
    assert unknown.returncode == 1, unknown.stderr
    assert (
        "acme/main bills llama-3-70b at a price that is not known: no price is recorded from 2026-02-01 on"
        in unknown.stderr
    )
    assert "providers/acme.yaml" in unknown.stderr
    typed = fairlead(*arguments, *PRICES, cwd=root, **environment)
    assert raw_files(root) == before
    assert typed.returncode == 2, typed.stderr
    assert "0.42 USD is above --max-usd 0.4" in typed.stderr


def test_a_keyed_claim_is_refused_above_its_limit(keyed: tuple[Path, dict[str, str]]) -> None:
    root, environment = keyed
    options = ("--model", "llama-3-70b", "--vantage", "north-1", "--windows", "3", "--slug", "new")
    options += ("--github", "ben-example:202")
    registered = fairlead("register", "acme", *options, cwd=root)
    assert registered.returncode == 0, registered.stderr
    submission = registered.stdout.strip().removesuffix("/registration.yaml")
    before = raw_files(root)
    outcome = fairlead("measure", submission, "--max-usd", "0.001", cwd=root, **environment)
    assert outcome.returncode == 2, outcome.stderr
    assert "acme/main, 3 windows" in outcome.stderr
    assert "nothing was sent" in outcome.stderr
    assert raw_files(root) == before


def test_an_ad_hoc_run_is_sent_within_its_limit_and_not_above(tmp_path: Path) -> None:
    """Real sockets: above the limit no request reaches the reference, within it all do."""
    profile = ReferenceProfile(ttft_median_ms=5, icl_median_ms=1)
    for limit, code, requests in (("0.01", 2, 0), ("1", 0, 3)):
        log = tmp_path / f"{code}.log"
        with start_reference(profile, log=log) as reference:
            options = ("--url", reference.url, "--model", "reference", "--requests", "3", "--max-tokens", "5")
            outcome = fairlead("measure", *options, *PRICES, "--max-usd", limit, "--json")
        assert outcome.returncode == code, outcome.stderr
        assert "estimated cost of this run: 0.02 USD expected, 0.03 USD at most" in outcome.stderr
        assert len(log.read_text().splitlines()) == requests


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-usd", "1"), "needs --usd-per-mtok-in"),
        (("--usd-per-mtok-in", "1"), "go together"),
        (("--usd-per-mtok-in", "nan", "--usd-per-mtok-out", "1"), "finite"),
        (("--usd-per-mtok-in", "-1", "--usd-per-mtok-out", "1"), "-1"),
    ],
)
def test_a_limit_without_a_price_is_a_usage_error(options: tuple[str, ...], said: str) -> None:
    outcome = fairlead("measure", "--url", "http://127.0.0.1:9/v1", "--model", "m", *options)
    assert outcome.returncode == 2
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_plan_by_a_stranger_is_refused_before_it_is_written(tmp_path: Path) -> None:
    """``register`` wants a listed contact, and says who is one."""
    root = roots.build_root(tmp_path)
    options = ("--model", "llama-3-70b", "--vantage", "north-1", "--slug", "s")
    for github in ((), ("--github", "eve-example:999")):
        outcome = fairlead("register", "acme", *options, *github, cwd=root)
        assert outcome.returncode == 1
        assert "ben-example:202" in outcome.stderr
    assert not list(root.rglob("*-s/registration.yaml"))


def test_what_was_never_registered_cannot_be_submitted(tmp_path: Path) -> None:
    root = roots.build_root(tmp_path)
    outcome = fairlead("submit", "acme/2026-03-30-none", cwd=root)
    assert outcome.returncode == 1
    assert "holds no valid registration.yaml" in outcome.stderr
    assert "`fairlead register`" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_what_is_claimed_first_is_the_registered_methods_to_say(tmp_path: Path) -> None:
    """A later version that ranks another figure first changes nothing for a run registered before it."""
    root = roots.build_root(tmp_path)
    roots.edit(root, roots.draft_version(root), "    - ttft_p50_ms", "    - e2e_p50_ms\n    - ttft_p50_ms")
    (root / roots.CLAIM / "submission.yaml").unlink()
    shutil.rmtree(root / roots.CLAIM / "reruns")
    outcome = fairlead("submit", roots.CLAIM.removeprefix("submissions/"), cwd=root)
    assert outcome.returncode == 0, outcome.stderr
    claims = roots.data_of((root / roots.CLAIM / "submission.yaml").read_text())["claims"]
    assert [claim["metric"] for claim in claims if claim["primary"]] == ["ttft_p50_ms"]


def test_registering_names_the_commands_that_come_next(tmp_path: Path) -> None:
    """Two models make one plan, and git's own commands are said: merge first, measure after."""
    root = roots.build_root(tmp_path)
    served = (
        (root / "providers/acme.yaml").read_text().partition("    models:\n")[2].partition("interests:")[0]
    )
    other = served.replace("- model: llama-3-70b", "- model: reference")
    roots.edit(root, "providers/acme.yaml", "interests: []", f"{other}interests: []")
    options = ("--model", "llama-3-70b", "--model", "reference", "--vantage", "north-1", "--slug", "s")
    options += ("--github", "ben-example:202", "--windows", "1")
    outcome = fairlead("register", "acme", *options, cwd=root, SOURCE_DATE_EPOCH="1772582400")
    assert outcome.returncode == 0, outcome.stderr
    path = outcome.stdout.strip()
    assert re.findall("model: (.*)", (root / path).read_text()) == ["llama-3-70b", "reference"]
    assert f"git add {path}\n" in outcome.stderr
    assert outcome.stderr.index("git push") < outcome.stderr.index("fairlead measure acme/2026-03-04-s")


def test_who_opened_a_change_is_said_with_its_base_and_as_an_account(root: Path) -> None:
    """``--actor`` alone, or without a number, is a usage error."""
    based = ("--base", "HEAD")
    for arguments in (("--actor", "a:1"), ("--actor", "a", *based), ("--actor", "a:\u00b2", *based)):
        outcome = fairlead("check", *arguments, cwd=root)
        assert outcome.returncode == 2
        assert "--actor" in outcome.stderr or "LOGIN:ID" in outcome.stderr


def test_register_of_an_unknown_endpoint_says_where_to_add_it(root: Path) -> None:
    """A plan for what is not listed is refused with the fix."""
    outcome = fairlead("register", "acme", "--model", "m", "--vantage", "v", "--slug", "s", cwd=root)
    assert outcome.returncode == 1
    assert "providers/acme.yaml" in outcome.stderr


def test_a_published_figure_that_the_raw_data_does_not_give_exits_1(tmp_path: Path) -> None:
    """``audit`` recomputes what was published from the imported raw requests."""
    source = CHECKOUT / "pipeline" / "tests" / "fixtures" / "llmperf" / "results"
    made = tmp_path / "made"
    fairlead("import", "llmperf", str(source), "--root", str(made))
    text = fairlead("audit", str(source / "published.csv"), "--root", str(made))
    machine = fairlead("audit", str(source / "published.csv"), "--root", str(made), "--json")
    assert (text.returncode, machine.returncode) == (1, 1)
    assert "published" in text.stdout
    assert json.loads(machine.stdout)


def test_an_import_makes_the_root_and_its_rows_are_listed_unranked(tmp_path: Path) -> None:
    """``import llmperf`` makes a root that checks clean; ``rank`` lists its rows and ranks none."""
    source = CHECKOUT / "pipeline" / "tests" / "fixtures" / "llmperf" / "results"
    made = tmp_path / "made"
    assert fairlead("import", "llmperf", str(source), "--root", str(made)).returncode in (0, 1)
    assert (made / ".git").is_dir()
    ranked = fairlead("rank", "--json", "--root", str(made))
    assert ranked.returncode == 0, ranked.stderr
    rows = json.loads(ranked.stdout)["rows"]
    assert rows
    assert all(row["unranked"] and not row["ranks"] for row in rows)


def test_calibrate_at_a_rate_is_an_open_loop() -> None:
    """The certificate states the rate and the arrivals that it was taken at."""
    options = ("--rate", "40", "--arrivals", "constant", "--seconds", "0.5", "--max-tokens", "10")
    text = fairlead("calibrate", *options)
    machine = fairlead("calibrate", *options, "--json")
    assert text.returncode == 0, text.stderr
    assert "40/s constant" in text.stdout
    (certificate,) = json.loads(machine.stdout)["certificates"]
    load = certificate["load"]
    assert (load["kind"], load["rate_per_s"], load["arrivals"], load["concurrency"]) == (
        "open",
        40,
        "constant",
        256,
    )
    assert (certificate["missing"], load["planned"]) == (0, 20)


def test_a_sweep_gives_one_line_a_level_and_keeps_each_window(tmp_path: Path) -> None:
    """Throughput against speed over concurrencies: a table for people, the same levels for machines."""
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1)) as reference:
        options = ("--url", reference.url, "--model", "reference", "--max-tokens", "60", "--sweep", "1,4")
        text = fairlead("measure", *options, "--out", "kept", cwd=tmp_path)
        machine = fairlead("measure", *options, "--json", cwd=tmp_path)
    assert text.returncode == 0, text.stderr
    lines = text.stdout.splitlines()
    assert re.search(
        r"at once +System throughput +Output speed p50 +TTFT p50 +TTFT p95 +Success rate", lines[0]
    )
    assert [line.split()[0] for line in lines[1:3]] == ["1", "4"]
    assert all("tok/s" in line and "100.00%" in line for line in lines[1:3])
    kept = {path.name: decode_window(path.read_bytes()) for path in (tmp_path / "kept").iterdir()}
    assert {name: window.header.load.concurrency for name, window in kept.items()} == {
        "c1.jsonl.gz": 1,
        "c4.jsonl.gz": 4,
    }
    assert kept["c1.jsonl.gz"].header.seed != kept["c4.jsonl.gz"].header.seed
    levels = json.loads(machine.stdout)["levels"]
    assert [(level["concurrency"], level["requests"]) for level in levels] == [(1, 30), (4, 40)]
    assert all(level["figures"]["system_throughput_tps"]["value"] > 0 for level in levels)
    assert all(level["raw"] is None for level in levels)


def test_a_sweep_goes_on_from_the_levels_that_are_there(tmp_path: Path) -> None:
    """Stopped at its second level: the first is kept whole, what the second had beside it; then the rest."""
    options = ("--model", "reference", "--max-tokens", "60", "--requests", "30", "--out", "kept")
    with start_reference(ReferenceProfile(ttft_median_ms=100, icl_median_ms=1)) as reference:
        command = [sys.executable, "-m", "fairlead", "measure", "--url", reference.url, *options]
        with subprocess.Popen(
            [*command, "--sweep", "8,1"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            while "1 at once" not in process.stderr.readline():
                pass
            spool = tmp_path / "kept/c1.jsonl.gz.spool"
            while not spool.exists() or spool.stat().st_size < 10_000:  # some of its requests have ended
                os.sched_yield()
            process.send_signal(signal.SIGINT)
            out, said = process.communicate()
        assert process.returncode == 130
        cut = tmp_path / "kept/c1-cut-off-1.jsonl.gz"
        assert "Stopped; kept/c8.jsonl.gz, kept/c1-cut-off-1.jsonl.gz kept: the same command goes on" in said
        assert [line.split()[0] for line in out.splitlines()[1:3]] == ["8", "1"]
        assert {path.name for path in (tmp_path / "kept").iterdir()} == {"c8.jsonl.gz", cut.name}
        assert 0 < len(decode_window(cut.read_bytes()).requests) < 30
        before = (tmp_path / "kept/c8.jsonl.gz").read_bytes()
        again = fairlead(
            "measure", "--url", reference.url, *options, "--sweep", "8,1", "--json", cwd=tmp_path
        )
    assert again.returncode == 0, again.stderr
    assert "kept/c8.jsonl.gz is there already: not measured again" in again.stderr
    assert (tmp_path / "kept/c8.jsonl.gz").read_bytes() == before
    levels = json.loads(again.stdout)["levels"]
    assert [(level["concurrency"], level["requests"]) for level in levels] == [(8, 80), (1, 30)]
    assert levels[0]["raw_sha256"] == hashlib.sha256(before).hexdigest()


def test_what_a_killed_sweep_left_is_sealed_before_its_level_is_measured(tmp_path: Path) -> None:
    options = ("--model", "reference", "--max-tokens", "60", "--requests", "30", "--out", "kept")
    with start_reference(ReferenceProfile(ttft_median_ms=50, icl_median_ms=1)) as reference:
        command = [
            sys.executable,
            "-m",
            "fairlead",
            "measure",
            "--url",
            reference.url,
            *options,
            "--sweep",
            "1",
        ]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            spool = tmp_path / "kept/c1.jsonl.gz.spool"
            while not spool.exists() or spool.stat().st_size < 10_000:
                os.sched_yield()
            process.kill()
        again = fairlead("measure", "--url", reference.url, *options, "--sweep", "1", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "kept/c1-cut-off-1.jsonl.gz holds what an earlier run had finished" in again.stderr
    kept = {
        path.name: len(decode_window(path.read_bytes()).requests) for path in (tmp_path / "kept").iterdir()
    }
    assert kept.pop("c1.jsonl.gz") == 30
    assert 0 < kept.pop("c1-cut-off-1.jsonl.gz") <= 30
    assert kept == {}


def test_a_level_of_another_sweep_is_never_taken_for_one_of_this(tmp_path: Path) -> None:
    """Another load, other prompts, no window, half a window: refused in words, and nothing is sent."""
    (tmp_path / "kept").mkdir()
    path = tmp_path / "kept/c2.jsonl.gz"
    plan = Plan(url="http://127.0.0.1:1/v1", model="m", concurrency=2, requests=30, seed="00", max_tokens=128)
    workload = windows.Workload(id="words", sha256=definition_sha256(plan.workload()))
    here = endpoint_at(plan)
    header = {"load": plan.load(), "api_model": "m", "workload": workload, "endpoint": here}
    whole = [make_request(i=i) for i in range(30)]

    def said(data: bytes, *more: str) -> str:
        path.write_bytes(data)
        options = ("--model", "m", "--sweep", "2", "--out", "kept", *more)
        outcome = fairlead("measure", "--url", plan.url, *options, cwd=tmp_path)
        assert path.read_bytes() == data
        assert outcome.returncode == 2
        return outcome.stderr

    def window(count: int = 30, **changes: Any) -> bytes:
        return windows.encode_window(make_header(**(header | changes)), whole[:count])

    assert "is no window" in said(b"something else")
    elsewhere = endpoint_at(msgspec.structs.replace(plan, url="http://127.0.0.1:2/v1"))
    refused = said(window(endpoint=elsewhere))
    assert "kept/c2.jsonl.gz is there already, measured at another address" in " ".join(refused.split())
    assert "name another --out" in " ".join(refused.split())
    assert "another load" in said(window(), "--requests", "40")
    assert "another model" in said(window(api_model="other"))
    assert "another length of prompts or answers" in said(window(), "--max-tokens", "64")
    assert "was cut off: 12 of 30 requests" in said(window(12))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--sweep", "1,4", "--rate", "5"), "leave --concurrency and --rate out"),
        (("--sweep", "1,x"), "whole numbers and commas"),
        (("--sweep", "4,4"), "each concurrency once"),
        (("--sweep", "0"), "between 1 and"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_in_words(options: tuple[str, ...], said: str) -> None:
    outcome = fairlead("measure", "--url", "http://127.0.0.1:1/v1", "--model", "m", *options)
    assert outcome.returncode == 2
    assert said in outcome.stderr


def test_a_report_is_written_beside_the_annotations(root: Path, tmp_path: Path) -> None:
    """One run of the check serves the page of the change and whoever reads the report later."""
    (root / "methodology" / "versions.yaml").write_text("schema_version: 1\n")
    report = tmp_path / "report.json"
    outcome = fairlead("check", "--root", str(root), "--github", "--report", str(report))
    assert outcome.returncode == 1
    assert outcome.stdout.startswith("::error ")
    assert json.loads(report.read_text()) == json.loads(
        fairlead("check", "--root", str(root), "--json").stdout
    )


def test_a_build_is_verified_against_a_published_one(root: Path, tmp_path: Path) -> None:
    """The same files give the same bytes without any cache; what differs is named."""
    epoch = {"SOURCE_DATE_EPOCH": "1772582400"}
    first, second = tmp_path / "first", tmp_path / "second"
    assert fairlead("build", "--root", str(root), "--out", str(first), **epoch).returncode == 0
    published = first / "SHA256SUMS"
    again = ("build", "--root", str(root), "--out", str(second), "--verify", str(published))
    same = fairlead(*again, **epoch)
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, f"every file is what {published} says")
    other = fairlead(*again, SOURCE_DATE_EPOCH="1772582460")
    assert other.returncode == 1
    assert "not the published bytes: index.html" in other.stdout
