"""Draw figs/sum.svg: 13 + 7 as the network reads it, least significant bit first, with the carry from step to step.

python figs/sum.py
"""

from pathlib import Path

from crnn_lessons.show.palette import FAINT, ORANGE, SKY, VERMILLION
from crnn_lessons.show.svg import arrow, box, sheet, text

FIRST, SECOND, T = 13, 7, 5
SIDE, STEP, LEFT = 44, 88, 150
ROWS = {"first": 64, "second": 112, "sum": 252}


def middle(t: int) -> float:
    return LEFT + SIDE / 2 + STEP * t


def draw() -> str:
    """The whole picture as SVG text."""
    names = {"first": f"first, {FIRST}", "second": f"second, {SECOND}", "sum": f"sum, {FIRST + SECOND}"}
    parts = [text(LEFT - 18, ROWS[row] + 28, name, 14, "end") for row, name in names.items()]
    parts.append(text(LEFT - 18, 206, "the place's total", 14, "end"))
    carry, carries = 0, []
    for t in range(T):
        a, b = FIRST >> t & 1, SECOND >> t & 1
        x, total = middle(t), a + b + carry
        parts += [text(x, 30, f"t = {t}", 13, "middle"), text(x, 48, f"worth {2**t}", 12, "middle", FAINT)]
        parts += [box(x - SIDE / 2, ROWS["first"], SIDE, SIDE, str(a), 18, fill=SKY)]
        parts += [box(x - SIDE / 2, ROWS["second"], SIDE, SIDE, str(b), 18, fill=SKY)]
        parts.append(text(x, 206, str(total), 18, "middle"))
        parts.append(arrow((x, 214), (x, ROWS["sum"] - 2)))
        parts.append(box(x - SIDE / 2, ROWS["sum"], SIDE, SIDE, str(total % 2), 18, fill=ORANGE))
        carry = total // 2
        carries.append(carry)
        if t < T - 1:
            parts.append(arrow((x + 12, 200), (x + STEP - 12, 200), colour=VERMILLION, width=2.5))
            parts.append(text(x + STEP / 2, 190, f"carry {carry}", 12, "middle"))
    title = (
        f"{FIRST} + {SECOND} in {T} steps, the least significant bit first. Each place adds its two bits and the carry "
        "that comes from the left, writes the bit of the sum below, and hands a carry on: "
        f"{', '.join(map(str, carries))}."
    )
    return sheet(600, 316, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
