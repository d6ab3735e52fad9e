"""Whole commands over a real Ray cluster: a claim measured again, a site built, and nodes amiss."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead import campaign, demo, history, tables
from fairlead.clock import SystemClock, pause
from fairlead.evidence import load_evidence
from fairlead.measure.reference import Reference, start_reference
from fairlead.measure.truth import ReferenceProfile
from fairlead.repository import load_repository, read_window
from fairlead.windows import Outcome

from . import roots
from .ray_example import NODES, env_with, odd_node, run

pytest.importorskip("ray", reason="the extra fairlead[ray] is not installed: make test-cluster")

from ray._private.worker import global_worker

from fairlead.cluster import ClusterError, rays

pytestmark = [pytest.mark.cluster, pytest.mark.realtime, pytest.mark.filterwarnings("ignore")]

MONTHS = 12  # 288 windows, 9 batches: one more than may be on their way at once
QUICK = ReferenceProfile(ttft_median_ms=8, icl_median_ms=2)


# -- a claim measured again ------------------------------------------------------------------------


@pytest.fixture
def claimed(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A root with a claim of a twentieth of what is true: registered, measured here, delivered."""
    chosen = [one for one in demo.contestants("00") if one.provider in ("demo-honest", "demo-control")]
    with contextlib.ExitStack() as stack:
        running: dict[str, Reference] = {
            one.provider: stack.enter_context(start_reference(one.profile)) for one in chosen
        }
        root = tmp_path / "root"
        demo.make_root(root, chosen, running)
        method = f"methodology/versions/{demo.VERSION}/methodology.yaml"
        for old, new in (
            ("requests: 32\n", "requests: 96\n"),
            ("      - 4\n      - 6\n      - 8\n", "      - 3\n      - 4\n"),
            ("invalid_windows_share: 0.1\n", "invalid_windows_share: 0.4\n"),  # one will be cut off
        ):
            roots.edit(root, method, old, new)
        yield root, deliver(root)


def deliver(root: Path) -> str:
    now = dt.datetime.now(dt.UTC)
    folder = campaign.register(
        load_repository(root)[0],
        provider="demo-honest",
        endpoint=None,
        models=(demo.MODEL,),
        scenarios=(demo.SCENARIO,),
        version=demo.VERSION,
        vantage=demo.VANTAGE,
        windows_each=1,
        spacing_s=0,
        slug="boast",
        now=now,
        seed="ab" * 32,
        by=None,
    )
    submission = folder.relative_to(root / "submissions").as_posix()
    history.commit_all(root, "Register a claim")
    gear = campaign.Gear(SystemClock(), pause, lambda _: None, demo.short_certificate)
    assert list(campaign.measure_claim(load_repository(root)[0], submission, gear))
    fields = ("accelerator", "accelerator_count", "precision", "region", "prompt_cache", "capacity")
    campaign.submit(
        load_repository(root)[0],
        submission,
        title="A boast",
        disclosures=dict.fromkeys(fields),
        claims=campaign.figures_as_claims(
            [("main", demo.MODEL, demo.SCENARIO, {"ttft_p50_ms": 2.0})], "ttft_p50_ms"
        ),
        now=dt.datetime.now(dt.UTC),
        by=None,
    )
    history.commit_all(root, "Deliver it")
    return submission


