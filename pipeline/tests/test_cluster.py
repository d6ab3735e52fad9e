"""A window over several nodes is the window of one machine; a node that is lost costs what it had open.

The nodes are threads of this process, each with a real worker and real processes: no engine is needed.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import socket
import subprocess
import sys
import tempfile
import types
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import fairlead.cluster
from fairlead import documents
from fairlead.campaign import CampaignError, Gear, field
from fairlead.campaign.field import Job, measure_round
from fairlead.checks.headers import _node_faults
from fairlead.checks.looking import _client_of
from fairlead.cli import cli, main
from fairlead.clock import SystemClock
from fairlead.cluster import ClusterError, Crew, worker
from fairlead.cluster.crew import require_same, share_of_shape
from fairlead.cluster.worker import facts
from fairlead.measure.calibrate import LoadShape, calibrate, shape_of
from fairlead.measure.plan import Plan, Share, share_of
from fairlead.measure.policy import Secret
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Sealed, seal
from fairlead.measure.truth import ReferenceProfile
from fairlead.metrics import tabulate
from fairlead.ranking import invalid_reasons
from fairlead.repository.schema import schema_problems
from fairlead.windows import NODES_VERSION, Outcome, decode_window, encode_line

from . import roots
from .cluster_example import LocalLink, local_crew
from .examples import STEADY_RULES, make_methodology

QUICK = ReferenceProfile(ttft_median_ms=8, icl_median_ms=2)
MS = 1_000_000
OPEN = {"rate_per_s": 100.0, "arrivals": "poisson", "concurrency": 12}
KEY = "test-7hWx4kRt9bNcE2uYp5sVg8mQ"


def plan_for(url: str, **more: object) -> Plan:
    fields = {"url": url, "model": "reference", "concurrency": 6, "requests": 36, "seed": "00ff"}
    return Plan(**(fields | {"max_tokens": 8, "input_words": 20, "ramp_ns": 10 * MS} | more))


def shared(plan: Plan, crew: Crew) -> Plan:
    return msgspec.structs.replace(plan, processes=crew.processes_for(plan.concurrency))


def reasons_against(sealed: Sealed) -> tuple[str, ...]:
    return invalid_reasons(tabulate(sealed.window, STEADY_RULES), make_methodology())


# --- splitting ---


class Nobody:
    """A node of so many cores that is asked for nothing else."""

    def __init__(self, name: str, cores: int) -> None:
        self.name = self.host = name
        self._told = msgspec.msgpack.encode(msgspec.structs.replace(facts(), cores=cores))

    def ask(self, what: str, argument: bytes):
        return lambda within_s: self._told

    def close(self) -> None:
        pass


def crew_of(cores: list[int]) -> Crew:
    links = [Nobody(f"n{number}", count) for number, count in enumerate(cores)]
    return Crew(links, facts(), clock=SystemClock(), token=lambda: "00")


@given(
    cores=st.lists(st.integers(1, 8), min_size=1, max_size=6),
    concurrency=st.integers(1, 2000),
    requests=st.integers(1, 300),
    arrivals=st.sampled_from(["poisson", "constant"]),
    seed=st.integers(0, 255),
)
def test_the_union_of_all_shares_is_the_schedule_of_one_machine(cores, concurrency, requests, arrivals, seed):
    """Every arrival, Poisson or constant, is sent by one node, at its time; every stream is at one."""
    crew = crew_of(cores)
    processes = crew.processes_for(concurrency)
    shares = crew.shares(processes)
    assert sorted(process for block in shares.values() for process in block) == list(range(processes))
    load = {"rate_per_s": 50.0, "arrivals": arrivals}
    fixed = {"concurrency": concurrency, "requests": requests, "seed": f"{seed:02x}"}
    one = plan_for("http://127.0.0.1:9/v1", **fixed, **load)
    every = msgspec.structs.replace(one, processes=processes)
    sent = [
        (every.starts()[i], i)
        for block in shares.values()
        for process in block
        for i in Share(process, processes).part(requests)
    ]
    assert sorted(sent) == sorted(zip(one.starts(), range(requests), strict=True))
    streams = [share_of(concurrency, block, processes) for block in shares.values()]
    assert sum(streams) == concurrency
    assert min(streams) >= 1


@given(nodes=st.integers(1, 6), concurrency=st.integers(6, 500))
def test_certificates_are_of_shares_that_add_up_to_the_load(nodes, concurrency):
    crew = crew_of([2] * nodes)
    shape = LoadShape(concurrency=concurrency, processes=crew.processes_for(concurrency))
    parts = [share_of_shape(shape, block) for block in crew.shares(shape.processes).values()]
    assert sum(part.concurrency for part in parts) == concurrency
    flow = msgspec.structs.replace(shape, rate_per_s=40.0, arrivals="poisson")
    parts = [share_of_shape(flow, block) for block in crew.shares(shape.processes).values()]
    assert sum(part.rate_per_s or 0 for part in parts) == pytest.approx(40.0)


# --- what has to be the same ---


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("python", "Python 3.10.1"),
        ("engine", "Ray 3.10.1"),
        ("fairlead", "fairlead 3.10.1"),
        ("code_sha256", "fairlead's code 3.10.1"),
    ],
)
def test_a_node_that_runs_something_else_is_named_with_what_differs(key, words):
    ours = facts("2.0")
    theirs = {"a (one)": ours, "b (two)": msgspec.structs.replace(ours, **{key: "3.10.1"})}
    with pytest.raises(ClusterError, match=rf"^node b \(two\) has {words}, this machine ") as caught:
        require_same(ours, theirs)
    assert "same versions" in caught.value.fix


def test_a_node_without_fairlead_is_named():
    ours = facts()
    without = msgspec.structs.replace(ours, fairlead="", code_sha256="")
    with pytest.raises(ClusterError, match="has fairlead none"):
        require_same(ours, {"a": without})


def test_a_node_that_is_not_there_at_first_is_said():
    link = LocalLink("a")
    link.kill()
    with pytest.raises(ClusterError, match="node a: it is gone"):
        Crew([link], facts(), clock=SystemClock(), token=lambda: "00")
    link.close()


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_a_command_says_how_to_get_it(tmp_path):
    root = roots.build_root(tmp_path / "root")
    found = CliRunner().invoke(cli, ["rank", "--root", str(root), "--ray", "127.0.0.1:9"])
    assert found.exit_code == 3
    assert "pip install 'fairlead[ray]'" in found.output


def test_a_cluster_that_cannot_be_joined_ends_the_command(tmp_path, monkeypatch, capsys):
    """With what is wrong and what helps, and the exit code of an environment that lacks something."""

    def joined(address: str):
        raise ClusterError(f"no cluster could be joined at {address}", "see that one runs")

    engine = types.SimpleNamespace(joined=joined)
    monkeypatch.setitem(sys.modules, "fairlead.cluster.rays", engine)
    monkeypatch.setattr(fairlead.cluster, "rays", engine, raising=False)
    root = roots.build_root(tmp_path / "root")
    with pytest.raises(SystemExit) as end:
        main(["rank", "--root", str(root), "--ray", "127.0.0.1:9"])
    assert end.value.code == 3
    said = capsys.readouterr().err
    assert "error: no cluster could be joined at 127.0.0.1:9" in said
    assert "= fix: see that one runs" in said


# --- a window ---


@pytest.fixture(scope="module", params=[{}, OPEN], ids=["closed", "open"])
def measured(request, tmp_path_factory) -> tuple[Plan, Sealed, Path]:
    """A window of three nodes, and the folder of its spools."""
    folder = tmp_path_factory.mktemp("window")
    with start_reference(QUICK) as reference, local_crew("a", "b", "c") as (crew, _):
        plan = shared(plan_for(reference.url, **request.param), crew)
        sealed = measure_window(plan, spool=folder / "spool", run_all=crew.run)
        assert not crew.lost
    return plan, sealed, folder


def test_every_planned_request_is_there_once_with_its_process_and_its_time(measured):
    plan, sealed, _ = measured
    requests = sealed.window.requests
    assert [request.i for request in requests] == list(range(plan.requests))
    assert [request.process for request in requests] == [i % 3 for i in range(plan.requests)]
    assert Counter(request.outcome for request in requests) == {Outcome.OK: plan.requests}
    due = [request.scheduled_ns for request in requests]
    assert due == (plan.starts() if plan.is_open else [None] * plan.requests)
    assert (sealed.stopped, sealed.unsent, sealed.torn_bytes) == (False, 0, 0)


def test_the_header_names_each_node_with_its_own_clock(measured):
    _, sealed, _ = measured
    header = sealed.header
    assert header.schema_version == NODES_VERSION
    assert [(node.name, node.processes, node.fault) for node in header.nodes] == [
        ("a", [0], None),
        ("b", [1], None),
        ("c", [2], None),
    ]
    for node in header.nodes:  # all on this machine, so that they share its clocks
        assert abs(node.clock.wall_offset_ns) <= node.clock.origin_error_ns + MS
        assert node.clock.max_step_ns is not None
    assert list(_node_faults(header)) == []
    document, _ = documents.parse(encode_line(header), "window")
    assert document is not None
    assert list(schema_problems(document, "window-header")) == []
    twice = msgspec.structs.replace(header, nodes=(header.nodes[1], *header.nodes[1:]))
    assert [where for where, _ in _node_faults(twice)] == ["/nodes", "/nodes/0"]
    assert decode_window(sealed.data) == sealed.window


def test_what_was_told_is_what_would_have_been_written_here(measured):
    _, sealed, folder = measured
    assert seal(folder / "spool") == sealed
    assert sorted(path.name for path in folder.iterdir()) == ["spool", "spool.1", "spool.2"]


def test_nothing_stays_on_a_node(monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with start_reference(QUICK) as reference, local_crew("a") as (crew, _):
        plan = shared(plan_for(reference.url, requests=6), crew)
        measure_window(plan, spool=tmp_path / "spool", run_all=crew.run)
        assert not list((tmp_path / "temporary").glob("fairlead-node-*"))


def test_what_a_killed_worker_left_on_a_node_goes_with_the_next_window(monkeypatch, tmp_path):
    """And what a living one holds stays."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in ("left", "held"):
        (tmp_path / "temporary" / f"fairlead-node-{name}").mkdir(parents=True)
        (tmp_path / "temporary" / f"fairlead-node-{name}" / "0").write_bytes(b"replies")
    with (
        start_reference(QUICK) as reference,
        local_crew("a") as (crew, _),
        holding(tmp_path / "temporary" / "fairlead-node-held"),
    ):
        plan = shared(plan_for(reference.url, requests=6), crew)
        measure_window(plan, spool=tmp_path / "spool", run_all=crew.run)
    found = (tmp_path / "temporary").glob("fairlead-node-*")
    assert [path.name for path in found] == ["fairlead-node-held"]


