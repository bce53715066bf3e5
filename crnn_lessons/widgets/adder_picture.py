"""The adder widget as an SVG drawing, for readers and pages where no script runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crnn_lessons.widgets.picture import BLUE, GREY, VERMILLION, svg, svg_box, svg_text

if TYPE_CHECKING:
    from crnn_lessons.widgets.adder import Sum

MOST_STEPS = 24
"""Columns that a picture shows; the rest of a longer sum is left out, and said to be."""


def adder_picture(done: Sum, order: Sequence[int], marked: int, caption: str) -> str:
    """Bits, carry, sum, the network's bits and the units of it, one column a step.

    Args:
        done: the sum.
        order: the units, from top to bottom.
        marked: how many of the first units follow the carry out.
        caption: a sentence below, cut into lines.
    """
    T, wide, high, left, parts = min(len(done.bits), MOST_STEPS), 26, 24, 118, []
    rows = [
        ("first", done.first),
        ("second", done.second),
        ("carry in", done.carry),
        ("sum", done.bits),
        ("network", done.answer),
        ("carry out", done.carry_out),
    ]
    parts.append(svg_text(8, 20, "t", size=11, fill=GREY))
    parts += [svg_text(left + wide * t + 11, 20, str(t), size=10, anchor="middle", fill=GREY) for t in range(T)]
    for row, (name, bits) in enumerate(rows):
        y = 28 + high * row
        parts.append(svg_text(8, y + 16, name))
        for t in range(T):
            wrong = name == "network" and t in done.wrong
            style = {"stroke": VERMILLION, "stroke_width": 2.5} if wrong else {"stroke": GREY}
            parts.append(svg_box(left + wide * t, y, 22, 20, f"{bits[t]}✗" if wrong else str(bits[t]), **style))
    for row, unit in enumerate(order):
        y = 36 + high * (len(rows) + row)
        parts.append(svg_text(8, y + 16, f"{'★ ' if row < marked else ''}unit {unit}"))
        for t in range(T):
            value = float(done.states[t, unit])
            parts.append(svg_box(left + wide * t, y, 22, 20, sign(value), fill=shade(value), stroke=GREY))
    y = 54 + high * (len(rows) + len(order))
    words, line = caption.split(), ""
    width = max(420, left + wide * T + 10)
    lines = []
    for word in words:
        if len(line) + len(word) > width / 7:
            lines.append(line)
            line = ""
        line += f"{word} "
    lines.append(line)
    notes = ["Units: + above 0.5, − below −0.5, blank in between"]
    if T < len(done.bits):
        notes.append(f"the first {T} of {len(done.bits)} steps")
    parts += [svg_text(8, y + 16 * i, text.strip(), size=11) for i, text in enumerate([*lines, *notes])]
    return svg(width, y + 16 * (len(lines) + len(notes)), *parts)


def sign(value: float) -> str:
    """How a state is written in a small box, so that it can be told without colour."""
    return "" if abs(value) < 0.5 else "+" if value > 0 else "−"


def shade(value: float) -> str:
    """Blue for positive, vermillion for negative, white for zero."""
    colour = BLUE if value > 0 else VERMILLION
    parts = (round(255 + (int(colour[i : i + 2], 16) - 255) * 0.6 * min(1.0, abs(value))) for i in (1, 3, 5))
    return "rgb({},{},{})".format(*parts)
