"""A folder of word images with a table of their texts."""

from __future__ import annotations

import os
from pathlib import Path


def read_folder(folder: str | os.PathLike) -> list[tuple[Path, str]]:
    """The images of a folder and their texts, from its table ``labels.tsv`` (``file<TAB>text``, UTF-8).

    Raises:
        FileNotFoundError: the folder has no labels.tsv, or a file named there is missing.
        ValueError: a line without a tab; the message gives its number.
    """
    folder = Path(folder)
    table = folder / "labels.tsv"
    if not table.is_file():
        raise FileNotFoundError(f"{str(folder)!r} has no labels.tsv; write one line 'file<TAB>text' for each image")
    pairs = []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        if not tab:
            raise ValueError(f"line {number} of {table.name} has no tab between file and text: {line[:60]!r}")
        if not (folder / name).is_file():
            raise FileNotFoundError(f"line {number} of {table.name} names {name!r}, which is not in the folder")
        pairs.append((folder / name, text))
    return pairs
