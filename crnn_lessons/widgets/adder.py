"""The adder widget: a trained network adds two numbers, bit by bit, and shows what each of its units says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from crnn_lessons.arrays import as_array
from crnn_lessons.show.numbers import short
from crnn_lessons.widgets.layers import weights_of
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Entry, Place

MOST_BITS = 64
"""The longest number that the widget takes."""


@dataclass(frozen=True)
class Sum:
    """A sum, place by place, the least significant first: T steps.

    Attributes:
        first, second: the bits of the two numbers, T.
        carry: the carry that comes into each place, T.
        bits: the bits of the true sum, T.
        states: the network's state after each step, T x H.
        probabilities: what the network gives for a bit of 1, T.
    """

    first: list[int]
    second: list[int]
    carry: list[int]
    bits: list[int]
    states: np.ndarray
    probabilities: np.ndarray

    @property
    def carry_out(self) -> list[int]:
        """The carry that leaves each place, T; none leaves the last one."""
        return [*self.carry[1:], 0]

    @property
    def answer(self) -> list[int]:
        """The network's bits: 1 where its probability is above a half."""
        return [int(p > 0.5) for p in self.probabilities]

    @property
    def wrong(self) -> list[int]:
        """The steps at which the network's bit is not that of the sum."""
        return [t for t, (bit, said) in enumerate(zip(self.bits, self.answer, strict=True)) if bit != said]


def read_decimal(number: int | str) -> str:
    """A whole number as decimal digits, or one sentence why it is none."""
    text = "" if isinstance(number, bool) else str(number).strip().replace(",", "")
    if not isinstance(number, (int, str, np.integer)) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"a number to add is a whole number of 0 or more, and got {short(number)}")
    if len(text.lstrip("0")) > 20 or int(text).bit_length() > MOST_BITS:
        raise ValueError(f"the widget adds numbers of at most {MOST_BITS} bits (below 2^{MOST_BITS}), and got {text}")
    return str(int(text))


class Adder(Widget):
    """A network with a layer of tanh units adds two numbers, from the least significant bit on.

    Args:
        layer: ``crnn_lessons.cells.RNN`` or ``torch.nn.RNN``: one layer, one direction, 2 inputs, tanh.
        output: ``torch.nn.Linear`` from its H units to 1; a number above 0 means that the bit is 1.
        first, second: whole numbers of at most ``MOST_BITS`` bits.
        correlations: H numbers from -1 to 1, how each unit goes with the carry out; units are listed by their size, and
            the first ones marked. None where it is not known.
        marked: how many units to mark.
        step: how many places are added at first; all of them where it is None.

    ``first``, ``second`` (in decimal digits) and ``step`` follow what the learner does, and may be set.

    Raises:
        ValueError: the arguments do not fit; the sentence says which and how.
    """

    kind = "adder"
    first = Entry(read_decimal)
    second = Entry(read_decimal)
    step = Place(
        "places", lambda size: size - 1, said="{name} counts the places that are added, 0 to {high} for these numbers"
    )
    weights = Entry(fixed=True)
    correlations = Entry(fixed=True)
    marked = Entry(fixed=True)

    def __init__(
        self,
        layer: nn.Module,
        output: nn.Linear,
        first: int | str = 107,
        second: int | str = 85,
        correlations: Sequence[float] | None = None,
        marked: int = 2,
        step: int | None = None,
    ):
        weights = read_weights(layer, output)
        H, values = len(weights["b"]), []
        if correlations is not None:
            said = f"correlations must be {H} numbers from -1 to 1, one a unit"
            values = as_array(correlations, said).tolist()
            if np.shape(values) != (H,) or not np.all(np.abs(values) <= 1 + 1e-9):
                raise ValueError(f"{said}, and got {short(correlations)}")
        if marked not in range(H + 1):
            raise ValueError(f"marked is a number of units, 0 to {H}, and got {marked}")
        marked = int(marked) if values else 0
        super().__init__(first=first, second=second, step=step, weights=weights, correlations=values, marked=marked)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        return {"places": num_steps(int(state["first"]), int(state["second"])) + 1}

    @property
    def sum(self) -> Sum:
        """The present sum, computed in Python."""
        return add(self.weights, int(self.first), int(self.second))

    @property
    def order(self) -> list[int]:
        """The units as listed: those that go with the carry most, first."""
        size = [abs(c) for c in self.correlations] or [0.0] * len(self.weights["b"])
        return sorted(range(len(size)), key=lambda j: -round(size[j], 9))

    def alt(self) -> str:
        done, a, b = self.sum, int(self.first), int(self.second)
        said = sum(bit << t for t, bit in enumerate(done.answer))
        wrong = f"{said:,}, wrong at t = {', '.join(map(str, done.wrong))}"
        marks = ", ".join(str(unit) for unit in self.order[: self.marked])
        units = f" Unit {marks} goes with the carry out most." if self.marked == 1 else ""
        if self.marked > 1:
            units = f" The units that go with the carry out most are {marks}."
        return (
            f"{a:,} + {b:,} = {a + b:,} in {len(done.bits)} steps, the least significant bit first; the network's sum "
            f"is {wrong if done.wrong else 'right in every bit'}.{units}"
        )

    def __repr__(self) -> str:
        return f"Adder(first={self.first}, second={self.second}, step={self.step}, H={len(self.weights['b'])})"


