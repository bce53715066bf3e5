"""CTC over a batch on the CPU: the samples shared out over as many threads as torch uses.

The work itself is in ``solve``. The machine code is kept on disk: the first call of all compiles it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numba import prange, types
from torch import Tensor

from crnn_lessons.ctc.arguments import Targets, check_ranges
from crnn_lessons.ctc.fast.compile import compiled, on_threads, threads_for, version
from crnn_lessons.ctc.fast.group import Batch
from crnn_lessons.ctc.fast.lanes import LANES
from crnn_lessons.ctc.fast.room import memory_for, room_size
from crnn_lessons.ctc.fast.solve import IMPOSSIBLE, INVALID, LINEAR, LOG, TILTED, Results, solve_part

__all__ = ["IMPOSSIBLE", "LINEAR", "LOG", "TILTED", "solve", "solve_by"]

MOST_TOGETHER = 250_000
"""Eight samples are solved side by side where their room has at most so many float64: it should stay in a near cache.
One sample of the same kind needs an eighth, and is better off alone beyond this."""


def solve(
    scores: Tensor, targets: Targets, shares: np.ndarray | None, logits: bool = False
) -> tuple[Tensor, Tensor | None]:
    """The loss of each sample, and the gradient of their weighed sum; see ``torch.solve``."""
    losses, gradient, _methods = solve_by(scores, targets, shares, logits)
    return losses, gradient


def solve_by(
    scores: Tensor, targets: Targets, shares: np.ndarray | None, logits: bool = False
) -> tuple[Tensor, Tensor | None, np.ndarray]:
    """``solve``, and how each sample was solved: IMPOSSIBLE, LINEAR, TILTED or LOG."""
    wanted, (T, N, C) = shares is not None, scores.shape
    if not 0 <= targets.blank < C:
        check_ranges(targets, T, C)
    losses, methods = np.empty(N), np.empty(N, dtype=np.int64)
    S = targets.most
    threads = threads_for(N, T * N * (S + 1 + (C if logits else C // 8)))  # to clear a number is the least of work
    size = room_size(T, S, LANES)
    together = LANES if size <= MOST_TOGETHER and N >= LANES * threads else 1
    memory = memory_for(threads, size if together > 1 else room_size(T, S, 1))
    frames, step, sample_step, class_step = _frames(scores.detach())
    gradient = np.empty(T * N * C if wanted else 0, frames.dtype)
    batch = targets.labels, targets.starts, targets.lengths, targets.input_lengths, targets.blank
    results = shares if wanted else losses, losses, methods, gradient
    sizes = threads, together, T, S
    arguments = *batch, C, sample_step, class_step, *results, wanted, logits, frames, step, *sizes, memory
    loop = _loop(scores.dtype, threads > 1)
    if threads == 1:
        loop(*arguments)
    else:
        on_threads(threads, loop, *arguments)
    if methods.max() >= INVALID:
        check_ranges(targets, T, C)
    return torch.from_numpy(losses), torch.from_numpy(gradient.reshape(T, N, C)) if wanted else None, methods


def _frames(scores: Tensor) -> tuple[np.ndarray, int, int, int]:
    """The scores on one axis, and how far apart two steps, two samples and two classes stand on it.

    Any layout will do: a transposed view needs no copy.
    """
    _, N, C = scores.shape
    if scores.is_contiguous():
        return scores.numpy().reshape(-1), N * C, C, 1
    steps = scores.stride()
    width = 1 + sum((size - 1) * step for size, step in zip(scores.shape, steps, strict=True))
    return scores.as_strided((width,), (1,)).numpy(), *steps


@cache
def _loop(dtype: torch.dtype, parallel: bool) -> Callable[..., None]:
    """The loop over the batch: float32 or float64, several threads or one."""
    stamp = version(parallel)
    real, whole, yes = getattr(types, str(dtype).removeprefix("torch.")), types.int64, types.boolean
    batch = *(whole[::1],) * 4, *(whole,) * 4
    results = types.float64[::1], types.float64[::1], whole[::1], real[::1], yes
    rest = yes, real[::1], *(whole,) * 5, types.float64[:, ::1]

    # fmt: off
    def loop(labels, starts, lengths, input_lengths, blank, C, sample_step, class_step,
             shares, losses, methods, gradient, wanted, logits, frames, step, threads, together, T, S, memory):
        batch = Batch(labels, starts, lengths, input_lengths, blank, C, sample_step, class_step)
        results = Results(shares, losses, methods, gradient, wanted)
        parts = threads + 0 * stamp
        for part in prange(parts):  # each thread's own
            solve_part(part, parts, together, T, S, frames, step, logits, batch, results, memory[part])
    # fmt: on
    return compiled(loop, types.void(*batch, *results, *rest), parallel)
