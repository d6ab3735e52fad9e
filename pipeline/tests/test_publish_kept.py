"""What is kept from one edition to the next: the same value gives the same, any other value its own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.publish.kept import Kept
from fairlead.publish.markup import Html

made: list[Any] = []


def _make(value: Any) -> str:
    made.append(value)
    return repr(value)


class _Facts(msgspec.Struct, frozen=True):
    name: str
    day: dt.date | None
    prices: tuple[float, ...]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    made.clear()


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, -0.0, 1.0, 2.0]),
    st.sampled_from(["", "a", "<b>", "1", "None", "Html a", "Html"]),
    st.sampled_from(["", "a", "<b>"]).map(Html),
    st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 3)),
)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


def _shape(value: Any) -> Any:
    """A value with the class of each of its parts."""
    parts = tuple(map(_shape, value)) if isinstance(value, tuple) else repr(value)
    return type(value).__name__, parts


@given(st.lists(values, max_size=12))
def test_every_value_gets_what_is_made_of_it_and_equal_ones_are_made_once(given: list[Any]) -> None:
    """Truth, 1, 1.0 and "1", the two zeros, a text and the same text as HTML: each is a value of its own."""
    made.clear()
    kept = Kept()
    for _ in range(2):
        assert [kept.made(_make, value) for value in given] == [repr(value) for value in given]
        kept.turn()
    assert sorted(map(repr, map(_shape, made))) == sorted({repr(_shape(value)) for value in given})


def test_what_an_edition_did_not_ask_for_is_let_go() -> None:
    """So memory holds one edition's results, and what comes back is made again."""
    kept, one, two = Kept(), _Facts("a", None, (1.0,)), _Facts("a", dt.date(2026, 1, 1), (1.0,))
    for asked in ((one, two), (two,), (one, two), (two,)):
        for value in asked:
            kept.made(_make, value)
        kept.turn()
    assert made == [one, two, one]


def test_two_functions_share_nothing() -> None:
    """The same value, asked of another function, is another question."""
    kept = Kept()
    assert (kept.made(_make, 1), kept.made(str, 1), kept.made(len, "1")) == ("1", "1", 1)


def test_what_cannot_be_told_apart_is_refused() -> None:
    """An object without a plain form could change and look the same."""
    with pytest.raises(TypeError, match="no digest can be taken of a object"):
        Kept().made(_make, object())
