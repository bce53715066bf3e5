"""Between a batch and the room of one sample: what it reads of the scores, and what it writes of the gradient."""

from __future__ import annotations

import math

from numba import njit

from crnn_lessons.ctc.kernels_exp import exp_in_place
from crnn_lessons.ctc.kernels_room import ROW, padded

BLOCK = 16
"""So many rows at once go through exp."""


@njit(error_model="numpy")
def gather(scores, n, log_sum, target, blank, room, logarithms):
    """Collect the probabilities that the target can emit, or their logarithms: no other score is ever looked at.

    Args:
        log_sum: T; for logits the logarithm of the sum of their exponentials, otherwise 0.
    """
    T, S = len(room.emit_blank), len(target)
    K = padded(S)
    for t in range(T):
        room.emit_blank[t] = scores[t, n, blank] - log_sum[t]
        row = room.emit_label[t]
        for k in range(S):
            row[k] = scores[t, n, target[k]] - log_sum[t]
        for k in range(S, K):
            row[k] = -math.inf  # padding
        if not logarithms and (t % BLOCK == BLOCK - 1 or t == T - 1):  # while they are in the nearest cache
            exp_in_place(room.emit_label[t - t % BLOCK : t + 1].reshape(-1))
    if not logarithms:
        exp_in_place(room.emit_blank)


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
def subtract_posteriors(gradient, n, target, blank, share, room, anew):
    """Take share * posterior from the gradient of a sample, or, anew, from 0."""
    for t in range(len(room.emit_blank)):
        row, labels = gradient[t, n], room.label_alpha[t, ROW:]
        if anew:
            row[:] = 0.0
        row[blank] -= share * room.blank_posterior[t]
        for k in range(len(target)):
            row[target[k]] -= share * labels[k]
