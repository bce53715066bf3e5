"""The most probable text, proved: best prefixes first, until nothing that is left can win.

Source: Graves et al., "Connectionist Temporal Classification", ICML 2006, section 3.2, prefix search decoding, without
the heuristic that cuts the sequence at its blanks. The number of prefixes to look at grows exponentially with T, unless
the network is sure of itself.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_blank
from crnn_lessons.ctc.lattice import check_log_probs


@dataclass(frozen=True)
class MostProbable:
    """The best text that a search has found, and what it knows about all others.

    Attributes:
        labels: its class indices.
        log_prob: ln p(labels | X).
        bound: no other text has a ln p above this.
    """

    labels: tuple[int, ...]
    log_prob: float
    bound: float

    @property
    def proved(self) -> bool:
        """Whether no text is more probable; if not, the search gave up."""
        return self.log_prob >= self.bound


def most_probable(log_probs: ArrayLike, *, blank: int = BLANK, patience: int = 20_000) -> MostProbable:
    """Find the most probable text by branch and bound.

    Args:
        log_probs: T x C log-probabilities; they need not sum to one.
        blank: the class index of the blank.
        patience: after so many prefixes the search gives up, and returns the best text so far.

    Raises:
        ValueError: no T x C array, a NaN or +inf in it, or a blank that is no class.
    """
    frames = check_log_probs(log_probs)
    T, C = frames.shape
    blank = check_blank(blank, C)
    # Whatever comes after frame t: the sum over all paths of the frames behind it, 0 where rows sum to 1.
    rest = np.zeros(T + 1)
    rest[:T] = np.cumsum(np.logaddexp.reduce(frames, axis=1)[::-1])[::-1]
    by_blank = np.concatenate([[0.0], np.cumsum(frames[:, blank])])  # of the empty prefix, after 0 to T frames
    waiting = [(-rest[0], (), by_blank, np.full(T + 1, -np.inf))]
    best, best_log_prob = (), -np.inf
    for _ in range(patience):
        if not waiting or -waiting[0][0] <= best_log_prob:
            break
        _, prefix, by_blank, by_label = heapq.heappop(waiting)
        if (log_prob := np.logaddexp(by_blank[T], by_label[T])) > best_log_prob:
            best, best_log_prob = prefix, float(log_prob)
        total = np.logaddexp(by_blank, by_label)
        begins = total[:-1, None] + frames  # T C: label k begins in frame t
        if prefix:
            begins[:, prefix[-1]] = by_blank[:-1] + frames[:, prefix[-1]]
        bounds = np.logaddexp.reduce(begins + rest[1:, None], axis=0)  # all texts with this beginning together
        wanted = np.flatnonzero((bounds > best_log_prob) & (np.arange(C) != blank))
        longer = np.full((2, T + 1, len(wanted)), -np.inf)  # after 0 to T frames: in the blank, in the new label
        for t in range(T):
            stay = longer[1, t] + frames[t, wanted]
            longer[:, t + 1] = np.logaddexp(*longer[:, t]) + frames[t, blank], np.logaddexp(stay, begins[t, wanted])
        for i, k in enumerate(wanted.tolist()):
            heapq.heappush(waiting, (-bounds[k], (*prefix, k), longer[0, :, i], longer[1, :, i]))
    return MostProbable(best, best_log_prob, max(best_log_prob, -waiting[0][0]) if waiting else best_log_prob)
