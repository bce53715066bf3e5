"""Draw figs/street.svg: a plain word meets six groups of effects, a reader learns from it, photographs judge.

python figs/street.py
"""

from pathlib import Path

from crnn_lessons.show.palette import BLUE, FAINT, GREY, INK, ORANGE, SKY, VERMILLION
from crnn_lessons.show.svg import arrow, box, line, sheet, text

WORD = "HOTEL"
WIDE, HIGH, LEFT, TOP = 146, 66, 122, 40
BOLD = {"font_weight": "bold"}


def word(x: float, y: float, size: float = 26, fill: str = INK, **style: str) -> str:
    return text(x, y, WORD, size, "middle", fill, **{**BOLD, **style})


def letters(x: float, y: float) -> list[str]:
    """Set wide, each a little higher or lower."""
    lifts = (2, -3, 3, -2, 1)
    return [text(x - 48 + 24 * i, y + lifts[i], c, 24, "middle", INK, **BOLD) for i, c in enumerate(WORD)]


def view(x: float, y: float) -> list[str]:
    """Turned and narrowed, in its upright box."""
    turned = word(0, 9, 24, transform=f"translate({x:g} {y - 9:g}) rotate(-18) skewX(-14) scale(0.95 1)")
    return [box(x - 50, y - 34, 100, 50, stroke=VERMILLION, stroke_dasharray="4 3", fill="none"), turned]


def face(x: float, y: float) -> list[str]:
    """Solid letters: sides behind, an outline around."""
    sides = [word(x + d, y + d, fill=GREY) for d in (4, 3, 2, 1)]
    return [*sides, word(x, y, fill="white", stroke=INK, stroke_width="1.2")]


def ground(x: float, y: float) -> list[str]:
    """Bricks, and letters with little contrast."""
    parts = [box(x - 62, y - 30, 124, 42, fill="#cfcfcf", stroke="none", rx="0")]
    for row in range(4):
        level = y - 30 + 10.5 * row
        joints = [x - 56 + 24 * i + 12 * (row % 2) for i in range(5)]
        parts.append(line((x - 62, level), (x + 62, level), stroke="#b4b4b4"))
        parts += [line((at, level), (at, level + 10.5), stroke="#b4b4b4") for at in joints]
    return [*parts, word(x, y, fill="#8c8c8c")]


def near(x: float, y: float) -> list[str]:
    """A piece of the next line, a rule, and a tight cut."""
    return [word(x, y), line((x - 64, y + 8), (x + 64, y + 5), stroke=GREY, stroke_width=3),
            text(x + 6, y - 26, "Lake Street", 15, "middle", FAINT)]  # fmt: skip


def camera(x: float, y: float) -> list[str]:
    """Out of focus: copies of the word around its place."""
    places = [(dx, dy) for dx in (-2.4, -1.2, 0, 1.2, 2.4) for dy in (-1.5, 0, 1.5)]
    return [word(x + dx, y + dy, opacity="0.13") for dx, dy in places]


PANELS = (letters, view, face, ground, near, camera)


def draw() -> str:
    """The whole picture as SVG text."""
    parts = [word(50, 124, 20), text(50, 141, "a plain word", 11, "middle", FAINT)]
    parts.append(arrow((93, 117), (LEFT - 5, 117)))
    for i, panel in enumerate(PANELS):
        left, top = LEFT + (i % 3) * (WIDE + 8), TOP + i // 3 * (HIGH + 26)
        parts.append(text(left + 2, top - 5, panel.__name__, 13, fill=BLUE))
        parts.append(box(left, top, WIDE, HIGH, stroke=SKY))
        parts += panel(left + WIDE / 2, top + HIGH / 2 + 11)
    right = LEFT + 3 * WIDE + 16
    parts.append(arrow((right + 4, 110), (right + 18, 110), (right + 18, 262), (right - 24, 262)))
    parts.append(box(right - 136, 244, 110, 36, "reader", 15, stroke=BLUE))
    parts.append(text(right - 81, 299, "learns from rendered words", 12, "middle", FAINT))
    parts.append(arrow((LEFT + 178, 262), (right - 138, 262), colour=ORANGE))
    parts.append(box(LEFT - 66, 244, 242, 36, "photographs with their texts", 14, stroke=ORANGE))
    parts.append(text(LEFT + 55, 299, "judge it; nothing is trained on them", 12, "middle", FAINT))
    said = "; ".join(f"{panel.__name__}: {panel.__doc__.rstrip('.').lower()}" for panel in PANELS)
    title = f"The plain word {WORD} meets six groups of effects ({said}). A reader learns from it; photographs judge."
    return sheet(622, 312, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
