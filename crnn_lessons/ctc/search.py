"""From log-probabilities to texts: the most probable ones, free, in a lexicon, or as a language would have them.

A search proposes texts. What is returned for each is its exact probability, the sum over all its alignments: the search
itself knows only those that it has kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK
from crnn_lessons.arrays import as_array
from crnn_lessons.ctc import beam
from crnn_lessons.ctc.alignments import check_blank, whole_number
from crnn_lessons.ctc.fast.choose import available
from crnn_lessons.ctc.language import NGram
from crnn_lessons.ctc.lattice import check_log_probs
from crnn_lessons.ctc.lexicon import Lexicon
from crnn_lessons.ctc.loss import ctc_loss
from crnn_lessons.ctc.paths import best_path


@dataclass(frozen=True)
class Hypothesis:
    """A text that may stand there.

    Attributes:
        labels: its class indices.
        log_prob: ln p(labels | X), the sum over all alignments.
        score: what it is ranked by: log_prob, and what language and length add to it.
    """

    labels: tuple[int, ...]
    log_prob: float
    score: float


def beam_search(
    log_probs: ArrayLike,
    width: int = 10,
    *,
    top: int = 1,
    blank: int = BLANK,
    lexicon: Lexicon | None = None,
    language: beam.Language | None = None,
    alpha: float = 0.5,
    beta: float = 0.0,
) -> list[Hypothesis]:
    """Find texts with a high score, ln p(text | X) + alpha ln p(text) + beta S, by prefix beam search.

    Args:
        log_probs: T x C log-probabilities, an array or a tensor. They are used as they stand, and need not sum to one.
        width: how many prefixes are kept after each frame. Where that is all of them, the result is exact.
        top: how many texts are wanted.
        blank: the class index of the blank.
        lexicon: only its words are written.
        language: gives p(text): an ``NGram``, or any object with the methods of ``beam.Language``, which is slower.
        alpha: the weight of the language.
        beta: the reward for each of the S labels: a language makes texts short, and this makes up for it.

    Returns:
        At most ``top`` texts, and at most ``width``, the best first; of equal ones the first in the order of labels.
        None where no text, or no word of the lexicon, has a probability above zero.

    Raises:
        ValueError: log_probs is no T x C array, has a NaN or +inf, or holds probabilities; a number is out of range;
            the lexicon or the language was made for other classes.

    Source: Hannun et al. 2014, algorithm 1.
    """
    frames = as_array(log_probs, "log_probs must be an array of numbers, T x C")
    if frames.ndim != 2:
        check_log_probs(frames)  # says what is wrong; what else may be is looked at below
    options = {"lexicon": lexicon, "language": language, "alpha": alpha, "beta": beta}
    return beam_search_batch(frames[:, None], [len(frames)], width, top=top, blank=blank, **options)[0]


def beam_search_batch(
    log_probs: ArrayLike,
    input_lengths: Iterable[int],
    width: int = 10,
    *,
    top: int = 1,
    blank: int = BLANK,
    lexicon: Lexicon | None = None,
    language: beam.Language | None = None,
    alpha: float = 0.5,
    beta: float = 0.0,
) -> list[list[Hypothesis]]:
    """``beam_search`` for each of N sequences, T N C, of the lengths given, as many at a time as torch uses threads."""
    frames = as_array(log_probs, "log_probs must be an array of numbers, T x N x C")
    lengths = np.array([whole_number(T, f"input_lengths[{n}]") for n, T in enumerate(input_lengths)], np.int64)
    _check_frames(frames, lengths)
    blank = check_blank(blank, frames.shape[2])
    _check_fit(frames.shape[2], blank, lexicon, language)
    for value, name in ((width, "width"), (top, "top")):
        if whole_number(value, name) < 1:
            raise ValueError(f"{name} is 1 or more, and is {value}")
    if not math.isfinite(alpha) or not math.isfinite(beta):
        raise ValueError(f"alpha and beta are finite numbers, and are {alpha} and {beta}")
    if available("numba") and (language is None or isinstance(language, NGram)):
        from crnn_lessons.ctc.fast.beam import search
    else:
        search = beam.search_batch
    how = blank, lexicon, language, float(alpha), float(beta)
    results = []
    for n, (found, full) in enumerate(search(frames, lengths, width, *how)):
        wide, own = width, frames[: lengths[n], n : n + 1]
        while full and not found:  # none of the prefixes that were kept is a word
            wide *= 2
            ((found, full),) = search(own, lengths[n : n + 1], wide, *how)
        results.append(_weighed(own[:, 0], found, blank)[:top])
    return results


def lexicon_search(
    log_probs: ArrayLike, lexicon: Lexicon, distance: int = 3, *, top: int = 1, blank: int = BLANK
) -> list[Hypothesis]:
    """The most probable words among those within an edit distance of the best path's text.

    Args:
        log_probs: T x C log-probabilities.
        lexicon: the words.
        distance: the most edits; the paper's delta.
        top: how many words are wanted.
        blank: the class index of the blank.

    Returns:
        At most ``top`` words, the most probable first; the best path's own text where no word is near.

    Source: Shi, Bai, Yao 2015, section 2.3.2.
    """
    frames = check_log_probs(log_probs)
    blank = check_blank(blank, frames.shape[1])
    _check_fit(frames.shape[1], blank, lexicon, None)
    text = best_path(frames, blank)
    near = [(word, 0.0, math.nan) for word, _ in lexicon.near(text, distance)]
    return (_weighed(frames, near, blank) or _weighed(frames, [(text, 0.0, math.nan)], blank))[:top]


def text_log_probs(log_probs: ArrayLike, texts: Sequence[Sequence[int]], blank: int = BLANK) -> np.ndarray:
    """ln p(text | X) of each of N texts over the same T x C log-probabilities, in float64.

    Raises:
        ValueError: log_probs is no T x C array, or has a NaN or +inf; or a label that is no class.
    """
    frames = check_log_probs(log_probs)
    T, N, lengths = len(frames), len(texts), [len(text) for text in texts]
    if T == 0 or N == 0:  # of no frames, the empty text is all there is
        return np.where(np.array(lengths, dtype=np.int64) > 0, -np.inf, 0.0)
    labels = torch.tensor([k for text in texts for k in text], dtype=torch.int64)
    every = torch.from_numpy(frames)[:, None].expand(-1, N, -1)
    return -ctc_loss(every, labels, [T] * N, lengths, blank, "none").numpy()


def _weighed(frames: np.ndarray, found: list[beam.Found], blank: int) -> list[Hypothesis]:
    """What a search has found, with exact probabilities, the best first, without what has the probability zero."""
    if any(math.isnan(log_prob) for _, _, log_prob in found):
        late = text_log_probs(frames, [text for text, _, _ in found], blank).tolist()
        found = [(text, bonus, log_prob) for (text, bonus, _), log_prob in zip(found, late, strict=True)]
    hypotheses = [Hypothesis(text, p, p + bonus) for text, bonus, p in found if p > -math.inf]
    return sorted(hypotheses, key=lambda h: (-h.score, h.labels))


def _check_frames(frames: np.ndarray, lengths: np.ndarray) -> None:
    if frames.ndim != 3 or frames.shape[1] != len(lengths):
        wanted = f"T x N x C, with N = {len(lengths)} as input_lengths say"
        raise ValueError(f"log_probs must be {wanted}, and has the shape {frames.shape}")
    for n, T in enumerate(lengths.tolist()):
        if not 0 <= T <= len(frames):
            raise ValueError(f"input_lengths[{n}] is {T}, and log_probs have {len(frames)} time steps")
        own = check_log_probs(frames[:T, n])
        if T and own.min() >= 0 and np.allclose(own.sum(axis=1), 1):
            raise ValueError(
                "log_probs holds probabilities, 0 to 1 and in each frame together 1; take their logarithms"
            )


def _check_fit(C: int, blank: int, lexicon: Any, language: Any) -> None:
    if lexicon is not None and not isinstance(lexicon, Lexicon):
        raise TypeError(f"lexicon must be a Lexicon, and is {type(lexicon).__name__}; make one: Lexicon(words)")
    if lexicon is not None and (lexicon.blank != blank or lexicon.label.max() >= C):
        theirs = f"labels up to {lexicon.label.max()} and the blank {lexicon.blank}"
        raise ValueError(f"the lexicon has {theirs}, and log_probs have {C} classes and the blank {blank}")
    if isinstance(language, NGram) and (language.blank != blank or language.table.shape[1] != C):
        theirs = f"{language.table.shape[1]} classes and the blank {language.blank}"
        raise ValueError(f"the language was made for {theirs}, and log_probs have {C} classes and the blank {blank}")
