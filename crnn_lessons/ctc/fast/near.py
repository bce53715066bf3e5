"""The walk through a lexicon's trie (``ctc/lexicon.py``) in machine code."""

from __future__ import annotations

from collections.abc import Callable

from numba import types

from crnn_lessons.ctc.fast.numba import compiled


def compiled_walk(walk: Callable[..., int]) -> Callable[..., int]:
    """``lexicon.walk`` for arrays of int64; its own file tells numba when it has changed."""
    whole, several = types.int64, types.int64[::1]
    return compiled(walk, whole(several, whole, several, several, several, whole[:, ::1]), False)
