"""A cluster of Ray, and the only place that knows Ray: how it is joined, and how its nodes are asked.

A node belongs to a vantage by a custom resource, ``vantage:<id>``, of which a measuring worker takes one: so
no two campaigns share a node at the same time. Answers are asked for one at a time, so what is on its way is
never more than one answer a node.
"""

from __future__ import annotations

import collections
import contextlib
import ipaddress
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from fairlead.cache import code_digest
from fairlead.cluster.crew import SAME, ClusterError, Link, NodeLostError, require_same
from fairlead.cluster.worker import Facts, Worker, facts
from fairlead.tables import Batch, Made, RulesByVersion, make_tables

VERSION: str = ray.__version__
LABEL = "vantage:"
_REACH_S = 5.0
_JOIN_S = 30.0
_BEGIN_S = 60.0
_TASKS_A_CORE = 2  # on their way at once


@dataclass(frozen=True, slots=True)
class Hidden:
    """Bytes that may hold a key: whoever prints the arguments of a call sees nothing of them."""

    data: bytes

    def __repr__(self) -> str:
        """Only how many there are."""
        return f"Hidden({len(self.data)} bytes)"


class _Measurer(Worker):
    """The worker as an actor."""

    def __init__(self) -> None:
        super().__init__(ray.__version__)

    def told(self, what: str, argument: Hidden) -> Hidden:
        return Hidden(self.ask(what, argument.data))


class _RayLink:
    """The way to the worker of one node."""

    def __init__(self, name: str, host: str, node_id: str, label: str) -> None:
        self.name = name
        self.host = host
        self._has_answered = False
        there = NodeAffinitySchedulingStrategy(node_id, soft=False)
        options = {"num_cpus": 0, "resources": {label: 1}, "max_restarts": 0, "scheduling_strategy": there}
        self._actor = ray.remote(_Measurer).options(**options).remote()

    def ask(self, what: str, argument: bytes) -> Callable[[float], bytes]:
        pending = self._actor.told.remote(what, Hidden(argument))

        def answer(within_s: float) -> bytes:
            within_s = within_s if self._has_answered else max(within_s, _BEGIN_S)
            try:
                found: Hidden = ray.get(pending, timeout=within_s)
            except GetTimeoutError:
                raise NodeLostError(self._why_silent(within_s)) from None
            except RayTaskError as error:
                if not isinstance(
                    error.cause, OSError
                ):  # a fault of ours; else the machine's, as a full disk
                    raise
                raise NodeLostError(_first_line(error.cause)) from None
            except RayError as error:
                raise NodeLostError(_first_line(error)) from None
            self._has_answered = True
            return found.data

        return answer

    def _why_silent(self, within_s: float) -> str:
        if self._has_answered:
            return f"no answer within {within_s:g} s"
        return f"no worker came up within {within_s:g} s (does another campaign measure there?)"

    def close(self) -> None:
        with contextlib.suppress(RayError, ValueError):
            ray.kill(self._actor)


