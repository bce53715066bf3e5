"""The definition of CTC, against listing every path there is."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crnn_lessons.ctc import alignments, collapse, count_alignments, enumerate_probability, min_frames, repeats

TARGETS = st.lists(st.integers(1, 2), max_size=4)
HELLO = [1, 2, 3, 3, 4]


def test_collapse_merges_then_drops():
    assert collapse([1, 1, 0, 1, 2, 2, 0]) == (1, 1, 2)
    assert collapse([]) == () and collapse([0, 0]) == ()
    assert collapse([0, 2, 2, 1], blank=2) == (0, 1)


@pytest.mark.parametrize(
    ("T", "target", "count"),
    [
        (3, [1], 6),
        (3, [1, 1], 1),
        (2, [1, 1], 0),
        (4, [1, 2], 15),
        (5, [1, 2, 2], 7),
        (6, HELLO, 1),
        (10, HELLO, 1001),
        (10, [1, 1, 1], 462),
        (26, list(range(1, 9)), 2203961430),
        (0, [], 1),
        (0, [1], 0),
        (5, [], 1),
    ],
)
def test_known_counts(T, target, count):
    assert count_alignments(T, target) == count


@settings(deadline=None)
@given(st.integers(0, 7), TARGETS)
def test_the_alignments_are_exactly_the_paths_that_collapse_to_the_target(T, target):
    listed = list(alignments(T, target))
    every = [path for path in product(range(3), repeat=T) if collapse(path) == tuple(target)]
    assert sorted(listed) == sorted(every)
    assert len(listed) == count_alignments(T, target)
    assert bool(listed) == (min_frames(target) <= T)


@settings(deadline=None)
@given(st.integers(0, 5), TARGETS, st.integers(0, 2**31))
def test_the_probability_is_the_sum_over_all_paths(T, target, seed):
    probs = np.random.default_rng(seed).dirichlet(np.ones(3), size=T).reshape(T, 3)
    expected = sum(
        math.prod(probs[t, k] for t, k in enumerate(path))
        for path in product(range(3), repeat=T)
        if collapse(path) == tuple(target)
    )
    assert enumerate_probability(probs, target) == pytest.approx(expected, abs=1e-15)


def test_all_texts_together_are_certain():
    probs = np.random.default_rng(0).dirichlet(np.ones(3), size=4)
    texts = {collapse(path) for path in product(range(3), repeat=4)}
    assert sum(enumerate_probability(probs, text) for text in texts) == pytest.approx(1)


def test_another_blank():
    assert sorted(alignments(2, [0], blank=1)) == [(0, 0), (0, 1), (1, 0)]


def test_repeats():
    assert [repeats(t) for t in ([], [1], [1, 1], [1, 1, 1, 2, 2], [1, 2, 1])] == [0, 0, 1, 3, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: alignments(3, [1, 0]), "the blank .* at place 1"),
        (lambda: alignments(-1, [1]), "T is a number of time steps"),
        (lambda: count_alignments(2.5, [1]), "and is 2.5"),
        (lambda: enumerate_probability(np.ones((2, 3)), [3]), "has 3 at place 0, .* 0 to 2"),
        (lambda: enumerate_probability(np.ones(3), [1]), "T x C"),
        (lambda: enumerate_probability(np.ones((60, 3)), [1] * 9), "too many to list"),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
