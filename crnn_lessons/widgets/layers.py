"""The weights of trained layers as nested lists of float64, for widgets that run a network on the page."""

from __future__ import annotations

import numpy as np
from torch import nn

from crnn_lessons.arrays import to_numpy


def weights_of(layer: nn.Module, *names: str) -> list[np.ndarray | None]:
    """The named weights of a layer as float64 arrays; None for a bias that it does not have.

    Raises:
        ValueError: a weight that is no finite number, as after a training that diverged.
    """
    found = []
    for name in names:
        weight = getattr(layer, name, None)
        if weight is None or isinstance(weight, bool):
            found.append(None)
            continue
        found.append(to_numpy(weight).astype(np.float64))
        for bad in found[-1][~np.isfinite(found[-1])]:
            kind = type(layer).__name__
            raise ValueError(f"the weights of a layer must be finite numbers, and {name} of this {kind} holds {bad}")
    return found


def bias_of(layer: nn.Module, size: int, *names: str) -> np.ndarray:
    """The sum of the named biases of a layer: 0 for those that it lacks."""
    parts = [part for part in weights_of(layer, *names) if part is not None]
    return np.sum([np.zeros(size), *parts], axis=0)
