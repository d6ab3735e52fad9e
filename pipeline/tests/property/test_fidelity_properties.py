"""Scores and shapes that no spacing, order or company of a reply may change."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.measure.workload import PROBE_KINDS, Probe, score
from fairlead.measure.workload.draws import Draws
from fairlead.measure.workload.probes import make_probe
from fairlead.smoothness import observe

from ..examples import make_request, make_window

TITLE = ("silver", "curtain", "lever")
BLANKS = st.text(" \t", max_size=4)
LINES = st.text(" \t\n", max_size=4)
MARKS = st.sampled_from(["Answer:", "answer:", "**Answer:**", "# Answer :", "> Answer:"])
BEFORE = st.sampled_from(["", "\n", "Sure, here it is.\n", "<think>Answer: 1</think>\n"])
AFTER = st.sampled_from(["", "\n", "\nOnce upon a time", "\nAnswer: 12", "  \n\nThe end."])


@st.composite
def probes(draw: st.DrawFn) -> tuple[Probe, Probe]:
    """Two probes of one kind, whose answers may be the same by chance."""
    kind = draw(st.sampled_from(PROBE_KINDS))
    keys = draw(st.lists(st.integers(0, 10**9), min_size=2, max_size=2, unique=True))
    first, second = (make_probe(kind, Draws(str(key)), TITLE) for key in keys)
    return first, second


@st.composite
def spaced(draw: st.DrawFn, probe: Probe) -> tuple[str | None, str | None]:
    """A reply that gives the probe's answer, with any spacing that the rule allows."""
    if probe.kind == "tool-call":
        indent = draw(st.sampled_from([None, 1, 4]))
        call = json.loads(probe.expected)
        call["arguments"] = json.dumps(call["arguments"], indent=indent)
        return draw(st.none() | st.just("Booked.")), json.dumps([call], indent=indent)
    answer = probe.expected
    if probe.kind == "json":
        answer = json.dumps(json.loads(answer), indent=draw(st.sampled_from([None, 2])))
    gap = draw(LINES if probe.kind != "copy" else BLANKS)
    text = draw(BEFORE) + draw(MARKS) + gap + answer + draw(BLANKS) + draw(AFTER)
    return text, None


@given(st.data())
def test_the_right_answer_scores_in_any_spacing_and_a_wrong_one_in_none(data: st.DataObject) -> None:
    probe, other = data.draw(probes())
    assert score(probe, *data.draw(spaced(probe))) is True
    assert score(probe, *data.draw(spaced(other))) is (probe.expected == other.expected)


@given(st.data(), st.text(max_size=200))
def test_no_reply_that_lacks_the_answer_scores_whatever_it_says(data: st.DataObject, text: str) -> None:
    probe, _ = data.draw(probes())
    if probe.kind in ("json", "tool-call") or probe.expected not in "".join(filter(str.isalnum, text)):
        assert score(probe, text, None) is not True


GAPS = st.lists(st.integers(0, 10**10), min_size=0, max_size=30)


@settings(max_examples=50)
@given(st.lists(GAPS, min_size=1, max_size=6), st.integers(1, 10**9))
def test_shapes_are_those_of_plain_arithmetic(replies: list[list[int]], first: int) -> None:
    requests = [
        make_request(i=i, chunk_ns=[first, *gaps], chunk_chars=[3] * (len(gaps) + 1))
        for i, gaps in enumerate(replies)
    ]
    seen = observe(make_window(requests))
    for at, gaps in enumerate(replies):
        between = sorted(gap for gap in gaps if gap)
        assert seen.reads[at] == len(between)
        assert seen.same_read[at] == len(gaps) - len(between)
        np.testing.assert_equal(seen.gap_max_ms[at], max(gaps) / 1e6 if gaps else np.nan)
        pace = between[(len(between) + 1) // 2 - 1] / 1e6 if between else np.nan
        np.testing.assert_equal(seen.pace_ms[at], pace)
    assert seen.gap_count.sum() == sum(map(len, replies))
