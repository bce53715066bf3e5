"""Draw figs/reading.svg: a word, its frames, its path, and the two halves of B.

python figs/reading.py
"""

from itertools import groupby
from pathlib import Path

from crnn_lessons.show import svg
from crnn_lessons.show.drawings import frame_labels, glyph_spans
from crnn_lessons.show.palette import BLUE, GREY, VERMILLION

WORD, T = "hello", 20
LEFT, WIDTH = 150, 640
FRAME = WIDTH / T


def signs_row(signs: str, centres: list[float], y: float, widths: list[float]) -> list[str]:
    """Boxes with one sign each; blanks are dashed and grey, so that they differ without colour."""
    out = []
    for sign, x, w in zip(signs, centres, widths, strict=True):
        blank = sign == "-"
        stroke = f'stroke="{GREY}" stroke-dasharray="3 2"' if blank else f'stroke="{BLUE}"'
        box = f'x="{x - w / 2 + 1.5:.1f}" y="{y:.1f}" width="{w - 3:.1f}" height="28" rx="4"'
        out.append(f'<rect {box} fill="white" {stroke}/>')
        fill = "#555" if blank else "#000"
        out.append(f'<text x="{x:.1f}" y="{y + 19:.1f}" text-anchor="middle" fill="{fill}">{sign}</text>')
    return out


def draw() -> str:
    """The whole picture as SVG text."""
    word, spans = glyph_spans(WORD)
    path = "".join("-" if i is None else WORD[i] for i in frame_labels(spans, T))
    centres = [LEFT + (t + 0.5) * FRAME for t in range(T)]
    runs, t = [], 0
    for sign, run in groupby(path):
        n = len(list(run))
        runs.append((sign, LEFT + (t + n / 2) * FRAME, n * FRAME))
        t += n
    letters = [run for run in runs if run[0] != "-"]
    body = [
        svg.outline(word, LEFT, 250, WIDTH, fill="#222"),
        *(
            f'<line x1="{LEFT + t * FRAME:.1f}" y1="22" x2="{LEFT + t * FRAME:.1f}" y2="262" stroke="{VERMILLION}" '
            'stroke-width="0.8"/>'
            for t in range(T + 1)
        ),
        *signs_row(path, centres, 280, [FRAME] * T),
        *signs_row("".join(r[0] for r in runs), [r[1] for r in runs], 330, [r[2] for r in runs]),
        *signs_row("".join(r[0] for r in letters), [r[1] for r in letters], 380, [FRAME] * len(letters)),
    ]
    for y, text in [(140, f"{T} frames"), (299, "a path"), (349, "merge runs"), (399, "drop blanks")]:
        body.append(f'<text x="{LEFT - 16}" y="{y}" text-anchor="end" fill="#333">{text}</text>')
    title = (
        f"The word {WORD} cut into {T} frames. The sign under each frame gives the path {path}. "
        f"Merging runs gives {''.join(r[0] for r in runs)}; dropping the blanks gives {WORD}."
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 425" width="820" height="425" role="img" '
        'font-family="DejaVu Sans, Verdana, sans-serif" font-size="15">\n'
        f"<title>{title}</title>\n"
        '<rect width="820" height="425" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
