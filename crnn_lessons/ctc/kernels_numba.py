"""CTC over a batch on the CPU: each sample by the fastest method that proves its own result.

First in probabilities (``kernels_linear``), then in tilted ones, then in logarithms (``kernels_log``). The samples are
shared out over as many threads as torch uses. The machine code is kept on disk: the first call of all compiles it.

Source: Graves et al. 2006; from logits, the gradient is equation 16, softmax minus posterior.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numba import njit, prange, types
from torch import Tensor

from crnn_lessons.ctc.arguments import Targets
from crnn_lessons.ctc.kernels_compile import compiled, on_threads, threads_for, version
from crnn_lessons.ctc.kernels_exp import exp_in_place
from crnn_lessons.ctc.kernels_linear import backward, forward, tilt
from crnn_lessons.ctc.kernels_log import solve_in_log_space
from crnn_lessons.ctc.kernels_room import memory_for, room_in
from crnn_lessons.ctc.kernels_rows import gather, normalise, subtract_posteriors

AGREEMENT = 1e-10
"""How far p(Y | X) by alpha and by beta may differ, as a share. Rounding makes about 1e-12 at T = 10,000."""

IMPOSSIBLE, LINEAR, TILTED, LOG = 0, 1, 2, 3


def solve(
    scores: Tensor, targets: Targets, shares: np.ndarray | None, logits: bool = False
) -> tuple[Tensor, Tensor | None]:
    """The loss of each sample, and the gradient of their weighed sum; see ``kernels_torch.solve``."""
    losses, gradient, _methods = solve_by(scores, targets, shares, logits)
    return losses, gradient


def solve_by(
    scores: Tensor, targets: Targets, shares: np.ndarray | None, logits: bool = False
) -> tuple[Tensor, Tensor | None, np.ndarray]:
    """``solve``, and how each sample was solved: IMPOSSIBLE, LINEAR, TILTED or LOG."""
    N, wanted = len(targets.lengths), shares is not None
    losses, methods = np.empty(N), np.empty(N, dtype=np.int64)
    gradient = torch.empty(scores.shape if wanted else (0, 0, 0), dtype=scores.dtype)
    threads = threads_for(N)
    layout = "C" if scores.is_contiguous() else "A"  # a transposed view needs no copy, and a little more time
    loop = _loop(str(scores.dtype).removeprefix("torch."), layout, threads > 1)
    batch = targets.labels.view(np.uint64), targets.starts, targets.lengths, targets.input_lengths, targets.blank
    results = shares if wanted else losses, wanted, losses, methods, gradient.numpy()
    memory = memory_for(threads, int(targets.input_lengths.max()), int(targets.lengths.max()))
    arguments = threads, scores.detach().numpy(), logits, *batch, *results, memory
    if threads == 1:
        loop(*arguments)
    else:
        on_threads(threads, loop, *arguments)
    return torch.from_numpy(losses), gradient if wanted else None, methods


@cache
def _loop(dtype: str, layout: str, parallel: bool) -> Callable[..., None]:
    """The loop over the batch: float32 or float64, scores contiguous (C) or not (A), several threads or one."""
    stamp = version(parallel)
    real, whole, yes = getattr(types, dtype), types.int64, types.boolean
    # labels without a sign: for an index with one, Python counts from the end where it is negative, and that takes time
    batch = (types.uint64[::1], whole[::1], whole[::1], whole[::1], whole)
    wanted = (types.float64[::1], yes, types.float64[::1], whole[::1], real[:, :, ::1], types.float64[:, ::1])
    signature = types.void(whole, types.Array(real, 3, layout), yes, *batch, *wanted)

    # fmt: off
    def loop(threads, scores, logits, labels, starts, lengths, input_lengths, blank,
             shares, wanted, losses, methods, gradient, memory):
        parts = threads + 0 * stamp
        for part in prange(parts):  # samples part, part + parts, ...: one thread's
            row, log_sums = np.empty(scores.shape[2]), np.zeros(len(scores))
            for n in range(part, len(lengths), parts):
                target = labels[starts[n] : starts[n] + lengths[n]]
                losses[n], methods[n] = _solve_sample(
                    scores, n, logits, target, input_lengths[n], blank,
                    shares[n], wanted, gradient, memory[part], row, log_sums,
                )
    # fmt: on
    return compiled(loop, signature, parallel)


@njit(error_model="numpy")
def _solve_sample(scores, n, logits, target, T, blank, share, wanted, gradient, memory, row, log_sums):
    """Write the gradient of sample n, if wanted, and return its loss and the method that found it."""
    S = len(target)
    if wanted:
        gradient[T:, n] = 0.0
    needed = S
    for k in range(1, S):
        needed += target[k] == target[k - 1]
    loss, method = 0.0 if S == 0 else math.inf, IMPOSSIBLE  # T = 0: the empty path spells the empty target alone
    if T >= needed and T > 0:
        room, log_sum = room_in(memory, T, S), log_sums[:T]
        if logits:
            normalise(scores, n, row, log_sum, gradient, share, wanted)
        loss, method = _solve_lattice(scores, n, log_sum, target, blank, room)
        if wanted and loss != math.inf:
            subtract_posteriors(gradient, n, target, blank, share, room, not logits)
    if wanted and loss == math.inf:
        gradient[:T, n] = 0.0
    return loss, method


@njit(error_model="numpy")
def _solve_lattice(scores, n, log_sum, target, blank, room):
    S = len(target)
    for method in (LINEAR, TILTED):
        tilted = method == TILTED
        gather(scores, n, log_sum, target, blank, room, tilted)
        room.enter[:] = 1.0
        log_factors = tilt(room, S) if tilted else 0.0
        room.skip[:] = 0.0
        for k in range(1, S):
            room.skip[k] = room.enter[k] if target[k] != target[k - 1] else 0.0
        if tilted:
            exp_in_place(room.emit_blank)
            exp_in_place(room.emit_label.reshape(-1))
        log_scales, end = forward(room, S)
        if end > 0.0 and abs(backward(room, S, end) - 1.0) < AGREEMENT:  # NaN > 0 is false, too
            return log_factors - log_scales - math.log(end), method
    gather(scores, n, log_sum, target, blank, room, True)
    return solve_in_log_space(room, target), LOG
