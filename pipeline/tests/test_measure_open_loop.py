"""An open loop over real sockets: sent by its schedule, whatever the server, or our own loop, does."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import statistics
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from fairlead import metrics
from fairlead.clock import SystemClock, pause
from fairlead.measure.plan import Limits, Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Sealed, seal
from fairlead.measure.truth import ReferenceProfile, read_log
from fairlead.windows import Outcome, Request, decode_window

from .measuring_process import measuring

pytestmark = pytest.mark.realtime

QUICK = ReferenceProfile(ttft_median_ms=8, icl_median_ms=2)
MS = 1_000_000
RULES = metrics.SteadyRules(requests_min=1, requests_per_stream_min=1, steady_e2e_medians_min=0)


def plan_for(url: str, **more: object) -> Plan:
    fields = {"url": url, "model": "reference", "concurrency": 64, "requests": 60, "seed": "00ff"}
    load = {"rate_per_s": 100.0, "arrivals": "poisson", "ramp_ns": 20 * MS}
    return Plan(**(fields | load | {"max_tokens": 4, "input_words": 20} | more))


def delays_ns(requests: list[Request]) -> list[int]:
    """Schedule delay of each request that was sent; what connecting took is not in it."""
    return [
        metrics.start_ns(request, "closed") - request.scheduled_ns
        for request in requests
        if request.sent_ns is not None
    ]


def e2e_ns(request: Request) -> int:
    latency = metrics.e2e_ns(request, "open")
    assert latency is not None
    return latency


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> tuple[Plan, Sealed, Path]:
    """One good open window, its plan and the reference's log."""
    folder = tmp_path_factory.mktemp("window")
    with start_reference(QUICK, log=folder / "log") as reference:
        plan = plan_for(reference.url)
        sealed = measure_window(plan, spool=folder / "spool")
    return plan, sealed, folder / "log"


# --- the schedule is kept ---


def test_every_request_bears_the_time_of_the_schedule_and_is_sent_no_earlier(measured):
    plan, sealed, _ = measured
    requests = sealed.window.requests
    assert [request.scheduled_ns for request in requests] == plan.starts()
    assert Counter(request.outcome for request in requests) == {Outcome.OK: plan.requests}
    assert min(delays_ns(requests)) >= 0
    assert (sealed.stopped, sealed.unsent) == (False, 0)
    assert decode_window(sealed.data) == sealed.window


def test_requests_reach_the_server_as_they_were_scheduled(measured):
    """By the median, far below the mean gap of 10 ms; the tail is for the benchmark, on a quiet machine."""
    _, sealed, log = measured
    arrived = {entry.body_sha256: entry.received_ns for entry in read_log(log)}
    origin_ns = sealed.window.header.clock.origin_mono_ns
    late = [arrived[r.body_sha256] - origin_ns - r.scheduled_ns for r in sealed.window.requests]
    assert min(late) >= 0
    assert statistics.median(late) < 5 * MS
    assert statistics.median(delays_ns(sealed.window.requests)) < 3 * MS


def test_the_header_states_the_rate_and_the_bound(measured):
    plan, sealed, _ = measured
    load = sealed.window.header.load
    assert load == plan.load()
    assert (load.kind, load.concurrency, load.rate_per_s, load.arrivals) == ("open", 64, 100.0, "poisson")
    assert (load.planned, load.ramp_ns) == (60, 20 * MS)


def test_a_connection_is_kept_for_later_requests_and_never_shared_at_one_time(measured):
    _, sealed, _ = measured
    requests = sealed.window.requests
    assert any(request.connection.reused for request in requests)
    slots = sorted({request.slot for request in requests})
    assert slots == list(range(len(slots)))
    for slot in slots:
        sent = [(r.sent_ns, r.done_ns) for r in requests if r.slot == slot]
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(sent))


def test_a_constant_rate_is_sent_at_even_times(tmp_path):
    with start_reference(QUICK) as reference:
        plan = plan_for(reference.url, arrivals="constant", requests=20)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    scheduled = [request.scheduled_ns for request in sealed.window.requests]
    assert scheduled == [20 * MS + 10 * MS * i for i in range(20)]
    assert min(delays_ns(sealed.window.requests)) >= 0


