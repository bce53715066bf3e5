"""The picture of an LSTM: the operations of ``lstm_diagram`` as boxes and wires, each wire with a head at its box."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from crnn_lessons.show.lstm_diagram import PLUS, TIMES, Op, Wire, wires
from crnn_lessons.show.palette import ORANGE

Point = tuple[float, float]

# Where things stand, in boxes from the left and from the bottom; f comes first so that no two gates' wires cross.
PLACES = {
    "h_before": (0, 0), "x": (1, -0.9), "c_before": (0, 4), "a_f": (1, 0), "a_i": (2, 0), "a_g": (3, 0), "a_o": (4, 0),
    "f": (1, 1.3), "i": (2, 1.3), "g": (3, 1.3), "o": (4, 1.3), "written": (3, 2.6), "kept": (1, 4), "c": (3, 4),
    "squashed": (5, 2.6), "h": (5, 1.3),
}  # fmt: skip
OUTPUTS = {"c": (6, 4), "h": (6, 1.3)}
NAMES = {"x": "xₜ", "h_before": "hₜ₋₁", "c_before": "cₜ₋₁", "c": "cₜ", "h": "hₜ"}
HALF_WIDTH, HALF_HEIGHT = 0.3, 0.28
WIDE = (0.55, 3.9)
"""Left edge and width of the box of the matrices."""


def draw(axes: Axes, operations: Sequence[Op], colour: str = ORANGE) -> list[Wire]:
    """Draw the operations of ``lstm_operations`` as boxes and wires; the wires that were drawn are returned.

    Args:
        axes: where to draw.
        operations: the list; what is not in it is not drawn.
        colour: of the wires that carry the memory.

    Raises:
        ValueError: an operation that has no place in the drawing.
    """
    unknown = [name for op in operations for name in (*op.results, *op.inputs) if name not in PLACES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} has no place in the drawing; it knows {', '.join(PLACES)}")
    needed = wires(operations)
    for name, target in needed:
        end = PLACES[target]
        if target == "a_i":  # the wide box: x comes from below, h from the left
            end = (PLACES[name][0] if name == "x" else 1, 0)
        _draw_wire(axes, name, target, _route(PLACES[name], end), colour)
        _name_wire(axes, name, end)
    for name, end in OUTPUTS.items():
        _draw_wire(axes, name, "out", [PLACES[name], end], colour)
        axes.text(end[0] + 0.2, end[1], NAMES[name], va="center")
    made = {name for op in operations for name in op.results}
    for name in {name for op in operations for name in op.inputs} - made:
        x, y = PLACES[name]
        left = x == 0
        axes.text(x - 0.08 * left, y, NAMES[name], ha="right" if left else "center", va="center" if left else "top")
    for op in operations:
        _draw_box(axes, op)
    axes.set(xlim=(-0.7, 6.7), ylim=(-1.25, 4.5))
    axes.axis("off")
    return needed


def _route(start: Point, end: Point) -> list[Point]:
    """A wire with at most one corner: upwards it rises first, downwards it falls last, so that wires stay apart."""
    (x0, y0), (x1, y1) = start, end
    if x0 == x1 or y0 == y1:
        return [start, end]
    return [start, (x0, y1) if y1 > y0 else (x1, y0), end]


def _draw_wire(axes: Axes, name: str, target: str, points: list[Point], colour: str) -> None:
    """A line from middle to middle, under the boxes, and a head where it meets the edge of the box that it leads to."""
    memory = name in ("c_before", "kept", "c")
    style = {"color": colour, "linewidth": 4} if memory else {"color": "black", "linewidth": 1.2}
    axes.plot(*zip(*points, strict=True), solid_joinstyle="round", zorder=1, gid=f"{name}->{target}", **style)
    (x0, y0), (x, y) = points[-2:]
    across, upwards = (x > x0) - (x < x0), (y > y0) - (y < y0)
    half_width = 1 - WIDE[0] if target == "a_i" else HALF_WIDTH
    tip = (
        (x + (0.12 if memory else 0.05), y) if target == "out" else (x - across * half_width, y - upwards * HALF_HEIGHT)
    )
    before = (tip[0] - 0.01 * across, tip[1] - 0.01 * upwards)
    head = {"arrowstyle": "-|>", "mutation_scale": 26 if memory else 12, "shrinkA": 0, "shrinkB": 0, "lw": 0}
    axes.annotate("", tip, before, arrowprops=head | {"color": style["color"]}, zorder=2)


def _name_wire(axes: Axes, name: str, end: Point) -> None:
    """Write the name of a gate, or of a part of the memory, beside its wire."""
    x, y = PLACES[name]
    if name in ("f", "i", "g", "o"):
        right, up = (0.38, 0.1) if end[1] == y else (0.1, 0.42)  # a wire that leaves to the right is named there
        axes.text(x + right, y + up, name, style="italic", fontsize=11)
    elif name in ("kept", "written"):
        axes.text((x + end[0]) / 2 + 0.1, (y + end[1]) / 2 + 0.12, name, fontsize=8)


def _draw_box(axes: Axes, op: Op) -> None:
    x, y = PLACES[op.results[0]]
    left, width = WIDE if len(op.results) > 1 else (x - HALF_WIDTH, 2 * HALF_WIDTH)
    rounding = 0.27 if op.function in (TIMES, PLUS) else 0.05
    box = FancyBboxPatch(
        (left, y - HALF_HEIGHT), width, 2 * HALF_HEIGHT, boxstyle=f"round,pad=0,rounding_size={rounding}",
        facecolor="white", edgecolor="black", linewidth=1.2, zorder=3,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(left + width / 2, y, op.function.sign, ha="center", va="center", zorder=4, fontsize=10)
