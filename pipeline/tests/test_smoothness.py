"""What the timing of chunks shows: closed forms, planted behaviour, and honest streams that show nothing."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from fairlead import smoothness
from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.truth import ReferenceProfile
from fairlead.metrics import Undefined
from fairlead.ranking import INTERVALS
from fairlead.smoothness import Pattern, Replies, SmoothRules, observe, statements
from fairlead.windows import Outcome, Request, Window

from .examples import MS, make_failure, make_request, make_tokens, make_window

RULES = SmoothRules(
    replies_min=20,
    replies_share_min=0.5,
    reads_min=8,
    bundle_tokens_min=2.0,
    same_read_share_min=0.5,
    opening_reads_min=5.0,
    early_gap_paces_min=20.0,
    steady_spread_max=0.05,
    steady_wait_share_min=0.5,
)
TOKENS = 60


def reply(i: int, first_ms: float, gaps_ms: Sequence[float], **more: object) -> Request:
    chunks = [round(first_ms * MS), *(round(gap * MS) for gap in gaps_ms)]
    text = "word" * len(chunks)
    return make_request(**({"i": i, "chunk_ns": chunks, "text": text, "finish": "length"} | more))


def window(draw: Callable[[random.Random, int], Request], seed: int = 1, n: int = 30) -> Window:
    source = random.Random(seed)
    return make_window([draw(source, i) for i in range(n)])


def jitter(source: random.Random, pace_ms: float = 10.0, log_sd: float = 0.3) -> float:
    return pace_ms * source.lognormvariate(0, log_sd)


def honest(source: random.Random, i: int) -> Request:
    return reply(i, source.lognormvariate(5.3, 0.3), [jitter(source) for _ in range(TOKENS - 1)])


def patterns(*windows: Window) -> dict[Pattern, smoothness.Statement]:
    found = statements([observe(each) for each in windows], RULES)
    return {statement.pattern: statement for statement in found}


# -- closed forms --------------------------------------------------------------------------------


def test_the_numbers_of_one_reply_by_hand() -> None:
    """Reads at 0, 10, 30 (two chunks), 40 ms after the first; the pace is the median of 10, 20, 10."""
    request = make_request(
        chunk_ns=[200 * MS, 10 * MS, 20 * MS, 0, 10 * MS],
        chunk_chars=[1, 4, 3, 3, 4],
        text=" abcdefghijklmn",
        tokens=make_tokens(counted=7),
    )
    seen = observe(make_window([request]))
    assert (seen.chunks[0], seen.tokens[0], seen.same_read[0], seen.reads[0]) == (5, 7, 1, 3)
    assert (seen.ttft_ms[0], seen.e2e_ms[0], seen.gap_max_ms[0], seen.pace_ms[0]) == (200, 240, 20, 10)
    assert seen.spread[0] == 1.0
    assert seen.first_gap_ms[0] == 10
    assert seen.opening_reads[0] == 1 / 4
    assert seen.is_blank[0]
    assert (seen.gap_ns.tolist(), seen.gap_count.tolist()) == ([0, 10 * MS, 20 * MS], [1, 2, 1])


def test_the_opening_is_what_came_within_half_a_pace_of_the_first_chunk() -> None:
    request = reply(0, 200, [1, 1, 1, *[10] * 10])
    assert observe(make_window([request])).opening_reads[0] == 4


def test_replies_do_not_mix() -> None:
    """The numbers of a reply are the same alone and among others, whatever lies beside it."""
    source = random.Random(5)
    requests = [reply(0, 100, []), honest(source, 1), reply(2, 50, [0, 0, 0]), honest(source, 3)]
    together = observe(make_window(requests))
    for at, request in enumerate(requests):
        alone = observe(make_window([request]))
        for field in dataclasses.fields(Replies):
            if not field.name.startswith("gap_") or field.name == "gap_max_ms":
                ours, theirs = getattr(together, field.name)[at], getattr(alone, field.name)[0]
                np.testing.assert_array_equal(ours, theirs, field.name)


@pytest.mark.parametrize(
    "request_",
    [
        make_failure(),
        make_request(chunk_ns=[], chunk_chars=[]),
        make_request(chunk_chars=[4]),
        make_request(chunk_ns=[MS, -1, MS, MS]),
        make_request(outcome=Outcome.TRUNCATED),
    ],
)
def test_what_failed_or_disagrees_with_itself_is_left_out_and_never_an_error(request_: Request) -> None:
    assert observe(make_window([request_])).i.tolist() == []
    assert observe(make_window([request_, reply(7, 10, [1])])).i.tolist() == [7]


@pytest.mark.parametrize("extreme", [0, 1, 2**53, 2**63 - 1])
def test_a_hostile_window_gives_numbers_or_none_and_never_an_error(extreme: int) -> None:
    """Sums that overflow, a thousand chunks of nothing, a kind that lies."""
    requests = [
        make_request(i=0, chunk_ns=[extreme] * 12, chunk_chars=[extreme] * 12, chunk_kind="x9"),
        make_request(i=-1, chunk_ns=[extreme, *[0] * 999], chunk_chars=[0] * 1000, text=""),
        make_request(
            i=2**63 - 1, chunk_ns=[0, extreme], chunk_chars=[1, extreme], tokens=make_tokens(counted=0)
        ),
    ]
    seen = [observe(make_window(requests * 10))]
    statements(seen, RULES)
    assert smoothness.stutter_share(seen, 500, rules=INTERVALS).n == 30


def test_a_whole_answer_has_no_stream() -> None:
    assert not observe(make_window([reply(0, 100, [])], dialect="openai-chat-whole")).i.size


def test_nothing_measured_gives_reasons_and_no_statement() -> None:
    empty = observe(make_window([]))
    assert statements([], RULES) == statements([empty], RULES) == ()
    assert isinstance(smoothness.icl_p99_ms([empty], confidence=0.95), Undefined)
    assert isinstance(smoothness.tokens_per_chunk([empty]), Undefined)
    assert isinstance(smoothness.same_read_share([empty]), Undefined)
    assert smoothness.stutter_share([empty], 500, rules=INTERVALS).value is None


# -- figures -------------------------------------------------------------------------------------


def test_icl_p99_is_that_of_all_gaps_to_three_digits_and_needs_as_many_replies_as_a_p99() -> None:
    seen = [observe(window(honest, seed)) for seed in range(10)]
    gaps = np.concatenate([r.chunk_ns[1:] for seed in range(10) for r in window(honest, seed).requests]) / MS
    found = smoothness.icl_p99_ms(seen, confidence=0.95)
    assert found == pytest.approx(np.quantile(gaps, 0.99, method="inverted_cdf"), rel=0.005)
    assert isinstance(smoothness.icl_p99_ms(seen[:9], confidence=0.95), Undefined)


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 0), (999, 999), (1_234, 1_230), (1_235, 1_240), (9_999, 10_000)]
)
def test_a_gap_is_kept_to_three_digits(value: int, rounded: int) -> None:
    seen = observe(make_window([make_request(chunk_ns=[5, value], chunk_chars=[1, 1])]))
    assert seen.gap_ns.tolist() == [rounded]


def test_stutter_counts_replies_with_a_gap_above_the_limit_and_only_those() -> None:
    at_limit, above = reply(0, 100, [500.0, 1]), reply(1, 100, [500.001, 1])
    seen = observe(make_window([at_limit, above, reply(2, 100, []), make_failure(i=3)]))
    share = smoothness.stutter_share([seen, seen], 500, rules=INTERVALS)
    assert (share.value, share.n, share.windows) == (0.5, 4, 2)


def test_tokens_per_chunk_and_same_read_by_hand() -> None:
    bundle = reply(0, 100, [0, 10, 0], tokens=make_tokens(counted=20))
    unknown = reply(1, 100, [10], tokens=make_tokens())
    seen = [observe(make_window([bundle, unknown]))]
    assert smoothness.tokens_per_chunk(seen) == 5
    assert smoothness.same_read_share(seen) == 0.5


# -- planted behaviour ---------------------------------------------------------------------------


def bundling(source: random.Random, i: int) -> Request:
    gaps = [jitter(source, 50) for _ in range(11)]
    return reply(i, 200, gaps, tokens=make_tokens(counted=60))


def gathering(source: random.Random, i: int) -> Request:
    """Several events in one read."""
    return reply(i, 200, [gap for _ in range(12) for gap in (0, 0, 0, 0, jitter(source, 50))])


def holding_back(source: random.Random, i: int) -> Request:
    """Twenty tokens kept, then let go at a tenth of a millisecond each."""
    return reply(i, 400, [*[0.1] * 19, *(jitter(source) for _ in range(40))])


def faking_first(source: random.Random, i: int) -> Request:
    """A blank at once, the first word after 600 ms."""
    gaps = [600, *(jitter(source) for _ in range(58))]
    return reply(i, 30, gaps, text="\u200b   " + "word" * 59)


def replaying(source: random.Random, i: int) -> Request:
    return reply(i, 900, [5 * source.uniform(0.99, 1.01) for _ in range(59)])


@pytest.mark.parametrize(
    ("planted", "pattern"),
    [
        (bundling, Pattern.BUNDLED),
        (gathering, Pattern.BUNDLED),
        (holding_back, Pattern.HELD_BACK),
        (faking_first, Pattern.EARLY_FIRST),
        (replaying, Pattern.METRONOME),
    ],
)
def test_each_planted_behaviour_is_stated_and_nothing_else_is(
    planted: Callable[[random.Random, int], Request], pattern: Pattern
) -> None:
    found = patterns(window(planted))
    assert set(found) == {pattern}
    assert (found[pattern].shown, found[pattern].of) == (30, 30)


def test_a_statement_gives_its_figures() -> None:
    assert patterns(window(faking_first))[Pattern.EARLY_FIRST].words.startswith(
        "in 30 of 30 replies the second read came 600 ms after the first and later ones 10."
    )
    assert patterns(window(faking_first))[Pattern.EARLY_FIRST].words.endswith(
        "in 30 of them the first showed nothing"
    )
    assert "brought what otherwise takes 20 reads" in patterns(window(holding_back))[Pattern.HELD_BACK].words
    assert "5.0 tokens per chunk overall" in patterns(window(bundling))[Pattern.BUNDLED].words


def test_a_fake_first_word_is_seen_though_it_is_no_blank() -> None:
    def fake(source: random.Random, i: int) -> Request:
        return reply(i, 30, [600, *(jitter(source) for _ in range(58))])

    words = patterns(window(fake))[Pattern.EARLY_FIRST].words
    assert words.endswith("in 0 of them the first showed nothing")


@pytest.mark.parametrize("shown", [14, 15])
def test_a_pattern_is_stated_from_the_share_of_replies_on_that_the_rules_ask_for(shown: int) -> None:
    source = random.Random(3)
    mixed = make_window([(holding_back if i < shown else honest)(source, i) for i in range(30)])
    assert (Pattern.HELD_BACK in patterns(mixed)) == (shown >= 15)


def test_too_few_replies_say_nothing() -> None:
    assert not patterns(window(holding_back, n=19))
    assert patterns(window(holding_back, n=20))


def test_a_reply_with_few_reads_has_no_pace_to_depart_from() -> None:
    def short(source: random.Random, i: int) -> Request:
        return reply(i, 30, [600, 1, 1, 1, 1, 1])

    assert not patterns(window(short))


@pytest.mark.parametrize("log_sd", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("stall_ms", [0, 2_000])
def test_honest_streams_are_never_accused(log_sd: float, stall_ms: float) -> None:
    """Forty seeded windows each: jitter from small to large, with or without a stall in each reply."""

    def draw(source: random.Random, i: int) -> Request:
        gaps = [jitter(source, log_sd=log_sd) for _ in range(TOKENS - 1)]
        gaps[source.randrange(len(gaps))] += stall_ms
        return reply(i, source.lognormvariate(5.3, 0.5), gaps)

    assert [patterns(window(draw, seed)) for seed in range(40)] == [{}] * 40


# -- over real sockets ---------------------------------------------------------------------------


def measured(profile: ReferenceProfile, tmp_path) -> Window:
    with start_reference(profile) as reference:
        plan = Plan(
            url=reference.url, model="reference", concurrency=4, requests=24, seed="0a", max_tokens=24,
            input_words=20, ramp_ns=0,
        )  # fmt: skip
        return measure_window(plan, spool=tmp_path / "spool").window


def test_the_reference_that_bundles_is_said_to_and_its_tokens_per_chunk_are_the_planted_ones(
    tmp_path,
) -> None:
    profile = ReferenceProfile(ttft_median_ms=10, icl_median_ms=4, icl_log_sd=0.5, tokens_per_chunk=3)
    seen = measured(profile, tmp_path)
    assert smoothness.tokens_per_chunk([observe(seen)]) == 3
    assert Pattern.BUNDLED in patterns(seen)


def test_the_reference_that_streams_token_by_token_is_not(tmp_path) -> None:
    profile = ReferenceProfile(ttft_median_ms=10, icl_median_ms=4, icl_log_sd=0.5)
    seen = measured(profile, tmp_path)
    assert smoothness.tokens_per_chunk([observe(seen)]) == 1
    assert patterns(seen) == {}


def test_a_planted_stall_is_a_stutter(tmp_path) -> None:
    profile = ReferenceProfile(ttft_median_ms=5, icl_median_ms=1, stall_share=1.0, stall_ms=150)
    seen = measured(profile, tmp_path)
    first = [request.chunk_ns[0] for request in seen.requests]
    assert len(first) == 24
    share = smoothness.stutter_share([observe(seen)], 100, rules=INTERVALS)
    assert share.value is not None
    assert share.value > 0.8  # a stall of the first chunk is a wait, and no gap
