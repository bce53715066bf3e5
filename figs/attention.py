"""Draw figs/attention.svg: the way from the first step to the last in a recurrent network, and with attention.

python figs/attention.py
"""

import math
from pathlib import Path

from crnn_lessons.show.figures import GREEN, VERMILLION
from crnn_lessons.show.palette import FAINT
from crnn_lessons.show.svg import arrow, box, circle, sheet, text

T, LEFT, STEP, SIDE = 7, 30, 76, 40
WEIGHTS = (0.55, 0.05, 0.05, 0.2, 0.05, 0.05, 0.05)
"""How much the sum takes from each state, in this example; they sum to 1."""


def middle(t: int) -> float:
    return LEFT + SIDE / 2 + STEP * t


def states(y: float) -> list[str]:
    return [box(middle(t) - SIDE / 2, y - SIDE / 2, SIDE, SIDE, f"h{'₀₁₂₃₄₅₆'[t]}", 17) for t in range(T)]


def draw() -> str:
    """The whole picture as SVG text."""
    top, foot, out = 66, 250, LEFT + STEP * T + 22
    recurrent = f"Recurrent: from the first step to the answer, {T} arrows one after the other"
    attention = "Attention: one arrow from every step; the network computes the weights"
    parts = [text(LEFT, y, words, 14, font_weight="bold") for y, words in ((26, recurrent), (124, attention))]
    for t in range(T - 1):
        parts.append(arrow((middle(t) + SIDE / 2, top), (middle(t + 1) - SIDE / 2, top), colour=VERMILLION, width=3))
    parts.append(arrow((middle(T - 1) + SIDE / 2, top), (out - 22, top), colour=VERMILLION, width=3))
    parts += [*states(top), circle(out, top, 22, "y", 17)]
    sum_y = 168
    for t, weight in enumerate(WEIGHTS):
        turn = math.radians(185 - 16 * t)  # where on the circle it arrives
        end = (out + 32 * math.cos(turn), sum_y + 32 * math.sin(turn))
        parts.append(arrow((middle(t), foot - SIDE / 2), end, colour=GREEN, width=1 + 6 * weight))
        parts.append(text(middle(t), foot + 40, f"{weight:.2f}", 14, "middle"))
    for t in range(T - 1):
        parts.append(arrow((middle(t) + SIDE / 2, foot), (middle(t + 1) - SIDE / 2, foot), colour=FAINT, width=1))
    parts += [*states(foot), circle(out, sum_y, 30, "Σ", 19)]
    parts.append(text(out, foot + 40, "weights", 14, "middle", FAINT))
    title = (
        f"Two ways from the first of {T} states to the answer. In a recurrent network it leads through all the steps. "
        f"With attention the answer is a weighted sum of all states, here with the weights "
        f"{', '.join(f'{weight:g}' for weight in WEIGHTS)}, and one arrow leads from each."
    )
    return sheet(640, 306, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
