"""What a check is: a function that looks at a patient for one disease and returns its evidence, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crnn_lessons.clinic.sources import SOURCES


class Unseen(Exception):
    """A check cannot be made; the sentence says why."""


@dataclass(frozen=True)
class Check:
    """A disease and how to find it.

    Attributes:
        disease: its short, fixed name.
        cure: the line to change.
        source: where the disease is known from.
        look: takes the patient; returns the evidence, in numbers, or None; or evidence and a cure of its own.
    """

    disease: str
    cure: str
    source: str
    look: Callable[[Any], str | tuple[str, str] | None]


def disease(name: str, cure: str) -> Callable[[Callable], Check]:
    """Make a check of a function."""
    return lambda look: Check(name, cure, SOURCES[name], look)


def some(rows: list[int], N: int) -> str:
    """Which samples, in words: '3 of 16 samples (0, 4, 7)'."""
    return f"{len(rows)} of {N} samples ({', '.join(map(str, rows[:3]))}{', ...' if len(rows) > 3 else ''})"


def in_words(error: Exception) -> str:
    """An exception in one line; what kind it is, unless it is ours."""
    said, kind = str(error).strip().splitlines()[:1] or ["without a message"], type(error).__name__
    return said[0] if isinstance(error, Unseen) else f"{kind}: {said[0]}"
