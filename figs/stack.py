"""Draw figs/stack.svg: a picture of a word shrinks, layer by layer, to one row of frames; what one frame sees.

python figs/stack.py
"""

from itertools import pairwise
from pathlib import Path

from crnn_lessons.models import PRESETS
from crnn_lessons.models.features import FeatureStack, parse
from crnn_lessons.show.drawings import glyph_spans
from crnn_lessons.show.palette import BLUE, FAINT, INK, SKY, VERMILLION
from crnn_lessons.show.svg import arrow, box, line, sheet, text

WORD, HEIGHT, WIDTH, FRAME = "station", 32, 100, 9
LEFT, LONG, TOP, TALL = 24, 520, 34, 150
GAP = 26


def outline(foot: float) -> str:
    """The word as SVG path data, with a margin of a few columns."""
    drawn, _ = glyph_spans(WORD)
    names, parts, inner = {1: "M", 2: "L", 3: "Q", 4: "C"}, [], LONG - 40
    for points, code in drawn.iter_segments(simplify=False):
        xy = [
            f"{LEFT + 20 + x * inner:.1f} {foot - y * inner:.1f}"
            for x, y in zip(points[::2], points[1::2], strict=True)
        ]
        parts.append("Z" if code == 79 else names[code] + " ".join(xy))
    return "".join(parts)


def draw() -> str:
    """The whole picture as SVG text."""
    stack = FeatureStack(PRESETS["tiny"].features)
    layers, sizes = [parse(name) for name in stack.layers], [(HEIGHT, WIDTH), *stack.sizes(HEIGHT, WIDTH)]
    spans, span = [], (FRAME, FRAME)
    for i in range(len(layers) - 1, -1, -1):
        spans.append(span)
        span = stack.blocks[i].reach(1, span, sizes[i][1], WIDTH)
    spans = [*spans, span][::-1]
    shown = [0, *[i + 1 for i, layer in enumerate(layers) if layer.kind == "pool"]]
    parts, y, edges = [text(LEFT, 20, "a picture of 32 × 100 pixels", 13, fill=FAINT)], TOP, []
    for i in shown:
        (rows, columns), (first, last) = sizes[i], spans[i]
        tall = TALL if i == 0 else 14 + 2 * rows
        cell = LONG / columns
        if i == 0:
            parts.append(box(LEFT, y, LONG, tall, fill="white", stroke=FAINT, rx=0))
            parts.append(f'<path d="{outline(y + 118)}" fill="{INK}"/>')
        else:
            parts.append(box(LEFT, y, LONG, tall, fill=SKY, stroke=BLUE, rx=0, fill_opacity=0.35))
            parts += [
                line((LEFT + x * cell, y), (LEFT + x * cell, y + tall), stroke=BLUE, stroke_width=0.6)
                for x in range(1, columns)
            ]
            said = f"{stack.blocks[i - 1].out_channels} × {rows} × {columns}"
            parts.append(text(LEFT + LONG + 12, y + tall / 2 + 5, said, 13))
        edges.append((LEFT + first * cell, LEFT + (last + 1) * cell, y, y + tall))
        y += tall + GAP
    parts.append(text(LEFT + LONG + 12, TOP + TALL + GAP - 4, "channels × rows × columns", 11, fill=FAINT))
    for a, b, above, below in edges:
        parts.append(
            box(
                a,
                above,
                b - a,
                below - above,
                fill=VERMILLION,
                fill_opacity=0.25,
                stroke=VERMILLION,
                rx=0,
                stroke_width=2,
            )
        )
    for (a, b, _, below), (c, d, above, _) in pairwise(edges):
        parts += [line((a, below), (c, above), stroke=VERMILLION), line((b, below), (d, above), stroke=VERMILLION)]
    T = sizes[-1][1]
    for t in range(T):
        x = LEFT + (t + 0.5) * LONG / T
        colour, width = (VERMILLION, 2.5) if t == FRAME else (INK, 1)
        parts.append(arrow((x, y - GAP + 3), (x, y + 4), colour=colour, width=width))
        parts.append(box(x - 8, y + 6, 16, 30, fill="white", stroke=colour, stroke_width=width, rx=2))
    parts.append(text(LEFT + LONG + 12, y + 26, f"T = {T} frames", 13))
    first, last = spans[0]
    title = (
        f"A picture of the word {WORD}, 32 x 100 pixels, and below it what four pools leave of it: "
        + ", ".join(f"{sizes[i][0]} x {sizes[i][1]}" for i in shown[1:])
        + f". Each column of the last is a time step. Frame {FRAME}, followed back, sees columns {first} to {last}."
    )
    return sheet(LEFT + LONG + 170, y + 50, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
