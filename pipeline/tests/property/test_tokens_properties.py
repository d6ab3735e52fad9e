"""What holds of a count, however a reply was cut into chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.tokens import Pinned, count

from ..examples import make_window
from ..tokenizer_example import byte_level, metaspace, pin, reply

letters = st.one_of(st.sampled_from("abc the sand 12\n.,"), st.characters(codec="utf-8"))
chunks = st.lists(st.tuples(st.sampled_from("rt"), st.text(letters, min_size=1, max_size=8)), max_size=20)


@pytest.fixture(scope="module", params=[byte_level, metaspace], ids=["byte-level", "metaspace"])
def pinned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pinned:
    return pin(request.param(), tmp_path_factory.mktemp("tokenizer"))


@given(chunks)
def test_chunk_counts_add_up_to_the_count_of_the_whole_text(pinned, cut):
    [request] = count(make_window([reply(*cut)]), pinned).requests
    if not cut:
        assert request.tokens.counted is None
        return
    whole = [text for text in (request.reasoning, request.text) if text]
    encodings = pinned.tokenizer.encode_batch(whole, add_special_tokens=False)
    assert request.tokens.counted == sum(len(encoding.ids) for encoding in encodings)
    assert request.chunk_tokens is not None
    assert sum(request.chunk_tokens) == request.tokens.counted
    assert len(request.chunk_tokens) == len(cut)
    assert min(request.chunk_tokens) >= 0


@given(st.text(letters, min_size=1, max_size=60), st.data())
def test_tokens_up_to_a_chunk_never_exceed_those_of_the_text_up_to_its_end(pinned, text, data):
    at = data.draw(st.integers(1, len(text)))
    parts = [("t", part) for part in (text[:at], text[at:]) if part]
    [request] = count(make_window([reply(*parts)]), pinned).requests
    offsets = pinned.tokenizer.encode(text, add_special_tokens=False).offsets
    assert request.chunk_tokens is not None
    assert request.chunk_tokens[0] == sum(1 for _, end in offsets if end <= at)
