"""Help that teaches by example, and what a shell completes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from fairlead.cli import cli
from fairlead.cli.examples import EXAMPLES

from . import roots


def leaves(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group) and command.commands:
            yield from leaves(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


COMMANDS = dict(leaves(cli))


def test_every_command_has_an_example_and_every_example_a_command() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_ends_with_its_examples(path: str) -> None:
    found = CliRunner().invoke(cli, [*path.split(), "--help"])
    assert found.exit_code == 0
    ending = found.output.partition("\nExamples:\n")[2] or found.output.partition("  Examples:\n")[2]
    shown = [line.strip() for line in ending.splitlines() if line.strip()]
    assert shown == [line.strip() for text in EXAMPLES[path] for line in text.splitlines()]


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_is_what_the_command_line_takes(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsed by a shell's rules, then by the command itself, beside the files that it names; none is run."""
    files = ("SHA256SUMS", "result.json", "benchmarks.json")
    for name in ("llmperf-leaderboard/published.csv", *files):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("submissions/neutral", "artifacts", "reports"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line.replace("\\\n", " "), comments=True)
    if words[0] == "eval":
        words = shlex.split(words[1].removeprefix("$(").removesuffix(")"))
    parts: list[list[str]] = [[]]
    for word in words:
        parts.append([]) if word == "|" else parts[-1].append(word)
    for part in parts:
        assert part[0] == "fairlead"
        take(part[1 : part.index(">")] if ">" in part else part[1:])


def take(rest: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
    command.make_context(command.name, list(rest)).close()


# --- completion ----------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = roots.build_root(tmp_path / "root")
    monkeypatch.chdir(found)
    return found


def completed(*words: str) -> list[str]:
    *before, incomplete = words
    shell = ShellComplete(cli, {}, "fairlead", "_FAIRLEAD_COMPLETE")
    return [item.value for item in shell.get_completions(before, incomplete)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("mea",), ["measure"]),
        (("register", "ac"), ["acme"]),
        (("register", "acme", "--model", "llama"), ["llama-3-70b"]),
        (("verdict", "acme/2026-03-04"), ["acme/2026-03-04-llama"]),
        (("doctor", "--dialect", "gem"), ["gemini", "gemini-whole"]),
        (("measure", "--neutral", "nothing-like-it"), []),
    ],
)
def test_names_of_the_root_are_completed(words: tuple[str, ...], expected: list[str], root: Path) -> None:
    assert completed(*words) == expected


def test_scenarios_and_vantages_are_those_of_the_method(root: Path) -> None:
    assert "chat-c2" in completed("measure", "--scenario", "chat")
    assert completed("measure", "--vantage", "")


def test_without_a_root_or_with_a_broken_one_nothing_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    (root / "methodology" / "models.yaml").write_text("{[", "utf-8")
    assert completed("register", "acme", "--model", "") == []
    monkeypatch.chdir(tmp_path)
    assert completed("register", "") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_for_a_shell_names_the_command(shell: str) -> None:
    found = CliRunner().invoke(cli, ["completion", shell])
    assert found.exit_code == 0
    assert "_FAIRLEAD_COMPLETE" in found.output


def test_a_real_bash_completes(root: Path) -> None:
    """The script is sourced by bash, and its function asked as bash asks it."""
    program = Path(sys.executable).with_name("fairlead")
    script = f"""
        PATH={program.parent}:$PATH
        eval "$(fairlead completion bash)"
        COMP_WORDS=(fairlead register ac); COMP_CWORD=2
        _fairlead_completion fairlead
        echo "${{COMPREPLY[@]}}"
    """
    found = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, cwd=root, env={**os.environ}
    )
    assert found.stdout.strip() == "acme", found.stderr
