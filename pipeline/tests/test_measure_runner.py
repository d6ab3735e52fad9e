"""Whole windows over real sockets against the reference, and what survives when a run does not."""

from __future__ import annotations

import contextlib
import errno
import gc
import hashlib
import itertools
import json
import os
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from fairlead import windows
from fairlead.clock import SystemClock
from fairlead.measure import runner
from fairlead.measure import spool as spool_module
from fairlead.measure.plan import Limits, Plan
from fairlead.measure.policy import Secret
from fairlead.measure.reference import LOOPBACK_PEM, start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import (
    Finished,
    Head,
    Sealed,
    SpoolError,
    SpoolExistsError,
    SpoolWriter,
    Tail,
    seal,
    with_calibration,
)
from fairlead.measure.transport import prepare
from fairlead.measure.truth import ReferenceProfile, read_log, script, words
from fairlead.windows import Outcome, decode_window

from .measuring_process import measuring

QUICK = ReferenceProfile(ttft_median_ms=8, icl_median_ms=2)
MS = 1_000_000


def plan_for(url: str, **more: object) -> Plan:
    fields = {"url": url, "model": "reference", "concurrency": 4, "requests": 12, "seed": "00ff"}
    return Plan(**(fields | {"max_tokens": 8, "input_words": 20, "ramp_ns": 10 * MS} | more))


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> tuple[Plan, Sealed, Path, Path]:
    """One good window, its plan, its spool and the reference's log."""
    folder = tmp_path_factory.mktemp("window")
    with start_reference(QUICK, log=folder / "log") as reference:
        plan = plan_for(reference.url)
        sealed = measure_window(plan, spool=folder / "spool", commit="c" * 40)
    return plan, sealed, folder / "spool", folder / "log"


# --- a good window ---


def test_every_planned_request_is_in_the_window_in_its_order(measured):
    plan, sealed, _, _ = measured
    requests = sealed.window.requests
    assert [request.i for request in requests] == list(range(plan.requests))
    assert Counter(request.outcome for request in requests) == {Outcome.OK: plan.requests}
    assert {request.slot for request in requests} == set(range(plan.concurrency))
    assert (sealed.stopped, sealed.unsent, sealed.torn_bytes) == (False, 0, 0)


def test_each_request_names_the_digest_of_the_body_that_was_sent(measured):
    plan, sealed, _, log = measured
    expected = [hashlib.sha256(plan.body(i)).hexdigest() for i in range(plan.requests)]
    assert [request.body_sha256 for request in sealed.window.requests] == expected
    assert {entry.body_sha256 for entry in read_log(log)} == set(expected)


def test_the_header_says_what_was_run_and_by_what(measured):
    plan, sealed, _, _ = measured
    header = sealed.window.header
    assert (header.origin, header.dialect, header.http, header.seed) == (
        "measured",
        "openai-chat",
        "1.1",
        "00ff",
    )
    assert header.load == windows.Load(
        kind="closed", concurrency=4, rate_per_s=None, arrivals=None, planned=12, ramp_ns=10 * MS,
        connect_timeout_ns=plan.limits.connect_ns, first_timeout_ns=plan.limits.first_ns,
        total_timeout_ns=plan.limits.total_ns,
    )  # fmt: skip
    assert header.tool.commit == "c" * 40
    assert len(header.tool.source_sha256 or "") == 64
    assert header.address == "127.0.0.1"
    assert header.machine is not None
    assert header.machine.cores >= 1
    assert header.calibration == windows.Calibration(before=None, after=None)
    assert header.stamps == ("kernel" if sys.platform == "linux" else "user")
    assert header.clock.max_step_ns is not None


def test_the_sealed_bytes_are_the_window(measured):
    _, sealed, _, _ = measured
    assert decode_window(sealed.data) == sealed.window
    assert sealed.sha256 == hashlib.sha256(sealed.data).hexdigest()


def test_sealing_the_same_spool_again_gives_the_same_bytes(measured):
    _, sealed, spool, _ = measured
    assert seal(spool) == sealed


