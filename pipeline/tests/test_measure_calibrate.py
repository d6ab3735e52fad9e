"""The client of this machine against the reference in another process, sound and with faults planted in it.

What a fault does at least is asserted; how good the client is without one is the benchmark's business, for a
busy machine would make such a test a lottery.
"""

from __future__ import annotations

import dataclasses
import gc
import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import httptools
import msgspec
import pytest

from fairlead import windows
from fairlead.measure import calibrate as module
from fairlead.measure import cores
from fairlead.measure.calibrate import (
    Calibrated,
    LoadShape,
    calibrate,
    find_trusted_concurrency,
    shape_of,
)
from fairlead.measure.certificate import LEVELS, decode_report, refusals, summary
from fairlead.measure.plan import Limits, Plan
from fairlead.measure.reference import LOOPBACK_PEM, start_reference
from fairlead.measure.spool import Sealed
from fairlead.measure.truth import ReferenceProfile, read_log

MS = 1_000_000
SMALL = LoadShape(concurrency=4, seconds=0.8, ttft_ms=20, icl_ms=10, input_words=20)
TWO_CORES = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1


def taken(shape: LoadShape = SMALL, **more: object) -> Calibrated:
    return calibrate(shape, seed="00ff", **more)


@pytest.fixture(scope="module")
def sound() -> Calibrated:
    """A calibration of the client as it is, over TLS."""
    return taken(msgspec.structs.replace(SMALL, tls=True), commit="c" * 40)


# --- a whole one ---


def test_every_token_is_matched_with_its_write(sound):
    plan = msgspec.structs.replace(SMALL, tls=True).plan("https://127.0.0.1/v1", "00ff")
    assert (sound.certificate.tokens, sound.certificate.missing) == (plan.requests * plan.max_tokens, 0)
    assert sound.report.failed == 0


def test_no_stamp_lies_before_the_write_or_after_the_clients_own_read(sound):
    errors = sound.report.errors
    assert errors.token_error_ns[0] >= 0
    for stamp, user in zip(errors.token_error_ns, errors.user_token_error_ns, strict=True):
        assert stamp <= user


def test_the_certificate_is_the_summary_of_its_file_under_the_files_digest(sound):
    assert sound.certificate.sha256 == windows.digest(sound.data)
    assert decode_report(sound.data) == sound.report
    assert summary(sound.report, sound.certificate.sha256) == sound.certificate


def test_it_states_the_load_the_tool_and_the_machine(sound):
    assert sound.certificate.load.concurrency == 4
    assert sound.report.tool.commit == "c" * 40
    assert sound.report.machine is not None
    assert sound.report.setting.tls
    assert sound.report.profile == SMALL.profile()
    assert sound.certificate.cpu_ns_per_token > 1_000


@pytest.mark.skipif(not TWO_CORES, reason="one core only: it is shared, and said to be")
def test_client_and_reference_keep_to_cores_of_their_own_and_the_client_gets_its_own_back(sound):
    setting = sound.report.setting
    assert not set(setting.client_cores) & set(setting.reference_cores)
    assert not sound.certificate.shared_core
    assert len(os.sched_getaffinity(0)) > 1


@pytest.mark.skipif(not TWO_CORES, reason="needs a core to be held to, and another")
def test_a_client_held_to_one_core_stays_there_and_the_reference_leaves_it():
    """A child inherits its parent's cores; the reference must not."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        setting = taken(msgspec.structs.replace(SMALL, seconds=0.1)).report.setting
        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        os.sched_setaffinity(0, before)
    assert setting.client_cores == [min(before)]
    assert min(before) not in setting.reference_cores
    assert not setting.shared_core


def test_the_client_of_a_window_keeps_to_the_cores_that_it_was_calibrated_on(sound, tmp_path):
    """The certificate speaks of the client that measures: the window's header names the same cores."""
    with start_reference(ReferenceProfile(ttft_median_ms=2, icl_median_ms=1)) as reference:
        plan = SMALL.plan(reference.url, "00ff")
        sealed = module.runner.measure_window(plan, spool=tmp_path / "spool")
    assert sealed.window.header.machine.affinity == sound.report.setting.client_cores
    assert sound.report.machine.affinity == sound.report.setting.client_cores