@contextlib.contextmanager
def holding(folder: Path):
    """Another process that holds a folder as a worker does."""
    code = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)"
    code += "; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline()
        yield
        other.stdin.close()


def test_a_lost_node_costs_its_open_requests_and_nothing_else(tmp_path):
    with start_reference(QUICK) as reference, local_crew("a", "b", "c") as (crew, links):
        plan = shared(plan_for(reference.url, requests=150, **OPEN), crew)

        def cut(done: int, _failed: int) -> None:
            if done >= 30:
                links["b"].kill()

        sealed = measure_window(plan, spool=tmp_path / "spool", progress=cut, run_all=crew.run)
        assert dict(crew.lost) == {"b": "it is gone"}
        crew.mend()
        assert crew.shares(crew.processes_for(6)).keys() == {"a", "c"}
    theirs = [request for request in sealed.window.requests if request.process == 1]
    others = [request for request in sealed.window.requests if request.process != 1]
    assert {request.outcome for request in others} == {Outcome.OK}
    assert len(others) == 100
    assert {request.outcome for request in theirs} == {Outcome.OK, Outcome.CLIENT}
    assert {r.error.code for r in theirs if r.outcome is Outcome.CLIENT} == {"interrupted"}
    due = [request.scheduled_ns for request in sealed.window.requests]
    assert due == plan.starts()[: len(due)]
    assert not sealed.stopped
    assert [node.fault for node in sealed.header.nodes] == [None, "lost", None]
    assert "node b was lost before it had told all" in reasons_against(sealed)