# --- coordinated omission ---


def test_a_server_that_stops_does_not_slow_the_sending_down(tmp_path):
    """The server stands still from one tick of the progress to the next. All that comes due meanwhile is
    sent meanwhile, and its latency holds the rest of the stop: a closed loop would have sent next to
    nothing."""
    clock = SystemClock()
    stops: list[int] = []

    def stop_then_go(pid: int, done: int) -> None:
        if done >= 5 and len(stops) < 2:
            os.kill(pid, signal.SIGCONT if stops else signal.SIGSTOP)
            stops.append(clock.mono_ns())

    with start_reference(QUICK) as reference:
        plan = plan_for(reference.url, requests=100, rate_per_s=100.0, arrivals="constant", concurrency=100)
        try:
            sealed = measure_window(
                plan, spool=tmp_path / "spool", progress=lambda done, _: stop_then_go(reference.pid, done)
            )
        finally:
            os.kill(reference.pid, signal.SIGCONT)
    origin_ns = sealed.window.header.clock.origin_mono_ns
    stopped_ns, went_on_ns = (at - origin_ns for at in stops)
    due = [r for r in sealed.window.requests if stopped_ns < r.scheduled_ns < went_on_ns - 20 * MS]
    assert len(due) >= 10
    sent = [request for request in due if request.sent_ns < went_on_ns]
    assert len(sent) >= 0.8 * len(due)
    assert all(e2e_ns(request) >= went_on_ns - request.scheduled_ns for request in due)


def test_our_own_delay_is_in_the_latency_and_not_hidden(tmp_path):
    """The loop is held up once for 300 ms. The requests due meanwhile keep their times: their latency from
    scheduled holds the delay, that from sent does not."""
    held: list[int] = []

    def hold_up(done: int, _: int) -> None:
        if done >= 5 and not held:
            held.append(done)
            pause(300 * MS)

    with start_reference(QUICK) as reference:
        plan = plan_for(reference.url, requests=80, arrivals="constant", concurrency=80)
        sealed = measure_window(plan, spool=tmp_path / "spool", progress=hold_up)
    requests = sealed.window.requests
    assert [request.scheduled_ns for request in requests] == plan.starts()
    # What connecting took is in both latencies: what is hidden lies between the schedule and its beginning.
    well = [request for request in requests if request.outcome is Outcome.OK]
    hidden = {request.i: metrics.start_ns(request, "closed") - request.scheduled_ns for request in well}
    assert sum(delay_ns > 100 * MS for delay_ns in hidden.values()) >= 10
    for request in well:
        assert e2e_ns(request) - metrics.e2e_ns(request, "closed") == hidden[request.i]


# --- bounds ---


def under_way_at_most(requests: list[Request]) -> int:
    """The most requests that were between being sent and ending at one time."""
    moves = [(r.sent_ns, 1) for r in requests] + [(r.done_ns, -1) for r in requests]
    return max(itertools.accumulate(step for _, step in sorted(moves)))


def test_what_comes_due_beyond_the_bound_is_sent_late_and_not_lost(tmp_path):
    """Three lines of a server that takes 150 ms, asked 200 times a second: every request goes out, at most
    three at a time, and its latency counts from its time."""
    with start_reference(msgspec.structs.replace(QUICK, ttft_median_ms=150.0)) as reference:
        plan = plan_for(reference.url, concurrency=3, requests=24, rate_per_s=200.0)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    requests = sealed.window.requests
    assert [request.scheduled_ns for request in requests] == plan.starts()
    assert {request.outcome for request in requests} == {Outcome.OK}
    assert {request.slot for request in requests} == {0, 1, 2}
    assert under_way_at_most(requests) == 3
    assert [r.sent_ns for r in requests] == sorted(r.sent_ns for r in requests)
    assert e2e_ns(requests[-1]) >= 7 * 150 * MS - requests[-1].scheduled_ns
    table = metrics.tabulate(sealed.window, RULES)
    assert len(table.bound_wait_ms) >= 15
    assert max(table.bound_wait_ms) > 500
    assert min(table.schedule_delay_ms) >= 0
    assert statistics.median(table.schedule_delay_ms) < 20  # of 500 ms and more between scheduled and sent