def num_steps(first: int, second: int) -> int:
    """T: the bits of the longer number, and one more for the last carry."""
    return max(first.bit_length(), second.bit_length(), 1) + 1


def add(weights: dict[str, list], first: int, second: int) -> Sum:
    """Run the network of ``read_weights`` on a sum: h_t = tanh(W_ih x_t + W_hh h_{t-1} + b), sigma(w h_t + b_out)."""
    T = num_steps(first, second)
    a, b = ([number >> t & 1 for t in range(T)] for number in (first, second))
    carry = [(first % 2**t + second % 2**t) >> t for t in range(T)]
    weight_ih, weight_hh = np.array(weights["ih"]), np.array(weights["hh"])  # H x 2, H x H
    h, states = np.zeros(len(weight_hh)), []
    for x in zip(a, b, strict=True):
        h = np.tanh(weight_ih @ np.array(x, dtype=float) + weight_hh @ h + np.array(weights["b"]))  # H
        states.append(h)
    logits = np.array(states) @ np.array(weights["out"]) + weights["b_out"]  # T
    bits = [(first + second) >> t & 1 for t in range(T)]
    return Sum(a, b, carry, bits, np.array(states), 1 / (1 + np.exp(-logits)))


def read_weights(layer: nn.Module, output: nn.Linear) -> dict[str, list]:
    """The weights of a network that the widget can run: ih H x 2, hh H x H, b H (the two biases added), out H, b_out.

    Raises:
        ValueError: a layer or an output of another kind.
    """
    names = ["weight_ih_l0", "weight_hh_l0"]
    if not all(hasattr(layer, name) for name in names) or getattr(layer, "nonlinearity", None) != "tanh":
        raise ValueError(f"layer must be an RNN of tanh units, and is {type(layer).__name__}")
    H = layer.hidden_size
    if layer.input_size != 2 or layer.num_layers != 1 or layer.bidirectional:
        raise ValueError("layer must have 2 inputs (the bits of a place), one layer and one direction")
    if not isinstance(output, nn.Linear) or tuple(output.weight.shape) != (1, H):
        raise ValueError(f"output must be Linear({H}, 1): it reads the {H} units of the layer")
    ih, hh, b = weights_of(layer, names, ["bias_ih_l0", "bias_hh_l0"])
    [out], [b_out] = weights_of(output)
    return {"ih": ih, "hh": hh, "b": b, "out": out, "b_out": b_out}
