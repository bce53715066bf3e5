"""The ink of a word: a mask of its letters in one font, spaced and placed as sign makers do."""

from __future__ import annotations

import functools
import os
import unicodedata

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from crnn_lessons.text.fonts import require_glyphs

SIZE = 40  # pixels to the em in which letters are drawn, before they are warped into the picture


@functools.lru_cache(maxsize=512)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def draw_mask(text: str, font: str | os.PathLike, size: int = SIZE, pad: int = 0) -> np.ndarray:
    """The ink of a text on one line: uint8 ``H W``, 255 where ink is, cropped to it and padded.

    Raises:
        ValueError: an empty text, one without ink, or a font that lacks a glyph (named in the message).
    """
    text = unicodedata.normalize("NFC", text)
    require_glyphs(font, text.replace(" ", ""))
    return _crop(_place(text, str(font), size, [0.0] * len(text), 0.0, None), text, pad)


def _crop(mask: np.ndarray, text: str, pad: int) -> np.ndarray:
    x, y, w, h = cv2.boundingRect(mask)
    if not w:
        raise ValueError(f"the text {text!r} has no ink; give at least one visible character")
    return cv2.copyMakeBorder(mask[y : y + h, x : x + w], pad, pad, pad, pad, cv2.BORDER_CONSTANT)


def _place(text: str, path: str, size: int, lifts: list[float], spacing: float, big_first: int | None) -> np.ndarray:
    """Draw letters one by one, each lifted and spaced; or in one go when neither is asked for."""
    font = _font(path, size)
    together = not (spacing or any(lifts) or big_first)
    first = _font(path, big_first) if big_first else font
    if together:
        width = font.getlength(text)
    else:
        steps = [(first if i == 0 else font).getlength(c) + spacing for i, c in enumerate(text)]
        width = sum(steps)
    margin = size
    image = Image.new("L", (int(width) + 2 * margin, 3 * size), 0)
    draw = ImageDraw.Draw(image)
    if together:
        draw.text((margin, 2 * size), text, font=font, fill=255, anchor="ls")
        return np.asarray(image)
    x = float(margin)
    for i, (character, step, lift) in enumerate(zip(text, steps, lifts, strict=True)):
        draw.text((x, 2 * size - lift), character, font=first if i == 0 else font, fill=255, anchor="ls")
        x += step
    return np.asarray(image)


def sign_letters(text: str, path: str, rng: Generator) -> np.ndarray:
    """The ink of a word with a random letter spacing, bounce, first letter and weight."""
    size = SIZE
    spacing, lifts, big = 0.0, [0.0] * len(text), None
    r = rng.random()
    if r < 0.25:
        spacing = rng.uniform(-0.04, 0.25) * size if r < 0.2 else rng.uniform(0.2, 0.7) * size
    if rng.random() < 0.04:
        lifts = list(rng.uniform(-0.12, 0.12, size=len(text)) * size)
    if text.isupper() and len(text) > 2 and rng.random() < 0.08:
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


def with_neighbours(mask: np.ndarray, path: str, rng: Generator) -> np.ndarray:
    """Put pieces of other lines and words around the ink; where they land decides the crop later."""
    height, width = mask.shape
    if rng.random() > 0.16:
        return mask
    filler = "".join(chr(97 + i) for i in rng.integers(26, size=int(rng.integers(3, 9))))
    filler = filler.upper() if rng.random() < 0.5 else filler
    try:
        other = _crop(_place(filler, path, SIZE, [0.0] * len(filler), 0.0, None), filler, 0)
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
