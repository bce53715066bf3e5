"""Workers in a ring, for looking at: one program on several threads, each of which can send to the next one.

What a network of machines does is played in one process, message by message, and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crnn_lessons.arrays import to_numpy

Program = Callable[[int, int, Any, Callable[[np.ndarray], None], Callable[[], np.ndarray]], Any]
"""What each worker runs: ``program(rank, world_size, given, send, receive)``."""


class Stuck(RuntimeError):
    """Every worker that is left waits for a message."""


@dataclass
class Played:
    """What came of it.

    Attributes:
        results: what the program returned, for each of the P workers.
        sent: for each worker the bytes of each message that it sent, in order.
    """

    results: list[Any]
    sent: list[list[int]]


@dataclass
class _Ring:
    """The mail of the workers, and who does what; ``changed`` guards all of it."""

    size: int
    mail: list[deque] = field(init=False)
    sent: list[list[int]] = field(init=False)
    waiting: set[int] = field(default_factory=set)
    done: int = 0
    error: BaseException | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self):
        self.mail = [deque() for _ in range(self.size)]
        self.sent = [[] for _ in range(self.size)]

    def send(self, rank: int, message: np.ndarray) -> None:
        if message is None:  # a place of a list that nothing was put in yet
            raise ValueError(
                f"worker {rank} sends None: nothing is in this place yet, and send takes an array of numbers"
            )
        array = np.asarray(to_numpy(message)) if not isinstance(message, list | tuple) else None
        if array is None or array.dtype.kind not in "iuf":
            raise TypeError(f"send takes an array of numbers, and worker {rank} gave a {type(message).__name__}")
        copy = array.copy()  # the sender may go on working with what it has sent
        with self.changed:
            self.mail[(rank + 1) % self.size].append(copy)
            self.sent[rank].append(copy.nbytes)
            self.changed.notify_all()

    def receive(self, rank: int) -> np.ndarray:
        with self.changed:
            self.waiting.add(rank)
            self.changed.notify_all()
            while not self.mail[rank]:
                if self.error is None and self._nobody_works():
                    self.error = Stuck(f"the workers {sorted(self.waiting)} wait for messages that nobody sends")
                if self.error is not None:
                    self.changed.notify_all()
                    raise self.error
                self.changed.wait()
            self.waiting.remove(rank)
            return self.mail[rank].popleft()

    def _nobody_works(self) -> bool:
        return len(self.waiting) + self.done == self.size and not any(self.mail[rank] for rank in self.waiting)


def play(program: Program, given: Sequence[Any]) -> Played:
    """Run a program on P workers at the same time. Each sends to the next, and the last to the first.

    Args:
        program: called as ``program(rank, world_size, given, send, receive)``. ``send(array)`` hands a copy of the
            array to the worker rank + 1; ``receive()`` waits for the next one of worker rank - 1.
        given: for each of the P workers what it alone has.

    Raises:
        Stuck: all workers wait for each other.
        Exception: whatever the program raises first, on any worker.
    """
    ring = _Ring(len(given))
    results: list[Any] = [None] * ring.size

    def work(rank: int) -> None:
        try:
            results[rank] = program(
                rank, ring.size, given[rank], lambda message: ring.send(rank, message), lambda: ring.receive(rank)
            )
        except BaseException as error:  # a learner's program may raise anything
            with ring.changed:
                ring.error = ring.error or error
        finally:
            with ring.changed:
                ring.done += 1
                ring.waiting.discard(rank)
                ring.changed.notify_all()

    threads = [threading.Thread(target=work, args=(rank,), daemon=True) for rank in range(ring.size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if ring.error is not None:
        raise ring.error
    return Played(results, ring.sent)
