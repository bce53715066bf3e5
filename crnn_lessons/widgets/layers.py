"""The weights of trained layers as nested lists of float64, for widgets that run a network on the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from crnn_lessons.arrays import to_numpy


def weights_of(layer: nn.Module, weights: Sequence[str] = ("weight",), biases: Sequence[str] = ("bias",)) -> list[list]:
    """The named weights of a layer, and after them the sum of the named biases: 0 for those that it lacks.

    Raises:
        ValueError: a weight that is no finite number, as after a training that diverged.
    """
    found = {}
    for name in (*weights, *(name for name in biases if getattr(layer, name, None) is not None)):
        found[name] = to_numpy(getattr(layer, name)).astype(np.float64)
        for bad in found[name][~np.isfinite(found[name])]:
            kind = type(layer).__name__
            raise ValueError(f"the weights of a layer must be finite numbers, and {name} of this {kind} holds {bad}")
    bias = sum((found[name] for name in biases if name in found), np.zeros(len(found[weights[0]])))
    return [*(found[name].tolist() for name in weights), bias.tolist()]
