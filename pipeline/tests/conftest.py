"""Profiles, and the one cluster that modules share; whatever else a test needs, it says itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# The machine may be slow and shared: a deadline would test the machine.
hypothesis.settings.register_profile("fairlead", max_examples=60, deadline=None, derandomize=True)
hypothesis.settings.load_profile("fairlead")

# Whoever starts the tests in the background of a script has Ctrl-C ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: many a test waits for a server or a process of its own."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the nodes of the cluster keep what they have not told yet."""
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="session")
def cluster(temporary: Path) -> Iterator[Any]:
    """A Ray cluster on this machine. Who adds a node to it takes it away again."""
    from . import ray_example

    with ray_example.started(env={"TMPDIR": str(temporary)}) as made:
        yield made