def test_stamps_lie_inside_the_window_and_never_fall(measured):
    _, sealed, _, _ = measured
    duration_ns = sealed.window.header.clock.duration_ns
    for request in sealed.window.requests:
        stamps = [
            request.sent_ns,
            request.headers_ns,
            *itertools.accumulate(request.chunk_ns),
            request.done_ns,
        ]
        assert None not in stamps
        assert stamps == sorted(stamps)
        assert stamps[0] > 0
        assert stamps[-1] <= duration_ns


def test_a_worker_keeps_its_connection(measured):
    plan, sealed, _, _ = measured
    opened = [request.slot for request in sealed.window.requests if not request.connection.reused]
    assert sorted(opened) == list(range(plan.concurrency))


def test_a_closed_loop_holds_its_concurrency_and_no_more(measured):
    plan, sealed, _, _ = measured
    edges = [(request.sent_ns, 1) for request in sealed.window.requests]
    edges += [(request.done_ns, -1) for request in sealed.window.requests]
    level = itertools.accumulate(step for _, step in sorted(edges))
    assert max(level) <= plan.concurrency


@pytest.mark.realtime
def test_ttft_and_gaps_agree_with_what_the_reference_really_wrote(measured):
    """Medians within 3 ms: a bound for a busy machine. The benchmark gives the figures."""
    _, sealed, _, log = measured
    written = {entry.body_sha256: entry.written_ns for entry in read_log(log)}
    origin_ns = sealed.window.header.clock.origin_mono_ns
    first_errors, gap_errors = [], []
    for request in sealed.window.requests:
        truth = written[request.body_sha256]
        seen = [origin_ns + at for at in itertools.accumulate(request.chunk_ns)]
        assert len(seen) == len(truth) == 8
        first_errors.append(seen[0] - truth[0])
        gap_errors += [
            (b - a) - (d - c)
            for (a, b), (c, d) in zip(itertools.pairwise(seen), itertools.pairwise(truth), strict=True)
        ]
    assert abs(statistics.median(first_errors)) < 3 * MS
    assert abs(statistics.median(gap_errors)) < 3 * MS


# --- failures are records ---


def test_each_planted_failure_is_classed_as_what_it_was(tmp_path):
    profile = msgspec.structs.replace(
        QUICK,
        rate_limited_share=0.2,
        server_error_share=0.2,
        stream_error_share=0.2,
        truncated_share=0.2,
        seed="05",
    )
    with start_reference(profile) as reference:
        plan = plan_for(reference.url, requests=30)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    names = {"stream_error": "in_stream_error"}
    expected = [script(profile, hashlib.sha256(plan.body(i)).hexdigest(), 0, 8).fate for i in range(30)]
    assert len(set(expected)) == 5
    assert [request.outcome for request in sealed.window.requests] == [names.get(e, e) for e in expected]


