"""What the board may measure itself, and from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead import campaign
from fairlead.campaign.plans import neutral_targets
from fairlead.repository import Repository, load_repository

from . import roots

PERMISSION = """\
benchmark_permission:
  granted: true
  source: https://acme.example/terms
  date: 2026-01-05
"""


def load(root: Path) -> Repository:
    repository, problems = load_repository(root)
    assert not problems
    return repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root whose one provider granted its permission, with a vantage in a region."""
    return roots.build_root(tmp_path / "root")


def test_a_provider_with_a_recorded_permission_is_measured_from_each_vantage_in_a_region(root: Path) -> None:
    """What runs around the clock is data."""
    assert campaign.neutral_rounds(load(root)) == [("llama-3-70b", "north-1")]
    roots.edit(root, "methodology/vantages.yaml", "region: north\n", "region: null\n")
    assert campaign.neutral_rounds(load(root)) == []


@pytest.mark.parametrize("permission", ["benchmark_permission: null\n", PERMISSION.replace("true", "false")])
def test_without_a_recorded_permission_nothing_is_measured(root: Path, permission: str) -> None:
    """What the board measures it publishes, so a provider that did not allow it is not measured at all."""
    roots.edit(root, "providers/acme.yaml", PERMISSION, permission)
    repository = load(root)
    assert [target.provider for target in campaign.targets_of(repository, "llama-3-70b")] == ["acme"]
    assert neutral_targets(repository, "llama-3-70b") == []
    assert campaign.neutral_rounds(repository) == []
