"""Which kernel computes a CTC loss: the fastest that is present, or the one that was asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType

import torch

KERNELS = {"torch": (), "numba": ("numba",), "triton": ("triton",)}
"""The kernels, and the package that each needs besides torch."""

_wanted: ContextVar[str | None] = ContextVar("ctc_kernel", default=None)


@cache
def available(name: str) -> bool:
    """Whether the packages that a kernel needs are installed."""
    return all(importlib.util.find_spec(package) is not None for package in KERNELS[name])


@contextmanager
def use_kernel(name: str) -> Iterator[None]:
    """Within this context CTC losses are computed by one kernel: "torch", "numba" (CPU) or "triton" (CUDA).

    Raises:
        ValueError: no such kernel.
        ImportError: the package that it needs is not installed.
    """
    if name not in KERNELS:
        raise ValueError(f"the kernels are {', '.join(KERNELS)}, and {name!r} is none of them")
    if not available(name):
        raise ImportError(f"the kernel {name!r} needs the package {KERNELS[name][0]}, which is not installed")
    token = _wanted.set(name)
    try:
        yield
    finally:
        _wanted.reset(token)


def kernel_for(device: torch.device) -> ModuleType:
    """The module that computes a loss on a device; it has ``solve`` and ``subtract_posteriors``."""
    name = _wanted.get()
    if name is None:
        name = _fastest(device.type)
    return _module(name)


@cache
def _fastest(device_type: str) -> str:
    best = {"cpu": "numba", "cuda": "triton"}.get(device_type, "torch")
    return best if available(best) else "torch"


@cache
def _module(name: str) -> ModuleType:
    return importlib.import_module(f"crnn_lessons.ctc.fast.{name}")
