"""Draw figs/patterns.svg: the five ways to connect inputs and outputs, each with its example from lesson 01.

python figs/patterns.py
"""

from itertools import accumulate
from operator import xor
from pathlib import Path

from crnn_lessons.show.figures import BLUE, ORANGE, SKY, VERMILLION
from crnn_lessons.show.palette import FAINT
from crnn_lessons.show.svg import arrow, box, line, sheet, text

SIDE, STEP, HEIGHT = 36, 52, 228
OUTPUT, STATE, INPUT = 62, 126, 190
"""How far the middles of the three rows of boxes lie below the top of a panel."""

BITS = (1, 0, 1, 1)
PARITY = tuple(accumulate(BITS, xor))
PANELS = (
    (28, 0, "one to one", ["1"], ["1"]),
    (190, 0, "one to many", ["1", "", ""], list("one")),
    (430, 0, "many to one", list("one"), ["", "", "1"]),
    (28, 1, "many to many, lengths unequal", [*"one", "", "", "", ""], ["", "", "", *"eins"]),
    (430, 1, "many to many, equal", list(map(str, BITS)), list(map(str, PARITY))),
)
"""Left edge, row of panels, title, inputs and outputs: one a step, empty where there is none."""


def node(x: float, y: float, words: str, fill: str) -> str:
    return box(x - SIDE / 2, y - SIDE / 2, SIDE, SIDE, words, 17, fill=fill)


def segments(x: float, y: float) -> str:
    """The digit 1 as a seven-segment display shows it: two segments on, five off."""
    off, on = {"stroke": "#9cc4dd", "stroke_width": 2.5}, {"stroke_width": 3.5}
    left, right, top, foot = x - 6, x + 6, y - 12, y + 12
    dark = [line((left, row), (right, row), **off) for row in (top, y, foot)]
    return "".join([*dark, line((left, top), (left, foot), **off), line((right, top), (right, foot), **on)])


def up(x: float, start: float, end: float) -> str:
    return arrow((x, start - SIDE / 2), (x, end + SIDE / 2), colour=BLUE)


def panel(left: float, top: float, title: str, inputs: list[str], outputs: list[str]) -> list[str]:
    parts = [text(left, top + 26, title, 14, font_weight="bold")]
    for t, (x, y) in enumerate(zip(inputs, outputs, strict=True)):
        middle = left + SIDE / 2 + STEP * t
        parts.append(node(middle, top + STATE, "", "white"))
        if t:
            ends = (middle - STEP + SIDE / 2, top + STATE), (middle - SIDE / 2, top + STATE)
            parts.append(arrow(*ends, colour=VERMILLION, width=2))
        if x:
            parts += [node(middle, top + INPUT, x, SKY), up(middle, top + INPUT, top + STATE)]
        if y:
            parts += [node(middle, top + OUTPUT, y, ORANGE), up(middle, top + STATE, top + OUTPUT)]
    return parts


def draw() -> str:
    """The whole picture as SVG text."""
    parts = []
    for left, row, title, inputs, outputs in PANELS:
        shown = [""] if title == "one to one" else inputs
        parts += panel(left, row * HEIGHT, title, shown, outputs)
    x, y = 28 + SIDE / 2, INPUT
    parts += [node(x, y, "", SKY), segments(x, y), up(x, INPUT, STATE)]
    foot = 2 * HEIGHT + 24
    for at, fill, words in ((28, SKY, "input"), (128, "white", "state"), (228, ORANGE, "output")):
        parts += [box(at, foot - 14, 18, 18, fill=fill), text(at + 26, foot, words, 14, fill=FAINT)]
    parts += [
        arrow((330, foot - 5), (362, foot - 5), colour=VERMILLION, width=2),
        text(372, foot, "what one step hands to the next", 14, fill=FAINT),
    ]
    title = (
        "Five ways to connect inputs, states and outputs. One to one: the picture of a digit gives the digit. One to "
        "many: the digit 1 gives the letters o, n, e. Many to one: the letters o, n, e give the digit 1. Many to many "
        "with unequal lengths: o, n, e is read, then e, i, n, s is written. Many to many with equal lengths: the bits "
        f"{', '.join(map(str, BITS))} give the running parity {', '.join(map(str, PARITY))}. States are joined from "
        "left to right."
    )
    return sheet(640, foot + 18, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
