"""Each metric by its published formula, on requests whose numbers are known beforehand."""

from __future__ import annotations

import pytest

from fairlead import metrics
from fairlead.metrics import Undefined
from fairlead.windows import Connection, Outcome, Request, Window

from .examples import (
    MS,
    STEADY_RULES,
    S,
    closed_loop,
    make_clock,
    make_failure,
    make_load,
    make_request,
    make_tokens,
    make_window,
)

COLD = Connection(reused=False, dns_ns=3 * MS, tcp_ns=20 * MS, tls_ns=27 * MS)


def throughput(requests: list[Request], streams: int) -> float | Undefined:
    window = make_window(requests, load=make_load(concurrency=streams))
    return metrics.system_throughput_tps(window, STEADY_RULES)


# -- start, TTFT, E2E ----------------------------------------------------------------------------


def test_latencies_count_from_the_send_in_a_closed_loop() -> None:
    """First chunk at 200 ms, last at 230 ms, sent at 40 ms: TTFT is 160 ms and E2E 190 ms."""
    request = make_request(sent_ns=40 * MS)
    assert metrics.ttft_ns(request, "closed") == 160 * MS
    assert metrics.e2e_ns(request, "closed") == 190 * MS


def test_a_cold_connection_starts_before_its_look_up() -> None:
    """DNS, TCP and TLS took 50 ms before the send: they are part of what a user waited."""
    request = make_request(sent_ns=60 * MS, connection=COLD)
    assert metrics.start_ns(request, "closed") == 10 * MS
    assert metrics.ttft_ns(request, "closed") == 190 * MS


def test_a_reused_connection_starts_at_the_send() -> None:
    reused = Connection(reused=True, dns_ns=None, tcp_ns=None, tls_ns=None)
    assert metrics.start_ns(make_request(sent_ns=60 * MS, connection=reused), "closed") == 60 * MS


def test_open_loop_latency_counts_from_the_schedule_not_from_our_late_send() -> None:
    """Bug 8: a client 120 ms behind its schedule must not hide the 120 ms."""
    request = make_request(scheduled_ns=10 * MS, sent_ns=130 * MS, connection=COLD)
    assert metrics.ttft_ns(request, "open") == 190 * MS
    assert metrics.ttft_ns(request, "closed") == 120 * MS


def test_a_role_only_chunk_is_no_first_token() -> None:
    """Bug 4: headers and a role at 22 ms, content at 200 ms: TTFT is 200 ms."""
    assert metrics.ttft_ns(make_request(headers_ns=22 * MS), "closed") == 200 * MS


def test_a_reasoning_chunk_is_a_first_token() -> None:
    """Bug 5: forty reasoning tokens before the answer are waited for once, not forty times."""
    thinking = make_request(chunk_ns=[200 * MS, *[10 * MS] * 79], chunk_kind="r40t40")
    assert metrics.ttft_ns(thinking, "closed") == 200 * MS
    assert metrics.output_speed_tps(thinking, "closed") == pytest.approx(100.0)


@pytest.mark.parametrize("load", ["closed", "open"])
def test_a_missing_stamp_is_undefined_and_never_negative(load: metrics.LoadKind) -> None:
    """Bug 16: without a start there is no latency."""
    request = make_request(sent_ns=None, scheduled_ns=None)
    assert metrics.ttft_ns(request, load) is None
    assert metrics.e2e_ns(request, load) is None


def test_a_chunk_before_the_start_is_undefined() -> None:
    """Bug 16: a broken stamp gives neither a negative latency nor zero."""
    assert metrics.ttft_ns(make_request(sent_ns=201 * MS), "closed") is None
    assert metrics.ttft_ns(make_request(sent_ns=200 * MS), "closed") is None
    assert metrics.e2e_ns(make_request(sent_ns=231 * MS), "closed") is None


def test_an_import_gives_its_stated_durations_and_nothing_more() -> None:
    imported = make_request(
        sent_ns=None, chunk_ns=[], chunk_tokens=None, ttft_ns=300 * MS, e2e_ns=2 * S, slot=None
    )
    assert metrics.ttft_ns(imported, "closed") == 300 * MS
    assert metrics.e2e_ns(imported, "closed") == 2 * S
    assert metrics.tpot_ns(imported, "closed") is None
    assert metrics.output_speed_tps(imported, "closed") is None
    assert metrics.icl_ns(imported, "closed") is None


