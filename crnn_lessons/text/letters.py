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

from crnn_lessons.text.fonts import missing_glyphs, require_glyphs
from crnn_lessons.text.shaping import is_shaped, layout
from crnn_lessons.text.words import LETTERS

SIZE = 40  # pixels to the em in which letters are drawn, before they are warped into the picture


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


def sign_letters(text: str, path: str, rng: Generator) -> np.ndarray:
    """The ink of a word with a random letter spacing, bounce, first letter and weight."""
    size = SIZE
    count = len(clusters(text))
    spacing, lifts, big = 0.0, [0.0] * count, None
    r = rng.random()
    if r < 0.25:
        spacing = rng.uniform(-0.04, 0.25) * size if r < 0.2 else rng.uniform(0.2, 0.7) * size
    if rng.random() < 0.04:
        lifts = list(rng.uniform(-0.12, 0.12, size=count) * size)
    if text.isupper() and count > 2 and rng.random() < 0.08:
        big = int(size * rng.uniform(1.15, 1.5))
    mask = _crop(_place(text, path, size, lifts, spacing, big), text, 0)
    r = rng.random()
    if r < 0.12:
        mask = cv2.dilate(mask, np.ones((2, 2), np.uint8) if r < 0.07 else np.ones((3, 3), np.uint8))
    elif r < 0.15:
        mask = cv2.erode(mask, np.ones((2, 2), np.uint8))
        if mask.max() < 128:
            return sign_letters(text, path, rng)
    return mask


def with_neighbours(mask: np.ndarray, path: str, rng: Generator, letters: Sequence[str] = LETTERS) -> np.ndarray:
    """Put pieces of other lines and words around the ink, made of ``letters``; where they land decides the crop."""
    height, width = mask.shape
    if rng.random() > 0.16:
        return mask
    filler = "".join(letters[i] for i in rng.integers(len(letters), size=int(rng.integers(3, 9))))
    filler = filler.upper() if rng.random() < 0.5 else filler
    if missing_glyphs(path, filler):  # it would show as boxes
        return mask
    try:
        other = _crop(_place(filler, path, SIZE, None, 0.0, None), filler, 0)
    except ValueError:
        return mask
    gap = int(rng.uniform(0.08, 0.35) * height)
    side = rng.integers(4)
    if side < 2:  # a line above or below: its last or first rows show
        show = min(other.shape[0], int(0.45 * height))
        other = other[-show:] if side == 0 else other[:show]
        fitted = np.zeros((show, width), np.uint8)
        start = int(rng.integers(0, max(1, width // 2)))
        w = min(width - start, other.shape[1])
        fitted[:, start : start + w] = other[:, :w]
        blank = np.zeros((gap, width), np.uint8)
        return np.vstack([fitted, blank, mask] if side == 0 else [mask, blank, fitted])
    show = min(other.shape[1], max(2, int(rng.uniform(0.05, 0.22) * height)))  # a slice of a letter at the side
    other = other[:, -show:] if side == 2 else other[:, :show]
    fitted = np.zeros((height, show), np.uint8)
    h = min(height, other.shape[0])
    fitted[height - h :] = other[-h:]
    blank = np.zeros((height, max(gap, SIZE // 5)), np.uint8)
    return np.hstack([fitted, blank, mask] if side == 2 else [mask, blank, fitted])


def where_ink_is(whole: np.ndarray, ink: np.ndarray) -> tuple[float, float]:
    """Where the word stands in the picture with its neighbours."""
    extra_h, extra_w = whole.shape[0] - ink.shape[0], whole.shape[1] - ink.shape[1]
    if extra_h and not np.array_equal(whole[: ink.shape[0]], ink):
        return 0.0, float(extra_h)
    if extra_w and not np.array_equal(whole[:, : ink.shape[1]], ink):
        return float(extra_w), 0.0
    return 0.0, 0.0
