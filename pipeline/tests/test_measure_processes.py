"""A window over several processes is the window of one, and survives what one survives."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead.campaign import Gear
from fairlead.campaign.field import keep_left_overs
from fairlead.clock import SystemClock
from fairlead.measure import calibrate as module
from fairlead.measure import processes
from fairlead.measure.calibrate import LoadShape, calibrate, shape_of
from fairlead.measure.connection import tls_context
from fairlead.measure.plan import Plan
from fairlead.measure.policy import Secret
from fairlead.measure.processes import ProcessError
from fairlead.measure.reference import LOOPBACK_PEM, start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Sealed, SpoolExistsError, discard, seal
from fairlead.measure.truth import ReferenceProfile, read_log
from fairlead.metrics import tabulate
from fairlead.ranking import invalid_reasons
from fairlead.repository.places import is_spool
from fairlead.windows import Outcome, decode_window

from .examples import STEADY_RULES, make_methodology

QUICK = ReferenceProfile(ttft_median_ms=8, icl_median_ms=2)
MS = 1_000_000
OPEN = {"rate_per_s": 200.0, "arrivals": "poisson", "concurrency": 13}
KEY = "test-7hWx4kRt9bNcE2uYp5sVg8mQ"


def plan_for(url: str, **more: object) -> Plan:
    fields = {"url": url, "model": "reference", "concurrency": 5, "requests": 25, "seed": "00ff"}
    return Plan(**(fields | {"max_tokens": 8, "input_words": 20, "ramp_ns": 10 * MS, "processes": 2} | more))


@pytest.fixture(scope="module", params=[{}, OPEN], ids=["closed", "open"])
def measured(request, tmp_path_factory) -> tuple[Plan, Sealed, Sealed, Path]:
    """A window of two processes, the same of one, and the folder with the spools of the first."""
    folder = tmp_path_factory.mktemp("window")
    with start_reference(QUICK) as reference:
        plan = plan_for(reference.url, **request.param)
        sealed = measure_window(plan, spool=folder / "spool", commit="c" * 40)
        alone = measure_window(msgspec.structs.replace(plan, processes=1), spool=folder / "alone")
    return plan, sealed, alone, folder


def test_every_planned_request_is_there_once_with_its_process(measured):
    plan, sealed, _, _ = measured
    requests = sealed.window.requests
    assert [request.i for request in requests] == list(range(plan.requests))
    assert [request.process for request in requests] == [i % 2 for i in range(plan.requests)]
    assert Counter(request.outcome for request in requests) == {Outcome.OK: plan.requests}
    assert (sealed.stopped, sealed.unsent, sealed.torn_bytes) == (False, 0, 0)
    assert decode_window(sealed.data) == sealed.window
    assert sealed.header.clock.max_step_ns is not None
    assert sealed.header.tool.commit == "c" * 40


def test_each_process_has_its_own_streams(measured):
    plan, sealed, _, _ = measured
    slots = {request.slot for request in sealed.window.requests}
    assert all(request.slot % 2 == request.process for request in sealed.window.requests)
    assert slots <= set(range(plan.concurrency))
    if not plan.is_open:
        assert slots == set(range(plan.concurrency))


def test_prompts_and_times_are_those_of_one_process(measured):
    plan, sealed, alone, _ = measured
    assert [r.body_sha256 for r in sealed.window.requests] == [r.body_sha256 for r in alone.window.requests]
    assert {request.process for request in alone.window.requests} == {None}
    assert sealed.header.load == alone.header.load
    assert sealed.header.machine.cores == alone.header.machine.cores
    assert set(sealed.header.machine.affinity) <= set(alone.header.machine.affinity)
    due = [request.scheduled_ns for request in sealed.window.requests]
    assert due == (plan.starts() if plan.is_open else [None] * plan.requests)


def test_no_stream_starts_before_its_time(measured):
    plan, sealed, _, _ = measured
    if not plan.is_open:
        first = {}
        for request in sealed.window.requests:
            first.setdefault(request.slot, request.sent_ns)
        # The loop's timers know whole milliseconds.
        assert all(first[slot] > start_ns - 1_000_000 for slot, start_ns in enumerate(plan.starts()))


def test_the_spools_give_the_same_bytes_again_and_go_together(measured, tmp_path):
    _, sealed, _, folder = measured
    assert seal(folder / "spool") == sealed
    for name in ("spool", "spool.1"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    discard(tmp_path / "spool")
    assert not list(tmp_path.iterdir())


def reasons_against(sealed: Sealed) -> tuple[str, ...]:
    return invalid_reasons(tabulate(sealed.window, STEADY_RULES), make_methodology())


def test_a_window_of_two_processes_that_was_left_alone_is_not_cut_off(measured):
    _, sealed, _, _ = measured
    assert not any("cut off" in reason for reason in reasons_against(sealed))


@pytest.mark.parametrize("of_other", [None, b"", b"fairlead spool 1\n", b"\0" * 99, "torn", "another run"])
def test_a_sibling_that_is_torn_or_missing_takes_nothing_from_the_others(measured, tmp_path, of_other):
    plan, sealed, _, folder = measured
    (tmp_path / "spool").write_bytes((folder / "spool").read_bytes())
    whole = (folder / "spool.1").read_bytes()
    other = {"torn": whole[: len(whole) // 2], "another run": (folder / "alone").read_bytes()}.get(
        of_other, of_other
    )
    if other is not None:
        (tmp_path / "spool.1").write_bytes(other)
    found = seal(tmp_path / "spool")
    requests = found.window.requests
    assert found.stopped
    assert found.header.clock.max_step_ns is None
    assert [r for r in requests if r.process == 0] == [r for r in sealed.window.requests if r.process == 0]
    assert [request.i for request in requests] == list(range(len(requests)))
    lost = [request for request in requests if request.outcome is not Outcome.OK]
    assert lost
    assert {(r.outcome, r.process, r.error.code) for r in lost} == {(Outcome.CLIENT, 1, "interrupted")}
    assert any("planned requests were sent; missing: " in reason for reason in reasons_against(found))
    if of_other != "torn":
        assert found.unsent == plan.requests // 2
        assert found.torn_bytes == len(other or b"")
    if plan.is_open:
        assert [request.scheduled_ns for request in requests] == plan.starts()


def test_what_a_killed_run_left_is_sealed_with_its_siblings(measured, tmp_path):
    _, sealed, _, folder = measured
    for name in ("spool", "spool.1"):
        (tmp_path / f"0.acme.chat.{name}").write_bytes((folder / name).read_bytes())
    assert all(is_spool(path.name) for path in tmp_path.iterdir())
    (kept,) = keep_left_overs(tmp_path, Gear(SystemClock(), print, print, calibrate))
    assert kept.read_bytes() == sealed.data
    assert [path.name for path in tmp_path.iterdir()] == ["windows"]


def test_a_spool_of_an_earlier_run_is_never_written_over(tmp_path):
    (tmp_path / "spool.1").write_bytes(b"x")
    with pytest.raises(SpoolExistsError):
        measure_window(plan_for("http://127.0.0.1:9"), spool=tmp_path / "spool")
    assert [path.name for path in tmp_path.iterdir()] == ["spool.1"]


def test_a_context_cannot_be_shared(tmp_path):
    with pytest.raises(ValueError, match="other processes"):
        measure_window(plan_for("https://127.0.0.1:9"), spool=tmp_path / "spool", tls=tls_context())


# --- runs that are ended from outside ---

RUN = """
import subprocess, sys
from pathlib import Path
import msgspec
from fairlead.measure import processes
from fairlead.measure.plan import Plan
from fairlead.measure.runner import measure_window

