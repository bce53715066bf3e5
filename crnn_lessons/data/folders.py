"""A folder of word images with a table of their texts, and the bytes of such a pair."""

from __future__ import annotations

import os
import reprlib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from crnn_lessons.data.pictures import load_grey
from crnn_lessons.files import read_lines

Samples = str | os.PathLike | Iterable[tuple[object, str]]
"""A folder with ``labels.tsv``, or pairs of a path or an image file's bytes, and its text."""


def read_folder(folder: str | os.PathLike) -> list[tuple[Path, str]]:
    """The images of a folder and their texts (NFC), from its table ``labels.tsv`` (``file<TAB>text``, UTF-8).

    Raises:
        FileNotFoundError: the folder has no labels.tsv, or a file named there is missing.
        ValueError: a line without a tab, or with a file outside the folder; the message gives its number.
    """
    folder = Path(folder)
    table = folder / "labels.tsv"
    if not table.is_file():
        raise FileNotFoundError(f"{str(folder)!r} has no labels.tsv; write one line 'file<TAB>text' for each image")
    pairs = []
    for number, line in enumerate(read_lines(table), start=1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        if not tab:
            raise ValueError(f"line {number} of {table.name} has no tab between file and text: {line[:60]!r}")
        if any(path.anchor or ".." in path.parts for path in (PurePath(name), PureWindowsPath(name))):
            raise ValueError(f"line {number} of {table.name} names {name!r}; give a file in the folder, without '..'")
        forms = (folder / unicodedata.normalize(form, name) for form in ("NFC", "NFD"))  # some systems decompose names
        path = next((path for path in forms if os.path.isfile(path)), None)
        if path is None:
            raise FileNotFoundError(f"line {number} of {table.name} names {name!r}, which is not in the folder")
        pairs.append((path, text))
    return pairs


def sample_bytes(pair: Any, name: str, check: bool) -> tuple[bytes, str]:
    """An image file's bytes and its text (NFC), from a pair of a path or bytes and a text.

    Args:
        name: what errors call the pair.
        check: whether to refuse an image that cannot be read as one.

    Raises:
        TypeError, ValueError: it is no such pair, or the image cannot be read; the message names it.
    """
    try:
        source, text = pair
        label = unicodedata.normalize("NFC", text)
        label.encode("utf-8")  # which half a surrogate pair cannot be
    except (TypeError, ValueError):
        raise ValueError(f"{name} is no pair of an image and its text: {reprlib.repr(pair)}") from None
    if not isinstance(source, (bytes, str, os.PathLike)):
        raise TypeError(f"{name}: an image is a path or bytes, and is a {type(source).__name__}")
    try:
        if check:
            load_grey(source)
        return source if isinstance(source, bytes) else Path(source).read_bytes(), label
    except (OSError, ValueError) as error:
        what = "" if isinstance(source, bytes) else f" ({Path(source).name})"
        raise ValueError(f"{name}{what} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def image_files(samples: Samples, check: bool = True) -> Iterator[tuple[bytes, str]]:
    """The bytes of each image file, and its text (NFC).

    Args:
        samples: where from.
        check: whether to refuse images that cannot be read.

    Raises:
        FileNotFoundError, ValueError: the folder, or a sample, cannot be read, or there is none; the message names it.
        TypeError: an image is neither a path nor bytes.
    """
    pairs, number = read_folder(samples) if isinstance(samples, (str, os.PathLike)) else samples, 0
    for number, pair in enumerate(pairs, start=1):
        yield sample_bytes(pair, f"sample {number}", check)
    if not number:
        raise ValueError("there are no samples to write")