@dataclass(frozen=True)
class RayCluster:
    """A cluster that was joined. ``nodes``: those that are alive."""

    address: str
    nodes: Sequence[Mapping[str, Any]]

    def links(self, vantage: str, *, keyed: bool, is_encrypted: bool) -> list[Link]:
        """The way to a measuring worker on each node of a vantage.

        ``keyed``: keys will be sent to them. ``is_encrypted``: between nodes Ray speaks TLS.

        Raises:
            ClusterError: there is no such node, or keys would travel in the clear.
        """
        label = f"{LABEL}{vantage}"
        found = [node for node in self.nodes if node["Resources"].get(label, 0) >= 1]
        if not found:
            there = sorted({name for node in self.nodes for name in node["Resources"] if LABEL in name})
            known = f"; there are: {', '.join(there)}" if there else ""
            fix = f"""start one with: ray start --address ... --resources '{{"{label}": 1}}'"""
            raise ClusterError(f"no node of {self.address} has the resource {label}{known}", fix)
        abroad = [node for node in found if node["NodeManagerAddress"] != _own_address()]
        if keyed and abroad and not is_encrypted:
            hosts = ", ".join(sorted({node["NodeManagerHostname"] for node in abroad}))
            fix = "set RAY_USE_TLS=1 and its certificates on every node and here (Ray's TLS authentication)"
            raise ClusterError(f"keys would travel to {hosts} in the clear", fix)
        self._require_fairlead(found)
        return [
            _RayLink(node["NodeID"][:12], node["NodeManagerHostname"], node["NodeID"], label)
            for node in found
        ]

    def table_makers(self) -> Callable[[Iterable[Batch], RulesByVersion], Iterator[list[Made]]]:
        """Makes tables on every core of the cluster: :data:`fairlead.tables.Makers`.

        Raises:
            ClusterError: a node runs other versions than this machine, or none has a core to give; once it is
                called, also where one that came later runs other versions, or nobody is left.
        """
        self._require_fairlead(self.nodes)
        cores = int(sum(node["Resources"].get("CPU", 0) for node in self.nodes))
        if cores < 1:
            fix = "start one with: ray start --address ... --num-cpus 1"
            raise ClusterError(f"no node of {self.address} has a core to give", fix)
        make = ray.remote(_make_there).options(num_cpus=1, scheduling_strategy="SPREAD", max_retries=-1)

        def made(batches: Iterable[Batch], rules: RulesByVersion) -> Iterator[list[Made]]:
            ours, stated = code_digest(), ray.put(rules)
            under_way: collections.deque[Any] = collections.deque()
            for batch in batches:
                under_way.append(make.remote(ours, batch, stated))
                if len(under_way) >= cores * _TASKS_A_CORE:
                    yield _tables(under_way.popleft())
            while under_way:
                yield _tables(under_way.popleft())

        return made

    def _require_fairlead(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Ask each node what it runs, before it is asked for anything that needs it to be the same."""

        def look() -> dict[str, Any]:  # sent by value: the node may know nothing of us
            import platform

            import ray

            found = {"fairlead": "", "code_sha256": "", "python": platform.python_version(), "cores": 1}
            try:
                import fairlead
                from fairlead.cache import code_digest

                found |= {"fairlead": fairlead.__version__, "code_sha256": code_digest().hex()}
            except ImportError:
                pass
            return found | {"engine": ray.__version__}

        ask = ray.remote(look)
        pending = {
            f"{node['NodeID'][:12]} ({node['NodeManagerHostname']})": ask.options(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            ).remote()
            for node in nodes
        }
        told = {}
        for name, one in pending.items():
            try:
                told[name] = Facts(**ray.get(one, timeout=_BEGIN_S))
            except RayError as error:
                fix = "see `ray status`; start each node with the same Python and the same packages"
                message = f"node {name} cannot be asked what it runs: {_first_line(error)}"
                raise ClusterError(message, fix) from None
        require_same(facts(ray.__version__), told)


def _make_there(code: bytes, batch: Batch, rules: RulesByVersion) -> list[Made] | None:
    """The tables of a batch; None on a node whose code is not this."""
    return make_tables(batch, rules) if code_digest() == code else None


def _tables(pending: Any) -> list[Made]:
    try:
        found: list[Made] | None = ray.get(pending)
    except RayTaskError:
        raise
    except RayError as error:
        fix = "see `ray status`, then run the same command again"
        raise ClusterError(f"the cluster could not make all tables: {_first_line(error)}", fix) from None
    if found is None:
        raise ClusterError("a node that came later has other code than this machine", SAME)
    return found


@contextlib.contextmanager
def joined(address: str) -> Iterator[RayCluster]:
    """This process as a part of the cluster whose head listens at ``address`` (host:port).

    Ray itself waits two minutes for a head that is not there, and then ends the process. So another process
    tries first, for so long as one is willing to wait.

    Raises:
        ClusterError: there is none, or it runs another version of Ray or Python.
    """
    _try_to_join(address)
    try:
        _join(address)
    except (RuntimeError, ValueError, OSError) as error:  # between the two, it went away
        raise _not_joined(address, _first_line(error)) from None
    try:
        yield RayCluster(address, [node for node in ray.nodes() if node["Alive"]])
    finally:
        ray.shutdown()


def _try_to_join(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise _not_joined(address, "an address is HOST:PORT, as in 10.0.0.4:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()
    except OSError as error:
        raise _not_joined(address, error.strerror or str(error)) from None
    try:
        tried = subprocess.run(  # noqa: S603 - a module of our own
            [sys.executable, "-m", "fairlead.cluster.rays", address],
            capture_output=True,
            timeout=_JOIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _not_joined(address, f"no answer within {_JOIN_S:g} s") from None
    if tried.returncode != 0:
        lines = tried.stdout.decode("utf-8", "replace").splitlines()
        raise _not_joined(address, json.loads(lines[-1]) if lines else "no head of a cluster answers there")


def _not_joined(address: str, why: str) -> ClusterError:
    fix = f"see that one runs (ray status --address {address}), and run this on one of its machines"
    if why.startswith("Version mismatch"):  # Ray's words, which name both
        fix = SAME
    return ClusterError(f"no cluster could be joined at {address}: {why}", fix)


def _join(address: str) -> None:
    # A thread of Ray prints on standard output whatever goes wrong anywhere in the cluster, in the middle of
    # what a command says; no setting stops it.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    host = address.rpartition(":")[0]
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:  # then so are its nodes, and this one
            ray.init(address=address, _node_ip_address=host, **_QUIETLY)
            return
    ray.init(address=address, **_QUIETLY)


_QUIETLY: Mapping[str, Any] = {"log_to_driver": False, "configure_logging": False, "logging_level": "ERROR"}


def _own_address() -> str:
    return str(ray.util.get_node_ip_address())


def _first_line(error: BaseException) -> str:
    """What an error says, in one line; Ray's may be long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:300] or type(error).__name__


def _main() -> None:
    try:
        _join(sys.argv[1])
    except (RuntimeError, ValueError, OSError) as error:
        print(json.dumps(_first_line(error)))
        sys.exit(1)
    ray.shutdown()


if __name__ == "__main__":
    _main()
