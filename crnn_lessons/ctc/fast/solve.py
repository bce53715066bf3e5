"""CTC of some samples of a batch: each by the fastest method that proves its own result.

First in probabilities (``passes``), eight short samples side by side; one whose proof fails goes on alone, in
tilted probabilities, then in logarithms (``log``).

Source: Graves et al. 2006; from logits, the gradient is equation 16, softmax minus posterior.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from crnn_lessons.ctc.fast.emissions import (
    exp_in_place,
    gather_blanks,
    gather_labels,
    gather_logarithms,
    normalise,
    tilt,
)  # fmt: skip
from crnn_lessons.ctc.fast.group import fill_group, new_group, whole_lines
from crnn_lessons.ctc.fast.log import solve_in_log_space
from crnn_lessons.ctc.fast.memory import clear, workspace_in
from crnn_lessons.ctc.fast.passes import (
    EXPONENT,
    EXPONENT_TILTED,
    SUM_LIMIT,
    SUM_LIMIT_TILTED,
    agreement,
    backward,
    end_at,
    forward,
    prepare,
)  # fmt: skip
from crnn_lessons.ctc.fast.simd import LANES

AGREEMENT = 1e-10
"""How far p(Y | X) by alpha and by beta may differ, as a share. Rounding makes about 1e-12 at T = 10,000."""

IMPOSSIBLE, LINEAR, TILTED, LOG, INVALID, WAITING = 0, 1, 2, 3, 4, 5


class Results(NamedTuple):
    """What is to be filled in.

    Attributes:
        shares: N, what each loss counts in the gradient.
        losses: N.
        methods: N, how each was solved; INVALID where its labels or lengths are out of range.
        gradient: T N C on one axis; of no size if it is not wanted.
        wanted: whether it is.
    """

    shares: np.ndarray
    losses: np.ndarray
    methods: np.ndarray
    gradient: np.ndarray
    wanted: bool


@njit(error_model="numpy")
def solve_part(part, parts, together, T, S, frames, step, logits, samples, results, memory):
    """Solve one part of the samples, in groups of so many together.

    A part are up to eight neighbouring samples, and then again eight, after those of the other parts: two threads that
    write side by side, to the same cache line, slow each other down.

    Args:
        T: the number of frames.
        S: the most labels of a sample.
        frames, step: the scores on one axis, and how far apart two frames stand on it.
    """
    N, methods = len(results.losses), results.methods
    log_sums, row = np.zeros(T * together), np.empty(whole_lines(samples.C))
    one = np.int64(1)  # for numbers written out numba would compile these functions once more
    own_log_sums = np.zeros(T * one)
    group, alone = new_group(S, together), new_group(S, one)
    turn = max(together, min(LANES, N // parts))
    for first_of_turn in range(part * turn, N, parts * turn):
        for first in range(first_of_turn, min(first_of_turn + turn, N), together):
            end = min(first + together, N)
            for n in range(first, end):
                counted = begin(n, T, S, samples, results)
                if logits:
                    normalise(frames, step, n, counted, samples, row, log_sums, n - first, together, results)
            solve_group(np.int64(LINEAR), first, T, frames, step, log_sums, logits, group, samples, results, memory)
            for n in range(first, end):
                for method in (TILTED, LOG):
                    if methods[n] == WAITING:
                        if logits:  # anew: the method that failed has changed the gradient
                            counted = samples.input_lengths[n]
                            normalise(frames, step, n, counted, samples, row, own_log_sums, 0, one, results)
                        solve_group(method, n, T, frames, step, own_log_sums, logits, alone, samples, results, memory)


@njit(error_model="numpy")
def begin(n, T_max, S_max, samples, results):
    """Check sample n, enter IMPOSSIBLE, INVALID or WAITING, and return T, 0 where there is nothing to solve."""
    T, S, start = samples.input_lengths[n], samples.lengths[n], samples.starts[n]
    valid, needed = 0 <= T <= T_max and 0 <= S <= S_max, S
    for k in range(start, start + S if valid else start):
        valid &= 0 <= samples.labels[k] < samples.C and samples.labels[k] != samples.blank
        needed += k > start and samples.labels[k] == samples.labels[k - 1]
    waits = valid and T >= needed and T > 0
    results.methods[n] = WAITING if waits else IMPOSSIBLE if valid else INVALID
    results.losses[n] = 0.0 if S == 0 else math.inf  # T = 0: the empty path spells the empty target alone
    return T if waits else 0


@njit(error_model="numpy")
def solve_group(method, first, T_max, frames, step, log_sums, logits, group, samples, results, memory):
    """Solve the samples of a group that wait. One whose proof fails waits on, and its gradient is to be made anew."""
    T, S = fill_group(group, samples, first, results.shares, results.methods, WAITING)
    stride, C, gradient, width = len(group.S), samples.C, results.gradient, len(results.losses) * samples.C
    if T > 0:
        workspace = workspace_in(memory, T, S, stride)
        gather_blanks(frames, step, log_sums, group, workspace.emit_blank, T)
        if method != LINEAR:
            gather_logarithms(frames, step, log_sums, group, workspace, T)
        if method == LOG:
            labels, posterior = samples.labels[samples.starts[first] : samples.starts[first] + S], np.empty((T, S + 1))
            results.losses[first], results.methods[first] = solve_in_log_space(workspace, T, labels, posterior), LOG
            subtract_posteriors(gradient, width, posterior, group, not logits)
        else:
            workspace.enter[:] = 1.0
            exponent, limit = (EXPONENT_TILTED, SUM_LIMIT_TILTED) if method == TILTED else (EXPONENT, SUM_LIMIT)
            log_factors = tilt(workspace, S) if method == TILTED else 0.0
            if method == TILTED:
                exp_in_place(workspace.emit_label)
            else:
                gather_labels(frames, step, log_sums, group, workspace, T)
            exp_in_place(workspace.emit_blank)
            prepare(workspace, group, exponent)
            forward(workspace, group, exponent, limit)
            for j in range(stride):
                if group.T[j] > 0:
                    results.losses[first + j] = log_factors + end_at(workspace, group.S[j], stride, j, exponent)
            backward(workspace, group, gradient, width, not logits)
            for j in range(stride):
                if group.T[j] > 0 and abs(agreement(workspace, j, exponent) - 1.0) < AGREEMENT:
                    results.methods[first + j] = method
    if results.wanted:
        for t in range(T, 0 if logits else T_max):
            clear(gradient, t * width + group.begin[0], t * width + group.begin[1])
        for n in range(first, min(first + stride, len(results.losses))):
            if logits and results.losses[n] == math.inf:  # all alignments have the probability 0
                for t in range(T_max):
                    clear(gradient, t * width + n * C, t * width + (n + 1) * C)


@njit(error_model="numpy")
def subtract_posteriors(gradient, width, posterior, group, anew):
    """Take the posteriors of one sample, T x (S + 1), from the gradient if it is wanted, or, anew, from 0."""
    T, S, P = len(posterior), posterior.shape[1] - 1, len(group.source)
    for t in range(T if len(gradient) > 0 else 0):
        if anew:
            clear(gradient, t * width + group.begin[0], t * width + group.begin[1])
        for k in range(S + 1):
            gradient[np.uint64(t * width) + group.target[k if k < S else P]] -= group.shares[0] * posterior[t, k]
