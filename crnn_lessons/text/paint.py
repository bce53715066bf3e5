"""Colour and light on a word: paper, ink, shadows, outlines, and what else stands on a sign."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from crnn_lessons.text import augment


def colours(rng: Generator) -> tuple[float, float]:
    """Grey of paper and ink: either may be the lighter; most signs have good contrast, some little."""
    contrast = 35 + 210 * rng.beta(1.8, 1.6)
    low = rng.uniform(0, 255 - contrast)
    high = low + contrast
    return (low, high) if rng.random() < 0.5 else (high, low)


def paint_layers(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[tuple[np.ndarray, float]]:
    """Letters as one or more layers of grey, lowest first: shadow, outline, face."""
    r = rng.random()
    if r < 0.68:
        return [(mask, colour)]
    middle = rng.uniform(0, 255)
    if r < 0.82:  # shadow, soft or hard, or the side of a solid letter
        dx, dy = rng.integers(-4, 5, size=2)
        shadow = np.roll(mask, (int(dy), int(dx)), axis=(0, 1))
        if rng.random() < 0.4:
            for k in (0.33, 0.66):
                shadow = np.maximum(shadow, np.roll(mask, (round(dy * k), round(dx * k)), axis=(0, 1)))
        if rng.random() < 0.5:
            shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.5, 2.5))
        tone = rng.uniform(0, min(paper, colour) + 1) if rng.random() < 0.7 else middle
        return [(shadow, float(tone)), (mask, colour)]
    k = int(rng.integers(2, 4))
    wide = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * k - 1, 2 * k - 1)))
    if r < 0.94:
        return [(wide, middle), (mask, colour)]
    return [(wide, colour), (mask, paper if rng.random() < 0.7 else middle)]  # hollow letters


def background(picture: np.ndarray, rng: Generator, contrast: float) -> np.ndarray:
    """Paper, wall or sky: a ramp, a texture, lines and edges of signs."""
    height, width = picture.shape
    r = rng.random()
    if r < 0.35:
        picture += augment.texture(rng, height, width) * np.float32(rng.uniform(0, 0.25) * contrast)
    elif r < 0.55:
        picture += augment.ramp(rng, height, width) * np.float32(rng.uniform(0, 0.4) * contrast)
    if rng.random() < 0.12:  # the edge of the sign, a rule, a pole
        value = float(rng.uniform(0, 255))
        for _ in range(int(rng.integers(1, 3))):
            if rng.random() < 0.5:
                at = int(rng.choice([rng.integers(0, 1 + height // 8), height - rng.integers(1, 2 + height // 8)]))
                ends = (-1, at), (width, at + int(rng.integers(-2, 3)))
            else:
                at = int(rng.choice([rng.integers(0, 1 + height // 5), width - rng.integers(1, 2 + height // 5)]))
                ends = (at, -1), (at + int(rng.integers(-2, 3)), height)
            cv2.line(picture, *ends, value, int(rng.integers(1, 3)), cv2.LINE_AA)
    return picture
