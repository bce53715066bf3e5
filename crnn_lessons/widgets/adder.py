"""The adder widget: a trained network adds two numbers, bit by bit, and shows what each of its units says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import traitlets
from torch import nn

from crnn_lessons.widgets.adder_picture import adder_picture
from crnn_lessons.widgets.base import Widget, module, stylesheet

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

    Raises:
        ValueError: the arguments do not fit; the sentence says which and how.
    """

    kind = "adder"
    shown = ("first", "second", "step", "weights", "correlations", "marked")
    _esm = module("adder.js")
    _css = stylesheet("adder.css")

    first = traitlets.Unicode().tag(sync=True)
    second = traitlets.Unicode().tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    weights = traitlets.Dict(read_only=True).tag(sync=True)
    correlations = traitlets.List(traitlets.Float(), read_only=True).tag(sync=True)
    marked = traitlets.Int(0, read_only=True).tag(sync=True)

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
        H = len(weights["b"])
        values = [] if correlations is None else np.asarray(correlations, dtype=float).tolist()
        if correlations is not None and (np.shape(values) != (H,) or not np.all(np.abs(values) <= 1 + 1e-9)):
            raise ValueError(f"correlations must be {H} numbers from -1 to 1, one a unit, and got {correlations!r}")
        if not 0 <= marked <= H:
            raise ValueError(f"marked is a number of units, 0 to {H}, and got {marked}")
        self.set_trait("weights", weights)
        self.set_trait("correlations", values)
        self.set_trait("marked", int(marked) if values else 0)
        state = {"first": _decimal(first), "second": _decimal(second)}
        T = num_steps(int(state["first"]), int(state["second"]))
        if step is not None and not 0 <= step <= T:
            raise ValueError(f"step counts the places that are added, 0 to {T} for these numbers, and got {step}")
        state["step"] = T if step is None else int(step)
        super().__init__(**state, start=state)

    @property
    def sum(self) -> Sum:
        """The present sum, computed in Python."""
        return add(self.weights, int(self.first), int(self.second))

    @property
    def order(self) -> list[int]:
        """The units as listed: those that go with the carry most, first."""
        size = [abs(c) for c in self.correlations] or [0.0] * len(self.weights["b"])
        return sorted(range(len(size)), key=lambda j: -round(size[j], 9))

    @traitlets.validate("first", "second")
    def _check_number(self, proposal: dict) -> str:
        try:
            return _decimal(proposal["value"])
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None

    @traitlets.validate("step")
    def _check_step(self, proposal: dict) -> int:
        T = num_steps(int(self.first or 0), int(self.second or 0))
        if not 0 <= proposal["value"] <= T:
            raise traitlets.TraitError(
                f"step counts the places that are added, 0 to {T} for these numbers, and got {proposal['value']}"
            )
        return proposal["value"]

    @traitlets.observe("first", "second")
    def _keep_step(self, change: dict) -> None:
        if self.first and self.second:
            self.step = min(self.step, num_steps(int(self.first), int(self.second)))

    def alt(self) -> str:
        done = self.sum
        said = sum(bit << t for t, bit in enumerate(done.answer))
        truth = int(self.first) + int(self.second)
        wrong = ", ".join(map(str, done.wrong))
        how = "right in every bit" if not done.wrong else f"{said:,}, wrong at t = {wrong}"
        marks = [str(unit) for unit in self.order[: self.marked]]
        units = {
            0: "",
            1: f" Unit {', '.join(marks)} goes with the carry out most.",
        }.get(len(marks), f" The units that go with the carry out most are {', '.join(marks)}.")
        return (
            f"{int(self.first):,} + {int(self.second):,} = {truth:,} in {len(done.bits)} steps, the least significant "
            f"bit first; the network's sum is {how}.{units}"
        )

    def picture(self) -> str:
        return adder_picture(self.sum, self.order, self.marked, self.alt())

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
    with torch.no_grad():
        weight_ih, weight_hh = (getattr(layer, name).double().cpu() for name in names)
        b = torch.zeros(H, dtype=torch.float64)
        if layer.bias:
            b = layer.bias_ih_l0.double().cpu() + layer.bias_hh_l0.double().cpu()
        b_out = 0.0 if output.bias is None else output.bias.double().item()
        return {
            "ih": weight_ih.tolist(),
            "hh": weight_hh.tolist(),
            "b": b.tolist(),
            "out": output.weight.double().cpu()[0].tolist(),
            "b_out": b_out,
        }


def _decimal(number: int | str) -> str:
    """A whole number as decimal digits, or one sentence why it is none."""
    text = str(number).strip().replace(",", "")
    if isinstance(number, bool) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"a number to add is a whole number of 0 or more, and got {number!r}")
    if len(text.lstrip("0")) > 20 or int(text).bit_length() > MOST_BITS:
        raise ValueError(f"the widget adds numbers of at most {MOST_BITS} bits (below 2^{MOST_BITS}), and got {text}")
    return str(int(text))
