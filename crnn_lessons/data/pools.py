"""Rendered words on disk, in shards: a pool of a fixed size, which can be interrupted while it is filled."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from crnn_lessons.data.spec import PoolSpec, rendered_word
from crnn_lessons.files import write_atomically

__all__ = ["SHARD", "Pool", "PoolSpec", "Shards", "rendered_word"]

SHARD = 5000  # pictures in one file

_SPEC: PoolSpec | None = None  # set once in each worker process, so that the word list travels once


def _use(spec: PoolSpec) -> None:
    global _SPEC
    _SPEC = spec


def _start_worker(spec: PoolSpec) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    _use(spec)


def _render_shard(start: int, stop: int) -> tuple[np.ndarray, list[str]]:
    pictures, labels = zip(*(rendered_word(_SPEC, i) for i in range(start, stop)), strict=True)
    return np.stack(pictures), list(labels)


def executor(spec: PoolSpec, workers: int) -> ProcessPoolExecutor:
    """Processes that render words of a spec."""
    # subtle: spawn, not fork: torch has threads by now, and a forked process may hang on their locks
    return ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (spec,))


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
        text = self._path(start, ".txt")  # written last: when it is there, its pictures are too
        return text.exists() and len(text.read_text(encoding="utf-8").split("\n")) >= stop - start

    def write(self, start: int, pictures: np.ndarray, labels: Sequence[str]) -> None:
        file = io.BytesIO()
        np.save(file, pictures)
        write_atomically(self._path(start, ".npy"), file.getvalue())
        write_atomically(self._path(start, ".txt"), "\n".join(labels).encode("utf-8"))

    def read(self, start: int, stop: int) -> tuple[np.ndarray, list[str]]:
        """Pictures ``n H W``, mapped into memory, and their labels."""
        labels = self._path(start, ".txt").read_text(encoding="utf-8").split("\n")
        return np.load(self._path(start, ".npy"), mmap_mode="r")[: stop - start], labels[: stop - start]

    def drop(self, start: int) -> None:
        """Delete a shard that is not needed again."""
        for suffix in (".txt", ".npy"):
            self._path(start, suffix).unlink(missing_ok=True)

    def render(self, start: int, stop: int) -> None:
        """Render a shard in this process."""
        _use(self.spec)
        self.write(start, *_render_shard(start, stop))


class Pool:
    """Rendered words on disk; renders what is missing, so that it can be interrupted.

    Args:
        spec: what to render.
        folder: where; a folder of this name and the spec's fingerprint inside it.
        workers: processes that render.

    ``images`` is `N H W` uint8, ``labels`` a list of N texts.
    """

    def __init__(self, spec: PoolSpec, folder: str | os.PathLike, workers: int | None = None):
        self.spec = spec
        shards = Shards(spec, folder, SHARD)
        spans = [(start, min(start + SHARD, spec.size)) for start in range(0, spec.size, SHARD)]
        missing = [span for span in spans if not shards.whole(*span)]
        if missing:
            total, there = spec.size, spec.size - sum(stop - start for start, stop in missing)
            with tqdm(total=total, initial=there, desc="rendering", unit="word") as bar:
                for start, pictures, labels in self._rendered(missing, workers or os.cpu_count() or 1):
                    shards.write(start, pictures, labels)
                    bar.update(len(labels))
        images, labels = zip(*(shards.read(*span) for span in spans), strict=True)
        self.images = np.concatenate(images)
        self.labels = [label for part in labels for label in part]

    def _rendered(self, spans: Sequence[tuple[int, int]], workers: int) -> Iterator[tuple[int, np.ndarray, list[str]]]:
        if workers == 1 or len(spans) == 1:
            _use(self.spec)
            for start, stop in spans:
                yield start, *_render_shard(start, stop)
            return
        processes = executor(self.spec, workers)
        try:
            jobs = {processes.submit(_render_shard, *span): span[0] for span in spans}
            for job in as_completed(jobs):
                start = jobs.pop(job)
                yield start, *job.result()
        finally:
            processes.shutdown(wait=True, cancel_futures=True)

    def __len__(self) -> int:
        return len(self.labels)
