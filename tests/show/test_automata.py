"""The drawing of an automaton says what its tables say."""

import pytest

from crnn_lessons.show import figures
from crnn_lessons.show.automata import draw_automaton, edges
from crnn_lessons.tasks import ADDER, Automaton

PAIRS = ("00", "01", "10", "11")


def test_the_arrows_of_the_adder():
    assert edges(ADDER, PAIRS) == {
        (0, 0): ["00/0", "01/1", "10/1"],
        (0, 1): ["11/0"],
        (1, 0): ["00/1"],
        (1, 1): ["01/0", "10/0", "11/1"],
    }


def test_the_drawing_has_a_start_an_arrow_for_each_edge_and_words_for_all():
    _, ax = figures.new_figure()
    said = draw_automaton(ax, ADDER, PAIRS)
    assert said.startswith("A diagram of 2 states; it begins in state 0. From 0 to 0: 00/0, 01/1, 10/1.")
    assert len(ax.patches) == 4 + 2 + 1
    assert {text.get_text() for text in ax.texts} >= {"0", "1", "11/0", "00/0\n01/1\n10/1"}


def test_more_than_two_states_are_refused():
    with pytest.raises(ValueError, match="this one has 3"):
        draw_automaton(figures.new_figure()[1], Automaton([[1], [2], [0]], [[0], [0], [1]]), ["a"])
