"""Forward and backward variables of one sequence in probabilities, fast, with a proof that nothing was lost.

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
"""

from __future__ import annotations

import math

from numba import njit

from crnn_lessons.ctc.kernels_room import ROW, padded

FLOOR = 1e-240
TINY = 1e-260
MOST_TILT = 100.0
"""The largest |ln enter|. An emission lost below 1e-290, times e^100 = 3e43, stays far below FLOOR."""
NARROW, WIDE = 1e-90, 1e90
"""A step whose total leaves this range is left to log space."""

# sums may be taken in any order; NaN and infinity keep their meaning
FAST = {"nsz", "contract", "arcp", "reassoc"}


@njit(fastmath=FAST, error_model="numpy")
def tilt(room, S):
    """Fill in the S factors ``enter`` from log emissions, and return the sum of their logarithms."""
    enter = room.enter[:S]
    enter[:] = -MOST_TILT
    for t in range(len(room.emit_blank)):
        row, log_blank = room.emit_label[t, :S], room.emit_blank[t]
        for k in range(S):
            ahead = row[k] - log_blank
            enter[k] = ahead if ahead > enter[k] else enter[k]
    total = 0.0
    for k in range(S):
        log_factor = -min(enter[k], MOST_TILT)
        total += log_factor
        enter[k] = math.exp(log_factor)
    return total


@njit(fastmath=FAST, error_model="numpy")
def forward(room, S):
    """Fill in alpha, too large if anything, and the scales.

    Returns:
        ln of all scales together, and what the two cells hold in which a path may end; NaN where it gave up.
    """
    T, K = len(room.emit_blank), padded(S)
    enter, skip = room.enter[:K], room.skip[:K]
    room.blank_alpha[0] = FLOOR
    room.label_alpha[0] = FLOOR
    room.label_alpha[:, ROW - 1] = 0.0  # the label before the first
    room.blank_alpha[0, 0] += room.emit_blank[0]
    room.label_alpha[0, ROW] += enter[0] * room.emit_label[0, 0]
    total = room.blank_alpha[0, 0] + room.label_alpha[0, ROW]
    log_scales, product = 0.0, 1.0
    for t in range(1, T):
        if not NARROW < total < WIDE:  # so written, NaN ends up here
            return math.nan, math.nan
        product *= total
        if not NARROW < product < WIDE:  # a logarithm now and then, not at each step
            log_scales += math.log(product)
            product = 1.0
        room.scale[t - 1] = scale = 1.0 / total
        # Rows as slices with an end: the compiler then tests for overlap row by row. Of whole arrays it would find
        # that rows t - 1 and t overlap, and give up on vector instructions: 2.5 times the time.
        blank_before, blank_now = room.blank_alpha[t - 1, :K], room.blank_alpha[t, :K]
        label_before, label_now = room.label_alpha[t - 1, ROW : ROW + K], room.label_alpha[t, ROW : ROW + K]
        below = room.label_alpha[t - 1, ROW - 1 : ROW - 1 + K]  # label k - 1 at place k
        blank_probability, probability = room.emit_blank[t] * scale, room.emit_label[t, :K]
        total = 0.0
        for k in range(K):
            blank, jump = blank_before[k], below[k]
            into_blank = (blank + jump) * blank_probability + FLOOR
            into_label = (label_before[k] + enter[k] * blank + skip[k] * jump) * (probability[k] * scale) + FLOOR
            blank_now[k], label_now[k] = into_blank, into_label
            total += into_blank + into_label
    return log_scales + math.log(product), room.blank_alpha[T - 1, S] + room.label_alpha[T - 1, ROW + S - 1]


@njit(fastmath=FAST, error_model="numpy")
def backward(room, S, end):
    """Fill in the posteriors, those of the labels over their alpha; beta, too small if anything, keeps two steps.

    Args:
        end: p(Y | X) by alpha, as ``forward`` returns it.

    Returns:
        p(Y | X) by beta divided by p(Y | X) by alpha: at most 1, and 1 where nothing was lost.
    """
    T, K = len(room.emit_blank), padded(S)
    enter, skip, ahead = room.enter[:K], room.skip[: K + 1], room.ahead[: K + 1]
    room.beta[:] = 0.0
    ahead[K] = 0.0
    room.beta[(T - 1) % 2, 0, S] = 1.0 / end
    room.blank_posterior[T - 1] = room.blank_alpha[T - 1, S] / end
    if S > 0:
        room.beta[(T - 1) % 2, 1, S - 1] = 1.0 / end
        room.label_alpha[T - 1, ROW : ROW + S - 1] = 0.0
        room.label_alpha[T - 1, ROW + S - 1] /= end
    for t in range(T - 2, -1, -1):
        blank_after, label_after = room.beta[1 - t % 2, 0, : K + 1], room.beta[1 - t % 2, 1, :K]
        blank_beta, label_beta = room.beta[t % 2, 0, :K], room.beta[t % 2, 1, :K]
        blank_alpha, label_alpha = room.blank_alpha[t, :K], room.label_alpha[t, ROW : ROW + K]
        scale, probability = room.scale[t], room.emit_label[t + 1, :K]
        blank_probability, all_blanks = room.emit_blank[t + 1] * scale, 0.0
        for k in range(K):
            ahead[k] = label_after[k] * (probability[k] * scale)  # all that goes on through label k
        for k in range(K):
            from_label = ahead[k] + blank_after[k + 1] * blank_probability + skip[k + 1] * ahead[k + 1]
            from_blank = blank_after[k] * blank_probability + enter[k] * ahead[k]
            from_label = from_label if from_label > TINY else 0.0
            from_blank = from_blank if from_blank > TINY else 0.0
            label_beta[k], blank_beta[k] = from_label, from_blank
            label_alpha[k] *= from_label
            all_blanks += blank_alpha[k] * from_blank
        room.blank_posterior[t] = all_blanks
    return room.emit_blank[0] * room.beta[0, 0, 0] + enter[0] * room.emit_label[0, 0] * room.beta[0, 1, 0]
