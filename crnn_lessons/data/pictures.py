"""Opening a picture of a word, whatever kind of file it is, as a grey array."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

MOST_PIXELS = 40_000_000
LEAST_HEIGHT, LEAST_WIDTH = 6, 4

Source = str | os.PathLike | bytes | Image.Image | np.ndarray


def load_grey(source: Source) -> np.ndarray:
    """Open a picture and turn it into grey.

    Args:
        source: a file's path, its bytes, a Pillow image, or an array `H W`, `H W 1`, `H W 3` or `H W 4` (uint8,
            or floats 0..1). EXIF rotation is applied, transparency is laid on a contrasting ground, 16-bit and
            float pictures are stretched to their own range. Of an animation the first picture is taken.

    Returns:
        uint8 `H W`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: in one sentence, why this is no picture that can be read.
    """
    if isinstance(source, np.ndarray):
        return _checked(_to_grey(_from_array(source)))
    if isinstance(source, Image.Image):
        return _checked(_to_grey(source))
    data = source if isinstance(source, bytes) else _bytes_of(Path(source))
    if not data:
        raise ValueError("the file is empty; give an image file")
    return _checked(_to_grey(_decode(data)))


def _decode(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about size: checked below; about odd metadata: not our business
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            image.load()
            return ImageOps.exif_transpose(image)
    except Image.DecompressionBombError:
        raise ValueError(f"the image has more than {MOST_PIXELS:,} pixels; crop or shrink it first") from None
    except Image.UnidentifiedImageError:
        raise ValueError("this is not an image of a known format; give a PNG, JPEG, WebP, TIFF, ...") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ... for damaged files
        raise ValueError(f"the image is damaged or cut short ({error}); save or fetch it again") from None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError("there is no such file") from None
    except OSError as error:
        if os.path.isdir(path):  # each system has an error of its own for this
            raise ValueError("this is a directory; give the image files in it") from None
        raise ValueError(f"the file cannot be opened ({error.strerror or error})") from None


def _from_array(array: np.ndarray) -> Image.Image:
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"an image array must be uint8 or floats 0..1; got {array.dtype}")
        array = (np.clip(np.nan_to_num(array), 0, 1) * 255).round().astype(np.uint8)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ValueError(f"an image array must be H W, H W 1, H W 3 or H W 4; got the shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"the image array is empty: its shape is {array.shape}")
    return Image.fromarray(array)


def _to_grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits: stretch what is there to 0..255
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0, neginf=0)
        low, high = values.min(), values.max()
        return ((values - low) * (255 / max(high - low, 1e-12))).round().astype(np.uint8)
    if "A" in image.getbands() or "transparency" in image.info:
        return _without_alpha(image)
    return np.asarray(image.convert("L"))


def _without_alpha(image: Image.Image) -> np.ndarray:
    rgba = image.convert("RGBA")
    grey = np.asarray(rgba.convert("RGB").convert("L"), dtype=np.float32)
    alpha = np.asarray(rgba.getchannel("A"), dtype=np.float32) / 255
    if alpha.min() >= 1:
        return grey.astype(np.uint8)
    # subtle: white letters on a transparent ground would vanish on white paper
    ink = float((grey * alpha).sum() / max(float(alpha.sum()), 1e-6))
    ground = 0.0 if ink > 127 else 255.0
    return (grey * alpha + ground * (1 - alpha)).round().astype(np.uint8)


def _checked(grey: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    if height < LEAST_HEIGHT or width < LEAST_WIDTH:
        raise ValueError(
            f"the image is {width} x {height} pixels, too {'narrow' if width < LEAST_WIDTH else 'low'} to hold "
            f"a word; give at least {LEAST_WIDTH} x {LEAST_HEIGHT}"
        )
    if grey.min() == grey.max():
        raise ValueError("the image is one flat colour, so there is nothing to read; give one with a word in it")
    return grey