def test_one_core_is_said_to_be_shared(monkeypatch):
    monkeypatch.setattr(cores, "split_cores", lambda ours, permitted: ({min(ours)}, {min(ours)}))
    found = taken(msgspec.structs.replace(SMALL, seconds=0.1))
    assert found.certificate.shared_core
    assert found.report.setting.client_cores == found.report.setting.reference_cores


def test_over_http2_every_token_is_matched_and_the_report_says_what_was_spoken():
    shape = msgspec.structs.replace(SMALL, tls=True, http="2")
    found = taken(shape)
    plan = shape.plan("https://127.0.0.1/v1", "00ff")
    assert (found.certificate.tokens, found.certificate.missing) == (plan.requests * plan.max_tokens, 0)
    assert (found.report.failed, found.report.reference.held_up) == (0, 0)
    assert (found.report.setting.http, found.report.setting.tls) == ("2", True)
    assert found.report.errors.token_error_ns[0] >= 0  # no stamp before the write that the log states
    assert decode_report(found.data) == found.report


def test_the_report_states_how_many_processes_the_client_was(sound):
    """It is left out where it was one, as in the reports from before there could be more."""
    found = taken(msgspec.structs.replace(SMALL, seconds=0.1, processes=2))
    assert found.report.setting.processes == 2
    assert found.certificate.missing == 0
    assert decode_report(found.data) == found.report
    assert b'"processes":2' in gzip.decompress(found.data)
    assert sound.report.setting.processes == 1
    assert b'"processes"' not in gzip.decompress(sound.data)


def test_http2_without_tls_is_no_load():
    with pytest.raises(ValueError, match="over TLS only"):
        LoadShape(concurrency=1, http="2")


# --- planted faults: each shows, at least so much ---


def test_a_blocked_loop_shows_as_lag_and_in_the_stamps_of_the_tokens_that_it_held_up():
    def block(_done: int, _failed: int) -> None:
        end = time.monotonic_ns() + 60 * MS
        while time.monotonic_ns() < end:
            pass

    found = taken(progress=block)  # called from the loop four times a second
    assert found.report.errors.user_token_error_ns[-1] >= 30 * MS
    assert found.certificate.token_error_ns[4] >= 15 * MS
    assert (found.certificate.lag_p99_ns or 0) >= 5 * MS
    assert refusals(found.certificate, token_p99_ms=1, ttft_p99_ms=1, lag_p99_ms=1)


class Slow(httptools.HttpResponseParser):
    """Half a millisecond and more for every read."""

    def feed_data(self, data: bytes) -> None:
        end = time.monotonic_ns() + 500_000
        while time.monotonic_ns() < end:
            pass
        super().feed_data(data)


@pytest.mark.realtime  # its reads wait for each other only where they come together
def test_a_slow_parser_on_the_hot_path_shows_as_lag_and_as_cost(monkeypatch):
    monkeypatch.setattr(httptools, "HttpResponseParser", Slow)
    found = taken(msgspec.structs.replace(SMALL, concurrency=12))
    assert found.certificate.cpu_ns_per_token >= 500_000
    assert (found.certificate.lag_p99_ns or 0) >= 2 * MS
    assert refusals(found.certificate, token_p99_ms=1, ttft_p99_ms=1, lag_p99_ms=1)


class Collecting(httptools.HttpResponseParser):
    """Lets the garbage be collected in the middle of a run, as the collector does when nobody stops it."""

    reads = 0

    def feed_data(self, data: bytes) -> None:
        super().feed_data(data)
        Collecting.reads += 1
        if Collecting.reads % 16 == 0:
            gc.collect()


