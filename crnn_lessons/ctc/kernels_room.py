"""The memory in which one sequence is solved: what the compiled kernels pass to each other.

A step has two rows, S + 1 blanks and S labels; label k stands between blank k and blank k + 1. Rows begin at a cache
line and are padded to K places, whole lines, so that a loop over k runs as vector instructions at full speed. The
padding are labels of probability 0 above the last: nothing ever comes down from there. ROW more places follow where
k + 1 is read. The labels' alpha begins at place ROW of its row: label k - 1 is read where k = 0, and a 0 must
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
    """Arrays for T steps and S labels.

    Attributes:
        emit_blank: T, the blank's probability at each step; before that, its logarithm.
        emit_label: T x K, the labels' likewise, 0 beyond S.
        enter: K + ROW, a factor for the step from blank k into label k; 1 beyond S.
        skip: K + ROW, a factor for the step from label k - 1 into label k; 0 where it is not allowed, and beyond S.
        blank_alpha: T x K.
        label_alpha: T x (ROW + K), label k at place ROW + k; afterwards the posteriors of the labels.
        scale: T, what all of step t is multiplied with on its way to step t + 1.
        beta: 2 x 2 x (K + ROW), (even or odd steps) x (blanks, labels).
        ahead: K + ROW, the labels' emission times beta, of the step after.
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
    ahead: np.ndarray
    blank_posterior: np.ndarray


_kept = threading.local()


def memory_for(threads: int, T: int, S: int) -> np.ndarray:
    """Memory for a room of at most T steps and S labels for each thread, threads x size.

    It is kept for the next call, since fetching it from the system anew takes as long as a third of the work.
    """
    K = padded(S)
    size = T * (3 * K + ROW) + 7 * (K + ROW) + 3 * T
    size += -size % ROW
    kept = getattr(_kept, "memory", np.empty(0))
    if kept.size < threads * size + ROW:
        kept = _kept.memory = np.empty(threads * size + ROW)
    start = -kept.ctypes.data % (8 * ROW) // 8  # where a cache line begins
    return kept[start : start + threads * size].reshape(threads, size)


@njit
def room_in(memory, T, S):
    """A room for T steps and S labels at the start of the memory; what stood there is lost."""
    K = padded(S)
    a = T * K  # the arrays with rows come first: each ends at the end of a cache line
    b = 2 * a
    c = b + T * (ROW + K)
    d = c + 7 * (K + ROW)
    beside = memory[c:d].reshape(7, K + ROW)
    return Room(
        emit_blank=memory[d : d + T],
        emit_label=memory[:a].reshape(T, K),
        enter=beside[0],
        skip=beside[1],
        blank_alpha=memory[a:b].reshape(T, K),
        label_alpha=memory[b:c].reshape(T, ROW + K),
        scale=memory[d + T : d + 2 * T],
        beta=beside[2:6].reshape(2, 2, K + ROW),
        ahead=beside[6],
        blank_posterior=memory[d + 2 * T : d + 3 * T],
    )


@njit
def padded(S):
    """K, the least multiple of ROW above S: room for S + 1 blanks."""
    return (S // ROW + 1) * ROW
