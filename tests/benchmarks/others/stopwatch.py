"""Seconds by the clock, and of the processor in this process and those it waited for."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """Texts, and the seconds they took."""

    texts: list[str]
    clock: float
    processor: float


class Stopwatch:
    """Measures what happens within it; the processor's seconds count where others use the machine."""

    def __enter__(self) -> Stopwatch:
        self._clock, self._processor = time.perf_counter(), self._used()
        return self

    def __exit__(self, *_: object) -> None:
        self.clock, self.processor = time.perf_counter() - self._clock, self._used() - self._processor

    @staticmethod
    def _used() -> float:
        spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(use.ru_utime + use.ru_stime for use in spent)
