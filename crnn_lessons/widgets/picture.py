"""The widgets as SVG drawings, for readers and pages where no script runs."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from crnn_lessons.alphabet import BLANK_SIGN

BLUE, VERMILLION, GREY = "#0072B2", "#D55E00", "#767676"


def collapse_picture(path: str, text: str, count: int) -> str:
    """A path, its runs merged, its blanks dropped, and how many paths share its text."""
    side, parts, t = 36, [], 0
    for sign, run in groupby(path):
        steps, blank = len(list(run)), sign == BLANK_SIGN
        dashed = {"stroke": GREY, "stroke_dasharray": "4 3"}
        drawn, merged = (dashed, dashed) if blank else ({"stroke": "#333"}, {"stroke": BLUE})
        parts += [svg_box(10 + side * (t + i), 10, side - 4, 32, sign, size=17, **drawn) for i in range(steps)]
        left, width = 10 + side * t, side * steps - 4
        parts.append(svg_box(left, 58, width, 32, sign, size=17, **merged))
        if not blank:
            parts.append(svg_box(left, 106, width, 32, sign, size=17, stroke_width=2.5, **merged))
        t += steps
    notes = zip(("path", "merge repeats", "drop blanks"), (31, 79, 127), strict=True)
    parts += [svg_text(18 + side * t, y, words, fill=GREY) for words, y in notes]
    parts.append(svg_text(10, 168, f"text: {text}", size=17))
    parts.append(svg_text(10, 192, f"paths of {t} steps with this text: {count:,}", size=13))
    return svg(max(320, 140 + side * t), 204, *parts)


def lattice_picture(signs: Sequence[str], posterior: np.ndarray, path: Sequence[int] | None, caption: str) -> str:
    """The lattice with its posteriors in the boxes and a path as a line.

    Args:
        signs: the sign of each of the L rows.
        posterior: T x L, each 0 to 1.
        path: the row at each of the T steps, or None.
        caption: a line below.
    """
    (T, L), wide, high, parts = posterior.shape, 60, 30, []
    x, y = (lambda t: 48 + wide * t), (lambda s: 28 + high * s)
    if path is not None:
        points = " ".join(f"{x(t) + 23:g},{y(s) + 12:g}" for t, s in enumerate(path))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{VERMILLION}" stroke-width="4"/>')
    for s, sign in enumerate(signs):
        parts += [svg_text(8, y(s) + 16, str(s), size=10, fill=GREY), svg_text(26, y(s) + 17, sign, size=15)]
        for t in range(T):
            value = float(posterior[t, s])
            red, green, blue = (round(255 + (int(BLUE[i : i + 2], 16) - 255) * 0.75 * value) for i in (1, 3, 5))
            style = {"fill": f"rgb({red},{green},{blue})", "rx": 3 if s % 2 else 12, "stroke": GREY, "size": 10.5}
            if path is not None and path[t] == s:
                style |= {"stroke": VERMILLION, "stroke_width": 3}
            elif value == 0:
                style |= {"stroke_dasharray": "1 4"}
            parts.append(svg_box(x(t), y(s), 46, 24, f"{value:.2g}" if value >= 0.005 else "", **style))
    parts += [svg_text(x(t) + 23, 18, f"t = {t}", size=10, anchor="middle", fill=GREY) for t in range(T)]
    parts.append(svg_text(8, y(L) + 18, caption, size=13))
    parts.append(svg_text(8, y(L) + 36, "in the boxes: the posterior; the line: the best path", size=11, fill=GREY))
    return svg(max(360, x(T) + 8), y(L) + 46, *parts)


def svg(width: int, height: int, *parts: str) -> str:
    """An SVG drawing on white, which reads alike on light and dark pages."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="DejaVu Sans, Verdana, sans-serif"><rect width="{width}" height="{height}" fill="white"/>'
        f"{''.join(parts)}</svg>"
    )


def svg_box(x: float, y: float, width: float, height: float, text: str = "", **style: str | float) -> str:
    """A box with a text in its middle; ``style`` holds SVG attributes of the box, and ``size`` of the text."""
    size = style.pop("size", 12)
    attributes = {"fill": "white", "stroke": "#333", "rx": 3} | style
    drawn = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" {drawn}/>' + svg_text(
        x + width / 2, y + height / 2 + 0.36 * size, text, size=size, anchor="middle"
    )


def svg_text(x: float, y: float, text: str, size: float = 12, anchor: str = "start", fill: str = "#1a1a1a") -> str:
    """One line of text, its baseline at y."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}">'
        f"{html.escape(visible(text))}</text>"
        if text
        else ""
    )


def visible(text: str) -> str:
    """A lone space as an open box, since a drawing of nothing says nothing."""
    return "␣" if text and not text.strip() else text
