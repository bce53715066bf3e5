"""Where words stand in a picture: outlines, put together to lines and words by how near they are to each other.

Nothing here is learned. It finds words on plain grounds, as on screenshots, scans and signs. On a photograph with
texture all over it finds pieces that no word is made of; there the reader takes the picture as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.sparse.csgraph import connected_components

from crnn_lessons.reader.spaces import INK, LOWEST, Box, columns_of_ink, contrast_of, rim_of, split, stretches

MOST_OUTLINES = 4000  # what has more is texture; a full page of print has about 3,000


def content(grey: np.ndarray) -> Box:
    """The box of all that differs from the colour at the picture's rim."""
    contrast = contrast_of(grey)
    ink = contrast > INK * float(contrast.max())
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def plain(grey: np.ndarray) -> bool:
    """Whether the rim of a picture has one colour, as on a screenshot, and not the grain of a photograph."""
    rim = rim_of(grey).astype(np.int16)
    return bool((abs(rim - np.median(rim)) <= 2).mean() > 0.9)


def several(grey: np.ndarray, box: Box) -> bool:
    """Whether the ink in a box may be more than one word: a cheap look, for the many pictures that hold one."""
    band = grey[box[1] : box[3], box[0] : box[2]]
    contrast, height = contrast_of(band), 0.7 * len(band)
    ink = contrast > INK * float(contrast.max())
    lines, letters = stretches(ink.any(axis=1)), stretches(ink.any(axis=0))
    if (np.diff(lines) > 0.2 * len(band)).sum() > 1:
        return True
    return bool((letters[1:, 0] - letters[:-1, 1] > 0.25 * height).any()) and len(columns_of_ink(band, height)[1]) > 0


def find_words(grey: np.ndarray) -> list[list[Box]]:
    """The words of a picture, line by line from the top, each line from left to right.

    Args:
        grey: uint8 `H W`, ink darker or lighter than its ground, upright.

    Returns:
        Boxes that hold the ink; none where nothing looks like a word.
    """
    boxes = _outlines(grey)
    letters = boxes[:, 3] - boxes[:, 1] > LOWEST
    if not 0 < letters.sum() <= MOST_OUTLINES:
        return []
    lines = _lines(boxes[letters])
    small = np.concatenate([boxes[~letters], *(line for line in lines if len(line) == 1)])  # dots and accents, maybe
    rows, lone = [], {}
    for line in lines:
        height = float(np.median(line[:, 3] - line[:, 1])) - 2  # an outline reaches one pixel beyond its ink
        rows.append(split(grey, _with_marks(line, small, height), boxes, height))
        lone |= dict.fromkeys(rows[-1], len(line) == 1)
    rows = [[box for box in row if not any(_gives_way(box, other, lone) for other in lone)] for row in rows]
    return sorted((row for row in rows if row), key=lambda row: min(top for _, top, _, _ in row))


