"""Forward and backward variables in probabilities, fast, with a proof that nothing was lost.

The recursions are those of Graves et al. 2006, equations 5 to 11, rescaled at each step as Rabiner 1989 does in
section V.A: sums and products, no exp or log per cell. A float64 ends at 1e-308, and a path whose share at some step
lies below that is lost, even if it is the best one in the end. So alpha can only be too large: each cell gets FLOOR on
top, far more than what underflow takes away. And beta can only be too small: what falls below TINY becomes 0. If
p(Y | X) by alpha at the last step and by beta at the first agree, the truth lies between them. The posteriors are then
right, too: what FLOOR adds to the alpha of a cell, times the cell's beta, reaches the last step, and so counts in the
difference; likewise what beta lacks, at the first.

*Tilting* widens the range: a path pays enter[k] once, when it enters label k. All paths of a target enter all of its
labels, so their sum is off by a known factor and the posteriors are not. The factor makes label k, in its best frame,
as probable as the blank.

A step takes eight places of a row at a time, which are eight labels of one sample or one label of eight samples; how
far label k - 1 is from label k (``stride``) is all that differs.
"""

from __future__ import annotations

import math

from numba import njit

from crnn_lessons.ctc.kernels_lanes import LANES, choose_below, one_down, one_up, spread
from crnn_lessons.ctc.kernels_load import load, store
from crnn_lessons.ctc.kernels_room import each, keep_sums

FLOOR = 1e-240
TINY = 1e-260
MOST_TILT = 100.0
"""The largest |ln enter|. An emission lost below 1e-290, times e^100 = 3e43, stays far below FLOOR."""
NARROW, WIDE = 1e-90, 1e90
"""A sample with a step whose total leaves this range is left to log space."""


@njit(error_model="numpy")
def tilt(room, S):
    """Fill in the S factors ``enter`` of one sample from log emissions, and return the sum of their logarithms."""
    enter = room.enter[:S]
    enter[:] = -MOST_TILT
    for t in range(len(room.emit_blank)):
        row, log_blank = room.emit_label[t, :S], room.emit_blank[t, 0]
        for k in range(S):
            ahead = row[k] - log_blank
            enter[k] = ahead if ahead > enter[k] else enter[k]
    total = 0.0
    for k in range(S):
        log_factor = -min(enter[k], MOST_TILT)
        total += log_factor
        enter[k] = math.exp(log_factor)
    return total


@njit(error_model="numpy")
def forward(room, stride):
    """Fill in alpha, too large if anything, and the totals."""
    T, P = room.emit_label.shape
    room.blank_alpha[0] = FLOOR
    room.label_alpha[0] = FLOOR
    room.total[0] = 0.0
    for j in range(stride):
        room.blank_alpha[0, j] += room.emit_blank[0, j]
        room.label_alpha[0, j] += room.enter[j] * room.emit_label[0, j]
        room.total[0, j] = room.blank_alpha[0, j] + room.label_alpha[0, j]
    for t in range(1, T):
        blanks, labels, probability = room.blank_alpha[t - 1], room.label_alpha[t - 1], room.emit_label[t]
        blanks_now, labels_now = room.blank_alpha[t], room.label_alpha[t]
        scale = 1.0 / each(room.total[t - 1])
        blank_probability, total = each(room.emit_blank[t]) * scale, spread(0.0)
        before = spread(0.0)  # before the first label there is none
        for i in range(0, P, LANES):
            blank, label = load(blanks, i), load(labels, i)
            below = one_down(before, label) if stride == 1 else before
            before = label
            into_blank = (blank + below) * blank_probability + FLOOR
            reached = label + load(room.enter, i) * blank + load(room.skip, i) * below
            into_label = reached * (load(probability, i) * scale) + FLOOR
            store(blanks_now, i, into_blank)
            store(labels_now, i, into_label)
            total = total + (into_blank + into_label)
        keep_sums(room.total[t], total)


@njit(error_model="numpy")
def log_likelihood(room, S, stride, j):
    """ln p(Y | X) of sample j by alpha, and what the two cells hold in which its paths end; NaN where alpha failed."""
    T = len(room.total)
    log_scales, product = 0.0, 1.0
    for t in range(T - 1):
        total = room.total[t, j]
        if not NARROW < total < WIDE:  # so written, NaN ends up here
            return math.nan, math.nan
        product *= total
        if not NARROW < product < WIDE:  # a logarithm now and then, not at each step
            log_scales += math.log(product)
            product = 1.0
    end = room.blank_alpha[T - 1, S * stride + j]
    if S > 0:
        end += room.label_alpha[T - 1, (S - 1) * stride + j]
    return log_scales + math.log(product) + math.log(end), end


@njit(error_model="numpy")
def end_at(room, S, stride, j, end):
    """Fill in beta of sample j at the last step, over p(Y | X), and the posteriors; all were 0, alpha excepted."""
    T = len(room.emit_blank)
    last, blank, label = (T - 1) % 2, S * stride + j, (S - 1) * stride + j
    room.beta[last, 0, blank] = 1.0 / end
    room.blank_posterior[T - 1, j] = room.blank_alpha[T - 1, blank] / end
    if S > 0:
        room.beta[last, 1, label] = 1.0 / end
        for k in range(S):
            room.label_alpha[T - 1, k * stride + j] *= (k == S - 1) / end


@njit(error_model="numpy")
def backward(room, stride):
    """Fill in the posteriors, those of the labels over their alpha; beta, too small if anything, keeps two steps."""
    T, P = room.emit_label.shape
    for t in range(T - 2, -1, -1):
        blanks, labels, probability = room.blank_alpha[t], room.label_alpha[t], room.emit_label[t + 1]
        blank_after, label_after = room.beta[1 - t % 2, 0], room.beta[1 - t % 2, 1]
        blank_beta, label_beta = room.beta[t % 2, 0], room.beta[t % 2, 1]
        scale = 1.0 / each(room.total[t])
        blank_probability, all_blanks = each(room.emit_blank[t + 1]) * scale, spread(0.0)
        after_blank = after_skip = spread(0.0)  # those of the places above
        for i in range(P - LANES, -1, -LANES):
            through = load(label_after, i) * (load(probability, i) * scale)  # all that goes on through label k
            blank, skip = load(blank_after, i) * blank_probability, load(room.skip, i) * through
            if stride == 1:
                from_label = through + one_up(blank, after_blank) + one_up(skip, after_skip)
            else:
                from_label = through + after_blank + after_skip
            after_blank, after_skip = blank, skip
            from_blank = blank + load(room.enter, i) * through
            from_label = choose_below(TINY, from_label, from_label, 0.0)
            from_blank = choose_below(TINY, from_blank, from_blank, 0.0)
            store(label_beta, i, from_label)
            store(blank_beta, i, from_blank)
            store(labels, i, load(labels, i) * from_label)
            all_blanks = all_blanks + load(blanks, i) * from_blank
        keep_sums(room.blank_posterior[t], all_blanks)


@njit(error_model="numpy")
def agreement(room, j):
    """p(Y | X) of sample j by beta divided by p(Y | X) by alpha: at most 1, and 1 where nothing was lost."""
    into_label = room.enter[j] * room.emit_label[0, j]
    return room.emit_blank[0, j] * room.beta[0, 0, j] + into_label * room.beta[0, 1, j]