def test_a_server_that_stalls_is_charged_with_the_stall_and_the_window_counts(tmp_path):
    """It stands still while more come due than may be under way. What waits is sent when it goes on, with the
    stall in its latency and out of our own delay."""
    clock = SystemClock()
    stops: list[int] = []

    def stop_then_go(pid: int, done: int) -> None:
        if done >= 5 and len(stops) < 2:
            os.kill(pid, signal.SIGCONT if stops else signal.SIGSTOP)
            stops.append(clock.mono_ns())

    with start_reference(QUICK) as reference:
        plan = plan_for(reference.url, requests=100, arrivals="constant", concurrency=8)
        try:
            sealed = measure_window(
                plan, spool=tmp_path / "spool", progress=lambda done, _: stop_then_go(reference.pid, done)
            )
        finally:
            os.kill(reference.pid, signal.SIGCONT)
    requests = sealed.window.requests
    assert [request.scheduled_ns for request in requests] == plan.starts()
    assert {request.outcome for request in requests} == {Outcome.OK}
    origin_ns = sealed.window.header.clock.origin_mono_ns
    stopped_ns, went_on_ns = (at - origin_ns for at in stops)
    due = [r for r in requests if stopped_ns < r.scheduled_ns < went_on_ns - 20 * MS]
    waited = [r for r in due if r.sent_ns >= went_on_ns]
    assert len(waited) >= 5
    assert all(e2e_ns(request) >= went_on_ns - request.scheduled_ns for request in due)
    delays = metrics.schedule_delays_ns(sealed.window)
    assert sum(wait > 0 for _, wait in delays) >= len(waited)
    stall_ns = went_on_ns - stopped_ns
    assert [own + wait for own, wait in delays] == delays_ns(requests)
    assert max(delays[r.i][1] for r in waited) > stall_ns / 4
    assert statistics.median(delays[r.i][0] for r in waited) < stall_ns / 8


def test_a_server_that_stalls_for_good_fails_by_the_total_limit_from_the_time_of_the_schedule(tmp_path):
    """No request waits for longer than its limit: sent late, it has only what is left of it."""
    profile = msgspec.structs.replace(QUICK, stall_share=1.0, stall_ms=600_000, seed="0b")
    with start_reference(profile) as reference:
        limits = Limits(first_ns=200 * MS, total_ns=200 * MS)
        plan = plan_for(reference.url, limits=limits, requests=30, arrivals="constant", concurrency=2)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    requests = sealed.window.requests
    assert [request.scheduled_ns for request in requests] == plan.starts()
    assert {r.outcome for r in requests} == {Outcome.TIMEOUT}
    # What is left of the limit may end while still connecting, on a machine that does other work.
    assert {"total_timeout"} <= {r.error.code for r in requests} <= {"total_timeout", "connect_timeout"}
    assert min(r.done_ns - r.scheduled_ns for r in requests) >= 195 * MS  # the loop's timers know whole ms
    # One after the other, each to its whole limit, they would wait 1.5 s by the median.
    assert statistics.median(r.done_ns - r.scheduled_ns for r in requests) < 1000 * MS
    assert metrics.tabulate(sealed.window, RULES).requests == 30  # all of them are charged


