"""What holds of the prompts of any seed, kind and length."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.measure.workload import (
    FRAME_WORDS,
    KINDS,
    PROBE_KINDS,
    Workload,
    ask,
    label,
    probe,
    prompt,
    repeated,
    score,
)
from fairlead.measure.workload.draws import Draws, distinct_bytes
from fairlead.measure.workload.probes import make_probe

seeds = st.binary(min_size=1, max_size=32).map(bytes.hex)
kinds = st.sampled_from(KINDS)
indices = st.integers(0, 100_000)
workloads = st.builds(
    Workload, kind=kinds, input_words=st.integers(1, 400), max_tokens=st.integers(1, 100_000)
)


@given(workloads, seeds, indices)
def test_a_prompt_is_made_of_its_arguments_alone_and_is_plain_ascii(workload, seed, index):
    first = ask(workload, seed, index)
    ask(workload, seed, index + 1)
    assert ask(workload, seed, index) == first
    assert first.text.isascii()
    assert first.label == label(workload, seed, index)


@given(workloads, seeds, indices)
def test_a_prompt_is_as_long_as_its_material_and_a_bounded_frame(workload, seed, index):
    words = len(prompt(workload, seed, index).split())
    assert workload.input_words < words <= workload.input_words + FRAME_WORDS


@settings(max_examples=10)
@given(kinds, seeds, st.integers(0, 60_000))
def test_no_two_prompts_of_a_seed_share_their_first_two_words(kind, seed, start):
    workload = Workload(kind=kind, input_words=5, max_tokens=9)
    numbers = [i for i in range(start, start + 100) if repeated(workload, seed, i) is None]
    openings = [tuple(prompt(workload, seed, i).split()[:2]) for i in numbers]
    assert len(set(openings)) == len(openings)


@settings(max_examples=10)
@given(kinds, st.lists(seeds, min_size=2, max_size=3, unique=True))
def test_no_two_prompts_of_any_seeds_share_a_long_beginning(kind, some):
    workload = Workload(kind=kind, input_words=60, max_tokens=9)
    texts = sorted(
        prompt(workload, seed, i) for seed in some for i in range(40) if repeated(workload, seed, i) is None
    )
    for one, other in itertools.pairwise(texts):  # of a sorted list, neighbours share the most
        assert one[:40] != other[:40]


@given(seeds, st.integers(0, 2**24 - 1), st.integers(0, 2**24 - 1))
def test_titles_are_distinct_by_their_make_and_not_by_luck(seed, one, other):
    if one != other:
        assert distinct_bytes(seed, one) != distinct_bytes(seed, other)
    if one % 65_536 != other % 65_536:
        assert distinct_bytes(seed, one)[:2] != distinct_bytes(seed, other)[:2]


def test_the_first_two_bytes_of_a_title_are_a_permutation_of_all_pairs():
    assert len({distinct_bytes("any", index)[:2] for index in range(65_536)}) == 65_536


@given(seeds, st.integers(4, 100_000))
def test_a_repeat_has_an_original_before_it_that_is_no_repeat(seed, index):
    workload = Workload(kind="chat-repeats", input_words=5, max_tokens=9)
    original = repeated(workload, seed, index)
    if original is not None:
        assert 0 <= original < index
        assert repeated(workload, seed, original) is None


@given(st.sampled_from(PROBE_KINDS), st.text(max_size=40), st.text(max_size=200), st.text(max_size=200))
def test_any_reply_is_right_or_wrong_and_never_an_error(kind, key, text, tool_calls):
    known = make_probe(kind, Draws(key), ("one", "two", "three"))
    assert score(known, text, tool_calls) in (True, False)


@given(seeds, st.integers(0, 10_000), st.text(alphabet="abc \n", max_size=50))
def test_what_follows_the_answer_changes_no_verdict(seed, index, story):
    workload = Workload(kind="probes", input_words=5, max_tokens=9)
    known = probe(workload, seed, index)
    assert known is not None
    if known.kind != "tool-call":
        assert score(known, f"Answer: {known.expected}\n{story}", None) is True
