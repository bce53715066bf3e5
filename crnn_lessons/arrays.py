"""Tensors as arrays, in the one place where all rooms find it."""

from __future__ import annotations

from typing import Any


def to_numpy(value: Any) -> Any:
    """A tensor as a NumPy array, from any device and without its graph; everything else as it is.

    NumPy has neither bfloat16, which becomes float32, nor sparse layouts, which become dense.
    """
    if not hasattr(value, "detach"):
        return value
    if str(value.layout) != "torch.strided":
        value = value.to_dense()
    return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy(force=True)
