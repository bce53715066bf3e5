"""A matrix of probabilities as a trait: checked, and taken from whatever holds numbers."""

from __future__ import annotations

import numpy as np
import traitlets
from numpy.typing import ArrayLike


class Probabilities(traitlets.TraitType):
    """T x C probabilities: takes an array, a tensor or nested lists, and holds lists, as the page wants them."""

    info_text = "T x C probabilities, each row summing to 1"

    def validate(self, obj: traitlets.HasTraits, value: ArrayLike) -> list[list[float]]:
        try:
            return check_probs(value).tolist()
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None


def check_probs(probs: ArrayLike) -> np.ndarray:
    """Return probabilities as a float64 T x C array, or say in one sentence why they are none.

    Raises:
        ValueError: the wrong shape, a number outside 0 to 1, or a row that does not sum to 1 (within 1e-4).
    """
    values = as_array(probs, "probs")
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"probs must be T x C (time steps by classes), T at least 1, and has the shape {values.shape}")
    if bad := np.argwhere(~((values >= 0) & (values <= 1 + 1e-6))).tolist():
        t, k = bad[0]
        raise ValueError(f"a probability lies between 0 and 1, and probs[{t}, {k}] is {values[t, k]:g}")
    sums = values.sum(axis=1)
    if bad := np.flatnonzero(np.abs(sums - 1) > 1e-4).tolist():
        raise ValueError(
            f"the classes of each time step must sum to 1, and at t={bad[0]} they sum to {sums[bad[0]]:.6g}; "
            "apply a softmax over the classes, or give log_probs="
        )
    return values


def as_array(values: ArrayLike, name: str) -> np.ndarray:
    """Return arrays, nested lists or tensors as a float64 array; ``name`` is what an error calls them."""
    if hasattr(values, "detach"):  # a tensor that still has its graph
        values = values.detach().cpu()
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a T x C array of numbers, and got {values!r}") from None
