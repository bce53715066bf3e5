"""Word images from a folder, an LMDB file or shards: each exactly once an epoch, however many processes read them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from crnn_lessons.data.batches import at_height
from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.lmdb import LMDBWords
from crnn_lessons.data.pictures import Source
from crnn_lessons.data.shards import ShardWords
from crnn_lessons.training import distributed


def open_words(path: str | os.PathLike) -> Sequence[tuple[Source, str]] | ShardWords:
    """The samples of a folder with labels.tsv, of an LMDB file (or the folder with its data.mdb), or of shards.

    Raises:
        FileNotFoundError, ValueError: it is none of these, or damaged; the message says why.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no {str(path)!r}; give a folder with labels.tsv, an LMDB file, or shards")
    if path.is_file() or (path / "data.mdb").exists():
        return LMDBWords(path)
    if (path / "labels.tsv").exists():
        return read_folder(path)
    if any(path.glob("*.tar")):
        return ShardWords(path)
    raise ValueError(f"{str(path)!r} holds no word images: neither labels.tsv, nor data.mdb, nor .tar files")


class Words(IterableDataset):
    """The words of a source for torch's ``DataLoader``, shared out among its workers and the processes of the group.

    Each word comes exactly once an epoch. What the processes are given differs by a word at most, and of shards, which
    are read whole, by a shard; where there are fewer shards than readers, some read nothing.

    Args:
        path: what :func:`open_words` takes.
        height, narrowest, widest: as for :class:`~crnn_lessons.data.batches.WordImages`.
        seed: of the order, which is new in each epoch (see :meth:`set_epoch`); None for that of the source. Shards
            change their order, and words within their shard.
    """

    def __init__(
        self, path: str | os.PathLike, height: int = 32, narrowest: int = 8, widest: int = 400, seed: int | None = None
    ):
        self.source, self.size, self.seed, self.epoch = open_words(path), (height, narrowest, widest), seed, 0
        self.rank, self.world = distributed.rank(), distributed.world()  # here: a spawned worker would not know

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next pass is; all processes must agree."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[np.ndarray, str]]:
        """Images, uint8 `H W`, and their texts.

        Raises:
            FileNotFoundError, ValueError, KeyError: the source or an image cannot be read; the message says which.
        """
        for name, (image, text) in self.samples():
            try:
                yield at_height(image, *self.size), text
            except (FileNotFoundError, ValueError) as error:
                raise type(error)(f"{name} ({text!r}): {error}") from None

    def samples(self) -> Iterator[tuple[str, tuple[Source, str]]]:
        """What this reader is given, before an image is opened: where it stands, and the sample."""
        worker = get_worker_info()
        place, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        mine = slice(place * self.world + self.rank, None, self.world * workers)
        return self._shards(mine) if isinstance(self.source, ShardWords) else self._places(mine)

    def _places(self, mine: slice) -> Iterator[tuple[str, tuple[Source, str]]]:
        for i in self._order(len(self.source), 0)[mine]:
            yield f"image {i}", self.source[i]

    def _shards(self, mine: slice) -> Iterator[tuple[str, tuple[bytes, str]]]:
        for number in self._order(len(self.source.shards), 0)[mine]:
            shard = self.source.shards[number]
            words = list(self.source.read([shard]))
            for i in self._order(len(words), 1 + number):
                yield f"image {i} of {shard.name}", words[i]

    def _order(self, count: int, what: int) -> list[int]:
        if self.seed is None:
            return list(range(count))
        return np.random.default_rng([self.seed, self.epoch, what]).permutation(count).tolist()