def test_an_import_with_gaps_has_what_follows_from_them() -> None:
    """Its durations are the source's; the gaps give the rest, and no stamp is needed."""
    imported = make_request(
        chunk_ns=[300 * MS, 10 * MS, 40 * MS], sent_ns=None, ttft_ns=300 * MS, e2e_ns=350 * MS
    )
    assert metrics.ttft_ns(imported, "closed") == 300 * MS
    assert metrics.e2e_ns(imported, "open") == 350 * MS
    assert metrics.tpot_ns(imported, "closed") == 25 * MS
    assert metrics.icl_ns(imported, "closed") == 40 * MS


def test_an_import_with_the_tokens_of_each_chunk_has_tpot_and_no_gap() -> None:
    """The first chunk's tokens are not among those that its durations part."""
    imported = make_request(
        chunk_ns=[], sent_ns=None, ttft_ns=300 * MS, e2e_ns=400 * MS, chunk_tokens=[2, 1, 1]
    )
    assert metrics.tpot_ns(imported, "closed") == 50 * MS
    assert metrics.icl_ns(imported, "closed") is None


def test_own_stamps_win_over_a_stated_duration() -> None:
    """A boast of 1 ns beside honest stamps changes nothing."""
    request = make_request(ttft_ns=1, e2e_ns=1)
    assert metrics.ttft_ns(request, "closed") == 200 * MS
    assert metrics.e2e_ns(request, "closed") == 230 * MS


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_a_failure_never_enters_a_latency(outcome: Outcome) -> None:
    """Bugs 3 and 13: neither as zero nor as the fast error that it was, whatever had been streamed."""
    for failed in (
        make_request(outcome=outcome),
        make_failure(outcome),
        make_failure(outcome, ttft_ns=0, e2e_ns=0),
    ):
        for metric, _ in metrics.REQUEST_METRICS.values():
            assert metric(failed, "closed") is None


def test_the_first_gap_is_told_in_paces_of_the_reply() -> None:
    """Near 1 in an even stream, large behind a first chunk that came too soon, undefined without a pace."""

    def gap(*gaps: int) -> float | None:
        return metrics.first_gap_paces(make_request(chunk_ns=[200 * MS, *gaps]), "closed")

    assert gap(10, 10, 10, 10) == 1.0
    assert gap(0, 300, 0, 10, 5, 15) == 30.0  # what came in one read is one read
    assert gap(300, 10, 10) is None
    assert gap(0, 0, 0, 0) is None


# -- tokens, TPOT, speed -------------------------------------------------------------------------


def test_chunks_are_not_tokens() -> None:
    """Bug 1: ten chunks of five tokens, 50 ms apart, are 100 tokens/s and not 20."""
    bundled = make_request(
        chunk_ns=[200 * MS, *[50 * MS] * 9], chunk_tokens=[5] * 10, tokens=make_tokens(counted=50)
    )
    assert metrics.output_tokens(bundled) == 50
    assert metrics.output_speed_tps(bundled, "closed") == pytest.approx(100.0)


def test_tpot_holds_no_ttft() -> None:
    """Bug 2: a second until the first token leaves the 10 ms between tokens as they are."""
    for first in (1 * MS, 1 * S):
        request = make_request(chunk_ns=[first, 10 * MS, 10 * MS])
        assert metrics.tpot_ns(request, "closed") == 10 * MS


def test_tokens_bundled_into_the_first_chunk_are_not_counted_as_streamed_after_it() -> None:
    """Bug 7: 32 tokens at once, then 200 one by one at 5 ms: 200 tokens/s and not 231."""
    request = make_request(
        chunk_ns=[200 * MS, *[5 * MS] * 200],
        chunk_tokens=[32, *[1] * 200],
        tokens=make_tokens(counted=232, usage_output=232),
    )
    assert metrics.tokens_after_first_chunk(request) == 200
    assert metrics.output_speed_tps(request, "closed") == pytest.approx(200.0)


