"""Lines of text as ink: printed on a fixed baseline, or put together from pictures of single characters."""

from __future__ import annotations

import functools
import math
import os
import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from crnn_lessons.text.fonts import require_glyphs
from crnn_lessons.text.shaping import layout

Line = tuple[np.ndarray, str]
"""A picture ``H W`` (uint8, ink bright on 0) and its text."""


FINE = 4  # fonts bend their letters to the pixels of small sizes; at this multiple they do so hardly


@functools.lru_cache(maxsize=256)
def _font(path: str, size: int, layout: ImageFont.Layout) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=layout)


def print_line(
    text: str, font: str | os.PathLike, size: float = 15, height: int = 20, baseline: int = 15, margin: int = 2
) -> np.ndarray:
    """Print a text in one font, its letters standing on a given row.

    It is drawn four times as large and shrunk, so that the same text in two sizes differs in size alone.

    Args:
        text: what to print.
        font: a font file.
        size: pixels to the em; digits are about 0.73 of it high.
        height: rows of the picture.
        baseline: the row on which the letters stand, counted from the top.
        margin: empty columns on the left and on the right.

    Returns:
        uint8 ``H W``, ink 255 on 0; the width follows from the text.

    Raises:
        ValueError: an empty text, a font that lacks a glyph (named in the message), or a script that this Pillow
            cannot shape.
    """
    text = unicodedata.normalize("NFC", text)
    if not text:
        raise ValueError("there is nothing to print: the text is empty; give it at least one character")
    require_glyphs(font, text.replace(" ", ""))
    face = _font(str(font), round(FINE * size), layout(text))
    left, _, right, _ = face.getbbox(text, anchor="ls")
    width = math.ceil((right - left) / FINE) + 2 * margin
    image = Image.new("L", (FINE * width, FINE * height), 0)
    ImageDraw.Draw(image).text((FINE * margin - left, FINE * baseline), text, font=face, fill=255, anchor="ls")
    return cv2.resize(np.asarray(image), (width, height), interpolation=cv2.INTER_AREA)


def printed_lines(texts: Sequence[str], fonts: Sequence[str | os.PathLike], rng: Generator, **layout) -> list[Line]:
    """Print each text in a font drawn at random; ``layout`` goes to :func:`print_line`."""
    return [(print_line(text, fonts[rng.integers(len(fonts))], **layout), text) for text in texts]


def digit_strings(rng: Generator, count: int, shortest: int = 1, longest: int = 6) -> list[str]:
    """Random strings of digits, every length between the two equally likely."""
    lengths = rng.integers(shortest, longest + 1, size=count)
    return ["".join(map(str, rng.integers(10, size=n))) for n in lengths]


def join_glyphs(glyphs: Sequence[np.ndarray], rng: Generator, height: int = 20, overlap: int = 1) -> np.ndarray:
    """Put pictures of single characters side by side, cropped to their ink, with random gaps and small lifts.

    Args:
        glyphs: uint8 pictures ``h w``, ink bright on 0, each no higher than the line.
        rng: draws gaps and lifts.
        height: rows of the line.
        overlap: how many columns two neighbours may share; a gap is -overlap to 3 columns.

    Returns:
        uint8 ``H W``, two empty columns at each end.

    Raises:
        ValueError: no glyph, one without ink, or one that is higher than the line.
    """
    if not len(glyphs):
        raise ValueError("there is nothing to join: give at least one glyph")
    cropped = []
    for i, glyph in enumerate(glyphs):
        x, _, w, _ = cv2.boundingRect(np.asarray(glyph))
        if not w:
            raise ValueError(f"glyph {i} has no ink; leave it out")
        if glyph.shape[0] > height:
            raise ValueError(f"glyph {i} is {glyph.shape[0]} rows high and the line {height}; make the line higher")
        cropped.append(glyph[:, x : x + w])
    gaps = rng.integers(-overlap, 4, size=len(cropped))
    gaps[0] = 0
    line = np.zeros((height, 4 + sum(g.shape[1] for g in cropped) + int(np.maximum(gaps, 0).sum())), np.uint8)
    at = 2
    for glyph, gap in zip(cropped, gaps, strict=True):
        at += int(gap)
        spare = height - glyph.shape[0]
        top = int(np.clip(spare // 2 + rng.integers(-1, 2), 0, spare))
        part = line[top : top + glyph.shape[0], at : at + glyph.shape[1]]
        np.maximum(part, glyph, out=part)
        at += glyph.shape[1]
    return line[:, : at + 2]
