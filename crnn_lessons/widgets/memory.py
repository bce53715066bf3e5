"""The memory widget: how far back an RNN, an LSTM and a GRU feel, by weight scale, gate bias and length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import traitlets

from crnn_lessons.widgets.base import Widget, minus, module, show_number, stylesheet
from crnn_lessons.widgets.memory_run import CELLS, KINDS, MOST_STEPS, draw_base, influence
from crnn_lessons.widgets.picture import svg, svg_text

RANGES = {"norm": (0.1, 3), "bias": (-2, 6)}
FLOOR, TOP = -16, 8
"""Powers of ten between which curves are drawn."""

LINES = {"RNN": ("#0072B2", ""), "LSTM": ("#D55E00", "8 4"), "GRU": ("#009E73", "2 4")}


class Memory(Widget):
    """Influence of an input on the last state against its distance, for untrained networks of 8 units.

    Args:
        norm: largest singular value of each gate's part of W_hh, 0.1 to 3.
        bias: of the gate that keeps (f of the LSTM, z of the GRU), -2 to 6.
        length: T, the number of time steps, 2 to 60.
        distance: the distance at which the numbers are read off, 0 to length - 1.
        matrix: "random" or "orthogonal" parts of W_hh.
        cells: which of "RNN", "LSTM" and "GRU" are shown.
        seed: of weights and inputs.

    Raises:
        ValueError: an argument outside these ranges.

    Every argument but ``seed`` is a trait: it follows what the learner does, and may be set.

    The influence is the length of d h_T / d x_{T - distance}. Source: Pascanu, Mikolov and Bengio, "On the difficulty
    of training recurrent neural networks", 2013, section 2.
    """

    kind = "memory"
    shown = ("base", "norm", "bias", "length", "distance", "matrix", "cells")
    _esm = module("memory.js")
    _css = stylesheet("memory.css")

    base = traitlets.Dict(read_only=True).tag(sync=True)
    norm = traitlets.Any(1.0).tag(sync=True)
    bias = traitlets.Any(1.0).tag(sync=True)
    length = traitlets.Any(MOST_STEPS).tag(sync=True)
    distance = traitlets.Any(0).tag(sync=True)
    matrix = traitlets.Any("random").tag(sync=True)
    cells = traitlets.Any().tag(sync=True)

    def __init__(
        self,
        norm: float = 1.0,
        bias: float = 1.0,
        length: int = MOST_STEPS,
        distance: int | None = None,
        *,
        matrix: str = "random",
        cells: Sequence[str] = tuple(CELLS),
        seed: int = 0,
    ):
        if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"seed is a whole number of 0 or more, and got {seed!r}")
        state = {"norm": norm, "bias": bias, "matrix": matrix, "cells": cells, "length": _length(length)}
        state = {name: _read(name, value) for name, value in state.items()}
        last = state["length"] - 1
        state["distance"] = _distance(min(20, last) if distance is None else distance, last)
        self.set_trait("base", draw_base(int(seed)))
        super().__init__(**state, start=state)

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """The influence at each distance, for each cell that is shown, computed in Python."""
        setting = (self.matrix, self.norm, self.bias, self.length)
        return {cell: influence(self.base, cell, *setting) for cell in self.cells}

    @traitlets.validate("norm", "bias", "matrix", "cells", "length", "distance")
    def _check(self, proposal: dict) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        try:
            return _distance(value, self.length - 1) if name == "distance" else _read(name, value)
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None

    @traitlets.observe("length")
    def _keep_distance(self, change: dict) -> None:
        self.distance = min(self.distance, self.length - 1)

    def alt(self) -> str:
        """What the widget shows, in a sentence with its numbers."""
        read = ", ".join(f"{cell} {show_number(float(curve[self.distance]))}" for cell, curve in self.curves.items())
        return (
            f"Influence of an input on the last state against its distance, over {self.length} steps, with "
            f"{self.matrix} weights of norm {self.norm:g} and gate bias {minus(f'{self.bias:g}')}. "
            f"At distance {self.distance}: {read or 'no cell is shown'}."
        )

    def picture(self) -> str:
        """The curves as an SVG drawing, on a logarithmic axis."""
        left, top, width, height = 64, 14, 520, 250
        x = lambda distance: left + width * distance / (self.length - 1)  # noqa: E731
        y = lambda power: top + height * (TOP - power) / (TOP - FLOOR)  # noqa: E731
        parts = []
        for power in range(FLOOR, TOP + 1, 4):
            parts.append(f'<path d="M{left} {y(power):.1f}h{width}" stroke="#ccc"/>')
            parts.append(svg_text(left - 6, y(power) + 4, minus(f"1e{power}") if power else "1", size=11, anchor="end"))
        for row, (cell, curve) in enumerate(self.curves.items()):
            colour, dash = LINES[cell]
            logs = np.log10(np.maximum(curve, 1e-300))
            inside = [f"{x(d):.1f},{y(v):.1f}" for d, v in enumerate(logs) if FLOOR <= v <= TOP]
            style = f'fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash or "none"}"'
            parts.append(f'<polyline points="{" ".join(inside)}" {style}/>')
            key = top + height + 62 + 18 * row
            parts.append(f'<polyline points="{left},{key - 4} {left + 40},{key - 4}" {style}/>')
            said = f"{cell}: {show_number(float(curve[self.distance]))} at distance {self.distance}"
            parts.append(svg_text(left + 50, key, said, size=12))
        parts.append(f'<path d="M{x(self.distance):.1f} {top}v{height}" stroke="#767676" stroke-dasharray="1 3"/>')
        ticks = sorted({0, (self.length - 1) // 2, self.length - 1})
        parts += [svg_text(x(d), top + height + 16, str(d), size=11, anchor="middle") for d in ticks]
        words = f"distance; {self.matrix} weights of norm {self.norm:g}, gate bias {minus(f'{self.bias:g}')}"
        parts.append(svg_text(left, top + height + 38, words, size=12))
        return svg(600, top + height + 70 + 18 * len(self.cells), *parts)

    def __repr__(self) -> str:
        return (
            f"Memory(norm={self.norm}, bias={self.bias}, length={self.length}, distance={self.distance}, "
            f"matrix={self.matrix!r}, cells={self.cells})"
        )


def _read(name: str, value: object) -> object:
    """A value of a trait in its plain form, or a ValueError in one sentence."""
    if name in RANGES:
        low, high = RANGES[name]
        number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not low <= value <= high:
            raise ValueError(f"{name} is a number from {low} to {high}, and got {value!r}")
        return float(value)
    if name == "length":
        return _length(value)
    if name == "matrix":
        if value not in KINDS:
            raise ValueError(f"matrix is {' or '.join(KINDS)}, and got {value!r}")
        return value
    wrong = [cell for cell in value if cell not in CELLS]
    if wrong:
        raise ValueError(f"cells are some of {', '.join(CELLS)}, and got {wrong[0]!r}")
    return [cell for cell in CELLS if cell in value]


def _whole(name: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} is a whole number from {low} to {high}, and got {value!r}")
    return int(value)


def _length(value: object) -> int:
    return _whole("length", value, 2, MOST_STEPS)


def _distance(value: object, last: int) -> int:
    return _whole("distance", value, 0, last)
