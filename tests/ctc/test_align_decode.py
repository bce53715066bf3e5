"""The best alignment of a target, and the best path of all."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crnn_lessons.ctc import (
    alignments,
    beam_search,
    best_path,
    collapse,
    extend,
    forced_alignment,
    forward_backward,
    min_frames,
    predecessors,
    text_log_probs,
)  # fmt: skip

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


def tied_cases():
    """Every matrix of 0 and -1 of 1 to 4 frames by 2 classes or 1 to 2 by 3, with every target that fits: 3,246."""
    for T, C in ((1, 2), (2, 2), (3, 2), (4, 2), (1, 3), (2, 3), (5, 2)):
        targets = [k for S in range(T + 1) for k in product(range(1, C), repeat=S) if min_frames(k) <= T]
        for scores in product((0.0, -1.0), repeat=T * C):
            for target in targets:
                yield np.array(scores).reshape(T, C), target


def test_ties_are_broken_as_documented_in_every_small_case():
    """By enumeration of rows: the best score, and of those that have it the lowest rows, compared from the end."""
    cases = 0
    for log_probs, target in tied_cases():
        rows, T = extend(target).tolist(), len(log_probs)
        ways = [[s] for s in range(min(2, len(rows)))]
        for _ in range(T - 1):
            ways = [[*way, s] for way in ways for s in range(len(rows)) if way[-1] in predecessors(rows, s)]
        ways = [way for way in ways if way[-1] >= len(rows) - 2]
        score = {tuple(way): sum(log_probs[t, rows[s]] for t, s in enumerate(way)) for way in ways}
        expected = min(score, key=lambda way: (-score[way], way[::-1]))
        found, best = forced_alignment(log_probs, target)
        assert (tuple(found.tolist()), best) == (expected, score[expected]), (log_probs, target)
        cases += 1
    assert cases > 3243


def test_tensors_of_any_kind_are_decoded():
    scores = torch.tensor([[0.1, 2.0, 0.3], [3.0, 0.1, 0.2], [0.1, 0.2, 4.0]])
    for kind in (scores.bfloat16(), scores.half(), scores.clone().requires_grad_(), scores.T.contiguous().T):
        assert best_path(kind) == (1, 2)
        assert forced_alignment(kind, (1, 2))[0].tolist() == [1, 2, 3]


READS = {
    "best path": lambda x: best_path(x),
    "alignment": lambda x: forced_alignment(x, [1, 2])[1],
    "forward-backward": lambda x: forward_backward(x, [1, 2]).log_likelihood,
    "beam": lambda x: beam_search(x, 20)[0],
    "texts": lambda x: text_log_probs(x, [[1, 2]]).tolist(),
}


@pytest.mark.parametrize("name", READS)
def test_log_probs_come_as_an_array_of_any_kind_or_are_refused(name):
    """Halves of whole numbers stand for log-probabilities: every type holds them without loss."""
    scores = -torch.randint(1, 12, (6, 4), generator=torch.Generator().manual_seed(0)) / 2
    read, want = READS[name], READS[name](scores.double().numpy())
    kinds = [scores, scores.half(), scores.bfloat16(), scores.double().requires_grad_(), scores.to_sparse(),
             scores.numpy(), np.float16(scores.numpy()), scores.T.contiguous().T,
             scores.tolist()]  # fmt: skip
    for kind in kinds:
        assert read(kind) == want, type(kind)
    refused = [scores.to("meta"), scores.to(torch.complex64), scores.numpy() + 0j, "abc", [[1, 2], [3]], {"a": 1}]
    for none in refused:
        with pytest.raises(ValueError, match=r"^log_probs must be an array of numbers, T x C, and got "):
            read(none)
    with pytest.raises(ValueError, match="log_probs must be below"):
        read(torch.where(scores < -1, torch.nan, scores))
