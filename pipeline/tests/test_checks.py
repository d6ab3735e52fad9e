"""Every rule has a case: a small root with one thing wrong, and exactly what is then said.

A case is a folder ``cases/<CODE>-<slug>/``. Its ``input/`` is laid over the valid root of
:mod:`roots`; where a file alone cannot say it (binary data, links, git), ``input.py`` changes the
root with ``build(root, roots)``. ``FAIRLEAD_ACCEPT=1`` writes what is said to ``expected.txt``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fairlead import checks, repository
from fairlead.cores import LostProcessError, in_order
from fairlead.model import GitHub
from fairlead.problems import Problem, render_json, render_text
from fairlead.rules import GROUPS, RULES

from . import roots

CASES = Path(__file__).parent / "cases"
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
# What commands other than `check` say; their own tests show it.
ELSEWHERE = ("AUD", "IMP", "MET008", "ARC005")


def _script(folder: Path) -> ModuleType | None:
    file = folder / "input.py"
    if not file.exists():
        return None
    spec = importlib.util.spec_from_file_location(f"case_{folder.name.replace('-', '_')}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _check(root: Path, script: ModuleType | None) -> list[Problem]:
    found = checks.run_checks(
        root,
        base=getattr(script, "BASE", None),
        now=roots.NOW,
        recount=getattr(script, "recount", lambda _: None)(roots),
        actor=GitHub(login="ada-example", id=script.ACTOR) if hasattr(script, "ACTOR") else None,
        fetched=root.parent / "fetched",
        fetch=roots.fetching(root) if getattr(script, "DEEP", False) else None,
    )
    changes, _ = repository.format_tree(root)
    if getattr(script, "FORMAT", False):
        found += [
            repository.unformatted(path, (root / path).read_bytes(), text) for path, text in changes.items()
        ]
    return found


def _without_digests(text: str) -> str:
    """The text with an x for each digit that depends on this machine's zlib or on the moment of a commit."""
    digest = re.compile(
        "(?<![0-9a-f])([0-9a-f]{64}|[0-9a-f]{12}(?=…|$| merged|, which|: the clocks))", re.MULTILINE
    )
    sizes = re.compile(r"(?<=bytes: )[0-9]+|[0-9]+(?= bytes(?! of|, more))")
    text = digest.sub(lambda match: "x" * len(match[0]), text)
    return sizes.sub("N", text)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_case_says_exactly_this(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cause gives one rule's problem, with its place, what was found, and how to mend it."""
    root = roots.build_root(tmp_path / "root")
    script = _script(folder)
    if (folder / "input").is_dir():
        shutil.copytree(folder / "input", root, dirs_exist_ok=True)
    if script is not None:
        script.build(root, roots)
        getattr(script, "patch", lambda _: None)(monkeypatch)
    found = _check(root, script)
    text = _without_digests(render_text(found))
    expected = folder / "expected.txt"
    if os.environ.get("FAIRLEAD_ACCEPT"):
        expected.write_text(text)
    assert expected.read_text() == text
    code = folder.name.partition("-")[0]
    assert {problem.code for problem in found} == {code} | getattr(script, "ALSO", set())
    assert all(problem.fix for problem in found)


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    """A rule that nobody can trigger is no rule; a case of no rule tests nothing."""
    rules = {code for code in RULES if not code.startswith(ELSEWHERE)}
    assert {folder.name.partition("-")[0] for folder in FOLDERS} == rules


def test_every_rule_says_why_and_how_to_mend_it() -> None:
    """The page of rules has something to say about each."""
    for code, rule in RULES.items():
        assert code == rule.code
        assert re.fullmatch("[A-Z]{3,4}[0-9]{3}", code)
        assert re.match("[A-Z]+", code)[0] in GROUPS  # type: ignore[index]
        for text in (rule.title, rule.why, rule.fix):
            assert text
            assert text[0].isupper() or text[0] == "`"
        assert rule.why.endswith(".")
        assert rule.fix.endswith(".")


def test_every_code_that_the_package_names_is_in_the_catalogue() -> None:
    """No problem links to a page of rules that has no such anchor."""
    package = Path(repository.__file__).parent
    named: set[str] = set()
    for file in package.rglob("*.py"):
        named |= set(re.findall(r'"([A-Z]{3,4}[0-9]{3})"', file.read_text()))
    groups = tuple(GROUPS)
    assert {code for code in named if code.startswith(groups)} <= set(RULES)


def test_the_example_root_is_without_fault(tmp_path: Path) -> None:
    """What the cases change is sound before they change it: checked, canonical, and under git."""
    root = roots.build_root(tmp_path)
    roots.commit(root)
    assert checks.run_checks(root, base="HEAD", now=roots.NOW) == []
    assert repository.format_tree(root) == ({}, [])


def test_every_check_is_listed_and_promises_something() -> None:
    """A check that is written and not listed never runs."""
    listed = set(checks.CHECKS)
    for check in checks.CHECKS:
        module = __import__(check.__module__, fromlist=["*"])
        assert (check.__doc__ or "").strip().endswith(".")
        written = {value for name, value in vars(module).items() if name.startswith("check_")}
        assert written <= listed


def _lay_out(tmp_path: Path) -> Path:
    """A root with something wrong in windows of a claim and of the board, and many sound ones beside them."""
    root = roots.build_root(tmp_path / "root")
    for number in range(40):
        header = roots.at_time(roots.make_header(role="subject"), f"2026-03-10T13:{number:02}:00Z")
        roots.put_window(root, roots.ROUNDS, header, [roots.make_request(0)])
    roots.change_request(root, roots.ROUNDS, 1, done_ns=310 * roots.MS)
    roots.change_header(root, roots.RERUN, vantage="elsewhere")
    roots.change_bytes(root, roots.CLAIM, lambda data: data[:-9])
    return root


def test_windows_are_looked_at_alike_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On however many cores: the same problems, to the letter."""
    root = _lay_out(tmp_path)
    alone = render_json(checks.run_checks(root, now=roots.NOW))
    monkeypatch.setattr(checks.raw, "POOL_MIN_BYTES", 2)
    monkeypatch.setattr(checks.raw, "permitted_cores", lambda: 2)
    started = []
    monkeypatch.setattr(
        checks.raw,
        "in_order",
        lambda *arguments, processes: started.append(processes) or in_order(*arguments, processes=processes),
    )
    assert render_json(checks.run_checks(root, now=roots.NOW)) == alone
    assert started == [2]
    assert json.loads(alone)["counts"]["errors"] >= 3


def test_a_small_root_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To start one takes longer than to read a thousand windows."""
    monkeypatch.setattr("fairlead.cores.multiprocessing.get_context", lambda _: pytest.fail("started"))
    root = roots.build_root(tmp_path)
    assert checks.run_checks(root, now=roots.NOW) == []


def test_a_lost_process_is_no_problem_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the check: what it had not seen may be wrong or right."""

    def lost(*_: object, **__: object) -> Iterator[object]:
        raise LostProcessError
        yield

    monkeypatch.setattr(checks.raw, "in_order", lost)
    with pytest.raises(LostProcessError):
        checks.run_checks(roots.build_root(tmp_path), now=roots.NOW)


def test_with_paths_only_their_problems_are_said(tmp_path: Path) -> None:
    """A narrower question gets a narrower answer, judged against the whole tree."""
    root = roots.build_root(tmp_path)
    roots.edit(root, "providers/acme.yaml", "model: llama-3-70b\n", "model: llama-3-7b\n")
    roots.edit(root, "methodology/vantages.yaml", "operator: example-university", "operator: nobody")
    found = checks.run_checks(root, paths=["methodology"], now=roots.NOW)
    assert [problem.code for problem in found] == ["REF006"]
    window = roots.window_of(root, roots.CLAIM)
    assert checks.run_checks(root, paths=[roots.RERUN], now=roots.NOW)[0].path.startswith(roots.RERUN)
    (root / window).write_bytes(b"no gzip")
    of_manifest = checks.run_checks(root, paths=[f"{roots.CLAIM}/submission.yaml"], now=roots.NOW)
    assert {"SUB006"} <= {problem.code for problem in of_manifest}


def test_a_waiver_silences_its_problem_and_no_other(tmp_path: Path) -> None:
    """A known exception is quiet while its waiver holds."""
    root = roots.build_root(tmp_path)
    roots.edit(root, "providers/acme.yaml", "from: 2026-01-01", "from: 2025-06-01")
    assert [problem.code for problem in checks.run_checks(root, now=roots.NOW)] == ["PRO001"]
    waiver = (
        "schema_version: 1\nwaivers:\n  - rule: PRO001\n    path: providers/acme.yaml\n"
        "    reason: The provider charged two prices in that half year.\n    expires: 2026-12-31\n"
    )
    roots.write(root, "methodology/governance/waivers.yaml", waiver)
    assert checks.run_checks(root, now=roots.NOW) == []


def test_a_mistake_of_ours_is_said_whatever_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that breaks is never hidden, by paths or by a waiver, and the other checks run."""
    root = roots.build_root(tmp_path)
    roots.edit(root, "providers/acme.yaml", "from: 2026-01-01", "from: 2025-06-01")
    monkeypatch.setattr(checks.providers, "_address_fault", lambda _: 1 / 0)
    found = checks.run_checks(root, paths=["providers"], now=roots.NOW)
    assert [(problem.code, problem.path) for problem in found] == [
        ("BUG001", "."),
        ("PRO001", "providers/acme.yaml"),
    ]


def test_everything_wrong_at_once_is_said_at_once(tmp_path: Path) -> None:
    """Broken YAML, gzip, links and bytes in one tree: each is said, and none hides another."""
    root = roots.build_root(tmp_path)
    roots.write(root, "methodology/models.yaml", "models: [")
    roots.write(root, "methodology/governance/members/ada.yaml", b"\xff\xfe")
    roots.write(root, "providers/bomb.yaml", "a: &a [x]\nb: [" + "*a," * 100 + "]\n")
    roots.write(root, "providers/nan.yaml", "schema_version: .nan\n")
    (root / "providers/link.yaml").symlink_to("/etc/passwd")
    (root / "submissions/acme/loop").symlink_to(root)
    roots.write(root, "submissions/acme/..evil/x", "x")
    roots.replace_raw(root, roots.CLAIM, b"\x1f\x8bgarbage")
    roots.change_request(root, roots.ROUNDS, 2, sent_ns=-1)
    roots.edit(root, f"{roots.RERUN}/rerun.yaml", "vantage: north-1", "vantage: ../../etc")
    codes = {problem.code for problem in checks.run_checks(root, now=roots.NOW)}
    wanted = {"DOC003", "DOC001", "DOC009", "DOC013", "TREE001", "TREE005", "WIN001", "WIN014", "SCH006"}
    assert wanted <= codes
    assert "BUG001" not in codes


def test_problems_without_end_come_to_an_end(tmp_path: Path) -> None:
    """Ten thousand wrong references cost no more than a thousand, and the report says that there are more."""
    root = roots.build_root(tmp_path)
    path = roots.next_registration(root)
    text = (root / path).read_text()
    entry = text[text.index("  - endpoint") : text.index("notes:")]
    roots.edit(root, path, entry, "".join(entry.replace("main", f"m-{i}") for i in range(2000)))
    found = checks.run_checks(root, now=roots.NOW)
    stopped = [problem.message for problem in found if problem.path == "."]
    assert stopped == [f"check_registrations stopped after {checks.MAX_PROBLEMS_PER_CHECK:,} problems"]
    assert len([problem for problem in found if problem.path == path]) == checks.MAX_PROBLEMS_PER_FILE + 1
