"""Batches: samples of words or lines, put together as a model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.pictures import Source, load_grey
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.text.augment import fit, jitter_batch
from crnn_lessons.text.lines import Line
from crnn_lessons.training import distributed


@dataclass(frozen=True)
class WordBatch:
    """Images ready for a recogniser, and their texts as class indices.

    Attributes:
        images: `N 1 H W`; images of different widths are followed by zeros, W being the greatest width.
        targets: sum of S, the targets one after another.
        target_lengths: N, S of each sample.
        widths: N, true widths in pixels, which a model takes beside the images; None where all are W wide.
    """

    images: Tensor
    targets: Tensor
    target_lengths: Tensor
    widths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.target_lengths)

    def part(self, rank: int, world: int) -> WordBatch:
        """What process ``rank`` of ``world`` takes of it; the parts differ by a sample at most."""
        edges = [len(self) * r // world for r in (rank, rank + 1)]
        mine, (first, last) = slice(*edges), (int(self.target_lengths[:n].sum()) for n in edges)
        widths = None if self.widths is None else self.widths[mine]
        return WordBatch(self.images[mine], self.targets[first:last], self.target_lengths[mine], widths)


def join(targets: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Targets one after another, sum of S, and the length S of each, N: as a CTC loss takes them."""
    labels = [k for target in targets for k in target]
    return torch.tensor(labels, dtype=torch.int64), torch.tensor([len(target) for target in targets])


class PoolBatches:
    """Batches of a pool in a new order each time round; batch ``step`` depends on the seed and the step only.

    In a group of processes, each is given its part of the batch.

    Args:
        images: `N H W` uint8.
        labels: N texts.
        alphabet: turns texts into class indices.
        batch_size: samples in a batch; the last, incomplete batch of a round is left out.
        seed: of the order and of the jitter.
        jitter: whether to change light and place a little every time a picture is seen.
        device: where the images go.
    """

    def __init__(
        self, images: np.ndarray, labels: Sequence[str], alphabet: Alphabet, batch_size: int, seed: int,
        jitter: bool = True, device: torch.device | str = "cpu",
    ):  # fmt: skip
        if len(images) < batch_size:
            raise ValueError(f"a batch of {batch_size} needs at least as many pictures; the pool has {len(images)}")
        self.images, self.batch_size, self.seed, self.jitter = images, batch_size, seed, jitter
        self.device = device
        self.targets = [alphabet.encode(label) for label in labels]
        self.per_round = len(images) // batch_size
        self._order: tuple[int, np.ndarray] | None = None

    def __call__(self, step: int) -> WordBatch:
        which, place = divmod(step, self.per_round)
        if self._order is None or self._order[0] != which:
            self._order = (which, np.random.default_rng([self.seed, 1, which]).permutation(len(self.images)))
        chosen = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        images = self.images[chosen].astype(np.float32) / 255
        if self.jitter:
            images = jitter_batch(np.random.default_rng([self.seed, 2, step]), images)
        images = to_input(torch.from_numpy(images)).to(self.device)
        batch = WordBatch(images, *join([self.targets[i] for i in chosen]))
        return batch.part(distributed.rank(), distributed.world())


def at_height(source: Source, height: int, narrowest: int, widest: int) -> np.ndarray:
    """A word image, uint8 `H W`, at a height and its own proportions, as far as the bounds of its width allow."""
    grey = load_grey(source)
    width = round(grey.shape[1] * height / grey.shape[0])
    return fit(grey, height, min(max(width, narrowest), widest))


class WordImages(torch.utils.data.Dataset):
    """Word images at a fixed height and their own proportions, as a data set for torch's ``DataLoader``.

    Args:
        samples: pairs of a source (a path, bytes, ...) and its text: the list of ``read_folder``, an ``LMDBWords``.
        height: of every image, in pixels.
        narrowest, widest: bounds for the widths, in pixels; an image beyond them is stretched or squeezed to them.
    """

    def __init__(self, samples: Sequence[tuple[Source, str]], height: int = 32, narrowest: int = 8, widest: int = 400):
        if not 0 < narrowest <= widest:
            raise ValueError(f"widths must satisfy 0 < narrowest <= widest, and are {narrowest} and {widest}")
        self.samples, self.height, self.narrowest, self.widest = samples, height, narrowest, widest

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, str]:
        """Image ``index``, uint8 `H W`, and its text.

        Raises:
            FileNotFoundError, ValueError: the image cannot be read; the message says which and why.
        """
        source, text = self.samples[index]
        try:
            return at_height(source, self.height, self.narrowest, self.widest), text
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f"image {index} ({text!r}): {error}") from None


class Collate:
    """Puts samples of :class:`WordImages` together; the ``collate_fn`` of a ``DataLoader``.

    Each image is brought to mean 0 and deviation 1 before it is padded with 0, so that what it becomes depends on no
    other image of the batch.

    Args:
        alphabet: turns texts into class indices.
    """

    def __init__(self, alphabet: Alphabet):
        self.alphabet = alphabet

    def __call__(self, samples: Sequence[tuple[np.ndarray, str]]) -> WordBatch:
        pictures = [to_input(torch.from_numpy(p.astype(np.float32) / 255)[None])[0] for p, _ in samples]  # 1 H w
        widths = torch.tensor([p.shape[-1] for p in pictures])
        images = torch.zeros(len(pictures), 1, pictures[0].shape[1], int(widths.max()))
        for row, picture in zip(images, pictures, strict=True):
            row[..., : picture.shape[-1]] = picture
        return WordBatch(images, *join([self.alphabet.encode(text) for _, text in samples]), widths)


@dataclass(frozen=True)
class Columns:
    """A batch of lines as the reader takes it."""

    frames: Tensor  # T N H, the columns; past a line's own width, zeros
    input_lengths: Tensor  # N, the width of each line
    targets: Tensor  # sum of S, the labels of all lines, one after the other
    target_lengths: Tensor  # N


def columns(lines: Sequence[Line], alphabet: Alphabet) -> Columns:
    """Put lines of one height and any width into one batch.

    Args:
        lines: pictures ``H W``, uint8 or 0 to 1, ink bright on 0, each with its text.
        alphabet: turns texts into class indices.

    Raises:
        ValueError: no line, lines of different heights, or a character that the alphabet lacks.
    """
    if not lines:
        raise ValueError("a batch needs at least one line, and got none")
    heights = {image.shape[0] for image, _ in lines}
    if len(heights) > 1:
        raise ValueError(f"the lines of a batch have one height, and these have {sorted(heights)}; normalise them")
    widths = [image.shape[1] for image, _ in lines]
    frames = np.zeros((max(widths), len(lines), heights.pop()), np.float32)  # T N H
    for n, (image, _) in enumerate(lines):
        frames[: widths[n], n] = image.T  # a column of the picture becomes a row: a time step
        if image.dtype == np.uint8:
            frames[:, n] /= 255
    targets = [alphabet.encode(text) for _, text in lines]
    return Columns(torch.from_numpy(frames), torch.tensor(widths), *join(targets))
