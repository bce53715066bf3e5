"""An LSTM as a list of operations: run it, write it as equations, or draw it, all from the same list.

A picture of an LSTM, its equations and its code are usually made by hand, three times, and then differ. Here the
list is the one thing that is written; what it computes, what it says and what it shows all follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import linear

from crnn_lessons.show.palette import ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


# Where things stand, in boxes from the left and from the bottom; f comes first so that no two gates' wires cross.
PLACES = {
    "h_before": (0, 0), "x": (1, -0.9), "c_before": (0, 4), "a_f": (1, 0), "a_i": (2, 0), "a_g": (3, 0), "a_o": (4, 0),
    "f": (1, 1.3), "i": (2, 1.3), "g": (3, 1.3), "o": (4, 1.3), "written": (3, 2.6), "kept": (1, 4), "c": (3, 4),
    "squashed": (5, 2.6), "h": (5, 1.3),
}  # fmt: skip
OUTPUTS = {"c": (6, 4), "h": (6, 1.3)}
NAMES = {"x": "xₜ", "h_before": "hₜ₋₁", "c_before": "cₜ₋₁", "c": "cₜ", "h": "hₜ"}


def _route(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """A wire with at most one corner: upwards it rises first, downwards it falls last, so that wires stay apart."""
    (x0, y0), (x1, y1) = start, end
    if x0 == x1 or y0 == y1:
        return [start, end]
    return [start, (x0, y1) if y1 > y0 else (x1, y0), end]


def draw(axes: Axes, operations: Sequence[Op], colour: str = ORANGE) -> list[Wire]:
    """Draw the operations of ``lstm_operations`` as boxes and wires; the wires that were drawn are returned.

    Args:
        axes: where to draw.
        operations: the list; what is not in it is not drawn.
        colour: of the wires that carry the memory.

    Raises:
        ValueError: an operation that has no place in the drawing.
    """
    from matplotlib.patches import FancyBboxPatch  # here, so that the package can be imported without matplotlib

    unknown = [name for op in operations for name in (*op.results, *op.inputs) if name not in PLACES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} has no place in the drawing; it knows {', '.join(PLACES)}")
    made = {name for op in operations for name in op.results}
    drawn = []

    def wire(name: str, points: list[tuple[float, float]], gid: str) -> None:
        memory = name in ("c_before", "kept", "c")
        style = {"color": colour, "linewidth": 4} if memory else {"color": "black", "linewidth": 1.2}
        axes.plot(*zip(*points, strict=True), solid_joinstyle="round", zorder=1, gid=gid, **style)

    for name, target in wires(operations):
        end = PLACES[target]
        if target == "a_i":  # the wide box: x comes from below, h from the left
            end = (PLACES[name][0] if name == "x" else 1, 0)
        wire(name, _route(PLACES[name], end), f"{name}->{target}")
        drawn.append((name, target))
        middle = ((PLACES[name][0] + end[0]) / 2, (PLACES[name][1] + end[1]) / 2)
        if name in ("f", "i", "g", "o"):
            x, y = PLACES[name]
            sideways = end[1] == y  # a wire that leaves to the right is named there
            right, up = (0.38, 0.1) if sideways else (0.1, 0.42)
            axes.text(x + right, y + up, name, style="italic", fontsize=11)
        elif name in ("kept", "written"):
            axes.text(middle[0] + 0.1, middle[1] + 0.12, name, fontsize=8)
    for name, end in OUTPUTS.items():
        wire(name, [PLACES[name], end], f"{name}->out")
    for name in {name for op in operations for name in op.inputs} - made:
        x, y = PLACES[name]
        left = x == 0
        axes.text(x - 0.08 * left, y, NAMES[name], ha="right" if left else "center", va="center" if left else "top")
    for name, (x, y) in OUTPUTS.items():
        axes.text(x + 0.08, y, NAMES[name], va="center")
    for op in operations:
        wide = len(op.results) > 1
        (x, y), half = PLACES[op.results[0]], 0.3
        left, width = (0.55, 3.9) if wide else (x - half, 2 * half)
        round_box = op.function in (TIMES, PLUS)
        box = FancyBboxPatch(
            (left, y - 0.28), width, 0.56, boxstyle=f"round,pad=0,rounding_size={0.27 if round_box else 0.05}",
            facecolor="white", edgecolor="black", linewidth=1.2, zorder=2,
        )  # fmt: skip
        axes.add_patch(box)
        axes.text(left + width / 2, y, op.function.sign, ha="center", va="center", zorder=3, fontsize=10)
    axes.set(xlim=(-0.7, 6.6), ylim=(-1.25, 4.5))
    axes.axis("off")
    return drawn
