"""CTC over a batch on the CPU: the samples shared out over as many threads as torch uses.

What a thread does with its samples is in ``solve``. The machine code is kept on disk: the very first call compiles it.
"""

from __future__ import annotations

import os
import threading
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from numba import carray, prange, types
from torch import Tensor

from crnn_lessons.ctc.arguments import Targets, check_ranges
from crnn_lessons.ctc.fast.memory import pointer
from crnn_lessons.ctc.fast.simd import LANES
from crnn_lessons.ctc.fast.solve import IMPOSSIBLE, LINEAR, LOG, TILTED, Results, Samples, solve_part
from crnn_lessons.ctc.fast.workspace import workspace_size

if numba.config.DISABLE_JIT:
    raise ImportError("the environment variable NUMBA_DISABLE_JIT forbids numba to compile")

__all__ = ["IMPOSSIBLE", "LINEAR", "LOG", "TILTED", "solve", "solve_by"]

NUMPY = {torch.float32: np.float32, torch.float64: np.float64}
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
    if not scores.is_cpu:
        raise ValueError(f"the kernel 'numba' computes on the CPU, and log_probs are on {scores.device}")
    scores, wanted, (T, N, C), S = scores.resolve_neg(), shares is not None, scores.shape, targets.capacity
    losses, methods = np.empty(N), np.empty(N, dtype=np.int64)
    threads = threads_for(N, T * N * (S + 1 + (C if logits else C // 8)))  # to clear a number is the least of work
    W = C + -C % LANES if logits else 0
    size = workspace_size(T, S, LANES, W)
    together = LANES if size <= SIDE_BY_SIDE_LIMIT and N >= LANES * threads else 1
    memory = memory_for(threads * (size if together > 1 else workspace_size(T, S, 1, W)))
    gradient = torch.empty((T, N, C) if wanted else (0,), dtype=scores.dtype)
    # Where the numbers stand says it all, whatever the layout; and NumPy's views of them would take as long as all of
    # a small batch, with cold caches
    frames = scores.data_ptr(), gradient.data_ptr(), T, *scores.stride()
    samples = targets.labels, targets.starts, targets.lengths, targets.input_lengths, targets.blank, C, logits, wanted
    results = shares if wanted else losses, losses, methods
    arguments = *frames, *samples, *results, S, threads, together, W, memory
    loop = _loop(scores.dtype, threads > 1)
    if not (loop(*arguments) if threads == 1 else on_threads(threads, loop, *arguments)):
        check_ranges(targets, T, C)
    return torch.from_numpy(losses), gradient if wanted else None, methods


def memory_for(size: int) -> int:
    """The address of memory for so many float64, the start of a cache line.

    It is kept for the next call, since fetching it from the system anew takes as long as a third of the work.
    """
    if getattr(_kept, "size", -1) < size:
        _kept.memory, _kept.size = np.empty(size + LANES), size
        _kept.address = -(-_kept.memory.ctypes.data // (8 * LANES)) * 8 * LANES
    return _kept.address


def threads_for(N: int, work: int) -> int:
    """How many threads N samples are worth: as many as torch uses, fewer for little work, one in a forked process.

    Args:
        work: about how many numbers there are to compute.
    """
    threads = min(torch.get_num_threads(), N, numba.config.NUMBA_NUM_THREADS)
    return 1 if _forked else max(1, min(threads, work // WORTH_A_THREAD))


def on_threads(threads: int, loop: Callable[..., bool], *arguments: Any) -> bool:
    """Call a parallel loop on so many threads, and leave numba's own setting as it was."""
    with _one_at_a_time:
        before = numba.get_num_threads()
        if threads == before:
            return loop(*arguments)
        numba.set_num_threads(threads)
        try:
            return loop(*arguments)
        finally:
            numba.set_num_threads(before)


@cache
def _loop(dtype: torch.dtype, parallel: bool) -> Callable[..., bool]:
    """The loop over the batch: float32 or float64, several threads or one. It returns whether all samples are valid."""
    stamp = version(parallel)
    whole, real, yes, kind = types.int64, types.float64, types.boolean, NUMPY[dtype]
    frames, samples = (whole,) * 6, (*(whole[::1],) * 4, whole, whole, yes, yes)
    results, rest = (real[::1], real[::1], whole[::1]), (whole,) * 5

    # fmt: off
    def loop(scores, gradient, T, step, sample_step, class_step,
             labels, starts, lengths, input_lengths, blank, C, logits, wanted,
             shares, losses, methods, S, threads, together, W, memory):
        N = len(losses)
        reach = 1 + (T - 1) * step + (N - 1) * sample_step + (C - 1) * class_step
        frames, gradient = carray(pointer(scores), reach, kind), carray(pointer(gradient), wanted * T * N * C, kind)
        samples = Samples(labels, starts, lengths, input_lengths, blank, C,
                          frames, step, sample_step, class_step, logits)
        results = Results(shares, losses, methods, gradient)
        parts, size = threads + 0 * stamp, workspace_size(T, S, together, W)
        invalid = 0
        for part in prange(parts):  # each thread's own
            own = carray(pointer(memory + 8 * part * size), size, np.float64)
            invalid += solve_part(part, parts, together, T, S, samples, results, own)
        return invalid == 0
    # fmt: on
    return compiled(loop, yes(*frames, *samples, *results, *rest), parallel)


def version(parallel: bool) -> int:
    """A number for a compiled loop to hold as a constant, so that no stale machine code is taken from disk.

    subtle: numba finds machine code again by the function's own text, file and constants. It does not see a change in
    a function that is called from another file, nor whether a loop was compiled for threads. This number does.
    """
    return 2 * _CHECKSUM + parallel


def compiled(loop: Callable[..., Any], signature: Any, parallel: bool) -> Callable[..., Any]:
    """The loop as machine code: taken from disk, or compiled now (seconds) and kept there if possible.

    A folder that cannot be written, a full disk or a damaged file there costs time, not the result.
    """
    options = {"parallel": parallel, "nogil": True, "error_model": "numpy"}
    code = None
    try:
        code = numba.njit(cache=True, **options)(loop)
        code.compile(signature)
    except Exception as error:  # whatever a damaged file may raise; an error of ours comes again below
        if code is not None:
            folder = code.stats.cache_path
            warnings.warn(
                f"CTC's machine code is of no use in {folder}; to mend it, delete that: {error!r}", stacklevel=2
            )
        if code is None or not code.overloads:
            code = numba.njit(signature, **options)(loop)
    code.disable_compile()
    return code
