"""The words of a line, and the spaces between them: columns of ink, and gaps that are far wider than the others."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are the first outside."""

INK = 0.35  # of the strongest contrast: what differs so much from the ground is ink
LOWEST = 6  # pixels of a letter


def split(grey: np.ndarray, line: np.ndarray, boxes: np.ndarray, height: float) -> list[Box]:
    """The words of a line, cut where a gap between columns of ink is wide enough for a space."""
    left, top = np.maximum(line[:, :2].min(axis=0) - 1, 0)
    right, bottom = line[:, 2:].max(axis=0) + 1
    band = grey[top:bottom, left:right].copy()
    paper = int(np.median(rim_of(band)))
    held = np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top)
    tails = (held > 0) & (held < 0.5 * (bottom - top)) & ((boxes[:, 1] < top) | (boxes[:, 3] > bottom))
    for x, y, to_x, to_y in boxes[tails & (boxes[:, 0] < right) & (boxes[:, 2] > left)]:  # of the lines near by
        band[max(0, y - top) : to_y - top, max(0, x - left) : to_x - left] = paper
    runs, cuts = columns_of_ink(band, height)
    words = []
    for part in np.split(runs + left, cuts) if len(runs) else ():
        own = line[(line[:, 2] > part[0, 0]) & (line[:, 0] < part[-1, 1])]
        if len(own) and (own[:, 3] - own[:, 1]).max() > max(0.5 * height, LOWEST):  # else a dash, a bullet
            end = min(grey.shape[1], int(np.ceil(part[-1, 1])))
            words.append((int(part[0, 0]), int(own[:, 1].min()), end, int(own[:, 3].max())))
    if 1 < len(words) <= 2 * sum(to_x - x < to_y - y for x, y, to_x, to_y in words):
        return [around(words)]  # lone letters: those of one word, set far apart
    return words


def columns_of_ink(band: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Where columns with ink begin and end, `n 2`, in pixels and parts of them; and which runs begin a new word."""
    zoom = max(1.0, 40 / height)  # small print: its spaces differ from its gaps by parts of a pixel
    ink = cv2.resize(contrast_of(band).max(axis=0)[None].astype(np.float32), None, fx=zoom, fy=1)[0]
    runs = stretches(ink > INK * ink.max()) / zoom
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


def around(boxes: Sequence[Box]) -> Box:
    """The box that holds several."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def rim_of(picture: np.ndarray) -> np.ndarray:
    """The pixels at the edge of a picture, one after another."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def contrast_of(picture: np.ndarray) -> np.ndarray:
    """How far each pixel is from the colour at the rim, which is taken for the ground."""
    return cv2.absdiff(picture, np.full_like(picture, int(np.median(rim_of(picture)))))


def stretches(ink: np.ndarray) -> np.ndarray:
    """Where a row of flags is set: the first of each stretch and the first after it, `n 2`."""
    return np.flatnonzero(np.diff(ink, prepend=False, append=False)).reshape(-1, 2)


def inset(box: Box, crop: float) -> Box:
    """A box cut by a share of its height on every side, but not narrower than 4 columns."""
    left, top, right, bottom = box
    cut = max(0, min(round(crop * (bottom - top)), (right - left - 4) // 2))
    return left + cut, top + cut, right - cut, bottom - cut


def cut_out(picture: np.ndarray, box: Box) -> np.ndarray:
    """What of a picture is in a box."""
    left, top, right, bottom = box
    return picture[top:bottom, left:right]