@pytest.mark.realtime
@pytest.mark.parametrize("lost", ["a", "b"])
def test_a_node_lost_before_it_told_anything_is_named_and_the_others_are_what_they_were(tmp_path, lost):
    """Also the one that the header itself describes. Each certificate is of a third of the load."""
    with start_reference(QUICK) as reference, local_crew("a", "b", "c") as (crew, links):
        plan = shared(plan_for(reference.url), crew)
        links[lost].before = lambda what: links[lost].kill() if what == "go" else None
        sealed = measure_window(plan, spool=tmp_path / "spool", run_all=crew.run)
        assert dict(crew.lost) == {lost: "it is gone"}
    header = sealed.header
    assert [(node.name, node.processes) for node in header.nodes] == [("a", [0]), ("b", [1]), ("c", [2])]
    assert {node.name: node.fault for node in header.nodes} == {"a": None, "b": None, "c": None, lost: "lost"}
    assert list(_node_faults(header)) == []
    own = [_client_of(header, f"/nodes/{at}/calibration/before").load.concurrency for at in range(3)]
    assert own == [share_of(plan.concurrency, [process], 3) for process in range(3)]
    told = next(node for node in header.nodes if node.fault is None)
    missed = next(node for node in header.nodes if node.fault is not None)
    assert missed.machine == told.machine  # each is this machine
    assert abs(missed.clock.origin_mono_ns - told.clock.origin_mono_ns) < 10 * MS
    outcomes = {request.process: request.outcome for request in sealed.window.requests}
    assert outcomes == dict.fromkeys(range(3), Outcome.OK) | {"abc".index(lost): Outcome.CLIENT}
    assert f"node {lost} was lost before it had told all" in reasons_against(sealed)
    assert seal(tmp_path / "spool") == sealed


