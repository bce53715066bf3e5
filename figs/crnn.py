"""Draw figs/crnn.svg: from a picture of a word to its text, stage by stage, and the lesson of each stage.

python figs/crnn.py
"""

from itertools import groupby
from pathlib import Path

from crnn_lessons.show.drawings import frame_labels, glyph_spans
from crnn_lessons.show.palette import BLUE, GREY, ORANGE, VERMILLION
from crnn_lessons.show.svg import arrow, box, circle, line, outline, sheet, text

WORD, T = "network", 20
LEFT, WIDTH, RIGHT = 190, 560, 770
FRAME = WIDTH / T
CENTRES = [LEFT + (t + 0.5) * FRAME for t in range(T)]
PALE = "#dcebf5"
REACH = 0.13 * WIDTH  # half of the 26 columns of 100 that a frame sees


def picture(word: object) -> list[str]:
    """The word on its paper."""
    return [box(LEFT, 20, WIDTH, 130, fill="#f6f6f6", stroke=GREY), outline(word, LEFT, 134, WIDTH)]


def maps() -> list[str]:
    """Feature maps behind one another; one column of the front one, and what of the picture it sees."""
    behind = [box(LEFT + 4 * i, 192 - 4 * i, WIDTH, 44, fill=PALE, stroke=BLUE) for i in (3, 2, 1, 0)]
    borders = [LEFT + t * FRAME for t in range(1, T)]
    columns = [line((x, 192), (x, 236), stroke=BLUE, stroke_width=0.6) for x in borders]
    one = CENTRES[6]
    seen = [line((one + side * FRAME / 2, 192), (one + side * REACH, 150), stroke=VERMILLION) for side in (-1, 1)]
    area = box(one - REACH, 20, 2 * REACH, 130, fill="none", stroke=VERMILLION, stroke_dasharray="5 4")
    return [*behind, *columns, box(one - FRAME / 2, 192, FRAME, 44, fill=ORANGE, stroke=VERMILLION), *seen, area]


def recurrent() -> list[str]:
    """One step for each column, and the two directions of the LSTM."""
    out = []
    for x, after in zip(CENTRES, [*CENTRES[1:], None], strict=True):
        out += [arrow((x, 238), (x, 262), colour=GREY, width=1), box(x - 9, 262, 18, 34, fill=PALE, stroke=BLUE)]
        out += [arrow((x, 298), (x, 318), colour=GREY, width=1)]
        if after is not None:
            out += [arrow((x, 328), (after, 328), short=9, width=1), arrow((after, 356), (x, 356), short=9, width=1)]
        out += [circle(x, 328, 8, fill="white"), circle(x, 356, 8, fill="white")]
        out += [arrow((x, 366), (x, 388), colour=GREY, width=1)]
    return out


def signs(row: list[tuple[str, float, float]], y: float) -> list[str]:
    """Boxes (sign, centre, width); blanks are dashed and grey, so that they differ without colour."""
    blank = {"stroke": GREY, "stroke_dasharray": "3 2"}
    return [box(x - w / 2 + 1.5, y, w - 3, 28, s, **(blank if s == "-" else {"stroke": BLUE})) for s, x, w in row]


def draw() -> str:
    """The whole picture as SVG text."""
    word, spans = glyph_spans(WORD)
    path = "".join("-" if i is None else WORD[i] for i in frame_labels(spans, T))
    runs, t = [], 0
    for sign, run in groupby(path):
        n = len(list(run))
        runs.append((sign, LEFT + (t + n / 2) * FRAME, FRAME))
        t += n
    stages = [
        (90, "picture", "32 × 100", ""),
        (218, "convolutions", "64 maps, 2 rows high", "lesson 10"),
        (284, "one step a column", "128 numbers", "lesson 10"),
        (347, "BiLSTM", "both directions", "lessons 01, 02"),
        (407, "best class", "log-probabilities", "lessons 05 to 07"),
        (463, "the map B", "the text", "lesson 05"),
    ]
    labels = []
    for y, name, what, lesson in stages:
        labels += [text(LEFT - 22, y, name, 15, "end"), text(LEFT - 22, y + 17, what, 12, "end", fill="#555")]
        labels += [text(RIGHT + 8, y + 6, lesson, 13, fill="#555")]
    row = [(sign, x, FRAME) for sign, x in zip(path, CENTRES, strict=True)]
    title = (
        f"From a picture of the word {WORD} to its text. Convolutions make feature maps; each column of them sees "
        "a quarter of the picture. Each column becomes a step of an LSTM that reads in both directions. "
        f"The most probable class of each step gives the path {path}, and B makes {WORD} of it."
    )
    letters = [run for run in runs if run[0] != "-"]
    parts = [*picture(word), *maps(), *recurrent(), *signs(row, 390), *signs(letters, 446), *labels]
    return sheet(900, 495, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
