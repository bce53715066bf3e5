"""The memory in which a group of sequences is solved: what the compiled kernels pass to each other.

A step has two rows, S + 1 blanks and S labels; label k stands between blank k and blank k + 1. A group is either one
sample, and eight neighbouring places of a row are then eight labels; or eight short samples, and place 8 k + j is
label k of sample j. Both are the same program: label k - 1 stands ``stride`` = 1 or 8 places before label k.

Rows begin at a cache line and are padded to P places, whole lines. The padding are labels of probability 0 above the
last: nothing ever comes down from there.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numba import njit

from crnn_lessons.ctc.kernels_group import places, whole_lines
from crnn_lessons.ctc.kernels_lanes import LANES, spread, sum_of
from crnn_lessons.ctc.kernels_load import load, store


class Room(NamedTuple):
    """Arrays for T steps, rows of P places, and ``stride`` samples, 1 or LANES.

    Attributes:
        emit_blank: T x stride, the blank's probability at each step; before that, its logarithm.
        emit_label: T x P, the labels' likewise, 0 beyond S.
        enter: P, a factor for the step from blank k into label k; 1 beyond S.
        skip: P, a factor for the step from label k - 1 into label k; 0 where it is not allowed, and beyond S.
        blank_alpha: T x P.
        label_alpha: T x P; afterwards the posteriors of the labels.
        total: T x stride, the sum of both rows; on its way to step t + 1 all of step t is divided by it.
        beta: 2 x 2 x P, (even or odd steps) x (blanks, labels).
        blank_posterior: T x stride, of all blanks together.
        all_emit_blank: all of emit_blank on one axis, and on to a multiple of LANES.
    """

    emit_blank: np.ndarray
    emit_label: np.ndarray
    enter: np.ndarray
    skip: np.ndarray
    blank_alpha: np.ndarray
    label_alpha: np.ndarray
    total: np.ndarray
    beta: np.ndarray
    blank_posterior: np.ndarray
    all_emit_blank: np.ndarray


_kept = threading.local()


def memory_for(threads: int, size: int) -> np.ndarray:
    """Memory of a size for each thread, threads x size.

    It is kept for the next call, since fetching it from the system anew takes as long as a third of the work.
    """
    size += -size % LANES
    kept = getattr(_kept, "memory", None)
    if kept is None or kept.size < threads * size + LANES:
        kept = _kept.memory = np.empty(threads * size + LANES)
        _kept.start = -kept.ctypes.data % (8 * LANES) // 8  # where a cache line begins
    return kept[_kept.start : _kept.start + threads * size].reshape(threads, size)


def room_size(T: int, S: int, stride: int) -> int:
    """How many float64 a room for T steps and at most S labels takes."""
    P = places.py_func(S, stride)
    return (3 * T + 6) * P + 3 * whole_lines.py_func(T * stride)


@njit(error_model="numpy")
def room_in(memory, T, S, stride):
    """A room for T steps and at most S labels at the start of the memory; what stood there is lost."""
    P = places(S, stride)
    a = T * P
    b = 2 * a
    c = 3 * a
    d = c + 6 * P
    e = T * stride
    f = whole_lines(e)
    beside = memory[c:d].reshape(6, P)
    return Room(
        emit_blank=memory[d : d + e].reshape(T, stride),
        emit_label=memory[:a].reshape(T, P),
        enter=beside[0],
        skip=beside[1],
        blank_alpha=memory[a:b].reshape(T, P),
        label_alpha=memory[b:c].reshape(T, P),
        total=memory[d + f : d + f + e].reshape(T, stride),
        beta=beside[2:6].reshape(2, 2, P),
        blank_posterior=memory[d + 2 * f : d + 2 * f + e].reshape(T, stride),
        all_emit_blank=memory[d : d + f],
    )


@njit(error_model="numpy")
def each(numbers):
    """One number a sample, for eight places of a row: eight samples' numbers, or one sample's in each lane."""
    return load(numbers, 0) if len(numbers) > 1 else spread(numbers[0])


@njit(error_model="numpy")
def keep_sums(numbers, values):
    """Write the sums over a row, one a sample, given those over its places 0, 8, 16 and so on, 1, 9, 17 and so on."""
    if len(numbers) > 1:
        store(numbers, 0, values)
    else:
        numbers[0] = sum_of(values)
