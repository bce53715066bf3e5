"""Prefix beam search as it is explained: a dictionary of prefixes that grows frame by frame, in log space.

Slow and readable. ``fast/beam.py`` is the same in machine code; this one also takes languages that are Python objects.

Source: Graves et al., "Connectionist Temporal Classification", ICML 2006, section 3.2 (prefixes); Hannun et al.,
"First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs", 2014, algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from crnn_lessons.ctc.lexicon import ROOT, Lexicon

NOTHING = -math.inf
Found = tuple[tuple[int, ...], float, float]
"""A text, its bonus, and ln p(text | X), NaN where that was not computed."""


class Language(Protocol):
    """What a beam search asks of a language model. It may also have ``end(state)``, the log-probability of the end."""

    def start(self) -> Any:
        """The state before the first label."""

    def step(self, state: Any, label: int) -> tuple[Any, float]:
        """The state after one more label, and the natural logarithm of that label's probability."""


class Prefix(NamedTuple):
    """What never changes about a prefix, whatever the frames say.

    Attributes:
        place: its node in the lexicon's trie.
        state: the state of the language behind it.
        bonus: what language and length add to the logarithm of its probability.
    """

    place: int
    state: Any
    bonus: float


def log_add(a: float, b: float) -> float:
    """ln(exp a + exp b). Two zeros, both minus infinity, would give NaN without the question."""
    high, low = max(a, b), min(a, b)
    return high if low == NOTHING else high + math.log1p(math.exp(low - high))


def search(
    log_probs: np.ndarray,
    width: int,
    blank: int,
    lexicon: Lexicon | None,
    language: Language | None,
    alpha: float,
    beta: float,
    watch: Callable[[dict[tuple[int, ...], tuple[float, float]]], None] = lambda beam: None,
) -> tuple[list[Found], bool]:
    """The texts in the beam after the last frame, and whether the beam was ever full.

    The arguments are those of ``search.beam_search``; ``watch`` gets the beam after each frame, the best prefix first.
    """
    labels = [(k, ROOT) for k in range(log_probs.shape[1]) if k != blank]
    known = {(): Prefix(ROOT, None if language is None else language.start(), 0.0)}
    beam, full = {(): (0.0, NOTHING)}, False  # of each prefix: its paths that end in the blank, and in its last label
    for row in log_probs.tolist():
        grown = {prefix: [NOTHING, NOTHING] for prefix in beam}
        for prefix, (by_blank, by_label) in beam.items():
            total, last = log_add(by_blank, by_label), prefix[-1] if prefix else None
            grown[prefix][0] = total + row[blank]
            if prefix:
                grown[prefix][1] = log_add(grown[prefix][1], by_label + row[last])
            for k, place in labels if lexicon is None else lexicon.after(known[prefix].place):
                longer = (*prefix, k)
                if longer not in known:
                    known[longer] = _extend(known[prefix], k, place, language, alpha, beta)
                # subtle: behind its own last label, a label is new only where a blank lies between
                mass = (by_blank if k == last else total) + row[k]
                ends = grown.setdefault(longer, [NOTHING, NOTHING])
                ends[1] = log_add(ends[1], mass)
        scores = {prefix: log_add(*ends) + known[prefix].bonus for prefix, ends in grown.items()}
        alive = [prefix for prefix, score in scores.items() if score > NOTHING]
        beam = {prefix: tuple(grown[prefix]) for prefix in sorted(alive, key=scores.get, reverse=True)[:width]}
        full |= len(beam) == width
        watch(beam)
    texts = [prefix for prefix in beam if lexicon is None or lexicon.word[known[prefix].place] >= 0]
    end = getattr(language, "end", None)
    ends = {p: 0.0 if end is None else alpha * end(known[p].state) for p in texts}
    return [(p, known[p].bonus + ends[p], math.nan) for p in texts], full


def search_batch(log_probs: np.ndarray, input_lengths: np.ndarray, *how: Any) -> list[tuple[list[Found], bool]]:
    """``search`` for each of N sequences, T N C."""
    return [search(log_probs[:T, n], *how) for n, T in enumerate(input_lengths)]


def _extend(prefix: Prefix, k: int, place: int, language: Language | None, alpha: float, beta: float) -> Prefix:
    if language is None:
        return Prefix(place, None, prefix.bonus + beta)
    state, log_prob = language.step(prefix.state, k)
    return Prefix(place, state, prefix.bonus + alpha * log_prob + beta)
