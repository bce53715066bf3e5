"""Words that are rendered while training goes on: batches from a window of shards that moves along."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data import pools
from crnn_lessons.data.batches import WordBatch, join
from crnn_lessons.data.pools import PoolSpec, Shards
from crnn_lessons.data.workers import processes
from crnn_lessons.models.presets import Config
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.text.augment import fit, jitter_batch
from crnn_lessons.training import distributed


class Stream:
    """Batches of fresh words; batch ``step`` depends on the spec, the seed and the step only.

    At hand are as many pictures as the spec's size says, in shards. When its pictures were drawn as often as is wanted,
    the oldest shard is dropped and a new one comes in. The pictures of a batch have one shape, that of a picture drawn
    at random from those at hand.

    In a group of processes, the first one renders, and each is given its part of the batch; they share the folder.

    Args:
        spec: what to render, and how many pictures to have at hand.
        folder: where the shards are kept while they are needed.
        config: of the model, which has the shapes.
        alphabet: turns texts into class indices.
        batch_size: samples in a batch.
        views: how often a picture is drawn on average before it goes.
        seed: of the draw and of the jitter.
        device: where the images go.
        choose: says which words of a fresh shard are worth showing; it may look at a model that learns meanwhile, and
            what it said is kept with the shard, so that a resumed run draws the same words.
    """

    def __init__(
        self, spec: PoolSpec, folder: str | os.PathLike, config: Config, alphabet: Alphabet, batch_size: int,
        views: float = 6.0, seed: int = 0, device: torch.device | str = "cpu",
        choose: Callable[[Sequence[tuple[np.ndarray, str]]], np.ndarray] | None = None,
    ):  # fmt: skip
        self._choose = choose
        self.each = min(pools.SHARD, spec.size)  # pictures in a shard
        self.window = spec.size // self.each
        self.shards, self.config, self.alphabet = Shards(spec, folder, self.each), config, alphabet
        self.batch_size, self.views, self.seed, self.device = batch_size, views, seed, device
        self._first = -1
        self._held: dict[int, list[tuple[np.ndarray, str]]] = {}
        self._places: dict[tuple[int, int], list[tuple[int, int]]] = {}  # of each shape: shard and picture
        self._coming: tuple[int, Future] | None = None
        self._worker: ProcessPoolExecutor | None = None

    @contextmanager
    def rendering_ahead(self) -> Iterator[Stream]:
        """Within it, one more process renders the next shard; without it, shards are rendered when they are due."""
        with processes(1, pools._use, self.shards.spec) as self._worker:
            try:
                yield self
            finally:
                self._worker = self._coming = None

    def first_shard(self, step: int) -> int:
        """The oldest shard at hand at a step."""
        return int(step * self.batch_size / (self.views * self.each))

    def rendered_by(self, step: int) -> int:
        """How many pictures were rendered by the end of a run of so many steps."""
        return (self.first_shard(max(0, step - 1)) + self.window) * self.each

    def __call__(self, step: int) -> WordBatch:
        self._move_to(self.first_shard(step))
        rng = np.random.default_rng([self.seed, 2, step])
        shapes = list(self._places)
        shares = np.array([len(self._places[shape]) for shape in shapes], float)
        shape = shapes[int(rng.choice(len(shapes), p=shares / shares.sum()))]
        places = self._places[shape]
        chosen = [places[i] for i in rng.integers(len(places), size=self.batch_size)]
        words = [self._held[shard][i] for shard, i in chosen]
        images = np.stack([fit(picture, *shape) for picture, _ in words]).astype(np.float32) / 255
        images = to_input(torch.from_numpy(jitter_batch(rng, images))).to(self.device)
        batch = WordBatch(images, *join([self.alphabet.encode(label) for _, label in words]))
        return batch.part(distributed.rank(), distributed.world())

    def _move_to(self, first: int) -> None:
        """Have the shards of a window in memory, drop older ones, and order the next."""
        if first == self._first:
            return
        self._places = {}
        with distributed.first_process_first():
            for old in [number for number in self._held if number < first]:
                del self._held[old]
                self.shards.drop(old * self.each)
            for number in range(first, first + self.window):
                if number not in self._held:
                    self._held[number] = self._fetch(number)
                for i in self._chosen(number):
                    shape = self.config.shape_for(*self._held[number][i][0].shape)
                    self._places.setdefault(shape, []).append((number, i))
        if self._worker is not None:
            self._order(first + self.window)
        self._first = first

    def _fetch(self, number: int) -> list[tuple[np.ndarray, str]]:
        start, stop = number * self.each, (number + 1) * self.each
        if self._coming is not None and self._coming[0] == number:
            self.shards.write(start, self._coming[1].result())
            self._coming = None
        elif not self.shards.whole(start, stop):
            self.shards.render(start, stop)
        return self.shards.read(start, stop)

    def _chosen(self, number: int) -> list[int]:
        """Which words of a shard may be drawn."""
        if self._choose is None:
            return list(range(self.each))
        start = number * self.each
        if (known := self.shards.chosen(start)) is None:
            known = np.flatnonzero(self._choose(self._held[number])).tolist()
            self.shards.choose(start, known)
        return known

    def _order(self, number: int) -> None:
        start, stop = number * self.each, (number + 1) * self.each
        if self._coming is None and not self.shards.whole(start, stop):
            self._coming = number, self._worker.submit(pools._render_shard, start, stop)