def test_a_total_alone_gives_no_tpot() -> None:
    """Without counts of each chunk, 232 tokens in 201 chunks could lie anywhere."""
    request = make_request(
        chunk_ns=[200 * MS, *[5 * MS] * 200], chunk_tokens=None, tokens=make_tokens(usage_output=232)
    )
    assert metrics.tokens_after_first_chunk(request) is None
    assert metrics.tpot_ns(request, "closed") is None


def test_usage_equal_to_the_count_of_chunks_is_a_token_a_chunk() -> None:
    request = make_request(chunk_tokens=None, tokens=make_tokens(usage_output=4))
    assert metrics.tpot_ns(request, "closed") == 10 * MS


def test_reasoning_that_was_never_sent_is_no_streamed_token() -> None:
    """Bug 5: usage of 1,000 with 996 hidden: four tokens were streamed, at 100 tokens/s."""
    hidden = make_request(chunk_tokens=None, tokens=make_tokens(usage_output=1000, usage_reasoning=996))
    assert metrics.output_tokens(hidden) == 1000
    assert metrics.streamed_tokens(hidden) == 4
    assert metrics.output_speed_tps(hidden, "closed") == pytest.approx(100.0)


def test_reasoning_that_was_sent_stays_a_streamed_token() -> None:
    shown = make_request(
        chunk_kind="r2t2", chunk_tokens=None, tokens=make_tokens(usage_output=4, usage_reasoning=2)
    )
    assert metrics.streamed_tokens(shown) == 4


def test_usage_that_contradicts_itself_gives_no_token_count() -> None:
    odd = make_request(chunk_tokens=None, tokens=make_tokens(usage_output=4, usage_reasoning=5))
    assert metrics.streamed_tokens(odd) is None


def test_the_tokenizers_count_wins_over_the_providers() -> None:
    request = make_request(tokens=make_tokens(counted=4, usage_output=400))
    assert metrics.output_tokens(request) == 4
    assert metrics.streamed_tokens(request) == 4


def test_without_any_count_the_tokens_are_undefined() -> None:
    request = make_request(chunk_tokens=None, tokens=make_tokens())
    assert metrics.output_tokens(request) is None
    assert metrics.tpot_ns(request, "closed") is None


def test_one_chunk_has_no_tpot_and_no_gap() -> None:
    request = make_request(chunk_ns=[200 * MS])
    assert metrics.tpot_ns(request, "closed") is None
    assert metrics.icl_ns(request, "closed") is None
    assert metrics.ttft_ns(request, "closed") == 200 * MS


def test_a_gap_of_zero_is_a_chunk_of_the_same_read() -> None:
    """Two chunks in one read: E2E and TPOT count the time once and the tokens twice."""
    request = make_request(chunk_ns=[200 * MS, 20 * MS, 0, 20 * MS, 0])
    assert metrics.e2e_ns(request, "closed") == 240 * MS
    assert metrics.tpot_ns(request, "closed") == 10 * MS
    assert metrics.icl_ns(request, "closed") == 20 * MS


def test_an_answer_that_came_in_one_read_has_no_speed() -> None:
    """Nothing was seen of the time between its tokens: neither 0 ms nor infinite tokens/s."""
    request = make_request(chunk_ns=[200 * MS, 0, 0, 0])
    assert metrics.tpot_ns(request, "closed") is None
    assert metrics.output_speed_tps(request, "closed") is None


def test_the_longest_gap_is_a_stall_that_no_mean_hides() -> None:
    """Bug 15: a stall of 2 s between tokens 10 ms apart is seen as 2 s."""
    request = make_request(chunk_ns=[200 * MS, *[10 * MS] * 50, 2 * S, *[10 * MS] * 50])
    assert metrics.icl_ns(request, "closed") == 2 * S


# -- system throughput ---------------------------------------------------------------------------


def test_constant_service_times_give_exactly_their_rate() -> None:
    """Eight streams in step, 50 tokens in 984 ms each: 8 * 50 / 0.984 s."""
    requests = closed_loop(streams=8, rounds=10, ttft_ns=200 * MS, gap_ns=16 * MS, tokens=50)
    assert throughput(requests, 8) == pytest.approx(8 * 50 / 0.984, rel=1e-12)


