"""The comparison, on clients whose every fault is known; and the report's file, from friend and stranger."""

from __future__ import annotations

import gzip
import itertools
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fairlead import ranking, windows
from fairlead.measure import certificate
from fairlead.measure.certificate import (
    LEVELS,
    Cost,
    Report,
    ReportError,
    Setting,
    UnmatchedError,
    compare,
    decode_report,
    encode_report,
    refusals,
    summary,
)
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, words

from .examples import MS, make_clock, make_load, make_methodology, make_request, make_table, make_window

US = 1_000
ORIGIN = 7_000 * MS
STREAMS, CHUNKS, GAP = 10, 100, 10 * MS
APART = Setting(client_cores=[0], reference_cores=[1], shared_core=False, siblings=False, tls=False)
COST = Cost(cpu_ns=9_000_000, waited_ns=None)

# A client: the moments at which chunks arrive -> (user stamp, lag) of each.
Client = Callable[[list[int]], list[tuple[int, int]]]


def written_log() -> list[LoggedRequest]:
    """Streams in phase but for a microsecond; each chunk written 3 us after it was due."""
    log = []
    for slot in range(STREAMS):
        arrived = ORIGIN + slot * US
        due = [arrived + 200 * MS + k * GAP for k in range(CHUNKS)]
        log.append(
            LoggedRequest(
                id=f"ref-{slot}", body_sha256="ab", occurrence=slot, fate="ok",
                received_ns=arrived + 900 * US, arrived_ns=arrived, due_ns=due,
                written_ns=[at + 3 * US for at in due], tokens=[1] * CHUNKS,
            )
        )  # fmt: skip
    return log


def prompt(arrivals: list[int]) -> list[tuple[int, int]]:
    """A client that sees every chunk 5 us after its write."""
    return [(at + 5 * US, 0) for at in arrivals]


def blocked(busy: list[tuple[int, int]]) -> Client:
    """A client whose loop does not run in the intervals ``busy``: all that came meanwhile is found in one
    read at the interval's end, under the kernel's newest stamp."""

    def client(arrivals: list[int]) -> list[tuple[int, int]]:
        seen = []
        for at in arrivals:
            begin, end = next(((b, e) for b, e in busy if b <= at < e), (at, at + 5 * US))
            newest = max(other for other in arrivals if begin <= other < end)
            seen.append((end, end - newest if end > at + 5 * US else 0))
        return seen

    return client


def slow_parser(cost_ns: int) -> Client:
    """A client that spends so long on each chunk before it reads the next: lag, but true kernel stamps."""

    def client(arrivals: list[int]) -> list[tuple[int, int]]:
        free, seen = 0, []
        for at in arrivals:
            user = max(at + 5 * US, free)
            free = user + cost_ns
            seen.append((user, user - at - 5 * US))
        return seen

    return client


def watched(log: list[LoggedRequest], client: Client = prompt, sent_early_ns: int = 2 * US) -> windows.Window:
    """What a client's window says of what was written. Its loop serves all streams: arrivals are merged."""
    merged = sorted((at, place, k) for place, e in enumerate(log) for k, at in enumerate(e.written_ns))
    stamps = dict(zip(((p, k) for _, p, k in merged), client([at for at, _, _ in merged]), strict=True))
    requests = []
    for place, entry in enumerate(log):
        user = [stamps[place, k] for k in range(len(entry.written_ns))]
        kernel = [at - lag - ORIGIN for at, lag in user]
        requests.append(
            make_request(
                i=place, slot=place, provider_request_id=entry.id,
                sent_ns=(entry.arrived_ns or entry.received_ns) - ORIGIN - sent_early_ns,
                chunk_ns=[kernel[0], *(b - a for a, b in itertools.pairwise(kernel))],
                chunk_lag_ns=[lag for _, lag in user],
                chunk_chars=[len(words(k, 1)) for k in range(len(user))],
                text=words(0, len(user)),
            )
        )  # fmt: skip
    return make_window(
        requests,
        stamps="kernel",
        clock=make_clock(origin_mono_ns=ORIGIN),
        load=make_load(concurrency=STREAMS, planned=STREAMS),
    )


def compared(window: windows.Window, log: list[LoggedRequest], **changes: Any) -> Report:
    fields: dict[str, Any] = {"request_tokens": CHUNKS, "setting": APART, "cost": COST}
    return compare(window, log, profile=ReferenceProfile(), **(fields | changes))


