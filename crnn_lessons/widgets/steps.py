"""Log-probabilities small enough for a notebook: whole numbers of a fraction of a nat, and bytes as text."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

MOST_BYTES = 130_000
"""The most that a widget's log-probabilities may take in a notebook, once they are written as text."""


def to_steps(log_probs: ArrayLike, per_nat: int, dtype: DTypeLike) -> np.ndarray:
    """Natural logarithms of probabilities as whole numbers, same shape: -ln p in steps of 1 / per_nat, or the most."""
    most = np.iinfo(dtype).max
    return np.rint(np.minimum(-per_nat * np.minimum(log_probs, 0), most)).astype(dtype)


def to_text(data: bytes) -> str:
    """Bytes as base64, which JSON can carry."""
    return base64.b64encode(data).decode("ascii")
