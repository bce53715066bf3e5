"""Alpha, beta and the gradient in probabilities: sums and products, no exp or log per cell, and a proof of the result.

The recursions are those of Graves et al. 2006, equations 5 to 11, rescaled on the way as Rabiner 1989 does in section
V.A. A float64 ends at 1e-308, and a path whose share at some step lies below that is lost, even if it is the best one
in the end. So alpha can only be too large: each cell in which an alignment can be gets FLOOR on top, far more than what
underflow takes away. And beta can only be too small: what falls below TINY becomes 0. If p(Y | X) by alpha at the last
step and by beta at the first agree, the truth lies between them. The posteriors are then right, too: what FLOOR adds to
the alpha of a cell, times the cell's beta, reaches the last step, and so counts in the difference; likewise what beta
lacks, at the first. (For the same reason beta never exceeds 1 / FLOOR.)

*Tilting* widens the range: a path pays enter[k] once, when it enters label k. All paths of a target enter all of its
labels, so their sum is off by a known factor and the posteriors are not.

A step takes eight places of a row at a time, which are eight labels of one sample or one label of eight samples; how
far label k - 1 is from label k (``stride``) is all that differs.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from crnn_lessons.ctc.fast.emissions import AHEAD, LINE
from crnn_lessons.ctc.fast.memory import clear, fetch_soon, load, read_lanes, store, subtract, sum_lanes, write_lanes
from crnn_lessons.ctc.fast.simd import (
    LANES,
    ROUND,
    choose_below,
    exponent_of,
    first_of,
    one_down,
    one_up,
    power_of_two,
    spread,
)
from crnn_lessons.ctc.fast.workspace import end_place, first_place

FLOOR, TINY = 1e-240, 1e-260
EXPONENT, SUM_LIMIT = 100.0, 1e15
EXPONENT_TILTED, SUM_LIMIT_TILTED = 0.0, 1e3
"""The sum of alpha at a step is kept at about 2^EXPONENT, and at most at SUM_LIMIT times that: far less where no
emission is above 1. What underflow takes from a cell is below a few times this sum times 1e-290, the smallest emission,
and times e^TILT_LIMIT if tilted: in both cases far below FLOOR."""
NEGLIGIBLE = 1e-30
"""Posteriors below this count as 0: as float32 they would be denormal numbers, which are slow."""


@njit(error_model="numpy")
def prepare(workspace, exponent):
    """Fill in what stands before the first step and after the last: there, nobody is anywhere but in a blank.

    Alignments come from a blank before blank 0, so that step 0 is a step like any other. Into which blank they go at
    the end is for ``end_at`` to say.
    """
    stride, P = workspace.stride, workspace.P
    for i in range(P):
        workspace.skip[i] = workspace.enter[i] * workspace.may_skip[i]
    workspace.scale[:] = 1.0
    workspace.emit_label[-P:] = 0.0
    workspace.label_alpha[:P] = 0.0
    workspace.blank_alpha[:] = 0.0
    write_lanes(workspace.blank_alpha, P, stride, spread(2.0**exponent))  # in the odd row, since step 0 is even
    workspace.blank_beta[:] = 0.0
    workspace.label_beta[:] = 0.0


@njit(error_model="numpy")
def forward(workspace, exponent, limit):
    """Fill in alpha, too large if anything, where alignments can be, and 0 in the line above: the next step reads it.

    Where the sum of alpha, scaled for the next step, is above limit times 2^exponent, alpha failed.
    """
    stride, P, T, S, zero = workspace.stride, workspace.P, workspace.T, workspace.S, spread(0.0)
    S_before, spare, emit_blank, emit_label = (
        workspace.S_before, workspace.spare, workspace.emit_blank, workspace.emit_label,
    )  # fmt: skip
    enter, skip, scales = workspace.enter, workspace.skip, workspace.scale
    blank_alpha, label_alpha = workspace.blank_alpha, workspace.label_alpha
    first, log_scale, total, largest = 0, zero, zero, zero
    for t in range(T):
        now, blanks_now, labels_now = t * P, t % 2 * P, (t + 1) * P
        blanks, labels = P - blanks_now, now
        below_first, first, end = first, first_place(S_before, spare, t, stride), end_place(S, t, stride)
        scale = read_lanes(scales, t * stride, stride)
        blank_probability = read_lanes(emit_blank, t * stride, stride) * scale
        largest = choose_below(largest, total * scale, total * scale, largest)
        total, before = zero, load(label_alpha, labels + below_first) if below_first < first else zero
        for i in range(first, end, LANES):
            blank, label = load(blank_alpha, blanks + i), load(label_alpha, labels + i)
            # eight samples side by side: label k - 1 is the vector before; one sample: all lanes move up by one
            below = one_down(before, label) if stride == 1 else before
            before = label
            # FLOOR makes alpha an upper bound: in one step underflow takes far less from a cell
            into_blank = (blank + below) * blank_probability + FLOOR
            reached = label + load(enter, i) * blank + load(skip, i) * below
            into_label = reached * (load(emit_label, now + i) * scale) + FLOOR
            store(blank_alpha, blanks_now + i, into_blank)
            store(label_alpha, labels_now + i, into_label)
            total = total + (into_blank + into_label)
        if end < end_place(S, t + 1, stride):  # the two rows of blanks are 0 there from the start
            store(label_alpha, labels_now + end, zero)
        # Subtle: the sum of this step scales the step after next. To scale the next one with it, all of the next row
        # would wait until the sum is there. And a power of two rounds nothing, so beta can use the same scales
        if t % 2 == 0 and t + 2 < T:
            n = exponent_of(sum_lanes(total, stride)) - exponent
            write_lanes(scales, (t + 2) * stride, stride, power_of_two(ROUND - n))
            log_scale = log_scale + n
    fits = choose_below(sum_lanes(largest, stride), limit * 2.0**exponent, log_scale, math.nan)
    store(workspace.log_scale, 0, fits)


@njit(error_model="numpy")
def end_at(workspace, j, exponent):
    """The loss of sample j by alpha. After the last step, beta is 1 / p(Y | X) in the last blank: so all that is
    computed from it is a share of p(Y | X)."""
    P, T, S = workspace.P, workspace.T, workspace.lengths[j]
    blank, label = S * workspace.stride + j, (S - 1) * workspace.stride + j
    end = workspace.blank_alpha[(T - 1) % 2 * P + blank]
    if S > 0:
        end += workspace.label_alpha[T * P + label]
    if math.isnan(workspace.log_scale[j]):
        end = math.nan
    workspace.blank_beta[T % 2 * P + blank] = 1.0 / end
    return math.log(2.0) * (exponent - workspace.log_scale[j]) - math.log(end)


@njit(error_model="numpy")
def backward(workspace, gradient, step, C, anew):
    """Fill in beta, too small if anything, and take the posteriors from the gradient, or, anew, from 0.

    Beta is filled in where alignments can be; below that both rows are 0 from the start. Beta of a step, the posteriors
    and what they take from the gradient are one loop: a row of posteriors is never stored.

    Args:
        gradient: the gradient on one axis; of no size if it is not wanted.
        step: how far apart two frames of it stand; C of one sample.
    """
    stride, P, T, S, zero = workspace.stride, workspace.P, workspace.T, workspace.S, spread(0.0)
    S_before, spare, emit_blank, emit_label = (
        workspace.S_before, workspace.spare, workspace.emit_blank, workspace.emit_label,
    )  # fmt: skip
    enter, skip, scales = workspace.enter, workspace.skip, workspace.scale
    label_alpha, blank_beta, label_beta = workspace.label_alpha, workspace.blank_beta, workspace.label_beta
    target, wanted, own_first, own_end = workspace.target, len(gradient) > 0, workspace.first * C, workspace.end * C
    shares, ends = read_lanes(workspace.shares, 0, stride), read_lanes(workspace.steps, 0, stride)
    end, all_places, blanks = end_place(S, T, stride), S * stride, len(target) - stride
    for t in range(T - 1, -1, -1):
        then, after, at = (t + 1) * P, (t + 1) % 2 * P, t % 2 * P  # where the rows of t + 1, t + 1 and t begin
        above, first, end = end, first_place(S_before, spare, t, stride), end_place(S, t, stride)
        if wanted:
            earlier = max(t - AHEAD, 0) * step
            for c in range(own_first, own_end, LINE):
                fetch_soon(gradient, earlier + c)
            if anew:
                clear(gradient, t * step + own_first, t * step + own_end)
        scale = read_lanes(scales, (t + 1) * stride, stride)
        blank_probability = read_lanes(emit_blank, (t + 1) * stride, stride) * scale
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
            # below TINY a product may have been rounded up, and beta must not be: it counts as nothing
            from_label = choose_below(TINY, from_label, from_label, 0.0)
            store(blank_beta, at + i, choose_below(TINY, from_blank, from_blank, 0.0))
            store(label_beta, at + i, from_label)
            posterior = load(label_alpha, then + i) * from_label  # alpha of t: its first row is before the beginning
            if wanted and i < all_places:
                subtract(gradient, t * step, target, i, choose_below(posterior, NEGLIGIBLE, 0.0, posterior * shares))
            all_labels = all_labels + posterior
        if wanted:
            # The posteriors of a step sum to 1: the blanks have what the labels leave. So no blank's alpha is ever kept
            blank_posterior = choose_below(float(t), ends, 1.0 - sum_lanes(all_labels, stride), 0.0)
            blank_posterior = choose_below(blank_posterior, NEGLIGIBLE, 0.0, blank_posterior * shares)
            if stride == 1:
                gradient[np.uint64(t * step) + target[blanks]] -= first_of(blank_posterior)
            else:
                subtract(gradient, t * step, target, blanks, blank_posterior)


@njit(error_model="numpy")
def agreement(workspace, j, exponent):
    """p(Y | X) of sample j by beta divided by p(Y | X) by alpha: at most 1, and 1 where nothing was lost."""
    into_label = workspace.enter[j] * workspace.emit_label[j]
    return (workspace.emit_blank[j] * workspace.blank_beta[j] + into_label * workspace.label_beta[j]) * 2.0**exponent