def test_ramp_and_drain_are_cut_in_tokens_and_in_time_alike() -> None:
    """Bug 12: streams spread over one service time give their true rate; the whole window reads low."""
    requests = closed_loop(
        streams=8, rounds=10, ttft_ns=200 * MS, gap_ns=16 * MS, tokens=50, stagger_ns=123 * MS
    )
    true = 8 * 50 / 0.984
    assert throughput(requests, 8) == pytest.approx(true, rel=0.005)
    whole = 80 * 50 / (10 * 0.984 + 7 * 0.123)
    assert whole < 0.93 * true


def test_a_long_drain_does_not_lower_the_figure() -> None:
    """A last request that takes 100 s more, alone, is drain: it lies behind the steady part."""
    requests = closed_loop(streams=4, rounds=10, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    slow = make_request(
        i=40,
        slot=3,
        sent_ns=10 * S,
        done_ns=110 * S,
        chunk_ns=[10 * S + 200 * MS, *[99_800 * MS // 80] * 80],
    )
    assert throughput([*requests, slow], 4) == pytest.approx(4 * 81 / 1.0, rel=1e-12)


def test_one_stream_gives_its_own_rate() -> None:
    requests = closed_loop(streams=1, rounds=30, ttft_ns=100 * MS, gap_ns=10 * MS, tokens=11)
    assert throughput(requests, 1) == pytest.approx(11 / 0.2, rel=1e-12)


def test_tokens_of_a_chunk_follow_its_characters_where_only_the_total_is_known() -> None:
    """30 requests of two chunks, a quarter and three quarters of 40 tokens: the rate is the same."""
    requests = [
        make_request(
            i=turn,
            sent_ns=turn * S,
            done_ns=(turn + 1) * S,
            chunk_ns=[turn * S + 500 * MS, 500 * MS],
            chunk_chars=[30, 90],
            chunk_tokens=None,
            tokens=make_tokens(usage_output=40),
        )
        for turn in range(30)
    ]
    assert throughput(requests, 1) == pytest.approx(40.0, rel=1e-12)


def test_reasoning_that_was_never_sent_is_no_throughput() -> None:
    """Bug 5: usage of 1,000 a second with 960 hidden is 40 tokens/s to whoever reads."""
    requests = [
        make_request(
            i=turn,
            sent_ns=turn * S,
            done_ns=(turn + 1) * S,
            chunk_ns=[turn * S + 500 * MS, 500 * MS],
            chunk_chars=[80, 80],
            chunk_tokens=None,
            tokens=make_tokens(usage_output=1000, usage_reasoning=960),
        )
        for turn in range(30)
    ]
    assert throughput(requests, 1) == pytest.approx(40.0, rel=1e-12)


def test_failed_requests_give_no_tokens_and_keep_their_time() -> None:
    """Every second answer of a stream fails after its full second: half the tokens in the same time."""
    requests = closed_loop(streams=2, rounds=20, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    mixed = [
        make_failure(i=r.i, slot=r.slot, sent_ns=r.sent_ns, done_ns=r.done_ns) if r.i // 2 % 2 else r
        for r in requests
    ]
    assert throughput(mixed, 2) == pytest.approx(2 * 81 / 1.0 / 2, rel=1e-12)


def test_a_stream_that_never_connected_still_counts_as_busy() -> None:
    """Refused connections must not make a window vanish from the figure: three streams gave all tokens."""
    requests = closed_loop(streams=3, rounds=14, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    refused = [
        make_failure(
            Outcome.CONNECT,
            i=100 + turn,
            slot=3,
            sent_ns=None,
            headers_ns=None,
            done_ns=turn * S,
            status=None,
        )
        for turn in range(1, 15)
    ]
    assert throughput([*requests, *refused], 4) == pytest.approx(3 * 81 / 1.0, rel=1e-12)
    assert metrics.steady_interval_ns([*requests, *refused], 4) == (1 * S, 14 * S)


def test_a_slot_that_never_sent_gives_no_figure() -> None:
    """Four streams were planned and three ran: that is no window at concurrency four."""
    requests = closed_loop(streams=3, rounds=14, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    assert throughput(requests, 4) == Undefined("only 3 of 4 streams were ever busy")


def test_a_slot_that_died_early_ends_the_steady_part() -> None:
    """Bug 3: what the others did after a worker's death is not a rate at the stated concurrency."""
    requests = closed_loop(streams=4, rounds=14, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    alive_4s = [r for r in requests if r.slot != 2 or (r.done_ns or 0) <= 4 * S]
    assert throughput(alive_4s, 4) == pytest.approx(4 * 81 / 1.0, rel=1e-12)
    alive_2s = [r for r in requests if r.slot != 2 or (r.done_ns or 0) <= 2 * S]
    assert throughput(alive_2s, 4) == Undefined(
        "the steady part is shorter than 3 median end-to-end latencies"
    )


def test_streams_that_never_ran_together_give_no_figure() -> None:
    requests = [
        make_request(i=i, slot=i // 15, sent_ns=i * S, done_ns=(i + 1) * S, chunk_ns=[i * S + MS, MS])
        for i in range(30)
    ]
    assert throughput(requests, 2) == Undefined("no part of the window in which every stream was busy")


@pytest.mark.parametrize(("streams", "rounds", "needed"), [(1, 29, 30), (8, 9, 80)])
def test_a_window_too_small_for_its_concurrency_gives_no_figure(
    streams: int, rounds: int, needed: int
) -> None:
    requests = closed_loop(streams=streams, rounds=rounds, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    assert throughput(requests, streams) == Undefined(
        f"{streams * rounds} requests, {needed} are needed at this concurrency"
    )


def test_a_window_without_requests_gives_no_figure() -> None:
    assert throughput([], 1) == Undefined("0 requests, 30 are needed at this concurrency")


def test_a_window_in_which_all_failed_gives_no_figure() -> None:
    requests = [make_failure(i=i, sent_ns=i * S, done_ns=i * S + MS) for i in range(30)]
    assert throughput(requests, 1) == Undefined("no request succeeded")


def test_a_fault_of_our_own_is_not_charged_to_the_providers_throughput() -> None:
    requests = closed_loop(streams=1, rounds=40, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    requests[7] = make_failure(Outcome.CLIENT, i=7, sent_ns=7 * S, done_ns=8 * S)
    assert throughput(requests, 1) == Undefined("our own client failed within the window")


def test_a_success_without_a_token_count_gives_no_figure() -> None:
    requests = closed_loop(streams=1, rounds=30, ttft_ns=200 * MS, gap_ns=10 * MS, tokens=81)
    requests[3] = make_request(
        i=3,
        sent_ns=3 * S,
        done_ns=4 * S,
        chunk_ns=[3 * S + 200 * MS, 800 * MS],
        chunk_tokens=None,
        tokens=make_tokens(),
    )
    assert throughput(requests, 1) == Undefined("a successful request without a token count")


def test_an_open_loop_gives_no_system_throughput() -> None:
    window = make_window(
        [make_request()], load=make_load(kind="open", concurrency=None, rate_per_s=2.0, arrivals="poisson")
    )
    assert metrics.system_throughput_tps(window, STEADY_RULES) == Undefined("not a closed loop")


def test_an_import_gives_no_system_throughput() -> None:
    imported = [
        make_request(i=i, sent_ns=None, chunk_ns=[], ttft_ns=MS, e2e_ns=S, slot=None) for i in range(30)
    ]
    window = make_window(imported, stamps="durations")
    assert metrics.system_throughput_tps(window, STEADY_RULES) == Undefined(
        "durations only: the source gives no stamps"
    )


# -- the table of a window -----------------------------------------------------------------------


def test_a_table_counts_every_request_and_charges_none_of_our_own_faults() -> None:
    """Bug 3: five of fifteen failed is a third, and stays a third."""
    requests = [
        *(make_request(i=i) for i in range(10)),
        *(make_failure(i=10 + i) for i in range(5)),
        make_failure(Outcome.CLIENT, i=15),
    ]
    table = metrics.tabulate(make_window(requests), STEADY_RULES)
    assert table.outcomes == {Outcome.OK: 10, Outcome.SERVER_ERROR: 5, Outcome.CLIENT: 1}
    assert (table.successes, table.requests) == (10, 15)


def test_a_table_holds_values_in_the_unit_of_their_name() -> None:
    """Failures shorten the list; they add neither zero nor infinity to it."""
    table = metrics.tabulate(make_window([make_request(), make_failure(i=1)]), STEADY_RULES)
    assert table.values == {
        "ttft_ms": (200.0,),
        "e2e_ms": (230.0,),
        "tpot_ms": (10.0,),
        "output_speed_tps": (pytest.approx(100.0),),
        "icl_max_ms": (10.0,),
        "first_gap_paces": (),
    }


def test_a_table_uses_the_start_of_its_windows_load() -> None:
    request = make_request(scheduled_ns=10 * MS, sent_ns=130 * MS)
    open_load = make_load(kind="open", concurrency=None, rate_per_s=1.0, arrivals="constant")
    table = metrics.tabulate(make_window([request], load=open_load), STEADY_RULES)
    assert table.values["ttft_ms"] == (190.0,)


def test_our_delay_behind_schedule_does_not_hold_the_providers_handshake() -> None:
    """Due at 10 ms, look-up begun at 14 ms, sent after 50 ms of connecting: we were 4 ms late."""
    request = make_request(scheduled_ns=10 * MS, sent_ns=64 * MS, connection=COLD)
    table = metrics.tabulate(make_window([request, make_request(i=1)]), STEADY_RULES)
    assert table.schedule_delay_ms == (4.0,)


def test_a_tables_times_are_its_clocks() -> None:
    table = metrics.tabulate(make_window([], clock=make_clock(duration_ns=None)), STEADY_RULES)
    assert table.end_unix_ns == table.start_unix_ns
    table = metrics.tabulate(make_window([], clock=make_clock(duration_ns=5)), STEADY_RULES)
    assert table.end_unix_ns == table.start_unix_ns + 5


def test_every_metric_says_in_words_what_it_is() -> None:
    """The glossary is made from these docstrings: each begins with the term and ends as a sentence."""
    for metric, _ in metrics.REQUEST_METRICS.values():
        first_line = (metric.__doc__ or "").splitlines()[0]
        assert ":" in first_line or "," in first_line
        assert "ndefined" in (metric.__doc__ or "")


def open_window(bound: int | None, *stamps: tuple[int, int, int]) -> Window:
    """(scheduled, sent, done) of each request, in ms."""
    load = make_load(kind="open", concurrency=bound, rate_per_s=1.0, arrivals="constant")
    requests = [
        make_request(i=i, scheduled_ns=due * MS, sent_ns=sent * MS, done_ns=done * MS)
        for i, (due, sent, done) in enumerate(stamps)
    ]
    return make_window(requests, load=load)


def delays_ms(window: Window) -> list[tuple[float, float]]:
    return [(own / MS, wait / MS) for own, wait in metrics.schedule_delays_ns(window)]


def test_waiting_for_one_of_too_many_to_end_is_no_delay_of_ours() -> None:
    """Two lines, busy until 100 and 130: what is due at 50 is late from 100 on, the next one from 130 on."""
    window = open_window(2, (0, 1, 100), (10, 10, 130), (50, 103, 180), (60, 134, 190), (200, 202, 210))
    assert delays_ms(window) == [(1, 0), (0, 0), (3, 50), (4, 70), (2, 0)]
    assert metrics.tabulate(window, STEADY_RULES).bound_wait_ms == (50.0, 70.0)


def test_a_line_that_was_free_is_no_excuse() -> None:
    """Sent at 103 on three lines: two were busy, the third was not, so all of it is our own delay."""
    assert delays_ms(open_window(3, (0, 1, 100), (10, 10, 130), (50, 103, 180)))[2] == (53, 0)


def test_where_no_bound_is_stated_all_delay_is_ours() -> None:
    for bound in (None, 0, -1):  # a bound that lets nobody through is none
        assert delays_ms(open_window(bound, (0, 1, 100), (10, 103, 130)))[1] == (93, 0)


def test_our_lag_in_a_window_is_that_of_all_its_chunks_by_the_nearest_rank() -> None:
    lags = [make_request(i=i, chunk_lag_ns=[MS] * 33 + [9 * MS] * (i == 0)) for i in range(3)]
    assert metrics.tabulate(make_window(lags), STEADY_RULES).lag_p99_ms == 1.0
    lags[1] = make_request(i=1, chunk_lag_ns=[9 * MS] * 33)
    assert metrics.tabulate(make_window(lags), STEADY_RULES).lag_p99_ms == 9.0
    unstamped = make_window([make_request(chunk_lag_ns=None)])
    assert metrics.tabulate(unstamped, STEADY_RULES).lag_p99_ms is None
