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

import numpy as np
from numba import njit

from crnn_lessons.ctc.kernels_exp import ROUND
from crnn_lessons.ctc.kernels_group import high, low
from crnn_lessons.ctc.kernels_lanes import LANES, choose_below, exponent_of, first_of, one_down, one_up, power_of_two, spread
from crnn_lessons.ctc.kernels_load import clear, fetch_soon, load, store, subtract
from crnn_lessons.ctc.kernels_room import each, each_sum, keep
from crnn_lessons.ctc.kernels_rows import AHEAD, LEAST, LINE

FLOOR = 1e-240
TINY = 1e-260
MOST_TILT = 100.0
"""The largest |ln enter|. An emission lost below 1e-290, times e^100 = 3e43, stays far below FLOOR."""


@njit(error_model="numpy")
def tilt(room, S):
    """Fill in the S factors ``enter`` of one sample from log emissions, and return the sum of their logarithms."""
    P, enter = len(room.enter), room.enter[:S]
    enter[:] = -MOST_TILT
    for t in range(len(room.emit_label) // P - 1):
        row, log_blank = room.emit_label[t * P : t * P + S], room.emit_blank[t]
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
def prepare(room, group):
    """Fill in what stands before the first step and after the last: all alignments are in one blank there."""
    stride, P, zero = len(group.S), len(room.enter), spread(0.0)
    for i in range(P):
        room.skip[i] = room.enter[i] * group.may_skip[i]
    room.scale[:] = 1.0
    room.emit_label[-P:] = 0.0
    room.label_alpha[:P] = 0.0
    room.blank_alpha[P:] = 0.0  # the step before step 0 counts as odd
    keep(room.blank_alpha, P, stride, zero + 1.0)
    room.blank_beta[:] = 0.0
    room.label_beta[:] = 0.0


@njit(error_model="numpy")
def forward(room, group):
    """Fill in alpha, too large if anything, where alignments can be; and 0 in the line above, where the next step looks."""
    stride, P, T = len(group.S), len(room.enter), len(room.label_alpha) // len(room.enter) - 1
    emit_blank, emit_label, enter, skip, scales = room.emit_blank, room.emit_label, room.enter, room.skip, room.scale
    blank_alpha, label_alpha, band, zero = room.blank_alpha, room.label_alpha, group.band, spread(0.0)
    first, log_scale = 0, zero
    for t in range(T):
        now, blanks_now, labels_now = t * P, t % 2 * P, (t + 1) * P
        blanks, labels = P - blanks_now, now
        below_first, first, end = first, low(band, t, stride), high(band, t, stride)
        scale = each(scales, t * stride, stride)
        blank_probability = each(emit_blank, t * stride, stride) * scale
        total, before = zero, load(label_alpha, labels + below_first) if below_first < first else zero
        for i in range(first, end, LANES):
            blank, label = load(blank_alpha, blanks + i), load(label_alpha, labels + i)
            below = one_down(before, label) if stride == 1 else before
            before = label
            into_blank = (blank + below) * blank_probability + FLOOR
            reached = label + load(enter, i) * blank + load(skip, i) * below
            into_label = reached * (load(emit_label, now + i) * scale) + FLOOR
            store(blank_alpha, blanks_now + i, into_blank)
            store(label_alpha, labels_now + i, into_label)
            total = total + (into_blank + into_label)
        if end < high(band, t + 1, stride):
            store(blank_alpha, blanks_now + end, zero)
            store(label_alpha, labels_now + end, zero)
        if t % 2 == 0 and t + 2 < T:  # a factor 2^n rounds nothing, and two steps on nobody has to wait for it
            total = each_sum(total, stride)
            n = exponent_of(total)
            keep(scales, (t + 2) * stride, stride, power_of_two(ROUND - n))
            log_scale = log_scale + n
    store(room.log_scale, 0, log_scale)


@njit(error_model="numpy")
def end_at(room, S, stride, j):
    """The loss of sample j by alpha, NaN where alpha failed; 1 over p(Y | X) goes into beta after the last step."""
    P = len(room.enter)
    last, blank, label = len(room.label_alpha) // P - 2, S * stride + j, (S - 1) * stride + j
    end = room.blank_alpha[last % 2 * P + blank]
    if S > 0:
        end += room.label_alpha[(last + 1) * P + label]
    room.blank_beta[(last + 1) % 2 * P + blank] = 1.0 / end
    return -math.log(2.0) * room.log_scale[j] - math.log(end)


@njit(error_model="numpy")
def backward(room, group, gradient, step, anew):
    """Fill in beta, too small if anything, and take the posteriors from the gradient, or, anew, from 0.

    Args:
        gradient: the gradient on one axis; of no size if it is not wanted.
        step: how far apart two frames of it stand.
    """
    stride, P, T = len(group.S), len(room.enter), len(room.label_alpha) // len(room.enter) - 1
    emit_blank, emit_label, enter, skip, scales = room.emit_blank, room.emit_label, room.enter, room.skip, room.scale
    label_alpha, blank_beta, label_beta = room.label_alpha, room.blank_beta, room.label_beta
    target, band, wanted, zero = group.target, group.band, len(gradient) > 0, spread(0.0)
    shares, ends = each(group.shares, 0, stride), each(group.T, 0, stride)
    own_first, own_end = group.begin[0], group.begin[1]
    end, all_places, blanks = high(band, T, stride), band[0] * stride, len(target) - stride
    for t in range(T - 1, -1, -1):
        then, after, at = (t + 1) * P, (t + 1) % 2 * P, t % 2 * P
        above, first, end = end, low(band, t, stride), high(band, t, stride)
        if wanted:
            earlier = max(t - AHEAD, 0) * step
            for c in range(own_first, own_end, LINE):
                fetch_soon(gradient, earlier + c)
            if anew:
                clear(gradient, t * step + own_first, t * step + own_end)
        scale = each(scales, (t + 1) * stride, stride)
        blank_probability = each(emit_blank, (t + 1) * stride, stride) * scale
        after_blank = after_skip = all_labels = zero
        if end < above:  # one line above there is more, of which the last place goes on to this one
            through = load(label_beta, after + end) * (load(emit_label, then + end) * scale)
            after_blank, after_skip = load(blank_beta, after + end) * blank_probability, load(skip, end) * through
        for i in range(end - LANES, first - LANES, -LANES):
            through = load(label_beta, after + i) * (load(emit_label, then + i) * scale)  # all that goes on by label k
            blank, skipping = load(blank_beta, after + i) * blank_probability, load(skip, i) * through
            if stride == 1:
                from_label = through + one_up(blank, after_blank) + one_up(skipping, after_skip)
            else:
                from_label = through + after_blank + after_skip
            after_blank, after_skip = blank, skipping
            from_blank = blank + load(enter, i) * through
            from_label = choose_below(TINY, from_label, from_label, 0.0)
            store(blank_beta, at + i, choose_below(TINY, from_blank, from_blank, 0.0))
            store(label_beta, at + i, from_label)
            posterior = load(label_alpha, then + i) * from_label
            if wanted and i < all_places:
                subtract(gradient, t * step, target, i, choose_below(posterior, LEAST, 0.0, posterior * shares))
            all_labels = all_labels + posterior
        if low(band, t - 1, stride) < first:
            store(blank_beta, at + first - LANES, zero)
            store(label_beta, at + first - LANES, zero)
        if wanted:
            blank_posterior = choose_below(float(t), ends, 1.0 - each_sum(all_labels, stride), 0.0)
            blank_posterior = choose_below(blank_posterior, LEAST, 0.0, blank_posterior * shares)
            if stride == 1:
                gradient[np.uint64(t * step) + target[blanks]] -= first_of(blank_posterior)
            else:
                subtract(gradient, t * step, target, blanks, blank_posterior)


@njit(error_model="numpy")
def agreement(room, j):
    """p(Y | X) of sample j by beta divided by p(Y | X) by alpha: at most 1, and 1 where nothing was lost."""
    into_label = room.enter[j] * room.emit_label[j]
    return room.emit_blank[j] * room.blank_beta[j] + into_label * room.label_beta[j]
