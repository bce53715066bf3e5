"""How sure a reading is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crnn_lessons.ctc import (
    best_path,
    calibration_error,
    enumerate_probability,
    fit_temperature,
    letter_posteriors,
    reliability,
    temper,
    text_log_probs,
)


@pytest.mark.parametrize("seed", range(40))
def test_a_letter_is_weighed_against_all_others_in_its_place(seed):
    rng = np.random.default_rng(seed)
    probs, blank = rng.dirichlet(np.ones(4), size=rng.integers(1, 7)), int(rng.integers(4))
    labels = best_path(probs, blank)
    found = letter_posteriors(np.log(probs), labels, blank)
    assert len(found) == len(labels)
    for i, p in enumerate(found):
        others = [labels[:i] + (() if k == blank else (k,)) + labels[i + 1 :] for k in range(4)]
        total = sum(enumerate_probability(probs, text, blank) for text in others)
        assert math.isclose(p, enumerate_probability(probs, labels, blank) / total, rel_tol=1e-9)


def test_an_impossible_text_has_no_sure_letters():
    with pytest.raises(ValueError, match=r"\(1, 1\) has the probability zero"):
        letter_posteriors(np.log([[0.5, 0.5], [0.5, 0.5]]), (1, 1))


def test_a_temperature_flattens_or_sharpens_and_each_row_still_sums_to_one():
    log_probs = np.log(np.random.default_rng(0).dirichlet(np.ones(5), size=8))
    for temperature in (0.5, 1.0, 3.0):
        tempered = temper(log_probs, temperature)
        assert np.allclose(np.exp(tempered).sum(axis=1), 1)
        assert np.allclose(np.diff(tempered, axis=1), np.diff(log_probs, axis=1) / temperature)
    assert np.allclose(temper(log_probs, 1.0), log_probs)


def honest_reader(seed: int, words: int) -> tuple[list[np.ndarray], list[tuple[int, ...]], list[bool]]:
    """Random posteriors, and truths drawn from them: such a reader is calibrated."""
    rng = np.random.default_rng(seed)
    log_probs, read, right = [], [], []
    for _ in range(words):
        probs = rng.dirichlet(np.full(4, 0.15), size=5)
        path = [rng.choice(4, p=row) for row in probs]
        log_probs.append(np.log(np.maximum(probs, 1e-12)))
        read.append(best_path(probs))
        right.append(read[-1] == best_path(np.eye(4)[path]))
    return log_probs, read, right


def test_the_temperature_of_an_honest_reader_is_one_and_that_of_a_shouting_one_is_found():
    log_probs, read, right = honest_reader(1, 1500)
    assert 0.9 < fit_temperature(log_probs, read, right) < 1.1
    shouting = [temper(frames, 1 / 3) for frames in log_probs]
    temperature = fit_temperature(shouting, read, right)
    assert 2.7 < temperature < 3.3
    errors = []
    for t in (1.0, temperature):
        log_p = [text_log_probs(temper(frames, t), [text])[0] for frames, text in zip(shouting, read, strict=True)]
        errors.append(calibration_error(np.exp(log_p), right))
    before, after = errors
    assert after < 0.05 < 0.15 < before


def test_words_and_marks_must_pair_up():
    with pytest.raises(ValueError, match="1 log_probs, 0 texts and 0 marks"):
        fit_temperature([np.zeros((2, 3))], [], [])
    with pytest.raises(ValueError, match="0 log_probs"):
        fit_temperature([], [], [])


def test_a_reliability_diagram_by_hand():
    sure, right = [0.1, 0.15, 0.55, 0.95, 1.0], [False, True, True, True, True]
    table = reliability(sure, right, bins=2)
    assert np.allclose(table, [[0.125, 0.5, 2], [2.5 / 3, 1.0, 3]])
    assert math.isclose(calibration_error(sure, right, bins=2), (2 * 0.375 + 3 * (1 - 2.5 / 3)) / 5)
    empty = reliability([0.9], [True], bins=10)
    assert np.isnan(empty[0, 0]) and empty[0, 2] == 0 and empty[9].tolist() == [0.9, 1.0, 1.0]
    assert calibration_error([1.0, 1.0], [True, True]) == 0
