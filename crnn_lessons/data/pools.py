"""Rendered words on disk, in shards: a pool of a fixed size, which can be interrupted while it is filled."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from crnn_lessons.data.spec import PoolSpec, rendered_word
from crnn_lessons.data.workers import processes
from crnn_lessons.files import write_atomically

__all__ = ["SHARD", "Pool", "PoolSpec", "Shards", "rendered_word"]

SHARD = 5000  # pictures in one file

_SPEC: PoolSpec | None = None  # set once in each worker process, so that the word list travels once


def _use(spec: PoolSpec) -> None:
    global _SPEC
    _SPEC = spec


def _render_shard(start: int, stop: int) -> list[tuple[np.ndarray, str]]:
    return [rendered_word(_SPEC, i) for i in range(start, stop)]


class Shards:
    """The files of a spec's pictures, named by the spec's fingerprint and the first picture in each.

    Args:
        spec: what to render.
        folder: where; a folder of the spec's fingerprint inside it.
        each: pictures in one file.
    """

    def __init__(self, spec: PoolSpec, folder: str | os.PathLike, each: int):
        self.spec, self.each = spec, each
        self.folder = Path(folder) / f"pool-{spec.fingerprint()}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, start: int, suffix: str) -> Path:
        return self.folder / f"{start // self.each:05d}-{self.each}{suffix}"

    def whole(self, start: int, stop: int) -> bool:
        """Whether the pictures from ``start`` up to ``stop`` of one shard are on disk."""
        table = self._path(start, ".txt")  # written last: when it is there, its pictures are too
        return table.exists() and len(table.read_text(encoding="utf-8").split("\n")) > stop - start

    def write(self, start: int, words: Sequence[tuple[np.ndarray, str]]) -> None:
        """Write a shard: all pixels one after another, and a table of heights, widths and labels."""
        file = io.BytesIO()
        np.save(file, np.concatenate([picture.ravel() for picture, _ in words]))
        write_atomically(self._path(start, ".npy"), file.getvalue())
        table = "".join(f"{len(picture)}\t{picture.shape[1]}\t{label}\n" for picture, label in words)
        write_atomically(self._path(start, ".txt"), table.encode("utf-8"))

    def read(self, start: int, stop: int) -> list[tuple[np.ndarray, str]]:
        """The pictures of a shard, mapped into memory, and their labels."""
        pixels, at, words = np.load(self._path(start, ".npy"), mmap_mode="r"), 0, []
        for line in self._path(start, ".txt").read_text(encoding="utf-8").split("\n")[: stop - start]:
            height, width, label = line.split("\t")
            size = int(height) * int(width)
            words.append((pixels[at : at + size].reshape(int(height), int(width)), label))
            at += size
        return words

    def choose(self, start: int, places: Sequence[int]) -> None:
        """Write down which words of a shard are to be used."""
        write_atomically(self._path(start, ".json"), json.dumps(list(places)).encode())

    def chosen(self, start: int) -> list[int] | None:
        """What :meth:`choose` wrote for a shard, if anything."""
        path = self._path(start, ".json")
        return json.loads(path.read_text()) if path.exists() else None

    def drop(self, start: int) -> None:
        """Delete a shard that is not needed again."""
        for suffix in (".txt", ".npy", ".json"):
            self._path(start, suffix).unlink(missing_ok=True)

    def render(self, start: int, stop: int) -> None:
        """Render a shard in this process."""
        _use(self.spec)
        self.write(start, _render_shard(start, stop))


class Pool:
    """Rendered words on disk; renders what is missing, so that it can be interrupted.

    Args:
        spec: what to render.
        folder: where; a folder of this name and the spec's fingerprint inside it.
        workers: processes that render.

    ``pictures`` are N arrays, uint8, each of its own height and width; ``labels`` N texts.
    """

    def __init__(self, spec: PoolSpec, folder: str | os.PathLike, workers: int | None = None):
        self.spec = spec
        shards = Shards(spec, folder, SHARD)
        spans = [(start, min(start + SHARD, spec.size)) for start in range(0, spec.size, SHARD)]
        missing = [span for span in spans if not shards.whole(*span)]
        if missing:
            total, there = spec.size, spec.size - sum(stop - start for start, stop in missing)
            with tqdm(total=total, initial=there, desc="rendering", unit="word") as bar:
                for start, words in self._rendered(missing, workers or os.cpu_count() or 1):
                    shards.write(start, words)
                    bar.update(len(words))
        words = [word for span in spans for word in shards.read(*span)]
        self.pictures, self.labels = [picture for picture, _ in words], [label for _, label in words]

    def _rendered(self, spans: Sequence[tuple[int, int]], workers: int) -> Iterator[tuple[int, list]]:
        if workers == 1 or len(spans) == 1:
            _use(self.spec)
            for start, stop in spans:
                yield start, _render_shard(start, stop)
            return
        with processes(workers, _use, self.spec) as executor:
            jobs = {executor.submit(_render_shard, *span): span[0] for span in spans}
            for job in as_completed(jobs):
                start = jobs.pop(job)
                yield start, job.result()

    def __len__(self) -> int:
        return len(self.labels)
