"""Prompts from a seed: the same bytes everywhere, no two alike."""

from __future__ import annotations

import hashlib
import re

import pytest

from fairlead.measure.workload import WORDS, Workload, definition_sha256, prompt

SMALL = Workload(input_words=30, max_tokens=64)
FROZEN = "a407e51db2806b4f79d3b527add33c727e40311be3cb8fb9e8b15818cceb325d"
WORDS_SHA256 = "35abce84c405c164d9af45ca5bebf851bed9ed672eea416bd1c4bc60bb692f08"


def test_the_prompt_of_a_seed_and_index_is_the_same_text_on_any_machine():
    assert prompt(SMALL, "00", 1) == (
        "Reference 86437c098ede4c49bbf42bd6. The notes below were taken in no order.\n\n"
        "Oar plough magnet cedar moth plank flint moth fountain kiln bread copper. Poplar pine gull hinge "
        "falcon marsh lily crown raft cherry cradle robin. Robin harvest granite bolt bridge forge.\n\n"
        "Using every word of the notes, write one continuous chronicle of at least 128 words in plain "
        "English. Do not list, do not summarise, do not stop early, and do not comment on the task."
    )


def test_the_definition_of_the_workload_is_frozen_by_its_digest():
    assert definition_sha256(SMALL) == FROZEN
    assert hashlib.sha256(" ".join(WORDS).encode()).hexdigest() == WORDS_SHA256
    assert definition_sha256(Workload(input_words=31, max_tokens=64)) != definition_sha256(SMALL)


def test_there_are_256_different_words_so_that_a_byte_is_a_word():
    assert len(WORDS) == len(set(WORDS)) == 256
    assert all(re.fullmatch("[a-z]+", word) for word in WORDS)


@pytest.mark.parametrize("words", [1, 11, 12, 13, 200, 5000])
def test_the_notes_have_the_set_number_of_words(words):
    notes = prompt(Workload(input_words=words, max_tokens=8), "ab", 0).split("\n\n")[1]
    assert len(notes.split()) == words
    assert set(notes.lower().replace(".", "").split()) <= set(WORDS)


def test_no_two_prompts_share_more_than_the_first_word():
    openings = {prompt(SMALL, seed, i)[:24] for seed in ("00", "01", "0000") for i in range(300)}
    assert len(openings) == 900


def test_the_answer_asked_for_is_longer_than_its_limit():
    assert "at least 2000 words" in prompt(Workload(input_words=5, max_tokens=1000), "00", 0)


@pytest.mark.parametrize(("words", "tokens"), [(0, 1), (1, 0), (-1, 1), (1_000_001, 1), (1, 1_000_001)])
def test_lengths_outside_their_bounds_are_refused(words, tokens):
    with pytest.raises(ValueError):
        Workload(input_words=words, max_tokens=tokens)
