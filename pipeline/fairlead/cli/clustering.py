"""What the commands that can use a cluster share. Knows no command, and Ray by one module's name alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from fairlead.cli.common import EXIT_ENVIRONMENT, complain, warn

if TYPE_CHECKING:
    from fairlead.cluster import Crew
    from fairlead.cluster.rays import RayCluster
    from fairlead.tables import Makers

measure_on_ray = click.option(
    "--ray",
    "ray_address",
    metavar="HOST:PORT",
    help="Measure from the nodes of a Ray cluster with the resource vantage:<id>; they share each window.",
)
make_on_ray = click.option(
    "--ray",
    "ray_address",
    metavar="HOST:PORT",
    help="Let the nodes of a Ray cluster read the raw files; the numbers are the same.",
)


@contextlib.contextmanager
def crew_at(address: str | None, vantage: str | None, *, keyed: bool) -> Iterator[Crew | None]:
    """The nodes of a vantage, for as long as it is measured there; None without a cluster."""
    if address is None:
        yield None
        return
    if vantage is None:
        raise click.UsageError("--ray needs --vantage: which nodes measure")
    import secrets

    from fairlead.clock import SystemClock
    from fairlead.cluster import Crew
    from fairlead.cluster.worker import facts

    with _cluster(address) as (cluster, version):
        is_encrypted = os.environ.get("RAY_USE_TLS", "").lower() in ("1", "true")
        links = cluster.links(vantage, keyed=keyed, is_encrypted=is_encrypted)
        crew = Crew(links, facts(version), clock=SystemClock(), token=lambda: secrets.token_hex(16))
        try:
            if crew.yielding:
                nodes = ", ".join(f"node {node} at niceness {own}" for node, own in crew.yielding.items())
                message = f"what measures gives way to whatever else runs there: {nodes}"
                warn(message, "export RAY_worker_niceness=0 on every node before `ray start`")
            yield crew
        finally:
            crew.close()


@contextlib.contextmanager
def makers_at(address: str | None) -> Iterator[Makers | None]:
    """What makes tables on the nodes of a cluster; None without one."""
    if address is None:
        yield None
        return
    with _cluster(address) as (cluster, _):
        yield cluster.table_makers()


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[tuple[RayCluster, str]]:
    """A cluster that was joined and its version of Ray; without Ray, the end of the command.

    Raises:
        ClusterError: it cannot be joined.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        from fairlead.cluster import rays
    except ImportError:
        complain("--ray needs Ray, which is not installed", "pip install 'fairlead[ray]'")
        raise click.exceptions.Exit(EXIT_ENVIRONMENT) from None
    with rays.joined(address) as cluster:
        yield cluster, rays.VERSION
