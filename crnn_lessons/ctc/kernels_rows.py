"""Between a batch and the room of one sample: what it reads of the scores, and what it writes of the gradient."""

from __future__ import annotations

import math

from numba import njit

from crnn_lessons.ctc.kernels_exp import exp_in_place
from crnn_lessons.ctc.kernels_room import ROW

BLOCK = 16
"""Steps that are fetched together: memory answers that many requests in about the time of one."""


@njit(error_model="numpy")
def gather(scores, n, log_sum, target, blank, room, logarithms):
    """Collect the probabilities that the target can emit, or their logarithms: no other score is ever looked at.

    Args:
        log_sum: T; for logits the logarithm of the sum of their exponentials, otherwise 0.
    """
    T, S = len(room.emit_blank), len(target)
    for start in range(0, T, BLOCK):
        end = min(start + BLOCK, T)
        for t in range(start, end):
            room.emit_blank[t] = scores[t, n, blank] - log_sum[t]
        for k in range(S):  # the steps within: one step's scores are far from the next one's in memory
            label = target[k]
            for t in range(start, end):
                room.emit_label[t, k] = scores[t, n, label] - log_sum[t]
        room.emit_label[start:end, S:] = -math.inf  # padding
        if not logarithms:
            exp_in_place(room.emit_blank[start:end])
            exp_in_place(room.emit_label[start:end].reshape(-1))


@njit(fastmath={"reassoc"}, error_model="numpy")
def normalise(scores, n, row, log_sum, gradient, share, wanted):
    """Fill in log_sum for the T steps of a sample and, if a gradient is wanted, share * softmax.

    Args:
        row: memory for C numbers.
    """
    C = len(row)
    for t in range(len(log_sum)):
        largest = -math.inf
        for c in range(C):
            row[c] = scores[t, n, c]
            largest = row[c] if row[c] > largest else largest
        for c in range(C):
            row[c] -= largest
        exp_in_place(row)
        total = 0.0
        for c in range(C):
            total += row[c]
        log_sum[t] = largest + math.log(total)
        if wanted:
            factor = share / total
            for c in range(C):
                gradient[t, n, c] = factor * row[c]


@njit(error_model="numpy")
def subtract_posteriors(gradient, n, target, blank, share, room):
    """Take share * posterior from the gradient of a sample."""
    for t in range(len(room.emit_blank)):
        row, labels = gradient[t, n], room.label_alpha[t, ROW:]
        row[blank] -= share * room.blank_posterior[t]
        for k in range(len(target)):
            row[target[k]] -= share * labels[k]
