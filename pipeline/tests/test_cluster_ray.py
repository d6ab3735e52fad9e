"""A real Ray cluster of several nodes on this machine: measured from, summarised on, and one killed."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead.clock import SystemClock, pause
from fairlead.measure.calibrate import LoadShape
from fairlead.measure.plan import Plan
from fairlead.measure.policy import Secret
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Sealed
from fairlead.measure.truth import ReferenceProfile
from fairlead.windows import Outcome

from . import roots
from .ray_example import NODES, add_node, odd_node, run

pytest.importorskip("ray", reason="the extra fairlead[ray] is not installed: make test-cluster")

import ray

from fairlead.cluster import ClusterError, Crew, rays
from fairlead.cluster.worker import facts

pytestmark = [pytest.mark.cluster, pytest.mark.realtime, pytest.mark.filterwarnings("ignore")]

QUICK = ReferenceProfile(ttft_median_ms=8, icl_median_ms=2)
MS = 1_000_000
OPEN = {"rate_per_s": 60.0, "arrivals": "poisson", "concurrency": 12}
KEY = "test-7hWx4kRt9bNcE2uYp5sVg8mQ"


@pytest.fixture(scope="module")
def joined(cluster: Any) -> Iterator[rays.RayCluster]:
    with rays.joined(cluster.address) as found:
        yield found


@contextlib.contextmanager
def crew_at(joined: rays.RayCluster, vantage: str) -> Iterator[Crew]:
    numbers = iter(range(256))
    links = joined.links(vantage, keyed=True, is_encrypted=False)
    crew = Crew(links, facts(rays.VERSION), clock=SystemClock(), token=lambda: f"{next(numbers):02x}")
    try:
        yield crew
    finally:
        crew.close()


@pytest.fixture(scope="module")
def crew(joined: rays.RayCluster) -> Iterator[Crew]:
    """It has the nodes' places at this vantage for itself."""
    with crew_at(joined, "ams") as found:
        yield found
        assert not found.lost


def living() -> list[Any]:
    """The nodes that are there by what the cluster knows now."""
    return [node for node in ray.nodes() if node["Alive"]]


def plan_for(url: str, crew: Crew, **more: object) -> Plan:
    fields = {"url": url, "model": "reference", "concurrency": 6, "requests": 60, "seed": "00ff"}
    plan = Plan(**(fields | {"max_tokens": 8, "input_words": 20, "ramp_ns": 10 * MS} | more))
    return msgspec.structs.replace(plan, processes=crew.processes_for(plan.concurrency))


def outcomes(sealed: Sealed) -> Counter[Outcome]:
    return Counter(request.outcome for request in sealed.window.requests)


@pytest.mark.parametrize("load", [{}, OPEN], ids=["closed", "open"])
def test_a_window_over_several_nodes_is_the_schedule_of_one_machine(crew, tmp_path, load):
    with start_reference(QUICK) as reference:
        plan = plan_for(reference.url, crew, **load)
        sealed = measure_window(plan, spool=tmp_path / "spool", run_all=crew.run)
    requests = sealed.window.requests
    assert outcomes(sealed) == {Outcome.OK: plan.requests}
    assert [request.body_sha256 for request in requests]
    due = [request.scheduled_ns for request in requests]
    assert due == (plan.starts() if plan.is_open else [None] * plan.requests)
    assert [node.processes for node in sealed.header.nodes] == [[number] for number in range(NODES)]
    assert {node.fault for node in sealed.header.nodes} == {None}
    for node in sealed.header.nodes:  # they share this machine's clocks
        assert abs(node.clock.wall_offset_ns) <= node.clock.origin_error_ns + 2 * MS
        first = sealed.header.nodes[0].clock
        slack = first.origin_error_ns + node.clock.origin_error_ns
        assert abs(node.clock.origin_mono_ns - first.origin_mono_ns) <= slack


def test_each_node_is_certified_at_its_share(crew):
    shape = LoadShape(concurrency=5, seconds=0.8, ttft_ms=20, icl_ms=10, input_words=20, processes=NODES)
    found = crew.certify(shape)
    assert [one.certificate.load.concurrency for one in found.values()] == [3, 2]
    assert {one.certificate.missing for one in found.values()} == {0}


def test_a_key_goes_with_its_hosts_and_the_policy_holds_there(cluster, crew, tmp_path):
    secret = Secret(provider="acme", hosts=("localhost:9",), key=KEY)
    plan = plan_for("https://localhost:9/v1", crew, provider="acme", requests=6)
    sealed = measure_window(plan, spool=tmp_path / "spool", key=secret, run_all=crew.run)
    assert {(r.outcome, r.error.code) for r in sealed.window.requests} == {(Outcome.CLIENT, "policy")}
    logs = list(Path(cluster.head_node.get_session_dir_path()).rglob("*"))
    assert any(path.name.startswith("gcs_server") for path in logs)
    assert not any(secret.appears_in(path.read_bytes()) for path in logs if path.is_file())


