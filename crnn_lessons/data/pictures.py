"""Opening a picture of a word, whatever kind of file it is, as a grey array."""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from PIL import Image, ImageOps

MOST_PIXELS = 40_000_000
MOST_BYTES = 8 * MOST_PIXELS  # of a file: four colours of 16 bits
LEAST_HEIGHT, LEAST_WIDTH = 6, 4
FORMATS = ["PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "JPEG2000", "DIB", "DDS", "ICNS", "ICO", "PCX",
           "PSD", "QOI", "SGI", "TGA", "XBM", "AVIF"]  # fmt: skip
"""What is opened: formats of pixels. EPS and WMF are programs that draw; Pillow would run another program for them."""

Source = str | os.PathLike | bytes | BinaryIO | Image.Image | np.ndarray


def load_grey(source: Source) -> np.ndarray:
    """Open a picture and turn it into grey.

    Args:
        source: a file's path, its bytes, a file opened for reading bytes, a Pillow image, or an array `H W`, `H W 1`,
            `H W 3` or `H W 4` (uint8, bool, or floats 0..1). EXIF rotation is applied, transparency is laid on a
            contrasting ground, 16-bit and float pictures are stretched to their own range. Of an animation the first
            picture is taken.

    Returns:
        uint8 `H W`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: in one sentence, why this is no picture that can be read.
    """
    if isinstance(source, np.ndarray):
        return _checked(_to_grey(_from_array(source)))
    if isinstance(source, Image.Image):
        return _checked(_upright_grey(lambda: source))
    if isinstance(source, (str, os.PathLike)):
        data = _bytes_of(Path(source)) if str(source) else _refuse("the name of the file is empty; give one")
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif hasattr(source, "read"):
        data = _limited(source)
    else:
        _refuse(f"a picture is a path, bytes, a file, a Pillow image or an array; got {type(source).__name__}")
    if not data:
        _refuse("the file is empty; give an image file")
    return _checked(_upright_grey(lambda: Image.open(io.BytesIO(data), formats=FORMATS)))


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)


def _upright_grey(opened: Callable[[], Image.Image]) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about size: checked below; about odd metadata: not our business
            image = opened()
            if image.format not in (None, "MPO", *FORMATS):  # MPO: several JPEG pictures in one file
                raise Image.UnidentifiedImageError
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            if image.format == "TIFF":  # subtle: where Pillow maps a file by its name, it forgets to turn the picture
                image.filename = ""
            image.load()
            return _to_grey(_upright(image))
    except Image.DecompressionBombError:
        _refuse(f"the image has more than {MOST_PIXELS:,} pixels; crop or shrink it first")
    except (Image.UnidentifiedImageError, KeyError):  # KeyError: this Pillow has no AVIF
        _refuse("this is not an image of a known format; give a PNG, JPEG, WebP, TIFF, ...")
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ... for damaged files
        _refuse(f"the image is damaged or cut short ({error}); save or fetch it again")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # what is said about the picture is damaged, not the picture
        return image


def _bytes_of(path: Path) -> bytes:
    if "\0" in str(path):
        _refuse("no file has a name with a null character in it")
    try:
        with open(path, "rb") as file:
            return _limited(file)
    except FileNotFoundError:
        raise FileNotFoundError("there is no such file") from None
    except OSError as error:
        if os.path.isdir(path):  # each system has an error of its own for this
            raise ValueError("this is a directory; give the image files in it") from None
        raise ValueError(f"the file cannot be opened ({error.strerror or error})") from None


def _limited(file: BinaryIO) -> bytes:
    """What a file holds from its beginning, if it comes to an end: a device may go on for ever."""
    try:
        if hasattr(file, "seekable") and file.seekable():  # it may have been written a moment ago, and stand at its end
            file.seek(0)
        data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # a disk that fails; a file that is closed, or opened for writing only
        why = getattr(error, "strerror", None)
        _refuse(f"the file cannot be read ({why or error}){'' if why else '; open it with mode rb'}")
    if not isinstance(data, bytes):
        _refuse("the file was opened as text; open it with mode 'rb'")
    if len(data) > MOST_BYTES:
        _refuse(f"this has more than {MOST_BYTES:,} bytes, too many for an image; give an image file")
    return data


def _from_array(array: np.ndarray) -> Image.Image:
    if math.prod(array.shape[:2]) > MOST_PIXELS:  # before it is copied
        _refuse(f"the image has more than {MOST_PIXELS:,} pixels; crop or shrink it first")
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            _refuse(f"an image array must be uint8 or floats 0..1; got {array.dtype}")
        if not np.isfinite(array).all():
            _refuse("floats of an image are 0 to 1, and some of these are NaN or infinite; replace them")
        if array.size and not (-0.1 <= array.min() and array.max() <= 1.1):  # resizing may go a little beyond
            low, high = array.min(), array.max()
            mend = "divide by 255" if low >= 0 else "bring them to that range"
            _refuse(f"floats of an image are 0 to 1, and these are {low:.4g} to {high:.4g}; {mend}")
        array = (np.clip(array, 0, 1) * 255).round().astype(np.uint8)
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
    if {"A", "a"} & set(image.getbands()) or "transparency" in image.info:
        return _without_alpha(image)
    return np.asarray(image.getchannel(0) if image.mode == "LAB" else image.convert("L"))


def _without_alpha(image: Image.Image) -> np.ndarray:
    rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
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
