"""Surfaces: light that falls off, blotches, and photographs of materials."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

SIDE = 512  # pixels of the longer side of a material, once it is loaded
PICTURES = {".png", ".jpg", ".jpeg", ".webp"}
MATERIALS = ("brick.png", "gravel.png", "grass.png")


def blotches(rng: Generator, height: int, width: int) -> np.ndarray:
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


@functools.cache
def installed_materials() -> tuple[str, ...]:
    """Photographs of materials that scikit-image brings along; none where it is not installed."""
    spec = importlib.util.find_spec("skimage")  # finds it without importing it
    if spec is None or not spec.origin:
        return ()
    folder = Path(spec.origin).parent / "data"
    return tuple(str(folder / name) for name in MATERIALS if (folder / name).is_file())


def material_files(folders: Iterable[str | os.PathLike]) -> list[Path]:
    """The pictures in some folders, searched whole, in the order of their names.

    Raises:
        FileNotFoundError: there is no such folder, or no picture in it.
        ValueError: OpenCV knows no way to read one of them.
    """
    found = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {str(folder)!r} of materials; give one that exists")
        pictures = [path for path in folder.rglob("*") if path.suffix.lower() in PICTURES]
        if not pictures:
            raise FileNotFoundError(f"the folder {str(folder)!r} has no picture; give one with PNG or JPEG files")
        for path in pictures:
            if not cv2.haveImageReader(str(path)):
                raise ValueError(f"{path.name} is no picture that can be read; leave it out of the materials")
        found += sorted(pictures, key=lambda path: path.name)
    return found


@functools.lru_cache(maxsize=512)
def load_material(path: str) -> np.ndarray:
    """A picture in grey, uint8, shrunk to at most ``SIDE`` pixels a side.

    Raises:
        ValueError: OpenCV cannot read the file.
    """
    picture = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ValueError(f"{Path(path).name} is no picture that can be read; leave it out of the materials")
    scale = SIDE / max(picture.shape)
    return picture if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def photograph(rng: Generator, height: int, width: int, materials: Sequence[str]) -> np.ndarray:
    """A piece of one of the materials at a random scale, ``H W``, float32: mean 0, deviation at most 1."""
    picture = load_material(materials[int(rng.integers(len(materials)))])
    scale = float(np.exp(rng.uniform(np.log(0.5), np.log(4))))  # pixels of the material to one of the crop
    rows, columns = (
        min(have, max(4, int(scale * size))) for size, have in zip((height, width), picture.shape, strict=True)
    )
    top, left = (int(rng.integers(have - n + 1)) for have, n in zip(picture.shape, (rows, columns), strict=True))
    piece = picture[top : top + rows, left : left + columns][:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    piece = cv2.resize(np.ascontiguousarray(piece), (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    piece -= piece.mean()
    return np.clip(piece / max(8.0, float(piece.std())), -2, 2)  # a flat piece stays flat
