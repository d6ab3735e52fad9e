"""Prompts from a seed: the same bytes everywhere, no two alike, probes and repeats where they belong."""

from __future__ import annotations

import collections
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from fairlead import model, repository
from fairlead.measure import workload
from fairlead.measure.workload import (
    KINDS,
    PROBE_KINDS,
    WORDS,
    Workload,
    ask,
    definition_sha256,
    label,
    probe,
    prompt,
    repeated,
)
from fairlead.measure.workload.draws import Draws
from fairlead.measure.workload.material import TASKS, write_material

SMALL = Workload(input_words=30, max_tokens=64)
TIMED_KINDS = ("chat", "long-context", "code", "extraction")

# Another digest here means other prompts: that needs another ID, and a changelog entry.
FROZEN = {
    "chat": "caeb51d22e161398d25e8ac842fb0bd3cc1bc422a13cdf47738da2f5b9d88750",
    "long-context": "419c7efab9cd28fdfc35eaa53c880550a1c1808467cbdbf4aac29878f2d6b1f7",
    "code": "43ec295a61ba6aade0b4f102f34e881bcade24cc44a4db7137a8bc09a4ae445d",
    "extraction": "8fdb9ec98094c91f5d7ff6abcbcb0288e1a2ea4ff05924ededc2f0a9273c4136",
    "probes": "0bc0ba471438590c1a910f124686ab7e20f81b5799188d88ef4f2e4ba2090ef9",
    "chat-repeats": "b72918698eb9bdfdb3e28c0511ac5105913da368fb5b9a28c785f86cc311cc91",
}
WORDS_SHA256 = "35abce84c405c164d9af45ca5bebf851bed9ed672eea416bd1c4bc60bb692f08"


def of_kind(kind: str, words: int = 60, tokens: int = 100) -> Workload:
    return Workload(kind=kind, input_words=words, max_tokens=tokens)


# -- the same bytes everywhere -------------------------------------------------------------------


def test_the_prompt_of_a_seed_and_index_is_the_same_text_on_any_machine():
    assert prompt(SMALL, "00", 1) == (
        "Cord mill ivy\n\n"
        "At noon, a beekeeper traded a crystal and a river for 38 boxes of nails. Needle pigeon "
        "drum leather reed rope branch cloth oak cherry horn door farmer pepper plank.\n\n"
        'Begin your reply with a line that starts with "Answer:" and gives one word for the mood of '
        "the above. After that line: Write a long letter to a friend who was away, telling all of "
        "this in at least 128 words."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_frozen_by_the_digest_of_its_definition(kind):
    assert definition_sha256(of_kind(kind, 400, 150)) == FROZEN[kind]


def test_another_process_with_another_hash_seed_writes_the_same_bytes():
    program = (
        "import hashlib, msgspec\n"
        "from fairlead.measure.workload import *\n"
        "made = [Workload(kind=kind, input_words=90, max_tokens=9) for kind in KINDS]\n"
        "asks = [ask(workload, 'c0de', i) for workload in made for i in range(40)]\n"
        "print(hashlib.sha256(msgspec.json.encode(asks)).hexdigest())\n"
    )
    here = [
        ask(Workload(kind=kind, input_words=90, max_tokens=9), "c0de", i) for kind in KINDS for i in range(40)
    ]
    package = str(Path(workload.__file__).parents[3])
    environment = {**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": package, "LC_ALL": "C"}
    there = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == hashlib.sha256(msgspec.json.encode(here)).hexdigest()


def test_the_first_words_of_a_window_are_spread_and_another_seed_spreads_them_otherwise():
    openings = {
        seed: [prompt(of_kind("chat", 5), seed, i).split()[0] for i in range(256)] for seed in ("00", "01")
    }
    assert all(len(set(words)) > 128 for words in openings.values())
    assert sum(one == other for one, other in zip(openings["00"], openings["01"], strict=True)) < 10


def test_the_definition_differs_by_kind_and_by_each_length():
    digests = {definition_sha256(of_kind(kind)) for kind in KINDS}
    digests |= {definition_sha256(of_kind("chat", 61)), definition_sha256(of_kind("chat", 60, 101))}
    digests |= {definition_sha256(of_kind("chat", 4000)), definition_sha256(of_kind("chat", 4001))}
    assert len(digests) == len(KINDS) + 4


def test_there_are_256_different_words_so_that_a_byte_is_a_word():
    assert len(WORDS) == len(set(WORDS)) == 256
    assert all(re.fullmatch("[a-z]+", word) for word in WORDS)
    assert hashlib.sha256(" ".join(WORDS).encode()).hexdigest() == WORDS_SHA256


def test_the_kinds_are_those_that_the_methodology_may_name():
    struct = get_args(get_type_hints(model.Workload)["kind"])
    path = Path(repository.__file__).parents[1] / "schemas" / "methodology.json"
    schema = msgspec.json.decode(path.read_bytes())
    enum = schema["properties"]["workloads"]["items"]["properties"]["kind"]["enum"]
    assert list(KINDS) == list(struct) == enum


# -- lengths -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TIMED_KINDS)
@pytest.mark.parametrize("words", [1, 2, 11, 12, 13, 57, 200, 3000])
def test_the_material_has_exactly_the_set_number_of_words(kind, words):
    material = write_material(kind, words, Draws(f"{kind}/{words}"), None)
    fences = 2 if kind == "code" else 0
    assert len(material.split()) == words + fences


@pytest.mark.parametrize("kind", TIMED_KINDS)
def test_a_planted_sentence_stands_whole_in_the_material(kind):
    planted = "It should be known that this is planted."
    for i in range(30):
        assert planted in write_material(kind, 80, Draws(f"{i}"), planted)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "probes"])