def certified(window: windows.Window, log: list[LoggedRequest]) -> windows.Certificate:
    return summary(compared(window, log), "0" * 64)


LIMITS = {"token_p99_ms": 1, "ttft_p99_ms": 1, "lag_p99_ms": 1}


# --- a sound client ---


def test_a_constant_lateness_is_stated_as_it_is_and_is_no_error_of_a_gap():
    found = certified(watched(written_log()), written_log())
    assert found.token_error_ns == [5 * US] * 5
    assert found.icl_error_ns == [0] * 5
    assert (found.tokens, found.missing, found.lag_p99_ns) == (STREAMS * CHUNKS, 0, 0)
    assert (found.throughput_error_ppm, found.cpu_ns_per_token) == (0, 9_000)
    assert found.reference_late_p99_ns == 3 * US
    assert refusals(found, **LIMITS) == ()


def test_ttft_counts_from_the_requests_arrival_so_that_a_wrong_start_is_the_clients_error():
    """Not from the moment the reference got round to reading it, 0.9 ms later: that is not the client's."""
    found = certified(watched(written_log(), sent_early_ns=3 * MS), written_log())
    assert found.ttft_error_ns == [3 * MS + 5 * US] * 5
    assert refusals(found, **LIMITS) == ("TTFT error p99 is 3.00 ms, the limit is 1 ms",)


def test_without_a_kernel_stamp_of_the_arrival_ttft_is_judged_by_its_end():
    log = [msgspec.structs.replace(entry, arrived_ns=None) for entry in written_log()]
    found = certified(watched(log, sent_early_ns=3 * MS), log)
    assert found.ttft_error_ns == [5 * US] * 5


def test_a_stamp_that_is_early_is_negative_and_refused_like_a_late_one():
    found = certified(watched(written_log(), lambda at: [(a - 2 * MS, 0) for a in at]), written_log())
    assert found.token_error_ns == [-2 * MS] * 5
    assert refusals(found, token_p99_ms=1, ttft_p99_ms=9) == (
        "token stamp error p99 is -2.00 ms, the limit is 1 ms",
    )