def test_a_provider_that_is_not_there_gives_a_window_of_failures(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    calls: list[tuple[int, int]] = []
    sealed = measure_window(
        plan_for(f"http://127.0.0.1:{port}"),
        spool=tmp_path / "spool",
        progress=lambda *call: calls.append(call),
    )
    assert {request.outcome for request in sealed.window.requests} == {Outcome.CONNECT}
    assert calls[-1] == (12, 12)


def test_a_stall_past_the_limit_is_a_timeout_and_the_window_goes_on(tmp_path):
    profile = msgspec.structs.replace(QUICK, stall_share=0.4, stall_ms=600_000, seed="0b")
    limits = Limits(first_ns=100 * MS, total_ns=200 * MS)
    with start_reference(profile) as reference:
        plan = plan_for(reference.url, limits=limits)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    for request in sealed.window.requests:
        stalled = script(profile, request.body_sha256, 0, 8).due_ns[-1] > 600_000 * MS
        assert (request.outcome is Outcome.TIMEOUT) or not stalled
    assert any(request.outcome is Outcome.TIMEOUT for request in sealed.window.requests)


# --- manners ---


def test_progress_ends_with_everything_done_and_the_visible_failures(tmp_path):
    calls: list[tuple[int, int]] = []
    with start_reference(msgspec.structs.replace(QUICK, server_error_share=1.0)) as reference:
        measure_window(
            plan_for(reference.url), spool=tmp_path / "spool", progress=lambda *call: calls.append(call)
        )
    assert calls[-1] == (12, 12)
    assert calls == sorted(calls)


def test_garbage_collection_is_off_while_it_runs_and_as_before_afterwards(tmp_path):
    states: list[bool] = []
    with start_reference(QUICK) as reference:
        measure_window(
            plan_for(reference.url),
            spool=tmp_path / "spool",
            progress=lambda *_: states.append(gc.isenabled()),
        )
    assert set(states) == {False}
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_an_earlier_spool_is_never_written_over(tmp_path):
    spool = tmp_path / "spool"
    spool.write_bytes(b"kept")
    with pytest.raises(SpoolExistsError):
        measure_window(plan_for("http://127.0.0.1:9"), spool=spool)
    assert spool.read_bytes() == b"kept"


def test_a_spool_is_readable_by_its_owner_only(measured):
    _, _, spool, _ = measured
    assert spool.stat().st_mode & 0o077 == 0


def test_a_full_disk_stops_the_run_with_the_disks_own_error(tmp_path, monkeypatch):
    written = itertools.count()

    def write(self: SpoolWriter, payload: bytes) -> None:
        if next(written) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SpoolWriter, "_write", write)
    with start_reference(QUICK) as reference, pytest.raises(OSError, match="No space left"):
        measure_window(plan_for(reference.url), spool=tmp_path / "spool")


def test_the_tool_is_named_by_the_digest_of_its_own_source():
    assert runner.tool(None) == runner.tool(None)
    assert runner.tool("a" * 40).commit == "a" * 40


# --- torn spools ---


def finished(sealed: Sealed) -> list[windows.Request]:
    return [request for request in sealed.window.requests if request.outcome is Outcome.OK]