def test_the_answer_asked_for_is_longer_than_its_limit(kind):
    for i in range(20):
        assert re.search(r"\b2000 words\b", prompt(of_kind(kind, 5, 1000), "00", i))


def test_every_task_states_a_length():
    assert all("{words} words" in task for tasks in TASKS.values() for task in tasks)


@pytest.mark.parametrize(("words", "tokens"), [(0, 1), (1, 0), (-1, 1), (1_000_001, 1), (1, 1_000_001)])
def test_lengths_outside_their_bounds_are_refused(words, tokens):
    with pytest.raises(ValueError, match="between 1 and 1,000,000"):
        Workload(input_words=words, max_tokens=tokens)


def test_an_unknown_kind_is_refused_in_words():
    with pytest.raises(ValueError, match="workload kind 'poetry' is not one of: chat, "):
        of_kind("poetry")


# -- probes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TIMED_KINDS)
def test_one_request_in_every_ten_of_a_timed_kind_is_a_probe_of_each_kind_in_turn(kind):
    labels = [label(of_kind(kind), "5eed", i) for i in range(500)]
    tens = [[found for found in labels[at : at + 10] if found] for at in range(0, 500, 10)]
    assert [len(found) for found in tens] == [1] * 50
    kinds = collections.Counter(found for found in labels if found)
    even = dict.fromkeys(["numerals", "copy", "arithmetic", "json", "recall"], 10)
    assert kinds == ({"recall": 50} if kind == "long-context" else even)


def test_where_the_probes_stand_is_drawn_from_the_seed():
    places = {tuple(i for i in range(50) if label(SMALL, f"{seed:02x}", i)) for seed in range(20)}
    assert len(places) == 20


def test_a_probe_has_the_frame_of_its_neighbours_and_asks_for_an_answer_as_long():
    prompts = [prompt(SMALL, "ab", i) for i in range(40)]
    assert any(label(SMALL, "ab", i) for i in range(40))
    for text in prompts:
        title, *_, closing = text.split("\n\n")
        assert len(title.split()) == 3
        assert closing.startswith('Begin your reply with a line that starts with "Answer:" and gives ')
        assert "After that line: " in closing
        assert "128 words" in closing


def test_the_kind_probes_asks_every_kind_of_probe_in_equal_shares_and_no_long_answer():
    probes = of_kind("probes")
    assert collections.Counter(label(probes, "00", i) for i in range(60)) == dict.fromkeys(PROBE_KINDS, 10)
    assert not any(re.search(r"\b200 words\b", prompt(probes, "00", i)) for i in range(60))


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_labelled_as_the_probe_that_it_is(kind):
    for i in range(60):
        asked, known = ask(of_kind(kind), "77", i), probe(of_kind(kind), "77", i)
        assert asked.label == label(of_kind(kind), "77", i)
        assert asked.text == prompt(of_kind(kind), "77", i)
        if known is not None:
            assert asked.label == known.kind
            assert known.question in asked.text
            assert known.planted is None or known.planted in asked.text
            assert known.tools == asked.tools
        else:
            assert asked.tools == ()


def test_tools_come_with_tool_call_probes_alone_and_have_names_of_their_own():
    asks = [ask(of_kind("probes"), "1f", i) for i in range(600)]
    assert all(bool(asked.tools) == (asked.label == "tool-call") for asked in asks)
    names = [tool.name for asked in asks for tool in asked.tools]
    assert len(names) == len(set(names)) == 300
    assert all(re.fullmatch(r"[a-z_]{1,64}", name) for name in names)


# -- repeats -------------------------------------------------------------------------------------

REPEATS = of_kind("chat-repeats")


def test_each_run_of_four_but_the_first_repeats_one_earlier_request():
    originals = [repeated(REPEATS, "0a", i) for i in range(400)]
    runs = [[at for at in originals[start : start + 4] if at is not None] for start in range(0, 400, 4)]
    assert [len(found) for found in runs] == [0] + [1] * 99
    assert all(original < i for i, original in enumerate(originals) if original is not None)


def test_a_repeat_sends_the_text_of_its_original_and_says_so():
    for i in range(200):
        original = repeated(REPEATS, "0a", i)
        if original is not None:
            assert prompt(REPEATS, "0a", i) == prompt(REPEATS, "0a", original)
            assert label(REPEATS, "0a", i) == f"repeat-{original}"
            assert label(REPEATS, "0a", original) is None


def test_no_request_is_sent_more_than_twice():
    texts = collections.Counter(prompt(REPEATS, "0a", i) for i in range(400))
    assert sorted(collections.Counter(texts.values())) == [1, 2]


def test_a_repeat_comes_the_later_the_longer_the_window_runs():
    for i in range(400):
        original = repeated(REPEATS, "0a", i)
        if original is not None:
            assert i - original >= i // 2 - 4


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "chat-repeats"])
def test_no_other_kind_repeats_anything(kind):
    assert not any(repeated(of_kind(kind), "0a", i) for i in range(100))