def test_a_claim_is_measured_again_over_the_nodes_and_gone_on_with_until_its_verdict(
    cluster: Any, claimed: tuple[Path, str], temporary: Path
) -> None:
    """Killed in mid-window: what it had been told is kept, and no node holds a thing of it any more."""
    root, submission = claimed
    command = ["rerun", submission, "--by", "rika:900", "--spacing", "0s", "--root", str(root)]
    command += ["--ray", cluster.address]
    killed = subprocess.Popen(
        [sys.executable, "-m", "fairlead", *command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert killed.stderr is not None
    said = []
    for line in killed.stderr:
        said.append(line)
        if line.startswith(b"window 3 of"):
            break
    assert said[-1].startswith(b"window 3 of"), said
    reruns = root / "submissions" / submission / "reruns"
    while not any(path.stat().st_size > 2_000 for path in reruns.glob("*/2.*.spool")):
        assert killed.poll() is None
        pause(5_000_000)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()

    found = run(*command, timeout_s=300)
    assert found.returncode == 0, found.stderr
    assert "not reproduced" in found.stdout
    assert "Next:" not in found.stderr
    (folder,) = reruns.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["calibrations", "rerun.yaml", "windows"]
    windows = [read_window(path) for path in sorted((folder / "windows").iterdir())]
    assert [len(window.header.nodes) for window in windows] == [NODES] * len(windows)
    assert all(
        len(dict(window.header.certificates())) == 2 * (NODES + 1) for window in windows if whole(window)
    )
    cut_off = [window for window in windows if not whole(window)]
    assert [window.header.round for window in cut_off] == [windows[2].header.round]
    outcomes = Counter(request.outcome for request in cut_off[0].requests)
    assert outcomes[Outcome.OK] >= 1
    assert outcomes.keys() <= {Outcome.OK, Outcome.CLIENT}
    verdict = run("verdict", submission, "--json", "--root", str(root))
    assert [claim["state"] for claim in json.loads(verdict.stdout)["claims"]] == ["not_reproduced"]
    checked = run("check", "--base", "HEAD", "--json", "--root", str(root))
    assert checked.returncode == 0
    assert {problem["code"] for problem in json.loads(checked.stdout)["problems"]} == {"WIN022"}  # cut off
    assert not list(temporary.glob("fairlead-node-*"))


def whole(window: Any) -> bool:
    return len(window.requests) == window.header.load.planned and not window.header.nodes[0].fault


# -- more windows than one task takes --------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A root of several hundred invented windows, and the moment after the last of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
        months = importlib.import_module("months")
        made = months.make_root(tmp_path_factory.mktemp("months"), MONTHS, cores=2, requests=2)
        sys.modules.pop("months")
    return made.root, made.end_unix_s


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_site_and_its_board_are_those_of_one_machine_byte_for_byte(
    cluster: Any, many: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file of both, and every table that is kept for the next run."""
    root, end_s = many
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(end_s))
    boards, sites, kept = [], [], []
    for name, more in (("one", ()), ("nodes", ("--ray", cluster.address))):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name / "cache"))
        ranked = run("rank", "--json", "--root", str(root), *more)
        assert ranked.returncode == 0, ranked.stderr
        boards.append(ranked.stdout)
        shutil.rmtree(tmp_path / name / "cache")  # so that the build makes its tables itself
        out = tmp_path / name / "site"
        built = run("build", "--root", str(root), "--out", str(out), *more, timeout_s=300)
        assert built.returncode == 0, built.stderr
        sites.append(files_of(out))
        kept.append(files_of(tmp_path / name / "cache"))
    assert len(json.loads(boards[0])["rows"]) == MONTHS
    assert boards[1] == boards[0]
    assert sites[1].keys() == sites[0].keys()
    assert [name for name in sites[0] if sites[1][name] != sites[0][name]] == []
    assert len(sites[0]) > 100
    assert kept[1] == kept[0]


def test_what_is_on_its_way_does_not_grow_with_the_windows(cluster: Any, many: tuple[Path, int]) -> None:
    """Batches that were read here and whose tables were not taken yet: two a core, whatever is to come.

    Nor does what Ray holds for this process: of each of those the batch and its tables, and the rules.
    """
    repository, _ = load_repository(many[0])
    asked = taken = most = held = 0

    def counted(batches: Iterable[tables.Batch]) -> Iterator[tables.Batch]:
        nonlocal asked, most
        for batch in batches:
            asked += 1
            most = max(most, asked - taken)
            yield batch

    with rays.joined(cluster.address) as joined:
        make = joined.table_makers()

        def makers(batches: Iterable[tables.Batch], rules: tables.RulesByVersion) -> Iterator[Any]:
            nonlocal taken, held
            for made in make(counted(batches), rules):
                taken += 1
                held = max(held, len(global_worker.core_worker.get_all_reference_counts()))
                yield made

        found, problems = load_evidence(repository, None, makers)
    assert (len(found), problems) == (MONTHS * 24, [])
    assert asked == taken == MONTHS * 24 / 32
    assert most == 2 * (1 + NODES)
    assert held <= 2 * most + 1


# -- nodes that are not as they should be ----------------------------------------------------------

OTHER_PYTHON = "import platform\nplatform.python_version = lambda: '3.11.99'\n"
OTHER_RAY = "import ray\nray.__version__ = '2.59.0'\n"
WRONG = r"^error: node [0-9a-f]{12} \(\S+\) has "


@pytest.fixture
def other_fairlead(tmp_path: Path) -> dict[str, str]:
    """The environment of a node on which one line of our code is another."""
    shutil.copytree(Path(tables.__file__).parent, tmp_path / "lib" / "fairlead")
    with (tmp_path / "lib" / "fairlead" / "metrics.py").open("a") as file:
        file.write("# changed\n")
    return {"PYTHONPATH": str(tmp_path / "lib")}


@pytest.mark.parametrize(
    ("code", "said"), [(OTHER_PYTHON, "Python 3.11.99, this"), (OTHER_RAY, "Ray 2.59.0, this")]
)
def test_a_node_with_another_python_or_ray_is_named_before_it_is_asked_for_anything(
    cluster: Any, tmp_path: Path, code: str, said: str
) -> None:
    """Where Ray let it in, as it does with RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL=minor."""
    root = str(roots.build_root(tmp_path / "root"))
    with odd_node(cluster, env=env_with(tmp_path / "lib", code)):
        found = run("rank", "--root", root, "--ray", cluster.address)
    assert (found.returncode, found.stdout) == (3, "")
    assert re.match(WRONG + said, found.stderr), found.stderr
    assert "same versions on every node" in found.stderr


def test_a_node_with_other_code_of_ours_neither_measures_nor_makes_tables(
    cluster: Any, many: tuple[Path, int], tmp_path: Path, other_fairlead: dict[str, str]
) -> None:
    """It is named where it is there from the start; what it makes where it came later is not taken."""
    root = roots.build_root(tmp_path / "root")
    asked = ("--url", "http://127.0.0.1:9/v1", "--model", "m", "--vantage", "odd", "--requests", "3")
    with odd_node(cluster, "odd", env=other_fairlead):
        for command in (("rank", "--root", str(root)), ("measure", *asked)):
            found = run(*command, "--ray", cluster.address)
            assert (found.returncode, found.stdout) == (3, "")
            assert re.match(WRONG + "fairlead's code [0-9a-f]{12}, this machine ", found.stderr), found.stderr
        with rays.joined(cluster.address) as joined:
            nodes = [node for node in joined.nodes if "vantage:odd" not in node["Resources"]]
            early = dataclasses.replace(joined, nodes=nodes)
            makers = early.table_makers()
            with pytest.raises(ClusterError, match="came later has other code"):
                load_evidence(load_repository(many[0])[0], None, makers)


def test_ray_lets_no_other_python_join_and_the_command_says_both_versions(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys, typing\n"
        "names = 'major minor micro releaselevel serial'.split()\n"
        "V = typing.NamedTuple('V', [(name, object) for name in names])\n"
        "sys.version_info = V(3, 11, 99, 'final', 0)\n"
    )
    monkeypatch.setenv("PYTHONPATH", env_with(tmp_path / "lib", code)["PYTHONPATH"])
    found = run("rank", "--root", str(roots.build_root(tmp_path / "root")), "--ray", cluster.address)
    assert (found.returncode, found.stdout) == (3, "")
    assert f"no cluster could be joined at {cluster.address}: Version mismatch: " in found.stderr
    assert "Python: 3.11.99" in found.stderr
    assert "same versions on every node" in found.stderr


def test_a_cluster_without_a_core_to_give_is_said(cluster: Any) -> None:
    with rays.joined(cluster.address) as joined:
        nodes = [{**node, "Resources": {}} for node in joined.nodes]
        with pytest.raises(ClusterError, match="has a core to give"):
            dataclasses.replace(joined, nodes=nodes).table_makers()


def test_a_node_without_a_way_to_the_provider_makes_the_window_invalid_and_its_failures_ours(
    cluster: Any, tmp_path: Path
) -> None:
    """Its resolver knows no name; the other nodes get through."""
    code = (
        "import socket\n"
        "found = socket.getaddrinfo\n"
        "def getaddrinfo(host, *more, **named):\n"
        "    if host in ('localhost', b'localhost'):\n"
        "        raise socket.gaierror(-3, 'Temporary failure in name resolution')\n"
        "    return found(host, *more, **named)\n"
        "socket.getaddrinfo = getaddrinfo\n"
    )
    out = tmp_path / "w.jsonl.gz"
    with start_reference(QUICK) as reference, odd_node(cluster, "fra", env=env_with(tmp_path / "lib", code)):
        url = reference.url.replace("127.0.0.1", "localhost")
        found = run(
            *("measure", "--url", url, "--model", "reference", "--concurrency", "8", "--requests", "32"),
            *("--max-tokens", "8", "--input-words", "20", "--out", str(out)),
            *("--ray", cluster.address, "--vantage", "fra"),
        )
    assert found.returncode == 0, found.stderr
    window = read_window(out)
    (cut,) = (node for node in window.header.nodes if node.fault == "unreachable")
    assert sorted(str(node.fault) for node in window.header.nodes) == ["None"] * NODES + ["unreachable"]
    theirs = [request for request in window.requests if request.process in cut.processes]
    assert {(request.outcome, request.error.code) for request in theirs} == {(Outcome.CLIENT, "unreachable")}
    others = {request.outcome for request in window.requests if request.process not in cut.processes}
    assert others == {Outcome.OK}