def test_a_spool_cut_off_anywhere_keeps_every_request_that_was_whole(measured, tmp_path):
    _, whole, spool, _ = measured
    data = spool.read_bytes()
    torn = tmp_path / "torn"
    before = -1
    for cut in range(len(data) // 8, len(data), len(data) // 37):
        torn.write_bytes(data[:cut])
        sealed = seal(torn)
        assert sealed.stopped
        assert set(map(windows.encode_line, finished(sealed))) <= set(
            map(windows.encode_line, whole.window.requests)
        )
        assert [request.i for request in sealed.window.requests] == list(range(len(sealed.window.requests)))
        assert len(sealed.window.requests) + sealed.unsent == 12
        assert len(finished(sealed)) >= before
        before = len(finished(sealed))
        assert decode_window(sealed.data) == sealed.window
    assert before >= 10


def test_a_request_begun_and_never_finished_is_our_failure_not_a_gap(measured, tmp_path):
    _, _, spool, _ = measured
    data = spool.read_bytes()
    (tmp_path / "torn").write_bytes(data[: len(data) // 2])
    lost = [r for r in seal(tmp_path / "torn").window.requests if r.outcome is not Outcome.OK]
    assert lost
    assert {(r.outcome, r.error.code) for r in lost if r.error is not None} == {
        (Outcome.CLIENT, "interrupted")
    }


def test_sealing_holds_one_request_at_a_time_however_many_there_are(measured, tmp_path):
    _, _, spool, _ = measured
    head, finished_frames, tail = frames_of(spool)
    peaks = []
    for times in (1, 20):
        longer = tmp_path / f"{times}.spool"
        writer = SpoolWriter(longer)
        writer.put(head)
        for i, frame in enumerate(finished_frames * times):
            writer.put(Finished(msgspec.structs.replace(frame.shot, i=i), frame.exchange))
        writer.put(tail)
        writer.close()
        seal(longer)  # what is loaded at the first use is no request
        tracemalloc.start()
        with runner._quiet_memory():  # as after a run: what is held in a cycle would stay
            assert seal(longer).requests == times * len(finished_frames)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0]  # twenty times the requests; what grows is the packed file


def frames_of(spool: Path) -> tuple[Head, list[Finished], Tail]:
    with spool.open("rb") as file:
        file.readline()
        frames = list(iter(lambda: spool_module._read_frame(file), None))
    head, tail = frames[0], frames[-1]
    assert isinstance(head, Head)
    assert isinstance(tail, Tail)
    return head, [frame for frame in frames if isinstance(frame, Finished)], tail


def test_a_flipped_bit_ends_the_spool_there_and_is_counted(measured, tmp_path):
    _, whole, spool, _ = measured
    data = bytearray(spool.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "torn").write_bytes(data)
    sealed = seal(tmp_path / "torn")
    assert 0 < sealed.torn_bytes < len(data)
    assert len(finished(sealed)) < len(whole.window.requests)


@pytest.mark.parametrize("data", [b"", b"fairlead spool 1\n", b"fairlead spool 2\nxxxxxxxxxxxx", b"\0" * 100])
def test_a_file_that_is_no_spool_or_has_no_head_is_refused(data, tmp_path):
    (tmp_path / "spool").write_bytes(data)
    with pytest.raises(SpoolError):
        seal(tmp_path / "spool")


# --- runs that are ended from outside ---


def test_kill_9_loses_no_finished_request(tmp_path):
    spool = tmp_path / "spool"
    with start_reference(QUICK, log=tmp_path / "log") as reference:
        plan = plan_for(reference.url, requests=2_000)
        with measuring(plan, spool) as process:
            process.send_signal(signal.SIGKILL)
    sealed = seal(spool)
    assert (sealed.stopped, sealed.window.header.clock.max_step_ns) == (True, None)
    assert len(finished(sealed)) >= 3
    # The reference ended so many streams; all but what was on its way when the process died is in the spool.
    ended = sum(len(entry.written_ns) == 8 for entry in read_log(tmp_path / "log"))
    assert len(finished(sealed)) >= ended - 2 * plan.concurrency
    assert all(r.outcome in (Outcome.OK, Outcome.CLIENT) for r in sealed.window.requests)
    assert len(sealed.window.requests) + sealed.unsent == 2_000


def test_ctrl_c_seals_what_there_is_and_says_that_it_stopped(tmp_path):
    spool = tmp_path / "spool"
    with contextlib.ExitStack() as stack:
        reference = stack.enter_context(start_reference(QUICK))
        process = stack.enter_context(measuring(plan_for(reference.url, requests=2_000), spool))
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        *_, last = process.stdout.read().splitlines()
    assert process.returncode == 0
    sealed = seal(spool)
    assert last.split() == ["sealed", "True", str(sealed.unsent), sealed.sha256]
    assert sealed.window.header.clock.max_step_ns is not None
    interrupted = [r for r in sealed.window.requests if r.outcome is Outcome.CLIENT]
    assert len(finished(sealed)) + len(interrupted) == len(sealed.window.requests)
    assert len(interrupted) <= 4


def test_the_modules_for_a_command_line_load_no_http_client():
    code = (
        "import sys, json\n"
        "import fairlead.measure.plan, fairlead.measure.spool\n"
        "import fairlead.measure.truth, fairlead.measure.reference\n"
        "print(json.dumps(sorted({'httpx', 'numpy', 'pandas', 'scipy'} & set(sys.modules))))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=dict(os.environ))
    assert json.loads(out.stdout) == []


# --- HTTP/2 ---


def loopback_trust() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(LOOPBACK_PEM))
    context.set_alpn_protocols(["h2"])
    return context


@pytest.mark.parametrize("load", [{}, {"rate_per_s": 200.0, "arrivals": "poisson", "concurrency": 12}])
def test_a_window_over_http2_is_a_window_like_another_and_agrees_with_what_was_written(load, tmp_path):
    with start_reference(QUICK, log=tmp_path / "log", tls=True) as reference:
        plan = plan_for(reference.url, http="2", **load)
        sealed = measure_window(plan, spool=tmp_path / "spool", tls=loopback_trust())
    header, requests = sealed.window.header, sealed.window.requests
    assert (header.http, header.load.kind, sealed.stopped) == ("2", "open" if load else "closed", False)
    assert header.stamps == ("kernel" if sys.platform == "linux" else "user")
    assert decode_window(sealed.data) == sealed.window
    entries = {entry.id: entry for entry in read_log(tmp_path / "log")}
    assert len(entries) == len(requests) == plan.requests
    for request in requests:
        entry = entries[request.provider_request_id]
        assert (request.outcome, request.text) == (Outcome.OK, words(0, plan.max_tokens))
        assert (request.finish, request.tokens.usage_output) == ("length", plan.max_tokens)
        seen = [header.clock.origin_mono_ns + at for at in itertools.accumulate(request.chunk_ns)]
        assert all(saw >= wrote for saw, wrote in zip(seen, entry.written_ns, strict=True))
    if not load:  # one stream a connection: as many connections as workers, each used again
        assert sum(request.connection.reused is False for request in requests) == plan.concurrency


def test_each_planted_failure_over_http2_is_classed_as_what_it_was(tmp_path):
    profile = ReferenceProfile(
        ttft_median_ms=2, icl_median_ms=1, rate_limited_share=0.2, server_error_share=0.2,
        stream_error_share=0.2, truncated_share=0.2,
    )  # fmt: skip
    with start_reference(profile, log=tmp_path / "log", tls=True) as reference:
        plan = plan_for(reference.url, http="2", requests=40)
        sealed = measure_window(plan, spool=tmp_path / "spool", tls=loopback_trust())
    fates = {entry.body_sha256: entry.fate for entry in read_log(tmp_path / "log")}
    expected = {"stream_error": "in_stream_error"}
    assert [str(request.outcome) for request in sealed.window.requests] == [
        expected.get(fates[request.body_sha256], fates[request.body_sha256])
        for request in sealed.window.requests
    ]
    assert len(set(fates.values())) == 5


# --- certificates ---


def test_certificates_come_into_the_header_and_nothing_else_changes(measured):
    _, sealed, _, _ = measured
    certificate = windows.Certificate(
        sha256="ab" * 32, taken_unix_ns=1, load=sealed.window.header.load, tokens=9, missing=0,
        shared_core=False, reference_late_p99_ns=5, token_error_ns=[0] * 5, ttft_error_ns=[0] * 5,
        icl_error_ns=[0] * 5, lag_p99_ns=None, throughput_error_ppm=0, cpu_ns_per_token=1,
    )  # fmt: skip
    both = with_calibration(sealed, certificate, None)
    assert both.window.header.calibration == windows.Calibration(before=certificate, after=None)
    assert decode_window(both.data) == both.window
    assert both.sha256 == hashlib.sha256(both.data).hexdigest() != sealed.sha256
    assert with_calibration(both, None, None) == sealed


# --- keys and probes ---

KEY = "test-5cQv9tY2mZpX7aLr3nWd8eKj"


def keyed_plan(url: str) -> Plan:
    return plan_for(url.replace("http://", "https://"), provider="acme", requests=4)


def secret_for(plan: Plan) -> Secret:
    host = plan.url.removeprefix("https://").partition("/")[0]
    return Secret(provider="acme", hosts=(host,), key=KEY)


@pytest.fixture(scope="module")
def refused(tmp_path_factory) -> tuple[Plan, Secret, Sealed, Path]:
    """A window whose key must not travel to where its host leads: the loopback."""
    spool = tmp_path_factory.mktemp("keyed") / "spool"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plan = keyed_plan(f"http://localhost:{listener.getsockname()[1]}/v1")
        sealed = measure_window(plan, spool=spool, key=secret_for(plan))
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    return plan, secret_for(plan), sealed, spool


def test_a_key_travels_under_its_policy_or_not_at_all(refused):
    _, _, sealed, _ = refused
    assert {(r.outcome, r.error.code) for r in sealed.window.requests if r.error} == {
        (Outcome.CLIENT, "policy")
    }
    assert len(sealed.window.requests) == 4


def test_no_file_of_a_keyed_window_holds_its_key(refused):
    _, secret, sealed, spool = refused
    assert KEY.encode() not in spool.read_bytes()
    assert not secret.appears_in(windows.inflate(sealed.data))


def test_a_keyed_spool_is_sealed_with_its_key_and_not_without(refused):
    _, secret, sealed, spool = refused
    assert seal(spool, secret) == sealed
    with pytest.raises(SpoolError, match="set the key of acme"):
        seal(spool)


def test_a_window_that_would_hold_the_key_is_not_written(refused, monkeypatch):
    """The last look at each line before a file is made does not rest on the mask: here that does nothing."""
    _, _, sealed, spool = refused
    said = sealed.window.requests[0].error.message
    echoed = Secret(provider="acme", hosts=("localhost",), key=said[:24])
    assert not echoed.appears_in(windows.inflate(seal(spool, echoed).data))
    monkeypatch.setattr(spool_module, "conceal_record", lambda request, key: request)
    with pytest.raises(SpoolError, match="the key would stand in the window"):
        seal(spool, echoed)


def test_the_key_of_another_provider_is_refused_before_anything_is_written(refused, tmp_path):
    plan, secret, _, _ = refused
    with pytest.raises(ValueError, match="that of acme"):
        measure_window(msgspec.structs.replace(plan, provider="zenith"), spool=tmp_path / "spool", key=secret)
    assert not (tmp_path / "spool").exists()


def test_a_record_names_what_its_request_probes_and_most_probe_nothing(measured):
    plan, sealed, _, _ = measured
    assert [r.probe for r in sealed.window.requests] == [plan.label(i) for i in range(plan.requests)]
    longer = msgspec.structs.replace(plan, requests=200)
    labels = Counter(longer.label(i) for i in range(200))
    assert labels[None] > 150
    assert len(labels) > 2


def test_bodies_beyond_the_memory_for_them_wait_in_a_file_and_are_sent_the_same(
    measured, tmp_path, monkeypatch
):
    plan, sealed, _, _ = measured
    monkeypatch.setattr(runner, "_AHEAD_BYTES", 2 * len(plan.body(0)))
    with start_reference(QUICK, log=tmp_path / "log") as reference:
        again = measure_window(msgspec.structs.replace(plan, url=reference.url), spool=tmp_path / "spool")
    digests = [request.body_sha256 for request in sealed.window.requests]
    assert [request.body_sha256 for request in again.window.requests] == digests
    assert {entry.body_sha256 for entry in read_log(tmp_path / "log")} == set(digests)


def test_every_body_is_written_before_the_window_begins(tmp_path, monkeypatch):
    written: list[int] = []
    body = Plan.body
    monkeypatch.setattr(Plan, "body", lambda plan, i: written.append(clock.mono_ns()) or body(plan, i))
    clock = SystemClock()
    with start_reference(QUICK) as reference:
        sealed = measure_window(plan_for(reference.url, requests=60), spool=tmp_path / "spool")
    assert len(written) == 60
    assert max(written) < sealed.window.header.clock.origin_mono_ns


def test_ctrl_c_before_the_window_begins_leaves_no_spool(tmp_path, monkeypatch):
    def interrupted(plan: Plan, i: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(Plan, "body", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure_window(plan_for("http://127.0.0.1:9"), spool=tmp_path / "spool")
    assert not (tmp_path / "spool").exists()


def test_what_is_built_ahead_is_bounded_in_number_and_in_bytes(monkeypatch):
    plan = plan_for("http://127.0.0.1:9")
    items = [(None, prepare(plan.address(), plan.body(i))) for i in range(12)]
    assert len(runner._ahead(iter(items), 5)) == 5
    monkeypatch.setattr(runner, "_AHEAD_BYTES", 3 * len(items[0][1].content))
    assert 3 <= len(runner._ahead(iter(items), 100)) <= 5
