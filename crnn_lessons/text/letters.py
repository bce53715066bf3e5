"""The ink of a word: a mask of its letters in one font, spaced and placed as sign makers do."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Sequence
from itertools import accumulate

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from crnn_lessons.text.effects import STREET, Effects
from crnn_lessons.text.fonts import missing_glyphs, require_glyphs
from crnn_lessons.text.shaping import is_shaped, layout
from crnn_lessons.text.words import LETTERS

SIZE = 40  # pixels to the em of print
SIGN_SIZE = 48  # and of signs, before they are warped into the picture


@functools.lru_cache(maxsize=512)
def _font(path: str, size: int, layout: ImageFont.Layout = ImageFont.Layout.BASIC) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=layout)


def clusters(text: str) -> list[str]:
    """The letters of a text, each with the combining marks that belong to it.

    NFC makes one code point of most letters with marks; where there is none for it, the marks follow their letter.
    """
    letters: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if letters and unicodedata.category(character).startswith("M"):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def draw_mask(text: str, font: str | os.PathLike, size: int = SIZE, pad: int = 0) -> np.ndarray:
    """The ink of a text on one line: uint8 ``H W``, 255 where ink is, cropped to it and padded.

    Raises:
        ValueError: an empty text, one without ink, or a font that lacks a glyph (named in the message); a script that
            this Pillow cannot shape.
    """
    text = unicodedata.normalize("NFC", text)
    require_glyphs(font, text.replace(" ", ""))
    return _crop(_place(text, str(font), size, None, 0.0, None), text, pad)


def _crop(mask: np.ndarray, text: str, pad: int) -> np.ndarray:
    x, y, w, h = cv2.boundingRect(mask)
    if not w:
        raise ValueError(f"the text {text!r} has no ink; give at least one visible character")
    return cv2.copyMakeBorder(mask[y : y + h, x : x + w], pad, pad, pad, pad, cv2.BORDER_CONSTANT)


def _place(
    text: str, path: str, size: int, lifts: list[float] | None, spacing: float, big_first: int | None
) -> np.ndarray:
    """Draw letters one by one, each lifted and spaced; or in one go when neither is asked for."""
    letters = clusters(text)
    how = layout(text, marks=len(letters) < len(text))  # a mark that stands alone needs the font's rules for its place
    font = _font(path, size, how)
    first = _font(path, big_first, how) if big_first else font
    if letters and not is_shaped(text) and (spacing or (lifts and any(lifts)) or big_first):
        fonts = [first] + [font] * (len(letters) - 1)
        starts = [0.0, *accumulate(f.getlength(one) + spacing for f, one in zip(fonts, letters, strict=True))]
        width = starts.pop()
        pieces = list(zip(letters, fonts, starts, lifts or [0.0] * len(letters), strict=True))
    else:
        pieces, width = [(text, font, 0.0, 0.0)], font.getlength(text)
    # Room for everything: accents upon accents rise far above the letters of most fonts, and swashes leave their box.
    boxes = np.array([f.getbbox(one, anchor="ls") + np.array([x, -up, x, -up]) for one, f, x, up in pieces])
    left, top = max(size, int(2 - boxes[:, 0].min())), max(2 * size, int(2 - boxes[:, 1].min()))
    right = max(int(width) + size, int(boxes[:, 2].max()) + 2)
    image = Image.new("L", (left + right, top + max(size, int(boxes[:, 3].max()) + 2)), 0)
    draw = ImageDraw.Draw(image)
    for one, f, x, up in pieces:
        draw.text((left + x, top - up), one, font=f, fill=255, anchor="ls")
    return np.asarray(image)


def sign_letters(text: str, path: str, rng: Generator, effects: Effects = STREET) -> np.ndarray:
    """The ink of a word, set as sign makers do: spacing, bounce, first letter, weight and hand, by the table."""
    size = SIGN_SIZE
    count = len(clusters(text))
    spacing, lifts, large = 0.0, [0.0] * count, None
    if rng.random() < effects.tracked:
        spacing = rng.uniform(-0.05, 0.25) * size if rng.random() < 0.7 else rng.uniform(0.2, 1.0) * size
    if rng.random() < effects.bounced:
        lifts = list(rng.uniform(-0.14, 0.14, size=count) * size)
    if rng.random() < effects.first_large and text.isupper() and count > 2:
        large = int(size * rng.uniform(1.15, 1.5))
    if rng.random() < effects.stacked and 1 < count < 8 and text.isupper():
        mask = stacked(text, path, size, int(rng.uniform(0.02, 0.3) * size))
    else:
        mask = _crop(_place(text, path, size, lifts, spacing, large), text, 0)
    if rng.random() < effects.heavy:
        mask = _weighted(mask, int(rng.choice([-2, 2, 3, 4], p=[0.2, 0.45, 0.25, 0.1])))
    if rng.random() < effects.elastic:
        mask = elastic(mask, rng, rng.uniform(0.01, 0.07) * mask.shape[0])
    return mask


def stacked(text: str, path: str, size: int, gap: int) -> np.ndarray:
    """Letters below one another, centred, ``gap`` pixels apart, as ink ``H W``."""
    letters = [_crop(_place(one, path, size, None, 0.0, None), one, 0) for one in clusters(text) if one.strip()]
    wide = max(letter.shape[1] for letter in letters)
    rows = []
    for letter in letters:
        left = (wide - letter.shape[1]) // 2
        right = wide - letter.shape[1] - left
        rows.append(cv2.copyMakeBorder(letter, 0, gap, left, right, cv2.BORDER_CONSTANT))
    return np.vstack(rows)[: -gap or None]


def _weighted(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Strokes thicker by ``pixels - 1``, or thinner where negative, as long as there is something left of them."""
    brush = np.ones((abs(pixels), abs(pixels)), np.uint8)
    changed = cv2.dilate(mask, brush) if pixels > 0 else cv2.erode(mask, brush)
    return changed if changed.sum() > 0.4 * mask.sum() else mask


