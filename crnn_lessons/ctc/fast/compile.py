"""What a compiled loop over a batch needs: as many threads as torch uses, and machine code on disk that is fresh."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import torch

_HERE = Path(__file__).parent
_CHECKSUM = zlib.crc32(b"".join(file.read_bytes() for file in sorted(_HERE.glob("*.py"))))

WORTH_A_THREAD = 30_000
"""So many numbers take about as long as it takes to wake a thread and to wait for it, 20 microseconds."""

_one_at_a_time = threading.Lock()  # numba's simplest thread pool ends the process when two threads enter it at once
_forked = False


def _note_fork() -> None:
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_note_fork)  # OpenMP ends a forked process that uses it again: no threads there


def version(parallel: bool) -> int:
    """A number for a compiled loop to hold as a constant, so that no stale machine code is taken from disk.

    numba finds machine code again by the function's own text, file and constants. It does not see a change in a
    function that is called from another file, nor whether a loop was compiled for threads: this number does.
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


def threads_for(N: int, work: int) -> int:
    """How many threads N samples are worth: as many as torch uses, fewer for little work, one in a forked process.

    Args:
        work: about how many numbers there are to compute.
    """
    most = min(torch.get_num_threads(), N, numba.config.NUMBA_NUM_THREADS)
    return 1 if _forked else max(1, min(most, work // WORTH_A_THREAD))


def on_threads(threads: int, loop: Callable[..., Any], *arguments: Any) -> None:
    """Call a parallel loop on so many threads, and leave numba's own setting as it was."""
    with _one_at_a_time:
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            loop(*arguments)
        finally:
            numba.set_num_threads(before)