start = subprocess.Popen

def started(*arguments, **named):
    process = start(*arguments, **named)
    print("pid", process.pid, flush=True)
    return process

processes.subprocess.Popen = started
plan = msgspec.json.decode(sys.argv[1], type=Plan)
sealed = measure_window(plan, spool=Path(sys.argv[2]), progress=lambda done, _: print(done, flush=True))
print("sealed", sealed.stopped, sealed.unsent, sealed.sha256, flush=True)
"""


@contextlib.contextmanager
def measuring(plan: Plan, spool: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that measures with two others, at a moment when some requests are done and some are not."""
    command = [sys.executable, "-c", RUN, msgspec.json.encode(plan).decode(), str(spool)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline().split()[1]) for _ in range(2)]
        while int(process.stdout.readline()) < 3:
            pass
        yield process, pids


def wait_for_the_end(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        select.select([descriptor], [], [])
        os.close(descriptor)


def finished(sealed: Sealed) -> int:
    return sum(request.outcome is Outcome.OK for request in sealed.window.requests)


@pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="the end of a stranger can be waited for on Linux only"
)
@pytest.mark.parametrize("load", [{}, OPEN])
def test_kill_9_ends_all_and_loses_no_finished_request(load, tmp_path):
    with start_reference(QUICK, log=tmp_path / "log") as reference:
        plan = plan_for(reference.url, requests=2_000, **load)
        with measuring(plan, tmp_path / "spool") as (process, pids):
            ends = [os.pidfd_open(pid) for pid in pids]
            process.send_signal(signal.SIGKILL)
        wait_for_the_end(ends)
    sealed = seal(tmp_path / "spool")
    assert sealed.stopped
    assert sealed.header.clock.max_step_ns is not None  # each of them still wrote its tail
    ended = sum(len(entry.written_ns) == 8 for entry in read_log(tmp_path / "log"))
    assert ended - 2 * plan.concurrency <= finished(sealed) <= ended
    assert finished(sealed) >= 3
    assert {r.outcome for r in sealed.window.requests} <= {Outcome.OK, Outcome.CLIENT}