def test_every_node_lost_is_an_end_and_what_was_told_stays(tmp_path):
    with start_reference(QUICK) as reference, local_crew("a", "b") as (crew, links):
        plan = shared(plan_for(reference.url, requests=150, **OPEN), crew)

        def cut(done: int, _failed: int) -> None:
            if done >= 20:
                for link in links.values():
                    link.kill()

        with pytest.raises(ClusterError, match="every node was lost"):
            measure_window(plan, spool=tmp_path / "spool", progress=cut, run_all=crew.run)
    sealed = seal(tmp_path / "spool")
    assert sealed.stopped
    assert sum(request.outcome is Outcome.OK for request in sealed.window.requests) >= 10


def test_ctrl_c_stops_every_node_and_keeps_what_there_is(tmp_path):
    with start_reference(QUICK) as reference, local_crew("a", "b") as (crew, _):
        plan = shared(plan_for(reference.url, requests=2_000), crew)
        asked = []

        def stop(done: int, _failed: int) -> None:
            if done >= 10 and not asked:
                asked.append(done)
                raise KeyboardInterrupt

        sealed = measure_window(plan, spool=tmp_path / "spool", progress=stop, run_all=crew.run)
    assert sealed.stopped
    assert sealed.unsent > 0
    assert {node.fault for node in sealed.header.nodes} == {None}


def test_a_node_lost_before_the_window_began_leaves_nothing(tmp_path):
    with local_crew("a", "b") as (crew, links):
        links["b"].before = lambda what: links["b"].kill() if what == "begin" else None
        plan = shared(plan_for("http://127.0.0.1:9/v1"), crew)
        with pytest.raises(ClusterError, match="was not begun: node b: it is gone"):
            measure_window(plan, spool=tmp_path / "spool", run_all=crew.run)
    assert list(tmp_path.iterdir()) == []


def test_a_node_lost_before_it_was_ready_leaves_nothing_either(tmp_path):
    """So the same command can be run again, as it is told."""
    with local_crew("a", "b") as (crew, links):
        links["b"].before = lambda what: links["b"].kill() if what == "heard" else None
        plan = shared(plan_for("http://127.0.0.1:9/v1"), crew)
        with pytest.raises(ClusterError, match="was not begun: node b: it is gone"):
            measure_window(plan, spool=tmp_path / "spool", run_all=crew.run)
    assert list(tmp_path.iterdir()) == []


def test_spools_of_a_run_that_was_killed_before_any_node_told_anything_hold_nothing(tmp_path):
    """They are begun here before the nodes are; whoever goes on finds them empty, and goes on."""
    gear = Gear(SystemClock(), lambda ns: None, lambda progress: None, calibrate)
    names = [f"0.acme.chat.spool{more}" for more in ("", ".1", ".2")]
    for name in names:
        (tmp_path / name).touch()
    assert field.keep_left_overs(tmp_path, gear) == []
    assert list(tmp_path.iterdir()) == []
    for name in names:
        (tmp_path / name).write_bytes(b"?" if name.endswith("2") else b"")
    with pytest.raises(CampaignError, match="not a spool"):
        field.keep_left_overs(tmp_path, gear)
    assert len(list(tmp_path.iterdir())) == 3


# --- no way to the provider ---


def test_failures_of_a_node_without_network_are_ours_and_the_window_is_invalid(measured, tmp_path):
    """The first connect says so; sealing sees that the other node had a way."""
    _, _, folder = measured
    for process in range(3):
        name = "spool" if process == 0 else f"spool.{process}"
        data = (folder / name).read_bytes()
        (tmp_path / name).write_bytes(without_network(data) if process == 1 else data)
    sealed = seal(tmp_path / "spool")
    theirs = [request for request in sealed.window.requests if request.process == 1]
    assert {(request.outcome, request.error.code) for request in theirs} == {(Outcome.CLIENT, "unreachable")}
    assert all("dns" in request.error.message for request in theirs)
    assert {r.outcome for r in sealed.window.requests if r.process != 1} == {Outcome.OK}
    assert [node.fault for node in sealed.header.nodes] == [None, "unreachable", None]
    assert "node b had no way to the provider" in reasons_against(sealed)