def test_keys_do_not_travel_to_another_machine_in_the_clear(joined, monkeypatch):
    monkeypatch.setattr(rays, "_own_address", lambda: "192.0.2.1")
    with pytest.raises(ClusterError, match="in the clear"):
        joined.links("ams", keyed=True, is_encrypted=False)


def test_a_vantage_without_a_node_is_said_with_those_that_have_one(joined):
    with pytest.raises(ClusterError, match=r"vantage:nowhere; there are: vantage:ams, "):
        joined.links("nowhere", keyed=False, is_encrypted=False)


def test_tables_made_on_the_nodes_give_the_board_of_one_machine(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(roots.NOW.timestamp())))
    root = roots.build_root(tmp_path / "root")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
    alone = run("rank", "--json", "--root", str(root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    shared = run("rank", "--json", "--root", str(root), "--ray", cluster.address)
    assert (alone.returncode, shared.returncode) == (0, 0), shared.stderr
    assert shared.stdout == alone.stdout
    assert len(json.loads(alone.stdout)["rows"]) > 0
    kept = [
        {
            path.name: path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.parent.name == "windows"
        }
        for name in ("one", "other")
    ]
    assert kept[1]  # in the cache's own format
    assert all(kept[1][name] == data for name, data in kept[0].items())


def test_the_command_measures_from_the_nodes(cluster, tmp_path):
    with start_reference(QUICK) as reference:
        found = run(
            *("measure", "--url", reference.url, "--model", "reference", "--concurrency", "6", "--json"),
            *("--requests", "30", "--max-tokens", "8", "--input-words", "20"),
            *("--ray", cluster.address, "--vantage", "fra", "--out", str(tmp_path / "w.jsonl.gz")),
        )
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    assert "warning" not in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["w.jsonl.gz"]


def test_a_node_whose_worker_gives_way_to_all_else_is_named(cluster, tmp_path):
    """It measures all the same: its certificate says what that is worth."""
    load = ("--requests", "3", "--max-tokens", "8", "--input-words", "20")
    with start_reference(QUICK) as reference, odd_node(cluster, "nice", env={"RAY_worker_niceness": "7"}):
        found = run(
            *("measure", "--url", reference.url, "--model", "reference", *load),
            *("--ray", cluster.address, "--vantage", "nice", "--out", str(tmp_path / "w.jsonl.gz")),
        )
    assert found.returncode == 0, found.stderr
    assert "warning: what measures gives way to whatever else runs there: node " in found.stderr
    assert " at niceness 7\n" in found.stderr
    assert "export RAY_worker_niceness=0" in found.stderr
    assert (tmp_path / "w.jsonl.gz").is_file()


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere", "127.0.0.1:99999", "nowhere.invalid:6379"])
def test_an_address_without_a_cluster_is_exit_3_with_what_to_do(address, tmp_path):
    found = run("rank", "--root", str(roots.build_root(tmp_path / "root")), "--ray", address)
    assert (found.returncode, found.stdout) == (3, "")
    assert found.stderr.startswith(f"error: no cluster could be joined at {address}: ")
    assert f"fix: see that one runs (ray status --address {address})" in found.stderr


@pytest.mark.parametrize("listens", [False, True])
def test_a_cluster_that_is_not_there_ends_the_command_soon(tmp_path, listens, monkeypatch):
    import socket

    monkeypatch.setattr(rays, "_JOIN_S", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1] if listens else 9}"
        with pytest.raises(ClusterError, match="no cluster could be joined") as caught, rays.joined(address):
            pass
    assert "ray status" in caught.value.fix


def test_a_node_that_is_killed_costs_what_it_had_open_and_nothing_else(cluster, joined, tmp_path):
    added = add_node(cluster, "fra")
    now = dataclasses.replace(joined, nodes=living())
    with start_reference(QUICK) as reference, crew_at(now, "fra") as crew:
        plan = plan_for(reference.url, crew, requests=150, **OPEN)

        def kill(done: int, _failed: int) -> None:
            if done >= 40 and added in cluster.worker_nodes:
                cluster.remove_node(added, allow_graceful=False)

        sealed = measure_window(plan, spool=tmp_path / "spool", progress=kill, run_all=crew.run)
        assert len(crew.lost) == 1
        (lost,) = (node for node in sealed.header.nodes if node.fault == "lost")
        assert list(crew.lost) == [lost.name]
        crew.mend()
        assert crew.processes_for(6) == NODES
    while any(node["NodeID"].startswith(lost.name) for node in living()):
        pause(50_000_000)  # else who comes next believes it to be there
    theirs = [r for r in sealed.window.requests if r.process in lost.processes]
    others = [r for r in sealed.window.requests if r.process not in lost.processes]
    assert {request.outcome for request in others} == {Outcome.OK}
    assert len(others) == 100
    assert {request.outcome for request in theirs} == {Outcome.OK, Outcome.CLIENT}
    assert not sealed.stopped
    ended = [request.i for request in theirs if request.outcome is Outcome.OK]
    assert len(ended) >= 8  # what it had told before it died
    assert {r.error.message for r in theirs if r.outcome is Outcome.CLIENT} <= {
        "its node was lost",
        "its node was lost before it was sent",
    }
