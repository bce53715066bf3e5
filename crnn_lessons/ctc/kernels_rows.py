"""Between a batch and the room of a group: what it reads of the scores, and what it writes of the gradient."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from crnn_lessons.ctc.kernels_exp import exp, exp_in_place
from crnn_lessons.ctc.kernels_lanes import LANES, choose_below
from crnn_lessons.ctc.kernels_load import collect, fetch_soon, load, store
from crnn_lessons.ctc.kernels_room import each

AHEAD, LINE = 4, 16
"""The frames of one sample lie far apart, each on a page of its own, where a processor does not guess what comes next:
it is told AHEAD steps before. A cache line holds LINE float32; of float64 every second line is enough, as they come in
pairs."""
LEAST = 1e-30
"""Posteriors below this count as 0: as float32 they would be denormal numbers, which are slow."""


@njit(error_model="numpy")
def longest_row(group):
    """How many places of a row can have a label."""
    S = 0
    for j in range(len(group.S)):
        S = max(S, group.S[j])
    return S * len(group.S)


@njit(error_model="numpy")
def gather(frames, log_sums, group, room, logarithms):
    """Collect the probabilities that the targets can emit, or their logarithms: no other score has any influence.

    A sample that is over before the longest of its group is certain to emit blanks from there on. From where its paths
    may end there is then just one way to go on, so that this changes neither p(Y | X) nor a posterior.

    Args:
        frames: the scores of each step, on one axis.
        log_sums: T x stride; for logits the logarithm of the sum of their exponentials, otherwise 0.
    """
    T, P = room.emit_label.shape
    stride, ends = len(group.S), each(group.T)
    for t in range(T):
        frame, row, log_sum = frames[t], room.emit_label[t], each(log_sums[t])
        later = frames[min(t + AHEAD, T - 1)]
        for j in range(stride):
            for c in range(0, group.span[0], LINE):
                fetch_soon(later, group.sources[j] + c)
        now = float(t)
        for j in range(stride):
            room.emit_blank[t, j] = frame[group.blank_source[j]] - log_sums[t, j] if t < group.T[j] else 0.0
        for i in range(0, P, LANES):
            log_label = choose_below(now, ends, collect(frame, group.source, i) - log_sum, -math.inf)
            log_label = choose_below(load(group.absent, i), 0.0, -math.inf, log_label)
            store(row, i, log_label if logarithms else exp(log_label))
    if not logarithms:
        exp_in_place(room.all_emit_blank)


@njit(fastmath={"reassoc"}, error_model="numpy")
def normalise(frames, n, T, batch, row, log_sums, results):
    """Fill in log_sums for the T steps of sample n and, if a gradient is wanted, share * softmax; after them 0.

    Args:
        row: memory for C numbers, and on to whole lines.
    """
    C, first, step = batch.C, n * batch.sample_step, batch.class_step
    for t in range(T):
        frame = frames[t, first:]
        largest = -math.inf
        row[C:] = -math.inf
        for c in range(C):
            row[c] = frame[c * step]
            largest = row[c] if row[c] > largest else largest
        for c in range(C):
            row[c] -= largest
        exp_in_place(row)
        total = 0.0
        for c in range(C):
            total += row[c]
        log_sums[t] = largest + math.log(total)
        if results.wanted:
            factor, out = results.shares[n] / total, results.gradient[t, n * C : (n + 1) * C]
            for c in range(C):
                out[c] = factor * row[c]
    if results.wanted:
        results.gradient[T:, n * C : (n + 1) * C] = 0.0


@njit(error_model="numpy")
def subtract_posteriors(gradient, group, room, anew):
    """Take share * posterior from the gradient of the samples of a group, or, anew, from 0.

    Args:
        gradient: the gradient of each step, on one axis.
    """
    T, P = room.emit_label.shape
    stride, filled, row = len(group.S), longest_row(group), np.empty(P, gradient.dtype)
    ends, share = each(group.T), each(group.shares)
    for t in range(len(gradient)):
        frame = gradient[t]
        later = gradient[min(t + AHEAD, len(gradient) - 1)]
        for c in range(group.begin[0], group.begin[1], LINE):
            fetch_soon(later, c)
        if anew:
            own = frame[group.begin[0] : group.begin[1]]
            for c in range(len(own)):  # a loop that the compiler sees to be one block
                own[c] = 0.0
        if t < T:
            now = float(t)
            for i in range(0, filled, LANES):
                posterior = load(room.label_alpha[t], i)
                posterior = choose_below(posterior, LEAST, 0.0, posterior * share)
                store(row, i, choose_below(now, ends, posterior, 0.0))
            for j in range(stride):
                if t < group.T[j]:
                    frame[group.blank_target[j]] -= group.shares[j] * room.blank_posterior[t, j]
            for i in range(filled):
                frame[group.target[i]] -= row[i]
