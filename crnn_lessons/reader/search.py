"""How a picture is read: as a whole, cut to its ink, word by word, turned; what reads surest is taken.

A picture of one word that fills it and reads well is read once. All else is tried only where something speaks for it:
a wide border, more than one word, a low confidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from crnn_lessons.reader.locate import column, content, find_words, plain, several
from crnn_lessons.reader.results import Reading, certainty
from crnn_lessons.reader.spaces import Box

FILLS = 0.5  # share of a picture's height from which on its ink fills it
LARGE = 60_000  # pixels; a larger picture may be of more than a word
CLEAR = 0.9  # a confidence from which on the first crop is enough
# and from which on the others are read if it is not:
ALWAYS = 0.0  # of a whole picture, whose margins may be of any width
HOPE = 0.3  # of a turned one, since few are turned
NEVER = 1.0  # of a cut with the margins that the reader knows
SURE = 0.55  # a confidence from which on nothing else is tried
SURE_IN_PHOTOGRAPH = 0.95  # and from which on a gap in a photograph is no space
POOR = 0.4  # a confidence below which an upright reading gives way to a turned one that is only good
UPRIGHT = 0.1  # what a turned reading may be less sure than an upright one of tall ink
SURE_IN_PRINT = 0.97  # the same on a plain ground, where upright words read better


class Part(NamedTuple):
    """A part of a picture.

    Attributes:
        picture: uint8 `H W`.
        cut: what of it is read.
        ink: the box of the ink in it.
        hope: how sure its first crop must at least be for the others to be read, too.
    """

    picture: np.ndarray
    cut: Box
    ink: Box
    hope: float = NEVER


Read = Callable[[Sequence[Part]], list[Reading]]

Turned = tuple[int, list[Reading]]
"""By how many degrees a picture was turned clockwise, and its words then."""


def best_reading(read: Read, grey: np.ndarray, turns: bool = True) -> list[Reading]:
    """The words of a picture, in reading order; at least one reading, whose text may be empty.

    Args:
        read: reads parts of pictures.
        grey: uint8 `H W`.
        turns: whether a picture that reads badly is tried upside down and on its sides, too.
    """
    ink, enough = content(grey), SURE_IN_PRINT if plain(grey) else SURE
    best, sides = _upright(read, grey, turns)
    best = _surest(best, sides, _tall(ink))
    if turns and certainty(best) < enough and (grey.size >= LARGE or not fills(grey, ink)):
        angles = (90, 270) if _tall(ink) else (180, 90, 270)
        pages = ((angle, _upright(read, np.rot90(grey, -angle // 90))[0]) for angle in angles)
        best = _surest(best, pages, _tall(ink))
    return best


def _surest(best: list[Reading], turned: Iterable[Turned], tall: bool) -> list[Reading]:
    """An upright reading, or one of a turned picture that is far better; an upright word is hardly tall."""
    for angle, words in turned:
        letters, poor = sum(len(word.text) for word in words), tall or certainty(best) < POOR
        least = max(certainty(best) - UPRIGHT * tall, 0.8 if poor else 0.95)
        if letters >= (2 if tall else 3) and certainty(words) > least:
            best = [replace(word, turned=angle) for word in words]
    return best


def _upright(read: Read, grey: np.ndarray, turns: bool = False) -> tuple[list[Reading], list[Turned]]:
    """The words of a picture as it stands; and, if asked for and if it reads badly, turned, as one word."""
    ink, clean, best, sure, enough = content(grey), plain(grey), [], False, False
    full, tall = fills(grey, ink), _tall(ink)
    if full or not clean:  # where the ground is no plain colour, what fills the picture is a guess
        best = read([Part(grey, whole(grey), ink, ALWAYS)])
        certain, letters = best[0].confidence, len(best[0].text)
        sure = certain >= SURE
        enough = certain >= (SURE_IN_PRINT if clean else 0.9 if tall else SURE) and not (tall and letters > 1)
        one = certain >= SURE_IN_PHOTOGRAPH and not clean  # letters far apart are met there as often as two words
        if full and enough and not (grey.size >= LARGE or (not one and several(grey, ink))):
            return best, []
    rows = find_words(grey)
    boxes = [box for row in rows for box in row]
    low = len(boxes) < 4 and not any(2 * (bottom - top) > grey.shape[0] for _, top, _, bottom in boxes)
    if full and (len(boxes) < 2 and not low if sure else not (low or tall or clean or grey.size >= LARGE)):
        rows, boxes = [], []  # the word itself, or parts of it in a photograph
    down = column(grey, rows)
    angles = () if not turns or not full or enough else (90, 270) if tall else (180,)
    close = grown(ink, grey)
    parts = {
        "cut": [] if full and (sure or close == whole(grey)) else [Part(grey, close, ink)],
        "words": [Part(grey, grown(box, grey), box) for box in boxes],
        "down": [] if down is None else [Part(down, whole(down), ink, ALWAYS)],
        "sides": [_turned(grey, angle) for angle in angles],
    }
    found = iter(read([part for some in parts.values() for part in some]))  # together, which is faster
    got = {name: [next(found) for _ in some] for name, some in parts.items()}
    best = max((words for words in (best, got["cut"]) if words), key=certainty)
    words = iter(got["words"])
    words = _without_marks([[next(words) for _ in row] for row in rows])
    if _prefer(words, best):
        best = words
    for word in got["down"]:
        if len(word.text) > 2 and word.confidence > certainty(best):
            best = [replace(word, letters=tuple(replace(c, left=ink[0], right=ink[2]) for c in word.letters))]
    return best, [(angle, [word]) for angle, word in zip(angles, got["sides"], strict=True)]


def _without_marks(rows: Sequence[Sequence[Reading]]) -> list[Reading]:
    """The words of lines, without what reads as nothing, and without lone letters, which are marks and knobs."""
    rows = [[word for word in row if word.text and word.confidence > 0.1] for row in rows]
    long = [any(len(word.text) > 1 for word in row) for row in rows]
    return [word for row, keep in zip(rows, long, strict=True) if keep or not any(long) for word in row]


def _prefer(words: Sequence[Reading], whole: Sequence[Reading]) -> bool:
    """Whether the words that were found are a better reading than the picture as one word."""
    letters, certain = [len(word.text) for word in words], certainty(whole)
    lost = sum(letters) < len(whole[0].text) * (1 if certain >= SURE else 0.8 if certain > 0.3 else 0)
    if lost or 1 < len(letters) <= 2 * letters.count(1):  # lone letters: those of one word, far apart
        return False
    asked = 0.4 if certain == 0 else 0.6 if certain < 0.3 else 0.8 if certain < SURE else certain - 0.05
    return certainty(words) > asked


def _turned(grey: np.ndarray, angle: int) -> Part:
    turned = np.rot90(grey, -angle // 90)
    ink = content(turned)
    cut = grown(ink, turned)
    return Part(turned, cut, ink, HOPE if cut == whole(turned) else NEVER)


def _tall(box: Box) -> bool:
    return box[3] - box[1] > 1.5 * (box[2] - box[0])


def fills(grey: np.ndarray, box: Box) -> bool:
    """Whether a box takes up a picture, or stands in a wide border."""
    return box[3] - box[1] >= FILLS * grey.shape[0]


def whole(grey: np.ndarray) -> Box:
    """The box of a whole picture."""
    return 0, 0, *grey.shape[::-1]


def grown(box: Box, grey: np.ndarray) -> Box:
    """A box with a margin as the reader met it in training."""
    left, top, right, bottom = box
    more, (height, width) = 0.12 * (bottom - top), grey.shape
    left, right = max(0, round(left - 1.2 * more)), min(width, round(right + 1.2 * more))
    return left, max(0, round(top - more)), right, min(height, round(bottom + more))
