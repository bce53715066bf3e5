"""The alphabet: text to class indices and back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crnn_lessons.alphabet import BLANK, Alphabet

LETTERS = Alphabet("abcé한")


@given(st.text(alphabet="abcé한", max_size=20))
def test_there_and_back(text):
    indices = LETTERS.encode(text)
    assert len(indices) == len(text) and BLANK not in indices
    assert LETTERS.decode(indices) == text


def test_numbers_follow_the_order_and_begin_after_the_blank():
    assert Alphabet("xyz").encode("zyx") == [3, 2, 1]
    assert Alphabet("xyz").num_classes == 4 and len(Alphabet("xyz")) == 3
    assert "x" in Alphabet("xyz") and "-" not in Alphabet("xyz")


def test_composed_and_decomposed_letters_are_one():
    decomposed = unicodedata.normalize("NFD", "é한")
    assert len(decomposed) > 2
    assert LETTERS.encode(decomposed) == [4, 5]
    assert Alphabet(decomposed) == Alphabet("é한") and hash(Alphabet(decomposed)) == hash(Alphabet("é한"))


def test_paths_are_shown_with_the_blank():
    assert LETTERS.show([0, 1, 1, 0, 4]) == "-aa-é"
    assert LETTERS.show([0, 1], blank_sign="_") == "_a"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Alphabet(""), "at least one character"),
        (lambda: Alphabet("abca"), r"\['a'\] stand more often"),
        (lambda: Alphabet(["ab"]), "'ab', which has 2 code points"),
        (lambda: LETTERS.encode("abz"), "'z' at place 2"),
        (lambda: LETTERS.decode([1, 0]), "index 0 is the blank"),
        (lambda: LETTERS.decode([6]), "index 6 is no class .* 1 to 5"),
        (lambda: LETTERS.decode([-1]), "index -1 is no class"),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
