"""Draw figs/memory.svg: what one step of alpha moves in memory, with the samples one after the other or side by side.

python figs/memory.py
"""

from pathlib import Path

from crnn_lessons.show.figures import BLUE, ORANGE, SKY
from crnn_lessons.show.palette import FAINT
from crnn_lessons.show.svg import box, sheet, text

N, L = 3, 5
LEFT, WIDTH = 30, 38.5
FILL = (SKY, "#ffffff", ORANGE)
SAMPLES_FIRST = [(n, s) for n in range(N) for s in range(L)]
ROWS_FIRST = [(n, s) for s in range(L) for n in range(N)]


def pieces(cells: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """What ``total[s] += before[s - 1]`` moves, in whole pieces: the first place, how many places, and where to."""
    moves = [(i, cells.index((n, s + 1))) for i, (n, s) in enumerate(cells) if s + 1 < L]
    found = []
    for i, to in moves:
        if found and found[-1][0] + found[-1][1] == i and found[-1][2] + found[-1][1] == to:
            found[-1][1] += 1
        else:
            found.append([i, 1, to])
    return [tuple(piece) for piece in found]


def panel(y: float, cells: list[tuple[int, int]], head: str) -> list[str]:
    """Memory before and after one step, and the pieces that move between."""
    parts = [text(LEFT, y, head, 14, font_weight="bold")]
    for line, name in ((y + 12, "before"), (y + 96, "total")):
        for i, (n, s) in enumerate(cells):
            parts.append(box(LEFT + i * WIDTH, line, WIDTH, 28, f"{n},{s}", 12, fill=FILL[n], stroke=FAINT, rx=0))
        parts.append(text(LEFT + len(cells) * WIDTH + 6, line + 19, name, 12, fill=FAINT))
    for first, many, to in pieces(cells):
        a, b = LEFT + first * WIDTH + 1, LEFT + (first + many) * WIDTH - 1
        shift = (to - first) * WIDTH
        corners = [(a, y + 41), (b, y + 41), (b + shift, y + 95), (a + shift, y + 95)]
        drawn = " ".join(f"{x:.1f},{z:.1f}" for x, z in corners)
        parts.append(f'<polygon points="{drawn}" fill="{BLUE}" fill-opacity="0.18" stroke="{BLUE}"/>')
        parts.append(text((a + b + shift) / 2, y + 73, f"{many} numbers", 13, "middle", BLUE))
    return parts


def draw() -> str:
    """The whole picture as SVG text."""
    short, long = pieces(SAMPLES_FIRST), pieces(ROWS_FIRST)
    heads = (
        f"alpha[t] is N × L, one sample after the other: {len(short)} short pieces move",
        "alpha[t] is L × N, one row after the other: one long piece moves",
    )
    parts = panel(34, SAMPLES_FIRST, heads[0]) + panel(196, ROWS_FIRST, heads[1])
    said = "A box is one number of alpha: n,s is sample n, row s. Each row takes in the row before it."
    parts.append(text(LEFT, 352, said, 13, fill=FAINT))
    title = (
        f"A column of alpha for {N} samples of {L} rows, as it lies in memory, and what the step from row s - 1 to row "
        f"s moves. With one sample after the other, {len(short)} pieces of {short[0][1]} numbers move by one place. "
        f"With one row after the other, one piece of {long[0][1]} numbers moves by {N} places."
    )
    return sheet(680, 368, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