def column(grey: np.ndarray, rows: Sequence[Sequence[Box]]) -> np.ndarray | None:
    """The letters of a word written from top to bottom, put side by side; None where the boxes are no such word."""
    boxes = np.array([box for row in rows for box in row])
    if len(boxes) < 3 or len(rows) < len(boxes):
        return None
    left, top, right, bottom = boxes.T
    if (right - left > 1.5 * np.median(bottom - top)).any() or left.max() >= right.min():
        return None
    # subtle: what a letter stands above or below its place in the column, it stands above or below in the line
    pitch, first = np.polyfit(np.arange(len(boxes)), (top + bottom) / 2, 1)
    high = top - (first + pitch * np.arange(len(boxes)))
    high = (high - high.min()).astype(int)
    gap = max(2, int((bottom - top).max()) // 8)
    paper = np.median(rim_of(grey))
    picture = np.full(((high + bottom - top).max() + 2 * gap, (right - left + gap).sum() + gap), paper, np.uint8)
    for (x, y, to_x, to_y), up, at in zip(boxes, high + gap, gap + np.cumsum(right - left + gap), strict=True):
        picture[up : up + to_y - y, at - gap - to_x + x : at - gap] = grey[y:to_y, x:to_x]
    return picture


def _outlines(grey: np.ndarray) -> np.ndarray:
    """The boxes `n 4` of connected edges: letters, parts of them, and all else with an outline; no rules, no frames."""
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    some = np.sort(edges.ravel()[:: 1 + grey.size // 250_000])
    strong, noise = float(some[int(0.995 * (len(some) - 1))]), float(some[len(some) // 2])
    limit = max(12.0, 0.3 * max(strong, float(edges.max()) / 2), 2 * noise)
    _, which, found, _ = cv2.connectedComponentsWithStats((edges > limit).astype(np.uint8), connectivity=8)
    left, top, width, height, area = found.T
    rule = (height <= 6) & (width > 6 * height) | (width <= 5) & (height > 14 * width) | (height > 40 * width)
    number = np.flatnonzero((area >= 5) & ~rule & (np.arange(len(area)) > 0))
    boxes = np.stack([left, top, left + width, top + height], axis=1)[number]
    if not 0 < len(boxes) <= 2 * MOST_OUTLINES:
        return boxes
    large = np.flatnonzero(width[number] > np.median(width[number]))
    return np.delete(boxes, [i for i in large if _is_frame(boxes[i], boxes, which, number[i])], axis=0)


def _is_frame(box: np.ndarray, boxes: np.ndarray, which: np.ndarray, number: int) -> bool:
    """Whether an outline surrounds text: it is hollow, and holds what stands side by side, or is wide and centred."""
    size = box[2:] - box[:2]
    inside = boxes[(boxes[:, :2] > box[:2]).all(axis=1) & (boxes[:, 2:] < box[2:]).all(axis=1)]
    inside = inside[(inside[:, 3] - inside[:, 1] > 3) & (inside[:, 3] - inside[:, 1] < 0.8 * size[1])]
    if not len(inside):
        return False
    # subtle: letters hold outlines too, a B two above one another, a bold e one that is wide and high up
    width, height = inside[:, 2] - inside[:, 0], inside[:, 3] - inside[:, 1]
    centred = abs(inside[:, 1] + inside[:, 3] - box[1] - box[3]) < 0.24 * size[1]
    wide = (width > np.maximum(1.8 * height, 0.4 * size[0])) & centred
    if len(inside) < 3 and np.ptp(inside[:, 0]) <= 0.35 * size[0] and not wide.any():
        return False
    (x, y), (w, h) = box[:2] + size // 4, size // 2
    return bool((which[y : y + h, x : x + w] == number).mean() < 0.18)


def _lines(boxes: np.ndarray) -> list[np.ndarray]:
    """Boxes that stand side by side, of much the same height."""
    left, top, right, bottom = boxes.T
    height = bottom - top
    low, high = np.minimum.outer(height, height), np.maximum.outer(height, height)
    shared = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    count, line = connected_components((shared > 0.4 * low) & (high < 3.5 * low) & (gap < 1.2 * high), directed=False)
    found = []
    for part in (boxes[line == k] for k in range(count)):
        typical = np.median(part[:, 3] - part[:, 1])
        bridges = part[:, 3] - part[:, 1] > 1.6 * typical
        if np.ptp(part[:, 1::2]) > 2.4 * typical and bridges.any():  # two lines, held together by letters that touch
            found += _lines(part[~bridges])
        else:
            found.append(part)
    return found


def _with_marks(line: np.ndarray, small: np.ndarray, height: float) -> np.ndarray:
    """A line with its dots, accents and signs, which are too low to be letters."""
    small = small[small[:, 3] - small[:, 1] < 0.6 * height]
    middle = (small[:, :2] + small[:, 2:]) / 2
    low, high = line.min(axis=0)[:2] - np.array([0, 0.45 * height]), line.max(axis=0)[2:] + 0.3 * height
    return np.concatenate([line, small[((middle > low) & (middle < high)).all(axis=1)]])


def _gives_way(box: Box, other: Box, lone: dict[Box, bool]) -> bool:
    """Whether a box is none because of another: it lies within, as the hole of an O, or is a drawing round a word."""
    if _holds(other, box):
        return lone[box] or not lone[other]
    return _holds(box, other) and lone[box] and not lone[other] and 5 * (other[3] - other[1]) < box[3] - box[1]


def _holds(a: Box, b: Box) -> bool:
    return a != b and a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a[3] >= b[3]
