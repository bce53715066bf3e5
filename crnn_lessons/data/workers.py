"""Work spread over processes that never outlive the one that started them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any


def in_processes(
    work: Callable[..., Any], jobs: Sequence[tuple], workers: int, start: Callable[..., None], *start_with: object
) -> Iterator[tuple[tuple, Any]]:
    """Do each job in one of several processes; give it and its result as soon as it is done.

    Args:
        work: a function of a module, called with each job's items.
        start, start_with: what each process calls first, and with what.

    Raises:
        ChildProcessError: a process died.
    """
    # subtle: spawn, not fork: torch has threads by now, and a forked process may hang on their locks
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(workers, context, _begin, (theirs, start, start_with))
    try:
        running = {executor.submit(work, *job): job for job in jobs}
        for done in as_completed(running):
            yield running.pop(done), done.result()
    except BrokenProcessPool:
        why = "a process at work died, perhaps for want of memory; what was done is kept"
        raise ChildProcessError(f"{why}, so run the same again, with fewer workers") from None
    finally:
        ours.close()  # in the middle of a job, too
        executor.shutdown(wait=True, cancel_futures=True)


def _begin(alive: Connection, start: Callable[..., None], start_with: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    Thread(target=_end_with, args=(alive,), daemon=True).start()
    start(*start_with)


def _end_with(alive: Connection) -> None:
    """End this process when the other end of a pipe is closed: by the parent, or by the system when the parent dies."""
    wait([alive])
    os._exit(1)
