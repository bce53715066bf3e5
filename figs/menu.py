"""Draw figs/menu.svg: the five courses from a picture of a word to its text, and the choices of each.

python figs/menu.py
"""

from itertools import pairwise
from math import prod
from pathlib import Path

from crnn_lessons.show.palette import BLUE, FAINT, GREY, INK, ORANGE, SKY, VERMILLION
from crnn_lessons.show.svg import arrow, box, circle, line, sheet, text

WORD = "soup"
LEFT, WIDE, GAP, TOP = 108, 104, 14, 30
PALE = "#dcebf5"
BOLD = {"font_weight": "bold"}
COURSES = {
    "normalisation": ("none", "moments", "centre line", "mean"),
    "convolutions": ("VGG", "ResNet", "fractional pools", "U-net"),
    "scaling": ("none", "interpolated", "transposed"),
    "reduction": ("sum", "max", "concat", "LSTM"),
    "sequence": ("none", "LSTM"),
}
SHAPES = ("H × W", "D × H′ × W′", "D × H′ × W″", "T × D", "T × D")


def turned(x: float, y: float) -> list[str]:
    """The picture: a word on a slope."""
    place = f"translate({x:g} {y:g}) rotate(-14)"
    return [box(x - 40, y - 36, 80, 64, fill="#f6f6f6", stroke=GREY),
            text(0, 5, WORD, 25, "middle", INK, transform=place)]  # fmt: skip


def normalisation(x: float, y: float) -> list[str]:
    """The word between two lines."""
    dashed = {"stroke": VERMILLION, "stroke_dasharray": "4 3"}
    edges = [line((x - 40, y + side), (x + 40, y + side), **dashed) for side in (-16, 16)]
    return [*edges, text(x, y + 6, WORD, 27, "middle")]


def convolutions(x: float, y: float) -> list[str]:
    """Maps behind one another."""
    return [box(x - 34 + 6 * i, y - 14 - 5 * i, 54, 34, fill=PALE, stroke=BLUE) for i in (2, 1, 0)]


def scaling(x: float, y: float) -> list[str]:
    """A few wide columns become many."""
    few = [box(x - 40 + 13 * i, y - 24, 13, 16, fill=PALE, stroke=BLUE, rx="0") for i in range(6)]
    many = [box(x - 40 + 6.5 * i, y + 8, 6.5, 16, fill=PALE, stroke=BLUE, rx="0") for i in range(12)]
    return [*few, arrow((x, y - 7), (x, y + 7)), *many]


def reduction(x: float, y: float) -> list[str]:
    """All rows of a column become one."""
    rows = [
        box(x - 39 + 13 * i, y - 26 + 9 * j, 13, 9, fill=ORANGE if i == 2 else PALE, stroke=BLUE, rx="0")
        for i in range(6) for j in range(3)
    ]  # fmt: skip
    one = [box(x - 39 + 13 * i, y + 17, 13, 9, fill=ORANGE if i == 2 else PALE, stroke=BLUE, rx="0") for i in range(6)]
    return [*rows, arrow((x - 6.5, y + 1), (x - 6.5, y + 17)), *one]


def sequence(x: float, y: float) -> list[str]:
    """Steps that hand something on, both ways."""
    places = [x - 36 + 24 * i for i in range(4)]
    parts = [circle(at, y + side, 6, fill=PALE, stroke=BLUE) for at in places for side in (-10, 12)]
    for a, b in pairwise(places):
        parts += [arrow((a, y - 10), (b, y - 10), short=7, width=1), arrow((b, y + 12), (a, y + 12), short=7, width=1)]
    return parts


PICTURES = (normalisation, convolutions, scaling, reduction, sequence)


def draw() -> str:
    """The whole picture as SVG text."""
    middle = TOP + 56
    parts = [*turned(50, middle), arrow((93, middle), (LEFT - 3, middle))]
    for i, (picture, (course, choices)) in enumerate(zip(PICTURES, COURSES.items(), strict=True)):
        left = LEFT + i * (WIDE + GAP)
        centre = left + WIDE / 2
        parts += [text(centre, TOP - 9, course, 13, "middle", BLUE, **BOLD), box(left, TOP, WIDE, 112, stroke=SKY)]
        parts += picture(centre, middle - 4)
        parts.append(text(centre, TOP + 104, SHAPES[i], 11, "middle", FAINT))
        for j, choice in enumerate(choices):
            parts.append(box(left, TOP + 122 + 27 * j, WIDE, 23, choice, 12, stroke=GREY, rx="11"))
        parts.append(arrow((left + WIDE + 1, middle), (left + WIDE + GAP - 2, middle), width=1.2))
    right = LEFT + 5 * (WIDE + GAP)
    parts.append(text(right + 2, middle + 6, WORD, 22, **BOLD))
    numbers = [len(choices) for choices in COURSES.values()]
    total = f"{' × '.join(map(str, numbers))} = {prod(numbers)} designs"
    parts.append(text(LEFT + 2.5 * WIDE + 2 * GAP, TOP + 252, total, 13, "middle", INK))
    said = "; ".join(f"{course}: {', '.join(choices)}" for course, choices in COURSES.items())
    title = f"From a picture of the word {WORD} to its text in five courses, each with choices. {said}. {total}."
    return sheet(right + 72, TOP + 266, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
