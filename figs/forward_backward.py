"""Draw figs/forward_backward.svg: alpha in the cells of the lattice of ab; all beginnings and endings of one cell.

python figs/forward_backward.py
"""

from pathlib import Path

import numpy as np

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import extend, forward_backward, predecessors
from crnn_lessons.show.figures import BLUE, ORANGE, SKY, VERMILLION
from crnn_lessons.show.palette import FAINT, INK
from crnn_lessons.show.svg import arrow, circle, sheet, text

ALPHABET, WORD, CELL = Alphabet("ab"), "ab", (2, 3)
PROBS = np.array([[0.5, 0.4, 0.1], [0.3, 0.6, 0.1], [0.5, 0.2, 0.3], [0.2, 0.1, 0.7]])  # T C, as in lesson 06
ROWS = extend(ALPHABET.encode(WORD))
FILL = {"a": SKY, "b": ORANGE, "-": "white"}
Arrow = tuple[int, int, int]


def place(t: int, s: int) -> tuple[float, float]:
    return 190 + 130 * t, 66 + 56 * s


def through(arrows: set[Arrow], forward: bool) -> set[Arrow]:
    """The arrows that lie on a way into the cell, or on a way on from it."""
    t, s = CELL
    found, here = set(), {s}
    while here:
        if forward:
            step = {(u, a, b) for u, a, b in arrows if u == t and a in here}
        else:
            step = {(u, a, b) for u, a, b in arrows if u == t - 1 and b in here}
        found |= step
        here, t = ({b for _, _, b in step}, t + 1) if forward else ({a for _, a, _ in step}, t - 1)
    return found


def draw() -> str:
    """The whole picture as SVG text."""
    lattice = forward_backward(np.log(PROBS), ALPHABET.encode(WORD))
    alpha, beta, signs, T = np.exp(lattice.alpha), np.exp(lattice.beta), ALPHABET.show(ROWS), len(PROBS)
    steps = [(t, a, b) for t in range(T - 1) for b in range(len(ROWS)) for a in predecessors(ROWS, b)]
    arrows = {(t, a, b) for t, a, b in steps if alpha[t, a] * beta[t + 1, b] > 0}
    begin, end = through(arrows, forward=False), through(arrows, forward=True)
    parts = [text(140, 30, "time step", 13, "end", FAINT)]
    parts += [text(place(t, 0)[0], 30, f"t = {t}", 13, "middle", FAINT) for t in range(T)]
    for s, sign in enumerate(signs):
        name = "the blank" if sign == "-" else f"the letter {sign}"
        parts.append(text(140, place(0, s)[1] + 5, f"row {s}: {name}", 13, "end", FAINT))
    for t, a, b in sorted(arrows):
        style = {"colour": FAINT, "width": 1}
        if (t, a, b) in begin:
            style = {"colour": BLUE, "width": 3}
        elif (t, a, b) in end:
            style = {"colour": VERMILLION, "width": 3, "stroke_dasharray": "7 4"}
        parts.append(arrow(place(t, a), place(t + 1, b), short=25, **style))
    for t, s in np.argwhere(alpha * beta > 0).tolist():
        thick = 4 if (t, s) == CELL else 1.2
        parts.append(circle(*place(t, s), 24, f"{alpha[t, s]:.3f}", 12, fill=FILL[signs[s]], stroke_width=thick))
    (t, s), p = CELL, np.exp(lattice.log_likelihood)
    into = " + ".join(f"{alpha[t - 1, q]:.2f}" for q in predecessors(ROWS, s))
    said = [
        (BLUE, f"solid: all beginnings of this cell, α = ({into}) · {PROBS[t, ROWS[s]]:g} = {alpha[t, s]:.3f}"),
        (VERMILLION, f"dashed: all endings, β = {PROBS[t + 1, ROWS[s]]:g} + {PROBS[t + 1, 0]:g} = {beta[t, s]:.1f}"),
        (INK, f"αβ = {alpha[t, s] * beta[t, s]:.3f}: all alignments through this cell, {lattice.posterior[t, s]:.0%} "
              f"of p({WORD} | X) = {p:.4f}"),
    ]  # fmt: skip
    parts += [text(40, 352 + 22 * i, words, 14, fill=colour) for i, (colour, words) in enumerate(said)]
    title = (
        f"The lattice of {WORD} over {T} time steps with alpha in its cells. Into the cell of row {s} at step {t} lead "
        f"solid arrows, all beginnings: alpha = ({into}) times {PROBS[t, ROWS[s]]:g} = {alpha[t, s]:.3f}. Dashed "
        f"arrows lead on from it, all endings: beta = {beta[t, s]:.1f}. The product is {alpha[t, s] * beta[t, s]:.3f} "
        f"of the {p:.4f} that all alignments have together."
    )
    return sheet(640, 412, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