def test_a_client_whose_clock_runs_fast_overstates_no_throughput_unnoticed():
    """Stamps drift by 1 % over the run: throughput comes out 1 % too high, and the certificate says so."""
    start = ORIGIN + 200 * MS
    window = watched(written_log(), lambda at: [(a - (a - start) // 100, 0) for a in at])
    found = certified(window, written_log())
    assert found.throughput_error_ppm == pytest.approx(10_100, rel=0.01)


# --- planted faults ---


def test_a_loop_blocked_for_less_than_a_gap_shows_as_lag_though_its_stamps_are_true():
    busy = [(ORIGIN + 400 * MS + k * 100 * MS, ORIGIN + 408 * MS + k * 100 * MS) for k in range(7)]
    found = compared(watched(written_log(), blocked(busy)), written_log())
    lag = dict(zip(LEVELS, found.errors.lag_ns or [], strict=True))
    assert 7 * MS < lag[0.99] <= 8 * MS
    assert found.errors.user_token_error_ns[LEVELS.index(0.99)] > 7 * MS
    assert refusals(summary(found, "0" * 64), **LIMITS) == (
        f"lag p99 is {lag[0.99] / 1e6:.2f} ms, the limit is 1 ms",
    )


@pytest.mark.parametrize(
    "fault", ["one pause of a garbage collector", "a core stolen for 30 ms in every 100", "a hang of 0.5 s"]
)
def test_a_loop_that_stands_still_for_several_gaps_shows_in_the_stamps_of_its_tokens(fault):
    busy = {
        "one": [(ORIGIN + 500 * MS, ORIGIN + 567 * MS)],
        "a c": [(ORIGIN + k * 100 * MS, ORIGIN + k * 100 * MS + 30 * MS) for k in range(2, 12)],
        "a h": [(ORIGIN + 400 * MS, ORIGIN + 900 * MS)],
    }[fault[:3]]
    found = certified(watched(written_log(), blocked(busy)), written_log())
    assert found.token_error_ns[3] >= 19 * MS
    assert found.icl_error_ns[0] <= -10 * MS
    assert found.missing == 0
    assert any(reason.startswith("token stamp error") for reason in refusals(found, **LIMITS))


def test_a_parser_that_costs_a_fifth_of_a_gap_a_stream_shows_as_lag():
    found = certified(watched(written_log(), slow_parser(500 * US)), written_log())
    assert found.token_error_ns[3] == 5 * US
    assert (found.lag_p99_ns or 0) == pytest.approx(9 * 500 * US, rel=0.01)
    assert refusals(found, **LIMITS)


def torn(log: list[LoggedRequest]) -> list[LoggedRequest]:
    return log[:-3]


def cut_short(log: list[LoggedRequest]) -> list[LoggedRequest]:
    return [msgspec.structs.replace(entry, written_ns=entry.written_ns[:70]) for entry in log]


def emptied_of_a_stream(log: list[LoggedRequest]) -> list[LoggedRequest]:
    return [log[0], msgspec.structs.replace(log[1], written_ns=[]), *log[2:]]


@pytest.mark.parametrize(("damage", "missing"), [(torn, 300), (cut_short, 300), (emptied_of_a_stream, 100)])
def test_a_truncated_log_is_missing_tokens_and_a_refusal(damage, missing):
    found = certified(watched(written_log()), damage(written_log()))
    assert (found.tokens, found.missing) == (1000 - missing, missing)
    assert refusals(found, **LIMITS) == (f"{missing} of 1,000 tokens are missing",)


def test_a_window_under_a_certificate_with_missing_tokens_does_not_count():
    whole, lacking = (certified(watched(written_log()), log) for log in (written_log(), torn(written_log())))
    table = make_table(calibration=windows.Calibration(before=whole, after=lacking))
    assert ranking.invalid_reasons(table, make_methodology()) == (
        "calibration after the round: 300 of 1,000 tokens are missing",
    )


def test_a_chunk_that_the_client_lost_takes_all_after_it_out_of_the_comparison():
    """Else every later chunk would be compared with its neighbour, ten milliseconds off or not."""
    window = watched(written_log())
    first = window.requests[0]
    lossy = msgspec.structs.replace(
        first,
        chunk_ns=[*first.chunk_ns[:40], first.chunk_ns[40] + first.chunk_ns[41], *first.chunk_ns[42:]],
        chunk_lag_ns=[0] * 99,
        chunk_chars=first.chunk_chars[:40] + first.chunk_chars[41:],
        text=words(0, 40) + words(41, 59),
    )
    found = certified(msgspec.structs.replace(window, requests=[lossy, *window.requests[1:]]), written_log())
    assert found.missing == 60
    assert found.token_error_ns == [5 * US] * 5


@pytest.mark.parametrize("text", [None, "", "w0 w9 " + words(2, 98), words(1, 100)])
def test_a_text_that_is_not_what_was_written_is_matched_with_nothing_from_there_on(text):
    window = watched(written_log())
    altered = msgspec.structs.replace(window.requests[0], text=text)
    window = msgspec.structs.replace(window, requests=[altered, *window.requests[1:]])
    found = certified(window, written_log())
    assert found.missing == (99 if text and text.startswith("w0") else 100)


def test_a_request_that_never_happened_is_missing_with_all_its_tokens():
    window = watched(written_log())
    found = certified(msgspec.structs.replace(window, requests=window.requests[:-1]), written_log())
    assert found.missing == CHUNKS


@pytest.mark.parametrize("log", [[], [msgspec.structs.replace(e, id="x") for e in written_log()]])
def test_where_nothing_matches_there_is_no_certificate(log):
    with pytest.raises(UnmatchedError):
        compared(watched(written_log()), log)


def test_the_difference_of_pooled_p99s_is_of_the_gaps_not_of_their_errors():
    """Each gap is wrong by 4 ms or so, and yet the distribution of gaps has nearly the same tail."""
    rng = random.Random(5)
    jitter = [rng.randrange(0, 4 * MS) for _ in range(CHUNKS)]
    log = [
        msgspec.structs.replace(entry, written_ns=[w + jitter[k] for k, w in enumerate(entry.written_ns)])
        for entry in written_log()
    ]
    shuffled = rng.sample(jitter, CHUNKS)
    seen = [
        msgspec.structs.replace(
            entry, written_ns=[w - jitter[k] + shuffled[k] for k, w in enumerate(entry.written_ns)]
        )
        for entry in log
    ]
    found = compared(watched(seen), log).errors
    assert found.icl_error_ns[LEVELS.index(0.99)] > 4 * MS
    assert abs(found.pooled_icl_p99_error_ns) < MS


def test_several_tokens_a_chunk_are_counted_as_tokens():
    log = [
        msgspec.structs.replace(
            entry, written_ns=entry.written_ns[:10], due_ns=entry.due_ns[:10], tokens=[3] * 9 + [2]
        )
        for entry in written_log()
    ]
    window = watched(log)
    sizes = [len(words(3 * k, 3)) for k in range(9)] + [len(words(27, 2))]
    requests = [
        msgspec.structs.replace(request, text=words(0, 29), chunk_chars=sizes) for request in window.requests
    ]
    found = compared(msgspec.structs.replace(window, requests=requests), log, request_tokens=29)
    assert (found.tokens, found.missing, found.planned) == (290, 0, 290)


def test_quantiles_are_values_that_occurred_by_the_nearest_rank():
    assert certificate._quantiles(range(1, 101)) == [1, 1, 10, 25, 50, 75, 90, 95, 99, 100, 100]
    assert certificate._quantiles([3]) == [3] * len(LEVELS)


# --- the file ---


def a_report() -> Report:
    return compared(watched(written_log(), slow_parser(500 * US)), written_log())


def test_a_report_survives_its_file_and_the_file_is_always_the_same_bytes():
    report = a_report()
    assert decode_report(encode_report(report)) == report
    assert encode_report(report) == encode_report(a_report())


def test_a_summary_holds_the_reports_own_figures_in_the_form_of_a_header():
    report = a_report()
    found = summary(report, "ab" * 32)
    assert found.sha256 == "ab" * 32
    assert found.ttft_error_ns == [report.errors.ttft_error_ns[k] for k in (0, 4, 6, 8, 10)]
    assert (found.load, found.taken_unix_ns) == (report.load, report.taken_unix_ns)
    msgspec.json.decode(msgspec.json.encode(found), type=windows.Certificate)


def gzipped(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


@pytest.mark.parametrize(
    "text",
    [b"", b"{}\n", b"[]\n", b"\xff\n", b'{"kind":"calibration"}\n', b"[" * 100_000],
    ids=lambda text: repr(text[:20]),
)
def test_json_that_is_no_report_is_refused_in_words(text):
    with pytest.raises(ReportError, match=r"\w"):
        decode_report(gzipped(text))


def test_another_spelling_of_a_report_is_refused():
    text = msgspec.json.encode(a_report())
    for spelt in (text, text + b"\n\n", b" " + text + b"\n", text.replace(b":", b": ", 1) + b"\n"):
        with pytest.raises(ReportError):
            decode_report(gzipped(spelt))


def test_bytes_that_are_no_gzip_or_unpack_to_too_much_are_a_windows_error():
    for data in (b"", b"PK\x03\x04", encode_report(a_report())[:-9], gzipped(b" " * 1_000_001)):
        with pytest.raises(windows.WindowError):
            decode_report(data)


def with_error(name: str, value: object) -> Report:
    report = a_report()
    return msgspec.structs.replace(report, errors=msgspec.structs.replace(report.errors, **{name: value}))


@pytest.mark.parametrize(
    "report",
    [
        msgspec.structs.replace(a_report(), schema_version=2),
        msgspec.structs.replace(a_report(), levels=[0.5]),
        msgspec.structs.replace(a_report(), missing=1),
        msgspec.structs.replace(a_report(), tokens=-1, missing=1001),
        msgspec.structs.replace(a_report(), setting=msgspec.structs.replace(APART, client_cores=[0, 1])),
        msgspec.structs.replace(a_report(), setting=msgspec.structs.replace(APART, processes=0)),
        with_error("ttft_error_ns", [1, 2, 3]),
        with_error("icl_error_ns", list(range(11, 0, -1))),
        with_error("lag_ns", []),
    ],
    ids=["version", "levels", "sum", "negative", "shared", "none", "short", "falling", "no lag"],
)
def test_a_report_that_contradicts_itself_is_refused(report):
    with pytest.raises(ReportError):
        decode_report(encode_report(report))