def test_an_address_that_takes_no_connection_holds_nothing_up_beyond_the_total_limit(tmp_path):
    """A listener whose queue is full lets connections hang: each fails by what is left of its total limit,
    though the limit of connecting is longer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        limits = Limits(connect_ns=60_000 * MS, total_ns=200 * MS)
        port = listener.getsockname()[1]
        plan = plan_for(f"http://127.0.0.1:{port}/v1", limits=limits, requests=12, concurrency=2)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    requests = sealed.window.requests
    assert [request.scheduled_ns for request in requests] == plan.starts()
    assert {(r.outcome, r.error.code) for r in requests} == {(Outcome.TIMEOUT, "connect_timeout")}
    assert min(r.done_ns - r.scheduled_ns for r in requests) >= 195 * MS
    assert (
        sealed.window.header.clock.duration_ns < 10_000 * MS
    )  # twelve times sixty seconds, without the limit


def test_past_the_limit_of_the_window_what_waits_for_a_line_is_not_sent(tmp_path):
    with start_reference(msgspec.structs.replace(QUICK, ttft_median_ms=1000.0)) as reference:
        plan = plan_for(reference.url, requests=50, concurrency=2, stop_ns=900 * MS)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    assert [request.slot for request in sealed.window.requests] == [0, 1]
    assert (sealed.stopped, sealed.unsent) == (True, 48)


def test_a_request_that_stalls_ends_at_its_own_limit_and_the_others_keep_their_times(tmp_path):
    profile = msgspec.structs.replace(QUICK, stall_share=0.3, stall_ms=600_000, seed="0b")
    with start_reference(profile) as reference:
        plan = plan_for(reference.url, limits=Limits(first_ns=100 * MS, total_ns=200 * MS), requests=30)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    outcomes = Counter(request.outcome for request in sealed.window.requests)
    assert set(outcomes) == {Outcome.OK, Outcome.TIMEOUT}
    assert sum(outcomes.values()) == 30
    assert [request.scheduled_ns for request in sealed.window.requests] == plan.starts()


def test_past_the_limit_of_the_window_nothing_begins_and_what_is_under_way_ends(tmp_path):
    with start_reference(QUICK) as reference:
        plan = plan_for(reference.url, requests=500, stop_ns=1_500 * MS)
        sealed = measure_window(plan, spool=tmp_path / "spool")
    due = [at for at in plan.starts() if at < 1_500 * MS]
    assert [request.scheduled_ns for request in sealed.window.requests] == due
    assert {request.outcome for request in sealed.window.requests} == {Outcome.OK}
    assert (sealed.stopped, sealed.unsent) == (True, 500 - len(due))


def test_a_closed_loop_heeds_the_limit_of_the_window_too(tmp_path):
    with start_reference(msgspec.structs.replace(QUICK, ttft_median_ms=400.0)) as reference:
        plan = plan_for(
            reference.url, rate_per_s=None, arrivals=None, concurrency=2, requests=50, stop_ns=2_000 * MS
        )
        sealed = measure_window(plan, spool=tmp_path / "spool")
    requests = sealed.window.requests
    assert {request.outcome for request in requests} == {Outcome.OK}
    assert (sealed.stopped, sealed.unsent) == (True, 50 - len(requests))
    assert len(requests) >= 2


# --- runs that are ended from outside ---


def assert_whole_but_for_the_end(plan: Plan, sealed: Sealed) -> None:
    requests = sealed.window.requests
    assert sealed.stopped
    assert len(requests) + sealed.unsent == plan.requests
    assert [request.scheduled_ns for request in requests] == plan.starts()[: len(requests)]
    lost = [request for request in requests if request.outcome is not Outcome.OK]
    assert {(r.outcome, r.error.code) for r in lost if r.error is not None} <= {
        (Outcome.CLIENT, "interrupted")
    }
    assert len(requests) - len(lost) >= 3
    assert len(lost) <= plan.concurrency


def test_kill_9_loses_no_finished_request_and_no_time_of_the_schedule(tmp_path):
    with start_reference(QUICK, log=tmp_path / "log") as reference:
        plan = plan_for(reference.url, requests=2_000)
        with measuring(plan, tmp_path / "spool") as process:
            process.send_signal(signal.SIGKILL)
    sealed = seal(tmp_path / "spool")
    assert_whole_but_for_the_end(plan, sealed)
    ended = sum(len(entry.written_ns) == 4 for entry in read_log(tmp_path / "log"))
    kept = sum(request.outcome is Outcome.OK for request in sealed.window.requests)
    assert kept >= ended - 32  # what was on its way when the process died


def test_ctrl_c_seals_what_there_is_and_says_that_it_stopped(tmp_path):
    with contextlib.ExitStack() as stack:
        reference = stack.enter_context(start_reference(QUICK))
        plan = plan_for(reference.url, requests=2_000)
        process = stack.enter_context(measuring(plan, tmp_path / "spool"))
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        *_, last = process.stdout.read().splitlines()
    assert process.returncode == 0
    sealed = seal(tmp_path / "spool")
    assert_whole_but_for_the_end(plan, sealed)
    assert last.split() == ["sealed", "True", str(sealed.unsent), sealed.sha256]
