"""A limit of time for a learner's function: a loop that never ends should end in a sentence."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 10.0


class TookTooLong(BaseException):
    """The time is over. No ``Exception``, so that a learner's own ``except Exception`` does not catch it."""


@contextmanager
def limit(seconds: float = SECONDS) -> Iterator[None]:
    """Within this context Python code is stopped after so many seconds, where the system can do that.

    It is done by a signal, which only the main thread receives, and which Windows lacks: elsewhere there is no limit,
    and the learner interrupts the kernel.

    Raises:
        TookTooLong: the time is over; again and again, in case the code within swallows it.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
