"""How sure a reading is: letter by letter, and as a whole, with a temperature that makes the number mean what it says.

Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017 (temperature: equation 9, calibration error:
equation 3); Slossberg et al., "On Calibration of Scene-Text Recognition Models", 2020: calibrate words, not characters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_target
from crnn_lessons.ctc.lattice import check_log_probs
from crnn_lessons.ctc.search import text_log_probs

COLDEST, HOTTEST = 0.05, 20.0


def letter_posteriors(log_probs: ArrayLike, labels: Sequence[int], blank: int = BLANK) -> np.ndarray:
    """How probable each label is in its place, if the others are right: against every other label, and against none.

    Args:
        log_probs: T x C log-probabilities.
        labels: S class indices, a text whose probability is above zero.
        blank: the class index of the blank.

    Returns:
        S probabilities: that of the text, by the sum of those of all texts that differ from it in this place at most.

    Raises:
        ValueError: log_probs or labels are not what they should be, or the text has the probability zero.
    """
    frames = check_log_probs(log_probs)
    C, labels = frames.shape[1], check_target(labels, blank, frames.shape[1])
    every = [() if k == blank else (k,) for k in range(C)]
    texts = [labels[:i] + one + labels[i + 1 :] for i in range(len(labels)) for one in every]
    log_p = text_log_probs(frames, texts, blank).reshape(-1, C)  # S C
    own = log_p[np.arange(len(labels)), labels]
    if (own == -np.inf).any():
        raise ValueError(f"the text {labels} has the probability zero, and so nothing can be said of its labels")
    return np.exp(own - np.logaddexp.reduce(log_p, axis=1))


def temper(log_probs: ArrayLike, temperature: float) -> np.ndarray:
    """Log-probabilities, T x C, made less sure (temperature above 1) or surer (below); each row sums to 1 again."""
    frames = check_log_probs(log_probs) / temperature
    return frames - np.logaddexp.reduce(frames, axis=1, keepdims=True)


def fit_temperature(
    log_probs: Sequence[ArrayLike], texts: Sequence[Sequence[int]], right: Sequence[bool], blank: int = BLANK
) -> float:
    """The one temperature at which p(text | X) says best how often readings are right.

    Args:
        log_probs: of each word, T x C.
        texts: what was read, class indices.
        right: whether it is what stands there.
        blank: the class index of the blank.

    Returns:
        The temperature, 0.05 to 20, with the least cross-entropy between p(text | X) and what is right, found by golden
        section.

    Raises:
        ValueError: no words, or lists of different lengths.
    """
    if not len(log_probs) == len(texts) == len(right) > 0:
        counts = f"{len(log_probs)} log_probs, {len(texts)} texts and {len(right)} marks"
        raise ValueError(f"each word has log_probs, a text and whether it is right, and there are {counts}")

    def cross_entropy(log_temperature: float) -> float:
        total = 0.0
        for frames, text, is_right in zip(log_probs, texts, right, strict=True):
            p = float(np.exp(text_log_probs(temper(frames, np.exp(log_temperature)), [tuple(text)], blank)[0]))
            total -= np.log(max(p if is_right else 1 - p, 1e-12))  # a certainty that fails costs 28 nats, not all
        return total

    low, high, golden = np.log(COLDEST), np.log(HOTTEST), (5**0.5 - 1) / 2
    for _ in range(20):  # to 0.04 % of the range
        step = golden * (high - low)
        low, high = (low, low + step) if cross_entropy(high - step) < cross_entropy(low + step) else (high - step, high)
    return float(np.exp((low + high) / 2))


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = 10) -> np.ndarray:
    """What a reliability diagram shows: readings sorted by confidence into bins of equal width.

    Returns:
        bins x 3: mean confidence, share of right readings, number of readings. An empty bin has NaN, NaN, 0.
    """
    confidence, right = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(which, values, bins) / counts for values in (confidence, right)]
    return np.stack([*means, counts], axis=1)


def calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = 10) -> float:
    """The expected calibration error: how far confidence and share of right readings are apart, on average."""
    sure, share, counts = reliability(confidence, right, bins).T
    return float(np.nansum(np.abs(sure - share) * counts) / counts.sum())
