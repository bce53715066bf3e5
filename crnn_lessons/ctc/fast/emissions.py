"""From the scores of a batch into the workspace of a group: the probabilities of its blanks and labels; the log-softmax
of logits; and how far labels are raised where they are all far below the blank (*tilting*, see ``passes``).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from crnn_lessons.ctc.fast.group import end_place, first_place
from crnn_lessons.ctc.fast.memory import clear, collect, fetch_soon, load, read_lanes, store
from crnn_lessons.ctc.fast.simd import LANES, choose_below, exp, first_of, one_up, spread, sum_of

AHEAD, LINE = 4, 16
"""The frames of one sample lie far apart, each on a page of its own, where a processor does not guess what comes next:
it is told AHEAD steps before. A cache line holds LINE float32; of float64 every second line is enough, as they come in
pairs."""


@njit(error_model="numpy")
def gather_blanks(frames, step, log_sums, group, emit_blank, T):
    """Collect the logarithms of the blanks' probabilities.

    A sample that is over before the longest of its group is certain to emit blanks from there on. From where its paths
    may end there is then just one way to go on, so that this changes neither p(Y | X) nor a posterior.

    Args:
        frames: the scores, on one axis.
        step: how far apart two frames stand.
        log_sums: for logits the logarithm of the sum of their exponentials, in the order of emit_blank; otherwise 0.
    """
    stride = len(group.S)
    emit_blank[:] = 0.0
    for t in range(T):
        for j in range(stride):
            if t < group.T[j]:
                place = np.uint64(t * step) + group.blank_source[j]
                emit_blank[t * stride + j] = frames[place] - log_sums[t * stride + j]


@njit(error_model="numpy")
def log_labels(frames, start, source, since, until, log_sum, now, i):
    """The logarithms of the probabilities of the labels in eight places at a step.

    They are -inf where no alignment can be: scores that no alignment passes have no influence, whatever they are.
    """
    emitted = collect(frames, start, source, i) - log_sum
    return choose_below(now, load(since, i), -math.inf, choose_below(load(until, i), now, -math.inf, emitted))


@njit(error_model="numpy")
def gather_logarithms(frames, step, log_sums, group, workspace, T):
    """Collect the logarithms of the labels' probabilities, in all places; see ``gather_blanks``."""
    stride, P, emit_label = len(group.S), len(workspace.enter), workspace.emit_label
    for t in range(T):
        log_sum = read_lanes(log_sums, t * stride, stride)
        for i in range(0, P, LANES):
            logs = log_labels(frames, t * step, group.source, group.since, group.until, log_sum, float(t), i)
            store(emit_label, t * P + i, logs)


@njit(error_model="numpy")
def gather_labels(frames, step, log_sums, group, workspace, T):
    """Collect the labels' probabilities, where alignments can be, and 0 in the line below; see ``gather_blanks``."""
    stride, P, band, emit_label, first = len(group.S), len(workspace.enter), group.band, workspace.emit_label, 0
    sources, span, source, since, until = group.sources, group.span[0], group.source, group.since, group.until
    for t in range(T):
        later, log_sum = min(t + AHEAD, T - 1) * step, read_lanes(log_sums, t * stride, stride)
        for j in range(stride):
            for c in range(0, span, LINE):
                fetch_soon(frames, later + sources[j] + c)
        below, first = first, first_place(band, t, stride)
        for i in range(first, end_place(band, t, stride), LANES):
            logs = log_labels(frames, t * step, source, since, until, log_sum, float(t), i)
            store(emit_label, t * P + i, exp(logs))
        if below < first:
            store(emit_label, t * P + below, spread(0.0))


@njit(error_model="numpy")
def normalise(frames, step, n, T, samples, row, log_sums, j, stride, results):
    """Fill in log_sums for the T steps of sample n and, if a gradient is wanted, share * softmax; after them 0.

    Args:
        row: memory for C numbers, and on to whole lines.
        log_sums: those of sample n are j, j + stride and so on.
    """
    C, width, gradient, class_step = samples.C, len(results.losses) * samples.C, results.gradient, samples.class_step
    row[C:] = -math.inf
    for t in range(T):
        frame, own = np.uint64(t * step + n * samples.sample_step), np.uint64(t * width + n * C)
        for c in range(C):
            row[c] = frames[frame + np.uint64(c * class_step)]
        largest = max_of(row)
        total = spread(0.0)
        for i in range(0, len(row), LANES):
            e = exp(load(row, i) - largest)
            store(row, i, e)
            total = total + e
        total = sum_of(total)
        log_sums[t * stride + j] = largest + math.log(total)
        if results.wanted:
            factor = results.shares[n] / total
            for c in range(C):
                gradient[own + np.uint64(c)] = factor * row[c]
        row[C:] = -math.inf
    if results.wanted:
        for t in range(T, len(gradient) // width):
            clear(gradient, t * width + n * C, t * width + (n + 1) * C)


@njit(error_model="numpy")
def max_of(row):
    """The largest entry of an array of whole lines; NaN counts as the smallest."""
    largest = spread(-math.inf)
    for i in range(0, len(row), LANES):
        values = load(row, i)
        largest = choose_below(largest, values, values, largest)
    one = -math.inf
    for _ in range(LANES):
        one, largest = max(one, first_of(largest)), one_up(largest, largest)
    return one


@njit(error_model="numpy")
def exp_in_place(x):
    """Replace each entry of a float64 array of one axis by e to its power; its size is a multiple of eight."""
    for i in range(0, x.size, LANES):
        store(x, i, exp(load(x, i)))


TILT_LIMIT = 100.0
"""The largest |ln enter|. An emission lost below 1e-290, times e^100 = 3e43, stays far below FLOOR (see ``passes``)."""


@njit(error_model="numpy")
def tilt(workspace, S):
    """Fill in the S factors ``enter`` of one sample from log emissions, and return the sum of their logarithms.

    The factor makes label k, in its best frame, as probable as the blank.
    """
    P, enter = len(workspace.enter), workspace.enter[:S]
    enter[:] = -TILT_LIMIT
    for t in range(len(workspace.emit_label) // P - 1):
        row, log_blank = workspace.emit_label[t * P : t * P + S], workspace.emit_blank[t]
        for k in range(S):
            ahead = row[k] - log_blank
            enter[k] = ahead if ahead > enter[k] else enter[k]
    total = 0.0
    for k in range(S):
        log_factor = -min(enter[k], TILT_LIMIT)
        total += log_factor
        enter[k] = math.exp(log_factor)
    return total
