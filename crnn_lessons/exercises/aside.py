"""Run a learner's code where it can do no harm: in a copy of this process, which is thrown away.

A limit of time inside one process has holes: a loop that swallows every exception, or a sum over 10^12 numbers that
never comes back from C, cannot be stopped from within. A forked copy can, and it may also take too much memory, exit,
or crash. Linux forks safely; elsewhere the work is done here, under :mod:`crnn_lessons.exercises.limit` alone.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from crnn_lessons.exercises.limit import SECONDS

GRACE = 3.0
"""Seconds more than the limit, before a copy that does not stop itself is ended."""

MOST_MEMORY = 2 << 30
"""Bytes that the copy may take in addition."""

MOST_PRINTED = 4000
"""Characters that it may print."""

_beats: Connection | None = None  # in the copy: where to say that the next case begins


class Ended(Exception):
    """The copy did not come back; the sentence says how it ended."""


def beat() -> None:
    """Begin to count the seconds anew: the next case is tried."""
    if _beats is not None:
        _beats.send(None)


def aside(work: Callable[[], Any], seconds: float = SECONDS + GRACE, total: float = float("inf")) -> Any:
    """Do some work in a copy of this process, and return what it returns.

    Args:
        work: what it returns must be plain; what it prints is printed here.
        seconds: how long it may take from one beat to the next.
        total: how long it may take in all.

    Raises:
        Ended: it took too long, or the copy died.
    """
    if sys.platform != "linux" or _beats is not None:
        return work()
    ours, theirs = multiprocessing.Pipe(duplex=False)
    copy = multiprocessing.get_context("fork").Process(target=_child, args=(work, theirs))
    copy.start()
    theirs.close()
    received = None
    end = time.monotonic() + total
    try:
        while received is None:
            left = max(end - time.monotonic(), 0)
            if not ours.poll(min(seconds, left)):
                most = SECONDS if seconds < left else total
                raise Ended(f"did not come back within {most:.0f} seconds and was stopped")
            received = ours.recv()
    except EOFError:
        copy.join(GRACE)
        died = f" ({signal.Signals(-copy.exitcode).name})" if (copy.exitcode or 0) < 0 else ""
        raise Ended(f"ended Python itself{died}") from None
    finally:
        ours.close()
        copy.kill()
        copy.join()
    printed, result = received
    print(printed, end="")
    return result


def _child(work: Callable[[], Any], pipe: Connection) -> None:
    global _beats
    import resource

    _beats = pipe
    try:
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)  # the threads of a forked process are not there
        with open("/proc/self/statm", encoding="ascii") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MOST_MEMORY, resource.RLIM_INFINITY))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            result = work()
        said = printed.getvalue()
        pipe.send((said if len(said) <= MOST_PRINTED else f"{said[:MOST_PRINTED]}…\n", result))
    finally:
        os._exit(0)  # whatever happens, the copy must not run on as if it were the kernel
