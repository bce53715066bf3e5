"""The gates widget as an SVG drawing, for readers and pages where no script runs."""

from __future__ import annotations

import numpy as np

from crnn_lessons.widgets.base import minus
from crnn_lessons.widgets.picture import GREY, VERMILLION, svg, svg_box, svg_text

NAMES = {
    "f": "forget gate",
    "i": "input gate",
    "g": "candidate",
    "c": "memory",
    "o": "output gate",
    "h": "output",
}


def hand_picture(values: dict[str, np.ndarray], task: dict | None) -> str:
    """A table of one unit: a column a step, a row each of f, i, g, c, o and h.

    Args:
        values: of each of the six, T x 1.
        task: what is asked, with its goals for h, or None.
    """
    T, wide, high, left, parts = len(values["c"]), 56, 30, 130, []
    parts += [svg_text(left + wide * (t + 0.5), 18, f"t = {t}", size=10, anchor="middle", fill=GREY) for t in range(T)]
    for row, (key, words) in enumerate(NAMES.items()):
        y, made = 26 + high * row, key in "ch"
        parts.append(svg_text(8, y + 19, f"{key} {words}"))
        for t, value in enumerate(values[key][:, 0]):
            style = {"fill": "#fbe3b0" if made else "white", "stroke_width": 2 if made else 1}
            parts.append(svg_box(left + wide * t, y, wide - 4, high - 4, plain(value), **style))
    y = 26 + high * len(NAMES)
    if task is not None:
        parts.append(svg_text(8, y + 16, "goal of h"))
        for t, goal in enumerate(task["goal"]):
            parts.append(svg_text(left + wide * (t + 0.5) - 2, y + 16, plain(goal), anchor="middle", fill=VERMILLION))
        y += 24
    parts.append(svg_text(8, y + 16, "c = f · c before + i · g,   h = o · tanh(c)", size=13))
    return svg(max(360, left + wide * T + 8), y + 28, *parts)


def cell_picture(values: dict[str, np.ndarray], signs: str, chosen_t: int, chosen_unit: int) -> str:
    """Six maps of squares, units by steps: the side of a square is the size of a value, hollow for a negative one.

    Args:
        values: i, f, g, o, c and h, T x H each.
        signs: how each of the T inputs is written.
        chosen_t, chosen_unit: the square with a frame.
    """
    (T, H), side, parts = values["c"].shape, 12, []
    wide, high = max(150, 34 + T * side), 44 + H * side
    for number, (key, words) in enumerate(NAMES.items()):
        x, y = 8 + wide * (number % 3) + 20, 8 + high * (number // 3) + 34
        scale = max(1.0, float(np.abs(values[key]).max()))
        largest = f", largest {scale:.3g}" if scale > 1 else ""
        parts.append(svg_text(x, y - 18, f"{key} {words}{largest}", size=11))
        parts += [svg_text(x + (t + 0.5) * side, y - 4, s, size=10, anchor="middle") for t, s in enumerate(signs)]
        parts.append(svg_box(x, y, T * side, H * side, fill="#f4f4f4", stroke=GREY, rx=0))
        parts.append(f'<path d="{_squares(values[key], 1, scale, side, x, y)}" fill="#1a1a1a"/>')
        parts.append(f'<path d="{_squares(values[key], -1, scale, side, x, y)}" fill="none" stroke="{VERMILLION}"/>')
        frame = {"fill": "none", "stroke": VERMILLION, "stroke_width": 2.5, "rx": 0}
        parts.append(svg_box(x + chosen_t * side, y + chosen_unit * side, side, side, **frame))
    parts.append(
        svg_text(8, 2 * high + 24, "rows: units; columns: time steps; hollow squares: negative", size=11, fill=GREY)
    )
    return svg(3 * wide + 24, 2 * high + 36, *parts)


def _squares(values: np.ndarray, sign: int, scale: float, side: int, x: int, y: int) -> str:
    """The outlines of the squares of one sign, as an SVG path."""
    path = ""
    for (t, unit), value in np.ndenumerate(values):
        size = abs(float(value)) / scale * (side - 2)
        if np.sign(value) == sign and size >= 0.5:
            left, top = x + t * side + (side - size) / 2, y + unit * side + (side - size) / 2
            path += f"M{left:.1f} {top:.1f}h{size:.1f}v{size:.1f}h-{size:.1f}z"
    return path


def plain(value: float) -> str:
    """A value of one unit by hand: two digits behind the point."""
    return minus(f"{value:.2f}") if abs(value) >= 0.005 else "0.00"
