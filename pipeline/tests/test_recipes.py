"""The page of three recipes: every command on it is run, and says what stands below it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from fairlead import demo, history
from fairlead.measure.reference import start_reference
from fairlead.repository import TOP_FOLDERS

from . import publish_example, walk_example
from .test_docs import BLOCK, CHECKOUT, commands, rename, run

PAGE = CHECKOUT / "site" / "content" / "recipes.md"
Step = tuple[str, list[str]]


def steps(title: str) -> list[Step]:
    """Each command of a recipe, and the lines that it is said to print."""
    text = PAGE.read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    found: list[Step] = []
    for line in "".join(BLOCK.findall(text)).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def assert_said(step: Step, text: str) -> None:
    """Each line stands in the text, in their order; ``…`` is anything."""
    command, lines = step
    place = 0
    for line in lines:
        pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
        match = pattern.search(text, place)
        assert match is not None, (command, line, text)
        place = match.end()


def test_a_provider_submits(tmp_path: Path) -> None:
    """Listed in a copy of this board; registered, measured and submitted at an endpoint that is running."""
    listing, *claim = steps("A provider submits")
    for name in TOP_FOLDERS:
        shutil.copytree(CHECKOUT / name, tmp_path / "board" / name)
    models = tmp_path / "board" / "methodology" / "models.yaml"
    models.write_text(models.read_text().replace("llama-2-70b-chat", "llama-3-70b"))
    listed = run(listing[0], tmp_path / "board")
    assert listed.returncode == 0, listed.stderr
    assert_said(listing, listed.stdout)
    assert [command for command, _ in claim] == [
        command for command in commands() if "acme" in command or command == "fairlead check"
    ]
    one = next(one for one in demo.contestants("00") if one.provider == "demo-honest")
    control = next(one for one in demo.contestants("00") if one.provider == demo.CONTROL)
    root, day = tmp_path / "root", {"SOURCE_DATE_EPOCH": "1772582400"}  # 2026-03-04, the day on the page
    with start_reference(one.profile) as running:
        demo.make_root(root, [one, control], {one.provider: running, demo.CONTROL: running})
        rename(root, {"demo-model": "llama-3-70b", "this-machine": "ams", "demo-honest": "acme"})
        for step in claim:
            command = step[0]
            is_plan = "register" in command
            said = run(command + " --windows 1" * is_plan, root, **(day if is_plan else {}))
            assert said.returncode == 0, said.stdout + said.stderr
            assert_said(step, said.stdout)
            if is_plan:
                history.commit_all(root, "Merge the registration")


def test_a_member_votes(tmp_path: Path) -> None:
    """On a board that has just opened its vote on the method."""
    walk = walk_example.Walk(tmp_path / "root")
    walk_example.seat_everybody(walk)
    method = walk_example.METHOD
    walk.propose(method, "methodology", methodology_version=walk_example.VERSION, title="The method")
    walk.happen(method, "comment")
    walk.step("Propose the method")
    walk.wait(14)
    walk.open_vote(method)
    walk.step("Open the vote")
    for step in steps("A member votes"):
        arguments = shlex.split(step[0])[1:]
        if arguments[0] == "tally":
            walk.vote(method, dan="yes")
            walk.step("Record the ballot")
        code, text = walk_example.run(walk, *arguments)
        assert code == 0, text
        assert_said(step, text)


def test_a_reader_checks_a_number(tmp_path: Path) -> None:
    """On a copy of the data alone, and the last step without this program."""
    root = tmp_path / "root"
    publish_example.write_root(root)
    for step in steps("A reader checks a number"):
        if step[0].startswith("fairlead "):
            said = run(step[0], root, SOURCE_DATE_EPOCH=str(int(publish_example.NOW.timestamp())))
        else:
            said = subprocess.run(step[0], shell=True, cwd=root, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        assert_said(step, said.stdout)
