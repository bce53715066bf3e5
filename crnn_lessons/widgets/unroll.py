"""The unroll widget: a small recurrent network step by step, with the one set of weights that makes every state."""

from __future__ import annotations

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from crnn_lessons.widgets.base import Widget, module, show_number, stylesheet
from crnn_lessons.widgets.picture import GREY, VERMILLION, svg, svg_box, svg_text

MOST_STEPS, MOST_SIZE, MOST = 12, 4, 100.0
ACTIVATIONS = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
AXES = {
    "weight_ih": "Dₕ x D",
    "weight_hh": "Dₕ x Dₕ",
    "bias": "Dₕ",
    "inputs": "T x D",
    "weight_out": "outputs x Dₕ",
    "bias_out": "outputs",
}


class Numbers(traitlets.TraitType):
    """An array of finite numbers of moderate size, kept as nested lists; ``None`` where that is the default."""

    def validate(self, obj: traitlets.HasTraits, value: object) -> list | None:
        if value is None and self.allow_none:
            return None
        try:
            return _array(self.name, value).tolist()
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None


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

    At most 12 steps, and 4 inputs, units and outputs. The state before the first step is 0.

    Raises:
        ValueError: the arguments do not fit each other, or are too large to show; the sentence says which and how.

    Every argument but ``nonlinearity`` is a trait: it follows what the learner does, and may be set.

    Source: Elman, "Finding structure in time", 1990.
    """

    kind = "unroll"
    shown = ("weight_ih", "weight_hh", "bias", "weight_out", "bias_out", "inputs", "nonlinearity", "t", "unit")
    _esm = module("unroll.js")
    _css = stylesheet("unroll.css")

    weight_ih = Numbers().tag(sync=True)
    weight_hh = Numbers().tag(sync=True)
    bias = Numbers().tag(sync=True)
    weight_out = Numbers(default_value=None, allow_none=True).tag(sync=True)
    bias_out = Numbers(default_value=None, allow_none=True).tag(sync=True)
    inputs = Numbers().tag(sync=True)
    nonlinearity = traitlets.Unicode("tanh", read_only=True).tag(sync=True)
    t = traitlets.Int(0).tag(sync=True)
    unit = traitlets.Int(0).tag(sync=True)

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
        if nonlinearity not in ACTIVATIONS:
            raise ValueError(f"nonlinearity is one of {', '.join(ACTIVATIONS)}, and got {nonlinearity!r}")
        arrays = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias": bias, "inputs": inputs}
        if weight_out is not None:
            arrays["weight_out"] = weight_out
            arrays["bias_out"] = np.zeros(len(_array("weight_out", weight_out))) if bias_out is None else bias_out
        elif bias_out is not None:
            raise ValueError("bias_out needs weight_out: give both, or none for a network without outputs")
        arrays = {name: _array(name, value) for name, value in arrays.items()}
        sizes = {"D": arrays["weight_ih"].shape[1], "Dₕ": len(arrays["weight_ih"]), "T": len(arrays["inputs"])}
        sizes["outputs"] = len(arrays["weight_out"]) if "weight_out" in arrays else 0
        for name, size in sizes.items():
            most = MOST_STEPS if name == "T" else MOST_SIZE
            if not (0 if name == "outputs" else 1) <= size <= most:
                raise ValueError(f"the widget shows 1 to {most} for {name}, and got {size}")
        for name, value in arrays.items():
            if problem := _misfit(name, value, sizes):
                raise ValueError(problem)
        self._sizes = sizes
        for name, value, limit in (("t", t, sizes["T"]), ("unit", unit, sizes["Dₕ"] + sizes["outputs"])):
            if not 0 <= value < limit:
                raise ValueError(f"{name} runs from 0 to {limit - 1} here, and got {value}")
        self.set_trait("nonlinearity", nonlinearity)
        state = {name: value.tolist() for name, value in arrays.items()} | {"t": int(t), "unit": int(unit)}
        super().__init__(**state, start=state)

    @property
    def states(self) -> np.ndarray:
        """The state after each step, T x Dₕ, computed in Python."""
        h, states = np.zeros(self._sizes["Dₕ"]), []
        for x in np.array(self.inputs):
            z = np.array(self.weight_ih) @ x + np.array(self.weight_hh) @ h + self.bias
            h = ACTIVATIONS[self.nonlinearity](z)
            states.append(h)
        return np.stack(states)

    @property
    def outputs(self) -> np.ndarray | None:
        """The output at each step, T x outputs; None for a network without."""
        if self.weight_out is None:
            return None
        return self.states @ np.array(self.weight_out).T + self.bias_out

    @traitlets.validate(*AXES)
    def _check_shape(self, proposal: dict) -> list | None:
        name, value = proposal["trait"].name, proposal["value"]
        if (value is None) != (name.endswith("out") and self._sizes["outputs"] == 0):
            raise traitlets.TraitError(f"{name} cannot be added or taken away later; make a new widget")
        if value is not None:
            T = min(max(len(value), 1), MOST_STEPS) if name == "inputs" else self._sizes["T"]  # the length may change
            if problem := _misfit(name, np.array(value), self._sizes | {"T": T}):
                raise traitlets.TraitError(problem)
        return value

    @traitlets.validate("t", "unit")
    def _check_place(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        limit = len(self.inputs) if name == "t" else self._sizes["Dₕ"] + self._sizes["outputs"]
        if not 0 <= value < limit:
            raise traitlets.TraitError(f"{name} runs from 0 to {limit - 1} here, and got {value}")
        return value

    @traitlets.observe("inputs")
    def _keep_place(self, change: dict) -> None:
        self.t = min(self.t, len(self.inputs) - 1)

    def alt(self) -> str:
        units, steps = self._sizes["Dₕ"], len(self.inputs)
        said = (
            f"A recurrent network of {units} {self.nonlinearity} {'unit' if units == 1 else 'units'}, unrolled over "
            f"{steps} {'step' if steps == 1 else 'steps'}. Inputs: {_listed(self.inputs)}. "
            f"States: {_listed(self.states)}."
        )
        return said if self.outputs is None else f"{said} Outputs: {_listed(self.outputs)}."

    def picture(self) -> str:
        """Inputs below, states above them with arrows from step to step, outputs on top, the weights underneath."""
        outputs = np.zeros((len(self.inputs), 0)) if self.outputs is None else self.outputs
        groups = [("y", outputs, GREY), ("h", self.states, "#333"), ("x", np.array(self.inputs), GREY)]
        y, tops, wide, left, parts = 14, {}, 84, 50, []
        for name, rows, stroke in groups:
            tops[name] = y
            for line in range(rows.shape[1]):
                parts.append(svg_text(10, y + 19, f"{name}[{line}]"))
                for t, value in enumerate(rows[:, line]):
                    parts.append(svg_box(left + wide * t, y, 56, 28, show_number(float(value)), stroke=stroke))
                y += 32
            y += 18 if rows.shape[1] else 0
        middle = tops["h"] + 16 * self._sizes["Dₕ"] - 2
        for t in range(len(self.inputs)):
            x = left + wide * t
            parts.append(_arrow(x + 28, tops["x"] - 2, x + 28, tops["x"] - 16))
            if t:
                parts.append(_arrow(x - 26, middle, x - 4, middle))
            if outputs.shape[1]:
                parts.append(_arrow(x + 28, tops["h"] - 2, x + 28, tops["h"] - 16))
            parts.append(svg_text(x + 28, y + 2, f"t = {t}", size=11, anchor="middle", fill=GREY))
        lines = ["one set of weights, used at every step:"]
        for name, symbol in zip(AXES, ("W_ih", "W_hh", "b", "", "W_out", "b_out"), strict=True):
            if symbol and getattr(self, name) is not None:
                rows = np.array(getattr(self, name)).tolist()
                lines.append(f"{symbol} = {_listed(rows)}")
        parts += [svg_text(10, y + 28 + 18 * i, line) for i, line in enumerate(lines)]
        return svg(max(420, left + wide * len(self.inputs)), y + 28 + 18 * len(lines), *parts)

    def __repr__(self) -> str:
        s = self._sizes
        return f"Unroll(D={s['D']}, hidden_size={s['Dₕ']}, T={len(self.inputs)}, {self.nonlinearity}, t={self.t})"


def _arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    (a, b), (c, d) = ((-6, -4), (0, 8)) if to_x != x else ((-4, 6), (8, 0))
    head = f'<path d="M{to_x:g} {to_y:g} l{a} {b} l{c} {d} z" fill="{VERMILLION}"/>'
    return f'<path d="M{x:g} {y:g} L{to_x:g} {to_y:g}" stroke="{VERMILLION}" stroke-width="1.5"/>{head}'


def _listed(rows: ArrayLike) -> str:
    """Rows of numbers for a sentence: (1, 0), (0.5, 2); a single number stands without parentheses."""
    written = [[show_number(float(v)) for v in np.atleast_1d(row)] for row in rows]
    return ", ".join(row[0] if len(row) == 1 else f"({', '.join(row)})" for row in written)


def _array(name: str, value: ArrayLike) -> np.ndarray:
    """The argument as an array of floats with as many axes as it should have, or a ValueError that says why not."""
    try:
        array = np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, {AXES[name]}, and got {value!r}") from None
    if array.ndim != AXES[name].count("x") + 1 or array.size == 0:
        raise ValueError(f"{name} must be {AXES[name]}, and has the shape {array.shape}")
    if not (np.abs(array) <= MOST).all():  # nan fails too
        place = tuple(int(i) for i in np.argwhere(~(np.abs(array) <= MOST))[0])
        raise ValueError(f"{name} holds numbers from -{MOST:g} to {MOST:g}, and at {place} it is {array[place]:g}")
    return array


def _misfit(name: str, array: np.ndarray, sizes: dict[str, int]) -> str | None:
    """Why an array does not fit the network's sizes, in one sentence; None where it does."""
    wanted = tuple(sizes[axis] for axis in AXES[name].split(" x "))
    if array.shape == wanted:
        return None
    return f"{name} must be {AXES[name]}, here {wanted}, and has the shape {array.shape}"
