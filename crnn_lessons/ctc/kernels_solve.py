"""CTC of some samples of a batch: each by the fastest method that proves its own result.

First in probabilities (``kernels_linear``), eight short samples side by side; one whose proof fails goes on alone, in
tilted probabilities, then in logarithms (``kernels_log``).

Source: Graves et al. 2006; from logits, the gradient is equation 16, softmax minus posterior.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from crnn_lessons.ctc.kernels_exp import exp_in_place
from crnn_lessons.ctc.kernels_group import fill_group, new_group, whole_lines
from crnn_lessons.ctc.kernels_linear import agreement, backward, end_at, forward, log_likelihood, tilt
from crnn_lessons.ctc.kernels_log import solve_in_log_space
from crnn_lessons.ctc.kernels_room import room_in
from crnn_lessons.ctc.kernels_rows import gather, normalise, subtract_posteriors

AGREEMENT = 1e-10
"""How far p(Y | X) by alpha and by beta may differ, as a share. Rounding makes about 1e-12 at T = 10,000."""

IMPOSSIBLE, LINEAR, TILTED, LOG, INVALID, WAITING = 0, 1, 2, 3, 4, 5


class Results(NamedTuple):
    """What is to be filled in.

    Attributes:
        shares: N, what each loss counts in the gradient.
        losses: N.
        methods: N, how each was solved; INVALID where its labels or lengths are out of range.
        gradient: T x (N C), if wanted.
        wanted: whether it is.
    """

    shares: np.ndarray
    losses: np.ndarray
    methods: np.ndarray
    gradient: np.ndarray
    wanted: bool


@njit(error_model="numpy")
def solve_part(part, parts, together, S, frames, logits, batch, results, memory):
    """Solve groups part, part + parts and so on, each of so many samples together; S: the most labels of one."""
    N, methods = len(results.losses), results.methods
    log_sums, row = np.zeros((len(frames), together)), np.empty(whole_lines(batch.C))
    one = np.int64(1)  # for numbers written out numba would compile these functions once more
    group, alone, own_log_sums = new_group(S, together), new_group(S, one), np.zeros((len(frames), 1))
    for first in range(part * together, N, parts * together):
        end = min(first + together, N)
        for n in range(first, end):
            T = begin(n, len(frames), S, batch, results)
            if logits:
                normalise(frames, n, T, batch, row, log_sums[:, n - first], results)
        solve_group(np.int64(LINEAR), first, frames, log_sums, logits, group, batch, results, memory)
        for n in range(first, end):
            for method in (TILTED, LOG):
                if methods[n] == WAITING:
                    for t in range(len(frames)):
                        own_log_sums[t, 0] = log_sums[t, n - first]
                    solve_group(method, n, frames, own_log_sums, logits, alone, batch, results, memory)


@njit(error_model="numpy")
def begin(n, most_T, most_S, batch, results):
    """Check sample n, enter IMPOSSIBLE, INVALID or WAITING, and return T, 0 where there is nothing to solve."""
    T, S, start = batch.input_lengths[n], batch.lengths[n], batch.starts[n]
    valid, needed = 0 <= T <= most_T and 0 <= S <= most_S, S
    for k in range(start, start + S if valid else start):
        valid &= 0 <= batch.labels[k] < batch.C and batch.labels[k] != batch.blank
        needed += k > start and batch.labels[k] == batch.labels[k - 1]
    waits = valid and T >= needed and T > 0
    results.methods[n] = WAITING if waits else IMPOSSIBLE if valid else INVALID
    results.losses[n] = 0.0 if S == 0 else math.inf  # T = 0: the empty path spells the empty target alone
    return T if waits else 0


@njit(error_model="numpy")
def solve_group(method, first, frames, log_sums, logits, group, batch, results, memory):
    """Solve the samples of a group that wait. Those whose proof fails wait on, and their gradient is not touched."""
    T, S = fill_group(group, batch, first, results.shares, results.methods, WAITING)
    room = room_in(memory, T, S, len(group.S))
    if T > 0:
        gather(frames, log_sums, group, room, method != LINEAR)
        if method == LOG:
            labels = batch.labels[batch.starts[first] : batch.starts[first] + S]
            results.losses[first], results.methods[first] = solve_in_log_space(room, labels), LOG
        else:
            solve_linear(method, first, group, room, results)
    if results.wanted:
        subtract_posteriors(results.gradient, group, room, not logits)
        for n in range(first, min(first + len(group.S), len(results.losses))):
            if logits and results.losses[n] == math.inf:  # all alignments have the probability 0
                results.gradient[:, n * batch.C : (n + 1) * batch.C] = 0.0


@njit(error_model="numpy")
def solve_linear(method, first, group, room, results):
    """Posteriors and losses of a group by LINEAR or TILTED; a sample whose proof fails leaves the group."""
    T, stride = len(room.emit_label), len(group.S)
    room.enter[:] = 1.0
    log_factors = 0.0
    if method == TILTED:
        log_factors = tilt(room, group.S[0])
        exp_in_place(room.all_emit_blank)
        exp_in_place(room.emit_label.reshape(-1))
    room.skip[:] = 0.0
    for i in range(room.emit_label.shape[1]):
        room.skip[i] = room.enter[i] * group.may_skip[i]
    forward(room, stride)
    room.beta[:] = 0.0
    room.blank_posterior[T - 1] = 0.0
    for j in range(stride):
        log_p, end = log_likelihood(room, group.S[j], stride, j)
        if group.T[j] > 0:
            results.losses[first + j] = log_factors - log_p
            if end > 0.0:
                end_at(room, group.S[j], stride, j, end)
    backward(room, stride)
    for j in range(stride):
        if group.T[j] > 0 and abs(agreement(room, j) - 1.0) < AGREEMENT:
            results.methods[first + j] = method
        else:
            group.T[j] = 0.0