def test_ctrl_c_seals_what_there_is_and_says_that_it_stopped(tmp_path):
    with contextlib.ExitStack() as stack:
        reference = stack.enter_context(start_reference(QUICK))
        plan = plan_for(reference.url, requests=2_000)
        process, _ = stack.enter_context(measuring(plan, tmp_path / "spool"))
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        *_, last = process.stdout.read().splitlines()
    assert process.returncode == 0
    sealed = seal(tmp_path / "spool")
    assert last.split() == ["sealed", "True", str(sealed.unsent), sealed.sha256]
    assert sealed.unsent > 0
    assert sealed.header.clock.max_step_ns is not None
    assert finished(sealed) >= 3


@pytest.fixture
def pids(monkeypatch) -> list[int]:
    """The processes that are started."""
    found: list[int] = []
    wait = processes.MeasuringProcess.wait_until_ready

    def ready(process: processes.MeasuringProcess) -> None:
        wait(process)
        found.append(process._running.pid)

    monkeypatch.setattr(processes.MeasuringProcess, "wait_until_ready", ready)
    return found


def test_one_that_dies_is_said_and_what_the_others_have_stays(pids, tmp_path):
    def kill(done: int, _failed: int) -> None:
        if done >= 3:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[1], signal.SIGKILL)

    with start_reference(QUICK) as reference, pytest.raises(ProcessError, match="broke down"):
        measure_window(plan_for(reference.url, requests=2_000), spool=tmp_path / "spool", progress=kill)
    sealed = seal(tmp_path / "spool")
    assert sealed.stopped
    assert sealed.unsent > 0
    assert finished(sealed) >= 3


def test_one_that_cannot_begin_is_said_with_its_own_words(tmp_path):
    with pytest.raises(ProcessError, match="No such file"):
        measure_window(plan_for("http://127.0.0.1:9"), spool=tmp_path / "nowhere" / "spool")


# --- keys ---


def test_no_argument_and_no_environment_holds_the_key(monkeypatch, tmp_path):
    seen: list[bytes] = []
    wait = processes.MeasuringProcess.wait_until_ready

    def look(process: processes.MeasuringProcess) -> None:
        wait(process)
        of = Path(f"/proc/{process._running.pid}")
        seen.extend((of / name).read_bytes() for name in ("cmdline", "environ"))

    monkeypatch.setattr(processes.MeasuringProcess, "wait_until_ready", look)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"localhost:{listener.getsockname()[1]}"
        secret = Secret(provider="acme", hosts=(host,), key=KEY)
        secret.conceal(b"")  # one that has masked before is sent like another
        plan = plan_for(f"https://{host}/v1", provider="acme")
        sealed = measure_window(plan, spool=tmp_path / "spool", key=secret)
    assert len(seen) == 4
    assert all(b"fairlead.measure.runner" in line for line in seen[::2])
    assert not any(secret.appears_in(data) for data in seen)
    # The policy held in each process: the key would have travelled to the loopback.
    assert {(r.outcome, r.error.code) for r in sealed.window.requests} == {(Outcome.CLIENT, "policy")}
    assert not any(secret.appears_in(path.read_bytes()) for path in tmp_path.iterdir())


# --- certificates ---


@pytest.mark.parametrize("spoken", [{}, {"tls": True}, {"tls": True, "http": "2"}])
def test_a_calibration_of_two_processes_misses_no_token(spoken):
    shape = LoadShape(
        concurrency=4, seconds=0.8, ttft_ms=20, icl_ms=10, input_words=20, processes=2, **spoken
    )
    found = calibrate(shape, seed="00ff")
    plan = shape.plan(f"http{'s' * bool(spoken)}://127.0.0.1/v1", "00ff")
    assert plan.processes == 2
    assert (found.certificate.tokens, found.certificate.missing) == (plan.requests * plan.max_tokens, 0)
    assert found.report.errors.token_error_ns[0] >= 0
    assert found.report.cost.waited_ns is None


def test_the_cost_counts_what_the_processes_used():
    code = "import time\nwhile time.process_time_ns() < 100_000_000: pass"
    before_ns, own_ns = module._used_ns(), time.process_time_ns()
    subprocess.run([sys.executable, "-c", code], check=True)
    used_ns, own_ns = module._used_ns() - before_ns, time.process_time_ns() - own_ns
    assert used_ns - own_ns >= 90 * MS  # the system counts in ticks


def test_a_shape_takes_after_the_processes_of_the_window_to_come():
    assert shape_of(plan_for("https://api.example.com/v1")).processes == 2


def test_authorities_serve_one_process_as_they_serve_several(tmp_path):
    with start_reference(QUICK, tls=True) as reference:
        for count in (1, 2):
            plan = plan_for(reference.url, processes=count)
            spool = tmp_path / f"{count}"
            sealed = measure_window(plan, spool=spool, authorities=LOOPBACK_PEM)
            assert finished(sealed) == plan.requests
        refused = measure_window(plan_for(reference.url, requests=2), spool=tmp_path / "none")
    assert {request.outcome for request in refused.window.requests} == {Outcome.TLS}
