"""A Ray cluster of several nodes on this machine, some of which may be started in another environment.

Knows no test. Only for tests that found Ray to be there.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fairlead import demo

NODES = 2
VANTAGES = ("ams", "fra", demo.VANTAGE)
LOOPBACK = "127.0.0.2"  # Ray takes 127.0.0.1 to mean the machine's address in the network
_COMMON = {"node_ip_address": LOOPBACK, "include_dashboard": False, "object_store_memory": 80_000_000}
_SETTINGS = {
    "health_check_initial_delay_ms": 0,  # a node that is dead is soon known to be
    "health_check_period_ms": 500,
    "prestart_worker_first_driver": False,  # workers that nobody asked for
}
_PROMPT = {"RAY_worker_niceness": "0"}  # as the documentation says: else what measures gives way to all else


@contextlib.contextmanager
def started(env: Mapping[str, str]) -> Iterator[Any]:
    """A head that measures nothing, and nodes in this environment that stand at all vantages."""
    from ray import cluster_utils

    head = {"num_cpus": 1, "_system_config": _SETTINGS, "env_vars": _PROMPT} | _COMMON
    made = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(NODES):
            add_node(made, *VANTAGES, env=env, wait=False)
        made.wait_for_nodes()
        yield made
    finally:
        made.shutdown()


def add_node(cluster: Any, *vantages: str, env: Mapping[str, str] | None = None, wait: bool = True) -> Any:
    """One node more; ``env``: what its environment has besides."""
    resources = {f"vantage:{name}": 1 for name in vantages}
    return cluster.add_node(
        wait, num_cpus=1, resources=resources, env_vars={**_PROMPT, **(env or {})}, **_COMMON
    )


@contextlib.contextmanager
def odd_node(cluster: Any, *vantages: str, env: Mapping[str, str]) -> Iterator[None]:
    """A node in another environment, for as long as it is there."""
    node = add_node(cluster, *vantages, env=env)
    try:
        yield
    finally:
        cluster.remove_node(node, allow_graceful=True)  # else it is thought to be there for a while


def env_with(folder: Path, code: str) -> dict[str, str]:
    """An environment in which each process of Python runs this code first."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


def run(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """A command of ours in a process of its own."""
    command = [sys.executable, "-m", "fairlead", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
