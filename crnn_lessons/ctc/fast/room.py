"""The memory in which a group of sequences is solved: what the compiled kernels pass to each other.

A step has two rows, S + 1 blanks and S labels; label k stands between blank k and blank k + 1. A group is either one
sample, and eight neighbouring places of a row are then eight labels; or eight short samples, and place 8 k + j is
label k of sample j. Both are the same program: label k - 1 stands ``stride`` = 1 or 8 places before label k.

Rows begin at a cache line and are padded to P places, whole lines. The padding are labels of probability 0 above the
last: nothing ever comes down from there. Of each row only the places from ``low`` to ``high`` (``group``) are
in use at a step: elsewhere stands what was there before.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numba import njit

from crnn_lessons.ctc.fast.group import places, whole_lines
from crnn_lessons.ctc.fast.lanes import LANES, first_of, spread, sum_of
from crnn_lessons.ctc.fast.load import load, store


class Room(NamedTuple):
    """Numbers of T steps, in rows of P places, for ``stride`` samples, 1 or LANES. All arrays have one axis: row after
    row, or step after step ``stride`` numbers.

    Attributes:
        emit_blank: T + 1 steps, the blank's probability; before that, its logarithm. In all that has T + 1 steps, the
            last of them is one after the end.
        emit_label: T + 1 rows, the labels' likewise, 0 where no alignment can be.
        enter: P, a factor for the step from blank k into label k; 1 beyond S.
        skip: P, a factor for the step from label k - 1 into label k; 0 where it is not allowed, and beyond S.
        blank_alpha: 2 rows, at even and at odd steps.
        label_alpha: 1 + T rows, the first of them before the beginning.
        scale: T + 1 steps, a power of two, by which all of step t - 1 is multiplied on its way to step t.
        log_scale: LANES, minus the sum of the logarithms of the scales to base 2; NaN where alpha grew too large.
        blank_beta, label_beta: 2 rows each, at even and at odd steps.
    """

    emit_blank: np.ndarray
    emit_label: np.ndarray
    enter: np.ndarray
    skip: np.ndarray
    blank_alpha: np.ndarray
    label_alpha: np.ndarray
    scale: np.ndarray
    log_scale: np.ndarray
    blank_beta: np.ndarray
    label_beta: np.ndarray


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
    return (2 * T + 10) * P + 2 * whole_lines.py_func((T + 1) * stride) + LANES


@njit(error_model="numpy")
def room_in(memory, T, S, stride):
    """A room for T steps and at most S labels at the start of the memory; what stood there is lost."""
    P = places(S, stride)
    a = (T + 1) * P
    b = 2 * a
    c = b + 8 * P
    d = whole_lines((T + 1) * stride)
    return Room(
        emit_blank=memory[c : c + d],
        emit_label=memory[:a],
        enter=memory[b : b + P],
        skip=memory[b + P : b + 2 * P],
        blank_alpha=memory[b + 2 * P : b + 4 * P],
        label_alpha=memory[a:b],
        scale=memory[c + d : c + 2 * d],
        log_scale=memory[c + 2 * d : c + 2 * d + LANES],
        blank_beta=memory[b + 4 * P : b + 6 * P],
        label_beta=memory[b + 6 * P : c],
    )


@njit(error_model="numpy")
def each(numbers, i, stride):
    """One number a sample, from i on, for eight places of a row: eight samples' numbers, or one's in each lane."""
    return load(numbers, i) if stride > 1 else spread(numbers[i])


@njit(error_model="numpy")
def keep(numbers, i, stride, values):
    """Write what ``each`` reads."""
    if stride > 1:
        store(numbers, i, values)
    else:
        numbers[i] = first_of(values)


@njit(error_model="numpy")
def each_sum(values, stride):
    """The sum over a row for each sample, given the sums over its places 0, 8, 16 and so on, 1, 9, 17 and so on."""
    return values if stride > 1 else spread(sum_of(values))
