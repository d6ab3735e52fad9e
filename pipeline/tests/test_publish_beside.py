"""Two texts beside one another: what is shown of a change of words, for whatever words there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead.publish.beside import PARAGRAPHS_MAX, Piece, paragraph_pairs, render_pairs

from .publish_example import HOSTILE, Outline

WORDS = st.lists(st.sampled_from(["a", "start", "is", "sent", "95", "90", "%", "never"]), min_size=1)
TEXTS = st.lists(WORDS.map(" ".join), max_size=6).map("\n\n".join)


def said(pieces: tuple[Piece, ...]) -> str:
    return " ".join(piece.text for piece in pieces)


@given(TEXTS, TEXTS)
def test_both_sides_are_paragraphs_of_their_texts(old: str, new: str) -> None:
    """Nothing is invented: each side is a whole paragraph of its text; what is unmarked is on both."""
    pairs = paragraph_pairs(old, new)
    assert pairs is not None
    for pair in pairs:
        assert pair.before or pair.after
        assert not pair.before or said(pair.before) in old.split("\n\n")
        assert not pair.after or said(pair.after) in new.split("\n\n")
        same = [[one.text for one in side if not one.differs] for side in (pair.before, pair.after)]
        assert " ".join(same[0]).split() == " ".join(same[1]).split()
    assert (pairs == ()) == (old.split("\n\n") == new.split("\n\n"))


@given(TEXTS)
def test_lines_that_are_only_wrapped_otherwise_do_not_differ(text: str) -> None:
    """A paragraph is its words, wherever its lines end."""
    assert paragraph_pairs(text, "\n\n".join(each.replace(" ", "\n") for each in text.split("\n\n"))) == ()


def test_the_words_that_differ_are_named_below_their_heading() -> None:
    """A changed number is a changed word of its paragraph; a new item stands alone."""
    old = "# Method\n\n## M-1 Success\n\nAt least 90 % of all\nrequests succeed.\n"
    new = "# Method\n\n## M-1 Success\n\nAt least 95 % of all requests succeed.\n- Or no rank.\n"
    pairs = paragraph_pairs(old, new)
    assert pairs is not None
    changed, added = pairs
    assert changed.heading == added.heading == "M-1 Success"
    assert [piece.text for piece in changed.before if piece.differs] == ["90"]
    assert [piece.text for piece in changed.after if piece.differs] == ["95"]
    assert (added.before, said(added.after)) == ((), "- Or no rank.")


def test_a_text_that_is_too_long_is_not_compared() -> None:
    """Comparing takes the square of the number of paragraphs, and a stranger writes them."""
    assert paragraph_pairs("a\n\n" * (PARAGRAPHS_MAX + 1), "b") is None


def test_hostile_words_are_text() -> None:
    """Nothing but our own elements comes out of two hostile texts."""
    pairs = paragraph_pairs(f"# {HOSTILE}\n\n{HOSTILE} was", f"# {HOSTILE}\n\n{HOSTILE} is")
    assert pairs
    outline = Outline(render_pairs(pairs, HOSTILE, HOSTILE))
    assert outline.names == {"ol", "li", "div", "p", "small", "strong", "ins", "del"}
    assert "<script>alert(1)</script>" in outline.text
