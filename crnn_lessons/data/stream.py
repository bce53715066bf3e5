"""Words that are rendered while training goes on: batches from a window of shards that moves along."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data import pools
from crnn_lessons.data.batches import WordBatch, join
from crnn_lessons.data.pools import PoolSpec, Shards
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.text.augment import jitter_batch


class Stream:
    """Batches of fresh words; batch ``step`` depends on the spec, the seed and the step only.

    At hand are as many pictures as the spec's size says, in shards. When its pictures were drawn as often as is wanted,
    the oldest shard is dropped and a new one comes in.

    Args:
        spec: what to render, and how many pictures to have at hand.
        folder: where the shards are kept while they are needed.
        alphabet: turns texts into class indices.
        batch_size: samples in a batch.
        views: how often a picture is drawn on average before it goes.
        seed: of the draw and of the jitter.
        device: where the images go.
    """

    def __init__(
        self, spec: PoolSpec, folder: str | os.PathLike, alphabet: Alphabet, batch_size: int, views: float = 6.0,
        seed: int = 0, device: torch.device | str = "cpu",
    ):  # fmt: skip
        self.each = min(pools.SHARD, spec.size)  # pictures in a shard
        self.window = spec.size // self.each
        self.shards, self.alphabet, self.batch_size = Shards(spec, folder, self.each), alphabet, batch_size
        self.views, self.seed, self.device = views, seed, device
        self._held: dict[int, tuple[np.ndarray, list[list[int]]]] = {}
        self._coming: tuple[int, Future] | None = None
        self._worker: ProcessPoolExecutor | None = None

    @contextmanager
    def rendering_ahead(self) -> Iterator[Stream]:
        """Within it, one more process renders the next shard; without it, shards are rendered when they are due."""
        self._worker = pools.executor(self.shards.spec, 1)
        try:
            yield self
        finally:
            self._worker.shutdown(wait=True, cancel_futures=True)
            self._worker = self._coming = None

    def first_shard(self, step: int) -> int:
        """The oldest shard at hand at a step."""
        return int(step * self.batch_size / (self.views * self.each))

    def rendered_by(self, step: int) -> int:
        """How many pictures were rendered by the end of a run of so many steps."""
        return (self.first_shard(max(0, step - 1)) + self.window) * self.each

    def __call__(self, step: int) -> WordBatch:
        first = self.first_shard(step)
        self._hold(first)
        rng = np.random.default_rng([self.seed, 2, step])
        places = rng.integers(self.window * self.each, size=self.batch_size)
        chosen = [(self._held[first + place // self.each], place % self.each) for place in places]
        images = np.stack([shard[0][i] for shard, i in chosen]).astype(np.float32) / 255
        images = to_input(torch.from_numpy(jitter_batch(rng, images))).to(self.device)
        return WordBatch(images, *join([shard[1][i] for shard, i in chosen]))

    def _hold(self, first: int) -> None:
        """Have the shards of a window in memory, drop older ones, and order the next."""
        for old in [number for number in self._held if number < first]:
            del self._held[old]
            self.shards.drop(old * self.each)
        for number in range(first, first + self.window):
            if number not in self._held:
                self._held[number] = self._fetch(number)
        if self._worker is not None and self._coming is None:
            self._order(first + self.window)

    def _fetch(self, number: int) -> tuple[np.ndarray, list[list[int]]]:
        start, stop = number * self.each, (number + 1) * self.each
        if self._coming is not None and self._coming[0] == number:
            self.shards.write(start, *self._coming[1].result())
            self._coming = None
        elif not self.shards.whole(start, stop):
            self.shards.render(start, stop)
        images, labels = self.shards.read(start, stop)
        return np.asarray(images), [self.alphabet.encode(label) for label in labels]

    def _order(self, number: int) -> None:
        start, stop = number * self.each, (number + 1) * self.each
        if not self.shards.whole(start, stop):
            self._coming = number, self._worker.submit(pools._render_shard, start, stop)
