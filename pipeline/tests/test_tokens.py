"""Counting by a pinned tokenizer: the pin holds, every token has its chunk, and usage is held against it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from fairlead import metrics, tokens
from fairlead.model import Tokenizer as Pin
from fairlead.tokens import (
    Pinned,
    TokenizerError,
    cached_path,
    count,
    find_tokenizer,
    load_pins,
    load_tokenizer,
    open_shelf,
)
from fairlead.windows import Outcome, Request, decode_window, encode_window

from .examples import make_failure, make_request, make_tokens, make_window
from .tokenizer_example import byte_level, metaspace, pin, reply, words


@pytest.fixture
def by_word(tmp_path: Path) -> Pinned:
    return pin(words(), tmp_path)


@pytest.fixture
def by_byte(tmp_path: Path) -> Pinned:
    return pin(byte_level(), tmp_path)


def counted(request: Request, pinned: Pinned) -> Request:
    return count(make_window([request]), pinned).requests[0]


# -- the pin -------------------------------------------------------------------------------------


def test_a_tokenizer_is_loaded_from_a_folder_by_the_digest_of_its_bytes(tmp_path):
    data = words()
    sha256 = hashlib.sha256(data).hexdigest()
    path = cached_path(tmp_path, sha256)
    path.write_bytes(data)
    assert path == tmp_path / f"{sha256}.json"
    assert load_tokenizer(path, sha256).sha256 == sha256


def test_a_file_with_one_other_byte_is_refused_and_both_digests_are_named(tmp_path):
    sha256 = hashlib.sha256(words()).hexdigest()
    path = tmp_path / "tokenizer.json"
    path.write_bytes(words() + b"\n")
    found = hashlib.sha256(words() + b"\n").hexdigest()
    with pytest.raises(TokenizerError, match=f"sha256 is {found}, pinned is {sha256}"):
        load_tokenizer(path, sha256)


def test_a_missing_file_is_refused_in_words(tmp_path):
    path = cached_path(tmp_path, "ab" * 32)
    with pytest.raises(TokenizerError, match="No such file"):
        load_tokenizer(path, "ab" * 32)


def test_a_folder_in_place_of_the_file_is_refused_in_words(tmp_path):
    with pytest.raises(TokenizerError, match="directory"):
        load_tokenizer(tmp_path, "ab" * 32)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"version":"1.0","model":{"type":"Oracle"}}']
)
def test_bytes_that_are_no_tokenizer_are_refused_in_words_even_where_the_pin_holds(tmp_path, data):
    with pytest.raises(TokenizerError, match="not a tokenizer"):
        pin(data, tmp_path)


def test_a_file_too_large_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "MAX_FILE_BYTES", 100)
    with pytest.raises(TokenizerError, match="larger than 100 bytes"):
        pin(words(), tmp_path)


def test_the_library_is_not_imported_before_a_tokenizer_is_loaded():
    program = "import sys, fairlead.tokens; sys.exit('tokenizers' in sys.modules)"
    package = str(Path(tokens.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": package}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


# -- counting ------------------------------------------------------------------------------------


def test_a_count_is_of_the_text_without_the_marks_padding_or_limit_of_the_file(by_word):
    request = counted(reply(("t", "anchor barley cedar dawn anchor.")), by_word)
    assert request.tokens.counted == 6
    assert request.chunk_tokens == [6]


def test_a_token_belongs_to_the_chunk_that_completes_it(by_word):
    request = counted(reply(("t", "anc"), ("t", "hor bar"), ("t", "ley"), ("t", " "), ("t", "dawn")), by_word)
    assert request.chunk_tokens == [0, 1, 1, 0, 1]
    assert request.tokens.counted == 3


def test_several_tokens_of_one_chunk_are_all_its_own(by_word):
    request = counted(reply(("t", "anchor barley "), ("t", "cedar. dawn")), by_word)
    assert request.chunk_tokens == [2, 3]


def test_the_bytes_of_one_character_are_tokens_of_the_chunk_that_brings_it(by_byte):
    request = counted(reply(("t", "a"), ("t", "🙂"), ("t", "b")), by_byte)
    assert request.chunk_tokens == [1, 4, 1]


def test_a_chunk_border_adds_no_token(by_byte):
    text = "The beekeeper sent 40 jars of honey to Fernwick before dawn."
    whole = counted(reply(("t", text)), by_byte)
    split = counted(reply(*(("t", letter) for letter in text)), by_byte)
    assert whole.tokens.counted == split.tokens.counted
    assert split.tokens.counted < len(text)


def test_reasoning_and_text_are_tokenised_apart_and_dealt_out_to_their_own_chunks(by_word):
    request = counted(
        reply(("r", "anc"), ("t", "bar"), ("r", "hor dawn"), ("t", "ley"), ("t", " cedar")), by_word
    )
    assert request.chunk_tokens == [0, 0, 2, 1, 1]
    assert request.tokens.counted == 4


def test_white_space_alone_may_be_no_token_at_all(by_word):
    request = counted(reply(("t", "  "), ("t", "\n")), by_word)
    assert request.chunk_tokens == [0, 0]
    assert request.tokens.counted == 0


def test_a_reply_with_a_tool_call_is_left_to_the_providers_usage(by_word):
    request = reply(("t", "anchor"), tokens=make_tokens(usage_output=9))
    called = make_request(chunk_kind="t1c3", text="tale", tool_calls="[]", tokens=make_tokens(usage_output=9))
    assert counted(called, by_word).chunk_tokens is None
    assert counted(called, by_word).tokens == make_tokens(usage_output=9)
    assert counted(request, by_word).tokens == make_tokens(counted=1, usage_output=9)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "anchor barley"},
        {"text": None},
        {"chunk_chars": [5, 1, 1]},
        {"chunk_chars": [7, -1]},
        {"chunk_kind": "t1"},
        {"chunk_kind": "t999999999" * 1000},
        {"chunk_kind": "t0", "chunk_chars": [], "text": None},
        {"chunk_kind": "x2"},
        {"chunk_kind": ""},
        {"reasoning": "more"},
    ],
)
def test_chunks_that_do_not_add_up_to_their_text_are_not_counted(by_word, changes):
    request = counted(reply(("t", "anc"), ("t", "hor"), **changes), by_word)
    assert request.chunk_tokens is None
    assert request.tokens.counted is None


def test_a_text_longer_than_a_tokenizer_should_hold_is_not_counted(by_word, monkeypatch):
    monkeypatch.setattr(tokens, "MAX_TEXT_CHARS", 6)
    assert counted(reply(("t", "anchor")), by_word).tokens.counted == 1
    assert counted(reply(("t", "anchor ")), by_word).tokens.counted is None


def test_a_text_that_the_tokenizer_has_no_token_for_is_not_counted_and_stops_nothing(tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"anchor": 0}, unk_token="?"))
    pinned = pin(tokenizer.to_str().encode(), tmp_path)
    made = [reply(("t", "anchor"), i=0), reply(("t", "barley"), i=1), reply(("t", "\udc80"), i=2)]
    after = count(make_window(made), pinned)
    assert [request.tokens.counted for request in after.requests] == [1, None, None]
    assert [request.chunk_tokens for request in after.requests] == [[1], None, None]


# -- finding one ---------------------------------------------------------------------------------


def test_a_given_file_comes_before_the_cache_and_its_name_says_nothing(tmp_path):
    data, given = words(), tmp_path / "anything.bin"
    given.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    cached_path(tmp_path, sha256).write_bytes(b"broken")
    found = find_tokenizer(open_shelf([given], tmp_path), sha256)
    assert found is not None
    assert found.sha256 == sha256


def test_a_tokenizer_that_is_nowhere_is_none_and_no_error(tmp_path):
    assert find_tokenizer(open_shelf([], tmp_path / "none"), "ab" * 32) is None


def test_a_given_file_that_no_model_pins_is_refused(tmp_path):
    given = tmp_path / "tokenizer.json"
    given.write_bytes(words())
    with pytest.raises(TokenizerError, match="pinned is none") as refused:
        load_pins(open_shelf([given], tmp_path), {})
    assert "leave the option out" in refused.value.fix


def test_what_a_pin_says_of_its_source_cannot_write_to_the_terminal(tmp_path):
    hostile = Pin(source="https://example.org/\x1b[2J", sha256="ab" * 32)
    with pytest.raises(TokenizerError) as refused:
        load_pins(open_shelf([], tmp_path), {"fable": hostile})
    assert "\x1b" not in refused.value.fix


def test_an_earlier_count_by_another_tokenizer_is_replaced(by_word):
    stale = reply(("t", "anchor"), tokens=make_tokens(counted=77), chunk_tokens=[77])
    assert counted(stale, by_word).tokens.counted == 1
    unknown = make_request(text=None, tokens=make_tokens(counted=77), chunk_tokens=[77] * 4)
    assert counted(unknown, by_word).tokens.counted is None


def test_a_failed_request_keeps_the_count_of_what_it_brought(by_word):
    cut = reply(("t", "anchor barl"), outcome=Outcome.TRUNCATED, finish=None)
    assert counted(cut, by_word).tokens.counted == 2
    assert counted(make_failure(chunk_chars=[]), by_word).tokens.counted is None


def test_the_header_names_the_tokenizer_and_nothing_else_of_the_window_changes(by_word):
    window = make_window([reply(("t", "anchor"), i=0), make_failure(i=1, chunk_chars=[])])
    after = count(window, by_word)
    assert after.header.tokenizer_sha256 == by_word.sha256
    assert (after.header.provider, after.header.clock) == (window.header.provider, window.header.clock)
    assert after.requests[1] == window.requests[1]
    assert after.requests[0].chunk_ns == window.requests[0].chunk_ns


def test_counting_twice_gives_the_same_window_and_it_survives_its_file(by_byte):
    made = [reply(("r", "so be it"), ("t", f"the {i} ferry"), ("t", "man 🙂"), i=i) for i in range(150)]
    once = count(make_window(made), by_byte)
    assert count(once, by_byte) == once
    assert decode_window(encode_window(once.header, once.requests)) == once
    assert [request.i for request in once.requests] == list(range(150))


def test_an_imported_window_is_returned_as_it_is(by_word):
    window = make_window([reply(("t", "anchor"))], origin="imported")
    assert count(window, by_word) is window


def test_a_tokenizer_that_normalises_its_text_still_gives_every_token_a_chunk(tmp_path):
    pinned = pin(metaspace(), tmp_path)
    request = counted(reply(("t", "the ﬁrst "), ("t", "ⅣⅣ"), ("t", " ferry")), pinned)
    assert request.chunk_tokens is not None
    assert sum(request.chunk_tokens) == request.tokens.counted
    assert min(request.chunk_tokens) > 0


def test_the_speed_of_a_reply_counts_from_the_tokens_after_its_first_chunk(by_word):
    request = counted(reply(("t", "anchor barley "), ("t", "cedar "), ("t", "dawn anchor")), by_word)
    assert metrics.tokens_after_first_chunk(request) == 3
    assert metrics.output_speed_tps(request, "closed") == pytest.approx(150)
