"""The provider's usage beside our count: what is a finding, what is none, and what can be said of neither."""

from __future__ import annotations

import dataclasses

import pytest

from fairlead.tokens import count
from fairlead.usage import Disagreement, Usage, as_data, combine, disagreement, examine, sentences
from fairlead.windows import Outcome, Request

from .examples import make_request, make_tokens, make_window
from .tokenizer_example import pin, reply, words

# -- one request ---------------------------------------------------------------------------------


def stated(counted: int | None, usage: int | None, **more: object) -> Request:
    return make_request(tokens=make_tokens(counted=counted, usage_output=usage), **more)


def test_a_usage_above_the_limit_is_a_finding_with_its_sign():
    found = disagreement([stated(100, 106, i=3), stated(100, 94, i=4), stated(100, 105, i=5)], 0.05)
    assert found == [
        Disagreement(i=3, counted=100, usage=106, share=0.06),
        Disagreement(i=4, counted=100, usage=94, share=-0.06),
    ]


def test_the_mark_that_ends_an_answer_is_no_disagreement_however_short_the_answer():
    assert disagreement([stated(3, 4), stated(3, 2)], 0.05) == []
    assert [found.usage for found in disagreement([stated(3, 5)], 0.05)] == [5]


def test_a_limit_of_zero_still_allows_that_mark_and_nothing_more():
    assert [found.usage for found in disagreement([stated(100, 101), stated(100, 102)], 0)] == [102]


def test_reasoning_that_was_billed_and_never_sent_is_taken_off():
    hidden = make_tokens(counted=100, usage_output=900, usage_reasoning=800)
    sent = make_tokens(counted=900, usage_output=900, usage_reasoning=800)
    assert disagreement([make_request(tokens=hidden)], 0.05) == []
    assert disagreement([make_request(tokens=sent, chunk_kind="r2t2")], 0.05) == []
    assert len(disagreement([make_request(tokens=hidden, chunk_kind="r2t2")], 0.05)) == 1


@pytest.mark.parametrize(
    "request_",
    [
        stated(None, 50),
        stated(50, None),
        stated(0, 50),
        stated(50, 99, outcome=Outcome.TRUNCATED),
        make_request(tokens=make_tokens(counted=5, usage_output=5, usage_reasoning=50)),
    ],
)
def test_a_request_without_two_figures_that_can_be_compared_is_no_finding(request_):
    assert disagreement([request_], 0.05) == []


def test_padding_a_usage_figure_shows_in_a_counted_window(tmp_path):
    by_word = pin(words(), tmp_path)
    honest = reply(("t", "anchor " * 40), i=0, tokens=make_tokens(usage_output=41))
    padded = reply(("t", "anchor " * 40), i=1, tokens=make_tokens(usage_output=60))
    window = count(make_window([honest, padded]), by_word)
    assert [(found.i, found.share) for found in disagreement(window.requests, 0.05)] == [(1, 0.5)]


# -- a window ------------------------------------------------------------------------------------


def examined(*requests: Request, limit: float = 0.05) -> Usage:
    found = examine(make_window(list(requests), tokenizer_sha256="ab" * 32), limit)
    assert found is not None
    return found


def test_a_window_that_no_tokenizer_counted_has_nothing_to_hold_against_usage():
    assert examine(make_window([stated(100, 200)], tokenizer_sha256=None), 0.05) is None


def test_a_window_gives_totals_and_its_worst_request():
    found = examined(stated(100, 120, i=0), stated(200, 200, i=1), stated(50, 35, i=2))
    assert (found.compared, found.counted_tokens, found.usage_tokens) == (3, 350, 355)
    assert found.share == pytest.approx(5 / 350)
    assert (found.findings, found.worst) == (2, Disagreement(i=2, counted=50, usage=35, share=-0.3))


def test_a_padding_of_a_fifth_is_a_finding_in_every_request():
    found = examined(*(stated(100, 120, i=i) for i in range(10)))
    assert (found.findings, found.share) == (10, pytest.approx(0.2))


def test_usage_that_is_missing_or_contradicts_itself_is_counted_and_said():
    broken = make_request(tokens=make_tokens(counted=5, usage_output=5, usage_reasoning=50))
    found = examined(stated(100, None), broken, stated(100, 100))
    assert (found.without_usage, found.compared) == (2, 1)
    assert any("no usage is stated for 2 requests" in sentence for sentence in sentences(found))


def test_a_reply_that_could_not_be_counted_is_counted_as_such_and_said():
    found = examined(stated(None, 100))
    assert (found.uncounted, found.compared, found.share) == (1, 0, None)
    said = sentences(found)
    assert said[0] == "no request has both a count and a usage figure"
    assert any("1 request could not be counted" in sentence for sentence in said)


def test_a_failed_request_says_nothing_of_usage():
    assert examined(stated(100, 900, outcome=Outcome.TRUNCATED)) == Usage(limit=0.05)


def test_an_answer_of_white_space_alone_is_no_missing_usage():
    assert examined(stated(0, 1)) == Usage(limit=0.05)


def test_reasoning_that_was_billed_and_not_sent_is_no_finding_and_is_shown():
    hidden = make_request(tokens=make_tokens(counted=100, usage_output=900, usage_reasoning=800))
    found = examined(hidden)
    assert (found.findings, found.usage_tokens, found.unsent_reasoning) == (0, 100, 800)
    assert "800 tokens were stated as reasoning that was not sent" in sentences(found)


def test_of_a_summary_of_reasoning_the_rest_is_a_finding_and_shown_as_unsent():
    summary = make_request(
        chunk_kind="r2t2",
        chunk_tokens=[10, 10, 40, 40],
        tokens=make_tokens(counted=100, usage_output=880, usage_reasoning=800),
    )
    found = examined(summary)
    assert (found.findings, found.unsent_reasoning) == (1, 780)


@pytest.mark.parametrize("kinds", ["", "r999999999t999999999", "rrr", "x1", "r²", "t1"])
def test_run_lengths_that_make_no_sense_break_nothing(kinds):
    odd = make_request(chunk_kind=kinds, tokens=make_tokens(counted=4, usage_output=4, usage_reasoning=2))
    assert examined(odd).unsent_reasoning <= 2


def test_parts_add_up_and_the_furthest_off_is_kept():
    parts = [examined(stated(100, 120, i=0)), examined(stated(100, 130, i=7)), examined(stated(100, None))]
    total = combine(parts, 0.05)
    assert (total.compared, total.findings, total.without_usage) == (2, 2, 1)
    assert total.worst == parts[1].worst
    assert combine([], 0.05) == Usage(limit=0.05)


def test_the_sentences_carry_the_figures_and_the_limit():
    found = examined(*(stated(1000, 1200, i=i) for i in range(10)))
    assert sentences(found) == [
        "12,000 tokens stated, 10,000 counted (+20.0%) over 10 requests",
        "finding: 10 requests off by more than 0.05 of the count, at worst 1,200 stated for 1,000 (+20.0%)",
    ]
    assert sentences(examined(stated(1000, 1000)))[1] == "none is off by more than 0.05 of its count"


def test_the_figures_for_machines_hold_every_field_and_the_share():
    data = as_data(examined(stated(100, 120, i=3)))
    assert data is not None
    assert set(data) == {field.name for field in dataclasses.fields(Usage)} | {"share"}
    assert data["worst"] == {"i": 3, "counted": 100, "usage": 120, "share": 0.2}
    assert as_data(None) is None
