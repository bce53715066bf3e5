"""Tensors and lists as arrays, in the one place where all rooms find it."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def to_numpy(value: Any) -> Any:
    """A tensor as a NumPy array, from any device and without its graph; everything else as it is.

    NumPy has neither bfloat16, which becomes float32, nor sparse layouts, which become dense.
    """
    if not hasattr(value, "detach"):
        return value
    if str(value.layout) != "torch.strided":
        value = value.to_dense()
    return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy(force=True)


def as_array(values: ArrayLike, what: str) -> np.ndarray:
    """Arrays, tensors and nested lists as float64.

    Args:
        what: the beginning of the sentence of an error, such as "bias must be a list of numbers".

    Raises:
        ValueError: they are no real numbers, lists of unequal lengths, or a tensor without data.
    """
    try:
        found = np.asarray(to_numpy(values))
        if found.dtype.kind == "c":  # a cast would drop the imaginary part
            raise TypeError
        return found.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError, NotImplementedError):
        raise ValueError(f"{what}, and got {' '.join(reprlib.repr(values).split())}") from None
