"""The documents that people read first: every command in them runs, every link in them leads somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.repository import TOP_FOLDERS

CHECKOUT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "GOVERNANCE.md", "SECURITY.md")
PAGES = tuple(sorted(path.relative_to(CHECKOUT).as_posix() for path in CHECKOUT.glob("site/content/*.md")))
LINK = re.compile(r"\]\(([^)#:]+)\)|(?:src|srcset)=\"([^\":]+)\"")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`(fairlead [^`\n]*(?:\n[^`\n]+)?)`")


def commands() -> list[str]:
    """Every ``$ fairlead …`` of a console block in the README, in order."""
    blocks = BLOCK.findall((CHECKOUT / "README.md").read_text())
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def run(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    arguments = shlex.split(command)
    assert arguments[0] == "fairlead"
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_in_a_document_leads_to_a_file(name: str) -> None:
    """A link inside the repository names something that is there."""
    found = [first or second for first, second in LINK.findall((CHECKOUT / name).read_text())]
    missing = [target for target in found if not (CHECKOUT / target).exists()]
    assert not missing


@pytest.mark.parametrize("name", DOCUMENTS + PAGES)
def test_every_command_that_a_document_names_exists(name: str) -> None:
    """``fairlead …`` in the prose names a command, and options that it has."""
    for text in INLINE.findall((CHECKOUT / name).read_text()):
        words = shlex.split(text.replace("<you>", "you"))[1:]
        command = [word for word in words[:2] if re.fullmatch("[a-z]+", word)][
            : 2 if words[0] in ("import", "new") else 1
        ]
        shown = run(shlex.join(["fairlead", *command, "--help"]), CHECKOUT)
        assert shown.returncode == 0, text
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.stdout, text


def test_the_readme_table_of_errors_is_the_benchmarks_own() -> None:
    """Each row of the README's table says what the committed benchmark file says of a client."""
    bench = json.loads((CHECKOUT / "site" / "content" / "assets" / "client-error.json").read_text())
    readme = (CHECKOUT / "README.md").read_text()
    for row in bench["rows"]:
        if row["client"].startswith("bare loop"):
            assert row["client"] not in readme
            continue
        errors = [row[name] for name in ("ttft_ms", "token_ms", "gap_ms")]
        figures = " | ".join("hidden" if error is None else f"{error:,.3f}" for error in errors)
        cells = f"{row['streams']:,} | {row['client']} | {figures} | {row['cpu_ms_per_1k']:,.0f}"
        assert f"| {cells} | {row['missing']:,} |" in readme


def test_the_readme_commands_on_the_2023_record_run(tmp_path: Path) -> None:
    """Import and audit, as the README shows them, on a small record of the same form."""
    fixture = CHECKOUT / "pipeline" / "tests" / "fixtures" / "llmperf" / "results"
    (tmp_path / "llmperf-leaderboard").symlink_to(fixture)
    imported, audited = (command for command in commands() if "2023" in command)
    there = str(tmp_path / "2023")
    assert run(imported.replace("/tmp/2023", there), tmp_path).returncode == 0
    assert run(audited.replace("/tmp/2023", there), tmp_path).returncode == 1


@pytest.mark.realtime
def test_the_readme_commands_that_measure_an_endpoint_run(tmp_path: Path) -> None:
    """The reference endpoint and a measurement of it, as in the README, shorter and on another port."""
    serve, look, measure = (command for command in commands() if "8377" in command)
    process = subprocess.Popen(
        [sys.executable, "-m", *shlex.split(serve.rstrip(" &").replace("8377", "0"))],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:(\d+)/v1", process.stdout.readline())
        assert address
        looked = run(look.replace("8377", address[1]), tmp_path)
        measured = run(f"{measure.replace('8377', address[1])} --requests 16", tmp_path)
    finally:
        process.terminate()
        process.communicate()
    assert "openai-chat answers" in looked.stdout, looked.stderr
    assert measured.returncode == 0, measured.stderr
    assert re.search(r"TTFT p50\s+20\d ms", measured.stdout), measured.stdout


def test_the_readme_command_that_calibrates_runs(tmp_path: Path) -> None:
    """The client's own error, as the README shows it, in a shorter run."""
    (calibrate,) = (command for command in commands() if "calibrate" in command)
    shown = run(f"{calibrate} --seconds 0.5", tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "token stamp" in shown.stdout


def test_the_readme_commands_that_say_where_a_number_comes_from_run() -> None:
    """Rank, explain and simulate, as the README shows them, on this checkout."""
    rank, explain, simulate = (
        command for command in commands() if re.search("rank|explain|simulate", command)
    )
    assert "reference/main (claim)" in run(rank, CHECKOUT).stdout
    explained = run(explain, CHECKOUT)
    assert (explained.returncode, "computed again" in explained.stdout) == (0, True)
    simulated = run(simulate, CHECKOUT)
    assert (simulated.returncode, "told apart in" in simulated.stdout) == (0, True), simulated.stderr


def test_the_readme_commands_that_say_who_decides_run() -> None:
    """On this checkout, where nobody is seated yet."""
    conflicts, review = (command for command in commands() if re.search("conflicts|review", command))
    assert "There are no members" in run(conflicts, CHECKOUT).stdout
    assert run(review, CHECKOUT).returncode == 0


def test_the_readme_command_that_freezes_a_quarter_runs(tmp_path: Path) -> None:
    """On a copy of this checkout's data, after the quarter's end."""
    (freeze,) = (command for command in commands() if "snapshot" in command)
    for name in TOP_FOLDERS:
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    frozen = run(freeze, tmp_path, SOURCE_DATE_EPOCH="1793491200")  # 2026-11-01
    assert (frozen.returncode, "next: commit" in frozen.stdout) == (0, True), frozen.stderr
    assert (tmp_path / "site/snapshots/2026-Q3/SHA256SUMS").is_file()


def rename(root: Path, names: dict[str, str]) -> None:
    """Give the demo's model, vantage and provider the names that the README uses."""
    for path in sorted(root.rglob("*.yaml")):
        text = path.read_text()
        for old, new in names.items():
            text = re.sub(rf"(: |- ){old}$", rf"\g<1>{new}", text, flags=re.MULTILINE)
        path.write_text(text.replace(f"api_model: {names['demo-model']}", "api_model: demo-model"))
    provider = root / "providers" / "demo-honest.yaml"
    provider.rename(provider.with_name("acme.yaml"))


def test_each_counter_to_a_threat_names_a_test_that_is_there() -> None:
    """A page that promises a proof has it."""
    text = (CHECKOUT / "site" / "content" / "threats.md").read_text()
    named = re.findall(r"`(test_[a-z0-9_]+\.py)::(test_[a-z0-9_]+)`", text)
    rows = [line for line in text.splitlines() if line.startswith(("| a", "| the "))]
    assert len(named) >= len(rows) > 20
    for file, name in named:
        assert f"def {name}(" in (CHECKOUT / "pipeline" / "tests" / file).read_text(), (file, name)
