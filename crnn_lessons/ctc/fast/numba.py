"""CTC over a batch on the CPU: the samples shared out over as many threads as torch uses.

What a thread does with its samples is in ``solve``. The machine code is kept on disk: the very first call compiles it.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from numba import prange, types
from torch import Tensor

from crnn_lessons.ctc.arguments import Targets, check_ranges
from crnn_lessons.ctc.fast.group import Samples
from crnn_lessons.ctc.fast.memory import workspace_size
from crnn_lessons.ctc.fast.simd import LANES
from crnn_lessons.ctc.fast.solve import IMPOSSIBLE, INVALID, LINEAR, LOG, TILTED, Results, solve_part

__all__ = ["IMPOSSIBLE", "LINEAR", "LOG", "TILTED", "solve", "solve_by"]

SIDE_BY_SIDE_LIMIT = 250_000
"""Eight samples are solved side by side where their workspace has at most so many float64: it should stay in a near
cache. One sample of the same kind needs an eighth, and is better off alone beyond this."""
WORTH_A_THREAD = 30_000
"""So many numbers take about as long as it takes to wake a thread and to wait for it, 20 microseconds."""

_CHECKSUM = zlib.crc32(b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))))
_one_at_a_time = threading.Lock()  # numba's simplest thread pool ends the process when two threads enter it at once
_kept = threading.local()
_forked = False


def _note_fork() -> None:
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_note_fork)  # OpenMP ends a forked process that uses it again: no threads there


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
    S = targets.capacity
    threads = threads_for(N, T * N * (S + 1 + (C if logits else C // 8)))  # to clear a number is the least of work
    size = workspace_size(T, S, LANES)
    together = LANES if size <= SIDE_BY_SIDE_LIMIT and N >= LANES * threads else 1
    memory = memory_for(threads, size if together > 1 else workspace_size(T, S, 1))
    frames, step, sample_step, class_step = _frames(scores.detach())
    gradient = np.empty(T * N * C if wanted else 0, frames.dtype)
    samples = targets.labels, targets.starts, targets.lengths, targets.input_lengths, targets.blank
    results = shares if wanted else losses, losses, methods, gradient
    sizes = threads, together, T, S
    arguments = *samples, C, sample_step, class_step, *results, wanted, logits, frames, step, *sizes, memory
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


def memory_for(threads: int, size: int) -> np.ndarray:
    """Memory of a size for each thread, threads x size, each part at the start of a cache line.

    It is kept for the next call, since fetching it from the system anew takes as long as a third of the work.
    """
    size += -size % LANES
    kept = getattr(_kept, "memory", None)
    if kept is None or kept.size < threads * size + LANES:
        kept = _kept.memory = np.empty(threads * size + LANES)
        _kept.start = -kept.ctypes.data % (8 * LANES) // 8
    return kept[_kept.start : _kept.start + threads * size].reshape(threads, size)


def threads_for(N: int, work: int) -> int:
    """How many threads N samples are worth: as many as torch uses, fewer for little work, one in a forked process.

    Args:
        work: about how many numbers there are to compute.
    """
    threads = min(torch.get_num_threads(), N, numba.config.NUMBA_NUM_THREADS)
    return 1 if _forked else max(1, min(threads, work // WORTH_A_THREAD))


def on_threads(threads: int, loop: Callable[..., Any], *arguments: Any) -> None:
    """Call a parallel loop on so many threads, and leave numba's own setting as it was."""
    with _one_at_a_time:
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            loop(*arguments)
        finally:
            numba.set_num_threads(before)


@cache
def _loop(dtype: torch.dtype, parallel: bool) -> Callable[..., None]:
    """The loop over the batch: float32 or float64, several threads or one."""
    stamp = version(parallel)
    real, whole, yes = getattr(types, str(dtype).removeprefix("torch.")), types.int64, types.boolean
    samples = *(whole[::1],) * 4, *(whole,) * 4
    results = types.float64[::1], types.float64[::1], whole[::1], real[::1], yes
    rest = yes, real[::1], *(whole,) * 5, types.float64[:, ::1]

    # fmt: off
    def loop(labels, starts, lengths, input_lengths, blank, C, sample_step, class_step,
             shares, losses, methods, gradient, wanted, logits, frames, step, threads, together, T, S, memory):
        samples = Samples(labels, starts, lengths, input_lengths, blank, C, sample_step, class_step)
        results = Results(shares, losses, methods, gradient, wanted)
        parts = threads + 0 * stamp
        for part in prange(parts):  # each thread's own
            solve_part(part, parts, together, T, S, frames, step, logits, samples, results, memory[part])
    # fmt: on
    return compiled(loop, types.void(*samples, *results, *rest), parallel)


def version(parallel: bool) -> int:
    """A number for a compiled loop to hold as a constant, so that no stale machine code is taken from disk.

    subtle: numba finds machine code again by the function's own text, file and constants. It does not see a change in
    a function that is called from another file, nor whether a loop was compiled for threads. This number does.
    """
    return 2 * _CHECKSUM + parallel


def compiled(loop: Callable[..., Any], signature: Any, parallel: bool) -> Callable[..., Any]:
    """The loop as machine code: taken from disk, or compiled now (seconds) and kept there if possible."""
    options = {"parallel": parallel, "nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(signature, cache=True, **options)(loop)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return numba.njit(signature, **options)(loop)