def elastic(mask: np.ndarray, rng: Generator, reach: float) -> np.ndarray:
    """Move the ink by a smooth random field, at most ``reach`` pixels each way, and crop it again."""
    pad = int(np.ceil(reach)) + 1
    mask = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    height, width = mask.shape
    grid = (3 + height // 20, 3 + width // 20, 2)  # a node about every half letter
    field = cv2.resize(rng.uniform(-reach, reach, size=grid).astype(np.float32), (width, height))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bent = cv2.remap(mask, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR)
    x, y, w, h = cv2.boundingRect(bent)
    return np.ascontiguousarray(bent[y : y + h, x : x + w]) if w else mask


def with_neighbours(
    mask: np.ndarray, path: str, rng: Generator, letters: Sequence[str] = LETTERS, pad: int = SIGN_SIZE
) -> np.ndarray:
    """The word with room on every side and, in it, a piece of another line or word made of ``letters``.

    Where the crop ends decides how much of the neighbour is seen.

    Returns:
        uint8, ``pad`` pixels higher and wider than the mask on each side.
    """
    height, width = mask.shape
    whole = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    filler = "".join(letters[i] for i in rng.integers(len(letters), size=int(rng.integers(2, 12))))
    filler = filler.upper() if rng.random() < 0.5 else filler
    if missing_glyphs(path, filler):  # it would show as boxes
        return whole
    try:
        other = _crop(_place(filler, path, SIGN_SIZE, None, 0.0, None), filler, 0)
    except ValueError:
        return whole
    scale = rng.uniform(0.5, 1.3)
    other = cv2.resize(other, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    gap = max(2, int(rng.uniform(0.03, 0.3) * height))
    side = rng.integers(4)
    if side < 2:  # a line above or below
        top = pad - gap - other.shape[0] if side == 0 else pad + height + gap
        left = pad + int(rng.uniform(-0.5, 0.7) * width)
    else:  # a word to the left or the right, on the same line
        gap = max(gap, int(0.22 * SIGN_SIZE))
        top = pad + height - other.shape[0] + int(rng.integers(-3, 4))
        left = pad - gap - other.shape[1] if side == 2 else pad + width + gap
    _paste(whole, other, top, left)
    return whole


def _paste(canvas: np.ndarray, piece: np.ndarray, top: int, left: int) -> None:
    """Put a piece on a canvas; what does not fit is cut off."""
    up, before = max(0, -top), max(0, -left)
    place = canvas[max(0, top) : max(0, top + piece.shape[0]), max(0, left) : max(0, left + piece.shape[1])]
    part = piece[up : up + place.shape[0], before : before + place.shape[1]]
    np.maximum(place, part, out=place)
