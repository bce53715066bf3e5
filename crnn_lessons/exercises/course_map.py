"""The progress map: the course as one picture, a row a lesson and a square an exercise."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby

from crnn_lessons.exercises.catalogue import load
from crnn_lessons.show.palette import FAINT, GREEN, VERMILLION
from crnn_lessons.show.svg import box, circle, line, text

ROW, SQUARE, LEFT = 26, 18, 230
STATES = ("done", "not yet", "not started")


def course_map(rows: Sequence[tuple[str, str, str]]) -> str:
    """An SVG that takes its letters' colour from the page around it, for light and dark pages.

    Args:
        rows: key, title and state of each exercise, in order; states are those of a ``Summary``.
    """
    parts, counts = [], []
    lessons = [(number, list(inside)) for number, inside in groupby(rows, lambda row: row[0][:2])]
    for place, (number, inside) in enumerate(lessons):
        y = 4 + place * ROW
        done = sum(state.startswith("done") for _, _, state in inside)
        name = f"{number} {load(number).__doc__.split(', ')[1].rstrip('.')}"
        parts.append(text(4, y + 14, name, fill="currentColor"))
        for i, (key, title, state) in enumerate(inside):
            said = html.escape(f"{key} {title}: {state}")
            parts.append(f"<g><title>{said}</title>{_square(LEFT + i * (SQUARE + 6), y, state)}</g>")
        counts.append((y + 14, f"{done} of {len(inside)}"))
    right = LEFT + max(len(inside) for _, inside in lessons) * (SQUARE + 6) + 50
    parts += [text(right, y, words, anchor="end", fill="currentColor") for y, words in counts]
    y = 14 + len(lessons) * ROW
    for i, state in enumerate(STATES):
        parts.append(_square(LEFT + 105 * i, y, state) + text(LEFT + 24 + 105 * i, y + 14, state, fill="currentColor"))
    wide, tall = max(right, LEFT + 320) + 4, y + ROW
    counted = [sum(state.startswith(kind) for _, _, state in rows) for kind in STATES]
    label = f"Progress map: of {len(rows)} exercises {counted[0]} done, {counted[1]} not yet, {counted[2]} not started."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" width="{wide}" role="img" '
        f'aria-label="{label}" style="max-width: 100%; height: auto">{"".join(parts)}</svg>'
    )


def _square(x: float, y: float, state: str) -> str:
    """Done: filled, with a tick. Not yet: a dot. Not started: empty. So they differ without colour, too."""
    if state.startswith("done"):
        tick = line((x + 4, y + 9.5), (x + 7.5, y + 13), (x + 14, y + 5.5), stroke="white", stroke_width=2)
        return box(x, y, SQUARE, SQUARE, fill=GREEN, stroke=GREEN) + tick
    if state.startswith("not yet"):
        dot = circle(x + 9, y + 9, 4, fill=VERMILLION, stroke=VERMILLION)
        return box(x, y, SQUARE, SQUARE, fill="none", stroke=VERMILLION, stroke_width=2) + dot
    return box(x, y, SQUARE, SQUARE, fill="none", stroke=FAINT)
