"""``fairlead new provider``: a file that passes every check, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fairlead import checks
from fairlead.cli import cli, common, joining
from fairlead.measure.reference import start_reference
from fairlead.measure.truth import ReferenceProfile
from fairlead.repository import format_tree, load_repository

from . import roots

SAID = (
    *("--name", "Harbour", "--base-url", "https://api.harbour.example/v1", "--model", "llama-3-70b"),
    *("--api-model", "llama-3-70b-it", "--contact", "Ada Example=ada:4321"),
)
SEEN = ("--name", "Harbour", "--model", "llama-3-70b", "--api-model", "m-1")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(roots.NOW.timestamp())))
    return roots.build_root(tmp_path / "root")


def new_provider(root: Path, *arguments: str, said: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["new", "provider", "--root", str(root), *arguments], input=said)


def files(root: Path) -> set[Path]:
    return {path for path in root.parent.rglob("*") if ".git" not in path.parts}


def test_a_listed_provider_passes_every_check_and_says_nothing_that_was_not_said(root: Path) -> None:
    """Null where nothing was said, canonical, and the next step is printed."""
    found = new_provider(root, "harbour", *SAID)
    assert (found.exit_code, found.stdout) == (0, "providers/harbour.yaml\n"), found.stderr
    assert "fairlead check providers/harbour.yaml" in found.stderr
    assert checks.run_checks(root, now=roots.NOW) == []
    assert format_tree(root) == ({}, [])
    entry = load_repository(root)[0].providers["harbour"]
    assert (entry.benchmark_permission, entry.website, entry.interests) == (None, None, ())
    assert [(contact.github.login, contact.github.id) for contact in entry.contacts] == [("ada", 4321)]


def test_at_a_terminal_it_asks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed and was not said."""
    monkeypatch.setattr(common, "is_at_a_terminal", lambda: True)
    monkeypatch.setattr(joining, "is_at_a_terminal", lambda: True)
    found = new_provider(
        root,
        "harbour",
        said="llama-3-70b\nHarbour\nhttps://api.harbour.example/v1\nllama\nn\n\neu-west\nAda=ada:4321\n\n",
    )
    assert found.exit_code == 0, found.stderr
    entry = load_repository(root)[0].providers["harbour"]
    assert (entry.name, entry.website, entry.endpoints[0].region) == ("Harbour", None, "eu-west")
    assert [contact.github.login for contact in entry.contacts] == ["ada"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("acme", *SAID), 1, "providers/acme.yaml"),
        (("harbour", *SAID, "--dialect", "morse"), 2, "no dialect 'morse'; there are: "),
        (("harbour", *SAID, "--model", "llama-3-70bb"), 2, "did you mean llama-3-70b?"),
        (("harbour", *SAID, "--contact", "ada"), 2, "write NAME=LOGIN:ID"),
        (("Harbour & Sons", *SAID), 2, "is no id"),
        (("../evil", *SAID), 2, "is no id"),
        (("harbour", "--model", "llama-3-70b"), 2, "missing --name"),
        (("harbour", *SAID, "--url", "https://x.example"), 2, "leave one of them out"),
        (("harbour", *SAID, "--key-env", "KEY"), 2, "--key-env goes with --url"),
        (("harbour", *SAID, "--usd-per-mtok-in", "1"), 2, "go together"),
        (("harbour", *SAID, "--usd-per-mtok-in", "1", "--usd-per-mtok-out", "2"), 2, "--price-source URL"),
        (("harbour", *SEEN, "--url", "http://127.0.0.1:9/v1"), 1, "nothing was written"),
    ],
)
def test_what_cannot_be_listed_is_refused_and_nothing_is_written(
    root: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """An id that is taken or no id, a dialect or a model that is not there."""
    before = files(root)
    found = new_provider(root, *arguments)
    assert (found.exit_code, said in found.stderr) == (code, True), found.stderr
    assert files(root) == before


def test_with_a_url_the_endpoint_is_looked_at_and_measured_before_it_is_listed(root: Path) -> None:
    """The dialect is the one that answers, the window is shown and kept nowhere, and prices are listed."""
    before = files(root)
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1, model="m-1")) as reference:
        priced = (
            "--usd-per-mtok-in",
            "1",
            "--usd-per-mtok-out",
            "2",
            "--price-source",
            "https://acme.example/p",
        )
        found = new_provider(root, "harbour", *SEEN, "--url", reference.url, *priced)
    assert (found.exit_code, found.stdout) == (0, "providers/harbour.yaml\n"), found.stderr
    assert "openai-chat answers" in found.stderr
    assert "8 of 8 requests" in found.stderr
    assert "estimated cost of this run" in found.stderr
    assert "git push --set-upstream origin list-harbour" in found.stderr
    entry = load_repository(root)[0].providers["harbour"].endpoints[0]
    assert (entry.dialect, entry.base_url) == ("openai-chat", reference.url)
    assert [price.output_usd_per_mtok for price in entry.models[0].prices] == [2]
    assert files(root) - before == {root / "providers" / "harbour.yaml"}
