"""Where words stand in a picture: outlines, put together to lines and words by how near they are to each other.

Nothing here is learned. It finds words on plain grounds, as on screenshots, scans and signs. On a photograph with
texture all over it finds pieces that no word is made of; there the reader takes the picture as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.sparse.csgraph import connected_components

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are the first outside."""

INK = 0.35  # of the strongest contrast: what differs so much from the ground is ink
LOWEST = 6  # pixels of a letter
MOST_OUTLINES = 4000  # what has more is texture; a full page of print has about 3,000


def content(grey: np.ndarray) -> Box:
    """The box of all that differs from the colour at the picture's rim."""
    contrast = _contrast(grey)
    ink = contrast > INK * float(contrast.max())
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def plain(grey: np.ndarray) -> bool:
    """Whether the rim of a picture has one colour, as on a screenshot, and not the grain of a photograph."""
    rim = _rim(grey).astype(np.int16)
    return bool((abs(rim - np.median(rim)) <= 2).mean() > 0.9)


def several(grey: np.ndarray, box: Box) -> bool:
    """Whether the ink in a box may be more than one word: a cheap look, for the many pictures that hold one."""
    band = grey[box[1] : box[3], box[0] : box[2]]
    contrast, height = _contrast(band), 0.7 * len(band)
    ink = contrast > INK * float(contrast.max())
    lines, letters = _stretches(ink.any(axis=1)), _stretches(ink.any(axis=0))
    if (np.diff(lines) > 0.2 * len(band)).sum() > 1:
        return True
    return bool((letters[1:, 0] - letters[:-1, 1] > 0.25 * height).any()) and len(_runs(band, height)[1]) > 0


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
        rows.append(_split(grey, _with_marks(line, small, height), boxes, height))
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
    paper = np.median(_rim(grey))
    picture = np.full(((high + bottom - top).max() + 2 * gap, (right - left + gap).sum() + gap), paper, np.uint8)
    for (x, y, to_x, to_y), up, at in zip(boxes, high + gap, gap + np.cumsum(right - left + gap), strict=True):
        picture[up : up + to_y - y, at - gap - to_x + x : at - gap] = grey[y:to_y, x:to_x]
    return picture


def around(boxes: Sequence[Box]) -> Box:
    """The box that holds several."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _rim(picture: np.ndarray) -> np.ndarray:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _contrast(picture: np.ndarray) -> np.ndarray:
    """How far each pixel is from the colour at the rim, which is taken for the ground."""
    return cv2.absdiff(picture, np.full_like(picture, int(np.median(_rim(picture)))))


def _stretches(ink: np.ndarray) -> np.ndarray:
    """Where a row of flags is set: the first of each stretch and the first after it, `n 2`."""
    return np.flatnonzero(np.diff(ink, prepend=False, append=False)).reshape(-1, 2)


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


def _split(grey: np.ndarray, line: np.ndarray, boxes: np.ndarray, height: float) -> list[Box]:
    """The words of a line, cut where a gap between columns of ink is wide enough for a space."""
    left, top = np.maximum(line[:, :2].min(axis=0) - 1, 0)
    right, bottom = line[:, 2:].max(axis=0) + 1
    band = grey[top:bottom, left:right].copy()
    paper = int(np.median(_rim(band)))
    held = np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top)
    tails = (held > 0) & (held < 0.5 * (bottom - top)) & ((boxes[:, 1] < top) | (boxes[:, 3] > bottom))
    for x, y, to_x, to_y in boxes[tails & (boxes[:, 0] < right) & (boxes[:, 2] > left)]:  # of the lines near by
        band[max(0, y - top) : to_y - top, max(0, x - left) : to_x - left] = paper
    runs, cuts = _runs(band, height)
    words = []
    for part in np.split(runs + left, cuts) if len(runs) else ():
        own = line[(line[:, 2] > part[0, 0]) & (line[:, 0] < part[-1, 1])]
        if len(own) and (own[:, 3] - own[:, 1]).max() > max(0.5 * height, LOWEST):  # else a dash, a bullet
            end = min(grey.shape[1], int(np.ceil(part[-1, 1])))
            words.append((int(part[0, 0]), int(own[:, 1].min()), end, int(own[:, 3].max())))
    if 1 < len(words) <= 2 * sum(to_x - x < to_y - y for x, y, to_x, to_y in words):
        return [around(words)]  # lone letters: those of one word, set far apart
    return words


def _runs(band: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Where columns with ink begin and end, `n 2`, in pixels and parts of them; and which runs begin a new word."""
    zoom = max(1.0, 40 / height)  # small print: its spaces differ from its gaps by parts of a pixel
    ink = cv2.resize(_contrast(band).max(axis=0)[None].astype(np.float32), None, fx=zoom, fy=1)[0]
    runs = _stretches(ink > INK * ink.max()) / zoom
    width = np.diff(runs)[:, 0]
    narrow = (width < 0.5 * height).astype(float)  # round a 1 or an l is more white
    gaps = runs[1:, 0] - runs[:-1, 1] - 0.04 * height * (narrow[1:] + narrow[:-1])
    touching = int(np.maximum(width / (0.8 * height) - 1, 0).sum())  # letters in one run have no gap
    return runs, np.flatnonzero(gaps >= _space(np.concatenate([np.zeros(touching), gaps]), height)) + 1


def _space(gaps: np.ndarray, height: float) -> float:
    """The least gap that parts words: far wider than most of the smaller ones; infinite where there is none."""
    gaps, best, space = np.sort(gaps), 0.0, np.inf
    for i in np.flatnonzero(gaps[1:] > 0.3 * height) + 1:
        typical, last = np.maximum([np.median(gaps[:i]), gaps[i - 1]], max(1.0, 0.08 * height))
        times, jump = gaps[i] / typical, gaps[i] / last
        clear = (times > 2.7 and jump > 1.25) or (times > 2.2 and jump > 1.5 and gaps[i] > 0.34 * height)
        if clear and jump > best:
            best, space = jump, float(gaps[i])
    return space


def _gives_way(box: Box, other: Box, lone: dict[Box, bool]) -> bool:
    """Whether a box is none because of another: it lies within, as the hole of an O, or is a drawing round a word."""
    if _holds(other, box):
        return lone[box] or not lone[other]
    return _holds(box, other) and lone[box] and not lone[other] and 5 * (other[3] - other[1]) < box[3] - box[1]


def _holds(a: Box, b: Box) -> bool:
    return a != b and a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a[3] >= b[3]
