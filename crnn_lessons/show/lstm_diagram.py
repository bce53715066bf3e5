"""An LSTM as a list of operations: run it, write it as equations, or draw it (``lstm_picture``), from the same list.

A picture of an LSTM, its equations and its code are usually made by hand, three times, and then differ. Here the
list is the one thing that is written; what it computes, what it says and what it shows all follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

Wire = tuple[str, str]
"""A value and the first result of the operation that takes it in: ("f", "kept")."""


@dataclass(frozen=True)
class Function:
    """What an operation does.

    Attributes:
        sign: what stands in its box.
        form: how it is written with its inputs, such as "{0} ⊙ {1}".
        call: the function itself.
    """

    sign: str
    form: str
    call: Callable[..., Tensor | tuple[Tensor, ...]]


SIGMOID = Function("σ", "σ({0})", torch.sigmoid)
TANH = Function("tanh", "tanh({0})", torch.tanh)
TIMES = Function("⊙", "{0} ⊙ {1}", torch.mul)
PLUS = Function("+", "{0} + {1}", torch.add)


@dataclass(frozen=True)
class Op:
    """One operation: names of its results, what it does, and names of its inputs.

    An input is either the result of an operation before it or is given from outside.
    """

    results: tuple[str, ...]
    function: Function
    inputs: tuple[str, ...]


def lstm_operations(
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    output_tanh: bool = True,
) -> tuple[Op, ...]:
    """One step of an LSTM as a list of operations on x, h_before and c_before, with the results c and h.

    Args:
        weight_ih: W_ih, 4H D, the gates in torch's order i, f, g, o.
        weight_hh: W_hh, 4H H.
        bias_ih, bias_hh: the two halves of b, 4H each.
        output_tanh: False for the form h = o ⊙ c.
    """
    affine = Function(
        "Wᵢₕ x + Wₕₕ h + b",
        "the four parts of Wᵢₕ {0} + Wₕₕ {1} + b",
        lambda x, h: (linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)).chunk(4, dim=-1),  # four of N H
    )
    start = (
        Op(("a_i", "a_f", "a_g", "a_o"), affine, ("x", "h_before")),
        Op(("i",), SIGMOID, ("a_i",)),
        Op(("f",), SIGMOID, ("a_f",)),
        Op(("g",), TANH, ("a_g",)),
        Op(("o",), SIGMOID, ("a_o",)),
        Op(("kept",), TIMES, ("f", "c_before")),
        Op(("written",), TIMES, ("i", "g")),
        Op(("c",), PLUS, ("kept", "written")),
    )
    if not output_tanh:
        return (*start, Op(("h",), TIMES, ("o", "c")))
    return (*start, Op(("squashed",), TANH, ("c",)), Op(("h",), TIMES, ("o", "squashed")))


def run(operations: Sequence[Op], **given: Tensor) -> dict[str, Tensor]:
    """Execute operations in order; every value by its name, the given ones among them.

    Raises:
        ValueError: an operation needs a value that is neither given nor computed before it.
    """
    values = dict(given)
    for op in operations:
        missing = [name for name in op.inputs if name not in values]
        if missing:
            raise ValueError(
                f"{op.results[0]} needs {missing[0]}, which is neither given nor computed before it; "
                f"there are {', '.join(values)}"
            )
        out = op.function.call(*(values[name] for name in op.inputs))
        values |= zip(op.results, out if len(op.results) > 1 else (out,), strict=True)
    return values


def equations(operations: Sequence[Op]) -> list[str]:
    """Each operation as a line, "c = kept + written"."""
    return [f"{', '.join(op.results)} = {op.function.form.format(*op.inputs)}" for op in operations]


def wires(operations: Sequence[Op]) -> list[Wire]:
    """Every connection that the operations need, in their order."""
    return [(name, op.results[0]) for op in operations for name in op.inputs]
