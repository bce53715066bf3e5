"""Draw figs/prefixes.svg: the prefixes of a text over three frames, each with the two parts of its probability.

python figs/prefixes.py
"""

from pathlib import Path

from crnn_lessons.show.palette import FAINT, GREY, ORANGE, SKY, VERMILLION
from crnn_lessons.show.svg import arrow, box, sheet, text

ROW, T = (0.6, 0.4), 3  # the blank and the letter a, in each frame
WIDE, HIGH, BAR = 116, 58, 92


def grow(beam: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """One frame: a prefix keeps what ends in the blank or holds its letter, and hands the rest to the next prefix."""
    grown, before = {}, None
    for prefix in ("", *("a" * n for n in range(1, len(beam) + 1))):
        by_blank, by_label = beam.get(prefix, (0.0, 0.0))
        new = 0.0 if before is None else (sum(beam[before]) if before == "" else beam[before][0])
        grown[prefix] = ((by_blank + by_label) * ROW[0], (by_label + new) * ROW[1])
        before = prefix
    return {prefix: ends for prefix, ends in grown.items() if sum(ends)}


def beams() -> list[dict[str, tuple[float, float]]]:
    found = [{"": (1.0, 0.0)}]
    for _ in range(T):
        found.append(grow(found[-1]))
    return found


def corner(t: int, depth: int) -> tuple[float, float]:
    return 24 + 170 * t, 72 + 88 * depth


def prefix_box(t: int, prefix: str, ends: tuple[float, float], best: bool) -> str:
    x, y = corner(t, len(prefix))
    by_blank, by_label = ends
    style = {"stroke": VERMILLION, "stroke_width": 3} if best else {"stroke": FAINT, "stroke_width": 1.2}
    bars = [box(x + 12, y + 32, BAR * by_blank, 14, fill="white", stroke=GREY, rx=0, stroke_dasharray="3 2")]
    if by_label:
        bars.append(box(x + 12 + BAR * by_blank, y + 32, BAR * by_label, 14, fill=ORANGE, stroke="none", rx=0))
    name = prefix or "empty"
    said = text(x + 12, y + 22, name, 14) + text(x + WIDE - 10, y + 22, f"{sum(ends):.3g}", 13, "end")
    return box(x, y, WIDE, HIGH, fill="white", **style) + said + "".join(bars)


def draw() -> str:
    """The whole picture as SVG text."""
    steps = beams()
    parts = [text(24, 28, f"In every frame: the blank {ROW[0]}, the letter a {ROW[1]}. Framed: the best prefix.", 14)]
    for t, beam in enumerate(steps):
        x = corner(t, 0)[0] + WIDE / 2
        parts.append(text(x, 58, "at the start" if t == 0 else f"after frame {t - 1}", 13, "middle", FAINT))
        for prefix in beam:
            if t == T:
                continue
            (x, y), (to_x, to_y) = corner(t, len(prefix)), corner(t + 1, len(prefix))
            parts.append(arrow((x + WIDE, y + HIGH / 2), (to_x - 2, to_y + HIGH / 2), colour=FAINT))
            if prefix + "a" in steps[t + 1]:
                parts.append(
                    arrow((x + WIDE, y + HIGH / 2 + 12), (to_x - 2, to_y + 88 + HIGH / 2), colour=SKY, width=2.5)
                )
    for t, beam in enumerate(steps):
        best = max(beam, key=lambda prefix, beam=beam: sum(beam[prefix]))
        parts += [prefix_box(t, prefix, ends, prefix == best) for prefix, ends in beam.items()]
    key = 342
    parts += [
        box(24, key - 11, 22, 14, fill="white", stroke=GREY, rx=0, stroke_dasharray="3 2"),
        text(52, key, "paths that end in the blank", 13),
        box(238, key - 11, 22, 14, fill=ORANGE, stroke="none", rx=0),
        text(266, key, "paths that end in the letter", 13),
        arrow((452, key - 4), (484, key - 4), colour=SKY, width=2.5),
        text(492, key, "one more letter", 13),
    ]
    last = {prefix or "the empty text": sum(ends) for prefix, ends in steps[-1].items()}
    title = (
        f"Prefixes over {T} frames in which the blank has the probability {ROW[0]} and the letter a has {ROW[1]}. Each "
        "prefix has two numbers: paths that end in the blank, and paths that end in its last letter. At the end "
        + ", ".join(f"{name} has {p:.3g}" for name, p in last.items())
        + "."
    )
    return sheet(660, 360, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
