"""From the scores of a batch into the workspace of a group: the probabilities of its blanks and labels; on the way the
softmax of logits; and how far labels are raised where all are far below the blank (*tilting*, see ``passes``).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from crnn_lessons.ctc.fast.memory import clear, collect, fetch_soon, load, read_lanes, store
from crnn_lessons.ctc.fast.simd import LANES, choose_below, exp, spread, sum_of
from crnn_lessons.ctc.fast.workspace import end_place, first_place

AHEAD, LINE = 4, 16
"""The frames of one sample lie far apart, each on a page of its own, where a processor does not guess what comes next:
it is told AHEAD steps before. A cache line holds LINE float32; of float64 every second line is enough, as they come in
pairs."""
LARGE = 1e100
"""A sum of exponentials above this is taken again, from the largest of the logits."""
TILT_LIMIT = 100.0
"""The largest |ln enter|. An emission lost below 1e-290, times e^100 = 3e43, stays far below FLOOR (see ``passes``)."""


@njit(error_model="numpy")
def gather(samples, workspace, gradient):
    """Fill in the probabilities of blanks and labels; from logits also share * softmax, in a gradient that is wanted.

    Labels get theirs where alignments can be, 0 elsewhere in the row and in the line below: scores that no alignment
    passes have no influence, whatever they are. A sample that is over before the longest of its group is certain to
    emit blanks from there on. From where its paths may end there is then just one way to go on, so that this changes
    neither p(Y | X) nor a posterior.
    """
    stride, P, T, S, S_before, spare = (
        workspace.stride, workspace.P, workspace.T, workspace.S, workspace.S_before, workspace.spare,
    )  # fmt: skip
    frames, step, logits, first = samples.frames, samples.step, samples.logits, 0
    own, sample_step, near = workspace.first * samples.sample_step, samples.sample_step, samples.class_step == 1
    source, since, until, emit_blank = workspace.source, workspace.since, workspace.until, workspace.emit_blank
    emit_blank[:] = 1.0 if logits else 0.0  # 0 is the logarithm of 1; it is undone at the end
    for t in range(T):
        later = min(t + AHEAD, T - 1) * step + own
        for j in range(stride):
            for c in range(0, samples.C if near else 0, LINE):
                fetch_soon(frames, later + j * sample_step + c)
        if logits:
            softmax(samples, workspace, t, gradient)
        else:
            blank = t * step + own + samples.blank * samples.class_step
            for j in range(stride):
                if t < workspace.steps[j]:
                    emit_blank[t * stride + j] = frames[np.uint64(blank + j * sample_step)]
        below, first = first, first_place(S_before, spare, t, stride)
        share, now = read_lanes(workspace.inverse, t * stride, stride), float(t)
        for i in range(first, end_place(S, t, stride), LANES):
            if logits:  # the exponentials are at hand, so none is taken twice
                emission = collect(workspace.rows, 0, source, i) * share
            else:
                emission = exp(collect(frames, t * step, source, i))
            # chosen, not multiplied by 0: whatever stands there may be NaN
            emission = choose_below(now, load(since, i), 0.0, choose_below(load(until, i), now, 0.0, emission))
            store(workspace.emit_label, t * P + i, emission)
        if below < first:  # on its way back from step t + 1 to t, beta still looks one line further down
            store(workspace.emit_label, t * P + below, spread(0.0))
    if not logits:
        exp_in_place(emit_blank)


# Subtle: not a call, as one a step would count references to all of these arrays: as long as a row of softmax takes
@njit(error_model="numpy", inline="always")
def softmax(samples, workspace, t, gradient):
    """One frame of each sample of a group: exponentials in ``rows``, relative to the logit in ``relative``, 1 / their
    sum in ``inverse``, the blanks' probabilities, and share * softmax in a gradient that is wanted; there 0 past the
    end of a sample.
    """
    stride, C, N, W = workspace.stride, samples.C, len(samples.lengths), len(workspace.rows) // workspace.stride
    frames, class_step, rows, straight = samples.frames, samples.class_step, workspace.rows, samples.C & -LANES
    for j in range(stride):
        n, row, at = workspace.first + j, j * W, t * stride + j
        frame, own, wanted = t * samples.step + n * samples.sample_step, (t * N + n) * C, len(gradient) > 0 and n < N
        if t >= workspace.steps[j]:
            if wanted:
                clear(gradient, own, own + C)
            continue
        # Subtle: each logit is taken relative to the blank's, not to the largest, for which all would have to be read
        # first. The blank itself counts 1 in the sum, so what is lost below 1e-290 is lost of the probability, too. And
        # where a logit is so far above the blank's that the sum says so, there is time to look for the largest
        relative, total = float(frames[np.uint64(frame + samples.blank * class_step)]), math.inf
        for attempt in range(2):
            lanes_total = spread(0.0)
            if straight < C:
                store(rows, row + straight, spread(-math.inf))
            for c in range(straight if class_step == 1 else 0, C):
                rows[np.uint64(row + c)] = frames[np.uint64(frame + c * class_step)]
            for i in range(0, W, LANES):
                scores = load(frames, frame + i) if class_step == 1 and i < straight else load(rows, row + i)
                e = exp(scores - relative)
                store(rows, row + i, e)
                lanes_total = lanes_total + e
            total = sum_of(lanes_total)
            if attempt == 1 or total < LARGE:
                break
            for c in range(C):
                relative = max(relative, float(frames[np.uint64(frame + c * class_step)]))
        workspace.relative[at], workspace.inverse[at] = relative, 1.0 / total
        workspace.emit_blank[at] = rows[np.uint64(row + samples.blank)] / total
        if wanted:
            share = workspace.shares[j] / total
            for c in range(0, straight, LANES):
                store(gradient, own + c, load(rows, row + c) * share)
            for c in range(straight, C):
                gradient[np.uint64(own + c)] = rows[np.uint64(row + c)] * share


@njit(error_model="numpy")
def gather_logarithms(samples, workspace):
    """The logarithms of the probabilities of one sample's blanks and labels, -inf where no alignment can be. From
    logits it needs what ``gather`` has left behind.
    """
    S, P, T, n, log_sum = workspace.S, workspace.P, workspace.T, workspace.first, 0.0
    workspace.emit_blank[:], workspace.emit_label[:] = 0.0, -math.inf
    for t in range(T):
        frame = t * samples.step + n * samples.sample_step
        if samples.logits:
            log_sum = workspace.relative[t] - math.log(workspace.inverse[t])
        workspace.emit_blank[t] = samples.frames[frame + samples.blank * samples.class_step] - log_sum
        for k in range(max(0, S - T + t), min(S, t + 1)):
            label = samples.labels[samples.starts[n] + k]
            workspace.emit_label[t * P + k] = samples.frames[frame + label * samples.class_step] - log_sum


@njit(error_model="numpy")
def exp_in_place(x):
    """Replace each entry of a float64 array of one axis by e to its power; its size is a multiple of eight."""
    for i in range(0, x.size, LANES):
        store(x, i, exp(load(x, i)))


@njit(error_model="numpy")
def tilt(workspace):
    """Fill in the S factors ``enter`` of one sample from log emissions, and return the sum of their logarithms.

    The factor makes label k, in its best frame, as probable as the blank.
    """
    S, P, enter = workspace.S, workspace.P, workspace.enter
    enter[:S] = -TILT_LIMIT
    for t in range(workspace.T):
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
