"""Word images in shards: tar files that are read from front to back, as the library WebDataset reads and writes them.

A sample is two files of one name: an image, as ``000000012.png``, and its text, ``000000012.txt``. Beside our shards
stands ``shards.json`` with the number of samples in each, since a damaged tar file ends early without a word. Needs
``webdataset``, of the extra ``lessons``.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from crnn_lessons.data.folders import Samples, image_files
from crnn_lessons.files import whole_folder

INDEX = "shards.json"


class ShardWords(Iterable):
    """The samples of a folder of shards, each ``(image, text)`` with the image's bytes as they stand in the file.

    Args:
        folder: with ``.tar`` files, ours or others'.

    Raises:
        FileNotFoundError: there are none; or one is missing that the index names.
        ValueError: the index is damaged, or a shard is cut short.
        ModuleNotFoundError: the package webdataset is not installed.
    """

    def __init__(self, folder: str | os.PathLike):
        _webdataset()
        folder, self.counts = Path(folder).resolve(), {}
        self.shards = sorted(folder.glob("*.tar"))
        if not self.shards:
            raise FileNotFoundError(f"there are no shards (.tar files) in {str(folder)!r}; give the folder with them")
        if (folder / INDEX).is_file():
            try:
                self.counts = {name: int(count) for name, count in json.loads((folder / INDEX).read_bytes()).items()}
            except (AttributeError, TypeError, ValueError):
                raise ValueError(f"{INDEX} of {folder.name} is damaged; remove it, or write the shards anew") from None
            if missing := sorted(self.counts.keys() - {shard.name for shard in self.shards}):
                raise FileNotFoundError(
                    f"{folder.name} lacks {', '.join(missing)}, which {INDEX} names; fetch it again"
                )
        for shard in self.shards:
            _check_end(shard)

    def __iter__(self) -> Iterator[tuple[bytes, str]]:
        return self.read(self.shards)

    def read(self, shards: Iterable[Path]) -> Iterator[tuple[bytes, str]]:
        """The samples of some of the shards.

        Raises:
            ValueError: a shard is damaged, or a sample has no image, or no text in UTF-8; the message names it.
        """
        for shard in shards:
            count = 0
            for sample in _samples(shard):
                yield _image_and_text(sample, shard.name)
                count += 1
            due = self.counts.get(shard.name, count)
            if count != due:
                raise ValueError(
                    f"{shard.name} gave {count} samples of {due}, so it is damaged; fetch or write it again"
                )


def write_shards(samples: Samples, target: str | os.PathLike, each: int = 1000, check: bool = True) -> int:
    """Write word images and their texts as shards.

    Args:
        samples: a folder with ``labels.tsv``, or pairs of a path or an image file's bytes, and its text.
        target: the folder to make; it appears when it is whole, or not at all.
        each: samples in a shard; the last one may have fewer.
        check: whether to refuse images that cannot be read.

    Returns:
        The number of samples.

    Raises:
        FileExistsError: the target exists.
        FileNotFoundError, ValueError: the folder, or a sample, cannot be read; the message names it.
    """
    if each < 1:
        raise ValueError(f"a shard holds at least 1 sample, and not {each}")
    number, counts, tar, pairs = 0, {}, _webdataset().TarWriter, image_files(samples, check)
    with whole_folder(target) as folder:
        while some := list(islice(pairs, each)):
            name = f"{len(counts):05d}.tar"
            with tar(str(folder / name), mtime=0) as shard:  # the same samples, the same bytes
                for image, text in some:
                    shard.write({"__key__": f"{number:09d}", _suffix(image): image, "txt": text.encode("utf-8")})
                    number += 1
            counts[name] = len(some)
        (folder / INDEX).write_text(json.dumps(counts, indent=0))
    return number


def _suffix(image: bytes) -> str:
    try:
        return Image.open(io.BytesIO(image)).format.lower()
    except (OSError, AttributeError):  # not checked, and no image
        return "image"


def _samples(shard: Path) -> Iterator[dict[str, Any]]:
    whole = {"shardshuffle": False, "nodesplitter": None, "workersplitter": None, "empty_check": False}
    try:
        yield from _webdataset().WebDataset([str(shard)], **whole)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ValueError(f"{shard.name} is damaged ({error}); fetch or write it again") from None


def _image_and_text(sample: dict[str, Any], shard: str) -> tuple[bytes, str]:
    name = f"sample {sample['__key__']} of {shard}"
    images = [
        k for k in sample if not k.startswith("__") and (k == "image" or f".{k}" in Image.registered_extensions())
    ]
    if len(images) != 1 or "txt" not in sample:
        raise ValueError(f"{name} is to have one image and a .txt, and has {sorted(k for k in sample if k[0] != '_')}")
    try:
        return sample[images[0]], unicodedata.normalize("NFC", sample["txt"].decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"the text of {name} is not UTF-8: {sample['txt'][:40]!r}") from None


def _check_end(shard: Path) -> None:
    """A tar file ends with two blocks of zeros; one that is cut between two files could else not be told."""
    with open(shard, "rb") as file:
        file.seek(max(0, shard.stat().st_size - 1024))
        if file.read() != bytes(1024):
            raise ValueError(f"{shard.name} is cut short, or no tar file; fetch or write it again")


def _webdataset() -> Any:
    try:
        import webdataset
    except ModuleNotFoundError as error:
        why = "shards need the package webdataset; install it, or crnn-lessons with its extra 'lessons'"
        raise ModuleNotFoundError(why) from error
    return webdataset
