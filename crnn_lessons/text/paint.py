"""Colour and light on a word: ground and letters, what stands on a sign, and that the word can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from crnn_lessons.text import texture
from crnn_lessons.text.effects import Effects

LEAST_CONTRAST = 9.0  # grey levels between letters and the ground beside them


def colours(rng: Generator, effects: Effects) -> tuple[float, float]:
    """Grey of ground and letters: either may be the lighter; most signs have good contrast, faint ones hardly any."""
    faint = rng.random() < effects.faint
    contrast = rng.uniform(10, 40) if faint else 35 + 210 * rng.beta(1.8, 1.6)
    low = rng.uniform(0, 255 - contrast)
    return (low, low + contrast) if rng.random() < 0.5 else (low + contrast, low)


def ground(
    rng: Generator, height: int, width: int, paper: float, contrast: float, effects: Effects, materials: Sequence[str]
) -> np.ndarray:
    """Paper, wall or sky, float32 ``H W``: flat, a falling light, blotches or a material; frames and rules on it."""
    picture = np.full((height, width), paper, np.float32)
    if materials and rng.random() < effects.photograph:
        piece = texture.photograph(rng, height, width, materials)
        picture += piece * np.float32(rng.uniform(0.05, 0.3) * contrast)
    elif rng.random() < effects.surface:
        if rng.random() < 0.6:
            picture += texture.blotches(rng, height, width) * np.float32(rng.uniform(0, 0.35) * contrast)
        else:
            picture += texture.ramp(rng, height, width) * np.float32(rng.uniform(0, 0.5) * contrast)
    if rng.random() < effects.edges:
        for _ in range(int(rng.integers(1, 4))):
            _frame(rng, picture)
    return picture


def _frame(rng: Generator, picture: np.ndarray) -> None:
    """The edge of the sign, a rule or a pole near a border; sometimes all beyond it is another ground."""
    height, width = picture.shape
    turned = rng.random() < 0.4
    across, along = (width, height) if turned else (height, width)
    near = float(rng.uniform(0, 0.2 if turned else 0.15) * across)
    ends = np.array([[-2, near], [along + 2, near + rng.uniform(-0.1, 0.1) * across]])
    if rng.random() < 0.5:
        ends[:, 1] = across - 1 - ends[:, 1]
    value, thick = float(rng.uniform(0, 255)), int(rng.integers(1, 2 + height // 16))
    beyond = rng.random() < 0.4
    far = -2.0 if ends[0, 1] < across / 2 else across + 2.0
    shape = np.array([*ends, [along + 2, far], [-2, far]])
    if turned:
        ends, shape = ends[:, ::-1], shape[:, ::-1]
    if beyond:
        cv2.fillPoly(picture, [shape.round().astype(np.int32)], value, cv2.LINE_AA)
    else:
        cv2.line(picture, *(tuple(map(int, end)) for end in ends), value, thick, cv2.LINE_AA)


def make_visible(picture: np.ndarray, bare: np.ndarray, mask: np.ndarray, least: float = LEAST_CONTRAST) -> np.ndarray:
    """Keep the letters from melting into their ground.

    Args:
        picture: the ground with the letters on it, float32 ``H W``.
        bare: the ground without them.
        mask: how far a pixel belongs to the letters, float32 ``H W``, 0 to 1.
        least: grey levels by which letters must differ from the ground beneath them, in the root mean square.

    Returns:
        The picture, its difference from the ground enlarged where it was too small; no grey leaves 0..255 by that.
    """
    weight = float(mask.sum())
    change = picture - bare
    there = float(np.sqrt((mask * change * change).sum() / max(weight, 1e-6)))
    if there >= least or weight < 1:
        return picture
    if there < 0.5:  # letters in exactly the ground's grey: which way they differ is free
        change = mask * (1.0 if float(bare.mean()) < 128 else -1.0)
        there = float(np.sqrt((mask * change * change).sum() / weight))
    change = change * np.float32(least / there)
    up, down = float((bare + change).max()) - 255, -float((bare + change).min())
    return bare + change + np.float32(max(0.0, down) - max(0.0, up))


def daylight(rng: Generator, picture: np.ndarray, contrast: float, effects: Effects) -> np.ndarray:
    """Light on sign and letters alike: uneven, a glare, and wires or poles in front of both."""
    height, width = picture.shape
    if rng.random() < effects.crossed:
        for _ in range(int(rng.integers(1, 3))):
            angle, thick = rng.uniform(0, np.pi), int(rng.integers(1, 2 + height // 10))
            reach = np.array([np.cos(angle), np.sin(angle)]) * (height + width)
            middle = rng.uniform(0, 1, size=2) * (width, height)
            ends = [tuple(map(int, middle + side * reach)) for side in (-1, 1)]
            cv2.line(picture, *ends, float(rng.uniform(0, 255)), thick, cv2.LINE_AA)
    if rng.random() < effects.uneven_light:
        light = texture.ramp(rng, height, width)
        if rng.random() < 0.15:  # the edge of a shadow
            light = np.clip((light - rng.uniform(-0.6, 0.6)) * 12, -1, 0)
        picture *= 1 + light * np.float32(rng.uniform(0, 0.4))
    if rng.random() < effects.glare:
        y, x = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
        y, x = (y - rng.uniform(0, height)) / height, (x - rng.uniform(0, width)) / height
        spot = np.exp(-(y[:, None] ** 2 + x[None] ** 2) / np.float32(2 * rng.uniform(0.15, 0.8) ** 2))
        picture += spot * (np.float32(rng.uniform(150, 300)) - picture) * np.float32(rng.uniform(0.2, 0.75))
    return picture
