"""What the camera does to a picture: blur, few pixels, noise, exposure, compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from crnn_lessons.text.effects import Effects


def motion_blur(rng: Generator, image: np.ndarray, length: int) -> np.ndarray:
    """Smear a picture along a random direction over ``length`` pixels."""
    kernel = np.zeros((length, length), np.float32)
    a = rng.uniform(0, np.pi)
    c, r = (length - 1) / 2, (length - 1) / 2
    start = (round(c - r * np.cos(a)), round(c - r * np.sin(a)))
    end = (round(c + r * np.cos(a)), round(c + r * np.sin(a)))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def coarsen(rng: Generator, image: np.ndarray, factor: float) -> np.ndarray:
    """Shrink a picture by a factor and enlarge it again, as when a distant sign is cropped."""
    height, width = image.shape
    small = max(4, round(width / factor)), max(4, round(height / factor))
    how = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.5, 0.4, 0.1]))
    return cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=how)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Compress and unpack a uint8 picture with JPEG of the given quality (1 to 100)."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def degrade(rng: Generator, image: np.ndarray, effects: Effects, letters: float | None = None) -> np.ndarray:
    """Blur, pixels, noise, exposure and compression, each with the probability of the table.

    Args:
        image: float32 ``H W``, values about 0..255.
        letters: height of the letters in pixels, which blur is measured by; the picture's when not given.

    Returns:
        uint8 ``H W``.
    """
    letters = letters or image.shape[0]
    if rng.random() < effects.blurred:
        sigma = min(abs(rng.normal(0, 0.035)), 0.1) * letters  # focus does not know of pixels
        if sigma > 0.25:
            image = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    if rng.random() < effects.moved:
        image = motion_blur(rng, image, int(rng.integers(3, 4 + letters // 7)))
    if rng.random() < effects.coarse and letters > 11:  # no letter is left with fewer than 8 rows
        image = coarsen(rng, image, rng.uniform(1.2, min(4.0, letters / 8)))
    if rng.random() < effects.sharpened:  # leaves bright seams, as cheap cameras do
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        image = image + rng.uniform(0.3, 1.5) * (image - soft)
    if rng.random() < effects.noisy:
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        if rng.random() < 0.3:  # in blotches, as from a small sensor at night
            grain = 2 * cv2.GaussianBlur(grain, (0, 0), 1.0)
        faint = 1 + 0.6 * float(image.std())  # more would bury a word that can hardly be seen already
        image = image + grain * np.float32(min(abs(rng.normal(0, 8)), faint))
    image = np.clip(image, 0, 255)
    if rng.random() < effects.exposed:
        image = 255 * (image / 255) ** np.float32(np.exp(rng.normal(0, 0.35)))
        if rng.random() < 0.25:
            middle = np.float32(image.mean())
            image = np.clip((image - middle) * np.float32(rng.uniform(1.0, 2.0)) + middle + rng.normal(0, 30), 0, 255)
    out = image.astype(np.uint8)
    if rng.random() < effects.compressed:
        out = jpeg(out, int(rng.integers(15 if out.std() > 15 else 45, 95)))
    return out
