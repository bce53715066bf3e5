"""Draw figs/padded.svg: four sequences of different lengths as a padded grid, and the same digits packed.

python figs/padded.py
"""

from pathlib import Path

from crnn_lessons.show.palette import FAINT, ORANGE, SKY
from crnn_lessons.show.svg import arrow, box, sheet, text

ROWS = ("520", "73914", "06582741", "298")
SIDE, TOP, LEFT = 28, 66, 64
K = 2


def digit(x: float, y: float, sign: str, asked: bool) -> str:
    return box(x, y, SIDE, SIDE, sign, 15, fill=ORANGE if asked else SKY)


def padded() -> list[str]:
    """Samples down, time to the right, padding behind each end; an arrow at each sample's own last step."""
    T, parts = max(map(len, ROWS)), []
    for t in range(T):
        parts.append(text(LEFT + SIDE * (t + 0.5), TOP - 10, str(t), 12, "middle", FAINT))
    for n, row in enumerate(ROWS):
        y = TOP + n * (SIDE + 14)
        parts.append(text(LEFT - 8, y + 19, f"n = {n}", 12, "end", FAINT))
        for t in range(T):
            x = LEFT + SIDE * t
            if t < len(row):
                parts.append(digit(x, y, row[t], t == K - 1))
            else:
                parts.append(box(x, y, SIDE, SIDE, "0", 13, fill="#eeeeee", stroke=FAINT, stroke_dasharray="3 2"))
        end = LEFT + SIDE * (len(row) - 0.5)
        parts.append(arrow((end, y + SIDE + 13), (end, y + SIDE + 1), width=2))
    return parts


def packed() -> list[str]:
    """The same digits, longest sample first: at each step only the samples that still run."""
    order, x, y = sorted(ROWS, key=len, reverse=True), 370, TOP
    parts = []
    for t in range(len(order[0])):
        running = [row for row in order if len(row) > t]
        parts.append(text(x + SIDE * (t + 0.5), TOP - 10, str(t), 12, "middle", FAINT))
        parts += [digit(x + SIDE * t, y + SIDE * i, row[t], t == K - 1) for i, row in enumerate(running)]
        parts.append(text(x + SIDE * (t + 0.5), y + 4 * SIDE + 20, str(len(running)), 13, "middle"))
    parts.append(text(x, y + 4 * SIDE + 42, "samples that still run at each step", 13, "start", FAINT))
    return parts


def draw() -> str:
    """The whole picture as SVG text."""
    steps, T = sum(map(len, ROWS)), max(map(len, ROWS))
    parts = [
        text(LEFT, 28, f"Padded: {len(ROWS)} × {T} = {len(ROWS) * T} steps", 15, font_weight="bold"),
        text(370, 28, f"Packed: {steps} steps, no padding", 15, font_weight="bold"),
        *padded(),
        *packed(),
        text(LEFT, 258, "arrow: the step whose output is the answer; orange: the digit to remember", 13),
    ]
    title = (
        f"Four sequences of {', '.join(str(len(row)) for row in ROWS)} digits. On the left as rows of a grid, filled "
        f"up with zeros to {T} steps; an arrow marks each sample's own last step. On the right packed: sorted by "
        f"length, {steps} steps and no padding, with the number of samples that still run at each step. The digit in "
        f"place {K} is orange."
    )
    return sheet(640, 276, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
