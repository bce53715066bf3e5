"""Which kernel computes a CTC loss: the fastest that is present, or the one that was asked for."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType

import torch

KERNELS = {"torch": (), "numba": ("numba",), "triton": ("triton",)}
"""The kernels, and the package that each needs besides torch."""

_wanted: ContextVar[str | None] = ContextVar("ctc_kernel", default=None)


def available(name: str) -> bool:
    """Whether a kernel can be used here: the packages that it needs are installed, and work."""
    return isinstance(_module(name), ModuleType)


@contextmanager
def use_kernel(name: str) -> Iterator[None]:
    """Within this context CTC losses are computed by one kernel: "torch", "numba" (CPU) or "triton" (CUDA).

    Raises:
        ValueError: no such kernel.
        ImportError: the package that it needs is not installed, or does not work.
    """
    if name not in KERNELS:
        raise ValueError(f"the kernels are {', '.join(KERNELS)}, and {name!r} is none of them")
    if not available(name):
        raise ImportError(f"the kernel {name!r} needs the package {KERNELS[name][0]}, and: {_module(name)}")
    token = _wanted.set(name)
    try:
        yield
    finally:
        _wanted.reset(token)


def kernel_for(device: torch.device) -> ModuleType:
    """The module that computes a loss on a device: its ``solve``."""
    return _chosen(_wanted.get(), device.type)


@cache
def _chosen(wanted: str | None, device_type: str) -> ModuleType:
    best = wanted or {"cpu": "numba", "cuda": "triton"}.get(device_type, "torch")
    found = _module(best)
    if isinstance(found, ModuleType):
        return found
    if importlib.util.find_spec(KERNELS[best][0]) is not None:  # it is there, so someone counts on it
        warnings.warn(f"the kernel {best!r} does not work here, so CTC runs in torch, slower: {found}", stacklevel=2)
    return _module("torch")


@cache
def _module(name: str) -> ModuleType | Exception:
    """The module of a kernel, or why there is none: a package that is installed may still fail, with any error."""
    try:
        return importlib.import_module(f"crnn_lessons.ctc.fast.{name}")
    except Exception as error:
        return error
