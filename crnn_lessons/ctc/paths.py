"""The most probable path: of all paths (best path decoding), and of those that spell a given target (alignment)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_blank, check_target, collapse, min_frames
from crnn_lessons.ctc.lattice import check_log_probs, extend, predecessors


def best_path(log_probs: np.ndarray | Tensor, blank: int = BLANK) -> tuple[int, ...]:
    """Take the most probable class at each step, then collapse the path.

    This is the text of the most probable *path*, which need not be the most probable *text*: a text gathers the
    probability of all its alignments.

    Args:
        log_probs: T x C log-probabilities (or anything that orders the classes alike: probabilities, logits).
        blank: the class index of the blank.

    Returns:
        The labels, at most T of them. Of equally probable classes the one with the lowest index is taken.

    Raises:
        ValueError: no T x C array, or a NaN or +inf in it; a blank that is no class.

    Source: Graves et al. 2006, section 3.2, equation 4.
    """
    log_probs = check_log_probs(log_probs)
    return collapse(log_probs.argmax(axis=1), check_blank(blank, log_probs.shape[1]))


def forced_alignment(
    log_probs: np.ndarray | Tensor, target: Sequence[int], blank: int = BLANK
) -> tuple[np.ndarray, float]:
    """The one most probable alignment of a target.

    Args:
        log_probs: T x C log-probabilities.
        target: S class indices, none of them the blank.
        blank: the class index of the blank.

    Returns:
        The row of the lattice (0 to 2S) at each of the T steps, and the path's log-probability. Of paths that are
        equally probable, the one in the lowest row at the last step, then at the step before, and so on.

    Raises:
        ValueError: no alignment exists, since T < S + r, or none has a probability above zero.

    Source: Rabiner 1989, section III.B, on the lattice of Graves et al. 2006.
    """
    log_probs = check_log_probs(log_probs)
    T, C = log_probs.shape
    target = check_target(target, blank, C)
    if min_frames(target) > T:
        raise ValueError(
            f"a target of {len(target)} labels with {min_frames(target) - len(target)} adjacent repeats needs "
            f"{min_frames(target)} time steps, and there are {T}"
        )
    rows = extend(target, blank)
    L = len(rows)
    if T == 0:
        return np.zeros(0, dtype=np.int64), 0.0

    score = np.full((T, L), -np.inf)
    came_from = np.zeros((T, L), dtype=np.int64)
    score[0, :2] = log_probs[0, rows[:2]]
    for t in range(1, T):
        for s in range(L):
            # sorted: of equal scores the lowest row wins
            best = max(sorted(predecessors(rows, s, blank)), key=lambda q: score[t - 1, q])
            came_from[t, s] = best
            score[t, s] = score[t - 1, best] + log_probs[t, rows[s]]

    path = np.zeros(T, dtype=np.int64)
    path[-1] = max(range(max(0, L - 2), L), key=lambda s: score[T - 1, s])
    if score[T - 1, path[-1]] == -np.inf:
        raise ValueError("every alignment of this target has the probability zero; there is no best one")
    for t in range(T - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path, float(score[T - 1, path[-1]])
