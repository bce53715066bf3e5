"""The memory widget: how far back an RNN, an LSTM and a GRU feel, by weight scale, gate bias and length."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from crnn_lessons.show.numbers import minus, short, show_number
from crnn_lessons.widgets.memory_run import CELLS, KINDS, MOST_STEPS, draw_base, influence
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Choice, Entry, Number, Place, Whole


def read_cells(cells: Sequence[str]) -> list[str]:
    """Some of the cells, in their order, or one sentence why they are none."""
    try:
        names = [cells] if isinstance(cells, str) else list(cells)
    except TypeError:
        names = [cells]
    for name in names:
        if not isinstance(name, str) or name not in CELLS:
            raise ValueError(f"cells are some of {', '.join(CELLS)}, and got {short(name)}")
    return [name for name in CELLS if name in names]


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

    Every argument but ``seed`` follows what the learner does, and may be set.

    Raises:
        ValueError: an argument outside these ranges.

    The influence is the length of d h_T / d x_{T - distance}. Source: Pascanu, Mikolov and Bengio, "On the difficulty
    of training recurrent neural networks", 2013, section 2.
    """

    kind = "memory"
    base = Entry(fixed=True)
    norm = Number(0.1, 3)
    bias = Number(-2, 6)
    length = Whole(2, MOST_STEPS, said="{name} is a whole number from {low} to {high}")
    distance = Place("T", lambda T: min(20, T - 1), said="{name} is a whole number from {low} to {high}")
    matrix = Choice(*KINDS, said=f"{{name}} is {' or '.join(KINDS)}")
    cells = Entry(read_cells)

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
        shown = {"norm": norm, "bias": bias, "length": length, "distance": distance, "matrix": matrix, "cells": cells}
        super().__init__(base=draw_base(int(seed)), **shown)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        return {"T": state["length"]}

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """The influence at each distance, for each cell that is shown, computed in Python."""
        setting = (self.matrix, self.norm, self.bias, self.length)
        return {cell: influence(self.base, cell, *setting) for cell in self.cells}

    def alt(self) -> str:
        read = ", ".join(f"{cell} {show_number(float(curve[self.distance]))}" for cell, curve in self.curves.items())
        return (
            f"Influence of an input on the last state against its distance, over {self.length} steps, with "
            f"{self.matrix} weights of norm {self.norm:g} and gate bias {minus(f'{self.bias:g}')}. "
            f"At distance {self.distance}: {read or 'no cell is shown'}."
        )

    def __repr__(self) -> str:
        return (
            f"Memory(norm={self.norm}, bias={self.bias}, length={self.length}, distance={self.distance}, "
            f"matrix={self.matrix!r}, cells={self.cells})"
        )
