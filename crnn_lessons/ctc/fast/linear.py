"""Forward and backward variables in probabilities, fast, with a proof that nothing was lost.

The recursions are those of Graves et al. 2006, equations 5 to 11, rescaled on the way as Rabiner 1989 does in section
V.A: sums and products, no exp or log per cell. A float64 ends at 1e-308, and a path whose share at some step lies below
that is lost, even if it is the best one in the end. So alpha can only be too large: each cell in which an alignment can
be gets FLOOR on top, far more than what underflow takes away. And beta can only be too small: what falls below TINY
becomes 0. If p(Y | X) by alpha at the last step and by beta at the first agree, the truth lies between them. The
posteriors are then right, too: what FLOOR adds to the alpha of a cell, times the cell's beta, reaches the last step,
and so counts in the difference; likewise what beta lacks, at the first. (For the same reason beta never exceeds
1 / FLOOR.)

*Tilting* widens the range: a path pays enter[k] once, when it enters label k. All paths of a target enter all of its
labels, so their sum is off by a known factor and the posteriors are not. The factor makes label k, in its best frame,
as probable as the blank.

The loops over the steps are in ``forward`` and ``backward``; here is what stands before and after them.
"""

from __future__ import annotations

import math

from numba import njit

from crnn_lessons.ctc.fast.lanes import spread
from crnn_lessons.ctc.fast.room import keep

MOST_TILT = 100.0
"""The largest |ln enter|. An emission lost below 1e-290, times e^100 = 3e43, stays far below FLOOR."""
EXPONENT, MOST = 100.0, 1e15
EXPONENT_TILTED, MOST_TILTED = 0.0, 1e3
"""The sum of alpha at a step is kept at about 2^EXPONENT, and at most at MOST times that: far less where no emission is
above 1. What underflow takes from a cell is below a few times this sum times 1e-290, the smallest emission, and times
e^MOST_TILT if tilted: in both cases far below FLOOR."""


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
def prepare(room, group, exponent):
    """Fill in what stands before the first step and after the last: there, nobody is anywhere but in a blank.

    Alignments come from a blank before blank 0, so that step 0 is a step like any other. Into which blank they go at
    the end is for ``end_at`` to say.
    """
    stride, P = len(group.S), len(room.enter)
    for i in range(P):
        room.skip[i] = room.enter[i] * group.may_skip[i]
    room.scale[:] = 1.0
    room.emit_label[-P:] = 0.0
    room.label_alpha[:P] = 0.0
    room.blank_alpha[:] = 0.0
    keep(room.blank_alpha, P, stride, spread(2.0**exponent))  # in the odd row, since step 0 is even
    room.blank_beta[:] = 0.0
    room.label_beta[:] = 0.0


@njit(error_model="numpy")
def end_at(room, S, stride, j, exponent):
    """The loss of sample j by alpha. After the last step, beta is 1 / p(Y | X) in the last blank: so all that is
    computed from it is a share of p(Y | X)."""
    P = len(room.enter)
    last, blank, label = len(room.label_alpha) // P - 2, S * stride + j, (S - 1) * stride + j
    end = room.blank_alpha[last % 2 * P + blank]
    if S > 0:
        end += room.label_alpha[(last + 1) * P + label]
    if math.isnan(room.log_scale[j]):
        end = math.nan
    room.blank_beta[(last + 1) % 2 * P + blank] = 1.0 / end
    return math.log(2.0) * (exponent - room.log_scale[j]) - math.log(end)


@njit(error_model="numpy")
def agreement(room, j, exponent):
    """p(Y | X) of sample j by beta divided by p(Y | X) by alpha: at most 1, and 1 where nothing was lost."""
    into_label = room.enter[j] * room.emit_label[j]
    return (room.emit_blank[j] * room.blank_beta[j] + into_label * room.label_beta[j]) * 2.0**exponent
