"""The unroll widget: a small recurrent network step by step, with the one set of weights that makes every state."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.arrays import as_array
from crnn_lessons.show.numbers import counted, listed
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Choice, Entry, Place

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
MOST = {"D": 4, "Dₕ": 4, "outputs": 4, "T": 12}


class Array(Entry):
    """Numbers from -100 to 100 along named axes, such as "T x D"; nested lists in the state."""

    def __init__(self, axes: str, optional: bool = False):
        self.written, self.axes, self.optional = axes, axes.split(" x "), optional
        super().__init__()

    def read(self, value: ArrayLike | None) -> list | None:
        if value is None and self.optional:
            return None
        array = as_array(value, f"{self.name} must be an array of numbers, {self.written}")
        if array.ndim != len(self.axes) or array.size == 0:
            raise ValueError(f"{self.name} must be {self.written}, and has the shape {array.shape}")
        for at in map(tuple, np.argwhere(~(np.abs(array) <= 100)).tolist()):  # nan is not
            raise ValueError(f"{self.name} holds numbers from -100 to 100, and at {at} it is {array[at]:g}")
        return array.tolist()


class Unroll(Widget):
    """A recurrent network of a few units, unrolled over a few steps; h_t = tanh(W_ih x_t + W_hh h_{t-1} + b).

    Args:
        weight_ih: W_ih, Dₕ x D, from input to state.
        weight_hh: W_hh, Dₕ x Dₕ, from the state to the state one step later.
        bias: b, Dₕ.
        inputs: x, T x D.
        weight_out, bias_out: optional, outputs x Dₕ and outputs: y_t = W_out h_t + b_out. The bias is 0 if left out.
        nonlinearity: "tanh" or "relu".
        t, unit: the step and the line (a unit of the state, then the outputs) that are marked at first.

    At most 12 steps, and 4 inputs, units and outputs. The state before the first step is 0. Every argument but
    ``nonlinearity`` follows what the learner does, and may be set.

    Raises:
        ValueError: the arguments do not fit each other, or are too large to show; the sentence says which and how.

    Source: Elman, "Finding structure in time", 1990.
    """

    kind = "unroll"
    weight_ih = Array("Dₕ x D")
    weight_hh = Array("Dₕ x Dₕ")
    bias = Array("Dₕ")
    inputs = Array("T x D")
    weight_out = Array("outputs x Dₕ", optional=True)
    bias_out = Array("outputs", optional=True)
    nonlinearity = Choice(*ACTIVATIONS, fixed=True)
    t = Place("T")
    unit = Place("lines")

    def __init__(
        self,
        weight_ih: ArrayLike,
        weight_hh: ArrayLike,
        bias: ArrayLike,
        inputs: ArrayLike,
        weight_out: ArrayLike | None = None,
        bias_out: ArrayLike | None = None,
        *,
        nonlinearity: str = "tanh",
        t: int = 0,
        unit: int = 0,
    ):
        if weight_out is None and bias_out is not None:
            raise ValueError("bias_out needs weight_out: give both, or none for a network without outputs")
        if weight_out is not None and bias_out is None:
            bias_out = [0.0] * len(type(self).weight_out.read(weight_out))
        net = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias": bias, "inputs": inputs}
        net |= {"weight_out": weight_out, "bias_out": bias_out, "nonlinearity": nonlinearity}
        super().__init__(**net, t=t, unit=unit)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        arrays = [entry for entry in self.entries.values() if isinstance(entry, Array)]
        for entry in sorted(arrays, key=lambda entry: entry.name in changed):  # what stood there sizes the rest
            name, value = entry.name, state[entry.name]
            if self.state and (value is None) != (self.state[name] is None):
                raise ValueError(f"{name} cannot be added or taken away later; make a new widget")
            if value is None:
                continue
            for axis, size in zip(entry.axes, np.shape(value), strict=True):
                if size > MOST[axis] and axis not in sizes and not self.state:
                    raise ValueError(f"the widget shows 1 to {MOST[axis]} for {axis}, and got {size}")
                sizes.setdefault(axis, min(size, MOST[axis]))
            if np.shape(value) != (wanted := tuple(sizes[axis] for axis in entry.axes)):
                raise ValueError(f"{name} must be {entry.written}, here {wanted}, and has the shape {np.shape(value)}")
        return sizes | {"lines": sizes["Dₕ"] + sizes.get("outputs", 0)}

    @property
    def states(self) -> np.ndarray:
        """The state after each step, T x Dₕ, computed in Python."""
        weight_ih, weight_hh, bias = (np.array(weight) for weight in (self.weight_ih, self.weight_hh, self.bias))
        h, states = 0 * bias, []
        for x in np.array(self.inputs):
            h = ACTIVATIONS[self.nonlinearity](weight_ih @ x + weight_hh @ h + bias)
            states.append(h)
        return np.stack(states)

    @property
    def outputs(self) -> np.ndarray | None:
        """The output at each step, T x outputs; None for a network without."""
        return None if self.weight_out is None else self.states @ np.array(self.weight_out).T + self.bias_out

    def alt(self) -> str:
        said = (
            f"A recurrent network of {counted(len(self.bias), f'{self.nonlinearity} unit')}, unrolled over "
            f"{counted(len(self.inputs), 'step')}. Inputs: {listed(self.inputs)}. States: {listed(self.states)}."
        )
        return said if self.outputs is None else f"{said} Outputs: {listed(self.outputs)}."

    def __repr__(self) -> str:
        D, T = len(self.inputs[0]), len(self.inputs)
        return f"Unroll(D={D}, hidden_size={len(self.bias)}, T={T}, {self.nonlinearity}, t={self.t})"
