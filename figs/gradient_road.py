"""Draw figs/gradient_road.svg: what is left of a gradient on its way back, in a simple network and in an LSTM.

python figs/gradient_road.py
"""

import math
from itertools import accumulate
from operator import mul
from pathlib import Path

from crnn_lessons.show.figures import BLUE, VERMILLION
from crnn_lessons.show.palette import FAINT
from crnn_lessons.show.svg import arrow, box, sheet, text

W_IH, W_HH, INPUTS = 1.0, 0.5, (1, 0, 0, -1, 0)
"""The network of figs/unrolled.svg."""
FORGET = 0.98
LEFT, STEP, WIDE, HIGH = 30, 112, 52, 40


def factors() -> list[float]:
    """By how much each step of the simple network multiplies on the way back, the last step first: w (1 - h^2)."""
    h, found = 0.0, []
    for x in INPUTS:
        h = math.tanh(W_IH * x + W_HH * h)
        found.append(W_HH * (1 - h**2))
    return found[:0:-1]


def road(top: float, title: str, letter: str, steps: list[float], colour: str) -> list[str]:
    """One row of states, arrows back from the loss as thick as what is left, and the shares below."""
    T, y = len(steps) + 1, top + 72
    left = list(accumulate(steps, mul, initial=1.0))  # at step T - 1, T - 2, ...
    parts = [text(LEFT, top + 18, title, 14, font_weight="bold")]
    loss_x = LEFT + STEP * T
    parts.append(box(loss_x, y - 18, 44, 36, "loss", 14, fill="#eee"))
    for back, share in enumerate(left):
        x = LEFT + STEP * (T - 1 - back)
        ends = (x + STEP - 2, y), (x + WIDE + 2, y)
        parts.append(arrow(*ends, colour=colour, width=max(1.2, 11 * share)))
        if back:
            parts.append(text(x + WIDE + (STEP - WIDE) / 2, y - 26, f"× {steps[back - 1]:.2f}", 14, "middle"))
        parts.append(box(x, y - HIGH / 2, WIDE, HIGH, f"{letter}{'₀₁₂₃₄'[T - 1 - back]}", 18))
        parts.append(text(x + WIDE / 2, y + 42, f"{share:.0%}", 14, "middle"))
    return parts


def draw() -> str:
    """The whole picture as SVG text."""
    simple, memory = factors(), [FORGET] * (len(INPUTS) - 1)
    parts = road(10, "A simple network: each step back multiplies by w (1 − h²)", "h", simple, VERMILLION)
    parts += road(158, "The memory of an LSTM: each step back multiplies by the forget gate", "c", memory, BLUE)
    said = "Below each step: what is left of the gradient that the loss sends."
    parts.append(text(LEFT, 304, said, 13, fill=FAINT))
    ends = math.prod(simple), math.prod(memory)
    title = (
        f"The way of a gradient back over {len(simple)} steps. In a simple network it is multiplied by "
        f"{', '.join(f'{factor:.2f}' for factor in simple)}, and {ends[0]:.0%} of it is left. Along the memory of an "
        f"LSTM it is multiplied by {FORGET} four times, and {ends[1]:.0%} is left."
    )
    return sheet(660, 322, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
