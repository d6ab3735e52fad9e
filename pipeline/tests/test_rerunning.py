"""Who may start a rerun: a maintainer without an interest, or anybody where it is nobody's endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.cli import cli

from . import roots
from .fake_github import NAME, OWNER
from .workflow_runner import Machine

SUBMISSION = roots.CLAIM.removeprefix("submissions/")
MAINTAINER = 301
NOW_S = str(int(roots.NOW.timestamp()))


STOPPING = """
  stopping:
    looks: [4, 6]
    error_share: 0.025
    hours_min: 4
    control_rounds_min: 8
    control_windows_min: 96
    control_level_share: 0.8
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The valid root, with a method that says when a rerun ends, and one person more: a maintainer who works
    for an institute."""
    method = roots.FILES[roots.METHODOLOGY]
    last = "\n  success_margin_share: 0.01\n"
    assert method.count(last) == 1
    monkeypatch.setitem(roots.FILES, roots.METHODOLOGY, method.replace(last, last.rstrip("\n") + STOPPING))
    made = roots.build_root(tmp_path / "root")
    roots.seat(made, MAINTAINER, roles=("maintainer",))
    return made


def plan(root: Path, by: str, *more: str) -> tuple[int, str]:
    arguments = ["rerun", SUBMISSION, "--by", by, "--root", str(root), *(more or ("--plan",))]
    found = CliRunner().invoke(cli, arguments, env={"SOURCE_DATE_EPOCH": NOW_S})
    return found.exit_code, found.output


def member(root: Path, old: str, new: str) -> None:
    roots.edit(root, f"{roots.GOVERNANCE}/members/person-{MAINTAINER}.yaml", old, new)


def test_a_maintainer_without_an_interest_may_start_a_rerun(root: Path) -> None:
    """Known by the number of the account, whatever it is called now."""
    code, text = plan(root, f"renamed:{MAINTAINER}")
    assert code == 0, text
    assert text.startswith("model=llama-3-70b\nvantage=north-1\n")


INTEREST = """interests:
  - kind: equity
    party: acme-corporation
    amount_band: null
    from: 2024-01-01
    until: 2025-06-01
    source: A statement.
    notes: null
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f"id: {MAINTAINER}", "id: 999", "G-8.2: person (301) is no member"),
        ("term_until: 2028-01-01", "term_until: 2026-03-31", "G-8.2: person (301) has no seat on 2026-04-01"),
        ("  - maintainer\n", "  - voter\n", "G-8.2: person (301) is no maintainer"),
        (
            "organisation: institute-301",
            "organisation: acme-corporation",
            "G-3.1: person (301) has an interest in Acme Corporation: employed by Acme Corporation",
        ),
        (
            "interests: []\n",
            INTEREST,
            "G-3.2: person (301) has an interest in Acme Corporation: holds equity",
        ),
    ],
)
def test_who_may_not_start_a_rerun_is_told_why(root: Path, old: str, new: str, said: str) -> None:
    """With the clause, whether it is to be planned or measured, and before any key is read."""
    member(root, old, new)
    code, text = plan(root, f"person:{MAINTAINER}")
    assert (code, said in text) == (1, True), text
    found = CliRunner().invoke(
        cli,
        ["rerun", SUBMISSION, "--by", f"person:{MAINTAINER}", "--root", str(root)],
        env={"SOURCE_DATE_EPOCH": NOW_S, "FAIRLEAD_KEYS": "no keys at all"},
    )
    assert (found.exit_code, found.output) == (code, text)


def test_a_tie_to_the_group_is_a_tie_to_the_provider(root: Path) -> None:
    """Working for whoever owns it is working for it."""
    member(root, "organisation: institute-301", "organisation: example-fund")
    assert plan(root, f"person:{MAINTAINER}")[0] == 0
    roots.edit(root, f"{roots.GOVERNANCE}/organisations.yaml", "share: 0.4", "share: 0.6")
    code, text = plan(root, f"person:{MAINTAINER}")
    said = "G-3.1: person (301) has an interest in Acme Corporation: employed by Example Fund"
    assert (code, said in text) == (1, True), text


def test_of_whom_nothing_is_known_nobody_is_without_an_interest(root: Path) -> None:
    """An organisation that is not disclosed may be anybody's."""
    roots.edit(root, "providers/acme.yaml", "organisation: acme-corporation", "organisation: null")
    code, text = plan(root, f"person:{MAINTAINER}")
    assert (code, "G-3.6: person (301) may have an interest" in text) == (1, True), text


def test_endpoints_of_this_machine_may_be_measured_again_by_anybody(root: Path) -> None:
    """They are nobody's, and no key goes there; one endpoint elsewhere, and they are not."""
    roots.edit(root, "providers/acme.yaml", "https://api.acme.example/v1", "http://127.0.0.1:9/v1")
    assert plan(root, "stranger:666")[0] == 0
    roots.edit(root, "providers/acme.yaml", "http://127.0.0.1:9/v1", "http://127.0.0.1.acme.example/v1")
    assert plan(root, "stranger:666")[0] == 1


def test_the_workflow_asks_before_anything_is_measured(root: Path, tmp_path: Path) -> None:
    """The job `allow` ends for whoever may not; for a maintainer it names the model, the place, the parts."""
    roots.commit(root)
    remote = tmp_path / "remote.git"
    roots.git(root, "clone", "--quiet", "--bare", ".", str(remote))
    branch = roots.git(remote, "symbolic-ref", "--short", "HEAD").strip()
    sha = roots.git(remote, "rev-parse", "HEAD").strip()
    if branch != "main":
        roots.git(remote, "branch", "main", branch)
    environment = {"SOURCE_DATE_EPOCH": NOW_S}
    machine = Machine(remote, tmp_path / "machine", {"github.repository": f"{OWNER}/{NAME}"}, environment)
    inputs = {"submission": SUBMISSION, "commit": sha}
    given = {"inputs": inputs, "github": {"actor": "ben-example", "actor_id": "202"}}
    refused = machine.run("rerun", "allow", **given)
    assert not refused.succeeded
    assert "G-8.2: ben-example (202) is no maintainer" in refused.text
    assert refused.outputs == {}
    given["github"] = {"actor": "person", "actor_id": str(MAINTAINER)}
    allowed = machine.run("rerun", "allow", **given)
    assert allowed.succeeded, allowed.text
    assert allowed.outputs["plan.model"] == "llama-3-70b"
