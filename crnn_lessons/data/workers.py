"""Processes that work for this one and never outlive it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from threading import Thread

from crnn_lessons.training.distributed import UNGUARDED, refuse_unguarded


@contextmanager
def processes(count: int, start: Callable[..., None], *start_with: object) -> Iterator[ProcessPoolExecutor]:
    """Processes to hand work to; they end with the ``with``, in the middle of their work if need be.

    Args:
        count: how many.
        start, start_with: a function of a module that each process calls first, and with what.

    Raises:
        ChildProcessError: one of them died, or the script that runs is not guarded.
    """
    refuse_unguarded()
    # subtle: spawn, not fork: torch has threads by now, and a forked process may hang on their locks
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(count, context, _begin, (theirs, start, start_with))
    started = executor._processes  # the executor forgets them when it breaks
    try:
        yield executor
    except BrokenProcessPool:
        executor.shutdown(wait=True)
        if any(process.exitcode == UNGUARDED for process in started.values()):
            why = "each process that this script starts begins the script anew"
            raise ChildProcessError(f'{why}; put what it does under if __name__ == "__main__":') from None
        why = "a process at work died, perhaps for want of memory; what was done is kept"
        raise ChildProcessError(f"{why}, so run the same again, with fewer workers") from None
    finally:
        ours.close()
        executor.shutdown(wait=True, cancel_futures=True)


def _begin(alive: Connection, start: Callable[..., None], start_with: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    Thread(target=_end_with, args=(alive,), daemon=True).start()
    start(*start_with)


def _end_with(alive: Connection) -> None:
    """End this process when the other end of a pipe is closed: by the parent, or by the system when the parent dies."""
    wait([alive])
    os._exit(1)
