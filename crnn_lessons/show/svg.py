"""Small SVG drawings: the diagrams in figs/ are made of these, on white, so that they read alike on any page.

Lengths are pixels, y runs down, and numbers have one decimal, so that a drawing is the same on every machine.
"""

from __future__ import annotations

import html
import math

from matplotlib.path import Path

from crnn_lessons.show.palette import INK


def sheet(width: float, height: float, title: str, *parts: str) -> str:
    """A whole drawing.

    Args:
        title: what it shows, in a sentence or two, for readers who do not see it.
        parts: what the functions below return.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" font-family="DejaVu Sans, Verdana, sans-serif">\n'
        f"<title>{html.escape(title)}</title>\n"
        f'<rect width="{width:g}" height="{height:g}" rx="6" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, size: float = 14, anchor: str = "start", fill: str = INK, **style: str) -> str:
    """One line of text, its baseline at y."""
    more = _attributes(style)
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}"{more}'
    return f"<text {place}>{html.escape(words)}</text>"


def box(
    x: float, y: float, width: float, height: float, words: str = "", size: float = 14, **style: str | float
) -> str:
    """A box with its upper left corner at x, y, and a word in its middle."""
    style = {"fill": "white", "stroke": INK, "rx": 4} | style
    rect = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{_attributes(style)}/>'
    return rect + (text(x + width / 2, y + height / 2 + 0.36 * size, words, size, "middle") if words else "")


def circle(x: float, y: float, radius: float, words: str = "", size: float = 14, **style: object) -> str:
    """A circle around x, y, and a word in its middle."""
    style = {"fill": "white", "stroke": INK} | style
    drawn = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"{_attributes(style)}/>'
    return drawn + (text(x, y + 0.36 * size, words, size, "middle") if words else "")


def line(*points: tuple[float, float], **style: object) -> str:
    """A line through the points."""
    style = {"fill": "none", "stroke": INK, "stroke_width": 1.5} | style
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"{_attributes(style)}/>'


def outline(path: Path, x: float, y: float, scale: float, **style: object) -> str:
    """A filled outline, such as that of a word, with its origin at x, y; its own y runs up."""
    style = {"fill": INK} | style
    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
    parts = []
    for points, code in path.iter_segments(simplify=False):
        places = [
            f"{x + px * scale:.1f} {y - py * scale:.1f}" for px, py in zip(points[::2], points[1::2], strict=True)
        ]
        parts.append("Z" if code == Path.CLOSEPOLY else letters[code] + " ".join(places))
    return f'<path d="{"".join(parts)}"{_attributes(style)}/>'


def arrow(*points: tuple[float, float], colour: str = INK, width: float = 1.5, short: float = 0.0, **style: str) -> str:
    """A line through the points with a head at its end; it begins and ends ``short`` before the first and the last."""
    places = list(points)
    for end, inner in ((0, 1), (-1, -2)):
        (x, y), (to_x, to_y) = points[end], points[inner]
        share = short / math.hypot(to_x - x, to_y - y)
        places[end] = x + share * (to_x - x), y + share * (to_y - y)
    (x, y), (before_x, before_y) = places[-1], places[-2]
    along = math.atan2(y - before_y, x - before_x)
    size = 5 + 2 * width
    sides = [(x - size * math.cos(along + turn), y - size * math.sin(along + turn)) for turn in (0.4, -0.4)]
    stem = (x - 0.7 * size * math.cos(along), y - 0.7 * size * math.sin(along))
    head = f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in [(x, y), *sides])}" fill="{colour}"/>'
    return line(*places[:-1], stem, stroke=colour, stroke_width=width, **style) + head


def _attributes(style: dict) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