def test_a_server_that_nobody_reaches_is_the_servers_failure(measured, tmp_path):
    _, _, folder = measured
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(without_network(path.read_bytes()))
    sealed = seal(tmp_path / "spool")
    assert {request.outcome for request in sealed.window.requests} == {Outcome.CONNECT}
    assert {node.fault for node in sealed.header.nodes} == {None}


def without_network(data: bytes) -> bytes:
    """The same spool, had no name been found on its machine."""
    from fairlead.measure import spool
    from fairlead.measure.timeline import Ended, Exchange

    out, at = [spool._MAGIC], len(spool._MAGIC)
    while at < len(data):
        length, _ = spool._FRAME.unpack_from(data, at)
        at += spool._FRAME.size
        frame = spool._decode_frame(data[at : at + length])
        at += length
        if isinstance(frame, spool.Finished):
            old = frame.exchange
            failed = Exchange(begin_ns=old.begin_ns, due_ns=old.due_ns, end_ns=old.end_ns, ended=Ended.DNS)
            frame = spool.Finished(frame.shot, failed)
        payload = spool._encode_frame(frame)
        out += [spool._FRAME.pack(len(payload), spool.zlib.crc32(payload)), payload]
    return b"".join(out)


# --- keys ---


def test_the_policy_holds_on_every_node(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener, local_crew("a", "b") as (crew, _):
        host = f"localhost:{listener.getsockname()[1]}"
        secret = Secret(provider="acme", hosts=(host,), key=KEY)
        plan = shared(plan_for(f"https://{host}/v1", provider="acme", requests=6), crew)
        sealed = measure_window(plan, spool=tmp_path / "spool", key=secret, run_all=crew.run)
    assert {(r.outcome, r.error.code) for r in sealed.window.requests} == {(Outcome.CLIENT, "policy")}
    assert not any(secret.appears_in(path.read_bytes()) for path in tmp_path.iterdir())


# --- a round ---


def test_a_round_states_each_nodes_certificates_and_ends_where_one_is_lost(monkeypatch, tmp_path):
    monkeypatch.setattr(field, "shape_of", functools.partial(shape_of, seconds=0.3))
    once = functools.cache(lambda shape: calibrate(shape, seed="00ff"))
    monkeypatch.setattr(worker, "calibrate", lambda shape, **_: once(shape))
    with start_reference(QUICK) as reference, local_crew("a", "b") as (crew, links):
        gear = Gear(SystemClock(), lambda ns: None, lambda progress: None, calibrate, crew=crew)
        jobs = [Job(plan_for(reference.url, concurrency=3, requests=9), f"chat-{n}", n) for n in range(2)]
        (first,) = measure_round(tmp_path, jobs[:1], 2, gear)
        window = decode_window(first.read_bytes())
        stated = dict(window.header.certificates())
        assert len(stated) == 6  # two a node, and those of the first once more
        assert [node.calibration.before.load.concurrency for node in window.header.nodes] == [2, 1]
        assert window.header.calibration == window.header.nodes[0].calibration
        files = {path.name for path in (tmp_path / "calibrations").iterdir()}
        assert files == {f"{one.sha256}.json.gz" for one in stated.values()}
        assert not any("certificate" in reason for reason in reasons_of(first))

        told: list[str] = []

        def cut(what: str) -> None:
            told.append(what)
            if told[-2:] == ["heard", "heard"] and "go" in told:
                links["b"].kill()

        links["b"].before = cut
        (only,) = measure_round(tmp_path / "again", jobs, 2, gear)
        assert any("node b was lost" in reason for reason in reasons_of(only))
        (_, lost) = decode_window(only.read_bytes()).header.nodes
        assert (lost.name, lost.fault, lost.calibration.after) == ("b", "lost", None)
        assert lost.calibration.before is not None

        (next_one,) = measure_round(tmp_path / "alone", jobs[:1], 2, gear)
        header = decode_window(next_one.read_bytes()).header
        assert [node.name for node in header.nodes] == ["a"]
        assert header.calibration.before.load.concurrency == 3


def reasons_of(path: Path) -> tuple[str, ...]:
    return invalid_reasons(tabulate(decode_window(path.read_bytes()), STEADY_RULES), make_methodology())
