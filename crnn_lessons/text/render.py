"""One word in one font, as it might look on a photograph of a sign: a grey picture."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from crnn_lessons.text import augment, camera, paint
from crnn_lessons.text.effects import STREET, Effects
from crnn_lessons.text.fonts import require_glyphs
from crnn_lessons.text.geometry import Placement, random_margins, random_view
from crnn_lessons.text.letters import clusters, draw_mask, sign_letters, with_neighbours
from crnn_lessons.text.relief import Layer, face
from crnn_lessons.text.texture import installed_materials, photograph, ramp
from crnn_lessons.text.words import LETTERS

__all__ = ["draw_mask", "render_word"]

LARGEST = (128, 400)  # height and width of a picture


def render_word(
    text: str,
    font: str | os.PathLike,
    rng: Generator,
    height: int | None = None,
    wild: float = 1.0,
    effects: Effects = STREET,
    materials: Sequence[str] | None = None,
) -> np.ndarray:
    """Render a word as a grey picture that could be a crop from a photograph.

    Args:
        text: what to write; any characters that the font has.
        font: a font file.
        rng: every random choice is drawn from it; the same state gives the same picture.
        height: in pixels; when not given, the letters are between 13 and 64 pixels high, and the picture as high as
            they need.
        wild: how likely the picture gets the variety of the street, 0 to 1; otherwise it is black print on white.
        effects: how often it meets each effect then.
        materials: files of photographed materials, for grounds and letters; those that scikit-image brings along when
            not given.

    Returns:
        uint8 ``H W``; the width follows from the text.

    Raises:
        ValueError: the font lacks a glyph, or the text has no ink.
    """
    path = str(font)
    text = unicodedata.normalize("NFC", text)
    require_glyphs(path, text.replace(" ", ""))
    letter_height = height or int(np.clip(rng.lognormal(np.log(30), 0.4), 13, 64))
    if rng.random() >= wild:
        mask = draw_mask(text, path, pad=4)
        width = max(4, round(mask.shape[1] * letter_height / mask.shape[0]))
        return 255 - augment.fit(mask, letter_height, width)

    materials = installed_materials() if materials is None else materials
    ink = sign_letters(text, path, rng, effects)
    ink_height, ink_width = ink.shape
    pad = 6 + ink_height // 2
    if rng.random() < effects.neighbours:  # beside a word stand words of its own script
        known = LETTERS if text.isascii() else clusters(text.replace(" ", ""))
        canvas = with_neighbours(ink, path, rng, known, pad)
    else:
        canvas = cv2.copyMakeBorder(ink, pad, pad, pad, pad, cv2.BORDER_CONSTANT)

    place = Placement(random_view(rng, effects, ink_width / ink_height), ink_height, ink_width)
    left, top, right, bottom = place.box(ink)
    margins = random_margins(rng, effects) * min(ink_height, bottom - top, right - left)
    box = left - margins[0], top - margins[1], right + margins[2], bottom + margins[3]
    box_width, box_height = box[2] - box[0], box[3] - box[1]
    scale = height / box_height if height else min(letter_height / ink_height, LARGEST[0] / box_height)
    height = height or max(8, round(box_height * scale))
    width = int(np.clip(round(box_width * scale), 6, LARGEST[1]))
    x, y = place.maps(box, height, width)
    x += np.float32(canvas.shape[1] / 2 - 0.5)
    y += np.float32(canvas.shape[0] / 2 - 0.5)

    paper, colour = paint.colours(rng, effects)
    contrast = abs(colour - paper)
    bare = paint.ground(rng, height, width, paper, contrast, effects, materials)
    layers = [warp(layer, x, y, scale) for layer in face(canvas, rng, paper, colour, effects)]
    if materials and rng.random() < effects.inlay:
        piece = photograph(rng, height, width, materials) * np.float32(rng.uniform(0.1, 0.3) * contrast)
        layers[-1] = layers[-1][0], layers[-1][1] + piece
    elif rng.random() < 0.5 * effects.surface:  # light falls on the letters unevenly, too
        light = ramp(rng, height, width) * np.float32(rng.uniform(0, 0.35) * contrast)
        layers[-1] = layers[-1][0], layers[-1][1] + light
    picture, covered = bare.copy(), np.zeros_like(bare)
    for alpha, value in layers:
        picture += alpha * (value - picture)
        covered = np.maximum(covered, alpha)
    picture = paint.make_visible(picture, bare, covered)
    picture = paint.daylight(rng, picture, contrast, effects)
    return camera.degrade(rng, picture, effects, min(height, ink_height * scale))


def warp(layer: Layer, x: np.ndarray, y: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray | float]:
    """A layer as the crop shows it: cover 0 to 1 and grey, float32 ``H W``."""
    mask, value = layer
    if scale < 0.6:  # a warp to a smaller picture samples too sparsely: blur first
        mask = cv2.blur(mask, (2, 2) if scale > 0.4 else (3, 3))
    alpha = cv2.remap(mask, x, y, cv2.INTER_LINEAR).astype(np.float32) / 255
    if isinstance(value, np.ndarray):
        value = cv2.remap(value, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return alpha, value