def test_garbage_collection_during_a_run_shows_as_lag(monkeypatch):
    ballast = [[place] for place in range(100_000)]  # what a program of some size holds
    monkeypatch.setattr(httptools, "HttpResponseParser", Collecting)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    found = taken()
    assert ballast
    assert (found.certificate.lag_p99_ns or 0) >= 2 * MS
    assert refusals(found.certificate, token_p99_ms=1, ttft_p99_ms=1, lag_p99_ms=1)


def test_a_truncated_log_means_missing_tokens_and_a_refusal(monkeypatch):
    monkeypatch.setattr(module, "read_log", lambda path: read_log(path)[:-2])
    found = taken()
    tokens = found.report.planned // found.report.load.planned
    assert found.certificate.missing == 2 * tokens
    assert refusals(found.certificate, token_p99_ms=10**6, ttft_p99_ms=10**6) == (
        f"{2 * tokens} of {found.report.planned} tokens are missing",
    )


def test_a_run_that_is_stopped_gives_no_certificate(monkeypatch):
    def stop(*arguments: object, **named: object) -> Sealed:
        return dataclasses.replace(measure(*arguments, **named), stopped=True)

    measure = module.runner.measure_window
    monkeypatch.setattr(module.runner, "measure_window", stop)
    with pytest.raises(KeyboardInterrupt):
        taken(msgspec.structs.replace(SMALL, seconds=0.1))


def test_time_without_a_core_is_read_from_the_kernel_where_it_tells(monkeypatch, tmp_path):
    waited = module._waited_ns()
    assert waited is None or waited >= 0
    assert (waited is None) == (not Path("/proc/self/schedstat").exists())


# --- the reference's TLS ---


def test_nobody_but_who_was_told_trusts_the_loopback_certificate():
    code = (
        "import sys, httpx\n"
        "try:\n"
        "    httpx.get(sys.argv[1] + '/models', trust_env=False)\n"
        "except httpx.ConnectError as error:\n"
        "    print('refused' if 'CERTIFICATE_VERIFY_FAILED' in str(error) else error)\n"
    )
    with start_reference(ReferenceProfile(), tls=True) as reference:
        assert reference.url.startswith("https://127.0.0.1:")
        command = [sys.executable, "-c", code, reference.url]
        out = subprocess.run(command, capture_output=True, check=True, text=True)
    assert out.stdout == "refused\n"
    assert LOOPBACK_PEM.is_file()


# --- shapes ---


def test_a_shape_takes_after_the_window_to_come():
    plan = Plan(
        url="https://api.example.com/v1", model="m", concurrency=7, requests=70, seed="00", input_words=33,
        ramp_ns=5 * MS, limits=Limits(total_ns=9 * MS),
    )  # fmt: skip
    shape = shape_of(plan, seconds=2)
    assert (shape.concurrency, shape.input_words, shape.ramp_ns, shape.tls) == (7, 33, 5 * MS, True)
    assert (shape.limits, shape.seconds) == (plan.limits, 2)
    assert not shape_of(msgspec.structs.replace(plan, url="http://127.0.0.1/v1")).tls
    assert (shape.http, shape_of(msgspec.structs.replace(plan, http="2")).http) == ("1.1", "2")


def test_a_shape_takes_after_an_open_loop_by_its_rate_its_arrivals_and_its_answers():
    plan = Plan(
        url="https://api.example.com/v1", model="m", concurrency=64, requests=70, seed="00", max_tokens=33,
        rate_per_s=12.5, arrivals="constant",
    )  # fmt: skip
    shape = shape_of(plan, seconds=4)
    assert (shape.rate_per_s, shape.arrivals, shape.concurrency) == (12.5, "constant", 64)
    run = shape.plan("https://127.0.0.1/v1", "00")
    assert (run.rate_per_s, run.arrivals, run.requests, run.max_tokens) == (12.5, "constant", 50, 33)


def test_an_open_shape_at_a_low_rate_still_sends_some_and_long_answers_are_cut_to_its_seconds():
    shape = LoadShape(concurrency=64, seconds=2, rate_per_s=0.5, arrivals="poisson", max_tokens=5_000)
    run = shape.plan("http://127.0.0.1/v1", "00")
    assert run.requests == 8
    assert shape.ttft_ms + run.max_tokens * shape.icl_ms == pytest.approx(2000, rel=0.02)


