"""Beam search, lexicon search and the exact search, against listing all paths."""

from __future__ import annotations

import math
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import (
    Lexicon,
    NGram,
    beam,
    beam_search,
    beam_search_batch,
    best_path,
    collapse,
    forward_backward,
    lexicon_search,
    most_probable,
    search,
    text_log_probs,
)
from crnn_lessons.ctc.lexicon import walk

EVERYTHING = 2_000  # wider than there are prefixes in any case below


@cache
def texts_of_paths(T: int, C: int, blank: int) -> tuple[np.ndarray, list[tuple[int, ...]], np.ndarray]:
    """All paths, all texts, and the number of each path's text."""
    paths = list(product(range(C), repeat=T))
    number: dict[tuple[int, ...], int] = {}
    which = [number.setdefault(collapse(path, blank), len(number)) for path in paths]
    return np.array(paths).reshape(len(paths), T), list(number), np.array(which)


def every_text(log_probs: np.ndarray, blank: int = 0) -> dict[tuple[int, ...], float]:
    """p(text | X) of every text, by listing all paths."""
    paths, texts, which = texts_of_paths(*log_probs.shape, blank)
    p = np.exp(log_probs[np.arange(len(log_probs)), paths].sum(axis=1))
    return dict(zip(texts, np.bincount(which, p, len(texts)).tolist(), strict=True))


def random_case(rng: np.random.Generator, T: int = 5, C: int = 4) -> tuple[np.ndarray, int]:
    """Log-probabilities of random size, some with zeros, some rows not summing to 1; and a blank, any class."""
    T, C = int(rng.integers(1, T + 1)), int(rng.integers(2, C + 1))
    probs = rng.dirichlet(np.full(C, rng.choice([0.3, 1.0, 3.0])), size=T)
    if rng.random() < 0.2:
        probs[rng.random(probs.shape) < 0.3] = 0.0
    if rng.random() < 0.2:
        probs *= rng.uniform(0.2, 2.0, size=(T, 1))
    with np.errstate(divide="ignore"):
        return np.log(probs), int(rng.integers(C))


def random_words(rng: np.random.Generator, C: int, blank: int, most: int = 12) -> list[tuple[int, ...]]:
    labels = [k for k in range(C) if k != blank]
    return [tuple(rng.choice(labels, size=rng.integers(0, 5)).tolist()) for _ in range(rng.integers(1, most))]


def test_a_beam_that_holds_everything_is_exact_in_ten_thousand_cases():
    rng, ties = np.random.default_rng(0), 0
    for _ in range(10_000):
        log_probs, blank = random_case(rng)
        truth = {text: p for text, p in every_text(log_probs, blank).items() if p > 0}
        found = beam_search(log_probs, EVERYTHING, top=3, blank=blank)
        assert len(found) == min(3, len(truth))
        best = sorted(truth.values(), reverse=True)[:3]
        assert np.allclose([math.exp(h.log_prob) for h in found], best, rtol=1e-9, atol=0)
        assert all(math.isclose(truth[h.labels], math.exp(h.log_prob), rel_tol=1e-9) for h in found)
        ties += len(best) > 1 and math.isclose(best[0], best[1], rel_tol=1e-9)
        exact = most_probable(log_probs, blank=blank)
        assert exact.proved
        assert not found or math.isclose(exact.log_prob, found[0].log_prob, rel_tol=1e-9, abs_tol=1e-9)
    assert ties < 500  # else the comparison of numbers alone would prove little


def test_the_machine_code_is_the_readable_search():
    rng = np.random.default_rng(1)
    from crnn_lessons.ctc.fast import beam as fast

    for _ in range(1_500):
        log_probs, blank = random_case(rng, 8, 5)
        C, width = log_probs.shape[1], int(rng.integers(1, 9))
        lexicon = Lexicon(random_words(rng, C, blank), blank) if rng.random() < 0.4 else None
        language = None
        if rng.random() < 0.4:
            language = NGram.train(random_words(rng, C, blank), C, int(rng.integers(1, 4)), blank)
        how = width, blank, lexicon, language, float(rng.uniform(-0.5, 1.5)), float(rng.uniform(-1, 1))
        slow, was_full = beam.search(log_probs, *how)
        ((quick, is_full),) = fast.search(log_probs[:, None], np.array([len(log_probs)]), *how)
        assert is_full == was_full
        assert {text for text, *_ in quick} == {text for text, *_ in slow}
        bonus = {text: extra for text, extra, _ in slow}
        for text, extra, log_prob in quick:
            assert math.isclose(extra, bonus[text], rel_tol=1e-9, abs_tol=1e-9)
            want = forward_backward(log_probs, text, blank).log_likelihood
            assert math.isclose(log_prob, want, rel_tol=1e-9, abs_tol=1e-9)


