"""Distortions that a camera, a sign maker and the weather add to a word; all take a NumPy generator.

Pictures are grey uint8 arrays `H W` unless said otherwise. OpenCV does the arithmetic.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

cv2.setNumThreads(1)  # rendering runs in several processes; threads inside them would fight


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize to exactly ``height x width``, as the reader does with every picture it is given."""
    shrinks = image.shape[0] * image.shape[1] > height * width
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def texture(rng: Generator, height: int, width: int) -> np.ndarray:
    """A smooth or rough random surface ``H W``, float32, mean near 0, values about -1..1."""
    surface = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        rows, columns = rng.integers(2, 13, size=2)
        grid = rng.uniform(-1, 1, size=(rows, columns)).astype(np.float32)
        how = cv2.INTER_NEAREST if rng.random() < 0.12 else cv2.INTER_LINEAR
        surface += cv2.resize(grid, (width, height), interpolation=how) * rng.uniform(0.3, 1)
    return surface


def ramp(rng: Generator, height: int, width: int) -> np.ndarray:
    """A plane of light falling in a random direction, ``H W``, float32, from -1 to 1."""
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(np.cos(angle))
    y = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(np.sin(angle))
    plane = x[None, :] + y[:, None]
    return plane / max(1e-6, float(np.abs(plane).max()))


def quad(rng: Generator, height: int, width: int, rotation: float, jitter: float, shear: float) -> np.ndarray:
    """Where the corners of a ``height x width`` picture go: rotated, slanted and seen from the side.

    Args:
        rotation: degrees.
        jitter: how far each corner may wander, as a share of the height.
        shear: how far the top moves to the right, as a share of the height.

    Returns:
        Corners ``4 2`` (x, y): top left, top right, bottom right, bottom left.
    """
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    corners += rng.uniform(-jitter, jitter, size=(4, 2)).astype(np.float32) * height
    corners[:2, 0] += shear * height
    a = np.deg2rad(rotation)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]], np.float32)
    centre = corners.mean(axis=0)
    return ((corners - centre) @ turn + centre).astype(np.float32)


def bend(image: np.ndarray, amount: float) -> np.ndarray:
    """Bend a picture ``H W`` into an arc whose ends lie ``amount`` pixels below (or above) its middle."""
    height, width = image.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    shift = amount * x**2
    shift -= shift.min()
    extra = int(np.ceil(abs(amount)))
    map_x = np.broadcast_to(np.arange(width, dtype=np.float32), (height + extra, width))
    map_y = np.arange(height + extra, dtype=np.float32)[:, None] - shift[None, :]
    return cv2.remap(image, np.ascontiguousarray(map_x), map_y, cv2.INTER_LINEAR)


def motion_blur(rng: Generator, image: np.ndarray, length: int) -> np.ndarray:
    """Smear a picture along a random direction over ``length`` pixels."""
    kernel = np.zeros((length, length), np.float32)
    a = rng.uniform(0, np.pi)
    c, r = (length - 1) / 2, (length - 1) / 2
    start = (round(c - r * np.cos(a)), round(c - r * np.sin(a)))
    end = (round(c + r * np.cos(a)), round(c + r * np.sin(a)))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Compress and unpack a uint8 picture with JPEG of the given quality (1 to 100)."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def degrade(rng: Generator, image: np.ndarray) -> np.ndarray:
    """What the camera does: blur, noise, uneven exposure and compression, each with some probability.

    Args:
        image: float32 ``H W``, values about 0..255.

    Returns:
        uint8 ``H W``.
    """
    height = image.shape[0]
    if rng.random() < 0.7:
        sigma = abs(rng.normal(0, 0.03)) * height  # a share of the height: focus does not know of pixels
        if sigma > 0.25:
            image = cv2.GaussianBlur(image, (0, 0), min(sigma, 3.0), borderType=cv2.BORDER_REPLICATE)
    if rng.random() < 0.08:
        image = motion_blur(rng, image, int(rng.integers(3, 4 + height // 9)))
    if rng.random() < 0.15:  # sharpening leaves bright seams, as cheap cameras do
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        image = image + rng.uniform(0.3, 1.5) * (image - soft)
    if rng.random() < 0.35:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + noise * np.float32(abs(rng.normal(0, 7)))
    image = np.clip(image, 0, 255)
    if rng.random() < 0.3:
        image = 255 * (image / 255) ** np.float32(np.exp(rng.normal(0, 0.35)))
    out = image.astype(np.uint8)
    if rng.random() < 0.5:
        out = jpeg(out, int(rng.integers(20, 95)))
    return out


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
