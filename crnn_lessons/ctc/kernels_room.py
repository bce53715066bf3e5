"""The memory in which one sequence is solved: what the compiled kernels pass to each other.

A step has two rows, S + 1 blanks and S labels; label k stands between blank k and blank k + 1. Rows begin at a cache
line and are padded to K places, whole lines, so that a loop over k runs as vector instructions at full speed. The
padding are labels of probability 0 above the last: nothing ever comes down from there. ROW more places follow, for
what is read at k + 1. The labels' alpha begins at place ROW of its row: label k - 1 is read where k = 0, and a 0 must
stand there.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numba import njit

ROW = 8
"""float64 in a cache line."""


class Room(NamedTuple):
    """Arrays for T steps and S labels; ``width`` is K + ROW.

    Attributes:
        emit_blank: T, the blank's probability at each step; before that, its logarithm.
        emit_label: T x width, the labels' likewise, 0 beyond S.
        enter: width, a factor for the step from blank k into label k; 1 beyond S.
        skip: width, a factor for the step from label k - 1 into label k; 0 where it is not allowed, and beyond S.
        blank_alpha: T x width.
        label_alpha: T x width, label k at place ROW + k; afterwards the posteriors of the labels.
        scale: T, what all of step t is multiplied with on its way to step t + 1.
        beta: 2 x 2 x width, (even or odd steps) x (blanks, labels).
        blank_posterior: T, of all blanks together.
    """

    emit_blank: np.ndarray
    emit_label: np.ndarray
    enter: np.ndarray
    skip: np.ndarray
    blank_alpha: np.ndarray
    label_alpha: np.ndarray
    scale: np.ndarray
    beta: np.ndarray
    blank_posterior: np.ndarray


_kept = threading.local()


def memory_for(threads: int, T: int, S: int) -> np.ndarray:
    """Memory for a room of at most T steps and S labels for each thread, threads x size.

    It is kept for the next call, since fetching it from the system anew takes as long as a third of the work.
    """
    size = (3 * T + 6) * (padded(S) + ROW) + 3 * T
    size += -size % ROW
    kept = getattr(_kept, "memory", np.empty(0))
    if kept.size < threads * size + ROW:
        kept = _kept.memory = np.empty(threads * size + ROW)
    start = -kept.ctypes.data % (8 * ROW) // 8  # where a cache line begins
    return kept[start : start + threads * size].reshape(threads, size)


@njit
def room_in(memory, T, S):
    """A room for T steps and S labels at the start of the memory; what stood there is lost."""
    width = padded(S) + ROW
    a = T * width  # the arrays with rows come first: each ends at the end of a cache line
    b = 2 * a
    c = 3 * a
    d = c + 4 * width
    e = d + width
    f = e + width
    return Room(
        emit_blank=memory[f : f + T],
        emit_label=memory[:a].reshape(T, width),
        enter=memory[d:e],
        skip=memory[e:f],
        blank_alpha=memory[a:b].reshape(T, width),
        label_alpha=memory[b:c].reshape(T, width),
        scale=memory[f + T : f + 2 * T],
        beta=memory[c:d].reshape(2, 2, width),
        blank_posterior=memory[f + 2 * T : f + 3 * T],
    )


@njit
def padded(S):
    """K, the least multiple of ROW above S: room for S + 1 blanks."""
    return (S // ROW + 1) * ROW
