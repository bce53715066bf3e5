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
    N, invalid, group = len(results.losses), 0, new_group(S, together)
    turn = max(together, min(LANES, N // parts))
    for first_of_turn in range(part * turn, N, parts * turn):
        for first in range(first_of_turn, min(first_of_turn + turn, N), together):
            end, waiting = min(first + together, N), 0
            for n in range(first, end):
                invalid += begin(n, T, S, samples, results)
            solve_group(LINEAR, first, T, group, samples, results, memory)
            for n in range(first, end):
                waiting += results.methods[n] == WAITING
            if waiting > 0:
                solve_each_alone(first, end, T, S, samples, results, memory)
    return invalid


@njit(error_model="numpy")
def solve_each_alone(first, end, T, S, samples, results, memory):
    """Solve those that still wait, one after the other, by slower methods."""
    alone = new_group(S, 1)
    for n in range(first, end):
        for method in (TILTED, LOG):
            if results.methods[n] == WAITING:
                solve_group(method, n, T, alone, samples, results, memory)


@njit(error_model="numpy")
def begin(n, T_max, S_max, samples, results):
    """Check sample n, enter IMPOSSIBLE, INVALID or WAITING, and return whether it is invalid."""
    T, S, start = samples.input_lengths[n], samples.lengths[n], samples.starts[n]
    valid, needed = 0 <= T <= T_max and 0 <= S <= S_max, S
    for k in range(start, start + S if valid else start):
        valid &= 0 <= samples.labels[k] < samples.C and samples.labels[k] != samples.blank
        needed += k > start and samples.labels[k] == samples.labels[k - 1]
    results.methods[n] = INVALID if not valid else WAITING if T >= needed and T > 0 else IMPOSSIBLE
    results.losses[n] = 0.0 if S == 0 else math.inf  # T = 0: the empty path spells the empty target alone
    return not valid


@njit(error_model="numpy")
def solve_group(method, first, T_max, group, samples, results, memory):
    """Solve the samples of a group that wait, and fill in their gradient. One whose proof fails waits on."""
    T, S = fill_group(group, samples, first, results.shares, results.methods, WAITING)
    stride, C, gradient, width = len(group.S), samples.C, results.gradient, len(results.losses) * samples.C
    workspace, anew = workspace_in(memory, T, S, stride, whole_lines(C) if samples.logits else 0), not samples.logits
    if T > 0 and (method == LINEAR or samples.logits):  # from logits anew: who failed has changed the gradient
        gather(samples, group, workspace, T, gradient)
    if T > 0 and method != LINEAR:
        gather_logarithms(samples, group, workspace, T)
    if T > 0 and method == LOG:
        labels, posterior = samples.labels[samples.starts[first] : samples.starts[first] + S], np.empty((T, S + 1))
        loss = solve_in_log_space(workspace, T, labels, posterior)
        results.losses[first], results.methods[first] = loss, LOG
        # from logits, too, the gradient is 0 where all alignments have the probability 0
        subtract_posteriors(gradient, width, posterior, group, C, anew or loss == math.inf)
    elif T > 0:
        exponent, limit, log_factors = EXPONENT, SUM_LIMIT, 0.0
        workspace.enter[:] = 1.0
        if method == TILTED:
            exponent, limit = EXPONENT_TILTED, SUM_LIMIT_TILTED
            log_factors = tilt(workspace, S)
            exp_in_place(workspace.emit_blank)
            exp_in_place(workspace.emit_label)
        prepare(workspace, group, exponent)
        forward(workspace, group, exponent, limit)
        for j in range(stride):
            if group.T[j] > 0:
                results.losses[first + j] = log_factors + end_at(workspace, group.S[j], stride, j, exponent)
        backward(workspace, group, gradient, width, C, anew)
        for j in range(stride):
            if group.T[j] > 0 and abs(agreement(workspace, j, exponent) - 1.0) < AGREEMENT:
                results.methods[first + j] = method
    if len(gradient) > 0:
        for t in range(T, T_max):
            clear(gradient, t * width + group.first[0] * C, t * width + group.first[1] * C)


@njit(error_model="numpy")
def subtract_posteriors(gradient, width, posterior, group, C, anew):
    """Take the posteriors of one sample, T x (S + 1), from the gradient if it is wanted, or, anew, from 0."""
    T, S, P = len(posterior), posterior.shape[1] - 1, len(group.source)
    for t in range(T if len(gradient) > 0 else 0):
        if anew:
            clear(gradient, t * width + group.first[0] * C, t * width + group.first[1] * C)
        for k in range(S + 1):
            gradient[np.uint64(t * width) + group.target[k if k < S else P]] -= group.shares[0] * posterior[t, k]
