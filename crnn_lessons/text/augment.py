"""Pictures brought to the size of a model, and changed a little each time they are seen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

cv2.setNumThreads(1)  # rendering runs in several processes; threads inside them would fight


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize to exactly ``height x width``, as the reader does with every picture it is given."""
    shrinks = image.shape[0] * image.shape[1] > height * width
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def lean(image: np.ndarray, turn: float, slant: float) -> np.ndarray:
    """Turn an image `H W` by so many degrees and slant it by a share of its height; middle and size stay."""
    height, width = image.shape
    move = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1)
    move[0] += 0, slant, -slant * height / 2
    return cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REPLICATE)


def jitter_batch(rng: Generator, images: np.ndarray) -> np.ndarray:
    """Cheap changes for pictures that are seen more than once: light, contrast, polarity, a small shift.

    Args:
        images: float32 ``N H W``, values 0..1.

    Returns:
        float32 ``N H W``, values not clipped.
    """
    n, height, width = images.shape
    out = images.copy()
    for i in range(n):
        if rng.random() < 0.6:  # stretch and shift a little, about the centre
            sx, sy = 1 + rng.uniform(-0.08, 0.08), 1 + rng.uniform(-0.12, 0.12)
            k = rng.uniform(-0.15, 0.15)
            tx = width / 2 * (1 - sx) - k * height / 2 + rng.uniform(-2.0, 2.0)
            ty = height / 2 * (1 - sy) + rng.uniform(-1.5, 1.5)
            move = np.array([[sx, k, tx], [0, sy, ty]], np.float32)
            cv2.warpAffine(
                images[i], move, (width, height), dst=out[i],
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
    gain = rng.uniform(0.7, 1.3, size=(n, 1, 1)).astype(np.float32)
    shift = rng.uniform(-0.15, 0.15, size=(n, 1, 1)).astype(np.float32)
    middle = out.mean(axis=(1, 2), keepdims=True)
    out = (out - middle) * gain + middle + shift
    flip = rng.random(n) < 0.25
    out[flip] = 1 - out[flip]
    noisy = rng.random(n) < 0.3
    if noisy.any():
        grain = rng.standard_normal((int(noisy.sum()), height, width), dtype=np.float32)
        out[noisy] += grain * rng.uniform(0, 0.06, size=(int(noisy.sum()), 1, 1)).astype(np.float32)
    return out
