"""Batches of real word images, each at its own width: padded on the right, with the true widths beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.text.augment import fit
from crnn_lessons.text.pictures import Source, load_grey


@dataclass(frozen=True)
class PaddedBatch:
    """Images of different widths, and their texts as class indices.

    Attributes:
        images: `N 1 H W`, each ready for a model and followed by zeros, W being the greatest width.
        widths: N, true widths in pixels: what a model takes beside the images.
        targets: sum of S, the targets one after another.
        target_lengths: N, S of each sample.
    """

    images: Tensor
    widths: Tensor
    targets: Tensor
    target_lengths: Tensor


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
            grey = load_grey(source)
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f"image {index} ({text!r}): {error}") from None
        width = round(grey.shape[1] * self.height / grey.shape[0])
        return fit(grey, self.height, min(max(width, self.narrowest), self.widest)), text


class Collate:
    """Puts samples of :class:`WordImages` together; the ``collate_fn`` of a ``DataLoader``.

    Each image is brought to mean 0 and deviation 1 before it is padded with 0, so that what it becomes depends on no
    other image of the batch.

    Args:
        alphabet: turns texts into class indices.
    """

    def __init__(self, alphabet: Alphabet):
        self.alphabet = alphabet

    def __call__(self, samples: Sequence[tuple[np.ndarray, str]]) -> PaddedBatch:
        pictures = [to_input(torch.from_numpy(p.astype(np.float32) / 255)[None])[0] for p, _ in samples]  # 1 H w
        widths = torch.tensor([p.shape[-1] for p in pictures])
        images = torch.zeros(len(pictures), 1, pictures[0].shape[1], int(widths.max()))
        for row, picture in zip(images, pictures, strict=True):
            row[..., : picture.shape[-1]] = picture
        targets = [self.alphabet.encode(text) for _, text in samples]
        return PaddedBatch(
            images,
            widths,
            torch.tensor([k for target in targets for k in target], dtype=torch.int64),
            torch.tensor([len(target) for target in targets]),
        )
