"""The reader: from a picture of one word to its text, with a confidence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.data.pictures import Source, load_grey
from crnn_lessons.models import load
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader.decoder import Decoder
from crnn_lessons.text.augment import fit

WEIGHTS = "weights/reader.safetensors"
CROPS = (0.0, 0.06, 0.12)  # shares of the height that are cut off on every side


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        text: the characters, of the reader's alphabet only; may be empty.
        confidence: p(text | image), 0 to 1: the probability of the text under CTC, summed over all its
            alignments. The other texts share the rest, so it is no promise, but texts compare by it.
        alternatives: the next best texts with their confidence, as many as the decoder gives.
    """

    text: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...] = ()


class Reader:
    """Reads words with a trained recogniser. Its ``decoder`` finds the texts, and may be set.

    Args:
        weights: a file that ``train`` wrote; the one shipped with the package when not given.
        crops: a picture is read once for each, cut by so much of its height on every side, and the reading with the
            highest confidence is taken.

    Raises:
        FileNotFoundError, ValueError: there are no such weights, or they are not a recogniser's.
    """

    def __init__(self, weights: str | os.PathLike | None = None, crops: Sequence[float] = CROPS):
        self.crops = tuple(crops)
        if weights is not None:
            self.model, self.alphabet, self.notes = load(weights)
        else:
            with as_file(files("crnn_lessons") / WEIGHTS) as path:
                self.model, self.alphabet, self.notes = load(path)
        self.decoder = Decoder(self.alphabet)

    def prepare(self, source: Source, crop: float = 0.0) -> np.ndarray:
        """The picture as the model gets it: grey, uint8 `H W`, of a size at which it reads (see ``Config.size_for``).

        Args:
            crop: share of the height to cut off on every side first.
        """
        grey = load_grey(source)
        cut = min(round(crop * len(grey)), (grey.shape[1] - 4) // 2)
        grey = grey[cut : len(grey) - cut, cut : grey.shape[1] - cut] if cut > 0 else grey
        return fit(grey, *self.model.config.size_for(*grey.shape))

    @torch.inference_mode()
    def log_probs(self, picture: np.ndarray) -> Tensor:
        """The log-probabilities `T C` of every class at every time step of a prepared picture."""
        images = torch.from_numpy(picture.astype(np.float32) / 255)[None]  # N H W
        logits, _ = self.model(to_input(images))  # T N C
        return logits[:, 0].log_softmax(-1)

    def look(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """What the reader saw: the crop that was taken, uint8 `H W`, and its log-probabilities `T C`."""
        picture, log_probs, _ = self._best(source)
        return picture, log_probs

    def read(self, source: Source) -> Reading:
        """Read one word.

        Args:
            source: a path, bytes, a Pillow image or an array; see :func:`~crnn_lessons.data.pictures.load_grey`.

        Raises:
            FileNotFoundError, ValueError: in one sentence, why it cannot be read.
        """
        return self._best(source)[2]

    def _best(self, source: Source) -> tuple[np.ndarray, np.ndarray, Reading]:
        """The crop that is read with the highest confidence, its log-probabilities, and the reading."""
        grey = load_grey(source)
        found = []
        for crop in self.crops:
            picture = self.prepare(grey, crop)
            log_probs = self.log_probs(picture).numpy()  # T C
            texts = [
                (self.alphabet.decode(h.labels), min(1.0, float(np.exp(h.log_prob)))) for h in self.decoder(log_probs)
            ]
            found.append((picture, log_probs, Reading(*texts[0], tuple(texts[1:]))))
        return max(found, key=lambda one: one[2].confidence)
