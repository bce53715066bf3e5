"""Draw figs/columns.svg: a line of pixels, read column by column from both sides, a class for each column.

python figs/columns.py
"""

from pathlib import Path

from crnn_lessons.show.palette import BLUE, FAINT, GREY, INK, ORANGE, VERMILLION
from crnn_lessons.show.svg import arrow, box, line, sheet, text

GLYPHS = {
    "4": ("...#.", "..##.", ".#.#.", "#..#.", "#####", "...#.", "...#."),
    "0": (".###.", "#...#", "#...#", "#...#", "#...#", "#...#", ".###."),
    "7": ("#####", "....#", "...#.", "..#..", "..#..", ".#...", ".#..."),
}
WORD, ROWS, CHOSEN = "4077", 9, 13
CELL, LEFT, TOP = 21, 132, 34


def columns() -> list[tuple[str, bool]]:
    """Each column of pixels, from top to bottom, and whether a digit begins in it."""
    empty = "." * ROWS
    found = [(empty, False)]
    for digit in WORD:
        glyph = GLYPHS[digit]
        found += [("." + "".join(row[x] for row in glyph) + ".", x == 0) for x in range(5)] + [(empty, False)]
    return found


def draw() -> str:
    """The whole picture as SVG text."""
    pixels = columns()
    T, bottom = len(pixels), TOP + ROWS * CELL
    letters = iter(WORD)
    path = "".join(next(letters) if begins else "-" for _, begins in pixels)
    parts = [text(LEFT, 20, "time step t: one column after the other", 13, fill=FAINT)]
    for t, (column, _) in enumerate(pixels):
        for y, pixel in enumerate(column):
            fill = INK if pixel == "#" else "white"
            parts.append(
                box(LEFT + t * CELL, TOP + y * CELL, CELL, CELL, fill=fill, stroke=GREY, stroke_width=0.4, rx=0)
            )
    middle = LEFT + (CHOSEN + 0.5) * CELL
    for y, way, name in ((bottom + 36, 1, "from the left"), (bottom + 68, -1, "from the right")):
        ends = ((LEFT, y), (LEFT + T * CELL, y))
        parts.append(arrow(*ends[::way], colour=BLUE, width=2))
        parts.append(text(LEFT - 12, y + 5, name, 13, "end"))
    for t, sign in enumerate(path):
        style = {"fill": ORANGE, "stroke": INK} if sign != "-" else {"fill": "white", "stroke": FAINT}
        parts.append(box(LEFT + t * CELL + 1, bottom + 100, CELL - 2, 26, sign, 14, **style))
    frame = {"fill": "none", "stroke": VERMILLION, "stroke_width": 3, "rx": 2}
    parts.append(box(LEFT + CHOSEN * CELL, TOP, CELL, ROWS * CELL, **frame))
    parts.append(line((middle, bottom), (middle, bottom + 68), stroke=VERMILLION, stroke_width=2))
    parts.append(arrow((middle, bottom + 68), (middle, bottom + 99), colour=VERMILLION, width=2))
    parts += [
        text(LEFT - 12, TOP + ROWS * CELL / 2 + 5, f"{T} frames", 13, "end"),
        text(LEFT - 12, bottom + 118, "a class each", 13, "end"),
        text(LEFT - 12, bottom + 158, "B gives", 13, "end"),
        text(LEFT + T * CELL / 2, bottom + 160, WORD, 20, "middle"),
    ]
    title = (
        f"The line {WORD} as {T} columns of pixels. One column is marked: two LSTMs, one from the left and one from "
        f"the right, bring what they have seen to it, and together they name a class. The path {path} collapses to "
        f"{WORD}."
    )
    return sheet(LEFT + T * CELL + 20, bottom + 180, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
