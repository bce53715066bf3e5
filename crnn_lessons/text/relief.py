"""The face of letters: shadows, solid sides, outlines, relief, lamps and tubes, as layers of grey."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from crnn_lessons.text.effects import FACES, Effects

Layer = tuple[np.ndarray, float | np.ndarray]
"""Where it covers, uint8 ``H W``, and its grey: one value, or one a pixel (float32 ``H W``)."""


def face(mask: np.ndarray, rng: Generator, paper: float, colour: float, effects: Effects) -> list[Layer]:
    """Letters as one or more layers of grey, lowest first.

    Args:
        mask: the ink, uint8 ``H W``, with room around it.
        paper, colour: grey of the ground and of the letters, 0 to 255.
        effects: how often each face is met.
    """
    draw = rng.random()
    for name in FACES:
        chance = getattr(effects, name)
        if draw < chance:
            return MAKERS[name](mask, rng, paper, colour)
        draw -= chance
    return [(mask, colour)]


def moved(mask: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """The mask shifted by whole pixels, nothing where it came from."""
    matrix = np.array([[1, 0, round(dx)], [0, 1, round(dy)]], np.float32)
    return cv2.warpAffine(mask, matrix, mask.shape[::-1], flags=cv2.INTER_NEAREST)


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The mask with ``pixels`` more on every side, or less where negative."""
    k = 2 * abs(pixels) + 1
    change = cv2.dilate if pixels > 0 else cv2.erode
    return change(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (k, k)))


def shadowed(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """A shadow, hard or soft, beside the letters; darker than both in most cases."""
    shadow = moved(mask, *rng.integers(-4, 5, size=2))
    if rng.random() < 0.6:
        shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.5, 3.0))
    tone = rng.uniform(0, min(paper, colour) + 1) if rng.random() < 0.7 else rng.uniform(0, 255)
    return [(shadow, float(tone)), (mask, colour)]


def extruded(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """A solid letter: its sides go back in one direction, darker or lighter the further they go."""
    angle, depth = rng.uniform(0, 2 * np.pi), int(rng.integers(3, 11))
    near, far = rng.uniform(0, 255, size=2)
    layers = []
    steps = 3  # tones along the depth
    for i in range(steps):
        side = np.zeros_like(mask)
        for d in range(depth - i * depth // steps, depth - (i + 1) * depth // steps, -1):
            side = np.maximum(side, moved(mask, d * np.cos(angle), d * np.sin(angle)))
        layers.append((side, float(far + (near - far) * i / (steps - 1))))
    return [*layers, (mask, colour)]


def outlined(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """A rim of another grey around the letters; sometimes a second around the first."""
    rims = [(grown(mask, int(rng.integers(1, 4))), float(rng.uniform(0, 255)))]
    if rng.random() < 0.25:
        rims.insert(0, (grown(rims[0][0], int(rng.integers(1, 4))), colour))
    return [*rims, (mask, colour)]


def hollow(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """Only the rim has the colour; within it is the ground, or another grey."""
    inside = paper if rng.random() < 0.7 else float(rng.uniform(0, 255))
    if rng.random() < 0.5:
        return [(grown(mask, int(rng.integers(1, 3))), colour), (mask, inside)]
    return [(mask, colour), (grown(mask, -int(rng.integers(1, 4))), inside)]


def embossed(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """Raised or sunk letters of nearly the ground's grey: edges towards the light shine, the others are dark.

    The slope of the blurred mask is the slope of the relief; light falls along a direction of the plane, so the shade
    is their inner product (Lambert's law to first order).
    """
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1.0, 2.5)).astype(np.float32) / 255
    angle = rng.uniform(0, 2 * np.pi)
    slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0) * np.cos(angle) + cv2.Sobel(soft, cv2.CV_32F, 0, 1) * np.sin(angle)
    base = paper + rng.uniform(-0.15, 0.5) * (colour - paper)
    strength = max(40.0, abs(colour - paper)) * rng.uniform(0.5, 1.2)
    shade = base + slope * np.float32(strength / max(1e-6, float(np.abs(slope).max())))
    return [(grown(mask, 2), shade.astype(np.float32))]


def lamps(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """Dots in rows and columns, lit where a letter is."""
    pitch = float(rng.uniform(3.2, 6.0))
    height, width = mask.shape
    rows, columns = max(2, round(height / pitch)), max(2, round(width / pitch))
    lit = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
    lit = np.where(lit > rng.integers(70, 130), 255, 0).astype(np.uint8)
    y, x = ((np.arange(n, dtype=np.float32) + 0.5) * m / n % 1 - 0.5 for n, m in ((height, rows), (width, columns)))
    dots = np.clip((rng.uniform(0.32, 0.55) - np.hypot(y[:, None], x[None])) * pitch + 0.5, 0, 1)
    bright = (dots * cv2.resize(lit, (width, height), interpolation=cv2.INTER_NEAREST)).astype(np.uint8)
    dark = (dots * rng.uniform(0, 60)).astype(np.uint8) if rng.random() < 0.4 else np.zeros_like(mask)
    return [(dark, colour), (bright, colour)]


def neon(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """A tube along the rim or the stroke of the letters, with its glow on the ground."""
    tube = cv2.subtract(grown(mask, 1), grown(mask, -1)) if rng.random() < 0.5 else mask
    glow = cv2.GaussianBlur(tube, (0, 0), rng.uniform(2.5, 6.0))
    return [(cv2.convertScaleAbs(glow, alpha=rng.uniform(0.6, 1.4)), 0.5 * (colour + paper)), (tube, colour)]


def motley(mask: np.ndarray, rng: Generator, paper: float, colour: float) -> list[Layer]:
    """The grey changes along the word, once or several times, and stays on the same side of the ground's."""
    height, width = mask.shape
    count = int(rng.integers(2, 7))
    tones = colour + rng.uniform(0, 0.65, size=count) * (paper - colour)
    along = np.repeat(tones.astype(np.float32), -(-width // count))[:width]
    return [(mask, np.tile(along, (height, 1)))]


MAKERS: dict[str, Callable[[np.ndarray, Generator, float, float], list[Layer]]] = {
    "shadowed": shadowed, "extruded": extruded, "outlined": outlined, "hollow": hollow, "embossed": embossed,
    "lamps": lamps, "neon": neon, "motley": motley,
}  # fmt: skip
"""What draws each face; the names are those of the table of effects."""