def test_an_open_loop_is_certified_in_an_open_loop():
    """The reference is asked at the rate, by the arrivals, and the certificate says so."""
    shape = LoadShape(
        concurrency=32, seconds=0.8, ttft_ms=20, icl_ms=5, input_words=20, max_tokens=20,
        rate_per_s=50.0, arrivals="poisson",
    )  # fmt: skip
    found = taken(shape)
    load = found.certificate.load
    assert (load.kind, load.rate_per_s, load.arrivals, load.concurrency) == ("open", 50.0, "poisson", 32)
    assert load.planned == 40
    assert (found.certificate.tokens, found.certificate.missing) == (40 * 20, 0)
    assert decode_report(found.data).load == load


@pytest.mark.parametrize("concurrency", [1, 3, 16, 64, 256, 1024])
def test_a_shape_fills_its_seconds_with_at_least_two_requests_a_stream(concurrency):
    shape = LoadShape(concurrency=concurrency, seconds=5)
    plan = shape.plan("http://127.0.0.1/v1", "00")
    rounds = plan.requests // concurrency
    assert 2 <= rounds <= 8
    assert rounds * (shape.ttft_ms + plan.max_tokens * shape.icl_ms) == pytest.approx(5000, rel=0.02)


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"seconds": 0},
        {"seconds": 1e9},
        {"icl_ms": 0},
        {"tokens_per_chunk": 0},
        {"ramp_ns": -1},
        {"rate_per_s": 5.0},
        {"rate_per_s": -5.0, "arrivals": "poisson"},
    ],
    ids=str,
)
def test_a_shape_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        LoadShape(**({"concurrency": 1} | wrong))


# --- the highest trusted concurrency ---


def certifier(sound: Calibrated, holds_to: int, tried: list[int], missing: int = 0):
    def certify(concurrency: int) -> windows.Certificate:
        tried.append(concurrency)
        error_ns = 100_000 if concurrency <= holds_to else 3 * MS
        return msgspec.structs.replace(
            sound.certificate, token_error_ns=[0, 0, 0, error_ns, error_ns], missing=missing
        )

    return certify


@pytest.mark.parametrize("holds_to", [1, 2, 5, 64, 100, 300, 511, 512, 800, 1024])
def test_the_trusted_concurrency_held_and_lies_within_an_eighth_of_the_highest_that_does(sound, holds_to):
    tried: list[int] = []
    found = find_trusted_concurrency(certifier(sound, holds_to, tried), limit_ns=MS, most=1024)
    assert found in tried
    assert holds_to / 1.13 - 1 <= found <= holds_to
    assert len(set(tried)) <= 16
    assert all(tried.count(level) == (1 if level <= holds_to else 2) for level in tried)


@pytest.mark.parametrize("disturbed", [1, 64, 512])
def test_one_disturbed_calibration_does_not_end_the_search(sound, disturbed):
    """The machine was busy once: asked again, the concurrency holds, and the search goes on above it."""
    tried: list[int] = []
    certify = certifier(sound, 800, tried)

    def certify_disturbed(concurrency: int) -> windows.Certificate:
        found = certify(concurrency)
        is_first = tried.count(concurrency) == 1
        return msgspec.structs.replace(found, missing=5) if concurrency == disturbed and is_first else found

    assert find_trusted_concurrency(certify_disturbed, limit_ns=MS) == find_trusted_concurrency(
        certifier(sound, 800, []), limit_ns=MS
    )
    assert tried.count(disturbed) == 2


def test_a_machine_that_can_be_trusted_with_nothing_is_told_so(sound):
    assert find_trusted_concurrency(certifier(sound, 0, []), limit_ns=MS) is None
    assert find_trusted_concurrency(certifier(sound, 99, [], missing=1), limit_ns=MS) is None


def test_the_levels_hold_what_a_certificate_quotes():
    assert {0.0, 0.5, 0.9, 0.99, 1.0} <= set(LEVELS)
