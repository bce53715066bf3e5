"""The best alignment of a target, and the best path of all."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crnn_lessons.ctc import alignments, best_path, collapse, extend, forced_alignment, min_frames

SCORES = st.integers(1, 7).flatmap(
    lambda T: st.lists(st.lists(st.integers(-3, 0), min_size=3, max_size=3), min_size=T, max_size=T)
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SCORES, st.lists(st.integers(1, 2), max_size=3))
def test_no_alignment_is_better_ties_among_them(scores, target):
    """Whole numbers tie often. There torchaudio's forced_align was found to miss the best (audio issue 4221)."""
    log_probs = np.array(scores, dtype=float)
    T = len(log_probs)
    assume(min_frames(target) <= T)
    rows, score = forced_alignment(log_probs, target)
    path = extend(target)[rows]
    assert collapse(path) == tuple(target)
    assert score == sum(log_probs[t, k] for t, k in enumerate(path))
    assert score == max(sum(log_probs[t, k] for t, k in enumerate(p)) for p in alignments(T, target))


def test_of_equal_alignments_the_lowest_rows_from_the_end():
    rows, score = forced_alignment(np.zeros((4, 2)), [1])
    assert rows.tolist() == [0, 0, 0, 1] and score == 0


def test_an_alignment_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="2 labels with 1 adjacent repeats needs 3 time steps, and there are 2"):
        forced_alignment(np.zeros((2, 2)), [1, 1])
    with pytest.raises(ValueError, match="probability zero"):
        forced_alignment(np.full((2, 2), -math.inf), [1])
    assert forced_alignment(np.zeros((0, 2)), [])[1] == 0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SCORES)
def test_the_best_path_is_the_best_of_all_paths(scores):
    log_probs = np.array(scores, dtype=float)
    best = max(product(range(3), repeat=len(scores)), key=lambda p: sum(log_probs[t, k] for t, k in enumerate(p)))
    assert best_path(log_probs) == collapse(best)  # product and argmax both take the lowest of equals


def test_the_best_path_need_not_be_the_best_text():
    """Graves' own example: two frames of blank 0.6, a 0.4: the best path is blank, the best text is 'a' with 0.64."""
    assert best_path(np.log([[0.6, 0.4], [0.6, 0.4]])) == ()
    with pytest.raises(ValueError, match="nan at t=1, class 0"):
        best_path(np.array([[0.0, 1.0], [math.nan, 0.0]]))
