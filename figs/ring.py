"""Draw figs/ring.svg: an all-reduce around a ring of four workers, chunk by chunk, as the ring itself did it.

python figs/ring.py
"""

from pathlib import Path

from crnn_lessons.show.palette import BLUE, FAINT, ORANGE
from crnn_lessons.show.svg import arrow, box, line, sheet, text

P, SIDE, TOP, LEFT, GAP = 4, 19, 92, 66, 24
SHADES = ("#ffffff", "#d6ebf8", "#a3d1ee", "#64b3e3", ORANGE)  # by the number of summands; the last is complete


def states() -> tuple[list[list[list[int]]], list[list[int]]]:
    """How many summands each worker's chunk holds after each step; and which chunk each worker sends at it."""
    held = [[1] * P for _ in range(P)]
    found, sent = [held], []
    for step in range(2 * (P - 1)):
        gathers = step >= P - 1
        sends = [(rank - (step - P + 1)) % P if gathers else (rank - 1 - step) % P for rank in range(P)]
        after = [list(row) for row in held]
        for rank in range(P):
            k = sends[rank - 1]
            after[rank][k] = held[rank - 1][k] if gathers else held[rank][k] + held[rank - 1][k]
        held = after
        found.append(held)
        sent.append(sends)
    return found, sent


def grid(x: float, held: list[list[int]], sends: list[int] | None) -> list[str]:
    """A row for each worker, a cell for each chunk; what is sent next has a thick border."""
    parts = []
    for rank in range(P):
        for k in range(P):
            y, count = TOP + rank * (SIDE + 10), held[rank][k]
            parts.append(box(x + SIDE * k, y, SIDE, SIDE, str(count), 11, fill=SHADES[count], rx=0, stroke=FAINT))
    for rank, k in enumerate(sends or ()):  # drawn last, so that no neighbour covers the border
        y = TOP + rank * (SIDE + 10)
        parts.append(box(x + SIDE * k, y, SIDE, SIDE, stroke=BLUE, stroke_width=2.5, fill="none", rx=0))
        middle = x + SIDE * (k + 0.5)
        to = y + SIDE + 9 if rank < P - 1 else y + SIDE + 12
        parts.append(arrow((middle, y + SIDE), (middle, to), colour=BLUE))
    return parts


def draw() -> str:
    """The whole picture as SVG text."""
    found, sent = states()
    wide, parts = P * SIDE + GAP, []
    for rank in range(P):
        parts.append(text(LEFT - 8, TOP + rank * (SIDE + 10) + 14, f"worker {rank}", 11, "end", FAINT))
    for i, held in enumerate(found):
        x = LEFT + i * wide
        parts += grid(x, held, sent[i] if i < len(sent) else None)
        parts.append(text(x + P * SIDE / 2, TOP - 12, "at first" if i == 0 else f"step {i}", 12, "middle", FAINT))
    middle, last = LEFT + P * wide - GAP / 2, LEFT + len(found) * wide - GAP
    for left, right, words in (
        (LEFT, middle - 8, "reduce-scatter: each chunk collects"),
        (middle + 8, last, "all-gather: the sums go round"),
    ):
        parts.append(text(left, 34, words, 14, font_weight="bold"))
        parts.append(line((left, 46), (right, 46), stroke=FAINT))
    below = TOP + P * (SIDE + 10) + 26
    for i, words in enumerate(
        (
            "Each cell is one chunk of a worker's vector; its number says from how many workers it holds summands.",
            "At every step each worker sends the framed chunk to the next one, and the last worker to the first.",
        )
    ):
        parts.append(text(LEFT, below + 20 * i, words, 12))
    title = (
        f"Four workers in a ring, each with a vector of four chunks, over {2 * (P - 1)} steps. In the first {P - 1}, "
        "the reduce-scatter, each worker sends one chunk to the next, which adds its own, until each worker holds one "
        f"chunk with the summands of all four. In the last {P - 1}, the all-gather, the complete chunks go round, "
        "until each worker holds all of them."
    )
    return sheet(last + 20, below + 40, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
