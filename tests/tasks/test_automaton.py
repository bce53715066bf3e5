"""Automata against brute force over all short sequences."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from crnn_lessons.tasks.automaton import ADDER, Automaton, difference, minimise


def random_automaton(rng: np.random.Generator, states: int, signs: int = 2) -> Automaton:
    shape = (states, signs)
    return Automaton(rng.integers(0, states, shape), rng.integers(0, 2, shape), int(rng.integers(states)))


def first_difference(a: Automaton, b: Automaton, longest: int) -> list[int] | None:
    """By listing every sequence, the shortest first."""
    for length in range(1, longest + 1):
        for word in product(range(len(a.next[0])), repeat=length):
            if a.run(word) != b.run(word):
                return list(word)
    return None


def test_the_adder_adds():
    for a, b in product(range(32), repeat=2):
        signs = [2 * (a >> t & 1) + (b >> t & 1) for t in range(6)]
        assert sum(bit << t for t, bit in enumerate(ADDER.run(signs))) == a + b


def test_difference_is_the_shortest_one_by_listing():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(150):
        a, b = random_automaton(rng, 3), random_automaton(rng, 2)
        want, got = first_difference(a, b, 6), difference(a, b)  # two states that differ, differ within 3 + 2 - 1 signs
        assert (want is None) == (got is None)
        if got is not None:
            found += 1
            assert len(got) == len(want) and a.run(got) != b.run(got) and a.run(got)[:-1] == b.run(got)[:-1]
        assert difference(a, a) is None
    assert found > 100


def test_minimise_keeps_the_outputs_and_no_two_alike_states():
    rng = np.random.default_rng(1)
    shrunk = 0
    for _ in range(200):
        a = random_automaton(rng, int(rng.integers(1, 6)))
        small = minimise(a)
        shrunk += len(small) < len(a)
        assert first_difference(a, small, 5) is None and difference(a, small) is None
        for p, q in product(range(len(small)), repeat=2):
            if p != q:  # every two states can be told apart, so no smaller automaton does the same
                here = [Automaton(small.next, small.output, state) for state in (p, q)]
                assert difference(*here) is not None
        assert minimise(small) == small
    assert shrunk > 20


def test_minimise_finds_the_adder_in_copies_of_it():
    rng = np.random.default_rng(2)
    for copies in (1, 2, 4):  # state q is copy q // 2 of the carry q % 2; each step goes to a copy at random
        states = range(2 * copies)
        nexts = [[2 * int(rng.integers(copies)) + q for q in ADDER.next[state % 2]] for state in states]
        big = Automaton(nexts, [ADDER.output[state % 2] for state in states], 0)
        assert minimise(big) == ADDER


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((((0, 0),), ((0, 1), (0, 1))), "one row a state"),
        ((((0, 0),), ((0,),)), "one row a state and in it one entry a sign"),
        ((((0, 2),), ((0, 1),)), "the states are 0 to 0"),
        ((((0, 0),), ((0, 1),), 1), "start or a row of next names another"),
    ],
)
def test_tables_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Automaton(*arguments)


def test_automata_over_different_signs_cannot_be_compared():
    with pytest.raises(ValueError, match="read 4 and 2 signs"):
        difference(ADDER, Automaton(((0, 0),), ((0, 1),)))
