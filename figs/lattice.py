"""Draw figs/lattice.svg: the fifteen alignments of ab over four steps, as paths through one small lattice.

python figs/lattice.py
"""

from itertools import pairwise
from pathlib import Path

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import alignments, extend, predecessors
from crnn_lessons.show.palette import BLUE, FAINT, ORANGE, SKY, VERMILLION
from crnn_lessons.show.svg import arrow, circle, sheet, text

ALPHABET, WORD, T, SHOWN = Alphabet("ab"), "ab", 4, "aab-"
ROWS = [int(k) for k in extend(ALPHABET.encode(WORD))]
FILL = {"a": SKY, "b": ORANGE, "-": "white"}


def place(t: int, s: int) -> tuple[float, float]:
    return 190 + 130 * t, 66 + 56 * s


def used() -> set[tuple[int, int, int]]:
    """Every step (t, from row, to row) that lies on a path from the first two rows to the last two."""
    ahead = [{0, 1}]
    for _ in range(T - 1):
        ahead.append({s for s in range(len(ROWS)) if ahead[-1] & set(predecessors(ROWS, s))})
    alive, steps = {len(ROWS) - 1, len(ROWS) - 2}, set()
    for t in range(T - 1, 0, -1):
        found = {(t - 1, q, s) for s in alive & ahead[t] for q in set(predecessors(ROWS, s)) & ahead[t - 1]}
        steps |= found
        alive = {q for _, q, _ in found}
    return steps


def draw() -> str:
    """The whole picture as SVG text."""
    signs, steps = ALPHABET.show(ROWS), used()
    rows = [1, 1, 3, 4]  # of the path aab-
    thick = {(t, a, b) for t, (a, b) in enumerate(pairwise(rows))}
    count = len(list(alignments(T, ALPHABET.encode(WORD))))
    cells = {(t, a) for t, a, _ in steps} | {(t + 1, b) for t, _, b in steps}
    parts = [text(150, 30, "time step", 13, "end", FAINT)]
    parts += [text(place(t, 0)[0], 30, f"t = {t}", 13, "middle", FAINT) for t in range(T)]
    for s, sign in enumerate(signs):
        name = "the blank" if sign == "-" else f"the letter {sign}"
        parts.append(text(150, place(0, s)[1] + 5, f"row {s}: {name}", 13, "end", FAINT))
    for t, a, b in sorted(steps):
        style = {"colour": VERMILLION, "width": 4} if (t, a, b) in thick else {"colour": FAINT}
        parts.append(arrow(place(t, a), place(t + 1, b), short=19, **style))
    for t, s in sorted(cells):
        on = rows[t] == s
        parts.append(circle(*place(t, s), 18, signs[s], 16, fill=FILL[signs[s]], stroke_width=3 if on else 1.2,
                            stroke=VERMILLION if on else BLUE))  # fmt: skip
    said = f"Every path from left to right spells {WORD}: {count} paths, {len(steps)} arrows. Thick: {SHOWN}."
    parts.append(text(380, 352, said, 14, "middle"))
    title = (
        f"The lattice of the word {WORD} over {T} time steps: five rows, the blank, a, the blank, b, the blank. Arrows "
        f"stay in a row, go one row down, or skip from a to b. {count} paths lead from left to right; one, {SHOWN}, "
        "is drawn thick."
    )
    return sheet(640, 370, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
