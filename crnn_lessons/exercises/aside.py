"""Run a learner's code where it can do no harm: in a copy of this process, which is thrown away.

A limit of time inside one process has holes: a loop that swallows every exception, or a sum over 10^12 numbers that
never comes back from C, cannot be stopped from within. A forked copy can, and it may also take too much memory, exit,
or crash. Linux forks safely; elsewhere the work is done here, under :mod:`crnn_lessons.exercises.limit` alone.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

from crnn_lessons.exercises.limit import SECONDS

GRACE = 3.0
"""Seconds more than the limit, before a copy that does not stop itself is ended."""

MOST_MEMORY = 2 << 30
"""Bytes that the copy may take in addition."""

MOST_PRINTED = 4000
"""Characters that it may print."""

_beats: int | None = None  # in the copy: where to say that the next case begins


class Ended(Exception):
    """The copy did not come back; the sentence says how it ended."""


def beat() -> None:
    """Begin to count the seconds anew: the next case is tried."""
    if _beats is not None:
        os.write(_beats, b".")


def aside(work: Callable[[], Any], seconds: float = SECONDS + GRACE) -> Any:
    """Do some work in a copy of this process, and return what it returns.

    Args:
        work: what it returns must be plain; what it prints is printed here.
        seconds: how long it may take from one beat to the next.

    Raises:
        Ended: it took too long, or the copy died.
    """
    if sys.platform != "linux" or _beats is not None:
        return work()
    sys.stdout.flush()
    ours, theirs = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(ours)
            _child(work, theirs)
        finally:
            os._exit(1)  # whatever happens, the copy must not run on as if it were the kernel
    os.close(theirs)
    try:
        received = _listen(ours, seconds)
    finally:
        os.close(ours)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
    if received is None:
        raise Ended(f"did not come back within {SECONDS:.0f} seconds and was stopped")
    if not received:
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL
        raise Ended("ended Python itself" + (f" ({signal.Signals(os.WTERMSIG(status)).name})" if died else ""))
    printed, result = pickle.loads(received)
    print(printed, end="")
    return result


def _child(work: Callable[[], Any], pipe: int) -> None:
    global _beats
    import resource

    _beats = pipe
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # the threads of a forked process are not there
    with open("/proc/self/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_MEMORY, resource.RLIM_INFINITY))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        result = work()
    said = printed.getvalue()
    said = said if len(said) <= MOST_PRINTED else f"{said[:MOST_PRINTED]}…\n"
    message = memoryview(b"!" + pickle.dumps((said, result)))
    while message:
        message = message[os.write(pipe, message) :]
    os._exit(0)


def _listen(pipe: int, seconds: float) -> bytes | None:
    """What the copy sends after its beats; nothing if it died; None if it was silent for too long."""
    received = bytearray()
    while select.select([pipe], [], [], seconds)[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return bytes(received)
        received += part if received else part.lstrip(b".").removeprefix(b"!")
    return None
