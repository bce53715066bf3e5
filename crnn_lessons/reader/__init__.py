"""The reader of words: what reads, how it is trained, and the command line around both."""

from __future__ import annotations

from typing import Any

__all__ = ["Reader", "Reading"]


def __getattr__(name: str) -> Any:
    """Import the reader when it is asked for: the command line answers ``--help`` without waiting for torch."""
    if name in __all__:
        from crnn_lessons.reader import reading

        return getattr(reading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
