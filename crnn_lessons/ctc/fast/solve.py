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

from crnn_lessons.ctc.fast.emissions import exp_in_place, gather, gather_logarithms, tilt
from crnn_lessons.ctc.fast.log import solve_in_log_space
from crnn_lessons.ctc.fast.memory import clear
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
)
from crnn_lessons.ctc.fast.simd import LANES
from crnn_lessons.ctc.fast.workspace import workspace_for

AGREEMENT = 1e-10
"""How far p(Y | X) by alpha and by beta may differ, as a share. Rounding makes about 1e-12 at T = 10,000."""

IMPOSSIBLE, LINEAR, TILTED, LOG, INVALID, WAITING = 0, 1, 2, 3, 4, 5


class Samples(NamedTuple):
    """The samples of a batch: their targets as ``arguments.Targets`` has them, and their scores.

    Attributes:
        labels: the labels of all targets, one after the other.
        starts: N, where each target starts.
        lengths: N, S of each.
        input_lengths: N, T of each.
        blank: the class index of the blank.
        C: the number of classes.
        frames: the scores on one axis; step, sample_step and class_step: how far apart two frames, samples or classes
            stand there.
        logits: whether the scores are logits.
    """

    labels: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    input_lengths: np.ndarray
    blank: int
    C: int
    frames: np.ndarray
    step: int
    sample_step: int
    class_step: int
    logits: bool


class Results(NamedTuple):
    """What is to be filled in.

    Attributes:
        shares: N, what each loss counts in the gradient.
        losses: N.
        methods: N, how each was solved; INVALID where its labels or lengths are out of range.
        gradient: T N C on one axis; of no size if it is not wanted.
    """

    shares: np.ndarray
    losses: np.ndarray
    methods: np.ndarray
    gradient: np.ndarray


@njit(error_model="numpy")
def solve_part(part, parts, together, T, S, samples, results, memory):
    """Solve one part of the samples, in groups of so many together; returns how many of them are invalid.

    A part are up to eight neighbouring samples, and then again eight, after those of the other parts: two threads that
    write side by side, to the same cache line, slow each other down.

    Args:
        T: the number of frames.
        S: the most labels of a sample.
    """
    N, invalid = len(results.losses), 0
    # np.int64: for a number written out numba would compile a function once more
    turn = max(together, min(LANES, N // parts))
    for first_of_turn in range(part * turn, N, parts * turn):
        for first in range(first_of_turn, min(first_of_turn + turn, N), together):
            end, waiting = min(first + together, N), 0
            for n in range(first, end):
                invalid += begin(n, T, S, samples, results)
            solve_group(np.int64(LINEAR), first, together, T, samples, results, memory)
            for n in range(first, end):
                waiting += results.methods[n] == WAITING
            if waiting > 0:
                solve_each_alone(first, end, T, samples, results, memory)
    return invalid


@njit(error_model="numpy")
def solve_each_alone(first, end, T, samples, results, memory):
    """Solve those that still wait, one after the other, by slower methods."""
    for n in range(first, end):
        for method in (TILTED, LOG):
            if results.methods[n] == WAITING:
                solve_group(method, n, np.int64(1), T, samples, results, memory)


@njit(error_model="numpy")
def begin(n, T_max, S_max, samples, results):
    """Check sample n, enter IMPOSSIBLE, INVALID or WAITING, and return whether it is invalid."""
    T, S, start = samples.input_lengths[n], samples.lengths[n], samples.starts[n]
    valid, needed = 0 <= T <= T_max and 0 <= S <= S_max, S
    # before anything is read by them: nobody checks an index in machine code
    for k in range(start, start + S if valid else start):
        valid &= 0 <= samples.labels[k] < samples.C and samples.labels[k] != samples.blank
        needed += k > start and samples.labels[k] == samples.labels[k - 1]
    results.methods[n] = INVALID if not valid else WAITING if T >= needed and T > 0 else IMPOSSIBLE
    results.losses[n] = 0.0 if S == 0 else math.inf  # T = 0: the empty path spells the empty target alone
    return not valid


@njit(error_model="numpy")
def solve_group(method, first, stride, T_max, samples, results, memory):
    """Solve the samples of a group that wait, and fill in their gradient. One whose proof fails waits on."""
    workspace = workspace_for(memory, samples, first, stride, results.shares, results.methods, WAITING)
    T, C, gradient, anew = workspace.T, samples.C, results.gradient, not samples.logits
    width = len(results.losses) * C
    if T > 0 and (method == LINEAR or samples.logits):  # from logits anew: who failed has changed the gradient
        gather(samples, workspace, gradient)
    if T > 0 and method != LINEAR:
        gather_logarithms(samples, workspace)
    if T > 0 and method == LOG:
        labels, posterior = samples.labels[samples.starts[first] :][: workspace.S], np.empty((T, workspace.S + 1))
        loss = solve_in_log_space(workspace, labels, posterior)
        results.losses[first], results.methods[first] = loss, LOG
        # from logits, too, the gradient is 0 where all alignments have the probability 0
        subtract_posteriors(gradient, width, C, posterior, workspace, anew or loss == math.inf)
    elif T > 0:
        exponent, limit, log_factors = EXPONENT, SUM_LIMIT, 0.0
        workspace.enter[:] = 1.0
        if method == TILTED:
            exponent, limit = EXPONENT_TILTED, SUM_LIMIT_TILTED
            log_factors = tilt(workspace)
            exp_in_place(workspace.emit_blank)
            exp_in_place(workspace.emit_label)
        prepare(workspace, exponent)
        forward(workspace, exponent, limit)
        for j in range(stride):
            if workspace.steps[j] > 0:
                results.losses[first + j] = log_factors + end_at(workspace, j, exponent)
        backward(workspace, gradient, width, C, anew)
        for j in range(stride):
            if workspace.steps[j] > 0 and abs(agreement(workspace, j, exponent) - 1.0) < AGREEMENT:
                results.methods[first + j] = method
    if len(gradient) > 0:  # memory that nobody has written to: frames past the end of the whole group come last
        for t in range(T, T_max):
            clear(gradient, t * width + first * C, t * width + workspace.end * C)


@njit(error_model="numpy")
def subtract_posteriors(gradient, width, C, posterior, workspace, anew):
    """Take the posteriors of one sample, T x (S + 1), from the gradient if it is wanted, or, anew, from 0."""
    T, S, n = len(posterior), posterior.shape[1] - 1, workspace.first
    for t in range(T if len(gradient) > 0 else 0):
        if anew:
            clear(gradient, t * width + n * C, t * width + (n + 1) * C)
        for k in range(S + 1):
            target = workspace.target[k if k < S else workspace.P]
            gradient[np.uint64(t * width) + target] -= workspace.shares[0] * posterior[t, k]
