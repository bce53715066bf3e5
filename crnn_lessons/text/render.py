"""One word in one font, as it might look on a photograph of a sign: a grey picture."""

from __future__ import annotations

import os
import unicodedata

import cv2
import numpy as np
from numpy.random import Generator

from crnn_lessons.text import augment
from crnn_lessons.text.fonts import require_glyphs
from crnn_lessons.text.letters import clusters, draw_mask, sign_letters, where_ink_is, with_neighbours
from crnn_lessons.text.paint import background, colours, paint_layers
from crnn_lessons.text.words import LETTERS

__all__ = ["draw_mask", "render_word"]


def render_word(
    text: str, font: str | os.PathLike, rng: Generator, height: int | None = None, wild: float = 1.0
) -> np.ndarray:
    """Render a word as a grey picture that could be a crop from a photograph.

    Args:
        text: what to write; any characters that the font has.
        font: a font file.
        rng: every random choice is drawn from it; the same state gives the same picture.
        height: in pixels; a random one between 13 and 64 when not given.
        wild: how likely the picture gets the full variety of the street, 0 to 1; otherwise it is black print on white.

    Returns:
        uint8 ``H W``; the width follows from the text.

    Raises:
        ValueError: the font lacks a glyph, or the text has no ink.
    """
    path = str(font)
    text = unicodedata.normalize("NFC", text)
    require_glyphs(path, text.replace(" ", ""))
    if height is None:
        height = int(np.clip(rng.lognormal(np.log(30), 0.4), 13, 64))
    if rng.random() >= wild:
        mask = draw_mask(text, path, pad=4)
        width = max(4, round(mask.shape[1] * height / mask.shape[0]))
        return 255 - augment.fit(mask, height, width)

    ink = sign_letters(text, path, rng)
    core_height, core_width = ink.shape
    # beside a word stand words of its own script
    whole = with_neighbours(ink, path, rng, LETTERS if text.isascii() else clusters(text.replace(" ", "")))

    margin = np.maximum(rng.normal([0.11, 0.11, 0.14, 0.14], [0.1, 0.1, 0.13, 0.13]), -0.03) * core_height
    pad = int(0.5 * core_height) + 6
    layer = cv2.copyMakeBorder(whole, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    x, y = where_ink_is(whole, ink)
    x, y = x + pad, y + pad
    if rng.random() < 0.1 and core_width > 2 * core_height:
        amount = rng.normal(0, 0.2) * core_height
        layer = augment.bend(layer, amount)
        core_height += abs(amount)  # the arc needs more height

    # The four corners of the crop on the canvas of letters; the picture is what lies between them.
    stretch = np.exp(rng.normal(0, 0.18))
    slant = rng.normal(0, 0.18) if rng.random() < 0.3 else 0.0
    margin[2:] += abs(slant) * core_height / 3  # a slanted crop would cut the first and the last letter
    crop_h = core_height + margin[0] + margin[1]
    crop_w = core_width + margin[2] + margin[3]
    width = int(np.clip(round(height * crop_w / crop_h * stretch), 6, 400))
    rotation = rng.normal(0, 2.5) if rng.random() < 0.8 else rng.normal(0, 6)
    rotation = float(np.clip(rotation, -15, 15)) * min(1.0, 2.5 * crop_h / crop_w + 0.3)
    source = augment.quad(rng, crop_h, crop_w, rotation, abs(rng.normal(0, 0.045)), slant)
    source += np.array([x - margin[2], y - margin[0]], np.float32)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    scale = height / crop_h

    paper, colour = colours(rng)
    layers = paint_layers(layer, rng, paper, colour)
    picture = np.full((height, width), paper, np.float32)
    picture = background(picture, rng, abs(colour - paper))
    for one, value in layers:
        if scale < 0.6:  # a warp to a smaller picture samples too sparsely: blur first
            one = cv2.blur(one, (2, 2) if scale > 0.4 else (3, 3))
        a = cv2.warpPerspective(one, matrix, (width, height), flags=cv2.INTER_LINEAR).astype(np.float32) / 255
        if isinstance(value, float) and rng.random() < 0.25:
            value = value + augment.ramp(rng, height, width) * rng.uniform(0, 0.35) * abs(colour - paper)
        picture += a * (value - picture)
    if rng.random() < 0.4:  # light falls unevenly on sign and letters alike
        picture *= 1 + augment.ramp(rng, height, width) * np.float32(rng.uniform(0, 0.4))
    if rng.random() < 0.08:
        picture += augment.texture(rng, height, width) * np.float32(rng.uniform(0, 0.25) * abs(colour - paper))
    return augment.degrade(rng, picture)