def test_without_numba_the_results_are_the_same(monkeypatch):
    rng = np.random.default_rng(2)
    log_probs = np.log(rng.dirichlet(np.ones(5), size=9))
    lexicon = Lexicon(random_words(rng, 5, 0, 30))
    quick = beam_search(log_probs, 6, top=4, lexicon=lexicon), lexicon.near((1, 2, 2), 2)
    monkeypatch.setattr("crnn_lessons.ctc.search.available", lambda name: False)
    monkeypatch.setattr("crnn_lessons.ctc.lexicon.walker", lambda: walk)
    slow = beam_search(log_probs, 6, top=4, lexicon=lexicon), lexicon.near((1, 2, 2), 2)
    assert [h.labels for h in quick[0]] == [h.labels for h in slow[0]] and quick[1] == slow[1]
    assert np.allclose([h.log_prob for h in quick[0]], [h.log_prob for h in slow[0]])


class TestTraps:
    """What well-known decoders got wrong; see the lesson, where each is shown with its source."""

    def test_the_best_path_is_not_the_best_text(self):
        log_probs = np.log([[0.6, 0.4], [0.6, 0.4]])
        assert best_path(log_probs) == ()
        (found,) = beam_search(log_probs)
        assert found.labels == (1,) and math.isclose(math.exp(found.log_prob), 0.64)

    def test_paths_are_added_and_not_compared(self):
        """With a maximum in place of the sum a beam misses what the best path misses."""
        rng, missed = np.random.default_rng(3), 0
        for _ in range(300):
            log_probs = np.log(rng.dirichlet(np.ones(3), size=5))
            truth = every_text(log_probs)
            best = max(truth, key=truth.get)
            missed += best_path(log_probs) != best
            assert beam_search(log_probs, EVERYTHING)[0].labels == best
        assert missed > 60

    def test_a_double_letter_is_written_across_a_blank_and_only_there(self):
        with np.errstate(divide="ignore"):
            apart = np.log([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
            together = np.log([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
        assert beam_search(apart)[0].labels == (1, 1)
        assert beam_search(together)[0].labels == (1,)

    def test_repeats_of_the_text_are_not_merged_once_more(self):
        """TensorFlow's beam made 'al' of 'all' (issue 9550)."""
        path = [1, 1, 2, 0, 2]
        log_probs = np.log(0.9 * np.eye(3)[path] + 0.1 / 3)
        assert beam_search(log_probs)[0].labels == collapse(path) == (1, 2, 2)

    def test_labels_come_in_their_order(self):
        log_probs = np.log(0.9 * np.eye(5)[[3, 0, 1, 4]] + 0.02)
        assert beam_search(log_probs)[0].labels == (3, 1, 4)

    def test_before_the_first_frame_there_is_one_path(self):
        """All texts together have the probability 1: a search that begins with two paths would give 2."""
        log_probs = np.log(np.random.default_rng(4).dirichlet(np.ones(3), size=4))
        found = beam_search(log_probs, EVERYTHING, top=EVERYTHING)
        assert math.isclose(sum(math.exp(h.log_prob) for h in found), 1)

    def test_probabilities_are_refused_where_logarithms_are_due(self):
        with pytest.raises(ValueError, match="holds probabilities, 0 to 1"):
            beam_search(np.array([[0.6, 0.4], [0.5, 0.5]]))

    def test_the_blank_may_be_any_class(self):
        probs = np.random.default_rng(5).dirichlet(np.ones(4), size=6)
        first = beam_search(np.log(probs), 8)[0]
        last = beam_search(np.log(np.roll(probs, -1, axis=1)), 8, blank=3)[0]
        assert last.labels == tuple(k - 1 for k in first.labels) and math.isclose(last.log_prob, first.log_prob)


def test_the_probability_is_exact_however_narrow_the_beam():
    rng = np.random.default_rng(6)
    log_probs = np.log(rng.dirichlet(np.full(20, 0.3), size=40))
    for width in (1, 2, 5, 20):
        found = beam_search(log_probs, width, top=width)
        scores = [h.score for h in found]
        assert len(found) == width and scores == sorted(scores, reverse=True)
        assert beam_search(log_probs, width, top=1) == found[:1]
        for h in found:
            want = forward_backward(log_probs, h.labels).log_likelihood
            assert math.isclose(h.log_prob, want, rel_tol=1e-12) and h.score == h.log_prob


@pytest.mark.parametrize("scale", [30.0, 400.0])
def test_what_no_float64_holds_as_a_probability_is_decoded_all_the_same(scale):
    log_probs = scale * np.random.default_rng(7).normal(size=(60, 6))
    found = beam_search(log_probs, 4, top=4)
    want = sorted((h.log_prob for h in found), reverse=True)
    assert [h.log_prob for h in found] == want and all(math.isfinite(p) for p in want)
    slow, _ = beam.search(log_probs, 4, 0, None, None, 0.5, 0.0)
    assert {h.labels for h in found} == {text for text, *_ in slow}
    assert math.isclose(want[0], forward_backward(log_probs, found[0].labels).log_likelihood, rel_tol=1e-12)


class TestLexicon:
    def test_the_best_word_of_a_lexicon_is_found(self):
        rng = np.random.default_rng(8)
        for _ in range(500):
            log_probs, blank = random_case(rng)
            lexicon = Lexicon(random_words(rng, log_probs.shape[1], blank), blank)
            truth = every_text(log_probs, blank)
            best = max(truth.get(word, 0.0) for word in lexicon.words)
            for found in (
                beam_search(log_probs, EVERYTHING, blank=blank, lexicon=lexicon),
                beam_search(log_probs, 1, blank=blank, lexicon=lexicon),  # may miss the best, never all
            ):
                assert bool(found) == (best > 0)
                assert all(h.labels in lexicon and math.isclose(math.exp(h.log_prob), truth[h.labels]) for h in found)
            if best > 0:
                (widest,) = beam_search(log_probs, EVERYTHING, blank=blank, lexicon=lexicon)
                assert math.isclose(math.exp(widest.log_prob), best, rel_tol=1e-9)

    def test_where_no_kept_prefix_is_a_word_the_beam_is_widened(self):
        log_probs = np.log(0.97 * np.eye(4)[[1, 0, 1, 0, 1]] + 0.0075)  # reads 1 1 1
        lexicon = Lexicon([(1, 1, 1, 2, 3), (2, 3), (3,)])
        (found,) = beam_search(log_probs, 1, lexicon=lexicon)
        assert found.labels in {(1, 1, 1, 2, 3), (2, 3), (3,)}

    def test_no_word_that_fits_gives_nothing(self):
        log_probs = np.log(np.full((2, 3), 1 / 3))
        assert beam_search(log_probs, lexicon=Lexicon([(1, 2, 1, 2)])) == []

    def test_the_papers_procedure_takes_the_most_probable_of_the_near_words(self):
        rng = np.random.default_rng(9)
        for _ in range(300):
            log_probs, blank = random_case(rng, 6, 4)
            lexicon, distance = Lexicon(random_words(rng, log_probs.shape[1], blank), blank), int(rng.integers(0, 4))
            read, truth = best_path(log_probs, blank), every_text(log_probs, blank)
            near = {word: truth.get(word, 0.0) for word, _ in lexicon.near(read, distance)}
            (found,) = lexicon_search(log_probs, lexicon, distance, blank=blank) or [None]
            if max(near.values(), default=0.0) > 0:
                assert math.isclose(near[found.labels], max(near.values()), rel_tol=1e-9)
            elif truth.get(read, 0.0) > 0:
                assert found.labels == read


class Chance:
    """A language in Python: every label as probable as its number says, and nothing known about the end."""

    def start(self) -> int:
        return 0

    def step(self, state: int, label: int) -> tuple[int, float]:
        return state + 1, math.log(label / 10) - 0.1 * state


def test_a_language_moves_the_score_and_not_the_probability():
    rng = np.random.default_rng(10)
    for _ in range(200):
        log_probs, _ = random_case(rng, 5, 4)
        C, alpha, beta = log_probs.shape[1], float(rng.uniform(0, 2)), float(rng.uniform(-1, 2))
        ngram = NGram.train(random_words(rng, C, 0), C, 3)
        truth = {text: math.log(p) for text, p in every_text(log_probs).items() if p > 0}
        for language, log_p in (
            (ngram, ngram.log_prob),
            (Chance(), lambda text: sum(math.log(k / 10) - 0.1 * i for i, k in enumerate(text))),
        ):
            score = {text: p + alpha * log_p(text) + beta * len(text) for text, p in truth.items()}
            found = beam_search(log_probs, EVERYTHING, language=language, alpha=alpha, beta=beta)
            if not truth:
                assert found == []
                continue
            assert math.isclose(found[0].score, max(score.values()), rel_tol=1e-6, abs_tol=1e-6)
            assert math.isclose(found[0].log_prob, truth[found[0].labels], rel_tol=1e-9, abs_tol=1e-9)


class TestBatch:
    def test_a_batch_is_its_samples_each_over_its_own_length(self):
        rng = np.random.default_rng(11)
        log_probs = np.log(rng.dirichlet(np.full(30, 0.3), size=(50, 12)))  # T N C
        lengths = [50, 1, 0, 20, 50, 49, 3, 2, 30, 31, 32, 33]
        alone = [beam_search(log_probs[:T, n], 8, top=2) for n, T in enumerate(lengths)]
        for n, T in enumerate(lengths):
            log_probs[T:, n] = math.nan  # what lies past a sample's length reaches nothing
        before = torch.get_num_threads()
        try:
            for threads in (1, 2):
                torch.set_num_threads(threads)
                assert beam_search_batch(log_probs, lengths, 8, top=2) == alone
        finally:
            torch.set_num_threads(before)

    def test_no_frames_spell_the_empty_text_and_no_samples_nothing(self):
        (found,) = beam_search(np.zeros((0, 3)))
        assert found.labels == () and found.log_prob == 0
        assert beam_search_batch(np.zeros((4, 0, 3)), []) == []


def test_tensors_are_taken_like_arrays():
    log_probs = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)).log_softmax(1)
    assert beam_search(log_probs) == beam_search(log_probs.numpy())
    assert beam_search(log_probs.clone().requires_grad_()) == beam_search(log_probs)
    half = log_probs.bfloat16()
    assert beam_search(half) == beam_search(half.float())
    assert beam_search_batch(log_probs[:, None], torch.tensor([7])) == [beam_search(log_probs)]


def test_the_search_for_the_most_probable_text_says_when_it_gives_up():
    log_probs = np.log(np.random.default_rng(12).dirichlet(np.full(20, 50.0), size=20))  # sure of nothing
    tired = most_probable(log_probs, patience=50)
    assert not tired.proved and tired.bound > tired.log_prob
    assert math.isclose(tired.log_prob, forward_backward(log_probs, tired.labels).log_likelihood, rel_tol=1e-9)
    sure = np.log(0.99 * np.eye(20)[np.random.default_rng(13).integers(20, size=20)] + 0.01 / 20)
    assert most_probable(sure, patience=50).proved
    assert most_probable(np.zeros((0, 3))).labels == ()


def test_texts_are_weighed_together():
    log_probs = np.log(np.random.default_rng(14).dirichlet(np.ones(4), size=5))
    texts = [(), (1,), (1, 1), (3, 2, 1), (1, 1, 1, 1)]
    truth = every_text(log_probs)
    assert np.allclose(np.exp(text_log_probs(log_probs, texts)), [truth.get(text, 0.0) for text in texts])
    assert text_log_probs(log_probs, []).shape == (0,)


GOOD = np.log(np.full((3, 4), 0.25))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: beam_search(GOOD[0]), "must be T x C"),
        (lambda: beam_search(np.full((2, 3), math.nan)), "nan at t=0, class 0"),
        (lambda: beam_search(GOOD, 0), "width is 1 or more, and is 0"),
        (lambda: beam_search(GOOD, top=0), "top is 1 or more, and is 0"),
        (lambda: beam_search(GOOD, blank=4), "blank is class 4, and class indices run from 0 to 3"),
        (lambda: beam_search(GOOD, alpha=math.nan), "alpha and beta are finite numbers"),
        (lambda: beam_search(GOOD, lexicon=Lexicon([(5,)])), "labels up to 5 and the blank 0, and log_probs have 4"),
        (lambda: beam_search(GOOD, lexicon=Lexicon([(1,)], blank=2)), "the blank 2, and log_probs have 4 classes and"),
        (lambda: beam_search(GOOD, language=NGram.train([(1,)], 5)), "made for 5 classes and the blank 0"),
        (lambda: beam_search_batch(GOOD, [3]), "must be T x N x C, with N = 1"),
        (lambda: beam_search_batch(GOOD[:, None], [4]), r"input_lengths\[0\] is 4, and log_probs have 3"),
        (lambda: most_probable(GOOD, blank=-1), "blank"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_list_of_words_is_no_lexicon():
    with pytest.raises(TypeError, match=r"lexicon must be a Lexicon, and is list; make one: Lexicon\(words\)"):
        beam_search(GOOD, lexicon=[(1, 2)])
    assert search.beam_search is beam_search
